//! What tells several static kube-proxies apart: their images and flags, by file.

use std::collections::BTreeMap;

use kubewright_model::kube::{Resource, Workspace};
use kubewright_model::text;
use kubewright_model::text::{Path, Text};
use kubewright_model::yaml::Node;

use super::command::{self, Reading};
use super::recognise::proxy;

/// One line for each flag, or the image, that is not the same in all; one line when nothing
/// differs.
pub(super) fn differences(workspace: &Workspace, pods: &[&Resource]) -> Vec<Text> {
    let all: Vec<(&str, BTreeMap<String, String>)> = pods
        .iter()
        .filter_map(|pod| {
            Some((
                workspace.file(pod.file).path.as_str(),
                says(workspace.node(pod.id)?)?,
            ))
        })
        .collect();
    if all.len() < pods.len() {
        return Vec::new();
    }
    let mut keys: Vec<&String> = all.iter().flat_map(|(_, says)| says.keys()).collect();
    keys.sort_unstable();
    keys.dedup();
    let differing = keys.into_iter().filter(|key| {
        all.iter()
            .any(|(_, says)| says.get(*key) != all.first().and_then(|(_, s)| s.get(*key)))
    });
    let lines: Vec<Text> = differing
        .map(|key| {
            let values = all.iter().map(|(path, says)| {
                text![
                    says.get(key).map_or("absent", String::as_str),
                    " in ",
                    Path(path)
                ]
            });
            text![key, ": ", Text::joined(values, ", ")]
        })
        .collect();
    if lines.is_empty() {
        let first = all.first().map_or("FILE", |(path, _)| path);
        let command = text!["kubewright fix - --unsafe-fixes < ", Path(first)];
        return vec![text![
            "image and flags are the same in all of them: `",
            Text::command(command),
            "` prints one DaemonSet, which can stand for all"
        ]];
    }
    lines
}

/// The image and the flags of a pod; `None` where its command cannot be read.
fn says(pod: Node<'_>) -> Option<BTreeMap<String, String>> {
    let container = proxy(pod)?;
    let Reading::Proxy(call) = command::read(container) else {
        return None;
    };
    let flags = call.flags().into_iter().map(|f| {
        (
            format!("--{}", f.name),
            if f.value.is_empty() { "set" } else { f.value }.to_owned(),
        )
    });
    let mut says: BTreeMap<String, String> = flags.collect();
    says.insert(
        "image".to_owned(),
        container
            .get("image")
            .and_then(Node::text)
            .unwrap_or("absent")
            .to_owned(),
    );
    Some(says)
}
