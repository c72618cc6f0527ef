//! The cluster: raised when the first scene needs it, taken down when the last one is over.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use libtest_mimic::Failed;
use serde_json::{Value, json};

use super::support::{self, pipe};

/// The one node.
const NODE: &str = "node-a";

/// The cluster of all scenes.
pub(super) struct Shared {
    binaries: PathBuf,
    tools: PathBuf,
    raised: OnceLock<Result<Cluster, String>>,
}

impl Shared {
    pub(super) fn new(binaries: PathBuf, tools: PathBuf) -> Self {
        Self {
            binaries,
            tools,
            raised: OnceLock::new(),
        }
    }

    pub(super) fn cluster(&self) -> Result<&Cluster, Failed> {
        self.raised
            .get_or_init(|| {
                Cluster::raise(&self.binaries, &self.tools)
                    .map_err(|failed| failed.message().unwrap_or("no cluster").to_owned())
            })
            .as_ref()
            .map_err(|message| message.clone().into())
    }
}

/// A cluster of one node, on this machine.
pub(super) struct Cluster {
    /// The folder that has `bin`.
    home: PathBuf,
    tools: PathBuf,
    scratch: tempfile::TempDir,
    next: AtomicUsize,
}

impl Cluster {
    fn raise(binaries: &Path, tools: &Path) -> Result<Self, Failed> {
        let binaries = binaries.canonicalize()?;
        let home = match (binaries.file_name(), binaries.parent()) {
            (Some(name), Some(home)) if name == "bin" => home.to_owned(),
            _ => return Err("KUBEWRIGHT_CLUSTER names no folder `bin`".into()),
        };
        let cluster = Self {
            home,
            tools: tools.canonicalize()?,
            scratch: tempfile::Builder::new().prefix("kw").tempdir()?,
            next: AtomicUsize::new(1),
        };
        support::run(cluster.script("up").arg("full"), &[0])?;
        Ok(cluster)
    }

    /// `cluster.sh COMMAND`
    fn script(&self, command: &str) -> Command {
        let mut script = Command::new("bash");
        script
            .arg(self.tools.join("cluster.sh"))
            .arg(command)
            .env("T", &self.home)
            .env("RUN", self.run())
            .env("NODES", NODE)
            // Changes arrive within a few seconds.
            .env("SYNC", "2s");
        script
    }

    fn run(&self) -> PathBuf {
        self.scratch.path().join("run")
    }

    /// A folder of its own for somebody, below the cluster's.
    pub(super) fn folder(&self, name: &str) -> Result<PathBuf, Failed> {
        let folder = self.scratch.path().join("scenes").join(name);
        std::fs::create_dir_all(&folder)?;
        Ok(folder)
    }

    /// A number that nobody else has.
    pub(super) fn number(&self) -> usize {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// What kubectl says.
    pub(super) fn kubectl(&self, arguments: &[&str]) -> Result<String, Failed> {
        let output = support::run(self.script("kubectl").args(arguments), &[0])?;
        Ok(String::from_utf8(output.stdout)?)
    }

    /// Whether kubectl is content, and all that it says.
    pub(super) fn tried(&self, arguments: &[&str]) -> Result<(bool, String), Failed> {
        let output = self.script("kubectl").args(arguments).output()?;
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said).into_owned();
        Ok((output.status.success(), said))
    }

    /// What kubectl says in JSON.
    pub(super) fn json(&self, arguments: &[&str]) -> Result<Value, Failed> {
        let arguments: Vec<&str> = arguments.iter().copied().chain(["-o", "json"]).collect();
        Ok(serde_json::from_str(&self.kubectl(&arguments)?)?)
    }

    /// Applies a text.
    pub(super) fn apply(&self, namespace: &str, text: &str) -> Result<(), Failed> {
        let mut command = self.script("kubectl");
        command.args(["-n", namespace, "apply", "-f", "-"]);
        pipe(&mut command, text.as_bytes(), &[0])?;
        Ok(())
    }

    /// Applies a text on the server's side, under the name of a manager.
    pub(super) fn server_side(
        &self,
        namespace: &str,
        manager: &str,
        text: &str,
    ) -> Result<(bool, String), Failed> {
        let file = self.scratch.path().join(format!("{}.yaml", self.number()));
        std::fs::write(&file, text)?;
        let manager = format!("--field-manager={manager}");
        let file = file.to_string_lossy();
        let words = [
            "-n",
            namespace,
            "apply",
            "--server-side",
            "--force-conflicts",
        ];
        let words: Vec<&str> = words.into_iter().chain([&*manager, "-f", &file]).collect();
        self.tried(&words)
    }

    /// A namespace in which pods can be made.
    pub(super) fn namespace(&self) -> Result<String, Failed> {
        let name = format!("s{}", self.number());
        self.kubectl(&["create", "namespace", &name])?;
        for _ in 0..60 {
            if self
                .tried(&["-n", &name, "get", "serviceaccount", "default"])?
                .0
            {
                return Ok(name);
            }
            std::thread::sleep(std::time::Duration::from_millis(500));
        }
        Err("the namespace has no service account".into())
    }

    /// A claim with a volume of its own, which outlives every pod.
    pub(super) fn claim(&self, namespace: &str, name: &str) -> Result<(), Failed> {
        let volume = format!("{namespace}-{name}");
        let folder = self.folder(&format!("volume-{volume}"))?;
        // Whoever the pod runs as.
        std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o777))?;
        let spec = json!({
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": "",
            "resources": {"requests": {"storage": "1Mi"}},
            "volumeName": volume,
        });
        let claim = json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim",
            "metadata": {"name": name}, "spec": spec});
        let volume = json!({"apiVersion": "v1", "kind": "PersistentVolume",
            "metadata": {"name": volume},
            "spec": {"accessModes": ["ReadWriteOnce"], "capacity": {"storage": "1Mi"},
                "storageClassName": "", "persistentVolumeReclaimPolicy": "Retain",
                "hostPath": {"path": folder}}});
        self.apply(namespace, &volume.to_string())?;
        self.apply(namespace, &claim.to_string())
    }

    /// Ends all pods of a namespace, and waits for nothing.
    pub(super) fn forget(&self, namespace: &str) -> Result<(), Failed> {
        self.kubectl(&["delete", "namespace", namespace, "--wait=false"])?;
        Ok(())
    }

    /// Makes an image from a tree of files and gives it to the node; its archive.
    pub(super) fn image(
        &self,
        name: &str,
        config: &Value,
        tree: &Path,
        open: &[&str],
    ) -> Result<PathBuf, Failed> {
        let archive = self
            .scratch
            .path()
            .join(format!("image-{}.tar", self.number()));
        let mut make = Command::new("python3");
        make.arg(self.tools.join("image.py"))
            .args([&archive, Path::new(name)])
            .args(["--config", &config.to_string(), "--tree"])
            .arg(tree);
        for open in open {
            make.args(["--open", open]);
        }
        support::run(&mut make, &[0])?;
        support::run(self.script("image").arg(NODE).arg(&archive), &[0])?;
        Ok(archive)
    }

    /// A command on the node.
    pub(super) fn on_node(&self, words: &[&str]) -> Result<bool, Failed> {
        let output = self.script("enter").arg(NODE).args(words).output()?;
        Ok(output.status.success())
    }

    /// Whether the kubelet has written a text into a volume of a pod.
    pub(super) fn written(&self, uid: &str, text: &str) -> Result<bool, Failed> {
        let volumes = self
            .run()
            .join(format!("{NODE}/kubelet/pods/{uid}/volumes"));
        self.on_node(&["grep", "-rqF", "--", text, &volumes.to_string_lossy()])
    }

    /// Kills the first process of a container, as the kernel does when memory is short.
    pub(super) fn kill(&self, container: &str) -> Result<(), Failed> {
        let socket = self.run().join(format!("{NODE}/ctd/containerd.sock"));
        let id = container.strip_prefix("containerd://").unwrap_or(container);
        let socket = socket.to_string_lossy();
        let words = [
            "ctr", "-a", &socket, "-n", "k8s.io", "task", "kill", "-s", "SIGKILL", id,
        ];
        if self.on_node(&words)? {
            Ok(())
        } else {
            Err(format!("container {id} cannot be killed").into())
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // What is left is in namespaces of its own and in a folder of its own.
        let _ = self.script("down").output();
    }
}
