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

/// Where a generator takes what it writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GeneratorSource<'a> {
    /// A file of lines `KEY=value`, by its path as written.
    Variables(&'a str),
    /// A value that stands in the kustomization.
    Literal {
        /// The key that it is written under.
        key: &'a str,
        /// The value, without a pair of quotes around it.
        value: &'a str,
    },
    /// A literal without `=`, which kustomize refuses.
    NoPair(&'a str),
    /// A file that is a value as a whole.
    File {
        /// The key that it is written under.
        key: &'a str,
        /// Its path as written.
        path: &'a str,
    },
}

/// What an item of `configMapGenerator` or `secretGenerator` writes, in the order of kustomize.
pub fn generator_sources(item: Node<'_>) -> Vec<GeneratorSource<'_>> {
    let list = |field: &str| {
        item.get(field)
            .into_iter()
            .flat_map(Node::items)
            .map(|node| node.text().unwrap_or_default())
            .collect::<Vec<_>>()
    };
    let env = item
        .get("env")
        .filter(|env| !env.is_null())
        .map(|env| env.text().unwrap_or_default());
    let variables = list("envs").into_iter().chain(env);
    let literal = |text| match str::split_once(text, '=') {
        Some((key, value)) => GeneratorSource::Literal {
            key,
            value: unquoted(value),
        },
        None => GeneratorSource::NoPair(text),
    };
    let file = |text| {
        let (key, path) = str::split_once(text, '=').unwrap_or_else(|| (split(text).1, text));
        GeneratorSource::File { key, path }
    };
    variables
        .map(GeneratorSource::Variables)
        .chain(list("literals").into_iter().map(literal))
        .chain(list("files").into_iter().map(file))
        .collect()
}

/// Without a pair of quotes around it.
fn unquoted(text: &str) -> &str {
    let inner = |quote: char| text.strip_prefix(quote)?.strip_suffix(quote);
    inner('"').or_else(|| inner('\'')).unwrap_or(text)
}

/// The lines of a file of variables that are neither empty nor comments, as key and value; a key
/// alone stands for nothing.
pub(in crate::kube) fn variables(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.strip_prefix('\u{feff}')
        .unwrap_or(text)
        .lines()
        .map(str::trim_start)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| line.split_once('=').unwrap_or((line, "")))
}

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
            for source in generator_sources(item) {
                let (GeneratorSource::Variables(path) | GeneratorSource::File { path, .. }) =
                    source
                else {
                    continue;
                };
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
        let mut add = |key: &str| match key.trim() {
            "" => keys.complete = false,
            key => _ = keys.known.insert(key.to_owned()),
        };
        for source in generator_sources(item) {
            match source {
                GeneratorSource::Literal { key, .. } | GeneratorSource::File { key, .. } => {
                    add(key);
                }
                GeneratorSource::NoPair(_) => add(""),
                GeneratorSource::Variables(path) => match self.text(path) {
                    Some(text) => variables(text).for_each(|(key, _)| add(key)),
                    None => add(""),
                },
            }
        }
        keys
    }

    /// The text of a file of the workspace, by its path as written.
    fn text(&self, path: &str) -> Option<&str> {
        let id = self.files.file(&join(self.directory, path)?)?;
        Some(&self.files.0.get(id.0 as usize)?.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_read_as_kustomize_does() {
        let read = |text| variables(text).collect::<Vec<_>>();
        assert_eq!(
            read("\u{feff}A=1\r\n  B= x=y \n# C=3\n\nD\nE=\"q\"\n"),
            [("A", "1"), ("B", " x=y "), ("D", ""), ("E", "\"q\"")]
        );
    }

    #[test]
    fn quotes_go_in_pairs() {
        let all = ["\"a\"", "'a'", "\"a'", "\"", "a"].map(unquoted);
        assert_eq!(all, ["a", "a", "\"a'", "\"", "a"]);
    }
}
