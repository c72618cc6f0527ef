//! How much it matters that a mount keeps its subPath: whether something replaces all pods together
//! when the content changes.
//!
//! Only a config hash that is there, or that is written in this run, does so; and only where the
//! pods are replaced at once, after the new content has arrived.

use kubewright_model::finding::Severity;
use kubewright_model::kube::{Hold, Target};
use kubewright_model::text;
use kubewright_model::text::{Named, Text};

use super::decide::Decision;
use super::pod::Pod;
use crate::missing_config_hash::CURED;

/// The transform that writes config hashes.
pub(super) const HASH: &str = "missing-config-hash";

/// How much it matters that these mounts keep their subPath, and why.
pub(super) fn staleness(pod: &Pod<'_>, decisions: &[&Decision<'_>]) -> (Severity, Text) {
    if decisions.iter().all(|d| d.ends) {
        return (
            Severity::Info,
            "it does little harm: the container ends, and reads the content anew each time it \
             starts"
                .into(),
        );
    }
    match cured(pod, decisions) {
        Ok(how) => (Severity::Info, how),
        Err(Ill::NoHash(why)) => {
            let text = text![
                "a container that happens to restart is the only one that reads a change, and no \
                 config hash replaces all pods together: ",
                why
            ];
            (Severity::Warning, text)
        }
        Err(Ill::InPart(why)) => (Severity::Warning, why),
    }
}

/// Why a change does not replace all pods together.
pub(super) enum Ill {
    /// There is no config hash that covers the objects, and why.
    NoHash(Text),
    /// There is one, which does not reach all pods at once, or not in time.
    InPart(Text),
}

/// Whether a change of the objects replaces all pods together, and what does so.
pub(super) fn cured(pod: &Pod<'_>, decisions: &[&Decision<'_>]) -> Result<Text, Ill> {
    let settings = pod.cx.settings;
    let running = pod.cx.running.contains(&HASH);
    if !running && !settings.enabled(HASH) {
        return Err(Ill::NoHash(text![HASH, " is switched off"]));
    }
    let covered = match pod.hashed() {
        Ok(covered) => covered,
        Err(reason) if CURED.iter().any(|code| reason.is(*code)) => {
            return Ok(text!["its staleness does no harm: ", &reason.text]);
        }
        Err(reason) => return Err(Ill::NoHash(reason.text.clone())),
    };
    let written = settings.missing_config_hash.carried_by(pod.template.node);
    if !written && !running {
        return Err(Ill::NoHash(text![
            "there is none (`",
            Text::command(text!["kubewright fix --select ", HASH]),
            "` writes it)"
        ]));
    }
    let bare = |d: &&&Decision<'_>| {
        !covered
            .iter()
            .any(|(to, name)| Some(*to) == d.source.to && name == d.source.name)
    };
    if let Some(decision) = decisions.iter().find(bare) {
        let name = decision.source.display();
        let secret = decision.source.to == Some(Target::Secret);
        return Err(Ill::NoHash(
            if secret && !settings.missing_config_hash.hashes_secrets() {
                let unless = " out unless `secrets = true` or `secrets-key-from` is set";
                text![HASH, " leaves ", name, unless]
            } else {
                text![name, " is not among what is applied with it"]
            },
        ));
    }
    if let Some(hold) = Hold::of(pod.cx.workspace.resource(pod.id), pod.workload) {
        let text = format!(
            "a change does not replace all pods together, in spite of the config hash: {hold}"
        );
        return Err(Ill::InPart(text.into()));
    }
    if let Some(name) = applied_later(pod, decisions) {
        let text = format!(
            "it may be applied before {name}: pods that the config hash replaces may start with \
             the old content and keep it"
        );
        return Err(Ill::InPart(text.into()));
    }
    let who = if written {
        "the config hash that is there"
    } else {
        "the config hash that this run writes"
    };
    Ok(text![
        who,
        " cures its staleness: a change replaces all pods together"
    ])
}

/// What stands behind the workload in its own file, where kubectl applies one after the other.
fn applied_later(pod: &Pod<'_>, decisions: &[&Decision<'_>]) -> Option<Named> {
    let early = pod.early();
    let read = |d: &&&Decision<'_>| {
        early
            .iter()
            .any(|(to, name)| Some(*to) == d.source.to && name == d.source.name)
    };
    decisions.iter().find(read).map(|d| d.source.display())
}
