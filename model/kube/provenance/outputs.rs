//! Files that a configuration language makes, and those that a tool fills in, by what lies beside
//! them in the repository.

use crate::kube::source::command_outputs::written;
use crate::kube::source::paths::{join, split};
use crate::kube::workspace::Workspace;

/// Files by which a directory and what is below it is a project of one of these languages:
/// jsonnet-bundler (<https://github.com/jsonnet-bundler/jsonnet-bundler>), CUE
/// (<https://cuelang.org/docs/reference/modules/>), KCL
/// (<https://www.kcl-lang.io/docs/user_docs/guides/package-management/quick-start>).
const PROJECTS: &[&str] = &["jsonnetfile.json", "cue.mod/module.cue", "kcl.mod"];

/// The program that makes a file, and the file of the repository that says so: a command that
/// writes it, or the jsonnet source of the same name beside it.
pub(super) fn maker(workspace: &Workspace, path: &str) -> Option<(&'static str, String)> {
    let texts = workspace.options().texts.as_ref()?;
    let (directory, name) = split(path);
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let source = join(directory, &format!("{stem}.jsonnet"))?;
    if texts.bytes(&source).is_some() {
        return Some(("jsonnet", source));
    }
    let project = |directory: &str| {
        PROJECTS.iter().any(|project| {
            join(directory, project).is_some_and(|project| texts.bytes(&project).is_some())
        })
    };
    let outputs = workspace.index.outputs.get_or_init(|| {
        let texts = &texts.read().texts;
        texts
            .iter()
            .flat_map(|(at, text)| written(at, text))
            .collect()
    });
    let made = outputs.iter().find(|output| {
        let below = path.strip_prefix(&output.path);
        below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            && (output.renders || above(path).any(project))
    })?;
    Some((made.program, made.command.clone()))
}

/// The project file of kluctl above a file that it renders with Jinja before it applies it
/// (<https://kluctl.io/docs/kluctl/templating/>).
pub(super) fn kluctl(workspace: &Workspace, path: &str, text: &str) -> Option<String> {
    let texts = workspace.options().texts.as_ref()?;
    if !["{{", "{%", "{#"].iter().any(|mark| text.contains(mark)) {
        return None;
    }
    above(path).find_map(|directory| {
        [".kluctl.yaml", ".kluctl.yml"]
            .iter()
            .filter_map(|name| join(directory, name))
            .find(|project| texts.bytes(project).is_some())
    })
}

/// The directories above a file, the innermost first; the last one is the root.
fn above(path: &str) -> impl Iterator<Item = &str> {
    let first = split(path).0;
    std::iter::successors(Some(first), |directory| {
        (!directory.is_empty()).then(|| split(directory).0)
    })
}
