//! How a container starts kube-proxy: the words of its `command` and `args`, of a `sh -c` string
//! within, and the flags among them.
//!
//! Every word knows the scalar it stands in and its bytes there, so that a flag is changed in the
//! same way in an argument vector and in a script: as a new text of that scalar.

use std::ops::Range;

use kubewright_model::yaml::{Edit, Kind, Node, Place, Refusal, ScalarStyle, Splice, Value};

use super::shell;

/// Words that stand before a command without being it.
const PREFIXES: &[&str] = &[
    "exec", "nohup", "env", "nice", "ionice", "time", "sudo", "if", "then", "else", "do", "while",
    "!", "{",
];
/// Programs that run the program named behind their own flags (`go-runner` is the log wrapper of
/// the Kubernetes images).
const WRAPPERS: &[&str] = &[
    "chroot",
    "chrt",
    "dumb-init",
    "go-runner",
    "nsenter",
    "setsid",
    "stdbuf",
    "taskset",
    "timeout",
    "tini",
];
const SHELLS: &[&str] = &["sh", "bash", "ash", "dash"];
/// Shells of Windows, whose scripts are not read.
const WINDOWS_SHELLS: &[&str] = &["powershell", "pwsh", "cmd"];

/// A word of a command.
#[derive(Debug, Clone)]
pub(super) struct Word<'a> {
    /// The scalar that holds it.
    pub(super) node: Node<'a>,
    /// The decoded text of that scalar.
    text: &'a str,
    /// Its bytes in that text.
    range: Range<usize>,
}

impl<'a> Word<'a> {
    fn raw(&self) -> &'a str {
        self.text.get(self.range.clone()).unwrap_or("")
    }

    /// The word without quotes around it.
    pub(super) fn bare(&self) -> &'a str {
        shell::bare(self.raw())
    }
}

/// A flag of kube-proxy.
#[derive(Debug, Clone)]
pub(super) struct Flag<'a> {
    /// Its name without dashes in front, `-` between words.
    pub(super) name: String,
    /// Its value without quotes; empty when it has none.
    pub(super) value: &'a str,
    /// The word that holds its name.
    start: Word<'a>,
    /// The word that holds the value.
    word: Word<'a>,
    /// Bytes of the value in the text of that word's scalar.
    range: Range<usize>,
}

impl<'a> Flag<'a> {
    /// The scalar that holds the value, and the bytes of the value in its text.
    pub(super) fn place(&self) -> (Node<'a>, Range<usize>) {
        (self.word.node, self.range.clone())
    }

    /// Gives the flag another value.
    pub(super) fn set(&self, value: &str) -> Result<Edit, Refusal> {
        rewrite(&self.word, self.range.clone(), value)
    }
}

/// Puts `new` in the place of `range` of the text of a word's scalar. Where the text stands in the
/// file as it is, only these bytes change; a plain scalar that begins with a sign or digit gets the
/// quotes that every such value gets.
fn rewrite(word: &Word<'_>, range: Range<usize>, new: &str) -> Result<Edit, Refusal> {
    let (node, text) = (word.node, word.text);
    let (before, after) = (
        text.get(..range.start).unwrap_or(""),
        text.get(range.end..).unwrap_or(""),
    );
    let whole = format!("{before}{new}{after}");
    let mut edit = node.set(&Value::str(whole.as_str()))?;
    let opening = match node.kind() {
        Kind::Scalar(ScalarStyle::Plain) => 0,
        Kind::Scalar(ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted) => 1,
        _ => return Ok(edit),
    };
    let inner = node
        .source()
        .get(opening..node.source().len().saturating_sub(opening));
    let flag = whole.strip_prefix("--").unwrap_or(&whole);
    let letter = whole.starts_with('/') || flag.starts_with(|c: char| c.is_ascii_alphabetic());
    if inner == Some(text) && (opening > 0 || letter) && !new.contains(['"', '\'', '\\', '#', ':'])
    {
        let start = node.span().start + opening;
        edit.splices = vec![Splice {
            range: start + range.start..start + range.end,
            text: new.to_owned(),
        }];
    }
    Ok(edit)
}

/// The call of kube-proxy in a container.
#[derive(Debug, Clone)]
pub(super) struct Call<'a> {
    /// The name of the program (for hyperkube the name of the server), then what it is given.
    words: Vec<Word<'a>>,
    /// How many words name the program: none where the image does.
    named: usize,
    /// It stands in the script of a shell.
    pub(super) shell: bool,
}

/// What the command of a container says.
#[derive(Debug, Clone)]
pub(super) enum Reading<'a> {
    /// It does not start kube-proxy.
    Other,
    /// It names kube-proxy in a script that cannot be taken apart.
    Unclear,
    /// It starts a script in a file of this path, which is kube-proxy's by a name.
    File(&'a str),
    /// It starts kube-proxy.
    Proxy(Call<'a>),
}

/// Reads `command` and `args` of a container.
pub(super) fn read(container: Node<'_>) -> Reading<'_> {
    let mut words: Vec<Word<'_>> = ["command", "args"]
        .iter()
        .filter_map(|key| container.get(key))
        .flat_map(Node::items)
        .filter_map(|node| {
            node.text().map(|text| Word {
                node,
                text,
                range: 0..text.len(),
            })
        })
        .collect();
    if let Some(at) = script(&words) {
        let script = words.remove(at);
        match in_script(&script) {
            Reading::Other => {}
            found => return found,
        }
    }
    if let Some(file) = script_file(container, &words) {
        return Reading::File(file);
    }
    if let Some(at) = program(&words.iter().map(Word::raw).collect::<Vec<_>>(), false) {
        return Reading::Proxy(Call {
            words: words.split_off(at),
            named: 1,
            shell: false,
        });
    }
    // An empty command is none.
    if container
        .get("command")
        .is_none_or(|c| c.items().next().is_none())
        && let Some(named) = entrypoint(container, &words)
    {
        return Reading::Proxy(Call {
            words,
            named,
            shell: false,
        });
    }
    let windows = words
        .first()
        .is_some_and(|w| WINDOWS_SHELLS.contains(&basename(w.raw())));
    if windows && words.iter().any(|w| w.raw().contains("kube-proxy")) {
        Reading::Unclear
    } else {
        Reading::Other
    }
}

/// How many words name the program when the entrypoint of the image is kube-proxy, or hyperkube,
/// whose first word names the server.
fn entrypoint(container: Node<'_>, words: &[Word<'_>]) -> Option<usize> {
    let image = container.get("image")?.text()?;
    let last = image.split('@').next()?.rsplit('/').next()?;
    let name = last.split(':').next()?;
    let arch = ["", "-amd64", "-arm64", "-arm", "-ppc64le", "-s390x"];
    let is = |program: &str| {
        name.strip_prefix(program)
            .is_some_and(|rest| arch.contains(&rest))
    };
    let first = words.first().map(Word::bare)?;
    if is("hyperkube") {
        return matches!(first, "proxy" | "kube-proxy").then_some(1);
    }
    (is("kube-proxy") && first.starts_with("--")).then_some(0)
}

/// The file of the script that a container starts: `sh start.sh`, `/opt/start-kube-proxy.sh`.
fn script_file<'a>(container: Node<'a>, words: &[Word<'a>]) -> Option<&'a str> {
    let first = words.first()?.bare();
    let file = if SHELLS.contains(&basename(first)) {
        let mut rest = words.iter().skip(1).map(Word::bare);
        rest.find(|word| !word.starts_with('-'))?
    } else {
        first
    };
    let given = file != first && file.starts_with('/');
    let named = file.rsplit_once('.').is_some_and(|(_, e)| e == "sh");
    if !given && !named {
        return None;
    }
    let image = container.get("image").and_then(Node::text).unwrap_or("");
    let image = basename(image.split('@').next().unwrap_or(image));
    let ours = image.starts_with("kube-proxy")
        || basename(file).contains("kube-proxy")
        || container.get("name").and_then(Node::text) == Some("kube-proxy");
    ours.then_some(file)
}

/// Position of the script in `sh -c script`.
fn script(words: &[Word<'_>]) -> Option<usize> {
    let shell = words
        .iter()
        .position(|w| SHELLS.contains(&basename(w.raw())))?;
    let mut at = shell + 1;
    let mut found = false;
    while let Some(option) = words.get(at).map(Word::raw).filter(|w| w.starts_with('-')) {
        found |= !option.starts_with("--") && option.contains('c');
        at += 1;
    }
    (found && at < words.len()).then_some(at)
}

fn in_script<'a>(script: &Word<'a>) -> Reading<'a> {
    let text = script.text;
    let named =
        text.contains("kube-proxy") || (text.contains("hyperkube") && text.contains("proxy"));
    if !named {
        return Reading::Other;
    }
    let Some(commands) = shell::commands(text) else {
        return Reading::Unclear;
    };
    let mut calls = Vec::new();
    for command in commands {
        let raw: Vec<&str> = command
            .iter()
            .map(|r| text.get(r.clone()).unwrap_or(""))
            .collect();
        if let Some(at) = program(&raw, true) {
            let words = command
                .into_iter()
                .skip(at)
                .map(|range| Word {
                    node: script.node,
                    text,
                    range,
                })
                .collect();
            calls.push(Call {
                words,
                named: 1,
                shell: true,
            });
        }
    }
    if calls.len() > 1 {
        // `kube-proxy --cleanup; exec kube-proxy …`: the first is over before the second starts.
        let ends = |call: &Call<'_>| ["cleanup", "version", "help"].map(|f| call.flag(f).is_some());
        calls.retain(|call| !ends(call).contains(&true));
    }
    match (calls.pop(), calls.is_empty()) {
        (None, _) => Reading::Other,
        (Some(call), true) => Reading::Proxy(call),
        _ => Reading::Unclear,
    }
}

/// Position of the word that names kube-proxy, for hyperkube that of the server's name. In a script
/// only the command itself counts.
fn program(words: &[&str], shell: bool) -> Option<usize> {
    let names = |at: usize| {
        let name = shell::bare(words.get(at).copied().unwrap_or(""));
        if name.starts_with('-') || name.contains('=') {
            return None;
        }
        match (basename(name), words.get(at + 1).map(|w| shell::bare(w))) {
            ("kube-proxy", _) => Some(at),
            ("hyperkube", Some("proxy" | "kube-proxy")) => Some(at + 1),
            _ => None,
        }
    };
    // What a wrapper takes for itself: `timeout 1d`, `nice -n 5`, `chroot /host`.
    let taken = |at: usize| {
        let before = at.checked_sub(1).and_then(|n| words.get(n));
        let before = before.map(|word| basename(shell::bare(word)));
        let number = words
            .get(at)
            .is_some_and(|word| word.starts_with(|c: char| c.is_ascii_digit()));
        before.is_some() && (number || before == Some("chroot"))
    };
    if shell {
        let skip = |(at, w): &(usize, &&str)| {
            let w = shell::bare(w);
            PREFIXES.contains(&w)
                || WRAPPERS.contains(&basename(w))
                || w.starts_with('-')
                || w.contains('=')
                || taken(*at)
        };
        return names(words.iter().enumerate().take_while(skip).count());
    }
    // What stands before the program: shells with their options, and programs that run the one that
    // follows with its own words.
    let runs = |word: &str| {
        PREFIXES.contains(&word)
            || [WRAPPERS, SHELLS]
                .iter()
                .any(|list| list.contains(&basename(word)))
    };
    let mut wrapped = true;
    for (at, word) in words.iter().enumerate() {
        // The value of a flag of a wrapper is no program unless it is a path: `--log-file /l
        // kube-proxy`, `--component kube-proxy`.
        let flag = at
            .checked_sub(1)
            .and_then(|n| words.get(n))
            .copied()
            .unwrap_or("");
        let value =
            flag.len() > 2 && flag.starts_with("--") && !flag.contains('=') && !word.contains('/');
        if wrapped
            && !value
            && let Some(found) = names(at)
        {
            return Some(found);
        }
        let passed = taken(at)
            || word.starts_with('-')
            || word.contains('=')
            || (flag.starts_with('-') && flag != "--");
        wrapped = wrapped && (passed || runs(word));
    }
    None
}

fn basename(word: &str) -> &str {
    let name = word.rsplit(['/', '\\']).next().unwrap_or(word);
    name.strip_suffix(".exe").unwrap_or(name)
}

impl<'a> Call<'a> {
    /// The flags in order; `_` in a name counts as `-`, as kube-proxy reads it.
    pub(super) fn flags(&self) -> Vec<Flag<'a>> {
        let mut flags = Vec::new();
        let mut words = self.words.iter().skip(self.named).peekable();
        while let Some(word) = words.next() {
            let bare = word.bare();
            let Some(body) = bare.strip_prefix("--").filter(|b| !b.is_empty()) else {
                continue;
            };
            let (name, value, holder, range) = if let Some((name, value)) = body.split_once('=') {
                let raw = word.raw();
                let quote = usize::from(raw.len() != bare.len());
                let start = word.range.start + raw.find('=').map_or(raw.len(), |n| n + 1);
                (
                    name,
                    shell::bare(value),
                    word.clone(),
                    start..word.range.end - quote,
                )
            } else if let Some(next) = words.next_if(|w| !w.bare().starts_with('-')) {
                (body, next.bare(), next.clone(), next.range.clone())
            } else {
                (body, "", word.clone(), word.range.end..word.range.end)
            };
            flags.push(Flag {
                name: name.replace('_', "-"),
                value,
                start: word.clone(),
                word: holder,
                range,
            });
        }
        flags
    }

    /// Takes a flag out, or a part of it: to be asked again until there is none of that name.
    pub(super) fn remove(&self, name: &str) -> Option<Result<Edit, Refusal>> {
        self.flag(name).map(|flag| self.without(&flag))
    }

    fn without(&self, flag: &Flag<'a>) -> Result<Edit, Refusal> {
        let (start, end) = (&flag.start, &flag.word);
        if !self.shell {
            let two = start.node != end.node;
            return if two { end } else { start }.node.remove();
        }
        let before = start.text.get(..start.range.start).unwrap_or("");
        let from = before.trim_end_matches([' ', '\t']).len();
        rewrite(start, from..end.range.end, "")
    }

    /// Takes out a flag of a name that occurs again later.
    pub(super) fn remove_earlier(&self, name: &str) -> Option<Result<Edit, Refusal>> {
        let mut flags = self.flags();
        flags.retain(|f| f.name == name);
        let (_, earlier) = flags.split_last()?;
        earlier.last().map(|flag| self.without(flag))
    }

    /// Takes out the value of a flag where it is an argument of its own.
    pub(super) fn remove_value(&self, name: &str) -> Option<Result<Edit, Refusal>> {
        let flag = self.flag(name)?;
        (flag.start.node != flag.word.node).then(|| flag.word.node.remove())
    }

    /// Puts a flag in the place of another one.
    pub(super) fn put(&self, name: &str, new: &str) -> Option<Result<Edit, Refusal>> {
        let flag = self.flag(name)?;
        let own = flag.start.range.start..flag.word.range.end.max(flag.start.range.end);
        Some(rewrite(&flag.start, own, new))
    }

    /// The last value of a flag: the one that counts.
    pub(super) fn flag(&self, name: &str) -> Option<Flag<'a>> {
        self.flags().into_iter().rfind(|f| f.name == name)
    }

    /// Words that are neither flags nor their values: variables that stand for flags, redirections,
    /// leftovers.
    pub(super) fn others(&self) -> Vec<&'a str> {
        let flags = self.flags();
        let is_value = |w: &&Word<'_>| {
            flags
                .iter()
                .any(|f| f.word.node == w.node && f.word.range == w.range)
        };
        self.words
            .iter()
            .skip(self.named)
            .filter(|w| !is_value(w) && !w.bare().starts_with('-'))
            .map(Word::bare)
            .collect()
    }

    /// Adds a flag: in a script right behind the program, in an argument vector behind the last
    /// flag.
    pub(super) fn add(&self, flag: &str) -> Option<Result<Edit, Refusal>> {
        let first = self.words.first()?;
        if self.shell {
            return Some(rewrite(
                first,
                first.range.end..first.range.end,
                &format!(" {flag}"),
            ));
        }
        let last = self.flags().pop().map_or(first.node, |f| f.word.node);
        Some(last.parent()?.push(Place::After(last), &Value::str(flag)))
    }
}

#[cfg(test)]
mod tests {
    use kubewright_model::yaml::File;

    use super::{Reading, read};

    /// `name=value` of each flag, or why there are none.
    fn flags(container: &str) -> Result<Vec<String>, &'static str> {
        let file = File::parse(container).expect("valid YAML");
        match read(file.root(0).expect("a document")) {
            Reading::Other => Err("other"),
            Reading::Unclear => Err("unclear"),
            Reading::File(_) => Err("file"),
            Reading::Proxy(call) => Ok(call
                .flags()
                .iter()
                .map(|f| format!("{}={}", f.name, f.value))
                .collect()),
        }
    }

    fn same(container: &str, expected: &[&str]) {
        let found = flags(container).unwrap_or_default();
        assert_eq!(
            found.iter().map(String::as_str).collect::<Vec<_>>(),
            expected,
            "{container}"
        );
    }

    #[test]
    fn argument_vectors() {
        same("command: [/hyperkube, proxy, --v=2]", &["v=2"]);
        same(
            "command: [/hyperkube]\nargs: [kube-proxy, --kubeconfig, /k, --cleanup]",
            &["kubeconfig=/k", "cleanup="],
        );
        same(
            "command: [/go-runner, --log-file=/l, /usr/local/bin/kube-proxy, \
             --hostname_override=a]",
            &["hostname-override=a"],
        );
        same(
            "command: [sh, -c, 'exec \"$@\"', --, kube-proxy, --v=1]",
            &["v=1"],
        );
        same(
            "command: [/go-runner, --log-file, /l, kube-proxy, --v=1]",
            &["v=1"],
        );
        same(
            "image: a/kube-proxy-amd64:v1.14.1\nargs: [--v=1, --kubeconfig, /k]",
            &["v=1", "kubeconfig=/k"],
        );
        same("image: a/hyperkube:v1.14.1\nargs: [proxy, --v=1]", &["v=1"]);
        same(
            "image: a/kube-proxy:v1.14.1\ncommand: []\nargs: [--v=1]",
            &["v=1"],
        );
        for other in [
            "image: a/kube-proxy-exporter\nargs: [--v=1]",
            "image: a/hyperkube\nargs: [kubelet, --v=1]",
            "image: a/kube-proxy",
        ] {
            assert_eq!(flags(other), Err("other"), "{other}");
        }
        same("command: ['C:\\k\\kube-proxy.exe', --v=1]", &["v=1"]);
        assert_eq!(
            flags("command: [powershell, -Command, 'C:\\k\\kube-proxy.exe --v=1']"),
            Err("unclear")
        );
        same(
            "command: [env, A=b, nsenter, -t, '1', --mount, /usr/bin/kube-proxy, --v=1]",
            &["v=1"],
        );
    }

    #[test]
    fn scripts() {
        same(
            "command: [/bin/sh, -c]\nargs: ['exec kube-proxy --a=\"b\" \"--c=d\" 2>&1 | tee /log']",
            &["a=b", "c=d"],
        );
        same(
            "command: [bash, -ec, 'if true; then nohup hyperkube proxy --a b; fi']",
            &["a=b"],
        );
        assert_eq!(
            flags("command: [sh, -c, 'kube-proxy --a=1 || kube-proxy --a=2']"),
            Err("unclear")
        );
        assert_eq!(flags("command: [sh, -c, 'kube-proxy <<X']"), Err("unclear"));
        same(
            "command: [sh, -c, 'kube-proxy --cleanup; exec timeout 1d kube-proxy --a=1']",
            &["a=1"],
        );
        same("command: [chroot, /host, /bin/kube-proxy, --a=1]", &["a=1"]);
        for file in [
            "image: a/kube-proxy:v1.30.1\ncommand: [sh, -x, /etc/start.sh]",
            "command: [/opt/kube-proxy.sh]",
            "name: kube-proxy\ncommand: [/bin/bash, /opt/start]",
        ] {
            assert_eq!(flags(file), Err("file"), "{file}");
        }
    }

    #[test]
    fn other_programs() {
        for other in [
            "image: kube-proxy",
            "command: [/hyperkube, kubelet]",
            "command: [agent, --config=/var/lib/kube-proxy]",
            "command: [agent, --component, kube-proxy]",
            "command: [sh, -c, 'mkdir -p /var/lib/kube-proxy']",
            "command: [tail, /var/log/kube-proxy.log]",
            "command: [sh, /opt/start.sh]",
            "command: [cat, /etc/kube-proxy]",
            "command: [/agent, --watch, proxies, kube-proxy]",
            "command: [sh, -c, 'exec \"$@\"', --, cat, /etc/kube-proxy]",
        ] {
            assert_eq!(flags(other), Err("other"), "{other}");
        }
    }
}
