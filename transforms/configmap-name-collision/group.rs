//! Groups definitions that collide: same kind, same effective name, met in one apply set.
//!
//! Namespaces decide whether they meet for certain. Absent is a value of its own, which may turn
//! out to be any namespace, so a definition without a namespace and one with a namespace only *may*
//! meet (docs/kubernetes.md#namespace-defaults). The same pair that meets in several apply sets is
//! one collision. Hooks of Helm and Argo CD are applied on their own and do not count, but beside a
//! plain object of one file or stream.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use kubewright_model::finding::Location;
use kubewright_model::kube::{
    ApplySet, Evidence, FileId, Resource, ResourceId, SetId, Target, Workspace,
};
use kubewright_model::text;
use kubewright_model::text::{Path, Text};
use kubewright_model::yaml::{Node, Value};

use super::demand::Demands;
use super::objects::{self, AppliedObject, Courses, Origin};
use crate::binary;

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
    pub(super) origin: Origin,
    pub(super) file: FileId,
    /// The mapping of the resource, or the item of the generator.
    pub(super) node: Node<'a>,
    /// The scalar of its name.
    pub(super) name: Node<'a>,
    /// The kustomizations it comes through.
    pub(super) through: BTreeSet<FileId>,
    /// The same, outermost first.
    pub(super) ways: Vec<FileId>,
    /// Keys that are text, and those that are bytes.
    data: BTreeMap<String, Value>,
    binary: BTreeMap<String, Value>,
    /// Keys that patches and merging generators add.
    pub(super) added: BTreeSet<String>,
    /// It may hold keys that are not in sight.
    pub(super) open: bool,
    /// Of what a generator makes: the sets, and the kustomizations that it comes through in any of
    /// them.
    pub(super) course: (Vec<SetId>, BTreeSet<FileId>),
    /// As [`AppliedObject::part`].
    pub(super) part: Option<usize>,
}

impl<'a> Definition<'a> {
    pub(super) fn read(
        ws: &'a Workspace,
        to: Target,
        origin: Origin,
        through: Vec<FileId>,
    ) -> Option<Self> {
        let (node, name, file, data, binary, open) = match origin {
            Origin::Resource(id) => {
                let node = ws.node(id)?;
                let name = node.path(&["metadata", "name"])?;
                let (data, binary) = if to == Target::Secret {
                    (secret(node), BTreeMap::new())
                } else {
                    (map(node, "data"), map(node, "binaryData"))
                };
                (node, name, ws.resource(id).file, data, binary, false)
            }
            Origin::Generator(kustomization, at) => {
                let node = objects::generator_node(ws, kustomization, at)?;
                let (data, complete) = objects::generated_data(ws, kustomization, node, to);
                (
                    node,
                    node.get("name")?,
                    kustomization,
                    data,
                    BTreeMap::new(),
                    !complete,
                )
            }
            Origin::Encrypted(file, document) => {
                let node = ws.file(file).yaml.as_deref()?.root(document)?;
                // What a value is stays unknown: it is like no other.
                let here = |key: String| {
                    (
                        key,
                        Value::Map(vec![(
                            ws.file(file).path.clone(),
                            Value::str(document.to_string()),
                        )]),
                    )
                };
                let keys = ["data", "stringData"]
                    .into_iter()
                    .flat_map(|field| map(node, field).into_keys());
                (
                    node,
                    node.path(&["metadata", "name"])?,
                    file,
                    keys.map(here).collect(),
                    BTreeMap::new(),
                    false,
                )
            }
        };
        Some(Self {
            origin,
            file,
            node,
            name,
            ways: through.clone(),
            through: through.into_iter().collect(),
            data,
            binary,
            added: BTreeSet::new(),
            open,
            course: Default::default(),
            part: None,
        })
    }

    /// The resource; `None` for what a generator makes.
    pub(super) fn id(&self) -> Option<ResourceId> {
        if let Origin::Resource(id) = self.origin {
            Some(id)
        } else {
            None
        }
    }

    /// The name as it is written.
    pub(super) fn own_name(&self) -> &'a str {
        self.name.text().unwrap_or_default()
    }

    pub(super) fn location(&self) -> Location {
        Location::of(self.file, self.name)
    }

    /// All keys that are known.
    pub(super) fn keys(&self) -> BTreeSet<&str> {
        self.data
            .keys()
            .chain(self.binary.keys())
            .chain(&self.added)
            .map(String::as_str)
            .collect()
    }

    /// Whether it holds `key`, in `data` if that is demanded.
    pub(super) fn holds(&self, key: &str, data_only: bool) -> bool {
        self.data.contains_key(key)
            || self.added.contains(key)
            || (!data_only && self.binary.contains_key(key))
    }

    /// Whether a pod would read the same from both.
    pub(super) fn same_content(&self, other: &Self) -> bool {
        self.data == other.data
            && self.binary == other.binary
            && self.added == other.added
            && !self.open
            && !other.open
    }

    /// What it holds under a key.
    pub(super) fn value(&self, key: &str) -> Option<&Value> {
        self.data.get(key).or_else(|| self.binary.get(key))
    }

    /// A number that is the same for the same content.
    pub(super) fn content_hash(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        for (key, value) in self.data.iter().chain(&self.binary) {
            key.hash(&mut hasher);
            if let Value::Str(text) = value {
                text.hash(&mut hasher);
            }
        }
        self.added.hash(&mut hasher);
        hasher.finish()
    }

    /// Bytes of all keys and values.
    pub(super) fn size(&self) -> usize {
        let text = |value: &Value| {
            if let Value::Str(text) = value {
                text.len()
            } else {
                0
            }
        };
        self.data
            .iter()
            .chain(&self.binary)
            .map(|(k, v)| k.len() + text(v))
            .sum()
    }
}

fn map(node: Node<'_>, field: &str) -> BTreeMap<String, Value> {
    match node.get(field).and_then(Node::to_value) {
        Some(Value::Map(pairs)) => pairs.into_iter().collect(),
        _ => BTreeMap::new(),
    }
}

/// What a Secret holds: `stringData` is written over `data`, which is the same in base64.
fn secret(node: Node<'_>) -> BTreeMap<String, Value> {
    let plain = |value: Value| match value {
        Value::Str(text) => Value::str(text.split_ascii_whitespace().collect::<String>()),
        other => other,
    };
    let mut all: BTreeMap<String, Value> = map(node, "data")
        .into_iter()
        .map(|(key, value)| (key, plain(value)))
        .collect();
    for (key, value) in map(node, "stringData") {
        let encoded = if let Value::Str(text) = &value {
            Value::str(binary::encode(text))
        } else {
            value
        };
        all.insert(key, encoded);
    }
    all
}

/// Definitions of one name that meet, or may meet.
#[derive(Debug)]
pub(super) struct Collision<'a> {
    pub(super) to: Target,
    /// The name as the first definition writes it.
    pub(super) name: &'a str,
    /// The name as it is applied, with what kustomize puts around it.
    pub(super) applied: String,
    /// The effective namespace.
    pub(super) namespace: Option<String>,
    /// The apply sets they meet in.
    pub(super) sets: Vec<SetId>,
    /// The strongest evidence of these.
    pub(super) evidence: Evidence,
    /// In order of application: the last one is what the cluster holds.
    pub(super) definitions: Vec<Definition<'a>>,
    origins: BTreeSet<Origin>,
    /// How many of them stand in each file.
    in_file: BTreeMap<FileId, usize>,
    /// The file of a further definition of the name that may or may not be in the same namespace.
    pub(super) unsure: Option<FileId>,
    /// Whether the definitions themselves are in one namespace for certain.
    pub(super) certain: bool,
}

impl Collision<'_> {
    /// What tells it from other collisions: kind, name and namespace.
    pub(super) fn subject(&self) -> impl Iterator<Item = &str> {
        [self.to.kind(), self.name]
            .into_iter()
            .chain(self.namespace.as_deref())
    }

    /// Where a definition stands, for messages: its file, with the line when others stand there
    /// too.
    pub(super) fn place(&self, ws: &Workspace, at: usize) -> Text {
        let Some(definition) = self.definitions.get(at) else {
            return Text::new();
        };
        let file = ws.file(definition.file);
        match self.in_file.get(&definition.file) {
            Some(2..) => text![
                Path(&file.path),
                ":",
                file.position(definition.name.span().start).0
            ],
            _ => Path(&file.path).into(),
        }
    }

    pub(super) fn is_definition(&self, id: ResourceId) -> bool {
        self.origins.contains(&Origin::Resource(id))
    }

    /// The definition that `kustomize build` fails on, by index: the first that is added to what
    /// holds the name already. A base is built before it is added; what a base generates may stand
    /// anywhere in between, and is not known.
    pub(super) fn fails_on(&self) -> Option<usize> {
        let kinds: BTreeSet<u8> = self
            .definitions
            .iter()
            .map(|d| match d.origin {
                Origin::Resource(_) => 0,
                Origin::Encrypted(..) => 1,
                Origin::Generator(..) => 2 + u8::from(d.ways.len() > 1),
            })
            .collect();
        // What a kustomization generates itself comes behind all that it lists.
        let known = kinds.len() == 1
            || kinds == BTreeSet::from([0, 2])
            || kinds == BTreeSet::from([1, 2])
            || kinds == BTreeSet::from([2, 3]);
        if !known {
            return None;
        }
        let mut group: Vec<usize> = (0..self.definitions.len()).collect();
        let mut depth = 0;
        loop {
            let step = |at: usize| {
                self.definitions
                    .get(at)
                    .and_then(|d| d.ways.get(depth))
                    .copied()
            };
            let mut runs = group.chunk_by(|a, b| step(*a).is_some() && step(*a) == step(*b));
            let first = runs.next()?;
            let inner = if first.len() > 1 {
                Some(first)
            } else {
                runs.next()
            }?;
            if inner.len() == 1 {
                return inner.first().copied();
            }
            group = inner.to_vec();
            depth += 1;
        }
    }

    /// Whether two definitions stand in one file: no file is an alternative to itself.
    pub(super) fn in_one_file(&self) -> bool {
        self.in_file.values().any(|count| *count > 1)
    }

    /// The consumers of which the definition that is applied last holds nothing, or lacks a key
    /// that another one holds.
    pub(super) fn live_lacks<'d>(&self, demands: &Demands<'d>) -> Vec<&'d Resource> {
        let Some((live, others)) = self.definitions.split_last() else {
            return Vec::new();
        };
        if live.open {
            return Vec::new();
        }
        let held = |key: &String, data_only: bool| others.iter().any(|d| d.holds(key, data_only));
        let nothing = live.keys().is_empty() && others.iter().any(|d| !d.keys().is_empty());
        let lacks = |(key, only): (&String, &bool)| !live.holds(key, *only) && held(key, *only);
        let lacking = demands
            .consumers
            .iter()
            .filter(|c| c.keys.iter().any(lacks) || (c.whole && nothing));
        lacking.map(|c| c.resource).collect()
    }

    /// Whether all definitions hold the same.
    pub(super) fn identical(&self) -> bool {
        self.definitions
            .windows(2)
            .all(|pair| matches!(pair, [a, b] if a.same_content(b)))
    }
}

/// Which definitions hold what, so that a question need not be put to each of thousands.
#[derive(Debug)]
pub(super) struct Holders<'c> {
    by_key: BTreeMap<&'c str, Vec<usize>>,
    by_file: BTreeMap<FileId, Vec<usize>>,
    /// Those that may hold keys that are not in sight.
    pub(super) open: Vec<usize>,
}

impl<'c> Holders<'c> {
    pub(super) fn of(definitions: &'c [Definition<'_>]) -> Self {
        let mut all = Self {
            by_key: BTreeMap::new(),
            by_file: BTreeMap::new(),
            open: Vec::new(),
        };
        for (at, definition) in definitions.iter().enumerate() {
            for key in definition.keys() {
                all.by_key.entry(key).or_default().push(at);
            }
            all.by_file.entry(definition.file).or_default().push(at);
            all.open.extend(definition.open.then_some(at));
        }
        all
    }

    /// Definitions of which one or more may hold all these keys: the holders of the rarest; `None`
    /// when there is no key.
    pub(super) fn of_rarest<'k>(&self, keys: impl Iterator<Item = &'k str>) -> Option<&[usize]> {
        keys.map(|key| self.by_key.get(key).map_or(&[][..], Vec::as_slice))
            .min_by_key(|holders| holders.len())
    }

    /// The definitions in a file.
    pub(super) fn in_file(&self, file: FileId) -> &[usize] {
        self.by_file.get(&file).map_or(&[], Vec::as_slice)
    }
}

/// All collisions of the workspace, in order of the sets they meet in first.
pub(super) fn collisions(ws: &Workspace, to: Target) -> Vec<Collision<'_>> {
    let mut found: Vec<Collision<'_>> = Vec::new();
    let mut known: BTreeMap<(bool, BTreeSet<Origin>), usize> = BTreeMap::new();
    let courses = objects::courses(ws, to);
    for set in ws.sets() {
        let mut entries = objects::of(ws, set, to);
        beside_hooks(ws, set, &mut entries);
        let mut by_name: BTreeMap<&str, Vec<&AppliedObject>> = BTreeMap::new();
        let mut seen = BTreeSet::new();
        for entry in &entries {
            if seen.insert((&entry.name, entry.origin, &entry.namespace)) {
                by_name.entry(&entry.name).or_default().push(entry);
            }
        }
        for entries in by_name.into_values().filter(|m| m.len() > 1) {
            for collision in in_set(ws, set, to, &entries, &courses) {
                let at = *known
                    .entry((collision.certain, collision.origins.clone()))
                    .or_insert(found.len());
                match found.get_mut(at) {
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

/// Definitions of one namespace that stand in sets of their own, as if they met.
pub(super) fn apart<'a>(
    ws: &'a Workspace,
    set: &ApplySet,
    to: Target,
    entries: &[&AppliedObject],
    courses: &Courses,
) -> Option<Collision<'a>> {
    in_set(ws, set, to, entries, courses)
        .into_iter()
        .next()
        .map(|c| Collision {
            evidence: Evidence::Directory,
            certain: false,
            ..c
        })
}

/// The definition of a resource by itself in a set, as if it collided with nothing but what it
/// meets there by that name; `None` where it is none, or stands there several times.
pub(super) fn alone<'a>(
    ws: &'a Workspace,
    set: &ApplySet,
    id: ResourceId,
) -> Option<Collision<'a>> {
    let to = ws.resource(id).target()?;
    let entries = objects::of(ws, set, to);
    let mut own = entries.iter().filter(|e| e.origin == Origin::Resource(id));
    let entry = own.next().filter(|_| own.next().is_none())?;
    let definition = Definition {
        part: entry.part,
        ..Definition::read(ws, to, entry.origin, entry.through.clone())?
    };
    let mut others = entries
        .iter()
        .filter(|e| e.origin != entry.origin && e.name == entry.name && !e.hook);
    let unsure = others.find(|e| {
        relate(e.namespace.as_deref(), entry.namespace.as_deref()) != Relation::Different
    });
    Some(Collision {
        to,
        name: definition.own_name(),
        applied: entry.name.clone(),
        namespace: entry.namespace.clone(),
        sets: vec![set.id],
        evidence: set.evidence,
        origins: BTreeSet::from([entry.origin]),
        in_file: BTreeMap::from([(definition.file, 1)]),
        definitions: vec![definition],
        unsure: unsure.map(|e| file_of(ws, e.origin)),
        certain: true,
    })
}

fn file_of(ws: &Workspace, origin: Origin) -> FileId {
    match origin {
        Origin::Resource(id) => ws.resource(id).file,
        Origin::Generator(file, _) | Origin::Encrypted(file, _) => file,
    }
}

/// Leaves out the hooks, which are applied on their own, but for those beside a plain object of the
/// same name in one stream or one file: that is one release, and the hook is written over the
/// object, or deletes it (<https://helm.sh/docs/topics/charts_hooks/#hook-deletion-policies>).
fn beside_hooks(ws: &Workspace, set: &ApplySet, entries: &mut Vec<AppliedObject>) {
    if !entries.iter().any(|e| e.hook) {
        return;
    }
    let file = |e: &AppliedObject| {
        if let Origin::Resource(id) = e.origin {
            Some(ws.resource(id).file)
        } else {
            None
        }
    };
    let plain: BTreeSet<_> = entries
        .iter()
        .filter(|e| !e.hook)
        .map(|e| (e.name.clone(), e.namespace.clone(), file(e)))
        .collect();
    let together = |e: &AppliedObject| {
        [Evidence::Stream, Evidence::Directory].contains(&set.evidence) && file(e).is_some()
    };
    entries.retain(|e| {
        !e.hook || (together(e) && plain.contains(&(e.name.clone(), e.namespace.clone(), file(e))))
    });
}

/// Collisions among the definitions of one name in one set, by namespace.
fn in_set<'a>(
    ws: &'a Workspace,
    set: &ApplySet,
    to: Target,
    entries: &[&AppliedObject],
    courses: &Courses,
) -> Vec<Collision<'a>> {
    let mut by_namespace: BTreeMap<Option<&str>, Vec<&AppliedObject>> = BTreeMap::new();
    for entry in entries {
        by_namespace
            .entry(entry.namespace.as_deref())
            .or_default()
            .push(entry);
    }
    let collision = |entries: &[&AppliedObject], certain: bool| {
        let read = |e: &&AppliedObject| {
            let course = courses.get(&e.origin).cloned().unwrap_or_default();
            Some(Definition {
                course,
                part: e.part,
                ..Definition::read(ws, to, e.origin, e.through.clone())?
            })
        };
        let definitions: Vec<_> = entries.iter().filter_map(read).collect();
        let name = definitions.first()?.own_name();
        let namespace = entries.first()?.namespace.as_deref();
        let unsure = by_namespace
            .iter()
            .filter(|(other, _)| relate(**other, namespace) == Relation::Unsure)
            .flat_map(|(_, m)| m)
            .next();
        let mut in_file = BTreeMap::new();
        for definition in &definitions {
            *in_file.entry(definition.file).or_default() += 1;
        }
        (definitions.len() > 1).then(|| Collision {
            to,
            name,
            applied: entries.first().map_or_else(String::new, |e| e.name.clone()),
            namespace: namespace.map(str::to_owned),
            sets: vec![set.id],
            evidence: set.evidence,
            origins: definitions.iter().map(|d| d.origin).collect(),
            in_file,
            definitions,
            unsure: unsure.map(|e| file_of(ws, e.origin)),
            certain,
        })
    };
    let certain: Vec<_> = by_namespace
        .values()
        .filter(|m| m.len() > 1)
        .filter_map(|m| collision(m, true))
        .collect();
    if certain.is_empty() && by_namespace.contains_key(&None) {
        return collision(entries, false)
            .filter(|c| !c.identical())
            .into_iter()
            .collect();
    }
    certain
}
