//! What a pod template reads: its sources, what they stand for in the apply sets, and the keys that
//! reach the pod.
//!
//! `sources` gathers the references of the template, one source a ConfigMap or Secret, in the
//! order of first reference. [`read`] looks every source up in every apply set that the workload is
//! part of. A reading is given only when it is the same wherever the workload is applied and
//! nothing changes the content on the way; else the reason is given.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use kubewright_model::finding::{Location, NoFix};
use kubewright_model::kube::{
    Build, Evidence, Resolution, Resource, ResourceId, SetId, Target, Unknown, Workspace,
};
use kubewright_model::text;
use kubewright_model::text::{Field, Named, Text};
use kubewright_model::yaml::Node;

use super::absent::{absent, defined_elsewhere, nothing_read};
use super::canon::Section;
use super::codes::Code;
use super::consumed::{ConsumedConfig, Extent};
use super::content::{self, Content, Unfilled};
use super::name_hash;

/// What is known of everything that a pod template reads.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Reading {
    /// What enters the hash.
    pub sections: Vec<Section>,
    /// What defines them.
    pub behind: Vec<Behind>,
    /// Their kinds and names, in order of first reference.
    pub names: Vec<(Target, String)>,
    /// Sources that the workspace does not have: left out of the hash.
    pub elsewhere: Vec<(Target, String)>,
    /// Sources whose name changes with their content: left out of the hash, since their readers
    /// follow the name.
    pub by_name: Vec<(Target, String)>,
    /// All resources behind it are `immutable: true`.
    pub immutable: bool,
    /// A source says that its reader reloads it.
    pub reloads: bool,
    /// The library that reads it reads each of its files again when it changes.
    pub watched: bool,
    /// kubectl sends the workload before one of the resources behind it.
    pub early: Vec<(Target, String)>,
    /// Resources behind it that another Application or Kustomization applies, and which.
    pub apart: Vec<((Target, String), String)>,
}

/// What defines a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Behind {
    Resource(ResourceId),
    /// The name in a generator.
    Generator(Location),
}

impl Reading {
    fn add(
        &mut self,
        source: &ConsumedConfig<'_>,
        content: &Content,
        behind: Behind,
    ) -> Result<(), NoFix> {
        let display = source.display();
        if let Some(why) = &content.elsewhere {
            return Err(NoFix::new(
                Code::FilledInCluster,
                format!("{display} is filled in the cluster: {why}"),
            ));
        }
        self.sections.push(Section {
            to: source.to,
            keys: Some(keys_read(source, content, &display)?),
        });
        self.reloads |= content.reloads && source.volume;
        let mut values = content.values.values();
        self.watched &= source.only_volumes && values.all(|value| value.watched);
        self.immutable &= content.immutable;
        self.behind.push(behind);
        self.names.push(source.label());
        Ok(())
    }
}

/// What the sources hold, in every apply set that the workload is part of.
pub(super) fn read(
    workspace: &Workspace,
    workload: &Resource,
    sources: &[ConsumedConfig<'_>],
) -> Result<Reading, NoFix> {
    read_by(
        workspace,
        (workload, None),
        &workspace.sets_of(workload.id),
        sources,
    )
}

/// The same in these sets, by pods that may run in another namespace than that of the resource that
/// has them made.
pub(super) fn read_by(
    workspace: &Workspace,
    (workload, namespace): (&Resource, Option<&str>),
    sets: &[SetId],
    sources: &[ConsumedConfig<'_>],
) -> Result<Reading, NoFix> {
    named(sources)?;
    let contents = Contents {
        workspace,
        behind_patches: None,
        namespace,
        known: RefCell::default(),
    };
    let readings: Vec<_> = (sets.iter())
        .map(|set| read_in(&contents, *set, workload, sources))
        .collect();
    let Some(first) = readings.first() else {
        return Err(NoFix::new(
            Code::NoApplySet,
            "only a base or a component lists it, and what builds that is not in sight: say in \
             [[apply-sets]] what is applied",
        ));
    };
    let sections =
        |reading: &Result<Reading, NoFix>| reading.as_ref().ok().map(|r| r.sections.clone());
    if readings
        .iter()
        .any(|reading| sections(reading) != sections(first))
    {
        return Err(NoFix::new(
            Code::DiffersBetweenOverlays,
            text![
                "it is applied with different content from several places; hash what each of them \
                 renders (`",
                Text::command("kubewright fix -"),
                "` reads a stream)"
            ],
        ));
    }
    first.clone()
}

/// What the sources hold in one apply set, behind the patches on the way into it.
pub(super) fn read_built(
    workspace: &Workspace,
    set: SetId,
    workload: &Resource,
    sources: &[ConsumedConfig<'_>],
) -> Result<Reading, NoFix> {
    named(sources)?;
    let contents = Contents {
        workspace,
        behind_patches: Some(set),
        namespace: None,
        known: RefCell::default(),
    };
    read_in(&contents, set, workload, sources)
}

/// No name is still to be filled in.
fn named(sources: &[ConsumedConfig<'_>]) -> Result<(), NoFix> {
    let marked =
        |s: &&ConsumedConfig<'_>| ["{{", "${", "$("].iter().any(|mark| s.name.contains(mark));
    match sources.iter().find(marked) {
        None => Ok(()),
        Some(source) => Err(NoFix::new(
            Code::Placeholder,
            format!("the name {} is filled in by another tool", source.name),
        )),
    }
}

/// What generators make.
struct Made {
    content: Content,
    location: Location,
}

/// What ConfigMaps and Secrets hold; many sets have the same ones.
struct Contents<'w> {
    workspace: &'w Workspace,
    /// The set on whose way patches are carried out; elsewhere they are a reason.
    behind_patches: Option<SetId>,
    /// The namespace of the pods, where it is not that of what makes them.
    namespace: Option<&'w str>,
    known: RefCell<BTreeMap<ResourceId, Result<Rc<Content>, NoFix>>>,
}

impl Contents<'_> {
    /// What a definition holds, unless something changes it between its file and the cluster.
    fn of(&self, id: ResourceId, source: &ConsumedConfig<'_>) -> Result<Rc<Content>, NoFix> {
        let read = || {
            let content = if let Some(set) = self.behind_patches {
                patched(self.workspace, set, id, source)?
            } else {
                untouched(self.workspace, id, source)?;
                content::of(self.workspace, id)?
            };
            Ok(Rc::new(content))
        };
        self.known
            .borrow_mut()
            .entry(id)
            .or_insert_with(read)
            .clone()
    }

    /// What generators make of a name, or add to it.
    fn generated(
        &self,
        set: SetId,
        workload: &Resource,
        source: &ConsumedConfig<'_>,
    ) -> Result<Made, NoFix> {
        let display = source.display();
        let generated = match self.workspace.generated_content_in(
            set,
            workload.id,
            source.to,
            source.name,
            self.namespace,
        ) {
            Some(Ok(generated)) => generated,
            // A resource that asks for a name with a hash has no generator.
            None => {
                return Err(NoFix::new(
                    Code::GeneratedContent,
                    format!("a kustomization makes {display} from something else"),
                ));
            }
            Some(Err(Unknown::Unreadable(why))) => {
                return Err(NoFix::new(
                    Code::GeneratedContent,
                    format!("a kustomize generator makes {display}, and {why}"),
                ));
            }
            Some(Err(Unknown::Changed(what))) => {
                let text = format!(
                    "{what} of a kustomization changes {display}; hash the rendered manifests"
                );
                return Err(NoFix::new(Code::PatchedByKustomize, text));
            }
        };
        if generated.name != source.name
            && !is_followed(self.workspace, set, workload, source, false)
        {
            return Err(not_followed(&display));
        }
        let onto = match generated.onto {
            Some(id) => content::of(self.workspace, id)?,
            None => Content::default(),
        };
        Ok(Made {
            content: content::of_generated(&generated, onto),
            location: generated.location,
        })
    }
}

fn read_in(
    contents: &Contents<'_>,
    set: SetId,
    workload: &Resource,
    sources: &[ConsumedConfig<'_>],
) -> Result<Reading, NoFix> {
    let workspace = contents.workspace;
    let mut reading = Reading {
        immutable: true,
        watched: true,
        ..Reading::default()
    };
    for source in sources {
        let display = source.display();
        let (from, to, name) = (workload.id, source.to, source.name);
        let id = match workspace.resolve_in(set, from, to, name, contents.namespace) {
            Resolution::One(id) => id,
            Resolution::Several(ids) => match its_own(workspace, set, workload, &ids) {
                Some(id) => id,
                None => the_same(contents, &ids, source)?,
            },
            Resolution::Uncertain(ids) => the_only(workspace, set, workload, &ids, source)?,
            Resolution::Generated {
                hash_suffix: true, ..
            } if !is_followed(workspace, set, workload, source, true) => {
                return Err(not_followed(&display));
            }
            Resolution::Generated {
                hash_suffix: true, ..
            } => {
                reading.by_name.push(source.label());
                continue;
            }
            Resolution::Generated { .. } => {
                let generated = contents.generated(set, workload, source)?;
                reading.add(
                    source,
                    &generated.content,
                    Behind::Generator(generated.location),
                )?;
                continue;
            }
            Resolution::Missing if source.optional => {
                reading.sections.push(Section {
                    to: source.to,
                    keys: None,
                });
                if defined_elsewhere(workspace, workload, source).is_some() {
                    reading.elsewhere.push(source.label());
                }
                continue;
            }
            Resolution::Missing if defined_elsewhere(workspace, workload, source).is_some() => {
                return Err(NoFix::new(
                    Code::ConfigNotInSet,
                    absent(workspace, set, workload, &[source]),
                ));
            }
            Resolution::Missing => {
                reading.elsewhere.push(source.label());
                continue;
            }
        };
        let built = workspace
            .member(set, id)
            .map_or(source.name, |member| member.name.as_str());
        if built != source.name && !is_followed(workspace, set, workload, source, false) {
            return Err(not_followed(&display));
        }
        if name_hash::is_hashed(workspace, id) {
            reading.by_name.push(source.label());
            continue;
        }
        let content = contents.of(id, source)?;
        reading.add(source, &content, Behind::Resource(id))?;
        if first_in(workspace, set, workload.id, id) {
            reading.early.push(source.label());
        }
        if let Some(applier) = applied_apart(workspace, set, workload.id, id) {
            reading.apart.push((source.label(), applier));
        }
    }
    if !reading.behind.is_empty() {
        return Ok(reading);
    }
    Err(nothing_read(workspace, set, workload, sources, &reading))
}

/// Whether kustomize changes the reference along with the name: in the kinds that it knows, and
/// within one namespace of one build.
fn is_followed(
    workspace: &Workspace,
    set: SetId,
    workload: &Resource,
    source: &ConsumedConfig<'_>,
    hashed: bool,
) -> bool {
    let renamed = workspace.renamed(set, workload.id, source.to, source.name, hashed);
    workspace.follows_names(set, workload.id)
        && renamed.is_none_or(|renamed| renamed.together && renamed.meets())
}

/// The build changes the name, and not the reference to it: no pod will find what would be hashed.
fn not_followed(display: &Named) -> NoFix {
    let text = format!(
        "the kustomization gives {display} another name and leaves the reference to it as it is: \
         no pod finds it"
    );
    NoFix::new(Code::NameNotFollowed, text)
}

/// The keys that reach the pod, with their digests.
fn keys_read(
    source: &ConsumedConfig<'_>,
    content: &Content,
    display: &Named,
) -> Result<BTreeMap<String, Option<[u8; 32]>>, NoFix> {
    let mut keys: BTreeMap<String, Option<[u8; 32]>> = BTreeMap::new();
    for (key, value) in &content.values {
        let whole =
            source.extent == Extent::All || (source.extent == Extent::Data && !value.binary);
        if whole || source.keys.contains(key) {
            if value.unfilled == Some(Unfilled::Nothing) {
                let text = text![
                    Field(key),
                    " of ",
                    display,
                    " has no value: write \"\" if it is to be empty, or have it filled in first"
                ];
                return Err(NoFix::new(Code::NoValue, text));
            }
            if value.unfilled == Some(Unfilled::Placeholder) {
                let text = text![
                    "the value of ",
                    Field(key),
                    " in ",
                    display,
                    " is filled in by another tool; hash what that tool writes"
                ];
                return Err(NoFix::new(Code::Placeholder, text));
            }
            keys.insert(key.clone(), Some(value.digest));
        }
    }
    if let Some(key) = source.required.iter().find(|key| !keys.contains_key(*key)) {
        return Err(NoFix::new(
            Code::KeyAbsent,
            text![
                display,
                " has no key ",
                Field(key),
                ": the pod does not start until it has"
            ],
        ));
    }
    for key in &source.keys {
        keys.entry(key.clone()).or_insert(None);
    }
    Ok(keys)
}

/// The definition in the workload's own file, where nothing but a directory holds several together:
/// files of one directory that define the same name are alternatives, and each brings its own.
fn its_own(
    workspace: &Workspace,
    set: SetId,
    workload: &Resource,
    ids: &[ResourceId],
) -> Option<ResourceId> {
    if workspace.set(set).evidence != Evidence::Directory {
        return None;
    }
    let mut own = ids
        .iter()
        .filter(|id| workspace.resource(**id).file == workload.file);
    own.next().copied().filter(|_| own.next().is_none())
}

/// Several definitions are as good as one when they hold the same: the last one is what the cluster
/// has.
fn the_same(
    contents: &Contents<'_>,
    ids: &[ResourceId],
    source: &ConsumedConfig<'_>,
) -> Result<ResourceId, NoFix> {
    let ambiguous = || {
        NoFix::new(
            Code::AmbiguousConfig,
            text![
                source.display(),
                " is defined ",
                ids.len(),
                " times with different content, and nothing tells which one the pods read: `",
                Text::command("kubewright fix --select configmap-name-collision -v"),
                "` shows them"
            ],
        )
    };
    let last = *ids.last().ok_or_else(ambiguous)?;
    for id in ids {
        if contents.of(*id, source)?.values != contents.of(last, source)?.values {
            return Err(ambiguous());
        }
    }
    Ok(last)
}

/// The definition under a namespace that may or may not be the workload's: it is the workload's
/// when there is no other namespace in the set, or when one file holds both
/// (docs/kubernetes.md#namespace-defaults).
fn the_only(
    workspace: &Workspace,
    set: SetId,
    workload: &Resource,
    ids: &[ResourceId],
    source: &ConsumedConfig<'_>,
) -> Result<ResourceId, NoFix> {
    let one_namespace = || {
        let mut namespaces = workspace
            .set(set)
            .members
            .iter()
            .filter_map(|m| m.namespace.as_deref());
        namespaces
            .next()
            .is_none_or(|first| namespaces.all(|other| other == first))
    };
    match ids {
        [id] if workspace.resource(*id).file == workload.file || one_namespace() => Ok(*id),
        _ => Err(NoFix::new(
            Code::NamespaceUncertain,
            format!(
                "{} or the workload states no namespace, and several are in use: state \
                 metadata.namespace in both",
                source.display()
            ),
        )),
    }
}

/// Nothing changes the content between its file and the cluster.
fn untouched(
    workspace: &Workspace,
    id: ResourceId,
    source: &ConsumedConfig<'_>,
) -> Result<(), NoFix> {
    let Some(what) = workspace.content_touched(id) else {
        return Ok(());
    };
    Err(changed_by(what, source))
}

fn changed_by(what: &str, source: &ConsumedConfig<'_>) -> NoFix {
    let text = format!(
        "{what} of a kustomization changes {}; hash the rendered manifests",
        source.display()
    );
    NoFix::new(Code::PatchedByKustomize, text)
}

/// What a definition holds behind the patches on the way into a set.
fn patched(
    workspace: &Workspace,
    set: SetId,
    id: ResourceId,
    source: &ConsumedConfig<'_>,
) -> Result<Content, NoFix> {
    let data = ["data", "binaryData", "stringData", "immutable"];
    if let Some(touch) = workspace.changed_besides_patches(set, id, &data) {
        return Err(changed_by(touch.what.name(), source));
    }
    match workspace.built(set, id) {
        Build::Same => content::of(workspace, id),
        Build::Changed(built) => content::of_node(workspace, id, built.node()),
        Build::Unknown => Err(changed_by("a patch", source)),
    }
}

/// Whether kubectl sends the workload before the source. Kustomize, Flux and Argo CD send
/// ConfigMaps and Secrets first in any case.
fn first_in(workspace: &Workspace, set: SetId, workload: ResourceId, source: ResourceId) -> bool {
    let position = |id| workspace.positions(set, id).next();
    let evidence = workspace.set(set).evidence;
    !matches!(
        evidence,
        Evidence::Kustomization | Evidence::ArgoCd | Evidence::Flux
    ) && position(workload) < position(source)
}

/// Who has the source applied, where somebody else applies the workload, in an order that nothing
/// states. A Flux `Kustomization` waits for those that it depends on
/// (<https://fluxcd.io/flux/components/kustomize/kustomizations/#dependencies>).
fn applied_apart(
    workspace: &Workspace,
    set: SetId,
    workload: ResourceId,
    source: ResourceId,
) -> Option<String> {
    let applier = |id| {
        workspace
            .set(set)
            .applier_of(workspace.positions(set, id).next()?)
    };
    let (own, other) = (applier(workload)?, applier(source)?);
    if own == other {
        return None;
    }
    let mut waits_for = workspace
        .node(own.resource)?
        .path(&["spec", "dependsOn"])
        .into_iter()
        .flat_map(Node::items);
    if waits_for.any(|d| d.get("name").and_then(Node::text) == Some(&other.name)) {
        return None;
    }
    Some(format!(
        "{} {}",
        workspace
            .resource(other.resource)
            .kind
            .trim_end_matches("Set"),
        other.name
    ))
}
