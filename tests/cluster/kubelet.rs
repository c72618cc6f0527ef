//! The real kubelet in the place of the simulator: the same manifests, the same images as far as
//! `image.py` makes them, the same observations.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use libtest_mimic::Failed;
use serde_json::{Value, json};

use super::raised::Cluster;
use super::run::{Kubelet, Run, SECRET, Steps};

/// What stands in for a program that the image lacks.
const STUB: &str = "#!/bin/sh\nwhile :; do sleep 1; done\n";
/// How long a pod may take to come to rest.
const PATIENCE: Duration = Duration::from_secs(150);

impl Kubelet for Cluster {
    fn run(&self, run: &Run<'_>) -> Result<Steps, Failed> {
        let namespace = self.namespace()?;
        let steps = self.steps(run, &namespace);
        self.forget(&namespace)?;
        steps
    }
}

/// A pod and one of its containers.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) pod: String,
    pub(super) uid: String,
    pub(super) id: String,
    /// `running`, `exited:N`, or what keeps it from starting.
    pub(super) state: String,
    pub(super) restarts: u64,
}

impl Cluster {
    fn steps(&self, run: &Run<'_>, namespace: &str) -> Result<Steps, Failed> {
        let mut objects = self.objects(run.files)?;
        let images: BTreeMap<String, Value> = if run.images.trim().is_empty() {
            BTreeMap::new()
        } else {
            serde_yaml::from_str(run.images)?
        };
        for object in &mut objects {
            if let Some(metadata) = object["metadata"].as_object_mut() {
                metadata.remove("namespace");
            }
            self.adapt(object, &images)?;
        }
        self.apply(namespace, SECRET)?;
        for claim in objects.iter().flat_map(claims) {
            self.claim(namespace, &claim)?;
        }
        for object in &objects {
            self.apply(namespace, &object.to_string())?;
        }
        let name = run.workload.rsplit_once('/').map_or("", |(_, name)| name);
        let seen = self.settled(namespace, name, run.container, 0)?;
        let container = self.container(namespace, &seen.pod, run.container)?;
        let log = self.log(namespace, &seen, &container)?;
        if seen.state != "running" {
            return Ok(Steps {
                states: vec![seen.state; 3],
                texts: vec![None; 3],
                words: Value::Null,
                log,
            });
        }
        let text = |pod: &str| -> Result<Option<String>, Failed> {
            let said = self.inside(namespace, pod, &container, &["cat", run.path])?;
            Ok(said)
        };
        let words = self
            .inside(
                namespace,
                &seen.pod,
                &container,
                &["cat", "/proc/1/cmdline"],
            )?
            .unwrap_or_default();
        let mut texts = vec![text(&seen.pod)?];
        let (config, change) = run.update.split_once(':').ok_or("no update")?;
        let (key, value) = change.split_once('=').ok_or("no update")?;
        let patch = json!({"data": {key: value}}).to_string();
        self.kubectl(&[
            "-n",
            namespace,
            "patch",
            "cm",
            config,
            "--type=merge",
            "-p",
            &patch,
        ])?;
        self.arrived(&seen, value.lines().last().unwrap_or_default())?;
        texts.push(text(&seen.pod)?);
        self.kill(&seen.id)?;
        let again = self.settled(namespace, name, run.container, seen.restarts + 1)?;
        texts.push(text(&again.pod)?);
        Ok(Steps {
            states: vec![seen.state, "running".into(), again.state],
            texts,
            words: words.split_terminator('\0').collect(),
            log,
        })
    }

    /// The objects of files, as kubectl reads them.
    fn objects(&self, files: &[std::path::PathBuf]) -> Result<Vec<Value>, Failed> {
        let mut objects = Vec::new();
        for file in files {
            let text = self.kubectl(&[
                "create",
                "--dry-run=client",
                "--validate=false",
                "-o",
                "json",
                "-f",
                &file.to_string_lossy(),
            ])?;
            for object in serde_json::Deserializer::from_str(&text).into_iter::<Value>() {
                match object? {
                    Value::Object(mut list) if list.get("kind") == Some(&json!("List")) => {
                        if let Some(Value::Array(items)) = list.remove("items") {
                            objects.extend(items);
                        }
                    }
                    object => objects.push(object),
                }
            }
        }
        // A ConfigMap that comes after its pod would be another story.
        objects.sort_by_key(|object| object["kind"] != "ConfigMap");
        Ok(objects)
    }

    /// Gives the containers of an object images that the node has, and has its pods end at once.
    fn adapt(&self, object: &mut Value, images: &BTreeMap<String, Value>) -> Result<(), Failed> {
        match object {
            Value::Object(map) => {
                if map.get("containers").is_some_and(Value::is_array) {
                    map.insert("terminationGracePeriodSeconds".into(), json!(0));
                    for list in ["containers", "initContainers"] {
                        let Some(Value::Array(containers)) = map.get_mut(list) else {
                            continue;
                        };
                        for container in containers {
                            self.give_image(container, images)?;
                        }
                    }
                    return Ok(());
                }
                map.values_mut()
                    .try_for_each(|value| self.adapt(value, images))
            }
            Value::Array(items) => items
                .iter_mut()
                .try_for_each(|value| self.adapt(value, images)),
            _ => Ok(()),
        }
    }

    fn give_image(
        &self,
        container: &mut Value,
        images: &BTreeMap<String, Value>,
    ) -> Result<(), Failed> {
        let given = container["image"].as_str().unwrap_or_default();
        let image = images.get(given).cloned().unwrap_or(Value::Null);
        let words = |value: &Value| -> Vec<String> {
            let list = value.as_array().cloned().unwrap_or_default();
            list.iter()
                .filter_map(|word| word.as_str().map(str::to_owned))
                .collect()
        };
        let stated = words(&container["command"]);
        let mut argv = if stated.is_empty() {
            words(&image["entrypoint"])
        } else {
            stated.clone()
        };
        let more = words(&container["args"]);
        argv.extend(if more.is_empty() && stated.is_empty() {
            words(&image["cmd"])
        } else {
            more
        });
        if argv.is_empty() {
            argv.push("image-default-entrypoint".into());
        }
        let tree = self.folder(&format!("tree-{}", self.number()))?;

        let files = image["files"].as_object().cloned().unwrap_or_default();
        for (path, text) in &files {
            let text = text.as_str().unwrap_or_default();
            put(&tree, path, text, text.starts_with("#!"))?;
        }
        let shell = ["sh", "bash", "ash"].contains(&argv[0].rsplit('/').next().unwrap_or_default());
        let program = if shell && argv.get(1).is_some_and(|word| word == "-c") {
            argv.get(3)
        } else {
            None
        };
        for program in argv.first().into_iter().chain(program) {
            self.stub(&tree, program)?;
        }
        put(
            &tree,
            "bin/bash",
            "#!/bin/sh\nexec /bin/busybox sh \"$@\"\n",
            true,
        )?;
        let mut config = json!({
            "Env": ["PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
            "WorkingDir": image["workingDir"].as_str().unwrap_or("/"),
        });
        for (name, value) in image["env"].as_object().into_iter().flatten() {
            let variable = format!("{name}={}", value.as_str().unwrap_or_default());
            if let Some(env) = config["Env"].as_array_mut() {
                env.push(variable.into());
            }
        }
        if !image["user"].is_null() {
            config["User"] = image["user"].to_string().into();
        }
        let entrypoint = words(&image["entrypoint"]);
        if entrypoint.is_empty() {
            config["Entrypoint"] = json!(["image-default-entrypoint"]);
            self.stub(&tree, "image-default-entrypoint")?;
        } else {
            config["Entrypoint"] = json!(entrypoint);
            config["Cmd"] = json!(words(&image["cmd"]));
        }
        let name = format!("registry.example.com/sim:{}", self.number());

        self.image(&name, &config, &tree, &[".sim"])?;
        container["image"] = name.into();
        container["imagePullPolicy"] = "Never".into();
        Ok(())
    }

    /// A stand-in for a program that neither the files nor busybox have.
    fn stub(&self, tree: &Path, program: &str) -> Result<(), Failed> {
        if program.contains([' ', '$']) || program.is_empty() {
            return Ok(());
        }
        let path = match program.strip_prefix('/') {
            Some(path) => path.to_owned(),
            None if program.contains('/') => return Ok(()),
            None => format!("usr/local/bin/{program}"),
        };
        let name = path.rsplit('/').next().unwrap_or_default();
        let applet = path.starts_with("bin/") || !program.starts_with('/');
        if tree.join(&path).exists() || applet && self.busybox(name)? {
            return Ok(());
        }
        put(tree, &path, STUB, true)
    }

    fn busybox(&self, name: &str) -> Result<bool, Failed> {
        Ok(name == "bash"
            || self.on_node(&["sh", "-c", "busybox --list | grep -qx -- \"$0\"", name])?)
    }

    /// Waits until a container runs, or will not.
    pub(super) fn settled(
        &self,
        namespace: &str,
        workload: &str,
        container: &str,
        restarts: u64,
    ) -> Result<Seen, Failed> {
        let end = Instant::now() + PATIENCE;
        let mut before: Option<String> = None;
        loop {
            let pods = self.json(&["-n", namespace, "get", "pods"])?;
            let seen = newest(&pods, workload).and_then(|pod| state(pod, container));
            let shown = format!("{seen:?}");
            if let Some(seen) = seen
                && seen.restarts >= restarts
                && !seen.state.is_empty()
            {
                // Twice the same, so that a program that ends at once is not taken for one that
                // runs.
                if before.replace(shown.clone()).is_some_and(|b| b == shown) {
                    return Ok(seen);
                }
            }
            if Instant::now() > end {
                let events = self.tried(&["-n", namespace, "get", "events"])?.1;
                return Err(format!("{workload} comes to no rest: {shown}\n{events}").into());
            }
            std::thread::sleep(Duration::from_millis(1200));
        }
    }

    /// Waits until the kubelet has brought an update to a volume of the pod.
    pub(super) fn arrived(&self, seen: &Seen, text: &str) -> Result<(), Failed> {
        let end = Instant::now() + PATIENCE;
        while !self.written(&seen.uid, text)? {
            if Instant::now() > end {
                return Err(format!("{text} comes to no volume of {}", seen.pod).into());
            }
            std::thread::sleep(Duration::from_millis(500));
        }
        // The old folder goes after the link has been swapped.
        std::thread::sleep(Duration::from_millis(700));
        Ok(())
    }

    /// The container that is looked at: the one that is named, or the first.
    fn container(&self, namespace: &str, pod: &str, name: &str) -> Result<String, Failed> {
        if !name.is_empty() {
            return Ok(name.to_owned());
        }
        let path = "jsonpath={.spec.containers[0].name}";
        self.kubectl(&["-n", namespace, "get", "pod", pod, "-o", path])
    }

    /// What a command in a container prints; nothing where it fails.
    pub(super) fn inside(
        &self,
        namespace: &str,
        pod: &str,
        container: &str,
        words: &[&str],
    ) -> Result<Option<String>, Failed> {
        let command = ["-n", namespace, "exec", pod, "-c", container, "--"];
        let words: Vec<&str> = command.iter().chain(words).copied().collect();
        // The connection may break while another container of the node ends; the command has not
        // run then.
        for _ in 0..3 {
            let (held, said) = self.tried(&words)?;
            if held {
                return Ok(Some(said));
            }
            if said.contains("terminated with exit code") {
                return Ok(None);
            }
            std::thread::sleep(Duration::from_secs(1));
        }
        Err(format!(
            "no command can be run in {pod}: {:?}",
            self.tried(&words)?.1
        )
        .into())
    }

    /// What the program has printed since it started, or before it ended.
    pub(super) fn log(
        &self,
        namespace: &str,
        seen: &Seen,
        container: &str,
    ) -> Result<String, Failed> {
        let words = ["-n", namespace, "logs", &seen.pod, "-c", container];
        Ok(self.tried(&words)?.1)
    }
}

/// The claims that an object names.
fn claims(object: &Value) -> Vec<String> {
    let volumes = object.pointer("/spec/template/spec/volumes");
    let volumes = volumes.and_then(Value::as_array).into_iter().flatten();
    volumes
        .filter_map(|volume| volume["persistentVolumeClaim"]["claimName"].as_str())
        .map(str::to_owned)
        .collect()
}

/// The newest pod of a workload that is not on its way out.
fn newest<'a>(pods: &'a Value, workload: &str) -> Option<&'a Value> {
    let of_workload = |pod: &&Value| {
        let name = pod["metadata"]["name"].as_str().unwrap_or_default();
        let rest = name.strip_prefix(workload);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
            && pod["metadata"]["deletionTimestamp"].is_null()
    };
    let pods = pods["items"].as_array()?.iter().filter(of_workload);
    pods.max_by_key(|pod| {
        pod["metadata"]["creationTimestamp"]
            .as_str()
            .unwrap_or_default()
    })
}

/// What the status of a pod says of a container; no state while it is on its way.
fn state(pod: &Value, container: &str) -> Option<Seen> {
    let name = match container {
        "" => pod["spec"]["containers"][0]["name"].as_str()?,
        name => name,
    };
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let status = ["containerStatuses", "initContainerStatuses"]
        .iter()
        .filter_map(|list| pod["status"][*list].as_array())
        .flatten()
        .find(|status| status["name"] == name)?;
    let ended = |ended: &Value| match ended["reason"].as_str() {
        // The runtime refused to start it: the simulator knows one word for that.
        Some("StartError" | "ContainerCannotRun") => {
            format!("CreateContainerError: {}", text(&ended["message"]))
        }
        _ => format!("exited:{}", ended["exitCode"]),
    };
    let state = &status["state"];
    let state = if state["running"].is_object() {
        "running".to_owned()
    } else if state["terminated"].is_object() {
        ended(&state["terminated"])
    } else {
        match state["waiting"]["reason"].as_str() {
            Some(reason @ ("CreateContainerError" | "CreateContainerConfigError")) => {
                format!("{reason}: {}", text(&state["waiting"]["message"]))
            }
            Some("RunContainerError") => {
                format!(
                    "CreateContainerError: {}",
                    text(&state["waiting"]["message"])
                )
            }
            Some("CrashLoopBackOff") => ended(&status["lastState"]["terminated"]),
            _ => String::new(),
        }
    };
    Some(Seen {
        pod: text(&pod["metadata"]["name"]),
        uid: text(&pod["metadata"]["uid"]),
        id: text(&status["containerID"]),
        state,
        restarts: status["restartCount"].as_u64().unwrap_or(0),
    })
}

/// Writes a file of an image.
pub(super) fn put(tree: &Path, path: &str, text: &str, runs: bool) -> Result<(), Failed> {
    let path = tree.join(path.trim_start_matches('/'));
    fs::create_dir_all(path.parent().unwrap_or(tree))?;
    fs::write(&path, text)?;
    let mode = if runs { 0o755 } else { 0o644 };
    fs::set_permissions(&path, fs::Permissions::from_mode(mode))?;
    Ok(())
}
