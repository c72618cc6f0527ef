//! Promise: what `subpath-configmap-mount` writes does in a pod what it says. The cases of the transform run, before and after, in a
//! simulation of the kubelet's volumes: an update is seen, a restart works, and the program gets the same words.
//!
//! The simulator is no part of this repository: `KUBEWRIGHT_SIM` names it, else it is looked for beside the repository. Where it, root,
//! busybox or `PyYAML` is missing, the trials are skipped by name; with `KUBEWRIGHT_REQUIRE_CLIENTS=1` they fail.

#![expect(clippy::disallowed_methods, reason = "tests read and write files")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use libtest_mimic::{Arguments, Failed, Trial};
use serde_json::Value;
use support::{Outcome, ensure, missing, needing, run};

/// The images of the cases, and the Secret that they leave out.
const IMAGES: &str = r#"
registry.example.com/blog-web:1.0:
  entrypoint: [sh, run.sh]
  workingDir: /app
  files:
    /app/run.sh: |
      #!/bin/sh
      for a in "$0" "$@"; do printf '%s\0' "$a"; done > /.sim/argv
      while :; do sleep 1; done
registry.example.com/entry:1.0: {entrypoint: [/entry, $(HOME)], cmd: [$$]}
"#;
const SECRET: &str = "apiVersion: v1\nkind: Secret\nmetadata:\n  name: web-secret\nstringData:\n  password: secret\n  user: web\n";

/// A workload of a case, a path of it, and an update of what it reads.
struct Scene {
    case: &'static str,
    files: &'static [&'static str],
    workload: &'static str,
    path: &'static str,
    update: &'static str,
}

const SCENES: &[Scene] = &[
    Scene {
        case: "incident1",
        files: &["blog-web.yaml", "config.yaml"],
        workload: "Deployment/blog-web",
        path: "/app/appsettings.Production.json",
        update: "i-web-appsettings:appsettings.Production.json={\"v\": 2}",
    },
    Scene {
        case: "incident1-command-unsafe",
        files: &["blog-web.yaml", "config.yaml"],
        workload: "Deployment/blog-web",
        path: "/app/appsettings.Production.json",
        update: "i-web-appsettings:appsettings.Production.json={\"v\": 2}",
    },
    Scene { case: "incident3", files: &["pod.yaml"], workload: "Pod/test-pod", path: "/etc/extra.ini", update: "extra-cfg:extra.ini=new" },
    Scene {
        case: "args-and-image-command",
        files: &["web.yaml", "config.yaml"],
        workload: "Deployment/web",
        path: "/app/web.conf",
        update: "web-config:web.conf=new",
    },
    Scene {
        case: "args-and-image-command",
        files: &["cmd.yaml", "config.yaml"],
        workload: "Deployment/cmd",
        path: "/app/web.conf",
        update: "web-config:web.conf=new",
    },
    Scene {
        case: "several-files",
        files: &["web.yaml", "config.yaml"],
        workload: "Deployment/web",
        path: "/opt/my app/it's.conf",
        update: "web-config:extra.conf=new",
    },
    Scene {
        case: "read-only-root",
        files: &["twin.yaml", "config.yaml"],
        workload: "Deployment/twin",
        path: "/app/web.conf",
        update: "web-config:web.conf=new",
    },
    Scene {
        case: "directory",
        files: &["web.yaml", "config.yaml"],
        workload: "Deployment/web",
        path: "/app/conf/more/extra.conf",
        update: "web-config:extra.conf=new",
    },
];

fn main() {
    let arguments = Arguments::from_args();
    let simulator = std::env::var_os("KUBEWRIGHT_SIM")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/tools/kubelet_sim.py"), PathBuf::from);
    let lacking = missing("root with mount namespaces", "unshare", &["-m", "true"])
        .or_else(|| missing("python3 with PyYAML", "python3", &["-c", "import yaml"]))
        .or_else(|| missing("busybox", "busybox", &["true"]))
        .or_else(|| (!simulator.is_file()).then_some("kubelet_sim.py"));
    let mut trials: Vec<Trial> = Vec::new();
    for scene in SCENES {
        for kubelet in ["legacy", "modern"] {
            let name = format!("{}/{}/{kubelet}", scene.case, scene.workload);
            let simulator = simulator.clone();
            trials.push(needing(lacking, &name, move || play(&simulator, scene, kubelet)));
        }
    }
    libtest_mimic::run(&arguments, trials).exit();
}

/// Start, update, restart: before the fix the update is not seen, afterwards it is; content at the start and words are the same.
fn play(simulator: &Path, scene: &Scene, kubelet: &str) -> Outcome {
    let case = Path::new(env!("CARGO_MANIFEST_DIR")).join("transforms/subpath-configmap-mount/cases").join(scene.case);
    let scratch = tempfile::tempdir()?;
    fs::write(scratch.path().join("images.yaml"), IMAGES)?;
    fs::write(scratch.path().join("secret.yaml"), SECRET)?;
    let before = simulate(simulator, &case.join("before"), scene, kubelet, scratch.path())?;
    let after = simulate(simulator, &case.join("after"), scene, kubelet, scratch.path())?;
    let old = Steps::read(&before, scene.path)?;
    let new = Steps::read(&after, scene.path)?;
    ensure(old.texts[0].is_some() && old.texts[1] != new.texts[1], || format!("before: the update is seen: {:?}", old.texts))?;
    ensure(new.texts[0] == old.texts[0], || format!("another content at the start: {:?} {:?}", old.texts, new.texts))?;
    ensure(new.texts[1] != new.texts[0] && new.texts[1].is_some(), || format!("the update is not seen: {:?}", new.texts))?;
    ensure(new.texts[2] == new.texts[1] && new.states[2] == "running", || format!("the restart: {:?} {:?}", new.states, new.texts))?;
    ensure(old.words == new.words, || format!("other words: {} {}", old.words, new.words))
}

fn simulate(simulator: &Path, files: &Path, scene: &Scene, kubelet: &str, scratch: &Path) -> Result<Value, Failed> {
    let mut command = Command::new("python3");
    command.arg(simulator).arg("run");
    command.args(scene.files.iter().map(|f| files.join(f))).arg(scratch.join("secret.yaml"));
    command.args(["-w", scene.workload, "-s", scene.update, "-p", scene.path, "-k", kubelet, "-i"]).arg(scratch.join("images.yaml"));
    let output = run(&mut command, &[0])?;
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// What the first container showed at each step.
struct Steps {
    states: Vec<String>,
    texts: Vec<Option<String>>,
    words: Value,
}

impl Steps {
    fn read(result: &Value, path: &str) -> Result<Self, Failed> {
        let phases = result["phases"].as_array().ok_or("no phases")?;
        let containers: Vec<&Value> = phases.iter().filter_map(|p| p["containers"].as_object()?.values().next()).collect();
        ensure(containers.len() == 3, || format!("not three steps: {result}"))?;
        let first = containers.first().ok_or("no container")?;
        ensure(first["state"] == "running", || format!("it does not start: {first}"))?;
        Ok(Self {
            states: containers.iter().map(|c| c["state"].as_str().unwrap_or("").to_owned()).collect(),
            texts: containers.iter().map(|c| c["paths"][path]["text"].as_str().map(str::to_owned)).collect(),
            words: first["argv"].clone(),
        })
    }
}
