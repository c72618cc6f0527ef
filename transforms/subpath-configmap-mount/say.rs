//! What is said about mounts: messages, notes, and what to state about an image.

use kubewright_model::finding::{NoFix, Severity};
use kubewright_model::kube::Target;
use kubewright_model::kube::images::{self, Stated, StatedBy};
use kubewright_model::yaml::Node;

use super::decide::Decision;
use super::facts::{Basis, Facts};
use super::pod::{Own, Pod};
use crate::settings::Strategy;

/// What is wrong with these mounts.
pub(super) fn message(decisions: &[&Decision<'_, '_>]) -> String {
    let mut names: Vec<String> = Vec::new();
    for decision in decisions {
        let name = decision.source.display();
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let verb = if names.len() == 1 { "is" } else { "are" };
    format!("{} {verb} mounted through subPath; a running pod never sees a change", list(&names))
}

/// Reasons against a config hash that make up for the subPath themselves.
const CURED: [&str; 4] = ["next-run", "reloader", "foreign-checksum", "checksum-templated"];

/// How much it matters that these mounts keep their subPath, and why.
pub(super) fn staleness(pod: &Pod<'_>, decisions: &[&Decision<'_, '_>]) -> (Severity, String) {
    let chance = "each pod reads a change when its container happens to restart";
    if !pod.cx.settings.missing_config_hash.enabled {
        return (Severity::Warning, format!("{chance}, and no config hash makes up for that: missing-config-hash is switched off"));
    }
    let covered = match pod.hashed() {
        Ok(covered) => covered,
        Err(reason) if CURED.contains(&reason.code) => return (Severity::Info, format!("its staleness does no harm: {}", reason.text)),
        Err(reason) => return (Severity::Warning, format!("{chance}, and no config hash makes up for that: {}", reason.text)),
    };
    let bare = |d: &&&Decision<'_, '_>| !covered.iter().any(|(to, name)| Some(*to) == d.source.to && name == d.source.name);
    let Some(decision) = decisions.iter().find(bare) else {
        return (Severity::Info, "the config hash of missing-config-hash cures its staleness: a change replaces all pods together".into());
    };
    let name = decision.source.display();
    let why = if decision.source.to == Some(Target::Secret) && !pod.cx.settings.missing_config_hash.secrets {
        format!("missing-config-hash leaves {name} out unless `secrets = true`")
    } else {
        format!("{name} is not among what is applied with it")
    };
    (Severity::Warning, format!("{chance}, and no config hash makes up for that: {why}"))
}

/// Who states facts.
pub(super) fn source(stated: &Stated) -> String {
    match &stated.by {
        StatedBy::Annotation => format!("annotation {}", images::ANNOTATION),
        StatedBy::Config => format!("kubewright.toml ([[images]] {})", stated.facts.pattern),
        StatedBy::Lock(digest) => format!("kubewright.lock ({digest})"),
        StatedBy::Table(_) => "built-in table".to_owned(),
    }
}

/// The user that an image runs as.
pub(super) fn user(stated: &Stated) -> String {
    stated.facts.user.as_deref().map(|user| if user == "root" { user.to_owned() } else { format!("user {user}") }).unwrap_or_default()
}

/// That shell or ENTRYPOINT are not stated, and how to state them.
pub(super) fn unknown(pod: &Pod<'_>, own: &Own<'_>, code: &'static str) -> NoFix {
    let image = own.container.node.get("image").and_then(Node::text).unwrap_or("");
    let entrypoint = code == "entrypoint-unknown";
    let (code, why) = match (pod.image_changes(own), entrypoint) {
        (true, true) => {
            ("image-rewritten", format!("there is no command, and kustomize may replace the image {image}: there are no words to pass on"))
        }
        (true, false) => ("image-rewritten", format!("kustomize may replace the image {image}: whether it has a shell is not known")),
        (false, true) => {
            (code, format!("there is no command, and the ENTRYPOINT of the image {image} is not stated: there are no words to pass on"))
        }
        (false, false) => (code, format!("nothing states that the image {image} has a shell")),
    };
    NoFix::new(code, format!("{why}\n{}", to_state(pod, own, entrypoint)))
}

/// How the fix would be proven.
pub(super) fn to_prove(pod: &Pod<'_>, own: &Own<'_>, facts: &Facts, strategy: Strategy, directory: &str, basis: &Basis) -> Option<String> {
    match strategy {
        Strategy::OwnDirectory => Some(format!(
            "if {directory} holds nothing but what the pod mounts there, and no program writes into it or reads it as a whole, \
             owned-dirs = [\"{directory}\"] in kubewright.toml states it"
        )),
        Strategy::Link => {
            let of_image = !facts.stated() || basis.unproven.iter().any(|what| what.ends_with("`)"));
            of_image.then(|| to_state(pod, own, false))
        }
        _ if facts.locked() => None,
        _ => Some("`kubewright images lock` reads what the image has".to_owned()),
    }
}

/// What to write into `kubewright.toml`, or into the annotation where kustomize may replace the image, so that the fix is proven.
fn to_state(pod: &Pod<'_>, own: &Own<'_>, entrypoint: bool) -> String {
    let image = own.container.node.get("image").and_then(Node::text).and_then(images::normalise);
    let mut text = if let Some(image) = image.filter(|_| !pod.image_changes(own)) {
        let facts = format!("[[images]]\nmatch = \"{image}\"\nshell = \"/bin/sh\"\nuser = \"root\"");
        format!("`kubewright images lock` reads what the image has; or state it in kubewright.toml, if it is so:\n{facts}")
    } else {
        let facts = format!(r#"'{{"{}": {{"shell": "/bin/sh", "user": "root"}}}}'"#, own.container.name);
        format!("state in the pod template's annotations what the image has, if it is so:\n{}: {facts}", images::ANNOTATION)
    };
    if entrypoint {
        text.push_str("\nand its entrypoint and cmd, as `docker image inspect` shows them");
    }
    text
}

/// `a`, `a and b`, `a, b and c`.
pub(super) fn list(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}
