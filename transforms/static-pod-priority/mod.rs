//! `static-pod-priority`: pods that a node cannot do without, and whose priority does not say so.
//!
//! [`place`] says which pods the kubelet runs from a file, [`role`] what a program is to its node,
//! [`static_pod`] what is wrong with the priority of a static pod. The agents of a node are
//! DaemonSets of `kube-system`, for which admission resolves the class.

mod codes;
mod options;
mod place;
mod role;
mod static_pod;

use kubewright_model::finding::{Applicability, Change, Finding, Fix, Location, NoFix, Severity};
use kubewright_model::kube::{Build, Resource, Workspace};
use kubewright_model::text;
use kubewright_model::text::{Field, Text, Verbatim};
use kubewright_model::yaml::{Edit, Node, Place, Value};

use self::codes::Code;
pub(crate) use self::options::Options;
use self::role::Role;
use crate::{Context, Meta, Transform};

/// The class of what a node cannot do without, and its number
/// (<https://kubernetes.io/docs/concepts/scheduling-eviction/pod-priority-preemption/>).
const NODE_CRITICAL: (&str, i64) = ("system-node-critical", 2_000_001_000);
/// The class of what the cluster cannot do without.
const CLUSTER_CRITICAL: (&str, i64) = ("system-cluster-critical", 2_000_000_000);
/// What marked critical pods before there were priority classes; it counts until Kubernetes 1.15.
const ANNOTATION: &str = "scheduler.alpha.kubernetes.io/critical-pod";
/// The version from which priority classes count without a feature gate
/// (docs/kubernetes.md#labels-and-versions).
const COUNTS: u32 = 11;
/// The version from which the annotation counts for nothing, and the kubelet evicts no static pod.
const WITHOUT_ANNOTATION: u32 = 16;

/// See the page of the transform.
pub(crate) struct StaticPodPriority;

static META: Meta = Meta {
    name: "static-pod-priority",
    summary: "static pods and agents that a node cannot do without, and whose priority does not \
              say so",
    applicability: Applicability::Unsafe,
    isolated: false,
    since: "0.1.0",
    docs: include_str!("README.md"),
    codes: Code::ALL,
};

impl Transform for StaticPodPriority {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn check(&self, cx: &Context<'_>) -> Vec<Finding> {
        let judged = cx.workspace.resources().iter().filter_map(|resource| {
            match (resource.kind.as_str(), resource.group()) {
                ("Pod", "") => static_pod::judge(cx, resource),
                ("DaemonSet", "apps" | "extensions") => agent(cx, resource),
                _ => None,
            }
        });
        judged.collect()
    }
}

/// Whether a pod is marked with an annotation that its version of Kubernetes still reads.
fn is_marked(pod: Node<'_>, minor: Option<u32>) -> bool {
    has_annotation(pod) && minor.is_some_and(|minor| minor < WITHOUT_ANNOTATION)
}

fn has_annotation(pod: Node<'_>) -> bool {
    pod.path(&["metadata", "annotations", ANNOTATION]).is_some()
}

/// The refusal for a version in which priority classes do not count.
fn too_old(minor: Option<u32>) -> Option<NoFix> {
    let minor = minor.filter(|minor| *minor < COUNTS)?;
    let text = text![
        format!(
            "priority classes count from Kubernetes 1.11 on, and its image is 1.{minor}; until \
             the update annotation "
        ),
        Field(ANNOTATION),
        ": \"\" marks critical pods of kube-system where the feature gate \
         ExperimentalCriticalPodAnnotation is on"
    ];
    Some(NoFix::new(Code::KubernetesVersion, text))
}

/// Adds an entry to a pod spec, where people have it: behind `hostNetwork`, else in front of the
/// containers.
fn insert(spec: Node<'_>, key: &str, value: &Value) -> Result<Edit, NoFix> {
    let behind = spec
        .get("priorityClassName")
        .or_else(|| spec.get("hostNetwork"));
    let own = |node: &Node<'_>| node.parent() == Some(spec.target());
    let place = match (behind.filter(own), spec.get("containers").filter(own)) {
        (Some(node), _) => Place::After(node),
        (None, Some(containers)) => Place::Before(containers),
        (None, None) => Place::Last,
    };
    Ok(spec.insert(place, key, value)?)
}

/// What is wrong with a DaemonSet of node agents.
fn agent(cx: &Context<'_>, resource: &Resource) -> Option<Finding> {
    let workspace = cx.workspace;
    if !is_in(
        workspace,
        resource,
        &cx.settings.static_pod_priority.namespaces,
    ) {
        return None;
    }
    let templates = workspace.pod_templates(resource.id);
    let template = templates.first()?;
    let role = role::of_agent(template.node, &resource.name)?;
    let has_class = |spec: Node<'_>| {
        let class = spec.get("priorityClassName").and_then(Node::text);
        class.is_some_and(|class| !class.is_empty())
    };
    let minor = role::kubernetes_minor(template.node);
    if has_class(template.spec)
        || is_marked(template.node, minor)
        || gets_class(workspace, resource, &has_class)
    {
        return None;
    }
    let place = Location::of(resource.file, name_node(workspace.node(resource.id)?));
    let finding = match role {
        Role::Critical(stops) => {
            let message = text![
                resource.display(),
                " runs on every node without a priority class: the kubelet evicts its pods like \
                 any others, and a full node takes none; then ",
                stops
            ];
            META.finding(Severity::Warning, place, message)
        }
        Role::LogAgent => {
            let message = text![
                resource.display(),
                " runs on every node without a priority class: a node that is short of memory or \
                 disk evicts its pods with the others, and what happens then is not collected"
            ];
            META.finding(Severity::Info, place, message)
        }
    };
    let fix = match role {
        Role::LogAgent => Err(NoFix::new(
            Code::LogAgent,
            text![
                "whether its pods are evicted before or after those that they watch is your \
                 decision: write a PriorityClass, and name it in ",
                Field("priorityClassName")
            ],
        )),
        Role::Critical(_) => match too_old(minor) {
            Some(reason) => Err(reason),
            None => insert(
                template.spec,
                "priorityClassName",
                &Value::str(NODE_CRITICAL.0),
            )
            .map(|edit| Fix {
                title: text![
                    "give the pods of ",
                    resource.display(),
                    " class ",
                    Verbatim(NODE_CRITICAL.0)
                ],
                applicability: Applicability::Unsafe,
                changes: vec![Change::Edit(resource.file, edit)],
                claims: vec![resource.id],
            }),
        },
    };
    let finding = finding
        .about(resource.id)
        .subject("agent", [&resource.name]);
    Some(
        finding
            .notes(annotation_note(template.node, fix.is_ok()))
            .fix(fix),
    )
}

/// What there is to say about an annotation that counts for nothing.
fn annotation_note(pod: Node<'_>, fixed: bool) -> Option<Text> {
    (fixed && has_annotation(pod)).then(|| {
        text![
            "annotation ",
            Field(ANNOTATION),
            " counts for nothing since Kubernetes 1.16 and can go"
        ]
    })
}

/// Whether a resource ends up in one of these namespaces.
fn is_in(workspace: &Workspace, resource: &Resource, namespaces: &[String]) -> bool {
    let listed = |namespace: Option<&String>| namespace.is_some_and(|n| namespaces.contains(n));
    let sets = workspace.sets_of(resource.id);
    let mut members = sets
        .into_iter()
        .filter_map(|set| workspace.member(set, resource.id));
    listed(resource.namespace.as_ref()) || members.any(|member| listed(member.namespace.as_ref()))
}

/// Whether a patch on the way to the cluster brings a class, or may.
fn gets_class(
    workspace: &Workspace,
    resource: &Resource,
    has_class: &impl Fn(Node<'_>) -> bool,
) -> bool {
    let built = workspace.sets_of(resource.id).into_iter();
    built
        .map(|set| workspace.built(set, resource.id))
        .any(|build| match build {
            Build::Same => false,
            Build::Unknown => true,
            Build::Changed(built) => built.pod_templates().iter().any(|t| has_class(t.spec)),
        })
}

/// Where a resource says its name.
fn name_node(node: Node<'_>) -> Node<'_> {
    node.path(&["metadata", "name"])
        .or_else(|| node.get("kind"))
        .unwrap_or(node)
}
