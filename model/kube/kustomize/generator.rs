//! Reading `configMapGenerator` and `secretGenerator`: what they make, from which files, and which
//! keys that gives.
//!
//! The names of the keys are known without the files they are read from, except for files of
//! variables (kustomize `api/kv`).

use std::collections::BTreeSet;

use crate::kube::object::kustomization::{GeneratedKeys, Generator};
use crate::kube::object::location::Location;
use crate::kube::object::reference::Target;
use crate::kube::object::resource::FileId;
use crate::kube::source::paths::{Paths, join, split};
use crate::yaml::Node;

/// The fields of a kustomization that generate, and what they make.
const FIELDS: [(&str, Target); 2] = [
    ("configMapGenerator", Target::ConfigMap),
    ("secretGenerator", Target::Secret),
];

/// Reads the generators of one kustomization.
#[derive(Clone, Copy)]
pub(in crate::kube) struct Maker<'a> {
    pub files: Paths<'a>,
    pub directory: &'a str,
    pub file: FileId,
}

impl Maker<'_> {
    /// Files of the workspace that generators read.
    pub(in crate::kube) fn sources(self, node: Node<'_>) -> BTreeSet<FileId> {
        let mut found = BTreeSet::new();
        for item in FIELDS
            .iter()
            .filter_map(|(key, _)| node.get(key))
            .flat_map(Node::items)
        {
            for source in ["files", "envs"]
                .iter()
                .filter_map(|k| item.get(k))
                .flat_map(Node::items)
                .chain(item.get("env"))
            {
                let written = source.text().unwrap_or_default();
                let path = written.split_once('=').map_or(written, |(_, path)| path);
                found.extend(join(self.directory, path).and_then(|p| self.files.file(&p)));
            }
        }
        found
    }

    /// All generators, in order.
    pub(in crate::kube) fn generators(self, node: Node<'_>) -> Vec<Generator> {
        let disabled = |options: Option<Node<'_>>| {
            options
                .and_then(|o| o.get("disableNameSuffixHash"))
                .and_then(Node::as_bool)
        };
        let common = disabled(node.get("generatorOptions")).unwrap_or(false);
        let mut found = Vec::new();
        for (key, to) in FIELDS {
            for item in node.get(key).into_iter().flat_map(Node::items) {
                let Some((name_node, name)) = item.get("name").and_then(|n| Some((n, n.text()?)))
                else {
                    continue;
                };
                let behavior = item
                    .get("behavior")
                    .and_then(Node::text)
                    .filter(|b| !b.is_empty())
                    .unwrap_or("create");
                found.push(Generator {
                    to,
                    name: name.to_owned(),
                    namespace: item
                        .get("namespace")
                        .and_then(Node::text)
                        .map(str::to_owned),
                    behavior: behavior.to_owned(),
                    hash_suffix: !(common || disabled(item.get("options")) == Some(true)),
                    keys: self.keys(item),
                    location: Location::of(self.file, name_node),
                });
            }
        }
        found
    }

    fn keys(self, item: Node<'_>) -> GeneratedKeys {
        let mut keys = GeneratedKeys {
            known: BTreeSet::new(),
            complete: true,
        };
        let mut add = |key: Option<&str>| match key.map(str::trim).filter(|k| !k.is_empty()) {
            Some(key) => _ = keys.known.insert(key.to_owned()),
            None => keys.complete = false,
        };
        let list = |field: &str| item.get(field).into_iter().flat_map(Node::items);
        for literal in list("literals") {
            add(literal.text().and_then(|t| Some(t.split_once('=')?.0)));
        }
        for file in list("files") {
            add(file
                .text()
                .map(|t| t.split_once('=').map_or_else(|| split(t).1, |(key, _)| key)));
        }
        for variables in list("envs").chain(item.get("env")) {
            let path = variables.text().and_then(|t| join(self.directory, t));
            match path
                .and_then(|p| self.files.file(&p))
                .and_then(|id| self.files.0.get(id.0 as usize))
            {
                Some(file) => {
                    let lines = file
                        .text
                        .lines()
                        .map(str::trim_start)
                        .filter(|l| !l.is_empty() && !l.starts_with('#'));
                    lines.for_each(|line| {
                        add(Some(line.split_once('=').map_or(line, |(key, _)| key)));
                    });
                }
                None => add(None),
            }
        }
        keys
    }
}
