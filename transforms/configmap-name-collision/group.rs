//! Groups definitions that collide: same kind, same effective name, met in one apply set.
//!
//! Namespaces decide whether they meet for certain. Absent is a value of its own, which may turn out to be any namespace, so a
//! definition without a namespace and one with a namespace only *may* meet (semantics b.7). The same pair that meets in several apply
//! sets is one collision. Hooks of Helm and Argo CD are applied on their own and do not count (semantics f.1).

use std::collections::{BTreeMap, BTreeSet};

use kubewright_model::kube::{ApplySet, Evidence, FileId, Member, Resource, ResourceId, SetId, Target, Workspace};
use kubewright_model::yaml::{Node, Value};

/// How two namespaces relate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Relation {
    Same,
    Unsure,
    Different,
}

/// Relates two effective namespaces; one that is absent may be any.
pub(super) fn relate(a: Option<&str>, b: Option<&str>) -> Relation {
    match (a, b) {
        (Some(a), Some(b)) if a != b => Relation::Different,
        (None, Some(_)) | (Some(_), None) => Relation::Unsure,
        _ => Relation::Same,
    }
}

/// One definition of the name.
#[derive(Debug)]
pub(super) struct Definition<'a> {
    pub(super) id: ResourceId,
    pub(super) file: FileId,
    pub(super) node: Node<'a>,
    /// The scalar of `metadata.name`.
    pub(super) name: Node<'a>,
    data: BTreeMap<String, Value>,
    binary: BTreeMap<String, Value>,
}

impl<'a> Definition<'a> {
    pub(super) fn read(ws: &'a Workspace, resource: &'a Resource) -> Option<Self> {
        let node = ws.node(resource.id)?;
        let name = node.path(&["metadata", "name"])?;
        Some(Self { id: resource.id, file: resource.file, node, name, data: map(node, "data"), binary: map(node, "binaryData") })
    }

    /// All keys, of `data` and `binaryData`.
    pub(super) fn keys(&self) -> BTreeSet<&str> {
        self.data.keys().chain(self.binary.keys()).map(String::as_str).collect()
    }

    /// Whether it holds `key`, in `data` if that is demanded.
    pub(super) fn holds(&self, key: &str, data_only: bool) -> bool {
        self.data.contains_key(key) || (!data_only && self.binary.contains_key(key))
    }

    /// Whether a pod would read the same from both.
    pub(super) fn same_content(&self, other: &Self) -> bool {
        self.data == other.data && self.binary == other.binary
    }
}

fn map(node: Node<'_>, field: &str) -> BTreeMap<String, Value> {
    match node.get(field).and_then(Node::to_value) {
        Some(Value::Map(pairs)) => pairs.into_iter().collect(),
        _ => BTreeMap::new(),
    }
}

/// Definitions of one name that meet, or may meet.
#[derive(Debug)]
pub(super) struct Collision<'a> {
    pub(super) to: Target,
    /// The name as the first definition writes it.
    pub(super) name: &'a str,
    /// The name as it is applied, with what kustomize puts around it.
    pub(super) applied: &'a str,
    /// The effective namespace.
    pub(super) namespace: Option<&'a str>,
    /// The apply sets they meet in.
    pub(super) sets: Vec<SetId>,
    /// The strongest evidence of these.
    pub(super) evidence: Evidence,
    /// In order of application: the last one is what the cluster holds.
    pub(super) definitions: Vec<Definition<'a>>,
    /// A further definition of the name that may or may not be in the same namespace.
    pub(super) unsure: Option<ResourceId>,
    /// Whether the definitions themselves are in one namespace for certain.
    pub(super) certain: bool,
}

impl Collision<'_> {
    /// Where a definition stands, for messages: its file, with the line when others stand there too.
    pub(super) fn place(&self, ws: &Workspace, at: usize) -> String {
        let Some(definition) = self.definitions.get(at) else { return String::new() };
        let file = ws.file(definition.file);
        let alone = self.definitions.iter().filter(|d| d.file == definition.file).count() == 1;
        match file.yaml.as_deref().filter(|_| !alone) {
            Some(yaml) => format!("{}:{}", file.path, yaml.position(definition.name.span().start).0),
            None => file.path.clone(),
        }
    }

    pub(super) fn is_definition(&self, id: ResourceId) -> bool {
        self.definitions.iter().any(|d| d.id == id)
    }

    /// Whether all definitions hold the same.
    pub(super) fn identical(&self) -> bool {
        self.definitions.windows(2).all(|pair| matches!(pair, [a, b] if a.same_content(b)))
    }
}

/// All collisions of the workspace, in order of the sets they meet in first.
pub(super) fn collisions(ws: &Workspace, to: Target) -> Vec<Collision<'_>> {
    let mut found: Vec<Collision<'_>> = Vec::new();
    for set in ws.sets() {
        let mut by_name: BTreeMap<&str, Vec<&Member>> = BTreeMap::new();
        for member in &set.members {
            let resource = ws.resource(member.resource);
            if resource.kind == to.kind() && resource.api_version == "v1" && !member.name.is_empty() && !ws.is_hook(member.resource) {
                let members = by_name.entry(&member.name).or_default();
                if members.iter().all(|m| m.resource != member.resource || m.namespace != member.namespace) {
                    members.push(member);
                }
            }
        }
        for members in by_name.into_values().filter(|m| m.len() > 1) {
            for collision in in_set(ws, set, to, &members) {
                match found.iter_mut().find(|c| same_definitions(c, &collision)) {
                    Some(known) => {
                        known.sets.push(set.id);
                        known.evidence = known.evidence.min(collision.evidence);
                    }
                    None => found.push(collision),
                }
            }
        }
    }
    found
}

/// Collisions among the definitions of one name in one set, by namespace.
fn in_set<'a>(ws: &'a Workspace, set: &'a ApplySet, to: Target, members: &[&'a Member]) -> Vec<Collision<'a>> {
    let mut by_namespace: BTreeMap<Option<&str>, Vec<&Member>> = BTreeMap::new();
    for member in members {
        by_namespace.entry(member.namespace.as_deref()).or_default().push(member);
    }
    let collision = |members: &[&'a Member], certain: bool| {
        let definitions: Vec<_> = members.iter().filter_map(|m| Definition::read(ws, ws.resource(m.resource))).collect();
        let first = ws.resource(definitions.first()?.id);
        let namespace = members.first()?.namespace.as_deref();
        let unsure = by_namespace.iter().filter(|(other, _)| relate(**other, namespace) == Relation::Unsure).flat_map(|(_, m)| m).next();
        (definitions.len() > 1).then(|| Collision {
            to,
            name: &first.name,
            applied: members.first().map_or("", |m| m.name.as_str()),
            namespace,
            sets: vec![set.id],
            evidence: set.evidence,
            definitions,
            unsure: unsure.map(|m| m.resource),
            certain,
        })
    };
    let certain: Vec<_> = by_namespace.values().filter(|m| m.len() > 1).filter_map(|m| collision(m, true)).collect();
    if certain.is_empty() && by_namespace.contains_key(&None) {
        return collision(members, false).filter(|c| !c.identical()).into_iter().collect();
    }
    certain
}

fn same_definitions(a: &Collision<'_>, b: &Collision<'_>) -> bool {
    a.certain == b.certain && a.definitions.iter().map(|d| d.id).collect::<BTreeSet<_>>() == b.definitions.iter().map(|d| d.id).collect()
}
