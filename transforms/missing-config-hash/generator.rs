//! `strategy = "generator"`: kustomize generates the ConfigMap from files beside the kustomization,
//! and its name gets kustomize's suffix, which readers follow.
//!
//! What comes of it is a rename in the cluster, so all that speaks against a rename speaks against
//! it; and kustomize must be the one who follows the name, for every reader.

use std::collections::BTreeSet;

use kubewright_model::finding::{Applicability, Change, Finding, Fix, Location, Severity};
use kubewright_model::kube::{FileId, Resource, ResourceId, SetId, Target, Workspace};
use kubewright_model::text;
use kubewright_model::text::{Path, Text};
use kubewright_model::yaml::{Node, Place, Value};

use super::{META, name_hash, versioned};
use crate::configmap_name_collision::renaming::{self, Renaming};

/// The finding, with the generator; or why the resource keeps its name.
pub(super) fn finding(ws: &Workspace, id: ResourceId) -> Result<Finding, Text> {
    let resource = ws.resource(id);
    let node = ws.node(id).ok_or("its file cannot be read")?;
    if resource.target() != Some(Target::ConfigMap) {
        return Err("the values of a Secret are not written to files".into());
    }
    let kustomization = listed_by(ws, id)?;
    let name = &resource.name;
    if let Some(use_) = ws.uses_outside(Some(id), Target::ConfigMap, name).first() {
        let path = &ws.file(use_.location.file).path;
        return Err(text![
            "a patch, a replacement or a generator names it in ",
            Path(path)
        ]);
    }
    if let Some(what) = ws.content_touched(id) {
        return Err(text![what, " changes its content behind the file"]);
    }
    let hash = name_hash::hash_of(ws, id).ok_or("a value is no string")?;
    let renaming = renaming::rename(ws, id, &format!("{name}-{hash}"))?;
    if renaming.readers.is_empty() {
        return Err("nothing that is applied with it reads it".into());
    }
    for reader in &renaming.readers {
        followed(ws, id, *reader)?;
    }
    let directory = ws.kustomization(kustomization).map_or("", |k| &k.directory);
    let files = files(ws, node, name, directory)?;
    let paths: Vec<String> = files.iter().map(|(path, _, _)| path.clone()).collect();
    let item = item(node, &paths, resource)?;
    let mut changes = renaming::remove(ws, id)?;
    changes.push(generate(ws, kustomization, &item)?);
    changes.extend(
        files
            .into_iter()
            .map(|(_, path, text)| Change::Create(path, text)),
    );
    Ok(told(ws, resource, node, (kustomization, changes), renaming))
}

fn told(
    ws: &Workspace,
    resource: &Resource,
    node: Node<'_>,
    (kustomization, changes): (FileId, Vec<Change>),
    renaming: Renaming,
) -> Finding {
    let readers: Vec<&Resource> = renaming.readers.iter().map(|id| ws.resource(*id)).collect();
    let who = Text::list(readers.iter().map(|reader| reader.display()));
    let verb = if readers.len() > 1 {
        " read "
    } else {
        " reads "
    };
    let message = text![
        who,
        verb,
        resource.display(),
        " under a name that stays: a change of it restarts no pod"
    ];
    let place = node.path(&["metadata", "name"]).unwrap_or(node);
    let mut notes = versioned::old_one(ws, resource, &readers);
    notes.extend(renaming.notes);
    META.finding(
        Severity::Warning,
        Location::of(resource.file, place),
        message,
    )
    .about(resource.id)
    .notes(notes)
    .fix(Ok(Fix {
        title: text![
            "have ",
            Path(&ws.file(kustomization).path),
            " generate ",
            resource.display(),
            " from files, with a suffix that changes with its content"
        ],
        applicability: Applicability::Unsafe,
        changes,
        claims: renaming.claims,
    }))
}

/// The kustomization that lists the file, the same in all sets.
fn listed_by(ws: &Workspace, id: ResourceId) -> Result<FileId, Text> {
    let mut files = BTreeSet::new();
    for set in ws.sets_of(id) {
        let through = ws.member(set, id).and_then(|m| m.through.last());
        files.insert(*through.ok_or("no kustomization lists it")?);
    }
    let mut files = files.into_iter();
    match (files.next(), files.next()) {
        (Some(file), None) => {
            let owner = ws.kustomization(file).ok_or("no kustomization lists it")?;
            let options = ws
                .kustomization_node(file)
                .and_then(|n| n.get("generatorOptions"));
            if owner.component || !owner.resources.contains(&ws.resource(id).file) {
                return Err("a component brings it".into());
            }
            if options.is_some() {
                let path = &ws.file(file).path;
                return Err(text![
                    Path(path),
                    " has `generatorOptions`, which would change it"
                ]);
            }
            Ok(file)
        }
        _ => Err("several kustomizations list it".into()),
    }
}

/// Whether kustomize follows the name in a reader, wherever it is built.
fn followed(ws: &Workspace, id: ResourceId, reader: ResourceId) -> Result<(), Text> {
    let who = ws.resource(reader).display();
    let name = &ws.resource(id).name;
    if ws
        .field_references(reader)
        .iter()
        .any(|field| field.to == Target::ConfigMap && field.name == *name)
    {
        return Err(text![
            who,
            " names it in a field that kustomize does not follow"
        ]);
    }
    let root = |set: SetId, of: ResourceId| {
        let through = ws.member(set, of).map(|m| m.through.as_slice());
        through.and_then(<[_]>::first).copied()
    };
    for set in ws.sets_of(id) {
        if !ws.sets_of(reader).contains(&set) {
            continue;
        }
        let together = root(set, id).is_some() && root(set, id) == root(set, reader);
        let renamed = ws.renamed(set, reader, Target::ConfigMap, name, true);
        let meets = renamed.is_none_or(|r| r.together && r.meets());
        if !together || !meets || !ws.follows_names(set, reader) {
            return Err(text![
                who,
                " would not follow the name in ",
                &ws.set(set).name
            ]);
        }
    }
    Ok(())
}

/// The path of each key as the kustomization writes it, from the root, and what it holds.
fn files(
    ws: &Workspace,
    node: Node<'_>,
    name: &str,
    directory: &str,
) -> Result<Vec<(String, String, String)>, Text> {
    let mut files = Vec::new();
    for (key, value) in node.get("data").into_iter().flat_map(Node::entries) {
        let key = key.text().ok_or("a key is no string")?;
        let text = value.text().filter(|_| !value.is_null());
        let text = text.ok_or_else(|| text![key, " has no value"])?;
        let written = format!("{name}/{key}");
        let path = if directory.is_empty() {
            written.clone()
        } else {
            format!("{directory}/{written}")
        };
        if ws.text_at(&path).is_some_and(|there| there != text) {
            return Err(text![Path(&path), " is there already"]);
        }
        files.push((written, path, text.to_owned()));
    }
    if files.is_empty() {
        return Err("it holds no text".into());
    }
    Ok(files)
}

/// The entry of `configMapGenerator`; all that the object has must go into it.
fn item(node: Node<'_>, files: &[String], resource: &Resource) -> Result<Value, Text> {
    let known = |field: &str, known: &[&str]| {
        let of = if field.is_empty() {
            Some(node)
        } else {
            node.get(field)
        };
        let mut keys = of.into_iter().flat_map(Node::entries);
        keys.find(|(key, _)| key.text().is_none_or(|key| !known.contains(&key)))
            .map(|(key, _)| {
                text![
                    key.text().unwrap_or_default(),
                    " has no place in a generator"
                ]
            })
    };
    let top = known("", &["apiVersion", "kind", "metadata", "data", "immutable"]);
    let metadata = known("metadata", &["name", "namespace", "labels", "annotations"]);
    if let Some(why) = top.or(metadata) {
        return Err(why);
    }
    let mut entry = vec![("name".to_owned(), Value::str(&resource.name))];
    if let Some(namespace) = &resource.namespace {
        entry.push(("namespace".to_owned(), Value::str(namespace)));
    }
    entry.push(("files".to_owned(), Value::strs(files)));
    let mut options = Vec::new();
    for field in ["labels", "annotations"] {
        let Some(map) = node
            .path(&["metadata", field])
            .filter(|map| map.is_mapping())
        else {
            continue;
        };
        let value = map
            .to_value()
            .ok_or_else(|| text![field, " cannot be read"])?;
        options.push((field.to_owned(), value));
    }
    if node.get("immutable").and_then(Node::as_bool) == Some(true) {
        options.push(("immutable".to_owned(), Value::Bool(true)));
    }
    if !options.is_empty() {
        entry.push(("options".to_owned(), Value::Map(options)));
    }
    Ok(Value::Map(entry))
}

/// The edit that adds the generator.
fn generate(ws: &Workspace, file: FileId, item: &Value) -> Result<Change, Text> {
    let node = ws
        .kustomization_node(file)
        .ok_or("its kustomization cannot be read")?;
    let all = || Value::Seq(vec![item.clone()]);
    let edit = match node.get("configMapGenerator") {
        None => node.insert(Place::Last, "configMapGenerator", &all()),
        Some(list) if list.items().next().is_some() => list.push(Place::Last, item),
        Some(empty) => empty.set(&all()),
    };
    Ok(Change::Edit(file, edit.map_err(|refusal| refusal.text)?))
}
