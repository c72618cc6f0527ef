//! Before and after of every operation, as tables of texts; each result has passed
//! [`verify::apply`](super::verify::apply).

mod comment;
mod documents;
mod flow;
mod insert;
mod nest;
mod partly;
mod remove;
mod scan;
mod set;
mod shallow;
mod together;

use super::{Edit, File, Node, Refusal, Value, verify};

/// The node at a path such as `spec.containers.0.name`, in the document whose index comes first
/// (`1:spec`).
fn at<'a>(file: &'a File, path: &str) -> Node<'a> {
    let (document, path) = path
        .split_once(':')
        .map_or((0, path), |(d, p)| (d.parse().unwrap(), p));
    let mut node = file.root(document).unwrap();
    for step in path.split('.').filter(|s| !s.is_empty()) {
        node = match step.parse::<usize>() {
            Ok(index) if node.is_sequence() => node.at(index).unwrap(),
            _ => node
                .get(step)
                .unwrap_or_else(|| panic!("no {step} in {:?}", node.source())),
        };
    }
    node
}

fn s(text: &str) -> Value {
    Value::str(text)
}

fn map(pairs: &[(&str, Value)]) -> Value {
    Value::map(pairs.iter().map(|(k, v)| (*k, v.clone())))
}

/// Text after one edit, or the code of the refusal.
fn edited(before: &str, path: &str, edit: impl Fn(Node<'_>) -> Result<Edit, Refusal>) -> String {
    let file = File::parse(before).unwrap();
    let outcome = edit(at(&file, path)).and_then(|edit| verify::apply(&file, &[&edit]));
    outcome.unwrap_or_else(|refusal| refusal.code.to_owned())
}

/// Every row: text before, path, text after or code of the refusal.
fn table(rows: &[(&str, &str, &str)], edit: impl Fn(Node<'_>) -> Result<Edit, Refusal>) {
    for (before, path, after) in rows {
        assert_eq!(edited(before, path, &edit), *after, "{path} of\n{before}");
        if !before.contains('\n') {
            continue;
        }
        let crlf = |text: &str| text.replace('\n', "\r\n");
        assert_eq!(
            edited(&crlf(before), path, &edit),
            crlf(after),
            "with CRLF: {path} of\n{before}"
        );
    }
}
