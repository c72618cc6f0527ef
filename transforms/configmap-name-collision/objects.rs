//! What an apply set holds of one kind: resources, and what the generators of its kustomizations
//! make.
//!
//! kustomize adds a generated object to those that are there already, and fails when the name is
//! taken, whether it gets a content hash or not: the hash comes last. So a generator collides like
//! a resource, and its `name` is what a rename changes.

use std::collections::{BTreeMap, BTreeSet};

use kubewright_model::kube::{
    ApplySet, FileId, GeneratorSource, ResourceId, SetId, Target, Workspace, generator_sources,
};
use kubewright_model::yaml::{Node, Value};

use super::removal::joined;
use crate::binary;

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
pub(super) struct AppliedObject {
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
    let directory = ws.kustomization(kustomization).map_or("", |k| &k.directory);
    let text = |text: &str| match to {
        // As the data of a Secret is written.
        Target::Secret => Value::str(binary::encode(text)),
        Target::ConfigMap => Value::str(text),
    };
    let file = |written: &str| {
        let path = joined(directory, written);
        match ws.text_at(&path) {
            Some(content) => text(content),
            None => Value::Map(vec![("file".to_owned(), Value::str(path))]),
        }
    };
    let (sources, complete) = keyed_sources(node);
    let value = |source| match source {
        GeneratorSource::Literal { key, value } => Some((key.to_owned(), text(value))),
        GeneratorSource::File { key, path } => Some((key.to_owned(), file(path))),
        GeneratorSource::Variables(_) | GeneratorSource::NoPair(_) => None,
    };
    (sources.into_iter().filter_map(value).collect(), complete)
}

/// The keys a generator makes; `false` when there may be more.
pub(super) fn generated_keys(node: Node<'_>) -> (BTreeSet<String>, bool) {
    let (sources, complete) = keyed_sources(node);
    let key = |source| match source {
        GeneratorSource::Literal { key, .. } | GeneratorSource::File { key, .. } => {
            Some(key.to_owned())
        }
        GeneratorSource::Variables(_) | GeneratorSource::NoPair(_) => None,
    };
    (sources.into_iter().filter_map(key).collect(), complete)
}

/// The sources of a generator whose keys it states; `false` when it has others.
fn keyed_sources(node: Node<'_>) -> (Vec<GeneratorSource<'_>>, bool) {
    let all = generator_sources(node);
    let count = all.len();
    let keyed: Vec<_> = all
        .into_iter()
        .filter(|source| match source {
            GeneratorSource::Literal { .. } => true,
            GeneratorSource::File { path, .. } => !path.is_empty(),
            GeneratorSource::Variables(_) | GeneratorSource::NoPair(_) => false,
        })
        .collect();
    let complete = keyed.len() == count;
    (keyed, complete)
}

/// All objects of the kind in a set, resources first, in order of application.
pub(super) fn of(ws: &Workspace, set: &ApplySet, to: Target) -> Vec<AppliedObject> {
    let mut found = Vec::new();
    for (position, member) in set.members.iter().enumerate() {
        let resource = ws.resource(member.resource);
        if resource.kind == to.kind() && resource.api_version == "v1" && !member.name.is_empty() {
            found.push(AppliedObject {
                hook: ws.is_hook(member.resource),
                origin: Origin::Resource(member.resource),
                namespace: member.namespace.clone(),
                name: member.name.clone(),
                through: member.through.clone(),
                part: set.part_of(position),
            });
        }
    }
    found.extend(
        set.encrypted
            .iter()
            .filter(|e| e.to == to)
            .map(|e| AppliedObject {
                origin: Origin::Encrypted(e.file, e.document),
                namespace: e.namespace.clone(),
                name: e.name.clone(),
                through: e.through.clone(),
                hook: false,
                part: None,
            }),
    );
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
fn generated(ws: &Workspace, set: &ApplySet, to: Target) -> Vec<AppliedObject> {
    let made = set
        .generated
        .iter()
        .enumerate()
        .filter_map(|(position, made)| {
            let generator = ws
                .kustomization(made.kustomization)?
                .generators
                .get(made.generator)?;
            (generator.to == to && generator.behavior == "create").then(|| AppliedObject {
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
    let generator = ws.kustomization(kustomization)?.generators.get(at)?;
    ws.generator_item(kustomization, generator)
}
