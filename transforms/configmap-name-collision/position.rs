//! What stands together: a consumer and a definition in one part of the set that is applied by
//! itself, or in one directory.
//!
//! kustomize finds the object of a reference in the base that holds both before it looks further
//! out, and an Argo CD `Application` or a Flux `Kustomization` is applied with what it brings.
//! Where the name has one definition there, that is the one a consumer beside it reads. A component
//! is no such part: it changes what its parent gathered.

use std::collections::BTreeMap;

use kubewright_model::kube::{FileId, ResourceId, SetId, Workspace};

use super::demand::Unit;
use super::group::Collision;

/// Where the definitions stand.
#[derive(Debug)]
pub(super) struct Position {
    kustomizations: BTreeMap<FileId, Vec<usize>>,
    parts: BTreeMap<usize, Vec<usize>>,
    directories: BTreeMap<String, Vec<usize>>,
}

/// The directory of a file.
pub(super) fn directory(ws: &Workspace, file: FileId) -> &str {
    ws.file(file)
        .path
        .rsplit_once('/')
        .map_or("", |(directory, _)| directory)
}

impl Position {
    pub(super) fn of(ws: &Workspace, collision: &Collision<'_>) -> Self {
        let (mut kustomizations, mut parts) = (
            BTreeMap::<_, Vec<usize>>::new(),
            BTreeMap::<_, Vec<usize>>::new(),
        );
        let mut directories: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (at, definition) in collision.definitions.iter().enumerate() {
            for file in &definition.through {
                kustomizations.entry(*file).or_default().push(at);
            }
            if let Some(part) = definition.part {
                parts.entry(part).or_default().push(at);
            }
            directories
                .entry(directory(ws, definition.file).to_owned())
                .or_default()
                .push(at);
        }
        Self {
            kustomizations,
            parts,
            directories,
        }
    }

    /// The definition that a resource is applied with in the smallest part of the set that has one;
    /// `None` where it has several, or is not closed.
    pub(super) fn together(
        &self,
        ws: &Workspace,
        set: SetId,
        id: ResourceId,
    ) -> Option<(usize, Unit)> {
        let mut found = ws
            .positions(set, id)
            .map(|position| self.at(ws, set, position));
        let first = found.next()??;
        found.all(|other| other == Some(first)).then_some(first)
    }

    fn at(&self, ws: &Workspace, set: SetId, position: usize) -> Option<(usize, Unit)> {
        let all = ws.set(set);
        let member = all.members.get(position)?;
        for file in member.through.iter().rev() {
            let kustomization = ws.kustomization(*file).filter(|k| !k.component);
            let (Some(kustomization), Some(definitions)) =
                (kustomization, self.kustomizations.get(file))
            else {
                continue;
            };
            let [one] = definitions[..] else { return None };
            return closed(ws, kustomization.file, 0).then_some((one, Unit::Kustomization(*file)));
        }
        let part = all.part_of(position)?;
        let brings = all.parts.get(part)?;
        let [one] = self.parts.get(&part)?[..] else {
            return None;
        };
        brings.closed.then_some((one, Unit::Part(set, part)))
    }

    /// The only definition in the directory of a file, when others stand elsewhere.
    pub(super) fn in_directory(&self, ws: &Workspace, file: FileId) -> Option<usize> {
        let beside = self
            .directories
            .get(directory(ws, file))
            .filter(|_| self.directories.len() > 1)?;
        if let [one] = beside[..] {
            Some(one)
        } else {
            None
        }
    }

    /// What tells a definition from the others: the outermost kustomization that no other one comes
    /// through, or the part that brings it.
    pub(super) fn unit(&self, collision: &Collision<'_>, at: usize) -> Option<Unit> {
        let definition = collision.definitions.get(at)?;
        let alone = |file: &&FileId| {
            self.kustomizations
                .get(file)
                .is_some_and(|all| all.len() == 1)
        };
        let part = definition
            .part
            .filter(|part| self.parts.get(part).is_some_and(|all| all.len() == 1));
        match (part, collision.sets.first()) {
            (Some(part), Some(set)) => Some(Unit::Part(*set, part)),
            _ => definition
                .ways
                .iter()
                .find(alone)
                .map(|file| Unit::Kustomization(*file)),
        }
    }
}

/// How deep kustomizations nest that are looked at.
const MAX_DEPTH: usize = 16;

/// Whether all that a kustomization gathers is in sight.
fn closed(ws: &Workspace, file: FileId, depth: usize) -> bool {
    let Some(kustomization) = ws
        .kustomization(file)
        .filter(|k| k.holes.is_empty() && depth < MAX_DEPTH)
    else {
        return false;
    };
    kustomization
        .bases
        .iter()
        .all(|base| closed(ws, *base, depth + 1))
}
