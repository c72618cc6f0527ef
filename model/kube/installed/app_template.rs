//! The pods of bjw-s app-template, from its second version on: `templates/lib/pod` and
//! `templates/lib/container` of its library chart `common`
//! (<https://github.com/bjw-s-labs/helm-charts/tree/main/charts/library/common>).
//!
//! What `persistence` and containers take from `configMaps` and `secrets` of the values themselves
//! (`identifier`) is none of it: the chart makes those objects, and writes a checksum of them.

use serde_json::{Map, Value, json};

use super::draft::{Draft, at, entries, image, items, mapping, path, text};
use crate::kube::object::reference::Target::{self, ConfigMap, Secret};

/// All controllers that are switched on.
pub(super) fn pods(values: &Value) -> Vec<Draft> {
    entries(values, &["controllers"])
        .filter(|(_, controller)| controller.is_object() && is_on(controller))
        .map(|(name, controller)| pod(values, name, controller))
        .collect()
}

/// Whatever does not say otherwise is switched on.
fn is_on(value: &Value) -> bool {
    value
        .get("enabled")
        .is_none_or(|on| on != &Value::Bool(false))
}

fn pod(values: &Value, name: &str, controller: &Value) -> Draft {
    let mut own = mapping(values, &["global", "annotations"]);
    own.extend(mapping(controller, &["annotations"]));
    let mut of_pods = mapping(values, &["defaultPodOptions", "annotations"]);
    of_pods.extend(mapping(controller, &["pod", "annotations"]));
    let kind = text(controller, &["type"]).unwrap_or("deployment");
    let rolls = kind.eq_ignore_ascii_case("statefulset") || kind.eq_ignore_ascii_case("daemonset");
    let strategy = text(controller, &["strategy"]).filter(|_| rolls);
    let mut draft = Draft {
        kind: kind.to_owned(),
        own,
        of_pods,
        update_strategy: strategy.map(str::to_owned),
        annotations: path(["controllers", name, "pod", "annotations"]),
        of_workload: Some(path(["controllers", name, "annotations"])),
        ..Draft::default()
    };
    volumes(values, name, &mut draft);
    for list in ["initContainers", "containers"] {
        let all = entries(controller, &[list]).filter(|(_, c)| c.is_object() && is_on(c));
        for (own, value) in all {
            let of = Container {
                values,
                controller: (name, controller),
                list,
                name: own,
                value,
            };
            let made = of.made(&mut draft);
            match list {
                "containers" => draft.containers.push(made),
                _ => draft.init_containers.push(made),
            }
        }
    }
    draft
}

/// The volumes of ConfigMaps and Secrets that have a name, and those that are written as they are.
fn volumes(values: &Value, controller: &str, draft: &mut Draft) {
    for (id, item) in persistence(values) {
        if !is_mounted(item, controller) {
            continue;
        }
        let mut volume = match text(item, &["type"]) {
            Some("custom") => mapping(item, &["volumeSpec"]),
            Some(kind @ ("configMap" | "secret")) => {
                let Some(name) = text(item, &["name"]) else {
                    continue;
                };
                let (to, field) = match kind {
                    "configMap" => (ConfigMap, "name"),
                    _ => (Secret, "secretName"),
                };
                draft.name(to, name, path(["persistence", id, "name"]));
                let mut source = json!({ field: name });
                if let Some(items) = item.get("items") {
                    source["items"] = items.clone();
                }
                Map::from_iter([(kind.to_owned(), source)])
            }
            _ => continue,
        };
        for (to, field, own) in [
            (ConfigMap, "configMap", "name"),
            (Secret, "secret", "secretName"),
        ] {
            let custom = text(item, &["volumeSpec", field, own]);
            if let Some(name) = custom.filter(|_| text(item, &["type"]) == Some("custom")) {
                let way = path(["persistence", id, "volumeSpec", field, own]);
                draft.name(to, name, way);
            }
        }
        volume.insert("name".to_owned(), json!(id));
        draft.volumes.push(Value::Object(volume));
    }
}

fn persistence(values: &Value) -> impl Iterator<Item = (&String, &Value)> {
    entries(values, &["persistence"]).filter(|(_, item)| item.is_object() && is_on(item))
}

fn has_some(value: Option<&Value>) -> bool {
    value.is_some_and(|value| match value {
        Value::Array(items) => !items.is_empty(),
        Value::Object(map) => !map.is_empty(),
        _ => false,
    })
}

/// Whether pods of a controller have a volume: where mounts are stated, some are of it.
fn is_mounted(item: &Value, controller: &str) -> bool {
    let global = has_some(item.get("globalMounts"));
    let advanced = has_some(item.get("advancedMounts"));
    global || !advanced || has_some(at(item, &["advancedMounts", controller]))
}

/// A container of a controller.
struct Container<'v> {
    values: &'v Value,
    controller: (&'v str, &'v Value),
    /// `containers` or `initContainers`
    list: &'v str,
    name: &'v str,
    value: &'v Value,
}

impl Container<'_> {
    fn made(&self, draft: &mut Draft) -> Value {
        let mut made = json!({"name": self.name, "volumeMounts": self.mounts()});
        if let Some(image) = self.option("image").and_then(|(value, _)| image(value)) {
            made["image"] = json!(image);
        }
        for field in ["command", "args"] {
            if let Some((value, _)) = self.option(field) {
                made[field] = match value {
                    Value::String(text) => json!([text]),
                    other => other.clone(),
                };
            }
        }
        made["env"] = Value::Array(self.env(draft));
        made["envFrom"] = Value::Array(self.env_from(draft));
        made
    }

    /// A field of the container, or of all of the controller, and where it stands.
    fn option(&self, field: &str) -> Option<(&Value, Vec<String>)> {
        let (name, controller) = self.controller;
        let is_empty = |value: &&Value| !(value.is_null() || has_none(value));
        let own = self.value.get(field).filter(is_empty);
        let way = || path(["controllers", name, self.list, self.name, field]);
        own.map(|value| (value, way())).or_else(|| {
            let of_all = at(controller, &["defaultContainerOptions", field])?;
            let way = path(["controllers", name, "defaultContainerOptions", field]);
            Some((of_all, way))
        })
    }

    fn mounts(&self) -> Vec<Value> {
        let mut mounts = Vec::new();
        for (id, item) in persistence(self.values) {
            let advanced = ["advancedMounts", self.controller.0, self.name];
            let stated = has_some(item.get("globalMounts")) || has_some(item.get("advancedMounts"));
            if !stated {
                mounts.push(json!({"name": id, "mountPath": format!("/{id}")}));
                continue;
            }
            let mut place = format!("/{id}");
            for mount in items(item, &["globalMounts"])
                .iter()
                .chain(items(item, &advanced))
            {
                if let Some(path) = text(mount, &["path"]) {
                    path.clone_into(&mut place);
                }
                let mut made = json!({"name": id, "mountPath": place});
                for field in ["subPath", "subPathExpr"] {
                    if let Some(value) = text(mount, &[field]) {
                        made[field] = json!(value);
                    }
                }
                mounts.push(made);
            }
        }
        mounts
    }

    /// Variables: a list as in a pod, or a mapping of names to values, to `valueFrom`, or to what
    /// stands below `valueFrom`.
    fn env(&self, draft: &mut Draft) -> Vec<Value> {
        let Some((value, way)) = self.option("env") else {
            return Vec::new();
        };
        let mut made = Vec::new();
        match value {
            Value::Array(list) => {
                for (at, item) in list.iter().enumerate() {
                    let Some(name) = text(item, &["name"]) else {
                        continue;
                    };
                    let mut rest = item.as_object().cloned().unwrap_or_default();
                    rest.remove("name");
                    let way = [&way[..], &[at.to_string()]].concat();
                    made.extend(variable(name, &Value::Object(rest), &way, draft));
                }
            }
            Value::Object(map) => {
                for (name, value) in map {
                    let way = [&way[..], std::slice::from_ref(name)].concat();
                    made.extend(variable(name, value, &way, draft));
                }
            }
            _ => {}
        }
        made
    }

    fn env_from(&self, draft: &mut Draft) -> Vec<Value> {
        let Some((value, way)) = self.option("envFrom") else {
            return Vec::new();
        };
        let mut made = Vec::new();
        let list = value.as_array().map(Vec::as_slice).unwrap_or_default();
        for (at, item) in list.iter().enumerate() {
            for (to, short, long, own) in [
                (ConfigMap, "configMap", "configMapRef", "configMaps"),
                (Secret, "secret", "secretRef", "secrets"),
            ] {
                let at = at.to_string();
                let (name, fields) = match (text(item, &[short]), text(item, &[long, "name"])) {
                    (Some(name), _) => (name, path([at.as_str(), short])),
                    (None, Some(name)) => (name, path([at.as_str(), long, "name"])),
                    (None, None) => continue,
                };
                // What the values make themselves goes by its identifier.
                if self
                    .values
                    .get(own)
                    .is_some_and(|all| all.get(name).is_some())
                {
                    continue;
                }
                draft.name(to, name, [&way[..], &fields].concat());
                made.push(json!({ long: {"name": name} }));
            }
        }
        made
    }
}

fn has_none(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
        Value::String(text) => text.is_empty(),
        _ => false,
    }
}

fn variable(name: &str, value: &Value, way: &[String], draft: &mut Draft) -> Option<Value> {
    let Some(map) = value.as_object() else {
        let text = match value {
            Value::Null => return None,
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        return Some(json!({"name": name, "value": text}));
    };
    if let Some(value) = map.get("value") {
        return Some(json!({"name": name, "value": value}));
    }
    let (from, way) = if let Some(from) = map.get("valueFrom") {
        (from.clone(), [way, &["valueFrom".to_owned()]].concat())
    } else {
        let mut rest = map.clone();
        rest.remove("dependsOn");
        (Value::Object(rest), way.to_vec())
    };
    let kinds: [(Target, &str); 2] = [(ConfigMap, "configMapKeyRef"), (Secret, "secretKeyRef")];
    for (to, field) in kinds {
        if let Some(object) = text(&from, &[field, "name"]) {
            let fields = path([field, "name"]);
            draft.name(to, object, [&way[..], &fields].concat());
        }
    }
    Some(json!({"name": name, "valueFrom": from}))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(values: &Value) -> Vec<(String, Vec<String>)> {
        let drafts = pods(values).into_iter();
        let of = |draft: Draft| {
            let named = draft.named.iter().map(|((_, name), way)| {
                let way = way.join(".");
                format!("{name} at {way}")
            });
            (draft.annotations.join("."), named.collect())
        };
        drafts.map(of).collect()
    }

    #[test]
    fn each_controller_reads_what_is_mounted_there() {
        let values = json!({
            "controllers": {
                "main": {"containers": {"app": {"envFrom": [{"configMap": "env"}]}}},
                "other": {"containers": {"app": {}}},
                "off": {"enabled": false},
            },
            "configMaps": {"env": {}},
            "persistence": {
                "a": {"type": "configMap", "name": "a"},
                "b": {"type": "secret", "name": "b", "advancedMounts": {"other": {"app": [{}]}}},
                "c": {"type": "configMap", "identifier": "env"},
                "d": {"type": "configMap", "name": "d", "enabled": false},
            },
        });
        assert_eq!(
            made(&values),
            [
                (
                    "controllers.main.pod.annotations".to_owned(),
                    vec!["a at persistence.a.name".to_owned()]
                ),
                (
                    "controllers.other.pod.annotations".to_owned(),
                    vec![
                        "a at persistence.a.name".to_owned(),
                        "b at persistence.b.name".to_owned()
                    ]
                ),
            ]
        );
    }

    #[test]
    fn variables_have_three_forms() {
        let values = json!({"controllers": {"main": {"containers": {"app": {"env": {
            "PLAIN": 1,
            "SHORT": {"configMapKeyRef": {"name": "short", "key": "a"}, "dependsOn": "PLAIN"},
            "LONG": {"valueFrom": {"secretKeyRef": {"name": "long", "key": "a"}}},
        }}}}}});
        let draft = pods(&values).remove(0);
        assert_eq!(
            draft.containers[0]["env"],
            json!([
                {"name": "PLAIN", "value": "1"},
                {"name": "SHORT", "valueFrom": {"configMapKeyRef": {"name": "short", "key": "a"}}},
                {"name": "LONG", "valueFrom": {"secretKeyRef": {"name": "long", "key": "a"}}},
            ])
        );
        let names: Vec<&str> = draft
            .named
            .iter()
            .map(|((_, name), _)| name.as_str())
            .collect();
        assert_eq!(names, ["short", "long"]);
    }
}
