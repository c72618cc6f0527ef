//! A value that a patch brings already is changed where it stands: a second patch over it would be
//! one more with every change.

use std::collections::BTreeMap;

use kubewright_model::finding::NoFix;
use kubewright_model::kube::{BuildCode, FileId, Workspace};
use kubewright_model::yaml::{Edit, File, Node, Value, verify};

use super::delta::{Delta, Step};
use super::documents::joined;
use super::prove::Texts;

/// Fields of a kustomization that hold patches.
const LISTS: [&str; 3] = ["patches", "patchesJson6902", "patchesStrategicMerge"];

/// The texts in which patches of these kustomizations bring the new values in the place of the old
/// ones. The names of patches are those of the kustomizations that changed a document.
///
/// # Errors
/// Where no patch has an old value, or cannot be edited.
pub(super) fn texts(
    workspace: &Workspace,
    changes: &[(&[String], &[Delta])],
) -> Result<Texts, NoFix> {
    let mut edits: BTreeMap<FileId, Vec<Edit>> = BTreeMap::new();
    for (kustomizations, deltas) in changes {
        for delta in *deltas {
            let mut found = false;
            for (file, edit) in of_delta(workspace, kustomizations, delta)? {
                found = true;
                let all = edits.entry(file).or_default();
                if !all.contains(&edit) {
                    all.push(edit);
                }
            }
            if !found {
                let text = "what is to be changed stands in no patch";
                return Err(NoFix::new(BuildCode::BuildsDiffer, text));
            }
        }
    }
    let mut texts = Texts::new();
    for (file, edits) in edits {
        let file = workspace.file(file);
        if let Some(tree) = file.yaml.as_deref() {
            let text = verify::apply(tree, &edits.iter().collect::<Vec<_>>())?;
            texts.insert(file.path.clone(), Some(text));
        }
    }
    Ok(texts)
}

fn of_delta(
    workspace: &Workspace,
    kustomizations: &[String],
    delta: &Delta,
) -> Result<Vec<(FileId, Edit)>, NoFix> {
    let Some((Step::Key(key), old, new)) = delta.changes() else {
        return Ok(Vec::new());
    };
    let mut found = Vec::new();
    for path in kustomizations {
        let Some(file) = workspace.file_at(path) else {
            continue;
        };
        let node = workspace.kustomization_node(file.id);
        let directory = path.rsplit_once('/').map_or("", |(directory, _)| directory);
        let lists = LISTS.iter().filter_map(|list| node?.get(list));
        for item in lists.flat_map(Node::items) {
            let inline = item.get("patch").unwrap_or(item);
            let written = item.get("path").unwrap_or(item).text();
            let beside = written
                .filter(|written| !written.contains('\n'))
                .and_then(|written| workspace.file_at(&joined(directory, written)?));
            if let Some(beside) = beside
                && let Some(tree) = beside.yaml.as_deref()
            {
                let edits = changed(tree, key, old, new)?.into_iter();
                found.extend(edits.map(|edit| (beside.id, edit)));
            } else if let Some(text) = inline.text().filter(|text| text.contains(key.as_str()))
                && let Ok(inner) = File::parse(text)
            {
                let edits = changed(&inner, key, old, new)?;
                if !edits.is_empty() {
                    let text = verify::apply(&inner, &edits.iter().collect::<Vec<_>>())?;
                    found.push((file.id, inline.set(&Value::str(text))?));
                }
            }
        }
    }
    Ok(found)
}

/// The edits that give the values of a key that are the old one the new one.
fn changed(file: &File, key: &str, old: &Value, new: &Value) -> Result<Vec<Edit>, NoFix> {
    let roots = (0..file.documents().len()).filter_map(|at| file.root(at));
    let of_key = roots.flat_map(Node::descendants).filter(|node| {
        node.key().and_then(Node::text) == Some(key) && node.to_value().as_ref() == Some(old)
    });
    let edits = of_key.map(|node| Ok(node.set(new)?));
    edits.collect()
}
