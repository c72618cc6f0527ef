//! What an apply set holds of one kind: resources, and what the generators of its kustomizations
//! make.
//!
//! kustomize adds a generated object to those that are there already, and fails when the name is
//! taken, whether it gets a content hash or not: the hash comes last. So a generator collides like
//! a resource, and its `name` is what a rename changes.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use kubewright_model::kube::{ApplySet, FileId, ResourceId, SetId, Target, Workspace};
use kubewright_model::yaml::{Node, Value};

use super::removal::joined;

/// What defines an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Origin {
    /// A resource.
    Resource(ResourceId),
    /// The generator at that position of the kustomization.
    Generator(FileId, usize),
    /// The document of a file that SOPS encrypted.
    Encrypted(FileId, usize),
}

/// An object of an apply set.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) origin: Origin,
    /// The effective namespace.
    pub(super) namespace: Option<String>,
    /// The name in the cluster, a content hash aside.
    pub(super) name: String,
    /// The kustomizations it comes through, outermost first.
    pub(super) through: Vec<FileId>,
    /// It is a hook of Helm or Argo CD, which is applied on its own.
    pub(super) hook: bool,
    /// Which of several appliers brings it, by its place in the set's parts.
    pub(super) part: Option<usize>,
}

/// What a generator writes, by key; `false` when there may be more. Files count by what they hold,
/// not by how their paths are written; one that cannot be read is equal to itself alone.
pub(super) fn generated_data(
    ws: &Workspace,
    kustomization: FileId,
    node: Node<'_>,
    to: Target,
) -> (BTreeMap<String, Value>, bool) {
    let (keys, complete) = generated_keys(node);
    let directory = ws.kustomization(kustomization).map_or("", |k| &k.directory);
    let read = |content| match content {
        Content::Literal(text) => Ok(text),
        Content::File(written) => {
            let path = joined(directory, &written);
            ws.text_at(&path).map(str::to_owned).ok_or(path)
        }
    };
    let value = |content| match read(content) {
        // As the data of a Secret is written.
        Ok(text) if to == Target::Secret => Value::str(BASE64.encode(text)),
        Ok(text) => Value::str(text),
        Err(path) => Value::Map(vec![("file".to_owned(), Value::str(path))]),
    };
    (
        keys.into_iter()
            .map(|(key, content)| (key, value(content)))
            .collect(),
        complete,
    )
}

/// All objects of the kind in a set, resources first, in order of application.
pub(super) fn of(ws: &Workspace, set: &ApplySet, to: Target) -> Vec<Entry> {
    let mut found = Vec::new();
    for (position, member) in set.members.iter().enumerate() {
        let resource = ws.resource(member.resource);
        if resource.kind == to.kind() && resource.api_version == "v1" && !member.name.is_empty() {
            found.push(Entry {
                hook: ws.is_hook(member.resource),
                origin: Origin::Resource(member.resource),
                namespace: member.namespace.clone(),
                name: member.name.clone(),
                through: member.through.clone(),
                part: set.part_of(position),
            });
        }
    }
    found.extend(set.encrypted.iter().filter(|e| e.to == to).map(|e| Entry {
        origin: Origin::Encrypted(e.file, e.document),
        namespace: e.namespace.clone(),
        name: e.name.clone(),
        through: e.through.clone(),
        hook: false,
        part: None,
    }));
    found.extend(generated(ws, set, to));
    found
}

/// The sets that each generator makes its object in, and the kustomizations that it comes through
/// in any of them.
pub(super) type Courses = BTreeMap<Origin, (Vec<SetId>, BTreeSet<FileId>)>;

/// The courses of all generators of the kind.
pub(super) fn courses(ws: &Workspace, to: Target) -> Courses {
    let mut courses = Courses::new();
    for set in ws.sets() {
        for entry in generated(ws, set, to) {
            let (sets, through) = courses.entry(entry.origin).or_default();
            if sets.last() != Some(&set.id) {
                sets.push(set.id);
            }
            through.extend(entry.through);
        }
    }
    courses
}

/// What generators make in a set. Those that merge or replace make nothing: they need an object
/// that is there.
fn generated(ws: &Workspace, set: &ApplySet, to: Target) -> Vec<Entry> {
    let made = set
        .generated
        .iter()
        .enumerate()
        .filter_map(|(position, made)| {
            let generator = ws
                .kustomization(made.kustomization)?
                .generators
                .get(made.generator)?;
            (generator.to == to && generator.behavior == "create").then(|| Entry {
                origin: Origin::Generator(made.kustomization, made.generator),
                namespace: made.namespace.clone(),
                name: made.name.clone(),
                through: made.through.clone(),
                hook: false,
                part: set.part_of_generated(position),
            })
        });
    made.collect()
}

/// The name that an object has where it is defined.
pub(super) fn own_name(ws: &Workspace, origin: Origin) -> Option<&str> {
    match origin {
        Origin::Resource(id) => Some(&ws.resource(id).name),
        Origin::Generator(file, at) => ws
            .kustomization(file)?
            .generators
            .get(at)
            .map(|g| g.name.as_str()),
        Origin::Encrypted(file, document) => ws
            .file(file)
            .yaml
            .as_deref()?
            .root(document)?
            .path(&["metadata", "name"])
            .and_then(Node::text),
    }
}

/// The item of `configMapGenerator` or `secretGenerator` at that position.
pub(super) fn generator_node(ws: &Workspace, kustomization: FileId, at: usize) -> Option<Node<'_>> {
    let location = &ws
        .kustomization(kustomization)?
        .generators
        .get(at)?
        .location;
    let yaml = ws.file(location.file).yaml.as_deref()?;
    let lists = (0..yaml.documents().len())
        .filter_map(|i| yaml.root(i))
        .flat_map(|root| {
            ["configMapGenerator", "secretGenerator"]
                .into_iter()
                .filter_map(move |k| root.get(k))
        });
    let around = lists.filter(|list| list.span().contains(&location.span.start));
    around
        .flat_map(Node::items)
        .find(|item| item.span().contains(&location.span.start))
}

/// Where a generator takes what it writes under a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Content {
    Literal(String),
    /// The path of a file, as written.
    File(String),
}

/// The keys a generator makes, each with its content; `false` when there may be more (kustomize
/// `api/kv`).
pub(super) fn generated_keys(node: Node<'_>) -> (Vec<(String, Content)>, bool) {
    let mut keys = Vec::new();
    let items = |field: &str| {
        node.get(field)
            .into_iter()
            .flat_map(Node::items)
            .collect::<Vec<_>>()
    };
    let mut complete = true;
    for literal in items("literals") {
        match literal.text().and_then(|t| t.split_once('=')) {
            Some((key, value)) => keys.push((
                key.to_owned(),
                Content::Literal(value.trim_matches(['"', '\'']).to_owned()),
            )),
            None => complete = false,
        }
    }
    for file in items("files") {
        let Some(text) = file.text().filter(|t| !t.is_empty()) else {
            complete = false;
            continue;
        };
        let (key, path) = text
            .split_once('=')
            .unwrap_or_else(|| (text.rsplit('/').next().unwrap_or(text), text));
        keys.push((key.to_owned(), Content::File(path.to_owned())));
    }
    complete &= items("envs").is_empty() && node.get("env").is_none();
    (keys, complete)
}
