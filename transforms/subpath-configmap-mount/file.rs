//! A file mounted through subPath that one of the strategies for files may take over, and the
//! volume that it comes from then.

use kubewright_model::finding::NoFix;
use kubewright_model::kube::images::PathKind;
use kubewright_model::text;
use kubewright_model::text::{Field, Verbatim};
use kubewright_model::yaml::{Edit, Node, Refusal, Value};

use super::codes::Code;
use super::decide::Decision;
use super::facts::{Basis, Facts};
use super::mounts::{self, Mount, covers};
use super::pod::{Own, Pod};
use super::volume::Item;

/// Files that the kubelet and the container runtime mount by themselves: nothing else can take
/// their place, nor a directory above them.
const RUNTIME_FILES: [&str; 4] = [
    "/etc/hosts",
    "/etc/hostname",
    "/etc/resolv.conf",
    "/dev/termination-log",
];
/// Directories that the container runtime and the kubelet mount something at.
const RUNTIME_DIRECTORIES: [&str; 4] = [
    "/proc",
    "/sys",
    "/dev",
    "/run/secrets/kubernetes.io/serviceaccount",
];

/// A file to be had without subPath: its mount, where it comes from, where it is found.
#[derive(Clone)]
pub(super) struct File<'a> {
    pub(super) decision: &'a Decision<'a>,
    /// Index of the source of the volume.
    pub(super) source: usize,
    pub(super) item: Item,
    /// Absolute path, without needless slashes.
    pub(super) target: String,
}

impl File<'_> {
    /// The directory that it lies in.
    pub(super) fn directory(&self) -> &str {
        mounts::parent(&self.target)
    }
}

/// Where the file is found, if that is a place where something else than a mount may stand.
pub(super) fn target(own: &Own<'_>, mount: &Mount<'_>) -> Result<String, NoFix> {
    let refuse = |why: &str| {
        Err(NoFix::new(
            Code::MountPath,
            text![Field("mountPath"), " ", Verbatim(mount.written), " ", &why],
        ))
    };
    let Some(path) = mount.path.clone().filter(|p| p != "/") else {
        return refuse("is not an absolute path of a file");
    };
    let system = ["/proc", "/sys"].iter().any(|dir| covers(dir, &path));
    let others = || {
        own.mounts
            .iter()
            .filter(|m| m.node != mount.node)
            .filter_map(|m| m.path.as_deref())
    };
    if mount.written.ends_with('/') || system {
        return refuse("is no place for a link");
    }
    if others().any(|other| covers(&path, other)) {
        return refuse("is not the only mount at, or below, that place");
    }
    if RUNTIME_FILES.contains(&path.as_str()) || log(own) == Some(&path) {
        return Err(NoFix::new(
            Code::RuntimeFile,
            text![
                "the kubelet mounts a ",
                Verbatim(&path),
                " of its own wherever no volume is mounted there"
            ],
        ));
    }
    Ok(path)
}

/// What the image has at the place of a file that becomes a link.
///
/// # Errors
/// When it is a directory.
pub(super) fn there(facts: &Facts, file: &File<'_>, basis: &mut Basis) -> Result<(), NoFix> {
    let Some(told) = facts.path(&file.target) else {
        if facts.locked() {
            basis.lacks(text![
                "what the image has at ",
                Verbatim(&file.target),
                ": kubewright.lock is older than this question"
            ]);
        }
        return Ok(());
    };
    match told.value.kind {
        PathKind::Directory => {
            let why = text![
                "the image has a directory at ",
                Verbatim(&file.target),
                ": a file cannot be mounted over it, nor a link take its place"
            ];
            return Err(NoFix::new(Code::DirectoryInTheWay, why));
        }
        PathKind::Symlink => {
            let to = told.value.target.as_deref().unwrap_or("another place");
            basis.lacks(text![
                "that nothing reads ",
                Verbatim(to),
                ", where ",
                Verbatim(&file.target),
                " leads in the image"
            ]);
        }
        PathKind::Absent | PathKind::File => {}
    }
    Ok(())
}

/// The mount that the file lies in, the innermost; none for the image's own file system.
pub(super) fn around<'a>(own: &'a Own<'a>, file: &File<'_>) -> Option<&'a Mount<'a>> {
    let others = own
        .mounts
        .iter()
        .filter(|m| m.node != file.decision.mount.node);
    others
        .filter_map(|m| Some((m.path.as_deref()?, m)))
        .filter(|(path, _)| covers(path, file.directory()))
        .max_by_key(|(path, _)| path.len())
        .map(|(_, mount)| mount)
}

/// What kubelet and runtime mount at or below a directory: in a volume, which is read-only, they
/// find no place for it.
pub(super) fn runtime_mount<'a>(own: &Own<'a>, directory: &str) -> Option<&'a str> {
    let all = RUNTIME_FILES
        .into_iter()
        .chain(RUNTIME_DIRECTORIES)
        .chain(log(own));
    all.into_iter()
        .find(|path| covers(directory, path) || covers(path, directory))
}

fn log<'a>(own: &Own<'a>) -> Option<&'a str> {
    own.container
        .node
        .get("terminationMessagePath")
        .and_then(Node::text)
}

/// Files whose volumes are mounted elsewhere.
pub(super) struct Moved {
    pub(super) edits: Vec<Edit>,
    /// Where the volumes are mounted.
    pub(super) directories: Vec<String>,
    /// Where each of the files is found.
    pub(super) places: Vec<String>,
}

/// Mounts each volume of the files in a directory of its own; `name` gives the path of a file in
/// the volume.
pub(super) fn moved(
    pod: &Pod<'_>,
    own: &Own<'_>,
    files: &[&File<'_>],
    name: impl Fn(&File<'_>) -> String,
) -> Result<Moved, NoFix> {
    let mut volumes: Vec<&str> = Vec::new();
    for file in files {
        if !volumes.contains(&file.decision.volume.name) {
            volumes.push(file.decision.volume.name);
        }
    }
    let (mut edits, mut directories) = (Vec::new(), Vec::new());
    let mut places = vec![String::new(); files.len()];
    for volume_name in volumes {
        let these: Vec<(usize, &File<'_>)> = files
            .iter()
            .copied()
            .enumerate()
            .filter(|(_, f)| f.decision.volume.name == volume_name)
            .collect();
        let leaving: Vec<&Mount<'_>> = these.iter().map(|(_, f)| f.decision.mount).collect();
        let items: Vec<(usize, Item)> = these
            .iter()
            .map(|(_, f)| {
                (
                    f.source,
                    Item {
                        path: name(f),
                        ..f.item.clone()
                    },
                )
            })
            .collect();
        let Some(volume) = these.first().map(|(_, f)| f.decision.volume) else {
            continue;
        };
        let directory = free_directory(pod, own, volume_name, files, &directories)?;
        let (new_name, volume_edits) = pod.place(volume, &leaving, &volume.only(&items))?;
        edits.extend(volume_edits);
        for (index, ((at, file), (_, item))) in these.iter().zip(&items).enumerate() {
            if index == 0 {
                edits.extend(remount(file.decision.mount, Some(&directory), &new_name)?);
            } else {
                edits.push(file.decision.mount.node.remove()?);
            }
            if let Some(place) = places.get_mut(*at) {
                *place = format!("{directory}/{}", item.path);
            }
        }
        directories.push(directory);
    }
    Ok(Moved {
        edits,
        directories,
        places,
    })
}

/// Mounts the whole volume `name`, at `path` if given.
pub(super) fn remount(
    mount: &Mount<'_>,
    path: Option<&str>,
    name: &str,
) -> Result<Vec<Edit>, Refusal> {
    let mut edits = Vec::new();
    let set = |key: &str, text: &str| {
        mount
            .node
            .get(key)
            .map(|n| n.set(&Value::str(text)))
            .transpose()
    };
    if let Some(path) = path {
        edits.extend(set("mountPath", path)?);
    }
    if name != mount.volume {
        edits.extend(set("name", name)?);
    }
    edits.extend(mount.node.get("subPath").map(Node::remove).transpose()?);
    Ok(edits)
}

/// A directory for the volume that lies neither above nor below any mount of the container, nor any
/// of the files.
pub(super) fn free_directory(
    pod: &Pod<'_>,
    own: &Own<'_>,
    volume: &str,
    files: &[&File<'_>],
    taken: &[String],
) -> Result<String, NoFix> {
    let root = &pod.cx.settings.subpath_configmap_mount.mount_root;
    let leaving = |mount: &Mount<'_>| files.iter().any(|f| f.decision.mount.node == mount.node);
    let staying = own
        .mounts
        .iter()
        .filter(|m| !leaving(m))
        .filter_map(|m| m.path.as_deref());
    let places: Vec<&str> = staying
        .chain(files.iter().map(|f| f.target.as_str()))
        .chain(taken.iter().map(String::as_str))
        .collect();
    let base = mounts::normal(root).filter(|r| r != "/").ok_or_else(|| {
        NoFix::new(
            Code::MountDir,
            text!["mount-root ", Verbatim(root), " is no absolute path"],
        )
    })?;
    for number in 1..10 {
        let suffix = if number == 1 {
            String::new()
        } else {
            format!("-{number}")
        };
        let directory = format!("{base}/{volume}{suffix}");
        if !places
            .iter()
            .any(|place| covers(place, &directory) || covers(&directory, place))
        {
            return Ok(directory);
        }
    }
    Err(NoFix::new(
        Code::MountDir,
        text![
            "no directory below ",
            Verbatim(&base),
            " lies apart from the container's mounts: set another mount-root"
        ],
    ))
}
