//! A workload that a chart makes of values, in the making.

use serde_json::{Map, Value, json};

use crate::kube::object::reference::Target;
use crate::kube::pod::{CARRIERS, Carrier};

/// What is known of a workload.
#[derive(Debug, Default)]
pub(super) struct Draft {
    /// Its kind, as the chart writes it or as values call it: `statefulset`.
    pub kind: String,
    /// Its annotations.
    pub own: Map<String, Value>,
    /// Those of its pods.
    pub of_pods: Map<String, Value>,
    pub update_strategy: Option<String>,
    pub init_containers: Vec<Value>,
    pub containers: Vec<Value>,
    pub volumes: Vec<Value>,
    /// Where in the values the annotations of pods stand.
    pub annotations: Vec<String>,
    /// Where those of the workload stand, where it has some.
    pub of_workload: Option<Vec<String>>,
    /// Objects, and where in the values each is named.
    pub named: Vec<((Target, String), Vec<String>)>,
}

impl Draft {
    /// Notes where an object is named.
    pub(super) fn name(&mut self, to: Target, name: &str, path: Vec<String>) {
        if !name.is_empty() {
            self.named.push(((to, name.to_owned()), path));
        }
    }

    /// As a text, with the row of its kind; nothing for what no chart makes.
    pub(super) fn workload(self) -> Option<(String, &'static Carrier)> {
        let kinds = ["Deployment", "StatefulSet", "DaemonSet", "CronJob", "Job"];
        let kind = *kinds.iter().find(|k| k.eq_ignore_ascii_case(&self.kind))?;
        let group = if kind.ends_with("Job") {
            "batch"
        } else {
            "apps"
        };
        let carrier = (CARRIERS.iter()).find(|c| c.kind == kind && c.groups.contains(&group))?;
        let template = json!({
            "metadata": {"annotations": self.of_pods},
            "spec": {
                "initContainers": self.init_containers,
                "containers": self.containers,
                "volumes": self.volumes,
            },
        });
        let mut root = template;
        for key in carrier.template.iter().rev() {
            root = json!({ *key: root });
        }
        if let (Some(strategy), Some(spec)) = (self.update_strategy, root.get_mut("spec")) {
            spec["updateStrategy"] = json!({"type": strategy});
        }
        root["apiVersion"] = json!(format!("{group}/v1"));
        root["kind"] = json!(kind);
        root["metadata"] = json!({"annotations": self.own});
        Some((root.to_string(), carrier))
    }
}

/// A text at the end of a path.
pub(super) fn text<'v>(value: &'v Value, path: &[&str]) -> Option<&'v str> {
    at(value, path)?.as_str().filter(|text| !text.is_empty())
}

/// The value at the end of a path.
pub(super) fn at<'v>(value: &'v Value, path: &[&str]) -> Option<&'v Value> {
    path.iter().try_fold(value, |value, key| value.get(key))
}

/// The items of a list at the end of a path.
pub(super) fn items<'v>(value: &'v Value, path: &[&str]) -> &'v [Value] {
    let list = at(value, path).and_then(Value::as_array);
    list.map(Vec::as_slice).unwrap_or_default()
}

/// The entries of a mapping at the end of a path.
pub(super) fn entries<'v>(
    value: &'v Value,
    path: &[&str],
) -> impl Iterator<Item = (&'v String, &'v Value)> + use<'v> {
    at(value, path)
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
}

/// A copy of a mapping at the end of a path.
pub(super) fn mapping(value: &Value, path: &[&str]) -> Map<String, Value> {
    let map = at(value, path).and_then(Value::as_object);
    map.cloned().unwrap_or_default()
}

/// A path that can be kept.
pub(super) fn path<S: ToString>(keys: impl IntoIterator<Item = S>) -> Vec<String> {
    keys.into_iter().map(|key| key.to_string()).collect()
}

/// An image: one text, or a mapping of repository and tag.
pub(super) fn image(value: &Value) -> Option<String> {
    if let Some(text) = value.as_str() {
        return Some(text.to_owned());
    }
    let repository = text(value, &["repository"])?;
    let tag = value.get("tag").and_then(Value::as_str);
    Some(match tag {
        Some(tag) => format!("{repository}:{tag}"),
        None => repository.to_owned(),
    })
}
