//! Promise: on a real kubelet, with the images that the manifests name, `subpath-configmap-mount`
//! finds what really happens, and what it writes does what it says.
//!
//! The scenes of the simulator, its copies and its refusals run here, too ([`kubelet`] plays them),
//! so that the two cannot drift apart. Those of [`scenes`] and [`objects`] are whole stories: an
//! image is made, `images lock` reads it, `fix` rewrites the manifests, `kubectl apply` takes them,
//! and the running pods tell.
//!
//! `KUBEWRIGHT_CLUSTER` names a folder `bin` with kube-apiserver, kubelet and the others;
//! `KUBEWRIGHT_CLUSTER_TOOLS` the folder of `cluster.sh` and `image.py`, which raise a cluster of
//! them (root, etcd, containerd, runc, busybox); without it they are looked for beside the
//! repository. Without the first, the trials are skipped by name. A run of all takes ten minutes or
//! more.

#![expect(clippy::disallowed_methods, reason = "tests read and write files")]

#[path = "kubelet_sim/scenes.rs"]
mod cases;
#[path = "kubelet_sim/copied.rs"]
mod copied;
#[path = "cluster/kubelet.rs"]
mod kubelet;
#[path = "cluster/objects.rs"]
mod objects;
#[path = "cluster/place.rs"]
mod place;
#[path = "cluster/raised.rs"]
mod raised;
#[path = "kubelet_sim/refused.rs"]
mod refused;
#[path = "kubelet_sim/run.rs"]
mod run;
#[path = "cluster/scenes.rs"]
mod scenes;
mod support;

use std::path::{Path, PathBuf};
use std::process::{ExitCode, Termination as _};
use std::sync::Arc;

use libtest_mimic::{Arguments, Trial};
use raised::{Cluster, Shared};
use support::{TrialResult, needing};

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    // The scenes wait for pods most of the time.
    arguments.test_threads = arguments.test_threads.or(Some(6));
    let binaries = std::env::var_os("KUBEWRIGHT_CLUSTER").map(PathBuf::from);
    let tools = std::env::var_os("KUBEWRIGHT_CLUSTER_TOOLS").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/tools/cluster"),
        PathBuf::from,
    );
    let lacking = match &binaries {
        None => Some("KUBEWRIGHT_CLUSTER"),
        Some(binaries) if !binaries.join("kubelet").is_file() => {
            Some("kubelet in KUBEWRIGHT_CLUSTER")
        }
        Some(_) if !tools.join("cluster.sh").is_file() => Some("cluster.sh"),
        Some(_) => None,
    };
    let shared = Arc::new(Shared::new(binaries.unwrap_or_default(), tools));
    let mut trials: Vec<Trial> = Vec::new();
    let mut trial = |name: &str, play: Box<dyn FnOnce(&Cluster) -> TrialResult + Send>| {
        let shared = Arc::clone(&shared);
        let play = move || play(shared.cluster()?);
        // No cluster is no failure even where other clients are required: no registry has one.
        trials.push(match lacking {
            Some(what) => Trial::test(format!("{name} (skipped: no {what})"), || Ok(()))
                .with_ignored_flag(true),
            None => needing(None, name, play),
        });
    };
    for scene in cases::SCENES {
        let name = format!("case/{}/{}{}", scene.case, scene.workload, scene.path);
        trial(&name, Box::new(|cluster| cases::play(cluster, scene)));
    }
    for copy in copied::COPIES {
        let name = format!("case/{}/{}", copy.case, copy.workload);
        trial(&name, Box::new(|cluster| copied::play(cluster, copy)));
    }
    for refusal in refused::REFUSALS {
        let name = format!("refused/{}", refusal.name);
        trial(&name, Box::new(|cluster| refused::play(cluster, refusal)));
    }
    for scene in scenes::SCENES {
        trial(scene.name, Box::new(|cluster| scenes::play(cluster, scene)));
    }
    for (name, play) in objects::STORIES {
        trial(name, Box::new(play));
    }
    let conclusion = libtest_mimic::run(&arguments, trials);
    // Takes the cluster down.
    drop(shared);
    conclusion.exit_code().report()
}
