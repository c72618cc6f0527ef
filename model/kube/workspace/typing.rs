//! From one keystroke to the next: new texts of files whose resources stay what they are known by
//! leave kustomizations, apply sets and definitions as they were, so that nothing else is looked at
//! again. Where they may not, resources and sets are listed anew.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

use super::Workspace;
use super::index::{self, References, names_of};
use crate::kube::apply_set::plan::Before;
use crate::kube::gitops::{applier, flux};
use crate::kube::kustomize::kustomization::{self, Details};
use crate::kube::kustomize::patch::Patch;
use crate::kube::object::apply_set::SetId;
use crate::kube::object::kustomization::Kustomization;
use crate::kube::object::reference::Target;
use crate::kube::object::resource::{FileId, Identity, Resource, ResourceId};
use crate::kube::source::file::{Input, SkipCode, SourceFile};
use crate::kube::source::read::{Charts, Document, Read, Verdict, read};
use crate::yaml::Word;

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
        next.index.nixidy = Arc::clone(&self.index.nixidy);
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
            let changed: BTreeSet<FileId> = texts.keys().copied().collect();
            let known = (&**self.kustomizations, &**self.index.details);
            let reads = &next.index.reads;
            let (all, details) = kustomization::read_after(&next.files, reads, &changed, known);
            (next.kustomizations, next.index.details) = (Arc::new(all), Arc::new(details));
        }
        let known = self.index.plan.before(texts.keys());
        let before = known.as_ref().map(|(plan, changed)| Before {
            plan,
            changed,
            resources: &self.resources,
            kustomizations: &self.kustomizations,
            details: &self.index.details,
        });
        next.index_contents(before);
        next.index.references = self.references_moved(&next);
        next
    }

    /// As [`Workspace::with_texts`]; `None` where sets or numbers may change, which is known before
    /// much is done.
    pub fn with_same_sets(&self, texts: &BTreeMap<FileId, Arc<str>>) -> Option<Self> {
        let reads_files = |resource: &&Resource| resource.kind == "ApplicationSet";
        let mut sets = self.resources.iter().filter(reads_files);
        if sets.any(|set| self.may_hold(set.id, &FILES)) {
            return None;
        }
        let all: Vec<Typed> = texts
            .iter()
            .map(|(id, text)| self.typed(*id, text))
            .collect::<Option<_>>()?;
        let mut next = self.clone();
        next.index.asked = Arc::default();
        next.index.plan = self.index.plan.after(texts.keys());
        let (mut changed, mut renamed, mut retyped) = (Vec::new(), Vec::new(), false);
        for Typed {
            id,
            read,
            kustomization,
        } in all
        {
            if let Some((at, after, details)) = kustomization {
                *Arc::make_mut(&mut next.kustomizations).get_mut(at)? = after;
                *Arc::make_mut(&mut next.index.details).get_mut(at)? = details;
                retyped = true;
            }
            let at = id.0 as usize;
            let start = self.resources.partition_point(|r| r.file < id);
            let new = identities(&read);
            let resources = next.resources.get_mut(start..start + new.len())?;
            for (resource, new) in resources.iter_mut().zip(new) {
                changed.push(resource.id);
                if resource.name != new.name {
                    renamed.push(resource.id);
                }
                resource.identity = Arc::clone(new);
            }
            next.put_errors(id, &read);
            let file = next.files.get_mut(at)?;
            (file.text, file.yaml, file.lines) = (
                Arc::clone(texts.get(&id)?),
                read.yaml.clone(),
                Arc::default(),
            );
            *next.index.reads.get_mut(at)? = read;
        }
        let metadata = |workspace: &Self, id: ResourceId| {
            let node = workspace.node(id).and_then(|node| node.get("metadata"));
            node.map(|node| node.source().to_owned())
        };
        let deletes = |details: &Details| details.patches.iter().any(Patch::deletes);
        let metadata_counts = self.index.details.iter().any(deletes);
        // By labels and annotations, a patch may choose what it deletes.
        let chosen = |id: &ResourceId| metadata(self, *id) != metadata(&next, *id);
        if metadata_counts && (retyped || changed.iter().any(chosen)) {
            return None;
        }
        next.index.references = self.references_after(&next, &changed);
        if !renamed.is_empty() {
            next.index.definitions = Arc::default();
            next.rename_in_sets(self, &renamed)?;
        }
        Some(next)
    }

    /// Gives resources their new names in the sets that they are part of; `None` where it is not
    /// certain what the name becomes there, or what else it decides.
    fn rename_in_sets(&mut self, before: &Self, renamed: &[ResourceId]) -> Option<()> {
        let is_gone = |id: &ResourceId| before.index.gone_from.contains_key(id);
        if renamed.iter().any(is_gone) {
            return None;
        }
        let mut concerned: Vec<SetId> = renamed
            .iter()
            .flat_map(|id| index::sets_of(before, *id))
            .collect();
        concerned.sort_unstable();
        concerned.dedup();
        for id in concerned {
            let at = id.0 as usize;
            let mut set = before.sets.get(at)?.clone();
            let mut of = before.index.sets.get(at)?.clone();
            // What a generator meets under its name decides whether the build succeeds.
            if !(set.generated.is_empty() && of.failures.is_empty()) {
                return None;
            }
            for member in &mut set.members {
                if !renamed.contains(&member.resource) {
                    continue;
                }
                let (old, new) = (
                    before.resource(member.resource),
                    self.resource(member.resource),
                );
                // The prefix and suffix of kustomizations stand around the name.
                let place = member.name.find(&old.name)?;
                let behind = place + old.name.chars().next()?.len_utf8();
                if member.name.get(behind..)?.contains(&old.name) {
                    return None;
                }
                let end = place + old.name.len();
                member.name.replace_range(place..end, &new.name);
            }
            of.sort_names(&self.resources, &set);
            *Arc::make_mut(&mut self.sets).get_mut(at)? = set;
            *Arc::make_mut(&mut self.index.sets).get_mut(at)? = of;
        }
        Some(())
    }

    /// What a file is with a new text; `None` where sets or numbers may be others then.
    fn typed(&self, id: FileId, text: &Arc<str>) -> Option<Typed> {
        let file = self.files.get(id.0 as usize)?;
        let input = Input {
            path: file.path.clone(),
            text: Arc::clone(text),
            editable: file.editable,
        };
        let before = self.index.reads.get(id.0 as usize)?;
        // A file of a chart is left alone by its path: whatever it says.
        let is_read = !matches!(*before.verdict, Verdict::Skip(..));
        if !is_read || self.reads_file(id) {
            return None;
        }
        let read = read(&input, &Charts::default(), self.options.stream);
        let kustomization = match self.kustomization(id) {
            Some(_) => Some(self.same_kustomization(file, &read)?),
            None => None,
        };
        let (old, new) = (self.resources_of(id), identities(&read));
        let same = |(old, new): (&Resource, &Arc<Identity>)| is_still(old, new);
        let same = old.len() == new.len() && old.iter().zip(new).all(same);
        (same && is_same_but_for_resources(before, &read)).then_some(Typed {
            id,
            read,
            kustomization,
        })
    }

    /// A kustomization with a new text that gathers, names and generates what it did; with its
    /// position among all. `None` where it may not.
    fn same_kustomization(
        &self,
        file: &SourceFile,
        read: &Read,
    ) -> Option<(usize, Kustomization, Details)> {
        let at = (self
            .kustomizations
            .binary_search_by_key(&file.id, |k| k.file))
        .ok()?;
        let (before, known) = (self.kustomizations.get(at)?, self.index.details.get(at)?);
        let (mut after, details) = kustomization::read_one(&self.files, file, read)?;
        after.root = before.root;
        // What a generator writes is read from the texts of its items.
        let gathers = (&known.entries, &known.components, &known.read)
            == (&details.entries, &details.components, &details.read);
        let leaves =
            (&known.configuration, &known.sources) == (&details.configuration, &details.sources);
        let deletes = details.patches.iter().any(Patch::deletes);
        let same = after == *before && after.generators.is_empty();
        (same && gathers && leaves && !deletes).then_some((at, after, details))
    }

    /// Whether a file is a kustomization, or is read for what it says.
    fn uses_file(&self, file: FileId) -> bool {
        self.kustomization(file).is_some() || self.reads_file(file)
    }

    /// Whether a kustomization uses a file as something else than resources, or another tool reads
    /// it for what it says.
    fn reads_file(&self, file: FileId) -> bool {
        let mut details = self.index.details.iter();
        let path = self.files.get(file.0 as usize).map_or("", |f| &f.path);
        let name = path.rsplit('/').next().unwrap_or(path);
        name.starts_with("vendir.") || details.any(|details| details.read.contains(&file))
    }

    /// Says what is not YAML in the words that it has now.
    fn put_errors(&mut self, file: FileId, read: &Read) {
        for broken in self.broken.iter_mut().filter(|b| b.file == file) {
            let error = match (&*read.verdict, broken.document) {
                (Verdict::Broken(error), None) => Some(error),
                (Verdict::Documents(documents), Some(number)) => match documents.get(number) {
                    Some(Document::Broken(error)) => Some(error),
                    _ => None,
                },
                _ => None,
            };
            if let Some(error) = error {
                broken.error = error.clone();
            }
        }
    }

    /// Who refers to which names, after resources have come, gone or got other numbers.
    fn references_moved(&self, next: &Self) -> Arc<OnceLock<References>> {
        let Some(known) = self.index.references.get() else {
            return Arc::default();
        };
        let by_file = |a: &Resource, b: &Resource| a.file == b.file;
        let mut before = self.resources.chunk_by(by_file).peekable();
        let mut numbers: Vec<Option<ResourceId>> = vec![None; self.resources.len()];
        let mut new = Vec::new();
        for after in next.resources.chunk_by(by_file) {
            let file = |of: &[Resource]| of.first().map(|first| first.file);
            while before.next_if(|b| file(b) < file(after)).is_some() {}
            let same = |(a, b): (&Resource, &Resource)| Arc::ptr_eq(&a.identity, &b.identity);
            let same = |b: &&[Resource]| b.len() == after.len() && b.iter().zip(after).all(same);
            let is_of = |b: &&[Resource]| file(b) == file(after);
            match before.next_if(is_of).filter(same) {
                Some(before) => {
                    for (old, new) in before.iter().zip(after) {
                        if let Some(number) = numbers.get_mut(old.id.0 as usize) {
                            *number = Some(new.id);
                        }
                    }
                }
                None => new.extend(after.iter().map(|resource| resource.id)),
            }
        }
        let number = |id: &ResourceId| *numbers.get(id.0 as usize)?;
        let moved = known.iter().filter_map(|(name, ids)| {
            let ids: Vec<ResourceId> = ids.iter().filter_map(number).collect();
            (!ids.is_empty()).then(|| (name.clone(), ids))
        });
        let mut all: References = moved.collect();
        for id in new {
            for name in names_of(next, id) {
                add_reference(&mut all, name, id);
            }
        }
        Arc::new(OnceLock::from(all))
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
                add_reference(&mut all, name.clone(), id);
            }
        }
        Arc::new(OnceLock::from(all))
    }
}

/// Adds what a resource refers to, in the order of resources.
fn add_reference(all: &mut References, name: (Target, String), id: ResourceId) {
    let ids = all.entry(name).or_default();
    let at = ids.partition_point(|other| *other < id);
    ids.insert(at, id);
}

/// A file with a new text.
struct Typed {
    id: FileId,
    read: Read,
    /// Of a kustomization its position among all, and what is read of it.
    kustomization: Option<(usize, Kustomization, Details)>,
}

/// Whether nothing of a file has changed but what its resources say, and why it is not YAML.
fn is_same_but_for_resources(before: &Read, after: &Read) -> bool {
    let same = |(before, after): (&Document, &Document)| match (before, after) {
        (Document::Empty, Document::Empty)
        | (Document::Kustomization(_), Document::Kustomization(_))
        | (Document::Resources(_), Document::Resources(_))
        | (Document::Broken(_), Document::Broken(_)) => true,
        // Of what SOPS encrypted, the name is part of the sets.
        (Document::Skip(a, b), Document::Skip(c, d)) => (a, b) == (c, d) && *a != SkipCode::Sops,
        _ => false,
    };
    match (&*before.verdict, &*after.verdict) {
        (Verdict::Broken(_), Verdict::Broken(_)) => true,
        (Verdict::Documents(old), Verdict::Documents(new)) => {
            old.len() == new.len() && old.iter().zip(new).all(same)
        }
        _ => false,
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

/// Whether a resource is known by all that it was known by, its name aside, and of a kind by whose
/// fields no sets are made.
fn is_still(before: &Resource, after: &Identity) -> bool {
    let makes_sets = applier::tool(before).is_some() || flux::is_repository(before);
    // Sets say which charts are installed in them.
    let is_named = matches!(before.kind.as_str(), "HelmChart" | "HelmRelease");
    let named = |identity: &Identity| !identity.name.is_empty();
    let place = |identity: &Identity| (identity.document, identity.item);
    !makes_sets
        && (before.name == after.name || !is_named && named(before) && named(after))
        && place(after) == place(before)
        && after.namespace == before.namespace
        && after.api_version == before.api_version
        && after.kind == before.kind
        && after.of_template == before.of_template
        && after.hints.pods == before.hints.pods
}
