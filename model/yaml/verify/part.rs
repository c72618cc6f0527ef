//! Which documents of a file have to be read again after a change.
//!
//! A line that begins with `---` and a blank starts a document, whatever stands before it (YAML
//! 1.2, rule 206, `c-forbidden`): a file can be cut there without a parser, and no anchor reaches
//! over the cut. Directives and `...` would need more thought, so files that have them are read as
//! a whole.

use std::collections::BTreeSet;
use std::ops::Range;

use super::super::edit::Edit;
use super::combine::subject;
use crate::yaml::document::tree::File;

/// Pairs of byte ranges, before and after: all that may differ between the texts lies within them.
pub type Parts = Vec<(Range<usize>, Range<usize>)>;

/// The documents that are read again; `None` for the whole file.
pub(super) fn touched(file: &File, edits: &[&Edit]) -> Option<BTreeSet<usize>> {
    if file.documents().len() < 2 || !cut_at_markers(file) {
        return None;
    }
    let of = |edit: &&Edit| {
        subject(&edit.op)
            .filter(|node| node.index() < file.len())
            .map(|node| file.node(node).document())
    };
    edits.iter().map(of).collect()
}

fn cut_at_markers(file: &File) -> bool {
    let (text, bytes) = (file.text(), file.text().as_bytes());
    let begins_line = |at: usize| at == 0 || bytes.get(at - 1) == Some(&b'\n');
    let marked = |(number, document): (usize, &crate::yaml::document::tree::Document)| {
        let start = document.region().start;
        let marker = document
            .marker()
            .is_some_and(|marker| marker.start == start)
            && begins_line(start);
        let dots = text
            .get(document.region())
            .is_none_or(|t| t.contains("\n...") || t.starts_with("..."));
        !document.directives && !dots && (marker || number == 0)
    };
    file.uneditable().is_none() && file.documents().iter().enumerate().all(marked)
}

/// The parts of both texts that were read again; `None` when the documents of the new text are not
/// those of the old one with changes in the ones that were touched.
pub(super) fn pairs(
    before: &File,
    after: &File,
    touched: Option<&BTreeSet<usize>>,
) -> Option<Parts> {
    let Some(touched) = touched else {
        return Some(vec![(0..before.text().len(), 0..after.text().len())]);
    };
    if before.documents().len() != after.documents().len() || !cut_at_markers(after) {
        return None;
    }
    let mut parts = Parts::new();
    for (number, (old, new)) in before.documents().iter().zip(after.documents()).enumerate() {
        let (old, new) = (old.region(), new.region());
        if touched.contains(&number) {
            parts.push((old, new));
        } else if before.text().get(old)? != after.text().get(new)? {
            return None;
        }
    }
    Some(parts)
}
