//! The order in which a cluster is moved over, as a page.
//!
//! [`Move`] holds what the order depends on, whether the DaemonSets are written already or not;
//! [`super::script`] makes a script of the same.

use std::fmt::Write as _;

use kubewright_model::finding::NoFix;
use kubewright_model::text;
use kubewright_model::text::{Path, Text};
use kubewright_model::yaml::Node;

use super::convert::GATE;
use super::finding::{Case, unique};
use super::fleet::Part;
use super::fleet::Role;
use super::recognise::proxy;
use super::version::Target;
use super::{kustomize, remarks};

/// How texts with paths are shown where the reader stands.
pub(super) type Shown<'a> = &'a dyn Fn(&Text) -> String;

/// A pod as the API server shows it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Mirror {
    pub(super) namespace: String,
    /// Its name, with `<node>` for that of the node.
    pub(super) name: String,
}

/// What the order of the move depends on.
#[derive(Debug)]
pub(super) struct Move<'a> {
    /// The files of the static pods.
    pub(super) pods: Vec<&'a str>,
    /// Those of them with other resources, which have to stay on the nodes.
    pub(super) shared: Vec<&'a str>,
    /// The mirror pods.
    pub(super) mirrors: Vec<Mirror>,
    /// The container.
    pub(super) container: String,
    /// The label `k8s-app` of the pods of the DaemonSets.
    pub(super) app: String,
    /// The DaemonSets and their files.
    pub(super) sets: Vec<(Role, String)>,
    /// Whether these files are there.
    pub(super) written: bool,
    /// Whether the DaemonSet stands in the file of the pod.
    pub(super) replaced: bool,
    /// Whether the DaemonSets wait for the gate label.
    pub(super) gate: bool,
    /// The version of Kubernetes.
    pub(super) version: Target,
    /// Paths on the node that the pods need.
    pub(super) needs: Vec<String>,
    faults: Vec<Text>,
    changes: Vec<Text>,
    protection: Option<Text>,
    kustomizations: Vec<&'a str>,
    /// The command that prints this plan.
    pub(super) command: Text,
}

/// What keeps the new pods from starting, and what is different with them.
fn remarks_of(
    case: &Case<'_>,
    parts: &[Part<'_>],
    sets: &[(Role, String)],
    files: &[kubewright_model::kube::FileId],
) -> (Vec<Text>, Vec<Text>) {
    let workspace = case.workspace();
    let mut faults = Vec::new();
    let mut changes = Vec::new();
    for part in parts {
        let said = case.remarks(part);
        faults.extend(said.faults);
        changes.extend(part.converted.notes.clone());
        changes.extend(said.notes);
        let lost = part.converted.lost.iter();
        changes.extend(lost.map(|c| text!["comment of a removed line: ", c]));
        let about = part.about.iter();
        changes.extend(about.map(|c| text!["comment about the static pod, left out: ", c]));
    }
    changes.extend(case.texts.iter().map(|inside| {
        text![
            Path(&inside.file.path),
            " has another kube-proxy inside a text (",
            &inside.place,
            "): nodes that are set up with it run that one"
        ]
    }));
    for (_, file) in sets.iter().filter(|_| !case.settings().replace) {
        let Ok((_, left)) = kustomize::entries(workspace, files, file) else {
            continue;
        };
        changes.extend(left.iter().map(|kustomization| {
            text![
                Path(kustomization),
                " lists the pod and not the DaemonSet: it is in another directory, or would get \
                 another name or namespace there; list ",
                Path(file),
                " where it gets neither"
            ]
        }));
    }
    (faults, changes)
}

impl<'a> Move<'a> {
    /// The move of the pods of a case.
    pub(super) fn of(case: &Case<'a>, first: Node<'a>) -> Result<Self, NoFix> {
        let workspace = case.workspace();
        let written = case.written();
        let parts = if written.is_empty() {
            case.parts()?
        } else {
            // What becomes different is told by a conversion as it would be today.
            super::fleet::parts(workspace, &case.copies, case.cx.settings).unwrap_or_default()
        };
        let sets: Vec<(Role, String)> = if written.is_empty() {
            let file = |part: &Part<'_>| match part.copies.first() {
                Some(first) if case.settings().replace => workspace.file(first.file).path.clone(),
                _ => case.file_for(part.role),
            };
            parts.iter().map(|part| (part.role, file(part))).collect()
        } else {
            let role = |role| match role {
                Role::All if written.len() > 1 => Role::Workers,
                role => role,
            };
            written
                .iter()
                .map(|(r, _)| (role(*r), case.file_for(*r)))
                .collect()
        };
        let nodes: Vec<Node<'a>> = case
            .copies
            .iter()
            .filter_map(|p| workspace.node(p.id))
            .collect();
        let mut files: Vec<_> = case.copies.iter().map(|pod| pod.file).collect();
        files.sort_unstable();
        files.dedup();
        let shared = files.iter().filter(|file| {
            let all = workspace.resources().iter().filter(|r| r.file == **file);
            let own = case.copies.iter().filter(|r| r.file == **file);
            all.count() > own.count()
        });
        let mut mirrors: Vec<Mirror> = nodes.iter().map(|pod| mirror(*pod)).collect();
        mirrors.sort();
        mirrors.dedup();
        let (faults, changes) = remarks_of(case, &parts, &sets, &files);
        let gate = match written.as_slice() {
            [] => case.settings().gate_label,
            sets => sets.iter().any(|(_, set)| case.is_gated(set)),
        };
        let version = case.version();
        let path = |file: &kubewright_model::kube::FileId| workspace.file(*file).path.as_str();
        let mut needs: Vec<String> = nodes
            .iter()
            .flat_map(|pod| remarks::needs(*pod, case.settings()))
            .collect();
        needs.sort();
        needs.dedup();
        Ok(Self {
            pods: files.iter().map(path).collect(),
            shared: shared.map(path).collect(),
            mirrors,
            container: proxy(first)
                .and_then(|c| c.get("name")?.text())
                .unwrap_or("kube-proxy")
                .to_owned(),
            app: first
                .path(&["metadata", "labels", "k8s-app"])
                .and_then(Node::text)
                .unwrap_or("kube-proxy")
                .to_owned(),
            sets,
            written: !written.is_empty(),
            replaced: written.is_empty() && case.settings().replace,
            gate,
            needs,
            faults: unique(faults),
            changes: unique(changes),
            protection: remarks::protection(first, &version),
            kustomizations: kustomize::listing(workspace, &files)
                .map(|k| path(&k.file))
                .collect(),
            command: case.plan_command(),
            version,
        })
    }

    /// The names of the DaemonSets.
    pub(super) fn names(&self) -> Vec<&'static str> {
        self.sets.iter().map(|(role, _)| role.name()).collect()
    }

    /// `-f a -f b`.
    pub(super) fn applied(&self, shown: Shown<'_>) -> String {
        let files = self
            .sets
            .iter()
            .map(|(_, file)| format!("-f {}", word(&shown(&Path(file).into()))));
        files.collect::<Vec<_>>().join(" ")
    }

    /// How to look for a container that is left on a node.
    fn left(&self) -> String {
        if self.version.is_before(20) {
            format!("docker ps --filter name=k8s_{}_", self.container)
        } else {
            format!("crictl ps --name {}", self.container)
        }
    }

    /// The plan as Markdown.
    pub(super) fn page(&self, shown: Shown<'_>) -> String {
        let path = |p: &str| format!("`{}`", shown(&Path(p).into()));
        let all = |paths: Vec<&str>| paths.into_iter().map(path).collect::<Vec<_>>().join(", ");
        let mut out = String::from("# Moving kube-proxy from a static pod to a DaemonSet\n\n");
        let files: Vec<&str> = self.sets.iter().map(|(_, file)| file.as_str()).collect();
        let _ = writeln!(
            out,
            "From {} to {}, one node after the other. `{} --script` prints the same as a script, \
             which stops before each step.\n",
            all(self.pods.clone()),
            all(files),
            shown(&self.command)
        );
        let section = |out: &mut String, title: &str, texts: &[Text]| {
            if texts.is_empty() {
                return;
            }
            let _ = writeln!(out, "## {title}\n");
            for text in texts {
                let _ = writeln!(out, "- {}", shown(text));
            }
            out.push('\n');
        };
        section(&mut out, "To be mended first", &self.faults);
        section(
            &mut out,
            "What changes, and what has to be true",
            &self.changes,
        );
        let protection: Vec<Text> = self.protection.clone().into_iter().collect();
        section(&mut out, "Instead", &protection);
        out.push_str(&self.before(shown));
        out.push_str("## Steps\n\n");
        for (at, step) in self.steps(shown).iter().enumerate() {
            let _ = writeln!(out, "{}. {step}", at + 1);
        }
        out.push('\n');
        out.push_str(&self.after());
        out
    }

    fn before(&self, shown: Shown<'_>) -> String {
        let mut out = String::from("## Look before\n\n");
        let mut line = |text: &str| {
            let _ = writeln!(out, "- {text}");
        };
        line("`kubectl config current-context`: the cluster that is meant");
        line(
            "`kubectl get nodes`: all `Ready`. Nodes without a kube-proxy of their own (Cilium in \
             its place, virtual kubelets) are left out below",
        );
        line(&format!(
            "once it is written, `kubectl apply --dry-run=server {}`: the API server takes it",
            self.applied(shown)
        ));
        line(
            "`kubectl get namespace kube-system --show-labels`: no \
             `pod-security.kubernetes.io/enforce` below `privileged`",
        );
        for need in &self.needs {
            line(&format!("on each node, `test -e {}`", word(need)));
        }
        if self.sets.len() > 1 {
            let label = self.version.control_plane_label();
            line(&format!(
                "`kubectl get nodes -L {label}`: every node of the control plane has this label \
                 and no other has it, for it decides which of the DaemonSets a node gets; `kubectl \
                 label node NODE {label}=` sets it"
            ));
        }
        out.push('\n');
        out
    }

    /// The steps, each as Markdown.
    fn steps(&self, shown: Shown<'_>) -> Vec<String> {
        let mut steps = Vec::new();
        if !self.written {
            let path = shown(&self.command);
            let path = path.rsplit_once("--plan ").map_or(".", |(_, path)| path);
            steps.push(format!(
                "Where the DaemonSet is not written yet: `kubewright fix --write \
                 --unsafe-fixes=static-pod-kube-proxy {path}`."
            ));
        }
        let copies = if self.replaced {
            " The file is a DaemonSet now: a node that it is copied to has no kube-proxy."
        } else {
            ""
        };
        steps.push(format!(
            "Stop whatever copies the static manifest to nodes (a role, a machine configuration, \
             an image), else it comes back after step {}.{copies}",
            steps.len() + if self.gate { 3 } else { 2 }
        ));
        let apply = format!("`kubectl apply {}`", self.applied(shown));
        let take = self.take(shown);
        let wait = self.wait();
        if self.gate {
            steps.push(format!(
                "{apply}. No pod starts: no node has the label `{GATE}` yet."
            ));
            steps.push(format!("On one node, {take}"));
            steps.push(wait);
            steps.push(format!(
                "`kubectl label node NODE {GATE}=true`: the DaemonSet's pod starts. Look at it \
                 (below), then repeat the last three steps for the next node. Never label a node \
                 whose static pod still runs: two kube-proxies on one node rewrite the same rules."
            ));
            let removal = self.names().into_iter().map(|name| {
                let path = format!(
                    "/spec/template/spec/nodeSelector/{}",
                    GATE.replace('/', "~1")
                );
                format!(
                    "`kubectl -n kube-system patch daemonset {name} --type=json -p \
                     '[{{\"op\":\"remove\",\"path\":\"{path}\"}}]'`"
                )
            });
            steps.push(format!(
                "After the last node, take the gate away: the line `{GATE}` out of the file, and \
                 out of the cluster ({}). A node that joins later, or whose Node object was \
                 deleted and registers again, has no label and so no kube-proxy. Where there are \
                 nodes that must have none, keep the gate and start the kubelets of the others \
                 with `--node-labels={GATE}=true`; NodeRestriction permits this label.",
                removal.collect::<Vec<_>>().join(", ")
            ));
        } else {
            steps.push(format!("On every node, {take}"));
            steps.push(wait);
            steps.push(format!(
                "{apply}, only when no static pod runs any more: without the gate label a pod \
                 starts on every node at once, and two kube-proxies on one node rewrite the same \
                 rules."
            ));
        }
        steps.push(self.tidy(shown));
        steps
    }

    fn take(&self, shown: Shown<'_>) -> String {
        let mut names: Vec<&str> = self
            .pods
            .iter()
            .map(|p| p.rsplit('/').next().unwrap_or(p))
            .collect();
        names.sort_unstable();
        names.dedup();
        let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
        let shared = if self.shared.is_empty() {
            String::new()
        } else {
            let paths = self
                .shared
                .iter()
                .map(|p| format!("`{}`", shown(&Path(p).into())));
            format!(
                " {} holds other resources as well: take only kube-proxy out of it.",
                paths.collect::<Vec<_>>().join(" and ")
            )
        };
        format!(
            "move the static manifest (here {}) out of the kubelet's `staticPodPath`. Another name \
             in that directory is not enough: the kubelet reads every file that does not begin \
             with a dot. Deleting the mirror pod does nothing.{shared}",
            names.join(" or ")
        )
    }

    fn wait(&self) -> String {
        let gone = self.mirrors.iter().map(|m| {
            format!(
                "`kubectl -n {} get pod {}`",
                m.namespace,
                m.name.replace("<node>", "NODE")
            )
        });
        // Every cluster has these namespaces; in another the mirror pod cannot be made until it
        // exists.
        let other = self
            .mirrors
            .iter()
            .find(|m| !matches!(m.namespace.as_str(), "kube-system" | "default"));
        let absent = other.map_or_else(String::new, |m| {
            format!(
                " Where namespace {} does not exist there is no mirror pod at all: look at the \
                 node.",
                m.namespace
            )
        });
        format!(
            "Wait until its mirror pod is gone ({}) and no container is left on the node (`{}`). \
             The rules of the old kube-proxy stay: connections and Services go on, only changes of \
             endpoints wait.{absent}",
            gone.collect::<Vec<_>>().join(", "),
            self.left()
        )
    }

    fn tidy(&self, shown: Shown<'_>) -> String {
        let path = |p: &&str| format!("`{}`", shown(&Path(p).into()));
        let list = |paths: &[&str]| paths.iter().map(path).collect::<Vec<_>>().join(", ");
        let mut text = if self.replaced {
            "Commit.".to_owned()
        } else if self.shared.is_empty() {
            format!(
                "Delete {}, from what sets nodes up as well.",
                list(&self.pods)
            )
        } else {
            format!(
                "Take the pod out of {}, and out of what sets nodes up as well.",
                list(&self.pods)
            )
        };
        if !self.kustomizations.is_empty() {
            let _ = write!(
                text,
                " {} lists the pod: take that entry out, applied it makes an ordinary Pod.",
                list(&self.kustomizations)
            );
        }
        text.push_str(
            " Never `kubectl apply -f` the directory of a static manifest, which makes an ordinary \
             Pod; keep the DaemonSet in a directory that is applied.",
        );
        text
    }

    fn after(&self) -> String {
        let mut out = String::from("## Look after each node\n\n");
        for name in self.names() {
            let _ = writeln!(
                out,
                "- `kubectl -n kube-system get daemonset {name}`: as many ready as nodes were moved"
            );
        }
        out.push_str(
            "- on the node, one kube-proxy runs (`pgrep -c -f '^([^ ]*/)?kube-proxy '`), and `curl \
             -s 127.0.0.1:10256/healthz` answers\n",
        );
        out.push_str(
            "- a request from that node to any Service is answered: `curl -k \
             https://CLUSTER-IP-OF-kubernetes/version`\n\n",
        );
        out.push_str("## Back\n\n");
        if self.gate {
            let _ = writeln!(
                out,
                "For one node: `kubectl label node NODE {GATE}-`, wait until the DaemonSet's pod \
                 is gone from it, move the manifest back into `staticPodPath`."
            );
        } else {
            let _ = writeln!(
                out,
                "`kubectl -n kube-system delete daemonset {}`, wait until the pods are gone, move \
                 the manifests back into `staticPodPath`.",
                self.names().join(" ")
            );
        }
        out
    }
}

/// A path as a word of a shell.
pub(super) fn word(path: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:@%,".contains(c);
    if !path.is_empty() && path.chars().all(plain) && !path.starts_with('-') {
        return path.to_owned();
    }
    format!("'{}'", path.replace('\'', r"'\''"))
}

/// The pod's mirror: the kubelet appends the name of the node, and a dump has it already. It is in
/// the namespace of the pod, `default` when it names none.
fn mirror(pod: Node<'_>) -> Mirror {
    let namespace = pod.path(&["metadata", "namespace"]).and_then(Node::text);
    let name = pod
        .path(&["metadata", "name"])
        .and_then(Node::text)
        .unwrap_or("kube-proxy");
    let mut owners = pod
        .path(&["metadata", "ownerReferences"])
        .into_iter()
        .flat_map(Node::items);
    let owner = owners
        .find(|o| o.get("kind").and_then(Node::text) == Some("Node"))
        .and_then(|o| o.get("name")?.text());
    let marked = pod
        .path(&["metadata", "annotations", "kubernetes.io/config.mirror"])
        .is_some();
    let node = pod
        .path(&["spec", "nodeName"])
        .and_then(Node::text)
        .or(owner);
    let name = match node.and_then(|node| name.strip_suffix(node)?.strip_suffix('-')) {
        Some(base) => format!("{base}-<node>"),
        None if marked => name.to_owned(),
        None => format!("{name}-<node>"),
    };
    Mirror {
        namespace: namespace.unwrap_or("default").to_owned(),
        name,
    }
}

#[cfg(test)]
mod tests {
    use super::word;

    #[test]
    fn words_of_a_shell() {
        assert_eq!(word("../a/b-c.yaml"), "../a/b-c.yaml");
        assert_eq!(word("a b"), "'a b'");
        assert_eq!(word("it's"), r"'it'\''s'");
    }
}
