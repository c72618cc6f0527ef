//! A patch more in a kustomization, in the way in which it has its other patches: inline, or as a
//! file beside it.

use std::collections::BTreeMap;

use kubewright_model::finding::NoFix;
use kubewright_model::kube::{FileId, Workspace};
use kubewright_model::yaml::{Node, Place, Value, verify};

/// What a patch is about, and what it says.
pub(super) struct Patch<'a> {
    pub(super) kind: &'a str,
    /// Its name where the patches of the kustomization see it.
    pub(super) name: &'a str,
    pub(super) text: &'a str,
    /// What the name of its file says of it: `config-hash`.
    pub(super) about: &'a str,
}

/// The texts of the files that change when a kustomization gets a patch.
///
/// # Errors
/// Where it cannot be edited.
pub(super) fn add(
    workspace: &Workspace,
    file: FileId,
    patches: &[Patch<'_>],
) -> Result<BTreeMap<String, Option<String>>, NoFix> {
    let source = workspace.file(file);
    let mut changed = BTreeMap::new();
    let mut items = Vec::new();
    let node = workspace.kustomization_node(file);
    for patch in patches {
        let beside = node.and_then(|node| beside(workspace, &source.path, node, patch));
        let (key, value) = match &beside {
            Some((name, _)) => ("path", name.clone()),
            None => ("patch", patch.text.trim_end().to_owned()),
        };
        let target = [("kind", patch.kind), ("name", patch.name)];
        let target = Value::map(target.map(|(key, value)| (key, Value::str(value))));
        items.push(Value::map([(key, Value::str(value)), ("target", target)]));
        if let Some((_, path)) = beside {
            changed.insert(path, Some(patch.text.to_owned()));
        }
    }
    let tree = source.yaml.as_deref();
    if let Some((node, tree)) = node.zip(tree) {
        let edits = match node.get("patches") {
            Some(list) if list.items().next().is_some() => items
                .iter()
                .map(|item| list.push(Place::Last, item))
                .collect::<Result<Vec<_>, _>>()?,
            Some(empty) => vec![empty.set(&Value::Seq(items))?],
            None => vec![node.insert(Place::Last, "patches", &Value::Seq(items))?],
        };
        let text = verify::apply(tree, &edits.iter().collect::<Vec<_>>())?;
        changed.insert(source.path.clone(), Some(text));
    }
    Ok(changed)
}

/// Name and path of a file for the patch, where all patches of the kustomization are files.
fn beside(
    workspace: &Workspace,
    kustomization: &str,
    node: Node<'_>,
    patch: &Patch<'_>,
) -> Option<(String, String)> {
    let lists = ["patches", "patchesJson6902", "patchesStrategicMerge"];
    let items = lists.iter().filter_map(|key| node.get(key));
    let mut others = items.flat_map(Node::items).peekable();
    others.peek()?;
    let is_file = |item: Node<'_>| {
        item.get("path").is_some() || item.text().is_some_and(|text| !text.contains('\n'))
    };
    if !others.all(is_file) {
        return None;
    }
    let directory = kustomization
        .rsplit_once('/')
        .map(|(directory, _)| directory);
    let joined = |name: &str| directory.map_or_else(|| name.to_owned(), |d| format!("{d}/{name}"));
    let kind = patch.kind.to_lowercase();
    [
        format!("{}-{}.yaml", patch.name, patch.about),
        format!("{kind}-{}-{}.yaml", patch.name, patch.about),
    ]
    .into_iter()
    .map(|name| (joined(&name), name))
    .find(|(path, _)| workspace.text_at(path).is_none())
    .map(|(path, name)| (name, path))
}
