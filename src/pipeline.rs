//! Check, select, apply, repeat until quiet.
//!
//! One round is a *pass*: all transforms check the same workspace; then, in the order of the
//! transforms, each fix is taken that may be applied, claims no resource and touches no byte that a
//! fix taken before it claims or touches. A fix that conflicts waits whole for the next pass. Edits
//! are applied and verified file by file; where a file refuses, its fixes go in one by one and only
//! the culprit stays out, with the refusal as its reason. The workspace is indexed again and the
//! next pass begins, until one takes nothing. When all fixes of a pass are *isolated* and no other
//! waits, the findings of the other transforms are kept, and they are not asked again.
//!
//! What is reported are the findings of the first pass, in coordinates of the original text, each
//! with what became of it, and whatever is left at the end that was not there at the start. Pure:
//! text in, report out.

mod apply;
pub mod identity;
mod impact;
pub(crate) mod input;
mod judged;
mod merge;
mod positions;
pub mod report;
mod restarts;
mod suppress;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use kubewright_model::finding::{
    Applicability, Change, Finding, Fix, Hidden, Location, NoFix, Severity,
};
use kubewright_model::kube::{AsideCode, ResourceId, Workspace};
use kubewright_model::yaml::Op;
use kubewright_transforms::{Context, Settings, Transform};
use rayon::prelude::*;

pub use identity::Known;
pub use judged::Judged;
pub use report::Report;
pub use suppress::nearest;

/// Passes after which a run that is not quiet is an error, beside those in which fixes that wait
/// for each other's resource become fewer. Chains of fixes are short: a rename, what refers to it,
/// its hash.
const MAX_PASSES: usize = 20;
/// Fixes that wait for one resource, each of which takes a pass, beyond which none is made.
const MAX_QUEUE: usize = 100;

/// Name under which unreadable input is reported.
pub const INPUT: &str = "input";
/// Name under which a suppression that hits nothing is reported.
pub const UNUSED_SUPPRESSION: &str = "unused-suppression";

/// Which unsafe fixes are applied.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum UnsafeFixes {
    /// None.
    #[default]
    None,
    /// Those of all transforms.
    All,
    /// Those of these transforms.
    Of(BTreeSet<String>),
}

impl UnsafeFixes {
    /// Whether a fix of that transform is applied.
    pub fn apply(&self, transform: &str, applicability: Applicability) -> bool {
        match applicability {
            Applicability::Safe => true,
            Applicability::DisplayOnly => false,
            Applicability::Unsafe => match self {
                Self::None => false,
                Self::All => true,
                Self::Of(names) => names.contains(transform),
            },
        }
    }
}

/// Which transforms a person wants in this run, as typed on the command line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// Those that run, if any are named.
    pub select: BTreeSet<String>,
    /// Those that do not run.
    pub ignore: BTreeSet<String>,
}

impl Selection {
    /// The transforms that run, in their order; nothing else decides that. What is typed goes
    /// before what is written down: `select` of the configuration, and `enabled` in the table of
    /// each transform.
    pub fn of<'t>(
        &self,
        all: &[&'t dyn Transform],
        written: Option<&BTreeSet<String>>,
        settings: &Settings,
    ) -> Vec<&'t dyn Transform> {
        let runs = |name: &str| {
            let wanted = if self.select.is_empty() {
                settings.enabled(name) && written.is_none_or(|names| names.contains(name))
            } else {
                self.select.contains(name)
            };
            wanted && !self.ignore.contains(name)
        };
        all.iter()
            .copied()
            .filter(|t| runs(t.meta().name))
            .collect()
    }
}

kubewright_model::codes! {
    /// With what the pipeline, and not a transform, says why there is no fix.
    pub enum Code {
        ApiType = "api-type",
        NoChange = "no-change",
        NotUnderstood = "not-understood",
        NotUtf8 = "not-utf-8",
        NotYaml = "not-yaml",
        OutsidePaths = "outside-paths",
        PartlySuppressed = "partly-suppressed",
        PathTaken = "path-taken",
        TooManyFixes = "too-many-fixes",
        Unreadable = "unreadable",
    }
}

/// Whether a code is the same for all transforms: one of the pipeline, or of the editor and the
/// parser that proves its edits.
pub fn is_shared_code(code: &str) -> bool {
    Code::ALL.contains(&code)
        || AsideCode::ALL.contains(&code)
        || code.starts_with("yaml-")
        || code.starts_with("verify-")
}

/// The transforms of a run and how far they may go.
#[derive(Clone)]
pub struct Pipeline<'t> {
    /// The transforms that run, in the order in which their fixes are applied.
    pub transforms: Vec<&'t dyn Transform>,
    /// The options of all transforms.
    pub settings: &'t Settings,
    /// Which unsafe fixes are applied.
    pub unsafe_fixes: UnsafeFixes,
}

/// Why a run gives no report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    /// The passes did not come to rest; names the transforms that still fixed something in the last
    /// one.
    NotConverging(Vec<&'static str>),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotConverging(names) => write!(
                f,
                "fixes of {} undo each other: not at rest after {MAX_PASSES} passes; nothing was \
                 written (this is a bug of kubewright)",
                names.join(", ")
            ),
        }
    }
}

impl std::error::Error for Error {}

/// What transforms find in one pass.
struct Found {
    findings: Vec<Finding>,
    /// What there is to say about suppressions, and what is not YAML.
    remarks: Vec<Finding>,
    suppressed: usize,
    /// There are suppressions.
    has_suppressions: bool,
    secrets: Vec<Hidden>,
}

/// What one pass found and did.
struct Pass {
    /// All findings that are reported, sorted.
    findings: Vec<Finding>,
    /// Indices of the findings whose fix was applied.
    applied: BTreeSet<usize>,
    /// Indices of the findings whose fix was tried and refused, and why.
    refused: BTreeMap<usize, NoFix>,
    /// Number of findings that are suppressed.
    suppressed: usize,
    /// What no finding may show, those that are not reported included.
    secrets: Vec<Hidden>,
    /// There are suppressions.
    has_suppressions: bool,
}

/// Findings of transforms that are not asked again, with the workspace that they are about.
struct Kept<'w> {
    workspace: Cow<'w, Workspace>,
    positions: positions::Positions,
    pass: Pass,
}

impl Pipeline<'_> {
    /// Runs all transforms until nothing is left to fix.
    ///
    /// # Errors
    /// When the passes do not come to rest.
    pub fn run(&self, workspace: &Workspace) -> Result<Report, Error> {
        self.run_beside(workspace, &[])
    }

    /// As [`Pipeline::run`]; findings that are known are neither reported nor fixed.
    ///
    /// # Errors
    /// When the passes do not come to rest.
    pub fn run_beside(&self, workspace: &Workspace, known: &[Known]) -> Result<Report, Error> {
        let mut recognised = Vec::new();
        let mut now = Cow::Borrowed(workspace);
        let mut merge = merge::Merge::default();
        let mut positions = positions::Positions::default();
        let mut last_names = Vec::new();
        let mut kept: Option<Kept<'_>> = None;
        let (mut number, mut counted, mut waiting) = (0, 0, usize::MAX);
        while counted < MAX_PASSES {
            let (mut pass, remarks, seen) = self.check(&now, kept.is_some(), known);
            let queue = self.longest_queue(&pass.findings);
            if queue < waiting {
                waiting = queue;
            } else {
                counted += 1;
            }
            let next = self.fix(&now, &mut pass);
            if number == 0 {
                recognised = seen;
                merge.start(&now, &pass, &remarks);
            } else {
                merge.pass(workspace, (&now, &positions), &pass);
            }
            number += 1;
            let Some(next) = next else {
                self.try_the_rest(&now, &mut pass);
                let mut parts = vec![(&*now, &positions, &pass)];
                if let Some(kept) = &mut kept {
                    self.try_the_rest(&kept.workspace, &mut kept.pass);
                    parts.push((&kept.workspace, &kept.positions, &kept.pass));
                }
                let mut report = merge.finish(workspace, &parts, &self.transforms);
                for (number, (known, seen)) in known.iter().zip(recognised).enumerate() {
                    report.recognise(number, known, seen);
                }
                return Ok(report);
            };
            last_names = pass
                .applied
                .iter()
                .filter_map(|i| pass.findings.get(*i))
                .map(|f| f.transform)
                .collect();
            let before = std::mem::replace(&mut now, Cow::Owned(next));
            let then = positions.clone();
            let applied = pass.applied.iter().filter_map(|i| pass.findings.get(*i));
            positions.follow(&before, applied.filter_map(|f| f.fix.as_ref().ok()));
            if kept.is_none() && self.is_isolated(&pass) {
                pass.findings
                    .retain(|f| f.transform != INPUT && !self.is_isolated_transform(f.transform));
                kept = Some(Kept {
                    workspace: before,
                    positions: then,
                    pass: Pass {
                        applied: BTreeSet::new(),
                        refused: BTreeMap::new(),
                        ..pass
                    },
                });
            }
        }
        last_names.sort_unstable();
        last_names.dedup();
        Err(Error::NotConverging(last_names))
    }

    /// The most fixes that claim one resource, of which each pass applies one.
    fn longest_queue(&self, findings: &[Finding]) -> usize {
        self.queues(findings)
            .into_values()
            .max()
            .unwrap_or_default()
    }

    /// How many fixes that are to be applied claim each resource.
    fn queues(&self, findings: &[Finding]) -> BTreeMap<ResourceId, usize> {
        let mut queues = BTreeMap::new();
        let claims = findings
            .iter()
            .filter_map(|f| self.applicable(f))
            .flat_map(|fix| &fix.claims);
        claims.for_each(|claim| *queues.entry(*claim).or_default() += 1);
        queues
    }

    /// The fix of a finding, if it is to be applied.
    fn applicable<'f>(&self, finding: &'f Finding) -> Option<&'f Fix> {
        finding.fix.as_ref().ok().filter(|fix| {
            self.unsafe_fixes
                .apply(finding.transform, fix.applicability)
        })
    }

    /// Makes none of the fixes of a resource that would take more passes than anything known needs.
    fn leave_crowded(&self, workspace: &Workspace, findings: &mut [Finding]) {
        let mut queues = self.queues(findings);
        queues.retain(|_, length| *length > MAX_QUEUE);
        for finding in findings {
            let claims = self.applicable(finding).map_or(&[][..], |fix| &fix.claims);
            if let Some(claim) = claims.iter().find(|claim| queues.contains_key(claim)) {
                let who = workspace.resource(*claim).display();
                let text = format!(
                    "more than {MAX_QUEUE} fixes would change {who}, each on top of the others: \
                     it is left alone"
                );
                finding.fix = Err(NoFix::new(Code::TooManyFixes, text));
            }
        }
    }

    fn is_isolated_transform(&self, name: &str) -> bool {
        self.transforms
            .iter()
            .any(|t| t.meta().name == name && t.is_isolated(self.settings))
    }

    /// Whether all that a pass applied is isolated, and nothing else of it is still to be tried.
    fn is_isolated(&self, pass: &Pass) -> bool {
        // Whether one is used shows when all transforms are asked.
        if pass.has_suppressions {
            return false;
        }
        let to_be_tried = |f: &Finding| self.applicable(f).is_some();
        // Some go further than what their transform does elsewhere: a rename, or documents that
        // move, whose order is the one in which they are applied.
        let goes_further = |fix: &Fix| {
            let moves = |change: &Change| matches!(change, Change::Edit(_, edit) if matches!(edit.op, Op::MoveDocument { .. }));
            fix.claims.len() > 1 || fix.changes.iter().any(moves)
        };
        let mut applied = pass.applied.iter().filter_map(|i| pass.findings.get(*i));
        if applied.any(|f| f.fix.as_ref().is_ok_and(goes_further)) {
            return false;
        }
        let mut others = pass
            .findings
            .iter()
            .enumerate()
            .filter(|(_, f)| !self.is_isolated_transform(f.transform));
        others.all(|(index, f)| !pass.applied.contains(&index) && !to_be_tried(f))
    }

    /// What applying a change restarts: workloads whose pod templates are others than `before`.
    pub fn restarts_of_change(before: &Workspace, after: &Workspace) -> Vec<report::Restart> {
        restarts::restarts(
            before,
            (after, &positions::Positions::default()),
            &merge::changes(before, after),
        )
    }

    /// All findings of a workspace, each with its own fix. Nothing is applied: a fix is one of the
    /// files as they are.
    pub fn findings(&self, workspace: &Workspace) -> Vec<report::Reported> {
        let (mut pass, remarks, _) = self.check(workspace, false, &[]);
        let offered = |index: &usize| pass.findings.get(*index).is_some_and(|f| f.fix.is_ok());
        let all: Vec<usize> = (0..pass.findings.len()).filter(offered).collect();
        for (index, reason) in apply::untenable(workspace, &pass.findings, &all) {
            if let Some(finding) = pass.findings.get_mut(index) {
                finding.fix = Err(reason);
            }
        }
        let all = pass.findings.iter().chain(&remarks);
        all.map(|finding| report::Reported::new(workspace, finding))
            .collect()
    }

    /// What a changed pod template of this resource restarts; `None` where it restarts nothing.
    pub fn restart_of(workspace: &Workspace, id: ResourceId) -> Option<report::Restart> {
        restarts::restart_of(workspace, id)
    }

    /// Which of these a suppression covers: transform, and place.
    pub fn suppressed(workspace: &Workspace, places: &[(&'static str, Location)]) -> Vec<bool> {
        let mut all = suppress::Suppressions::read(workspace);
        let reason = || NoFix::new(Code::NoChange, "");
        places
            .iter()
            .map(|(transform, place)| {
                let finding = Finding::build(transform, Severity::Info, place.clone(), "");
                all.hit(workspace, &finding.fix(Err(reason())))
            })
            .collect()
    }

    /// All findings of a workspace, as what they are known by. Nothing is fixed.
    pub fn entries(&self, workspace: &Workspace) -> Vec<identity::KnownFinding> {
        let found = self.found(workspace, false);
        found
            .findings
            .iter()
            .chain(&found.remarks)
            .map(|finding| identity::KnownFinding::of(workspace, finding))
            .collect()
    }

    /// All findings of one pass that are to be reported, sorted, of all transforms or of isolated
    /// ones; what there is to say about suppressions; and for each list of known findings the
    /// entries that are still there.
    fn check(
        &self,
        workspace: &Workspace,
        isolated: bool,
        known: &[Known],
    ) -> (Pass, Vec<Finding>, Vec<BTreeSet<usize>>) {
        let Found {
            mut findings,
            mut remarks,
            suppressed,
            has_suppressions,
            secrets,
        } = self.found(workspace, isolated);
        let mut seen = Vec::new();
        for known in known {
            let all = findings.iter().chain(&remarks);
            let entries: Vec<_> = all
                .map(|finding| identity::KnownFinding::of(workspace, finding))
                .collect();
            let of = known.recognise(&entries);
            let mut is_new = of.iter().map(Option::is_none);
            findings.retain(|_| is_new.next().unwrap_or(true));
            remarks.retain(|_| is_new.next().unwrap_or(true));
            seen.push(of.into_iter().flatten().collect());
        }
        for finding in &mut findings {
            if let Ok(fix) = &mut finding.fix {
                match apply::allowed(workspace, finding.transform, fix) {
                    Ok(()) => apply::demote(workspace, fix),
                    Err(reason) => finding.fix = Err(reason),
                }
            }
        }
        self.leave_crowded(workspace, &mut findings);
        // The order of transforms is kept: it decides which fix is taken first, and names come
        // before hashes.
        let pass = Pass {
            findings,
            applied: BTreeSet::new(),
            refused: BTreeMap::new(),
            suppressed,
            secrets,
            has_suppressions,
        };
        (pass, remarks, seen)
    }

    /// What the transforms find and suppressions leave, what is not YAML, what there is to say
    /// about suppressions, and how many findings are suppressed.
    fn found(&self, workspace: &Workspace, isolated: bool) -> Found {
        let running: Vec<&str> = self.transforms.iter().map(|t| t.meta().name).collect();
        let cx = Context {
            workspace,
            settings: self.settings,
            running: &running,
        };
        let editable = |f: &Finding| workspace.file(f.primary.file).editable;
        let mut findings: Vec<Finding> = {
            let asked = self
                .transforms
                .par_iter()
                .filter(|t| !isolated || t.is_isolated(self.settings));
            asked.flat_map_iter(|t| t.check(&cx)).collect()
        };
        // What nobody is told of is not shown either, where a change of something else has it.
        let secrets = findings.iter().flat_map(|f| f.hidden.clone()).collect();
        let mut suppressions = suppress::Suppressions::read(workspace);
        // A suppression in what was asked for may hold back a fix of what was not.
        for finding in findings.iter().filter(|f| !editable(f)) {
            suppressions.partly(workspace, finding);
        }
        findings.retain(editable);
        // What is wrong with the pods of a ReplicaSet is said of its Deployment, where it can be
        // mended.
        findings.retain(|f| {
            f.resource
                .is_none_or(|id| workspace.controlled_by(id).is_none())
        });
        let before = findings.len();
        findings.retain(|f| !suppressions.hit(workspace, f));
        let suppressed = before - findings.len();
        for finding in &mut findings {
            if suppressions.partly(workspace, finding) && finding.fix.is_ok() {
                let text = "another place that this fix would change is suppressed: suppress all \
                            of them, or none";
                finding.fix = Err(NoFix::new(Code::PartlySuppressed, text));
            }
        }
        for finding in &mut findings {
            if self
                .transforms
                .iter()
                .any(|t| t.meta().name == finding.transform && !t.keeps_up(&cx, finding))
            {
                apply::leave_aside(workspace, finding);
            }
        }
        let remarks = suppressions.remarks(&running);
        if !isolated {
            findings.extend(suppressions.unused(workspace, &running));
        }
        for finding in &mut findings {
            if finding.transform == UNUSED_SUPPRESSION {
                apply::leave_aside(workspace, finding);
            }
        }
        findings.extend(input::findings(workspace));
        Found {
            findings,
            remarks,
            suppressed,
            has_suppressions: suppressions.are_some(),
            secrets,
        }
    }

    /// Tries the fixes that nobody asked for: what is offered must be applicable.
    fn try_the_rest(&self, workspace: &Workspace, pass: &mut Pass) {
        let offered = |f: &Finding| {
            f.fix
                .as_ref()
                .is_ok_and(|fix| !self.unsafe_fixes.apply(f.transform, fix.applicability))
        };
        let untried = pass
            .findings
            .iter()
            .enumerate()
            .filter(|(index, f)| !pass.refused.contains_key(index) && offered(f));
        let untried: Vec<usize> = untried.map(|(index, _)| index).collect();
        let refused = apply::untenable(workspace, &pass.findings, &untried);
        pass.refused.extend(refused);
    }

    /// Applies what can be applied in this pass; the workspace afterwards, or `None` when nothing
    /// was.
    fn fix(&self, workspace: &Workspace, pass: &mut Pass) -> Option<Workspace> {
        // A refusal can free the way for a fix that waited for it: select again without the refused
        // ones until something is applied.
        loop {
            let applicable = |index: usize, finding: &Finding, fix: &Fix| {
                !pass.refused.contains_key(&index)
                    && self
                        .unsafe_fixes
                        .apply(finding.transform, fix.applicability)
            };
            // A suppression may hold back what only another fix brings to light: it goes when
            // there is no other left.
            let is_last = |finding: &Finding| finding.transform == UNUSED_SUPPRESSION;
            let before = |index: usize, finding: &Finding, fix: &Fix| {
                !is_last(finding) && applicable(index, finding, fix)
            };
            let mut taken = apply::select(workspace, &pass.findings, before);
            if taken.is_empty() {
                taken = apply::select(workspace, &pass.findings, applicable);
            }
            if taken.is_empty() {
                return None;
            }
            let result = apply::apply(workspace, &pass.findings, &taken);
            pass.refused.extend(result.refused);
            if !result.applied.is_empty() {
                pass.applied = result.applied;
                let same_files = result.created.is_empty() && result.deleted.is_empty();
                return Some(if same_files && self.is_isolated(pass) {
                    workspace.with_isolated_changes(&result.texts)
                } else {
                    workspace.with_changes(&result.texts, &result.created, &result.deleted)
                });
            }
        }
    }
}
