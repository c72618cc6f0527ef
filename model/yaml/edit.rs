//! Edits: symbolic to write, byte ranges to merge.
//!
//! Each method checks first that the place can be edited at all (`guard`), reads the style around
//! it (`layout`), and plans splices (`set`, `insert`, `flow`, `remove`, `nest`, `documents`). What
//! is not understood is refused with a stable code.

mod comment;
mod documents;
mod emit;
mod flow;
mod guard;
mod insert;
mod layout;
mod nest;
mod remove;
mod set;

use std::ops::Range;

use self::layout::Layout;
use crate::yaml::document::node::Node;
use crate::yaml::document::tree::{Collection, File, Kind, NodeId, ScalarStyle};
use crate::yaml::document::value::Value;

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
        /// The key, which the mapping does not have, or not after the other edits.
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
        /// The new keys, outermost first.
        under: Vec<Level>,
    },
    /// The document goes.
    RemoveDocument {
        /// Its index.
        document: usize,
    },
    /// The document moves in front of another one.
    MoveDocument {
        /// Its index.
        document: usize,
        /// The index of the one that it stands in front of afterwards: a smaller one.
        before: usize,
    },
    /// The whole document is replaced by text that was built, and proven, step by step from it;
    /// every comment of it survives.
    ReplaceDocument {
        /// Its index.
        document: usize,
        /// How many documents stand in its place.
        by: usize,
    },
    /// The comment says something else, or goes; no value changes.
    Comment {
        /// Its bytes, `#` included.
        at: Range<usize>,
        /// What it says afterwards, `#` included.
        to: Option<String>,
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

/// A new key around entries that move.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Level {
    /// The key.
    pub key: String,
    /// Its value is a sequence with one item, which holds the rest.
    pub item: bool,
    /// Entries in front of what moves, or of the next key.
    pub before: Vec<(String, Value)>,
    /// Entries behind that.
    pub behind: Vec<(String, Value)>,
}

impl Level {
    /// A key with nothing but what moves.
    pub fn new(key: impl Into<String>) -> Self {
        Self {
            key: key.into(),
            item: false,
            before: Vec::new(),
            behind: Vec::new(),
        }
    }

    /// With entries in front.
    #[must_use]
    pub fn before(self, before: Vec<(String, Value)>) -> Self {
        Self { before, ..self }
    }

    /// With entries behind.
    #[must_use]
    pub fn behind(self, behind: Vec<(String, Value)>) -> Self {
        Self { behind, ..self }
    }

    /// With a sequence of one item between.
    #[must_use]
    pub fn item(self) -> Self {
        Self { item: true, ..self }
    }
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

impl Splice {
    pub(super) fn insert(at: usize, text: impl Into<String>) -> Self {
        Self {
            range: at..at,
            text: text.into(),
        }
    }

    pub(super) fn replace(range: Range<usize>, text: impl Into<String>) -> Self {
        Self {
            range,
            text: text.into(),
        }
    }

    pub(super) fn delete(range: Range<usize>) -> Self {
        Self {
            range,
            text: String::new(),
        }
    }
}

pub(super) use self::guard::EXISTS;
pub(super) use self::insert::{entries as add_entries, items as add_items};
pub(super) use self::remove::{Gone, from as remove_units};

/// The bytes of a planned change and the comments that it gives up.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) splices: Vec<Splice>,
    pub(super) lost: Vec<String>,
}

impl Plan {
    fn edit(self, op: Op) -> Edit {
        let splices = self
            .splices
            .into_iter()
            .filter(|s| !(s.range.is_empty() && s.text.is_empty()))
            .collect();
        Edit {
            op,
            splices,
            lost_comments: self.lost,
        }
    }
}

impl Node<'_> {
    /// Gives the node another value. A scalar keeps its style where the new value can be written in
    /// it.
    ///
    /// # Errors
    /// A refusal when the place cannot be edited.
    pub fn set(self, value: &Value) -> Result<Edit, Refusal> {
        if self.key().is_none() && self.parent().is_some_and(Node::is_mapping) {
            return Err(guard::KIND);
        }
        guard::path(self)?;
        let scalars = matches!(self.kind(), Kind::Scalar(style) if !style.is_block())
            && !matches!(value, Value::Map(_) | Value::Seq(_) | Value::Flow(_));
        if !scalars {
            guard::subtree(self)?;
        }
        Ok(set::plan(self, value)?.edit(Op::Set {
            node: self.id(),
            value: value.clone(),
        }))
    }

    /// Adds an entry to a mapping, or to a missing value (null) that becomes one. The key may stand
    /// there if an edit that is applied together with this one removes or renames it; else
    /// [`verify`](super::verify::apply) refuses.
    ///
    /// # Errors
    /// A refusal when the place cannot be edited.
    pub fn insert(self, place: Place<'_>, key: &str, value: &Value) -> Result<Edit, Refusal> {
        guard::path(self)?;
        guard::entries(self)?;
        let at = self.place(place)?;
        let plan = insert::entries(self, at, &[(key, value)])?;
        Ok(plan.edit(Op::Insert {
            mapping: self.id(),
            at,
            key: key.to_owned(),
            value: value.clone(),
        }))
    }

    /// Adds an item to a sequence, or to a missing value (null) that becomes one.
    ///
    /// # Errors
    /// A refusal when the place cannot be edited.
    pub fn push(self, place: Place<'_>, value: &Value) -> Result<Edit, Refusal> {
        guard::path(self)?;
        let at = self.place(place)?;
        let plan = insert::items(self, at, &[value])?;
        Ok(plan.edit(Op::Push {
            sequence: self.id(),
            at,
            value: value.clone(),
        }))
    }

    /// Number of entries or items before `place`.
    fn place(self, place: Place<'_>) -> Result<usize, Refusal> {
        let count = match self.kind() {
            Kind::Mapping(_) => self.entries().count(),
            _ => self.children().count(),
        };
        let position = |node: Node<'_>| match node.parent() {
            Some(parent) if parent == self => node.position().ok_or(guard::PLACE),
            _ => Err(guard::PLACE),
        };
        match place {
            Place::First => Ok(0),
            Place::Last => Ok(count),
            Place::Before(node) => position(node),
            Place::After(node) => Ok(position(node)? + 1),
        }
    }

    /// Removes an item, or the entry whose value this is, with the comments on its lines; comments
    /// above it stay.
    ///
    /// # Errors
    /// A refusal when the place cannot be edited.
    pub fn remove(self) -> Result<Edit, Refusal> {
        let parent = self.parent().ok_or(guard::KIND)?;
        guard::path(parent)?;
        guard::subtree(self)?;
        if parent.is_mapping() {
            if self.key().is_none() {
                return Err(guard::KIND);
            }
            guard::entries(parent)?;
        }
        let index = self.position().ok_or(guard::PLACE)?;
        let gone = Gone::new(self.file(), [self], self.file().text().len());
        Ok(remove::from(parent, &[index], true, &gone)?.edit(Op::Remove { node: self.id() }))
    }

    /// Gives the key of this mapping value another name; everything else of the entry stays.
    ///
    /// # Errors
    /// A refusal when the place cannot be edited or the new key stands there already.
    pub fn rename_key(self, to: &str) -> Result<Edit, Refusal> {
        let key = self.key().ok_or(guard::KIND)?;
        let mapping = self.parent().ok_or(guard::KIND)?;
        guard::path(mapping)?;
        guard::entries(mapping)?;
        if mapping.entries().any(|(k, _)| k.text() == Some(to)) {
            return Err(EXISTS);
        }
        let layout = Layout::new(self.file());
        if layout.has_break(key.span()) {
            return Err(guard::LAYOUT);
        }
        let text = set::scalar(key, &Value::Str(to.to_owned()), &layout.style(mapping));
        let plan = Plan {
            splices: vec![Splice::replace(key.span(), text)],
            lost: Vec::new(),
        };
        Ok(plan.edit(Op::Rename {
            key: key.id(),
            to: to.to_owned(),
        }))
    }

    /// Moves a run of this mapping's entries under new keys, one level deeper for each, comments
    /// and block scalars included.
    ///
    /// # Errors
    /// A refusal when the place cannot be edited or a new key stands there already.
    pub fn nest(self, entries: Range<usize>, under: Vec<Level>) -> Result<Edit, Refusal> {
        if !self.is_mapping() {
            return Err(guard::KIND);
        }
        guard::path(self)?;
        guard::entries(self)?;
        let plan = nest::plan(self, &entries, &under)?;
        Ok(plan.edit(Op::Nest {
            mapping: self.id(),
            entries,
            under,
        }))
    }

    /// Whether the node stands in block style itself and around it.
    fn is_block(self) -> bool {
        !self.in_flow()
            && matches!(
                self.kind(),
                Kind::Mapping(Collection::Block) | Kind::Sequence(Collection::Block)
            )
    }

    /// Whether the node is a scalar that is not written at all.
    fn is_missing(self) -> bool {
        self.kind() == Kind::Scalar(ScalarStyle::Plain) && self.span().is_empty()
    }
}

impl File {
    /// Removes a document with its `---`.
    ///
    /// # Errors
    /// A refusal when the file cannot be edited or has no such document.
    pub fn remove_document(&self, document: usize) -> Result<Edit, Refusal> {
        Ok(documents::remove(self, document)?.edit(Op::RemoveDocument { document }))
    }

    /// Moves a document in front of one that stands before it, with its comments, those right above
    /// its `---` included.
    ///
    /// # Errors
    /// A refusal when the file cannot be edited or has no such documents.
    pub fn move_document(&self, document: usize, before: usize) -> Result<Edit, Refusal> {
        let plan = documents::move_up(self, document, before)?;
        Ok(plan.edit(Op::MoveDocument { document, before }))
    }

    /// Replaces the text of one document, `---` and all, by text that holds every comment of it,
    /// and that may be several documents.
    ///
    /// # Errors
    /// A refusal when the file cannot be edited or has no such document, or when the text is not
    /// YAML.
    pub fn replace_document(&self, document: usize, text: String) -> Result<Edit, Refusal> {
        guard::document(self, document)?;
        let by = Self::parse(text.clone()).map_err(|_| guard::LAYOUT)?;
        let by = by.documents().len();
        let region = self
            .documents
            .get(document)
            .ok_or(guard::NO_DOCUMENT)?
            .region();
        let plan = Plan {
            splices: vec![Splice::replace(region, text)],
            lost: Vec::new(),
        };
        Ok(plan.edit(Op::ReplaceDocument { document, by }))
    }

    /// Gives a comment, one of [`File::comments`], another text, or takes it away: with its line
    /// where nothing else stands on it. A comment that was written by a person is theirs: this is
    /// for instructions to programs.
    ///
    /// # Errors
    /// A refusal when the file cannot be edited, or no comment stands there.
    pub fn change_comment(&self, at: Range<usize>, to: Option<String>) -> Result<Edit, Refusal> {
        let plan = comment::plan(self, &at, to.as_deref())?;
        Ok(plan.edit(Op::Comment { at, to }))
    }
}
