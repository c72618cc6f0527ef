//! The flags that hold for one node only, and what stands for them on every node.
//!
//! `--hostname-override` becomes the name of the node, an address of the node in a bind flag
//! becomes the address of the host; both come from the downward API (`spec.nodeName`,
//! `status.hostIP`), and the kubelet puts them into the command with `$(NAME)`, before a shell sees
//! it. What already comes from a field of the pod stays.

use std::net::IpAddr;

use kubewright_model::finding::NoFix;
use kubewright_model::yaml::{Edit, Node, Place, Value};

use super::codes::Code;
use super::command::{self, Call, Reading};
use super::recognise;

/// Flags with an address to listen on; ignored by kube-proxy when `--config` is given.
pub(super) const BIND: &[&str] = &[
    "bind-address",
    "healthz-bind-address",
    "metrics-bind-address",
];
/// The flag with the addresses, as ranges, on which node ports are answered.
pub(super) const NODE_PORTS: &str = "nodeport-addresses";

/// A value of the downward API that takes the place of a literal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Field {
    /// Name of the variable.
    pub(super) variable: &'static str,
    /// Path in the pod.
    pub(super) path: &'static str,
}

pub(super) const NODE_NAME: Field = Field {
    variable: "NODE_NAME",
    path: "spec.nodeName",
};
pub(super) const HOST_IP: Field = Field {
    variable: "HOST_IP",
    path: "status.hostIP",
};

/// The call of kube-proxy in a container, where it can be read.
pub(super) fn call(container: Node<'_>) -> Option<Call<'_>> {
    match command::read(container) {
        Reading::Proxy(call) => Some(call),
        _ => None,
    }
}

/// Whether `--hostname-override` does not say yet what the node's name is.
pub(super) fn needs_node_name(container: Node<'_>) -> bool {
    call(container).is_some_and(|call| {
        call.flag("hostname-override")
            .is_none_or(|f| !from_field(container, &call, f.value))
    })
}

/// The bind flags that name an address of one node, with that address.
pub(super) fn node_addresses(container: Node<'_>) -> Result<Vec<(&'static str, String)>, NoFix> {
    let Some(call) = call(container) else {
        return Ok(Vec::new());
    };
    let mut found = Vec::new();
    if call.flag("config").is_some() {
        return Ok(found);
    }
    for name in BIND.iter().copied() {
        let Some(flag) = call.flag(name) else {
            continue;
        };
        let host = recognise::host_of(flag.value);
        match host.parse::<IpAddr>() {
            Ok(ip) if ip.is_loopback() || ip.is_unspecified() => {}
            Ok(_) => found.push((name, host.to_owned())),
            Err(_)
                if host == "localhost"
                    || host.bytes().all(|b| b.is_ascii_digit())
                    || from_field(container, &call, host) => {}
            Err(_) => return Err(recognise::placeholder(&format!("--{name}"), flag.value)),
        }
    }
    Ok(found)
}

/// Gives kube-proxy another API server than that of the node.
pub(super) fn set_server(container: Node<'_>, server: &str) -> Result<Option<Edit>, NoFix> {
    let Some(call) = call(container) else {
        return Ok(None);
    };
    let local = recognise::local_master(&call).filter(|master| master.value != server);
    Ok(local.map(|master| master.set(server)).transpose()?)
}

/// The addresses of one machine in the flags that count, variables with a plain value included.
pub(super) fn literal_addresses(container: Node<'_>) -> Vec<(&'static str, String)> {
    let Some(call) = call(container).filter(|call| call.flag("config").is_none()) else {
        return Vec::new();
    };
    let bound = BIND.iter().filter_map(|name| {
        let host = recognise::host_of(literal(container, &call, call.flag(name)?.value));
        let ip: IpAddr = literal(container, &call, host).parse().ok()?;
        (!ip.is_loopback() && !ip.is_unspecified())
            .then(|| (*name, literal(container, &call, host).to_owned()))
    });
    let all = call.flags();
    let ports = all
        .iter()
        .filter(|f| f.name == NODE_PORTS)
        .flat_map(|f| f.value.split(','))
        .filter_map(one_address);
    bound
        .chain(ports.map(|address| (NODE_PORTS, address.to_owned())))
        .collect()
}

/// The name in `--hostname-override` where it is written down: not what a shell or the kubelet
/// fills in.
pub(super) fn literal_name(container: Node<'_>) -> Option<String> {
    let call = call(container)?;
    let name = literal(container, &call, call.flag("hostname-override")?.value);
    (!name.is_empty() && !name.contains(['$', '`'])).then(|| name.to_owned())
}

/// The plain value of the variable that a flag's value names, else the value.
fn literal<'a>(container: Node<'a>, call: &Call<'_>, value: &'a str) -> &'a str {
    let mut entries = container.get("env").into_iter().flat_map(Node::items);
    let entry = variable_name(call, value)
        .and_then(|name| entries.find(|e| e.get("name").and_then(Node::text) == Some(name)));
    entry.and_then(|e| e.get("value")?.text()).unwrap_or(value)
}

/// The address in a range that holds one address only.
fn one_address(range: &str) -> Option<&str> {
    let (address, bits) = range.trim().split_once('/')?;
    let ip: IpAddr = address.parse().ok()?;
    let single = bits == if ip.is_ipv4() { "32" } else { "128" };
    (single && !ip.is_loopback()).then_some(address)
}

/// Makes each range of `--nodeport-addresses` that holds one address that of the host.
pub(super) fn set_node_ports(container: Node<'_>) -> Result<Option<Edit>, NoFix> {
    let Some(call) = call(container).filter(|call| call.flag("config").is_none()) else {
        return Ok(None);
    };
    let flags = call.flags();
    let Some((flag, address)) = flags
        .iter()
        .filter(|f| f.name == NODE_PORTS)
        .find_map(|f| Some((f, f.value.split(',').find_map(one_address)?)))
    else {
        return Ok(None);
    };
    let host = reference(variable(container, HOST_IP)?);
    let ranges: Vec<String> = flag
        .value
        .split(',')
        .map(|range| {
            if one_address(range) == Some(address) {
                range.replacen(address, &host, 1)
            } else {
                range.to_owned()
            }
        })
        .collect();
    Ok(Some(flag.set(&ranges.join(","))?))
}

/// A variable that comes from a field.
pub(super) fn variable_from(name: &str, field: Field) -> Value {
    let source = Value::map([(
        "fieldRef",
        Value::map([("fieldPath", Value::str(field.path))]),
    )]);
    Value::map([("name", Value::str(name)), ("valueFrom", source)])
}

/// Makes `--hostname-override` the name of the node.
pub(super) fn set_node_name(container: Node<'_>) -> Result<Option<Edit>, NoFix> {
    let Some(call) = call(container) else {
        return Ok(None);
    };
    let value = reference(variable(container, NODE_NAME)?);
    Ok(match call.flag("hostname-override") {
        Some(flag) => Some(flag.set(&value)?),
        None => call
            .add(&format!("--hostname-override={value}"))
            .transpose()?,
    })
}

/// Makes the address in a bind flag the address of the host.
pub(super) fn set_address(
    container: Node<'_>,
    name: &str,
    host: &str,
) -> Result<Option<Edit>, NoFix> {
    let Some(flag) = call(container).and_then(|call| call.flag(name)) else {
        return Ok(None);
    };
    let value = flag
        .value
        .replacen(host, &reference(variable(container, HOST_IP)?), 1);
    Ok(Some(flag.set(&value)?))
}

/// Gives the container the variable for `field`, unless it has one.
pub(super) fn add_variable(container: Node<'_>, field: Field) -> Result<Option<Edit>, NoFix> {
    let name = variable(container, field)?;
    let entry = || variable_from(name, field);
    let Some(env) = container.get("env") else {
        let after = ["command", "args"]
            .iter()
            .filter_map(|key| container.get(key))
            .max_by_key(|n| n.position());
        let place = after.map_or(Place::Last, Place::After);
        return Ok(Some(container.insert(
            place,
            "env",
            &Value::Seq(vec![entry()]),
        )?));
    };
    match env
        .items()
        .find(|e| e.get("name").and_then(Node::text) == Some(name))
    {
        None => Ok(Some(env.push(Place::Last, &entry())?)),
        Some(_) => Ok(None),
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
    if entries().any(|e| e.get("name").and_then(Node::text) == Some(field.variable)) {
        return Err(NoFix::new(
            Code::EnvTaken,
            format!(
                "variable {} of the container holds something else than {}, which it is to hold: \
                 give it another name",
                field.variable, field.path
            ),
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

/// Whether a value is a variable that the kubelet fills from a field of the pod.
fn from_field(container: Node<'_>, call: &Call<'_>, value: &str) -> bool {
    let mut entries = container.get("env").into_iter().flat_map(Node::items);
    let named = |e: Node<'_>, name: &str| e.get("name").and_then(Node::text) == Some(name);
    variable_name(call, value)
        .is_some_and(|name| entries.any(|e| named(e, name) && field_path(e).is_some()))
}

/// The variable that a value consists of; a shell knows `$(NAME)`, which the kubelet replaces, as
/// `$NAME` too.
fn variable_name<'v>(call: &Call<'_>, value: &'v str) -> Option<&'v str> {
    let inner =
        |open: &str, close: &str| value.strip_prefix(open).and_then(|v| v.strip_suffix(close));
    inner("$(", ")").or_else(|| {
        call.shell
            .then(|| inner("${", "}").or_else(|| value.strip_prefix('$')))
            .flatten()
    })
}
