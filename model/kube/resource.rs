//! A resource: one Kubernetes object of the workspace and where it stands.

use super::reference::Target;
use crate::yaml::NodeId;

/// A file of the workspace; stable within a pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(pub u32);

/// A resource of the workspace; numbered by path, document and item, stable within a pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResourceId(pub u32);

/// A Kubernetes object. Patches, kustomizations, Helm templates and other files that only look like one are not resources.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resource {
    /// Its number.
    pub id: ResourceId,
    /// The file that holds it.
    pub file: FileId,
    /// Index of the document in the file.
    pub document: usize,
    /// Position in `items` when it is part of a `List` (the innermost one).
    pub item: Option<usize>,
    /// Its mapping.
    pub node: NodeId,
    /// `apiVersion` as written.
    pub api_version: String,
    /// `kind` as written.
    pub kind: String,
    /// `metadata.namespace` as written; absent is a value of its own: it may turn out to be any namespace.
    pub namespace: Option<String>,
    /// `metadata.name` as written; empty when there is only `generateName`.
    pub name: String,
}

impl Resource {
    /// API group of `apiVersion`, without version; empty for the core group.
    pub fn group(&self) -> &str {
        self.api_version.split_once('/').map_or("", |(group, _)| group)
    }

    /// What it is, when it can be referred to: a ConfigMap or a Secret of the core group.
    pub fn target(&self) -> Option<Target> {
        [Target::ConfigMap, Target::Secret].into_iter().find(|t| self.group().is_empty() && self.kind == t.kind())
    }

    /// `Kind/name`, as kubectl writes it in messages.
    pub fn display(&self) -> String {
        format!("{}/{}", self.kind, self.name)
    }
}
