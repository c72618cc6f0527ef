//! Cases of what runs clients of its own: folders of a workspace before and after, and the report.
//!
//! `BLESS=1` (`cargo bless`) writes `after/` and `report.txt`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use libtest_mimic::Failed;

use crate::project;
use crate::support::{TrialResult, ensure, kubewright, run, scratch, tree};

type Files = BTreeMap<PathBuf, Vec<u8>>;

/// The cases in a folder, by name.
pub(crate) fn of(folder: &str) -> Vec<(String, PathBuf)> {
    let entries = fs::read_dir(project(folder))
        .into_iter()
        .flatten()
        .flatten();
    let mut cases: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    cases.sort();
    let named = cases.into_iter().map(|case| {
        let name = case.file_name().unwrap_or_default().to_string_lossy();
        (name.into_owned(), case)
    });
    named.collect()
}

/// The reports of the cases in a folder.
pub(crate) fn reports(folder: &str) -> Vec<String> {
    let read = |(_, case): (String, PathBuf)| fs::read_to_string(case.join("report.txt")).ok();
    of(folder).into_iter().filter_map(read).collect()
}

pub(crate) fn blesses() -> bool {
    std::env::var("BLESS").is_ok_and(|v| v == "1")
}

/// Runs a case with an option that names a client, as `report` expects it; then `also` looks at the
/// workspace before and after.
pub(crate) fn check(
    case: &Path,
    option: &str,
    (report, bless): (&Path, bool),
    also: impl FnOnce(&Path, &Path) -> TrialResult,
) -> TrialResult {
    let before = case.join("before");
    let dir = scratch(&before)?;
    let args = fs::read_to_string(case.join("args")).unwrap_or_default();
    let args: Vec<&str> = args.split_whitespace().collect();
    let fix = |more: &[&str]| -> Result<String, Failed> {
        let args = [&["fix", "-vv", option], more, &args, &["."]].concat();
        let output = run(&mut kubewright(dir.path(), &args), &[0, 1])?;
        let said = [output.stdout, output.stderr].concat();
        Ok(String::from_utf8(said)?)
    };
    let said = fix(&["--write"])?;
    let after = tree(dir.path())?;
    if bless {
        write_tree(&case.join("after"), &after, &tree(&before)?)?;
        fs::write(report, &said)?;
        return Ok(());
    }
    let expected = fs::read_to_string(report)?;
    ensure(said == expected, || {
        format!("expected:\n{expected}\nfound:\n{said}")
    })?;
    let mut expected = tree(&before)?;
    let kept = case.join("after");
    if kept.is_dir() {
        expected.extend(tree(&kept)?);
    }
    ensure(after == expected, || {
        "the files are not those of after/".into()
    })?;
    also(&before, dir.path())?;
    let again = fix(&["--check"])?;
    ensure(!again.contains("with --write"), || again.clone())
}

/// Keeps the files that changed.
fn write_tree(folder: &Path, after: &Files, before: &Files) -> TrialResult {
    let _ = fs::remove_dir_all(folder);
    for (path, bytes) in after {
        if before.get(path) != Some(bytes) {
            let path = folder.join(path);
            fs::create_dir_all(path.parent().ok_or("no parent")?)?;
            fs::write(path, bytes)?;
        }
    }
    Ok(())
}
