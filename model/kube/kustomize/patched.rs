//! Patches carried out: the value of a resource behind a strategic-merge or JSON patch, in which
//! each scalar knows where it is written.
//!
//! Strategic merging is kustomize's (`kyaml/yaml/merge2` with the schema of the built-in kinds):
//! items of a patch come before those that the list has, and lists of custom resources are
//! replaced. What is not understood is not guessed: the result is then not known.

use super::patch::{PatchDocument, merge_key};
use crate::kube::object::location::Location;
use crate::kube::object::resource::FileId;
use crate::yaml::{Kind, Node, NodeId};

/// How deep a value may nest.
const MAX_DEPTH: usize = 64;

/// Where a scalar is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The scalar; of an inline patch the scalar that holds the patch.
    pub location: Location,
    /// The node, unless it stands in the text of an inline patch.
    pub(in crate::kube) node: Option<(FileId, NodeId)>,
}

/// Where the nodes of a tree are written.
#[derive(Clone, Copy)]
pub(in crate::kube) enum Writer<'a> {
    /// In a file of the workspace.
    File(FileId),
    /// In a scalar of one.
    Inline(&'a Location),
}

/// A value.
#[derive(Debug, Clone)]
pub(in crate::kube) enum Value {
    Map(Vec<(String, Self)>),
    List(Vec<Self>),
    /// The scalar as JSON, and where it is written.
    Scalar(String, Origin),
}

impl Value {
    /// The value of a node; `None` when it has tags or merge keys, or nests too deep.
    pub(in crate::kube) fn of(node: Node<'_>, writer: Writer<'_>) -> Option<Self> {
        Self::at_depth(node, writer, MAX_DEPTH)
    }

    fn at_depth(node: Node<'_>, writer: Writer<'_>, depth: usize) -> Option<Self> {
        let (node, depth) = (node.target(), depth.checked_sub(1)?);
        if node.tag().is_some() {
            return None;
        }
        Some(match node.kind() {
            Kind::Mapping(_) => {
                let entry = |(key, value): (Node<'_>, _)| {
                    let key = key.text().filter(|_| key.source() != "<<")?.to_owned();
                    Some((key, Self::at_depth(value, writer, depth)?))
                };
                Self::Map(node.entries().map(entry).collect::<Option<_>>()?)
            }
            Kind::Sequence(_) => Self::List(
                node.items()
                    .map(|item| Self::at_depth(item, writer, depth))
                    .collect::<Option<_>>()?,
            ),
            Kind::Scalar(_) => {
                let origin = match writer {
                    Writer::File(file) => Origin {
                        location: Location::of(file, node),
                        node: Some((file, node.id())),
                    },
                    Writer::Inline(location) => Origin {
                        location: location.clone(),
                        node: None,
                    },
                };
                Self::Scalar(scalar(node)?, origin)
            }
            Kind::Alias => return None,
        })
    }

    fn get(&self, key: &str) -> Option<&Self> {
        let Self::Map(entries) = self else {
            return None;
        };
        entries.iter().find(|(k, _)| k == key).map(|(_, v)| v)
    }

    fn get_mut(&mut self, key: &str) -> Option<&mut Self> {
        let Self::Map(entries) = self else {
            return None;
        };
        entries.iter_mut().find(|(k, _)| k == key).map(|(_, v)| v)
    }

    /// The value as JSON; the origins of its scalars follow in order.
    pub(in crate::kube) fn write(&self, text: &mut String, origins: &mut Vec<Origin>) {
        match self {
            Self::Map(entries) => {
                text.push('{');
                for (at, (key, value)) in entries.iter().enumerate() {
                    text.push_str(if at == 0 { "" } else { ", " });
                    text.push_str(&quoted(key));
                    text.push_str(": ");
                    value.write(text, origins);
                }
                text.push('}');
            }
            Self::List(items) => {
                text.push('[');
                for (at, item) in items.iter().enumerate() {
                    text.push_str(if at == 0 { "" } else { ", " });
                    item.write(text, origins);
                }
                text.push(']');
            }
            Self::Scalar(json, origin) => {
                text.push_str(json);
                origins.push(origin.clone());
            }
        }
    }
}

/// A scalar as JSON, or as what kubectl reads like it.
fn scalar(node: Node<'_>) -> Option<String> {
    if node.is_null() {
        return Some("null".to_owned());
    }
    Some(
        node.as_str()
            .map_or_else(|| node.text().unwrap_or_default().to_owned(), quoted),
    )
    .filter(|text| !text.is_empty())
}

fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '\n' => quoted.push_str("\\n"),
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}') => {
                quoted.push_str("\\u");
                for shift in [12, 8, 4, 0] {
                    quoted.extend(char::from_digit(u32::from(c) >> shift & 0xf, 16));
                }
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// Carries out one document of a patch; `None` when what comes of it is not known. `lists` says
/// whether lists are merged.
pub(in crate::kube) fn apply(
    value: &mut Value,
    document: &PatchDocument,
    at: &Location,
    lists: bool,
) -> Option<()> {
    let writer = document.file.map_or(Writer::Inline(at), Writer::File);
    if document.selector.is_none() {
        return document
            .node()
            .items()
            .try_for_each(|op| operation(value, op, writer));
    }
    let mut patch = Value::of(document.node(), writer)?;
    if let Value::Map(entries) = &mut patch {
        entries.retain(|(key, _)| !matches!(key.as_str(), "apiVersion" | "kind"));
    }
    if let Some(Value::Map(metadata)) = patch.get_mut("metadata") {
        metadata.retain(|(key, _)| !matches!(key.as_str(), "name" | "namespace"));
    }
    merge(value, &patch, "", lists)
}

/// Merges a patch into a value; `field` is the name of the field that holds both.
fn merge(value: &mut Value, patch: &Value, field: &str, lists: bool) -> Option<()> {
    match (&mut *value, patch) {
        (Value::Map(entries), Value::Map(changes)) => {
            let replaces = match directive(changes)? {
                "replace" => true,
                "" => false,
                _ => return None,
            };
            if replaces {
                entries.clear();
            }
            for (key, change) in changes.iter().filter(|(key, _)| key != "$patch") {
                let deleted = matches!(change, Value::Scalar(json, _) if json == "null")
                    || matches!(change, Value::Map(inner) if directive(inner)? == "delete");
                if deleted {
                    entries.retain(|(known, _)| known != key);
                } else if let Some((_, inner)) = entries.iter_mut().find(|(known, _)| known == key)
                {
                    merge(inner, change, key, lists)?;
                } else {
                    entries.push((key.clone(), fresh(change)?));
                }
            }
            Some(())
        }
        (Value::List(items), Value::List(changes)) if lists => merge_lists(items, changes, field),
        _ => {
            *value = fresh(patch)?;
            Some(())
        }
    }
}

fn merge_lists(items: &mut Vec<Value>, changes: &[Value], field: &str) -> Option<()> {
    let Some(key) = changes.iter().find_map(|change| key_of(field, change)) else {
        *items = changes.iter().map(fresh).collect::<Option<_>>()?;
        return Some(());
    };
    let name = |item: &Value| {
        if let Some(Value::Scalar(json, _)) = item.get(key) {
            Some(json.clone())
        } else {
            None
        }
    };
    let mut merged = Vec::new();
    let mut replaced = false;
    for change in changes {
        let Value::Map(entries) = change else {
            return None;
        };
        match (directive(entries)?, name(change)) {
            ("replace", None) => replaced = true,
            ("delete", Some(gone)) => items.retain(|item| name(item).as_ref() != Some(&gone)),
            ("" | "replace", Some(own)) => match items
                .iter()
                .position(|item| name(item).as_ref() == Some(&own))
            {
                Some(at) => {
                    let mut item = items.remove(at);
                    merge(&mut item, change, "", true)?;
                    merged.push(item);
                }
                None => merged.push(fresh(change)?),
            },
            _ => return None,
        }
    }
    if !replaced {
        merged.append(items);
    }
    *items = merged;
    Some(())
}

/// The field by which the items of a list are told apart.
fn key_of(field: &str, item: &Value) -> Option<&'static str> {
    merge_key(field, |key| item.get(key).is_some())
}

/// What `$patch` says; empty without it, and `None` when there are other directives.
fn directive(entries: &[(String, Value)]) -> Option<&str> {
    let mut found = "";
    for (key, value) in entries.iter().filter(|(key, _)| key.starts_with('$')) {
        let Value::Scalar(json, _) = value else {
            return None;
        };
        if key != "$patch" {
            return None;
        }
        found = json.trim_matches('"');
    }
    Some(found)
}

/// A part of a patch where there was nothing to merge it into: without directives and nulls.
fn fresh(patch: &Value) -> Option<Value> {
    Some(match patch {
        Value::Map(entries) => {
            if !matches!(directive(entries)?, "" | "replace") {
                return None;
            }
            let kept = entries.iter().filter(|(key, value)| {
                key != "$patch" && !matches!(value, Value::Scalar(json, _) if json == "null")
            });
            Value::Map(
                kept.map(|(key, value)| Some((key.clone(), fresh(value)?)))
                    .collect::<Option<_>>()?,
            )
        }
        Value::List(items) => Value::List(items.iter().map(fresh).collect::<Option<_>>()?),
        scalar @ Value::Scalar(..) => scalar.clone(),
    })
}

/// Carries out one operation of a JSON patch (RFC 6902).
fn operation(value: &mut Value, op: Node<'_>, writer: Writer<'_>) -> Option<()> {
    let pointer = |key: &str| -> Option<Vec<String>> {
        let text = op.get(key).and_then(Node::text)?.strip_prefix('/')?;
        Some(
            text.split('/')
                .map(|s| s.replace("~1", "/").replace("~0", "~"))
                .collect(),
        )
    };
    let path = pointer("path")?;
    match op.get("op").and_then(Node::text)? {
        "add" => add(value, &path, Value::of(op.get("value")?, writer)?),
        "replace" => {
            let (inner, change) = (find(value, &path)?, Value::of(op.get("value")?, writer)?);
            *inner = change;
            Some(())
        }
        "remove" => remove(value, &path).map(|_| ()),
        "move" => {
            let moved = remove(value, &pointer("from")?)?;
            add(value, &path, moved)
        }
        "copy" => {
            let copied = find(value, &pointer("from")?)?.clone();
            add(value, &path, copied)
        }
        "test" => Some(()),
        _ => None,
    }
}

fn find<'v>(value: &'v mut Value, path: &[String]) -> Option<&'v mut Value> {
    path.iter().try_fold(value, |at, segment| match at {
        Value::List(items) => items.get_mut(segment.parse::<usize>().ok()?),
        map => map.get_mut(segment),
    })
}

fn add(value: &mut Value, path: &[String], new: Value) -> Option<()> {
    let (last, above) = path.split_last()?;
    match find(value, above)? {
        Value::List(items) if last == "-" => items.push(new),
        Value::List(items) => {
            let at = last.parse::<usize>().ok().filter(|at| *at <= items.len())?;
            items.insert(at, new);
        }
        Value::Map(entries) => match entries.iter_mut().find(|(key, _)| key == last) {
            Some((_, known)) => *known = new,
            None => entries.push((last.clone(), new)),
        },
        Value::Scalar(..) => return None,
    }
    Some(())
}

fn remove(value: &mut Value, path: &[String]) -> Option<Value> {
    let (last, above) = path.split_last()?;
    match find(value, above)? {
        Value::List(items) => {
            let at = last.parse::<usize>().ok().filter(|at| *at < items.len())?;
            Some(items.remove(at))
        }
        Value::Map(entries) => {
            let at = entries.iter().position(|(key, _)| key == last)?;
            Some(entries.remove(at).1)
        }
        Value::Scalar(..) => None,
    }
}
