//! Promise: the page of a run works in a browser: it can be filtered, walked and read in both
//! colours, loads nothing, and the browser has nothing to complain about; also with a thousand
//! findings.
//!
//! Chromium is skipped by name where it is missing; with `KUBEWRIGHT_REQUIRE_CLIENTS=1` it fails.

#![expect(clippy::disallowed_methods, reason = "tests read and write files")]

mod support;

use std::fs;
use std::path::Path;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use libtest_mimic::{Arguments, Failed};
use sha2::{Digest as _, Sha256};
use support::{TrialResult, ensure, kubewright, missing, needing, run};

/// What the browser does with the page.
const VISIT: &str = include_str!("page/visit.js");

fn main() {
    let arguments = Arguments::from_args();
    let chromium = missing("chromium", "chromium", &["--version"]);
    let trials = vec![
        needing(chromium, "a_run_is_filtered_and_walked", small),
        needing(chromium, "a_thousand_findings_are_filtered", large),
        needing(chromium, "a_graph_is_walked", graph),
    ];
    libtest_mimic::run(&arguments, trials).exit();
}

fn example() -> std::io::Result<String> {
    let home = Path::new(env!("CARGO_MANIFEST_DIR"));
    fs::read_to_string(home.join("examples/incident-2-two-configurations/app.yaml"))
}

fn small() -> TrialResult {
    let dir = tempfile::tempdir()?;
    fs::write(dir.path().join("app.yaml"), example()?)?;
    let hostile = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: \
                   \"</title><script>alert(1)</script>\"\nspec:\n  containers:\n  - name: a\n    \
                   image: a\n    envFrom:\n    - configMapRef:\n        name: \"x' onclick='y\"\n";
    fs::write(dir.path().join("pod.yaml"), hostile)?;
    visit(dir.path(), &["fix", "--exit-zero", "--format", "html"])
}

fn large() -> TrialResult {
    let dir = tempfile::tempdir()?;
    let one = example()?;
    for number in 0..1000 {
        let text = one.replace("calculator", &format!("calculator-{number}"));
        fs::write(dir.path().join(format!("app-{number}.yaml")), text)?;
    }
    visit(dir.path(), &["fix", "--exit-zero", "--format", "html"])
}

fn graph() -> TrialResult {
    let dir = tempfile::tempdir()?;
    fs::write(dir.path().join("app.yaml"), example()?)?;
    visit(dir.path(), &["graph", "--format", "html"])
}

/// Opens the page, with the visitor as a second script that its policy allows.
fn visit(dir: &Path, args: &[&str]) -> TrialResult {
    let page = run(&mut kubewright(dir, args), &[0])?.stdout;
    let page = String::from_utf8(page)?;
    let hash = STANDARD.encode(Sha256::digest(VISIT.as_bytes()));
    let page = page
        .replacen("script-src ", &format!("script-src 'sha256-{hash}' "), 1)
        .replacen("</body>", &format!("<script>{VISIT}</script></body>"), 1);
    let file = dir.join("page.html");
    fs::write(&file, page)?;
    let (dom, log) = open(&file)?;
    let complaints: Vec<&str> = log.lines().filter(|l| l.contains("CONSOLE")).collect();
    ensure(complaints.is_empty(), || complaints.join("\n"))?;
    let said = dom
        .split_once("data-visit=\"")
        .and_then(|(_, rest)| rest.split_once('"'))
        .map(|(said, _)| said.to_owned());
    ensure(said.as_deref() == Some("ok"), || {
        format!("the visitor says {said:?}")
    })
}

/// What the browser made of a page, and its log. A browser that crashes or shows nothing at all on
/// a busy machine is started again.
fn open(file: &Path) -> Result<(String, String), Failed> {
    let mut last = String::new();
    for _ in 0..3 {
        let profile = tempfile::tempdir()?;
        let output = Command::new("chromium")
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"])
            .args(["--enable-logging=stderr", "--window-size=1300,900"])
            .args(["--virtual-time-budget=20000", "--no-first-run"])
            .arg("--disable-dev-shm-usage")
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg(format!("file://{}", file.display()))
            .output()?;
        let dom = String::from_utf8_lossy(&output.stdout).into_owned();
        last = String::from_utf8_lossy(&output.stderr).into_owned();
        if output.status.success() && dom.contains("data-visit=\"") {
            return Ok((dom, last));
        }
    }
    Err(format!("the browser shows nothing: {last}").into())
}
