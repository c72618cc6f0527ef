//! Git, asked by its own program: where two histories part, what a commit holds, which lines
//! changed since. Nothing is written to the repository or the work tree.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Component, Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

use super::files;
use super::print::touched::Touched;
use super::work_tree::environment;

/// Larger files are read when they are manifests alone.
const MAX_BYTES: u64 = 4 * 1024 * 1024;

/// A work tree.
pub(super) struct Repository<'a> {
    /// Its top.
    pub(super) top: &'a Path,
}

/// A file of a commit.
struct Blob {
    id: String,
    path: PathBuf,
}

impl Repository<'_> {
    /// The commit where the history of `rev` and that of HEAD part.
    ///
    /// # Errors
    /// When git does not know the revision, or the commit is not fetched: the message says how to
    /// get it.
    pub(super) fn merge_base(&self, rev: &str) -> Result<String> {
        let commit = |rev: &str| {
            let name = format!("{rev}^{{commit}}");
            self.asked(&[
                "rev-parse",
                "--verify",
                "--quiet",
                "--end-of-options",
                &name,
            ])
        };
        let Some(theirs) = commit(rev)? else {
            bail!(
                "git knows no commit `{rev}`; fetch it first (git fetch origin BRANCH, then \
                 --since origin/BRANCH; in GitHub Actions: actions/checkout with fetch-depth: 0)"
            );
        };
        let Some(ours) = commit("HEAD")? else {
            bail!("--since compares with HEAD, and there is no commit yet");
        };
        match self.asked(&["merge-base", &theirs, &ours])? {
            Some(base) => Ok(base),
            None => bail!(
                "git finds no commit that `{rev}` and HEAD have in common: is this a shallow \
                 clone? fetch all of the history (git fetch --unshallow; in GitHub Actions: \
                 actions/checkout with fetch-depth: 0)"
            ),
        }
    }

    /// Writes the files of a commit below a directory, as they are stored, to an empty directory;
    /// paths stay relative to the top. Symbolic links and submodules are left out, as by every run.
    pub(super) fn export(&self, commit: &str, below: &Path, to: &Path) -> Result<()> {
        let blobs = self.blobs(commit, below)?;
        let mut child = self
            .command()
            .args(["cat-file", "--batch"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context(NO_GIT)?;
        let mut asks = child.stdin.take().context("git takes no input")?;
        let ids: String = blobs.iter().flat_map(|b| [b.id.as_str(), "\n"]).collect();
        // Answers are read while questions are written: neither side waits for the other.
        let asking = std::thread::spawn(move || asks.write_all(ids.as_bytes()));
        let mut answers = BufReader::new(child.stdout.take().context("git gives no output")?);
        for blob in &blobs {
            let mut header = String::new();
            answers.read_line(&mut header)?;
            let size: Option<u64> = header
                .trim_end()
                .rsplit(' ')
                .next()
                .and_then(|n| n.parse().ok());
            let Some(size) = size else {
                bail!(
                    "git cannot read {} of {commit}: {}",
                    blob.path.display(),
                    header.trim_end()
                );
            };
            let mut text = Vec::new();
            answers.by_ref().take(size).read_to_end(&mut text)?;
            answers.read_exact(&mut [0])?;
            let target = to.join(&blob.path);
            if let Some(directory) = target.parent() {
                fs::create_dir_all(directory)?;
            }
            put(&target, &text)?;
        }
        drop(asking.join());
        child.wait()?;
        Ok(())
    }

    fn blobs(&self, commit: &str, below: &Path) -> Result<Vec<Blob>> {
        let mut list = self.command();
        list.args(["ls-tree", "-r", "-z", "-l", "--full-tree", commit, "--"]);
        if below.components().next().is_some() {
            list.arg(below);
            // What is ignored further up is ignored here.
            list.args(below.ancestors().skip(1).map(|d| d.join(".gitignore")));
        }
        let mut blobs = Vec::new();
        for entry in self.bytes(&mut list)?.split(|b| *b == 0) {
            let Some(tab) = entry.iter().position(|b| *b == b'\t') else {
                continue;
            };
            let (about, path) = (&entry[..tab], path_of(&entry[tab + 1..]));
            let about = String::from_utf8_lossy(about).into_owned();
            let mut words = about.split_whitespace();
            let (mode, _, id, size) = (words.next(), words.next(), words.next(), words.next());
            let plain = matches!(mode, Some("100644" | "100755"));
            let size: u64 = size.and_then(|n| n.parse().ok()).unwrap_or_default();
            if let (true, Some(id), Some(path)) = (plain, id, path.filter(|p| is_inside(p)))
                && (size <= MAX_BYTES || files::is_manifest(&path))
            {
                blobs.push(Blob {
                    id: id.to_owned(),
                    path,
                });
            }
        }
        Ok(blobs)
    }

    /// The lines of the work tree that differ from a commit, by path relative to the top.
    pub(super) fn touched(&self, commit: &str) -> Result<Touched> {
        let mut diff = self.command();
        diff.args([
            "-c",
            "diff.noprefix=false",
            "-c",
            "diff.mnemonicPrefix=false",
        ]);
        diff.args([
            "diff",
            "--no-color",
            "--no-ext-diff",
            "--no-textconv",
            "--find-renames",
        ]);
        diff.args(["-U0", "--src-prefix=a/", "--dst-prefix=b/", commit, "--"]);
        let diff = String::from_utf8_lossy(&self.bytes(&mut diff)?).into_owned();
        let mut others = self.command();
        others.args(["ls-files", "--others", "--exclude-standard", "-z"]);
        let others = self.bytes(&mut others)?;
        let mut lines: BTreeMap<String, Vec<(usize, usize)>> = BTreeMap::new();
        for path in others.split(|b| *b == 0).filter(|path| !path.is_empty()) {
            let path = String::from_utf8_lossy(path).into_owned();
            lines.entry(path).or_default().push((1, usize::MAX));
        }
        let mut path = None;
        // Between `@@` and the next header every line is content: only whole hunks are counted.
        let (mut minus, mut plus) = (0_usize, 0_usize);
        for line in diff.lines() {
            if minus + plus > 0 {
                match line.as_bytes().first() {
                    Some(b'-') => minus = minus.saturating_sub(1),
                    Some(b'+') => plus = plus.saturating_sub(1),
                    _ => {}
                }
            } else if let Some(name) = line.strip_prefix("+++ ") {
                path = unquoted(name).strip_prefix("b/").map(str::to_owned);
            } else if let Some((old, new)) = hunk(line) {
                (minus, plus) = (old, new.1);
                if let Some(path) = &path {
                    let (start, length) = new;
                    // Where lines went, those beside the gap are what changed.
                    let last = if length == 0 {
                        start + 1
                    } else {
                        start + length - 1
                    };
                    lines.entry(path.clone()).or_default().push((start, last));
                }
            }
        }
        Ok(Touched::new(lines))
    }

    fn command(&self) -> Command {
        let mut command = Command::new("git");
        command
            .arg("-C")
            .arg(self.top)
            .args(["-c", "core.fsmonitor=false", "-c", "core.quotePath=false"])
            .args(["-c", "core.hooksPath=/dev/null"])
            .env_clear()
            .envs(environment())
            .env("GIT_OPTIONAL_LOCKS", "0")
            .env("GIT_LITERAL_PATHSPECS", "1")
            .env("LC_ALL", "C")
            .stdin(Stdio::null());
        command
    }

    /// The answer to a question; `None` where git only says no.
    fn asked(&self, args: &[&str]) -> Result<Option<String>> {
        let output = self.command().args(args).output().context(NO_GIT)?;
        if output.status.success() {
            let answer = String::from_utf8_lossy(&output.stdout);
            return Ok(Some(answer.trim().to_owned()));
        }
        match String::from_utf8_lossy(&output.stderr).trim() {
            "" => Ok(None),
            said => bail!("git failed: {said}"),
        }
    }

    #[expect(clippy::unused_self, reason = "it runs in this work tree")]
    fn bytes(&self, command: &mut Command) -> Result<Vec<u8>> {
        let output = command.output().context(NO_GIT)?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            bail!("git failed: {}", said.trim());
        }
        Ok(output.stdout)
    }
}

const NO_GIT: &str = "git cannot be run; --since asks it for the files of an older commit";

#[expect(
    clippy::disallowed_methods,
    reason = "files of a commit are read as any other, from a directory of their own"
)]
fn put(path: &Path, text: &[u8]) -> Result<()> {
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(unix)]
#[expect(clippy::unnecessary_wraps, reason = "elsewhere paths are text")]
fn path_of(bytes: &[u8]) -> Option<PathBuf> {
    use std::os::unix::ffi::OsStringExt as _;
    Some(OsString::from_vec(bytes.to_vec()).into())
}

#[cfg(not(unix))]
fn path_of(bytes: &[u8]) -> Option<PathBuf> {
    let path = String::from_utf8(bytes.to_vec()).ok()?;
    Some(OsString::from(path).into())
}

/// Whether a path of a tree, which anybody may have made, leads to a plain place below the top.
fn is_inside(path: &Path) -> bool {
    let plain = |part: Component<'_>| match part {
        Component::Normal(name) => !name.eq_ignore_ascii_case(".git"),
        _ => false,
    };
    path.components().all(plain)
}

/// `@@ -1,2 +3,4 @@`: the number of old lines; start and number of new ones.
fn hunk(line: &str) -> Option<(usize, (usize, usize))> {
    let mut words = line.strip_prefix("@@ -")?.split(' ');
    let (old, new) = (words.next()?, words.next()?.strip_prefix('+')?);
    let range = |text: &str| -> Option<(usize, usize)> {
        let (start, length) = text.split_once(',').unwrap_or((text, "1"));
        Some((start.parse().ok()?, length.parse().ok()?))
    };
    Some((range(old)?.1, range(new)?))
}

/// A path as git writes it in a header.
fn unquoted(name: &str) -> String {
    let name = name.trim_end_matches('\t');
    let Some(quoted) = name.strip_prefix('"').and_then(|n| n.strip_suffix('"')) else {
        return name.to_owned();
    };
    let mut bytes = Vec::new();
    let mut rest = quoted.bytes().peekable();
    while let Some(b) = rest.next() {
        if b != b'\\' {
            bytes.push(b);
            continue;
        }
        match rest.next() {
            Some(b'n') => bytes.push(b'\n'),
            Some(b't') => bytes.push(b'\t'),
            Some(first @ b'0'..=b'3') => {
                let mut code = u32::from(first - b'0');
                for _ in 0..2 {
                    let digit = rest.next_if(u8::is_ascii_digit).unwrap_or(b'0');
                    code = code * 8 + u32::from(digit - b'0');
                }
                bytes.push(u8::try_from(code).unwrap_or(b'?'));
            }
            Some(other) => bytes.push(other),
            None => {}
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_read() {
        assert_eq!(hunk("@@ -1 +3,4 @@ x"), Some((1, (3, 4))));
        assert_eq!(hunk("@@ -1,2 +3,0 @@"), Some((2, (3, 0))));
        assert_eq!(hunk("--- a"), None);
        assert_eq!(unquoted("\"b/a\\\"b\\303\\274\""), "b/a\"bü");
        assert!(!is_inside(Path::new("../x")) && !is_inside(Path::new("a/.GIT/config")));
    }
}
