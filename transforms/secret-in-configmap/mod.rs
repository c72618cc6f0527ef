//! `secret-in-configmap`: credentials in ConfigMaps, where everybody who may look at the namespace
//! can read them.
//!
//! What a credential looks like is data ([`rules`]); [`detect`] finds it in a text, [`values`] in a
//! value of a ConfigMap. No message has a value: a finding names what is to be hidden wherever its
//! place is shown ([`Hidden`]).

use kubewright_model::finding::{Applicability, Finding, Fix, Hidden, Location, NoFix, Severity};
use kubewright_model::kube::{Resource, Target, Workspace};
use kubewright_model::text;
use kubewright_model::text::{Field, Named, Text, Verbatim};
use kubewright_model::yaml::Node;
use rayon::prelude::*;

use self::codes::Code;
use self::detect::Hit;
use self::keeper::Keeper;
pub(crate) use self::options::Options;
use self::values::Found;
use crate::{Context, Meta, Transform};

mod codes;
mod detect;
mod generators;
mod holes;
mod keeper;
mod kept;
mod options;
mod repoint;
mod rules;
mod secret;
mod split;
mod twins;
mod values;

/// See the page of the transform.
pub(crate) struct SecretInConfigMap;

static META: Meta = Meta {
    name: "secret-in-configmap",
    summary: "credentials in a ConfigMap: passwords, tokens, private keys, URLs with a password",
    applicability: Applicability::Unsafe,
    isolated: false,
    since: "0.1.0",
    docs: include_str!("README.md"),
    codes: Code::ALL,
};

impl Transform for SecretInConfigMap {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn check(&self, cx: &Context<'_>) -> Vec<Finding> {
        let workspace = cx.workspace;
        let mut findings: Vec<Finding> = of_kind(workspace, Target::ConfigMap)
            .flat_map_iter(|resource| of_resource(workspace, resource))
            .collect();
        let mut files = generators::Files::default();
        for kustomization in workspace.kustomizations() {
            findings.extend(generators::findings(workspace, kustomization, &mut files));
        }
        findings
    }

    fn hides(&self, workspace: &Workspace, runs: bool) -> Vec<Hidden> {
        let mut all: Vec<Hidden> = of_kind(workspace, Target::Secret)
            .flat_map_iter(|resource| kept::hidden(workspace, resource))
            .collect();
        if runs {
            return all;
        }
        let of_configmaps: Vec<Hidden> = of_kind(workspace, Target::ConfigMap)
            .flat_map_iter(|resource| entries(workspace, resource, "data"))
            .flat_map_iter(|entry| hidden_in(&entry))
            .collect();
        all.extend(of_configmaps);
        let mut files = generators::Files::default();
        for kustomization in workspace.kustomizations() {
            all.extend(generators::hidden(workspace, kustomization, &mut files));
        }
        all
    }
}

fn of_kind(workspace: &Workspace, kind: Target) -> impl ParallelIterator<Item = &Resource> {
    let resources = workspace.resources().par_iter();
    resources.filter(move |resource| resource.target() == Some(kind))
}

/// A key of a ConfigMap with credentials in its value.
struct CredentialEntry<'a> {
    name: &'a str,
    key: Node<'a>,
    value: Node<'a>,
    text: &'a str,
    found: Found,
}

/// All keys of a field with credentials.
fn entries<'a>(
    workspace: &'a Workspace,
    resource: &Resource,
    field: &str,
) -> Vec<CredentialEntry<'a>> {
    let data = workspace.node(resource.id).and_then(|node| node.get(field));
    data.into_iter()
        .flat_map(Node::entries)
        .filter_map(|(key, value)| {
            let (name, text) = (key.text()?, value.as_str()?);
            let found = values::find(name, text)?;
            Some(CredentialEntry {
                name,
                key,
                value,
                text,
                found,
            })
        })
        .collect()
}

fn of_resource(workspace: &Workspace, resource: &Resource) -> Vec<Finding> {
    let entries = entries(workspace, resource, "data");
    let (whole, parts): (Vec<&CredentialEntry<'_>>, Vec<&CredentialEntry<'_>>) =
        entries.iter().partition(|entry| entry.found.whole);
    let mut findings: Vec<Finding> = parts
        .into_iter()
        .map(|entry| {
            let reason = NoFix::new(Code::PartOfValue, PART);
            finding(workspace, resource, &[entry], Err(reason))
        })
        .collect();
    if !whole.is_empty() {
        let fix = split::fix(workspace, resource, &whole);
        findings.push(finding(workspace, resource, &whole, fix));
    }
    findings
}

/// What to do about a line of a file.
const PART: &str = "take the line out of the file, and give the value to the program from a \
                    Secret: as a variable (`secretKeyRef`), or as a file of its own";

/// A finding about entries whose values go the same way.
fn finding(
    workspace: &Workspace,
    resource: &Resource,
    entries: &[&CredentialEntry<'_>],
    fix: Result<Fix, NoFix>,
) -> Finding {
    let all = || {
        entries
            .iter()
            .flat_map(|entry| entry.found.hits.iter().map(|hit| (*entry, hit)))
    };
    let sure = all().any(|(_, hit)| hit.sure);
    let severity = if sure {
        Severity::Error
    } else {
        Severity::Warning
    };
    let first = all()
        .find(|(_, hit)| hit.sure == sure)
        .or_else(|| all().next());
    let what = first.map_or("a credential", |(_, hit)| hit.what);
    let shown = first.map_or_else(String::new, |(entry, hit)| masked(hit, entry.text));
    let keeper = Keeper::of(workspace, &workspace.file(resource.file).path);
    let message = in_clear(
        &resource.display(),
        (what, &shown, all().count()),
        entries.iter().map(|entry| Field(entry.name).into()),
        keeper,
    );
    let place = |node| Location::of(resource.file, node);
    let primary = first.map_or_else(
        || Location {
            file: resource.file,
            span: 0..0,
        },
        |(entry, _)| place(entry.key),
    );
    let places = all().map(|(entry, hit)| {
        let text = text![hit.what, ", ", Verbatim(&masked(hit, entry.text))];
        if entry.found.whole {
            return (place(entry.key), text);
        }
        let at = entry.value.place_of(hit.span.start);
        (
            Location {
                file: resource.file,
                span: at..at,
            },
            text,
        )
    });
    let places: Vec<(Location, Text)> = places.filter(|(place, _)| *place != primary).collect();
    META.finding(severity, primary, message)
        .subject("in-clear", entries.iter().map(|entry| entry.name))
        .about(resource.id)
        .related(places)
        .notes(notes(
            keeper,
            &fix,
            fix.is_ok() && is_immutable(workspace, resource),
        ))
        .hiding(entries.iter().flat_map(|entry| hidden_in(entry)))
        .fix(fix)
}

fn is_immutable(workspace: &Workspace, resource: &Resource) -> bool {
    let immutable = workspace
        .node(resource.id)
        .and_then(|node| node.get("immutable"));
    immutable.and_then(Node::as_bool) == Some(true)
}

/// A mask: what may be shown of the beginning, and how many characters there are more.
fn masked(hit: &Hit, text: &str) -> String {
    let value = text.get(hit.span.clone()).unwrap_or_default();
    let rest = value.chars().count() - hit.prefix.chars().count();
    format!("{}…({rest})", hit.prefix)
}

/// What is not to be shown of a value.
fn hidden_in(entry: &CredentialEntry<'_>) -> Vec<Hidden> {
    let hits = entry.found.hits.iter();
    hits.flat_map(|hit| hidden(hit, entry)).collect()
}

/// What is not to be shown: the lines of the value, as the file has them and as they read.
fn hidden(hit: &Hit, entry: &CredentialEntry<'_>) -> Vec<Hidden> {
    let mask = masked(hit, entry.text);
    let places = entry.value.place_of(hit.span.start)..entry.value.place_of(hit.span.end);
    let source = entry.value.file().text().get(places).unwrap_or_default();
    let value = entry.text.get(hit.span.clone()).unwrap_or_default();
    let lines = value.lines().chain(source.lines()).map(str::trim);
    let mut hidden: Vec<Hidden> = lines
        .filter(|line| !line.is_empty() && !line.starts_with("-----"))
        .map(|line| Hidden {
            text: line.to_owned(),
            mask: mask.clone(),
        })
        .collect();
    hidden.dedup_by(|a, b| a.text == b.text);
    hidden
}

/// `ConfigMap web has a password and 1 more credential in clear, in A and B …`
fn in_clear(
    of: &Named,
    (what, shown, count): (&str, &str, usize),
    keys: impl Iterator<Item = Text>,
    keeper: Option<Keeper<'_>>,
) -> Text {
    let others = match count {
        0 | 1 => String::new(),
        2 => " and 1 more credential".to_owned(),
        n => format!(" and {} more credentials", n - 1),
    };
    text![
        of,
        " has ",
        what,
        others,
        " in clear in ",
        Text::list(keys),
        " (",
        Verbatim(shown),
        ")",
        keeper.map_or("", Keeper::said),
        ": whoever may read the ConfigMaps of its namespace can read it"
    ]
}

/// What is to be done besides, whatever becomes of the finding.
fn notes(keeper: Option<Keeper<'_>>, fix: &Result<Fix, NoFix>, immutable: bool) -> Vec<Text> {
    let mut notes: Vec<Text> = keeper.map(|keeper| keeper.note(fix)).into_iter().collect();
    notes.push(
        "have its issuer replace the value: the history of the repository keeps the old one".into(),
    );
    if immutable {
        notes
            .push("the ConfigMap is immutable: delete it before the changed one is applied".into());
    }
    notes
}
