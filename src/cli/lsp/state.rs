//! What the server knows: the workspace, in which the text of the editor stands for that of the
//! disk.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Result;
use kubewright_model::kube::{FileId, Input, Options, Workspace};
use lsp_types::{TextDocumentContentChangeEvent, Uri};

use super::super::files;
use super::super::ground::Ground;
use super::super::print::Paths;
use super::super::terminal::Terminal;
use super::{at_once, place};

/// A text that is open in the editor.
pub(super) struct Open {
    pub(super) text: String,
    pub(super) version: i32,
}

/// What has changed since a workspace was made.
pub(super) struct Changes {
    /// What [`State::numbering`] is afterwards.
    pub(super) numbering: u64,
    texts: BTreeMap<FileId, Arc<str>>,
    created: Vec<Input>,
    deleted: Vec<FileId>,
}

impl Changes {
    /// Whether files come or go.
    fn is_of_files(&self) -> bool {
        !(self.created.is_empty() && self.deleted.is_empty())
    }

    /// The workspace afterwards.
    pub(super) fn next(&self, before: &Workspace) -> Arc<Workspace> {
        Arc::new(if self.is_of_files() {
            before.with_changes(&self.texts, &self.created, &self.deleted)
        } else {
            before.with_texts(&self.texts)
        })
    }
}

/// A number of its own for each way in which files are numbered.
fn new_number() -> u64 {
    static LAST: AtomicU64 = AtomicU64::new(0);
    LAST.fetch_add(1, Ordering::SeqCst) + 1
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
    /// Another one where a change gives files other numbers.
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
        self.numbering = new_number();
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

    /// What has changed since the workspace was made.
    fn changes(&self) -> Changes {
        let mut changes = Changes {
            numbering: self.numbering,
            texts: BTreeMap::new(),
            created: Vec::new(),
            deleted: Vec::new(),
        };
        for path in &self.stale {
            let known = self.workspace.file_at(path);
            let is_known = known.is_some_and(|file| *file.text != *files::UNKNOWN);
            let editable = match known {
                Some(file) if is_known => Some(file.editable),
                _ => self.ground.request().takes(&self.ground.root.join(path)),
            };
            let input = editable.and_then(|editable| self.input(path.clone(), editable));
            match (known, input) {
                (Some(file), Some(input)) if file.editable == input.editable => {
                    if file.text != input.text {
                        changes.texts.insert(file.id, input.text);
                    }
                }
                (_, Some(input)) => changes.created.push(input),
                (Some(file), None) => changes.deleted.push(file.id),
                (None, None) => {}
            }
        }
        if changes.is_of_files() {
            changes.numbering = new_number();
        }
        changes
    }

    /// Brings the workspace up to date.
    pub(super) fn refresh(&mut self) {
        if let Some(changes) = self.refresh_soon() {
            self.take(changes.next(&self.workspace), &changes);
        }
    }

    /// Brings the workspace up to date where that is soon done; gives back what takes longer.
    pub(super) fn refresh_soon(&mut self) -> Option<Changes> {
        if self.stale.is_empty() {
            return None;
        }
        let changes = self.changes();
        if changes.is_of_files() || !self.type_in(&changes.texts) {
            return Some(changes);
        }
        self.stale.clear();
        None
    }

    /// Whether something has changed that the workspace does not have.
    pub(super) fn is_behind(&self) -> bool {
        !self.stale.is_empty()
    }

    /// Whether nothing is named in a file, because its text is not YAML.
    pub(super) fn says_nothing(&self, path: &str) -> bool {
        let open = self.open.get(path);
        open.is_some_and(|open| at_once::alone(path, &open.text).1)
    }

    /// Takes over a workspace that was made of this one and all that has changed.
    pub(super) fn take(&mut self, next: Arc<Workspace>, changes: &Changes) {
        self.stale.clear();
        let before = Arc::clone(&self.workspace);
        self.put(next);
        self.numbering = changes.numbering;
        if changes.is_of_files() {
            self.good = None;
            return;
        }
        let good = self.good.get_or_insert_with(|| Good {
            workspace: before,
            differs: BTreeSet::new(),
        });
        good.differs.extend(changes.texts.keys());
    }

    /// What was before is given up beside other work: it is large.
    fn put(&mut self, next: Arc<Workspace>) {
        let before = std::mem::replace(&mut self.workspace, next);
        std::thread::spawn(move || drop(before));
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

    /// Takes new texts, where sets stay what they are. What is broken on the way from one good text
    /// to the next is compared with the good one when it is mended: mostly the resources are the
    /// same again, and so are the sets.
    fn type_in(&mut self, texts: &BTreeMap<FileId, Arc<str>>) -> bool {
        if let Some(good) = &self.good {
            let all = good.differs.iter().chain(texts.keys());
            let now = |id: &FileId| texts.get(id).unwrap_or(&self.workspace.file(*id).text);
            let all = all.map(|id| (*id, Arc::clone(now(id))));
            if let Some(next) = good.workspace.with_same_sets(&all.collect()) {
                self.put(Arc::new(next));
                self.good = None;
                return true;
            }
        }
        let Some(next) = self.workspace.with_same_sets(texts) else {
            return false;
        };
        let broken = |id: &FileId| next.broken().iter().any(|broken| broken.file == *id);
        if let Some(mut good) = self.good.take() {
            good.differs.extend(texts.keys());
            self.good = Some(good).filter(|good| good.differs.iter().any(broken));
        }
        self.put(Arc::new(next));
        true
    }

    /// The file that a document is.
    pub(super) fn file(&self, uri: &Uri) -> Option<FileId> {
        Some(self.workspace.file_at(&self.path(uri)?)?.id)
    }
}
