//! Definitions of one name that nothing says are applied together: in two directories or
//! kustomizations that state one namespace, or by two appliers that share a file.

use std::collections::{BTreeMap, BTreeSet};

use kubewright_model::finding::{Finding, Location, NoFix, Severity};
use kubewright_model::kube::{Evidence, ResourceId, SetId, Target, Workspace};
use kubewright_model::text;
use kubewright_model::text::{Named, Path, Text};

use super::codes::Code;
use super::demand::{self, Verdict};
use super::group::{self, Collision};
use super::objects::{self, AppliedObject, Courses, Origin};
use super::{META, doubts, keeper, outside, related};

/// Two sets that state one namespace, and define one name with different keys, each of which is
/// demanded by a reader of its own set. Whether both go to one cluster is not known: a remark.
pub(super) fn remarks(ws: &Workspace, to: Target) -> Vec<Finding> {
    let mut all: BTreeMap<(String, String), Vec<(SetId, AppliedObject)>> = BTreeMap::new();
    for set in ws.sets().iter().filter(|s| {
        [Evidence::Directory, Evidence::Kustomization].contains(&s.evidence)
            && s.appliers.is_empty()
    }) {
        for entry in objects::of(ws, set, to).into_iter().filter(|e| !e.hook) {
            if let Some(namespace) = entry.namespace.clone() {
                all.entry((entry.name.clone(), namespace))
                    .or_default()
                    .push((set.id, entry));
            }
        }
    }
    let courses = objects::courses(ws, to);
    all.into_values()
        .filter_map(|entries| remark(ws, to, &entries, &courses))
        .collect()
}

fn remark(
    ws: &Workspace,
    to: Target,
    entries: &[(SetId, AppliedObject)],
    courses: &Courses,
) -> Option<Finding> {
    let sets: BTreeSet<SetId> = entries.iter().map(|(set, _)| *set).collect();
    let origins: BTreeSet<Origin> = entries.iter().map(|(_, e)| e.origin).collect();
    // One definition for each set: several in one collide there, and one in several is the same
    // object.
    if sets.len() < 2 || sets.len() != entries.len() || origins.len() != entries.len() {
        return None;
    }
    let first = entries.first()?.0;
    let mut collision = group::apart(
        ws,
        ws.set(first),
        to,
        &entries.iter().map(|(_, e)| e).collect::<Vec<_>>(),
        courses,
    )?;
    for set in &sets {
        collision.sets = vec![*set];
        // The name is what is left of a collision in that set, which says it already.
        if !keeper::siblings(ws, &collision).is_empty() {
            return None;
        }
    }
    collision.sets = sets.iter().copied().collect();
    let attached = outside::attach(ws, &mut collision);
    let collision = &collision;
    let demands = demand::find(ws, collision, &attached);
    let held_in = |at: usize| entries.get(at).map(|(set, _)| *set);
    let own =
        |id: ResourceId, at: usize| held_in(at).is_some_and(|set| ws.sets_of(id).contains(&set));
    let by_keys =
        |c: &demand::Consumer<'_>| matches!(c.verdict, Verdict::Keys(at) if own(c.resource.id, at));
    if demands.proven().len() < 2
        || !demands.consumers.iter().all(by_keys)
        || !attached.blocks.is_empty()
    {
        return None;
    }
    let doubt = doubts::content(ws, collision).or_else(|| doubts::paths(ws, collision));
    if doubt
        .or_else(|| doubts::alternatives(ws, collision, &demands))
        .is_some()
    {
        return None;
    }
    finding(ws, collision, &demands, &attached)
}

fn finding(
    ws: &Workspace,
    collision: &Collision<'_>,
    demands: &demand::Demands<'_>,
    attached: &outside::Attached,
) -> Option<Finding> {
    let primary = collision.definitions.first()?;
    let namespace = collision.namespace.as_deref().unwrap_or_default();
    let places: Vec<Text> = (0..collision.definitions.len())
        .map(|at| collision.place(ws, at))
        .collect();
    let what = text![
        Named::new(collision.to.kind(), &collision.applied),
        " in namespace ",
        &namespace
    ];
    Some(
        META.finding(
            Severity::Info,
            Location::of(primary.file, primary.name),
            text![
                what,
                " is defined with different keys in ",
                Text::joined(places, " and "),
                ", each with a reader of its own"
            ],
        )
        .subject("apart", collision.subject())
        .related(related(ws, collision, demands, attached))
        .about(primary.id())
        .fix(Err(NoFix::new(
            Code::SeparateSets,
            "nothing here says whether both go to one cluster; where they do, each apply takes \
             the keys of the other away: say so in [[apply-sets]], or give one of them another \
             name",
        ))),
    )
}

/// An object that several appliers of one cluster apply from one file.
pub(super) fn shared(ws: &Workspace, to: Target) -> Vec<Finding> {
    let mut found = Vec::new();
    for set in ws.sets().iter().filter(|set| !set.parts.is_empty()) {
        let mut appliers: BTreeMap<(ResourceId, &str, Option<&str>), BTreeSet<usize>> =
            BTreeMap::new();
        for (at, part) in set.parts.iter().enumerate() {
            for member in set.members.get(part.members.clone()).unwrap_or_default() {
                let resource = ws.resource(member.resource);
                if resource.target() == Some(to) && !resource.name.is_empty() {
                    appliers
                        .entry((member.resource, &member.name, member.namespace.as_deref()))
                        .or_default()
                        .insert(at);
                }
            }
        }
        for ((id, name, namespace), parts) in
            appliers.into_iter().filter(|(_, parts)| parts.len() > 1)
        {
            let of = |part: &usize| {
                set.parts
                    .get(*part)
                    .and_then(|p| set.appliers.get(p.applier))
            };
            let names: Vec<Named> = parts
                .iter()
                .filter_map(of)
                .map(|a| Named::new(&ws.resource(a.resource).kind, &a.name))
                .collect();
            let resource = ws.resource(id);
            let Some(node) = ws.node(id).and_then(|n| n.path(&["metadata", "name"])) else {
                continue;
            };
            let touched = ws.content_touched(id).is_some();
            let fight = if touched {
                "and one of them changes it on the way, so each puts its own data over that of the \
                 other"
            } else {
                "so it belongs to whichever applied it last, and goes when that one is deleted or \
                 prunes"
            };
            let place = namespace.map_or_else(Text::new, |n| text![" in namespace ", n]);
            let subject = [to.kind(), name].into_iter().chain(namespace);
            found.push(
                META.finding(
                    Severity::Warning,
                    Location::of(resource.file, node),
                    text![
                        Named::new(to.kind(), name),
                        place,
                        " is applied by ",
                        Text::joined(names, " and "),
                        ", ",
                        &fight
                    ],
                )
                .related(
                    parts
                        .iter()
                        .filter_map(of)
                        .filter_map(|a| {
                            let at = ws.node(a.resource)?.path(&["metadata", "name"])?;
                            Some((
                                Location::of(ws.resource(a.resource).file, at),
                                text![&a.name, " applies ", Path(&ws.file(resource.file).path)],
                            ))
                        })
                        .collect::<Vec<_>>(),
                )
                .about(id)
                .subject("applied-twice", subject)
                .fix(Err(NoFix::new(
                    Code::TwoOwners,
                    "let one of them alone apply the file: move it, or narrow the path of the \
                     other",
                ))),
            );
        }
    }
    found
}
