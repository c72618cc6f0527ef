//! Content that differs by the kustomization that builds it: a hash for each, in a patch there.
//!
//! A workload that several roots build carries one hash in its file as long as all of them read the
//! same. Where an overlay patches, merges or generates another content, each kustomization gets a
//! patch of the annotation: the innermost one on the way that everything which passes it agrees
//! with. A hash that such a patch has already is updated where it stands, as one in the file of the
//! workload is. What the patches on the way do to the workload and to what it reads is carried out first
//! ([`Workspace::built`]); what cannot be carried out stays the reason that it was.

use std::collections::BTreeMap;

use kubewright_model::finding::{Applicability, Change, Finding, Fix, Location, NoFix, Severity};
use kubewright_model::kube::{
    Build, FileId, Hold, Member, Origin, PodTemplate, SetId, Touch, Workspace,
};
use kubewright_model::text;
use kubewright_model::text::{Path, Text};
use kubewright_model::yaml::{Node, Value};

use super::codes::Code;
use super::consumed::{self, ConsumedConfig, list};
use super::reads::{self, Behind, Reading};
use super::root_patch::{self, Patch};
use super::{Case, Names, canon, listing, skips};
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
struct Root<'a> {
    set: SetId,
    member: &'a Member,
    /// What its pods read; the reason where each name carries a hash.
    reading: Result<Reading, NoFix>,
    hash: Option<String>,
    written: Option<Written>,
}

/// The annotation as a set builds it.
struct Written {
    text: String,
    /// Where it stands, unless in the file of the workload.
    origin: Option<Origin>,
}

impl Root<'_> {
    fn is_right(&self) -> bool {
        self.hash.is_none() || self.hash.as_deref() == self.written.as_ref().map(|w| &*w.text)
    }

    fn origin(&self) -> Option<&Origin> {
        self.written.as_ref()?.origin.as_ref()
    }
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
    if roots.iter().all(Root::is_right) {
        return Some(Verdict::Right);
    }
    let first = roots.first()?;
    let in_file = roots.iter().all(|root| root.origin().is_none());
    if in_file && roots.iter().all(|root| root.hash == first.hash) {
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
fn annotations(case: &Case<'_>) -> impl Iterator<Item = Touch> {
    let key = &case.cx.settings.missing_config_hash.annotation;
    let path = [
        case.template.carrier.template,
        &["metadata", "annotations", key],
    ]
    .concat()
    .join(".");
    let touches = case.workspace().touches(case.resource.id).to_vec();
    touches.into_iter().filter(move |touch| {
        let paths = touch.paths.as_ref();
        touch.is_patch() && paths.is_some_and(|paths| paths.contains(&path))
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
        && as_built.written.is_none()
    {
        if let Err(reason) = skips::unwanted(workspace, case.resource, template, reading) {
            return Some(Err(reason));
        }
        if listing::left_out(&as_built, reading).is_some() {
            return None;
        }
    }
    let origin = |node: Node<'_>| {
        let Build::Changed(patched) = build else {
            return None;
        };
        let own = case
            .written
            .map(|own| Location::of(case.resource.file, own));
        patched
            .origin(node)
            .filter(|origin| Some(&origin.location) != own.as_ref())
            .cloned()
    };
    let written = as_built.written.map(|node| Written {
        text: node.text().unwrap_or_default().to_owned(),
        origin: origin(node),
    });
    Some(Ok(Root {
        set,
        member: workspace.member(set, id)?,
        hash: reading.as_ref().ok().map(|r| canon::hash(&r.sections)),
        reading,
        written,
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
    let read = list(&names);
    let stale: Vec<Text> = roots
        .iter()
        .filter(|root| !root.is_right())
        .filter(|root| root.written.as_ref().is_some_and(|w| !w.text.is_empty()))
        .map(|root| say::set(workspace, root.set))
        .collect();
    let message = if stale.is_empty() {
        let differ = if roots.len() > 1 {
            ", whose content differs by where it is applied"
        } else {
            ""
        };
        text![
            case.subject(),
            " reads ",
            &read,
            differ,
            "; a change of it restarts no pod"
        ]
    } else {
        text![
            "the config hash of ",
            case.subject(),
            " is stale in ",
            Text::list(stale.iter().cloned()),
            ": ",
            &read,
            " changed since it was written"
        ]
    };
    let fix = match fix(case, roots, &read) {
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
    finding
}

/// All roots in one transaction: hashes that a patch has already are updated there, the others are
/// added.
fn fix(case: &Case<'_>, roots: &[Root<'_>], read: &Text) -> Result<Fix, NoFix> {
    let workspace = case.workspace();
    let mut changes = Vec::new();
    let mut places: Vec<FileId> = Vec::new();
    let mut updated: BTreeMap<(FileId, usize), &str> = BTreeMap::new();
    let mut added: BTreeMap<FileId, (String, &str)> = BTreeMap::new();
    for root in roots {
        let (Some(hash), wrong) = (root.hash.as_deref(), !root.is_right()) else {
            continue;
        };
        if let Some(origin) = root.origin() {
            let at = (origin.location.file, origin.location.span.start);
            match updated.insert(at, hash) {
                None if wrong => {
                    alone(case, origin)?;
                    changes.push(update(case, origin, hash)?);
                    places.push(origin.location.file);
                }
                None => {}
                Some(other) if other == hash => {}
                Some(_) => return Err(shared(workspace, origin.location.file)),
            }
        } else if wrong {
            let (file, name) = place(case, roots, root)?;
            added.insert(file, (name, hash));
        }
    }
    for (file, (name, hash)) in &added {
        let patch = Patch {
            resource: case.resource,
            template: case.template.carrier.template,
            name,
            annotation: &case.cx.settings.missing_config_hash.annotation,
            hash,
        };
        changes.extend(root_patch::add(workspace, *file, &patch)?);
        places.push(*file);
    }
    let relied_on = |root: &Root<'_>| root.written.is_some() && root.origin().is_none();
    if let Some(own) = case.written.filter(|own| own.text() != Some(""))
        && !added.is_empty()
        && !roots.iter().any(|root| relied_on(root) && root.is_right())
    {
        let edit = own.set(&Value::str(""))?;
        changes.push(Change::Edit(case.resource.file, edit));
    }
    places.sort_unstable();
    places.dedup();
    let places = places.iter().map(|file| Path(&workspace.file(*file).path));
    let (verb, by, applicability) = if added.is_empty() {
        ("update", "in the patch of", Applicability::Safe)
    } else {
        ("write", "by a patch of", Applicability::Unsafe)
    };
    Ok(Fix {
        title: text![
            verb,
            " the hash of ",
            read,
            " ",
            by,
            " ",
            case.subject(),
            " in ",
            Text::list(places)
        ],
        applicability,
        changes,
        claims: vec![case.resource.id],
    })
}

/// The edit of a hash that a patch writes.
fn update(case: &Case<'_>, origin: &Origin, hash: &str) -> Result<Change, NoFix> {
    let workspace = case.workspace();
    let edit = if let Some(node) = workspace.node_at(origin) {
        node.set(&Value::str(hash))?
    } else {
        let key = &case.cx.settings.missing_config_hash.annotation;
        root_patch::update_inline(workspace, &origin.location, key, hash)?
    };
    Ok(Change::Edit(origin.location.file, edit))
}

/// Whether a hash in a patch is that of no other workload.
fn alone(case: &Case<'_>, origin: &Origin) -> Result<(), NoFix> {
    let workspace = case.workspace();
    let places: Vec<Location> = annotations(case).map(|touch| touch.location).collect();
    let name = &workspace.file(origin.location.file).path;
    let name = name.rsplit('/').next().unwrap_or(name);
    let same = |touch: &Touch| {
        let path = workspace.scalar_at(&touch.location).and_then(Node::text);
        places.contains(&touch.location) || path.is_some_and(|path| path.ends_with(name))
    };
    let carries = workspace
        .resources()
        .iter()
        .filter(|r| r.id != case.resource.id && workspace.carries_pods(r.id));
    for other in carries {
        let touches = workspace.touches(other.id);
        let reached = touches.iter().any(|touch| touch.is_patch() && same(touch));
        let writes = |set: SetId| {
            let Build::Changed(patched) = workspace.built(set, other.id) else {
                return false;
            };
            let root = patched.node();
            let mut scalars = root.into_iter().flat_map(Node::descendants);
            scalars.any(|n| patched.origin(n) == Some(origin))
        };
        if reached && workspace.sets_of(other.id).into_iter().any(writes) {
            return Err(NoFix::new(
                Code::DiffersBetweenOverlays,
                text![
                    "the patch in ",
                    Path(&workspace.file(origin.location.file).path),
                    " writes the hash of ",
                    other.display(),
                    " too: give each workload a patch of its own"
                ],
            ));
        }
    }
    Ok(())
}

/// The innermost kustomization on the way that everything which passes it agrees with, and the name
/// of the workload there.
fn place(case: &Case<'_>, roots: &[Root<'_>], root: &Root<'_>) -> Result<(FileId, String), NoFix> {
    let workspace = case.workspace();
    let agrees = |file: &&FileId| {
        let component = workspace.kustomization(**file).is_none_or(|k| k.component);
        let mut through = roots.iter().filter(|r| r.member.through.contains(file));
        !component && through.all(|other| other.hash == root.hash)
    };
    let Some(file) = root.member.through.iter().rev().find(agrees) else {
        let file = root.member.through.first();
        return Err(shared(workspace, *file.unwrap_or(&case.resource.file)));
    };
    let name = name_in(workspace, root.member, *file);
    let others = roots
        .iter()
        .flat_map(|root| &workspace.set(root.set).members)
        .filter(|m| m.resource != case.resource.id && m.through.contains(file));
    let mut alike = others.filter(|m| {
        let other = workspace.resource(m.resource);
        other.kind == case.resource.kind
            && (other.name == name || name_in(workspace, m, *file) == name)
    });
    match alike.next() {
        None => Ok((*file, name)),
        Some(other) => Err(NoFix::new(
            Code::DiffersBetweenOverlays,
            text![
                "a patch in ",
                Path(&workspace.file(*file).path),
                " would change ",
                workspace.resource(other.resource).display(),
                " of ",
                Path(&workspace.file(workspace.resource(other.resource).file).path),
                " too; hash the rendered manifests"
            ],
        )),
    }
}

/// The name of a member where the patches of a kustomization see it, before its own prefix and
/// suffix.
fn name_in(workspace: &Workspace, member: &Member, file: FileId) -> String {
    let inner = member.through.iter().rev().take_while(|f| **f != file);
    inner.filter_map(|f| workspace.kustomization(*f)).fold(
        workspace.resource(member.resource).name.clone(),
        |name, k| format!("{}{name}{}", k.prefix, k.suffix),
    )
}

/// Content that differs where nothing but one file tells the roots apart.
fn shared(workspace: &Workspace, file: FileId) -> NoFix {
    NoFix::new(
        Code::DiffersBetweenOverlays,
        text![
            "it is applied with different content from several places, and ",
            Path(&workspace.file(file).path),
            " is the same for all of them; hash the rendered manifests"
        ],
    )
}
