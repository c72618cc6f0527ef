//! Where thresholds are given: configurations of kubelets in files and texts, and flags.

use kubewright_model::kube::{FileId, Location, ResourceId, SourceFile, Workspace};
use kubewright_model::text::{Named, Text, Verbatim};
use kubewright_model::yaml::{File, Node};

use super::flags;
use super::thresholds::{GC_HIGH, Given, is_signal};

/// The field of a configuration.
pub(super) const HARD: &str = "evictionHard";
/// The flag, as a key.
const FLAG: &str = "eviction-hard";
/// No command of a kubelet is longer.
const COMMAND: usize = 64 * 1024;
/// What says from which usage of the disk on images are collected: as a flag, and in kops.
const GC_FLAGS: [&str; 2] = ["image-gc-high-threshold", "imageGCHighThresholdPercent"];
const CONFIGURATION: &str = "the KubeletConfiguration";

/// Thresholds that are given in one place.
#[derive(Debug)]
pub(super) struct Setting<'a> {
    pub(super) file: FileId,
    pub(super) place: Location,
    pub(super) resource: Option<ResourceId>,
    /// The configuration, or the flag, for messages.
    pub(super) name: Text,
    /// What is given for `evictionHard`, if it is known.
    pub(super) given: Option<Given>,
    /// From which usage of the disk on images are collected.
    pub(super) gc_high: i64,
    /// Signals with a soft threshold and without a grace period.
    pub(super) without_grace: Vec<String>,
    pub(super) how: How<'a>,
}

/// How thresholds are given.
#[derive(Debug, Clone, Copy)]
pub(super) enum How<'a> {
    /// In a field of a configuration.
    Field(Node<'a>),
    /// In a configuration that a key of a ConfigMap holds: the key, and the document of its text.
    Key(Node<'a>, usize),
    /// In a configuration inside another text.
    Text,
    /// In a field of the configuration of another tool.
    Tool,
    /// By a flag.
    Flag,
}

/// All of them in the files that may be edited.
pub(super) fn all(workspace: &Workspace) -> Vec<Setting<'_>> {
    let mut found = Vec::new();
    for file in workspace.files().iter().filter(|f| f.editable) {
        let named = |text: &str| text.contains(HARD) || text.contains(FLAG);
        if !named(&file.text) && !file.text.contains("evictionSoft") {
            continue;
        }
        let Some(yaml) = file.yaml.as_deref() else {
            found.extend(flags::all(&file.text).into_iter().map(|flag| {
                let place = Location {
                    file: file.id,
                    span: flag.range,
                };
                of_flag(file, place, flag.given, &file.text)
            }));
            continue;
        };
        let before = found.len();
        for root in (0..yaml.documents().len()).filter_map(|at| yaml.root(at)) {
            for node in root.descendants() {
                if node.is_mapping() {
                    found.extend(of_mapping(workspace, file, root, node));
                } else if node.key().is_some() || node.parent().is_some_and(Node::is_sequence) {
                    of_scalar(file, root, node, &mut found);
                }
            }
        }
        for setting in found.iter_mut().skip(before) {
            setting.resource = resource_at(workspace, file, setting.place.span.start);
        }
    }
    found
}

/// The resource that holds a byte of a file.
fn resource_at(workspace: &Workspace, file: &SourceFile, at: usize) -> Option<ResourceId> {
    let resources = workspace.resources_of(file.id);
    let behind = resources.partition_point(|resource| resource.span().start <= at);
    let resource = resources.get(behind.checked_sub(1)?)?;
    resource.span().contains(&at).then_some(resource.id)
}

fn string<'a>(node: Node<'a>, key: &str) -> &'a str {
    node.get(key).and_then(Node::text).unwrap_or_default()
}

fn is_configuration(node: Node<'_>) -> bool {
    string(node, "kind") == "KubeletConfiguration"
        && string(node, "apiVersion").starts_with("kubelet.config.k8s.io/")
}

/// Whether a mapping is what a `KubeletConfig` of `OpenShift` gives the kubelets of a pool. What it
/// does not name counts as zero there too
/// (<https://docs.openshift.com/container-platform/4.17/nodes/nodes/nodes-nodes-garbage-collection.html>).
fn is_of_openshift(root: Node<'_>, node: Node<'_>) -> bool {
    string(root, "apiVersion").starts_with("machineconfiguration.openshift.io/")
        && root.path(&["spec", "kubeletConfig"]) == Some(node)
}

/// A configuration of a kubelet, or the field of that name in the configuration of another tool.
fn of_mapping<'a>(
    workspace: &'a Workspace,
    file: &'a SourceFile,
    root: Node<'a>,
    node: Node<'a>,
) -> Option<Setting<'a>> {
    let name = match root.path(&["metadata", "name"]).and_then(Node::text) {
        _ if is_configuration(node) => return of_configuration(file, node, CONFIGURATION.into()),
        Some(name) => Named::new(string(root, "kind"), name).into(),
        None => file_name(&file.path).into(),
    };
    if is_of_openshift(root, node) {
        return of_configuration(file, node, name);
    }
    let setting = of_configuration(file, node, name)?;
    let given = setting.given.filter(|given| !given.0.is_empty())?;
    // The definition of such a field is none.
    let defined = resource_at(workspace, file, node.span().start)
        .is_some_and(|id| workspace.resource(id).kind == "CustomResourceDefinition");
    (!defined).then(|| Setting {
        given: Some(given),
        without_grace: Vec::new(),
        how: How::Tool,
        ..setting
    })
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// What a configuration says. A field without a value leaves all defaults as they are.
fn of_configuration<'a>(file: &SourceFile, node: Node<'a>, name: Text) -> Option<Setting<'a>> {
    let merged = node
        .get("mergeDefaultEvictionSettings")
        .and_then(Node::as_bool)
        == Some(true);
    let hard = node.get(HARD).filter(|hard| hard.is_mapping() && !merged);
    let given = hard.and_then(signals);
    let graced = node
        .get("evictionSoftGracePeriod")
        .and_then(signals)
        .unwrap_or_default();
    let soft = node
        .get("evictionSoft")
        .and_then(signals)
        .unwrap_or_default()
        .into_iter();
    let without_grace: Vec<String> = soft
        .map(|(signal, _)| signal)
        .filter(|signal| !graced.iter().any(|(known, _)| known == signal))
        .collect();
    let at = match (hard.filter(|_| given.is_some()), node.get("evictionSoft")) {
        (Some(hard), _) => hard,
        (None, Some(soft)) if !without_grace.is_empty() => soft,
        _ => return None,
    };
    let high = node
        .get("imageGCHighThresholdPercent")
        .and_then(Node::as_int);
    Some(Setting {
        file: file.id,
        place: Location::of(file.id, at.key().unwrap_or(at)),
        resource: None,
        name,
        given: given.map(Given),
        gc_high: high.unwrap_or(GC_HIGH),
        without_grace,
        how: How::Field(at),
    })
}

/// The signals of a mapping and what is given for each; `None` where something else stands there.
fn signals(node: Node<'_>) -> Option<Vec<(String, String)>> {
    let pairs = node.entries().map(|(key, value)| {
        let signal = key.text().filter(|signal| is_signal(signal))?;
        Some((signal.to_owned(), value.text()?.to_owned()))
    });
    pairs.collect()
}

/// A flag as a key with its value, or what a text holds.
fn of_scalar<'a>(
    file: &'a SourceFile,
    root: Node<'a>,
    node: Node<'a>,
    found: &mut Vec<Setting<'a>>,
) {
    let Some(text) = node.text() else { return };
    let key = node.key().and_then(Node::text).unwrap_or_default();
    let around = node.parent().map_or("", Node::source);
    let listed = || key == "value" && node.parent().is_some_and(|p| string(p, "name") == FLAG);
    if key == HARD || key == FLAG || listed() {
        let place = Location::of(file.id, node);
        found.extend(Given::of_flag(text).map(|given| of_flag(file, place, given, around)));
        return;
    }
    if text.contains('\n') && text.contains(HARD) && text.contains("KubeletConfiguration") {
        in_text(file, root, node, text, found);
    }
    if !text.contains(FLAG) {
        return;
    }
    let flags = flags::all(text);
    let source = flags::all(node.source());
    let same = source.len() == flags.len();
    for (at, flag) in flags.into_iter().enumerate() {
        let place = match source.get(at).filter(|_| same) {
            Some(there) => Location {
                file: file.id,
                span: node.span().start + there.range.start..node.span().start + there.range.end,
            },
            None => Location::of(file.id, node),
        };
        found.push(of_flag(file, place, flag.given, around));
    }
}

fn of_flag<'a>(file: &SourceFile, place: Location, given: Given, around: &str) -> Setting<'a> {
    let around = Some(around).filter(|around| around.len() <= COMMAND);
    let high = GC_FLAGS
        .iter()
        .find_map(|name| flags::number(around?, name));
    Setting {
        file: file.id,
        place,
        resource: None,
        name: Verbatim("--eviction-hard").into(),
        given: Some(given),
        gc_high: high.unwrap_or(GC_HIGH),
        without_grace: Vec::new(),
        how: How::Flag,
    }
}

/// The configurations in a text: of a ConfigMap `kubelet-config`, as kubeadm keeps it, or another.
fn in_text<'a>(
    file: &'a SourceFile,
    root: Node<'a>,
    node: Node<'a>,
    text: &str,
    found: &mut Vec<Setting<'a>>,
) {
    let Ok(inner) = File::parse(text.to_owned()) else {
        return;
    };
    let map = string(root, "kind") == "ConfigMap"
        && node.parent() == root.get("data")
        && root
            .path(&["metadata", "name"])
            .and_then(Node::text)
            .is_some_and(|name| name.starts_with("kubelet-config"));
    for document in 0..inner.documents().len() {
        let Some(configuration) = inner.root(document).filter(|root| is_configuration(*root))
        else {
            continue;
        };
        let name = if map {
            "the KubeletConfiguration in the ConfigMap"
        } else {
            CONFIGURATION
        };
        let Some(setting) = of_configuration(file, configuration, name.into()) else {
            continue;
        };
        let start = node.source().find(HARD).map(|at| node.span().start + at);
        found.push(Setting {
            place: start.map_or_else(
                || Location::of(file.id, node),
                |start| Location {
                    file: file.id,
                    span: start..start + HARD.len(),
                },
            ),
            how: if map {
                How::Key(node, document)
            } else {
                How::Text
            },
            ..setting.inside()
        });
    }
}

impl Setting<'_> {
    /// What was read in a text that is parsed for it alone.
    fn inside<'a>(self) -> Setting<'a> {
        Setting {
            file: self.file,
            place: self.place,
            resource: self.resource,
            name: self.name,
            given: self.given,
            gc_high: self.gc_high,
            without_grace: self.without_grace,
            how: How::Text,
        }
    }
}
