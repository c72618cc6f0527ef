//! What scripts do with a file: one that writes, moves or removes it, or asks whether something is
//! mounted there, behaves otherwise once the mount is a link. A mount point answers `Device or
//! resource busy`; a link is replaced, and no update arrives any more.

use kubewright_model::finding::NoFix;
use kubewright_model::kube::Site;
use kubewright_model::kube::images::{Stated, StatedBy};
use kubewright_model::script::{Handling, SHELLS, asks_about_mount, handling};
use kubewright_model::text;
use kubewright_model::text::Verbatim;
use kubewright_model::yaml::Node;

use super::codes::Code;
use super::facts::{Basis, Facts};
use super::mounts::{self, name};
use super::pod::{Own, Pod};
use super::{say, texts, wrapper};

/// Programs that run the words behind them.
const CARRIERS: &[&str] = &[
    "tini",
    "tini-static",
    "dumb-init",
    "su-exec",
    "gosu",
    "setpriv",
    "env",
    "nice",
    "exec",
    "catatonit",
    "sudo",
    "time",
    "chpst",
];
/// Parts of the names of scripts that prepare what they start.
const PREPARES: &[&str] = &[
    "entrypoint",
    "dockerentrypoint",
    "entry",
    "start",
    "startup",
    "run",
    "init",
    "boot",
    "bootstrap",
    "launch",
    "launcher",
    "setup",
    "catalina",
];
const SCRIPT_EXTENSIONS: &[&str] = &["sh", "bash", "zsh", "ksh", "ash"];

/// Scripts that are written in the manifests.
///
/// # Errors
/// When one of the container changes the file, or asks for its mount.
pub(super) fn in_sight(
    pod: &Pod<'_>,
    own: &Own<'_>,
    target: &str,
    basis: &mut Basis,
) -> Result<(), NoFix> {
    let fields = ["command", "args", "lifecycle"]
        .into_iter()
        .filter_map(|field| own.container.node.get(field));
    for text in fields
        .flat_map(Node::descendants)
        .filter_map(Node::text)
        .filter(|text| !wrapper::is_ours(text))
    {
        match handling(text, target) {
            Handling::This(line) => {
                return Err(refusal(target, &format!("`{line}` in the container")));
            }
            Handling::Perhaps(line) => basis.lacks(text![
                "that `",
                &line,
                "` in the container leaves ",
                Verbatim(target),
                " alone"
            ]),
            Handling::No => {}
        }
    }
    let script =
        |text: &str| text.starts_with("#!") && !matches!(handling(text, target), Handling::No);
    if let Some(by) = texts::configuration(pod, script) {
        basis.lacks(text![
            "that the script in ",
            &by,
            " leaves ",
            Verbatim(target),
            " alone: a mount cannot be replaced, a link can"
        ]);
    }
    Ok(())
}

/// What in the container asks whether the file is mounted.
pub(super) fn asks_for_mount(own: &Own<'_>, target: &str) -> Option<String> {
    let fields = ["command", "args", "lifecycle"]
        .into_iter()
        .filter_map(|field| own.container.node.get(field));
    let mut texts = fields.flat_map(Node::descendants).filter_map(Node::text);
    texts.find_map(|text| asks_about_mount(text, target))
}

/// Scripts of the image.
///
/// # Errors
/// When one is known to change the file, or to ask for its mount.
pub(super) fn of_image(
    pod: &Pod<'_>,
    own: &Own<'_>,
    facts: &Facts,
    target: &str,
    basis: &mut Basis,
) -> Result<(), NoFix> {
    let script = run(own, facts);
    // The lock answers for the scripts that the image runs, and for those that were asked for.
    let answers = |by: &Stated| match script {
        Some(script) if has_command(own) && matches!(by.by, StatedBy::Lock(_)) => {
            by.facts.paths.contains_key(script)
        }
        _ => true,
    };
    if let Some(told) = facts.handled(target).filter(|told| answers(told.by)) {
        let (handled, variables) = told.value;
        let by = |with: &str| format!("a script of the image ({}){with}", say::source(told.by));
        if handled {
            return Err(refusal(target, &by("")));
        }
        if let Some(who) = gives(pod, own, target).filter(|_| facts.changes_named(target)) {
            basis.lacks(text![
                "that no script of the image, which changes what its variables name, changes ",
                Verbatim(target),
                ", which ",
                &who,
                " names"
            ]);
        }
        let nothing = text!["nothing replaces ", Verbatim(target)];
        match variables
            .iter()
            .find_map(|name| Some((name, is_set(pod, own, name)?)))
        {
            None if variables.is_empty() => basis.rests_on(told.by, nothing),
            None => basis.rests_on(
                told.by,
                text![nothing, " where ", &variables.join(", "), " is not set"],
            ),
            Some((name, true)) => {
                return Err(refusal(target, &by(&format!(", where {name} is set,"))));
            }
            Some((name, false)) => basis.lacks(text![
                "that envFrom does not set ",
                name,
                ", with which a script of the image changes ",
                Verbatim(target)
            ]),
        }
        return Ok(());
    }
    let read = |script: &str| {
        facts.locked()
            && facts.path(target).is_some()
            && (!has_command(own) || facts.path(script).is_some())
    };
    if let Some(script) = script.filter(|script| *script != target && read(script)) {
        basis.lacks(text![
            "what the script ",
            &script,
            " does with ",
            Verbatim(target),
            ": it was read, and what it changes or runs is named by variables (`handled-paths = \
             []` in [[images]] states that it leaves the file alone)"
        ]);
    } else if let Some(script) = script.filter(|script| *script != target) {
        basis.lacks(text![
            "what the script ",
            &script,
            " does with ",
            Verbatim(target),
            ": it was not read, and may replace or remove the file, or ask whether it is a mount (",
            say::lock(),
            " reads it, `handled-paths` states it)"
        ]);
    }
    Ok(())
}

/// What in the manifest names a path, or a directory above it, to a script of the image.
fn gives(pod: &Pod<'_>, own: &Own<'_>, target: &str) -> Option<String> {
    let names = |text: &str| {
        let above = text.trim_end_matches('/');
        text.contains(target) || (above.starts_with('/') && mounts::covers(above, target))
    };
    let container = own.container.node;
    let field = ["env", "args", "command"].into_iter().find(|field| {
        let texts = container.get(field).into_iter().flat_map(Node::descendants);
        texts
            .filter_map(Node::text)
            .any(|text| names(text) && !wrapper::is_ours(text))
    });
    if let Some(field) = field {
        return Some(format!("{field} of the container"));
    }
    container.get("envFrom")?;
    texts::configuration(pod, names)
}

/// Whether the manifest gives the container a variable; `Some(false)` where that is not known, and
/// `None` where it does not.
pub(super) fn is_set(pod: &Pod<'_>, own: &Own<'_>, name: &str) -> Option<bool> {
    let entries = own.container.node.get("env").map(Node::items);
    let entry = entries
        .into_iter()
        .flatten()
        .filter(|entry| entry.get("name").and_then(Node::text) == Some(name))
        .last();
    if let Some(entry) = entry {
        let empty = entry.get("valueFrom").is_none()
            && entry
                .get("value")
                .and_then(Node::text)
                .is_none_or(str::is_empty);
        return (!empty).then_some(true);
    }
    for reference in &pod.references {
        let Site::EnvFrom { container, entry } = reference.site else {
            continue;
        };
        if container != own.container.node {
            continue;
        }
        let prefix = entry.get("prefix").and_then(Node::text).unwrap_or("");
        let Some(keys) = &pod.objects.known(reference.to, reference.name).keys else {
            return Some(false);
        };
        if keys.iter().any(|key| format!("{prefix}{key}") == name) {
            return Some(true);
        }
    }
    None
}

fn has_command(own: &Own<'_>) -> bool {
    own.container
        .node
        .get("command")
        .is_some_and(|n| !n.is_null())
}

/// The script that a container runs, as far as it is known.
fn run<'w>(own: &'w Own<'_>, facts: &'w Facts) -> Option<&'w str> {
    let mut words = wrapper::words(own.container.node);
    if !has_command(own) {
        words = facts.all_words().into_iter().chain(words).collect();
    }
    script(&words)
}

/// The script of the image that the manifest runs: what the image's files are to be asked for.
pub(super) fn of_command<'w>(own: &'w Own<'_>) -> Option<&'w str> {
    let words = wrapper::words(own.container.node);
    script(&words).filter(|script| script.starts_with('/'))
}

fn refusal(target: &str, who: &str) -> NoFix {
    let text = text![
        &who,
        " writes, moves or removes ",
        Verbatim(target),
        " or its directory, or asks whether something is mounted there: a mount answers `Device \
         or resource busy`, a link would be replaced, and no update would arrive any more"
    ];
    NoFix::new(Code::ScriptHandles, text)
}

/// The first script among the words that a container runs, as its name tells.
fn script<'w>(all: &[&'w str]) -> Option<&'w str> {
    let mut words = all
        .iter()
        .copied()
        .filter(|word| !word.starts_with('-'))
        .skip_while(|word| CARRIERS.contains(&name(word)));
    let first = words.next()?;
    if SHELLS.contains(&name(first)) {
        let operand = words.next()?;
        // What is written in the manifest is read there, and what it calls is not.
        let inline = operand.contains(char::is_whitespace)
            || all
                .iter()
                .any(|word| word.starts_with('-') && word.ends_with('c'));
        return if inline {
            operand
                .split_whitespace()
                .find(|word| word.contains(['/', '.']) && is_script(word))
        } else {
            Some(operand)
        };
    }
    is_script(first).then_some(first)
}

fn is_script(word: &str) -> bool {
    let base = name(word);
    let stem = match base.rsplit_once('.') {
        Some((_, extension)) if SCRIPT_EXTENSIONS.contains(&extension) => return true,
        Some((stem, _)) => stem,
        None => base,
    };
    stem.split(['-', '_', '.'])
        .any(|part| PREPARES.contains(&part))
}

#[cfg(test)]
mod tests {
    use super::script;

    #[test]
    fn scripts_are_told_by_their_names() {
        for words in [
            &["/docker-entrypoint.sh", "web"][..],
            &["tini", "--", "/entrypoint"],
            &["sh", "x"],
            &["/init"],
            &["catalina.sh", "run"],
        ] {
            assert!(script(words).is_some(), "{words:?}");
        }
        for words in [
            &["web", "run"][..],
            &["/app"],
            &["node", "server.js"],
            &["sh", "-c", "exec web"],
            &["/usr/bin/prune"],
        ] {
            assert!(script(words).is_none(), "{words:?}");
        }
    }
}
