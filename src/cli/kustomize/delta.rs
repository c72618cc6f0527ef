//! What a fix changes in a document that was built, and the same change elsewhere: in the file that
//! the document comes from, or as a patch.

use std::fmt::Write as _;

use kubewright_model::finding::NoFix;
use kubewright_model::kube::BuildCode;
use kubewright_model::text;
use kubewright_model::yaml::{self, Edit, Kind, Node, Place, ScalarStyle, Value, verify};

/// Keys whose values tell items of a list apart.
const NAMES: [&str; 4] = ["name", "mountPath", "containerPort", "key"];

/// One step of a way to a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    Key(String),
    /// An item, with what tells it from the others.
    Item(usize, Option<(&'static str, String)>),
}

/// The ways of several deltas are walked alike.
pub(super) type Way = Vec<Step>;

/// One changed value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Delta {
    pub(super) way: Way,
    /// What was there.
    old: Option<Value>,
    /// What is.
    new: Option<Value>,
}

impl Delta {
    fn keys(&self) -> Option<Vec<&str>> {
        self.way
            .iter()
            .map(|step| match step {
                Step::Key(key) => Some(key.as_str()),
                Step::Item(..) => None,
            })
            .collect()
    }

    /// The new name of the resource itself, where that is what changes.
    pub(super) fn name(&self) -> Option<&str> {
        let of_name = self.keys()? == ["metadata", "name"];
        match &self.new {
            Some(Value::Str(name) | Value::Quoted(name)) if of_name => Some(name),
            _ => None,
        }
    }

    /// The last step, and a value that is changed: the old one and the new one.
    pub(super) fn changes(&self) -> Option<(&Step, &Value, &Value)> {
        Some((self.way.last()?, self.old.as_ref()?, self.new.as_ref()?))
    }

    /// Makes the change in a value; `false` where there is another one.
    pub(super) fn apply(&self, value: &mut Value) -> bool {
        let Some((last, above)) = self.way.split_last() else {
            return false;
        };
        let mut at = value;
        for step in above {
            let next = match (step, at) {
                (Step::Key(key), Value::Map(pairs)) => {
                    pairs.iter_mut().find(|(k, _)| k == key).map(|(_, v)| v)
                }
                (Step::Item(number, _), Value::Seq(items)) => items.get_mut(*number),
                _ => None,
            };
            let Some(next) = next else {
                return false;
            };
            at = next;
        }
        match (last, at) {
            (Step::Key(key), Value::Map(pairs)) => {
                let there = pairs.iter().position(|(k, _)| k == key);
                match (there, &self.old, self.new.clone()) {
                    (None, None, Some(new)) => pairs.push((key.clone(), new)),
                    (Some(at), Some(_), Some(new)) => pairs[at].1 = new,
                    (Some(at), Some(_), None) => drop(pairs.remove(at)),
                    _ => return false,
                }
                true
            }
            (Step::Item(number, _), Value::Seq(items)) => {
                match (&self.old, self.new.clone()) {
                    (None, Some(new)) if *number == items.len() => items.push(new),
                    (Some(_), Some(new)) if *number < items.len() => items[*number] = new,
                    _ => return false,
                }
                true
            }
            _ => false,
        }
    }

    /// The way as a JSON pointer.
    fn pointer(&self) -> String {
        let mut pointer = String::new();
        for step in &self.way {
            let _ = match step {
                Step::Key(key) => {
                    write!(pointer, "/{}", key.replace('~', "~0").replace('/', "~1"))
                }
                Step::Item(at, _) => write!(pointer, "/{at}"),
            };
        }
        pointer
    }
}

/// How an item of a list is known.
pub(super) fn step(item: Node<'_>, at: usize) -> Step {
    let name = NAMES
        .iter()
        .find_map(|key| Some((*key, item.get(key)?.text()?.to_owned())));
    Step::Item(at, name)
}

/// The item of a list that a step means.
pub(super) fn item<'a>(
    list: Node<'a>,
    at: usize,
    name: Option<&(&str, String)>,
) -> Option<Node<'a>> {
    let Some((key, name)) = name else {
        return list.at(at);
    };
    let mut named = list
        .items()
        .filter(|item| item.get(key).and_then(Node::text) == Some(name));
    let found = named.next()?;
    named.next().is_none().then_some(found)
}

/// What differs between two documents; `None` where it is more than added, changed and removed
/// values: items that move.
pub(super) fn deltas(old: Node<'_>, new: Node<'_>) -> Option<Vec<Delta>> {
    let mut found = Vec::new();
    collect(old, new, &mut Vec::new(), &mut found)?;
    Some(found)
}

fn collect(old: Node<'_>, new: Node<'_>, way: &mut Way, found: &mut Vec<Delta>) -> Option<()> {
    if old.to_value()? == new.to_value()? {
        return Some(());
    }
    if old.is_mapping() && new.is_mapping() {
        for (key, value) in old.entries() {
            let key = key.text()?;
            way.push(Step::Key(key.to_owned()));
            match new.get(key) {
                Some(other) => collect(value, other, way, found)?,
                None => found.push(Delta {
                    way: way.clone(),
                    old: value.to_value(),
                    new: None,
                }),
            }
            way.pop();
        }
        for (key, value) in new.entries() {
            let key = key.text()?;
            if old.get(key).is_none() {
                way.push(Step::Key(key.to_owned()));
                found.push(Delta {
                    way: way.clone(),
                    old: None,
                    new: written(value),
                });
                way.pop();
            }
        }
        return Some(());
    }
    if old.is_sequence() && new.is_sequence() {
        let (a, b): (Vec<_>, Vec<_>) = (old.items().collect(), new.items().collect());
        if b.len() < a.len() {
            return None;
        }
        for (at, (one, other)) in a.iter().zip(&b).enumerate() {
            way.push(step(*one, at));
            collect(*one, *other, way, found)?;
            way.pop();
        }
        for (at, more) in b.iter().enumerate().skip(a.len()) {
            way.push(Step::Item(at, None));
            found.push(Delta {
                way: way.clone(),
                old: None,
                new: written(*more),
            });
            way.pop();
        }
        return Some(());
    }
    found.push(Delta {
        way: way.clone(),
        old: old.to_value(),
        new: written(new),
    });
    Some(())
}

/// A value as it is written: what stands in double quotes keeps them.
fn written(node: Node<'_>) -> Option<Value> {
    match node.kind() {
        Kind::Scalar(ScalarStyle::DoubleQuoted) => Some(Value::quoted(node.text()?)),
        Kind::Mapping(_) => {
            let pairs = node
                .entries()
                .map(|(key, value)| Some((key.text()?.to_owned(), written(value)?)));
            Some(Value::Map(pairs.collect::<Option<_>>()?))
        }
        Kind::Sequence(_) => Some(Value::Seq(
            node.items().map(written).collect::<Option<_>>()?,
        )),
        _ => node.to_value(),
    }
}

/// The edits that change a document in the same way.
///
/// # Errors
/// Where it holds other values, or cannot be edited.
pub(super) fn edits(root: Node<'_>, deltas: &[Delta]) -> Result<Vec<Edit>, NoFix> {
    deltas.iter().map(|delta| edit(root, delta)).collect()
}

fn edit(root: Node<'_>, delta: &Delta) -> Result<Edit, NoFix> {
    let other = || {
        let text = text![
            "what is to be changed does not stand like that in the file: it comes from a patch or \
             a transformer"
        ];
        NoFix::new(BuildCode::BuildsDiffer, text)
    };
    let mut at = root;
    for (depth, step) in delta.way.iter().enumerate() {
        let next = match step {
            Step::Key(key) => at.get(key),
            Step::Item(number, name) => item(at, *number, name.as_ref()),
        };
        if let Some(next) = next {
            at = next;
            continue;
        }
        let (None, Some(new)) = (&delta.old, &delta.new) else {
            return Err(other());
        };
        let rest = delta.way.get(depth + 1..).unwrap_or_default();
        let value = within(rest, new.clone()).ok_or_else(other)?;
        return Ok(match step {
            Step::Key(key) => at.insert(Place::Last, key, &value)?,
            Step::Item(..) if rest.is_empty() && at.is_sequence() => {
                at.push(Place::Last, &value)?
            }
            Step::Item(..) => return Err(other()),
        });
    }
    if at.to_value() != delta.old {
        return Err(other());
    }
    match &delta.new {
        Some(new) => Ok(at.set(new)?),
        None => Ok(at.remove()?),
    }
}

/// A value below keys.
fn within(keys: &[Step], value: Value) -> Option<Value> {
    keys.iter().rev().try_fold(value, |value, step| match step {
        Step::Key(key) => Some(Value::map([(key.as_str(), value)])),
        Step::Item(..) => None,
    })
}

/// A patch that makes the same changes to what has this kind and name: a strategic merge patch
/// where it only adds and changes below mappings, else a JSON patch.
pub(super) fn patch(api_version: &str, kind: &str, name: &str, deltas: &[Delta]) -> Option<String> {
    let plain = |delta: &Delta| delta.keys().is_some() && delta.new.is_some();
    if deltas.iter().all(plain) {
        let head = format!("apiVersion: {api_version}\nkind: {kind}\nmetadata:\n  name: {name}\n");
        return deltas.iter().try_fold(head, |text, delta| {
            let file = yaml::File::parse(text).ok()?;
            let added = Delta {
                old: None,
                ..delta.clone()
            };
            let edit = edit(file.root(0)?, &added).ok()?;
            verify::apply(&file, &[&edit]).ok()
        });
    }
    let mut text = String::new();
    for delta in deltas {
        let (op, value) = match (&delta.old, &delta.new) {
            (_, None) => ("remove", None),
            (None, Some(new)) => ("add", Some(new)),
            (Some(_), Some(new)) => ("replace", Some(new)),
        };
        let one = format!("- op: {op}\n  path: {}\n", delta.pointer());
        let file = yaml::File::parse(one).ok()?;
        let Some(value) = value else {
            text.push_str(file.text());
            continue;
        };
        let edit = file
            .root(0)?
            .at(0)?
            .insert(Place::Last, "value", value)
            .ok()?;
        text.push_str(&verify::apply(&file, &[&edit]).ok()?);
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn between(old: &str, new: &str) -> Vec<Delta> {
        let (old, new) = (
            yaml::File::parse(old).unwrap(),
            yaml::File::parse(new).unwrap(),
        );
        deltas(old.root(0).unwrap(), new.root(0).unwrap()).unwrap()
    }

    #[test]
    fn a_change_is_made_elsewhere() {
        let found = between(
            "spec:\n  a: 1\n  list:\n  - name: x\n    v: 1\n",
            "spec:\n  a: 1\n  list:\n  - name: x\n    v: 2\n  notes:\n    hash: \"1\"\n",
        );
        let text = "# kept\nspec:\n  list:\n  - name: y\n    v: 1\n  - name: x\n    v: 1\n";
        let file = yaml::File::parse(text).unwrap();
        let made = edits(file.root(0).unwrap(), &found).unwrap();
        let after = verify::apply(&file, &made.iter().collect::<Vec<_>>()).unwrap();
        assert_eq!(
            after,
            "# kept\nspec:\n  list:\n  - name: y\n    v: 1\n  - name: x\n    v: 2\n  notes:\n    \
             hash: \"1\"\n"
        );
    }

    #[test]
    fn patches_are_merged_where_they_can_be() {
        let found = between(
            "spec:\n  a: 1\n",
            "spec:\n  a: 1\n  notes:\n    x/y: \"1\"\n",
        );
        assert_eq!(
            patch("apps/v1", "Deployment", "web", &found).unwrap(),
            "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\nspec:\n  notes:\n    \
             x/y: \"1\"\n"
        );
        let found = between("spec:\n- x/y: 1\n", "spec:\n- x/y: 2\n- z\n");
        assert_eq!(
            patch("v1", "Pod", "web", &found).unwrap(),
            "- op: replace\n  path: /spec/0/x~1y\n  value: 2\n- op: add\n  path: /spec/1\n  \
             value: z\n"
        );
    }
}
