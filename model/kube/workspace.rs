//! The workspace: all files of a pass, their resources and apply sets.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

use globset::{GlobBuilder, GlobMatcher};

use super::field_reference;
use super::generated;
use super::index::{self, Index};
use super::kustomize::{Kustomization, OutsideUse, Touch};
use super::mention::{self, Mentions, Texts};
use super::outside;
use super::pod::{self, PodTemplate};
use super::read::{has_extension, is_kustomization_name, split};
use super::reference::{FieldReference, Target};
use super::resource::{FileId, Resource, ResourceId};
use super::sets::{ApplySet, SetId};
use super::touch;
use super::tree::Tree;
use super::unexplained;
use crate::yaml::{Node, ParseError, Word};

/// A file as it is given to the workspace.
#[derive(Debug, Clone)]
pub struct Input {
    /// Path relative to the root, `/` between segments; `<stdin>` for standard input.
    pub path: String,
    /// The text.
    pub text: Arc<str>,
    /// Whether the file lies within the PATHs asked for: findings outside are not reported and
    /// fixes never edit outside.
    pub editable: bool,
}

/// What the user declared about the workspace as a whole.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// `[[apply-sets]]`
    pub apply_sets: Vec<ApplySetSpec>,
    /// `[[references]]`
    pub references: Vec<ReferenceSpec>,
    /// The single input is a stream on standard input: one apply set, closed.
    pub stream: bool,
    /// The text files of the root that are no manifests, where there is a root.
    pub texts: Option<Arc<dyn Texts>>,
}

/// One of `[[apply-sets]]`: the user's word for what is applied together.
#[derive(Debug, Clone, Default)]
pub struct ApplySetSpec {
    /// Name for messages.
    pub name: String,
    /// Which files, relative to the root; order of application is the order of the paths, then
    /// kubectl's.
    pub paths: Vec<PathGlob>,
    /// Namespace that objects without one get, as by `kubectl -n`.
    pub namespace: Option<String>,
    /// The cluster: sets of one cluster are one set.
    pub cluster: Option<String>,
}

/// A path, or a glob, that names files; or directories with the manifests in them, as `kubectl
/// apply -f` does.
#[derive(Debug, Clone)]
pub struct PathGlob {
    glob: GlobMatcher,
    recursive: bool,
}

impl PathGlob {
    /// `*` and `?` match no `/`, `**` does. `recursive` is `kubectl apply -R`: what lies below a
    /// directory counts too.
    ///
    /// # Errors
    /// When the glob is none.
    pub fn new(text: &str, recursive: bool) -> Result<Self, globset::Error> {
        let text = text
            .strip_prefix("./")
            .unwrap_or(text)
            .trim_end_matches('/');
        // The root itself has no path.
        let text = if text == "." { "" } else { text };
        Ok(Self {
            glob: GlobBuilder::new(text)
                .literal_separator(true)
                .build()?
                .compile_matcher(),
            recursive,
        })
    }

    /// Whether a file is meant.
    pub fn matches(&self, path: &str) -> bool {
        if self.glob.is_match(path) {
            return true;
        }
        let manifest = ["yaml", "yml", "json"]
            .iter()
            .any(|e| has_extension(path, e))
            || is_kustomization_name(path);
        let above = std::iter::successors(Some(split(path).0), |d| {
            Some(split(d).0).filter(|_| !d.is_empty())
        });
        manifest
            && above
                .take(if self.recursive { usize::MAX } else { 1 })
                .any(|directory| self.glob.is_match(directory))
    }
}

/// One of `[[references]]`: a further field that names a ConfigMap or Secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReferenceSpec {
    /// Kind of the resource that has the field.
    pub kind: String,
    /// Dotted path of the name; `[]` behind a segment goes through a sequence.
    pub path: String,
    /// Dotted path of the key that is read, when there is one.
    pub key: Option<String>,
    /// What is named.
    pub to: Target,
}

/// A file of the workspace.
#[derive(Debug, Clone)]
pub struct SourceFile {
    /// Its number.
    pub id: FileId,
    /// Path relative to the root.
    pub path: String,
    /// See [`Input::editable`].
    pub editable: bool,
    /// The text.
    pub text: Arc<str>,
    /// The documents; `None` for files that are not read as YAML (templates, broken files).
    pub yaml: Option<Tree>,
    /// First byte of each line; made when a position is first asked for.
    pub(super) lines: Arc<OnceLock<Vec<usize>>>,
}

impl SourceFile {
    /// 1-based line and column (in Unicode scalar values) of a byte offset; an offset past the end
    /// counts as the end.
    pub fn position(&self, offset: usize) -> (usize, usize) {
        let mut offset = offset.min(self.text.len());
        while !self.text.is_char_boundary(offset) {
            offset -= 1;
        }
        let starts = self.lines.get_or_init(|| {
            let breaks = self.text.bytes().enumerate().filter(|(_, b)| *b == b'\n');
            std::iter::once(0)
                .chain(breaks.map(|(at, _)| at + 1))
                .collect()
        });
        let line = starts.partition_point(|start| *start <= offset);
        let start = line
            .checked_sub(1)
            .and_then(|at| starts.get(at))
            .copied()
            .unwrap_or(0);
        let before = self
            .text
            .get(start..offset)
            .unwrap_or("")
            .trim_start_matches('\u{feff}');
        (line, before.chars().count() + 1)
    }
}

/// A file or document that is left alone, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// The file.
    pub file: FileId,
    /// The document, when it is not the whole file.
    pub document: Option<usize>,
    /// Stable code: `helm-template`, `sops`, `patch`, `not-a-resource`, `empty`, ….
    pub code: &'static str,
    /// For the user.
    pub text: String,
}

/// A file or document that is not YAML.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// The file.
    pub file: FileId,
    /// The document, when it is not the whole file.
    pub document: Option<usize>,
    /// Where and why.
    pub error: ParseError,
}

/// All files of a pass and what they mean.
#[derive(Debug, Clone, Default)]
pub struct Workspace {
    pub(super) files: Vec<SourceFile>,
    pub(super) resources: Vec<Resource>,
    /// Shared, as all that is derived from many files, because a pass often changes nothing that it
    /// depends on.
    pub(super) sets: Arc<Vec<ApplySet>>,
    pub(super) kustomizations: Vec<Kustomization>,
    pub(super) skipped: Vec<Skipped>,
    pub(super) broken: Vec<Broken>,
    pub(super) options: Options,
    pub(super) index: Index,
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
                .is_some_and(Tree::hides)
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

    /// The kustomization that a file is.
    pub fn kustomization(&self, file: FileId) -> Option<&Kustomization> {
        self.kustomizations
            .binary_search_by_key(&file, |k| k.file)
            .ok()
            .and_then(|i| self.kustomizations.get(i))
    }

    /// All kustomizations, by path.
    pub fn kustomizations(&self) -> &[Kustomization] {
        &self.kustomizations
    }

    /// The sign by which a resource's document is known as the output of another tool: a comment
    /// above it, or the labels of a chart.
    pub fn generated_by(&self, id: ResourceId) -> Option<String> {
        generated::sign(self, id)
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

    /// What kustomize may change in a resource on its way to the cluster, from any root that
    /// reaches it.
    pub fn touches(&self, id: ResourceId) -> Arc<[Touch]> {
        self.index.asked.touches(id, || touch::touches(self, id))
    }

    /// Uses of a ConfigMap's or Secret's name by things that are no resources: patches, patch
    /// targets, replacements, vars, generators, name reference configurations; of every
    /// kustomization that reaches the definition or, when `of` is `None`, of all.
    pub fn uses_outside(&self, of: Option<ResourceId>, to: Target, name: &str) -> Vec<OutsideUse> {
        outside::uses(self, of, to, name)
    }

    /// As [`Workspace::uses_outside`], for something that a file defines, that passes through these
    /// kustomizations as part of these sets: what a generator makes.
    pub fn uses_outside_of(
        &self,
        file: FileId,
        through: &BTreeSet<FileId>,
        sets: &[SetId],
        to: Target,
        name: &str,
    ) -> Vec<OutsideUse> {
        outside::uses_of(
            self,
            &outside::Course {
                file,
                through,
                sets,
            },
            to,
            name,
        )
    }

    /// Scalars of the set's resources (values, not keys, not comments) that hold `name` as a whole
    /// word (bounded by anything but `[A-Za-z0-9.-]`) and are no known reference nor the
    /// `metadata.name` of a definition: unexplained uses. Resources that may hold values for a
    /// chart (Argo CD `Application`s, `HelmRelease`s) are searched wherever they are.
    pub fn unexplained_uses(
        &self,
        set: SetId,
        to: Target,
        name: &str,
    ) -> Vec<(ResourceId, crate::finding::Location)> {
        unexplained::uses(self, set, to, name)
    }

    /// As [`Workspace::unexplained_uses`], in the patches of the kustomizations that the set is
    /// gathered through.
    pub fn unexplained_in_patches(
        &self,
        set: SetId,
        to: Target,
        name: &str,
    ) -> Vec<crate::finding::Location> {
        unexplained::in_patches(self, set, to, name)
    }

    /// Where else the name stands, in text that nothing of the graph reads, when it changes in
    /// these sets: in unread files and documents of the workspace, in what other resources hold
    /// without referring to it, and in all text files of the root ([`Options::texts`]).
    pub fn mentions(&self, sets: &[SetId], to: Target, name: &str) -> Mentions {
        mention::of(self, sets, to, name)
    }
}
