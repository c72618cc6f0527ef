//! Findings as diagnostics, and their fixes as edits of the workspace: one edit for all files of a
//! fix, taken as a whole.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;

use kubewright_model::finding::{Applicability, Severity};
use lsp_types::{
    AnnotatedTextEdit, ChangeAnnotation, ClientCapabilities, CodeDescription, CreateFile,
    DeleteFile, Diagnostic, DiagnosticRelatedInformation, DiagnosticSeverity,
    DocumentChangeOperation, DocumentChanges, Location, NumberOrString, OneOf,
    OptionalVersionedTextDocumentIdentifier, Range, ResourceOp, TextDocumentEdit, TextEdit, Uri,
    WorkspaceEdit,
};

use super::super::print::run::link_of;
use super::place;
use super::state::State;
use crate::pipeline::report::{FileChange, FileFate, Place, Reported, ReportedEdit, ReportedFix};

/// What the editor understands.
#[derive(Debug, Clone, Copy, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a capability of its own in the protocol"
)]
pub(super) struct Client {
    /// Edits of documents with their versions.
    changes: bool,
    /// Annotations, by which a change asks to be looked at.
    annotations: bool,
    /// Files that come and go.
    resources: bool,
    /// Files are watched for the server.
    pub(super) watches: bool,
}

impl Client {
    pub(super) fn of(capabilities: &ClientCapabilities) -> Self {
        let workspace = capabilities.workspace.as_ref();
        let edit = workspace.and_then(|w| w.workspace_edit.as_ref());
        let watched = workspace.and_then(|w| w.did_change_watched_files.as_ref());
        let changes = edit.and_then(|e| e.document_changes) == Some(true);
        Self {
            changes,
            annotations: changes && edit.is_some_and(|e| e.change_annotation_support.is_some()),
            resources: changes && edit.is_some_and(|e| e.resource_operations.is_some()),
            watches: watched.and_then(|w| w.dynamic_registration) == Some(true),
        }
    }
}

/// The diagnostics of a file.
pub(super) fn diagnostic(state: &State, finding: &Reported) -> Diagnostic {
    let paths = state.paths();
    let mut message = paths.brief(&finding.message);
    match &finding.fix {
        Ok(fix) => {
            let trust = fix.applicability.as_str();
            let _ = write!(message, "\nfix ({trust}): {}", paths.brief(&fix.title));
        }
        Err(reason) => {
            let _ = write!(
                message,
                "\nno fix ({}): {}",
                reason.code,
                paths.brief(&reason.lines())
            );
        }
    }
    for note in &finding.notes {
        let _ = write!(message, "\n{}", paths.brief(note));
    }
    let related = finding.related.iter().filter_map(|(place, text)| {
        Some(DiagnosticRelatedInformation {
            location: location(state, place)?,
            message: paths.brief(text),
        })
    });
    let related: Vec<_> = related.collect();
    Diagnostic {
        range: lines(state, &finding.place),
        severity: Some(match finding.severity {
            Severity::Error => DiagnosticSeverity::ERROR,
            Severity::Warning => DiagnosticSeverity::WARNING,
            Severity::Info => DiagnosticSeverity::HINT,
        }),
        code: Some(NumberOrString::String(finding.transform.to_owned())),
        code_description: link_of(finding.transform)
            .parse::<Uri>()
            .ok()
            .map(|href| CodeDescription { href }),
        source: Some("kubewright".to_owned()),
        message,
        related_information: Some(related).filter(|r| !r.is_empty()),
        ..Diagnostic::default()
    }
}

/// The range of a place.
pub(super) fn lines(state: &State, place: &Place) -> Range {
    state
        .workspace
        .file_at(&place.path)
        .map_or_else(Range::default, |file| {
            place::range(&file.text, &(place.start..place.end))
        })
}

fn location(state: &State, place: &Place) -> Option<Location> {
    Some(Location::new(state.uri(&place.path)?, lines(state, place)))
}

/// The edit of a fix; `None` where the editor cannot take all of it, or a person must finish it.
pub(super) fn fix(state: &State, client: Client, fix: &ReportedFix) -> Option<WorkspaceEdit> {
    if fix.applicability == Applicability::DisplayOnly || fix.edits.is_empty() {
        return None;
    }
    let mut files: BTreeMap<&str, Vec<&ReportedEdit>> = BTreeMap::new();
    for edit in &fix.edits {
        files.entry(&edit.path).or_default().push(edit);
    }
    let title = state.paths().brief(&fix.title);
    let mut made = Edit::new(client, &title, fix.applicability == Applicability::Unsafe);
    made.describe(&fix.lost_comments);
    for (path, mut edits) in files {
        edits.sort_by_key(|edit| (edit.start, edit.end));
        let text = state.workspace.file_at(path).map_or("", |file| &file.text);
        let uri = state.uri(path)?;
        let changes = |edits: &[&ReportedEdit]| -> Vec<TextEdit> {
            let edit = |e: &&ReportedEdit| {
                TextEdit::new(place::range(text, &(e.start..e.end)), e.content.clone())
            };
            edits.iter().map(edit).collect()
        };
        match edits.first()?.file {
            FileFate::Stays => made.edit(state, path, uri, changes(&edits)),
            FileFate::Created => made.create(uri, &edits.first()?.content)?,
            FileFate::Deleted => made.delete(uri)?,
        }
    }
    Some(made.done())
}

/// The edit of all that a run changes.
pub(super) fn all(state: &State, client: Client, files: &[FileChange]) -> Option<WorkspaceEdit> {
    let mut made = Edit::new(client, "apply all safe fixes", false);
    for file in files {
        let uri = state.uri(&file.path)?;
        match (&file.before, &file.after) {
            (Some(before), Some(after)) => {
                made.edit(state, &file.path, uri, blocks(before, after));
            }
            (None, Some(after)) => made.create(uri, after)?,
            (_, None) => made.delete(uri)?,
        }
    }
    Some(made.done())
}

/// The blocks of lines in which two texts differ.
fn blocks(before: &str, after: &str) -> Vec<TextEdit> {
    let diff = similar::TextDiff::from_lines(before, after);
    let new: Vec<&str> = after.split_inclusive('\n').collect();
    let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    let edits = diff
        .ops()
        .iter()
        .filter(|op| op.tag() != similar::DiffTag::Equal);
    edits
        .map(|op| {
            let text = new.get(op.new_range()).unwrap_or_default().concat();
            let at = |line: usize| lsp_types::Position::new(number(line), 0);
            let lines = op.old_range();
            TextEdit::new(Range::new(at(lines.start), at(lines.end)), text)
        })
        .collect()
}

/// An edit that is being put together.
pub(super) struct Edit {
    client: Client,
    label: ChangeAnnotation,
    operations: Vec<DocumentChangeOperation>,
    changes: HashMap<Uri, Vec<TextEdit>>,
}

const ANNOTATION: &str = "kubewright";

impl Edit {
    /// Of one name; `confirm`: somebody should look at it first.
    pub(super) fn new(client: Client, title: &str, confirm: bool) -> Self {
        let unsafe_text =
            "kubewright cannot prove that nothing outside of these files depends on it";
        Self {
            client,
            label: ChangeAnnotation {
                label: title.to_owned(),
                needs_confirmation: Some(confirm),
                description: confirm.then(|| unsafe_text.to_owned()),
            },
            operations: Vec::new(),
            changes: HashMap::new(),
        }
    }

    fn describe(&mut self, lost: &[String]) {
        if !lost.is_empty() {
            let lost = format!("gives up comments: {}", lost.join("; "));
            let before = self.label.description.take();
            self.label.description = Some(before.map_or(lost.clone(), |b| format!("{b}; {lost}")));
        }
    }

    /// Changes a file.
    pub(super) fn edit(&mut self, state: &State, path: &str, uri: Uri, edits: Vec<TextEdit>) {
        if !self.client.changes {
            self.changes.entry(uri).or_default().extend(edits);
            return;
        }
        let version = state.open.get(path).map(|open| open.version);
        self.push(uri, version, edits);
    }

    fn push(&mut self, uri: Uri, version: Option<i32>, edits: Vec<TextEdit>) {
        let annotated = |text_edit| {
            if self.client.annotations {
                OneOf::Right(AnnotatedTextEdit {
                    text_edit,
                    annotation_id: ANNOTATION.to_owned(),
                })
            } else {
                OneOf::Left(text_edit)
            }
        };
        let edits = edits.into_iter().map(annotated).collect();
        self.operations
            .push(DocumentChangeOperation::Edit(TextDocumentEdit {
                text_document: OptionalVersionedTextDocumentIdentifier { uri, version },
                edits,
            }));
    }

    fn create(&mut self, uri: Uri, text: &str) -> Option<()> {
        let operation = ResourceOp::Create(CreateFile {
            uri: uri.clone(),
            options: None,
            annotation_id: self.client.annotations.then(|| ANNOTATION.to_owned()),
        });
        self.operation(operation)?;
        self.push(
            uri,
            None,
            vec![TextEdit::new(Range::default(), text.to_owned())],
        );
        Some(())
    }

    fn delete(&mut self, uri: Uri) -> Option<()> {
        // The protocol names no annotation of a file that goes.
        self.operation(ResourceOp::Delete(DeleteFile { uri, options: None }))
    }

    fn operation(&mut self, operation: ResourceOp) -> Option<()> {
        let takes = self.client.resources;
        takes.then(|| self.operations.push(DocumentChangeOperation::Op(operation)))
    }

    /// The whole.
    pub(super) fn done(self) -> WorkspaceEdit {
        if !self.client.changes {
            return WorkspaceEdit::new(self.changes);
        }
        let annotations = HashMap::from([(ANNOTATION.to_owned(), self.label)]);
        WorkspaceEdit {
            changes: None,
            document_changes: Some(DocumentChanges::Operations(self.operations)),
            change_annotations: self.client.annotations.then_some(annotations),
        }
    }
}
