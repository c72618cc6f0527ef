//! What is read once: standard input and pipes.

use std::process::{Command, Stdio};

use super::{POD, WORKLOAD, filter, folder, run, says};

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
    let encrypted = "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {p:   \
                     ENC}\nsops: {mac: ENC}\n";
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
