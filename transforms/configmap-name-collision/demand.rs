//! Finds who uses the name and decides which definition each consumer means.
//!
//! The evidence, strongest first: the keys that a consumer demands are all held by exactly one
//! definition; else exactly one definition stands in the consumer's file. Where both speak they
//! must agree. A consumer is a resource: it gets one definition for all its references, or stays
//! undecided.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::rc::Rc;

use kubewright_model::finding::Location;
use kubewright_model::kube::{
    Certainty, Demand, FieldReference, FileId, Keys, Member, OutsideUse, Resolution, Resource,
    ResourceId, Rollout, SetId, Workspace,
};
use kubewright_model::text;
use kubewright_model::text::{Field, Named, Path, Text};
use kubewright_model::yaml::Node;

use super::Reason;
use super::codes::Code;
use super::group::{Collision, Holders, Relation, relate};
use super::outside::Attached;
use super::position::Position;

/// Which definition a consumer means, by index, or why that is not known.
#[derive(Debug)]
pub(super) enum Verdict {
    /// Its keys are held by this definition alone.
    Keys(usize),
    /// It is applied together with this definition alone, in a part of the set that is closed.
    Together(usize, Unit),
    /// It stands in the file of this definition alone.
    SameFile(usize),
    /// It stands in the directory of this definition alone.
    SameDirectory(usize),
    /// Why nothing decides: a code, and a text.
    Undecided(Code, Text),
}

/// A part of a set that is applied by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    /// A kustomization that others gather.
    Kustomization(FileId),
    /// What an Argo CD `Application` or a Flux `Kustomization` applies.
    Part(SetId, usize),
}

impl Unit {
    /// Its name, for messages and for new names.
    pub(super) fn name(self, ws: &Workspace) -> &str {
        match self {
            Self::Kustomization(file) => {
                ws.kustomization(file).map_or("", |k| k.directory.as_str())
            }
            Self::Part(set, part) => {
                let set = ws.set(set);
                set.parts
                    .get(part)
                    .and_then(|p| set.appliers.get(p.applier))
                    .map_or("", |a| a.name.as_str())
            }
        }
    }

    /// The start of a sentence that says what it builds or applies.
    pub(super) fn builds(self, ws: &Workspace) -> Text {
        match self {
            Self::Kustomization(_) => text!["the kustomization in ", self.name(ws), " builds"],
            Self::Part(set, part) => {
                let set = ws.set(set);
                let applier = set
                    .parts
                    .get(part)
                    .and_then(|p| set.appliers.get(p.applier));
                text![
                    applier.map_or("", |a| ws.resource(a.resource).kind.as_str()),
                    " ",
                    self.name(ws),
                    " applies"
                ]
            }
        }
    }
}

impl Verdict {
    pub(super) fn definition(&self) -> Option<usize> {
        match self {
            Self::Keys(at)
            | Self::Together(at, _)
            | Self::SameFile(at)
            | Self::SameDirectory(at) => Some(*at),
            Self::Undecided(..) => None,
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
    /// Definitions that a consumer demands by keys which no other definition holds, or is applied
    /// with while no other definition is.
    pub(super) fn proven(&self) -> BTreeSet<usize> {
        let proven = |c: &Consumer<'_>| {
            if let Verdict::Keys(at) | Verdict::Together(at, _) = c.verdict {
                Some(at)
            } else {
                None
            }
        };
        self.consumers.iter().filter_map(proven).collect()
    }

    /// Definitions that have a consumer.
    pub(super) fn wanted(&self) -> usize {
        self.by_definition.len()
    }

    /// Whether a consumer is assigned by where it stands.
    pub(super) fn by_position(&self) -> bool {
        let by_keys =
            |c: &Consumer<'_>| matches!(c.verdict, Verdict::Keys(_) | Verdict::Undecided(..));
        !self.consumers.iter().all(by_keys)
    }

    /// The consumers of a definition.
    pub(super) fn of(&self, definition: usize) -> impl Iterator<Item = &Consumer<'_>> {
        self.by_definition
            .get(&definition)
            .into_iter()
            .flatten()
            .filter_map(|at| self.consumers.get(*at))
    }
}

/// A set, the kustomizations a member passes through, its namespace, the one a reference states,
/// and whether it is a hook.
type Asking = (SetId, Vec<FileId>, Option<String>, Option<String>, bool);

/// What is asked of every consumer, and was answered for another one like it before.
struct Finder<'a, 'c> {
    ws: &'a Workspace,
    collision: &'c Collision<'a>,
    attached: &'c Attached,
    holders: Holders<'c>,
    position: Position,
    /// The references of patches, by where the patch is declared.
    references: BTreeMap<&'c Location, Vec<usize>>,
    /// What the name means to a member that passes through these kustomizations in that namespace,
    /// and is a hook or is none.
    means: BTreeMap<Asking, Relation>,
    /// The definitions that hold all these keys.
    holding: BTreeMap<BTreeMap<String, bool>, Rc<[usize]>>,
}

/// Finds and decides the consumers of a collision in all apply sets it is part of.
pub(super) fn find<'a>(
    ws: &'a Workspace,
    collision: &Collision<'a>,
    attached: &Attached,
) -> Demands<'a> {
    let mut demands = Demands::default();
    let mut references: BTreeMap<&Location, Vec<usize>> = BTreeMap::new();
    for (at, reference) in attached.references.iter().enumerate() {
        references.entry(&reference.declared).or_default().push(at);
    }
    let holders = Holders::of(&collision.definitions);
    let position = Position::of(ws, collision);
    let mut finder = Finder {
        ws,
        collision,
        attached,
        holders,
        position,
        references,
        means: BTreeMap::new(),
        holding: BTreeMap::new(),
    };
    let mut seen = BTreeSet::new();
    let mut met = vec![false; attached.references.len()];
    let named = [collision.name, &collision.applied].map(|name| ws.referring(collision.to, name));
    // Patches change resources that need not name it themselves.
    let may_use = |id| {
        !attached.references.is_empty() || named.iter().any(|ids| ids.binary_search(&id).is_ok())
    };
    for set in &collision.sets {
        for member in &ws.set(*set).members {
            // A definition may refer to its own name.
            if may_use(member.resource) && seen.insert(member.resource) {
                finder.visit(*set, member, &mut met, &mut demands);
            }
        }
    }
    for (reference, _) in attached.references.iter().zip(met).filter(|(_, met)| !met) {
        let text = text![
            "a patch in ",
            Path(&ws.file(reference.location.file).path),
            " refers to the name and changes nothing that is in sight"
        ];
        demands.blocks.push(Reason::new(Code::OutsideUse, text));
    }
    for (at, consumer) in demands.consumers.iter().enumerate() {
        if let Some(definition) = consumer.verdict.definition() {
            demands
                .by_definition
                .entry(definition)
                .or_default()
                .push(at);
        }
    }
    demands.blocks.extend(torn(ws, attached, &demands));
    demands
}

/// A patch of several workloads that mean different definitions.
fn torn(ws: &Workspace, attached: &Attached, demands: &Demands<'_>) -> Option<Reason> {
    attached.references.iter().find_map(|reference| {
        let patched = demands
            .consumers
            .iter()
            .filter(|c| c.patches.contains(reference));
        let meant: BTreeSet<Option<usize>> = patched.map(|c| c.verdict.definition()).collect();
        (meant.len() > 1).then(|| {
            let text = text![
                "a patch in ",
                Path(&ws.file(reference.location.file).path),
                " refers to the name for workloads that mean different definitions"
            ];
            Reason::new(Code::OutsideUse, text)
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
            verdict: Verdict::Undecided(Code::ConsumerUndecided, Text::new()),
            rollout: None,
        };
        for template in ws.pod_templates(member.resource) {
            for reference in template.references() {
                if reference.to != collision.to || reference.name != collision.name {
                    if reference.to == collision.to && reference.name == collision.applied {
                        let text = text![
                            resource.display(),
                            " refers to the name that kustomize makes of it, ",
                            &reference.name
                        ];
                        demands.blocks.push(Reason::new(Code::PrefixedName, text));
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
                add(
                    &mut consumer.keys,
                    demanded(&reference.demand),
                    reference.demand.data_only,
                );
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
            consumer.verdict =
                self.decide(&consumer, self.position.together(ws, set, member.resource));
            demands.consumers.push(consumer);
        }
    }

    /// Adds the references that patches write into a member.
    fn patched(&self, member: &Member, consumer: &mut Consumer<'a>, met: &mut [bool]) {
        let touches = self.ws.touches(member.resource);
        let found: BTreeSet<usize> = touches
            .iter()
            .filter_map(|t| self.references.get(&t.location))
            .flatten()
            .copied()
            .collect();
        for at in found {
            let Some(reference) = self.attached.references.get(at) else {
                continue;
            };
            met.iter_mut().skip(at).take(1).for_each(|met| *met = true);
            consumer.whole |= reference.keys.is_empty();
            add(&mut consumer.keys, reference.keys.clone(), false);
            consumer.patches.push(reference.clone());
            consumer.rollout = consumer.rollout.or_else(|| {
                self.ws
                    .pod_templates(member.resource)
                    .first()
                    .map(|t| t.carrier.rollout)
            });
        }
    }

    /// Whether the name in a member means one of the colliding definitions, as kustomize and the
    /// namespaces have it.
    fn means(&mut self, set: SetId, from: &Member, explicit: Option<&str>) -> Relation {
        let (ws, collision) = (self.ws, self.collision);
        let key = (
            set,
            from.through.clone(),
            from.namespace.clone(),
            explicit.map(str::to_owned),
            ws.is_hook(from.resource),
        );
        *self.means.entry(key).or_insert_with(|| {
            let ours = |ids: &[ResourceId]| ids.iter().any(|id| collision.is_definition(*id));
            match ws.resolve_in(set, from.resource, collision.to, collision.name, explicit) {
                Resolution::One(id) if !collision.is_definition(id) => Relation::Different,
                Resolution::Several(ids) if !ours(&ids) => Relation::Different,
                Resolution::Uncertain(ids) if ours(&ids) => Relation::Unsure,
                _ => relate(
                    explicit.or(from.namespace.as_deref()),
                    collision.namespace.as_deref(),
                ),
            }
        })
    }

    /// The definitions that hold all keys of a consumer.
    fn holding(&mut self, keys: &BTreeMap<String, bool>) -> Rc<[usize]> {
        if let Some(known) = self.holding.get(keys) {
            return Rc::clone(known);
        }
        let candidates = self
            .holders
            .of_rarest(keys.keys().map(String::as_str))
            .unwrap_or_default();
        let holds = |at: &&usize| {
            let definition = self.collision.definitions.get(**at);
            definition.is_some_and(|d| keys.iter().all(|(key, data_only)| d.holds(key, *data_only)))
        };
        let found: Rc<[usize]> = candidates.iter().filter(holds).copied().collect();
        self.holding.insert(keys.clone(), Rc::clone(&found));
        found
    }

    fn decide(&mut self, consumer: &Consumer<'_>, together: Option<(usize, Unit)>) -> Verdict {
        // All mean the only one.
        if self.collision.definitions.len() == 1 {
            return Verdict::Keys(0);
        }
        let undecided = |text: Text| Verdict::Undecided(Code::ConsumerUndecided, text);
        let who = consumer.resource.display();
        let only = |found: &[usize]| if let [one] = *found { Some(one) } else { None };
        let same_file = only(self.holders.in_file(consumer.resource.file));
        let same_directory = self.position.in_directory(self.ws, consumer.resource.file);
        if consumer.keys.is_empty() {
            return match (together, same_file, same_directory) {
                (Some((at, unit)), Some(file), _) if at != file => {
                    self.contradicts(&who, "stands in one file with", (file, at), unit)
                }
                (Some((at, unit)), ..) => Verdict::Together(at, unit),
                (None, Some(at), _) => Verdict::SameFile(at),
                (None, None, Some(at)) => Verdict::SameDirectory(at),
                _ => undecided(text![
                    who,
                    " takes whatever the ",
                    self.collision.to.kind(),
                    " holds"
                ]),
            };
        }
        let holders = self.holding(&consumer.keys);
        let keys = Text::joined(consumer.keys.keys().map(|key| Field(key)), ", ");
        let by_keys = only(&holders);
        if let Some((at, unit)) = together {
            let open = self.holders.open.contains(&at);
            return match by_keys.or(holders.first().copied()) {
                _ if by_keys == Some(at) => Verdict::Keys(at),
                _ if holders.contains(&at) || (holders.is_empty() && open) => {
                    Verdict::Together(at, unit)
                }
                Some(other) => {
                    self.contradicts(&who, text!["demands ", &keys, " of"], (other, at), unit)
                }
                None => undecided(text![
                    who,
                    " demands ",
                    keys,
                    ", and no single definition holds all of it"
                ]),
            };
        }
        if let Some(at) = self.holders.open.iter().find(|at| !holders.contains(at)) {
            let place = self
                .collision
                .definitions
                .get(*at)
                .map_or("", |d| d.own_name());
            return undecided(text![
                who,
                " demands ",
                keys,
                ", and generator ",
                place,
                " may write keys that are not in sight"
            ]);
        }
        match (by_keys, same_file, same_directory) {
            (Some(by_keys), Some(by_file), _) if by_keys != by_file => {
                self.keys_against_file(&who, &keys, by_keys, by_file)
            }
            (Some(by_keys), ..) => Verdict::Keys(by_keys),
            (None, Some(by_file), _) if holders.contains(&by_file) => Verdict::SameFile(by_file),
            (None, None, Some(beside)) if holders.contains(&beside) => {
                Verdict::SameDirectory(beside)
            }
            (None, ..) if holders.is_empty() => undecided(text![
                who,
                " demands ",
                keys,
                ", and no single definition holds all of it"
            ]),
            (None, ..) => undecided(text![
                who,
                " demands ",
                keys,
                ", which ",
                holders.len(),
                " definitions hold"
            ]),
        }
    }

    /// A consumer whose keys only one definition holds, and which stands in the file of another.
    fn keys_against_file(&self, who: &Named, keys: &Text, held: usize, beside: usize) -> Verdict {
        let text = text![
            who,
            " demands ",
            keys,
            ", which only the definition in ",
            self.collision.place(self.ws, held),
            " holds, but stands in one file with the one in ",
            self.collision.place(self.ws, beside),
            ", which does not hold it"
        ];
        Verdict::Undecided(Code::ContradictingEvidence, text)
    }

    /// A consumer for which one thing speaks for the first definition, and what it is applied with
    /// for the second.
    fn contradicts(
        &self,
        who: &Named,
        why: impl Into<Text>,
        (one, other): (usize, usize),
        unit: Unit,
    ) -> Verdict {
        let place = |at: usize| self.collision.place(self.ws, at);
        let text = text![
            who,
            " ",
            why,
            " the definition in ",
            place(one),
            ", but ",
            unit.builds(self.ws),
            " it with the one in ",
            place(other),
            ": correct the one that is wrong"
        ];
        Verdict::Undecided(Code::ContradictingEvidence, text)
    }
}

fn unsure_namespace(resource: &Resource) -> Reason {
    Reason::new(
        Code::NamespaceUncertain,
        format!(
            "{} may be in another namespace than the definitions",
            resource.display()
        ),
    )
}

/// Why a reference outside of pod templates cannot be rewritten.
fn block(resource: &Resource, field: &FieldReference<'_>, relation: Relation) -> Option<Reason> {
    let who = resource.display();
    if matches!(resource.kind.as_str(), "Role" | "ClusterRole") {
        Some(Reason::new(
            Code::RbacReference,
            format!(
                "{who} grants access to the name, and whoever it is granted to may read it by any \
                 way"
            ),
        ))
    } else if field.certainty == Certainty::Probable {
        Some(Reason::new(
            Code::ProbableReference,
            text![
                Field(&field.path),
                " of ",
                &who,
                " may be a reference that a rename cannot follow"
            ],
        ))
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
