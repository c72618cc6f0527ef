//! A chart that does not render because an annotation is the hash of a file that it does not have:
//! copied from another chart, or left behind when the file got another name.

use std::collections::BTreeMap;

use kubewright_model::finding::{Applicability, NoFix, Severity};
use kubewright_model::kube::charts::idiom::Idiom;
use kubewright_model::kube::charts::rendered::documents;
use kubewright_model::kube::charts::{Chart, ChartCode};
use kubewright_model::text;
use kubewright_model::text::{Field, Path as At};
use serde_yaml::Value;

use super::hash::{HASH, base, below};
use super::prove::{Bench, annotation, identity, probed, value};
use super::rendering::{Renders, render};
use super::seen::Templates;
use super::stale::reads;
use crate::pipeline::report::{Outcome, Reported, ReportedFix};

/// An annotation that includes a file which is not there.
struct Lost {
    path: String,
    /// From 0.
    line: usize,
    key: String,
    file: String,
}

/// What mends it: the template with another file, and what the chart renders then.
struct Mended {
    file: String,
    text: String,
    renders: Renders,
}

/// The finding, where a chart that renders with no values has such an annotation, and what it
/// renders once that is mended, which the copy and the templates are then, if `applies`. `said` is
/// Helm's word on why it does not render.
pub(super) fn repaired(
    bench: &Bench<'_>,
    chart: &Chart,
    templates: &mut Templates,
    (said, applies): (&str, bool),
) -> Option<(Reported, Renders)> {
    let lost = lost(templates, said)?;
    let mut mended = candidates(templates, &lost)
        .into_iter()
        .filter_map(|file| tried(bench, chart, templates, (&lost, &file)));
    let only = mended.next().filter(|_| mended.next().is_none());
    drop(mended);
    let text = templates.original(&lost.path)?;
    let start: usize = text
        .split_inclusive('\n')
        .take(lost.line)
        .map(str::len)
        .sum();
    let line = text.lines().nth(lost.line)?;
    let blanks = line.len() - line.trim_start().len();
    let mut finding = Reported::unread(
        lost.path.clone(),
        (lost.line + 1, blanks + 1),
        start + blanks,
        String::new(),
        NoFix::new(
            ChartCode::NotRendered,
            "no template of the chart is known to make what the pods read: name the right one, or \
             take the annotation away",
        ),
    );
    finding.place.end = start + line.trim_end().len();
    finding.transform = HASH;
    finding.severity = Severity::Error;
    finding.message = text![
        "chart ",
        chart.name.as_str(),
        " does not render, and cannot be installed: ",
        Field(&lost.key),
        " includes ",
        lost.file.as_str(),
        ", which it does not have"
    ];
    let mut renders = Renders::new();
    if let Some(mended) = only {
        finding.fix = Ok(ReportedFix {
            title: text![
                "include ",
                At(&mended.file),
                ", which makes what the pods read; proven by rendering chart ",
                chart.name.as_str()
            ],
            applicability: Applicability::Safe,
            edits: vec![templates.splice(&lost.path, &mended.text)],
            lost_comments: Vec::new(),
        });
        if applies {
            finding.outcome = Outcome::Applied;
            let own = &lost.path[chart.below("").len()..];
            let _ = bench.copy.write(own, &mended.text);
            let text = mended.text.as_str().into();
            templates.now.insert(lost.path.clone(), text);
            renders = mended.renders;
        }
    }
    Some((finding, renders))
}

fn lost(templates: &Templates, said: &str) -> Option<Lost> {
    for (path, text) in &templates.before {
        for (line, written) in text.lines().enumerate() {
            let (Some(key), Some(file)) = (Idiom::key_of(written), Idiom::file_of(written)) else {
                continue;
            };
            let there = templates.text(&format!("{}templates/{file}", base(path)));
            let named =
                said.contains("error calling include") && said.contains(&format!("\"/{file}\""));
            if there.is_none() && named {
                return Some(Lost {
                    path: path.clone(),
                    line,
                    key: key.to_owned(),
                    file: file.to_owned(),
                });
            }
        }
    }
    None
}

/// The templates of the same chart that make configuration.
fn candidates(templates: &Templates, lost: &Lost) -> Vec<String> {
    let own = |path: &&String| base(path) == base(&lost.path) && **path != lost.path;
    let makes = |path: &&String| {
        let text = templates.text(path);
        text.is_some_and(|text| {
            text.lines()
                .any(|line| line.trim_end() == "kind: ConfigMap")
        })
    };
    let paths = templates.before.keys().filter(own).filter(makes);
    paths.cloned().collect()
}

/// The template with another file, if the chart renders with all values then, its pods read what
/// the file makes, and the annotation follows it.
fn tried(
    bench: &Bench<'_>,
    chart: &Chart,
    templates: &Templates,
    (lost, file): (&Lost, &str),
) -> Option<Mended> {
    let before = templates.text(&lost.path)?;
    let mut lines: Vec<String> = before.split_inclusive('\n').map(str::to_owned).collect();
    lines[lost.line] = Idiom::with_file(&lines[lost.line], &below(base(file), file))?;
    let text = lines.concat();
    let relative = |path: &str| path[chart.below("").len()..].to_owned();
    let all = || -> Option<Renders> {
        let sets = 0..chart.sets.len();
        let one = |set| {
            Some((
                set,
                render(bench.helm, bench.copy.path(), chart, set, bench.root).ok()?,
            ))
        };
        sets.map(one).collect()
    };
    let _ = bench.copy.write(&relative(&lost.path), &text);
    let renders = all();
    let config = templates.text(file)?;
    let _ = bench.copy.write(&relative(file), &probed(config));
    let other = all();
    let _ = bench.copy.write(&relative(file), config);
    let _ = bench.copy.write(&relative(&lost.path), before);
    let (renders, other) = (renders?, other?);
    let source = format!("{}/{}", chart.name, relative(file));
    let follows = renders.iter().all(|(set, rendered)| {
        let (old, new) = (hashes(rendered, &lost.key), hashes(&other[set], &lost.key));
        old.iter().all(|(who, (hash, read))| {
            let made = documents(rendered);
            let mut made = made.iter().filter(|d| d.source == source).filter_map(value);
            let read = made.any(|config| read.contains(&identity(&config).1));
            read && new.get(who).is_some_and(|(other, _)| other != hash)
        })
    });
    let some = renders
        .values()
        .any(|rendered| !hashes(rendered, &lost.key).is_empty());
    (follows && some).then(|| Mended {
        file: file.to_owned(),
        text,
        renders,
    })
}

/// The workloads with an annotation of that key: its value, and the ConfigMaps that they read.
fn hashes(rendered: &str, key: &str) -> BTreeMap<(String, String), (String, Vec<String>)> {
    let all = documents(rendered);
    let one = |object: Value| {
        let hash = annotation(&object, key)?;
        Some((identity(&object), (hash, reads(&object))))
    };
    all.iter().filter_map(value).filter_map(one).collect()
}
