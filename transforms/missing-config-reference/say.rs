//! Messages: what a resource reads that is not there, and what comes of it in the cluster.
//!
//! A container whose variable cannot be made waits in `CreateContainerConfigError`, a volume that
//! cannot be filled keeps its pod in `ContainerCreating` with the event `FailedMount`
//! (pkg/volume/configmap), and of a `subPath` that is not there the kubelet makes an empty
//! directory without a word (`makeMounts` in the kubelet's `kubelet_pods.go`).

use kubewright_model::kube::{Evidence, SetId, Workspace};

use super::Gap;
use super::wanted::{How, Key, KeyHow, Wanted};

/// The message about an object.
pub(super) fn object(
    workspace: &Workspace,
    gap: &Gap<'_>,
    wanted: &Wanted<'_>,
    sets: &[SetId],
) -> String {
    let (kind, name) = (&gap.resource.kind, &gap.resource.name);
    let (verb, place) = match &wanted.how {
        How::Field(path) => ("names", format!(" in {path}")),
        _ => ("reads", String::new()),
    };
    let comes = comes(wanted);
    format!(
        "{kind} {name} {verb} {} {}{place}, which {} not have{comes}",
        wanted.to.kind(),
        wanted.name,
        these(workspace, sets)
    )
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
) -> String {
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
        format!(" in {}", list(&names(workspace, sets)))
    } else {
        String::new()
    };
    let lacks = if binary {
        "which holds it in binaryData"
    } else {
        "which has no such key"
    };
    format!(
        "{kind} {name} reads key {} of {} {}, {lacks}{place}{comes}",
        key.text,
        wanted.to.kind(),
        wanted.name
    )
}

/// `kustomization overlays/prod does`, `a, b and c do`
fn these(workspace: &Workspace, sets: &[SetId]) -> String {
    let names = names(workspace, sets);
    let does = if names.len() == 1 { "does" } else { "do" };
    format!("{} {does}", list(&names))
}

fn names(workspace: &Workspace, sets: &[SetId]) -> Vec<String> {
    sets.iter().map(|id| set(workspace, *id)).collect()
}

/// An apply set, for messages.
pub(super) fn set(workspace: &Workspace, id: SetId) -> String {
    let set = workspace.set(id);
    let kind = match set.evidence {
        Evidence::Stream => return "the stream".to_owned(),
        Evidence::Directory => "directory",
        Evidence::Kustomization if set.name == "." => return "the kustomization".to_owned(),
        Evidence::Kustomization => "kustomization",
        Evidence::Config => "apply set",
        Evidence::ArgoCd | Evidence::Flux => "the set of",
        Evidence::Helm => "chart",
    };
    format!("{kind} {}", set.name)
}

/// More names than that are counted.
const SHOWN: usize = 5;

/// `a`, `a and b`, `a, b and 3 more`
pub(super) fn list(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] if names.len() <= SHOWN => format!("{} and {last}", first.join(", ")),
        [..] => {
            let (shown, rest) = names.split_at(SHOWN - 1);
            format!("{} and {} more", shown.join(", "), rest.len())
        }
    }
}
