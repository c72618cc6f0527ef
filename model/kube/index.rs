//! Putting all files together: resources, kustomizations, apply sets, and the maps that make questions cheap.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

use rayon::prelude::*;

use super::apply_set::{self, Parts};
use super::kustomization::{self, Details, join};
use super::kustomize::Kustomization;
use super::overlay::{self, Overlay};
use super::read::{Charts, Document, Read, Verdict, read};
use super::reference::Target;
use super::resource::{FileId, Resource, ResourceId};
use super::sets::{ApplySet, Member, SetId};
use super::workspace::{Broken, Input, Options, Skipped, SourceFile, Workspace};
use crate::yaml::Node;

/// Answers prepared for each apply set.
#[derive(Debug, Clone, Default)]
pub(super) struct SetIndex {
    /// Positions in `members` of the ConfigMaps and Secrets, by the name they have in their source.
    pub by_source_name: BTreeMap<(Target, String), Vec<usize>>,
    /// The same by the name they have in the cluster.
    pub by_name: BTreeMap<(Target, String), Vec<usize>>,
    /// Positions in `members` of each resource.
    pub positions: BTreeMap<ResourceId, Vec<usize>>,
    /// Positions in `generated`, by the name that the generators state.
    pub generators: BTreeMap<(Target, String), Vec<usize>>,
    /// The same by the name they have in the cluster, without the hash.
    pub generators_by_name: BTreeMap<(Target, String), Vec<usize>>,
    /// Kustomizations that the set is gathered through.
    pub reach: BTreeSet<FileId>,
    /// What went in and was deleted on the way.
    pub gone: BTreeMap<ResourceId, Vec<Member>>,
}

/// What the workspace keeps beside what it shows.
#[derive(Debug, Clone, Default)]
pub(super) struct Index {
    /// Parallel to the files.
    pub reads: Vec<Read>,
    /// Parallel to the kustomizations.
    pub details: Vec<Details>,
    /// Parallel to the sets.
    pub sets: Vec<SetIndex>,
    /// The sets of each resource.
    pub sets_of: Vec<Vec<SetId>>,
    /// The sets that each resource went into, and was deleted on the way.
    pub gone_from: BTreeMap<ResourceId, Vec<SetId>>,
    /// What Argo CD and Flux change in what they apply.
    pub overlays: Vec<Overlay>,
    /// Which resources refer to a name; made when it is first asked for.
    pub references: OnceLock<References>,
}

/// Resources that refer to a name.
pub(super) type References = BTreeMap<(Target, String), Vec<ResourceId>>;

impl Workspace {
    /// Reads all inputs, taking from `known` what was read before.
    pub(super) fn build(mut inputs: Vec<Input>, known: &BTreeMap<String, Read>, options: Options) -> Self {
        inputs.sort_by(|a, b| a.path.cmp(&b.path));
        inputs.dedup_by(|later, earlier| later.path == earlier.path);
        let charts = Charts::of(inputs.iter().map(|i| i.path.as_str()));
        let reads: Vec<Read> = inputs
            .par_iter()
            .map(|input| match known.get(&input.path) {
                Some(before) if charts.skip(&input.path).is_none() => before.clone(),
                _ => read(input, &charts),
            })
            .collect();
        let files = inputs.into_iter().zip(&reads).zip(0..);
        let files = files.map(|((input, read), id)| SourceFile {
            id: FileId(id),
            path: input.path,
            editable: input.editable,
            text: input.text,
            yaml: read.yaml.clone(),
            lines: Arc::default(),
        });
        let mut workspace = Self { files: files.collect(), options, ..Self::default() };
        workspace.index.reads = reads;
        workspace.index_all();
        workspace
    }

    fn index_all(&mut self) {
        if self.options.stream {
            self.kustomizations = Vec::new();
        } else {
            (self.kustomizations, self.index.details) = kustomization::read_all(&self.files, &self.index.reads);
        }
        let listed: BTreeSet<FileId> = self.kustomizations.iter().flat_map(|k| k.resources.iter().copied()).collect();
        let details = &self.index.details;
        let configuration: BTreeSet<FileId> = details.iter().flat_map(|d| d.configuration.iter().copied()).collect();
        let sources: BTreeSet<FileId> = details.iter().flat_map(|d| d.sources.iter().copied()).collect();
        let mut unreadable = BTreeMap::new();
        for (file, read) in self.files.iter().zip(&self.index.reads) {
            let skipped = |document, code, text: &str| Skipped { file: file.id, document, code, text: text.to_owned() };
            let documents = match &*read.verdict {
                Verdict::Broken(error) => {
                    unreadable.insert(file.id, format!("{} is not YAML", file.path));
                    self.broken.push(Broken { file: file.id, error: error.clone() });
                    continue;
                }
                Verdict::Skip(code, text) => {
                    if matches!(*code, "helm-template" | "template" | "sops") {
                        unreadable.insert(file.id, format!("{} cannot be read: {text}", file.path));
                    }
                    self.skipped.push(skipped(None, code, text));
                    continue;
                }
                Verdict::Documents(documents) => documents,
            };
            let used_as = if listed.contains(&file.id) {
                None
            } else if configuration.contains(&file.id) {
                Some(("patch", "a kustomization uses it as a patch or as configuration"))
            } else {
                sources.contains(&file.id).then_some(("generator-source", "a kustomization generates a ConfigMap or Secret from it"))
            };
            if let Some((code, text)) = used_as {
                self.skipped.push(skipped(None, code, text));
                continue;
            }
            let reasons: Vec<Option<(&str, &str)>> = documents
                .iter()
                .filter(|d| !matches!(d, Document::Empty))
                .map(|d| if let Document::Skip(code, text) = d { Some((*code, *text)) } else { None })
                .collect();
            let whole = reasons.first().copied().flatten().filter(|first| reasons.iter().all(|r| *r == Some(*first)));
            if let Some((code, text)) = whole {
                self.skipped.push(skipped(None, code, text));
            }
            for (number, document) in documents.iter().enumerate() {
                match document {
                    Document::Empty | Document::Kustomization(_) => {}
                    Document::Skip(code, text) => {
                        if *code == "template" {
                            unreadable.insert(file.id, format!("{} is a template", file.path));
                        }
                        if whole.is_none() {
                            self.skipped.push(skipped(Some(number), code, text));
                        }
                    }
                    Document::Resources(found) => {
                        for found in found {
                            self.resources.push(Resource {
                                id: ResourceId(u32::try_from(self.resources.len()).unwrap_or(u32::MAX)),
                                file: file.id,
                                document: number,
                                item: found.item,
                                node: found.node,
                                api_version: found.api_version.clone(),
                                kind: found.kind.clone(),
                                namespace: found.namespace.clone(),
                                name: found.name.clone(),
                            });
                        }
                    }
                }
            }
        }
        self.index_sets(&unreadable);
    }

    fn index_sets(&mut self, unreadable: &BTreeMap<FileId, String>) {
        let parts = Parts {
            files: &self.files,
            resources: &self.resources,
            unreadable,
            kustomizations: &self.kustomizations,
            details: &self.index.details,
        };
        let (built, applied) = apply_set::build(&parts, &self.options);
        self.index.overlays = overlay::of(&parts, &applied);
        self.index.sets_of = vec![Vec::new(); self.resources.len()];
        for apply_set::Built { set, reach, gone } in built {
            let mut index = SetIndex { reach, ..SetIndex::default() };
            for member in gone {
                let sets = self.index.gone_from.entry(member.resource).or_default();
                if sets.last() != Some(&set.id) {
                    sets.push(set.id);
                }
                index.gone.entry(member.resource).or_default().push(member);
            }
            for (position, generated) in set.generated.iter().enumerate() {
                let Some(generator) = self.generator(generated) else { continue };
                index.generators.entry((generator.to, generator.name.clone())).or_default().push(position);
                index.generators_by_name.entry((generator.to, generated.name.clone())).or_default().push(position);
            }
            for (position, member) in set.members.iter().enumerate() {
                index.positions.entry(member.resource).or_default().push(position);
                if let Some(sets) = self.index.sets_of.get_mut(member.resource.0 as usize)
                    && sets.last() != Some(&set.id)
                {
                    sets.push(set.id);
                }
                let Some(resource) = self.resources.get(member.resource.0 as usize) else { continue };
                if let Some(target) = resource.target().filter(|_| !resource.name.is_empty()) {
                    index.by_source_name.entry((target, resource.name.clone())).or_default().push(position);
                    index.by_name.entry((target, member.name.clone())).or_default().push(position);
                }
            }
            self.sets.push(set);
            self.index.sets.push(index);
        }
    }

    /// The workspace after changes.
    pub(super) fn rebuild(&self, texts: &BTreeMap<FileId, Arc<str>>, created: &[Input], deleted: &[FileId]) -> Self {
        let mut known = BTreeMap::new();
        let deleted: BTreeSet<FileId> = deleted.iter().copied().collect();
        let new: BTreeSet<&str> = created.iter().map(|c| c.path.as_str()).collect();
        let mut inputs: Vec<Input> = created.to_vec();
        for (file, read) in self.files.iter().zip(&self.index.reads) {
            if deleted.contains(&file.id) || new.contains(file.path.as_str()) {
                continue;
            }
            let text = texts.get(&file.id).unwrap_or(&file.text);
            // What a chart once covered may not be covered any more: only what was parsed is known.
            if *text == file.text && read.yaml.is_some() {
                known.insert(file.path.clone(), read.clone());
            }
            inputs.push(Input { path: file.path.clone(), text: Arc::clone(text), editable: file.editable });
        }
        Self::build(inputs, &known, self.options.clone())
    }

    /// What only the graph needs of a kustomization.
    pub(super) fn details(&self, file: FileId) -> Option<&Details> {
        let at = self.index.details.binary_search_by_key(&file, |d| d.file).ok()?;
        self.index.details.get(at)
    }

    /// `replacements` of a kustomization, inline or in files, each with the file that holds it.
    pub(super) fn replacements<'a>(&'a self, kustomization: &Kustomization, node: Node<'a>) -> Vec<(FileId, Node<'a>)> {
        let mut found = Vec::new();
        for item in node.get("replacements").into_iter().flat_map(Node::items) {
            let Some(path) = item.get("path").and_then(Node::text) else {
                found.push((kustomization.file, item));
                continue;
            };
            let file = join(&kustomization.directory, path).and_then(|p| self.file_at(&p));
            let Some((file, yaml)) = file.and_then(|f| Some((f.id, f.yaml.as_deref()?))) else { continue };
            for root in (0..yaml.documents().len()).filter_map(|i| yaml.root(i)) {
                let list = root.get("replacements").unwrap_or(root);
                found.extend(if list.is_sequence() { list.items().collect() } else { vec![list] }.into_iter().map(|n| (file, n)));
            }
        }
        found
    }

    /// The index of one apply set.
    pub(super) fn set_index(&self, id: SetId) -> Option<&SetIndex> {
        self.index.sets.get(id.0 as usize)
    }
}

impl SetIndex {
    /// Positions in `members` of the definitions of a source name.
    pub(super) fn definitions(&self, to: Target, name: &str) -> &[usize] {
        self.by_source_name.get(&(to, name.to_owned())).map_or(&[], Vec::as_slice)
    }
}

/// Which of the sets a resource belongs to is looked up, never searched.
pub(super) fn sets_of(workspace: &Workspace, id: ResourceId) -> Vec<SetId> {
    workspace.index.sets_of.get(id.0 as usize).cloned().unwrap_or_default()
}

/// As [`sets_of`], with those that a resource went into and was deleted from: what is said of it there must keep its name.
pub(super) fn sets_met(workspace: &Workspace, id: ResourceId) -> Vec<SetId> {
    let mut sets = sets_of(workspace, id);
    sets.extend(workspace.index.gone_from.get(&id).into_iter().flatten().copied());
    sets
}

/// The apply set of a number, if it is one of this pass.
pub(super) fn set(workspace: &Workspace, id: SetId) -> Option<&ApplySet> {
    workspace.sets.get(id.0 as usize)
}

/// Which resources refer to which names.
pub(super) fn references(workspace: &Workspace) -> References {
    let names: Vec<(ResourceId, BTreeSet<(Target, String)>)> = workspace
        .resources
        .par_iter()
        .map(|resource| {
            let in_pods = workspace.pod_templates(resource.id);
            let in_pods = in_pods.iter().flat_map(super::PodTemplate::references).map(|r| (r.to, r.name.to_owned()));
            let in_fields = workspace.field_references(resource.id).into_iter().map(|r| (r.to, r.name.to_owned()));
            (resource.id, in_pods.chain(in_fields).collect())
        })
        .collect();
    let mut all = References::new();
    for (id, names) in names {
        for name in names {
            all.entry(name).or_default().push(id);
        }
    }
    all
}
