//! What changes the hash and what does not, on whole workspaces.

use std::sync::Arc;

use kubewright_model::finding::{Change, Finding, Severity};
use kubewright_model::kube::{Input, Options, Workspace};
use kubewright_model::yaml::{Op, Value};

use super::options::Strategy;
use super::{MissingConfigHash, Options as Choices};
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
    check_with(text, annotated, Choices::default())
}

fn check_with(text: &str, annotated: Option<&str>, options: Choices) -> Vec<Finding> {
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
    let settings = Settings {
        missing_config_hash: options,
        ..Settings::default()
    };
    MissingConfigHash.check(&Context {
        workspace: &workspace,
        settings: &settings,
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

#[test]
fn what_is_not_covered_is_another_hazard_than_what_lacks_a_hash() {
    let workload = |name: &str| {
        let container = ENV_FROM.replace("one", name);
        let workload = WORKLOAD.replace("@CONTAINER@", &container);
        format!("{CONFIG}{}", workload.replace("@VOLUME@", ""))
    };
    for (name, severity, hazard) in [
        ("one", Severity::Warning, "absent"),
        ("gone", Severity::Info, "uncovered"),
    ] {
        let findings = check(&workload(name), None);
        let [finding] = findings.as_slice() else {
            panic!("{findings:?}")
        };
        assert_eq!(
            (finding.severity, finding.subject.hazard),
            (severity, hazard)
        );
    }
}

/// Of the ConfigMap `a: "1"`, and of `a: "2"`.
const HASHES: [&str; 2] = [
    "4dbe0a56751a41f5bcc38c89d566d12d",
    "49ea8260df373e1c054b4f494e8e5c1d",
];

/// The one finding for a workload that carries a hash for each of two ConfigMaps; the hashes that
/// its fix writes over others.
fn rewritten(
    first: &str,
    second: &str,
    hashes: [&str; 2],
    options: Choices,
) -> (Finding, Vec<String>) {
    const KEYS: &str = "configmap.config-hash.kubewright.dev";
    let config = |name: &str, content: &str| {
        format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\n{content}\n---\n")
    };
    let [one, other] = hashes;
    let annotations = format!("{{{KEYS}/first: \"{one}\", {KEYS}/second: \"{other}\"}}");
    let text = format!(
        "{}{}apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: web}}\nspec:\n  \
         template:\n    \
         metadata: {{annotations: {annotations}}}\n    spec:\n      containers:\n        - name: \
         web\n          envFrom: [{{configMapRef: {{name: first}}}}, {{configMapRef: {{name: \
         second}}}}]\n",
        config("first", first),
        config("second", second),
    );
    let options = Choices {
        per_source: true,
        ..options
    };
    let mut findings = check_with(&text, None, options);
    let finding = findings.pop().unwrap();
    assert!(findings.is_empty(), "{findings:?}");
    let fix = finding.fix.as_ref().unwrap();
    let written = fix.changes.iter().filter_map(|change| {
        let Change::Edit(_, edit) = change else {
            return None;
        };
        let Op::Set {
            value: Value::Str(text),
            ..
        } = &edit.op
        else {
            return None;
        };
        HASHES.contains(&text.as_str()).then(|| text.clone())
    });
    let written = written.collect();
    (finding, written)
}

#[test]
fn an_immutable_config_map_takes_its_own_hash_along() {
    let [one, two] = HASHES;
    let (finding, written) = rewritten(
        "immutable: true\ndata: {a: \"1\"}",
        "immutable: true\ndata: {a: \"2\"}",
        [one, one],
        Choices::default(),
    );
    assert_eq!(
        (finding.severity, finding.subject.hazard),
        (Severity::Error, "stale")
    );
    assert_eq!(written, [two], "{finding:?}");
}

#[test]
fn what_is_read_beside_a_versioned_name_keeps_its_hash() {
    let options = Choices {
        strategy: Strategy::Versioned,
        ..Choices::default()
    };
    let (finding, written) = rewritten(
        "data: {a: \"1\"}",
        "immutable: true\ndata: {a: \"2\"}",
        HASHES,
        options,
    );
    assert!(written.is_empty(), "{finding:?}");
}

#[test]
fn an_annotation_of_the_configuration_is_one_that_nobody_else_writes() {
    let is_taken = |text: &str| toml::from_str::<Choices>(text).is_ok();
    let of_labels = |count: usize| format!("{}/config-hash", vec!["a"; count].join("."));
    // `configmap.config-hash.` and the domain are the domain of the annotation for a ConfigMap.
    let longest = (253 - "configmap.config-hash.".len()).div_ceil(2);
    for key in [
        "example.com/hash",
        "my-app.example.com/hash",
        "Config_Hash",
        &of_labels(longest),
    ] {
        assert!(is_taken(&format!("annotation = \"{key}\"")), "{key}");
    }
    for key in [
        "kubernetes.io/hash",
        "apps.kubernetes.io/hash",
        "k8s.io/hash",
        "Example.com/hash",
        "my_app.example.com/hash",
        "-a.example.com/hash",
        "example.com/-hash",
        &format!("example.com/{}", "a".repeat(64)),
        &of_labels(longest + 1),
    ] {
        assert!(!is_taken(&format!("annotation = \"{key}\"")), "{key}");
    }
    for (name, is_one) in [
        ("KEY_1", true),
        ("_KEY", true),
        ("", false),
        ("1KEY", false),
    ] {
        let taken = is_taken(&format!("secrets-key-from = \"{name}\""));
        assert_eq!(taken, is_one, "{name}");
    }
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
