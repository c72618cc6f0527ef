//! Tests of the graph, one file an area. [`workspace`] builds one from paths and texts.

mod appliers;
mod bounds;
mod built;
mod content;
mod fields;
mod generators;
mod overrides;
mod pods;
mod reading;
mod sets;
mod tables;
mod touches;
mod typing;
mod uses;

use std::sync::Arc;

use super::{ApplySet, Input, Options, Resource, Workspace};

/// A workspace of files given as path and text.
pub(crate) fn workspace(files: &[(&str, &str)]) -> Workspace {
    workspace_with(files, Options::default())
}

fn workspace_with(files: &[(&str, &str)], options: Options) -> Workspace {
    Workspace::new(
        files.iter().map(|(path, text)| input(path, text)).collect(),
        options,
    )
}

fn input(path: &str, text: &str) -> Input {
    Input {
        path: path.to_owned(),
        text: Arc::from(text),
        editable: true,
    }
}

/// The resource with that kind and name.
fn resource<'a>(workspace: &'a Workspace, display: &str) -> &'a Resource {
    workspace
        .resources()
        .iter()
        .find(|r| format!("{}/{}", r.kind, r.name) == display)
        .unwrap_or_else(|| panic!("no {display}"))
}

/// The set of that name.
fn set<'a>(workspace: &'a Workspace, name: &str) -> &'a ApplySet {
    workspace
        .sets()
        .iter()
        .find(|s| s.name == name)
        .unwrap_or_else(|| panic!("no set {name}"))
}

/// `namespace/name` of all members.
fn members(set: &ApplySet) -> Vec<String> {
    set.members
        .iter()
        .map(|m| format!("{}/{}", m.namespace.as_deref().unwrap_or("-"), m.name))
        .collect()
}

/// A ConfigMap with one key.
fn config_map(name: &str, key: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\ndata:\n  {key}: x\n")
}
