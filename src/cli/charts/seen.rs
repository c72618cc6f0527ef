//! What is found in a release, said of the templates that made it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kubewright_model::finding::{Applicability, Severity};
use kubewright_model::kube::charts::actions::{literals, only_actions};
use kubewright_model::kube::charts::rendered::{Document, documents};
use kubewright_model::kube::charts::{Chart, lines};
use kubewright_model::kube::{Options, Workspace};
use kubewright_model::text::Text;
use similar::{ChangeTag, TextDiff};

use super::proof_of_edit::applied;
use crate::cli::behind;
use crate::pipeline::report::{Outcome, Place, Report, Reported, ReportedEdit, ReportedFix};
use crate::pipeline::{Error, Pipeline, UNUSED_SUPPRESSION};

/// Path of a release in reports.
pub(super) const RELEASE: &str = "<rendered>";
/// More lines of a rendered change are not shown.
const SHOWN: usize = 24;

/// Runs transforms on a release.
///
/// # Errors
/// When a transform does not come to rest.
pub(super) fn run(pipeline: &Pipeline<'_>, workspace: &Workspace) -> Result<Report, Error> {
    let mut report = pipeline.run(workspace)?;
    // With other values, a comment of the template may well hit something.
    let unused = |f: &Reported| f.transform == UNUSED_SUPPRESSION && f.fix.is_ok();
    report.findings.retain(|f| !unused(f));
    Ok(report)
}

/// What a release means: one apply set.
pub(super) fn workspace(rendered: &str, options: &Options) -> Workspace {
    behind::workspace(RELEASE, rendered, options)
}

/// The templates of a chart: their texts as they were and as they are rendered now.
#[derive(Debug, Default)]
pub(super) struct Templates {
    /// By path relative to the root.
    pub(super) before: BTreeMap<String, Arc<str>>,
    /// Those that are changed.
    pub(super) now: BTreeMap<String, Arc<str>>,
    /// The default values of the chart: path and text.
    pub(super) values: Option<(String, Arc<str>)>,
}

impl Templates {
    /// The text that is rendered.
    pub(super) fn text(&self, path: &str) -> Option<&Arc<str>> {
        self.now.get(path).or_else(|| self.original(path))
    }

    /// The text that was read.
    pub(super) fn original(&self, path: &str) -> Option<&Arc<str>> {
        let values = self.values.as_ref().filter(|(own, _)| own == path);
        let text = self.before.get(path);
        text.or_else(|| values.map(|(_, text)| text))
    }

    /// A new text of a file, as what changes in the text that was read.
    pub(super) fn splice(&self, path: &str, after: &str) -> ReportedEdit {
        let now = self.text(path);
        let read = now.and_then(|_| self.original(path));
        let now = now.map_or("", |text| &**text);
        behind::splice(path, read.map(|text| &**text), (now, after))
    }

    /// The line that is this line of the text before now; both from 0.
    pub(super) fn line_now(&self, path: &str, line: usize) -> usize {
        let Some(now) = self.now.get(path) else {
            return line;
        };
        let mut lines = 0..now.lines().count();
        lines
            .find(|at| self.line_before(path, *at) == line)
            .unwrap_or(line)
    }

    /// The line of the text before that is this line now, or that stood where it is; both from 0.
    pub(super) fn line_before(&self, path: &str, line: usize) -> usize {
        let (Some(before), Some(now)) = (self.original(path), self.now.get(path)) else {
            return line;
        };
        behind::line_before(before, now, line)
    }
}

/// A release and the templates that its documents came from.
pub(super) struct Release<'a> {
    pub(super) chart: &'a Chart,
    pub(super) templates: &'a Templates,
    pub(super) rendered: &'a str,
    pub(super) documents: Vec<Document<'a>>,
    origins: BTreeMap<usize, Vec<Option<usize>>>,
}

impl<'a> Release<'a> {
    pub(super) fn new(chart: &'a Chart, templates: &'a Templates, rendered: &'a str) -> Self {
        Self {
            chart,
            templates,
            rendered,
            documents: documents(rendered),
            origins: BTreeMap::new(),
        }
    }

    /// Where what stands at a place of the release comes from: the template and its line; the
    /// chart as a whole where the template is no file of the workspace.
    pub(super) fn place(&mut self, place: &Place) -> Place {
        self.in_template(place).unwrap_or_else(|| Place {
            path: self.chart.below("Chart.yaml"),
            line: 1,
            column: 1,
            start: 0,
            end: 0,
        })
    }

    fn in_template(&mut self, place: &Place) -> Option<Place> {
        let number = (self.documents.iter())
            .position(|d| d.span.contains(&place.start) || d.span.end == place.start)?;
        let document = self.documents.get(number)?;
        let path = self.chart.source(document.source)?;
        let text = self.templates.text(&path)?;
        let origins = self
            .origins
            .entry(number)
            .or_insert_with(|| lines::origins(document.text, text));
        let line = self.rendered[document.span.start..place.start]
            .matches('\n')
            .count();
        let line = origins.get(line).copied().flatten().unwrap_or(0);
        let line = self.templates.line_before(&path, line);
        let text = self.templates.before.get(&path)?;
        let start: usize = text.split_inclusive('\n').take(line).map(str::len).sum();
        let whole = text[start..].lines().next().unwrap_or_default();
        let words = self
            .rendered
            .get(place.start..place.end)
            .and_then(|words| words.lines().next())
            .filter(|words| !words.is_empty());
        let literal = |words: &&str| literals(whole).iter().any(|piece| piece.contains(words));
        let found = (words.filter(literal))
            .and_then(|words| Some((whole.find(words)?, words.len())))
            .or_else(|| {
                let from = whole.find("{{").filter(|_| !only_actions(whole))?;
                Some((from, whole.rfind("}}")? + 2 - from))
            });
        let (at, length) = found.unwrap_or_else(|| {
            let blanks = whole.len() - whole.trim_start().len();
            (blanks, whole.trim().len())
        });
        Some(Place {
            path,
            line: line + 1,
            column: whole[..at].chars().count() + 1,
            start: start + at,
            end: start + at + length,
        })
    }

    /// Adds to each finding with a fix what the template has to render.
    pub(super) fn say_changes(&self, report: &mut Report) {
        for finding in &mut report.findings {
            let Ok(fix) = &finding.fix else { continue };
            let change = rendered_change(self.rendered, fix);
            if fix.applicability != Applicability::DisplayOnly && !change.is_empty() {
                finding.notes.push(Text::from(format!(
                    "the template is to be changed so that it renders\n{change}"
                )));
            }
        }
    }

    /// The findings of a release, at their places in the templates.
    pub(super) fn findings(&mut self, report: Report) -> Vec<Reported> {
        let mut findings = report.findings;
        for finding in &mut findings {
            if let Ok(fix) = &mut finding.fix {
                fix.edits.clear();
            }
            finding.place = self.place(&finding.place);
            for (place, _) in &mut finding.related {
                *place = self.place(place);
            }
        }
        findings
    }
}

/// What a fix changes in a release, as a diff without its head.
fn rendered_change(rendered: &str, fix: &ReportedFix) -> String {
    let after = applied(rendered, &fix.edits);
    let diff = TextDiff::from_lines(rendered, &after);
    let mut lines = Vec::new();
    for group in diff.grouped_ops(1) {
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            let sign = match change.tag() {
                ChangeTag::Equal => ' ',
                ChangeTag::Delete => '-',
                ChangeTag::Insert => '+',
            };
            lines.push(format!("{sign}{}", change.value().trim_end_matches('\n')));
        }
    }
    if lines.len() > SHOWN {
        lines.truncate(SHOWN);
        lines.push("...".to_owned());
    }
    lines.join("\n")
}

/// A finding of one or more sets of values.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) finding: Reported,
    /// In which sets, by number; each with the names of what it is about there.
    pub(super) sets: BTreeSet<usize>,
}

/// Findings of several sets, of which those that are the same are one. Each comes with the number
/// of its set.
pub(super) fn merged(
    chart: &Chart,
    found: impl IntoIterator<Item = (usize, Reported)>,
) -> Vec<Seen> {
    let mut known: BTreeMap<(&'static str, String, usize, String, &'static str), usize> =
        BTreeMap::new();
    let mut merged: Vec<Seen> = Vec::new();
    for (set, finding) in found {
        let release = chart.sets.get(set).map_or("", |s| s.release.as_str());
        let message = finding.message.to_string();
        let message = if release.is_empty() {
            message
        } else {
            message.replace(release, "")
        };
        let code = finding.fix.as_ref().err().map_or("", |reason| reason.code);
        let place = &finding.place;
        let key = (
            finding.transform,
            place.path.clone(),
            place.line,
            message,
            code,
        );
        let at = *known.entry(key).or_insert(merged.len());
        match merged.get_mut(at) {
            Some(seen) => {
                seen.sets.insert(set);
                for related in finding.related {
                    let there = |r: &(Place, Text)| r.0 == related.0;
                    if !seen.finding.related.iter().any(there) {
                        seen.finding.related.push(related);
                    }
                }
            }
            None => merged.push(Seen {
                finding,
                sets: BTreeSet::from([set]),
            }),
        }
    }
    merged
}

/// With which values it was found: nothing where there are no others.
pub(super) fn with_sets(seen: &mut Seen, chart: &Chart, rendered: &BTreeSet<usize>) {
    let name = |set: &usize| chart.sets.get(*set).map_or("", |s| s.name.as_str());
    let note = if seen.sets == *rendered {
        if rendered.len() == 1 {
            format!(
                "rendered with {}",
                rendered.iter().map(name).collect::<String>()
            )
        } else {
            format!("the same with all {} sets of values", rendered.len())
        }
    } else {
        let names = Text::list(seen.sets.iter().map(name));
        let others = rendered.len() - seen.sets.len();
        let others = match others {
            1 => "the other set of values".to_owned(),
            n => format!("the other {n} sets of values"),
        };
        format!("rendered with {names}, and not with {others}")
    };
    seen.finding.notes.push(note.into());
}

/// Makes a finding of a release one that only shows how it could be mended.
pub(super) fn only_shown(finding: &mut Reported) {
    finding.outcome = Outcome::Left;
    if let Ok(fix) = &mut finding.fix {
        fix.applicability = Applicability::DisplayOnly;
        fix.lost_comments.clear();
    }
}

/// Whether it is worth a line of its own wherever it stands.
pub(super) fn weighty(finding: &Reported) -> bool {
    finding.severity > Severity::Info
}
