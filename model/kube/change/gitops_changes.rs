//! What Argo CD and Flux change in what they apply: patches, images, labels and variables of their
//! own, behind all kustomizations.

use std::collections::BTreeSet;

use super::kustomize_changes::{self, Toucher, touch};
use crate::kube::gitops::settings::SourceSettings;
use crate::kube::kustomize::selector::Seen;
use crate::kube::object::apply_set::{Evidence, SetId};
use crate::kube::object::kustomization::{Touch, TouchKind};
use crate::kube::object::location::Location;
use crate::kube::object::resource::{FileId, ResourceId};
use crate::kube::workspace::Workspace;
use crate::yaml::Node;

impl SourceSettings {
    /// What it changes.
    pub(in crate::kube) fn touches(
        &self,
        workspace: &Workspace,
        seen: &Seen<'_>,
        found: &mut Vec<Touch>,
    ) {
        let file = self.file;
        let Some(settings) = self.node(workspace.files()) else {
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
        let mine = |o: &&SourceSettings| {
            o.tool == Evidence::Flux
                && appliers.iter().any(|a| a.resource == o.resource)
                && o.path.is_some()
                && o.covers(&self.files, resource, &through)
        };
        let build = |o: &SourceSettings| {
            let settings = o.node(&self.files)?;
            Some((
                o.resource,
                settings.get("postBuild").filter(|b| b.is_mapping())?,
            ))
        };
        self.index
            .source_settings
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
                TouchKind::CommonMetadata,
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
            TouchKind::PostBuild,
            None,
        ));
    }
}
