//! What the scripts that an image runs do with the paths that are asked for.
//!
//! Read are the scripts among the words of ENTRYPOINT and CMD, those that the manifests run and ask
//! for, and from there all that they name: by path, by a name that PATH finds, or by a directory
//! whose files they go through. What is named in a way that cannot be followed leaves the answer
//! open.
//!
//! All of them are read as one: a name that one script gives may be what another one's variable
//! holds. A part that runs only where a variable is set is kept apart, with that variable.

use std::collections::{BTreeMap, BTreeSet};

use kubewright_model::script::{SHELLS, asks_about_mounts, changes, handling};

use super::facts::search_path;
use super::failure::Failure;
use super::filesystem::{Filesystem, Here};
use super::look::{Found, Last, look};
use super::manifest::Execution;
use super::shell::{self, Command, Constants};

/// The most scripts that are followed.
const MAX_SCRIPTS: usize = 256;
/// The interpreter of s6-overlay, which runs a shell.
const WITH_CONTENV: &str = "with-contenv";

/// What the scripts do with a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) handled: bool,
    /// It may be where one of these variables is set.
    pub(super) unless: Vec<String>,
    /// It is where somebody gives the path to a script.
    pub(super) if_named: bool,
}

/// Whether a script writes, moves or removes each path, or asks whether it is a mount; paths
/// without an answer are left out. `None` while a lower layer may decide.
///
/// # Errors
/// When the layers contradict each other about a path.
pub(super) fn handled(
    tree: &Filesystem,
    run: &Execution,
    asked: &BTreeSet<String>,
) -> Result<Option<BTreeMap<String, Answer>>, Failure> {
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
    let scripts = Scripts::of(reader.seen.values(), run.env.as_deref().unwrap_or_default());
    let answer = |path: &String| {
        let handled = scripts.handled(path)?;
        let unread = reader.unread && !handled.handled;
        (!unread).then(|| (path.clone(), handled))
    };
    Ok(Some(asked.iter().filter_map(answer).collect()))
}

/// A script of a shell.
struct Script<'t> {
    whole: &'t str,
    /// The part that always runs.
    always: &'t str,
    /// The variable without which it ends there.
    guard: Option<&'t str>,
}

impl<'t> Script<'t> {
    /// What runs where a variable is set.
    fn with(&self, variable: &str) -> &'t str {
        if self.guard == Some(variable) {
            self.whole
        } else {
            self.always
        }
    }
}

/// All scripts that are run.
struct Scripts<'t> {
    shell: Vec<Script<'t>>,
    /// In another language.
    others: Vec<&'t str>,
    /// The values of the image's variables.
    values: Vec<&'t str>,
    constants: Constants,
    /// The commands of the parts that always run.
    always: Vec<Command>,
    all: Vec<Command>,
}

impl<'t> Scripts<'t> {
    fn of(texts: impl Iterator<Item = &'t Text>, env: &'t [String]) -> Self {
        let (shell, others): (Vec<&Text>, Vec<&Text>) = texts
            .filter(|text| !text.text.is_empty())
            .partition(|text| text.shell);
        let set = |name: &str| {
            let assigned = format!("{name}=");
            env.iter().any(|e| e.starts_with(&assigned))
                || shell.iter().any(|text| text.text.contains(&assigned))
        };
        let scripts = shell.iter().map(|text| {
            let whole = text.text.as_str();
            let guarded = shell::guarded(whole).filter(|(_, variable)| !set(variable));
            Script {
                whole,
                always: guarded.map_or(whole, |(before, _)| before),
                guard: guarded.map(|(_, variable)| variable),
            }
        });
        let scripts: Vec<Script<'t>> = scripts.collect();
        let all: Vec<Command> = scripts
            .iter()
            .flat_map(|s| shell::commands(s.whole))
            .collect();
        Self {
            constants: Constants::of(all.iter()),
            always: scripts
                .iter()
                .flat_map(|s| shell::commands(s.always))
                .collect(),
            all,
            values: env
                .iter()
                .filter_map(|e| Some(e.split_once('=')?.1))
                .collect(),
            others: others.iter().map(|text| text.text.as_str()).collect(),
            shell: scripts,
        }
    }

    /// `None` where it may be.
    fn handled(&self, path: &str) -> Option<Answer> {
        let name = path.rsplit('/').next().unwrap_or(path);
        let directory = path
            .strip_suffix(name)
            .unwrap_or_default()
            .trim_end_matches('/');
        let other = |text: &&str| {
            text.contains(name) || (!directory.is_empty() && text.contains(directory))
        };
        let parts: Vec<&str> = self.shell.iter().map(|script| script.always).collect();
        let wholes: Vec<&str> = self.shell.iter().map(|script| script.whole).collect();
        let handled = self.by_shell(&parts, &self.always, path);
        if handled == Some(true) || (handled == Some(false) && self.others.iter().any(other)) {
            return handled.filter(|handled| *handled).map(|handled| Answer {
                handled,
                unless: Vec::new(),
                if_named: false,
            });
        }
        // A part that runs where a variable is set counts if it would change the answer.
        let mut unless = Vec::new();
        if self.by_shell(&wholes, &self.all, path) != Some(false) {
            let guards: BTreeSet<&str> = self.shell.iter().filter_map(|s| s.guard).collect();
            let alone = |guard: &&str| {
                let with: Vec<&str> = self.shell.iter().map(|s| s.with(guard)).collect();
                let commands: Vec<Command> = with.iter().flat_map(|t| shell::commands(t)).collect();
                self.by_shell(&with, &commands, path) != Some(false)
            };
            let some: Vec<&str> = guards.iter().copied().filter(alone).collect();
            let some = if some.is_empty() {
                Vec::from_iter(guards)
            } else {
                some
            };
            unless.extend(some.into_iter().map(str::to_owned));
        }
        let if_named = self.open(&parts, &self.always, path);
        handled.map(|handled| Answer {
            handled,
            unless,
            if_named,
        })
    }

    fn by_shell(&self, texts: &[&str], commands: &[Command], path: &str) -> Option<bool> {
        let each = |text: &&str| handling(text, path).is_certain() == Some(true);
        if texts.iter().any(each) {
            return Some(true);
        }
        let (directory, name) = path.rsplit_once('/').unwrap_or(("", path));
        let whole = |text: &str| {
            text.match_indices(directory).any(|(at, found)| {
                let after = text
                    .get(at + found.len()..)
                    .and_then(|rest| rest.chars().next());
                after.is_none_or(|c| !c.is_alphanumeric() && !"-_.".contains(c))
            })
        };
        // What is in `/etc` is changed by its name.
        let in_directory = |text: &str| !matches!(directory, "" | "/etc") && whole(text);
        let above = |value: &&str| {
            let value = value.trim_end_matches('/');
            let below = path.strip_prefix(value).filter(|_| !value.is_empty());
            below.is_some_and(|rest| rest.starts_with('/'))
        };
        let given = texts.iter().chain(&self.values);
        let named = given
            .into_iter()
            .any(|text| text.contains(name) || in_directory(text));
        let named = named || self.values.iter().any(above);
        let reached = |command: &Command| {
            changes(&command.words.join(" ")) && shell::reaches(command, &self.constants, path)
        };
        let may = commands.iter().any(reached) || (named && self.open(texts, commands, path));
        (!may).then_some(false)
    }

    /// Whether something is changed, or asked about, that the words do not tell.
    fn open(&self, texts: &[&str], commands: &[Command], path: &str) -> bool {
        let open = |command: &Command| {
            let other = command.runs_code();
            (other || changes(&command.words.join(" ")))
                && !shell::leads_elsewhere(command, &self.constants, path)
        };
        commands.iter().any(open) || texts.iter().any(|text| asks_about_mounts(text))
    }
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
        let commands = shell::commands(&text);
        let constants = Constants::of(commands.iter());
        for word in commands.iter().filter_map(Command::variable) {
            match self.beside(word, (own, &constants), false)? {
                None => return Ok(None),
                Some(found) => runs_variable |= !found,
            }
        }
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
                    match self.beside(word, (own, &constants), runs)? {
                        None => return Ok(None),
                        Some(found) => runs_variable |= runs && !found,
                    }
                    continue;
                }
                let directory = word.trim_end_matches('*').trim_end_matches('/');
                if word.starts_with('/') && directory.len() > 1 {
                    match self.directory(directory)? {
                        None => return Ok(None),
                        Some(found) => {
                            let each = word.ends_with('*')
                                || words
                                    .iter()
                                    .any(|word| matches!(*word, "find" | "run-parts"));
                            globbed |= found && each;
                        }
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

    /// Takes up the script that a word with variables names, as far as it can be told: by what the
    /// variables hold, else beside the script, where `"$(dirname "$0")/lib.sh"` and `$DIR/lib.sh`
    /// lie most of the time. Whether it is there.
    fn beside(
        &mut self,
        word: &str,
        (own, constants): (&str, &Constants),
        run: bool,
    ) -> Result<Option<bool>, Failure> {
        if let Some(path) = constants.resolve(word) {
            return self.name(&path, own, run);
        }
        let name = word.rsplit('/').next().unwrap_or_default();
        if !word.contains('/') || name.contains('$') || name.is_empty() {
            return Ok(Some(false));
        }
        self.name(&format!("{own}/{name}"), own, run)
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
#[path = "scripts_tests.rs"]
mod tests;
