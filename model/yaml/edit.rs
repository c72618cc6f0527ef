//! Edits: symbolic to write, byte ranges to merge.

use std::ops::Range;

use super::node::Node;
use super::tree::{File, NodeId};
use super::value::Value;

/// Replaces the bytes of `range` by `text`; an empty range inserts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Splice {
    /// Bytes of the text of this pass.
    pub range: Range<usize>,
    /// What stands there afterwards.
    pub text: String,
}

/// What an edit means: the delta of values that [`super::verify`] holds its bytes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Op {
    /// The node gets this value.
    Set {
        /// The node, never a key.
        node: NodeId,
        /// Its new value.
        value: Value,
    },
    /// The mapping gets a further entry.
    Insert {
        /// The mapping.
        mapping: NodeId,
        /// Number of entries before it.
        at: usize,
        /// The key, which the mapping does not have.
        key: String,
        /// Its value.
        value: Value,
    },
    /// The sequence gets a further item.
    Push {
        /// The sequence.
        sequence: NodeId,
        /// Number of items before it.
        at: usize,
        /// The item.
        value: Value,
    },
    /// The item, or the entry whose value this is, goes.
    Remove {
        /// An item, or the value of an entry.
        node: NodeId,
    },
    /// The key gets another name.
    Rename {
        /// The key node.
        key: NodeId,
        /// Its new name.
        to: String,
    },
    /// Entries move, in order, under a new key.
    Nest {
        /// The mapping.
        mapping: NodeId,
        /// The entries that move: a range of their positions.
        entries: Range<usize>,
        /// The new keys, outermost first; each with the entries that stand in its mapping before the next one.
        under: Vec<(String, Vec<(String, Value)>)>,
    },
    /// A new document with this root.
    InsertDocument {
        /// Number of documents before it.
        at: usize,
        /// Its root.
        value: Value,
    },
    /// The document goes.
    RemoveDocument {
        /// Its index.
        document: usize,
    },
    /// The whole document is replaced by text that was built, and proven, step by step from it; every comment of it survives.
    ReplaceDocument {
        /// Its index.
        document: usize,
    },
}

/// One change of one document: what it means and how it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// The meaning.
    pub op: Op,
    /// The bytes, ascending and disjoint.
    pub splices: Vec<Splice>,
    /// Comments that the change gives up (source text with `#`); named in the fix.
    pub lost_comments: Vec<String>,
}

/// Why an edit is not made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    /// Stable code, such as `yaml-anchor`.
    pub code: &'static str,
    /// One sentence for the user.
    pub text: &'static str,
}

/// Where a new entry or item goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place<'a> {
    /// Before all others.
    First,
    /// Behind all others.
    Last,
    /// Right before this item, entry key or entry value.
    Before(Node<'a>),
    /// Right behind this item, entry key or entry value.
    After(Node<'a>),
}

impl Node<'_> {
    /// Gives the node another value. A scalar keeps its style where the new value can be written in it.
    pub fn set(self, value: &Value) -> Result<Edit, Refusal> {
        let _ = value;
        Err(Refusal { code: "not-built", text: "" })
    }

    /// Adds an entry to a mapping, or to a missing value (null) that becomes one.
    pub fn insert(self, place: Place<'_>, key: &str, value: &Value) -> Result<Edit, Refusal> {
        let _ = (place, key, value);
        Err(Refusal { code: "not-built", text: "" })
    }

    /// Adds an item to a sequence, or to a missing value (null) that becomes one.
    pub fn push(self, place: Place<'_>, value: &Value) -> Result<Edit, Refusal> {
        let _ = (place, value);
        Err(Refusal { code: "not-built", text: "" })
    }

    /// Removes an item, or the entry whose value this is, with the comments that belong to it.
    pub fn remove(self) -> Result<Edit, Refusal> {
        Err(Refusal { code: "not-built", text: "" })
    }

    /// Gives the key of this mapping value another name; everything else of the entry stays.
    pub fn rename_key(self, to: &str) -> Result<Edit, Refusal> {
        let _ = to;
        Err(Refusal { code: "not-built", text: "" })
    }

    /// Moves a run of this mapping's entries under new keys, one level deeper for each, comments and block scalars included.
    pub fn nest(self, entries: Range<usize>, under: Vec<(String, Vec<(String, Value)>)>) -> Result<Edit, Refusal> {
        let _ = (entries, under);
        Err(Refusal { code: "not-built", text: "" })
    }
}

impl File {
    /// Adds a document behind document `after` (or as the first one).
    pub fn insert_document(&self, after: Option<usize>, value: &Value) -> Result<Edit, Refusal> {
        let _ = (after, value);
        Err(Refusal { code: "not-built", text: "" })
    }

    /// Removes a document with its `---`.
    pub fn remove_document(&self, document: usize) -> Result<Edit, Refusal> {
        let _ = document;
        Err(Refusal { code: "not-built", text: "" })
    }

    /// Replaces the text of one document, `---` and all, by text that holds every comment of it.
    pub fn replace_document(&self, document: usize, text: String) -> Result<Edit, Refusal> {
        let _ = (document, text);
        Err(Refusal { code: "not-built", text: "" })
    }
}
