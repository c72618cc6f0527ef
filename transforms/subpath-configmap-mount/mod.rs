//! `subpath-configmap-mount`: ConfigMap, Secret and projected volumes mounted through subPath, which a running pod never sees change.
//!
//! For each container, each mount is put into a row of the decision table ([`decide`]). Directories (D1, D2) are rewritten one by one. The
//! files that are left share one entrypoint wrapper, so they are one finding with one fix, if its proofs hold ([`proof`]); mounts that
//! stay are one finding for each reason. A fix claims the workload, so further containers follow in the next passes.

mod decide;
mod mounts;
mod objects;
mod pod;
mod proof;
mod rewrite;
mod say;
mod volume;
mod wrapper;

use std::collections::{BTreeMap, BTreeSet};

use kubewright_model::finding::{Applicability, Change, Finding, Fix, Location, NoFix, Severity};
use kubewright_model::kube::images::{self, Question};
use kubewright_model::kube::{ContainerKind, Resource};
use kubewright_model::yaml::{Edit, Node};

use self::decide::{Case, Decision};
use self::pod::{Own, Pod};
use self::rewrite::Linked;
use crate::{Context, Meta, Transform};

/// See the page of the transform.
pub(crate) struct SubPathConfigMapMount;

static META: Meta = Meta {
    name: "subpath-configmap-mount",
    summary: "ConfigMap and Secret volumes mounted through subPath, which a running pod never sees change",
    applicability: Applicability::Safe,
    since: "0.1.0",
    docs: include_str!("README.md"),
};

impl Transform for SubPathConfigMapMount {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn check(&self, cx: &Context<'_>) -> Vec<Finding> {
        let mut findings = Vec::new();
        if !cx.settings.subpath_configmap_mount.enabled {
            return findings;
        }
        for resource in cx.workspace.resources() {
            if !may_mount(cx, resource) {
                continue;
            }
            let Some(node) = cx.workspace.node(resource.id) else { continue };
            for template in cx.workspace.pod_templates(resource.id) {
                let of_part = |m: &mounts::Mount<'_>| m.sub_path.is_some() || m.expression;
                if !template.containers().iter().any(|c| mounts::of(c.node).iter().any(of_part)) {
                    continue;
                }
                let pod = Pod::new(*cx, resource.id, node, template);
                for own in pod.containers.iter().filter(|own| own.container.kind != ContainerKind::Ephemeral) {
                    container(&pod, own, &mut findings);
                }
            }
        }
        findings
    }
}

/// Whether a container of the resource may mount something through `subPath` or `subPathExpr`.
fn may_mount(cx: &Context<'_>, resource: &Resource) -> bool {
    cx.workspace.carries_pods(resource.id) && cx.workspace.may_hold(resource.id, "subPath")
}

/// What would have to be known of the images of the workspace to decide the mounts of their containers.
pub(crate) fn questions(cx: &Context<'_>) -> Vec<Question> {
    let mut asked: BTreeMap<(String, String), BTreeSet<String>> = BTreeMap::new();
    for resource in cx.workspace.resources() {
        if !may_mount(cx, resource) {
            continue;
        }
        for template in cx.workspace.pod_templates(resource.id) {
            for container in template.containers() {
                let paths = mounts::of(container.node).into_iter().filter(|m| m.sub_path.is_some()).filter_map(|m| m.path);
                let paths: Vec<String> = paths.flat_map(|p| [mounts::parent(&p).to_owned(), p]).collect();
                let image = container.node.get("image").and_then(Node::text).and_then(images::normalise);
                if let Some(image) = image.filter(|_| !paths.is_empty()) {
                    asked.entry((image, images::platform(&template))).or_default().extend(paths);
                }
            }
        }
    }
    asked.into_iter().map(|((image, platform), paths)| Question { image, platform, paths }).collect()
}

/// All findings about one container.
fn container(pod: &Pod<'_>, own: &Own<'_>, findings: &mut Vec<Finding>) {
    let decisions: Vec<Decision<'_, '_>> = own.mounts.iter().filter_map(|mount| decide::decide(pod, own, mount)).collect();
    let mut kept: Vec<(&Decision<'_, '_>, NoFix)> = Vec::new();
    let mut linked: Vec<Linked<'_, '_, '_>> = Vec::new();
    let mut unproven = Vec::new();
    for decision in &decisions {
        match &decision.case {
            Case::Missing(no_fix) => {
                findings.push(finding(pod, Severity::Error, &[decision], missing(decision), Vec::new(), Err(no_fix.clone())));
            }
            Case::Settled(no_fix) => {
                let message = format!("{} is mounted through subPath", decision.source.display());
                findings.push(finding(pod, Severity::Info, &[decision], message, Vec::new(), Err(no_fix.clone())));
            }
            Case::Keep(no_fix) => kept.push((decision, no_fix.clone())),
            Case::Directory(files) => match rewrite::directory(pod, decision, files) {
                Ok(edits) => findings.push(directory(pod, decision, edits)),
                Err(no_fix) => kept.push((decision, no_fix)),
            },
            Case::Beside(source, item, outer) => match rewrite::beside(pod, decision, *source, item, outer) {
                Ok(edits) => {
                    let title = format!("join it with the volume {} in one projected volume at {}", outer.volume, outer.written);
                    findings.push(offered(pod, &[decision], fixed(pod, &[decision], title, edits, true, Vec::new())));
                }
                Err(no_fix) => kept.push((decision, no_fix)),
            },
            Case::File(source, item) => match proof::link(pod, own, decision.mount, &mut unproven) {
                Ok(target) => linked.push(Linked { decision, source: *source, item: item.clone(), target }),
                Err(no_fix) => kept.push((decision, no_fix)),
            },
        }
    }
    if !linked.is_empty() {
        match links(pod, own, &linked, unproven) {
            Ok(finding) => findings.push(finding),
            Err(no_fix) => kept.extend(linked.iter().map(|l| (l.decision, no_fix.clone()))),
        }
    }
    keep(pod, &kept, findings);
}

/// D1: unsafe, because the directory is now one that the kubelet manages. A config hash is no cure here: the kubelet deletes the directory
/// that is mounted before any pod is replaced.
fn directory(pod: &Pod<'_>, decision: &Decision<'_, '_>, edits: Vec<Edit>) -> Finding {
    let title =
        format!("mount a projected volume with just the files of {} at {}", decision.mount.sub_path.unwrap_or(""), decision.mount.written);
    let note = "a program that reads the directory recursively meets ..data and the directory it points to, too".to_owned();
    let message =
        format!("a directory of {} is mounted through subPath; a change takes its files away from running pods", decision.source.display());
    Finding { message, severity: Severity::Warning, ..fixed(pod, &[decision], title, edits, false, vec![note]) }
}

/// W1 for all files of a container.
fn links(pod: &Pod<'_>, own: &Own<'_>, linked: &[Linked<'_, '_, '_>], mut unproven: Vec<String>) -> Result<Finding, NoFix> {
    let proof = proof::container(pod, own)?;
    let (edits, directories) = rewrite::links(pod, own, &proof, linked)?;
    unproven.extend(proof.unproven);
    let volumes = if directories.len() == 1 { "a projected volume" } else { "projected volumes" };
    let files = if linked.len() == 1 { "file" } else { "files" };
    let title = format!("mount {volumes} at {}, link the {files} from the entrypoint", say::list(&directories));
    let mut notes = Vec::new();
    if let Some(stated) = &proof.stated {
        notes.push(say::proven(stated, &proof.program));
    }
    if !unproven.is_empty() {
        notes.push(format!("not proven: {}", unproven.join("; ")));
        if proof.stated.is_none() || unproven.iter().any(|what| what.ends_with("`)")) {
            notes.push(say::to_state(pod, own, false));
        }
    }
    let decisions: Vec<&Decision<'_, '_>> = linked.iter().map(|l| l.decision).collect();
    Ok(offered(pod, &decisions, fixed(pod, &decisions, title, edits, unproven.is_empty(), notes)))
}

/// S1: one finding for each reason.
fn keep(pod: &Pod<'_>, kept: &[(&Decision<'_, '_>, NoFix)], findings: &mut Vec<Finding>) {
    let mut reasons: Vec<&NoFix> = Vec::new();
    for (_, no_fix) in kept {
        if !reasons.contains(&no_fix) {
            reasons.push(no_fix);
        }
    }
    for reason in reasons {
        let decisions: Vec<&Decision<'_, '_>> = kept.iter().filter(|(_, r)| r == reason).map(|(d, _)| *d).collect();
        let (severity, staleness) = say::staleness(pod, &decisions);
        findings.push(finding(pod, severity, &decisions, say::message(&decisions), vec![staleness], Err(reason.clone())));
    }
}

fn missing(decision: &Decision<'_, '_>) -> String {
    let sub_path = decision.mount.sub_path.unwrap_or("");
    format!("{sub_path} of the volume {} is mounted through subPath and does not exist", decision.volume.name)
}

/// A finding with a fix; `proven` says whether nothing about running pods is left to chance.
fn fixed(pod: &Pod<'_>, decisions: &[&Decision<'_, '_>], title: String, edits: Vec<Edit>, proven: bool, mut notes: Vec<String>) -> Finding {
    if pod.must_be_recreated() {
        let kind = &pod.cx.workspace.resource(pod.id).kind;
        notes.push(format!("a {kind} cannot take this change in place: delete it and create it again"));
    }
    let safe = proven && !pod.must_be_recreated();
    let applicability = if safe { Applicability::Safe } else { Applicability::Unsafe };
    let changes = edits.into_iter().map(|edit| Change::Edit(pod.file, edit)).collect();
    let fix = Fix { title, applicability, changes, claims: vec![pod.id] };
    finding(pod, Severity::Warning, decisions, say::message(decisions), notes, Ok(fix))
}

/// Says of a finding whose fix is only offered how much it matters until then.
fn offered(pod: &Pod<'_>, decisions: &[&Decision<'_, '_>], mut finding: Finding) -> Finding {
    if finding.fix.as_ref().is_ok_and(|fix| fix.applicability != Applicability::Safe) {
        let (severity, staleness) = say::staleness(pod, decisions);
        finding.severity = severity;
        finding.notes.push(format!("as long as the subPath stays, {staleness}"));
    }
    finding
}

fn finding(
    pod: &Pod<'_>,
    severity: Severity,
    decisions: &[&Decision<'_, '_>],
    message: String,
    notes: Vec<String>,
    fix: Result<Fix, NoFix>,
) -> Finding {
    let mut related: Vec<(Location, String)> = decisions.iter().map(|d| (place(pod, d), label(d))).collect();
    let primary = related.first().map_or_else(|| Location::of(pod.file, pod.template.node), |(place, _)| place.clone());
    related.retain(|(_, label)| !label.is_empty());
    Finding { transform: META.name, severity, message, primary, related, resource: Some(pod.id), notes, fix }
}

/// The first entry of a mount, where its item begins.
fn place(pod: &Pod<'_>, decision: &Decision<'_, '_>) -> Location {
    let node = decision.mount.node;
    match node.entries().next() {
        Some((key, value)) => Location { file: pod.file, span: key.span().start..value.span().end.max(key.span().end) },
        None => Location::of(pod.file, node),
    }
}

fn label(decision: &Decision<'_, '_>) -> String {
    format!("{} at {}", decision.mount.sub_path.unwrap_or("a file"), decision.mount.written)
}
