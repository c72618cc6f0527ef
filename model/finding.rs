//! What is said about manifests and what is changed in them.
//!
//! A [`Finding`] names a hazard and carries either a [`Fix`] or the reason why there is none
//! ([`NoFix`]). A fix is one transaction over files: it is applied whole or not at all. All of
//! these own their data; ids are those of the workspace of the same pass.

pub use crate::codes::ReasonCode;
pub use crate::kube::Location;
use crate::kube::{FileId, ResourceId, Workspace};
use crate::text::Text;
use crate::yaml::{Edit, Refusal};

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth knowing: nothing to do, or skipped and why.
    Info,
    /// Will bite: stale configuration, static kube-proxy.
    Warning,
    /// Fails or misbehaves as it stands.
    Error,
}

impl Severity {
    /// The word used in every output format.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// How far a fix can be trusted; ordered as ruff orders it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Applicability {
    /// A person must finish it.
    DisplayOnly,
    /// A pod may see a difference, something outside may refer to what changes, or an object must
    /// be recreated.
    Unsafe,
    /// Every pod gets the same files, variables and arguments as its manifest demands, proven from
    /// the workspace.
    Safe,
}

impl Applicability {
    /// The word used in every output format.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::DisplayOnly => "display-only",
            Self::Unsafe => "unsafe",
            Self::Safe => "safe",
        }
    }
}

/// What a finding is about, as data. A later pass may say it in other words, because a fix renamed
/// what the sentence names: the same transform, at the same place of the same document, with the
/// same subject has the same finding.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Subject {
    /// Which of the hazards that the transform knows.
    pub hazard: &'static str,
    /// What tells it from others of that hazard in one resource: names of what it refers to, keys,
    /// paths of fields.
    pub names: Vec<String>,
}

impl Subject {
    /// A subject of these names.
    pub fn new<S: Into<String>>(hazard: &'static str, names: impl IntoIterator<Item = S>) -> Self {
        Self {
            hazard,
            names: names.into_iter().map(Into::into).collect(),
        }
    }
}

/// A hazard, or a remark, at one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Name of the transform that found it.
    pub transform: &'static str,
    /// What it is about, for a transform that has several findings of one resource.
    pub subject: Subject,
    /// How much it matters.
    pub severity: Severity,
    /// What is wrong here; names the resource.
    pub message: Text,
    /// Where.
    pub primary: Location,
    /// Other places, each with what is there.
    pub related: Vec<(Location, Text)>,
    /// The resource it is about.
    pub resource: Option<ResourceId>,
    /// Further sentences for the reader: what proved the fix, what it cures, a migration plan.
    pub notes: Vec<Text>,
    /// What no output may show of the text at its places, or of what the fix writes.
    pub hidden: Vec<Hidden>,
    /// The fix, or why there is none.
    pub fix: Result<Fix, NoFix>,
}

/// A secret in a manifest, or a line of one, and what is shown in its place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hidden {
    /// The text that is not shown.
    pub text: String,
    /// What is: `ghp_…(36)`.
    pub mask: String,
}

impl Finding {
    /// A finding in the making: it becomes one with its fix, or with the reason why there is none.
    pub fn build(
        transform: &'static str,
        severity: Severity,
        primary: Location,
        message: impl Into<Text>,
    ) -> FindingBuilder {
        FindingBuilder(Self {
            transform,
            subject: Subject::default(),
            severity,
            message: message.into(),
            primary,
            related: Vec::new(),
            resource: None,
            notes: Vec::new(),
            hidden: Vec::new(),
            fix: Err(NoFix {
                code: "",
                text: Text::new(),
                more: Vec::new(),
            }),
        })
    }
}

/// What is known of a finding before its fix.
#[derive(Debug, Clone)]
#[must_use]
pub struct FindingBuilder(Finding);

impl FindingBuilder {
    /// The resource it is about.
    pub fn about(mut self, resource: impl Into<Option<ResourceId>>) -> Self {
        self.0.resource = resource.into();
        self
    }

    /// What it is about, for a transform that has several findings of one resource.
    pub fn subject<S: Into<String>>(
        mut self,
        hazard: &'static str,
        names: impl IntoIterator<Item = S>,
    ) -> Self {
        self.0.subject = Subject::new(hazard, names);
        self
    }

    /// Other places, each with what is there.
    pub fn related(mut self, places: impl IntoIterator<Item = (Location, Text)>) -> Self {
        self.0.related.extend(places);
        self
    }

    /// Further sentences for the reader.
    pub fn notes(mut self, notes: impl IntoIterator<Item = Text>) -> Self {
        self.0.notes.extend(notes);
        self
    }

    /// What no output may show.
    pub fn hiding(mut self, hidden: impl IntoIterator<Item = Hidden>) -> Self {
        self.0.hidden.extend(hidden);
        self
    }

    /// The finding, with its fix or with the reason why there is none.
    pub fn fix(mut self, fix: Result<Fix, NoFix>) -> Finding {
        self.0.fix = fix;
        self.0
    }
}

/// A transaction over files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fix {
    /// Imperative: "suffix the ConfigMap …".
    pub title: Text,
    /// How far it can be trusted.
    pub applicability: Applicability,
    /// All of it, or nothing.
    pub changes: Vec<Change>,
    /// Resources whose meaning the fix rests on or changes: two fixes of one pass never claim the
    /// same.
    pub claims: Vec<ResourceId>,
}

impl Fix {
    /// The comments that go with a file that the fix deletes, but for those that it writes
    /// elsewhere.
    pub fn comments_lost_with(&self, workspace: &Workspace, file: FileId) -> Vec<String> {
        let file = workspace.file(file);
        let Some(yaml) = file.yaml.as_deref() else {
            return Vec::new();
        };
        let kept = |comment: &str| {
            self.changes.iter().any(|change| match change {
                Change::Edit(_, edit) => edit
                    .splices
                    .iter()
                    .any(|splice| splice.text.contains(comment)),
                Change::Create(_, text) => text.contains(comment),
                Change::Delete(_) => false,
            })
        };
        let comments = yaml
            .comments()
            .iter()
            .filter_map(|range| file.text.get(range.clone()));
        comments
            .map(str::trim_end)
            .filter(|comment| !kept(comment))
            .map(str::to_owned)
            .collect()
    }
}

/// One change of a fix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Edits a file.
    Edit(FileId, Edit),
    /// Creates a file: path relative to the root, and text. The path must be free, or hold a file
    /// that equals the text.
    Create(String, String),
    /// Deletes a file.
    Delete(FileId),
}

/// Why there is no fix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoFix {
    /// Stable code, such as `entrypoint-unknown`: counted, and documented on the transform's page.
    pub code: &'static str,
    /// Shown to the user.
    pub text: Text,
    /// Further lines: what to state, or what else was tried. A finding that has some is worth its
    /// lines wherever reports are short.
    pub more: Vec<Text>,
}

impl NoFix {
    /// A reason with its code.
    pub fn new(code: impl ReasonCode, text: impl Into<Text>) -> Self {
        Self {
            code: code.code(),
            text: text.into(),
            more: Vec::new(),
        }
    }

    /// Whether it is the reason with that code.
    pub fn is(&self, code: impl ReasonCode) -> bool {
        self.code == code.code()
    }

    /// All of it, a line each.
    pub fn lines(&self) -> Text {
        Text::joined([&self.text].into_iter().chain(&self.more), "\n")
    }
}

impl From<Refusal> for NoFix {
    fn from(refusal: Refusal) -> Self {
        Self {
            code: refusal.code,
            text: refusal.text.into(),
            more: Vec::new(),
        }
    }
}
