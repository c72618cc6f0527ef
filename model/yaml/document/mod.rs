//! What a text says as YAML: a flat tree of spans over it, and cursors to read it.

pub(in crate::yaml) mod node;
mod place;
pub(in crate::yaml) mod resolve;
pub(in crate::yaml) mod tree;
pub(in crate::yaml) mod value;
pub(in crate::yaml) mod word;
