//! git applies the diffs.

use std::process::Command;

use libtest_mimic::Trial;

use crate::examples;
use crate::support::{TrialResult, ensure, kubewright, missing, needing, pipe, run, scratch, tree};

pub(crate) fn trials() -> Vec<Trial> {
    let git = missing("git", "git", &["--version"]);
    vec![
        needing(git, "git_applies_the_diff", git_applies_the_diff),
        needing(
            git,
            "git_applies_the_diff_from_a_folder_below_the_top",
            git_applies_below_the_top,
        ),
    ]
}

fn git_applies_the_diff() -> TrialResult {
    let (patched, written) = (scratch(&examples())?, scratch(&examples())?);
    let diff = run(
        &mut kubewright(
            patched.path(),
            &["fix", "--unsafe-fixes", "--format", "diff", "."],
        ),
        &[1],
    )?
    .stdout;
    pipe(
        Command::new("git")
            .args(["apply", "-"])
            .current_dir(patched.path()),
        &diff,
        &[0],
    )?;
    run(
        &mut kubewright(written.path(), &["fix", "--unsafe-fixes", "--write", "."]),
        &[0, 1],
    )?;
    ensure(tree(patched.path())? == tree(written.path())?, || {
        "the diff and --write differ".into()
    })?;
    ensure(tree(patched.path())? != tree(&examples())?, || {
        "nothing was fixed".into()
    })
}

fn git_applies_below_the_top() -> TrialResult {
    let dir = scratch(&examples())?;
    let below = dir.path().join("incident-2-two-configurations");
    let diff = run(&mut kubewright(&below, &["fix", "--format", "diff"]), &[1])?.stdout;
    let text = String::from_utf8_lossy(&diff).into_owned();
    ensure(
        text.contains("+++ b/incident-2-two-configurations/app.yaml"),
        || format!("paths are not those of the top:\n{text}"),
    )?;
    pipe(
        Command::new("git")
            .args(["apply", "--check", "-"])
            .current_dir(dir.path()),
        &diff,
        &[0],
    )?;
    pipe(
        Command::new("git").args(["apply", "-"]).current_dir(&below),
        &diff,
        &[0],
    )?;
    ensure(
        tree(&below)? != tree(&examples().join("incident-2-two-configurations"))?,
        || "git passed over the patch".into(),
    )?;
    // Git would pass over files beside the folder, and apply a half: it must refuse all of it.
    let beside = dir.path().join("incident-0-colliding-names");
    let diff = run(
        &mut kubewright(
            &beside,
            &[
                "fix",
                "--format",
                "diff",
                ".",
                "../incident-1-subpath-deployment",
            ],
        ),
        &[1],
    )?;
    let said = String::from_utf8_lossy(&diff.stderr).into_owned();
    ensure(
        said.contains("git apply takes it at the top of the work tree"),
        || format!("nothing is said of it:\n{said}"),
    )?;
    pipe(
        Command::new("git")
            .args(["apply", "-"])
            .current_dir(&beside),
        &diff.stdout,
        &[1],
    )?;
    pipe(
        Command::new("git")
            .args(["apply", "-"])
            .current_dir(dir.path()),
        &diff.stdout,
        &[0],
    )?;
    Ok(())
}
