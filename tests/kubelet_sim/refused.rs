//! Refusals were right: with a lie about the image, or with something of the manifest hidden, the
//! fix is written, and what the pod does then is no longer what it did.

use std::fs;
use std::path::PathBuf;

use kubewright::cli::config::Config;
use kubewright::pipeline::{Pipeline, UnsafeFixes};
use kubewright_model::kube::{Input, Workspace};
use kubewright_transforms::ALL;
use libtest_mimic::Failed;

use super::run::{Kubelet, Run, Steps};
use super::support::{TrialResult, ensure};

/// A fix that is not made, and what it would have done.
pub(super) struct Refusal {
    /// What it would have run into.
    pub(super) name: &'static str,
    /// Code of the refusal; `unsafe` where the fix is only offered.
    code: &'static str,
    /// The container's fields besides the mount.
    container: &'static str,
    /// Where the file is mounted.
    path: &'static str,
    /// Part of the manifest that the fix is not shown, and what it is shown instead.
    hidden: Option<(&'static str, &'static str)>,
    /// What is stated about the image: the truth, and a lie.
    truth: &'static str,
    lie: &'static str,
    /// The image as the simulator has it.
    image: &'static str,
    wreck: Wreck,
}

/// How the pod differs after the fix.
enum Wreck {
    /// It runs before, and afterwards its state begins like this.
    State(&'static str),
    /// The program's output lacks this afterwards.
    Output(&'static str),
    /// The program has other words.
    Words,
}

const PATH: &str = "/app/web.conf";
const SHELL: &str = "shell = '/bin/sh'\nuser = 'root'";
const ALONE: &str = "shell = 'none'\nuser = '1000'\n[images.paths]\n'/app' = { kind = 'absent' }";
const REFUSAL: Refusal = Refusal {
    name: "",
    code: "",
    container: "command: [web]",
    path: PATH,
    hidden: None,
    truth: SHELL,
    lie: SHELL,
    image: "{}",
    wreck: Wreck::Words,
};

pub(super) const REFUSALS: &[Refusal] = &[
    Refusal {
        name: "non-root",
        code: "unsafe",
        truth: "shell = '/bin/sh'\nuser = '1000'\n[images.paths]\n'/app/web.conf' = { kind = \
                'absent', parent-writable = false }",
        image: "{user: 1000}",
        wreck: Wreck::State("exited:1"),
        ..REFUSAL
    },
    Refusal {
        name: "no-shell",
        code: "no-shell",
        truth: "shell = 'none'\nuser = 'root'",
        lie: "shell = '/opt/my sh'\nuser = 'root'",
        wreck: Wreck::State("CreateContainerError"),
        ..REFUSAL
    },
    Refusal {
        name: "read-only-root",
        code: "unsafe",
        container: "command: [web]\nsecurityContext: {readOnlyRootFilesystem: true}",
        hidden: Some((
            "readOnlyRootFilesystem: true",
            "readOnlyRootFilesystem: false",
        )),
        wreck: Wreck::State("exited:1"),
        ..REFUSAL
    },
    Refusal {
        name: "environment-names of the manifest",
        code: "unsafe",
        container: "command: [web]\nenv: [{name: discovery.type, value: single}]",
        hidden: Some(("discovery.type", "discovery_type")),
        image: "{files: {/usr/local/bin/web: \"#!/bin/sh\\ncat /proc/1/environ; echo\\nsleep \
                999\\n\"}}",
        wreck: Wreck::Output("discovery.type=single"),
        ..REFUSAL
    },
    Refusal {
        name: "environment-names of the image",
        code: "unsafe",
        truth: "shell = '/bin/sh'\nuser = 'root'\ndropped-env = ['discovery.type']",
        image: "{env: {discovery.type: single}, files: {/usr/local/bin/web: \"#!/bin/sh\\ncat \
                /proc/1/environ; echo\\nsleep 999\\n\"}}",
        wreck: Wreck::Output("discovery.type=single"),
        ..REFUSAL
    },
    Refusal {
        name: "command-dash",
        code: "unsafe",
        container: "command: [-web]",
        hidden: Some(("[-web]", "[web]")),
        image: "{files: {/usr/local/bin/-web: \"#!/bin/sh\\nsleep 999\\n\"}}",
        wreck: Wreck::State("exited:2"),
        ..REFUSAL
    },
    Refusal {
        name: "entrypoint-unknown",
        code: "entrypoint-unknown",
        container: "args: [web]",
        lie: "shell = '/bin/sh'\nuser = 'root'\nentrypoint = []",
        image: "{entrypoint: [/entry, --all]}",
        wreck: Wreck::Words,
        ..REFUSAL
    },
    Refusal {
        name: "directory-in-use",
        code: "no-shell",
        truth: "shell = 'none'\nuser = '1000'\n[images.paths]\n'/app' = { kind = 'directory', \
                entries = ['mime.types'] }",
        lie: ALONE,
        image: "{user: 1000, files: {/app/mime.types: x, /usr/local/bin/web: \"#!/bin/sh\\ncat \
                /app/mime.types || exit 3\\nsleep 999\\n\"}}",
        wreck: Wreck::State("exited:3"),
        ..REFUSAL
    },
    Refusal {
        name: "a directory that is written into",
        code: "unsafe",
        truth: "shell = 'none'\nuser = 'root'\n[images.paths]\n'/app' = { kind = 'absent' }",
        lie: ALONE,
        image: "{files: {/usr/local/bin/web: \"#!/bin/sh\\ntouch /app/cache || exit 3\\nsleep \
                999\\n\"}}",
        wreck: Wreck::State("exited:3"),
        ..REFUSAL
    },
    Refusal {
        name: "a directory that is read as a whole",
        code: "unsafe",
        path: "/app/conf.d/web.conf",
        truth: ALONE,
        lie: "owned-dirs = ['/app/conf.d']",
        image: "{user: 1000, files: {/usr/local/bin/web: \"#!/bin/sh\\necho $(find /app -name \
                web.conf | wc -l) found\\nsleep 999\\n\"}}",
        wreck: Wreck::Output("1 found"),
        ..REFUSAL
    },
    Refusal {
        name: "directory-shared",
        code: "no-shell",
        path: "/etc/web.conf",
        hidden: Some(("/etc", "/app")),
        truth: "shell = 'none'\nuser = '1000'\n[images.paths]\n'/etc' = { kind = 'absent' }",
        lie: ALONE,
        image: "{user: 1000}",
        wreck: Wreck::State("CreateContainerError"),
        ..REFUSAL
    },
    Refusal {
        name: "named-elsewhere",
        code: "no-shell",
        container: "command: [web, --config=/app/web.conf, --next=of:/app/web.conf]",
        hidden: Some(("--next=of:/app/web.conf", "--next")),
        truth: "shell = 'none'\nuser = 'root'",
        lie: "shell = 'none'\nuser = 'root'\n[images.paths]\n'/app' = { kind = 'directory', \
              entries = [] }\n'/app/web.conf' = { kind = 'absent', named = false }",
        image: "{files: {/usr/local/bin/web: \"#!/bin/sh\\n[ -f ${2##*:} ] || exit 3\\nsleep \
                999\\n\"}}",
        wreck: Wreck::State("exited:3"),
        ..REFUSAL
    },
];

impl Refusal {
    fn manifest(&self) -> String {
        let fields: String = self
            .container
            .lines()
            .flat_map(|line| ["        ", line, "\n"])
            .collect();
        format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\nspec:\n  selector:\n    matchLabels: {{app: web}}\n  template:\n    \
             metadata:\n      labels: {{app: web}}\n    spec:\n      containers:\n      - name: web\n        image: app\n{fields}        \
             volumeMounts: [{{name: config, mountPath: {}, subPath: web.conf}}]\n      volumes: [{{name: config, configMap: {{name: \
             web-config}}}}]\n---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: web-config\ndata:\n  web.conf: old\n",
            self.path
        )
    }
}

/// The fix is not made; with the lie it is, and wrecks the pod.
pub(super) fn play(kubelet: &dyn Kubelet, refusal: &Refusal) -> TrialResult {
    let manifest = refusal.manifest();
    let (there, shown) = refusal.hidden.unwrap_or_default();
    let swap = |text: &str, from: &str, to: &str| {
        if from.is_empty() {
            text.to_owned()
        } else {
            text.replace(from, to)
        }
    };
    let refused = fixed(&manifest, refusal.truth)?.err();
    ensure(refused.as_deref() == Some(refusal.code), || {
        format!("refused by {refused:?}")
    })?;
    let lied = fixed(&swap(&manifest, there, shown), refusal.lie)?
        .map_err(|code| format!("the lie does not help: {code}"))?;
    let scratch = tempfile::tempdir()?;
    let images = format!("app: {}\n", refusal.image);
    let run = |text: &str| -> Result<Steps, Failed> {
        let files: [PathBuf; 1] = [scratch.path().join("web.yaml")];
        fs::write(&files[0], text)?;
        let (workload, update) = ("Deployment/web", "web-config:web.conf=new");
        kubelet.run(&Run {
            files: &files,
            workload,
            container: "",
            update,
            path: refusal.path,
            images: &images,
        })
    };
    let old = run(&manifest)?.started()?;
    let new = run(&swap(&lied, shown, there))?;
    match refusal.wreck {
        Wreck::State(state) => ensure(new.states[0].starts_with(state), || {
            format!("{} {}", new.states[0], new.log)
        }),
        Wreck::Output(text) => ensure(old.log.contains(text) && !new.log.contains(text), || {
            format!("{:?} {:?}", old.log, new.log)
        }),
        Wreck::Words => ensure(old.words.is_array() && old.words != new.words, || {
            format!("{} {}", old.words, new.words)
        }),
    }
}

/// The manifest after the safe fixes, or why there is none.
fn fixed(manifest: &str, facts: &str) -> Result<Result<String, String>, Failed> {
    let config = Config::parse(
        &format!("[[images]]\nmatch = 'app'\n{facts}\n"),
        "kubewright.toml",
    )?;
    let input = Input {
        path: "web.yaml".into(),
        text: manifest.into(),
        editable: true,
    };
    let workspace = Workspace::new(vec![input], config.options.clone());
    let transforms = ALL
        .iter()
        .copied()
        .filter(|t| t.meta().name == "subpath-configmap-mount")
        .collect();
    let report = Pipeline {
        transforms,
        settings: &config.settings,
        unsafe_fixes: UnsafeFixes::None,
    }
    .run(&workspace)?;
    if let Some(text) = report.files.first().and_then(|file| file.after.as_deref()) {
        return Ok(Ok(text.to_owned()));
    }
    let finding = report.findings.first().ok_or("nothing is found")?;
    Ok(Err(finding.fix.as_ref().map_or_else(
        |no_fix| no_fix.code.to_owned(),
        |fix| fix.applicability.as_str().to_owned(),
    )))
}
