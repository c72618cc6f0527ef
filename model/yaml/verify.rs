//! Applies edits to a file and proves the result.
//!
//! The original is decoded a second time with `yaml-rust2`, which planned nothing. Where that
//! reading has the structure of the span tree, the meanings of the edits ([`Op`]) are carried out
//! on it, the bytes of the edits on the text, and the decoded result has to be what was meant:
//! values, styles, tags and anchors of every document. Comments, line breaks, byte order mark and
//! the end of the file are compared on the text. Every byte outside the edits is the original's by
//! construction.
//!
//! Documents that no edit touches are compared byte for byte, not decoded again: a `---` at the
//! start of a line parts documents for every parser, so what stands between two of them means the
//! same in both texts (`part`).

mod combine;
mod decode;
mod expect;
mod part;

use std::collections::BTreeMap;

use super::edit::{Edit, Op, Refusal};
use crate::yaml::document::tree::{File, ParseError};
use crate::yaml::parse::partly;
pub use part::Parts;

const CANNOT_READ: Refusal = Refusal {
    code: "verifier-cannot-read",
    text: "The second YAML parser, which proves edits, does not accept the file as it is.",
};
const CANNOT_READ_RESULT: Refusal = Refusal {
    code: "verifier-cannot-read",
    text: "The second YAML parser, which proves edits, does not accept the changed text.",
};
const DISAGREES: Refusal = Refusal {
    code: "verifier-disagrees",
    text: "The second YAML parser, which proves edits, reads the file in another way.",
};
const OVERLAP: Refusal = Refusal {
    code: "edits-overlap",
    text: "Two changes touch the same place.",
};
const NOT_YAML: Refusal = Refusal {
    code: "verify-parse",
    text: "The changed text would not be valid YAML.",
};
const VALUES: Refusal = Refusal {
    code: "verify-values",
    text: "The changed text would not mean exactly what was planned.",
};
const DOCUMENTS: Refusal = Refusal {
    code: "verify-documents",
    text: "The changed text would not have the documents that were planned.",
};
const COMMENTS: Refusal = Refusal {
    code: "verify-comments",
    text: "A comment would be lost or moved.",
};
const BYTES: Refusal = Refusal {
    code: "verify-range",
    text: "A change reaches out of its document.",
};
const LINE_BREAKS: Refusal = Refusal {
    code: "verify-line-breaks",
    text: "The line breaks, the byte order mark or the end of the file would change.",
};

/// Applies `edits` (of one or more fixes, ranges of the text of `file`) and returns the new text
/// once all checks hold.
///
/// # Errors
/// The first check that does not hold; then nothing of these edits may be applied.
pub fn apply(file: &File, edits: &[&Edit]) -> Result<String, Refusal> {
    changed(file, edits).map(|(changed, _)| changed.text().to_owned())
}

/// Why a text is not YAML to either of the two parsers; `None` where one of them takes it, since
/// parsers differ in what they refuse.
pub fn error(text: &str) -> Option<ParseError> {
    let error = File::parse(text).err()?;
    decode::is_refused(text).then_some(error)
}

/// As [`apply`], with the tree of the new text and where it may differ from the old one.
///
/// # Errors
/// As [`apply`].
pub fn changed(file: &File, edits: &[&Edit]) -> Result<(File, Parts), Refusal> {
    let touched = part::touched(file, edits);
    let before = decode::read(file, touched.as_ref()).map_err(|()| CANNOT_READ)?;
    let trees = decode::agree(file, &before).ok_or(DISAGREES)?;
    let wanted = expect::documents(file, &trees, edits)?;
    let combined = combine::splices(file, edits)?;
    let text = combined.text;
    line_breaks(file, &combined.inserted, &text)?;
    let planned = if file.unread().is_empty() {
        File::parse(text)
    } else {
        File::parse_documents(text)
    }
    .map_err(|_| NOT_YAML)?;
    if partly::unread(file) != partly::unread(&planned) {
        return Err(DOCUMENTS);
    }
    let parts = part::pairs(file, &planned, touched.as_ref()).ok_or(DOCUMENTS)?;
    let after = decode::read(&planned, touched.as_ref()).map_err(|()| CANNOT_READ_RESULT)?;
    comments(file, &planned, edits, &combined.lost)?;
    expect::check(&wanted, &after)?;
    Ok((planned, parts))
}

/// Line breaks of what is inserted, byte order mark and final line break are the original's; a file
/// with breaks of both kinds takes both.
fn line_breaks(file: &File, inserted: &[String], result: &str) -> Result<(), Refusal> {
    let original = file.text();
    let crlf = original.contains("\r\n");
    let lf = !crlf
        || original.bytes().filter(|b| *b == b'\n').count() > original.matches("\r\n").count();
    let right = |text: &String| {
        let bytes = text.as_bytes();
        bytes.iter().enumerate().all(|(i, b)| match b {
            b'\n' => lf || (i > 0 && bytes.get(i - 1) == Some(&b'\r')),
            b'\r' => crlf && bytes.get(i + 1) == Some(&b'\n'),
            _ => true,
        })
    };
    let bom = |text: &str| text.starts_with('\u{feff}');
    let blank = |text: &str| text.trim_start_matches('\u{feff}').is_empty();
    let ends =
        blank(original) || blank(result) || original.ends_with('\n') == result.ends_with('\n');
    if inserted.iter().all(right) && bom(original) == bom(result) && ends {
        Ok(())
    } else {
        Err(LINE_BREAKS)
    }
}

/// The comments are those of the original without `lost`, in their order unless a document was
/// moved, or replaced: its new text may also bring more.
fn comments(before: &File, after: &File, edits: &[&Edit], lost: &[String]) -> Result<(), Refusal> {
    let texts = |file: &File| -> Vec<String> {
        file.comments()
            .iter()
            .map(|c| {
                file.text()[c.start..c.end]
                    .trim_end_matches('\r')
                    .to_owned()
            })
            .collect()
    };
    let (old, new) = (texts(before), texts(after));
    let mut count: BTreeMap<&str, isize> = BTreeMap::new();
    for text in &old {
        *count.entry(text).or_default() += 1;
    }
    for text in lost.iter().chain(&new) {
        *count.entry(text).or_default() -= 1;
    }
    let changed: BTreeMap<usize, Option<&str>> = (edits.iter())
        .filter_map(|edit| match &edit.op {
            Op::Comment { at, to } => Some((at.start, to.as_deref())),
            _ => None,
        })
        .collect();
    for (comment, text) in before.comments().iter().zip(&old) {
        if let Some(to) = changed.get(&comment.start) {
            *count.entry(text).or_default() -= 1;
            if let Some(to) = to {
                *count.entry(to).or_default() += 1;
            }
        }
    }
    let replaced = edits
        .iter()
        .any(|e| matches!(e.op, Op::ReplaceDocument { .. }));
    if count.values().any(|n| *n > 0 || (*n < 0 && !replaced)) {
        return Err(COMMENTS);
    }
    let moved = edits
        .iter()
        .any(|e| matches!(e.op, Op::MoveDocument { .. }));
    let mut rest = before.comments().iter().zip(&old).filter_map(|(at, text)| {
        let same = Some(text.as_str());
        changed.get(&at.start).copied().unwrap_or(same)
    });
    let in_order = new.iter().all(|text| rest.any(|o| o == text));
    if in_order || moved || replaced {
        Ok(())
    } else {
        Err(COMMENTS)
    }
}
