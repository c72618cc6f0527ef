//! Which fixes go together into one pass, and their application file by file, all or nothing for
//! each fix.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use kubewright_model::finding::{Applicability, Change, Finding, Fix, NoFix, Severity};
use kubewright_model::kube::purpose;
use kubewright_model::kube::{AsideCode, FileId, Input, ResourceId, Workspace};
use kubewright_model::yaml::{Edit, verify};
use rayon::prelude::*;

use super::Code;
use crate::typed;

/// What became of the fixes of a pass.
#[derive(Default)]
pub(super) struct FixResult {
    /// New text of each edited file.
    pub(super) texts: BTreeMap<FileId, Arc<str>>,
    /// New files.
    pub(super) created: Vec<Input>,
    /// Files that go.
    pub(super) deleted: Vec<FileId>,
    /// Indices of the findings whose fix is applied.
    pub(super) applied: BTreeSet<usize>,
    /// Indices of the findings whose fix is not, and why.
    pub(super) refused: Vec<(usize, NoFix)>,
}

/// Whether every change of the fix lies within the PATHs.
pub(super) fn allowed(workspace: &Workspace, transform: &str, fix: &Fix) -> Result<(), NoFix> {
    let outside = |path: &str| {
        Err(NoFix::new(
            Code::OutsidePaths,
            format!("would have to change {path}, which is outside of what was asked for"),
        ))
    };
    for change in &fix.changes {
        match change {
            Change::Edit(file, _) | Change::Delete(file) => {
                let file = workspace.file(*file);
                if !file.editable
                    || (workspace.options().stream && matches!(change, Change::Delete(_)))
                {
                    return outside(&file.path);
                }
            }
            Change::Create(path, text) => {
                if workspace.options().stream || !may_create(workspace, fix, path) {
                    return outside(path);
                }
                if workspace.file_at(path).is_some_and(|f| *f.text != **text) {
                    return Err(NoFix::new(
                        Code::PathTaken,
                        format!("would create {path}, which exists and differs"),
                    ));
                }
            }
        }
    }
    if fix.changes.is_empty() && fix.applicability != Applicability::DisplayOnly {
        return Err(NoFix::new(
            Code::NoChange,
            format!("{} changes nothing ({transform})", fix.title),
        ));
    }
    Ok(())
}

/// Makes no fix that would edit what is kept elsewhere, or what is not deployed as it stands:
/// nothing bites there.
pub(super) fn leave_aside(workspace: &Workspace, finding: &mut Finding) {
    let of_change = |change: &Change| match change {
        Change::Edit(file, _) | Change::Delete(file) => workspace.aside(*file),
        Change::Create(path, _) => workspace.aside_at(path),
    };
    let here = workspace.aside(finding.primary.file);
    let aside = match &finding.fix {
        Ok(fix) if fix.applicability != Applicability::DisplayOnly => {
            let of_resource = || finding.resource.and_then(|id| workspace.aside_of(id));
            here.clone()
                .or_else(of_resource)
                .or_else(|| fix.changes.iter().find_map(of_change))
        }
        _ => None,
    };
    // Libraries bring manifests that nobody applies, and input of tests is often wrong on purpose.
    let path = &workspace.file(finding.primary.file).path;
    let not_used = here.as_ref().is_some_and(|aside| {
        matches!(aside.code, AsideCode::TestFixture | AsideCode::Template)
            || purpose::is_of_library(path)
    });
    let is_aside = here.is_some() || aside.is_some();
    if not_used || finding.severity == Severity::Warning && is_aside {
        finding.severity = Severity::Info;
    }
    if let Some(aside) = aside {
        finding.fix = Err(NoFix::new(aside.code, aside.text));
        // They tell what the fix would have done.
        finding.notes.clear();
    }
}

/// A fix that gives up a comment is not safe: what people wrote for each other goes only when they
/// say so.
pub(super) fn demote(workspace: &Workspace, fix: &mut Fix) {
    let loses = |change: &Change| match change {
        Change::Edit(_, edit) => !edit.lost_comments.is_empty(),
        Change::Delete(file) => !fix.comments_lost_with(workspace, *file).is_empty(),
        Change::Create(..) => false,
    };
    if fix.changes.iter().any(loses) {
        fix.applicability = fix.applicability.min(Applicability::Unsafe);
    }
}

/// A file may be created beside, or below, a file that may be edited; and above them where all
/// resources of the fix are, if all of their files may be edited.
fn may_create(workspace: &Workspace, fix: &Fix, path: &str) -> bool {
    let directory = |p: &str| {
        p.rsplit_once('/')
            .map_or(String::new(), |(d, _)| format!("{d}/"))
    };
    let new = directory(path);
    let safe = !path.starts_with('/') && path.split('/').all(|s| !matches!(s, "" | "." | ".."));
    let below = || {
        let mut files = workspace.files().iter();
        files.any(|f| f.editable && new.starts_with(&directory(&f.path)))
    };
    let above = || {
        let ids = workspace
            .resources()
            .iter()
            .filter(|r| fix.claims.contains(&r.id));
        let files: BTreeSet<FileId> = ids.map(|r| r.file).collect();
        files.len() > 1
            && files.into_iter().all(|file| {
                let file = workspace.file(file);
                file.editable && file.path.starts_with(&new)
            })
    };
    safe && (below() || above())
}

/// Indices of the findings whose fixes are taken in this pass: the first of each conflict, in
/// order.
pub(super) fn select(
    workspace: &Workspace,
    findings: &[Finding],
    applicable: impl Fn(usize, &Finding, &Fix) -> bool,
) -> Vec<usize> {
    let mut claimed: BTreeSet<ResourceId> = BTreeSet::new();
    let mut taken = Taken::default();
    let mut out = Vec::new();
    for (index, finding) in findings.iter().enumerate() {
        let Ok(fix) = &finding.fix else { continue };
        if applicable(index, finding, fix)
            && !fix.claims.iter().any(|c| claimed.contains(c))
            && taken.add(workspace, fix)
        {
            claimed.extend(fix.claims.iter().copied());
            out.push(index);
        }
    }
    out
}

/// What fixes change that go together.
#[derive(Default)]
struct Taken<'f> {
    edits: BTreeMap<FileId, BTreeSet<(usize, usize)>>,
    deleted: BTreeSet<FileId>,
    created: BTreeSet<&'f str>,
}

impl<'f> Taken<'f> {
    /// Takes a fix that changes something, if it changes nothing that another one does.
    fn add(&mut self, workspace: &Workspace, fix: &'f Fix) -> bool {
        let free = fix.changes.iter().all(|change| match change {
            Change::Edit(file, edit) => {
                !self.deleted.contains(file)
                    && self
                        .edits
                        .get(file)
                        .is_none_or(|taken| edit.splices.iter().all(|s| free_of(taken, &s.range)))
            }
            Change::Delete(file) => !self.deleted.contains(file) && !self.edits.contains_key(file),
            Change::Create(path, _) => !self.created.contains(path.as_str()),
        });
        let idle = fix
            .changes
            .iter()
            .all(|c| matches!(c, Change::Create(path, _) if workspace.file_at(path).is_some()));
        if !free || idle {
            return false;
        }
        for change in &fix.changes {
            match change {
                Change::Edit(file, edit) => {
                    self.edits
                        .entry(*file)
                        .or_default()
                        .extend(edit.splices.iter().map(|s| (s.range.start, s.range.end)));
                }
                Change::Delete(file) => _ = self.deleted.insert(*file),
                Change::Create(path, _) => _ = self.created.insert(path),
            }
        }
        true
    }
}

/// Whether `range` touches none of the ranges taken before, which do not overlap each other; two
/// insertions at one byte do touch.
fn free_of(taken: &BTreeSet<(usize, usize)>, range: &Range<usize>) -> bool {
    taken
        .range(..=(range.end, usize::MAX))
        .rev()
        .take_while(|(_, end)| *end >= range.start)
        .all(|(start, end)| {
            start != end && !range.is_empty() && (*start >= range.end || range.start >= *end)
        })
}

/// Applies the fixes of `taken`; where a file refuses, as many of its fixes as can be.
pub(super) fn apply(workspace: &Workspace, findings: &[Finding], taken: &[usize]) -> FixResult {
    let fixes: Vec<(usize, &Fix)> = taken
        .iter()
        .filter_map(|i| Some((*i, findings.get(*i)?.fix.as_ref().ok()?)))
        .collect();
    let mut result = FixResult::default();
    let mut edits: BTreeMap<FileId, Vec<&Edit>> = BTreeMap::new();
    for (_, fix) in &fixes {
        collect(fix, &mut edits);
    }
    let mut doubtful: BTreeSet<FileId> = BTreeSet::new();
    let texts: Vec<_> = edits
        .par_iter()
        .map(|(file, edits)| (*file, text_after(workspace, *file, edits)))
        .collect();
    for (file, text) in texts {
        match text {
            Ok(text) => _ = result.texts.insert(file, text),
            Err(_) => _ = doubtful.insert(file),
        }
    }
    let in_doubt = |fix: &Fix| {
        fix.changes
            .iter()
            .any(|c| matches!(c, Change::Edit(file, _) if doubtful.contains(file)))
    };
    let (questioned, good): (Vec<_>, Vec<_>) =
        fixes.into_iter().partition(|(_, fix)| in_doubt(fix));
    if !questioned.is_empty() {
        edits.clear();
        for (_, fix) in &good {
            collect(fix, &mut edits);
        }
        // Files that only questioned fixes touch are filled in again below.
        result.texts.retain(|file, _| edits.contains_key(file));
        for (file, edits) in &edits {
            if let Ok(text) = text_after(workspace, *file, edits) {
                result.texts.insert(*file, text);
            }
        }
    }
    for (index, fix) in good {
        accept(fix, index, &mut result);
    }
    // All of them together were tried above.
    let (first, second) = questioned.split_at(questioned.len() / 2);
    as_many(workspace, first, &mut edits, &mut result);
    as_many(workspace, second, &mut edits, &mut result);
    result
}

/// Applies as many of `fixes` as can be, in order, on top of `edits`: all together, or each half of
/// them.
fn as_many<'a>(
    workspace: &Workspace,
    fixes: &[(usize, &'a Fix)],
    edits: &mut BTreeMap<FileId, Vec<&'a Edit>>,
    result: &mut FixResult,
) {
    match (with_fixes(workspace, edits, fixes), fixes) {
        (_, []) => {}
        (Ok(texts), _) => {
            result.texts.extend(texts);
            for (index, fix) in fixes {
                collect(fix, edits);
                accept(fix, *index, result);
            }
        }
        (Err(reason), [(index, _)]) => result.refused.push((*index, reason)),
        (Err(_), _) => {
            let (first, second) = fixes.split_at(fixes.len() / 2);
            as_many(workspace, first, edits, result);
            as_many(workspace, second, edits, result);
        }
    }
}

/// Fixes of one file up to which each is tried alone.
const FEW: usize = 16;

/// Those of `offered` that cannot be applied to the text as it is, and why. Many of one file are
/// tried together, so that trying them costs in proportion to the file.
pub(super) fn untenable(
    workspace: &Workspace,
    findings: &[Finding],
    offered: &[usize],
) -> Vec<(usize, NoFix)> {
    let mut groups: BTreeMap<Vec<FileId>, Vec<usize>> = BTreeMap::new();
    for index in offered {
        let changes = findings
            .get(*index)
            .and_then(|f| f.fix.as_ref().ok())
            .map_or(&[][..], |fix| &fix.changes);
        let files: BTreeSet<FileId> = changes
            .iter()
            .filter_map(|c| {
                if let Change::Edit(file, _) = c {
                    Some(*file)
                } else {
                    None
                }
            })
            .collect();
        groups
            .entry(files.into_iter().collect())
            .or_default()
            .push(*index);
    }
    let mut refused: Vec<_> = groups
        .into_par_iter()
        .flat_map_iter(|(_, offered)| untenable_in(workspace, findings, &offered))
        .collect();
    refused.sort_unstable_by_key(|(index, _)| *index);
    refused
}

fn untenable_in(
    workspace: &Workspace,
    findings: &[Finding],
    offered: &[usize],
) -> Vec<(usize, NoFix)> {
    let alone = |index: usize| apply(workspace, findings, &[index]).refused;
    let mut rest = offered.to_vec();
    let mut refused = Vec::new();
    while rest.len() > FEW {
        let mut taken = Taken::default();
        let fix = |index: &usize| findings.get(*index).and_then(|f| f.fix.as_ref().ok());
        let (together, others): (Vec<_>, Vec<_>) = rest
            .iter()
            .partition(|i| fix(i).is_some_and(|fix| taken.add(workspace, fix)));
        if together.len() <= FEW {
            break;
        }
        // What stands in the way of a fix may be another one.
        refused.extend(
            apply(workspace, findings, &together)
                .refused
                .into_iter()
                .flat_map(|(index, _)| alone(index)),
        );
        rest = others;
    }
    refused.extend(rest.into_iter().flat_map(alone));
    refused
}

fn collect<'a>(fix: &'a Fix, edits: &mut BTreeMap<FileId, Vec<&'a Edit>>) {
    for change in &fix.changes {
        if let Change::Edit(file, edit) = change {
            edits.entry(*file).or_default().push(edit);
        }
    }
}

fn accept(fix: &Fix, index: usize, result: &mut FixResult) {
    result.applied.insert(index);
    for change in &fix.changes {
        match change {
            Change::Edit(..) => {}
            Change::Delete(file) => result.deleted.push(*file),
            Change::Create(path, text) => {
                result.created.push(Input {
                    path: path.clone(),
                    text: Arc::from(text.as_str()),
                    editable: true,
                });
            }
        }
    }
}

/// New texts of all files that the fixes edit, on top of the edits accepted so far.
fn with_fixes<'a>(
    workspace: &Workspace,
    accepted: &BTreeMap<FileId, Vec<&'a Edit>>,
    fixes: &[(usize, &'a Fix)],
) -> Result<BTreeMap<FileId, Arc<str>>, NoFix> {
    let mut own = BTreeMap::new();
    for (_, fix) in fixes {
        collect(fix, &mut own);
    }
    own.into_iter()
        .map(|(file, edits)| {
            let mut all = accepted.get(&file).cloned().unwrap_or_default();
            all.extend(edits);
            Ok((file, text_after(workspace, file, &all)?))
        })
        .collect()
}

fn text_after(workspace: &Workspace, file: FileId, edits: &[&Edit]) -> Result<Arc<str>, NoFix> {
    let Some(yaml) = workspace.file(file).yaml.as_deref() else {
        return Err(NoFix::new(Code::NotYaml, "the file is not read as YAML"));
    };
    let (after, parts) = verify::changed(yaml, edits)?;
    let keeps = |(_, part): &(_, Range<usize>)| {
        after.readable().get(part.clone()).is_some_and(typed::keeps)
    };
    if parts.iter().all(keeps) {
        return Ok(after.shared_text());
    }
    match typed::newly_lost(yaml.readable(), after.readable()).first() {
        None => Ok(after.shared_text()),
        Some(lost) => Err(NoFix::new(
            Code::ApiType,
            format!("the result would not read as its Kubernetes API type: {lost}"),
        )),
    }
}
