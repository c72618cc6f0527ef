//! Which lines a change touches.

use std::collections::{BTreeMap, BTreeSet};

use kubewright_model::kube::Workspace;

use super::Paths;
use super::relations::about::Named;

/// Lines that differ from an older state, by path relative to the top of the repository.
#[derive(Debug, Clone, Default)]
pub(in crate::cli) struct Touched {
    lines: BTreeMap<String, Vec<(usize, usize)>>,
}

impl Touched {
    /// Of ranges of lines, 1-based, both ends included.
    pub(in crate::cli) fn new(lines: BTreeMap<String, Vec<(usize, usize)>>) -> Self {
        Self { lines }
    }

    /// Whether one of these lines of a file is touched, both ends included.
    pub(in crate::cli) fn touches(&self, path: &str, first: usize, last: usize) -> bool {
        let ranges = self.lines.get(path).map_or(&[][..], Vec::as_slice);
        ranges
            .iter()
            .any(|(from, to)| *from <= last && first <= *to)
    }

    /// The resources with such lines; paths as the repository has them.
    pub(in crate::cli) fn resources(
        &self,
        workspace: &Workspace,
        paths: &Paths,
    ) -> BTreeSet<Named> {
        let mut found = BTreeSet::new();
        for resource in workspace.resources() {
            let file = workspace.file(resource.file);
            let path = paths.shown(&file.path);
            if !self.lines.contains_key(&path) {
                continue;
            }
            let Some(node) = workspace.node(resource.id) else {
                continue;
            };
            let line = |at: usize| file.position(at).0;
            if self.touches(&path, line(node.span().start), line(node.span().end)) {
                found.insert((path, resource.kind.clone(), resource.name.clone()));
            }
        }
        found
    }
}
