//! What an apply set holds of one kind: resources, and what the generators of its kustomizations make.
//!
//! kustomize adds a generated object to those that are there already, and fails when the name is taken, whether it gets a content hash or
//! not: the hash comes last. So a generator collides like a resource, and its `name` is what a rename changes.

use std::collections::BTreeSet;

use kubewright_model::kube::{ApplySet, FileId, ResourceId, SetId, Target, Workspace};
use kubewright_model::yaml::Node;

/// What defines an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Origin {
    /// A resource.
    Resource(ResourceId),
    /// The generator at that position of the kustomization.
    Generator(FileId, usize),
}

/// An object of an apply set.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) origin: Origin,
    /// The effective namespace.
    pub(super) namespace: Option<String>,
    /// The name in the cluster, a content hash aside.
    pub(super) name: String,
    /// The kustomizations it comes through.
    pub(super) through: BTreeSet<FileId>,
}

/// All objects of the kind in a set, resources first, in order of application.
pub(super) fn of(ws: &Workspace, set: &ApplySet, to: Target) -> Vec<Entry> {
    let mut found = Vec::new();
    for member in &set.members {
        let resource = ws.resource(member.resource);
        if resource.kind == to.kind() && resource.api_version == "v1" && !member.name.is_empty() && !ws.is_hook(member.resource) {
            found.push(Entry {
                origin: Origin::Resource(member.resource),
                namespace: member.namespace.clone(),
                name: member.name.clone(),
                through: member.through.iter().copied().collect(),
            });
        }
    }
    found.extend(generated(ws, set, to));
    found
}

/// The sets that a generator makes its object in.
pub(super) fn sets_of(ws: &Workspace, to: Target, origin: Origin) -> Vec<SetId> {
    ws.sets().iter().filter(|set| generated(ws, set, to).iter().any(|e| e.origin == origin)).map(|set| set.id).collect()
}

/// What generators make in a set. Those that merge or replace make nothing: they need an object that is there.
fn generated(ws: &Workspace, set: &ApplySet, to: Target) -> Vec<Entry> {
    let made = set.generated.iter().filter_map(|made| {
        let generator = ws.kustomization(made.kustomization)?.generators.get(made.generator)?;
        (generator.to == to && generator.behavior == "create").then(|| Entry {
            origin: Origin::Generator(made.kustomization, made.generator),
            namespace: made.namespace.clone(),
            name: made.name.clone(),
            through: made.through.iter().copied().collect(),
        })
    });
    made.collect()
}

/// The item of `configMapGenerator` or `secretGenerator` at that position.
pub(super) fn generator_node(ws: &Workspace, kustomization: FileId, at: usize) -> Option<Node<'_>> {
    let location = &ws.kustomization(kustomization)?.generators.get(at)?.location;
    let yaml = ws.file(location.file).yaml.as_deref()?;
    let items = (0..yaml.documents().len())
        .filter_map(|i| yaml.root(i))
        .flat_map(|root| ["configMapGenerator", "secretGenerator"].into_iter().filter_map(move |k| root.get(k)).flat_map(Node::items));
    items.into_iter().find(|item| item.get("name").is_some_and(|n| n.span() == location.span))
}

/// The keys a generator makes, each with what is known of its content; `false` when there may be more (kustomize `api/kv`).
pub(super) fn generated_keys(node: Node<'_>) -> (Vec<(String, String)>, bool) {
    let mut keys = Vec::new();
    let items = |field: &str| node.get(field).into_iter().flat_map(Node::items).collect::<Vec<_>>();
    let mut complete = true;
    for literal in items("literals") {
        match literal.text().and_then(|t| t.split_once('=')) {
            Some((key, value)) => keys.push((key.to_owned(), value.trim_matches(['"', '\'']).to_owned())),
            None => complete = false,
        }
    }
    for file in items("files") {
        let Some(text) = file.text().filter(|t| !t.is_empty()) else {
            complete = false;
            continue;
        };
        let (key, path) = text.split_once('=').unwrap_or_else(|| (text.rsplit('/').next().unwrap_or(text), text));
        keys.push((key.to_owned(), format!("file {path}")));
    }
    complete &= items("envs").is_empty() && node.get("env").is_none();
    (keys, complete)
}
