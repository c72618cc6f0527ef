//! The findings of a workspace that is typed in: what was tried before is not tried again.
//!
//! A fix is offered when it can be applied to the files as they are. That is tried, and the trial of
//! a fix depends on what it changes and on the texts that it edits alone: where both are what they
//! were, so is its outcome.

use std::collections::BTreeMap;
use std::sync::Arc;

use kubewright_model::finding::{Change, Finding, NoFix};
use kubewright_model::kube::{FileId, Workspace};

use super::report::Reported;
use super::{Pipeline, apply};

/// What the fix of a finding changes.
fn changes(finding: &Finding) -> &[Change] {
    finding.fix.as_ref().map_or(&[], |fix| &fix.changes)
}

/// The findings of a workspace, each with its own fix. Nothing is applied: a fix is one of the
/// files as they are.
#[derive(Debug)]
pub struct Judged {
    workspace: Arc<Workspace>,
    /// As they were found, with what became of the trial of each fix.
    found: Vec<(Finding, Option<NoFix>)>,
    /// Positions in `found`, by what finds them.
    known: BTreeMap<(&'static str, FileId), Vec<usize>>,
    /// For the reader.
    pub reported: Vec<Reported>,
}

impl Judged {
    /// What the trial of a fix came to, if it was one of the same texts.
    fn trial(&self, workspace: &Workspace, finding: &Finding) -> Option<&Option<NoFix>> {
        let known = self.known.get(&(finding.transform, finding.primary.file))?;
        let same = |at: &&usize| {
            self.found
                .get(**at)
                .is_some_and(|(of, _)| changes(of) == changes(finding))
        };
        let (_, trial) = self.found.get(*known.iter().find(same)?)?;
        let unchanged = |change: &Change| match change {
            Change::Edit(file, _) | Change::Delete(file) => {
                let (before, now) = (self.workspace.file(*file), workspace.file(*file));
                Arc::ptr_eq(&before.text, &now.text) || before.text == now.text
            }
            Change::Create(..) => true,
        };
        changes(finding).iter().all(unchanged).then_some(trial)
    }
}

impl Pipeline<'_> {
    /// All findings of a workspace. `before` are those of an earlier state, whose files have the
    /// same numbers.
    pub fn judge(&self, workspace: &Arc<Workspace>, before: Option<&Judged>) -> Judged {
        let (pass, remarks, _) = self.check(workspace, false, &[]);
        let mut trials: Vec<Option<NoFix>> = vec![None; pass.findings.len()];
        let mut untried = Vec::new();
        for (at, finding) in pass.findings.iter().enumerate() {
            if finding.fix.is_err() {
                continue;
            }
            match before.and_then(|before| before.trial(workspace, finding)) {
                Some(known) => {
                    if let Some(trial) = trials.get_mut(at) {
                        trial.clone_from(known);
                    }
                }
                None => untried.push(at),
            }
        }
        for (at, reason) in apply::untenable(workspace, &pass.findings, &untried) {
            if let Some(trial) = trials.get_mut(at) {
                *trial = Some(reason);
            }
        }
        let found: Vec<(Finding, Option<NoFix>)> = pass.findings.into_iter().zip(trials).collect();
        let mut known: BTreeMap<(&'static str, FileId), Vec<usize>> = BTreeMap::new();
        for (at, (finding, _)) in found.iter().enumerate() {
            let of = (finding.transform, finding.primary.file);
            known.entry(of).or_default().push(at);
        }
        let mut reported: Vec<Reported> = Vec::with_capacity(found.len() + remarks.len());
        for (finding, trial) in &found {
            let mut one = Reported::new(workspace, finding);
            if let Some(reason) = trial {
                one.fix = Err(reason.clone());
            }
            reported.push(one);
        }
        reported.extend(remarks.iter().map(|f| Reported::new(workspace, f)));
        Judged {
            workspace: Arc::clone(workspace),
            found,
            known,
            reported,
        }
    }
}
