//! What manifests and names of files hold does not steer a terminal, a browser or a runner.

use std::fs;

use super::{both, run, tree};
use crate::support::{kubewright, pipe};

/// An escape sequence, a bell, a line that a runner of GitHub takes for a command, a right-to-left
/// override.
const EVIL: &str = "a\u{1b}]0;owned\u{7}\u{1b}[2J\r::set-output name=a::b\u{202e}";
/// The same as it stands between double quotes in YAML.
const WRITTEN: &str = "a\\e]0;owned\\a\\e[2J\\r\\n::error::b\\u202E\\u009B31m";

fn manifest() -> String {
    let evil = WRITTEN;
    format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: \"{evil}\"\n  namespace: \"{evil}\"\ndata:\n  \"{evil}\": a\n---\n\
         apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: \"{evil}\"\n  namespace: \"{evil}\"\nspec:\n  selector:\n    \
         matchLabels: {{a: b}}\n  template:\n    metadata:\n      labels: {{a: b}}\n    spec:\n      containers:\n      \
         - name: \"{evil}\"\n        image: \"{evil}\"\n        envFrom:\n        - configMapRef: {{name: \"{evil}\"}}\n        \
         env:\n        - name: A\n          valueFrom: {{configMapKeyRef: {{name: \"{evil}\", key: \"{evil}-other\"}}}}\n        \
         volumeMounts:\n        - {{name: v, mountPath: \"/{evil}\", subPath: \"{evil}\"}}\n      volumes:\n      \
         - name: v\n        configMap: {{name: \"{evil}\"}}\n---\n\"{evil}: [\n"
    )
}

/// Whether a command of a runner is one of those that `--format github` is made of.
fn is_annotation(line: &str) -> bool {
    let kinds = ["::error ", "::warning ", "::notice "];
    kinds.iter().any(|kind| line.starts_with(kind)) && line.contains("title=kubewright%3A ")
}

/// Whether a text would steer what shows it.
fn steers(text: &str) -> Option<char> {
    text.chars().find(|c| {
        (c.is_control() && !matches!(c, '\n' | '\t'))
            || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    })
}

#[test]
fn control_characters_of_manifests_and_names_reach_no_output() {
    let name = format!("{EVIL}.yaml").replace('/', "");
    let dir = tree(&[
        (&name, &manifest()),
        ("b.yaml", &manifest()),
        (
            "kustomization.yaml",
            &format!("resources: [b.yaml, \"{WRITTEN}.yaml\"]\n"),
        ),
        ("broken.yaml", "a: \u{1b}[31m\n"),
        (
            "d\u{1b}[31m/kustomization.yaml",
            &format!("resources: [\"{WRITTEN}\"]\n"),
        ),
    ]);
    for args in [
        &["fix"][..],
        &["fix", "--verbose", "--unsafe-fixes"],
        &["fix", "--format", "json"],
        &["fix", "--format", "concise"],
        &["fix", "--format", "diff"],
        &["fix", "--format", "markdown"],
        &["fix", "--format", "html"],
        &["fix", "--format", "github"],
        &["fix", "--format", "gitlab"],
        &["fix", "--format", "sarif"],
        &["fix", "--format", "rdjson"],
        &["fix", "--format", "rdjsonl"],
        &["fix", "--format", "junit"],
        &["graph"],
        &["graph", "--format", "json"],
        &["graph", "--format", "mermaid"],
        &["graph", "--format", "dot"],
        &["images", "lock", "--check"],
        &["fix", &name],
        &["fix", "nothing\u{1b}[31m.yaml"],
        &["fix", "--select", "nothing\u{1b}[31m"],
        &["explain", "nothing\u{1b}[31m"],
        &["fix", "--write", "--require-clean"],
        &["undo", &format!("{EVIL}.yaml")],
    ] {
        let text = both(&run(dir.path(), args));
        let lines: Vec<&str> = text
            .lines()
            .filter(|l| steers(l).is_some())
            .take(3)
            .collect();
        assert!(lines.is_empty(), "{args:?}: {lines:?}");
        assert!(
            !text
                .lines()
                .any(|l| l.starts_with("::") && !is_annotation(l)),
            "{args:?}: {text}"
        );
    }
    let broken = format!("ignore = [\"{}\"\n", EVIL.escape_default());
    fs::write(dir.path().join("kubewright.toml"), broken).expect("a file");
    let text = both(&run(dir.path(), &["fix"]));
    assert_eq!(steers(&text), None, "{text:?}");
}

/// Findings of a stream go to standard error; what comes out of it is the manifest itself.
#[test]
fn control_characters_of_a_stream_reach_no_terminal() {
    let dir = tree(&[]);
    let manifest = manifest();
    let whole = manifest.rsplit_once("---\n").expect("documents").0;
    for args in [&["fix", "-"][..], &["krm"]] {
        let mut command = kubewright(dir.path(), args);
        let output = pipe(&mut command, whole.as_bytes(), &[0, 1, 2]).expect("the program starts");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let lines: Vec<&str> = said.lines().filter(|l| steers(l).is_some()).collect();
        assert!(lines.is_empty(), "{args:?}: {lines:?}");
    }
}
