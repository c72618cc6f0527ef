//! Charts, rendered and mended with Helm 4 and Helm 3: the cases in `charts/`, each a workspace
//! before and after, and the report. Both versions must give the same.
//!
//! `BLESS=1` (`cargo bless`) writes `after/` and `report.txt`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use kubewright_model::kube::charts::ChartCode;
use libtest_mimic::{Failed, Trial};

use crate::project;
use crate::support::{TrialResult, ensure, kubewright, missing, needing, run, scratch, tree};

pub(crate) fn trials() -> Vec<Trial> {
    let helm = missing("helm 4", "helm", &["version"]);
    let helm3 = missing("helm 3", "helm3", &["version"]);
    let mut trials = Vec::new();
    let mut cases: Vec<PathBuf> = fs::read_dir(project("tests/clients/charts"))
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .collect();
    cases.sort();
    for case in cases {
        let name = case.file_name().unwrap_or_default().to_string_lossy();
        let name = format!("charts::{name}");
        let (four, three) = (case.clone(), case);
        let run_four = move || of_case(&four, "helm", blesses());
        let run_three = move || of_case(&three, "helm3", false);
        trials.push(needing(helm, &format!("{name}::helm_4"), run_four));
        if !blesses() {
            trials.push(needing(helm3, &format!("{name}::helm_3"), run_three));
        }
    }
    trials.push(needing(helm, "charts::scaffold::helm_4", || {
        scaffold("helm")
    }));
    trials.push(needing(helm3, "charts::scaffold::helm_3", || {
        scaffold("helm3")
    }));
    trials.push(Trial::test("charts::every_code_has_a_case", every_code));
    trials
}

/// What `helm create` makes, with a ConfigMap that its pods read.
fn scaffold(helm: &str) -> TrialResult {
    let empty = tempfile::tempdir()?;
    let before = empty.path();
    let made = Command::new(helm)
        .args(["create", "shop"])
        .current_dir(before)
        .output()?;
    ensure(made.status.success(), || "helm create fails".into())?;
    let templates = before.join("shop/templates");
    let config = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ include \"shop.fullname\" . }}\ndata:\n  level: {{ .Values.level | default \"info\" }}\n";
    fs::write(templates.join("configmap.yaml"), config)?;
    let path = templates.join("deployment.yaml");
    let reads = "          envFrom:\n            - configMapRef:\n                name: {{ include \"shop.fullname\" . }}\n          ports:\n";
    let text = fs::read_to_string(&path)?.replacen("          ports:\n", reads, 1);
    fs::write(&path, &text)?;
    let dir = scratch(before)?;
    let program = format!("--helm={helm}");
    run(
        &mut kubewright(dir.path(), &["fix", &program, "--write", "."]),
        &[0, 1],
    )?;
    let after = fs::read_to_string(dir.path().join("shop/templates/deployment.yaml"))?;
    let lines = |text: &str| text.lines().count();
    let entry = "checksum/config: {{ include (print $.Template.BasePath \"/configmap.yaml\")";
    ensure(after.contains(entry), || after.clone())?;
    ensure(lines(&after) == lines(&text) + 3, || after.clone())?;
    only_annotations(helm, before, dir.path())
}

/// Each reason is given in a case, and has a row on the page.
fn every_code() -> TrialResult {
    let page = fs::read_to_string(project("docs/helm.md"))?;
    let reports: Vec<String> = fs::read_dir(project("tests/clients/charts"))?
        .flatten()
        .filter_map(|entry| fs::read_to_string(entry.path().join("report.txt")).ok())
        .collect();
    for code in ChartCode::ALL {
        ensure(page.contains(&format!("| `{code}` |")), || {
            format!("{code} has no row on docs/helm.md")
        })?;
        let given = |report: &String| report.contains(&format!("({code}: "));
        let named = |report: &String| report.contains(&format!("no fix ({code})"));
        ensure(reports.iter().any(|r| given(r) || named(r)), || {
            format!("{code} has no case")
        })?;
    }
    Ok(())
}

fn blesses() -> bool {
    std::env::var("BLESS").is_ok_and(|v| v == "1")
}

type Files = BTreeMap<PathBuf, Vec<u8>>;

fn of_case(case: &Path, helm: &str, bless: bool) -> TrialResult {
    let before = case.join("before");
    let dir = scratch(&before)?;
    let program = format!("--helm={helm}");
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
    // Helm 3 has other words for some errors.
    let own = case.join(format!("report.{helm}.txt"));
    let expected = if own.exists() {
        own
    } else {
        case.join("report.txt")
    };
    let expected = fs::read_to_string(expected)?;
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
    // Other edits change what they are about: after/ says it.
    let name = case.file_name().unwrap_or_default().to_string_lossy();
    if !name.starts_with("literal-") {
        only_annotations(helm, &before, dir.path())?;
    }
    if helm == "helm3" {
        return Ok(());
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

/// What Helm itself makes of a chart before and after: no line is gone, and each new one is an
/// annotation with a hash, or `annotations:` above it. Lines that are made at random are left out.
fn only_annotations(helm: &str, before: &Path, after: &Path) -> TrialResult {
    let render = |dir: &Path| -> Option<Vec<String>> {
        let output = Command::new(helm)
            .args(["template", "shop", "shop"])
            .current_dir(dir)
            .output()
            .ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        let lines = text.lines().filter(|line| !line.trim().is_empty());
        output
            .status
            .success()
            .then(|| lines.map(str::to_owned).collect())
    };
    let Some(old) = render(before) else {
        return Ok(());
    };
    // No annotations, written out; a hash that is another one; a file that was parted.
    let said = |lines: Vec<String>| -> Vec<String> {
        let counts = |line: &String| {
            line.trim() != "{}" && !line.contains("checksum/") && !line.starts_with("# Source:")
        };
        lines.into_iter().filter(counts).collect()
    };
    let steady = render(before).is_some_and(|again| again == old);
    let new = render(after).ok_or("the chart does not render any more")?;
    if !steady {
        return Ok(());
    }
    let old = said(old);
    let mut left = old.iter().peekable();
    for line in &said(new) {
        if left.peek() == Some(&line) {
            left.next();
        } else {
            let text = line.trim();
            ensure(text == "annotations:" || text.contains("checksum/"), || {
                format!("{line} is new")
            })?;
        }
    }
    ensure(left.next().is_none(), || "lines are gone".into())
}
