//! Names that no object can have, and Secrets that the API server refuses for want of the keys of
//! their type.
//!
//! The API server refuses `env` and `envFrom` with such a name (`ValidateConfigMapName` in
//! pkg/apis/core/validation), and takes a volume with one, whose pods then wait for ever. A name
//! that somebody is to fill in is another matter.

use std::collections::BTreeSet;

use kubewright_model::finding::{Finding, Location, NoFix, Severity};
use kubewright_model::kube::{Resource, SetId, Target};
use kubewright_model::text;
use kubewright_model::text::{Named, Text, Verbatim};
use kubewright_model::yaml::Node;

use super::codes::Code;
use super::evidence::Facts;
use super::wanted::{How, Place, Wanted};
use super::{META, makers, objects, rewrite, say};

/// A reference by a name that cannot be.
pub(super) struct Misnamed<'a> {
    pub(super) resource: &'a Resource,
    pub(super) wanted: Wanted<'a>,
    pub(super) set: SetId,
    /// What patches make of the resource is known.
    pub(super) built: bool,
}

/// The findings, one for each name of a resource.
pub(super) fn judge(facts: &Facts<'_, '_>, all: &[Misnamed<'_>]) -> Vec<Finding> {
    let mut said = BTreeSet::new();
    let new = all
        .iter()
        .filter(|one| said.insert((one.resource.id, one.wanted.to, one.wanted.name)));
    new.filter_map(|one| misnamed(facts, one, all)).collect()
}

fn misnamed(facts: &Facts<'_, '_>, one: &Misnamed<'_>, all: &[Misnamed<'_>]) -> Option<Finding> {
    let (
        ws,
        Misnamed {
            resource,
            wanted,
            set,
            built,
        },
    ) = (facts.workspace(), one);
    let (kind, to, name) = (&resource.kind, wanted.to.kind(), wanted.name);
    let touches = ws.touches(resource.id);
    let path = wanted.place.path(ws, resource);
    if facts.is_external(wanted)
        || touches
            .iter()
            .any(|t| (!t.is_patch() || !built) && t.affects(&path))
    {
        return None;
    }
    let mut places: Vec<&Place<'_>> = Vec::new();
    for other in all
        .iter()
        .filter(|o| (o.resource.id, o.wanted.to, o.wanted.name) == (resource.id, wanted.to, name))
    {
        if !places.iter().any(|known| known.at == other.wanted.place.at) {
            places.push(&other.wanted.place);
        }
    }
    let defined = ws
        .set(*set)
        .members
        .iter()
        .map(|m| ws.resource(m.resource))
        .filter(|r| r.target() == Some(wanted.to));
    let names: Vec<&str> = defined.clone().map(|r| r.name.as_str()).collect();
    let near = facts.nearest_names(name.trim(), &names);
    // Blanks around it do not make another name.
    let near = if names.contains(&name.trim()) {
        vec![name.trim()]
    } else {
        near
    };
    let (fix, related) = match near.as_slice() {
        [near] => {
            let definition = defined
                .clone()
                .find(|r| r.name == **near)
                .and_then(|r| objects::place(facts, r.id));
            let related = definition
                .map(|at| (at, text![Named::new(to, near)]))
                .into_iter()
                .collect();
            (
                rewrite(
                    resource,
                    &places,
                    near,
                    text!["name ", Named::new(to, near)],
                ),
                related,
            )
        }
        [] => (
            Err(NoFix::new(
                Code::InvalidName,
                "write a name of lower-case letters, digits, `-` and `.`, at both places",
            )),
            Vec::new(),
        ),
        several => (
            Err(NoFix::new(
                Code::SeveralNear,
                format!("{} have names near to it", several.join(" and ")),
            )),
            Vec::new(),
        ),
    };
    let comes = match wanted.how {
        How::Variables(_) => "the API server refuses the resource".into(),
        _ => say::consequence(wanted).unwrap_or_default(),
    };
    Some(
        META.finding(
            aside(facts, resource, *set).unwrap_or(Severity::Error),
            places.first()?.at.clone(),
            text![
                Named::new(kind, &resource.name),
                " reads ",
                &to,
                " `",
                name,
                "`, and no object can have that name: ",
                &comes
            ],
        )
        .subject("misnamed", [to, name])
        .related(related)
        .about(resource.id)
        .fix(fix),
    )
}

/// What lies in examples and test data need not work.
fn aside(facts: &Facts<'_, '_>, resource: &Resource, set: SetId) -> Option<Severity> {
    let aside = facts.tests(resource.file).is_some() || facts.examples(resource.file).is_some();
    (aside && !super::is_configured(facts.workspace(), set)).then_some(Severity::Info)
}

/// Types of Secrets and the keys without which the API server refuses them (`ValidateSecret` in
/// pkg/apis/core/validation); of those of one list any will do.
const REQUIRED: &[(&str, &[&[&str]])] = &[
    ("kubernetes.io/tls", &[&["tls.crt"], &["tls.key"]]),
    ("kubernetes.io/dockerconfigjson", &[&[".dockerconfigjson"]]),
    ("kubernetes.io/dockercfg", &[&[".dockercfg"]]),
    ("kubernetes.io/basic-auth", &[&["username", "password"]]),
    ("kubernetes.io/ssh-auth", &[&["ssh-privatekey"]]),
];

/// The Secrets that lack keys of their type.
pub(super) fn incomplete(facts: &Facts<'_, '_>) -> Vec<Finding> {
    let secrets = facts
        .workspace()
        .resources()
        .iter()
        .filter(|r| r.target() == Some(Target::Secret));
    secrets
        .filter_map(|resource| incomplete_secret(facts, resource))
        .collect()
}

fn incomplete_secret(facts: &Facts<'_, '_>, resource: &Resource) -> Option<Finding> {
    let ws = facts.workspace();
    let root = ws.node(resource.id)?;
    let of = root.get("type")?;
    let (name, required) = REQUIRED.iter().find(|(name, _)| of.text() == Some(name))?;
    if makers::is_filled(root) || ws.content_touched(resource.id).is_some() {
        return None;
    }
    let held = ws.data_keys(resource.id);
    let lacking: Vec<String> = required
        .iter()
        .filter(|any| !any.iter().any(|key| held.iter().any(|h| h == key)))
        .map(|any| any.join(" or "))
        .collect();
    if lacking.is_empty() {
        return None;
    }
    let set = ws.sets_of(resource.id).first().copied();
    let severity = set
        .and_then(|set| aside(facts, resource, set))
        .unwrap_or(Severity::Error);
    Some(
        META.finding(
            severity,
            Location::of(resource.file, of),
            text![
                Named::new("Secret", &resource.name),
                " of type ",
                Verbatim(name),
                " has no key ",
                Text::list(&lacking),
                ": the API server refuses it"
            ],
        )
        .about(resource.id)
        .subject("type", lacking)
        .fix(Err(NoFix::new(
            Code::TypeLacksKey,
            text![
                "it holds ",
                Text::list(held),
                "; write the key, or the type that it has (Opaque)"
            ],
        ))),
    )
}

/// Whether a Secret is of a type whose keys are asked for here.
pub(super) fn is_typed(root: Node<'_>) -> bool {
    root.get("type")
        .and_then(Node::text)
        .is_some_and(|of| REQUIRED.iter().any(|(name, _)| *name == of))
}
