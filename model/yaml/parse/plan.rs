//! Plans the span tree of a file with `granit-parser`.
//!
//! Granit gives exact byte ranges of scalars, flow collections and comments. What it does not give
//! is found by walking the gaps between tokens, which hold nothing but white space, comments,
//! indicators and properties: the dash of each item, the colon of each value, the header and the
//! end of block scalars, the place of missing values, the start of block collections. A gap that
//! holds anything else marks the file as not editable; it is never guessed.

use std::sync::Arc;

use granit_parser::{Event, Parser, ScalarStyle as Granit, Span, StructureStyle, options};
use memchr::{memchr_iter, memchr2};

use super::stop::Stop;
use crate::yaml::document::tree::{
    Collection, Document, File, Kind, MAX_BYTES, NO_MARK, NodeData, NodeId, ScalarStyle, u32_of,
};

/// Parses `text` completely with granit in its default mode, which accepts what kubectl accepts.
pub(crate) fn granit(text: &Arc<str>) -> Result<File, Stop> {
    if text.len() > MAX_BYTES {
        return Err(Stop::new(0, "the file is larger than 1 GiB"));
    }
    let mut planner = Planner::new(text);
    // Buffered comments are bounded by the text.
    let options = options! { emit_anchor_events: true, max_buffered_comment_events: usize::MAX };
    for next in Parser::new_from_str_with_options(text, options) {
        let (event, span) = next.map_err(|e| {
            let offset = e.marker().byte_offset().unwrap_or(0);
            Stop {
                offset,
                message: e.info(),
                kind: Some(e.kind().clone()),
            }
        })?;
        planner.event(event, span)?;
    }
    let mut file = planner.finish();
    file.text = Arc::clone(text);
    Ok(file)
}

fn has_lone_cr(text: &str) -> bool {
    memchr_iter(b'\r', text.as_bytes()).any(|at| text.as_bytes().get(at + 1) != Some(&b'\n'))
}

/// An open collection.
struct Open {
    id: u32,
    kind: Kind,
    /// Number of child nodes so far.
    children: usize,
    /// End of the last child so far.
    end: u32,
}

struct Planner<'t> {
    text: &'t str,
    bytes: &'t [u8],
    file: File,
    open: Vec<Open>,
    /// End of the last token that was placed.
    cursor: usize,
    /// Node of each anchor id of granit.
    anchor_ids: Vec<Option<NodeId>>,
    last: Option<NodeId>,
    directive_from: usize,
}

impl<'t> Planner<'t> {
    fn new(text: &'t str) -> Self {
        let file = File {
            nodes: Vec::with_capacity(text.len() / 16),
            ..File::default()
        };
        Self {
            text,
            bytes: text.as_bytes(),
            file,
            open: Vec::new(),
            cursor: 0,
            anchor_ids: Vec::new(),
            last: None,
            directive_from: 0,
        }
    }

    fn odd(&mut self, why: &'static str) {
        self.file.odd.get_or_insert(why);
    }

    fn event(&mut self, event: Event<'_>, span: Span) -> Result<(), Stop> {
        let mut range = span.byte_range().unwrap_or(0..0);
        if self.text.get(range.clone()).is_none() {
            self.odd("a place that is not in the text");
            range = self.cursor..self.cursor;
        }
        match event {
            Event::Comment(..) => self.file.comments.push(range),
            Event::DocumentStart(explicit, version) => {
                self.document(explicit, version.is_some(), range);
            }
            Event::DocumentEnd => {
                self.cursor = self
                    .cursor
                    .max(if self.bytes[range.start..].starts_with(b"...") {
                        range.start + 3
                    } else {
                        self.cursor
                    });
                self.directive_from = self.cursor;
            }
            Event::Anchor(id, name) => {
                if let Some(node) = self.last {
                    self.file.anchors.push((node, name.to_string().into()));
                    if self.anchor_ids.len() <= id {
                        self.anchor_ids.resize(id + 1, None);
                    }
                    self.anchor_ids[id] = Some(node);
                }
            }
            Event::Alias(id) => {
                let node = self.begin(Kind::Alias, false, None);
                self.place(node, range.start, range.end);
                self.cursor = range.end;
                match self.anchor_ids.get(id).copied().flatten() {
                    Some(target) if self.is_open(target) => {
                        return Err(Stop::new(
                            range.start,
                            "an alias inside the node that it names",
                        ));
                    }
                    Some(target) => self.file.aliases.push((node, target)),
                    None => self.odd("an alias to an unknown anchor"),
                }
            }
            Event::Scalar(value, style, anchor, tag) => {
                let tag = tag.map(|t| t.original());
                self.scalar(&value, style, anchor != 0, tag, range);
            }
            Event::SequenceStart(style, anchor, tag) => {
                let kind = Kind::Sequence(if style == StructureStyle::Flow {
                    Collection::Flow
                } else {
                    Collection::Block
                });
                self.collection(kind, anchor != 0, tag.map(|t| t.original()), range);
            }
            Event::MappingStart(style, anchor, tag) => {
                let how = match style {
                    StructureStyle::Flow
                        if self.bytes.get(range.start) == Some(&b'{')
                            && range.end > range.start =>
                    {
                        Collection::Flow
                    }
                    StructureStyle::Flow => Collection::FlowPair,
                    StructureStyle::Block => Collection::Block,
                };
                self.collection(
                    Kind::Mapping(how),
                    anchor != 0,
                    tag.map(|t| t.original()),
                    range,
                );
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(range.end),
            _ => {}
        }
        Ok(())
    }

    fn document(&mut self, explicit: bool, version: bool, range: std::ops::Range<usize>) {
        if self.directive_from > range.start {
            self.odd("a document that begins before the end of the one before it");
        }
        let from = self.directive_from.min(range.start);
        let directives = version
            || (explicit
                && self.text[from..range.start]
                    .lines()
                    .any(|l| l.starts_with('%')));
        let start = if explicit { range.start } else { from };
        if let Some(last) = self.file.documents.last_mut() {
            last.end = start;
        }
        let start = if self.file.documents.is_empty() {
            0
        } else {
            start
        };
        self.file.documents.push(Document {
            root: None,
            marker: explicit.then(|| range.clone()),
            start,
            end: self.bytes.len(),
            directives,
            lone_cr: false,
        });
        self.cursor = if explicit { range.end } else { from };
    }

    fn is_open(&self, node: NodeId) -> bool {
        self.open.iter().any(|o| o.id == node.0)
    }

    /// First byte at or after `at` that is not white space, a line break or part of a comment.
    fn skip(&self, mut at: usize) -> usize {
        loop {
            match self.bytes.get(at) {
                Some(b' ' | b'\t' | b'\r' | b'\n') => at += 1,
                Some(0xEF) if self.bytes[at..].starts_with("\u{feff}".as_bytes()) => at += 3,
                Some(b'#') => {
                    at += memchr2(b'\n', b'\r', &self.bytes[at..]).unwrap_or(self.bytes.len() - at);
                }
                _ => return at,
            }
        }
    }

    fn indicator(&self, at: usize, byte: u8) -> bool {
        self.bytes.get(at) == Some(&byte)
            && matches!(
                self.bytes.get(at + 1),
                None | Some(
                    b' ' | b'\t' | b'\r' | b'\n' | b',' | b'}' | b']' | b'{' | b'[' | b'"' | b'\''
                )
            )
    }

    /// Whether a `?` at `at` is the indicator of a key: white space follows, or in flow context an
    /// indicator of flow collections.
    fn question(&self, at: usize, parent: Kind) -> bool {
        self.bytes.get(at) == Some(&b'?')
            && match self.bytes.get(at + 1) {
                None | Some(b' ' | b'\t' | b'\r' | b'\n') => true,
                Some(b',' | b'[' | b']' | b'{' | b'}') => {
                    parent != Kind::Mapping(Collection::Block)
                }
                Some(_) => false,
            }
    }

    /// Enters a node: finds its indicator and its properties, adds it to the arena.
    fn begin(&mut self, kind: Kind, anchor: bool, tag: Option<String>) -> NodeId {
        let id = NodeId(u32::try_from(self.file.nodes.len()).unwrap_or(u32::MAX));
        let mut at = self.skip(self.cursor);
        let (mut mark, mut explicit, mut problem) = (NO_MARK, false, None);
        let parent = self.open.last().map_or(NO_MARK, |o| o.id);
        if let Some(open) = self.open.last_mut() {
            let is_value = matches!(open.kind, Kind::Mapping(_)) && open.children % 2 == 1;
            let first = open.children == 0;
            open.children += 1;
            let open_kind = open.kind;
            match open_kind {
                Kind::Sequence(Collection::Block) => {
                    if self.indicator(at, b'-') {
                        mark = u32_of(at);
                        at = self.skip(at + 1);
                        self.cursor = mark as usize + 1;
                    } else {
                        problem = Some("a sequence item without a dash");
                    }
                }
                Kind::Mapping(_) if is_value => {
                    if self.bytes.get(at) == Some(&b':') {
                        mark = u32_of(at);
                        self.cursor = at + 1;
                        at = self.skip(at + 1);
                    }
                }
                _ => {
                    if !first
                        && open_kind != Kind::Mapping(Collection::Block)
                        && self.bytes.get(at) == Some(&b',')
                    {
                        self.cursor = at + 1;
                        at = self.skip(at + 1);
                    }
                    if matches!(open_kind, Kind::Mapping(_)) && self.question(at, open_kind) {
                        explicit = true;
                        self.cursor = at + 1;
                        at = self.skip(at + 1);
                    }
                }
            }
        }
        let props = at;
        let (mut want_anchor, mut want_tag) = (anchor, tag.is_some());
        while (want_anchor && self.bytes.get(at) == Some(&b'&'))
            || (want_tag && self.bytes.get(at) == Some(&b'!'))
        {
            if self.bytes[at] == b'&' {
                want_anchor = false;
            } else {
                want_tag = false;
            }
            let end = self.bytes[at..]
                .iter()
                .position(|b| matches!(b, b' ' | b'\t' | b'\r' | b'\n' | b',' | b']' | b'}'))
                .map_or(self.bytes.len(), |n| at + n);
            self.cursor = end;
            at = self.skip(end);
        }
        if want_anchor || want_tag {
            problem = Some("an anchor or tag that is not where it was expected");
        }
        if let Some(why) = problem {
            self.odd(why);
        }
        if (anchor || tag.is_some()) && props != at {
            self.file.props.push((id, u32_of(props)));
        }
        self.file.nodes.push(NodeData {
            kind,
            start: u32_of(at),
            end: u32_of(at),
            mark,
            parent,
            subtree: id.0 + 1,
            explicit_key: explicit,
        });
        if let Some(tag) = tag {
            self.file.tags.push((id, tag.into()));
        }
        if parent == NO_MARK
            && let Some(document) = self.file.documents.last_mut()
        {
            document.root = Some(id);
        }
        self.last = Some(id);
        id
    }

    fn place(&mut self, id: NodeId, start: usize, end: usize) {
        let node = &mut self.file.nodes[id.index()];
        node.start = u32_of(start);
        node.end = u32_of(end);
        if let Some(parent) = self.open.last_mut() {
            parent.end = u32_of(end);
        }
    }

    fn scalar(
        &mut self,
        value: &str,
        style: Granit,
        anchor: bool,
        tag: Option<String>,
        range: std::ops::Range<usize>,
    ) {
        let style = match style {
            Granit::Plain => ScalarStyle::Plain,
            Granit::SingleQuoted => ScalarStyle::SingleQuoted,
            Granit::DoubleQuoted => ScalarStyle::DoubleQuoted,
            Granit::Literal => ScalarStyle::Literal,
            Granit::Folded => ScalarStyle::Folded,
        };
        let id = self.begin(Kind::Scalar(style), anchor, tag);
        if style.is_block() {
            let header = self.file.nodes[id.index()].start as usize;
            if !matches!(self.bytes.get(header), Some(b'|' | b'>')) {
                self.odd("a block scalar without a header");
            }
            if has_lone_cr(&self.text[header..range.end.max(header)]) {
                self.odd("a block scalar with carriage returns that end lines");
            }
            let end = self.block_end(id, header, range.end);
            self.place(id, header, end);
            self.cursor = end.max(range.end.min(self.bytes.len()));
            // The reader of kubectl adds no line break that the text does not have.
            let open =
                end == self.bytes.len() && !self.last_line().trim_matches([' ', '\r']).is_empty();
            self.decode(
                id,
                if open {
                    value.strip_suffix('\n').unwrap_or(value)
                } else {
                    value
                },
            );
        } else if range.is_empty() {
            // A missing value stands right behind its indicator or property.
            let around = self
                .open
                .last()
                .map_or(0, |o| self.file.nodes[o.id as usize].start as usize);
            let at = self.cursor.max(around);
            self.place(id, at, at);
            if value != "~" && !value.is_empty() {
                self.odd("an empty scalar with a value");
            }
        } else {
            if self.file.nodes[id.index()].start as usize != range.start {
                self.odd("a scalar that is not where it was expected");
            }
            self.place(id, range.start, range.end);
            self.cursor = range.end;
            let raw = &self.text[range];
            let raw = if style == ScalarStyle::Plain {
                raw
            } else {
                raw.get(1..raw.len().saturating_sub(1)).unwrap_or("")
            };
            if raw != value {
                self.decode(id, value);
            }
        }
    }

    /// What follows the last line break.
    fn last_line(&self) -> &str {
        &self.text[self.text.rfind('\n').map_or(0, |n| n + 1)..]
    }

    fn decode(&mut self, id: NodeId, value: &str) {
        self.file.decoded.push((id, value.into()));
    }

    /// End of a block scalar, without its last line break: behind its last line of content, or
    /// behind all blank lines when it keeps them.
    fn block_end(&self, id: NodeId, header: usize, limit: usize) -> usize {
        let limit = limit.min(self.bytes.len());
        let line_end = self.bytes[header..]
            .iter()
            .position(|b| *b == b'\n')
            .map_or(self.bytes.len(), |n| header + n);
        let header_end =
            if line_end < self.bytes.len() && self.text[header..line_end].ends_with('\r') {
                line_end - 1
            } else {
                line_end
            };
        let indicators = self.text[header..header_end]
            .split([' ', '\t', '#'])
            .next()
            .unwrap_or("");
        let keep = indicators.contains('+');
        let mut end = limit.max(header_end);
        if end > header_end && self.bytes[end - 1] == b'\n' {
            end -= 1;
        }
        if end > header_end
            && end < self.bytes.len()
            && self.bytes[end] != b'\n'
            && self.bytes[end] != b'\r'
        {
            // Granit stops before the indentation of what follows: go back to the end of the line
            // before.
            end = self.text[..end].rfind('\n').unwrap_or(end).max(header_end);
        }
        if keep {
            return if end > header_end && self.bytes[end - 1] == b'\r' {
                end - 1
            } else {
                end
            };
        }
        let explicit = indicators
            .bytes()
            .find(u8::is_ascii_digit)
            .map(|d| usize::from(d - b'0') + self.indent_around(id));
        let indent = explicit.unwrap_or_else(|| self.content_indent(header_end, end));
        loop {
            let line = self.text[..end].rfind('\n').map_or(0, |n| n + 1);
            let body = self.text[line..end].trim_end_matches('\r');
            if line <= header_end || !body.bytes().all(|b| b == b' ') || body.len() > indent {
                let cr = self.text[line.max(header)..end].len()
                    - self.text[line.max(header)..end]
                        .trim_end_matches('\r')
                        .len();
                return end - cr;
            }
            end = line - 1;
        }
    }

    /// Column of the block collection that `id` is in, which an indentation indicator counts from.
    fn indent_around(&self, id: NodeId) -> usize {
        let Some(open) = self.open.last() else {
            return 0;
        };
        let at = match open.kind {
            Kind::Sequence(_) => self.file.nodes[id.index()].mark,
            _ => self.file.nodes[open.id as usize].start,
        } as usize;
        let line = self.text[..at.min(self.text.len())]
            .rfind('\n')
            .map_or(0, |n| n + 1);
        self.text[line..at.min(self.text.len())]
            .trim_start_matches('\u{feff}')
            .len()
    }

    /// Spaces before the first line of content of a block scalar whose header line ends at `from`.
    fn content_indent(&self, from: usize, to: usize) -> usize {
        self.text[from..to.max(from)]
            .split('\n')
            .skip(1)
            .find(|l| !l.trim().is_empty())
            .map_or(usize::MAX, |l| l.len() - l.trim_start_matches(' ').len())
    }

    fn collection(
        &mut self,
        kind: Kind,
        anchor: bool,
        tag: Option<String>,
        range: std::ops::Range<usize>,
    ) {
        let id = self.begin(kind, anchor, tag);
        let flow = matches!(
            kind,
            Kind::Sequence(Collection::Flow) | Kind::Mapping(Collection::Flow)
        );
        if flow {
            if self.file.nodes[id.index()].start as usize != range.start {
                self.odd("a flow collection that is not where it was expected");
            }
            self.place(id, range.start, range.end);
            self.cursor = range.end;
        }
        let start = self.file.nodes[id.index()].start;
        self.open.push(Open {
            id: id.0,
            kind,
            children: 0,
            end: start,
        });
    }

    fn close(&mut self, end: usize) {
        let Some(open) = self.open.pop() else { return };
        let count = u32_of(self.file.nodes.len());
        let end = match open.kind {
            Kind::Sequence(Collection::Flow) | Kind::Mapping(Collection::Flow) => {
                self.cursor = end;
                end
            }
            _ => open.end as usize,
        };
        if let Some(parent) = self.open.last_mut() {
            parent.end = u32_of(end);
        }
        let node = &mut self.file.nodes[open.id as usize];
        node.subtree = count;
        node.end = u32_of(end);
    }

    fn finish(mut self) -> File {
        for document in &mut self.file.documents {
            document.lone_cr = has_lone_cr(&self.text[document.region()]);
        }
        self.file.comments.sort_by_key(|r| r.start);
        // White space parts a comment from what stands before it (YAML 1.2, 6.6), which parsers ask
        // for in some places only.
        let apart = |at: usize| {
            self.text[..at]
                .chars()
                .next_back()
                .is_none_or(|c| matches!(c, ' ' | '\t' | '\n' | '\r' | '\u{feff}'))
        };
        if !self
            .file
            .comments
            .iter()
            .all(|comment| apart(comment.start))
        {
            self.odd("a comment without white space before it");
        }
        self.file.anchors.sort_by_key(|(n, _)| *n);
        self.file
    }
}
