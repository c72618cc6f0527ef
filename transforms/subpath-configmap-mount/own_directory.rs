//! The strategy `own-directory`: the directory that the files lie in
//! becomes a volume with just these files.
//!
//! Words, paths and user stay as they are, and it needs neither a shell nor a writable root file
//! system. But all that the image has in the directory disappears, nothing can be written there any
//! more, and a program that reads the directory as a whole meets `..data` too. So it is done only
//! where somebody answers for the directory: the user, with `owned-dirs`, or the image, which has
//! nothing there.

use kubewright_model::finding::NoFix;
use kubewright_model::kube::images::{PathFact, PathKind};
use kubewright_model::text;
use kubewright_model::text::{Text, Verbatim};
use kubewright_model::yaml::{Edit, Node};

use super::codes::Code;
use super::facts::{Basis, Facts};
use super::file::{self, File};
use super::minds::{self, Way};
use super::mounts::{Mount, covers, name};
use super::pod::{Own, Pod};
use super::texts;
use super::user::{self, User};
use super::volume::{self, Item, Volume};

/// Fields that the proof rests on.
const FIELDS: [&str; 6] = [
    "volumeMounts",
    "securityContext",
    "workingDir",
    "command",
    "args",
    "env",
];

/// The edits that make `directory` a volume with these files, all that are mounted there, and what
/// that rests on.
pub(super) fn rewrite(
    pod: &Pod<'_>,
    own: &Own<'_>,
    facts: &Facts,
    directory: &str,
    files: &[&File<'_>],
) -> Result<(Vec<Edit>, Basis), NoFix> {
    possible(pod, own, directory, files)?;
    let mut basis = basis(pod, own, facts, directory, files)?;
    minds::judge(pod, own, facts, files, Way::Volume, &mut basis)?;
    Ok((edits(pod, directory, files)?, basis))
}

/// Whether the directory could be a volume, whatever the image has there.
pub(super) fn possible(
    pod: &Pod<'_>,
    own: &Own<'_>,
    directory: &str,
    files: &[&File<'_>],
) -> Result<(), NoFix> {
    let refuse = |why: Text| Err(NoFix::new(Code::DirectoryShared, why));
    if let Some(path) = file::runtime_mount(own, directory).filter(|_| directory != "/") {
        return refuse(text![
            Verbatim(path),
            " is mounted by the kubelet or the container runtime, so ",
            Verbatim(directory),
            " can be no volume"
        ]);
    }
    if directory == "/" {
        return refuse("the file lies in the root directory".into());
    }
    let ours = |mount: &Mount<'_>| files.iter().any(|f| f.decision.mount.node == mount.node);
    for other in own.mounts.iter().filter(|m| !ours(m)) {
        let Some(path) = other.path.as_deref() else {
            return refuse(text![&other.volume, " is mounted at no plain path"]);
        };
        if covers(directory, path) || covers(path, directory) {
            return refuse(text![
                "the volume ",
                &other.volume,
                " is mounted at ",
                Verbatim(path),
                ", which lies in ",
                Verbatim(directory),
                " or around it"
            ]);
        }
    }
    let work = own.container.node.get("workingDir").and_then(Node::text);
    if work.is_some_and(|work| work != directory && covers(directory, work)) {
        return refuse(text![
            "the working directory lies below ",
            Verbatim(directory)
        ]);
    }
    pod.not_patched(own, &FIELDS, &["volumes", "securityContext"])
}

/// Who answers for the directory, and for what of it nobody does.
pub(super) fn basis(
    pod: &Pod<'_>,
    own: &Own<'_>,
    facts: &Facts,
    directory: &str,
    files: &[&File<'_>],
) -> Result<Basis, NoFix> {
    let mut basis = Basis::default();
    if let Some(who) = facts.owned(directory) {
        basis.says(
            who,
            text![
                Verbatim(directory),
                " holds nothing but what the pod mounts there"
            ],
        );
        return Ok(basis);
    }
    let there = emptiness(facts, directory, files, &mut basis)?;
    if facts
        .working_dir()
        .is_some_and(|work| work != directory && covers(directory, work))
    {
        return Err(NoFix::new(
            Code::DirectoryInUse,
            text![
                "the image's working directory lies below ",
                Verbatim(directory)
            ],
        ));
    }
    written(pod, own, facts, directory, files, &there, &mut basis);
    let paths: Vec<&str> = files.iter().map(|f| f.target.as_str()).collect();
    // The image's ENV is not known word by word: what names the directory, and none of the files,
    // means all of it.
    let named = |path: &str| {
        facts
            .path(path)
            .is_some_and(|told| told.value.named == Some(true))
    };
    let by_image = || named(directory) && !paths.iter().any(|path| named(path));
    let sign = texts::scanned(pod, own, directory, &paths, &facts.all_words());
    if let Some(sign) =
        sign.or_else(|| by_image().then(|| "the image's configuration names it".to_owned()))
    {
        basis.lacks(text![
            "that no program reads all of ",
            Verbatim(directory),
            ", where it would meet ..data too (",
            &sign,
            ")"
        ]);
    }
    Ok(basis)
}

/// What the image has at the directory, if that is nothing but places of these files.
pub(super) fn emptiness(
    facts: &Facts,
    directory: &str,
    files: &[&File<'_>],
    basis: &mut Basis,
) -> Result<PathFact, NoFix> {
    let in_use = |what: String| {
        NoFix::new(
            Code::DirectoryInUse,
            format!("the image has {what}, which the volume would hide"),
        )
    };
    let Some(told) = facts.path(directory) else {
        return Err(NoFix::new(
            Code::DirectoryUnknown,
            text![
                "what the image has in ",
                Verbatim(directory),
                " is not stated"
            ],
        ));
    };
    let fact = told.value;
    match (fact.kind, &fact.entries) {
        (PathKind::Absent, _) => basis.rests_on(told.by, format!("no {directory}")),
        (PathKind::Directory, Some(entries)) => {
            if let Some(other) = entries
                .iter()
                .find(|entry| !files.iter().any(|f| name(&f.target) == *entry))
            {
                return Err(in_use(format!("{directory}/{other}")));
            }
            let what = if entries.is_empty() {
                "nothing"
            } else {
                "only what the pod mounts"
            };
            basis.rests_on(told.by, format!("{what} in {directory}"));
        }
        (PathKind::Directory, None) => {
            return Err(in_use(format!(
                "a directory {directory} with files of its own"
            )));
        }
        _ => {
            return Err(in_use(format!(
                "no directory at {directory}, but a file or link"
            )));
        }
    }
    for file in files {
        if let Some(told) = facts.path(&file.target)
            && !matches!(told.value.kind, PathKind::Absent | PathKind::File)
        {
            return Err(in_use(format!("a link or directory at {}", file.target)));
        }
    }
    Ok(fact)
}

/// Notes whether the program could write into the directory until now. A directory that the image
/// lacks is made by the container runtime, for root alone (`os.MkdirAll(…, 0o755)` of
/// opencontainers/runc `libcontainer/rootfs_linux.go`).
fn written(
    pod: &Pod<'_>,
    own: &Own<'_>,
    facts: &Facts,
    directory: &str,
    files: &[&File<'_>],
    there: &PathFact,
    basis: &mut Basis,
) {
    if user::read_only_root(own) {
        return;
    }
    let user = user::of(pod, own, facts);
    let closed = |f: &&File<'_>| {
        user::may_write(pod, own, facts, user, &f.target).filter(|told| !told.value)
    };
    let by = match user {
        User::Other { by, .. } => Some(by),
        User::Random => Some(None),
        User::Root(_) | User::Unknown => None,
    };
    let closed = files.first().and_then(closed);
    if let Some(by) = by
        && (there.kind == PathKind::Absent || closed.is_some())
    {
        if let Some(told) = closed.filter(|_| there.kind != PathKind::Absent) {
            basis.rests_on(told.by, text!["its user may not write there"]);
        }
        basis.rests_on_user(by);
    } else {
        basis.lacks(text![
            "that the program writes nothing into ",
            Verbatim(directory),
            ", which becomes read-only"
        ]);
    }
}

/// One volume with the files of all, mounted at the directory.
fn edits(pod: &Pod<'_>, directory: &str, files: &[&File<'_>]) -> Result<Vec<Edit>, NoFix> {
    let items: Vec<(&Volume<'_>, usize, Item)> = files
        .iter()
        .map(|f| {
            (
                f.decision.volume,
                f.source,
                Item {
                    path: name(&f.target).to_owned(),
                    ..f.item.clone()
                },
            )
        })
        .collect();
    let leaving: Vec<&Mount<'_>> = files.iter().map(|f| f.decision.mount).collect();
    let Some(first) = files.first().map(|f| f.decision) else {
        return Ok(Vec::new());
    };
    let body = volume::gathered(&items);
    let (new_name, mut edits) = pod.place(first.volume, &leaving, &body)?;
    edits.extend(file::remount(first.mount, Some(directory), &new_name)?);
    let mut gone = vec![first.volume.name, new_name.as_str()];
    for file in files.iter().skip(1) {
        let volume = file.decision.volume;
        edits.push(file.decision.mount.node.remove()?);
        if !gone.contains(&volume.name) && !pod.shared(volume.name, &leaving) {
            edits.push(volume.node.remove()?);
        }
        gone.push(volume.name);
    }
    Ok(edits)
}
