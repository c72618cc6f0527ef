//! Flux `Kustomization`s (kustomize.toolkit.fluxcd.io) and the sources they read.

use std::collections::BTreeMap;

use super::applier::{Applied, Content, Depth, Fill, Filled, Layout, Place, Source, claim};
use super::repository::{Claim, UNKNOWN_ADDRESS};
use crate::kube::kustomize::manifests::Manifests;
use crate::kube::object::apply_set::{Applier, Evidence};
use crate::kube::object::resource::Resource;
use crate::yaml::Node;

/// A `GitRepository`: address, branch, and whether it leaves files out.
#[derive(Debug, Clone)]
pub(in crate::kube) struct Git {
    url: Filled,
    revision: Filled,
    ignores: bool,
}

/// `GitRepository`s by namespace and name. One name with several meanings stands for none: each is
/// of another cluster.
pub(in crate::kube) type Urls = BTreeMap<(String, String), Option<Git>>;

/// Stands for the address of an `OCIRepository` or a `Bucket`: they hold what somebody pushed
/// there.
pub(in crate::kube) const PUSHED: &str = "pushed://";

/// Where Flux puts what states no namespace of its own.
const HOME: &str = "flux-system";

/// Whether a resource is a `GitRepository`.
pub(in crate::kube) fn is_repository(resource: &Resource) -> bool {
    resource.kind == "GitRepository" && resource.group() == "source.toolkit.fluxcd.io"
}

/// All `GitRepository`s of the workspace.
pub(in crate::kube) fn urls(manifests: &Manifests<'_>) -> Urls {
    let mut urls = Urls::new();
    let fill = Fill::default();
    for resource in manifests.resources.iter().filter(|r| is_repository(r)) {
        let Some(spec) = manifests.node(resource).and_then(|n| n.get("spec")) else {
            continue;
        };
        let pinned = ["commit", "tag", "semver", "name"]
            .iter()
            .find_map(|k| spec.path(&["ref", k]));
        let git = Git {
            url: fill.text(spec.get("url")),
            // Any of these goes before the branch.
            revision: pinned.map_or_else(
                || fill.text(spec.path(&["ref", "branch"])),
                |_| Filled::Unknown,
            ),
            ignores: spec.get("ignore").is_some(),
        };
        let key = (namespace(resource), resource.name.clone());
        urls.entry(key)
            .and_modify(|known| {
                if known
                    .as_ref()
                    .is_some_and(|k| (&k.url, &k.revision) != (&git.url, &git.revision))
                {
                    *known = None;
                }
            })
            .or_insert(Some(git.clone()));
    }
    urls
}

fn namespace(resource: &Resource) -> String {
    resource
        .namespace
        .clone()
        .unwrap_or_else(|| HOME.to_owned())
}

fn path(spec: Node<'_>) -> Filled {
    match Fill::default().text(spec.get("path")) {
        Filled::Absent => Filled::Known("./".to_owned()),
        path => path,
    }
}

/// The directory that a `Kustomization` names.
fn claim_of(resource: &Resource, spec: Node<'_>, urls: &Urls) -> Option<(Claim, bool)> {
    let text = |key: &str| spec.path(&["sourceRef", key]).and_then(Node::text);
    if text("kind") != Some("GitRepository") {
        return None;
    }
    let name = text("name")?.to_owned();
    let key = (
        text("namespace").map_or_else(|| namespace(resource), str::to_owned),
        name,
    );
    let path = path(spec);
    Some(match urls.get(&key) {
        Some(Some(git)) => (claim(git.url.clone(), &git.revision, path), git.ignores),
        Some(None) => return None,
        // Its address is not in the workspace: the name has to do.
        None => (
            claim(
                Filled::Known(format!("{UNKNOWN_ADDRESS}{}/{}", key.0, key.1)),
                &Filled::Absent,
                path,
            ),
            false,
        ),
    })
}

/// The same for the judgement of repositories.
pub(in crate::kube) fn claim_in(resource: &Resource, spec: Node<'_>, urls: &Urls) -> Option<Claim> {
    claim_of(resource, spec, urls).map(|(claim, _)| claim)
}

/// Reads a `Kustomization`.
pub(in crate::kube) fn kustomization(resource: &Resource, spec: Node<'_>, urls: &Urls) -> Applied {
    let fill = Fill::default();
    let target = fill.text(spec.get("targetNamespace"));
    let kube_config = spec.get("kubeConfig").filter(|k| !k.is_null());
    let cluster = kube_config.and_then(|k| {
        k.path(&["secretRef", "name"])
            .or_else(|| k.path(&["configMapRef", "name"]))?
            .text()
    });
    // Without a kubeconfig it is the cluster that Flux runs in.
    let known = kube_config.is_none() || cluster.is_some();
    let place = Place {
        cluster: cluster.unwrap_or_default().to_owned(),
        namespace: target.clone().known(),
    };
    let (claim, content) = if let Some((claim, filtered)) = claim_of(resource, spec, urls) {
        (
            claim,
            Content::Directory(Layout {
                depth: Depth::Nested,
                filtered,
                ..Layout::default()
            }),
        )
    } else {
        let text = |key: &str| {
            spec.path(&["sourceRef", key])
                .and_then(Node::text)
                .unwrap_or_default()
        };
        let what = format!("the content of {} {}", text("kind"), text("name"));
        let repository = if ["Bucket", "ExternalArtifact", "OCIRepository"].contains(&text("kind"))
        {
            PUSHED
        } else {
            ""
        };
        (
            Claim {
                repository: repository.to_owned(),
                revision: None,
                path: path(spec).known(),
            },
            Content::Opaque(what),
        )
    };
    Applied {
        applier: Applier {
            resource: resource.id,
            name: resource.name.clone(),
            cluster: cluster.map(str::to_owned),
            namespace: place.namespace.clone(),
        },
        tool: Evidence::Flux,
        place: (known && target != Filled::Unknown).then_some(place),
        sources: vec![Source {
            claim,
            content,
            settings: Some(spec.id()),
        }],
    }
}
