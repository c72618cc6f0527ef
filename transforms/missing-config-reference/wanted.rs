//! What a resource asks for: the ConfigMaps and Secrets that it names, each with the keys without
//! which it does not work.
//!
//! A reference that may stay unfulfilled asks for nothing: `optional: true`, a volume that no
//! container mounts (the kubelet passes it over: pkg/kubelet/volumemanager/populator), rules of
//! RBAC, annotations of Reloader, the lists of a `ServiceAccount`. What is optional and mounted
//! through `subPath` asks all the same, because the kubelet makes an empty directory of a file that
//! is not there.

use kubewright_model::finding::Location;
use kubewright_model::kube::{
    Built, Certainty, FieldReference, Keys, PodTemplate, Reference, Resource, Site, Target,
    Workspace,
};
use kubewright_model::yaml::Node;

/// A name that is asked for.
#[derive(Debug, Clone)]
pub(super) struct Wanted<'a> {
    /// What is named.
    pub(super) to: Target,
    /// The name.
    pub(super) name: &'a str,
    /// Where it is written.
    pub(super) place: Place<'a>,
    /// The scalar holds more than the name.
    pub(super) embedded: bool,
    /// An explicit namespace beside it.
    pub(super) namespace: Option<&'a str>,
    /// `optional: true`, and mounted through `subPath`.
    pub(super) optional: bool,
    /// How it is read.
    pub(super) how: How<'a>,
    /// Keys that it needs.
    pub(super) keys: Vec<Key<'a>>,
}

impl Wanted<'_> {
    /// Whether pods do not start without it.
    pub(super) fn is_in_pods(&self) -> bool {
        !self.optional && !matches!(self.how, How::PullSecret | How::Field(_))
    }
}

/// Where a scalar is written: in the file of the resource, or in a patch of it.
#[derive(Debug, Clone)]
pub(super) struct Place<'a> {
    /// For messages.
    pub(super) at: Location,
    /// The scalar in the file at that place; `None` in the text of an inline patch.
    pub(super) node: Option<Node<'a>>,
    /// The scalar in the resource as it is built.
    pub(super) shown: Node<'a>,
    built: Option<&'a Built>,
}

impl Place<'_> {
    /// The dotted path in the resource, without list indices.
    pub(super) fn path(&self, workspace: &Workspace, resource: &Resource) -> String {
        let written = || {
            workspace
                .field_path(resource.id, self.shown)
                .unwrap_or_default()
        };
        self.built
            .map_or_else(written, |built| built.path(self.shown))
    }
}

/// A resource as a set has it.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    pub(super) workspace: &'a Workspace,
    pub(super) resource: &'a Resource,
    /// What patches make of it.
    pub(super) built: Option<&'a Built>,
}

impl<'a> View<'a> {
    /// Where a scalar of it is written.
    pub(super) fn place(self, node: Node<'a>) -> Place<'a> {
        let built = self.built;
        match built.and_then(|built| built.origin(node)) {
            Some(origin) => Place {
                at: origin.location.clone(),
                node: self.workspace.node_at(origin),
                shown: node,
                built,
            },
            None => Place {
                at: Location::of(self.resource.file, node),
                node: Some(node),
                shown: node,
                built,
            },
        }
    }

    /// Its pod templates.
    pub(super) fn templates(self) -> Vec<PodTemplate<'a>> {
        self.built.map_or_else(
            || self.workspace.pod_templates(self.resource.id),
            Built::pod_templates,
        )
    }

    /// All that its pod templates ask for.
    pub(super) fn of_pods(self) -> Vec<Wanted<'a>> {
        let may = [Target::ConfigMap, Target::Secret]
            .into_iter()
            .any(|to| self.workspace.may_refer(self.resource.id, to));
        let templates = if may || self.built.is_some() {
            self.templates()
        } else {
            Vec::new()
        };
        templates
            .iter()
            .flat_map(|template| self.of_pod(template))
            .collect()
    }
}

/// How an object is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum How<'a> {
    /// Into variables of this container.
    Variables(&'a str),
    /// As a volume, mounted through `subPath` at this path if anywhere.
    Volume(Option<&'a str>),
    /// By the driver of a volume.
    Driver,
    /// To pull images.
    PullSecret,
    /// By whoever reads this field.
    Field(String),
}

/// A key that is asked for.
#[derive(Debug, Clone)]
pub(super) struct Key<'a> {
    /// The key.
    pub(super) text: &'a str,
    /// Where it is written.
    pub(super) place: Place<'a>,
    /// How it is read.
    pub(super) how: KeyHow<'a>,
}

/// How a key is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KeyHow<'a> {
    /// Into a variable of this container.
    Variable(&'a str),
    /// As an item of a volume.
    Item,
    /// Through `subPath` without items, mounted at this path.
    SubPath(&'a str),
    /// By whoever reads the field.
    Field,
}

impl<'a> View<'a> {
    fn of_pod(self, template: &PodTemplate<'a>) -> Vec<Wanted<'a>> {
        let named = |r: &&Reference<'a>| is_name(r.name) || is_misnamed(r.name);
        template
            .references()
            .iter()
            .filter(named)
            .filter_map(|r| self.of_reference(template, r))
            .collect()
    }

    fn of_reference(
        self,
        template: &PodTemplate<'a>,
        reference: &Reference<'a>,
    ) -> Option<Wanted<'a>> {
        let container_name = |container: Node<'a>| {
            container
                .get("name")
                .and_then(Node::text)
                .unwrap_or_default()
        };
        let (how, keys) = match reference.site {
            Site::Env { container, .. } => {
                let key = reference.node.parent().and_then(|source| source.get("key"));
                let how = KeyHow::Variable(container_name(container));
                (
                    How::Variables(container_name(container)),
                    key.into_iter()
                        .filter_map(|node| self.key_at(node, node.text()?, how))
                        .collect(),
                )
            }
            Site::EnvFrom { container, .. } => {
                (How::Variables(container_name(container)), Vec::new())
            }
            Site::Volume { .. } | Site::Projected { .. }
                if reference.demand.reads == Keys::None =>
            {
                return None;
            }
            Site::Volume { volume, source } | Site::Projected { volume, source } => {
                let mounts = sub_paths(template, volume);
                (
                    How::Volume(mounts.first().map(|m| m.at)),
                    self.volume_keys(reference, source, &mounts),
                )
            }
            Site::Other => {
                let list = reference
                    .node
                    .parent()
                    .and_then(Node::parent)
                    .and_then(Node::key)
                    .and_then(Node::text);
                (
                    if list == Some("imagePullSecrets") {
                        How::PullSecret
                    } else {
                        How::Driver
                    },
                    Vec::new(),
                )
            }
        };
        let through_sub_path = matches!(how, How::Volume(Some(_)));
        if reference.optional && !through_sub_path {
            return None;
        }
        let (to, name, optional) = (reference.to, reference.name, reference.optional);
        Some(Wanted {
            to,
            name,
            place: self.place(reference.node),
            embedded: false,
            namespace: None,
            optional,
            how,
            keys,
        })
    }

    fn key_at(self, node: Node<'a>, text: &'a str, how: KeyHow<'a>) -> Option<Key<'a>> {
        is_key(text).then(|| Key {
            text,
            place: self.place(node),
            how,
        })
    }

    /// The keys of a volume source: those of its items, else the first segment of each subPath.
    fn volume_keys(
        self,
        reference: &Reference<'a>,
        source: Node<'a>,
        mounts: &[SubPath<'a>],
    ) -> Vec<Key<'a>> {
        let needed = |key: &str| reference.demand.required.contains(key);
        let items: Vec<Node<'a>> = source
            .get("items")
            .into_iter()
            .flat_map(Node::items)
            .collect();
        if items.is_empty() {
            let first = |mount: &SubPath<'a>| {
                let key = mount
                    .text
                    .split('/')
                    .find(|s| !matches!(*s, "" | "."))
                    .filter(|k| needed(k))?;
                self.key_at(mount.node, key, KeyHow::SubPath(mount.at))
            };
            return mounts.iter().filter_map(first).collect();
        }
        let item = |item: Node<'a>| {
            let node = item.get("key")?;
            let path = item.get("path").and_then(Node::text).unwrap_or_default();
            let mount = mounts.iter().find(|m| {
                path == m.text
                    || path
                        .strip_prefix(m.text)
                        .is_some_and(|rest| rest.starts_with('/'))
            });
            let how = match (reference.optional, mount) {
                (false, _) => KeyHow::Item,
                (true, Some(mount)) => KeyHow::SubPath(mount.at),
                (true, None) => return None,
            };
            self.key_at(node, node.text().filter(|k| needed(k))?, how)
        };
        items.into_iter().filter_map(item).collect()
    }

    /// All that a resource asks for outside of its pod templates.
    pub(super) fn of_fields(self) -> Vec<Wanted<'a>> {
        let resource = self.resource;
        if matches!(resource.group(), "rbac.authorization.k8s.io")
            || (resource.group().is_empty() && resource.kind == "ServiceAccount")
        {
            return Vec::new();
        }
        let mut wanted = Vec::new();
        for field in self.field_references() {
            if field.certainty != Certainty::Known
                || !is_name(field.name)
                || field.path.contains("reloader.stakater.com/")
            {
                continue;
            }
            let beside = field.node.parent().filter(|parent| parent.is_mapping());
            if beside
                .and_then(|b| b.get("optional"))
                .and_then(Node::as_bool)
                == Some(true)
            {
                continue;
            }
            let mut keys = Vec::new();
            for key in &field.required {
                let written = beside
                    .into_iter()
                    .flat_map(Node::entries)
                    .map(|(_, value)| value)
                    .find(|v| v.text() == Some(key));
                // The default of a field stands nowhere; the key of an embedded type stands
                // somewhere below.
                let node = written.filter(|node| *node != field.node);
                let default = (key == "values.yaml").then_some("values.yaml");
                if let Some((node, text)) = node
                    .and_then(|n| Some((n, n.text()?)))
                    .or(default.map(|text| (field.node, text)))
                {
                    keys.extend(self.key_at(node, text, KeyHow::Field));
                }
            }
            // What an Ingress serves its hosts with (networking/v1 `IngressTLS`).
            if self.resource.kind == "Ingress" && field.path.contains("tls") {
                keys.extend(
                    ["tls.crt", "tls.key"]
                        .into_iter()
                        .filter_map(|key| self.key_at(field.node, key, KeyHow::Field)),
                );
            }
            wanted.push(Wanted {
                to: field.to,
                name: field.name,
                place: self.place(field.node),
                embedded: field.part.is_some(),
                namespace: field.namespace,
                optional: false,
                how: How::Field(field.path),
                keys,
            });
        }
        wanted
    }

    fn field_references(self) -> Vec<FieldReference<'a>> {
        self.built.map_or_else(
            || self.workspace.field_references(self.resource.id),
            |built| built.field_references(self.workspace),
        )
    }
}

/// A mount through `subPath`.
struct SubPath<'a> {
    node: Node<'a>,
    text: &'a str,
    at: &'a str,
}

fn sub_paths<'a>(template: &PodTemplate<'a>, volume: Node<'a>) -> Vec<SubPath<'a>> {
    let name = volume.get("name").and_then(Node::text);
    let containers = template.containers();
    let mounts = containers
        .iter()
        .filter_map(|c| c.node.get("volumeMounts"))
        .flat_map(Node::items);
    let through = |mount: Node<'a>| {
        let node = mount.get("subPath")?;
        let text = node.as_str().filter(|t| !t.is_empty())?;
        Some(SubPath {
            node,
            text,
            at: mount
                .get("mountPath")
                .and_then(Node::text)
                .unwrap_or_default(),
        })
    };
    mounts
        .filter(|m| m.get("name").and_then(Node::text) == name)
        .filter_map(through)
        .collect()
}

/// Words of names and keys that somebody is to fill in.
const FILL_IN: &[&str] = &[
    "changeme",
    "change-me",
    "fixme",
    "fill-me",
    "placeholder",
    "replaceme",
    "replace-me",
    "todo",
];

/// Whether an object can have that name (RFC 1123 subdomain), and nobody is to fill it in.
pub(super) fn is_name(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'.');
    !name.is_empty()
        && name.len() <= 253
        && name.bytes().all(plain)
        && !name.starts_with("your-")
        && !is_filled_in(name)
}

/// Whether no object can have that name, and it is not one that somebody is to fill in: words of
/// letters, some of them small.
pub(super) fn is_misnamed(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_');
    let lower = name.trim().to_ascii_lowercase().replace('_', "-");
    let words = name.trim().bytes().all(plain) && name.bytes().any(|b| b.is_ascii_lowercase());
    let framed = name.starts_with('_') || name.ends_with('_');
    let yours = ["your", "my-", "example-", "name-of"]
        .iter()
        .any(|start| lower.starts_with(start))
        || lower.ends_with("name");
    !is_name(name) && words && !framed && !yours && is_name(&lower) && name.len() <= 253
}

/// Whether an object can have that key (`IsConfigMapKey` of apimachinery), and nobody is to fill it
/// in.
fn is_key(key: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_');
    !key.is_empty()
        && key.len() <= 253
        && key.bytes().all(plain)
        && !is_filled_in(&key.to_ascii_lowercase())
}

fn is_filled_in(text: &str) -> bool {
    FILL_IN.contains(&text) || text.split(['.', '_']).any(|part| FILL_IN.contains(&part))
}
