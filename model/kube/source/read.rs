//! Reading one file: is it YAML, which of its documents are resources, and why are the others left
//! alone.
//!
//! Everything here depends on one text and on [`Charts`] alone, so files are read in parallel and
//! kept between passes. What depends on other files (a patch is one because a kustomization says
//! so) is decided in `workspace`.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use super::encrypted::{SOPS as SOPS_TEXT, is_encrypted};
use super::file::{Input, SkipCode};
use super::lazy_file::LazyFile;
use super::paths::{
    has_extension, is_kubelet_setting, is_kustomization_name, is_node_setting, split,
};
use super::{invalid, text_template};
use crate::kube::object::resource::{Hints, Identity};
use crate::kube::pod;
use crate::yaml::{self, Collection, Kind, Node, NodeId, ParseError, Word};

/// How deep a `List` may hold a `List`.
pub(in crate::kube) const MAX_LISTS: usize = 16;

static API_VERSION: Word = Word::new("apiVersion");
static KIND: Word = Word::new("kind");
static PATCH: Word = Word::new("$patch");
static SOPS: Word = Word::new("sops");
/// Opens an action of a template.
static ACTION: Word = Word::new("{{");

/// A file after reading.
#[derive(Debug, Clone)]
pub(in crate::kube) struct Read {
    /// Its documents; `None` for templates and broken files.
    pub yaml: Option<LazyFile>,
    /// What it is; shared, because every pass keeps what did not change.
    pub verdict: Arc<Verdict>,
    /// What the API server refuses of it.
    pub invalid: Arc<[invalid::Found]>,
}

/// What a file is.
#[derive(Debug, Clone)]
pub(in crate::kube) enum Verdict {
    /// Left alone as a whole.
    Skip(SkipCode, &'static str),
    /// Not YAML.
    Broken(ParseError),
    /// Read document by document.
    Documents(Vec<Document>),
}

impl Verdict {
    /// All resources of a file in which there is nothing else.
    pub(in crate::kube) fn resources(&self) -> Option<Vec<&Arc<Identity>>> {
        let Self::Documents(documents) = self else {
            return None;
        };
        let mut all = Vec::with_capacity(documents.len());
        for document in documents {
            match document {
                Document::Empty => {}
                Document::Resources(found) => all.extend(found),
                Document::Skip(..) | Document::Broken(_) | Document::Kustomization(_) => {
                    return None;
                }
            }
        }
        Some(all)
    }
}

/// What a document is.
#[derive(Debug, Clone)]
pub(in crate::kube) enum Document {
    /// Nothing but comments.
    Empty,
    /// Left alone.
    Skip(SkipCode, &'static str),
    /// Not YAML.
    Broken(ParseError),
    /// A kustomization or component; its mapping.
    Kustomization(NodeId),
    /// Resources: one, or those of a `List` or a `Template`.
    Resources(Vec<Arc<Identity>>),
}

/// Directories that hold a Helm chart.
#[derive(Debug, Clone, Default)]
pub(in crate::kube) struct Charts {
    charts: BTreeSet<String>,
    values: BTreeSet<String>,
}

impl Charts {
    /// Finds the charts by the paths of all files.
    pub(in crate::kube) fn of<'a>(paths: impl Iterator<Item = &'a str>) -> Self {
        let mut found = Self::default();
        for path in paths {
            let (directory, name) = split(path);
            match name {
                "Chart.yaml" | "Chart.yml" => found.charts.insert(directory.to_owned()),
                "values.yaml" | "values.yml" => found.values.insert(directory.to_owned()),
                _ => false,
            };
        }
        found
    }

    /// Why a file belongs to a chart, by its path.
    pub(in crate::kube) fn skip(&self, path: &str) -> Option<(SkipCode, &'static str)> {
        let below = path.match_indices("templates/").any(|(at, _)| {
            let directory = path[..at].strip_suffix('/').unwrap_or(&path[..at]);
            (at == 0 || path[..at].ends_with('/'))
                && (self.charts.contains(directory) || self.values.contains(directory))
        });
        if below {
            return Some((
                SkipCode::HelmTemplate,
                "template of a Helm chart; render the chart to have it checked",
            ));
        }
        let (directory, name) = split(path);
        let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
        let of_chart = matches!(stem, "Chart" | "values" | "values.schema" | "requirements")
            || stem.starts_with("values-")
            || stem.starts_with("values.");
        (of_chart && self.charts.contains(directory)).then_some((
            SkipCode::HelmChart,
            "part of a Helm chart that is no manifest",
        ))
    }
}

/// Code and words for which a file or document is left alone.
type Reason = (SkipCode, &'static str);

const OF_ANOTHER_TOOL: Reason = (
    SkipCode::Template,
    "a template of another tool, by its name or its comments; render it to have it checked",
);
const ACTION_AS_VALUE: Reason = (
    SkipCode::HelmTemplate,
    "a template: `{{` stands where a value should; render it to have it checked",
);

/// Reads one file, or a stream: in a stream a document that is a template is left alone, not all of
/// it.
pub(in crate::kube) fn read(input: &Input, charts: &Charts, stream: bool) -> Read {
    if let Some((code, text)) = charts.skip(&input.path) {
        return Read::without_tree(Verdict::Skip(code, text));
    }
    if is_kubelet_setting(&input.path) {
        let text = "settings of a kubelet, no manifest";
        return Read::without_tree(Verdict::Skip(SkipCode::NotAResource, text));
    }
    if is_node_setting(&input.path) {
        let text = "sets nodes up, no manifest";
        return Read::without_tree(Verdict::Skip(SkipCode::NotAResource, text));
    }
    let file = match parse(input) {
        Ok(file) => file,
        Err(verdict) => return Read::without_tree(verdict),
    };
    let unread = unread(&file);
    if let Some((code, text)) = template(input, &file, &unread, stream) {
        return Read::without_tree(Verdict::Skip(code, text));
    }
    let verdict = verdict(input, &file, &unread, stream);
    let invalid = if let Verdict::Documents(documents) = &verdict {
        refused(&file, documents)
    } else {
        Vec::new()
    };
    let keep = asked_for(&verdict);
    Read {
        yaml: Some(LazyFile::new(file, keep)),
        verdict: Arc::new(verdict),
        invalid: invalid.into(),
    }
}

impl Read {
    fn without_tree(verdict: Verdict) -> Self {
        Self {
            yaml: None,
            verdict: Arc::new(verdict),
            invalid: Arc::default(),
        }
    }
}

fn is_manifest_like(text: &str) -> bool {
    API_VERSION.is_in(text) && KIND.is_in(text)
}

/// The documents of a file, or what it is without any.
fn parse(input: &Input) -> Result<yaml::File, Verdict> {
    let text = &*input.text;
    let json = has_extension(&input.path, "json");
    let other_json = json && !is_manifest_like(text);
    if other_json && !text.contains("\"op\"") && !text.contains("\"kind\"") {
        let why = "JSON without apiVersion and kind";
        return Err(Verdict::Skip(SkipCode::NotAResource, why));
    }
    // kustomize reads a kustomization as a whole, or not at all.
    let parsed = if is_kustomization_name(&input.path) || json {
        yaml::File::parse(Arc::clone(&input.text))
    } else {
        yaml::File::parse_documents(Arc::clone(&input.text))
    };
    parsed.map_err(|error| match not_yaml(text, text, &error) {
        Some((code, text)) => Verdict::Skip(code, text),
        None if other_json => Verdict::Skip(SkipCode::NotAResource, "not JSON of a resource"),
        None => Verdict::Broken(error),
    })
}

/// The bytes of a document.
fn region(file: &yaml::File, number: usize) -> Range<usize> {
    file.documents()
        .get(number)
        .map_or(0..0, yaml::Document::region)
}

/// Documents that are not YAML, by number.
fn unread(file: &yaml::File) -> BTreeMap<usize, Document> {
    let judged = file.unread().iter().map(|(number, error)| {
        let text = file.text().get(region(file, *number));
        let document = match text.and_then(|text| not_yaml(text, file.text(), error)) {
            Some((code, text)) => Document::Skip(code, text),
            None => Document::Broken(error.clone()),
        };
        (*number, document)
    });
    judged.collect()
}

/// Why all of a file is the input of another tool, if it is.
fn template(
    input: &Input,
    file: &yaml::File,
    unread: &BTreeMap<usize, Document>,
    stream: bool,
) -> Option<Reason> {
    let text = &*input.text;
    // An action that stands outside of the documents of a file may be about all of them.
    let mut actions = unread.values().filter_map(|document| match document {
        Document::Skip(code, text) => Some((*code, *text)),
        _ => None,
    });
    if let Some(reason) = actions.next().filter(|_| !stream) {
        return Some(reason);
    }
    let commented = || !stream && text_template::by_comments(file, 0..text.len()).is_some();
    let named = || text_template::by_path(&input.path).is_some();
    if is_manifest_like(text) && (named() || commented()) {
        return Some(OF_ANOTHER_TOOL);
    }
    let mut roots = (0..file.documents().len()).filter_map(|number| file.root(number));
    (ACTION.is_in(text) && !stream && roots.any(has_template_mapping)).then_some(ACTION_AS_VALUE)
}

/// What the documents of a file are.
fn verdict(
    input: &Input,
    file: &yaml::File,
    unread: &BTreeMap<usize, Document>,
    stream: bool,
) -> Verdict {
    let text = &*input.text;
    let roots: Vec<Option<Node<'_>>> = (0..file.documents().len()).map(|i| file.root(i)).collect();
    let encrypted = SOPS.is_in(text);
    // SOPS takes the metadata of a file from its first document, and its MAC may cover all of them.
    let first = roots.iter().flatten().find(|root| !root.is_null());
    if encrypted && !stream && first.is_some_and(|root| is_encrypted(*root)) {
        return Verdict::Skip(SkipCode::Sops, SOPS_TEXT);
    }
    if roots.iter().all(|root| root.is_none_or(Node::is_null)) {
        return Verdict::Skip(SkipCode::Empty, "nothing but comments");
    }
    let actions = ACTION.is_in(text);
    let left_alone = |number: usize, root: Node<'_>| match () {
        () if stream && text_template::by_comments(file, region(file, number)).is_some() => {
            Some(OF_ANOTHER_TOOL)
        }
        () if encrypted && is_encrypted(root) => Some((SkipCode::Sops, SOPS_TEXT)),
        () if actions && stream && has_template_mapping(root) => Some(ACTION_AS_VALUE),
        () => None,
    };
    let kustomization = is_kustomization_name(&input.path);
    let documents = roots.iter().enumerate().map(|(number, root)| {
        if let Some(unread) = unread.get(&number) {
            return unread.clone();
        }
        match root.and_then(|root| left_alone(number, root)) {
            Some((code, text)) => Document::Skip(code, text),
            None => document(number, *root, kustomization),
        }
    });
    Verdict::Documents(documents.collect())
}

/// What the API server refuses of the documents of a file.
fn refused(file: &yaml::File, documents: &[Document]) -> Vec<invalid::Found> {
    let mut found = Vec::new();
    for (number, document) in documents.iter().enumerate() {
        let judged = matches!(
            document,
            Document::Resources(_) | Document::Skip(SkipCode::NotAResource, _)
        );
        if let Some(root) = file.root(number).filter(|_| judged) {
            invalid::of_document(number, root, &mut found);
        }
    }
    found
}

/// Why a text that is not YAML is left alone, when it is a template; the error is one of the whole.
fn not_yaml(text: &str, whole: &str, error: &ParseError) -> Option<Reason> {
    if text.contains("{%") {
        Some((SkipCode::Template, "a template, not YAML"))
    } else if text_template::by_placeholder(whole, error.offset) {
        Some((
            SkipCode::Template,
            "a template: a placeholder stands where it is no YAML; fill it in to have it checked",
        ))
    } else {
        text.contains("{{").then_some((
            SkipCode::HelmTemplate,
            "a template, not YAML; render it to have it checked",
        ))
    }
}

/// Whether the tree of a file will be looked at: it is a kustomization, or a pod template of it
/// reads configuration.
fn asked_for(verdict: &Verdict) -> bool {
    let Verdict::Documents(documents) = verdict else {
        return false;
    };
    documents.iter().any(|document| match document {
        Document::Kustomization(_) => true,
        Document::Resources(found) => found
            .iter()
            .any(|found| found.hints.config_maps || found.hints.secrets),
        Document::Empty | Document::Skip(..) | Document::Broken(_) => false,
    })
}

/// `a: {{ x }}` parses as a mapping whose key is a mapping.
fn has_template_mapping(root: Node<'_>) -> bool {
    let flow = |node: Node<'_>| matches!(node.kind(), Kind::Mapping(Collection::Flow));
    root.descendants()
        .any(|node| flow(node) && node.children().next().is_some_and(flow))
}

fn document(number: usize, root: Option<Node<'_>>, kustomization_name: bool) -> Document {
    let Some(root) = root.filter(|r| !r.is_null()) else {
        return Document::Empty;
    };
    if !root.is_mapping() {
        return Document::Skip(
            SkipCode::NotAResource,
            "no mapping with apiVersion and kind",
        );
    }
    let head = Head::of(root);
    let (api_version, kind) = (
        string(head.api_version).unwrap_or_default(),
        string(head.kind).unwrap_or_default(),
    );
    let group = api_version.split_once('/').map_or("", |(group, _)| group);
    if group == "kustomize.config.k8s.io"
        || (kustomization_name
            && matches!(kind, "" | "Kustomization" | "Component")
            && group.is_empty())
    {
        return if kustomization_name {
            Document::Kustomization(root.id())
        } else {
            Document::Skip(
                SkipCode::Kustomization,
                "a kustomization under a name that kustomize does not look for",
            )
        };
    }
    if has_patch_directive(root) {
        return Document::Skip(
            SkipCode::Patch,
            "a strategic-merge patch: it holds a $patch directive",
        );
    }
    let mut found = Vec::with_capacity(1);
    match resources(number, head, None, MAX_LISTS, &mut found) {
        Ok(()) => Document::Resources(found),
        Err((code, text)) => Document::Skip(code, text),
    }
}

fn has_patch_directive(root: Node<'_>) -> bool {
    if !PATCH.is_in(root.source()) {
        return false;
    }
    root.descendants()
        .filter(|n| matches!(n.kind(), Kind::Mapping(_)))
        .any(|n| n.entries().any(|(k, _)| k.text() == Some("$patch")))
}

/// A string that is not empty.
fn string(node: Option<Node<'_>>) -> Option<&str> {
    node.and_then(Node::as_str).filter(|s| !s.is_empty())
}

/// A mapping with the fields by which a resource is known.
#[derive(Clone, Copy)]
struct Head<'a> {
    node: Node<'a>,
    api_version: Option<Node<'a>>,
    kind: Option<Node<'a>>,
    metadata: Option<Node<'a>>,
}

impl<'a> Head<'a> {
    fn of(node: Node<'a>) -> Self {
        let [api_version, kind, metadata] = node.get_all(["apiVersion", "kind", "metadata"]);
        Self {
            node,
            api_version,
            kind,
            metadata,
        }
    }
}

/// The sequence of the objects that a `List` or an `Template` of `OpenShift` holds, and whether it
/// is a template.
/// (<https://docs.openshift.com/container-platform/4.17/openshift_images/using-templates.html>; its
/// first releases had no API group.)
pub(in crate::kube) fn held(object: Node<'_>) -> Option<(Node<'_>, bool)> {
    let [api_version, kind, items, objects] =
        object.get_all(["apiVersion", "kind", "items", "objects"]);
    let (api_version, kind) = (string(api_version)?, string(kind)?);
    let template = kind == "Template"
        && (api_version == "v1" || api_version.starts_with("template.openshift.io/"));
    let held = if template {
        objects
    } else {
        items.filter(|_| kind.ends_with("List"))
    };
    held.filter(|held| held.is_sequence())
        .map(|held| (held, template))
}

/// The resource of a mapping, or those of a `List` or `Template`; an error says why there is none.
fn resources(
    document: usize,
    head: Head<'_>,
    item: Option<usize>,
    depth: usize,
    found: &mut Vec<Arc<Identity>>,
) -> Result<(), Reason> {
    let node = head.node;
    let (Some(api_version), Some(kind)) = (string(head.api_version), string(head.kind)) else {
        return Err((SkipCode::NotAResource, "no apiVersion and kind"));
    };
    if [api_version, kind]
        .iter()
        .any(|t| t.contains('{') && ["{{", "{%", "${"].iter().any(|mark| t.contains(mark)))
    {
        return Err((SkipCode::Template, "apiVersion or kind is a placeholder"));
    }
    if let Some((items, of_template)) = held(node) {
        let before = found.len();
        for (index, inner) in items.items().enumerate() {
            if depth > 0 && inner.kind() != Kind::Alias {
                // An item that is no resource is passed over: what is beside it is still applied.
                let _ = resources(document, Head::of(inner), Some(index), depth - 1, found);
            }
        }
        for identity in found.iter_mut().skip(before).filter(|_| of_template) {
            Arc::make_mut(identity).of_template = true;
        }
        // What is no resource of its own is looked at as part of the template.
        if !of_template || found.len() - before >= items.items().count() {
            return Ok(());
        }
    }
    let [name, generate_name, namespace] = head.metadata.map_or([None; 3], |m| {
        m.get_all(["name", "generateName", "namespace"])
    });
    let name = match name {
        Some(_) => string(name).ok_or((SkipCode::NotAResource, "metadata.name is no string"))?,
        None if generate_name.and_then(Node::as_str).is_some() => "",
        None => return Err((SkipCode::NotAResource, "no metadata.name")),
    };
    let namespace = string(namespace);
    let offset = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    let mut identity = Identity {
        document,
        item,
        of_template: false,
        node: node.id(),
        bytes: (offset(node.span().start), offset(node.span().end)),
        api_version: api_version.to_owned(),
        kind: kind.to_owned(),
        namespace: namespace.map(str::to_owned),
        name: name.to_owned(),
        hints: Hints::default(),
    };
    identity.hints = pod::hints(&identity, node.source());
    found.push(Arc::new(identity));
    Ok(())
}
