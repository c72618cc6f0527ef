//! `kubewright suppress`: comments that accept what is left, and away with those that hit nothing.
//!
//! A comment goes above the line of a finding. Whether it stands for nothing else is not planned
//! but tried: the files are read again with their comments, every value must be what it was, and
//! the findings must be gone. What fails stays as it is.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Result, bail};
use kubewright_model::finding::{Applicability, NoFix, Severity};
use kubewright_model::kube::{Input, Options, Workspace};

use super::args::SuppressArgs;
use super::ground::Ground;
use super::input_stream::InputStream;
use super::print::diff;
use super::print::text::number;
use super::status::Status;
use super::terminal::Terminal;
use super::{selection, write};
use crate::pipeline::report::{FileChange, Outcome, Reported};
use crate::pipeline::{INPUT, Pipeline, Report, UNUSED_SUPPRESSION, UnsafeFixes};

pub(super) fn suppress(args: &SuppressArgs, terminal: &Terminal) -> Result<Status> {
    if let Some(stream) = args.paths.iter().find(|p| InputStream::of(p).is_some()) {
        bail!(
            "{} is a stream, and comments are written to files",
            stream.display()
        );
    }
    let reason = args.reason.as_deref().unwrap_or_default().trim();
    if !args.remove_unused && (reason.is_empty() || reason.contains(['\n', '\r'])) {
        bail!("--reason says in one line why the findings are accepted");
    }
    let ground = Ground::of(&args.paths, args.config.as_deref())?;
    let lock = ground.lock(args.write, terminal);
    ground.recover(args.write, terminal)?;
    let work = Work::new(args, &ground, terminal)?;
    let report = work.report(&work.inputs)?;
    let (mut wanted, mut refused) = (BTreeMap::new(), Vec::new());
    for finding in report.findings.iter().filter(|f| args.wants(f)) {
        match report.sources.get(&finding.place.path) {
            Some(_) if is_json(finding) => {
                refused.push((finding, "JSON has no comments".to_owned()));
            }
            Some(_) if finding.transform == INPUT => {
                refused.push((finding, "what cannot be read is to be repaired".to_owned()));
            }
            None => refused.push((finding, "the file cannot be read".to_owned())),
            Some(_) if args.remove_unused && finding.fix.is_err() => {
                let why = finding.fix.as_ref().err().map(|reason| &reason.text);
                refused.push((finding, why.map(ToString::to_string).unwrap_or_default()));
            }
            Some(_) => {
                let of_file: &mut Vec<&Reported> =
                    wanted.entry(finding.place.path.as_str()).or_default();
                of_file.push(finding);
            }
        }
    }
    let mut changes = Vec::new();
    let mut done = 0;
    for (path, findings) in wanted {
        let Some(source) = report.sources.get(path) else {
            continue;
        };
        let after = if args.remove_unused {
            without(source, &findings)
        } else {
            with(source, &findings, reason)
        };
        if after == **source {
            let why = "the comment is not understood: remove it by hand";
            refused.extend(
                findings
                    .into_iter()
                    .map(|finding| (finding, why.to_owned())),
            );
        } else if same_values(source, &after) {
            done += findings.len();
            changes.push(FileChange {
                path: path.to_owned(),
                before: Some(source.clone()),
                after: Some(after.into()),
            });
        } else {
            let why = "a line above would not be a comment";
            refused.extend(
                findings
                    .into_iter()
                    .map(|finding| (finding, why.to_owned())),
            );
        }
    }
    let in_changed = |finding: &Reported| changes.iter().any(|c| c.path == finding.place.path);
    let known = refused.iter().filter(|(f, _)| in_changed(f)).count();
    let left = work.left(&changes, &report, args)?.saturating_sub(known);
    if args.write {
        let read: Vec<_> = (work.inputs.iter())
            .map(|input| (input.path.clone(), Arc::clone(&input.text)))
            .collect();
        write::write(&write::Plan {
            root: &ground.root,
            changes: &changes,
            lock: &lock,
            read: &read,
            keep: true,
            patch: None,
        })?;
    }
    // What no finding shows, the lines around a comment do not show either.
    let outcome = Report {
        files: changes,
        secrets: report.secrets.clone(),
        ..Report::default()
    };
    say(&ground, args, &outcome, (done, left), &refused, terminal)?;
    Ok(if refused.is_empty() && left == 0 {
        Status::Clean
    } else {
        Status::Findings
    })
}

impl SuppressArgs {
    /// Whether a finding is one to suppress, or a remark on a suppression to remove.
    fn wants(&self, finding: &Reported) -> bool {
        if self.remove_unused {
            let by_hand = |reason: &NoFix| {
                !["malformed-suppression", "unknown-transform"].contains(&reason.code)
            };
            return finding.transform == UNUSED_SUPPRESSION
                && finding.fix.as_ref().err().is_none_or(by_hand);
        }
        let has_safe_fix = finding.outcome != Outcome::Left
            || (finding.fix.as_ref()).is_ok_and(|fix| fix.applicability == Applicability::Safe);
        finding.severity >= Severity::Warning && (self.all || !has_safe_fix)
    }
}

/// What is looked at, and by which transforms.
struct Work<'g> {
    inputs: Vec<Input>,
    options: Options,
    pipeline: Pipeline<'g>,
}

impl<'g> Work<'g> {
    fn new(args: &SuppressArgs, ground: &'g Ground, terminal: &Terminal) -> Result<Self> {
        let transforms = selection::selected(&args.fix(), &ground.config)?;
        Ok(Self {
            inputs: ground.read_aloud(terminal)?.inputs,
            options: Options {
                texts: Some(ground.texts()),
                ..ground.config.options.clone()
            },
            pipeline: Pipeline {
                transforms,
                settings: &ground.config.settings,
                unsafe_fixes: UnsafeFixes::None,
            },
        })
    }

    fn report(&self, inputs: &[Input]) -> Result<Report> {
        let workspace = Workspace::new(inputs.to_vec(), self.options.clone());
        Ok(self.pipeline.run(&workspace)?)
    }

    /// How many of what was to go is still there when the files are read again.
    fn left(&self, changes: &[FileChange], before: &Report, args: &SuppressArgs) -> Result<usize> {
        let written: BTreeSet<&str> = changes.iter().map(|c| c.path.as_str()).collect();
        let mut inputs = self.inputs.clone();
        for input in &mut inputs {
            let change = changes.iter().find(|change| change.path == input.path);
            if let Some(after) = change.and_then(|change| change.after.clone()) {
                input.text = after;
            }
        }
        let after = self.report(&inputs)?;
        let is_new = |finding: &&Reported| {
            let same = |old: &&Reported| {
                old.transform == finding.transform
                    && old.place.path == finding.place.path
                    && old.key == finding.key
            };
            !before.findings.iter().any(|old| same(&old))
        };
        if let Some(new) = after.findings.iter().find(is_new) {
            bail!(
                "with the comments {} would find something else in {}: nothing was written; please \
                 report this",
                new.transform,
                new.place.path
            );
        }
        let wanted = after.findings.iter().filter(|f| args.wants(f));
        Ok(wanted
            .filter(|f| written.contains(f.place.path.as_str()))
            .count())
    }
}

/// The text with a comment above the line of a finding, where that is a comment and nothing else.
pub(super) fn accepted(source: &str, finding: &Reported, reason: &str) -> Option<String> {
    let after = with(source, &[finding], reason);
    let has_comments = !is_json(finding);
    (has_comments && same_values(source, &after)).then_some(after)
}

/// The text with a comment above the line of each finding.
fn with(source: &str, findings: &[&Reported], reason: &str) -> String {
    let mut lines: BTreeMap<usize, BTreeSet<&str>> = BTreeMap::new();
    for finding in findings {
        let names = lines.entry(line_start(source, finding.place.start));
        names.or_default().insert(finding.transform);
    }
    let mut out = String::new();
    let mut at = 0;
    for (line, names) in lines {
        // A byte order mark stays where it is.
        let line = line
            + if source[line..].starts_with('\u{feff}') {
                3
            } else {
                0
            };
        let indent = source[line..].len() - source[line..].trim_start_matches(' ').len();
        let names: Vec<&str> = names.into_iter().collect();
        out.push_str(&source[at..line]);
        let _ = write!(
            out,
            "{:indent$}# kubewright: ignore[{}] {reason}{}",
            "",
            names.join(", "),
            if source.contains("\r\n") {
                "\r\n"
            } else {
                "\n"
            }
        );
        at = line;
    }
    out + &source[at..]
}

/// The text with the fixes of these findings.
fn without(source: &str, findings: &[&Reported]) -> String {
    let edits = findings.iter().filter_map(|f| f.fix.as_ref().ok());
    let mut edits: Vec<_> = edits.flat_map(|fix| &fix.edits).collect();
    edits.sort_by_key(|edit| edit.start);
    let mut out = source.to_owned();
    for edit in edits.into_iter().rev() {
        if out.get(edit.start..edit.end).is_some() {
            out.replace_range(edit.start..edit.end, &edit.content);
        }
    }
    out
}

/// Whether a finding stands in JSON, which has no comments.
fn is_json(finding: &Reported) -> bool {
    let extension = Path::new(&finding.place.path).extension();
    extension.is_some_and(|e| e.eq_ignore_ascii_case("json"))
}

fn line_start(text: &str, at: usize) -> usize {
    text[..at].rfind('\n').map_or(0, |at| at + 1)
}

/// Whether two texts hold the same documents, as another reader of YAML has them.
fn same_values(one: &str, other: &str) -> bool {
    use serde::Deserialize as _;
    let all = |text: &str| -> Result<Vec<serde_yaml::Value>, serde_yaml::Error> {
        serde_yaml::Deserializer::from_str(text)
            .map(serde_yaml::Value::deserialize)
            .collect()
    };
    matches!((all(one), all(other)), (Ok(one), Ok(other)) if one == other)
}

fn say(
    ground: &Ground,
    args: &SuppressArgs,
    report: &Report,
    (done, left): (usize, usize),
    refused: &[(&Reported, String)],
    terminal: &Terminal,
) -> Result<()> {
    let paths = ground.shown();
    for (finding, why) in refused {
        let place = &finding.place;
        terminal.warning(&format!(
            "{}:{}: {} {}: {why}",
            paths.shown(&place.path),
            place.line,
            if args.remove_unused {
                "the suppression"
            } else {
                finding.transform
            },
            if args.remove_unused {
                "stays"
            } else {
                "is not suppressed"
            }
        ));
    }
    if left > 0 {
        terminal.warning(&format!(
            "{} would be reported in spite of the comments",
            number(left, "finding")
        ));
    }
    let files = number(report.files.len(), "file");
    if !args.write && !report.files.is_empty() {
        terminal.out(&format!("{}\n", diff::masked(report, &paths)))?;
    }
    let (what, verb) = if args.remove_unused {
        (number(done, "suppression"), "removed")
    } else {
        (number(done, "finding"), "suppressed")
    };
    terminal.out(&match (report.files.is_empty(), args.write) {
        (true, _) if args.remove_unused => "every suppression hits something\n".to_owned(),
        (true, _) => "nothing to suppress\n".to_owned(),
        (false, true) => format!("{what} {verb} in {files}\n"),
        (false, false) => format!("{what} would be {verb} in {files}: --write writes it\n"),
    })
}
