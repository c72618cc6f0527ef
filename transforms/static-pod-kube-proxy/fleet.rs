//! Several static kube-proxies of one cluster: copies for nodes and for roles, and the DaemonSets
//! that stand for them.
//!
//! Each copy is converted by itself, which puts the downward API in the place of what belongs to
//! its node. Copies whose DaemonSets are equal then, but for the order of flags, variables and
//! volumes, are one; two kinds of copies that part along control plane and workers are two
//! DaemonSets, which never want the same node. Anything else is refused.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use kubewright_model::finding::NoFix;
use kubewright_model::kube::{Resource, Workspace};
use kubewright_model::text;
use kubewright_model::text::{Path, Text};
use kubewright_model::yaml::{File, Node, Value};

use super::codes::Code;
use super::convert::{self, Converted, Wanted};
use super::options::Options;
use super::recognise::{self, containers, proxy};
use super::version::Target;
use super::{comments, copies, flags, items};
use crate::Settings;

/// The nodes that a DaemonSet is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Role {
    /// All that have the gate label.
    All,
    /// Those that are not of the control plane.
    Workers,
    /// Those of the control plane.
    ControlPlane,
}

impl Role {
    /// The name of its DaemonSet.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::All | Self::Workers => "kube-proxy",
            Self::ControlPlane => "kube-proxy-control-plane",
        }
    }

    /// The value of the label that only its pods carry.
    pub(super) fn label(self) -> &'static str {
        match self {
            Self::All => "daemonset",
            Self::Workers => "workers",
            Self::ControlPlane => "control-plane",
        }
    }
}

/// Words of paths, and what they say of the nodes that get a file.
const CONTROL_PLANE: &[&str] = &[
    "master",
    "masters",
    "controller",
    "controllers",
    "controlplane",
    "controlplanes",
    "control",
];
const WORKERS: &[&str] = &[
    "worker", "workers", "node", "nodes", "minion", "minions", "compute", "agent", "agents",
];
/// Words of paths that part clusters and versions, not the nodes of one cluster.
const APART: &[&str] = &[
    "dev",
    "development",
    "test",
    "testing",
    "qa",
    "uat",
    "stage",
    "staging",
    "prod",
    "production",
    "preprod",
    "sandbox",
    "canary",
    "env",
    "envs",
    "environments",
    "overlays",
    "cluster",
    "clusters",
    "region",
    "old",
    "new",
    "bak",
    "backup",
    "orig",
    "example",
    "examples",
];

/// A DaemonSet to be.
#[derive(Debug)]
pub(super) struct Part<'a> {
    pub(super) role: Role,
    /// The pods it stands for; its text is that of the first.
    pub(super) copies: Vec<&'a Resource>,
    pub(super) converted: Converted,
    /// Comments about the static pod, which it does not have.
    pub(super) about: Vec<String>,
    pub(super) version: Target,
}

/// One copy on its way.
struct Copy<'a> {
    pod: &'a Resource,
    node: Node<'a>,
    path: &'a str,
    /// Why its API server is not there on every node.
    local: Option<NoFix>,
    /// The value of its DaemonSet, in an order of its own.
    value: Value,
    /// Flags and image of its DaemonSet.
    says: BTreeMap<String, String>,
}

/// The DaemonSets that stand for the pods, at least one: workers and all nodes before the control
/// plane.
pub(super) fn parts<'a>(
    workspace: &'a Workspace,
    pods: &[&'a Resource],
    settings: &Settings,
) -> Result<Vec<Part<'a>>, NoFix> {
    if let [pod] = pods {
        let node = workspace.node(pod.id).ok_or_else(gone)?;
        if let Some(reason) = recognise::obstacle(node, &settings.static_pod_kube_proxy) {
            return Err(reason);
        }
        return Ok(vec![part(workspace, Role::All, vec![*pod], settings)?]);
    }
    one_cluster(workspace, pods)?;
    let copies = pods
        .iter()
        .map(|pod| Copy::of(workspace, pod, settings))
        .collect::<Result<Vec<_>, _>>()?;
    let mut kinds: Vec<Vec<&Copy<'a>>> = Vec::new();
    for copy in &copies {
        match kinds
            .iter_mut()
            .find(|kind| kind.first().is_some_and(|c| c.value == copy.value))
        {
            Some(kind) => kind.push(copy),
            None => kinds.push(vec![copy]),
        }
    }
    let wanted: Vec<(Role, &Vec<&Copy<'a>>)> = match kinds.as_slice() {
        [all] => vec![(Role::All, all)],
        [a, b] => match by_role(workspace, a, b) {
            Some(true) => vec![(Role::Workers, b), (Role::ControlPlane, a)],
            Some(false) => vec![(Role::Workers, a), (Role::ControlPlane, b)],
            None => {
                return Err(differ(
                    &kinds,
                    "and nothing says which of them is for which nodes",
                ));
            }
        },
        _ => return Err(differ(&kinds, "in more ways than by the node and its role")),
    };
    if let [(_, a), (_, b)] = wanted.as_slice()
        && image(a) != image(b)
    {
        return Err(differ(
            &kinds,
            "and so do the versions, as in an update that is under way; finish it first",
        ));
    }
    let made = wanted.into_iter().map(|(role, copies)| {
        let local = copies.iter().find_map(|c| c.local.clone());
        if let Some(reason) = local.filter(|_| role != Role::ControlPlane) {
            return Err(reason);
        }
        let mut settings = settings.clone();
        if copies.iter().any(|c| c.local.is_some()) {
            settings.static_pod_kube_proxy.api_server = None;
        }
        let pods = copies.iter().map(|c| c.pod).collect();
        part(workspace, role, pods, &settings)
    });
    made.collect()
}

impl<'a> Copy<'a> {
    fn of(workspace: &'a Workspace, pod: &'a Resource, settings: &Settings) -> Result<Self, NoFix> {
        let path = workspace.file(pod.file).path.as_str();
        let in_file = |reason: NoFix| NoFix {
            text: text![Path(path), ": ", reason.text],
            ..reason
        };
        let node = workspace.node(pod.id).ok_or_else(gone)?;
        let mut settings = settings.clone();
        let local = match recognise::obstacle(node, &settings.static_pod_kube_proxy) {
            Some(reason) if reason.is(Code::LocalApiserver) => {
                settings.static_pod_kube_proxy.api_server = None;
                Some(in_file(reason))
            }
            Some(reason) => return Err(in_file(reason)),
            None => None,
        };
        let made = part(workspace, Role::All, vec![pod], &settings).map_err(in_file)?;
        let file = File::parse(made.converted.text).map_err(|_| gone())?;
        let set = file.root(0).ok_or_else(gone)?;
        let value = set.to_value().ok_or_else(gone)?;
        let template = set.path(&["spec", "template"]);
        Ok(Self {
            pod,
            node,
            path,
            local,
            value: ordered(value),
            says: template.and_then(copies::says).unwrap_or_default(),
        })
    }

    /// What says for which role this copy is.
    fn role(&self, workspace: &Workspace) -> Option<Role> {
        let selector = self.node.path(&["spec", "nodeSelector"]);
        let selects = selector.is_some_and(|s| {
            s.entries().any(|(k, _)| {
                k.text()
                    .is_some_and(|k| k.starts_with("node-role.kubernetes.io/"))
            })
        });
        // A file with the API server's own static pod is one of the control plane.
        let beside = workspace.resources().iter().any(|other| {
            other.file == self.pod.file
                && other.kind == "Pod"
                && workspace.node(other.id).is_some_and(runs_api_server)
        });
        if selects || beside {
            return Some(Role::ControlPlane);
        }
        role_of_path(self.path)
    }
}

/// Whether a pod has an API server in it.
pub(super) fn runs_api_server(pod: Node<'_>) -> bool {
    containers(pod).any(|c| {
        let words = ["command", "args"].into_iter().filter_map(|key| c.get(key));
        words
            .flat_map(Node::items)
            .filter_map(Node::text)
            .take(3)
            .any(|word| {
                word.rsplit('/')
                    .next()
                    .is_some_and(|w| w.contains("apiserver"))
            })
    })
}

/// The role that the last telling word of a path names.
fn role_of_path(path: &str) -> Option<Role> {
    let words: Vec<String> = words(path);
    words.iter().rev().find_map(|word| {
        if CONTROL_PLANE.contains(&word.as_str()) {
            Some(Role::ControlPlane)
        } else {
            WORKERS.contains(&word.as_str()).then_some(Role::Workers)
        }
    })
}

fn words(path: &str) -> Vec<String> {
    path.split(|c: char| !c.is_ascii_alphabetic())
        .filter(|word| !word.is_empty())
        .map(str::to_ascii_lowercase)
        .collect()
}

/// Whether the first kind is that of the control plane and the second that of the workers; `None`
/// where nothing says it.
fn by_role(workspace: &Workspace, a: &[&Copy<'_>], b: &[&Copy<'_>]) -> Option<bool> {
    let roles = |kind: &[&Copy<'_>]| {
        let all: BTreeSet<Option<Role>> = kind.iter().map(|c| c.role(workspace)).collect();
        all
    };
    let only = |roles: &BTreeSet<Option<Role>>, role| roles.iter().all(|r| *r == Some(role));
    let none = |roles: &BTreeSet<Option<Role>>, role| !roles.contains(&Some(role));
    let is = |a: &BTreeSet<_>, b: &BTreeSet<_>| {
        (only(a, Role::ControlPlane) && none(b, Role::ControlPlane))
            || (only(b, Role::Workers) && none(a, Role::Workers))
    };
    let (ra, rb) = (roles(a), roles(b));
    // Only nodes of the control plane answer as an API server on their own address.
    let local = |kind: &[&Copy<'_>]| kind.iter().all(|c| c.local.is_some());
    let remote = |kind: &[&Copy<'_>]| kind.iter().all(|c| c.local.is_none());
    if is(&ra, &rb) {
        Some(true)
    } else if is(&rb, &ra) {
        Some(false)
    } else if local(a) && remote(b) && none(&ra, Role::Workers) {
        Some(true)
    } else if local(b) && remote(a) && none(&rb, Role::Workers) {
        Some(false)
    } else {
        None
    }
}

/// Refuses where nothing says that the pods are of one cluster.
pub(super) fn one_cluster(workspace: &Workspace, pods: &[&Resource]) -> Result<(), NoFix> {
    let paths: Vec<&str> = pods
        .iter()
        .map(|pod| workspace.file(pod.file).path.as_str())
        .collect();
    let common = common_directory(&paths);
    let rests: Vec<&str> = paths
        .iter()
        .map(|path| path.get(common.len()..).unwrap_or(path))
        .collect();
    let refuse = |why: Text| {
        let text = text![
            format!("{} pods run kube-proxy, and ", pods.len()),
            why,
            "; ask for the files of one cluster: `",
            Text::command(text![
                "kubewright fix ",
                Path(paths.first().copied().unwrap_or_default()),
                " --unsafe-fixes=static-pod-kube-proxy"
            ]),
            "`"
        ];
        let mut reason = NoFix::new(Code::SeveralCopies, text);
        reason.more = copies::differences(workspace, pods);
        Err(reason)
    };
    let apart = rests
        .iter()
        .flat_map(|rest| words(rest))
        .find(|word| APART.contains(&word.as_str()));
    if let Some(word) = apart {
        let why = format!("`{word}` in their paths speaks of several clusters or versions");
        return refuse(why.into());
    }
    if rests.iter().all(|rest| !rest.contains('/')) {
        return Ok(());
    }
    let own: Vec<Option<String>> = pods.iter().map(|pod| of_a_node(workspace, pod)).collect();
    let different: BTreeSet<&Option<String>> = own.iter().collect();
    let by_value = different.len() == own.len() && own.iter().all(Option::is_some);
    let told = |(rest, own): (&&str, &Option<String>)| {
        let named = |part: &str| part.parse::<IpAddr>().is_ok() || Some(part) == own.as_deref();
        role_of_path(rest).is_some() || rest.split('/').any(named)
    };
    if by_value || rests.iter().zip(&own).all(told) {
        return Ok(());
    }
    refuse(
        "nothing says that they are of one cluster: no directory is named for a role or a node"
            .into(),
    )
}

/// The name or the address in a pod that one node has.
fn of_a_node(workspace: &Workspace, pod: &Resource) -> Option<String> {
    let pod = workspace.node(pod.id)?;
    let container = proxy(pod)?;
    let name = || pod.path(&["spec", "nodeName"])?.text().map(str::to_owned);
    let address = || flags::literal_addresses(container).pop().map(|(_, a)| a);
    flags::literal_name(container)
        .or_else(name)
        .or_else(address)
}

/// The directory that all paths lie below, with its slash.
pub(super) fn common_directory<'p>(paths: &[&'p str]) -> &'p str {
    let directory = |path: &'p str| {
        path.get(..path.rfind('/').map_or(0, |at| at + 1))
            .unwrap_or("")
    };
    let Some((first, rest)) = paths.split_first() else {
        return "";
    };
    let mut common = directory(first);
    while rest.iter().any(|path| !path.starts_with(common)) {
        common = directory(common.trim_end_matches('/'));
    }
    common
}

/// The path of the file for the DaemonSet of a role: beside the pod that is alone, else in the
/// directory that the copies have in common.
pub(super) fn file_for(paths: &[&str], role: Role) -> String {
    let json = paths
        .iter()
        .all(|path| path.rsplit_once('.').is_some_and(|(_, e)| e == "json"));
    let extension = if json { "json" } else { "yaml" };
    if let [path] = paths {
        let name = path.rsplit('/').next().unwrap_or(path);
        let stem = name
            .rsplit_once('.')
            .map_or(name, |(stem, _)| if stem.is_empty() { name } else { stem });
        let directory = path.get(..path.len() - name.len()).unwrap_or("");
        return format!("{directory}{stem}-daemonset.{extension}");
    }
    format!(
        "{}{}-daemonset.{extension}",
        common_directory(paths),
        role.name()
    )
}

fn part<'a>(
    workspace: &Workspace,
    role: Role,
    copies: Vec<&'a Resource>,
    settings: &Settings,
) -> Result<Part<'a>, NoFix> {
    let pod = *copies.first().ok_or_else(gone)?;
    let text = items::text(workspace, pod)?;
    let version = version(workspace, pod, &settings.static_pod_kube_proxy);
    if let Some(reason) = version.obstacle() {
        return Err(reason);
    }
    let (text, about) = comments::without_static(&text);
    let annotation = settings
        .missing_config_hash
        .annotation_of(kubewright_model::kube::Target::ConfigMap, role.name());
    let wanted = Wanted {
        settings: &settings.static_pod_kube_proxy,
        target: &version,
        role,
        annotation: &annotation,
    };
    let converted = convert::convert(text, &wanted)?;
    Ok(Part {
        role,
        copies,
        converted,
        about,
        version,
    })
}

/// The version of Kubernetes that the DaemonSet of this pod is for.
pub(super) fn version(workspace: &Workspace, pod: &Resource, settings: &Options) -> Target {
    let image = workspace
        .node(pod.id)
        .and_then(proxy)
        .and_then(|c| c.get("image")?.text());
    Target::new(settings.kubernetes_version, image)
}

fn gone() -> NoFix {
    super::no_document("the document is gone")
}

fn image<'a>(kind: &[&Copy<'a>]) -> Option<&'a str> {
    proxy(kind.first()?.node)?.get("image")?.text()
}

/// The refusal for copies that differ, with what differs by file.
fn differ(kinds: &[Vec<&Copy<'_>>], how: &str) -> NoFix {
    let pods: usize = kinds.iter().map(Vec::len).sum();
    let text = format!("{pods} pods run kube-proxy and differ {how}");
    let kinds: Vec<copies::Kind<'_>> = kinds
        .iter()
        .filter_map(|kind| {
            let first = kind.first()?;
            let paths = kind.iter().map(|c| c.path).collect();
            Some((paths, &first.says, &first.value))
        })
        .collect();
    let mut reason = NoFix::new(Code::SeveralCopies, text);
    reason.more = copies::table(&kinds);
    reason
}

/// A value whose lists without an order are in one: flags, variables, volumes and their mounts,
/// tolerations.
fn ordered(value: Value) -> Value {
    fn sort(list: Vec<Value>) -> Vec<Value> {
        let mut list = list;
        list.sort_by_cached_key(|item| format!("{item:?}"));
        list
    }
    fn walk(value: Value, key: &str) -> Value {
        match value {
            Value::Map(entries) => {
                let mut entries: Vec<(String, Value)> = entries
                    .into_iter()
                    .map(|(key, value)| {
                        let value = walk(value, &key);
                        (key, value)
                    })
                    .collect();
                entries.sort_by(|a, b| a.0.cmp(&b.0));
                Value::Map(entries)
            }
            Value::Seq(items) => {
                let items: Vec<Value> = items.into_iter().map(|item| walk(item, "")).collect();
                Value::Seq(match key {
                    "env" | "volumes" | "volumeMounts" | "tolerations" | "ports" => sort(items),
                    "command" | "args" => flags_sorted(items),
                    _ => items,
                })
            }
            other => other,
        }
    }
    /// Words that are flags with their values, behind the program, in an order of their own; others
    /// stay.
    fn flags_sorted(items: Vec<Value>) -> Vec<Value> {
        let is_flag =
            |item: &Value| matches!(item, Value::Str(s) if s.starts_with("--") && s.contains('='));
        let first = items.iter().position(is_flag).unwrap_or(items.len());
        let mut items = items;
        let rest = items.split_off(first);
        if rest.iter().all(is_flag) {
            items.extend(sort(rest));
        } else {
            items.extend(rest);
        }
        items
    }
    walk(value, "")
}

#[cfg(test)]
mod tests {
    use super::{Role, common_directory, file_for, role_of_path};

    #[test]
    fn roles_of_paths() {
        for (path, role) in [
            ("manifests/master-proxy.yaml", Some(Role::ControlPlane)),
            ("nodes/master-1/kube-proxy.yaml", Some(Role::ControlPlane)),
            ("control-plane/kube-proxy.yaml", Some(Role::ControlPlane)),
            ("master/nodes/kube-proxy.yaml", Some(Role::Workers)),
            ("manifests/node-proxy.yaml", Some(Role::Workers)),
            ("manifests/kube-proxy.yaml", None),
        ] {
            assert_eq!(role_of_path(path), role, "{path}");
        }
    }

    #[test]
    fn where_daemon_sets_go() {
        assert_eq!(common_directory(&["a/b/x.yaml", "a/bc/x.yaml"]), "a/");
        assert_eq!(common_directory(&["b/x.yaml", "x.yaml"]), "");
        assert_eq!(
            file_for(&["a/kube-proxy.manifest"], Role::All),
            "a/kube-proxy-daemonset.yaml"
        );
        assert_eq!(
            file_for(&["a/1/p.json", "a/2/p.json"], Role::ControlPlane),
            "a/kube-proxy-control-plane-daemonset.json"
        );
    }
}
