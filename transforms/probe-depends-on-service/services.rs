//! The Services of the workspace, what a host means to a workload, and which workloads a Service
//! has as its pods.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use kubewright_model::kube::{PodTemplate, ResourceId, SetId, Workspace};
use kubewright_model::yaml::Node;

/// Where something ends up: the apply sets that it is part of, and its namespaces there.
#[derive(Debug, Clone)]
pub(super) struct Whereabouts {
    sets: Vec<SetId>,
    namespaces: BTreeSet<Option<String>>,
    /// Its name as it is written, and those it has in the sets.
    names: BTreeSet<String>,
}

impl Whereabouts {
    pub(super) fn of(workspace: &Workspace, id: ResourceId) -> Self {
        let sets = workspace.sets_of(id);
        let resource = workspace.resource(id);
        let mut namespaces = BTreeSet::new();
        let mut names = BTreeSet::from([resource.name.clone()]);
        for member in sets.iter().filter_map(|set| workspace.member(*set, id)) {
            namespaces.insert(member.namespace.clone());
            names.insert(member.name.clone());
        }
        if namespaces.is_empty() {
            namespaces.insert(resource.namespace.clone());
        }
        Self {
            sets,
            namespaces,
            names,
        }
    }

    /// Whether both are applied together, and may be in one namespace.
    fn meets(&self, other: &Self) -> bool {
        let absent = |of: &Self| of.namespaces.contains(&None);
        let together = self.sets.iter().any(|set| other.sets.contains(set));
        let one = !self.namespaces.is_disjoint(&other.namespaces);
        together && (one || absent(self) || absent(other))
    }

    /// Whether both are applied together, and the other one may be in that namespace.
    fn meets_in(&self, other: &Self, namespace: &str) -> bool {
        let there = |of: &Option<String>| of.as_deref().is_none_or(|of| of == namespace);
        self.sets.iter().any(|set| other.sets.contains(set)) && other.namespaces.iter().any(there)
    }
}

/// A Service.
#[derive(Debug)]
pub(super) struct Service<'a> {
    pub(super) name: &'a str,
    place: Whereabouts,
    selector: Vec<(&'a str, &'a str)>,
    address: Option<&'a str>,
    /// It answers for pods that are not ready too.
    unready: bool,
}

/// All Services, found by what a host may be, and by the pods that they select.
#[derive(Debug, Default)]
pub(super) struct Services<'a> {
    all: Vec<Service<'a>>,
    by_name: BTreeMap<String, Vec<usize>>,
    by_address: BTreeMap<&'a str, Vec<usize>>,
    /// By the name of the variable with its address, without `_SERVICE_HOST`.
    by_variable: BTreeMap<String, Vec<usize>>,
    /// By the first label that they select.
    by_label: BTreeMap<(&'a str, &'a str), Vec<usize>>,
}

impl<'a> Services<'a> {
    /// Those of the workspace.
    pub(super) fn of(workspace: &'a Workspace) -> Self {
        let mut services = Self::default();
        for resource in workspace.resources().iter().filter(|resource| {
            resource.kind == "Service" && resource.group().is_empty() && !resource.name.is_empty()
        }) {
            let Some(node) = workspace.node(resource.id) else {
                continue;
            };
            let field = |key: &str| node.get("spec").and_then(|spec| spec.get(key));
            let selector = field("selector").into_iter().flat_map(Node::entries);
            services.add(Service {
                name: &resource.name,
                place: Whereabouts::of(workspace, resource.id),
                selector: selector
                    .filter_map(|(k, v)| Some((k.text()?, v.text()?)))
                    .collect(),
                address: field("clusterIP").and_then(Node::text),
                unready: field("publishNotReadyAddresses").and_then(Node::as_bool) == Some(true),
            });
        }
        services
    }

    fn add(&mut self, service: Service<'a>) {
        let at = self.all.len();
        for name in &service.place.names {
            self.by_name.entry(name.clone()).or_default().push(at);
        }
        if let Some(address) = service.address {
            self.by_address.entry(address).or_default().push(at);
        }
        let variable = service.name.to_uppercase().replace(['-', '.'], "_");
        self.by_variable.entry(variable).or_default().push(at);
        if let Some(label) = service.selector.first() {
            self.by_label.entry(*label).or_default().push(at);
        }
        self.all.push(service);
    }

    /// One of them.
    pub(super) fn get(&self, at: usize) -> Option<&Service<'a>> {
        self.all.get(at)
    }

    /// Those that send to the pods of a template, by position.
    pub(super) fn selecting(&self, asker: Asker<'_>) -> Vec<usize> {
        let labels = asker.template.node.path(&["metadata", "labels"]);
        let labels = labels.into_iter().flat_map(Node::entries);
        let candidates = labels
            .filter_map(|(key, value)| self.by_label.get(&(key.text()?, value.text()?)))
            .flatten();
        let selects = |at: &&usize| {
            self.get(**at)
                .is_some_and(|service| service.selects(asker.template, asker.place))
        };
        candidates.filter(selects).copied().collect()
    }

    /// Of some of them those that a condition holds for; `None` where there are none.
    fn among(
        &self,
        candidates: Option<&Vec<usize>>,
        holds: impl Fn(&Service<'a>) -> bool,
    ) -> Option<Vec<usize>> {
        let found = candidates.into_iter().flatten().copied();
        let found: Vec<usize> = found
            .filter(|at| self.get(*at).is_some_and(&holds))
            .collect();
        (!found.is_empty()).then_some(found)
    }
}

impl Service<'_> {
    /// Whether the pods of a template are among those it sends to.
    pub(super) fn selects(&self, template: &PodTemplate<'_>, place: &Whereabouts) -> bool {
        let labels = template.node.path(&["metadata", "labels"]);
        let label = |key: &str| {
            labels
                .and_then(|labels| labels.get(key))
                .and_then(Node::text)
        };
        !self.selector.is_empty()
            && place.meets(&self.place)
            && self
                .selector
                .iter()
                .all(|(key, value)| label(key) == Some(value))
    }
}

/// What a host means to a workload.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Target {
    /// Services that are applied with it, by position.
    Services(Vec<usize>),
    /// A Service that is not, by name and namespace.
    Named(String),
    /// Something else that is not the pod.
    Host(String),
}

/// A workload that asks.
#[derive(Clone, Copy)]
pub(super) struct Asker<'a> {
    pub(super) template: &'a PodTemplate<'a>,
    pub(super) place: &'a Whereabouts,
}

/// What the host of an address means; `None` for the pod itself, and for what is not known.
/// `any` says that a name that is no Service is another host.
pub(super) fn target(
    host: &str,
    asker: Asker<'_>,
    services: &Services<'_>,
    any: bool,
) -> Option<Target> {
    let host = host.trim_end_matches('.');
    let meets = |service: &Service<'_>| asker.place.meets(&service.place);
    if host.contains('$') {
        let variable = host.trim_matches(['$', '{', '}', '(', ')']);
        let name = variable.strip_suffix("_SERVICE_HOST")?;
        let found = services.among(services.by_variable.get(name), meets);
        return found.map(Target::Services);
    }
    if is_own(host, asker) || host.contains(['{', '}', '<', '>', '%', '@', ' ', '*']) {
        return None;
    }
    if let Ok(address) = host.parse::<IpAddr>() {
        let network = asker
            .template
            .spec
            .get("hostNetwork")
            .and_then(Node::as_bool);
        let other = any && network != Some(true) && !is_of_node(address);
        return services
            .among(services.by_address.get(host), meets)
            .map(Target::Services)
            .or_else(|| other.then(|| Target::Host(host.to_owned())));
    }
    let named = |name: &str, namespace: Option<&str>| {
        services.among(services.by_name.get(name), |service| match namespace {
            Some(namespace) => asker.place.meets_in(&service.place, namespace),
            None => meets(service),
        })
    };
    let labels: Vec<&str> = host.split('.').collect();
    let other = || any.then(|| Target::Host(host.to_owned()));
    match labels.as_slice() {
        [name] => named(name, None).map(Target::Services).or_else(other),
        [name, namespace] => match (named(name, Some(namespace)), named(namespace, None)) {
            (Some(found), _) => Some(Target::Services(found)),
            (None, Some(found)) => pod_of(found, asker, services),
            (None, None) => other(),
        },
        [name, namespace, "svc", ..] => Some(named(name, Some(namespace)).map_or_else(
            || Target::Named(format!("{name}.{namespace}")),
            Target::Services,
        )),
        [_, name, namespace, "svc", ..] => match named(name, Some(namespace)) {
            Some(found) => pod_of(found, asker, services),
            None => Some(Target::Named(format!("{name}.{namespace}"))),
        },
        _ => other(),
    }
}

/// Whether an address is one of the machine that asks: of a loopback, or of a link, as
/// node-local-dns has it.
fn is_of_node(address: IpAddr) -> bool {
    let link = match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    };
    link || address.is_loopback() || address.is_unspecified()
}

/// One pod behind a Service, by its name: what that means to a workload that is not behind it.
fn pod_of(found: Vec<usize>, asker: Asker<'_>, services: &Services<'_>) -> Option<Target> {
    let own = |at: &usize| {
        services
            .get(*at)
            .is_some_and(|service| service.selects(asker.template, asker.place))
    };
    (!found.iter().any(own)).then_some(Target::Services(found))
}

/// Whether a host is the pod itself, by a name that it has in `/etc/hosts`.
fn is_own(host: &str, asker: Asker<'_>) -> bool {
    let spec = asker.template.spec;
    let entries = spec.get("hostAliases").into_iter().flat_map(Node::items);
    let aliased = entries
        .filter_map(|alias| alias.get("hostnames"))
        .flat_map(Node::items)
        .any(|name| name.text() == Some(host));
    let pod = asker.template.carrier.kind == "Pod" && asker.place.names.contains(host);
    host.is_empty()
        || host == "localhost"
        || host.ends_with(".localhost")
        || host.starts_with("localhost.")
        || host == "ip6-localhost"
        || spec.get("hostname").and_then(Node::text) == Some(host)
        || aliased
        || pod
}

/// Whether the Services are those of the workload itself, and answer before it is ready.
pub(super) fn own(found: &[usize], asker: Asker<'_>, services: &Services<'_>) -> Option<bool> {
    let mut found = found.iter().filter_map(|at| services.get(*at));
    let first = found.find(|service| service.selects(asker.template, asker.place))?;
    Some(first.unready)
}
