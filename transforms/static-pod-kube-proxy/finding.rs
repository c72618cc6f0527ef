//! What is said of the static kube-proxies of a cluster, and the fix: the DaemonSets beside them or
//! in their place.

use kubewright_model::finding::{Applicability, Change, Finding, Fix, Location, NoFix, Severity};
use kubewright_model::kube::{FileId, Resource, SourceFile, Workspace};
use kubewright_model::text;
use kubewright_model::text::{Path, Text};
use kubewright_model::yaml::Node;

use super::codes::Code;
use super::fleet::{self, Part, Role};
use super::options::Options;
use super::version::Target;
use super::{
    META, comments, config, convert, copies, in_place, inside, items, kustomize, owner, plan,
    recognise, remarks,
};
use crate::Context;

/// The static pods that stand for one kube-proxy, and all else that runs kube-proxy in the
/// workspace.
pub(super) struct Case<'a> {
    pub(super) cx: &'a Context<'a>,
    /// The first of the static pods.
    pub(super) pod: &'a Resource,
    /// All of them.
    pub(super) copies: Vec<&'a Resource>,
    /// All pods that run kube-proxy.
    pub(super) pods: &'a [&'a Resource],
    pub(super) sets: &'a [&'a Resource],
    pub(super) texts: &'a [inside::Inside<'a>],
}

impl<'a> Case<'a> {
    /// The case of these static pods; `None` when there are none.
    pub(super) fn new(
        cx: &'a Context<'a>,
        copies: Vec<&'a Resource>,
        pods: &'a [&'a Resource],
        sets: &'a [&'a Resource],
        texts: &'a [inside::Inside<'a>],
    ) -> Option<Self> {
        Some(Self {
            cx,
            pod: copies.first()?,
            copies,
            pods,
            sets,
            texts,
        })
    }

    pub(super) fn workspace(&self) -> &'a Workspace {
        self.cx.workspace
    }

    pub(super) fn settings(&self) -> &'a Options {
        &self.cx.settings.static_pod_kube_proxy
    }

    fn file(&self) -> &'a SourceFile {
        self.workspace().file(self.pod.file)
    }

    /// Whether the DaemonSet takes the place of the pod.
    fn replaces(&self) -> bool {
        self.settings().replace || self.workspace().options().stream
    }

    fn paths(&self) -> Vec<&'a str> {
        let path = |pod: &&'a Resource| self.workspace().file(pod.file).path.as_str();
        self.copies.iter().map(path).collect()
    }

    /// The file for the DaemonSet of a role.
    pub(super) fn file_for(&self, role: Role) -> String {
        fleet::file_for(&self.paths(), role)
    }

    /// The DaemonSets that were written for these pods.
    pub(super) fn written(&self) -> Vec<(Role, &'a Resource)> {
        let roles: &[Role] = match self.copies.len() {
            1 => &[Role::All],
            _ => &[Role::All, Role::ControlPlane],
        };
        let found = roles.iter().filter_map(|role| {
            let role = *role;
            let path = self.file_for(role);
            let set = self
                .sets
                .iter()
                .find(|set| self.workspace().file(set.file).path == path)?;
            Some((role, *set))
        });
        found.collect()
    }

    /// The version of Kubernetes that the DaemonSet is for.
    pub(super) fn version(&self) -> Target {
        fleet::version(self.workspace(), self.pod, self.settings())
    }

    /// The finding.
    pub(super) fn finding(&self) -> Option<Finding> {
        let node = self.workspace().node(self.pod.id)?;
        let mut finding = META
            .finding(
                Severity::Warning,
                Location::of(self.pod.file, at(node)),
                self.message(node),
            )
            .about(self.pod.id)
            .related(self.related())
            .fix(Err(NoFix::new(Code::Converted, "")));
        if let Some(owner) = owner::owner(node, &self.file().path) {
            finding.severity = Severity::Info;
            finding.message = text![
                self.pod.display(),
                " runs kube-proxy as a static pod, whose file ",
                &owner.name,
                " writes"
            ];
            let text = format!(
                "{} writes the file again whatever is done to it; configure kube-proxy with {}",
                owner.name, owner.instead
            );
            finding.fix = Err(NoFix::new(Code::GeneratorOwned, text));
            return Some(finding);
        }
        if self.converted(&mut finding) {
            return Some(finding);
        }
        match self.fix() {
            Ok((fix, notes)) => {
                finding.notes = notes;
                finding.fix = Ok(fix);
            }
            Err(reason) => {
                finding
                    .notes
                    .extend(remarks::protection(node, &self.version()));
                finding.fix = Err(reason);
            }
        }
        Some(finding)
    }

    /// Says so where the DaemonSets are there.
    fn converted(&self, finding: &mut Finding) -> bool {
        let written = self.written();
        if written.is_empty() {
            return false;
        }
        let version = self.version();
        let files = written.iter().map(|(role, _)| self.file_for(*role));
        let files: Vec<String> = files.collect();
        finding.message = text![self.pod.display(), " has its DaemonSet beside it"];
        let nodes = written
            .iter()
            .filter_map(|(_, set)| self.workspace().node(set.id));
        if let Some(fault) = nodes.into_iter().find_map(|set| version.fault(set)) {
            finding.message = text![&finding.message, ", which ", fault];
            let text = text![
                "delete ",
                list(&files),
                " and let it be written again, before any node is moved"
            ];
            finding.fix = Err(NoFix::new(Code::Converted, text));
            return true;
        }
        finding.severity = Severity::Info;
        let (stands, this) = match self.copies.len() {
            1 => (" the DaemonSet", "this file"),
            _ => (" what stands for them", "their files"),
        };
        let holds = if files.len() == 1 { " holds" } else { " hold" };
        let text = text![
            list(&files),
            holds,
            stands,
            "; move the nodes over (`",
            Text::command(self.plan_command()),
            "` says how), then delete ",
            this
        ];
        finding.fix = Err(NoFix::new(Code::Converted, text));
        true
    }

    /// What is wrong: where the kubelet spares the pod, it is not evicted.
    fn message(&self, pod: Node<'_>) -> Text {
        let version = self.version();
        let spared = remarks::is_protected(pod, &version) || version.spares_static_pods();
        let evicted = if spared {
            ""
        } else {
            ", and the kubelet evicts it, before Kubernetes 1.16 for good"
        };
        let copies = match self.copies.len() {
            1 => String::new(),
            n => format!(" ({n} copies)"),
        };
        text![
            self.pod.display(),
            copies,
            " runs kube-proxy as a static pod: an update is a new file on every node",
            evicted
        ]
    }

    fn related(&self) -> Vec<(Location, Text)> {
        let others = self.pods.iter().filter(|other| other.id != self.pod.id);
        let place = |other: &&Resource| {
            let node = self.workspace().node(other.id)?;
            Some((
                Location::of(other.file, at(node)),
                "another kube-proxy".into(),
            ))
        };
        others.filter_map(place).collect()
    }

    /// The command that prints the plan.
    fn ask_for_plan(&self, what: &str) -> Text {
        if self.workspace().options().stream {
            return text![
                what,
                " needs the pod in a file: `",
                Text::command("kubewright explain static-pod-kube-proxy --plan FILE"),
                "` prints it"
            ];
        }
        text![what, ": `", Text::command(self.plan_command()), "`"]
    }

    /// The command that prints the plan.
    pub(super) fn plan_command(&self) -> Text {
        let mut paths = self.paths();
        paths.dedup();
        let path = match paths.as_slice() {
            [path] => (*path).to_owned(),
            paths => fleet::common_directory(paths)
                .trim_end_matches('/')
                .to_owned(),
        };
        text![
            "kubewright explain static-pod-kube-proxy --plan ",
            Path(&path)
        ]
    }

    fn fix(&self) -> Result<(Fix, Vec<Text>), NoFix> {
        let parts = self.parts()?;
        let (title, changes) = if self.replaces() {
            if let Some(reason) = self.copied() {
                return Err(reason);
            }
            for part in &parts {
                self.free(part)?;
            }
            in_place::changes(self, &parts)?
        } else {
            self.beside(&parts)?
        };
        let mut notes = Vec::new();
        let faults: Vec<Text> = parts
            .iter()
            .flat_map(|part| self.remarks(part).faults)
            .collect();
        if !faults.is_empty() {
            notes.push(Text::joined(unique(faults), "; "));
        }
        let what = "what changes, what has to be true first and the order of the move";
        notes.push(self.ask_for_plan(what));
        let fix = Fix {
            title,
            applicability: Applicability::Unsafe,
            changes,
            claims: self.copies.iter().map(|pod| pod.id).collect(),
        };
        Ok((fix, notes))
    }

    /// The DaemonSets for the pods, when nothing stands in their way.
    pub(super) fn parts(&self) -> Result<Vec<Part<'a>>, NoFix> {
        if let [pod] = self.copies.as_slice() {
            let node = self.workspace().node(pod.id);
            let obstacle = |node| recognise::obstacle(node, self.settings());
            if let Some(reason) = node.and_then(obstacle) {
                return Err(reason);
            }
        }
        self.alone()?;
        let parts = fleet::parts(self.workspace(), &self.copies, self.cx.settings)?;
        for part in parts.iter().filter(|_| !self.replaces()) {
            let path = self.file_for(part.role);
            if self.workspace().file_at(&path).is_some() {
                let text = text![Path(&path), " exists and holds no DaemonSet for kube-proxy"];
                return Err(NoFix::new(Code::TargetExists, text));
            }
        }
        Ok(parts)
    }

    /// Remarks about the pods of a part.
    pub(super) fn remarks(&self, part: &Part<'_>) -> remarks::Remarks {
        let pod = part
            .copies
            .first()
            .and_then(|pod| self.workspace().node(pod.id));
        pod.map_or_else(remarks::Remarks::default, |pod| {
            remarks::remarks(pod, &part.version, self.settings())
        })
    }

    /// The DaemonSets in files of their own, which kustomizations that list the pods list as well.
    fn beside(&self, parts: &[Part<'_>]) -> Result<(Text, Vec<Change>), NoFix> {
        let (mut changes, mut listed) = (Vec::new(), Vec::new());
        let mut names = Vec::new();
        for part in parts {
            let path = self.file_for(part.role);
            let document = part.copies.first().map_or(0, |pod| pod.document);
            let files: Vec<FileId> = part.copies.iter().map(|pod| pod.file).collect();
            let (edits, _) = kustomize::entries(self.workspace(), &files, &path)?;
            for change in &edits {
                if let Change::Edit(file, _) = change {
                    listed.push(self.workspace().file(*file).path.clone());
                }
            }
            names.push(text!["DaemonSet ", part.role.name(), " to ", Path(&path)]);
            self.free(part)?;
            let text =
                part.converted.objects.clone() + &alone_in_file(&part.converted.text, document);
            changes.push(Change::Create(path, text));
            changes.extend(edits);
        }
        let mut title = text!["write ", Text::list(names)];
        listed.sort_unstable();
        listed.dedup();
        if !listed.is_empty() {
            title = text![title, ", and list it in ", list(&listed)];
        }
        Ok((title, changes))
    }

    /// Whether the names of the objects that a part brings along are free.
    fn free(&self, part: &Part<'_>) -> Result<(), NoFix> {
        if part.converted.objects.is_empty() {
            return Ok(());
        }
        let taken = self.workspace().resources().iter().find(|r| {
            let name = match r.kind.as_str() {
                "ConfigMap" => part.role.name(),
                "ServiceAccount" if self.settings().service_account => config::ACCOUNT,
                _ => return false,
            };
            r.name == name && matches!(r.namespace.as_deref(), None | Some("kube-system"))
        });
        let Some(taken) = taken else { return Ok(()) };
        let path = Path(&self.workspace().file(taken.file).path);
        let text = text![
            taken.display(),
            " in ",
            path,
            " has the name of what would be written"
        ];
        Err(NoFix::new(Code::TargetExists, text))
    }

    /// Whether nothing else in the workspace stands in the way of the DaemonSets.
    fn alone(&self) -> Result<(), NoFix> {
        if let Some(reason) = self.left_out() {
            return Err(reason);
        }
        let set = self.sets.iter().find(|set| !self.is_apart(set));
        if let Some(set) = set {
            let path = &self.workspace().file(set.file).path;
            return Err(NoFix::new(
                Code::DaemonsetExists,
                text![
                    set.display(),
                    " in ",
                    Path(path),
                    " runs kube-proxy already; take the static pod away, or that DaemonSet"
                ],
            ));
        }
        let touched = |path: &str| {
            let touches = |pod: &&Resource| {
                let all = self.workspace().touches(pod.id);
                all.iter().any(|t| t.by_index || t.affects(path))
            };
            self.copies.iter().any(touches)
        };
        if self.replaces() && (touched("spec") || touched("kind")) {
            return Err(NoFix::new(
                Code::KustomizePatch,
                "a kustomization changes fields of the pod, which have other paths in a \
                 DaemonSet; without `replace` it is written beside the pod",
            ));
        }
        Ok(())
    }

    /// Whether a resource was not asked for, and nothing says that it is of the cluster of the pods.
    fn is_apart(&self, other: &'a Resource) -> bool {
        let mut all = self.copies.clone();
        all.push(other);
        !self.workspace().file(other.file).editable
            && fleet::one_cluster(self.workspace(), &all).is_err()
    }

    /// Refuses where a pod of the same cluster would be left out.
    fn left_out(&self) -> Option<NoFix> {
        let workspace = self.workspace();
        let own = |pod: &Resource| self.copies.iter().any(|copy| copy.id == pod.id);
        let others: Vec<&Resource> = self
            .pods
            .iter()
            .copied()
            .filter(|pod| !own(pod) && !self.is_apart(pod))
            .collect();
        let first = others.first()?;
        let file = workspace.file(first.file);
        let writer = workspace
            .node(first.id)
            .and_then(|node| owner::owner(node, &file.path));
        let why = match writer {
            Some(owner) => text![&owner.name, " writes it"],
            None if file.editable => "nothing says that it is a static pod".into(),
            None => "it was not asked for".into(),
        };
        let more = match others.len() {
            1 => String::new(),
            n => format!(" (and {} more)", n - 1),
        };
        let text = text![
            first.display(),
            " in ",
            Path(&file.path),
            more,
            " runs kube-proxy too and is left out, because ",
            why,
            "; a DaemonSet runs on all nodes, those of that pod as well: ask for the pods of one \
             cluster together"
        ];
        let mut reason = NoFix::new(Code::SeveralCopies, text);
        reason.more = copies::differences(workspace, self.pods);
        Some(reason)
    }

    /// What says that one of the files is copied to nodes, which would lose kube-proxy with it.
    fn copied(&self) -> Option<NoFix> {
        if self.workspace().options().stream {
            return None;
        }
        self.copies.iter().find_map(|pod| {
            let path = &self.workspace().file(pod.file).path;
            let text = items::text(self.workspace(), pod).unwrap_or_default();
            let said = comments::speaks_of_static(&text).then_some("a comment in it");
            let sign = said.or_else(|| owner::copied_to_nodes(path))?;
            let text = text![
                Path(path),
                " looks like a file that is copied to nodes (",
                sign,
                "): with a DaemonSet in it they lose their kube-proxy at the next copy; leave \
                 replace off, or move the file where nothing copies it"
            ];
            Some(NoFix::new(Code::CopiedToNodes, text))
        })
    }

    /// The plan of the move.
    pub(super) fn plan(&self) -> Result<plan::Move<'a>, NoFix> {
        let node = self.workspace().node(self.pod.id);
        let node = node.ok_or_else(|| super::no_document("the document is gone"))?;
        if let Some(owner) = owner::owner(node, &self.file().path) {
            let text = format!("{} writes the file again", owner.name);
            return Err(NoFix::new(Code::GeneratorOwned, text));
        }
        plan::Move::of(self, node)
    }

    /// Whether a DaemonSet waits for the gate label.
    pub(super) fn is_gated(&self, set: &Resource) -> bool {
        let set = self.workspace().node(set.id);
        set.is_some_and(|set| {
            set.path(&["spec", "template", "spec", "nodeSelector", convert::GATE])
                .is_some()
        })
    }
}

fn at(pod: Node<'_>) -> Node<'_> {
    pod.path(&["metadata", "name"])
        .or_else(|| pod.get("kind"))
        .unwrap_or(pod)
}

fn list(files: &[String]) -> Text {
    Text::list(files.iter().map(|file| Path(file)))
}

/// Each text once, in the order in which they come first.
pub(super) fn unique(texts: Vec<Text>) -> Vec<Text> {
    let mut all: Vec<Text> = Vec::new();
    for text in texts {
        if !all.contains(&text) {
            all.push(text);
        }
    }
    all
}

/// The text of a document as a file of its own: without the `---` that parted it from the one
/// before.
fn alone_in_file(text: &str, document: usize) -> String {
    let rest = match text.strip_prefix("---") {
        Some(rest) if document > 0 => rest,
        _ => return text.to_owned(),
    };
    let rest = rest
        .strip_prefix("\r\n")
        .or_else(|| rest.strip_prefix('\n'));
    rest.unwrap_or(text).to_owned()
}
