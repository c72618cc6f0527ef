//! What tells several static kube-proxies apart, as a table: a column for each kind of copies, a
//! row for each flag or field that is not the same in all.

use std::collections::BTreeMap;

use kubewright_model::kube::{Resource, Workspace};
use kubewright_model::text;
use kubewright_model::text::{Path, Text};
use kubewright_model::yaml::{Node, Value};

use super::command::{self, Reading};
use super::recognise::proxy;

/// Fields beside flags and image that are listed; a copy that differs in more is another program.
const FIELDS: usize = 8;
/// Characters of a value that are shown.
const WIDTH: usize = 60;

/// Copies that are the same: their files, and of the DaemonSet of one of them image and flags, and
/// the value.
pub(super) type Kind<'a> = (Vec<&'a str>, &'a BTreeMap<String, String>, &'a Value);

/// The table of pods that were not compared as DaemonSets; a hint when image and flags are the same
/// in all.
pub(super) fn differences(workspace: &Workspace, pods: &[&Resource]) -> Vec<Text> {
    let mut kinds: Vec<(Vec<&str>, BTreeMap<String, String>)> = Vec::new();
    for pod in pods {
        let path = workspace.file(pod.file).path.as_str();
        let Some(says) = workspace.node(pod.id).and_then(says) else {
            return Vec::new();
        };
        match kinds.iter_mut().find(|(_, s)| *s == says) {
            Some((paths, _)) => paths.push(path),
            None => kinds.push((vec![path], says)),
        }
    }
    if let [(paths, _)] = kinds.as_slice() {
        let files = Text::list(paths.iter().map(|path| Path(path)));
        return vec![text![
            "image and flags are the same in ",
            files,
            ": one DaemonSet can stand for all"
        ]];
    }
    let (paths, says): (_, Vec<_>) = kinds.into_iter().unzip();
    rows(paths, &says)
}

/// The table of kinds of copies.
pub(super) fn table(kinds: &[Kind<'_>]) -> Vec<Text> {
    let paths = kinds.iter().map(|(paths, ..)| paths.clone()).collect();
    let mut all: Vec<BTreeMap<String, String>> =
        kinds.iter().map(|(_, says, _)| (*says).clone()).collect();
    let mut fields: Vec<BTreeMap<String, String>> = Vec::new();
    for (_, _, value) in kinds {
        let mut leaves = BTreeMap::new();
        flatten(value, "", &mut leaves);
        fields.push(leaves);
    }
    for key in differing(&fields).into_iter().take(FIELDS) {
        for (row, leaves) in all.iter_mut().zip(&fields) {
            if let Some(value) = leaves.get(&key) {
                row.insert(format!("~{key}"), value.clone());
            }
        }
    }
    rows(paths, &all)
}

/// Keys that not all have with the same value.
fn differing(all: &[BTreeMap<String, String>]) -> Vec<String> {
    let mut keys: Vec<&String> = all.iter().flat_map(BTreeMap::keys).collect();
    keys.sort_unstable();
    keys.dedup();
    let first = |key: &str| all.first().and_then(|says| says.get(key));
    keys.into_iter()
        .filter(|key| all.iter().any(|says| says.get(*key) != first(key)))
        .cloned()
        .collect()
}

fn rows(paths: Vec<Vec<&str>>, all: &[BTreeMap<String, String>]) -> Vec<Text> {
    let mut lines: Vec<Text> = paths
        .into_iter()
        .enumerate()
        .map(|(at, paths)| {
            text![
                format!("[{}] ", at + 1),
                Text::list(paths.into_iter().map(Path))
            ]
        })
        .collect();
    let keys = differing(all);
    let header = (1..=all.len()).map(|n| format!("[{n}]"));
    let mut cells: Vec<Vec<String>> = vec![std::iter::once(String::new()).chain(header).collect()];
    for key in &keys {
        let values = all.iter().map(|says| {
            let value = says.get(key).map_or("absent", String::as_str);
            match value.char_indices().nth(WIDTH) {
                Some((at, _)) => format!("{}…", value.get(..at).unwrap_or(value)),
                None => value.to_owned(),
            }
        });
        let name = key.trim_start_matches('~').to_owned();
        cells.push(std::iter::once(name).chain(values).collect());
    }
    let columns = all.len() + 1;
    let widths: Vec<usize> = (0..columns)
        .map(|at| {
            let of = |row: &Vec<String>| row.get(at).map_or(0, |cell| cell.chars().count());
            cells.iter().map(of).max().unwrap_or(0)
        })
        .collect();
    lines.extend(cells.iter().map(|row| {
        let padded = row
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:width$}"));
        let line: Vec<String> = padded.collect();
        Text::from(line.join("  ").trim_end())
    }));
    lines
}

/// The scalars of a DaemonSet by path, but for its flags and image; members of lists go by their
/// name where they have one.
fn flatten(value: &Value, path: &str, into: &mut BTreeMap<String, String>) {
    let leaf = path.rsplit('.').next().unwrap_or(path);
    if matches!(leaf, "command" | "args" | "image") {
        return;
    }
    match value {
        Value::Map(entries) => {
            for (key, value) in entries {
                let inner = match (path, key.as_str()) {
                    // Everything of the pod stands below it.
                    ("", "spec") | ("spec", "template") => key.clone(),
                    ("template", "spec") => String::new(),
                    ("", key) => key.to_owned(),
                    _ => format!("{path}.{key}"),
                };
                flatten(value, &inner, into);
            }
        }
        Value::Seq(items) => {
            for (at, item) in items.iter().enumerate() {
                let name = match item {
                    Value::Map(entries) => entries.iter().find_map(|(key, value)| match value {
                        Value::Str(name) if key == "name" => Some(name.clone()),
                        _ => None,
                    }),
                    _ => None,
                };
                let name = name.unwrap_or_else(|| at.to_string());
                flatten(item, &format!("{path}[{name}]"), into);
            }
        }
        Value::Flow(inner) => flatten(inner, path, into),
        Value::Null => _ = into.insert(path.to_owned(), "null".to_owned()),
        Value::Bool(b) => _ = into.insert(path.to_owned(), b.to_string()),
        Value::Int(n) => _ = into.insert(path.to_owned(), n.to_string()),
        Value::Str(text) | Value::Quoted(text) => _ = into.insert(path.to_owned(), text.clone()),
    }
}

/// The image and the flags of a pod; `None` where its command cannot be read.
pub(super) fn says(pod: Node<'_>) -> Option<BTreeMap<String, String>> {
    let container = proxy(pod)?;
    let Reading::Proxy(call) = command::read(container) else {
        return None;
    };
    let flags = call.flags().into_iter().map(|f| {
        (
            format!("--{}", f.name),
            if f.value.is_empty() { "set" } else { f.value }.to_owned(),
        )
    });
    let mut says: BTreeMap<String, String> = flags.collect();
    says.insert(
        "image".to_owned(),
        container
            .get("image")
            .and_then(Node::text)
            .unwrap_or("absent")
            .to_owned(),
    );
    Some(says)
}
