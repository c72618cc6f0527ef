//! Promise: what is asked for is what is reported and edited; the whole graph is what is read;
//! paths are those that the reader needs.

#![expect(clippy::disallowed_methods, reason = "tests read and write files")]

mod support;

use std::fs;
use std::path::Path;
use std::process::{Output, Stdio};

use kubewright::cli::files::{self, Request};
use kubewright_model::kube::{Evidence, Options, Workspace};
use support::kubewright;

const CONFIG: &str =
    "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: greeting\ndata:\n  text: hello\n";
const WEB: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\nspec:\n  \
                   selector:\n    matchLabels: {app: web}\n  template:\n    metadata:\n      \
                   labels: {app: web}\n    spec:\n      containers:\n      - name: web\n        \
                   image: registry.example.com/web:1.0\n        envFrom:\n        - \
                   configMapRef:\n            name: greeting\n";

/// A git work tree (as far as we look) with these files.
fn work_tree(files: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a scratch directory");
    fs::create_dir(dir.path().join(".git")).expect("a directory");
    for (path, text) in files {
        let path = dir.path().join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
        fs::write(path, text).expect("a file");
    }
    dir
}

fn run(dir: &Path, args: &[&str]) -> Output {
    kubewright(dir, args)
        // Sentences are looked for as a whole.
        .env("COLUMNS", "300")
        .stdin(Stdio::null())
        .output()
        .expect("the program starts")
}

#[track_caller]
fn stdout(dir: &Path, args: &[&str]) -> String {
    let output = run(dir, args);
    assert_ne!(
        output.status.code(),
        Some(2),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).expect("text")
}

fn listed(json: &str) -> Vec<String> {
    let report: serde_json::Value = serde_json::from_str(json).expect("JSON");
    let all = report["files"].as_array().expect("files").iter();
    all.map(|f| {
        format!(
            "{}{}",
            f["path"].as_str().expect("a path"),
            if f["changed"] == true { "*" } else { "" }
        )
    })
    .collect()
}

#[test]
fn manifests_are_found_by_name_unless_ignored_or_hidden() {
    let dir = work_tree(&[
        (".gitignore", "build/\n*.gen.yaml\n!keep.gen.yaml\n"),
        ("a.yaml", CONFIG),
        ("b.yml", CONFIG),
        ("c.json", "{}"),
        ("d.txt", CONFIG),
        ("x.gen.yaml", CONFIG),
        ("keep.gen.yaml", CONFIG),
        ("build/e.yaml", CONFIG),
        (".hidden/f.yaml", CONFIG),
        (".g.yaml", CONFIG),
        ("sub/Kustomization", "resources: []\n"),
    ]);
    let all = listed(&stdout(
        dir.path(),
        &["fix", "--format", "json", "--fail-on", "never"],
    ));
    assert_eq!(
        all,
        [
            "a.yaml",
            "b.yml",
            "c.json",
            "keep.gen.yaml",
            "sub/Kustomization"
        ]
    );
    // What is named is always read.
    let named = [
        "fix",
        "--format",
        "json",
        "--fail-on",
        "never",
        "d.txt",
        "build",
        ".hidden",
        "x.gen.yaml",
    ];
    assert_eq!(
        listed(&stdout(dir.path(), &named)),
        [".hidden/f.yaml", "build/e.yaml", "d.txt", "x.gen.yaml"]
    );
}

#[test]
fn the_graph_is_read_from_the_root_and_only_what_is_asked_for_is_edited() {
    // The ConfigMap is applied with the Deployment, and lies outside of what is asked for.
    let sets = "[[apply-sets]]\nname = \"all\"\npaths = [\"**\"]\n";
    let dir = work_tree(&[
        ("kubewright.toml", sets),
        ("config/c.yaml", CONFIG),
        ("apps/web.yaml", WEB),
        ("apps/z.yaml", &WEB.replace("web", "z")),
    ]);
    let json = stdout(dir.path(), &["fix", "--format", "json", "apps/web.yaml"]);
    assert_eq!(listed(&json), ["apps/web.yaml*"]);
    assert!(json.contains("\"path\": \"config/c.yaml\""), "{json}");
    // The same from a directory below: paths in text and JSON are those of the working directory,
    // in patches those of the top.
    let below = dir.path().join("apps");
    let text = stdout(&below, &["fix", "-v", "web.yaml"]);
    assert!(text.starts_with("web.yaml:4:9: "), "{text}");
    assert!(text.contains("= see ../config/c.yaml:4:9: "), "{text}");
    assert!(
        text.contains("\n--- a/apps/web.yaml\n+++ b/apps/web.yaml\n"),
        "{text}"
    );
    assert_eq!(
        listed(&stdout(&below, &["fix", "--format", "json"])),
        ["web.yaml*", "z.yaml*"]
    );
}

#[test]
fn sentences_name_what_a_fix_creates_and_directories_as_the_reader_needs_them() {
    let pod = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: kube-proxy\n  namespace: \
               kube-system\nspec:\n  hostNetwork: true\n  containers:\n  - name: kube-proxy\n    \
               image: registry.k8s.io/kube-proxy:v1.30.0\n    command: [kube-proxy, \
               --kubeconfig=/etc/kubeconfig]\n";
    let dir = work_tree(&[
        ("nodes/manifests/proxy.yaml", pod),
        ("nodes/here/keep.txt", ""),
    ]);
    let text = stdout(
        &dir.path().join("nodes/here"),
        &["fix", "-v", "../manifests"],
    );
    for said in [
        "write DaemonSet kube-proxy to ../manifests/proxy-daemonset.yaml",
        "`kubewright explain static-pod-kube-proxy --plan ../manifests/proxy.yaml`",
    ] {
        assert!(text.contains(said), "{text}");
    }
    let plan = ["explain", "static-pod-kube-proxy", "--plan", "../manifests"];
    let page = stdout(&dir.path().join("nodes/here"), &plan);
    for said in [
        "`kubectl apply -f ../manifests/proxy-daemonset.yaml`",
        "Delete `../manifests/proxy.yaml`",
    ] {
        assert!(page.contains(said), "{page}");
    }
}

#[test]
fn a_key_that_is_named_like_a_file_is_no_path() {
    // The key `apps.yaml` is a file of the workspace, too.
    let config = CONFIG.replace("text: hello", "apps.yaml: x");
    let reader = |name: &str, key: &str| {
        WEB.replace("name: web\n", &format!("name: {name}\n"))
            .replace(
                "        envFrom:\n        - configMapRef:\n            name: greeting\n",
                &format!(
                    "        env:\n        - name: A\n          valueFrom:\n            \
                     configMapKeyRef:\n              name: greeting\n              key: {key}\n"
                ),
            )
    };
    let dir = work_tree(&[
        ("apps.yaml", &config),
        ("sub/kustomization.yaml", "resources: [c.yaml, web.yaml]\n"),
        ("sub/c.yaml", &config),
        ("sub/web.yaml", &reader("web", "app.yaml")),
    ]);
    let args = ["fix", "-v", "--select", "missing-config-reference"];
    let text = stdout(&dir.path().join("sub"), &args);
    assert!(text.contains("read key apps.yaml"), "{text}");
    assert!(text.contains("holds apps.yaml"), "{text}");
}

/// A ConfigMap of one key, and a Deployment that demands the key of it.
fn pair(key: &str) -> [String; 2] {
    let config = format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: settings\ndata:\n  {key}.conf: x\n"
    );
    let volume = format!(
        "      - name: s\n        configMap:\n          name: settings\n          items: [{{key: \
         {key}.conf, path: s}}]\n"
    );
    let mount = "        volumeMounts:\n        - {name: s, mountPath: /etc/s}\n      volumes:\n";
    let from = "        envFrom:\n        - configMapRef:\n            name: greeting\n";
    [
        config,
        WEB.replace("web", key)
            .replace(from, &format!("{mount}{volume}")),
    ]
}

#[test]
fn a_rename_leaves_no_reader_behind() {
    let (api, jobs) = (pair("api"), pair("jobs"));
    let files = |reader| {
        let sets = "[[apply-sets]]\nname = \"all\"\npaths = [\".\"]\nrecursive = true\n";
        let files = [
            ("kubewright.toml", sets),
            ("a/api.yaml", &api[0]),
            ("a/jobs.yaml", &jobs[0]),
            ("a/z.yaml", &jobs[1]),
            (reader, &api[1]),
        ];
        work_tree(&files)
    };
    let (inside, outside) = (files("a/reader.yaml"), files("b/reader.yaml"));
    let asked = ["fix", "-v", "--select", "configmap-name-collision", "a"];
    assert!(
        stdout(inside.path(), &asked)
            .contains("= fix (safe): rename 1 of 2 definitions to settings-api")
    );
    let text = stdout(outside.path(), &asked);
    assert!(
        text.contains("= no fix (outside-paths): b/reader.yaml would have to change"),
        "{text}"
    );
    // Sentences name files as all else does: as seen from the working directory.
    let text = stdout(&outside.path().join("a"), &asked[..4]);
    assert!(
        text.contains("= no fix (outside-paths): ../b/reader.yaml would have to change"),
        "{text}"
    );
    assert!(
        text.contains("which only the definition in api.yaml holds"),
        "{text}"
    );
}

#[test]
fn a_rename_that_would_leave_a_reader_behind_is_refused() {
    let config = |key: &str| {
        format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: shop\ndata:\n  {key}: x\n")
    };
    let reader = |key: &str| {
        WEB.replace("web", key).replace(
            "        envFrom:\n        - configMapRef:\n            name: greeting\n",
            &format!(
                "        env:\n        - name: A\n          valueFrom:\n            \
                 configMapKeyRef:\n              name: shop\n              key: {key}\n"
            ),
        )
    };
    let (api, web) = (
        reader("api"),
        format!("{}---\n{}", config("web"), reader("web")),
    );
    let dir = work_tree(&[
        ("kustomization.yaml", "resources: [a, b]\n"),
        ("a/kustomization.yaml", "resources: [api.yaml, web.yaml]\n"),
        ("a/api.yaml", &config("api")),
        ("a/web.yaml", &web),
        ("b/kustomization.yaml", "resources: [reader.yaml]\n"),
        ("b/reader.yaml", &api),
    ]);
    let args = ["--select", "configmap-name-collision", "--write"];
    let text = stdout(dir.path(), &[&["fix", "a"][..], &args].concat());
    assert!(
        text.contains("no fix (outside-paths): b/reader.yaml would have to change"),
        "{text}"
    );
    assert_eq!(
        fs::read_to_string(dir.path().join("a/api.yaml")).expect("a file"),
        config("api")
    );
    stdout(dir.path(), &[&["fix", "."][..], &args].concat());
    assert_eq!(
        fs::read_to_string(dir.path().join("b/reader.yaml")).expect("a file"),
        api.replace("name: shop", "name: shop-api")
    );
}

#[test]
fn ignored_files_are_read_and_never_edited() {
    let dir = work_tree(&[
        ("kubewright.toml", "ignore = [\"vendor/\"]\n"),
        ("vendor/web.yaml", &format!("{CONFIG}---\n{WEB}")),
        ("a.yaml", CONFIG),
    ]);
    assert_eq!(
        listed(&stdout(dir.path(), &["fix", "--format", "json"])),
        ["a.yaml"]
    );
    assert_eq!(
        run(dir.path(), &["fix", "--check", "vendor/web.yaml"])
            .status
            .code(),
        Some(0)
    );
}

#[test]
fn typed_arguments_go_before_the_configuration() {
    let config = "select = [\"static-pod-kube-proxy\"]\nfail-on = \"never\"\n";
    let dir = work_tree(&[
        ("kubewright.toml", config),
        ("web.yaml", &format!("{CONFIG}---\n{WEB}")),
    ]);
    assert_eq!(run(dir.path(), &["fix", "--check"]).status.code(), Some(0));
    assert!(
        stdout(
            dir.path(),
            &["fix", "--check", "--select", "missing-config-hash"]
        )
        .contains("missing-config-hash")
    );
    let args = [
        "fix",
        "--check",
        "--select",
        "missing-config-hash",
        "--fail-on",
        "warning",
    ];
    assert_eq!(run(dir.path(), &args).status.code(), Some(1));
    fs::write(
        dir.path().join("other.toml"),
        "[transforms.missing-config-hash]\nannotation = \"example.com/hash\"\n",
    )
    .expect("a file");
    assert!(
        stdout(dir.path(), &["fix", "--config", "other.toml"])
            .contains("+        example.com/hash: ")
    );
}

#[test]
fn without_a_root_the_files_beside_are_read_and_nothing_else() {
    let dir = tempfile::tempdir().expect("a scratch directory");
    for folder in ["beside", "below", "below/more"] {
        fs::create_dir(dir.path().join(folder)).expect("a directory");
    }
    fs::write(dir.path().join("beside/config.yaml"), CONFIG).expect("a file");
    fs::write(dir.path().join("beside/web.yaml"), WEB).expect("a file");
    fs::write(dir.path().join("below/web.yaml"), WEB).expect("a file");
    fs::write(dir.path().join("below/more/config.yaml"), CONFIG).expect("a file");
    let hash = |file| stdout(dir.path(), &["fix", file]).contains("config-hash:");
    assert!(hash("beside/web.yaml"));
    assert!(!hash("below/web.yaml"));
}

#[cfg(unix)]
#[test]
fn links_are_not_walked_and_a_named_one_is_edited_at_its_target() {
    use std::os::unix::fs::symlink;
    let dir = work_tree(&[("real/web.yaml", &format!("{CONFIG}---\n{WEB}"))]);
    symlink("real", dir.path().join("linked")).expect("a link");
    symlink("real/web.yaml", dir.path().join("link.yaml")).expect("a link");
    assert_eq!(
        listed(&stdout(dir.path(), &["fix", "--format", "json"])),
        ["real/web.yaml*"]
    );
    stdout(dir.path(), &["fix", "--write", "link.yaml"]);
    assert!(
        fs::symlink_metadata(dir.path().join("link.yaml"))
            .expect("a link")
            .is_symlink()
    );
    assert!(
        fs::read_to_string(dir.path().join("real/web.yaml"))
            .expect("text")
            .contains("config-hash")
    );
}

#[test]
fn a_patch_keeps_line_ends_and_a_missing_last_one() {
    let text = format!("{CONFIG}---\n{}", WEB.trim_end()).replace('\n', "\r\n");
    let dir = work_tree(&[("a b/web.yaml", &text)]);
    let patch = stdout(dir.path(), &["fix", "--format", "diff"]);
    assert!(
        patch.starts_with("--- a/a b/web.yaml\t\n+++ b/a b/web.yaml\t\n"),
        "{patch}"
    );
    let body: Vec<&str> = patch
        .split_inclusive('\n')
        .skip(2)
        .filter(|l| !l.starts_with("@@") && !l.starts_with('\\'))
        .collect();
    assert!(
        body.iter()
            .filter(|l| !l.contains("greeting"))
            .all(|l| l.ends_with("\r\n")),
        "{patch:?}"
    );
    stdout(dir.path(), &["fix", "--write"]);
    let fixed = fs::read_to_string(dir.path().join("a b/web.yaml")).expect("text");
    assert!(
        fixed.contains("config-hash")
            && fixed.ends_with("name: greeting")
            && !fixed.replace("\r\n", "").contains('\n')
    );
}

#[test]
fn a_file_that_cannot_be_read_leaves_an_apply_set_open() {
    let root = "resources:\n- web.yaml\n- other.yaml\n";
    let dir = work_tree(&[
        ("kustomization.yaml", root),
        ("web.yaml", &format!("{CONFIG}---\n{WEB}")),
        ("other.yaml", CONFIG),
    ]);
    let closed = || {
        let root = dir.path().canonicalize().expect("a directory");
        let (paths, ignore) = ([root.clone()], globset::GlobSet::empty());
        let request = Request {
            root: &root,
            paths: &paths,
            whole: true,
            ignore: &ignore,
            in_git: true,
        };
        let tree = files::read(&request).expect("files");
        let workspace = Workspace::new(tree.inputs, Options::default());
        let set = workspace
            .sets()
            .iter()
            .find(|s| s.evidence == Evidence::Kustomization)
            .expect("a set");
        (set.closed, tree.unread.len())
    };
    assert_eq!(closed(), (true, 0));
    fs::write(dir.path().join("other.yaml"), b"# \xff\n").expect("a file");
    assert_eq!(closed(), (false, 1));
    // It is said once.
    let json = stdout(dir.path(), &["fix", "--format", "json"]);
    assert!(
        json.contains("\"reasonCode\": \"not-utf-8\"")
            && !json.contains("\"reasonCode\": \"not-yaml\""),
        "{json}"
    );
}
