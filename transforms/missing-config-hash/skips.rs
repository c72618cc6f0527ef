//! Workloads that want no hash: nothing would come of it, somebody else does it already, or the
//! file is not to be edited.

use kubewright_model::finding::NoFix;
use kubewright_model::kube::{Hold, PodTemplate, Resource, Rollout, Workspace};
use kubewright_model::text;
use kubewright_model::text::{Field, Text};
use kubewright_model::yaml::Node;

use super::codes::Code;
use super::consumed::ConsumedConfig;
use super::covers::{self, annotations};
use super::reads::{Behind, Reading};

/// Other tools that restart pods when configuration changes, or that own the workload: a part of
/// the annotation's key, values that switch it off, code, what to say. On the workload or on its
/// pod template.
const OWNERS: &[(&str, &[&str], Code, &str)] = &[
    (
        "wave.pusher.com/",
        &["false"],
        Code::Reloader,
        "Wave restarts it",
    ),
    (
        "helm.sh/hook",
        &[],
        Code::HelmHook,
        "Helm runs it as a hook",
    ),
];

/// kapp gives a ConfigMap with this annotation a new name with each change
/// (<https://carvel.dev/kapp/docs/latest/diff/#versioned-resources>).
const VERSIONED: &str = "kapp.k14s.io/versioned";

/// Kinds and strategies that restart no pod when their template changes (semantics on the
/// transform's page).
pub(super) fn kind(
    workspace: &Workspace,
    node: Node<'_>,
    resource: &Resource,
    template: &PodTemplate<'_>,
) -> Result<(), NoFix> {
    let kind = template.carrier.kind;
    if let Some(name) = template.named_revision() {
        let text = format!(
            "the revision is named {name}: Knative refuses another template under that name; \
             remove the name, or change it too"
        );
        return Err(NoFix::new(Code::NamedRevision, text));
    }
    match template.carrier.rollout {
        Rollout::Rolls => {}
        Rollout::NextRun => {
            return Err(NoFix::new(
                Code::NextRun,
                format!("each run of a {kind} reads its configuration afresh"),
            ));
        }
        Rollout::Untouched => {
            return Err(NoFix::new(
                Code::NoRollout,
                format!("a {kind} does not replace its pods when its template changes"),
            ));
        }
        Rollout::Immutable => {
            return Err(NoFix::new(
                Code::ImmutableTemplate,
                format!("the pod template of a {kind} cannot be changed"),
            ));
        }
        Rollout::Recreate => {
            return Err(NoFix::new(
                Code::BarePod,
                "an annotation restarts no bare Pod",
            ));
        }
    }
    if let Some((owner, name)) = workspace.controller(resource.id) {
        let text = text![
            &owner,
            " ",
            &name,
            " owns it and writes its template: an annotation would be lost; change ",
            &owner,
            " ",
            &name
        ];
        return Err(NoFix::new(Code::Owned, text));
    }
    if Hold::of(resource, node) == Some(Hold::NoTrigger) {
        let text = text![
            "it has no trigger ConfigChange: a changed template waits for `",
            Text::command(text!["oc rollout latest dc/", &resource.name]),
            "`"
        ];
        return Err(NoFix::new(Code::NoTrigger, text));
    }
    if let Some(how) = in_place(node, resource) {
        let text = format!(
            "{how}: OpenKruise writes a changed annotation to the running pods, and their \
             containers go on with the old content"
        );
        return Err(NoFix::new(Code::InPlace, text));
    }
    let how = match node
        .path(&["spec", "updateStrategy", "type"])
        .and_then(Node::as_str)
    {
        Some("OnDelete") => String::new(),
        None if on_delete_by_default(resource) => {
            format!(", the default of {}", resource.api_version)
        }
        _ => return Ok(()),
    };
    Err(NoFix::new(
        Code::OnDelete,
        format!("updateStrategy OnDelete{how}: a pod is replaced only when somebody deletes it"),
    ))
}

/// How a workload of `OpenKruise` says that pods are changed in place where that is possible, as it
/// is for annotations (<https://openkruise.io/docs/core-concepts/inplace-update>): the default is to
/// replace them.
fn in_place(node: Node<'_>, resource: &Resource) -> Option<String> {
    if resource.group() != "apps.kruise.io" {
        return None;
    }
    let paths: [&[&str]; 3] = [
        &["updateStrategy", "type"],
        &["updateStrategy", "rollingUpdate", "podUpdatePolicy"],
        &["updateStrategy", "rollingUpdate", "rollingUpdateType"],
    ];
    paths.iter().find_map(|path| {
        let value = node.get("spec")?.path(path)?.text()?;
        let field = path.last()?;
        value
            .starts_with("InPlace")
            .then(|| format!("{field} {value}"))
    })
}

/// Where the old API groups differ from apps/v1 (their `defaults.go`).
fn on_delete_by_default(resource: &Resource) -> bool {
    matches!(
        (resource.api_version.as_str(), resource.kind.as_str()),
        ("extensions/v1beta1", "DaemonSet") | ("apps/v1beta1", "StatefulSet")
    )
}

/// Tools that act on the running workload: with a hash besides, each change restarts twice.
pub(super) fn owner(
    workspace: &Workspace,
    node: Node<'_>,
    template: Node<'_>,
    sources: &[ConsumedConfig<'_>],
) -> Result<(), NoFix> {
    for (key, value) in annotations(node).chain(annotations(template)) {
        for (part, off, code, what) in OWNERS {
            if key.contains(part) && !off.contains(&value) {
                return Err(NoFix::new(
                    *code,
                    text![*what, " (annotation ", Field(key), ")"],
                ));
            }
        }
    }
    let names: Vec<_> = sources
        .iter()
        .map(|source| (source.to, source.name))
        .collect();
    match covers::by_reloader(workspace, node, template, &names) {
        Some(key) => Err(NoFix::new(
            Code::Reloader,
            text!["Reloader restarts it (annotation ", Field(&key), ")"],
        )),
        None => Ok(()),
    }
}

/// Reasons that an annotation which is there already overrules: who wrote it wants it kept.
pub(super) fn unwanted(
    workspace: &Workspace,
    resource: &Resource,
    template: &PodTemplate<'_>,
    reading: &Reading,
) -> Result<(), NoFix> {
    let names: Vec<_> = reading
        .names
        .iter()
        .map(|(to, name)| (*to, name.as_str()))
        .collect();
    for (key, value) in annotations(template.node) {
        if covers::by_checksum(key, value, &names) {
            return Err(if value.contains("{{") {
                NoFix::new(
                    Code::ChecksumTemplated,
                    text!["annotation ", Field(key), " is filled in by a template"],
                )
            } else {
                NoFix::new(
                    Code::ForeignChecksum,
                    text![
                        "annotation ",
                        Field(key),
                        " says already which configuration the pods have; whoever writes it must \
                         keep it up"
                    ],
                )
            });
        }
    }
    let versioned = |behind: &Behind| match behind {
        Behind::Resource(id) => workspace
            .node(*id)
            .is_some_and(|node| annotations(node).any(|(key, _)| key == VERSIONED)),
        Behind::Generator(_) => false,
    };
    if !reading.behind.is_empty() && reading.behind.iter().all(versioned) {
        let text = text![
            "kapp gives it a new name with each change (annotation ",
            Field(VERSIONED),
            "), and pods follow the name"
        ];
        return Err(NoFix::new(Code::VersionedName, text));
    }
    if let Some(what) = covers::by_program(template, &names) {
        return Err(NoFix::new(
            Code::HotReload,
            format!("{what} reloads the configuration without a restart"),
        ));
    }
    if reading.watched && !reading.behind.is_empty() {
        return Err(NoFix::new(
            Code::HotReload,
            "log4j2 (monitorInterval) or logback (scan) reads its file again when it changes",
        ));
    }
    if reading.reloads {
        return Err(NoFix::new(
            Code::HotReload,
            "the plugin reload of its Corefile reloads it without a restart",
        ));
    }
    if reading.immutable {
        return Err(NoFix::new(
            Code::Immutable,
            "what it reads is immutable: it can only change by another name",
        ));
    }
    workspace
        .aside_of(resource.id)
        .map_or(Ok(()), |aside| Err(NoFix::new(aside.code, aside.text)))
}
