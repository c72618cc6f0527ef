//! What commands of a repository write: jsonnet, CUE, KCL and renderers leave no mark in the
//! manifests that they make, and the command that makes them stands in a script, a Makefile or a
//! workflow.

use std::collections::BTreeMap;

use super::paths::{join, split};
use crate::yaml::holds;

/// A program that writes manifests, its subcommands, and the options that name a file or a
/// directory which it writes.
struct Program {
    name: &'static str,
    subcommands: &'static [&'static str],
    options: &'static [&'static str],
    /// The first word behind the subcommand is the directory.
    first_word: bool,
    /// It stands for itself; a language needs a project besides.
    renders: bool,
}

/// jsonnet (<https://jsonnet.org/learning/getting_started.html>), Tanka
/// (<https://tanka.dev/exporting/>), CUE (<https://cuelang.org/docs/reference/command/cue-help-export/>),
/// KCL (<https://www.kcl-lang.io/docs/tools/cli/kcl/run>), kustomize
/// (<https://kubectl.docs.kubernetes.io/references/kustomize/cmd/build/>), Helm
/// (<https://helm.sh/docs/helm/helm_template/>).
const PROGRAMS: &[Program] = &[
    Program {
        name: "jsonnet",
        subcommands: &[],
        options: &["-m", "--multi", "-o", "--output-file"],
        first_word: false,
        renders: false,
    },
    Program {
        name: "tk",
        subcommands: &["export"],
        options: &[],
        first_word: true,
        renders: false,
    },
    Program {
        name: "cue",
        subcommands: &["export", "eval", "cmd"],
        options: &["-o", "--out-file", "--outfile"],
        first_word: false,
        renders: false,
    },
    Program {
        name: "kcl",
        subcommands: &[],
        options: &["-o", "--output"],
        first_word: false,
        renders: false,
    },
    Program {
        name: "kustomize",
        subcommands: &["build"],
        options: &["-o", "--output"],
        first_word: false,
        renders: true,
    },
    Program {
        name: "kubectl",
        subcommands: &["kustomize"],
        options: &["-o", "--output"],
        first_word: false,
        renders: true,
    },
    Program {
        name: "helm",
        subcommands: &["template"],
        options: &["--output-dir"],
        first_word: false,
        renders: true,
    },
];

/// What a command of the repository writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::kube) struct Output {
    /// A file, or a directory with all that is below it.
    pub path: String,
    /// The program that writes it.
    pub program: &'static str,
    /// The file that holds the command.
    pub command: String,
    /// Whether the program renders what has no sign of a project beside it.
    pub renders: bool,
}

/// What the commands of a script, a Makefile or a workflow write. A path there is relative to the
/// directory of the file or to the root: both count.
pub(in crate::kube) fn written(at: &str, text: &str) -> Vec<Output> {
    let is_named = |name: &str| holds(text, name) || holds(text, &name.to_ascii_uppercase());
    if !PROGRAMS.iter().any(|program| is_named(program.name)) {
        return Vec::new();
    }
    let mut found = BTreeMap::new();
    for line in text.replace("\\\n", " ").lines() {
        let words: Vec<&str> = line
            .split(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`' | '(' | ')' | ';'))
            .filter(|word| !word.is_empty())
            .collect();
        for (position, word) in words.iter().enumerate() {
            let rest = words.get(position + 1..).unwrap_or_default();
            let Some(program) = PROGRAMS.iter().find(|program| program.is_run_by(word)) else {
                continue;
            };
            for path in program.targets(rest) {
                let root = join("", path);
                let beside = join(split(at).0, path);
                for path in [root, beside]
                    .into_iter()
                    .flatten()
                    .filter(|path| !path.is_empty())
                {
                    found.insert(path, (program.name, program.renders));
                }
            }
        }
    }
    let outputs = found.into_iter().map(|(path, (program, renders))| Output {
        path,
        program,
        command: at.to_owned(),
        renders,
    });
    outputs.collect()
}

impl Program {
    /// Whether the first word of a command runs it: its name, or a variable that is named after it
    /// (`$JSONNET_BIN`, of Make `$(KUSTOMIZE)`).
    fn is_run_by(&self, word: &str) -> bool {
        let name = split(word.trim_start_matches(['@', '-'])).1;
        let variable = name.trim_matches(['$', '{', '}']);
        let first = variable.split('_').next().unwrap_or_default();
        let is_variable = variable
            .bytes()
            .all(|b| b.is_ascii_uppercase() || b == b'_');
        name == self.name || is_variable && first.eq_ignore_ascii_case(self.name)
    }

    /// The paths that a command with these words behind the program's name writes.
    fn targets<'w>(&self, words: &[&'w str]) -> Vec<&'w str> {
        let mut rest = words.iter();
        if !self.subcommands.is_empty()
            && !rest
                .next()
                .is_some_and(|word| self.subcommands.contains(word))
        {
            return Vec::new();
        }
        let known = |word: &&str| !word.is_empty() && !word.contains('$') && *word != "-";
        let mut found = Vec::new();
        if self.first_word {
            found.extend(rest.clone().find(|word| !word.starts_with('-')).copied());
        }
        while let Some(word) = rest.next() {
            let (flag, value) = word
                .split_once('=')
                .map_or((*word, None), |(f, v)| (f, Some(v)));
            // `-cm` is `-c -m`.
            let cluster = flag.len() > 2 && flag.starts_with('-') && !flag.starts_with("--");
            let names = |option: &&str| {
                flag == *option
                    || (cluster
                        && option.len() == 2
                        && flag.ends_with(option.trim_start_matches('-')))
            };
            if self.options.iter().any(names) || flag == ">" {
                found.extend(value.or_else(|| rest.next().copied()));
            } else if let Some(file) = word.strip_prefix('>').filter(|_| !word.starts_with(">>")) {
                found.push(file.trim_start_matches('&'));
            }
        }
        found.retain(known);
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(at: &str, text: &str) -> Vec<String> {
        written(at, text)
            .into_iter()
            .map(|output| output.path)
            .collect()
    }

    #[test]
    fn commands_name_what_they_write() {
        assert_eq!(
            paths(
                "build.sh",
                "jsonnet -J vendor -m manifests \"${1-a.jsonnet}\" | xargs -I{} sh -c 'cat {} > \
                 {}.yaml'\n"
            ),
            ["manifests", "{}.yaml"]
        );
        assert_eq!(
            paths("ops/Makefile", "\t@jsonnet -cm out main.jsonnet\n"),
            ["ops/out", "out"]
        );
        assert_eq!(
            paths("a.sh", "tk export rendered environments/prod\n"),
            ["rendered"]
        );
        assert_eq!(
            paths("a.sh", "cue export ./app --out yaml > app.yaml\n"),
            ["app.yaml"]
        );
        assert_eq!(
            paths("a.sh", "kcl run main.k -o deploy.yaml\n"),
            ["deploy.yaml"]
        );
    }

    #[test]
    fn a_variable_names_the_program() {
        let line = "$JSONNET_BIN -J vendor -m manifests \"${1-a.jsonnet}\"\n";
        assert_eq!(paths("build.sh", line), ["manifests"]);
        let line = "\t$(KUSTOMIZE) build config/default > dist/install.yaml\n";
        assert_eq!(paths("Makefile", line), ["dist/install.yaml"]);
        let line = "\t${HELM} template web . --output-dir=out\n";
        assert_eq!(paths("Makefile", line), ["out"]);
    }

    #[test]
    fn other_words_write_nothing() {
        for line in [
            "cue vet ./app > log.txt",
            "jsonnet a.jsonnet",
            "jsonnet -m $OUT a.jsonnet",
            "# see jsonnet.md -m x",
            "cat jsonnetfile.json > x",
            "kustomize build . | kubectl apply -f -",
            "kubectl get cm -o yaml > x.yaml",
            "KUSTOMIZE ?= $(BIN)/kustomize",
        ] {
            assert_eq!(paths("a.sh", line), [""; 0], "{line}");
        }
    }
}
