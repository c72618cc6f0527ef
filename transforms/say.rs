//! Parts of sentences that several transforms say.

use kubewright_model::kube::{ApplySet, Evidence, SetId, Workspace};
use kubewright_model::text;
use kubewright_model::text::{Path, Text};

/// An apply set: `kustomization overlays/prod`, `directory deploy`.
pub(crate) fn set(workspace: &Workspace, id: SetId) -> Text {
    let set = workspace.set(id);
    let kind = match set.evidence {
        Evidence::Stream => return "the stream".into(),
        Evidence::Directory => "directory",
        Evidence::Kustomization if set.name == "." => return "the kustomization".into(),
        Evidence::Kustomization => "kustomization",
        Evidence::Config => "apply set",
        Evidence::ArgoCd | Evidence::Flux => "the set of",
        Evidence::Helm => "chart",
    };
    text![kind, " ", set_name(set)]
}

/// The name of an apply set, which may be the path of its directory.
pub(crate) fn set_name(set: &ApplySet) -> Text {
    match set.evidence {
        Evidence::Directory | Evidence::Kustomization | Evidence::Helm => Path(&set.name).into(),
        Evidence::Config | Evidence::ArgoCd | Evidence::Flux | Evidence::Stream => {
            (&set.name).into()
        }
    }
}
