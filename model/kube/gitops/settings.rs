//! What Argo CD and Flux change in what they apply: patches, images, labels and variables of their
//! own, behind all kustomizations.
//!
//! Whether a path means this workspace is not asked here: a touch too many costs a fix, a touch too
//! few breaks a promise.

use std::collections::BTreeSet;

use super::applier::Applied;
use super::repository::local;
use crate::finding::Location;
use crate::kube::apply_set::Parts;
use crate::kube::change::kustomize_changes::{self, Toucher, touch};
use crate::kube::kustomize::patch::{Patch, Source};
use crate::kube::kustomize::selector::Seen;
use crate::kube::object::apply_set::{Evidence, SetId};
use crate::kube::object::kustomization::Touch;
use crate::kube::object::resource::{FileId, Resource, ResourceId};
use crate::kube::source::read::split;
use crate::kube::workspace::Workspace;
use crate::yaml::{Node, NodeId};

/// The settings of one source of an Argo CD `Application` or of a Flux `Kustomization`.
#[derive(Debug, Clone)]
pub(in crate::kube) struct Overlay {
    /// The resource that has them.
    pub resource: ResourceId,
    settings: NodeId,
    tool: Evidence,
    /// The directory, relative to the top of the repository; `None` when it is not known, and may
    /// be any.
    path: Option<String>,
    /// Patches that name what they change by themselves.
    pub patches: Vec<Patch>,
}

/// All overlays of a workspace.
pub(in crate::kube) fn of(parts: &Parts<'_>, applied: &[Applied]) -> Vec<Overlay> {
    let mut found: Vec<Overlay> = Vec::new();
    let mut known = BTreeSet::new();
    for applied in applied {
        let Some(resource) = parts.resources.get(applied.applier.resource.0 as usize) else {
            continue;
        };
        let Some(yaml) = parts
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
            let patches = Source {
                files: parts.paths(),
                directory,
                file: resource.file,
            }
            .patches(yaml.node(settings));
            found.push(Overlay {
                resource: resource.id,
                settings,
                tool: applied.tool,
                path,
                patches,
            });
        }
    }
    found
}

impl Overlay {
    /// Whether a resource may be part of what is applied.
    pub(in crate::kube) fn covers(
        &self,
        workspace: &Workspace,
        resource: &Resource,
        through: &BTreeSet<FileId>,
    ) -> bool {
        self.path.is_none()
            || (resource.id != self.resource && self.reaches(workspace, resource.file, through))
    }

    /// Whether something that is defined in a file, and passes through these kustomizations, may be
    /// part of what is applied.
    pub(in crate::kube) fn reaches(
        &self,
        workspace: &Workspace,
        file: FileId,
        through: &BTreeSet<FileId>,
    ) -> bool {
        let Some(path) = &self.path else { return true };
        let below = |file: FileId| {
            let directory = split(&workspace.file(file).path).0;
            path.is_empty()
                || directory
                    .strip_prefix(path.as_str())
                    .is_some_and(|r| r.is_empty() || r.starts_with('/'))
        };
        below(file) || through.iter().any(|f| below(*f))
    }

    /// Whether Flux fills in variables behind the build.
    pub(in crate::kube) fn substitutes(&self, workspace: &Workspace) -> bool {
        let file = workspace.resource(self.resource).file;
        let settings = workspace
            .file(file)
            .yaml
            .as_deref()
            .map(|yaml| yaml.node(self.settings));
        self.tool == Evidence::Flux
            && settings
                .and_then(|spec| spec.get("postBuild"))
                .is_some_and(Node::is_mapping)
    }

    /// Whether it states the namespace of all that is built.
    pub(in crate::kube) fn sets_namespace(&self, workspace: &Workspace) -> bool {
        let file = workspace.resource(self.resource).file;
        let settings = workspace
            .file(file)
            .yaml
            .as_deref()
            .map(|y| y.node(self.settings));
        let field = if self.tool == Evidence::Flux {
            "targetNamespace"
        } else {
            "namespace"
        };
        settings
            .and_then(|s| s.get(field))
            .is_some_and(|namespace| !namespace.is_null())
    }

    /// What it changes.
    pub(in crate::kube) fn touches(
        &self,
        workspace: &Workspace,
        seen: &Seen<'_>,
        found: &mut Vec<Touch>,
    ) {
        let file = workspace.resource(self.resource).file;
        let Some(settings) = workspace
            .file(file)
            .yaml
            .as_deref()
            .map(|y| y.node(self.settings))
        else {
            return;
        };
        kustomize_changes::patches(&self.patches, seen, found);
        let toucher = Toucher {
            workspace,
            file,
            seen,
        };
        toucher.images(settings, found);
        if self.tool == Evidence::Flux {
            flux(&toucher, settings, found);
        } else {
            toucher.replicas(settings, found);
            toucher.labels(settings, found);
        }
    }
}

impl Workspace {
    /// The `postBuild` of each Flux `Kustomization` that has a set applied, where it fills in a
    /// resource of the set, with its owner.
    pub fn post_builds(&self, set: SetId, id: ResourceId) -> Vec<(ResourceId, Node<'_>)> {
        let (appliers, resource) = (&self.set(set).appliers, self.resource(id));
        if appliers.is_empty() || self.node(id).is_none_or(keeps_variables) {
            return Vec::new();
        }
        let through: BTreeSet<FileId> = self
            .member(set, id)
            .into_iter()
            .flat_map(|m| m.through.iter().copied())
            .collect();
        let mine = |o: &&Overlay| {
            o.tool == Evidence::Flux
                && appliers.iter().any(|a| a.resource == o.resource)
                && o.path.is_some()
                && o.covers(self, resource, &through)
        };
        let build = |o: &Overlay| {
            let settings = self
                .file(self.resource(o.resource).file)
                .yaml
                .as_deref()?
                .node(o.settings);
            Some((
                o.resource,
                settings.get("postBuild").filter(|b| b.is_mapping())?,
            ))
        };
        self.index
            .overlays
            .iter()
            .filter(mine)
            .filter_map(build)
            .collect()
    }
}

/// Whether a resource is marked for Flux to leave its variables.
fn keeps_variables(node: Node<'_>) -> bool {
    ["labels", "annotations"].iter().any(|field| {
        node.path(&["metadata", field, "kustomize.toolkit.fluxcd.io/substitute"])
            .and_then(Node::text)
            == Some("disabled")
    })
}

/// What only Flux has: metadata for all objects, and variables filled in behind the build.
fn flux(toucher: &Toucher<'_>, spec: Node<'_>, found: &mut Vec<Touch>) {
    for field in ["labels", "annotations"] {
        if let Some(pairs) = spec
            .path(&["commonMetadata", field])
            .filter(|p| p.is_mapping())
        {
            let paths = toucher.label_paths(pairs, field, false, false);
            found.push(touch(
                Location::of(toucher.file, pairs),
                "commonMetadata",
                Some(paths),
            ));
        }
    }
    let node = toucher.seen.node;
    let disabled = keeps_variables(node);
    if let Some(build) = spec
        .get("postBuild")
        .filter(|b| b.is_mapping() && !disabled)
        && node.source().contains("${")
    {
        found.push(touch(
            Location::of(toucher.file, build),
            "Flux post-build substitution",
            None,
        ));
    }
}
