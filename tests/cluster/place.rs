//! One story: a work tree with manifests, an image that `images lock` reads from the archive that
//! the node runs, and a namespace that the manifests are applied to.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use libtest_mimic::Failed;
use serde_json::{Value, json};

use super::kubelet::{Seen, put};
use super::raised::Cluster;
use super::support::{TrialResult, ensure, kubewright, run};

/// What the image of a story is.
#[derive(Clone, Copy)]
pub(super) struct Image {
    /// Its program, `/usr/local/bin/web`, a shell script.
    pub(super) program: &'static str,
    pub(super) entrypoint: &'static [&'static str],
    pub(super) user: &'static str,
    /// Files besides the program.
    pub(super) files: &'static [(&'static str, &'static str)],
    /// Directories that anybody may write to.
    pub(super) open: &'static [&'static str],
}

/// A program that ends when it is told to, as soon as it can.
pub(super) const SERVE: &str = "#!/bin/sh\ntrap 'exit 0' TERM\nwhile :; do sleep 1; done\n";

pub(super) const IMAGE: Image = Image {
    program: SERVE,
    entrypoint: &["/usr/local/bin/web", "--home=$(HOME)", "$$", "a b"],
    user: "",
    files: &[("/app/beside.txt", "beside\n")],
    open: &[],
};

/// The image's name in a text of a scene, and in what the cluster gets.
const NAME: &str = "IMAGE";

/// Where a story takes place.
pub(super) struct Place<'c> {
    pub(super) cluster: &'c Cluster,
    pub(super) namespace: String,
    folder: PathBuf,
    archive: PathBuf,
    image: String,
}

/// What a container shows of itself.
#[derive(Debug, PartialEq, Eq, Clone)]
pub(super) struct Look {
    pub(super) text: Option<String>,
    /// Mode and owner of the file, links followed.
    pub(super) mode: String,
    /// Words of process 1.
    pub(super) words: Vec<String>,
    /// Variables of process 1, but those that the shell adds and the name of the pod.
    pub(super) environment: Vec<String>,
    /// User and groups.
    pub(super) user: String,
}

/// What `fix --write` says of one finding.
#[derive(Debug)]
pub(super) struct Said {
    pub(super) code: String,
    pub(super) applicability: String,
    pub(super) title: String,
    pub(super) severity: String,
}

impl<'c> Place<'c> {
    pub(super) fn new(cluster: &'c Cluster, image: Image) -> Result<Self, Failed> {
        let namespace = cluster.namespace()?;
        let folder = cluster.folder(&namespace)?;
        run(
            Command::new("git")
                .args(["init", "-q"])
                .current_dir(&folder),
            &[0],
        )?;
        let tree = cluster.folder(&format!("tree-{namespace}"))?;
        put(&tree, "usr/local/bin/web", image.program, true)?;
        for (path, text) in image.files {
            put(&tree, path, text, text.starts_with("#!"))?;
        }
        let config = json!({
            "Entrypoint": image.entrypoint,
            "User": image.user,
            "Env": ["PATH=/usr/local/bin:/usr/bin:/bin", "OF_IMAGE=1"],
            "WorkingDir": "/",
        });
        let name = format!("registry.example.com/web:{namespace}");
        let archive = cluster.image(&name, &config, &tree, image.open)?;
        Ok(Self {
            cluster,
            namespace,
            folder,
            archive,
            image: name,
        })
    }

    /// Writes a file of the work tree.
    pub(super) fn write(&self, name: &str, text: &str) -> TrialResult {
        fs::write(self.folder.join(name), text.replace(NAME, &self.image))?;
        Ok(())
    }

    /// A file of the work tree.
    pub(super) fn read(&self, name: &str) -> Result<String, Failed> {
        Ok(fs::read_to_string(self.folder.join(name))?)
    }

    /// Replaces a text of a file.
    pub(super) fn edit(&self, name: &str, from: &str, to: &str) -> TrialResult {
        let text = self.read(name)?;
        ensure(text.contains(from), || {
            format!("{name} has no {from}: {text}")
        })?;
        fs::write(self.folder.join(name), text.replace(from, to))?;
        Ok(())
    }

    /// `images lock`, from the archive of the image.
    pub(super) fn lock(&self) -> TrialResult {
        let from = format!("docker-archive:{}", self.archive.display());
        run(
            &mut kubewright(&self.folder, &["images", "lock", "--from", &from]),
            &[0],
        )?;
        Ok(())
    }

    /// `fix --write --unsafe-fixes`, and what it says of the mounts.
    pub(super) fn fix(&self) -> Result<Vec<Said>, Failed> {
        let select = "--select=subpath-configmap-mount,missing-config-hash";
        let words = ["fix", "--write", "--unsafe-fixes", "--format=json", select];
        let output = run(&mut kubewright(&self.folder, &words), &[0, 1])?;
        let report: Value = serde_json::from_slice(&output.stdout)?;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let findings = report["findings"].as_array().cloned().unwrap_or_default();
        Ok(findings
            .iter()
            .filter(|finding| finding["transform"] == "subpath-configmap-mount")
            .map(|finding| Said {
                code: text(&finding["reasonCode"]),
                applicability: text(&finding["fix"]["applicability"]),
                title: text(&finding["fix"]["title"]),
                severity: text(&finding["severity"]),
            })
            .collect())
    }

    /// Applies all manifests of the work tree, the configuration first.
    pub(super) fn apply(&self) -> TrialResult {
        let (held, said) = self.try_apply()?;
        ensure(held, || format!("it is not applied: {said}"))
    }

    /// Whether the API server takes the manifests, and what it says.
    pub(super) fn try_apply(&self) -> Result<(bool, String), Failed> {
        let mut said = String::new();
        for name in ["config.yaml", "web.yaml"] {
            let file = self.folder.join(name);
            let words = [
                "-n",
                &self.namespace,
                "apply",
                "-f",
                &file.to_string_lossy(),
            ];
            let (held, more) = self.cluster.tried(&words)?;
            said.push_str(&more);
            if !held {
                return Ok((false, said));
            }
        }
        Ok((true, said))
    }

    /// kubectl in the namespace.
    pub(super) fn kubectl(&self, words: &[&str]) -> Result<String, Failed> {
        let words: Vec<&str> = ["-n", &self.namespace]
            .iter()
            .chain(words)
            .copied()
            .collect();
        self.cluster.kubectl(&words)
    }

    /// Waits until a container rests.
    pub(super) fn settled(&self, workload: &str, container: &str) -> Result<Seen, Failed> {
        self.cluster
            .settled(&self.namespace, workload, container, 0)
    }

    /// Waits until the container of another pod than this one, or of a later start, runs.
    pub(super) fn replaced(
        &self,
        workload: &str,
        container: &str,
        old: &Seen,
    ) -> Result<Seen, Failed> {
        let end = Instant::now() + Duration::from_secs(120);
        loop {
            let seen = self.settled(workload, container)?;
            if seen.uid != old.uid && seen.state == "running" {
                return Ok(seen);
            }
            ensure(Instant::now() < end, || format!("no new pod: {seen:?}"))?;
            std::thread::sleep(Duration::from_secs(1));
        }
    }

    /// Kills process 1, and waits until the container runs again.
    pub(super) fn restart(
        &self,
        workload: &str,
        container: &str,
        seen: &Seen,
    ) -> Result<Seen, Failed> {
        self.cluster.kill(&seen.id)?;
        self.cluster
            .settled(&self.namespace, workload, container, seen.restarts + 1)
    }

    /// Changes a text of the configuration, applies it, and waits until the kubelet has brought it.
    pub(super) fn update(&self, seen: &Seen, from: &str, to: &str) -> TrialResult {
        self.edit("config.yaml", from, to)?;
        let file = self.folder.join("config.yaml");
        self.kubectl(&["apply", "-f", &file.to_string_lossy()])?;
        self.cluster.arrived(seen, to)
    }

    /// What a file, and the process, look like in a container.
    pub(super) fn look(&self, seen: &Seen, container: &str, path: &str) -> Result<Look, Failed> {
        let script = "tr '\\0' '\\n' < /proc/1/cmdline; echo ==; tr '\\0' '\\n' < /proc/1/environ; \
                      echo ==; stat -L -c '%a %u:%g' \"$0\" 2>&1; echo ==; id; echo ==; \
                      [ ! -f \"$0\" ] || { cat \"$0\"; echo .; }";
        let said = self
            .cluster
            .inside(
                &self.namespace,
                &seen.pod,
                container,
                &["sh", "-c", script, path],
            )?
            .ok_or("the container has no shell to ask with")?;
        let parts: Vec<&str> = said.splitn(5, "==\n").collect();
        let [words, environment, mode, user, text] = parts.as_slice() else {
            return Err(format!("not what was asked: {said}").into());
        };
        let added = ["PWD=", "OLDPWD=", "SHLVL=", "_=", "HOSTNAME="];
        let mut environment: Vec<String> = environment
            .lines()
            .filter(|line| !line.is_empty() && !added.iter().any(|added| line.starts_with(added)))
            .map(str::to_owned)
            .collect();
        environment.sort();
        Ok(Look {
            text: text.strip_suffix(".\n").map(str::to_owned),
            mode: mode.trim().to_owned(),
            words: words.lines().map(str::to_owned).collect(),
            environment,
            user: user.trim().to_owned(),
        })
    }

    /// The text of a file alone.
    pub(super) fn text(
        &self,
        seen: &Seen,
        container: &str,
        path: &str,
    ) -> Result<Option<String>, Failed> {
        Ok(self.look(seen, container, path)?.text)
    }

    /// What the program has printed.
    pub(super) fn log(&self, seen: &Seen, container: &str) -> Result<String, Failed> {
        self.cluster.log(&self.namespace, seen, container)
    }

    /// The names in a directory; nothing where there is none.
    pub(super) fn listed(
        &self,
        seen: &Seen,
        container: &str,
        path: &str,
    ) -> Result<Option<String>, Failed> {
        let path = format!("{path}/.");
        let words = ["ls", "-A", &path];
        self.cluster
            .inside(&self.namespace, &seen.pod, container, &words)
    }

    /// A claim with a volume of its own, which outlives every pod.
    pub(super) fn claim(&self, name: &str) -> TrialResult {
        self.cluster.claim(&self.namespace, name)
    }

    /// The story is over.
    pub(super) fn end(self) -> TrialResult {
        self.cluster.forget(&self.namespace)
    }
}

/// One finding whose fix begins like this.
pub(super) fn fixed(said: &[Said], applicability: &str, title: &str) -> TrialResult {
    let holds = !said.is_empty()
        && said
            .iter()
            .all(|said| said.applicability == applicability && said.title.contains(title));
    ensure(holds, || {
        format!("no {applicability} fix with `{title}`: {said:?}")
    })
}

/// No fix, with this code.
pub(super) fn left(said: &[Said], code: &str, severity: &str) -> TrialResult {
    let holds = !said.is_empty()
        && said
            .iter()
            .all(|said| said.code == code && said.severity == severity);
    ensure(holds, || format!("not {severity} {code}: {said:?}"))
}

/// The data of one `ConfigMap`, as a manifest.
pub(super) fn config(data: &[(&str, &str)]) -> String {
    let data: BTreeMap<&str, &str> = data.iter().copied().collect();
    let object = json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "web-config"},
        "data": data,
    });
    serde_yaml::to_string(&object).unwrap_or_default()
}
