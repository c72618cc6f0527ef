//! The command line.

use super::{POD, WORKLOAD, folder, run, says};

#[test]
fn arguments_are_checked() {
    let dir = folder(&[("a.yaml", POD.as_bytes())]);
    says(
        &run(dir.path(), &["fix", "--wriet"]),
        2,
        "stderr",
        "'--write'",
    );
    says(
        &run(dir.path(), &["fix", "--check", "--write"]),
        2,
        "stderr",
        "cannot be used with",
    );
    says(
        &run(dir.path(), &["fix", "--check", "--format", "diff"]),
        2,
        "stderr",
        "cannot be used with",
    );
    says(
        &run(dir.path(), &["fix", "--select", "missing-confg-hash"]),
        2,
        "stderr",
        "did you mean `missing-config-hash`?",
    );
    says(
        &run(dir.path(), &["fix", "--unsafe-fixes=subpath"]),
        2,
        "stderr",
        "there is no transform `subpath`",
    );
    says(
        &run(dir.path(), &["fix", "--unsafe-fixes", "a.yaml"]),
        0,
        "stdout",
        "no findings in 1 file",
    );
    says(
        &run(dir.path(), &["fix", "--config", "gone.toml"]),
        2,
        "stderr",
        "cannot read gone.toml",
    );
    says(
        &run(dir.path(), &["fix", "--format", "postscript"]),
        2,
        "stderr",
        "the formats are text, concise, diff, json, markdown",
    );
}

/// One finding of each transform that looks at configuration.
pub(super) const HAZARDS: &str = "\
apiVersion: v1
kind: ConfigMap
metadata: {name: c}
data: {a: '1'}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: c}
data: {b: '2'}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: d}
data: {keys: '1'}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
        - name: web
          image: web:1
          env: [{name: A, valueFrom: {configMapKeyRef: {name: d, key: key}}}]
          volumeMounts: [{name: d, mountPath: /etc/d.conf, subPath: keys}]
      volumes: [{name: d, configMap: {name: d}}]
";

#[test]
fn names_may_be_typed_with_blanks_between() {
    let dir = folder(&[("a.yaml", WORKLOAD.as_bytes())]);
    says(
        &run(
            dir.path(),
            &[
                "fix",
                "--select",
                "missing-config-hash, configmap-name-collision",
            ],
        ),
        1,
        "stdout",
        "missing-config-hash",
    );
}

#[test]
fn a_name_behind_unsafe_fixes_without_an_equals_sign_is_explained() {
    let dir = folder(&[("a.yaml", WORKLOAD.as_bytes())]);
    let output = run(
        dir.path(),
        &["fix", "--unsafe-fixes", "static-pod-kube-proxy"],
    );
    says(
        &output,
        2,
        "stderr",
        "write --unsafe-fixes=static-pod-kube-proxy",
    );
}

#[test]
fn exit_zero_is_for_findings_alone() {
    let dir = folder(&[("a.yaml", WORKLOAD.as_bytes())]);
    says(
        &run(dir.path(), &["fix", "--exit-zero"]),
        0,
        "stdout",
        "missing-config-hash",
    );
    says(
        &run(dir.path(), &["fix", "--check", "--exit-zero"]),
        0,
        "stdout",
        "missing-config-hash",
    );
    says(
        &run(dir.path(), &["fix", "--exit-zero", "gone"]),
        2,
        "stderr",
        "no such file or directory: gone",
    );
}

#[test]
fn help_is_a_command_too() {
    let dir = folder(&[]);
    says(
        &run(dir.path(), &["help", "fix"]),
        0,
        "stdout",
        "--exit-zero",
    );
}
