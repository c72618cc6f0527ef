//! Values that edits write.

/// A value to be written into a document.
///
/// How it is written (block or flow, quoted or plain, indentation) follows the surroundings of the
/// place it is written to, so that YAML 1.1 and YAML 1.2 readers agree on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A decimal number; file modes too.
    Int(i64),
    /// A string; quoted where a plain scalar could be read as anything else.
    Str(String),
    /// A string in double quotes, for values that would need them or not by chance: hashes.
    Quoted(String),
    /// A sequence, in block style where the surroundings are.
    Seq(Vec<Self>),
    /// A mapping in the given order, in block style where the surroundings are.
    Map(Vec<(String, Self)>),
    /// The value within in flow style, on one line.
    Flow(Box<Self>),
}

impl Value {
    /// A string.
    pub fn str(text: impl Into<String>) -> Self {
        Self::Str(text.into())
    }

    /// A string in double quotes.
    pub fn quoted(text: impl Into<String>) -> Self {
        Self::Quoted(text.into())
    }

    /// A mapping from pairs, in their order.
    pub fn map<K: Into<String>>(pairs: impl IntoIterator<Item = (K, Self)>) -> Self {
        Self::Map(pairs.into_iter().map(|(k, v)| (k.into(), v)).collect())
    }

    /// A sequence of strings.
    pub fn strs<S: Into<String>>(items: impl IntoIterator<Item = S>) -> Self {
        Self::Seq(items.into_iter().map(|s| Self::Str(s.into())).collect())
    }

    /// This value, written in flow style.
    #[must_use]
    pub fn flow(self) -> Self {
        Self::Flow(Box::new(self))
    }
}
