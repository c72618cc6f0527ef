//! What patches make of resources in each set, for those that are patched.

use std::collections::BTreeMap;

use kubewright_model::kube::{Build, Built, ResourceId, SetId, Workspace};
use rayon::prelude::*;

use super::CHUNK;

/// Resources that are not the same in a set as in their file.
#[derive(Default)]
pub(super) struct Views(BTreeMap<(ResourceId, SetId), Build>);

impl Views {
    pub(super) fn of(workspace: &Workspace) -> Self {
        let chunks = workspace.resources().par_chunks(CHUNK).map(|resources| {
            let mut found = Vec::new();
            for resource in resources.iter().filter(|r| r.target().is_none()) {
                for set in workspace.sets_of(resource.id) {
                    match workspace.built(set, resource.id) {
                        Build::Same => {}
                        other => found.push(((resource.id, set), other)),
                    }
                }
            }
            found
        });
        Self(chunks.collect::<Vec<_>>().into_iter().flatten().collect())
    }

    /// What patches make of a resource in a set, if they change it, and whether that is known.
    pub(super) fn get(&self, id: ResourceId, set: SetId) -> (Option<&Built>, bool) {
        match self.0.get(&(id, set)) {
            Some(Build::Changed(built)) => (Some(built), true),
            Some(Build::Unknown) => (None, false),
            Some(Build::Same) | None => (None, true),
        }
    }
}
