//! Copies: a program that rewrites its file fails on the mount and runs with the copy, a copy in a
//! volume is there, and a new pod has the new content, which a running one does not see.

use std::fs;
use std::path::{Path, PathBuf};

use super::run::{Kubelet, Run, Steps};
use super::support::{TrialResult, ensure};

/// A workload whose file is copied.
pub(super) struct Copy {
    pub(super) case: &'static str,
    pub(super) workload: &'static str,
    path: &'static str,
    /// Content after the start of the first pod, and of one that is made after the update.
    texts: [&'static str; 2],
    /// The mount lets the program fail.
    busy: bool,
}

pub(super) const COPIES: &[Copy] = &[
    Copy {
        case: "copy",
        workload: "Deployment/script",
        path: "/app/web.conf",
        texts: ["c=1\n", "c=2\n"],
        busy: true,
    },
    // Another user than root, who may write into the volume as its group.
    Copy {
        case: "copy",
        workload: "Deployment/volume",
        path: "/data/etc/web.conf",
        texts: ["a=1\n", "a=2\n"],
        busy: false,
    },
    // What the image has beside the file is still there.
    Copy {
        case: "copy-reasons",
        workload: "Deployment/told",
        path: "/srv/app/web.conf",
        texts: ["a=1\n", "a=2\n"],
        busy: false,
    },
];

const IMAGES: &str = r#"
registry.example.com/web:1.0:
  files:
    /srv/app/.own: own
    /srv/app/web.conf: the image's
    /srv/app/lib/beside.txt: beside
    /usr/local/bin/web: |
      #!/bin/sh
      [ "$1" = --serve ] || exit 0
      [ ! -d /srv/app ] || cat /srv/app/lib/beside.txt /srv/app/.own
      printf '%s\0' "$0" "$@" > /.sim/argv
      while :; do sleep 1; done
"#;

pub(super) fn play(kubelet: &dyn Kubelet, copy: &Copy) -> TrialResult {
    let case = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("transforms/subpath-configmap-mount/cases")
        .join(copy.case);
    let scratch = tempfile::tempdir()?;
    let name = copy.workload.rsplit_once('/').map_or("", |(_, name)| name);
    let workload = format!("{name}.yaml");
    let old_config = case.join("before/config.yaml");
    let new_config = scratch.path().join("config.yaml");
    fs::write(
        &new_config,
        fs::read_to_string(&old_config)?.replace("a=1", "a=2"),
    )?;
    let run = |folder: &str, config: &Path| {
        let files: [PathBuf; 2] = [case.join(folder).join(&workload), config.to_owned()];
        kubelet.run(&Run {
            files: &files,
            workload: copy.workload,
            container: "web",
            update: "web-config:web.conf=new",
            path: copy.path,
            images: IMAGES,
        })
    };
    let before = run("before", &old_config)?;
    if copy.busy {
        ensure(
            before.states[0].starts_with("exited:") && before.log.contains("busy"),
            || format!("before: {} {}", before.states[0], before.log),
        )?;
    }
    let text = |steps: &Steps, at: usize| steps.texts.get(at).cloned().flatten();
    let first = run("after", &old_config)?.started()?;
    let [start, renewed] = copy.texts;
    for step in 0..3 {
        ensure(text(&first, step).as_deref() == Some(start), || {
            format!("step {step}: {:?}", first.texts)
        })?;
    }
    if !copy.busy {
        let before = before.started()?;
        ensure(
            before.words == first.words && before.log == first.log,
            || {
                format!(
                    "{} {}: {} {}",
                    before.words, before.log, first.words, first.log
                )
            },
        )?;
    }
    let second = run("after", &new_config)?.started()?;
    ensure(text(&second, 0).as_deref() == Some(renewed), || {
        format!("a new pod: {:?}", second.texts)
    })
}
