//! What charts make with each of their sets of values, for commands that look at no template.

use std::path::Path;

use anyhow::Result;
use kubewright_model::kube::Workspace;
use kubewright_model::kube::charts::Chart;
use kubewright_model::text;
use kubewright_model::text::Text;
use rayon::prelude::*;

use super::copy::Copy;
use super::helm::Helm;
use super::rendering::render;
use super::seen;
use crate::cli::ground::Ground;

/// What a chart makes with one set of values.
pub(in crate::cli) struct Made {
    /// Directory of the chart, relative to the root; empty for the root itself.
    pub(in crate::cli) directory: String,
    pub(in crate::cli) workspace: Workspace,
}

/// All that the charts of a workspace make, and what Helm says of those that it does not render.
///
/// # Errors
/// When there are charts, and no Helm.
pub(in crate::cli) fn made(
    ground: &Ground,
    workspace: &Workspace,
    helm: Option<&Path>,
) -> Result<(Vec<Made>, Vec<String>)> {
    let charts = workspace.charts();
    if charts.is_empty() {
        return Ok((Vec::new(), Vec::new()));
    }
    let helm = Helm::find(helm)?;
    let all: Vec<Result<Made, String>> = charts
        .par_iter()
        .flat_map_iter(|chart| of_chart(ground, chart, &helm))
        .collect();
    let (mut made, mut said) = (Vec::new(), Vec::new());
    for one in all {
        match one {
            Ok(one) => made.push(one),
            Err(why) => said.push(why),
        }
    }
    Ok((made, said))
}

fn of_chart(ground: &Ground, chart: &Chart, helm: &Helm) -> Vec<Result<Made, String>> {
    let name = &chart.name;
    let copy = match Copy::of(&ground.root.join(&chart.directory)) {
        Ok(copy) => copy,
        Err(error) => return vec![Err(format!("chart {name} cannot be copied: {error}"))],
    };
    let one = |set: usize| {
        let values = chart.sets.get(set).map_or("", |set| set.name.as_str());
        let rendered = render(helm, copy.path(), chart, set, &ground.root)
            .map_err(|said| format!("helm does not render chart {name} with {values}: {said}"))?;
        Ok(Made {
            directory: chart.directory.clone(),
            workspace: seen::workspace(&rendered, &ground.config.options),
        })
    };
    (0..chart.sets.len()).map(one).collect()
}

/// The charts of which something is asked for, as a subject: `chart web`, `charts db and web`.
pub(in crate::cli) fn names(workspace: &Workspace) -> Option<Text> {
    let charts = super::asked(workspace);
    let names = charts.iter().map(|chart| chart.name.as_str());
    (!charts.is_empty()).then(|| text![Text::list_of("chart", names)])
}
