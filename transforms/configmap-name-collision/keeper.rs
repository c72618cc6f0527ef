//! Decides which definition keeps the name.
//!
//! In a first run that is the definition applied last: it is what the cluster holds, and what
//! consumers outside the workspace see. All others get suffixes, so every sibling with a suffix of
//! that run sorts before the keeper. That is the trace by which a later run, when a new definition
//! takes the plain name again, knows the keeper without a mark in the manifests: a plain definition
//! with no sibling before it is new, and of several behind all siblings the first one is older. Two
//! traces say more than the order: a config hash on the consumers, and the suffixes themselves,
//! which depend on the keys of the keeper: the one beside which the siblings would get the suffixes
//! they have is older. Where siblings stand between and neither tells, the choice is the live one
//! and not certain. `keep` in the settings overrides all of it.

use std::collections::BTreeMap;

use kubewright_model::glob;
use kubewright_model::kube::Workspace;

use super::demand::Demands;
use super::group::{Collision, Definition, Relation, relate};
use super::objects::{self, Origin};
use super::{suffix, uses};
use crate::Context;

/// Why a definition keeps the name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    /// A glob of `keep` matches its file.
    Settings,
    /// It is applied last.
    Live,
    /// It kept the name when its siblings got their suffixes.
    Siblings,
    /// It is the first behind all siblings, so it is the older one, unless one was added between
    /// them and the keeper.
    First,
    /// Some definition kept the name before, and it is not clear which; this one is applied last.
    Unclear,
}

/// The definition that keeps the name, by index, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Keeper {
    pub(super) index: usize,
    pub(super) why: Why,
}

/// A definition that carries the name with a suffix.
#[derive(Debug)]
pub(super) struct Sibling<'a> {
    pub(super) definition: Definition<'a>,
    position: usize,
    /// What its name has behind the colliding one.
    suffix: &'a str,
}

/// Definitions in the same set and namespace whose name is the colliding one with a suffix taken
/// from their key, consumer or file.
pub(super) fn siblings<'a>(ws: &'a Workspace, collision: &Collision<'a>) -> Vec<Sibling<'a>> {
    let Some(set) = collision.sets.first().map(|s| ws.set(*s)) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for (position, entry) in objects::of(ws, set, collision.to).into_iter().enumerate() {
        if relate(entry.namespace.as_deref(), collision.namespace.as_deref()) != Relation::Same {
            continue;
        }
        let Some(name) = objects::own_name(ws, entry.origin) else {
            continue;
        };
        let Some(suffix) = name
            .strip_prefix(collision.name)
            .and_then(|rest| rest.strip_prefix('-'))
        else {
            continue;
        };
        let Some(definition) = Definition::read(ws, collision.to, entry.origin, entry.through)
        else {
            continue;
        };
        let referring = ws.references_to(set.id, collision.to, name);
        let consumers = referring
            .into_iter()
            .map(|id| ws.resource(id))
            .filter(|r| uses::refers(ws, r, collision.to, name, collision.namespace.as_deref()));
        let explains = |text: &str| suffix::holds_words(text, suffix);
        if definition.keys().into_iter().any(explains)
            || explains(suffix::file_stem(&ws.file(definition.file).path))
            || consumers.map(|r| r.name.as_str()).any(explains)
        {
            found.push(Sibling {
                definition,
                position,
                suffix,
            });
        }
    }
    found
}

/// Chooses the keeper.
pub(super) fn choose(
    cx: &Context<'_>,
    collision: &Collision<'_>,
    demands: &Demands<'_>,
    siblings: &[Sibling<'_>],
) -> Keeper {
    let ws = cx.workspace;
    let globs: Vec<_> = cx
        .settings
        .configmap_name_collision
        .keep
        .iter()
        .filter_map(|text| glob::compile(text, false).ok())
        .collect();
    let kept = |d: &Definition<'_>| globs.iter().any(|g| g.is_match(&ws.file(d.file).path));
    let live = collision.definitions.len().saturating_sub(1);
    if let Some(index) = collision.definitions.iter().rposition(kept) {
        return Keeper {
            index,
            why: Why::Settings,
        };
    }
    let (Some(first), Some(last)) = (
        siblings.iter().map(|s| s.position).min(),
        siblings.iter().map(|s| s.position).max(),
    ) else {
        return Keeper {
            index: live,
            why: Why::Live,
        };
    };
    let places = places(ws, collision);
    let position = |index: &usize| places.get(*index).copied().unwrap_or(0);
    let older: Vec<usize> = (0..collision.definitions.len())
        .filter(|index| position(index) > first)
        .collect();
    let hashed: Vec<usize> = older
        .iter()
        .copied()
        .filter(|index| carries_hash(cx, demands, *index))
        .collect();
    let replayed: Vec<usize> = older
        .iter()
        .copied()
        .filter(|index| {
            collision
                .definitions
                .get(*index)
                .is_some_and(|d| replays(collision.name, siblings, d))
        })
        .collect();
    match (&older[..], &hashed[..]) {
        ([index], _) | (_, [index]) => Keeper {
            index: *index,
            why: Why::Siblings,
        },
        _ if replayed.len() == 1 && replayed.len() < older.len() => Keeper {
            index: replayed.first().copied().unwrap_or(live),
            why: Why::Siblings,
        },
        ([index, ..], _) if position(index) > last => Keeper {
            index: *index,
            why: Why::First,
        },
        _ => Keeper {
            index: live,
            why: Why::Unclear,
        },
    }
}

/// Whether the siblings would have got the suffixes they have, had this definition been the one
/// that kept the name.
fn replays(base: &str, siblings: &[Sibling<'_>], keeper: &Definition<'_>) -> bool {
    let all: Vec<Vec<&str>> = siblings
        .iter()
        .map(|s| &s.definition)
        .chain([keeper])
        .map(|d| d.keys().into_iter().collect())
        .collect();
    let mut holders: BTreeMap<&str, usize> = BTreeMap::new();
    all.iter()
        .flatten()
        .for_each(|key| *holders.entry(key).or_default() += 1);
    let rivals = suffix::Rivals::of(base, all.iter().map(Vec::as_slice));
    siblings.iter().zip(&all).all(|(sibling, keys)| {
        let own: Vec<&str> = keys
            .iter()
            .copied()
            .filter(|key| holders.get(key) == Some(&1))
            .collect();
        suffix::suffix(base, &own, &rivals).as_deref() == Some(sibling.suffix)
    })
}

/// Positions of the definitions in the order of application.
fn places(ws: &Workspace, collision: &Collision<'_>) -> Vec<usize> {
    let entries = collision
        .sets
        .first()
        .map(|s| objects::of(ws, ws.set(*s), collision.to))
        .unwrap_or_default();
    let places: BTreeMap<Origin, usize> = entries
        .iter()
        .enumerate()
        .rev()
        .map(|(at, entry)| (entry.origin, at))
        .collect();
    collision
        .definitions
        .iter()
        .map(|d| places.get(&d.origin).copied().unwrap_or(0))
        .collect()
}

/// Whether a consumer of the definition carries the config hash that a run of all transforms
/// leaves.
fn carries_hash(cx: &Context<'_>, demands: &Demands<'_>, definition: usize) -> bool {
    let options = &cx.settings.missing_config_hash;
    demands.of(definition).any(|c| {
        cx.workspace
            .pod_templates(c.resource.id)
            .iter()
            .any(|t| options.carried_by(t.node))
    })
}
