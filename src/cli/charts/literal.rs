//! Edits of templates and of `values.yaml` where what is concerned is written there as it is.
//!
//! A fix is one of what the chart renders. Where its lines are literal text in the template, the
//! same edit is made there; where an action writes a value that `values.yaml` has, it is made
//! there. Then the chart is rendered with each set of values, and has to give what the fix gives.

use std::collections::{BTreeMap, BTreeSet};

use kubewright_model::finding::{Applicability, Severity};
use kubewright_model::kube::charts::Chart;
use kubewright_model::kube::charts::actions::only_actions;
use kubewright_model::kube::{Options, Workspace};
use kubewright_model::text;
use kubewright_model::text::Text;

use super::back::Texts;
use super::proof_of_edit::{Expected, same};
use super::prove::Bench;
use super::rendering::{Renders, render};
use super::seen::{self, Release, Seen, Templates};
use crate::pipeline::report::{Outcome, Reported, ReportedEdit, Restart};
use crate::pipeline::{Error, Pipeline, UnsafeFixes};

/// So many edits of a chart are made in one run at most.
const ROUNDS: usize = 12;
/// Name of the transform that offers the key or the name that a reference may mean.
const REFERENCE: &str = "missing-config-reference";
/// A release of another name: what is written for one release must hold for each.
const OTHER_RELEASE: &str = "another-release";

/// A finding in what is rendered, and the edit that would mend it.
struct Found {
    set: usize,
    finding: Reported,
    /// Which note shows the change of what is rendered.
    change: Option<usize>,
    /// In coordinates of the release.
    edits: Vec<ReportedEdit>,
    /// The files with the edit, or why there is none.
    texts: Result<Texts, Text>,
}

/// What editing a chart works on.
pub(super) struct Editing<'a> {
    pub(super) chart: &'a Chart,
    pub(super) bench: Bench<'a>,
    pub(super) options: &'a Options,
    /// The transforms whose fixes are tried.
    pub(super) pipeline: &'a Pipeline<'a>,
    pub(super) unsafe_fixes: &'a UnsafeFixes,
    pub(super) templates: &'a mut Templates,
    pub(super) renders: Renders,
}

/// An edit that is proven, by what it is tried for.
type Tried = BTreeMap<(&'static str, Texts), Result<Renders, Text>>;

impl Editing<'_> {
    /// What is found, each with the edit that mends it, where one is proven; and what the edits
    /// that are made restart.
    ///
    /// # Errors
    /// When a transform does not come to rest.
    pub(super) fn run(&mut self) -> Result<(Vec<Seen>, Vec<Restart>), Error> {
        let (mut done, mut restarts) = (Vec::new(), Vec::new());
        let mut tried = Tried::new();
        for round in 0.. {
            let mut found = self.found()?;
            let made = if round < ROUNDS {
                self.first_made(&mut found, &mut tried, &mut restarts)?
            } else {
                Vec::new()
            };
            if made.is_empty() {
                let left = found.into_iter().map(|one| (one.set, one.finding));
                done.extend(left);
                break;
            }
            done.extend(made);
        }
        Ok((seen::merged(self.chart, done), restarts))
    }

    fn found(&self) -> Result<Vec<Found>, Error> {
        let mut all = Vec::new();
        for (set, rendered) in &self.renders {
            all.extend(self.found_in(*set, rendered)?);
        }
        Ok(all)
    }

    fn found_in(&self, set: usize, rendered: &str) -> Result<Vec<Found>, Error> {
        let workspace = seen::workspace(rendered, self.options);
        let mut report = seen::run(self.pipeline, &workspace)?;
        let notes: Vec<usize> = report.findings.iter().map(|f| f.notes.len()).collect();
        let edits: Vec<Vec<ReportedEdit>> = (report.findings.iter())
            .map(|finding| {
                finding
                    .fix
                    .as_ref()
                    .map_or_else(|_| Vec::new(), |f| f.edits.clone())
            })
            .collect();
        let mut release = Release::new(self.chart, self.templates, rendered);
        release.say_changes(&mut report);
        let changes: Vec<Option<usize>> = (report.findings.iter().zip(notes))
            .map(|(finding, before)| (finding.notes.len() > before).then_some(before))
            .collect();
        let findings = release.findings(report);
        let all = findings.into_iter().zip(edits).zip(changes);
        let found = all.map(|((mut finding, edits), change)| {
            let texts = release.texts(&edits);
            finding.outcome = Outcome::Left;
            Found {
                set,
                finding,
                change,
                edits,
                texts,
            }
        });
        Ok(found.collect())
    }

    /// Tries the edits and makes the first that is proven and wanted: its findings. The findings
    /// of the others say what came of theirs.
    fn first_made(
        &mut self,
        found: &mut [Found],
        tried: &mut Tried,
        restarts: &mut Vec<Restart>,
    ) -> Result<Vec<(usize, Reported)>, Error> {
        let mut groups: BTreeMap<(&'static str, Texts), Vec<usize>> = BTreeMap::new();
        for (at, one) in found.iter_mut().enumerate() {
            if one.finding.fix.is_err() || one.edits.is_empty() {
                continue;
            }
            match &one.texts {
                Ok(texts) if !texts.is_empty() => {
                    let key = (one.finding.transform, texts.clone());
                    groups.entry(key).or_default().push(at);
                }
                Ok(_) => seen::only_shown(&mut one.finding),
                Err(said) => {
                    let said = said.clone();
                    shown(&mut one.finding, &said);
                }
            }
        }
        for (key, members) in groups {
            let proof = match tried.get(&key) {
                Some(known) => known.clone(),
                None => self.proven(found, &members, &key.1)?,
            };
            tried.insert(key.clone(), proof.clone());
            let renders = match proof {
                Ok(renders) => renders,
                Err(said) => {
                    for at in members {
                        shown(&mut found[at].finding, &said);
                    }
                    continue;
                }
            };
            let applicability = self.mend(found, &members, &key.1);
            if self.unsafe_fixes.apply(key.0, applicability) {
                restarts.extend(self.restarts(found[members[0]].set, &renders, &key.1));
                for (path, text) in &key.1 {
                    let own = &path[self.chart.below("").len()..];
                    let _ = self.bench.copy.write(own, text);
                    let text = text.as_str().into();
                    self.templates.now.insert(path.clone(), text);
                }
                self.renders = renders;
                tried.clear();
                let made = members.into_iter().map(|at| {
                    let mut finding = found[at].finding.clone();
                    finding.outcome = Outcome::Applied;
                    (found[at].set, finding)
                });
                return Ok(made.collect());
            }
        }
        Ok(Vec::new())
    }

    /// Gives findings the edit that is proven for them.
    fn mend(&self, found: &mut [Found], members: &[usize], texts: &Texts) -> Applicability {
        let edits: Vec<ReportedEdit> = (texts.iter())
            .map(|(path, text)| self.templates.splice(path, text))
            .collect();
        let proof = match self.renders.len() {
            1 => "its one set of values".to_owned(),
            n => format!("all {n} sets of values"),
        };
        let open = texts.keys().any(|path| {
            let text = self.templates.text(path);
            text.is_some_and(|text| text.lines().any(may_add))
        });
        let most = if open {
            Applicability::Unsafe
        } else {
            Applicability::Safe
        };
        let sets: BTreeSet<usize> = members.iter().map(|at| found[*at].set).collect();
        let everywhere = sets.len() == self.renders.len();
        let mut least = Applicability::Safe;
        for at in members {
            let change = found[*at].change.take();
            let finding = &mut found[*at].finding;
            if let Some(change) = change {
                finding.notes.remove(change);
            }
            if let Ok(fix) = &mut finding.fix {
                // As it stands its pods start with no set of values: there is nothing to lose.
                if everywhere
                    && finding.transform == REFERENCE
                    && finding.severity == Severity::Error
                    && fix.applicability == Applicability::DisplayOnly
                {
                    fix.applicability = Applicability::Unsafe;
                }
                fix.applicability = fix.applicability.min(most);
                least = least.min(fix.applicability);
                fix.edits.clone_from(&edits);
                fix.lost_comments.clear();
                fix.title = text![
                    fix.title.clone(),
                    "; proven by rendering chart ",
                    self.chart.name.as_str(),
                    " with ",
                    proof.as_str()
                ];
            }
        }
        least
    }

    /// What the chart renders with an edit, once that is what the fixes give. The copy is as it
    /// was.
    fn proven(
        &self,
        found: &[Found],
        members: &[usize],
        texts: &Texts,
    ) -> Result<Result<Renders, Text>, Error> {
        let mut expected = Vec::new();
        for (set, rendered) in &self.renders {
            let own = members.iter().filter(|at| found[**at].set == *set);
            let edits = own.flat_map(|at| &found[*at].edits);
            expected.push(Expected::new(*set, None, rendered, edits));
        }
        if let Some(other) = self.other_release(found, members)? {
            expected.push(other);
        }
        let errors = self.bench.helm.lint(self.bench.copy.path());
        let prefix = self.chart.below("").len();
        for (path, text) in texts {
            let _ = self.bench.copy.write(&path[prefix..], text);
        }
        let proof = self.rendered(&expected);
        let worse = proof.is_ok() && self.bench.helm.lint(self.bench.copy.path()) > errors;
        for path in texts.keys() {
            let text = self.templates.text(path).map_or("", |text| &**text);
            let _ = self.bench.copy.write(&path[prefix..], text);
        }
        if worse {
            return Ok(Err("`helm lint` finds an error more".into()));
        }
        Ok(proof)
    }

    /// The release of another name, and what the same fixes give there.
    fn other_release(&self, found: &[Found], members: &[usize]) -> Result<Option<Expected>, Error> {
        let Some(first) = members.first().and_then(|at| found.get(*at)) else {
            return Ok(None);
        };
        let Some(values) = self.chart.sets.get(first.set) else {
            return Ok(None);
        };
        let mut values = values.clone();
        OTHER_RELEASE.clone_into(&mut values.release);
        let made = self
            .bench
            .helm
            .template(self.bench.copy.path(), &values, self.bench.root);
        let Ok(made) = made else {
            return Ok(None);
        };
        let places: BTreeSet<_> = (members.iter())
            .map(|at| {
                (
                    found[*at].finding.transform,
                    found[*at].finding.place.clone(),
                )
            })
            .collect();
        let there = self.found_in(first.set, &made)?;
        let same = there.iter().filter(|one| {
            let key = (one.finding.transform, one.finding.place.clone());
            places.contains(&key)
        });
        let edits = same.flat_map(|one| &one.edits);
        Ok(Some(Expected::new(first.set, Some(values), &made, edits)))
    }

    /// Renders the edited copy: what it gives must be what is expected, twice.
    fn rendered(&self, expected: &[Expected]) -> Result<Renders, Text> {
        let mut renders = Renders::new();
        for one in expected {
            let name = self.chart.sets.get(one.set).map_or("", |s| s.name.as_str());
            let copy = self.bench.copy.path();
            let again = || match &one.values {
                Some(values) => self.bench.helm.template(copy, values, self.bench.root),
                None => render(self.bench.helm, copy, self.chart, one.set, self.bench.root),
            };
            let made = again().map_err(|said| {
                Text::from(format!(
                    "with the edit helm does not render it with {name}: {said}"
                ))
            })?;
            let again = again().unwrap_or_default();
            if let Some(other) = same(&one.text, &made, &again) {
                let what = match &one.values {
                    Some(_) => "a release of another name".to_owned(),
                    None => name.to_owned(),
                };
                return Err(text![
                    "the edit gives something else with ",
                    what,
                    ": ",
                    other
                ]);
            }
            if one.values.is_none() {
                renders.insert(one.set, made);
            }
        }
        Ok(renders)
    }

    /// What the workloads restart whose pods are others in a set.
    fn restarts(&self, set: usize, after: &Renders, texts: &Texts) -> Vec<Restart> {
        let (Some(before), Some(after)) = (self.renders.get(&set), after.get(&set)) else {
            return Vec::new();
        };
        let old: Workspace = seen::workspace(before, self.options);
        let new: Workspace = seen::workspace(after, self.options);
        let path = texts.keys().next().cloned().unwrap_or_default();
        Pipeline::restarts_of_change(&old, &new)
            .into_iter()
            .map(|restart| Restart {
                path: path.clone(),
                ..restart
            })
            .collect()
    }
}

/// Makes a finding one that only shows its fix, and says why the template is not edited.
fn shown(finding: &mut Reported, said: &Text) {
    seen::only_shown(finding);
    if !finding
        .fix
        .as_ref()
        .is_ok_and(|fix| fix.title.to_string().is_empty())
    {
        finding
            .notes
            .push(text!["the template is not edited: ", said.clone()]);
    }
}

/// A line that may add to what the pods have, by values that are not at hand.
fn may_add(line: &str) -> bool {
    let writes = ["toYaml", "tpl ", "template ", "include "];
    only_actions(line) && writes.iter().any(|word| line.contains(word)) && !line.contains("abels")
}
