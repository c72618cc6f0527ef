//! The kustomizations of a workspace.

use super::Workspace;
use crate::kube::kustomize::kustomization::Details;
use crate::kube::object::apply_set::Generated;
use crate::kube::object::kustomization::{Generator, Kustomization};
use crate::kube::object::resource::FileId;
use crate::kube::source::paths::join;
use crate::yaml::Node;

impl Workspace {
    /// The kustomization that a file is.
    pub fn kustomization(&self, file: FileId) -> Option<&Kustomization> {
        self.kustomizations
            .binary_search_by_key(&file, |k| k.file)
            .ok()
            .and_then(|i| self.kustomizations.get(i))
    }

    /// All kustomizations, by path.
    pub fn kustomizations(&self) -> &[Kustomization] {
        &self.kustomizations
    }

    /// The generator of a part of a set.
    pub fn generator(&self, generated: &Generated) -> Option<&Generator> {
        self.kustomization(generated.kustomization)?
            .generators
            .get(generated.generator)
    }

    /// The mapping of a kustomization.
    pub fn kustomization_node(&self, file: FileId) -> Option<Node<'_>> {
        Some(
            self.file(file)
                .yaml
                .as_deref()?
                .node(self.details(file)?.node),
        )
    }

    /// What only the graph needs of a kustomization.
    pub(in crate::kube) fn details(&self, file: FileId) -> Option<&Details> {
        let at = self
            .index
            .details
            .binary_search_by_key(&file, |d| d.file)
            .ok()?;
        self.index.details.get(at)
    }

    /// `replacements` of a kustomization, inline or in files, each with the file that holds it.
    pub(in crate::kube) fn replacements<'a>(
        &'a self,
        kustomization: &Kustomization,
        node: Node<'a>,
    ) -> Vec<(FileId, Node<'a>)> {
        let mut found = Vec::new();
        for item in node.get("replacements").into_iter().flat_map(Node::items) {
            let Some(path) = item.get("path").and_then(Node::text) else {
                found.push((kustomization.file, item));
                continue;
            };
            let file = join(&kustomization.directory, path).and_then(|p| self.file_at(&p));
            let Some((file, yaml)) = file.and_then(|f| Some((f.id, f.yaml.as_deref()?))) else {
                continue;
            };
            for root in (0..yaml.documents().len()).filter_map(|i| yaml.root(i)) {
                let list = root.get("replacements").unwrap_or(root);
                found.extend(
                    if list.is_sequence() {
                        list.items().collect()
                    } else {
                        vec![list]
                    }
                    .into_iter()
                    .map(|n| (file, n)),
                );
            }
        }
        found
    }
}
