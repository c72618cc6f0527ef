//! Which kustomizations are built by themselves, and which directories they read.

use std::collections::BTreeSet;
use std::path::Path;

use kubewright_model::kube::{FileId, Kustomization, Workspace};
use kubewright_model::yaml::{File, Node, Place, Value, verify};

use super::documents::{METADATA, joined};

/// Fields of a kustomization whose items may be directories.
const LISTS: [&str; 8] = [
    "resources",
    "bases",
    "components",
    "transformers",
    "generators",
    "validators",
    "configurations",
    "crds",
];

/// A kustomization that is built by itself.
#[derive(Debug, Clone)]
pub(super) struct Root {
    /// Its file.
    pub(super) file: FileId,
    /// Path of that.
    pub(super) path: String,
    /// Its directory, relative to the root of the workspace; empty for that itself.
    pub(super) directory: String,
    /// The directories that it reads, with all below them.
    pub(super) reads: BTreeSet<String>,
}

impl Root {
    /// For messages.
    pub(super) fn name(&self) -> &str {
        if self.directory.is_empty() {
            "the root"
        } else {
            &self.directory
        }
    }

    /// Whether a file may be part of the build.
    pub(super) fn may_read(&self, path: &str) -> bool {
        let below = |directory: &String| {
            directory.is_empty()
                || path
                    .strip_prefix(directory.as_str())
                    .is_some_and(|rest| rest.starts_with('/'))
        };
        self.reads.iter().any(below)
    }
}

/// Those of which something is asked for, by path.
pub(super) fn roots(workspace: &Workspace, tree: &Path) -> Vec<Root> {
    let mut applied: BTreeSet<FileId> = BTreeSet::new();
    for set in workspace.sets() {
        applied.extend(set.members.iter().filter_map(|m| m.through.first()));
        applied.extend(set.generated.iter().filter_map(|g| g.through.first()));
    }
    let alone = |k: &&Kustomization| !k.component && (k.root || applied.contains(&k.file));
    let all = workspace.kustomizations().iter().filter(alone);
    all.map(|kustomization| Root {
        file: kustomization.file,
        path: workspace.file(kustomization.file).path.clone(),
        directory: kustomization.directory.clone(),
        reads: reads(workspace, kustomization, tree),
    })
    .filter(|root| {
        let mut files = workspace.files().iter();
        files.any(|file| file.editable && root.may_read(&file.path))
    })
    .collect()
}

fn reads(workspace: &Workspace, kustomization: &Kustomization, tree: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::from([kustomization.directory.clone()]);
    let mut left = vec![kustomization.file];
    while let Some(file) = left.pop() {
        let Some(node) = workspace.kustomization_node(file) else {
            continue;
        };
        let directory = workspace.kustomization(file).map_or("", |k| &k.directory);
        let items = LISTS.iter().filter_map(|list| node.get(list));
        for item in items.flat_map(Node::items).filter_map(Node::text) {
            let Some(path) = joined(directory, item) else {
                continue;
            };
            if tree.join(&path).is_dir() && found.insert(path.clone()) {
                let mut all = workspace.kustomizations().iter();
                left.extend(all.find(|k| k.directory == path).map(|k| k.file));
            }
        }
    }
    found
}

/// A kustomization that has kustomize say where each resource comes from; `None` where it cannot
/// be edited.
pub(super) fn annotated(text: &str) -> Option<String> {
    let file = File::parse(text).ok()?;
    let root = file.root(0)?;
    let there = root.get("buildMetadata");
    let mut all: Vec<&str> = there
        .into_iter()
        .flat_map(Node::items)
        .filter_map(Node::text)
        .collect();
    all.extend(
        METADATA
            .iter()
            .filter(|word| !all.contains(*word))
            .collect::<Vec<_>>(),
    );
    let value = Value::strs(all);
    let edit = match there {
        Some(list) => list.set(&value),
        None => root.insert(Place::Last, "buildMetadata", &value),
    };
    verify::apply(&file, &[&edit.ok()?]).ok()
}

#[cfg(test)]
mod tests {
    use super::annotated;

    #[test]
    fn what_is_said_already_stays() {
        assert_eq!(
            annotated("resources: [a.yaml]\n").as_deref(),
            Some(
                "resources: [a.yaml]\nbuildMetadata:\n- originAnnotations\n- \
                 transformerAnnotations\n"
            )
        );
        let text = annotated("buildMetadata: [managedByLabel]\nresources:\n- a.yaml\n");
        let text = text.unwrap();
        assert!(text.contains("managedByLabel") && text.contains("transformerAnnotations"));
    }
}
