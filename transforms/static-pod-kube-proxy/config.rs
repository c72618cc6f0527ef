//! What the pods of the DaemonSet read and run as, where the options ask for it: a ServiceAccount
//! that may do what kube-proxy does, a kubeconfig with the stated API server, and the flags as a
//! `KubeProxyConfiguration`, both in one ConfigMap whose hash stands on the pod template.

use std::fmt::Write as _;

use kubewright_model::finding::NoFix;
use kubewright_model::text::Text;
use kubewright_model::yaml::{Node, Place, Value};

use super::codes::Code;
use super::command::Call;
use super::convert::{Wanted, container, remove_flag};
use super::draft::Draft;
use super::flags::{self, BIND, NODE_PORTS};
use super::fleet::Role;
use crate::missing_config_hash;

/// The ServiceAccount, as kubeadm and the add-on name it.
pub(super) const ACCOUNT: &str = "kube-proxy";
/// Where tokens and the certificate of the API server are in a container.
const TOKENS: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
/// Directories for the ConfigMap, the first of which is free.
const DIRECTORIES: &[&str] = &["/var/lib/kube-proxy", "/etc/kube-proxy", "/kube-proxy"];
/// The oldest version that reads `kubeproxy.config.k8s.io/v1alpha1` and minds `--hostname-override`
/// beside it.
const CONFIG_SINCE: u32 = 12;

/// How a flag is written in the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Number,
    Bool,
    List,
    Gates,
}

/// Flags and their fields (`pkg/proxy/apis/config`, `cmd/kube-proxy/app/options.go`).
const FIELDS: &[(&str, &str, Kind)] = &[
    ("bind-address", "bindAddress", Kind::Text),
    ("cluster-cidr", "clusterCIDR", Kind::Text),
    ("config-sync-period", "configSyncPeriod", Kind::Text),
    ("detect-local-mode", "detectLocalMode", Kind::Text),
    ("feature-gates", "featureGates", Kind::Gates),
    ("healthz-bind-address", "healthzBindAddress", Kind::Text),
    ("metrics-bind-address", "metricsBindAddress", Kind::Text),
    ("nodeport-addresses", "nodePortAddresses", Kind::List),
    ("oom-score-adj", "oomScoreAdj", Kind::Number),
    ("profiling", "enableProfiling", Kind::Bool),
    ("proxy-mode", "mode", Kind::Text),
    ("kube-api-burst", "clientConnection.burst", Kind::Number),
    (
        "kube-api-content-type",
        "clientConnection.contentType",
        Kind::Text,
    ),
    ("kubeconfig", "clientConnection.kubeconfig", Kind::Text),
    ("kube-api-qps", "clientConnection.qps", Kind::Number),
    (
        "conntrack-max-per-core",
        "conntrack.maxPerCore",
        Kind::Number,
    ),
    ("conntrack-min", "conntrack.min", Kind::Number),
    (
        "conntrack-tcp-timeout-close-wait",
        "conntrack.tcpCloseWaitTimeout",
        Kind::Text,
    ),
    (
        "conntrack-tcp-timeout-established",
        "conntrack.tcpEstablishedTimeout",
        Kind::Text,
    ),
    ("masquerade-all", "iptables.masqueradeAll", Kind::Bool),
    (
        "iptables-masquerade-bit",
        "iptables.masqueradeBit",
        Kind::Number,
    ),
    (
        "iptables-min-sync-period",
        "iptables.minSyncPeriod",
        Kind::Text,
    ),
    ("iptables-sync-period", "iptables.syncPeriod", Kind::Text),
    ("ipvs-exclude-cidrs", "ipvs.excludeCIDRs", Kind::List),
    ("ipvs-min-sync-period", "ipvs.minSyncPeriod", Kind::Text),
    ("ipvs-scheduler", "ipvs.scheduler", Kind::Text),
    ("ipvs-strict-arp", "ipvs.strictARP", Kind::Bool),
    ("ipvs-sync-period", "ipvs.syncPeriod", Kind::Text),
];
/// Flags that count beside `--config`: of logs, the name of the node, and the API server.
const BESIDE: &[&str] = &[
    "alsologtostderr",
    "hostname-override",
    "log-backtrace-at",
    "log-dir",
    "log-file",
    "log-file-max-size",
    "log-flush-frequency",
    "logging-format",
    "logtostderr",
    "master",
    "one-output",
    "skip-headers",
    "skip-log-headers",
    "stderrthreshold",
    "v",
    "vmodule",
];

/// What goes before the DaemonSet.
#[derive(Debug, Default)]
pub(super) struct Objects {
    /// Documents, each with a `---` behind it.
    pub(super) documents: String,
    /// The hash of the ConfigMap.
    pub(super) hash: Option<String>,
}

fn refuse(code: Code, text: impl Into<Text>) -> NoFix {
    NoFix::new(code, text)
}

/// Changes the pod as the options ask for it, and writes the objects that it needs.
pub(super) fn put(
    draft: &mut Draft,
    wanted: &Wanted<'_>,
    notes: &mut Vec<Text>,
) -> Result<Objects, NoFix> {
    let settings = wanted.settings;
    if !settings.service_account && !settings.config_map {
        return Ok(Objects::default());
    }
    if draft.text().trim_start().starts_with('{') {
        return Err(refuse(
            Code::ConfigMap,
            "the pod is JSON, and the objects beside the DaemonSet are written as documents of a \
             YAML file; convert the pod to YAML first",
        ));
    }
    let directory = free_directory(draft.root()?)?;
    let mut data: Vec<(&str, String)> = Vec::new();
    let mut documents = String::new();
    if settings.config_map {
        let configured = configuration(draft, wanted, directory)?;
        data.push(("config.conf", configured));
        notes.push(
            "the flags stand in ConfigMap kube-proxy: a change of it restarts the pods through \
             the hash on the template, which kubewright keeps up"
                .into(),
        );
    }
    if settings.service_account {
        let server = server(wanted)?;
        account(draft, wanted, directory)?;
        data.push(("kubeconfig.conf", kubeconfig(server)));
        // The file of the other DaemonSet has it already.
        if wanted.role != Role::ControlPlane {
            documents.push_str(&rbac(wanted));
        }
        notes.push(
            "kube-proxy is ServiceAccount kube-proxy now, bound to ClusterRole \
             system:node-proxier; volumes for the kubeconfig of the node stay as they are, take \
             out those that nothing else needs"
                .into(),
        );
    }
    data.sort_by_key(|(key, _)| *key);
    let volume = volume_name(draft.root()?);
    mount(draft, wanted, directory, volume)?;
    documents.push_str(&config_map(wanted.role.name(), &data));
    Ok(Objects {
        documents,
        hash: Some(missing_config_hash::hash_of(&data)),
    })
}

fn server<'a>(wanted: &Wanted<'a>) -> Result<&'a str, NoFix> {
    match wanted.settings.api_server.as_deref() {
        Some(server) if server.starts_with("https://") => Ok(server),
        Some(server) => Err(refuse(
            Code::ServiceAccount,
            format!(
                "api-server is {server}, and a token is sent to an API server with TLS alone; \
                 state its https address"
            ),
        )),
        None => Err(refuse(
            Code::ServiceAccount,
            "a ServiceAccount needs the address of the API server, and that of Service kubernetes \
             works only after kube-proxy does; state api-server in \
             [transforms.static-pod-kube-proxy]",
        )),
    }
}

/// The call in the container, which is known to be readable by now.
fn call(root: Node<'_>) -> Option<Call<'_>> {
    container(root).and_then(flags::call)
}

/// The first directory that is neither below nor above a mount.
fn free_directory(root: Node<'_>) -> Result<&'static str, NoFix> {
    let mounts = container(root)
        .and_then(|c| c.get("volumeMounts"))
        .into_iter()
        .flat_map(Node::items);
    let paths: Vec<String> = mounts
        .filter_map(|m| m.get("mountPath")?.text())
        .map(|path| format!("{}/", path.trim_end_matches('/')))
        .collect();
    let free = |directory: &&&str| {
        let own = format!("{directory}/");
        !paths
            .iter()
            .any(|path| path.starts_with(&own) || own.starts_with(path.as_str()))
    };
    DIRECTORIES.iter().find(free).copied().ok_or_else(|| {
        refuse(
            Code::ConfigMap,
            format!(
                "{} are mounted over already, and no other directory is known for the ConfigMap",
                DIRECTORIES.join(", ")
            ),
        )
    })
}

fn volume_name(root: Node<'_>) -> &'static str {
    let taken = |name: &str| {
        let mut volumes = root
            .path(&["spec", "volumes"])
            .into_iter()
            .flat_map(Node::items);
        volumes.any(|v| v.get("name").and_then(Node::text) == Some(name))
    };
    if taken("kube-proxy-config") {
        "kubewright-kube-proxy-config"
    } else {
        "kube-proxy-config"
    }
}

/// The kubeconfig of the ServiceAccount in the place of that of the node.
fn account(draft: &mut Draft, wanted: &Wanted<'_>, directory: &str) -> Result<(), NoFix> {
    let path = format!("{directory}/kubeconfig.conf");
    while draft.step(|root| remove_flag(root, "master"))? {}
    if wanted.settings.config_map {
        return Ok(());
    }
    if call(draft.root()?).is_some_and(|call| call.flag("config").is_some()) {
        return Err(refuse(
            Code::ServiceAccount,
            "the file of --config says where the kubeconfig is, and it lies on the nodes; write \
             flags, or set clientConnection.kubeconfig there by hand",
        ));
    }
    draft.step(|root| {
        let Some(call) = call(root) else {
            return Ok(None);
        };
        Ok(match call.flag("kubeconfig") {
            Some(flag) => Some(flag.set(&path)?),
            None => call.add(&format!("--kubeconfig={path}")).transpose()?,
        })
    })?;
    Ok(())
}

/// Takes the flags that have a field out of the command, and writes the file that stands for them.
fn configuration(draft: &mut Draft, wanted: &Wanted<'_>, directory: &str) -> Result<String, NoFix> {
    if wanted.target.is_before(CONFIG_SINCE) {
        return Err(refuse(
            Code::KubernetesVersion,
            format!(
                "config-map needs Kubernetes 1.{CONFIG_SINCE}, before which --hostname-override \
                 does nothing beside --config; this is {}",
                wanted.target.name()
            ),
        ));
    }
    let mut values: Vec<(&str, String)> = Vec::new();
    {
        let Some(call) = call(draft.root()?) else {
            return Err(refuse(Code::ConfigMap, "the command cannot be read"));
        };
        for flag in call.flags() {
            let name = flag.name.as_str();
            if BESIDE.contains(&name) {
                continue;
            }
            let field = FIELDS.iter().find(|(flag, ..)| *flag == name);
            let Some((_, field, kind)) = field else {
                return Err(refuse(Code::ConfigMap, unknown(name)));
            };
            if flag.value.contains(['$', '`']) {
                let own = BIND.contains(&name) || name == NODE_PORTS;
                let what = if own {
                    "the address of each node"
                } else {
                    "filled in where it starts"
                };
                return Err(refuse(
                    Code::ConfigMap,
                    format!(
                        "--{name} is {what}, and a ConfigMap says the same on all nodes; write \
                         what is right on every node, such as 0.0.0.0"
                    ),
                ));
            }
            let rendered = rendered(name, flag.value, *kind)?;
            values.retain(|(f, _)| f != field);
            values.push((field, rendered));
        }
    }
    let file = format!("{directory}/config.conf");
    if wanted.settings.service_account {
        let path = json(&format!("{directory}/kubeconfig.conf"));
        values.retain(|(field, _)| *field != "clientConnection.kubeconfig");
        values.push(("clientConnection.kubeconfig", path));
    }
    for (name, ..) in FIELDS {
        while draft.step(|root| remove_flag(root, name))? {}
    }
    draft.step(|root| {
        let added = call(root).and_then(|call| call.add(&format!("--config={file}")));
        Ok(added.transpose()?)
    })?;
    Ok(file_of(&values))
}

fn unknown(name: &str) -> String {
    if name == "config" {
        return "kube-proxy has a --config already, whose file is on the nodes: put that file \
                into a ConfigMap by hand, or leave config-map off"
            .to_owned();
    }
    format!(
        "--{name} has no field in KubeProxyConfiguration that is known here; take it out, or \
         leave config-map off"
    )
}

fn json(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// The value of a flag as a value of YAML.
fn rendered(name: &str, value: &str, kind: Kind) -> Result<String, NoFix> {
    let wrong = || {
        refuse(
            Code::ConfigMap,
            format!(
                "--{name}={value} is no value of KubeProxyConfiguration; mend it, or leave \
                 config-map off"
            ),
        )
    };
    let items = || {
        value
            .split(',')
            .map(str::trim)
            .filter(|item| !item.is_empty())
    };
    let truth = |text: &str| match text {
        "" | "true" | "1" | "t" | "T" | "TRUE" | "True" => Some("true"),
        "false" | "0" | "f" | "F" | "FALSE" | "False" => Some("false"),
        _ => None,
    };
    Ok(match kind {
        Kind::Text => json(value),
        Kind::Number => value.parse::<i32>().map_err(|_| wrong())?.to_string(),
        Kind::Bool => truth(value).ok_or_else(wrong)?.to_owned(),
        Kind::List => format!("[{}]", items().map(json).collect::<Vec<_>>().join(", ")),
        Kind::Gates => {
            let gates = items().map(|gate| {
                let (gate, on) = gate.split_once('=')?;
                Some(format!("{}: {}", json(gate), truth(on)?))
            });
            let gates: Option<Vec<String>> = gates.collect();
            format!("{{{}}}", gates.ok_or_else(wrong)?.join(", "))
        }
    })
}

/// The text of a `KubeProxyConfiguration`.
fn file_of(values: &[(&str, String)]) -> String {
    let mut out = String::from(
        "apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\n",
    );
    let mut section = "";
    // The table has the fields without a section first, and each section in one run.
    for (_, field, _) in FIELDS {
        let Some((_, value)) = values.iter().find(|(f, _)| f == field) else {
            continue;
        };
        let _ = match field.split_once('.') {
            None => writeln!(out, "{field}: {value}"),
            Some((of, field)) => {
                if of != section {
                    let _ = writeln!(out, "{of}:");
                    section = of;
                }
                writeln!(out, "  {field}: {value}")
            }
        };
    }
    out
}

fn kubeconfig(server: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Config\nclusters:\n- name: default\n  cluster:\n    \
         certificate-authority: {TOKENS}/ca.crt\n    server: {}\ncontexts:\n- name: default\n  \
         context:\n    cluster: default\n    namespace: default\n    user: \
         default\ncurrent-context: default\nusers:\n- name: default\n  user:\n    tokenFile: \
         {TOKENS}/token\n",
        json(server)
    )
}

/// The ServiceAccount and what it may do.
fn rbac(wanted: &Wanted<'_>) -> String {
    format!(
        "apiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: {ACCOUNT}\n  namespace: \
         kube-system\n---\napiVersion: {}\nkind: ClusterRoleBinding\nmetadata:\n  name: \
         system:kube-proxy\nsubjects:\n- kind: ServiceAccount\n  name: {ACCOUNT}\n  namespace: \
         kube-system\nroleRef:\n  apiGroup: rbac.authorization.k8s.io\n  kind: ClusterRole\n  \
         name: system:node-proxier\n---\n",
        wanted.target.rbac()
    )
}

fn config_map(name: &str, data: &[(&str, String)]) -> String {
    let mut out = format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\n  namespace: kube-system\n  \
         labels:\n    k8s-app: kube-proxy\ndata:\n"
    );
    for (key, text) in data {
        let _ = writeln!(out, "  {key}: |");
        for line in text.lines() {
            let _ = writeln!(out, "    {line}");
        }
    }
    out.push_str("---\n");
    out
}

/// Mounts the ConfigMap, all of its keys.
fn mount(draft: &mut Draft, wanted: &Wanted<'_>, directory: &str, name: &str) -> Result<(), NoFix> {
    let volume = Value::map([
        ("name", Value::str(name)),
        (
            "configMap",
            Value::map([("name", Value::str(wanted.role.name()))]),
        ),
    ]);
    let mount = Value::map([
        ("name", Value::str(name)),
        ("mountPath", Value::str(directory)),
        ("readOnly", Value::Bool(true)),
    ]);
    draft.step(|root| {
        let Some(container) = container(root) else {
            return Ok(None);
        };
        Ok(Some(
            match container.get("volumeMounts").filter(|m| m.is_sequence()) {
                Some(mounts) => mounts.push(Place::Last, &mount)?,
                None => container.insert(
                    Place::Last,
                    "volumeMounts",
                    &Value::Seq(vec![mount.clone()]),
                )?,
            },
        ))
    })?;
    draft.step(|root| {
        let Some(spec) = root.get("spec") else {
            return Ok(None);
        };
        Ok(Some(
            match spec.get("volumes").filter(|v| v.is_sequence()) {
                Some(volumes) => volumes.push(Place::Last, &volume)?,
                None => spec.insert(Place::Last, "volumes", &Value::Seq(vec![volume.clone()]))?,
            },
        ))
    })?;
    Ok(())
}
