//! Finds who uses the name and decides which definition each consumer means.
//!
//! The evidence, strongest first: the keys that a consumer demands are all held by exactly one definition; else exactly
//! one definition stands in the consumer's file. Where both speak they must agree. A consumer is a resource: it gets one definition for
//! all its references, or stays undecided.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::rc::Rc;

use kubewright_model::finding::Location;
use kubewright_model::kube::{
    Certainty, Demand, FieldReference, FileId, Keys, Member, OutsideUse, Resolution, Resource, ResourceId, Rollout, SetId, Workspace,
};
use kubewright_model::yaml::Node;

use super::Reason;
use super::group::{Collision, Holders, Relation, relate};
use super::outside::Attached;

/// Which definition a consumer means, by index, or why that is not known.
#[derive(Debug)]
pub(super) enum Verdict {
    /// Its keys are held by this definition alone.
    Keys(usize),
    /// It stands in the file of this definition alone.
    SameFile(usize),
    /// Why nothing decides.
    Undecided(String),
}

impl Verdict {
    pub(super) fn definition(&self) -> Option<usize> {
        match self {
            Self::Keys(at) | Self::SameFile(at) => Some(*at),
            Self::Undecided(_) => None,
        }
    }
}

/// A resource that refers to the name.
#[derive(Debug)]
pub(super) struct Consumer<'a> {
    pub(super) resource: &'a Resource,
    /// The scalars that hold the name; with the bytes that are the name where there is more.
    pub(super) uses: Vec<(Node<'a>, Option<Range<usize>>)>,
    /// Patches of it that write the name.
    pub(super) patches: Vec<OutsideUse>,
    /// The keys it demands; whether they must be in `data`.
    pub(super) keys: BTreeMap<String, bool>,
    /// It takes all keys there are, whichever those be.
    pub(super) whole: bool,
    pub(super) verdict: Verdict,
    /// What becomes of its pods when a reference changes; `None` when it has none.
    pub(super) rollout: Option<Rollout>,
}

/// All consumers, and what speaks against touching them at all.
#[derive(Debug, Default)]
pub(super) struct Demands<'a> {
    /// In order of application.
    pub(super) consumers: Vec<Consumer<'a>>,
    /// References that are not understood well enough to rewrite.
    pub(super) blocks: Vec<Reason>,
    /// The consumers of each definition, by index.
    by_definition: BTreeMap<usize, Vec<usize>>,
}

impl Demands<'_> {
    /// Definitions that a consumer demands by keys which no other definition holds.
    pub(super) fn uniquely_demanded(&self) -> BTreeSet<usize> {
        let by_keys = |c: &Consumer<'_>| if let Verdict::Keys(at) = c.verdict { Some(at) } else { None };
        self.consumers.iter().filter_map(by_keys).collect()
    }

    /// The consumers of a definition.
    pub(super) fn of(&self, definition: usize) -> impl Iterator<Item = &Consumer<'_>> {
        self.by_definition.get(&definition).into_iter().flatten().filter_map(|at| self.consumers.get(*at))
    }
}

/// What is asked of every consumer, and was answered for another one like it before.
struct Finder<'a, 'c> {
    ws: &'a Workspace,
    collision: &'c Collision<'a>,
    attached: &'c Attached,
    holders: Holders<'c>,
    /// The references of patches, by where the patch is declared.
    references: BTreeMap<&'c Location, Vec<usize>>,
    /// What the name means to a member that passes through these kustomizations in that namespace, and is a hook or is none.
    means: BTreeMap<(SetId, Vec<FileId>, Option<String>, Option<String>, bool), Relation>,
    /// The definitions that hold all these keys.
    holding: BTreeMap<BTreeMap<String, bool>, Rc<[usize]>>,
}

/// Finds and decides the consumers of a collision in all apply sets it is part of.
pub(super) fn find<'a>(ws: &'a Workspace, collision: &Collision<'a>, attached: &Attached) -> Demands<'a> {
    let mut demands = Demands::default();
    let mut references: BTreeMap<&Location, Vec<usize>> = BTreeMap::new();
    for (at, reference) in attached.references.iter().enumerate() {
        references.entry(&reference.declared).or_default().push(at);
    }
    let holders = Holders::of(&collision.definitions);
    let mut finder = Finder { ws, collision, attached, holders, references, means: BTreeMap::new(), holding: BTreeMap::new() };
    let mut seen = BTreeSet::new();
    let mut met = vec![false; attached.references.len()];
    let named = [collision.name, &collision.applied].map(|name| ws.referring(collision.to, name));
    // Patches change resources that need not name it themselves.
    let may_use = |id| !attached.references.is_empty() || named.iter().any(|ids| ids.binary_search(&id).is_ok());
    for set in &collision.sets {
        for member in &ws.set(*set).members {
            if may_use(member.resource) && !collision.is_definition(member.resource) && seen.insert(member.resource) {
                finder.visit(*set, member, &mut met, &mut demands);
            }
        }
    }
    for (reference, _) in attached.references.iter().zip(met).filter(|(_, met)| !met) {
        let text = format!("a patch in {} refers to the name and changes nothing that is in sight", ws.file(reference.location.file).path);
        demands.blocks.push(Reason::new("outside-use", text));
    }
    for (at, consumer) in demands.consumers.iter().enumerate() {
        if let Some(definition) = consumer.verdict.definition() {
            demands.by_definition.entry(definition).or_default().push(at);
        }
    }
    demands.blocks.extend(torn(ws, attached, &demands));
    demands
}

/// A patch of several workloads that mean different definitions.
fn torn(ws: &Workspace, attached: &Attached, demands: &Demands<'_>) -> Option<Reason> {
    attached.references.iter().find_map(|reference| {
        let patched = demands.consumers.iter().filter(|c| c.patches.contains(reference));
        let meant: BTreeSet<Option<usize>> = patched.map(|c| c.verdict.definition()).collect();
        (meant.len() > 1).then(|| {
            let text = format!(
                "a patch in {} refers to the name for workloads that mean different definitions",
                ws.file(reference.location.file).path
            );
            Reason::new("outside-use", text)
        })
    })
}

impl<'a> Finder<'a, '_> {
    fn visit(&mut self, set: SetId, member: &Member, met: &mut [bool], demands: &mut Demands<'a>) {
        let (ws, collision) = (self.ws, self.collision);
        let resource = ws.resource(member.resource);
        let mut consumer = Consumer {
            resource,
            uses: Vec::new(),
            patches: Vec::new(),
            keys: BTreeMap::new(),
            whole: false,
            verdict: Verdict::Undecided(String::new()),
            rollout: None,
        };
        for template in ws.pod_templates(member.resource) {
            for reference in template.references() {
                if reference.to != collision.to || reference.name != collision.name {
                    if reference.to == collision.to && reference.name == collision.applied {
                        let text = format!("{} refers to the name that kustomize makes of it, {}", resource.display(), reference.name);
                        demands.blocks.push(Reason::new("prefixed-name", text));
                    }
                    continue;
                }
                match self.means(set, member, None) {
                    Relation::Different => continue,
                    Relation::Unsure => demands.blocks.push(unsure_namespace(resource)),
                    Relation::Same => {}
                }
                consumer.uses.push((reference.node, None));
                consumer.rollout = Some(template.carrier.rollout);
                consumer.whole |= matches!(reference.demand.reads, Keys::All | Keys::AllData);
                add(&mut consumer.keys, demanded(&reference.demand), reference.demand.data_only);
            }
        }
        for field in ws.field_references(member.resource) {
            if field.to != collision.to || field.name != collision.name {
                continue;
            }
            let relation = self.means(set, member, field.namespace);
            if relation == Relation::Different {
                continue;
            }
            demands.blocks.extend(block(resource, &field, relation));
            consumer.uses.push((field.node, field.part));
            // An annotation of Reloader and the like reads nothing by itself.
            consumer.whole |= field.required.is_empty() && !field.path.contains("annotations");
            add(&mut consumer.keys, field.required, false);
        }
        if !self.references.is_empty() {
            self.patched(member, &mut consumer, met);
        }
        if !consumer.uses.is_empty() || !consumer.patches.is_empty() {
            consumer.verdict = self.decide(&consumer);
            demands.consumers.push(consumer);
        }
    }

    /// Adds the references that patches write into a member.
    fn patched(&self, member: &Member, consumer: &mut Consumer<'a>, met: &mut [bool]) {
        let touches = self.ws.touches(member.resource);
        let found: BTreeSet<usize> = touches.iter().filter_map(|t| self.references.get(&t.location)).flatten().copied().collect();
        for at in found {
            let Some(reference) = self.attached.references.get(at) else { continue };
            met.iter_mut().skip(at).take(1).for_each(|met| *met = true);
            consumer.whole |= reference.keys.is_empty();
            add(&mut consumer.keys, reference.keys.clone(), false);
            consumer.patches.push(reference.clone());
            consumer.rollout = consumer.rollout.or_else(|| self.ws.pod_templates(member.resource).first().map(|t| t.carrier.rollout));
        }
    }

    /// Whether the name in a member means one of the colliding definitions, as kustomize and the namespaces have it.
    fn means(&mut self, set: SetId, from: &Member, explicit: Option<&str>) -> Relation {
        let (ws, collision) = (self.ws, self.collision);
        let key = (set, from.through.clone(), from.namespace.clone(), explicit.map(str::to_owned), ws.is_hook(from.resource));
        *self.means.entry(key).or_insert_with(|| {
            let ours = |ids: &[ResourceId]| ids.iter().any(|id| collision.is_definition(*id));
            match ws.resolve_in(set, from.resource, collision.to, collision.name, explicit) {
                Resolution::One(id) if !collision.is_definition(id) => Relation::Different,
                Resolution::Several(ids) if !ours(&ids) => Relation::Different,
                Resolution::Uncertain(ids) if ours(&ids) => Relation::Unsure,
                _ => relate(explicit.or(from.namespace.as_deref()), collision.namespace.as_deref()),
            }
        })
    }

    /// The definitions that hold all keys of a consumer.
    fn holding(&mut self, keys: &BTreeMap<String, bool>) -> Rc<[usize]> {
        if let Some(known) = self.holding.get(keys) {
            return Rc::clone(known);
        }
        let candidates = self.holders.of_rarest(keys.keys().map(String::as_str)).unwrap_or_default();
        let holds = |at: &&usize| {
            let definition = self.collision.definitions.get(**at);
            definition.is_some_and(|d| keys.iter().all(|(key, data_only)| d.holds(key, *data_only)))
        };
        let found: Rc<[usize]> = candidates.iter().filter(holds).copied().collect();
        self.holding.insert(keys.clone(), Rc::clone(&found));
        found
    }

    fn decide(&mut self, consumer: &Consumer<'_>) -> Verdict {
        let who = consumer.resource.display();
        let only = |found: &[usize]| if let [one] = *found { Some(one) } else { None };
        let same_file = only(self.holders.in_file(consumer.resource.file));
        if consumer.keys.is_empty() {
            let kind = self.collision.to.kind();
            return same_file.map_or_else(|| Verdict::Undecided(format!("{who} takes whatever the {kind} holds")), Verdict::SameFile);
        }
        let holders = self.holding(&consumer.keys);
        let keys = consumer.keys.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
        if let Some(at) = self.holders.open.iter().find(|at| !holders.contains(at)) {
            let place = self.collision.definitions.get(*at).map_or("", |d| d.own_name());
            return Verdict::Undecided(format!("{who} demands {keys}, and generator {place} may write keys that are not in sight"));
        }
        match (only(&holders), same_file) {
            (Some(by_keys), Some(by_file)) if by_keys != by_file => {
                Verdict::Undecided(format!("{who} demands {keys}, but stands in one file with a definition that does not hold it"))
            }
            (Some(by_keys), _) => Verdict::Keys(by_keys),
            (None, Some(by_file)) if holders.contains(&by_file) => Verdict::SameFile(by_file),
            (None, _) if holders.is_empty() => Verdict::Undecided(format!("no single definition holds all that {who} demands: {keys}")),
            (None, _) => Verdict::Undecided(format!("{} definitions hold what {who} demands: {keys}", holders.len())),
        }
    }
}

fn unsure_namespace(resource: &Resource) -> Reason {
    Reason::new("namespace-uncertain", format!("{} may be in another namespace than the definitions", resource.display()))
}

/// Why a reference outside of pod templates cannot be rewritten.
fn block(resource: &Resource, field: &FieldReference<'_>, relation: Relation) -> Option<Reason> {
    let who = resource.display();
    if matches!(resource.kind.as_str(), "Role" | "ClusterRole") {
        Some(Reason::new("rbac-reference", format!("{who} grants access to the name, and whoever it is granted to may read it by any way")))
    } else if field.certainty == Certainty::Probable {
        Some(Reason::new("probable-reference", format!("{} of {who} may be a reference that a rename cannot follow", field.path)))
    } else {
        (relation == Relation::Unsure).then(|| unsure_namespace(resource))
    }
}

/// The keys a reference names, those of an optional one too: they say which definition is meant.
fn demanded(demand: &Demand) -> BTreeSet<String> {
    match &demand.reads {
        Keys::Some(keys) => demand.required.union(keys).cloned().collect(),
        _ => demand.required.clone(),
    }
}

fn add(keys: &mut BTreeMap<String, bool>, more: BTreeSet<String>, data_only: bool) {
    for key in more {
        *keys.entry(key).or_default() |= data_only;
    }
}
