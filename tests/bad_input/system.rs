//! What the system refuses or cuts short: permissions, closed pipes, kills.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use super::{POD, WORKLOAD, folder, says};
use crate::support::{kubewright, tree};

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

/// A copy of the program that another user may reach, wherever the build directory lies. Made
/// once: two tests at a time would run the one's copy while the other still writes it.
#[cfg(unix)]
fn copied() -> &'static Path {
    use std::os::unix::fs::PermissionsExt as _;
    static COPY: OnceLock<PathBuf> = OnceLock::new();
    COPY.get_or_init(|| {
        let program = std::env::temp_dir().join(format!("kubewright-test-{}", std::process::id()));
        // By another process: a test that starts a program meanwhile would inherit the file as
        // open for writing, and nobody could run it.
        let cp = Command::new("cp")
            .arg(env!("CARGO_BIN_EXE_kubewright"))
            .arg(&program)
            .status();
        assert!(cp.expect("cp starts").success(), "a copy of the program");
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("permissions");
        program
    })
}

/// Runs as a user whom permissions bind, even when the tests run as root.
#[cfg(unix)]
fn as_nobody(dir: &Path, args: &[&str]) -> Output {
    use std::os::unix::fs::{MetadataExt as _, chown};
    use std::os::unix::process::CommandExt as _;
    let mut command = kubewright(dir, args);
    if fs::metadata("/proc/self").is_ok_and(|m| m.uid() == 0) {
        let program = copied();
        for path in tree(dir).expect("files").keys() {
            chown(dir.join(path), Some(65534), Some(65534)).expect("an owner");
        }
        chown(dir, Some(65534), Some(65534)).expect("an owner");
        command = Command::new(program);
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
    says(&below, 1, "stdout", "--> Apps/web.yaml:11:9\n");
    says(
        &named,
        2,
        "stderr",
        "error: cannot read Apps/Closed: permission denied\n",
    );
    let message = "warning: Apps/Closed: cannot read this directory: permission denied\n";
    says(&graph, 0, "stderr", message);
}
