//! What the user declares about a workspace, and the text files beside it.

use std::fmt;
use std::sync::Arc;

use globset::GlobSet;

use super::paths::{has_extension, is_kustomization_name, split};
use crate::glob;
use crate::kube::object::reference::Target;

/// What the user declared about the workspace as a whole.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// `[[apply-sets]]`
    pub apply_sets: Vec<ApplySetSpec>,
    /// `[[references]]`
    pub references: Vec<ReferenceSpec>,
    /// The single input is a stream on standard input: one apply set, closed.
    pub stream: bool,
    /// Single files were asked for, and there is no root: what belongs to them may be unread.
    pub partial: bool,
    /// What is editable was changed, and not asked for by its name: what lies among tests,
    /// examples and copies is left aside all the same.
    pub by_change: bool,
    /// The text files of the root that are no manifests, where there is a root.
    pub texts: Option<Arc<dyn Texts>>,
}

/// One of `[[apply-sets]]`: the user's word for what is applied together.
#[derive(Debug, Clone, Default)]
pub struct ApplySetSpec {
    /// Name for messages.
    pub name: String,
    /// Which files, relative to the root; order of application is the order of the paths, then
    /// kubectl's.
    pub paths: Vec<PathGlob>,
    /// Namespace that objects without one get, as by `kubectl -n`.
    pub namespace: Option<String>,
    /// The cluster: sets of one cluster are one set.
    pub cluster: Option<String>,
}

/// A path, or a glob, that names files; or directories with the manifests in them, as `kubectl
/// apply -f` does.
#[derive(Debug, Clone)]
pub struct PathGlob {
    glob: GlobSet,
    recursive: bool,
}

impl PathGlob {
    /// `*` and `?` match no `/`, `**` does. `recursive` is `kubectl apply -R`: what lies below a
    /// directory counts too.
    ///
    /// # Errors
    /// When the glob is none.
    pub fn new(text: &str, recursive: bool) -> Result<Self, String> {
        let text = text
            .strip_prefix("./")
            .unwrap_or(text)
            .trim_end_matches('/');
        // The root itself has no path.
        let text = if text == "." { "" } else { text };
        Ok(Self {
            glob: glob::compile(text, true)?,
            recursive,
        })
    }

    /// Whether a file is meant.
    pub fn matches(&self, path: &str) -> bool {
        if self.glob.is_match(path) {
            return true;
        }
        let manifest = ["yaml", "yml", "json"]
            .iter()
            .any(|e| has_extension(path, e))
            || is_kustomization_name(path);
        let above = std::iter::successors(Some(split(path).0), |d| {
            Some(split(d).0).filter(|_| !d.is_empty())
        });
        manifest
            && above
                .take(if self.recursive { usize::MAX } else { 1 })
                .any(|directory| self.glob.is_match(directory))
    }
}

/// One of `[[references]]`: a further field that names a ConfigMap or Secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReferenceSpec {
    /// Kind of the resource that has the field.
    pub kind: String,
    /// Dotted path of the name; `[]` behind a segment goes through a sequence.
    pub path: String,
    /// Dotted path of the key that is read, when there is one.
    pub key: Option<String>,
    /// What is named.
    pub to: Target,
}

/// The text files of the root that are not part of the workspace. They are read when they are first
/// asked for.
pub trait Texts: fmt::Debug + Send + Sync {
    /// All of them.
    fn read(&self) -> &Surroundings;

    /// Those whose paths are asked for; nothing else is read.
    fn named(&self, asked: &dyn Fn(&str) -> bool) -> Vec<(String, String)>;

    /// The bytes of one file, by its path relative to the root; `None` for one that is not there,
    /// that `.gitignore` leaves out or that is larger than a ConfigMap may be.
    fn bytes(&self, path: &str) -> Option<Vec<u8>>;
}

/// Text files beside the manifests.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// Path relative to the root, and text; by path.
    pub texts: Vec<(String, String)>,
    /// Paths of text files that were too large to be read.
    pub left_out: Vec<String>,
}
