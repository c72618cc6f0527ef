//! Promise: what a release is made of is there: the archive, the packages, the workflows, and the
//! library as the example uses it.

#![cfg(unix)]
#![expect(clippy::disallowed_methods, reason = "what tests share reads files")]

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;

use support::{missing, run};

fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn lines(command: &mut Command) -> Vec<String> {
    let output = run(command, &[0]).expect("it ends well");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines().map(str::to_owned).collect()
}

/// `cargo test` builds it beside the tests.
#[test]
fn the_library_is_used_as_the_example_has_it() {
    let mut program = std::env::current_exe().expect("a test");
    program.pop();
    program.set_file_name("examples");
    let program = program.join("as_a_library");
    let said = lines(&mut Command::new(program));
    assert_eq!(said[0], "web.yaml:11:9: missing-config-hash");
    assert!(
        said.iter()
            .any(|l| l.contains("kubewright.dev/config-hash: ")),
        "{said:?}"
    );
}

#[test]
fn the_archive_holds_all_and_is_the_same_each_time() {
    let (one, other) = (tempfile::tempdir(), tempfile::tempdir());
    let (one, other) = (one.expect("a directory"), other.expect("a directory"));
    let archive = |dir: &Path| {
        let mut command = Command::new(project(".ci/archive"));
        command
            .args([
                "x86_64-unknown-linux-musl",
                env!("CARGO_BIN_EXE_kubewright"),
            ])
            .arg(dir);
        run(&mut command, &[0]).expect("an archive");
        dir.join("kubewright-x86_64-unknown-linux-musl.tar.gz")
    };
    let (first, second) = (archive(one.path()), archive(other.path()));
    run(Command::new("cmp").args([&first, &second]), &[0]).expect("the same bytes");
    let sums = "kubewright-x86_64-unknown-linux-musl.tar.gz.sha256";
    run(
        Command::new("sha256sum")
            .args(["--check", sums])
            .current_dir(one.path()),
        &[0],
    )
    .expect("the checksum");
    let held = lines(Command::new("tar").arg("-tzf").arg(&first));
    for file in [
        "kubewright",
        "LICENSE-APACHE",
        "LICENSE-MIT",
        "DEPENDENCIES.txt",
        "completions/kubewright.zsh",
        "man/kubewright.1",
        "man/kubewright-fix.1",
        "man/kubewright-images-lock.1",
        "man/kubewright-lsp.1",
    ] {
        let path = format!("kubewright-x86_64-unknown-linux-musl/{file}");
        assert!(held.contains(&path), "{file}: {held:?}");
    }
}

/// Without the cases, which are most of the repository, and with what the code includes.
#[test]
fn packages_hold_what_builds_and_no_more() {
    let list = |package: &str| {
        let mut command = Command::new(env!("CARGO"));
        command
            .args([
                "package",
                "--list",
                "--allow-dirty",
                "--offline",
                "-p",
                package,
            ])
            .current_dir(project(""));
        lines(&mut command)
    };
    let all = [
        ("kubewright", "src/main.rs"),
        ("kubewright-model", "kube/images/image-table.json"),
        ("kubewright-transforms", "missing-config-hash/README.md"),
    ];
    for (package, file) in all {
        let files = list(package);
        for file in [file, "LICENSE-MIT", "LICENSE-APACHE"] {
            assert!(files.iter().any(|f| f == file), "{package} lacks {file}");
        }
        let surplus = files.iter().find(|f| {
            f.starts_with("tests/") || (f.contains("/cases/") && !f.starts_with("_skeleton/"))
        });
        assert_eq!(surplus, None, "{package}");
    }
}

#[test]
fn actionlint_accepts_the_workflows() {
    let tools = project("target/ci-tools/bin/actionlint");
    let client = if tools.exists() {
        tools
    } else {
        "actionlint".into()
    };
    if let Some(client_is) = missing("actionlint", &client.to_string_lossy(), &["-version"]) {
        assert!(!support::clients_required(), "{client_is} is required");
        return;
    }
    let workflows =
        ["test", "release", "pages"].map(|w| project(&format!(".github/workflows/{w}.yml")));
    run(Command::new(client).args(workflows), &[0]).expect("workflows that are accepted");
}
