//! Disks that are full, and files that are more than their text.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::process::{Command, Stdio};

use super::{FIX, WORKLOAD, files, project, run, state, stderr};

/// A limit on the size of files fails as a full disk or a quota does, and needs no disk.
#[test]
fn a_full_disk_leaves_all_as_it_was() {
    let dir = project(3);
    // The first file fits, one after it does not.
    let path = dir.path().join("app-2/2.yaml");
    let long = format!("{WORKLOAD}{}", "# a long comment\n".repeat(200));
    fs::write(&path, long.replace("calculator", "calculator-2")).expect("a file");
    let before = files(dir.path());
    let limited = |patch: &str| {
        let script = "trap '' XFSZ; ulimit -f 2; exec \"$0\" \"$@\"";
        Command::new("bash")
            .args(["-c", script, env!("CARGO_BIN_EXE_kubewright")])
            .args(FIX)
            .args(["--patch-out", patch])
            .current_dir(dir.path())
            .env("XDG_STATE_HOME", state(dir.path()))
            .stdin(Stdio::null())
            .output()
            .expect("bash starts")
    };
    let output = limited("/dev/null");
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    let said = stderr(&output);
    assert!(
        said.contains("nothing was written: file too large"),
        "{said}"
    );
    assert_eq!(files(dir.path()), before);
}

#[test]
fn a_patch_that_cannot_be_kept_stops_the_run() {
    let dir = project(2);
    let before = files(dir.path());
    let output = run(
        dir.path(),
        &[&FIX[..], &["--patch-out", "no/such/back.patch"]].concat(),
    );
    assert_eq!(output.status.code(), Some(2));
    let said = stderr(&output);
    assert!(
        said.contains("no/such/back.patch; nothing was written"),
        "{said}"
    );
    assert_eq!(files(dir.path()), before);
}

#[test]
fn links_modes_and_owners_stay() {
    let dir = project(1);
    let file = dir.path().join("app-0/0.yaml");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).expect("permissions");
    let root = fs::metadata("/proc/self").is_ok_and(|m| m.uid() == 0);
    if root {
        std::os::unix::fs::chown(&file, Some(65534), Some(65534)).expect("an owner");
    }
    let owner = fs::metadata(&file).expect("a file").uid();
    symlink("app-0/0.yaml", dir.path().join("link.yaml")).expect("a link");
    run(dir.path(), &["fix", "--write", "link.yaml"]);
    let now = fs::metadata(&file).expect("a file");
    assert_eq!((now.mode() & 0o7777, now.uid()), (0o640, owner));
    let link = dir.path().join("link.yaml");
    assert!(fs::symlink_metadata(&link).expect("a link").is_symlink());
    let text = fs::read_to_string(&link).expect("text");
    assert!(text.contains("config-hash"));
    run(dir.path(), &["undo"]);
    let now = fs::metadata(&file).expect("a file");
    assert_eq!((now.mode() & 0o7777, now.uid()), (0o640, owner));
}
