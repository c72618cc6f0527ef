//! Values that have a workload read a `ConfigMap` that the chart does not make
//! (`existingConfigMap`): no hash of the chart follows it, and that is said.

use kubewright_model::kube::charts::reach::values_of;
use kubewright_model::kube::charts::rendered::documents;
use kubewright_model::text;
use kubewright_model::text::{Field, Text};

use super::hash::{Mending, Workloads};
use super::prove::{identity, value};
use super::reach::prefix;
use super::stale::reads;

/// A name that no chart makes.
const NAME: &str = "kubewright-probe";
/// So many values are tried at most.
const VALUES: usize = 6;

impl Mending<'_> {
    /// What is to be said beside a hash: which values name a `ConfigMap` from elsewhere. Found by
    /// rendering with a name.
    pub(super) fn outside(&self, path: &str, workloads: &Workloads) -> Option<Text> {
        let (set, ..) = workloads.first()?;
        let text = self.templates.text(path)?;
        let own = path.get(self.chart.below("").len()..)?;
        let helpers = self.helpers.values().map(String::as_str);
        let all: Vec<&str> = helpers.collect();
        let likely = values_of(text, &all).into_iter().filter(|value| {
            let last = value.rsplit('.').next().unwrap_or_default();
            let last = last.to_lowercase();
            let config = ["configmap", "config", "cm"]
                .iter()
                .any(|w| last.contains(w));
            last.contains("existing") && config || last.contains("configmapname")
        });
        let found: Vec<String> = (likely.take(VALUES))
            .map(|value| format!("{}{value}", prefix(own)))
            .filter(|value| self.reads_with(*set, value))
            .collect();
        let names = found
            .iter()
            .map(|value| text![Field(&format!(".Values.{value}"))]);
        (!found.is_empty()).then(|| {
            text![
                "with ",
                Text::list(names),
                " the pods read a ConfigMap that the chart does not make: no hash in it follows \
                 that, and whoever changes it restarts them"
            ]
        })
    }

    /// Whether a workload reads what a value names.
    fn reads_with(&self, set: usize, path: &str) -> bool {
        let Some(values) = self.chart.sets.get(set) else {
            return false;
        };
        let mut values = values.clone();
        values.parameters.push((format!("{path}={NAME}"), true));
        let made = self
            .bench
            .helm
            .template(self.bench.copy.path(), &values, self.bench.root);
        let Ok(made) = made else {
            return false;
        };
        let all: Vec<_> = documents(&made).iter().filter_map(value).collect();
        let made_here = |v: &_| identity(v) == ("ConfigMap".to_owned(), NAME.to_owned());
        let read = |v: &_| reads(v).iter().any(|name| name == NAME);
        all.iter().any(read) && !all.iter().any(made_here)
    }
}
