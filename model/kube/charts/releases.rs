//! Values that Argo CD `Application`s and Flux `HelmRelease`s of the workspace give to its charts.
//!
//! A resource means a chart when the path that it names is the directory of the chart. Where it
//! takes values from elsewhere (`valuesFrom`), they are not known, and it is left out.

use super::{Chart, Values};
use crate::kube::object::resource::Resource;
use crate::kube::workspace::Workspace;
use crate::yaml::Node;

/// Adds what the workspace says of its charts.
pub(super) fn add(workspace: &Workspace, charts: &mut [Chart]) {
    for resource in workspace.resources() {
        let Some(spec) = workspace.node(resource.id).and_then(|n| n.get("spec")) else {
            continue;
        };
        match (resource.kind.as_str(), resource.group()) {
            ("Application", "argoproj.io") => application(workspace, resource, spec, charts),
            ("HelmRelease", "helm.toolkit.fluxcd.io") => {
                helm_release(workspace, resource, spec, charts);
            }
            _ => {}
        }
    }
}

fn text<'a>(node: Node<'a>, path: &[&str]) -> Option<&'a str> {
    node.path(path).and_then(Node::text)
}

/// The texts of a list.
fn texts(node: Option<Node<'_>>) -> impl Iterator<Item = &str> {
    node.into_iter()
        .flat_map(Node::items)
        .filter_map(Node::text)
}

/// A path of a repository as one that is relative to the root, as far as `..` does not leave it.
fn normal(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// A mapping as a text of its own.
fn own_text(node: Node<'_>) -> String {
    let text = node.file().text();
    let start = node.span().start;
    let line = text[..start].rfind('\n').map_or(0, |at| at + 1);
    let column = text[line..start].chars().count();
    format!("{}{}\n", " ".repeat(column), node.source())
}

fn application(workspace: &Workspace, resource: &Resource, spec: Node<'_>, charts: &mut [Chart]) {
    let several = spec.get("sources").into_iter().flat_map(Node::items);
    for source in several.chain(spec.get("source")) {
        let Some(path) = text(source, &["path"]) else {
            continue;
        };
        let path = normal(path);
        let Some(chart) = charts.iter_mut().find(|c| c.directory == path) else {
            continue;
        };
        let mut values = Values {
            name: format!("Application {}", resource.name),
            release: resource.name.clone(),
            namespace: text(spec, &["destination", "namespace"])
                .unwrap_or("default")
                .to_owned(),
            ..Values::default()
        };
        if let Some(helm) = source.get("helm") {
            let lenient = helm.get("ignoreMissingValueFiles").and_then(Node::as_bool);
            for file in texts(helm.get("valueFiles")) {
                let path = match file.strip_prefix('$') {
                    // What is behind the name of the other source is taken for this repository.
                    Some(other) => normal(other.split_once('/').map_or("", |(_, path)| path)),
                    None if file.starts_with('/') => normal(file),
                    None => normal(&chart.below(file)),
                };
                if lenient != Some(true) || workspace.file_at(&path).is_some() {
                    values.files.push(path);
                }
            }
            let object = helm.get("valuesObject").filter(|o| o.is_mapping());
            let literal = || text(helm, &["values"]).map(str::to_owned);
            values.inline = object.map(own_text).or_else(literal);
            for parameter in helm.get("parameters").into_iter().flat_map(Node::items) {
                let string = parameter.get("forceString").and_then(Node::as_bool) == Some(true);
                if let Some(name) = text(parameter, &["name"]) {
                    let value = text(parameter, &["value"]).unwrap_or_default();
                    values.parameters.push((format!("{name}={value}"), string));
                }
            }
            if let Some(release) = text(helm, &["releaseName"]) {
                release.clone_into(&mut values.release);
            }
        }
        chart.sets.push(values);
    }
}

fn helm_release(workspace: &Workspace, resource: &Resource, spec: Node<'_>, charts: &mut [Chart]) {
    let Some(named) = text(spec, &["chart", "spec", "chart"]) else {
        return;
    };
    let directory = normal(named);
    let from_git = text(spec, &["chart", "spec", "sourceRef", "kind"]) == Some("GitRepository");
    let Some(chart) = charts
        .iter_mut()
        .find(|c| from_git && c.directory == directory)
    else {
        return;
    };
    if spec
        .get("valuesFrom")
        .is_some_and(|v| v.items().next().is_some())
    {
        return;
    }
    let target = text(spec, &["targetNamespace"]);
    let release = text(spec, &["releaseName"]).map_or_else(
        || target.map_or_else(String::new, |t| format!("{t}-")) + &resource.name,
        str::to_owned,
    );
    let own = chart.below("values.yaml");
    let files = texts(spec.path(&["chart", "spec", "valuesFiles"])).map(normal);
    let files: Vec<String> = files.filter(|file| *file != own).collect();
    let lenient = spec.path(&["chart", "spec", "ignoreMissingValuesFiles"]);
    let lenient = lenient.and_then(Node::as_bool) == Some(true);
    let there = |file: &String| !lenient || workspace.file_at(file).is_some();
    chart.sets.push(Values {
        name: format!("HelmRelease {}", resource.name),
        files: files.into_iter().filter(there).collect(),
        inline: spec.get("values").filter(|v| v.is_mapping()).map(own_text),
        parameters: Vec::new(),
        release,
        namespace: target
            .or(resource.namespace.as_deref())
            .unwrap_or("default")
            .to_owned(),
    });
}
