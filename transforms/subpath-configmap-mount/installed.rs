//! Mounts through `subPath` that a chart makes of the values of a `HelmRelease` or an
//! `Application`: what the mounts of its pods may become is up to the chart, so they stay.

use std::collections::BTreeSet;

use kubewright_model::finding::{Finding, Location, NoFix, Severity};
use kubewright_model::kube::installed::{Installed, InstalledPod};
use kubewright_model::kube::{Resolution, Site, Target};
use kubewright_model::text;
use kubewright_model::text::{Named, Text};
use kubewright_model::yaml::Node;

use super::META;
use super::codes::Code;
use super::cure::HASH;
use crate::Context;
use crate::missing_config_hash::installed::restarts;

/// All that is found in what is installed.
pub(super) fn findings(cx: &Context<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for resource in cx.workspace.resources() {
        let Some(installed) = cx.workspace.installed(resource.id) else {
            continue;
        };
        for pod in &installed.pods {
            let names = mounted(cx, &installed, pod);
            findings.extend(
                names
                    .iter()
                    .map(|name| finding(cx, (&installed, pod), name)),
            );
        }
    }
    findings
}

/// The ConfigMaps of the workspace of which files are mounted through `subPath`.
fn mounted(cx: &Context<'_>, installed: &Installed<'_>, pod: &InstalledPod) -> BTreeSet<String> {
    let Some(template) = pod.template() else {
        return BTreeSet::new();
    };
    let containers = template.containers();
    let mounts: Vec<Node<'_>> = (containers.iter())
        .filter_map(|container| container.node.get("volumeMounts"))
        .flat_map(Node::items)
        .filter(|mount| mount.get("subPath").is_some())
        .collect();
    let is_part = |volume: Node<'_>| {
        let name = volume.get("name").and_then(Node::text);
        let mut of = mounts.iter();
        of.any(|mount| mount.get("name").and_then(Node::text) == name)
    };
    let namespace = installed.namespace.as_deref();
    let in_sight = |name: &str| {
        installed.sets.iter().any(|set| {
            let (from, to) = (installed.resource, Target::ConfigMap);
            cx.workspace.resolve_in(*set, from, to, name, namespace) != Resolution::Missing
        })
    };
    let references = template.references().into_iter();
    references
        .filter(|reference| match reference.site {
            Site::Volume { volume, .. } | Site::Projected { volume, .. } => {
                reference.to == Target::ConfigMap && is_part(volume) && in_sight(reference.name)
            }
            _ => false,
        })
        .map(|reference| reference.name.to_owned())
        .collect()
}

fn finding(
    cx: &Context<'_>,
    (installed, pod): (&Installed<'_>, &InstalledPod),
    name: &str,
) -> Finding {
    let resource = cx.workspace.resource(installed.resource);
    let display = Named::new("ConfigMap", name);
    let (severity, why) = staleness(cx, installed, pod);
    let reason = text![
        "chart ",
        installed.chart.name,
        " makes its pods: whether the program may read the file in a directory of its own is for \
         its values to say"
    ];
    let named = pod.named(Target::ConfigMap, name);
    let named = named.and_then(|path| installed.at(path));
    let place = named.map_or_else(
        || {
            let node = cx.workspace.node(resource.id);
            let span = node.map_or(0..0, |node| {
                node.path(&["metadata", "name"]).unwrap_or(node).span()
            });
            Location {
                file: resource.file,
                span,
            }
        },
        |(part, node)| Location::of(part.file, part.scalar().unwrap_or(node)),
    );
    META.finding(
        severity,
        place,
        text![
            display,
            " is mounted through subPath; a running pod of ",
            resource.display(),
            " never sees a change"
        ],
    )
    .about(resource.id)
    .subject("installed", [name.to_owned(), pod.annotations.join(".")])
    .notes([why])
    .fix(Err(NoFix::new(Code::InstalledChart, reason)))
}

/// How much it matters, and why.
fn staleness(cx: &Context<'_>, installed: &Installed<'_>, pod: &InstalledPod) -> (Severity, Text) {
    if !cx.running.contains(&HASH) && !cx.settings.enabled(HASH) {
        let note = text![
            "no config hash restarts its pods: ",
            HASH,
            " is switched off"
        ];
        return (Severity::Warning, note);
    }
    match restarts(cx, installed, pod) {
        Ok(()) => {
            let note = "a config hash, or what restarts its pods instead, cures its staleness";
            (Severity::Info, note.into())
        }
        Err(why) => {
            let note = text!["no config hash restarts its pods: ", why];
            (Severity::Warning, note)
        }
    }
}
