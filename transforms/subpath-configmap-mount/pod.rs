//! A pod template with its volumes and mounts, and what changes in its list of volumes.

use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::sync::Arc;

use kubewright_model::finding::NoFix;
use kubewright_model::kube::{
    Container, ContainerKind, FileId, PodTemplate, Reference, ResourceId, Rollout, Target, Touch,
    TouchKind,
};
use kubewright_model::text;
use kubewright_model::text::Path;
use kubewright_model::yaml::{Edit, Node, Place, Refusal, Value};

use super::codes::Code;
use super::mounts::{self, Mount};
use super::objects::Objects;
use super::volume::Volume;
use crate::{Context, missing_config_hash};

/// Kinds of `OpenShift` that its first releases had without an API group.
const OPENSHIFT_KINDS: [&str; 5] = [
    "DeploymentConfig",
    "Route",
    "ImageStream",
    "BuildConfig",
    "SecurityContextConstraints",
];

/// A pod template under examination.
pub(super) struct Pod<'a> {
    pub(super) cx: Context<'a>,
    pub(super) id: ResourceId,
    pub(super) file: FileId,
    pub(super) workload: Node<'a>,
    pub(super) template: PodTemplate<'a>,
    pub(super) objects: Objects<'a>,
    pub(super) references: Vec<Reference<'a>>,
    pub(super) volumes: Vec<Volume<'a>>,
    pub(super) containers: Vec<Own<'a>>,
    touches: Arc<[Touch]>,
    /// Dotted path of the pod's `spec`.
    spec_path: String,
    hashed: OnceCell<Hashed>,
}

type Hashed = Result<(Vec<(Target, String)>, Vec<(Target, String)>), NoFix>;

/// A container and its mounts.
pub(super) struct Own<'a> {
    pub(super) container: Container<'a>,
    pub(super) mounts: Vec<Mount<'a>>,
}

impl<'a> Pod<'a> {
    pub(super) fn new(
        cx: Context<'a>,
        id: ResourceId,
        workload: Node<'a>,
        template: PodTemplate<'a>,
    ) -> Self {
        let containers = template.containers().into_iter().map(|container| Own {
            container,
            mounts: mounts::of(container.node),
        });
        let mut path: Vec<&str> = template
            .carrier
            .template
            .iter()
            .map(|s| s.trim_end_matches("[]"))
            .collect();
        path.push("spec");
        Self {
            cx,
            id,
            file: cx.workspace.resource(id).file,
            workload,
            template,
            objects: Objects::new(cx, id),
            references: template.references(),
            volumes: template
                .volumes()
                .into_iter()
                .filter_map(Volume::read)
                .collect(),
            containers: containers.collect(),
            touches: cx.workspace.touches(id),
            spec_path: path.join("."),
            hashed: OnceCell::new(),
        }
    }

    /// What a config hash of the pod covers, or why there is none.
    pub(super) fn hashed(&self) -> Result<&[(Target, String)], &NoFix> {
        self.hash().as_ref().map(|(names, _)| names.as_slice())
    }

    /// What of it is applied after the workload.
    pub(super) fn early(&self) -> &[(Target, String)] {
        self.hash()
            .as_ref()
            .map_or(&[], |(_, early)| early.as_slice())
    }

    fn hash(&self) -> &Hashed {
        self.hashed.get_or_init(|| {
            missing_config_hash::covered(
                &self.cx,
                self.cx.workspace.resource(self.id),
                &self.template,
            )
        })
    }

    /// The ConfigMap, Secret or projected volume of that name.
    pub(super) fn volume(&self, name: &str) -> Option<&Volume<'a>> {
        self.volumes.iter().find(|v| v.name == name)
    }

    /// Whether a changed template replaces nothing by itself: the resource must be deleted and
    /// created again.
    pub(super) fn must_be_recreated(&self) -> bool {
        matches!(
            self.template.carrier.rollout,
            Rollout::Immutable | Rollout::Recreate
        )
    }

    /// Refuses when the template may not change under the name that it gives its revision.
    pub(super) fn may_change(&self) -> Result<(), NoFix> {
        let refusal = |name| {
            let text = format!(
                "the revision is named {name}: Knative refuses another template under that name; \
                 remove the name, or change it too"
            );
            NoFix::new(Code::NamedRevision, text)
        };
        self.template
            .named_revision()
            .map_or(Ok(()), |name| Err(refusal(name)))
    }

    /// Whether the container ends by itself, soon after it has started, so that it reads each
    /// change when it runs the next time.
    pub(super) fn ends(&self, own: &Own<'_>) -> bool {
        let sidecar =
            own.container.node.get("restartPolicy").and_then(Node::text) == Some("Always");
        self.template.carrier.rollout == Rollout::NextRun
            || (own.container.kind == ContainerKind::Init && !sidecar)
    }

    /// Refuses when kustomize changes one of these fields of the container, or of the pod, on the
    /// way to the cluster.
    pub(super) fn not_patched(
        &self,
        own: &Own<'_>,
        of_container: &[&str],
        of_pod: &[&str],
    ) -> Result<(), NoFix> {
        let fields = of_container
            .iter()
            .map(|field| self.field(own, field))
            .chain(of_pod.iter().map(|f| format!("{}.{f}", self.spec_path)));
        for path in fields {
            if let Some(touch) = self.touches.iter().find(|t| t.affects(&path)) {
                let place = &self.cx.workspace.file(touch.location.file).path;
                return Err(NoFix::new(
                    Code::WorkloadPatched,
                    text![
                        touch.what.name(),
                        " in ",
                        Path(place),
                        " may change ",
                        path,
                        " on the way to the cluster"
                    ],
                ));
            }
        }
        Ok(())
    }

    /// Whether it runs on `OpenShift`, where the user of the image is no fact: a kind of
    /// `OpenShift`'s says so, its own or one applied with it.
    /// (<https://docs.openshift.com/container-platform/4.17/authentication/managing-security-context-constraints.html>)
    pub(super) fn on_openshift(&self) -> bool {
        let workspace = self.cx.workspace;
        let of_openshift = |id| {
            let resource = workspace.resource(id);
            resource.of_template
                || resource.group().ends_with(".openshift.io")
                || (resource.group().is_empty()
                    && OPENSHIFT_KINDS.contains(&resource.kind.as_str()))
        };
        let sets = workspace.sets_of(self.id);
        of_openshift(self.id)
            || sets.iter().any(|set| {
                workspace
                    .set(*set)
                    .members
                    .iter()
                    .any(|member| of_openshift(member.resource))
            })
    }

    /// Whether kustomize changes one of these fields of the workload on the way to the cluster.
    pub(super) fn touched(&self, fields: &[&str]) -> bool {
        fields
            .iter()
            .any(|field| self.touches.iter().any(|touch| touch.affects(field)))
    }

    /// The images of the container, as it is built; `None` where they may be any.
    pub(super) fn images(&self, own: &Own<'_>) -> Option<BTreeSet<String>> {
        self.cx
            .workspace
            .built_images(self.id, &self.template, &own.container)
    }

    /// Whether the image of the container may be any.
    pub(super) fn image_changes(&self, own: &Own<'_>) -> bool {
        self.images(own).is_none()
    }

    /// Refuses when kustomize changes the image of the container in a way that another container
    /// of the same image does not follow.
    pub(super) fn image_patched(&self, own: &Own<'_>) -> Result<(), NoFix> {
        let path = self.field(own, "image");
        let mut touches = self.touches.iter().filter(|t| t.affects(&path));
        touches
            .find(|t| t.what != TouchKind::Images)
            .map_or(Ok(()), |t| {
                let place = &self.cx.workspace.file(t.location.file).path;
                let text = text![
                    t.what.name(),
                    " in ",
                    Path(place),
                    " may change the image on the way to the cluster"
                ];
                Err(NoFix::new(Code::WorkloadPatched, text))
            })
    }

    /// `<container>-copy`, with a number when that is taken.
    pub(super) fn free_container(&self, name: &str) -> String {
        let names = self.containers.iter().map(|own| own.container.name);
        free(&names.collect(), name, "-copy")
    }

    fn field(&self, own: &Own<'_>, field: &str) -> String {
        let list = match own.container.kind {
            ContainerKind::Init => "initContainers",
            ContainerKind::Main => "containers",
            ContainerKind::Ephemeral => "ephemeralContainers",
        };
        format!("{}.{list}.{field}", self.spec_path)
    }

    /// Whether anything but the mounts in `leaving` uses the volume.
    pub(super) fn shared(&self, volume: &str, leaving: &[&Mount<'_>]) -> bool {
        let mounts = self.containers.iter().flat_map(|own| &own.mounts);
        mounts
            .filter(|m| m.volume == volume)
            .any(|m| leaving.iter().all(|l| l.node != m.node))
    }

    /// Gives the mounts in `leaving` a projected volume `body` in place of `old`: the name of the
    /// volume, and the edits to `volumes`. A volume that nothing else mounts is converted; beside
    /// one that others mount a new one is added, or one found that says the same.
    pub(super) fn place(
        &self,
        old: &Volume<'a>,
        leaving: &[&Mount<'_>],
        body: &Value,
    ) -> Result<(String, Vec<Edit>), Refusal> {
        let shared = self.shared(old.name, leaving);
        let twin = self
            .volumes
            .iter()
            .find(|v| v.name != old.name && v.projected && v.value() == Some(body));
        if let Some(twin) = twin {
            let edits = if shared {
                Vec::new()
            } else {
                vec![old.node.remove()?]
            };
            return Ok((twin.name.to_owned(), edits));
        }
        if shared {
            let name = self.free_name(old.name, "-files");
            let volume = Value::map([("name", Value::str(&name)), ("projected", body.clone())]);
            let list = old.list()?;
            return Ok((name, vec![list.push(Place::After(old.node), &volume)?]));
        }
        if old.projected && old.value() == Some(body) {
            return Ok((old.name.to_owned(), Vec::new()));
        }
        if let Some(edits) = old.nested(body) {
            return Ok((old.name.to_owned(), edits));
        }
        let mut edits = vec![old.body.set(body)?];
        if !old.projected {
            edits.insert(0, old.body.rename_key("projected")?);
        }
        Ok((old.name.to_owned(), edits))
    }

    /// `<old><suffix>`, with a number when that is taken; a DNS label of at most 63 characters, as
    /// volume names must be.
    pub(super) fn free_name(&self, old: &str, suffix: &str) -> String {
        let volumes = self.template.volumes();
        let names = volumes.iter().filter_map(|v| v.get("name")?.text());
        free(&names.collect(), old, suffix)
    }
}

fn free(names: &BTreeSet<&str>, old: &str, suffix: &str) -> String {
    let mut name = suffixed(old, suffix);
    let mut number = 2;
    while names.contains(name.as_str()) {
        name = suffixed(old, &format!("{suffix}-{number}"));
        number += 1;
    }
    name
}

fn suffixed(name: &str, suffix: &str) -> String {
    let room = 63 - suffix.len();
    let cut: String = name.chars().take(room).collect();
    format!("{}{suffix}", cut.trim_end_matches('-'))
}
