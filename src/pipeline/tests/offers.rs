//! Fixes that are offered many at a time, and remarks that a fix of another makes needless.

use super::*;

/// A fix that nobody asked to apply.
fn offered(workspace: &Workspace, ids: &[ResourceId], value: &Value) -> Result<Fix, NoFix> {
    let mut fix = set(workspace, ids, "b")?;
    let node = ids
        .first()
        .and_then(|id| workspace.node(*id)?.path(&["data", "v"]))
        .ok_or_else(|| NoFix::new(Code::None, ""))?;
    fix.changes = vec![Change::Edit(
        kubewright_model::kube::FileId(0),
        node.set(value)?,
    )];
    fix.applicability = Applicability::Unsafe;
    Ok(fix)
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
            "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: settings\ndata:\n  \
             {source}.conf: x\n"
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
    let app = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: app\ndata:\n  app.conf: \
         x\n---\napiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\nspec:\n  \
         template:\n    spec:\n      containers:\n      - name: web\n        image: web\n        \
         volumeMounts:\n        - name: app\n          mountPath: /etc/gone.conf\n          \
         subPath: gone.conf\n      volumes:\n      - name: app\n        configMap:\n          \
         name: app\n";
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
