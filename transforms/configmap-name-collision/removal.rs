//! Takes a definition away: its document, and with the last document its file and the entry that
//! lists it.

use std::collections::BTreeMap;

use kubewright_model::finding::{Applicability, Change, Fix};
use kubewright_model::kube::{Evidence, FileId, Workspace};
use kubewright_model::text;
use kubewright_model::text::{Named, Path, Text};
use kubewright_model::yaml::Node;

use super::Reason;
use super::codes::Code;
use super::demand::Demands;
use super::group::{Collision, Definition};
use super::outside::{Attached, sets_of};
use super::{Plan, doubts, fix};
use crate::say;

/// Drops all twins but the first from kustomizations: they hold the same, and the build fails on
/// the second.
pub(super) fn twins(
    ws: &Workspace,
    collision: &Collision<'_>,
    demands: &Demands<'_>,
    attached: &Attached,
) -> Plan {
    let no = |text: &str| Err(Reason::doubt(Code::IdenticalTwin, text));
    if collision.evidence != Evidence::Kustomization {
        if let Some(reason) =
            doubts::paths(ws, collision).or_else(|| doubts::alternatives(ws, collision, demands))
        {
            let text = text![
                "the definitions hold the same, and may be alternatives: ",
                &reason.why.text,
                "; both may be applied all the same"
            ];
            return Err(Reason::doubt(Code::IdenticalTwin, text));
        }
        return no("the definitions hold the same: remove all but one");
    }
    if !attached.uses.is_empty() || !attached.blocks.is_empty() || !attached.patterns.is_empty() {
        return no(
            "the definitions hold the same, but patches or replacements name them: remove all but \
             one by hand",
        );
    }
    let Some((first, later)) = collision.definitions.split_first() else {
        return no("there is only one");
    };
    let value = |d: &Definition<'_>| d.node.to_value();
    if later
        .iter()
        .any(|d| d.id().is_none() || value(d) != value(first))
    {
        return no(
            "the definitions hold the same data, but are not equal otherwise: decide which one is \
             right, and take the others away",
        );
    }
    let mut changes = Vec::new();
    let lists = Lists::of(ws);
    for definition in later {
        changes.extend(remove(ws, collision, definition, &lists)?);
    }
    let kept = collision.place(ws, 0);
    let gone: Vec<Text> = (1..collision.definitions.len())
        .map(|at| collision.place(ws, at))
        .collect();
    let title = text![
        "drop the ",
        if gone.len() == 1 {
            "definition"
        } else {
            "definitions"
        },
        " of ",
        Text::joined(gone, ", "),
        ", and keep that of ",
        &kept
    ];
    let object = collision.to.kind();
    let notes = vec![
        text![
            "the definitions are equal in all fields, so every pod reads the same from the one in ",
            kept
        ],
        text![
            Named::new(object, collision.name),
            " stays in the cluster as it is; nothing is left to prune, and nothing restarts"
        ],
    ];
    let fix = Fix {
        title,
        applicability: Applicability::Unsafe,
        changes,
        claims: fix::claims(collision, demands),
    };
    Ok((fix, notes, 0))
}

/// The changes that take a definition away from everything it is part of, which must be what it
/// collides in.
pub(super) fn remove(
    ws: &Workspace,
    collision: &Collision<'_>,
    definition: &Definition<'_>,
    lists: &Lists<'_>,
) -> Result<Vec<Change>, Reason> {
    let no = |text: Text| Err(Reason::new(Code::OutsideUse, text));
    let Some(id) = definition.id() else {
        return no("a generator makes one of the definitions".into());
    };
    let file = ws.file(definition.file);
    if let Some(other) = sets_of(ws, definition)
        .into_iter()
        .find(|s| !collision.sets.contains(s))
    {
        return no(text![
            Path(&file.path),
            " is also part of ",
            say::set_name(ws.set(other))
        ]);
    }
    if !file.editable {
        return Err(Reason::new(
            Code::OutsidePaths,
            text![
                Path(&file.path),
                " would have to change, and lies outside of the paths given"
            ],
        ));
    }
    let Some(yaml) = file.yaml.as_deref() else {
        return no(text![Path(&file.path), " is not read as YAML"]);
    };
    let alone = (0..yaml.documents().len())
        .filter_map(|i| yaml.root(i))
        .filter(|r| !r.is_null())
        .take(2)
        .count()
        == 1;
    let resource = ws.resource(id);
    if resource.item.is_some() {
        return Ok(vec![Change::Edit(
            definition.file,
            definition.node.remove()?,
        )]);
    }
    if !alone || ws.options().stream {
        return Ok(vec![Change::Edit(
            definition.file,
            yaml.remove_document(resource.document)?,
        )]);
    }
    let mut changes = vec![Change::Delete(definition.file)];
    for kustomization in lists.listed.get(&definition.file).into_iter().flatten() {
        let item = lists.items.get(&(*kustomization, file.path.clone()));
        let list = &ws.file(*kustomization).path;
        let item = item.ok_or_else(|| {
            Reason::new(
                Code::OutsideUse,
                text![
                    Path(list),
                    " lists ",
                    Path(&file.path),
                    " in a way that cannot be edited"
                ],
            )
        })?;
        changes.push(unlist(ws, *kustomization, *item)?);
    }
    Ok(changes)
}

/// Whether taking the definition away deletes its file.
pub(super) fn deletes_file(changes: &[Change]) -> bool {
    changes.iter().any(|c| matches!(c, Change::Delete(_)))
}

/// The `resources` of all kustomizations.
#[derive(Debug, Default)]
pub(super) struct Lists<'a> {
    /// The kustomizations that list each file.
    listed: BTreeMap<FileId, Vec<FileId>>,
    /// Their items, by the path that they name.
    items: BTreeMap<(FileId, String), Node<'a>>,
}

impl<'a> Lists<'a> {
    pub(super) fn of(ws: &'a Workspace) -> Self {
        let mut all = Self::default();
        for kustomization in ws.kustomizations() {
            for file in &kustomization.resources {
                all.listed
                    .entry(*file)
                    .or_default()
                    .push(kustomization.file);
            }
            let Some(yaml) = ws.file(kustomization.file).yaml.as_deref() else {
                continue;
            };
            let roots = (0..yaml.documents().len()).filter_map(|i| yaml.root(i));
            for item in roots
                .filter_map(|r| r.get("resources"))
                .flat_map(Node::items)
            {
                let path = item
                    .text()
                    .map(|text| joined(&kustomization.directory, text));
                all.items
                    .extend(path.map(|path| ((kustomization.file, path), item)));
            }
        }
        all
    }
}

/// Takes an item from the `resources` of a kustomization.
fn unlist(ws: &Workspace, kustomization: FileId, item: Node<'_>) -> Result<Change, Reason> {
    let list = ws.file(kustomization);
    if !list.editable {
        return Err(Reason::new(
            Code::OutsidePaths,
            text![
                Path(&list.path),
                " would have to change, and lies outside of the paths given"
            ],
        ));
    }
    Ok(Change::Edit(kustomization, item.remove()?))
}

/// A path written in a kustomization, seen from the root.
pub(super) fn joined(directory: &str, written: &str) -> String {
    let mut segments: Vec<&str> = Vec::new();
    for segment in directory.split('/').chain(written.split('/')) {
        match segment {
            "" | "." => {}
            ".." => _ = segments.pop(),
            _ => segments.push(segment),
        }
    }
    segments.join("/")
}
