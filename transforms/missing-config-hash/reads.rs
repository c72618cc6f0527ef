//! What a pod template reads: its sources, what they stand for in the apply sets, and the keys that
//! reach the pod.
//!
//! [`sources`] gathers the references of the template, one source a ConfigMap or Secret, in the
//! order of first reference. [`read`] looks every source up in every apply set that the workload is
//! part of. A reading is given only when it is the same wherever the workload is applied and
//! nothing changes the content on the way; else the reason is given.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use kubewright_model::finding::{Location, NoFix};
use kubewright_model::kube::{
    Evidence, Keys, PodTemplate, Reference, Resolution, Resource, ResourceId, SetId, Site, Target,
    Unknown, Workspace,
};
use kubewright_model::text;
use kubewright_model::text::{Path, Text};
use kubewright_model::yaml::Node;

use super::canon::Section;
use super::content::{self, Content, Unfilled};
use super::name_hash;
use crate::say;

/// How much of a source is read besides the keys that are named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Extent {
    Nothing,
    /// `envFrom`
    Data,
    /// A volume: `data` and `binaryData`.
    All,
}

/// A ConfigMap or Secret that a pod template reads, and what of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Source<'a> {
    /// What it is.
    pub to: Target,
    /// Its name, as it is referenced.
    pub name: &'a str,
    /// The pod starts without it.
    optional: bool,
    /// Keys that are named.
    keys: BTreeSet<String>,
    /// Those of them without which the pod does not start.
    required: BTreeSet<String>,
    /// What else is read.
    extent: Extent,
    /// Something of it is read through a volume.
    pub volume: bool,
    /// All of it is, and as whole directories: what is mounted through `subPath` never changes.
    pub only_volumes: bool,
}

impl Source<'_> {
    /// Whether that holds for each key that is read.
    fn reads_only(&self, content: &Content, holds: impl Fn(&content::Value) -> bool) -> bool {
        let mut read = content.values.iter().filter(|(key, value)| {
            self.extent == Extent::All
                || (self.extent == Extent::Data && !value.binary)
                || self.keys.contains(*key)
        });
        read.all(|(_, value)| holds(value))
    }

    /// `ConfigMap app-config`
    fn display(&self) -> String {
        format!("{} {}", self.to.kind(), self.name)
    }

    /// Its kind and name, for [`list`].
    pub(super) fn label(&self) -> (Target, String) {
        (self.to, self.name.to_owned())
    }
}

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
    fn add(&mut self, source: &Source<'_>, content: &Content, behind: Behind) -> Result<(), NoFix> {
        let display = source.display();
        if let Some(why) = &content.elsewhere {
            return Err(NoFix::new(
                "filled-in-cluster",
                format!("{display} is filled in the cluster: {why}"),
            ));
        }
        self.sections.push(Section {
            to: source.to,
            keys: Some(keys_read(source, content, &display)?),
        });
        self.reloads |= content.reloads && source.volume;
        self.watched &= source.only_volumes && source.reads_only(content, |value| value.watched);
        self.immutable &= content.immutable;
        self.behind.push(behind);
        self.names.push(source.label());
        Ok(())
    }
}

/// `ConfigMap a`, `ConfigMaps a and b`, `ConfigMaps a, b and c and Secret d`
pub(super) fn list(labels: &[(Target, String)]) -> Text {
    let kinds = [Target::ConfigMap, Target::Secret].map(|kind| {
        let of_kind = labels.iter().filter(|(to, _)| *to == kind);
        Text::list_of(kind.kind(), of_kind.map(|(_, name)| name))
    });
    Text::joined(kinds.into_iter().filter(|names| !names.is_empty()), " and ")
}

/// Where images look for what they take in once, while their data directory is empty: databases
/// (<https://github.com/docker-library/docs/blob/master/postgres/README.md#initialization-scripts>),
/// Oracle's (<https://github.com/gvenzl/oci-oracle-free#initialization-scripts>), `OpenLDAP`
/// (<https://github.com/osixia/docker-openldap#seed-ldap-database-with-ldif>,
/// <https://github.com/bitnami/containers/tree/main/bitnami/openldap#configuration>), the realms of
/// Keycloak (<https://www.keycloak.org/server/importExport#_importing_a_realm_during_startup>).
const FIRST_START: &[&str] = &[
    "/docker-entrypoint-initdb.d",
    "/docker-entrypoint-preinitdb.d",
    "/container-entrypoint-initdb.d",
    "/opt/oracle/scripts/setup",
    "/container/service/slapd/assets/config/bootstrap",
    "/ldifs",
    "/opt/keycloak/data/import",
];

/// What the template reads at every start, in the order of first reference.
pub(super) fn sources<'a>(template: &PodTemplate<'a>, secrets: bool) -> Vec<Source<'a>> {
    gather(
        template
            .references()
            .into_iter()
            .filter(|r| !at_first_start(template, r)),
        secrets,
    )
}

/// What it reads at the first start only.
pub(super) fn first_start<'a>(template: &PodTemplate<'a>, secrets: bool) -> Vec<Source<'a>> {
    gather(
        template
            .references()
            .into_iter()
            .filter(|r| at_first_start(template, r)),
        secrets,
    )
}

/// Whether a reference is a volume that is mounted for the scripts of a first start and nowhere
/// else.
fn at_first_start(template: &PodTemplate<'_>, reference: &Reference<'_>) -> bool {
    let (Site::Volume { volume, .. } | Site::Projected { volume, .. }) = reference.site else {
        return false;
    };
    let name = volume.get("name").and_then(Node::text);
    let containers = template.containers();
    let mounts = containers
        .iter()
        .filter_map(|c| c.node.get("volumeMounts"))
        .flat_map(Node::items);
    let paths = mounts
        .filter(|m| m.get("name").and_then(Node::text) == name)
        .map(|m| m.get("mountPath").and_then(Node::text));
    let below = |path: &str, first: &str| {
        path.strip_prefix(first)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let mut paths = paths
        .map(|path| path.is_some_and(|path| FIRST_START.iter().any(|first| below(path, first))));
    paths.next().is_some_and(|first| first && paths.all(|p| p))
}

fn gather<'a>(references: impl Iterator<Item = Reference<'a>>, secrets: bool) -> Vec<Source<'a>> {
    let mut sources: Vec<Source<'a>> = Vec::new();
    for reference in references {
        let unread = match &reference.demand.reads {
            Keys::None => true,
            Keys::Some(keys) => keys.is_empty(),
            Keys::AllData | Keys::All => reference.site == Site::Other,
        };
        if unread || reference.name.is_empty() || (reference.to == Target::Secret && !secrets) {
            continue;
        }
        let known = sources
            .iter()
            .position(|s| s.to == reference.to && s.name == reference.name)
            .unwrap_or_else(|| {
                sources.push(Source {
                    to: reference.to,
                    name: reference.name,
                    optional: true,
                    keys: BTreeSet::new(),
                    required: BTreeSet::new(),
                    extent: Extent::Nothing,
                    volume: false,
                    only_volumes: true,
                });
                sources.len() - 1
            });
        let Some(source) = sources.get_mut(known) else {
            continue;
        };
        source.optional &= reference.optional;
        let volume = matches!(reference.site, Site::Volume { .. } | Site::Projected { .. });
        source.volume |= volume;
        // What is mounted through `subPath` alone reads keys by name; a volume with `items` does
        // too, which is as well.
        source.only_volumes &= volume && matches!(reference.demand.reads, Keys::All);
        match reference.demand.reads {
            Keys::None => {}
            Keys::Some(keys) => {
                if !reference.optional {
                    source.required.extend(keys.iter().cloned());
                }
                source.keys.extend(keys);
            }
            Keys::AllData => source.extent = source.extent.max(Extent::Data),
            Keys::All => source.extent = Extent::All,
        }
    }
    sources
}

/// What the sources hold, in every apply set that the workload is part of.
pub(super) fn read(
    workspace: &Workspace,
    workload: &Resource,
    sources: &[Source<'_>],
) -> Result<Reading, NoFix> {
    if let Some(source) = sources
        .iter()
        .find(|s| ["{{", "${", "$("].iter().any(|mark| s.name.contains(mark)))
    {
        return Err(NoFix::new(
            "placeholder",
            format!("the name {} is filled in by another tool", source.name),
        ));
    }
    let contents = Contents {
        workspace,
        known: RefCell::default(),
    };
    let readings: Vec<_> = workspace
        .sets_of(workload.id)
        .into_iter()
        .map(|set| read_in(&contents, set, workload, sources))
        .collect();
    let Some(first) = readings.first() else {
        return Err(NoFix::new(
            "no-apply-set",
            "no kustomization that is built by itself leads to it",
        ));
    };
    let sections =
        |reading: &Result<Reading, NoFix>| reading.as_ref().ok().map(|r| r.sections.clone());
    if readings
        .iter()
        .any(|reading| sections(reading) != sections(first))
    {
        return Err(NoFix::new(
            "differs-between-overlays",
            "it is applied with different content from several places; hash the rendered manifests",
        ));
    }
    first.clone()
}

/// What generators make.
struct Made {
    content: Content,
    location: Location,
}

/// What ConfigMaps and Secrets hold; many sets have the same ones.
struct Contents<'w> {
    workspace: &'w Workspace,
    known: RefCell<BTreeMap<ResourceId, Result<Rc<Content>, NoFix>>>,
}

impl Contents<'_> {
    /// What a definition holds, unless something changes it between its file and the cluster.
    fn of(&self, id: ResourceId, source: &Source<'_>) -> Result<Rc<Content>, NoFix> {
        let read = || {
            untouched(self.workspace, id, source)?;
            content::of(self.workspace, id).map(Rc::new)
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
        source: &Source<'_>,
    ) -> Result<Made, NoFix> {
        let display = source.display();
        let generated =
            match self
                .workspace
                .generated_content(set, workload.id, source.to, source.name)
            {
                Some(Ok(generated)) => generated,
                // A resource that asks for a name with a hash has no generator.
                None => {
                    return Err(NoFix::new(
                        "generated-content",
                        format!("a kustomization makes {display} from something else"),
                    ));
                }
                Some(Err(Unknown::Unreadable(why))) => {
                    return Err(NoFix::new(
                        "generated-content",
                        format!("a kustomize generator makes {display}, and {why}"),
                    ));
                }
                Some(Err(Unknown::Changed(what))) => {
                    let text = format!(
                        "{what} of a kustomization changes {display}; hash the rendered manifests"
                    );
                    return Err(NoFix::new("patched-by-kustomize", text));
                }
            };
        if generated.name != source.name && !self.workspace.follows_names(set, workload.id) {
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
    sources: &[Source<'_>],
) -> Result<Reading, NoFix> {
    let workspace = contents.workspace;
    let mut reading = Reading {
        immutable: true,
        watched: true,
        ..Reading::default()
    };
    for source in sources {
        let display = source.display();
        let id = match workspace.resolve(set, workload.id, source.to, source.name) {
            Resolution::One(id) => id,
            Resolution::Several(ids) => match its_own(workspace, set, workload, &ids) {
                Some(id) => id,
                None => the_same(contents, &ids, source)?,
            },
            Resolution::Uncertain(ids) => the_only(workspace, set, workload, &ids, source)?,
            Resolution::Generated {
                hash_suffix: true, ..
            } if !workspace.follows_names(set, workload.id) => {
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
                    "config-not-in-set",
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
        if built != source.name && !workspace.follows_names(set, workload.id) {
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
    if reading.by_name.is_empty() {
        return Err(NoFix::new(
            "config-not-in-set",
            absent(
                workspace,
                set,
                workload,
                &sources.iter().collect::<Vec<_>>(),
            ),
        ));
    }
    let each = if reading.by_name.len() > 1 {
        "each name of"
    } else {
        "the name of"
    };
    Err(NoFix::new(
        "generated-name",
        text![
            each,
            " ",
            list(&reading.by_name),
            " carries a hash of its content"
        ],
    ))
}

/// The build changes the name, and not the reference to it: no pod will find what would be hashed.
fn not_followed(display: &str) -> NoFix {
    let text = format!(
        "the kustomization gives {display} another name and leaves the reference to it as it is: no pod finds it"
    );
    NoFix::new("name-not-followed", text)
}

/// The keys that reach the pod, with their digests.
fn keys_read(
    source: &Source<'_>,
    content: &Content,
    display: &str,
) -> Result<BTreeMap<String, Option<[u8; 32]>>, NoFix> {
    let mut keys: BTreeMap<String, Option<[u8; 32]>> = BTreeMap::new();
    for (key, value) in &content.values {
        let whole =
            source.extent == Extent::All || (source.extent == Extent::Data && !value.binary);
        if whole || source.keys.contains(key) {
            if value.unfilled == Some(Unfilled::Nothing) {
                let text = format!(
                    "{key} of {display} has no value: write \"\" if it is to be empty, or have it filled in first"
                );
                return Err(NoFix::new("no-value", text));
            }
            if value.unfilled == Some(Unfilled::Placeholder) {
                let text = format!(
                    "the value of {key} in {display} is filled in by another tool; hash what that tool writes"
                );
                return Err(NoFix::new("placeholder", text));
            }
            keys.insert(key.clone(), Some(value.digest));
        }
    }
    if let Some(key) = source.required.iter().find(|key| !keys.contains_key(*key)) {
        return Err(NoFix::new(
            "key-absent",
            format!("{display} has no key {key}: the pod does not start until it has"),
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
    source: &Source<'_>,
) -> Result<ResourceId, NoFix> {
    let ambiguous = || {
        NoFix::new(
            "ambiguous-config",
            format!(
                "{} is defined {} times with different content",
                source.display(),
                ids.len()
            ),
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
    source: &Source<'_>,
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
            "namespace-uncertain",
            format!(
                "{} or the workload states no namespace, and several are in use",
                source.display()
            ),
        )),
    }
}

/// Nothing changes the content between its file and the cluster.
fn untouched(workspace: &Workspace, id: ResourceId, source: &Source<'_>) -> Result<(), NoFix> {
    let Some(what) = workspace.content_touched(id) else {
        return Ok(());
    };
    let text = format!(
        "{what} of a kustomization changes {}; hash the rendered manifests",
        source.display()
    );
    Err(NoFix::new("patched-by-kustomize", text))
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

/// A definition that may be meant, though nothing says that it is applied with the workload.
fn defined_elsewhere<'a>(
    workspace: &'a Workspace,
    workload: &Resource,
    source: &Source<'_>,
) -> Option<&'a Resource> {
    let same_place = |r: &Resource| {
        r.namespace.is_none() || workload.namespace.is_none() || r.namespace == workload.namespace
    };
    workspace
        .definitions(source.to, source.name)
        .find(|r| r.api_version == "v1" && same_place(r))
}

fn absent(workspace: &Workspace, set: SetId, workload: &Resource, sources: &[&Source<'_>]) -> Text {
    let labels: Vec<_> = sources.iter().map(|source| source.label()).collect();
    let mut text = text![
        "not among what is applied with it (",
        say::set(workspace, set),
        "): ",
        list(&labels)
    ];
    if let Some(resource) = sources
        .iter()
        .find_map(|s| defined_elsewhere(workspace, workload, s))
    {
        text.push(text![
            "; ",
            Path(&workspace.file(resource.file).path),
            " has one: say in [[apply-sets]] if they are applied together"
        ]);
    }
    text
}
