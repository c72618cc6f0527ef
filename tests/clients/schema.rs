//! A strict validator of the API schemas reads what was fixed.

use std::process::Command;

use libtest_mimic::Trial;

use crate::support::{TrialResult, ensure, kubewright, missing, needing, run, scratch, tree};
use crate::{examples, project};

pub(crate) fn trials() -> Vec<Trial> {
    let schema = missing(
        "python3 with kubernetes_validate",
        "python3",
        &["-c", "import kubernetes_validate, yaml"],
    );
    vec![needing(
        schema,
        "examples_pass_the_strict_schema_when_fixed",
        examples_pass_the_strict_schema,
    )]
}

fn examples_pass_the_strict_schema() -> TrialResult {
    let dir = scratch(&examples())?;
    run(
        &mut kubewright(dir.path(), &["fix", "--unsafe-fixes", "--write", "."]),
        &[0, 1],
    )?;
    let script = project("tests/support/strict_schema.py");
    let before = tree(&examples())?;
    let mut judged = 0;
    for (path, text) in tree(dir.path())? {
        if path.extension().is_some_and(|e| e == "yaml") && before.get(&path) != Some(&text) {
            let old = examples().join(&path);
            let old = if old.exists() {
                old
            } else {
                "/dev/null".into()
            };
            run(
                Command::new("python3")
                    .arg(&script)
                    .arg(old)
                    .arg(dir.path().join(&path)),
                &[0],
            )?;
            judged += 1;
        }
    }
    ensure(judged > 8, || format!("only {judged} files were judged"))
}
