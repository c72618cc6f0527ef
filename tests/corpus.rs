//! Promise: first, do no harm — on real repositories.
//!
//! With `KUBEWRIGHT_CORPUS` set to a folder of repositories, each is copied, fixed with everything
//! allowed and held to the promises: no exit 2, the diff applies, files that no fix touches stay as
//! they are, a second run changes nothing, changed documents pass the strict schema if they did
//! before. Every file that is fixed by default has its row in `corpus-verdicts.tsv`.

#![expect(clippy::disallowed_methods, reason = "tests read and write files")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use kubewright::pipeline::is_shared_code;
use kubewright_transforms::ALL;
use libtest_mimic::{Arguments, Failed, Trial};
use serde_json::Value;
use support::{TrialResult, ensure, kubewright, missing, pipe, run, scratch, tree};

const VERDICTS: &str = include_str!("corpus-verdicts.tsv");

fn main() {
    let arguments = Arguments::from_args();
    let mut trials = vec![Trial::test("verdicts_are_well_formed", || {
        verdicts().map(|_| ())
    })];
    match std::env::var_os("KUBEWRIGHT_CORPUS").map(PathBuf::from) {
        Some(corpus) => {
            let schema = missing(
                "kubernetes_validate",
                "python3",
                &["-c", "import kubernetes_validate, yaml"],
            )
            .is_none();
            for repository in repositories(&corpus) {
                let name = repository
                    .file_name()
                    .map(|n| n.to_string_lossy().into_owned())
                    .unwrap_or_default();
                let label = if schema {
                    name.clone()
                } else {
                    format!("{name} (schema skipped: no kubernetes_validate)")
                };
                trials.push(Trial::test(label, move || {
                    promises(&repository, &name, schema)
                }));
            }
        }
        None => trials.push(
            Trial::test("corpus (skipped: KUBEWRIGHT_CORPUS is not set)", || Ok(()))
                .with_ignored_flag(true),
        ),
    }
    libtest_mimic::run(&arguments, trials).exit();
}

fn repositories(corpus: &Path) -> BTreeSet<PathBuf> {
    let entries = std::fs::read_dir(corpus).into_iter().flatten().flatten();
    entries
        .map(|e| e.path())
        .filter(|p| p.is_dir() && !p.ends_with("LICENCES"))
        .collect()
}

/// The files of a folder.
type Tree = BTreeMap<PathBuf, Vec<u8>>;

/// Fixed files by repository: `(path, transform)`.
type Verdicts = BTreeMap<String, BTreeSet<(String, String)>>;

fn verdicts() -> Result<Verdicts, Failed> {
    let mut found = Verdicts::new();
    for (number, line) in VERDICTS.lines().enumerate().skip(1) {
        let fields: Vec<&str> = line.split('\t').collect();
        let [file, transform, _code, verdict, sentence] = fields[..] else {
            return Err(format!("line {}: five fields are expected", number + 1).into());
        };
        ensure(verdict == "merge" && sentence.len() > 20, || {
            format!("line {}: verdict and its sentence", number + 1)
        })?;
        let (repository, path) = file
            .split_once('/')
            .ok_or_else(|| format!("line {}: repository/path", number + 1))?;
        found
            .entry(repository.into())
            .or_default()
            .insert((path.into(), transform.into()));
    }
    Ok(found)
}

fn json(dir: &Path, args: &[&str]) -> Result<Value, Failed> {
    let mut all = vec!["fix", "--format", "json"];
    all.extend(args);
    Ok(serde_json::from_slice(
        &run(&mut kubewright(dir, &all), &[0, 1])?.stdout,
    )?)
}

fn changed(report: &Value) -> BTreeSet<PathBuf> {
    let files = report["files"].as_array().into_iter().flatten();
    files
        .filter(|f| f["changed"] == true)
        .filter_map(|f| f["path"].as_str())
        .map(PathBuf::from)
        .collect()
}

fn promises(repository: &Path, name: &str, schema: bool) -> TrialResult {
    let (work, patched) = (scratch(repository)?, scratch(repository)?);
    let before = tree(work.path())?;

    let default = json(work.path(), &["."])?;
    ensure(tree(work.path())? == before, || "a preview writes".into())?;
    let known = verdicts()?.remove(name).unwrap_or_default();
    let fixed: BTreeSet<(String, String)> = applied(&default);
    ensure(fixed == known, || {
        let new: Vec<_> = fixed.difference(&known).collect();
        let gone: Vec<_> = known.difference(&fixed).collect();
        format!(
            "fixed by default without a verdict: {new:#?}\nverdicts of files that are not fixed: \
             {gone:#?}"
        )
    })?;

    let report = json(work.path(), &["--unsafe-fixes", "."])?;
    known_codes(&default)?;
    known_codes(&report)?;
    let diff = run(
        &mut kubewright(
            work.path(),
            &["fix", "--format", "diff", "--unsafe-fixes", "."],
        ),
        &[0, 1],
    )?
    .stdout;
    run(
        &mut kubewright(work.path(), &["fix", "--write", "--unsafe-fixes", "."]),
        &[0, 1],
    )?;
    let after = tree(work.path())?;
    let touched: BTreeSet<PathBuf> = after
        .iter()
        .filter(|(p, t)| before.get(*p) != Some(t))
        .map(|(p, _)| p.clone())
        .collect();
    ensure(touched == changed(&report), || {
        format!("changed: {touched:?}, reported: {:?}", changed(&report))
    })?;
    ensure(before.keys().all(|p| after.contains_key(p)), || {
        "a file is gone".into()
    })?;
    if !diff.is_empty() {
        pipe(
            Command::new("git")
                .args(["apply", "-"])
                .current_dir(patched.path()),
            &diff,
            &[0],
        )?;
        ensure(tree(patched.path())? == after, || {
            "the diff and --write differ".into()
        })?;
    }
    run(
        &mut kubewright(work.path(), &["fix", "--write", "--unsafe-fixes", "."]),
        &[0, 1],
    )?;
    ensure(tree(work.path())? == after, || {
        "a second run changes something".into()
    })?;
    other_line_breaks(repository, &before, &after)?;
    if schema {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/strict_schema.py");
        for path in &touched {
            let old = repository.join(path);
            let old = if old.exists() {
                old
            } else {
                "/dev/null".into()
            };
            run(
                Command::new("python3")
                    .arg(&script)
                    .arg(old)
                    .arg(work.path().join(path)),
                &[0],
            )?;
        }
    }
    Ok(())
}

/// Each reason why there is no fix has a code that its transform lists.
fn known_codes(report: &Value) -> TrialResult {
    let findings = report["findings"].as_array().into_iter().flatten();
    for finding in findings {
        let Some(code) = finding["reasonCode"].as_str() else {
            continue;
        };
        let of = ALL.iter().find(|t| finding["transform"] == t.meta().name);
        let listed = of.is_none_or(|t| t.meta().codes.contains(&code));
        ensure(listed || is_shared_code(code), || {
            format!("{code} is not among the codes of {}", finding["transform"])
        })?;
    }
    Ok(())
}

/// The fixes are the same where lines end in another way.
fn other_line_breaks(repository: &Path, before: &Tree, after: &Tree) -> TrialResult {
    let work = scratch(repository)?;
    let yaml = |path: &Path| {
        path.extension()
            .is_some_and(|e| ["yaml", "yml", "json"].iter().any(|y| e == *y))
    };
    let converted = |tree: &Tree| -> Tree {
        tree.iter()
            .map(|(path, bytes)| {
                (
                    path.clone(),
                    if yaml(path) {
                        crlf(bytes)
                    } else {
                        bytes.clone()
                    },
                )
            })
            .collect()
    };
    for (path, text) in converted(before) {
        std::fs::write(work.path().join(path), text)?;
    }
    run(
        &mut kubewright(work.path(), &["fix", "--write", "--unsafe-fixes", "."]),
        &[0, 1],
    )?;
    let (found, wanted) = (tree(work.path())?, converted(after));
    let differs = found
        .iter()
        .find(|(path, text)| wanted.get(*path) != Some(text));
    ensure(found.len() == wanted.len() && differs.is_none(), || {
        format!(
            "with CRLF another result: {:?}",
            differs.map(|(path, _)| path)
        )
    })
}

fn crlf(bytes: &[u8]) -> Vec<u8> {
    let lines: Vec<&[u8]> = bytes
        .split(|b| *b == b'\n')
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
        .collect();
    lines.join(&b"\r\n"[..])
}

/// `(path, transform)` of every edit that `--write` would make.
fn applied(report: &Value) -> BTreeSet<(String, String)> {
    let mut found = BTreeSet::new();
    for finding in report["findings"].as_array().into_iter().flatten() {
        if finding["fix"]["applied"] == true {
            let transform = finding["transform"].as_str().unwrap_or_default();
            for edit in finding["fix"]["edits"].as_array().into_iter().flatten() {
                found.insert((
                    edit["path"].as_str().unwrap_or_default().to_owned(),
                    transform.to_owned(),
                ));
            }
        }
    }
    found
}
