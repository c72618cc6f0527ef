//! Conflicts wait, fixes are whole, oscillation is an error; what is said is said of the original
//! text.

mod offers;
mod results;

use std::collections::BTreeMap;

use kubewright_model::finding::{Applicability, Change, Finding, Fix, Location, NoFix, Severity};
use kubewright_model::kube::{Input, Options, ResourceId, Workspace};
use kubewright_model::yaml::{Node, Value};
use kubewright_transforms::{Context, Meta, Settings, Transform};

use crate::pipeline::report::{Outcome, Strategy};
use crate::pipeline::{Error, Pipeline, Report, UnsafeFixes};

kubewright_model::codes! {
    enum Code {
        ByHand = "by-hand",
        None = "none",
    }
}

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
        codes: Code::ALL,
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
                .subject("value", [self.from])
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
            .ok_or_else(|| NoFix::new(Code::None, ""))?;
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
    make: |_, _| Err(NoFix::new(Code::ByHand, "look at it")),
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
