//! The workspace: all files of a pass, their resources and apply sets.

mod contents;
mod encrypted;
pub(in crate::kube) mod index;
mod invalid;
mod kustomizations;
mod passes;
pub(in crate::kube) mod set_index;
mod typing;
mod way;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::kube::object::apply_set::{ApplySet, SetId};
use crate::kube::object::kustomization::Kustomization;
use crate::kube::object::location::Location;
use crate::kube::object::reference::{FieldReference, Target};
use crate::kube::object::resource::{FileId, Resource, ResourceId};
use crate::kube::pod::{self, PodTemplate};
use crate::kube::reference::field_reference;
use crate::kube::source::file::{Broken, Input, Skipped, SourceFile};
use crate::kube::source::lazy_file::LazyFile;
use crate::kube::source::options::Options;
use crate::yaml::{Node, Word};
use index::Index;

/// All files of a pass and what they mean.
#[derive(Debug, Clone, Default)]
pub struct Workspace {
    pub(in crate::kube) files: Vec<SourceFile>,
    pub(in crate::kube) resources: Vec<Resource>,
    /// Shared, as all that is derived from many files, because a pass often changes nothing that it
    /// depends on.
    pub(in crate::kube) sets: Arc<Vec<ApplySet>>,
    pub(in crate::kube) kustomizations: Arc<Vec<Kustomization>>,
    pub(in crate::kube) skipped: Vec<Skipped>,
    pub(in crate::kube) broken: Vec<Broken>,
    pub(in crate::kube) options: Options,
    pub(in crate::kube) index: Index,
}

impl Workspace {
    /// Reads and indexes all inputs. Total: what cannot be read is listed in [`Workspace::broken`]
    /// or [`Workspace::skipped`].
    pub fn new(inputs: Vec<Input>, options: Options) -> Self {
        Self::build(inputs, &BTreeMap::new(), options)
    }

    /// The workspace after changes: new texts by file, created files, deleted files. Unchanged
    /// files are not parsed again.
    #[must_use]
    pub fn with_changes(
        &self,
        texts: &BTreeMap<FileId, Arc<str>>,
        created: &[Input],
        deleted: &[FileId],
    ) -> Self {
        self.rebuild(texts, created, deleted)
    }

    /// As [`Workspace::with_changes`], for new texts that differ in nothing that kustomizations,
    /// apply sets, definitions or references depend on. Where the changed files do not show the
    /// same resources as before, all is indexed again.
    #[must_use]
    pub fn with_isolated_changes(&self, texts: &BTreeMap<FileId, Arc<str>>) -> Self {
        self.reread(texts)
            .unwrap_or_else(|| self.rebuild(texts, &[], &[]))
    }

    /// All files, by path.
    pub fn files(&self) -> &[SourceFile] {
        &self.files
    }

    /// One file.
    pub fn file(&self, id: FileId) -> &SourceFile {
        &self.files[id.0 as usize]
    }

    /// The file at a path relative to the root.
    pub fn file_at(&self, path: &str) -> Option<&SourceFile> {
        self.files
            .binary_search_by(|f| f.path.as_str().cmp(path))
            .ok()
            .and_then(|i| self.files.get(i))
    }

    /// The scalar at a place.
    pub fn scalar_at(&self, location: &Location) -> Option<Node<'_>> {
        let yaml = self.file(location.file).yaml.as_deref()?;
        let place = &location.span;
        let mut at = yaml.root(yaml.document_at(place.start))?;
        while !at.is_scalar() {
            let around = |n: &Node<'_>| n.span().start <= place.start && place.end <= n.span().end;
            at = at.children().find(around)?;
        }
        (at.span() == *place).then_some(at)
    }

    /// The text of a file at a path relative to the root, be it a manifest or one of
    /// [`Options::texts`]; `None` for what is no text.
    pub fn text_at(&self, path: &str) -> Option<&str> {
        let beside = || {
            let texts = &self.options.texts.as_ref()?.read().texts;
            texts
                .binary_search_by(|(known, _)| known.as_str().cmp(path))
                .ok()
                .and_then(|at| texts.get(at))
                .map(|(_, text)| text.as_str())
        };
        self.file_at(path).map(|file| &*file.text).or_else(beside)
    }

    /// All resources, by file, document and item.
    pub fn resources(&self) -> &[Resource] {
        &self.resources
    }

    /// The resources of one file, by document and item.
    pub fn resources_of(&self, file: FileId) -> &[Resource] {
        let start = self.resources.partition_point(|r| r.file < file);
        let end = self.resources.partition_point(|r| r.file <= file);
        self.resources.get(start..end).unwrap_or_default()
    }

    /// One resource.
    pub fn resource(&self, id: ResourceId) -> &Resource {
        &self.resources[id.0 as usize]
    }

    /// The text of what is not YAML.
    pub fn broken_text(&self, broken: &Broken) -> &str {
        let file = self.file(broken.file);
        let region = broken
            .document
            .and_then(|number| Some(file.yaml.as_deref()?.documents().get(number)?.region()));
        region
            .and_then(|region| file.text.get(region))
            .unwrap_or(&file.text)
    }

    /// The mapping of a resource.
    pub fn node(&self, id: ResourceId) -> Option<Node<'_>> {
        let resource = self.resource(id);
        Some(
            self.file(resource.file)
                .yaml
                .as_deref()?
                .node(resource.node),
        )
    }

    /// Whether a scalar of a resource may hold a word (of letters, digits, `-`, `.`, `/`, `_`), in
    /// a key or a value, through aliases too. The text answers; [`Workspace::node`] may have to
    /// parse the file again. `true` promises nothing.
    pub fn may_hold(&self, id: ResourceId, word: &Word) -> bool {
        let resource = self.resource(id);
        self.file(resource.file)
            .yaml
            .as_ref()
            .is_some_and(|tree| tree.may_hold(resource.span(), word))
    }

    /// As [`Workspace::may_hold`], for whatever `holds` finds in the text of the resource: one of
    /// many words.
    pub fn may_hold_any(&self, id: ResourceId, holds: impl FnOnce(&str) -> bool) -> bool {
        let resource = self.resource(id);
        self.file(resource.file)
            .yaml
            .as_ref()
            .is_some_and(|tree| tree.may(resource.span(), holds))
    }

    /// Whether resources of this kind carry pod templates.
    pub fn carries_pods(&self, id: ResourceId) -> bool {
        self.resource(id).hints.pods
    }

    /// Whether a pod template of a resource may refer to a ConfigMap or Secret; nothing has to be
    /// read for the answer.
    pub fn may_refer(&self, id: ResourceId, to: Target) -> bool {
        let resource = self.resource(id);
        let hidden = || {
            self.file(resource.file)
                .yaml
                .as_ref()
                .is_some_and(LazyFile::hides)
        };
        resource.hints.pods && (resource.hints.names(to) || hidden())
    }

    /// The ConfigMaps or Secrets of that name, whatever their namespace; by number.
    pub fn definitions(&self, to: Target, name: &str) -> impl Iterator<Item = &Resource> {
        index::definitions(self, to, name)
            .iter()
            .map(|(_, id)| self.resource(*id))
    }

    /// What is left alone, and why.
    pub fn skipped(&self) -> &[Skipped] {
        &self.skipped
    }

    /// Files and documents that are not YAML.
    pub fn broken(&self) -> &[Broken] {
        &self.broken
    }

    /// What the user declared.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// All apply sets.
    pub fn sets(&self) -> &[ApplySet] {
        &self.sets
    }

    /// One apply set.
    pub fn set(&self, id: SetId) -> &ApplySet {
        &self.sets[id.0 as usize]
    }

    /// The apply sets that a resource is part of; none for a base that no root reaches.
    pub fn sets_of(&self, id: ResourceId) -> Vec<SetId> {
        index::sets_of(self, id).collect()
    }

    /// Positions of a resource among the members of a set, ascending.
    pub fn positions(&self, set: SetId, id: ResourceId) -> impl Iterator<Item = usize> {
        self.set_index(set)
            .into_iter()
            .flat_map(move |index| index.positions(id))
    }

    /// The pod templates that a resource carries, in document order.
    pub fn pod_templates(&self, id: ResourceId) -> Vec<PodTemplate<'_>> {
        let resource = self.resource(id);
        let node = if resource.hints.pods {
            self.node(id)
        } else {
            None
        };
        node.map(|node| pod::templates(resource, node))
            .unwrap_or_default()
    }

    /// References to ConfigMaps and Secrets that a resource holds outside of its pod templates
    /// (RBAC, Ingress, CRD fields, annotations, declared fields), known and probable ones.
    pub fn field_references(&self, id: ResourceId) -> Vec<FieldReference<'_>> {
        self.node(id)
            .map(|node| {
                field_reference::of_resource(self.resource(id), node, &self.options.references)
            })
            .unwrap_or_default()
    }

    /// Resources that refer to a ConfigMap or Secret of that name, in a pod template or elsewhere;
    /// by number.
    pub fn referring(&self, to: Target, name: &str) -> &[ResourceId] {
        let all = self
            .index
            .references
            .get_or_init(|| index::references(self));
        all.get(&(to, name.to_owned()))
            .map_or(&[][..], Vec::as_slice)
    }

    /// Those of [`Workspace::referring`] that are in the set.
    pub fn references_to(&self, set: SetId, to: Target, name: &str) -> Vec<ResourceId> {
        self.referring(to, name)
            .iter()
            .copied()
            .filter(|id| index::sets_of(self, *id).any(|of| of == set))
            .collect()
    }
}
