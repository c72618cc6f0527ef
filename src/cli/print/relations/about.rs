//! The part of a graph that some resources have to do with.

use std::collections::BTreeSet;

use super::{Graph, Part, Read, Set};

/// A resource: path of its file as it is shown, kind and name.
pub(in crate::cli) type Named = (String, String, String);

impl Graph {
    /// Who reads these resources, and what they read; `None` when nothing is left.
    pub(in crate::cli) fn about(&self, wanted: &BTreeSet<Named>) -> Option<Self> {
        let sets: Vec<Set> = self
            .sets
            .iter()
            .filter_map(|set| part(set, wanted))
            .collect();
        (!sets.is_empty()).then(|| Self {
            sets,
            unreached: Vec::new(),
            broken: Vec::new(),
        })
    }

    /// Number of boxes that a picture of it has.
    pub(in crate::cli) fn size(&self) -> usize {
        let of = |set: &Set| set.members.len() + set.generated.len();
        self.sets.iter().map(of).sum()
    }
}

fn part(set: &Set, wanted: &BTreeSet<Named>) -> Option<Set> {
    let is_wanted = |part: &Part| {
        let object = &part.object;
        let named = (
            object.at.path.clone(),
            object.kind.clone(),
            object.name.clone(),
        );
        wanted.contains(&named)
    };
    let wanted: BTreeSet<usize> = (set.members.iter().enumerate())
        .filter(|(_, part)| is_wanted(part))
        .map(|(at, _)| at)
        .collect();
    let about =
        |read: &&Read| wanted.contains(&read.from) || read.to.iter().any(|to| wanted.contains(to));
    let reads: Vec<&Read> = set.reads.iter().filter(about).collect();
    let ends = reads
        .iter()
        .flat_map(|read| read.to.iter().copied().chain([read.from]));
    let members: BTreeSet<usize> = ends.chain(wanted.iter().copied()).collect();
    let generated: BTreeSet<usize> = reads
        .iter()
        .flat_map(|read| read.made.iter().copied())
        .collect();
    if members.is_empty() {
        return None;
    }
    let place = |all: &BTreeSet<usize>, at: usize| all.range(..at).count();
    let moved = |read: &Read| Read {
        from: place(&members, read.from),
        to: read.to.iter().map(|to| place(&members, *to)).collect(),
        made: read
            .made
            .iter()
            .map(|made| place(&generated, *made))
            .collect(),
        ..read.clone()
    };
    let kept = |all: &BTreeSet<usize>, at: usize| all.contains(&at);
    Some(Set {
        reads: reads.into_iter().map(moved).collect(),
        members: (set.members.iter().enumerate())
            .filter(|(at, _)| kept(&members, *at))
            .map(|(_, part)| part.clone())
            .collect(),
        generated: (set.generated.iter().enumerate())
            .filter(|(at, _)| kept(&generated, *at))
            .map(|(_, made)| made.clone())
            .collect(),
        ..set.clone()
    })
}
