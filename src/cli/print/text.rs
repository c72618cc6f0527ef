//! For people: each finding with its line and its fix, what was left alone, and the sums.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use anstyle::{AnsiColor, Style};
use kubewright_model::finding::{Applicability, Severity};
use kubewright_model::text::Text;

use super::mask::Mask;
use super::run::Run;
use super::{Paths, diff, group, neutral, restarts};
use crate::pipeline::report::{Outcome, Report, Reported, ReportedFix};

/// What is shown, and how.
#[derive(Debug, Clone)]
pub struct View<'a> {
    /// Remarks in full, not on one line each.
    pub verbose: bool,
    /// The changes were written.
    pub wrote: bool,
    /// How paths are shown.
    pub paths: &'a Paths,
    /// What could have been looked at and was not.
    pub unseen: Option<&'a Text>,
}

/// Most other places that are shown with a finding.
const RELATED: usize = 11;

const BOLD: Style = Style::new().bold();

/// Findings, the diff and the sums.
pub(super) fn render(run: &Run<'_>) -> String {
    let (report, view) = (run.report, run.view());
    let mut out = findings(report, &view);
    if !run.check && !report.files.is_empty() {
        out.push_str(&diff::masked(report, run.paths));
        out.push('\n');
    }
    out + &summary(report, &view)
}

/// All findings, those that say the same of many resources as one, a blank line behind each; then
/// what is only worth knowing, a line each unless it
/// tells what to do.
pub fn findings(report: &Report, view: &View<'_>) -> String {
    let mut out = String::new();
    let mask = Mask::of(report);
    let brief = |f: &&Reported| remark(f) && !view.verbose && !instructs(f);
    let (remarks, findings): (Vec<&Reported>, Vec<&Reported>) =
        report.findings.iter().partition(brief);
    for group in group::groups(&findings, view.paths) {
        if let [first, others @ ..] = &*group {
            whole(&mut out, report, (first, others), (view, &mask));
        }
    }
    if !remarks.is_empty() {
        for finding in remarks {
            line(&mut out, finding, view);
        }
        out.push('\n');
    }
    out
}

/// Whether the reason why there is no fix says more than the reason: what to state.
fn instructs(finding: &Reported) -> bool {
    finding
        .fix
        .as_ref()
        .is_err_and(|reason| !reason.more.is_empty())
}

/// Whether it is only worth knowing.
fn remark(finding: &Reported) -> bool {
    finding.severity == Severity::Info && finding.fix.is_err()
}

pub(super) fn head(out: &mut String, finding: &Reported, view: &View<'_>) {
    let style = match finding.severity {
        Severity::Error => AnsiColor::BrightRed.on_default().bold(),
        Severity::Warning => AnsiColor::Yellow.on_default().bold(),
        Severity::Info => AnsiColor::BrightCyan.on_default(),
    };
    let place = &finding.place;
    let (path, severity) = (
        printable(&view.paths.shown(&place.path)),
        finding.severity.as_str(),
    );
    let _ = write!(
        out,
        "{BOLD}{path}{BOLD:#}:{}:{}: {style}{severity}[{}]{style:#}: {}",
        place.line,
        place.column,
        finding.transform,
        printable(&view.paths.brief(&finding.message))
    );
}

fn line(out: &mut String, finding: &Reported, view: &View<'_>) {
    head(out, finding, view);
    if let Err(reason) = &finding.fix {
        let _ = write!(
            out,
            " ({}: {})",
            reason.code,
            printable(&view.paths.brief(&reason.lines()))
        );
    }
    out.push('\n');
}

/// A finding, and others that say the same of their resources.
fn whole(
    out: &mut String,
    report: &Report,
    (finding, others): (&Reported, &[&Reported]),
    (view, mask): (&View<'_>, &Mask),
) {
    head(out, finding, view);
    out.push('\n');
    let gutter = finding.place.line.to_string().len() + 1;
    if let Some(source) = report.sources.get(&finding.place.path) {
        snippet(out, source, finding, (view, mask));
    }
    let mut say = |text: &str| {
        let mut lines = text.lines();
        let _ = writeln!(
            out,
            "{:gutter$}= {}",
            "",
            printable(lines.next().unwrap_or(""))
        );
        for more in lines {
            let _ = writeln!(out, "{:gutter$}  {}", "", printable(more));
        }
    };
    match &finding.fix {
        _ if finding.outcome == Outcome::Cured => say("cured by another fix of this run"),
        Ok(fix) => {
            let word = if view.wrote && finding.outcome == Outcome::Applied {
                "fixed"
            } else {
                "fix"
            };
            say(&format!(
                "{word} ({}): {}",
                fix.applicability.as_str(),
                view.paths.brief(&fix.title)
            ));
            for comment in &fix.lost_comments {
                say(&format!("gives up the comment {}", mask.text(comment)));
            }
        }
        Err(reason) => say(&format!(
            "no fix ({}): {}",
            reason.code,
            view.paths.brief(&reason.lines())
        )),
    }
    for note in &finding.notes {
        say(&view.paths.brief(note));
    }
    let related: Vec<_> = finding
        .related
        .iter()
        .filter(|(place, _)| *place != finding.place)
        .collect();
    // One more than the limit is shown rather than counted.
    let shown = if related.len() <= RELATED + 1 {
        related.len()
    } else {
        RELATED
    };
    for (place, text) in related.iter().take(shown) {
        say(&format!(
            "see {}:{}:{}: {}",
            view.paths.shown(&place.path),
            place.line,
            place.column,
            view.paths.brief(text)
        ));
    }
    if related.len() > shown {
        say(&format!(
            "and {} more places (--format json names all)",
            related.len() - shown
        ));
    }
    if !others.is_empty() {
        say(&format!("the same holds for {} more:", others.len()));
    }
    let shown = if others.len() <= RELATED + 1 {
        others.len()
    } else {
        RELATED
    };
    for other in others.iter().take(shown) {
        let place = &other.place;
        let name = (other.resource.as_ref())
            .map_or_else(String::new, |r| format!(": {} {}", r.kind, r.name));
        say(&format!(
            "see {}:{}:{}{name}",
            view.paths.shown(&place.path),
            place.line,
            place.column
        ));
    }
    if others.len() > shown {
        say(&format!(
            "and {} more (--format json names all)",
            others.len() - shown
        ));
    }
    out.push('\n');
}

/// The first line of the finding's place, underlined.
fn snippet(out: &mut String, source: &str, finding: &Reported, (view, mask): (&View<'_>, &Mask)) {
    let place = &finding.place;
    let Some(before) = source.get(..place.start) else {
        return;
    };
    let from = before.rfind('\n').map_or(0, |at| at + 1);
    let to = source[place.start..]
        .find('\n')
        .map_or(source.len(), |at| place.start + at);
    let text = source[from..to].trim_end_matches('\r');
    let skipped = text.len() - text.trim_start_matches('\u{feff}').len();
    let text = &text[skipped..];
    let at = |offset: usize| offset.saturating_sub(from + skipped).min(text.len());
    let span = at(place.start)..at(place.end).max(at(place.start));
    let (text, span) = masked(text, span, mask);
    let label = finding
        .related
        .iter()
        .find(|(place, _)| *place == finding.place)
        .map(|(_, text)| printable(&view.paths.brief(text)));
    let level = match finding.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Info => Level::INFO,
    };
    let annotation = AnnotationKind::Primary.span(span).label(label.as_deref());
    let snippet = Snippet::source(&*text)
        .line_start(place.line)
        .annotation(annotation);
    out.push_str(&Renderer::styled().render(&[Group::with_level(level).element(snippet)]));
    out.push('\n');
}

/// A line with masks, and the place in it. Where the place is part of what is hidden, it is the
/// start of the line.
fn masked<'t>(text: &'t str, span: Range<usize>, mask: &Mask) -> (Cow<'t, str>, Range<usize>) {
    let line = mask.text(text);
    if line == text {
        return (line, span);
    }
    let part = |range: Range<usize>| mask.text(text.get(range).unwrap_or_default());
    let (before, here) = (part(0..span.start), part(span.clone()));
    let behind = part(span.end..text.len());
    if [&*before, &*here, &*behind].concat() == line {
        let span = before.len()..before.len() + here.len();
        (line, span)
    } else {
        (line, 0..0)
    }
}

/// Text of a manifest, safe for a terminal.
pub fn printable(text: &str) -> String {
    text.chars()
        .map(|c| {
            if c == '\n' || neutral::acts(c) {
                char::REPLACEMENT_CHARACTER
            } else {
                c
            }
        })
        .collect()
}

/// Lines of text of a manifest, safe for a terminal.
pub fn printable_lines(text: &str) -> String {
    text.lines().map(|line| printable(line) + "\n").collect()
}

/// The last lines: what was left alone, what restarts, the sums.
pub fn summary(report: &Report, view: &View<'_>) -> String {
    let mut out = String::new();
    let mut alone: BTreeMap<&str, usize> = BTreeMap::new();
    for skipped in &report.skipped {
        *alone.entry(skipped.code).or_default() += 1;
    }
    if !alone.is_empty() {
        let mut counts: Vec<_> = alone.into_iter().collect();
        counts.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
        let list: Vec<String> = counts
            .iter()
            .map(|(code, n)| format!("{n} {code}"))
            .collect();
        let _ = writeln!(out, "left alone: {}", list.join(", "));
    }
    if let Some(unseen) = view.unseen {
        let _ = writeln!(out, "{}", printable(&view.paths.brief(unseen)));
    }
    let restarting = [
        ("the change restarts", &report.change_restarts),
        ("applying this restarts", &report.restarts),
    ];
    for text in restarting
        .into_iter()
        .flat_map(|(what, all)| restarts::lines(what, all))
    {
        let _ = writeln!(out, "{text}");
    }
    let _ = writeln!(out, "{}", counts(report, view));
    out
}

fn counts(report: &Report, view: &View<'_>) -> String {
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
    let found = if shown.is_empty() {
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
    if remarks > 0 {
        let more = if shown.is_empty() { "" } else { " more" };
        parts.push(format!("{remarks}{more} at info"));
    }
    let all = format!("{found} in {files}");
    if parts.is_empty() {
        all
    } else {
        format!("{all}: {}", parts.join(", "))
    }
}

pub(super) fn number(n: usize, what: &str) -> String {
    if n == 1 {
        format!("1 {what}")
    } else {
        format!("{n} {what}s")
    }
}
