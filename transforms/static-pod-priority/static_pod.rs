//! What is wrong with the priority of a static pod.
//!
//! The kubelet reads the class by its name and the number beside it. Admission, which makes the
//! number of the class elsewhere, sees the mirror of a static pod only, and refuses a mirror whose
//! number is not that of its class (docs/kubernetes.md#who-is-evicted).

use kubewright_model::finding::{Applicability, Change, Finding, Fix, Location, NoFix, Severity};
use kubewright_model::kube::{Resource, Workspace};
use kubewright_model::text;
use kubewright_model::text::{Field, Text, Verbatim};
use kubewright_model::yaml::{Node, Value};

use super::codes::Code;
use super::role::{self, Role};
use super::{
    ANNOTATION, CLUSTER_CRITICAL, META, NODE_CRITICAL, WITHOUT_ANNOTATION, annotation_note,
    has_annotation, insert, is_marked, name_node, place, too_old,
};
use crate::Context;

/// What a pod says of its priority.
struct Said<'a> {
    class: Option<&'a str>,
    number: Option<i64>,
}

impl<'a> Said<'a> {
    /// `None` where something else fills it in.
    fn of(spec: Node<'a>) -> Option<Self> {
        let class = spec.get("priorityClassName").and_then(Node::text);
        let class = class.filter(|class| !class.is_empty());
        let number = spec.get("priority").filter(|number| !number.is_null());
        let known = class.is_none_or(|class| !class.contains(['{', '$', '<']))
            && number.is_none_or(|number| number.as_int().is_some());
        known.then(|| Self {
            class,
            number: number.and_then(Node::as_int),
        })
    }
}

/// What is wrong, and what the class, where there is none, and the number are to be.
struct Wrong {
    hazard: &'static str,
    severity: Severity,
    message: Text,
    becomes: Result<(Option<&'static str>, i64), NoFix>,
}

/// What is wrong with a pod, if it is static.
pub(super) fn judge(cx: &Context<'_>, resource: &Resource) -> Option<Finding> {
    let workspace = cx.workspace;
    let pod = workspace.node(resource.id)?;
    let spec = pod.get("spec").filter(|spec| spec.is_mapping())?;
    let role = role::of_static(pod, &resource.name);
    let critical = matches!(role, Some(Role::Critical(_)));
    let because = place::evidence(workspace, resource, pod, critical)?;
    // That transform speaks of the priority where it speaks of the pod.
    if role::is_proxy(pod) && cx.running.contains(&"static-pod-kube-proxy") {
        return None;
    }
    let said = Said::of(spec)?;
    let minor = role::kubernetes_minor(pod);
    let wrong = match (said.class, said.number) {
        (None, None | Some(0)) => no_class(resource, pod, role, minor)?,
        (None, Some(number)) => no_class_for(resource, number),
        (Some(class), number) => other_number(workspace, resource, class, number)?,
    };
    let fix = wrong.becomes.and_then(|(class, number)| {
        too_old(minor).map_or(Ok(()), Err)?;
        fix(resource, spec, &said, class, number)
    });
    let at = [spec.get("priority"), spec.get("priorityClassName")];
    let at = at.into_iter().flatten().find(|node| !node.is_null());
    let at = at.unwrap_or_else(|| name_node(pod));
    let mut notes = vec![text!["taken for a static pod: ", because]];
    notes.extend(annotation_note(pod, fix.is_ok()));
    Some(
        META.finding(
            wrong.severity,
            Location::of(resource.file, at),
            wrong.message,
        )
        .about(resource.id)
        .subject(wrong.hazard, [&resource.name])
        .notes(notes)
        .fix(fix),
    )
}

/// A pod without any priority.
fn no_class(
    resource: &Resource,
    pod: Node<'_>,
    role: Option<Role>,
    minor: Option<u32>,
) -> Option<Wrong> {
    if is_marked(pod, minor) {
        return None;
    }
    let evicted = minor.is_some_and(|minor| minor < WITHOUT_ANNOTATION);
    match role {
        Some(Role::Critical(stops)) => {
            let happens = if evicted {
                "the kubelet may evict it, before Kubernetes 1.16 for good"
            } else {
                "the kernel kills it like any other when memory runs out, and a shutdown of the \
                 node stops it first"
            };
            let marked = if has_annotation(pod) {
                text![" but annotation ", Field(ANNOTATION)]
            } else {
                Text::new()
            };
            Some(Wrong {
                hazard: "no-class",
                severity: Severity::Warning,
                message: text![
                    "static ",
                    resource.display(),
                    " has no priority class",
                    marked,
                    ": ",
                    happens,
                    "; then ",
                    stops
                ],
                becomes: Ok((Some(NODE_CRITICAL.0), NODE_CRITICAL.1)),
            })
        }
        Some(Role::LogAgent) => Some(Wrong {
            hazard: "no-class",
            severity: Severity::Info,
            message: text![
                "static ",
                resource.display(),
                " has no priority class: a shutdown of the node stops it before the pods whose \
                 logs it collects"
            ],
            becomes: Err(NoFix::new(
                Code::LogAgent,
                text![
                    "if it is to stop after them, write ",
                    Verbatim("priorityClassName: system-node-critical"),
                    " and ",
                    Verbatim("priority: 2000001000")
                ],
            )),
        }),
        None if resource.namespace.as_deref() == Some("kube-system") => Some(Wrong {
            hazard: "no-class",
            severity: Severity::Info,
            message: text![
                "static ",
                resource.display(),
                " has no priority class: the kernel kills it like any other when memory runs out, \
                 and a shutdown of the node stops it first"
            ],
            becomes: Err(NoFix::new(
                Code::RoleUnknown,
                text![
                    "nothing here says what it does; if its node needs it, write ",
                    Verbatim("priorityClassName: system-node-critical"),
                    " and ",
                    Verbatim("priority: 2000001000")
                ],
            )),
        }),
        None => None,
    }
}

/// A number without a class.
fn no_class_for(resource: &Resource, number: i64) -> Wrong {
    let class = [NODE_CRITICAL, CLUSTER_CRITICAL]
        .into_iter()
        .find(|(_, known)| *known == number);
    Wrong {
        hazard: "no-class-for-number",
        severity: Severity::Warning,
        message: text![
            "static ",
            resource.display(),
            " has ",
            Verbatim(&format!("priority: {number}")),
            " and no ",
            Field("priorityClassName"),
            ": the API server refuses its mirror, so kubectl never shows it"
        ],
        becomes: class
            .map(|(class, number)| (Some(class), number))
            .ok_or_else(|| {
                NoFix::new(
                    Code::ClassUnknown,
                    text![
                        "no class has that number; for a pod that its node needs write ",
                        Verbatim("priorityClassName: system-node-critical"),
                        " and ",
                        Verbatim("priority: 2000001000")
                    ],
                )
            }),
    }
}

/// A class whose number is not there, or is another one.
fn other_number(
    workspace: &Workspace,
    resource: &Resource,
    class: &str,
    number: Option<i64>,
) -> Option<Wrong> {
    let known = [NODE_CRITICAL, CLUSTER_CRITICAL]
        .into_iter()
        .find(|(name, _)| *name == class);
    let right = known
        .map(|(_, number)| number)
        .or_else(|| value_of(workspace, class));
    if right.is_none() && number.is_some() || right.is_some() && right == number {
        return None;
    }
    let said = text![
        "static ",
        resource.display(),
        " has class ",
        Verbatim(class)
    ];
    let becomes = right.map(|number| (None, number)).ok_or_else(|| {
        NoFix::new(
            Code::ClassUnknown,
            text![
                "no manifest here defines the class: add its value as ",
                Field("priority"),
                "; ",
                Text::command(text!["kubectl get priorityclass ", class]),
                " shows it"
            ],
        )
    });
    Some(match number {
        None => Wrong {
            hazard: "no-number",
            severity: Severity::Warning,
            message: text![
                said,
                " and no number in ",
                Field("priority"),
                ": nothing resolves the class of a pod that comes from a file, so a shutdown of \
                 the node stops it first, with priority 0"
            ],
            becomes,
        },
        Some(number) => Wrong {
            hazard: "other-number",
            severity: Severity::Warning,
            message: text![
                said,
                " and ",
                Verbatim(&format!("priority: {number}")),
                ", which is not the number of that class: the API server refuses its mirror, so \
                 kubectl never shows it"
            ],
            becomes,
        },
    })
}

/// The value of a `PriorityClass` of the workspace, where all of that name agree.
fn value_of(workspace: &Workspace, class: &str) -> Option<i64> {
    let classes = workspace
        .resources()
        .iter()
        .filter(|resource| resource.kind == "PriorityClass" && resource.name == class);
    let mut values = classes.map(|c| workspace.node(c.id)?.get("value")?.as_int());
    let first = values.next()??;
    values.all(|value| value == Some(first)).then_some(first)
}

/// Writes the class, where there is none, and the number.
fn fix(
    resource: &Resource,
    spec: Node<'_>,
    said: &Said<'_>,
    class: Option<&str>,
    number: i64,
) -> Result<Fix, NoFix> {
    let mut changes = Vec::new();
    let mut shown_parts = Vec::new();
    let mut write = |key: &str, value: &Value, shown: String| -> Result<(), NoFix> {
        let edit = match spec.get(key) {
            Some(node) => node.set(value)?,
            None => insert(spec, key, value)?,
        };
        changes.push(Change::Edit(resource.file, edit));
        shown_parts.push(text![Verbatim(&shown)]);
        Ok(())
    };
    if let Some(class) = class {
        let shown = format!("priorityClassName: {class}");
        write("priorityClassName", &Value::str(class), shown)?;
    }
    if said.number != Some(number) {
        write(
            "priority",
            &Value::Int(number),
            format!("priority: {number}"),
        )?;
    }
    Ok(Fix {
        title: text!["write ", Text::list(shown_parts)],
        applicability: Applicability::Unsafe,
        changes,
        claims: vec![resource.id],
    })
}
