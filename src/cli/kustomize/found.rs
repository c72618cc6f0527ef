//! What is found in what is built, and which of it is the same in several roots.

use std::collections::BTreeMap;

use kubewright_model::kube::{Options, ResourceId, Workspace};
use kubewright_model::text::Text;
use kubewright_model::yaml::{File, Node};

use super::documents::Build;
use super::roots::Root;
use super::source::Sources;
use crate::cli::behind;
use crate::pipeline::report::{Place, Reported};
use crate::pipeline::{INPUT, Pipeline, UNUSED_SUPPRESSION};

/// Path of a build in reports.
pub(super) const RELEASE: &str = "<built>";

/// A finding of one root.
#[derive(Debug, Clone)]
pub(super) struct Found {
    /// The number of the root.
    pub(super) root: usize,
    /// At its place in the build.
    pub(super) finding: Reported,
    /// Where that is written.
    pub(super) place: Place,
    /// The other places, likewise.
    pub(super) related: Vec<(Place, Text)>,
    /// The resource that it is about, as the workspace has it.
    pub(super) about: Option<ResourceId>,
    /// What its other places stand in.
    pub(super) reads: Vec<ResourceId>,
    /// The resources of all documents of the build.
    pub(super) resources: std::sync::Arc<BTreeMap<usize, Option<ResourceId>>>,
}

/// What a build means: one apply set.
pub(super) fn workspace(build: &Build, options: &Options) -> Workspace {
    behind::workspace(RELEASE, &build.text, options)
}

/// All that is found in a root.
pub(super) fn found(
    pipeline: &Pipeline<'_>,
    sources: &Sources<'_>,
    (number, root): (usize, &Root),
    build: &Build,
) -> Vec<Found> {
    let applied = workspace(build, sources.before.options());
    let Ok(tree) = File::parse(build.text.as_str()) else {
        return Vec::new();
    };
    let resource = |document: usize| {
        let top = tree.root(document)?;
        let name = top.path(&["metadata", "name"]).and_then(Node::text)?;
        let kind = top.get("kind").and_then(Node::text)?;
        sources.resource(root, build.documents.get(document)?, (kind, name))
    };
    let resources: BTreeMap<_, _> = (0..build.documents.len())
        .map(|document| (document, resource(document)))
        .collect();
    let resources = std::sync::Arc::new(resources);
    let at = |place: &Place| {
        let (document, _) = build.document(place.start)?;
        resources.get(&document).copied().flatten()
    };
    let findings = pipeline.findings(&applied).into_iter();
    findings
        .filter(|f| f.transform != INPUT && f.transform != UNUSED_SUPPRESSION)
        .map(|finding| {
            let place = sources.place(root, build, &tree, &finding.place);
            let related = finding.related.iter();
            let related = related
                .map(|(place, words)| (sources.place(root, build, &tree, place), words.clone()));
            Found {
                root: number,
                place,
                related: related.collect(),
                about: at(&finding.place),
                reads: finding.related.iter().filter_map(|(p, _)| at(p)).collect(),
                resources: resources.clone(),
                finding,
            }
        })
        .collect()
}

/// Findings that are the same in several roots, together: those of one transform at one place that
/// say the same, but for what the roots put around names.
pub(super) fn groups(workspace: &Workspace, roots: &[Root], all: Vec<Found>) -> Vec<Vec<Found>> {
    let mut groups: BTreeMap<(&'static str, String, usize, String), Vec<Found>> = BTreeMap::new();
    for found in all {
        let kustomization = roots
            .get(found.root)
            .and_then(|root| workspace.kustomization(root.file));
        let mut message = found.finding.message.to_string();
        for around in kustomization
            .into_iter()
            .flat_map(|k| [&k.prefix, &k.suffix])
        {
            if !around.is_empty() {
                message = message.replace(around.as_str(), "");
            }
        }
        let key = (
            found.finding.transform,
            found.place.path.clone(),
            found.place.start,
            message,
        );
        groups.entry(key).or_default().push(found);
    }
    groups.into_values().collect()
}
