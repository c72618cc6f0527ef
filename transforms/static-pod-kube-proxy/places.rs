//! Where else in a pod the address or the name of one node stands, and what becomes of it when the
//! pod runs on every node.
//!
//! The flags say what belongs to one node, and so do the hosts of probes, `nodeName` and a
//! `nodeSelector` for one node. Probes and lifecycle hooks ask the address of their own pod when
//! they name no host; `hostIP` of a port only says something to the scheduler; a variable can come
//! from a field. Everywhere else Kubernetes fills nothing in, and the conversion refuses.

use std::net::IpAddr;
use std::ops::Range;

use kubewright_model::finding::NoFix;
use kubewright_model::text;
use kubewright_model::text::{Text, Verbatim};
use kubewright_model::yaml::{Edit, Node, Value};

use super::codes::Code;
use super::command::{self, Reading};
use super::flags::{self, BIND, Field, HOST_IP, NODE_NAME};
use super::recognise::{self, containers, is_placeholder};

/// Name of the variable with which a pod finds the API server: an endpoint, whichever node the pod
/// is on.
const API_SERVER: &str = "KUBERNETES_SERVICE_HOST";

/// A text that is right on one node only, and where it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Own {
    text: String,
    from: String,
}

/// What a pod says of the node it was written for.
#[derive(Debug, Default)]
pub(super) struct OneNode {
    addresses: Vec<Own>,
    names: Vec<Own>,
}

impl OneNode {
    /// Reads it from the pod; two addresses cannot both be that of the host.
    pub(super) fn of(pod: Node<'_>) -> Result<Self, NoFix> {
        let mut one = Self::default();
        if let Some(container) = containers(pod).next() {
            for (flag, host) in flags::literal_addresses(container) {
                one.addresses.push(Own {
                    text: host,
                    from: format!("--{flag}"),
                });
            }
            if let Some(name) = flags::literal_name(container) {
                one.names.push(Own {
                    text: name,
                    from: "--hostname-override".to_owned(),
                });
            }
        }
        for host in hosts(pod) {
            if let Some(text) = host.text().filter(|t| is_address(t)) {
                one.addresses.push(Own {
                    text: text.to_owned(),
                    from: place(host),
                });
            }
        }
        for path in [
            &["spec", "nodeName"] as &[&str],
            &["spec", "nodeSelector", "kubernetes.io/hostname"],
        ] {
            if let Some(text) = pod.path(path).and_then(Node::text) {
                one.names.push(Own {
                    text: text.to_owned(),
                    from: path.join("."),
                });
            }
        }
        one.names
            .retain(|own| !own.text.is_empty() && !is_loopback(&own.text));
        let differs = |a: &&Own, b: &Own| a.text.parse::<IpAddr>() != b.text.parse::<IpAddr>();
        if let Some((first, rest)) = one.addresses.split_first()
            && let Some(other) = rest.iter().find(|o| differs(o, first))
        {
            let text = format!(
                "{} names {} and {} {}: one of them at most is the address that Kubernetes fills \
                 in for each node (status.hostIP); name one, or an address that is right \
                 everywhere, such as 0.0.0.0",
                first.from, first.text, other.from, other.text
            );
            return Err(NoFix::new(Code::SeveralAddresses, text));
        }
        Ok(one)
    }

    /// Where an address of one node was found, and the address.
    pub(super) fn address(&self) -> Option<(&str, &str)> {
        self.addresses
            .first()
            .map(|own| (own.from.as_str(), own.text.as_str()))
    }

    fn is_host(&self, text: &str) -> bool {
        let name = |own: &Own| {
            text.strip_prefix(&own.text)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        self.addresses.iter().any(|own| own.text == text) || self.names.iter().any(name)
    }

    fn field(&self, text: &str) -> Option<Field> {
        let among = |all: &[Own]| all.iter().any(|own| own.text == text);
        if among(&self.addresses) {
            Some(HOST_IP)
        } else {
            among(&self.names).then_some(NODE_NAME)
        }
    }

    /// The next place that can do without the value, with the change and what to say about it.
    pub(super) fn next(&self, pod: Node<'_>) -> Result<Option<(Edit, Text)>, NoFix> {
        for host in hosts(pod) {
            let text = host.text().unwrap_or("");
            if self.is_host(text) {
                let note = text![
                    place(host),
                    " named ",
                    Verbatim(text),
                    ", one node: taken out, so that each pod is asked at its own address"
                ];
                return Ok(Some((host.remove()?, note)));
            }
            if is_placeholder(text) {
                return Err(recognise::placeholder(&place(host), text));
            }
        }
        for container in all_containers(pod) {
            let ports = container.get("ports").into_iter().flat_map(Node::items);
            let bound = ports
                .filter_map(|port| port.get("hostIP"))
                .find(|ip| ip.text().is_some_and(|t| self.is_host(t)));
            if let Some(ip) = bound {
                let text = ip.text().unwrap_or("");
                let note = text![
                    place(ip),
                    " named ",
                    Verbatim(text),
                    ", one node: taken out, it opens nothing on the host network"
                ];
                return Ok(Some((ip.remove()?, note)));
            }
        }
        Ok(None)
    }

    /// The next variable with the value of one node as its value, with the field that it is to come
    /// from.
    pub(super) fn next_variable(
        &self,
        pod: Node<'_>,
    ) -> Result<Option<(Edit, Field, Text)>, NoFix> {
        for entry in all_containers(pod)
            .filter_map(|c| c.get("env"))
            .flat_map(Node::items)
        {
            let (Some(name), Some(value)) =
                (entry.get("name").and_then(Node::text), entry.get("value"))
            else {
                continue;
            };
            let text = value.text().unwrap_or("");
            let Some(field) = self.field(text).filter(|_| name != API_SERVER) else {
                continue;
            };
            let note = text![
                "variable ",
                &name,
                " was ",
                Verbatim(text),
                ", one node: it comes from ",
                &field.path,
                " now"
            ];
            return Ok(Some((
                entry.set(&flags::variable_from(name, field))?,
                field,
                note,
            )));
        }
        Ok(None)
    }

    /// What is left of it in the pod where nothing can be filled in.
    pub(super) fn left(&self, pod: Node<'_>, moved: &[(String, Value)]) -> Option<NoFix> {
        let masks = endpoints(pod);
        let searched = ["spec", "metadata"].iter().filter_map(|key| pod.get(key));
        for node in searched
            .flat_map(Node::descendants)
            .filter(|n| n.is_scalar() && !is_apart(*n))
        {
            let Some(text) = node.text() else { continue };
            let own: Vec<&Range<usize>> = masks
                .iter()
                .filter(|(n, _)| *n == node)
                .map(|(_, range)| range)
                .collect();
            let free = |at: usize| !own.iter().any(|range| range.contains(&at));
            if let Some(word) = self.words().find(|word| found(text, &word.text).any(free)) {
                return Some(refusal(&place(node), word));
            }
        }
        let hostname = pod
            .path(&["spec", "affinity", "nodeAffinity"])
            .into_iter()
            .flat_map(Node::descendants);
        if let Some(node) = hostname
            .into_iter()
            .find(|n| n.text() == Some("kubernetes.io/hostname"))
        {
            let text = format!(
                "{} asks for nodes by their name: no pod would start on another; take it out",
                place(node)
            );
            return Some(NoFix::new(Code::NodeValueElsewhere, text));
        }
        moved.iter().find_map(|(key, value)| {
            let Value::Str(text) = value else { return None };
            let word = self
                .words()
                .find(|word| found(text, &word.text).next().is_some())?;
            Some(refusal(&format!("metadata.annotations[{key}]"), word))
        })
    }

    /// The texts that are looked for as words: a name of letters only, such as `master`, says other
    /// things too.
    fn words(&self) -> impl Iterator<Item = &Own> {
        let telling = |own: &&Own| {
            own.text.len() > 2 && own.text.contains(|c: char| !c.is_ascii_alphabetic())
        };
        self.addresses
            .iter()
            .chain(self.names.iter().filter(telling))
    }
}

fn refusal(place: &str, word: &Own) -> NoFix {
    let text = format!(
        "{place} holds {}, which is right on one node only ({}), and Kubernetes fills nothing in \
         there; write what is right on every node, or take it out",
        word.text, word.from
    );
    NoFix::new(Code::NodeValueElsewhere, text)
}

/// The containers of the pod and its init containers.
fn all_containers(pod: Node<'_>) -> impl Iterator<Item = Node<'_>> {
    ["containers", "initContainers"]
        .into_iter()
        .filter_map(move |kind| pod.path(&["spec", kind]))
        .flat_map(Node::items)
}

/// The hosts that probes and lifecycle hooks name.
fn hosts(pod: Node<'_>) -> impl Iterator<Item = Node<'_>> {
    let handlers = all_containers(pod).flat_map(|container| {
        let probes =
            ["livenessProbe", "readinessProbe", "startupProbe"].map(|key| container.get(key));
        let hooks = ["postStart", "preStop"].map(|key| container.path(&["lifecycle", key]));
        probes.into_iter().chain(hooks).flatten()
    });
    handlers
        .flat_map(|handler| ["httpGet", "tcpSocket"].map(|kind| handler.path(&[kind, "host"])))
        .flatten()
}

/// Where the API server is said to be, and flags that do not count beside `--config`: not about the
/// node that the pod is on.
fn endpoints(pod: Node<'_>) -> Vec<(Node<'_>, Range<usize>)> {
    let call = containers(pod).next().map(command::read);
    let Some(Reading::Proxy(call)) = call else {
        return Vec::new();
    };
    let config = call.flag("config").is_some();
    let masked = |name: &str| {
        name == "master" || (config && (BIND.contains(&name) || name == flags::NODE_PORTS))
    };
    call.flags()
        .into_iter()
        .filter(|f| masked(&f.name))
        .map(|f| f.place())
        .collect()
}

/// Whether a scalar is an image, a name within the pod, or the API server in a variable.
fn is_apart(node: Node<'_>) -> bool {
    let key = node.key().and_then(Node::text);
    let variable = || {
        node.parent()
            .and_then(|p| p.get("name"))
            .and_then(Node::text)
    };
    matches!(key, Some("image" | "name"))
        || (key == Some("value") && variable() == Some(API_SERVER))
}

/// Whether a text is an address of one machine.
fn is_address(text: &str) -> bool {
    text.parse::<IpAddr>()
        .is_ok_and(|ip| !ip.is_loopback() && !ip.is_unspecified())
}

fn is_loopback(text: &str) -> bool {
    text == "localhost"
        || text
            .parse::<IpAddr>()
            .is_ok_and(|ip| ip.is_loopback() || ip.is_unspecified())
}

/// The places in `text` where `word` stands as a whole word: `node-1` in
/// `/etc/proxy-node-1-key.pem`, not in `node-10`.
fn found<'t>(text: &'t str, word: &'t str) -> impl Iterator<Item = usize> {
    let address = is_address(word);
    text.match_indices(word)
        .map(|(at, _)| at)
        .filter(move |at| {
            let before = text.get(..*at).unwrap_or("");
            let after = text.get(at + word.len()..).unwrap_or("");
            // `1.10.0.0.1` and `10.0.0.1.5` are no address, `node-1.example.com` is the same node.
            let longer = after
                .strip_prefix('.')
                .is_some_and(|a| a.starts_with(|c: char| c.is_ascii_digit()))
                || before.ends_with('.');
            let bounded = !before.ends_with(char::is_alphanumeric)
                && !after.starts_with(char::is_alphanumeric);
            is_placeholder(word) || (bounded && !(address && longer))
        })
}

/// The path of a node for messages: `spec.containers[0].image`.
pub(super) fn place(node: Node<'_>) -> String {
    let mut parts = Vec::new();
    let mut at = node;
    while let Some(parent) = at.parent() {
        if parent.is_sequence() {
            parts.push(format!("[{}]", at.position().unwrap_or(0)));
        } else if let Some(key) = at.key().or(Some(at)).and_then(Node::text) {
            parts.push(format!(".{key}"));
        }
        at = parent;
    }
    parts.reverse();
    parts.concat().trim_start_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::found;

    #[test]
    fn whole_words() {
        let is = |text: &str, word: &str| found(text, word).next().is_some();
        assert!(is("curl http://10.0.0.1:10256/healthz", "10.0.0.1"));
        assert!(is("/etc/kubernetes/node-1.pem", "node-1"));
        assert!(is("node-1.example.com", "node-1"));
        assert!(is("10.0.0.1/32", "10.0.0.1"));
        assert!(!is("10.0.0.10", "10.0.0.1"));
        assert!(!is("110.0.0.1", "10.0.0.1"));
        assert!(!is("node-10", "node-1"));
        assert!(is("proxy-node-1-key.pem", "node-1"));
        assert!(is("proxy-{{ name }}2.pem", "{{ name }}"));
    }
}
