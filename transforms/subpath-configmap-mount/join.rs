//! The strategy `join`: a file in a directory where another
//! ConfigMap, Secret or projected volume is mounted becomes part of that volume.

use kubewright_model::finding::NoFix;
use kubewright_model::yaml::Edit;

use super::codes::Code;
use super::decide::Decision;
use super::facts::Basis;
use super::file::remount;
use super::minds;
use super::mounts::{self, Mount};
use super::pod::{Own, Pod};
use super::volume::Item;

/// The edits: the volume of `outer` gets the file too, the mount of the file goes.
pub(super) fn rewrite(
    pod: &Pod<'_>,
    own: &Own<'_>,
    decision: &Decision<'_>,
    source: usize,
    item: &Item,
    outer: &Mount<'_>,
) -> Result<(Vec<Edit>, Basis), NoFix> {
    let refuse = || {
        NoFix::new(
            Code::ParentIsVolume,
            format!("the file cannot join the volume {}", outer.volume),
        )
    };
    let (Some(volume), Some(path)) = (pod.volume(outer.volume), &decision.mount.path) else {
        return Err(refuse());
    };
    let mut basis = Basis::default();
    minds::place(path, &mut basis)?;
    let of = decision
        .volume
        .sources
        .get(source)
        .and_then(|s| Some((s.to?, s.name)));
    minds::content(pod, own, path, of, &item.key, &[], &mut basis);
    let item = Item {
        path: mounts::name(path).to_owned(),
        ..item.clone()
    };
    let below = format!("{}/", item.path);
    if volume
        .sources
        .iter()
        .filter_map(|s| s.items.as_ref())
        .flatten()
        .any(|i| i.path.starts_with(&below))
    {
        return Err(refuse());
    }
    let body = volume
        .merged(decision.volume, source, &item)
        .ok_or_else(refuse)?;
    let (name, mut edits) = pod.place(volume, &[outer], &body)?;
    edits.extend(remount(outer, None, &name)?);
    edits.push(decision.mount.node.remove()?);
    if !pod.shared(decision.volume.name, &[decision.mount]) {
        edits.push(decision.volume.node.remove()?);
    }
    Ok((edits, basis))
}
