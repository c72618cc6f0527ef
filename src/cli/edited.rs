//! A fix as a patch that a person edits, as `git add -p` has it: what is added may say something
//! else or go, what is removed may stay. What comes back is read line by line against the original;
//! what does not fit, or would not be YAML, is said and not taken.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::ops::Range;
use std::process::Command;

use anstream::adapter::strip_str;
use anyhow::{Context as _, Result, bail};
use kubewright_model::yaml::verify;

use super::print::Paths;
use super::print::diff;
use crate::pipeline::report::FileChange;
use crate::typed;

const HELP: &str = "\
# To leave an added line out, delete it; to write it otherwise, change what is behind the +.
# To keep a line that would be removed, make its - a blank.
# Lines that begin with # are no part of it. Without any + and - the fix is not made.
";
const HUNK: &str = "@@ ";

/// What a person made of the lines of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Edited {
    /// Path relative to the root.
    pub(super) path: String,
    /// The file is new.
    pub(super) created: bool,
    /// What stands where instead, in the original text; ascending and disjoint.
    pub(super) splices: Vec<(Range<usize>, String)>,
}

impl Edited {
    /// The text with the edits.
    pub(super) fn text(&self, original: &str) -> String {
        let mut out = original.to_owned();
        for (range, text) in self.splices.iter().rev() {
            if out.get(range.clone()).is_some() {
                out.replace_range(range.clone(), text);
            }
        }
        out
    }

    /// Whether it has to do with bytes of a file that are changed otherwise; an empty range is an
    /// insertion.
    pub(super) fn touches(&self, path: &str, range: &Range<usize>) -> bool {
        let meets = |(own, _): &(Range<usize>, String)| {
            let same = own.start == range.start && (own.is_empty() == range.is_empty());
            same || (own.start < range.end && range.start < own.end)
        };
        self.path == path && (self.created || self.splices.iter().any(meets))
    }
}

/// Lets a person edit the patch of `changes`; `None` where nothing of it is left. `complain` says
/// what is wrong with an attempt, and whether there is another one.
pub(super) fn edit(
    changes: &[FileChange],
    paths: &Paths,
    mut complain: impl FnMut(&str) -> Result<bool>,
) -> Result<Option<Vec<Edited>>> {
    let patch = strip_str(&diff::of_files(changes, paths)).to_string();
    let mut buffer = format!("{patch}{HELP}");
    loop {
        buffer = in_editor(&buffer)?;
        match read(&buffer, changes, paths).and_then(|edited| valid(edited, changes)) {
            Ok(edited) => return Ok((!edited.is_empty()).then_some(edited)),
            Err(why) => {
                if !complain(&why)? {
                    return Ok(None);
                }
            }
        }
    }
}

/// What `VISUAL`, `EDITOR` or else `vi` makes of a text.
#[expect(
    clippy::disallowed_methods,
    reason = "the environment names the editor"
)]
fn in_editor(text: &str) -> Result<String> {
    let of = |name: &str| std::env::var(name).ok().filter(|e| !e.trim().is_empty());
    let editor = of("VISUAL").or_else(|| of("EDITOR"));
    let editor = editor.unwrap_or_else(|| "vi".to_owned());
    // Only its owner can read it: a fix may move credentials.
    let mut file = tempfile::Builder::new()
        .prefix("kubewright-")
        .suffix(".diff")
        .tempfile()
        .context("cannot write a file for the editor")?;
    file.write_all(text.as_bytes())
        .and_then(|()| file.flush())
        .context("cannot write a file for the editor")?;
    // As git does it: the variable may hold arguments, and quotes around a path with blanks.
    let mut command = if cfg!(windows) {
        let mut words = editor.split_whitespace();
        let mut command = Command::new(words.next().unwrap_or("notepad"));
        command.args(words);
        command
    } else {
        let mut command = Command::new("sh");
        command.args(["-c", &format!("{editor} \"$@\""), &editor]);
        command
    };
    let status = command
        .arg(file.path())
        .status()
        .with_context(|| format!("cannot run the editor `{editor}`"))?;
    if !status.success() {
        bail!("the editor `{editor}` failed ({status}); set EDITOR to the one you use");
    }
    fs::read_to_string(file.path()).context("cannot read what the editor wrote")
}

/// A hunk that is being read.
struct Hunk<'c> {
    /// Line of the buffer, for messages.
    line: usize,
    /// The next line of the original, from 0.
    at: usize,
    /// Bytes of the original that are replaced so far.
    range: Range<usize>,
    new: String,
    lines: &'c [&'c str],
    eol: &'c str,
}

impl Hunk<'_> {
    /// Takes a line of the buffer.
    fn take(&mut self, line: &str, number: usize) -> Result<(), String> {
        let (sign, rest) = match line.chars().next() {
            // Editors take away the blank of an empty line.
            None => (' ', ""),
            Some(sign) => (sign, line.get(sign.len_utf8()..).unwrap_or_default()),
        };
        match sign {
            '+' => {
                if !self.new.is_empty() && !self.new.ends_with('\n') {
                    self.new.push_str(self.eol);
                }
                self.new.push_str(rest.trim_end_matches('\r'));
                self.new.push_str(self.eol);
            }
            ' ' | '-' => {
                let own = self.lines.get(self.at).copied().unwrap_or_default();
                let bare = |text: &str| text.trim_end_matches(['\n', '\r']).to_owned();
                if self.at >= self.lines.len() || bare(own) != bare(rest) {
                    return Err(format!(
                        "line {number} of the patch is not what the file has there: `{rest}`"
                    ));
                }
                if sign == ' ' {
                    self.new.push_str(own);
                }
                self.range.end += own.len();
                self.at += 1;
            }
            '\\' => {
                let bare = self.new.trim_end_matches(['\n', '\r']).len();
                if self.at >= self.lines.len() {
                    self.new.truncate(bare);
                }
            }
            _ => {
                return Err(format!(
                    "line {number} of the patch begins with none of `+`, `-`, a blank and `#`: \
                     `{line}`"
                ));
            }
        }
        Ok(())
    }

    /// What is replaced by what, without the lines that stay.
    fn splice(self, original: &str) -> Option<(Range<usize>, String)> {
        let Range { mut start, mut end } = self.range;
        let old: Vec<&str> = original.get(start..end)?.split_inclusive('\n').collect();
        let new: Vec<&str> = self.new.split_inclusive('\n').collect();
        let same = |pairs: &mut dyn Iterator<Item = (&&str, &&str)>| {
            pairs.take_while(|(old, new)| old == new).count()
        };
        let first = same(&mut old.iter().zip(&new));
        let (old, new) = (old.get(first..)?, new.get(first..)?);
        let last = same(&mut old.iter().rev().zip(new.iter().rev()));
        let new = new.get(..new.len() - last)?.concat();
        start += original
            .get(start..end)?
            .split_inclusive('\n')
            .take(first)
            .map(str::len)
            .sum::<usize>();
        end -= old
            .iter()
            .rev()
            .take(last)
            .map(|line| line.len())
            .sum::<usize>();
        (start < end || !new.is_empty()).then_some((start..end, new))
    }
}

/// The edits that a patch makes, whose files are those of `changes`.
fn read(buffer: &str, changes: &[FileChange], paths: &Paths) -> Result<Vec<Edited>, String> {
    let heads: Vec<(usize, [String; 2])> = (changes.iter().enumerate())
        .map(|(number, change)| {
            let patch = strip_str(&diff::of_files(std::slice::from_ref(change), paths)).to_string();
            let head = |start| patch.lines().find(|line| line.starts_with(start));
            let head = |start| head(start).unwrap_or_default().to_owned();
            (number, [head("--- "), head("+++ ")])
        })
        .collect();
    let texts: Vec<Vec<&str>> = (changes.iter())
        .map(|change| change.before.as_deref().unwrap_or_default())
        .map(|text| text.split_inclusive('\n').collect())
        .collect();
    let mut hunks: Vec<(usize, Hunk<'_>)> = Vec::new();
    let (mut file, mut in_hunk) = (None, false);
    let lines: Vec<&str> = buffer.lines().collect();
    for (number, line) in lines.iter().enumerate() {
        let next = lines.get(number + 1).copied().unwrap_or_default();
        let begins = (heads.iter()).find(|(_, [old, new])| line == old && next == new);
        if let Some((of, _)) = begins {
            (file, in_hunk) = (Some(*of), false);
        } else if let (Some(of), Some(rest)) = (file, line.strip_prefix(HUNK)) {
            let lines = texts.get(of).map(Vec::as_slice).unwrap_or_default();
            let at = first_line(rest).filter(|at| *at <= lines.len());
            let at = at.ok_or_else(|| {
                format!(
                    "line {} of the patch is no head of a hunk: `{line}`",
                    number + 1
                )
            })?;
            let start = lines.iter().take(at).map(|line| line.len()).sum();
            let crlf = lines.first().is_some_and(|line| line.ends_with("\r\n"));
            let hunk = Hunk {
                line: number + 1,
                at,
                range: start..start,
                new: String::new(),
                lines,
                eol: if crlf { "\r\n" } else { "\n" },
            };
            hunks.push((of, hunk));
            in_hunk = true;
        } else if let Some((_, hunk)) = hunks.last_mut().filter(|_| in_hunk)
            && !line.starts_with('#')
            && !line.starts_with("diff --git ")
        {
            // Blank lines at the end are the editor's.
            if line.is_empty()
                && lines
                    .iter()
                    .skip(number)
                    .all(|l| l.is_empty() || l.starts_with('#'))
            {
                continue;
            }
            hunk.take(line, number + 1)?;
        }
    }
    collected(hunks, changes)
}

/// The hunks of each file.
fn collected(hunks: Vec<(usize, Hunk<'_>)>, changes: &[FileChange]) -> Result<Vec<Edited>, String> {
    let mut out: Vec<Edited> = Vec::new();
    for (of, hunk) in hunks {
        let Some(change) = changes.get(of) else {
            continue;
        };
        let line = hunk.line;
        let Some((range, text)) = hunk.splice(change.before.as_deref().unwrap_or_default()) else {
            continue;
        };
        let known = out.iter_mut().find(|edited| edited.path == change.path);
        match known {
            Some(edited) => {
                let end = edited.splices.last().map_or(0, |(range, _)| range.end);
                if range.start < end {
                    return Err(format!(
                        "the hunk at line {line} of the patch overlaps the one before"
                    ));
                }
                edited.splices.push((range, text));
            }
            None => out.push(Edited {
                path: change.path.clone(),
                created: change.before.is_none(),
                splices: vec![(range, text)],
            }),
        }
    }
    Ok(out)
}

/// The first line of the original in `-12,3 +12,4 @@`, from 0.
fn first_line(head: &str) -> Option<usize> {
    let old = head.strip_prefix('-')?.split(' ').next()?;
    let (start, count) = old.split_once(',').unwrap_or((old, "1"));
    let start: usize = start.parse().ok()?;
    // A range without lines begins behind the line that it names.
    Some(if count == "0" {
        start
    } else {
        start.checked_sub(1)?
    })
}

/// What was edited, where all of it is still YAML, and reads as its Kubernetes types as before.
fn valid(edited: Vec<Edited>, changes: &[FileChange]) -> Result<Vec<Edited>, String> {
    for one in &edited {
        let before = (changes.iter())
            .find(|change| change.path == one.path)
            .and_then(|change| change.before.as_deref())
            .unwrap_or_default();
        let after = one.text(before);
        if verify::error(before).is_none()
            && let Some(error) = verify::error(&after)
        {
            let mut said = format!(
                "{}:{} would not be YAML: {}",
                one.path, error.line, error.message
            );
            if let Some(help) = &error.help {
                let _ = write!(said, "; {help}");
            }
            return Err(said);
        }
        if let Some(lost) = typed::newly_lost(before, &after).first() {
            return Err(format!(
                "{} would not read as its Kubernetes type any more: {lost}",
                one.path
            ));
        }
    }
    Ok(edited)
}

#[cfg(test)]
mod tests;
