//! Pods of charts whose values say by fields of their own what the pods read.

use serde_json::{Value, json};

use super::draft::{Draft, at, entries, image, items, mapping, path, text};
use crate::kube::object::reference::Target::{self, ConfigMap, Secret};

/// A path in the values.
pub(super) type Path = &'static [&'static str];

/// The pods of one workload of a chart.
#[derive(Debug)]
pub(super) struct Listed {
    /// The kind of the workload.
    pub kind: &'static str,
    /// The image of its program, where values name no other one in `image`.
    pub image: &'static str,
    /// Where the annotations of the workload stand, where it has some.
    pub own: Option<Path>,
    /// Where those of its pods stand.
    pub annotations: Path,
    /// What its pods read.
    pub reads: &'static [Read],
    /// A value that has a program beside it read configuration again.
    pub reloads: Option<Path>,
}

/// What a field of the values has pods read.
#[derive(Debug)]
pub(super) enum Read {
    /// `volumes` of a pod.
    Volumes(Path),
    /// `volumeMounts` of its container.
    Mounts(Path),
    /// `env` of its container.
    Env(Path),
    /// `envFrom` of its container.
    EnvFrom(Path),
    /// Names of ConfigMaps that are mounted there.
    Files(Path, &'static str),
    /// The name of a ConfigMap of which a key is mounted: the value that names the key, or the key.
    Key(Path, Path, &'static str),
    /// The name of what all variables are taken from.
    Variables(Path, Target),
    /// A list of mappings of such names.
    VariablesEach(Path, Target),
    /// A list of mappings: `name`, `mountPath`, `subPath`, `items`, and the field that names the
    /// object.
    Each(Path, &'static str, Target),
}

impl Listed {
    /// The pods that values ask for; nothing where what they read is read again.
    pub(super) fn pod(&self, values: &Value) -> Option<Draft> {
        if self.reloads.and_then(|path| at(values, path)) == Some(&Value::Bool(true)) {
            return None;
        }
        let mut draft = Draft {
            kind: self.kind.to_owned(),
            own: self
                .own
                .map(|path| mapping(values, path))
                .unwrap_or_default(),
            of_pods: mapping(values, self.annotations),
            annotations: path(self.annotations),
            of_workload: self.own.map(path),
            ..Draft::default()
        };
        let image = values.get("image").and_then(image);
        let mut container = json!({
            "name": "main",
            "image": image.unwrap_or_else(|| self.image.to_owned()),
            "env": [],
            "envFrom": [],
            "volumeMounts": [],
        });
        for field in ["command", "args"] {
            if let Some(value) = values.get(field) {
                container[field] = value.clone();
            }
        }
        for read in self.reads {
            read.add(values, &mut container, &mut draft);
        }
        draft.containers.push(container);
        Some(draft)
    }
}

/// Adds to a list of a container.
fn push(container: &mut Value, field: &str, item: Value) {
    if let Some(list) = container.get_mut(field).and_then(Value::as_array_mut) {
        list.push(item);
    }
}

/// A volume of an object, or of one of its keys.
fn volume(name: &str, (to, object): (Target, &str), items: Option<Value>) -> Value {
    let (kind, field) = match to {
        ConfigMap => ("configMap", "name"),
        Secret => ("secret", "secretName"),
    };
    let mut source = json!({ field: object });
    if let Some(items) = items {
        source["items"] = items;
    }
    json!({"name": name, kind: source})
}

impl Read {
    fn add(&self, values: &Value, container: &mut Value, draft: &mut Draft) {
        match self {
            Self::Volumes(list) => {
                for (number, item) in items(values, list).iter().enumerate() {
                    of_volume(item, &way(list, number), draft);
                    draft.volumes.push(item.clone());
                }
            }
            Self::Mounts(list) => {
                for item in items(values, list) {
                    push(container, "volumeMounts", item.clone());
                }
            }
            Self::Env(list) => {
                for (number, item) in items(values, list).iter().enumerate() {
                    for (to, field) in [(ConfigMap, "configMapKeyRef"), (Secret, "secretKeyRef")] {
                        if let Some(name) = text(item, &["valueFrom", field, "name"]) {
                            let rest = path(["valueFrom", field, "name"]);
                            draft.name(to, name, [way(list, number), rest].concat());
                        }
                    }
                    push(container, "env", item.clone());
                }
            }
            Self::EnvFrom(list) => {
                for (number, item) in items(values, list).iter().enumerate() {
                    for (to, field) in [(ConfigMap, "configMapRef"), (Secret, "secretRef")] {
                        if let Some(name) = text(item, &[field, "name"]) {
                            let rest = path([field, "name"]);
                            draft.name(to, name, [way(list, number), rest].concat());
                        }
                    }
                    push(container, "envFrom", item.clone());
                }
            }
            Self::Files(field, place) => {
                let one = text(values, field).map(|name| (name, path(*field)));
                let several = items(values, field).iter().enumerate();
                let several = several.filter_map(|(n, item)| Some((item.as_str()?, way(field, n))));
                for (name, way) in one.into_iter().chain(several) {
                    draft.name(ConfigMap, name, way);
                    mount(
                        draft,
                        container,
                        volume(name, (ConfigMap, name), None),
                        place,
                    );
                }
            }
            Self::Key(field, key, default) => {
                let Some(name) = text(values, field) else {
                    return;
                };
                draft.name(ConfigMap, name, path(*field));
                let key = text(values, key).unwrap_or(default);
                let items = json!([{"key": key, "path": key}]);
                let volume = volume(name, (ConfigMap, name), Some(items));
                mount(draft, container, volume, "/etc/config");
            }
            Self::Variables(field, to) => {
                if let Some(name) = text(values, field) {
                    draft.name(*to, name, path(*field));
                    push(container, "envFrom", variables(*to, name));
                }
            }
            Self::VariablesEach(list, to) => {
                for (number, item) in items(values, list).iter().enumerate() {
                    if let Some(name) = text(item, &["name"]) {
                        let own = [way(list, number), path(["name"])].concat();
                        draft.name(*to, name, own);
                        push(container, "envFrom", variables(*to, name));
                    }
                }
            }
            Self::Each(list, field, to) => {
                for (number, item) in items(values, list).iter().enumerate() {
                    let Some(object) = text(item, &[field]) else {
                        continue;
                    };
                    let own = [way(list, number), path([*field])].concat();
                    draft.name(*to, object, own);
                    let name = text(item, &["name"]).unwrap_or(object);
                    let items = item.get("items").cloned();
                    draft.volumes.push(volume(name, (*to, object), items));
                    let fields = ["name", "mountPath", "subPath"];
                    let of_mount = |(key, value): (&String, &Value)| (key.clone(), value.clone());
                    let own = entries(item, &[]).filter(|(key, _)| fields.contains(&key.as_str()));
                    let mut mount: serde_json::Map<_, _> = own.map(of_mount).collect();
                    mount.insert("name".to_owned(), json!(name));
                    push(container, "volumeMounts", Value::Object(mount));
                }
            }
        }
    }
}

fn way(list: &[&str], number: usize) -> Vec<String> {
    [path(list), vec![number.to_string()]].concat()
}

fn variables(to: Target, name: &str) -> Value {
    match to {
        ConfigMap => json!({"configMapRef": {"name": name}}),
        Secret => json!({"secretRef": {"name": name}}),
    }
}

fn mount(draft: &mut Draft, container: &mut Value, volume: Value, place: &str) {
    let mount = json!({"name": volume["name"], "mountPath": place});
    draft.volumes.push(volume);
    push(container, "volumeMounts", mount);
}

/// Notes what a volume of a pod names.
fn of_volume(volume: &Value, way: &[String], draft: &mut Draft) {
    let mut note = |source: &Value, (to, field, own): (Target, &str, &str), way: &[String]| {
        if let Some(name) = text(source, &[field, own]) {
            draft.name(to, name, [way, &path([field, own])].concat());
        }
    };
    note(volume, (ConfigMap, "configMap", "name"), way);
    note(volume, (Secret, "secret", "secretName"), way);
    for (number, source) in items(volume, &["projected", "sources"]).iter().enumerate() {
        let number = number.to_string();
        let way = [way, &path(["projected", "sources", number.as_str()])].concat();
        note(source, (ConfigMap, "configMap", "name"), &way);
        note(source, (Secret, "secret", "name"), &way);
    }
}
