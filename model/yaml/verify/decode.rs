//! Reading a text with `yaml-rust2` into trees of values, without spans.

use std::collections::BTreeSet;
use std::ops::Range;

use yaml_rust2::Event;
use yaml_rust2::parser::Parser;
use yaml_rust2::scanner::TScalarStyle;

use crate::yaml::document::tree::{Document, File, Kind, NodeId, ScalarStyle};
use crate::yaml::parse::shallow;

/// One node as `yaml-rust2` reads it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct DecodedNode {
    pub content: NodeContent,
    /// Number of the anchor within its document; 0 for none.
    pub anchor: usize,
    pub tag: Option<String>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum NodeContent {
    Scalar(String, ScalarStyle),
    /// The number of the anchor that is named.
    Alias(usize),
    Seq(Vec<DecodedNode>),
    Map(Vec<(DecodedNode, DecodedNode)>),
}

/// A collection that is being read.
struct Open {
    mapping: bool,
    children: Vec<DecodedNode>,
    anchor: usize,
    tag: Option<String>,
}

/// A document as it was read.
pub(super) enum Read {
    /// Its root.
    Root(Option<DecodedNode>),
    /// It was not: no edit touches it.
    Not,
}

/// The documents of a file; of those that edits touch, the roots.
pub(super) fn read(file: &File, touched: Option<&BTreeSet<usize>>) -> Result<Vec<Read>, ()> {
    let mut out: Vec<Read> = match touched {
        None => decoded(file, 0..file.readable().len())?
            .into_iter()
            .map(Read::Root)
            .collect(),
        Some(touched) => file
            .documents()
            .iter()
            .enumerate()
            .map(|place| part(file, touched, place))
            .collect::<Result<_, _>>()?,
    };
    if let Some(Read::Root(Some(root))) = out.last_mut() {
        open_end(file, root);
    }
    Ok(out)
}

/// A document that stands between markers, where an edit touches it.
fn part(
    file: &File,
    touched: &BTreeSet<usize>,
    (number, document): (usize, &Document),
) -> Result<Read, ()> {
    if !touched.contains(&number) {
        return Ok(Read::Not);
    }
    let mut roots = decoded(file, document.region())?;
    if roots.len() == 1 {
        roots.pop().map(Read::Root).ok_or(())
    } else {
        Err(())
    }
}

/// Takes the line break that [`documents`] adds from the block scalar that a text without one ends
/// in: to kubectl it has none.
fn open_end(file: &File, root: &mut DecodedNode) {
    let Some(last) = file
        .len()
        .checked_sub(1)
        .and_then(|last| u32::try_from(last).ok())
    else {
        return;
    };
    let node = file.node(NodeId(last));
    if file.text().ends_with('\n') || !file.text()[node.span().end..].trim_start().is_empty() {
        return;
    }
    if let Some(read) = node.text() {
        without_break(root, read);
    }
}

/// Makes the last scalar `read` where it is that with a line break.
fn without_break(tree: &mut DecodedNode, read: &str) {
    match &mut tree.content {
        NodeContent::Seq(items) => items
            .last_mut()
            .into_iter()
            .for_each(|item| without_break(item, read)),
        NodeContent::Map(entries) => entries
            .last_mut()
            .into_iter()
            .for_each(|(_, value)| without_break(value, read)),
        NodeContent::Scalar(text, style)
            if style.is_block() && text.strip_suffix('\n') == Some(read) =>
        {
            _ = text.pop();
        }
        NodeContent::Scalar(..) | NodeContent::Alias(_) => {}
    }
}

/// The roots of all documents of a part of a file.
fn decoded(file: &File, part: Range<usize>) -> Result<Vec<Option<DecodedNode>>, ()> {
    shallow::readings(file, part)
        .find_map(|text| documents(&text).ok())
        .ok_or(())
}

/// Whether `text` is not YAML to `yaml-rust2`.
pub(super) fn is_refused(text: &str) -> bool {
    // Nothing is kept of it: a text that nobody planned may nest as deep as it likes.
    let mut parser = Parser::new_from_str(text);
    loop {
        match parser.next_token() {
            Ok((Event::StreamEnd, _)) => return false,
            Ok(_) => {}
            Err(_) => return true,
        }
    }
}

/// The roots of all documents of `text`.
fn documents(text: &str) -> Result<Vec<Option<DecodedNode>>, ()> {
    // The parser reads a block scalar that ends with the text in another way than one that
    // something follows.
    let closed = format!(
        "{}{}...\n",
        text.trim_start_matches('\u{feff}'),
        if text.ends_with('\n') || text.is_empty() {
            ""
        } else {
            "\n"
        }
    );
    let mut parser = Parser::new_from_str(&closed);
    let mut out: Vec<Option<DecodedNode>> = Vec::new();
    let mut open: Vec<Open> = Vec::new();
    let (mut base, mut highest) = (0, 0);
    loop {
        let (event, _) = parser.next_token().map_err(|_| ())?;
        let mut number = |id: usize| {
            highest = highest.max(id);
            id.saturating_sub(base)
        };
        let tag_text =
            |tag: Option<yaml_rust2::parser::Tag>| tag.map(|t| format!("{}{}", t.handle, t.suffix));
        let done = match event {
            Event::StreamEnd => return Ok(out),
            Event::DocumentStart => {
                base = highest;
                out.push(None);
                None
            }
            Event::Scalar(text, style, anchor, tag) => Some(DecodedNode {
                content: NodeContent::Scalar(text, style_of(style)),
                anchor: number(anchor),
                tag: tag_text(tag),
            }),
            Event::Alias(id) => Some(DecodedNode {
                content: NodeContent::Alias(number(id)),
                anchor: 0,
                tag: None,
            }),
            Event::SequenceStart(anchor, tag) => {
                open.push(Open {
                    mapping: false,
                    children: Vec::new(),
                    anchor: number(anchor),
                    tag: tag_text(tag),
                });
                None
            }
            Event::MappingStart(anchor, tag) => {
                open.push(Open {
                    mapping: true,
                    children: Vec::new(),
                    anchor: number(anchor),
                    tag: tag_text(tag),
                });
                None
            }
            Event::SequenceEnd | Event::MappingEnd => open.pop().map(close),
            _ => None,
        };
        if let Some(tree) = done {
            match open.last_mut() {
                Some(parent) => parent.children.push(tree),
                None => *out.last_mut().ok_or(())? = Some(tree),
            }
        }
    }
}

fn close(open: Open) -> DecodedNode {
    let content = if open.mapping {
        let mut entries = Vec::with_capacity(open.children.len() / 2);
        let mut children = open.children.into_iter();
        while let (Some(key), Some(value)) = (children.next(), children.next()) {
            entries.push((key, value));
        }
        NodeContent::Map(entries)
    } else {
        NodeContent::Seq(open.children)
    };
    DecodedNode {
        content,
        anchor: open.anchor,
        tag: open.tag,
    }
}

fn style_of(style: TScalarStyle) -> ScalarStyle {
    match style {
        TScalarStyle::Plain => ScalarStyle::Plain,
        TScalarStyle::SingleQuoted => ScalarStyle::SingleQuoted,
        TScalarStyle::DoubleQuoted => ScalarStyle::DoubleQuoted,
        TScalarStyle::Literal => ScalarStyle::Literal,
        TScalarStyle::Folded => ScalarStyle::Folded,
    }
}

/// The trees of all nodes in the numbering of `file`, without those of documents that were not
/// read; `None` where the two readings differ.
pub(super) fn agree<'t>(
    file: &File,
    documents: &'t [Read],
) -> Option<Vec<Option<&'t DecodedNode>>> {
    if documents.len() != file.documents().len() {
        return None;
    }
    let mut trees = Vec::with_capacity(file.len());
    for (document, tree) in file.documents().iter().zip(documents) {
        match (document.root, tree) {
            (None, Read::Root(None) | Read::Not) => {}
            (Some(root), Read::Root(Some(tree))) if root.index() == trees.len() => {
                flatten(tree, &mut trees);
            }
            (Some(root), Read::Not) if root.index() == trees.len() => {
                trees.resize(file.data(root).subtree as usize, None);
            }
            _ => return None,
        }
    }
    if trees.len() != file.len() {
        return None;
    }
    trees
        .iter()
        .enumerate()
        .all(|(i, tree)| tree.is_none_or(|tree| same(file, i, tree)))
        .then_some(trees)
}

fn flatten<'t>(tree: &'t DecodedNode, out: &mut Vec<Option<&'t DecodedNode>>) {
    out.push(Some(tree));
    match &tree.content {
        NodeContent::Seq(items) => items.iter().for_each(|item| flatten(item, out)),
        NodeContent::Map(entries) => entries.iter().for_each(|(key, value)| {
            flatten(key, out);
            flatten(value, out);
        }),
        _ => {}
    }
}

fn same(file: &File, index: usize, tree: &DecodedNode) -> bool {
    let Ok(id) = u32::try_from(index) else {
        return false;
    };
    let node = file.node(NodeId(id));
    let kind = match (&tree.content, node.kind()) {
        (NodeContent::Scalar(text, style), Kind::Scalar(kind)) => {
            *style == kind && node.text() == Some(text)
        }
        (NodeContent::Alias(_), Kind::Alias) => true,
        (NodeContent::Seq(items), Kind::Sequence(_)) => items.len() == node.children().count(),
        (NodeContent::Map(entries), Kind::Mapping(_)) => entries.len() == node.entries().count(),
        _ => false,
    };
    kind && (tree.anchor != 0) == node.anchor().is_some()
        && tree.tag.is_some() == node.tag().is_some()
}
