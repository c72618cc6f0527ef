//! Static pods that are items of a `List`, as a dump of `kubectl get pods -o yaml` has them: the
//! text of one as a document of its own, and a list with DaemonSets in the place of pods.

use std::ops::Range;

use kubewright_model::finding::NoFix;
use kubewright_model::kube::{Resource, Workspace};
use kubewright_model::text;
use kubewright_model::text::Verbatim;
use kubewright_model::yaml::{Edit, File, Node, Refusal, verify};

use super::codes::Code;

/// What becomes of an item.
#[derive(Debug, Clone, Copy)]
pub(super) struct Item<'a> {
    /// The pod.
    pub(super) node: Node<'a>,
    /// The text of what takes its place; `None` where it goes.
    pub(super) text: Option<&'a str>,
}

/// A step from a node to one of its children.
#[derive(Debug)]
enum Step {
    Key(String),
    Index(usize),
}

/// The text of a pod as a document of its own.
pub(super) fn text(workspace: &Workspace, pod: &Resource) -> Result<String, NoFix> {
    let yaml = workspace.file(pod.file).yaml.as_deref();
    let yaml = yaml.ok_or_else(|| super::no_document("the file is not read as YAML"))?;
    if pod.item.is_none() {
        let document = yaml.documents().get(pod.document);
        let document = document.ok_or_else(|| super::no_document("the document is gone"))?;
        let text = yaml.text().get(document.region());
        return Ok(text.unwrap_or_default().to_owned());
    }
    if pod.of_template {
        return Err(NoFix::new(
            Code::InList,
            "the pod is an object of a Template, whose parameters are filled in wherever they \
             stand; write it as a document of its own",
        ));
    }
    let node = workspace.node(pod.id);
    let node = node.ok_or_else(|| super::no_document("the document is gone"))?;
    let (range, margin) = lines(node);
    let mut text = String::new();
    for line in yaml.text().get(range).unwrap_or("").split_inclusive('\n') {
        let blank = line.len() - line.trim_start_matches([' ', '\t']).len();
        let cut = match line.strip_prefix(margin.as_str()) {
            // The first line begins behind `- `.
            _ if text.is_empty() => line,
            Some(rest) => rest,
            None => line.get(blank..).unwrap_or(line),
        };
        text.push_str(cut);
    }
    if !text.ends_with('\n') {
        text.push_str(yaml.eol());
    }
    let value = |root: Option<Node<'_>>| root.and_then(Node::to_value);
    let same = File::parse(text.clone()).is_ok_and(|file| {
        let own = value(file.root(0));
        file.documents().len() == 1 && own.is_some() && own == value(Some(node))
    });
    if same {
        return Ok(text);
    }
    Err(NoFix::new(
        Code::InList,
        "the pod is an item of a list, and its text means something else outside of it (an \
         anchor, a tag or a tab); write it as a document of its own",
    ))
}

/// The document of a list in which each item has become what is wanted, with the comments that
/// went with removed items; `None` where no item would be left.
pub(super) fn list(
    file: &File,
    document: usize,
    items: &[Item<'_>],
) -> Result<Option<(String, Vec<String>)>, NoFix> {
    let changed = || super::no_document("the list cannot be written with DaemonSets in it");
    let mut text = file.text().to_owned();
    let mut steps: Vec<Vec<Step>> = Vec::new();
    let mut kept: Vec<(Range<usize>, String)> = Vec::new();
    for item in items {
        match item.text {
            None => steps.push(path(item.node)),
            Some(new) => {
                typed(item.node)?;
                let (range, margin) = lines(item.node);
                kept.push((range, indented(new, &margin, item.node, file.eol())));
            }
        }
    }
    kept.sort_by_key(|(range, _)| range.start);
    for (range, new) in kept.into_iter().rev() {
        text.replace_range(range, &new);
    }
    let file = File::parse(text).map_err(|_| changed())?;
    let root = file.root(document).ok_or_else(changed)?;
    let gone: Vec<Node<'_>> = steps.iter().filter_map(|s| follow(root, s)).collect();
    let all = root.get("items").map_or(0, |list| list.items().count());
    if all == gone.len() {
        return Ok(None);
    }
    let edits = gone
        .iter()
        .map(|node| node.remove())
        .collect::<Result<Vec<Edit>, Refusal>>()?;
    let lost = edits.iter().flat_map(|e| e.lost_comments.clone()).collect();
    let edits: Vec<&Edit> = edits.iter().collect();
    let text = if edits.is_empty() {
        file.text().to_owned()
    } else {
        verify::apply(&file, &edits)?
    };
    let file = File::parse(text).map_err(|_| changed())?;
    let region = file.documents().get(document).ok_or_else(changed)?.region();
    let text = file.text().get(region).ok_or_else(changed)?;
    Ok(Some((text.to_owned(), lost)))
}

/// Refuses lists of one kind: a `PodList` takes no DaemonSet.
fn typed(item: Node<'_>) -> Result<(), NoFix> {
    let list = item.parent().and_then(Node::parent);
    match list.and_then(|list| list.get("kind")?.text()) {
        None | Some("List") => Ok(()),
        Some(kind) => Err(NoFix::new(
            Code::InList,
            text![
                "the pod is an item of a ",
                Verbatim(kind),
                ", which takes no DaemonSet; write the pod as a document of its own"
            ],
        )),
    }
}

/// The bytes of an item with what stands behind it on its last line, and the blanks that its other
/// lines begin with.
fn lines(node: Node<'_>) -> (Range<usize>, String) {
    let (text, span) = (node.file().text(), node.span());
    let start = text.get(..span.start).unwrap_or("");
    let line = start.rfind('\n').map_or(0, |at| at + 1);
    let before = start.get(line..).unwrap_or("");
    if node.source().starts_with('{') {
        let blanks = before.len() - before.trim_start_matches([' ', '\t']).len();
        return (span, before.get(..blanks).unwrap_or("").to_owned());
    }
    let rest = text.get(span.end..).unwrap_or("");
    let ended = text.get(..span.end).is_some_and(|t| t.ends_with('\n'));
    let end = match rest.find('\n') {
        _ if ended => span.end,
        Some(at) => span.end + at + 1,
        None => text.len(),
    };
    (span.start..end, " ".repeat(before.chars().count()))
}

/// The text of a document as that of an item: all lines but the first behind the margin.
fn indented(text: &str, margin: &str, node: Node<'_>, eol: &str) -> String {
    let mut out = String::new();
    for line in text.split_inclusive('\n') {
        let empty = line.trim().is_empty();
        if !out.is_empty() && !empty {
            out.push_str(margin);
        }
        out.push_str(line);
    }
    // In flow style the comma follows on the same line; the last line of a file may have no end.
    let (whole, (range, _)) = (node.file().text(), lines(node));
    if whole.get(range).is_some_and(|t| !t.ends_with('\n')) {
        out.truncate(out.trim_end_matches(eol).len());
    }
    out
}

/// The way from the root of the document to a node.
fn path(node: Node<'_>) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut node = node;
    while let Some(parent) = node.parent() {
        steps.push(match node.key().and_then(Node::text) {
            Some(key) => Step::Key(key.to_owned()),
            None => Step::Index(node.position().unwrap_or(0)),
        });
        node = parent;
    }
    steps.reverse();
    steps
}

fn follow<'a>(root: Node<'a>, steps: &[Step]) -> Option<Node<'a>> {
    steps.iter().try_fold(root, |node, step| match step {
        Step::Key(key) => node.get(key),
        Step::Index(at) => node.at(*at),
    })
}
