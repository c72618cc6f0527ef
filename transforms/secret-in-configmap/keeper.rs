//! What keeps the Secrets of a repository: SOPS, Sealed Secrets, External Secrets. A Secret in git
//! is only base64, so that a new one belongs there too.

use kubewright_model::finding::{Change, Fix, NoFix};
use kubewright_model::kube::{Resource, Workspace};
use kubewright_model::text;
use kubewright_model::text::{Path, Text};

/// Names of the configuration of SOPS (<https://github.com/getsops/sops#using-sops-yaml-conf-to-select-kms-pgp-and-age-for-new-files>).
const SOPS_FILES: &[&str] = &[".sops.yaml", ".sops.yml"];

/// A way to keep Secrets in git, or outside of it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Keeper<'a> {
    /// SOPS encrypts files.
    Sops,
    /// Sealed Secrets are decrypted in the cluster.
    Sealed,
    /// This resource of External Secrets fetches them.
    External(&'a Resource),
}

impl<'a> Keeper<'a> {
    /// What is in use for the files beside and above `path`.
    pub(super) fn of(workspace: &'a Workspace, path: &str) -> Option<Self> {
        let above = path
            .match_indices('/')
            .map(|(at, _)| &path[..=at])
            .chain([""]);
        let configured = || {
            above.clone().any(|directory| {
                SOPS_FILES
                    .iter()
                    .any(|name| workspace.text_at(&format!("{directory}{name}")).is_some())
            })
        };
        let of_kind = |kind: &str| {
            let mut all = workspace.resources().iter();
            all.find(|resource| resource.kind == kind)
        };
        if of_kind("SealedSecret").is_some() {
            Some(Self::Sealed)
        } else if let Some(resource) = of_kind("ExternalSecret") {
            Some(Self::External(resource))
        } else if configured() || !workspace.encrypted().is_empty() {
            Some(Self::Sops)
        } else {
            None
        }
    }

    /// What the finding says first.
    pub(super) fn said(self) -> &'static str {
        match self {
            Self::Sops => ", though SOPS encrypts Secrets of this repository",
            Self::Sealed => ", though this repository has SealedSecrets",
            Self::External(_) => ", though ExternalSecrets fetch Secrets of this repository",
        }
    }

    /// What is to be done with the Secret that a fix writes, if there is one.
    pub(super) fn note(self, fix: &Result<Fix, NoFix>) -> Text {
        let created = |change: &Change| match change {
            Change::Create(path, _) => Some(path.clone()),
            _ => None,
        };
        let path = fix
            .as_ref()
            .ok()
            .and_then(|fix| fix.changes.iter().find_map(created));
        let mut note = text!["a Secret in git is only base64: "];
        match (self, path) {
            (Self::Sops, Some(path)) => {
                note.push("encrypt the file before it is committed, with ");
                note.push(Text::command(text![
                    "sops encrypt --in-place ",
                    Path(&path)
                ]));
            }
            (Self::Sops, None) => note.push("encrypt the file that gets the value with SOPS"),
            (Self::Sealed, Some(path)) => {
                let sealed = format!("{}-sealed.yaml", path.trim_end_matches(".yaml"));
                note.push("commit the sealed one alone, which is written by ");
                note.push(Text::command(text![
                    "kubeseal --format yaml --secret-file ",
                    Path(&path),
                    " --sealed-secret-file ",
                    Path(&sealed)
                ]));
            }
            (Self::Sealed, None) => note.push("seal the Secret that gets the value with kubeseal"),
            (Self::External(resource), _) => note.push(text![
                "put the new value into the store that ",
                resource.display(),
                " reads, and fetch it with an ExternalSecret"
            ]),
        }
        note
    }
}
