//! A shell script as the commands that it is made of, without running it.
//!
//! It is read for what it may run and may change, so what cannot be told apart is taken for a
//! command: bodies of functions, branches and loops alike. Bodies of here-documents are not read.

use std::collections::{BTreeMap, BTreeSet};
use std::iter::Peekable;
use std::str::CharIndices;

/// Words that may stand before the command of a line.
const BEFORE: &[&str] = &[
    "if", "then", "elif", "else", "while", "until", "do", "!", "{", "time", "exec", "command",
    "builtin", "env", "nohup", "eval", "sudo", "nice",
];
/// Programs that take a user, and then what it runs.
const AS_USER: &[&str] = &[
    "gosu",
    "su-exec",
    "setpriv",
    "runuser",
    "chpst",
    "s6-setuidgid",
];
/// Commands that assign.
const ASSIGN: &[&str] = &["export", "local", "readonly", "declare", "typeset"];
/// What a script was given, and itself.
const GIVEN: &[&str] = &[
    "$@",
    "${@}",
    "$*",
    "${*}",
    "$0",
    "${0}",
    "$BASH_SOURCE",
    "${BASH_SOURCE}",
];

/// Substitutions, arrays and quotes that may be open at once.
const MAX_DEPTH: usize = 200;

/// Interpreters of other languages.
const LANGUAGES: &[&str] = &["python", "node", "nodejs", "php", "ruby", "perl", "lua"];

/// A simple command.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Command {
    /// Its words, without quotes; of a substitution only `$` is left.
    pub(super) words: Vec<String>,
    /// It starts its line, so that no branch and no function is around it.
    pub(super) outermost: bool,
}

/// All commands of a script.
pub(super) fn commands(text: &str) -> Vec<Command> {
    let mut reader = Reader {
        text,
        chars: text.char_indices().peekable(),
        commands: Vec::new(),
        here: Vec::new(),
        depth: 0,
    };
    reader.list(None, false);
    reader.commands
}

struct Reader<'t> {
    text: &'t str,
    chars: Peekable<CharIndices<'t>>,
    commands: Vec<Command>,
    /// The ends of the here-documents that start after this line; whether tabs are stripped.
    here: Vec<(String, bool)>,
    /// How many substitutions, arrays and quotes are open around what is read.
    depth: usize,
}

/// What is being read.
#[derive(Default)]
struct Current {
    command: Command,
    word: Option<String>,
    /// The next word is where something is redirected to.
    redirected: bool,
    /// The next word ends a here-document.
    here: Option<bool>,
}

impl Reader<'_> {
    /// Reads commands until `end`; those of an array are none.
    fn list(&mut self, end: Option<char>, array: bool) {
        self.depth += 1;
        self.read_list(end, array);
        self.depth -= 1;
    }

    /// Leaves the rest unread where a script is nested deeper than any is written: it may run
    /// whatever a variable says.
    fn is_too_deep(&mut self) -> bool {
        let is_too_deep = self.depth > MAX_DEPTH;
        if is_too_deep {
            while self.chars.next().is_some() {}
            self.commands.push(Command {
                words: vec!["$".to_owned()],
                outermost: false,
            });
        }
        is_too_deep
    }

    fn read_list(&mut self, end: Option<char>, array: bool) {
        if self.is_too_deep() {
            return;
        }
        let mut now = Current::default();
        let mut line_start = end.is_none();
        // Where the pipeline starts, and how many parentheses are open.
        let (mut pipeline, mut open) = (self.commands.len(), 0_u32);
        while let Some((_, c)) = self.chars.next() {
            if Some(c) == end {
                break;
            }
            let words = &now.command.words;
            let test = words.first().is_some_and(|word| word == "[[")
                && words.last().is_some_and(|word| word != "]]");
            match c {
                '\n' => {
                    self.word(&mut now);
                    self.finish(&mut now, array);
                    self.here_documents();
                    pipeline = self.commands.len();
                    line_start = end.is_none();
                    continue;
                }
                ' ' | '\t' | '\r' => self.word(&mut now),
                '\\' if self.chars.next_if(|(_, c)| *c == '\n').is_some() => {}
                '#' if now.word.is_none() => {
                    while self.chars.next_if(|(_, c)| *c != '\n').is_some() {}
                }
                '(' if now.word.as_ref().is_some_and(|word| word.ends_with('=')) => {
                    self.list(Some(')'), true);
                    now.word.get_or_insert_default().push('$');
                }
                // The pattern of a `case`.
                ')' if !test && open == 0 => {
                    self.word(&mut now);
                    now = Current::default();
                    self.commands.truncate(pipeline);
                }
                ';' | '&' | '|' | '(' | ')' if !test => {
                    self.word(&mut now);
                    self.finish(&mut now, array);
                    match c {
                        '(' => open += 1,
                        ')' => open -= 1,
                        _ => {}
                    }
                    if c != '|' {
                        pipeline = self.commands.len();
                    }
                }
                '<' | '>' if !test => self.redirection(c, &mut now),
                c => {
                    if now.word.is_none() && now.command.words.is_empty() {
                        now.command.outermost = line_start;
                    }
                    let mut word = now.word.take().unwrap_or_default();
                    self.part(c, &mut word);
                    now.word = Some(word);
                }
            }
            line_start = false;
        }
        self.word(&mut now);
        self.finish(&mut now, array);
    }

    /// A part of a word that starts with this character.
    fn part(&mut self, c: char, word: &mut String) {
        self.depth += 1;
        if !self.is_too_deep() {
            self.read_part(c, word);
        }
        self.depth -= 1;
    }

    fn read_part(&mut self, c: char, word: &mut String) {
        match c {
            '\\' => match self.chars.next() {
                None | Some((_, '\n')) => {}
                Some((_, c)) => word.push(c),
            },
            '\'' => {
                while let Some((_, c)) = self.chars.next_if(|(_, c)| *c != '\'') {
                    word.push(c);
                }
                self.chars.next();
            }
            '"' => {
                while let Some((_, c)) = self.chars.next() {
                    match c {
                        '"' => break,
                        '\\' | '$' | '`' => self.part(c, word),
                        c => word.push(c),
                    }
                }
            }
            '`' => {
                word.push('$');
                self.list(Some('`'), false);
            }
            '$' => {
                word.push('$');
                match self.chars.peek() {
                    Some((_, '(')) => {
                        self.chars.next();
                        if self.chars.next_if(|(_, c)| *c == '(').is_some() {
                            self.arithmetic();
                        } else {
                            self.list(Some(')'), false);
                        }
                    }
                    Some((_, '{')) => self.braces(word),
                    _ => {}
                }
            }
            c => word.push(c),
        }
    }

    /// `${…}`, as it stands.
    fn braces(&mut self, word: &mut String) {
        let mut depth = 0;
        while let Some((_, c)) = self.chars.next() {
            word.push(c);
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                '\\' => word.extend(self.chars.next().map(|(_, c)| c)),
                _ => {}
            }
            if depth == 0 {
                break;
            }
        }
    }

    fn arithmetic(&mut self) {
        let mut depth = 2;
        while depth > 0
            && let Some((_, c)) = self.chars.next()
        {
            match c {
                '(' => depth += 1,
                ')' => depth -= 1,
                _ => {}
            }
        }
    }

    fn redirection(&mut self, c: char, now: &mut Current) {
        // `2>`: the number is no word.
        if now
            .word
            .as_ref()
            .is_some_and(|word| word.bytes().all(|b| b.is_ascii_digit()))
        {
            now.word = None;
        }
        self.word(now);
        let doubled = self.chars.next_if(|(_, next)| *next == c).is_some();
        let here = doubled && c == '<' && self.chars.next_if(|(_, c)| *c == '<').is_none();
        let stripped = here && self.chars.next_if(|(_, c)| *c == '-').is_some();
        while self
            .chars
            .next_if(|(_, c)| matches!(c, '&' | '|' | '>'))
            .is_some()
        {}
        if self.chars.peek().is_none_or(|(_, c)| *c != '(') {
            now.redirected = true;
            now.here = here.then_some(stripped);
        }
    }

    fn word(&mut self, now: &mut Current) {
        let Some(word) = now.word.take() else { return };
        if let Some(stripped) = now.here.take() {
            self.here.push((word, stripped));
        } else if !now.redirected {
            now.command.words.push(word);
        }
        now.redirected = false;
    }

    fn finish(&mut self, now: &mut Current, array: bool) {
        let command = std::mem::take(&mut now.command);
        now.redirected = false;
        if !array && !command.words.is_empty() {
            self.commands.push(command);
        }
    }

    /// Passes over the here-documents that start here.
    fn here_documents(&mut self) {
        for (end, stripped) in std::mem::take(&mut self.here) {
            while let Some((at, _)) = self.chars.peek().copied() {
                let line = self.text.get(at..).unwrap_or_default();
                let line = line.split('\n').next().unwrap_or_default();
                let ends = if stripped {
                    line.trim_start_matches('\t')
                } else {
                    line
                } == end;
                while self.chars.next().is_some_and(|(_, c)| c != '\n') {}
                if ends {
                    break;
                }
            }
        }
    }
}

impl Command {
    /// The words from the program on: without keywords, assignments, and what runs the rest.
    pub(super) fn program(&self) -> &[String] {
        let mut words = self.words.as_slice();
        while let [first, rest @ ..] = words {
            let word = first.as_str();
            if AS_USER.contains(&word) && rest.len() > 1 {
                words = rest.get(1..).unwrap_or_default();
            } else if BEFORE.contains(&word) || assigned(word).is_some() {
                words = rest;
            } else {
                break;
            }
        }
        words
    }

    /// The program, where only a variable says what it is.
    pub(super) fn variable(&self) -> Option<&str> {
        let first = self.program().first()?.split_whitespace().next()?;
        let given = GIVEN.contains(&first) || first.starts_with("${BASH_SOURCE[");
        (first.contains('$') && !given).then_some(first)
    }

    /// Whether it runs code of another language that stands in its words.
    pub(super) fn runs_code(&self) -> bool {
        let program = self.program();
        let first = program.first().map_or("", String::as_str);
        let name = first.rsplit('/').next().unwrap_or(first);
        let version = |c: char| c.is_ascii_digit() || c == '.';
        LANGUAGES.contains(&name.trim_end_matches(version))
            && program
                .iter()
                .any(|word| matches!(word.as_str(), "-c" | "-e" | "-r" | "-"))
    }

    /// The names that it gives a value, with the value.
    fn assigned(&self) -> impl Iterator<Item = (&str, &str)> {
        let words = match self.words.split_first() {
            Some((first, rest)) if ASSIGN.contains(&first.as_str()) => rest,
            _ => self.words.as_slice(),
        };
        words
            .iter()
            .map_while(|word| {
                if word.starts_with('-') {
                    return Some(None);
                }
                assigned(word).map(Some)
            })
            .flatten()
    }
}

/// Name and value of an assignment.
fn assigned(word: &str) -> Option<(&str, &str)> {
    let (name, value) = word.split_once('=')?;
    let name = name.strip_suffix('+').unwrap_or(name);
    let name = match name.split_once('[') {
        Some((name, index)) if index.ends_with(']') => name,
        _ => name,
    };
    let mut chars = name.chars();
    let starts = chars
        .next()
        .is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
    (starts && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')).then_some((name, value))
}

/// Variables that have one value wherever the scripts use them.
#[derive(Debug, Default)]
pub(super) struct Constants(BTreeMap<String, String>);

impl Constants {
    /// Of scripts that are run together: a name that is given one value, outside of all branches or
    /// as a function's own, and none by anything else.
    pub(super) fn of<'c>(all: impl Iterator<Item = &'c Command>) -> Self {
        let mut values: BTreeMap<&str, BTreeSet<Option<&str>>> = BTreeMap::new();
        for command in all {
            let first = command.words.first().map_or("", String::as_str);
            let certain = command.outermost || first == "local";
            for (name, value) in command.assigned() {
                let appended = command
                    .words
                    .iter()
                    .any(|word| word.starts_with(&format!("{name}+=")));
                let value = Some(value).filter(|_| certain && !appended);
                values.entry(name).or_default().insert(value);
            }
            if matches!(
                first,
                "for" | "read" | "getopts" | "select" | "mapfile" | "readarray"
            ) {
                for name in command.words.iter().skip(1) {
                    values.entry(name).or_default().insert(None);
                }
            }
        }
        let one = |set: BTreeSet<Option<&str>>| match Vec::from_iter(set).as_slice() {
            [Some(value)] => Some((*value).to_owned()),
            _ => None,
        };
        let known = values
            .into_iter()
            .filter_map(|(name, set)| Some((name.to_owned(), one(set)?)));
        Self(known.collect())
    }

    /// The word with the values of its variables, if they are all known.
    pub(super) fn resolve(&self, word: &str) -> Option<String> {
        self.resolve_within(word, 8, &mut 1000)
    }

    /// `left`: how many names are looked up yet, since values of values multiply.
    fn resolve_within(&self, word: &str, depth: u8, left: &mut u32) -> Option<String> {
        let depth = depth.checked_sub(1)?;
        let mut parts = word.split('$');
        let mut text = parts.next()?.to_owned();
        for part in parts {
            let (name, rest) = if let Some(part) = part.strip_prefix('{') {
                part.split_once('}')?
            } else {
                let end = part.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
                part.split_at(end.unwrap_or(part.len()))
            };
            *left = left.checked_sub(1)?;
            text += &self.resolve_within(self.0.get(name)?, depth, left)?;
            text += rest;
        }
        Some(text)
    }
}

/// Commands whose operands are all paths that they change, or take.
const PATHS: &[&str] = &[
    "rm", "mv", "cp", "ln", "unlink", "rmdir", "truncate", "tee", "install",
];

/// Whether a command changes just what its words say, and they all lead elsewhere than to a path,
/// the directory it is in, and those above that.
pub(super) fn leads_elsewhere(command: &Command, constants: &Constants, path: &str) -> bool {
    let Some((program, operands)) = command.program().split_first() else {
        return true;
    };
    let mut paths: Vec<&String> = operands
        .iter()
        .filter(|word| !word.starts_with('-'))
        .collect();
    match program.as_str() {
        "sed" => {
            let scripted = operands.iter().any(|word| {
                word.starts_with("-e") || word.starts_with("-f") || word.starts_with("--")
            });
            if scripted || paths.is_empty() {
                return false;
            }
            paths.remove(0);
        }
        program if PATHS.contains(&program) => {}
        _ => return false,
    }
    paths.iter().all(|word| {
        let known = constants.resolve(word);
        let plain = known.filter(|known| {
            known.starts_with('/')
                && !known.contains(['*', '?', '[', '{', '`'])
                && !known.contains("..")
        });
        plain.is_some_and(|known| {
            let known = known.trim_end_matches('/');
            let below = path.strip_prefix(known);
            below.is_none_or(|rest| !rest.is_empty() && !rest.starts_with('/'))
        })
    })
}

/// Whether a word of a command leads to a path, or to a directory above it.
pub(super) fn reaches(command: &Command, constants: &Constants, path: &str) -> bool {
    let words = command.program().iter().skip(1);
    words
        .filter_map(|word| constants.resolve(word))
        .any(|word| {
            let word = word.trim_end_matches('*').trim_end_matches('/');
            let below = path.strip_prefix(word).filter(|_| word.starts_with('/'));
            below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
}

/// The part of a script that always runs, and the variable without which it ends there:
/// `[ "${TUNE:-}" ] || exit 0`.
pub(super) fn guarded(text: &str) -> Option<(&str, &str)> {
    let mut at = 0;
    let mut open = 0_i32;
    for line in text.split_inclusive('\n') {
        let code = line.trim_end();
        if open == 0
            && let Some(variable) = guard(code)
        {
            return Some((text.get(..at)?, variable));
        }
        let words = code.split(|c: char| c.is_whitespace() || c == ';');
        for word in words {
            match word {
                "{" | "if" | "case" | "do" | "(" => open += 1,
                "}" | "fi" | "esac" | "done" | ")" => open -= 1,
                _ => {}
            }
        }
        // What is not told apart may be the inside of something.
        if code.contains("<<") || open < 0 {
            return None;
        }
        at += line.len();
    }
    None
}

/// The variable of a line that ends the script where it is not set, or empty.
fn guard(line: &str) -> Option<&str> {
    let condition = line
        .strip_suffix(" || exit 0")
        .or_else(|| line.strip_suffix(" || return 0"))?;
    let condition = condition.strip_prefix("[ ")?.strip_suffix(" ]")?;
    let condition = condition.strip_prefix("-n ").unwrap_or(condition);
    let name = condition.strip_prefix("\"${")?.strip_suffix("}\"")?;
    let name = name.strip_suffix(":-").unwrap_or(name);
    assigned(&format!("{name}=")).is_some().then_some(name)
}

#[cfg(test)]
#[path = "shell_tests.rs"]
mod tests;
