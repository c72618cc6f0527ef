//! References outside of pod templates: the field table, what the user declared, RBAC, and what
//! kinds that are not known look like.
//!
//! The same scalar is reported once, by the strongest of: declared by the user, table, RBAC,
//! PodSpec-shaped mapping, types of core/v1 in groups known to embed them, and last the generic
//! shapes of docs/kubernetes.md#shapes-of-custom-resources, which are only probable.

use std::collections::{BTreeMap, BTreeSet};

use super::custom_fields::{CUSTOM_FIELDS, EMBEDDING_GROUPS, OUTPUTS, SELECTOR_GROUPS};
use super::field_table::{BUILT_IN_GROUPS, CORE_KINDS, FIELDS, Field, Form, POD_ANNOTATIONS};
use super::gitops_fields::GITOPS_FIELDS;
use crate::kube::object::reference::{Certainty, FieldReference, Target};
use crate::kube::object::resource::Resource;
use crate::kube::pod::{self, CONTAINER_LISTS, references, walk};
use crate::kube::source::options::ReferenceSpec;
use crate::yaml::{Kind, Node, NodeId};

/// All references of a resource outside of its pod templates, in document order.
pub(in crate::kube) fn of_resource<'a>(
    resource: &Resource,
    root: Node<'a>,
    declared: &[ReferenceSpec],
) -> Vec<FieldReference<'a>> {
    let mut collector = Collector {
        root,
        seen: BTreeSet::new(),
        found: Vec::new(),
    };
    for spec in declared.iter().filter(|s| s.kind == resource.kind) {
        collector.declared(spec);
    }
    let all = FIELDS.iter().chain(CUSTOM_FIELDS).chain(GITOPS_FIELDS);
    for field in all.filter(|f| f.kinds.contains(&"*") || f.kinds.contains(&resource.kind.as_str()))
    {
        if field.group == "*" || field.group == resource.group() {
            collector.field(field);
        }
    }
    let templates = pod::templates(resource, root);
    for annotations in templates
        .iter()
        .filter_map(|t| t.node.path(&["metadata", "annotations"]))
    {
        for (key, to) in POD_ANNOTATIONS {
            if let Some(node) = annotations.get(key) {
                collector.words(*to, Certainty::Known, node);
            }
        }
    }
    if resource.group() == "rbac.authorization.k8s.io" {
        collector.rbac();
    } else if !is_built_in(resource) {
        let specs: Vec<Node<'_>> = templates.iter().map(|t| t.spec).collect();
        for (kind, group, path) in OUTPUTS {
            if *kind == resource.kind && *group == resource.group() {
                collector
                    .seen
                    .extend(walk(root, path).iter().map(|n| n.id()));
            }
        }
        let group = resource.group();
        let embeds = EMBEDDING_GROUPS.iter().any(|g| {
            if g.starts_with('.') {
                group.ends_with(g)
            } else {
                *g == group
            }
        });
        collector.shapes(&specs, embeds, SELECTOR_GROUPS.contains(&group));
    }
    collector.found.sort_by_key(|r| r.node.id());
    collector.found
}

/// Whether all references of the kind are in the table.
fn is_built_in(resource: &Resource) -> bool {
    if resource.group().is_empty() {
        CORE_KINDS.contains(&resource.kind.as_str())
    } else {
        BUILT_IN_GROUPS.contains(&resource.group())
    }
}

struct Collector<'a> {
    root: Node<'a>,
    /// Scalars that are explained.
    seen: BTreeSet<NodeId>,
    found: Vec<FieldReference<'a>>,
}

impl<'a> Collector<'a> {
    fn push(
        &mut self,
        to: Target,
        node: Node<'a>,
        namespace: Option<&'a str>,
        required: BTreeSet<String>,
        certainty: Certainty,
    ) {
        let Some(name) = node
            .as_str()
            .filter(|n| !n.is_empty() && !n.contains(['$', '{']))
        else {
            return;
        };
        if self.seen.insert(node.id()) {
            let path = path_of(self.root, node);
            self.found.push(FieldReference {
                to,
                name,
                node,
                part: None,
                namespace,
                required,
                certainty,
                path,
            });
        }
    }

    fn declared(&mut self, spec: &ReferenceSpec) {
        let path: Vec<&str> = spec.path.split('.').collect();
        let key: Vec<&str> = spec
            .key
            .as_deref()
            .map(|k| k.split('.').collect())
            .unwrap_or_default();
        // The key is looked for in the same list items as the name: walk together as far as both
        // paths agree.
        let shared = path.iter().zip(&key).take_while(|(a, b)| a == b).count();
        for common in walk(self.root, path.get(..shared).unwrap_or_default()) {
            let required: BTreeSet<String> = match key.get(shared..) {
                Some(rest) if !rest.is_empty() => walk(common, rest)
                    .into_iter()
                    .filter_map(Node::text)
                    .map(str::to_owned)
                    .collect(),
                _ => BTreeSet::new(),
            };
            for node in walk(common, path.get(shared..).unwrap_or_default()) {
                self.push(spec.to, node, None, required.clone(), Certainty::Known);
            }
        }
    }

    fn field(&mut self, field: &Field) {
        let (parents, last) = match field.path.split_last() {
            Some((last, parents)) => (walk(self.root, parents), *last),
            None => return,
        };
        for parent in parents {
            if let Some((key, value)) = field.when {
                let actual = parent.get(key).and_then(Node::text);
                if actual != Some(value) && !(field.or_absent && actual.is_none()) {
                    continue;
                }
            }
            let beside = |key: &str| parent.get(key).and_then(Node::text);
            let namespace = field.namespace.and_then(beside);
            let required = field
                .key
                .and_then(|(key, default)| beside(key).or(default))
                .map(str::to_owned)
                .into_iter()
                .collect();
            for node in walk(parent, &[last]) {
                match field.form {
                    Form::Name => self.push(
                        field.to,
                        node,
                        namespace,
                        BTreeSet::clone(&required),
                        field.certainty,
                    ),
                    Form::Words => self.words(field.to, field.certainty, node),
                }
            }
        }
    }

    /// A scalar that may hold several names, or a namespace in front of one.
    fn words(&mut self, to: Target, certainty: Certainty, node: Node<'a>) {
        let Some(text) = node.as_str().filter(|t| !t.contains(['$', '{'])) else {
            return;
        };
        if !self.seen.insert(node.id()) {
            return;
        }
        let mut start = 0;
        for item in text.split(',') {
            let word = item.trim();
            let (namespace, name) = word
                .rsplit_once('/')
                .map_or((None, word), |(namespace, name)| (Some(namespace), name));
            let end = start + item.trim_end().len();
            let part = (name != text).then(|| end - name.len()..end);
            start += item.len() + 1;
            if !name.is_empty() {
                let path = path_of(self.root, node);
                self.found.push(FieldReference {
                    to,
                    name,
                    node,
                    part,
                    namespace,
                    required: BTreeSet::new(),
                    certainty,
                    path,
                });
            }
        }
    }

    /// `resourceNames` of rules that are about ConfigMaps or Secrets of the core group.
    fn rbac(&mut self) {
        for rule in self.root.get("rules").into_iter().flat_map(Node::items) {
            let holds = |key: &str, wanted: &[&str]| {
                rule.get(key)
                    .into_iter()
                    .flat_map(Node::items)
                    .any(|n| n.text().is_some_and(|t| wanted.contains(&t)))
            };
            if !holds("apiGroups", &["", "*"]) {
                continue;
            }
            for (plural, to) in [
                ("configmaps", Target::ConfigMap),
                ("secrets", Target::Secret),
            ] {
                if holds("resources", &[plural, "*"]) {
                    for node in rule.get("resourceNames").into_iter().flat_map(Node::items) {
                        // One scalar may name objects of both kinds.
                        self.seen.remove(&node.id());
                        self.push(to, node, None, BTreeSet::new(), Certainty::Known);
                    }
                }
            }
        }
    }

    /// What an unknown kind looks like it refers to; `templates` are explained by themselves.
    fn shapes(&mut self, templates: &[Node<'a>], embeds: bool, selects: bool) {
        let covered: BTreeMap<NodeId, u32> = templates
            .iter()
            .map(|t| (t.id(), t.data().subtree))
            .collect();
        let mappings: Vec<Node<'a>> = self
            .root
            .descendants()
            .filter(|n| matches!(n.kind(), Kind::Mapping(_)))
            .filter(|n| {
                covered
                    .range(..=n.id())
                    .next_back()
                    .is_none_or(|(_, end)| n.id().index() >= *end as usize)
            })
            .collect();
        for mapping in mappings.iter().filter(|m| is_pod_spec(**m)) {
            for reference in references::of_spec(*mapping) {
                self.push(
                    reference.to,
                    reference.node,
                    None,
                    reference.demand.required,
                    Certainty::Known,
                );
            }
        }
        if embeds {
            for mapping in &mappings {
                for found in embedded(*mapping) {
                    self.push(found.to, found.name, None, found.keys, Certainty::Known);
                }
                if selects && let Some(found) = selector(*mapping) {
                    self.push(found.to, found.name, None, found.keys, Certainty::Known);
                }
            }
        }
        for mapping in &mappings {
            self.probable(*mapping);
        }
    }

    /// The shapes that nearly always name one (docs/kubernetes.md#shapes-of-custom-resources).
    fn probable(&mut self, mapping: Node<'a>) {
        for (key, value) in mapping.entries() {
            let Some(to) = key.text().and_then(named_for) else {
                continue;
            };
            let names = if value.is_sequence() {
                value.items().collect()
            } else {
                vec![value]
            };
            for value in names {
                let name = if value.is_mapping() {
                    value.get("name").or_else(|| value.get("secretName"))
                } else {
                    Some(value)
                };
                let beside = |key: &str| value.get(key).and_then(Node::text);
                let required = beside("key").map(str::to_owned).into_iter().collect();
                if let Some(name) = name {
                    self.push(to, name, beside("namespace"), required, Certainty::Probable);
                }
            }
        }
        let beside = |key: &str| mapping.get(key).and_then(Node::text);
        let core = [beside("apiVersion"), beside("apiGroup"), beside("group")]
            .iter()
            .flatten()
            .all(|v| matches!(*v, "" | "v1" | "core"));
        let to = [Target::ConfigMap, Target::Secret]
            .into_iter()
            .find(|t| beside("kind") == Some(t.kind()));
        if let (true, Some(to), Some(name)) = (core, to, mapping.get("name")) {
            self.push(
                to,
                name,
                beside("namespace"),
                BTreeSet::new(),
                Certainty::Probable,
            );
        }
    }
}

/// What a field of that name may hold: `configMapRef`, `customQueriesConfigMap`, `caSecretName`,
/// `apiTokenSecretRef`, `configMapRefs`.
fn named_for(key: &str) -> Option<Target> {
    let key = key.strip_suffix('s').unwrap_or(key);
    let stem = ["KeyRef", "Ref", "Name"]
        .iter()
        .find_map(|end| key.strip_suffix(end))
        .unwrap_or(key);
    let ends = |lower: &str, upper: &str| stem == lower || stem.ends_with(upper);
    match () {
        () if ends("configMap", "ConfigMap") || ends("configmap", "Configmap") => {
            Some(Target::ConfigMap)
        }
        () if ends("secret", "Secret") => Some(Target::Secret),
        () => None,
    }
}

/// A reference found by its shape.
pub(in crate::kube) struct Shape<'a> {
    /// What is named.
    pub to: Target,
    /// The scalar that may be the name.
    pub name: Node<'a>,
    /// The keys that are demanded.
    pub keys: BTreeSet<String>,
}

/// References of a mapping that has the shape of `EnvVar`, `EnvFromSource`, `Volume`, a projected
/// source, or of what embeds them.
pub(in crate::kube) fn embedded(mapping: Node<'_>) -> Vec<Shape<'_>> {
    let around = mapping
        .parent()
        .filter(|p| p.is_sequence())
        .and_then(Node::key)
        .and_then(Node::text);
    shapes_below(mapping, around)
}

/// As [`embedded`], with the name of the list around given.
pub(in crate::kube) fn shapes_below<'a>(mapping: Node<'a>, around: Option<&str>) -> Vec<Shape<'a>> {
    let mut found = Vec::new();
    for (to, key_ref, from, volume) in [
        (
            Target::ConfigMap,
            "configMapKeyRef",
            "configMapRef",
            ("configMap", "name"),
        ),
        (
            Target::Secret,
            "secretKeyRef",
            "secretRef",
            ("secret", "secretName"),
        ),
    ] {
        if let Some(source) = mapping.get(key_ref)
            && let Some(name) = source.get("name")
        {
            let keys = source
                .get("key")
                .and_then(Node::text)
                .map(str::to_owned)
                .into_iter()
                .collect();
            found.push(Shape { to, name, keys });
        }
        let whole = match around {
            // So called by the VictoriaMetrics operator.
            Some("envFrom" | "extraEnvsFrom") => mapping.path(&[from, "name"]),
            Some("volumes" | "workspaces") => mapping.path(&[volume.0, volume.1]),
            Some("sources") => mapping.path(&[volume.0, "name"]),
            _ => None,
        };
        if let Some(name) = whole {
            let source = name.parent();
            let items = source
                .and_then(|s| s.get("items"))
                .into_iter()
                .flat_map(Node::items);
            let keys = items
                .filter_map(|i| i.get("key")?.text())
                .map(str::to_owned)
                .collect();
            found.push(Shape { to, name, keys });
        }
    }
    // cert-manager, External Secrets, Strimzi: a field `…SecretRef`, or `secretName` beside the
    // key.
    for (key, value) in mapping.entries().filter(|(_, v)| v.is_mapping()) {
        if key.text().is_some_and(|k| k.ends_with("SecretRef"))
            && let Some(name) = value
                .get("name")
                .filter(|_| value.get("namespace").is_none())
        {
            let keys = value
                .get("key")
                .and_then(Node::text)
                .map(str::to_owned)
                .into_iter()
                .collect();
            found.push(Shape {
                to: Target::Secret,
                name,
                keys,
            });
        }
    }
    found
}

/// A selector of a key: `name` and `key`, perhaps `optional`, and nothing else.
fn selector(mapping: Node<'_>) -> Option<Shape<'_>> {
    let around = mapping
        .parent()
        .filter(|p| p.is_mapping())
        .and_then(|_| mapping.key())
        .and_then(Node::text)?;
    let plain = mapping
        .entries()
        .all(|(k, _)| matches!(k.text(), Some("name" | "key" | "optional")));
    let (name, key) = (
        mapping.get("name")?,
        mapping.get("key").and_then(Node::text)?,
    );
    let to = if named_for(around) == Some(Target::ConfigMap) {
        Target::ConfigMap
    } else {
        Target::Secret
    };
    plain.then(|| Shape {
        to,
        name,
        keys: BTreeSet::from([key.to_owned()]),
    })
}

/// A mapping with a list of containers, each with a name and an image.
fn is_pod_spec(mapping: Node<'_>) -> bool {
    let container = |n: Node<'_>| n.get("name").is_some() && n.get("image").is_some();
    CONTAINER_LISTS
        .iter()
        .any(|(list, _)| mapping.get(list).is_some_and(|l| l.items().any(container)))
}

/// Dotted path of a node below `root`, sequences as `[]`.
pub(in crate::kube) fn path_of(root: Node<'_>, node: Node<'_>) -> String {
    let mut segments: Vec<&str> = Vec::new();
    let mut at = node;
    while at != root {
        let Some(parent) = at.parent() else { break };
        if matches!(parent.kind(), Kind::Mapping(_)) {
            segments.push(at.key().and_then(Node::text).unwrap_or_default());
        } else {
            segments.push("[]");
        }
        at = parent;
    }
    let mut path = String::new();
    for segment in segments.iter().rev() {
        if *segment != "[]" && !path.is_empty() {
            path.push('.');
        }
        path.push_str(segment);
    }
    path
}
