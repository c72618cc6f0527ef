//! Suppressions: comments and annotations that say which findings are accepted.
//!
//! `# kubewright: ignore[name,name] reason` on a line, or directly above it, takes away the
//! findings on that line; at `apiVersion`, `kind` or `metadata.name` those of the whole resource.
//! So does the annotation `kubewright.dev/ignore: "name,name"` on a resource or its pod template.
//! On a further place of a finding it keeps the fix, which would change all of them, from being
//! made. One that hits nothing is itself a finding, or it would outlive what it was written for and
//! hide what comes later; the fix removes it from its comment, and the comment with the last one.

use std::collections::BTreeMap;
use std::ops::Range;

use kubewright_model::finding::{Applicability, Change, Finding, Fix, Location, NoFix, Severity};
use kubewright_model::kube::{FileId, ResourceId, SourceFile, TouchKind, Workspace};
use kubewright_model::yaml::{File, Node, Word};

use super::UNUSED_SUPPRESSION;

kubewright_model::codes! {
    /// What is wrong with a suppression.
    enum Code {
        ChangedOnTheWay = "changed-on-the-way",
        MalformedSuppression = "malformed-suppression",
        SuppressingAnnotation = "suppressing-annotation",
        UncheckedDocument = "unchecked-document",
        UnknownTransform = "unknown-transform",
    }
}

/// Key of the annotation.
const ANNOTATION: &str = "kubewright.dev/ignore";
/// What a comment starts with, behind its `#`.
const DIRECTIVE: &str = "kubewright:";

/// What every suppression has in it.
static KUBEWRIGHT: Word = Word::new("kubewright");

/// One name of one suppression.
struct Suppression {
    name: String,
    location: Location,
    /// Lines of the file that it covers (0-based offsets of their first byte), for comments.
    line: Option<usize>,
    /// The comment that it stands in.
    comment: Option<Range<usize>>,
    /// The resource that it covers.
    resource: Option<ResourceId>,
    used: bool,
}

/// All suppressions of a workspace.
pub(super) struct Suppressions {
    all: Vec<Suppression>,
    /// Comments that start like a suppression and are none.
    malformed: Vec<Location>,
    by_file: BTreeMap<FileId, Vec<usize>>,
    by_resource: BTreeMap<ResourceId, Vec<usize>>,
}

impl Suppressions {
    /// Reads those of all files that are reported on.
    pub(super) fn read(workspace: &Workspace) -> Self {
        let mut found = Self {
            all: Vec::new(),
            malformed: Vec::new(),
            by_file: BTreeMap::new(),
            by_resource: BTreeMap::new(),
        };
        for file in workspace.files().iter().filter(|f| f.editable) {
            if let Some(yaml) = &file.yaml
                && KUBEWRIGHT.is_in(&file.text)
            {
                found.comments(workspace, file, yaml);
                found.annotations(workspace, file);
            }
        }
        for (index, s) in found.all.iter().enumerate() {
            match s.resource {
                Some(id) => found.by_resource.entry(id).or_default().push(index),
                None => found
                    .by_file
                    .entry(s.location.file)
                    .or_default()
                    .push(index),
            }
        }
        found
    }

    fn comments(&mut self, workspace: &Workspace, file: &SourceFile, yaml: &File) {
        for comment in yaml.comments() {
            let text = file.text.get(comment.clone()).unwrap_or("");
            let Some(rest) = text
                .trim_start_matches('#')
                .trim_start()
                .strip_prefix(DIRECTIVE)
            else {
                continue;
            };
            let names = rest
                .trim_start()
                .strip_prefix("ignore[")
                .and_then(|r| r.split_once(']'));
            let Some((names, _reason)) = names.filter(|(names, _)| !names.trim().is_empty()) else {
                self.malformed.push(Location {
                    file: file.id,
                    span: comment.clone(),
                });
                continue;
            };
            let line = covered_line(&file.text, comment);
            let resource = resource_at(workspace, file, line);
            let from = comment.start + text.find('[').map_or(0, |at| at + 1);
            for (at, name) in split_names(names) {
                let span = from + at..from + at + name.len();
                let location = Location {
                    file: file.id,
                    span,
                };
                self.all.push(Suppression {
                    name: name.into(),
                    location,
                    line: Some(line),
                    comment: Some(comment.clone()),
                    resource,
                    used: false,
                });
            }
        }
    }

    fn annotations(&mut self, workspace: &Workspace, file: &SourceFile) {
        for resource in workspace.resources_of(file.id) {
            let Some(node) = workspace.node(resource.id) else {
                continue;
            };
            let mut holders: Vec<Node<'_>> = vec![node];
            holders.extend(
                workspace
                    .pod_templates(resource.id)
                    .iter()
                    .map(|t| t.node)
                    .filter(|n| *n != node),
            );
            for value in holders
                .iter()
                .filter_map(|n| n.path(&["metadata", "annotations"])?.get(ANNOTATION))
            {
                let location = Location::of(file.id, value);
                for (_, name) in split_names(value.text().unwrap_or("")) {
                    let resource = Some(resource.id);
                    self.all.push(Suppression {
                        name: name.into(),
                        location: location.clone(),
                        line: None,
                        comment: None,
                        resource,
                        used: false,
                    });
                }
            }
        }
    }

    /// Whether a suppression covers the finding; it counts as used then.
    pub(super) fn hit(&mut self, workspace: &Workspace, finding: &Finding) -> bool {
        let file = workspace.file(finding.primary.file);
        let line = line_start(&file.text, finding.primary.span.start);
        let resource = finding
            .resource
            .or_else(|| enclosing(workspace, file, finding.primary.span.start));
        let mut hit = false;
        let on_resource = resource
            .and_then(|id| self.by_resource.get(&id))
            .into_iter()
            .flatten();
        let on_line = self.by_file.get(&file.id).into_iter().flatten();
        for index in on_resource.chain(on_line) {
            if let Some(s) = self.all.get_mut(*index)
                && s.name == finding.transform
                && (s.resource.is_some() || s.line == Some(line))
            {
                s.used = true;
                hit = true;
            }
        }
        hit
    }

    /// Whether a suppression covers another place of a finding that itself stays; it counts as used
    /// then.
    pub(super) fn partly(&mut self, workspace: &Workspace, finding: &Finding) -> bool {
        let mut hit = false;
        for (place, _) in finding
            .related
            .iter()
            .filter(|(place, _)| *place != finding.primary)
        {
            let line = line_start(&workspace.file(place.file).text, place.span.start);
            for index in self.by_file.get(&place.file).into_iter().flatten() {
                if let Some(s) = self.all.get_mut(*index)
                    && s.name == finding.transform
                    && s.line == Some(line)
                {
                    s.used = true;
                    hit = true;
                }
            }
        }
        hit
    }

    /// Whether there is any: what one pass finds then says nothing about the next one.
    pub(super) fn are_some(&self) -> bool {
        !self.all.is_empty()
    }

    /// What there is to say of each comment whose transforms ran and found nothing.
    pub(super) fn unused(&self, workspace: &Workspace, ran: &[&str]) -> Vec<Finding> {
        let mut comments: BTreeMap<(FileId, usize), Vec<&Suppression>> = BTreeMap::new();
        for s in &self.all {
            if let Some(comment) = &s.comment {
                let of_comment = comments.entry((s.location.file, comment.start));
                of_comment.or_default().push(s);
            }
        }
        let is_unused = |s: &Suppression| !s.used && ran.contains(&s.name.as_str());
        comments
            .into_values()
            .filter_map(|all| {
                let (unused, kept): (Vec<_>, Vec<_>) = all.into_iter().partition(|s| is_unused(s));
                let (first, last) = (unused.first()?, unused.last()?);
                let names: Vec<&str> = unused.iter().map(|s| s.name.as_str()).collect();
                let place = Location {
                    file: first.location.file,
                    span: first.location.span.start..last.location.span.end,
                };
                let fix = removed(workspace, first, &kept, &names);
                let severity = if fix.is_ok() {
                    Severity::Warning
                } else {
                    Severity::Info
                };
                let message = finds_nothing(&names, "comment");
                let finding = Finding::build(UNUSED_SUPPRESSION, severity, place, message);
                let finding = finding.subject("unused", names.iter().copied());
                Some(finding.fix(fix))
            })
            .collect()
    }

    /// What there is to say beside that, and has no fix: names that are no transform, annotations
    /// that hit nothing although their transform ran.
    pub(super) fn remarks(&self, ran: &[&str]) -> Vec<Finding> {
        let known: Vec<&str> = kubewright_transforms::ALL
            .iter()
            .map(|t| t.meta().name)
            .chain(ran.iter().copied())
            .collect();
        let mut remarks: Vec<Finding> = (self.malformed.iter())
            .map(|at| {
                let reason = "what is meant is not known";
                remark(
                    at,
                    "the comment names no transform and suppresses nothing: write `ignore[NAME]` \
                     and a reason"
                        .into(),
                    NoFix::new(Code::MalformedSuppression, reason),
                )
            })
            .collect();
        for s in self.all.iter().filter(|s| !s.used) {
            if !known.contains(&s.name.as_str()) {
                let hint = nearest(&s.name, known.iter().copied())
                    .map_or(String::new(), |n| format!(", did you mean {n}?"));
                let reason = "what is meant is not known";
                remarks.push(remark(
                    &s.location,
                    format!("there is no transform {}{hint}", s.name),
                    NoFix::new(Code::UnknownTransform, reason),
                ));
            } else if s.comment.is_none() && ran.contains(&s.name.as_str()) {
                let reason = "an annotation is part of the object: remove it by hand";
                remarks.push(remark(
                    &s.location,
                    finds_nothing(&[&s.name], "annotation"),
                    NoFix::new(Code::SuppressingAnnotation, reason),
                ));
            }
        }
        remarks
    }
}

/// That names of a suppression hit nothing, and what happens because of it.
fn finds_nothing(names: &[&str], what: &str) -> String {
    let find = if names.len() == 1 { "finds" } else { "find" };
    let names = names.join(", ");
    format!("{names} {find} nothing here; the {what} would hide what comes later")
}

fn remark(location: &Location, message: String, reason: NoFix) -> Finding {
    Finding::build(
        UNUSED_SUPPRESSION,
        Severity::Info,
        location.clone(),
        message,
    )
    .fix(Err(reason))
}

/// The fix that takes `names` out of the comment of a suppression, of which `kept` stay.
fn removed(
    workspace: &Workspace,
    of: &Suppression,
    kept: &[&Suppression],
    names: &[&str],
) -> Result<Fix, NoFix> {
    let id = of.location.file;
    let file = workspace.file(id);
    let (Some(yaml), Some(comment)) = (file.yaml.as_deref(), &of.comment) else {
        return Err(NoFix::new(
            super::Code::NotYaml,
            "the file is not read as YAML",
        ));
    };
    if !is_checked(workspace, id, yaml.document_at(comment.start)) {
        return Err(NoFix::new(
            Code::UncheckedDocument,
            "no transform looks into this document: remove the comment by hand where it is not \
             needed",
        ));
    }
    if let Some(what) = changed_on_the_way(workspace, id, yaml.document_at(comment.start)) {
        let text = format!(
            "{what} changes this resource before it is applied, and what comes out may have what \
             the comment suppresses"
        );
        return Err(NoFix::new(Code::ChangedOnTheWay, text));
    }
    let text = file.text.get(comment.clone()).unwrap_or_default();
    let left = || {
        let (before, rest) = text.split_once('[')?;
        let (_, after) = rest.split_once(']')?;
        let names: Vec<&str> = kept.iter().map(|s| s.name.as_str()).collect();
        Some(format!("{before}[{}]{after}", names.join(", ")))
    };
    let to = if kept.is_empty() { None } else { left() };
    let title = match &to {
        None => "remove the comment".to_owned(),
        Some(_) => format!("remove {} from the comment", names.join(", ")),
    };
    let edit = yaml.change_comment(comment.clone(), to)?;
    Ok(Fix {
        title: title.into(),
        // What it suppresses may be seen only together with files that were not read.
        applicability: if workspace.options().partial {
            Applicability::Unsafe
        } else {
            Applicability::Safe
        },
        changes: vec![Change::Edit(id, edit)],
        claims: Vec::new(),
    })
}

/// Whether a document holds resources, or is a kustomization, and the transforms see it as it
/// stands.
fn is_checked(workspace: &Workspace, file: FileId, document: usize) -> bool {
    let skipped = workspace.skipped().iter().any(|skipped| {
        skipped.file == file && skipped.document.is_none_or(|number| number == document)
    });
    let holds = || {
        let mut resources = workspace.resources_of(file).iter();
        workspace.kustomization(file).is_some() || resources.any(|r| r.document == document)
    };
    !skipped && holds()
}

/// What changes a resource of a document in ways that only a build shows.
fn changed_on_the_way(
    workspace: &Workspace,
    file: FileId,
    document: usize,
) -> Option<&'static str> {
    let own = workspace.resources_of(file).iter();
    let touches = own
        .filter(|resource| resource.document == document)
        .flat_map(|resource| workspace.touches(resource.id).to_vec());
    let mut kinds = touches.map(|touch| touch.what);
    kinds.find(|kind| !is_plain(*kind)).map(TouchKind::name)
}

/// Whether all that a change does is read.
fn is_plain(kind: TouchKind) -> bool {
    match kind {
        TouchKind::CommonAnnotations
        | TouchKind::CommonLabels
        | TouchKind::CommonMetadata
        | TouchKind::Images
        | TouchKind::Labels
        | TouchKind::Replicas => true,
        TouchKind::Generator
        | TouchKind::Patch
        | TouchKind::PostBuild
        | TouchKind::Replacement
        | TouchKind::Transformer
        | TouchKind::TransformerConfiguration
        | TouchKind::Vars => false,
    }
}

/// The candidate nearest to `name`, when it is near enough to be meant.
pub fn nearest<'a>(name: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .map(|c| (strsim::jaro_winkler(name, c), c))
        .filter(|(score, _)| *score >= 0.7)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, c)| c)
}

fn split_names(list: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut at = 0;
    list.split(',').filter_map(move |part| {
        let start = at + (part.len() - part.trim_start().len());
        at += part.len() + 1;
        let name = part.trim();
        (!name.is_empty()).then_some((start, name))
    })
}

fn line_start(text: &str, offset: usize) -> usize {
    text.get(..offset)
        .and_then(|t| t.rfind('\n'))
        .map_or(0, |at| at + 1)
}

/// Start of the line that a comment covers: its own, or the first line below that is neither blank
/// nor a comment.
fn covered_line(text: &str, comment: &Range<usize>) -> usize {
    let own = line_start(text, comment.start);
    if text
        .get(own..comment.start)
        .is_some_and(|t| !t.trim().is_empty())
    {
        return own;
    }
    let mut at = own;
    for line in text.get(own..).unwrap_or("").split_inclusive('\n') {
        let body = line.trim();
        if !body.is_empty() && !body.starts_with('#') {
            return at;
        }
        at += line.len();
    }
    own
}

/// The resource whose `apiVersion`, `kind` or `metadata.name` stands on the line that starts at
/// `line`.
fn resource_at(workspace: &Workspace, file: &SourceFile, line: usize) -> Option<ResourceId> {
    let on_line = |node: Node<'_>| line_start(&file.text, node.span().start) == line;
    workspace.resources_of(file.id).iter().find_map(|r| {
        let node = workspace.node(r.id)?;
        let names: [&[&str]; 3] = [&["apiVersion"], &["kind"], &["metadata", "name"]];
        names
            .iter()
            .any(|path| node.path(path).is_some_and(on_line))
            .then_some(r.id)
    })
}

/// The resource that holds a byte of the file.
fn enclosing(workspace: &Workspace, file: &SourceFile, offset: usize) -> Option<ResourceId> {
    let holds = |id| {
        workspace
            .node(id)
            .is_some_and(|n| n.span().contains(&offset))
    };
    // Resources stand in the order of their mappings: only those that begin before the byte can
    // hold it.
    let all = workspace.resources_of(file.id);
    let end = all.partition_point(|r| {
        workspace
            .node(r.id)
            .is_some_and(|n| n.span().start <= offset)
    });
    all.get(..end)?
        .iter()
        .rev()
        .map(|r| r.id)
        .find(|id| holds(*id))
}
