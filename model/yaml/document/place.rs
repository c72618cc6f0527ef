//! Places inside of a scalar: from a byte of its decoded text to the byte of the file that wrote
//! it.

use super::node::Node;
use super::tree::{Kind, ScalarStyle};

impl Node<'_> {
    /// The byte of the file that stands for byte `offset` of [`Node::text`], in whatever style the
    /// scalar is written; for the end of the text the byte behind its last character. Of a line
    /// break that folding made it is the first byte of the white space that was folded. Other nodes
    /// than scalars have their start alone.
    pub fn place_of(self, offset: usize) -> usize {
        let node = self.target();
        let (start, source) = (node.span().start, node.source());
        let (Kind::Scalar(style), Some(text)) = (node.kind(), node.text()) else {
            return start;
        };
        let mut offset = offset.min(text.len());
        while !text.is_char_boundary(offset) {
            offset -= 1;
        }
        start
            + match style {
                ScalarStyle::Literal => literal(source, text, offset),
                ScalarStyle::Folded => folded(source, text, offset),
                ScalarStyle::Plain => flow(source, "", offset),
                ScalarStyle::SingleQuoted => 1 + flow(inner(source), "'", offset),
                ScalarStyle::DoubleQuoted => 1 + flow(inner(source), "\\", offset),
            }
    }
}

/// What stands between the quotes.
fn inner(source: &str) -> &str {
    source
        .get(1..source.len().saturating_sub(1))
        .unwrap_or_default()
}

/// The lines of a block scalar behind its header: where each begins, and what it holds, without
/// its line break.
fn lines(source: &str) -> impl Iterator<Item = (usize, &str)> {
    let header = source.find('\n').map_or(source.len(), |at| at + 1);
    let body = source.get(header..).unwrap_or_default();
    body.split_inclusive('\n').scan(header, |at, line| {
        let start = *at;
        *at += line.len();
        let bare = line
            .strip_suffix('\n')
            .map_or(line, |line| line.strip_suffix('\r').unwrap_or(line));
        Some((start, bare))
    })
}

/// In `|`, a line of the text is a line of the source without its indentation.
fn literal(source: &str, text: &str, offset: usize) -> usize {
    let before = text.get(..offset).unwrap_or_default();
    let first = before.rfind('\n').map_or(0, |at| at + 1);
    let number = before.matches('\n').count();
    let line = text[first..].split('\n').next().unwrap_or_default();
    match lines(source).nth(number) {
        Some((start, bare)) => start + bare.len().saturating_sub(line.len()) + offset - first,
        None => lines(source)
            .last()
            .map_or(source.len(), |(start, bare)| start + bare.len()),
    }
}

/// In `>`, line breaks may be spaces and the other way round; what is no white space stands for
/// itself.
fn folded(source: &str, text: &str, offset: usize) -> usize {
    let (before, after) = text.split_at(offset);
    let solid = |text: &str| text.chars().filter(|c| !is_white(*c)).count();
    let mut left = solid(before);
    let end = solid(after) == 0;
    let mut last = 0;
    for (start, content) in lines(source) {
        for (at, c) in content.char_indices().filter(|(_, c)| !is_white(*c)) {
            if left == 0 && !end {
                return start + at;
            }
            left = left.saturating_sub(1);
            last = start + at + c.len_utf8();
        }
    }
    last
}

fn is_white(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r')
}

/// In plain and quoted scalars a run of white space with line breaks is folded, a `'` doubled or an
/// escape stands for one character, and all else for itself.
fn flow(source: &str, escape: &str, offset: usize) -> usize {
    let (mut at, mut decoded) = (0, 0);
    while let Some(rest) = source.get(at..).filter(|rest| !rest.is_empty()) {
        let white = rest.len() - rest.trim_start_matches(is_white).len();
        let breaks = rest[..white].matches('\n').count();
        let (takes, gives) = if breaks > 0 {
            (white, 1.max(breaks - 1))
        } else if escape == "'" && rest.starts_with("''") {
            (2, 1)
        } else if escape == "\\" && rest.starts_with('\\') {
            escaped(rest)
        } else {
            let length = rest.chars().next().map_or(1, char::len_utf8);
            (length, length)
        };
        if decoded + gives > offset {
            return at;
        }
        at += takes;
        decoded += gives;
    }
    at
}

/// How many bytes an escape takes, and how many bytes it stands for (YAML 1.2, 5.7).
fn escaped(rest: &str) -> (usize, usize) {
    let digits = match rest.as_bytes().get(1) {
        Some(b'x') => 2,
        Some(b'u') => 4,
        Some(b'U') => 8,
        Some(b'N' | b'_') => return (2, 2),
        Some(b'L' | b'P') => return (2, 3),
        // A line break that is escaped is none, and neither is the indentation behind it.
        Some(b'\n' | b'\r') => {
            let behind = rest.get(1..).unwrap_or_default();
            return (
                1 + behind.len() - behind.trim_start_matches(is_white).len(),
                0,
            );
        }
        _ => return (rest.len().min(2), 1),
    };
    let code = rest.get(2..2 + digits);
    let c = code.and_then(|code| char::from_u32(u32::from_str_radix(code, 16).ok()?));
    (rest.len().min(2 + digits), c.map_or(1, char::len_utf8))
}

#[cfg(test)]
mod tests {
    use crate::yaml::File;

    /// Every `@` of the text of the scalar is found where the source has one.
    fn finds(source: &str) {
        let file = File::parse(source).unwrap_or_else(|error| panic!("{source:?}: {error}"));
        let value = file.root(0).and_then(|root| root.get("a"));
        let value = value.expect("a value");
        let text = value.text().expect("a scalar");
        let places: Vec<usize> = text
            .match_indices('@')
            .map(|(at, _)| value.place_of(at))
            .collect();
        let wanted: Vec<usize> = source.match_indices('@').map(|(at, _)| at).collect();
        assert_eq!(places, wanted, "{source:?}");
        let end = value.place_of(text.len());
        assert!(value.span().contains(&end) || end == value.span().end);
    }

    #[test]
    fn a_place_is_found_in_each_style() {
        finds("a: x @ y @\n  z @\n\n  ü @ @\n");
        finds("a: 'it''s @ @\n  ''@''\n\n\n  ü@'\n");
        finds("a: \"\\n@\\t@ \\u00fc@\\\n   @\\\"@\n\n\n  @\\x41@\\N@\\L@\"\n");
        finds("a: |\n\n  @x\n    @\n\n  ü@ @\n");
        finds("a: |2-\n    @x\n   @\n");
        finds("a: |\r\n  @x\r\n\r\n  y @\r\n");
        finds("a: >\n  @x\n  y @\n\n    @z\n\n\n  ü@\n");
        finds("a: >- # 2\n  @x\n  @\n");
    }

    #[test]
    fn white_space_and_the_end_have_places_too() {
        let file = File::parse("a: |\n  x\n  \ty\nb: \"p\\n\"\n").expect("YAML");
        let root = file.root(0).expect("a mapping");
        let (a, b) = (root.get("a").expect("a"), root.get("b").expect("b"));
        assert_eq!(file.position(a.place_of(2)), (3, 3));
        assert_eq!(file.position(a.place_of(5)), (3, 5));
        assert_eq!(file.position(b.place_of(1)), (4, 6));
        assert_eq!(file.position(b.place_of(2)), (4, 8));
    }
}
