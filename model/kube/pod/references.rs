//! References of a pod spec (docs/kubernetes.md#references-of-a-pod) and what each demands.
//!
//! The order is canonical: containers with `envFrom` before `env`, then volumes, then what only
//! names a Secret. What a volume reads depends on how it is mounted, so all mounts of all
//! containers are looked at first.

use std::collections::{BTreeMap, BTreeSet};

use super::{containers_of, volumes_of};
use crate::kube::object::reference::{Demand, Keys, Reference, Site, Target};
use crate::yaml::{Node, Word};

/// Volume types whose `secretRef.name` names a Secret of the pod's namespace (core/v1
/// `VolumeSource`).
const SECRET_REF_VOLUMES: &[&str] = &[
    "cephfs",
    "cinder",
    "flexVolume",
    "iscsi",
    "rbd",
    "scaleIO",
    "storageos",
];

/// How a container mounts a volume.
enum Mount<'a> {
    /// The whole volume, or through `subPathExpr`, whose value is not known here.
    Whole,
    /// Through a literal `subPath`, normalised.
    SubPath(Vec<&'a str>),
}

/// What every field has in its name that is read here and names such an object: `configMap…`,
/// `…ConfigMap…`, `secret…`, `…Secret…`.
pub(in crate::kube) fn word(to: Target) -> &'static Word {
    static CONFIG_MAP: Word = Word::new("onfigMap");
    static SECRET: Word = Word::new("ecret");
    match to {
        Target::ConfigMap => &CONFIG_MAP,
        Target::Secret => &SECRET,
    }
}

/// Whether a part of a pod spec may name such objects.
fn may_name(node: Node<'_>) -> bool {
    [Target::ConfigMap, Target::Secret]
        .into_iter()
        .any(|to| node.may_hold(word(to)))
}

/// All references of a pod spec in canonical order.
pub(in crate::kube) fn of_spec(spec: Node<'_>) -> Vec<Reference<'_>> {
    let mut found = Vec::new();
    if !may_name(spec) {
        return found;
    }
    for container in containers_of(spec) {
        of_container(container.node, &mut found);
    }
    let volumes = volumes_of(spec);
    let mounts = mounts_of(spec);
    for volume in &volumes {
        let name = volume.get("name").and_then(Node::text).unwrap_or_default();
        of_volume(
            *volume,
            mounts.get(name).map_or(&[][..], Vec::as_slice),
            &mut found,
        );
    }
    for secret in spec
        .get("imagePullSecrets")
        .into_iter()
        .flat_map(Node::items)
    {
        found.extend(plain(secret.get("name")));
    }
    for volume in &volumes {
        found.extend(plain(volume.path(&["azureFile", "secretName"])));
        for kind in SECRET_REF_VOLUMES {
            found.extend(plain(volume.path(&[kind, "secretRef", "name"])));
        }
        found.extend(plain(volume.path(&["csi", "nodePublishSecretRef", "name"])));
    }
    found
}

/// A ConfigMap or Secret that is named in a place where either may stand.
struct Named<'a> {
    to: Target,
    /// The mapping that holds its name.
    source: Node<'a>,
    node: Node<'a>,
    name: &'a str,
}

impl<'a> Named<'a> {
    fn reference(self, demand: Demand, site: Site<'a>) -> Reference<'a> {
        Reference {
            to: self.to,
            name: self.name,
            node: self.node,
            optional: optional(self.source),
            demand,
            site,
        }
    }
}

/// What a node names: the key that each kind stands under, and the field with its name.
fn either<'a>(around: Node<'a>, keys: [(&str, &str, Target); 2]) -> Vec<Named<'a>> {
    let named = |(key, field, to): (&str, &str, Target)| {
        let source = around.get(key)?;
        let (node, name) = named(source.get(field))?;
        Some(Named {
            to,
            source,
            node,
            name,
        })
    };
    keys.into_iter().filter_map(named).collect()
}

/// References of one container: `envFrom`, then `env`.
pub(in crate::kube) fn of_container<'a>(container: Node<'a>, found: &mut Vec<Reference<'a>>) {
    if !may_name(container) {
        return;
    }
    for entry in container.get("envFrom").into_iter().flat_map(Node::items) {
        let keys = [
            ("configMapRef", "name", Target::ConfigMap),
            ("secretRef", "name", Target::Secret),
        ];
        for named in either(entry, keys) {
            let demand = Demand {
                required: BTreeSet::new(),
                data_only: true,
                reads: Keys::AllData,
            };
            found.push(named.reference(demand, Site::EnvFrom { container, entry }));
        }
    }
    for entry in container.get("env").into_iter().flat_map(Node::items) {
        let Some(from) = entry.get("valueFrom") else {
            continue;
        };
        let keys = [
            ("configMapKeyRef", "name", Target::ConfigMap),
            ("secretKeyRef", "name", Target::Secret),
        ];
        for named in either(from, keys) {
            let required: BTreeSet<String> = named
                .source
                .get("key")
                .and_then(Node::text)
                .map(str::to_owned)
                .into_iter()
                .collect();
            let demand = Demand {
                reads: Keys::Some(required.clone()),
                required,
                data_only: true,
            };
            found.push(named.reference(demand, Site::Env { container, entry }));
        }
    }
}

/// References of one volume: `configMap`, `secret`, or the sources of `projected`.
fn of_volume<'a>(volume: Node<'a>, mounts: &[Mount<'_>], found: &mut Vec<Reference<'a>>) {
    let keys = [
        ("configMap", "name", Target::ConfigMap),
        ("secret", "secretName", Target::Secret),
    ];
    for named in either(volume, keys) {
        let source = named.source;
        let demand = demand(source, mounts, &[]);
        found.push(named.reference(demand, Site::Volume { volume, source }));
    }
    let sources: Vec<Node<'a>> = volume
        .path(&["projected", "sources"])
        .into_iter()
        .flat_map(Node::items)
        .collect();
    for (index, entry) in sources.iter().enumerate() {
        let others: Vec<Node<'a>> = sources
            .iter()
            .enumerate()
            .filter(|(i, _)| *i != index)
            .map(|(_, n)| *n)
            .collect();
        let keys = [
            ("configMap", "name", Target::ConfigMap),
            ("secret", "name", Target::Secret),
        ];
        for named in either(*entry, keys) {
            let source = named.source;
            let demand = demand(source, mounts, &others);
            found.push(named.reference(demand, Site::Projected { volume, source }));
        }
    }
}

/// What a volume source needs and reads; `others` are the other sources of the same projected
/// volume.
fn demand(source: Node<'_>, mounts: &[Mount<'_>], others: &[Node<'_>]) -> Demand {
    let whole = mounts.iter().any(|m| matches!(m, Mount::Whole));
    let sub_paths: Vec<&[&str]> = mounts
        .iter()
        .filter_map(|m| {
            if let Mount::SubPath(p) = m {
                Some(p.as_slice())
            } else {
                None
            }
        })
        .collect();
    if let Some(items) = source
        .get("items")
        .filter(|i| i.is_sequence() && i.items().next().is_some())
    {
        let mut required = BTreeSet::new();
        let mut reads = BTreeSet::new();
        for item in items.items() {
            let Some(key) = item.get("key").and_then(Node::text) else {
                continue;
            };
            required.insert(key.to_owned());
            let path = segments(item.get("path").and_then(Node::text).unwrap_or_default());
            if whole
                || sub_paths
                    .iter()
                    .any(|s| path.starts_with(s) || s.starts_with(&path))
            {
                reads.insert(key.to_owned());
            }
        }
        let reads = if mounts.is_empty() {
            Keys::None
        } else {
            Keys::Some(reads)
        };
        return Demand {
            required,
            data_only: false,
            reads,
        };
    }
    // Without items every key is a file of its own name, so the first segment of a subPath is the
    // key.
    let keys: BTreeSet<&str> = sub_paths
        .iter()
        .filter_map(|s| s.first().copied())
        .collect();
    let mine: BTreeSet<String> = keys
        .iter()
        .filter(|k| !others.iter().any(|o| offers(*o, k)))
        .map(|k| (*k).to_owned())
        .collect();
    let shared = others.iter().any(|o| takes_all_keys(*o));
    let reads = match (mounts.is_empty(), whole) {
        (true, _) => Keys::None,
        (_, true) => Keys::All,
        _ => Keys::Some(mine.clone()),
    };
    Demand {
        required: if shared { BTreeSet::new() } else { mine },
        data_only: false,
        reads,
    }
}

/// Whether a source of a projected volume surely makes the file or directory `first`.
fn offers(entry: Node<'_>, first: &str) -> bool {
    let first_of = |node: Option<Node<'_>>| {
        node.and_then(Node::text)
            .is_some_and(|p| segments(p).first() == Some(&first))
    };
    entry.entries().any(|(_, source)| {
        source
            .get("items")
            .into_iter()
            .flat_map(Node::items)
            .any(|item| first_of(item.get("path")))
            || [
                "path",
                "keyPath",
                "credentialBundlePath",
                "certificateChainPath",
            ]
            .iter()
            .any(|k| first_of(source.get(k)))
    })
}

/// Whether a source of a projected volume projects all keys of a ConfigMap or Secret.
fn takes_all_keys(entry: Node<'_>) -> bool {
    ["configMap", "secret"].iter().any(|k| {
        entry
            .get(k)
            .is_some_and(|s| s.get("items").is_none_or(|i| i.items().next().is_none()))
    })
}

/// How the containers of a spec mount its volumes, by name of the volume.
fn mounts_of(spec: Node<'_>) -> BTreeMap<&str, Vec<Mount<'_>>> {
    let mut mounts: BTreeMap<&str, Vec<Mount<'_>>> = BTreeMap::new();
    for container in containers_of(spec) {
        for mount in container
            .node
            .get("volumeMounts")
            .into_iter()
            .flat_map(Node::items)
        {
            let Some(name) = mount.get("name").and_then(Node::text) else {
                continue;
            };
            let path = mount
                .get("subPath")
                .filter(|n| !n.is_null())
                .and_then(Node::text)
                .map(segments)
                .unwrap_or_default();
            let expression = mount
                .get("subPathExpr")
                .and_then(Node::text)
                .is_some_and(|t| !t.is_empty());
            mounts
                .entry(name)
                .or_default()
                .push(if expression || path.is_empty() {
                    Mount::Whole
                } else {
                    Mount::SubPath(path)
                });
        }
    }
    mounts
}

/// The segments of a relative path, without empty ones and `.`.
fn segments(path: &str) -> Vec<&str> {
    path.split('/')
        .filter(|s| !s.is_empty() && *s != ".")
        .collect()
}

/// A reference to a Secret that reads no key by itself.
fn plain(node: Option<Node<'_>>) -> Option<Reference<'_>> {
    let (node, name) = named(node)?;
    let demand = Demand {
        required: BTreeSet::new(),
        data_only: false,
        reads: Keys::None,
    };
    Some(Reference {
        to: Target::Secret,
        name,
        node,
        optional: false,
        demand,
        site: Site::Other,
    })
}

/// A scalar that holds a name.
pub(in crate::kube) fn named(node: Option<Node<'_>>) -> Option<(Node<'_>, &str)> {
    let node = node?;
    let name = node.as_str().filter(|n| !n.is_empty())?;
    Some((node, name))
}

fn optional(source: Node<'_>) -> bool {
    source.get("optional").and_then(Node::as_bool) == Some(true)
}
