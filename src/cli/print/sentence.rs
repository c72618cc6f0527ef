//! Texts of a report for a reader: paths as the reader's directory has them, lists no longer than
//! the format wants.

use kubewright_model::text::{Part, Text};

use super::Paths;

/// More names than that are cut in a terminal.
const LISTED: usize = 5;
/// So many are shown where they are cut.
const SHOWN: usize = 3;

impl Paths {
    /// A text with all that it lists, for programs.
    pub fn whole(&self, text: &Text) -> String {
        self.write(text, usize::MAX)
    }

    /// A text with long lists cut, for people.
    pub fn brief(&self, text: &Text) -> String {
        self.write(text, LISTED)
    }

    fn write(&self, text: &Text, most: usize) -> String {
        let parts = text.parts().iter().map(|part| match part {
            Part::Words(words) => words.clone(),
            Part::Path(path) => self.shown(path),
            Part::List(list) => self.write(&list.cut(most, SHOWN), most),
            Part::Command(command) => self.command(command),
            Part::Resource(resource) => resource.to_string(),
            Part::Field(text) | Part::Code(text) => text.clone(),
        });
        parts.collect()
    }

    /// A command as a shell takes it.
    fn command(&self, command: &Text) -> String {
        let parts = command.parts().iter().map(|part| match part {
            Part::Path(path) => quoted(&self.shown(path)),
            part => self.whole(&part.clone().into()),
        });
        parts.collect()
    }
}

/// A path as one word of a POSIX shell, which no program takes for an option.
fn quoted(path: &str) -> String {
    let path = if path.starts_with('-') {
        format!("./{path}")
    } else {
        path.to_owned()
    };
    let plain = |c: char| c.is_alphanumeric() || "_@%+=:,./-".contains(c);
    if !path.is_empty() && path.chars().all(plain) {
        path
    } else {
        format!("'{}'", path.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use kubewright_model::text;
    use kubewright_model::text::{Path as At, Text};

    use super::*;

    #[test]
    fn only_paths_move_and_only_brief_lists_are_cut() {
        let paths = Paths::new(Path::new("/r"), Path::new("/r/a"), None);
        let names = ["a/x.yaml", "b", "c", "d", "e", "f"];
        let said = text![
            At("b/y.yaml"),
            ":4 has ",
            Text::list_of("key", names),
            " in ",
            At("a")
        ];
        assert_eq!(
            paths.whole(&said),
            "../b/y.yaml:4 has keys a/x.yaml, b, c, d, e and f in ."
        );
        assert_eq!(
            paths.brief(&said),
            "../b/y.yaml:4 has 6 keys: a/x.yaml, b, c and 3 more in ."
        );
    }

    #[test]
    fn a_command_quotes_the_paths_that_a_shell_would_part() {
        let paths = Paths::new(Path::new("/r"), Path::new("/r/a"), None);
        let said = |path| paths.whole(&text!["see ", Text::command(text!["cat ", At(path)])]);
        assert_eq!(said("b/y.yaml"), "see cat ../b/y.yaml");
        assert_eq!(said("a/my app.yaml"), "see cat 'my app.yaml'");
        assert_eq!(said("a/it's $1"), r"see cat 'it'\''s $1'");
        assert_eq!(said("a/~"), "see cat '~'");
        assert_eq!(said("a/-n"), "see cat ./-n");
        assert_eq!(
            paths.whole(&text!["see ", At("a/my app.yaml")]),
            "see my app.yaml"
        );
    }
}
