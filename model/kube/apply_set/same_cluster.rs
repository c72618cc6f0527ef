//! What Argo CD and Flux apply, and what of it meets.
//!
//! Two applications meet when they go to one cluster and namespace. The address of a cluster says
//! that only to one Argo CD, which often calls its own cluster by the same name as all others do:
//! so the applications must be applied together themselves.

use std::collections::{BTreeMap, BTreeSet};

use super::Draft;
use super::bundle::{self, Bundle, Directory, Namespace, overrides, shown};
use super::kustomize_build::Gatherer;
use crate::kube::gitops::applier::{Applied, Content, Fill, Place, Source, tool};
use crate::kube::gitops::repository::{Own, local};
use crate::kube::kustomize::manifests::Manifests;
use crate::kube::object::apply_set::{Evidence, Part};
use crate::kube::object::resource::ResourceId;

/// Names that a set lists.
const MAX_NAMES: usize = 3;

/// The draft of one thing that is applied.
pub(in crate::kube) fn draft(
    manifests: &Manifests<'_>,
    gatherer: &mut Gatherer<'_>,
    applied: &Applied,
    own: &Own,
) -> Draft {
    let mut whole = Bundle::default();
    let mut directories = Vec::new();
    for source in &applied.sources {
        let (bundle, directory) = source_bundle(manifests, gatherer, applied, source, own);
        directories.extend(directory);
        whole.add(bundle);
    }
    let kustomization =
        applied.sources.len() == 1 && whole.built.len() == 1 && whole.files.is_empty();
    let evidence = if kustomization {
        Evidence::Kustomization
    } else {
        applied.tool
    };
    let name = match directories.as_slice() {
        [one] if applied.sources.len() == 1 => shown(one).to_owned(),
        _ => names(applied.tool, std::slice::from_ref(&applied.applier.name)),
    };
    Draft {
        appliers: vec![applied.applier.clone()],
        ..Draft::new(&name, evidence, whole)
    }
}

/// What one source gives, and the directory when it is one of the workspace.
fn source_bundle(
    manifests: &Manifests<'_>,
    gatherer: &mut Gatherer<'_>,
    applied: &Applied,
    source: &Source,
    own: &Own,
) -> (Bundle, Option<String>) {
    let who = display(manifests, applied);
    let layout = match &source.content {
        Content::Opaque(what) => return (Bundle::hole(format!("{who} applies {what}")), None),
        Content::Directory(layout) => layout,
    };
    let Some(written) = source.claim.path.as_deref() else {
        return (
            Bundle::hole(format!("{who} applies a path that is not known")),
            None,
        );
    };
    if !own.is(&source.claim) {
        let from = if source.claim.repository.is_empty() {
            "a repository that is not known"
        } else {
            &source.claim.repository
        };
        let revision = source
            .claim
            .revision
            .as_deref()
            .unwrap_or("a pinned revision");
        return (
            Bundle::hole(format!(
                "{who} applies {written} of {from} at {revision}, which is not taken for this \
                 workspace"
            )),
            None,
        );
    }
    let Some(path) = local(written).filter(|p| manifests.paths().below(p).next().is_some()) else {
        return (
            Bundle::hole(format!("{who} applies {written}, which is not there")),
            None,
        );
    };
    let settings = source.settings.and_then(|id| {
        let resource = manifests
            .resources
            .get(applied.applier.resource.0 as usize)?;
        Some(
            manifests
                .files
                .get(resource.file.0 as usize)?
                .yaml
                .as_deref()?
                .node(id),
        )
    });
    let mut holes = BTreeSet::new();
    let overrides = overrides(
        manifests,
        settings,
        applied.tool,
        &path,
        &Fill::default(),
        &mut holes,
    );
    let namespace = overrides.namespace.clone();
    let wanted = Directory {
        path: &path,
        layout,
        tool: applied.tool,
        overrides,
    };
    let mut bundle = bundle::directory(manifests, gatherer, &wanted);
    bundle
        .holes
        .extend(holes.into_iter().map(|hole| format!("{who}: {hole}")));
    match applied.tool {
        Evidence::Flux => bundle.place(Namespace::Override(namespace.as_deref())),
        _ => bundle.place(Namespace::Default(applied.applier.namespace.as_deref())),
    }
    (bundle, Some(path))
}

fn display(manifests: &Manifests<'_>, applied: &Applied) -> String {
    let kind = manifests
        .resources
        .get(applied.applier.resource.0 as usize)
        .map_or("", |r| r.kind.as_str());
    match (kind, applied.applier.name.as_str()) {
        ("ApplicationSet", "") => "an application of an ApplicationSet".to_owned(),
        ("ApplicationSet", name) => format!("Application {name}"),
        (kind, name) => format!("{kind} {name}"),
    }
}

fn names(tool: Evidence, all: &[String]) -> String {
    let tool = if tool == Evidence::Flux {
        "Flux"
    } else {
        "Argo CD"
    };
    format!("{tool} {}", listed(all)).trim_end().to_owned()
}

/// The first of several names, and how many there are more.
fn listed(all: &[String]) -> String {
    let first = all
        .iter()
        .take(MAX_NAMES)
        .filter(|n| !n.is_empty())
        .cloned()
        .collect::<Vec<_>>()
        .join(", ");
    match all.len().saturating_sub(MAX_NAMES) {
        0 => first,
        more => format!("{first} and {more} more"),
    }
}

/// Brings together what meets. The drafts from `first` on are those of `applied`, in order.
pub(in crate::kube) fn meet(
    manifests: &Manifests<'_>,
    mut drafts: Vec<Draft>,
    applied: &[Applied],
    first: usize,
) -> Vec<Draft> {
    if applied.is_empty() {
        opaque(manifests, &mut drafts, &BTreeMap::new());
        return drafts;
    }
    let holders = holders(manifests, &drafts);
    let groups = groups(applied, &holders);
    let mut group_of: BTreeMap<ResourceId, BTreeSet<usize>> = BTreeMap::new();
    let mut taken: Vec<Option<Draft>> = drafts.into_iter().map(Some).collect();
    let mut together: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (at, group) in groups.iter().enumerate() {
        together.entry(*group).or_default().push(at);
    }
    let mut kept: BTreeMap<usize, Draft> = BTreeMap::new();
    for (group, members) in &together {
        let mut parts_of: Vec<Draft> = members
            .iter()
            .filter_map(|at| taken.get_mut(first + at)?.take())
            .collect();
        if parts_of.is_empty() {
            continue;
        }
        let mut draft = parts_of.remove(0);
        if !parts_of.is_empty() {
            let tool = applied.get(*group).map_or(Evidence::ArgoCd, |a| a.tool);
            let listed: Vec<String> = members
                .iter()
                .filter_map(|at| Some(applied.get(*at)?.applier.name.clone()))
                .collect();
            (draft.name, draft.evidence) = (names(tool, &listed), tool);
        }
        if !parts_of.is_empty() {
            draft.parts.push(part(&draft.bundle, 0));
        }
        for other in parts_of {
            let mut brings = part(&other.bundle, draft.appliers.len());
            let (members, generated) = (draft.bundle.members.len(), draft.bundle.generated.len());
            brings.members = members..members + brings.members.end;
            brings.generated = generated..generated + brings.generated.end;
            draft.parts.push(brings);
            draft.appliers.extend(other.appliers);
            draft.bundle.add(other.bundle);
        }
        for at in members {
            group_of
                .entry(
                    applied
                        .get(*at)
                        .map_or(ResourceId(u32::MAX), |a| a.applier.resource),
                )
                .or_default()
                .insert(*group);
        }
        kept.insert(*group, draft);
    }
    others_in_namespace(applied, &groups, &holders, &mut kept);
    let mut drafts: Vec<Draft> = taken.into_iter().flatten().collect();
    let rest = drafts.len();
    let ids: Vec<usize> = kept.keys().copied().collect();
    drafts.extend(kept.into_values());
    // Where each group stands now.
    let at: BTreeMap<usize, usize> = ids.into_iter().zip(rest..).collect();
    let stands = group_of
        .into_iter()
        .map(|(r, groups)| {
            (
                r,
                groups.iter().filter_map(|g| at.get(g).copied()).collect(),
            )
        })
        .collect();
    opaque(manifests, &mut drafts, &stands);
    same(drafts)
}

/// What an applier brings that is the first of a set.
fn part(bundle: &Bundle, applier: usize) -> Part {
    Part {
        applier,
        members: 0..bundle.members.len(),
        generated: 0..bundle.generated.len(),
        closed: bundle.holes.is_empty(),
    }
}

/// The drafts that hold each resource that has files applied.
fn holders(manifests: &Manifests<'_>, drafts: &[Draft]) -> BTreeMap<ResourceId, BTreeSet<usize>> {
    let mut holders: BTreeMap<ResourceId, BTreeSet<usize>> = BTreeMap::new();
    for (at, draft) in drafts.iter().enumerate() {
        for member in &draft.bundle.members {
            if manifests
                .resources
                .get(member.resource.0 as usize)
                .is_some_and(|r| tool(r).is_some())
            {
                holders.entry(member.resource).or_default().insert(at);
            }
        }
    }
    holders
}

/// What two things have in common that are applied together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Bond {
    /// The draft that holds both.
    Holder(usize),
    /// The `ApplicationSet` that makes both.
    Maker(ResourceId),
}

/// The group of each of `applied`: the number of its first member.
fn groups(applied: &[Applied], holders: &BTreeMap<ResourceId, BTreeSet<usize>>) -> Vec<usize> {
    let mut group: Vec<usize> = (0..applied.len()).collect();
    let mut known: BTreeMap<(Evidence, &Place, Bond), usize> = BTreeMap::new();
    for (at, one) in applied.iter().enumerate() {
        let Some(place) = &one.place else { continue };
        let resource = one.applier.resource;
        let held = holders
            .get(&resource)
            .into_iter()
            .flatten()
            .map(|holder| Bond::Holder(*holder));
        for bond in held.chain([Bond::Maker(resource)]) {
            let key = (one.tool, place, bond);
            let other = *known.entry(key).or_insert(at);
            let (a, b) = (find(&group, at), find(&group, other));
            if let Some(of) = group.get_mut(a.max(b)) {
                *of = a.min(b);
            }
        }
    }
    (0..group.len()).map(|at| find(&group, at)).collect()
}

fn find(group: &[usize], mut at: usize) -> usize {
    while let Some(up) = group.get(at).copied().filter(|up| *up != at) {
        at = up;
    }
    at
}

/// A group is not all that is applied when another one of its cluster has objects in a namespace of
/// its own.
fn others_in_namespace(
    applied: &[Applied],
    groups: &[usize],
    holders: &BTreeMap<ResourceId, BTreeSet<usize>>,
    kept: &mut BTreeMap<usize, Draft>,
) {
    // A group may have thousands of members, and be what dozens of applications bring together.
    let namespaces: BTreeMap<usize, BTreeSet<Option<String>>> = kept
        .iter()
        .map(|(group, draft)| {
            let of = draft.bundle.members.iter().map(|m| m.namespace.as_deref());
            let of: BTreeSet<Option<&str>> = of.collect();
            let owned = of.into_iter().map(|n| n.map(str::to_owned));
            (*group, owned.collect())
        })
        .collect();
    let mut uses: BTreeMap<(Evidence, &str, usize, Option<&str>), BTreeSet<usize>> =
        BTreeMap::new();
    for (one, group) in applied.iter().zip(groups) {
        let (Some(place), Some(of)) = (&one.place, namespaces.get(group)) else {
            continue;
        };
        for holder in holders.get(&one.applier.resource).into_iter().flatten() {
            let own = [place.namespace.as_deref()];
            for namespace in of.iter().map(Option::as_deref).chain(own) {
                uses.entry((one.tool, &place.cluster, *holder, namespace))
                    .or_default()
                    .insert(*group);
            }
        }
    }
    for ((.., namespace), groups) in uses.iter().filter(|(_, groups)| groups.len() > 1) {
        let namespace = namespace.map_or_else(
            || "objects without a namespace".to_owned(),
            |n| format!("objects of namespace {n}"),
        );
        for group in groups {
            if let Some(draft) = kept.get_mut(group) {
                draft.bundle.holes.insert(format!(
                    "other applications of its cluster apply {namespace} too"
                ));
            }
        }
    }
}

/// Members that have more applied, which is no part of the set, leave it open. `stands` is where
/// that is known to be.
fn opaque(
    manifests: &Manifests<'_>,
    drafts: &mut [Draft],
    stands: &BTreeMap<ResourceId, BTreeSet<usize>>,
) {
    for (at, draft) in drafts.iter_mut().enumerate() {
        let mut found: BTreeMap<(&str, &str), Vec<String>> = BTreeMap::new();
        for member in &draft.bundle.members {
            let Some(resource) = manifests.resources.get(member.resource.0 as usize) else {
                continue;
            };
            let known = || {
                stands
                    .get(&resource.id)
                    .is_some_and(|sets| !sets.is_empty() && sets.iter().all(|set| *set == at))
            };
            let what = match (resource.group(), resource.kind.as_str()) {
                ("helm.toolkit.fluxcd.io", "HelmRelease") | ("helm.cattle.io", "HelmChart") => {
                    "a Helm chart is installed"
                }
                _ if tool(resource).is_some() && !known() => "more is applied",
                _ => continue,
            };
            found
                .entry((&resource.kind, what))
                .or_default()
                .push(resource.name.clone());
        }
        for ((kind, what), names) in found {
            draft
                .bundle
                .holes
                .insert(format!("{what} by {kind} {}", listed(&names)));
        }
    }
}

/// The same content for several clusters is one set.
fn same(drafts: Vec<Draft>) -> Vec<Draft> {
    let mut found: Vec<Draft> = Vec::new();
    let mut known: BTreeMap<(String, usize, Option<String>), Vec<usize>> = BTreeMap::new();
    for draft in drafts {
        if draft.appliers.is_empty() {
            found.push(draft);
            continue;
        }
        let namespace = draft
            .bundle
            .members
            .first()
            .and_then(|m| m.namespace.clone());
        let alike = known
            .entry((draft.name.clone(), draft.bundle.members.len(), namespace))
            .or_default();
        let equal = |other: &&usize| {
            found.get(**other).is_some_and(|o| {
                (&o.bundle.members, &o.bundle.generated, &o.bundle.holes)
                    == (
                        &draft.bundle.members,
                        &draft.bundle.generated,
                        &draft.bundle.holes,
                    )
            })
        };
        if let Some(other) = alike.iter().find(equal).copied() {
            if let Some(other) = found.get_mut(other) {
                other.appliers.extend(draft.appliers);
            }
            continue;
        }
        alike.push(found.len());
        found.push(draft);
    }
    found
}
