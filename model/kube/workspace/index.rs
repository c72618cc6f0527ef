//! Putting all files together: resources, kustomizations, apply sets, and the maps that make
//! questions cheap.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use rayon::prelude::*;

use super::{Broken, Input, Options, Skipped, SourceFile, Workspace};
use crate::kube::apply_set::generator_failure::Failure;
use crate::kube::apply_set::{self, Parts};
use crate::kube::change::content;
use crate::kube::gitops::settings::{self, Overlay};
use crate::kube::kustomize::kustomization::{self, Details, join};
use crate::kube::object::apply_set::{ApplySet, Member, SetId};
use crate::kube::object::kustomization::{Kustomization, OutsideUse, Touch};
use crate::kube::object::reference::Target;
use crate::kube::object::resource::{FileId, Resource, ResourceId};
use crate::kube::source::read::{Charts, Document, Read, Verdict, read};
use crate::yaml::Node;

/// Answers prepared for each apply set.
#[derive(Debug, Clone, Default)]
pub(in crate::kube) struct SetIndex {
    /// Positions in `members` of the ConfigMaps and Secrets, in order of kind and the name they
    /// have in their source.
    by_source_name: Vec<(Target, usize)>,
    /// The same in order of the name they have in the cluster.
    by_name: Vec<(Target, usize)>,
    /// Resources and their positions in `members`, in this order.
    positions: Vec<(ResourceId, usize)>,
    /// Positions in `generated`, by the name that the generators state.
    pub generators: BTreeMap<(Target, String), Vec<usize>>,
    /// The same by the name they have in the cluster, without the hash.
    pub generators_by_name: BTreeMap<(Target, String), Vec<usize>>,
    /// Kustomizations that the set is gathered through.
    pub reach: BTreeSet<FileId>,
    /// What went in and was deleted on the way.
    pub gone: BTreeMap<ResourceId, Vec<Member>>,
    /// Generators with which the build fails.
    pub failures: Vec<Failure>,
}

/// What the workspace keeps beside what it shows.
#[derive(Debug, Clone, Default)]
pub(in crate::kube) struct Index {
    /// Parallel to the files.
    pub reads: Vec<Read>,
    /// Parallel to the kustomizations.
    pub details: Vec<Details>,
    /// Parallel to the sets.
    pub sets: Arc<Vec<SetIndex>>,
    /// Resources and the sets they are part of, in this order.
    memberships: Arc<Vec<(ResourceId, SetId)>>,
    /// The sets that each resource went into, and was deleted on the way.
    pub gone_from: Arc<BTreeMap<ResourceId, Vec<SetId>>>,
    /// What Argo CD and Flux change in what they apply.
    pub overlays: Vec<Overlay>,
    /// ConfigMaps and Secrets in order of kind and name; made when it is first asked for.
    pub definitions: Arc<OnceLock<Vec<(Target, ResourceId)>>>,
    /// Directories that another tool fills, and the file that says so; made when it is first asked
    /// for.
    pub synced: Arc<OnceLock<Vec<(String, String)>>>,
    /// Which resources refer to a name; made when it is first asked for.
    pub references: Arc<OnceLock<References>>,
    /// What was asked before about the ways of resources through kustomizations, of which there may
    /// be hundreds.
    pub asked: Arc<Asked>,
}

/// Answers by resource.
#[derive(Debug, Default)]
pub(in crate::kube) struct Asked {
    touches: Mutex<BTreeMap<ResourceId, Arc<[Touch]>>>,
    content: Mutex<BTreeMap<ResourceId, Option<&'static str>>>,
    uses: Mutex<BTreeMap<Named, Arc<[OutsideUse]>>>,
}

/// A name in sets.
type Named = (Vec<SetId>, Target, String);

/// The answer for a resource, from `known` or from `ask`.
fn remembered<K: Ord, T: Clone>(
    known: &Mutex<BTreeMap<K, T>>,
    id: K,
    ask: impl FnOnce() -> T,
) -> T {
    let lock = || known.lock().unwrap_or_else(PoisonError::into_inner);
    let found = lock().get(&id).cloned();
    found.unwrap_or_else(|| {
        let answer = ask();
        lock().insert(id, answer.clone());
        answer
    })
}

impl Asked {
    pub(in crate::kube) fn touches(
        &self,
        id: ResourceId,
        ask: impl FnOnce() -> Vec<Touch>,
    ) -> Arc<[Touch]> {
        remembered(&self.touches, id, || ask().into())
    }

    pub(in crate::kube) fn uses(
        &self,
        name: Named,
        ask: impl FnOnce() -> Vec<OutsideUse>,
    ) -> Arc<[OutsideUse]> {
        remembered(&self.uses, name, || ask().into())
    }

    pub(in crate::kube) fn content(
        &self,
        id: ResourceId,
        ask: impl FnOnce() -> Option<&'static str>,
    ) -> Option<&'static str> {
        remembered(&self.content, id, ask)
    }
}

/// Resources that refer to a name.
pub(in crate::kube) type References = BTreeMap<(Target, String), Vec<ResourceId>>;

impl Workspace {
    /// Reads all inputs, taking from `known` what was read before.
    pub(in crate::kube) fn build(
        mut inputs: Vec<Input>,
        known: &BTreeMap<String, Read>,
        options: Options,
    ) -> Self {
        inputs.sort_by(|a, b| a.path.cmp(&b.path));
        inputs.dedup_by(|later, earlier| later.path == earlier.path);
        let charts = Charts::of(inputs.iter().map(|i| i.path.as_str()));
        let reads: Vec<Read> = inputs
            .par_iter()
            .map(|input| match known.get(&input.path) {
                Some(before) if charts.skip(&input.path).is_none() => before.clone(),
                _ => read(input, &charts, options.stream),
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
        let mut workspace = Self {
            files: files.collect(),
            options,
            ..Self::default()
        };
        workspace.index.reads = reads;
        workspace.index_all();
        workspace
    }

    fn index_all(&mut self) {
        if self.options.stream {
            self.kustomizations = Vec::new();
        } else {
            (self.kustomizations, self.index.details) =
                kustomization::read_all(&self.files, &self.index.reads);
        }
        let listed: BTreeSet<FileId> = self
            .kustomizations
            .iter()
            .flat_map(|k| k.resources.iter().copied())
            .collect();
        let details = &self.index.details;
        let configuration: BTreeSet<FileId> = details
            .iter()
            .flat_map(|d| d.configuration.iter().copied())
            .collect();
        let sources: BTreeSet<FileId> = details
            .iter()
            .flat_map(|d| d.sources.iter().copied())
            .collect();
        let mut unreadable = BTreeMap::new();
        for (file, read) in self.files.iter().zip(&self.index.reads) {
            let skipped = |document, code, text: &str| Skipped {
                file: file.id,
                document,
                code,
                text: text.to_owned(),
            };
            let documents = match &*read.verdict {
                Verdict::Broken(error) => {
                    unreadable.insert(file.id, format!("{} is not YAML", file.path));
                    self.broken.push(Broken {
                        file: file.id,
                        document: None,
                        error: error.clone(),
                    });
                    continue;
                }
                Verdict::Skip(code, text) => {
                    if matches!(*code, "helm-template" | "template" | "sops") {
                        unreadable.insert(file.id, content::unreadable(&file.path, text));
                    }
                    self.skipped.push(skipped(None, code, text));
                    continue;
                }
                Verdict::Documents(documents) => documents,
            };
            let used_as = if listed.contains(&file.id) {
                None
            } else if configuration.contains(&file.id) {
                Some((
                    "patch",
                    "a kustomization uses it as a patch or as configuration",
                ))
            } else {
                sources.contains(&file.id).then_some((
                    "generator-source",
                    "a kustomization generates a ConfigMap or Secret from it",
                ))
            };
            if let Some((code, text)) = used_as {
                self.skipped.push(skipped(None, code, text));
                continue;
            }
            let reasons: Vec<Option<(&str, &str)>> = documents
                .iter()
                .filter(|d| !matches!(d, Document::Empty))
                .map(|d| {
                    if let Document::Skip(code, text) = d {
                        Some((*code, *text))
                    } else {
                        None
                    }
                })
                .collect();
            let whole = reasons
                .first()
                .copied()
                .flatten()
                .filter(|first| reasons.iter().all(|r| *r == Some(*first)));
            if let Some((code, text)) = whole {
                self.skipped.push(skipped(None, code, text));
            }
            for (number, document) in documents.iter().enumerate() {
                match document {
                    Document::Empty | Document::Kustomization(_) => {}
                    Document::Skip(code, text) => {
                        if matches!(*code, "template" | "helm-template") {
                            unreadable.insert(file.id, format!("{} is a template", file.path));
                        }
                        if *code == "sops" {
                            unreadable.insert(
                                file.id,
                                content::unreadable(&format!("a document of {}", file.path), text),
                            );
                        }
                        if whole.is_none() {
                            self.skipped.push(skipped(Some(number), code, text));
                        }
                    }
                    Document::Broken(error) => {
                        unreadable
                            .insert(file.id, format!("a document of {} is not YAML", file.path));
                        self.broken.push(Broken {
                            file: file.id,
                            document: Some(number),
                            error: error.clone(),
                        });
                    }
                    Document::Resources(found) => {
                        for identity in found {
                            let id =
                                ResourceId(u32::try_from(self.resources.len()).unwrap_or(u32::MAX));
                            self.resources.push(Resource {
                                id,
                                file: file.id,
                                identity: Arc::clone(identity),
                            });
                        }
                    }
                }
            }
        }
        self.index_sets(&unreadable);
    }

    fn index_sets(&mut self, unreadable: &BTreeMap<FileId, String>) {
        let encrypted = self.encrypted();
        let parts = Parts {
            encrypted: &encrypted,
            files: &self.files,
            resources: &self.resources,
            unreadable,
            kustomizations: &self.kustomizations,
            details: &self.index.details,
        };
        let (built, applied) = apply_set::build(&parts, &self.options);
        self.index.overlays = settings::of(&parts, &applied);
        let (mut sets, mut indices) = (
            Vec::with_capacity(built.len()),
            Vec::with_capacity(built.len()),
        );
        let (mut memberships, mut gone_from) =
            (Vec::new(), BTreeMap::<ResourceId, Vec<SetId>>::new());
        for apply_set::Built {
            set,
            reach,
            gone,
            failures,
        } in built
        {
            let mut index = SetIndex {
                reach,
                failures,
                ..SetIndex::default()
            };
            for member in gone {
                let sets = gone_from.entry(member.resource).or_default();
                if sets.last() != Some(&set.id) {
                    sets.push(set.id);
                }
                index.gone.entry(member.resource).or_default().push(member);
            }
            for (position, generated) in set.generated.iter().enumerate() {
                let Some(generator) = self.generator(generated) else {
                    continue;
                };
                index
                    .generators
                    .entry((generator.to, generator.name.clone()))
                    .or_default()
                    .push(position);
                index
                    .generators_by_name
                    .entry((generator.to, generated.name.clone()))
                    .or_default()
                    .push(position);
            }
            index.positions = set
                .members
                .iter()
                .enumerate()
                .map(|(position, member)| (member.resource, position))
                .collect();
            index.positions.sort_unstable();
            memberships.extend(set.members.iter().map(|member| (member.resource, set.id)));
            let named = |(position, member): (usize, &Member)| {
                let resource = self.resources.get(member.resource.0 as usize)?;
                Some((
                    resource.target().filter(|_| !resource.name.is_empty())?,
                    position,
                ))
            };
            index.by_source_name = set.members.iter().enumerate().filter_map(named).collect();
            index.by_name.clone_from(&index.by_source_name);
            index.by_source_name.sort_by(|a, b| {
                (a.0, source_name(&self.resources, &set, a.1))
                    .cmp(&(b.0, source_name(&self.resources, &set, b.1)))
            });
            index
                .by_name
                .sort_by(|a, b| (a.0, name_in(&set, a.1)).cmp(&(b.0, name_in(&set, b.1))));
            sets.push(set);
            indices.push(index);
        }
        memberships.sort_unstable();
        memberships.dedup();
        self.sets = Arc::new(sets);
        self.index.sets = Arc::new(indices);
        self.index.memberships = Arc::new(memberships);
        self.index.gone_from = Arc::new(gone_from);
    }

    /// The workspace after changes.
    pub(in crate::kube) fn rebuild(
        &self,
        texts: &BTreeMap<FileId, Arc<str>>,
        created: &[Input],
        deleted: &[FileId],
    ) -> Self {
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
            inputs.push(Input {
                path: file.path.clone(),
                text: Arc::clone(text),
                editable: file.editable,
            });
        }
        Self::build(inputs, &known, self.options.clone())
    }

    /// The workspace with new texts of files that hold nothing but resources of built-in kinds, and
    /// the same ones as before; `None` where that is not so, or something else is read from the
    /// file.
    pub(in crate::kube) fn reread(&self, texts: &BTreeMap<FileId, Arc<str>>) -> Option<Self> {
        let mut next = self.clone();
        next.index.asked = Arc::default();
        let reads: Vec<Option<Read>> = (texts.par_iter())
            .map(|(id, text)| {
                let file = self.files.get(id.0 as usize)?;
                let input = Input {
                    path: file.path.clone(),
                    text: Arc::clone(text),
                    editable: file.editable,
                };
                // A file of a chart has no tree, and is not edited.
                Some(read(&input, &Charts::default(), self.options.stream))
                    .filter(|_| file.yaml.is_some())
            })
            .collect();
        let used: BTreeSet<FileId> = self
            .index
            .details
            .iter()
            .flat_map(|d| d.configuration.iter().chain(&d.sources))
            .copied()
            .collect();
        for ((id, text), read) in texts.iter().zip(reads) {
            let (at, read) = (id.0 as usize, read?);
            let (before, after) = (
                self.index.reads.get(at)?.verdict.resources()?,
                read.verdict.resources()?,
            );
            let start = self
                .resources
                .partition_point(|resource| resource.file < *id);
            let resources = next.resources.get_mut(start..start + before.len())?;
            if used.contains(id)
                || before.len() != after.len()
                || resources.iter().any(|resource| resource.file != *id)
            {
                return None;
            }
            for ((resource, before), after) in resources.iter_mut().zip(before).zip(after) {
                if !after.is_still(before)
                    || after.group().contains('.') && !after.group().ends_with(".k8s.io")
                {
                    return None;
                }
                resource.identity = Arc::clone(after);
            }
            let file = next.files.get_mut(at)?;
            (file.text, file.yaml, file.lines) =
                (Arc::clone(text), read.yaml.clone(), Arc::default());
            *next.index.reads.get_mut(at)? = read;
        }
        Some(next)
    }

    /// What only the graph needs of a kustomization.
    pub(in crate::kube) fn details(&self, file: FileId) -> Option<&Details> {
        let at = self
            .index
            .details
            .binary_search_by_key(&file, |d| d.file)
            .ok()?;
        self.index.details.get(at)
    }

    /// `replacements` of a kustomization, inline or in files, each with the file that holds it.
    pub(in crate::kube) fn replacements<'a>(
        &'a self,
        kustomization: &Kustomization,
        node: Node<'a>,
    ) -> Vec<(FileId, Node<'a>)> {
        let mut found = Vec::new();
        for item in node.get("replacements").into_iter().flat_map(Node::items) {
            let Some(path) = item.get("path").and_then(Node::text) else {
                found.push((kustomization.file, item));
                continue;
            };
            let file = join(&kustomization.directory, path).and_then(|p| self.file_at(&p));
            let Some((file, yaml)) = file.and_then(|f| Some((f.id, f.yaml.as_deref()?))) else {
                continue;
            };
            for root in (0..yaml.documents().len()).filter_map(|i| yaml.root(i)) {
                let list = root.get("replacements").unwrap_or(root);
                found.extend(
                    if list.is_sequence() {
                        list.items().collect()
                    } else {
                        vec![list]
                    }
                    .into_iter()
                    .map(|n| (file, n)),
                );
            }
        }
        found
    }

    /// The index of one apply set.
    pub(in crate::kube) fn set_index(&self, id: SetId) -> Option<&SetIndex> {
        self.index.sets.get(id.0 as usize)
    }
}

impl SetIndex {
    /// Definitions of a source name among the members of `set`, which this index is of.
    pub(in crate::kube) fn definitions<'a>(
        &self,
        workspace: &Workspace,
        set: &'a ApplySet,
        to: Target,
        name: &str,
    ) -> Vec<&'a Member> {
        members(
            set,
            run_of(&self.by_source_name, |(target, at)| {
                (*target, source_name(&workspace.resources, set, *at)).cmp(&(to, name))
            }),
        )
    }

    /// The same by the name that they have in the cluster.
    pub(in crate::kube) fn named<'a>(
        &self,
        set: &'a ApplySet,
        to: Target,
        name: &str,
    ) -> Vec<&'a Member> {
        members(
            set,
            run_of(&self.by_name, |(target, at)| {
                (*target, name_in(set, *at)).cmp(&(to, name))
            }),
        )
    }

    /// Positions in `members` of a resource, ascending.
    pub(in crate::kube) fn positions(&self, id: ResourceId) -> impl Iterator<Item = usize> {
        run_of(&self.positions, |(resource, _)| resource.cmp(&id))
            .iter()
            .map(|(_, position)| *position)
    }
}

/// The part of a sorted list that compares as equal.
fn run_of<T>(list: &[T], compare: impl Fn(&T) -> Ordering) -> &[T] {
    let start = list.partition_point(|item| compare(item).is_lt());
    let rest = list.get(start..).unwrap_or_default();
    rest.get(..rest.partition_point(|item| compare(item).is_eq()))
        .unwrap_or_default()
}

fn members<'a>(set: &'a ApplySet, found: &[(Target, usize)]) -> Vec<&'a Member> {
    found
        .iter()
        .filter_map(|(_, position)| set.members.get(*position))
        .collect()
}

fn name_in(set: &ApplySet, position: usize) -> &str {
    set.members.get(position).map_or("", |member| &member.name)
}

fn source_name<'a>(resources: &'a [Resource], set: &ApplySet, position: usize) -> &'a str {
    let resource = set
        .members
        .get(position)
        .and_then(|member| resources.get(member.resource.0 as usize));
    resource.map_or("", |resource| &resource.name)
}

/// Which of the sets a resource belongs to is looked up, never searched.
pub(in crate::kube) fn sets_of(
    workspace: &Workspace,
    id: ResourceId,
) -> impl Iterator<Item = SetId> {
    run_of(&workspace.index.memberships, |(resource, _)| {
        resource.cmp(&id)
    })
    .iter()
    .map(|(_, set)| *set)
}

/// As [`sets_of`], with those that a resource went into and was deleted from: what is said of it
/// there must keep its name.
pub(in crate::kube) fn sets_met(workspace: &Workspace, id: ResourceId) -> Vec<SetId> {
    let mut sets: Vec<SetId> = sets_of(workspace, id).collect();
    sets.extend(
        workspace
            .index
            .gone_from
            .get(&id)
            .into_iter()
            .flatten()
            .copied(),
    );
    sets
}

/// The apply set of a number, if it is one of this pass.
pub(in crate::kube) fn set(workspace: &Workspace, id: SetId) -> Option<&ApplySet> {
    workspace.sets.get(id.0 as usize)
}

/// The ConfigMaps or Secrets of a name.
pub(in crate::kube) fn definitions<'a>(
    workspace: &'a Workspace,
    to: Target,
    name: &str,
) -> &'a [(Target, ResourceId)] {
    let name_of = |id: ResourceId| {
        workspace
            .resources
            .get(id.0 as usize)
            .map_or("", |resource| &resource.name)
    };
    let all = workspace.index.definitions.get_or_init(|| {
        let mut all: Vec<_> = workspace
            .resources
            .iter()
            .filter_map(|resource| Some((resource.target()?, resource.id)))
            .collect();
        all.sort_by(|a, b| (a.0, name_of(a.1)).cmp(&(b.0, name_of(b.1))));
        all
    });
    run_of(all, |(target, id)| (*target, name_of(*id)).cmp(&(to, name)))
}

/// Which resources refer to which names.
pub(in crate::kube) fn references(workspace: &Workspace) -> References {
    let names: Vec<(ResourceId, BTreeSet<(Target, String)>)> = workspace
        .resources
        .par_iter()
        .map(|resource| {
            let in_pods = workspace.pod_templates(resource.id);
            let in_pods = in_pods
                .iter()
                .flat_map(crate::kube::PodTemplate::references)
                .map(|r| (r.to, r.name.to_owned()));
            let in_fields = workspace
                .field_references(resource.id)
                .into_iter()
                .map(|r| (r.to, r.name.to_owned()));
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
