//! `kubewright undo`, `--patch-out` and `--require-clean`.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::{FIX, files, project, run, state, stderr};

fn git(dir: &Path, args: &[&str]) {
    let identity = ["-c", "user.name=a", "-c", "user.email=a@example.com"];
    let output = Command::new("git")
        .args(identity)
        .args(args)
        .current_dir(dir)
        .output()
        .expect("git starts");
    assert!(output.status.success(), "{args:?}: {}", stderr(&output));
}

#[test]
fn undo_takes_back_the_last_run_as_a_whole() {
    let dir = project(3);
    let before = files(dir.path());
    let nothing = run(dir.path(), &["undo"]);
    assert_eq!(nothing.status.code(), Some(2));
    assert!(
        stderr(&nothing).contains("there is no run to take back"),
        "{nothing:?}"
    );

    run(dir.path(), &FIX);
    let after = files(dir.path());
    assert_ne!(after, before);
    // A run that writes nothing is no last run.
    run(dir.path(), &FIX);
    // From below, too: the root is the same.
    let undone = run(&dir.path().join("app-1"), &["undo"]);
    let said = String::from_utf8_lossy(&undone.stdout).into_owned();
    let expected = "took back the last run:\n  ../app-0/0.yaml is what it was\n  1.yaml is what \
                    it was\n  ../app-2/2.yaml is what it was\n  \
                    ../manifests/kube-proxy-daemonset.yaml is gone again\n";
    assert_eq!(said, expected, "{}", stderr(&undone));
    assert_eq!(files(dir.path()), before);
    assert_eq!(run(dir.path(), &["undo"]).status.code(), Some(2));

    // What somebody wrote since stays, and so does all else.
    run(dir.path(), &FIX);
    fs::write(dir.path().join("app-1/1.yaml"), "a: 1\n").expect("a file");
    let now = files(dir.path());
    let refused = run(dir.path(), &["undo"]);
    assert_eq!(refused.status.code(), Some(2));
    let said = stderr(&refused);
    assert!(
        said.contains("cannot be taken back as a whole: app-1/1.yaml"),
        "{said}"
    );
    assert_eq!(files(dir.path()), now);
    let _ = fs::remove_dir_all(state(dir.path()));
}

#[test]
fn what_is_kept_for_undo_is_for_its_user_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = project(1);
    run(dir.path(), &FIX);
    let kept = state(dir.path()).join("kubewright/undo");
    let mode = |path: &Path| {
        fs::metadata(path)
            .expect("it is there")
            .permissions()
            .mode()
            & 0o777
    };
    assert_eq!(mode(&kept), 0o700);
    let entries: Vec<_> = fs::read_dir(&kept)
        .expect("a directory")
        .flatten()
        .collect();
    assert_eq!(entries.len(), 1);
    assert!(entries.iter().all(|entry| mode(&entry.path()) == 0o600));
    let _ = fs::remove_dir_all(state(dir.path()));
}

#[test]
fn the_patch_that_is_kept_takes_everything_back() {
    let dir = project(3);
    git(dir.path(), &["init", "-q"]);
    let before = files(dir.path());
    let beside = tempfile::tempdir().expect("a directory");
    let file = beside.path().join("back.patch");
    let path = file.to_str().expect("UTF-8");
    run(dir.path(), &[&FIX[..], &["--patch-out", path]].concat());
    assert_ne!(files(dir.path()), before);
    // A run that writes nothing leaves it alone.
    run(dir.path(), &[&FIX[..], &["--patch-out", path]].concat());
    git(dir.path(), &["apply", path]);
    assert_eq!(files(dir.path()), before);
    let _ = fs::remove_dir_all(state(dir.path()));
}

#[test]
fn a_run_may_ask_for_a_clean_work_tree() {
    let asked = [&FIX[..], &["--require-clean"]].concat();
    let dir = project(2);
    let none = run(dir.path(), &asked);
    assert_eq!(none.status.code(), Some(2));
    assert!(
        stderr(&none).contains("this is no git work tree"),
        "{none:?}"
    );

    git(dir.path(), &["init", "-q"]);
    let before = files(dir.path());
    let new = run(dir.path(), &asked);
    assert_eq!(new.status.code(), Some(2));
    let said = stderr(&new);
    assert!(
        said.contains("not committed: app-0/0.yaml, app-1/1.yaml, "),
        "{said}"
    );
    assert_eq!(files(dir.path()), before);

    git(dir.path(), &["add", "."]);
    git(dir.path(), &["commit", "-qm", "all"]);
    git(dir.path(), &["mv", "app-0/0.yaml", "app-0/moved.yaml"]);
    let staged = run(dir.path(), &asked);
    assert_eq!(staged.status.code(), Some(2));
    let said = stderr(&staged);
    assert!(
        said.contains("not committed: app-0/moved.yaml; nothing"),
        "{said}"
    );
    git(dir.path(), &["commit", "-qm", "moved"]);
    let clean = run(dir.path(), &asked);
    assert!(clean.status.code() < Some(2), "{}", stderr(&clean));
    assert_ne!(files(dir.path()), before);
    let _ = fs::remove_dir_all(state(dir.path()));
}
