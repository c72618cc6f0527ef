//! What the scripts that an image runs do with the paths that are asked for.
//!
//! Read are the scripts among the words of ENTRYPOINT and CMD, those that the manifests run and ask
//! for, and from there all that they name: by path, by a name that PATH finds, or by a directory
//! whose files they go through. What is named in a way that cannot be followed leaves the answer
//! open.

use std::collections::{BTreeMap, BTreeSet};

use kubewright_model::script::{SHELLS, handling};

use super::facts::search_path;
use super::failure::Failure;
use super::filesystem::{Filesystem, Here};
use super::look::{Found, Last, look};
use super::manifest::Execution;

/// The most scripts that are followed.
const MAX_SCRIPTS: usize = 256;
/// The interpreter of s6-overlay, which runs a shell.
const WITH_CONTENV: &str = "with-contenv";

/// Whether a script writes, moves or removes each path, or asks whether it is a mount; paths
/// without an answer are left out. `None` while a lower layer may decide.
///
/// # Errors
/// When the layers contradict each other about a path.
pub(super) fn handled(
    tree: &Filesystem,
    run: &Execution,
    asked: &BTreeSet<String>,
) -> Result<Option<BTreeMap<String, bool>>, Failure> {
    let mut reader = Reader {
        tree,
        path: search_path(run),
        seen: BTreeMap::new(),
        open: Vec::new(),
        unread: false,
    };
    let words: Vec<&str> = run
        .entrypoint
        .iter()
        .flatten()
        .chain(run.cmd.iter().flatten())
        .map(String::as_str)
        .collect();
    let directory = run
        .working_dir
        .as_deref()
        .filter(|dir| !dir.is_empty())
        .unwrap_or("/");
    let mut before = "";
    for word in words
        .iter()
        .copied()
        .chain(asked.iter().map(String::as_str))
    {
        // `sh -c "…"`: the word itself is a script.
        if word.contains(char::is_whitespace) {
            reader.seen.insert(
                word.to_owned(),
                Text {
                    shell: true,
                    text: word.to_owned(),
                },
            );
            reader.open.push(word.to_owned());
        } else if reader
            .name(word, directory, runs_scripts(before))?
            .is_none()
        {
            return Ok(None);
        }
        before = word;
    }
    while let Some(script) = reader.open.pop() {
        if reader.follow(&script)?.is_none() {
            return Ok(None);
        }
    }
    let mut answers = BTreeMap::new();
    for path in asked {
        let texts = reader.seen.values().filter(|text| !text.text.is_empty());
        let each: Vec<Option<bool>> = texts.map(|text| text.handles(path)).collect();
        if each.contains(&Some(true)) {
            answers.insert(path.clone(), true);
        } else if !reader.unread && each.iter().all(|answer| *answer == Some(false)) {
            answers.insert(path.clone(), false);
        }
    }
    Ok(Some(answers))
}

/// Whether a word runs, or reads, the script behind it.
fn runs_scripts(word: &str) -> bool {
    matches!(word, "." | "source") || is_shell(word.rsplit('/').next().unwrap_or_default())
}

/// Whether a program's scripts are read as shell.
fn is_shell(name: &str) -> bool {
    SHELLS.contains(&name) || name == WITH_CONTENV
}

/// A script, by its path; empty for a file that is none.
struct Text {
    shell: bool,
    text: String,
}

impl Text {
    fn handles(&self, path: &str) -> Option<bool> {
        if self.shell {
            return handling(&self.text, path).is_certain();
        }
        // Another language: it is read for the name alone.
        let name = path.rsplit('/').next().unwrap_or(path);
        let directory = path
            .strip_suffix(name)
            .unwrap_or_default()
            .trim_end_matches('/');
        let names =
            self.text.contains(name) || (!directory.is_empty() && self.text.contains(directory));
        (!names).then_some(false)
    }
}

struct Reader<'t> {
    tree: &'t Filesystem,
    /// Directories of PATH.
    path: Vec<String>,
    seen: BTreeMap<String, Text>,
    open: Vec<String>,
    /// Something that is run could not be read.
    unread: bool,
}

impl Reader<'_> {
    /// Takes up the script that a word names, if it names one; `run` when a shell is to run it, so
    /// that it is one whatever it looks like. `None` while a lower layer may decide.
    fn name(&mut self, word: &str, directory: &str, run: bool) -> Result<Option<bool>, Failure> {
        let candidates = if word.starts_with('/') {
            vec![word.to_owned()]
        } else if word.contains('/') {
            vec![format!("{}/{word}", directory.trim_end_matches('/'))]
        } else {
            self.path
                .iter()
                .map(|dir| format!("{dir}/{word}"))
                .collect()
        };
        for path in candidates {
            match look(self.tree, &path, Last::Follow)? {
                None => return Ok(None),
                Some(Found::There { node, .. }) => {
                    if let Here::File(_, content) = &node.here {
                        self.unread |=
                            content.is_none() && (run || super::layer::is_script_name(&path));
                        self.take(path, content.as_deref());
                        return Ok(Some(true));
                    }
                }
                Some(Found::Missing { .. }) => {}
            }
        }
        Ok(Some(false))
    }

    fn take(&mut self, path: String, content: Option<&[u8]>) {
        let Some(content) = content.filter(|_| !self.seen.contains_key(&path)) else {
            return;
        };
        if self.seen.len() >= MAX_SCRIPTS {
            self.unread = true;
            return;
        }
        let text = String::from_utf8_lossy(content).into_owned();
        let first = text.lines().next().unwrap_or_default();
        let interpreter = first
            .strip_prefix("#!")
            .unwrap_or("sh")
            .split([' ', '/', '\t'])
            .filter(|word| !word.is_empty());
        let shell = interpreter.into_iter().any(is_shell);
        self.open.push(path.clone());
        self.seen.insert(path, Text { shell, text });
    }

    /// Takes up what a script names.
    fn follow(&mut self, script: &str) -> Result<Option<()>, Failure> {
        let Some(Text { shell: true, text }) = self.seen.get(script) else {
            return Ok(Some(()));
        };
        let text = text.clone();
        let own = script
            .rsplit_once('/')
            .filter(|_| script.starts_with('/'))
            .map_or("/", |(directory, _)| directory);
        let mut globbed = false;
        let mut runs_variable = false;
        for line in text
            .lines()
            .map(str::trim_start)
            .filter(|line| !line.starts_with('#'))
        {
            let between = |c: char| {
                c.is_whitespace()
                    || matches!(
                        c,
                        '"' | '\'' | ';' | '(' | ')' | '|' | '&' | '`' | '<' | '>' | '='
                    )
            };
            let words: Vec<&str> = line
                .split(between)
                .filter(|word| !word.is_empty())
                .collect();
            for (at, word) in words.iter().copied().enumerate() {
                let before = at
                    .checked_sub(1)
                    .and_then(|at| words.get(at))
                    .copied()
                    .unwrap_or_default();
                let runs = runs_scripts(before);
                if word.contains('$') {
                    // `"$(dirname "$0")/lib.sh"` and `$DIR/lib.sh` lie beside the script, most of
                    // the time.
                    let name = word.rsplit('/').next().unwrap_or_default();
                    let beside = word.contains('/') && !name.contains('$') && !name.is_empty();
                    if beside && self.name(&format!("{own}/{name}"), own, runs)?.is_none() {
                        return Ok(None);
                    }
                    runs_variable |= runs && !beside;
                    continue;
                }
                let directory = word.trim_end_matches('*').trim_end_matches('/');
                if word.starts_with('/') && directory.len() > 1 {
                    match self.directory(directory)? {
                        None => return Ok(None),
                        Some(found) => globbed |= found,
                    }
                }
                if self.name(word.trim_end_matches(','), own, runs)?.is_none() {
                    return Ok(None);
                }
            }
        }
        // A loop over a directory runs what the loop's variable holds, and all of that was taken
        // up.
        self.unread |= runs_variable && !globbed;
        Ok(Some(()))
    }

    /// Takes up the scripts of a directory; whether it is one.
    fn directory(&mut self, path: &str) -> Result<Option<bool>, Failure> {
        let tree = self.tree;
        let node = match look(tree, path, Last::Follow)? {
            None => return Ok(None),
            Some(Found::There { node, .. })
                if matches!(node.here, Here::Directory(_) | Here::Implied) =>
            {
                node
            }
            Some(_) => return Ok(Some(false)),
        };
        let Some(names) = tree.names(node) else {
            return Ok(None);
        };
        let scripts: Vec<String> = names
            .into_iter()
            .map(|name| format!("{path}/{name}"))
            .collect();
        for script in scripts.iter().take(MAX_SCRIPTS) {
            if let Some(Found::There { node, .. }) = look(tree, script, Last::Follow)?
                && let Here::File(_, content) = &node.here
            {
                self.take(script.clone(), content.as_deref());
            }
        }
        Ok(Some(true))
    }
}

#[cfg(test)]
mod tests {
    use super::super::filesystem::{LayerEntry, Meta};
    use super::*;

    fn script(text: &str) -> LayerEntry {
        LayerEntry::File(
            Meta {
                mode: 0o755,
                uid: 0,
                gid: 0,
            },
            Some(text.as_bytes().to_vec()),
        )
    }

    fn ask(entries: &[(&str, LayerEntry)], entrypoint: &[&str], path: &str) -> Option<bool> {
        let words = entrypoint.iter().map(|word| (*word).to_owned()).collect();
        let run = Execution {
            entrypoint: Some(words),
            env: Some(vec!["PATH=/bin".into()]),
            ..Execution::default()
        };
        let asked = BTreeSet::from([path.to_owned()]);
        handled(&Filesystem::of(entries), &run, &asked)
            .expect("clear")
            .expect("known")
            .get(path)
            .copied()
    }

    const FILE: &str = "/etc/web/web.conf";

    #[test]
    fn the_entrypoint_is_read() {
        let changes = [(
            "entry.sh",
            script("#!/bin/sh\nsed -i s/A/$A/ /etc/web/web.conf\nexec \"$@\"\n"),
        )];
        assert_eq!(ask(&changes, &["/entry.sh", "web"], FILE), Some(true));
        let starts = [("entry.sh", script("#!/bin/sh\nset -e\nexec \"$@\"\n"))];
        assert_eq!(ask(&starts, &["/entry.sh", "web"], FILE), Some(false));
        assert_eq!(ask(&[], &["/web"], FILE), Some(false));
        assert_eq!(
            ask(
                &[],
                &["sh", "-c", "rm -f /etc/web/web.conf; exec web"],
                FILE
            ),
            Some(true)
        );
    }

    #[test]
    fn what_it_names_is_read_too() {
        let change = script("#!/bin/sh\ncp /default.conf /etc/web/web.conf\n");
        for (text, other) in [
            ("#!/bin/sh\n/setup/a.sh\nexec web", "setup/a.sh"),
            (
                "#!/bin/bash\n. \"$(dirname \"$0\")/lib.sh\"\nexec web",
                "lib.sh",
            ),
            (
                "#!/bin/sh\nfor f in /entry.d/*; do . \"$f\"; done",
                "entry.d/10-a.sh",
            ),
            ("#!/bin/sh\nprepare && exec web", "bin/prepare"),
        ] {
            let entries = [("entry.sh", script(text)), (other, change.clone())];
            assert_eq!(ask(&entries, &["/entry.sh"], FILE), Some(true), "{text}");
        }
        let loops = [
            (
                "entry.sh",
                script("#!/bin/sh\nfor f in /entry.d/*; do . \"$f\"; done"),
            ),
            ("entry.d/a.sh", script("export A=1\n")),
        ];
        assert_eq!(ask(&loops, &["/entry.sh"], FILE), Some(false));
    }

    #[test]
    fn what_cannot_be_read_leaves_it_open() {
        let variable = [("entry.sh", script("#!/bin/sh\n. \"$HOOK\"\nexec web"))];
        assert_eq!(ask(&variable, &["/entry.sh"], FILE), None);
        let python = [(
            "entry.py",
            script("#!/usr/bin/env python3\nopen('/etc/web/web.conf', 'w')\n"),
        )];
        assert_eq!(ask(&python, &["/entry.py"], FILE), None);
        let bare = [(
            "run",
            LayerEntry::File(
                Meta {
                    mode: 0o644,
                    uid: 0,
                    gid: 0,
                },
                None,
            ),
        )];
        assert_eq!(
            (
                ask(&bare, &["sh", "/run"], FILE),
                ask(&bare, &["/run"], FILE)
            ),
            (None, Some(false))
        );
        let other = [("entry.py", script("#!/usr/bin/env python3\nimport os\n"))];
        assert_eq!(ask(&other, &["/entry.py"], FILE), Some(false));
    }
}
