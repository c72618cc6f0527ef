//! Lossless YAML: a flat span tree over the original text, edits as byte ranges, and the checks
//! that an edit must pass.
//!
//! [`File::parse`] plans with a scanner of its own, or with `granit-parser` where that does not
//! understand the text, and keeps the text untouched. [`Node`] is a `Copy` cursor for reading.
//! Edits are symbolic to write ([`Node::set`], [`Node::insert`], …) and textual to merge: each
//! returns an [`Edit`] against the text of this file. [`verify`] applies edits and proves, with a
//! parser that did not plan them, that the values changed by exactly the planned delta.
//!
//! # Floors
//!
//! | floor | what it knows |
//! |---|---|
//! | [`verify`] | whether edits change the values by what was planned, and nothing else |
//! | `edit` | edits as byte ranges, and how new values are written |
//! | `parse` | from text to documents |
//! | `document` | nodes, scalars and words of a text that is parsed |
//!
//! # Limits
//!
//! What is read may be hostile. Nothing is expanded, nothing recurses deeper than the limits below,
//! and parsing takes time and memory in proportion to the text; what is over a limit is an error
//! that names the place, and nothing of that file is edited.
//!
//! | what | limit | beyond it |
//! |---|---|---|
//! | size of a file | 1 GiB; spans are 32 bits wide | "the file is larger than 1 GiB" |
//! | nesting | 255 collections in block style, 255 in flow style | "recursion limit exceeded" |
//! | a key that is not marked with `?` | one line of 1,024 characters (YAML 1.2, 7.4.2 and 8.2.2) | the error of the parser |
//! | aliases | never expanded: reading follows them, an edit below one is refused (`yaml-alias`, `yaml-anchor`) | |
//! | an alias inside the node that it names | none | "an alias inside the node that it names" |
//! | merge keys (`<<`) | 8 levels are followed | keys further away are not found |
//! | [`Node::to_value`] | 64 levels and 100,000 nodes, aliases counted each time | `None` |
//! | documents, comments, anchors, keys, lines and their length | none | |
//!
//! Planning an edit costs in proportion to the collections around its place, proving the edits of a
//! file in proportion to the file.

mod document;
mod edit;
mod parse;
#[cfg(test)]
mod tests;
pub mod verify;

pub use document::node::{Entries, Items, Node};
pub use document::resolve::Resolved;
pub use document::tree::{
    Collection, Document, File, Kind, NodeId, ParseError, ScalarStyle, position,
};
pub use document::value::Value;
pub use document::word::{Word, holds};
pub use edit::{Edit, Level, Op, Place, Refusal, Splice};
