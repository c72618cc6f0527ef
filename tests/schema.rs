//! Promise: what a transform makes anew is accepted by the API server: every DaemonSet of the cases of `static-pod-kube-proxy` passes the
//! strict schema, and its selector selects its own pods.
//!
//! Without python3 and `kubernetes_validate` this is skipped by name; with `KUBEWRIGHT_REQUIRE_CLIENTS=1` it fails.

#![expect(clippy::disallowed_methods, reason = "tests read files")]

mod support;

use std::path::Path;
use std::process::Command;

use libtest_mimic::{Arguments, Failed};
use support::{Outcome, ensure, missing, needing, run, tree};

/// Prints how many DaemonSets the files hold; fails when one of them does not select its own pods.
const SELECTS: &str = r"
import sys, yaml
n = 0
for path in sys.argv[1:]:
    for d in yaml.safe_load_all(open(path, encoding='utf-8')):
        if d and d['kind'] == 'DaemonSet':
            n += 1
            want, have = d['spec']['selector']['matchLabels'], d['spec']['template']['metadata']['labels']
            if not want or not want.items() <= have.items():
                sys.exit(path + ': the selector does not select the pods')
print(n)
";

fn main() {
    let arguments = Arguments::from_args();
    let schema = missing("python3 with kubernetes_validate", "python3", &["-c", "import kubernetes_validate, yaml"]);
    let trial = needing(schema, "daemon_sets_pass_the_strict_schema", daemon_sets_pass_the_strict_schema);
    libtest_mimic::run(&arguments, vec![trial]).exit();
}

fn daemon_sets_pass_the_strict_schema() -> Outcome {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let script = root.join("tests/support/strict_schema.py");
    let cases = root.join("transforms/static-pod-kube-proxy/cases");
    let mut paths = Vec::new();
    for (path, text) in tree(&cases)? {
        let holds = String::from_utf8_lossy(&text).contains("DaemonSet");
        if holds && path.iter().any(|part| part == "after") {
            run(Command::new("python3").arg(&script).arg("/dev/null").arg(cases.join(&path)), &[0])?;
            paths.push(cases.join(&path));
        }
    }
    let printed = run(Command::new("python3").args(["-c", SELECTS]).args(&paths), &[0])?.stdout;
    let count: usize = String::from_utf8_lossy(&printed).trim().parse().map_err(|e| Failed::from(format!("{e}")))?;
    ensure(count > 20, || format!("only {count} DaemonSets were judged"))
}
