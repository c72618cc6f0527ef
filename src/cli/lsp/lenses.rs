//! What a change restarts, above each workload; who reads it, above each ConfigMap and Secret.

use std::collections::BTreeSet;

use kubewright_model::kube::{Resource, Workspace};
use lsp_types as lsp;

use super::answers;
use super::names;
use super::place;
use super::state::State;
use crate::pipeline::Pipeline;
use crate::pipeline::report::{Restart, Strategy};

/// Readers that are named.
const MOST: usize = 3;

pub(super) fn lenses(state: &State, params: &lsp::CodeLensParams) -> Option<Vec<lsp::CodeLens>> {
    let file = state.file(&params.text_document.uri)?;
    let workspace = &state.workspace;
    let mut lenses = Vec::new();
    for resource in workspace.resources_of(file) {
        let title = if names::target(resource).is_some() {
            Some(readers(workspace, resource))
        } else if workspace.carries_pods(resource.id) {
            Pipeline::restart_of(workspace, resource.id).map(|restart| said(&restart))
        } else {
            None
        };
        let node = workspace.node(resource.id);
        let (Some(title), Some(node)) = (title, node) else {
            continue;
        };
        let start = node.span().start;
        let command = lsp::Command {
            title,
            // It is only to be read.
            command: String::new(),
            arguments: None,
        };
        lenses.push(lsp::CodeLens {
            range: place::range(&workspace.file(file).text, &(start..start)),
            command: Some(command),
            data: None,
        });
    }
    Some(lenses)
}

fn readers(workspace: &Workspace, resource: &Resource) -> String {
    let found = answers::readers(workspace, resource.id);
    let who: BTreeSet<_> = found.iter().map(|found| found.from).collect();
    let names: Vec<String> = (who.iter().take(MOST))
        .map(|id| workspace.resource(*id))
        .map(|r| format!("{} {}", r.kind, r.name))
        .collect();
    match who.len() {
        0 => "nobody here reads it".to_owned(),
        n if n > MOST => format!("read by {} and {} more", names.join(", "), n - MOST),
        _ => format!("read by {}", names.join(", ")),
    }
}

fn said(restart: &Restart) -> String {
    let pods = match restart.replicas {
        Some(1) => "1 pod".to_owned(),
        Some(n) => format!("{n} pods"),
        None => "its pods".to_owned(),
    };
    let how = match restart.strategy {
        Strategy::Rolling => format!("a new pod template replaces {pods} one after another"),
        Strategy::Recreate => format!("a new pod template stops {pods}, then starts new ones"),
        Strategy::OnDelete => "a new pod template waits until its pods are deleted".to_owned(),
        Strategy::Recreated => "it must be deleted and applied again to change".to_owned(),
    };
    let costs = restart.costs.iter().map(|cost| cost.text.as_str());
    let all: Vec<&str> = std::iter::once(how.as_str()).chain(costs).collect();
    all.join("; ")
}
