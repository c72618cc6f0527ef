//! Promise: bad input gets the right message and exit status, and nothing is half-written.

#![expect(clippy::disallowed_methods, reason = "tests read and write files")]

mod support;

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use support::{kubewright, pipe, tree};

const POD: &str = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: a\nspec:\n  containers: []\n";
const WORKLOAD: &str = include_str!("../examples/incident-2-two-configurations/app.yaml");

fn folder(files: &[(&str, &[u8])]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a scratch directory");
    for (path, bytes) in files {
        let path = dir.path().join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
        fs::write(path, bytes).expect("a file");
    }
    dir
}

fn run(dir: &Path, args: &[&str]) -> Output {
    kubewright(dir, args)
        .stdin(Stdio::null())
        .output()
        .expect("the program starts")
}

/// Runs, and asks for an exit status and a part of what is said on either output; `what` is
/// `stdout` or `stderr`.
#[track_caller]
fn says(output: &Output, status: i32, what: &str, part: &str) {
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    let text = if what == "stdout" { &out } else { &err };
    assert!(
        text.contains(part),
        "{what} lacks {part:?}:\n--- stdout\n{out}\n--- stderr\n{err}"
    );
    assert_eq!(
        output.status.code(),
        Some(status),
        "\n--- stdout\n{out}\n--- stderr\n{err}"
    );
}

fn filter(input: &[u8], args: &[&str]) -> Output {
    let dir = folder(&[]);
    let mut all = vec!["fix"];
    all.extend(args);
    all.push("-");
    pipe(&mut kubewright(dir.path(), &all), input, &[0, 1, 2]).expect("the program starts")
}

#[test]
fn an_empty_stream_is_an_error() {
    for input in ["", "\n\n", "\u{feff}"] {
        let output = filter(input.as_bytes(), &[]);
        says(&output, 2, "stderr", "error: standard input is empty");
        assert!(output.stdout.is_empty());
    }
}

/// What is left alone goes out byte for byte; what is beside it is fixed.
#[test]
fn a_stream_passes_everything_through() {
    let encrypted = "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {p:   ENC}\nsops: {mac: ENC}\n";
    let template =
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: t}\ndata: {a: {{ .Values.a }}}\n";
    let block = "{{- if .Values.x }}\nkind:   ConfigMap\n  {{- end }}\n";
    let jinja =
        "# {% if x %}\napiVersion: v1\nkind: Secret\nmetadata: {name:   j}\n# {% endif %}\n";
    let tab = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: u}\ndata:\n  a: 'x\n\ty'\n";
    for other in [
        encrypted,
        template,
        block,
        jinja,
        tab,
        "# a remark\n",
        "list:   [1,  2]\n",
        "text\n",
        "{{ x }}\n{{ y }}\r\n",
    ] {
        let fixed = filter(
            format!("{other}---\n{WORKLOAD}---\n{other}").as_bytes(),
            &[],
        );
        let out = String::from_utf8_lossy(&fixed.stdout).into_owned();
        assert_eq!(
            fixed.status.code(),
            Some(0),
            "{out}\n{}",
            String::from_utf8_lossy(&fixed.stderr)
        );
        assert!(
            out.starts_with(&format!("{other}---\n")) && out.ends_with(&format!("---\n{other}")),
            "{out}"
        );
        assert!(out.contains("kubewright.dev/config-hash"), "{out}");
    }
    for alone in [encrypted, template] {
        let same = filter(alone.as_bytes(), &[]);
        assert_eq!(
            (
                same.status.code(),
                String::from_utf8_lossy(&same.stdout).as_ref()
            ),
            (Some(0), alone)
        );
    }
}

/// A document that is neither YAML nor a template is a command before that failed on the way.
#[test]
fn a_stream_with_a_broken_document_is_an_error() {
    for broken in ["a: [\n", "a: \"b\n", "Error: x: y\n", "a: b\n c: d\n"] {
        for input in [
            format!("{broken}---\n{WORKLOAD}"),
            format!("{WORKLOAD}---\n{broken}"),
            format!("{WORKLOAD}---\n{broken}---\n{WORKLOAD}"),
        ] {
            let output = filter(input.as_bytes(), &[]);
            says(&output, 2, "stderr", "nothing was written");
            assert!(output.stdout.is_empty(), "{input}");
        }
    }
}

/// The documents of a file that are YAML are checked and fixed beside one that is not, which is an
/// error.
#[test]
fn a_broken_document_of_a_file_is_an_error_of_its_own() {
    let broken = "# é\na: [ü\n\tb: \"c\n";
    for text in [
        format!("{broken}---\n{WORKLOAD}"),
        format!("{WORKLOAD}---\n{broken}"),
        format!("{WORKLOAD}--- # c\n{broken}---\na: b\n"),
    ] {
        let dir = folder(&[("a.yaml", text.as_bytes())]);
        let output = run(dir.path(), &["fix", "--write", "a.yaml"]);
        says(&output, 1, "stdout", "error[input]: not YAML");
        says(
            &output,
            1,
            "stdout",
            "kubectl does not read this document either",
        );
        let after = fs::read_to_string(dir.path().join("a.yaml")).expect("the file");
        assert!(
            after.contains("kubewright.dev/config-hash") && after.contains(broken),
            "{after}"
        );
    }
}

#[test]
fn a_stream_without_a_resource_is_an_error() {
    for input in [
        "---\n# nothing\n",
        "a: b\n",
        "Error: no such chart\n",
        "---\n---\n",
    ] {
        let output = filter(input.as_bytes(), &[]);
        says(&output, 2, "stderr", "holds no Kubernetes resource");
        assert!(output.stdout.is_empty(), "{input}");
    }
}

#[test]
fn a_stream_that_does_not_parse_is_an_error() {
    let output = filter(format!("{POD}---\na: [\n").as_bytes(), &[]);
    says(&output, 2, "stderr", "error: <stdin>:");
    assert!(output.stdout.is_empty());
    let output = filter(b"a: \xff\n", &[]);
    says(&output, 2, "stderr", "error: <stdin>:1:4: not UTF-8");
    assert!(output.stdout.is_empty());
}

#[test]
fn a_stream_without_findings_comes_out_as_it_went_in() {
    let crlf = POD.replace('\n', "\r\n");
    for input in [
        POD,
        crlf.as_str(),
        POD.trim_end(),
        "\u{feff}apiVersion: v1\nkind: Namespace\nmetadata: {name: \"\u{1b}[1m\"}",
    ] {
        let output = filter(input.as_bytes(), &[]);
        if output.status.code() == Some(0) {
            assert_eq!(String::from_utf8_lossy(&output.stdout), input);
        } else {
            // The escape character is not YAML.
            says(&output, 2, "stderr", "<stdin>:");
        }
    }
}

#[test]
fn check_of_a_stream_counts_findings_and_prints_nothing() {
    let output = filter(WORKLOAD.as_bytes(), &["--check"]);
    says(&output, 1, "stderr", "missing-config-hash");
    assert!(output.stdout.is_empty());
    says(
        &filter(WORKLOAD.as_bytes(), &[]),
        0,
        "stdout",
        "kubewright.dev/config-hash",
    );
    says(
        &filter(WORKLOAD.as_bytes(), &["--format", "diff"]),
        0,
        "stdout",
        "+++ b/<stdin>",
    );
    says(
        &filter(WORKLOAD.as_bytes(), &["--format", "json"]),
        0,
        "stdout",
        "\"version\": 1",
    );
}

#[test]
fn a_stream_stands_alone() {
    let dir = folder(&[("a.yaml", POD.as_bytes())]);
    says(
        &run(dir.path(), &["fix", "-", "a.yaml"]),
        2,
        "stderr",
        "cannot be mixed",
    );
}

/// What a shell puts in the place of `<(command)`, and where it says its own standard input is.
#[cfg(unix)]
#[test]
fn a_pipe_is_a_stream_wherever_it_has_its_path() {
    let dir = folder(&[("a.yaml", WORKLOAD.as_bytes())]);
    let shell = |command: &str| {
        let program = env!("CARGO_BIN_EXE_kubewright");
        let output = Command::new("bash")
            .args(["-c", command, program])
            .current_dir(dir.path())
            .env("NO_COLOR", "1")
            .stdin(Stdio::null())
            .output();
        output.expect("bash starts")
    };
    let fixed = filter(WORKLOAD.as_bytes(), &[]).stdout;
    for command in [
        "\"$0\" fix <(cat a.yaml)",
        "cat a.yaml | \"$0\" fix /dev/stdin",
        "\"$0\" fix /dev/stdin < a.yaml",
        "mkfifo pipe; cat a.yaml > pipe & \"$0\" fix pipe",
    ] {
        let output = shell(command);
        says(&output, 0, "stderr", "missing-config-hash");
        assert_eq!(output.stdout, fixed, "{command}");
    }
    says(
        &shell("\"$0\" graph <(cat a.yaml)"),
        0,
        "stdout",
        "ConfigMap calculator",
    );
    let output = shell("\"$0\" fix --write <(cat a.yaml)");
    says(&output, 2, "stderr", "cannot be written in place");
    assert!(output.stdout.is_empty());
    says(
        &shell("\"$0\" fix a.yaml <(cat a.yaml)"),
        2,
        "stderr",
        "is a stream and cannot be mixed",
    );
    says(
        &shell("\"$0\" fix <(true)"),
        2,
        "stderr",
        "is empty; did the command before fail?",
    );
    says(
        &shell("\"$0\" images lock <(cat a.yaml)"),
        2,
        "stderr",
        "is a stream",
    );
}

#[test]
fn broken_yaml_is_a_finding_and_the_rest_goes_on() {
    let dir = folder(&[
        ("a.yaml", b"a: [\n"),
        ("b.yaml", WORKLOAD.as_bytes()),
        ("empty.yaml", b""),
    ]);
    let output = run(dir.path(), &["fix", "--write", "."]);
    says(&output, 1, "stdout", "error[input]: not YAML");
    assert!(
        fs::read_to_string(dir.path().join("b.yaml"))
            .expect("b")
            .contains("config-hash")
    );
    assert_eq!(fs::read(dir.path().join("a.yaml")).expect("a"), b"a: [\n");
}

#[test]
fn bytes_that_are_no_text_are_a_finding() {
    let dir = folder(&[("a.yaml", b"a: b\n# \xff\n"), ("b.yaml", POD.as_bytes())]);
    says(
        &run(dir.path(), &["fix"]),
        1,
        "stdout",
        "a.yaml:2:3: error[input]: not UTF-8",
    );
    says(
        &run(dir.path(), &["fix", "a.yaml"]),
        1,
        "stdout",
        "a.yaml:2:3: error[input]: not UTF-8",
    );
    says(
        &run(dir.path(), &["fix", "--fail-on", "never"]),
        0,
        "stdout",
        "not UTF-8",
    );
}

#[test]
fn nothing_to_read_is_said() {
    let dir = folder(&[("notes.txt", b"hello")]);
    says(
        &run(dir.path(), &["fix"]),
        0,
        "stderr",
        "warning: no manifests found in .",
    );
}

#[test]
fn a_missing_path_stops_before_anything_is_written() {
    let dir = folder(&[("a.yaml", WORKLOAD.as_bytes())]);
    let before = tree(dir.path()).expect("files");
    says(
        &run(
            dir.path(),
            &["fix", "--write", "a.yaml", "gone.yaml", "lost"],
        ),
        2,
        "stderr",
        "no such file or directory: gone.yaml, lost",
    );
    assert_eq!(tree(dir.path()).expect("files"), before);
}

#[test]
fn arguments_are_checked() {
    let dir = folder(&[("a.yaml", POD.as_bytes())]);
    says(
        &run(dir.path(), &["fix", "--wriet"]),
        2,
        "stderr",
        "'--write'",
    );
    says(
        &run(dir.path(), &["fix", "--check", "--write"]),
        2,
        "stderr",
        "cannot be used with",
    );
    says(
        &run(dir.path(), &["fix", "--check", "--format", "diff"]),
        2,
        "stderr",
        "cannot be used with",
    );
    says(
        &run(dir.path(), &["fix", "--select", "missing-confg-hash"]),
        2,
        "stderr",
        "did you mean `missing-config-hash`?",
    );
    says(
        &run(dir.path(), &["fix", "--unsafe-fixes=subpath"]),
        2,
        "stderr",
        "there is no transform `subpath`",
    );
    says(
        &run(dir.path(), &["fix", "--unsafe-fixes", "a.yaml"]),
        0,
        "stdout",
        "no findings in 1 file",
    );
    says(
        &run(dir.path(), &["fix", "--config", "gone.toml"]),
        2,
        "stderr",
        "cannot read gone.toml",
    );
    says(
        &run(dir.path(), &["fix", "--format", "xml"]),
        2,
        "stderr",
        "the formats are text, concise, diff, json, markdown",
    );
}

#[test]
fn the_configuration_is_read_strictly() {
    let cases: &[(&str, &str)] = &[
        (
            "unsafe-fix = []\n",
            "kubewright.toml:1:1: unknown key `unsafe-fix`",
        ),
        ("unsafe-fix = []\n", "did you mean `unsafe-fixes`?"),
        (
            "\n[transforms.missing-config-hash]\nsecret = true\n",
            "kubewright.toml:3:1: unknown key `secret`",
        ),
        (
            "\n[transforms.missing-config-hash]\nsecret = true\n",
            "did you mean `secrets`?",
        ),
        (
            "[transforms.missing-hash]\nenabled = false\n",
            "did you mean `missing-config-hash`?",
        ),
        (
            "unsafe-fixes = [\"static-pod-kubeproxy\"]\n",
            "kubewright.toml:1:17: there is no transform `static-pod-kubeproxy`, did you mean",
        ),
        ("ignore = [\"a[\"]\n", "kubewright.toml:1:11: a[: "),
        ("fail-on = \"warn\"\n", "did you mean `warning`?"),
        (
            "[[images]]\nshell = \"/bin/sh\"\n",
            "kubewright.toml:1:1: `match` is missing",
        ),
        ("[[apply-sets]]\nname = \"prod\"\n", "missing field `paths`"),
        (
            "[[apply-sets]]\nname = \"prod\"\npaths = [\"a\"]\nrecurse = true\n",
            "kubewright.toml:4:1: unknown key `recurse`",
        ),
        (
            "[[apply-sets]]\nname = \"prod\"\npaths = [\"a\"]\nrecurse = true\n",
            "did you mean `recursive`?",
        ),
        (
            "[[apply-sets]]\nname = \"prod\"\npaths = []\n",
            "kubewright.toml:3:9: `paths` is empty",
        ),
        (
            "[[apply-sets]]\nname = \"\"\npaths = [\"a\"]\n",
            "kubewright.toml:2:8: `name` is empty",
        ),
        (
            "[[apply-sets]]\nname = \"x\"\npaths = [\"a\", \"../b\"]\n",
            "kubewright.toml:3:15: `../b` is no path below the root",
        ),
        (
            "[[apply-sets]]\nname = \"x\"\npaths = [\"a[\"]\n",
            "kubewright.toml:3:10: a[: ",
        ),
        (
            "[[apply-sets]]\nname = \"x\"\npaths = [\"a\"]\nnamespace = \"\"\n",
            "kubewright.toml:4:13: `namespace` is empty",
        ),
        (
            "[[apply-sets]]\nname = \"x\"\npaths = [\"a\"]\n[[apply-sets]]\nname = \"x\"\npaths = [\"b\"]\n",
            "kubewright.toml:5:8: there is another apply set `x`",
        ),
        (
            "[transforms.missing-config-hash]\nannotation = \"x y\"\n",
            "kubewright.toml:2:14: `x y` is no key of an annotation; expected",
        ),
        (
            "[transforms.missing-config-hash]\nannotation = \"\"\n",
            "kubewright.toml:2:14: `` is no key of an annotation",
        ),
        (
            "[transforms.missing-config-hash]\nannotation = \"kubewright.dev/ignore\"\n",
            "kubewright.toml:2:14: the annotation `kubewright.dev/ignore` has another meaning",
        ),
        (
            "[transforms.configmap-name-collision]\nkeep = [\"[x\"]\n",
            "kubewright.toml:2:8: `[x` is no glob: ",
        ),
        (
            "[transforms.missing-config-reference]\nexternal = [\"[x\"]\n",
            "kubewright.toml:2:12: `[x` is no glob: ",
        ),
        ("a = \n", "kubewright.toml:1:"),
    ];
    for (config, message) in cases {
        let dir = folder(&[
            ("kubewright.toml", config.as_bytes()),
            ("a.yaml", WORKLOAD.as_bytes()),
        ]);
        says(&run(dir.path(), &["fix", "--write"]), 2, "stderr", message);
        assert_eq!(
            fs::read_to_string(dir.path().join("a.yaml")).expect("a"),
            WORKLOAD
        );
    }
}

#[test]
fn globs_that_match_nothing_are_said() {
    let config = "\
ignore = [\"vendor/**\", \"old\", \"gone/\"]

[transforms.configmap-name-collision]
keep = [\"apps/*.yaml\", \"app/*.yaml\"]

[transforms.missing-config-reference]
external = [\"ConfigMap/calc*\", \"Secret/calc*\"]

[[apply-sets]]
name = \"prod\"
paths = [\"apps\", \"clusters/prod/**\"]
";
    let dir = folder(&[
        ("kubewright.toml", config.as_bytes()),
        ("apps/a.yaml", WORKLOAD.as_bytes()),
        ("vendor/x/b.yaml", POD.as_bytes()),
        ("old/c.yaml", POD.as_bytes()),
    ]);
    let output = run(dir.path(), &["fix", "--exit-zero", "vendor"]);
    let wanted = "\
warning: kubewright.toml:4:24: `app/*.yaml` in `keep` of configmap-name-collision matches no file that is read
warning: kubewright.toml:7:32: `Secret/calc*` in `external` of missing-config-reference matches nothing that is referred to
warning: kubewright.toml:11:18: `clusters/prod/**` in `paths` of apply set prod matches no file that is read
warning: kubewright.toml:1:31: `gone/` in `ignore` matches no file that is read
";
    says(&output, 0, "stderr", wanted);
    assert_eq!(output.stderr, wanted.as_bytes());

    // Without a root of its own a file is not looked at for what a configuration elsewhere says.
    let other = folder(&[("a.yaml", POD.as_bytes())]);
    let config = dir.path().join("kubewright.toml");
    let config = config.to_str().expect("a path of letters");
    let output = run(other.path(), &["fix", "--config", config, "a.yaml"]);
    assert!(
        !String::from_utf8_lossy(&output.stderr).contains("no file that is read"),
        "{output:?}"
    );
}

#[test]
fn what_is_typed_goes_before_what_is_written_down() {
    for name in [
        "configmap-name-collision",
        "subpath-configmap-mount",
        "missing-config-hash",
        "missing-config-reference",
    ] {
        let config = format!("[transforms.{name}]\nenabled = false\n");
        let dir = folder(&[
            ("kubewright.toml", config.as_bytes()),
            ("a.yaml", HAZARDS.as_bytes()),
        ]);
        let marked = format!("[{name}]");
        let silent = run(dir.path(), &["fix", "-v"]);
        assert!(
            !String::from_utf8_lossy(&silent.stdout).contains(&marked),
            "{name} runs although it is switched off"
        );
        says(
            &run(dir.path(), &["fix", "-v", "--exit-zero", "--select", name]),
            0,
            "stdout",
            &marked,
        );
    }
}

/// One finding of each transform that looks at configuration.
const HAZARDS: &str = "\
apiVersion: v1
kind: ConfigMap
metadata: {name: c}
data: {a: '1'}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: c}
data: {b: '2'}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: d}
data: {keys: '1'}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
        - name: web
          image: web:1
          env: [{name: A, valueFrom: {configMapKeyRef: {name: d, key: key}}}]
          volumeMounts: [{name: d, mountPath: /etc/d.conf, subPath: keys}]
      volumes: [{name: d, configMap: {name: d}}]
";

#[test]
fn names_may_be_typed_with_blanks_between() {
    let dir = folder(&[("a.yaml", WORKLOAD.as_bytes())]);
    says(
        &run(
            dir.path(),
            &[
                "fix",
                "--select",
                "missing-config-hash, configmap-name-collision",
            ],
        ),
        1,
        "stdout",
        "missing-config-hash",
    );
}

#[test]
fn a_name_behind_unsafe_fixes_without_an_equals_sign_is_explained() {
    let dir = folder(&[("a.yaml", WORKLOAD.as_bytes())]);
    let output = run(
        dir.path(),
        &["fix", "--unsafe-fixes", "static-pod-kube-proxy"],
    );
    says(
        &output,
        2,
        "stderr",
        "write --unsafe-fixes=static-pod-kube-proxy",
    );
}

#[test]
fn exit_zero_is_for_findings_alone() {
    let dir = folder(&[("a.yaml", WORKLOAD.as_bytes())]);
    says(
        &run(dir.path(), &["fix", "--exit-zero"]),
        0,
        "stdout",
        "missing-config-hash",
    );
    says(
        &run(dir.path(), &["fix", "--check", "--exit-zero"]),
        0,
        "stdout",
        "missing-config-hash",
    );
    says(
        &run(dir.path(), &["fix", "--exit-zero", "gone"]),
        2,
        "stderr",
        "no such file or directory: gone",
    );
}

#[test]
fn help_is_a_command_too() {
    let dir = folder(&[]);
    says(
        &run(dir.path(), &["help", "fix"]),
        0,
        "stdout",
        "--exit-zero",
    );
}

#[test]
fn a_large_file_with_long_lines_is_shown_short() {
    let line = "x".repeat(100_000);
    let data: String = (0..20)
        .flat_map(|i| [format!("  key{i}: "), line.clone(), "\n".into()])
        .collect();
    let text = format!(
        "{WORKLOAD}---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: big, labels: {{l: \"{line}\"}}}}\ndata:\n{data}"
    );
    let dir = folder(&[("a.yaml", text.as_bytes())]);
    let output = run(dir.path(), &["fix"]);
    says(&output, 1, "stdout", "missing-config-hash");
    assert!(
        output.stdout.len() < 10_000,
        "{} bytes",
        output.stdout.len()
    );
}

#[test]
fn a_closed_pipe_is_no_error_and_changes_no_exit_status() {
    let files: Vec<(String, String)> = (0..300)
        .map(|i| {
            (
                format!("{i}.yaml"),
                WORKLOAD.replace("calculator", &format!("c{i}")),
            )
        })
        .collect();
    let files: Vec<(&str, &[u8])> = files
        .iter()
        .map(|(p, t)| (p.as_str(), t.as_bytes()))
        .collect();
    let dir = folder(&files);
    let mut child = kubewright(dir.path(), &["fix"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("the program ends");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert_eq!(output.status.code(), Some(1));
}

/// Runs as a user whom permissions bind, even when the tests run as root.
#[cfg(unix)]
fn as_nobody(dir: &Path, args: &[&str]) -> Output {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
    use std::os::unix::process::CommandExt as _;
    let mut command = kubewright(dir, args);
    if fs::metadata("/proc/self").is_ok_and(|m| m.uid() == 0) {
        // A copy that the other user may reach, wherever the build directory lies.
        let program = dir
            .parent()
            .expect("a parent")
            .join(format!("kubewright-{}", std::process::id()));
        if !program.exists() {
            // By another process: a test that starts a program meanwhile would inherit the file as
            // open for writing, and nobody could run it.
            let copied = Command::new("cp")
                .arg(env!("CARGO_BIN_EXE_kubewright"))
                .arg(&program)
                .status();
            assert!(
                copied.expect("cp starts").success(),
                "a copy of the program"
            );
            fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("permissions");
        }
        for path in tree(dir).expect("files").keys() {
            chown(dir.join(path), Some(65534), Some(65534)).expect("an owner");
        }
        chown(dir, Some(65534), Some(65534)).expect("an owner");
        command = Command::new(&program);
        command
            .args(args)
            .current_dir(dir)
            .env("NO_COLOR", "1")
            .uid(65534)
            .gid(65534);
    }
    command
        .stdin(Stdio::null())
        .output()
        .expect("the program starts")
}

#[cfg(unix)]
#[test]
fn permissions_are_respected() {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = |path: &Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("permissions");
    };
    let dir = folder(&[
        ("a.yaml", WORKLOAD.as_bytes()),
        ("b.yaml", WORKLOAD.replace("calculator", "other").as_bytes()),
    ]);
    let (a, b) = (dir.path().join("a.yaml"), dir.path().join("b.yaml"));

    mode(&a, 0o000);
    says(
        &as_nobody(dir.path(), &["fix", "a.yaml"]),
        2,
        "stderr",
        "error: cannot read a.yaml: permission denied",
    );
    says(
        &as_nobody(dir.path(), &["fix"]),
        1,
        "stdout",
        "a.yaml:1:1: error[input]: cannot read this file: permission denied",
    );

    // All or nothing: one file that may not be written stops the other.
    mode(&a, 0o444);
    says(
        &as_nobody(dir.path(), &["fix", "--write"]),
        2,
        "stderr",
        "cannot write a.yaml; nothing was written: permission denied",
    );
    assert!(!fs::read_to_string(&b).expect("b").contains("config-hash"));

    mode(&a, 0o640);
    mode(dir.path(), 0o555);
    says(
        &as_nobody(dir.path(), &["fix", "--write"]),
        2,
        "stderr",
        "nothing was written",
    );
    assert!(!fs::read_to_string(&a).expect("a").contains("config-hash"));

    mode(dir.path(), 0o755);
    says(
        &as_nobody(dir.path(), &["fix", "--write"]),
        0,
        "stdout",
        "fixed 2",
    );
    assert_eq!(
        fs::metadata(&a).expect("a").permissions().mode() & 0o777,
        0o640
    );
    assert_eq!(
        tree(dir.path()).expect("files").len(),
        2,
        "nothing is left behind"
    );
}

/// One that is asked for by name stops the run, as a file does; one below what is asked for is a
/// finding, and what it may hold is not taken for nothing.
#[cfg(unix)]
#[test]
fn a_directory_that_cannot_be_read_is_said() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = folder(&[
        ("Apps/web.yaml", WORKLOAD.as_bytes()),
        ("Apps/Closed/b.yaml", POD.as_bytes()),
    ]);
    let closed = dir.path().join("Apps/Closed");
    let close =
        |mode| fs::set_permissions(&closed, fs::Permissions::from_mode(mode)).expect("permissions");
    close(0o000);
    let (below, named) = (
        as_nobody(dir.path(), &["fix"]),
        as_nobody(dir.path(), &["fix", "Apps/Closed"]),
    );
    let graph = as_nobody(dir.path(), &["graph"]);
    close(0o755);
    let message = "Apps/Closed:1:1: error[input]: cannot read this directory: permission denied\n";
    says(&below, 1, "stdout", message);
    says(
        &below,
        1,
        "stdout",
        "Apps/web.yaml:11:9: warning[missing-config-hash]",
    );
    says(
        &named,
        2,
        "stderr",
        "error: cannot read Apps/Closed: permission denied\n",
    );
    let message = "warning: Apps/Closed: cannot read this directory: permission denied\n";
    says(&graph, 0, "stderr", message);
}

/// Where there is neither a git work tree nor a configuration, a file is judged with those beside
/// it, and they are not written.
#[test]
fn a_file_outside_of_git_is_judged_with_its_neighbours() {
    let (map, web) = WORKLOAD.split_once("---\n").expect("two documents");
    let files = [("map.yaml", map.as_bytes()), ("web.yaml", web.as_bytes())];
    let dir = folder(&files);
    let output = run(dir.path(), &["fix", "--write", "web.yaml"]);
    says(
        &output,
        0,
        "stdout",
        "= see map.yaml:4:9: ConfigMap calculator",
    );
    says(&output, 0, "stdout", "1 finding in 1 file: fixed 1");
    assert_eq!(
        fs::read(dir.path().join("map.yaml")).expect("a file"),
        map.as_bytes()
    );
}

#[test]
fn a_run_that_was_killed_is_finished_by_the_next() {
    let sha = |text: &str| {
        use sha2::Digest as _;
        sha2::Sha256::digest(text.as_bytes())
            .iter()
            .map(|b| format!("{b:02x}"))
            .collect::<Vec<_>>()
            .concat()
    };
    let journal = format!(
        r#"{{"version": 1, "steps": [
            {{"target": "a.yaml", "staged": ".kubewright-1.staged", "before": "{old}"}},
            {{"target": "sub/b.yaml", "staged": "sub/.kubewright-2.staged", "before": "{old}"}},
            {{"target": "c.yaml", "staged": ".kubewright-3.staged", "before": null}},
            {{"target": "d.yaml", "staged": null, "before": "{old}"}}]}}"#,
        old = sha("old: 1\n")
    );
    // a.yaml was renamed already.
    let files: &[(&str, &[u8])] = &[
        ("kubewright.toml", b""),
        (".kubewright-journal", journal.as_bytes()),
        ("a.yaml", b"new: 1\n"),
        ("sub/b.yaml", b"old: 1\n"),
        ("sub/.kubewright-2.staged", b"new: 2\n"),
        (".kubewright-3.staged", b"new: 3\n"),
        ("d.yaml", b"old: 1\n"),
    ];
    let dir = folder(files);
    // A preview writes nothing, this neither.
    let before = tree(dir.path()).expect("files");
    says(
        &run(dir.path(), &["fix"]),
        2,
        "stderr",
        "run with --write to finish it first",
    );
    assert_eq!(tree(dir.path()).expect("files"), before);
    says(
        &run(dir.path(), &["fix", "--write"]),
        0,
        "stderr",
        "an interrupted run was finished first: 3 files",
    );
    let after: Vec<(String, Vec<u8>)> = tree(dir.path())
        .expect("files")
        .into_iter()
        .map(|(p, t)| (p.to_string_lossy().into_owned(), t))
        .collect();
    let expected: Vec<(String, Vec<u8>)> = [
        ("a.yaml", "new: 1\n"),
        ("c.yaml", "new: 3\n"),
        ("kubewright.toml", ""),
        ("sub/b.yaml", "new: 2\n"),
    ]
    .map(|(p, t)| (p.to_owned(), t.as_bytes().to_vec()))
    .into();
    assert_eq!(after, expected);

    // Someone edited a file since: nothing is overwritten.
    let dir = folder(files);
    fs::write(dir.path().join("sub/b.yaml"), "edited: 1\n").expect("b");
    let before = tree(dir.path()).expect("files");
    says(
        &run(dir.path(), &["fix", "--write"]),
        2,
        "stderr",
        "sub/b.yaml was changed since",
    );
    assert_eq!(tree(dir.path()).expect("files"), before);

    // A journal that leads out of the root is not ours.
    let evil = journal.replace("c.yaml", "../c.yaml");
    let dir = folder(&[
        (".kubewright-journal", evil.as_bytes()),
        ("kubewright.toml", b""),
        (".kubewright-3.staged", b"x"),
    ]);
    says(
        &run(dir.path(), &["fix", "--write"]),
        2,
        "stderr",
        "cannot be finished",
    );
}
