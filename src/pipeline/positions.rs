//! Where documents stood at first: fixes move and remove whole documents, and what a later pass
//! says of one belongs to where the original text has it.

use std::collections::{BTreeMap, BTreeSet};

use kubewright_model::finding::{Change, Fix};
use kubewright_model::kube::{FileId, Workspace};
use kubewright_model::yaml::Op;

/// The original index of each document, of files whose documents are not where they were.
#[derive(Debug, Clone, Default)]
pub(super) struct Positions(BTreeMap<String, Vec<usize>>);

impl Positions {
    /// The index that a document of the file had in the original text.
    pub(super) fn original(&self, path: &str, document: usize) -> usize {
        let known = self.0.get(path).and_then(|all| all.get(document));
        known.copied().unwrap_or(document)
    }

    /// Takes in what `fixes`, which were applied to `workspace`, do to documents.
    pub(super) fn follow<'f>(
        &mut self,
        workspace: &Workspace,
        fixes: impl Iterator<Item = &'f Fix>,
    ) {
        let mut removed: BTreeMap<FileId, BTreeSet<usize>> = BTreeMap::new();
        let mut moved: BTreeMap<FileId, BTreeMap<usize, usize>> = BTreeMap::new();
        let mut grown: BTreeMap<FileId, BTreeMap<usize, usize>> = BTreeMap::new();
        for change in fixes.flat_map(|fix| &fix.changes) {
            let Change::Edit(file, edit) = change else {
                continue;
            };
            match edit.op {
                Op::RemoveDocument { document } => {
                    _ = removed.entry(*file).or_default().insert(document);
                }
                Op::MoveDocument { document, before } => {
                    _ = moved.entry(*file).or_default().insert(document, before);
                }
                Op::ReplaceDocument { document, by } if by != 1 => {
                    _ = grown.entry(*file).or_default().insert(document, by);
                }
                _ => {}
            }
        }
        let shifted = removed.keys().chain(moved.keys()).chain(grown.keys());
        let shifted: BTreeSet<FileId> = shifted.copied().collect();
        for id in shifted {
            let file = workspace.file(id);
            let count = file.yaml.as_ref().map_or(0, |yaml| yaml.documents().len());
            let gone = removed.get(&id);
            let mut order: Vec<usize> = (0..count)
                .filter(|number| gone.is_none_or(|gone| !gone.contains(number)))
                .collect();
            for (from, to) in moved.get(&id).into_iter().flatten() {
                let at = |index: &usize| order.iter().position(|number| number == index);
                if let (Some(from), Some(to)) = (at(from), at(to)) {
                    let number = order.remove(from);
                    order.insert(to, number);
                }
            }
            // What stands in the place of one document is told where that one was.
            let grown = grown.get(&id);
            let by = |number: &usize| grown.and_then(|grown| grown.get(number)).copied();
            let order: Vec<usize> = order
                .into_iter()
                .flat_map(|number| std::iter::repeat_n(number, by(&number).unwrap_or(1)))
                .map(|number| self.original(&file.path, number))
                .collect();
            self.0.insert(file.path.clone(), order);
        }
    }
}
