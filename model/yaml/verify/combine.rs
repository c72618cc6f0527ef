//! The bytes of several edits together. Several additions at one place, and several removals from
//! one collection, are planned anew as one: their commas, brackets and line breaks depend on each
//! other.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::super::edit::{self, Edit, Gone, Op, Plan, Refusal, Splice};
use super::{BYTES, OVERLAP};
use crate::yaml::document::tree::{File, NodeId};
use crate::yaml::document::value::Value;

/// The text after all splices, and what they insert.
pub(super) struct Combined {
    pub text: String,
    pub inserted: Vec<String>,
    pub lost: Vec<String>,
}

/// Edits that are planned together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Group {
    /// Entries or items of the collection behind so many others.
    Add(NodeId, usize),
    /// Entries or items of the collection.
    Remove(NodeId),
    /// One edit alone.
    One(usize),
}

/// A splice with what decides its order among others at the same byte.
struct Placed<'e> {
    document: usize,
    depth: usize,
    order: usize,
    edit: &'e Edit,
    splice: Splice,
}

/// Merges the splices of `edits` into the text of `file`.
pub(super) fn splices(file: &File, edits: &[&Edit]) -> Result<Combined, Refusal> {
    let mut groups: BTreeMap<Group, Vec<&Edit>> = BTreeMap::new();
    let mut first_in: BTreeMap<Group, usize> = BTreeMap::new();
    for (i, edit) in edits.iter().enumerate() {
        let group = group(file, &edit.op, i)?;
        first_in.entry(group).or_insert(i);
        groups.entry(group).or_default().push(edit);
    }
    conflicts(file, edits)?;
    let added: Vec<NodeId> = groups
        .keys()
        .filter_map(|g| {
            if let Group::Add(node, _) = g {
                Some(*node)
            } else {
                None
            }
        })
        .collect();
    let removed = edits.iter().filter_map(|edit| {
        if let Op::Remove { node } = edit.op {
            Some(file.node(node))
        } else {
            None
        }
    });
    let gone = Gone::new(file, removed, end(file, edits));
    let removals = edits.iter().filter(|edit| removes(&edit.op)).count();
    let mut all: Vec<Placed<'_>> = Vec::new();
    let mut combined = Combined {
        text: String::new(),
        inserted: Vec::new(),
        lost: Vec::new(),
    };
    for (group, members) in &groups {
        let Some(first) = members.first() else {
            continue;
        };
        let plan = match group {
            Group::Add(node, at) if members.len() > 1 => add(file, *node, *at, members)?,
            // What is left below a block scalar, and of the end of the file, depends on all that
            // goes.
            Group::Remove(node) if removals > 1 || added.binary_search(node).is_ok() => remove(
                file,
                *node,
                members,
                added.binary_search(node).is_ok(),
                &gone,
            )?,
            _ => Plan {
                splices: first.splices.clone(),
                lost: first.lost_comments.clone(),
            },
        };
        let order = first_in.get(group).copied().unwrap_or(0);
        combined.lost.extend(plan.lost);
        for splice in plan.splices {
            check_range(file, &first.op, &splice)?;
            all.push(Placed {
                document: document(file, &first.op),
                depth: depth(file, &first.op),
                order,
                edit: first,
                splice,
            });
        }
    }
    all.sort_by_key(|p| {
        (
            p.splice.range.start,
            !p.splice.range.is_empty(),
            p.document,
            Reverse(p.depth),
            p.order,
        )
    });
    // What a new block scalar ends before was looked at when it was planned.
    let text = file.text();
    let void = |line: &str| line.trim_start().is_empty() || line.trim_start().starts_with('#');
    let before_removal = |w: &[Placed<'_>]| {
        matches!(w, [a, b] if text.get(a.splice.range.end..b.splice.range.start).is_some_and(|between| between.lines().all(void))
            && removes(&b.edit.op)
            && !std::ptr::eq(a.edit, b.edit)
            && (a.splice.text.contains('|') || a.edit.splices.iter().any(|s| s.text.contains('|'))))
    };
    if all.windows(2).any(before_removal) {
        return Err(OVERLAP);
    }
    let mut at = 0;
    for Placed { splice, .. } in all {
        let between = text.get(at..splice.range.start).ok_or(OVERLAP)?;
        combined.text.push_str(between);
        combined.text.push_str(&splice.text);
        at = splice.range.end;
        combined.inserted.push(splice.text);
    }
    combined.text.push_str(text.get(at..).ok_or(OVERLAP)?);
    Ok(combined)
}

/// Whether an edit takes lines away.
fn removes(op: &Op) -> bool {
    matches!(
        op,
        Op::Remove { .. } | Op::RemoveDocument { .. } | Op::MoveDocument { .. }
    )
}

/// The end of the text without the documents that go there.
fn end(file: &File, edits: &[&Edit]) -> usize {
    let documents = edits
        .iter()
        .filter(|edit| matches!(edit.op, Op::RemoveDocument { .. } | Op::MoveDocument { .. }));
    let last = documents
        .flat_map(|edit| &edit.splices)
        .filter(|splice| splice.range.end == file.text().len() && splice.text.is_empty());
    last.map(|splice| splice.range.start)
        .min()
        .unwrap_or(file.text().len())
}

fn group(file: &File, op: &Op, index: usize) -> Result<Group, Refusal> {
    let exists = |node: &NodeId| {
        if node.index() < file.len() {
            Ok(*node)
        } else {
            Err(BYTES)
        }
    };
    Ok(match op {
        Op::Insert { mapping, at, .. } => Group::Add(exists(mapping)?, *at),
        Op::Push { sequence, at, .. } => Group::Add(exists(sequence)?, *at),
        Op::Remove { node } => Group::Remove(file.node(exists(node)?).parent().ok_or(BYTES)?.id()),
        Op::Set { node, .. } | Op::Rename { key: node, .. } | Op::Nest { mapping: node, .. } => {
            exists(node)?;
            Group::One(index)
        }
        Op::RemoveDocument { .. }
        | Op::MoveDocument { .. }
        | Op::ReplaceDocument { .. }
        | Op::Comment { .. } => Group::One(index),
    })
}

fn add(file: &File, node: NodeId, at: usize, members: &[&Edit]) -> Result<Plan, Refusal> {
    let entries: Vec<(&str, &Value)> = members
        .iter()
        .filter_map(|e| match &e.op {
            Op::Insert { key, value, .. } => Some((key.as_str(), value)),
            _ => None,
        })
        .collect();
    let items: Vec<&Value> = members
        .iter()
        .filter_map(|e| match &e.op {
            Op::Push { value, .. } => Some(value),
            _ => None,
        })
        .collect();
    match (entries.is_empty(), items.is_empty()) {
        (false, true) => edit::add_entries(file.node(node), at, &entries),
        (true, false) => edit::add_items(file.node(node), at, &items),
        _ => Err(OVERLAP),
    }
}

fn remove(
    file: &File,
    node: NodeId,
    members: &[&Edit],
    added: bool,
    gone: &Gone,
) -> Result<Plan, Refusal> {
    let collection = file.node(node);
    let mut positions: Vec<usize> = members
        .iter()
        .filter_map(|e| match e.op {
            Op::Remove { node } => file.node(node).position(),
            _ => None,
        })
        .collect();
    positions.sort_unstable();
    if positions.windows(2).any(|w| w.first() == w.get(1)) {
        return Err(OVERLAP);
    }
    let all = positions.len() >= collection.entries().count().max(collection.items().count());
    if added && all && !file.text().ends_with('\n') {
        return Err(OVERLAP);
    }
    edit::remove_units(collection, &positions, !added, gone)
}

/// Where an edit belongs among those at one byte, by document: a document that moves comes in front
/// of what is added to the one that it moves before.
fn document(file: &File, op: &Op) -> usize {
    match (op, subject(op)) {
        (Op::MoveDocument { before, .. }, _) => 2 * before,
        (Op::RemoveDocument { document } | Op::ReplaceDocument { document, .. }, _) => {
            2 * document + 1
        }
        (_, Some(node)) => 2 * file.node(node).document() + 1,
        (_, None) => 0,
    }
}

/// How deep the place of an edit lies: of two insertions at one byte the deeper one belongs first.
fn depth(file: &File, op: &Op) -> usize {
    let Some(node) = subject(op) else {
        return 0;
    };
    // What closes a nested run in braces stands before what is added behind it.
    let mut depth = 2 + usize::from(matches!(op, Op::Nest { .. }));
    let mut at = file.node(node);
    while let Some(parent) = at.parent() {
        depth += 2;
        at = parent;
    }
    depth
}

fn check_range(file: &File, op: &Op, splice: &Splice) -> Result<(), Refusal> {
    let range = &splice.range;
    let text = file.text();
    if range.start > range.end || text.get(range.clone()).is_none() {
        return Err(BYTES);
    }
    let Some(node) = subject(op) else {
        return Ok(());
    };
    let region = file
        .documents()
        .get(file.node(node).document())
        .ok_or(BYTES)?
        .region();
    if region.start <= range.start && range.end <= region.end {
        Ok(())
    } else {
        Err(BYTES)
    }
}

/// The node that an edit is about; `None` for edits of whole documents.
pub(super) fn subject(op: &Op) -> Option<NodeId> {
    match op {
        Op::Set { node, .. }
        | Op::Remove { node }
        | Op::Insert { mapping: node, .. }
        | Op::Push { sequence: node, .. }
        | Op::Rename { key: node, .. }
        | Op::Nest { mapping: node, .. } => Some(*node),
        Op::RemoveDocument { .. }
        | Op::MoveDocument { .. }
        | Op::ReplaceDocument { .. }
        | Op::Comment { .. } => None,
    }
}

/// Changes that cannot be written together although their bytes may lie apart.
fn conflicts(file: &File, edits: &[&Edit]) -> Result<(), Refusal> {
    let mut others = Others::default();
    for edit in edits {
        match (subject(&edit.op), &edit.op) {
            (Some(node), _) => others.nodes.entry(node).or_default().push(edit),
            (
                None,
                Op::RemoveDocument { document }
                | Op::MoveDocument { document, .. }
                | Op::ReplaceDocument { document, .. },
            ) => {
                _ = others.documents.insert(*document);
            }
            _ => {}
        }
    }
    if edits.iter().any(|edit| others.conflict(file, &edit.op)) {
        Err(OVERLAP)
    } else {
        Ok(())
    }
}

/// Changes by the node that they are about, and the documents that go or are replaced.
#[derive(Default)]
struct Others<'e> {
    nodes: BTreeMap<NodeId, Vec<&'e Edit>>,
    documents: BTreeSet<usize>,
}

impl Others<'_> {
    fn about(&self, node: NodeId) -> impl Iterator<Item = &Op> {
        self.nodes
            .get(&node)
            .into_iter()
            .flatten()
            .map(|edit| &edit.op)
    }

    fn conflict(&self, file: &File, op: &Op) -> bool {
        match op {
            // Lines that move deeper take no other change than one within a line.
            Op::Nest {
                mapping, entries, ..
            } => {
                let node = file.node(*mapping);
                let moved: Vec<_> = node
                    .entries()
                    .skip(entries.start)
                    .take(entries.len())
                    .collect();
                let at_start = |at: usize| at == entries.start && (at == 0 || node.in_flow());
                if self
                    .about(*mapping)
                    .any(|other| matches!(other, Op::Insert { at, .. } if at_start(*at)))
                {
                    return true;
                }
                let (Some((first, _)), Some((_, last))) = (moved.first(), moved.last()) else {
                    return false;
                };
                let mut inside = self.nodes.range(first.id()..NodeId(last.data().subtree));
                inside.any(|(_, edits)| edits.iter().any(|edit| !within_line(edit)))
            }
            // The comma that a removal at the end takes is the one that an addition needs.
            Op::Remove { node } => {
                let node = file.node(*node);
                let Some(parent) = node.parent().filter(|p| p.in_flow()) else {
                    return false;
                };
                let last = node.data().subtree == parent.data().subtree;
                last && self
                    .about(parent.id())
                    .any(|other| matches!(other, Op::Insert { .. } | Op::Push { .. }))
            }
            _ => false,
        }
    }
}

fn within_line(edit: &Edit) -> bool {
    matches!(edit.op, Op::Set { .. } | Op::Rename { .. })
        && edit.splices.len() < 2
        && edit.splices.iter().all(|s| !s.text.contains('\n'))
}
