//! The tables against others: kustomize's default name references, of which ours are a superset,
//! and the Kubernetes API types.

use std::collections::BTreeSet;

use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, ReplicaSet, StatefulSet};
use k8s_openapi::api::batch::v1::{CronJob, Job};
use k8s_openapi::api::core::v1::{
    Node, PersistentVolume, Pod, PodTemplate, ReplicationController, ServiceAccount,
};
use k8s_openapi::api::networking::v1::{Ingress, IngressClass};
use k8s_openapi::api::rbac::v1::{ClusterRole, Role};
use k8s_openapi::api::storage::v1::StorageClass;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::workspace;
use crate::kube::reference::custom_fields::CUSTOM_FIELDS;
use crate::kube::reference::field_table::{FIELDS, Field, Form};
use crate::kube::reference::gitops_fields::GITOPS_FIELDS;
use crate::kube::{CARRIERS, Target};

const KUSTOMIZE: &str = include_str!("kustomize-name-references.txt");

/// Fields that are lists wherever they stand in a path of kustomize's table, which does not tell.
const LISTS: &[&str] = &[
    "containers",
    "env",
    "envFrom",
    "imagePullSecrets",
    "initContainers",
    "rules",
    "secrets",
    "sources",
    "tls",
    "volumes",
];

/// A mapping with `leaf` at the end of `path`; `[]` behind a segment makes a list of one, `*` any
/// key.
fn nested(path: &[&str], leaf: &Value) -> Value {
    let Some((first, rest)) = path.split_first() else {
        return leaf.clone();
    };
    let inner = nested(rest, leaf);
    match first.strip_suffix("[]") {
        Some(key) => json!({ key: [inner] }),
        None => json!({ (if *first == "*" { "any" } else { first }): inner }),
    }
}

/// Whether both the pod templates and the fields of a resource together refer to `name`.
fn refers(resource: &Value, to: Target, name: &str) -> bool {
    let w = workspace(&[("a.json", &resource.to_string())]);
    let Some(id) = w.resources().first().map(|r| r.id) else {
        return false;
    };
    w.pod_templates(id)
        .iter()
        .flat_map(crate::kube::PodTemplate::references)
        .any(|r| r.to == to && r.name == name)
        || w.field_references(id)
            .iter()
            .any(|r| r.to == to && r.name == name)
}

fn with_head(mut body: Value, api_version: &str, kind: &str) -> Value {
    if let Some(map) = body.as_object_mut() {
        map.insert("apiVersion".into(), json!(api_version));
        map.insert("kind".into(), json!(kind));
        map.entry("metadata")
            .or_insert_with(|| Value::Object(Map::new()))["name"] = json!("x");
    }
    body
}

fn api_version(kind: &str) -> &'static str {
    match kind {
        "Deployment" | "ReplicaSet" | "DaemonSet" | "StatefulSet" => "apps/v1",
        "Job" | "CronJob" => "batch/v1",
        "Ingress" | "IngressClass" => "networking.k8s.io/v1",
        "Role" | "ClusterRole" => "rbac.authorization.k8s.io/v1",
        "StorageClass" => "storage.k8s.io/v1",
        _ => "v1",
    }
}

#[test]
fn all_that_kustomize_knows_is_a_reference_here_too() {
    let mut rows = 0;
    for line in KUSTOMIZE.lines().filter(|l| !l.starts_with('#')) {
        let words: Vec<&str> = line.split(' ').collect();
        let [to, group, kind, path] = words[..] else {
            panic!("{line}")
        };
        let to = if to == "Secret" {
            Target::Secret
        } else {
            Target::ConfigMap
        };
        let path: Vec<String> = path
            .replace("\\/", "\u{0}")
            .split('/')
            .map(|s| s.replace('\u{0}', "/"))
            .collect();
        let path: Vec<String> = path
            .into_iter()
            .map(|s| {
                if LISTS.contains(&s.as_str()) {
                    s + "[]"
                } else {
                    s
                }
            })
            .collect();
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        let version = if group == "-" {
            api_version(kind).to_owned()
        } else {
            format!("{group}/v1")
        };
        let body = match path.last() {
            Some(&"resourceNames") => {
                json!({"rules": [{"apiGroups": [""], "resources": ["configmaps", "secrets"], "resourceNames": ["wanted"]}]})
            }
            // The path ends at the mapping that holds name and namespace.
            Some(&"configMap") => nested(&path, &json!({"name": "wanted"})),
            _ => nested(&path, &json!("wanted")),
        };
        assert!(
            refers(&with_head(body, &version, kind), to, "wanted"),
            "{line}"
        );
        rows += 1;
    }
    assert!(rows > 90, "{rows}");
}

/// The copied rows are those of the module, where Go has fetched it.
#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "a test reads the module that its data comes from"
)]
fn the_copy_of_kustomizes_table_is_true() {
    let module = "pkg/mod/sigs.k8s.io/kustomize/api@v0.21.2/internal/konfig/builtinpluginconsts/\
                  namereference.go";
    let Some(go) = std::env::var_os("GOPATH").or_else(|| {
        Some(
            std::path::Path::new(&std::env::var_os("HOME")?)
                .join("go")
                .into(),
        )
    }) else {
        return;
    };
    let Ok(text) = std::fs::read_to_string(std::path::Path::new(&go).join(module)) else {
        return;
    };
    let mut target = "";
    let mut rows: Vec<String> = Vec::new();
    let mut path = "";
    // `- kind:` at the margin begins a target; below it each row has its path first, then version,
    // kind and group.
    for line in text.lines() {
        if let Some(kind) = line.strip_prefix("- kind: ") {
            target = kind.trim();
        } else if let Some(found) = line.trim_start().strip_prefix("- path: ") {
            path = found.trim();
        } else if let Some(kind) = line.trim_start().strip_prefix("kind: ")
            && matches!(target, "ConfigMap" | "Secret")
        {
            rows.push(format!("{target} - {} {path}", kind.trim()));
        } else if let Some(group) = line.trim_start().strip_prefix("group: ")
            && let Some(last) = rows
                .last_mut()
                .filter(|_| line.starts_with("    ") && matches!(target, "ConfigMap" | "Secret"))
        {
            *last = last.replacen(" - ", &format!(" {} ", group.trim()), 1);
        }
    }
    let ours: BTreeSet<&str> = KUSTOMIZE.lines().filter(|l| !l.starts_with('#')).collect();
    let theirs: BTreeSet<&str> = rows.iter().map(String::as_str).collect();
    assert_eq!(ours, theirs);
}

/// The value after it went through its API type; `None` for kinds without one here.
fn through_type(kind: &str, value: &Value) -> Option<Value> {
    fn of<T: DeserializeOwned + serde::Serialize>(value: &Value) -> Option<Value> {
        serde_json::to_value(T::deserialize(value).unwrap_or_else(|e| panic!("{value}: {e}"))).ok()
    }
    match kind {
        "Deployment" => of::<Deployment>(value),
        "ReplicaSet" => of::<ReplicaSet>(value),
        "StatefulSet" => of::<StatefulSet>(value),
        "DaemonSet" => of::<DaemonSet>(value),
        "ReplicationController" => of::<ReplicationController>(value),
        "Job" => of::<Job>(value),
        "CronJob" => of::<CronJob>(value),
        "Pod" => of::<Pod>(value),
        "PodTemplate" => of::<PodTemplate>(value),
        "Node" => of::<Node>(value),
        "PersistentVolume" => of::<PersistentVolume>(value),
        "ServiceAccount" => of::<ServiceAccount>(value),
        "Ingress" => of::<Ingress>(value),
        "IngressClass" => of::<IngressClass>(value),
        "Role" => of::<Role>(value),
        "ClusterRole" => of::<ClusterRole>(value),
        "StorageClass" => of::<StorageClass>(value),
        _ => None,
    }
}

fn holds(value: &Value, wanted: &str) -> bool {
    match value {
        Value::String(text) => text == wanted,
        Value::Array(items) => items.iter().any(|v| holds(v, wanted)),
        Value::Object(map) => map.values().any(|v| holds(v, wanted)),
        _ => false,
    }
}

/// Every place of a pod spec that names a ConfigMap or Secret
/// (docs/kubernetes.md#references-of-a-pod), below `spec`.
const POD_PLACES: &[(Target, &[&str])] = &[
    (Target::ConfigMap, &["volumes[]", "configMap", "name"]),
    (
        Target::ConfigMap,
        &["volumes[]", "projected", "sources[]", "configMap", "name"],
    ),
    (Target::Secret, &["volumes[]", "secret", "secretName"]),
    (
        Target::Secret,
        &["volumes[]", "projected", "sources[]", "secret", "name"],
    ),
    (Target::Secret, &["volumes[]", "azureFile", "secretName"]),
    (
        Target::Secret,
        &["volumes[]", "cephfs", "secretRef", "name"],
    ),
    (
        Target::Secret,
        &["volumes[]", "cinder", "secretRef", "name"],
    ),
    (
        Target::Secret,
        &["volumes[]", "flexVolume", "secretRef", "name"],
    ),
    (Target::Secret, &["volumes[]", "iscsi", "secretRef", "name"]),
    (Target::Secret, &["volumes[]", "rbd", "secretRef", "name"]),
    (
        Target::Secret,
        &["volumes[]", "scaleIO", "secretRef", "name"],
    ),
    (
        Target::Secret,
        &["volumes[]", "storageos", "secretRef", "name"],
    ),
    (
        Target::Secret,
        &["volumes[]", "csi", "nodePublishSecretRef", "name"],
    ),
    (Target::Secret, &["imagePullSecrets[]", "name"]),
];

const CONTAINER_PLACES: &[(Target, &[&str])] = &[
    (
        Target::ConfigMap,
        &["env[]", "valueFrom", "configMapKeyRef", "name"],
    ),
    (Target::ConfigMap, &["envFrom[]", "configMapRef", "name"]),
    (
        Target::Secret,
        &["env[]", "valueFrom", "secretKeyRef", "name"],
    ),
    (Target::Secret, &["envFrom[]", "secretRef", "name"]),
];

#[test]
fn every_place_of_a_pod_is_a_field_of_the_api_and_a_reference_in_every_carrier() {
    let lists = ["containers[]", "initContainers[]", "ephemeralContainers[]"];
    let in_containers = lists.iter().flat_map(|list| {
        CONTAINER_PLACES
            .iter()
            .map(move |(to, path)| (*to, [&[*list][..], path].concat()))
    });
    let places: Vec<(Target, Vec<&str>)> = POD_PLACES
        .iter()
        .map(|(to, path)| (*to, path.to_vec()))
        .chain(in_containers)
        .collect();
    let mut typed = 0;
    for carrier in CARRIERS {
        for (to, place) in &places {
            let path = [carrier.template, &["spec"], place.as_slice()].concat();
            let group = carrier.groups[0];
            let version = if group.is_empty() {
                "v1".to_owned()
            } else {
                format!("{group}/v1")
            };
            let resource = with_head(nested(&path, &json!("wanted")), &version, carrier.kind);
            assert!(refers(&resource, *to, "wanted"), "{resource}");
            if matches!(group, "" | "apps" | "batch")
                && let Some(kept) = through_type(carrier.kind, &resource)
            {
                assert!(holds(&kept, "wanted"), "{resource} became {kept}");
                typed += 1;
            }
        }
    }
    assert!(typed >= 9 * places.len(), "{typed}");
}

/// A resource that holds the field of a row, and nothing else.
fn of_row(row: &Field, kind: &str) -> Value {
    let group = match row.group {
        "*" => return with_head(body_of(row), api_version(kind), kind),
        group => group,
    };
    with_head(
        body_of(row),
        &if group.is_empty() {
            "v1".to_owned()
        } else {
            format!("{group}/v1")
        },
        kind,
    )
}

fn body_of(row: &Field) -> Value {
    let (parents, last) = row
        .path
        .split_last()
        .map_or((&[][..], ""), |(last, parents)| (parents, *last));
    let text = if row.form == Form::Words {
        "other,ns/wanted"
    } else {
        "wanted"
    };
    let leaf = last
        .strip_suffix("[]")
        .map_or_else(|| json!({ last: text }), |key| json!({ key: [text] }));
    let mut beside = leaf;
    for (key, value) in row
        .when
        .into_iter()
        .chain(row.namespace.map(|n| (n, "ns")))
        .chain(row.key.map(|(k, _)| (k, "k")))
    {
        beside[key] = json!(value);
    }
    nested(parents, &beside)
}

#[test]
fn every_row_finds_its_field_and_the_api_has_it() {
    let mut typed = BTreeSet::new();
    for row in FIELDS.iter().chain(CUSTOM_FIELDS).chain(GITOPS_FIELDS) {
        for kind in row
            .kinds
            .iter()
            .map(|k| if *k == "*" { "Deployment" } else { *k })
        {
            let resource = of_row(row, kind);
            let w = workspace(&[("a.json", &resource.to_string())]);
            let found = w.field_references(w.resources()[0].id);
            let found = found
                .iter()
                .find(|r| r.to == row.to && r.name == "wanted")
                .unwrap_or_else(|| panic!("{row:?}: {resource}"));
            assert_eq!(found.certainty, row.certainty, "{resource}");
            assert_eq!(
                found.namespace,
                row.namespace
                    .map(|_| "ns")
                    .or((row.form == Form::Words).then_some("ns")),
                "{resource}"
            );
            assert_eq!(
                found
                    .required
                    .iter()
                    .map(String::as_str)
                    .collect::<Vec<_>>(),
                Vec::from_iter(row.key.map(|_| "k")),
                "{resource}"
            );
            if matches!(row.group, "" | "*" | "networking.k8s.io")
                && let Some(kept) = through_type(kind, &resource)
            {
                assert!(
                    kept.to_string().contains("wanted"),
                    "{resource} became {kept}"
                );
                typed.insert(kind);
            }
        }
    }
    let expected = [
        "Deployment",
        "Ingress",
        "IngressClass",
        "Node",
        "PersistentVolume",
        "ServiceAccount",
        "StorageClass",
    ];
    assert_eq!(typed.into_iter().collect::<Vec<_>>(), expected);
}
