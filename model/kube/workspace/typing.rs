//! From one keystroke to the next: new texts of files whose resources stay what they are known by
//! leave kustomizations, apply sets and definitions as they were, so that nothing else is looked at
//! again. Where they may not, resources and sets are listed anew.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use super::Workspace;
use super::index::{References, names_of};
use crate::kube::kustomize::kustomization::Details;
use crate::kube::kustomize::patch::Patch;
use crate::kube::object::resource::{FileId, Identity, Resource, ResourceId};
use crate::kube::source::file::Input;
use crate::kube::source::read::{Charts, Document, Read, Verdict, read};
use crate::yaml::{ParseError, Word};

/// A generator of Argo CD that reads files of any kind.
static FILES: Word = Word::new("files");

impl Workspace {
    /// The workspace with new texts of some files, equal to one that is made of all texts anew.
    /// Files keep their numbers.
    #[must_use]
    pub fn with_texts(&self, texts: &BTreeMap<FileId, Arc<str>>) -> Self {
        self.with_same_sets(texts)
            .unwrap_or_else(|| self.with_same_files(texts))
    }

    /// As [`Workspace::with_texts`]: resources and sets are listed anew, and kustomizations are
    /// read again where they may have to do with it.
    fn with_same_files(&self, texts: &BTreeMap<FileId, Arc<str>>) -> Self {
        let charts = Charts::of(self.files.iter().map(|file| file.path.as_str()));
        let mut next = Self {
            files: self.files.clone(),
            options: self.options.clone(),
            ..Self::default()
        };
        next.index.reads.clone_from(&self.index.reads);
        next.index.outputs = Arc::clone(&self.index.outputs);
        let mut keeps = true;
        for (id, text) in texts {
            let at = id.0 as usize;
            let slots = next.files.get_mut(at).zip(next.index.reads.get_mut(at));
            let Some((file, slot)) = slots else { continue };
            let input = Input {
                path: file.path.clone(),
                text: Arc::clone(text),
                editable: file.editable,
            };
            let read = read(&input, &charts, self.options.stream);
            keeps &= !self.uses_file(*id) && !is_kustomization(&read);
            (file.text, file.yaml, file.lines) =
                (Arc::clone(text), read.yaml.clone(), Arc::default());
            *slot = read;
        }
        if keeps {
            next.index.synced = Arc::clone(&self.index.synced);
            next.kustomizations = Arc::clone(&self.kustomizations);
            next.index.details = Arc::clone(&self.index.details);
        } else {
            next.read_kustomizations();
        }
        next.index_contents();
        next
    }

    /// As [`Workspace::with_texts`]; `None` where sets or numbers may change.
    pub(in crate::kube) fn with_same_sets(
        &self,
        texts: &BTreeMap<FileId, Arc<str>>,
    ) -> Option<Self> {
        let reads_files = |resource: &&Resource| resource.kind == "ApplicationSet";
        let mut sets = self.resources.iter().filter(reads_files);
        if sets.any(|set| self.may_hold(set.id, &FILES)) {
            return None;
        }
        let deletes = |details: &Details| details.patches.iter().any(Patch::deletes);
        let metadata_counts = self.index.details.iter().any(deletes);
        let mut next = self.clone();
        next.index.asked = Arc::default();
        let mut changed = Vec::new();
        for (id, text) in texts {
            let at = id.0 as usize;
            let file = self.files.get(at)?;
            let input = Input {
                path: file.path.clone(),
                text: Arc::clone(text),
                editable: file.editable,
            };
            let before = self.index.reads.get(at)?;
            // A file of a chart is left alone by its path: whatever it says.
            let is_read = !matches!(*before.verdict, Verdict::Skip(..));
            if !is_read || self.uses_file(*id) {
                return None;
            }
            let read = read(&input, &Charts::default(), self.options.stream);
            next.broken_again(*id, before, &read)?;
            let new = identities(&read);
            let start = self.resources.partition_point(|r| r.file < *id);
            let old = self.resources_of(*id);
            if old.len() != new.len() {
                return None;
            }
            let resources = next.resources.get_mut(start..start + old.len())?;
            for (resource, new) in resources.iter_mut().zip(new) {
                if !is_still(&resource.identity, new) {
                    return None;
                }
                changed.push(resource.id);
                resource.identity = Arc::clone(new);
            }
            let file = next.files.get_mut(at)?;
            (file.text, file.yaml, file.lines) =
                (Arc::clone(text), read.yaml.clone(), Arc::default());
            *next.index.reads.get_mut(at)? = read;
        }
        let metadata = |workspace: &Self, id: ResourceId| {
            let node = workspace.node(id).and_then(|node| node.get("metadata"));
            node.map(|node| node.source().to_owned())
        };
        // By labels and annotations, a patch may choose what it deletes.
        let chosen = |id: &ResourceId| metadata(self, *id) != metadata(&next, *id);
        if metadata_counts && changed.iter().any(chosen) {
            return None;
        }
        next.index.references = self.references_after(&next, &changed);
        Some(next)
    }

    /// Whether a kustomization uses a file as something else than resources, or another tool reads
    /// it for what it says.
    fn uses_file(&self, file: FileId) -> bool {
        let mut details = self.index.details.iter();
        let path = self.files.get(file.0 as usize).map_or("", |f| &f.path);
        let name = path.rsplit('/').next().unwrap_or(path);
        self.kustomization(file).is_some()
            || name.starts_with("vendir.")
            || details.any(|details| details.read.contains(&file))
    }

    /// Takes over what is not YAML, where it is the same documents as before; `None` where it is
    /// not, or where something else of the file changes than its resources.
    fn broken_again(&mut self, file: FileId, before: &Read, after: &Read) -> Option<()> {
        let mut put = |document: Option<usize>, error: &ParseError| {
            let mut all = self.broken.iter_mut();
            let known = all.find(|b| b.file == file && b.document == document)?;
            known.error = error.clone();
            Some(())
        };
        match (&*before.verdict, &*after.verdict) {
            (Verdict::Broken(_), Verdict::Broken(error)) => put(None, error),
            (Verdict::Documents(old), Verdict::Documents(new)) if old.len() == new.len() => {
                for (number, (old, new)) in old.iter().zip(new).enumerate() {
                    match (old, new) {
                        (Document::Empty, Document::Empty)
                        | (Document::Resources(_), Document::Resources(_)) => {}
                        (Document::Skip(a, b), Document::Skip(c, d)) if (a, b) == (c, d) => {}
                        (Document::Broken(_), Document::Broken(error)) => {
                            put(Some(number), error)?;
                        }
                        _ => return None,
                    }
                }
                Some(())
            }
            _ => None,
        }
    }

    /// Who refers to which names, after the resources of `changed` have become others.
    fn references_after(&self, next: &Self, changed: &[ResourceId]) -> Arc<OnceLock<References>> {
        let known = &self.index.references;
        let Some(all) = known.get() else {
            return Arc::default();
        };
        let mut differ = Vec::new();
        for id in changed {
            let (before, after) = (names_of(self, *id), names_of(next, *id));
            if before != after {
                differ.push((*id, before, after));
            }
        }
        if differ.is_empty() {
            return Arc::clone(known);
        }
        let mut all = all.clone();
        for (id, before, after) in differ {
            for name in before.difference(&after) {
                let ids = all.entry(name.clone()).or_default();
                ids.retain(|other| *other != id);
                if ids.is_empty() {
                    all.remove(name);
                }
            }
            for name in after.difference(&before) {
                let ids: &mut Vec<ResourceId> = all.entry(name.clone()).or_default();
                let at = ids.partition_point(|other| *other < id);
                ids.insert(at, id);
            }
        }
        Arc::new(OnceLock::from(all))
    }
}

fn is_kustomization(read: &Read) -> bool {
    let Verdict::Documents(documents) = &*read.verdict else {
        return false;
    };
    let is = |document: &Document| matches!(document, Document::Kustomization(_));
    documents.iter().any(is)
}

/// The resources of a file.
fn identities(read: &Read) -> Vec<&Arc<Identity>> {
    let Verdict::Documents(documents) = &*read.verdict else {
        return Vec::new();
    };
    let found = documents.iter().filter_map(|document| match document {
        Document::Resources(found) => Some(found),
        _ => None,
    });
    found.flatten().collect()
}

/// Whether a resource is known by all that it was known by, and of a kind by which no sets are made.
fn is_still(before: &Identity, after: &Identity) -> bool {
    let group = after.group();
    let is_built_in = !group.contains('.') || group.ends_with(".k8s.io");
    is_built_in
        && after.is_still(before)
        && after.of_template == before.of_template
        && after.hints.pods == before.hints.pods
}
