//! What is not edited, and why: refused with a stable code before anything is planned.

use std::collections::BTreeSet;

use super::Refusal;
use crate::yaml::document::node::Node;
use crate::yaml::document::tree::{Collection, File, Kind, ScalarStyle};

pub(super) const LAYOUT: Refusal = Refusal {
    code: "yaml-layout",
    text: "the lines around this place are laid out in a way that edits do not understand: make \
           the change by hand",
};
pub(super) const TAB: Refusal = Refusal {
    code: "yaml-tab",
    text: "the indentation holds tabs: indent with blanks",
};
const ANCHOR: Refusal = Refusal {
    code: "yaml-anchor",
    text: "this place stands under a YAML anchor, and a change shows wherever an alias names it: \
           write the value out in each place",
};
const ALIAS: Refusal = Refusal {
    code: "yaml-alias",
    text: "this place is a YAML alias, and its value stands at the anchor: write the value out \
           here",
};
const MERGE: Refusal = Refusal {
    code: "yaml-merge-key",
    text: "this mapping takes entries from another one through a merge key (<<): write them out \
           here",
};
const TAG: Refusal = Refusal {
    code: "yaml-tag",
    text: "this place carries a YAML tag, or stands under one: make the change by hand",
};
const EXPLICIT: Refusal = Refusal {
    code: "yaml-explicit-key",
    text: "a key on the way to this place is written with the ? indicator: write it as `key: \
           value`",
};
const DUPLICATE: Refusal = Refusal {
    code: "yaml-duplicate-key",
    text: "a key stands twice in a mapping on the way to this place: take one of them away",
};
const LONE_CR: Refusal = Refusal {
    code: "yaml-lone-cr",
    text: "the document has carriage returns without line feeds: save it with line feeds",
};
const DIRECTIVE: Refusal = Refusal {
    code: "yaml-directive",
    text: "the document has a %YAML or %TAG directive: take it away, or make the change by hand",
};
const FLOW_PAIR: Refusal = Refusal {
    code: "yaml-flow-pair",
    text: "this place stands in a `key: value` pair without braces inside a flow sequence: put \
           braces around the pair",
};
const COMPLEX: Refusal = Refusal {
    code: "yaml-complex-key",
    text: "a key is no plain or quoted text: make the change by hand",
};
pub(super) const OPEN_BLOCK_SCALAR: Refusal = Refusal {
    code: "yaml-open-block-scalar",
    text: "the file ends in a block scalar without a line break, and a line behind it would \
           change the value: end the file with a line break",
};
pub(super) const KIND: Refusal = Refusal {
    code: "yaml-kind",
    text: "The place does not hold the kind of node that the change is for.",
};
pub(in super::super) const EXISTS: Refusal = Refusal {
    code: "yaml-key-exists",
    text: "The mapping has the key already.",
};
pub(super) const PLACE: Refusal = Refusal {
    code: "yaml-place",
    text: "The place that was named is not part of the collection.",
};
pub(super) const NO_DOCUMENT: Refusal = Refusal {
    code: "yaml-no-document",
    text: "The file has no such document.",
};

/// Whether document `index` can be edited at all.
pub(super) fn document(file: &File, index: usize) -> Result<(), Refusal> {
    if file.uneditable().is_some() {
        return Err(LAYOUT);
    }
    let document = file.documents.get(index).ok_or(NO_DOCUMENT)?;
    if document.directives {
        return Err(DIRECTIVE);
    }
    if document.lone_cr {
        return Err(LONE_CR);
    }
    Ok(())
}

/// Whether `node` can be edited: nothing on the way from the root to it makes an edit mean more
/// than it says.
pub(super) fn path(node: Node<'_>) -> Result<(), Refusal> {
    document(node.file(), node.document())?;
    let mut at = node;
    loop {
        if at.kind() == Kind::Alias {
            return Err(ALIAS);
        }
        if is_named(at) {
            return Err(ANCHOR);
        }
        if at.tag().is_some() {
            return Err(TAG);
        }
        if anchored_on_a_line_of_its_own(at) {
            return Err(LAYOUT);
        }
        let Some(parent) = at.parent() else {
            return Ok(());
        };
        if parent.is_block() && !at.is_block() {
            lines_are_indented(at, parent)?;
        }
        if parent.kind() == Kind::Mapping(Collection::FlowPair) {
            return Err(FLOW_PAIR);
        }
        keys_on_one_line(parent)?;
        if let Some(key) = at.key() {
            simple_key(key)?;
            let text = key.text();
            if parent.entries().filter(|(k, _)| k.text() == text).count() > 1 {
                return Err(DUPLICATE);
            }
        } else if parent.is_mapping() {
            return Err(COMPLEX);
        }
        at = parent;
    }
}

/// Whether the anchor of a block collection stands on a line before it: what is inserted at the
/// front of the collection would come between the two.
fn anchored_on_a_line_of_its_own(node: Node<'_>) -> bool {
    let start = node.props_start();
    let text = node.file().text();
    let before = text.get(..start).unwrap_or_default();
    let line = before.rsplit('\n').next().unwrap_or_default();
    node.anchor().is_some() && node.is_block() && line.trim().is_empty()
}

/// Whether an alias stands for the node. An anchor that no alias names is text like any other, and
/// stays.
pub(super) fn is_named(node: Node<'_>) -> bool {
    node.anchor().is_some()
        && node
            .file()
            .aliases
            .iter()
            .any(|(_, target)| *target == node.id())
}

fn simple_key(key: Node<'_>) -> Result<(), Refusal> {
    if key.data().explicit_key {
        return Err(EXPLICIT);
    }
    match key.kind() {
        Kind::Scalar(_) if key.anchor().is_some() => Err(ANCHOR),
        Kind::Scalar(_) if key.tag().is_some() => Err(TAG),
        Kind::Scalar(style) if !style.is_block() && !key.span().is_empty() => Ok(()),
        Kind::Alias => Err(ALIAS),
        _ => Err(COMPLEX),
    }
}

/// Parsers differ in where a flow mapping may have a key of several lines, depending on the entries
/// before it.
fn keys_on_one_line(collection: Node<'_>) -> Result<(), Refusal> {
    let several = |key: Node<'_>| key.source().contains('\n');
    let flow = collection.kind() == Kind::Mapping(Collection::Flow);
    if flow && collection.entries().any(|(key, _)| several(key)) {
        Err(LAYOUT)
    } else {
        Ok(())
    }
}

/// Lines of a scalar that stand no deeper than the block collection around its flow collection are
/// no YAML, yet read by parsers in some places.
fn lines_are_indented(flow: Node<'_>, around: Node<'_>) -> Result<(), Refusal> {
    if !matches!(flow.kind(), Kind::Mapping(_) | Kind::Sequence(_)) || !flow.source().contains('\n')
    {
        return Ok(());
    }
    let start = around.span().start;
    let column = start
        - flow.file().text()[..start]
            .rfind('\n')
            .map_or(0, |at| at + 1);
    let shallow = |line: &str| {
        !line.trim().is_empty() && line.len() - line.trim_start_matches(' ').len() <= column
    };
    let scalars = flow
        .descendants()
        .filter(|node| matches!(node.kind(), Kind::Scalar(_)));
    if scalars
        .into_iter()
        .any(|scalar| scalar.source().lines().skip(1).any(shallow))
    {
        Err(LAYOUT)
    } else {
        Ok(())
    }
}

/// Whether the entries of `mapping` can be changed.
pub(super) fn entries(mapping: Node<'_>) -> Result<(), Refusal> {
    if mapping.kind() == Kind::Mapping(Collection::FlowPair) {
        return Err(FLOW_PAIR);
    }
    keys_on_one_line(mapping)?;
    let mut seen = BTreeSet::new();
    for (key, _) in mapping.entries() {
        if key.kind() == Kind::Scalar(ScalarStyle::Plain) && key.text() == Some("<<") {
            return Err(MERGE);
        }
        simple_key(key)?;
        if !seen.insert(key.text().unwrap_or("")) {
            return Err(DUPLICATE);
        }
    }
    Ok(())
}

/// Whether everything below `node` can go: nothing there is named by an alias elsewhere.
pub(super) fn subtree(node: Node<'_>) -> Result<(), Refusal> {
    if node.descendants().any(|n| n.anchor().is_some()) {
        Err(ANCHOR)
    } else {
        Ok(())
    }
}
