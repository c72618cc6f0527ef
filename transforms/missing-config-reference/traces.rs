//! Traces of whoever makes an object that no manifest defines: a command in a script, a field of a
//! custom resource, an argument.
//!
//! All texts are read once, for all names that are missing; a name that leaves a trace is not known
//! to be missing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, MatchKind};
use kubewright_model::kube::{Certainty, Resource, ResourceId, Target, Workspace};
use kubewright_model::yaml::{Kind, Node, NodeId, Word};
use rayon::prelude::*;

use super::CHUNK;

/// What was found of the names.
#[derive(Debug, Default)]
pub(super) struct Traces {
    /// Files with a `kubectl create` of that object.
    created: BTreeMap<(Target, String), String>,
    /// Resources with a scalar that holds the name, and is no reference to it.
    mentioned: BTreeMap<String, BTreeSet<ResourceId>>,
    /// Custom resources that may make objects, by name.
    custom: BTreeMap<String, BTreeSet<ResourceId>>,
}

/// API groups whose objects make no ConfigMap or Secret.
const MAKE_NONE: &[&str] = &[
    "argoproj.io",
    "autoscaling.k8s.io",
    "cilium.io",
    "crd.projectcalico.org",
    "gateway.networking.k8s.io",
    "keda.sh",
    "networking.istio.io",
    "policy.linkerd.io",
    "projectcontour.io",
    "security.istio.io",
    "serving.knative.dev",
    "snapshot.storage.k8s.io",
    "split.smi-spec.io",
    "traefik.containo.us",
    "traefik.io",
];

/// Kinds of other groups that make none.
const KINDS_MAKE_NONE: &[&str] = &[
    "PodMonitor",
    "Probe",
    "PrometheusRule",
    "ServiceMonitor",
    "Kustomization",
    "GitRepository",
    "HelmRepository",
];

static CREATE: Word = Word::new("create");

impl Traces {
    /// Looks for all names.
    pub(super) fn find(workspace: &Workspace, names: &BTreeSet<&str>) -> Self {
        // The text is asked before any tree is looked at: few resources hold one of the names.
        let finder = AhoCorasick::new(names).ok();
        let files = workspace.files().par_chunks(CHUNK).map(|files| {
            let mut traces = Self::default();
            for file in files.iter().filter(|file| CREATE.is_in(&file.text)) {
                traces.commands(&file.path, &file.text);
            }
            traces
        });
        let resources = workspace.resources().par_chunks(CHUNK).map(|resources| {
            let mut traces = Self::default();
            for resource in resources {
                traces.resource(workspace, resource, names, finder.as_ref());
            }
            traces
        });
        files.chain(resources).reduce(Self::default, Self::and)
    }

    /// With what comes after it.
    fn and(mut self, later: Self) -> Self {
        for (what, file) in later.created {
            self.created.entry(what).or_insert(file);
        }
        for (name, ids) in later.mentioned {
            self.mentioned.entry(name).or_default().extend(ids);
        }
        for (name, ids) in later.custom {
            self.custom.entry(name).or_default().extend(ids);
        }
        self
    }

    fn resource(
        &mut self,
        workspace: &Workspace,
        resource: &Resource,
        names: &BTreeSet<&str>,
        finder: Option<&AhoCorasick>,
    ) {
        if !(is_custom(resource) && may_make(resource)) {
            if workspace.carries_pods(resource.id) && workspace.may_hold_any(resource.id, speaks) {
                for name in words_of_containers(workspace, resource, names) {
                    self.mention(name, resource);
                }
            }
            return;
        }
        self.custom
            .entry(resource.name.clone())
            .or_default()
            .insert(resource.id);
        if finder.is_some_and(|finder| {
            !workspace.may_hold_any(resource.id, |text| holds_word(finder, text))
        }) {
            return;
        }
        let Some(node) = workspace.node(resource.id) else {
            return;
        };
        let found = scalars(node, names);
        let references = if found.is_empty() {
            BTreeSet::new()
        } else {
            references(workspace, resource)
        };
        for (node, name) in found {
            if !references.contains(&node.id()) && !is_label(node) {
                self.mention(name, resource);
            }
        }
    }

    fn mention(&mut self, name: &str, resource: &Resource) {
        self.mentioned
            .entry(name.to_owned())
            .or_default()
            .insert(resource.id);
    }

    /// Commands in the text files of the root that are no manifests: scripts, Makefiles, workflows,
    /// pages.
    pub(super) fn beside(workspace: &Workspace) -> Self {
        let Some(texts) = workspace.options().texts.as_ref() else {
            return Self::default();
        };
        let found = texts
            .read()
            .texts
            .par_iter()
            .filter(|(_, text)| CREATE.is_in(text))
            .map(|(path, text)| {
                let mut traces = Self::default();
                traces.commands(path, text);
                traces
            });
        found.reduce(Self::default, Self::and)
    }

    /// The file in which a command makes the object.
    pub(super) fn created(&self, to: Target, name: &str) -> Option<&str> {
        self.created.get(&(to, name.to_owned())).map(String::as_str)
    }

    /// Something among `ids` that names the object without being a reference to it.
    pub(super) fn mentioned(
        &self,
        name: &str,
        within: impl Fn(ResourceId) -> bool,
    ) -> Option<ResourceId> {
        self.mentioned
            .get(name)?
            .iter()
            .copied()
            .find(|id| within(*id))
    }

    /// A custom resource whose name is part of the wanted one, in whole segments: operators name
    /// what they make after their object.
    pub(super) fn after(
        &self,
        name: &str,
        within: impl Fn(ResourceId) -> bool,
    ) -> Option<ResourceId> {
        let mut bounds: Vec<usize> = name.match_indices(['-', '.']).map(|(at, _)| at).collect();
        bounds.push(name.len());
        let starts: Vec<usize> = std::iter::once(0)
            .chain(bounds.iter().map(|at| at + 1))
            .filter(|at| *at < name.len())
            .collect();
        let parts = starts.iter().flat_map(|start| {
            bounds
                .iter()
                .filter(move |end| *end > start)
                .filter_map(|end| name.get(*start..*end))
        });
        parts
            .filter_map(|part| self.custom.get(part))
            .flatten()
            .copied()
            .find(|id| within(*id))
    }

    /// `kubectl create configmap NAME`, `create cm NAME`, `create secret generic NAME`.
    fn commands(&mut self, path: &str, text: &str) {
        for (at, create) in text.match_indices(CREATE.text()) {
            let mut rest = text.get(at + create.len()..).unwrap_or_default();
            if let Some((end, _)) = rest.char_indices().nth(300) {
                rest = rest.get(..end).unwrap_or_default();
            }
            let mut words = rest.split(|c: char| {
                c.is_whitespace()
                    || matches!(
                        c,
                        '"' | '\'' | ',' | '\\' | '[' | ']' | '`' | '$' | '{' | '}'
                    )
            });
            let mut word = || words.by_ref().find(|w| !w.is_empty() && *w != "-");
            let to = match word() {
                Some("configmap" | "configmaps" | "cm") => Target::ConfigMap,
                Some("secret" | "secrets") => Target::Secret,
                _ => continue,
            };
            let mut skip = to == Target::Secret;
            while let Some(next) = word() {
                if next.starts_with('-') {
                    if matches!(next, "-n" | "--namespace") {
                        word();
                    }
                } else if skip {
                    skip = false;
                } else {
                    self.created
                        .entry((to, next.to_owned()))
                        .or_insert_with(|| path.to_owned());
                    break;
                }
            }
        }
    }
}

/// Whether a resource is of a kind that Kubernetes does not have by itself.
fn is_custom(resource: &Resource) -> bool {
    let group = resource.group();
    group.contains('.')
        && (!group.ends_with(".k8s.io")
            || matches!(group, "gateway.networking.k8s.io" | "autoscaling.k8s.io"))
}

fn may_make(resource: &Resource) -> bool {
    !MAKE_NONE.contains(&resource.group()) && !KINDS_MAKE_NONE.contains(&resource.kind.as_str())
}

/// Scalars below a node that hold one of the names as a word.
fn scalars<'a, 'n>(root: Node<'a>, names: &BTreeSet<&'n str>) -> Vec<(Node<'a>, &'n str)> {
    let scalars = root
        .descendants()
        .filter(|n| matches!(n.kind(), Kind::Scalar(_)));
    scalars
        .flat_map(|node| {
            words(node.text().unwrap_or_default(), names)
                .into_iter()
                .map(move |name| (node, name))
        })
        .collect()
}

/// Whether a text speaks of ConfigMaps or Secrets, in one of the usual spellings.
fn speaks(text: &str) -> bool {
    static WORDS: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
        let words = [
            "ecret",
            "ECRET",
            "onfigmap",
            "onfigMap",
            "onfig-map",
            "onfig_map",
            "ONFIGMAP",
            "ONFIG-MAP",
            "ONFIG_MAP",
            " cm ",
        ];
        // Few words, none of which may be passed over for another: this is searched by vectors.
        AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostFirst)
            .build(words)
            .ok()
    });
    WORDS.as_ref().is_none_or(|words| words.is_match(text))
}

/// Whether a text holds one of the names as [`words`] finds them.
fn holds_word(names: &AhoCorasick, text: &str) -> bool {
    let (trimmed, inner) = (
        |b: &&u8| matches!(b, b'.' | b'-'),
        |b: Option<&u8>| b.is_some_and(u8::is_ascii_alphanumeric),
    );
    names.find_overlapping_iter(text).any(|found| {
        let (before, behind) = (
            &text.as_bytes()[..found.start()],
            &text.as_bytes()[found.end()..],
        );
        !inner(before.iter().rev().find(|b| !trimmed(b)))
            && !inner(behind.iter().find(|b| !trimmed(b)))
    })
}

/// The names that stand in a text as words.
pub(super) fn words<'n>(text: &str, names: &BTreeSet<&'n str>) -> Vec<&'n str> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '.')));
    words
        .filter_map(|word| names.get(word.trim_matches(['.', '-'])).copied())
        .collect()
}

/// Whether a scalar is a label, a selector or a namespace.
fn is_label(scalar: Node<'_>) -> bool {
    let mut at = Some(scalar);
    while let Some(node) = at {
        if node
            .key()
            .and_then(Node::text)
            .is_some_and(|key| matches!(key, "labels" | "matchLabels" | "namespace" | "selector"))
        {
            return true;
        }
        at = node.parent();
    }
    false
}

/// Names in the commands, arguments and variables of containers that speak of ConfigMaps or
/// Secrets.
fn words_of_containers<'n>(
    workspace: &Workspace,
    resource: &Resource,
    names: &BTreeSet<&'n str>,
) -> Vec<&'n str> {
    let mut found = Vec::new();
    for template in workspace.pod_templates(resource.id) {
        for container in template.containers() {
            let lists = ["command", "args"]
                .into_iter()
                .filter_map(|field| container.node.get(field));
            let arguments: Vec<&str> = lists.flat_map(Node::items).filter_map(Node::text).collect();
            if arguments.iter().any(|text| speaks(text)) {
                found.extend(arguments.iter().flat_map(|text| words(text, names)));
            }
            for entry in container.node.get("env").into_iter().flat_map(Node::items) {
                let text = |key| entry.get(key).and_then(Node::text).unwrap_or_default();
                let value = text("value");
                if !value.is_empty() && (speaks(text("name")) || speaks(value)) {
                    found.extend(words(value, names));
                }
            }
        }
    }
    found
}

/// The scalars of a resource that are references, or its own name.
fn references(workspace: &Workspace, resource: &Resource) -> BTreeSet<NodeId> {
    let mut known = BTreeSet::new();
    for template in workspace.pod_templates(resource.id) {
        known.extend(template.references().iter().map(|r| r.node.id()));
    }
    known.extend(
        workspace
            .field_references(resource.id)
            .iter()
            .filter(|r| r.certainty == Certainty::Known)
            .map(|r| r.node.id()),
    );
    known.extend(
        workspace
            .node(resource.id)
            .and_then(|n| n.path(&["metadata", "name"]))
            .map(Node::id),
    );
    known
}
