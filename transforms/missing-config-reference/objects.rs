//! Judges a name that is missing: who may make it after all, which name may have been meant, and
//! how much that matters.
//!
//! The order is that of certainty. A maker that is known settles it, and so does another set that
//! has it. A near name, or the name in another namespace, explains it. What may make it all the
//! same makes a remark of it. What is left is missing: for certain where somebody vouches for the
//! set, and probably where the set lacks no more names than it has of those that its pods ask for.

use kubewright_model::finding::{Finding, Location, NoFix, Severity};
use kubewright_model::kube::{FileId, Member, Resource, ResourceId, SetId, Target, Workspace};
use kubewright_model::text;
use kubewright_model::text::{Field, Named, Path, Text};
use kubewright_model::yaml::Node;

use super::codes::Code;
use super::evidence::{Facts, may_equal};
use super::wanted::{How, Place, Wanted};
use super::{
    Gap, Hazard, Verdict, finding, is_configured, keys, pull_secrets, rewrite, say, worst,
};

/// The ConfigMap that every namespace of a cluster has.
const ROOT_CA: &str = "kube-root-ca.crt";

/// The finding about a name that sets of the resource do not have.
pub(super) fn judge(facts: &Facts<'_, '_>, gap: &Gap<'_>) -> Vec<Finding> {
    let Some(wanted) = gap.first().filter(|wanted| !facts.is_external(wanted)) else {
        return Vec::new();
    };
    if let Some(finding) = gap
        .sets
        .iter()
        .find_map(|(set, _)| keys::of_maker(facts, gap, *set))
    {
        return vec![finding];
    }
    let keys = keys::of_encrypted(facts, gap);
    if keys.is_empty() {
        object(facts, gap, wanted).into_iter().collect()
    } else {
        keys
    }
}

fn object(facts: &Facts<'_, '_>, gap: &Gap<'_>, wanted: &Wanted<'_>) -> Option<Finding> {
    let verdicts = gap
        .sets
        .iter()
        .filter_map(|(set, _)| Some((*set, in_set(facts, gap, wanted, *set)?)))
        .collect();
    let (verdict, sets) = worst(verdicts)?;
    let places: Vec<&Place<'_>> = gap.wanted.iter().map(|w| &w.place).collect();
    finding(
        gap,
        Hazard::Object,
        &places,
        say::object(facts.workspace(), gap, wanted, &sets),
        verdict,
    )
}

/// `None` when something makes it, or nobody would want to know.
fn in_set(
    facts: &Facts<'_, '_>,
    gap: &Gap<'_>,
    wanted: &Wanted<'_>,
    set: SetId,
) -> Option<Verdict> {
    let ws = facts.workspace();
    let namespace = facts.namespace(gap.resource, wanted, set);
    let namespace = namespace.as_deref();
    // What has no namespace names objects of the one that its controller is told, often its own.
    let anywhere = || {
        let ids = facts.definitions(wanted.to, wanted.name);
        ids.iter().any(|id| ws.member(set, *id).is_some())
            || !ws.makers_of(set, wanted.to, wanted.name).is_empty()
    };
    if facts.is_made(gap.resource, wanted, set) || (is_cluster_wide(gap.resource) && anywhere()) {
        return None;
    }
    if let Some(what) = gap.wanted.iter().find_map(|w| facts.touched(gap, &w.place)) {
        return Some(Verdict::remark(NoFix::new(
            Code::WorkloadPatched,
            text![
                &what,
                " of a kustomization may change the reference; check what it builds"
            ],
        )));
    }
    if let Some(verdict) = set_aside(facts, gap, set).or_else(|| not_listed(facts, gap, wanted)) {
        return Some(verdict);
    }
    if !facts.is_closed(set) {
        let fitting = facts
            .nearest(wanted, namespace, gap.resource.file)
            .is_some()
            || facts.generator(wanted.to, wanted.name).is_some();
        return other_namespace(facts, wanted, set, namespace).filter(|_| !fitting);
    }
    if let Some(path) = facts.created(wanted) {
        return Some(Verdict::remark(NoFix::new(
            Code::MadeByCommand,
            text!["a command in ", Path(path), " makes it"],
        )));
    }
    if let Some(id) = facts
        .traces()
        .mentioned(wanted.name, |id| facts.is_in(id, set))
    {
        return Some(Verdict::remark(NoFix::new(
            Code::MadeByResource,
            text![
                ws.resource(id).display(),
                " mentions the name and may make it"
            ],
        )));
    }
    if let Some(verdict) = other_namespace(facts, wanted, set, namespace) {
        return Some(verdict);
    }
    if let Some(verdict) = defined_elsewhere(facts, gap, wanted, namespace) {
        return Some(verdict).filter(|_| wanted.how != How::PullSecret);
    }
    if let Some(verdict) = near_name(facts, gap, wanted, set, namespace) {
        return Some(verdict);
    }
    if wanted.how == How::PullSecret {
        return pull_secrets::verdict(facts, gap, wanted, set, namespace);
    }
    Some(
        elsewhere(facts, wanted, set, namespace)
            .unwrap_or_else(|| missing(facts, gap, wanted, set, namespace)),
    )
}

/// What was read from a cluster, and perhaps not all that its pods read: `kubectl get deployments`.
fn not_listed(facts: &Facts<'_, '_>, gap: &Gap<'_>, wanted: &Wanted<'_>) -> Option<Verdict> {
    let ws = facts.workspace();
    let metadata = ws.node(gap.resource.id)?.get("metadata")?;
    metadata.get("uid").and_then(Node::as_str)?;
    // Every namespace has this one, so that a list of all ConfigMaps has it too.
    let sign = |resource: &Resource| {
        resource.target() == Some(wanted.to)
            && resource.namespace == gap.resource.namespace
            && (wanted.to == Target::Secret || resource.name == ROOT_CA)
    };
    (!ws.resources().iter().any(sign)).then(|| {
        let kind = wanted.to.kind();
        Verdict::remark(NoFix::new(
            Code::PerhapsElsewhere,
            format!(
                "it was read from a cluster without all {kind}s of its namespace: add {}s to what \
                 kubectl gets",
                kind.to_lowercase()
            ),
        ))
    })
}

/// Files that are not what is applied.
pub(super) fn set_aside(facts: &Facts<'_, '_>, gap: &Gap<'_>, set: SetId) -> Option<Verdict> {
    file_set_aside(facts, gap.resource.file, set)
}

/// The same of one file.
pub(super) fn file_set_aside(facts: &Facts<'_, '_>, file: FileId, set: SetId) -> Option<Verdict> {
    if is_configured(facts.workspace(), set) {
        return None;
    }
    if let Some(directory) = facts.tests(file) {
        return Some(Verdict::remark(NoFix::new(
            Code::TestFixture,
            format!("it lies below {directory}/: input of tests is not applied as it is"),
        )));
    }
    facts.is_base(set).then(|| {
        let name = crate::say::set_name(facts.workspace().set(set));
        Verdict::remark(NoFix::new(
            Code::Base,
            text![
                name,
                " is there to be built upon, and what is built upon it may add this"
            ],
        ))
    })
}

/// Where something of a set is defined.
enum At<'a> {
    Resource(ResourceId),
    Location(&'a Location),
}

/// What a set has of the wanted kind in a namespace: manifests, then what generators make, then what
/// SOPS encrypted.
fn candidates<'f>(
    facts: &'f Facts<'_, '_>,
    wanted: &Wanted<'_>,
    set: SetId,
    namespace: Option<&str>,
) -> Vec<(&'f str, At<'f>)> {
    let ws = facts.workspace();
    let members = ws.set(set).members.iter();
    let defined = members
        .filter(|m| ws.resource(m.resource).target() == Some(wanted.to))
        .filter(|m| may_equal(m.namespace.as_deref(), namespace))
        .map(|m| ws.resource(m.resource))
        .map(|r| (r.name.as_str(), At::Resource(r.id)));
    let generated = ws.set(set).generated.iter();
    let made = generated
        .filter(|g| may_equal(g.namespace.as_deref(), namespace))
        .filter_map(|g| ws.generator(g))
        .filter(|g| g.to == wanted.to)
        .map(|g| (g.name.as_str(), At::Location(&g.location)));
    let encrypted = facts
        .encrypted_of(set)
        .filter(|e| e.to == wanted.to)
        .map(|e| (e.name.as_str(), At::Location(&e.location)));
    defined.chain(made).chain(encrypted).collect()
}

/// The names among them that are near to the wanted one, or are it with another prefix or suffix
/// than the build puts around it.
fn near_ones<'f>(
    facts: &'f Facts<'_, '_>,
    wanted: &Wanted<'_>,
    set: SetId,
    candidates: &[(&'f str, At<'_>)],
) -> Vec<&'f str> {
    let ws = facts.workspace();
    let names: Vec<&str> = candidates.iter().map(|(name, _)| *name).collect();
    let near = facts.nearest_names(wanted.name, &names);
    if !near.is_empty() {
        return near;
    }
    let around = |m: &&Member| {
        m.name != ws.resource(m.resource).name
            && is_around(wanted.name, &ws.resource(m.resource).name)
    };
    let members = ws.set(set).members.iter().filter(around);
    members
        .map(|m| ws.resource(m.resource))
        .filter(|r| r.target() == Some(wanted.to))
        .map(|r| r.name.as_str())
        .collect()
}

/// One name of the set, or of its generators, that may have been meant.
fn near_name(
    facts: &Facts<'_, '_>,
    gap: &Gap<'_>,
    wanted: &Wanted<'_>,
    set: SetId,
    namespace: Option<&str>,
) -> Option<Verdict> {
    let ws = facts.workspace();
    let candidates = candidates(facts, wanted, set, namespace);
    let near = near_ones(facts, wanted, set, &candidates);
    let [name] = near.as_slice() else {
        if near.is_empty() {
            return None;
        }
        return Some(Verdict::no_fix(
            severity(wanted, Severity::Warning),
            NoFix::new(
                Code::SeveralNear,
                format!("{} have names near to it", near.join(" and ")),
            ),
        ));
    };
    let definition = candidates
        .iter()
        .filter(|(candidate, _)| candidate == name)
        .find_map(|(_, at)| match at {
            At::Resource(id) => place(facts, *id),
            At::Location(location) => Some((*location).clone()),
        });
    // Nobody else wants it: it is this one that was meant.
    let asked = facts
        .gaps
        .present
        .get(&(set, wanted.to))
        .is_some_and(|names| names.contains(name));
    let orphan = !asked && ws.references_to(set, wanted.to, name).is_empty();
    let worst = match (wanted.to, orphan) {
        (Target::ConfigMap, _) if is_configured(ws, set) => Severity::Error,
        (Target::ConfigMap, _) | (Target::Secret, true) => Severity::Warning,
        (Target::Secret, false) => Severity::Info,
    };
    if wanted.how == How::PullSecret && !orphan {
        return None;
    }
    let places: Vec<&Place<'_>> = gap.wanted.iter().map(|w| &w.place).collect();
    let fix = if gap.wanted.iter().any(|w| w.embedded) {
        Err(NoFix::new(
            Code::EmbeddedName,
            text![
                Named::new(wanted.to.kind(), name),
                " is near to it; the field holds more than the name"
            ],
        ))
    } else {
        rewrite(
            gap.resource,
            &places,
            name,
            text!["name ", Named::new(wanted.to.kind(), name)],
        )
    };
    let mut verdict = Verdict {
        severity: severity(wanted, worst),
        fix,
        notes: Vec::new(),
        related: Vec::new(),
    };
    let unused = if orphan {
        ", and nothing refers to it"
    } else {
        ""
    };
    verdict
        .related
        .extend(definition.map(|at| (at, text![Named::new(wanted.to.kind(), name), unused])));
    Some(verdict)
}

/// Whether a name is another one with something before or behind it.
fn is_around(name: &str, inner: &str) -> bool {
    // One word alone is part of many names.
    let cut = |rest: &str| rest.len() > 1 && inner.contains('-');
    name.strip_suffix(inner)
        .is_some_and(|rest| rest.ends_with('-') && cut(rest))
        || name
            .strip_prefix(inner)
            .is_some_and(|rest| rest.starts_with('-') && cut(rest))
}

/// Whether a custom resource belongs to no namespace, whatever its file says: cert-manager's
/// <https://cert-manager.io/docs/configuration/#cluster-resource-namespace>, external-secrets' and
/// others begin with this word.
fn is_cluster_wide(resource: &Resource) -> bool {
    resource.group().contains('.')
        && resource.kind.starts_with("Cluster")
        && resource.kind != "Cluster"
}

/// The set has it in another namespace.
fn other_namespace(
    facts: &Facts<'_, '_>,
    wanted: &Wanted<'_>,
    set: SetId,
    namespace: Option<&str>,
) -> Option<Verdict> {
    let ws = facts.workspace();
    let ids = facts.definitions(wanted.to, wanted.name);
    let defined = ids
        .iter()
        .find_map(|id| ws.member(set, *id))
        .map(|m| (m.namespace.as_deref(), place(facts, m.resource)));
    let made = ws.makers_of(set, wanted.to, wanted.name);
    let made = made.first().map(|g| {
        (
            g.namespace.as_deref(),
            ws.generator(g).map(|made| made.location.clone()),
        )
    });
    let (theirs, at) = defined.or(made)?;
    let theirs = theirs.filter(|theirs| Some(*theirs) != namespace)?;
    let text = match namespace {
        Some(own) if wanted.is_in_pods() => {
            format!("it is in namespace {theirs}; a pod reads what is in its own, {own}")
        }
        Some(own) => format!("it is in namespace {theirs}; what names it looks in its own, {own}"),
        None => format!("it is in namespace {theirs}"),
    };
    let mut verdict = Verdict::no_fix(
        severity(wanted, Severity::Warning),
        NoFix::new(Code::OtherNamespace, text),
    );
    verdict.related.extend(at.map(|at| {
        (
            at,
            text![
                Named::new(wanted.to.kind(), wanted.name),
                " in namespace ",
                theirs
            ],
        )
    }));
    Some(verdict)
}

/// Another set has it.
fn defined_elsewhere(
    facts: &Facts<'_, '_>,
    gap: &Gap<'_>,
    wanted: &Wanted<'_>,
    namespace: Option<&str>,
) -> Option<Verdict> {
    let ws = facts.workspace();
    if let Some(other) = facts.other_overlay(gap.resource, wanted) {
        let text = text![
            crate::say::set(ws, other),
            " has it, and the same ",
            &gap.resource.kind
        ];
        // Secrets of development are in git more often than those of production.
        let severity = if wanted.to == Target::ConfigMap {
            Severity::Warning
        } else {
            Severity::Info
        };
        return Some(Verdict::no_fix(
            severity,
            NoFix::new(Code::OtherOverlay, text),
        ));
    }
    let file = facts
        .nearest(wanted, namespace, gap.resource.file)
        .or_else(|| facts.generator(wanted.to, wanted.name))?;
    let text = text![
        Path(&ws.file(file).path),
        " defines it: say in [[apply-sets]] if they are applied together"
    ];
    Some(Verdict::remark(NoFix::new(Code::OtherSet, text)))
}

/// Something of the set may make it.
fn elsewhere(
    facts: &Facts<'_, '_>,
    wanted: &Wanted<'_>,
    set: SetId,
    namespace: Option<&str>,
) -> Option<Verdict> {
    let ws = facts.workspace();
    if let Some(id) = facts.installer(set) {
        return Some(Verdict::remark(NoFix::new(
            Code::MadeByResource,
            text![ws.resource(id).display(), " may install it"],
        )));
    }
    // A database and its readers are often applied apart, into one namespace.
    let beside = |id: ResourceId| {
        let resource = ws.resource(id);
        let begins = wanted.name.strip_prefix(resource.name.as_str());
        begins.is_some_and(|rest| rest.starts_with('-'))
            && namespace.is_some()
            && resource.namespace.as_deref() == namespace
    };
    let traces = facts.traces();
    let in_set = traces.after(wanted.name, |id| facts.is_in(id, set));
    if let Some(id) = in_set.or_else(|| traces.after(wanted.name, beside)) {
        let text = text![
            "it is named after ",
            ws.resource(id).display(),
            ", whose operator may make it"
        ];
        return Some(Verdict::remark(NoFix::new(Code::MadeByResource, text)));
    }
    let platform =
        namespace.filter(|ns| ns.starts_with("kube-") || ns.starts_with("openshift-"))?;
    Some(Verdict::remark(NoFix::new(
        Code::PlatformNamespace,
        format!("namespace {platform} belongs to the platform, which may make it"),
    )))
}

/// Nothing makes it.
fn missing(
    facts: &Facts<'_, '_>,
    gap: &Gap<'_>,
    wanted: &Wanted<'_>,
    set: SetId,
    namespace: Option<&str>,
) -> Verdict {
    let ws = facts.workspace();
    let other = match wanted.to {
        Target::ConfigMap => Target::Secret,
        Target::Secret => Target::ConfigMap,
    };
    let mut notes: Vec<Text> = Vec::new();
    if facts
        .definitions(other, wanted.name)
        .iter()
        .any(|id| facts.is_in(*id, set))
    {
        notes.push(text!["there is a ", other.kind(), " of that name"]);
    }
    notes.extend(holder(facts, gap, wanted, set, namespace));
    let configured = is_configured(ws, set);
    let (present, absent) = facts.tally(set, wanted.to);
    let mut verdict =
        if let Some(directory) = facts.examples(gap.resource.file).filter(|_| !configured) {
            Verdict::remark(NoFix::new(
                Code::Example,
                format!("it lies below {directory}/: whoever adapts it may make it"),
            ))
        } else if wanted.to == Target::Secret && !(absent == 1 && present > 1) {
            Verdict::remark(NoFix::new(
                Code::SecretElsewhere,
                "it has to be there before its reader: Secrets are often kept apart from manifests",
            ))
        } else if configured && wanted.to == Target::ConfigMap {
            let mut text = say::nothing_makes_it(ws, wanted.to.kind(), 0);
            text.push(say::look_it_up(wanted, namespace));
            Verdict::no_fix(Severity::Error, NoFix::new(Code::NotDefined, text))
        } else if (absent == 1 && present > 0) || !notes.is_empty() {
            let mut text = say::nothing_makes_it(ws, wanted.to.kind(), present);
            text.push(say::look_it_up(wanted, namespace));
            Verdict::no_fix(Severity::Warning, NoFix::new(Code::NotDefined, text))
        } else {
            Verdict::remark(NoFix::new(
                Code::PerhapsElsewhere,
                text![
                    say::nothing_makes_it(ws, wanted.to.kind(), 0),
                    "; whoever applies it may make it, or another set"
                ],
            ))
        };
    verdict.notes = notes;
    verdict
}

/// Another object of the set that has all keys that are wanted.
fn holder(
    facts: &Facts<'_, '_>,
    gap: &Gap<'_>,
    wanted: &Wanted<'_>,
    set: SetId,
    namespace: Option<&str>,
) -> Option<Text> {
    let ws = facts.workspace();
    let keys: Vec<&str> = gap
        .wanted
        .iter()
        .flat_map(|w| &w.keys)
        .map(|key| key.text)
        .collect();
    if keys.is_empty() || wanted.to == Target::Secret {
        return None;
    }
    let fits = |id: &ResourceId| {
        let held = ws.data_keys(*id);
        let here = ws
            .member(set, *id)
            .is_some_and(|m| may_equal(m.namespace.as_deref(), namespace));
        here && keys.iter().all(|key| held.iter().any(|h| h == key))
    };
    let mut holders = facts
        .holders(set, wanted.to, keys.first()?)
        .into_iter()
        .filter(fits);
    let (holder, None) = (holders.next()?, holders.next()) else {
        return None;
    };
    let what = if keys.len() == 1 {
        text!["key ", Field(keys[0])]
    } else {
        "all keys that are read".into()
    };
    Some(text![
        Named::new(wanted.to.kind(), &ws.resource(holder).name),
        " has ",
        what
    ])
}

/// What is optional only disappoints.
fn severity(wanted: &Wanted<'_>, worst: Severity) -> Severity {
    if wanted.optional {
        worst.min(Severity::Warning)
    } else {
        worst
    }
}

/// Where a resource says its name.
pub(super) fn place(facts: &Facts<'_, '_>, id: ResourceId) -> Option<Location> {
    name_of(facts.workspace(), id)
}

/// The same.
pub(super) fn name_of(workspace: &Workspace, id: ResourceId) -> Option<Location> {
    let node = workspace.node(id)?;
    Some(Location::of(
        workspace.resource(id).file,
        node.path(&["metadata", "name"]).unwrap_or(node),
    ))
}
