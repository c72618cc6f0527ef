//! The tree of a file, which is there when someone looks at it.
//!
//! Every file is parsed once, to know that it is YAML and whose documents it holds. The tree weighs
//! more than the text and most trees are never asked for anything again, so it goes then, unless
//! the text says already that a transform will ask; whoever looks at a tree that went gets it back
//! by a second parse, once. Code needs to know nothing of this: a [`LazyFile`] is used as the
//! [`yaml::File`] that it stands for.

use std::fmt;
use std::ops::{Deref, Range};
use std::sync::{Arc, OnceLock};

use crate::yaml::{self, Kind, Node, ScalarStyle, Word};

/// The documents of a file.
#[derive(Clone)]
pub struct LazyFile(Arc<Lazy>);

struct Lazy {
    text: Arc<str>,
    file: OnceLock<yaml::File>,
    /// Scalars may hold words that the text does not show: escapes spell them, or an alias stands
    /// for them.
    hides: bool,
}

impl fmt::Debug for LazyFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LazyFile")
            .field("bytes", &self.0.text.len())
            .field("made", &self.0.file.get().is_some())
            .finish_non_exhaustive()
    }
}

impl From<yaml::File> for LazyFile {
    fn from(file: yaml::File) -> Self {
        Self::new(file, true)
    }
}

impl Deref for LazyFile {
    type Target = yaml::File;

    fn deref(&self) -> &yaml::File {
        self.0.file.get_or_init(|| {
            yaml::File::parse_documents(Arc::clone(&self.0.text)).unwrap_or_default()
        })
    }
}

impl LazyFile {
    /// Of a parsed file; `keep`: someone will ask for it.
    pub(in crate::kube) fn new(file: yaml::File, keep: bool) -> Self {
        let (text, hides) = (file.shared_text(), hides_words(&file));
        Self(Arc::new(Lazy {
            text,
            hides,
            file: if keep {
                OnceLock::from(file)
            } else {
                OnceLock::new()
            },
        }))
    }

    /// Whether scalars may hold words that the text does not show.
    pub(in crate::kube) fn hides(&self) -> bool {
        self.0.hides
    }

    /// Whether a scalar between those bytes may hold `word`, which has neither blanks nor quotes in
    /// it; the tree is not looked at.
    pub(in crate::kube) fn may_hold(&self, span: Range<usize>, word: &Word) -> bool {
        self.may(span, |text| word.is_in(text))
    }

    /// As [`LazyFile::may_hold`], for whatever `holds` finds in a text.
    pub(in crate::kube) fn may(
        &self,
        span: Range<usize>,
        holds: impl FnOnce(&str) -> bool,
    ) -> bool {
        self.0.hides || self.0.text.get(span).is_none_or(holds)
    }
}

fn hides_words(file: &yaml::File) -> bool {
    let spells = |node: Node<'_>| {
        let escapes = ["\\x", "\\u", "\\U", "\\\n", "\\\r"];
        node.kind() == Kind::Scalar(ScalarStyle::DoubleQuoted)
            && escapes.iter().any(|escape| node.source().contains(escape))
    };
    file.has_aliases() || file.decoded_scalars().any(spells)
}
