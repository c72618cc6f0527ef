//! What each tool does: as the command of the same name, below the root alone.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anstream::adapter::strip_str;
use anyhow::{Context as _, Result, bail};
use kubewright_model::kube::{Options, Workspace};
use kubewright_transforms::ALL;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::super::args::{FixArgs, KrmArgs};
use super::super::config::transform_name;
use super::super::graph::{json as graph_json, text as graph_text};
use super::super::ground::Ground;
use super::super::input_stream::InputStream;
use super::super::print::mask::Mask;
use super::super::print::relations;
use super::super::print::text::{self, Detail, Shown};
use super::super::print::{Paths, diff, json as report_json};
use super::super::terminal::Terminal;
use super::super::write::TreeLock;
use super::super::{baseline, files, fix, selection, write};
use super::Tools;
use super::tools::{Apply, Explain, Find, Graph, Preview};
use crate::pipeline::report::Outcome;
use crate::pipeline::{Pipeline, Report};

/// Most findings and diff lines are read by a model: a text that is longer is cut, and says so.
const MAX_TEXT: usize = 60_000;

/// What a tool answers: the same for a program and for a reader.
pub(super) struct Answer {
    pub(super) structured: Value,
    pub(super) text: String,
}

/// A run that is over; nothing is written yet.
struct Checked {
    ground: Ground,
    report: Report,
    paths: Paths,
    /// Keeps other runs away.
    lock: TreeLock,
    /// All that was read.
    read: Vec<(String, Arc<str>)>,
}

impl Checked {
    fn of(tools: &Tools, args: &FixArgs, terminal: &Terminal) -> Result<Self> {
        let ground = Ground::of(&args.paths, args.config.as_deref())?;
        let transforms = selection::selected(args, &ground.config)?;
        let unsafe_fixes = selection::unsafe_fixes(args, &ground.config)?;
        let lock = ground.lock(args.write, terminal);
        ground.recover(args.write, terminal)?;
        let accepted = ground.baseline(None);
        let known = accepted.as_deref().map(baseline::load).transpose()?;
        let known: Vec<_> = known.into_iter().collect();
        let tree = ground.read(terminal)?;
        let read = tree.texts();
        let options = Options {
            texts: Some(ground.texts()),
            ..ground.config.options.clone()
        };
        let workspace = Workspace::new(tree.inputs, options);
        let pipeline = Pipeline {
            transforms,
            settings: &ground.config.settings,
            unsafe_fixes,
        };
        let mut report = pipeline.run_beside(&workspace, &known)?;
        fix::add_unread(&mut report, tree.unread, &known);
        for change in &report.files {
            tools.inside(&ground.root.join(&change.path), &change.path)?;
        }
        let paths = ground.shown();
        Ok(Self {
            ground,
            report,
            paths,
            lock,
            read,
        })
    }

    fn findings(&self, wrote: bool) -> String {
        let shown = Shown {
            detail: Detail::Verbose,
            ..Shown::default()
        };
        let view = shown.view(&self.paths, wrote);
        text::findings(&self.report, &view)
    }

    fn patch(&self) -> String {
        strip_str(&diff::patch(&self.report, &self.paths)).to_string()
    }

    fn json(&self) -> Result<Value> {
        Ok(serde_json::from_str(&report_json::render(
            &self.report,
            &self.paths,
        ))?)
    }

    fn changed(&self) -> Vec<String> {
        let files = self.report.files.iter();
        files.map(|file| self.paths.shown(&file.path)).collect()
    }

    fn left(&self) -> usize {
        let findings = self.report.findings.iter();
        findings.filter(|f| f.outcome == Outcome::Left).count()
    }
}

impl Tools {
    /// The arguments of `fix` that stand for those of a tool.
    fn args(&self, paths: &[String], transforms: Vec<String>, fixes: &[String]) -> Result<FixArgs> {
        let args = KrmArgs {
            check: false,
            unsafe_fixes: (!fixes.is_empty()).then(|| Some(fixes.join(","))),
            select: transforms,
            ignore: Vec::new(),
            fail_on: None,
            config: self.config.clone(),
        };
        Ok(FixArgs {
            paths: self.paths(paths)?,
            ..args.fix()
        })
    }

    /// Paths that were asked for; the root when none was.
    fn paths(&self, asked: &[String]) -> Result<Vec<PathBuf>> {
        if asked.is_empty() {
            return Ok(vec![self.root.clone()]);
        }
        let path = |asked: &String| {
            let path = self.root.join(asked);
            self.inside(&path, asked)?;
            if InputStream::of(&path).is_some() {
                bail!("{asked} is a stream; paths are files and directories below the root");
            }
            Ok(path)
        };
        asked.iter().map(path).collect()
    }

    /// Refuses what is not below the root when symbolic links are followed. Of a file that is not
    /// there yet, its directory is looked at.
    fn inside(&self, path: &Path, asked: &str) -> Result<()> {
        let found = |path: &Path| match path.canonicalize() {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => bail!("{asked}: {}", files::plain(&error)),
            Ok(found) => Ok(Some(found)),
        };
        for path in path.ancestors() {
            if let Some(found) = found(path)? {
                if found.starts_with(&self.root) {
                    return Ok(());
                }
                break;
            }
        }
        bail!(
            "{asked} is outside of the root {}; nothing was read there or written",
            self.root.display()
        )
    }
}

pub(super) fn find(tools: &Tools, asked: Find, terminal: &Terminal) -> Result<Answer> {
    let args = tools.args(&asked.paths, asked.transforms, &[])?;
    let checked = Checked::of(tools, &args, terminal)?;
    let mut text = checked.findings(false);
    let (findings, files) = (checked.report.findings.len(), checked.report.read.len());
    let _ = writeln!(
        text,
        "{} in {} read, {} to change; preview shows the diff.",
        counted(findings, "finding"),
        counted(files, "file"),
        counted(checked.report.files.len(), "file"),
    );
    Ok(Answer {
        structured: checked.json()?,
        text: plain(&text),
    })
}

pub(super) fn explain(asked: &Explain) -> Result<Answer> {
    let mut all = ALL.iter().map(|transform| transform.meta());
    let about = |meta: &kubewright_transforms::Meta| {
        json!({
            "name": meta.name,
            "applicability": meta.applicability.as_str(),
            "summary": meta.summary,
        })
    };
    let Some(name) = &asked.transform else {
        let lines = all
            .clone()
            .map(|meta| format!("{}: {}\n", meta.name, meta.summary));
        return Ok(Answer {
            text: lines.collect(),
            structured: json!({"transforms": all.map(about).collect::<Vec<_>>()}),
        });
    };
    if let Err(message) = transform_name(name) {
        bail!(message);
    }
    let meta = all.find(|meta| meta.name == name).context("no page")?;
    let mut structured = about(meta);
    if let Value::Object(map) = &mut structured {
        map.insert("page".into(), json!(meta.docs));
    }
    Ok(Answer {
        structured,
        text: meta.docs.into(),
    })
}

pub(super) fn graph(tools: &Tools, asked: &Graph, terminal: &Terminal) -> Result<Answer> {
    let ground = Ground::of(&tools.paths(&asked.paths)?, tools.config.as_deref())?;
    let tree = ground.read_aloud(terminal)?;
    let workspace = Workspace::new(tree.inputs, ground.config.options.clone());
    let graph = relations::Graph::of(&workspace, &ground.shown());
    Ok(Answer {
        structured: serde_json::from_str(&graph_json::render(&graph))?,
        text: plain(&graph_text::render(&graph)),
    })
}

pub(super) fn preview(tools: &Tools, asked: Preview, terminal: &Terminal) -> Result<Answer> {
    let args = tools.args(&asked.paths, asked.transforms, &asked.unsafe_fixes)?;
    let checked = Checked::of(tools, &args, terminal)?;
    let (patch, report) = (checked.patch(), checked.json()?);
    let mask = Mask::of(&checked.report);
    let fixes: Vec<Value> = (checked.report.findings.iter())
        .filter(|finding| finding.outcome == Outcome::Applied)
        .filter_map(|finding| {
            let fix = finding.fix.as_ref().ok()?;
            Some(json!({
                "transform": finding.transform,
                "path": checked.paths.shown(&finding.place.path),
                "line": finding.place.line,
                "title": checked.paths.whole(&fix.title),
                "applicability": fix.applicability.as_str(),
                "lostComments": fix.lost_comments.iter().map(|c| mask.text(c)).collect::<Vec<_>>(),
            }))
        })
        .collect();
    let digest = digest(&patch);
    // An assistant sees no credentials: the digest stands for the patch that is applied.
    let shown = strip_str(&diff::masked(&checked.report, &checked.paths)).to_string();
    let text = if checked.report.files.is_empty() {
        let left = counted(checked.left(), "finding");
        format!("Nothing to change; {left} without a fix that may be applied, which find tells.\n")
    } else {
        let restarts = restarts(&report);
        let how = if tools.allow_write {
            format!("apply with digest {digest} and the same arguments writes it.")
        } else {
            "This server does not write: it was started without --allow-write. git apply takes the \
             diff."
                .into()
        };
        format!("{}\n{restarts}{how}\n", cut(&shown))
    };
    Ok(Answer {
        structured: json!({
            "patch": shown,
            "digest": digest,
            "files": checked.changed(),
            "fixes": fixes,
            "restarts": report.get("restarts"),
            "left": checked.left(),
        }),
        text,
    })
}

pub(super) fn apply(tools: &Tools, asked: Apply, terminal: &Terminal) -> Result<Answer> {
    if !tools.allow_write {
        bail!(
            "this server may not write; start it as kubewright mcp --allow-write, or hand the \
             diff of preview to git apply"
        );
    }
    let args = FixArgs {
        write: true,
        ..tools.args(&asked.paths, asked.transforms, &asked.unsafe_fixes)?
    };
    let checked = Checked::of(tools, &args, terminal)?;
    if digest(&checked.patch()) != asked.digest {
        bail!(
            "the diff is not the one of digest {} (any more); nothing was written; call preview, \
             and apply with its digest and arguments",
            asked.digest
        );
    }
    write::write(&write::Plan {
        root: &checked.ground.root,
        changes: &checked.report.files,
        lock: &checked.lock,
        read: &checked.read,
        keep: true,
        patch: None,
    })?;
    let (changed, left) = (checked.changed(), checked.left());
    let report = checked.json()?;
    let text = match changed.as_slice() {
        [] => "Nothing to change; nothing was written.\n".to_owned(),
        files => format!("Wrote {}.\n{}", files.join(", "), restarts(&report)),
    };
    Ok(Answer {
        structured: json!({
            "files": changed,
            "restarts": report.get("restarts"),
            "left": left,
        }),
        text,
    })
}

/// What applying the diff restarts, a line; nothing when it restarts nothing.
fn restarts(report: &Value) -> String {
    let names: Vec<String> = report
        .get("restarts")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|restart| {
            let of = |key: &str| restart.get("resource")?.get(key)?.as_str();
            Some(format!("{} {}", of("kind")?, of("name")?))
        })
        .collect();
    if names.is_empty() {
        String::new()
    } else {
        format!("Applying it restarts {}.\n", names.join(", "))
    }
}

/// By what `apply` knows the diff again.
fn digest(patch: &str) -> String {
    let digest = Sha256::digest(patch.as_bytes());
    digest.iter().take(8).fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

fn counted(number: usize, what: &str) -> String {
    match number {
        1 => format!("1 {what}"),
        n => format!("{n} {what}s"),
    }
}

/// Styled text without its styles.
fn plain(text: &str) -> String {
    cut(&strip_str(text).to_string())
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(MAX_TEXT) {
        Some((at, _)) => {
            let kept = text.get(..at).unwrap_or(text);
            format!("{kept}\n(cut here: ask for fewer paths, or read the structured result)\n")
        }
        None => text.to_owned(),
    }
}
