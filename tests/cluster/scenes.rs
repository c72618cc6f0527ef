//! One workload with one mount: what happens to it through subPath, which fix is made, and what its
//! pods see then.

use super::place::{IMAGE, Image, Look, Place, SERVE, Said, config, fixed, left};
use super::raised::Cluster;
use super::support::{TrialResult, ensure};

/// A workload, and what becomes of it.
pub(super) struct Scene {
    pub(super) name: &'static str,
    kind: &'static str,
    image: Image,
    /// Fields of the pod, and of its container, besides image and mounts.
    pod: &'static str,
    container: &'static str,
    mounts: &'static str,
    volumes: &'static str,
    data: &'static [(&'static str, &'static str)],
    /// `kubewright.toml`.
    settings: &'static str,
    /// Where the file is, before and after the fix.
    path: &'static str,
    moved: &'static str,
    before: Before,
    fix: Fix,
    after: After,
}

/// What the pod shows through subPath.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Before {
    /// An update does not arrive; a container that restarts reads it.
    Stale,
    /// After an update the file is gone.
    Gone,
    /// The container ends, and says this.
    Fails(&'static str),
    /// The container is not started, for this reason.
    NotStarted(&'static str),
    /// An empty directory stands where the file should be.
    Directory,
}

#[derive(Clone, Copy)]
enum Fix {
    /// Applicability, and part of the title.
    Made(&'static str, &'static str),
    /// Code and severity.
    Left(&'static str, &'static str),
}

/// What the pod shows after the fix.
#[derive(Clone, Copy, PartialEq, Eq)]
enum After {
    /// An update arrives in the running container.
    Live,
    /// An update arrives with the pods that the config hash makes.
    Renewed,
    /// Nothing was changed.
    Same,
}

const SCENE: Scene = Scene {
    name: "",
    kind: "Deployment",
    image: IMAGE,
    pod: "",
    container: "",
    mounts: "[{name: config, mountPath: /app/web.conf, subPath: web.conf}]",
    volumes: "[{name: config, configMap: {name: web-config}}]",
    data: &[("web.conf", "first")],
    settings: "",
    path: "/app/web.conf",
    moved: "",
    before: Before::Stale,
    fix: Fix::Made("safe", "link the file from the entrypoint"),
    after: After::Live,
};

/// An image that runs as a user who may write to `/app`.
const USER: Image = Image {
    user: "1000",
    open: &["app"],
    ..IMAGE
};
/// One whose program rewrites its file before it serves.
const REWRITES: Image = Image {
    program: "#!/bin/sh\ntrap 'exit 0' TERM\nsed -i 's/$/ rewritten/' /app/web.conf || exit \
              1\nwhile :; do sleep 1; done\n",
    entrypoint: &["/usr/local/bin/web"],
    ..IMAGE
};
/// Part of a title.
const FILLS: &str = "make /app an emptyDir, which an init container fills";
const BLIND: &str = "[[images]]\nmatch = 'registry.example.com/web:*'\nshell = 'none'\nuser = \
                     'root'\n[images.paths]\n'/etc/web' = { kind = 'absent' \
                     }\n'/etc/web/web.conf' = { kind = 'absent', named = false }\n";

pub(super) const SCENES: &[Scene] = &[
    // ENTRYPOINT of the image, with dollars and blanks in its words.
    Scene {
        name: "link/words-of-the-image",
        ..SCENE
    },
    Scene {
        name: "link/words-of-the-manifest",
        container: "command: [/usr/local/bin/web, 'a  b', \"it's\", $(GREETING), $$(GREETING), \
                    '']\nargs: ['*', --x=$HOME]\nenv: [{name: GREETING, value: 'two words'}, \
                    {name: QUOTED, value: '\"'}]\nworkingDir: /app",
        ..SCENE
    },
    Scene {
        name: "link/another-user-mode-and-group",
        image: USER,
        pod: "securityContext: {fsGroup: 2000}",
        volumes: "[{name: config, configMap: {name: web-config, defaultMode: 288}}]",
        ..SCENE
    },
    Scene {
        name: "link/stateful-set",
        kind: "StatefulSet",
        ..SCENE
    },
    Scene {
        name: "link/daemon-set",
        kind: "DaemonSet",
        ..SCENE
    },
    Scene {
        name: "link/several-files",
        mounts: "[{name: config, mountPath: /app/web.conf, subPath: web.conf}, {name: config, \
                 mountPath: \"/opt/my app/it's.conf\", subPath: web.conf}, {name: more, \
                 mountPath: /app/more.conf, subPath: sub.conf}]",
        volumes: "[{name: config, configMap: {name: web-config}}, {name: more, projected: \
                  {sources: [{configMap: {name: web-config, items: [{key: web.conf, path: \
                  sub.conf, mode: 256}]}}]}}]",
        path: "/app/more.conf",
        fix: Fix::Made("safe", "link the file"),
        ..SCENE
    },
    Scene {
        name: "own-directory",
        image: Image {
            user: "1000",
            ..IMAGE
        },
        mounts: "[{name: config, mountPath: /etc/web/web.conf, subPath: web.conf}]",
        path: "/etc/web/web.conf",
        fix: Fix::Made(
            "safe",
            "mount a projected volume with just the file at /etc/web",
        ),
        ..SCENE
    },
    Scene {
        name: "re-point",
        container: "args: [--config=/etc/web/web.conf]\nenv: [{name: WEB_CONFIG, value: \
                    /etc/web/web.conf}]",
        mounts: "[{name: config, mountPath: /etc/web/web.conf, subPath: web.conf}]",
        settings: BLIND,
        path: "/etc/web/web.conf",
        moved: "/etc/kubewright/config/web.conf",
        fix: Fix::Made("safe", "re-point the words that name the file"),
        ..SCENE
    },
    // The kubelet makes a directory for the inner mount in a volume that is read-only.
    Scene {
        name: "join/file-in-another-volume",
        mounts: "[{name: more, mountPath: /etc/web}, {name: config, mountPath: /etc/web/web.conf, \
                 subPath: web.conf}]",
        volumes: "[{name: config, configMap: {name: web-config, items: [{key: web.conf, path: \
                  web.conf}]}}, {name: more, configMap: {name: web-config, items: [{key: \
                  more.conf, path: more.conf}]}}]",
        data: &[("web.conf", "first"), ("more.conf", "more")],
        path: "/etc/web/web.conf",
        before: Before::NotStarted("not a directory"),
        fix: Fix::Made("safe", "join it with the volume"),
        ..SCENE
    },
    Scene {
        name: "directory-through-subPath",
        mounts: "[{name: config, mountPath: /app/conf, subPath: conf}]",
        volumes: "[{name: config, configMap: {name: web-config, items: [{key: web.conf, path: \
                  conf/web.conf}]}}]",
        path: "/app/conf/web.conf",
        before: Before::Gone,
        fix: Fix::Made(
            "unsafe",
            "mount a projected volume with just the files of conf",
        ),
        ..SCENE
    },
    Scene {
        name: "copy/program-rewrites-its-file",
        image: REWRITES,
        before: Before::Fails("busy"),
        fix: Fix::Made("unsafe", "copy the file into /app from an init container"),
        after: After::Renewed,
        ..SCENE
    },
    Scene {
        name: "link/into-an-empty-dir",
        mounts: "[{name: data, mountPath: /data}, {name: config, mountPath: /data/etc/web.conf, \
                 subPath: web.conf}]",
        volumes: "[{name: data, emptyDir: {}}, {name: config, configMap: {name: web-config}}]",
        path: "/data/etc/web.conf",
        fix: Fix::Made("unsafe", "link the file from the entrypoint"),
        ..SCENE
    },
    Scene {
        name: "copy/into-a-claim",
        mounts: "[{name: data, mountPath: /data}, {name: config, mountPath: /data/web.conf, \
                 subPath: web.conf}]",
        volumes: "[{name: data, persistentVolumeClaim: {claimName: data}}, {name: config, \
                  configMap: {name: web-config}}]",
        path: "/data/web.conf",
        fix: Fix::Made("unsafe", "copy the file into /data from an init container"),
        after: After::Renewed,
        ..SCENE
    },
    Scene {
        name: "refused/missing-key",
        mounts: "[{name: config, mountPath: /app/web.conf, subPath: wbe.conf}]",
        before: Before::Directory,
        fix: Fix::Left("missing-key", "error"),
        after: After::Same,
        ..SCENE
    },
    Scene {
        name: "refused/missing-key-over-a-file-of-the-image",
        mounts: "[{name: config, mountPath: /app/beside.txt, subPath: wbe.conf}]",
        before: Before::NotStarted("not a directory"),
        fix: Fix::Left("missing-key", "error"),
        after: After::Same,
        ..SCENE
    },
    Scene {
        name: "refused/optional-object-that-is-missing",
        volumes: "[{name: config, configMap: {name: none, optional: true}}]",
        before: Before::Directory,
        fix: Fix::Left("optional", "warning"),
        after: After::Same,
        ..SCENE
    },
    Scene {
        name: "refused/directory-in-the-way",
        image: Image {
            files: &[("/app/web.conf/inside", "")],
            ..IMAGE
        },
        before: Before::NotStarted("not a directory"),
        fix: Fix::Left("directory-in-the-way", "info"),
        after: After::Same,
        ..SCENE
    },
    // Who reads the file of the runtime gets that of the ConfigMap.
    Scene {
        name: "refused/runtime-file",
        mounts: "[{name: config, mountPath: /etc/hosts, subPath: web.conf}]",
        path: "/etc/hosts",
        fix: Fix::Left("runtime-file", "info"),
        after: After::Same,
        ..SCENE
    },
    // The init container fills the directory, and the program has what it had.
    Scene {
        name: "linked-directory/read-only-root",
        container: "securityContext: {readOnlyRootFilesystem: true}",
        fix: Fix::Made("unsafe", FILLS),
        ..SCENE
    },
    Scene {
        name: "linked-directory/user-who-may-not-write",
        image: Image {
            user: "1000",
            program: SERVE,
            ..IMAGE
        },
        pod: "securityContext: {fsGroup: 2000, runAsNonRoot: true, runAsUser: 1000}",
        fix: Fix::Made("unsafe", FILLS),
        ..SCENE
    },
    Scene {
        name: "linked-directory/stateful-set-with-two-files",
        kind: "StatefulSet",
        image: USER,
        container: "securityContext: {readOnlyRootFilesystem: true, allowPrivilegeEscalation: \
                    false, capabilities: {drop: [ALL]}}\nresources: {limits: {memory: \
                    64Mi}}\nworkingDir: /app",
        mounts: "[{name: config, mountPath: /app/web.conf, subPath: web.conf}, {name: more, \
                 mountPath: /app/more.conf, subPath: sub.conf}]",
        volumes: "[{name: config, configMap: {name: web-config}}, {name: more, projected: \
                  {sources: [{configMap: {name: web-config, items: [{key: web.conf, path: \
                  sub.conf, mode: 292}]}}]}}]",
        path: "/app/more.conf",
        fix: Fix::Made("unsafe", FILLS),
        ..SCENE
    },
    // A shell would drop the variable; another volume is mounted in the directory.
    Scene {
        name: "linked-directory/variable-that-a-shell-drops",
        container: "env: [{name: discovery.type, value: single-node}]",
        mounts: "[{name: config, mountPath: /app/web.conf, subPath: web.conf}, {name: data, \
                 mountPath: /app/data}]",
        volumes: "[{name: config, configMap: {name: web-config}}, {name: data, emptyDir: {}}]",
        fix: Fix::Made("unsafe", FILLS),
        ..SCENE
    },
    // Root's own directory takes a link without any capability.
    Scene {
        name: "link/root-without-capabilities",
        container: "securityContext: {capabilities: {drop: [ALL]}}",
        ..SCENE
    },
];

impl Scene {
    fn manifest(&self) -> String {
        let indented = |text: &str, by: usize| -> String {
            let blanks = " ".repeat(by);
            text.lines()
                .flat_map(|line| [&*blanks, line, "\n"])
                .collect()
        };
        let name = if self.kind == "StatefulSet" {
            "  serviceName: web\n"
        } else {
            ""
        };
        format!(
            "apiVersion: apps/v1\nkind: {}\nmetadata:\n  name: web\nspec:\n{name}  selector:\n    \
             matchLabels: {{app: web}}\n  template:\n    metadata:\n      labels: {{app: web}}\n    \
             spec:\n      terminationGracePeriodSeconds: 0\n{}      containers:\n      - name: web\n        \
             image: IMAGE\n{}        volumeMounts: {}\n      volumes: {}\n",
            self.kind,
            indented(self.pod, 6),
            indented(self.container, 8),
            self.mounts,
            self.volumes,
        )
    }
}

pub(super) fn play(cluster: &Cluster, scene: &Scene) -> TrialResult {
    let place = Place::new(cluster, scene.image)?;
    place.write("config.yaml", &config(scene.data))?;
    place.write("web.yaml", &scene.manifest())?;
    if !scene.settings.is_empty() {
        place.write("kubewright.toml", scene.settings)?;
    }
    if scene.volumes.contains("claimName") {
        place.claim("data")?;
    }
    place.lock()?;
    place.apply()?;
    let old = before(&place, scene)?;
    let manifest = place.read("web.yaml")?;
    let said = place.fix()?;
    match scene.fix {
        Fix::Made(applicability, title) => fixed(&said, applicability, title)?,
        Fix::Left(code, severity) => left(&said, code, severity)?,
    }
    if scene.after == After::Same {
        ensure(!place.read("web.yaml")?.contains("projected"), || {
            format!("the mount does not stay: {manifest}")
        })?;
    } else {
        after(&place, scene, old, &said)?;
    }
    place.end()
}

/// What happens through subPath; how a container that runs looks.
fn before(place: &Place<'_>, scene: &Scene) -> Result<Option<Look>, libtest_mimic::Failed> {
    let seen = place.settled("web", "web")?;
    let log = place.log(&seen, "web")?;
    match scene.before {
        Before::Fails(why) => {
            let fails = seen.state.starts_with("exited:") && log.contains(why);
            ensure(fails, || format!("before: {} {log}", seen.state))?;
            return Ok(None);
        }
        Before::NotStarted(why) => {
            let fails = seen.state.starts_with("CreateContainerError") && seen.state.contains(why);
            ensure(fails, || format!("before: {} {log}", seen.state))?;
            return Ok(None);
        }
        Before::Stale | Before::Gone | Before::Directory => {}
    }
    ensure(seen.state == "running", || {
        format!("before: {} {log}", seen.state)
    })?;
    let look = place.look(&seen, "web", scene.path)?;
    if scene.before == Before::Directory {
        let said = place.listed(&seen, "web", scene.path)?;
        ensure(said.as_deref() == Some(""), || {
            format!("no empty directory: {said:?}")
        })?;
        return Ok(None);
    }
    ensure(look.text.as_deref() == Some("first"), || {
        format!("{look:?}")
    })?;
    place.update(&seen, "first", "second")?;
    let text = place.text(&seen, "web", scene.path)?;
    let left = (scene.before == Before::Stale).then_some("first");
    ensure(text.as_deref() == left, || {
        format!("after an update: {text:?}")
    })?;
    let again = place.restart("web", "web", &seen)?;
    let text = place.text(&again, "web", scene.path)?;
    ensure(text.as_deref() == Some("second"), || {
        format!("after a restart: {text:?}")
    })?;
    Ok(Some(look))
}

/// The fix is applied: new pods, the same to the program, and updates arrive.
fn after(place: &Place<'_>, scene: &Scene, old: Option<Look>, said: &[Said]) -> TrialResult {
    let seen = place.settled("web", "web")?;
    place.apply()?;
    let seen = place.replaced("web", "web", &seen)?;
    let path = if scene.moved.is_empty() {
        scene.path
    } else {
        scene.moved
    };
    let look = place.look(&seen, "web", path)?;
    let rewritten = if scene.image.program == REWRITES.program {
        " rewritten"
    } else {
        ""
    };
    let expected = |text: &str| Some(format!("{text}{rewritten}"));
    let now = if matches!(scene.before, Before::Stale | Before::Gone) {
        "second"
    } else {
        "first"
    };
    ensure(look.text == expected(now), || {
        format!("after the fix: {look:?} {said:?}")
    })?;
    if let Some(old) = old {
        same(scene, &old, &look)?;
    }
    place.update(&seen, now, "third")?;
    let text = place.text(&seen, "web", path)?;
    let arrived = if scene.after == After::Live {
        "third"
    } else {
        now
    };
    ensure(text == expected(arrived), || {
        format!("after an update: {text:?}")
    })?;
    let again = place.restart("web", "web", &seen)?;
    let restarted = place.text(&again, "web", path)?;
    // A program that rewrites its file does so again when it restarts.
    let rewritten_twice = restarted
        .as_deref()
        .map(|text| text.replace(" rewritten rewritten", " rewritten"));
    ensure(rewritten_twice == expected(arrived), || {
        format!("after a restart: {restarted:?}")
    })?;
    // The config hash of the new content makes new pods.
    place.fix()?;
    place.apply()?;
    let renewed = place.replaced("web", "web", &again)?;
    let text = place.text(&renewed, "web", path)?;
    ensure(text == expected("third"), || {
        format!("after a rollout: {text:?}")
    })
}

/// The program notices nothing: words, variables, user, mode and owner of its file.
fn same(scene: &Scene, old: &Look, new: &Look) -> TrialResult {
    let back = |lines: &[String]| -> Vec<String> {
        lines
            .iter()
            .map(|line| match scene.moved {
                "" => line.clone(),
                moved => line.replace(moved, scene.path),
            })
            .collect()
    };
    ensure(
        old.words == back(&new.words)
            && old.environment == back(&new.environment)
            && old.user == new.user,
        || format!("another process: {old:?} {new:?}"),
    )?;
    // A copy belongs to who made it.
    ensure(
        old.mode == new.mode || scene.after == After::Renewed,
        || format!("another mode or owner: {} {}", old.mode, new.mode),
    )
}
