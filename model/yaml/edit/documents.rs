//! Removing whole documents.

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
