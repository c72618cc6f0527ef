//! Promise: `fix --interactive` writes what was said yes to, and nothing else. It is spoken with
//! through a pseudo-terminal, which `script` of util-linux opens.
//!
//! Without `script` this is skipped by name; with `KUBEWRIGHT_REQUIRE_CLIENTS=1` it fails.

#![expect(clippy::disallowed_methods, reason = "tests read and write files")]

mod support;

use std::fs;
use std::path::Path;
use std::process::Command;

use libtest_mimic::{Arguments, Failed};
use support::{TrialResult, ensure, missing, needing, pipe};

const SETTINGS: &str =
    "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: settings\ndata:\n  colour: green\n";

/// A Deployment of that name that reads the settings.
fn workload(name: &str) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {name}\nspec:\n  selector:\n    matchLabels: {{app: {name}}}\n  template:\n    metadata:\n      labels: {{app: {name}}}\n    spec:\n      containers:\n        - name: web\n          image: registry.example.com/web:1.0\n          envFrom:\n            - configMapRef: {{name: settings}}\n"
    )
}

fn main() {
    let arguments = Arguments::from_args();
    let script = || {
        missing(
            "script of util-linux",
            "script",
            &["-qec", "true", "/dev/null"],
        )
    };
    let trials = vec![
        needing(script(), "yes_and_no", yes_and_no),
        needing(
            script(),
            "all_of_this_kind_and_undo",
            all_of_this_kind_and_undo,
        ),
        needing(
            script(),
            "suppress_explain_and_quit",
            suppress_explain_and_quit,
        ),
        needing(script(), "edit", edit),
        needing(script(), "edit_again", edit_again),
        needing(script(), "edit_undo_and_suppress", edit_undo_and_suppress),
        needing(script(), "edit_fails", edit_fails),
    ];
    libtest_mimic::run(&arguments, trials).exit();
}

/// What is printed, and the three workloads afterwards.
fn talk(answers: &str) -> Result<(String, Vec<String>), Failed> {
    talk_with("false", answers)
}

/// As [`talk`], with a shell script as the editor.
fn talk_with(editor: &str, answers: &str) -> Result<(String, Vec<String>), Failed> {
    let dir = tempfile::tempdir()?;
    fs::write(dir.path().join("kubewright.toml"), "")?;
    fs::write(dir.path().join("settings.yaml"), SETTINGS)?;
    for name in ["a", "b", "c"] {
        fs::write(dir.path().join(format!("{name}.yaml")), workload(name))?;
    }
    let editor_file = dir.path().join("editor.sh");
    fs::write(&editor_file, editor)?;
    let program = Path::new(env!("CARGO_BIN_EXE_kubewright"));
    let said = format!("'{}' fix --interactive", program.display());
    let mut script = Command::new("script");
    script
        .args(["-qec", &said, "/dev/null"])
        .current_dir(dir.path())
        .env_remove("VISUAL")
        .env("EDITOR", format!("sh '{}'", editor_file.display()))
        .env("NO_COLOR", "1")
        .env("COLUMNS", "80");
    let printed = pipe(&mut script, answers.as_bytes(), &[0])?.stdout;
    let read = |name: &str| fs::read_to_string(dir.path().join(format!("{name}.yaml")));
    let files = ["a", "b", "c"]
        .into_iter()
        .map(read)
        .collect::<Result<_, _>>()?;
    Ok((String::from_utf8_lossy(&printed).into_owned(), files))
}

fn has_hash(text: &str) -> bool {
    text.contains("kubewright.dev/config-hash: ")
}

fn yes_and_no() -> TrialResult {
    let (printed, files) = talk("y\nn\ny\n")?;
    ensure(printed.contains("(3/3) Make this change"), || {
        printed.clone()
    })?;
    ensure(
        printed.contains("2 fixes made, 0 findings suppressed, 1 left"),
        || printed.clone(),
    )?;
    let hashed: Vec<bool> = files.iter().map(|text| has_hash(text)).collect();
    ensure(hashed == [true, false, true], || {
        format!("{hashed:?}\n{printed}")
    })?;
    ensure(files[1] == workload("b"), || files[1].clone())
}

fn all_of_this_kind_and_undo() -> TrialResult {
    let (printed, files) = talk("n\nu\na\n")?;
    ensure(files.iter().all(|text| has_hash(text)), || printed)
}

fn suppress_explain_and_quit() -> TrialResult {
    let (printed, files) = talk("x\ns\nrestarted every night\nq\n")?;
    ensure(
        printed.contains("see settings.yaml:4:9: ConfigMap settings"),
        || printed.clone(),
    )?;
    let comment = "# kubewright: ignore[missing-config-hash] restarted every night";
    ensure(files[0].contains(comment), || files[0].clone())?;
    ensure(!files.iter().any(|text| has_hash(text)), || printed.clone())?;
    ensure(files[2] == workload("c"), || files[2].clone())
}

/// What a person adds to the fix of a workload.
const TEAM: &str = "        kubewright.dev/team: web\n";

fn edit() -> TrialResult {
    let editor =
        "sed -i \"/^+ *kubewright.dev.config-hash/a +        kubewright.dev/team: web\" \"$1\"";
    let (printed, files) = talk_with(editor, "e\ny\nn\n")?;
    ensure(files[0].contains(TEAM) && has_hash(&files[0]), || {
        format!("{}\n{printed}", files[0])
    })?;
    ensure(has_hash(&files[1]) && !files[1].contains(TEAM), || {
        printed.clone()
    })?;
    ensure(files[2] == workload("c"), || files[2].clone())?;
    ensure(
        printed.contains("2 fixes made, 0 findings suppressed, 1 left"),
        || printed,
    )
}

/// What is no YAML is told, and there is another attempt; what was edited stays what it is.
fn edit_again() -> TrialResult {
    let editor = "if grep -q 'hash: \\[' \"$1\"\nthen sed -i 's/hash: \\[.*/hash: mine/' \
                  \"$1\"\nelse sed -i 's/^\\(+ *kubewright.dev.config-hash: \\).*/\\1[/' \
                  \"$1\"\nfi";
    let (printed, files) = talk_with(editor, "e\ny\na\n")?;
    ensure(printed.contains("a.yaml:12 would not be YAML"), || {
        printed.clone()
    })?;
    ensure(
        files[0].contains("kubewright.dev/config-hash: mine\n"),
        || format!("{}\n{printed}", files[0]),
    )?;
    ensure(has_hash(&files[1]) && has_hash(&files[2]), || printed)
}

fn edit_undo_and_suppress() -> TrialResult {
    let editor =
        "sed -i \"/^+ *kubewright.dev.config-hash/a +        kubewright.dev/team: web\" \"$1\"";
    let (printed, files) = talk_with(editor, "e\nu\ns\nrestarted every night\ne\nq\n")?;
    ensure(
        files[0].contains("restarted every night") && !has_hash(&files[0]),
        || format!("{}\n{printed}", files[0]),
    )?;
    ensure(files[1].contains(TEAM), || files[1].clone())?;
    ensure(files[2] == workload("c"), || files[2].clone())
}

/// An editor that fails, and a patch without lines, leave the question open.
fn edit_fails() -> TrialResult {
    let editor = "[ -e tried ] || { touch tried; exit 3; }\nsed -i '/^[+-] /d' \"$1\"";
    let (printed, files) = talk_with(editor, "e\ne\ny\nq\n")?;
    ensure(printed.contains("set EDITOR to the one you use"), || {
        printed.clone()
    })?;
    ensure(printed.contains("nothing is changed"), || printed.clone())?;
    ensure(has_hash(&files[0]) && !has_hash(&files[1]), || printed)
}
