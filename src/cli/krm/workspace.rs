//! The files that the items of a `ResourceList` are read as, and what became of the items when
//! those files changed.
//!
//! Where every item says which file it comes from, as with kpt, the items are the documents of
//! these files again: kustomizations among them are understood, and paths of the configuration
//! mean what they mean on disk. Otherwise, as with kustomize, all items are one stream.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use anyhow::{Result, anyhow, bail};
use kubewright_model::kube::{ApplySetSpec, Input, Options, PathGlob};
use kubewright_model::yaml::{File, Node, Place, Value, verify};

use super::super::globs::ignored;
use super::super::input_stream::STDIN;
use super::names::{self, Written};
use super::resource_list::{Changes, INDEX, Item, PATH, ResourceList};
use crate::pipeline::Report;

/// One file of items.
struct ItemFile {
    /// Numbers of the items, one a document.
    items: Vec<usize>,
    file: File,
    /// References of each document that are written otherwise.
    written: Vec<Written>,
}

/// All files of items, by path.
pub(super) struct ItemFiles<'l> {
    list: &'l ResourceList,
    by_path: BTreeMap<String, ItemFile>,
    /// They have paths of their own.
    in_files: bool,
}

/// A document, by what it is the same as before.
#[derive(PartialEq, Eq)]
struct Name(Vec<Option<String>>);

impl<'l> ItemFiles<'l> {
    /// Lays out the items that are applied.
    pub(super) fn of(list: &'l ResourceList) -> Result<Self> {
        let numbered = || {
            list.items
                .iter()
                .enumerate()
                .filter(|(_, item)| !item.local)
        };
        let in_files = numbered().all(|(_, item)| item.path.is_some());
        let mut numbers: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (number, item) in numbered() {
            let path = item.path.clone().filter(|_| in_files);
            numbers
                .entry(path.unwrap_or_else(|| STDIN.into()))
                .or_default()
                .push(number);
        }
        let mut by_path = BTreeMap::new();
        for (path, mut items) in numbers {
            items.sort_by_key(|number| list.items.get(*number).and_then(|item| item.index));
            let documents: Vec<&str> = items
                .iter()
                .filter_map(|number| Some(list.items.get(*number)?.document.as_str()))
                .collect();
            let text = documents.join("---\n");
            let file = File::parse(text).map_err(|error| {
                anyhow!(
                    "{path}: an item is not YAML by itself ({}); an anchor must stand in the item \
                     that uses it; nothing was written",
                    error.message
                )
            })?;
            if file.documents().len() != items.len() {
                bail!("{path}: an item is more than one document; nothing was written");
            }
            let (file, written) = if !in_files && names::are_changed(file.text()) {
                let (text, written) = names::as_applied(&file.shared_text())?;
                (parsed(&text.into())?, written)
            } else {
                (file, Vec::new())
            };
            let item_file = ItemFile {
                items,
                file,
                written,
            };
            by_path.insert(path, item_file);
        }
        Ok(Self {
            list,
            by_path,
            in_files,
        })
    }

    /// The files for a workspace; `ignore` are those that are read and not edited.
    pub(super) fn inputs(&self, ignore: &globset::GlobSet) -> Vec<Input> {
        let input = |(path, item_file): (&String, &ItemFile)| Input {
            path: path.clone(),
            text: item_file.file.shared_text(),
            editable: !ignored(ignore, path),
        };
        self.by_path.iter().map(input).collect()
    }

    /// What is applied together, where the configuration does not say it: one stream, or all of a
    /// kpt package.
    pub(super) fn options(&self, configured: &Options) -> Result<Options> {
        let mut options = Options {
            stream: !self.in_files,
            ..configured.clone()
        };
        let any = |group: &str, kind: &str| {
            let is = |item: &Item| {
                let (version, found) = &item.kind;
                version.split_once('/').is_some_and(|(g, _)| g == group) && found == kind
            };
            self.list.items.iter().any(is)
        };
        if self.in_files
            && options.apply_sets.is_empty()
            && any("kpt.dev", "Kptfile")
            && !any("kustomize.config.k8s.io", "Kustomization")
        {
            options.apply_sets.push(ApplySetSpec {
                name: "the package".into(),
                paths: vec![PathGlob::new("**", true).map_err(anyhow::Error::msg)?],
                ..ApplySetSpec::default()
            });
        }
        Ok(options)
    }

    /// Whether there is no item that is applied.
    pub(super) fn is_empty(&self) -> bool {
        self.by_path.is_empty()
    }

    /// The documents of a file.
    pub(super) fn file(&self, path: &str) -> Option<&File> {
        self.by_path.get(path).map(|item_file| &item_file.file)
    }

    /// The item that holds a place.
    pub(super) fn item_at(&self, path: &str, offset: usize) -> Option<&Item> {
        let item_file = self.by_path.get(path)?;
        let number = item_file.items.get(item_file.file.document_at(offset))?;
        self.list.items.get(*number)
    }

    /// What a report says becomes of the items.
    pub(super) fn changes(&self, report: &Report) -> Result<Changes> {
        let mut changes = Changes::default();
        for change in &report.files {
            match (self.by_path.get(&change.path), &change.after) {
                (Some(item_file), Some(after)) => self.changed(item_file, after, &mut changes)?,
                (Some(item_file), None) => {
                    changes
                        .items
                        .extend(item_file.items.iter().map(|number| (*number, None)));
                }
                (None, Some(created)) => self.created(&change.path, created, &mut changes)?,
                (None, None) => {}
            }
        }
        Ok(changes)
    }

    fn changed(&self, item_file: &ItemFile, after: &Arc<str>, changes: &mut Changes) -> Result<()> {
        let (before, after) = (documents(&item_file.file), documents(&parsed(after)?));
        let mut left: Vec<Option<(String, Name)>> = after.into_iter().map(Some).collect();
        let mut kept = BTreeSet::new();
        // Where each document was: in its old place, or under its old name.
        let same_number = before.len() == left.len();
        let mut places: Vec<Option<usize>> = vec![None; left.len()];
        for (number, (text, name)) in before.iter().enumerate() {
            let found = if same_number {
                Some(number)
            } else {
                left.iter()
                    .position(|d| d.as_ref().is_some_and(|(_, n)| n == name))
            };
            let Some(item) = item_file.items.get(number) else {
                continue;
            };
            match found.and_then(|at| Some((at, left.get_mut(at)?.take()?))) {
                Some((at, (new, _))) => {
                    kept.insert(at);
                    if let Some(place) = places.get_mut(at) {
                        *place = Some(*item);
                    }
                    if new != *text {
                        let new = match item_file.written.get(number) {
                            Some(written) if !written.is_empty() => {
                                names::as_written(&new, written)?
                            }
                            _ => new,
                        };
                        changes.items.push((*item, Some(new)));
                    }
                }
                None => changes.items.push((*item, None)),
            }
        }
        let mut behind = item_file.items.first().copied().unwrap_or(0);
        let mut next_index = item_file
            .items
            .iter()
            .filter_map(|number| self.list.items.get(*number)?.index)
            .max()
            .map_or(0, |index| index + 1);
        for (at, document) in left.into_iter().enumerate() {
            if let Some(Some(item)) = places.get(at) {
                behind = *item;
            }
            if let Some((text, _)) = document {
                let path = self
                    .list
                    .items
                    .get(behind)
                    .and_then(|item| item.path.clone());
                changes
                    .new
                    .push((behind, placed(&text, path.as_deref(), next_index)?));
                next_index += 1;
            }
        }
        Ok(())
    }

    /// A new file: its documents stand behind the last item.
    fn created(&self, path: &str, text: &Arc<str>, changes: &mut Changes) -> Result<()> {
        let Some(behind) = self.list.items.len().checked_sub(1) else {
            bail!("{path} is new, and there is no item to put it beside");
        };
        for (index, (text, _)) in documents(&parsed(text)?).into_iter().enumerate() {
            changes
                .new
                .push((behind, placed(&text, Some(path), index)?));
        }
        Ok(())
    }
}

fn parsed(text: &Arc<str>) -> Result<File> {
    File::parse(Arc::clone(text)).map_err(|e| anyhow!("what was fixed is not YAML: {e}"))
}

/// The documents of a file that hold anything, without what separates them.
fn documents(file: &File) -> Vec<(String, Name)> {
    let mut found = Vec::new();
    for (number, document) in file.documents().iter().enumerate() {
        let Some(root) = file.root(number).filter(|root| !root.is_null()) else {
            continue;
        };
        let region = document.region();
        let mut start = document.marker().map_or(region.start, |marker| marker.end);
        let text = file.text();
        let line = text[start..region.end]
            .find('\n')
            .map_or(region.end, |at| start + at + 1);
        if document.marker().is_some() && text[start..line].trim().is_empty() {
            start = line;
        }
        let word = |path: &[&str]| root.path(path).and_then(Node::text).map(str::to_owned);
        let name = Name(vec![
            word(&["apiVersion"]),
            word(&["kind"]),
            word(&["metadata", "namespace"]),
            word(&["metadata", "name"]),
            word(&["metadata", "annotations", PATH[0]]),
            word(&["metadata", "annotations", INDEX[0]]),
        ]);
        found.push((text[start..region.end].to_owned(), name));
    }
    found
}

/// Annotations by which the program that runs functions knows an item again: no two have the same.
const ONE_EACH: [&str; 3] = [
    "internal.config.kubernetes.io/id",
    "config.k8s.io/id",
    "internal.config.kubernetes.io/annotations-migration-resource-id",
];

/// A new document with the annotations that say where it belongs, in both forms: kpt gives it a
/// file of its own otherwise.
fn placed(document: &str, path: Option<&str>, index: usize) -> Result<String> {
    let Some(path) = path else {
        return Ok(document.to_owned());
    };
    let mut text = document.to_owned();
    let values = [
        (PATH[0], path.to_owned()),
        (INDEX[0], index.to_string()),
        (PATH[1], path.to_owned()),
        (INDEX[1], index.to_string()),
    ];
    for (key, value) in values {
        let file = File::parse(text.as_str()).map_err(|e| anyhow!("{e}"))?;
        let Some(root) = file.root(0) else { break };
        let value = Value::quoted(value);
        let metadata = root.get("metadata");
        let annotations = metadata.and_then(|m| m.get("annotations"));
        let edit = match (metadata, annotations) {
            (_, Some(annotations)) => match annotations.get(key) {
                Some(there) => there.set(&value),
                None => annotations.insert(Place::Last, key, &value),
            },
            (Some(metadata), None) => {
                metadata.insert(Place::Last, "annotations", &Value::map([(key, value)]))
            }
            (None, None) => break,
        };
        let edit = edit.map_err(|refusal| anyhow!("{path}: {}", refusal.text))?;
        text = verify::apply(&file, &[&edit])
            .map_err(|refusal| anyhow!("{path}: {}", refusal.text))?;
    }
    for key in ONE_EACH {
        let file = File::parse(text.as_str()).map_err(|e| anyhow!("{e}"))?;
        let known = file
            .root(0)
            .and_then(|root| root.path(&["metadata", "annotations", key]));
        if let Some(node) = known {
            let edit = node
                .remove()
                .map_err(|refusal| anyhow!("{path}: {}", refusal.text))?;
            text = verify::apply(&file, &[&edit])
                .map_err(|refusal| anyhow!("{path}: {}", refusal.text))?;
        }
    }
    Ok(text)
}
