//! Completion of names and keys. The line that is typed on is often no YAML yet, so what it is
//! about is read from the lines above it, by their indentation.

use std::collections::BTreeSet;

use kubewright_model::kube::{ResourceId, Target, Workspace};
use lsp_types as lsp;

use super::names;
use super::place;
use super::state::State;

/// What a value is the name of.
enum Wanted {
    Name(Target),
    Key(Target, String),
}

pub(super) fn complete(
    state: &State,
    params: &lsp::CompletionParams,
) -> Option<lsp::CompletionResponse> {
    let at = &params.text_document_position;
    let path = state.path(&at.text_document.uri)?;
    let text = state.workspace.text_at(&path)?;
    let lines: Vec<&str> = text.lines().collect();
    let line = usize::try_from(at.position.line).ok()?;
    let start = lsp::Position::new(at.position.line, 0);
    let typed = text.get(place::offset(text, start)..place::offset(text, at.position))?;
    let wanted = wanted(&lines, line, typed)?;
    let sets = near(&state.workspace, &path);
    let items = match wanted {
        Wanted::Name(to) => of_names(&state.workspace, &sets, to),
        Wanted::Key(to, name) => of_keys(&state.workspace, &sets, to, &name),
    };
    Some(lsp::CompletionResponse::Array(items))
}

/// Indentation, key and value of a line; an item counts as what is in it.
fn parts(line: &str) -> Option<(usize, &str, &str)> {
    let inner = line.trim_start_matches([' ', '-']);
    let (key, value) = inner.split_once(':')?;
    let value = value.trim().trim_matches(['"', '\'']);
    Some((line.len() - inner.len(), key.trim(), value))
}

fn wanted(lines: &[&str], line: usize, typed: &str) -> Option<Wanted> {
    let (indent, key, _) = parts(typed)?;
    let by_key = match key {
        "secretName" => Some(Target::Secret),
        _ => None,
    };
    if let Some(to) = by_key {
        return Some(Wanted::Name(to));
    }
    let (parent_line, parent) = above(lines, line, indent)?;
    let of = |key: &str| match key {
        "configMap" | "configMapRef" | "configMapKeyRef" => Some(Target::ConfigMap),
        "secret" | "secretRef" | "secretKeyRef" | "imagePullSecrets" => Some(Target::Secret),
        _ => None,
    };
    match (key, parent) {
        ("name", parent) => of(parent).map(Wanted::Name),
        ("key", "items") => {
            let (indent, ..) = parts(lines.get(parent_line)?)?;
            let (line, parent) = above(lines, parent_line, indent)?;
            Some(Wanted::Key(of(parent)?, beside(lines, line)?))
        }
        ("key", parent) => Some(Wanted::Key(of(parent)?, beside(lines, parent_line)?)),
        _ => None,
    }
}

/// The line above that holds this one, and its key.
fn above<'l>(lines: &[&'l str], line: usize, indent: usize) -> Option<(usize, &'l str)> {
    for at in (0..line).rev() {
        let text = lines.get(at)?;
        if text.starts_with("---") {
            return None;
        }
        let Some((depth, key, _)) = parts(text) else {
            continue;
        };
        if depth < indent && !text.trim_start().starts_with('#') {
            return Some((at, key));
        }
    }
    None
}

/// The name that is written below a key.
fn beside(lines: &[&str], parent: usize) -> Option<String> {
    let (depth, ..) = parts(lines.get(parent)?)?;
    for text in lines.iter().skip(parent + 1) {
        let Some((indent, key, value)) = parts(text) else {
            continue;
        };
        if indent <= depth {
            return None;
        }
        if matches!(key, "name" | "secretName") && !value.is_empty() {
            return Some(value.to_owned());
        }
    }
    None
}

/// What is applied together with a file; nothing where it is applied by nobody yet.
fn near(workspace: &Workspace, path: &str) -> BTreeSet<ResourceId> {
    let Some(file) = workspace.file_at(path) else {
        return BTreeSet::new();
    };
    let own = workspace.resources_of(file.id).iter();
    let sets = own.flat_map(|resource| workspace.sets_of(resource.id));
    let members = sets.flat_map(|set| workspace.set(set).members.iter());
    members.map(|member| member.resource).collect()
}

fn of_names(
    workspace: &Workspace,
    near: &BTreeSet<ResourceId>,
    to: Target,
) -> Vec<lsp::CompletionItem> {
    let mut seen = BTreeSet::new();
    let mut items = Vec::new();
    let all = workspace
        .resources()
        .iter()
        .filter(|r| names::target(r) == Some(to));
    let all = all.filter(|r| near.is_empty() || near.contains(&r.id));
    for resource in all.filter(|r| !r.name.is_empty()) {
        if seen.insert(resource.name.clone()) {
            let keys = workspace.data_keys(resource.id).join(", ");
            items.push(item(
                &resource.name,
                &workspace.file(resource.file).path,
                &keys,
            ));
        }
    }
    let made = workspace.sets().iter().flat_map(|set| &set.generated);
    for generator in made.filter_map(|made| workspace.generator(made)) {
        if generator.to == to && seen.insert(generator.name.clone()) {
            let path = &workspace.file(generator.location.file).path;
            let keys: Vec<&str> = generator.keys.known.iter().map(String::as_str).collect();
            items.push(item(&generator.name, path, &keys.join(", ")));
        }
    }
    items
}

fn of_keys(
    workspace: &Workspace,
    near: &BTreeSet<ResourceId>,
    to: Target,
    name: &str,
) -> Vec<lsp::CompletionItem> {
    let mut keys = BTreeSet::new();
    let all = workspace.definitions(to, name);
    for resource in all.filter(|r| near.is_empty() || near.contains(&r.id)) {
        keys.extend(workspace.data_keys(resource.id));
    }
    let made = workspace.sets().iter().flat_map(|set| &set.generated);
    for generator in made.filter_map(|made| workspace.generator(made)) {
        if generator.to == to && generator.name == name {
            keys.extend(generator.keys.known.iter().cloned());
        }
    }
    let of = format!("{} {name}", to.kind());
    keys.iter().map(|key| item(key, &of, "")).collect()
}

fn item(label: &str, detail: &str, keys: &str) -> lsp::CompletionItem {
    lsp::CompletionItem {
        label: label.to_owned(),
        kind: Some(lsp::CompletionItemKind::REFERENCE),
        detail: Some(detail.to_owned()),
        documentation: (!keys.is_empty())
            .then(|| lsp::Documentation::String(format!("keys: {keys}"))),
        ..lsp::CompletionItem::default()
    }
}
