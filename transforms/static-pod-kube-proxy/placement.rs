//! On which nodes the pods of a DaemonSet run.

use kubewright_model::finding::NoFix;
use kubewright_model::text;
use kubewright_model::text::{Text, Verbatim};
use kubewright_model::yaml::{Node, Place, Value};

use super::codes::Code;
use super::convert::{GATE, Wanted, container};
use super::draft::Draft;
use super::fleet::Role;

/// Old names of node labels, those that stand for them, and the version of Kubernetes that has the
/// new one: kubelets set it, or kubeadm, on every node that has the old one.
const NODE_LABELS: &[(&str, &str, u32)] = &[
    ("beta.kubernetes.io/os", "kubernetes.io/os", 14),
    ("beta.kubernetes.io/arch", "kubernetes.io/arch", 14),
    (
        "beta.kubernetes.io/instance-type",
        "node.kubernetes.io/instance-type",
        17,
    ),
    (
        "failure-domain.beta.kubernetes.io/region",
        "topology.kubernetes.io/region",
        17,
    ),
    (
        "failure-domain.beta.kubernetes.io/zone",
        "topology.kubernetes.io/zone",
        17,
    ),
    (
        "node-role.kubernetes.io/master",
        "node-role.kubernetes.io/control-plane",
        20,
    ),
];

/// Node selector and tolerations: every Linux node, whatever its taints, that has the gate label.
pub(super) fn place(
    draft: &mut Draft,
    wanted: &Wanted<'_>,
    notes: &mut Vec<Text>,
) -> Result<(), NoFix> {
    renamed(draft, wanted, notes)?;
    node_selector(draft, wanted)?;
    tolerations(draft)?;
    affinity(draft, wanted)
}

/// Gives labels of nodes the names that the version has for them, in the node selector and in the
/// affinity.
fn renamed(draft: &mut Draft, wanted: &Wanted<'_>, notes: &mut Vec<Text>) -> Result<(), NoFix> {
    for (beta, stable, since) in NODE_LABELS {
        let (old, new) = if wanted.target.is_before(*since) {
            (stable, beta)
        } else {
            (beta, stable)
        };
        let mut changed = if draft.root()?.path(&["spec", "nodeSelector", new]).is_some() {
            draft.drop(&["spec", "nodeSelector", old])?
        } else {
            draft.step(|root| {
                Ok(root
                    .path(&["spec", "nodeSelector", old])
                    .map(|n| n.rename_key(new))
                    .transpose()?)
            })?
        };
        while draft.step(|root| {
            let key = affinity_keys(root).find(|key| key.text() == Some(*old));
            Ok(key.map(|key| key.set(&Value::str(*new))).transpose()?)
        })? {
            changed = true;
        }
        if changed {
            notes.push(text![
                "node label ",
                Verbatim(old),
                " is ",
                Verbatim(new),
                " now, its name in Kubernetes ",
                wanted.target.name()
            ]);
        }
    }
    Ok(())
}

/// The keys of node labels in the node affinity of a pod.
fn affinity_keys(root: Node<'_>) -> impl Iterator<Item = Node<'_>> {
    let affinity = root.path(&["spec", "affinity", "nodeAffinity"]);
    affinity
        .into_iter()
        .flat_map(Node::descendants)
        .filter_map(|node| node.get("matchExpressions"))
        .flat_map(Node::items)
        .filter_map(|expression| expression.get("key"))
}

fn node_selector(draft: &mut Draft, wanted: &Wanted<'_>) -> Result<(), NoFix> {
    let target = wanted.target;
    let os = if is_windows(draft.root()?) {
        "windows"
    } else {
        "linux"
    };
    let mut labels = vec![(
        if target.stable_node_labels() {
            "kubernetes.io/os"
        } else {
            "beta.kubernetes.io/os"
        },
        os,
    )];
    if wanted.settings.gate_label {
        labels.push((GATE, "true"));
    }
    let selector = draft.root()?.path(&["spec", "nodeSelector"]);
    if selector.is_some_and(Node::is_mapping) {
        for (key, value) in labels {
            if draft.root()?.path(&["spec", "nodeSelector", key]).is_none() {
                draft.put(&["spec", "nodeSelector"], &[], key, &Value::str(value))?;
            }
        }
    } else {
        let value = Value::map(
            labels
                .into_iter()
                .map(|(key, value)| (key, Value::str(value))),
        );
        draft.put(
            &["spec"],
            &[
                "hostNetwork",
                "priorityClassName",
                "serviceAccountName",
                "automountServiceAccountToken",
            ],
            "nodeSelector",
            &value,
        )?;
    }
    // A static pod is on one node; the DaemonSet is not.
    draft.drop(&["spec", "nodeSelector", "kubernetes.io/hostname"])?;
    Ok(())
}

fn tolerations(draft: &mut Draft) -> Result<(), NoFix> {
    let all = Value::map([("operator", Value::str("Exists"))]);
    match draft
        .root()?
        .path(&["spec", "tolerations"])
        .filter(|t| t.is_sequence())
    {
        Some(list) if tolerates_all(list) => {}
        Some(_) => {
            draft.step(|root| {
                Ok(root
                    .path(&["spec", "tolerations"])
                    .map(|t| t.push(Place::Last, &all))
                    .transpose()?)
            })?;
        }
        None => {
            let after = &[
                "hostNetwork",
                "priorityClassName",
                "serviceAccountName",
                "automountServiceAccountToken",
                "nodeSelector",
            ];
            draft.put(&["spec"], after, "tolerations", &Value::Seq(vec![all]))?;
        }
    }
    Ok(())
}

/// Keeps the pods of two DaemonSets apart: on nodes of the control plane, and on the others.
fn affinity(draft: &mut Draft, wanted: &Wanted<'_>) -> Result<(), NoFix> {
    let operator = match wanted.role {
        Role::All => return Ok(()),
        Role::Workers => "DoesNotExist",
        Role::ControlPlane => "Exists",
    };
    if draft
        .root()?
        .path(&["spec", "affinity", "nodeAffinity"])
        .is_some()
    {
        return Err(NoFix::new(
            Code::SeveralCopies,
            "the copies are for roles, and one of them has a nodeAffinity already; take it out, \
             the DaemonSets get one for their role",
        ));
    }
    let expression = Value::map([
        ("key", Value::str(wanted.target.control_plane_label())),
        ("operator", Value::str(operator)),
    ]);
    let term = Value::map([("matchExpressions", Value::Seq(vec![expression]))]);
    let node_affinity = Value::map([(
        "requiredDuringSchedulingIgnoredDuringExecution",
        Value::map([("nodeSelectorTerms", Value::Seq(vec![term]))]),
    )]);
    if draft.root()?.path(&["spec", "affinity"]).is_some() {
        draft.put(&["spec", "affinity"], &[], "nodeAffinity", &node_affinity)?;
    } else {
        let value = Value::map([("nodeAffinity", node_affinity)]);
        draft.put(&["spec"], &["nodeSelector"], "affinity", &value)?;
    }
    Ok(())
}

/// Whether the pod is for Windows: it says so, or runs a program of Windows.
pub(super) fn is_windows(root: Node<'_>) -> bool {
    let options = |at: Option<Node<'_>>| {
        at.is_some_and(|n| n.path(&["securityContext", "windowsOptions"]).is_some())
    };
    let words = || {
        container(root)
            .into_iter()
            .flat_map(|c| ["command", "args"].map(|key| c.get(key)))
            .flatten()
            .flat_map(Node::items)
    };
    root.path(&["spec", "os", "name"]).and_then(Node::text) == Some("windows")
        || options(root.get("spec"))
        || options(container(root))
        || words()
            .filter_map(Node::text)
            .any(|word| word.contains("kube-proxy.exe"))
}

/// Whether pods with these tolerations are placed and stay on tainted nodes: `PreferNoSchedule`
/// keeps no pod away.
fn tolerates_all(list: Node<'_>) -> bool {
    let field =
        |item: Node<'_>, key: &str| item.get(key).and_then(Node::text).unwrap_or("").to_owned();
    let any_key =
        |item: &Node<'_>| field(*item, "operator") == "Exists" && field(*item, "key").is_empty();
    let unlimited = |item: &Node<'_>| item.get("tolerationSeconds").is_none();
    let effects: Vec<String> = list
        .items()
        .filter(any_key)
        .filter(unlimited)
        .map(|i| field(i, "effect"))
        .collect();
    let has = |effect: &str| effects.iter().any(|e| e == effect);
    has("") || (has("NoSchedule") && has("NoExecute"))
}
