//! Where each format of a run goes: one to standard output, the others to files.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use kubewright_model::finding::Severity;

use super::args::{FixArgs, Format, MinSeverity};
use super::files;
use super::print::run::Run;
use super::print::text::{Detail, Shown};
use super::print::{self};
use super::terminal::Terminal;
use crate::pipeline::Report;

/// The formats of a run.
pub(super) struct Outputs {
    /// What standard output gets.
    pub(super) standard: Option<Format>,
    files: Vec<(Format, PathBuf)>,
}

impl Outputs {
    /// As typed.
    ///
    /// # Errors
    /// When two formats meet in one place, or a file has no directory: nothing is run then.
    pub(super) fn of(args: &FixArgs) -> Result<Self> {
        let mut files: Vec<(Format, PathBuf)> = Vec::new();
        let mut bare: Vec<Format> = Vec::new();
        for printed in &args.format {
            match &printed.file {
                Some(file) => files.push((printed.format, file.clone())),
                None => bare.push(printed.format),
            }
        }
        if args.format.is_empty() {
            bare.push(Format::Text);
        }
        if let [first, second, ..] = bare.as_slice() {
            let (first, second) = (first.name(), second.name());
            bail!(
                "{first} and {second} cannot both go to standard output: give one of them a file, \
                 --format {second}=FILE"
            );
        }
        let mut standard = bare.first().copied();
        if let Some(file) = &args.output_file {
            match standard.take() {
                Some(format) => files.push((format, file.clone())),
                None => bail!(
                    "--output-file is where a format without a file of its own goes, and all have \
                     one"
                ),
            }
        }
        let mut seen = BTreeSet::new();
        for (_, file) in &files {
            if !seen.insert(file) {
                bail!("two formats would go to {}", file.display());
            }
            let directory = file.parent().filter(|d| !d.as_os_str().is_empty());
            if file.is_dir() || directory.is_some_and(|d| !d.is_dir()) {
                bail!(
                    "cannot write {}: {}",
                    file.display(),
                    if file.is_dir() {
                        "it is a directory"
                    } else {
                        "there is no such directory"
                    }
                );
            }
        }
        if args.check
            && [standard]
                .into_iter()
                .flatten()
                .chain(files.iter().map(|f| f.0))
                .any(|f| f == Format::Diff)
        {
            bail!("--check prints no diffs: it cannot be used with --format diff");
        }
        Ok(Self { standard, files })
    }

    /// Whether a format is wanted that draws who reads what.
    pub(super) fn draw(&self) -> bool {
        self.wants(Format::Markdown) || self.wants(Format::Html)
    }

    /// Whether a format is wanted somewhere.
    pub(super) fn wants(&self, format: Format) -> bool {
        self.standard == Some(format) || self.files.iter().any(|(f, _)| *f == format)
    }

    /// Writes what goes to files.
    pub(super) fn write_files(&self, run: &Run<'_>) -> Result<()> {
        for (format, file) in &self.files {
            let text = print::render(*format, run);
            let text = anstream::adapter::strip_str(&text).to_string();
            put(file, &text).with_context(|| format!("cannot write {}", file.display()))?;
        }
        Ok(())
    }

    /// Prints what goes to standard output.
    pub(super) fn print(&self, run: &Run<'_>, terminal: &Terminal) -> Result<()> {
        let Some(format) = self.standard else {
            return Ok(());
        };
        let text = print::render(format, run);
        match format {
            Format::Text | Format::Concise | Format::Diff => terminal.out(&text),
            _ => terminal.raw(&text),
        }
    }
}

/// What of a run text shows, as typed.
pub(super) fn shown(args: &FixArgs, terminal: &Terminal) -> Shown {
    Shown {
        detail: match args.verbose {
            0 => Detail::Brief,
            1 => Detail::Verbose,
            _ => Detail::Full,
        },
        remarks: args.min_severity == Some(MinSeverity::Info),
        quiet: args.quiet,
        statistics: args.statistics,
        context: args.context,
        width: Some(terminal.width()),
        links: terminal.links(),
    }
}

/// Takes out of a report what is not wanted.
pub(super) fn hide(args: &FixArgs, report: &mut Report) {
    match args.min_severity {
        None | Some(MinSeverity::Info) => {}
        Some(MinSeverity::Warning) => report.hide_below(Severity::Warning),
        Some(MinSeverity::Error) => report.hide_below(Severity::Error),
    }
}

/// Writes a file as a whole, or not at all. What is no plain file gets the text as it is.
pub(super) fn put(path: &Path, text: &str) -> Result<()> {
    let plain = |error: std::io::Error| {
        let said = files::plain(&error);
        // A temporary file's error names the file, which nobody knows.
        let said = said.split(" (os error").next().unwrap_or(&said);
        anyhow::anyhow!(said.to_lowercase())
    };
    let target = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    if target.metadata().is_ok_and(|m| !m.is_file()) {
        let mut file = fs::OpenOptions::new()
            .write(true)
            .open(&target)
            .map_err(plain)?;
        return file.write_all(text.as_bytes()).map_err(plain);
    }
    let directory = target.parent().filter(|d| !d.as_os_str().is_empty());
    if directory.is_some_and(|d| !d.is_dir()) {
        bail!("there is no such directory");
    }
    let mut builder = tempfile::Builder::new();
    builder.prefix(".kubewright-").suffix(".output");
    // What a new file allows is up to the umask; temporary files are private by default.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = builder
        .tempfile_in(directory.unwrap_or(Path::new(".")))
        .map_err(plain)?;
    file.write_all(text.as_bytes()).map_err(plain)?;
    file.persist(&target).map_err(|e| plain(e.error))?;
    Ok(())
}
