//! Judges a key that is missing from an object that is there.
//!
//! Variables are made of `data` alone, files of `binaryData` too (`kubelet_pods.go` and
//! pkg/volume/configmap in the kubelet). An object whose content is changed on the way, or filled
//! in the cluster, may have any key.

use std::collections::BTreeSet;

use kubewright_model::finding::{Finding, NoFix, Severity};
use kubewright_model::kube::{OutsideUseKind, ResourceId, SetId, Workspace};
use kubewright_model::text;
use kubewright_model::text::{Field, Text};

use super::codes::Code;
use super::evidence::{Facts, may_equal};
use super::objects::{place, set_aside};
use super::wanted::{Key, KeyHow, Place, Wanted};
use super::{Gap, Hazard, Held, Verdict, finding, makers, misnamed, near, rewrite, say, worst};

/// What to do about a key that is like none that is there.
const ADD_IT: &str = "add the key to it, or read one that it holds";

/// Whether none of the definitions has the key; nothing is said of definitions that are not known.
pub(super) fn lacks(workspace: &Workspace, held: &Held, key: &Key<'_>) -> bool {
    let has = |id: &ResourceId| {
        readable(workspace, *id, key.how)
            .iter()
            .any(|k| k == key.text)
    };
    match &held.made {
        Some((_, keys)) => !keys.contains(key.text),
        None => !held.ids.is_empty() && !held.ids.iter().any(has),
    }
}

/// The keys of a definition that can be read that way.
fn readable(workspace: &Workspace, id: ResourceId, how: KeyHow<'_>) -> Vec<String> {
    match how {
        KeyHow::Variable(_) => workspace.text_keys(id),
        KeyHow::Item | KeyHow::SubPath(_) | KeyHow::Field => workspace.data_keys(id),
    }
}

/// The finding about a key that an object does not have.
pub(super) fn judge(facts: &Facts<'_, '_>, gap: &Gap<'_>) -> Option<Finding> {
    let (wanted, key) = (gap.first()?, gap.keys.first()?);
    if facts.is_external(wanted) {
        return None;
    }
    let verdicts = gap
        .sets
        .iter()
        .filter_map(|(set, held)| Some((*set, in_set(facts, gap, wanted, key, *set, held)?)))
        .collect();
    let (verdict, sets) = worst(verdicts)?;
    let binary = verdict
        .fix
        .as_ref()
        .is_err_and(|reason| reason.is(Code::BinaryKey));
    let places: Vec<&Place<'_>> = gap.keys.iter().map(|key| &key.place).collect();
    finding(
        gap,
        Hazard::Key(key.text),
        &places,
        say::key(facts.workspace(), gap, wanted, key, &sets, binary),
        verdict,
    )
}

/// The finding about a key that the makers of an object, such as an `ExternalSecret`, leave out.
/// Several may fill one object, each with keys of its own (`creationPolicy: Merge`,
/// <https://external-secrets.io/latest/guides/ownership-deletion-policy/>).
pub(super) fn of_maker(facts: &Facts<'_, '_>, gap: &Gap<'_>, set: SetId) -> Option<Finding> {
    let ws = facts.workspace();
    let wanted = gap.wanted.iter().find(|w| !w.keys.is_empty())?;
    let makers = facts.all_makers(gap.resource, wanted, set);
    let maker = *makers.first()?;
    let known: Option<Vec<&BTreeSet<String>>> =
        makers.iter().map(|maker| maker.keys.as_ref()).collect();
    let made: BTreeSet<String> = known?.into_iter().flatten().cloned().collect();
    let key = gap
        .wanted
        .iter()
        .flat_map(|w| &w.keys)
        .find(|key| !made.contains(key.text))?;
    let changed = makers.iter().any(|maker| {
        ws.touches(maker.id)
            .iter()
            .any(|touch| touch.affects("spec"))
    });
    if changed || set_aside(facts, gap, set).is_some() || facts.touched(gap, &key.place).is_some() {
        return None;
    }
    let who = makers.iter().map(|maker| ws.resource(maker.id).display());
    let (who, verb) = (
        Text::joined(who, " and "),
        if makers.len() == 1 { "makes" } else { "make" },
    );
    let fix = match near::nearest(key.text, made.iter().map(String::as_str)).as_slice() {
        [one] if key.place.shown.text() == Some(key.text) => rewrite(
            gap.resource,
            &[&key.place],
            one,
            text!["read key ", Field(one)],
        ),
        _ => Err(NoFix::new(
            Code::MakerLacksKey,
            text![&who, " ", &verb, " it without that key"],
        )),
    };
    let holds = text!["makes ", Text::list(&made)];
    let related = place(facts, maker.id)
        .map(|at| (at, holds))
        .into_iter()
        .collect();
    let verdict = Verdict {
        severity: Severity::Warning,
        fix,
        notes: Vec::new(),
        related,
    };
    finding(
        gap,
        Hazard::Key(key.text),
        &[&key.place],
        say::key(ws, gap, wanted, key, &[set], false),
        verdict,
    )
}

/// The findings about keys that a ConfigMap or Secret lacks which SOPS encrypted: its keys are in
/// clear.
pub(super) fn of_encrypted(facts: &Facts<'_, '_>, gap: &Gap<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    let Some(wanted) = gap.first() else {
        return found;
    };
    let all = gap.sets.iter().map(|(set, _)| {
        (
            *set,
            facts
                .encrypted_of(*set)
                .find(|e| e.to == wanted.to && e.name == wanted.name),
        )
    });
    let held: Vec<_> = all.collect();
    let mut said = BTreeSet::new();
    for key in gap.wanted.iter().flat_map(|w| &w.keys) {
        let lacking = held
            .iter()
            .filter_map(|(set, e)| Some((*set, (*e)?)))
            .filter(|(set, _)| {
                // Of several, the one that is applied last is not told apart.
                let mut all = facts
                    .encrypted_of(*set)
                    .filter(|e| e.to == wanted.to && e.name == wanted.name);
                !all.any(|e| e.keys.contains(key.text))
            });
        let sets: Vec<SetId> = lacking.clone().map(|(set, _)| set).collect();
        let Some((set, encrypted)) = lacking.into_iter().next().filter(|_| said.insert(key.text))
        else {
            continue;
        };
        if set_aside(facts, gap, set).is_some()
            || facts.touched(gap, &key.place).is_some()
            || facts.maker(gap.resource, wanted, set).is_some()
        {
            continue;
        }
        let fix =
            match near::nearest(key.text, encrypted.keys.iter().map(String::as_str)).as_slice() {
                [one] if key.place.shown.text() == Some(key.text) => rewrite(
                    gap.resource,
                    &[&key.place],
                    one,
                    text!["read key ", Field(one)],
                ),
                [] => Err(NoFix::new(Code::MissingKey, ADD_IT)),
                several => Err(NoFix::new(
                    Code::SeveralNear,
                    text![
                        "keys ",
                        Text::joined(several.iter().copied().map(Field), " and "),
                        " are near to it"
                    ],
                )),
            };
        let holds = text!["holds ", Text::list(&encrypted.keys), ", encrypted by SOPS"];
        let severity = if wanted.optional {
            Severity::Warning
        } else {
            Severity::Error
        };
        let verdict = Verdict {
            severity,
            fix,
            notes: Vec::new(),
            related: vec![(encrypted.location.clone(), holds)],
        };
        found.extend(finding(
            gap,
            Hazard::Key(key.text),
            &[&key.place],
            say::key(facts.workspace(), gap, wanted, key, &sets, false),
            verdict,
        ));
    }
    found
}

fn in_set(
    facts: &Facts<'_, '_>,
    gap: &Gap<'_>,
    wanted: &Wanted<'_>,
    key: &Key<'_>,
    set: SetId,
    held: &Held,
) -> Option<Verdict> {
    let ws = facts.workspace();
    let closed = facts.is_closed(set);
    // subpath-configmap-mount says it where nothing else is known.
    if matches!(key.how, KeyHow::SubPath(_)) && !closed && !wanted.optional {
        return None;
    }
    if held
        .ids
        .iter()
        .any(|id| ws.node(*id).is_none_or(makers::is_filled) || ws.content_touched(*id).is_some())
    {
        return None;
    }
    // That the Secret lacks a key of its type is said of itself.
    if gap.resource.kind == "Ingress"
        && held
            .ids
            .iter()
            .any(|id| ws.node(*id).is_some_and(misnamed::is_typed))
    {
        return None;
    }
    let namespace = facts.namespace(gap.resource, wanted, set);
    if facts.maker(gap.resource, wanted, set).is_some()
        || (held.made.is_some() && is_patched(facts, wanted))
    {
        return None;
    }
    if let Some(what) = gap.keys.iter().find_map(|k| facts.touched(gap, &k.place)) {
        return Some(Verdict::remark(NoFix::new(
            Code::WorkloadPatched,
            format!("{what} of a kustomization may change the reference; check what it builds"),
        )));
    }
    if let Some(verdict) = set_aside(facts, gap, set) {
        return Some(verdict);
    }
    // A file is applied as a whole.
    let one_file = held.made.is_none()
        && held
            .ids
            .iter()
            .all(|id| ws.resource(*id).file == gap.resource.file);
    let severity = match (closed, held.certain) {
        (true, true) if !wanted.optional => Severity::Error,
        (true, _) => Severity::Warning,
        (false, true) if one_file => Severity::Warning,
        (false, _) => Severity::Info,
    };
    let mut verdict = choose(facts, gap, wanted, key, set, held, namespace.as_deref());
    verdict.severity = severity;
    if let Some((file, keys)) = &held.made {
        let keys: Vec<String> = keys.iter().cloned().collect();
        let at = ws.kustomization(*file).and_then(|k| {
            k.generators
                .iter()
                .find(|g| g.to == wanted.to && g.name == wanted.name)
        });
        verdict.related.extend(at.map(|generator| {
            (
                generator.location.clone(),
                text!["makes ", Text::list(keys)],
            )
        }));
    }
    for id in &held.ids {
        let keys = readable(ws, *id, key.how);
        let holds = if keys.is_empty() {
            Text::from("holds nothing that can be a variable")
        } else {
            text!["holds ", Text::list(keys)]
        };
        verdict
            .related
            .extend(place(facts, *id).map(|at| (at, holds)));
    }
    Some(verdict)
}

/// Whether a patch may change what a generator makes.
fn is_patched(facts: &Facts<'_, '_>, wanted: &Wanted<'_>) -> bool {
    let uses = facts.workspace().uses_outside(None, wanted.to, wanted.name);
    uses.iter().any(|u| {
        matches!(
            u.what,
            OutsideUseKind::Patch | OutsideUseKind::PatchTarget | OutsideUseKind::Replacement
        )
    })
}

/// The key that may have been meant, or where it is.
fn choose(
    facts: &Facts<'_, '_>,
    gap: &Gap<'_>,
    wanted: &Wanted<'_>,
    key: &Key<'_>,
    set: SetId,
    held: &Held,
    namespace: Option<&str>,
) -> Verdict {
    let ws = facts.workspace();
    let mut verdict = Verdict::remark(NoFix::new(Code::MissingKey, ADD_IT));
    if matches!(key.how, KeyHow::Variable(_))
        && held
            .ids
            .iter()
            .any(|id| ws.data_keys(*id).iter().any(|k| k == key.text))
    {
        return Verdict::remark(NoFix::new(
            Code::BinaryKey,
            "move it to data, of which variables are made, or mount it as a file",
        ));
    }
    let made = held.made.iter().flat_map(|(_, keys)| keys.iter().cloned());
    let known: Vec<String> = held
        .ids
        .iter()
        .flat_map(|id| readable(ws, *id, key.how))
        .chain(made)
        .collect();
    let near = near::nearest(key.text, known.iter().map(String::as_str));
    match near.as_slice() {
        [one] => {
            let written: Vec<&Place<'_>> = gap.keys.iter().map(|k| &k.place).collect();
            // A default stands nowhere, and of a subPath the key may be only a part.
            let whole = gap
                .keys
                .iter()
                .all(|k| k.place.shown.text() == Some(key.text));
            verdict.fix = if whole {
                rewrite(gap.resource, &written, one, text!["read key ", Field(one)])
            } else {
                Err(NoFix::new(
                    Code::MissingKey,
                    text!["key ", Field(one), " is near to it"],
                ))
            };
        }
        [] => {}
        several => {
            verdict.fix = Err(NoFix::new(
                Code::SeveralNear,
                text![
                    "keys ",
                    Text::joined(several.iter().copied().map(Field), " and "),
                    " are near to it"
                ],
            ));
        }
    }
    let here = |id: &ResourceId| {
        ws.member(set, *id)
            .is_some_and(|m| may_equal(m.namespace.as_deref(), namespace))
    };
    let others = facts
        .holders(set, wanted.to, key.text)
        .into_iter()
        .filter(|id| !held.ids.contains(id) && here(id));
    // The definition that a generator replaces is the object itself.
    let others = others.filter(|id| ws.resource(*id).name != wanted.name);
    let others = others.filter(|id| readable(ws, *id, key.how).iter().any(|k| k == key.text));
    let others: Vec<String> = others.map(|id| ws.resource(id).name.clone()).collect();
    if !others.is_empty() {
        let verb = if others.len() == 1 { "has" } else { "have" };
        let text = text![
            Text::list_of(wanted.to.kind(), others),
            " ",
            verb,
            " that key"
        ];
        if near.is_empty() {
            verdict.fix = Err(NoFix::new(Code::KeyElsewhere, text));
        } else {
            verdict.notes.push(text);
        }
    }
    verdict
}
