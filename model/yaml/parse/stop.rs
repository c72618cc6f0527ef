//! Why a text has no tree.

use granit_parser::ErrorKind;

use super::explain::explain;
use crate::yaml::document::tree::{ParseError, position};

/// Where the planner had no way on, in the words of the parser.
#[derive(Debug)]
pub(crate) struct Stop {
    pub(super) offset: usize,
    pub(super) message: String,
    /// What the parser calls it, if it was the parser.
    pub(super) kind: Option<ErrorKind>,
}

impl Stop {
    pub(super) fn new(offset: usize, message: &str) -> Self {
        Self {
            offset,
            message: message.to_owned(),
            kind: None,
        }
    }

    /// The same for whoever wrote the text.
    pub(super) fn explained(self, text: &str) -> ParseError {
        let found = (self.kind.as_ref()).and_then(|kind| explain(text, kind, self.offset));
        let (offset, message, help) = match found {
            Some(found) => (found.offset, found.message, Some(found.help)),
            None => (self.offset, self.message, None),
        };
        let (line, column) = position(text, offset);
        ParseError {
            message,
            help,
            offset,
            line,
            column,
        }
    }
}
