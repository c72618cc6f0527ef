//! Decides which definition keeps the name.
//!
//! In a first run that is the definition applied last: it is what the cluster holds, and what consumers outside the workspace see. All
//! others get suffixes, so every sibling with a suffix of that run sorts before the keeper. That is the trace by which a later run, when
//! a new definition takes the plain name again, knows the keeper without a mark in the manifests: a plain definition with no sibling
//! before it is new, and of several behind all siblings the first one is older. Where siblings stand between them the order proves
//! nothing; then a config hash on the consumers tells the older one, else the choice is the live one and not certain.
//! `keep` in the settings overrides all of it.

use globset::Glob;
use kubewright_model::kube::{ResourceId, Workspace};

use super::demand::Demands;
use super::group::{Collision, Definition, Relation, relate};
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
}

/// Definitions in the same set and namespace whose name is the colliding one with a suffix taken from their key, consumer or file.
pub(super) fn siblings<'a>(ws: &'a Workspace, collision: &Collision<'a>) -> Vec<Sibling<'a>> {
    let Some(set) = collision.sets.first().map(|s| ws.set(*s)) else { return Vec::new() };
    let mut found = Vec::new();
    for (position, member) in set.members.iter().enumerate() {
        let resource = ws.resource(member.resource);
        let same = resource.kind == collision.to.kind() && relate(member.namespace.as_deref(), collision.namespace) == Relation::Same;
        let Some(suffix) = resource.name.strip_prefix(collision.name).and_then(|rest| rest.strip_prefix('-')).filter(|_| same) else {
            continue;
        };
        let Some(definition) = Definition::read(ws, resource) else { continue };
        let consumers = set
            .members
            .iter()
            .map(|m| ws.resource(m.resource))
            .filter(|r| uses::refers(ws, r, collision.to, &resource.name, collision.namespace));
        let explains = |text: &str| suffix::holds_words(text, suffix);
        if definition.keys().into_iter().any(explains)
            || explains(suffix::file_stem(&ws.file(definition.file).path))
            || consumers.map(|r| r.name.as_str()).any(explains)
        {
            found.push(Sibling { definition, position });
        }
    }
    found
}

/// Chooses the keeper.
pub(super) fn choose(cx: &Context<'_>, collision: &Collision<'_>, demands: &Demands<'_>, siblings: &[Sibling<'_>]) -> Keeper {
    let ws = cx.workspace;
    let globs: Vec<_> =
        cx.settings.configmap_name_collision.keep.iter().filter_map(|g| Glob::new(g).ok()).map(|g| g.compile_matcher()).collect();
    let kept = |d: &Definition<'_>| globs.iter().any(|g| g.is_match(&ws.file(d.file).path));
    let live = collision.definitions.len().saturating_sub(1);
    if let Some(index) = collision.definitions.iter().rposition(kept) {
        return Keeper { index, why: Why::Settings };
    }
    let (Some(first), Some(last)) = (siblings.iter().map(|s| s.position).min(), siblings.iter().map(|s| s.position).max()) else {
        return Keeper { index: live, why: Why::Live };
    };
    let position = |index: &usize| collision.definitions.get(*index).map_or(0, |d| place(ws, collision, d.id));
    let older: Vec<usize> = (0..collision.definitions.len()).filter(|index| position(index) > first).collect();
    let hashed: Vec<usize> = older.iter().copied().filter(|index| carries_hash(cx, demands, *index)).collect();
    match (&older[..], &hashed[..]) {
        ([index], _) | (_, [index]) => Keeper { index: *index, why: Why::Siblings },
        ([index, ..], _) if position(index) > last => Keeper { index: *index, why: Why::Siblings },
        _ => Keeper { index: live, why: Why::Unclear },
    }
}

/// Position in the order of application.
fn place(ws: &Workspace, collision: &Collision<'_>, id: ResourceId) -> usize {
    let set = collision.sets.first().map(|s| ws.set(*s));
    set.and_then(|s| s.members.iter().position(|m| m.resource == id)).unwrap_or(0)
}

/// Whether a consumer of the definition carries the config hash that a run of all transforms leaves.
fn carries_hash(cx: &Context<'_>, demands: &Demands<'_>, definition: usize) -> bool {
    let key = &cx.settings.missing_config_hash.annotation;
    demands.of(definition).any(|c| cx.workspace.pod_templates(c.resource.id).iter().any(|t| t.annotation(key).is_some()))
}
