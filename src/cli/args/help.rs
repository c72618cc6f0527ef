//! The help of the program: its commands by what they are for.

use std::fmt::Write as _;

use clap::Command;

use super::STYLES;

/// The commands of each group. One that stands in none comes last.
const GROUPS: [(&str, &[&str]); 4] = [
    (
        "Find and fix",
        &["fix", "suppress", "undo", "explain", "list"],
    ),
    ("Look", &["graph", "images"]),
    ("Set up", &["init", "config", "completions", "man"]),
    ("Work for other programs", &["lsp", "krm", "mcp"]),
];

/// The program, with a help that has groups.
pub(in crate::cli) fn grouped(command: Command) -> Command {
    let (header, literal) = (*STYLES.get_header(), *STYLES.get_literal());
    let known: Vec<&str> = GROUPS
        .iter()
        .flat_map(|(_, names)| *names)
        .copied()
        .collect();
    let others: Vec<&str> = (command.get_subcommands())
        .map(Command::get_name)
        .filter(|name| !known.contains(name))
        .collect();
    let mut text = String::new();
    for (title, names) in GROUPS.into_iter().chain([("Others", others.as_slice())]) {
        let found: Vec<&Command> = (names.iter())
            .filter_map(|name| command.find_subcommand(name))
            .collect();
        if found.is_empty() {
            continue;
        }
        let _ = writeln!(text, "{header}{title}:{header:#}");
        for one in found {
            let (name, about) = (one.get_name(), one.get_about().cloned().unwrap_or_default());
            let _ = writeln!(text, "  {literal}{name:11}{literal:#}  {about}");
        }
        text.push('\n');
    }
    let (options, help) = ("{options}", "kubewright help COMMAND");
    let template = format!(
        "{{about-with-newline}}\n{{usage-heading}} {{usage}}\n\n{text}{header}Options:{header:#}\n\
         {options}\n\n{literal}{help}{literal:#} says more about one.\n"
    );
    command.help_template(template)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn every_command_stands_in_a_group_that_exists() {
        let command = crate::cli::args::Args::command();
        let named: Vec<&str> = GROUPS
            .iter()
            .flat_map(|(_, names)| *names)
            .copied()
            .collect();
        for name in &named {
            let optional = *name == "mcp" && !cfg!(feature = "mcp");
            assert!(
                optional || command.find_subcommand(name).is_some(),
                "{name}"
            );
        }
        for one in command.get_subcommands() {
            assert!(named.contains(&one.get_name()), "{}", one.get_name());
        }
    }
}
