//! The independent judge of one edit: both texts as plain values, read by `yaml-rust2`'s own loader, and the same change made on values.

use kubewright_model::yaml::{Edit, File, Kind, Node, NodeId, Op, Value};
use yaml_rust2::{Yaml, YamlLoader};

/// Whether the documents have the shape of the span tree, aliases aside.
pub(crate) fn fits(file: &File, documents: &[Plain]) -> bool {
    fn same(node: Node<'_>, plain: &Plain) -> bool {
        match (node.kind(), plain) {
            (Kind::Alias, _) | (Kind::Scalar(_), Plain::Scalar(_)) => true,
            (Kind::Sequence(_), Plain::Seq(items)) => {
                items.len() == node.children().count() && node.children().zip(items).all(|(n, p)| same(n, p))
            }
            (Kind::Mapping(_), Plain::Map(entries)) => {
                entries.len() == node.entries().count() && node.entries().zip(entries).all(|((_, v), (_, p))| same(v, p))
            }
            _ => false,
        }
    }
    documents.len() == file.documents().len()
        && documents.iter().enumerate().all(|(i, plain)| file.root(i).is_some_and(|root| same(root, plain)))
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
    // The loader reads a block scalar that ends with the text in another way than one that something follows.
    let closed = format!("{}{}...\n", text.trim_start_matches('\u{feff}'), if text.ends_with('\n') || text.is_empty() { "" } else { "\n" });
    let documents = YamlLoader::load_from_str(&closed).ok()?;
    Some(documents.into_iter().map(plain).collect())
}

fn plain(yaml: Yaml) -> Plain {
    match yaml {
        Yaml::Array(items) => Plain::Seq(items.into_iter().map(plain).collect()),
        Yaml::Hash(entries) => Plain::Map(entries.into_iter().map(|(k, v)| (plain(k), plain(v))).collect()),
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
        Value::Map(entries) => Plain::Map(entries.iter().map(|(k, v)| (key(k), written(v))).collect()),
        Value::Flow(value) => written(value),
    }
}

fn key(text: &str) -> Plain {
    Plain::Scalar(Yaml::String(text.to_owned()))
}

/// Document and positions of `node` on the way from its root.
fn way(node: Node<'_>) -> (usize, Vec<usize>) {
    let mut positions = Vec::new();
    let mut at = node;
    while let Some(parent) = at.parent() {
        positions.push(at.position().unwrap());
        at = parent;
    }
    positions.reverse();
    (node.document(), positions)
}

fn find<'p>(documents: &'p mut [Plain], file: &File, node: NodeId) -> &'p mut Plain {
    let (document, positions) = way(file.node(node));
    positions.into_iter().fold(&mut documents[document], |plain, position| match plain {
        Plain::Seq(items) => &mut items[position],
        Plain::Map(entries) => &mut entries[position].1,
        Plain::Scalar(_) => panic!("a scalar on the way"),
    })
}

/// The documents after `edit`, from those before it.
pub(crate) fn change(file: &File, mut documents: Vec<Plain>, edit: &Edit) -> Vec<Plain> {
    match &edit.op {
        Op::Set { node, value } => *find(&mut documents, file, *node) = written(value),
        Op::Insert { mapping, at, key: name, value } => {
            let target = find(&mut documents, file, *mapping);
            let entry = (key(name), written(value));
            match target {
                Plain::Map(entries) => entries.insert(*at, entry),
                other => *other = Plain::Map(vec![entry]),
            }
        }
        Op::Push { sequence, at, value } => match find(&mut documents, file, *sequence) {
            Plain::Seq(items) => items.insert(*at, written(value)),
            other => *other = Plain::Seq(vec![written(value)]),
        },
        Op::Remove { node } => {
            let node = file.node(*node);
            let position = node.position().unwrap();
            match find(&mut documents, file, node.parent().unwrap().id()) {
                Plain::Seq(items) => drop(items.remove(position)),
                Plain::Map(entries) => drop(entries.remove(position)),
                Plain::Scalar(_) => panic!("a child of a scalar"),
            }
        }
        Op::Rename { key: node, to } => {
            let node = file.node(*node);
            let position = node.position().unwrap();
            match find(&mut documents, file, node.parent().unwrap().id()) {
                Plain::Map(entries) => entries[position].0 = key(to),
                _ => panic!("a key outside a mapping"),
            }
        }
        Op::Nest { mapping, entries: range, under } => match find(&mut documents, file, *mapping) {
            Plain::Map(entries) => {
                let mut inner: Vec<_> = entries.drain(range.clone()).collect();
                for level in under.iter().rev() {
                    let new = |list: &[(String, Value)]| list.iter().map(|(k, v)| (key(k), written(v))).collect::<Vec<_>>();
                    let mut map = new(&level.before);
                    map.append(&mut inner);
                    map.append(&mut new(&level.behind));
                    let value = if level.item { Plain::Seq(vec![Plain::Map(map)]) } else { Plain::Map(map) };
                    inner = vec![(key(&level.key), value)];
                }
                entries.splice(range.start..range.start, inner);
            }
            _ => panic!("nothing to nest"),
        },
        Op::InsertDocument { at, value } => documents.insert(*at, written(value)),
        Op::RemoveDocument { document } => drop(documents.remove(*document)),
        Op::ReplaceDocument { .. } => {}
    }
    documents
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
