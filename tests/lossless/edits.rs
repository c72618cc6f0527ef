//! Random edits of a file.

use kubewright_model::yaml::{Edit, File, Kind, Level, Node, Place, Refusal, Value};

use crate::random::Random;

const TEXTS: [&str; 26] = [
    "new",
    "yes",
    "a b",
    "",
    "0644",
    "a: b",
    "x # y",
    "line\n",
    "two\nlines",
    "two\nlines\n",
    " lead\nline\n",
    "keep\n\n",
    "\n",
    "\n\nx\n",
    "# hash\nx\n",
    "tab\tx",
    "q\"uote",
    "it's",
    "-",
    "{a}",
    "[",
    "ü",
    "\u{7}bell",
    "a\n \nb\n",
    "x\n  ",
    "\ttab\nline\n",
];

pub(crate) fn value(random: &mut Random, depth: usize) -> Value {
    match random.below(if depth > 2 { 8 } else { 12 }) {
        0 => Value::Null,
        1 => Value::Bool(random.one_in(2)),
        2 => Value::Int(i64::try_from(random.below(1000)).unwrap() - 100),
        3..=7 => Value::str(random.pick(&TEXTS)),
        8 => Value::Seq(
            (0..random.below(4))
                .map(|_| value(random, depth + 1))
                .collect(),
        ),
        9 => value(random, depth + 1).flow(),
        _ => {
            let keys = ["new", "on", "b c", "p.q/r", "0"];
            Value::map(
                keys.iter()
                    .take(random.below(4))
                    .map(|k| (*k, value(random, depth + 1))),
            )
        }
    }
}

fn place<'a>(random: &mut Random, node: Node<'a>) -> Place<'a> {
    let children: Vec<_> = node.children().collect();
    match random.below(4) {
        0 => Place::First,
        1 => Place::Last,
        n if !children.is_empty() => {
            let child = children[random.below(children.len())];
            if n == 2 {
                Place::Before(child)
            } else {
                Place::After(child)
            }
        }
        _ => Place::Last,
    }
}

/// A random edit, or its refusal; `None` when the node that was drawn takes none.
pub(crate) fn edit(random: &mut Random, file: &File) -> Option<Result<Edit, Refusal>> {
    let documents = file.documents().len();
    if random.one_in(15) {
        let document = random.below(documents);
        return Some(match random.below(3) {
            0 => file.remove_document(document),
            1 => file.move_document(document, random.below(documents)),
            _ => {
                let text = file.text()[file.documents().get(document)?.region()].to_owned();
                file.replace_document(document, text)
            }
        });
    }
    if file.is_empty() {
        return None;
    }
    let wanted = random.below(file.len());
    let node = (0..documents)
        .filter_map(|d| file.root(d))
        .flat_map(Node::descendants)
        .nth(wanted)?;
    let is_key = node.parent().is_some_and(Node::is_mapping) && node.key().is_none();
    if is_key {
        let value = node.parent()?.entries().find(|(k, _)| *k == node)?.1;
        return Some(value.rename_key(random.pick(&["renamed", "yes", "a b", "0", "q\"t"])));
    }
    Some(match (random.below(8), node.kind()) {
        (0, _) | (3, Kind::Scalar(_)) if node.parent().is_some() => node.remove(),
        (1..=4, Kind::Mapping(_)) => {
            let place = place(random, node);
            node.insert(
                place,
                random.pick(&["new", "null", "a: b", "x.y/new"]),
                &value(random, 0),
            )
        }
        (5, Kind::Mapping(_)) => {
            let count = node.entries().count();
            let start = random.below(count);
            let end = start + 1 + random.below(count.saturating_sub(start));
            let extra = |value| vec![("extra".to_owned(), value)];
            let under = match random.below(5) {
                0 => vec![Level::new("under")],
                1 => vec![
                    Level::new("under").before(extra(value(random, 0))),
                    Level::new("deep"),
                ],
                2 => vec![
                    Level::new("template"),
                    Level::new("under").before(extra(value(random, 1))),
                ],
                3 => vec![
                    Level::new("sources").item(),
                    Level::new("under").behind(extra(value(random, 1))),
                ],
                _ => vec![
                    Level::new("under").item().before(extra(value(random, 0))),
                    Level::new("deep"),
                ],
            };
            node.nest(start..end, under)
        }
        (1..=5, Kind::Sequence(_)) => {
            let place = place(random, node);
            node.push(place, &value(random, 0))
        }
        (1, Kind::Scalar(_)) if node.is_null() => {
            node.insert(Place::Last, "new", &value(random, 0))
        }
        (2, Kind::Scalar(_)) if node.is_null() => node.push(Place::Last, &value(random, 0)),
        _ => node.set(&value(random, 0)),
    })
}
