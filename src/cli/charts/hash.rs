//! Hashes of configuration in templates: where a workload of a release lacks one, the template gets
//! the annotation that charts have for it.

use std::collections::{BTreeMap, BTreeSet};

use kubewright_model::finding::{Applicability, NoFix};
use kubewright_model::kube::charts::actions::unsteady;
use kubewright_model::kube::charts::annotate::{Spot, spots};
use kubewright_model::kube::charts::idiom::Idiom;
use kubewright_model::kube::charts::{Chart, ChartCode};
use kubewright_model::text;
use kubewright_model::text::{Field, Path as At, Text, Verbatim};

use super::prove::{Bench, Claim};
use super::rendering::Renders;
use super::seen::{Seen, Templates};
use crate::pipeline::UnsafeFixes;
use crate::pipeline::report::{FileFate, Outcome, Place, ReportedEdit, ReportedFix, Restart};

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

/// An edit that is proven.
struct Proven {
    text: String,
    files: Vec<String>,
    keys: Vec<String>,
    renders: Renders,
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
                    let edit = self.splice(&path, &proven.text);
                    let fix = ReportedFix {
                        title: title(self.chart, &proven),
                        applicability,
                        edits: vec![edit],
                        lost_comments: Vec::new(),
                    };
                    let applied = self.unsafe_fixes.apply(HASH, applicability);
                    for at in &group {
                        let finding = &mut seen[*at].0.finding;
                        finding.fix = Ok(fix.clone());
                        finding.outcome = if applied {
                            Outcome::Applied
                        } else {
                            Outcome::Left
                        };
                    }
                    if applied {
                        restarted.extend(restarts_of(&path, &workloads, restarts));
                        self.keep(&path, proven);
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
        let (found, obstacles) = spots(&template);
        let base = path.split_once("templates/").map_or("", |(base, _)| base);
        let of_chart = |(p, _): &(&String, _)| p.starts_with(base);
        let texts = self.templates.before.iter().filter(of_chart);
        let idiom = Idiom::of(texts.map(|(_, text)| &**text));
        let mut refused = None;
        for spot in &found {
            match self.try_spot(path, &template, spot, &idiom, &files, workloads) {
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
                more: by_hand(&idiom, &files, base),
                ..NoFix::new(code, words)
            }
        };
        Err(refused.unwrap_or_else(obstacle))
    }

    /// The templates that make what the workloads read: paths relative to the root.
    fn files(&self, path: &str, workloads: &Workloads) -> Result<Vec<String>, NoFix> {
        if let Some(fetched) = self.chart.fetched(path) {
            let text = format!(
                "subchart {fetched} comes from a repository, and the next `helm dependency update` \
                 brings it anew: mend it there"
            );
            return Err(NoFix::new(ChartCode::FetchedChart, text));
        }
        let base = path.split_once("templates/").map_or("", |(base, _)| base);
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
        for place in read {
            if place.path == path {
                let text = "the workload and what it reads are made by one template, which cannot include itself: move the ConfigMap to a file of its own";
                return Err(NoFix::new(ChartCode::OneFile, text));
            }
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

    fn try_spot(
        &mut self,
        path: &str,
        template: &str,
        spot: &Spot,
        idiom: &Idiom,
        files: &[String],
        workloads: &Workloads,
    ) -> Result<Proven, NoFix> {
        let base = path.split_once("templates/").map_or("", |(base, _)| base);
        let below = |file: &String| {
            let own = file.strip_prefix(base).unwrap_or(file);
            own.strip_prefix("templates/").unwrap_or(own).to_owned()
        };
        let included: Vec<String> = files.iter().map(below).collect();
        let entries = idiom.entries(&included, &spot.there, spot.rebound);
        let key = |entry: &String| entry.split(": ").next().unwrap_or_default().to_owned();
        let keys: Vec<String> = entries.iter().map(key).collect();
        let text = spot.apply(template, &entries);
        let chart = self.chart;
        let relative = |file: &str| file[chart.below("").len()..].to_owned();
        let source = |file: &str| format!("{}/{}", chart.name, relative(file));
        let mut wanting: BTreeMap<_, BTreeSet<String>> = BTreeMap::new();
        for (set, kind, name, places) in workloads {
            wanting
                .entry((*set, kind.clone(), name.clone()))
                .or_default()
                .extend(places.iter().map(|place| source(&place.path)));
        }
        let claim = Claim {
            chart,
            source: source(path),
            keys,
            configs: (files.iter())
                .map(|file| (relative(file), source(file)))
                .collect(),
            wanting,
        };
        let own = relative(path);
        let proof = self.prove(&claim, &own, &text);
        let _ = self.bench.copy.write(&own, template);
        Ok(Proven {
            text,
            files: files.to_vec(),
            keys: claim.keys,
            renders: proof?,
        })
    }

    fn prove(&mut self, claim: &Claim<'_>, own: &str, text: &str) -> Result<Renders, NoFix> {
        let errors = match self.lint {
            Some(errors) => errors,
            None => *self
                .lint
                .insert(self.bench.helm.lint(self.bench.copy.path())),
        };
        let unwritten = |error: std::io::Error| {
            NoFix::new(
                ChartCode::RendersDiffer,
                format!("it cannot be tried: {error}"),
            )
        };
        self.bench.copy.write(own, text).map_err(unwritten)?;
        let after = claim.prove(&self.bench, &self.renders)?;
        let prefix = self.chart.below("").len();
        let mut templates = self.helpers.clone();
        for (path, before) in &self.templates.before {
            let now = self.templates.now.get(path).unwrap_or(before);
            templates.insert(path[prefix..].to_owned(), now.to_string());
        }
        templates.remove(own);
        claim.follows(&self.bench, &after, &templates)?;
        if self.bench.helm.lint(self.bench.copy.path()) > errors {
            let text = "`helm lint` finds an error that it did not find before";
            return Err(NoFix::new(ChartCode::RendersDiffer, text));
        }
        Ok(after)
    }

    /// The edit as what changes in the text that was read.
    fn splice(&self, path: &str, after: &str) -> ReportedEdit {
        let now = self.templates.text(path).map_or("", |text| &**text);
        let old = self.templates.before.get(path).map_or("", |text| &**text);
        let (a, b): (Vec<&str>, Vec<&str>) = (
            now.split_inclusive('\n').collect(),
            after.split_inclusive('\n').collect(),
        );
        let same = a.iter().zip(&b).take_while(|(a, b)| a == b).count();
        let most = a.len().min(b.len()) - same;
        let behind = a.iter().rev().zip(b.iter().rev()).take(most);
        let behind = behind.take_while(|(a, b)| a == b).count();
        let offset = |line: usize| -> usize {
            let lines = old.split_inclusive('\n');
            let line = if line == 0 {
                0
            } else {
                self.templates.line_before(path, line - 1) + 1
            };
            lines.take(line).map(str::len).sum()
        };
        ReportedEdit {
            path: path.to_owned(),
            start: offset(same),
            end: offset(a.len() - behind),
            content: b[same..b.len() - behind].concat(),
            file: FileFate::Stays,
        }
    }

    fn keep(&mut self, path: &str, proven: Proven) {
        let own = &path[self.chart.below("").len()..];
        let _ = self.bench.copy.write(own, &proven.text);
        self.templates
            .now
            .insert(path.to_owned(), proven.text.into());
        self.renders = proven.renders;
    }
}

fn title(chart: &Chart, proven: &Proven) -> Text {
    let files = proven.files.iter().map(|file| text![At(file)]);
    let keys = proven.keys.iter().map(|key| text![Field(key)]);
    let sets = match proven.renders.len() {
        1 => "its one set of values".to_owned(),
        n => format!("all {n} sets of values"),
    };
    text![
        "write the hash of ",
        Text::list(files),
        " to the pod template, as ",
        Text::list(keys),
        "; proven by rendering chart ",
        chart.name.as_str(),
        " with ",
        sets
    ]
}

/// The lines to write where no place was found.
fn by_hand(idiom: &Idiom, files: &[String], base: &str) -> Vec<Text> {
    let below = |file: &String| {
        let own = file.strip_prefix(base).unwrap_or(file);
        own.strip_prefix("templates/").unwrap_or(own).to_owned()
    };
    let included: Vec<String> = files.iter().map(below).collect();
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
