//! ConfigMaps and Secrets of a workspace that SOPS encrypted, and the sets that hold them.

use std::collections::BTreeMap;

use super::Workspace;
use crate::kube::object::apply_set::{ApplySet, SetId};
use crate::kube::object::resource::FileId;
use crate::kube::source::encrypted::{self, Encrypted, SOPS, unreadable};

impl Workspace {
    /// The ConfigMaps and Secrets of files that are left alone because SOPS encrypted them.
    pub fn encrypted(&self) -> Vec<Encrypted> {
        encrypted::objects(&self.files, &self.skipped)
    }

    /// Sets that are closed but for files of which SOPS leaves in clear all that is asked here,
    /// each with those files.
    pub fn closed_but_for_encrypted(&self) -> BTreeMap<SetId, Vec<FileId>> {
        let mut holes = BTreeMap::new();
        for file in encrypted::files(&self.skipped) {
            if encrypted::objects_in(&self.files, &self.skipped, file).1 {
                let path = &self.file(file).path;
                holes.insert(unreadable(path, SOPS), file);
                holes.insert(unreadable(&format!("a document of {path}"), SOPS), file);
            }
        }
        let files = |set: &ApplySet| {
            set.holes
                .iter()
                .map(|hole| holes.get(hole).copied())
                .collect::<Option<Vec<_>>>()
        };
        self.sets
            .iter()
            .filter(|set| !set.closed)
            .filter_map(|set| Some((set.id, files(set)?)))
            .collect()
    }
}
