//! No path that the tree names is opened outside of the tree, and nothing but files is opened.
//!
//! Outside lies a pipe that nobody writes to: who opens it never ends. And files that hold a word
//! which no output may hold.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use super::{SECRET, both, fifo, run, tree};

const WORKLOAD: &str = include_str!("../../examples/incident-2-two-configurations/app.yaml");

/// What lies outside of the tree: `pipe`, `secret.yaml`, `secret.txt`.
fn outside() -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a scratch directory");
    fifo(&dir.path().join("pipe"));
    let config = format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: calculator\ndata:\n  {SECRET}: a\n"
    );
    fs::write(dir.path().join("secret.yaml"), config).expect("a file");
    fs::write(dir.path().join("secret.txt"), SECRET).expect("a file");
    dir
}

/// All commands end, change nothing and say nothing of what lies outside.
#[track_caller]
fn harmless(dir: &Path) {
    for args in [
        &["fix", "--unsafe-fixes"][..],
        &["fix", "--format", "json", "--verbose"],
        &["fix", "--whole-sets", "kustomization.yaml"],
        &["graph"],
        &["graph", "--format", "json"],
        &["images", "lock", "--check"],
    ] {
        let output = run(dir, args);
        let said = both(&output);
        assert!(!said.contains(SECRET), "{args:?}: {said}");
        assert!(!said.contains("panicked"), "{args:?}: {said}");
    }
}

#[test]
fn paths_of_kustomizations_generators_applications_and_charts_stay_in_the_tree() {
    let outside = outside();
    let absolute = outside.path().to_str().expect("UTF-8");
    let name = outside
        .path()
        .file_name()
        .expect("a name")
        .to_str()
        .expect("UTF-8");
    for place in [
        absolute.to_owned(),
        format!("../{name}"),
        format!("base/../../{name}"),
    ] {
        for file in ["pipe", "secret.yaml", "secret.txt"] {
            let path = format!("{place}/{file}");
            let kustomization = format!(
                "resources: [app.yaml, {path}]\ncomponents: [{path}]\ncrds: \
                 [{path}]\nconfigurations: [{path}]\ngenerators: [{path}]\ntransformers: \
                 [{path}]\npatches: [{{path: {path}}}]\npatchesStrategicMerge: \
                 [{path}]\nreplacements: [{{path: {path}}}]\nopenapi: {{path: \
                 {path}}}\nconfigMapGenerator:\n- name: made\n  files: [{path}, key={path}]\n  \
                 envs: [{path}]\nsecretGenerator:\n- name: made\n  files: [{path}]\n  env: \
                 {path}\nhelmCharts: [{{name: a, valuesFile: {path}, additionalValuesFiles: \
                 [{path}]}}]\nhelmGlobals: {{chartHome: {place}}}\n"
            );
            let application = format!(
                "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {{name: a}}\nspec:\n  \
                 destination: {{namespace: a}}\n  source:\n    repoURL: https://example.com/a.git\n    \
                 path: {place}\n    directory: {{include: '{file}'}}\n    \
                 helm: {{valueFiles: [{path}], fileParameters: [{{name: a, path: {path}}}]}}\n\
                 ---\napiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\n\
                 metadata: {{name: a, namespace: a}}\nspec: {{path: {place}, \
                 sourceRef: {{kind: GitRepository, name: a}}}}\n"
            );
            let dir = tree(&[
                ("kustomization.yaml", &kustomization),
                ("app.yaml", WORKLOAD),
                ("apps/a.yaml", &application),
                ("base/kustomization.yaml", "resources: []\n"),
                (
                    "chart/Chart.yaml",
                    "apiVersion: v2\nname: a\nversion: 1.0.0\n",
                ),
                ("chart/values.yaml", &format!("file: {path}\n")),
            ]);
            harmless(dir.path());
        }
    }
}

#[test]
fn links_are_not_followed_and_pipes_and_devices_are_not_opened() {
    let outside = outside();
    let at = |name: &str| outside.path().join(name);
    let kustomization = "resources: [app.yaml, l1.yaml, l2.yaml, dir, pipe.yaml, \
                         zero.yaml]\nconfigMapGenerator:\n- name: made\n  files: [l3.txt, \
                         pipe.txt, dir/secret.txt]\n";
    let dir = tree(&[
        ("kustomization.yaml", kustomization),
        ("app.yaml", WORKLOAD),
    ]);
    let inside = |name: &str| dir.path().join(name);
    symlink(at("secret.yaml"), inside("l1.yaml")).expect("a link");
    symlink(at("pipe"), inside("l2.yaml")).expect("a link");
    symlink(at("secret.txt"), inside("l3.txt")).expect("a link");
    symlink("/dev/zero", inside("zero.yaml")).expect("a link");
    symlink("/dev/zero", inside("values.yaml")).expect("a link");
    symlink(outside.path(), inside("dir")).expect("a link");
    symlink("loop.yaml", inside("loop.yaml")).expect("a link");
    symlink(".", inside("here")).expect("a link");
    fifo(&inside("pipe.yaml"));
    fifo(&inside("pipe.txt"));
    harmless(dir.path());
}

/// What the program reads by itself.
#[test]
fn files_of_ours_and_of_git_that_lead_outside_are_refused() {
    let outside = outside();
    let at = |name: &str| outside.path().join(name);
    for name in [
        "kubewright.toml",
        "kubewright.lock",
        ".kubewright-journal",
        ".gitignore",
    ] {
        let targets = [
            at("pipe"),
            at("secret.txt"),
            "/dev/zero".into(),
            at("nothing"),
        ];
        for target in targets {
            let dir = tree(&[
                ("kustomization.yaml", "resources: [app.yaml]\n"),
                ("app.yaml", WORKLOAD),
            ]);
            symlink(&target, dir.path().join(name)).expect("a link");
            harmless(dir.path());
            if target != at("nothing") && target == at("secret.txt") {
                let output = run(dir.path(), &["fix", "--write"]);
                let said = both(&output);
                assert_ne!(output.status.code(), Some(0), "{name}: {said}");
                assert!(!said.contains(SECRET), "{name}: {said}");
            }
        }
        let dir = tree(&[
            ("sub/app.yaml", WORKLOAD),
            ("kustomization.yaml", "resources: [sub]\n"),
        ]);
        fifo(&dir.path().join("sub").join(name));
        harmless(dir.path());
        harmless(&dir.path().join("sub"));
        let dir = tree(&[("app.yaml", WORKLOAD)]);
        fifo(&dir.path().join(name));
        let said = both(&run(dir.path(), &["fix", "--write"]));
        let message = match name {
            ".kubewright-journal" => "cannot be finished: it is not what kubewright writes".into(),
            _ => format!("{name}: it is no file"),
        };
        assert!(said.contains(&message), "{message}: {said}");
    }
    // A file of the tree is as good behind a link.
    let dir = tree(&[
        ("ignored", "gone.yaml\n"),
        ("gone.yaml", WORKLOAD),
        ("app.yaml", WORKLOAD),
    ]);
    symlink("ignored", dir.path().join(".gitignore")).expect("a link");
    let said = both(&run(dir.path(), &["fix"]));
    assert!(
        said.contains("app.yaml:11") && !said.contains("gone.yaml:"),
        "{said}"
    );
}

#[test]
fn a_link_that_is_named_leads_no_run_out_of_its_work_tree() {
    let outside = tree(&[("app.yaml", WORKLOAD)]);
    let dir = tree(&[("app.yaml", WORKLOAD)]);
    symlink(
        outside.path().join("app.yaml"),
        dir.path().join("link.yaml"),
    )
    .expect("a link");
    symlink(outside.path(), dir.path().join("dir")).expect("a link");
    for path in ["link.yaml", "dir/app.yaml", "dir", "./dir"] {
        let output = run(dir.path(), &["fix", "--write", path]);
        let said = both(&output);
        assert_eq!(output.status.code(), Some(2), "{path}: {said}");
        assert!(
            said.contains("leads out of its git work tree, to "),
            "{said}"
        );
    }
    let text = fs::read_to_string(outside.path().join("app.yaml")).expect("a file");
    assert_eq!(text, WORKLOAD);
}
