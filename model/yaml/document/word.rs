//! Words that whole texts are searched for, before anything of them is looked at more closely.

use std::sync::OnceLock;

use memchr::memmem::Finder;

/// A word that many texts are searched for; the search is prepared once.
#[derive(Debug)]
pub struct Word {
    text: &'static str,
    finder: OnceLock<Finder<'static>>,
}

impl Word {
    /// For a `static`.
    pub const fn new(text: &'static str) -> Self {
        Self {
            text,
            finder: OnceLock::new(),
        }
    }

    /// The word itself.
    pub const fn text(&self) -> &'static str {
        self.text
    }

    /// Whether `text` holds the word anywhere.
    pub fn is_in(&self, text: &str) -> bool {
        self.finder
            .get_or_init(|| Finder::new(self.text))
            .find(text.as_bytes())
            .is_some()
    }
}

/// Whether `text` holds `word` anywhere; several times faster than [`str::contains`] on whole
/// documents. For a word that is known before, and many texts, see [`Word`].
pub fn holds(text: &str, word: &str) -> bool {
    memchr::memmem::find(text.as_bytes(), word.as_bytes()).is_some()
}
