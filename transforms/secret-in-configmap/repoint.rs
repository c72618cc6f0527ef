//! References of pods, pointed at the Secret for the keys that it has.

use std::collections::BTreeSet;

use kubewright_model::finding::NoFix;
use kubewright_model::kube::{Reference, ResourceId, Site};
use kubewright_model::text;
use kubewright_model::text::Field;
use kubewright_model::yaml::{Edit, Node, Place, Value};

use super::codes::Code;
use super::split::Split;

/// The edits with which a reference reads the keys that move from the Secret, in the same place of
/// the same order; none where it reads none of them.
pub(super) fn repointed(
    split: &Split<'_>,
    reader: ResourceId,
    reference: &Reference<'_>,
) -> Result<Vec<Edit>, NoFix> {
    let (node, edits) = match reference.site {
        Site::Env { entry, .. } => (entry, env(split, entry)?),
        Site::EnvFrom { entry, .. } => (entry, env_from(split, entry)?),
        Site::Volume { volume, source } => (volume, of_volume(split, source)?),
        Site::Projected { volume, source } => (volume, of_projected(split, source)?),
        Site::Other => (reference.node, Vec::new()),
    };
    if edits.is_empty() {
        return Ok(edits);
    }
    match split.workspace.touched(reader, node) {
        Some(touch) => Err(NoFix::new(
            Code::PatchedReader,
            text![
                touch.what.name(),
                " changes ",
                Field(&reference_path(split, reader, node)),
                " of ",
                split.workspace.resource(reader).display(),
                ", which reads the key: move the key into a Secret there and here"
            ],
        )),
        None => Ok(edits),
    }
}

fn reference_path(split: &Split<'_>, reader: ResourceId, node: Node<'_>) -> String {
    split
        .workspace
        .field_path(reader, node)
        .unwrap_or_else(|| "the pod".to_owned())
}

/// A field that is not carried over.
pub(super) fn odd(field: &str) -> NoFix {
    NoFix::new(
        Code::ReaderUnknown,
        text![
            "a reference to it has a field that is not known here: ",
            Field(field)
        ],
    )
}

/// Only fields that are carried over.
pub(super) fn only(mapping: Node<'_>, known: &[&str]) -> Result<(), NoFix> {
    let mut keys = mapping.entries().filter_map(|(key, _)| key.text());
    match keys.find(|key| !known.contains(key)) {
        Some(key) => Err(odd(key)),
        None => Ok(()),
    }
}

/// The name and `optional` of the Secret's side of a reference.
fn named(split: &Split<'_>, key: &str, of: Node<'_>) -> Result<Vec<(String, Value)>, NoFix> {
    let mut named = vec![(key.to_owned(), Value::str(&split.name))];
    if let Some(optional) = of.get("optional") {
        let optional = optional.as_bool().ok_or_else(|| odd("optional"))?;
        named.push(("optional".to_owned(), Value::Bool(optional)));
    }
    Ok(named)
}

fn env(split: &Split<'_>, entry: Node<'_>) -> Result<Vec<Edit>, NoFix> {
    let source = entry.path(&["valueFrom", "configMapKeyRef"]);
    let source = source.ok_or_else(|| odd("valueFrom"))?;
    let moves = source
        .get("key")
        .and_then(Node::text)
        .is_some_and(|key| split.moved.contains(key));
    if !moves {
        return Ok(Vec::new());
    }
    only(source, &["name", "key", "optional"])?;
    let mut edits = vec![source.rename_key("secretKeyRef")?];
    edits.extend(renamed(split, source)?);
    Ok(edits)
}

/// The edit that gives a reference the Secret's name, where it is another one.
pub(super) fn renamed(split: &Split<'_>, source: Node<'_>) -> Result<Option<Edit>, NoFix> {
    let name = source.get("name").ok_or_else(|| odd("name"))?;
    if split.name == split.resource.name {
        return Ok(None);
    }
    Ok(Some(name.set(&Value::str(&split.name))?))
}

/// A Secret's source behind that of the ConfigMap.
pub(super) fn env_from(split: &Split<'_>, entry: Node<'_>) -> Result<Vec<Edit>, NoFix> {
    only(entry, &["prefix", "configMapRef"])?;
    let source = entry.get("configMapRef").ok_or_else(|| odd("envFrom"))?;
    only(source, &["name", "optional"])?;
    let list = entry.parent().ok_or_else(|| odd("envFrom"))?;
    let mut item = Vec::new();
    if let Some(prefix) = entry.get("prefix") {
        let prefix = prefix.as_str().ok_or_else(|| odd("prefix"))?;
        item.push(("prefix".to_owned(), Value::str(prefix)));
    }
    item.push((
        "secretRef".to_owned(),
        Value::Map(named(split, "name", source)?),
    ));
    Ok(vec![list.push(Place::After(entry), &Value::Map(item))?])
}

/// The files of a source, parted.
pub(super) enum Parted {
    /// None of them moves.
    None,
    /// All of them move.
    All,
    /// `items` of those that stay and of those that move; all keys where there are no items.
    Both(Option<(Value, Value)>),
}

/// What of a source moves.
pub(super) fn parted(split: &Split<'_>, source: Node<'_>) -> Result<Parted, NoFix> {
    // An empty list is none: all keys.
    let is_none =
        |items: &Node<'_>| items.is_null() || items.is_sequence() && items.items().next().is_none();
    let Some(items) = source.get("items").filter(|items| !is_none(items)) else {
        return Ok(if split.moved == split.all {
            Parted::All
        } else {
            Parted::Both(None)
        });
    };
    let (mut stay, mut moved, mut paths) = (Vec::new(), Vec::new(), BTreeSet::new());
    let mut twice = None;
    for item in items.items() {
        let key = item
            .get("key")
            .and_then(Node::text)
            .ok_or_else(|| odd("items"))?;
        let value = item.to_value().ok_or_else(|| odd("items"))?;
        let path = item.get("path").and_then(Node::text);
        twice = twice.or(path.filter(|path| !paths.insert(*path)));
        if split.moved.contains(key) {
            moved.push(value);
        } else {
            stay.push(value);
        }
    }
    match (stay.is_empty(), moved.is_empty(), twice) {
        (_, true, _) => Ok(Parted::None),
        (true, false, _) => Ok(Parted::All),
        (false, false, None) => Ok(Parted::Both(Some((Value::Seq(stay), Value::Seq(moved))))),
        (false, false, Some(path)) => Err(NoFix::new(
            Code::ReaderUnknown,
            text![
                "a volume writes two keys to the path ",
                Field(path),
                ", which a `projected` volume may not: write the one that is read, and run again"
            ],
        )),
    }
}

/// A volume of the Secret, or of both.
pub(super) fn of_volume(split: &Split<'_>, source: Node<'_>) -> Result<Vec<Edit>, NoFix> {
    only(source, &["name", "items", "defaultMode", "optional"])?;
    let value = |source: Vec<(String, Value)>, kind: &str| Value::map([(kind, Value::Map(source))]);
    match parted(split, source)? {
        Parted::None => Ok(Vec::new()),
        Parted::All => {
            let mut body = named(split, "secretName", source)?;
            for field in ["items", "defaultMode"] {
                if let Some(node) = source.get(field) {
                    let value = node.to_value().ok_or_else(|| odd(field))?;
                    body.push((field.to_owned(), value));
                }
            }
            if split.name == split.resource.name {
                // The rest of it stays as it is.
                let name = source.get("name").ok_or_else(|| odd("name"))?;
                return Ok(vec![
                    source.rename_key("secret")?,
                    name.rename_key("secretName")?,
                ]);
            }
            Ok(vec![
                source.rename_key("secret")?,
                source.set(&Value::Map(body))?,
            ])
        }
        Parted::Both(items) => {
            let mut stays = named(split, "name", source)?;
            if let Some((_, name)) = stays.first_mut() {
                *name = Value::str(&split.resource.name);
            }
            let mut moves = named(split, "name", source)?;
            if let Some((stay, moved)) = items {
                stays.insert(1, ("items".to_owned(), stay));
                moves.insert(1, ("items".to_owned(), moved));
            }
            let sources = Value::Seq(vec![value(stays, "configMap"), value(moves, "secret")]);
            let mut body = vec![("sources".to_owned(), sources)];
            if let Some(mode) = source.get("defaultMode") {
                let mode = mode.to_value().ok_or_else(|| odd("defaultMode"))?;
                body.insert(0, ("defaultMode".to_owned(), mode));
            }
            Ok(vec![
                source.rename_key("projected")?,
                source.set(&Value::Map(body))?,
            ])
        }
    }
}

/// A source of the Secret behind that of the ConfigMap, or in its place.
pub(super) fn of_projected(split: &Split<'_>, source: Node<'_>) -> Result<Vec<Edit>, NoFix> {
    only(source, &["name", "items", "optional"])?;
    let item = source.parent().ok_or_else(|| odd("sources"))?;
    let list = item.parent().ok_or_else(|| odd("sources"))?;
    match parted(split, source)? {
        Parted::None => Ok(Vec::new()),
        Parted::All => {
            let mut edits = vec![source.rename_key("secret")?];
            edits.extend(renamed(split, source)?);
            Ok(edits)
        }
        Parted::Both(items) => {
            let mut moves = named(split, "name", source)?;
            let mut edits = Vec::new();
            if let Some((stay, moved)) = items {
                moves.insert(1, ("items".to_owned(), moved));
                let written = source.get("items").ok_or_else(|| odd("items"))?;
                edits.push(written.set(&stay)?);
            }
            let beside = Value::map([("secret", Value::Map(moves))]);
            edits.push(list.push(Place::After(item), &beside)?);
            Ok(edits)
        }
    }
}
