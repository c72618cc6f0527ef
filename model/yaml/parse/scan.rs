//! Plans the span tree of block YAML as manifests are written, several times faster than a complete
//! parser.
//!
//! The scanner refuses, it never guesses: [`scan`] returns `None` at the first thing it does not
//! fully understand (tags, anchors on keys, `? key`, directives, tabs between tokens, odd
//! indentation, anything that might be an error) and the complete planner takes over. What it
//! accepts it plans exactly as the complete planner does: same nodes, spans, marks, comments.
//!
//! It walks line by line. A stack holds the open block collections with their indentation; an entry
//! whose value is still to come is *pending*, and becomes null when the next line does not stand
//! deeper. Block scalars and flow collections consume their lines at once.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::ops::Range;
use std::sync::Arc;

use memchr::memchr;

use super::scan_bytes::{past_spaces, plain_bytes};
use super::shallow::{Lack, is_marker};
use crate::yaml::document::tree::{
    Document, File, Kind, MAX_BYTES, NO_MARK, NodeData, NodeId, ScalarStyle, u32_of,
};

/// Nesting beyond which the complete planner decides.
pub(in crate::yaml) const MAX_DEPTH: usize = 200;

/// Bytes of a key beyond which the complete planner decides: YAML limits implicit keys to 1,024
/// characters.
pub(in crate::yaml) const MAX_KEY: usize = 1000;

/// The tree of `text`, or `None` when the scanner does not understand all of it.
pub(in crate::yaml) fn scan(text: &Arc<str>) -> Option<File> {
    if text.len() > MAX_BYTES || !plain_bytes(text.as_bytes()) {
        return None;
    }
    let mut scanner = Scanner::new(text);
    scanner.run()?;
    let Scanner {
        mut nodes,
        mut documents,
        comments,
        decoded,
        anchors,
        props,
        aliases,
        ..
    } = scanner;
    // Room was made for as many nodes as a text of this length has at most: trees are kept as long
    // as the run lasts.
    nodes.shrink_to_fit();
    documents.shrink_to_fit();
    Some(File {
        text: Arc::clone(text),
        nodes,
        documents,
        comments,
        decoded,
        anchors,
        aliases,
        props,
        ..File::default()
    })
}

/// Lines between quotes and brackets of one document that stand no deeper than the block collection
/// around them, as far as the scanner gets.
pub(in crate::yaml) fn shallow(text: &str) -> Vec<Lack> {
    if text.len() > MAX_BYTES || !plain_bytes(text.as_bytes()) {
        return Vec::new();
    }
    let mut scanner = Scanner::new(text);
    scanner.shallow = Some(Vec::new());
    // What was found up to a place that it does not understand was found all the same.
    let _ = scanner.run();
    let mut found = scanner.shallow.unwrap_or_default();
    found.sort_by_key(|lack| lack.line);
    found.dedup_by_key(|lack| lack.line);
    found
}

/// An open block collection.
pub(in crate::yaml) struct Open {
    pub(in crate::yaml) id: u32,
    pub(in crate::yaml) sequence: bool,
    pub(in crate::yaml) indent: usize,
    /// The entry whose value is still to come.
    pub(in crate::yaml) pending: Option<Pending>,
    /// End of the last child so far.
    pub(in crate::yaml) end: u32,
}

/// First byte of an anchor; none stands at the start of a text.
pub(in crate::yaml) type Anchor = NonZeroU32;

/// What is known of a value before it comes.
#[derive(Clone, Copy)]
pub(in crate::yaml) struct Pending {
    /// The dash or colon.
    pub(in crate::yaml) mark: u32,
    /// Where the value stands if it is missing: behind the indicator or the anchor.
    pub(in crate::yaml) missing: u32,
    /// The anchor.
    pub(in crate::yaml) anchor: Option<Anchor>,
}

pub(in crate::yaml) struct Scanner<'t> {
    pub(in crate::yaml) text: &'t str,
    pub(in crate::yaml) bytes: &'t [u8],
    pub(in crate::yaml) nodes: Vec<NodeData>,
    documents: Vec<Document>,
    pub(in crate::yaml) comments: Vec<Range<usize>>,
    pub(in crate::yaml) decoded: Vec<(NodeId, Box<str>)>,
    anchors: Vec<(NodeId, Box<str>)>,
    props: Vec<(NodeId, u32)>,
    pub(in crate::yaml) aliases: Vec<(NodeId, NodeId)>,
    pub(in crate::yaml) stack: Vec<Open>,
    /// Room for the text of block scalars.
    pub(in crate::yaml) lines: String,
    /// Nodes by the anchors of this document, the last of each name.
    pub(in crate::yaml) named: HashMap<&'t str, NodeId>,
    /// Lines that stand too far left, where such are passed over.
    shallow: Option<Vec<Lack>>,
    /// One past the `...` behind the last document.
    ended: Option<usize>,
    /// The root of the document is complete: nothing but comments may follow.
    rooted: bool,
    open_document: bool,
}

impl<'t> Scanner<'t> {
    fn new(text: &'t str) -> Self {
        Self {
            text,
            bytes: text.as_bytes(),
            nodes: Vec::with_capacity(text.len() / 12 + 8),
            documents: Vec::new(),
            comments: Vec::new(),
            decoded: Vec::new(),
            anchors: Vec::new(),
            props: Vec::new(),
            aliases: Vec::new(),
            stack: Vec::with_capacity(16),
            lines: String::new(),
            named: HashMap::new(),
            shallow: None,
            ended: None,
            rooted: false,
            open_document: false,
        }
    }

    fn run(&mut self) -> Option<()> {
        let mut at = 0;
        while at < self.bytes.len() {
            at = self.line(at)?;
        }
        if self.open_document {
            self.end_document();
        }
        Some(())
    }

    /// Consumes the line at `start`, or all lines of what begins on it; returns the start of the
    /// next line.
    fn line(&mut self, start: usize) -> Option<usize> {
        let at = past_spaces(self.bytes, start);
        match self.bytes.get(at) {
            None => return Some(at),
            Some(b'\n') => return Some(at + 1),
            Some(b'\r') => return Some(at + 2),
            Some(b'#') => return Some(self.comment(at)),
            Some(b'\t') => return None,
            Some(_) => {}
        }
        if at == start {
            if self.bytes[at..].starts_with(b"---")
                && matches!(self.bytes.get(at + 3), None | Some(b' ' | b'\n' | b'\r'))
            {
                return self.marker(at);
            }
            if self.bytes[at..].starts_with(b"...") {
                return self.dots(at);
            }
            if self.bytes[at] == b'%' {
                return None;
            }
        }
        self.content(at, at - start)
    }

    fn comment(&mut self, at: usize) -> usize {
        let end = self.line_end(at);
        self.comments.push(at..end);
        self.next_line(end)
    }

    /// End of the line of `at`, without its line break.
    pub(in crate::yaml) fn line_end(&self, at: usize) -> usize {
        let end = memchr(b'\n', &self.bytes[at..]).map_or(self.bytes.len(), |n| at + n);
        if end > at && end < self.bytes.len() && self.bytes[end - 1] == b'\r' {
            end - 1
        } else {
            end
        }
    }

    pub(in crate::yaml) fn next_line(&self, line_end: usize) -> usize {
        match self.bytes.get(line_end) {
            Some(b'\r') => line_end + 2,
            Some(_) => line_end + 1,
            None => line_end,
        }
    }

    fn dots(&mut self, at: usize) -> Option<usize> {
        if !self.open_document
            || !matches!(self.bytes.get(at + 3), None | Some(b' ' | b'\n' | b'\r'))
        {
            return None;
        }
        self.end_document();
        self.ended = Some(at + 3);
        self.rest(at + 3)
    }

    fn begin_document(&mut self, marker: Option<Range<usize>>, start: usize) {
        if let Some(last) = self.documents.last_mut() {
            last.end = start;
        }
        let start = if self.documents.is_empty() { 0 } else { start };
        self.documents.push(Document {
            root: None,
            marker,
            start,
            end: self.bytes.len(),
            directives: false,
            lone_cr: false,
        });
        self.open_document = true;
        self.rooted = false;
        self.ended = None;
        self.named.clear();
    }

    fn marker(&mut self, at: usize) -> Option<usize> {
        if self.open_document {
            self.end_document();
        }
        self.begin_document(Some(at..at + 3), at);
        self.rest(at + 3)
    }

    /// What may follow the last token of a line: white space and a comment. Returns the start of
    /// the next line.
    pub(in crate::yaml) fn rest(&mut self, mut at: usize) -> Option<usize> {
        let from = at;
        while matches!(self.bytes.get(at), Some(b' ' | b'\t')) {
            at += 1;
        }
        match self.bytes.get(at) {
            None => Some(at),
            Some(b'\n') => Some(at + 1),
            Some(b'\r') => Some(at + 2),
            Some(b'#') if at > from => Some(self.comment(at)),
            Some(_) => None,
        }
    }

    fn end_document(&mut self) {
        while !self.stack.is_empty() {
            self.close();
        }
        // Only an explicit document can be empty: an implicit one begins with its content.
        if let Some(document) = self.documents.last().filter(|d| d.root.is_none()) {
            let at = document.marker.as_ref().map_or(document.start, |m| m.end);
            self.push(Kind::Scalar(ScalarStyle::Plain), at, at, NO_MARK);
        }
        self.open_document = false;
    }

    fn close(&mut self) {
        if let Some(top) = self.stack.last_mut()
            && let Some(pending) = top.pending.take()
        {
            self.null(pending);
        }
        if let Some(open) = self.stack.pop() {
            let count = u32_of(self.nodes.len());
            let node = &mut self.nodes[open.id as usize];
            node.subtree = count;
            node.end = open.end;
            if let Some(parent) = self.stack.last_mut() {
                parent.end = open.end;
            }
        }
    }

    /// A missing value right behind its indicator or anchor.
    fn null(&mut self, pending: Pending) {
        let at = pending.missing as usize;
        let id = self.push(Kind::Scalar(ScalarStyle::Plain), at, at, pending.mark);
        self.name(id, pending.anchor);
        self.grow(pending.missing);
    }

    #[inline]
    pub(in crate::yaml) fn name(&mut self, id: u32, anchor: Option<Anchor>) {
        if let Some(anchor) = anchor {
            self.anchor(id, anchor);
        }
    }

    #[cold]
    fn anchor(&mut self, id: u32, anchor: Anchor) {
        self.props.push((NodeId(id), anchor.get()));
        if let Some(name) = self.anchor_name(anchor) {
            self.anchors.push((NodeId(id), name.into()));
            self.named.insert(name, NodeId(id));
        }
    }

    pub(in crate::yaml) fn anchor_name(&self, anchor: Anchor) -> Option<&'t str> {
        let at = anchor.get() as usize;
        self.word(at).map(|end| &self.text[at + 1..end])
    }

    /// A node in the innermost open block collection.
    pub(in crate::yaml) fn push(&mut self, kind: Kind, start: usize, end: usize, mark: u32) -> u32 {
        let parent = self.stack.last().map_or(NO_MARK, |o| o.id);
        let id = self.node(kind, start..end, mark, parent);
        if parent == NO_MARK {
            self.root(id);
        }
        id
    }

    /// A node without children so far.
    pub(in crate::yaml) fn node(
        &mut self,
        kind: Kind,
        range: Range<usize>,
        mark: u32,
        parent: u32,
    ) -> u32 {
        let id = u32_of(self.nodes.len());
        let (start, end) = (u32_of(range.start), u32_of(range.end));
        self.nodes.push(NodeData {
            kind,
            start,
            end,
            mark,
            parent,
            subtree: id + 1,
            explicit_key: false,
        });
        id
    }

    pub(in crate::yaml) fn root(&mut self, id: u32) {
        if let Some(document) = self.documents.last_mut() {
            document.root = Some(NodeId(id));
        }
    }

    /// Indentation of the innermost open block collection.
    pub(in crate::yaml) fn around(&self) -> Option<usize> {
        self.stack.last().map(|o| o.indent)
    }

    /// Whether a line between quotes or brackets may begin in this column; where it is too far
    /// left, that is noted if it may be.
    #[cold]
    pub(in crate::yaml) fn too_shallow(
        &mut self,
        line: usize,
        first: usize,
        around: usize,
    ) -> bool {
        let ends = is_marker(self.text, line);
        match &mut self.shallow {
            Some(found) if !ends => found.push(Lack {
                line,
                spaces: around + 1 - (first - line),
            }),
            _ => return true,
        }
        false
    }

    pub(in crate::yaml) fn grow(&mut self, end: u32) {
        if let Some(top) = self.stack.last_mut() {
            top.end = end;
        }
    }

    /// Content at `at`, in column `indent`, as the first token of its line.
    fn content(&mut self, at: usize, indent: usize) -> Option<usize> {
        if !self.open_document {
            let start = if self.documents.is_empty() {
                0
            } else {
                self.ended?
            };
            self.begin_document(None, start);
        }
        let dash = self.is_dash(at);
        loop {
            let Some(top) = self.stack.last_mut() else {
                if self.rooted {
                    return None;
                }
                self.rooted = true;
                return self.value(at, indent, NO_MARK, None, true);
            };
            if let Some(pending) = top.pending.take() {
                if indent > top.indent || (!top.sequence && indent == top.indent && dash) {
                    return self.value(at, indent, pending.mark, pending.anchor, true);
                }
                self.null(pending);
            } else if indent < top.indent || (indent == top.indent && top.sequence && !dash) {
                self.close();
            } else if indent == top.indent && top.sequence == dash {
                return if dash {
                    self.item(at, indent)
                } else {
                    self.entry(at)
                };
            } else {
                return None;
            }
        }
    }

    pub(in crate::yaml) fn is_dash(&self, at: usize) -> bool {
        self.bytes[at] == b'-'
            && matches!(self.bytes.get(at + 1), None | Some(b' ' | b'\n' | b'\r'))
    }
}
