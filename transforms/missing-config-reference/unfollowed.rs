//! Names that a kustomization changes (`namePrefix`, `nameSuffix`, the hash of a generator) while it leaves the reference to them as it is:
//! kustomize rewrites references in the kinds that it knows alone.

use kubewright_model::finding::{Finding, NoFix, Severity};
use kubewright_model::kube::{Resolution, Resource, SetId, Workspace};

use super::META;
use super::wanted::Wanted;

/// A reference that the build leaves behind.
pub(super) struct Unfollowed<'a> {
    resource: &'a Resource,
    wanted: Wanted<'a>,
    set: SetId,
    /// The name in what is built, as far as it is known.
    becomes: String,
}

impl<'a> Unfollowed<'a> {
    /// The reference, when the build changes the name and not the reference.
    pub(super) fn of(
        workspace: &Workspace,
        set: SetId,
        resource: &'a Resource,
        wanted: &Wanted<'a>,
        resolution: &Resolution,
    ) -> Option<Self> {
        let becomes = match resolution {
            Resolution::Generated { hash_suffix: true, .. } => format!("{}-<hash of its content>", wanted.name),
            Resolution::One(id) => workspace.member(set, *id)?.name.clone(),
            _ => return None,
        };
        let left = wanted.is_in_pods() && becomes != wanted.name && !workspace.follows_names(set, resource.id);
        left.then(|| Self { resource, wanted: wanted.clone(), set, becomes })
    }
}

/// The finding about a reference that the build leaves behind.
pub(super) fn judge(workspace: &Workspace, lost: &Unfollowed<'_>) -> Option<Finding> {
    let Unfollowed { resource, wanted, set, becomes } = lost;
    let (kind, name, set) = (&resource.kind, wanted.name, &workspace.set(*set).name);
    let to = wanted.to.kind();
    let path = wanted.place.path(workspace, resource).replace('.', "/");
    let text = format!(
        "kustomize does not know that a {kind} refers to a {to}; name a file under `configurations` of the kustomization, with: \
         {{nameReference: [{{kind: {to}, version: v1, fieldSpecs: [{{kind: {kind}, path: {path}}}]}}]}}"
    );
    Some(Finding {
        transform: META.name,
        severity: Severity::Error,
        message: format!(
            "{kind} {} reads {to} {name}, which the kustomization {set} builds as {becomes}, and the reference stays: its pods do not start",
            resource.name
        ),
        primary: wanted.place.at.clone(),
        related: Vec::new(),
        resource: Some(resource.id),
        notes: Vec::new(),
        fix: Err(NoFix::new("name-not-followed", text)),
    })
}
