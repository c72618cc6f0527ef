//! Credentials in what `configMapGenerator` makes ConfigMaps of: literals, files, files of
//! variables.

use std::collections::BTreeMap;

use kubewright_model::finding::{Finding, Hidden, Location, NoFix, Severity};
use kubewright_model::kube::{Kustomization, Workspace};
use kubewright_model::text;
use kubewright_model::text::{Field, Named, Path, Text};
use kubewright_model::yaml::Node;

use super::codes::Code;
use super::detect::Hit;
use super::keeper::Keeper;
use super::values::{self, Found};
use super::{META, in_clear, masked, notes};

/// How large a file is at most that is looked at: what is larger makes no ConfigMap.
const LARGEST: usize = 1024 * 1024;

/// What was found in files, by path and key: many generators may read one.
#[derive(Default)]
pub(super) struct Files(BTreeMap<(String, String), Option<Found>>);

impl Files {
    fn find(&mut self, path: &str, key: &str, text: &str) -> Option<Found> {
        let of_file = self.0.entry((path.to_owned(), key.to_owned()));
        let found = of_file.or_insert_with(|| {
            let small = text.len() <= LARGEST;
            small.then(|| values::find(key, text)).flatten()
        });
        found.clone()
    }
}

/// All findings of one kustomization.
pub(super) fn findings(
    workspace: &Workspace,
    kustomization: &Kustomization,
    files: &mut Files,
) -> Vec<Finding> {
    let of_generator = |generator: Node<'_>| {
        let name = generator
            .get("name")
            .and_then(Node::text)
            .unwrap_or_default();
        let all = entries(workspace, kustomization, generator, files);
        let findings = all.iter().map(|entry| {
            let at = Location {
                file: kustomization.file,
                span: entry.node.span(),
            };
            finding(workspace, at, name, entry)
        });
        findings.collect::<Vec<Finding>>()
    };
    generators(workspace, kustomization)
        .flat_map(of_generator)
        .collect()
}

/// What the findings of one kustomization hide.
pub(super) fn hidden(
    workspace: &Workspace,
    kustomization: &Kustomization,
    files: &mut Files,
) -> Vec<Hidden> {
    generators(workspace, kustomization)
        .flat_map(|generator| entries(workspace, kustomization, generator, files))
        .flat_map(|entry| hidden_in(&entry))
        .collect()
}

fn generators<'a>(
    workspace: &'a Workspace,
    kustomization: &Kustomization,
) -> impl Iterator<Item = Node<'a>> {
    let yaml = workspace.file(kustomization.file).yaml.as_deref();
    yaml.and_then(|yaml| yaml.root(0)?.get("configMapGenerator"))
        .into_iter()
        .flat_map(Node::items)
}

/// All entries of a generator that have credentials.
fn entries<'a>(
    workspace: &Workspace,
    kustomization: &Kustomization,
    generator: Node<'a>,
    files: &mut Files,
) -> Vec<GeneratorEntry<'a>> {
    let list = |field| generator.get(field).into_iter().flat_map(Node::items);
    let mut all = Vec::new();
    for literal in list("literals") {
        all.extend(of_literal(literal));
    }
    for file in list("files") {
        all.extend(of_file(workspace, kustomization, file, files));
    }
    for file in list("envs").chain(generator.get("env")) {
        all.extend(of_variables(workspace, kustomization, file, files));
    }
    all
}

/// An entry of a generator with credentials.
struct GeneratorEntry<'a> {
    node: Node<'a>,
    key: String,
    /// The file that has it, where it is not the kustomization itself.
    path: Option<String>,
    text: String,
    found: Found,
}

fn of_literal(node: Node<'_>) -> Option<GeneratorEntry<'_>> {
    let (key, value) = node.text()?.split_once('=')?;
    let value = value.trim_matches(['"', '\'']);
    Some(GeneratorEntry {
        node,
        key: key.to_owned(),
        path: None,
        text: value.to_owned(),
        found: values::find(key, value)?,
    })
}

fn of_file<'a>(
    workspace: &Workspace,
    kustomization: &Kustomization,
    node: Node<'a>,
    files: &mut Files,
) -> Option<GeneratorEntry<'a>> {
    let written = node.text()?;
    let (key, path) = written.split_once('=').map_or_else(
        || (written.rsplit('/').next().unwrap_or(written), written),
        |(key, path)| (key, path),
    );
    let path = below(&kustomization.directory, path)?;
    let text = workspace.text_at(&path)?;
    Some(GeneratorEntry {
        node,
        key: key.to_owned(),
        found: files.find(&path, key, text)?,
        text: text.to_owned(),
        path: Some(path),
    })
}

fn of_variables<'a>(
    workspace: &Workspace,
    kustomization: &Kustomization,
    node: Node<'a>,
    files: &mut Files,
) -> Option<GeneratorEntry<'a>> {
    let path = below(&kustomization.directory, node.text()?)?;
    let text = workspace.text_at(&path)?;
    Some(GeneratorEntry {
        node,
        key: "its file of variables".to_owned(),
        found: files.find(&path, ".env", text)?,
        text: text.to_owned(),
        path: Some(path),
    })
}

/// A path relative to the root, of one relative to a directory.
fn below(directory: &str, path: &str) -> Option<String> {
    let mut steps: Vec<&str> = directory
        .split('/')
        .filter(|step| !step.is_empty())
        .collect();
    for step in path.split('/') {
        match step {
            "" | "." => {}
            ".." => _ = steps.pop()?,
            step => steps.push(step),
        }
    }
    Some(steps.join("/"))
}

fn finding(workspace: &Workspace, at: Location, name: &str, entry: &GeneratorEntry<'_>) -> Finding {
    let hits = &entry.found.hits;
    let sure = hits.iter().any(|hit| hit.sure);
    let severity = if sure {
        Severity::Error
    } else {
        Severity::Warning
    };
    let hit = hits.iter().find(|hit| hit.sure == sure);
    let what = hit.map_or("a credential", |hit| hit.what);
    let shown = hit.map_or_else(String::new, |hit| masked(hit, &entry.text));
    let place = match (&entry.path, hit) {
        (Some(path), Some(hit)) => {
            let before = entry.text.get(..hit.span.start).unwrap_or_default();
            text![" (", Path(path), ":", before.matches('\n').count() + 1, ")"]
        }
        _ => Text::new(),
    };
    let keeper = Keeper::of(workspace, &workspace.file(at.file).path);
    let mut keys = text![Field(&entry.key)];
    keys.push(place);
    let message = in_clear(
        &Named::new("generated ConfigMap", name),
        (what, &shown, hits.len()),
        std::iter::once(keys),
        keeper,
    );
    let reason = NoFix::new(
        Code::Generated,
        "move the entry to `secretGenerator`, and have the pods read it from there",
    );
    let fix = Err(reason);
    META.finding(severity, at, message)
        .subject("generated", [name, &*entry.key])
        .notes(notes(keeper, &fix, false))
        .hiding(hidden_in(entry))
        .fix(fix)
}

/// What is not to be shown of an entry.
fn hidden_in(entry: &GeneratorEntry<'_>) -> Vec<Hidden> {
    let of_hit = |hit: &Hit| {
        let mask = masked(hit, &entry.text);
        let lines = entry.text.get(hit.span.clone()).unwrap_or_default().lines();
        let shown = |line: &&str| !line.trim().is_empty() && !line.starts_with("-----");
        let hidden = lines.filter(shown).map(|line| Hidden {
            text: line.trim().to_owned(),
            mask: mask.clone(),
        });
        hidden.collect::<Vec<Hidden>>()
    };
    entry.found.hits.iter().flat_map(of_hit).collect()
}
