//! The independent judge of edits: both texts as plain values, read by `yaml-rust2`'s own loader, or
//! by libyaml where that refuses a text, and the same change made on values.

use kubewright_model::yaml::{Edit, File, Kind, Level, Node, Op, Value};
use serde::Deserialize;
use yaml_rust2::{Yaml, YamlLoader};

/// Whether the documents have the shape of the span tree, aliases aside.
pub(crate) fn fits(file: &File, documents: &[Plain]) -> bool {
    fn same(node: Node<'_>, plain: &Plain) -> bool {
        match (node.kind(), plain) {
            (Kind::Alias, _) | (Kind::Scalar(_), Plain::Scalar(_)) => true,
            (Kind::Sequence(_), Plain::Seq(items)) => {
                items.len() == node.children().count()
                    && node.children().zip(items).all(|(n, p)| same(n, p))
            }
            (Kind::Mapping(_), Plain::Map(entries)) => {
                entries.len() == node.entries().count()
                    && node
                        .entries()
                        .zip(entries)
                        .all(|((_, v), (_, p))| same(v, p))
            }
            _ => false,
        }
    }
    documents.len() == file.documents().len()
        && documents
            .iter()
            .enumerate()
            .all(|(i, plain)| file.root(i).is_some_and(|root| same(root, plain)))
}

/// A document as a plain value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Plain {
    Scalar(Yaml),
    Seq(Vec<Self>),
    Map(Vec<(Self, Self)>),
}

/// All documents of `text`; `None` where the loader does not read it.
pub(crate) fn load(text: &str) -> Option<Vec<Plain>> {
    let open = !text.ends_with('\n') && !text.is_empty();
    // The loader reads a block scalar that ends with the text in another way than one that
    // something follows.
    let mut documents = closed(text, if open { "\n" } else { "" })?;
    // A break that was added is part of the value where something else in its place would be, too.
    let added = |last: &str| {
        let with =
            closed(text, "x\n").and_then(|mut documents| last_text(documents.last_mut()?).cloned());
        last.strip_suffix('\n')
            .is_some_and(|without| with == Some(format!("{without}x\n")))
    };
    if open
        && let Some(last) = documents.last_mut().and_then(last_text)
        && added(last)
    {
        last.pop();
    }
    Some(documents)
}

/// Whether `result` means what edits of a file were to make of it, which is read as `before`. The
/// loader refuses brackets and quotes in the column of what their collection is a value of; libyaml,
/// and so kubectl, reads them, and judges then, by what it reads of both texts. `None` where neither
/// can.
pub(crate) fn is_meant(
    file: &File,
    before: &[Plain],
    edits: &[&Edit],
    result: &str,
) -> Option<bool> {
    if let Some(documents) = load(result) {
        return Some(documents == change(file, before, edits));
    }
    let before = by_libyaml(file.text()).filter(|before| fits(file, before))?;
    Some(by_libyaml(result) == Some(change(file, &before, edits)))
}

/// All documents of `text`, as libyaml reads them.
fn by_libyaml(text: &str) -> Option<Vec<Plain>> {
    fn plain(value: serde_yaml::Value) -> Plain {
        use serde_yaml::Value as Read;
        Plain::Scalar(match value {
            Read::Sequence(items) => return Plain::Seq(items.into_iter().map(plain).collect()),
            Read::Mapping(entries) => {
                let entries = entries.into_iter().map(|(k, v)| (plain(k), plain(v)));
                return Plain::Map(entries.collect());
            }
            Read::Tagged(tagged) => return plain(tagged.value),
            Read::Null => Yaml::Null,
            Read::Bool(value) => Yaml::Boolean(value),
            Read::Number(number) => number
                .as_i64()
                .map_or_else(|| Yaml::Real(number.to_string()), Yaml::Integer),
            Read::String(text) => Yaml::String(text),
        })
    }
    serde_yaml::Deserializer::from_str(text.trim_start_matches('\u{feff}'))
        .map(|document| serde_yaml::Value::deserialize(document).ok().map(plain))
        .collect()
}

fn closed(text: &str, end: &str) -> Option<Vec<Plain>> {
    let text = format!("{}{end}...\n", text.trim_start_matches('\u{feff}'));
    let documents = YamlLoader::load_from_str(&text).ok()?;
    Some(documents.into_iter().map(plain).collect())
}

fn last_text(plain: &mut Plain) -> Option<&mut String> {
    match plain {
        Plain::Seq(items) => last_text(items.last_mut()?),
        Plain::Map(entries) => last_text(&mut entries.last_mut()?.1),
        Plain::Scalar(Yaml::String(text)) => Some(text),
        Plain::Scalar(_) => None,
    }
}

fn plain(yaml: Yaml) -> Plain {
    match yaml {
        Yaml::Array(items) => Plain::Seq(items.into_iter().map(plain).collect()),
        Yaml::Hash(entries) => Plain::Map(
            entries
                .into_iter()
                .map(|(k, v)| (plain(k), plain(v)))
                .collect(),
        ),
        other => Plain::Scalar(other),
    }
}

fn written(value: &Value) -> Plain {
    match value {
        Value::Null => Plain::Scalar(Yaml::Null),
        Value::Bool(b) => Plain::Scalar(Yaml::Boolean(*b)),
        Value::Int(n) => Plain::Scalar(Yaml::Integer(*n)),
        Value::Str(text) | Value::Quoted(text) => key(text),
        Value::Seq(items) => Plain::Seq(items.iter().map(written).collect()),
        Value::Map(entries) => {
            Plain::Map(entries.iter().map(|(k, v)| (key(k), written(v))).collect())
        }
        Value::Flow(value) => written(value),
    }
}

fn key(text: &str) -> Plain {
    Plain::Scalar(Yaml::String(text.to_owned()))
}

/// The documents after `edits`, from those before; only for edits that do not contradict each
/// other.
pub(crate) fn change(file: &File, documents: &[Plain], edits: &[&Edit]) -> Vec<Plain> {
    let changes = Changes { edits };
    let mut out = Vec::new();
    for (index, plain) in documents.iter().enumerate() {
        let gone = edits
            .iter()
            .any(|e| matches!(e.op, Op::RemoveDocument { document } if document == index));
        if let (Some(root), false) = (file.root(index), gone) {
            out.push((index, changes.of(root, plain)));
        }
    }
    let mut moves: Vec<(usize, usize)> = (edits.iter())
        .filter_map(|e| match e.op {
            Op::MoveDocument { document, before } => Some((document, before)),
            _ => None,
        })
        .collect();
    moves.sort_unstable();
    for (document, before) in moves {
        let at = |number: usize| out.iter().position(|(index, _)| *index == number);
        if let (Some(from), Some(to)) = (at(document), at(before)) {
            let document = out.remove(from);
            out.insert(to, document);
        }
    }
    out.into_iter().map(|(_, plain)| plain).collect()
}

struct Changes<'e> {
    edits: &'e [&'e Edit],
}

impl Changes<'_> {
    fn ops(&self) -> impl Iterator<Item = &Op> {
        self.edits.iter().map(|edit| &edit.op)
    }

    /// What `node`, which was `plain`, is afterwards.
    fn of(&self, node: Node<'_>, plain: &Plain) -> Plain {
        let id = node.id();
        if let Some(value) = self.ops().find_map(|op| {
            if let Op::Set { node, value } = op {
                (*node == id).then_some(value)
            } else {
                None
            }
        }) {
            return written(value);
        }
        if node.kind() == Kind::Alias {
            return plain.clone();
        }
        let pushed = |index: usize| {
            self.ops().filter_map(move |op| match op {
                Op::Push {
                    sequence,
                    at,
                    value,
                } if *sequence == id && *at == index => Some(written(value)),
                _ => None,
            })
        };
        let inserted = |index: usize| {
            self.ops().filter_map(move |op| match op {
                Op::Insert {
                    mapping,
                    at,
                    key: name,
                    value,
                } if *mapping == id && *at == index => Some((key(name), written(value))),
                _ => None,
            })
        };
        let gone = |child: Node<'_>| {
            self.ops()
                .any(|op| matches!(op, Op::Remove { node } if *node == child.id()))
        };
        match plain {
            Plain::Seq(items) => {
                let mut out = Vec::new();
                let mut old = node.children().zip(items);
                for index in 0..=items.len() {
                    out.extend(pushed(index));
                    out.extend(
                        old.next()
                            .filter(|(child, _)| !gone(*child))
                            .map(|(child, item)| self.of(child, item)),
                    );
                }
                Plain::Seq(out)
            }
            Plain::Map(entries) => {
                let mut out: Vec<(Plain, Plain)> = Vec::new();
                let mut old = node.entries().zip(entries);
                // Where the run that moves began, and what it moves under.
                let mut run: Option<(usize, usize, &[Level])> = None;
                for index in 0..=entries.len() {
                    if let Some((from, end, under)) = run
                        && end == index
                    {
                        let moved = out.split_off(from);
                        out.extend(nested(moved, under));
                        run = None;
                    }
                    out.extend(inserted(index));
                    for op in self.ops() {
                        match op {
                            Op::Nest {
                                mapping,
                                entries,
                                under,
                            } if *mapping == id && entries.start == index => {
                                run = Some((out.len(), entries.end, under));
                            }
                            _ => {}
                        }
                    }
                    if let Some(((name, value), (was, plain))) = old.next()
                        && !gone(value)
                    {
                        let to = self.ops().find_map(|op| match op {
                            Op::Rename { key, to } if *key == name.id() => Some(self::key(to)),
                            _ => None,
                        });
                        out.push((to.unwrap_or_else(|| was.clone()), self.of(value, plain)));
                    }
                }
                Plain::Map(out)
            }
            Plain::Scalar(_) => {
                let (entries, items): (Vec<_>, Vec<_>) =
                    (inserted(0).collect(), pushed(0).collect());
                match (entries.is_empty(), items.is_empty()) {
                    (false, _) => Plain::Map(entries),
                    (_, false) => Plain::Seq(items),
                    _ => plain.clone(),
                }
            }
        }
    }
}

/// `entries` under new keys, outermost first.
fn nested(entries: Vec<(Plain, Plain)>, under: &[Level]) -> Vec<(Plain, Plain)> {
    let mut inner = entries;
    for level in under.iter().rev() {
        let new = |list: &[(String, Value)]| {
            list.iter()
                .map(|(k, v)| (key(k), written(v)))
                .collect::<Vec<_>>()
        };
        let mut map = new(&level.before);
        map.append(&mut inner);
        map.append(&mut new(&level.behind));
        let value = if level.item {
            Plain::Seq(vec![Plain::Map(map)])
        } else {
            Plain::Map(map)
        };
        inner = vec![(key(&level.key), value)];
    }
    inner
}

/// The text after the splices of `edit`, and nothing else.
pub(crate) fn spliced(text: &str, edit: &Edit) -> String {
    let (mut out, mut at) = (String::new(), 0);
    for splice in &edit.splices {
        out.push_str(&text[at..splice.range.start]);
        out.push_str(&splice.text);
        at = splice.range.end;
    }
    out.push_str(&text[at..]);
    out
}
