//! One finding with the diff of its fix.

use std::collections::BTreeMap;

use super::text::View;
use super::{brief, diff};
use crate::pipeline::report::{FileChange, FileFate, Report, Reported, ReportedEdit, ReportedFix};

/// The finding in six lines, and what its fix changes.
pub(in crate::cli) fn render(report: &Report, finding: &Reported, view: &View<'_>) -> String {
    let mut out = String::new();
    brief::finding(&mut out, (finding, &[]), view);
    if let Ok(fix) = &finding.fix {
        for change in changes(report, fix) {
            let shown = view.mask.files(std::slice::from_ref(&change));
            let shown = shown.first().unwrap_or(&change);
            out.push_str(&diff::patch_of(shown, view.paths));
        }
    }
    out
}

/// What a fix alone makes of the files.
pub(in crate::cli) fn changes(report: &Report, fix: &ReportedFix) -> Vec<FileChange> {
    let mut files: BTreeMap<&str, Vec<&ReportedEdit>> = BTreeMap::new();
    for edit in &fix.edits {
        files.entry(&edit.path).or_default().push(edit);
    }
    let change = |(path, edits): (&str, Vec<&ReportedEdit>)| {
        let fate = edits.first()?.file;
        let before = report.sources.get(path).cloned();
        let after = match fate {
            FileFate::Created => Some(edits.iter().map(|e| e.content.as_str()).collect()),
            FileFate::Deleted => None,
            FileFate::Stays => Some(edited(before.as_deref()?, edits)?),
        };
        Some(FileChange {
            path: path.to_owned(),
            before: before.filter(|_| fate != FileFate::Created),
            after: after.map(|text: String| text.into()),
        })
    };
    files.into_iter().filter_map(change).collect()
}

fn edited(text: &str, mut edits: Vec<&ReportedEdit>) -> Option<String> {
    edits.sort_by_key(|edit| (edit.start, edit.end));
    let mut out = String::new();
    let mut at = 0;
    for edit in edits {
        out.push_str(text.get(at..edit.start)?);
        out.push_str(&edit.content);
        at = edit.end;
    }
    out.push_str(text.get(at..)?);
    Some(out)
}
