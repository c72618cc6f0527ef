//! `missing-config-reference`: references to a ConfigMap, a Secret or a key that what is applied
//! together does not have.
//!
//! Every resource is asked what it wants ([`wanted`]). Each name is looked up in each apply set of
//! the resource; what is not there is a [`Gap`]. Only when all gaps are known are they judged
//! ([`objects`], [`keys`]), because a set that lacks one name of many is complete but for it, and
//! one that lacks many gets them from elsewhere. Who else may make an object is asked of [`makers`]
//! and, once for all names, of [`traces`]. No fix is ever applied: which name was meant is for a
//! person to say.

mod codes;
mod companions;
mod dropped;
mod evidence;
mod generators;
mod judge_companion;
mod keys;
mod makers;
mod misnamed;
mod near;
mod objects;
mod one_sided;
mod options;
mod pull_secrets;
mod say;
mod scattered;
mod traces;
mod unfollowed;
mod variables;
mod views;
mod wanted;

use std::collections::{BTreeMap, BTreeSet};

use kubewright_model::finding::{Applicability, Change, Finding, Fix, Location, NoFix, Severity};
use kubewright_model::kube::{
    Evidence, FileId, Resolution, Resource, ResourceId, SetId, Target, Workspace,
};
use kubewright_model::text;
use kubewright_model::text::Text;
use kubewright_model::yaml::Value;

use rayon::prelude::*;

use self::codes::Code;
use self::evidence::Facts;
use self::misnamed::Misnamed;
use self::one_sided::OneSided;
pub(crate) use self::options::Options;
use self::unfollowed::Unfollowed;
use self::views::Views;
use self::wanted::{Key, Place, View, Wanted};
use crate::{Context, GlobOf, GlobOption, Meta, Transform};

/// See the page of the transform.
pub(crate) struct MissingConfigReference;

static META: Meta = Meta {
    name: "missing-config-reference",
    summary: "references to a ConfigMap, a Secret or a key that what is applied together does not \
              have",
    applicability: Applicability::DisplayOnly,
    isolated: false,
    since: "0.1.0",
    docs: include_str!("README.md"),
    codes: Code::ALL,
};

impl Transform for MissingConfigReference {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn globs(&self) -> &'static [GlobOption] {
        &[GlobOption {
            name: "external",
            of: GlobOf::References,
        }]
    }

    fn check(&self, cx: &Context<'_>) -> Vec<Finding> {
        let views = Views::of(cx.workspace);
        let found = Gaps::of(cx.workspace, &views);
        let facts = Facts::new(cx, &found);
        let objects = found
            .objects
            .iter()
            .flat_map(|gap| objects::judge(&facts, gap));
        let keys = found.keys.iter().filter_map(|gap| keys::judge(&facts, gap));
        let unfollowed = found
            .unfollowed
            .iter()
            .map(|lost| unfollowed::judge(cx.workspace, lost));
        let mut all: Vec<Finding> = objects.chain(keys).chain(unfollowed).collect();
        all.extend(generators::judge(&facts));
        all.extend(one_sided::judge(&facts, &found.one_sided));
        all.extend(misnamed::judge(&facts, &found.misnamed));
        all.extend(misnamed::incomplete(&facts));
        all.extend(scattered::judge(&facts));
        all.extend(variables::judge(&facts));
        all.extend(companions::judge(&facts, &views));
        all.extend(dropped::judge(&facts));
        all
    }
}

/// Whether a subPath without items is reported here when its key is missing, rather than by
/// `subpath-configmap-mount`.
pub(crate) fn reports(cx: &Context<'_>, resource: ResourceId) -> bool {
    cx.running.contains(&META.name)
        && cx
            .workspace
            .sets_of(resource)
            .iter()
            .any(|set| cx.workspace.set(*set).closed)
}

/// A name, or a key of it, that a resource wants and that some of its apply sets do not have.
struct Gap<'a> {
    resource: &'a Resource,
    /// All references of the resource to the name that cannot do without.
    wanted: Vec<Wanted<'a>>,
    /// The key, when the object is there; all places that ask for it.
    keys: Vec<Key<'a>>,
    /// The sets that lack it, each with the definitions that it has of the name.
    sets: Vec<(SetId, Held)>,
    /// What patches make of the resource is known, and judged.
    built: bool,
}

/// The definitions of a name in a set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Held {
    ids: Vec<ResourceId>,
    /// The kustomization whose generator makes it, and all keys that it then has.
    made: Option<(FileId, BTreeSet<String>)>,
    /// They are in the namespace of the resource for certain.
    certain: bool,
}

/// Resources, or files, that are looked at in one go.
const CHUNK: usize = 256;

/// What all resources lack.
#[derive(Default)]
struct Gaps<'a> {
    objects: Vec<Gap<'a>>,
    keys: Vec<Gap<'a>>,
    /// Names that kustomize changes, and not where they are asked for.
    unfollowed: Vec<Unfollowed<'a>>,
    /// References by names that cannot be.
    misnamed: Vec<Misnamed<'a>>,
    /// Names of which only the reader, or only the definition, states a namespace.
    one_sided: Vec<OneSided<'a>>,
    /// Sets of which nothing is unknown but what SOPS encrypted, with the files.
    encrypted: BTreeMap<SetId, Vec<FileId>>,
    /// Names that pods of a set ask for and find.
    present: BTreeMap<(SetId, Target), BTreeSet<&'a str>>,
}

impl<'a> Gaps<'a> {
    fn of(workspace: &'a Workspace, views: &'a Views) -> Self {
        let encrypted = workspace.closed_but_for_encrypted();
        let parts = workspace.resources().par_chunks(CHUNK).map(|resources| {
            let mut found = Self {
                encrypted: encrypted.clone(),
                ..Self::default()
            };
            for resource in resources {
                found.of_resource(workspace, views, resource);
            }
            found
        });
        let mut all = Self {
            encrypted: encrypted.clone(),
            ..Self::default()
        };
        for part in parts.collect::<Vec<_>>() {
            all.objects.extend(part.objects);
            all.keys.extend(part.keys);
            all.unfollowed.extend(part.unfollowed);
            all.one_sided.extend(part.one_sided);
            all.misnamed.extend(part.misnamed);
            for (place, names) in part.present {
                all.present.entry(place).or_default().extend(names);
            }
        }
        all
    }

    fn of_resource(&mut self, workspace: &'a Workspace, views: &'a Views, resource: &'a Resource) {
        let sets = workspace.sets_of(resource.id);
        let plain = View {
            workspace,
            resource,
            built: None,
        };
        let closed = |set: &SetId| self.is_closed(workspace, *set);
        let all = |view: View<'a>, fields: bool| {
            let mut wanted = view.of_pods();
            wanted.extend(fields.then(|| view.of_fields()).into_iter().flatten());
            wanted
        };
        let written = all(plain, sets.iter().any(closed));
        let mut found = Missing::default();
        for set in &sets {
            let (built, known) = views.get(resource.id, *set);
            let fields = self.is_closed(workspace, *set);
            let changed = built.map(|built| {
                all(
                    View {
                        built: Some(built),
                        ..plain
                    },
                    fields,
                )
            });
            for want in changed.as_ref().unwrap_or(&written) {
                self.look_up(workspace, resource, *set, want, known, &mut found);
            }
        }
        self.objects.extend(found.objects.into_values());
        self.keys.extend(found.keys.into_values());
    }

    fn look_up(
        &mut self,
        workspace: &'a Workspace,
        resource: &'a Resource,
        set: SetId,
        want: &Wanted<'a>,
        built: bool,
        found: &mut Missing<'a>,
    ) {
        if wanted::is_misnamed(want.name) {
            self.misnamed.push(Misnamed {
                resource,
                wanted: want.clone(),
                set,
                built,
            });
            return;
        }
        let new = || Gap {
            resource,
            wanted: Vec::new(),
            keys: Vec::new(),
            sets: Vec::new(),
            built: true,
        };
        let mut resolution =
            workspace.resolve_in(set, resource.id, want.to, want.name, want.namespace);
        if resolution == Resolution::Missing
            && let [one] = workspace
                .named_on_the_way(set, want.to, want.name)
                .as_slice()
        {
            resolution = Resolution::Uncertain(vec![*one]);
        }
        if let Some(lost) = Unfollowed::of(workspace, set, resource, want, &resolution) {
            lost.add_to(&mut self.unfollowed);
        }
        let held = match resolution {
            Resolution::Missing => {
                // What stands in one file is applied together, whatever else is.
                let beside = || {
                    workspace
                        .definitions(want.to, want.name)
                        .any(|other| other.file == resource.file)
                };
                if self.is_closed(workspace, set) || want.is_in_pods() && beside() {
                    found
                        .objects
                        .entry((want.to, want.name, want.namespace))
                        .or_insert_with(new)
                        .add(set, Held::default(), want, built);
                }
                return;
            }
            Resolution::One(id) => Held {
                ids: vec![id],
                certain: true,
                ..Held::default()
            },
            Resolution::Several(ids) => Held {
                ids,
                certain: true,
                ..Held::default()
            },
            Resolution::Uncertain(ids) => {
                self.one_sided
                    .extend(OneSided::of(workspace, set, resource, want, &ids));
                Held {
                    ids,
                    ..Held::default()
                }
            }
            Resolution::Generated { kustomization, .. } => {
                let keys = if want.keys.is_empty() {
                    None
                } else {
                    workspace.generated_keys(set, resource.id, want.to, want.name, want.namespace)
                };
                let made = keys
                    .filter(|keys| keys.complete)
                    .map(|keys| (kustomization, keys.known));
                Held {
                    made,
                    certain: true,
                    ..Held::default()
                }
            }
        };
        if want.is_in_pods() {
            self.present
                .entry((set, want.to))
                .or_default()
                .insert(want.name);
        }
        for key in want
            .keys
            .iter()
            .filter(|key| keys::lacks(workspace, &held, key))
        {
            let gap = found
                .keys
                .entry((want.to, want.name, want.namespace, key.text))
                .or_insert_with(new);
            gap.add(set, held.clone(), want, built);
            if !gap.keys.iter().any(|k| k.place.at == key.place.at) {
                gap.keys.push(key.clone());
            }
        }
    }
}

impl Gaps<'_> {
    /// Whether all that a set has is known.
    fn is_closed(&self, workspace: &Workspace, set: SetId) -> bool {
        workspace.set(set).closed || self.encrypted.contains_key(&set)
    }

    /// Whether the build of a set leaves this reference behind, which is said already.
    fn is_lost(&self, id: ResourceId, wanted: &Wanted<'_>) -> bool {
        self.unfollowed.iter().any(|lost| lost.is(id, wanted))
    }
}

/// What one resource lacks, by name and key.
#[derive(Default)]
struct Missing<'a> {
    objects: BTreeMap<(Target, &'a str, Option<&'a str>), Gap<'a>>,
    keys: BTreeMap<(Target, &'a str, Option<&'a str>, &'a str), Gap<'a>>,
}

impl<'a> Gap<'a> {
    fn add(&mut self, set: SetId, held: Held, want: &Wanted<'a>, built: bool) {
        self.built &= built;
        if !self.sets.iter().any(|(known, _)| *known == set) {
            self.sets.push((set, held));
        }
        if !self
            .wanted
            .iter()
            .any(|known| known.place.at == want.place.at)
        {
            self.wanted.push(want.clone());
        }
    }

    /// The first reference.
    fn first(&self) -> Option<&Wanted<'a>> {
        self.wanted.first()
    }
}

/// What is wrong with what a resource reads.
#[derive(Clone, Copy)]
enum Hazard<'a> {
    /// The object is not there.
    Object,
    /// The object is there without this key.
    Key(&'a str),
    /// The object is there more than once.
    Scattered,
}

/// What is thought of a gap in one set.
struct Verdict {
    severity: Severity,
    fix: Result<Fix, NoFix>,
    notes: Vec<Text>,
    related: Vec<(Location, Text)>,
}

impl Verdict {
    fn remark(reason: NoFix) -> Self {
        Self::no_fix(Severity::Info, reason)
    }

    fn no_fix(severity: Severity, reason: NoFix) -> Self {
        Self {
            severity,
            fix: Err(reason),
            notes: Vec::new(),
            related: Vec::new(),
        }
    }
}

/// The worst of the verdicts, and the sets that it holds for. `None` when a set has a maker for it,
/// or nothing is to be said.
fn worst(verdicts: Vec<(SetId, Verdict)>) -> Option<(Verdict, Vec<SetId>)> {
    let severity = verdicts.iter().map(|(_, v)| v.severity).max()?;
    let sets = verdicts
        .iter()
        .filter(|(_, v)| v.severity == severity)
        .map(|(set, _)| *set)
        .collect();
    let verdict = verdicts
        .into_iter()
        .map(|(_, v)| v)
        .find(|v| v.severity == severity)?;
    Some((verdict, sets))
}

/// A fix that writes another name or key, for a person to check.
fn rewrite(
    resource: &Resource,
    places: &[&Place<'_>],
    text: &str,
    title: Text,
) -> Result<Fix, NoFix> {
    let mut changes = Vec::new();
    for place in places {
        let Some(node) = place.node else {
            return Err(NoFix::new(
                Code::InlinePatch,
                text![
                    title,
                    " in this patch, by hand: it is text inside of a field"
                ],
            ));
        };
        changes.push(Change::Edit(place.at.file, node.set(&Value::str(text))?));
    }
    Ok(Fix {
        title,
        applicability: Applicability::DisplayOnly,
        changes,
        claims: vec![resource.id],
    })
}

/// The finding about places of a resource; the first one is its own.
fn finding(
    gap: &Gap<'_>,
    hazard: Hazard<'_>,
    places: &[&Place<'_>],
    message: Text,
    verdict: Verdict,
) -> Option<Finding> {
    let (first, rest) = places.split_first()?;
    let wanted = gap.first()?;
    let (hazard, key) = match hazard {
        Hazard::Object => ("object", None),
        Hazard::Key(key) => ("key", Some(key)),
        Hazard::Scattered => ("scattered", None),
    };
    let names = [wanted.to.kind(), wanted.name]
        .into_iter()
        .chain(wanted.namespace)
        .chain(key);
    let mut related = verdict.related;
    let rest = rest.iter().filter(|place| place.at != first.at);
    related.extend(rest.map(|place| (place.at.clone(), "asked for here too".into())));
    Some(
        META.finding(verdict.severity, first.at.clone(), message)
            .subject(hazard, names)
            .related(related)
            .about(gap.resource.id)
            .notes(verdict.notes)
            .fix(verdict.fix),
    )
}

/// Whether a set is one that somebody vouches for.
fn is_configured(workspace: &Workspace, set: SetId) -> bool {
    workspace.set(set).evidence == Evidence::Config
}
