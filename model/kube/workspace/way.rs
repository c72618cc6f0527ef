//! The way of a resource through kustomizations, and what it is called on it.

use std::collections::BTreeSet;

use super::Workspace;
use super::index::sets_met;
use crate::kube::kustomize::kustomization::Details;
use crate::kube::kustomize::patch::PatchDocument;
use crate::kube::object::resource::{FileId, ResourceId};

/// The way of a resource through kustomizations.
pub(in crate::kube) struct Way {
    /// All kustomizations and components it passes, in all sets.
    pub through: BTreeSet<FileId>,
    pub names: BTreeSet<String>,
    pub namespaces: BTreeSet<String>,
    pub relabelled: bool,
}

impl Workspace {
    /// The way of a resource.
    pub(in crate::kube) fn way(&self, id: ResourceId) -> Way {
        let resource = self.resource(id);
        let mut way = Way {
            through: BTreeSet::new(),
            names: BTreeSet::from([resource.name.clone()]),
            namespaces: resource.namespace.iter().cloned().collect(),
            relabelled: false,
        };
        // What has no namespace of its own may get any.
        let known = resource.namespace.is_some();
        for set in sets_met(self, id) {
            let Some(index) = self.set_index(set) else {
                continue;
            };
            let members = index
                .positions(id)
                .filter_map(|p| self.set(set).members.get(p));
            for member in members.chain(index.gone.get(&id).into_iter().flatten()) {
                let (mut prefix, mut suffix) = (String::new(), String::new());
                for file in member.through.iter().rev() {
                    way.through.insert(*file);
                    let Some(kustomization) = self.kustomization(*file) else {
                        continue;
                    };
                    prefix.insert_str(0, &kustomization.prefix);
                    suffix.push_str(&kustomization.suffix);
                    way.names
                        .insert(format!("{prefix}{}{suffix}", resource.name));
                    way.namespaces.extend(kustomization.namespace.clone());
                }
            }
        }
        if !known {
            way.namespaces.clear();
        }
        way.relabelled = way.through.iter().any(|file| {
            let adds = [
                "commonLabels",
                "labels",
                "commonAnnotations",
                "transformers",
            ];
            let patched = |d: &Details| {
                d.patches
                    .iter()
                    .flat_map(|p| &p.documents)
                    .any(PatchDocument::relabels)
            };
            self.kustomization_node(*file)
                .is_some_and(|n| adds.iter().any(|k| n.get(k).is_some()))
                || self.details(*file).is_some_and(patched)
        });
        way
    }
}
