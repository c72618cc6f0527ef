//! `fix --helm`: charts are rendered by the user's Helm, and what is found in their releases is
//! said of the templates.
//!
//! Each chart is copied, and the copy rendered with each of its sets of values. Hashes come first:
//! where a workload lacks one, its template is edited in the copy and the edit proven by rendering
//! again. What the other transforms find is found in what is rendered then.

mod attempt;
mod back;
mod collide;
mod copy;
mod hash;
mod helm;
mod literal;
pub(super) mod made;
mod one_file;
mod outside;
mod proof_of_edit;
mod prove;
mod reach;
mod rendering;
mod repair;
mod repoint;
mod seen;
mod stale;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Result;
use kubewright_model::finding::{Applicability, NoFix, Severity};
use kubewright_model::kube::charts::{Chart, ChartCode};
use kubewright_model::kube::{Options, SkipCode, Workspace};
use kubewright_model::text;
use kubewright_model::text::Text;
use rayon::prelude::*;

use super::ground::Ground;
use crate::pipeline::report::{FileChange, Outcome, Report, Reported, Restart};
use crate::pipeline::{INPUT, Pipeline, UnsafeFixes};
use copy::Copy;
use hash::{HASH, Mending, Workloads};
use helm::Helm;
use literal::Editing;
use rendering::{Renders, render};
use seen::{Release, Seen, Templates};
use stale::Judge;

/// What a chart adds to the report.
#[derive(Default)]
struct Found {
    findings: Vec<Reported>,
    files: Vec<FileChange>,
    restarts: Vec<Restart>,
    /// Templates that were looked at.
    looked_at: BTreeSet<String>,
    sources: BTreeMap<String, Arc<str>>,
}

/// The charts of which something is asked for.
pub(super) fn asked(workspace: &Workspace) -> Vec<Chart> {
    let mut charts = workspace.charts();
    charts.retain(|chart| {
        let templates = chart.below("templates/");
        let inside = |path: &str| path.starts_with(&templates);
        let mut files = workspace.files().iter();
        files.any(|file| file.editable && inside(&file.path))
    });
    charts
}

/// Renders charts and adds what is found to the report.
///
/// # Errors
/// When there is no Helm.
pub(super) fn look(
    ground: &Ground,
    workspace: &Workspace,
    pipeline: &Pipeline<'_>,
    helm: Option<&Path>,
    report: &mut Report,
) -> Result<()> {
    let charts = asked(workspace);
    if charts.is_empty() {
        return Ok(());
    }
    let helm = Helm::find(helm)?;
    let look = Look {
        root: &ground.root,
        options: &ground.config.options,
        workspace,
        pipeline,
        helm: &helm,
        bumps: ground.config.bump_charts,
    };
    let found: Vec<Found> = charts
        .par_iter()
        .map(|chart| look.at(chart))
        .collect::<Result<_, crate::pipeline::Error>>()?;
    for found in found {
        report.findings.extend(found.findings);
        report.files.extend(found.files);
        report.restarts.extend(found.restarts);
        report.sources.extend(found.sources);
        report.skipped.retain(|skipped| {
            let template =
                skipped.code == kubewright_model::finding::ReasonCode::code(SkipCode::HelmTemplate);
            !template || !found.looked_at.contains(&skipped.path)
        });
    }
    report.files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(())
}

/// What looking at charts needs.
struct Look<'a> {
    root: &'a PathBuf,
    options: &'a Options,
    workspace: &'a Workspace,
    pipeline: &'a Pipeline<'a>,
    helm: &'a Helm,
    /// A chart that is changed gets the next version.
    bumps: bool,
}

impl Look<'_> {
    fn at(&self, chart: &Chart) -> Result<Found, crate::pipeline::Error> {
        let mut found = Found::default();
        let copy = match Copy::of(&self.root.join(&chart.directory)) {
            Ok(copy) => copy,
            Err(error) => {
                let said = format!("it cannot be copied: {error}");
                found.findings.push(Self::unrendered(chart, None, &said));
                self.sources(&mut found);
                return Ok(found);
            }
        };
        let mut renders = self.renders(chart, &copy, &mut found);
        let mut templates = self.templates(chart);
        let is_hash = |name: &str| name == HASH;
        let bench = prove::Bench {
            helm: self.helm,
            copy: &copy,
            root: self.root,
        };
        if renders.is_empty() && self.only(is_hash).is_some() {
            let applies = self.pipeline.unsafe_fixes.apply(HASH, Applicability::Safe);
            let said = found.findings.iter().map(|f| f.message.to_string());
            let said = said.collect::<String>();
            let asked = (said.as_str(), applies);
            if let Some((finding, now)) = repair::repaired(&bench, chart, &mut templates, asked) {
                found.findings = vec![finding];
                renders = now;
            }
        }
        let mut all = Vec::new();
        let helpers = helpers(&copy, chart, &templates);
        let rendered: BTreeSet<usize> = renders.keys().copied().collect();
        if !rendered.is_empty() {
            found.looked_at = templates.before.keys().cloned().collect();
        }
        let hash = self.only(|name| is_hash(name));
        let hashing = |templates: &mut Templates, renders: Renders| match &hash {
            Some(hash) => self.hashed((chart, bench, &helpers), templates, renders, hash),
            None => Ok((Vec::new(), Vec::new(), renders)),
        };
        let (seen, restarts, now) = hashing(&mut templates, renders)?;
        (renders, found.restarts) = (now, restarts);
        all.extend(seen);
        if let Some(others) = self.only(|name| !is_hash(name)) {
            let mut editing = Editing {
                chart,
                bench,
                options: self.options,
                pipeline: &others,
                unsafe_fixes: &self.pipeline.unsafe_fixes,
                templates: &mut templates,
                renders,
            };
            let (seen, restarts) = editing.run()?;
            renders = editing.renders;
            let applied = |seen: &Seen| seen.finding.outcome == Outcome::Applied;
            if seen.iter().any(applied) {
                // What was in the way of a hash may be gone.
                all.retain(applied);
                let (again, restarts, _) = hashing(&mut templates, renders)?;
                all.extend(again);
                found.restarts.extend(restarts);
            }
            all.extend(seen);
            found.restarts.extend(restarts);
        }
        for mut seen in all {
            if seen::weighty(&seen.finding) {
                seen::with_sets(&mut seen, chart, &rendered);
            }
            found.findings.push(seen.finding);
        }
        found.findings.retain(|finding| {
            let file = self.workspace.file_at(&finding.place.path);
            file.is_none_or(|file| file.editable)
        });
        found.files = (templates.now.iter())
            .map(|(path, after)| FileChange {
                before: templates.original(path).cloned(),
                after: Some(after.clone()),
                path: path.clone(),
            })
            .collect();
        if self.bumps && !found.files.is_empty() {
            self.bump(chart, &bench, &mut found, &rendered);
        }
        let mut known = BTreeSet::new();
        let new = |restart: &Restart| {
            let of = &restart.resource;
            known.insert((restart.path.clone(), of.kind.clone(), of.name.clone()))
        };
        found.restarts.retain(new);
        self.sources(&mut found);
        Ok(found)
    }

    /// Gives a chart that is changed its next version, or says why it keeps the one that it has.
    fn bump(
        &self,
        chart: &Chart,
        bench: &prove::Bench<'_>,
        found: &mut Found,
        rendered: &BTreeSet<usize>,
    ) {
        match self.raised(chart, bench, (found, rendered)) {
            Ok(file) => found.files.extend(file),
            Err(said) => {
                let mut findings = found.findings.iter_mut();
                if let Some(applied) = findings.find(|f| f.outcome == Outcome::Applied) {
                    applied.notes.push(said);
                }
            }
        }
    }

    /// The `Chart.yaml` of a chart that is changed, with the next version, if it has one.
    ///
    /// # Errors
    /// With which of the sets of values that it rendered with it does not render any more.
    fn raised(
        &self,
        chart: &Chart,
        bench: &prove::Bench<'_>,
        (found, rendered): (&Found, &BTreeSet<usize>),
    ) -> Result<Option<FileChange>, Text> {
        let path = chart.below("Chart.yaml");
        let file = self.workspace.file_at(&path).filter(|file| file.editable);
        let applied = found
            .findings
            .iter()
            .filter(|f| f.outcome == Outcome::Applied);
        let mut changes: Vec<String> = applied
            .filter_map(|finding| Some(finding.fix.as_ref().ok()?.title.to_string()))
            .filter_map(|title| Some(title.split("; proven").next()?.to_owned()))
            .collect();
        changes.dedup();
        let raised = |file| kubewright_model::kube::charts::version::raised(file, &changes);
        let Some((file, text)) = file.and_then(|file| Some((file, raised(&file.text)?))) else {
            return Ok(None);
        };
        let unwritten =
            |error: std::io::Error| text!["the chart keeps its version: ", error.to_string()];
        bench.copy.write("Chart.yaml", &text).map_err(unwritten)?;
        for set in rendered {
            if let Err(said) = render(self.helm, bench.copy.path(), chart, *set, self.root) {
                let name = chart.sets.get(*set).map_or("", |set| set.name.as_str());
                let said = format!("with another one helm does not render it with {name}: {said}");
                return Err(text!["the chart keeps its version: ", said]);
            }
        }
        Ok(Some(FileChange {
            before: Some(file.text.clone()),
            after: Some(text.into()),
            path,
        }))
    }

    /// Writes hashes where they lack: what was found, what that restarts, and what the chart renders
    /// then.
    fn hashed(
        &self,
        (chart, bench, helpers): (&Chart, prove::Bench<'_>, &BTreeMap<String, String>),
        templates: &mut Templates,
        renders: Renders,
        hash: &Pipeline<'_>,
    ) -> Result<(Vec<Seen>, Vec<Restart>, Renders), crate::pipeline::Error> {
        let judge = Judge {
            chart,
            bench,
            templates,
            helpers,
        };
        let (mut seen, restarts) = self.hashes(&judge, &renders, hash)?;
        let mut mending = Mending {
            chart,
            bench,
            templates,
            helpers,
            renders,
            unsafe_fixes: &self.pipeline.unsafe_fixes,
            lint: None,
        };
        let restarts = mending.mend(&mut seen, &restarts);
        let seen = seen.into_iter().map(|(seen, _)| seen).collect();
        Ok((seen, restarts, mending.renders))
    }

    /// Renders with all sets; what fails is said.
    fn renders(&self, chart: &Chart, copy: &Copy, found: &mut Found) -> Renders {
        let sets: Vec<usize> = (0..chart.sets.len()).collect();
        let made: Vec<_> = sets
            .into_par_iter()
            .map(|set| (set, render(self.helm, copy.path(), chart, set, self.root)))
            .collect();
        let mut renders = Renders::new();
        let mut failed: Vec<(usize, String)> = Vec::new();
        for (set, made) in made {
            match made {
                Ok(rendered) => {
                    renders.insert(set, rendered);
                }
                Err(said) => failed.push((set, said)),
            }
        }
        let same = |(_, said): &(usize, String)| failed.first().is_some_and(|f| f.1 == *said);
        if renders.is_empty() && failed.iter().all(same) {
            failed.truncate(1);
            for (_, said) in &failed {
                found.findings.push(Self::unrendered(chart, None, said));
            }
        } else {
            for (set, said) in &failed {
                found
                    .findings
                    .push(Self::unrendered(chart, Some(*set), said));
            }
        }
        renders
    }

    /// A remark that a chart does not render, with Helm's own words.
    fn unrendered(chart: &Chart, set: Option<usize>, said: &str) -> Reported {
        let with = set.and_then(|set| chart.sets.get(set));
        let with = with.map_or_else(String::new, |set| format!(" with {}", set.name));
        let reason = NoFix::new(
            ChartCode::NotRendered,
            "what it makes was neither checked nor edited",
        );
        let mut finding = Reported::unread(
            chart.below("Chart.yaml"),
            (1, 1),
            0,
            format!("helm does not render chart {}{with}: {said}", chart.name),
            reason,
        );
        finding.transform = INPUT;
        finding.severity = Severity::Info;
        finding.outcome = Outcome::Left;
        finding
    }

    /// The templates of a chart and its subcharts that are files of the workspace.
    fn templates(&self, chart: &Chart) -> Templates {
        let below = chart.below("");
        let inside = |path: &str| {
            path.strip_prefix(below.as_str()).is_some_and(|rest| {
                rest.starts_with("templates/")
                    || (rest.starts_with("charts/") && rest.contains("/templates/"))
            })
        };
        let files = self.workspace.files().iter().filter(|f| inside(&f.path));
        Templates {
            before: files
                .map(|file| (file.path.clone(), file.text.clone()))
                .collect(),
            now: BTreeMap::new(),
            values: (self.workspace.file_at(&chart.below("values.yaml")))
                .map(|file| (file.path.clone(), file.text.clone())),
        }
    }

    /// The pipeline with some of its transforms, if it has any of them. It changes nothing that
    /// lasts.
    fn only(&self, wanted: impl Fn(&str) -> bool) -> Option<Pipeline<'_>> {
        let transforms: Vec<_> = (self.pipeline.transforms.iter().copied())
            .filter(|transform| wanted(transform.meta().name))
            .collect();
        (!transforms.is_empty()).then_some(Pipeline {
            transforms,
            settings: self.pipeline.settings,
            unsafe_fixes: UnsafeFixes::None,
        })
    }

    /// The findings about hashes, with the workloads of each, and what their fixes would restart.
    #[expect(clippy::type_complexity, reason = "said once, for one caller")]
    fn hashes(
        &self,
        judge: &Judge<'_>,
        renders: &Renders,
        pipeline: &Pipeline<'_>,
    ) -> Result<(Vec<(Seen, Workloads)>, Vec<(usize, Restart)>), crate::pipeline::Error> {
        let (chart, templates) = (judge.chart, judge.templates);
        let (mut each, mut restarts) = (Vec::new(), Vec::new());
        for (set, rendered) in renders {
            let workspace = seen::workspace(rendered, self.options);
            let report = seen::run(pipeline, &workspace)?;
            restarts.extend(report.restarts.iter().map(|r| (*set, r.clone())));
            let mut release = Release::new(chart, templates, rendered);
            for mut finding in release.findings(report) {
                if judge.judge((*set, rendered), &mut finding, &mut release) {
                    let restart = restart_of(&workspace, &finding);
                    restarts.extend(restart.map(|restart| (*set, restart)));
                }
                finding.outcome = Outcome::Left;
                each.push((*set, finding));
            }
        }
        let workloads = each.clone();
        let merged = seen::merged(chart, each);
        let with = merged.into_iter().map(|seen| {
            let same = |(set, finding): &&(usize, Reported)| {
                seen.sets.contains(set)
                    && finding.transform == seen.finding.transform
                    && finding.place == seen.finding.place
                    && finding.fix.is_ok() == seen.finding.fix.is_ok()
            };
            let of = workloads.iter().filter(same).filter_map(|(set, finding)| {
                let resource = finding.resource.as_ref()?;
                let places = finding.related.iter().map(|(place, _)| place.clone());
                Some((
                    *set,
                    resource.kind.clone(),
                    resource.name.clone(),
                    places.collect(),
                ))
            });
            let of: Workloads = of.collect();
            (seen, of)
        });
        Ok((with.collect(), restarts))
    }

    fn sources(&self, found: &mut Found) {
        for finding in &found.findings {
            if let Some(file) = self.workspace.file_at(&finding.place.path) {
                found.sources.insert(file.path.clone(), file.text.clone());
            }
        }
    }
}

/// What another annotation of the workload of a finding restarts.
fn restart_of(workspace: &Workspace, finding: &Reported) -> Option<Restart> {
    let named = finding.resource.as_ref()?;
    let mut all = workspace.resources().iter();
    let own = all.find(|r| r.kind == named.kind && r.name == named.name)?;
    Pipeline::restart_of(workspace, own.id)
}

/// Helpers of a chart and its subcharts, which are no manifests: by path relative to the chart.
fn helpers(copy: &Copy, chart: &Chart, templates: &Templates) -> BTreeMap<String, String> {
    let prefix = chart.below("").len();
    let folders: BTreeSet<PathBuf> = (templates.before.keys())
        .filter_map(|path| Path::new(&path[prefix..]).parent().map(Path::to_owned))
        .collect();
    let mut helpers = BTreeMap::new();
    for folder in folders {
        let entries = std::fs::read_dir(copy.path().join(&folder));
        for entry in entries.into_iter().flatten().flatten() {
            let path = folder.join(entry.file_name());
            if path.extension().is_some_and(|e| e == "tpl")
                && let Ok(bytes) = super::files::bytes(&entry.path())
                && let Ok(text) = String::from_utf8(bytes)
                && let Some(path) = path.to_str()
            {
                helpers.insert(path.to_owned(), text);
            }
        }
    }
    helpers
}

/// What can be seen with `--helm` and was not, for the summary.
pub(super) fn unseen(workspace: &Workspace) -> Option<Text> {
    let charts = asked(workspace);
    let names = charts.iter().map(|chart| chart.name.as_str());
    let names = Text::list_of("chart", names);
    (!charts.is_empty()).then(|| {
        text![
            names,
            " not rendered: --helm has your helm render charts, and checks and mends what they \
             make"
        ]
    })
}
