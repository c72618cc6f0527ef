//! For people: each finding with its line and its fix, what was left alone, and the sums.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use anstyle::Style;
use kubewright_model::finding::Severity;
use kubewright_model::text::Text;

use super::group::Extent;
use super::mask::Mask;
use super::run::Run;
use super::{Paths, brief, diff, group, neutral, sums, wrap};
use crate::pipeline::INPUT;
use crate::pipeline::report::{Outcome, Report, Reported};

/// How much is said.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Detail {
    /// Findings in six lines each, remarks counted.
    #[default]
    Brief,
    /// Findings in full, remarks without their reasons.
    Verbose,
    /// Everything in full.
    Full,
}

/// What of a run text shows.
#[derive(Debug, Clone, Copy, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of its own on the command line"
)]
pub struct Shown {
    /// How much is said.
    pub detail: Detail,
    /// Remarks are shown, briefly at least.
    pub remarks: bool,
    /// Findings alone: no diffs, no sums.
    pub quiet: bool,
    /// Sums alone.
    pub statistics: bool,
    /// So many lines of the file around each place.
    pub context: Option<usize>,
    /// No line is wider.
    pub width: Option<usize>,
    /// The terminal opens links.
    pub links: bool,
}

impl Shown {
    /// The same for findings whose paths are shown in that way.
    pub(in crate::cli) fn view<'a>(&self, paths: &'a Paths, wrote: bool) -> View<'a> {
        View {
            detail: self.detail,
            remarks: self.remarks,
            context: self.context,
            width: self.width,
            links: self.links.then(|| paths.root()),
            wrote,
            paths,
            unseen: None,
            mask: Mask::default(),
        }
    }
}

/// What is shown, and how.
#[derive(Debug, Clone)]
pub struct View<'a> {
    /// How much is said.
    pub detail: Detail,
    /// Remarks are shown, briefly at least.
    pub remarks: bool,
    /// So many lines of the file around each place.
    pub context: Option<usize>,
    /// No line is wider.
    pub width: Option<usize>,
    /// The root of all paths, where the terminal opens links.
    pub links: Option<&'a std::path::Path>,
    /// The changes were written.
    pub wrote: bool,
    /// How paths are shown.
    pub paths: &'a Paths,
    /// What could have been looked at and was not.
    pub unseen: Option<&'a Text>,
    /// What of the texts of manifests is not shown.
    pub(in crate::cli) mask: Mask,
}

/// Most other places that are shown with a finding.
const RELATED: usize = 11;
/// From how many findings on that say the same they are told as one.
const ALIKE: usize = 2;
/// The same where everything is told.
const ALIKE_IN_FULL: usize = 5;

pub(super) const BOLD: Style = Style::new().bold();

/// Findings, the diff and the sums.
pub(super) fn render(run: &Run<'_>) -> String {
    let (report, view, shown) = (run.report, run.view(), run.shown);
    let mut out = String::new();
    if !shown.statistics {
        out.push_str(&findings(report, &view));
    }
    if !run.check && !shown.quiet && !shown.statistics && !report.files.is_empty() {
        out.push_str(&diff::masked(report, run.paths));
        out.push('\n');
    }
    if !shown.quiet {
        out.push_str(&sums::summary(report, &view));
    }
    out
}

/// All findings, the worst first and then by place, those that say the same of many resources as
/// one, a blank line behind each.
pub(in crate::cli) fn findings(report: &Report, view: &View<'_>) -> String {
    let mut ordered: Vec<&Reported> = report.findings.iter().collect();
    ordered.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    let (remarks, findings): (Vec<&Reported>, Vec<&Reported>) =
        ordered.into_iter().partition(|f| remark(f));
    let mut out = String::new();
    let view = &View {
        mask: Mask::of(report),
        ..view.clone()
    };
    let many = match view.detail {
        Detail::Brief => (ALIKE, Extent::Brief),
        _ => (ALIKE_IN_FULL, Extent::Full),
    };
    for group in group::groups(&findings, many, view.paths) {
        let [first, others @ ..] = &*group else {
            continue;
        };
        // What is wrong with a text is told by the text.
        if view.detail == Detail::Brief && first.transform != INPUT {
            brief::finding(&mut out, (first, others), view);
            if view.context.is_some() {
                excerpt(&mut out, report, first, view);
            }
            out.push('\n');
        } else {
            whole(&mut out, report, (first, others), view);
        }
    }
    for finding in &remarks {
        match view.detail {
            Detail::Full => whole(&mut out, report, (finding, &[]), view),
            Detail::Verbose => brief::remark(&mut out, finding, view),
            Detail::Brief if view.remarks => brief::remark(&mut out, finding, view),
            Detail::Brief => {}
        }
    }
    if !remarks.is_empty() && !out.is_empty() && !out.ends_with("\n\n") {
        out.push('\n');
    }
    out
}

/// All that a run says, in the order of its files and without regard to a terminal: what a case of
/// a transform expects.
pub fn account(report: &Report, paths: &Paths) -> String {
    let view = View {
        detail: Detail::Verbose,
        remarks: false,
        context: None,
        width: None,
        links: None,
        wrote: false,
        paths,
        unseen: None,
        mask: Mask::of(report),
    };
    let mut out = String::new();
    let brief = |f: &&Reported| remark(f) && !instructs(f);
    let (remarks, findings): (Vec<&Reported>, Vec<&Reported>) =
        report.findings.iter().partition(brief);
    for group in group::groups(&findings, (ALIKE_IN_FULL, Extent::Full), paths) {
        if let [first, others @ ..] = &*group {
            whole(&mut out, report, (first, others), &view);
        }
    }
    if !remarks.is_empty() {
        for finding in remarks {
            line(&mut out, finding, &view);
        }
        out.push('\n');
    }
    out + &sums::account(report, &view)
}

/// Whether the reason why there is no fix says more than the reason: what to state.
fn instructs(finding: &Reported) -> bool {
    finding
        .fix
        .as_ref()
        .is_err_and(|reason| !reason.more.is_empty())
}

/// Whether it is only worth knowing.
pub(super) fn remark(finding: &Reported) -> bool {
    finding.severity == Severity::Info && finding.fix.is_err()
}

pub(super) fn head(out: &mut String, finding: &Reported, view: &View<'_>) {
    let style = brief::style_of(finding.severity);
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

/// A finding in full.
pub(in crate::cli) fn in_full(report: &Report, finding: &Reported, view: &View<'_>) -> String {
    let mut out = String::new();
    whole(&mut out, report, (finding, &[]), view);
    out
}

/// A finding, and others that say the same of their resources.
fn whole(
    out: &mut String,
    report: &Report,
    (finding, others): (&Reported, &[&Reported]),
    view: &View<'_>,
) {
    let mut first = String::new();
    head(&mut first, finding, view);
    for line in wrap::lines(&first, view.width, "", "    ") {
        let _ = writeln!(out, "{line}");
    }
    let gutter = finding.place.line.to_string().len() + 1;
    excerpt(out, report, finding, view);
    let mut say = |text: &str| {
        let mut before = format!("{:gutter$}= ", "");
        let after = format!("{:gutter$}  ", "");
        for line in text.lines() {
            for line in wrap::lines(&printable(line), view.width, &before, &after) {
                let _ = writeln!(out, "{line}");
            }
            before.clone_from(&after);
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
                say(&format!("gives up the comment {}", view.mask.text(comment)));
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

/// The place of a finding in its file, where the text is at hand.
fn excerpt(out: &mut String, report: &Report, finding: &Reported, view: &View<'_>) {
    if let Some(source) = report.sources.get(&finding.place.path) {
        snippet(out, source, finding, view);
    }
}

/// The first line of the finding's place, underlined, and those around it that are wanted.
fn snippet(out: &mut String, source: &str, finding: &Reported, view: &View<'_>) {
    let place = &finding.place;
    let Some(before) = source.get(..place.start) else {
        return;
    };
    let line_start = |at: usize| source[..at].rfind('\n').map_or(0, |at| at + 1);
    let line_end = |at: usize| source[at..].find('\n').map_or(source.len(), |n| at + n);
    let mut from = line_start(before.len());
    let own = line_end(place.start);
    let mut to = own;
    let mut first = place.line;
    for _ in 0..view.context.unwrap_or(0) {
        if from > 0 {
            from = line_start(from - 1);
            first -= 1;
        }
        if to < source.len() {
            to = line_end(to + 1);
        }
    }
    let text = source[from..to].trim_end_matches(['\r', '\n']);
    let skipped = text.len() - text.trim_start_matches('\u{feff}').len();
    let text = &text[skipped..];
    let most = own.saturating_sub(from + skipped).min(text.len());
    let most = most - usize::from(text[..most].ends_with('\r'));
    let at = |offset: usize| offset.saturating_sub(from + skipped).min(most);
    let span = at(place.start)..at(place.end).max(at(place.start));
    let (text, span) = masked(text, span, &view.mask);
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
        .line_start(first)
        .annotation(annotation);
    let mut renderer = Renderer::styled();
    if let Some(width) = view.width {
        renderer = renderer.term_width(width);
    }
    out.push_str(&renderer.render(&[Group::with_level(level).element(snippet)]));
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

pub(in crate::cli) fn number(n: usize, what: &str) -> String {
    if n == 1 {
        format!("1 {what}")
    } else {
        format!("{n} {what}s")
    }
}
