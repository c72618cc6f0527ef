//! What pruning does to the object that keeps the name, when one applier brought it and another one
//! keeps it (docs/kubernetes.md#pruning).

use kubewright_model::kube::{Applier, ApplySet, Evidence, Workspace};
use kubewright_model::text;
use kubewright_model::text::{Named, Text};
use kubewright_model::yaml::Node;

use super::group::Collision;
use super::suffix::NewName;

/// The command that shows who applied the object last.
fn look(collision: &Collision<'_>) -> String {
    let namespace = collision
        .namespace
        .as_ref()
        .map_or_else(String::new, |n| format!(" -n {n}"));
    format!(
        "kubectl get {} {}{namespace} -o yaml",
        collision.to.kind().to_lowercase(),
        collision.name
    )
}

/// Who may delete the object of the old name, and how to keep that from happening; `None` where all
/// of it is one applier's.
pub(super) fn note(
    ws: &Workspace,
    collision: &Collision<'_>,
    keeper: usize,
    names: &[Option<NewName>],
) -> Option<Text> {
    let set = collision
        .sets
        .iter()
        .map(|set| ws.set(*set))
        .find(|set| !set.parts.is_empty())?;
    let keeps = collision.definitions.get(keeper)?.part?;
    let renamed = collision
        .definitions
        .iter()
        .zip(names)
        .filter(|(_, name)| name.is_some())
        .filter_map(|(d, _)| d.part);
    let mut others: Vec<usize> = renamed.filter(|part| *part != keeps).collect();
    others.sort_unstable();
    others.dedup();
    if others.is_empty() {
        return None;
    }
    let name_of = |part: &usize| {
        applier(set, *part)
            .map(|a| a.name.clone())
            .unwrap_or_default()
    };
    let pruning: Vec<usize> = others
        .iter()
        .copied()
        .filter(|part| prunes(ws, set, *part))
        .collect();
    let (first, after) = (
        name_of(&keeps),
        others.iter().map(name_of).collect::<Vec<_>>(),
    );
    let object = text![Named::new(collision.to.kind(), collision.name)];
    let deleting = pruning.iter().map(name_of).collect::<Vec<_>>().join(", ");
    let look = look(collision);
    let text = match (set.evidence, pruning.is_empty()) {
        (Evidence::Flux, true) => return None,
        (Evidence::Flux, false) => {
            let then = after
                .iter()
                .flat_map(|name| [" && flux reconcile kustomization ", name])
                .collect::<String>();
            text![
                &object,
                " is deleted by ",
                &deleting,
                " (prune: true) if its label kustomize.toolkit.fluxcd.io/name says that ",
                &deleting,
                " applied it last \
                 (`",
                &look,
                "`): let ",
                &first,
                " take it over first, with `flux reconcile kustomization ",
                &first,
                " --with-source",
                then,
                "`; where it is gone, \
                 ",
                &first,
                " brings it back when it is reconciled next, and pods that start before that wait \
                 for it"
            ]
        }
        (_, prune) => {
            let then = after
                .iter()
                .flat_map(|name| [" && argocd app sync ", name])
                .collect::<String>();
            let who = if prune {
                format!("by a sync of {} with --prune", after.join(", "))
            } else {
                format!("by {deleting} (prune: true)")
            };
            text![
                &object,
                " is deleted ",
                who,
                " if its tracking id or instance label says that it was synced there last (`",
                &look,
                "`): let ",
                &first,
                " take it \
                 over first, with `argocd app sync ",
                &first,
                then,
                "`; where it is gone, `argocd app sync ",
                &first,
                "` brings it back, and pods that start \
                 before that wait for it"
            ]
        }
    };
    Some(text)
}

fn applier(set: &ApplySet, part: usize) -> Option<&Applier> {
    set.appliers.get(set.parts.get(part)?.applier)
}

fn prunes(ws: &Workspace, set: &ApplySet, part: usize) -> bool {
    applier(set, part).is_some_and(|applier| deletes(ws, applier))
}

/// Whether an applier deletes what it applied once and does not find any more.
pub(super) fn deletes(ws: &Workspace, applier: &Applier) -> bool {
    let Some(node) = ws.node(applier.resource) else {
        return false;
    };
    let automated = ["spec", "syncPolicy", "automated", "prune"];
    let paths: [&[&str]; 3] = [
        &["spec", "prune"],
        &automated,
        &[
            "spec",
            "template",
            "spec",
            "syncPolicy",
            "automated",
            "prune",
        ],
    ];
    paths
        .iter()
        .any(|path| node.path(path).and_then(Node::as_bool) == Some(true))
}
