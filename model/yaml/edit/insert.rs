//! Adding entries to mappings and items to sequences.
//!
//! In block style new lines go right behind the entry before, its trailing comment and block scalar
//! included, so that blank lines and comments above the next entry stay with that one.

use super::emit::Written;
use super::layout::{Layout, units};
use super::{Plan, Refusal, Splice, flow, guard, set};
use crate::yaml::document::node::Node;
use crate::yaml::document::tree::{Collection, Kind, ScalarStyle};
use crate::yaml::document::value::Value;

/// Plans further entries of `mapping` behind its first `at` entries.
pub(in super::super) fn entries(
    mapping: Node<'_>,
    at: usize,
    new: &[(&str, &Value)],
) -> Result<Plan, Refusal> {
    match mapping.kind() {
        Kind::Mapping(Collection::Block) => block(mapping, at, |layout, column, last| {
            let mut style = layout.style(mapping);
            style.below = layout.below(last);
            Ok(new
                .iter()
                .enumerate()
                .map(|(i, (key, value))| style.entry(key, value, column, i + 1 == new.len()))
                .collect())
        }),
        Kind::Mapping(Collection::Flow) => flow::insert(mapping, at, &flow::New::Entries(new)),
        Kind::Scalar(ScalarStyle::Plain) if mapping.is_null() => {
            guard::subtree(mapping)?;
            let value = Value::Map(
                new.iter()
                    .map(|(k, v)| ((*k).to_owned(), (*v).clone()))
                    .collect(),
            );
            set::plan(mapping, &value)
        }
        _ => Err(guard::KIND),
    }
}

/// Plans further items of `sequence` behind its first `at` items.
pub(in super::super) fn items(
    sequence: Node<'_>,
    at: usize,
    new: &[&Value],
) -> Result<Plan, Refusal> {
    match sequence.kind() {
        Kind::Sequence(Collection::Block) => block(sequence, at, |layout, column, last| {
            let mut style = layout.style(sequence);
            style.below = layout.below(last);
            Ok(new
                .iter()
                .enumerate()
                .map(|(i, value)| style.item(value, column, i + 1 == new.len()))
                .collect())
        }),
        Kind::Sequence(Collection::Flow) => flow::insert(sequence, at, &flow::New::Items(new)),
        Kind::Scalar(ScalarStyle::Plain) if sequence.is_null() => {
            guard::subtree(sequence)?;
            let value = Value::Seq(new.iter().map(|v| (*v).clone()).collect());
            set::plan(sequence, &value)
        }
        _ => Err(guard::KIND),
    }
}

fn block<'a>(
    collection: Node<'a>,
    at: usize,
    write: impl Fn(Layout<'a>, usize, usize) -> Result<Vec<Written>, Refusal>,
) -> Result<Plan, Refusal> {
    let layout = Layout::new(collection.file());
    let all = units(collection);
    let first = all.first().ok_or(guard::LAYOUT)?;
    let column = layout.column(first.start)?;
    let pad = " ".repeat(column);
    let eol = layout.file.eol();
    let mut plan = Plan::default();
    let behind = match at.checked_sub(1) {
        Some(before) => {
            let unit = all.get(before).ok_or(guard::PLACE)?;
            let last = collection
                .children()
                .nth(if collection.is_mapping() {
                    before * 2 + 1
                } else {
                    before
                })
                .ok_or(guard::PLACE)?;
            seal(layout, last)?;
            Some(layout.deeper_comments(layout.trailing(unit.end)?, column, last))
        }
        None => match collection.mark() {
            Some(mark) if layout.has_break(mark..first.start) => Some(layout.trailing(mark + 1)?),
            _ => None,
        },
    };
    if let Some(behind) = behind {
        let lines = write(layout, column, behind)?;
        let text: Vec<_> = lines
            .iter()
            .map(|w| format!("{eol}{pad}{}{}", w.head, w.tail))
            .collect();
        plan.splices.push(Splice::insert(behind, text.concat()));
    } else {
        let lines = write(layout, column, layout.line_break(first.start))?;
        let text: Vec<_> = lines
            .iter()
            .map(|w| format!("{}{}{eol}{pad}", w.head, w.tail))
            .collect();
        plan.splices
            .push(Splice::insert(first.start, text.concat()));
    }
    Ok(plan)
}

/// A block scalar that ends the file without a line break must not get one through what is written
/// behind it.
pub(super) fn seal(layout: Layout<'_>, node: Node<'_>) -> Result<(), Refusal> {
    let leaf = layout.last_leaf(node);
    let span = leaf.span();
    if !matches!(leaf.kind(), Kind::Scalar(style) if style.is_block())
        || layout.line_break(span.end) < layout.text.len()
    {
        return Ok(());
    }
    let header = layout.text[span.start..layout.line_break(span.start)]
        .split([' ', '\t'])
        .next()
        .unwrap_or("");
    if header.contains('-') || leaf.text() == Some("") {
        Ok(())
    } else {
        Err(guard::OPEN_BLOCK_SCALAR)
    }
}
