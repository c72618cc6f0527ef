//! Lines whose indentation does not fit the lines above them.

use super::lines::{Line, shown, spaces};
use super::{Explanation, tight_colon};

/// Where a line could stand: a column, and what stands there above it.
type Column<'t> = (usize, &'t str);

/// A line that belongs to none of the collections above it.
pub(super) fn explain(line: Line<'_>, offset: usize) -> Option<Explanation> {
    let indentation = line.indentation();
    let directive = std::iter::once(line)
        .chain(line.above())
        .find(|other| other.text.starts_with('%'));
    if let Some(directive) = directive {
        return Some(Explanation::new(
            directive.start,
            "a line that begins with % is a directive, which stands above `---` only",
            "indent it below its key, or put the value in quotes",
        ));
    }
    if offset > line.start + line.node() {
        return None;
    }
    let offset = line.start + indentation;
    let upper = line.above().find(|upper| upper.indentation() < indentation);
    if let Some(upper) = upper.filter(|upper| begins_text(*upper)) {
        return Some(Explanation::new(
            offset,
            "a line of a block of text that is indented less than the first one",
            format!(
                "indent it like the other lines of {}",
                shown(upper.content())
            ),
        ));
    }
    let level = line
        .above()
        .find(|other| other.indentation() <= indentation);
    match level.filter(|other| other.indentation() == indentation) {
        Some(other) if other.is_item() && !line.is_item() => {
            let key = other.pair().map(|pair| {
                format!(
                    "; indent a key of the item above by {}, as {}",
                    spaces(pair.at),
                    shown(&other.text[pair.at..])
                )
            });
            Some(Explanation::new(
                offset,
                "this line stands in the column of a list's dashes and begins without one",
                format!("begin an item with `- `{}", key.unwrap_or_default()),
            ))
        }
        Some(other) if line.is_item() => Some(Explanation::new(
            offset,
            "an item of a list stands among keys",
            format!(
                "indent it below the key that has the list, or write a key as {}",
                shown(other.content())
            ),
        )),
        Some(_) => None,
        None => misfit(line, offset),
    }
}

/// A line in a column in which nothing above begins.
fn misfit(line: Line<'_>, offset: usize) -> Option<Explanation> {
    let indentation = line.indentation();
    let columns: Vec<Column<'_>> = columns(line);
    let places: Vec<String> = columns
        .iter()
        .map(|(column, text)| format!("by {}, as {}", spaces(*column), shown(text)))
        .collect();
    if places.is_empty() {
        return None;
    }
    Some(Explanation::new(
        offset,
        format!(
            "the indentation of this line, {}, is that of no line above it",
            spaces(indentation)
        ),
        format!("indent it {}", places.join(", or ")),
    ))
}

/// The column of the line above, and of the nearest one that stands further left than this one.
fn columns(line: Line<'_>) -> Vec<Column<'_>> {
    let column = |other| column(line, other);
    let indentation = line.indentation();
    // A line of a block of text is no place for a key: the line that begins it is.
    let near = line.above().find(|other| {
        let upper = other
            .above()
            .find(|upper| upper.indentation() < other.indentation());
        !upper.is_some_and(begins_text)
    });
    let left = line.above().map(column).find(|(at, _)| *at < indentation);
    let mut columns: Vec<Column<'_>> = near.map(column).into_iter().chain(left).collect();
    columns.dedup_by_key(|(at, _)| *at);
    columns
}

/// The column in which a line would stand beside another one.
fn column<'t>(line: Line<'t>, other: Line<'t>) -> Column<'t> {
    let at = if line.is_item() && other.is_item() {
        other.indentation()
    } else {
        other.node()
    };
    (at, other.text[at..].trim_end())
}

/// Whether a block of text begins behind the key of a line.
fn begins_text(line: Line<'_>) -> bool {
    let value = line
        .pair()
        .map_or_else(|| &line.text[line.node()..], |pair| pair.value);
    let header = value.strip_prefix(['|', '>']);
    header.is_some_and(|rest| {
        rest.trim_end()
            .chars()
            .all(|c| matches!(c, '+' | '-' | '1'..='9'))
    })
}

/// A key on a line of its own where the lines above leave no room for one.
pub(super) fn below_a_value(line: Line<'_>, offset: usize) -> Option<Explanation> {
    let before = line.above().next()?;
    if let Some(found) = tight_colon(before) {
        return Some(found);
    }
    let Some(pair) = before.pair() else {
        return below_text(line, before, offset);
    };
    if pair.value.is_empty() || pair.at >= line.indentation() {
        return None;
    }
    Some(Explanation::new(
        line.start + line.indentation(),
        format!(
            "this line is indented deeper than the line above, {}, which has its value already",
            shown(before.content())
        ),
        format!(
            "indent it by {}, as the line above; if it belongs to the value, put the whole value \
             in quotes",
            spaces(pair.at)
        ),
    ))
}

/// A key below a line of text: the text lacks its colon, or both are one value.
fn below_text(line: Line<'_>, before: Line<'_>, offset: usize) -> Option<Explanation> {
    let owner = before
        .above()
        .find(|upper| upper.indentation() < before.indentation())
        .and_then(Line::pair)
        .filter(|pair| !pair.value.is_empty());
    if owner.is_some() {
        return Some(Explanation::new(
            offset,
            "a value without quotes must not hold `: `, on none of its lines",
            "put the whole value in quotes, or write it as a block of text behind `>-`",
        ));
    }
    if line.indentation() < before.indentation() {
        return None;
    }
    let text = &before.text[before.node()..];
    Some(Explanation::new(
        before.start + before.node(),
        format!(
            "{} is followed by a key, and has no `:` itself",
            shown(text)
        ),
        if line.indentation() > before.node() {
            format!(
                "write {} if the lines below belong to it",
                shown(&format!("{}:", text.trim_end()))
            )
        } else {
            put_in_place(text)
        },
    ))
}

/// How a line of text becomes a key.
fn put_in_place(text: &str) -> String {
    format!(
        "write a key, a colon, a space and the value; or put {} behind the key whose value it is",
        shown(text)
    )
}
