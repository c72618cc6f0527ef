//! The strategy `directory`: a subPath that is a directory of the
//! volume is mounted whole where it was, of a volume that has just these files.

use kubewright_model::finding::NoFix;
use kubewright_model::text;
use kubewright_model::text::Verbatim;
use kubewright_model::yaml::Edit;

use super::decide::Decision;
use super::facts::{Basis, Facts};
use super::file::remount;
use super::minds;
use super::pod::{Own, Pod};
use super::volume::Item;

/// The edits, and what they rest on: the directory was one that the image has no part in, but now
/// it is one that the kubelet manages.
pub(super) fn rewrite(
    pod: &Pod<'_>,
    own: &Own<'_>,
    decision: &Decision<'_>,
    files: &[(usize, Item)],
) -> Result<(Vec<Edit>, Basis), NoFix> {
    let mount = decision.mount;
    let (name, mut edits) = pod.place(decision.volume, &[mount], &decision.volume.only(files))?;
    edits.extend(remount(mount, None, &name)?);
    let mut basis = Basis::default();
    if let Some(path) = mount.path.as_deref() {
        minds::place(path, &mut basis)?;
        for (source, item) in files {
            let of = decision
                .volume
                .sources
                .get(*source)
                .and_then(|s| Some((s.to?, s.name)));
            minds::content(
                pod,
                own,
                &format!("{path}/{}", item.path),
                of,
                &item.key,
                &[],
                &mut basis,
            );
        }
    }
    let facts = Facts::of(pod, own, true).unwrap_or_default();
    match mount
        .path
        .as_deref()
        .and_then(|path| Some((facts.owned(path)?, path)))
    {
        Some((who, path)) => basis.says(who, text![Verbatim(path), " is read by name only"]),
        None => basis.lacks(
            "that no program reads the directory as a whole, where it would meet ..data and what \
             it points to",
        ),
    }
    Ok((edits, basis))
}
