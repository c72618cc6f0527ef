//! What changes the hash and what does not, on whole workspaces.

use std::sync::Arc;

use kubewright_model::finding::{Change, Finding};
use kubewright_model::kube::{Input, Options, Workspace};
use kubewright_model::yaml::{Op, Value};

use super::MissingConfigHash;
use crate::{Context, Settings, Transform};

const CONFIG: &str = "\
apiVersion: v1
kind: ConfigMap
metadata:
  name: one
data:
  a: \"1\"
  b: \"2\"
binaryData:
  c: AAEC
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: two
data:
  a: \"3\"
";

const WORKLOAD: &str = "\
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  template:
    spec:
      containers:
        - name: web
@CONTAINER@
      volumes:
        - name: config
          configMap:
            name: one
@VOLUME@
";

const MOUNT: &str = "          volumeMounts: [{name: config, mountPath: /etc/web}]";
const ENV_FROM: &str = "          envFrom: [{configMapRef: {name: one}}]";
const ITEMS: &str = "            items: [{key: a, path: a.conf}]";

fn check(text: &str, annotated: Option<&str>) -> Vec<Finding> {
    let text = match annotated {
        None => text.to_owned(),
        Some(hash) => text.replace(
            "    spec:\n",
            &format!(
                "    metadata: {{annotations: {{kubewright.dev/config-hash: \"{hash}\"}}}}\n    \
                 spec:\n"
            ),
        ),
    };
    let input = Input {
        path: "web.yaml".into(),
        text: Arc::from(text),
        editable: true,
    };
    let workspace = Workspace::new(vec![input], Options::default());
    MissingConfigHash.check(&Context {
        workspace: &workspace,
        settings: &Settings::default(),
        running: &[],
    })
}

/// The hash that is written.
fn hash(config: &str, container: &str, volume: &str) -> String {
    let text = format!(
        "{config}{}",
        WORKLOAD
            .replace("@CONTAINER@", container)
            .replace("@VOLUME@", volume)
    );
    let findings = check(&text, None);
    let [finding] = findings.as_slice() else {
        panic!("{findings:?}")
    };
    let fix = finding.fix.as_ref().unwrap();
    let [Change::Edit(_, edit)] = fix.changes.as_slice() else {
        panic!("{fix:?}")
    };
    let Op::Insert {
        value: Value::Map(metadata),
        ..
    } = &edit.op
    else {
        panic!("{edit:?}")
    };
    let Value::Map(annotations) = &metadata[0].1 else {
        panic!("{metadata:?}")
    };
    let Value::Quoted(hash) = &annotations[0].1 else {
        panic!("{annotations:?}")
    };
    assert!(
        check(&text, Some(hash)).is_empty(),
        "the hash is taken for stale"
    );
    assert_eq!(
        check(&text, Some("0123")).len(),
        1,
        "another hash is taken for right"
    );
    hash.clone()
}

#[test]
fn only_keys_that_are_read_count() {
    let changes = [
        ("a: \"1\"", "a: \"9\""),
        ("b: \"2\"", "b: \"9\""),
        ("c: AAEC", "c: AAED"),
        ("a: \"3\"", "a: \"9\""),
    ];
    for (container, volume, expected) in [
        (MOUNT, "", [true, true, true, false]),
        (MOUNT, ITEMS, [true, false, false, false]),
        (ENV_FROM, "", [true, true, false, false]),
        (
            "          volumeMounts: [{name: config, mountPath: /etc/b, subPath: b}]",
            "",
            [false, true, false, false],
        ),
        (
            "          volumeMounts: [{name: config, mountPath: /etc/a, subPath: a.conf}]",
            ITEMS,
            [true, false, false, false],
        ),
        (
            "          env: [{name: A, valueFrom: {configMapKeyRef: {name: two, key: a}}}]",
            "",
            [false, false, false, true],
        ),
    ] {
        let before = hash(CONFIG, container, volume);
        let counts =
            changes.map(|(from, to)| hash(&CONFIG.replace(from, to), container, volume) != before);
        assert_eq!(counts, expected, "{container} {volume}");
    }
}

#[test]
fn how_a_config_map_is_written_does_not_count() {
    let before = hash(CONFIG, MOUNT, "");
    for (from, to) in [
        (
            "  a: \"1\"\n  b: \"2\"\n",
            "  # comment\n  b: '2'\n  a: |-\n    1\n",
        ),
        (
            "data:\n  a: \"1\"\n  b: \"2\"\n",
            "data: {\"a\": \"1\", \"b\": \"2\"}\n",
        ),
        (
            "  name: one\n",
            "  name: one\n  labels:\n    x: y\n  annotations: {note: changed}\n",
        ),
        ("c: AAEC", "c: |\n    AA\n    EC\n"),
        ("data:\n  a: \"3\"", "immutable: false\ndata:\n  a: \"4\""),
    ] {
        assert!(CONFIG.contains(from), "{from}");
        assert_eq!(hash(&CONFIG.replace(from, to), MOUNT, ""), before, "{to}");
    }
    let crlf = CONFIG.replace('\n', "\r\n");
    assert_eq!(hash(&crlf, MOUNT, ""), before);
}

#[test]
fn names_do_not_count_but_contents_do() {
    let both = "          envFrom: [{configMapRef: {name: one}}, {configMapRef: {name: two}}]";
    let before = hash(CONFIG, both, "");
    let renamed = CONFIG.replace("name: two", "name: other");
    assert_eq!(hash(&renamed, &both.replace("two", "other"), ""), before);
    let swapped = CONFIG
        .replace("name: one", "name: x")
        .replace("name: two", "name: one")
        .replace("name: x", "name: two");
    assert_ne!(hash(&swapped, both, ""), before);
}

#[test]
fn a_source_counts_once() {
    let again = format!(
        "{ENV_FROM}\n          env: [{{name: A, valueFrom: {{configMapKeyRef: {{name: one, key: \
         a}}}}}}]"
    );
    assert_eq!(hash(CONFIG, &again, ""), hash(CONFIG, ENV_FROM, ""));
    let order = format!(
        "          env: [{{name: A, valueFrom: {{configMapKeyRef: {{name: one, key: \
         a}}}}}}]\n{ENV_FROM}"
    );
    assert_eq!(hash(CONFIG, &order, ""), hash(CONFIG, ENV_FROM, ""));
}

#[test]
fn a_volume_that_nobody_mounts_is_not_read() {
    let text = format!(
        "{CONFIG}{}",
        WORKLOAD.replace("@CONTAINER@", "").replace("@VOLUME@", "")
    );
    assert!(check(&text, None).is_empty());
}

/// The page says of which charts the values are known.
#[test]
fn each_known_chart_has_a_row_on_the_page() {
    let page = include_str!("README.md");
    for chart in kubewright_model::kube::installed::KnownChart::all() {
        let row = format!("| [`{}`]({})", chart.name, chart.source);
        assert!(page.contains(&row), "{row}");
    }
}
