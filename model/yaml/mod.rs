//! Lossless YAML: a flat span tree over the original text, edits as byte ranges, and the checks that an edit must pass.
//!
//! [`File::parse`] plans with `granit-parser` (exact byte ranges, comments, anchors) and keeps the text untouched. [`Node`] is a `Copy`
//! cursor for reading. Edits are symbolic to write ([`Node::set`], [`Node::insert`], …) and textual to merge: each returns an [`Edit`]
//! against the text of this file. [`verify`] applies edits and proves, with a parser that did not plan them, that the values
//! changed by exactly the planned delta.

mod edit;
mod emit;
mod node;
mod plan;
mod scan;
mod scan_block;
mod scan_flow;
mod scan_scalar;
#[cfg(test)]
mod tests;
mod tree;
mod value;
pub mod verify;

pub use edit::{Edit, Level, Op, Place, Refusal, Splice};
pub use node::{Entries, Items, Node, Resolved};
pub use tree::{Collection, Document, File, Kind, NodeId, ParseError, ScalarStyle, holds};
pub use value::Value;
