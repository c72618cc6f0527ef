//! Promise: first, do no harm, on real charts.
//!
//! With `KUBEWRIGHT_CHARTS` set to a folder of folders of charts, each is rendered and mended with
//! everything allowed. Text outside of the edits stays to the byte; with each set of values Helm
//! renders of all other templates what it rendered before, and of a template that got a hash the
//! same but for annotations; a second run changes nothing. What is found is counted in
//! `chart-verdicts.tsv`, which `BLESS=1` (`cargo bless`) writes.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use kubewright_model::yaml::File;
use libtest_mimic::{Failed, Trial};
use serde_json::Value;

use crate::cases::blesses;
use crate::project;
use crate::support::{TrialResult, ensure, kubewright, missing, needing, run};

const TABLE: &str = "tests/chart-verdicts.tsv";
const HEAD: &str = "chart\ttransform\tfound\tfixed\toffered\tleft";
const HASH: &str = "missing-config-hash";

pub(crate) fn trials() -> Vec<Trial> {
    let Some(folder) = std::env::var_os("KUBEWRIGHT_CHARTS").map(PathBuf::from) else {
        return Vec::new();
    };
    let helm = missing("helm 4", "helm", &["version"]);
    let charts = charts(&folder);
    if blesses() {
        return vec![needing(helm, "chart_corpus", move || write(&charts))];
    }
    let known = charts.clone();
    let known = needing(helm, "chart_corpus::known_values", move || {
        known_values(&known)
    });
    let each = charts.into_iter().map(|(name, path)| {
        let label = format!("chart_corpus::{name}");
        needing(helm, &label, move || {
            let found = look(&name, &path)?;
            let expected = fs::read_to_string(project(TABLE))?;
            let mine = |line: &&str| line.starts_with(&format!("{name}\t"));
            let expected: Vec<&str> = expected.lines().filter(mine).collect();
            ensure(found == expected, || {
                format!(
                    "{TABLE} has\n{}\nfound\n{}",
                    expected.join("\n"),
                    found.join("\n")
                )
            })
        })
    });
    each.chain([known]).collect()
}

/// Releases of charts whose values are known, of those that are here: what their values name is
/// in what Helm renders, and with a hash in the values the pods have it and nothing else changes.
fn known_values(charts: &[(String, PathBuf)]) -> TrialResult {
    let case = project("transforms/missing-config-hash/cases/helm-release-charts");
    let read = |path: &str| fs::read_to_string(case.join(path));
    let (before, after) = (read("before/releases.yaml")?, read("after/releases.yaml")?);
    let config = File::parse(read("before/config.yaml")?)?;
    let documents = 0..config.documents().len();
    let names = documents.filter_map(|d| config.root(d)?.path(&["metadata", "name"])?.text());
    let names: Vec<&str> = names.collect();
    let (before, after) = (File::parse(before)?, File::parse(after)?);
    let mut tried = 0;
    for document in 0..before.documents().len() {
        let chart = before.root(document).and_then(|root| {
            let name = root.path(&["spec", "chart", "spec", "chart"])?.text()?;
            let end = format!("/{name}");
            charts.iter().find(|(known, _)| known.ends_with(&end))
        });
        let Some((name, chart)) = chart else { continue };
        let (values, old) = release(&before, document, chart)?;
        let (_, new) = release(&after, document, chart)?;
        for named in names.iter().filter(|named| values.contains(*named)) {
            ensure(old.contains(&format!("name: {named}")), || {
                format!("{name} does not read {named}")
            })?;
        }
        let counts = |line: &&str| {
            !line.contains("config-hash:") && !["annotations:", "{}"].contains(&line.trim())
        };
        let said = |render: &str| -> Vec<String> {
            render.lines().filter(counts).map(str::to_owned).collect()
        };
        ensure(new.contains("kubewright.dev/config-hash: "), || {
            format!("{name} does not give its pods what stands in podAnnotations")
        })?;
        ensure(said(&old) == said(&new), || {
            format!("{name} renders otherwise")
        })?;
        tried += 1;
    }
    ensure(tried > 0, || "no chart is known".into())
}

/// The values of a release, and what Helm renders with them.
fn release(file: &File, document: usize, chart: &Path) -> Result<(String, String), Failed> {
    let values = file
        .root(document)
        .and_then(|root| root.path(&["spec", "values"]));
    let values = values.ok_or("no values")?;
    let column = values.file().position(values.span().start).1 - 1;
    let values = format!("{}{}\n", " ".repeat(column), values.source());
    let work = tempfile::tempdir()?;
    let path = work.path().join("values.yaml");
    fs::write(&path, &values)?;
    let mut helm = Command::new("helm");
    let output = run(
        helm.arg("template")
            .arg("shop")
            .arg(chart)
            .arg("--values")
            .arg(&path),
        &[0],
    )?;
    Ok((values, String::from_utf8(output.stdout)?))
}

/// The charts of the folders in a folder, by folder and name.
fn charts(folder: &Path) -> Vec<(String, PathBuf)> {
    let below = |path: &Path| -> Vec<PathBuf> {
        let entries = fs::read_dir(path).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).collect()
    };
    let name = |path: &Path| {
        path.file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned()
    };
    let mut charts = Vec::new();
    for owner in below(folder) {
        for chart in below(&owner) {
            if chart.join("Chart.yaml").is_file() {
                charts.push((format!("{}/{}", name(&owner), name(&chart)), chart));
            }
        }
    }
    charts.sort();
    charts
}

fn write(charts: &[(String, PathBuf)]) -> TrialResult {
    let mut table = vec![HEAD.to_owned()];
    for (name, path) in charts {
        table.extend(look(name, path)?);
    }
    fs::write(project(TABLE), table.join("\n") + "\n")?;
    Ok(())
}

/// Holds a chart to the promises; its rows of the table.
fn look(name: &str, chart: &Path) -> Result<Vec<String>, Failed> {
    let work = tempfile::tempdir()?;
    let copy = work.path().join("chart");
    crate::support::copy(chart, &copy)?;
    let mut git = Command::new("git");
    run(git.args(["init", "-q"]).current_dir(work.path()), &[0])?;
    let report = fix(work.path(), &["--write", "--unsafe-fixes"])?;
    let edited = outside_of_edits(chart, work.path(), &report)?;
    if edited.is_empty() {
        return Ok(rows(name, &report));
    }
    let untouched = tempfile::tempdir()?;
    crate::support::copy(chart, &untouched.path().join("chart"))?;
    let sets = sets(&copy);
    let before = renders(untouched.path(), &sets);
    if renders(untouched.path(), &sets) == before {
        for ((set, before), (_, after)) in before.iter().zip(renders(work.path(), &sets)) {
            if let Some(before) = before {
                let after =
                    after.ok_or_else(|| format!("does not render any more with {set:?}"))?;
                same_elsewhere(&edited, before, &after)?;
            }
        }
    }
    let again = fix(work.path(), &["--unsafe-fixes"])?;
    ensure(
        findings(&again).all(|f| f["fix"]["applied"] != true),
        || format!("a second run changes something: {again:#}"),
    )?;
    Ok(rows(name, &report))
}

fn fix(dir: &Path, more: &[&str]) -> Result<Value, Failed> {
    let args = [&["fix", "--helm", "--format", "json"], more, &["."]].concat();
    let output = run(&mut kubewright(dir, &args), &[0, 1])?;
    Ok(serde_json::from_slice(&output.stdout)?)
}

fn findings(report: &Value) -> impl Iterator<Item = &Value> {
    report["findings"].as_array().into_iter().flatten()
}

/// The sets of values: the default ones, and those of `ci/`.
fn sets(chart: &Path) -> Vec<Option<PathBuf>> {
    let entries = fs::read_dir(chart.join("ci"))
        .into_iter()
        .flatten()
        .flatten();
    let mut sets: Vec<Option<PathBuf>> = entries.map(|entry| Some(entry.path())).collect();
    sets.sort();
    sets.insert(0, None);
    sets
}

type Renders = Vec<(Option<PathBuf>, Option<String>)>;

fn renders(dir: &Path, sets: &[Option<PathBuf>]) -> Renders {
    let each = sets.iter().map(|set| {
        let mut command = Command::new("helm");
        command.args(["template", "shop", "chart"]).current_dir(dir);
        if let Some(values) = set {
            command.arg("--values").arg(values);
        }
        let output = command
            .output()
            .ok()
            .filter(|output| output.status.success());
        let text = output.and_then(|output| String::from_utf8(output.stdout).ok());
        (set.clone(), text)
    });
    each.collect()
}

/// The edits of fixes that were applied, by path: all that is not theirs is as it was.
fn outside_of_edits(
    chart: &Path,
    work: &Path,
    report: &Value,
) -> Result<BTreeMap<String, BTreeSet<String>>, Failed> {
    let mut ranges: BTreeMap<String, Vec<(usize, usize)>> = BTreeMap::new();
    let mut by: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for finding in findings(report).filter(|f| f["fix"]["applied"] == true) {
        for edit in finding["fix"]["edits"].as_array().into_iter().flatten() {
            let path = edit["path"].as_str().unwrap_or_default().to_owned();
            let at = |key: &str| edit[key].as_u64().and_then(|n| usize::try_from(n).ok());
            let range = (
                at("start").unwrap_or_default(),
                at("end").unwrap_or_default(),
            );
            ranges.entry(path.clone()).or_default().push(range);
            let transform = finding["transform"].as_str().unwrap_or_default();
            by.entry(path).or_default().insert(transform.to_owned());
        }
    }
    for (path, bytes) in crate::support::tree(chart)? {
        let own = format!("chart/{}", path.display());
        let after = fs::read(work.join(&own)).unwrap_or_default();
        let Some(ranges) = ranges.get_mut(&own) else {
            ensure(after == bytes, || format!("{own} changed without an edit"))?;
            continue;
        };
        ranges.sort_unstable();
        let (mut kept, mut at) = (Vec::new(), 0);
        for (start, end) in ranges.iter() {
            kept.push(&bytes[at.min(*start)..*start]);
            at = at.max(*end);
        }
        kept.push(&bytes[at..]);
        let mut left = after.as_slice();
        for piece in kept {
            let found = (0..=left.len()).find(|at| left[*at..].starts_with(piece));
            let found = found.ok_or_else(|| format!("{own}: text outside of its edits is gone"))?;
            left = &left[found + piece.len()..];
        }
    }
    Ok(by)
}

/// The documents of a render, by the template that made them.
fn documents(render: &str) -> BTreeMap<&str, Vec<&str>> {
    let mut all: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for document in render.split("---\n") {
        let source = document
            .lines()
            .find_map(|line| line.strip_prefix("# Source: "));
        let lines = document.lines().filter(|line| !line.trim().is_empty());
        all.entry(source.unwrap_or_default())
            .or_default()
            .extend(lines);
    }
    all
}

fn same_elsewhere(
    edited: &BTreeMap<String, BTreeSet<String>>,
    before: &str,
    after: &str,
) -> TrialResult {
    let (old, new) = (documents(before), documents(after));
    for (source, old) in &old {
        let empty = Vec::new();
        let new = new.get(source).unwrap_or(&empty);
        let own = source.split_once('/').map_or("", |(_, path)| path);
        let by = edited.get(&format!("chart/{own}"));
        let of_values = edited.keys().any(|path| path.ends_with("values.yaml"));
        match by {
            None => ensure(new == old || of_values, || {
                format!("{source} renders otherwise")
            })?,
            Some(by) if by.iter().all(|transform| transform == HASH) => {
                let counts = |line: &&&str| {
                    let line = line.trim();
                    line != "{}" && !line.contains("checksum/") && !line.starts_with("annotations:")
                };
                let said = |lines: &[&str]| -> Vec<String> {
                    lines
                        .iter()
                        .filter(counts)
                        .map(|line| (*line).to_owned())
                        .collect()
                };
                ensure(said(old) == said(new), || {
                    format!("{source} renders otherwise, but for its annotations")
                })?;
            }
            Some(_) => {}
        }
    }
    Ok(())
}

/// Counts of findings by transform, without those that are worth knowing only.
fn rows(name: &str, report: &Value) -> Vec<String> {
    let mut counts: BTreeMap<&str, [usize; 4]> = BTreeMap::new();
    for finding in findings(report).filter(|f| f["severity"] != "info") {
        let count = counts
            .entry(finding["transform"].as_str().unwrap_or_default())
            .or_default();
        count[0] += 1;
        let at = match &finding["fix"] {
            Value::Null => 3,
            fix if fix["applied"] == true => 1,
            _ => 2,
        };
        count[at] += 1;
    }
    let row = |(transform, [found, fixed, offered, left]): (&&str, &[usize; 4])| {
        format!("{name}\t{transform}\t{found}\t{fixed}\t{offered}\t{left}")
    };
    counts.iter().map(row).collect()
}
