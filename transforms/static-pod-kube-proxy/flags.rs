//! The flags that hold for one node only, and what stands for them on every node.
//!
//! `--hostname-override` becomes the name of the node, an address of the node in a bind flag becomes the address of the host; both come
//! from the downward API (`spec.nodeName`, `status.hostIP`), and the kubelet puts them into the command with `$(NAME)`, before a shell sees
//! it. What already comes from a field of the pod stays.

use std::net::IpAddr;

use kubewright_model::finding::NoFix;
use kubewright_model::yaml::{Edit, Node, Place, Value};

use super::command::{self, Call, Reading};
use super::recognise;

/// Flags with an address to listen on; ignored by kube-proxy when `--config` is given.
pub(super) const BIND: &[&str] = &["bind-address", "healthz-bind-address", "metrics-bind-address"];

/// A value of the downward API that takes the place of a literal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Field {
    /// Name of the variable.
    pub(super) variable: &'static str,
    /// Path in the pod.
    pub(super) path: &'static str,
}

pub(super) const NODE_NAME: Field = Field { variable: "NODE_NAME", path: "spec.nodeName" };
pub(super) const HOST_IP: Field = Field { variable: "HOST_IP", path: "status.hostIP" };

fn call(container: Node<'_>) -> Option<Call<'_>> {
    match command::read(container) {
        Reading::Proxy(call) => Some(call),
        _ => None,
    }
}

/// Whether `--hostname-override` does not say yet what the node's name is.
pub(super) fn needs_node_name(container: Node<'_>) -> bool {
    call(container).is_some_and(|call| call.flag("hostname-override").is_none_or(|f| !from_field(container, &call, f.value)))
}

/// The bind flags that name an address of one node, with that address.
pub(super) fn node_addresses(container: Node<'_>) -> Result<Vec<(&'static str, String)>, NoFix> {
    let Some(call) = call(container) else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    if call.flag("config").is_some() {
        return Ok(found);
    }
    for name in BIND.iter().copied() {
        let Some(flag) = call.flag(name) else { continue };
        let host = recognise::host_of(flag.value);
        match host.parse::<IpAddr>() {
            Ok(ip) if ip.is_loopback() || ip.is_unspecified() => {}
            Ok(_) => found.push((name, host.to_owned())),
            Err(_) if host == "localhost" || host.bytes().all(|b| b.is_ascii_digit()) || from_field(container, &call, host) => {}
            Err(_) => return Err(recognise::placeholder(&format!("--{name}"), flag.value)),
        }
    }
    Ok(found)
}

/// Makes `--hostname-override` the name of the node.
pub(super) fn set_node_name(container: Node<'_>) -> Result<Option<Edit>, NoFix> {
    let Some(call) = call(container) else { return Ok(None) };
    let value = reference(variable(container, NODE_NAME)?);
    Ok(match call.flag("hostname-override") {
        Some(flag) => Some(flag.set(&value)?),
        None => call.add(&format!("--hostname-override={value}")).transpose()?,
    })
}

/// Makes the address in a bind flag the address of the host.
pub(super) fn set_address(container: Node<'_>, name: &str, host: &str) -> Result<Option<Edit>, NoFix> {
    let Some(flag) = call(container).and_then(|call| call.flag(name)) else { return Ok(None) };
    let value = flag.value.replacen(host, &reference(variable(container, HOST_IP)?), 1);
    Ok(Some(flag.set(&value)?))
}

/// Gives the container the variable for `field`, unless it has one.
pub(super) fn add_variable(container: Node<'_>, field: Field) -> Result<Option<Edit>, NoFix> {
    let name = variable(container, field)?;
    let source = || Value::map([("fieldRef", Value::map([("fieldPath", Value::str(field.path))]))]);
    let entry = || Value::map([("name", Value::str(name)), ("valueFrom", source())]);
    let Some(env) = container.get("env") else {
        let after = ["command", "args"].iter().filter_map(|key| container.get(key)).max_by_key(|n| n.position());
        let place = after.map_or(Place::Last, Place::After);
        return Ok(Some(container.insert(place, "env", &Value::Seq(vec![entry()]))?));
    };
    match env.items().find(|e| e.get("name").and_then(Node::text) == Some(name)) {
        None => Ok(Some(env.push(Place::Last, &entry())?)),
        Some(old) if field_path(old).is_some() => Ok(None),
        Some(old) => Ok(Some(old.set(&entry())?)),
    }
}

/// The variable that holds `field`, or will hold it.
fn variable(container: Node<'_>, field: Field) -> Result<&str, NoFix> {
    let entries = || container.get("env").into_iter().flat_map(Node::items);
    if let Some(entry) = entries().find(|e| field_path(*e) == Some(field.path))
        && let Some(name) = entry.get("name").and_then(Node::text)
    {
        return Ok(name);
    }
    if entries().any(|e| e.get("name").and_then(Node::text) == Some(field.variable) && e.get("valueFrom").is_some()) {
        return Err(NoFix::new(
            "env-taken",
            format!("variable {} of the container holds something else than {}", field.variable, field.path),
        ));
    }
    Ok(field.variable)
}

fn field_path(entry: Node<'_>) -> Option<&str> {
    entry.path(&["valueFrom", "fieldRef", "fieldPath"])?.text()
}

fn reference(name: &str) -> String {
    format!("$({name})")
}

/// Whether a value is a variable that the kubelet fills from a field of the pod; a shell knows it as `$NAME` too.
fn from_field(container: Node<'_>, call: &Call<'_>, value: &str) -> bool {
    let inner = |open: &str, close: &str| value.strip_prefix(open).and_then(|v| v.strip_suffix(close));
    let name = inner("$(", ")").or_else(|| call.shell.then(|| inner("${", "}").or_else(|| value.strip_prefix('$'))).flatten());
    let mut entries = container.get("env").into_iter().flat_map(Node::items);
    name.is_some_and(|name| entries.any(|e| e.get("name").and_then(Node::text) == Some(name) && field_path(e).is_some()))
}
