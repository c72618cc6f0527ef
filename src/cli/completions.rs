//! What may come next on a command line: as scripts for shells, and in the protocol in which
//! kubectl asks its plugins.

use std::process::ExitCode;

use anyhow::Result;
use clap::{Arg, Command, CommandFactory as _};
use clap_complete::Shell;
use kubewright_transforms::ALL;

use super::args::{Args, Color};
use super::status::Status;
use super::terminal::Terminal;

/// What kubectl is told to do besides: it offers files too.
const FILES: &str = ":0";
/// It offers nothing else.
const NOTHING_ELSE: &str = ":4";

/// Options whose values are names of transforms.
const TRANSFORMS: [&str; 3] = ["select", "ignore", "unsafe_fixes"];

/// Prints the script of a shell.
pub(super) fn of_shell(shell: Shell, terminal: &Terminal) -> Result<Status> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), "kubewright", &mut script);
    terminal.raw(&String::from_utf8_lossy(&script))?;
    Ok(Status::Clean)
}

/// Prints what may stand in place of the last of the words behind `kubectl wright`.
pub(super) fn of_kubectl(words: Vec<String>) -> ExitCode {
    let terminal = Terminal::new(Color::Never);
    match terminal.raw(&answer(words)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::from(2),
    }
}

/// One a line, behind a tab what it does; the last line is what kubectl is to do besides.
fn answer(mut words: Vec<String>) -> String {
    let typed = words.pop().unwrap_or_default();
    let mut root = Args::command();
    root.build();
    let mut command = &root;
    for word in &words {
        if let Some(inner) = command.find_subcommand(word) {
            command = inner;
        }
    }
    let option = |name: &str| {
        command
            .get_arguments()
            .find(|arg| arg.get_long() == Some(name))
    };
    // `--format=…` and `--format …`; an optional value stands behind = alone.
    let joined = typed
        .strip_prefix("--")
        .and_then(|rest| rest.split_once('='));
    let apart = || {
        let name = words.last()?.strip_prefix("--")?;
        option(name).filter(|arg| takes_value(arg) && !arg.is_require_equals_set())
    };
    let (offers, besides) = if let Some((name, value)) = joined {
        let before = format!("--{name}=");
        values(option(name), value, &before)
    } else if let Some(arg) = apart() {
        values(Some(arg), &typed, "")
    } else if typed.starts_with('-') {
        (options(command), NOTHING_ELSE)
    } else if command.has_subcommands() {
        (subcommands(command), NOTHING_ELSE)
    } else {
        let mut positionals = command.get_positionals();
        positionals
            .next()
            .map_or((Vec::new(), NOTHING_ELSE), |arg| {
                values(Some(arg), &typed, "")
            })
    };
    let mut lines: Vec<String> = offers
        .into_iter()
        .filter(|o| o.starts_with(&typed))
        .collect();
    lines.push(besides.to_owned());
    lines.join("\n") + "\n"
}

fn takes_value(arg: &Arg) -> bool {
    arg.get_action().takes_values()
}

fn line(word: &str, help: Option<String>) -> String {
    let help = help.unwrap_or_default();
    format!("{word}\t{}", help.lines().next().unwrap_or_default())
}

fn subcommands(command: &Command) -> Vec<String> {
    let shown = command.get_subcommands().filter(|c| !c.is_hide_set());
    shown
        .map(|c| line(c.get_name(), c.get_about().map(ToString::to_string)))
        .collect()
}

fn options(command: &Command) -> Vec<String> {
    let shown = command.get_arguments().filter(|arg| !arg.is_hide_set());
    shown
        .filter_map(|arg| {
            Some(line(
                &format!("--{}", arg.get_long()?),
                arg.get_help().map(ToString::to_string),
            ))
        })
        .collect()
}

/// Values of an option or argument; in a list those of the item that is typed.
fn values(arg: Option<&Arg>, typed: &str, before: &str) -> (Vec<String>, &'static str) {
    let Some(arg) = arg else {
        return (Vec::new(), NOTHING_ELSE);
    };
    let known = arg.get_possible_values();
    if !known.is_empty() {
        let offers = known
            .iter()
            .map(|value| format!("{before}{}", value.get_name()));
        return (offers.collect(), NOTHING_ELSE);
    }
    let id = arg.get_id().as_str();
    if TRANSFORMS.contains(&id) || id == "name" {
        let done = typed.rfind(',').map_or("", |at| &typed[..=at]);
        let offers = ALL
            .iter()
            .map(|t| format!("{before}{done}{}", t.meta().name));
        return (offers.collect(), NOTHING_ELSE);
    }
    (Vec::new(), FILES)
}

#[cfg(test)]
mod tests {
    use super::answer;

    fn words(line: &str) -> Vec<String> {
        let answer = answer(line.split(' ').map(str::to_owned).collect());
        let word = |line: &str| line.split('\t').next().unwrap_or_default().to_owned();
        answer.lines().map(word).collect()
    }

    #[test]
    fn each_place_of_a_command_line_is_completed() {
        assert_eq!(words("gr"), ["graph", ":4"]);
        assert_eq!(words("fix --whole"), ["--whole-sets", ":4"]);
        assert_eq!(words("fix --format d"), ["diff", ":4"]);
        assert_eq!(words("fix --format=d"), ["--format=diff", ":4"]);
        assert_eq!(
            words("fix --select missing-config-hash,static-pod-k"),
            ["missing-config-hash,static-pod-kube-proxy", ":4"]
        );
        assert_eq!(
            words("fix --unsafe-fixes=static-pod-k"),
            ["--unsafe-fixes=static-pod-kube-proxy", ":4"]
        );
        assert_eq!(words("explain invalid-f"), ["invalid-field", ":4"]);
        assert_eq!(words("images l"), ["lock", ":4"]);
        assert_eq!(words("fix app"), [":0"]);
        assert_eq!(words("fix --config "), [":0"]);
        assert_eq!(words("fix --nothing=x"), [":4"]);
    }
}
