//! Files that a configuration language makes, and those that a tool fills in, by what lies beside
//! them in the repository.

use crate::kube::source::command_outputs::written;
use crate::kube::source::paths::{has_extension, join, split};
use crate::kube::workspace::Workspace;
use crate::yaml::holds;

/// Files by which a directory and what is below it is a project of one of these languages, and the
/// program of the language:
/// jsonnet-bundler (<https://github.com/jsonnet-bundler/jsonnet-bundler>), CUE
/// (<https://cuelang.org/docs/reference/modules/>), KCL
/// (<https://www.kcl-lang.io/docs/user_docs/guides/package-management/quick-start>).
const PROJECTS: &[(&str, &str)] = &[
    ("jsonnetfile.json", "jsonnet"),
    ("cue.mod/module.cue", "cue"),
    ("kcl.mod", "kcl"),
];

/// The program that makes a file, and the file of the repository that says so: a command that
/// writes it, the jsonnet source of the same name beside it, or the project that it lies in, if it
/// is JSON or `cue` keeps it among its own files. Who writes such a language does not write JSON by
/// hand, and it is what these programs write unless they are told otherwise.
pub(super) fn maker(workspace: &Workspace, path: &str) -> Option<(&'static str, String)> {
    let texts = workspace.options().texts.as_ref()?;
    let (directory, name) = split(path);
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let source = join(directory, &format!("{stem}.jsonnet"))?;
    if texts.bytes(&source).is_some() {
        return Some(("jsonnet", source));
    }
    let project = |directory: &str| {
        PROJECTS.iter().find_map(|(file, program)| {
            let file = join(directory, file).filter(|file| texts.bytes(file).is_some())?;
            Some((*program, file))
        })
    };
    let of_cue = path.split('/').any(|part| part == "cue.mod");
    let is_output = of_cue || has_extension(name, "json");
    let of_project = || above(path).find_map(project);
    if let Some(made) = is_output.then(of_project).flatten() {
        return Some(made);
    }
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
            && (output.renders || above(path).any(|above| project(above).is_some()))
    });
    made.map(|made| (made.program, made.command.clone()))
        .or_else(|| nixidy(workspace, name))
}

/// The file of Nix that says so, if the manifests of the repository are made by nixidy, which gives
/// each object a file of its own, `Kind-name.yaml`
/// (<https://github.com/arnarg/nixidy>, `modules/applications/lib.nix`).
fn nixidy(workspace: &Workspace, name: &str) -> Option<(&'static str, String)> {
    let (kind, _) = name.strip_suffix(".yaml")?.split_once('-')?;
    let is_kind = kind.starts_with(|c: char| c.is_ascii_uppercase())
        && kind.bytes().all(|b| b.is_ascii_alphanumeric());
    let texts = workspace.options().texts.as_ref().filter(|_| is_kind)?;
    let source = workspace.index.nixidy.get_or_init(|| {
        let texts = &texts.read().texts;
        let mut of_nix = texts.iter().filter(|(at, _)| has_extension(at, "nix"));
        of_nix
            .find(|(_, text)| holds(text, "nixidy"))
            .map(|(at, _)| at.clone())
    });
    Some(("nixidy", source.clone()?))
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
