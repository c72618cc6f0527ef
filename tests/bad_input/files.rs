//! Files that are no YAML, no text, or not there.

use std::fs;

use super::{POD, WORKLOAD, folder, run, says};
use crate::support::tree;

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
fn broken_yaml_is_a_finding_and_the_rest_goes_on() {
    let broken = b"apiVersion: v1\nkind: Pod\na: [\n";
    let dir = folder(&[
        ("a.yaml", broken),
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
    assert_eq!(fs::read(dir.path().join("a.yaml")).expect("a"), broken);
}

#[test]
fn what_is_neither_yaml_nor_an_object_is_a_remark_unless_it_is_named() {
    let dir = folder(&[
        ("a.yaml", b"rules: [\n${rules}\n"),
        ("b.yaml", WORKLOAD.as_bytes()),
    ]);
    let output = run(dir.path(), &["fix", "--write", "."]);
    says(&output, 0, "stdout", "1 finding in 1 of 2 files: fixed 1");
    says(
        &run(dir.path(), &["fix", "-vv", "."]),
        0,
        "stdout",
        "nothing in it looks like a Kubernetes object",
    );
    let output = run(dir.path(), &["fix", "a.yaml"]);
    says(&output, 1, "stdout", "error[input]: not YAML");
}

#[test]
fn bytes_that_are_no_text_are_a_finding() {
    let object = [POD.as_bytes(), b"# \xff\n"].concat();
    let utf16: Vec<_> = (format!("\u{feff}{POD}").encode_utf16())
        .flat_map(u16::to_le_bytes)
        .collect();
    let dir = folder(&[
        ("a.yaml", b"a: b\n# \xff\n"),
        ("b.yaml", POD.as_bytes()),
        ("object.yaml", &object),
        ("utf16.yaml", &utf16),
    ]);
    let lines = POD.lines().count();
    let object = format!("object.yaml:{}:3: error[input]: not UTF-8", lines + 1);
    let seen = run(dir.path(), &["fix"]);
    says(&seen, 1, "stdout", &object);
    says(
        &seen,
        1,
        "stdout",
        "utf16.yaml:1:1: error[input]: not UTF-8",
    );
    says(&seen, 1, "stdout", "iconv -f WINDOWS-1252 -t UTF-8");
    says(&seen, 1, "stdout", "iconv -f UTF-16 -t UTF-8");
    says(&seen, 1, "stdout", "1 more at info");
    let seen = run(dir.path(), &["fix", "-vv"]);
    says(&seen, 1, "stdout", "a.yaml:2:3: info[input]: not UTF-8");
    says(
        &seen,
        1,
        "stdout",
        "nothing in it looks like a Kubernetes object",
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
fn a_large_file_with_long_lines_is_shown_short() {
    let line = "x".repeat(100_000);
    let data: String = (0..20)
        .flat_map(|i| [format!("  key{i}: "), line.clone(), "\n".into()])
        .collect();
    let text = format!(
        "{WORKLOAD}---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: big, labels: {{l: \
         \"{line}\"}}}}\ndata:\n{data}"
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

/// Where there is neither a git work tree nor a configuration, a file is judged with those beside
/// it, and they are not written.
#[test]
fn a_file_outside_of_git_is_judged_with_its_neighbours() {
    let (map, web) = WORKLOAD.split_once("---\n").expect("two documents");
    let files = [("map.yaml", map.as_bytes()), ("web.yaml", web.as_bytes())];
    let dir = folder(&files);
    let output = run(dir.path(), &["fix", "--write", "-v", "web.yaml"]);
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
