//! The span tree: one arena of nodes per file, in document order, over text that is never changed.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use super::node::Node;

/// Index of a node in the arena of its [`File`]; nodes are numbered in document order, parents
/// before their children.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub(crate) u32);

impl NodeId {
    /// Position in the arena of the file, in document order over all documents.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// How a scalar is written (YAML 1.2, chapter 7 and 8).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScalarStyle {
    /// Without indicators.
    Plain,
    /// `'…'`
    SingleQuoted,
    /// `"…"`
    DoubleQuoted,
    /// `|`
    Literal,
    /// `>`
    Folded,
}

impl ScalarStyle {
    /// Whether the scalar is a block scalar (`|` or `>`).
    pub(crate) fn is_block(self) -> bool {
        matches!(self, Self::Literal | Self::Folded)
    }
}

/// How a collection is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Collection {
    /// By indentation.
    Block,
    /// In brackets or braces, as JSON is.
    Flow,
    /// A single pair without braces inside a flow sequence, `[a: b]`.
    FlowPair,
}

/// What a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A scalar; an empty plain scalar is a missing value (null).
    Scalar(ScalarStyle),
    /// A sequence.
    Sequence(Collection),
    /// A mapping; its children alternate key, value.
    Mapping(Collection),
    /// `*name`
    Alias,
}

/// Bytes of the largest text that is planned; spans are 32 bits wide.
pub(in crate::yaml) const MAX_BYTES: usize = 1 << 30;

/// Value of `NodeData::mark` for a node that has no indicator.
pub(crate) const NO_MARK: u32 = u32::MAX;

/// There is one for every ten to twenty bytes of text: what few nodes have is kept in lists beside
/// the arena.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NodeData {
    pub kind: Kind,
    /// First byte of the node itself: opening bracket, first key, first dash, block scalar header,
    /// first byte of the scalar.
    pub start: u32,
    /// One past the last byte of content; for block collections the end of the last child.
    pub end: u32,
    /// Byte of the `-` of a block sequence item or of the `:` of a mapping value.
    pub mark: u32,
    pub parent: u32,
    /// One past the last descendant in the arena.
    pub subtree: u32,
    /// A key written with the `?` indicator.
    pub explicit_key: bool,
}

/// One document of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    pub(crate) root: Option<NodeId>,
    pub(crate) marker: Option<Range<usize>>,
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) directives: bool,
    /// Whether it has a carriage return without a line feed.
    pub(crate) lone_cr: bool,
}

impl Document {
    /// Bytes from the document's `---` (or where the document before it ends) to where the next
    /// document begins.
    pub fn region(&self) -> Range<usize> {
        self.start..self.end
    }

    /// Bytes of the `---` that starts the document, when it is written.
    pub fn marker(&self) -> Option<Range<usize>> {
        self.marker.clone()
    }
}

/// A YAML or JSON file: its text, untouched, and the tree of spans over it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct File {
    pub(crate) text: Arc<str>,
    pub(crate) nodes: Vec<NodeData>,
    pub(crate) documents: Vec<Document>,
    pub(crate) comments: Vec<Range<usize>>,
    /// Decoded text of scalars whose source text differs from their value, by node, ascending.
    pub(crate) decoded: Vec<(NodeId, Box<str>)>,
    pub(crate) anchors: Vec<(NodeId, Box<str>)>,
    pub(crate) aliases: Vec<(NodeId, NodeId)>,
    pub(crate) tags: Vec<(NodeId, Box<str>)>,
    /// First byte of the anchor or tag before a node, for the few nodes that have one.
    pub(crate) props: Vec<(NodeId, u32)>,
    /// Why the layout was not fully understood: such a file can be read, not edited.
    pub(crate) odd: Option<&'static str>,
    /// Documents that are not YAML, and why; ascending.
    pub(crate) unread: Vec<(usize, ParseError)>,
    /// What parsers read in place of the text, where not all documents are YAML.
    pub(crate) readable: Option<Arc<str>>,
}

impl fmt::Debug for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("File")
            .field("bytes", &self.text.len())
            .field("nodes", &self.nodes.len())
            .finish_non_exhaustive()
    }
}

/// Why a text is not YAML, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseError {
    /// What is wrong.
    pub message: String,
    /// What to write instead, where that is known.
    pub help: Option<String>,
    /// Byte offset in the text.
    pub offset: usize,
    /// 1-based line.
    pub line: usize,
    /// 1-based column in Unicode scalar values.
    pub column: usize,
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.line, self.column, self.message)?;
        self.help
            .as_ref()
            .map_or(Ok(()), |help| write!(f, "; {help}"))
    }
}

impl std::error::Error for ParseError {}

impl File {
    /// The text, byte for byte as it was given.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The text, shared.
    pub fn shared_text(&self) -> Arc<str> {
        Arc::clone(&self.text)
    }

    /// The text as parsers read it: with a word in place of each document that is not YAML.
    pub fn readable(&self) -> &str {
        self.readable.as_deref().unwrap_or(&self.text)
    }

    /// The documents that are not YAML, by number, and why.
    pub fn unread(&self) -> &[(usize, ParseError)] {
        &self.unread
    }

    /// The documents in order.
    pub fn documents(&self) -> &[Document] {
        &self.documents
    }

    /// The root node of document `index`; `None` for an empty document.
    pub fn root(&self, index: usize) -> Option<Node<'_>> {
        self.documents.get(index)?.root.map(|id| self.node(id))
    }

    /// A cursor on `id`, which must come from this file.
    pub fn node(&self, id: NodeId) -> Node<'_> {
        Node::new(self, id)
    }

    /// Number of nodes over all documents.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether there is no node at all.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// Byte ranges of all comments, `#` included, line break excluded, ascending.
    pub fn comments(&self) -> &[Range<usize>] {
        &self.comments
    }

    /// Index of the document that holds byte `offset`.
    pub fn document_at(&self, offset: usize) -> usize {
        self.documents
            .partition_point(|d| d.start <= offset)
            .saturating_sub(1)
    }

    /// The line break that the text uses: that of its first line, `"\n"` when there is none.
    pub fn eol(&self) -> &'static str {
        match self.text.find('\n') {
            Some(at) if self.text[..at].ends_with('\r') => "\r\n",
            _ => "\n",
        }
    }

    /// Why this file can be read but not edited, if it cannot.
    pub fn uneditable(&self) -> Option<&'static str> {
        self.odd
    }

    /// 1-based line and column (in Unicode scalar values) of a byte offset; an offset past the end
    /// counts as the end.
    pub fn position(&self, offset: usize) -> (usize, usize) {
        position(&self.text, offset)
    }

    /// Whether a node of the file is an alias.
    pub(crate) fn has_aliases(&self) -> bool {
        !self.aliases.is_empty()
    }

    /// The scalars whose text is not their source: block scalars, and those with escapes or folded
    /// lines.
    pub(crate) fn decoded_scalars(&self) -> impl Iterator<Item = Node<'_>> {
        self.decoded.iter().map(|(id, _)| self.node(*id))
    }

    pub(crate) fn data(&self, id: NodeId) -> &NodeData {
        &self.nodes[id.index()]
    }

    pub(crate) fn lookup<T: ?Sized>(list: &[(NodeId, Box<T>)], id: NodeId) -> Option<&T> {
        list.binary_search_by_key(&id, |(n, _)| *n)
            .ok()
            .map(|i| &*list[i].1)
    }
}

/// 1-based line and column (in Unicode scalar values) of a byte offset; an offset past the end
/// counts as the end.
pub fn position(text: &str, offset: usize) -> (usize, usize) {
    let mut offset = offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    let before = &text[..offset];
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    let line = before.bytes().filter(|b| *b == b'\n').count() + 1;
    let column = before[line_start..]
        .trim_start_matches('\u{feff}')
        .chars()
        .count()
        + 1;
    (line, column)
}

/// A byte offset or node number in the 32 bits that the arena keeps; files are limited so that it
/// fits.
#[inline]
#[expect(
    clippy::cast_possible_truncation,
    reason = "texts have at most `MAX_BYTES`"
)]
pub(in crate::yaml) fn u32_of(n: usize) -> u32 {
    n as u32
}
