//! The bytes of several edits together. Several additions at one place, and several removals from one collection, are planned anew as
//! one: their commas, brackets and line breaks depend on each other.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::super::edit::{self, Edit, Op, Plan, Refusal, Splice};
use super::super::tree::{File, Kind, NodeId};
use super::super::value::Value;
use super::{BYTES, OVERLAP};

/// The text after all splices, and what they insert.
pub(super) struct Combined {
    pub text: String,
    pub inserted: Vec<String>,
    pub lost: Vec<String>,
}

/// Edits that are planned together.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Group {
    /// Entries or items of the collection behind so many others.
    Add(NodeId, usize),
    /// Entries or items of the collection.
    Remove(NodeId),
    /// Documents behind so many others.
    Documents(usize),
    /// One edit alone.
    One(usize),
}

/// Merges the splices of `edits` into the text of `file`.
pub(super) fn splices(file: &File, edits: &[&Edit]) -> Result<Combined, Refusal> {
    let mut groups: BTreeMap<Group, Vec<&Edit>> = BTreeMap::new();
    for (i, edit) in edits.iter().enumerate() {
        groups.entry(group(file, &edit.op, i)?).or_default().push(edit);
    }
    let added: Vec<NodeId> = groups.keys().filter_map(|g| if let Group::Add(node, _) = g { Some(*node) } else { None }).collect();
    let mut all: Vec<(usize, usize, &Edit, Splice)> = Vec::new();
    let mut combined = Combined { text: String::new(), inserted: Vec::new(), lost: Vec::new() };
    for (group, members) in &groups {
        let Some(first) = members.first() else { continue };
        let plan = match group {
            Group::Add(node, at) if members.len() > 1 => add(file, *node, *at, members)?,
            Group::Remove(node) if members.len() > 1 || added.contains(node) => remove(file, *node, members, added.contains(node))?,
            Group::Documents(at) if members.len() > 1 => documents(file, *at, members)?,
            _ => Plan { splices: first.splices.clone(), lost: first.lost_comments.clone() },
        };
        let order = edits.iter().position(|e| std::ptr::eq(*e, *first)).unwrap_or(0);
        combined.lost.extend(plan.lost);
        for splice in plan.splices {
            check_range(file, &first.op, &splice)?;
            all.push((depth(file, &first.op), order, first, splice));
        }
    }
    nested(&all)?;
    all.sort_by_key(|(depth, order, _, s)| (s.range.start, !s.range.is_empty(), Reverse(*depth), *order));
    let text = file.text();
    let mut at = 0;
    for (_, _, _, splice) in all {
        let between = text.get(at..splice.range.start).ok_or(OVERLAP)?;
        combined.text.push_str(between);
        combined.text.push_str(&splice.text);
        at = splice.range.end;
        combined.inserted.push(splice.text);
    }
    combined.text.push_str(text.get(at..).ok_or(OVERLAP)?);
    Ok(combined)
}

fn group(file: &File, op: &Op, index: usize) -> Result<Group, Refusal> {
    let exists = |node: &NodeId| if node.index() < file.len() { Ok(*node) } else { Err(BYTES) };
    Ok(match op {
        Op::Insert { mapping, at, .. } => Group::Add(exists(mapping)?, *at),
        Op::Push { sequence, at, .. } => Group::Add(exists(sequence)?, *at),
        Op::Remove { node } => Group::Remove(file.node(exists(node)?).parent().ok_or(BYTES)?.id()),
        Op::InsertDocument { at, .. } => Group::Documents(*at),
        Op::Set { node, .. } | Op::Rename { key: node, .. } | Op::Nest { mapping: node, .. } => {
            exists(node)?;
            Group::One(index)
        }
        Op::RemoveDocument { .. } | Op::ReplaceDocument { .. } => Group::One(index),
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

fn remove(file: &File, node: NodeId, members: &[&Edit], added: bool) -> Result<Plan, Refusal> {
    let collection = file.node(node);
    let mut gone: Vec<usize> = members
        .iter()
        .filter_map(|e| match e.op {
            Op::Remove { node } => file.node(node).position(),
            _ => None,
        })
        .collect();
    gone.sort_unstable();
    if gone.windows(2).any(|w| w.first() == w.get(1)) {
        return Err(OVERLAP);
    }
    edit::remove_units(collection, &gone, !added)
}

fn documents(file: &File, at: usize, members: &[&Edit]) -> Result<Plan, Refusal> {
    let values: Vec<&Value> = members
        .iter()
        .filter_map(|e| match &e.op {
            Op::InsertDocument { value, .. } => Some(value),
            _ => None,
        })
        .collect();
    edit::add_documents(file, at, &values)
}

/// How deep the place of an edit lies: of two insertions at one byte the deeper one belongs first.
fn depth(file: &File, op: &Op) -> usize {
    let node = match op {
        Op::Set { node, .. } | Op::Remove { node } => *node,
        Op::Insert { mapping: node, .. }
        | Op::Push { sequence: node, .. }
        | Op::Rename { key: node, .. }
        | Op::Nest { mapping: node, .. } => *node,
        _ => return 0,
    };
    let mut depth = 1;
    let mut at = file.node(node);
    while let Some(parent) = at.parent() {
        depth += 1;
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
    let node = match op {
        Op::Set { node, .. } | Op::Remove { node } => *node,
        Op::Insert { mapping: node, .. }
        | Op::Push { sequence: node, .. }
        | Op::Rename { key: node, .. }
        | Op::Nest { mapping: node, .. } => *node,
        _ => return Ok(()),
    };
    let region = file.documents().get(file.node(node).document()).ok_or(BYTES)?.region();
    if region.start <= range.start && range.end <= region.end { Ok(()) } else { Err(BYTES) }
}

/// Lines that move deeper take no other change than one within a line.
fn nested(all: &[(usize, usize, &Edit, Splice)]) -> Result<(), Refusal> {
    for (_, _, nest, _) in all.iter().filter(|(_, _, e, _)| matches!(e.op, Op::Nest { .. })) {
        let (Some(first), Some(last)) = (nest.splices.first(), nest.splices.last()) else { continue };
        let hull = first.range.start..=last.range.end;
        let touches = |s: &Splice| s.range.start <= *hull.end() && s.range.end >= *hull.start();
        let lines = |s: &Splice| s.text.contains('\n') || s.range.len() > 0;
        if all.iter().any(|(_, _, e, s)| !std::ptr::eq(*e, *nest) && touches(s) && lines(s) && multi_line(e)) {
            return Err(OVERLAP);
        }
    }
    Ok(())
}

fn multi_line(edit: &Edit) -> bool {
    edit.splices.len() > 1 || edit.splices.iter().any(|s| s.text.contains('\n')) || !matches!(edit.op, Op::Set { .. } | Op::Rename { .. })
}

/// Whether a node is a missing or null scalar, which additions make a collection.
pub(super) fn is_scalar(file: &File, node: NodeId) -> bool {
    matches!(file.node(node).kind(), Kind::Scalar(_))
}
