//! Reading: `Node`, a cursor into the span tree.

use std::collections::HashSet;
use std::fmt;
use std::ops::Range;

use super::resolve::{Resolved, resolve_plain};
use super::tree::{Collection, File, Kind, NO_MARK, NodeData, NodeId, ScalarStyle};
use super::value::Value;
use super::word::Word;

/// A cursor on one node of a [`File`]. Reading goes through aliases and merge keys (`<<`) as
/// kubectl's reader does; spans and edits do not.
#[derive(Clone, Copy)]
pub struct Node<'a> {
    file: &'a File,
    id: NodeId,
}

impl fmt::Debug for Node<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Node#{}({:?} {:?})", self.id.0, self.kind(), self.span())
    }
}

impl PartialEq for Node<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id && std::ptr::eq(self.file, other.file)
    }
}

impl Eq for Node<'_> {}

impl<'a> Node<'a> {
    pub(in crate::yaml) fn new(file: &'a File, id: NodeId) -> Self {
        Self { file, id }
    }

    /// The file this node is part of.
    pub fn file(self) -> &'a File {
        self.file
    }

    /// The node's number in the arena of its file.
    pub fn id(self) -> NodeId {
        self.id
    }

    pub(crate) fn data(self) -> &'a NodeData {
        self.file.data(self.id)
    }

    /// What the node is, an alias being an alias.
    pub fn kind(self) -> Kind {
        self.data().kind
    }

    /// Bytes of the node: a scalar with its quotes or block header, a collection from its first to
    /// its last child or bracket.
    pub fn span(self) -> Range<usize> {
        self.data().start as usize..self.data().end as usize
    }

    /// First byte of the anchor or tag before the node; the start of the node when it has none.
    pub(crate) fn props_start(self) -> usize {
        let props = self.file.props.binary_search_by_key(&self.id, |(n, _)| *n);
        props
            .ok()
            .and_then(|at| self.file.props.get(at))
            .map_or(self.data().start, |(_, start)| *start) as usize
    }

    /// Byte of the `-` before a block sequence item or of the `:` before a mapping value.
    pub fn mark(self) -> Option<usize> {
        let mark = self.data().mark;
        (mark != NO_MARK).then_some(mark as usize)
    }

    /// The source text of [`Node::span`].
    pub fn source(self) -> &'a str {
        &self.file.text()[self.span()]
    }

    fn bytes(self) -> &'a [u8] {
        self.file
            .text
            .as_bytes()
            .get(self.span())
            .unwrap_or_default()
    }

    /// The node that an alias stands for; any other node is its own target.
    #[must_use]
    pub fn target(self) -> Self {
        if self.kind() != Kind::Alias {
            return self;
        }
        match self
            .file
            .aliases
            .binary_search_by_key(&self.id, |(n, _)| *n)
        {
            Ok(i) => Self::new(self.file, self.file.aliases[i].1).target(),
            Err(_) => self,
        }
    }

    /// Name of the node's anchor.
    pub(crate) fn anchor(self) -> Option<&'a str> {
        File::lookup(&self.file.anchors, self.id)
    }

    /// The node's tag as it is written (`!!str`, `!reference`).
    pub fn tag(self) -> Option<&'a str> {
        File::lookup(&self.file.tags, self.id)
    }

    /// Whether the node is a mapping, through an alias too.
    pub fn is_mapping(self) -> bool {
        matches!(self.target().kind(), Kind::Mapping(_))
    }

    /// Whether the node is a sequence, through an alias too.
    pub fn is_sequence(self) -> bool {
        matches!(self.target().kind(), Kind::Sequence(_))
    }

    /// Whether the node is a scalar, through an alias too.
    pub fn is_scalar(self) -> bool {
        matches!(self.target().kind(), Kind::Scalar(_))
    }

    /// Whether the node, or a node around it, is written in flow style.
    pub fn in_flow(self) -> bool {
        let mut at = Some(self);
        while let Some(node) = at {
            if matches!(node.kind(), Kind::Mapping(c) | Kind::Sequence(c) if c != Collection::Block)
            {
                return true;
            }
            at = node.parent();
        }
        false
    }

    /// The node that this node is a child of: for a key or a value the mapping, for an item the
    /// sequence.
    pub fn parent(self) -> Option<Self> {
        let parent = self.data().parent;
        (parent != NO_MARK).then(|| Self::new(self.file, NodeId(parent)))
    }

    /// The index of the document that holds the node.
    pub fn document(self) -> usize {
        self.file.document_at(self.span().start)
    }

    /// All children in order: items, or keys and values in turn.
    pub fn children(self) -> Items<'a> {
        let data = self.data();
        let first = match data.kind {
            Kind::Sequence(_) | Kind::Mapping(_) => self.id.0 + 1,
            _ => data.subtree,
        };
        Items {
            file: self.file,
            next: first,
            end: data.subtree,
        }
    }

    /// The items of a sequence, through an alias too; nothing for any other node.
    pub fn items(self) -> Items<'a> {
        let node = self.target();
        match node.kind() {
            Kind::Sequence(_) => node.children(),
            _ => Items {
                file: self.file,
                next: 0,
                end: 0,
            },
        }
    }

    /// Key and value nodes of a mapping in order, through an alias too, merge keys not expanded;
    /// nothing for any other node.
    pub fn entries(self) -> Entries<'a> {
        let node = self.target();
        Entries {
            inner: match node.kind() {
                Kind::Mapping(_) => node.children(),
                _ => Items {
                    file: self.file,
                    next: 0,
                    end: 0,
                },
            },
        }
    }

    /// The value of `key`: of the mapping itself (the last one, where a key stands twice), else of
    /// what it merges with `<<`.
    pub fn get(self, key: &str) -> Option<Self> {
        self.get_in(key, 8)
    }

    /// As [`Node::get`], for several keys at once.
    pub(crate) fn get_all<const N: usize>(self, keys: [&str; N]) -> [Option<Self>; N] {
        let mut found = [None; N];
        let mut merges = false;
        for (k, v) in self.entries() {
            match keys.iter().position(|key| k.reads(key)) {
                Some(at) => found[at] = Some(v),
                None => merges |= k.bytes() == b"<<",
            }
        }
        if merges {
            for (found, key) in found
                .iter_mut()
                .zip(keys)
                .filter(|(found, _)| found.is_none())
            {
                *found = self.get(key);
            }
        }
        found
    }

    fn get_in(self, key: &str, depth: usize) -> Option<Self> {
        let mut found = None;
        let mut merge = None;
        for (k, v) in self.entries() {
            if k.reads(key) {
                found = Some(v);
            } else if k.bytes() == b"<<" && k.kind() == Kind::Scalar(ScalarStyle::Plain) {
                merge = Some(v);
            }
        }
        if found.is_some() || depth == 0 {
            return found;
        }
        let merge = merge?;
        if merge.is_sequence() {
            merge.items().find_map(|m| m.get_in(key, depth - 1))
        } else {
            merge.get_in(key, depth - 1)
        }
    }

    /// Whether this is a scalar, no alias, whose decoded text is `text`. Keys are compared so often
    /// that it is decided on the source.
    fn reads(self, text: &str) -> bool {
        let Kind::Scalar(style) = self.kind() else {
            return false;
        };
        let source = self.bytes();
        let raw = match style {
            ScalarStyle::Plain => source,
            ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => source
                .get(1..source.len().saturating_sub(1))
                .unwrap_or_default(),
            ScalarStyle::Literal | ScalarStyle::Folded => return self.text() == Some(text),
        };
        // A letter in front always stands for itself, whatever is decoded behind it.
        if raw.first().is_some_and(|first| {
            first.is_ascii_alphanumeric() && text.as_bytes().first() != Some(first)
        }) {
            return false;
        }
        match File::lookup(&self.file.decoded, self.id) {
            Some(decoded) => decoded == text,
            None => raw == text.as_bytes(),
        }
    }

    /// Whether a scalar at or below this node may hold `word`, aliases and merge keys included; the
    /// text answers, no node is looked at.
    pub fn may_hold(self, word: &Word) -> bool {
        let nodes = self.id..NodeId(self.data().subtree);
        let decoded = self
            .file
            .decoded
            .partition_point(|(id, _)| *id < nodes.start)..;
        let decoded = self
            .file
            .decoded
            .get(decoded)
            .unwrap_or_default()
            .iter()
            .take_while(|(id, _)| *id < nodes.end);
        let alias = self
            .file
            .aliases
            .partition_point(|(id, _)| *id < nodes.start);
        self.file
            .aliases
            .get(alias)
            .is_some_and(|(id, _)| *id < nodes.end)
            || word.is_in(self.source())
            || decoded.into_iter().any(|(_, text)| word.is_in(text))
    }

    /// The value at the end of a path of keys.
    pub fn path(self, keys: &[&str]) -> Option<Self> {
        keys.iter().try_fold(self, |node, key| node.get(key))
    }

    /// The item at `index` of a sequence.
    pub fn at(self, index: usize) -> Option<Self> {
        self.items().nth(index)
    }

    /// The key node in front of this mapping value.
    pub fn key(self) -> Option<Self> {
        let mapping = self
            .parent()
            .filter(|p| matches!(p.kind(), Kind::Mapping(_)))?;
        if self.mark().is_none() {
            return mapping
                .entries_own()
                .find(|(_, v)| *v == self)
                .map(|(k, _)| k);
        }
        // Only values have a colon: the node before, or what that is part of, is the key.
        let mut before = Self::new(self.file, NodeId(self.id.0.checked_sub(1)?));
        while before.parent() != Some(mapping) {
            before = before.parent()?;
        }
        Some(before)
    }

    fn entries_own(self) -> Entries<'a> {
        Entries {
            inner: self.children(),
        }
    }

    /// Position among the entries or items of the parent.
    pub fn position(self) -> Option<usize> {
        let parent = self.parent()?;
        match parent.kind() {
            Kind::Mapping(_) => parent
                .entries_own()
                .position(|(k, v)| k == self || v == self),
            _ => parent.children().position(|n| n == self),
        }
    }

    /// The decoded text of a scalar of any type, through an alias too.
    pub fn text(self) -> Option<&'a str> {
        let node = self.target();
        let Kind::Scalar(style) = node.kind() else {
            return None;
        };
        if let Some(text) = File::lookup(&self.file.decoded, node.id) {
            return Some(text);
        }
        let raw = node.source();
        Some(match style {
            ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => {
                raw.get(1..raw.len().saturating_sub(1)).unwrap_or("")
            }
            _ => raw,
        })
    }

    /// The decoded text of a scalar that kubectl reads as a string.
    pub fn as_str(self) -> Option<&'a str> {
        (self.resolved() == Some(Resolved::Str))
            .then(|| self.text())
            .flatten()
    }

    /// The value of a scalar that kubectl reads as an integer.
    pub fn as_int(self) -> Option<i64> {
        match self.resolved() {
            Some(Resolved::Int(n)) => Some(n),
            _ => None,
        }
    }

    /// The value of a scalar that kubectl reads as a boolean.
    pub fn as_bool(self) -> Option<bool> {
        match self.resolved() {
            Some(Resolved::Bool(b)) => Some(b),
            _ => None,
        }
    }

    /// Whether the node is a scalar without a value.
    pub fn is_null(self) -> bool {
        self.resolved() == Some(Resolved::Null)
    }

    /// What kubectl reads this scalar as, through an alias too; `None` for collections.
    pub fn resolved(self) -> Option<Resolved> {
        let node = self.target();
        let Kind::Scalar(style) = node.kind() else {
            return None;
        };
        match node.tag() {
            Some("!!str" | "!") => return Some(Resolved::Str),
            Some(_) if style != ScalarStyle::Plain => return Some(Resolved::Str),
            _ => {}
        }
        if style != ScalarStyle::Plain {
            return Some(Resolved::Str);
        }
        Some(resolve_plain(node.text().unwrap_or("")))
    }

    /// The node as a [`Value`], aliases and merge keys resolved; `None` when it nests deeper than
    /// 64 or has more than 100,000 nodes.
    pub fn to_value(self) -> Option<Value> {
        let mut budget = 100_000;
        self.to_value_in(64, &mut budget)
    }

    fn to_value_in(self, depth: usize, budget: &mut usize) -> Option<Value> {
        if depth == 0 || *budget == 0 {
            return None;
        }
        *budget -= 1;
        let node = self.target();
        Some(match node.kind() {
            Kind::Sequence(_) => Value::Seq(
                node.items()
                    .map(|n| n.to_value_in(depth - 1, budget))
                    .collect::<Option<_>>()?,
            ),
            Kind::Mapping(_) => {
                let mut pairs: Vec<(String, Value)> = Vec::new();
                for (k, v) in node.entries() {
                    let key = k.text()?;
                    if key == "<<" && k.kind() == Kind::Scalar(ScalarStyle::Plain) {
                        continue;
                    }
                    pairs.push((key.to_owned(), v.to_value_in(depth - 1, budget)?));
                }
                let mut known: Option<HashSet<String>> = None;
                for (k, v) in node.entries() {
                    if k.text() == Some("<<") && k.kind() == Kind::Scalar(ScalarStyle::Plain) {
                        let merged: Vec<Node<'_>> = if v.is_sequence() {
                            v.items().collect()
                        } else {
                            vec![v]
                        };
                        for m in merged {
                            if let Value::Map(more) = m.to_value_in(depth - 1, budget)? {
                                let known = known.get_or_insert_with(|| {
                                    pairs.iter().map(|(k, _)| k.clone()).collect()
                                });
                                for (key, value) in more {
                                    if known.insert(key.clone()) {
                                        pairs.push((key, value));
                                    }
                                }
                            }
                        }
                    }
                }
                Value::Map(pairs)
            }
            _ => match node.resolved() {
                Some(Resolved::Null) => Value::Null,
                Some(Resolved::Bool(b)) => Value::Bool(b),
                Some(Resolved::Int(n)) => Value::Int(n),
                _ => Value::Str(node.text()?.to_owned()),
            },
        })
    }

    /// The node and all nodes below it in document order, aliases not followed.
    pub fn descendants(self) -> impl Iterator<Item = Node<'a>> {
        let file = self.file;
        (self.id.0..self.data().subtree).map(move |id| Node::new(file, NodeId(id)))
    }
}

/// Children of a node.
#[derive(Debug, Clone)]
pub struct Items<'a> {
    file: &'a File,
    next: u32,
    end: u32,
}

impl<'a> Iterator for Items<'a> {
    type Item = Node<'a>;

    fn next(&mut self) -> Option<Node<'a>> {
        if self.next >= self.end {
            return None;
        }
        let node = Node::new(self.file, NodeId(self.next));
        self.next = node.data().subtree;
        Some(node)
    }
}

/// Key and value nodes of a mapping.
#[derive(Debug, Clone)]
pub struct Entries<'a> {
    inner: Items<'a>,
}

impl<'a> Iterator for Entries<'a> {
    type Item = (Node<'a>, Node<'a>);

    fn next(&mut self) -> Option<(Node<'a>, Node<'a>)> {
        Some((self.inner.next()?, self.inner.next()?))
    }
}
