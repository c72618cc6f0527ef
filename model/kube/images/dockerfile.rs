//! What a Dockerfile says of the image that is built from it: user, ENTRYPOINT, CMD, WORKDIR, and a
//! shell where a RUN of its last stage needs one.
//!
//! It proves nothing: the image of a manifest may have been built from another state of the file,
//! or from another file. What only the builder knows (values of ARG that are no defaults) is
//! unknown.

use std::collections::BTreeMap;

use super::ImageFacts;

/// A stage of a Dockerfile, from one FROM to the next.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::kube) struct Stage {
    /// Its name, in lower case, and its number where it has none.
    pub name: String,
    /// The image or the stage that it starts from, with the defaults of ARG filled in; empty where
    /// the builder decides.
    pub base: String,
    /// What it says itself.
    pub facts: ImageFacts,
    /// It has a CMD or an ENTRYPOINT, by which the CMD of the base counts no more.
    pub cmd_reset: bool,
    /// Line of the ENTRYPOINT, of the CMD, or else of the FROM, from 1, and its text.
    pub line: (usize, String),
}

/// The stages of a Dockerfile, in order.
pub(in crate::kube) fn stages(text: &str) -> Vec<Stage> {
    let mut stages: Vec<Stage> = Vec::new();
    let mut defaults: BTreeMap<String, String> = BTreeMap::new();
    for (line, instruction) in instructions(text) {
        let (word, rest) = instruction
            .split_once(char::is_whitespace)
            .unwrap_or((&instruction, ""));
        let (word, rest) = (word.to_ascii_uppercase(), rest.trim());
        if word == "ARG" && stages.is_empty() {
            if let Some((name, value)) = rest.split_once('=') {
                defaults.insert(name.trim().to_owned(), unquoted(value).to_owned());
            }
            continue;
        }
        if word == "FROM" {
            let mut words = rest.split_whitespace().filter(|w| !w.starts_with("--"));
            let base = words.next().unwrap_or_default();
            let base = filled(base, &defaults).unwrap_or_default();
            let named = words.next().is_some_and(|w| w.eq_ignore_ascii_case("as"));
            let name = words.next().filter(|_| named);
            stages.push(Stage {
                name: name.map_or_else(|| stages.len().to_string(), str::to_lowercase),
                base,
                line: (line, instruction),
                ..Stage::default()
            });
            continue;
        }
        if let Some(stage) = stages.last_mut() {
            stage.take(&word, rest, line, &instruction);
        }
    }
    stages
}

impl Stage {
    fn take(&mut self, word: &str, rest: &str, line: usize, instruction: &str) {
        match word {
            "ENTRYPOINT" => {
                self.facts.entrypoint = Some(words(rest));
                // A CMD before it is one of this stage, and stays.
                self.cmd_reset = true;
                self.line = (line, instruction.to_owned());
            }
            "CMD" => {
                self.facts.cmd = Some(words(rest));
                self.cmd_reset = true;
                if self.facts.entrypoint.is_none() {
                    self.line = (line, instruction.to_owned());
                }
            }
            "USER" => self.facts.user = Some(rest.to_owned()).filter(|user| !user.contains('$')),
            "WORKDIR" => {
                self.facts.working_dir = match (&self.facts.working_dir, rest) {
                    (_, rest) if rest.contains('$') => None,
                    (_, rest) if rest.starts_with('/') => Some(rest.to_owned()),
                    (Some(before), rest) => Some(format!("{before}/{rest}")),
                    (None, _) => None,
                };
            }
            // A RUN that is no list of words is one for the shell.
            "RUN" if !rest.starts_with('[') => {
                self.facts.shell.get_or_insert_with(|| "/bin/sh".to_owned());
            }
            // Whatever the shell form means now, it is not `/bin/sh -c`.
            "SHELL" => self.facts.shell = None,
            _ => {}
        }
    }

    /// With what the base is known to have, where the stage says nothing itself.
    pub(in crate::kube) fn on(mut self, base: Option<ImageFacts>) -> Self {
        let base = match (base, self.base.as_str()) {
            (_, "scratch") => ImageFacts {
                shell: Some("none".into()),
                user: Some("root".into()),
                entrypoint: Some(Vec::new()),
                cmd: Some(Vec::new()),
                working_dir: Some("/".into()),
                ..ImageFacts::default()
            },
            (Some(base), _) => base,
            (None, _) => return self.known(),
        };
        let facts = &mut self.facts;
        facts.shell = facts.shell.take().or(base.shell);
        facts.user = facts.user.take().or(base.user);
        facts.working_dir = facts.working_dir.take().or(base.working_dir);
        if !self.cmd_reset {
            facts.cmd = base.cmd;
        }
        facts.entrypoint = facts.entrypoint.take().or(base.entrypoint);
        self.known()
    }

    /// ENTRYPOINT and CMD are known together: a CMD alone says not what an unknown ENTRYPOINT makes
    /// of it.
    fn known(mut self) -> Self {
        if self.facts.entrypoint.is_none() {
            self.facts.cmd = None;
        }
        self
    }
}

/// The instructions with their lines: comments and continued lines taken together, texts of here
/// documents left out.
fn instructions(text: &str) -> Vec<(usize, String)> {
    let mut found: Vec<(usize, String)> = Vec::new();
    let mut open: Option<(usize, String)> = None;
    let mut until: Option<String> = None;
    for (at, line) in text.lines().enumerate() {
        let trimmed = line.trim();
        if let Some(end) = &until {
            if trimmed == end {
                until = None;
            }
            continue;
        }
        if trimmed.starts_with('#') || (trimmed.is_empty() && open.is_none()) {
            continue;
        }
        let (first, mut whole) = open.take().unwrap_or((at + 1, String::new()));
        if let Some(more) = trimmed.strip_suffix('\\') {
            whole.push_str(more);
            open = Some((first, whole));
            continue;
        }
        whole.push_str(trimmed);
        until = here_document(&whole);
        found.push((first, whole));
    }
    found.extend(open);
    found
}

/// The word that ends the here document which an instruction begins.
fn here_document(instruction: &str) -> Option<String> {
    let word = instruction.split_whitespace().next()?;
    if !["RUN", "COPY", "ADD"]
        .iter()
        .any(|w| word.eq_ignore_ascii_case(w))
    {
        return None;
    }
    let (_, rest) = instruction.split_once("<<")?;
    let rest = rest.trim_start_matches('-').trim_start_matches(['"', '\'']);
    let end: String = rest
        .chars()
        .take_while(|c| c.is_alphanumeric() || *c == '_')
        .collect();
    (!end.is_empty()).then_some(end)
}

/// A list of words in JSON, or a line for the shell.
fn words(text: &str) -> Vec<String> {
    serde_json::from_str(text)
        .unwrap_or_else(|_| vec!["/bin/sh".to_owned(), "-c".to_owned(), text.to_owned()])
}

fn unquoted(text: &str) -> &str {
    let text = text.trim();
    ['"', '\'']
        .iter()
        .find_map(|quote| text.strip_prefix(*quote)?.strip_suffix(*quote))
        .unwrap_or(text)
}

/// A text with the values of variables; `None` where one has none.
pub(in crate::kube) fn filled(text: &str, values: &BTreeMap<String, String>) -> Option<String> {
    let mut done = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        done.push_str(before);
        let pairs = [('{', '}'), ('(', ')')];
        let braced = pairs
            .iter()
            .find_map(|(open, close)| after.strip_prefix(*open)?.split_once(*close));
        let (name, left) = braced.unwrap_or_else(|| {
            let end = after.find(|c: char| !c.is_alphanumeric() && c != '_');
            after.split_at(end.unwrap_or(after.len()))
        });
        let (name, default) = name
            .split_once(":-")
            .map_or((name, None), |(name, default)| (name, Some(default)));
        done.push_str(values.get(name).map(String::as_str).or(default)?);
        rest = left;
    }
    done.push_str(rest);
    Some(done)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn last(text: &str) -> Stage {
        stages(text).pop().expect("a stage")
    }

    #[test]
    fn the_last_word_counts() {
        let text = "# syntax=docker/dockerfile:1\nARG TAG=\"3.22\"\nFROM golang:1 AS Build\nRUN \
                    go build\nENTRYPOINT [\"none\"]\n\nFROM --platform=$BUILDPLATFORM \
                    alpine:${TAG}\nCOPY <<EOF /etc/x\nUSER nobody\nEOF\nRUN apk add \\\n  # why\n  \
                    curl\nWORKDIR /app\nWORKDIR lib\nUSER 1000:0\nENTRYPOINT [\"/app/run\", \
                    \"--all\"]\nCMD serve $HOME\n";
        let stage = last(text);
        assert_eq!(stage.name, "1");
        assert_eq!(stage.base, "alpine:3.22");
        assert_eq!(
            stage.line,
            (17, "ENTRYPOINT [\"/app/run\", \"--all\"]".to_owned())
        );
        let facts = stage.on(None).facts;
        assert_eq!(facts.user.as_deref(), Some("1000:0"));
        assert_eq!(facts.shell.as_deref(), Some("/bin/sh"));
        assert_eq!(facts.working_dir.as_deref(), Some("/app/lib"));
        assert_eq!(
            facts.entrypoint,
            Some(vec!["/app/run".into(), "--all".into()])
        );
        let shell = vec!["/bin/sh".into(), "-c".into(), "serve $HOME".into()];
        assert_eq!(facts.cmd, Some(shell));
        assert_eq!(stages(text)[0].name, "build");
    }

    #[test]
    fn the_base_has_what_the_stage_does_not_say() {
        let base = || ImageFacts {
            shell: Some("/bin/sh".into()),
            user: Some("101".into()),
            entrypoint: Some(vec!["/entry".into()]),
            cmd: Some(vec!["serve".into()]),
            ..ImageFacts::default()
        };
        let facts = |text: &str| last(text).on(Some(base())).facts;
        let same = facts("FROM x\nCOPY a b\n");
        assert_eq!((same.entrypoint, same.cmd), (base().entrypoint, base().cmd));
        let own = facts("FROM x\nENTRYPOINT [\"/own\"]\n");
        assert_eq!((own.entrypoint, own.cmd), (Some(vec!["/own".into()]), None));
        let cmd = facts("FROM x\nCMD [\"other\"]\nUSER root\n");
        assert_eq!(
            (cmd.entrypoint, cmd.cmd),
            (base().entrypoint, Some(vec!["other".into()]))
        );
        assert_eq!(cmd.user.as_deref(), Some("root"));
    }

    #[test]
    fn what_the_builder_decides_is_unknown() {
        assert_eq!(last("ARG BASE\nFROM $BASE\n").base, "");
        let facts = last("FROM x\nUSER $USER\nCMD [\"serve\"]\n").on(None).facts;
        assert_eq!(
            (facts.user, facts.entrypoint, facts.cmd),
            (None, None, None)
        );
        let scratch = last("FROM scratch\nENTRYPOINT [\"/web\"]\n").on(None).facts;
        assert_eq!(scratch.shell.as_deref(), Some("none"));
        assert_eq!(scratch.user.as_deref(), Some("root"));
        assert!(stages("").is_empty() && stages("RUN x\n").is_empty());
    }
}
