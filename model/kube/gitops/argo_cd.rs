//! Argo CD `Application`s (Argo CD `pkg/apis/application/v1alpha1/types.go`).

use super::applier::{Applied, Content, Depth, Fill, Filled, Layout, Place, Source, claim};
use super::repository::Claim;
use crate::kube::object::apply_set::{Applier, Evidence};
use crate::kube::object::resource::ResourceId;
use crate::yaml::Node;

/// The cluster that Argo CD itself runs in, by address and by name.
const IN_CLUSTER: [&str; 2] = ["https://kubernetes.default.svc", "in-cluster"];

/// The directories that the `spec` of an `Application` names.
pub(in crate::kube) fn claims(spec: Node<'_>, fill: &Fill) -> Vec<Claim> {
    sources(spec)
        .filter_map(|s| source(s, fill))
        .filter(|s| matches!(s.content, Content::Directory(_)))
        .map(|s| s.claim)
        .collect()
}

/// The `spec` of an `Application`, or of the template of an `ApplicationSet`.
pub(in crate::kube) fn application(
    resource: ResourceId,
    name: Option<String>,
    spec: Node<'_>,
    fill: &Fill,
) -> Applied {
    let to = |key: &str| fill.text(spec.path(&["destination", key]));
    let cluster = match (to("server"), to("name")) {
        (Filled::Known(server), Filled::Absent) => Some(server.trim_end_matches('/').to_owned()),
        (Filled::Absent, Filled::Known(name)) => Some(name),
        _ => None,
    };
    let cluster = cluster.map(|c| {
        if IN_CLUSTER.contains(&c.as_str()) {
            IN_CLUSTER[1].to_owned()
        } else {
            c
        }
    });
    let namespace = to("namespace");
    let place = cluster.clone().filter(|_| namespace != Filled::Unknown);
    let namespace = namespace.known();
    Applied {
        tool: Evidence::ArgoCd,
        place: place.map(|cluster| Place {
            cluster,
            namespace: namespace.clone(),
        }),
        applier: Applier {
            resource,
            name: name.unwrap_or_default(),
            cluster,
            namespace,
        },
        sources: sources(spec)
            .filter_map(|node| source(node, fill))
            .collect(),
    }
}

/// `sources` take the place of `source`.
fn sources(spec: Node<'_>) -> impl Iterator<Item = Node<'_>> {
    let several = spec.get("sources").filter(|s| s.items().next().is_some());
    let one = if several.is_none() {
        spec.get("source")
    } else {
        None
    };
    several
        .into_iter()
        .flat_map(Node::items)
        .chain(one)
        .filter(|s| s.is_mapping())
}

/// One source; `None` for one that only other sources take values from.
fn source(node: Node<'_>, fill: &Fill) -> Option<Source> {
    let text = |key: &str| fill.text(node.get(key));
    let given = |key: &str| node.get(key).is_some_and(|n| n.entries().next().is_some());
    let claim = claim(text("repoURL"), &text("targetRevision"), text("path"));
    let content = if text("chart") != Filled::Absent {
        Content::Opaque(
            format!("Helm chart {}", text("chart").known().unwrap_or_default())
                .trim_end()
                .to_owned(),
        )
    } else if given("plugin") {
        Content::Opaque("what a plugin makes".to_owned())
    } else if text("path") == Filled::Absent {
        if text("ref") != Filled::Absent {
            return None;
        }
        Content::Opaque("a source without a path".to_owned())
    } else if given("helm") {
        Content::Opaque(
            format!("Helm chart {}", claim.path.as_deref().unwrap_or_default())
                .trim_end()
                .to_owned(),
        )
    } else {
        Content::Directory(layout(node.get("directory"), fill))
    };
    Some(Source {
        claim,
        content,
        settings: node
            .get("kustomize")
            .filter(|k| k.is_mapping())
            .map(Node::id),
    })
}

/// `directory`: with a setting of its own, the source is a directory whatever lies in it.
fn layout(directory: Option<Node<'_>>, fill: &Fill) -> Layout {
    let get = |key: &str| directory.and_then(|d| d.get(key));
    let recursive = get("recurse").and_then(Node::as_bool) == Some(true);
    let (include, exclude) = (fill.text(get("include")), fill.text(get("exclude")));
    Layout {
        depth: if recursive {
            Depth::Recursive
        } else {
            Depth::Flat
        },
        plain: recursive
            || include != Filled::Absent
            || exclude != Filled::Absent
            || get("jsonnet").is_some(),
        filtered: include == Filled::Unknown
            || exclude == Filled::Unknown
            || get("jsonnet").is_some(),
        include: include.known(),
        exclude: exclude.known(),
    }
}
