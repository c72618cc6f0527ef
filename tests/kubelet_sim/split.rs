//! The split of `secret-in-configmap`: each container has the same variables and words, and at
//! each mount the same files, contents, modes and links, as before; also when something that stays
//! in the ConfigMap is updated, and when the container is started again.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use libtest_mimic::Failed;
use serde_json::{Value, json};

use super::Simulator;
use super::support::{self, TrialResult, ensure};

/// Kinds that the simulator starts, and where the `PodSpec` is.
const WORKLOADS: &[(&str, &str)] = &[
    ("CronJob", "/spec/jobTemplate/spec/template/spec"),
    ("DaemonSet", "/spec/template/spec"),
    ("Deployment", "/spec/template/spec"),
    ("Job", "/spec/template/spec"),
    ("Pod", "/spec"),
    ("ReplicaSet", "/spec/template/spec"),
    ("StatefulSet", "/spec/template/spec"),
];

/// Where the kernel has the variables with which a program was started.
const ENVIRON: &str = "/proc/1/environ";

/// A workload of a case that has a fix.
pub(super) struct Split {
    case: PathBuf,
    kind: String,
    name: String,
}

impl Split {
    /// What it is called.
    pub(super) fn label(&self) -> String {
        let case = self.case.file_name().unwrap_or_default().to_string_lossy();
        format!("split/{case}/{}/{}", self.kind, self.name)
    }
}

/// All workloads of all cases with a fix.
pub(super) fn all() -> Vec<Split> {
    let home = Path::new(env!("CARGO_MANIFEST_DIR")).join("transforms/secret-in-configmap/cases");
    let mut cases: Vec<PathBuf> = fs::read_dir(home)
        .expect("the cases")
        .flatten()
        .map(|entry| entry.path())
        .filter(|case| case.join("after").exists())
        .collect();
    cases.sort();
    let mut found = Vec::new();
    for case in cases {
        for object in objects(&case.join("before")) {
            if spec_of(&object).is_some() {
                let word = |pointer| object.pointer(pointer).and_then(Value::as_str);
                found.push(Split {
                    case: case.clone(),
                    kind: word("/kind").unwrap_or_default().to_owned(),
                    name: word("/metadata/name").unwrap_or_default().to_owned(),
                });
            }
        }
    }
    found
}

/// The objects of all manifests below a folder; patches are none.
fn objects(folder: &Path) -> Vec<Value> {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder)
        .expect("a folder")
        .flatten()
        .map(|entry| entry.path())
        .collect();
    paths.sort();
    let mut found = Vec::new();
    for path in paths {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if path.is_dir() {
            found.extend(objects(&path));
        } else if name.ends_with(".yaml") && name != "patch.yaml" && !name.starts_with('.') {
            let text = fs::read_to_string(&path).expect("a manifest");
            for document in serde_yaml::Deserializer::from_str(&text) {
                found.push(serde::Deserialize::deserialize(document).expect("YAML"));
            }
        }
    }
    found
}

/// Where the `PodSpec` of an object is.
fn spec_of(object: &Value) -> Option<&'static str> {
    let kind = object["kind"].as_str()?;
    let (_, pointer) = WORKLOADS.iter().find(|(known, _)| *known == kind)?;
    object.pointer(pointer).map(|_| *pointer)
}

fn namespace(object: &Value) -> &str {
    let namespace = object.pointer("/metadata/namespace");
    namespace.and_then(Value::as_str).unwrap_or("default")
}

/// A side of a case: its manifests with programs that wait, and what is looked at.
struct Side {
    objects: Vec<Value>,
    namespace: String,
    /// Paths inside of the containers.
    paths: Vec<String>,
}

impl Side {
    fn read(split: &Split, side: &str) -> Result<Self, Failed> {
        let mut objects = objects(&split.case.join(side));
        let of_split = objects.iter_mut().find(|object| {
            object["kind"] == *split.kind && object["metadata"]["name"] == *split.name
        });
        let workload = of_split.ok_or("the workload is gone")?;
        let namespace = namespace(workload).to_owned();
        let pointer = spec_of(workload).ok_or("no pod")?;
        let spec = workload.pointer_mut(pointer).ok_or("no pod")?;
        // A container that ended shows nothing: those for the start run beside the others.
        let mut containers = Vec::new();
        for list in ["initContainers", "containers"] {
            if let Some(Value::Array(of_list)) = spec.get_mut(list).map(Value::take) {
                containers.extend(of_list);
            }
        }
        let mut paths = vec![ENVIRON.to_owned()];
        for container in &mut containers {
            let words = |field: &str| container[field].as_array().cloned().unwrap_or_default();
            let argv = [words("command"), words("args")].concat();
            container["command"] = json!(["recorder"]);
            container["args"] = argv.into();
            for mount in container["volumeMounts"].as_array().into_iter().flatten() {
                let path = mount["mountPath"]
                    .as_str()
                    .ok_or("a mount without a path")?;
                paths.extend([path.to_owned(), format!("{path}/..data")]);
            }
        }
        spec["initContainers"] = json!([]);
        spec["containers"] = containers.into();
        Ok(Self {
            objects,
            namespace,
            paths,
        })
    }

    /// A key that every ConfigMap of the namespace still has, as the simulator takes an update.
    fn updates(&self) -> Vec<String> {
        let maps = self
            .objects
            .iter()
            .filter(|object| object["kind"] == "ConfigMap" && namespace(object) == self.namespace);
        maps.filter_map(|map| {
            let (key, _) = map["data"].as_object()?.iter().next()?;
            Some(format!(
                "{}:{key}=updated",
                map["metadata"]["name"].as_str()?
            ))
        })
        .collect()
    }

    fn run(
        &self,
        simulator: &Simulator,
        split: &Split,
        (paths, updates): (&[String], &[String]),
    ) -> Result<Value, Failed> {
        let scratch = tempfile::tempdir()?;
        let file = scratch.path().join("case.yaml");
        let documents = self.objects.iter().map(|object| format!("---\n{object}\n"));
        fs::write(&file, documents.collect::<String>())?;
        let mut command = Command::new("python3");
        command.arg(&simulator.program).arg("run").arg(file);
        command.args(["-w", &format!("{}/{}", split.kind, split.name)]);
        command.args(["-k", simulator.kubelet, "--settle", "0.2"]);
        command.args(["--steps", "start,update,restart"]);
        for path in paths {
            command.args(["-p", path]);
        }
        for update in updates {
            command.args(["-s", update]);
        }
        let output = support::run(&mut command, &[0])?;
        let mut result: Value = serde_json::from_slice(&output.stdout)?;
        let phases = result["phases"].as_array_mut().ok_or("no phases")?;
        for phase in phases.iter_mut() {
            for (name, container) in phase["containers"].as_object_mut().ok_or("no containers")? {
                ensure(container["state"] == "running", || {
                    format!("{name} does not run: {container}")
                })?;
                alike(&mut container["paths"]);
            }
            phase["events"].take();
        }
        Ok(result["phases"].take())
    }
}

/// Takes out what differs from start to start, and what decides nothing.
fn alike(paths: &mut Value) {
    for (path, seen) in paths.as_object_mut().into_iter().flatten() {
        if path == ENVIRON {
            let text = seen["text"].as_str().unwrap_or_default();
            let mut variables: Vec<&str> = text.split_terminator('\0').collect();
            variables.sort_unstable();
            *seen = json!(variables);
        } else if let Some(seen) = seen.as_object_mut() {
            // The folder of this moment.
            if path.ends_with("/..data") {
                seen.remove("link");
            }
            // The kubelet keeps Secrets in memory, where the folder itself has the sticky bit. All
            // of these mounts are read-only, so that it decides nothing.
            if seen.contains_key("dir") {
                seen.remove("mode");
            }
        }
    }
}

pub(super) fn play(simulator: &Simulator, split: &Split) -> TrialResult {
    let (before, after) = (Side::read(split, "before")?, Side::read(split, "after")?);
    ensure(before.paths == after.paths, || "other mounts".to_owned())?;
    let asked = (&*before.paths, &*after.updates());
    let old = before.run(simulator, split, asked)?;
    let new = after.run(simulator, split, asked)?;
    let phases = old.as_array().into_iter().flatten();
    for (old, new) in phases.zip(new.as_array().into_iter().flatten()) {
        let mut places = Vec::new();
        differences(old, new, "", &mut places);
        ensure(places.is_empty(), || {
            format!("{} not as before: {}", old["phase"], places.join(", "))
        })?;
    }
    Ok(())
}

/// Where two values differ; what stands there may be a secret.
fn differences(old: &Value, new: &Value, path: &str, places: &mut Vec<String>) {
    let (Some(fields), Some(others)) = (old.as_object(), new.as_object()) else {
        if old != new {
            places.push(path.to_owned());
        }
        return;
    };
    let keys: BTreeSet<&String> = fields.keys().chain(others.keys()).collect();
    for key in keys {
        differences(&old[key], &new[key], &format!("{path} > {key}"), places);
    }
}
