//! A ConfigMap that is `immutable: true` and has changed since the hash of its reader was written:
//! the API server refuses the change, and it can only come under another name
//! (<https://kubernetes.io/docs/concepts/configuration/configmap/#configmap-immutable>).
//!
//! The new name ends in a hash of the content, so that the next change gives the next name, and a
//! definition that has its name already is not renamed again.

use kubewright_model::finding::{Applicability, Change, Finding, Fix, Location, NoFix, Severity};
use kubewright_model::kube::{Resource, Target, Workspace};
use kubewright_model::text;
use kubewright_model::text::{Text, Verbatim};
use kubewright_model::yaml::Node;

use super::canon::{self, Section};
use super::codes::Code;
use super::hashes::{self, Mark};
use super::reads::{Behind, Reading};
use super::{Case, content, name_hash};
use crate::configmap_name_collision::renaming;

/// Characters of the suffix.
const SUFFIX: usize = 8;

/// The finding, where a hash that was written is no longer that of what is read, and all of that is
/// immutable.
pub(super) fn changed(case: &Case<'_>, reading: &Reading) -> Option<Finding> {
    let workspace = case.workspace();
    let options = &case.cx.settings.missing_config_hash;
    let marks = options.hashes(reading);
    let is_hash = |text: &str| text.len() == 32 && text.bytes().all(|b| b.is_ascii_hexdigit());
    let was_right = |mark: &&Mark| {
        let text = case.written.get(&mark.key).and_then(Node::text);
        text.is_some_and(is_hash) && case.written.is_stale(mark)
    };
    let stale: Vec<&Mark> = marks.iter().filter(was_right).collect();
    let mut renamed: Vec<(&Resource, String)> = Vec::new();
    let changed = |name| stale.iter().any(|mark| mark.of.contains(name));
    for (behind, _) in (reading.behind.iter().zip(&reading.names)).filter(|(_, n)| changed(n)) {
        let Behind::Resource(id) = behind else {
            return None;
        };
        let resource = workspace.resource(*id);
        if !workspace.node(*id).is_some_and(name_hash::is_immutable) {
            return None;
        }
        let name = name_of_content(workspace, resource)?;
        if name != resource.name {
            renamed.push((resource, name));
        }
    }
    if options.per_source {
        // Each is known, and has a finding of its own in the pass behind that of the one before.
        renamed.truncate(1);
    }
    let (first, _) = renamed.first()?;
    let names = Text::list(renamed.iter().map(|(resource, _)| resource.display()));
    let changed = if renamed.len() > 1 {
        " are immutable, and one of them changed since the config hash of "
    } else {
        " is immutable, and changed since the config hash of "
    };
    let message = text![
        &names,
        changed,
        case.subject(),
        " was written: the API server refuses the change, and the pods keep the old content"
    ];
    let fix = match renamed.as_slice() {
        [(resource, name)] => rename(case, resource, name, &marks),
        _ => Err(refused(&format!(
            "which of them changed is not known (with `per-source = true` it is): rename {} and \
             its references if it is that one",
            first.display()
        ))),
    };
    let (fix, notes) = match fix {
        Ok((fix, notes)) => (Ok(fix), notes),
        Err(reason) => (Err(reason), Vec::new()),
    };
    let mut finding = case.finding(Severity::Error, message, fix);
    finding.notes.extend(notes);
    if finding.fix.is_ok() {
        finding.notes.push(text![
            first.display(),
            " stays in the cluster until somebody deletes or prunes it, for pods that are rolled \
             back"
        ]);
    }
    for (resource, _) in &renamed {
        finding.related.extend(place(workspace, resource));
    }
    Some(finding)
}

/// The name with a hash of all of the content at its end.
fn name_of_content(workspace: &Workspace, resource: &Resource) -> Option<String> {
    let to = resource.target()?;
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

/// Renames the definition and all that means it, by the rules of a collision, and writes the hash.
fn rename(
    case: &Case<'_>,
    resource: &Resource,
    name: &str,
    marks: &[Mark],
) -> Result<(Fix, Vec<Text>), NoFix> {
    let by_hand = |why: Text| {
        let text = text![why, "; rename it to ", Verbatim(name), " by hand"];
        NoFix::new(Code::ImmutableChanged, text)
    };
    let renaming = renaming::rename(case.workspace(), resource.id, name).map_err(by_hand)?;
    let mut changes = renaming.changes;
    let options = &case.cx.settings.missing_config_hash;
    let to = resource.target().unwrap_or(Target::ConfigMap);
    let old = options.annotation_of(to, &resource.name);
    let new = options.annotation_of(to, name);
    let hash = marks.iter().find(|mark| mark.key == old);
    let set = hash.map(|mark| (&*new, &*mark.hash)).into_iter().collect();
    // Of what else changed, nothing is said to be right.
    let removed = Some(&*old).filter(|_| old != new).into_iter().collect();
    let edits = hashes::changes(case.template.node, &case.written, &set, &removed)?;
    changes.extend(
        edits
            .into_iter()
            .map(|e| Change::Edit(case.resource.file, e)),
    );
    let fix = Fix {
        title: text![
            "rename ",
            resource.display(),
            " to ",
            name,
            " with all references to it"
        ],
        applicability: Applicability::Unsafe,
        changes,
        claims: renaming.claims,
    };
    Ok((fix, renaming.notes))
}

fn refused(text: &str) -> NoFix {
    NoFix::new(Code::ImmutableChanged, text.to_owned())
}

fn place(workspace: &Workspace, resource: &Resource) -> Option<(Location, Text)> {
    let node = workspace.node(resource.id)?;
    let name = node.path(&["metadata", "name"]).unwrap_or(node);
    Some((Location::of(resource.file, name), resource.display().into()))
}
