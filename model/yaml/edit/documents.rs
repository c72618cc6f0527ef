//! Adding and removing whole documents.

use super::emit::{Below, Slot, Style};
use super::layout::Layout;
use super::{Plan, Refusal, Splice, guard, insert as entries};
use crate::yaml::document::tree::{File, Kind};
use crate::yaml::document::value::Value;

const BOM: &str = "\u{feff}";

/// Plans new documents behind the first `at` documents of `file`.
pub(in super::super) fn insert(file: &File, at: usize, values: &[&Value]) -> Result<Plan, Refusal> {
    if file.uneditable().is_some() || file.documents().iter().any(|d| d.lone_cr) {
        return Err(guard::LAYOUT);
    }
    if at > file.documents().len() {
        return Err(guard::NO_DOCUMENT);
    }
    let layout = Layout::new(file);
    let text = file.text();
    let before = at.checked_sub(1).and_then(|n| file.documents().get(n));
    let after = file.documents().get(at);
    if let Some(index) = after.map(|_| at) {
        guard::document(file, index)?;
    }
    let near = file.root(at.saturating_sub(1)).or_else(|| file.root(at));
    let bare = Style {
        eol: file.eol(),
        step: 2,
        dash: 0,
        json: false,
        colon: ": ".into(),
        comma: ", ".into(),
        below: Below::default(),
    };
    let mut style = match near {
        Some(node) => {
            let near = layout.style(node);
            Style {
                step: near.step,
                dash: near.dash,
                ..bare
            }
        }
        None => bare,
    };
    let eol = style.eol;
    let open_end = after.is_none() && !text.is_empty() && !text.ends_with('\n') && text != BOM;
    style.below.line_break = !open_end;
    let bodies: Vec<String> = values
        .iter()
        .map(|value| {
            let written = style.write(
                value,
                Slot::Item {
                    parent: 0,
                    column: 0,
                },
                true,
            );
            format!("{}{}", written.head, written.tail)
        })
        .collect();
    let mut plan = Plan::default();
    match (before, after) {
        (None, None) => {
            let first = if open_end { eol } else { "" };
            let last = if open_end { "" } else { eol };
            let marker = format!("{eol}---{eol}");
            plan.splices.push(Splice::insert(
                text.len(),
                format!("{first}{}{last}", bodies.join(&marker)),
            ));
        }
        (_, Some(next)) => {
            let (position, marker_first) = match (&next.marker, before) {
                (Some(marker), _) => (marker.start, true),
                // A second byte order mark would stand inside the file.
                (None, None) if text.strip_prefix(BOM).is_some_and(|t| t.starts_with(BOM)) => {
                    return Err(guard::LAYOUT);
                }
                // Behind a marker, a `...` above the first document would end an empty one.
                (None, None)
                    if next
                        .root
                        .is_none_or(|root| ends_above(text, file.node(root).props_start())) =>
                {
                    return Err(guard::LAYOUT);
                }
                (None, None) => (if text.starts_with(BOM) { BOM.len() } else { 0 }, false),
                (None, Some(_)) => return Err(guard::LAYOUT),
            };
            let text: String = bodies
                .iter()
                .map(|body| {
                    if marker_first {
                        format!("---{eol}{body}{eol}")
                    } else {
                        format!("{body}{eol}---{eol}")
                    }
                })
                .collect();
            plan.splices.push(Splice::insert(position, text));
        }
        (Some(before), None) => {
            if before.root.is_some_and(
                |root| matches!(file.node(root).kind(), Kind::Scalar(style) if style.is_block()),
            ) {
                return Err(guard::LAYOUT);
            }
            let text: String = if open_end {
                if let Some(root) = before.root {
                    entries::seal(layout, file.node(root))?;
                }
                bodies
                    .iter()
                    .map(|body| format!("{eol}---{eol}{body}"))
                    .collect::<Vec<_>>()
                    .concat()
            } else {
                bodies
                    .iter()
                    .map(|body| format!("---{eol}{body}{eol}"))
                    .collect::<Vec<_>>()
                    .concat()
            };
            plan.splices.push(Splice::insert(file.text().len(), text));
        }
    }
    Ok(plan)
}

/// Whether a `...` stands on a line above `at`.
fn ends_above(text: &str, at: usize) -> bool {
    text.get(..at).is_none_or(|above| {
        above
            .trim_start_matches(BOM)
            .lines()
            .any(|line| line.starts_with("..."))
    })
}

/// Plans that document `index` goes, with its `---` and its comments.
pub(super) fn remove(file: &File, index: usize) -> Result<Plan, Refusal> {
    guard::document(file, index)?;
    let layout = Layout::new(file);
    let text = file.text();
    let document = file.documents().get(index).ok_or(guard::NO_DOCUMENT)?;
    let next = file.documents().get(index + 1);
    // What is left ends where the document before ends.
    if index
        .checked_sub(1)
        .and_then(|before| file.documents().get(before))
        .is_some_and(|before| before.lone_cr)
    {
        return Err(guard::LAYOUT);
    }
    if next.is_some() {
        guard::document(file, index + 1)?;
    }
    if index > 0 && document.marker.is_some() && next.is_some_and(|next| next.marker.is_none()) {
        // What keeps the documents around it apart is the `...` that would go with it.
        return Err(guard::LAYOUT);
    }
    let mut range = document.region();
    if index == 0 && text.starts_with(BOM) {
        range.start = BOM.len();
    }
    if index > 0 && document.marker.is_none() {
        range.start = layout.next_line(range.start);
    }
    if let (0, None, Some(next)) = (index, &document.marker, next)
        && let Some(marker) = &next.marker
        && layout.text[marker.end..layout.line_break(marker.end)]
            .trim()
            .is_empty()
        && next.root.is_some_and(|root| !file.node(root).is_null())
    {
        range.end = layout.next_line(marker.end);
    }
    if next.is_none() && !text.ends_with('\n') && index > 0 {
        range.start = text[..range.start].trim_end_matches(['\r', '\n']).len();
        if let Some(root) = file.documents().get(index - 1).and_then(|d| d.root) {
            let leaf = layout.last_leaf(file.node(root));
            if matches!(leaf.kind(), Kind::Scalar(style) if style.is_block()) {
                return Err(guard::LAYOUT);
            }
        }
    }
    let lost = layout.comments(&range);
    Ok(Plan {
        splices: vec![Splice::delete(range)],
        lost,
    })
}
