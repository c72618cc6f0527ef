//! pre-commit runs the hooks of `.pre-commit-hooks.yaml` on a scratch repository.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use libtest_mimic::{Failed, Trial};

use crate::support::{TrialResult, ensure, missing, needing, run};
use crate::{PROGRAM, WEB, project, write};

pub(crate) fn trials() -> Vec<Trial> {
    let pre_commit = missing("pre-commit", "python3", &["-m", "pre_commit", "--version"]);
    vec![
        needing(
            pre_commit,
            "pre_commit_reads_the_manifest_of_hooks",
            reads_the_manifest,
        ),
        needing(
            pre_commit,
            "pre_commit_judges_whole_apply_sets",
            judges_whole_sets,
        ),
    ]
}

fn pre_commit(dir: &Path, cache: &Path, args: &[&str], statuses: &[i32]) -> Result<Output, Failed> {
    let mut command = Command::new("python3");
    command.args(["-m", "pre_commit"]).args(args);
    // Variables of a commit that runs these tests are about another repository.
    for variable in ["GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE"] {
        command.env_remove(variable);
    }
    run(
        command
            .env("PRE_COMMIT_HOME", cache)
            .env("CARGO_NET_OFFLINE", "true")
            .current_dir(dir),
        statuses,
    )
}

fn git(dir: &Path, args: &[&str]) -> Result<String, Failed> {
    let mut command = Command::new("git");
    let who = ["-c", "user.name=t", "-c", "user.email=t@example.com"];
    command.args(who).args(args).current_dir(dir);
    Ok(String::from_utf8(run(&mut command, &[0])?.stdout)?)
}

fn reads_the_manifest() -> TrialResult {
    let cache = tempfile::tempdir()?;
    let manifest = project(".pre-commit-hooks.yaml");
    let manifest = manifest.to_str().ok_or("no path")?;
    pre_commit(
        &project("."),
        cache.path(),
        &["validate-manifest", manifest],
        &[0],
    )?;
    Ok(())
}

/// A repository of hooks as this one is, whose program starts the one under test: a build of all of
/// it would take minutes.
fn hooks(dir: &Path) -> Result<String, Failed> {
    let main = format!(
        "use std::os::unix::process::CommandExt as _;\nfn main() {{\n    panic!(\"{{}}\", \
         std::process::Command::new({PROGRAM:?}).args(std::env::args_os().skip(1)).exec());\n}}\n"
    );
    write(
        dir,
        &[
            (
                "Cargo.toml",
                "[package]\nname = \"kubewright\"\nversion = \"0.1.0\"\nedition = \
                 \"2024\"\n\n[workspace]\n",
            ),
            ("src/main.rs", &main),
        ],
    )?;
    fs::copy(
        project(".pre-commit-hooks.yaml"),
        dir.join(".pre-commit-hooks.yaml"),
    )?;
    git(dir, &["init", "-q"])?;
    git(dir, &["add", "."])?;
    git(dir, &["commit", "-qm", "hooks"])?;
    Ok(git(dir, &["rev-parse", "HEAD"])?.trim().to_owned())
}

fn judges_whole_sets() -> TrialResult {
    let (hooked, dir, cache) = (
        tempfile::tempdir()?,
        tempfile::tempdir()?,
        tempfile::tempdir()?,
    );
    let revision = hooks(hooked.path())?;
    let config = format!(
        "repos:\n- repo: {}\n  rev: {revision}\n  hooks:\n  - id: kubewright-fix\n    stages: \
         [manual]\n  - id: kubewright-check\n",
        hooked.path().display()
    );
    let (settings, web) = WEB.split_once("---\n").ok_or("no second document")?;
    write(
        dir.path(),
        &[
            (".pre-commit-config.yaml", &config),
            ("app/settings.yaml", settings),
            ("app/web.yaml", web),
            ("other/settings.yaml", settings),
            ("other/web.yaml", web),
            ("README.md", "# Manifests\n"),
        ],
    )?;
    git(dir.path(), &["init", "-q"])?;
    git(dir.path(), &["add", "."])?;
    let check = |statuses: &[i32], args: &[&str]| {
        pre_commit(
            dir.path(),
            cache.path(),
            &[&["run"], args].concat(),
            statuses,
        )
        .map(|out| String::from_utf8_lossy(&out.stdout).into_owned())
    };
    // All that is added is named.
    let said = check(&[1], &[])?;
    ensure(
        said.contains("app/web.yaml:") && said.contains("other/web.yaml:"),
        || said.clone(),
    )?;
    check(&[1], &["--hook-stage", "manual", "kubewright-fix"])?;
    check(&[1], &["kubewright-check"])?;
    git(dir.path(), &["add", "."])?;
    check(&[0], &["kubewright-check"])?;
    git(dir.path(), &["commit", "-qm", "first"])?;
    // One file changes, and another one is wrong by it; what is beside is not looked at.
    write(
        dir.path(),
        &[("app/settings.yaml", &settings.replace("hello", "good day"))],
    )?;
    git(dir.path(), &["add", "app/settings.yaml"])?;
    let said = check(&[1], &["kubewright-check"])?;
    ensure(
        said.contains("app/web.yaml:") && !said.contains("other/"),
        || said.clone(),
    )?;
    let said = check(&[1], &["--hook-stage", "manual", "kubewright-fix"])?;
    ensure(said.contains("files were modified by this hook"), || {
        said.clone()
    })?;
    let changed = git(dir.path(), &["diff", "--name-only"])?;
    ensure(changed == "app/web.yaml\n", || changed.clone())?;
    git(dir.path(), &["add", "app/web.yaml"])?;
    check(&[0], &["kubewright-check"])?;
    // Nothing that is applied.
    git(dir.path(), &["commit", "-qm", "second"])?;
    write(dir.path(), &[("README.md", "# All manifests\n")])?;
    git(dir.path(), &["add", "README.md"])?;
    check(&[0], &["kubewright-check"])?;
    Ok(())
}
