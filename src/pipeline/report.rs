//! What a run says: findings in coordinates of the original text, changed files, restarts, what was
//! left alone.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use kubewright_model::finding::{
    Applicability, Change, Finding, Fix, Hidden, Location, NoFix, Severity,
};
use kubewright_model::kube::{FileId, Resource, Workspace};
use kubewright_model::text::Text;
pub use kubewright_model::yaml::position;

use super::identity::{By, Known};
pub use super::impact::{Cost, Read};
pub use super::restarts::{Restart, Strategy};

/// A place in the original text of a file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Path relative to the root.
    pub path: String,
    /// 1-based line.
    pub line: usize,
    /// 1-based column in Unicode scalar values.
    pub column: usize,
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

impl Place {
    /// Where a location of `workspace` is.
    pub fn of(workspace: &Workspace, location: &Location) -> Self {
        Self::at(workspace, location.file, location.span.clone())
    }

    fn at(workspace: &Workspace, file: FileId, span: Range<usize>) -> Self {
        let file = workspace.file(file);
        let (line, column) = file.position(span.start);
        Self {
            path: file.path.clone(),
            line,
            column,
            start: span.start,
            end: span.end,
        }
    }
}

/// The names of a resource.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ResourceName {
    /// `apiVersion`
    pub api_version: String,
    /// `kind`
    pub kind: String,
    /// `metadata.namespace`, when written.
    pub namespace: Option<String>,
    /// `metadata.name`
    pub name: String,
}

impl From<&Resource> for ResourceName {
    fn from(r: &Resource) -> Self {
        Self {
            api_version: r.api_version.clone(),
            kind: r.kind.clone(),
            namespace: r.namespace.clone(),
            name: r.name.clone(),
        }
    }
}

/// What became of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Its fix was applied.
    Applied,
    /// The fixes of other findings cured it.
    Cured,
    /// It is still there.
    Left,
}

/// One replacement of bytes of an original text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportedEdit {
    /// Path relative to the root.
    pub path: String,
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
    /// What stands there afterwards.
    pub content: String,
    /// What happens to the file as a whole.
    pub file: FileFate,
}

/// What an edit does to the file as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileFate {
    /// It stays.
    Stays,
    /// It is new.
    Created,
    /// It goes.
    Deleted,
}

/// A fix, in coordinates of the original text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportedFix {
    /// Imperative.
    pub title: Text,
    /// How far it can be trusted.
    pub applicability: Applicability,
    /// All of it.
    pub edits: Vec<ReportedEdit>,
    /// Comments that it gives up.
    pub lost_comments: Vec<String>,
}

/// A finding and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reported {
    /// Name of the transform.
    pub transform: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// What is wrong.
    pub message: Text,
    /// Where.
    pub place: Place,
    /// Other places, each with what is there; one that equals `place` is the label of that place.
    pub related: Vec<(Place, Text)>,
    /// The resource it is about.
    pub resource: Option<ResourceName>,
    /// Which hazard it is, of those that the transform knows.
    pub hazard: &'static str,
    /// The way to the value in its document, and the value: see [`super::identity`].
    pub key: String,
    /// Further sentences.
    pub notes: Vec<Text>,
    /// What is not printed of any manifest.
    pub hidden: Vec<Hidden>,
    /// The fix, or why there is none.
    pub fix: Result<ReportedFix, NoFix>,
    /// What became of it.
    pub outcome: Outcome,
}

impl Reported {
    /// A finding of `workspace`.
    pub(super) fn new(workspace: &Workspace, finding: &Finding) -> Self {
        Self {
            transform: finding.transform,
            severity: finding.severity,
            message: finding.message.clone(),
            place: Place::of(workspace, &finding.primary),
            related: finding
                .related
                .iter()
                .map(|(l, text)| (Place::of(workspace, l), text.clone()))
                .collect(),
            resource: finding.resource.map(|id| workspace.resource(id).into()),
            hazard: finding.subject.hazard,
            key: super::identity::key(workspace, finding),
            notes: finding.notes.clone(),
            hidden: finding.hidden.clone(),
            fix: finding
                .fix
                .as_ref()
                .map(|fix| reported_fix(workspace, fix))
                .map_err(Clone::clone),
            outcome: Outcome::Left,
        }
    }

    /// A file that could not be read at all: error, at a position of its bytes.
    pub fn unread(
        path: String,
        position: (usize, usize),
        offset: usize,
        message: String,
        reason: NoFix,
    ) -> Self {
        Self {
            transform: super::INPUT,
            severity: Severity::Error,
            message: message.into(),
            place: Place {
                path,
                line: position.0,
                column: position.1,
                start: offset,
                end: offset,
            },
            related: Vec::new(),
            resource: None,
            hazard: "",
            key: String::new(),
            notes: Vec::new(),
            hidden: Vec::new(),
            fix: Err(reason),
            outcome: Outcome::Left,
        }
    }
}

fn reported_fix(workspace: &Workspace, fix: &Fix) -> ReportedFix {
    let mut edits = Vec::new();
    let mut lost_comments = Vec::new();
    for change in &fix.changes {
        match change {
            Change::Edit(file, edit) => {
                let path = &workspace.file(*file).path;
                edits.extend(edit.splices.iter().map(|s| ReportedEdit {
                    path: path.clone(),
                    start: s.range.start,
                    end: s.range.end,
                    content: s.text.clone(),
                    file: FileFate::Stays,
                }));
                lost_comments.extend(edit.lost_comments.iter().cloned());
            }
            Change::Create(path, text) => {
                edits.push(ReportedEdit {
                    path: path.clone(),
                    start: 0,
                    end: 0,
                    content: text.clone(),
                    file: FileFate::Created,
                });
            }
            Change::Delete(file) => {
                let file = workspace.file(*file);
                let end = file.text.len();
                edits.push(ReportedEdit {
                    path: file.path.clone(),
                    start: 0,
                    end,
                    content: String::new(),
                    file: FileFate::Deleted,
                });
                lost_comments.extend(fix.comments_lost_with(workspace, file.id));
            }
        }
    }
    ReportedFix {
        title: fix.title.clone(),
        applicability: fix.applicability,
        edits,
        lost_comments,
    }
}

/// A file that is not what it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileChange {
    /// Path relative to the root.
    pub path: String,
    /// Its text before; `None` when it is new.
    pub before: Option<Arc<str>>,
    /// Its text after; `None` when it is gone.
    pub after: Option<Arc<str>>,
}

/// A file or document that was left alone, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftAlone {
    /// Path relative to the root.
    pub path: String,
    /// Index of the document, when it is not the whole file.
    pub document: Option<usize>,
    /// Stable code.
    pub code: &'static str,
    /// For the user.
    pub text: Text,
}

/// All that a run says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// All findings, by path and position.
    pub findings: Vec<Reported>,
    /// Changed, created and deleted files, by path.
    pub files: Vec<FileChange>,
    /// Files within the PATHs, by path.
    pub read: Vec<String>,
    /// What applying the result restarts, by resource.
    pub restarts: Vec<Restart>,
    /// What applying the original files restarts that were changed since an older state, by
    /// resource.
    pub change_restarts: Vec<Restart>,
    /// What was left alone, by path.
    pub skipped: Vec<LeftAlone>,
    /// Findings that a suppression took away.
    pub suppressed: usize,
    /// What is not to be shown, of findings that are not reported too.
    pub secrets: Vec<Hidden>,
    /// For each list of what is known: the entries that are still there.
    pub recognised: Vec<BTreeSet<usize>>,
    /// Findings that an older state of the files has too.
    pub past: usize,
    /// Findings that a baseline has.
    pub baseline: usize,
    /// Findings that are below what the reader wants to see.
    pub hidden: usize,
    /// Original text of each file that a finding stands in, or that its fix edits.
    pub sources: BTreeMap<String, Arc<str>>,
}

impl Report {
    /// Number of files that could not be read at all.
    pub fn unread(&self) -> usize {
        self.findings
            .iter()
            .filter(|f| f.transform == super::INPUT && !self.sources.contains_key(&f.place.path))
            .count()
    }

    /// Whether a finding of at least that severity is still there at the end.
    pub fn leaves(&self, severity: Severity) -> bool {
        self.findings
            .iter()
            .any(|f| f.outcome == Outcome::Left && f.severity >= severity)
    }

    /// Takes out the findings below a severity.
    pub fn hide_below(&mut self, severity: Severity) {
        let all = self.findings.len();
        self.findings.retain(|f| f.severity >= severity);
        self.hidden += all - self.findings.len();
    }

    /// Notes what of the list of known findings at that position is still there.
    pub fn recognise(&mut self, number: usize, known: &Known, entries: BTreeSet<usize>) {
        match known.by {
            By::Past => self.past += entries.len(),
            By::Baseline => self.baseline += entries.len(),
        }
        if self.recognised.len() <= number {
            self.recognised.resize(number + 1, BTreeSet::new());
        }
        if let Some(all) = self.recognised.get_mut(number) {
            all.extend(entries);
        }
    }

    /// Puts findings in order: by path, then position, then in the order in which they were made.
    pub fn sort(&mut self) {
        self.findings
            .sort_by(|a, b| (&a.place.path, a.place.start).cmp(&(&b.place.path, b.place.start)));
    }
}
