//! Which strategy a mount is a case for, as the page lists them: the first that fits.
//!
//! A missing file is an error. What never changes needs nothing. A subPath that is a directory
//! becomes a directory mount, a file beside a directory of the same kind joins it. Any other file
//! is up to the strategies for files, which [`choose`] decides on. What is left keeps its subPath,
//! with the reason.

use kubewright_model::finding::NoFix;
use kubewright_model::text;
use kubewright_model::text::{Field, Text, Verbatim};
use kubewright_model::yaml::Node;

use super::choose;
use super::codes::Code;
use super::mounts::{Mount, covers, parent};
use super::options::Strategy;
use super::ordinal;
use super::pod::{Own, Pod};
use super::volume::{Found, Item, Volume, VolumeSource};
use crate::missing_config_reference;

/// A mount through subPath and what to do about it.
pub(super) struct Decision<'a> {
    pub(super) mount: &'a Mount<'a>,
    pub(super) volume: &'a Volume<'a>,
    /// The source of the volume that it reads, the first one of a directory.
    pub(super) source: &'a VolumeSource<'a>,
    pub(super) case: Case<'a>,
    /// The container ends by itself.
    pub(super) ends: bool,
    /// The volume of another ConfigMap, Secret or projected volume that it lies in, which is
    /// read-only.
    pub(super) nested: Option<&'a str>,
}

/// What a mount is a case for.
pub(super) enum Case<'a> {
    /// The file does not exist.
    Missing(NoFix),
    /// A service account token, which is never renewed.
    Token(NoFix),
    /// The content never changes under this name.
    Settled(NoFix),
    /// A directory of these files.
    Directory(Vec<(usize, Item)>),
    /// The file at this index of the sources, beside the files of another mount.
    Beside(usize, Item, &'a Mount<'a>),
    /// The file at this index of the sources, perhaps.
    File(usize, Item),
    /// The mount stays.
    Keep(NoFix),
}

/// What `mount` is; `None` when it mounts no ConfigMap or Secret, or not through subPath.
pub(super) fn decide<'a>(
    pod: &'a Pod<'_>,
    own: &'a Own<'a>,
    mount: &'a Mount<'a>,
) -> Option<Decision<'a>> {
    if !mount.expression && mount.sub_path.is_none() {
        return None;
    }
    let volume = pod.volume(mount.volume)?;
    if let Some(source) = mount.sub_path.and_then(|path| volume.token(path)) {
        let text = "mount the volume at a directory of its own, without subPath, and read the \
                    token there: the kubelet renews it in place";
        let case = Case::Token(NoFix::new(Code::Token, text));
        return Some(Decision {
            mount,
            volume,
            source,
            case,
            ends: false,
            nested: None,
        });
    }
    let objects: Vec<&VolumeSource<'a>> =
        volume.sources.iter().filter(|s| s.to.is_some()).collect();
    let first = *objects.first()?;
    if mount.expression {
        return Some(expression(pod, own, mount, (volume, first)));
    }
    let keep = |source, code, text: Text| {
        Some(Decision {
            mount,
            volume,
            source,
            case: Case::Keep(NoFix::new(code, text)),
            ends: pod.ends(own),
            nested: nested(pod, own, mount),
        })
    };
    let sub_path = mount.sub_path?;
    let read = [mount.written, sub_path, mount.volume]
        .into_iter()
        .chain(objects.iter().map(|s| s.name));
    if let Some(text) = read
        .into_iter()
        .find(|t| t.contains("{{") || t.contains("${"))
    {
        return keep(
            first,
            Code::Placeholder,
            text![Verbatim(text), " is filled in by another tool"],
        );
    }
    let known = |source: &VolumeSource<'_>| Some(pod.objects.known(source.to?, source.name));
    let (source, case) = match volume.find(sub_path, known) {
        Found::Other => return None,
        Found::Unknown => {
            return keep(
                first,
                Code::SourceUnknown,
                text![
                    "it is not known which source of the volume ",
                    &volume.name,
                    " has ",
                    Verbatim(sub_path)
                ],
            );
        }
        Found::Missing(index) => {
            let source = volume.sources.get(index)?;
            // A key that a closed set does not have is one finding, and that transform says which
            // key is near. Of a name that is defined several times it says nothing.
            let several = source
                .to
                .is_some_and(|to| pod.objects.known(to, source.name).of_own_file);
            if !several
                && volume.sources.iter().all(|s| s.items.is_none())
                && missing_config_reference::reports(&pod.cx, pod.id)
            {
                return None;
            }
            (source, missing(volume, source, sub_path, mount))
        }
        Found::Directory(files) => {
            let source = volume.sources.get(files.first()?.0)?;
            let read: Vec<&VolumeSource<'a>> = files
                .iter()
                .filter_map(|(i, _)| volume.sources.get(*i))
                .collect();
            let case = settled(pod, &read).unwrap_or_else(|| directory(pod, own, volume, files));
            (source, case)
        }
        Found::File(index, item) => {
            let source = volume.sources.get(index)?;
            let case = settled(pod, &[source])
                .unwrap_or_else(|| file(pod, own, mount, volume, index, item));
            (source, case)
        }
    };
    Some(Decision {
        mount,
        volume,
        source,
        case,
        ends: pod.ends(own),
        nested: nested(pod, own, mount),
    })
}

/// What a mount with `subPathExpr` is: a path that some pod does not find, or one that stays.
fn expression<'a>(
    pod: &'a Pod<'_>,
    own: &'a Own<'a>,
    mount: &'a Mount<'a>,
    (volume, source): (&'a Volume<'a>, &'a VolumeSource<'a>),
) -> Decision<'a> {
    let missing = ordinal::missing(pod, own, mount, volume);
    let (case, nested) = if let Some((pod_name, path)) = missing {
        let text = text![
            "no key or item ",
            Verbatim(&path),
            ": the kubelet makes an empty directory of that name and mounts it at ",
            Verbatim(mount.written),
            " of ",
            &pod_name
        ];
        (Case::Missing(NoFix::new(Code::MissingKey, text)), None)
    } else {
        let text = "subPathExpr chooses a file for each pod, which items cannot say";
        let case = Case::Keep(NoFix::new(Code::SubpathExpr, text));
        (case, nested(pod, own, mount))
    };
    Decision {
        mount,
        volume,
        source,
        case,
        ends: pod.ends(own),
        nested,
    }
}

fn missing<'a>(
    volume: &Volume<'_>,
    source: &VolumeSource<'_>,
    sub_path: &str,
    mount: &Mount<'_>,
) -> Case<'a> {
    if source.optional {
        return Case::Keep(NoFix::new(
            Code::Optional,
            text![
                source.display(),
                " is optional: there may be nothing to link to"
            ],
        ));
    }
    let what = if volume.sources.iter().any(|s| s.items.is_some()) {
        text![
            "no item of the volume ",
            &volume.name,
            " has the path ",
            Verbatim(sub_path)
        ]
    } else {
        text![source.display(), " has no key ", Field(sub_path)]
    };
    Case::Missing(NoFix::new(
        Code::MissingKey,
        text![
            &what,
            ": the kubelet makes an empty directory of that name and mounts it at ",
            Verbatim(mount.written)
        ],
    ))
}

/// That the content never changes, when it holds for all sources that are read.
fn settled<'a>(pod: &Pod<'_>, read: &[&VolumeSource<'_>]) -> Option<Case<'a>> {
    let known: Vec<_> = read
        .iter()
        .filter_map(|s| Some(pod.objects.known(s.to?, s.name)))
        .collect();
    let name = read.first()?.display();
    if known.iter().all(|k| k.immutable) {
        return Some(Case::Settled(NoFix::new(
            Code::Immutable,
            format!("{name} is immutable: its content never changes"),
        )));
    }
    let text = || {
        format!(
            "kustomize puts a hash of the content into the name of {name}: a change replaces the \
             pods"
        )
    };
    known
        .iter()
        .all(|k| k.hashed_name)
        .then(|| Case::Settled(NoFix::new(Code::GeneratedName, text())))
}

fn directory<'a>(
    pod: &Pod<'_>,
    own: &Own<'_>,
    volume: &Volume<'_>,
    files: Vec<(usize, Item)>,
) -> Case<'a> {
    let proof = whole(own)
        .and_then(|()| pod.may_change())
        .and_then(|()| volume.check())
        .and_then(|()| pod.not_patched(own, &["volumeMounts"], &["volumes"]));
    proof.map_or_else(Case::Keep, |()| Case::Directory(files))
}

fn file<'a>(
    pod: &'a Pod<'_>,
    own: &'a Own<'a>,
    mount: &Mount<'_>,
    volume: &Volume<'_>,
    index: usize,
    item: Item,
) -> Case<'a> {
    let proof = whole(own)
        .and_then(|()| pod.may_change())
        .and_then(|()| volume.check())
        .and_then(|()| linux(pod, own))
        .and_then(|()| pod.not_patched(own, &["volumeMounts"], &["volumes"]));
    if let Err(no_fix) = proof {
        return Case::Keep(no_fix);
    }
    match beside(pod, own, mount).filter(|_| choose::allowed(pod, Strategy::Join)) {
        Some(outer) => Case::Beside(index, item, outer),
        None => Case::File(index, item),
    }
}

/// The mount of a whole ConfigMap, Secret or projected volume at the directory that `mount` lies
/// in.
fn beside<'a>(pod: &'a Pod<'_>, own: &'a Own<'a>, mount: &Mount<'_>) -> Option<&'a Mount<'a>> {
    let directory = parent(mount.path.as_deref()?);
    let outer = own
        .mounts
        .iter()
        .find(|m| m.path.as_deref() == Some(directory) && m.sub_path.is_none() && !m.expression)?;
    pod.volume(outer.volume)?.check_fields().ok()?;
    (outer.volume != mount.volume).then_some(outer)
}

/// The volume around a mount, if it is another one that the kubelet mounts read-only: the container
/// runtime finds no place there to mount something at, and the container does not start
/// (<https://github.com/kubernetes/kubernetes/issues/61545>).
fn nested<'a>(pod: &Pod<'_>, own: &'a Own<'_>, mount: &Mount<'_>) -> Option<&'a str> {
    let directory = parent(mount.path.as_deref()?);
    let around = own
        .mounts
        .iter()
        .filter(|m| m.node != mount.node)
        .filter_map(|m| Some((m.path.as_deref()?, m)));
    let (_, outer) = around
        .filter(|(path, _)| covers(path, directory))
        .max_by_key(|(path, _)| path.len())?;
    let whole = outer.sub_path.is_none() && !outer.expression && outer.volume != mount.volume;
    (whole && pod.volume(outer.volume).is_some()).then_some(outer.volume)
}

/// Refuses containers without an image, which no cluster takes: they are patches, and what they are
/// put upon is not in front of us.
fn whole(own: &Own<'_>) -> Result<(), NoFix> {
    let image = own
        .container
        .node
        .get("image")
        .is_some_and(|n| !n.is_null());
    image.then_some(()).ok_or_else(|| {
        NoFix::new(
            Code::Fragment,
            "the container has no image: this is a patch, and the rest of it is elsewhere",
        )
    })
}

/// Refuses pods of other operating systems.
fn linux(pod: &Pod<'_>, own: &Own<'_>) -> Result<(), NoFix> {
    let spec = pod.template.spec;
    let named = |path: &[&str]| {
        spec.path(path)
            .and_then(Node::text)
            .is_some_and(|os| os.eq_ignore_ascii_case("windows"))
    };
    let options = ["windowsOptions"].iter().any(|key| {
        spec.path(&["securityContext", key]).is_some()
            || own.container.node.path(&["securityContext", key]).is_some()
    });
    if named(&["os", "name"])
        || named(&["nodeSelector", "kubernetes.io/os"])
        || named(&["nodeSelector", "beta.kubernetes.io/os"])
        || options
    {
        return Err(NoFix::new(
            Code::Windows,
            "the pod runs on Windows, where there is no /bin/sh",
        ));
    }
    Ok(())
}
