//! A fault at every step of a run, one after the other.

use std::fs;
use std::path::Path;
use std::process::Output;

use super::{FIX, Tree, command, files, fixed, has_faults, project, run, state, stderr};

const WORKLOADS: usize = 3;

fn with_fault(dir: &Path, args: &[&str], fault: &str) -> Output {
    let mut command = command(dir, args);
    command.env("KUBEWRIGHT_FAULT", fault);
    command.output().expect("the program starts")
}

/// Every file is one of two trees', and without a journal all are of the same.
#[track_caller]
pub(super) fn whole(dir: &Path, before: &Tree, after: &Tree, when: &str) {
    let mut now = files(dir);
    let journal = now.remove(".kubewright-journal").is_some();
    now.retain(|path, _| {
        let name = path.rsplit('/').next().unwrap_or_default();
        !name.starts_with(".kubewright-")
    });
    if journal {
        for path in before.keys().chain(after.keys()) {
            let text = now.get(path);
            assert!(
                text == before.get(path) || text == after.get(path),
                "{when}: {path} is neither old nor new"
            );
        }
    } else {
        assert!(now == *before || now == *after, "{when}: {:?}", now.keys());
    }
}

/// Kills a run at each of its steps; the next start makes the set whole, and leaves nothing else.
fn killed_at_every_step(args: &[&str], prepare: &dyn Fn(&Path), before: &Tree, after: &Tree) {
    for step in 1.. {
        let dir = project(WORKLOADS);
        prepare(dir.path());
        let output = with_fault(dir.path(), args, &format!("{step}=kill"));
        let when = format!("{args:?} killed at step {step}");
        whole(dir.path(), before, after, &when);
        let done = output.status.code().is_some();
        if !done {
            // The next start.
            let output = run(dir.path(), args);
            let said = stderr(&output);
            let again = files(dir.path());
            assert_eq!(again, *after, "{when}, then: {said}");
        }
        let _ = fs::remove_dir_all(state(dir.path()));
        if done {
            assert_eq!(files(dir.path()), *after, "{when}");
            assert!(step > 20, "{step} steps");
            return;
        }
    }
}

#[test]
fn a_run_that_is_killed_at_any_step_is_made_whole_by_the_next() {
    if has_faults() {
        let before = files(project(WORKLOADS).path());
        killed_at_every_step(&FIX, &|_| {}, &before, &fixed(WORKLOADS));
    }
}

#[test]
fn an_undo_that_is_killed_at_any_step_is_made_whole_by_the_next_start() {
    if !has_faults() {
        return;
    }
    let (before, after) = (files(project(WORKLOADS).path()), fixed(WORKLOADS));
    for step in 1.. {
        let dir = project(WORKLOADS);
        run(dir.path(), &FIX);
        let output = with_fault(dir.path(), &["undo"], &format!("{step}=kill"));
        let when = format!("undo killed at step {step}");
        whole(dir.path(), &after, &before, &when);
        // Whatever was reached, a run fixes all.
        let next = run(dir.path(), &FIX);
        assert_eq!(files(dir.path()), after, "{when}: {}", stderr(&next));
        let _ = fs::remove_dir_all(state(dir.path()));
        if output.status.code().is_some() {
            return;
        }
    }
}

/// Errors of the operating system: no space left, a rename that crosses devices, and input and
/// output errors from there on.
#[test]
fn a_run_that_fails_at_any_step_leaves_all_old_or_is_finished_by_the_next() {
    if !has_faults() {
        return;
    }
    let (before, after) = (files(project(WORKLOADS).path()), fixed(WORKLOADS));
    let errors = [("=", 28), ("=", 18), ("+=", 5)];
    let mut back = 0;
    for (from, error) in errors {
        for step in 1.. {
            let dir = project(WORKLOADS);
            let output = with_fault(dir.path(), &FIX, &format!("{step}{from}{error}"));
            let when = format!("error {error} at step {step}: {}", stderr(&output));
            whole(dir.path(), &before, &after, &when);
            let failed = output.status.code() == Some(2);
            if failed && stderr(&output).contains("nothing was written") {
                assert_eq!(files(dir.path()), before, "{when}");
                back += 1;
            }
            let next = run(dir.path(), &FIX);
            assert_eq!(files(dir.path()), after, "{when}\n{}", stderr(&next));
            let _ = fs::remove_dir_all(state(dir.path()));
            if !failed {
                break;
            }
        }
    }
    assert!(back > 40, "{back} runs were taken back");
}
