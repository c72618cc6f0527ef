//! Writes the fix: new names for all definitions but one, and exactly the references that demand
//! each.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use kubewright_model::finding::{Applicability, Change, Fix, Location};
use kubewright_model::kube::{Evidence, FileId, Mentions, OutsideUse, Rollout, Workspace};
use kubewright_model::text;
use kubewright_model::text::{Named, Path, Text};
use kubewright_model::yaml::{self, Node, Value, verify};

use super::Reason;
use super::codes::Code;
use super::demand::{Demands, Verdict};
use super::group::Collision;
use super::keeper::{Keeper, Why};
use super::objects::Origin;
use super::outside::Attached;
use super::suffix::NewName;
use super::uses;
use crate::say;

/// One transaction over all definitions, consumers, patches and other uses.
pub(super) fn build(
    ws: &Workspace,
    collision: &Collision<'_>,
    (demands, attached): (&Demands<'_>, &Attached),
    keeper: Keeper,
    names: &[Option<NewName>],
) -> Result<Fix, Reason> {
    let changes = changes(ws, collision, (demands, attached), names)?;
    let new = names
        .iter()
        .flatten()
        .map(|n| n.name.as_str())
        .collect::<Vec<_>>()
        .join(", ");
    let title = text![
        "rename ",
        names.iter().flatten().count(),
        " of ",
        names.len(),
        " definitions to ",
        new,
        ", and the references that demand them"
    ];
    Ok(Fix {
        title,
        applicability: applicability(collision, demands, keeper, names),
        changes,
        claims: claims(collision, demands),
    })
}

/// New names for definitions, and for everything that means each.
pub(super) fn changes(
    ws: &Workspace,
    collision: &Collision<'_>,
    (demands, attached): (&Demands<'_>, &Attached),
    names: &[Option<NewName>],
) -> Result<Vec<Change>, Reason> {
    let mut rename = Rename {
        ws,
        changes: Vec::new(),
        written: BTreeSet::new(),
        parts: Vec::new(),
        inline: BTreeMap::new(),
    };
    let mut uses: BTreeMap<usize, Vec<&OutsideUse>> = BTreeMap::new();
    attached
        .uses
        .iter()
        .for_each(|(owner, found)| uses.entry(*owner).or_default().push(found));
    for (at, (definition, name)) in collision.definitions.iter().zip(names).enumerate() {
        let Some(NewName { name, .. }) = name else {
            continue;
        };
        rename.whole(definition.file, definition.name, name)?;
        for consumer in demands.of(at) {
            for (node, part) in &consumer.uses {
                match part {
                    Some(part) => {
                        rename.parts.push(Part {
                            file: consumer.resource.file,
                            node: *node,
                            range: part.clone(),
                            name: name.clone(),
                        });
                    }
                    None => rename.whole(consumer.resource.file, *node, name)?,
                }
            }
            for patch in &consumer.patches {
                rename.outside(patch, name)?;
            }
        }
        for found in uses.get(&at).into_iter().flatten() {
            rename.outside(found, name)?;
        }
    }
    rename.finish()
}

/// What a fix rests on.
pub(super) fn claims(
    collision: &Collision<'_>,
    demands: &Demands<'_>,
) -> Vec<kubewright_model::kube::ResourceId> {
    let consumers = demands.consumers.iter().map(|c| c.resource.id);
    collision
        .definitions
        .iter()
        .filter_map(super::group::Definition::id)
        .chain(consumers.filter(|id| !collision.is_definition(*id)))
        .collect()
}

/// A name inside of a scalar.
struct Part<'a> {
    file: FileId,
    node: Node<'a>,
    range: Range<usize>,
    name: String,
}

/// Collects the edits of a rename: whole scalars, names inside of scalars, names inside of inline
/// patches.
struct Rename<'a> {
    ws: &'a Workspace,
    changes: Vec<Change>,
    /// The scalars that are changed already, and to what.
    written: BTreeSet<(FileId, usize, String)>,
    parts: Vec<Part<'a>>,
    /// By the scalar that holds the patch.
    inline: BTreeMap<Location, BTreeMap<usize, String>>,
}

impl Rename<'_> {
    fn editable(&self, file: FileId) -> Result<(), Reason> {
        if self.ws.file(file).editable {
            return Ok(());
        }
        let text = text![
            Path(&self.ws.file(file).path),
            " would have to change, and lies outside of the paths given"
        ];
        Err(Reason::new(Code::OutsidePaths, text))
    }

    fn whole(&mut self, file: FileId, node: Node<'_>, name: &str) -> Result<(), Reason> {
        self.editable(file)?;
        let edit = node.set(&Value::str(name)).map_err(Reason::from)?;
        if self
            .written
            .insert((file, node.id().index(), name.to_owned()))
        {
            self.changes.push(Change::Edit(file, edit));
        }
        Ok(())
    }

    fn outside(&mut self, found: &OutsideUse, name: &str) -> Result<(), Reason> {
        self.editable(found.location.file)?;
        if let Some(inline) = &found.inline {
            self.inline
                .entry(found.location.clone())
                .or_default()
                .insert(inline.start, name.to_owned());
            return Ok(());
        }
        let node = self
            .ws
            .scalar_at(&found.location)
            .ok_or_else(|| Reason::new(Code::OutsideUse, "a use of the name cannot be edited"))?;
        self.whole(found.location.file, node, name)
    }

    fn finish(mut self) -> Result<Vec<Change>, Reason> {
        // From the end, so that earlier places stay where they are.
        let mut parts = std::mem::take(&mut self.parts);
        parts.sort_by_key(|p| (p.file, p.node.id(), std::cmp::Reverse(p.range.start)));
        for all in parts.chunk_by(|a, b| a.file == b.file && a.node == b.node) {
            let Some(first) = all.first() else { continue };
            let mut text = first.node.text().unwrap_or_default().to_owned();
            for part in all {
                text.replace_range(part.range.clone(), &part.name);
            }
            self.whole(first.file, first.node, &text)?;
        }
        for (location, names) in std::mem::take(&mut self.inline) {
            let no = || Reason::new(Code::OutsideUse, "an inline patch cannot be edited");
            let outer = self.ws.scalar_at(&location).ok_or_else(no)?;
            let inner = yaml::File::parse(outer.text().unwrap_or_default()).map_err(|_| no())?;
            let text = renamed(&inner, &names)?;
            self.whole(location.file, outer, &text)?;
        }
        Ok(self.changes)
    }
}

/// The text of an inline patch with new names for the scalars that begin at these bytes.
fn renamed(patch: &yaml::File, names: &BTreeMap<usize, String>) -> Result<String, Reason> {
    let scalars = (0..patch.documents().len())
        .filter_map(|i| patch.root(i))
        .flat_map(Node::descendants)
        .filter(|n| n.is_scalar());
    let edits = scalars.filter_map(|n| Some(n.set(&Value::str(names.get(&n.span().start)?))));
    let edits = edits.collect::<Result<Vec<_>, _>>()?;
    verify::apply(patch, &edits.iter().collect::<Vec<_>>()).map_err(Reason::from)
}

/// Safe when the set is proven, or when the keys decide every consumer where it is inferred; a pod
/// that must be recreated, a definition that nothing demands and an unclear keeper are not.
pub(super) fn applicability(
    collision: &Collision<'_>,
    demands: &Demands<'_>,
    keeper: Keeper,
    names: &[Option<NewName>],
) -> Applicability {
    let inferred =
        [Evidence::Directory, Evidence::ArgoCd, Evidence::Flux].contains(&collision.evidence);
    let strong = |c: &super::demand::Consumer<'_>| {
        matches!(c.verdict, Verdict::Keys(_) | Verdict::Together(..))
    };
    let beside = |c: &super::demand::Consumer<'_>| matches!(c.verdict, Verdict::SameDirectory(_));
    let all = |decided: &dyn Fn(&super::demand::Consumer<'_>) -> bool| {
        demands.consumers.iter().all(decided)
    };
    let proven = demands.proven().len() > 1
        && if inferred {
            all(&strong)
        } else {
            all(&|c| !beside(c))
        };
    let renamed = || {
        names
            .iter()
            .enumerate()
            .filter(|(_, name)| name.is_some())
            .map(|(at, _)| at)
    };
    let recreated = renamed()
        .flat_map(|at| demands.of(at))
        .any(|c| matches!(c.rollout, Some(Rollout::Immutable | Rollout::Recreate)));
    let orphaned = renamed().any(|at| demands.of(at).next().is_none());
    if proven && !recreated && !orphaned && keeper.why != Why::Unclear {
        Applicability::Safe
    } else {
        Applicability::Unsafe
    }
}

/// Which definition keeps the name, and why.
fn keeps(kept: &Text, name: &str, why: Why, last: &str) -> Text {
    match why {
        Why::Settings => text![
            "the definition in ",
            kept,
            " keeps the name ",
            name,
            ", as `keep` has it"
        ],
        Why::Live => text![
            "the definition in ",
            kept,
            " keeps the name ",
            name,
            ": ",
            last
        ],
        Why::Siblings => text![
            "the definition in ",
            kept,
            " keeps the name ",
            name,
            ", as it did when its siblings got their suffixes"
        ],
        Why::First => text![
            "the definition in ",
            kept,
            " keeps the name ",
            name,
            ": it stands first behind its siblings, as the one does that kept the name when they \
             got their suffixes; should a later one have kept it, say so with `keep`"
        ],
        Why::Unclear => {
            text![
                "the definition in ",
                kept,
                " keeps the name ",
                name,
                ": ",
                last,
                "; should another one have kept it before, say so with `keep`"
            ]
        }
    }
}

/// What a reader should know before applying it.
pub(super) fn notes(
    ws: &Workspace,
    collision: &Collision<'_>,
    demands: &Demands<'_>,
    (keeper, names): (Keeper, &[Option<NewName>]),
    mentions: &Mentions,
) -> Vec<Text> {
    let name = collision.name;
    let kept = collision.place(ws, keeper.index);
    let last = match collision.evidence {
        Evidence::Kustomization => "it comes last",
        Evidence::ArgoCd | Evidence::Flux => {
            "it comes last, though nothing here says which of them is live"
        }
        _ => "it is applied last, so this is what the cluster holds",
    };
    let mut notes = vec![together(ws, collision)];
    notes.push(keeps(&kept, name, keeper.why, last));
    for (at, new) in names
        .iter()
        .enumerate()
        .filter_map(|(at, new)| Some((at, new.as_ref()?)))
    {
        notes.push(text![
            "the definition in ",
            collision.place(ws, at),
            " becomes ",
            &new.name,
            ", after ",
            &new.from
        ]);
    }
    notes.extend(uses::searched(name, mentions));
    let object = collision.to.kind();
    notes.push(
        super::pruning::note(ws, collision, keeper.index, names).unwrap_or_else(|| {
            text![
                Named::new(object, name),
                " stays in the cluster and holds what ",
                &kept,
                " defines from the next apply on; nothing is left to prune"
            ]
        }),
    );
    for (at, new) in names
        .iter()
        .enumerate()
        .filter_map(|(at, new)| Some((at, new.as_ref()?)))
    {
        if collision
            .definitions
            .get(at)
            .is_some_and(|d| hashed(ws, d.origin))
        {
            notes.push(text![
                "the ",
                object,
                " that was generated as ",
                name,
                " with a content hash stays in the cluster until it is pruned; ",
                &new.name,
                " takes its place"
            ]);
        }
    }
    notes.extend(effects(demands, names));
    notes
}

/// What the new references do to running pods.
pub(super) fn effects(demands: &Demands<'_>, names: &[Option<NewName>]) -> Vec<Text> {
    let mut notes = Vec::new();
    for (rollouts, effect) in EFFECTS {
        let renamed = names
            .iter()
            .enumerate()
            .filter(|(_, name)| name.is_some())
            .flat_map(|(at, _)| demands.of(at));
        let who: BTreeSet<Named> = renamed
            .filter(|c| c.rollout.is_some_and(|r| rollouts.contains(&r)))
            .map(|c| c.resource.display())
            .collect();
        if !who.is_empty() {
            notes.push(text![effect, ": ", Text::joined(who, ", ")]);
        }
    }
    notes
}

/// Whether a generator gives what it makes a content hash.
pub(super) fn hashed(ws: &Workspace, origin: Origin) -> bool {
    let Origin::Generator(file, at) = origin else {
        return false;
    };
    ws.kustomization(file)
        .and_then(|k| k.generators.get(at))
        .is_some_and(|g| g.hash_suffix)
}

/// Why the definitions are taken to meet.
pub(super) fn together(ws: &Workspace, collision: &Collision<'_>) -> Text {
    let names = collision.sets.iter().map(|s| say::set_name(ws.set(*s)));
    let names = Text::joined(names, ", ");
    match collision.evidence {
        Evidence::Config => text![
            "they meet in apply set ",
            names,
            ", as the configuration says"
        ],
        Evidence::Kustomization => text!["they meet in the kustomization in ", names],
        Evidence::ArgoCd | Evidence::Flux => text!["they meet in one cluster, through ", names],
        Evidence::Helm => text!["they meet in chart ", names],
        Evidence::Stream => "they meet on standard input, which is applied as a whole".into(),
        Evidence::Directory => text!["they meet when directory ", names, " is applied"],
    }
}

/// What a changed reference does to running pods.
const EFFECTS: &[(&[Rollout], &str)] = &[
    (&[Rollout::Rolls], "applying this rolls"),
    (&[Rollout::NextRun], "the next run takes the new name"),
    (
        &[Rollout::Untouched],
        "running pods keep the old name until they are replaced",
    ),
    (
        &[Rollout::Immutable, Rollout::Recreate],
        "must be deleted and created anew",
    ),
];
