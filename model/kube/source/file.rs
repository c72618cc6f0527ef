//! The files of a workspace: as they are given, as they are kept, and what is left alone of them.

use std::sync::{Arc, OnceLock};

use super::lazy_file::LazyFile;
use crate::kube::object::resource::FileId;
use crate::yaml::ParseError;

/// A file as it is given to the workspace.
#[derive(Debug, Clone)]
pub struct Input {
    /// Path relative to the root, `/` between segments; `<stdin>` for standard input.
    pub path: String,
    /// The text.
    pub text: Arc<str>,
    /// Whether the file lies within the PATHs asked for: findings outside are not reported and
    /// fixes never edit outside.
    pub editable: bool,
}

/// A file of the workspace.
#[derive(Debug, Clone)]
pub struct SourceFile {
    /// Its number.
    pub id: FileId,
    /// Path relative to the root.
    pub path: String,
    /// See [`Input::editable`].
    pub editable: bool,
    /// The text.
    pub text: Arc<str>,
    /// The documents; `None` for files that are not read as YAML (templates, broken files).
    pub yaml: Option<LazyFile>,
    /// First byte of each line; made when a position is first asked for.
    pub(in crate::kube) lines: Arc<OnceLock<Vec<usize>>>,
}

impl SourceFile {
    /// 1-based line and column (in Unicode scalar values) of a byte offset; an offset past the end
    /// counts as the end.
    pub fn position(&self, offset: usize) -> (usize, usize) {
        let mut offset = offset.min(self.text.len());
        while !self.text.is_char_boundary(offset) {
            offset -= 1;
        }
        let starts = self.lines.get_or_init(|| {
            let breaks = self.text.bytes().enumerate().filter(|(_, b)| *b == b'\n');
            std::iter::once(0)
                .chain(breaks.map(|(at, _)| at + 1))
                .collect()
        });
        let line = starts.partition_point(|start| *start <= offset);
        let start = line
            .checked_sub(1)
            .and_then(|at| starts.get(at))
            .copied()
            .unwrap_or(0);
        let before = self
            .text
            .get(start..offset)
            .unwrap_or("")
            .trim_start_matches('\u{feff}');
        (line, before.chars().count() + 1)
    }
}

crate::codes! {
    /// Why a file or document is left alone.
    pub enum SkipCode {
        Empty = "empty",
        GeneratorSource = "generator-source",
        HelmChart = "helm-chart",
        HelmTemplate = "helm-template",
        Kustomization = "kustomization",
        NotAResource = "not-a-resource",
        Patch = "patch",
        Sops = "sops",
        Template = "template",
    }
}

/// A file or document that is left alone, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// The file.
    pub file: FileId,
    /// The document, when it is not the whole file.
    pub document: Option<usize>,
    /// Its code.
    pub code: SkipCode,
    /// For the user.
    pub text: String,
}

/// A file or document that is not YAML.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// The file.
    pub file: FileId,
    /// The document, when it is not the whole file.
    pub document: Option<usize>,
    /// Where and why.
    pub error: ParseError,
}
