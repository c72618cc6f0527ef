//! Settings by which Argo CD and Flux change what they apply, behind all kustomizations, and what
//! they may be for.
//!
//! Whether a path means this workspace is not asked here: a touch too many costs a fix, a touch too
//! few breaks a promise.

use std::collections::BTreeSet;

use super::applier::Applied;
use super::repository::local;
use crate::kube::kustomize::manifests::Manifests;
use crate::kube::kustomize::patch::{Patch, PatchReader};
use crate::kube::object::apply_set::Evidence;
use crate::kube::object::resource::{FileId, Resource, ResourceId};
use crate::kube::source::file::SourceFile;
use crate::kube::source::paths::split;
use crate::yaml::{Node, NodeId};

/// The settings of one source of an Argo CD `Application` or of a Flux `Kustomization`.
#[derive(Debug, Clone)]
pub(in crate::kube) struct SourceSettings {
    /// The resource that has them.
    pub resource: ResourceId,
    /// Its file.
    pub file: FileId,
    settings: NodeId,
    /// [`Evidence::ArgoCd`] or [`Evidence::Flux`].
    pub tool: Evidence,
    /// The directory, relative to the top of the repository; `None` when it is not known, and may
    /// be any.
    pub path: Option<String>,
    /// Patches that name what they change by themselves.
    pub patches: Vec<Patch>,
}

/// All overlays of a workspace.
pub(in crate::kube) fn of(manifests: &Manifests<'_>, applied: &[Applied]) -> Vec<SourceSettings> {
    let mut found: Vec<SourceSettings> = Vec::new();
    let mut known = BTreeSet::new();
    for applied in applied {
        let Some(resource) = manifests.resources.get(applied.applier.resource.0 as usize) else {
            continue;
        };
        let Some(yaml) = manifests
            .files
            .get(resource.file.0 as usize)
            .and_then(|f| f.yaml.as_deref())
        else {
            continue;
        };
        for source in &applied.sources {
            let Some(settings) = source.settings else {
                continue;
            };
            let path = match source.claim.path.as_deref() {
                Some(path) => match local(path) {
                    Some(path) => Some(path),
                    // It leads out of every repository.
                    None => continue,
                },
                None => None,
            };
            if !known.insert((resource.id, settings.0, path.clone())) {
                continue;
            }
            let directory = path.as_deref().unwrap_or_default();
            let patches = PatchReader {
                files: manifests.paths(),
                directory,
                file: resource.file,
            }
            .patches(yaml.node(settings));
            found.push(SourceSettings {
                resource: resource.id,
                file: resource.file,
                settings,
                tool: applied.tool,
                path,
                patches,
            });
        }
    }
    found
}

impl SourceSettings {
    /// The mapping that states them.
    pub(in crate::kube) fn node<'a>(&self, files: &'a [SourceFile]) -> Option<Node<'a>> {
        let yaml = files.get(self.file.0 as usize)?.yaml.as_deref()?;
        Some(yaml.node(self.settings))
    }

    /// Whether a resource may be part of what is applied.
    pub(in crate::kube) fn covers(
        &self,
        files: &[SourceFile],
        resource: &Resource,
        through: &BTreeSet<FileId>,
    ) -> bool {
        self.path.is_none()
            || (resource.id != self.resource && self.reaches(files, resource.file, through))
    }

    /// Whether something that is defined in a file, and passes through these kustomizations, may be
    /// part of what is applied.
    pub(in crate::kube) fn reaches(
        &self,
        files: &[SourceFile],
        file: FileId,
        through: &BTreeSet<FileId>,
    ) -> bool {
        let Some(path) = &self.path else { return true };
        let below = |file: FileId| {
            let directory = files.get(file.0 as usize).map_or("", |f| split(&f.path).0);
            path.is_empty()
                || directory
                    .strip_prefix(path.as_str())
                    .is_some_and(|r| r.is_empty() || r.starts_with('/'))
        };
        below(file) || through.iter().any(|f| below(*f))
    }

    /// Whether Flux fills in variables behind the build.
    pub(in crate::kube) fn substitutes(&self, files: &[SourceFile]) -> bool {
        let settings = self.node(files);
        self.tool == Evidence::Flux
            && settings
                .and_then(|spec| spec.get("postBuild"))
                .is_some_and(Node::is_mapping)
    }

    /// Whether it states the namespace of all that is built.
    pub(in crate::kube) fn sets_namespace(&self, files: &[SourceFile]) -> bool {
        let settings = self.node(files);
        let field = if self.tool == Evidence::Flux {
            "targetNamespace"
        } else {
            "namespace"
        };
        settings
            .and_then(|s| s.get(field))
            .is_some_and(|namespace| !namespace.is_null())
    }
}
