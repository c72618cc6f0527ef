//! Which findings a build decides: those that reading left open, and those of which it could not
//! know.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use kubewright_model::finding::{Applicability, Location, NoFix, Severity};
use kubewright_model::kube::{Build, BuildCode, ResourceId, Target, Workspace};
use kubewright_model::text;
use kubewright_model::text::Text;

use super::change;
use super::found::Found;
use super::mend::Mending;
use super::roots::Root;
use crate::pipeline::identity::KnownFinding;
use crate::pipeline::report::{Outcome, Report, Reported, Restart};
use crate::pipeline::{Known, Pipeline, UNUSED_SUPPRESSION};

/// Reasons of transforms that are about what kustomize makes of a source.
const OPEN: [&str; 4] = [
    "annotations-replaced",
    "differs-between-overlays",
    "patched-by-kustomize",
    "workload-patched",
];
/// Those that are about what else is there, of which a build knows more where a kustomization
/// makes what is not read.
const OPEN_IN_PART: [&str; 2] = ["config-not-in-set", "namespace-uncertain"];

/// Says of a name that nothing defines it; what other apply sets have may.
const REFERENCES: &str = "missing-config-reference";

/// Whether a build may decide what is left open.
pub(super) fn is_open(finding: &Reported) -> bool {
    let reason = finding.fix.as_ref().err();
    reason.is_some_and(|reason| OPEN.contains(&reason.code))
}

/// What reading found, and what the builds make of it.
pub(super) struct Decided<'a> {
    before: &'a Workspace,
    /// All that reading found, known or not.
    read: Vec<Reported>,
    /// Where suppressions cover what builds find: transform, file, and bytes of the resource.
    covered: Vec<(&'static str, String, Range<usize>)>,
}

/// A finding that a build decides.
pub(super) struct Wanted {
    group: Vec<Found>,
    /// It takes the place of those that reading left open.
    instead: bool,
}

impl<'a> Decided<'a> {
    pub(super) fn of(
        pipeline: &Pipeline<'_>,
        before: &'a Workspace,
        known: &[Known],
        report: &Report,
    ) -> Self {
        let read = if known.is_empty() {
            report.findings.clone()
        } else {
            pipeline.findings(before)
        };
        Self {
            before,
            read,
            covered: Vec::new(),
        }
    }

    /// What reading says of a resource of which a build says something.
    fn read_of(&self, now: &Workspace, found: &Found) -> Vec<&Reported> {
        let about = found.about.map(|id| now.resource(id));
        let same = |finding: &&Reported| {
            finding.transform == found.finding.transform
                && match about {
                    Some(resource) => {
                        finding.place.path == now.file(resource.file).path
                            && finding
                                .resource
                                .as_ref()
                                .is_some_and(|r| r.kind == resource.kind && r.name == resource.name)
                    }
                    None => finding.place.path == found.place.path,
                }
        };
        let at_place = |finding: &&Reported| {
            finding.transform == found.finding.transform
                && finding.place.path == found.place.path
                && finding.place.line == found.place.line
        };
        let all = self.read.iter();
        all.filter(|finding| same(finding) || at_place(finding))
            .collect()
    }

    /// The findings of builds that reading has no answer to.
    pub(super) fn wanted(
        &mut self,
        now: &Workspace,
        roots: &[Root],
        groups: Vec<Vec<Found>>,
    ) -> Vec<Wanted> {
        let mut wanted = Vec::new();
        for group in groups {
            let Some(found) = group.first() else {
                continue;
            };
            let read = self.read_of(now, found);
            let opaque = || group.iter().any(|found| opaque(now, roots, found));
            let in_part = |finding: &&&Reported| {
                let reason = finding.fix.as_ref().err();
                reason.is_some_and(|reason| OPEN_IN_PART.contains(&reason.code))
                    && subject(&finding.message) == subject(&found.finding.message)
            };
            let instead = read.iter().any(|finding| is_open(finding))
                || (read.iter().any(|finding| in_part(&finding)) && opaque());
            let new = read.is_empty()
                && found.finding.severity > Severity::Info
                && opaque()
                && !self.elsewhere(found);
            if instead || new {
                wanted.push(Wanted { group, instead });
            }
        }
        let place = |found: &Found| {
            let file = self.before.file_at(&found.place.path)?;
            let span = found.place.start..found.place.end;
            Some(Location {
                file: file.id,
                span,
            })
        };
        let places: Vec<_> = (wanted.iter())
            .map(|wanted| {
                let found = wanted.group.first();
                found.and_then(|found| Some((found.finding.transform, place(found)?)))
            })
            .collect();
        let asked: Vec<_> = places.iter().flatten().cloned().collect();
        let mut hits = Pipeline::suppressed(self.before, &asked).into_iter();
        let keep: Vec<bool> = (places.iter())
            .map(|place| place.is_none() || !hits.next().unwrap_or(false))
            .collect();
        let mut keep = keep.into_iter();
        wanted.retain(|wanted| {
            let kept = keep.next().unwrap_or(true);
            if let Some(found) = wanted.group.first().filter(|_| !kept) {
                let place = &found.place;
                let span = found.about.map(|id| now.resource(id).span());
                let span = span.unwrap_or(place.start..place.end);
                let transform = found.finding.transform;
                self.covered.push((transform, place.path.clone(), span));
            }
            kept
        });
        wanted
    }

    /// Whether what a build lacks is defined elsewhere in the workspace.
    fn elsewhere(&self, found: &Found) -> bool {
        if found.finding.transform != REFERENCES {
            return false;
        }
        let message = found.finding.message.to_string();
        let names = |target: Target| {
            let resources = self.before.resources().iter();
            let mut named = resources.filter(move |r| r.target() == Some(target));
            named.any(|r| message.contains(r.name.as_str()))
        };
        names(Target::ConfigMap) || names(Target::Secret)
    }

    /// Puts what the builds decide in the place of what was open.
    pub(super) fn decide(
        &mut self,
        pipeline: &Pipeline<'_>,
        mending: &mut Mending<'_>,
        wanted: Vec<Wanted>,
        known: &[Known],
        report: &mut Report,
    ) {
        let mut said: Vec<(Vec<Found>, Reported)> = Vec::new();
        let mut decided = Vec::new();
        for Wanted { group, instead } in wanted {
            if let Some(finding) = Self::said(mending, &group) {
                let about = group.first().and_then(|found| found.about);
                decided.extend(instead.then_some((about, finding.transform)));
                said.push((group, finding));
            }
        }
        self.fix(pipeline, mending, &mut said, report);
        Self::take_out(mending, &decided, report);
        // A suppression that covers what a build found is of use.
        report.findings.retain(|finding| {
            let covers = |(transform, path, span): &(&str, String, Range<usize>)| {
                finding.place.path == *path
                    && span.contains(&finding.place.start)
                    && finding.message.to_string().starts_with(transform)
            };
            finding.transform != UNUSED_SUPPRESSION || !self.covered.iter().any(covers)
        });
        let added = said.into_iter().map(|(_, finding)| finding).collect();
        self.add(added, known, report);
    }

    /// Makes fixes: those that go into the files of their resources together, the others one by
    /// one.
    fn fix(
        &self,
        pipeline: &Pipeline<'_>,
        mending: &mut Mending<'_>,
        said: &mut [(Vec<Found>, Reported)],
        report: &mut Report,
    ) {
        let applies = |transform: &str, applicability: Applicability| {
            pipeline.unsafe_fixes.apply(transform, applicability)
        };
        let fixable = |finding: &Reported| {
            let fix = finding.fix.as_ref();
            fix.is_ok_and(|fix| fix.applicability != Applicability::DisplayOnly)
        };
        let groups = said.iter().enumerate();
        let groups: Vec<(usize, &[Found])> = groups
            .filter(|(_, (_, finding))| fixable(finding))
            .map(|(number, (group, _))| (number, group.as_slice()))
            .collect();
        let mut done = BTreeMap::new();
        if let Some((fixes, proven)) = mending.together(&groups, applies) {
            done = fixes;
            change(self.before, report, proven.texts());
            mending.keep(proven);
        }
        let mut touched: BTreeSet<ResourceId> = BTreeSet::new();
        for (number, (group, finding)) in said.iter_mut().enumerate() {
            if !fixable(finding) {
                continue;
            }
            let about = group.first().and_then(|found| found.about);
            if let Some(fix) = done.remove(&number) {
                finding.fix = Ok(fix);
                finding.outcome = Outcome::Applied;
                restarts(mending, group, report);
                touched.extend(about);
                continue;
            }
            match mending.prove(group) {
                Ok(proven) => {
                    finding.fix = Ok(proven.fix.clone());
                    if applies(finding.transform, proven.fix.applicability) {
                        finding.outcome = Outcome::Applied;
                        change(self.before, report, proven.texts());
                        restarts(mending, group, report);
                        mending.keep(proven);
                        touched.extend(about);
                    }
                }
                Err(reason)
                    if reason.is(BuildCode::BuildsDiffer)
                        && about.is_some_and(|id| touched.contains(&id)) =>
                {
                    let text = "another fix changes it: once that is written, the same command \
                                again tells";
                    finding.fix = Err(NoFix::new(BuildCode::BuildsDiffer, text));
                }
                Err(reason) => {
                    // What the cluster gets is not known.
                    if reason.is(BuildCode::ChangedBehind) {
                        finding.severity = finding.severity.min(Severity::Info);
                    }
                    finding.fix = Err(reason);
                }
            }
        }
    }

    /// A finding of several roots, said of its source.
    fn said(mending: &Mending<'_>, group: &[Found]) -> Option<Reported> {
        let best = group.iter().find(|found| found.finding.fix.is_ok());
        let found = best.or(group.first())?;
        let mut finding = found.finding.clone();
        finding.outcome = Outcome::Left;
        finding.place = found.place.clone();
        finding.related.clone_from(&found.related);
        if let Ok(fix) = &mut finding.fix {
            fix.edits.clear();
        }
        if let Some(id) = found.about
            && let Some(aside) = mending.now.aside_of(id)
        {
            finding.severity = finding.severity.min(Severity::Info);
            if finding.fix.is_ok() {
                finding.fix = Err(NoFix::new(aside.code, aside.text));
            }
        }
        let roots = group
            .iter()
            .filter_map(|found| mending.bench.roots.get(found.root));
        let mut names: Vec<&str> = roots.map(Root::name).collect();
        names.dedup();
        let names = Text::list(names.into_iter().map(Text::from));
        finding.notes.push(text!["as kustomize builds ", names]);
        // Roots that put something around names say it with other ones.
        let mut said = vec![found.finding.message.to_string()];
        for other in group {
            let message = other.finding.message.to_string();
            let root = mending.bench.roots.get(other.root);
            if let Some(root) = root.filter(|_| !said.contains(&message)) {
                let words = other.finding.message.clone();
                finding.notes.push(text!["in ", root.name(), ": ", words]);
                said.push(message);
            }
        }
        Some(finding)
    }

    /// Takes out what was open and is decided: by a finding of a build, or because the builds of
    /// all roots that read it have none.
    fn take_out(
        mending: &Mending<'_>,
        decided: &[(Option<ResourceId>, &'static str)],
        report: &mut Report,
    ) {
        let now = &mending.now;
        report.findings.retain(|finding| {
            let open = is_open(finding);
            let reason = finding.fix.as_ref().err();
            let in_part = reason.is_some_and(|reason| OPEN_IN_PART.contains(&reason.code));
            if !(open || in_part) || finding.outcome != Outcome::Left {
                return true;
            }
            let Some(name) = &finding.resource else {
                return true;
            };
            let Some(file) = now.file_at(&finding.place.path) else {
                return true;
            };
            let mut all = now.resources_of(file.id).iter();
            let Some(resource) = all.find(|r| r.kind == name.kind && r.name == name.name) else {
                return true;
            };
            let by_finding = decided.iter().any(|(about, transform)| {
                *about == Some(resource.id) && *transform == finding.transform
            });
            let by_builds = open && mending.is_built_everywhere(resource.id);
            !(by_finding || by_builds)
        });
    }

    /// Adds what builds found, but for what is known and what is not asked for.
    fn add(&self, mut added: Vec<Reported>, known: &[Known], report: &mut Report) {
        added.retain(|finding| {
            let file = self.before.file_at(&finding.place.path);
            file.is_none_or(|file| file.editable)
        });
        for (number, known) in known.iter().enumerate() {
            let entries: Vec<KnownFinding> = added.iter().map(KnownFinding::from).collect();
            let of = known.recognise(&entries);
            let mut is_new = of.iter().map(Option::is_none);
            added.retain(|_| is_new.next().unwrap_or(true));
            report.recognise(number, known, of.into_iter().flatten().collect());
        }
        report.findings.extend(added);
    }
}

/// Adds what applying a fix restarts.
fn restarts(mending: &Mending<'_>, group: &[Found], report: &mut Report) {
    let restart = group.iter().find_map(|found| mending.restart(found));
    let known = |restart: &Restart| {
        let mut all = report.restarts.iter();
        all.any(|known| known.path == restart.path && known.resource == restart.resource)
    };
    let restart = restart.filter(|restart| !known(restart));
    report.restarts.extend(restart);
}

/// What a workload reads, as a message says it: all of it, or what is there.
fn subject(message: &Text) -> String {
    let message = message.to_string();
    let read = message.split_once(" reads ").map_or("", |(_, read)| read);
    let ends = [", and a change", " and carries", ", whose content"];
    let end = ends.iter().filter_map(|end| read.find(end)).min();
    read[..end.unwrap_or(read.len())].to_owned()
}

/// Whether reading cannot know what a root makes of a resource.
fn opaque(now: &Workspace, roots: &[Root], found: &Found) -> bool {
    let Some(root) = roots.get(found.root) else {
        return false;
    };
    let of_root = |set: &&kubewright_model::kube::ApplySet| {
        let mut members = set.members.iter();
        members.any(|m| m.through.first() == Some(&root.file))
    };
    let mut sets = now.sets().iter().filter(of_root);
    let Some(id) = found.about else {
        return true;
    };
    let besides = now.touches(id).iter().any(|touch| !touch.is_patch());
    besides || sets.any(|set| !set.closed || matches!(now.built(set.id, id), Build::Unknown))
}
