//! Uses of the name by kustomize: which definition each means, so that it is rewritten with it, or
//! why that is not known.
//!
//! A patch of the object, a replacement or a variable that takes its data, and a generator that
//! merges into it mean the only definition that passes through their kustomization; where several
//! pass, the one that alone holds the keys they are about. A patch of a workload that writes the
//! name is a reference of that workload, and decided with it ([`super::demand`]). All else blocks.

use std::collections::{BTreeMap, BTreeSet};

use kubewright_model::finding::Location;
use kubewright_model::kube::{FileId, OutsideUse, OutsideUseKind, SetId, Workspace};
use kubewright_model::text;
use kubewright_model::text::Path;
use kubewright_model::yaml::Node;

use super::Reason;
use super::codes::Code;
use super::group::{Collision, Definition};
use super::objects::{Origin, generated_keys, generator_node};
use super::suffix::NewName;

/// What kustomize does with the name.
#[derive(Debug, Default)]
pub(super) struct Attached {
    /// Uses that mean one definition, by index.
    pub(super) uses: Vec<(usize, OutsideUse)>,
    /// Patches of workloads that refer to the name.
    pub(super) references: Vec<OutsideUse>,
    /// Targets that are expressions, with the definitions they may choose: they must choose them
    /// still.
    pub(super) patterns: Vec<(BTreeSet<usize>, OutsideUse)>,
    /// What is not understood well enough to rewrite.
    pub(super) blocks: Vec<Reason>,
}

/// Finds all uses, and gives the definitions the keys that patches and generators add to them.
pub(super) fn attach(ws: &Workspace, collision: &mut Collision<'_>) -> Attached {
    let mut all: Vec<(OutsideUse, BTreeSet<usize>)> = Vec::new();
    let mut known: BTreeMap<(Location, u8, Option<usize>), Vec<usize>> = BTreeMap::new();
    let own: BTreeSet<Location> = collision
        .definitions
        .iter()
        .map(Definition::location)
        .collect();
    for (at, definition) in collision.definitions.iter().enumerate() {
        for found in uses_of(ws, collision, definition, definition.own_name()) {
            if own.contains(&found.location) && found.what == OutsideUseKind::Generator {
                continue;
            }
            let alike = known
                .entry((
                    found.location.clone(),
                    found.what as u8,
                    found.inline.as_ref().map(|i| i.start),
                ))
                .or_default();
            if let Some(same) = alike
                .iter()
                .find(|same| all.get(**same).is_some_and(|(known, _)| *known == found))
            {
                all.iter_mut()
                    .skip(*same)
                    .take(1)
                    .for_each(|(_, owners)| _ = owners.insert(at));
            } else {
                alike.push(all.len());
                all.push((found, BTreeSet::from([at])));
            }
        }
    }
    let mut attached = Attached::default();
    for (found, owners) in all {
        match found.what {
            OutsideUseKind::PatchReference if found.exact => attached.references.push(found),
            OutsideUseKind::PatchTarget if !found.exact && is_expression(ws, &found.location) => {
                attached.patterns.push((owners, found));
            }
            _ => match owner(collision, &found, &owners) {
                Some(at) => attached.add(ws, collision, at, found),
                None => attached.blocks.push(refused(ws, &found)),
            },
        }
    }
    let mut known = own;
    known.extend(
        attached
            .uses
            .iter()
            .flat_map(|(_, found)| [found.declared.clone(), found.location.clone()]),
    );
    for definition in &collision.definitions {
        attached
            .blocks
            .extend(unnamed_change(ws, collision, definition, &known));
    }
    attached
}

impl Attached {
    fn add(&mut self, ws: &Workspace, collision: &mut Collision<'_>, at: usize, found: OutsideUse) {
        let Some(definition) = collision.definitions.get_mut(at) else {
            return;
        };
        if matches!(
            found.what,
            OutsideUseKind::Patch | OutsideUseKind::PatchTarget
        ) {
            definition.added.extend(found.keys.iter().cloned());
        }
        if let Some(node) = merging_generator(ws, &found) {
            let (keys, complete) = generated_keys(node);
            definition.added.extend(keys);
            definition.open |= !complete;
        }
        self.uses.push((at, found));
    }
}

/// Uses of a name that a definition has or shall have.
pub(super) fn uses_of(
    ws: &Workspace,
    collision: &Collision<'_>,
    definition: &Definition<'_>,
    name: &str,
) -> Vec<OutsideUse> {
    match definition.origin {
        Origin::Resource(id) => ws.uses_outside(Some(id), collision.to, name),
        Origin::Encrypted(..) => Vec::new(),
        Origin::Generator(file, _) => {
            let (sets, through) = &definition.course;
            ws.uses_outside_of(file, through, sets, collision.to, name)
        }
    }
}

/// The sets a definition is part of.
pub(super) fn sets_of(ws: &Workspace, definition: &Definition<'_>) -> Vec<SetId> {
    match definition.origin {
        Origin::Resource(id) => ws.sets_of(id),
        Origin::Generator(..) | Origin::Encrypted(..) => definition.course.0.clone(),
    }
}

/// The only definition that a use can mean.
fn owner(collision: &Collision<'_>, found: &OutsideUse, owners: &BTreeSet<usize>) -> Option<usize> {
    if !found.exact {
        return None;
    }
    let only = |found: Vec<usize>| {
        if let [one] = found[..] {
            Some(one)
        } else {
            None
        }
    };
    let holders = |at: &&usize| {
        let definition = collision.definitions.get(**at);
        !found.keys.is_empty()
            && found
                .keys
                .iter()
                .all(|k| definition.is_some_and(|d| d.holds(k, false)))
    };
    only(owners.iter().copied().collect())
        .or_else(|| only(owners.iter().filter(holders).copied().collect()))
}

fn merging_generator<'a>(ws: &'a Workspace, found: &OutsideUse) -> Option<Node<'a>> {
    let kustomization = ws
        .kustomization(found.location.file)
        .filter(|_| found.what == OutsideUseKind::Generator)?;
    let at = kustomization
        .generators
        .iter()
        .position(|g| g.location == found.location)?;
    generator_node(ws, kustomization.file, at)
}

/// Whether a target is written as an expression.
fn is_expression(ws: &Workspace, location: &Location) -> bool {
    let text = ws.scalar_at(location).and_then(Node::text);
    text.is_some_and(|t| {
        t.bytes()
            .any(|b| !(b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.')))
    })
}

/// What a use is, for messages.
pub(super) fn what(kind: OutsideUseKind) -> &'static str {
    match kind {
        OutsideUseKind::Patch => "a patch",
        OutsideUseKind::PatchTarget => "the target of a patch",
        OutsideUseKind::PatchReference => "a reference in a patch",
        OutsideUseKind::Replacement => "a replacement or variable",
        OutsideUseKind::Generator => "a generator",
    }
}

fn refused(ws: &Workspace, found: &OutsideUse) -> Reason {
    let why = match found.what {
        OutsideUseKind::PatchReference => {
            "may write the name, and it is not clear whether that is a reference"
        }
        OutsideUseKind::Generator if !found.exact => {
            "replaces what the definition holds, or defines it again"
        }
        _ if found.exact => "is about it, and it is not clear which definition that means",
        _ => "is about it in a way that a rename cannot follow",
    };
    Reason::new(
        Code::OutsideUse,
        text![
            what(found.what),
            " ",
            why,
            " (",
            Path(&ws.file(found.location.file).path),
            ")"
        ],
    )
}

/// A change of the data of a definition on its way to the cluster that does not name it.
fn unnamed_change(
    ws: &Workspace,
    collision: &Collision<'_>,
    definition: &Definition<'_>,
    known: &BTreeSet<Location>,
) -> Option<Reason> {
    let reason = |what: &str| {
        Some(Reason::new(
            Code::OutsideUse,
            format!("{what} changes the definition on its way to the cluster"),
        ))
    };
    match definition.origin {
        Origin::Resource(id) => {
            let data = ["data", "binaryData", "stringData"];
            let touches = ws.touches(id);
            let touch = touches
                .iter()
                .find(|t| data.iter().any(|path| t.affects(path)) && !known.contains(&t.location));
            reason(touch?.what.name())
        }
        Origin::Encrypted(..) => None,
        Origin::Generator(..) => {
            let unnamed = |file: &&FileId| {
                let roots = ws.file(**file).yaml.iter().flat_map(|y| {
                    (0..y.documents().len())
                        .filter_map(|i| y.root(i))
                        .collect::<Vec<_>>()
                });
                let targets = roots.flat_map(|r| {
                    ["patches", "patchesJson6902"]
                        .into_iter()
                        .filter_map(move |k| r.get(k))
                });
                let mut targets = targets
                    .flat_map(Node::items)
                    .filter_map(|p| p.get("target"));
                targets.any(|t| {
                    t.get("name").is_none()
                        && t.get("kind")
                            .and_then(Node::text)
                            .is_none_or(|k| k == collision.to.kind())
                })
            };
            definition.through.iter().find(unnamed)?;
            reason("a patch")
        }
    }
}

/// Whether each expression chooses the renamed definitions by their new names too.
pub(super) fn still_chosen(
    ws: &Workspace,
    collision: &Collision<'_>,
    attached: &Attached,
    names: &[Option<NewName>],
) -> Option<Reason> {
    for (owners, pattern) in &attached.patterns {
        for at in owners {
            let (Some(definition), Some(Some(name))) =
                (collision.definitions.get(*at), names.get(*at))
            else {
                continue;
            };
            let uses = uses_of(ws, collision, definition, &name.name);
            if !uses
                .iter()
                .any(|u| u.what == pattern.what && u.location == pattern.location)
            {
                let path = &ws.file(pattern.location.file).path;
                let text = text![
                    "the target of a patch in ",
                    Path(path),
                    " is an expression that would not choose ",
                    &name.name
                ];
                return Some(Reason::new(Code::OutsideUse, text));
            }
        }
    }
    None
}
