//! The rename of a definition that collides with nothing, for whoever needs another name for it: all
//! that speaks against the rename of a collision speaks against it, in each set that has it.

use std::collections::BTreeSet;

use kubewright_model::finding::Change;
use kubewright_model::kube::{Applier, Reader, Resource, ResourceId, SetId, Workspace};
use kubewright_model::text;
use kubewright_model::text::{Path, Text};

use super::codes::Code;
use super::group::{self, Collision};
use super::suffix::NewName;
use super::{Reason, demand, doubts, fix, outside, owner, pruning, removal, uses};

/// A rename with all that follows it.
#[derive(Debug)]
pub(crate) struct Renaming {
    /// The new name, and the references.
    pub(crate) changes: Vec<Change>,
    /// What it rests on.
    pub(crate) claims: Vec<ResourceId>,
    /// Who follows.
    pub(crate) readers: Vec<ResourceId>,
    /// Where else the name was looked for, and what becomes of the pods.
    pub(crate) notes: Vec<Text>,
}

/// Renames a ConfigMap or Secret, and everything that means it.
///
/// # Errors
/// Why the name is not free to change; for messages.
pub(crate) fn rename(ws: &Workspace, id: ResourceId, to: &str) -> Result<Renaming, Text> {
    let resource = ws.resource(id);
    let sets = ws.sets_of(id);
    let mut all = Renaming {
        changes: Vec::new(),
        claims: Vec::new(),
        readers: Vec::new(),
        notes: Vec::new(),
    };
    let mut effects: BTreeSet<Text> = BTreeSet::new();
    for set in &sets {
        let one = group::alone(ws, ws.set(*set), id)
            .ok_or_else(|| text!["it is part of ", &ws.set(*set).name, " several times"])?;
        in_set(ws, one, resource, (to, &sets), &mut all, &mut effects).map_err(|r| r.why.text)?;
    }
    if all.changes.is_empty() {
        return Err("nothing is known to apply it".into());
    }
    let target = resource.target().ok_or("it is no ConfigMap or Secret")?;
    let mentions = ws.mentions(&sets, target, &resource.name);
    if let Some(found) = mentions
        .found
        .iter()
        .find(|m| m.by == Reader::Kustomization)
    {
        return Err(text![
            Path(&found.path),
            ":",
            found.line,
            " holds the name in what kustomize hands to a chart or a plugin"
        ]);
    }
    all.notes = uses::searched(&resource.name, &mentions);
    all.notes.extend(effects);
    Ok(all)
}

/// Takes a definition away from everything it is part of: its document, or its file with the
/// entries of kustomizations that list it.
///
/// # Errors
/// Why it cannot be taken away; for messages.
pub(crate) fn remove(ws: &Workspace, id: ResourceId) -> Result<Vec<Change>, Text> {
    let sets = ws.sets_of(id);
    let first = sets.first().ok_or("nothing is known to apply it")?;
    let mut one = group::alone(ws, ws.set(*first), id).ok_or("it stands there several times")?;
    one.sets.clone_from(&sets);
    let definition = one.definitions.first().ok_or("its file cannot be read")?;
    removal::remove(ws, &one, definition, &removal::Lists::of(ws)).map_err(|reason| reason.why.text)
}

/// Whether an applier deletes what it applied once and does not find any more.
pub(crate) fn prunes(ws: &Workspace, applier: &Applier) -> bool {
    pruning::deletes(ws, applier)
}

/// Adds what one set needs.
fn in_set(
    ws: &Workspace,
    mut one: Collision<'_>,
    resource: &Resource,
    (name, sets): (&str, &[SetId]),
    all: &mut Renaming,
    effects: &mut BTreeSet<Text>,
) -> Result<(), Reason> {
    let none = |reason: Option<Reason>| reason.map_or(Ok(()), Err);
    let attached = outside::attach(ws, &mut one);
    let one = &one;
    let demands = demand::find(ws, one, &attached);
    none(doubts::namespace(ws, one))?;
    none(owner::fixed(one))?;
    none(owner::written_elsewhere(ws, resource))?;
    none(owner::made(ws, one))?;
    none(demands.blocks.first().cloned())?;
    none(
        demands
            .consumers
            .iter()
            .find_map(|c| owner::written_elsewhere(ws, c.resource)),
    )?;
    none(attached.blocks.first().cloned())?;
    none(uses::changed(ws, &demands))?;
    none(uses::unexplained(ws, one))?;
    let asked = (one.to, one.name, one.namespace.as_deref());
    none(uses::consumers_elsewhere(ws, asked, sets))?;
    none(demands.consumers.iter().find_map(|consumer| {
        let elsewhere = |set: &SetId| !sets.contains(set);
        let other = ws
            .sets_of(consumer.resource.id)
            .into_iter()
            .find(elsewhere)?;
        let text = text![
            consumer.resource.display(),
            " is also part of ",
            &ws.set(other).name,
            ", where the name stands for something else"
        ];
        Some(Reason::new(Code::OutsideUse, text))
    }))?;
    let names = [Some(NewName {
        name: name.to_owned(),
        from: String::new(),
    })];
    none(outside::still_chosen(ws, one, &attached, &names))?;
    for change in fix::changes(ws, one, (&demands, &attached), &names)? {
        if !all.changes.contains(&change) {
            all.changes.push(change);
        }
    }
    for claim in fix::claims(one, &demands) {
        if !all.claims.contains(&claim) {
            all.claims.push(claim);
        }
    }
    for consumer in &demands.consumers {
        let id = consumer.resource.id;
        if id != resource.id && !all.readers.contains(&id) {
            all.readers.push(id);
        }
    }
    effects.extend(fix::effects(&demands, &names));
    Ok(())
}
