//! Hashes of configuration in templates: where a workload of a release lacks one, the template gets
//! the annotation that charts have for it.

use std::collections::BTreeMap;

use kubewright_model::finding::{Applicability, NoFix};
use kubewright_model::kube::charts::actions::unsteady;
use kubewright_model::kube::charts::annotate::spots;
use kubewright_model::kube::charts::idiom::Idiom;
use kubewright_model::kube::charts::{Chart, ChartCode};
use kubewright_model::text;
use kubewright_model::text::{Field, Path as At, Text, Verbatim};

use super::attempt::{Proven, Write};
use super::prove::Bench;
use super::rendering::Renders;
use super::seen::{Seen, Templates};
use crate::pipeline::UnsafeFixes;
use crate::pipeline::report::{Outcome, Place, ReportedFix, Restart};

/// Name of the transform whose findings are mended here.
pub(super) const HASH: &str = "missing-config-hash";

/// What is known of the workloads of a finding: set, kind, name, and places of what they read.
pub(super) type Workloads = Vec<(usize, String, String, Vec<Place>)>;

/// What mending a chart works on.
pub(super) struct Mending<'a> {
    pub(super) chart: &'a Chart,
    pub(super) bench: Bench<'a>,
    pub(super) templates: &'a mut Templates,
    /// Templates that are not read as manifests, helpers among them: relative to the chart.
    pub(super) helpers: &'a BTreeMap<String, String>,
    /// What the chart renders now.
    pub(super) renders: Renders,
    pub(super) unsafe_fixes: &'a UnsafeFixes,
    /// Errors of `helm lint`, once they are asked for.
    pub(super) lint: Option<usize>,
}

impl Mending<'_> {
    /// Mends what can be mended: findings of one line are mended together.
    pub(super) fn mend(
        &mut self,
        seen: &mut [(Seen, Workloads)],
        restarts: &[(usize, Restart)],
    ) -> Vec<Restart> {
        let mut groups: BTreeMap<(String, usize), Vec<usize>> = BTreeMap::new();
        for (at, (one, _)) in seen.iter().enumerate() {
            let place = &one.finding.place;
            if one.finding.transform == HASH && one.finding.fix.is_ok() {
                let key = (place.path.clone(), place.line);
                groups.entry(key).or_default().push(at);
            }
        }
        let mut restarted = Vec::new();
        for ((path, _), group) in groups {
            let workloads: Workloads = (group.iter())
                .flat_map(|at| seen[*at].1.iter().cloned())
                .collect();
            let mut applicability = Applicability::Safe;
            for at in &group {
                if let Ok(fix) = &seen[*at].0.finding.fix {
                    applicability = applicability.min(fix.applicability);
                }
            }
            match self.edit(&path, &workloads) {
                Ok(proven) => {
                    let applicability = applicability.min(proven.applicability);
                    let edits = proven.texts.iter();
                    let fix = ReportedFix {
                        title: title(self.chart, &proven),
                        applicability,
                        edits: edits
                            .map(|(path, text)| self.templates.splice(path, text))
                            .collect(),
                        lost_comments: Vec::new(),
                    };
                    let applied = self.unsafe_fixes.apply(HASH, applicability);
                    let outside = self.outside(&path, &workloads);
                    for at in &group {
                        let finding = &mut seen[*at].0.finding;
                        finding.notes.extend(outside.clone());
                        finding.fix = Ok(fix.clone());
                        finding.outcome = if applied {
                            Outcome::Applied
                        } else {
                            Outcome::Left
                        };
                    }
                    if applied {
                        restarted.extend(restarts_of(&path, &workloads, restarts));
                        self.keep(proven);
                    }
                }
                Err(reason) => {
                    for at in &group {
                        let finding = &mut seen[*at].0.finding;
                        finding.fix = Err(reason.clone());
                        finding.outcome = Outcome::Left;
                    }
                }
            }
        }
        restarted
    }

    /// The edit of a template, and what the chart renders with it. The copy is as it was.
    fn edit(&mut self, path: &str, workloads: &Workloads) -> Result<Proven, NoFix> {
        let template = self.templates.text(path).cloned().unwrap_or_default();
        let files = self.files(path, workloads)?;
        let shared = workloads.iter().flat_map(|(.., places)| places);
        let shared = shared.filter(|place| place.path == path);
        let mut shared: Vec<usize> = shared
            .map(|place| self.templates.line_now(path, place.line - 1))
            .collect();
        shared.sort_unstable();
        shared.dedup();
        if !shared.is_empty() {
            return self.of_one_file((path, &template), &shared, files, workloads);
        }
        if let Some(proven) = self.repointed((path, &template), &files, workloads) {
            return Ok(proven);
        }
        let write = Write {
            files,
            ..Write::default()
        };
        self.written((path, &template), &write, workloads)
    }

    /// An edit of one template, with the entries in the first of its places that is proven.
    pub(super) fn written(
        &mut self,
        (path, template): (&str, &str),
        write: &Write,
        workloads: &Workloads,
    ) -> Result<Proven, NoFix> {
        let (found, obstacles) = spots(template);
        let base = base(path);
        let of_chart = |(p, _): &(&String, _)| p.starts_with(base);
        let texts = self.templates.before.iter().filter(of_chart);
        let idiom = Idiom::of(texts.map(|(_, text)| &**text));
        let mut refused = None;
        for spot in &found {
            match self.try_spot((path, template), spot, &idiom, write, workloads) {
                Ok(proven) => return Ok(proven),
                // A proposal that does not even render says least.
                Err(reason) if refused.is_some() && reason.is(ChartCode::NotRendered) => {}
                Err(reason) => refused = Some(reason),
            }
        }
        let obstacle = || {
            let obstacle = obstacles.first();
            let said = obstacle.map_or("no place for it is known", |o| o.text.as_str());
            let code = obstacle.map_or(ChartCode::TemplateShape, |o| o.code);
            let words = text![
                "the annotation is to be added by hand to ",
                At(path),
                ": ",
                said
            ];
            NoFix {
                more: by_hand(&idiom, &write.files, base),
                ..NoFix::new(code, words)
            }
        };
        Err(refused.unwrap_or_else(obstacle))
    }

    /// The templates that make what the workloads read, but for their own: paths relative to the
    /// root.
    fn files(&self, path: &str, workloads: &Workloads) -> Result<Vec<String>, NoFix> {
        if let Some(fetched) = self.chart.fetched(path) {
            let text = format!(
                "subchart {fetched} comes from a repository, and the next `helm dependency update` \
                 brings it anew: mend it there"
            );
            return Err(NoFix::new(ChartCode::FetchedChart, text));
        }
        let base = base(path);
        let mut files = Vec::new();
        let read = workloads.iter().flat_map(|(.., places)| places);
        for place in read.clone() {
            let text = self.templates.text(&place.path);
            if let Some(word) = text.and_then(|text| unsteady(text)) {
                let text = text![
                    At(&place.path),
                    " uses ",
                    Verbatim(word),
                    ", which gives something else with time or with every upgrade, and so would a \
                     hash of it: its pods would restart then"
                ];
                return Err(NoFix::new(ChartCode::UnstableConfig, text));
            }
        }
        for place in read.filter(|place| place.path != path) {
            let own = place.path.strip_prefix(base);
            if !own.is_some_and(|own| own.starts_with("templates/")) {
                let text = text![
                    "what it reads is made by another chart, in ",
                    At(&place.path),
                    ", whose templates cannot be included"
                ];
                return Err(NoFix::new(ChartCode::ConfigElsewhere, text));
            }
            if !files.contains(&place.path) {
                files.push(place.path.clone());
            }
        }
        Ok(files)
    }

    fn keep(&mut self, proven: Proven) {
        for (path, text) in proven.texts {
            let own = &path[self.chart.below("").len()..];
            let _ = self.bench.copy.write(own, &text);
            self.templates.now.insert(path, text.into());
        }
        self.renders = proven.renders;
    }
}

fn title(chart: &Chart, proven: &Proven) -> Text {
    let hashed = Text::list(proven.hashed.iter().cloned());
    let keys = proven.keys.iter().map(|key| text![Field(key)]);
    let sets = match proven.renders.len() {
        1 => "its one set of values".to_owned(),
        n => format!("all {n} sets of values"),
    };
    text![
        proven.before.as_str(),
        "write the hash of ",
        hashed,
        " to the pod template, as ",
        Text::list(keys),
        "; proven by rendering chart ",
        chart.name.as_str(),
        " with ",
        sets
    ]
}

/// The chart that a template belongs to: what stands before `templates/` in its path.
pub(super) fn base(path: &str) -> &str {
    path.split_once("templates/").map_or("", |(base, _)| base)
}

/// A template as a path below the `templates/` of its chart.
pub(super) fn below(base: &str, file: &str) -> String {
    let own = file.strip_prefix(base).unwrap_or(file);
    own.strip_prefix("templates/").unwrap_or(own).to_owned()
}

/// The lines to write where no place was found.
fn by_hand(idiom: &Idiom, files: &[String], base: &str) -> Vec<Text> {
    let included: Vec<String> = files.iter().map(|file| below(base, file)).collect();
    let entries = idiom.entries(&included, "", false);
    entries.into_iter().map(Text::from).collect()
}

/// What rolling out an edit restarts: the workloads of the first set that has some.
fn restarts_of(path: &str, workloads: &Workloads, restarts: &[(usize, Restart)]) -> Vec<Restart> {
    let first = workloads.iter().map(|(set, ..)| *set).min();
    let of = |(set, restart): &&(usize, Restart)| {
        Some(*set) == first
            && workloads.iter().any(|(s, kind, name, _)| {
                s == set && *kind == restart.resource.kind && *name == restart.resource.name
            })
    };
    restarts
        .iter()
        .filter(of)
        .map(|(_, restart)| Restart {
            path: path.to_owned(),
            ..restart.clone()
        })
        .collect()
}
