//! From text to documents: a scanner of its own for what most files hold, `granit-parser` for the
//! rest.

mod explain;
pub(in crate::yaml) mod partly;
pub(in crate::yaml) mod plan;
pub(in crate::yaml) mod scan;
pub(in crate::yaml) mod scan_block;
pub(in crate::yaml) mod scan_bytes;
pub(in crate::yaml) mod scan_flow;
pub(in crate::yaml) mod scan_scalar;
pub(in crate::yaml) mod scan_value;
pub(in crate::yaml) mod shallow;
mod stop;

use std::sync::Arc;

use super::document::tree::{File, ParseError};

impl File {
    /// Parses all documents of `text`.
    ///
    /// # Errors
    /// The first place at which the text is not YAML as kubectl accepts it.
    pub fn parse(text: impl Into<Arc<str>>) -> Result<Self, ParseError> {
        let text = text.into();
        scan::scan(&text).map_or_else(|| complete(&text), Ok)
    }

    /// Parses the documents of `text` that are YAML; those that are not are listed by
    /// [`File::unread`], and a word stands for each in the tree.
    ///
    /// # Errors
    /// When no document is YAML: the first place at which the text is not.
    pub(crate) fn parse_documents(text: impl Into<Arc<str>>) -> Result<Self, ParseError> {
        partly::parse(text.into())
    }

    /// Parses with the complete planner alone; [`File::parse`] gives the same tree.
    pub fn parse_complete(text: impl Into<Arc<str>>) -> Result<Self, ParseError> {
        complete(&text.into())
    }

    /// Parses with the fast scanner alone; `None` where it leaves the text to the complete planner.
    pub fn parse_fast(text: impl Into<Arc<str>>) -> Option<Self> {
        scan::scan(&text.into())
    }
}

/// The tree by the complete planner, which is asked again where lines stand too far left for it.
fn complete(text: &Arc<str>) -> Result<File, ParseError> {
    plan::granit(text).or_else(|stop| shallow::parse(text).ok_or_else(|| stop.explained(text)))
}
