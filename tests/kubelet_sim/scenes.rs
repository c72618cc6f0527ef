//! Cases of the transform, before and after: an update is seen, a restart works, and the program
//! gets the same words.

use std::path::{Path, PathBuf};

use super::run::{Kubelet, Run, Steps};
use super::support::{TrialResult, ensure};

/// The images of the cases.
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

/// A workload of a case, a path of it, and an update of what it reads.
pub(super) struct Scene {
    pub(super) case: &'static str,
    files: &'static [&'static str],
    pub(super) workload: &'static str,
    /// The container that is looked at; empty: the first one.
    container: &'static str,
    pub(super) path: &'static str,
    update: &'static str,
    /// Images of this scene alone.
    images: &'static str,
    before: Before,
    /// Where the file is found after the fix.
    moved: Option<&'static str>,
}

/// What becomes of the file before the fix.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Before {
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

pub(super) const SCENES: &[Scene] = &[
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
        images: "registry.example.com/web:1.0:\n  entrypoint: [/init]\n  files:\n    /init: \
                     |\n      #!/bin/sh\n      echo process $$\n      printf '%s\\0' \"$0\" \
                     \"$@\" > /.sim/argv\n      while :; do sleep 1; done\n",
        ..SCENE
    },
    Scene {
        case: "mounted-command",
        path: "/app/run.sh",
        update: "web-config:run.sh=#!/bin/sh\nexec web again\n",
        images: "registry.example.com/web:1.0:\n  files:\n    /usr/local/bin/web: |\n      \
                     #!/bin/sh\n      printf '%s\\0' \"$0\" > /.sim/argv\n      while :; do sleep \
                     1; done\n",
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
        images: "registry.example.com/web:1.0:\n  files:\n    /usr/local/bin/web: |\n      \
                     #!/bin/sh\n      printf '%s\\0' \"$0\" \"$@\" > /.sim/argv\n      [ \"$1\" = \
                     --serve ] || exec cat /prepare.conf\n      while :; do sleep 1; done\n",
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
    // A directory of the image that an init container fills.
    Scene {
        case: "linked-directory",
        files: &["several.yaml", "config.yaml"],
        workload: "Deployment/several",
        path: "/app/web.conf",
        ..LINKED
    },
    Scene {
        case: "linked-directory",
        files: &["several.yaml", "config.yaml"],
        workload: "Deployment/several",
        path: "/app/it's extra.conf",
        update: "web-config:extra.conf=new",
        ..LINKED
    },
    Scene {
        case: "linked-directory",
        files: &["user.yaml", "config.yaml"],
        workload: "StatefulSet/user",
        path: "/app/web.conf",
        ..LINKED
    },
    Scene {
        case: "linked-directory",
        files: &["beside.yaml", "config.yaml"],
        workload: "Deployment/beside",
        path: "/app/web.conf",
        ..LINKED
    },
    Scene {
        case: "linked-directory",
        files: &["work.yaml", "config.yaml"],
        workload: "Deployment/work",
        path: "/app/web.conf",
        ..LINKED
    },
    Scene {
        case: "linked-directory",
        files: &["within.yaml", "config.yaml"],
        workload: "Deployment/within",
        path: "/app/web.conf",
        ..LINKED
    },
];

const LINKED: Scene = Scene {
    case: "linked-directory",
    container: "web",
    images: FILLED,
    ..SCENE
};
/// The program shows what the image has beside the file.
const FILLED: &str = r#"
registry.example.com/web:1.0:
  files:
    /app/.own: own
    /app/web.conf: the image's
    /app/lib/beside.txt: beside
    /opt/web.conf: the image's
    /usr/local/bin/web: |
      #!/bin/sh
      [ "$1" = --serve ] || exit 0
      cat /app/lib/beside.txt /app/.own
      printf '%s\0' "$0" "$@" > /.sim/argv
      while :; do sleep 1; done
"#;

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

/// Start, update, restart: before the fix the update is not seen, afterwards it is; content at the
/// start and words are the same.
pub(super) fn play(kubelet: &dyn Kubelet, scene: &Scene) -> TrialResult {
    let case = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("transforms/subpath-configmap-mount/cases")
        .join(scene.case);
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
        kubelet.run(&Run {
            files: &files,
            workload,
            container,
            update,
            path,
            images,
        })
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
