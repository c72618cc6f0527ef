//! `invalid-field`: fields that the API server refuses, so that nothing of the object ever arrives.
//!
//! What is refused is found by the model when it reads a file ([`Workspace::invalid`]); here it is
//! said, each field at its place. A scalar of the wrong type has one text that can have been meant,
//! and gets it. Of two keys, or two mounts, a person has to say which one is.

use kubewright_model::finding::{
    Applicability, Change, Finding, Fix, Hidden, Location, NoFix, Severity,
};
use kubewright_model::kube::{Invalid, Problem, Workspace};
use kubewright_model::text;
use kubewright_model::text::{Field, Named, Text, Verbatim};
use kubewright_model::yaml::{Node, Resolved, Value};

use self::codes::Code;
pub(crate) use self::options::Options;
use crate::{Context, Meta, Transform, hidden};

mod codes;
mod options;

/// See the page of the transform.
pub(crate) struct InvalidField;

static META: Meta = Meta {
    name: "invalid-field",
    summary: "fields that the API server refuses: a value of the wrong type, a key that stands \
              twice, two mounts on one path",
    applicability: Applicability::Safe,
    isolated: false,
    since: "0.1.0",
    docs: include_str!("README.md"),
    codes: Code::ALL,
};

impl Transform for InvalidField {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn check(&self, cx: &Context<'_>) -> Vec<Finding> {
        cx.workspace
            .invalid()
            .iter()
            .filter_map(|invalid| finding(cx.workspace, invalid))
            .collect()
    }
}

/// The message, and what is done about it.
struct Said {
    severity: Severity,
    message: Text,
    notes: Vec<Text>,
    related: Vec<(Location, Text)>,
    fix: Result<(Text, Value), NoFix>,
}

fn finding(workspace: &Workspace, invalid: &Invalid<'_>) -> Option<Finding> {
    let said = match invalid.problem {
        Problem::NotString => not_string(workspace, invalid)?,
        Problem::NoValue => no_value(invalid),
        Problem::ModeString => mode_string(invalid)?,
        Problem::ObjectTwice(first) => object_twice(invalid, invalid.node.file().node(first)),
        Problem::KeyTwice(first) => key_twice(invalid, invalid.node.file().node(first)),
        Problem::PathTwice(first) => path_twice(invalid, invalid.node.file().node(first)),
    };
    let hazard = match invalid.problem {
        Problem::NotString => "not-string",
        Problem::NoValue => "no-value",
        Problem::ModeString => "mode-string",
        Problem::KeyTwice(_) => "key-twice",
        Problem::ObjectTwice(_) => "object-twice",
        Problem::PathTwice(_) => "path-twice",
    };
    let subject = [Some(path(invalid)), invalid.node.text().map(str::to_owned)]
        .into_iter()
        .flatten();
    let fix = said.fix.and_then(|(title, value)| {
        let edit = invalid.node.set(&value)?;
        // Nothing is claimed: of an object that is refused, other fixes may change what they like
        // beside it.
        Ok(Fix {
            title,
            applicability: Applicability::Safe,
            changes: vec![Change::Edit(invalid.file, edit)],
            claims: Vec::new(),
        })
    });
    Some(
        META.finding(
            said.severity, // What is nothing has no place of its own.
            Location::of(
                invalid.file,
                invalid
                    .node
                    .key()
                    .filter(|_| invalid.problem == Problem::NoValue)
                    .unwrap_or(invalid.node),
            ),
            said.message,
        )
        .subject(hazard, subject)
        .related(said.related)
        .about(invalid.resource.map(|resource| resource.id))
        .notes(said.notes)
        .hiding(hidden(invalid))
        .fix(fix),
    )
}

/// How long a value is at least that is hidden. What is shorter (a port, a boolean) stands in other
/// places, too, where a mask would hide what is wrong.
const LONG: usize = 6;

/// What no output may show: values of Secrets, and those whose names tell of one.
fn hidden(invalid: &Invalid<'_>) -> Vec<Hidden> {
    let (node, kind) = (invalid.node, invalid.object.get("kind"));
    let Some(parent) = node.parent().filter(|parent| parent.is_mapping()) else {
        return Vec::new();
    };
    // Of a key that stands twice the node is the key.
    let is_node =
        |(key, value): &(Node<'_>, Node<'_>)| [*key, *value].map(Node::id).contains(&node.id());
    let Some((key, _)) = parent.entries().find(is_node) else {
        return Vec::new();
    };
    let names = [Some(key), parent.get("name")].into_iter().flatten();
    let is_data = parent
        .key()
        .and_then(Node::text)
        .is_some_and(|field| ["data", "stringData"].contains(&field));
    let of_secret = is_data && kind.and_then(Node::text) == Some("Secret");
    if !of_secret && !names.filter_map(Node::text).any(hidden::tells) {
        return Vec::new();
    }
    let same = parent
        .entries()
        .filter(|(other, _)| other.text() == key.text());
    same.flat_map(|(_, value)| hidden::of_value(value))
        .filter(|hidden| hidden.text.len() >= LONG)
        .collect()
}

fn not_string(workspace: &Workspace, invalid: &Invalid<'_>) -> Option<Said> {
    let node = invalid.node;
    let text = node.text()?;
    let is = match node.resolved()? {
        Resolved::Bool(_) => "a boolean",
        Resolved::Null => "null",
        _ => "a number",
    };
    let field = path(invalid);
    let message = text![
        Field(&field),
        " of ",
        name(invalid),
        " is ",
        &is,
        " to YAML: the API server wants a string and refuses the object"
    ];
    // kustomize writes the booleans of YAML 1.1 as strings, in quotes.
    let old = node.resolved() == Some(Resolved::Bool(true))
        || node.resolved() == Some(Resolved::Bool(false));
    let old = old && !text.eq_ignore_ascii_case("true") && !text.eq_ignore_ascii_case("false");
    let built = workspace
        .kustomizations()
        .iter()
        .any(|k| k.resources.contains(&invalid.file));
    let severity = if old && built {
        Severity::Warning
    } else {
        Severity::Error
    };
    let names = matches!(field.as_str(), "metadata.name" | "metadata.namespace");
    let fix = if names && !is_name(text) {
        Err(NoFix::new(
            Code::NoName,
            text![
                Verbatim(text),
                " is no name that the API server takes, in quotes or without: give it another"
            ],
        ))
    } else {
        let what = if hidden(invalid).is_empty() {
            text![Verbatim(text)]
        } else {
            text!["the value"]
        };
        Ok((text!["put ", what, " in quotes"], Value::quoted(text)))
    };
    let notes = if old && built {
        vec!["kustomize puts it in quotes; kubectl apply of this file is refused".into()]
    } else {
        Vec::new()
    };
    Some(Said {
        severity,
        message,
        notes,
        related: Vec::new(),
        fix,
    })
}

fn no_value(invalid: &Invalid<'_>) -> Said {
    let key = key(invalid.node);
    Said {
        severity: Severity::Warning,
        message: text![
            Field(&path(invalid)),
            " of ",
            name(invalid),
            " has no value: YAML reads nothing behind the colon, or a comment"
        ],
        notes: vec![
            "kubectl before 1.25 refuses it; a later one takes the key away, or stores an empty \
             text"
                .into(),
        ],
        related: Vec::new(),
        fix: Err(NoFix::new(
            Code::NoValue,
            text![
                "write ",
                Field(key),
                ": \"\" if it is to be empty, or have it filled in before it is applied"
            ],
        )),
    }
}

fn mode_string(invalid: &Invalid<'_>) -> Option<Said> {
    let text = invalid.node.text()?;
    let message = text![
        Field(&path(invalid)),
        " of ",
        name(invalid),
        " is the string \"",
        Verbatim(text),
        "\": the API server wants a number and refuses the object"
    ];
    let octal = text
        .strip_prefix("0o")
        .or_else(|| text.strip_prefix('0').filter(|digits| !digits.is_empty()));
    let fix = match octal.map(|digits| i64::from_str_radix(digits, 8)) {
        Some(Ok(mode)) if mode <= 0o777 => Ok((
            text!["write ", mode.to_string(), ", which is ", Verbatim(text)],
            Value::Int(mode),
        )),
        _ => {
            let octal = i64::from_str_radix(text, 8)
                .ok()
                .filter(|mode| *mode <= 0o777);
            let both = octal.map_or_else(Text::new, |mode| {
                text![
                    " (",
                    mode.to_string(),
                    " if ",
                    Verbatim(text),
                    " is octal, as in chmod)"
                ]
            });
            Err(NoFix::new(
                Code::ModeUnclear,
                text!["write the mode as a decimal number without quotes", both],
            ))
        }
    };
    Some(Said {
        severity: Severity::Error,
        message,
        notes: Vec::new(),
        related: Vec::new(),
        fix,
    })
}

fn key_twice(invalid: &Invalid<'_>, first: Node<'_>) -> Said {
    let key = invalid.node.text().unwrap_or_default();
    let within = within(invalid);
    let place = if within.is_empty() {
        Text::new()
    } else {
        text![" in ", Field(&within)]
    };
    Said {
        severity: Severity::Error,
        message: text![
            "the key ",
            Field(key),
            " stands twice",
            place,
            " of ",
            name(invalid),
            ": the last one counts, or the object is refused"
        ],
        notes: vec![
            "kubectl keeps the last one without a word; kustomize and strict decoding refuse the \
             object"
                .into(),
        ],
        related: vec![(Location::of(invalid.file, first), "the first one".into())],
        fix: Err(NoFix::new(
            Code::KeyTwice,
            "remove the one that is not meant, or rename it",
        )),
    }
}

fn object_twice(invalid: &Invalid<'_>, first: Node<'_>) -> Said {
    Said {
        severity: Severity::Error,
        message: text![
            "a second object begins here in the document of ",
            name(invalid),
            ", without `---` in front of it: one of the two is lost, or both are refused"
        ],
        notes: vec![
            "kubectl keeps the last value of each key without a word; kustomize and strict \
             decoding refuse the document"
                .into(),
        ],
        related: vec![(
            Location::of(invalid.file, first),
            "the object in front of it begins here".into(),
        )],
        fix: Err(NoFix::new(
            Code::SeparatorMissing,
            "write `---` on a line of its own in front of this line",
        )),
    }
}

fn path_twice(invalid: &Invalid<'_>, first: Node<'_>) -> Said {
    let path = invalid.node.text().unwrap_or_default();
    let container = invalid
        .node
        .parent()
        .and_then(Node::parent)
        .and_then(Node::parent);
    let container = container
        .and_then(|c| c.get("name"))
        .and_then(Node::text)
        .unwrap_or_default();
    Said {
        severity: Severity::Error,
        message: text![
            "container ",
            container,
            " of ",
            name(invalid),
            " has two mounts at ",
            Verbatim(path),
            ": the API server refuses it (must be unique)"
        ],
        notes: Vec::new(),
        related: vec![(Location::of(invalid.file, first), "the first one".into())],
        fix: Err(NoFix::new(
            Code::PathTwice,
            "remove the mount that is not meant, or mount it elsewhere",
        )),
    }
}

/// Kind and name of the object, as they are written.
fn name(invalid: &Invalid<'_>) -> Text {
    let text = |path: &[&str]| {
        invalid
            .object
            .path(path)
            .and_then(Node::text)
            .unwrap_or_default()
            .to_owned()
    };
    match (text(&["kind"]), text(&["metadata", "name"])) {
        (kind, name) if name.is_empty() => kind.into(),
        (kind, name) => Named::new(kind, name).into(),
    }
}

/// The key of a value.
fn key(node: Node<'_>) -> &str {
    node.key().and_then(Node::text).unwrap_or_default()
}

/// The way from the object to the field.
fn path(invalid: &Invalid<'_>) -> String {
    steps(invalid.node, invalid.object)
}

/// The way from the object to the mapping of a key.
fn within(invalid: &Invalid<'_>) -> String {
    invalid
        .node
        .parent()
        .map_or_else(String::new, |mapping| steps(mapping, invalid.object))
}

fn steps(node: Node<'_>, object: Node<'_>) -> String {
    let mut steps = Vec::new();
    let mut at = node;
    while let Some(parent) = at.parent().filter(|_| at.id() != object.id()) {
        steps.push(match (parent.is_sequence(), at.position()) {
            (true, Some(position)) => format!("[{position}]"),
            _ => format!(".{}", key(at)),
        });
        at = parent;
    }
    steps.reverse();
    steps.concat().trim_start_matches('.').to_owned()
}

/// Whether the API server takes it for a name: RFC 1123, a subdomain.
fn is_name(text: &str) -> bool {
    let label = |label: &str| {
        let ends = |b: Option<&u8>| b.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        ends(label.as_bytes().first())
            && ends(label.as_bytes().last())
            && label
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    text.len() <= 253 && text.split('.').all(label)
}
