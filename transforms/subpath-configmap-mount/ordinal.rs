//! Which file a `subPathExpr` chooses for each pod of a `StatefulSet`, whose names are known:
//! `<name>-<ordinal>`.

use kubewright_model::yaml::Node;

use super::mounts::Mount;
use super::pod::{Own, Pod};
use super::volume::{Found, Volume, VolumeSource};

/// Pods of one `StatefulSet` that are looked at.
const MAX_PODS: i64 = 1000;
/// The label that holds the ordinal, and the one that holds the name
/// (<https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/#pod-index-label>).
const INDEX: &str = "metadata.labels['apps.kubernetes.io/pod-index']";
const NAME: [&str; 2] = [
    "metadata.name",
    "metadata.labels['statefulset.kubernetes.io/pod-name']",
];

/// The first pod that chooses a file which does not exist, and the path of that file.
pub(super) fn missing(
    pod: &Pod<'_>,
    own: &Own<'_>,
    mount: &Mount<'_>,
    volume: &Volume<'_>,
) -> Option<(String, String)> {
    let resource = pod.cx.workspace.resource(pod.id);
    if resource.kind != "StatefulSet"
        || pod.touched(&["spec.replicas", "metadata.name", "spec.ordinals"])
        || volume.check().is_err()
    {
        return None;
    }
    let number = |path: &[&str], default: i64| match pod.workload.path(path) {
        Some(node) => node.as_int(),
        None => Some(default),
    };
    let (replicas, start) = (
        number(&["spec", "replicas"], 1)?,
        number(&["spec", "ordinals", "start"], 0)?,
    );
    let known = |source: &VolumeSource<'_>| Some(pod.objects.known(source.to?, source.name));
    (start..start + replicas.clamp(0, MAX_PODS)).find_map(|ordinal| {
        let name = format!("{}-{ordinal}", resource.name);
        let path = expanded(mount.expr?, own.container.node, &name, ordinal)?;
        let gone = matches!(volume.find(&path, known), Found::Missing(_));
        if gone { Some((name, path)) } else { None }
    })
}

/// The expression with its variables filled in.
fn expanded(expression: &str, container: Node<'_>, name: &str, ordinal: i64) -> Option<String> {
    let mut out = String::new();
    let mut rest = expression;
    while let Some((before, behind)) = rest.split_once("$(") {
        let (variable, after) = behind.split_once(')')?;
        out.push_str(before);
        out.push_str(&value(container, variable, name, ordinal)?);
        rest = after;
    }
    out.push_str(rest);
    (!out.contains("${") && !out.contains("{{") && !out.contains("$$")).then_some(out)
}

fn value(container: Node<'_>, variable: &str, name: &str, ordinal: i64) -> Option<String> {
    let entries = container.get("env").map(Node::items).into_iter().flatten();
    let entry = entries
        .filter(|e| e.get("name").and_then(Node::text) == Some(variable))
        .last()?;
    if let Some(text) = entry.get("value").and_then(Node::text) {
        return (!text.contains('$')).then(|| text.to_owned());
    }
    match entry
        .path(&["valueFrom", "fieldRef", "fieldPath"])?
        .text()?
    {
        field if NAME.contains(&field) => Some(name.to_owned()),
        INDEX => Some(ordinal.to_string()),
        _ => None,
    }
}
