//! What a run has to say, for every format alike: which findings are problems still, where they
//! begin and end, how they are known again, and the sentences about them. Formats only write it
//! down.

use std::collections::{BTreeMap, BTreeSet};

use kubewright_model::text::Text;
use kubewright_transforms::ALL;

use super::mask::Mask;
use super::relations::Graph;
use super::relations::about::Named;
use super::touched::Touched;
use super::{Paths, text};
use crate::pipeline::identity::fingerprints;
use crate::pipeline::report::{FileFate, Outcome, Report, Reported, ReportedEdit, ReportedFix};
use crate::pipeline::{INPUT, UNUSED_SUPPRESSION};

/// Where the project lives.
pub(crate) const HOME: &str = env!("CARGO_PKG_REPOSITORY");
/// Which release it is.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// A run that is over.
pub(crate) struct Run<'a> {
    /// All that it says.
    pub(crate) report: &'a Report,
    /// What of the texts of manifests is not shown.
    pub(crate) mask: Mask,
    /// Paths as the working directory has them.
    pub(crate) paths: &'a Paths,
    /// Paths as the repository has them: what services show.
    pub(crate) top: Paths,
    /// The changes were written.
    pub(crate) wrote: bool,
    /// What of it text shows.
    pub(crate) shown: text::Shown,
    /// No diffs are wanted.
    pub(crate) check: bool,
    /// Lines that differ from those of an older state.
    pub(crate) touched: Option<&'a Touched>,
    /// The resources that have such lines.
    pub(crate) changed: BTreeSet<Named>,
    /// Who reads which ConfigMap or Secret, where a format draws it.
    pub(crate) graph: Option<&'a Graph>,
    /// What could have been looked at and was not.
    pub(crate) unseen: Option<&'a Text>,
    /// Of the findings, in their order.
    pub(crate) fingerprints: Vec<String>,
    /// Original texts by path.
    pub(crate) texts: BTreeMap<&'a str, Lines<'a>>,
}

/// A finding that is still there when the run is over.
pub(crate) struct Problem<'a> {
    /// All that is known of it.
    pub(crate) finding: &'a Reported,
    /// By what it is known again when lines have moved: `digest:n`.
    pub(crate) fingerprint: &'a str,
    /// Path of its file, as the repository has it.
    pub(crate) path: String,
    /// Where it begins.
    pub(crate) start: Position,
    /// Where it ends, exclusively.
    pub(crate) end: Position,
}

/// A place in a text; all numbers are 1-based.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Position {
    /// Its line.
    pub(crate) line: usize,
    /// Unicode scalar values up to it.
    pub(crate) column: usize,
    /// Bytes up to it.
    pub(crate) byte: usize,
}

/// A text by lines.
pub(crate) struct Lines<'a> {
    text: &'a str,
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    fn new(text: &'a str) -> Self {
        let breaks = text.bytes().enumerate().filter(|(_, b)| *b == b'\n');
        let starts = std::iter::once(0).chain(breaks.map(|(at, _)| at + 1));
        Self {
            text,
            starts: starts.collect(),
        }
    }

    /// The line, from 0, that an offset is on; behind a final line break there is none.
    fn line(&self, offset: usize) -> usize {
        let line = self.starts.partition_point(|start| *start <= offset) - 1;
        let is_none = line > 0 && self.starts.get(line) == Some(&self.text.len());
        line - usize::from(is_none)
    }

    /// Where a byte is.
    fn at(&self, offset: usize) -> Position {
        let mut offset = offset.min(self.text.len());
        while !self.text.is_char_boundary(offset) {
            offset -= 1;
        }
        let line = self.starts.partition_point(|start| *start <= offset);
        let start = self.starts.get(line - 1).copied().unwrap_or_default();
        let before = self.text.get(start..offset).unwrap_or_default();
        let before = before.trim_start_matches('\u{feff}');
        Position {
            line,
            column: before.chars().count() + 1,
            byte: before.len() + 1,
        }
    }
}

/// All that a fix does to one file, as whole lines.
pub(crate) struct Suggestion {
    /// Path of the file, as the repository has it.
    pub(crate) path: String,
    /// First and last line that are replaced.
    pub(crate) lines: (usize, usize),
    /// What stands there afterwards, without the last line break.
    pub(crate) text: String,
}

impl<'a> Run<'a> {
    /// Of a report.
    pub(crate) fn new(report: &'a Report, paths: &'a Paths) -> Self {
        let texts = report.sources.iter();
        Self {
            report,
            mask: Mask::of(report),
            paths,
            top: paths.of_repository(),
            wrote: false,
            shown: text::Shown::default(),
            check: false,
            touched: None,
            changed: BTreeSet::new(),
            graph: None,
            unseen: None,
            fingerprints: fingerprints(&report.findings),
            texts: texts
                .map(|(path, text)| (path.as_str(), Lines::new(text)))
                .collect(),
        }
    }

    /// How text shows it.
    pub(crate) fn view(&self) -> text::View<'a> {
        text::View {
            unseen: self.unseen,
            ..self.shown.view(self.paths, self.wrote)
        }
    }

    /// The findings that are still there: all in a preview, those that are left when changes were
    /// written.
    pub(crate) fn problems(&self) -> Vec<Problem<'_>> {
        let left = |f: &Reported| !self.wrote || f.outcome == Outcome::Left;
        let all = self.report.findings.iter().zip(&self.fingerprints);
        all.filter(|(finding, _)| left(finding))
            .map(|(finding, fingerprint)| self.problem(finding, fingerprint))
            .collect()
    }

    fn problem<'b>(&self, finding: &'b Reported, fingerprint: &'b str) -> Problem<'b> {
        let place = &finding.place;
        let start = Position {
            line: place.line,
            column: place.column,
            byte: place.column,
        };
        let lines = self.texts.get(place.path.as_str());
        Problem {
            finding,
            fingerprint,
            path: self.top.shown(&place.path),
            start: lines.map_or(start, |lines| lines.at(place.start)),
            end: lines.map_or(start, |lines| lines.at(place.end.max(place.start))),
        }
    }

    /// Where an edit begins and ends in the original text.
    pub(crate) fn range(&self, edit: &ReportedEdit) -> Option<(Position, Position)> {
        match self.texts.get(edit.path.as_str()) {
            Some(lines) => Some((lines.at(edit.start), lines.at(edit.end))),
            None if edit.file == FileFate::Created => {
                let first = Position {
                    line: 1,
                    column: 1,
                    byte: 1,
                };
                Some((first, first))
            }
            None => None,
        }
    }

    /// The fix of a finding as one replacement a file; nothing of files that come or go, and
    /// nothing when it has been written, or when a person must finish it.
    pub(crate) fn suggestions(&self, finding: &Reported) -> Vec<Suggestion> {
        let Some(fix) = self.offered(finding) else {
            return Vec::new();
        };
        let mut files: BTreeMap<&str, Vec<&ReportedEdit>> = BTreeMap::new();
        for edit in fix.edits.iter().filter(|e| e.file == FileFate::Stays) {
            files.entry(&edit.path).or_default().push(edit);
        }
        let suggestions: Vec<Suggestion> = files
            .into_iter()
            .filter_map(|(path, edits)| self.suggestion(path, edits))
            .collect();
        // A suggestion without its secrets would write something else.
        if suggestions.iter().all(|s| !self.mask.hides(&s.text)) {
            suggestions
        } else {
            Vec::new()
        }
    }

    /// The fix of a finding that somebody could apply.
    pub(crate) fn offered<'b>(&self, finding: &'b Reported) -> Option<&'b ReportedFix> {
        use kubewright_model::finding::Applicability;
        let fix = finding.fix.as_ref().ok()?;
        let shown = fix.edits.iter().all(|edit| !self.mask.hides(&edit.content));
        let ready =
            fix.applicability != Applicability::DisplayOnly && !fix.edits.is_empty() && shown;
        (ready && !self.wrote && finding.outcome != Outcome::Cured).then_some(fix)
    }

    fn suggestion(&self, path: &str, mut edits: Vec<&ReportedEdit>) -> Option<Suggestion> {
        let lines = self.texts.get(path)?;
        edits.sort_by_key(|edit| (edit.start, edit.end));
        let (first, last) = (edits.first()?, edits.iter().map(|edit| edit.end).max()?);
        let (from, to) = (lines.line(first.start), lines.line(last));
        let start = *lines.starts.get(from)?;
        let end = match lines.starts.get(to + 1) {
            Some(next) => next - 1,
            None => lines.text.len(),
        };
        let mut text = String::new();
        let mut at = start;
        for edit in edits {
            text.push_str(lines.text.get(at..edit.start)?);
            text.push_str(&edit.content);
            at = edit.end;
        }
        // An edit may take the last line break, or write behind it.
        match lines.text.get(at..end) {
            Some(rest) => text.push_str(rest),
            None => _ = text.ends_with('\n').then(|| text.pop()),
        }
        Some(Suggestion {
            path: self.top.shown(path),
            lines: (from + 1, to + 1),
            text,
        })
    }

    /// Whether a finding stands in lines that the change touches.
    pub(crate) fn is_touched(&self, problem: &Problem<'_>) -> bool {
        let (first, last) = (problem.start.line, problem.end.line);
        self.touched
            .is_some_and(|touched| touched.touches(&problem.path, first, last))
    }

    /// What can be done about a finding, or why nothing can.
    pub(crate) fn advice(&self, finding: &Reported) -> String {
        match &finding.fix {
            _ if finding.outcome == Outcome::Cured => {
                "cured by the fix of another finding".to_owned()
            }
            Ok(fix) => format!(
                "fix ({}): {}",
                fix.applicability.as_str(),
                self.top.brief(&fix.title)
            ),
            Err(reason) => {
                let why = self.top.brief(&reason.lines());
                format!("no fix ({}): {why}", reason.code)
            }
        }
    }

    /// The message of a finding, what can be done about it, and its notes, a line each.
    pub(crate) fn account(&self, finding: &Reported) -> String {
        let notes = finding.notes.iter().map(|note| self.top.brief(note));
        let said = [self.top.brief(&finding.message), self.advice(finding)];
        said.into_iter().chain(notes).collect::<Vec<_>>().join("\n")
    }

    /// A text for a service that shows the repository.
    pub(crate) fn say(&self, text: &Text) -> String {
        self.top.brief(text)
    }

    /// The transforms that found something, by name.
    pub(crate) fn rules(&self) -> BTreeSet<&'a str> {
        let findings = self.report.findings.iter();
        findings.map(|finding| finding.transform).collect()
    }
}

/// What a rule finds, in one line.
pub(crate) fn summary_of(rule: &str) -> &'static str {
    match rule {
        INPUT => "a file that cannot be read, or that is not YAML",
        UNUSED_SUPPRESSION => "a suppression that hits nothing",
        _ => ALL
            .iter()
            .map(|t| t.meta())
            .find(|meta| meta.name == rule)
            .map_or("", |meta| meta.summary),
    }
}

/// The page of a rule, Markdown.
pub(crate) fn page_of(rule: &str) -> Option<&'static str> {
    let mut all = ALL.iter().map(|t| t.meta());
    all.find(|meta| meta.name == rule).map(|meta| meta.docs)
}

/// Where the page of a rule is.
pub(crate) fn link_of(rule: &str) -> String {
    match page_of(rule) {
        Some(_) => format!("{HOME}/blob/main/transforms/{rule}/README.md"),
        None => format!("{HOME}#readme"),
    }
}
