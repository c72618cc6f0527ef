//! `static-pod-kube-proxy`: kube-proxy run as a static pod.
//!
//! [`recognise`] says which pods these are and what speaks against a conversion, [`command`] and
//! [`shell`] read how kube-proxy is started, [`convert`] turns the document into a DaemonSet step
//! by step ([`draft`]), [`flags`] puts the downward API in the place of values of one node,
//! [`plan`] writes down what to know and the order of the move. The DaemonSet is written beside the
//! pod, which stays, unless `replace` is set or the input is a stream.

mod codes;
mod command;
mod comments;
mod convert;
mod copies;
mod draft;
mod flags;
mod inside;
mod options;
mod owner;
mod places;
mod plan;
mod recognise;
mod shell;
mod version;

use kubewright_model::finding::{Applicability, Change, Finding, Fix, Location, NoFix, Severity};
use kubewright_model::kube::{Resource, SourceFile, Workspace};
use kubewright_model::text;
use kubewright_model::text::{Path, Text, Verbatim};
use kubewright_model::yaml::{Node, Refusal};

use self::codes::Code;
pub(crate) use self::options::Options;
use self::version::Target;
use crate::{Context, Meta, Transform};

/// See the page of the transform.
pub(crate) struct StaticPodKubeProxy;

static META: Meta = Meta {
    name: "static-pod-kube-proxy",
    summary: "kube-proxy run as a static pod",
    applicability: Applicability::Unsafe,
    isolated: false,
    since: "0.1.0",
    docs: include_str!("README.md"),
    codes: Code::ALL,
};

impl Transform for StaticPodKubeProxy {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn check(&self, cx: &Context<'_>) -> Vec<Finding> {
        let all = cx.workspace.resources();
        let texts = inside::all(cx.workspace);
        let mut inside: Vec<Finding> = texts.iter().map(of_text).collect();
        let pods: Vec<&Resource> = all
            .iter()
            .filter(|r| recognise::runs_proxy(cx.workspace, r))
            .collect();
        if pods.is_empty() {
            return inside;
        }
        let sets: Vec<&Resource> = all
            .iter()
            .filter(|r| recognise::is_daemon_set(cx.workspace, r))
            .collect();
        let findings = pods.iter().filter(|pod| {
            recognise::is_static(cx.workspace, pod) && cx.workspace.file(pod.file).editable
        });
        inside.extend(findings.filter_map(|pod| {
            Case {
                cx,
                pod,
                pods: &pods,
                sets: &sets,
                texts: &texts,
            }
            .finding()
        }));
        inside
    }
}

/// A refusal as the editor has it.
fn no_document(text: &'static str) -> NoFix {
    let code = "yaml-no-document";
    Refusal { code, text }.into()
}

/// What is said of a static pod inside another text.
fn of_text(inside: &inside::Inside<'_>) -> Finding {
    let at = inside.node.key().unwrap_or(inside.node);
    let place = places::place(inside.node);
    META.finding(Severity::Warning, Location::of(inside.file.id, at), format!(
            "kube-proxy runs as a static pod, whose manifest stands inside another text ({place})"
        )).subject("inside-text", [&place]).fix(Err(NoFix::new(
            Code::InsideText,
            "manifests inside other texts are not edited; write this one to a file of its own, let kubewright convert that, and take it out here \
             once the nodes are moved")))
}

/// One static kube-proxy, and all else that runs kube-proxy in the workspace.
struct Case<'a> {
    cx: &'a Context<'a>,
    pod: &'a Resource,
    pods: &'a [&'a Resource],
    sets: &'a [&'a Resource],
    texts: &'a [inside::Inside<'a>],
}

impl<'a> Case<'a> {
    fn workspace(&self) -> &'a Workspace {
        self.cx.workspace
    }

    fn file(&self) -> &'a SourceFile {
        self.workspace().file(self.pod.file)
    }

    fn finding(&self) -> Option<Finding> {
        let node = self.workspace().node(self.pod.id)?;
        let at = node
            .path(&["metadata", "name"])
            .or_else(|| node.get("kind"))
            .unwrap_or(node);
        let beside = self.beside();
        let pair = self
            .sets
            .iter()
            .find(|set| self.workspace().file(set.file).path == beside);
        let mut finding = META
            .finding(
                Severity::Warning,
                Location::of(self.pod.file, at),
                self.message(node),
            )
            .about(self.pod.id)
            .fix(Err(NoFix::new(
                Code::Converted,
                text![
                    Path(&beside),
                    " holds the DaemonSet; move the nodes over, then delete this file"
                ],
            )));
        if let Some(owner) = owner::owner(node, &self.file().path) {
            finding.severity = Severity::Info;
            finding.message = text![
                "kube-proxy runs as a static pod (",
                self.pod.display(),
                ") that ",
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
        if let Some(set) = pair {
            let version = self.version(node);
            let gated = |set: Node<'_>| {
                set.path(&["spec", "template", "spec", "nodeSelector", convert::GATE])
                    .is_some()
            };
            let set = self.workspace().node(set.id);
            finding.message = text![
                "kube-proxy (",
                self.pod.display(),
                ") has a DaemonSet beside it"
            ];
            if let Some(fault) = set.and_then(|set| version.fault(set)) {
                finding.message = text![&finding.message, " that ", fault];
                finding.fix = Err(NoFix::new(
                    Code::Converted,
                    text![
                        "delete ",
                        Path(&beside),
                        " and let it be written again, before any node is moved"
                    ],
                ));
                return Some(finding);
            }
            finding.severity = Severity::Info;
            finding.notes = plan::Move {
                pod: node,
                file: Some(&beside),
                gate: set.is_some_and(gated),
                version: &version,
            }
            .steps();
            return Some(finding);
        }
        match self.fix(node, &beside) {
            Ok((fix, notes)) => {
                finding.notes = notes;
                finding.fix = Ok(fix);
            }
            Err(reason) => {
                if reason.is(Code::SeveralCopies) {
                    let others = self.pods.iter().filter(|other| other.id != self.pod.id);
                    finding.related = others.filter_map(|other| self.related(other)).collect();
                }
                if reason.is(Code::SeveralCopies) {
                    finding.notes = copies::differences(self.workspace(), self.pods);
                }
                finding
                    .notes
                    .extend(plan::protection(node, &self.version(node)));
                finding.fix = Err(reason);
            }
        }
        Some(finding)
    }

    /// What is wrong: where the kubelet spares the pod, it is not evicted.
    fn message(&self, pod: Node<'_>) -> Text {
        let name = self.pod.display();
        let version = self.version(pod);
        let spared = plan::is_protected(pod, &version) || version.spares_static_pods();
        let evicted = if spared {
            ""
        } else {
            ", and before Kubernetes 1.16 it does not come back once evicted"
        };
        text![
            "kube-proxy runs as a static pod (",
            &name,
            "): it is updated file by file on every node",
            &evicted
        ]
    }

    /// The version of Kubernetes that the DaemonSet is for.
    fn version(&self, pod: Node<'_>) -> Target {
        let image = recognise::proxy(pod).and_then(|c| c.get("image")?.text());
        Target::new(
            self.cx.settings.static_pod_kube_proxy.kubernetes_version,
            image,
        )
    }

    fn related(&self, other: &Resource) -> Option<(Location, Text)> {
        let node = self.workspace().node(other.id)?;
        let at = node
            .path(&["metadata", "name"])
            .or_else(|| node.get("kind"))
            .unwrap_or(node);
        Some((Location::of(other.file, at), "another kube-proxy".into()))
    }

    fn fix(&self, node: Node<'_>, beside: &str) -> Result<(Fix, Vec<Text>), NoFix> {
        let settings = &self.cx.settings.static_pod_kube_proxy;
        let stream = self.workspace().options().stream;
        let replace = settings.replace || stream;
        if let Some(reason) = recognise::obstacle(node, settings.api_server.as_deref()) {
            return Err(reason);
        }
        self.alone(beside, replace)?;
        let yaml = self
            .file()
            .yaml
            .as_deref()
            .ok_or_else(|| no_document("the file is not read as YAML"))?;
        let document = yaml
            .documents()
            .get(self.pod.document)
            .ok_or_else(|| no_document("the document is gone"))?;
        let text = yaml.text().get(document.region()).unwrap_or_default();
        let version = self.version(node);
        if let Some(reason) = version.obstacle() {
            return Err(reason);
        }
        if settings.replace
            && !stream
            && let Some(reason) = self.copied(text)
        {
            return Err(reason);
        }
        let (text, about) = comments::without_static(text);
        let converted = convert::convert(text, settings, &version)?;
        let (title, change, target) = if replace {
            let mut edit = yaml.replace_document(self.pod.document, converted.text)?;
            edit.lost_comments = about.iter().chain(&converted.lost).cloned().collect();
            let path = (!stream).then(|| self.file().path.clone());
            (
                "turn the pod into DaemonSet kube-proxy".into(),
                Change::Edit(self.pod.file, edit),
                path,
            )
        } else {
            let text = alone_in_file(&converted.text, self.pod.document);
            (
                text!["write DaemonSet kube-proxy to ", Path(beside)],
                Change::Create(beside.to_owned(), text),
                Some(beside.to_owned()),
            )
        };
        let mut notes = converted.notes;
        notes.extend(plan::remarks(
            node,
            &version,
            settings.api_server.as_deref(),
        ));
        notes.extend(
            converted
                .lost
                .iter()
                .map(|c| text!["comment of a removed line: ", Verbatim(c)]),
        );
        notes.extend(
            about
                .iter()
                .map(|c| text!["comment about the static pod, left out: ", Verbatim(c)]),
        );
        notes.extend(self.texts.iter().map(|text| {
            let place = places::place(text.node);
            text![
                Path(&text.file.path),
                " has another kube-proxy inside a text (",
                place,
                "): nodes that are set up with it run that one"
            ]
        }));
        if !replace {
            notes.extend(plan::gathered(self.workspace(), self.pod.file));
        }
        if settings.replace && !stream {
            let path = &self.file().path;
            notes.push(text!["where something copies ", Path(path), " to nodes, the next copy takes their kube-proxy away: move the file out of its reach first"]);
        }
        notes.extend(
            plan::Move {
                pod: node,
                file: target.as_deref(),
                gate: settings.gate_label,
                version: &version,
            }
            .steps(),
        );
        notes.extend(plan::protection(node, &version));
        let fix = Fix {
            title,
            applicability: Applicability::Unsafe,
            changes: vec![change],
            claims: vec![self.pod.id],
        };
        Ok((fix, notes))
    }

    /// Whether nothing else in the workspace stands in the way of one DaemonSet named kube-proxy.
    fn alone(&self, beside: &str, replace: bool) -> Result<(), NoFix> {
        if self.pod.item.is_some() {
            return Err(NoFix::new(
                Code::InList,
                "the pod is an item of a list; write it as a document of its own",
            ));
        }
        if self.pods.len() > 1 {
            let text = format!(
                "{} pods of the workspace run kube-proxy, for roles or nodes: one DaemonSet cannot stand for all of them unseen",
                self.pods.len()
            );
            return Err(NoFix::new(Code::SeveralCopies, text));
        }
        if let Some(set) = self.sets.first() {
            let path = &self.workspace().file(set.file).path;
            return Err(NoFix::new(
                Code::DaemonsetExists,
                text![
                    set.display(),
                    " in ",
                    Path(path),
                    " runs kube-proxy already"
                ],
            ));
        }
        if !replace && self.workspace().file_at(beside).is_some() {
            return Err(NoFix::new(
                Code::TargetExists,
                text![
                    Path(beside),
                    " exists and holds no DaemonSet for kube-proxy"
                ],
            ));
        }
        let touched = |path: &str| {
            self.workspace()
                .touches(self.pod.id)
                .iter()
                .any(|t| t.by_index || t.affects(path))
        };
        if replace && (touched("spec") || touched("kind")) {
            return Err(NoFix::new(
                Code::KustomizePatch,
                "a kustomization changes the pod's fields, which would have other paths in a DaemonSet",
            ));
        }
        Ok(())
    }

    /// What says that the file is copied to nodes, which would lose kube-proxy with a DaemonSet in
    /// it.
    fn copied(&self, text: &str) -> Option<NoFix> {
        let path = &self.file().path;
        let said = comments::speaks_of_static(text).then_some("a comment in it");
        let sign = said.or_else(|| owner::copied_to_nodes(path))?;
        let text = text![
            Path(path),
            " looks like a file that is copied to nodes (",
            sign,
            "): with a DaemonSet in it they lose their kube-proxy at the next copy; leave \
             replace off, or move the file where nothing copies it"
        ];
        Some(NoFix::new(Code::CopiedToNodes, text))
    }

    /// Path of the file for the DaemonSet beside the pod's.
    fn beside(&self) -> String {
        let path = &self.file().path;
        let (dir, name) = path
            .rsplit_once('/')
            .map_or(("", path.as_str()), |(dir, name)| (dir, name));
        let (stem, extension) = name
            .rsplit_once('.')
            .filter(|(stem, _)| !stem.is_empty())
            .unwrap_or((name, ""));
        let extension = if extension == "json" { "json" } else { "yaml" };
        let slash = if dir.is_empty() { "" } else { "/" };
        format!("{dir}{slash}{stem}-daemonset.{extension}")
    }
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
