//! The fix: a Secret with the keys that are credentials, the ConfigMap without them, and every
//! reference pointed at both, so that each pod has the same variables and files as before.

use std::collections::BTreeSet;

use kubewright_model::finding::{Applicability, Change, Fix, NoFix};
use kubewright_model::kube::{
    Evidence, FileId, OutsideUseKind, Resolution, Resource, ResourceId, Target, Workspace,
};
use kubewright_model::text;
use kubewright_model::text::{Field, Named, Path, Text};
use kubewright_model::yaml::{Edit, Node, Place, Value};

use super::CredentialEntry;
use super::codes::Code;
use super::repoint::repointed;
use super::{holes, secret, twins};

/// What moves, and where to.
pub(super) struct Split<'a> {
    pub(super) workspace: &'a Workspace,
    pub(super) resource: &'a Resource,
    pub(super) node: Node<'a>,
    /// The keys that move.
    pub(super) moved: BTreeSet<&'a str>,
    /// All keys, of `data` and `binaryData`.
    pub(super) all: BTreeSet<&'a str>,
    /// The name of the Secret.
    pub(super) name: String,
}

/// Moves whole values into a Secret.
pub(super) fn fix(
    workspace: &Workspace,
    resource: &Resource,
    entries: &[&CredentialEntry<'_>],
) -> Result<Fix, NoFix> {
    let Some(node) = workspace.node(resource.id) else {
        return Err(no_place(resource));
    };
    unchanged(workspace, resource)?;
    let place = Whereabouts::of(workspace, resource)?;
    let readers = readers(workspace, resource)?;
    let keys = |field| {
        let entries = node.get(field).into_iter().flat_map(Node::entries);
        entries.filter_map(|(key, _)| key.text())
    };
    let split = Split {
        workspace,
        resource,
        node,
        moved: entries.iter().map(|entry| entry.name).collect(),
        all: keys("data").chain(keys("binaryData")).collect(),
        name: free_name(workspace, resource)?,
    };
    let mut edits = removals(&split, entries)?;
    let mut claims = vec![resource.id];
    let mut references = 0;
    for reader in readers {
        for template in workspace.pod_templates(reader) {
            for reference in template.references() {
                if reference.to == Target::ConfigMap && reference.name == resource.name {
                    let of_reader = repointed(&split, reader, &reference)?;
                    references += usize::from(!of_reader.is_empty());
                    let file = workspace.resource(reader).file;
                    edits.extend(of_reader.into_iter().map(|edit| (file, edit)));
                }
            }
        }
        for field in workspace.field_references(reader) {
            if field.to == Target::ConfigMap && field.name == resource.name {
                let of_field = twins::repointed(&split, reader, &field)?;
                references += usize::from(!of_field.is_empty());
                let file = workspace.resource(reader).file;
                edits.extend(of_field.into_iter().map(|edit| (file, edit)));
            }
        }
        claims.push(reader);
    }
    edits.extend(place.listing(workspace)?);
    let mut changes: Vec<Change> = Vec::new();
    changes.extend(
        edits
            .into_iter()
            .map(|(file, edit)| Change::Edit(file, edit)),
    );
    changes.push(Change::Create(
        place.path.clone(),
        secret::text(&split, entries)?,
    ));
    claims.sort_unstable();
    claims.dedup();
    let keys = split.moved.iter().map(|key| Field(key));
    let plural = if references == 1 {
        " reference"
    } else {
        " references"
    };
    Ok(Fix {
        title: text![
            "move ",
            Text::list(keys),
            " to ",
            Named::new("Secret", &split.name),
            " in ",
            Path(&place.path),
            ", with ",
            references,
            plural
        ],
        applicability: Applicability::Unsafe,
        changes,
        claims,
    })
}

/// Whether the ConfigMap is in the cluster what its file says.
fn unchanged(workspace: &Workspace, resource: &Resource) -> Result<(), NoFix> {
    match workspace.content_touched(resource.id) {
        Some(what) => Err(NoFix::new(
            Code::ContentChanges,
            text![
                what,
                " changes the data of ",
                resource.display(),
                ": move the key into a Secret there and here"
            ],
        )),
        None => Ok(()),
    }
}

/// The edits that take the keys out of the ConfigMap.
fn removals(
    split: &Split<'_>,
    entries: &[&CredentialEntry<'_>],
) -> Result<Vec<(FileId, Edit)>, NoFix> {
    let file = split.resource.file;
    let data = split
        .node
        .get("data")
        .ok_or_else(|| no_place(split.resource))?;
    if data.entries().count() == entries.len() {
        return Ok(vec![(file, data.set(&Value::Map(Vec::new()).flow())?)]);
    }
    let removals = entries
        .iter()
        .map(|entry| Ok((file, entry.value.remove()?)));
    removals.collect()
}

/// The resources whose pods read it; all that can are known.
fn readers(workspace: &Workspace, resource: &Resource) -> Result<Vec<ResourceId>, NoFix> {
    let name = &resource.name;
    let unknown = |text: Text| NoFix::new(Code::ReaderUnknown, text);
    for set in workspace.sets_of(resource.id) {
        if let Some(hole) = holes::unseen(workspace, workspace.set(set)) {
            return Err(unknown(text![
                "what else is applied with it, and reads it, is not known: ",
                hole
            ]));
        }
    }
    let mut readers = Vec::new();
    for id in workspace.referring(Target::ConfigMap, name) {
        let (mut ours, mut uncertain) = (false, false);
        for set in workspace.sets_of(*id) {
            match workspace.resolve(set, *id, Target::ConfigMap, name) {
                Resolution::One(of) => ours |= of == resource.id,
                Resolution::Missing => uncertain |= may_meet(workspace, resource, *id),
                _ => uncertain = true,
            }
        }
        if uncertain {
            return Err(unknown(text![
                "it is not certain whether ",
                workspace.resource(*id).display(),
                " reads this ",
                resource.display(),
                " or another one"
            ]));
        }
        if ours {
            readers.push(*id);
        }
    }
    if readers.is_empty() {
        return Err(unknown(text![
            "nothing in sight reads ",
            resource.display(),
            ": move the key into a Secret together with what does"
        ]));
    }
    other_readers(workspace, resource)?;
    Ok(readers)
}

/// Whether a resource of another set may be in the same namespace.
fn may_meet(workspace: &Workspace, resource: &Resource, other: ResourceId) -> bool {
    let other = &workspace.resource(other).namespace;
    resource.namespace.is_none() || other.is_none() || *other == resource.namespace
}

/// Whatever names it besides pods and the fields that are known.
fn other_readers(workspace: &Workspace, resource: &Resource) -> Result<(), NoFix> {
    let name = &resource.name;
    let refuse = |who: Text| {
        NoFix::new(
            Code::OtherReader,
            text![
                who,
                " names ",
                resource.display(),
                " too, and may read the key there"
            ],
        )
    };
    // A patch of the ConfigMap that changes no data goes on to meet it.
    let harmless = |what| matches!(what, OutsideUseKind::Patch | OutsideUseKind::PatchTarget);
    let used = workspace.uses_outside(Some(resource.id), Target::ConfigMap, name);
    if let Some(used) = used.iter().find(|used| !harmless(used.what)) {
        let path = &workspace.file(used.declared.file).path;
        return Err(refuse(text![Path(path)]));
    }
    for set in workspace.sets_of(resource.id) {
        if let Some((id, _)) = workspace
            .unexplained_uses(set, Target::ConfigMap, name)
            .first()
        {
            return Err(refuse(workspace.resource(*id).display().into()));
        }
        if let Some(place) = workspace
            .unexplained_in_patches(set, Target::ConfigMap, name)
            .first()
        {
            return Err(refuse(text![Path(&workspace.file(place.file).path)]));
        }
    }
    Ok(())
}

/// The ConfigMap's own name, as long as no Secret has it.
fn free_name(workspace: &Workspace, resource: &Resource) -> Result<String, NoFix> {
    let names = [
        resource.name.clone(),
        format!("{}-credentials", resource.name),
    ];
    let taken = |name: &String| {
        workspace.definitions(Target::Secret, name).next().is_some()
            || !workspace.referring(Target::Secret, name).is_empty()
    };
    names.into_iter().find(|name| !taken(name)).ok_or_else(|| {
        NoFix::new(
            Code::NameTaken,
            text![
                "there is a ",
                Named::new("Secret", &resource.name),
                " already: move the key there, \
                 and have the pods read it from it"
            ],
        )
    })
}

fn no_place(resource: &Resource) -> NoFix {
    NoFix::new(
        Code::NoPlace,
        text![
            "there is no place for a Secret that is applied wherever ",
            resource.display(),
            " is: write one, and have the pods read the key from it"
        ],
    )
}

/// Where the Secret goes.
struct Whereabouts {
    /// Its file.
    path: String,
    /// The kustomization that lists it, and the entry.
    kustomization: Option<(FileId, String)>,
}

impl Whereabouts {
    /// Beside the file of the ConfigMap, so that it is applied with that.
    fn of(workspace: &Workspace, resource: &Resource) -> Result<Self, NoFix> {
        let file = workspace.file(resource.file);
        let directory = file
            .path
            .rsplit_once('/')
            .map_or("", |(directory, _)| directory);
        let in_directory = |name: String| match directory {
            "" => name,
            directory => format!("{directory}/{name}"),
        };
        let path = in_directory(format!("{}-secret.yaml", resource.name));
        let sets = workspace.sets_of(resource.id);
        if sets.is_empty() || resource.of_template || workspace.options().stream {
            return Err(no_place(resource));
        }
        if workspace.file_at(&path).is_some() || workspace.text_at(&path).is_some() {
            return Err(NoFix::new(
                Code::NameTaken,
                text![
                    "there is a file ",
                    Path(&path),
                    " already: move the key there"
                ],
            ));
        }
        let mut through = BTreeSet::new();
        for set in sets {
            match workspace.set(set).evidence {
                Evidence::Kustomization | Evidence::Directory => {}
                _ => return Err(no_place(resource)),
            }
            let member = workspace.member(set, resource.id);
            through.insert(member.and_then(|member| member.through.last().copied()));
        }
        let mut through = through.into_iter();
        let (Some(first), None) = (through.next(), through.next()) else {
            return Err(no_place(resource));
        };
        let Some(kustomization) = first else {
            return Ok(Self {
                path,
                kustomization: None,
            });
        };
        let above = workspace
            .kustomization(kustomization)
            .map(|k| k.directory.clone());
        let entry = above.and_then(|above| match above.as_str() {
            "" => Some(path.clone()),
            above => Some(path.strip_prefix(above)?.strip_prefix('/')?.to_owned()),
        });
        let entry = entry.ok_or_else(|| no_place(resource))?;
        Ok(Self {
            path,
            kustomization: Some((kustomization, entry)),
        })
    }

    /// The edit that lists the file.
    fn listing(&self, workspace: &Workspace) -> Result<Option<(FileId, Edit)>, NoFix> {
        let Some((kustomization, entry)) = &self.kustomization else {
            return Ok(None);
        };
        let list = workspace
            .file(*kustomization)
            .yaml
            .as_deref()
            .and_then(|yaml| yaml.root(0)?.get("resources"));
        let refuse = || {
            let text = text![
                "list ",
                Path(&self.path),
                " in the kustomization: its resources cannot be read"
            ];
            NoFix::new(Code::NoPlace, text)
        };
        let edit = list
            .ok_or_else(refuse)?
            .push(Place::Last, &Value::str(entry))?;
        Ok(Some((*kustomization, edit)))
    }
}
