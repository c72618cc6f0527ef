//! Promise: the page of a transform is true: its headings are there, its example runs, its codes
//! are all explained, the index is complete.

#![expect(clippy::disallowed_methods, reason = "tests read and write files")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use kubewright::cli::config::Config;
use kubewright::pipeline::{Pipeline, Report, UnsafeFixes};
use kubewright_model::finding::Applicability;
use kubewright_model::kube::{Input, Workspace};
use kubewright_transforms::{ALL, Transform};
use libtest_mimic::{Arguments, Failed, Trial};

const HEADINGS: [&str; 6] = [
    "## What it does",
    "## Why is this bad?",
    "## Example",
    "## Fix safety",
    "## Options",
    "## References",
];

fn main() {
    let arguments = Arguments::from_args();
    let mut trials = vec![Trial::test("index", index), Trial::test("folders", folders)];
    for transform in ALL {
        let name = transform.meta().name;
        trials.push(Trial::test(format!("{name}/headings"), || {
            headings(*transform)
        }));
        trials.push(Trial::test(format!("{name}/example"), || {
            example(*transform)
        }));
        trials.push(Trial::test(format!("{name}/codes"), || codes(*transform)));
    }
    libtest_mimic::run(&arguments, trials).exit();
}

fn home() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("transforms")
}

fn ensure(holds: bool, message: impl FnOnce() -> String) -> Result<(), Failed> {
    if holds { Ok(()) } else { Err(message().into()) }
}

/// `transforms/README.md` lists all transforms; `cargo bless` writes it.
fn index() -> Result<(), Failed> {
    let mut text = String::from(
        "# Transforms\n\nIn the order in which their fixes are applied. A folder each, with its page, its code and its cases.\n\n\
         | transform | finds | fixes are at most | since |\n|---|---|---|---|\n",
    );
    for meta in ALL.iter().map(|t| t.meta()) {
        let (name, applicability) = (meta.name, meta.applicability.as_str());
        text += &[
            "| [`",
            name,
            "`](",
            name,
            "/README.md) | ",
            meta.summary,
            " | ",
            applicability,
            " | ",
            meta.since,
            " |\n",
        ]
        .concat();
    }
    let path = home().join("README.md");
    if std::env::var("BLESS").is_ok_and(|v| v == "1") {
        fs::write(path, text)?;
        return Ok(());
    }
    let there = fs::read_to_string(path).unwrap_or_default();
    ensure(there == text, || {
        format!("transforms/README.md is not up to date (cargo bless writes it); expected:\n{text}")
    })
}

/// Each folder is a transform, each transform has its folder.
fn folders() -> Result<(), Failed> {
    let entries = fs::read_dir(home())?
        .filter_map(Result::ok)
        .filter(|e| e.path().join("mod.rs").is_file());
    let folders: BTreeSet<String> = entries
        .map(|e| e.file_name().to_string_lossy().into_owned())
        .collect();
    let names: BTreeSet<String> = ALL.iter().map(|t| t.meta().name.to_owned()).collect();
    ensure(folders == names, || {
        format!("folders: {folders:?}\ntransforms: {names:?}")
    })
}

fn headings(transform: &dyn Transform) -> Result<(), Failed> {
    let meta = transform.meta();
    ensure(meta.docs.starts_with(&format!("# {}\n", meta.name)), || {
        "the title is not the name".into()
    })?;
    let at: Vec<Option<usize>> = HEADINGS
        .iter()
        .map(|h| meta.docs.find(&format!("\n{h}\n")))
        .collect();
    let missing: Vec<&str> = HEADINGS
        .iter()
        .zip(&at)
        .filter(|(_, at)| at.is_none())
        .map(|(h, _)| *h)
        .collect();
    ensure(missing.is_empty(), || format!("missing: {missing:?}"))?;
    ensure(at.is_sorted(), || {
        format!("the headings stand in another order than {HEADINGS:?}")
    })
}

/// The fenced blocks of the section `## Example`: language and text.
fn blocks(docs: &str) -> Vec<(String, String)> {
    let section = docs
        .split("\n## Example\n")
        .nth(1)
        .and_then(|s| s.split("\n## ").next())
        .unwrap_or("");
    let mut blocks = Vec::new();
    let mut open: Option<(String, String)> = None;
    for line in section.split_inclusive('\n') {
        match (&mut open, line.strip_prefix("```")) {
            (None, Some(info)) => {
                open = Some((
                    info.split_whitespace().next().unwrap_or("").to_owned(),
                    String::new(),
                ))
            }
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (Some((_, text)), None) => text.push_str(line),
            (None, None) => {}
        }
    }
    blocks
}

/// The first YAML block of the example becomes the second; a TOML block is the configuration.
fn example(transform: &'static dyn Transform) -> Result<(), Failed> {
    let blocks = blocks(transform.meta().docs);
    let yaml: Vec<&str> = blocks
        .iter()
        .filter(|(l, _)| l == "yaml")
        .map(|(_, t)| t.as_str())
        .collect();
    let toml = blocks
        .iter()
        .find(|(l, _)| l == "toml")
        .map_or("", |(_, t)| t.as_str());
    let [before, after, ..] = yaml.as_slice() else {
        return Err("two yaml blocks are needed: before and after".into());
    };
    let config = Config::parse(toml, "kubewright.toml")?;
    let input = Input {
        path: "manifests/example.yaml".into(),
        text: (*before).into(),
        editable: true,
    };
    let workspace = Workspace::new(vec![input], config.options.clone());
    let unsafe_fixes = match transform.meta().applicability {
        Applicability::Safe => UnsafeFixes::None,
        _ => UnsafeFixes::All,
    };
    let report = Pipeline {
        transforms: vec![transform],
        settings: &config.settings,
        unsafe_fixes,
    }
    .run(&workspace)?;
    let fixed = match transform.meta().applicability {
        // What is only displayed is never applied: the page shows the edits all the same.
        Applicability::DisplayOnly => displayed(before, &report),
        _ => report
            .files
            .first()
            .and_then(|f| f.after.as_deref())
            .unwrap_or(before)
            .to_owned(),
    };
    ensure(fixed == *after, || {
        let reasons: Vec<String> = report
            .findings
            .iter()
            .map(|f| format!("{}: {:?}", f.message, f.fix.as_ref().err()))
            .collect();
        let diff = similar::TextDiff::from_lines(*after, &fixed)
            .unified_diff()
            .header("expected", "actual")
            .to_string();
        format!("the example does not become what the page says:\n{diff}\n{reasons:#?}")
    })
}

/// The text with the edits of the fixes that are shown.
fn displayed(before: &str, report: &Report) -> String {
    let fixes = report.findings.iter().filter_map(|f| f.fix.as_ref().ok());
    let mut edits: Vec<_> = fixes.flat_map(|fix| &fix.edits).collect();
    edits.sort_by_key(|edit| std::cmp::Reverse(edit.start));
    edits.into_iter().fold(before.to_owned(), |text, edit| {
        [&text[..edit.start], &edit.content, &text[edit.end..]].concat()
    })
}

/// Every code of the transform's source, `NoFix::new("code", ..)`, is explained on its page.
fn codes(transform: &dyn Transform) -> Result<(), Failed> {
    let meta = transform.meta();
    let mut codes = BTreeSet::new();
    for entry in fs::read_dir(home().join(meta.name))?.filter_map(Result::ok) {
        let path = entry.path();
        if path.extension().is_some_and(|e| e == "rs") {
            let source = fs::read_to_string(&path)?;
            for rest in source.split("NoFix::new(").skip(1) {
                let literal = rest
                    .trim_start()
                    .strip_prefix('"')
                    .and_then(|r| r.split('"').next());
                codes.extend(literal.map(str::to_owned));
            }
        }
    }
    // Codes of the editor, `yaml-…`, are the same for all transforms.
    let silent: Vec<&String> = codes
        .iter()
        .filter(|c| !c.starts_with("yaml-") && !meta.docs.contains(&format!("`{c}`")))
        .collect();
    ensure(silent.is_empty(), || {
        format!("not explained in README.md: {silent:?}")
    })
}
