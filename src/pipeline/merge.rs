//! Folds the passes of a run into one report.
//!
//! A finding of the first pass is *applied* when its fix, or that of the same finding in a later
//! pass, was. A finding that waited may come back with another subject, because the fix it waited
//! for renamed something: then transform and resource tell that it is the same. Findings that only
//! later passes have are part of the fixes that caused them, unless they are left at the end, or a
//! remark of the first pass said why there is no fix: those are reported at the place of their
//! resource in the original text.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use kubewright_model::finding::{Finding, Hidden, NoFix, ReasonCode, Severity, Subject};
use kubewright_model::kube::{ContainerKind, ResourceId, Workspace};
use kubewright_transforms::{ALL, Transform};

use super::positions::Positions;
use super::report::{FileChange, LeftAlone, Outcome, Place, Report, Reported};
use super::{Pass, restarts};

/// By what a finding is recognised in another pass, apart from its subject. Positions of documents
/// are stable where names are not.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    transform: &'static str,
    path: String,
    document: usize,
    item: Option<usize>,
    /// The pod template and the container that it lies in: several containers of one pod may have
    /// findings of the same subject.
    container: Option<ContainerPlace>,
}

/// The pod template, whether it is an init container, and its place among those: a fix may add an
/// init container.
type ContainerPlace = (usize, bool, usize);

impl Key {
    fn of(workspace: &Workspace, positions: &Positions, finding: &Finding) -> Self {
        let file = workspace.file(finding.primary.file);
        let (document, item) = match finding.resource {
            Some(id) => (workspace.resource(id).document, workspace.resource(id).item),
            None => (
                file.yaml
                    .as_ref()
                    .map_or(0, |y| y.document_at(finding.primary.span.start)),
                None,
            ),
        };
        let container = container(workspace, finding).map(|(place, _)| place);
        Self {
            transform: finding.transform,
            path: file.path.clone(),
            document: positions.original(&file.path, document),
            item,
            container,
        }
    }
}

/// The container that a finding of a resource points into: its place, and its bytes.
fn container(workspace: &Workspace, finding: &Finding) -> Option<(ContainerPlace, Range<usize>)> {
    let id = finding.resource?;
    if !workspace.carries_pods(id) || workspace.resource(id).file != finding.primary.file {
        return None;
    }
    let at = finding.primary.span.start;
    let templates = workspace.pod_templates(id);
    let containers = templates.iter().enumerate().flat_map(|(t, template)| {
        let (mut first, mut others) = (0.., 0..);
        template.containers().into_iter().map(move |container| {
            let init = container.kind == ContainerKind::Init;
            let place = if init { first.next() } else { others.next() };
            ((t, init, place.unwrap_or(0)), container.node.span())
        })
    });
    containers.into_iter().find(|(_, span)| span.contains(&at))
}

/// Places within a container, as long as its text stays what it is.
#[derive(Default)]
struct Within {
    /// The text of the container.
    text: Arc<str>,
    /// Of the finding, and of what it relates to; bytes from the start of the container.
    offsets: Vec<usize>,
}

impl Within {
    fn of(workspace: &Workspace, finding: &Finding) -> Option<Self> {
        let (_, span) = container(workspace, finding)?;
        let file = finding.primary.file;
        let places = [&finding.primary]
            .into_iter()
            .chain(finding.related.iter().map(|(place, _)| place));
        let inside = places.filter(|place| place.file == file && span.contains(&place.span.start));
        let offsets = inside.map(|place| place.span.start - span.start).collect();
        Some(Self {
            text: Arc::from(workspace.file(file).text.get(span)?),
            offsets,
        })
    }

    /// Whether both have the same finding as their first.
    fn is_same(&self, other: &Self) -> bool {
        self.text == other.text && self.offsets.first() == other.offsets.first()
    }

    /// Whether this finding is about what another one is about first.
    fn covers(&self, other: &Self) -> bool {
        self.text == other.text
            && other
                .offsets
                .first()
                .is_some_and(|offset| self.offsets.contains(offset))
    }
}

/// A finding of the last pass.
struct Left<'a> {
    /// Its place in the order of findings.
    order: (usize, usize),
    /// The workspace that it is about.
    workspace: &'a Workspace,
    /// Where its documents stood at first.
    positions: &'a Positions,
    finding: &'a Finding,
    /// Why its fix was refused.
    refusal: Option<&'a NoFix>,
    within: Option<Within>,
}

impl Left<'_> {
    /// Whether it is what an entry has become, by one of the signs: the same place, the same
    /// subject, the same container or resource.
    fn is(&self, entry: &MergedFinding, sign: Sign) -> bool {
        match sign {
            Sign::Place => self
                .within
                .as_ref()
                .zip(entry.within.as_ref())
                .is_some_and(|(now, then)| now.is_same(then)),
            Sign::Subject => self.finding.subject == entry.subject,
            Sign::Resource => true,
        }
    }
}

/// By what a finding of the last pass is told to be one of the first; the surest first.
#[derive(Clone, Copy)]
enum Sign {
    Place,
    Subject,
    Resource,
}

struct MergedFinding {
    key: Key,
    subject: Subject,
    within: Option<Within>,
    reported: Reported,
    applied: bool,
}

/// What is left, by what it is about.
fn left_by_key<'w>(
    last: &[(&'w Workspace, &'w Positions, &'w Pass)],
    position: impl Fn(&str) -> Option<usize>,
) -> BTreeMap<Key, Vec<Left<'w>>> {
    let mut left: BTreeMap<Key, Vec<Left<'w>>> = BTreeMap::new();
    for (workspace, positions, pass) in last {
        for (i, finding) in pass.findings.iter().enumerate() {
            let order = (position(finding.transform).unwrap_or(usize::MAX), i);
            let refusal = pass.refused.get(&i);
            left.entry(Key::of(workspace, positions, finding))
                .or_default()
                .push(Left {
                    order,
                    workspace,
                    positions,
                    finding,
                    refusal,
                    within: Within::of(workspace, finding),
                });
        }
    }
    left
}

/// The texts of the files that findings and their fixes are about.
fn add_sources(report: &mut Report, original: &Workspace, now: &Workspace) {
    for finding in &report.findings {
        // A file that only the result has is shown as it is there.
        if let Some(file) = original
            .file_at(&finding.place.path)
            .or_else(|| now.file_at(&finding.place.path))
        {
            report.sources.insert(file.path.clone(), file.text.clone());
        }
        let edits = finding.fix.iter().flat_map(|fix| &fix.edits);
        for file in edits.filter_map(|edit| original.file_at(&edit.path)) {
            report.sources.insert(file.path.clone(), file.text.clone());
        }
    }
}

/// The report in the making.
#[derive(Default)]
pub(super) struct Merge {
    entries: Vec<MergedFinding>,
    /// Positions of the entries of each key.
    known: BTreeMap<Key, Vec<usize>>,
    remarks: Vec<Reported>,
    suppressed: usize,
    secrets: Vec<Hidden>,
}

impl Merge {
    /// The first pass.
    pub(super) fn start(&mut self, workspace: &Workspace, pass: &Pass, remarks: &[Finding]) {
        self.entries = (pass.findings.iter().enumerate())
            .map(|(i, f)| MergedFinding {
                key: Key::of(workspace, &Positions::default(), f),
                subject: f.subject.clone(),
                within: Within::of(workspace, f),
                reported: Reported::new(workspace, f),
                applied: pass.applied.contains(&i),
            })
            .collect();
        for (at, entry) in self.entries.iter().enumerate() {
            self.known.entry(entry.key.clone()).or_default().push(at);
        }
        self.remarks = remarks
            .iter()
            .map(|f| Reported::new(workspace, f))
            .collect();
        self.suppressed = pass.suppressed;
        self.secrets.clone_from(&pass.secrets);
    }

    /// A later pass.
    pub(super) fn pass(
        &mut self,
        original: &Workspace,
        (workspace, positions): (&Workspace, &Positions),
        pass: &Pass,
    ) {
        for finding in pass.applied.iter().filter_map(|i| pass.findings.get(*i)) {
            let key = Key::of(workspace, positions, finding);
            let same = self.known.get(&key).map_or(&[][..], Vec::as_slice);
            let waiting = || {
                same.iter()
                    .filter_map(|at| Some((*at, self.entries.get(*at)?)))
                    .filter(|(_, e)| !e.applied)
            };
            let at = waiting()
                .find(|(_, e)| e.subject == finding.subject && e.reported.fix.is_ok())
                .or_else(|| waiting().find(|(_, e)| e.subject == finding.subject))
                .or_else(|| waiting().find(|(_, e)| e.reported.fix.is_ok()))
                .map(|(at, _)| at);
            let remark = waiting()
                .find(|(_, e)| e.reported.severity == Severity::Info)
                .map(|(at, _)| at);
            if let Some(entry) = at.and_then(|at| self.entries.get_mut(at)) {
                if entry.reported.fix.is_err() {
                    // The reason why there was no fix is gone with the fixes before it.
                    let (place, related) =
                        (entry.reported.place.clone(), entry.reported.related.clone());
                    entry.reported = Reported {
                        place,
                        related,
                        ..appeared(original, (workspace, positions), finding, None)
                    };
                }
                entry.applied = true;
            } else if let Some(entry) = remark.and_then(|at| self.entries.get_mut(at)) {
                // The reason why there was no fix is gone: what was fixed in the end is what is
                // reported.
                entry.reported = appeared(original, (workspace, positions), finding, None);
                entry.applied = true;
            }
        }
    }

    /// The report, after the pass that applied nothing: it and the findings kept from an earlier
    /// one, each with its workspace and where the documents of that stood at first, in the order
    /// of their transforms.
    pub(super) fn finish(
        mut self,
        original: &Workspace,
        last: &[(&Workspace, &Positions, &Pass)],
        running: &[&dyn Transform],
    ) -> Report {
        let position = |name: &str| running.iter().position(|t| t.meta().name == name);
        let now = last.first().map_or(original, |(now, ..)| now);
        let mut left = left_by_key(last, position);
        for entry in &mut self.entries {
            entry.reported.outcome = if entry.applied {
                Outcome::Applied
            } else {
                Outcome::Cured
            };
        }
        let mut covered: BTreeMap<Key, Vec<Within>> = BTreeMap::new();
        for sign in [Sign::Place, Sign::Subject, Sign::Resource] {
            for entry in self
                .entries
                .iter_mut()
                .filter(|e| e.reported.outcome == Outcome::Cured)
            {
                let Some(same) = left.get_mut(&entry.key) else {
                    continue;
                };
                if let Some(at) = same.iter().position(|left| left.is(entry, sign)) {
                    let left = same.remove(at);
                    covered
                        .entry(entry.key.clone())
                        .or_default()
                        .extend(left.within);
                    entry.reported.outcome = Outcome::Left;
                    if let Some(reason) = left.refusal.or(left.finding.fix.as_ref().err()) {
                        entry.reported.fix = Err(reason.clone());
                    }
                }
            }
        }
        // Two findings of one container may have become one, where it is still as it was: neither
        // is cured.
        for entry in self
            .entries
            .iter_mut()
            .filter(|e| e.reported.outcome == Outcome::Cured)
        {
            let others = covered.get(&entry.key).map_or(&[][..], Vec::as_slice);
            if entry
                .within
                .as_ref()
                .is_some_and(|own| others.iter().any(|other| other.covers(own)))
            {
                entry.reported.outcome = Outcome::Left;
            }
        }
        // What a fix leaves to remark about its own resource is no finding of its own.
        let applied = |at: &usize| self.entries.get(*at).is_some_and(|e| e.applied);
        for (key, rest) in &mut left {
            if self
                .known
                .get(key)
                .is_some_and(|same| same.iter().any(applied))
            {
                rest.retain(|l| l.finding.severity != Severity::Info || l.finding.fix.is_ok());
            }
        }
        let mut left: Vec<_> = left.into_values().flatten().collect();
        left.sort_unstable_by_key(|left| left.order);
        let mut findings: Vec<Reported> = self
            .entries
            .into_iter()
            .map(|e| e.reported)
            .chain(self.remarks)
            .collect();
        findings.extend(
            left.into_iter()
                .map(|l| appeared(original, (l.workspace, l.positions), l.finding, l.refusal)),
        );
        let mut report = Report {
            findings,
            files: changes(original, now),
            read: original
                .files()
                .iter()
                .filter(|f| f.editable)
                .map(|f| f.path.clone())
                .collect(),
            restarts: Vec::new(),
            skipped: (original.skipped().iter())
                .filter(|s| original.file(s.file).editable)
                .map(|s| LeftAlone {
                    path: original.file(s.file).path.clone(),
                    document: s.document,
                    code: s.code.code(),
                    text: s.text.as_str().into(),
                })
                .collect(),
            suppressed: self.suppressed,
            secrets: self.secrets,
            ..Report::default()
        };
        hide_besides(&mut report, original, running);
        add_sources(&mut report, original, now);
        let positions = last
            .first()
            .map_or(Positions::default(), |(_, p, _)| (*p).clone());
        report.restarts = restarts::restarts(original, (now, &positions), &report.files);
        report.sort();
        report
    }
}

/// Hides what transforms hide besides what their findings hide, and all of those that do not run.
/// Where nothing is shown, nothing is to be hidden.
fn hide_besides(report: &mut Report, workspace: &Workspace, running: &[&dyn Transform]) {
    if report.findings.is_empty() && report.files.is_empty() {
        return;
    }
    let runs = |name| running.iter().any(|t| t.meta().name == name);
    let of_transform = |t: &&dyn Transform| t.hides(workspace, runs(t.meta().name));
    report.secrets.extend(ALL.iter().flat_map(of_transform));
}

/// A finding that the fixes of this run brought to light, at the place of its resource in the
/// original text.
fn appeared(
    original: &Workspace,
    (now, positions): (&Workspace, &Positions),
    finding: &Finding,
    refusal: Option<&NoFix>,
) -> Reported {
    let mut reported = Reported::new(now, finding);
    if let Some(reason) = refusal {
        reported.fix = Err(reason.clone());
    }
    if let Some(file) = original.file_at(&reported.place.path)
        && file.text != now.file(finding.primary.file).text
    {
        // Its coordinates are those of a text that is not the original one.
        reported.place = finding
            .resource
            .and_then(|id| counterpart(original, (now, positions), id))
            .unwrap_or(Place {
                line: 1,
                column: 1,
                start: 0,
                end: 0,
                ..reported.place
            });
        reported.related.clear();
        if let Ok(fix) = &mut reported.fix {
            fix.edits.clear();
        }
        reported.notes.push(
            "appears only after the other fixes of this run, and names things as they are then"
                .into(),
        );
    }
    reported
}

/// Place of the name of the resource that stands in the original where `id` stands now.
fn counterpart(
    original: &Workspace,
    (now, positions): (&Workspace, &Positions),
    id: ResourceId,
) -> Option<Place> {
    let resource = now.resource(id);
    let path = &now.file(resource.file).path;
    let document = positions.original(path, resource.document);
    let same = (original.resources_of(original.file_at(path)?.id).iter())
        .find(|r| r.kind == resource.kind && r.document == document && r.item == resource.item)?;
    let node = original.node(same.id)?;
    let name = node.path(&["metadata", "name"]).unwrap_or(node);
    Some(Place::of(
        original,
        &kubewright_model::finding::Location::of(same.file, name),
    ))
}

/// Files that differ, by path.
pub(super) fn changes(original: &Workspace, now: &Workspace) -> Vec<FileChange> {
    let mut before = original.files().iter().peekable();
    let mut after = now.files().iter().peekable();
    let mut changes = Vec::new();
    // Files are listed by path on both sides.
    loop {
        let order = match (before.peek(), after.peek()) {
            (None, None) => return changes,
            (Some(_), None) => std::cmp::Ordering::Less,
            (None, Some(_)) => std::cmp::Ordering::Greater,
            (Some(b), Some(a)) => b.path.cmp(&a.path),
        };
        let b = if order.is_le() { before.next() } else { None };
        let a = if order.is_ge() { after.next() } else { None };
        let Some(path) = b.or(a).map(|f| f.path.clone()) else {
            return changes;
        };
        let (b, a) = (b.map(|f| f.text.clone()), a.map(|f| f.text.clone()));
        if b != a {
            changes.push(FileChange {
                path,
                before: b,
                after: a,
            });
        }
    }
}
