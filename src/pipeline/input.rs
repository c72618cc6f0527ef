//! What is said of files and documents that are not YAML.

use kubewright_model::finding::{Finding, Location, NoFix, Severity};
use kubewright_model::kube::{Broken, Workspace};
use kubewright_model::text::Text;

use super::report::Reported;
use super::{Code, INPUT, Pipeline};
use crate::typed;

/// Whether a file may hold Kubernetes objects: lines of it begin as those of an object do, or
/// kustomize reads it.
pub(crate) fn may_hold_objects(path: &str, text: &str) -> bool {
    let says = |field: &str| {
        let mut lines = text.lines();
        lines.any(|line| {
            // A byte order mark too, whole or as bytes that are no text.
            let before = ['-', ' ', '"', '\'', '{', '\u{feff}', '\u{fffd}'];
            let line = line.trim_start_matches(before);
            line.starts_with(field)
        })
    };
    let kustomization = path.rsplit('/').next().is_some_and(|name| {
        matches!(
            name,
            "kustomization.yaml" | "kustomization.yml" | "Kustomization"
        )
    });
    kustomization || says("apiVersion") && says("kind")
}

/// Whether a file that is not YAML is none of Kubernetes either. Such files lie beside manifests, as
/// templates of other tools and configurations with syntax of their own; who names one, and nothing
/// else, asks about it.
fn is_of_another_program(workspace: &Workspace, broken: &Broken) -> bool {
    let file = workspace.file(broken.file);
    let alone = workspace
        .files()
        .iter()
        .filter(|file| file.editable)
        .count()
        < 2;
    !(alone || may_hold_objects(&file.path, &file.text))
}

impl Pipeline<'_> {
    /// What is said of the files and documents of a workspace that are not YAML.
    pub fn not_yaml(workspace: &Workspace) -> Vec<Reported> {
        let all = findings(workspace);
        all.map(|finding| Reported::new(workspace, &finding))
            .collect()
    }
}

/// All that is not YAML of what may be edited.
pub(super) fn findings(workspace: &Workspace) -> impl Iterator<Item = Finding> {
    let mine = |broken: &&Broken| workspace.file(broken.file).editable;
    let broken = workspace.broken().iter().filter(mine);
    broken.map(|broken| finding(workspace, broken))
}

/// A file or document that is not YAML, as a finding. Where libyaml, and so kubectl, reads it all
/// the same, it is only left alone.
fn finding(workspace: &Workspace, broken: &Broken) -> Finding {
    let text = &workspace.file(broken.file).text;
    let mut start = broken.error.offset.min(text.len());
    while !text.is_char_boundary(start) {
        start -= 1;
    }
    let end = text[start..]
        .chars()
        .next()
        .filter(|c| *c != '\n' && *c != '\r')
        .map_or(start, |c| start + c.len_utf8());
    let what = if broken.document.is_some() {
        "document"
    } else {
        "file"
    };
    let (severity, message, reason) = if typed::reads(workspace.broken_text(broken)) {
        let reason = NoFix::new(
            Code::NotUnderstood,
            format!("kubectl reads this {what}; it was neither checked nor edited"),
        );
        (
            Severity::Info,
            format!(
                "kubewright does not understand this {what}: {}",
                broken.error.message
            ),
            reason,
        )
    } else if is_of_another_program(workspace, broken) {
        let reason = NoFix::new(
            Code::NotYaml,
            "nothing in it looks like a Kubernetes object; it was neither checked nor edited",
        );
        (
            Severity::Info,
            format!("not YAML: {}", broken.error.message),
            reason,
        )
    } else {
        let reason = NoFix::new(
            Code::NotYaml,
            format!("kubectl does not read this {what} either; it was neither checked nor edited"),
        );
        (
            Severity::Error,
            format!("not YAML: {}", broken.error.message),
            reason,
        )
    };
    let place = Location {
        file: broken.file,
        span: start..end,
    };
    let help = (broken.error.help.iter())
        .filter(|_| severity == Severity::Error)
        .map(Text::from);
    Finding::build(INPUT, severity, place, message)
        .notes(help)
        .fix(Err(reason))
}
