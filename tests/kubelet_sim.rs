//! Promise: what `subpath-configmap-mount` writes does in a pod what it says, and what it refuses
//! would have failed. The cases of the transform run, before and after, in a simulation of the
//! kubelet's volumes: an update is seen, a restart works, and the program gets the same words.
//! Refused cases run with the fix that lies about the image would have brought ([`refused`]);
//! copies are no part of the running pod's updates ([`copied`]). Safe fixes of random images change
//! nothing ([`behaviour`]). And what `secret-in-configmap`
//! writes changes nothing for any container ([`split`]).
//!
//! The simulator is no part of this repository: `KUBEWRIGHT_SIM` names it, else it is looked for
//! beside the repository. Where it, root, busybox or `PyYAML` is missing, the trials are skipped by
//! name; with `KUBEWRIGHT_REQUIRE_CLIENTS=1` they fail.

#![expect(clippy::disallowed_methods, reason = "tests read and write files")]

#[path = "kubelet_sim/behaviour.rs"]
mod behaviour;
#[path = "kubelet_sim/copied.rs"]
mod copied;
#[path = "registry/image.rs"]
#[expect(
    dead_code,
    reason = "it makes images of more kinds than are needed here"
)]
mod image;
#[path = "kubelet_sim/refused.rs"]
mod refused;
#[path = "kubelet_sim/run.rs"]
mod run;
#[path = "kubelet_sim/scenes.rs"]
mod scenes;
#[path = "kubelet_sim/split.rs"]
mod split;
mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use libtest_mimic::{Arguments, Failed, Trial};
use run::{Kubelet, Run, SECRET, Steps};
use scenes::SCENES;
use serde_json::Value;
use support::{ensure, missing, needing};

fn main() {
    let arguments = Arguments::from_args();
    let program = std::env::var_os("KUBEWRIGHT_SIM").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/tools/kubelet_sim.py"),
        PathBuf::from,
    );
    let lacking = missing("root with mount namespaces", "unshare", &["-m", "true"])
        .or_else(|| missing("python3 with PyYAML", "python3", &["-c", "import yaml"]))
        .or_else(|| missing("busybox", "busybox", &["true"]))
        .or_else(|| (!program.is_file()).then_some("kubelet_sim.py"));
    let simulator = |kubelet: &'static str| Simulator {
        program: program.clone(),
        kubelet,
        settle: "0.4",
    };
    let mut trials: Vec<Trial> = Vec::new();
    for kubelet in ["legacy", "modern"] {
        for scene in SCENES {
            let name = format!("{}/{}{}/{kubelet}", scene.case, scene.workload, scene.path);
            let simulator = simulator(kubelet);
            trials.push(needing(lacking, &name, move || {
                scenes::play(&simulator, scene)
            }));
        }
    }
    for copy in copied::COPIES {
        let simulator = simulator("modern");
        let name = format!("{}/{}", copy.case, copy.workload);
        trials.push(needing(lacking, &name, move || {
            copied::play(&simulator, copy)
        }));
    }
    for refusal in refused::REFUSALS {
        let simulator = simulator("modern");
        trials.push(needing(
            lacking,
            &format!("refused/{}", refusal.name),
            move || refused::play(&simulator, refusal),
        ));
    }
    for split in split::all() {
        let simulator = simulator("modern");
        let name = split.label();
        trials.push(needing(lacking, &name, move || {
            split::play(&simulator, &split)
        }));
    }
    for run in behaviour::runs() {
        let simulator = simulator("modern");
        let name = format!("behaviour/seed_{}_of_{}", run.0, run.1);
        trials.push(needing(lacking, &name, move || {
            let patient = Simulator {
                program: simulator.program.clone(),
                kubelet: simulator.kubelet,
                settle: "2",
            };
            behaviour::play(&simulator, &patient, run)
        }));
    }
    libtest_mimic::run(&arguments, trials).exit();
}

/// The simulator, as a kubelet of some age.
struct Simulator {
    program: PathBuf,
    kubelet: &'static str,
    /// Seconds that a container gets before it is looked at.
    settle: &'static str,
}

impl Kubelet for Simulator {
    fn run(&self, run: &Run<'_>) -> Result<Steps, Failed> {
        let scratch = tempfile::tempdir()?;
        let (images, secret) = (
            scratch.path().join("images.yaml"),
            scratch.path().join("secret.yaml"),
        );
        fs::write(&images, run.images)?;
        fs::write(&secret, SECRET)?;
        let mut command = Command::new("python3");
        command
            .arg(&self.program)
            .arg("run")
            .args(run.files)
            .arg(secret);
        command
            .args(["-w", run.workload, "-s", run.update, "-p", run.path])
            .args(["-k", self.kubelet, "--settle", self.settle, "-i"])
            .arg(images);
        let output = support::run(&mut command, &[0])?;
        read(
            &serde_json::from_slice(&output.stdout)?,
            run.container,
            run.path,
        )
    }
}

/// What the simulator says of a container at each step.
fn read(result: &Value, container: &str, path: &str) -> Result<Steps, Failed> {
    let phases = result["phases"].as_array().ok_or("no phases")?;
    let this = |phase: &Value| {
        let all = phase["containers"].as_object()?;
        if container.is_empty() {
            all.values().next()
        } else {
            all.get(container)
        }
        .cloned()
    };
    let containers: Vec<Value> = phases.iter().filter_map(this).collect();
    ensure(containers.len() == 3, || {
        format!("not three steps: {result}")
    })?;
    let first = containers.first().ok_or("no container")?;
    Ok(Steps {
        states: containers
            .iter()
            .map(|c| c["state"].as_str().unwrap_or("").to_owned())
            .collect(),
        texts: containers
            .iter()
            .map(|c| c["paths"][path]["text"].as_str().map(str::to_owned))
            .collect(),
        words: first["argv"].clone(),
        log: first["log"].as_str().unwrap_or("").to_owned(),
    })
}
