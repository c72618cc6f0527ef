//! `fix --whole-sets`: from the files that were named to all that is applied together with them.
//!
//! A commit hook names the files that a commit changes. What becomes wrong by it stands elsewhere:
//! a ConfigMap changes, and the hash in a Deployment of another file is stale; a file changes from
//! which a generator makes a ConfigMap. Whoever names a part of an apply set gets all of it looked
//! at.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use kubewright_model::kube::{ApplySet, FileId, Input, Workspace};

use super::config::FILE_NAME;
use super::globs;
use super::ground::Ground;
use super::lockfile;

/// What is read as a manifest; other files that are named only say which sets are meant.
const MANIFESTS: [&str; 4] = ["yaml", "yml", "json", "manifest"];

/// What was named.
pub(super) struct Named {
    /// Paths relative to the root, without `/` at the end; empty for the root itself.
    paths: BTreeSet<String>,
}

impl Named {
    /// What was named, of which only manifests and directories are left to be read.
    pub(super) fn of(ground: &mut Ground) -> Self {
        let relative = |path: &PathBuf| {
            let path = path.strip_prefix(&ground.root).unwrap_or(path);
            path.to_string_lossy().into_owned()
        };
        let paths = ground.paths.iter().map(relative).collect();
        ground
            .paths
            .retain(|path| path.is_dir() || is_manifest(path));
        Self { paths }
    }

    /// The files of the sets that what was named is part of become those that were asked for.
    pub(super) fn widen(&self, inputs: &mut [Input], workspace: &Workspace, ground: &Ground) {
        let everything = [FILE_NAME, lockfile::FILE_NAME]
            .iter()
            .any(|file| self.paths.contains(*file));
        let mut files: BTreeSet<&str> = BTreeSet::new();
        let path = |file: FileId| workspace.file(file).path.as_str();
        let kustomizations = self.kustomizations(workspace);
        for set in workspace.sets() {
            let parts = parts(workspace, set);
            let named = |file: &FileId| self.has(path(*file)) || kustomizations.contains(file);
            let applied = |file: FileId| self.has(path(file));
            let appliers = set.appliers.iter();
            let mut appliers = appliers.map(|a| workspace.resource(a.resource).file);
            if parts.iter().any(named) || appliers.any(applied) {
                files.extend(parts.into_iter().map(path));
            }
        }
        for input in inputs {
            let asked = everything || input.editable || files.contains(input.path.as_str());
            input.editable = asked && !globs::ignored(&ground.config.ignore, &input.path);
        }
    }

    fn has(&self, path: &str) -> bool {
        std::iter::successors(Some(path), |p| p.rsplit_once('/').map(|(above, _)| above))
            .any(|path| self.paths.contains(path))
            || self.paths.contains("")
    }

    /// For each that was named the kustomization next above it: it may be a patch of it, or what a
    /// generator reads.
    fn kustomizations(&self, workspace: &Workspace) -> BTreeSet<FileId> {
        let nearest = |path: &String| {
            let above = workspace.kustomizations().iter().filter(|k| {
                let inside = path.strip_prefix(k.directory.as_str());
                inside.is_some_and(|rest| k.directory.is_empty() || rest.starts_with('/'))
            });
            above.max_by_key(|k| k.directory.len()).map(|k| k.file)
        };
        self.paths.iter().filter_map(nearest).collect()
    }
}

fn is_manifest(path: &Path) -> bool {
    let extension = path.extension().and_then(|e| e.to_str());
    extension.is_some_and(|e| MANIFESTS.contains(&e))
        || path.file_name().is_some_and(|name| name == "Kustomization")
}

/// The files of a set.
fn parts(workspace: &Workspace, set: &ApplySet) -> BTreeSet<FileId> {
    let mut files = BTreeSet::new();
    for member in &set.members {
        files.insert(workspace.resource(member.resource).file);
        files.extend(&member.through);
    }
    for generated in &set.generated {
        files.insert(generated.kustomization);
        files.extend(&generated.through);
    }
    files.extend(set.encrypted.iter().map(|encrypted| encrypted.file));
    files
}
