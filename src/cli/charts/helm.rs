//! The user's Helm, run so that it reaches nothing but the chart: no network, no plugins, none of
//! the user's settings, and not for ever.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use kubewright_model::kube::charts::Values;

use super::super::files::plain;

/// How long one run may take. A large chart takes a second.
const LIMIT: Duration = Duration::from_secs(60);
/// How often a run is looked after, at first and at most.
const PAUSES: (Duration, Duration) = (Duration::from_millis(2), Duration::from_millis(20));
/// More of what Helm says is not shown.
const SAID: usize = 3;
/// An address at which nobody listens: whoever asks a proxy there is refused at once.
const NOBODY: &str = "http://127.0.0.1:9";

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
        let mut command = Command::new(&self.program);
        command.env_clear().stdin(Stdio::null());
        for kept in ["PATH", "SystemRoot", "TMPDIR", "TEMP", "TMP"] {
            if let Some(value) = std::env::var_os(kept) {
                command.env(kept, value);
            }
        }
        let home = self.home.path();
        for (variable, directory) in [
            ("HOME", ""),
            ("HELM_CACHE_HOME", "cache"),
            ("HELM_CONFIG_HOME", "config"),
            ("HELM_DATA_HOME", "data"),
            ("HELM_PLUGINS", "plugins"),
            ("KUBECONFIG", "kubeconfig"),
        ] {
            command.env(variable, home.join(directory));
        }
        command.env("HELM_NO_PLUGINS", "1");
        for proxy in ["http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"] {
            command.env(proxy, NOBODY);
        }
        command.current_dir(home);
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

/// What a run of Helm says of an error, in one line.
fn words(said: &str) -> String {
    let lines: Vec<&str> = said.lines().map(str::trim).collect();
    let from = lines
        .iter()
        .position(|line| line.starts_with("Error: "))
        .unwrap_or(0);
    let shown = lines[from..].iter().filter(|line| !line.is_empty());
    let shown: Vec<&str> = shown.take(SAID).copied().collect();
    let shown = shown.join("; ");
    shown.strip_prefix("Error: ").unwrap_or(&shown).to_owned()
}

/// Runs to the end, or to the limit: status, output, messages.
fn run(command: &mut Command) -> std::io::Result<(ExitStatus, String, String)> {
    // Files take all that is written without anybody reading along.
    let (mut out, mut said) = (tempfile::tempfile()?, tempfile::tempfile()?);
    command.stdout(out.try_clone()?).stderr(said.try_clone()?);
    let mut child = command.spawn()?;
    let mut waited = Duration::ZERO;
    let mut pause = PAUSES.0;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if waited >= LIMIT {
            let _ = child.kill();
            let _ = child.wait();
            let message = format!("not done after {} seconds", LIMIT.as_secs());
            return Err(std::io::Error::new(std::io::ErrorKind::TimedOut, message));
        }
        std::thread::sleep(pause);
        waited += pause;
        pause = (pause * 2).min(PAUSES.1);
    };
    let text = |file: &mut File| {
        let mut bytes = Vec::new();
        file.seek(SeekFrom::Start(0))?;
        file.read_to_end(&mut bytes)?;
        std::io::Result::Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    Ok((status, text(&mut out)?, text(&mut said)?))
}
