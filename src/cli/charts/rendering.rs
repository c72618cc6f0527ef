//! A chart with all its sets of values.

use std::collections::BTreeMap;
use std::path::Path;

use kubewright_model::kube::charts::Chart;

use super::helm::Helm;

/// What was rendered, by the number of the set of values.
pub(super) type Renders = BTreeMap<usize, String>;

/// Renders with one set of values.
///
/// # Errors
/// Helm's own words.
pub(super) fn render(
    helm: &Helm,
    directory: &Path,
    chart: &Chart,
    set: usize,
    root: &Path,
) -> Result<String, String> {
    let values = chart.sets.get(set).ok_or("there is no such set")?;
    helm.template(directory, values, root)
}
