//! Kustomizations that list the file of the static pod, and the entry for that of its DaemonSet.

use kubewright_model::finding::{Change, NoFix};
use kubewright_model::kube::{FileId, Kustomization, Workspace};
use kubewright_model::text;
use kubewright_model::text::Path;
use kubewright_model::yaml::{Node, Place, Value};

use super::codes::Code;

/// The kustomizations that list one of the files.
pub(super) fn listing<'a>(
    workspace: &'a Workspace,
    files: &[FileId],
) -> impl Iterator<Item = &'a Kustomization> {
    let files = files.to_vec();
    workspace
        .kustomizations()
        .iter()
        .filter(move |k| k.resources.iter().any(|file| files.contains(file)))
}

/// The edits with which each of them lists `new` behind the first of the pods' files; and the paths
/// of those where that is not possible.
pub(super) fn entries(
    workspace: &Workspace,
    pods: &[FileId],
    new: &str,
) -> Result<(Vec<Change>, Vec<String>), NoFix> {
    let (mut changes, mut left) = (Vec::new(), Vec::new());
    for kustomization in listing(workspace, pods) {
        let file = workspace.file(kustomization.file);
        let directory = kustomization.directory.as_str();
        let below = match directory {
            "" | "." => Some(new),
            _ => new
                .strip_prefix(directory)
                .and_then(|rest| rest.strip_prefix('/')),
        };
        let resources = file
            .yaml
            .as_deref()
            .and_then(|yaml| yaml.root(0)?.get("resources"))
            .filter(|list| list.is_sequence());
        // It would give the DaemonSet another name, or another namespace.
        let renames = !kustomization.prefix.is_empty()
            || !kustomization.suffix.is_empty()
            || !matches!(
                kustomization.namespace.as_deref(),
                None | Some("kube-system")
            );
        // kustomize reads no file from above its directory.
        let (Some(below), Some(resources), true, false) =
            (below, resources, file.editable, renames)
        else {
            left.push(file.path.clone());
            continue;
        };
        let names = |item: Node<'_>, path: &str| {
            item.text()
                .is_some_and(|t| joined(directory, t.trim_start_matches("./")) == path)
        };
        if resources.items().any(|item| names(item, new)) {
            continue;
        }
        let paths: Vec<&str> = pods
            .iter()
            .map(|file| workspace.file(*file).path.as_str())
            .collect();
        let after = resources
            .items()
            .find(|item| paths.iter().any(|path| names(*item, path)));
        match after {
            Some(item) => {
                let edit = resources.push(Place::After(item), &Value::str(below))?;
                changes.push(Change::Edit(kustomization.file, edit));
            }
            None => left.push(file.path.clone()),
        }
    }
    Ok((changes, left))
}

/// The edits that take files which go out of the kustomizations that list them.
pub(super) fn without(workspace: &Workspace, gone: &[FileId]) -> Result<Vec<Change>, NoFix> {
    let mut changes = Vec::new();
    for kustomization in listing(workspace, gone) {
        let file = workspace.file(kustomization.file);
        let named = |item: &Node<'_>| {
            let path = item
                .text()
                .map(|t| joined(&kustomization.directory, t.trim_start_matches("./")));
            gone.iter()
                .any(|id| path.as_deref() == Some(workspace.file(*id).path.as_str()))
        };
        let resources = file
            .yaml
            .as_deref()
            .and_then(|yaml| yaml.root(0)?.get("resources"));
        let entries: Vec<Node<'_>> = resources
            .into_iter()
            .flat_map(Node::items)
            .filter(named)
            .collect();
        let own = kustomization.resources.iter();
        if !file.editable || entries.len() != own.filter(|id| gone.contains(id)).count() {
            let text = text![
                Path(&file.path),
                " lists a file that would go, in a way that cannot be edited; without `replace` \
                 the DaemonSet is written beside the pods"
            ];
            return Err(NoFix::new(Code::SeveralCopies, text));
        }
        for entry in entries {
            changes.push(Change::Edit(kustomization.file, entry.remove()?));
        }
    }
    Ok(changes)
}

fn joined(directory: &str, name: &str) -> String {
    match directory {
        "" | "." => name.to_owned(),
        _ => format!("{directory}/{name}"),
    }
}
