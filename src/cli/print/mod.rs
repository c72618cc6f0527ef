//! One file a format. All take a report and give text; colours are always written, and stripped
//! where the output has none.

pub mod diff;
pub mod json;
mod sentence;
pub mod text;

use std::path::{Component, Path, PathBuf};

/// How paths of the report, which are relative to the root, are shown.
#[derive(Debug, Clone, Default)]
pub struct Paths {
    root: PathBuf,
    cwd: PathBuf,
    patch: PathBuf,
}

impl Paths {
    /// In text relative to `cwd`; in patches relative to `git_top`, or else to `cwd`.
    pub fn new(root: &Path, cwd: &Path, git_top: Option<&Path>) -> Self {
        Self {
            root: root.into(),
            cwd: cwd.into(),
            patch: git_top.unwrap_or(cwd).into(),
        }
    }

    /// For a reader.
    pub fn shown(&self, path: &str) -> String {
        self.to(path, &self.cwd)
    }

    /// For `git apply`.
    pub fn in_patch(&self, path: &str) -> String {
        self.to(path, &self.patch)
    }

    /// Whether git takes a patch of that file from the working directory, though its paths are
    /// relative to the top of the work tree. It passes silently over files that are not at or below
    /// the working directory.
    pub fn within_reach(&self, path: &str) -> bool {
        self.cwd == self.patch || !self.shown(path).starts_with("../")
    }

    /// Whether patches name files otherwise than the working directory does.
    fn is_above(&self) -> bool {
        self.cwd != self.patch
    }

    fn to(&self, path: &str, base: &Path) -> String {
        if path.starts_with('<') || self.root == base {
            return path.into();
        }
        between(base, &self.root.join(path))
    }
}

/// Whether a character steers a terminal or a reader instead of being seen: control characters, and
/// those that turn the direction of the text around them.
pub(in crate::cli) fn steers(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The way from a directory to a path, both absolute, `/` between segments.
pub fn between(from: &Path, to: &Path) -> String {
    let (from, to): (Vec<Component<'_>>, Vec<Component<'_>>) =
        (from.components().collect(), to.components().collect());
    let common = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    let up = from.iter().skip(common).map(|_| "..".to_owned());
    let down = to
        .iter()
        .skip(common)
        .map(|c| c.as_os_str().to_string_lossy().into_owned());
    let way: Vec<String> = up.chain(down).collect();
    if way.is_empty() {
        ".".into()
    } else {
        way.join("/")
    }
}
