//! What a PATH gives that can be read once: standard input, a pipe, a device.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result, anyhow, bail};
use kubewright_model::kube::{Broken, Input, Options, SkipCode, Workspace};

use super::files;
use crate::typed;

/// Path of the stream in reports.
pub(super) const STDIN: &str = "<stdin>";

/// Where a stream comes from.
#[derive(Debug)]
pub(super) enum InputStream {
    /// `-` or `/dev/stdin`.
    Standard,
    /// A path that is neither a file nor a directory: a pipe, a device.
    Path(PathBuf),
}

impl InputStream {
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

    pub(super) fn bytes(&self) -> std::io::Result<Vec<u8>> {
        match self {
            Self::Standard => files::bounded(std::io::stdin().lock(), files::MAX_BYTES),
            Self::Path(path) => files::bytes(path),
        }
    }
}

impl fmt::Display for InputStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Standard => f.write_str("standard input"),
            Self::Path(path) => path.display().fmt(f),
        }
    }
}

/// The text of a stream.
pub(super) fn text(source: &InputStream) -> Result<Arc<str>> {
    let bytes = source
        .bytes()
        .with_context(|| format!("cannot read {source}"))?;
    let input = files::text(bytes).map_err(|bad| {
        let (line, column) = (bad.line, bad.column);
        anyhow!("{STDIN}:{line}:{column}: not UTF-8; nothing was written")
    })?;
    if input.trim_start_matches('\u{feff}').trim().is_empty() {
        bail!("{source} is empty; did the command before fail?");
    }
    Ok(input)
}

/// What the text of a stream means: one apply set.
pub(super) fn read(source: &InputStream, options: &Options) -> Result<Workspace> {
    workspace(source, &text(source)?, options)
}

/// What a text means that came from a stream.
pub(super) fn workspace(
    source: &InputStream,
    input: &Arc<str>,
    options: &Options,
) -> Result<Workspace> {
    let options = Options {
        stream: true,
        ..options.clone()
    };
    let workspace = Workspace::new(
        vec![Input {
            path: STDIN.into(),
            text: Arc::clone(input),
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
        .any(|s| !matches!(s.code, SkipCode::NotAResource | SkipCode::Empty));
    if workspace.resources().is_empty() && !left_alone {
        bail!("{source} holds no Kubernetes resource; nothing was written");
    }
    Ok(workspace)
}
