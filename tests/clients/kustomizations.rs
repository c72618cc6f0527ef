//! Kustomizations, built and mended with kustomize and with `kubectl kustomize`: the cases in
//! `kustomizations/`, each a workspace before and after, and the report. Both must give the same.

use std::fs;
use std::path::Path;
use std::process::Command;

use kubewright_model::kube::BuildCode;
use libtest_mimic::Trial;

use crate::cases;
use crate::project;
use crate::support::{TrialResult, ensure, missing, needing, tree};

const CASES: &str = "tests/clients/kustomizations";

pub(crate) fn trials() -> Vec<Trial> {
    let kustomize = missing("kustomize", "kustomize", &["version"]);
    let kubectl = missing("kubectl", "kubectl", &["version", "--client"]);
    let mut trials = Vec::new();
    for (name, case) in cases::of(CASES) {
        let (one, other) = (case.clone(), case);
        let itself = move || of_case(&one, "kustomize", cases::blesses());
        let in_kubectl = move || of_case(&other, "kubectl", false);
        trials.push(needing(kustomize, &format!("{name}::kustomize"), itself));
        if !cases::blesses() {
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
    let reports = cases::reports(CASES);
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

fn of_case(case: &Path, program: &str, bless: bool) -> TrialResult {
    let report = case.join("report.txt");
    let option = format!("--kustomize={program}");
    cases::check(case, &option, (&report, bless), |before, after| {
        let name = case.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with("subpath") || name.starts_with("renamed") {
            return Ok(());
        }
        only_annotations(before, after)
    })
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
