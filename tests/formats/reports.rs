//! Formats: what they are, what their fixes do, and what cannot break out of them.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use libtest_mimic::Failed;

use super::commit;
use crate::support::{TrialResult, ensure, kubewright, pipe, run, scratch};

fn home() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The examples, and what a fix of several files needs, in a work tree of their own.
fn examples() -> Result<tempfile::TempDir, Failed> {
    scratch(&home().join("examples"))
}

fn check(args: &[&Path], command: &str) -> TrialResult {
    let script = home().join("tests/formats/check.py");
    run(
        Command::new("python3").arg(script).arg(command).args(args),
        &[0],
    )?;
    Ok(())
}

pub(crate) fn schemas() -> TrialResult {
    let (dir, out) = (examples()?, tempfile::tempdir()?);
    let formats = [
        "json", "sarif", "gitlab", "rdjson", "rdjsonl", "junit", "concise", "github", "markdown",
    ];
    let to = |format: &str| format!("{format}={}", out.path().join(format).display());
    let formats: Vec<String> = formats.iter().map(|format| to(format)).collect();
    let mut args = vec!["fix", "--unsafe-fixes", "--exit-zero"];
    args.extend(formats.iter().flat_map(|format| ["--format", format]));
    let said = run(&mut kubewright(dir.path(), &args), &[0])?;
    ensure(said.stdout.is_empty(), || "a report went astray".into())?;
    let baseline = out.path().join("baseline");
    let baseline = baseline.to_string_lossy();
    run(
        &mut kubewright(dir.path(), &["fix", "--write-baseline", &baseline]),
        &[0],
    )?;
    check(&[out.path(), &home().join("docs/schemas")], "schemas")
}

/// One transform at a time, in whose run no fix builds on another one.
pub(crate) fn fixes() -> TrialResult {
    for select in [
        "missing-config-hash",
        "configmap-name-collision",
        "subpath-configmap-mount",
    ] {
        for format in ["sarif", "rdjson"] {
            let (before, after) = (examples()?, examples()?);
            let report = tempfile::NamedTempFile::new()?;
            let to = format!("{format}={}", report.path().display());
            let args = ["fix", "--unsafe-fixes", "--select", select, "--exit-zero"];
            let preview: Vec<&str> = args.into_iter().chain(["--format", to.as_str()]).collect();
            run(&mut kubewright(before.path(), &preview), &[0])?;
            let write: Vec<&str> = args.into_iter().chain(["--write"]).collect();
            run(&mut kubewright(after.path(), &write), &[0])?;
            check(&[before.path(), after.path(), report.path()], "fixes")?;
        }
    }
    Ok(())
}

pub(crate) fn reviewdog() -> TrialResult {
    let dir = examples()?;
    commit(dir.path(), "all")?;
    let read = |format: &str| -> Result<String, Failed> {
        let args = ["fix", "-v", "--exit-zero", "--format", format];
        let report = run(&mut kubewright(dir.path(), &args), &[0])?.stdout;
        let format = format!("-f={format}");
        let args = [
            &*format,
            "-reporter=local",
            "-filter-mode=nofilter",
            "-fail-level=none",
        ];
        let mut client = Command::new("reviewdog");
        let said = pipe(client.args(args).current_dir(dir.path()), &report, &[0])?;
        Ok(String::from_utf8_lossy(&said.stdout).into_owned())
    };
    let said = read("rdjson")?;
    ensure(
        said.contains("Deployment calculator reads ConfigMap calculator")
            && said.contains("suggestions:{range:{start:{line:"),
        || format!("reviewdog says:\n{said}"),
    )?;
    let lines = read("rdjsonl")?.lines().count();
    ensure(lines == said.lines().count() && lines > 10, || {
        format!(
            "{lines} lines of rdjsonl, {} of rdjson",
            said.lines().count()
        )
    })
}

pub(crate) fn fingerprints() -> TrialResult {
    let dir = examples()?;
    let marks = || -> Result<Vec<String>, Failed> {
        let args = ["fix", "--exit-zero", "--format", "sarif"];
        let report = run(&mut kubewright(dir.path(), &args), &[0])?.stdout;
        let report: serde_json::Value = serde_json::from_slice(&report)?;
        let results = report["runs"][0]["results"].as_array().cloned();
        let mark = |r: &serde_json::Value| {
            r["partialFingerprints"]["primaryLocationLineHash"]
                .as_str()
                .map(str::to_owned)
        };
        Ok(results
            .unwrap_or_default()
            .iter()
            .filter_map(mark)
            .collect())
    };
    let before = marks()?;
    let different: BTreeSet<&String> = before.iter().collect();
    ensure(different.len() == before.len() && before.len() > 10, || {
        format!(
            "{} of {} fingerprints differ",
            different.len(),
            before.len()
        )
    })?;
    let file = dir.path().join("incident-2-two-configurations/app.yaml");
    let text = fs::read_to_string(&file)?;
    fs::write(
        &file,
        format!(
            "# one\n\n# two\n---\n{}",
            text.replace("\n---\n", "\n\n---\n# three\n")
        ),
    )?;
    ensure(marks()? == before, || {
        "lines moved, and so did fingerprints".into()
    })
}

/// A manifest whose names and values try to be markup, commands and control sequences.
pub(crate) fn hostile() -> TrialResult {
    let dir = tempfile::tempdir()?;
    let name = "a`b|c<script>@someone ::error::x%0A [l](http://x) *b* \\u202e\\u001b[31m\\x9b";
    let manifest = format!(
        "apiVersion: v1\nkind: Pod\nmetadata:\n  name: \"{name}\"\nspec:\n  containers:\n  - name: \
         \"{name}\"\n    image: a\n    env:\n    - name: A\n      valueFrom:\n        \
         configMapKeyRef:\n          name: \"{name}\"\n          key: \"```\\n##[group]<b>\"\n"
    );
    fs::write(dir.path().join("we&ird, name:#1.yaml"), manifest)?;
    super::git(dir.path(), &["init", "-q"])?;
    let formats = [
        "text", "concise", "json", "markdown", "html", "github", "gitlab", "sarif", "rdjson",
        "rdjsonl", "junit",
    ];
    for format in formats {
        let args = ["fix", "-v", "--exit-zero", "--format", format];
        let said = run(&mut kubewright(dir.path(), &args), &[0])?.stdout;
        let said = String::from_utf8_lossy(&said).into_owned();
        ensure(said.contains("missing-config-hash"), || {
            format!("{format} has no finding:\n{said}")
        })?;
        let acts = |c: &char| c.is_control() && *c != '\n' || *c == '\u{202e}';
        ensure(!said.chars().any(|c| acts(&c)), || {
            format!("{format} has a character that acts:\n{said}")
        })?;
        match format {
            "github" => ensure(
                said.lines().all(|line| line.starts_with("::"))
                    && said.contains("file=we&ird%2C name%3A#1.yaml,")
                    && said.contains("%250A"),
                || format!("a command is broken:\n{said}"),
            )?,
            "markdown" => ensure(
                !said.contains("<script>") && !said.contains("@someone") && !said.contains("*b*"),
                || format!("markup got through:\n{said}"),
            )?,
            "html" => ensure(
                said.matches("<script>").count() == 1 && !said.contains("<b>\n"),
                || format!("markup got through:\n{said}"),
            )?,
            "junit" => ensure(!said.contains("<script>"), || {
                format!("markup got through:\n{said}")
            })?,
            "sarif" => ensure(said.contains("we%26ird%2C%20name%3A%231.yaml"), || {
                format!("the path is no URI:\n{said}")
            })?,
            _ => {}
        }
    }
    Ok(())
}

/// Many files: the comment leaves out diffs, then findings, and says so.
pub(crate) fn limit() -> TrialResult {
    let dir = tempfile::tempdir()?;
    let one = fs::read_to_string(home().join("examples/incident-2-two-configurations/app.yaml"))?;
    for number in 0..400 {
        let text = one.replace("calculator", &format!("calculator-{number}"));
        fs::write(dir.path().join(format!("app-{number}.yaml")), text)?;
    }
    let args = ["fix", "--exit-zero", "--format", "markdown"];
    let said = run(&mut kubewright(dir.path(), &args), &[0])?.stdout;
    let said = String::from_utf8_lossy(&said).into_owned();
    ensure(said.chars().count() < 65_536, || {
        format!("{} characters", said.chars().count())
    })?;
    for sentence in [
        "<!-- kubewright-report -->\n",
        "more are left out to keep this comment short",
        "are left out to keep this comment below the size that GitHub takes",
        "is left out, it would be too large",
        "and 370 more.",
    ] {
        ensure(said.contains(sentence), || {
            format!("{sentence} is not said:\n{said}")
        })?;
    }
    let (open, closed) = (
        said.matches("<details>").count(),
        said.matches("</details>").count(),
    );
    ensure(open == closed && open > 5, || {
        format!("{open} folds, {closed} ends")
    })
}

/// The program on the page about JSON, run as it stands there.
pub(crate) fn program() -> TrialResult {
    let (page, dir) = (
        fs::read_to_string(home().join("docs/json.md"))?,
        examples()?,
    );
    let program = page
        .split("```python\n")
        .nth(1)
        .and_then(|rest| rest.split("```").next());
    let program = program.ok_or("no program on the page")?;
    let bin = Path::new(env!("CARGO_BIN_EXE_kubewright"))
        .parent()
        .ok_or("no folder")?;
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths(
        [bin.to_owned()]
            .into_iter()
            .chain(std::env::split_paths(&path)),
    )?;
    let number = || -> Result<usize, Failed> {
        let args = ["fix", "--exit-zero", "--format", "rdjsonl"];
        let said = run(&mut kubewright(dir.path(), &args), &[0])?.stdout;
        Ok(String::from_utf8_lossy(&said)
            .matches("\"WARNING\"")
            .count())
    };
    let before = number()?;
    let mut python = Command::new("python3");
    run(
        python
            .args(["-c", program])
            .env("PATH", path)
            .current_dir(dir.path()),
        &[0],
    )?;
    let after = number()?;
    ensure(after + 1 == before, || {
        format!("{before} warnings before, {after} after")
    })
}
