//! A resource that a fix renames: what kustomizations say of it by its name goes with it.

use kubewright_model::finding::NoFix;
use kubewright_model::kube::{BuildCode, FileId, ResourceId, Workspace};
use kubewright_model::text;
use kubewright_model::text::Path as At;
use kubewright_model::yaml::{Edit, Value};

use super::delta::Delta;

/// The edits of patches, their targets and replacements that mean a resource which gets another
/// name; none for one that keeps it.
///
/// # Errors
/// Which file names it in a way that is not edited.
pub(super) fn uses(
    now: &Workspace,
    id: ResourceId,
    deltas: &[Delta],
) -> Result<Vec<(FileId, Edit)>, NoFix> {
    let resource = now.resource(id);
    let (Some(name), Some(to)) = (deltas.iter().find_map(Delta::name), resource.target()) else {
        return Ok(Vec::new());
    };
    let mut edits = Vec::new();
    for found in now.uses_outside(Some(id), to, &resource.name) {
        let scalar = now.scalar_at(&found.location);
        let Some(node) = scalar.filter(|_| found.exact && found.inline.is_none()) else {
            let text = text![
                At(&now.file(found.location.file).path),
                " means ",
                resource.display(),
                " by its name, in a text or with others: rename it there by hand"
            ];
            return Err(NoFix::new(BuildCode::BuildsDiffer, text));
        };
        edits.push((found.location.file, node.set(&Value::str(name))?));
    }
    Ok(edits)
}
