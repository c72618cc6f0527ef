//! Promise: what `subpath-configmap-mount` writes does in a pod what it says, and what it refuses
//! would have failed. The cases of the transform run, before and after, in a simulation of the
//! kubelet's volumes: an update is seen, a restart works, and the program gets the same words.
//! Refused cases run with the fix that lies about the image would have brought ([`refused`]);
//! copies are no part of the running pod's updates ([`copied`]).
//!
//! The simulator is no part of this repository: `KUBEWRIGHT_SIM` names it, else it is looked for
//! beside the repository. Where it, root, busybox or `PyYAML` is missing, the trials are skipped by
//! name; with `KUBEWRIGHT_REQUIRE_CLIENTS=1` they fail.

#![expect(clippy::disallowed_methods, reason = "tests read and write files")]

#[path = "kubelet_sim/copied.rs"]
mod copied;
#[path = "kubelet_sim/refused.rs"]
mod refused;
mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use libtest_mimic::{Arguments, Failed, Trial};
use serde_json::Value;
use support::{TrialResult, ensure, missing, needing, run};

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
registry.example.com/user:1.0: {user: 1000}
"#;
const SECRET: &str = "apiVersion: v1\nkind: Secret\nmetadata:\n  name: web-secret\nstringData:\n  password: secret\n  user: web\n";

/// A workload of a case, a path of it, and an update of what it reads.
struct Scene {
    case: &'static str,
    files: &'static [&'static str],
    workload: &'static str,
    /// The container that is looked at; empty: the first one.
    container: &'static str,
    path: &'static str,
    update: &'static str,
    /// Images of this scene alone.
    images: &'static str,
    before: Before,
    /// Where the file is found after the fix.
    moved: Option<&'static str>,
}

/// What becomes of the file before the fix.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Before {
    /// It stays as it was.
    Stale,
    /// It is gone after an update.
    Gone,
    /// The container does not start.
    Broken,
}

const SCENE: Scene = Scene {
    case: "",
    files: &["web.yaml", "config.yaml"],
    workload: "Deployment/web",
    container: "",
    path: "",
    update: "web-config:web.conf=new",
    images: "",
    before: Before::Stale,
    moved: None,
};

const SCENES: &[Scene] = &[
    Scene {
        case: "incident1",
        files: &["blog-web.yaml", "config.yaml"],
        workload: "Deployment/blog-web",
        path: "/app/appsettings.Production.json",
        update: "i-web-appsettings:appsettings.Production.json={\"v\": 2}",
        ..SCENE
    },
    Scene {
        case: "incident1-command-unsafe",
        files: &["blog-web.yaml", "config.yaml"],
        workload: "Deployment/blog-web",
        path: "/app/appsettings.Production.json",
        update: "i-web-appsettings:appsettings.Production.json={\"v\": 2}",
        ..SCENE
    },
    Scene {
        case: "incident3",
        files: &["pod.yaml"],
        workload: "Pod/test-pod",
        path: "/etc/extra.ini",
        update: "extra-cfg:extra.ini=new",
        ..SCENE
    },
    Scene {
        case: "args-and-image-command",
        path: "/app/web.conf",
        ..SCENE
    },
    Scene {
        case: "args-and-image-command",
        files: &["cmd.yaml", "config.yaml"],
        workload: "Deployment/cmd",
        path: "/app/web.conf",
        ..SCENE
    },
    Scene {
        case: "args-and-image-command",
        files: &["empty-args.yaml", "config.yaml"],
        workload: "Deployment/empty-args",
        path: "/app/web.conf",
        ..SCENE
    },
    Scene {
        case: "several-files",
        path: "/opt/my app/it's.conf",
        update: "web-config:extra.conf=new",
        ..SCENE
    },
    Scene {
        case: "read-only-root",
        files: &["twin.yaml", "config.yaml"],
        workload: "Deployment/twin",
        path: "/app/web.conf",
        ..SCENE
    },
    Scene {
        case: "writable-parent",
        files: &["scratch.yaml", "config.yaml"],
        workload: "Deployment/scratch",
        path: "/tmp/web/web.conf",
        ..SCENE
    },
    // The first process is what the supervisor of s6 must be.
    Scene {
        case: "init-process",
        path: "/app/web.conf",
        images: "registry.example.com/web:1.0:\n  entrypoint: [/init]\n  files:\n    /init: |\n      #!/bin/sh\n      echo process $$\n      \
                 printf '%s\\0' \"$0\" \"$@\" > /.sim/argv\n      while :; do sleep 1; done\n",
        ..SCENE
    },
    Scene {
        case: "mounted-command",
        path: "/app/run.sh",
        update: "web-config:run.sh=#!/bin/sh\nexec web again\n",
        images: "registry.example.com/web:1.0:\n  files:\n    /usr/local/bin/web: |\n      #!/bin/sh\n      \
                 printf '%s\\0' \"$0\" > /.sim/argv\n      while :; do sleep 1; done\n",
        ..SCENE
    },
    Scene {
        case: "projected",
        path: "/app/web.conf",
        ..SCENE
    },
    // A wrapper that is there already gets the further link.
    Scene {
        case: "own-wrapper",
        path: "/app/web.conf",
        ..SCENE
    },
    // The init container ends, and only then the other one starts.
    Scene {
        case: "two-containers",
        container: "web",
        path: "/app/web.conf",
        images: "registry.example.com/web:1.0:\n  files:\n    /usr/local/bin/web: |\n      #!/bin/sh\n      \
                 printf '%s\\0' \"$0\" \"$@\" > /.sim/argv\n      [ \"$1\" = --serve ] || exec cat /prepare.conf\n      \
                 while :; do sleep 1; done\n",
        ..SCENE
    },
    Scene {
        case: "directory",
        path: "/app/conf/more/extra.conf",
        update: "web-config:extra.conf=new",
        before: Before::Gone,
        ..SCENE
    },
    // The kubelet makes a directory for the nested mount, so the file finds no place.
    Scene {
        case: "beside",
        path: "/app/web.conf",
        before: Before::Broken,
        ..SCENE
    },
    Scene {
        case: "own-directory",
        path: "/etc/app/web.conf",
        ..SCENE
    },
    Scene {
        case: "own-directory",
        path: "/etc/app/extra.ini",
        update: "web-config:extra.conf=new",
        ..SCENE
    },
    Scene {
        case: "own-directory-shared-volume",
        path: "/etc/app/web.conf",
        ..SCENE
    },
    Scene {
        case: "owned-dirs",
        files: &["below.yaml", "config.yaml"],
        workload: "Deployment/below",
        path: "/srv/app/conf/web.conf",
        ..SCENE
    },
    Scene {
        case: "directory-written",
        files: &["twin.yaml", "config.yaml"],
        workload: "Deployment/twin",
        path: "/etc/app/web.conf",
        ..SCENE
    },
    Scene {
        case: "re-point",
        path: "/etc/app/web.conf",
        moved: Some("/etc/kubewright/config/web.conf"),
        images: AGENT,
        ..SCENE
    },
    Scene {
        case: "re-point",
        path: "/etc/app/extra.conf",
        update: "web-config:more.conf=new",
        moved: Some("/etc/kubewright/config/extra.conf"),
        images: AGENT,
        ..SCENE
    },
    Scene {
        case: "re-point-image",
        files: &["cmd.yaml", "config.yaml"],
        workload: "Deployment/cmd",
        path: "/etc/agent/web.conf",
        moved: Some("/etc/kubewright/config/web.conf"),
        images: CMD,
        ..SCENE
    },
    Scene {
        case: "re-point-image",
        files: &["entry.yaml", "config.yaml"],
        workload: "Deployment/entry",
        path: "/etc/agent/web.conf",
        moved: Some("/etc/kubewright/config/web.conf"),
        images: CMD,
        ..SCENE
    },
    Scene {
        case: "re-point-unsafe",
        path: "/etc/app/web.conf",
        moved: Some("/etc/kubewright/config/web.conf"),
        images: USER,
        ..SCENE
    },
    // Users of the manifest: one who may write there, one who may not.
    Scene {
        case: "non-root-owner",
        files: &["tmp.yaml", "config.yaml"],
        workload: "Deployment/tmp",
        path: "/tmp/web.conf",
        ..SCENE
    },
    Scene {
        case: "non-root-owner",
        files: &["closed.yaml", "config.yaml"],
        workload: "Deployment/closed",
        path: "/opt/app/web.conf",
        ..SCENE
    },
    Scene {
        case: "least-invasive",
        files: &["both.yaml", "config.yaml"],
        workload: "Deployment/both",
        path: "/etc/app/web.conf",
        ..SCENE
    },
    Scene {
        case: "least-invasive",
        files: &["both.yaml", "config.yaml"],
        workload: "Deployment/both",
        path: "/tmp/web/web.conf",
        ..SCENE
    },
];

const AGENT: &str = "registry.example.com/web:1.0: {entrypoint: [/agent]}\n";
const CMD: &str = "\
registry.example.com/cmd:1.0:
  entrypoint: [/agent, $(HOME)]
  cmd: [--verbose, --config=/etc/agent/web.conf]
registry.example.com/entry:1.0:
  entrypoint: [/agent, -c, /etc/agent/web.conf]
  cmd: [$$]
";
const USER: &str = "registry.example.com/web:1.0: {user: 1000}\n";

fn main() {
    let arguments = Arguments::from_args();
    let simulator = std::env::var_os("KUBEWRIGHT_SIM").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/tools/kubelet_sim.py"),
        PathBuf::from,
    );
    let lacking = missing("root with mount namespaces", "unshare", &["-m", "true"])
        .or_else(|| missing("python3 with PyYAML", "python3", &["-c", "import yaml"]))
        .or_else(|| missing("busybox", "busybox", &["true"]))
        .or_else(|| (!simulator.is_file()).then_some("kubelet_sim.py"));
    let mut trials: Vec<Trial> = Vec::new();
    for kubelet in ["legacy", "modern"] {
        for scene in SCENES {
            let name = format!("{}/{}{}/{kubelet}", scene.case, scene.workload, scene.path);
            let simulator = simulator.clone();
            trials.push(needing(lacking, &name, move || {
                play(&simulator, scene, kubelet)
            }));
        }
    }
    for copy in copied::COPIES {
        let simulator = simulator.clone();
        let name = format!("{}/{}", copy.case, copy.workload);
        trials.push(needing(lacking, &name, move || {
            copied::play(&simulator, copy)
        }));
    }
    for refusal in refused::REFUSALS {
        let simulator = simulator.clone();
        trials.push(needing(
            lacking,
            &format!("refused/{}", refusal.name),
            move || refused::play(&simulator, refusal),
        ));
    }
    libtest_mimic::run(&arguments, trials).exit();
}

/// Start, update, restart: before the fix the update is not seen, afterwards it is; content at the
/// start and words are the same.
fn play(simulator: &Path, scene: &Scene, kubelet: &str) -> TrialResult {
    let case = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("transforms/subpath-configmap-mount/cases")
        .join(scene.case);
    let scratch = tempfile::tempdir()?;
    let images = if scene.images.is_empty() {
        IMAGES
    } else {
        scene.images
    };
    let found = scene.moved.unwrap_or(scene.path);
    let run = |folder: &str, path: &str| {
        let files: Vec<PathBuf> = scene
            .files
            .iter()
            .map(|f| case.join(folder).join(f))
            .collect();
        let (workload, container, update) = (scene.workload, scene.container, scene.update);
        Run {
            files: &files,
            workload,
            container,
            update,
            path,
            kubelet,
            images,
        }
        .simulate(simulator, scratch.path())
    };
    let old = run("before", scene.path)?;
    let new = run("after", found)?.started()?;
    ensure(
        new.texts[1] != new.texts[0] && new.texts[1].is_some(),
        || format!("the update is not seen: {:?}", new.texts),
    )?;
    ensure(
        new.texts[2] == new.texts[1] && new.states[2] == "running",
        || format!("the restart: {:?} {:?}", new.states, new.texts),
    )?;
    if scene.before == Before::Broken {
        return ensure(old.states[0].starts_with("CreateContainerError"), || {
            format!("it starts before: {}", old.states[0])
        });
    }
    let old = old.started()?;
    let left = if scene.before == Before::Gone {
        &None
    } else {
        &old.texts[0]
    };
    ensure(old.texts[0].is_some() && old.texts[1] == *left, || {
        format!("before, after an update: {:?}", old.texts)
    })?;
    ensure(new.texts[0] == old.texts[0], || {
        format!(
            "another content at the start: {:?} {:?}",
            old.texts, new.texts
        )
    })?;
    let folder = |path: &'static str| path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let words = |steps: &Steps| {
        steps
            .words
            .to_string()
            .replace(folder(found), folder(scene.path))
    };
    ensure(words(&old) == words(&new), || {
        format!("other words: {} {}", old.words, new.words)
    })?;
    ensure(old.log == new.log, || {
        format!(
            "the program says something else: {:?} {:?}",
            old.log, new.log
        )
    })
}

/// A run of the simulator.
struct Run<'a> {
    files: &'a [PathBuf],
    workload: &'a str,
    container: &'a str,
    update: &'a str,
    path: &'a str,
    kubelet: &'a str,
    images: &'a str,
}

impl Run<'_> {
    fn simulate(&self, simulator: &Path, scratch: &Path) -> Result<Steps, Failed> {
        let (images, secret) = (scratch.join("images.yaml"), scratch.join("secret.yaml"));
        fs::write(&images, self.images)?;
        fs::write(&secret, SECRET)?;
        let mut command = Command::new("python3");
        command
            .arg(simulator)
            .arg("run")
            .args(self.files)
            .arg(secret);
        command
            .args([
                "-w",
                self.workload,
                "-s",
                self.update,
                "-p",
                self.path,
                "-k",
                self.kubelet,
                "-i",
            ])
            .arg(images);
        let output = run(&mut command, &[0])?;
        Steps::read(
            &serde_json::from_slice(&output.stdout)?,
            self.container,
            self.path,
        )
    }
}

/// What a container showed at each step.
struct Steps {
    states: Vec<String>,
    texts: Vec<Option<String>>,
    /// Words and output of its program at the start.
    words: Value,
    log: String,
}

impl Steps {
    fn read(result: &Value, container: &str, path: &str) -> Result<Self, Failed> {
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
        Ok(Self {
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

    fn started(self) -> Result<Self, Failed> {
        ensure(self.states[0] == "running", || {
            format!("it does not start: {} {}", self.states[0], self.log)
        })?;
        Ok(self)
    }
}
