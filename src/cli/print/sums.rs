//! The last lines: what was left alone, what restarts, the sums by transform and of all.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use kubewright_model::finding::Applicability;

use super::text::{BOLD, Detail, View, number, printable, remark};
use super::{restarts, wrap};
use crate::pipeline::report::{Outcome, Report, Reported, ReportedFix};

/// What was left alone, what restarts, the sums by transform, the sums, and the next command.
pub(in crate::cli) fn summary(report: &Report, view: &View<'_>) -> String {
    let most = match view.detail {
        Detail::Brief => restarts::FEW,
        _ => restarts::ALL,
    };
    let mut out = String::new();
    let unseen = view.unseen.map(|text| printable(&view.paths.brief(text)));
    for text in unseen.into_iter().chain(last(report, view, most)) {
        let indent = text.len() - text.trim_start().len();
        let (first, next) = (" ".repeat(indent), " ".repeat(indent + 2));
        for line in wrap::lines(text.trim_start(), view.width, &first, &next) {
            let _ = writeln!(out, "{line}");
        }
    }
    let table = table(report, view);
    if !table.is_empty() && !out.is_empty() {
        out.push('\n');
    }
    out.push_str(&table);
    let printed = view.remarks || view.detail != Detail::Brief;
    for line in wrap::lines(&counts(report, view, Some(printed)), view.width, "", "  ") {
        let _ = writeln!(out, "{line}");
    }
    let fixable = report.findings.iter().any(|f| f.outcome != Outcome::Left);
    if fixable && !view.wrote && report.read != ["<stdin>"] {
        let _ = writeln!(out, "{BOLD}next{BOLD:#}: the same command with --write");
    }
    out
}

/// The same as one who looks at a case wants it: no table, nothing cut for a terminal.
pub(super) fn account(report: &Report, view: &View<'_>) -> String {
    let mut out = String::new();
    let alone = left_alone(report);
    for text in alone.into_iter().chain(restarting(report, restarts::ALL)) {
        let _ = writeln!(out, "{text}");
    }
    let _ = writeln!(out, "{}", counts(report, view, None));
    out
}

fn last(report: &Report, view: &View<'_>, most: usize) -> Vec<String> {
    let mut lines: Vec<String> = left_alone(report).into_iter().collect();
    if view.detail != Detail::Brief {
        lines.extend(each_left_alone(report, view));
    }
    lines.extend(restarting(report, most));
    lines
}

/// What was left alone, and why: each reason once, above all that it holds for.
fn each_left_alone(report: &Report, view: &View<'_>) -> Vec<String> {
    let mut reasons: Vec<(String, Vec<String>)> = Vec::new();
    for skipped in &report.skipped {
        let document = skipped.document;
        let document = document.map_or_else(String::new, |n| format!(", document {}", n + 1));
        let what = printable(&view.paths.shown(&skipped.path)) + &document;
        let why = printable(&view.paths.brief(&skipped.text));
        let why = format!("{why} ({})", skipped.code);
        match reasons.iter_mut().find(|(known, _)| *known == why) {
            Some((_, all)) => all.push(what),
            None => reasons.push((why, vec![what])),
        }
    }
    let mut lines = Vec::new();
    for (why, all) in reasons {
        if let [one] = &*all {
            lines.push(format!("  {one}: {why}"));
        } else {
            lines.push(format!("  {why}"));
            lines.extend(all.into_iter().map(|what| format!("    {what}")));
        }
    }
    lines
}

/// How much was left alone, by code.
fn left_alone(report: &Report) -> Option<String> {
    let mut alone: BTreeMap<&str, usize> = BTreeMap::new();
    for skipped in &report.skipped {
        *alone.entry(skipped.code).or_default() += 1;
    }
    let mut counts: Vec<_> = alone.into_iter().collect();
    counts.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
    let list: Vec<String> = counts
        .iter()
        .map(|(code, n)| format!("{n} {code}"))
        .collect();
    (!list.is_empty()).then(|| format!("left alone: {}", list.join(", ")))
}

fn restarting(report: &Report, most: usize) -> Vec<String> {
    let restarting = [
        ("the change restarts", &report.change_restarts),
        ("applying this restarts", &report.restarts),
    ];
    restarting
        .into_iter()
        .flat_map(|(what, all)| restarts::lines(what, all, most))
        .collect()
}

/// What became of the findings of a transform.
#[derive(Default)]
struct Row {
    found: usize,
    fixed: usize,
    offered: usize,
    left: usize,
}

/// The findings by transform, where more than one found something.
fn table(report: &Report, view: &View<'_>) -> String {
    let mut rows: BTreeMap<&str, Row> = BTreeMap::new();
    for finding in report.findings.iter().filter(|f| !remark(f)) {
        let row = rows.entry(finding.transform).or_default();
        row.found += 1;
        match (&finding.fix, finding.outcome) {
            (_, Outcome::Applied | Outcome::Cured) => row.fixed += 1,
            (Ok(_), Outcome::Left) => row.offered += 1,
            (Err(_), Outcome::Left) => row.left += 1,
        }
    }
    if rows.len() < 2 {
        return String::new();
    }
    let width = rows.keys().map(|name| name.len()).max().unwrap_or(0);
    let fixed = if view.wrote { "fixed" } else { "fixable" };
    let mut out = format!(
        "{:width$}  {BOLD}{:>5}  {fixed:>7}  {:>7}  {:>4}{BOLD:#}\n",
        "", "found", "offered", "left"
    );
    for (name, row) in rows {
        let _ = writeln!(
            out,
            "{name:width$}  {:>5}  {:>7}  {:>7}  {:>4}",
            row.found, row.fixed, row.offered, row.left
        );
    }
    out.push('\n');
    out
}

/// The sums in one line. `remarks` tells whether remarks were printed; `None` where the line says
/// nothing about it.
fn counts(report: &Report, view: &View<'_>, remarks_printed: Option<bool>) -> String {
    let shown: Vec<&Reported> = report.findings.iter().filter(|f| !remark(f)).collect();
    let remarks = report.findings.len() - shown.len();
    let files = if report.read == ["<stdin>"] {
        "<stdin>".into()
    } else {
        let mut with: Vec<&str> = shown.iter().map(|f| f.place.path.as_str()).collect();
        with.dedup();
        let all = report.read.len() + report.unread();
        if with.is_empty() || with.len() == all {
            number(all, "file")
        } else {
            format!("{} of {}", with.len(), number(all, "file"))
        }
    };
    let found = if shown.is_empty() && remarks > 0 && remarks_printed == Some(true) {
        number(remarks, "remark")
    } else if shown.is_empty() {
        "no findings".into()
    } else {
        number(shown.len(), "finding")
    };
    let fixed = shown.iter().filter(|f| f.outcome != Outcome::Left).count();
    let with_fix = |applicability| {
        let is = |f: &&&Reported| {
            f.outcome == Outcome::Left
                && matches!(&f.fix, Ok(ReportedFix { applicability: a, .. }) if *a == applicability)
        };
        shown.iter().filter(is).count()
    };
    let mut parts = Vec::new();
    if fixed > 0 {
        parts.push(if view.wrote {
            format!("fixed {fixed}")
        } else {
            format!("{fixed} fixable with --write")
        });
    }
    if with_fix(Applicability::Unsafe) > 0 {
        let more = if fixed > 0 { " more" } else { "" };
        parts.push(format!(
            "{}{more}{} with --unsafe-fixes",
            with_fix(Applicability::Unsafe),
            if fixed > 0 { "" } else { " fixable" }
        ));
    }
    if report.suppressed > 0 {
        parts.push(format!("{} suppressed", report.suppressed));
    }
    if report.past > 0 {
        parts.push(format!("{} older than the change", report.past));
    }
    if report.baseline > 0 {
        parts.push(format!("{} in the baseline", report.baseline));
    }
    if report.hidden > 0 {
        parts.push(format!("{} below --min-severity", report.hidden));
    }
    if remarks > 0 && !(shown.is_empty() && remarks_printed == Some(true)) {
        let more = if shown.is_empty() { "" } else { " more" };
        let hint = match remarks_printed {
            Some(false) => " (-v shows them)",
            _ => "",
        };
        parts.push(format!("{remarks}{more} at info{hint}"));
    }
    let all = format!("{found} in {files}");
    if parts.is_empty() {
        all
    } else {
        format!("{all}: {}", parts.join(", "))
    }
}
