//! Promise: the page of a transform is true: its headings are there, its example runs, its codes
//! and options are all explained, and what lists the transforms lists them all.

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

#[path = "docs/codes.rs"]
mod codes;
#[path = "docs/configuration.rs"]
mod configuration;
#[path = "docs/picture.rs"]
mod picture;
#[path = "docs/site.rs"]
mod site;
mod support;
#[path = "docs/translation.rs"]
mod translation;
#[path = "docs/vectors.rs"]
mod vectors;

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
    let mut trials = vec![
        Trial::test("index", index),
        Trial::test("configuration", configuration::is_that_of_the_schema),
        Trial::test("picture", picture::is_of_this_program),
        support::needing(
            support::missing("mdbook", "mdbook", &["--version"]),
            "site",
            site::builds_and_leads_somewhere,
        ),
        Trial::test("examples", codes::examples),
        Trial::test("folders", folders),
        Trial::test("readme", readme),
        Trial::test("readme/chinese", translation::is_in_step),
        Trial::test("vectors", vectors::are_those_of_the_recipe),
    ];
    let of_each: [(&str, Check); 6] = [
        ("headings", |t| headings(t)),
        ("example", example),
        ("options", |t| options(t)),
        ("codes/listed", |t| codes::listed(t)),
        ("codes/rows", |t| codes::rows(t)),
        ("codes/cases", |t| codes::cases(t)),
    ];
    for transform in ALL {
        let name = transform.meta().name;
        for (what, test) in of_each {
            trials.push(Trial::test(format!("{name}/{what}"), move || {
                test(*transform)
            }));
        }
    }
    libtest_mimic::run(&arguments, trials).exit();
}

type Check = fn(&'static dyn Transform) -> Result<(), Failed>;

fn home() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("transforms")
}

fn ensure(holds: bool, message: impl FnOnce() -> String) -> Result<(), Failed> {
    if holds { Ok(()) } else { Err(message().into()) }
}

/// `transforms/README.md` lists all transforms; `cargo bless` writes it.
fn index() -> Result<(), Failed> {
    let mut text = String::from(
        "# Transforms\n\nIn the order in which their fixes are applied. A folder each, with its \
         page, its code and its cases.\n\n| transform | finds | fixes are at most | since \
         |\n|---|---|---|---|\n",
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

/// Each folder is a transform, each transform has its folder. What begins with `_` is none.
fn folders() -> Result<(), Failed> {
    let folders: BTreeSet<String> = fs::read_dir(home())?
        .filter_map(Result::ok)
        .filter(|e| e.path().is_dir())
        .map(|e| e.file_name().to_string_lossy().into_owned())
        .filter(|name| !name.starts_with('_'))
        .collect();
    let names: BTreeSet<String> = ALL.iter().map(|t| t.meta().name.to_owned()).collect();
    let unlisted: Vec<_> = folders.difference(&names).collect();
    ensure(unlisted.is_empty(), || {
        format!("not in `transforms!` of transforms/lib.rs: the folders {unlisted:?}")
    })?;
    let astray: Vec<_> = names.difference(&folders).collect();
    ensure(astray.is_empty(), || {
        format!("`name` of the Meta is not the name of the folder: {astray:?}")
    })
}

/// The README of the repository lists all transforms in their order, and its configuration is
/// valid.
fn readme() -> Result<(), Failed> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let text = fs::read_to_string(path)?;
    let mut rest = text.as_str();
    for name in ALL.iter().map(|t| t.meta().name) {
        let row = format!("\n| [`{name}`](transforms/{name}/README.md) | ");
        let Some(at) = rest.find(&row) else {
            return Err(format!(
                "README.md, \"What it finds\": no row that begins with {}, behind those of the \
                 transforms before it",
                row.trim_start()
            )
            .into());
        };
        rest = &rest[at + 1..];
    }
    for (_, toml) in blocks(&text).iter().filter(|(l, _)| l == "toml") {
        Config::parse(toml, "README.md")?;
    }
    Ok(())
}

/// The section `## Options` shows the table of the transform with each option and its default. A
/// value that is none says so in its comment: `default: …`.
fn options(transform: &dyn Transform) -> Result<(), Failed> {
    let meta = transform.meta();
    let blocks = blocks(section(meta.docs, "Options"));
    let Some((_, toml)) = blocks.iter().find(|(language, _)| language == "toml") else {
        return Err("README.md, \"Options\": a toml block with the table is missing".into());
    };
    let header = format!("[transforms.{}]\n", meta.name);
    ensure(toml.starts_with(&header), || {
        format!("the block under \"Options\" begins with {header}")
    })?;
    Config::parse(toml, "README.md")?;
    let shown: BTreeSet<&str> = (toml.lines().skip(1))
        .filter_map(|line| Some(line.split_once(" = ")?.0.trim()))
        .collect();
    // The reader of the configuration names all options when it meets one that is unknown.
    let error = Config::parse(&format!("{header}_ = 0\n"), "").err();
    let error = error.map(|e| e.to_string()).unwrap_or_default();
    let known: BTreeSet<&str> = error.split('`').skip(3).step_by(2).collect();
    ensure(shown == known, || {
        format!("options on the page: {shown:?}\noptions of the transform: {known:?}")
    })?;
    for line in toml.lines().skip(1).filter(|l| !l.contains("default: ")) {
        let settings = Config::parse(&format!("{header}{line}\n"), "README.md")?.settings;
        ensure(settings == Config::default().settings, || {
            format!("the value is not the default, and the comment does not say which is: {line}")
        })?;
    }
    Ok(())
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

/// The text below a heading of the second level.
fn section<'t>(docs: &'t str, heading: &str) -> &'t str {
    docs.split(&format!("\n## {heading}\n"))
        .nth(1)
        .and_then(|s| s.split("\n## ").next())
        .unwrap_or("")
}

/// The fenced blocks of a text: language and text.
fn blocks(text: &str) -> Vec<(String, String)> {
    let mut blocks = Vec::new();
    let mut open: Option<(String, String)> = None;
    for line in text.split_inclusive('\n') {
        match (&mut open, line.strip_prefix("```")) {
            (None, Some(info)) => {
                open = Some((
                    info.split_whitespace().next().unwrap_or("").to_owned(),
                    String::new(),
                ));
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
    let blocks = blocks(section(transform.meta().docs, "Example"));
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
