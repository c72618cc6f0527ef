//! The strategy `copy`: an init container of the same image copies the file into a writable
//! directory each time a pod starts.
//!
//! It is for what the others cannot do: programs and scripts that rewrite or rename their file,
//! which a mount answers with `Device or resource busy`, and files in the directory of another
//! volume. A copy is never updated, so a config hash has to replace the pods; and the program may
//! write what it could only read. So it is the last strategy, and never safe.

use kubewright_model::finding::NoFix;
use kubewright_model::kube::ContainerKind;
use kubewright_model::kube::images::Shell;
use kubewright_model::text;
use kubewright_model::text::{Text, Verbatim};
use kubewright_model::yaml::{Edit, Node, Place, Value};

use super::codes::Code;
use super::cure::{self, Ill};
use super::decide::Decision;
use super::facts::{Basis, Facts};
use super::file::{self, File};
use super::link;
use super::minds;
use super::mounts::{self, Mount, covers};
use super::pod::{Own, Pod};
use super::say;
use super::scripts;
use super::volume::Item;
use super::wrapper::quoted;

/// The first words of the script.
const MARKER: &str = ": kubewright:copy;";
/// What it copies with, beside the shell.
const TOOLS: [&str; 4] = ["cp", "mv", "rm", "chmod"];
/// Fields of the container and of the pod that the fix rests on, besides its image.
pub(super) const FIELDS: [&str; 4] = ["command", "volumeMounts", "securityContext", "resources"];
/// Fields of the container that its init container has, too: who it is, where its image comes
/// from, and what a quota asks for.
const SAME: [&str; 4] = ["image", "imagePullPolicy", "securityContext", "resources"];

/// Why a file is copied.
#[derive(Debug, Clone)]
pub(super) enum Reason {
    /// Somebody writes it, and who.
    Written(Text),
    /// It lies in a volume that is not made of objects.
    InVolume,
}

/// The directory that the copy lies in.
pub(super) enum Ground<'a> {
    /// A volume of the pod that may be written.
    Volume(&'a Mount<'a>),
    /// The image's, which becomes an emptyDir with all that the image has there.
    Image,
}

/// Files that are copied.
pub(super) struct Copied {
    pub(super) edits: Vec<Edit>,
    pub(super) basis: Basis,
    /// Why, and what is different then.
    pub(super) notes: Vec<Text>,
    /// The mount is in somebody's way.
    pub(super) busy: bool,
}

/// Whether the file is one for a copy at all.
pub(super) fn reason(
    pod: &Pod<'_>,
    own: &Own<'_>,
    facts: &Facts,
    file: &File<'_>,
) -> Option<Reason> {
    // An init container runs before the one that would copy for it.
    if own.container.kind != ContainerKind::Main {
        return None;
    }
    let target = file.target.as_str();
    if told(pod, file) {
        return Some(Reason::Written(
            "written-files says that the program writes it, which a mount answers with `Device or \
             resource busy`"
                .into(),
        ));
    }
    if let Some(rewrites) = minds::rewrites(target) {
        return Some(Reason::Written(rewrites.into()));
    }
    let mut nothing = Basis::default();
    let script = scripts::in_sight(pod, own, target, &mut nothing)
        .and_then(|()| scripts::of_image(pod, own, facts, target, &mut nothing));
    if let Err(no_fix) = script {
        return Some(Reason::Written(no_fix.text));
    }
    let around = file::around(own, file)?;
    pod.volume(around.volume)
        .is_none()
        .then_some(Reason::InVolume)
}

/// Whether the configuration says that the program writes the file.
pub(super) fn told(pod: &Pod<'_>, file: &File<'_>) -> bool {
    let written = &pod.cx.settings.subpath_configmap_mount.written_files;
    written
        .iter()
        .any(|path| covers(path.trim_end_matches('/'), &file.target))
}

/// Whether the file could be copied, whatever the image is.
pub(super) fn possible(pod: &Pod<'_>, own: &Own<'_>, file: &File<'_>) -> Result<(), NoFix> {
    if file.decision.nested.is_none() {
        minds::place(&file.target, &mut Basis::default())?;
    }
    if let Some(line) = scripts::asks_for_mount(own, &file.target) {
        let text = text![
            "`",
            &line,
            "` in the container asks whether ",
            Verbatim(&file.target),
            " is mounted, which a copy is not"
        ];
        return Err(NoFix::new(Code::ScriptHandles, text));
    }
    ground(pod, own, file)?;
    pod.not_patched(
        own,
        &FIELDS,
        &["volumes", "securityContext", "initContainers"],
    )?;
    pod.image_patched(own)
}

/// Copies these files, all of one directory; what that rests on, and what is different then.
pub(super) fn rewrite(
    pod: &Pod<'_>,
    own: &Own<'_>,
    facts: &Facts,
    files: &[&File<'_>],
) -> Result<Copied, NoFix> {
    let mut basis = Basis::default();
    let mut written = None;
    for file in files {
        possible(pod, own, file)?;
        if let Some(Reason::Written(why)) = reason(pod, own, facts, file) {
            written.get_or_insert(why);
        }
    }
    let shell = shell(pod, own, facts, &mut basis)?;
    let decisions: Vec<&Decision<'_>> = files.iter().map(|f| f.decision).collect();
    if !decisions.iter().all(|d| d.ends) {
        cure::cured(pod, &decisions).map_err(|ill| {
            let (Ill::NoHash(why) | Ill::InPart(why)) = ill;
            let text = text![
                "a copy stays as it is until the pod is replaced, so a config hash has to come \
                 first: ",
                why
            ];
            NoFix::new(Code::NoConfigHash, text)
        })?;
    }
    let Some(first) = files.first() else {
        return Err(NoFix::new(Code::StrategyOff, "there is no file to copy"));
    };
    let directory = first.directory();
    let ground = ground(pod, own, first)?;
    lacks(pod, &ground, files, &mut basis);
    let edits = edits(pod, own, (&ground, &shell, directory), files)?;
    let mut notes = Vec::new();
    let busy = written.is_some();
    notes.extend(written);
    notes.push(text![
        "different then: the program may write ",
        Text::list(
            files
                .iter()
                .map(|f| Verbatim(&f.target))
                .collect::<Vec<_>>()
        ),
        ", and what it writes is lost at the next start of a pod"
    ]);
    Ok(Copied {
        edits,
        basis,
        notes,
        busy,
    })
}

/// What nobody answers for.
fn lacks(pod: &Pod<'_>, ground: &Ground<'_>, files: &[&File<'_>], basis: &mut Basis) {
    let Some(first) = files.first() else {
        return;
    };
    let directory = first.directory();
    match ground {
        Ground::Volume(outer) => {
            basis.lacks(text![
                "that the container's user may write in ",
                Verbatim(directory)
            ]);
            let empty = pod
                .template
                .volume(outer.volume)
                .is_some_and(|v| v.get("emptyDir").is_some());
            if !empty {
                basis.lacks(text![
                    "that the volume ",
                    &outer.volume,
                    " has no file of its own at that place, and that no other pod reads it there"
                ]);
            } else if pod.shared(outer.volume, &[*outer]) {
                basis.lacks(text![
                    "that the other containers with the volume ",
                    &outer.volume,
                    " do not mind the file"
                ]);
            }
        }
        Ground::Image => basis.lacks(text![
            "that the container's user may read all that the image has in ",
            Verbatim(directory),
            ", which is copied into an emptyDir"
        ]),
    }
    basis.lacks("that nothing relies on the file being read-only");
}

/// The shell that copies, which must be known, and has its tools.
pub(super) fn shell(
    pod: &Pod<'_>,
    own: &Own<'_>,
    facts: &Facts,
    basis: &mut Basis,
) -> Result<String, NoFix> {
    if let Some(told) = facts.shell().filter(|told| told.value == Shell::None) {
        return Err(NoFix::new(
            Code::NoShell,
            format!("the image has no shell: {}", say::source(told.by)),
        ));
    }
    if let Some(told) = facts.lacks(&TOOLS) {
        let text = text![
            "the image has no ",
            Text::list(told.value),
            ", which an init container copies with: ",
            say::source(told.by)
        ];
        return Err(NoFix::new(Code::NoShell, text));
    }
    let shell = link::known_shell(own, facts, basis)
        .ok_or_else(|| say::unknown(pod, own, facts, say::Unknown::Shell))?;
    if !facts.locked() {
        basis.lacks(text!["that the image has ", Text::list(TOOLS)]);
    }
    Ok(shell)
}

/// What the copy lies in.
pub(super) fn ground<'a>(
    pod: &Pod<'a>,
    own: &'a Own<'a>,
    file: &File<'_>,
) -> Result<Ground<'a>, NoFix> {
    let refuse = |why: Text| Err(NoFix::new(Code::ParentIsVolume, why));
    let directory = file.directory();
    let Some(outer) = file::around(own, file) else {
        let shared = |why: Text| Err(NoFix::new(Code::DirectoryShared, why));
        if directory == "/" {
            return shared("the file lies in the root directory".into());
        }
        if let Some(path) = file::runtime_mount(own, directory) {
            return shared(text![
                Verbatim(path),
                " is mounted by the kubelet or the container runtime, so ",
                Verbatim(directory),
                " can be no emptyDir"
            ]);
        }
        return match own.mounts.iter().find(|m| m.path.is_none()) {
            Some(other) => shared(text![&other.volume, " is mounted at no plain path"]),
            None => Ok(Ground::Image),
        };
    };
    if outer.read_only {
        return refuse(text![
            Verbatim(directory),
            " lies in the volume ",
            &outer.volume,
            ", which is mounted read-only: no copy can be made there"
        ]);
    }
    if outer.expression || !writable(pod, outer.volume) {
        return refuse(text![
            Verbatim(directory),
            " lies in the volume ",
            &outer.volume,
            ", which is no emptyDir and no persistent volume: a copy there could reach others"
        ]);
    }
    Ok(Ground::Volume(outer))
}

/// Whether the volume is an emptyDir, or a persistent one that a claim gives the pod.
fn writable(pod: &Pod<'_>, name: &str) -> bool {
    if let Some(volume) = pod.template.volume(name) {
        return ["emptyDir", "persistentVolumeClaim", "ephemeral"]
            .iter()
            .any(|kind| volume.get(kind).is_some());
    }
    let templates = pod.workload.path(&["spec", "volumeClaimTemplates"]);
    templates
        .map(Node::items)
        .into_iter()
        .flatten()
        .any(|t| t.path(&["metadata", "name"]).and_then(Node::text) == Some(name))
}

/// The volume moves to an init container, which copies; the mounts of the files go.
fn edits(
    pod: &Pod<'_>,
    own: &Own<'_>,
    (ground, shell, directory): (&Ground<'_>, &str, &str),
    files: &[&File<'_>],
) -> Result<Vec<Edit>, NoFix> {
    let mut edits = Vec::new();
    let (mut mounts, mut directories) = (Vec::new(), Vec::new());
    let mut steps = Vec::new();
    let mut left = files.iter().map(|f| f.decision.mount.node);
    match ground {
        Ground::Volume(outer) => {
            let mut mount = vec![
                ("name", Value::str(outer.volume)),
                ("mountPath", Value::str(outer.written)),
            ];
            mount.extend(outer.sub_path.map(|path| ("subPath", Value::str(path))));
            mounts.push(Value::map(mount));
            steps.push(format!("mkdir -p {}", quoted(directory)));
        }
        Ground::Image => {
            let Some(first) = files.first().map(|f| f.decision) else {
                return Ok(edits);
            };
            let name = pod.free_name(first.volume.name, "-copy");
            let place = file::free_directory(pod, own, &name, files, &[])?;
            if covers(directory, &place) {
                let text = text![
                    "the volumes are mounted below ",
                    Verbatim(directory),
                    ": set another mount-root"
                ];
                return Err(NoFix::new(Code::MountDir, text));
            }
            let volume = Value::map([
                ("name", Value::str(&name)),
                ("emptyDir", Value::Map(Vec::new())),
            ]);
            let list = first.volume.list()?;
            edits.push(list.push(Place::Last, &volume)?);
            mounts.push(Value::map([
                ("name", Value::str(&name)),
                ("mountPath", Value::str(&place)),
            ]));
            edits.extend(file::remount(first.mount, Some(directory), &name)?);
            let read_only = first.mount.node.get("readOnly").map(Node::remove);
            edits.extend(read_only.transpose()?);
            left.next();
            steps.push(everything(directory, &place));
            directories.push(place);
        }
    }
    for node in left {
        edits.push(node.remove()?);
    }
    let copied = match directories.first() {
        Some(place) => place.clone(),
        None => directory.to_owned(),
    };
    for (volume, items) in volumes(files) {
        let leaving: Vec<&Mount<'_>> = files.iter().map(|f| f.decision.mount).collect();
        let place = file::free_directory(pod, own, volume.name, files, &directories)?;
        let plain: Vec<(usize, Item)> = items.iter().map(|f| (f.source, f.item.clone())).collect();
        let (name, volume_edits) = pod.place(volume, &leaving, &volume.only(&plain))?;
        edits.extend(volume_edits);
        mounts.push(Value::map([
            ("name", Value::str(&name)),
            ("mountPath", Value::str(&place)),
        ]));
        for file in items {
            let source = format!("{place}/{}", file.item.path);
            steps.push(one(&source, &copied, mounts::name(&file.target)));
        }
        directories.push(place);
    }
    let script = format!("{MARKER} {}", steps.join(" && "));
    edits.push(init_container(pod, own, shell, script, mounts)?);
    Ok(edits)
}

type Group<'a> = (&'a super::volume::Volume<'a>, Vec<&'a File<'a>>);

/// The files of each volume.
fn volumes<'a>(files: &[&'a File<'a>]) -> Vec<Group<'a>> {
    let mut groups: Vec<Group<'a>> = Vec::new();
    for file in files {
        let volume = file.decision.volume;
        match groups
            .iter_mut()
            .find(|(other, _)| other.name == volume.name)
        {
            Some((_, group)) => group.push(file),
            None => groups.push((volume, vec![file])),
        }
    }
    groups
}

/// Copies all that the image has in a directory, which may be nothing. Each entry by itself: only
/// root could give the emptyDir the mode of the directory. A copy of an earlier start, which may
/// have been cut off, goes first. Root without the capability CHOWN cannot keep the owner.
pub(super) fn everything(directory: &str, to: &str) -> String {
    let (directory, to) = (quoted(directory), quoted(to));
    format!(
        "if [ -d {directory} ]; then for f in {directory}/* {directory}/.[!.]* {directory}/..?*; \
         do if [ -e \"$f\" ] || [ -L \"$f\" ]; then rm -rf {to}/\"$${{f##*/}}\" && {{ cp -a \"$f\" \
         {to}/ 2>/dev/null || cp -RP \"$f\" {to}/; }} || exit 1; fi; done; fi"
    )
}

/// Copies one file. It appears whole, and takes the place of a file or link of that name; `mv`
/// would put it inside of a directory that stands there, so that ends it.
fn one(source: &str, directory: &str, name: &str) -> String {
    let target = quoted(&format!("{directory}/{name}"));
    let new = quoted(&format!("{directory}/.kubewright-{name}"));
    let source = quoted(source);
    format!("[ ! -d {target} ] && cp {source} {new} && chmod u+w {new} && mv -f {new} {target}")
}

/// The init container, behind those that are there.
pub(super) fn init_container(
    pod: &Pod<'_>,
    own: &Own<'_>,
    shell: &str,
    script: String,
    mounts: Vec<Value>,
) -> Result<Edit, NoFix> {
    let name = pod.free_container(own.container.name);
    let mut fields = vec![("name", Value::str(name))];
    for field in SAME {
        let value = own.container.node.get(field).filter(|n| !n.is_null());
        fields.extend(value.and_then(Node::to_value).map(|value| (field, value)));
    }
    let words = [shell.to_owned(), "-c".to_owned(), script];
    fields.push(("command", Value::strs(words)));
    fields.push(("volumeMounts", Value::Seq(mounts)));
    let container = Value::map(fields);
    let spec = pod.template.spec;
    let there = spec.get("initContainers").filter(|n| !n.is_null());
    if let Some(list) = there {
        return Ok(list.push(Place::Last, &container)?);
    }
    let place = own
        .container
        .node
        .parent()
        .filter(|list| list.parent() == Some(spec))
        .map_or(Place::Last, Place::Before);
    Ok(spec.insert(place, "initContainers", &Value::Seq(vec![container]))?)
}
