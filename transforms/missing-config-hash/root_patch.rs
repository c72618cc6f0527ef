//! The patch that gives a workload its hash in one kustomization, in the way that the kustomization
//! writes its other patches: inline, or as a file beside it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use kubewright_model::finding::{Change, Location, NoFix};
use kubewright_model::kube::{FileId, Resource, Workspace};
use kubewright_model::text;
use kubewright_model::text::{Path, Text};
use kubewright_model::yaml::{self, Edit, Node, Place, Value, verify};

use super::codes::Code;

/// What the patch says.
pub(super) struct Patch<'a> {
    /// The workload.
    pub resource: &'a Resource,
    /// Path of the pod template in it.
    pub template: &'a [&'a str],
    /// The name of the workload in the kustomization.
    pub name: &'a str,
    /// Annotations and their values.
    pub hashes: &'a BTreeMap<&'a str, &'a str>,
}

impl Patch<'_> {
    /// The patch as a document.
    fn text(&self) -> String {
        let mut text = format!(
            "apiVersion: {}\nkind: {}\nmetadata:\n  name: {}\n",
            self.resource.api_version, self.resource.kind, self.name
        );
        let path = [self.template, &["metadata", "annotations"]].concat();
        for (depth, key) in path.iter().enumerate() {
            _ = writeln!(text, "{:1$}{key}:", "", 2 * depth);
        }
        for (key, hash) in self.hashes {
            _ = writeln!(text, "{:1$}{key}: \"{hash}\"", "", 2 * path.len());
        }
        text
    }
}

/// Adds a patch to a kustomization.
pub(super) fn add(
    workspace: &Workspace,
    file: FileId,
    patch: &Patch<'_>,
) -> Result<Vec<Change>, NoFix> {
    let list = &workspace.file(file).path;
    let node = workspace.kustomization_node(file).ok_or_else(|| {
        NoFix::new(
            Code::DiffersBetweenOverlays,
            text![Path(list), " cannot be edited; hash the rendered manifests"],
        )
    })?;
    let beside = beside(workspace, list, node, patch);
    let (key, value) = match &beside {
        Some((name, _)) => ("path", name.clone()),
        None => ("patch", patch.text().trim_end().to_owned()),
    };
    let target = [("kind", &*patch.resource.kind), ("name", patch.name)];
    let target = Value::map(target.map(|(key, value)| (key, Value::str(value))));
    let item = Value::map([(key, Value::str(value)), ("target", target)]);
    let all = || Value::Seq(vec![item.clone()]);
    let edit = match node.get("patches") {
        None => node.insert(Place::Last, "patches", &all()),
        Some(list) if list.items().next().is_some() => list.push(Place::Last, &item),
        Some(empty) => empty.set(&all()),
    }?;
    let mut changes = vec![Change::Edit(file, edit)];
    changes.extend(beside.map(|(_, path)| Change::Create(path, patch.text())));
    Ok(changes)
}

/// Name and path of a file for the patch, where all patches of the kustomization are files.
fn beside(
    workspace: &Workspace,
    kustomization: &str,
    node: Node<'_>,
    patch: &Patch<'_>,
) -> Option<(String, String)> {
    let mut others = ["patches", "patchesJson6902", "patchesStrategicMerge"]
        .iter()
        .filter_map(|key| node.get(key))
        .flat_map(Node::items)
        .peekable();
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
    let kind = patch.resource.kind.to_lowercase();
    [
        format!("{}-config-hash.yaml", patch.name),
        format!("{kind}-{}-config-hash.yaml", patch.name),
    ]
    .into_iter()
    .map(|name| (joined(&name), name))
    .find(|(path, _)| workspace.text_at(path).is_none())
    .map(|(path, name)| (name, path))
}

/// The edit that gives keys of an inline patch another value, or takes them out, with the patch
/// where nothing else is in it.
pub(super) fn update_inline(
    workspace: &Workspace,
    location: &Location,
    values: &BTreeMap<&str, Option<&str>>,
) -> Result<Edit, NoFix> {
    let refused = || {
        let by_hand = values.iter().map(|(key, value)| {
            if let Some(value) = value {
                text![key, ": \"", value, "\""]
            } else {
                text!["take out ", key]
            }
        });
        let file = Path(&workspace.file(location.file).path);
        let by_hand = Text::joined(by_hand, ", ");
        NoFix::new(
            Code::DiffersBetweenOverlays,
            text![
                "the patch in ",
                file,
                " cannot be edited; by hand: ",
                by_hand
            ],
        )
    };
    let outer = workspace.scalar_at(location).ok_or_else(refused)?;
    let inner = yaml::File::parse(outer.text().unwrap_or_default()).map_err(|_| refused())?;
    let all = || (0..inner.documents().len()).filter_map(|at| inner.root(at));
    let (mut edits, mut gone) = (Vec::new(), Vec::new());
    for (key, value) in values {
        let named = |node: &Node<'_>| node.key().and_then(Node::text) == Some(*key);
        let before = edits.len() + gone.len();
        for node in all().flat_map(Node::descendants).filter(named) {
            match value {
                Some(value) => edits.push(node.set(&Value::str(*value))?),
                None => gone.push(node),
            }
        }
        if edits.len() + gone.len() == before {
            return Err(refused());
        }
    }
    let gone = with_what_holds_them(gone);
    let identity = |key: Node<'_>| key.text().is_some_and(|k| IDENTITY.contains(&k));
    let is_left = |(key, value): &(Node<'_>, Node<'_>)| {
        !identity(*key) && gone.iter().all(|node| node.id() != value.id())
    };
    let empty = |root: Node<'_>| root.is_mapping() && !root.entries().any(|entry| is_left(&entry));
    if edits.is_empty() && all().all(empty) {
        let item = outer.parent().filter(|parent| parent.is_mapping());
        return Ok(item.unwrap_or(outer).remove()?);
    }
    for node in gone {
        edits.push(node.remove()?);
    }
    let text = verify::apply(&inner, &edits.iter().collect::<Vec<_>>())?;
    Ok(outer.set(&Value::str(text))?)
}

/// What a patch says of whom it patches.
const IDENTITY: [&str; 3] = ["apiVersion", "kind", "metadata"];

/// Values that go, or instead of all values of a mapping the mapping itself: `annotations: {}` in a
/// patch reads as if it removed all annotations.
pub(super) fn with_what_holds_them(mut gone: Vec<Node<'_>>) -> Vec<Node<'_>> {
    loop {
        let is_gone = |node: Node<'_>| gone.iter().any(|other| other.id() == node.id());
        let emptied = |map: &Node<'_>| {
            map.is_mapping()
                && map.parent().is_some_and(Node::is_mapping)
                && map.entries().all(|(_, value)| is_gone(value))
        };
        let Some(map) = gone.iter().find_map(|n| n.parent().filter(emptied)) else {
            return gone;
        };
        gone.retain(|node| node.parent().is_none_or(|parent| parent.id() != map.id()));
        gone.push(map);
    }
}
