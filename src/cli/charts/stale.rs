//! Hashes that charts write already, and that do not follow what the pods read: a template that
//! renders nothing is included, or another one than that of the configuration, or values that are
//! only a part of it.
//!
//! Whether a hash follows is not read off the template: the chart is rendered with another
//! configuration, and the pods have another annotation then or they have not.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use kubewright_model::finding::{Applicability, Severity};
use kubewright_model::kube::charts::Chart;
use kubewright_model::kube::charts::actions::unsteady;
use kubewright_model::kube::charts::idiom::Idiom;
use kubewright_model::kube::charts::reach::values_of;
use kubewright_model::kube::charts::rendered::{Document, documents};
use kubewright_model::text;
use kubewright_model::text::{Field, Text};
use serde_yaml::Value;
use sha2::{Digest as _, Sha256};

use super::prove::{Bench, annotations, identity, probed, value};
use super::reach::{configs, prefix, reached};
use super::rendering::render;
use super::seen::{RELEASE, Release, Templates};
use crate::pipeline::report::{Place, Reported, ReportedFix};

/// With which code a workload is left alone that has a checksum of its chart.
const LEFT_ALONE: &str = "foreign-checksum";
/// How many digits a hash is cut to at least.
const DIGITS: usize = 16;
/// With so many values a template is rendered anew at most.
const VALUES: usize = 16;

/// Whether a value is the hash of a template that renders nothing, be it cut.
pub(super) fn of_nothing(hash: &str) -> bool {
    let blank = |lines: usize| {
        let digest = Sha256::digest("\n".repeat(lines).as_bytes());
        let mut hex = String::new();
        for byte in digest {
            let _ = write!(hex, "{byte:02x}");
        }
        hex.starts_with(hash)
    };
    hash.len() >= DIGITS && (0..4).any(blank)
}

/// Why a hash does not follow.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Apart {
    /// What it hashes renders nothing.
    Nothing,
    /// It hashes templates, and not that one.
    Another,
    /// This value changes the configuration and not the hash.
    Value(String),
}

/// What judging needs.
pub(super) struct Judge<'a> {
    pub(super) chart: &'a Chart,
    pub(super) bench: Bench<'a>,
    pub(super) templates: &'a Templates,
    pub(super) helpers: &'a BTreeMap<String, String>,
}

impl Judge<'_> {
    /// Turns the remark that a workload has a checksum of its chart into a warning, where that does
    /// not follow what the pods read; whether it does not.
    pub(super) fn judge(
        &self,
        (set, rendered): (usize, &str),
        finding: &mut Reported,
        release: &mut Release<'_>,
    ) -> bool {
        let Some(resource) = &finding.resource else {
            return false;
        };
        if !(finding.fix.as_ref()).is_err_and(|reason| reason.code == LEFT_ALONE) {
            return false;
        }
        let who = (resource.kind.clone(), resource.name.clone());
        let all: Vec<(Document<'_>, Value)> = documents(rendered)
            .into_iter()
            .filter_map(|document| Some((document.clone(), value(&document)?)))
            .collect();
        let Some((document, workload)) = all.iter().find(|(_, value)| identity(value) == who)
        else {
            return false;
        };
        let checksums = annotations(workload).into_iter().flatten();
        let checksums: Vec<(&str, &str)> = checksums
            .filter_map(|(key, value)| Some((key.as_str()?, value.as_str()?)))
            .filter(|(key, _)| key.contains("checksum"))
            .collect();
        let Some((key, _)) = checksums.first() else {
            return false;
        };
        // What only the values have, the user looks after.
        let helpers = self.helpers.values().map(String::as_str);
        let mut texts = helpers.chain(self.templates.before.values().map(|text| &**text));
        if !texts.any(|text| text.contains(key)) {
            return false;
        }
        let empty = checksums.iter().all(|(_, hash)| of_nothing(hash));
        let wanted = reads(workload);
        let read = all.iter().filter(|(_, config)| {
            let (kind, name) = identity(config);
            kind == "ConfigMap" && wanted.contains(&name)
        });
        let (mut apart, mut related, mut named) = (None, Vec::new(), Vec::new());
        let mut known: BTreeMap<&str, Option<Apart>> = BTreeMap::new();
        for (config, content) in read {
            let judged = known.entry(config.source).or_insert_with(|| {
                self.apart(
                    (set, rendered),
                    document.source,
                    (config.source, &who),
                    empty,
                )
            });
            if let Some(why) = judged {
                apart = apart.or_else(|| Some(why.clone()));
                let name = identity(content).1;
                related.push((
                    release.place(&of_name(config)),
                    text!["ConfigMap ", name.as_str()],
                ));
                named.push(name);
            }
        }
        let Some(apart) = apart else {
            return false;
        };
        let configs = Text::list_of("ConfigMap", named.iter().map(String::as_str));
        finding.severity = Severity::Warning;
        finding.message = said(&who, key, &apart, configs);
        finding.related = related;
        finding.fix = Ok(ReportedFix {
            title: Text::from(""),
            applicability: Applicability::Safe,
            edits: Vec::new(),
            lost_comments: Vec::new(),
        });
        true
    }

    /// Why no annotation of a workload follows a template, if none does and that is known.
    fn apart(
        &self,
        (set, rendered): (usize, &str),
        workload: &str,
        (source, who): (&str, &(String, String)),
        empty: bool,
    ) -> Option<Apart> {
        let path = self.chart.source(source)?;
        let text = self.templates.text(&path)?;
        if unsteady(text).is_some() {
            return None;
        }
        let own = &path[self.chart.below("").len()..];
        let before = (configs(rendered, source), pods(rendered, who)?);
        let copy = self.bench.copy;
        copy.write(own, &probed(text)).ok()?;
        let made = render(
            self.bench.helm,
            copy.path(),
            self.chart,
            set,
            self.bench.root,
        );
        let _ = copy.write(own, text);
        let made = made.ok();
        let by_file = made.and_then(|made| {
            let there = configs(&made, source) != before.0;
            there.then(|| pods(&made, who).as_ref() != Some(&before.1))
        });
        if by_file == Some(true) {
            return None;
        }
        if empty && by_file == Some(false) {
            return Some(Apart::Nothing);
        }
        let helpers = self.helpers.values().map(String::as_str);
        let templates = self.templates.before.values().map(|text| &**text);
        let all: Vec<&str> = helpers.chain(templates).collect();
        let mut followed = false;
        for value in values_of(text, &all).iter().take(VALUES) {
            let value = format!("{}{value}", prefix(own));
            let made = reached(&self.bench, self.chart, (set, &value), (source, rendered));
            if let Some(made) = made {
                if pods(&made, who).as_ref() == Some(&before.1) {
                    return Some(Apart::Value(value));
                }
                followed = true;
            }
        }
        let workload = self.templates.text(&self.chart.source(workload)?)?;
        let of_files = Idiom::only_files(workload);
        (by_file == Some(false) && !followed && of_files).then_some(Apart::Another)
    }
}

fn said(who: &(String, String), key: &str, apart: &Apart, configs: Text) -> Text {
    let who = text![who.0.as_str(), " ", who.1.as_str()];
    match apart {
        Apart::Nothing => text![
            who,
            " has the hash of nothing in ",
            Field(key),
            ": the template that it includes renders nothing, and a change of what the pods read \
             restarts none of them"
        ],
        Apart::Another => text![
            who,
            " reads ",
            configs,
            ", and ",
            Field(key),
            " is the hash of something else: a change of what the pods read restarts none of them"
        ],
        Apart::Value(value) => text![
            who,
            " reads ",
            configs,
            ", and ",
            Field(key),
            " does not cover all of it: another ",
            Field(&format!(".Values.{value}")),
            " changes what the pods read, and restarts none of them"
        ],
    }
}

/// The pod template of a workload.
fn pods(rendered: &str, who: &(String, String)) -> Option<Value> {
    let all = documents(rendered);
    let mut all = all.iter().filter_map(value);
    let workload = all.find(|value| identity(value) == *who)?;
    workload.get("spec")?.get("template").cloned()
}

/// The names of the ConfigMaps that a workload reads.
pub(super) fn reads(workload: &Value) -> Vec<String> {
    let mut names = Vec::new();
    let mut left = vec![workload];
    while let Some(value) = left.pop() {
        match value {
            Value::Mapping(map) => {
                for (key, inside) in map {
                    left.push(inside);
                    let names_one = matches!(
                        key.as_str(),
                        Some("configMap" | "configMapRef" | "configMapKeyRef")
                    );
                    let name = inside.get("name").and_then(Value::as_str);
                    names.extend(name.filter(|_| names_one).map(str::to_owned));
                }
            }
            Value::Sequence(items) => left.extend(items),
            _ => {}
        }
    }
    names
}

/// Where the name of a document stands in a release.
fn of_name(document: &Document<'_>) -> Place {
    let at = document.text.find("\n  name:").map_or(0, |at| at + 1);
    let line = &document.text[at..].lines().next().unwrap_or_default();
    let name = line.find(": ").map_or(0, |colon| colon + 2);
    let start = document.span.start + at;
    Place {
        path: RELEASE.to_owned(),
        line: 1,
        column: 1,
        start: start + name,
        end: start + line.len(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blank_templates_have_known_hashes() {
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert!(of_nothing(empty) && of_nothing(&empty[..20]));
        assert!(!of_nothing(&empty[..4]) && !of_nothing(&"0".repeat(64)));
    }
}
