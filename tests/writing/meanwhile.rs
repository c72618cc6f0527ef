//! What others do to the files while a run is under way.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Child, Output, Stdio};
use std::time::Duration;

use super::{FIX, command, files, fixed, has_faults, project, state, stderr};

/// Starts a run that waits, with its first file staged, while the gate is there.
fn waiting(dir: &Path, gate: &Path) -> Child {
    fs::write(gate, "").expect("a gate");
    let child = command(dir, &FIX)
        .env("KUBEWRIGHT_FAULT", "3=wait")
        .env("KUBEWRIGHT_FAULT_GATE", gate)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let staged = |path: &String| path.ends_with(".staged");
    while !files(dir).keys().any(staged) {
        std::thread::sleep(Duration::from_millis(5));
    }
    child
}

/// What a run says after whose reading `change` happened; it must write nothing.
fn changed(change: impl FnOnce(&Path)) -> String {
    let (dir, gates) = (project(2), tempfile::tempdir().expect("a directory"));
    let gate = gates.path().join("gate");
    let child = waiting(dir.path(), &gate);
    change(dir.path());
    let staged = |path: &String| path.ends_with(".staged");
    let mut before = files(dir.path());
    before.retain(|path, _| !staged(path));
    fs::remove_file(&gate).expect("a gate");
    let output = child.wait_with_output().expect("the end");
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    assert_eq!(files(dir.path()), before);
    let _ = fs::remove_dir_all(state(dir.path()));
    stderr(&output)
}

#[test]
fn what_was_changed_since_it_was_read_stops_the_run() {
    if !has_faults() {
        return;
    }
    // A file that would be written.
    let said = changed(|dir| fs::write(dir.join("app-1/1.yaml"), "a: 1\n").expect("a file"));
    let message =
        "app-1/1.yaml was changed by another program in the meantime; nothing was written";
    assert!(said.contains(message), "{said}");
    let said = changed(|dir| fs::remove_file(dir.join("app-1/1.yaml")).expect("a file"));
    assert!(said.contains(message), "{said}");
    let said = changed(|dir| {
        let (path, away) = (dir.join("app-1/1.yaml"), dir.join("app-1/away.txt"));
        fs::rename(&path, &away).expect("a rename");
        symlink("away.txt", path).expect("a link");
    });
    assert!(said.contains("app-1/1.yaml"), "{said}");
    assert!(said.contains("nothing was written"), "{said}");
}

#[test]
fn a_directory_that_becomes_a_link_leads_no_run_outside() {
    if !has_faults() {
        return;
    }
    let outside = project(2);
    let before = files(outside.path());
    let said = changed(|dir| {
        fs::rename(dir.join("manifests"), dir.join("away")).expect("a rename");
        symlink(outside.path().join("manifests"), dir.join("manifests")).expect("a link");
        // What a walk of the tests follows, too.
        fs::remove_dir_all(dir.join("away")).expect("a directory");
    });
    assert!(said.contains("nothing was written"), "{said}");
    assert!(
        said.contains("is reached through a symbolic link"),
        "{said}"
    );
    assert_eq!(files(outside.path()), before);
}

#[test]
fn runs_on_one_tree_write_one_after_the_other() {
    if !has_faults() {
        return;
    }
    let (dir, gates) = (project(3), tempfile::tempdir().expect("a directory"));
    let gate = gates.path().join("gate");
    let first = waiting(dir.path(), &gate);
    let others: Vec<Child> = (0..5)
        .map(|number| {
            let args: &[&str] = if number == 0 { &["fix"] } else { &FIX };
            command(dir.path(), args)
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .expect("the program starts")
        })
        .collect();
    std::thread::sleep(Duration::from_millis(700));
    fs::remove_file(&gate).expect("a gate");
    let first = first.wait_with_output().expect("the end");
    assert!(first.status.code() < Some(2), "{}", stderr(&first));
    let ends: Vec<Output> = others
        .into_iter()
        .map(|c| c.wait_with_output().expect("the end"))
        .collect();
    for output in &ends {
        assert!(output.status.code() < Some(2), "{}", stderr(output));
    }
    let said = |o: &Output| stderr(o).contains("waiting for another kubewright that writes to .");
    assert!(ends.iter().any(said), "{ends:?}");
    assert_eq!(files(dir.path()), fixed(3));
    let _ = fs::remove_dir_all(state(dir.path()));
}
