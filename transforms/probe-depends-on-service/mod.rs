//! `probe-depends-on-service`: probes that ask something else than their own container.
//!
//! [`command`] reads which hosts a command asks, with [`shell`]; [`services`] says what a host
//! means; [`chain`] puts together probes that wait for each other; [`say`] has the words.

mod chain;
mod codes;
mod command;
mod options;
mod say;
mod services;
mod shell;

use kubewright_model::finding::{Applicability, Finding, Location};
use kubewright_model::kube::{PodTemplate, ResourceId, Workspace};
use kubewright_model::yaml::Node;

use self::codes::Code;
pub(crate) use self::options::Options;
use self::services::{Asker, Services, Target, Whereabouts};
use crate::{Context, Meta, Transform};

/// See the page of the transform.
pub(crate) struct ProbeDependsOnService;

static META: Meta = Meta {
    name: "probe-depends-on-service",
    summary: "probes that ask another Service, so that one that is down takes others down",
    applicability: Applicability::DisplayOnly,
    isolated: false,
    since: "0.1.0",
    docs: include_str!("README.md"),
    codes: Code::ALL,
};

impl Transform for ProbeDependsOnService {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn check(&self, cx: &Context<'_>) -> Vec<Finding> {
        let workspace = cx.workspace;
        let asking = |id: ResourceId| {
            workspace.carries_pods(id)
                && workspace.may_hold_any(id, |text| {
                    text.contains("Probe") && (text.contains("exec") || text.contains("host"))
                })
        };
        let asking: Vec<ResourceId> = workspace
            .resources()
            .iter()
            .map(|r| r.id)
            .filter(|id| asking(*id))
            .collect();
        let probes = |id: &ResourceId| {
            let templates = workspace.pod_templates(*id);
            templates
                .iter()
                .flat_map(|template| asked(template))
                .next()
                .is_some()
        };
        if !asking.iter().any(probes) {
            return Vec::new();
        }
        let services = Services::of(workspace);
        let mut questions: Vec<Question<'_>> = Vec::new();
        for id in asking {
            let place = Whereabouts::of(workspace, id);
            for template in workspace.pod_templates(id) {
                questions.extend(of_template(workspace, &template, &place, &services));
            }
        }
        chain::findings(workspace, &services, &questions)
    }
}

/// Which probe it is, and what the kubelet does when it fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Liveness,
    Readiness,
    Startup,
}

const KINDS: [(Kind, &str); 3] = [
    (Kind::Liveness, "livenessProbe"),
    (Kind::Readiness, "readinessProbe"),
    (Kind::Startup, "startupProbe"),
];

/// A probe and a host that it asks.
struct Asked<'a> {
    container: &'a str,
    kind: Kind,
    /// The scalar that names the host: of a command, the one that holds it.
    node: Node<'a>,
    host: String,
    /// The kubelet itself asks, by `httpGet` or `tcpSocket`.
    by_kubelet: bool,
}

/// What a container asks of one target, by one or several probes.
struct Question<'a> {
    resource: ResourceId,
    template: PodTemplate<'a>,
    place: Whereabouts,
    container: &'a str,
    target: Target,
    /// The target is the Service of the workload itself.
    own: bool,
    probes: Vec<(Kind, Node<'a>, bool)>,
    host: String,
}

/// All hosts that the probes of a template ask.
fn asked<'a>(template: &PodTemplate<'a>) -> Vec<Asked<'a>> {
    let mut found = Vec::new();
    for container in template.containers() {
        for (kind, key) in KINDS {
            let Some(probe) = container.node.get(key) else {
                continue;
            };
            let host = |handler: &str| probe.path(&[handler, "host"]);
            for node in [host("httpGet"), host("tcpSocket")].into_iter().flatten() {
                let text = node.text().unwrap_or_default();
                found.push(Asked {
                    container: container.name,
                    kind,
                    node,
                    host: text.to_owned(),
                    by_kubelet: true,
                });
            }
            let words = probe
                .path(&["exec", "command"])
                .into_iter()
                .flat_map(Node::items);
            let words: Vec<Node<'a>> = words.collect();
            let texts: Vec<&str> = words.iter().filter_map(|word| word.text()).collect();
            let value = |name: &str| variable(container.node, name);
            for host in command::hosts(&texts, &value) {
                let holds = |word: &&Node<'a>| word.text().is_some_and(|t| t.contains(&host));
                let Some(node) = words.iter().find(holds).or(words.last()) else {
                    continue;
                };
                found.push(Asked {
                    container: container.name,
                    kind,
                    node: *node,
                    host,
                    by_kubelet: false,
                });
            }
        }
    }
    found
}

/// The value that the manifest gives a variable of a container; the last of one name counts.
fn variable(container: Node<'_>, name: &str) -> Option<String> {
    let variables = container.get("env").into_iter().flat_map(Node::items);
    let named = variables.filter(|v| v.get("name").and_then(Node::text) == Some(name));
    named.last()?.get("value")?.text().map(str::to_owned)
}

/// What the probes of a template ask, a question for each container and target.
fn of_template<'a>(
    workspace: &Workspace,
    template: &PodTemplate<'a>,
    place: &Whereabouts,
    services: &Services<'_>,
) -> Vec<Question<'a>> {
    let asker = Asker { template, place };
    let mut questions: Vec<Question<'a>> = Vec::new();
    for asked in asked(template) {
        // What a patch makes of a probe is not read.
        let patched = workspace
            .touched(template.resource, asked.node)
            .is_some_and(|touch| touch.paths.is_some());
        let target = services::target(&asked.host, asker, services, asked.by_kubelet);
        let Some(target) = target.filter(|_| !patched) else {
            continue;
        };
        let own = match &target {
            Target::Services(found) => services::own(found, asker, services),
            Target::Named(_) | Target::Host(_) => None,
        };
        // Where it answers before it is ready, the program may be asking for its neighbours.
        if own == Some(true) {
            continue;
        }
        let probe = (asked.kind, asked.node, asked.by_kubelet);
        let same = |question: &&mut Question<'a>| {
            question.container == asked.container && question.target == target
        };
        match questions.iter_mut().find(same) {
            Some(question) => question.probes.push(probe),
            None => questions.push(Question {
                resource: template.resource,
                template: *template,
                place: place.clone(),
                container: asked.container,
                target,
                own: own.is_some(),
                probes: vec![probe],
                host: asked.host,
            }),
        }
    }
    questions
}

impl Question<'_> {
    /// Where its first probe names the host.
    fn location(&self, workspace: &Workspace) -> Option<Location> {
        let (_, node, _) = self.probes.first()?;
        Some(Location::of(workspace.resource(self.resource).file, *node))
    }

    /// Whether a failure restarts the container.
    fn restarts(&self) -> bool {
        self.probes
            .iter()
            .any(|(kind, ..)| *kind != Kind::Readiness)
    }

    /// Whether the kubelet has to resolve a name that only the DNS of the cluster knows.
    fn is_unresolved(&self) -> bool {
        let name = self.host.parse::<std::net::IpAddr>().is_err();
        name && !matches!(self.target, Target::Host(_))
            && self.probes.iter().any(|(_, _, by_kubelet)| *by_kubelet)
    }
}
