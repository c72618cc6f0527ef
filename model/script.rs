//! What a shell script does with a file: whether it writes, moves or removes it or its directory,
//! or asks whether something is mounted there. It is read line by line, never run, so what a
//! variable names is not known.

/// Shells whose scripts are read, by the last segment of their path.
pub const SHELLS: [&str; 6] = ["sh", "bash", "ash", "dash", "zsh", "ksh"];

/// Commands that replace or remove a file; each is followed by a blank.
const CHANGES: &[&str] = &[
    "mv",
    "rm",
    "unlink",
    "rmdir",
    "truncate",
    "tee",
    "install",
    "cp",
    "ln",
    "patch",
    "ed",
    "ex",
    "crudini",
    "augtool",
    "rsync",
    "dd",
    "sponge",
    "git checkout",
    "tar",
    "ansible-playbook",
    "confd",
    "dockerize",
    "sd",
    "unzip",
    "dos2unix",
];
/// Programs that replace a file where an option `i`, which may stand among others, says so.
const IN_PLACE: &[&str] = &["sed", "gsed", "perl", "awk", "gawk", "yq", "ruby"];
/// Ways to ask what is mounted.
const MOUNTS: &[&str] = &[
    "mountpoint",
    "findmnt",
    "/proc/mounts",
    "/proc/self/mounts",
    "/proc/self/mountinfo",
    "/proc/1/mountinfo",
    "/etc/mtab",
];
/// What a script does with a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Handling {
    /// This line changes it, or asks for its mount.
    This(String),
    /// This line changes something, and the script names the file elsewhere.
    Perhaps(String),
    /// Nothing.
    No,
}

impl Handling {
    /// Whether it changes the file, or asks for its mount; `None` where it may.
    pub fn is_certain(&self) -> Option<bool> {
        match self {
            Self::This(_) => Some(true),
            Self::Perhaps(_) => None,
            Self::No => Some(false),
        }
    }
}

/// What a shell script does with the file at an absolute path.
pub fn handling(text: &str, target: &str) -> Handling {
    let (directory, name) = match target.rsplit_once('/') {
        None | Some(("", _)) => ("/", target.trim_start_matches('/')),
        Some(parts) => parts,
    };
    let names_file = |line: &str| line.contains(target) || line.contains(name);
    let names_directory = |line: &str| {
        directory != "/"
            && line
                .split(|c: char| c.is_whitespace() || "'\";".contains(c))
                .any(|w| {
                    let w = w.trim_end_matches("/*").trim_end_matches('/');
                    w == directory
                })
    };
    // What takes a whole tree reaches the file from any directory above it.
    let takes_trees = |line: &str| {
        line.split_whitespace()
            .any(|word| matches!(word, "rm" | "mv" | "find" | "rsync"))
    };
    let names_above = |line: &str| {
        let above = |word: &str| {
            word.len() > 1
                && target
                    .strip_prefix(word)
                    .is_some_and(|rest| rest.starts_with('/'))
        };
        takes_trees(line)
            && line
                .split(|c: char| c.is_whitespace() || "'\";".contains(c))
                .any(|word| above(word.trim_end_matches("/*").trim_end_matches('/')))
    };
    let mut perhaps = None;
    for line in text
        .lines()
        .flat_map(|line| line.split([';', '|', '&']))
        .map(str::trim)
    {
        if line.starts_with('#')
            || !(changes(line)
                || MOUNTS.iter().any(|m| line.contains(m))
                || redirects(line, target))
        {
            continue;
        }
        if names_file(line) || names_directory(line) || names_above(line) {
            return Handling::This(line.to_owned());
        }
        perhaps.get_or_insert(line);
    }
    match perhaps {
        Some(line) if text.contains(target) || text.contains(name) => {
            Handling::Perhaps(line.to_owned())
        }
        _ => Handling::No,
    }
}

/// The line of a script that asks whether something is mounted at an absolute path.
pub fn asks_about_mount(text: &str, target: &str) -> Option<String> {
    let lines = text.lines().flat_map(|line| line.split([';', '|', '&']));
    let mut lines = lines.map(str::trim).filter(|line| !line.starts_with('#'));
    let asks = |line: &&str| MOUNTS.iter().any(|m| line.contains(m)) && text.contains(target);
    lines.find(asks).map(str::to_owned)
}

/// Whether a script asks what is mounted.
pub fn asks_about_mounts(text: &str) -> bool {
    MOUNTS.iter().any(|question| text.contains(question))
}

/// Whether a line has a command that replaces or removes a file.
pub fn changes(line: &str) -> bool {
    if in_place(line) {
        return true;
    }
    CHANGES.iter().any(|command| {
        line.match_indices(command).any(|(at, _)| {
            let before = line.get(..at).and_then(|t| t.chars().next_back());
            let after = line
                .get(at + command.len()..)
                .and_then(|t| t.chars().next());
            before.is_none_or(|c| c.is_whitespace() || "(`{/".contains(c))
                && after.is_some_and(char::is_whitespace)
        })
    })
}

/// `sed -i`, `sed -Ei.bak`, `perl -0pi`, `yq eval --inplace`, wherever the option stands.
fn in_place(line: &str) -> bool {
    let mut words = line.split(|c: char| c.is_whitespace() || "(){}`|&;".contains(c));
    let program = |word: &str| {
        let name = word.rsplit('/').next().unwrap_or(word);
        IN_PLACE.contains(&name.trim_matches(['"', '\'']))
    };
    let option = |word: &str| match word.strip_prefix('-') {
        Some(long) if long.starts_with('-') => {
            long.starts_with("-in-place") || long.starts_with("-inplace")
        }
        Some(short) => {
            let letters = short.split(|c: char| !c.is_ascii_alphanumeric()).next();
            letters.is_some_and(|letters| letters.contains('i'))
        }
        None => false,
    };
    words.any(program) && words.any(option)
}

fn redirects(line: &str, target: &str) -> bool {
    line.match_indices('>').any(|(at, _)| {
        let to = line
            .get(at + 1..)
            .unwrap_or("")
            .trim_start_matches(['>', ' ', '"', '\'']);
        to.starts_with(target)
    })
}

#[cfg(test)]
mod tests {
    use super::{Handling, handling};

    #[test]
    fn changes_of_the_file_are_seen() {
        let this = |text: &str| matches!(handling(text, "/etc/app/web.conf"), Handling::This(_));
        assert!(
            this("sed -i s/a/b/ /etc/app/web.conf")
                && this("envsubst < x > /etc/app/web.conf")
                && this("rm -rf /etc/app/*; x")
        );
        assert!(
            this("cd /etc/app && mv web.conf.tmp web.conf")
                && this("mountpoint -q /etc/app/web.conf && exec web")
        );
        assert!(
            !this("exec web -c /etc/app/web.conf")
                && !this("rm -rf /tmp/x; web -c /etc/app/web.conf")
                && !this("ls /etc/app/web.conf")
        );
        for text in [
            "sed -e s/a/b/ -i /etc/app/web.conf",
            "sed -Ei.bak s/a/b/ /etc/app/web.conf",
            "/bin/sed -i'' s/a/b/ /etc/app/web.conf",
            "perl -0777pi -e s/a/b/ /etc/app/web.conf",
            "yq '.a = 1' -i /etc/app/web.conf",
            "sed --in-place=.bak s/a/b/ /etc/app/web.conf",
        ] {
            assert!(this(text), "{text}");
        }
        assert!(
            !this("sed -n s/a/b/p /etc/app/web.conf") && !this("grep -i a /etc/app/web.conf"),
            "nothing is changed"
        );
        let perhaps = handling("F=/etc/app/web.conf\nsed -i s/a/b/ $F", "/etc/app/web.conf");
        assert_eq!(perhaps, Handling::Perhaps("sed -i s/a/b/ $F".to_owned()));
    }
}
