//! Fields that the API server refuses, known from the object alone:
//! docs/kubernetes.md#what-the-api-server-refuses.
//!
//! They are looked for when a file is read, since its tree is at hand then: a plain scalar that is
//! no string is asked for its field, and the keys of a mapping are compared only when two of them
//! look alike.

use std::collections::BTreeSet;

use super::read::{MAX_LISTS, held};
use crate::kube::object::resource::{FileId, Resource};
use crate::kube::pod::{CARRIERS, containers_of, walk};
use crate::yaml::{Kind, Node, NodeId, Resolved, ScalarStyle};

/// Why a field is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Problem {
    /// A boolean or a number where a string is asked for.
    NotString,
    /// Nothing where a string of `data` is asked for.
    NoValue,
    /// A string where the number of a file mode is asked for.
    ModeString,
    /// A key that stands in its mapping before, there.
    KeyTwice(NodeId),
    /// The first key of another object in the mapping of one that begins there: `---` is missing.
    ObjectTwice(NodeId),
    /// A `mountPath` of a container that another mount of it has, there.
    PathTwice(NodeId),
}

/// A field that the API server refuses.
#[derive(Debug, Clone, Copy)]
pub struct Invalid<'a> {
    /// The file.
    pub file: FileId,
    /// The resource; `None` for an object that is none for want of a name.
    pub resource: Option<&'a Resource>,
    /// The object.
    pub object: Node<'a>,
    /// The scalar, or the key.
    pub node: Node<'a>,
    /// What is wrong with it.
    pub problem: Problem,
}

/// As [`Invalid`], in one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::kube) struct Found {
    pub document: usize,
    pub object: NodeId,
    pub node: NodeId,
    pub problem: Problem,
}

/// API groups whose types are known here, without the pods of custom resources.
const GROUPS: &[&str] = &["", "apps", "apps.openshift.io", "batch", "extensions"];

/// Fields of a pod, wherever they stand in it, that are strings (core/v1).
const STRINGS: &[&str] = &[
    "claimName",
    "fieldPath",
    "host",
    "image",
    "key",
    "mountPath",
    "name",
    "path",
    "secretName",
    "serviceAccountName",
    "subPath",
    "subPathExpr",
    "value",
    "workingDir",
];

/// Fields of a pod that are lists of strings.
const LISTS: &[&str] = &["args", "command"];

/// Fields of a pod that are mappings of strings.
const MAPS: &[&str] = &[
    "annotations",
    "labels",
    "matchLabels",
    "nodeSelector",
    "options",
    "volumeAttributes",
];

/// What is refused of the objects of a document.
pub(in crate::kube) fn of_document(document: usize, root: Node<'_>, all: &mut Vec<Found>) {
    let mut objects = Vec::new();
    objects_of(root, MAX_LISTS, &mut objects);
    if objects.is_empty() {
        return;
    }
    let mut found = Vec::new();
    twice(root, &mut found);
    for object in &objects {
        of_object(*object, &mut found);
    }
    // The innermost object stands behind the ones that it is in.
    let around = |node: Node<'_>| {
        objects
            .iter()
            .rev()
            .find(|o| o.span().start <= node.span().start && node.span().end <= o.span().end)
    };
    let before = all.len();
    all.extend(found.into_iter().filter_map(|(node, problem)| {
        Some(Found {
            document,
            object: around(node)?.id(),
            node: node.id(),
            problem,
        })
    }));
    if let Some(new) = all.get_mut(before..) {
        new.sort_by_key(|found| found.node);
    }
}

/// The objects of a document, a list before those that it holds.
fn objects_of<'a>(root: Node<'a>, depth: usize, found: &mut Vec<Node<'a>>) {
    if root
        .get_all(["apiVersion", "kind"])
        .iter()
        .any(|field| field.is_none_or(|field| field.as_str().is_none()))
    {
        return;
    }
    found.push(root);
    if let Some((items, _)) = held(root).filter(|_| depth > 0) {
        items
            .items()
            .filter(|item| item.kind() != Kind::Alias)
            .for_each(|item| objects_of(item, depth - 1, found));
    }
}

type Places<'a> = Vec<(Node<'a>, Problem)>;

fn of_object<'a>(object: Node<'a>, found: &mut Places<'a>) {
    let text = |key: &str| object.get(key).and_then(Node::as_str).unwrap_or_default();
    let (api_version, kind) = (text("apiVersion"), text("kind"));
    let group = api_version.split_once('/').map_or("", |(group, _)| group);
    metadata(object, found);
    if group.is_empty() && matches!(kind, "ConfigMap" | "Secret") {
        for field in ["data", "stringData"]
            .iter()
            .filter_map(|field| object.get(field))
            .filter(|field| field.is_mapping())
        {
            strings(field, found);
            found.extend(
                field
                    .entries()
                    .filter(|(_, value)| value.is_null())
                    .map(|(_, value)| (value, Problem::NoValue)),
            );
        }
    }
    if !GROUPS.contains(&group) {
        return;
    }
    if let Some(selector) = object.path(&["spec", "selector"]) {
        strings(selector.get("matchLabels").unwrap_or(selector), found);
    }
    for carrier in CARRIERS
        .iter()
        .filter(|c| c.kind == kind && c.groups.contains(&group))
    {
        for template in walk(object, carrier.template) {
            if !carrier.template.is_empty() {
                metadata(template, found);
            }
            if let Some(spec) = template.get("spec").filter(|spec| spec.is_mapping()) {
                pod(spec, found);
            }
        }
    }
}

fn metadata<'a>(of: Node<'a>, found: &mut Places<'a>) {
    let Some(metadata) = of.get("metadata") else {
        return;
    };
    let [name, generate_name, namespace, labels, annotations] =
        metadata.get_all(["name", "generateName", "namespace", "labels", "annotations"]);
    let generated = generate_name.is_some_and(|prefix| prefix.as_str().is_some());
    for name in [name, generate_name, namespace].into_iter().flatten() {
        // Without a name, the server makes one.
        let null = !generated
            && name.is_null()
            && name
                .text()
                .is_some_and(|text| text.eq_ignore_ascii_case("null"));
        found.extend((is_other(name) || null).then_some((name, Problem::NotString)));
    }
    for map in [labels, annotations].into_iter().flatten() {
        strings(map, found);
    }
}

/// Values of a mapping of strings that are none.
fn strings<'a>(map: Node<'a>, found: &mut Places<'a>) {
    found.extend(
        map.entries()
            .map(|(_, value)| value)
            .filter(|value| is_other(*value))
            .map(|value| (value, Problem::NotString)),
    );
}

/// Whether a scalar is a boolean or a number.
fn is_other(node: Node<'_>) -> bool {
    node.kind() == Kind::Scalar(ScalarStyle::Plain)
        && matches!(
            node.resolved(),
            Some(Resolved::Bool(_) | Resolved::Int(_) | Resolved::Float)
        )
}

fn pod<'a>(spec: Node<'a>, found: &mut Places<'a>) {
    let within =
        |word: Option<&str>, words: &[&str]| word.is_some_and(|word| words.contains(&word));
    let name = |node: Node<'a>| node.key().and_then(Node::text);
    for node in spec.descendants().filter(|node| node.is_scalar()) {
        if is_other(node) {
            let parent = node.parent().and_then(name);
            let list = node.parent().is_some_and(Node::is_sequence) && within(parent, LISTS);
            let field = name(node);
            if list || within(field, STRINGS) || (field.is_some() && within(parent, MAPS)) {
                found.push((node, Problem::NotString));
            }
        } else if matches!(
            node.kind(),
            Kind::Scalar(ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted)
        ) && is_mode(node)
        {
            found.push((node, Problem::ModeString));
        }
    }
    for container in containers_of(spec) {
        let mounts = container
            .node
            .get("volumeMounts")
            .into_iter()
            .flat_map(Node::items);
        let paths: Vec<(&str, Node<'a>)> = mounts
            .filter_map(|m| m.get("mountPath"))
            .filter_map(|p| Some((p.text()?, p)))
            .collect();
        found.extend(
            repeated(&paths)
                .into_iter()
                .map(|(node, first)| (node, Problem::PathTwice(first.id()))),
        );
    }
}

/// Whether a node is the mode of the files of a volume, and written with digits.
fn is_mode(node: Node<'_>) -> bool {
    let digits =
        |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit() || b == b'o');
    if !node.text().is_some_and(digits) {
        return false;
    }
    let around = node
        .parent()
        .and_then(|body| body.key().or_else(|| body.parent()?.key()))
        .and_then(Node::text);
    match node.key().and_then(Node::text) {
        Some("defaultMode") => matches!(
            around,
            Some("configMap" | "downwardAPI" | "projected" | "secret")
        ),
        Some("mode") => around == Some("items"),
        _ => false,
    }
}

/// Keys that stand in one mapping more than once.
fn twice<'a>(root: Node<'a>, found: &mut Places<'a>) {
    for mapping in root
        .descendants()
        .filter(|node| matches!(node.kind(), Kind::Mapping(_)))
    {
        // One bit for each key: where none is set before, no two are the same.
        let (mut seen, mut alike) = (0_u64, false);
        for (key, _) in mapping.entries() {
            let bytes = key.source().trim_matches(['"', '\'']).as_bytes();
            let sum = bytes.iter().fold(bytes.len(), |sum, byte| {
                sum.wrapping_mul(31).wrapping_add(usize::from(*byte))
            });
            let bit = 1 << (sum % 64);
            alike |= seen & bit != 0;
            seen |= bit;
        }
        if alike {
            let keys: Vec<(&str, Node<'a>)> = mapping
                .entries()
                .filter_map(|(key, _)| Some((key.text()?, key)))
                .filter(|(text, _)| *text != "<<")
                .collect();
            let seconds = second_objects(&keys);
            if seconds.is_empty() {
                let again = repeated(&keys).into_iter();
                found.extend(again.map(|(key, first)| (key, Problem::KeyTwice(first.id()))));
            }
            found.extend(seconds);
        }
    }
}

/// Where other objects begin in the mapping of one, each with the key that the one before it begins
/// with: whoever joins files without `---` repeats `apiVersion` and `kind` along with the rest.
fn second_objects<'a>(keys: &[(&str, Node<'a>)]) -> Places<'a> {
    let twice = |wanted: &str| keys.iter().filter(|(key, _)| *key == wanted).count() > 1;
    let mut found = Vec::new();
    if !(twice("apiVersion") && twice("kind")) {
        return found;
    }
    let (mut seen, mut first) = (BTreeSet::new(), None);
    for (key, node) in keys {
        if !seen.insert(*key) {
            seen = BTreeSet::from([*key]);
            let before = first.replace(*node).unwrap_or(*node);
            found.push((*node, Problem::ObjectTwice(before.id())));
        }
        first.get_or_insert(*node);
    }
    found
}

/// All but the first of what is there more than once, each with the first.
fn repeated<'a>(all: &[(&str, Node<'a>)]) -> Vec<(Node<'a>, Node<'a>)> {
    let mut sorted: Vec<&(&str, Node<'a>)> = all.iter().collect();
    sorted.sort_by_key(|(text, node)| (*text, node.id()));
    let runs = sorted
        .chunk_by(|a, b| a.0 == b.0)
        .filter(|run| run.len() > 1);
    runs.flat_map(|run| {
        run.iter()
            .skip(1)
            .filter_map(|(_, node)| Some((*node, run.first()?.1)))
    })
    .collect()
}
