//! Variables of `envFrom` that do not reach the program: `dash` and `BusyBox` `sh` pass on no
//! variable whose name is no identifier (docs/kubernetes.md#names-that-a-shell-drops). Kubelets
//! before 1.30 leave out keys that begin with a digit as well; later ones take all keys
//! (docs/kubernetes.md#env-of-a-configmap).

use kubewright_model::finding::{Finding, Location, NoFix, Severity};
use kubewright_model::kube::{
    Container, Reference, Resolution, Resource, ResourceId, SetId, Site, Target, Workspace,
};
use kubewright_model::text;
use kubewright_model::text::{Field, Named, Text};
use kubewright_model::yaml::{Node, Word};
use rayon::prelude::*;

use super::codes::Code;
use super::evidence::Facts;
use super::{META, is_configured, makers, objects};
use crate::binary;

static ENV_FROM: Word = Word::new("envFrom");

/// Shells that may drop variables; `bash` keeps them.
const SHELLS: &[&str] = &["ash", "dash", "sh"];

/// Parts of the names of images whose `sh` is dash or `BusyBox`: Debian, Ubuntu, Alpine and their
/// releases (<https://hub.docker.com/_/debian>, <https://hub.docker.com/_/ubuntu>).
const DROPPING_IMAGES: &[&str] = &[
    "alpine", "bookworm", "bullseye", "busybox", "buster", "debian", "focal", "jammy", "noble",
    "slim", "trixie", "ubuntu",
];

/// The findings of a workspace.
pub(super) fn judge(facts: &Facts<'_, '_>) -> Vec<Finding> {
    let ws = facts.workspace();
    let readers = ws
        .resources()
        .par_iter()
        .filter(|resource| ws.carries_pods(resource.id) && ws.may_hold(resource.id, &ENV_FROM));
    let found: Vec<Dropped<'_>> = readers
        .flat_map_iter(|resource| of_resource(ws, resource))
        .collect();
    found
        .iter()
        .map(|dropped| finding(facts, dropped))
        .collect()
}

/// Variables of one reference that are dropped.
struct Dropped<'a> {
    resource: &'a Resource,
    container: &'a str,
    shell: &'a str,
    /// The image is known to have such a shell.
    known: bool,
    to: Target,
    name: &'a str,
    node: Node<'a>,
    set: SetId,
    definition: ResourceId,
    variables: Vec<String>,
}

fn of_resource<'a>(ws: &'a Workspace, resource: &'a Resource) -> Vec<Dropped<'a>> {
    let mut found = Vec::new();
    let Some(set) = ws.sets_of(resource.id).first().copied() else {
        return found;
    };
    for template in ws.pod_templates(resource.id) {
        for reference in template.references() {
            let Site::EnvFrom { container, entry } = reference.site else {
                continue;
            };
            let containers = template.containers();
            let Some(container) = containers.iter().find(|c| c.node.id() == container.id()) else {
                continue;
            };
            found.extend(of_reference(
                ws, resource, set, container, &reference, entry,
            ));
        }
    }
    found
}

fn of_reference<'a>(
    ws: &'a Workspace,
    resource: &'a Resource,
    set: SetId,
    container: &Container<'a>,
    reference: &Reference<'a>,
    entry: Node<'a>,
) -> Option<Dropped<'a>> {
    let shell = shell(container.node)?;
    let Resolution::One(definition) = ws.resolve(set, resource.id, reference.to, reference.name)
    else {
        return None;
    };
    if ws.content_touched(definition).is_some() || ws.touched(resource.id, container.node).is_some()
    {
        return None;
    }
    let prefix = entry.get("prefix").and_then(Node::text).unwrap_or_default();
    let variables: Vec<String> = keys(ws.node(definition)?, reference.to)
        .into_iter()
        .map(|key| format!("{prefix}{key}"))
        .filter(|name| !is_identifier(name))
        .collect();
    let image = container.node.get("image").and_then(Node::text);
    let known = DROPPING_IMAGES
        .iter()
        .any(|part| image.is_some_and(|image| image.contains(part)));
    (!variables.is_empty()).then_some(Dropped {
        resource,
        container: container.name,
        shell,
        known,
        to: reference.to,
        name: reference.name,
        node: reference.node,
        set,
        definition,
        variables,
    })
}

/// The shell that a container starts its program with.
fn shell(container: Node<'_>) -> Option<&str> {
    let first = container.get("command")?.items().next()?.text()?;
    SHELLS.contains(&first.rsplit('/').next()?).then_some(first)
}

/// The keys that are variables, but those of whole files, which nobody means to be one.
fn keys(definition: Node<'_>, to: Target) -> Vec<&str> {
    if makers::is_filled(definition) {
        return Vec::new();
    }
    let fields: &[(&str, bool)] = match to {
        Target::ConfigMap => &[("data", false)],
        Target::Secret => &[("data", true), ("stringData", false)],
    };
    let mut keys = Vec::new();
    for (field, encoded) in fields {
        for (key, value) in definition.get(field).into_iter().flat_map(Node::entries) {
            let text = value.text().unwrap_or_default();
            let lines = if *encoded {
                binary::decode(text).is_none_or(|bytes| bytes.trim_ascii().contains(&b'\n'))
            } else {
                text.trim().contains('\n')
            };
            keys.extend(key.text().filter(|_| !lines));
        }
    }
    keys
}

fn is_identifier(name: &str) -> bool {
    name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        && !name.starts_with(|c: char| c.is_ascii_digit())
}

fn finding(facts: &Facts<'_, '_>, dropped: &Dropped<'_>) -> Finding {
    let ws = facts.workspace();
    let aside = objects::file_set_aside(facts, dropped.resource.file, dropped.set).is_some()
        || (facts.examples(dropped.resource.file).is_some() && !is_configured(ws, dropped.set));
    let severity = if dropped.known && !aside {
        Severity::Warning
    } else {
        Severity::Info
    };
    let which = if dropped.known {
        "that of the image passes on no variable whose name has other signs than letters, digits \
         and `_`"
    } else {
        "dash (Debian, Ubuntu) and BusyBox (Alpine) pass on no variable whose name has other signs \
         than letters, digits and `_`"
    };
    let source = Named::new(dropped.to.kind(), dropped.name);
    let message = text![
        "container ",
        dropped.container,
        " of ",
        dropped.resource.display(),
        " gets ",
        Text::list(dropped.variables.iter().map(|name| Field(name))),
        " of ",
        &source,
        " through ",
        dropped.shell,
        ", and its program may not see ",
        if dropped.variables.len() == 1 {
            "it"
        } else {
            "them"
        },
        ": ",
        which
    ];
    let reason = text![
        "name the keys with letters, digits and `_`, or start the program without the shell; bash \
         passes on all names"
    ];
    META.finding(
        severity,
        Location::of(dropped.resource.file, dropped.node),
        message,
    )
    .subject(
        "dropped",
        [dropped.to.kind(), dropped.name, dropped.container],
    )
    .related(objects::place(facts, dropped.definition).map(|at| (at, text![source])))
    .about(dropped.resource.id)
    .fix(Err(NoFix::new(Code::DroppedVariable, reason)))
}
