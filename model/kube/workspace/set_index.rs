//! The apply sets of a workspace, and the maps that make questions about them cheap.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::Workspace;
use super::index::Planned;
use crate::kube::apply_set;
use crate::kube::apply_set::generator_failure::Failure;
use crate::kube::apply_set::plan::{self, Before, Plan};
use crate::kube::gitops::settings;
use crate::kube::kustomize::manifests::Manifests;
use crate::kube::object::apply_set::{ApplySet, Member, SetId};
use crate::kube::object::reference::Target;
use crate::kube::object::resource::{FileId, Resource, ResourceId};
use crate::kube::source::encrypted::Encrypted;

/// Answers prepared for each apply set.
#[derive(Debug, Clone, Default)]
pub(in crate::kube) struct SetIndex {
    /// Positions in `members` of the ConfigMaps and Secrets, in order of kind and the name they
    /// have in their source.
    by_source_name: Vec<(Target, usize)>,
    /// The same in order of the name they have in the cluster.
    by_name: Vec<(Target, usize)>,
    /// Resources and their positions in `members`, in this order.
    positions: Vec<(ResourceId, usize)>,
    /// Positions in `generated`, by the name that the generators state.
    pub generators: BTreeMap<(Target, String), Vec<usize>>,
    /// The same by the name they have in the cluster, without the hash.
    pub generators_by_name: BTreeMap<(Target, String), Vec<usize>>,
    /// Kustomizations that the set is gathered through.
    pub reach: BTreeSet<FileId>,
    /// What went in and was deleted on the way.
    pub gone: BTreeMap<ResourceId, Vec<Member>>,
    /// Generators with which the build fails.
    pub failures: Vec<Failure>,
}

impl Workspace {
    /// The index of one apply set.
    pub(in crate::kube) fn set_index(&self, id: SetId) -> Option<&SetIndex> {
        self.index.sets.get(id.0 as usize)
    }

    /// What apply sets are made of.
    fn manifests<'w>(
        &'w self,
        encrypted: &'w [Encrypted],
        unreadable: &'w BTreeMap<FileId, String>,
    ) -> Manifests<'w> {
        Manifests {
            encrypted,
            files: &self.files,
            resources: &self.resources,
            unreadable,
            kustomizations: &self.kustomizations,
            details: &self.index.details,
        }
    }

    /// What is kept of the sets for the next change.
    pub(super) fn plan(&self, unreadable: &BTreeMap<FileId, String>) -> Option<Plan> {
        let encrypted = self.encrypted();
        let manifests = self.manifests(&encrypted, unreadable);
        plan::plan(&manifests, &self.options)
    }

    /// Makes the apply sets of all that is read. `unreadable` says of files why they are not.
    pub(super) fn index_sets(
        &mut self,
        unreadable: &BTreeMap<FileId, String>,
        before: Option<Before<'_>>,
    ) {
        let encrypted = self.encrypted();
        let manifests = self.manifests(&encrypted, unreadable);
        let mut planned = Planned::default();
        let (built, applied) = match before {
            Some(before) => {
                let after = plan::build_after(&manifests, &self.options, before);
                let (built, applied, plan) = after;
                planned = Planned::new(plan);
                (built, applied)
            }
            None => apply_set::build(&manifests, &self.options),
        };
        let source_settings = settings::of(&manifests, &applied);
        self.index.source_settings = Arc::new(source_settings);
        self.index.plan = planned;
        let (mut memberships, mut gone_from) =
            (Vec::new(), BTreeMap::<ResourceId, Vec<SetId>>::new());
        let (mut sets, mut indices) = (
            Vec::with_capacity(built.len()),
            Vec::with_capacity(built.len()),
        );
        for one in built {
            let set = one.set.id;
            memberships.extend(one.set.members.iter().map(|member| (member.resource, set)));
            for member in &one.gone {
                let sets = gone_from.entry(member.resource).or_default();
                if sets.last() != Some(&set) {
                    sets.push(set);
                }
            }
            let (set, index) = self.indexed(one);
            sets.push(set);
            indices.push(index);
        }
        memberships.sort_unstable();
        memberships.dedup();
        self.sets = Arc::new(sets);
        self.index.sets = Arc::new(indices);
        self.index.memberships = Arc::new(memberships);
        self.index.gone_from = Arc::new(gone_from);
    }

    /// The index of a set that is built.
    fn indexed(&self, built: apply_set::Built) -> (ApplySet, SetIndex) {
        let apply_set::Built {
            set,
            reach,
            gone,
            failures,
        } = built;
        let mut index = SetIndex {
            reach,
            failures,
            ..SetIndex::default()
        };
        for member in gone {
            index.gone.entry(member.resource).or_default().push(member);
        }
        for (position, generated) in set.generated.iter().enumerate() {
            let Some(generator) = self.generator(generated) else {
                continue;
            };
            let stated = (generator.to, generator.name.clone());
            index.generators.entry(stated).or_default().push(position);
            let becomes = (generator.to, generated.name.clone());
            index
                .generators_by_name
                .entry(becomes)
                .or_default()
                .push(position);
        }
        index.positions = set
            .members
            .iter()
            .enumerate()
            .map(|(position, member)| (member.resource, position))
            .collect();
        index.positions.sort_unstable();
        index.sort_names(&self.resources, &set);
        (set, index)
    }
}

impl SetIndex {
    /// Lists the ConfigMaps and Secrets of `set`, which this index is of, by name.
    pub(super) fn sort_names(&mut self, resources: &[Resource], set: &ApplySet) {
        let named = |(position, member): (usize, &Member)| {
            let resource = resources.get(member.resource.0 as usize)?;
            let to = resource.target().filter(|_| !resource.name.is_empty())?;
            Some((to, position))
        };
        self.by_source_name = set.members.iter().enumerate().filter_map(named).collect();
        self.by_name.clone_from(&self.by_source_name);
        let source_name = |at: usize| source_name(resources, set, at);
        self.by_source_name
            .sort_by(|a, b| (a.0, source_name(a.1)).cmp(&(b.0, source_name(b.1))));
        self.by_name
            .sort_by(|a, b| (a.0, name_in(set, a.1)).cmp(&(b.0, name_in(set, b.1))));
    }

    /// Definitions of a source name among the members of `set`, which this index is of.
    pub(in crate::kube) fn definitions<'a>(
        &self,
        resources: &[Resource],
        set: &'a ApplySet,
        to: Target,
        name: &str,
    ) -> Vec<&'a Member> {
        members(
            set,
            run_of(&self.by_source_name, |(target, at)| {
                (*target, source_name(resources, set, *at)).cmp(&(to, name))
            }),
        )
    }

    /// The same by the name that they have in the cluster.
    pub(in crate::kube) fn named<'a>(
        &self,
        set: &'a ApplySet,
        to: Target,
        name: &str,
    ) -> Vec<&'a Member> {
        members(
            set,
            run_of(&self.by_name, |(target, at)| {
                (*target, name_in(set, *at)).cmp(&(to, name))
            }),
        )
    }

    /// Positions in `members` of a resource, ascending.
    pub(in crate::kube) fn positions(&self, id: ResourceId) -> impl Iterator<Item = usize> {
        run_of(&self.positions, |(resource, _)| resource.cmp(&id))
            .iter()
            .map(|(_, position)| *position)
    }
}

/// The part of a sorted list that compares as equal.
pub(super) fn run_of<T>(list: &[T], compare: impl Fn(&T) -> Ordering) -> &[T] {
    let start = list.partition_point(|item| compare(item).is_lt());
    let rest = list.get(start..).unwrap_or_default();
    rest.get(..rest.partition_point(|item| compare(item).is_eq()))
        .unwrap_or_default()
}

fn members<'a>(set: &'a ApplySet, found: &[(Target, usize)]) -> Vec<&'a Member> {
    found
        .iter()
        .filter_map(|(_, position)| set.members.get(*position))
        .collect()
}

fn name_in(set: &ApplySet, position: usize) -> &str {
    set.members.get(position).map_or("", |member| &member.name)
}

fn source_name<'a>(resources: &'a [Resource], set: &ApplySet, position: usize) -> &'a str {
    let resource = set
        .members
        .get(position)
        .and_then(|member| resources.get(member.resource.0 as usize));
    resource.map_or("", |resource| &resource.name)
}
