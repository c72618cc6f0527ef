//! Edits inside flow collections, JSON included: commas, one line or one entry a line.

use std::ops::Range;

use super::emit::Style;
use super::layout::{Layout, units};
use super::{Level, Plan, Refusal, Splice, guard, set as scalars};
use crate::yaml::document::node::Node;
use crate::yaml::document::tree::{Collection, Kind};
use crate::yaml::document::value::Value;
use crate::yaml::parse::scan::MAX_KEY;

/// What is added to a flow collection.
pub(super) enum New<'v> {
    Entries(&'v [(&'v str, &'v Value)]),
    Items(&'v [&'v Value]),
}

impl New<'_> {
    fn write(&self, style: &Style, lines: Option<(&str, &str)>) -> Vec<String> {
        match (self, lines) {
            (Self::Entries(new), None) => new.iter().map(|(k, v)| style.flow_entry(k, v)).collect(),
            (Self::Items(new), None) => new.iter().map(|v| style.flow(v, true)).collect(),
            (Self::Entries(new), Some((indent, unit))) => new
                .iter()
                .map(|(k, v)| style.pretty_entry(k, v, indent, unit))
                .collect(),
            (Self::Items(new), Some((indent, unit))) => {
                new.iter().map(|v| style.pretty(v, indent, unit)).collect()
            }
        }
    }
}

/// White space before the first entry or item of the nearest collection that is written one a line,
/// and what one level more is.
fn lines<'a>(layout: Layout<'a>, node: Node<'a>) -> Option<(&'a str, &'a str)> {
    let mut at = Some(node);
    while let Some(n) = at {
        if !n.in_flow() {
            return None;
        }
        if let Some(first) = units(n).first()
            && layout.has_break(n.span().start..first.start)
            && layout.own_line(first.start)
        {
            let inner = layout.prefix(first.start);
            let outer = indent_of(layout, n.span().start);
            let unit = inner
                .strip_prefix(outer)
                .filter(|u| !u.is_empty())
                .unwrap_or("  ");
            return Some((inner, unit));
        }
        at = n.parent();
    }
    None
}

/// White space at the start of the line of `at`.
fn indent_of(layout: Layout<'_>, at: usize) -> &str {
    let line = &layout.text[layout.line_start(at)..at];
    &line[..line.len() - line.trim_start_matches([' ', '\t']).len()]
}

/// Plans `value` in the place of `node`, which stands inside a flow collection.
pub(super) fn set(layout: Layout<'_>, node: Node<'_>, value: &Value) -> Result<Plan, Refusal> {
    let style = layout.style(node);
    let span = node.span();
    let lost = layout.comments(&span);
    let text = match value {
        Value::Map(_) | Value::Seq(_) => match node.parent().and_then(|p| lines(layout, p)) {
            Some((_, unit)) if layout.own_line(node.key().unwrap_or(node).span().start) => {
                style.pretty(value, indent_of(layout, span.start), unit)
            }
            _ => style.flow(value, true),
        },
        _ => scalars::scalar(node, value, &style),
    };
    let text = if !node.is_missing() {
        text
    } else if let Some(key) = node.key().filter(|_| node.mark().is_none()) {
        if key.span().len() > MAX_KEY {
            return Err(guard::LAYOUT);
        }
        format!(": {text}")
    } else if layout.text[..span.start].ends_with([' ', '\n', '\t']) {
        text
    } else {
        format!(" {text}")
    };
    Ok(Plan {
        splices: vec![Splice::replace(layout.over_blanks(node), text)],
        lost,
    })
}

/// Byte of the comma behind the unit that ends at `end`, if there is one.
fn comma(layout: Layout<'_>, end: usize) -> Option<usize> {
    let at = layout.skip(end);
    (layout.byte(at) == Some(b',')).then_some(at)
}

/// Whether nothing but white space and a comment follows `at` on its line, which is not the last
/// one.
fn ends_line(layout: Layout<'_>, at: usize) -> Option<usize> {
    layout
        .trailing(at)
        .ok()
        .filter(|end| *end < layout.text.len())
}

/// Plans further entries or items behind the first `at` of `collection`.
pub(super) fn insert(collection: Node<'_>, at: usize, new: &New<'_>) -> Result<Plan, Refusal> {
    let layout = Layout::new(collection.file());
    let style = layout.style(collection);
    let eol = style.eol;
    let span = collection.span();
    let all = units(collection);
    let mut plan = Plan::default();
    let Some(first) = all.first() else {
        return Ok(into_empty(layout, &style, collection, new));
    };
    let own = lines(layout, collection)
        .filter(|_| layout.own_line(first.start) && layout.has_break(span.start..first.start));
    let Some((indent, _)) = own else {
        let text = new.write(&style, None).join(&style.comma);
        let splice = match at.checked_sub(1) {
            None => Splice::insert(first.start, format!("{text}{}", style.comma)),
            Some(before) => {
                let end = all.get(before).ok_or(guard::PLACE)?.end;
                Splice::insert(end, format!("{}{text}", style.comma))
            }
        };
        plan.splices.push(splice);
        return Ok(plan);
    };
    let written = new.write(&style, own);
    let joined = written.join(&format!(",{eol}{indent}"));
    let Some(before) = at.checked_sub(1) else {
        match ends_line(layout, span.start + 1) {
            Some(end) => plan
                .splices
                .push(Splice::insert(end, format!("{eol}{indent}{joined},"))),
            None => plan.splices.push(Splice::insert(
                first.start,
                format!("{joined},{eol}{indent}"),
            )),
        }
        return Ok(plan);
    };
    let end = all.get(before).ok_or(guard::PLACE)?.end;
    match comma(layout, end) {
        Some(comma) => match ends_line(layout, comma + 1) {
            Some(line) => plan
                .splices
                .push(Splice::insert(line, format!("{eol}{indent}{joined},"))),
            None => plan
                .splices
                .push(Splice::insert(comma + 1, format!(" {joined},"))),
        },
        None => match ends_line(layout, end) {
            Some(line) => {
                plan.splices.push(Splice::insert(end, ","));
                plan.splices
                    .push(Splice::insert(line, format!("{eol}{indent}{joined}")));
            }
            None => plan
                .splices
                .push(Splice::insert(end, format!(",{eol}{indent}{joined}"))),
        },
    }
    Ok(plan)
}

/// The first entries or items of an empty collection.
fn into_empty(layout: Layout<'_>, style: &Style, collection: Node<'_>, new: &New<'_>) -> Plan {
    let span = collection.span();
    let inside = span.start + 1..span.end - 1;
    if layout.has_comment(&inside) {
        let text = new.write(style, None).join(&style.comma);
        return Plan {
            splices: vec![Splice::insert(inside.start, text)],
            lost: Vec::new(),
        };
    }
    let around = collection
        .parent()
        .filter(|_| layout.own_line(collection.key().unwrap_or(collection).span().start));
    let text = match around.and_then(|p| lines(layout, p)) {
        Some((indent, unit)) => {
            let (eol, inner) = (style.eol, format!("{indent}{unit}"));
            let lines = new
                .write(style, Some((&inner, unit)))
                .join(&format!(",{eol}{inner}"));
            format!("{eol}{inner}{lines}{eol}{indent}")
        }
        None => new.write(style, None).join(&style.comma),
    };
    Plan {
        splices: vec![Splice::replace(inside, text)],
        lost: Vec::new(),
    }
}

/// Plans that the units at `gone` (ascending) leave `collection`; not all of them.
pub(super) fn remove(collection: Node<'_>, gone: &[usize]) -> Result<Plan, Refusal> {
    let layout = Layout::new(collection.file());
    let all = units(collection);
    let mut plan = Plan::default();
    let kept_last = (0..all.len())
        .rev()
        .find(|i| gone.binary_search(i).is_err())
        .ok_or(guard::PLACE)?;
    for index in gone.iter().copied().filter(|i| *i < kept_last) {
        let unit = all.get(index).ok_or(guard::PLACE)?;
        let comma = comma(layout, unit.end).ok_or(guard::LAYOUT)?;
        let range = match ends_line(layout, comma + 1) {
            Some(end) if layout.own_line(unit.start) => {
                layout.break_before(unit.start).ok_or(guard::LAYOUT)?..end
            }
            _ => {
                let next = all.get(index + 1).ok_or(guard::PLACE)?.start;
                let blank = layout.text[comma + 1..next]
                    .bytes()
                    .all(|b| b == b' ' || b == b'\t');
                unit.start..if blank { next } else { comma + 1 }
            }
        };
        push(layout, &mut plan, range);
    }
    let last = all.len() - 1;
    if kept_last < last {
        let kept = all.get(kept_last).ok_or(guard::PLACE)?.end;
        let end = all.get(last).ok_or(guard::PLACE)?.end;
        let first_gone = all.get(kept_last + 1).ok_or(guard::PLACE)?.start;
        let trailing = comma(layout, end);
        let from = comma(layout, kept).ok_or(guard::LAYOUT)?;
        let whole_lines = layout.own_line(first_gone);
        match (trailing, ends_line(layout, trailing.map_or(end, |c| c + 1))) {
            (_, Some(line)) if whole_lines => {
                if trailing.is_none() {
                    push(layout, &mut plan, from..from + 1);
                }
                push(
                    layout,
                    &mut plan,
                    layout.break_before(first_gone).ok_or(guard::LAYOUT)?..line,
                );
            }
            _ => push(layout, &mut plan, kept..end),
        }
    }
    Ok(plan)
}

fn push(layout: Layout<'_>, plan: &mut Plan, range: Range<usize>) {
    plan.lost.extend(layout.comments(&range));
    plan.splices.push(Splice::delete(range));
}

/// Plans the run `range` of the entries of `mapping` under new keys.
pub(super) fn nest(
    mapping: Node<'_>,
    range: &Range<usize>,
    under: &[Level],
) -> Result<Plan, Refusal> {
    let layout = Layout::new(mapping.file());
    let style = layout.style(mapping);
    let all = units(mapping);
    let first = all.get(range.start).ok_or(guard::PLACE)?;
    let last = all.get(range.end.wrapping_sub(1)).ok_or(guard::PLACE)?;
    let mut plan = Plan::default();
    let own = lines(layout, mapping).filter(|_| {
        (range.start..range.end).all(|i| all.get(i).is_some_and(|u| layout.own_line(u.start)))
    });
    let Some((indent, unit)) = own else {
        let (mut open, mut close) = (String::new(), String::new());
        for level in under {
            open.extend([
                style.string(&level.key, true).as_str(),
                &style.colon,
                if level.item { "[{" } else { "{" },
            ]);
            for (k, v) in &level.before {
                open.push_str(&style.flow_entry(k, v));
                open.push_str(&style.comma);
            }
        }
        for level in under.iter().rev() {
            for (k, v) in &level.behind {
                close.push_str(&style.comma);
                close.push_str(&style.flow_entry(k, v));
            }
            close.push_str(if level.item { "}]" } else { "}" });
        }
        plan.splices.push(Splice::insert(first.start, open));
        plan.splices.push(Splice::insert(last.end, close));
        return Ok(plan);
    };
    let (mut open, mut close, mut pad) = (String::new(), String::new(), indent.to_owned());
    for level in under {
        open.extend([style.string(&level.key, true).as_str(), &style.colon]);
        let mut end = format!("{}{pad}}}", style.eol);
        if level.item {
            open.extend(["[", style.eol, &pad, unit]);
            end = format!("{}{pad}{unit}}}{}{pad}]", style.eol, style.eol);
            pad.push_str(unit);
        }
        open.push('{');
        pad.push_str(unit);
        for (k, v) in &level.before {
            open.extend([style.eol, &pad, &style.pretty_entry(k, v, &pad, unit), ","]);
        }
        for (k, v) in level.behind.iter().rev() {
            end.insert_str(
                0,
                &format!(
                    ",{}{pad}{}",
                    style.eol,
                    style.pretty_entry(k, v, &pad, unit)
                ),
            );
        }
        close.insert_str(0, &end);
        open.push_str(style.eol);
        open.push_str(&pad);
    }
    plan.splices.push(Splice::insert(first.start, open));
    let more = pad.strip_prefix(indent).unwrap_or(&pad).to_owned();
    let mut at = layout.next_line(first.start);
    while at < last.end {
        if layout.line_break(at) > at {
            plan.splices.push(Splice::insert(at, more.clone()));
        }
        at = layout.next_line(at);
    }
    plan.splices.push(Splice::insert(last.end, close));
    Ok(plan)
}

/// Whether `node` is a flow collection.
pub(super) fn is_flow(node: Node<'_>) -> bool {
    matches!(
        node.kind(),
        Kind::Mapping(Collection::Flow) | Kind::Sequence(Collection::Flow)
    )
}
