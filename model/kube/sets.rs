//! Apply sets: what is applied together to one cluster (semantics f).

use super::resource::{FileId, ResourceId};

/// An apply set; stable within a pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SetId(pub u32);

/// Why resources are taken to be applied together, strongest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Evidence {
    /// `[[apply-sets]]` in the configuration: the user's word.
    Config,
    /// A kustomization that no other one refers to.
    Kustomization,
    /// Standard input.
    Stream,
    /// One directory, not recursive: a candidate only.
    Directory,
}

/// A resource as part of an apply set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The resource.
    pub resource: ResourceId,
    /// Namespace after kustomize's `namespace:` or the set's default; absent stays absent.
    pub namespace: Option<String>,
    /// Name after `namePrefix` and `nameSuffix`.
    pub name: String,
    /// The kustomizations it came through, outermost first; empty outside kustomize.
    pub through: Vec<FileId>,
}

/// Resources applied together, in order of application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApplySet {
    /// Its number.
    pub id: SetId,
    /// For messages: the configured name, the directory of the kustomization, the directory, `<stdin>`.
    pub name: String,
    /// Why.
    pub evidence: Evidence,
    /// The members in order of application: `resources:` order in a kustomization, else lexical by path, then document order.
    pub members: Vec<Member>,
    /// Nothing else is applied with it: no remote resources, no missing files, no unreadable or templated files, no generators of other kinds.
    pub closed: bool,
    /// Why it is not closed, for messages.
    pub holes: Vec<String>,
}

/// What a name stands for in an apply set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolution {
    /// Exactly one definition.
    One(ResourceId),
    /// Several definitions of that name and namespace, in order of application: the last one is what the cluster holds.
    Several(Vec<ResourceId>),
    /// A definition only under a namespace that may or may not be the same (one of them absent).
    Uncertain(Vec<ResourceId>),
    /// A kustomize generator makes it.
    Generated {
        /// The name gets a content hash, so that references change with the content.
        hash_suffix: bool,
        /// The kustomization that generates it.
        kustomization: FileId,
    },
    /// Not in the set.
    Missing,
}
