//! The values of what is installed: where they stand, and what they are together.

use serde_json::{Map, Number, Value as Json};

use crate::kube::kustomize::generator::{GeneratorSource, generator_sources};
use crate::kube::object::apply_set::{Resolution, SetId};
use crate::kube::object::kustomization::Generator;
use crate::kube::object::location::Location;
use crate::kube::object::reference::Target;
use crate::kube::object::resource::{FileId, Resource, ResourceId};
use crate::kube::source::paths::join;
use crate::kube::workspace::Workspace;
use crate::yaml::{File, Node, Value};

/// Values that are deeper are not read.
const DEEPEST: usize = 64;

/// A part of the values: a mapping of a file, or a text within one.
#[derive(Debug)]
pub struct Part<'w> {
    /// The file.
    pub file: FileId,
    node: Node<'w>,
    /// What the text holds, where the node is one.
    text: Option<File>,
}

impl<'w> Part<'w> {
    fn of(file: FileId, node: Node<'w>) -> Option<Self> {
        if node.is_null() {
            return None;
        }
        let text = if node.is_mapping() {
            None
        } else {
            Some(File::parse(node.text()?).ok()?)
        };
        Some(Self { file, node, text })
    }

    /// The values.
    pub fn root(&self) -> Option<Node<'_>> {
        match &self.text {
            Some(file) => file.root(0),
            None => Some(self.node),
        }
    }

    /// Where they stand.
    pub fn location(&self) -> Location {
        Location::of(self.file, self.node)
    }

    /// The scalar that holds them as a text, where they are one.
    pub fn scalar(&self) -> Option<Node<'w>> {
        self.text.is_some().then_some(self.node)
    }

    /// The text as a file of its own.
    pub fn inner(&self) -> Option<&File> {
        self.text.as_ref()
    }

    /// The value at a path; numbers are positions in lists.
    pub fn at(&self, path: &[String]) -> Option<Node<'_>> {
        let mut at = self.root()?;
        for key in path {
            at = step(at, key)?;
        }
        Some(at)
    }

    /// How much of a path is there.
    pub(super) fn depth(&self, path: &[String]) -> usize {
        let Some(mut at) = self.root() else { return 0 };
        for (depth, key) in path.iter().enumerate() {
            match step(at, key) {
                Some(next) => at = next,
                None => return depth,
            }
        }
        path.len()
    }

    pub(super) fn json(&self) -> Option<Json> {
        match self.root() {
            None => Some(Json::Object(Map::new())),
            Some(root) if root.is_null() => Some(Json::Object(Map::new())),
            Some(root) => Some(json(root.to_value()?)),
        }
    }
}

fn step<'n>(at: Node<'n>, key: &str) -> Option<Node<'n>> {
    if at.is_sequence() {
        return at.items().nth(key.parse().ok()?);
    }
    at.get(key)
}

fn json(value: Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(b) => Json::Bool(b),
        Value::Int(n) => Json::Number(Number::from(n)),
        Value::Str(text) | Value::Quoted(text) => Json::String(text),
        Value::Seq(items) => Json::Array(items.into_iter().map(json).collect()),
        Value::Map(pairs) => Json::Object(pairs.into_iter().map(|(k, v)| (k, json(v))).collect()),
        Value::Flow(value) => json(*value),
    }
}

/// Values over others, as Helm merges them: mappings key by key, and null takes a key away.
pub(super) fn merge(into: &mut Json, over: Json) {
    merge_to(into, over, DEEPEST);
}

fn merge_to(into: &mut Json, over: Json, depth: usize) {
    match (into, over) {
        (Json::Object(into), Json::Object(over)) if depth > 0 => {
            for (key, value) in over {
                if value.is_null() {
                    into.remove(&key);
                } else {
                    merge_to(into.entry(key).or_insert(Json::Null), value, depth - 1);
                }
            }
        }
        (into, over) => *into = over,
    }
}

/// Fills in the one template that names of objects are made with: the name of the release.
pub(super) fn fill(values: &mut Json, release: &str) {
    fill_to(values, release, DEEPEST);
}

fn fill_to(values: &mut Json, release: &str, depth: usize) {
    if depth == 0 {
        return;
    }
    match values {
        Json::String(text) if text.contains("{{") => {
            for own in ["{{ .Release.Name }}", "{{.Release.Name}}"] {
                *text = text.replace(own, release);
            }
        }
        Json::Array(items) => {
            for item in items {
                fill_to(item, release, depth - 1);
            }
        }
        Json::Object(map) => {
            for (_, value) in map.iter_mut() {
                fill_to(value, release, depth - 1);
            }
        }
        _ => {}
    }
}

/// What `valuesFrom` reads of ConfigMaps of the workspace, and `values`. Nothing where values come
/// from what is not there: they could be anything.
pub(super) fn of_helm_release<'w>(
    workspace: &'w Workspace,
    resource: &Resource,
    sets: &[SetId],
) -> Option<Vec<Part<'w>>> {
    let spec = workspace.node(resource.id)?.get("spec")?;
    let mut parts = Vec::new();
    for from in spec.get("valuesFrom").into_iter().flat_map(Node::items) {
        let text = |key: &str| from.get(key).and_then(Node::text);
        // A single value, or what only the cluster has, leaves what is asked for as it is.
        if text("kind") != Some("ConfigMap") || text("targetPath").is_some() {
            continue;
        }
        let key = text("valuesKey").unwrap_or("values.yaml");
        let name = text("name")?;
        let mut found = sets.iter().map(|set| {
            let (file, node) = in_config_map(workspace, (*set, resource.id), name, key)?;
            Part::of(file, node)
        });
        if let Some(part) = found.next().flatten() {
            let other = |other: Option<Part<'_>>| {
                other.is_none_or(|o| o.file != part.file || o.node.span() != part.node.span())
            };
            if found.any(other) {
                return None;
            }
            parts.push(part);
        }
    }
    if let Some(values) = spec.get("values") {
        parts.extend(Part::of(resource.file, values));
    }
    Some(parts)
}

/// The key of a ConfigMap, or the file that a generator makes it of.
fn in_config_map<'w>(
    workspace: &'w Workspace,
    (set, from): (SetId, ResourceId),
    name: &str,
    key: &str,
) -> Option<(FileId, Node<'w>)> {
    match workspace.resolve(set, from, Target::ConfigMap, name) {
        Resolution::One(id) => {
            let node = workspace.node(id)?.path(&["data", key])?;
            Some((workspace.resource(id).file, node))
        }
        Resolution::Generated { kustomization, .. } => {
            let directory = &workspace.kustomization(kustomization)?.directory;
            let of = |g: &&Generator| g.name == name;
            let kustomization = workspace.kustomization(kustomization)?;
            let mut generators = kustomization.generators.iter().filter(of);
            let generator = generators.next().filter(|_| generators.next().is_none())?;
            let item = workspace.generator_item(kustomization.file, generator)?;
            let sources = generator_sources(item).into_iter();
            let mut paths = sources.filter_map(|source| match source {
                GeneratorSource::File { key: own, path } if own == key => Some(path),
                _ => None,
            });
            let file = workspace.file_at(&join(directory, paths.next()?)?)?;
            Some((file.id, file.yaml.as_deref()?.root(0)?))
        }
        _ => None,
    }
}

/// `valueFiles` that are in the workspace, and `valuesObject`, or `values`.
pub(super) fn of_application(workspace: &Workspace, id: ResourceId) -> Option<Vec<Part<'_>>> {
    let spec = workspace.node(id)?.get("spec")?;
    let several = spec.get("sources").into_iter().flat_map(Node::items);
    let mut sources = several.chain(spec.get("source"));
    let helm = sources.find_map(|s| super::chart::of_source(s).map(|_| s))?;
    let helm = helm.get("helm")?;
    let mut parts = Vec::new();
    for entry in helm.get("valueFiles").into_iter().flat_map(Node::items) {
        // What is behind the name of another source is taken for this repository. Other paths are
        // within the chart.
        let other = entry.text()?.strip_prefix('$');
        let Some((_, path)) = other.and_then(|path| path.split_once('/')) else {
            continue;
        };
        let file = workspace.file_at(&join("", path)?)?;
        parts.extend(Part::of(file.id, file.yaml.as_deref()?.root(0)?));
    }
    let own = workspace.resource(id).file;
    let object = helm.get("valuesObject").filter(|o| o.is_mapping());
    if let Some(values) = object.or_else(|| helm.get("values")) {
        parts.extend(Part::of(own, values));
    }
    Some(parts)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_merged_as_helm_merges_them() {
        let mut values = json!({"a": {"b": 1, "c": [1]}, "d": 2});
        merge(&mut values, json!({"a": {"c": [2], "e": {}}, "d": null}));
        assert_eq!(values, json!({"a": {"b": 1, "c": [2], "e": {}}}));
    }

    #[test]
    fn the_name_of_the_release_is_filled_in() {
        let mut values = json!({"a": ["{{ .Release.Name }}-config", "{{ .Values.x }}"]});
        fill(&mut values, "shop");
        assert_eq!(values, json!({"a": ["shop-config", "{{ .Values.x }}"]}));
    }
}
