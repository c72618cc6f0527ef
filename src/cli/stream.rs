//! `kubewright fix -`: a filter. The fixed stream goes to standard output, findings to standard
//! error. What a shell gives as a path and can be read once is a stream too: `<(kustomize build
//! .)`, `/dev/stdin`, a named pipe.
//!
//! A stream without a single resource is an error and gives no output: a failed build upstream
//! never becomes an empty deployment. So is one with a document that is neither YAML nor a
//! template. What else is not understood goes out byte for byte.

use std::fmt;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result, anyhow, bail};
use kubewright_model::kube::{Broken, Input, Options, Workspace};

use super::args::{FixArgs, Format};
use super::ground::Ground;
use super::print::{diff, json, text};
use super::terminal::Terminal;
use super::{Status, files, fix};
use crate::pipeline::Pipeline;
use crate::typed;

/// Path of the stream in reports.
const STDIN: &str = "<stdin>";

/// Where a stream comes from.
pub(super) enum Source {
    /// `-` or `/dev/stdin`.
    Standard,
    /// A path that is neither a file nor a directory: a pipe, a device.
    Path(PathBuf),
}

impl Source {
    /// What a PATH is; `None` for a file or directory.
    pub(super) fn of(path: &Path) -> Option<Self> {
        if path == Path::new("-") || path == Path::new("/dev/stdin") {
            return Some(Self::Standard);
        }
        // Of what a link of `/dev/fd` leads to: a pipe has no path of its own.
        let kind = path.metadata().ok()?.file_type();
        (!kind.is_file() && !kind.is_dir()).then(|| Self::Path(path.into()))
    }

    /// The stream among the PATHs, which is read alone.
    pub(super) fn among(paths: &[PathBuf]) -> Result<Option<Self>> {
        let Some((path, source)) = paths.iter().find_map(|p| Some((p, Self::of(p)?))) else {
            return Ok(None);
        };
        if paths.len() > 1 {
            bail!(
                "{} is a stream and cannot be mixed with other PATHs",
                path.display()
            );
        }
        Ok(Some(source))
    }

    fn bytes(&self) -> std::io::Result<Vec<u8>> {
        match self {
            Self::Standard => {
                let mut bytes = Vec::new();
                std::io::stdin().lock().read_to_end(&mut bytes)?;
                Ok(bytes)
            }
            Self::Path(path) => files::bytes(path),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Standard => f.write_str("standard input"),
            Self::Path(path) => path.display().fmt(f),
        }
    }
}

pub(super) fn fix(args: &FixArgs, source: &Source, terminal: &Terminal) -> Result<Status> {
    fix::not_both(args)?;
    if let Source::Path(path) = source
        && args.write
    {
        bail!(
            "{} is a pipe and cannot be written in place; without --write the fixed stream goes to standard output",
            path.display()
        );
    }
    let ground = Ground::of_stream(args.config.as_deref())?;
    let transforms = fix::selected(args, &ground.config)?;
    let unsafe_fixes = fix::unsafe_fixes(args, &ground.config)?;
    let (input, workspace) = read(source, &ground)?;
    let report = Pipeline {
        transforms,
        settings: &ground.config.settings,
        unsafe_fixes,
    }
    .run(&workspace)?;
    let paths = ground.shown();
    // What comes out is fixed: in text, findings are told apart as those of a preview only when
    // nothing is written.
    let view = text::View {
        wrote: !args.check,
        ..fix::view(args, &paths)
    };
    terminal.err(&(text::findings(&report, &view) + &text::summary(&report, &view)));
    let fixed = report
        .files
        .first()
        .and_then(|f| f.after.clone())
        .unwrap_or(input);
    let carries = args.format == Format::Diff || args.format == Format::Text && !args.check;
    if carries && diff::shows_secrets(&report, &paths) {
        terminal.warning(fix::IN_CLEAR);
    }
    match args.format {
        Format::Json => terminal.raw(&json::render(&report, &paths))?,
        Format::Diff => terminal.out(&diff::patch(&report, &paths))?,
        Format::Text if args.check => {}
        Format::Text => terminal.raw(&fixed)?,
    }
    Ok(if args.check {
        fix::status(args, &ground.config, &report, !report.files.is_empty())
    } else {
        Status::Clean
    })
}

/// The text of a stream, and what it means: one apply set.
pub(super) fn read(source: &Source, ground: &Ground) -> Result<(Arc<str>, Workspace)> {
    let bytes = source
        .bytes()
        .with_context(|| format!("cannot read {source}"))?;
    let input = files::text(bytes).map_err(|(line, column, _)| {
        anyhow!("{STDIN}:{line}:{column}: not UTF-8; nothing was written")
    })?;
    if input.trim_start_matches('\u{feff}').trim().is_empty() {
        bail!("{source} is empty; did the command before fail?");
    }
    let options = Options {
        stream: true,
        ..ground.config.options.clone()
    };
    let workspace = Workspace::new(
        vec![Input {
            path: STDIN.into(),
            text: input.clone(),
            editable: true,
        }],
        options,
    );
    // What kubectl does not read either is a command before that failed, or stopped on the way.
    let passes =
        |broken: &Broken| broken.document.is_some() && typed::reads(workspace.broken_text(broken));
    if let Some(broken) = workspace.broken().iter().find(|broken| !passes(broken)) {
        bail!("{STDIN}:{}; nothing was written", broken.error);
    }
    // What is left alone goes out as it came: a stream of encrypted Secrets is not an empty
    // deployment.
    let left_alone = workspace
        .skipped()
        .iter()
        .any(|s| !matches!(s.code, "not-a-resource" | "empty"));
    if workspace.resources().is_empty() && !left_alone {
        bail!("{source} holds no Kubernetes resource; nothing was written");
    }
    Ok((input, workspace))
}
