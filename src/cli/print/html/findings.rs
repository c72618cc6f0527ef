//! The findings of a page, the most severe first, each with its fix as a diff of its own.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use kubewright_model::finding::{Applicability, Severity};

use super::super::brief;
use super::super::run::{Problem, Run, link_of};
use super::diff;
use super::escape::{line, said};
use crate::pipeline::report::{FileFate, Outcome, Reported, ReportedEdit, ReportedFix};

/// Unchanged lines around the changes of a fix.
const CONTEXT: usize = 3;

/// By what a finding is filtered when nothing else says: how far its fix can be trusted.
pub(super) fn trust(finding: &Reported) -> &'static str {
    match &finding.fix {
        Ok(fix) => fix.applicability.as_str(),
        Err(_) => "none",
    }
}

/// What became of it, in a word; none where it is just there.
fn fate(run: &Run<'_>, finding: &Reported) -> &'static str {
    match (finding.outcome, run.wrote) {
        (Outcome::Applied, true) => "fixed",
        (Outcome::Applied, false) => "will be fixed",
        (Outcome::Cured, _) => "cured by another fix",
        (Outcome::Left, _) => "",
    }
}

/// Appends all findings.
pub(super) fn write(out: &mut String, run: &Run<'_>, problems: &[Problem<'_>]) {
    let mut sorted: Vec<&Problem<'_>> = problems.iter().collect();
    sorted.sort_by_key(|p| std::cmp::Reverse(p.finding.severity));
    out.push_str("<div id=\"list\">");
    for (at, problem) in sorted.into_iter().enumerate() {
        one(out, run, problem, at + 1);
    }
    out.push_str("</div>");
}

fn one(out: &mut String, run: &Run<'_>, problem: &Problem<'_>, number: usize) {
    let finding = problem.finding;
    let severity = finding.severity.as_str();
    let place = line(&format!(
        "{}:{}:{}",
        problem.path, problem.start.line, problem.start.column
    ));
    let _ = write!(
        out,
        "<article id=\"f{number}\" data-s=\"{severity}\" data-a=\"{}\" data-t=\"{}\"><h3><span \
         class=\"badge {severity}\">{}</span> {}</h3>",
        trust(finding),
        line(finding.transform),
        word(finding.severity),
        said(&finding.message, &run.top)
    );
    let _ = write!(
        out,
        "<p class=\"where\"><code>{place}</code> <a href=\"{}\" rel=\"noreferrer\">{}</a> <a \
         class=\"self\" href=\"#f{number}\" aria-label=\"link to this finding\">#{number}</a></p>",
        line(&link_of(finding.transform)),
        line(finding.transform)
    );
    let fate = fate(run, finding);
    match &finding.fix {
        Ok(fix) => {
            let trust = fix.applicability;
            let _ = write!(
                out,
                "<p class=\"fix\"><span class=\"badge {0}\">{1}</span> {2}{3}</p>",
                trust.as_str(),
                trusted(trust),
                said(&fix.title, &run.top),
                if fate.is_empty() {
                    String::new()
                } else {
                    format!(" <em>({fate})</em>")
                }
            );
        }
        Err(_) if finding.outcome == Outcome::Cured => {
            let _ = write!(out, "<p class=\"fix\"><em>{fate}</em></p>");
        }
        Err(reason) => {
            let _ = write!(
                out,
                "<p class=\"fix\"><span class=\"badge none\">no fix</span> {} <code \
                 class=\"dim\">{}</code></p>",
                said(&reason.lines(), &run.top),
                line(reason.code)
            );
        }
    }
    let next = brief::next(finding, &run.top).filter(|_| finding.severity != Severity::Info);
    if let Some(next) = next {
        let next = line(&next);
        let _ = write!(out, "<p class=\"fix\">next: <code>{next}</code></p>");
    }
    more(out, run, finding);
    if let Ok(fix) = &finding.fix {
        changes(out, run, fix);
    }
    out.push_str("</article>");
}

/// Notes, other places and what a fix gives up.
fn more(out: &mut String, run: &Run<'_>, finding: &Reported) {
    let lost = finding
        .fix
        .as_ref()
        .map_or(&[][..], |fix| &fix.lost_comments);
    let own = (finding.place.start, finding.place.path.as_str());
    let related: Vec<_> = (finding.related.iter())
        .filter(|(place, _)| (place.start, place.path.as_str()) != own)
        .collect();
    if finding.notes.is_empty() && related.is_empty() && lost.is_empty() {
        return;
    }
    out.push_str("<details class=\"notes\"><summary>Why and where else</summary><ul>");
    for note in &finding.notes {
        let _ = write!(out, "<li>{}</li>", said(note, &run.top));
    }
    for (place, text) in related {
        let at = line(&format!(
            "{}:{}:{}",
            run.top.shown(&place.path),
            place.line,
            place.column
        ));
        let _ = write!(out, "<li><code>{at}</code> {}</li>", said(text, &run.top));
    }
    for comment in lost {
        let _ = write!(
            out,
            "<li>the fix gives up the comment <code>{}</code></li>",
            line(&run.mask.text(comment))
        );
    }
    out.push_str("</ul></details>");
}

/// What a fix does, file by file.
fn changes(out: &mut String, run: &Run<'_>, fix: &ReportedFix) {
    if run.check || fix.edits.is_empty() {
        return;
    }
    let mut files: BTreeMap<&str, Vec<&ReportedEdit>> = BTreeMap::new();
    for edit in &fix.edits {
        files.entry(&edit.path).or_default().push(edit);
    }
    let what = if files.len() == 1 {
        "The change".to_owned()
    } else {
        format!("The change of {} files", files.len())
    };
    let _ = write!(out, "<details class=\"change\"><summary>{what}</summary>");
    for (path, edits) in files {
        let fate = edits.first().map_or(FileFate::Stays, |edit| edit.file);
        let word = match fate {
            FileFate::Stays => "",
            FileFate::Created => " (new)",
            FileFate::Deleted => " (deleted)",
        };
        let shown = line(&run.top.shown(path));
        let _ = write!(out, "<p class=\"file\"><code>{shown}</code>{word}</p>");
        let text = run.report.sources.get(path).map_or("", |text| text);
        let text = if fate == FileFate::Created { "" } else { text };
        if let Some((before, after, first)) = window(text, edits) {
            diff::write(out, &run.mask.text(before), &run.mask.text(&after), first);
        }
    }
    out.push_str("</details>");
}

/// The lines that edits change and some around them, before and after, and the number of the first.
fn window<'t>(text: &'t str, mut edits: Vec<&ReportedEdit>) -> Option<(&'t str, String, usize)> {
    edits.sort_by_key(|edit| (edit.start, edit.end));
    let first = edits.first()?.start;
    let last = edits.iter().map(|edit| edit.end).max()?;
    let breaks = |range: std::ops::Range<usize>| {
        let part = text.get(range.clone()).unwrap_or_default();
        part.match_indices('\n')
            .map(move |(at, _)| range.start + at + 1)
    };
    let starts: Vec<usize> = std::iter::once(0)
        .chain(breaks(0..first.min(text.len())))
        .collect();
    let at = starts.len().saturating_sub(CONTEXT + 1);
    let from = *starts.get(at)?;
    let to = breaks(last.min(text.len())..text.len())
        .nth(CONTEXT)
        .unwrap_or(text.len());
    let mut after = String::new();
    let mut done = from;
    for edit in edits {
        after.push_str(text.get(done..edit.start)?);
        after.push_str(&edit.content);
        done = edit.end;
    }
    after.push_str(text.get(done..to)?);
    Some((text.get(from..to)?, after, at + 1))
}

pub(super) const fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "remark",
    }
}

const fn trusted(trust: Applicability) -> &'static str {
    match trust {
        Applicability::Safe => "safe fix",
        Applicability::Unsafe => "unsafe fix",
        Applicability::DisplayOnly => "fix to finish by hand",
    }
}
