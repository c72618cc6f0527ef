//! What the server knows: the workspace, in which the text of the editor stands for that of the
//! disk.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Result;
use kubewright_model::kube::{FileId, Input, Options, Workspace};
use lsp_types::{TextDocumentContentChangeEvent, Uri};

use super::super::ground::Ground;
use super::super::print::Paths;
use super::super::terminal::Terminal;
use super::place;

/// What is read as a manifest.
const MANIFESTS: [&str; 3] = ["yaml", "yml", "json"];

/// A text that is open in the editor.
pub(super) struct Open {
    pub(super) text: String,
    pub(super) version: i32,
}

/// All that is known.
pub(super) struct State {
    pub(super) ground: Ground,
    pub(super) workspace: Arc<Workspace>,
    pub(super) open: BTreeMap<String, Open>,
    /// Files whose text the workspace does not have yet.
    stale: BTreeSet<String>,
    /// Grows with each change.
    pub(super) generation: u64,
    /// Grows where a change gives files other numbers.
    pub(super) numbering: u64,
}

impl State {
    /// Reads everything below a folder.
    pub(super) fn read(folder: &Path, terminal: &Terminal) -> Result<Self> {
        let ground = Ground::of(&[PathBuf::from(folder)], None)?;
        let mut state = Self {
            ground,
            workspace: Arc::default(),
            open: BTreeMap::new(),
            stale: BTreeSet::new(),
            generation: 0,
            numbering: 0,
        };
        state.read_again(terminal)?;
        Ok(state)
    }

    fn read_again(&mut self, terminal: &Terminal) -> Result<()> {
        let tree = self.ground.read(terminal)?;
        let options = Options {
            texts: Some(self.ground.texts()),
            ..self.ground.config.options.clone()
        };
        self.workspace = Arc::new(Workspace::new(tree.inputs, options));
        self.stale = self.open.keys().cloned().collect();
        self.generation += 1;
        self.numbering += 1;
        Ok(())
    }

    /// Reads everything again, with what is open.
    pub(super) fn reload(&mut self, folder: &Path, terminal: &Terminal) -> Result<()> {
        self.ground = Ground::of(&[PathBuf::from(folder)], None)?;
        self.read_again(terminal)
    }

    /// The path of a file below the root.
    pub(super) fn path(&self, uri: &Uri) -> Option<String> {
        place::path(&self.ground.root, uri)
    }

    /// The URI of a file.
    pub(super) fn uri(&self, path: &str) -> Option<Uri> {
        place::uri(&self.ground.root, path)
    }

    /// How a reader sees paths: from the root.
    pub(super) fn paths(&self) -> Paths {
        Paths::new(&self.ground.root, &self.ground.root, None)
    }

    /// A file is open in the editor with this text.
    pub(super) fn opened(&mut self, path: String, text: String, version: i32) {
        if self
            .workspace
            .file_at(&path)
            .is_none_or(|file| *file.text != *text)
        {
            self.touch(&path);
        }
        self.open.insert(path, Open { text, version });
    }

    /// It was changed.
    pub(super) fn changed(
        &mut self,
        path: &str,
        version: i32,
        changes: Vec<TextDocumentContentChangeEvent>,
    ) {
        let Some(open) = self.open.get_mut(path) else {
            return;
        };
        open.version = version;
        for change in changes {
            match change.range {
                None => open.text = change.text,
                Some(range) => {
                    let start = place::offset(&open.text, range.start);
                    let end = place::offset(&open.text, range.end).max(start);
                    open.text.replace_range(start..end, &change.text);
                }
            }
        }
        self.touch(path);
    }

    /// It was closed: the disk counts again.
    pub(super) fn closed(&mut self, path: &str) {
        self.open.remove(path);
        self.touch(path);
    }

    /// Its text is to be taken anew.
    pub(super) fn touch(&mut self, path: &str) {
        self.stale.insert(path.to_owned());
        self.generation += 1;
    }

    /// Brings the workspace up to date.
    #[expect(
        clippy::disallowed_methods,
        reason = "a file that is not open is the one of the disk"
    )]
    pub(super) fn refresh(&mut self) {
        let stale = std::mem::take(&mut self.stale);
        let (mut texts, mut created) = (BTreeMap::new(), Vec::new());
        let mut deleted = Vec::new();
        for path in stale {
            let text: Option<Arc<str>> = match self.open.get(&path) {
                Some(open) => Some(open.text.as_str().into()),
                None => std::fs::read_to_string(self.ground.root.join(&path))
                    .ok()
                    .map(Into::into),
            };
            match (self.workspace.file_at(&path), text) {
                (Some(file), Some(text)) if file.text == text => {}
                (Some(file), Some(text)) => _ = texts.insert(file.id, text),
                (Some(file), None) => deleted.push(file.id),
                (None, Some(text)) if self.is_read(&path) => created.push(Input {
                    path,
                    text,
                    editable: true,
                }),
                (None, _) => {}
            }
        }
        if !(created.is_empty() && deleted.is_empty()) {
            let next = self.workspace.with_changes(&texts, &created, &deleted);
            self.workspace = Arc::new(next);
            self.numbering += 1;
        } else if !texts.is_empty() {
            self.workspace = Arc::new(self.workspace.with_texts(&texts));
        }
    }

    fn is_read(&self, path: &str) -> bool {
        let extension = Path::new(path).extension().and_then(|e| e.to_str());
        extension.is_some_and(|e| MANIFESTS.contains(&e))
            && !path.split('/').any(|part| part.starts_with('.'))
            && !self.ground.config.ignore.is_match(path)
    }

    /// The file that a document is.
    pub(super) fn file(&self, uri: &Uri) -> Option<FileId> {
        Some(self.workspace.file_at(&self.path(uri)?)?.id)
    }
}
