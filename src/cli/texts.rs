//! The text files beside the manifests, which are searched before a name changes.
//!
//! Everything below the root counts that `.gitignore` leaves, hidden files too (`.github/`,
//! `.gitlab-ci.yml`): a name may be read by a script, a workflow, the values of a chart. Binary
//! files and very large ones are left out. Nothing is read unless a rename is on the table.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};

use ignore::WalkBuilder;
use kubewright_model::kube::{Surroundings, Texts};
use kubewright_model::parallel;

use super::{config, files};

/// Larger files are data or are generated, and hardly read for a name.
const MAX_BYTES: u64 = 4 * 1024 * 1024;
/// What the API server takes of a ConfigMap or Secret at most.
const MAX_CONTENT: u64 = 1024 * 1024;
/// As git has it: a zero in the first bytes makes a file binary.
const BINARY_WITHIN: usize = 8000;
/// Our own files name what they are about.
const OWN: [&str; 3] = [config::FILE_NAME, "kubewright.lock", config::BASELINE];

/// Reads the text files below directories, once.
#[derive(Debug)]
pub struct Below {
    root: PathBuf,
    directories: Vec<PathBuf>,
    /// Directories of which the files are read, and not what is below.
    shallow: Vec<PathBuf>,
    in_git: bool,
    read: OnceLock<Surroundings>,
    /// What directories hold that were asked for, without what is ignored.
    listed: Mutex<BTreeMap<PathBuf, BTreeSet<PathBuf>>>,
    /// Directories that are not looked into.
    barred: Arc<Mutex<BTreeSet<String>>>,
}

impl Below {
    /// Of files below `directories`, which lie at or below the root.
    pub fn new(root: &Path, directories: Vec<PathBuf>, in_git: bool) -> Self {
        Self {
            root: root.to_owned(),
            directories,
            shallow: Vec::new(),
            in_git,
            read: OnceLock::new(),
            listed: Mutex::default(),
            barred: Arc::default(),
        }
    }

    /// And of the files in these directories, not of what is below them.
    #[must_use]
    pub fn and_files_in(mut self, directories: Vec<PathBuf>) -> Self {
        self.shallow = directories;
        self
    }

    /// All that `.gitignore` leaves below a directory.
    fn walk(&self, directory: &Path) -> WalkBuilder {
        let mut walk = WalkBuilder::new(directory);
        walk.hidden(false)
            .ignore(false)
            .git_global(false)
            .git_exclude(false)
            .require_git(false)
            .parents(self.in_git);
        let (root, barred) = (self.root.clone(), Arc::clone(&self.barred));
        walk.filter_entry(move |entry| {
            let directory = entry.file_type().is_some_and(|t| t.is_dir());
            if directory && files::bad_ignore_file(entry.path(), &root).is_some() {
                if let Ok(mut barred) = barred.lock() {
                    barred.insert(files::relative(&root, entry.path()));
                }
                return false;
            }
            entry.file_name() != ".git"
        });
        walk
    }

    /// Whether a file is there, and neither it nor a directory above it is ignored.
    fn lists(&self, path: &Path) -> bool {
        let inside = path.ancestors().take_while(|above| *above != self.root);
        if files::bad_ignore_file(&self.root, &self.root).is_some() {
            return false;
        }
        let Ok(mut listed) = self.listed.lock() else {
            return false;
        };
        inside.collect::<Vec<_>>().into_iter().rev().all(|part| {
            let Some(directory) = part.parent() else {
                return false;
            };
            let entries = listed.entry(directory.to_owned()).or_insert_with(|| {
                let entries = self
                    .walk(directory)
                    .max_depth(Some(1))
                    .build()
                    .filter_map(Result::ok);
                let plain = entries
                    .filter(|entry| entry.file_type().is_some_and(|t| t.is_file() || t.is_dir()));
                plain.map(ignore::DirEntry::into_path).collect()
            });
            entries.contains(part)
        })
    }

    fn search(&self, asked: &dyn Fn(&str) -> bool) -> Surroundings {
        let mut paths: Vec<(PathBuf, u64)> = Vec::new();
        let deep = self.directories.iter().map(|directory| (directory, None));
        let shallow = self.shallow.iter().map(|directory| (directory, Some(1)));
        for (directory, depth) in deep.chain(shallow) {
            if files::bad_ignore_file(directory, &self.root).is_some() {
                continue;
            }
            let mut walk = self.walk(directory);
            let files = walk
                .max_depth(depth)
                .build()
                .filter_map(Result::ok)
                .filter(|e| e.file_type().is_some_and(|t| t.is_file()));
            let own = |path: &Path| {
                path.file_name()
                    .is_some_and(|name| OWN.iter().any(|own| name == *own))
            };
            paths.extend(
                files
                    .filter_map(|e| Some((e.metadata().ok()?.len(), e.into_path())))
                    .map(|(l, p)| (p, l))
                    .filter(|(p, _)| !own(p) && asked(&files::relative(&self.root, p))),
            );
        }
        paths.sort();
        paths.dedup();
        let read = parallel::map(&paths, |(path, length)| {
            let name = files::relative(&self.root, path);
            if *length > MAX_BYTES {
                return Some(Err(name));
            }
            let bytes = files::bytes(path).ok()?;
            let binary = bytes.iter().take(BINARY_WITHIN).any(|b| *b == 0);
            (!binary).then(|| Ok((name, String::from_utf8_lossy(&bytes).into_owned())))
        });
        let mut found = Surroundings::default();
        for file in read.into_iter().flatten() {
            match file {
                Ok(text) => found.texts.push(text),
                Err(name) => found.left_out.push(name),
            }
        }
        if let Ok(barred) = self.barred.lock() {
            found.left_out.extend(barred.iter().cloned());
        }
        found.texts.sort();
        found
    }
}

impl Texts for Below {
    fn read(&self) -> &Surroundings {
        self.read.get_or_init(|| self.search(&|_| true))
    }

    fn named(&self, asked: &dyn Fn(&str) -> bool) -> Vec<(String, String)> {
        self.search(asked).texts
    }

    fn bytes(&self, path: &str) -> Option<Vec<u8>> {
        let path = self.root.join(path);
        let small = self.lists(&path)
            && path
                .metadata()
                .is_ok_and(|metadata| metadata.len() <= MAX_CONTENT);
        small.then(|| files::bytes(&path).ok()).flatten()
    }
}
