//! Reading: which files a run looks at, and which of them it may change.
//!
//! The graph of resources is read from the root, so that a reference is seen wherever it stands;
//! the PATHs and `ignore` only limit what is reported and edited. Where there is no root, a file is
//! read with those beside it: it is not judged as if it stood alone. Files are taken in sorted
//! order, `.gitignore` honoured, hidden files skipped, symbolic links not followed. Ignore files
//! outside of the tree are not asked: the same tree gives the same run on every machine.

mod one;

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error as _;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use globset::GlobSet;
use ignore::WalkBuilder;
use kubewright_model::finding::{NoFix, Severity};
use kubewright_model::kube::{Input, is_kubelet_setting, is_node_setting};
use rayon::prelude::*;

use super::globs;
use crate::pipeline::Code;
use crate::pipeline::input::may_hold_objects;
use crate::pipeline::report::{Reported, position};

/// The largest text that is read; larger ones are refused by `yaml`, too.
pub(super) const MAX_BYTES: u64 = 1024 * 1024 * 1024;
/// The largest file of ours, and the largest `.gitignore`.
const MAX_OWN: u64 = 64 * 1024 * 1024;

/// What to read.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// Directory that paths are relative to; without symbolic links.
    pub root: &'a Path,
    /// What was asked for: files and directories at or below the root, without symbolic links.
    pub paths: &'a [PathBuf],
    /// Read everything below the root, or what was asked for alone.
    pub whole: bool,
    /// Files that are never edited.
    pub ignore: &'a GlobSet,
    /// The root lies in a git work tree: ignore files above it count, up to its top.
    pub in_git: bool,
}

/// What was read.
#[derive(Debug, Default)]
pub struct Tree {
    /// Files by path.
    pub inputs: Vec<Input>,
    /// What could not be read, as findings.
    pub unread: Vec<Reported>,
    /// Directories asked for in which there is no file to read.
    pub barren: Vec<PathBuf>,
}

impl Tree {
    /// Path and text of all files that could be read.
    pub(super) fn texts(&self) -> Vec<(String, Arc<str>)> {
        let read = self.inputs.iter().filter(|input| &*input.text != UNKNOWN);
        read.map(|input| (input.path.clone(), Arc::clone(&input.text)))
            .collect()
    }
}

/// Why a file or directory that was asked for by name cannot be read.
#[derive(Debug)]
pub struct Unreadable {
    /// The file or directory.
    pub path: PathBuf,
    /// Why.
    pub error: std::io::Error,
}

/// Reads all files of a request.
///
/// # Errors
/// When a file or directory that was asked for by name cannot be read.
pub fn read(request: &Request<'_>) -> Result<Tree, Unreadable> {
    let mut tree = Tree::default();
    let named: BTreeSet<&Path> = request
        .paths
        .iter()
        .filter(|p| !p.is_dir())
        .map(PathBuf::as_path)
        .collect();
    let Found { files, barred } = find(request, &named, &mut tree.barren);
    for (path, error) in barred {
        if request.paths.contains(&path) {
            return Err(Unreadable { path, error });
        }
        let shown = relative(request.root, &path);
        tree.inputs.push(unknown(shown.clone()));
        if request.paths.iter().any(|asked| path.starts_with(asked)) {
            let what = if path.is_dir() { "directory" } else { "file" };
            tree.unread.push(cannot_read(shown, what, &error));
        }
    }
    let read: Vec<_> = files
        .into_par_iter()
        .map(|(path, asked)| {
            (
                bytes(&path).map(text),
                relative(request.root, &path),
                path,
                asked,
            )
        })
        .collect();
    for (bytes, relative, path, asked) in read {
        if path
            .strip_prefix(request.root)
            .unwrap_or(&path)
            .to_str()
            .is_none()
        {
            tree.inputs.push(unknown(relative.clone()));
            if asked {
                tree.unread.push(odd_name(relative));
            }
            continue;
        }
        match bytes {
            Err(error) if named.contains(path.as_path()) => return Err(Unreadable { path, error }),
            Err(error) => {
                tree.inputs.push(unknown(relative.clone()));
                if asked {
                    tree.unread.push(cannot_read(relative, "file", &error));
                }
            }
            Ok(read) => match read {
                Ok(text) => {
                    let editable = asked && !globs::ignored(request.ignore, &relative);
                    tree.inputs.push(Input {
                        path: relative,
                        text,
                        editable,
                    });
                }
                Err(bad) => {
                    tree.inputs.push(unknown(relative.clone()));
                    if asked {
                        let named = named.contains(path.as_path());
                        tree.unread.push(not_utf8(relative, &bad, named));
                    }
                }
            },
        }
    }
    tree.unread
        .retain(|f| !globs::ignored(request.ignore, &f.place.path));
    tree.inputs.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(tree)
}

/// Which files there are to read.
#[derive(Default)]
struct Found {
    /// Each once, in order, with whether it was asked for.
    files: Vec<(PathBuf, bool)>,
    /// What could not be looked into.
    barred: BTreeMap<PathBuf, std::io::Error>,
}

/// All files of a request; `named` are the PATHs that are files, `barren` gets those in which there
/// is none.
fn find(request: &Request<'_>, named: &BTreeSet<&Path>, barren: &mut Vec<PathBuf>) -> Found {
    let mut all = Found::default();
    // What is asked for by the root is the same walk.
    if request.whole && !request.paths.iter().any(|path| path == request.root) {
        all.walk(request, request.root, None, false);
    }
    for path in request.paths {
        if named.contains(path.as_path()) {
            all.files.push((path.clone(), true));
            continue;
        }
        let before = all.files.len();
        all.walk(request, path, None, true);
        if all.files.len() == before {
            barren.push(path.clone());
        }
    }
    if !request.whole {
        let directories: BTreeSet<_> = named.iter().filter_map(|file| file.parent()).collect();
        // A directory that cannot be listed leaves the file as alone as it was asked for.
        let mut beside = Found::default();
        for directory in directories {
            beside.walk(request, directory, Some(1), false);
        }
        all.files.extend(beside.files);
    }
    // One that is found more than once was asked for when one of its finders asked for it.
    all.files
        .sort_by(|a, b| a.0.as_os_str().cmp(b.0.as_os_str()).then(b.1.cmp(&a.1)));
    all.files.dedup_by(|later, first| later.0 == first.0);
    all
}

/// The text of a file of which only the path is known.
pub(super) const UNKNOWN: &str = "[";

/// A file of which only the path is known. Text that is not YAML keeps it from looking as if there
/// were nothing: what is applied together with it is not known completely.
pub(super) fn unknown(path: String) -> Input {
    Input {
        path,
        text: Arc::from(UNKNOWN),
        editable: false,
    }
}

impl Found {
    /// Adds all files below a directory that look like manifests, as deep as is said.
    fn walk(&mut self, request: &Request<'_>, directory: &Path, depth: Option<usize>, asked: bool) {
        let barred = Arc::new(Mutex::new(Vec::new()));
        let mut to_root = directory
            .ancestors()
            .take_while(|d| d.starts_with(request.root));
        if let Some(error) = to_root.find_map(|d| bad_ignore_file(d, request.root)) {
            self.barred.insert(directory.to_owned(), error);
            return;
        }
        let entries = WalkBuilder::new(directory)
            .max_depth(depth)
            .ignore(false)
            .git_global(false)
            .git_exclude(false)
            .require_git(false)
            .parents(request.in_git)
            .filter_entry({
                let (top, barred) = (request.root.to_owned(), Arc::clone(&barred));
                move |entry| {
                    let directory = entry.file_type().is_some_and(|t| t.is_dir());
                    let bad = directory
                        .then(|| bad_ignore_file(entry.path(), &top))
                        .flatten();
                    let good = bad.is_none();
                    if let (Some(error), Ok(mut barred)) = (bad, barred.lock()) {
                        barred.push((entry.path().to_owned(), error));
                    }
                    good
                }
            })
            .build();
        for entry in entries {
            match entry {
                Ok(entry) => {
                    let is_file = entry.file_type().is_some_and(|t| t.is_file());
                    if is_file && is_manifest(entry.path()) {
                        self.files.push((entry.into_path(), asked));
                    }
                }
                Err(error) => self.barred.extend(walk_error(error)),
            }
        }
        if let Ok(mut barred) = barred.lock() {
            self.barred.extend(barred.drain(..));
        }
    }
}

fn walk_error(error: ignore::Error) -> Option<(PathBuf, std::io::Error)> {
    match error {
        ignore::Error::WithPath { path, err } => Some((path, err.into_io_error()?)),
        ignore::Error::WithDepth { err, .. } | ignore::Error::WithLineNumber { err, .. } => {
            walk_error(*err)
        }
        _ => None,
    }
}

pub(super) fn is_manifest(path: &Path) -> bool {
    let extension = path.extension().and_then(|e| e.to_str()).unwrap_or("");
    matches!(extension, "yaml" | "yml" | "json" | "manifest")
        || path.file_name().is_some_and(|n| n == "Kustomization")
        || path
            .to_str()
            .is_some_and(|path| is_kubelet_setting(path) || is_node_setting(path))
}

/// Reads a file or what stands in for one, as far as the largest text that is understood.
pub(super) fn bytes(path: &Path) -> std::io::Result<Vec<u8>> {
    bounded(File::open(path)?, MAX_BYTES)
}

/// Reads all there is, but not more than `limit` bytes: what never ends is refused.
pub(super) fn bounded(from: impl Read, limit: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        let limit = limit >> 20;
        return Err(std::io::Error::other(format!("larger than {limit} MiB")));
    }
    Ok(bytes)
}

/// Reads a file of ours that comes with the tree (its configuration, its lock); `None` when there
/// is none.
///
/// # Errors
/// For what a repository may put there to have something else read: a link that leads out of `top`,
/// a device, a pipe, a file without end.
pub(super) fn own(path: &Path, top: &Path) -> std::io::Result<Option<Vec<u8>>> {
    match ours(path, top, MAX_OWN) {
        Ok(true) => bounded(File::open(path)?, MAX_OWN).map(Some),
        Ok(false) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether there is a file at `path`, which is one of the tree below `top`.
fn ours(path: &Path, top: &Path, limit: u64) -> std::io::Result<bool> {
    let refuse = |why: String| Err(std::io::Error::other(why));
    let kind = match path.symlink_metadata() {
        Ok(found) => found.file_type(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    let real = path.canonicalize()?;
    if kind.is_symlink() && !real.starts_with(top) {
        return refuse("it is a symbolic link that leads out of the tree".into());
    }
    match real.metadata()? {
        found if !found.is_file() => refuse("it is no file".into()),
        found if found.len() > limit => refuse(format!("larger than {} MiB", limit >> 20)),
        _ => Ok(true),
    }
}

/// What is wrong with the `.gitignore` of a directory, which the walk would read as it is: a link
/// out of the tree, a pipe or a device could keep it from ever ending.
pub(super) fn bad_ignore_file(directory: &Path, top: &Path) -> Option<std::io::Error> {
    let error = ours(&directory.join(".gitignore"), top, MAX_OWN).err()?;
    // One that cannot be looked at cannot be read either; the walk says what it makes of it.
    if error.kind() != std::io::ErrorKind::Other {
        return None;
    }
    let why = format!(".gitignore: {}", plain(&error));
    Some(std::io::Error::other(why))
}

/// How much of a file that is no text is looked at, in bytes.
const MAX_LOOK: usize = 1 << 20;

/// Why bytes are no text.
#[derive(Debug)]
pub(super) struct NotUtf8 {
    /// Line of the first byte that is none, from 1.
    pub(super) line: usize,
    /// Its column in characters, from 1.
    pub(super) column: usize,
    /// Its offset in bytes.
    offset: usize,
    /// The beginning, up to [`MAX_LOOK`] bytes, with a mark for each part that is no text.
    beginning: String,
}

/// The bytes as text.
pub(super) fn text(bytes: Vec<u8>) -> Result<Arc<str>, NotUtf8> {
    match String::from_utf8(bytes) {
        Ok(text) => Ok(Arc::from(text)),
        Err(e) => {
            let offset = e.utf8_error().valid_up_to();
            let bytes = e.as_bytes();
            let valid = bytes.get(..offset).unwrap_or_default();
            let (line, column) = position(std::str::from_utf8(valid).unwrap_or_default(), offset);
            let beginning = bytes.get(..MAX_LOOK).unwrap_or(bytes);
            let beginning = String::from_utf8_lossy(beginning).into_owned();
            Err(NotUtf8 {
                line,
                column,
                offset,
                beginning,
            })
        }
    }
}

/// Path relative to the root, `/` between segments.
pub(super) fn relative(root: &Path, path: &Path) -> String {
    let below = path.strip_prefix(root).unwrap_or(path);
    if std::path::MAIN_SEPARATOR == '/' {
        return below.to_string_lossy().into_owned();
    }
    let segments: Vec<_> = below.iter().map(std::ffi::OsStr::to_string_lossy).collect();
    segments.join("/")
}

fn cannot_read(path: String, what: &str, error: &std::io::Error) -> Reported {
    let reason = NoFix::new(Code::Unreadable, "it was neither checked nor edited");
    Reported::unread(
        path,
        (1, 1),
        0,
        format!("cannot read this {what}: {}", plain(error)),
        reason,
    )
}

fn odd_name(path: String) -> Reported {
    let reason = NoFix::new(Code::NotUtf8, "it was neither checked nor edited");
    Reported::unread(
        path,
        (1, 1),
        0,
        "the name of this file is not UTF-8".into(),
        reason,
    )
}

/// What is said of a file that is not UTF-8. A file of another program, which nobody named, is no
/// error: configurations of programs in other encodings lie beside manifests.
fn not_utf8(path: String, bad: &NotUtf8, named: bool) -> Reported {
    let at = (bad.line, bad.column);
    // UTF-16 is text with zero bytes in between.
    let mine = named || may_hold_objects(&path, &bad.beginning.replace('\0', ""));
    let why = if mine {
        "it was neither checked nor edited"
    } else {
        "nothing in it looks like a Kubernetes object; it was neither checked nor edited"
    };
    let reason = NoFix::new(Code::NotUtf8, why);
    let encoding = if bad.beginning.contains('\0') {
        "UTF-16"
    } else {
        "WINDOWS-1252"
    };
    let help = format!(
        "save it as UTF-8: in an editor, or with `iconv -f {encoding} -t UTF-8` if that is its \
         encoding"
    );
    let said = Reported::unread(path, at, bad.offset, "not UTF-8".into(), reason);
    Reported {
        severity: if mine {
            Severity::Error
        } else {
            Severity::Info
        },
        notes: if mine { vec![help.into()] } else { Vec::new() },
        ..said
    }
}

/// The words of the operating system without its number, and without the path that what calls it
/// may put around them: whoever says them names it.
pub(super) fn plain(error: &std::io::Error) -> String {
    let inside = std::iter::successors(error.source(), |&cause| cause.source());
    let system = std::iter::once(error)
        .chain(inside.filter_map(|cause| cause.downcast_ref()))
        .find(|cause| cause.raw_os_error().is_some());
    let said = system.unwrap_or(error).to_string();
    match said.split_once(" (os error") {
        Some((text, _)) => text.to_lowercase(),
        None => said,
    }
}
