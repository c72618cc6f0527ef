//! What SOPS leaves in clear of the files that it encrypted: names and keys of ConfigMaps and
//! Secrets.

use std::collections::BTreeSet;

use super::file::{SkipCode, Skipped, SourceFile};
use crate::kube::object::location::Location;
use crate::kube::object::reference::Target;
use crate::kube::object::resource::FileId;
use crate::yaml::Node;

/// A ConfigMap or Secret in a file that SOPS encrypted: names and keys stay readable in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encrypted {
    /// What it is.
    pub to: Target,
    /// `metadata.name`
    pub name: String,
    /// `metadata.namespace`
    pub namespace: Option<String>,
    /// The keys of `data`, `stringData` and `binaryData`.
    pub keys: BTreeSet<String>,
    /// Where the name stands.
    pub location: Location,
    /// The document in its file.
    pub document: usize,
}

/// Why SOPS files are left alone.
pub(in crate::kube) const SOPS: &str = "encrypted by SOPS, whose MAC covers every value";

/// Why a set is not closed that has such a file.
pub(in crate::kube) fn unreadable(what: &str, why: &str) -> String {
    format!("{what} cannot be read: {why}")
}

/// Whether SOPS encrypted this document. It writes its metadata into each document of a file that
/// it encrypts, and reads them from the first: where that has none, SOPS does not read the file,
/// and no MAC covers the documents beside an encrypted one. Source: `LoadEncryptedFile` and
/// `EmitEncryptedFile` of <https://github.com/getsops/sops/blob/main/stores/yaml/store.go>.
pub(in crate::kube) fn is_encrypted(root: Node<'_>) -> bool {
    root.path(&["sops", "mac"]).is_some()
}

/// Files that hold what SOPS encrypted.
pub(in crate::kube) fn files(skipped: &[Skipped]) -> BTreeSet<FileId> {
    skipped
        .iter()
        .filter(|s| s.code == SkipCode::Sops)
        .map(|s| s.file)
        .collect()
}

/// The ConfigMaps and Secrets of all such files.
pub(in crate::kube) fn objects(all: &[SourceFile], skipped: &[Skipped]) -> Vec<Encrypted> {
    files(skipped)
        .into_iter()
        .flat_map(|file| objects_in(all, skipped, file).0)
        .collect()
}

/// What an encrypted file defines, and whether that is all that is left alone in it.
pub(in crate::kube) fn objects_in(
    all: &[SourceFile],
    skipped: &[Skipped],
    file: FileId,
) -> (Vec<Encrypted>, bool) {
    let Some(yaml) = all.get(file.0 as usize).and_then(|f| f.yaml.as_deref()) else {
        return (Vec::new(), false);
    };
    let read = |document: usize, root: Node<'_>| {
        let text = |path: &[&str]| root.path(path).and_then(Node::text);
        let to = [Target::ConfigMap, Target::Secret]
            .into_iter()
            .find(|t| text(&["kind"]) == Some(t.kind()))?;
        let name = root.path(&["metadata", "name"])?;
        let keys = ["data", "stringData", "binaryData"]
            .into_iter()
            .filter_map(|field| root.get(field))
            .flat_map(keys_of);
        Some(Encrypted {
            to,
            name: name.text()?.to_owned(),
            namespace: text(&["metadata", "namespace"]).map(str::to_owned),
            keys: keys.collect(),
            location: Location::of(file, name),
            document,
        })
    };
    let skipped = skipped.iter().filter(|s| s.file == file);
    let whole = skipped.clone().any(|s| s.document.is_none());
    let roots = (0..yaml.documents().len())
        .filter_map(|at| Some((at, yaml.root(at)?)))
        .filter(|(_, root)| !root.is_null());
    let left = roots.filter(|(_, root)| whole || is_encrypted(*root));
    let found: Vec<Option<Encrypted>> = left
        .map(|(at, root)| is_encrypted(root).then(|| read(at, root)).flatten())
        .collect();
    let all = found.iter().all(Option::is_some)
        && (whole || skipped.clone().all(|s| s.code == SkipCode::Sops));
    (found.into_iter().flatten().collect(), all)
}

/// The keys of a mapping, those merged into it (`<<`) too.
pub(in crate::kube) fn keys_of(node: Node<'_>) -> Vec<String> {
    let mut keys = Vec::new();
    let mut open = vec![(node, 0)];
    // Aliases may merge the same mapping over and over: no ConfigMap needs so many.
    for _ in 0..1000 {
        let Some((node, depth)) = open.pop() else {
            break;
        };
        for (key, value) in node.entries() {
            let Some(text) = key.text() else { continue };
            if text == "<<" && key.as_str().is_some() && key.source() == "<<" {
                if depth < 8 && open.len() < 1000 {
                    open.extend(
                        if value.is_sequence() {
                            value.items().collect()
                        } else {
                            vec![value]
                        }
                        .into_iter()
                        .map(|n| (n, depth + 1)),
                    );
                }
            } else {
                keys.push(text.to_owned());
            }
        }
    }
    keys
}
