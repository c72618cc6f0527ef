//! Removing and moving whole documents.

use super::layout::Layout;
use super::{Plan, Refusal, Splice, guard};
use crate::yaml::document::tree::{File, Kind};

const BOM: &str = "\u{feff}";

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
    if next.is_some_and(|next| next.marker.is_none())
        && layout.text[range.end..layout.line_break(range.end)]
            .trim()
            .is_empty()
    {
        // The line break behind the `...` goes with it.
        range.end = layout.next_line(range.end);
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

/// Plans that document `index` moves in front of document `before`, which stands before it. What
/// lies between two documents stays as it is: `---` lines, blank lines, and the comments at the top
/// of the file that a blank line sets off.
pub(super) fn move_up(file: &File, index: usize, before: usize) -> Result<Plan, Refusal> {
    if before >= index {
        return Err(guard::PLACE);
    }
    let last = (index + 1).min(file.documents().len().saturating_sub(1));
    for number in before.saturating_sub(1)..=last {
        guard::document(file, number)?;
        let region = file.documents().get(number).ok_or(guard::NO_DOCUMENT)?;
        let dots = |line: &str| line.starts_with("...");
        if file
            .text()
            .get(region.region())
            .is_none_or(|t| t.lines().any(dots))
        {
            return Err(guard::LAYOUT);
        }
    }
    let layout = Layout::new(file);
    let text = file.text();
    // A second byte order mark is none in the middle of a text.
    let behind_mark = text.strip_prefix(BOM).unwrap_or(text);
    if behind_mark.starts_with(BOM) || behind_mark.contains("\n\u{feff}") {
        return Err(guard::LAYOUT);
    }
    let moved = file.documents().get(index).ok_or(guard::NO_DOCUMENT)?;
    let marker = moved.marker.clone().ok_or(guard::LAYOUT)?;
    if marker.start != layout.line_start(marker.start) {
        return Err(guard::LAYOUT);
    }
    // Parsers do not agree where an empty one ends that is a whole document.
    let is_block = |root| matches!(file.node(root).kind(), Kind::Scalar(style) if style.is_block());
    if moved.root.is_some_and(is_block) {
        return Err(guard::LAYOUT);
    }
    let start = with_comments_above(file, layout, index, marker.start);
    let (end, is_last) = match file.documents().get(index + 1) {
        Some(next) => {
            let marker = next.marker.clone().ok_or(guard::LAYOUT)?;
            (
                with_comments_above(file, layout, index + 1, marker.start),
                false,
            )
        }
        None => (text.len(), true),
    };
    let mut own = text.get(start..end).ok_or(guard::LAYOUT)?.to_owned();
    let mut gone = start..end;
    let ends_in_block = |root| {
        let leaf = layout.last_leaf(file.node(root)).kind();
        matches!(leaf, Kind::Scalar(style) if style.is_block())
    };
    let above = file.documents().get(index - 1).and_then(|d| d.root);
    let open = above.is_some_and(ends_in_block);
    // A block scalar at the end of such a text has no last line break, and has one elsewhere.
    if is_last && !text.ends_with('\n') && (open || moved.root.is_some_and(ends_in_block)) {
        return Err(guard::LAYOUT);
    }
    // Those below a block scalar may be part of it.
    if is_last && !open {
        // The blank lines in front of it part it from the next document now.
        let above = text.get(..start).ok_or(guard::LAYOUT)?;
        let content = above.trim_end_matches([' ', '\t', '\r', '\n']).len();
        let first_blank = if text.ends_with('\n') {
            layout.next_line(content)
        } else {
            // White space at the end of its line stays: behind a comment it would be part of that.
            layout.line_break(content)
        };
        let blank = text.get(first_blank..start).ok_or(guard::LAYOUT)?;
        // A block scalar takes in blank lines that follow it, if it keeps them or they are longer
        // than its indentation: these stay.
        let takes_in = |root| {
            let from = layout.last_leaf(file.node(root)).span().start;
            let header = text.get(from..layout.line_break(from));
            header.is_none_or(|header| header.contains('+')) || blank.contains([' ', '\t'])
        };
        let root = moved.root.filter(|root| ends_in_block(*root));
        if !root.is_some_and(takes_in) {
            own.push_str(blank);
            gone.start = first_blank;
        }
    }
    let target = file.documents().get(before).ok_or(guard::NO_DOCUMENT)?;
    let at = match &target.marker {
        Some(marker) if before == 0 => layout.line_start(marker.start),
        Some(marker) => with_comments_above(file, layout, before, marker.start),
        // An empty one is nothing but its `---`.
        None if before == 0 && moved.root.is_none_or(|root| file.node(root).is_missing()) => {
            return Err(guard::LAYOUT);
        }
        None if before == 0 => {
            // Without a `---` of its own the first document gets that of the moved one.
            let line = text.get(marker.start..layout.next_line(marker.start));
            let line = line.ok_or(guard::LAYOUT)?;
            if line.trim_end() != "---" {
                return Err(guard::LAYOUT);
            }
            let (comments, rest) = own.split_at(marker.start - start);
            own = format!("{comments}{}{line}", rest.get(line.len()..).unwrap_or(""));
            below_header(file, layout)
        }
        None => return Err(guard::LAYOUT),
    };
    Ok(Plan {
        splices: vec![Splice::insert(at, own), Splice::delete(gone)],
        lost: Vec::new(),
    })
}

/// Where the comments begin that stand right above the `---` of a document, at the start of the
/// line: they are about what follows.
fn with_comments_above(file: &File, layout: Layout<'_>, index: usize, marker: usize) -> usize {
    let floor = index
        .checked_sub(1)
        .and_then(|above| file.documents().get(above))
        .map_or(0, |above| {
            let content = above.root.map(|root| file.node(root).span().end);
            content.unwrap_or(above.start)
        });
    let mut start = layout.line_start(marker);
    while start > floor {
        let line = layout.line_start(start - 1);
        let is_comment = file.comments().binary_search_by_key(&line, |c| c.start);
        if line < floor || is_comment.is_err() {
            break;
        }
        start = line;
    }
    start
}

/// Behind the comments at the top of the file that a blank line parts from the first document.
fn below_header(file: &File, layout: Layout<'_>) -> usize {
    let text = file.text();
    let top = if text.starts_with(BOM) { BOM.len() } else { 0 };
    let mut below = top;
    let mut at = top;
    while let Some(line) = text.get(at..layout.next_line(at)).filter(|l| !l.is_empty()) {
        at += line.len();
        if line.trim().is_empty() {
            below = at;
        } else if !line.starts_with('#') {
            break;
        }
    }
    below
}
