//! Between the places of the protocol and bytes of a text. Columns are UTF-16 code units, which
//! every client speaks.

use std::ops::Range;
use std::path::Path;
use std::str::FromStr as _;

use lsp_types::{Position, Range as Lines, Uri};

/// The byte at a position; the end of the line where it is shorter, of the text where it ends.
pub(super) fn offset(text: &str, at: Position) -> usize {
    let mut start = 0;
    for _ in 0..at.line {
        match text.get(start..).and_then(|rest| rest.find('\n')) {
            Some(end) => start += end + 1,
            None => return text.len(),
        }
    }
    let mut units = 0;
    for (byte, c) in text.get(start..).unwrap_or_default().char_indices() {
        if c == '\n' || units >= at.character {
            return start + byte;
        }
        units += u32::try_from(c.len_utf16()).unwrap_or(1);
    }
    text.len()
}

/// The position of a byte.
pub(super) fn position(text: &str, offset: usize) -> Position {
    let mut offset = offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    let before = text.get(..offset).unwrap_or_default();
    let line = before.bytes().filter(|b| *b == b'\n').count();
    let start = before.rfind('\n').map_or(0, |at| at + 1);
    let units = before
        .get(start..)
        .unwrap_or_default()
        .encode_utf16()
        .count();
    let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    Position::new(number(line), number(units))
}

/// The positions of a range of bytes.
pub(super) fn range(text: &str, bytes: &Range<usize>) -> Lines {
    Lines::new(
        position(text, bytes.start),
        position(text, bytes.end.max(bytes.start)),
    )
}

/// The URI of a file; `None` for what no URI names.
pub(super) fn uri(root: &Path, path: &str) -> Option<Uri> {
    let url = url::Url::from_file_path(root.join(path)).ok()?;
    Uri::from_str(url.as_str()).ok()
}

/// The path of a file, relative to the root; `None` for what is not below it.
pub(super) fn path(root: &Path, uri: &Uri) -> Option<String> {
    let file = url::Url::parse(uri.as_str()).ok()?.to_file_path().ok()?;
    // A file that was not saved yet stands in a directory that exists.
    let file = file.canonicalize().ok().or_else(|| {
        let above = file.parent()?.canonicalize().ok()?;
        Some(above.join(file.file_name()?))
    })?;
    let path = file.strip_prefix(root).ok()?.to_str()?;
    Some(path.replace(std::path::MAIN_SEPARATOR, "/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_units_of_utf_16() {
        let text = "a\nb😀c\n";
        assert_eq!(position(text, 7), Position::new(1, 3));
        assert_eq!(offset(text, Position::new(1, 3)), 7);
        assert_eq!(offset(text, Position::new(1, 99)), 8);
        assert_eq!(offset(text, Position::new(9, 0)), text.len());
    }
}
