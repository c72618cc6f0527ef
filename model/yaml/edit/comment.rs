//! Changing and removing comments.

use std::ops::Range;

use super::layout::Layout;
use super::{Plan, Refusal, Splice, guard};
use crate::yaml::document::tree::File;

/// Plans that a comment says something else, or that it goes: with its line where it stands alone
/// on it, else with the blanks in front of it.
pub(super) fn plan(file: &File, at: &Range<usize>, to: Option<&str>) -> Result<Plan, Refusal> {
    guard::document(file, file.document_at(at.start))?;
    if !file.comments().contains(at) {
        return Err(guard::PLACE);
    }
    if let Some(text) = to {
        if !text.starts_with('#') || text.contains(['\n', '\r']) {
            return Err(guard::PLACE);
        }
        return Ok(of(Splice::replace(at.clone(), text)));
    }
    let layout = Layout::new(file);
    let end = layout.line_break(at.start);
    if !layout.own_line(at.start) {
        let before = layout.prefix(at.start);
        let kept = layout.line_start(at.start) + before.trim_end_matches([' ', '\t']).len();
        return Ok(of(Splice::delete(kept..end)));
    }
    let range = match layout.break_before(at.start) {
        // What ends without a line break goes on doing so.
        Some(before) if end == file.text().len() => before..end,
        _ => layout.line_start(at.start)..layout.next_line(at.start),
    };
    Ok(of(Splice::delete(range)))
}

fn of(splice: Splice) -> Plan {
    Plan {
        splices: vec![splice],
        lost: Vec::new(),
    }
}
