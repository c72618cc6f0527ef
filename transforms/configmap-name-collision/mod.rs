//! `configmap-name-collision`: ConfigMaps of one name that meet in one apply set with different
//! data.
//!
//! [`group`] finds the definitions that meet: resources and what generators make ([`objects`]).
//! [`outside`] finds what kustomize does with the name, [`demand`] who uses it and which definition
//! each consumer means. Then everything that speaks against a rename is asked in turn: whether the
//! definitions are alternatives that nobody applies together ([`paths`], [`doubts`]), whether the
//! name is ours to change ([`owner`]) and whether anything else uses it ([`uses`]). If nothing
//! does, [`keeper`] decides who keeps the name, [`suffix`] names the others, and [`fix`] writes it
//! all as one transaction.

use kubewright_model::finding::{Applicability, Finding, Fix, Location, NoFix, Severity};
use kubewright_model::kube::{Evidence, Failure, FailureReason, Reader, Target, Workspace};
use kubewright_model::text;
use kubewright_model::text::{Field, Named, Path, Text};
use kubewright_model::yaml::Refusal;

use crate::{Context, GlobOf, GlobOption, Meta, Transform};
use codes::Code;
use demand::{Demands, Verdict};
use group::Collision;
pub(crate) use options::Options;
use options::Remedy;
use outside::Attached;

mod apart;
mod codes;
mod demand;
mod doubts;
mod fix;
mod group;
mod keeper;
mod makers;
mod merge;
mod objects;
mod options;
mod outside;
mod owner;
mod paths;
mod position;
mod prefixed;
mod pruning;
mod removal;
pub(crate) mod renaming;
mod suffix;
mod uses;

/// See the page of the transform.
pub(crate) struct ConfigMapNameCollision;

static META: Meta = Meta {
    name: "configmap-name-collision",
    summary: "ConfigMaps of one name that meet in one apply set with different data",
    applicability: Applicability::Safe,
    isolated: false,
    since: "0.1.0",
    docs: include_str!("README.md"),
    codes: Code::ALL,
};

impl Transform for ConfigMapNameCollision {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn globs(&self) -> &'static [GlobOption] {
        &[GlobOption {
            name: "keep",
            of: GlobOf::Files,
        }]
    }

    fn check(&self, cx: &Context<'_>) -> Vec<Finding> {
        let kinds = [Target::ConfigMap, Target::Secret];
        let ws = cx.workspace;
        let mut found: Vec<Finding> = kinds
            .into_iter()
            .flat_map(|to| group::collisions(ws, to))
            .filter_map(|collision| finding(cx, collision))
            .collect();
        for to in kinds {
            found.extend(
                makers::findings(ws, to)
                    .into_iter()
                    .chain(apart::shared(ws, to))
                    .chain(apart::remarks(ws, to)),
            );
        }
        found
    }
}

/// Why there is no fix; with `doubt`, why the definitions may not meet at all.
#[derive(Debug, Clone)]
struct Reason {
    why: NoFix,
    doubt: bool,
}

impl Reason {
    fn new(code: Code, text: impl Into<Text>) -> Self {
        Self {
            why: NoFix::new(code, text),
            doubt: false,
        }
    }

    fn doubt(code: Code, text: impl Into<Text>) -> Self {
        Self {
            doubt: true,
            ..Self::new(code, text)
        }
    }

    fn is(&self, code: Code) -> bool {
        self.why.is(code)
    }
}

impl From<Refusal> for Reason {
    fn from(refusal: Refusal) -> Self {
        Self {
            why: refusal.into(),
            doubt: false,
        }
    }
}

/// A fix, what to know of it, and the index of the definition that keeps its name.
type Plan = Result<(Fix, Vec<Text>, usize), Reason>;

fn finding(cx: &Context<'_>, mut collision: Collision<'_>) -> Option<Finding> {
    let ws = cx.workspace;
    let attached = outside::attach(ws, &mut collision);
    let collision = &collision;
    let demands = demand::find(ws, collision, &attached);
    let plan = plan(cx, collision, &demands, &attached);
    let severity = severity(collision, &demands, plan.as_ref().err());
    let (fix, notes, keeper) = match plan {
        Ok((fix, notes, keeper)) => (Ok(fix), notes, Some(keeper)),
        Err(reason) => (Err(reason.why), Vec::new(), None),
    };
    let notes: Vec<Text> = notes
        .into_iter()
        .chain(wanted_behavior(ws, collision))
        .collect();
    let mut definitions = collision.definitions.iter().enumerate();
    let primary = definitions
        .find(|(at, d)| Some(*at) != keeper && ws.file(d.file).editable)
        .map(|(_, d)| d);
    let primary = primary.or(collision.definitions.first())?;
    Some(
        META.finding(
            severity,
            Location::of(primary.file, primary.name),
            message(ws, collision, &demands),
        )
        .subject("collision", collision.subject())
        .related(related(ws, collision, &demands, &attached))
        .about(primary.id())
        .notes(notes)
        .fix(fix),
    )
}

/// What kustomize asks of a generator that makes what is there already.
fn wanted_behavior(ws: &Workspace, collision: &Collision<'_>) -> Option<Text> {
    let failures = collision
        .sets
        .iter()
        .flat_map(|set| ws.failures(*set))
        .filter(|f| f.reason != FailureReason::Nothing);
    let mine = |f: &&Failure| {
        ws.failing(f)
            .is_some_and(|g| g.to == collision.to && g.name == collision.name)
    };
    let (failure, kind) = (failures.into_iter().find(mine)?, collision.to.kind());
    let file = &ws.file(failure.kustomization).path;
    Some(text![
        "the generator in ",
        Path(file),
        " stops the build, because the ",
        kind,
        " is there: write `behavior: merge` to add its keys, or `behavior: replace`"
    ])
}

/// Asks all that speaks against a rename, doubts about the collision itself first.
fn plan(
    cx: &Context<'_>,
    collision: &Collision<'_>,
    demands: &Demands<'_>,
    attached: &Attached,
) -> Plan {
    let ws = cx.workspace;
    let none = |reason: Option<Reason>| reason.map_or(Ok(()), Err);
    none(doubts::namespace(ws, collision))?;
    none(owner::encrypted(ws, collision))?;
    if collision.identical() {
        return removal::twins(ws, collision, demands, attached);
    }
    if prefixed::is_so(collision) {
        return prefixed::plan(ws, collision);
    }
    none(doubts::content(ws, collision))?;
    none(doubts::paths(ws, collision))?;
    none(doubts::alternatives(ws, collision, demands))?;
    // Who cannot be rewritten need not be decided either, and that says more.
    let undecided = doubts::demand(collision, demands);
    none(undecided.map(|reason| {
        demands
            .blocks
            .first()
            .filter(|_| !reason.doubt)
            .cloned()
            .unwrap_or(reason)
    }))?;
    none(owner::fixed(collision))?;
    none(
        collision
            .definitions
            .iter()
            .find_map(|d| owner::owned(ws, d)),
    )?;
    none(owner::made(ws, collision))?;
    none(demands.blocks.first().cloned())?;
    none(
        demands
            .consumers
            .iter()
            .find_map(|c| owner::written_elsewhere(ws, c.resource)),
    )?;
    none(attached.blocks.first().cloned())?;
    none(uses::changed(ws, demands))?;
    none(uses::elsewhere(ws, collision))?;
    none(uses::unexplained(ws, collision))?;
    let siblings = keeper::siblings(ws, collision);
    let keeper = keeper::choose(cx, collision, demands, &siblings);
    if cx.settings.configmap_name_collision.strategy == Remedy::Merge {
        return merge::plan(ws, collision, (demands, attached), keeper);
    }
    let names = suffix::names(ws, collision, demands, &siblings, keeper.index)?;
    none(outside::still_chosen(ws, collision, attached, &names))?;
    let mut fix = fix::build(ws, collision, (demands, attached), keeper, &names)?;
    let mentions = ws.mentions(&collision.sets, collision.to, collision.name);
    none(uses::handed_on(collision, &mentions))?;
    if mentions.found.iter().any(|m| m.by != Reader::People) {
        fix.applicability = Applicability::Unsafe;
    }
    Ok((
        fix,
        fix::notes(ws, collision, demands, (keeper, &names), &mentions),
        keeper.index,
    ))
}

/// Doubts that hold for definitions in one file too: test data need not work, and a patch is no
/// definition.
const DOUBTS_OF_ALL: &[Code] = &[
    Code::EnvironmentVariants,
    Code::IdenticalTwin,
    Code::NamespaceUncertain,
    Code::Patch,
    Code::TestFixture,
    Code::VersionVariants,
];

/// A proven set fails, or loses data, as it stands; a directory is only a candidate, so any doubt
/// whether it is applied makes a remark of it.
fn severity(collision: &Collision<'_>, demands: &Demands<'_>, reason: Option<&Reason>) -> Severity {
    // That a reader stands beside its definition is no sign that a directory is applied.
    let beside = reason.is_none() && demands.proven().len() < 2;
    let harmless = collision.identical() && collision.evidence != Evidence::Kustomization;
    // Whoever applies one file, or reads from the one that is live, has the damage at once.
    let emptier =
        reason.is_some_and(|r| r.is(Code::Subset)) && !collision.live_lacks(demands).is_empty();
    let at_once = collision.in_one_file() || emptier;
    let doubted = reason.is_some_and(|r| DOUBTS_OF_ALL.iter().any(|code| r.is(*code)));
    match (collision.evidence, reason) {
        (Evidence::Directory, _) if at_once && !harmless && collision.certain && !doubted => {
            Severity::Error
        }
        _ if harmless || !collision.certain => Severity::Info,
        (Evidence::Directory, Some(reason)) if reason.doubt => Severity::Info,
        (Evidence::Directory, None) if beside => Severity::Info,
        // Argo CD and Flux go on, one way or the other.
        (Evidence::Directory | Evidence::ArgoCd | Evidence::Flux, _) => Severity::Warning,
        _ => Severity::Error,
    }
}

fn message(ws: &Workspace, collision: &Collision<'_>, demands: &Demands<'_>) -> Text {
    // Names that differ in the files are the same as they are applied.
    let own = if prefixed::is_so(collision) {
        &*collision.applied
    } else {
        collision.name
    };
    let place = collision
        .namespace
        .as_deref()
        .map_or_else(Text::new, |ns| text![" in namespace ", ns]);
    let what = text![
        Named::new(collision.to.kind(), own),
        place,
        " is defined ",
        collision.definitions.len(),
        " times"
    ];
    if !collision.certain {
        return text![
            Named::new(collision.to.kind(), collision.name),
            " is defined ",
            collision.definitions.len(),
            " times, perhaps in one namespace"
        ];
    }
    let live = collision.place(ws, collision.definitions.len().saturating_sub(1));
    let lacking = collision.live_lacks(demands);
    let lacks = if lacking.is_empty() {
        Text::new()
    } else {
        let verb = if lacking.len() > 1 { " read" } else { " reads" };
        let who = Text::list(lacking.iter().map(|reader| reader.display()));
        text![", without keys that ", who, verb]
    };
    match (collision.evidence, collision.identical()) {
        (Evidence::Kustomization, same) => {
            let which = if same { "the same" } else { "different" };
            let order = |at: usize| match collision.definitions.len() {
                _ if same => "",
                count if at + 1 == count => ", the last one",
                _ => ", which is added to another one",
            };
            let at = collision.fails_on().map_or_else(Text::new, |at| {
                text![" on ", collision.place(ws, at), order(at)]
            });
            text![what, " with ", which, " data; kustomize build fails", at]
        }
        (_, true) => text![what, " with the same data"],
        (Evidence::ArgoCd | Evidence::Flux, _) => {
            text![
                what,
                " with different data, and the cluster keeps only one of them"
            ]
        }
        (Evidence::Directory, _) if !collision.in_one_file() => {
            text![
                what,
                " with different data; applied together, the cluster keeps that of ",
                live,
                lacks
            ]
        }
        _ => {
            text![
                what,
                " with different data; the cluster keeps that of ",
                live,
                ", which is applied last",
                lacks
            ]
        }
    }
}

/// Each definition with what it holds, each consumer with what it demands.
fn related(
    ws: &Workspace,
    collision: &Collision<'_>,
    demands: &Demands<'_>,
    attached: &Attached,
) -> Vec<(Location, Text)> {
    let mut related = Vec::new();
    for (at, definition) in collision.definitions.iter().enumerate() {
        let keys = Text::joined(definition.keys().into_iter().map(Field), ", ");
        let last = if at + 1 == collision.definitions.len() && collision.certain {
            "; applied last"
        } else {
            ""
        };
        let holds = match (keys.is_empty(), definition.open) {
            (true, true) => "holds what other files say".into(),
            (true, false) => "holds nothing".into(),
            (false, true) => text!["holds ", &keys, " and what other files say"],
            (false, false) => text!["holds ", &keys],
        };
        related.push((
            Location::of(definition.file, definition.name),
            text![holds, last],
        ));
    }
    for consumer in &demands.consumers {
        let who = consumer.resource.display();
        let keys = Text::joined(consumer.keys.keys().map(|key| Field(key)), ", ");
        let path = |at: usize| collision.place(ws, at);
        let text = match &consumer.verdict {
            Verdict::Keys(at) => text![
                who,
                " demands ",
                keys,
                ", which only the definition in ",
                path(*at),
                " holds"
            ],
            Verdict::Together(at, unit) => {
                text![
                    unit.builds(ws),
                    " ",
                    who,
                    " with the definition in ",
                    path(*at),
                    ", and no other of that name"
                ]
            }
            Verdict::SameFile(at) => text![
                who,
                " stands in one file with the definition in ",
                path(*at)
            ],
            Verdict::SameDirectory(at) => text![
                who,
                " stands in one directory with the definition in ",
                path(*at)
            ],
            Verdict::Undecided(_, text) => text.clone(),
        };
        let place = consumer
            .uses
            .first()
            .map(|(node, _)| Location::of(consumer.resource.file, *node));
        related.extend(
            place
                .or_else(|| consumer.patches.first().map(|p| p.location.clone()))
                .map(|place| (place, text)),
        );
    }
    for (at, found) in &attached.uses {
        let keys = Text::joined(found.keys.iter().map(|key| Field(key)), ", ");
        let about = if keys.is_empty() {
            Text::new()
        } else {
            text![" about ", &keys]
        };
        let text = text![
            outside::what(found.what),
            about,
            ", which means the definition in ",
            collision.place(ws, *at)
        ];
        related.push((found.location.clone(), text));
    }
    related
}
