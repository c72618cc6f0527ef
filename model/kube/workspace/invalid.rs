//! What the API server refuses of the objects of a workspace.

use super::Workspace;
use crate::kube::source::file::{SkipCode, Skipped};
use crate::kube::source::invalid::Invalid;

impl Workspace {
    /// Fields of objects that the API server refuses, by file and place; not of patches, whose
    /// other half is elsewhere.
    pub fn invalid(&self) -> Vec<Invalid<'_>> {
        let mut invalid = Vec::new();
        for (file, read) in self
            .files
            .iter()
            .zip(&self.index.reads)
            .filter(|(_, read)| !read.invalid.is_empty())
        {
            let skipped = |document: usize| {
                let about = |s: &&Skipped| {
                    s.file == file.id && s.document.is_none_or(|number| number == document)
                };
                self.skipped
                    .iter()
                    .filter(about)
                    .any(|s| s.code != SkipCode::NotAResource)
            };
            let Some(yaml) = file.yaml.as_deref() else {
                continue;
            };
            for found in read.invalid.iter().filter(|found| !skipped(found.document)) {
                let resource = self
                    .resources_of(file.id)
                    .iter()
                    .find(|resource| resource.node == found.object);
                let (object, node) = (yaml.node(found.object), yaml.node(found.node));
                invalid.push(Invalid {
                    file: file.id,
                    resource,
                    object,
                    node,
                    problem: found.problem,
                });
            }
        }
        invalid
    }
}
