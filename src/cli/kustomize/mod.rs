//! `fix --kustomize`: roots are built by the user's kustomize, and what is found in what they build
//! is said of its source.
//!
//! What the roots read is copied, and each root of the copy built, with the annotations that say
//! where a resource comes from. What reading alone refused because a patch, a replacement or a
//! transformer may change it is decided by the build; where reading has an answer, it stands. A fix
//! goes into the file where every root that reads it wants the same, else into the root as a patch,
//! and is proven by building again.

mod copy;
mod decided;
mod delta;
mod documents;
mod found;
mod mend;
mod overlay;
mod patched;
mod prove;
mod renamed;
mod roots;
mod source;
mod tool;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context as _, Result};
use kubewright_model::finding::{NoFix, Severity};
use kubewright_model::kube::{BuildCode, Workspace};
use kubewright_model::text;
use kubewright_model::text::Text;
use rayon::prelude::*;

use super::ground::Ground;
use crate::pipeline::report::{FileChange, Outcome, Report, Reported};
use crate::pipeline::{INPUT, Known, Pipeline};
use copy::Copy;
use decided::Decided;
use mend::Mending;
use prove::{Bench, Builds, Texts};
use roots::Root;
use source::Sources;
use tool::Kustomize;

/// Builds roots and has the builds decide what is found.
///
/// # Errors
/// When there is no kustomize, or the tree cannot be copied.
pub(super) fn look(
    ground: &Ground,
    workspace: &Workspace,
    pipeline: &Pipeline<'_>,
    (program, known): (Option<&Path>, &[Known]),
    report: &mut Report,
) -> Result<()> {
    let roots = roots::roots(workspace, &ground.root);
    if roots.is_empty() {
        return Ok(());
    }
    let tool = Kustomize::find(program)?;
    let directories: BTreeSet<String> = roots
        .iter()
        .flat_map(|root| root.reads.iter().cloned())
        .collect();
    let in_git = ground.git_top.is_some();
    let copy = Copy::of(&ground.root, &directories, in_git);
    let copy = copy.context("cannot copy what is to be built")?;
    let bench = Bench {
        tool: &tool,
        copy: &copy,
        roots: &roots,
    };
    let fixed: Texts = (report.files.iter())
        .map(|file| (file.path.clone(), file.after.as_deref().map(str::to_owned)))
        .collect();
    let now = mend::with(workspace, &fixed);
    let (builds, failed) = build_all(&bench, &now, &fixed);
    let sources = Sources {
        before: workspace,
        now: &now,
    };
    let each: Vec<Vec<_>> = builds
        .par_iter()
        .filter_map(|(number, build)| {
            let root = roots.get(*number)?;
            Some(found::found(pipeline, &sources, (*number, root), build))
        })
        .collect();
    let groups = found::groups(&now, &roots, each.into_iter().flatten().collect());
    let mut decided = Decided::of(pipeline, workspace, known, report);
    let groups = decided.wanted(&now, &roots, groups);
    let mut mending = Mending {
        bench,
        before: workspace,
        now,
        first: builds.clone(),
        builds,
    };
    decided.decide(pipeline, &mut mending, groups, known, report);
    for (number, said) in &failed {
        if let Some(root) = roots.get(*number) {
            report.findings.push(unbuilt(root, said));
        }
    }
    for finding in &report.findings {
        if let Some(file) = workspace.file_at(&finding.place.path) {
            let text = file.text.clone();
            report.sources.entry(file.path.clone()).or_insert(text);
        }
    }
    report.files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(())
}

/// All roots with the fixes of the run, and why some are not built.
fn build_all(
    bench: &Bench<'_>,
    now: &Workspace,
    fixed: &Texts,
) -> (Builds, BTreeMap<usize, String>) {
    let mut texts = fixed.clone();
    for root in bench.roots {
        if let Some(file) = now.file_at(&root.path) {
            texts.insert(root.path.clone(), Some(file.text.to_string()));
        }
    }
    // Files that no root reads are not part of the copy.
    texts.retain(|path, _| bench.roots.iter().any(|root| root.may_read(path)));
    let mut failed = BTreeMap::new();
    let mut one_by_one = Texts::new();
    for (path, text) in texts {
        let one = Texts::from([(path.clone(), text.clone())]);
        if let Err(said) = bench.write(&one) {
            let of = bench.roots.iter().position(|root| root.path == path);
            failed.extend(of.map(|number| (number, said)));
        }
        one_by_one.insert(path, text);
    }
    let numbers: Vec<usize> = (0..bench.roots.len()).collect();
    let each: Vec<_> = numbers
        .into_par_iter()
        .filter(|number| !failed.contains_key(number))
        .filter_map(|number| Some((number, bench.build(bench.roots.get(number)?))))
        .collect();
    let mut builds = Builds::new();
    for (number, build) in each {
        match build {
            Ok(build) => drop(builds.insert(number, build)),
            Err(said) => drop(failed.insert(number, said)),
        }
    }
    (builds, failed)
}

/// A remark that a root is not built, with kustomize's own words.
fn unbuilt(root: &Root, said: &str) -> Reported {
    let reason = NoFix::new(
        BuildCode::NotBuilt,
        "what it builds was neither checked nor edited; nothing is fetched, no plugin runs, and \
         files that git ignores are not there",
    );
    let name = root.name();
    let message = format!("kustomize does not build {name}: {said}");
    let mut finding = Reported::unread(root.path.clone(), (1, 1), 0, message, reason);
    finding.transform = INPUT;
    finding.severity = Severity::Info;
    finding.outcome = Outcome::Left;
    finding
}

/// What a build would decide and was not asked to, for the summary.
pub(super) fn unseen(workspace: &Workspace, report: &Report) -> Option<Text> {
    let is_built = |finding: &&Reported| {
        let file = workspace.file_at(&finding.place.path);
        let all = file.map_or(&[][..], |file| workspace.resources_of(file.id));
        let about = finding.resource.as_ref();
        let mut about = all
            .iter()
            .filter(|r| about.is_some_and(|a| a.kind == r.kind && a.name == r.name));
        about.any(|resource| {
            let mut sets = workspace.sets_of(resource.id).into_iter();
            sets.any(|set| {
                let member = workspace.member(set, resource.id);
                member.is_some_and(|member| !member.through.is_empty())
            })
        })
    };
    let open = report.findings.iter().filter(|f| decided::is_open(f));
    let open = open.filter(is_built).count();
    let findings = match open {
        0 => return None,
        1 => "1 finding is".to_owned(),
        n => format!("{n} findings are"),
    };
    Some(text![
        findings,
        " left open by what kustomize changes: --kustomize has your kustomize build, and decides \
         by what comes out"
    ])
}

/// Adds the changed files to the report.
fn change(workspace: &Workspace, report: &mut Report, new: &Texts) {
    for (path, text) in new {
        let after = text.as_deref().map(Into::into);
        match report.files.iter_mut().find(|file| file.path == *path) {
            Some(file) => file.after = after,
            None => report.files.push(FileChange {
                path: path.clone(),
                before: workspace.file_at(path).map(|file| file.text.clone()),
                after,
            }),
        }
    }
}
