//! Asks whether the definitions are applied together at all, and whether each of them is wanted.
//!
//! Alternatives share more than one name: whoever ships `calico-etcd.yaml` and `calico-typha.yaml`
//! defines a whole set of objects twice. In a collision every definition has a consumer of its own,
//! which demands keys that no other definition holds.

use std::collections::{BTreeMap, BTreeSet};

use kubewright_model::kube::{Evidence, FileId, Workspace};
use kubewright_model::text;
use kubewright_model::text::{Path, Text};
use kubewright_model::yaml::Node;

use super::codes::Code;
use super::demand::{Demands, Verdict};
use super::group::{Collision, Definition, Holders, Relation, relate};
use super::{Reason, paths};

/// Whether all definitions of the name are in one namespace for certain.
pub(super) fn namespace(ws: &Workspace, collision: &Collision<'_>) -> Option<Reason> {
    let other = match collision.unsure {
        Some(file) => Path(&ws.file(file).path).into(),
        None if collision.certain => return None,
        None => Text::from("another definition"),
    };
    let text = if collision.certain {
        text![
            "only one side states a namespace, so the definition in ",
            other,
            " may or may not be in the same one: state metadata.namespace in both"
        ]
    } else {
        "some definitions state a namespace and some do not, so it depends on how they are applied \
         whether they meet: state metadata.namespace in all of them"
            .into()
    };
    Some(Reason::doubt(Code::NamespaceUncertain, text))
}

/// Whether a definition repeats, extends or patches another.
pub(super) fn content(ws: &Workspace, collision: &Collision<'_>) -> Option<Reason> {
    let path = |at: usize| collision.place(ws, at);
    let all_keys: Vec<BTreeSet<&str>> =
        collision.definitions.iter().map(Definition::keys).collect();
    let holders = Holders::of(&collision.definitions);
    let everybody: Vec<usize> = (0..collision.definitions.len()).collect();
    let twins = twins(collision);
    for (at, (a, keys)) in collision.definitions.iter().zip(&all_keys).enumerate() {
        if ["$patch", "$retainKeys"].iter().any(|k| {
            a.node.get(k).is_some() || a.node.get("data").is_some_and(|d| d.get(k).is_some())
        }) {
            return Some(Reason::doubt(
                Code::Patch,
                text!["the definition in ", path(at), " is a patch"],
            ));
        }
        let more = |other: &usize| {
            all_keys
                .get(*other)
                .is_some_and(|more| keys.len() < more.len() && keys.is_subset(more))
        };
        let candidates = holders
            .of_rarest(keys.iter().copied())
            .unwrap_or(&everybody);
        let holds_more = candidates
            .iter()
            .copied()
            .find(|other| !a.open && more(other));
        let twin = twins.get(&at).copied();
        let text = match (twin, holds_more) {
            (Some(twin), more) if more.is_none_or(|more| twin < more) => {
                return Some(Reason::doubt(
                    Code::IdenticalTwin,
                    text![
                        "the definitions in ",
                        path(at),
                        " and ",
                        path(twin),
                        " hold the same"
                    ],
                ));
            }
            (_, Some(other)) => text![
                "the definition in ",
                path(other),
                " holds all keys of the one in ",
                path(at),
                ", and more"
            ],
            _ => continue,
        };
        return Some(Reason::doubt(Code::Subset, text));
    }
    None
}

/// For each definition the next one that holds the same, if there is one.
fn twins(collision: &Collision<'_>) -> BTreeMap<usize, usize> {
    let mut alike: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
    let mut found = BTreeMap::new();
    for (at, definition) in collision.definitions.iter().enumerate() {
        let known = alike.entry(definition.content_hash()).or_default();
        let same = |before: &&usize| {
            collision
                .definitions
                .get(**before)
                .is_some_and(|b| b.same_content(definition))
        };
        // The last one of the same content stands for all of them.
        match known.iter().rev().find(same).copied() {
            Some(before) => {
                found.insert(before, at);
                known.retain(|k| *k != before);
                known.push(at);
            }
            None => known.push(at),
        }
    }
    found
}

/// Whether the paths tell of environments, versions or tests; the user's word overrules them.
pub(super) fn paths(ws: &Workspace, collision: &Collision<'_>) -> Option<Reason> {
    if collision.evidence == Evidence::Config {
        return None;
    }
    let paths: Vec<&str> = collision
        .definitions
        .iter()
        .map(|d| ws.file(d.file).path.as_str())
        .collect();
    // What one build puts together is no alternative, whatever the paths say; test data need not
    // build.
    let built = |reason: &Reason| {
        collision.evidence == Evidence::Kustomization && !reason.is(Code::TestFixture)
    };
    paths::alternatives(&paths).filter(|reason| !built(reason))
}

/// Whether the files of definitions and consumers collide on another object too. A Namespace
/// repeated is none, and within one file another ConfigMap is a collision of its own. In a set that
/// is known to be applied together it is one across files too, and an object repeated as it is does
/// no harm.
pub(super) fn alternatives(
    ws: &Workspace,
    collision: &Collision<'_>,
    demands: &Demands<'_>,
) -> Option<Reason> {
    let definitions = collision.definitions.iter().map(|d| d.file);
    let files: BTreeSet<FileId> = definitions
        .chain(demands.consumers.iter().map(|c| c.resource.file))
        .collect();
    let mut seen: BTreeMap<(&str, &str), Vec<_>> = BTreeMap::new();
    let together = collision.evidence != Evidence::Directory;
    let value = |id| ws.node(id).and_then(Node::to_value);
    let own_collision = |kind: &str| kind == collision.to.kind() && (together || files.len() == 1);
    for set in &collision.sets {
        for member in &ws.set(*set).members {
            let resource = ws.resource(member.resource);
            let counts = !resource.name.is_empty()
                && resource.kind != "Namespace"
                && !collision.is_definition(resource.id);
            if !counts || own_collision(&resource.kind) || !files.contains(&resource.file) {
                continue;
            }
            let known = seen.entry((&resource.kind, &member.name)).or_default();
            let twice = known.iter().find(|(id, file, namespace)| {
                *id != resource.id
                    && relate(*namespace, member.namespace.as_deref()) != Relation::Different
                    && !(resource.kind == collision.to.kind()
                        && (together || *file == resource.file))
                    && !(together && value(*id) == value(resource.id))
            });
            if let Some((_, file, _)) = twice {
                let (a, b) = (&ws.file(*file).path, &ws.file(resource.file).path);
                return Some(Reason::doubt(
                    Code::Alternatives,
                    text![
                        Path(a),
                        " and ",
                        Path(b),
                        " define ",
                        resource.display(),
                        " too, as alternatives do"
                    ],
                ));
            }
            known.push((resource.id, resource.file, member.namespace.as_deref()));
        }
    }
    None
}

/// Whether two definitions at least have consumers of their own, and all consumers are decided.
pub(super) fn demand(collision: &Collision<'_>, demands: &Demands<'_>) -> Option<Reason> {
    let proven = demands.proven().len();
    let undecided = demands.consumers.iter().filter_map(|c| match &c.verdict {
        Verdict::Undecided(code, text) => Some((*code, text)),
        _ => None,
    });
    // What contradicts itself says more than what is not known.
    let undecided = undecided.min_by_key(|(code, _)| *code == Code::ConsumerUndecided);
    let open = collision.definitions.iter().any(|d| d.open);
    match undecided {
        Some((code, text)) if open => Some(Reason::new(code, text)),
        Some((code, text)) if proven > 0 => Some(Reason {
            doubt: proven < 2,
            ..Reason::new(code, text)
        }),
        Some((code, text)) if code != Code::ConsumerUndecided => Some(Reason::doubt(code, text)),
        _ if undecided.is_some() || demands.wanted() < 2 => Some(Reason::doubt(
            Code::NoUniqueDemand,
            match proven {
                0 => {
                    "nothing tells which definition each reader means: none names a key that one \
                     alone holds, or is applied with one alone"
                }
                _ => {
                    "only one of the definitions has a reader that can mean no other, by a key or \
                     by being applied with it"
                }
            },
        )),
        _ => None,
    }
}
