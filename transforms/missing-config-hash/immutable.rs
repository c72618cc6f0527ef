//! A ConfigMap that is `immutable: true` and has changed since the hash of its reader was written:
//! the API server refuses the change, and it can only come under another name
//! (<https://kubernetes.io/docs/concepts/configuration/configmap/#configmap-immutable>).
//!
//! The new name ends in a hash of the content, so that the next change gives the next name, and a
//! definition that has its name already is not renamed again.

use kubewright_model::finding::{Applicability, Change, Finding, Fix, Location, NoFix, Severity};
use kubewright_model::kube::{Resolution, Resource, ResourceId, SetId, Target, Workspace};
use kubewright_model::text;
use kubewright_model::text::Text;
use kubewright_model::yaml::{Node, Value};

use super::canon::{self, Section};
use super::codes::Code;
use super::reads::{Behind, Reading};
use super::{Case, content};

/// Characters of the suffix.
const SUFFIX: usize = 8;

/// The finding, where a hash that was written is no longer that of what is read, and all of that is
/// immutable.
pub(super) fn changed(case: &Case<'_>, reading: &Reading) -> Option<Finding> {
    let workspace = case.workspace();
    let written = case.written?;
    let is_hash = |text: &&str| text.len() == 32 && text.bytes().all(|b| b.is_ascii_hexdigit());
    let old = written.text().filter(is_hash)?;
    let hash = canon::hash(&reading.sections);
    if old == hash || !reading.immutable {
        return None;
    }
    let mut renamed: Vec<(&Resource, String)> = Vec::new();
    for behind in &reading.behind {
        let Behind::Resource(id) = behind else {
            return None;
        };
        let resource = workspace.resource(*id);
        let name = name_of_content(workspace, resource)?;
        if name != resource.name {
            renamed.push((resource, name));
        }
    }
    let (first, _) = renamed.first()?;
    let names = Text::list(renamed.iter().map(|(resource, _)| resource.display()));
    let is = if renamed.len() > 1 { "are" } else { "is" };
    let message = text![
        case.subject(),
        " reads ",
        &names,
        ", which ",
        is,
        " immutable, and its config hash is of other content: the API server refuses the change, and the old content stays"
    ];
    let fix = match renamed.as_slice() {
        [(resource, name)] => rename(case, resource, name, written, &hash),
        _ => Err(refused(&format!(
            "which of them changed is not known: rename {} and its references if it is that one",
            first.display()
        ))),
    };
    let mut finding = case.finding(Severity::Error, message, fix);
    if let Ok(fix) = &finding.fix
        && fix.applicability == Applicability::Unsafe
    {
        finding.notes.push(text![
            first.display(),
            " stays in the cluster until somebody deletes or prunes it, for pods that are rolled back"
        ]);
    }
    for (resource, _) in &renamed {
        finding.related.extend(place(workspace, resource));
    }
    Some(finding)
}

/// The name with a hash of all of the content at its end.
fn name_of_content(workspace: &Workspace, resource: &Resource) -> Option<String> {
    let to = target(resource)?;
    let content = content::of(workspace, resource.id).ok()?;
    let keys = content.values.iter();
    let section = Section {
        to,
        keys: Some(keys.map(|(key, v)| (key.clone(), Some(v.digest))).collect()),
    };
    let suffix: String = canon::hash(&[section]).chars().take(SUFFIX).collect();
    let is_suffix = |end: &str| end.len() == SUFFIX && end.bytes().all(|b| b.is_ascii_hexdigit());
    let stem = match resource.name.rsplit_once('-') {
        Some((stem, end)) if is_suffix(end) && !stem.is_empty() => stem,
        _ => &resource.name,
    };
    Some(format!("{stem}-{suffix}")).filter(|name| name.len() <= 253)
}

fn target(resource: &Resource) -> Option<Target> {
    [Target::ConfigMap, Target::Secret]
        .into_iter()
        .find(|to| to.kind() == resource.kind)
}

/// Renames the definition and all references, where nothing else uses the name.
fn rename(
    case: &Case<'_>,
    resource: &Resource,
    name: &str,
    written: Node<'_>,
    hash: &str,
) -> Result<Fix, NoFix> {
    let workspace = case.workspace();
    let Some(to) = target(resource) else {
        return Err(refused("it is neither a ConfigMap nor a Secret"));
    };
    let by_hand = |why: &str| refused(&format!("{why}; rename it to {name} by hand"));
    let old = &resource.name;
    if workspace.definitions(to, old).count() > 1 {
        return Err(by_hand("several definitions have the name"));
    }
    let sets = workspace.sets_of(resource.id);
    let kept = |set: &SetId| {
        workspace
            .member(*set, resource.id)
            .is_some_and(|member| member.name == *old)
    };
    if !sets.iter().all(kept) || !workspace.touches(resource.id).is_empty() {
        return Err(by_hand("a kustomization changes it"));
    }
    if !workspace
        .uses_outside(Some(resource.id), to, old)
        .is_empty()
    {
        return Err(by_hand("a patch, a replacement or a generator names it"));
    }
    let mentioned = sets.iter().any(|set| {
        !workspace.unexplained_uses(*set, to, old).is_empty()
            || !workspace.unexplained_in_patches(*set, to, old).is_empty()
    });
    if mentioned {
        return Err(by_hand("the name stands where it is no known reference"));
    }
    let renames = |node: Node<'_>| node.set(&Value::str(name.to_owned()));
    let own = workspace
        .node(resource.id)
        .and_then(|node| node.path(&["metadata", "name"]))
        .ok_or_else(|| by_hand("its name is not written"))?;
    let mut changes = vec![
        Change::Edit(resource.file, renames(own)?),
        Change::Edit(
            case.resource.file,
            written.set(&Value::str(hash.to_owned()))?,
        ),
    ];
    let mut claims = vec![resource.id];
    for reader in workspace.referring(to, old) {
        if !reads_it(workspace, *reader, resource.id, to, old) {
            let who = workspace.resource(*reader).display();
            return Err(by_hand(&format!("{who} names it in another way")));
        }
        for template in workspace.pod_templates(*reader) {
            for reference in template.references() {
                if reference.to == to && reference.name == *old {
                    let file = workspace.resource(*reader).file;
                    changes.push(Change::Edit(file, renames(reference.node)?));
                }
            }
        }
        claims.push(*reader);
    }
    Ok(Fix {
        title: text![
            "rename ",
            resource.display(),
            " to ",
            name,
            " with all references to it"
        ],
        applicability: Applicability::Unsafe,
        changes,
        claims,
    })
}

/// Whether a resource names the definition in its pod templates, surely, and nowhere else.
fn reads_it(
    workspace: &Workspace,
    reader: ResourceId,
    definition: ResourceId,
    to: Target,
    name: &str,
) -> bool {
    let sets = workspace.sets_of(reader);
    let meant =
        |set: &SetId| workspace.resolve(*set, reader, to, name) == Resolution::One(definition);
    let elsewhere = workspace
        .field_references(reader)
        .iter()
        .any(|reference| reference.to == to && reference.name == name);
    !sets.is_empty() && sets.iter().all(meant) && !elsewhere
}

fn refused(text: &str) -> NoFix {
    NoFix::new(Code::ImmutableChanged, text.to_owned())
}

fn place(workspace: &Workspace, resource: &Resource) -> Option<(Location, Text)> {
    let node = workspace.node(resource.id)?;
    let name = node.path(&["metadata", "name"]).unwrap_or(node);
    Some((Location::of(resource.file, name), resource.display().into()))
}
