//! Messages: what a resource reads that is not there, and what comes of it in the cluster.
//!
//! A container whose variable cannot be made waits in `CreateContainerConfigError`, a volume that
//! cannot be filled keeps its pod in `ContainerCreating` with the event `FailedMount`
//! (pkg/volume/configmap), and of a `subPath` that is not there the kubelet makes an empty
//! directory without a word (`makeMounts` in the kubelet's `kubelet_pods.go`).

use kubewright_model::kube::{SetId, Workspace};
use kubewright_model::text;
use kubewright_model::text::{Field, Named, Text, Verbatim};

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
        How::Field(path) => ("names", text![" in ", Field(path)]),
        _ => ("reads", Text::new()),
    };
    let comes = comes(wanted);
    text![
        Named::new(kind, name),
        " ",
        verb,
        " ",
        Named::new(wanted.to.kind(), wanted.name),
        place,
        ", which ",
        these(workspace, sets),
        " not have",
        comes
    ]
}

/// What comes of an object that is not there, behind what is said of it.
pub(super) fn comes(wanted: &Wanted<'_>) -> Text {
    consequence(wanted).map_or_else(Text::new, |then| text!["; ", then])
}

/// What comes of an object that is not there, if anything does that is known.
pub(super) fn consequence(wanted: &Wanted<'_>) -> Option<Text> {
    Some(match &wanted.how {
        How::Variables(container) => text![
            "container ",
            *container,
            " does not start without it (CreateContainerConfigError)"
        ],
        How::Volume(Some(path)) if wanted.optional => {
            text!["the kubelet mounts an empty directory at ", Verbatim(path)]
        }
        How::Volume(_) => "pods stay in ContainerCreating without it (FailedMount)".into(),
        How::Driver => "pods stay in ContainerCreating without it".into(),
        How::PullSecret => "images are pulled without credentials".into(),
        How::Field(_) => return None,
    })
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
            text![
                "; container ",
                &container,
                " does not start (CreateContainerConfigError)"
            ]
        }
        KeyHow::Item => {
            "; pods stay in ContainerCreating (FailedMount: references non-existent config key)"
                .into()
        }
        KeyHow::SubPath(path) => {
            text![
                "; the kubelet makes an empty directory of it and mounts that at ",
                Verbatim(path)
            ]
        }
        KeyHow::Field => Text::new(),
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
        Named::new(kind, name),
        " reads key ",
        Field(key.text),
        " of ",
        Named::new(wanted.to.kind(), wanted.name),
        ", ",
        lacks,
        place,
        comes
    ]
}

/// What is known of a name that is missing: how many others of its kind pods of the set find.
pub(super) fn nothing_makes_it(workspace: &Workspace, kind: &str, present: usize) -> Text {
    let nothing = if workspace.options().stream {
        "nothing in the stream makes it"
    } else {
        "nothing in the workspace makes it"
    };
    match present {
        0 => text![nothing],
        1 => text![
            nothing,
            "; the other ",
            kind,
            " that pods of the set name is there"
        ],
        n => text![
            nothing,
            "; the ",
            n,
            " other ",
            kind,
            "s that pods of the set name are there"
        ],
    }
}

/// How to ask the cluster for an object.
pub(super) fn look_it_up(wanted: &Wanted<'_>, namespace: Option<&str>) -> Text {
    let kind = wanted.to.kind().to_lowercase();
    let mut command = text!["kubectl get ", kind, " ", wanted.name];
    if let Some(namespace) = namespace {
        command.push(text![" -n ", namespace]);
    }
    text!["; ask the cluster for it: ", Text::command(command)]
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
