//! Writes the fix: new names for all definitions but one, and exactly the references that demand each.

use std::collections::BTreeSet;

use kubewright_model::finding::{Applicability, Change, Fix};
use kubewright_model::kube::{Evidence, FileId, Rollout, Workspace};
use kubewright_model::yaml::{Node, Value};

use super::Reason;
use super::demand::{Demands, Verdict};
use super::group::Collision;
use super::keeper::{Keeper, Why};

/// One transaction over all definitions and consumers.
pub(super) fn build(
    ws: &Workspace,
    collision: &Collision<'_>,
    demands: &Demands<'_>,
    keeper: Keeper,
    names: &[Option<String>],
) -> Result<Fix, Reason> {
    let mut changes = Vec::new();
    for (at, (definition, name)) in collision.definitions.iter().zip(names).enumerate() {
        let Some(name) = name else { continue };
        changes.push(rename(ws, definition.file, definition.name, name)?);
        for consumer in demands.of(at) {
            for node in &consumer.uses {
                changes.push(rename(ws, consumer.resource.file, *node, name)?);
            }
        }
    }
    let new = names.iter().flatten().map(String::as_str).collect::<Vec<_>>().join(", ");
    let title =
        format!("rename {} of {} definitions to {new}, and the references that demand them", names.iter().flatten().count(), names.len());
    let claims = collision.definitions.iter().map(|d| d.id).chain(demands.consumers.iter().map(|c| c.resource.id)).collect();
    Ok(Fix { title, applicability: applicability(collision, demands, keeper, names), changes, claims })
}

fn rename(ws: &Workspace, file: FileId, node: Node<'_>, name: &str) -> Result<Change, Reason> {
    if !ws.file(file).editable {
        return Err(Reason::new(
            "outside-paths",
            format!("{} would have to change, and lies outside of the paths given", ws.file(file).path),
        ));
    }
    let edit = node.set(&Value::str(name)).map_err(|r| Reason::new(r.code, r.text))?;
    Ok(Change::Edit(file, edit))
}

/// Safe when the set is proven, or when the keys decide every consumer where it is inferred; a pod that must be recreated, a definition
/// that nothing demands and an unclear keeper are not.
fn applicability(collision: &Collision<'_>, demands: &Demands<'_>, keeper: Keeper, names: &[Option<String>]) -> Applicability {
    let inferred = [Evidence::Directory, Evidence::ArgoCd, Evidence::Flux].contains(&collision.evidence);
    let proven = !inferred || demands.consumers.iter().all(|c| matches!(c.verdict, Verdict::Keys(_)));
    let renamed = || names.iter().enumerate().filter(|(_, name)| name.is_some()).map(|(at, _)| at);
    let recreated = renamed().flat_map(|at| demands.of(at)).any(|c| matches!(c.rollout, Some(Rollout::Immutable | Rollout::Recreate)));
    let orphaned = renamed().any(|at| demands.of(at).next().is_none());
    if proven && !recreated && !orphaned && keeper.why != Why::Unclear { Applicability::Safe } else { Applicability::Unsafe }
}

/// What a reader should know before applying it.
pub(super) fn notes(
    ws: &Workspace,
    collision: &Collision<'_>,
    demands: &Demands<'_>,
    keeper: Keeper,
    names: &[Option<String>],
) -> Vec<String> {
    let name = collision.name;
    let kept = collision.place(ws, keeper.index);
    let last = if collision.evidence == Evidence::Kustomization {
        "it comes last"
    } else {
        "it is applied last, so this is what the cluster holds"
    };
    let mut notes = vec![match keeper.why {
        Why::Settings => format!("the definition in {kept} keeps the name {name}, as `keep` has it"),
        Why::Live => format!("the definition in {kept} keeps the name {name}: {last}"),
        Why::Siblings => format!("the definition in {kept} keeps the name {name}, as it did when its siblings got their suffixes"),
        Why::Unclear => {
            format!("the definition in {kept} keeps the name {name}: {last}; should another one have kept it before, say so with `keep`")
        }
    }];
    let object = collision.to.kind();
    notes.push(format!(
        "{object} {name} stays in the cluster and holds what {kept} defines from the next apply on; nothing is left to prune"
    ));
    for (rollouts, effect) in EFFECTS {
        let renamed = names.iter().enumerate().filter(|(_, name)| name.is_some()).flat_map(|(at, _)| demands.of(at));
        let who: BTreeSet<String> =
            renamed.filter(|c| c.rollout.is_some_and(|r| rollouts.contains(&r))).map(|c| c.resource.display()).collect();
        if !who.is_empty() {
            notes.push(format!("{effect}: {}", who.into_iter().collect::<Vec<_>>().join(", ")));
        }
    }
    notes
}

/// What a changed reference does to running pods.
const EFFECTS: &[(&[Rollout], &str)] = &[
    (&[Rollout::Rolls], "applying this rolls"),
    (&[Rollout::NextRun], "the next run takes the new name"),
    (&[Rollout::Untouched], "running pods keep the old name until they are replaced"),
    (&[Rollout::Immutable, Rollout::Recreate], "must be deleted and created anew"),
];
