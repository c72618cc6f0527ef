//! Kustomizations, built and mended with kustomize and with `kubectl kustomize`: the cases in
//! `kustomizations/`, each a workspace before and after, and the report. Both must give the same.
//!
//! `BLESS=1` (`cargo bless`) writes `after/` and `report.txt`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use kubewright_model::kube::BuildCode;
use libtest_mimic::{Failed, Trial};

use crate::project;
use crate::support::{TrialResult, ensure, kubewright, missing, needing, run, scratch, tree};

const CASES: &str = "tests/clients/kustomizations";

pub(crate) fn trials() -> Vec<Trial> {
    let kustomize = missing("kustomize", "kustomize", &["version"]);
    let kubectl = missing("kubectl", "kubectl", &["version", "--client"]);
    let mut trials = Vec::new();
    let mut cases: Vec<PathBuf> = fs::read_dir(project(CASES))
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .collect();
    cases.sort();
    for case in cases {
        let name = case.file_name().unwrap_or_default().to_string_lossy();
        let name = format!("kustomizations::{name}");
        let (one, other) = (case.clone(), case);
        let itself = move || of_case(&one, "kustomize", blesses());
        let in_kubectl = move || of_case(&other, "kubectl", false);
        trials.push(needing(kustomize, &format!("{name}::kustomize"), itself));
        if !blesses() {
            trials.push(needing(kubectl, &format!("{name}::kubectl"), in_kubectl));
        }
    }
    trials.push(Trial::test("kustomizations::every_code", every_code));
    trials.push(Trial::test("kustomizations::page", page));
    trials
}

/// Each reason is given in a case, and has a row on the page.
fn every_code() -> TrialResult {
    let page = fs::read_to_string(project("docs/kustomize.md"))?;
    let reports: Vec<String> = fs::read_dir(project(CASES))?
        .flatten()
        .filter_map(|entry| fs::read_to_string(entry.path().join("report.txt")).ok())
        .collect();
    for code in BuildCode::ALL {
        ensure(page.contains(&format!("| `{code}` |")), || {
            format!("{code} has no row on docs/kustomize.md")
        })?;
        let given = |report: &String| report.contains(&format!("no fix ({code})"));
        ensure(reports.iter().any(given), || format!("{code} has no case"))?;
    }
    Ok(())
}

/// What the page shows is a case: blocks that name a file of it, or its report.
fn page() -> TrialResult {
    let page = fs::read_to_string(project("docs/kustomize.md"))?;
    let mut shown = 0;
    let mut rest = page.as_str();
    while let Some((_, behind)) = rest.split_once("```") {
        let (block, behind) = behind.split_once("\n```").ok_or("a block without an end")?;
        rest = behind;
        let (head, text) = block.split_once('\n').unwrap_or((block, ""));
        let Some(path) = head.split_whitespace().nth(1) else {
            continue;
        };
        let file = fs::read_to_string(project(CASES).join(path))?;
        ensure(file.trim_end().contains(text.trim_end()), || {
            format!("docs/kustomize.md shows {path} as it is not:\n{text}")
        })?;
        shown += 1;
    }
    ensure(shown > 2, || "docs/kustomize.md shows no case".into())
}

fn blesses() -> bool {
    std::env::var("BLESS").is_ok_and(|v| v == "1")
}

type Files = BTreeMap<PathBuf, Vec<u8>>;

fn of_case(case: &Path, program: &str, bless: bool) -> TrialResult {
    let before = case.join("before");
    let dir = scratch(&before)?;
    let program = format!("--kustomize={program}");
    let args = fs::read_to_string(case.join("args")).unwrap_or_default();
    let args: Vec<&str> = args.split_whitespace().collect();
    let fix = |more: &[&str]| -> Result<String, Failed> {
        let args = [&["fix", "-vv", &program], more, &args, &["."]].concat();
        let output = run(&mut kubewright(dir.path(), &args), &[0, 1])?;
        let said = [output.stdout, output.stderr].concat();
        Ok(String::from_utf8(said)?)
    };
    let report = fix(&["--write"])?;
    let after = tree(dir.path())?;
    if bless {
        write_tree(&case.join("after"), &after, &tree(&before)?)?;
        fs::write(case.join("report.txt"), &report)?;
        return Ok(());
    }
    let expected = fs::read_to_string(case.join("report.txt"))?;
    ensure(report == expected, || {
        format!("expected:\n{expected}\nfound:\n{report}")
    })?;
    let mut expected = tree(&before)?;
    let kept = case.join("after");
    if kept.is_dir() {
        expected.extend(tree(&kept)?);
    }
    ensure(after == expected, || {
        "the files are not those of after/".into()
    })?;
    let name = case.file_name().unwrap_or_default().to_string_lossy();
    if !name.starts_with("subpath") {
        only_annotations(&before, dir.path())?;
    }
    let again = fix(&["--check"])?;
    ensure(!again.contains("with --write"), || again.clone())
}

/// Keeps the files that changed.
fn write_tree(folder: &Path, after: &Files, before: &Files) -> TrialResult {
    let _ = fs::remove_dir_all(folder);
    for (path, bytes) in after {
        if before.get(path) != Some(bytes) {
            let path = folder.join(path);
            fs::create_dir_all(path.parent().ok_or("no parent")?)?;
            fs::write(path, bytes)?;
        }
    }
    Ok(())
}

/// What kustomize itself builds of every kustomization before and after: what built builds, no line
/// is gone but for a hash, and each new one is a hash, or `annotations:` above it.
fn only_annotations(before: &Path, after: &Path) -> TrialResult {
    let build = |dir: &Path| -> Option<String> {
        let mut command = Command::new("kustomize");
        command
            .arg("build")
            .arg(dir)
            .env("HTTPS_PROXY", "http://127.0.0.1:9");
        let output = command.output().ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        output.status.success().then_some(text)
    };
    for path in tree(before)?.keys() {
        if path
            .file_name()
            .is_none_or(|name| name != "kustomization.yaml")
        {
            continue;
        }
        let folder = path.parent().ok_or("no parent")?;
        let Some(old) = build(&before.join(folder)) else {
            continue;
        };
        let new = build(&after.join(folder));
        let new = new.ok_or_else(|| format!("{} does not build any more", folder.display()))?;
        same_but_for_hashes(&old, &new)?;
    }
    Ok(())
}

/// Whether no line is gone but for a hash, and each new one is a hash, or `annotations:` above it.
pub(crate) fn same_but_for_hashes(before: &str, after: &str) -> TrialResult {
    let hash = |line: &&str| line.contains("config-hash:");
    let mut left = before.lines().filter(|line| !hash(line)).peekable();
    for line in after.lines().filter(|line| !hash(line)) {
        if left.peek() == Some(&line) {
            left.next();
        } else {
            ensure(line.trim() == "annotations:", || format!("{line} is new"))?;
        }
    }
    ensure(left.next().is_none(), || "lines are gone".into())
}
