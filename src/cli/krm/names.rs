//! Names that kustomize has changed already, and references to them that it has not.
//!
//! `namePrefix`, `nameSuffix` and `namespace` of a kustomization and those below it act before its
//! `transformers`; references follow at the very end, by the names that each object had before,
//! which an annotation keeps. To a function the ConfigMap is `p-settings`, and the Deployment reads
//! `settings`. So that it sees what will be applied, references are read as kustomize will change
//! them, and are written back as they were, or kustomize would not find them.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Result, anyhow, bail};
use kubewright_model::kube::{Input, Options, Resource, Target, Workspace};
use kubewright_model::yaml::{Edit, Node, Value, verify};

use super::super::input_stream::STDIN;

/// Names that an object had before, separated by commas.
const PREVIOUS: &str = "internal.config.kubernetes.io/previousNames";
/// What tells two objects apart that had one name: which prefixes and suffixes they got.
const BUILT_WITH: [&str; 2] = [
    "internal.config.kubernetes.io/prefixes",
    "internal.config.kubernetes.io/suffixes",
];

/// References of one document, as they are written, by what they were read as.
pub(super) type Written = BTreeMap<(Target, String), String>;

/// An object that has had other names.
struct Renamed {
    to: Target,
    namespace: Option<String>,
    name: String,
    before: Vec<String>,
    built_with: [String; 2],
}

/// Whether a stream has such names.
pub(super) fn are_changed(text: &str) -> bool {
    text.contains(PREVIOUS)
}

/// The text of a stream with its references as kustomize will change them, and how to write those
/// of each document.
pub(super) fn as_applied(text: &Arc<str>) -> Result<(String, Vec<Written>)> {
    let workspace = stream(Arc::clone(text));
    let renamed: Vec<Renamed> = (workspace.resources().iter())
        .filter_map(|resource| renamed(&workspace, resource))
        .collect();
    let mut written: Vec<Written> = Vec::new();
    let text = with_names(&workspace, |resource, to, name| {
        let Some(will_be) = follow(&workspace, &renamed, resource, to, name)? else {
            return Ok(None);
        };
        if written.len() <= resource.document {
            written.resize(resource.document + 1, Written::new());
        }
        if let Some(of_document) = written.get_mut(resource.document) {
            of_document.insert((to, will_be.clone()), name.to_owned());
        }
        Ok(Some(will_be))
    })?;
    Ok((text, written))
}

/// A document with its references as they were written.
pub(super) fn as_written(document: &str, written: &Written) -> Result<String> {
    let workspace = stream(document.into());
    with_names(&workspace, |_, to, name| {
        Ok(written.get(&(to, name.to_owned())).cloned())
    })
}

fn stream(text: Arc<str>) -> Workspace {
    let input = Input {
        path: STDIN.into(),
        text,
        editable: true,
    };
    let options = Options {
        stream: true,
        ..Options::default()
    };
    Workspace::new(vec![input], options)
}

/// The text of a stream with other names in its references.
fn with_names(
    workspace: &Workspace,
    mut name: impl FnMut(&Resource, Target, &str) -> Result<Option<String>>,
) -> Result<String> {
    let mut edits: Vec<Edit> = Vec::new();
    let mut change = |resource: &Resource, to: Target, node: Node<'_>, old: &str| -> Result<()> {
        if let Some(new) = name(resource, to, old)? {
            let edit = node.set(&Value::str(new));
            edits
                .push(edit.map_err(|refusal| anyhow!("{}: {}", resource.display(), refusal.text))?);
        }
        Ok(())
    };
    for resource in workspace.resources() {
        for template in workspace.pod_templates(resource.id) {
            for reference in template.references() {
                change(resource, reference.to, reference.node, reference.name)?;
            }
        }
        for reference in workspace.field_references(resource.id) {
            if reference.part.is_none() && reference.namespace.is_none() {
                change(resource, reference.to, reference.node, reference.name)?;
            }
        }
    }
    let Some(file) = workspace.files().first() else {
        bail!("the stream is not read");
    };
    let Some(yaml) = file.yaml.as_deref() else {
        return Ok(file.text.to_string());
    };
    verify::apply(yaml, &edits.iter().collect::<Vec<_>>())
        .map_err(|refusal| anyhow!("the references cannot be followed: {}", refusal.text))
}

fn annotation<'a>(workspace: &'a Workspace, resource: &Resource, key: &str) -> &'a str {
    workspace
        .node(resource.id)
        .and_then(|node| node.path(&["metadata", "annotations", key])?.text())
        .unwrap_or_default()
}

fn renamed(workspace: &Workspace, resource: &Resource) -> Option<Renamed> {
    let before = annotation(workspace, resource, PREVIOUS);
    Some(Renamed {
        to: resource.target()?,
        namespace: resource.namespace.clone(),
        name: resource.name.clone(),
        before: before.split(',').map(str::to_owned).collect(),
        built_with: BUILT_WITH.map(|key| annotation(workspace, resource, key).to_owned()),
    })
}

/// The name that kustomize will write for a reference, if it is another one.
fn follow(
    workspace: &Workspace,
    renamed: &[Renamed],
    resource: &Resource,
    to: Target,
    name: &str,
) -> Result<Option<String>> {
    let had = |object: &&Renamed| {
        object.to == to
            && object.namespace == resource.namespace
            && object.before.iter().any(|before| before == name)
    };
    let mut found: Vec<&Renamed> = renamed.iter().filter(had).collect();
    if found.len() > 1 {
        let own = BUILT_WITH.map(|key| annotation(workspace, resource, key).to_owned());
        found.retain(|object| object.built_with == own);
    }
    match found.as_slice() {
        [] => Ok(None),
        [one] => Ok((one.name != name).then(|| one.name.clone())),
        several => {
            let names: Vec<&str> = several.iter().map(|object| object.name.as_str()).collect();
            bail!(
                "{} reads {} {name}, and {} had that name; kustomize decides between them when \
                 functions have run: filter what it builds instead (kustomize build | kubewright \
                 fix -)",
                resource.display(),
                to.kind(),
                names.join(" and "),
            )
        }
    }
}
