//! What may read a ConfigMap unseen: holes of its apply sets that matter, and those that do not.

use std::collections::BTreeSet;

use kubewright_model::kube::{ApplySet, Evidence, Resource, Workspace};

/// Kinds that install a chart. What their values say is searched for the name, and a chart names
/// what its values say.
const CHARTS: &[(&str, &str)] = &[
    ("HelmRelease", "helm.toolkit.fluxcd.io"),
    ("HelmChart", "helm.cattle.io"),
];

/// Kinds that have more applied, of which the workspace may have all.
const APPLIERS: &[(&str, &str)] = &[
    ("Kustomization", "kustomize.toolkit.fluxcd.io"),
    ("Application", "argoproj.io"),
];

/// A hole of a set through which something may read the ConfigMap. Of a directory it is only not
/// known whether all of it is applied: the fix is offered.
pub(super) fn unseen<'a>(workspace: &Workspace, set: &'a ApplySet) -> Option<&'a str> {
    if set.closed {
        return None;
    }
    // Each kind of resource that has more applied makes one hole, whatever its number.
    let mut harmless: BTreeSet<(&str, &str)> = BTreeSet::new();
    let mut harmful: BTreeSet<(&str, &str)> = BTreeSet::new();
    for member in &set.members {
        let resource = workspace.resource(member.resource);
        let is =
            |(kind, group): &&(&str, &str)| resource.kind == *kind && resource.group() == *group;
        if let Some(chart) = CHARTS.iter().find(is) {
            harmless.insert(*chart);
        } else if let Some(applier) = APPLIERS.iter().find(is) {
            if is_in_sight(workspace, resource) {
                harmless.insert(*applier);
            } else {
                harmful.insert(*applier);
            }
        }
    }
    let of_directory = usize::from(set.evidence == Evidence::Directory);
    let known = of_directory + harmless.difference(&harmful).count();
    // Those of an applier in the same set make none, so that there may be fewer.
    let holes = set.holes.len();
    (holes > known).then(|| set.holes.last().map_or("", String::as_str))
}

/// Whether all that a resource has applied is in the workspace.
fn is_in_sight(workspace: &Workspace, applier: &Resource) -> bool {
    let mut sets = workspace
        .sets()
        .iter()
        .filter(|set| set.appliers.iter().any(|a| a.resource == applier.id))
        .peekable();
    sets.peek().is_some() && sets.all(|set| set.closed)
}
