//! Why an image cannot be read, and what to do about it.

use std::error::Error;
use std::fmt;

/// Why an image cannot be read. The others are read all the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    pub todo: String,
}

impl Failure {
    /// What is wrong, and what to do about it.
    pub fn new(what: impl Into<String>, todo: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            todo: todo.into(),
        }
    }

    /// Content that is not what its digest or its form promises.
    pub fn corrupt(what: impl Into<String>) -> Self {
        Self::new(
            what,
            "the image is damaged where it is stored, or on the way: push it again, or ask whoever \
             runs the registry",
        )
    }

    /// An image that is put together in a way that is not read.
    pub fn odd(what: impl Into<String>) -> Self {
        Self::new(
            what,
            "state what the image is in [[images]] of kubewright.toml",
        )
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.what, self.todo)
    }
}

impl Error for Failure {}

/// A failure as an error of a reader.
impl From<Failure> for std::io::Error {
    fn from(failure: Failure) -> Self {
        Self::other(failure)
    }
}

/// The words of the cause that lies deepest.
#[cfg(feature = "registry")]
pub(super) fn deepest(error: &(dyn Error + 'static)) -> String {
    let mut cause = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    let text = cause.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_owned()
}
