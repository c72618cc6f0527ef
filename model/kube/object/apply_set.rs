//! Apply sets: what is applied together to one cluster
//! (docs/kubernetes.md#two-definitions-of-one-name).

use std::ops::Range;

use super::reference::Target;
use super::resource::{FileId, ResourceId};

/// An apply set; stable within a pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SetId(pub u32);

/// Why resources are taken to be applied together, strongest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Evidence {
    /// `[[apply-sets]]` in the configuration: the user's word.
    Config,
    /// A kustomization that is built by itself: no other one refers to it, or Argo CD or Flux
    /// builds it.
    Kustomization,
    /// Argo CD `Application`s, or those of an `ApplicationSet`, of one cluster and namespace.
    ArgoCd,
    /// Flux `Kustomization`s of one cluster and namespace.
    Flux,
    /// A Helm chart: what it installs is not read.
    Helm,
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
    /// Namespace after kustomize's `namespace:`, that of Flux or Argo CD, or the set's default;
    /// absent stays absent.
    pub namespace: Option<String>,
    /// Name after `namePrefix` and `nameSuffix`.
    pub name: String,
    /// The kustomizations it came through, outermost first; empty outside kustomize.
    pub through: Vec<FileId>,
}

/// A ConfigMap or Secret that a kustomize generator makes, or changes, as part of an apply set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Generated {
    /// The kustomization that has the generator.
    pub kustomization: FileId,
    /// Position in [`Kustomization::generators`](crate::kube::Kustomization::generators).
    pub generator: usize,
    /// As [`Member::namespace`]; the generator's own where nothing overrides it.
    pub namespace: Option<String>,
    /// Name after `namePrefix` and `nameSuffix`, without the content hash.
    pub name: String,
    /// The kustomizations it came through, outermost first.
    pub through: Vec<FileId>,
}

/// A resource that has an apply set applied: an Argo CD `Application` or `ApplicationSet`, or a
/// Flux `Kustomization`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applier {
    /// The resource.
    pub resource: ResourceId,
    /// Its name; of an `ApplicationSet` that of the `Application` it makes, as far as it is known.
    pub name: String,
    /// Where it applies: server or name of an Argo CD destination, the kubeconfig Secret of Flux;
    /// `None` when it is not known.
    pub cluster: Option<String>,
    /// The namespace it states.
    pub namespace: Option<String>,
}

/// What one of several appliers brings into a set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The applier, by its place in [`ApplySet::appliers`].
    pub applier: usize,
    /// Its members, by position.
    pub members: Range<usize>,
    /// What generators make for it, by position.
    pub generated: Range<usize>,
    /// It brings nothing that is not known.
    pub closed: bool,
}

/// A ConfigMap or Secret that SOPS encrypted, as part of an apply set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncryptedMember {
    /// What it is.
    pub to: Target,
    /// Its file.
    pub file: FileId,
    /// Its document there.
    pub document: usize,
    /// As [`Member::namespace`].
    pub namespace: Option<String>,
    /// As [`Member::name`].
    pub name: String,
    /// As [`Member::through`].
    pub through: Vec<FileId>,
}

/// Resources applied together, in order of application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApplySet {
    /// Its number.
    pub id: SetId,
    /// For messages: the configured name, the directory of the kustomization, the directory,
    /// `<stdin>`.
    pub name: String,
    /// Why.
    pub evidence: Evidence,
    /// What has it applied; empty when nothing in the workspace says so.
    pub appliers: Vec<Applier>,
    /// The cluster that the configuration names.
    pub cluster: Option<String>,
    /// The members in order of application: `resources:` order in a kustomization, else lexical by
    /// path, then document order.
    pub members: Vec<Member>,
    /// What kustomize generators make or change in it, from the inside out.
    pub generated: Vec<Generated>,
    /// What each of several appliers brings, in order; empty when one brings all of it.
    pub parts: Vec<Part>,
    /// ConfigMaps and Secrets of files that SOPS encrypted: their names are known, and their keys.
    pub encrypted: Vec<EncryptedMember>,
    /// Nothing else is applied with it: no remote resources, no missing files, no unreadable or
    /// templated files, no charts, no generators of other kinds.
    pub closed: bool,
    /// Why it is not closed, for messages.
    pub holes: Vec<String>,
}

impl ApplySet {
    /// The part that brings the member at a position; `None` when one applier brings all of it.
    pub fn part_of(&self, position: usize) -> Option<usize> {
        let at = self
            .parts
            .partition_point(|part| part.members.end <= position);
        self.parts
            .get(at)
            .filter(|part| part.members.contains(&position))
            .map(|_| at)
    }

    /// The same for what a generator makes.
    pub fn part_of_generated(&self, position: usize) -> Option<usize> {
        let at = self
            .parts
            .partition_point(|part| part.generated.end <= position);
        self.parts
            .get(at)
            .filter(|part| part.generated.contains(&position))
            .map(|_| at)
    }

    /// What has the member at a position applied, where several appliers meet in the set.
    pub fn applier_of(&self, position: usize) -> Option<&Applier> {
        self.appliers
            .get(self.parts.get(self.part_of(position)?)?.applier)
    }
}

/// What a name stands for in an apply set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolution {
    /// Exactly one definition.
    One(ResourceId),
    /// Several definitions of that name and namespace, in order of application: the last one is
    /// what the cluster holds.
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
