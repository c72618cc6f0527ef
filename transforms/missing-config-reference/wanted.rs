//! What a resource asks for: the ConfigMaps and Secrets that it names, each with the keys without which it does not work.
//!
//! A reference that may stay unfulfilled asks for nothing: `optional: true`, a volume that no container mounts (the kubelet passes it
//! over: pkg/kubelet/volumemanager/populator), rules of RBAC, annotations of Reloader, the lists of a `ServiceAccount`. What is optional and
//! mounted through `subPath` asks all the same, because the kubelet makes an empty directory of a file that is not there.

use kubewright_model::kube::{Certainty, Keys, PodTemplate, Reference, Resource, Site, Target, Workspace};
use kubewright_model::yaml::Node;

/// A name that is asked for.
#[derive(Debug, Clone)]
pub(super) struct Wanted<'a> {
    /// What is named.
    pub(super) to: Target,
    /// The name.
    pub(super) name: &'a str,
    /// The scalar that holds it.
    pub(super) node: Node<'a>,
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
    /// The scalar that holds it.
    pub(super) node: Node<'a>,
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

/// All that a pod template asks for.
pub(super) fn of_pod<'a>(template: &PodTemplate<'a>) -> Vec<Wanted<'a>> {
    template.references().iter().filter(|r| is_name(r.name)).filter_map(|r| of_reference(template, r)).collect()
}

fn of_reference<'a>(template: &PodTemplate<'a>, reference: &Reference<'a>) -> Option<Wanted<'a>> {
    let container_name = |container: Node<'a>| container.get("name").and_then(Node::text).unwrap_or_default();
    let (how, keys) = match reference.site {
        Site::Env { container, .. } => {
            let key = reference.node.parent().and_then(|source| source.get("key"));
            let how = KeyHow::Variable(container_name(container));
            (How::Variables(container_name(container)), key.into_iter().filter_map(|node| key_at(node, node.text()?, how)).collect())
        }
        Site::EnvFrom { container, .. } => (How::Variables(container_name(container)), Vec::new()),
        Site::Volume { .. } | Site::Projected { .. } if reference.demand.reads == Keys::None => return None,
        Site::Volume { volume, source } | Site::Projected { volume, source } => {
            let mounts = sub_paths(template, volume);
            (How::Volume(mounts.first().map(|m| m.at)), volume_keys(reference, source, &mounts))
        }
        Site::Other => {
            let list = reference.node.parent().and_then(Node::parent).and_then(Node::key).and_then(Node::text);
            (if list == Some("imagePullSecrets") { How::PullSecret } else { How::Driver }, Vec::new())
        }
    };
    let through_sub_path = matches!(how, How::Volume(Some(_)));
    if reference.optional && !through_sub_path {
        return None;
    }
    let (to, name, node, optional) = (reference.to, reference.name, reference.node, reference.optional);
    Some(Wanted { to, name, node, embedded: false, namespace: None, optional, how, keys })
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
    let mounts = containers.iter().filter_map(|c| c.node.get("volumeMounts")).flat_map(Node::items);
    let through = |mount: Node<'a>| {
        let node = mount.get("subPath")?;
        let text = node.as_str().filter(|t| !t.is_empty())?;
        Some(SubPath { node, text, at: mount.get("mountPath").and_then(Node::text).unwrap_or_default() })
    };
    mounts.filter(|m| m.get("name").and_then(Node::text) == name).filter_map(through).collect()
}

/// The keys of a volume source: those of its items, else the first segment of each subPath.
fn volume_keys<'a>(reference: &Reference<'a>, source: Node<'a>, mounts: &[SubPath<'a>]) -> Vec<Key<'a>> {
    let needed = |key: &str| reference.demand.required.contains(key);
    let items: Vec<Node<'a>> = source.get("items").into_iter().flat_map(Node::items).collect();
    if items.is_empty() {
        let first = |mount: &SubPath<'a>| {
            let key = mount.text.split('/').find(|s| !matches!(*s, "" | ".")).filter(|k| needed(k))?;
            key_at(mount.node, key, KeyHow::SubPath(mount.at))
        };
        return mounts.iter().filter_map(first).collect();
    }
    let item = |item: Node<'a>| {
        let node = item.get("key")?;
        let path = item.get("path").and_then(Node::text).unwrap_or_default();
        let mount = mounts.iter().find(|m| path == m.text || path.strip_prefix(m.text).is_some_and(|rest| rest.starts_with('/')));
        let how = match (reference.optional, mount) {
            (false, _) => KeyHow::Item,
            (true, Some(mount)) => KeyHow::SubPath(mount.at),
            (true, None) => return None,
        };
        key_at(node, node.text().filter(|k| needed(k))?, how)
    };
    items.into_iter().filter_map(item).collect()
}

fn key_at<'a>(node: Node<'a>, text: &'a str, how: KeyHow<'a>) -> Option<Key<'a>> {
    is_key(text).then_some(Key { text, node, how })
}

/// All that a resource asks for outside of its pod templates.
pub(super) fn of_fields<'a>(workspace: &'a Workspace, resource: &Resource) -> Vec<Wanted<'a>> {
    if matches!(resource.group(), "rbac.authorization.k8s.io") || (resource.group().is_empty() && resource.kind == "ServiceAccount") {
        return Vec::new();
    }
    let mut wanted = Vec::new();
    for field in workspace.field_references(resource.id) {
        if field.certainty != Certainty::Known || !is_name(field.name) || field.path.contains("reloader.stakater.com/") {
            continue;
        }
        let beside = field.node.parent().filter(|parent| parent.is_mapping());
        if beside.and_then(|b| b.get("optional")).and_then(Node::as_bool) == Some(true) {
            continue;
        }
        let mut keys = Vec::new();
        for key in &field.required {
            let written = beside.into_iter().flat_map(Node::entries).map(|(_, value)| value).find(|v| v.text() == Some(key));
            // The default of a field stands nowhere; the key of an embedded type stands somewhere below.
            let node = written.filter(|node| *node != field.node);
            let default = (key == "values.yaml").then_some("values.yaml");
            if let Some((node, text)) = node.and_then(|n| Some((n, n.text()?))).or(default.map(|text| (field.node, text))) {
                keys.extend(key_at(node, text, KeyHow::Field));
            }
        }
        wanted.push(Wanted {
            to: field.to,
            name: field.name,
            node: field.node,
            embedded: field.part.is_some(),
            namespace: field.namespace,
            optional: false,
            how: How::Field(field.path),
            keys,
        });
    }
    wanted
}

/// Words of names and keys that somebody is to fill in.
const FILL_IN: &[&str] = &["changeme", "change-me", "fixme", "fill-me", "placeholder", "replaceme", "replace-me", "todo"];

/// Whether an object can have that name (RFC 1123 subdomain), and nobody is to fill it in.
fn is_name(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'.');
    !name.is_empty() && name.len() <= 253 && name.bytes().all(plain) && !name.starts_with("your-") && !is_filled_in(name)
}

/// Whether an object can have that key (`IsConfigMapKey` of apimachinery), and nobody is to fill it in.
fn is_key(key: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_');
    !key.is_empty() && key.len() <= 253 && key.bytes().all(plain) && !is_filled_in(&key.to_ascii_lowercase())
}

fn is_filled_in(text: &str) -> bool {
    FILL_IN.contains(&text) || text.split(['.', '_']).any(|part| FILL_IN.contains(&part))
}
