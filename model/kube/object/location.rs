//! A place in a file.

use std::cmp::Ordering;
use std::ops::Range;

use super::resource::FileId;
use crate::yaml::Node;

/// A range of bytes of a file of the workspace; ordered by file and first byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// The file.
    pub file: FileId,
    /// Bytes of its text in this pass.
    pub span: Range<usize>,
}

impl PartialOrd for Location {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Location {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.file, self.span.start, self.span.end).cmp(&(
            other.file,
            other.span.start,
            other.span.end,
        ))
    }
}

impl Location {
    /// The place of a node.
    pub fn of(file: FileId, node: Node<'_>) -> Self {
        Self {
            file,
            span: node.span(),
        }
    }
}
