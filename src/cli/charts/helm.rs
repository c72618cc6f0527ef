//! The user's Helm, run so that it reaches nothing but the chart: no network, no plugins, none of
//! the user's settings, and not for ever.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use kubewright_model::kube::charts::Values;

use super::super::files::plain;
use super::super::program::{clean, run, words};

/// A Helm that works.
#[derive(Debug)]
pub(super) struct Helm {
    program: PathBuf,
    /// Its own directories; empty.
    home: tempfile::TempDir,
}

impl Helm {
    /// The `helm` on PATH, or the one that was named.
    ///
    /// # Errors
    /// When it does not start, or is neither Helm 3 nor 4.
    pub(super) fn find(named: Option<&Path>) -> Result<Self> {
        let helm = Self {
            program: named.unwrap_or(Path::new("helm")).to_path_buf(),
            home: tempfile::tempdir().context("cannot make a directory for helm")?,
        };
        let shown = helm.program.display();
        let mut command = helm.command();
        command.args(["version", "--template", "{{.Version}}"]);
        let version = match run(&mut command) {
            Ok((status, out, _)) if status.success() => out,
            Ok((_, _, said)) => bail!("`{shown} version` failed: {}", words(&said)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && named.is_none() => {
                bail!(
                    "no helm on PATH: --helm renders charts with it; install Helm 3 or 4, or write \
                     --helm=PATH"
                )
            }
            Err(error) => bail!("cannot run {shown}: {}", plain(&error)),
        };
        if !["v3.", "v4."]
            .iter()
            .any(|known| version.starts_with(known))
        {
            bail!(
                "{shown} says its version is `{}`; Helm 3 or 4 is expected",
                version.trim()
            );
        }
        Ok(helm)
    }

    fn command(&self) -> Command {
        let home = self.home.path();
        let mut command = clean(&self.program, home);
        if let Some(path) = std::env::var_os("PATH") {
            command.env("PATH", path);
        }
        for (variable, directory) in [
            ("HELM_CACHE_HOME", "cache"),
            ("HELM_CONFIG_HOME", "config"),
            ("HELM_DATA_HOME", "data"),
            ("HELM_PLUGINS", "plugins"),
        ] {
            command.env(variable, home.join(directory));
        }
        command.env("HELM_NO_PLUGINS", "1");
        command
    }

    /// What it makes of a chart with these values, whose files are relative to `root`.
    ///
    /// # Errors
    /// Its own words.
    pub(super) fn template(
        &self,
        chart: &Path,
        values: &Values,
        root: &Path,
    ) -> Result<String, String> {
        let mut command = self.command();
        command.arg("template").arg(&values.release).arg(chart);
        command.arg("--namespace").arg(&values.namespace);
        for file in &values.files {
            command.arg("--values").arg(root.join(file));
        }
        // Helm reads it while this function waits.
        let inline = values.inline.as_deref().map(file_of).transpose();
        let inline = inline.map_err(|error| error.to_string())?;
        if let Some(file) = &inline {
            command.arg("--values").arg(file.path());
        }
        for (parameter, string) in &values.parameters {
            command
                .arg(if *string { "--set-string" } else { "--set" })
                .arg(parameter);
        }
        match run(&mut command) {
            Ok((status, out, _)) if status.success() => Ok(out),
            Ok((_, _, said)) => {
                let at = chart.display().to_string();
                Err(words(&said).replace(&format!("{at}/"), ""))
            }
            Err(error) => Err(error.to_string()),
        }
    }

    /// How many errors its lint finds in a chart.
    pub(super) fn lint(&self, chart: &Path) -> usize {
        let mut command = self.command();
        command.arg("lint").arg(chart);
        let said = run(&mut command).map_or_else(|_| String::new(), |(_, out, said)| out + &said);
        said.lines()
            .filter(|line| line.starts_with("[ERROR]"))
            .count()
    }
}

fn file_of(text: &str) -> std::io::Result<tempfile::NamedTempFile> {
    use std::io::Write as _;
    let mut file = tempfile::NamedTempFile::new()?;
    file.write_all(text.as_bytes())?;
    file.flush()?;
    Ok(file)
}
