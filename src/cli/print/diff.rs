//! A patch that `git apply` takes.

use std::borrow::Cow;
use std::fmt::Write as _;

use anstream::adapter::strip_str;
use anstyle::{AnsiColor, Style};
use similar::{ChangeTag, TextDiff};

use super::Paths;
use super::mask::Mask;
use crate::pipeline::report::{FileChange, Report};

const HEADER: Style = Style::new().bold();
const HUNK: Style = AnsiColor::Cyan.on_default();
const MINUS: Style = AnsiColor::Red.on_default();
const PLUS: Style = AnsiColor::Green.on_default();

/// Unchanged lines around a change.
const CONTEXT: usize = 3;

/// All changed files of a report, secrets and all: what `git apply` takes.
pub fn patch(report: &Report, paths: &Paths) -> String {
    of_files(&report.files, paths)
}

/// As [`patch`], for people: with a mask in the place of each secret that a finding names.
pub fn masked(report: &Report, paths: &Paths) -> String {
    of_files(&Mask::of(report).files(&report.files), paths)
}

/// Whether a patch has secrets that findings name.
pub fn shows_secrets(report: &Report, paths: &Paths) -> bool {
    let mut findings = report.findings.iter();
    let any = !report.secrets.is_empty() || findings.any(|finding| !finding.hidden.is_empty());
    any && patch(report, paths) != masked(report, paths)
}

/// The patch that takes changes back, without styles.
pub(in crate::cli) fn back(files: &[FileChange], paths: &Paths) -> String {
    let turned = |file: &FileChange| FileChange {
        path: file.path.clone(),
        before: file.after.clone(),
        after: file.before.clone(),
    };
    let files: Vec<FileChange> = files.iter().map(turned).collect();
    strip_str(&of_files(&files, paths)).to_string()
}

pub(in crate::cli) fn of_files(files: &[FileChange], paths: &Paths) -> String {
    // Below the top of the work tree git takes paths as relative to the top only behind its own
    // header, and then it passes over files elsewhere without a word: a patch that has some goes
    // without, and is refused there as a whole.
    let header = paths.is_above() && files.iter().all(|f| paths.within_reach(&f.path));
    let mut out = String::new();
    for file in files {
        one(&mut out, file, &paths.in_patch(&file.path), header);
    }
    out
}

/// One changed file of a report, for a reader.
pub(super) fn patch_of(file: &FileChange, paths: &Paths) -> String {
    let mut out = String::new();
    one(&mut out, file, &paths.in_patch(&file.path), false);
    out
}

fn one(out: &mut String, file: &FileChange, path: &str, header: bool) {
    let (old, new) = (name("a", path), name("b", path));
    let comes_or_goes = file.before.is_none() || file.after.is_none();
    if header || comes_or_goes {
        let _ = writeln!(out, "{HEADER}diff --git {old} {new}{HEADER:#}");
    }
    if comes_or_goes {
        let fate = if file.before.is_none() {
            "new"
        } else {
            "deleted"
        };
        let _ = writeln!(out, "{HEADER}{fate} file mode 100644{HEADER:#}");
    }
    // Git ends a path that holds a space with a tab, so that it is told from a time stamp.
    let tab = if path.contains(' ') { "\t" } else { "" };
    let side = |text: &Option<_>, name: &str| {
        if text.is_some() {
            format!("{name}{tab}")
        } else {
            "/dev/null".into()
        }
    };
    let (before, after) = (
        file.before.as_deref().unwrap_or(""),
        file.after.as_deref().unwrap_or(""),
    );
    if before.is_empty() && after.is_empty() {
        return;
    }
    let _ = writeln!(out, "{HEADER}--- {}{HEADER:#}", side(&file.before, &old));
    let _ = writeln!(out, "{HEADER}+++ {}{HEADER:#}", side(&file.after, &new));
    // Lines as git sees them: a lone carriage return ends none.
    let (before, after): (Vec<&str>, Vec<&str>) = (
        before.split_inclusive('\n').collect(),
        after.split_inclusive('\n').collect(),
    );
    let diff = TextDiff::from_slices(&before, &after);
    for group in diff.grouped_ops(CONTEXT) {
        let (Some(first), Some(last)) = (group.first(), group.last()) else {
            continue;
        };
        let old = range(first.old_range().start, last.old_range().end);
        let new = range(first.new_range().start, last.new_range().end);
        let _ = writeln!(out, "{HUNK}@@ -{old} +{new} @@{HUNK:#}");
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            let (sign, style) = match change.tag() {
                ChangeTag::Delete => ('-', MINUS),
                ChangeTag::Insert => ('+', PLUS),
                ChangeTag::Equal => (' ', Style::new()),
            };
            let text = change.value();
            let body = text.strip_suffix('\n');
            let _ = writeln!(out, "{style}{sign}{}{style:#}", body.unwrap_or(text));
            if body.is_none() {
                out.push_str("\\ No newline at end of file\n");
            }
        }
    }
}

/// Start and length of a hunk: an empty range starts at the line before it.
fn range(start: usize, end: usize) -> String {
    match end - start {
        0 => format!("{start},0"),
        1 => format!("{}", start + 1),
        n => format!("{},{n}", start + 1),
    }
}

/// A path as git writes it: quoted when it holds quotes, backslashes or control characters.
fn name<'a>(prefix: &str, path: &'a str) -> Cow<'a, str> {
    let plain = format!("{prefix}/{path}");
    if !path
        .chars()
        .any(|c| c.is_control() || c == '"' || c == '\\')
    {
        return plain.into();
    }
    let mut quoted = String::from("\"");
    for c in plain.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            c if c.is_control() => _ = write!(quoted, "\\{:03o}", c as u32),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted.into()
}
