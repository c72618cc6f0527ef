//! The plan of the move as a shell script: what depends on the pods first, then the same for all.

use std::fmt::Write as _;

use kubewright_model::text::{Path, Text};

use super::convert::GATE;
use super::plan::{Move, Shown, word};

/// What the script does, of the variables that stand above it.
const BODY: &str = include_str!("move.sh");

/// The script for a move.
pub(super) fn script(plan: &Move<'_>, shown: Shown<'_>) -> String {
    let mut out = String::from(
        "#!/bin/sh\n# Moves kube-proxy from static pods to a DaemonSet, one node after the other, \
         and stops before each\n# step. Written by kubewright; read it before you run it, in the \
         directory where it was made.\n#\n#   sh SCRIPT              all of it          sh SCRIPT \
         check        only look\n#   sh SCRIPT node NAME    one node           sh SCRIPT back \
         NAME    undo one node\n#   sh SCRIPT finish       take the gate away\n#\n# NODES=\"a b\" \
         moves these nodes alone. The nodes are Linux, with pgrep.\nset -eu\n\n",
    );
    let path = |path: &str| word(&shown(&Text::from(Path(path))));
    let basename = |path: &&&str| path.rsplit('/').next().unwrap_or(path).to_owned();
    // A name with blanks is moved by hand, like a file that has to stay for other resources.
    let by_hand =
        |path: &&&str| plan.shared.contains(*path) || word(&basename(path)) != basename(path);
    let (by_hand, moved): (Vec<&&str>, Vec<&&str>) = plan.pods.iter().partition(by_hand);
    let names = |paths: Vec<&&str>| {
        let mut names: Vec<String> = paths.iter().map(basename).collect();
        names.sort();
        names.dedup();
        names.join(" ")
    };
    let files: Vec<String> = plan.sets.iter().map(|(_, file)| path(file)).collect();
    let applied: Vec<String> = files.iter().map(|file| format!("-f {file}")).collect();
    let mirrors: Vec<String> = plan
        .mirrors
        .iter()
        .map(|m| format!("{}/{}", m.namespace, m.name))
        .collect();
    let role = if plan.sets.len() > 1 {
        plan.version.control_plane_label()
    } else {
        ""
    };
    let linux = if plan.version.stable_node_labels() {
        "kubernetes.io/os=linux"
    } else {
        "beta.kubernetes.io/os=linux"
    };
    let mut set = |name: &str, value: &str, what: &str| {
        let _ = writeln!(out, "# {what}\n{name}={}", quoted(value));
    };
    set("SETS", &plan.names().join(" "), "The DaemonSets.");
    set(
        "SELECTOR",
        &format!("k8s-app={}", plan.app),
        "The label of their pods.",
    );
    set(
        "GATE",
        if plan.gate { GATE } else { "" },
        "The label that a node has once it is moved; none: pods start everywhere when the \
         DaemonSet is applied.",
    );
    set(
        "MANIFESTS",
        &names(moved),
        "The static manifests, as they are named on nodes.",
    );
    set(
        "SHARED",
        &names(by_hand),
        "Those that are edited by hand: other resources stand in them.",
    );
    set(
        "MIRRORS",
        &mirrors.join(" "),
        "Their mirror pods: namespace/name.",
    );
    set(
        "NEEDS",
        &plan.needs.join(" "),
        "Files on the nodes that the pods need.",
    );
    set(
        "ROLE",
        role,
        "The label that says which of two DaemonSets a node gets.",
    );
    set(
        "LINUX",
        linux,
        "The nodes that are moved when NODES names none.",
    );
    set(
        "PROCESS",
        "^([^ ]*/)?(kube-proxy|hyperkube (kube-)?proxy)( |$)",
        "The command line of kube-proxy.",
    );
    set("TIDY", &tidy(plan, shown), "What is left to do by hand.");
    let _ = writeln!(
        out,
        "files() {{ printf '%s\\n' {}; }}\non_files() {{ kc \"$@\" {}; }}",
        files.join(" "),
        applied.join(" ")
    );
    out.push_str(BODY);
    out
}

fn quoted(value: &str) -> String {
    format!("'{}'", value.replace('\'', r"'\''"))
}

fn tidy(plan: &Move<'_>, shown: Shown<'_>) -> String {
    if plan.replaced {
        return "Commit the files.".to_owned();
    }
    let pods = plan.pods.iter().map(|p| shown(&Text::from(Path(p))));
    format!(
        "Commit the files, and take the static pod out of {}, and out of what sets nodes up.",
        pods.collect::<Vec<_>>().join(", ")
    )
}
