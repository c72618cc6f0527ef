//! `subpath-configmap-mount`: ConfigMap, Secret and projected volumes mounted through subPath,
//! which a running pod never sees change.
//!
//! For each container, each mount is given the first strategy of the page that fits ([`decide`]).
//! What is decided by the mount alone is rewritten one by one, each way in its own file
//! ([`directory`], [`join`]). For the files that are left the least invasive strategy is chosen
//! that is proven ([`choose`]): [`own_directory`], [`repoint`], [`link`]. Mounts that stay are one
//! finding for each reason. A fix claims the workload, so further containers, and further
//! strategies for the same container, follow in the next passes.

mod choose;
mod codes;
mod copy;
mod cure;
mod decide;
mod directory;
mod facts;
mod file;
mod installed;
mod join;
mod link;
mod linked_directory;
mod minds;
mod mounts;
mod objects;
mod options;
mod ordinal;
mod own_directory;
mod pod;
mod repoint;
mod say;
mod scripts;
#[cfg(test)]
mod tests;
mod texts;
mod user;
mod volume;
mod wrapper;

use kubewright_model::finding::{
    Applicability, Change, Finding, Fix, Location, NoFix, Severity, Subject,
};
use kubewright_model::kube::images::Question;
use kubewright_model::kube::{ContainerKind, Resource};
use kubewright_model::text;
use kubewright_model::text::{Text, Verbatim};
use kubewright_model::yaml::{Edit, Word};

use self::choose::Rewrite;
use self::codes::Code;
use self::decide::{Case, Decision};
use self::facts::{Basis, Facts};
use self::file::File;
pub(crate) use self::options::Options;
use self::options::Strategy;
use self::pod::{Own, Pod};
use crate::{Context, Meta, Transform};

/// See the page of the transform.
pub(crate) struct SubPathConfigMapMount;

static META: Meta = Meta {
    name: "subpath-configmap-mount",
    summary: "ConfigMap and Secret volumes mounted through subPath, which a running pod never \
              sees change",
    applicability: Applicability::Safe,
    isolated: false,
    since: "0.1.0",
    docs: include_str!("README.md"),
    codes: Code::ALL,
};

impl Transform for SubPathConfigMapMount {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn check(&self, cx: &Context<'_>) -> Vec<Finding> {
        let mut findings = Vec::new();
        for_each_container(cx, |pod, own| container(pod, own, &mut findings));
        findings.extend(installed::findings(cx));
        findings
    }

    fn questions(&self, cx: &Context<'_>) -> Vec<Question> {
        questions(cx)
    }
}

/// Whether a container of the resource may mount something through `subPath` or `subPathExpr`.
fn may_mount(cx: &Context<'_>, resource: &Resource) -> bool {
    static SUB_PATH: Word = Word::new("subPath");
    cx.workspace.carries_pods(resource.id) && cx.workspace.may_hold(resource.id, &SUB_PATH)
}

/// What would have to be known of the images of the workspace to decide the mounts of their
/// containers: what the strategies that are not ruled out already ask, and nothing of images whose
/// findings are proven without.
fn questions(cx: &Context<'_>) -> Vec<Question> {
    let mut asked = Vec::new();
    for_each_container(cx, |pod, own| {
        let decisions = decisions(pod, own);
        let mut ignored = Vec::new();
        asked.extend(choose::questions(
            pod,
            own,
            &files(own, &decisions, &mut ignored),
        ));
    });
    Question::merged(asked)
}

/// Visits each container of pods that mount something through subPath; a debug container's mounts
/// are not in any manifest.
fn for_each_container(cx: &Context<'_>, mut visit: impl FnMut(&Pod<'_>, &Own<'_>)) {
    for resource in cx.workspace.resources() {
        if !may_mount(cx, resource) {
            continue;
        }
        let Some(node) = cx.workspace.node(resource.id) else {
            continue;
        };
        for template in cx.workspace.pod_templates(resource.id) {
            let of_part = |m: &mounts::Mount<'_>| m.sub_path.is_some() || m.expression;
            if !template
                .containers()
                .iter()
                .any(|c| mounts::of(c.node).iter().any(of_part))
            {
                continue;
            }
            let pod = Pod::new(*cx, resource.id, node, template);
            pod.containers
                .iter()
                .filter(|own| own.container.kind != ContainerKind::Ephemeral)
                .for_each(|own| visit(&pod, own));
        }
    }
}

fn decisions<'a>(pod: &'a Pod<'_>, own: &'a Own<'a>) -> Vec<Decision<'a>> {
    own.mounts
        .iter()
        .filter_map(|mount| decide::decide(pod, own, mount))
        .collect()
}

/// The files among the decisions that a strategy may take over; the others are added to `kept`.
fn files<'a>(
    own: &Own<'_>,
    decisions: &'a [Decision<'a>],
    kept: &mut Vec<(&'a Decision<'a>, NoFix)>,
) -> Vec<File<'a>> {
    let mut files = Vec::new();
    for decision in decisions {
        let Case::File(source, item) = &decision.case else {
            continue;
        };
        match file::target(own, decision.mount) {
            Ok(target) => files.push(File {
                decision,
                source: *source,
                item: item.clone(),
                target,
            }),
            Err(no_fix) => kept.push((decision, no_fix)),
        }
    }
    files
}

/// All findings about one container.
fn container(pod: &Pod<'_>, own: &Own<'_>, findings: &mut Vec<Finding>) {
    let decisions = decisions(pod, own);
    let mut kept: Vec<(&Decision<'_>, NoFix)> = Vec::new();
    for decision in &decisions {
        match by_itself(pod, own, decision) {
            Ok(finding) => findings.extend(finding),
            Err(no_fix) => kept.push((decision, no_fix)),
        }
    }
    let files = files(own, &decisions, &mut kept);
    // Where nothing is to be decided nobody needs to know the image.
    let facts = if files.is_empty() {
        Ok(Facts::default())
    } else {
        Facts::of(pod, own, true)
    };
    match facts {
        Ok(facts) => {
            let choice = choose::choose(pod, own, &facts, &files);
            let rewrites = choice.rewrites.into_iter();
            findings.extend(rewrites.map(|rewrite| rewritten(pod, own, &facts, rewrite)));
            kept.extend(
                choice
                    .kept
                    .into_iter()
                    .map(|(file, no_fix)| (file.decision, no_fix)),
            );
        }
        Err(no_fix) => kept.extend(files.iter().map(|file| (file.decision, no_fix.clone()))),
    }
    keep(pod, &kept, findings);
}

/// What a mount alone decides; `None` for a file, which is decided together with the others of its
/// container.
///
/// # Errors
/// Why the mount stays; those that stay for one reason are one finding.
fn by_itself(
    pod: &Pod<'_>,
    own: &Own<'_>,
    decision: &Decision<'_>,
) -> Result<Option<Finding>, NoFix> {
    let said = |severity: Severity, message: Text, no_fix: &NoFix| {
        let fix = Err(no_fix.clone());
        finding(pod, severity, &[decision], message, Vec::new(), fix)
    };
    let found = match &decision.case {
        Case::Missing(no_fix) => said(Severity::Error, missing(decision), no_fix),
        Case::Token(no_fix) => {
            let message = format!(
                "the service account token of the volume {} is mounted through subPath: it is \
                 never renewed, and expires under the program",
                decision.volume.name
            );
            said(Severity::Error, message.into(), no_fix)
        }
        Case::Settled(no_fix) => {
            let message = text![decision.source.display(), " is mounted through subPath"];
            said(Severity::Info, message, no_fix)
        }
        Case::Keep(no_fix) => return Err(no_fix.clone()),
        Case::Directory(_) if !choose::allowed(pod, Strategy::Directory) => {
            return Err(choose::forbidden());
        }
        Case::Directory(files) => {
            let (edits, basis) = directory::rewrite(pod, own, decision, files)?;
            whole_directory(pod, decision, edits, &basis)
        }
        Case::Beside(source, item, outer) => {
            let (edits, basis) = join::rewrite(pod, own, decision, *source, item, outer)?;
            let title = text![
                "join it with the volume ",
                &outer.volume,
                " in one projected volume at ",
                Verbatim(outer.written)
            ];
            let finding = fixed(pod, &[decision], title, edits, &basis);
            offered(pod, &[decision], finding)
        }
        Case::File(..) => return Ok(None),
    };
    Ok(Some(found))
}

/// The finding about files that a strategy was chosen for.
fn rewritten(pod: &Pod<'_>, own: &Own<'_>, facts: &Facts, rewrite: Rewrite<'_>) -> Finding {
    let decisions: Vec<&Decision<'_>> = rewrite.files.iter().map(|f| f.decision).collect();
    let basis = &rewrite.basis;
    let mut finding = fixed(pod, &decisions, rewrite.title, rewrite.edits, basis);
    if !basis.proven() {
        let to_prove = say::to_prove(pod, own, facts, rewrite.strategy, &rewrite.files);
        finding.notes.extend(to_prove);
    }
    finding.notes.extend(rewrite.notes);
    let mut finding = offered(pod, &decisions, finding);
    if rewrite.busy && finding.severity == Severity::Info {
        finding.severity = Severity::Warning;
    }
    finding
}

/// A config hash is no cure for a directory: the kubelet deletes the one that is mounted before any
/// pod is replaced.
fn whole_directory(
    pod: &Pod<'_>,
    decision: &Decision<'_>,
    edits: Vec<Edit>,
    basis: &Basis,
) -> Finding {
    let title = text![
        "mount a projected volume with just the files of ",
        Verbatim(decision.mount.sub_path.unwrap_or("")),
        " at ",
        Verbatim(decision.mount.written)
    ];
    let message = text![
        "a directory of ",
        decision.source.display(),
        " is mounted through subPath; a change takes its files away from running pods"
    ];
    Finding {
        message,
        severity: Severity::Warning,
        ..fixed(pod, &[decision], title, edits, basis)
    }
}

/// One finding for each reason.
fn keep(pod: &Pod<'_>, kept: &[(&Decision<'_>, NoFix)], findings: &mut Vec<Finding>) {
    let mut reasons: Vec<&NoFix> = Vec::new();
    for (_, no_fix) in kept {
        if !reasons.contains(&no_fix) {
            reasons.push(no_fix);
        }
    }
    for reason in reasons {
        let decisions: Vec<&Decision<'_>> = kept
            .iter()
            .filter(|(_, r)| r == reason)
            .map(|(d, _)| *d)
            .collect();
        let (severity, staleness) = cure::staleness(pod, &decisions);
        let kept = finding(
            pod,
            severity,
            &decisions,
            say::message(&decisions),
            vec![staleness],
            Err(reason.clone()),
        );
        findings.push(does_not_start(&decisions, kept));
    }
}

fn missing(decision: &Decision<'_>) -> Text {
    let sub_path = decision
        .mount
        .sub_path
        .or(decision.mount.expr)
        .unwrap_or("");
    text![
        Verbatim(sub_path),
        " of the volume ",
        &decision.volume.name,
        " is mounted through subPath and does not exist"
    ]
}

/// A finding with a fix, safe if what it rests on is proven.
fn fixed(
    pod: &Pod<'_>,
    decisions: &[&Decision<'_>],
    title: Text,
    edits: Vec<Edit>,
    basis: &Basis,
) -> Finding {
    let mut notes = basis.notes();
    if pod.must_be_recreated() {
        let kind = &pod.cx.workspace.resource(pod.id).kind;
        notes.push(text![
            "a ",
            kind,
            " cannot take this change in place: delete it and create it again"
        ]);
    }
    let ends = decisions.iter().all(|d| d.ends);
    if ends {
        notes.push(
            "not needed: the container ends, and reads the content anew each time it starts".into(),
        );
    }
    let safe = basis.proven() && !ends && !pod.must_be_recreated();
    let applicability = if safe {
        Applicability::Safe
    } else {
        Applicability::Unsafe
    };
    let changes = edits
        .into_iter()
        .map(|edit| Change::Edit(pod.file, edit))
        .collect();
    let fix = Fix {
        title,
        applicability,
        changes,
        claims: vec![pod.id],
    };
    finding(
        pod,
        Severity::Warning,
        decisions,
        say::message(decisions),
        notes,
        Ok(fix),
    )
}

/// Says of files within a volume that is read-only what comes first: the container does not start.
fn does_not_start(decisions: &[&Decision<'_>], finding: Finding) -> Finding {
    let Some((decision, volume)) = decisions.iter().find_map(|d| Some((d, d.nested?))) else {
        return finding;
    };
    let message = text![
        decision.source.display(),
        " is mounted at ",
        Verbatim(decision.mount.written),
        ", within the volume ",
        &volume,
        ", which is read-only: there is no place to mount it, and the container does not start"
    ];
    let names = [
        decision.source.display().to_string(),
        decision.mount.written.to_string(),
    ];
    Finding {
        subject: Subject::new("nested", names),
        message,
        severity: Severity::Error,
        ..finding
    }
}

/// Says of a finding whose fix is only offered how much it matters until then.
fn offered(pod: &Pod<'_>, decisions: &[&Decision<'_>], mut finding: Finding) -> Finding {
    if finding
        .fix
        .as_ref()
        .is_ok_and(|fix| fix.applicability != Applicability::Safe)
    {
        let (severity, staleness) = cure::staleness(pod, decisions);
        finding.severity = severity;
        finding
            .notes
            .push(text!["as long as the subPath stays, ", staleness]);
    }
    does_not_start(decisions, finding)
}

fn finding(
    pod: &Pod<'_>,
    severity: Severity,
    decisions: &[&Decision<'_>],
    message: Text,
    notes: Vec<Text>,
    fix: Result<Fix, NoFix>,
) -> Finding {
    let mut related: Vec<(Location, Text)> = decisions
        .iter()
        .map(|d| (place(pod, d), label(d)))
        .collect();
    let primary = related.first().map_or_else(
        || Location::of(pod.file, pod.template.node),
        |(place, _)| place.clone(),
    );
    related.retain(|(_, label)| !label.is_empty());
    let (hazard, names) = subject(decisions);
    META.finding(severity, primary, message)
        .subject(hazard, names)
        .related(related)
        .about(pod.id)
        .notes(notes)
        .fix(fix)
}

/// What mounts of one kind are about: what they mount, and where several are mounted, which.
fn subject(decisions: &[&Decision<'_>]) -> (&'static str, Vec<String>) {
    let volume = |d: &Decision<'_>| d.volume.name.to_owned();
    let mut names: Vec<String> = Vec::new();
    for name in decisions.iter().map(|d| d.source.display().to_string()) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    match decisions {
        [d] if matches!(d.case, Case::Missing(_)) => {
            let path = d.mount.sub_path.or(d.mount.expr).unwrap_or("");
            ("missing", vec![path.to_owned(), volume(d)])
        }
        [d] if matches!(d.case, Case::Token(_)) => ("token", vec![volume(d)]),
        [d] if matches!(d.case, Case::Settled(_)) => ("settled", names),
        [d] if matches!(d.case, Case::Directory(_)) => ("directory", names),
        _ => ("file", names),
    }
}

/// The first entry of a mount, where its item begins.
fn place(pod: &Pod<'_>, decision: &Decision<'_>) -> Location {
    let node = decision.mount.node;
    match node.entries().next() {
        Some((key, value)) => Location {
            file: pod.file,
            span: key.span().start..value.span().end.max(key.span().end),
        },
        None => Location::of(pod.file, node),
    }
}

fn label(decision: &Decision<'_>) -> Text {
    text![
        decision
            .mount
            .sub_path
            .or(decision.mount.expr)
            .unwrap_or("a file"),
        " at ",
        &decision.mount.written
    ]
}
