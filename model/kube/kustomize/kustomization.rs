//! Reading kustomizations: what each gathers, from where, and what it generates.
//!
//! An entry of `resources` is a file, a directory with a kustomization, or something outside of the
//! workspace, which makes a hole. Files that a kustomization uses as patches, transformer
//! configuration or generator sources are noted, because they are no resources.

use std::collections::BTreeSet;

use rayon::prelude::*;

use super::generator::Maker;
use super::patch::{Patch, PatchReader};
use crate::kube::object::kustomization::Kustomization;
use crate::kube::object::resource::FileId;
use crate::kube::source::file::SourceFile;
use crate::kube::source::paths::{Paths, join, split};
use crate::kube::source::read::{Document, Read, Verdict};
use crate::yaml::{Node, NodeId};

/// Built-in transformers that only change fields of what is there (kustomize `api/builtins`).
const FIELD_TRANSFORMERS: &[&str] = &[
    "AnnotationsTransformer",
    "ImageTagTransformer",
    "LabelTransformer",
    "ReplicaCountTransformer",
];

/// What is gathered, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::kube) enum ResourceEntry {
    /// A file of resources.
    File(FileId),
    /// A kustomization.
    Base(FileId),
}

/// A kustomization with what only the graph needs.
#[derive(Debug, Clone)]
pub(in crate::kube) struct Details {
    pub file: FileId,
    /// Its mapping.
    pub node: NodeId,
    /// `patches`, `patchesJson6902` and `patchesStrategicMerge`.
    pub patches: Vec<Patch>,
    /// `resources` and `bases` in order.
    pub entries: Vec<ResourceEntry>,
    /// `components` in order.
    pub components: Vec<FileId>,
    /// Files used as patches and configuration.
    pub configuration: BTreeSet<FileId>,
    /// Files that generators read.
    pub sources: BTreeSet<FileId>,
    /// The files of both, be they resources as well.
    pub read: BTreeSet<FileId>,
}

/// Reads all kustomizations, by path. The second list is parallel to the first.
pub(in crate::kube) fn read_all(
    files: &[SourceFile],
    reads: &[Read],
) -> (Vec<Kustomization>, Vec<Details>) {
    let read = |(file, read): (&SourceFile, &Read)| read_one(files, file, read);
    let (mut kustomizations, details): (Vec<Kustomization>, Vec<Details>) =
        files.par_iter().zip(reads).filter_map(read).unzip();
    find_roots(&mut kustomizations);
    (kustomizations, details)
}

/// As [`read_all`], after the texts of some files have changed. Of other files a kustomization
/// knows no more than which there are, those aside that it reads.
pub(in crate::kube) fn read_after(
    files: &[SourceFile],
    reads: &[Read],
    changed: &BTreeSet<FileId>,
    known: (&[Kustomization], &[Details]),
) -> (Vec<Kustomization>, Vec<Details>) {
    let (mut all, mut again) = (Vec::new(), changed.clone());
    for (kustomization, details) in known.0.iter().zip(known.1) {
        if changed.contains(&details.file) || !details.read.is_disjoint(changed) {
            again.insert(details.file);
        } else {
            all.push((kustomization.clone(), details.clone()));
        }
    }
    for id in again {
        let at = id.0 as usize;
        let of = files.get(at).zip(reads.get(at));
        all.extend(of.and_then(|(file, read)| read_one(files, file, read)));
    }
    all.sort_by_key(|(kustomization, _)| kustomization.file);
    let (mut kustomizations, details): (Vec<Kustomization>, Vec<Details>) = all.into_iter().unzip();
    find_roots(&mut kustomizations);
    (kustomizations, details)
}

/// Says of kustomizations which are the roots among them.
fn find_roots(kustomizations: &mut [Kustomization]) {
    let referred: BTreeSet<FileId> = kustomizations
        .iter()
        .flat_map(|k| k.bases.iter().copied())
        .collect();
    for kustomization in kustomizations {
        kustomization.root = !kustomization.component && !referred.contains(&kustomization.file);
    }
}

/// Reads the kustomization that a file is, if it is one. Whether it is a root is for all of them to
/// say.
pub(in crate::kube) fn read_one(
    files: &[SourceFile],
    file: &SourceFile,
    read: &Read,
) -> Option<(Kustomization, Details)> {
    let Verdict::Documents(documents) = &*read.verdict else {
        return None;
    };
    let id = documents.iter().find_map(|d| {
        if let Document::Kustomization(id) = d {
            Some(*id)
        } else {
            None
        }
    })?;
    let reader = Reader {
        files: Paths(files),
        file: file.id,
        directory: split(&file.path).0,
    };
    Some(reader.read(read.yaml.as_deref()?.node(id)))
}

struct Reader<'a> {
    files: Paths<'a>,
    file: FileId,
    directory: &'a str,
}

impl Reader<'_> {
    fn read(&self, node: Node<'_>) -> (Kustomization, Details) {
        let mut holes = Vec::new();
        let (entries, components) = self.gathered(node, &mut holes);
        self.find_plugins(node, &mut holes);
        let maker = Maker {
            files: self.files,
            directory: self.directory,
            file: self.file,
        };
        let generators = maker.generators(node);
        let patches = PatchReader {
            files: self.files,
            directory: self.directory,
            file: self.file,
        }
        .patches(node);
        if patches.iter().any(|p| p.documents.is_empty()) {
            holes.push(format!("{} names a patch that cannot be read", self.name()));
        }
        let (mut resources, mut bases) = (Vec::new(), Vec::new());
        for entry in &entries {
            match entry {
                ResourceEntry::File(file) => resources.push(*file),
                ResourceEntry::Base(file) => bases.push(*file),
            }
        }
        bases.extend(&components);
        let mut configuration = self.configuration(node);
        let mut sources = maker.sources(node);
        let read = configuration.union(&sources).copied().collect();
        for file in &resources {
            configuration.remove(file);
            sources.remove(file);
        }
        let text = |key: &str| node.get(key).and_then(Node::text).unwrap_or_default();
        let kustomization = Kustomization {
            file: self.file,
            directory: self.directory.to_owned(),
            component: text("kind") == "Component",
            root: false,
            resources,
            bases,
            namespace: Some(text("namespace").to_owned()).filter(|n| !n.is_empty()),
            prefix: text("namePrefix").to_owned(),
            suffix: text("nameSuffix").to_owned(),
            generators,
            holes,
        };
        let details = Details {
            file: self.file,
            node: node.id(),
            patches,
            entries,
            components,
            configuration,
            sources,
            read,
        };
        (kustomization, details)
    }

    /// `resources` and `bases` in order, and `components`.
    fn gathered(
        &self,
        node: Node<'_>,
        holes: &mut Vec<String>,
    ) -> (Vec<ResourceEntry>, Vec<FileId>) {
        let items = |key: &str| node.get(key).into_iter().flat_map(Node::items);
        let mut entries = Vec::new();
        for item in items("resources").chain(items("bases")) {
            entries.extend(self.entry(item, holes));
        }
        let mut components = Vec::new();
        for item in items("components") {
            match self.entry(item, holes) {
                Some(ResourceEntry::Base(file)) => components.push(file),
                Some(ResourceEntry::File(_)) => holes.push(format!(
                    "component {} is no directory",
                    item.text().unwrap_or_default()
                )),
                None => {}
            }
        }
        (entries, components)
    }

    /// Adds what makes or renames objects in ways that are not read here.
    fn find_plugins(&self, node: Node<'_>, holes: &mut Vec<String>) {
        let items = |key: &str| node.get(key).into_iter().flat_map(Node::items);
        for (key, what) in [
            ("helmCharts", "Helm charts"),
            ("helmChartInflationGenerator", "Helm charts"),
            ("generators", "generator plugins"),
        ] {
            if items(key).next().is_some() {
                holes.push(format!("{} uses {what}", self.name()));
            }
        }
        if items("transformers").any(|item| !self.keeps_names(item)) {
            holes.push(format!("{} uses transformer plugins", self.name()));
        }
        let may_rename = |options: Node<'_>| {
            ["allowNameChange", "allowKindChange"]
                .iter()
                .any(|k| options.get(k).is_some())
        };
        if items("patches")
            .filter_map(|p| p.get("options"))
            .any(may_rename)
        {
            holes.push(format!("{} has a patch that may change names", self.name()));
        }
        let first = self.files.kustomization(self.directory);
        if first.is_some_and(|first| first != self.file) {
            holes.push(format!(
                "{} is one of several in its directory, which kustomize does not build",
                self.name()
            ));
        }
    }

    /// For messages.
    fn name(&self) -> String {
        if self.directory.is_empty() {
            "the kustomization".to_owned()
        } else {
            format!("kustomization {}", self.directory)
        }
    }

    fn entry(&self, item: Node<'_>, holes: &mut Vec<String>) -> Option<ResourceEntry> {
        let written = item.text().unwrap_or_default();
        let path = join(self.directory, written);
        if let Some(path) = &path {
            if let Some(file) = self.files.file(path) {
                return Some(ResourceEntry::File(file));
            }
            if let Some(file) = self.files.kustomization(path).filter(|f| *f != self.file) {
                return Some(ResourceEntry::Base(file));
            }
        }
        holes.push(match path {
            _ if is_remote(written) => format!("{} takes {written} from elsewhere", self.name()),
            None => format!("{} takes {written} from outside of the root", self.name()),
            Some(_) => format!("{} names {written}, which is not there", self.name()),
        });
        None
    }

    /// Whether an item of `transformers` only changes fields: it adds and removes nothing, and
    /// leaves names and namespaces.
    fn keeps_names(&self, item: Node<'_>) -> bool {
        let file = self
            .local(Some(item))
            .and_then(|id| self.files.0.get(id.0 as usize));
        let Some(yaml) = file.and_then(|f| f.yaml.as_deref()) else {
            return false;
        };
        let mut roots = (0..yaml.documents().len())
            .filter_map(|i| yaml.root(i))
            .filter(|r| !r.is_null());
        roots.all(|root| {
            let text = |key: &str| root.get(key).and_then(Node::text).unwrap_or_default();
            text("apiVersion") == "builtin" && FIELD_TRANSFORMERS.contains(&text("kind"))
        })
    }

    fn local(&self, node: Option<Node<'_>>) -> Option<FileId> {
        self.files.file(&join(self.directory, node?.text()?)?)
    }

    fn configuration(&self, node: Node<'_>) -> BTreeSet<FileId> {
        let items = |key: &str| node.get(key).into_iter().flat_map(Node::items);
        let mut found = BTreeSet::new();
        for key in ["patches", "patchesJson6902", "replacements"] {
            found.extend(items(key).filter_map(|item| self.local(item.get("path"))));
        }
        for key in [
            "patchesStrategicMerge",
            "patches",
            "crds",
            "configurations",
            "generators",
            "transformers",
            "validators",
        ] {
            for item in items(key) {
                let Some(path) = item.text().and_then(|t| join(self.directory, t)) else {
                    continue;
                };
                found.extend(self.files.file(&path));
                if let Some(file) = self
                    .files
                    .kustomization(&path)
                    .filter(|_| !matches!(key, "crds" | "patches"))
                {
                    found.extend(self.files.directory(&path).filter(|f| *f != file));
                }
            }
        }
        found.extend(self.local(node.path(&["openapi", "path"])));
        for item in items("helmCharts") {
            found.extend(self.local(item.get("valuesFile")));
            found.extend(
                item.get("additionalValuesFiles")
                    .into_iter()
                    .flat_map(Node::items)
                    .filter_map(|v| self.local(Some(v))),
            );
        }
        found
    }
}

/// Whether kustomize would fetch this (its `ifc` loader: URLs, ssh, `git::` and host shorthands).
fn is_remote(written: &str) -> bool {
    written.contains("://")
        || written.contains("?ref=")
        || written.contains("git::")
        || written.starts_with("git@")
        || ["github.com", "gitlab.com", "bitbucket.org", "gh:"]
            .iter()
            .any(|host| written.starts_with(host))
}
