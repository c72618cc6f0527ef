//! A resource: one Kubernetes object of the workspace and where it stands.

use std::ops::{Deref, Range};
use std::sync::Arc;

use super::reference::Target;
use crate::text::Named;
use crate::yaml::NodeId;

/// A file of the workspace; stable within a pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(pub u32);

/// A resource of the workspace; numbered by path, document and item, stable within a pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResourceId(pub u32);

/// A Kubernetes object. Patches, kustomizations, Helm templates and other files that only look like
/// one are not resources.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resource {
    /// Its number.
    pub id: ResourceId,
    /// The file that holds it.
    pub file: FileId,
    /// What its document says of it, shared by all passes.
    pub(in crate::kube) identity: Arc<Identity>,
}

impl Deref for Resource {
    type Target = Identity;

    fn deref(&self) -> &Identity {
        &self.identity
    }
}

/// By what a resource is known, and where it stands in its file. Reading a file goes no deeper than
/// this.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Index of the document in the file.
    pub document: usize,
    /// Position in `items` when it is part of a `List` (the innermost one), or in `objects` of a
    /// `Template`.
    pub item: Option<usize>,
    /// Whether it is an object of a `Template` of `OpenShift`, whose parameters (`${NAME}`) are
    /// filled in wherever they stand.
    pub of_template: bool,
    /// Its mapping.
    pub node: NodeId,
    /// First byte of the mapping, and one past its last.
    pub(in crate::kube) bytes: (u32, u32),
    /// What was seen of it when it was read.
    pub(in crate::kube) hints: Hints,
    /// `apiVersion` as written.
    pub api_version: String,
    /// `kind` as written.
    pub kind: String,
    /// `metadata.namespace` as written; absent is a value of its own: it may turn out to be any
    /// namespace.
    pub namespace: Option<String>,
    /// `metadata.name` as written; empty when there is only `generateName`.
    pub name: String,
}

/// What the text of a resource says without a look at its tree. Scalars that hide their words are
/// not counted: see `LazyFile::hides`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::kube) struct Hints {
    /// Its kind carries pod templates.
    pub pods: bool,
    /// It has words of fields that name ConfigMaps.
    pub config_maps: bool,
    /// It has words of fields that name Secrets.
    pub secrets: bool,
}

impl Hints {
    /// Whether it has words of fields that name such objects.
    pub(in crate::kube) fn names(self, to: Target) -> bool {
        match to {
            Target::ConfigMap => self.config_maps,
            Target::Secret => self.secrets,
        }
    }
}

impl Identity {
    /// Whether it is known by all that `before` was, in the same place of its file.
    pub(in crate::kube) fn is_still(&self, before: &Self) -> bool {
        let place = |identity: &Self| (identity.document, identity.item);
        let named = self.namespace == before.namespace && self.name == before.name;
        named
            && place(self) == place(before)
            && self.api_version == before.api_version
            && self.kind == before.kind
    }

    /// The bytes of the mapping.
    pub fn span(&self) -> Range<usize> {
        self.bytes.0 as usize..self.bytes.1 as usize
    }

    /// API group of `apiVersion`, without version; empty for the core group.
    pub fn group(&self) -> &str {
        self.api_version
            .split_once('/')
            .map_or("", |(group, _)| group)
    }
}

impl Resource {
    /// What it is, when it can be referred to: a ConfigMap or a Secret of the core group.
    pub fn target(&self) -> Option<Target> {
        [Target::ConfigMap, Target::Secret]
            .into_iter()
            .find(|t| self.group().is_empty() && self.kind == t.kind())
    }

    /// `Kind name`, for messages.
    pub fn display(&self) -> Named {
        Named::new(&self.kind, &self.name)
    }
}
