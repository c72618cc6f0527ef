//! Messages: what a resource reads that is not there, and what comes of it in the cluster.
//!
//! A container whose variable cannot be made waits in `CreateContainerConfigError`, a volume that
//! cannot be filled keeps its pod in `ContainerCreating` with the event `FailedMount`
//! (pkg/volume/configmap), and of a `subPath` that is not there the kubelet makes an empty
//! directory without a word (`makeMounts` in the kubelet's `kubelet_pods.go`).

use kubewright_model::kube::{SetId, Workspace};
use kubewright_model::text;
use kubewright_model::text::Text;

use super::Gap;
use super::wanted::{How, Key, KeyHow, Wanted};
use crate::say;

/// The message about an object.
pub(super) fn object(
    workspace: &Workspace,
    gap: &Gap<'_>,
    wanted: &Wanted<'_>,
    sets: &[SetId],
) -> Text {
    let (kind, name) = (&gap.resource.kind, &gap.resource.name);
    let (verb, place) = match &wanted.how {
        How::Field(path) => ("names", format!(" in {path}")),
        _ => ("reads", String::new()),
    };
    let comes = comes(wanted);
    text![
        kind,
        " ",
        name,
        " ",
        verb,
        " ",
        wanted.to.kind(),
        " ",
        &wanted.name,
        place,
        ", which ",
        these(workspace, sets),
        " not have",
        comes
    ]
}

/// What comes of an object that is not there.
pub(super) fn comes(wanted: &Wanted<'_>) -> String {
    match &wanted.how {
        How::Variables(container) => format!(
            "; container {container} does not start without it (CreateContainerConfigError)"
        ),
        How::Volume(Some(path)) if wanted.optional => {
            format!("; the kubelet mounts an empty directory at {path}")
        }
        How::Volume(_) => "; pods stay in ContainerCreating without it (FailedMount)".to_owned(),
        How::Driver => "; pods stay in ContainerCreating without it".to_owned(),
        How::PullSecret => "; images are pulled without credentials".to_owned(),
        How::Field(_) => String::new(),
    }
}

/// The message about a key.
pub(super) fn key(
    workspace: &Workspace,
    gap: &Gap<'_>,
    wanted: &Wanted<'_>,
    key: &Key<'_>,
    sets: &[SetId],
    binary: bool,
) -> Text {
    let (kind, name) = (&gap.resource.kind, &gap.resource.name);
    let comes = match key.how {
        KeyHow::Variable(container) => {
            format!("; container {container} does not start (CreateContainerConfigError)")
        }
        KeyHow::Item => {
            "; pods stay in ContainerCreating (FailedMount: references non-existent config key)"
                .to_owned()
        }
        KeyHow::SubPath(path) => {
            format!("; the kubelet makes an empty directory of it and mounts that at {path}")
        }
        KeyHow::Field => String::new(),
    };
    // In which of several sets is worth saying only where they differ.
    let all = workspace.sets_of(gap.resource.id).len();
    let place = if sets.len() < all {
        text![" in ", Text::list(names(workspace, sets))]
    } else {
        Text::new()
    };
    let lacks = if binary {
        "which holds it in binaryData"
    } else {
        "which has no such key"
    };
    text![
        kind,
        " ",
        name,
        " reads key ",
        &key.text,
        " of ",
        wanted.to.kind(),
        " ",
        &wanted.name,
        ", ",
        lacks,
        place,
        comes
    ]
}

/// `kustomization overlays/prod does`, `a, b and c do`
fn these(workspace: &Workspace, sets: &[SetId]) -> Text {
    let names = names(workspace, sets);
    let does = if names.len() == 1 { "does" } else { "do" };
    text![Text::list(names), " ", does]
}

fn names(workspace: &Workspace, sets: &[SetId]) -> Vec<Text> {
    sets.iter().map(|id| say::set(workspace, *id)).collect()
}
