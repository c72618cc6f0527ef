//! A hash that is written says so whenever something changes that the pod reads, and at nothing
//! else, in either form.

use std::fmt::Write as _;
use std::sync::Arc;

use kubewright_model::finding::{Change, Finding, Severity};
use kubewright_model::kube::{Input, Options, Workspace};
use kubewright_model::yaml::verify;

use super::MissingConfigHash;
use crate::{Context, Settings, Transform};

/// What each value belongs to, where the pod reads it.
const VALUES: [(&str, Option<&str>); 13] = [
    ("variables-a", Some("ConfigMap variables")),
    ("variables-b", Some("ConfigMap variables")),
    ("one-a", Some("ConfigMap one")),
    ("one-b", None),
    ("whole-a", Some("ConfigMap whole")),
    ("items-a", Some("ConfigMap items")),
    ("items-b", None),
    ("subpath-a", Some("ConfigMap subpath")),
    ("subpath-b", None),
    ("projected-a", Some("ConfigMap projected")),
    ("unmounted-a", None),
    ("secret-a", Some("Secret secret")),
    ("beside-a", None),
];

const DEPLOYMENT: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata:
      labels: {app: web}
    spec:
      initContainers:
        - name: first
          env: [{name: A, valueFrom: {configMapKeyRef: {name: one, key: a}}}]
      containers:
        - name: web
          envFrom: [{configMapRef: {name: variables}}, {secretRef: {name: secret}}]
          volumeMounts:
            - {name: whole, mountPath: /whole}
            - {name: items, mountPath: /items}
            - {name: subpath, mountPath: /subpath, subPath: a}
            - {name: projected, mountPath: /projected}
      volumes:
        - {name: whole, configMap: {name: whole}}
        - {name: items, configMap: {name: items, items: [{key: a, path: a}]}}
        - {name: subpath, configMap: {name: subpath}}
        - {name: projected, projected: {sources: [{configMap: {name: projected}}]}}
        - {name: unmounted, configMap: {name: unmounted}}
";

/// All objects with their values, `beside` in a ConfigMap that nobody reads.
fn manifests() -> String {
    let mut text = String::new();
    let mut last = "";
    for (value, _) in VALUES {
        let (name, key) = value.split_once('-').expect("a name and a key");
        if name != last {
            let (kind, field) = match name {
                "secret" => ("Secret", "stringData"),
                _ => ("ConfigMap", "data"),
            };
            _ = write!(
                text,
                "apiVersion: v1\nkind: {kind}\nmetadata: {{name: {name}}}\n{field}:\n"
            );
        }
        _ = writeln!(text, "  {key}: {value}");
        last = name;
        let next = VALUES.iter().skip_while(|(v, _)| *v != value).nth(1);
        if next.is_none_or(|(next, _)| !next.starts_with(&format!("{name}-"))) {
            text += "---\n";
        }
    }
    text + DEPLOYMENT
}

fn check(text: &str, settings: &Settings) -> (Workspace, Vec<Finding>) {
    let input = Input {
        path: "web.yaml".into(),
        text: Arc::from(text),
        editable: true,
    };
    let workspace = Workspace::new(vec![input], Options::default());
    let findings = MissingConfigHash.check(&Context {
        workspace: &workspace,
        settings,
        running: &[],
    });
    (workspace, findings)
}

/// The only finding, and the text with its fix.
fn fixed(text: &str, settings: &Settings) -> (Finding, String) {
    let (workspace, mut findings) = check(text, settings);
    assert_eq!(findings.len(), 1, "{findings:#?}");
    let finding = findings.remove(0);
    let fix = finding.fix.as_ref().expect("a fix");
    let edits: Vec<_> = (fix.changes.iter())
        .map(|change| match change {
            Change::Edit(_, edit) => edit,
            other => panic!("{other:?}"),
        })
        .collect();
    let file = workspace.resources()[0].file;
    let yaml = workspace.file(file).yaml.as_deref().expect("YAML");
    let after = verify::apply(yaml, &edits).expect("edits that hold");
    assert!(check(&after, settings).1.is_empty(), "{after}");
    (finding, after)
}

#[test]
fn every_change_of_what_is_read_is_said_and_no_other() {
    for per_source in [false, true] {
        let mut settings = Settings::default();
        settings.missing_config_hash.per_source = per_source;
        settings.missing_config_hash.secrets = true;
        let (_, written) = fixed(&manifests(), &settings);
        let hashes = written.matches("config-hash").count();
        assert_eq!(hashes, if per_source { 7 } else { 1 }, "{written}");
        for (value, source) in VALUES {
            let changed = written.replace(value, "changed");
            let Some(source) = source else {
                assert!(check(&changed, &settings).1.is_empty(), "{value}");
                continue;
            };
            let (finding, _) = fixed(&changed, &settings);
            assert_eq!(finding.severity, Severity::Warning, "{value}");
            assert_eq!(finding.subject.hazard, "stale", "{value}");
            let said = finding.message.to_string();
            let names = said.contains(&format!("hash of {source}: it changed"));
            assert_eq!(names, per_source, "{value}: {said}");
        }
    }
}

#[test]
fn the_other_form_is_told_from_a_stale_hash() {
    let of = |per_source| {
        let mut settings = Settings::default();
        settings.missing_config_hash.per_source = per_source;
        settings
    };
    for (from, to) in [(of(false), of(true)), (of(true), of(false))] {
        let (_, written) = fixed(&manifests(), &from);
        let (finding, switched) = fixed(&written, &to);
        assert_eq!(finding.subject.hazard, "form");
        let (finding, _) = fixed(&written.replace("whole-a", "changed"), &to);
        assert_eq!(finding.subject.hazard, "stale");
        let (_, back) = fixed(&switched, &from);
        assert_eq!(back, written, "nothing is left of the other form");
    }
}
