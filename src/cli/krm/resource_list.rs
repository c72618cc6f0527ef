//! A `ResourceList`: its items as documents of their own, and back.
//!
//! The protocol is that of KRM functions
//! (<https://github.com/kubernetes-sigs/kustomize/blob/master/cmd/config/docs/api-conventions/functions-spec.md>).
//! Items that are left alone go out byte for byte, and so does all that stands between them. An
//! item that changes is moved to the left margin, changed as a document and moved back: comments
//! and style stay.

use std::ops::Range;

use anyhow::{Result, anyhow, bail};
use kubewright_model::yaml::{File, Kind, Node};

use super::super::input_stream::STDIN;

/// Versions of the protocol, which do not differ in what is read here.
const VERSIONS: [&str; 3] = [
    "config.kubernetes.io/v1",
    "config.kubernetes.io/v1beta1",
    "config.kubernetes.io/v1alpha1",
];

/// Annotations by which functions are told the file of an item: what holds now, and its old name.
pub(super) const PATH: [&str; 2] = [
    "internal.config.kubernetes.io/path",
    "config.kubernetes.io/path",
];
/// Likewise for the position in that file.
pub(super) const INDEX: [&str; 2] = [
    "internal.config.kubernetes.io/index",
    "config.kubernetes.io/index",
];
/// What is not applied to a cluster.
const LOCAL: &str = "config.kubernetes.io/local-config";

/// An item that is a resource of its own.
pub(super) struct Item {
    /// Its text, and the lines that belong to it.
    region: Range<usize>,
    /// Where the item begins, with its `-`.
    start: usize,
    /// Columns before it.
    indent: usize,
    /// In flow style, as in JSON.
    flow: bool,
    /// The item as a document.
    pub(super) document: String,
    /// The file that it comes from.
    pub(super) path: Option<String>,
    /// Its position there.
    pub(super) index: Option<usize>,
    /// `apiVersion` and `kind`.
    pub(super) kind: (String, String),
    /// It configures tools, and is not applied.
    pub(super) local: bool,
}

/// What becomes of the items.
#[derive(Default)]
pub(super) struct Changes {
    /// Items by number, and the document that each is afterwards; `None` for one that goes.
    pub(super) items: Vec<(usize, Option<String>)>,
    /// New documents, each behind the item of that number.
    pub(super) new: Vec<(usize, String)>,
}

/// A `ResourceList` that was read.
pub(super) struct ResourceList {
    file: File,
    pub(super) items: Vec<Item>,
}

/// Whether a text is a `ResourceList`, of whatever version.
pub(in crate::cli) fn is_one(text: &str) -> bool {
    let root_kind = |file: &File| {
        let kind = file.root(0)?.get("kind")?.as_str()?;
        Some(kind == "ResourceList")
    };
    text.contains("ResourceList")
        && File::parse(text).is_ok_and(|file| root_kind(&file).unwrap_or_default())
}

impl ResourceList {
    /// Reads the text of one.
    pub(super) fn read(text: &str) -> Result<Self> {
        let file = File::parse(text).map_err(|e| anyhow!("{STDIN}:{e}; nothing was written"))?;
        let error = |node: Option<Node<'_>>, message: &str| {
            let (line, column) = file.position(node.map_or(0, |n| n.span().start));
            anyhow!("{STDIN}:{line}:{column}: {message}; nothing was written")
        };
        let Some(root) = file.root(0) else {
            bail!("standard input is empty; a KRM function reads a ResourceList");
        };
        if root.get("kind").and_then(Node::as_str) != Some("ResourceList") {
            return Err(error(
                Some(root),
                "no ResourceList; kubewright krm is run by kustomize or kpt, `kubewright fix -` \
                 reads other streams",
            ));
        }
        let version = root.get("apiVersion");
        if !version.is_some_and(|v| v.as_str().is_some_and(|v| VERSIONS.contains(&v))) {
            let wanted = format!(
                "apiVersion of a ResourceList is one of {}",
                VERSIONS.join(", ")
            );
            return Err(error(version.or(Some(root)), &wanted));
        }
        if (1..file.documents().len()).any(|number| file.root(number).is_some_and(|r| !r.is_null()))
        {
            return Err(error(file.root(1), "a document behind the ResourceList"));
        }
        let items = match root.get("items").filter(|items| !items.is_null()) {
            None => Vec::new(),
            Some(items) if items.is_sequence() => read_items(&file, items),
            Some(items) => return Err(error(Some(items), "items is no list")),
        };
        Ok(Self { file, items })
    }

    /// `functionConfig`
    pub(super) fn function_config(&self) -> Option<Node<'_>> {
        self.root()?.get("functionConfig").filter(|c| !c.is_null())
    }

    fn root(&self) -> Option<Node<'_>> {
        self.file.root(0)
    }

    /// The text with items changed and results added.
    pub(super) fn write(&self, changes: &Changes, results: &[serde_json::Value]) -> Result<String> {
        let mut splices: Vec<(Range<usize>, String)> = Vec::new();
        for (number, document) in &changes.items {
            let Some(item) = self.items.get(*number) else {
                continue;
            };
            splices.push(match document {
                Some(document) => (item.region.clone(), item.moved_back(document)),
                None => (self.whole(*number), String::new()),
            });
        }
        for (behind, document) in &changes.new {
            if let Some(item) = self.items.get(*behind) {
                let at = item.region.end;
                splices.push((at..at, self.new_item(item, document)?));
            }
        }
        if let Some(splice) = self.with_results(results)? {
            splices.push(splice);
        }
        // Behind each other where they begin at one place: those new stay in their order.
        splices.sort_by_key(|(range, _)| (range.start, range.end));
        let (mut out, mut done) = (String::new(), 0);
        let text = self.file.text();
        for (range, new) in splices {
            out.push_str(text.get(done..range.start).unwrap_or_default());
            out.push_str(&new);
            done = range.end;
        }
        out.push_str(text.get(done..).unwrap_or_default());
        Ok(out)
    }

    /// All of an item, with what separates it from another one.
    fn whole(&self, number: usize) -> Range<usize> {
        let Some(item) = self.items.get(number) else {
            return 0..0;
        };
        if !item.flow {
            return item.start..item.region.end;
        }
        let before = number.checked_sub(1).and_then(|n| self.items.get(n));
        match (before, self.items.get(number + 1)) {
            (_, Some(next)) => item.region.start..next.region.start,
            (Some(before), None) => before.region.end..item.region.end,
            (None, None) => item.region.clone(),
        }
    }

    fn new_item(&self, beside: &Item, document: &str) -> Result<String> {
        if beside.flow {
            let value: serde_json::Value = serde_yaml::from_str(document)?;
            return Ok(format!(", {value}"));
        }
        let text = self.file.text();
        let line = line_start(text, beside.start);
        let margin = text.get(line..beside.start).unwrap_or_default();
        let new = Item {
            indent: margin.len() + 2,
            ..Item::at(beside.region.clone(), beside.start, false)
        };
        let gap = if text[..beside.region.end].ends_with('\n') {
            ""
        } else {
            "\n"
        };
        Ok(format!("{gap}{margin}- {}", new.moved_back(document)))
    }

    /// The entry `results`, with those of functions before.
    fn with_results(
        &self,
        results: &[serde_json::Value],
    ) -> Result<Option<(Range<usize>, String)>> {
        let (Some(root), false) = (self.root(), results.is_empty()) else {
            return Ok(None);
        };
        let there = root.get("results");
        let mut all: Vec<serde_json::Value> = match there {
            Some(node) if !node.is_null() => serde_yaml::from_str(&left(
                node.source(),
                node.span().start - line_start(self.file.text(), node.span().start),
            ))?,
            _ => Vec::new(),
        };
        all.extend(results.iter().cloned());
        let text = self.file.text();
        if root.in_flow() || root.kind() != Kind::Mapping(kubewright_model::yaml::Collection::Block)
        {
            let json = serde_json::to_string(&all)?;
            if let Some(node) = there {
                return Ok(Some((node.span(), json)));
            }
            let at = root.span().end.saturating_sub(1);
            return Ok(Some((at..at, format!(", \"results\": {json}"))));
        }
        let yaml = serde_yaml::to_string(&serde_json::json!({ "results": all }))?;
        let Some(key) = there.and_then(Node::key) else {
            let at = text.len();
            let gap = if text.ends_with('\n') { "" } else { "\n" };
            return Ok(Some((at..at, format!("{gap}{yaml}"))));
        };
        let start = key.span().start;
        let next = root
            .entries()
            .map(|(key, _)| key.span().start)
            .find(|at| *at > start);
        Ok(Some((start..next.unwrap_or(text.len()), yaml)))
    }
}

fn read_items(file: &File, items: Node<'_>) -> Vec<Item> {
    let text = file.text();
    let nodes: Vec<Node<'_>> = items.items().collect();
    let mut found = Vec::new();
    for (number, node) in nodes.iter().enumerate() {
        if !node.is_mapping() || node.kind() == Kind::Alias {
            continue;
        }
        let flow = items.in_flow() || node.mark().is_none();
        let mut item = if flow {
            Item::at(node.span(), node.span().start, true)
        } else {
            let start = node.mark().unwrap_or(node.span().start);
            let behind = text[start + 1..].len() - text[start + 1..].trim_start().len();
            let indent = node.span().start - line_start(text, node.span().start);
            let next = nodes.get(number + 1).and_then(|n| n.mark());
            let end = next.map_or_else(
                || end_of_lines(text, node.span().end, indent),
                |mark| line_start(text, mark),
            );
            Item {
                indent,
                ..Item::at(start + 1 + behind..end, start, false)
            }
        };
        let region = &text[item.region.clone()];
        item.document = if flow {
            format!("{region}\n")
        } else {
            left(region, item.indent)
        };
        if !item.document.ends_with('\n') {
            item.document.push('\n');
        }
        let annotations = node.path(&["metadata", "annotations"]);
        let annotation = |names: &[&str]| {
            let given = |name: &&str| annotations?.get(name)?.text();
            names.iter().find_map(given)
        };
        item.path = annotation(&PATH).map(str::to_owned);
        item.index = annotation(&INDEX).and_then(|index| index.trim().parse().ok());
        item.local = annotation(&[LOCAL]) == Some("true");
        let word = |key| {
            node.get(key)
                .and_then(Node::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        item.kind = (word("apiVersion"), word("kind"));
        found.push(item);
    }
    found
}

impl Item {
    fn at(region: Range<usize>, start: usize, flow: bool) -> Self {
        Self {
            region,
            start,
            indent: 0,
            flow,
            document: String::new(),
            path: None,
            index: None,
            kind: (String::new(), String::new()),
            local: false,
        }
    }

    /// A document as the text of this item.
    fn moved_back(&self, document: &str) -> String {
        if self.flow {
            return document.trim_end().to_owned();
        }
        let margin = " ".repeat(self.indent);
        let mut out = String::with_capacity(document.len());
        for (number, line) in document.split_inclusive('\n').enumerate() {
            if number > 0 && !line.trim_end_matches(['\n', '\r']).is_empty() {
                out.push_str(&margin);
            }
            out.push_str(line);
        }
        if !out.ends_with('\n') {
            out.push('\n');
        }
        out
    }
}

/// Lines without as many columns at their left. The first begins behind them already.
fn left(text: &str, columns: usize) -> String {
    let lines = text
        .split_inclusive('\n')
        .enumerate()
        .map(|(number, line)| {
            let blanks = line.len() - line.trim_start_matches(' ').len();
            let cut = if number == 0 { 0 } else { blanks.min(columns) };
            &line[cut..]
        });
    lines.collect()
}

fn line_start(text: &str, offset: usize) -> usize {
    text[..offset].rfind('\n').map_or(0, |at| at + 1)
}

/// Where the lines end that stand as far right as the last item, from a place in it.
fn end_of_lines(text: &str, from: usize, indent: usize) -> usize {
    // The end of a block scalar is the beginning of the line behind it.
    let inside = from - usize::from(text[..from].ends_with('\n'));
    let mut end = text[inside..]
        .find('\n')
        .map_or(text.len(), |at| inside + at + 1);
    for line in text[end..].split_inclusive('\n') {
        let blanks = line.len() - line.trim_start_matches(' ').len();
        let content = line.trim();
        if !content.is_empty() && blanks < indent {
            break;
        }
        end += line.len();
    }
    end
}

/// Whether two documents hold the same values.
pub(super) fn mean_the_same(one: &str, other: &str) -> bool {
    let value = |text: &str| File::parse(text).ok()?.root(0)?.to_value();
    value(one).is_some_and(|one| value(other) == Some(one))
}
