//! Generators that merge into, or replace, what the build does not have when they run: kustomize
//! fails with `does not exist; cannot merge or replace`, and nothing is applied.

use std::collections::BTreeMap;

use kubewright_model::finding::{Finding, Location, NoFix, Severity};
use kubewright_model::kube::{Failure, FailureReason, FileId, Generated, Generator, SetId};
use kubewright_model::text;
use kubewright_model::text::{Named, Path, Text};

use super::codes::Code;
use super::evidence::Facts;
use super::{META, objects};

/// The findings about all sets. A generator that many sets share is reported once.
pub(super) fn judge(facts: &Facts<'_, '_>) -> Vec<Finding> {
    let ws = facts.workspace();
    let mut failing: BTreeMap<&Failure, Vec<SetId>> = BTreeMap::new();
    for set in ws.sets() {
        for failure in ws
            .failures(set.id)
            .iter()
            .filter(|f| f.reason == FailureReason::Nothing)
        {
            failing.entry(failure).or_default().push(set.id);
        }
    }
    failing
        .into_iter()
        .filter_map(|(failure, sets)| finding(facts, failure, &sets))
        .collect()
}

fn finding(facts: &Facts<'_, '_>, failure: &Failure, sets: &[SetId]) -> Option<Finding> {
    let ws = facts.workspace();
    let (generator, set) = (ws.failing(failure)?, *sets.first()?);
    let (kind, name) = (generator.to.kind(), &generator.name);
    let does = if generator.behavior == "merge" {
        "merges into"
    } else {
        "replaces"
    };
    let named: Vec<Text> = sets.iter().map(|set| crate::say::set(ws, *set)).collect();
    let (advice, related) = advice(facts, failure, generator, set);
    Some(
        META.finding(
            Severity::Error,
            generator.location.clone(),
            text![
                "generator ",
                name,
                " ",
                does,
                " ",
                Named::new(kind, name),
                ", which is not there when it runs: the build of ",
                Text::list(named),
                " fails, and nothing of it is applied"
            ],
        )
        .subject("generator", [kind, name])
        .related(related)
        .fix(Err(NoFix::new(Code::NothingToMerge, advice))),
    )
}

/// What to write, and where what was meant is.
fn advice(
    facts: &Facts<'_, '_>,
    failure: &Failure,
    generator: &Generator,
    set: SetId,
) -> (Text, Vec<(Location, Text)>) {
    let ws = facts.workspace();
    let (kind, name, behavior) = (generator.to.kind(), &generator.name, &generator.behavior);
    let path = |file: FileId| Text::from(Path(&ws.file(file).path));
    let mut made = ws.makers_of(set, generator.to, name).into_iter();
    let own = |g: &&&Generated| {
        g.kustomization == failure.kustomization && g.generator == failure.generator
    };
    let mine = ws
        .makers_of(set, generator.to, name)
        .iter()
        .find(|g| own(g))
        .map(|g| g.through.clone())
        .unwrap_or_default();
    let other = made.find(|g| ws.generator(g).is_some_and(|g| g.behavior == "create"));
    let members = ws.set(set).members.iter().filter(|m| {
        let resource = ws.resource(m.resource);
        resource.target() == Some(generator.to) && resource.name == *name
    });
    let defined = members
        .map(|m| {
            (
                m.through.clone(),
                objects::place(facts, m.resource),
                ws.resource(m.resource).namespace.clone(),
            )
        })
        .next();
    let found = defined.or_else(|| {
        let made = ws.generator(other?)?;
        Some((
            other?.through.clone(),
            Some(made.location.clone()),
            made.namespace.clone(),
        ))
    });
    let Some((through, at, namespace)) = found else {
        let names = ws
            .set(set)
            .members
            .iter()
            .map(|m| ws.resource(m.resource))
            .filter(|r| r.target() == Some(generator.to));
        let names: Vec<&str> = names.map(|r| r.name.as_str()).collect();
        let near = facts.nearest_names(name, &names);
        let text = match near.as_slice() {
            [one] => format!("{kind} {one} is near to it: write that name"),
            _ => format!(
                "remove `behavior: {behavior}` for the generator to create it, or add the {kind} \
                 to the resources"
            ),
        };
        return (text.into(), Vec::new());
    };
    let related = at
        .map(|at| (at, text![Named::new(kind, name)]))
        .into_iter()
        .collect();
    let component = through.last().filter(|file| {
        **file != failure.kustomization && ws.kustomization(**file).is_some_and(|k| k.component)
    });
    let text = if let Some(component) =
        component.filter(|_| through.contains(&failure.kustomization))
    {
        text![
            path(*component),
            " makes it, and components are taken behind the generators: create it here, and merge \
             in the component"
        ]
    } else if through.contains(&failure.kustomization) {
        let theirs = namespace
            .as_deref()
            .map_or_else(|| "no namespace".to_owned(), |n| format!("namespace {n}"));
        let cure = namespace.map_or_else(
            || "remove `namespace` from the generator".to_owned(),
            |n| format!("write `namespace: {n}` at it"),
        );
        text![
            "the ",
            kind,
            " has ",
            theirs,
            " there, and the generator has another one: ",
            cure
        ]
    } else {
        // The innermost kustomization that has both.
        let both = through
            .iter()
            .zip(&mine)
            .take_while(|(a, b)| a == b)
            .last()
            .map(|(file, _)| path(*file));
        let both = both.unwrap_or_else(|| "a kustomization above both".into());
        text![
            "a kustomization is built before those beside it are seen: move the generator to ",
            both,
            ", which has both"
        ]
    };
    (text, related)
}
