//! Content that differs by the kustomization that builds it: a hash for each, in a patch there.
//!
//! A workload that several roots build carries one hash in its file as long as all of them read the
//! same. Where an overlay patches, merges or generates another content, each kustomization gets a
//! patch of the annotation: the innermost one on the way that everything which passes it agrees
//! with. A hash that such a patch has already is updated where it stands, as one in the file of the
//! workload is. What the patches on the way do to the workload and to what it reads is carried out
//! first (`Workspace::built`); what cannot be carried out stays the reason that it was.

use std::collections::BTreeSet;

use kubewright_model::finding::{Finding, Location, NoFix, Severity};
use kubewright_model::kube::{Build, Hold, Member, Origin, PodTemplate, SetId, Touch};
use kubewright_model::text;
use kubewright_model::text::Text;
use kubewright_model::yaml::Node;

use super::codes::Code;
use super::consumed::{self, ConsumedConfig, list};
use super::hashes::Mark;
use super::overlay_fix::fix;
use super::reads::{self, Behind, Reading};
use super::{Case, Names, listing, message, skips};
use crate::say;

/// Reasons that may be but one of several roots.
const CODES: &[&str] = &[
    "differs-between-overlays",
    "patched-by-kustomize",
    "workload-patched",
];

/// What is to be said of a workload.
#[expect(
    clippy::large_enum_variant,
    reason = "one is made, and taken apart at once"
)]
pub(super) enum Verdict {
    /// Nothing: each hash is right.
    Right,
    Wrong(Finding),
}

/// The workload as one set builds it.
pub(super) struct Root<'a> {
    pub(super) set: SetId,
    pub(super) member: &'a Member,
    /// What its pods read; the reason where each name carries a hash.
    reading: Result<Reading, NoFix>,
    /// The hashes of it.
    marks: Option<Vec<Mark>>,
    pub(super) written: Vec<There>,
}

/// An annotation as a set builds it.
pub(super) struct There {
    pub(super) key: String,
    text: String,
    /// Where it stands, unless in the file of the workload.
    pub(super) origin: Option<Origin>,
}

impl Root<'_> {
    /// The hash that belongs into an annotation.
    pub(super) fn wanted(&self, key: &str) -> Option<&Mark> {
        self.marks.as_ref()?.iter().find(|mark| mark.key == key)
    }

    pub(super) fn there(&self, key: &str) -> Option<&There> {
        self.written.iter().find(|there| there.key == key)
    }

    pub(super) fn is_right(&self, mark: &Mark) -> bool {
        self.there(&mark.key).is_some_and(|t| t.text == mark.hash)
    }

    /// Whether each hash is right, and no annotation stands there that no root wants.
    fn is_all_right(&self, wanted: &BTreeSet<&str>) -> bool {
        let Some(marks) = &self.marks else {
            return true;
        };
        let known = |there: &There| wanted.contains(&*there.key);
        marks.iter().all(|mark| self.is_right(mark)) && self.written.iter().all(known)
    }

    /// Hashes that stand there and are of something else.
    fn stale(&self) -> impl Iterator<Item = &Mark> {
        let old = |mark: &&Mark| {
            let there = self.there(&mark.key);
            there.is_some_and(|there| !there.text.is_empty() && there.text != mark.hash)
        };
        self.marks.iter().flatten().filter(old)
    }
}

/// The annotations that some root wants.
pub(super) fn wanted<'r>(roots: &'r [Root<'_>]) -> BTreeSet<&'r str> {
    let marks = roots.iter().filter_map(|root| root.marks.as_ref());
    marks.flatten().map(|mark| mark.key.as_str()).collect()
}

/// What is to be said of a workload whose roots may read different content: `None` where that is
/// not known, and what was known before stands.
pub(super) fn judge(case: &Case<'_>, known: &Result<Reading, NoFix>) -> Option<Verdict> {
    let differs = known.as_ref().is_err_and(|r| CODES.contains(&r.code));
    if !(differs || annotations(case).next().is_some()) || case.survives().is_err() {
        return None;
    }
    let literal = |segment: &&str| *segment != "*" && !segment.ends_with("[]");
    if !case.template.carrier.template.iter().all(literal) {
        return None;
    }
    let sets = case.workspace().sets_of(case.resource.id);
    let builds: Vec<(SetId, Build)> = sets
        .into_iter()
        .map(|set| (set, case.workspace().built(set, case.resource.id)))
        .collect();
    let mut roots = Vec::new();
    let mut failed = Vec::new();
    for (set, build) in &builds {
        match root(case, *set, build)? {
            Ok(root) => roots.push(root),
            Err(reason) => failed.push((*set, reason)),
        }
    }
    if let Some((set, reason)) = failed.first() {
        return fails(case, roots.is_empty() && builds.len() == 1, *set, reason);
    }
    if let Some(Err(reason)) = roots.first().map(|root| &root.reading)
        && roots.iter().all(|root| root.reading.is_err())
    {
        return Some(Verdict::Wrong(case.unknown(reason.clone())));
    }
    let wanted = wanted(&roots);
    if roots.iter().all(|root| root.is_all_right(&wanted)) {
        return Some(Verdict::Right);
    }
    let first = roots.first()?;
    let mut there = roots.iter().flat_map(|root| &root.written);
    let in_file = there.all(|there| there.origin.is_none());
    if in_file && roots.iter().all(|root| root.marks == first.marks) {
        let found = case.compare(first.reading.as_ref().ok()?);
        return Some(found.map_or(Verdict::Right, Verdict::Wrong));
    }
    Some(Verdict::Wrong(finding(case, &roots)))
}

/// A root that reads what is not known.
fn fails(case: &Case<'_>, only: bool, set: SetId, reason: &NoFix) -> Option<Verdict> {
    if CODES.contains(&reason.code) {
        return None;
    }
    if only {
        return Some(Verdict::Wrong(case.unknown(reason.clone())));
    }
    let text = text![
        "its content differs by where it is built, and in ",
        say::set(case.workspace(), set),
        " it is not known: ",
        &reason.text
    ];
    Some(Verdict::Wrong(
        case.unknown(NoFix::new(Code::DiffersBetweenOverlays, text)),
    ))
}

/// Patches that write the annotation.
pub(super) fn annotations<'a>(case: &Case<'a>) -> impl Iterator<Item = Touch> + use<'a> {
    let settings = &case.cx.settings.missing_config_hash;
    let path = [case.template.carrier.template, &["metadata", "annotations"]].concat();
    let path = path.join(".") + ".";
    let touches = case.workspace().touches(case.resource.id).to_vec();
    touches.into_iter().filter(move |touch| {
        let own = |p: &String| {
            p.strip_prefix(&path)
                .is_some_and(|key| settings.is_own(key))
        };
        touch.is_patch() && touch.paths.iter().flatten().any(own)
    })
}

/// The workload as a set builds it; the reason where its content is not known, `None` where not
/// even the workload is.
fn root<'a>(case: &Case<'a>, set: SetId, build: &Build) -> Option<Result<Root<'a>, NoFix>> {
    let cx = case.cx;
    let (workspace, id) = (cx.workspace, case.resource.id);
    if workspace.positions(set, id).count() != 1
        || workspace
            .changed_besides_patches(set, id, &case.fields_read())
            .is_some()
    {
        return None;
    }
    let templates;
    let (node, template): (Node<'_>, &PodTemplate<'_>) = match build {
        Build::Same => (case.node, case.template),
        Build::Changed(patched) => {
            templates = patched.pod_templates();
            let same = |t: &&PodTemplate<'_>| std::ptr::eq(t.carrier, case.template.carrier);
            (patched.node()?, templates.iter().find(same)?)
        }
        Build::Unknown => return None,
    };
    let settings = &cx.settings.missing_config_hash;
    let sources: Vec<ConsumedConfig<'_>> = consumed::consumed(template, settings);
    let as_built = Case::new(cx, case.resource, node, template, &sources);
    as_built.wanted().ok()?;
    let read = reads::read_built(workspace, set, case.resource, &sources);
    let reading = match read.map(|reading| settings.keyed(reading)) {
        Err(reason) if !reason.is(Code::GeneratedName) => return Some(Err(reason)),
        reading => reading,
    };
    if let Ok(reading) = &reading
        && as_built.written.is_empty()
    {
        if let Err(reason) = skips::unwanted(workspace, case.resource, template, reading) {
            return Some(Err(reason));
        }
        if listing::left_out(&as_built, reading).is_some() {
            return None;
        }
    }
    let origin = |key: &str, node: Node<'_>| {
        let Build::Changed(patched) = build else {
            return None;
        };
        let own = case.written.get(key);
        let own = own.map(|own| Location::of(case.resource.file, own));
        patched
            .origin(node)
            .filter(|origin| Some(&origin.location) != own.as_ref())
            .cloned()
    };
    let written = as_built.written.keys().filter_map(|key| {
        let node = as_built.written.get(key)?;
        Some(There {
            key: key.to_owned(),
            text: node.text().unwrap_or_default().to_owned(),
            origin: origin(key, node),
        })
    });
    Some(Ok(Root {
        set,
        member: workspace.member(set, id)?,
        written: written.collect(),
        marks: reading.as_ref().ok().map(|r| settings.hashes(r)),
        reading,
    }))
}

fn finding(case: &Case<'_>, roots: &[Root<'_>]) -> Finding {
    let workspace = case.workspace();
    let mut names = Names::new();
    let mut related: Vec<(Location, Text)> = Vec::new();
    for root in roots {
        let reading = root.reading.iter();
        for (name, behind) in reading.flat_map(|r| r.names.iter().zip(&r.behind)) {
            if !names.contains(name) {
                names.push(name.clone());
            }
            let place = match behind {
                Behind::Resource(id) => case.defined(*id),
                Behind::Generator(location) => Some(location.clone()),
            };
            let place = place.filter(|place| !related.iter().any(|(known, _)| known == place));
            related.extend(place.map(|place| (place, list(std::slice::from_ref(name)))));
        }
    }
    let stale = roots.iter().filter(|root| root.stale().next().is_some());
    let stale: Vec<Text> = stale.map(|root| say::set(workspace, root.set)).collect();
    let mut old: Vec<&Mark> = Vec::new();
    for mark in roots.iter().flat_map(Root::stale) {
        if old.iter().all(|known| known.key != mark.key) {
            old.push(mark);
        }
    }
    let hazard = if stale.is_empty() { "absent" } else { "stale" };
    let message = if old.is_empty() {
        lacking(case, roots, &names)
    } else {
        message::stale(
            case.subject().into(),
            &old,
            Some(Text::list(stale.iter().cloned())),
        )
    };
    let fix = match fix(case, roots) {
        Err(reason) if stale.is_empty() && CODES.contains(&reason.code) => {
            return case.unknown(reason);
        }
        fix => fix,
    };
    let mut finding = case.finding(Severity::Warning, message, fix);
    finding.notes = Hold::of(case.resource, case.node)
        .map(|hold| hold.to_string().into())
        .into_iter()
        .collect();
    finding.related = related;
    finding.subject.hazard = hazard;
    finding
}

/// What is wrong where no hash is stale.
fn lacking(case: &Case<'_>, roots: &[Root<'_>], names: &Names) -> Text {
    let wanted = wanted(roots);
    let marks = roots.iter().filter_map(|root| root.marks.as_ref());
    if (roots.iter().zip(marks)).all(|(root, marks)| marks.iter().all(|mark| root.is_right(mark))) {
        let there = roots.iter().flat_map(|root| &root.written);
        let left: BTreeSet<&str> = there.map(|there| there.key.as_str()).collect();
        return message::left(case, &left.difference(&wanted).copied().collect::<Vec<_>>());
    }
    let differ = if roots.len() > 1 {
        ", whose content differs by where it is applied"
    } else {
        ""
    };
    let them = if names.len() > 1 { "them" } else { "it" };
    let behind = [differ, "; a change of ", them, " restarts no pod"].concat();
    text![case.subject(), " reads ", list(names), behind]
}
