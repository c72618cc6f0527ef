//! Conflicts wait, fixes are whole, oscillation is an error; what is said is said of the original
//! text.

use std::collections::BTreeMap;

use kubewright_model::finding::{Applicability, Change, Finding, Fix, Location, NoFix, Severity};
use kubewright_model::kube::{Input, Options, ResourceId, Workspace};
use kubewright_model::yaml::{Node, Value};
use kubewright_transforms::{Context, Meta, Settings, Transform};

use super::report::{Outcome, Strategy};
use super::{Error, Pipeline, Report, UnsafeFixes};

/// Makes findings of the ConfigMaps whose key `v` has the value `from`.
struct Fake {
    meta: Meta,
    from: &'static str,
    make: fn(&Workspace, &[ResourceId]) -> Result<Fix, NoFix>,
}

const fn meta(name: &'static str) -> Meta {
    Meta {
        name,
        summary: "",
        applicability: Applicability::Safe,
        isolated: false,
        since: "0",
        docs: "",
        codes: &["none", "by-hand"],
    }
}

impl Transform for Fake {
    fn meta(&self) -> &'static Meta {
        // A test leaks a few bytes.
        Box::leak(Box::new(self.meta))
    }

    fn check(&self, cx: &Context<'_>) -> Vec<Finding> {
        let workspace = cx.workspace;
        let found: Vec<ResourceId> = workspace
            .resources()
            .iter()
            .filter(|r| {
                workspace
                    .node(r.id)
                    .and_then(|n| n.path(&["data", "v"]))
                    .and_then(Node::text)
                    == Some(self.from)
            })
            .map(|r| r.id)
            .collect();
        let Some(first) = found.first() else {
            return Vec::new();
        };
        let resource = workspace.resource(*first);
        let Some(node) = workspace
            .node(*first)
            .and_then(|n| n.path(&["metadata", "name"]))
        else {
            return Vec::new();
        };
        vec![
            self.meta
                .finding(
                    Severity::Warning,
                    Location::of(resource.file, node),
                    format!("{} is {}", resource.display(), self.from),
                )
                .about(*first)
                .fix((self.make)(workspace, &found)),
        ]
    }
}

fn set(workspace: &Workspace, ids: &[ResourceId], to: &str) -> Result<Fix, NoFix> {
    let mut changes = Vec::new();
    for id in ids {
        let value = workspace
            .node(*id)
            .and_then(|n| n.path(&["data", "v"]))
            .ok_or_else(|| NoFix::new("none", ""))?;
        changes.push(Change::Edit(
            workspace.resource(*id).file,
            value.set(&Value::str(to))?,
        ));
    }
    Ok(Fix {
        title: format!("make it {to}").into(),
        applicability: Applicability::Safe,
        changes,
        claims: Vec::new(),
    })
}

/// A fix that nobody asked to apply.
fn offered(workspace: &Workspace, ids: &[ResourceId], value: &Value) -> Result<Fix, NoFix> {
    let mut fix = set(workspace, ids, "b")?;
    let node = ids
        .first()
        .and_then(|id| workspace.node(*id)?.path(&["data", "v"]))
        .ok_or_else(|| NoFix::new("none", ""))?;
    fix.changes = vec![Change::Edit(
        kubewright_model::kube::FileId(0),
        node.set(value)?,
    )];
    fix.applicability = Applicability::Unsafe;
    Ok(fix)
}

fn config_map(name: &str, value: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\ndata:\n  v: {value}\n")
}

fn workspace(files: &[(&str, &str, bool)]) -> Workspace {
    let inputs = files.iter().map(|(path, text, editable)| Input {
        path: (*path).into(),
        text: (*text).into(),
        editable: *editable,
    });
    Workspace::new(inputs.collect(), Options::default())
}

fn run(workspace: &Workspace, transforms: &[&dyn Transform]) -> Result<Report, Error> {
    let settings = Settings::default();
    Pipeline {
        transforms: transforms.to_vec(),
        settings: &settings,
        unsafe_fixes: UnsafeFixes::None,
    }
    .run(workspace)
}

fn after(report: &Report) -> BTreeMap<&str, &str> {
    report
        .files
        .iter()
        .map(|f| (f.path.as_str(), f.after.as_deref().unwrap_or("(gone)")))
        .collect()
}

fn outcomes(report: &Report) -> Vec<(&str, Outcome, Option<&str>)> {
    report
        .findings
        .iter()
        .map(|f| (f.transform, f.outcome, f.fix.as_ref().err().map(|r| r.code)))
        .collect()
}

const A_TO_B: Fake = Fake {
    meta: meta("a-to-b"),
    from: "a",
    make: |w, ids| set(w, ids, "b"),
};
const A_TO_C: Fake = Fake {
    meta: meta("a-to-c"),
    from: "a",
    make: |w, ids| set(w, ids, "c"),
};
const B_TO_C: Fake = Fake {
    meta: meta("b-to-c"),
    from: "b",
    make: |w, ids| set(w, ids, "c"),
};
const B_TO_A: Fake = Fake {
    meta: meta("b-to-a"),
    from: "b",
    make: |w, ids| set(w, ids, "a"),
};
const SAYS_C: Fake = Fake {
    meta: meta("says-c"),
    from: "c",
    make: |_, _| Err(NoFix::new("by-hand", "look at it")),
};

#[test]
fn the_first_of_two_conflicting_fixes_is_taken_and_the_other_waits() {
    let ws = workspace(&[("a.yaml", &config_map("one", "a"), true)]);
    let report = run(&ws, &[&A_TO_B, &A_TO_C]).unwrap();
    assert_eq!(
        after(&report),
        [("a.yaml", config_map("one", "b").as_str())].into()
    );
    // The second finding is gone with the value that it was about.
    assert_eq!(
        outcomes(&report),
        [
            ("a-to-b", Outcome::Applied, None),
            ("a-to-c", Outcome::Cured, None)
        ]
    );
    let report = run(&ws, &[&A_TO_C, &A_TO_B]).unwrap();
    assert_eq!(
        after(&report),
        [("a.yaml", config_map("one", "c").as_str())].into()
    );
}

#[test]
fn passes_go_on_until_nothing_changes() {
    let ws = workspace(&[("a.yaml", &config_map("one", "a"), true)]);
    let report = run(&ws, &[&B_TO_C, &A_TO_B]).unwrap();
    assert_eq!(
        after(&report),
        [("a.yaml", config_map("one", "c").as_str())].into()
    );
    assert_eq!(outcomes(&report), [("a-to-b", Outcome::Applied, None)]);
    assert!(!report.leaves(Severity::Info));
}

#[test]
fn what_only_the_result_shows_is_said_of_the_original() {
    let ws = workspace(&[("a.yaml", &config_map("one", "a"), true)]);
    let report = run(&ws, &[&A_TO_C, &SAYS_C]).unwrap();
    assert_eq!(
        outcomes(&report),
        [
            ("a-to-c", Outcome::Applied, None),
            ("says-c", Outcome::Left, Some("by-hand"))
        ]
    );
    assert!(report.leaves(Severity::Warning));
    assert!(
        report
            .findings
            .iter()
            .all(|f| (f.place.line, f.place.column) == (4, 9))
    );
    assert_eq!(
        report.findings[1].notes,
        [
            "appears only after the other fixes of this run, and names things as they are then"
                .into()
        ]
    );
}

#[test]
fn fixes_that_undo_each_other_are_an_error() {
    let ws = workspace(&[("a.yaml", &config_map("one", "a"), true)]);
    let Err(Error::NotConverging(names)) = run(&ws, &[&A_TO_B, &B_TO_A]) else {
        panic!("it came to rest")
    };
    assert!(names == ["a-to-b"] || names == ["b-to-a"], "{names:?}");
}

#[test]
fn a_fix_over_files_is_whole_or_not_at_all() {
    let (one, two) = (config_map("one", "a"), config_map("two", "a"));
    let report = run(
        &workspace(&[("a.yaml", &one, true), ("b.yaml", &two, true)]),
        &[&A_TO_B],
    )
    .unwrap();
    assert_eq!(after(&report).len(), 2);
    let report = run(
        &workspace(&[("a.yaml", &one, true), ("b.yaml", &two, false)]),
        &[&A_TO_B],
    )
    .unwrap();
    assert_eq!(after(&report).len(), 0);
    assert_eq!(
        outcomes(&report),
        [("a-to-b", Outcome::Left, Some("outside-paths"))]
    );
}

#[test]
fn findings_outside_of_what_was_asked_for_are_not_reported() {
    let report = run(
        &workspace(&[("a.yaml", &config_map("one", "a"), false)]),
        &[&A_TO_B],
    )
    .unwrap();
    assert!(report.findings.is_empty() && report.read.is_empty());
}

#[test]
fn only_the_culprit_of_a_refusal_loses() {
    // Its bytes are not what it says it means.
    const LIAR: Fake = Fake {
        meta: meta("liar"),
        from: "b",
        make: |w, ids| {
            let mut fix = set(w, ids, "c")?;
            for change in &mut fix.changes {
                if let Change::Edit(_, edit) = change {
                    edit.splices[0].text = "d".into();
                }
            }
            Ok(fix)
        },
    };
    let text = format!("{}---\n{}", config_map("one", "a"), config_map("two", "b"));
    let report = run(&workspace(&[("a.yaml", &text, true)]), &[&LIAR, &A_TO_C]).unwrap();
    let expected = format!("{}---\n{}", config_map("one", "c"), config_map("two", "b"));
    assert_eq!(after(&report), [("a.yaml", expected.as_str())].into());
    let found = outcomes(&report);
    assert_eq!(found[0], ("a-to-c", Outcome::Applied, None));
    assert_eq!((found[1].0, found[1].1), ("liar", Outcome::Left));
    assert!(found[1].2.is_some(), "a reason is given");
}

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
fn claims_keep_fixes_apart() {
    const CLAIMS: Fake = Fake {
        meta: meta("claims"),
        from: "b",
        make: |w, _| {
            let first = w.resources()[0].id;
            let mut fix = set(w, &[w.resources()[1].id], "c")?;
            fix.claims = vec![first];
            Ok(fix)
        },
    };
    const CLAIMS_TOO: Fake = Fake {
        meta: meta("claims-too"),
        from: "a",
        make: |w, ids| {
            let mut fix = set(w, ids, "z")?;
            fix.claims = ids.to_vec();
            Ok(fix)
        },
    };
    let text = format!("{}---\n{}", config_map("one", "a"), config_map("two", "b"));
    let report = run(
        &workspace(&[("a.yaml", &text, true)]),
        &[&CLAIMS, &CLAIMS_TOO],
    )
    .unwrap();
    // Both are applied in the end: the second in the second pass.
    assert_eq!(
        after(&report),
        [(
            "a.yaml",
            format!("{}---\n{}", config_map("one", "z"), config_map("two", "c")).as_str()
        )]
        .into()
    );
    assert!(
        report
            .findings
            .iter()
            .all(|f| f.outcome == Outcome::Applied)
    );
}

#[test]
fn unsafe_fixes_are_applied_when_asked_for() {
    let only = |names: &[&str]| UnsafeFixes::Of(names.iter().map(|n| (*n).to_owned()).collect());
    assert!(!UnsafeFixes::None.apply("x", Applicability::Unsafe));
    assert!(UnsafeFixes::All.apply("x", Applicability::Unsafe));
    assert!(
        only(&["x"]).apply("x", Applicability::Unsafe)
            && !only(&["y"]).apply("x", Applicability::Unsafe)
    );
    assert!(!UnsafeFixes::All.apply("x", Applicability::DisplayOnly));
}

#[test]
fn restarts_tell_how() {
    let workload = |kind: &str, name: &str, spec: &str| {
        format!(
            "apiVersion: apps/v1\nkind: {kind}\nmetadata:\n  name: {name}\nspec:\n{spec}  template:\n    metadata:\n      labels: {{v: a}}\n    spec: {{}}\n"
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
    let changes = super::merge::changes(&was, &now);
    let found: Vec<_> = super::restarts::restarts(
        &was,
        (&now, &super::positions::Positions::default()),
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
    let report = run(
        &workspace(&[("broken.yaml", "a: [\n", true), ("odd.yaml", odd, true)]),
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

#[test]
fn an_offered_fix_that_cannot_be_applied_is_none() {
    // A number is no string: the API type check refuses it, though nobody asked to apply it.
    let make = |workspace: &Workspace, ids: &[ResourceId]| offered(workspace, ids, &Value::Int(1));
    let unsafe_number = Fake {
        meta: meta("number"),
        from: "a",
        make,
    };
    let ws = workspace(&[("a.yaml", &config_map("one", "a"), true)]);
    let report = run(&ws, &[&unsafe_number]).unwrap();
    assert_eq!(
        outcomes(&report),
        [("number", Outcome::Left, Some("api-type"))]
    );
}

#[test]
fn many_offered_fixes_of_a_file_are_tried_together() {
    let good =
        |workspace: &Workspace, ids: &[ResourceId]| offered(workspace, ids, &Value::str("b"));
    let bad = |workspace: &Workspace, ids: &[ResourceId]| offered(workspace, ids, &Value::Int(1));
    let values: Vec<&'static str> = (0..60)
        .map(|i| &*Box::leak(format!("v{i}").into_boxed_str()))
        .collect();
    let fakes: Vec<Fake> = (values.iter().enumerate())
        .map(|(i, from)| Fake {
            meta: meta("many"),
            from,
            make: if i % 20 == 7 { bad as _ } else { good as _ },
        })
        .collect();
    let text = values
        .iter()
        .map(|v| config_map(v, v))
        .collect::<Vec<_>>()
        .join("---\n");
    let transforms: Vec<&dyn Transform> = fakes.iter().map(|f| f as &dyn Transform).collect();
    let report = run(&workspace(&[("a.yaml", &text, true)]), &transforms).unwrap();
    let refused: Vec<_> = report
        .findings
        .iter()
        .filter(|f| f.fix.is_err())
        .map(|f| f.message.to_string())
        .collect();
    assert_eq!(
        refused,
        [
            "ConfigMap v7 is v7",
            "ConfigMap v27 is v27",
            "ConfigMap v47 is v47"
        ]
    );
    assert_eq!(report.findings.iter().filter(|f| f.fix.is_ok()).count(), 57);
}

#[test]
fn a_fix_that_another_one_made_possible_takes_the_place_of_the_remark() {
    let map = |source: &str| {
        format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: settings\ndata:\n  {source}.conf: x\n"
        )
    };
    let reader = |source: &str| {
        format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {source}\nspec:\n  selector:\n    matchLabels:\n      app: {source}\n  \
             template:\n    metadata:\n      labels:\n        app: {source}\n    spec:\n      containers:\n        - name: app\n          \
             image: app\n          volumeMounts:\n            - name: settings\n              mountPath: /etc/app\n      volumes:\n        \
             - name: settings\n          configMap:\n            name: settings\n            items:\n              - key: {source}.conf\n                \
             path: app.conf\n"
        )
    };
    // Each definition apart from its reader: before the rename nothing says which one is read.
    let ws = workspace(&[
        ("web-config.yaml", &map("web"), true),
        ("web.yaml", &reader("web"), true),
        ("worker-config.yaml", &map("worker"), true),
        ("worker.yaml", &reader("worker"), true),
    ]);
    let report = run(&ws, kubewright_transforms::ALL).unwrap();
    let said: Vec<(&str, String, Outcome)> = report
        .findings
        .iter()
        .map(|f| {
            (
                f.place.path.as_str(),
                f.fix
                    .as_ref()
                    .map_or("none".to_owned(), |fix| fix.title.to_string()),
                f.outcome,
            )
        })
        .collect();
    assert_eq!(
        said,
        [
            (
                "web-config.yaml",
                "rename 1 of 2 definitions to settings-web, and the references that demand them"
                    .to_owned(),
                Outcome::Applied
            ),
            (
                "web.yaml",
                "write the hash of ConfigMap settings-web to the pod template".to_owned(),
                Outcome::Applied
            ),
            (
                "worker.yaml",
                "write the hash of ConfigMap settings to the pod template".to_owned(),
                Outcome::Applied
            ),
        ]
    );
}

#[test]
fn a_missing_sub_path_is_one_finding_whoever_runs() {
    let app = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: app\ndata:\n  app.conf: x\n---\n\
               apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\nspec:\n  template:\n    spec:\n      containers:\n      - name: web\n        \
               image: web\n        volumeMounts:\n        - name: app\n          mountPath: /etc/gone.conf\n          subPath: gone.conf\n      \
               volumes:\n      - name: app\n        configMap:\n          name: app\n";
    let ws = workspace(&[
        ("app.yaml", app, true),
        ("kustomization.yaml", "resources: [app.yaml]\n", true),
    ]);
    let (subpath, missing) = ("subpath-configmap-mount", "missing-config-reference");
    for names in [&[subpath, missing][..], &[subpath], &[missing]] {
        let transforms: Vec<_> = kubewright_transforms::ALL
            .iter()
            .copied()
            .filter(|t| names.contains(&t.meta().name))
            .collect();
        let report = run(&ws, &transforms).unwrap();
        let said: Vec<(&str, Severity)> = report
            .findings
            .iter()
            .map(|f| (f.transform, f.severity))
            .collect();
        assert_eq!(said, [(*names.last().unwrap(), Severity::Error)]);
    }
}
