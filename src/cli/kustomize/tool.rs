//! The user's kustomize, run so that it reaches nothing but a copy of the tree: no network, no git,
//! no plugins, no functions, and not for ever.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use super::super::files::plain;
use super::super::program::{clean, run, words};

/// A kustomize that works: itself, or kubectl.
#[derive(Debug)]
pub(super) struct Kustomize {
    program: PathBuf,
    /// Its arguments in front of the directory.
    build: &'static str,
    /// An empty directory.
    home: tempfile::TempDir,
}

impl Kustomize {
    /// The `kustomize` on PATH, else the `kubectl` there, or the program that was named.
    ///
    /// # Errors
    /// When there is none, or it is neither kustomize 4.5 or later nor a kubectl that has one.
    pub(super) fn find(named: Option<&Path>) -> Result<Self> {
        let found = match named {
            Some(path) if path.components().count() > 1 => Some(path.to_owned()),
            Some(name) => on_path(name),
            None => on_path(Path::new("kustomize")).or_else(|| on_path(Path::new("kubectl"))),
        };
        let Some(program) = found else {
            match named {
                Some(name) => bail!("cannot run {}: it is not on PATH", name.display()),
                None => bail!(
                    "neither kustomize nor kubectl on PATH: --kustomize builds kustomizations with \
                     it; install one of them, or write --kustomize=PATH"
                ),
            }
        };
        let home = tempfile::tempdir().context("cannot make a directory for kustomize")?;
        let mut tool = Self {
            program,
            build: "build",
            home,
        };
        let shown = named.unwrap_or(&tool.program).display().to_string();
        let asked = |args: &[&str]| {
            let (status, out, said) = run(tool.command().args(args))
                .map_err(|error| anyhow::anyhow!("cannot run {shown}: {}", plain(&error)))?;
            anyhow::Ok((status.success(), out, said))
        };
        let (fine, out, _) = asked(&["version"])?;
        let version = match version(&out) {
            Some(version) if fine => version,
            _ => {
                let (fine, out, said) = asked(&["version", "--client"])?;
                let line = out
                    .lines()
                    .find_map(|l| l.strip_prefix("Kustomize Version: "));
                let Some(version) = line.filter(|_| fine).and_then(version) else {
                    let said = [out.lines().next().unwrap_or_default(), &words(&said)].concat();
                    let said = match said.as_str() {
                        "" => "nothing".to_owned(),
                        said => format!("`{said}`"),
                    };
                    bail!(
                        "{shown} is neither kustomize nor a kubectl that has one: `{shown} version \
                         --client` says {said}"
                    );
                };
                tool.build = "kustomize";
                version
            }
        };
        if version < (4, 5) {
            bail!(
                "{shown} has kustomize {}.{}, which does not say where a resource comes from; 4.5 \
                 or later is expected",
                version.0,
                version.1
            );
        }
        Ok(tool)
    }

    /// Without PATH: kustomize would look for git there, which reaches the network in ways of its
    /// own.
    fn command(&self) -> Command {
        clean(&self.program, self.home.path())
    }

    /// What it builds of a directory of `copy`.
    ///
    /// # Errors
    /// Its own words.
    pub(super) fn build(&self, copy: &Path, directory: &str) -> Result<String, String> {
        let at = copy.join(directory);
        match run(self.command().arg(self.build).arg(&at)) {
            Ok((status, out, _)) if status.success() => Ok(out),
            Ok((_, _, said)) => {
                let copy = copy.display().to_string();
                let said = words(&said).replace(&format!("{copy}/"), "");
                let said = said.strip_prefix("error: ").unwrap_or(&said);
                Err(said.replace(&copy, "."))
            }
            Err(error) => Err(error.to_string()),
        }
    }
}

/// A program that PATH leads to.
fn on_path(name: &Path) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let suffix = std::env::consts::EXE_SUFFIX;
    std::env::split_paths(&path)
        .flat_map(|directory| {
            let plain = directory.join(name);
            let mut with = plain.clone().into_os_string();
            with.push(suffix);
            [PathBuf::from(with), plain]
        })
        .find(|file| file.is_file())
}

/// `v5.8.2`, `5.8.2` or `{Version:kustomize/v4.5.7 …}`.
fn version(said: &str) -> Option<(u32, u32)> {
    let said = said.trim();
    let said = said.strip_prefix("{Version:").unwrap_or(said);
    let said = said.strip_prefix("kustomize/").unwrap_or(said);
    let mut numbers = said.strip_prefix('v').unwrap_or(said).split('.');
    let mut number = || numbers.next()?.parse().ok();
    Some((number()?, number()?))
}

#[cfg(test)]
mod tests {
    use super::version;

    #[test]
    fn versions_are_read() {
        assert_eq!(version("v5.8.2\n"), Some((5, 8)));
        assert_eq!(
            version("{Version:kustomize/v4.5.7 GitCommit:56d8 }"),
            Some((4, 5))
        );
        assert_eq!(version("Client Version: v1.37.1\n"), None);
    }
}
