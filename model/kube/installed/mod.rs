//! What Flux and Argo CD install with charts that are known by their values.
//!
//! A `HelmRelease` or an `Application` that means a chart of a repository says nothing of pods: the
//! chart does, and it is not in the workspace. Of some charts (`table.rs`) it is known which values
//! name ConfigMaps and Secrets, and which ones are the annotations of pods. From those come
//! workloads as the chart makes them, as far as they read configuration, and the place in the
//! values where their pods get annotations. Nothing is rendered: what is known of a chart is what
//! its public repository says, and versions differ.

mod app_template;
mod chart;
mod draft;
mod listed;
mod table;
mod values;

pub use chart::KnownChart;
pub use values::Part;

use std::collections::BTreeSet;

use serde_json::Value;

use self::draft::Draft;
use self::table::Shape;
use crate::kube::object::apply_set::SetId;
use crate::kube::object::reference::Target;
use crate::kube::object::resource::{Resource, ResourceId};
use crate::kube::pod::{Carrier, PodTemplate, walk};
use crate::kube::workspace::Workspace;
use crate::yaml::{File, Node};

/// A chart that is installed, and the pods that its values ask for.
#[derive(Debug)]
pub struct Installed<'w> {
    /// The `HelmRelease` or `Application`.
    pub resource: ResourceId,
    /// The chart.
    pub chart: &'static KnownChart,
    /// The sets in which what the values name is looked up.
    pub sets: Vec<SetId>,
    /// The namespace of the pods, where it is not that of the resource.
    pub namespace: Option<String>,
    /// The values, the later ones winning.
    pub values: Vec<Part<'w>>,
    /// The pods.
    pub pods: Vec<InstalledPod>,
}

/// Pods that a chart makes.
#[derive(Debug)]
pub struct InstalledPod {
    resource: ResourceId,
    /// A workload with what is known of it.
    yaml: File,
    carrier: &'static Carrier,
    /// Where in the values the annotations of the pods stand.
    pub annotations: Vec<String>,
    /// Where those of the workload stand, where it has some.
    pub of_workload: Option<Vec<String>>,
    /// Where in the values an object is named.
    named: Vec<((Target, String), Vec<String>)>,
}

impl InstalledPod {
    fn of(draft: Draft, resource: ResourceId) -> Option<Self> {
        let (annotations, named) = (draft.annotations.clone(), draft.named.clone());
        let of_workload = draft.of_workload.clone();
        let (text, carrier) = draft.workload()?;
        let yaml = File::parse(text).ok()?;
        Some(Self {
            resource,
            yaml,
            carrier,
            annotations,
            of_workload,
            named,
        })
    }

    /// The workload.
    pub fn workload(&self) -> Option<Node<'_>> {
        self.yaml.root(0)
    }

    /// Its pod template.
    pub fn template(&self) -> Option<PodTemplate<'_>> {
        let mut nodes = walk(self.workload()?, self.carrier.template).into_iter();
        let node = nodes.next()?;
        Some(PodTemplate {
            resource: self.resource,
            carrier: self.carrier,
            node,
            spec: node.get("spec")?,
        })
    }

    /// Where in the values an object is named first.
    pub fn named(&self, to: Target, name: &str) -> Option<&[String]> {
        let mut named = self.named.iter();
        let found = named.find(|((kind, known), _)| *kind == to && known == name);
        found.map(|(_, path)| path.as_slice())
    }
}

impl Installed<'_> {
    /// Which of the values have the most of a path; of several those that win.
    pub fn nearest(&self, path: &[String]) -> Option<usize> {
        let parts = self.values.iter().enumerate();
        let (at, _) = parts.max_by_key(|(_, part)| part.depth(path))?;
        Some(at)
    }

    /// The value at a path, in the values that win.
    pub fn at(&self, path: &[String]) -> Option<(&Part<'_>, Node<'_>)> {
        let mut parts = self.values.iter().rev();
        parts.find_map(|part| Some((part, part.at(path)?)))
    }
}

impl Workspace {
    /// What a resource installs with a known chart, where its pods run in the cluster that the
    /// resource is applied to.
    pub fn installed(&self, id: ResourceId) -> Option<Installed<'_>> {
        let resource = self.resource(id);
        let helm_release = match (resource.kind.as_str(), resource.group()) {
            ("HelmRelease", "helm.toolkit.fluxcd.io") => true,
            ("Application", "argoproj.io") => false,
            _ => return None,
        };
        let spec = self.node(id)?.get("spec")?;
        if helm_release {
            self.helm_release(resource, spec)
        } else {
            self.application(resource, spec)
        }
    }

    fn helm_release(&self, resource: &Resource, spec: Node<'_>) -> Option<Installed<'_>> {
        let text = |key: &str| spec.get(key).and_then(Node::text);
        if spec.get("kubeConfig").is_some_and(|node| !node.is_null()) {
            return None;
        }
        let chart = chart::of_helm_release(self, resource, spec)?;
        let target = text("targetNamespace");
        let release = text("releaseName").map_or_else(
            || target.map_or_else(String::new, |t| format!("{t}-")) + &resource.name,
            str::to_owned,
        );
        let sets = self.sets_of(resource.id);
        let values = values::of_helm_release(self, resource, &sets)?;
        Installed {
            resource: resource.id,
            chart,
            sets,
            namespace: target.map(str::to_owned),
            values,
            pods: Vec::new(),
        }
        .with_pods(&release)
    }

    fn application(&self, resource: &Resource, spec: Node<'_>) -> Option<Installed<'_>> {
        let several = spec.get("sources").into_iter().flat_map(Node::items);
        let mut sources = several.chain(spec.get("source"));
        let (chart, source) = sources.find_map(|s| Some((chart::of_source(s)?, s)))?;
        let helm = source.get("helm");
        let release = helm.and_then(|h| h.get("releaseName")?.text());
        let release = release.unwrap_or(&resource.name).to_owned();
        let place = spec.get("destination")?;
        let text = |key: &str| place.get(key).and_then(Node::text);
        let namespace = text("namespace")?.to_owned();
        let mut sets: Vec<SetId> = (self.sets().iter())
            .filter(|set| set.appliers.iter().any(|a| a.resource == resource.id))
            .map(|set| set.id)
            .collect();
        let here = text("server") == Some("https://kubernetes.default.svc")
            || text("name") == Some("in-cluster");
        if sets.is_empty() && here {
            sets = self.sets_of(resource.id);
        }
        let values = values::of_application(self, resource.id)?;
        Installed {
            resource: resource.id,
            chart,
            sets,
            namespace: Some(namespace),
            values,
            pods: Vec::new(),
        }
        .with_pods(&release)
    }
}

impl Installed<'_> {
    /// With the pods, if there are some that read something.
    fn with_pods(mut self, release: &str) -> Option<Self> {
        let mut all = Value::Object(serde_json::Map::new());
        for part in &self.values {
            values::merge(&mut all, part.json()?);
        }
        values::fill(&mut all, release);
        let drafts = match self.chart.shape {
            Shape::AppTemplate => app_template::pods(&all),
            Shape::Listed(rows) => rows.iter().filter_map(|row| row.pod(&all)).collect(),
        };
        let mut seen = BTreeSet::new();
        for draft in drafts.into_iter().filter(|draft| !draft.named.is_empty()) {
            if seen.insert(draft.annotations.clone()) {
                self.pods.extend(InstalledPod::of(draft, self.resource));
            }
        }
        (!self.pods.is_empty() && !self.sets.is_empty()).then_some(self)
    }
}
