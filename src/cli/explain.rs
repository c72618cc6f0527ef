//! `kubewright explain`: the page of a transform, and what a code means.

use std::fmt::Write as _;

use anstyle::Style;
use anyhow::{Result, bail};
use kubewright_transforms::ALL;

use super::args::ExplainArgs;
use super::config::transform_name;
use super::print::page;
use super::status::Status;
use super::terminal::Terminal;
use super::{plan, transforms};
use crate::pipeline::{is_shared_code, nearest};

/// What a case of each code looks like: `## transform code case` and lines of its report. Written
/// by `cargo bless`, held by `tests/docs`.
const EXAMPLES: &str = include_str!("explain/examples.txt");

/// What the codes mean that no page of a transform has.
const SHARED: &[(&str, &str)] = &[
    (
        "api-type",
        "the fix would leave a field with a value that the Kubernetes API does not take; it is \
         not made",
    ),
    ("no-change", "the fix would change nothing that is applied"),
    (
        "not-understood",
        "the fix rests on a document that is not understood as a whole",
    ),
    ("not-utf-8", "the file is not UTF-8: save it as UTF-8"),
    (
        "not-yaml",
        "the file is not YAML: the finding tells the line and what is wrong with it",
    ),
    (
        "outside-paths",
        "the fix would change a file that is not below the PATHs, or that `ignore` names: name \
         that file too",
    ),
    (
        "partly-suppressed",
        "another place that the fix would change is suppressed: suppress all of them, or none",
    ),
    (
        "path-taken",
        "the fix would write a file that is there already",
    ),
    (
        "too-many-fixes",
        "more than a hundred fixes would change one resource, each on top of the others",
    ),
    (
        "unreadable",
        "the system does not let the file be read: look at its permissions",
    ),
    (
        "malformed-suppression",
        "a comment begins like a suppression and names no transform: write `# kubewright: \
         ignore[NAME] reason`",
    ),
    (
        "unknown-transform",
        "a suppression names a transform that does not exist: `kubewright list` shows all",
    ),
    (
        "unused-suppression",
        "a suppression hits nothing: `kubewright fix --write` removes it from its comment, and \
         `kubewright suppress --remove-unused` does nothing but that",
    ),
    (
        "suppressing-annotation",
        "an annotation suppresses what is not found: it is part of the object, so remove it by \
         hand",
    ),
    (
        "changed-on-the-way",
        "kustomize or Flux changes the resource of the comment in ways that only a build shows: \
         `kubewright fix --kustomize` may find what it suppresses",
    ),
    (
        "unchecked-document",
        "the comment stands in a document that no transform looks into: a template, a patch, the \
         source of a generated ConfigMap",
    ),
];

pub(super) fn explain(args: &ExplainArgs, terminal: &Terminal) -> Result<Status> {
    let Some(name) = args.name.as_deref() else {
        terminal.out(&format!(
            "{}\nkubewright explain NAME prints the page of a transform, kubewright explain CODE \
             what a code means.\n",
            transforms::table(terminal)
        ))?;
        return Ok(Status::Clean);
    };
    if transform_name(name).is_err() {
        if args.plan.is_empty()
            && let Some(text) = of_code(name, terminal.width())
        {
            terminal.out(&text)?;
            return Ok(Status::Clean);
        }
        bail!(unknown(name, args.plan.is_empty()));
    }
    if !args.plan.is_empty() {
        return plan::print(name, args, terminal);
    }
    let docs = ALL
        .iter()
        .map(|t| t.meta())
        .find(|m| m.name == name)
        .map_or("", |m| m.docs);
    if terminal.is_one() {
        terminal.page(&page::render(docs, terminal.width()))?;
    } else {
        terminal.out(&format!("{}\n", docs.trim_end()))?;
    }
    Ok(Status::Clean)
}

/// That there is no such name, and the nearest that there is.
fn unknown(name: &str, or_code: bool) -> String {
    let codes = ALL.iter().flat_map(|t| t.meta().codes.iter().copied());
    let codes = codes.chain(SHARED.iter().map(|(code, _)| *code));
    let names = ALL.iter().map(|t| t.meta().name);
    let near = nearest(name, names.chain(codes.filter(|_| or_code)));
    let what = if or_code {
        "transform or code"
    } else {
        "transform"
    };
    match near {
        Some(near) => format!("there is no {what} `{name}`, did you mean `{near}`?"),
        None => format!("there is no {what} `{name}`; `kubewright list` shows all transforms"),
    }
}

/// What a code means, for each transform that has it, with an example.
fn of_code(code: &str, width: usize) -> Option<String> {
    let bold = Style::new().bold();
    let mut out = String::new();
    for meta in ALL.iter().map(|t| t.meta()) {
        let row = row(meta.docs, code);
        let example = example(meta.name, code);
        if row.is_none() && !meta.codes.contains(&code) {
            continue;
        }
        let _ = writeln!(out, "{bold}{code}{bold:#} ({})\n", meta.name);
        if let Some(row) = row {
            out.push_str(&page::render(row, width));
        }
        if let Some(example) = example {
            let _ = writeln!(out, "\nFor example:\n");
            for line in example.lines() {
                for line in page::plain(line, width) {
                    let _ = writeln!(out, "{line}");
                }
            }
        }
        let _ = writeln!(out, "\nThe page: kubewright explain {}\n", meta.name);
    }
    if out.is_empty() {
        let said = SHARED
            .iter()
            .find(|(of, _)| *of == code)
            .map(|(_, said)| *said);
        let said = said.or_else(|| {
            is_shared_code(code).then_some(
                "the editor refuses: the lines that a fix would change are written in a way that \
                 it does not edit (anchors, aliases, merge keys, tags and the like), or the \
                 result could not be proven. The finding tells what to write by hand",
            )
        })?;
        let _ = writeln!(out, "{bold}{code}{bold:#} (all transforms)\n");
        out.push_str(&page::render(said, width));
    }
    Some(format!("{}\n", out.trim_end()))
}

/// What the tables of a page say of a code.
fn row<'d>(docs: &'d str, code: &str) -> Option<&'d str> {
    let written = format!("`{code}`");
    docs.lines().find_map(|line| {
        let (first, why) = line.strip_prefix('|')?.split_once('|')?;
        let has = first.trim().starts_with('`') && first.contains(&written);
        has.then(|| why.trim().trim_end_matches('|').trim())
    })
}

/// What a case with that code reports.
fn example(transform: &str, code: &str) -> Option<&'static str> {
    let head = format!("## {transform} {code} ");
    let from = EXAMPLES.find(&head)?;
    let rest = EXAMPLES.get(from..)?;
    let (_, rest) = rest.split_once('\n')?;
    Some(rest.split("\n## ").next().unwrap_or(rest).trim_end())
}
