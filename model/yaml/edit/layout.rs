//! The geometry of the text around a node: lines, columns, trailing comments, and the style that
//! new text follows.

use std::ops::Range;

use super::Refusal;
use super::emit::{Below, Style};
use super::guard;
use crate::yaml::document::node::Node;
use crate::yaml::document::tree::{Collection, File, Kind, NodeId, ScalarStyle};

/// The text of a file with its line structure.
#[derive(Clone, Copy)]
pub(super) struct Layout<'a> {
    pub file: &'a File,
    pub text: &'a str,
}

const BOM: &str = "\u{feff}";

impl<'a> Layout<'a> {
    pub(super) fn new(file: &'a File) -> Self {
        Self {
            file,
            text: file.text(),
        }
    }

    pub(super) fn byte(self, at: usize) -> Option<u8> {
        self.text.as_bytes().get(at).copied()
    }

    /// First byte of the line of `at`, behind a byte order mark.
    pub(super) fn line_start(self, at: usize) -> usize {
        let start = self.text[..at].rfind('\n').map_or(0, |n| n + 1);
        if start == 0 && self.text.starts_with(BOM) && at >= BOM.len() {
            BOM.len()
        } else {
            start
        }
    }

    /// First byte of the line break that ends the line of `at`, or the end of the text.
    pub(super) fn line_break(self, at: usize) -> usize {
        let end = self.text[at..]
            .find('\n')
            .map_or(self.text.len(), |n| at + n);
        if end > at && self.text[..end].ends_with('\r') && end < self.text.len() {
            end - 1
        } else {
            end
        }
    }

    /// First byte behind the line break of the line of `at`.
    pub(super) fn next_line(self, at: usize) -> usize {
        self.text[at..]
            .find('\n')
            .map_or(self.text.len(), |n| at + n + 1)
    }

    /// First byte of the line break in front of the line of `at`; `None` on the first line.
    pub(super) fn break_before(self, at: usize) -> Option<usize> {
        let end = self.text[..at].rfind('\n')?;
        Some(if self.text[..end].ends_with('\r') {
            end - 1
        } else {
            end
        })
    }

    /// What stands before `at` on its line.
    pub(super) fn prefix(self, at: usize) -> &'a str {
        &self.text[self.line_start(at)..at]
    }

    /// Whether only white space stands before `at` on its line.
    pub(super) fn own_line(self, at: usize) -> bool {
        self.prefix(at).bytes().all(|b| b == b' ' || b == b'\t')
    }

    /// Column of `at`, in a line that holds nothing before it but spaces and indicators.
    pub(super) fn column(self, at: usize) -> Result<usize, Refusal> {
        let prefix = self.prefix(at);
        if prefix.contains('\t') {
            return Err(guard::TAB);
        }
        if prefix
            .bytes()
            .any(|b| !matches!(b, b' ' | b'-' | b'?' | b':'))
        {
            return Err(guard::LAYOUT);
        }
        Ok(prefix.len())
    }

    /// The line break behind `at`, with nothing but white space and a comment between.
    pub(super) fn trailing(self, at: usize) -> Result<usize, Refusal> {
        let end = self.line_break(at);
        let rest = self.text[at..end].trim_start_matches([' ', '\t']);
        if rest.is_empty()
            || (rest.starts_with('#') && (rest.len() < end - at || self.own_line(at)))
        {
            Ok(end)
        } else {
            Err(guard::LAYOUT)
        }
    }

    /// The line break behind the comment lines that follow the line break at `end` at once and
    /// stand deeper than `column`: they belong to what stands above them. Below a block scalar such
    /// lines are left where they are.
    pub(super) fn deeper_comments(self, mut end: usize, column: usize, above: Node<'_>) -> usize {
        if matches!(self.last_leaf_kind(above), Kind::Scalar(style) if style.is_block()) {
            return end;
        }
        loop {
            let next = self.next_line(end);
            let stop = self.line_break(next);
            let body = self.text[next..stop].trim_start_matches(' ');
            if next >= self.text.len()
                || !body.starts_with('#')
                || stop - next - body.len() <= column
            {
                return end;
            }
            end = stop;
        }
    }

    fn last_leaf_kind(self, node: Node<'_>) -> Kind {
        let last = node
            .data()
            .subtree
            .saturating_sub(1)
            .max(u32::try_from(node.id().index()).unwrap_or(0));
        self.file.node(NodeId(last)).kind()
    }

    /// First byte at or behind `at` that is not white space, a line break or part of a comment.
    pub(super) fn skip(self, mut at: usize) -> usize {
        loop {
            match self.byte(at) {
                Some(b' ' | b'\t' | b'\r' | b'\n') => at += 1,
                Some(b'#') => at = self.line_break(at),
                _ => return at,
            }
        }
    }

    pub(super) fn has_break(self, range: Range<usize>) -> bool {
        self.text[range].contains('\n')
    }

    /// Texts of the comments that begin in `range`.
    pub(super) fn comments(self, range: &Range<usize>) -> Vec<String> {
        self.comments_in(range)
            .map(|c| self.text[c.start..c.end].trim_end_matches('\r').to_owned())
            .collect()
    }

    pub(super) fn has_comment(self, range: &Range<usize>) -> bool {
        self.comments_in(range).next().is_some()
    }

    fn comments_in(self, range: &Range<usize>) -> impl Iterator<Item = &'a Range<usize>> {
        let comments = &self.file.comments;
        let first = comments.partition_point(|c| c.start < range.start);
        let end = range.end;
        comments[first..].iter().take_while(move |c| c.start < end)
    }

    /// What the lines below the one that ends at `line_break` are.
    pub(super) fn below(self, line_break: usize) -> Below {
        let mut below = Below {
            line_break: line_break < self.text.len(),
            ..Below::default()
        };
        let mut at = self.next_line(line_break);
        let (mut first, mut blanks) = (true, true);
        while at < self.text.len() {
            let line = self.text[at..self.line_break(at)].trim_end_matches('\r');
            let body = line.trim_start_matches([' ', '\t']);
            if body.is_empty() {
                below.blank |= first;
                if blanks {
                    below.width = below.width.max(line.len());
                }
            } else if body.starts_with('#') {
                below.comment = Some(below.comment.unwrap_or(0).max(line.len() - body.len()));
                blanks = false;
            } else {
                break;
            }
            first = false;
            at = self.next_line(at);
        }
        below
    }

    /// Style for new text near `node`.
    pub(super) fn style(self, node: Node<'a>) -> Style {
        let json = is_json(node);
        let (colon, comma) = self.flow_spacing(node);
        Style {
            eol: self.file.eol(),
            step: self.step(node),
            dash: self.dash(node),
            json,
            colon,
            comma,
            below: Below::default(),
        }
    }

    /// What stands between key and value, and between items, in the flow collections around `node`.
    fn flow_spacing(self, node: Node<'a>) -> (String, String) {
        let (mut colon, mut comma) = (None, None);
        let mut at = Some(node);
        while let Some(n) = at {
            if !matches!(
                n.kind(),
                Kind::Mapping(Collection::Flow) | Kind::Sequence(Collection::Flow)
            ) {
                at = n.parent();
                continue;
            }
            if colon.is_none() {
                colon = n
                    .entries()
                    .map(|(k, v)| &self.text[k.span().end..v.props_start().max(k.span().end)])
                    .find(|gap| gap.contains(':') && gap.bytes().all(|b| matches!(b, b' ' | b':')));
            }
            if comma.is_none() {
                let all = units(n);
                comma = all
                    .windows(2)
                    .map(|w| &self.text[w[0].end..w[1].start])
                    .find(|gap| gap.bytes().all(|b| matches!(b, b' ' | b',')));
            }
            at = n.parent();
        }
        let json = is_json(node);
        let colon = match colon {
            Some(gap) if json || gap.ends_with(' ') => gap.to_owned(),
            _ => ": ".to_owned(),
        };
        (colon, comma.unwrap_or(", ").to_owned())
    }

    /// Columns from `mapping` to the block collection in one of its values.
    fn offset(self, mapping: Node<'a>, value: Node<'a>) -> Option<usize> {
        let outer = self.column(mapping.span().start).ok()?;
        let inner = self.column(value.span().start).ok()?;
        self.own_line(value.span().start).then_some(())?;
        inner.checked_sub(outer)
    }

    /// Bytes that a new value replaces: those of the node, and for a missing one the blanks up to a
    /// comma or the end of the line.
    pub(super) fn over_blanks(self, node: Node<'a>) -> Range<usize> {
        let span = node.span();
        let rest = &self.text[span.end..];
        let blanks = rest.len() - rest.trim_start_matches([' ', '\t']).len();
        let ends = rest[blanks..].is_empty() || rest[blanks..].starts_with([',', '\n', '\r']);
        if node.is_missing() && ends {
            span.start..span.end + blanks
        } else {
            span
        }
    }

    /// Nearest value in block style that `wanted` takes: of the mappings around `node`, else the
    /// first of the document.
    fn nearest(self, node: Node<'a>, wanted: Kind) -> Option<usize> {
        let mut at = Some(node);
        let mut root = node;
        while let Some(n) = at {
            if n.kind() == Kind::Mapping(Collection::Block)
                && let Some(offset) = n
                    .entries()
                    .filter(|(_, v)| v.kind() == wanted)
                    .find_map(|(_, v)| self.offset(n, v))
            {
                return Some(offset);
            }
            root = n;
            at = n.parent();
        }
        let document = root.document();
        let first = self.file.documents.get(document)?.root?;
        self.file
            .node(first)
            .descendants()
            .filter(|n| n.kind() == wanted)
            .find_map(|n| {
                let parent = n
                    .parent()
                    .filter(|p| p.kind() == Kind::Mapping(Collection::Block))?;
                self.offset(parent, n)
            })
    }

    fn step(self, node: Node<'a>) -> usize {
        self.nearest(node, Kind::Mapping(Collection::Block))
            .filter(|n| (1..=9).contains(n))
            .unwrap_or(2)
    }

    fn dash(self, node: Node<'a>) -> usize {
        self.nearest(node, Kind::Sequence(Collection::Block))
            .filter(|n| *n <= 9)
            .unwrap_or(0)
    }

    /// The innermost last node: what the text of `node` ends with.
    pub(super) fn last_leaf(self, node: Node<'a>) -> Node<'a> {
        let last = node
            .data()
            .subtree
            .saturating_sub(1)
            .max(u32::try_from(node.id().index()).unwrap_or(0));
        self.file.node(NodeId(last))
    }
}

/// First byte of an entry or item: the dash, or the key with its properties.
fn unit_start(collection: Node<'_>, first: Node<'_>) -> usize {
    match collection.kind() {
        Kind::Sequence(Collection::Block) => first.mark().unwrap_or(first.props_start()),
        _ => first.props_start(),
    }
}

/// Start and end of the entry whose value this is, or of the item.
pub(super) fn unit(value: Node<'_>) -> Option<Range<usize>> {
    let first = value.key().unwrap_or(value);
    Some(unit_start(value.parent()?, first)..value.span().end.max(first.span().end))
}

/// Start and end of every entry or item of `collection`, value included, trailing comments not.
pub(super) fn units(collection: Node<'_>) -> Vec<Range<usize>> {
    match collection.kind() {
        Kind::Mapping(_) => collection
            .entries()
            .map(|(k, v)| unit_start(collection, k)..v.span().end.max(k.span().end))
            .collect(),
        Kind::Sequence(_) => collection
            .children()
            .map(|n| unit_start(collection, n)..n.span().end)
            .collect(),
        _ => Vec::new(),
    }
}

/// Whether the document is JSON: its root is in flow style, and its first key, or string,
/// double-quoted.
fn is_json(node: Node<'_>) -> bool {
    let mut root = node;
    while let Some(parent) = root.parent() {
        root = parent;
    }
    if !matches!(
        root.kind(),
        Kind::Mapping(Collection::Flow) | Kind::Sequence(Collection::Flow)
    ) {
        return in_json_island(node);
    }
    root.descendants()
        .find(|n| matches!(n.kind(), Kind::Scalar(_)))
        .is_none_or(|n| n.kind() == Kind::Scalar(ScalarStyle::DoubleQuoted))
}

/// Whether the keys around `node` in flow style are double-quoted.
fn in_json_island(node: Node<'_>) -> bool {
    let mut at = Some(node);
    while let Some(n) = at {
        if n.kind() == Kind::Mapping(Collection::Flow)
            && let Some((key, _)) = n.entries().next()
        {
            return key.kind() == Kind::Scalar(ScalarStyle::DoubleQuoted);
        }
        at = n.parent().filter(|p| p.in_flow());
    }
    false
}
