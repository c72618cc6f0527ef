//! Whether an edit of a template means what it is meant to: the chart is rendered before and after
//! it with every set of values.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;

use kubewright_model::finding::NoFix;
use kubewright_model::kube::charts::rendered::{Document, documents};
use kubewright_model::kube::charts::{Chart, ChartCode, Values};
use kubewright_model::text;
use kubewright_model::text::Path as At;
use serde_yaml::Value;

use super::super::files;
use super::copy::Copy;
use super::helm::Helm;
use super::rendering::{Renders, render};

/// Key of the entry that is put into ConfigMaps to see whether the annotation follows them. As
/// the value of a Secret it is base64.
const PROBE: &str = "kubewright-probe: cHJvYmU=";

/// The default values of a chart.
const OWN_VALUES: &str = "values.yaml";

/// An edit of a template that adds annotations to pods.
pub(super) struct Claim<'a> {
    pub(super) chart: &'a Chart,
    /// The template, as Helm names it.
    pub(super) source: String,
    /// Keys of the annotations.
    pub(super) keys: Vec<String>,
    /// For each key the template that it is the hash of: path relative to the chart, and as Helm
    /// names it.
    pub(super) configs: Vec<(String, String)>,
    /// The workloads that lack a hash: set, kind and name, with the files that they read.
    pub(super) wanting: BTreeMap<(usize, String, String), BTreeSet<String>>,
    /// The last annotation is the hash of an expression, and not of its template.
    pub(super) by_values: Option<ByValues>,
    /// The template that has what the template itself had, as Helm names it.
    pub(super) moved: Option<String>,
    /// The annotations are there, and get other values.
    pub(super) replaced: bool,
}

/// What an expression is made of.
pub(super) struct ByValues {
    /// The values that reach it.
    pub(super) paths: Vec<String>,
}

/// Where a chart is rendered.
#[derive(Clone, Copy)]
pub(super) struct Bench<'a> {
    pub(super) helm: &'a Helm,
    pub(super) copy: &'a Copy,
    pub(super) root: &'a std::path::Path,
}

/// A document's kind and name.
pub(super) fn identity(value: &Value) -> (String, String) {
    let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
    let name = value.get("metadata").and_then(|m| m.get("name"));
    (text(value.get("kind")), text(name))
}

pub(super) fn value(document: &Document<'_>) -> Option<Value> {
    serde_yaml::from_str(document.text).ok()
}

/// The annotations of the pods of a workload.
pub(super) fn annotations(workload: &Value) -> Option<&serde_yaml::Mapping> {
    let metadata = workload.get("spec")?.get("template")?.get("metadata")?;
    metadata.get("annotations")?.as_mapping()
}

pub(super) fn annotation(workload: &Value, key: &str) -> Option<String> {
    annotations(workload)?.get(key)?.as_str().map(str::to_owned)
}

/// A workload without these annotations of its pods, and without annotations where it has no other.
fn without(mut workload: Value, keys: &[String]) -> Value {
    let metadata = workload
        .get_mut("spec")
        .and_then(|s| s.get_mut("template"))
        .and_then(|t| t.get_mut("metadata"))
        .and_then(Value::as_mapping_mut);
    if let Some(metadata) = metadata {
        let mut empty = false;
        if let Some(annotations) = metadata.get_mut("annotations") {
            if let Some(map) = annotations.as_mapping_mut() {
                for key in keys {
                    map.remove(key.as_str());
                }
                empty = map.is_empty();
            }
            empty |= annotations.is_null();
        }
        if empty {
            metadata.remove("annotations");
        }
    }
    workload
}

/// Documents in the order of others, as far as they have the same kind and name.
fn alike<'a>(order: &[Document<'_>], mut documents: Vec<Document<'a>>) -> Vec<Document<'a>> {
    let known = |document: &Document<'_>| value(document).map(|value| identity(&value));
    let mut found = Vec::new();
    for old in order {
        let who = known(old);
        if let Some(at) = documents.iter().position(|new| known(new) == who) {
            found.push(documents.remove(at));
        }
    }
    found.extend(documents);
    found
}

pub(super) fn differs(what: impl std::fmt::Display, set: &str) -> NoFix {
    NoFix::new(
        ChartCode::RendersDiffer,
        format!("the chart, rendered with {set}, would differ by more than the hash: {what}"),
    )
}

impl Claim<'_> {
    fn set(&self, set: usize) -> &str {
        self.chart.sets.get(set).map_or("", |s| s.name.as_str())
    }

    /// What the chart renders with the edit that the copy holds, once it is proven.
    pub(super) fn prove(&self, bench: &Bench<'_>, before: &Renders) -> Result<Renders, NoFix> {
        let mut after = Renders::new();
        for set in before.keys() {
            let rendered = render(bench.helm, bench.copy.path(), self.chart, *set, bench.root);
            let rendered = rendered.map_err(|said| {
                let set = self.set(*set);
                let text =
                    format!("with a hash, helm does not render the chart with {set}: {said}");
                NoFix::new(ChartCode::NotRendered, text)
            })?;
            after.insert(*set, rendered);
        }
        for (set, before) in before {
            let again = render(bench.helm, bench.copy.path(), self.chart, *set, bench.root);
            let again = again.unwrap_or_default();
            self.compare(*set, before, &after[set], &again)?;
        }
        Ok(after)
    }

    /// (1) the documents are the same but for the annotations of the workloads; (2) each workload
    /// that lacks a hash has one; (3) a second render is equal.
    fn compare(&self, set: usize, before: &str, after: &str, again: &str) -> Result<(), NoFix> {
        let name = self.set(set);
        let (before, mut after, mut again) =
            (documents(before), documents(after), documents(again));
        if self.moved.is_some() {
            (after, again) = (alike(&before, after), alike(&before, again));
        }
        if before.len() != after.len() || after.len() != again.len() {
            return Err(differs("there are other documents", name));
        }
        for ((old, new), second) in before.iter().zip(&after).zip(&again) {
            let moved = old.source == self.source && self.moved.as_deref() == Some(new.source);
            if old.source != new.source && !moved {
                return Err(differs("documents stand in another order", name));
            }
            let stable = new.text == second.text;
            let (Some(a), Some(b)) = (value(old), value(new)) else {
                if old.text == new.text || !stable {
                    continue;
                }
                return Err(differs(text!["a document of ", new.source], name));
            };
            let (kind, named) = identity(&b);
            let who = text![kind.as_str(), " ", named.as_str()];
            let key = (set, kind.clone(), named.clone());
            let wanting = old.source == self.source && self.wanting.contains_key(&key);
            if old.text == new.text {
                if wanting {
                    return Err(differs(text![who, " gets no annotation"], name));
                }
                continue;
            }
            if old.source != self.source {
                if stable {
                    return Err(differs(who, name));
                }
                continue;
            }
            if !stable {
                let text = text![
                    who,
                    " or what it reads is another one at every render: a hash of it would restart \
                     its pods at every upgrade"
                ];
                return Err(NoFix::new(ChartCode::UnstableConfig, text));
            }
            let known = |key: &String| annotation(&b, key).is_some_and(|hash| hash.len() >= 8);
            let old = if self.replaced { &*self.keys } else { &[] };
            if a == b || without(b.clone(), &self.keys) != without(a, old) {
                return Err(differs(who, name));
            }
            if !self.keys.iter().all(known) {
                return Err(differs(text![who, " does not get every annotation"], name));
            }
            if !wanting && self.made(&before) {
                let text = text![
                    "with ",
                    name,
                    ", ",
                    who,
                    " needs no restart when it changes, and a hash would restart its pods: write \
                     it by hand, under a condition that tells when it is needed"
                ];
                return Err(NoFix::new(ChartCode::UnwantedElsewhere, text));
            }
        }
        Ok(())
    }

    /// Whether some of what is hashed is there: where it is not, the hash never changes.
    fn made(&self, documents: &[Document<'_>]) -> bool {
        let config = |d: &Document<'_>| {
            let kind = value(d).map(|value| identity(&value).0);
            matches!(kind.as_deref(), Some("ConfigMap" | "Secret"))
        };
        let made = |(_, source): &(String, String)| {
            let from = self.moved.as_ref().filter(|m| *m == source);
            let source = from.map_or(source.as_str(), |_| self.source.as_str());
            let own = |d: &&Document<'_>| source != self.source || config(d);
            documents.iter().filter(own).any(|d| d.source == source)
        };
        self.configs.iter().any(made)
    }

    /// (4) with another key in the data of each file, its annotation is another one. `templates` are
    /// the texts of the copy.
    pub(super) fn follows(
        &self,
        bench: &Bench<'_>,
        after: &Renders,
        templates: &BTreeMap<String, String>,
    ) -> Result<(), NoFix> {
        for (at, (key, (path, source))) in self.keys.iter().zip(&self.configs).enumerate() {
            if let Some(by) = self
                .by_values
                .as_ref()
                .filter(|_| at + 1 == self.keys.len())
            {
                self.follows_values(bench, after, (key, path), &by.paths)?;
                continue;
            }
            let own: Vec<&String> = templates.keys().filter(|p| *p == path).collect();
            let all: Vec<&String> = templates.keys().collect();
            let config = (key.as_str(), source.as_str());
            let reached = self.probe(bench, after, templates, &own, config)?
                || self.probe(bench, after, templates, &all, config)?
                || self.probe(bench, after, templates, &[], config)?;
            if !reached {
                let text = text![
                    "the data of ",
                    At(&self.chart.below(path)),
                    " is made in a way that is not understood: whether a hash follows it is not \
                     proven"
                ];
                return Err(NoFix::new(ChartCode::DataOutOfReach, text));
            }
        }
        Ok(())
    }

    /// Renders with another key in the data of these templates, or of the values where there are
    /// none; `false` when it did not get there.
    fn probe(
        &self,
        bench: &Bench<'_>,
        after: &Renders,
        templates: &BTreeMap<String, String>,
        changed: &[&String],
        (key, config): (&str, &str),
    ) -> Result<bool, NoFix> {
        let write = |probe: bool| {
            for path in changed {
                let text = &templates[*path];
                let text = if probe { probed(text) } else { text.clone() };
                let _ = bench.copy.write(path, &text);
            }
        };
        write(true);
        let sets: BTreeSet<usize> = (self.wanting.iter())
            .filter(|(_, files)| files.contains(config))
            .map(|((set, ..), _)| *set)
            .collect();
        let mut rendered: Vec<(usize, Option<String>)> = Vec::new();
        for set in sets {
            let made = if changed.is_empty() {
                self.render_probed(bench, set)
            } else {
                render(bench.helm, bench.copy.path(), self.chart, set, bench.root).ok()
            };
            rendered.push((set, made));
        }
        write(false);
        for (set, made) in rendered {
            let Some(made) = made else {
                return Ok(false);
            };
            let (before, now) = (documents(&after[&set]), documents(&made));
            let texts = |all: &[Document<'_>]| -> String {
                all.iter()
                    .filter(|d| d.source == config)
                    .map(|d| d.text.to_owned())
                    .collect()
            };
            if !texts(&now).contains(PROBE) || texts(&now) == texts(&before) {
                return Ok(false);
            }
            let hash = |all: &[Document<'_>], who: &(String, String)| {
                let found = all
                    .iter()
                    .filter(|d| d.source == self.source)
                    .filter_map(value);
                let mut found = found.filter(|v| identity(v) == *who);
                found.next().and_then(|v| annotation(&v, key))
            };
            for ((_, kind, name), files) in self.wanting.iter().filter(|((s, ..), _)| *s == set) {
                let who = (kind.clone(), name.clone());
                if files.contains(config) && hash(&before, &who) == hash(&now, &who) {
                    let text = text![
                        "the annotation of ",
                        kind.as_str(),
                        " ",
                        name.as_str(),
                        " does not change with the data of ",
                        config
                    ];
                    return Err(differs(text, self.set(set)));
                }
            }
        }
        Ok(true)
    }
}

impl Claim<'_> {
    /// Renders with another key in all data that the values have.
    fn render_probed(&self, bench: &Bench<'_>, set: usize) -> Option<String> {
        let values = self.chart.sets.get(set)?;
        let folder = tempfile::tempdir().ok()?;
        let mut files = Vec::new();
        for (number, file) in values.files.iter().enumerate() {
            let text = String::from_utf8(files::bytes(&bench.root.join(file)).ok()?).ok()?;
            let path = folder.path().join(format!("{number}.yaml"));
            std::fs::File::create(&path)
                .and_then(|mut file| file.write_all(probed(&text).as_bytes()))
                .ok()?;
            files.push(path.to_str()?.to_owned());
        }
        let values = Values {
            files,
            inline: values.inline.as_deref().map(probed),
            ..values.clone()
        };
        let own =
            String::from_utf8(files::bytes(&bench.copy.path().join(OWN_VALUES)).ok()?).ok()?;
        bench.copy.write(OWN_VALUES, &probed(&own)).ok()?;
        let made = bench.helm.template(bench.copy.path(), &values, bench.root);
        bench.copy.write(OWN_VALUES, &own).ok()?;
        made.ok()
    }
}

/// A template with another key in all data that it writes.
pub(super) fn probed(template: &str) -> String {
    use kubewright_model::kube::charts::actions::number_behind;
    let lines: Vec<&str> = template.split_inclusive('\n').collect();
    let mut out = String::new();
    for (at, line) in lines.iter().enumerate() {
        let indent = line.len() - line.trim_start_matches(' ').len();
        let key = ["data:", "stringData:", "binaryData:"]
            .into_iter()
            .find(|key| line[indent..].starts_with(key));
        let Some(key) = key else {
            out.push_str(line);
            continue;
        };
        let rest = &line[indent + key.len()..];
        let next = lines[at + 1..].iter().find(|l| !l.trim().is_empty());
        let written = rest.contains("{{").then_some(rest).or(next.copied());
        let deep = written.and_then(|l| {
            let trimmed = l.trim_start();
            let own = l.len() - trimmed.len();
            if trimmed.starts_with("{{") || rest.contains("{{") {
                number_behind(l, "indent")
            } else {
                Some(own)
            }
        });
        let deep = deep.filter(|deep| *deep > indent).unwrap_or(indent + 2);
        out.push_str(&line[..indent + key.len()]);
        out.push('\n');
        out.push_str(&" ".repeat(deep));
        out.push_str(PROBE);
        out.push_str(rest);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_gets_another_key() {
        assert_eq!(
            probed("data:\n    a: b\n"),
            format!("data:\n    {PROBE}\n    a: b\n")
        );
        assert_eq!(
            probed("data:\n  {{- toYaml .x | nindent 4 }}\n"),
            format!("data:\n    {PROBE}\n  {{{{- toYaml .x | nindent 4 }}}}\n")
        );
        assert_eq!(probed("metadata:\n  a: b\n"), "metadata:\n  a: b\n");
    }
}
