//! What the result has to be: the meanings of the edits carried out on the decoded original.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::super::edit::{EXISTS, Edit, Level, Op, Refusal};
use super::decode::{DecodedNode, NodeContent, Read};
use super::{DOCUMENTS, OVERLAP, VALUES};
use crate::yaml::document::node::Node;
use crate::yaml::document::resolve::{Resolved, resolve_plain};
use crate::yaml::document::tree::{File, Kind, NodeId, ScalarStyle};
use crate::yaml::document::value::Value;

/// A node of the expected result.
pub(super) enum Want<'t> {
    /// As it was.
    Same(&'t DecodedNode),
    /// New.
    Value(&'t Value),
    /// New, behind the anchor that stood there.
    Anchored(&'t DecodedNode, &'t Value),
    /// A new key.
    Key(&'t str),
    /// A sequence with the properties it had, if it was one.
    Seq(Option<&'t DecodedNode>, Vec<Self>),
    /// A mapping with the properties it had, if it was one.
    Map(Option<&'t DecodedNode>, Vec<(Self, Self)>),
}

struct Meaning<'t> {
    file: &'t File,
    trees: &'t [Option<&'t DecodedNode>],
    /// Meanings by the node that they are about.
    ops: BTreeMap<NodeId, Vec<&'t Op>>,
}

/// The documents that `edits` mean; `None` for one that was not read, and for one that is replaced
/// as a whole, which is judged by its comments alone.
pub(super) fn documents<'t>(
    file: &'t File,
    trees: &'t [Option<&'t DecodedNode>],
    edits: &[&'t Edit],
) -> Result<Vec<Option<Want<'t>>>, Refusal> {
    let mut meaning = Meaning {
        file,
        trees,
        ops: BTreeMap::new(),
    };
    // How many documents stand in the place of one: none where it goes.
    let mut changed: BTreeMap<usize, usize> = BTreeMap::new();
    let mut moved: BTreeMap<usize, usize> = BTreeMap::new();
    for edit in edits {
        match &edit.op {
            op @ (Op::Set { node, .. }
            | Op::Remove { node }
            | Op::Insert { mapping: node, .. }
            | Op::Push { sequence: node, .. }
            | Op::Rename { key: node, .. }
            | Op::Nest { mapping: node, .. }) => meaning.ops.entry(*node).or_default().push(op),
            Op::Comment { .. } => {}
            Op::MoveDocument { document, before } => {
                if moved.insert(*document, *before).is_some() {
                    return Err(OVERLAP);
                }
            }
            Op::RemoveDocument { document } => {
                if changed.insert(*document, 0).is_some() {
                    return Err(OVERLAP);
                }
            }
            Op::ReplaceDocument { document, by } => {
                if changed.insert(*document, *by).is_some() {
                    return Err(OVERLAP);
                }
            }
        }
    }
    // A document that moves takes no other change, and the one that it stands in front of stays.
    let other = |index: &usize| changed.contains_key(index) || moved.contains_key(index);
    if moved
        .iter()
        .any(|(from, to)| changed.contains_key(from) || other(to))
    {
        return Err(OVERLAP);
    }
    let mut order: Vec<usize> = Vec::new();
    let mut out = Vec::new();
    for (index, document) in file.documents().iter().enumerate() {
        let count = changed.get(&index).copied().unwrap_or(1);
        order.extend(std::iter::repeat_n(index, count));
        match changed.get(&index) {
            change
                if (change.is_some() || moved.contains_key(&index))
                    && document.root.is_some_and(|root| meaning.touched(root)) =>
            {
                return Err(OVERLAP);
            }
            Some(count) => out.extend((0..*count).map(|_| None)),
            None => {
                let root = document.root.ok_or(DOCUMENTS)?;
                let read = trees.get(root.index()).ok_or(VALUES)?.is_some();
                out.push(read.then(|| meaning.want(root)).transpose()?);
            }
        }
    }
    // In front of one document the moved ones stand in their order.
    for (from, to) in &moved {
        let at = |index: &usize| order.iter().position(|number| number == index);
        let (Some(from), Some(to)) = (at(from), at(to)) else {
            return Err(DOCUMENTS);
        };
        let number = order.remove(from);
        order.insert(to, number);
        let document = out.remove(from);
        out.insert(to, document);
    }
    Ok(out)
}

/// Whether `after` is what was meant.
pub(super) fn check(wanted: &[Option<Want<'_>>], after: &[Read]) -> Result<(), Refusal> {
    if wanted.len() != after.len() {
        return Err(DOCUMENTS);
    }
    for (want, got) in wanted.iter().zip(after) {
        let Read::Root(got) = got else { continue };
        let got = got.as_ref().ok_or(DOCUMENTS)?;
        if want.as_ref().is_some_and(|want| !holds(want, got)) {
            return Err(VALUES);
        }
    }
    Ok(())
}

impl<'t> Meaning<'t> {
    /// Whether an edit is about `node` or a node below it.
    fn touched(&self, node: NodeId) -> bool {
        let end = NodeId(self.file.data(node).subtree);
        self.ops.range(node..end).next().is_some()
    }

    fn below(&self, node: NodeId) -> bool {
        let end = NodeId(self.file.data(node).subtree);
        self.ops
            .range(NodeId(node.0 + 1)..end.max(NodeId(node.0 + 1)))
            .next()
            .is_some()
    }

    fn tree(&self, node: NodeId) -> Result<&'t DecodedNode, Refusal> {
        self.trees
            .get(node.index())
            .copied()
            .flatten()
            .ok_or(VALUES)
    }

    fn want(&self, id: NodeId) -> Result<Want<'t>, Refusal> {
        let tree = self.tree(id)?;
        if !self.touched(id) {
            return Ok(Want::Same(tree));
        }
        let node = self.file.node(id);
        let own: Vec<&'t Op> = self
            .ops
            .get(&id)
            .into_iter()
            .flatten()
            .copied()
            .filter(|op| !matches!(op, Op::Remove { .. }))
            .collect();
        if let Some(Op::Set { value, .. }) = own.iter().find(|op| matches!(op, Op::Set { .. })) {
            let want = if node.anchor().is_some() {
                Want::Anchored(tree, value)
            } else {
                Want::Value(value)
            };
            return if own.len() > 1 || self.below(id) {
                Err(OVERLAP)
            } else {
                Ok(want)
            };
        }
        if let Some(Op::Rename { to, .. }) = own.first() {
            return if own.len() > 1 {
                Err(OVERLAP)
            } else {
                Ok(Want::Key(to))
            };
        }
        let pushes = own.iter().any(|op| matches!(op, Op::Push { .. }));
        if matches!(node.kind(), Kind::Sequence(_)) || (is_scalar(self.file, id) && pushes) {
            self.sequence(node, tree, &own)
        } else {
            self.mapping(node, tree, &own)
        }
    }

    fn removed(&self, node: Node<'_>) -> Result<bool, Refusal> {
        let ops = self.ops.get(&node.id()).map_or(&[][..], Vec::as_slice);
        let gone = ops.iter().any(|op| matches!(op, Op::Remove { .. }));
        if gone && (ops.len() > 1 || self.below(node.id())) {
            Err(OVERLAP)
        } else {
            Ok(gone)
        }
    }

    fn sequence(
        &self,
        node: Node<'_>,
        tree: &'t DecodedNode,
        own: &[&'t Op],
    ) -> Result<Want<'t>, Refusal> {
        let mut items = Vec::new();
        let old: Vec<Node<'_>> = node.children().collect();
        let own = by_position(own, old.len())?;
        for index in 0..=old.len() {
            for op in own.get(&index).into_iter().flatten() {
                match op {
                    Op::Push { value, .. } => items.push(Want::Value(value)),
                    _ => return Err(OVERLAP),
                }
            }
            if let Some(item) = old.get(index)
                && !self.removed(*item)?
            {
                items.push(self.want(item.id())?);
            }
        }
        Ok(Want::Seq(
            (!is_scalar(self.file, node.id())).then_some(tree),
            items,
        ))
    }

    fn mapping(
        &self,
        node: Node<'_>,
        tree: &'t DecodedNode,
        own: &[&'t Op],
    ) -> Result<Want<'t>, Refusal> {
        let old: Vec<(Node<'_>, Node<'_>)> = node.entries().collect();
        let own = by_position(own, old.len())?;
        let mut entries = Vec::new();
        let mut nested: Vec<(Want<'t>, Want<'t>)> = Vec::new();
        let mut run: Option<(usize, &'t [Level])> = None;
        for index in 0..=old.len() {
            if let Some((end, under)) = run
                && end == index
            {
                entries.extend(wrap(std::mem::take(&mut nested), under)?);
                run = None;
            }
            for op in own.get(&index).into_iter().flatten() {
                match op {
                    _ if run.is_some() => return Err(OVERLAP),
                    Op::Insert { key, value, .. } => {
                        entries.push((Want::Key(key), Want::Value(value)));
                    }
                    Op::Nest {
                        entries: range,
                        under,
                        ..
                    } => run = Some((range.end, under)),
                    _ => return Err(OVERLAP),
                }
            }
            if let Some((key, value)) = old.get(index)
                && !self.removed(*value)?
            {
                let entry = (self.want(key.id())?, self.want(value.id())?);
                if run.is_some() {
                    nested.push(entry);
                } else {
                    entries.push(entry);
                }
            }
        }
        distinct(&entries)?;
        Ok(Want::Map(
            (!is_scalar(self.file, node.id())).then_some(tree),
            entries,
        ))
    }
}

/// The changes of a collection with `count` entries or items by the number of those in front.
fn by_position<'t>(own: &[&'t Op], count: usize) -> Result<BTreeMap<usize, Vec<&'t Op>>, Refusal> {
    let mut out: BTreeMap<usize, Vec<&'t Op>> = BTreeMap::new();
    for op in own {
        match op {
            Op::Insert { at, .. }
            | Op::Push { at, .. }
            | Op::Nest {
                entries: Range { start: at, .. },
                ..
            } if *at <= count => {
                out.entry(*at).or_default().push(op);
            }
            _ => return Err(OVERLAP),
        }
    }
    Ok(out)
}

/// Whether a node is a scalar, which additions make a collection.
fn is_scalar(file: &File, node: NodeId) -> bool {
    matches!(file.node(node).kind(), Kind::Scalar(_))
}

/// No key stands twice.
fn distinct(entries: &[(Want<'_>, Want<'_>)]) -> Result<(), Refusal> {
    let mut keys = BTreeSet::new();
    if entries
        .iter()
        .all(|(key, _)| name(key).is_none_or(|name| keys.insert(name)))
    {
        Ok(())
    } else {
        Err(EXISTS)
    }
}

/// Text of a scalar key.
fn name<'t>(key: &Want<'t>) -> Option<&'t str> {
    match key {
        Want::Key(name) => Some(name),
        Want::Same(DecodedNode {
            content: NodeContent::Scalar(text, _),
            ..
        }) => Some(text),
        _ => None,
    }
}

/// `entries` under new keys, outermost first.
fn wrap<'t>(
    entries: Vec<(Want<'t>, Want<'t>)>,
    under: &'t [Level],
) -> Result<Vec<(Want<'t>, Want<'t>)>, Refusal> {
    let mut inner = entries;
    for level in under.iter().rev() {
        let new =
            |list: &'t [(String, Value)]| list.iter().map(|(k, v)| (Want::Key(k), Want::Value(v)));
        let mut entries: Vec<_> = new(&level.before).collect();
        entries.extend(inner);
        entries.extend(new(&level.behind));
        distinct(&entries)?;
        let mapping = Want::Map(None, entries);
        let value = if level.item {
            Want::Seq(None, vec![mapping])
        } else {
            mapping
        };
        inner = vec![(Want::Key(&level.key), value)];
    }
    Ok(inner)
}

fn holds(want: &Want<'_>, got: &DecodedNode) -> bool {
    let bare = |tree: &DecodedNode| tree.anchor == 0 && tree.tag.is_none();
    let props = |old: Option<&DecodedNode>| {
        old.map_or_else(
            || bare(got),
            |old| old.anchor == got.anchor && old.tag == got.tag,
        )
    };
    match (want, &got.content) {
        (Want::Same(tree), _) => *tree == got,
        (Want::Key(key), _) => bare(got) && is_string(key, got),
        (Want::Seq(old, items), NodeContent::Seq(found)) => {
            props(*old)
                && items.len() == found.len()
                && items.iter().zip(found).all(|(want, got)| holds(want, got))
        }
        (Want::Map(old, entries), NodeContent::Map(found)) => {
            props(*old)
                && entries.len() == found.len()
                && entries
                    .iter()
                    .zip(found)
                    .all(|((k, v), (key, value))| holds(k, key) && holds(v, value))
        }
        (Want::Value(value), _) => bare(got) && has_value(value, got),
        (Want::Anchored(old, value), _) => props(Some(old)) && has_value(value, got),
        _ => false,
    }
}

fn has_value(value: &Value, got: &DecodedNode) -> bool {
    match (value, &got.content) {
        (Value::Flow(value), _) => has_value(value, got),
        (Value::Str(text) | Value::Quoted(text), _) => is_string(text, got),
        (Value::Null, NodeContent::Scalar(text, ScalarStyle::Plain)) => {
            resolve_plain(text) == Resolved::Null
        }
        (Value::Bool(b), NodeContent::Scalar(text, ScalarStyle::Plain)) => *text == b.to_string(),
        (Value::Int(n), NodeContent::Scalar(text, ScalarStyle::Plain)) => *text == n.to_string(),
        (Value::Seq(items), NodeContent::Seq(found)) => {
            items.len() == found.len()
                && items
                    .iter()
                    .zip(found)
                    .all(|(v, t)| holds(&Want::Value(v), t))
        }
        (Value::Map(entries), NodeContent::Map(found)) => {
            entries.len() == found.len()
                && entries.iter().zip(found).all(|((k, v), (key, value))| {
                    holds(&Want::Key(k), key) && holds(&Want::Value(v), value)
                })
        }
        _ => false,
    }
}

/// Whether `got` is the string `text` to readers of YAML 1.1 and of YAML 1.2.
fn is_string(text: &str, got: &DecodedNode) -> bool {
    const WORDS: [&str; 9] = ["y", "n", "yes", "no", "on", "off", "true", "false", "null"];
    match &got.content {
        NodeContent::Scalar(found, ScalarStyle::Plain) => {
            found == text
                && found
                    .strip_prefix("--")
                    .unwrap_or(found)
                    .starts_with(|c: char| c.is_ascii_alphabetic() || c == '/')
                && WORDS.iter().all(|w| !w.eq_ignore_ascii_case(found))
                && resolve_plain(found) == Resolved::Str
        }
        NodeContent::Scalar(found, _) => found == text,
        _ => false,
    }
}
