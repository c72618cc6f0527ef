//! Where what stands in a build is written: the file that kustomize says it comes from, or the
//! patch that brings it.

use std::sync::Arc;

use kubewright_model::kube::{ResourceId, Workspace};
use kubewright_model::yaml::{File, Node};

use super::delta::{Step, item, step};
use super::documents::{Build, Document, Origin, joined};
use super::roots::Root;
use crate::cli::behind::line_before;
use crate::pipeline::report::Place;

/// Shorter words stand in too many places to be looked for.
const SHORTEST: usize = 3;

/// The files of the workspace: as they were read, and as they are built.
pub(super) struct Sources<'a> {
    pub(super) before: &'a Workspace,
    pub(super) now: &'a Workspace,
}

impl Sources<'_> {
    /// The resource that a document of a build comes from.
    pub(super) fn resource(
        &self,
        root: &Root,
        document: &Document,
        (kind, name): (&str, &str),
    ) -> Option<ResourceId> {
        let Some(Origin::File(path)) = &document.origin else {
            return None;
        };
        let file = self.now.file_at(path)?;
        let alike: Vec<_> = (self.now.resources_of(file.id).iter())
            .filter(|resource| resource.kind == kind)
            .collect();
        if let [one] = alike.as_slice() {
            return Some(one.id);
        }
        let sets = self.now.sets().iter();
        let members = sets.flat_map(|set| &set.members);
        let mut built = members.filter(|m| {
            m.name == name
                && m.through.first() == Some(&root.file)
                && alike.iter().any(|r| r.id == m.resource)
        });
        if let Some(member) = built.next()
            && built.all(|other| other.resource == member.resource)
        {
            return Some(member.resource);
        }
        let mut inside = alike.iter().filter(|r| name.contains(r.name.as_str()));
        let found = inside.next()?;
        inside.next().is_none().then_some(found.id)
    }

    /// Where what stands at a place of a build is written.
    pub(super) fn place(&self, root: &Root, build: &Build, tree: &File, place: &Place) -> Place {
        self.written(root, build, tree, place)
            .unwrap_or_else(|| self.at(&root.path, 0..0))
    }

    fn written(&self, root: &Root, build: &Build, tree: &File, place: &Place) -> Option<Place> {
        let (number, document) = build.document(place.start)?;
        let top = tree.root(number)?;
        let (way, at) = way(top, place.start);
        let name = top.path(&["metadata", "name"]).and_then(Node::text)?;
        let kind = top.get("kind").and_then(Node::text)?;
        let words = build.text.get(place.start..place.end).unwrap_or_default();
        let words = words.lines().next().unwrap_or_default().trim();
        if let Some(Origin::Generator(path)) = &document.origin {
            return Some(self.generator(path, name));
        }
        let Some(id) = self.resource(root, document, (kind, name)) else {
            let changed = self.in_patches(document, words);
            let origin = match &document.origin {
                Some(Origin::File(path)) => self.now.file_at(path).map(|_| self.at(path, 0..0)),
                _ => None,
            };
            return changed.or(origin);
        };
        let resource = self.now.resource(id);
        let path = self.now.file(resource.file).path.clone();
        let source = self.now.node(id)?;
        let (reached, complete) = follow(source, &way);
        if complete && (!at.is_scalar() || reached.is_scalar()) {
            let same = reached.text() == at.text() || !at.is_scalar();
            let patched = if same {
                None
            } else {
                self.in_patches(document, words)
            };
            let span = if reached.is_scalar() {
                reached.span()
            } else {
                reached.key().map_or_else(|| start_of(reached), Node::span)
            };
            return Some(patched.unwrap_or_else(|| self.at(&path, span)));
        }
        let patched = self.in_patches(document, words);
        Some(patched.unwrap_or_else(|| {
            let span = reached.key().map_or_else(|| start_of(reached), Node::span);
            self.at(&path, span)
        }))
    }

    /// The entry of a generator.
    fn generator(&self, path: &str, name: &str) -> Place {
        let entry = || {
            let file = self.now.file_at(path)?;
            let kustomization = self.now.kustomization(file.id)?;
            let mut all = kustomization.generators.iter();
            all.find(|g| name.contains(g.name.as_str()))
                .map(|g| g.location.span.clone())
        };
        self.at(path, entry().unwrap_or(0..0))
    }

    /// Words in the patches of the kustomizations that changed a document.
    fn in_patches(&self, document: &Document, words: &str) -> Option<Place> {
        if words.len() < SHORTEST {
            return None;
        }
        let find = |path: &str| {
            let text = &self.now.file_at(path)?.text;
            let mut found = text.match_indices(words).filter(|(at, _)| {
                let edge = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric() && c != '-');
                edge(text[..*at].chars().next_back())
                    && edge(text[at + words.len()..].chars().next())
            });
            found
                .next()
                .map(|(at, _)| self.at(path, at..at + words.len()))
        };
        document.changed_by.iter().find_map(|path| {
            let file = self.now.file_at(path)?;
            let node = self.now.kustomization_node(file.id)?;
            let directory = path.rsplit_once('/').map_or("", |(directory, _)| directory);
            let lists = [
                "patches",
                "patchesJson6902",
                "patchesStrategicMerge",
                "replacements",
            ];
            let items = lists.iter().filter_map(|list| node.get(list));
            let mut files = items.flat_map(Node::items).filter_map(|item| {
                let written = item.get("path").unwrap_or(item).text()?;
                joined(directory, written.lines().next()?)
            });
            files.find_map(|path| find(&path)).or_else(|| find(path))
        })
    }

    /// A place of a file now, as one of the file as it was read.
    fn at(&self, path: &str, span: std::ops::Range<usize>) -> Place {
        let now = self.now.file_at(path).map(|file| &file.text);
        let before = self.before.file_at(path).map(|file| &file.text);
        let (line, mut column) = self
            .now
            .file_at(path)
            .map_or((1, 1), |f| f.position(span.start));
        let mut place = Place {
            path: path.to_owned(),
            line,
            column,
            start: span.start,
            end: span.end,
        };
        if let (Some(now), Some(before)) = (now, before)
            && !Arc::ptr_eq(now, before)
            && now != before
        {
            let old = line_before(before, now, line - 1);
            let lines = before.split_inclusive('\n');
            let start: usize = lines.take(old).map(str::len).sum();
            let text = before[start..].lines().next().unwrap_or_default();
            let words = &now[span];
            let at = text.find(words).filter(|_| !words.is_empty());
            let at = at.unwrap_or(text.len() - text.trim_start().len());
            column = text[..at].chars().count() + 1;
            let end = if text[at..].starts_with(words) {
                at + words.len()
            } else {
                at
            };
            place = Place {
                line: old + 1,
                column,
                start: start + at,
                end: start + end,
                ..place
            };
        }
        place
    }
}

fn start_of(node: Node<'_>) -> std::ops::Range<usize> {
    let start = node.span().start;
    start..start
}

/// The way from the top of a document to the innermost node around a byte, and that node; of a key
/// the way to its value.
fn way(top: Node<'_>, at: usize) -> (Vec<Step>, Node<'_>) {
    let mut way = Vec::new();
    let mut node = top;
    'deeper: loop {
        if node.is_mapping() {
            for (key, value) in node.entries() {
                let span = key.span().start..value.span().end.max(key.span().end);
                if span.contains(&at) {
                    way.push(Step::Key(key.text().unwrap_or_default().to_owned()));
                    node = value;
                    if key.span().contains(&at) {
                        return (way, node);
                    }
                    continue 'deeper;
                }
            }
        } else {
            for (number, entry) in node.items().enumerate() {
                if entry.span().contains(&at) {
                    way.push(step(entry, number));
                    node = entry;
                    continue 'deeper;
                }
            }
        }
        return (way, node);
    }
}

/// How far a way leads in another document, and whether to its end.
fn follow<'a>(top: Node<'a>, way: &[Step]) -> (Node<'a>, bool) {
    let mut node = top;
    for step in way {
        let next = match step {
            Step::Key(key) => node.get(key),
            Step::Item(at, name) => item(node, *at, name.as_ref()),
        };
        match next {
            Some(next) => node = next,
            None => return (node, false),
        }
    }
    (node, true)
}
