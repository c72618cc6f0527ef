//! What the server knows: the workspace, in which the text of the editor stands for that of the
//! disk.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Result;
use kubewright_model::kube::{FileId, Input, Options, Workspace};
use lsp_types::{TextDocumentContentChangeEvent, Uri};

use super::super::files;
use super::super::ground::Ground;
use super::super::print::Paths;
use super::super::terminal::Terminal;
use super::place;

/// A text that is open in the editor.
pub(super) struct Open {
    pub(super) text: String,
    pub(super) version: i32,
}

/// The workspace before a change that made other sets.
struct Good {
    workspace: Arc<Workspace>,
    /// The files that have other texts now.
    differs: BTreeSet<FileId>,
}

/// All that is known.
pub(super) struct State {
    pub(super) ground: Ground,
    pub(super) workspace: Arc<Workspace>,
    pub(super) open: BTreeMap<String, Open>,
    good: Option<Good>,
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
            good: None,
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
        self.good = None;
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
    pub(super) fn refresh(&mut self) {
        let stale = std::mem::take(&mut self.stale);
        let (mut texts, mut created) = (BTreeMap::new(), Vec::new());
        let mut deleted = Vec::new();
        for path in stale {
            let known = self.workspace.file_at(&path);
            let is_known = known.is_some_and(|file| *file.text != *files::UNKNOWN);
            let editable = match known {
                Some(file) if is_known => Some(file.editable),
                _ => self.ground.request().takes(&self.ground.root.join(&path)),
            };
            let input = editable.and_then(|editable| self.input(path, editable));
            match (known, input) {
                (Some(file), Some(input)) if file.editable == input.editable => {
                    if file.text != input.text {
                        texts.insert(file.id, input.text);
                    }
                }
                (_, Some(input)) => created.push(input),
                (Some(file), None) => deleted.push(file.id),
                (None, None) => {}
            }
        }
        if !(created.is_empty() && deleted.is_empty()) {
            let next = self.workspace.with_changes(&texts, &created, &deleted);
            self.workspace = Arc::new(next);
            self.numbering += 1;
            self.good = None;
        } else if !texts.is_empty() {
            self.type_in(&texts);
        }
    }

    /// What a file is now; `None` where there is none.
    fn input(&self, path: String, editable: bool) -> Option<Input> {
        let text = if let Some(open) = self.open.get(&path) {
            Some(open.text.as_str().into())
        } else {
            let file = self.ground.root.join(&path);
            if !file.symlink_metadata().is_ok_and(|found| found.is_file()) {
                return None;
            }
            files::bytes(&file).ok().and_then(|b| files::text(b).ok())
        };
        Some(match text {
            Some(text) => Input {
                path,
                text,
                editable,
            },
            None => files::unknown(path),
        })
    }

    /// Takes new texts. What is broken on the way from one good text to the next is compared with
    /// the good one when it is mended: mostly the resources are the same again, and so are the sets.
    fn type_in(&mut self, texts: &BTreeMap<FileId, Arc<str>>) {
        if let Some(good) = &mut self.good {
            good.differs.extend(texts.keys());
            let now = |id: &FileId| texts.get(id).unwrap_or(&self.workspace.file(*id).text);
            let all = good.differs.iter().map(|id| (*id, Arc::clone(now(id))));
            if let Some(next) = good.workspace.with_same_sets(&all.collect()) {
                self.workspace = Arc::new(next);
                self.good = None;
                return;
            }
        }
        if let Some(next) = self.workspace.with_same_sets(texts) {
            let broken = |id: &FileId| next.broken().iter().any(|broken| broken.file == *id);
            let good = self.good.take();
            self.good = good.filter(|good| good.differs.iter().any(broken));
            self.workspace = Arc::new(next);
            return;
        }
        let before = Arc::clone(&self.workspace);
        self.workspace = Arc::new(before.with_texts(texts));
        self.good.get_or_insert_with(|| Good {
            workspace: before,
            differs: texts.keys().copied().collect(),
        });
    }

    /// The file that a document is.
    pub(super) fn file(&self, uri: &Uri) -> Option<FileId> {
        Some(self.workspace.file_at(&self.path(uri)?)?.id)
    }
}
