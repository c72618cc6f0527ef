//! A pod that starts, is updated and restarts, on whatever plays the kubelet.

use std::path::PathBuf;

use libtest_mimic::Failed;
use serde_json::Value;

use super::support::ensure;

/// The Secret that the cases leave out.
pub(super) const SECRET: &str = "apiVersion: v1\nkind: Secret\nmetadata:\n  name: \
                                 web-secret\nstringData:\n  password: secret\n  user: web\n";

/// What runs pods: the simulator, or a real kubelet.
pub(super) trait Kubelet {
    /// Starts a workload, updates a `ConfigMap` and restarts the container.
    fn run(&self, run: &Run<'_>) -> Result<Steps, Failed>;
}

/// A workload, and what becomes of it.
pub(super) struct Run<'a> {
    pub(super) files: &'a [PathBuf],
    pub(super) workload: &'a str,
    /// The container that is looked at; empty: the first one.
    pub(super) container: &'a str,
    /// `NAME:KEY=VALUE` of a `ConfigMap`.
    pub(super) update: &'a str,
    /// The path that is looked at in the container.
    pub(super) path: &'a str,
    /// What the images are, in YAML; what is not named has just busybox.
    pub(super) images: &'a str,
}

/// What a container showed at each step.
pub(super) struct Steps {
    pub(super) states: Vec<String>,
    pub(super) texts: Vec<Option<String>>,
    /// Words and output of its program at the start.
    pub(super) words: Value,
    pub(super) log: String,
}

impl Steps {
    pub(super) fn started(self) -> Result<Self, Failed> {
        ensure(self.states[0] == "running", || {
            format!("it does not start: {} {}", self.states[0], self.log)
        })?;
        Ok(self)
    }
}
