//! The type check of changed documents: read as the Kubernetes type, write, compare.
//!
//! A field that the type does not have is lost on the way, a field of the wrong type does not read
//! at all. A fix may not add either: what was lost before may stay lost, nothing new may be. The
//! grammar is libyaml's (as kubectl's), the types are those of `k8s-openapi`; kinds and versions
//! that it does not have are not judged.

use std::collections::BTreeSet;

use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, ReplicaSet, StatefulSet};
use k8s_openapi::api::batch::v1::{CronJob, Job};
use k8s_openapi::api::core::v1::{
    ConfigMap, PersistentVolume, Pod, PodTemplate, ReplicationController, Secret, ServiceAccount,
};
use k8s_openapi::api::networking::v1::Ingress;
use k8s_openapi::api::rbac::v1::{ClusterRole, Role};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Nesting below which two values are compared; deeper documents are not judged.
const MAX_DEPTH: usize = 64;

/// Brackets of a text that may be open at once. libyaml looks at each of them for each token, and
/// what nests half as deep as this is not deserialized anyway.
const MAX_OPEN: usize = 256;

/// Fields that the change from `before` to `after` makes unreadable for the API types, as
/// `Kind/name: path`; empty when the change adds none. Texts that libyaml does not read are not
/// judged.
pub fn newly_lost(before: &str, after: &str) -> Vec<String> {
    let Some(after) = lost(after) else {
        return Vec::new();
    };
    if after.is_empty() {
        return Vec::new();
    }
    let before = lost(before).unwrap_or_default();
    let unreadable: BTreeSet<&str> = before
        .iter()
        .filter_map(|l| l.path.is_none().then_some(l.object.as_str()))
        .collect();
    after
        .iter()
        .filter(|l| !before.contains(l) && !unreadable.contains(l.object.as_str()))
        .map(|l| format!("{}: {}", l.object, l.path.as_deref().unwrap_or(&l.why)))
        .collect()
}

/// Whether all fields of the text are those of its API types. `false` where that is not certain:
/// [`newly_lost`] says what is wrong.
pub fn keeps(text: &str) -> bool {
    // Merge keys are resolved there.
    if text.contains("<<") {
        return false;
    }
    let mut found = BTreeSet::new();
    for document in serde_yaml::Deserializer::from_str(text.trim_start_matches('\u{feff}')) {
        let Ok(value) = Value::deserialize(document) else {
            return false;
        };
        object(&value, 0, &mut found);
    }
    found.is_empty()
}

/// Whether libyaml, whose grammar is kubectl's, reads all documents of the text. What leaves
/// hundreds of brackets open is not given to it.
pub fn reads(text: &str) -> bool {
    let mut open = 0_usize;
    for byte in text.bytes() {
        match byte {
            b'[' | b'{' => open += 1,
            b']' | b'}' => open = open.saturating_sub(1),
            _ => {}
        }
        if open > MAX_OPEN {
            return false;
        }
    }
    let documents = serde_yaml::Deserializer::from_str(text.trim_start_matches('\u{feff}'));
    documents
        .into_iter()
        .all(|document| serde::de::IgnoredAny::deserialize(document).is_ok())
}

/// A field of an object that its type does not keep.
#[derive(Debug, Clone, Eq, PartialOrd, Ord)]
struct Lost {
    /// `Kind/name`
    object: String,
    /// Path without list indices; `None` when the object does not read as its type at all.
    path: Option<String>,
    why: String,
}

impl PartialEq for Lost {
    fn eq(&self, other: &Self) -> bool {
        (&self.object, &self.path) == (&other.object, &other.path)
    }
}

fn lost(text: &str) -> Option<BTreeSet<Lost>> {
    let mut found = BTreeSet::new();
    for document in serde_yaml::Deserializer::from_str(text.trim_start_matches('\u{feff}')) {
        let mut value = serde_yaml::Value::deserialize(document).ok()?;
        value.apply_merge().ok()?;
        let value: Value = serde_json::to_value(value).ok()?;
        object(&value, 0, &mut found);
    }
    Some(found)
}

fn object(value: &Value, depth: usize, found: &mut BTreeSet<Lost>) {
    let word = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or("");
    let kind = word("kind");
    if kind.ends_with("List") && depth < 4 {
        for item in value
            .get("items")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            object(item, depth + 1, found);
        }
        return;
    }
    let name = value
        .pointer("/metadata/name")
        .and_then(Value::as_str)
        .unwrap_or("");
    let Some(kept) = round_trip(word("apiVersion"), kind, value) else {
        return;
    };
    let label = format!("{kind}/{name}");
    match kept {
        Ok(kept) => {
            let mut paths = BTreeSet::new();
            compare(value, &kept, &mut Vec::new(), &mut paths);
            found.extend(paths.into_iter().map(|p| Lost {
                object: label.clone(),
                path: Some(p),
                why: String::new(),
            }));
        }
        Err(why) => {
            found.insert(Lost {
                object: label,
                path: None,
                why,
            });
        }
    }
}

/// The value after a round trip through its type; `None` for types that are not known here.
fn round_trip(api_version: &str, kind: &str, value: &Value) -> Option<Result<Value, String>> {
    Some(match (api_version, kind) {
        ("apps/v1", "DaemonSet") => through::<DaemonSet>(value),
        ("apps/v1", "Deployment") => through::<Deployment>(value),
        ("apps/v1", "ReplicaSet") => through::<ReplicaSet>(value),
        ("apps/v1", "StatefulSet") => through::<StatefulSet>(value),
        ("batch/v1", "CronJob") => through::<CronJob>(value),
        ("batch/v1", "Job") => through::<Job>(value),
        ("networking.k8s.io/v1", "Ingress") => through::<Ingress>(value),
        ("rbac.authorization.k8s.io/v1", "ClusterRole") => through::<ClusterRole>(value),
        ("rbac.authorization.k8s.io/v1", "Role") => through::<Role>(value),
        ("v1", "ConfigMap") => through::<ConfigMap>(value),
        ("v1", "PersistentVolume") => through::<PersistentVolume>(value),
        ("v1", "Pod") => through::<Pod>(value),
        ("v1", "PodTemplate") => through::<PodTemplate>(value),
        ("v1", "ReplicationController") => through::<ReplicationController>(value),
        ("v1", "Secret") => through::<Secret>(value),
        ("v1", "ServiceAccount") => through::<ServiceAccount>(value),
        _ => return None,
    })
}

fn through<T: DeserializeOwned + Serialize>(value: &Value) -> Result<Value, String> {
    let typed: T = T::deserialize(value).map_err(|e| e.to_string())?;
    serde_json::to_value(typed).map_err(|e| e.to_string())
}

/// `path` holds the way from the top: keys, and `None` for an item of a list.
fn compare<'v>(
    given: &'v Value,
    kept: &Value,
    path: &mut Vec<Option<&'v str>>,
    lost: &mut BTreeSet<String>,
) {
    if path.len() > MAX_DEPTH {
        return;
    }
    let written =
        |path: &[Option<&str>]| path.iter().copied().flatten().collect::<Vec<_>>().join(".");
    match (given, kept) {
        (Value::Object(given), Value::Object(kept)) => {
            for (key, value) in given {
                path.push(Some(key));
                match kept.get(key) {
                    Some(kept) => compare(value, kept, path, lost),
                    None if is_nothing(value) => {}
                    None => _ = lost.insert(written(path)),
                }
                path.pop();
            }
        }
        (Value::Array(given), Value::Array(kept)) if given.len() == kept.len() => {
            path.push(None);
            for (given, kept) in given.iter().zip(kept) {
                compare(given, kept, path, lost);
            }
            path.pop();
        }
        (given, kept) if given == kept || is_nothing(given) => {}
        // Times and byte strings are written in one form only.
        (Value::String(_), Value::String(_)) => {}
        _ => _ = lost.insert(written(path)),
    }
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(entries) => entries.values().all(is_nothing),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::newly_lost;

    const POD: &str = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: p\nspec:\n  containers:\n  - \
                       name: c\n    image: i\n";

    #[test]
    fn a_field_that_the_type_has_is_kept() {
        assert_eq!(
            newly_lost(POD, &format!("{POD}    command: [a]\n")),
            Vec::<String>::new()
        );
    }

    #[test]
    fn a_field_that_the_type_lacks_is_lost() {
        assert_eq!(
            newly_lost(POD, &format!("{POD}    comand: [a]\n")),
            ["Pod/p: spec.containers.comand"]
        );
    }

    #[test]
    fn a_field_that_was_lost_before_is_not_the_fix_s_fault() {
        let before = format!("{POD}    comand: [a]\n");
        assert_eq!(
            newly_lost(&before, &format!("{before}    args: [b]\n")),
            Vec::<String>::new()
        );
    }

    #[test]
    fn a_field_of_the_wrong_type_does_not_read() {
        let lost = newly_lost(POD, &format!("{POD}    command: a\n"));
        assert_eq!(lost.len(), 1);
        assert!(lost[0].starts_with("Pod/p: "), "{lost:?}");
    }

    #[test]
    fn unknown_kinds_are_not_judged() {
        let text = "apiVersion: example.com/v1\nkind: Thing\nmetadata:\n  name: t\n";
        assert_eq!(
            newly_lost(text, &format!("{text}x: 1\n")),
            Vec::<String>::new()
        );
    }
}
