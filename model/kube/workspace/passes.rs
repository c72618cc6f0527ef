//! From inputs to a workspace, and from one pass to the next: what did not change is not read
//! again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rayon::prelude::*;

use super::Workspace;
use crate::kube::object::resource::FileId;
use crate::kube::source::file::{Input, SourceFile};
use crate::kube::source::options::Options;
use crate::kube::source::read::{Charts, Read, read};

impl Workspace {
    /// Reads all inputs, taking from `known` what was read before.
    pub(in crate::kube) fn build(
        mut inputs: Vec<Input>,
        known: &BTreeMap<String, Read>,
        options: Options,
    ) -> Self {
        inputs.sort_by(|a, b| a.path.cmp(&b.path));
        inputs.dedup_by(|later, earlier| later.path == earlier.path);
        let charts = Charts::of(inputs.iter().map(|i| i.path.as_str()));
        let reads: Vec<Read> = inputs
            .par_iter()
            .map(|input| match known.get(&input.path) {
                Some(before) if charts.skip(&input.path).is_none() => before.clone(),
                _ => read(input, &charts, options.stream),
            })
            .collect();
        let files = inputs.into_iter().zip(&reads).zip(0..);
        let files = files.map(|((input, read), id)| SourceFile {
            id: FileId(id),
            path: input.path,
            editable: input.editable,
            text: input.text,
            yaml: read.yaml.clone(),
            lines: Arc::default(),
        });
        let mut workspace = Self {
            files: files.collect(),
            options,
            ..Self::default()
        };
        workspace.index.reads = reads;
        workspace.index_all();
        workspace
    }

    /// The workspace after changes.
    pub(in crate::kube) fn rebuild(
        &self,
        texts: &BTreeMap<FileId, Arc<str>>,
        created: &[Input],
        deleted: &[FileId],
    ) -> Self {
        let mut known = BTreeMap::new();
        let deleted: BTreeSet<FileId> = deleted.iter().copied().collect();
        let new: BTreeSet<&str> = created.iter().map(|c| c.path.as_str()).collect();
        let mut inputs: Vec<Input> = created.to_vec();
        for (file, read) in self.files.iter().zip(&self.index.reads) {
            if deleted.contains(&file.id) || new.contains(file.path.as_str()) {
                continue;
            }
            let text = texts.get(&file.id).unwrap_or(&file.text);
            // What a chart once covered may not be covered any more: only what was parsed is known.
            if *text == file.text && read.yaml.is_some() {
                known.insert(file.path.clone(), read.clone());
            }
            inputs.push(Input {
                path: file.path.clone(),
                text: Arc::clone(text),
                editable: file.editable,
            });
        }
        Self::build(inputs, &known, self.options.clone())
    }

    /// The workspace with new texts of files that hold nothing but resources of built-in kinds, and
    /// the same ones as before; `None` where that is not so, or something else is read from the
    /// file.
    pub(in crate::kube) fn reread(&self, texts: &BTreeMap<FileId, Arc<str>>) -> Option<Self> {
        let mut next = self.clone();
        next.index.asked = Arc::default();
        let reads: Vec<Option<Read>> = (texts.par_iter())
            .map(|(id, text)| {
                let file = self.files.get(id.0 as usize)?;
                let input = Input {
                    path: file.path.clone(),
                    text: Arc::clone(text),
                    editable: file.editable,
                };
                // A file of a chart has no tree, and is not edited.
                Some(read(&input, &Charts::default(), self.options.stream))
                    .filter(|_| file.yaml.is_some())
            })
            .collect();
        let used: BTreeSet<FileId> = self
            .index
            .details
            .iter()
            .flat_map(|d| d.configuration.iter().chain(&d.sources))
            .copied()
            .collect();
        for ((id, text), read) in texts.iter().zip(reads) {
            let (at, read) = (id.0 as usize, read?);
            let (before, after) = (
                self.index.reads.get(at)?.verdict.resources()?,
                read.verdict.resources()?,
            );
            let start = self
                .resources
                .partition_point(|resource| resource.file < *id);
            let resources = next.resources.get_mut(start..start + before.len())?;
            if used.contains(id)
                || before.len() != after.len()
                || resources.iter().any(|resource| resource.file != *id)
            {
                return None;
            }
            for ((resource, before), after) in resources.iter_mut().zip(before).zip(after) {
                if !after.is_still(before)
                    || after.group().contains('.') && !after.group().ends_with(".k8s.io")
                {
                    return None;
                }
                resource.identity = Arc::clone(after);
            }
            let file = next.files.get_mut(at)?;
            (file.text, file.yaml, file.lines) =
                (Arc::clone(text), read.yaml.clone(), Arc::default());
            *next.index.reads.get_mut(at)? = read;
        }
        Some(next)
    }
}
