//! `invalid-config-data`: ConfigMaps and Secrets that the API server refuses for their data, and
//! values that are not in the format that their key states.
//!
//! An error of a value has its place in the file, whatever the style of the scalar; of a value in
//! base64 its key is the place. Values that are no strings are found by `invalid-field`.

use kubewright_model::finding::{Applicability, Finding, Hidden, Location, NoFix, Severity};
use kubewright_model::kube::{Resource, Target, Workspace};
use kubewright_model::text;
use kubewright_model::text::{Field, Text};
use kubewright_model::yaml::Node;
use rayon::prelude::*;

use self::codes::Code;
use self::format::{Format, Wrong};
pub(crate) use self::options::Options;
use crate::{Context, Meta, Transform};
use crate::{binary, hidden};

mod codes;
mod filled;
mod format;
mod options;
mod refused;

/// See the page of the transform.
pub(crate) struct InvalidConfigData;

static META: Meta = Meta {
    name: "invalid-config-data",
    summary: "data of a ConfigMap or Secret that the API server refuses, or that is not in the \
              format that its key states",
    applicability: Applicability::DisplayOnly,
    isolated: true,
    since: "0.1.0",
    docs: include_str!("README.md"),
    codes: Code::ALL,
};

impl Transform for InvalidConfigData {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn check(&self, cx: &Context<'_>) -> Vec<Finding> {
        cx.workspace
            .resources()
            .par_iter()
            .filter_map(|resource| Object::new(cx.workspace, resource))
            .flat_map_iter(|object| {
                let mut findings = refused::findings(&object);
                findings.extend(syntax(&object));
                findings
            })
            .collect()
    }
}

/// A ConfigMap or Secret.
struct Object<'a> {
    workspace: &'a Workspace,
    resource: &'a Resource,
    to: Target,
    entries: Vec<Entry<'a>>,
}

/// An entry of its data.
struct Entry<'a> {
    /// `data`, `stringData` or `binaryData`.
    field: &'static str,
    /// Whether the value is base64.
    encoded: bool,
    key: Node<'a>,
    value: Node<'a>,
}

impl<'a> Object<'a> {
    fn new(workspace: &'a Workspace, resource: &'a Resource) -> Option<Self> {
        let to = resource.target()?;
        // No name of the API has such signs: something fills in the whole manifest first.
        if filled::is_template(&resource.name) {
            return None;
        }
        let node = workspace.node(resource.id)?;
        let fields: &[(&'static str, bool)] = match to {
            Target::ConfigMap => &[("data", false), ("binaryData", true)],
            Target::Secret => &[("data", true), ("stringData", false)],
        };
        let entries = fields.iter().flat_map(|(field, encoded)| {
            let entry = |(key, value)| Entry {
                field,
                encoded: *encoded,
                key,
                value,
            };
            node.get(field)
                .into_iter()
                .flat_map(Node::entries)
                .map(entry)
        });
        Some(Self {
            workspace,
            resource,
            to,
            entries: entries.collect(),
        })
    }

    /// What no output may show of a value.
    fn hidden(&self, entry: &Entry<'_>) -> Vec<Hidden> {
        match self.to {
            Target::ConfigMap => Vec::new(),
            Target::Secret => hidden::of_value(entry.value),
        }
    }

    /// A finding of this object, and why there is no fix.
    fn finding(&self, at: Location, key: &str, message: Text, reason: NoFix) -> Finding {
        META.finding(Severity::Error, at, message)
            .subject(reason.code, [key])
            .about(self.resource.id)
            .fix(Err(reason))
    }
}

/// Values that are not in the format that their key states.
fn syntax(object: &Object<'_>) -> Vec<Finding> {
    // What a patch or a generator changes is read as it comes out.
    let changed = || {
        object
            .workspace
            .content_touched(object.resource.id)
            .is_some()
    };
    let mut findings = Vec::new();
    for entry in &object.entries {
        let (Some(key), Some(written)) = (entry.key.text(), entry.value.as_str()) else {
            continue;
        };
        let Some(format) = Format::of_key(key) else {
            continue;
        };
        let decoded = || String::from_utf8(binary::decode(written)?).ok();
        let text = if entry.encoded {
            decoded()
        } else {
            Some(written.to_owned())
        };
        let wrong = text.and_then(|text| Some((format.error(&text)?, text)));
        let Some((wrong, text)) = wrong else {
            continue;
        };
        let is_template = match format {
            Format::Json => filled::is_template_of_json(&text, wrong.offset),
            _ => filled::is_template(&text),
        };
        if is_template || filled::is_stand_in(&text, wrong.offset) {
            continue;
        }
        if changed() || filled::by_reader(object.workspace, object.resource, object.to) {
            return Vec::new();
        }
        findings.push(not_in(object, entry, key, format, &text, &wrong));
    }
    findings
}

fn not_in(
    object: &Object<'_>,
    entry: &Entry<'_>,
    key: &str,
    format: Format,
    text: &str,
    wrong: &Wrong,
) -> Finding {
    let place = if entry.encoded {
        Location::of(object.resource.file, entry.key)
    } else {
        let start = entry.value.place_of(wrong.offset);
        let file = entry.value.file().text();
        let length = file[start..].chars().next().map_or(0, char::len_utf8);
        Location {
            file: object.resource.file,
            span: start..start + length,
        }
    };
    let before = text.get(..wrong.offset).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let column = before
        .rsplit('\n')
        .next()
        .unwrap_or_default()
        .chars()
        .count()
        + 1;
    let mut hidden = object.hidden(entry);
    let around = before.rfind('\n').map_or(0, |at| at + 1);
    let line_of_error = text.get(around..).and_then(|rest| rest.lines().next());
    hidden.extend(line_of_error.and_then(hidden::of_line));
    let message = text![
        object.resource.display(),
        " has ",
        Field(key),
        ", which is not ",
        format.name(),
        ": ",
        hidden::words(&wrong.said, &hidden),
        "; what reads the file fails, or goes on without it"
    ];
    let mut reason = text![match format::near_miss(format, text, wrong) {
        Some(near) => near.to_owned(),
        None => "correct the value".to_owned(),
    }];
    reason.push(format!(" (line {line}, column {column} of the value)"));
    let mut finding = object.finding(place, key, message, NoFix::new(Code::Syntax, reason));
    finding.hidden = hidden;
    finding
}
