//! Taking entries and items out. A comment behind one that takes one line stays as a line of its
//! own, comment lines above stay; comments within a longer one go with it and are listed.

use std::collections::BTreeMap;
use std::ops::Range;

use super::emit::Below;
use super::layout::{Layout, unit, units};
use super::{Plan, Refusal, Splice, flow, guard, set};
use crate::yaml::document::node::Node;
use crate::yaml::document::tree::{File, Kind, NodeId};
use crate::yaml::document::value::Value;

/// What leaves a file.
pub(in super::super) struct Gone {
    /// The first node of each removed entry or item, with one past its last descendant.
    nodes: BTreeMap<NodeId, NodeId>,
    /// First byte of what goes with the end of a text without a final line break; the end of the
    /// text where nothing does.
    tail: usize,
}

impl Gone {
    /// The items, or the entries of the values, `values`, and the documents behind `end`.
    pub(in super::super) fn new<'a>(
        file: &'a File,
        values: impl IntoIterator<Item = Node<'a>>,
        end: usize,
    ) -> Self {
        let firsts: BTreeMap<NodeId, Node<'a>> = values
            .into_iter()
            .map(|v| (v.key().unwrap_or(v).id(), v))
            .collect();
        let tail = tail(Layout::new(file), firsts.values().rev().copied(), end);
        Self {
            nodes: firsts
                .iter()
                .map(|(first, value)| (*first, NodeId(value.data().subtree)))
                .collect(),
            tail,
        }
    }
}

/// Where what goes with the end of the text begins: line by line upwards, the blank lines above
/// each included, as far as nothing stays between.
fn tail<'a>(layout: Layout<'a>, values: impl Iterator<Item = Node<'a>>, end: usize) -> usize {
    let mut tail = end;
    for value in values.take_while(|_| !layout.text.ends_with('\n')) {
        let Some(unit) = unit(value) else { break };
        let joins =
            layout.own_line(unit.start) && layout.trailing(unit.end).is_ok_and(|end| end >= tail);
        if !joins || layout.break_before(unit.start).is_none() || alone(layout, &unit).is_some() {
            break;
        }
        tail = before_breaks(layout, layout.line_start(unit.start));
    }
    tail
}

/// Where the line breaks right before `at` begin.
fn before_breaks(layout: Layout<'_>, at: usize) -> usize {
    layout.text[..at].trim_end_matches(['\r', '\n']).len()
}

/// Plans that the units at `units_gone` (ascending positions) leave `collection`; when all go and
/// `collapse` holds, `[]` or `{}` is left. `gone` is all that leaves the file.
pub(in super::super) fn from(
    collection: Node<'_>,
    units_gone: &[usize],
    collapse: bool,
    gone: &Gone,
) -> Result<Plan, Refusal> {
    let layout = Layout::new(collection.file());
    let all = units(collection);
    if units_gone.len() >= all.len() && collapse {
        let empty = if collection.is_mapping() {
            Value::Map(Vec::new())
        } else {
            Value::Seq(Vec::new())
        };
        return set::plan(collection, &empty);
    }
    if flow::is_flow(collection) {
        return flow::remove(collection, units_gone);
    }
    let mut plan = Plan::default();
    let mut rest = units_gone;
    let first = all.first().ok_or(guard::PLACE)?.clone();
    if !layout.own_line(first.start) {
        let run = units_gone
            .iter()
            .enumerate()
            .take_while(|(i, g)| i == *g)
            .count();
        if let Some(last) = run.checked_sub(1) {
            let next = all.get(run).ok_or(guard::LAYOUT)?.start;
            let end = layout.trailing(all.get(last).ok_or(guard::PLACE)?.end)?;
            let range = if layout.has_comment(&(end..next)) {
                let from = layout.text[..first.start]
                    .trim_end_matches([' ', '\t'])
                    .len();
                from..end
            } else {
                first.start..next
            };
            delete(layout, &mut plan, range);
            rest = units_gone.get(run..).unwrap_or(&[]);
        }
    }
    let firsts = firsts(collection, rest);
    for (index, first) in rest.iter().zip(firsts) {
        let unit = all.get(*index).ok_or(guard::PLACE)?;
        if !layout.own_line(unit.start) {
            return Err(guard::LAYOUT);
        }
        layout.column(unit.start)?;
        let mut end = layout.trailing(unit.end)?;
        let open = unit.start >= gone.tail;
        let below = if open {
            Below::default()
        } else {
            layout.below(end)
        };
        if let Some(leaf) = leaf_before(first, gone) {
            end = behind_block_scalar(layout, leaf, end, below)?;
        }
        let range = match layout.break_before(unit.start) {
            // A file without a final line break stays one: what is left above ends it, without the
            // line breaks of blank lines.
            Some(_) if open || end == layout.text.len() => {
                let above = before_breaks(layout, layout.line_start(unit.start));
                above.max(plan.splices.last().map_or(0, |s| s.range.end))..if open {
                    before_breaks(layout, end)
                } else {
                    end
                }
            }
            Some(from) if plan.splices.last().is_none_or(|s| s.range.end <= from) => from..end,
            _ => layout.line_start(unit.start)..layout.next_line(end),
        };
        match alone(layout, unit) {
            Some(comment) => keep(layout, &mut plan, range, unit.start, &comment),
            None => delete(layout, &mut plan, range),
        }
    }
    Ok(plan)
}

/// The comment behind a unit on one line, if there is one.
fn alone(layout: Layout<'_>, unit: &Range<usize>) -> Option<String> {
    let line_break = layout.line_break(unit.end);
    if layout.has_break(unit.clone()) {
        return None;
    }
    layout.comments(&(unit.end..line_break)).pop()
}

/// Deletes all of `range` but a comment, which gets a line of its own where the unit at `start`
/// was.
fn keep(layout: Layout<'_>, plan: &mut Plan, range: Range<usize>, start: usize, comment: &str) {
    let text = &layout.text[range.clone()];
    let eol = layout.file.eol();
    let line = format!("{}{comment}", layout.prefix(start));
    let text = match (text.starts_with(['\r', '\n']), text.ends_with('\n')) {
        (true, _) => format!("{eol}{line}"),
        (false, true) => format!("{line}{eol}"),
        _ => line,
    };
    plan.splices.push(Splice::replace(range, text));
}

fn delete(layout: Layout<'_>, plan: &mut Plan, range: Range<usize>) {
    plan.lost.extend(layout.comments(&range));
    plan.splices.push(Splice::delete(range));
}

/// The first nodes of the units at `positions` (ascending).
fn firsts<'a>(collection: Node<'a>, positions: &[usize]) -> Vec<Node<'a>> {
    let step = if collection.is_mapping() { 2 } else { 1 };
    let mut wanted = positions.iter().peekable();
    let all = collection.children().step_by(step).enumerate();
    all.filter_map(|(position, node)| wanted.next_if(|p| **p == position).map(|_| node))
        .collect()
}

/// The node that will be written right before the place of `first`.
fn leaf_before<'a>(first: Node<'a>, gone: &Gone) -> Option<Node<'a>> {
    let before = |id: NodeId| Some(NodeId(id.0.checked_sub(1)?));
    let mut leaf = before(first.id())?;
    while let Some((start, _)) = gone
        .nodes
        .range(..=leaf)
        .next_back()
        .filter(|(_, end)| leaf < **end)
    {
        leaf = before(*start)?;
    }
    Some(first.file().node(leaf))
}

/// Where a removal behind the block scalar `leaf` ends, so that no line below becomes content of
/// it.
fn behind_block_scalar(
    layout: Layout<'_>,
    leaf: Node<'_>,
    end: usize,
    below: Below,
) -> Result<usize, Refusal> {
    if !matches!(leaf.kind(), Kind::Scalar(style) if style.is_block()) {
        return Ok(end);
    }
    let span = leaf.span();
    let header_break = layout.line_break(span.start);
    let header = layout.text[span.start..header_break]
        .split([' ', '\t'])
        .next()
        .unwrap_or("");
    let content = layout.text[header_break.min(span.end)..span.end]
        .lines()
        .skip(1)
        .find(|l| !l.trim().is_empty());
    let indent = content.map_or(1, |l| l.len() - l.trim_start_matches(' ').len());
    let explicit = header.bytes().any(|b| b.is_ascii_digit());
    if below
        .comment
        .is_some_and(|c| c >= if explicit { 1 } else { indent })
        || (!below.line_break && !header.contains('-'))
    {
        return Err(guard::LAYOUT);
    }
    let mut end = end;
    if below.blank {
        // Blank lines below would become content of a scalar that keeps them, or of one whose lines
        // they are deep enough for.
        let mut next = layout.next_line(end);
        while next < layout.text.len()
            && layout.text[next..layout.line_break(next)].trim().is_empty()
        {
            end = layout.line_break(next);
            next = layout.next_line(next);
        }
        if end == layout.text.len() {
            return Err(guard::LAYOUT);
        }
    }
    Ok(end)
}
