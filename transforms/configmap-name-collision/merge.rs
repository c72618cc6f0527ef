//! `strategy = "merge"`: one definition holds the keys of all, and no reference changes.
//!
//! That keeps what every pod reads when no key is in two of them, when every consumer says which
//! keys it wants, and when the sum is within what the API server takes. The entries move as text,
//! with the comments above and between them.

use std::collections::BTreeSet;

use kubewright_model::finding::{Applicability, Change, Fix};
use kubewright_model::kube::{Target, Workspace};
use kubewright_model::text;
use kubewright_model::text::{Field, Named, Path, Text};
use kubewright_model::yaml::{self, Kind, Node, Value};

use super::codes::Code;
use super::demand::Demands;
use super::group::{Collision, Definition};
use super::keeper::Keeper;
use super::outside::Attached;
use super::{Plan, Reason, fix, removal};

/// What a ConfigMap or Secret may hold (`MaxSecretSize` of core/v1).
const MAX_SIZE: usize = 1024 * 1024;

/// The mappings that hold keys.
fn fields(to: Target) -> [&'static str; 2] {
    match to {
        Target::ConfigMap => ["data", "binaryData"],
        Target::Secret => ["data", "stringData"],
    }
}

/// How many bytes all definitions hold together.
///
/// # Errors
/// When they cannot become one without somebody seeing it.
fn joint_size(
    collision: &Collision<'_>,
    demands: &Demands<'_>,
    attached: &Attached,
) -> Result<usize, Reason> {
    let no = |text: Text| Err(Reason::new(Code::MergeImpossible, text));
    if !attached.uses.is_empty() || !attached.patterns.is_empty() {
        return no("patches or replacements name the definitions".into());
    }
    if let Some(consumer) = demands.consumers.iter().find(|c| c.whole) {
        return no(text![
            consumer.resource.display(),
            " takes all keys there are, and would get those of the others too"
        ]);
    }
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    if let Some(key) = collision
        .definitions
        .iter()
        .flat_map(Definition::keys)
        .find(|k| !seen.insert(k))
    {
        return no(text!["several definitions hold ", Field(key)]);
    }
    let size: usize = collision.definitions.iter().map(Definition::size).sum();
    if size > MAX_SIZE {
        return no(text![
            "together they hold ",
            size,
            " bytes, and ",
            MAX_SIZE,
            " is the limit"
        ]);
    }
    Ok(size)
}

/// Moves the keys of all definitions into the keeper.
pub(super) fn plan(
    ws: &Workspace,
    collision: &Collision<'_>,
    (demands, attached): (&Demands<'_>, &Attached),
    keeper: Keeper,
) -> Plan {
    let no = |text: Text| Err(Reason::new(Code::MergeImpossible, text));
    let Some(into) = collision.definitions.get(keeper.index) else {
        return no("nothing keeps the name".into());
    };
    let size = joint_size(collision, demands, attached)?;
    let others: Vec<&Definition<'_>> = collision
        .definitions
        .iter()
        .filter(|d| d.origin != into.origin)
        .collect();
    let mut changes = Vec::new();
    let lists = removal::Lists::of(ws);
    for definition in &others {
        changes.extend(removal::remove(ws, collision, definition, &lists)?);
    }
    let file = ws.file(into.file);
    if !file.editable {
        return Err(Reason::new(
            Code::OutsidePaths,
            text![
                Path(&file.path),
                " would have to change, and lies outside of the paths given"
            ],
        ));
    }
    let Some(id) = into.id() else {
        return no("a generator makes the definition that keeps the name".into());
    };
    let (resource, yaml) = (ws.resource(id), file.yaml.as_deref());
    let (Some(yaml), None) = (yaml, resource.item) else {
        return no(text![
            "the definition in ",
            Path(&file.path),
            " is an item of a list"
        ]);
    };
    let Some(text) = merged(yaml, resource.document, into.node, &others, collision.to) else {
        return no(text![
            "the entries cannot be moved into ",
            Path(&file.path),
            " as they are written"
        ]);
    };
    changes.push(Change::Edit(
        into.file,
        yaml.replace_document(resource.document, text)
            .map_err(Reason::from)?,
    ));
    let place = collision.place(ws, keeper.index);
    let kept = fix::applicability(collision, demands, keeper, &[]);
    // A script may apply the file by its name.
    let applicability = if removal::deletes_file(&changes) {
        Applicability::Unsafe
    } else {
        kept
    };
    let object = collision.to.kind();
    let title = text![
        "merge ",
        collision.definitions.len(),
        " definitions into the one in ",
        &place
    ];
    let mut notes = vec![
        text![
            "no key is in two of the definitions, every consumer says which keys it wants, and \
             together they hold ",
            size,
            " bytes"
        ],
        text![
            Named::new(object, collision.name),
            " stays in the cluster and holds all keys from the next apply on; nothing is left to \
             prune, and no reference changes"
        ],
    ];
    if changes
        .iter()
        .any(|c| matches!(c, Change::Edit(_, edit) if !edit.lost_comments.is_empty()))
    {
        notes.push(text![
            "comments between the entries move with them to ",
            place
        ]);
    }
    Ok((
        Fix {
            title,
            applicability,
            changes,
            claims: fix::claims(collision, demands),
        },
        notes,
        keeper.index,
    ))
}

/// The text of the keeper's document with the entries of the others behind its own; `None` when it
/// cannot be written or reads differently.
fn merged(
    file: &yaml::File,
    document: usize,
    into: Node<'_>,
    others: &[&Definition<'_>],
    to: Target,
) -> Option<String> {
    let region = file.documents().get(document)?.region();
    let mut text = file.text().get(region.clone())?.to_owned();
    let mut wanted: Vec<Vec<(String, Value)>> = Vec::new();
    // From the end, so that earlier places stay where they are.
    let mut places: Vec<(usize, String)> = Vec::new();
    for field in fields(to) {
        let mut all = entries_of(into, field);
        for other in others {
            all.extend(entries_of(other.node, field));
        }
        wanted.push(all);
        let moved: Vec<Node<'_>> = others
            .iter()
            .filter_map(|d| d.node.get(field))
            .filter(|n| n.entries().next().is_some())
            .collect();
        if moved.is_empty() {
            continue;
        }
        let target = into.get(field)?;
        let (at, column) = (
            end_of(file.text(), target)?,
            column_of(file.text(), target)?,
        );
        let mut added = String::new();
        for node in moved {
            added.push_str(&lines_of(node, column)?);
        }
        let gap = if file.text().get(..at)?.ends_with('\n') {
            ""
        } else {
            file.eol()
        };
        places.push((at.checked_sub(region.start)?, format!("{gap}{added}")));
    }
    places.sort();
    for (at, added) in places.into_iter().rev() {
        (at <= text.len()).then(|| text.insert_str(at, &added))?;
    }
    let read = yaml::File::parse(text.as_str()).ok()?;
    let root = (0..read.documents().len()).find_map(|i| read.root(i).filter(|r| !r.is_null()))?;
    let same = fields(to)
        .iter()
        .zip(wanted)
        .all(|(field, wanted)| entries_of(root, field) == wanted);
    same.then_some(text)
}

fn entries_of(node: Node<'_>, field: &str) -> Vec<(String, Value)> {
    match node.get(field).and_then(Node::to_value) {
        Some(Value::Map(pairs)) => pairs,
        _ => Vec::new(),
    }
}

/// The byte behind the last line of a block mapping.
fn end_of(text: &str, mapping: Node<'_>) -> Option<usize> {
    matches!(mapping.kind(), Kind::Mapping(yaml::Collection::Block)).then_some(())?;
    let end = mapping.span().end;
    if text.get(..end)?.ends_with('\n') {
        return Some(end);
    }
    Some(
        text.get(end..)?
            .find('\n')
            .map_or(text.len(), |at| end + at + 1),
    )
}

/// Column of the keys of a block mapping.
fn column_of(text: &str, mapping: Node<'_>) -> Option<usize> {
    let start = mapping.entries().next()?.0.span().start;
    let line = text.get(..start)?.rfind('\n').map_or(0, |at| at + 1);
    let before = text.get(line..start)?;
    before.bytes().all(|b| b == b' ').then_some(before.len())
}

/// The lines of a block mapping, comments and all, with its keys at `column`.
fn lines_of(mapping: Node<'_>, column: usize) -> Option<String> {
    let text = mapping.file().text();
    let own = column_of(text, mapping)?;
    let key = mapping.key()?.span().end;
    let start = key + text.get(key..)?.find('\n')? + 1;
    let mut out = String::new();
    for line in text
        .get(start..end_of(text, mapping)?)?
        .split_inclusive('\n')
    {
        let indent = line.len() - line.trim_start_matches(' ').len();
        let rest = line.get(indent..)?;
        if rest.trim().is_empty() {
            out.push_str(line);
        } else {
            out.push_str(&" ".repeat((indent + column).saturating_sub(own)));
            out.push_str(rest);
        }
    }
    if !out.ends_with('\n') {
        out.push_str(mapping.file().eol());
    }
    Some(out)
}
