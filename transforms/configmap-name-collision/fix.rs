//! Writes the fix: new names for all definitions but one, and exactly the references that demand each.

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

/// Safe when the set is proven, or when in a mere directory the keys decide every consumer; a pod that must be recreated, a definition
/// that nothing demands and an unclear keeper are not.
fn applicability(collision: &Collision<'_>, demands: &Demands<'_>, keeper: Keeper, names: &[Option<String>]) -> Applicability {
    let proven = collision.evidence != Evidence::Directory || demands.consumers.iter().all(|c| matches!(c.verdict, Verdict::Keys(_)));
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
    let path = collision.definitions.get(keeper.index).map_or("", |d| ws.file(d.file).path.as_str());
    let mut notes = vec![match keeper.why {
        Why::Settings => format!("{path} keeps the name {name}, as `keep` has it"),
        Why::Live => format!("{path} keeps the name {name}: it is applied last, so this is what the cluster holds"),
        Why::Siblings => format!("{path} keeps the name {name}: it kept it when its siblings got their suffixes"),
        Why::Unclear => format!(
            "{path} keeps the name {name} because it is applied last, but another definition may have kept it before; `keep` decides"
        ),
    }];
    let object = collision.to.kind();
    notes.push(format!("{object} {name} stays in the cluster and gets the data of {path} with the next apply; nothing is left to prune"));
    let rolled: Vec<String> = names
        .iter()
        .enumerate()
        .filter(|(_, name)| name.is_some())
        .flat_map(|(at, _)| demands.of(at))
        .filter(|c| c.rollout.is_some())
        .map(|c| c.resource.display())
        .collect();
    if !rolled.is_empty() {
        notes.push(format!("the pod templates of {} change, so their pods are replaced", rolled.join(", ")));
    }
    notes
}
