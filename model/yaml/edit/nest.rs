//! Moving a run of entries under new keys: every line of the run gets the same number of spaces
//! more.

use std::ops::Range;

use super::emit::{Style, push_spaces};
use super::layout::{Layout, units};
use super::{Level, Plan, Refusal, Splice, flow, guard, insert};
use crate::yaml::document::node::Node;
use crate::yaml::document::tree::Kind;

/// Plans the run `range` of the entries of `mapping` under the keys of `under`.
pub(super) fn plan(
    mapping: Node<'_>,
    range: &Range<usize>,
    under: &[Level],
) -> Result<Plan, Refusal> {
    keys(mapping, range, under)?;
    if flow::is_flow(mapping) {
        return flow::nest(mapping, range, under);
    }
    let layout = Layout::new(mapping.file());
    let all = units(mapping);
    let first = all.get(range.start).ok_or(guard::PLACE)?;
    let last = all.get(range.end.wrapping_sub(1)).ok_or(guard::PLACE)?;
    let (_, leaf) = mapping
        .entries()
        .nth(range.end.wrapping_sub(1))
        .ok_or(guard::PLACE)?;
    let column = layout.column(first.start)?;
    // Comments below that stand deeper belong to what moves.
    let end = layout.deeper_comments(layout.trailing(last.end)?, column, leaf);
    let mut style = layout.style(mapping);
    style.below.line_break = true;
    let eol = style.eol;
    let Opening {
        text: open,
        columns,
    } = opening(&style, column, under)?;
    let at = columns.last().copied().unwrap_or(column);
    let mut plan = Plan::default();
    let line = if layout.own_line(first.start) {
        let mut from = layout.line_start(first.start);
        if mapping.parent().is_some() || range.start > 0 {
            from = above(
                layout,
                from,
                column,
                all.get(range.start.wrapping_sub(1))
                    .map_or(mapping.mark().unwrap_or(0), |u| u.end),
            );
        }
        plan.splices.push(Splice::insert(
            from,
            format!("{}{open}{eol}", " ".repeat(column)),
        ));
        from
    } else {
        plan.splices.push(Splice::insert(
            first.start,
            format!("{open}{eol}{}", " ".repeat(at)),
        ));
        layout.next_line(first.start)
    };
    indent(mapping, layout, line..end, at - column, &mut plan)?;
    let mut close = String::new();
    style.below = layout.below(end);
    for (level, at) in under.iter().zip(columns).rev() {
        for (key, value) in &level.behind {
            insert::seal(layout, leaf)?;
            let written = style.entry(key, value, at, true);
            close.push_str(eol);
            push_spaces(&mut close, at);
            close.push_str(&written.head);
            close.push_str(&written.tail);
        }
    }
    plan.splices.push(Splice::insert(end, close));
    Ok(plan)
}

/// The keys above a run that moves.
struct Opening {
    text: String,
    /// The column of the entries of each level.
    columns: Vec<usize>,
}

/// The keys of `under`, with the entries that stand before the run.
fn opening(style: &Style, column: usize, under: &[Level]) -> Result<Opening, Refusal> {
    let (mut text, mut columns) = (String::new(), Vec::new());
    let mut at = column;
    let mut dash = None;
    for (i, level) in under.iter().enumerate() {
        if i > 0 {
            begin(&mut text, style.eol, at, &mut dash);
        }
        text.push_str(&style.key(&level.key));
        text.push(':');
        at += if level.item {
            style.dash + 2
        } else {
            style.step
        };
        dash = level.item.then_some(at);
        columns.push(at);
        for (key, value) in &level.before {
            let written = style.entry(key, value, at, false);
            begin(&mut text, style.eol, at, &mut dash);
            text.push_str(&written.head);
            text.push_str(&written.tail);
        }
    }
    if dash.is_some() {
        return Err(guard::LAYOUT);
    }
    Ok(Opening { text, columns })
}

/// Indents the lines of a region by that many spaces more.
fn indent(
    mapping: Node<'_>,
    layout: Layout<'_>,
    region: Range<usize>,
    more: usize,
    plan: &mut Plan,
) -> Result<(), Refusal> {
    let scalars: Vec<Range<usize>> = mapping
        .descendants()
        .filter(|n| matches!(n.kind(), Kind::Scalar(s) if s.is_block()))
        .map(Node::span)
        .collect();
    let more = " ".repeat(more);
    let mut line = region.start;
    while line < region.end {
        let text = &layout.text[line..layout.line_break(line)];
        let content = scalars
            .get(scalars.partition_point(|s| s.end <= line))
            .is_some_and(|s| s.start < line);
        // In a quoted scalar that moves, such a line would be less indented than the rest.
        if !content && text.trim().is_empty() && text.contains('\t') {
            return Err(guard::TAB);
        }
        if !text.is_empty() && (content || !text.trim().is_empty()) {
            plan.splices.push(Splice::insert(line, more.clone()));
        }
        line = layout.next_line(line);
    }
    Ok(())
}

/// A line break and the indentation up to `at`, with the dash of an item that begins here.
fn begin(open: &mut String, eol: &str, at: usize, dash: &mut Option<usize>) {
    open.push_str(eol);
    if dash.take().is_some() {
        push_spaces(open, at - 2);
        open.push_str("- ");
    } else {
        push_spaces(open, at);
    }
}

/// Whether no new key meets another one.
fn keys(mapping: Node<'_>, range: &Range<usize>, under: &[Level]) -> Result<(), Refusal> {
    let count = mapping.entries().count();
    if range.is_empty() || range.end > count || under.is_empty() {
        return Err(guard::PLACE);
    }
    let all: Vec<&str> = mapping
        .entries()
        .map(|(k, _)| k.text().unwrap_or(""))
        .collect();
    let moved = all.get(range.clone()).unwrap_or(&[]);
    let mut taken: Vec<&str> = all
        .iter()
        .enumerate()
        .filter(|(i, _)| !range.contains(i))
        .map(|(_, k)| *k)
        .collect();
    for level in under {
        if taken.contains(&level.key.as_str()) {
            return Err(guard::EXISTS);
        }
        taken = level
            .before
            .iter()
            .chain(&level.behind)
            .map(|(k, _)| k.as_str())
            .collect();
    }
    if moved.iter().any(|k| taken.contains(k)) {
        Err(guard::EXISTS)
    } else {
        Ok(())
    }
}

/// First byte of the comment lines right above the line at `from` that stand at `column`, not
/// before `limit`.
fn above(layout: Layout<'_>, from: usize, column: usize, limit: usize) -> usize {
    let mut from = from;
    while let Some(end) = layout.break_before(from) {
        let line = layout.line_start(end);
        let start = line + column;
        let is_comment = line > limit
            && layout.file.comments.iter().any(|c| c.start == start)
            && layout.own_line(start);
        if !is_comment {
            break;
        }
        from = line;
    }
    from
}
