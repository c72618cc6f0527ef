//! All files of a workspace as they are read: what apply sets are built from.

use std::collections::BTreeMap;

use super::kustomization::Details;
use crate::kube::object::kustomization::Kustomization;
use crate::kube::object::resource::{FileId, Resource};
use crate::kube::source::encrypted::Encrypted;
use crate::kube::source::file::SourceFile;
use crate::kube::source::paths::Paths;
use crate::yaml::Node;

/// What sets are built from.
pub(in crate::kube) struct Manifests<'a> {
    pub files: &'a [SourceFile],
    pub resources: &'a [Resource],
    /// Files that should hold resources but cannot be read, and why.
    pub unreadable: &'a BTreeMap<FileId, String>,
    /// By file.
    pub encrypted: &'a [Encrypted],
    pub kustomizations: &'a [Kustomization],
    pub details: &'a [Details],
}

impl<'a> Manifests<'a> {
    /// The resources of a file.
    pub(in crate::kube) fn of_file(&self, file: FileId) -> &'a [Resource] {
        let start = self.resources.partition_point(|r| r.file < file);
        let end = self.resources.partition_point(|r| r.file <= file);
        self.resources.get(start..end).unwrap_or_default()
    }

    /// What SOPS encrypted in a file, by number.
    pub(in crate::kube) fn encrypted_of(&self, file: FileId) -> std::ops::Range<usize> {
        self.encrypted.partition_point(|e| e.location.file < file)
            ..self.encrypted.partition_point(|e| e.location.file <= file)
    }

    /// The mapping of a resource.
    pub(in crate::kube) fn node(&self, resource: &Resource) -> Option<Node<'a>> {
        Some(
            self.files
                .get(resource.file.0 as usize)?
                .yaml
                .as_deref()?
                .node(resource.node),
        )
    }

    /// All files by path.
    pub(in crate::kube) fn paths(&self) -> Paths<'a> {
        Paths(self.files)
    }

    /// The kustomization that a file is.
    pub(in crate::kube) fn kustomization(&self, file: FileId) -> Option<&'a Kustomization> {
        self.kustomizations
            .binary_search_by_key(&file, |k| k.file)
            .ok()
            .and_then(|i| self.kustomizations.get(i))
    }

    pub(in crate::kube) fn is_component(&self, file: FileId) -> bool {
        self.kustomization(file).is_some_and(|k| k.component)
    }
}
