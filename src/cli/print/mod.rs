//! One file a format. All take what a run has to say (`run`) and give text; colours are always
//! written, and stripped where the output has none.

mod brief;
mod concise;
pub mod diff;
mod github;
mod gitlab;
mod group;
pub(in crate::cli) mod html;
pub mod json;
mod junit;
mod markdown;
pub(in crate::cli) mod mask;
mod neutral;
pub(in crate::cli) mod offer;
pub(in crate::cli) mod page;
mod rdjson;
pub(in crate::cli) mod relations;
mod restarts;
pub(in crate::cli) mod run;
mod sarif;
mod sentence;
pub(in crate::cli) mod sums;
pub mod text;
pub(in crate::cli) mod touched;
mod wrap;

use std::path::{Component, Path, PathBuf};

use clap::ValueEnum;
use run::Run;

/// What `fix` prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Findings, the diff and sums.
    Text,
    /// One line a finding.
    Concise,
    /// The patch alone.
    Diff,
    /// Everything, for programs.
    Json,
    /// A comment for a pull request.
    Markdown,
    /// A page to look at, in one file.
    Html,
    /// Annotations of GitHub: workflow commands.
    Github,
    /// Code quality report of GitLab.
    Gitlab,
    /// SARIF 2.1.0.
    Sarif,
    /// Diagnostics of reviewdog, one object.
    Rdjson,
    /// Diagnostics of reviewdog, a line each.
    Rdjsonl,
    /// `JUnit` XML.
    Junit,
}

impl Format {
    /// Its name on the command line.
    pub fn name(self) -> String {
        let value = self.to_possible_value();
        value.map_or_else(String::new, |value| value.get_name().to_owned())
    }
}

/// What a format says of a run.
pub(super) fn render(format: Format, run: &Run<'_>) -> String {
    match format {
        Format::Text => text::render(run),
        Format::Concise => concise::render(run),
        Format::Diff => diff::patch(run.report, run.paths),
        Format::Json => json::render(run.report, run.paths),
        Format::Markdown => markdown::render(run),
        Format::Html => html::render(run),
        Format::Github => github::render(run),
        Format::Gitlab => gitlab::render(run),
        Format::Sarif => sarif::render(run),
        Format::Rdjson => rdjson::render(run),
        Format::Rdjsonl => rdjson::render_lines(run),
        Format::Junit => junit::render(run),
    }
}

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

    /// The same, as a service shows them that knows the repository and no working directory.
    #[must_use]
    pub fn of_repository(&self) -> Self {
        Self {
            cwd: self.patch.clone(),
            ..self.clone()
        }
    }

    /// The directory that paths of a report are relative to.
    pub(super) fn root(&self) -> &Path {
        &self.root
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
    c == '\n' || neutral::acts(c)
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
