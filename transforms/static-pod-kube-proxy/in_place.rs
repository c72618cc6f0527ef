//! DaemonSets in the place of the pods: with the option `replace`, and in a stream. The first of
//! the copies that a DaemonSet stands for becomes it, the others go: their items and documents, and
//! a file with nothing else in it.

use std::collections::BTreeMap;

use kubewright_model::finding::{Change, NoFix};
use kubewright_model::kube::{FileId, Resource};
use kubewright_model::text;
use kubewright_model::text::{Path, Text};
use kubewright_model::yaml::File;

use super::finding::Case;
use super::fleet::Part;
use super::items::{self, Item};
use super::kustomize;

/// The title of the fix, and its changes.
pub(super) fn changes(case: &Case<'_>, parts: &[Part<'_>]) -> Result<(Text, Vec<Change>), NoFix> {
    let workspace = case.workspace();
    let stream = workspace.options().stream;
    let mut files: BTreeMap<FileId, BTreeMap<usize, Vec<&Resource>>> = BTreeMap::new();
    for pod in &case.copies {
        let documents = files.entry(pod.file).or_default();
        documents.entry(pod.document).or_default().push(pod);
    }
    let (mut changes, mut gone) = (Vec::new(), Vec::new());
    for (id, documents) in files {
        let yaml = workspace.file(id).yaml.as_deref();
        let yaml = yaml.ok_or_else(|| super::no_document("the file is not read as YAML"))?;
        let (mut edits, mut removed) = (Vec::new(), Vec::new());
        for (document, pods) in documents {
            match replacement(case, yaml, &pods, parts)? {
                Some((text, lost)) => {
                    let mut edit = yaml.replace_document(document, text)?;
                    edit.lost_comments = lost;
                    edits.push(edit);
                }
                None => removed.push(document),
            }
        }
        let rest = (0..yaml.documents().len())
            .filter(|at| !removed.contains(at))
            .filter_map(|at| yaml.root(at))
            .any(|root| !root.is_null());
        if !rest && !stream {
            changes.push(Change::Delete(id));
            gone.push(id);
            continue;
        }
        for document in removed {
            edits.push(yaml.remove_document(document)?);
        }
        changes.extend(edits.into_iter().map(|edit| Change::Edit(id, edit)));
    }
    changes.extend(kustomize::without(workspace, &gone)?);
    let names = parts
        .iter()
        .map(|part| text!["DaemonSet ", part.role.name()]);
    let names = Text::list(names.collect::<Vec<_>>());
    let mut title = match case.copies.len() {
        1 => text!["turn the pod into ", names],
        n => text![format!("turn the {n} pods into "), names],
    };
    if !gone.is_empty() {
        let paths = gone.iter().map(|id| Path(&workspace.file(*id).path));
        title = text![title, ", and delete ", Text::list(paths)];
    }
    Ok((title, changes))
}

/// The text of a document with DaemonSets in the place of the pods in it, and the comments that it
/// gives up; `None` where nothing is left of it.
fn replacement(
    case: &Case<'_>,
    yaml: &File,
    pods: &[&Resource],
    parts: &[Part<'_>],
) -> Result<Option<(String, Vec<String>)>, NoFix> {
    let part_of = |pod: &Resource| {
        parts
            .iter()
            .find(|part| part.copies.first().is_some_and(|first| first.id == pod.id))
    };
    let made: Vec<&Part<'_>> = pods.iter().filter_map(|pod| part_of(pod)).collect();
    let objects: String = made
        .iter()
        .map(|part| part.converted.objects.as_str())
        .collect();
    let mut lost: Vec<String> = Vec::new();
    for part in &made {
        lost.extend(part.about.iter().chain(&part.converted.lost).cloned());
    }
    let text = match pods {
        [pod] if pod.item.is_none() => made.first().map(|part| part.converted.text.clone()),
        _ => {
            let document = pods.first().map_or(0, |pod| pod.document);
            let items: Vec<Item<'_>> = pods
                .iter()
                .filter_map(|pod| {
                    Some(Item {
                        node: case.workspace().node(pod.id)?,
                        text: part_of(pod).map(|part| part.converted.text.as_str()),
                    })
                })
                .collect();
            items::list(yaml, document, &items)?.map(|(text, more)| {
                lost.extend(more);
                text
            })
        }
    };
    Ok(text.map(|text| (before(&objects, text, yaml.eol()), lost)))
}

/// The documents of `objects`, each with a `---` behind it, before the document `text`.
fn before(objects: &str, text: String, eol: &str) -> String {
    if objects.is_empty() {
        return text;
    }
    let objects = objects.replace('\n', eol);
    let marker = format!("---{eol}");
    if !text.starts_with("---") {
        return objects + &text;
    }
    // The `---` of the document itself parts it from the one before.
    let objects = objects.strip_suffix(marker.as_str()).unwrap_or(&objects);
    format!("{marker}{objects}{text}")
}
