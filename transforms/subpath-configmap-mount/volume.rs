//! Volumes made of ConfigMaps and Secrets: what they hold, and the `projected` volume that takes
//! their place.

use std::cell::OnceCell;
use std::rc::Rc;

use kubewright_model::finding::{NoFix, ReasonCode as _};
use kubewright_model::kube::Target;
use kubewright_model::text;
use kubewright_model::text::{Field, Named, Verbatim};
use kubewright_model::yaml::{Edit, Level, Node, Refusal, Value};

use super::codes::Code;
use super::objects::Known;

/// The mode of files without `defaultMode` (`ConfigMapVolumeSourceDefaultMode` of
/// k8s.io/api/core/v1).
const DEFAULT_MODE: i64 = 0o644;

/// An item of `volumes` that is a `configMap`, `secret` or `projected` volume.
#[derive(Debug, Clone)]
pub(super) struct Volume<'a> {
    /// The item.
    pub(super) node: Node<'a>,
    /// Its name.
    pub(super) name: &'a str,
    /// The mapping under `configMap`, `secret` or `projected`.
    pub(super) body: Node<'a>,
    /// It is a `projected` volume.
    pub(super) projected: bool,
    default_mode: Option<i64>,
    /// What it is made of, in order.
    pub(super) sources: Vec<VolumeSource<'a>>,
    value: OnceCell<Option<Value>>,
}

/// A source of a volume.
#[derive(Debug, Clone)]
pub(super) struct VolumeSource<'a> {
    /// `None` for sources that are no objects: `downwardAPI`, `serviceAccountToken`, ….
    pub(super) to: Option<Target>,
    /// The object's name.
    pub(super) name: &'a str,
    /// `items`; `None` for all keys.
    pub(super) items: Option<Vec<Item>>,
    /// `optional: true`
    pub(super) optional: bool,
    /// It is a `serviceAccountToken`.
    token: bool,
    node: Node<'a>,
}

/// A file of a volume.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Item {
    /// Path below the volume.
    pub(super) path: String,
    /// Key of the object.
    pub(super) key: String,
    /// `mode`
    pub(super) mode: Option<i64>,
}

/// What a subPath of a volume is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Found {
    /// A file, of the source at this index.
    File(usize, Item),
    /// A directory: its files with the subPath taken off their paths, each with the index of its
    /// source.
    Directory(Vec<(usize, Item)>),
    /// Nothing: the kubelet makes an empty directory. The index is of the source that should have
    /// it.
    Missing(usize),
    /// A file of a source that is no object.
    Other,
    /// It cannot be told which source it comes from.
    Unknown,
}

impl<'a> Volume<'a> {
    /// Reads an item of `volumes`; `None` for other types of volumes.
    pub(super) fn read(node: Node<'a>) -> Option<Self> {
        let name = node.get("name")?.text()?;
        let default_mode = |body: Node<'_>| body.get("defaultMode").and_then(Node::as_int);
        for key in ["configMap", "secret"] {
            if let Some(body) = node.get(key).filter(|n| n.is_mapping()) {
                let source = VolumeSource::read(key, body);
                return Some(Self {
                    node,
                    name,
                    body,
                    projected: false,
                    default_mode: default_mode(body),
                    sources: vec![source],
                    value: OnceCell::new(),
                });
            }
        }
        let body = node.get("projected").filter(|n| n.is_mapping())?;
        let items = body.get("sources").map(Node::items).into_iter().flatten();
        let sources = items
            .filter_map(|item| item.entries().next())
            .map(|(key, body)| VolumeSource::read(key.text().unwrap_or(""), body))
            .collect();
        Some(Self {
            node,
            name,
            body,
            projected: true,
            default_mode: default_mode(body),
            sources,
            value: OnceCell::new(),
        })
    }

    /// The list that it is part of.
    pub(super) fn list(&self) -> Result<Node<'a>, Refusal> {
        self.node.parent().ok_or(Refusal {
            code: Code::VolumeFields.code(),
            text: "the volume is not part of a list",
        })
    }

    /// The mapping under `configMap`, `secret` or `projected` as a value.
    pub(super) fn value(&self) -> Option<&Value> {
        self.value.get_or_init(|| self.body.to_value()).as_ref()
    }

    /// Whether all of it is understood: a field that is not would get lost on the way.
    pub(super) fn check(&self) -> Result<(), NoFix> {
        self.check_fields()?;
        match self.sources.iter().find(|s| s.optional) {
            Some(source) => Err(NoFix::new(
                Code::Optional,
                text![
                    source.display(),
                    " is optional: without it a link would lead nowhere, where now an empty \
                     directory is"
                ],
            )),
            None => Ok(()),
        }
    }

    /// Whether all its fields are understood, be its sources optional or not.
    pub(super) fn check_fields(&self) -> Result<(), NoFix> {
        let own: &[&str] = match (self.projected, self.sources.first().and_then(|s| s.to)) {
            (true, _) => &["sources", "defaultMode"],
            (false, Some(Target::Secret)) => &["secretName", "items", "defaultMode", "optional"],
            (false, _) => &["name", "items", "defaultMode", "optional"],
        };
        let unknown = unknown(self.body, own)
            .or_else(|| unknown(self.node, &["name", "configMap", "secret", "projected"]))
            .or_else(|| {
                self.sources
                    .iter()
                    .filter(|_| self.projected)
                    .find_map(|s| {
                        unknown(s.node, &["name", "items", "optional"]).filter(|_| s.to.is_some())
                    })
            })
            .or_else(|| {
                self.sources.iter().find_map(|s| {
                    s.node
                        .get("items")?
                        .items()
                        .find_map(|i| unknown(i, &["key", "path", "mode"]))
                })
            });
        if let Some(field) = unknown {
            return Err(NoFix::new(
                Code::VolumeFields,
                text![
                    "volume ",
                    &self.name,
                    " has the field ",
                    Field(field),
                    ", which is not known to survive in a projected volume"
                ],
            ));
        }
        let odd = |n: Node<'_>| match n.key().and_then(Node::text) {
            Some("defaultMode" | "mode") => n.as_int().is_none(),
            Some("optional") => n.as_bool().is_none(),
            _ => false,
        };
        if let Some(node) = self.body.descendants().find(|n| odd(*n)) {
            let (field, text) = (
                node.key().and_then(Node::text).unwrap_or_default(),
                node.text().unwrap_or_default(),
            );
            if field != "optional"
                && !text.is_empty()
                && text.bytes().all(|b| b.is_ascii_digit() || b == b'o')
            {
                let text = text![
                    Field(field),
                    " \"",
                    &text,
                    "\" is a string where the API server wants a number: write it as a decimal \
                     number first"
                ];
                return Err(NoFix::new(Code::ModeAsString, text));
            }
            return Err(NoFix::new(
                Code::Placeholder,
                text![
                    Verbatim(node.text().unwrap_or("a field")),
                    " is filled in by another tool"
                ],
            ));
        }
        Ok(())
    }

    /// The source that is a service account token at that path.
    pub(super) fn token(&self, sub_path: &str) -> Option<&VolumeSource<'a>> {
        let path = |source: &&VolumeSource<'a>| {
            source.node.get("path").and_then(Node::text) == Some(sub_path)
        };
        self.sources.iter().filter(|s| s.token).find(path)
    }

    /// What `sub_path` is; `known` tells what is known of the object of a source.
    pub(super) fn find(
        &self,
        sub_path: &str,
        known: impl Fn(&VolumeSource<'_>) -> Option<Rc<Known>>,
    ) -> Found {
        let wanted: Vec<&str> = sub_path
            .split('/')
            .filter(|s| !s.is_empty() && *s != ".")
            .collect();
        let path = wanted.join("/");
        if path.is_empty() || wanted.contains(&"..") {
            return Found::Unknown;
        }
        let mut directory = Vec::new();
        let mut candidate = None;
        for (index, source) in self.sources.iter().enumerate().rev() {
            if source.to.is_none() {
                if source.node.descendants().any(|n| n.text() == Some(&path)) {
                    return Found::Other;
                }
                continue;
            }
            if let Some(items) = &source.items {
                if let Some(item) = items.iter().find(|i| i.path == path) {
                    return if candidate.is_some() {
                        Found::Unknown
                    } else {
                        Found::File(index, item.clone())
                    };
                }
                let below = items.iter().filter_map(|i| {
                    Some((
                        index,
                        Item {
                            path: i.path.strip_prefix(&path)?.strip_prefix('/')?.into(),
                            ..i.clone()
                        },
                    ))
                });
                directory.extend(below);
            } else if wanted.len() == 1 {
                let item = Item {
                    path: path.clone(),
                    key: path.clone(),
                    mode: None,
                };
                match known(source).as_ref().and_then(|known| known.keys.as_ref()) {
                    Some(keys) if !keys.contains(&path) => {}
                    Some(_) if candidate.is_none() => return Found::File(index, item),
                    None if candidate.is_none() => candidate = Some((index, item)),
                    _ => return Found::Unknown,
                }
            }
        }
        match (candidate, directory.is_empty()) {
            (Some((index, item)), true)
                if self.sources.iter().filter(|s| s.to.is_some()).count() == 1 =>
            {
                Found::File(index, item)
            }
            (Some(_), _) => Found::Unknown,
            (None, false) => {
                directory.sort_by_key(|(index, _)| *index);
                Found::Directory(directory)
            }
            (None, true) => self
                .sources
                .iter()
                .position(|s| s.to.is_some())
                .map_or(Found::Other, Found::Missing),
        }
    }

    /// The mode a file of it gets.
    fn mode(&self, item: &Item) -> i64 {
        item.mode.or(self.default_mode).unwrap_or(DEFAULT_MODE)
    }

    /// A projected volume with just these files.
    pub(super) fn only(&self, files: &[(usize, Item)]) -> Value {
        let sources = self
            .sources
            .iter()
            .enumerate()
            .filter_map(|(index, source)| {
                let mut items: Vec<&Item> = Vec::new();
                for (_, item) in files.iter().filter(|(i, _)| *i == index) {
                    if !items.contains(&item) {
                        items.push(item);
                    }
                }
                (!items.is_empty()).then(|| source.with_items(&items))
            });
        self.with_sources(sources.collect())
    }

    /// This volume as a projected one that has `item` of `inner`'s source too, with the mode that
    /// it has there.
    pub(super) fn merged(&self, inner: &Self, source: usize, item: &Item) -> Option<Value> {
        let mode = inner.mode(item);
        let same = mode == self.default_mode.unwrap_or(DEFAULT_MODE);
        let item = Item {
            mode: (!same).then_some(mode),
            ..item.clone()
        };
        let mut sources = Vec::new();
        for own in &self.sources {
            match (&own.items, own.to) {
                (Some(items), Some(_)) => {
                    let left: Vec<&Item> = items.iter().filter(|i| i.path != item.path).collect();
                    if !left.is_empty() {
                        sources.push(own.with_items(&left));
                    }
                }
                (None, Some(_)) => sources.push(own.whole()),
                _ => sources.push(Value::map([(
                    own.node.key()?.text()?,
                    own.node.to_value()?,
                )])),
            }
        }
        sources.push(inner.sources.get(source)?.with_items(&[&item]));
        Some(self.with_sources(sources))
    }

    /// The edits that make the volume a projected one that says `body`, where all that it has can
    /// stay as it is written: its source moves below `projected`, only `items` are added.
    pub(super) fn nested(&self, body: &Value) -> Option<Vec<Edit>> {
        let [source] = self.sources.as_slice() else {
            return None;
        };
        let wanted = match field(body, "sources")? {
            Value::Seq(sources) if sources.len() == 1 => {
                field(field(sources.first()?, source.key())?, "items")?
            }
            _ => return None,
        };
        let behind = match self.body.get("items") {
            Some(items) if items.to_value().as_ref() == Some(wanted) => Vec::new(),
            None => vec![("items".to_owned(), wanted.clone())],
            Some(_) => return None,
        };
        let stays = |entry: &(Node<'_>, Node<'_>)| entry.0.text() == Some("defaultMode");
        let entries: Vec<_> = self.body.entries().collect();
        let first = entries.iter().position(|e| !stays(e))?;
        let last = entries.iter().rposition(|e| !stays(e))?;
        if self.projected || entries.get(first..=last)?.iter().any(stays) {
            return None;
        }
        let under = vec![
            Level::new("sources").item(),
            Level::new(source.key()).behind(behind),
        ];
        let mut edits = vec![
            self.body.rename_key("projected").ok()?,
            self.body.nest(first..last + 1, under).ok()?,
        ];
        if let Some(name) = self.body.get("secretName") {
            edits.push(name.rename_key("name").ok()?);
        }
        Some(edits)
    }

    fn with_sources(&self, sources: Vec<Value>) -> Value {
        let mode = self
            .default_mode
            .map(|mode| ("defaultMode", Value::Int(mode)));
        Value::map(mode.into_iter().chain([("sources", Value::Seq(sources))]))
    }
}

impl<'a> VolumeSource<'a> {
    fn read(key: &str, node: Node<'a>) -> Self {
        let to = match key {
            "configMap" => Some(Target::ConfigMap),
            "secret" => Some(Target::Secret),
            _ => None,
        };
        let name = node
            .get("secretName")
            .or_else(|| node.get("name"))
            .and_then(Node::text)
            .unwrap_or_default();
        let items = node
            .get("items")
            .filter(|n| n.is_sequence() && n.items().next().is_some());
        let items = items.map(|n| {
            let text = |item: Node<'_>, key| {
                item.get(key)
                    .and_then(Node::text)
                    .unwrap_or_default()
                    .to_owned()
            };
            let path = |item| {
                text(item, "path")
                    .split('/')
                    .filter(|s| !s.is_empty() && *s != ".")
                    .collect::<Vec<_>>()
                    .join("/")
            };
            n.items()
                .map(|i| Item {
                    path: path(i),
                    key: text(i, "key"),
                    mode: i.get("mode").and_then(Node::as_int),
                })
                .collect()
        });
        Self {
            to,
            name,
            items,
            optional: node
                .get("optional")
                .and_then(Node::as_bool)
                .unwrap_or(false),
            token: key == "serviceAccountToken",
            node,
        }
    }

    /// "ConfigMap web"
    pub(super) fn display(&self) -> Named {
        Named::new(self.to.map_or("source", Target::kind), self.name)
    }

    fn with_items(&self, items: &[&Item]) -> Value {
        let items = items.iter().map(|item| {
            let mode = item.mode.map(|mode| ("mode", Value::Int(mode)));
            Value::map(
                [
                    ("key", Value::str(&item.key)),
                    ("path", Value::str(&item.path)),
                ]
                .into_iter()
                .chain(mode),
            )
        });
        let fields = [
            ("name", Value::str(self.name)),
            ("items", Value::Seq(items.collect())),
        ];
        self.wrapped(
            fields
                .into_iter()
                .chain(self.optional.then_some(("optional", Value::Bool(true)))),
        )
    }

    fn whole(&self) -> Value {
        let name = [("name", Value::str(self.name))];
        self.wrapped(
            name.into_iter()
                .chain(self.optional.then_some(("optional", Value::Bool(true)))),
        )
    }

    fn wrapped(&self, fields: impl IntoIterator<Item = (&'static str, Value)>) -> Value {
        Value::map([(self.key(), Value::map(fields))])
    }

    /// The key that it stands under in a volume.
    fn key(&self) -> &'static str {
        if self.to == Some(Target::Secret) {
            "secret"
        } else {
            "configMap"
        }
    }
}

/// A projected volume with files of several volumes, each with the mode that it has there. The mode
/// of the first volume is that of the new one: `projected` has one for all its sources.
pub(super) fn gathered(files: &[(&Volume<'_>, usize, Item)]) -> Value {
    let Some((first, ..)) = files.first() else {
        return Value::Map(Vec::new());
    };
    let base = first.default_mode.unwrap_or(DEFAULT_MODE);
    let mut sources: Vec<(&VolumeSource<'_>, Vec<Item>)> = Vec::new();
    for (volume, index, item) in files {
        let Some(source) = volume.sources.get(*index) else {
            continue;
        };
        let mode = volume.mode(item);
        let item = Item {
            mode: item.mode.or((mode != base).then_some(mode)),
            ..item.clone()
        };
        match sources
            .iter_mut()
            .find(|(s, _)| s.to == source.to && s.name == source.name)
        {
            Some((_, items)) => items.push(item),
            None => sources.push((source, vec![item])),
        }
    }
    first.with_sources(
        sources
            .iter()
            .map(|(source, items)| source.with_items(&items.iter().collect::<Vec<_>>()))
            .collect(),
    )
}

/// The value of a key of a mapping.
fn field<'v>(value: &'v Value, key: &str) -> Option<&'v Value> {
    match value {
        Value::Map(entries) => entries.iter().find(|(k, _)| k == key).map(|(_, v)| v),
        _ => None,
    }
}

/// The first key of a mapping that is not among `known`.
fn unknown<'a>(node: Node<'a>, known: &[&str]) -> Option<&'a str> {
    node.entries()
        .filter_map(|(key, _)| key.text())
        .find(|key| !known.contains(key))
}
