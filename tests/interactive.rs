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
    ];
    libtest_mimic::run(&arguments, trials).exit();
}

/// What is printed, and the three workloads afterwards.
fn talk(answers: &str) -> Result<(String, Vec<String>), Failed> {
    let dir = tempfile::tempdir()?;
    fs::write(dir.path().join("kubewright.toml"), "")?;
    fs::write(dir.path().join("settings.yaml"), SETTINGS)?;
    for name in ["a", "b", "c"] {
        fs::write(dir.path().join(format!("{name}.yaml")), workload(name))?;
    }
    let program = Path::new(env!("CARGO_BIN_EXE_kubewright"));
    let said = format!("'{}' fix --interactive", program.display());
    let mut script = Command::new("script");
    script
        .args(["-qec", &said, "/dev/null"])
        .current_dir(dir.path())
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
    let (printed, files) = talk("e\ns\nrestarted every night\nq\n")?;
    ensure(
        printed.contains("see settings.yaml:4:9: ConfigMap settings"),
        || printed.clone(),
    )?;
    let comment = "# kubewright: ignore[missing-config-hash] restarted every night";
    ensure(files[0].contains(comment), || files[0].clone())?;
    ensure(!files.iter().any(|text| has_hash(text)), || printed.clone())?;
    ensure(files[2] == workload("c"), || files[2].clone())
}
