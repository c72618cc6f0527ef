//! Turns the text of a static kube-proxy pod into that of a DaemonSet.
//!
//! Fields that a DaemonSet's pods cannot have, or that hold for one node, go first; then the pod's
//! `spec` moves under `spec.template`, comments and formatting included, while its `metadata` stays
//! where it is and becomes that of the DaemonSet. Labels are copied to the template, annotations
//! move there.

use kubewright_model::finding::NoFix;
use kubewright_model::text;
use kubewright_model::text::Text;
use kubewright_model::yaml::{Edit, Level, Node, Value};

use super::draft::Draft;
use super::flags::{self, HOST_IP, NODE_NAME};
use super::fleet::Role;
use super::options::Options;
use super::places::OneNode;
use super::version::Target;
use super::{config, outdated, placement};

/// Label that keeps DaemonSet pods away from nodes whose static pod still runs
/// (kubernetes/kubernetes#50705).
pub(super) const GATE: &str = "node.kubernetes.io/kube-proxy-ds-ready";
/// Label that tells the DaemonSet's pods from static ones that carry `k8s-app` as well.
const OWN: &str = "kubewright.dev/kube-proxy";
const APP: &str = "k8s-app";

/// What the API server writes into metadata (`ObjectMeta`), never the user.
const SERVER_METADATA: &[&str] = &[
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "selfLink",
    "managedFields",
    "ownerReferences",
    "generateName",
    "finalizers",
];
/// Fields of the pod that a DaemonSet's template must not have, or that are for one node or written
/// by admission.
const SPEC: &[&str] = &[
    "priority",
    "preemptionPolicy",
    "nodeName",
    "activeDeadlineSeconds",
    "serviceAccount",
    "serviceAccountName",
    "ephemeralContainers",
];
/// Annotations without a meaning on the DaemonSet's pods, by prefix: the kubelet's own, rkt's,
/// kubectl's.
const ANNOTATIONS: &[&str] = &["kubernetes.io/config.", "rkt.", "kubectl.kubernetes.io/"];
/// The annotation of critical pods, which means nothing since Kubernetes 1.16.
const CRITICAL: &str = "scheduler.alpha.kubernetes.io/critical-pod";
/// Annotations about the object, by prefix, which tools leave for each other on its way: it keeps
/// them. A Helm post-renderer puts what lacks the name of its file into one of its own, and kpt
/// needs path and index.
const OF_THE_OBJECT: &[&str] = &[
    "argocd.argoproj.io/",
    "config.k8s.io/",
    "config.kubernetes.io/",
    "helm.sh/",
    "internal.config.kubernetes.io/",
    "kustomize.config.k8s.io/",
    "kustomize.toolkit.fluxcd.io/",
    "meta.helm.sh/",
    "postrenderer.helm.sh/",
];
/// Where the service account admission mounts tokens.
const TOKEN_PATH: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// A DaemonSet made from a pod.
#[derive(Debug)]
pub(super) struct Converted {
    /// Its document.
    pub(super) text: String,
    /// The documents that go before it, each with a `---` behind it: what its pods run as and read.
    pub(super) objects: String,
    /// Comments that stood on removed lines and could not be kept.
    pub(super) lost: Vec<String>,
    /// What the reader should know about the conversion.
    pub(super) notes: Vec<Text>,
}

/// What a DaemonSet is made for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted<'a> {
    /// What the configuration says.
    pub(super) settings: &'a Options,
    /// The version of Kubernetes.
    pub(super) target: &'a Target,
    /// The nodes.
    pub(super) role: Role,
    /// The annotation for the hash of what the pods read.
    pub(super) annotation: &'a str,
}

/// Converts the document `text`, whose root is the pod.
pub(super) fn convert(text: String, wanted: &Wanted<'_>) -> Result<Converted, NoFix> {
    let (settings, target) = (wanted.settings, wanted.target);
    let mut draft = Draft::new(text)?;
    let mut notes: Vec<Text> = target.note().into_iter().map(Text::from).collect();
    let one = OneNode::of(draft.root()?)?;
    draft.put(&[], &[], "apiVersion", &Value::str(target.daemon_set()))?;
    draft.put(&[], &[], "kind", &Value::str("DaemonSet"))?;
    draft.drop(&["status"])?;
    metadata(&mut draft, wanted.role, &mut notes)?;
    let labels = labels(&mut draft, wanted.role)?;
    let annotations = annotations(&mut draft, target)?;
    tokens(&mut draft)?;
    spec(&mut draft, wanted)?;
    placement::place(&mut draft, wanted, &mut notes)?;
    if let Some(server) = settings.api_server.as_deref()
        && !settings.service_account
        && draft.step(|root| container(root).map_or(Ok(None), |c| flags::set_server(c, server)))?
    {
        notes.push(text![
            "--master was the node itself; it is ",
            server,
            " now, as api-server in the configuration says"
        ]);
    }
    outdated::mend(&mut draft, target, &mut notes)?;
    let hosts = per_node(&mut draft, &one, &mut notes)?;
    if let Some(reason) = one.left(draft.root()?, &annotations) {
        return Err(reason);
    }
    if hosts && let Some((place, address)) = one.address() {
        target.host_address(place, address)?;
    }
    let objects = config::put(&mut draft, wanted, &mut notes)?;
    let mut annotations = annotations;
    if let Some(hash) = objects.hash {
        annotations.retain(|(key, _)| key != wanted.annotation);
        annotations.push((wanted.annotation.to_owned(), Value::quoted(hash)));
    }
    nest(&mut draft, labels, annotations)?;
    Ok(Converted {
        text: draft.text().to_owned(),
        objects: objects.documents,
        lost: draft.lost,
        notes,
    })
}

fn metadata(draft: &mut Draft, role: Role, notes: &mut Vec<Text>) -> Result<(), NoFix> {
    let old = draft
        .root()?
        .path(&["metadata", "namespace"])
        .and_then(Node::text)
        .map(str::to_owned);
    if old.as_deref() != Some("kube-system") {
        let was = old.map_or(
            "the pod names no namespace, which is default for the kubelet".to_owned(),
            |ns| format!("the pod is in {ns}"),
        );
        notes.push(text![
            "the DaemonSet goes into namespace kube-system; ",
            was
        ]);
    }
    draft.put(&["metadata"], &[], "name", &Value::str(role.name()))?;
    draft.put(
        &["metadata"],
        &["name"],
        "namespace",
        &Value::str("kube-system"),
    )?;
    for key in SERVER_METADATA {
        draft.drop(&["metadata", key])?;
    }
    Ok(())
}

/// The labels of the template, and those of them that the selector takes.
struct Labels {
    template: Value,
    selector: Value,
}

fn labels(draft: &mut Draft, role: Role) -> Result<Labels, NoFix> {
    let app = draft
        .root()?
        .path(&["metadata", "labels", APP])
        .and_then(Node::text)
        .map(str::to_owned);
    match draft.root()?.path(&["metadata", "labels"]) {
        Some(_) => draft.put(
            &["metadata", "labels"],
            &[],
            APP,
            &Value::str(app.as_deref().unwrap_or("kube-proxy")),
        )?,
        None => draft.put(
            &["metadata"],
            &["name", "namespace"],
            "labels",
            &Value::map([(APP, Value::str("kube-proxy"))]),
        )?,
    };
    let mut template = strings(draft.root()?.path(&["metadata", "labels"]));
    let mut selector = vec![(
        APP.to_owned(),
        Value::str(app.as_deref().unwrap_or("kube-proxy")),
    )];
    if app.is_some() || role != Role::All {
        // The static pods carry the label too, and an old controller would adopt their mirror pods
        // (zalando-incubator/kubernetes-on-aws#627).
        template.retain(|(key, _)| key != OWN);
        template.push((OWN.to_owned(), Value::str(role.label())));
        selector.push((OWN.to_owned(), Value::str(role.label())));
    }
    Ok(Labels {
        template: Value::Map(template),
        selector: Value::Map(selector),
    })
}

/// Drops what has no meaning any more and takes out for the template what is not about the object.
fn annotations(draft: &mut Draft, target: &Target) -> Result<Vec<(String, Value)>, NoFix> {
    let all = strings(draft.root()?.path(&["metadata", "annotations"]));
    let (stay, mut all): (Vec<_>, Vec<_>) = all
        .into_iter()
        .partition(|(key, _)| OF_THE_OBJECT.iter().any(|a| key.starts_with(a)));
    let had = !all.is_empty();
    all.retain(|(key, _)| {
        !ANNOTATIONS.iter().any(|a| key.starts_with(a))
            && (key != CRITICAL || target.knows_critical_annotation())
    });
    if !target.counts_priority() && all.iter().all(|(key, _)| key != CRITICAL) {
        all.push((CRITICAL.to_owned(), Value::str("")));
    }
    if !had {
        return Ok(all);
    }
    draft.drop(&["metadata", "annotations"])?;
    if !stay.is_empty() {
        draft.put(
            &["metadata"],
            &["name", "namespace", "labels"],
            "annotations",
            &Value::Map(stay),
        )?;
    }
    Ok(all)
}

fn strings(mapping: Option<Node<'_>>) -> Vec<(String, Value)> {
    let entries = mapping.into_iter().flat_map(Node::entries);
    entries
        .filter_map(|(key, value)| Some((key.text()?.to_owned(), Value::str(value.text()?))))
        .collect()
}

/// Takes out the token volume of a service account: dumps have it, static pods cannot.
fn tokens(draft: &mut Draft) -> Result<(), NoFix> {
    let mut names = Vec::new();
    for kind in ["containers", "initContainers"] {
        while let Some((name, container)) = token_mount(draft.root()?, kind) {
            draft.step(|root| {
                let mounts = root
                    .path(&["spec", kind])
                    .and_then(|c| c.at(container)?.get("volumeMounts"));
                let Some(mounts) = mounts else {
                    return Ok(None);
                };
                let mount = mounts
                    .items()
                    .find(|m| m.get("mountPath").and_then(Node::text) == Some(TOKEN_PATH));
                let gone = if mounts.items().count() == 1 {
                    Some(mounts)
                } else {
                    mount
                };
                Ok(gone.map(Node::remove).transpose()?)
            })?;
            names.push(name);
        }
    }
    for name in names {
        draft.step(|root| {
            let Some(volumes) = root.path(&["spec", "volumes"]) else {
                return Ok(None);
            };
            let volume = volumes
                .items()
                .find(|v| v.get("name").and_then(Node::text) == Some(&name));
            let Some(volume) = volume else {
                return Ok(None);
            };
            let gone = if volumes.items().count() == 1 {
                volumes
            } else {
                volume
            };
            Ok(Some(gone.remove()?))
        })?;
    }
    Ok(())
}

/// Name of the volume that a container mounts as its token, and the position of that container.
fn token_mount(root: Node<'_>, kind: &str) -> Option<(String, usize)> {
    root.path(&["spec", kind])?
        .items()
        .enumerate()
        .find_map(|(at, container)| {
            let mut mounts = container.get("volumeMounts")?.items();
            let mount =
                mounts.find(|m| m.get("mountPath").and_then(Node::text) == Some(TOKEN_PATH))?;
            Some((
                mount
                    .get("name")
                    .and_then(Node::text)
                    .unwrap_or("")
                    .to_owned(),
                at,
            ))
        })
}

fn spec(draft: &mut Draft, wanted: &Wanted<'_>) -> Result<(), NoFix> {
    let target = wanted.target;
    for key in SPEC {
        draft.drop(&["spec", key])?;
    }
    if draft.root()?.path(&["spec", "restartPolicy"]).is_some() {
        draft.put(&["spec"], &[], "restartPolicy", &Value::str("Always"))?;
    }
    if target.has_priority_class() {
        draft.put(
            &["spec"],
            &["hostNetwork"],
            "priorityClassName",
            &Value::str("system-node-critical"),
        )?;
    } else {
        draft.drop(&["spec", "priorityClassName"])?;
    }
    let after = &["hostNetwork", "priorityClassName"];
    if wanted.settings.service_account {
        draft.drop(&["spec", "automountServiceAccountToken"])?;
        let account = Value::str(config::ACCOUNT);
        draft.put(&["spec"], after, "serviceAccountName", &account)?;
    } else {
        let no = Value::Bool(false);
        draft.put(&["spec"], after, "automountServiceAccountToken", &no)?;
    }
    Ok(())
}

/// The edit that takes out a flag of kube-proxy, or a part of it.
pub(super) fn remove_flag(root: Node<'_>, name: &str) -> Result<Option<Edit>, NoFix> {
    let removal = container(root).and_then(|c| flags::call(c)?.remove(name));
    Ok(removal.transpose()?)
}

/// The container of a pod.
pub(super) fn container(root: Node<'_>) -> Option<Node<'_>> {
    root.path(&["spec", "containers"])?.at(0)
}

/// Values of one node: in probes, ports and variables, then in the command. Says whether a variable
/// stands for the address of the node.
fn per_node(draft: &mut Draft, one: &OneNode, notes: &mut Vec<Text>) -> Result<bool, NoFix> {
    let mut hosts = false;
    loop {
        let mut note = None;
        draft.step(|root| {
            let Some((edit, text)) = one.next(root)? else {
                return Ok(None);
            };
            note = Some(text);
            Ok(Some(edit))
        })?;
        let Some(note) = note else { break };
        notes.push(note);
    }
    loop {
        let mut found = None;
        draft.step(|root| {
            let Some((edit, field, text)) = one.next_variable(root)? else {
                return Ok(None);
            };
            found = Some((field, text));
            Ok(Some(edit))
        })?;
        let Some((field, note)) = found else { break };
        hosts |= field == HOST_IP;
        notes.push(note);
    }
    let addresses = container(draft.root()?).map_or(Ok(Vec::new()), flags::node_addresses)?;
    if container(draft.root()?).is_some_and(flags::needs_node_name) {
        draft.step(|root| container(root).map_or(Ok(None), flags::set_node_name))?;
        draft
            .step(|root| container(root).map_or(Ok(None), |c| flags::add_variable(c, NODE_NAME)))?;
    }
    let mut ports = false;
    for (flag, host) in &addresses {
        draft
            .step(|root| container(root).map_or(Ok(None), |c| flags::set_address(c, flag, host)))?;
        notes.push(text![
            "--",
            flag,
            " named the address ",
            host,
            " of one node; it is now that of the node a pod runs on"
        ]);
    }
    while draft.step(|root| container(root).map_or(Ok(None), flags::set_node_ports))? {
        ports = true;
    }
    if ports {
        notes.push(
            "--nodeport-addresses named an address of one node; it is now that of the node a pod \
             runs on"
                .into(),
        );
    }
    if ports || !addresses.is_empty() {
        draft.step(|root| container(root).map_or(Ok(None), |c| flags::add_variable(c, HOST_IP)))?;
        hosts = true;
    }
    Ok(hosts)
}

/// Moves the pod's spec under `spec.template`.
fn nest(draft: &mut Draft, labels: Labels, annotations: Vec<(String, Value)>) -> Result<(), NoFix> {
    let mut metadata = vec![("labels".to_owned(), labels.template)];
    if !annotations.is_empty() {
        metadata.push(("annotations".to_owned(), Value::Map(annotations)));
    }
    let rolling = Value::map([
        ("type", Value::str("RollingUpdate")),
        (
            "rollingUpdate",
            Value::map([("maxUnavailable", Value::Int(1))]),
        ),
    ]);
    let before = vec![
        (
            "selector".to_owned(),
            Value::map([("matchLabels", labels.selector)]),
        ),
        ("updateStrategy".to_owned(), rolling),
    ];
    let template =
        Level::new("template").before(vec![("metadata".to_owned(), Value::Map(metadata))]);
    let under = vec![Level::new("spec").before(before), template];
    draft.step(|root| {
        let Some(at) = root.get("spec").and_then(Node::position) else {
            return Ok(None);
        };
        Ok(Some(root.nest(at..at + 1, under)?))
    })?;
    Ok(())
}
