//! What a report holds: files, restarts, what was left alone.

use super::*;

#[test]
fn files_are_created_and_deleted() {
    const MOVES: Fake = Fake {
        meta: meta("moves"),
        from: "a",
        make: |w, ids| {
            let file = w.resource(ids[0]).file;
            let changes = vec![
                Change::Delete(file),
                Change::Create("apps/new.yaml".into(), config_map("new", "z")),
            ];
            Ok(Fix {
                title: "move it".into(),
                applicability: Applicability::Safe,
                changes,
                claims: ids.to_vec(),
            })
        },
    };
    let report = run(
        &workspace(&[("apps/a.yaml", &config_map("one", "a"), true)]),
        &[&MOVES],
    )
    .unwrap();
    assert_eq!(
        after(&report),
        [
            ("apps/a.yaml", "(gone)"),
            ("apps/new.yaml", config_map("new", "z").as_str())
        ]
        .into()
    );
    // Nothing may be created where nothing was asked for, nor over something else.
    let report = run(
        &workspace(&[("other/a.yaml", &config_map("one", "a"), true)]),
        &[&MOVES],
    )
    .unwrap();
    assert_eq!(
        outcomes(&report),
        [("moves", Outcome::Left, Some("outside-paths"))]
    );
    let taken = [
        ("apps/a.yaml", config_map("one", "a")),
        ("apps/new.yaml", config_map("new", "y")),
    ];
    let taken: Vec<_> = taken.iter().map(|(p, t)| (*p, t.as_str(), true)).collect();
    assert_eq!(
        outcomes(&run(&workspace(&taken), &[&MOVES]).unwrap()),
        [("moves", Outcome::Left, Some("path-taken"))]
    );
}

#[test]
fn a_fix_without_changes_is_none() {
    const IDLE: Fake = Fake {
        meta: meta("idle"),
        from: "a",
        make: |_, _| {
            Ok(Fix {
                title: "wait".into(),
                applicability: Applicability::Safe,
                changes: Vec::new(),
                claims: Vec::new(),
            })
        },
    };
    let report = run(
        &workspace(&[("a.yaml", &config_map("one", "a"), true)]),
        &[&IDLE],
    )
    .unwrap();
    assert_eq!(
        outcomes(&report),
        [("idle", Outcome::Left, Some("no-change"))]
    );
}

#[test]
fn restarts_tell_how() {
    let workload = |kind: &str, name: &str, spec: &str| {
        format!(
            "apiVersion: apps/v1\nkind: {kind}\nmetadata:\n  name: {name}\nspec:\n{spec}  \
             template:\n    metadata:\n      labels: {{v: a}}\n    spec: {{}}\n"
        )
    };
    let before = [
        workload("Deployment", "one", ""),
        workload("Deployment", "two", "  strategy: {type: Recreate}\n"),
        workload("DaemonSet", "three", "  updateStrategy: {type: OnDelete}\n"),
        "apiVersion: v1\nkind: Pod\nmetadata:\n  name: four\n  labels: {v: a}\nspec: {}\n"
            .to_owned(),
        workload("Deployment", "same", "").replace("v: a", "v: z"),
    ]
    .join("---\n");
    let was = workspace(&[("a.yaml", &before, true)]);
    let now = workspace(&[("a.yaml", &before.replace("v: a", "v: b"), true)]);
    let changes = crate::pipeline::merge::changes(&was, &now);
    let found: Vec<_> = crate::pipeline::restarts::restarts(
        &was,
        (&now, &crate::pipeline::positions::Positions::default()),
        &changes,
    )
    .into_iter()
    .map(|r| (r.resource.name, r.strategy))
    .collect();
    let expected = [
        ("one", Strategy::Rolling),
        ("two", Strategy::Recreate),
        ("three", Strategy::OnDelete),
        ("four", Strategy::Recreated),
    ];
    assert_eq!(found, expected.map(|(n, s)| (n.to_owned(), s)));
}

#[test]
fn a_file_that_only_kubectl_reads_is_left_alone() {
    // A tab stands where the text of the scalar goes on.
    let odd = "a:\n  b: 'x\n\ty'\n";
    let broken = "apiVersion: v1\nkind: Pod\na: [\n";
    let report = run(
        &workspace(&[("broken.yaml", broken, true), ("odd.yaml", odd, true)]),
        &[],
    )
    .unwrap();
    let said: Vec<_> = report
        .findings
        .iter()
        .map(|f| {
            (
                f.place.path.as_str(),
                f.severity,
                f.fix.as_ref().err().map(|r| r.code),
            )
        })
        .collect();
    let expected = [
        ("broken.yaml", Severity::Error, Some("not-yaml")),
        ("odd.yaml", Severity::Info, Some("not-understood")),
    ];
    assert_eq!(said, expected);
}
