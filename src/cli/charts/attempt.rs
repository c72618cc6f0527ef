//! Trying an edit: it is written into the copy of the chart, proven, and taken back.

use std::collections::{BTreeMap, BTreeSet};

use kubewright_model::finding::{Applicability, NoFix};
use kubewright_model::kube::charts::ChartCode;
use kubewright_model::kube::charts::annotate::Spot;
use kubewright_model::kube::charts::idiom::Idiom;
use kubewright_model::kube::charts::one_file::rooted;
use kubewright_model::text;
use kubewright_model::text::{Path as At, Text, Verbatim};

use super::collide::keeps_theirs;
use super::hash::{Mending, Workloads, base, below};
use super::prove::{ByValues, Claim};
use super::rendering::Renders;

/// What is to be hashed.
#[derive(Default)]
pub(super) struct Write {
    /// Templates, relative to the root.
    pub(super) files: Vec<String>,
    /// What all data of the template itself is made by, and the values that reach it.
    pub(super) expression: Option<(String, Vec<String>)>,
    /// A template that is new, relative to the root, with its text: it has what the template itself
    /// had.
    pub(super) created: Option<(String, String)>,
    /// The annotation is there, and gets another value.
    pub(super) replaced: bool,
}

/// An edit that is proven.
pub(super) struct Proven {
    /// The texts of the templates that change, relative to the root.
    pub(super) texts: Vec<(String, String)>,
    /// What is hashed.
    pub(super) hashed: Vec<Text>,
    /// The annotations.
    pub(super) keys: Vec<String>,
    /// What it does besides: for the title.
    pub(super) before: String,
    pub(super) applicability: Applicability,
    pub(super) renders: Renders,
}

impl Mending<'_> {
    /// Entries in one place of a template.
    pub(super) fn try_spot(
        &mut self,
        (path, template): (&str, &str),
        spot: &Spot,
        idiom: &Idiom,
        write: &Write,
        workloads: &Workloads,
    ) -> Result<Proven, NoFix> {
        let base = base(path);
        let mut there = spot.there.clone();
        let expression = write.expression.as_ref().map(|(expression, _)| {
            let expression = if spot.rebound {
                rooted(expression)
            } else {
                expression.clone()
            };
            let entry = idiom.expression(&expression, &below(base, path), &there);
            there.push('\n');
            there.push_str(&entry);
            entry
        });
        let included: Vec<String> = write.files.iter().map(|file| below(base, file)).collect();
        let mut entries = idiom.entries(&included, &there, spot.rebound);
        entries.extend(expression);
        let key = |entry: &String| entry.split(": ").next().unwrap_or_default().to_owned();
        let keys: Vec<String> = entries.iter().map(key).collect();
        let text = spot.apply(template, &entries);
        self.tried((path, &text), write, keys, &spot.merged, workloads)
    }

    /// A text of a template with these annotations. The copy is as it was.
    pub(super) fn tried(
        &mut self,
        (path, text): (&str, &str),
        write: &Write,
        keys: Vec<String>,
        merged: &[String],
        workloads: &Workloads,
    ) -> Result<Proven, NoFix> {
        let chart = self.chart;
        let relative = |file: &str| file[chart.below("").len()..].to_owned();
        let source = |file: &str| format!("{}/{}", chart.name, relative(file));
        let made_by = |place: &str| match &write.created {
            Some((created, _)) if place == path => source(created),
            _ => source(place),
        };
        let mut wanting: BTreeMap<_, BTreeSet<String>> = BTreeMap::new();
        for (set, kind, name, places) in workloads {
            wanting
                .entry((*set, kind.clone(), name.clone()))
                .or_default()
                .extend(places.iter().map(|place| made_by(&place.path)));
        }
        let own = write.expression.is_some().then_some(path);
        let hashed = write.files.iter().map(String::as_str).chain(own);
        let by_values = write.expression.as_ref().map(|(_, paths)| ByValues {
            paths: paths.clone(),
        });
        let claim = Claim {
            chart,
            source: source(path),
            configs: hashed.map(|file| (relative(file), source(file))).collect(),
            keys,
            wanting,
            by_values,
            replaced: write.replaced,
            moved: write.created.as_ref().map(|(created, _)| source(created)),
        };
        let mut texts = vec![(path.to_owned(), text.to_owned())];
        texts.extend(write.created.clone());
        let proof = self.proven(&claim, &texts, merged);
        for (file, _) in &texts {
            let _ = match self.templates.text(file) {
                Some(text) => self.bench.copy.write(&relative(file), text),
                None => self.bench.copy.remove(&relative(file)),
            };
        }
        let renders = proof?;
        let files = write.files.iter().map(|file| text![At(file)]);
        let expression = write.expression.iter();
        let expression = expression.map(|(expression, _)| text![Verbatim(expression)]);
        Ok(Proven {
            hashed: files.chain(expression).collect(),
            keys: claim.keys,
            before: match &write.created {
                Some((created, _)) => format!("move the ConfigMap to {created} and "),
                None => String::new(),
            },
            applicability: match write.created {
                Some(_) => Applicability::Unsafe,
                None => Applicability::Safe,
            },
            texts,
            renders,
        })
    }

    fn proven(
        &mut self,
        claim: &Claim<'_>,
        texts: &[(String, String)],
        merged: &[String],
    ) -> Result<Renders, NoFix> {
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
        let prefix = self.chart.below("").len();
        for (path, text) in texts {
            let copy = self.bench.copy;
            copy.write(&path[prefix..], text).map_err(unwritten)?;
        }
        let after = claim.prove(&self.bench, &self.renders)?;
        let mut templates = self.helpers.clone();
        for (path, before) in &self.templates.before {
            let now = self.templates.now.get(path).unwrap_or(before);
            templates.insert(path[prefix..].to_owned(), now.to_string());
        }
        for (path, text) in texts {
            templates.insert(path[prefix..].to_owned(), text.clone());
        }
        if let Some((path, _)) = texts.first() {
            templates.remove(&path[prefix..]);
        }
        claim.follows(&self.bench, &after, &templates)?;
        if self.bench.helm.lint(self.bench.copy.path()) > errors {
            let text = "`helm lint` finds an error that it did not find before";
            return Err(NoFix::new(ChartCode::RendersDiffer, text));
        }
        if let [(path, text)] = texts {
            let set = claim.wanting.keys().next().map_or(0, |(set, ..)| *set);
            let before = self.templates.text(path).map_or("", |text| &**text);
            let edit = (&path[prefix..], before, text.as_str());
            keeps_theirs(&self.bench, self.chart, edit, (set, merged, &claim.keys))?;
        }
        Ok(after)
    }
}
