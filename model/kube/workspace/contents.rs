//! What the files of a workspace hold: resources, what is left alone, and what is broken.
//!
//! What a file says by itself is known when it is read; here is decided what other files make of
//! it, such as a patch, which is one because a kustomization says so.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::Workspace;
use crate::kube::apply_set::plan::Before;
use crate::kube::kustomize::kustomization::{self, Details};
use crate::kube::object::kustomization::Kustomization;
use crate::kube::object::resource::{FileId, Resource, ResourceId};
use crate::kube::source::encrypted;
use crate::kube::source::file::{Broken, SkipCode, Skipped, SourceFile};
use crate::kube::source::read::{Document, Read, Verdict};

/// Code and reason for which a file or document is left alone.
type Reason<'a> = (SkipCode, &'a str);

impl Workspace {
    /// Puts together all that is read.
    pub(super) fn index_all(&mut self) {
        self.read_kustomizations();
        self.index_contents(None);
    }

    /// Reads all kustomizations.
    pub(super) fn read_kustomizations(&mut self) {
        if self.options.stream {
            self.kustomizations = Arc::default();
        } else {
            let (kustomizations, details) = kustomization::read_all(&self.files, &self.index.reads);
            self.kustomizations = Arc::new(kustomizations);
            self.index.details = Arc::new(details);
        }
    }

    /// Lists what files hold, and makes the sets of it, of which some may be known from before.
    pub(super) fn index_contents(&mut self, before: Option<Before<'_>>) {
        let contents = self.contents();
        let unreadable = contents.unreadable;
        self.resources = contents.resources;
        self.skipped = contents.skipped;
        self.broken = contents.broken;
        self.index_sets(&unreadable, before);
    }

    fn contents(&self) -> Contents {
        let uses = Uses::of(&self.kustomizations, &self.index.details);
        let mut contents = Contents::default();
        for (file, read) in self.files.iter().zip(&self.index.reads) {
            contents.add(file, read, &uses);
        }
        contents
    }

    /// Has at hand what is needed when the next text changes. It need not be waited for.
    pub fn prepare(&self) {
        let plan = || self.plan(&self.contents().unreadable);
        self.index.plan.prepare(plan);
    }
}

/// What kustomizations use files as.
struct Uses {
    resources: BTreeSet<FileId>,
    configuration: BTreeSet<FileId>,
    sources: BTreeSet<FileId>,
}

impl Uses {
    fn of(kustomizations: &[Kustomization], details: &[Details]) -> Self {
        let resources = kustomizations.iter().flat_map(|k| &k.resources);
        let configuration = details.iter().flat_map(|d| &d.configuration);
        let sources = details.iter().flat_map(|d| &d.sources);
        Self {
            resources: resources.copied().collect(),
            configuration: configuration.copied().collect(),
            sources: sources.copied().collect(),
        }
    }

    /// Why a file is no file of resources, though it may read like one.
    fn other_than_resources(&self, file: FileId) -> Option<Reason<'static>> {
        if self.resources.contains(&file) {
            return None;
        }
        if self.configuration.contains(&file) {
            let text = "a kustomization uses it as a patch or as configuration";
            return Some((SkipCode::Patch, text));
        }
        let text = "a kustomization generates a ConfigMap or Secret from it";
        let generates = self.sources.contains(&file);
        generates.then_some((SkipCode::GeneratorSource, text))
    }
}

/// The contents of files, in their order.
#[derive(Default)]
struct Contents {
    resources: Vec<Resource>,
    skipped: Vec<Skipped>,
    broken: Vec<Broken>,
    /// Files that should hold resources but cannot be read, and why.
    unreadable: BTreeMap<FileId, String>,
}

impl Contents {
    /// Adds those of a file.
    fn add(&mut self, file: &SourceFile, read: &Read, uses: &Uses) {
        let documents = match &*read.verdict {
            Verdict::Broken(error) => {
                self.unreadable
                    .insert(file.id, format!("{} is not YAML", file.path));
                self.broken.push(Broken {
                    file: file.id,
                    document: None,
                    error: error.clone(),
                });
                return;
            }
            Verdict::Skip(code, text) => {
                if matches!(
                    *code,
                    SkipCode::HelmTemplate | SkipCode::Template | SkipCode::Sops
                ) {
                    self.unreadable
                        .insert(file.id, encrypted::unreadable(&file.path, text));
                }
                self.skip(file, None, (*code, text));
                return;
            }
            Verdict::Documents(documents) => documents,
        };
        if let Some(reason) = uses.other_than_resources(file.id) {
            self.skip(file, None, reason);
            return;
        }
        let whole = common_reason(documents);
        if let Some(reason) = whole {
            self.skip(file, None, reason);
        }
        for (number, document) in documents.iter().enumerate() {
            self.add_document(file, number, document, whole.is_some());
        }
    }

    /// Adds those of a document. `said` is whether the file as a whole is said to be left alone.
    fn add_document(&mut self, file: &SourceFile, number: usize, document: &Document, said: bool) {
        match document {
            Document::Empty | Document::Kustomization(_) => {}
            Document::Skip(code, text) => {
                if matches!(*code, SkipCode::Template | SkipCode::HelmTemplate) {
                    self.unreadable
                        .insert(file.id, format!("{} is a template", file.path));
                }
                if *code == SkipCode::Sops {
                    let what = format!("a document of {}", file.path);
                    self.unreadable
                        .insert(file.id, encrypted::unreadable(&what, text));
                }
                if !said {
                    self.skip(file, Some(number), (*code, text));
                }
            }
            Document::Broken(error) => {
                self.unreadable
                    .insert(file.id, format!("a document of {} is not YAML", file.path));
                self.broken.push(Broken {
                    file: file.id,
                    document: Some(number),
                    error: error.clone(),
                });
            }
            Document::Resources(found) => {
                for identity in found {
                    let id = u32::try_from(self.resources.len()).unwrap_or(u32::MAX);
                    self.resources.push(Resource {
                        id: ResourceId(id),
                        file: file.id,
                        identity: Arc::clone(identity),
                    });
                }
            }
        }
    }

    fn skip(&mut self, file: &SourceFile, document: Option<usize>, (code, text): Reason<'_>) {
        self.skipped.push(Skipped {
            file: file.id,
            document,
            code,
            text: text.to_owned(),
        });
    }
}

/// The reason that all documents of a file have in common for being left alone.
fn common_reason(documents: &[Document]) -> Option<Reason<'static>> {
    let mut reasons = documents
        .iter()
        .filter(|document| !matches!(document, Document::Empty))
        .map(|document| {
            if let Document::Skip(code, text) = document {
                Some((*code, *text))
            } else {
                None
            }
        });
    let first = reasons.next()??;
    reasons.all(|other| other == Some(first)).then_some(first)
}
