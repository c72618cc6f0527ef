//! The three rewrites of a container's mounts: a directory in place of a directory (D1), a file that joins a directory (D2), and links to
//! files of directories mounted elsewhere (W1).

use kubewright_model::finding::NoFix;
use kubewright_model::yaml::{Edit, Node, Refusal, Value};

use super::decide::Decision;
use super::mounts::{self, Mount, covers};
use super::pod::{Own, Pod};
use super::proof::Proof;
use super::volume::Item;
use super::wrapper::{self, Link};

/// A file to be linked: its mount, where it comes from, and where the link goes.
pub(super) struct Linked<'d, 'p, 'a> {
    pub(super) decision: &'d Decision<'p, 'a>,
    pub(super) source: usize,
    pub(super) item: Item,
    pub(super) target: String,
}

/// D1: the mount stays where it is, of a volume that has just these files.
pub(super) fn directory(pod: &Pod<'_>, decision: &Decision<'_, '_>, files: &[(usize, Item)]) -> Result<Vec<Edit>, NoFix> {
    let mount = decision.mount;
    let (name, mut edits) = pod.place(decision.volume, &[mount], &decision.volume.only(files))?;
    edits.extend(remount(mount, None, &name)?);
    Ok(edits)
}

/// D2: the volume of `outer` gets the file too, the mount of the file goes.
pub(super) fn beside(
    pod: &Pod<'_>,
    decision: &Decision<'_, '_>,
    source: usize,
    item: &Item,
    outer: &Mount<'_>,
) -> Result<Vec<Edit>, NoFix> {
    let refuse = || NoFix::new("parent-is-volume", format!("the file cannot join the volume {}", outer.volume));
    let (Some(volume), Some(path)) = (pod.volume(outer.volume), &decision.mount.path) else { return Err(refuse()) };
    let item = Item { path: mounts::name(path).to_owned(), ..item.clone() };
    let below = format!("{}/", item.path);
    if volume.sources.iter().filter_map(|s| s.items.as_ref()).flatten().any(|i| i.path.starts_with(&below)) {
        return Err(refuse());
    }
    let body = volume.merged(decision.volume, source, &item).ok_or_else(refuse)?;
    let (name, mut edits) = pod.place(volume, &[outer], &body)?;
    edits.extend(remount(outer, None, &name)?);
    edits.push(decision.mount.node.remove()?);
    if !pod.shared(decision.volume.name, &[decision.mount]) {
        edits.push(decision.volume.node.remove()?);
    }
    Ok(edits)
}

/// W1: a directory for the files of each volume, a link for each file. The edits and the directories.
pub(super) fn links(
    pod: &Pod<'_>,
    own: &Own<'_>,
    proof: &Proof<'_>,
    files: &[Linked<'_, '_, '_>],
) -> Result<(Vec<Edit>, Vec<String>), NoFix> {
    let fields = ["command", "args", "volumeMounts", "securityContext", "env", "envFrom", "lifecycle"];
    pod.not_patched(own, &fields, &["volumes", "securityContext", "nodeSelector", "os"])?;
    let mut volumes: Vec<&str> = Vec::new();
    for file in files {
        if !volumes.contains(&file.decision.volume.name) {
            volumes.push(file.decision.volume.name);
        }
    }
    let (mut edits, mut links, mut directories) = (Vec::new(), Vec::new(), Vec::new());
    for name in volumes {
        let these: Vec<&Linked<'_, '_, '_>> = files.iter().filter(|f| f.decision.volume.name == name).collect();
        let leaving: Vec<&Mount<'_>> = these.iter().map(|f| f.decision.mount).collect();
        let items: Vec<(usize, Item)> = these.iter().map(|f| (f.source, f.item.clone())).collect();
        let Some(volume) = these.first().map(|f| f.decision.volume) else { continue };
        let directory = free_directory(pod, own, name, files, &directories)?;
        let (new_name, volume_edits) = pod.place(volume, &leaving, &volume.only(&items))?;
        edits.extend(volume_edits);
        for (index, file) in these.iter().enumerate() {
            if index == 0 {
                edits.extend(remount(file.decision.mount, Some(&directory), &new_name)?);
            } else {
                edits.push(file.decision.mount.node.remove()?);
            }
            links.push(Link { source: format!("{directory}/{}", file.item.path), target: file.target.clone() });
        }
        directories.push(directory);
    }
    edits.extend(wrapper::edits(own.container.node, &proof.program, &proof.shell, &links)?);
    Ok((edits, directories))
}

/// Mounts the whole volume `name`, at `path` if given.
fn remount(mount: &Mount<'_>, path: Option<&str>, name: &str) -> Result<Vec<Edit>, Refusal> {
    let mut edits = Vec::new();
    let set = |key: &str, text: &str| mount.node.get(key).map(|n| n.set(&Value::str(text))).transpose();
    if let Some(path) = path {
        edits.extend(set("mountPath", path)?);
    }
    if name != mount.volume {
        edits.extend(set("name", name)?);
    }
    edits.extend(mount.node.get("subPath").map(Node::remove).transpose()?);
    Ok(edits)
}

/// A directory for the volume that lies neither above nor below any mount of the container, nor any link.
fn free_directory(pod: &Pod<'_>, own: &Own<'_>, volume: &str, files: &[Linked<'_, '_, '_>], taken: &[String]) -> Result<String, NoFix> {
    let root = &pod.cx.settings.subpath_configmap_mount.mount_root;
    let leaving = |mount: &Mount<'_>| files.iter().any(|f| f.decision.mount.node == mount.node);
    let staying = own.mounts.iter().filter(|m| !leaving(m)).filter_map(|m| m.path.as_deref());
    let places: Vec<&str> = staying.chain(files.iter().map(|f| f.target.as_str())).chain(taken.iter().map(String::as_str)).collect();
    let base = mounts::normal(root)
        .filter(|r| r != "/")
        .ok_or_else(|| NoFix::new("mount-dir", format!("mount-root {root} is no absolute path")))?;
    for number in 1..10 {
        let suffix = if number == 1 { String::new() } else { format!("-{number}") };
        let directory = format!("{base}/{volume}{suffix}");
        if !places.iter().any(|place| covers(place, &directory) || covers(&directory, place)) {
            return Ok(directory);
        }
    }
    Err(NoFix::new("mount-dir", format!("no directory below {base} lies apart from the container's mounts: set another mount-root")))
}
