//! Promise: what a transform makes anew is accepted by the API server: every DaemonSet of the cases
//! of `static-pod-kube-proxy` passes the strict schema, and its selector selects its own pods. What
//! `graph` prints for programs is what its schema says.
//!
//! Without python3 and `kubernetes_validate` this is skipped by name; with
//! `KUBEWRIGHT_REQUIRE_CLIENTS=1` it fails.

#![expect(clippy::disallowed_methods, reason = "tests read files")]

mod support;

use std::fs;
use std::path::Path;
use std::process::Command;

use libtest_mimic::{Arguments, Failed};
use support::{TrialResult, ensure, kubewright, missing, needing, pipe, run, tree};

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

/// Validates the graph on standard input; fails when it shows no set of one of the words of
/// evidence.
const VALIDATES: &str = r"
import sys, json, jsonschema
schema = json.load(open(sys.argv[1], encoding='utf-8'))
graph = json.load(sys.stdin)
jsonschema.Draft202012Validator.check_schema(schema)
jsonschema.validate(graph, schema)
for s in graph['sets']:
    for r in s['reads']:
        s['members'][r['member']], [s['members'][i] for i in r['definitions']], [s['generated'][i] for i in r['generators']]
wanted = set(schema['$defs']['set']['properties']['evidence']['enum']) - {'stream'}
missing = wanted - {s['evidence'] for s in graph['sets']}
if missing: sys.exit('no set of ' + ', '.join(sorted(missing)))
";

fn main() {
    let arguments = Arguments::from_args();
    let schema = missing(
        "python3 with kubernetes_validate",
        "python3",
        &["-c", "import kubernetes_validate, yaml"],
    );
    let trial = needing(
        schema,
        "daemon_sets_pass_the_strict_schema",
        daemon_sets_pass_the_strict_schema,
    );
    let jsonschema = missing(
        "python3 with jsonschema",
        "python3",
        &["-c", "import jsonschema"],
    );
    let graph = needing(
        jsonschema,
        "graph_prints_what_its_schema_says",
        graph_prints_what_its_schema_says,
    );
    libtest_mimic::run(&arguments, vec![trial, graph]).exit();
}

fn daemon_sets_pass_the_strict_schema() -> TrialResult {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let script = root.join("tests/support/strict_schema.py");
    let cases = root.join("transforms/static-pod-kube-proxy/cases");
    let mut paths = Vec::new();
    for (path, text) in tree(&cases)? {
        let holds = String::from_utf8_lossy(&text).contains("DaemonSet");
        if holds && path.iter().any(|part| part == "after") {
            run(
                Command::new("python3")
                    .arg(&script)
                    .arg("/dev/null")
                    .arg(cases.join(&path)),
                &[0],
            )?;
            paths.push(cases.join(&path));
        }
    }
    let printed = run(
        Command::new("python3").args(["-c", SELECTS]).args(&paths),
        &[0],
    )?
    .stdout;
    let count: usize = String::from_utf8_lossy(&printed)
        .trim()
        .parse()
        .map_err(|e| Failed::from(format!("{e}")))?;
    ensure(count > 20, || {
        format!("only {count} DaemonSets were judged")
    })
}

fn graph_prints_what_its_schema_says() -> TrialResult {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let dir = tempfile::tempdir()?;
    let flux = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: \
                f}\nspec: {path: ./tree, sourceRef: {kind: GitRepository, name: r}}\n";
    let config = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n";
    let files = [
        (
            "kubewright.toml",
            "[[apply-sets]]\nname = \"own\"\npaths = [\"own\"]\n",
        ),
        ("own/c.yaml", config),
        ("clusters/f.yaml", flux),
        ("tree/sub/c.yaml", config),
        ("chart/Chart.yaml", "name: chart\n"),
    ];
    for (path, text) in files {
        let path = dir.path().join(path);
        fs::create_dir_all(path.parent().ok_or("no parent")?)?;
        fs::write(path, text)?;
    }
    for (path, text) in tree(&root.join("examples/apply-sets"))? {
        let path = dir.path().join("examples").join(path);
        if path.extension().is_some_and(|e| e == "yaml") {
            fs::create_dir_all(path.parent().ok_or("no parent")?)?;
            fs::write(
                path,
                String::from_utf8_lossy(&text)
                    .replace("path: web", "path: examples/web")
                    .replace("path: worker", "path: examples/worker"),
            )?;
        }
    }
    let graph = run(
        &mut kubewright(dir.path(), &["graph", "--format", "json", "."]),
        &[0],
    )?
    .stdout;
    pipe(
        Command::new("python3")
            .args(["-c", VALIDATES])
            .arg(root.join("examples/apply-sets/graph.schema.json")),
        &graph,
        &[0],
    )?;
    Ok(())
}
