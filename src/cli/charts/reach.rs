//! Whether what pods are told follows values: a chart is rendered with other ones.

use std::collections::BTreeMap;

use kubewright_model::finding::NoFix;
use kubewright_model::kube::charts::rendered::documents;
use kubewright_model::kube::charts::{Chart, ChartCode, Values};
use kubewright_model::text;
use kubewright_model::text::Path as At;
use serde_yaml::Value;

use super::prove::{Bench, Claim, annotation, differs, identity, value};
use super::rendering::Renders;

/// What other values are made of.
const PROBE: &str = "kubewright-probe";

/// The values of a subchart stand below its name: what a template of it has to put before its
/// paths. `own` is the path of the template, relative to the chart.
pub(super) fn prefix(own: &str) -> String {
    let mut prefix = String::new();
    let mut rest = own;
    while let Some((name, below)) = rest
        .strip_prefix("charts/")
        .and_then(|rest| rest.split_once('/'))
    {
        prefix = format!("{prefix}{name}.");
        rest = below;
    }
    prefix
}

/// A set with another value at a path: as an entry more, a text, a number and a list, whatever the
/// chart takes.
pub(super) fn others(chart: &Chart, set: usize, path: &str) -> Vec<Values> {
    let Some(values) = chart.sets.get(set) else {
        return Vec::new();
    };
    let parameters = [
        (format!("{path}.{PROBE}={PROBE}"), true),
        (format!("{path}={PROBE}"), true),
        (format!("{path}=4711"), false),
        (format!("{path}={{{PROBE}}}"), false),
    ];
    parameters
        .into_iter()
        .map(|parameter| {
            let mut values = values.clone();
            values.parameters.push(parameter);
            values
        })
        .collect()
}

/// What configuration a template makes in a release: the data, by kind and name. Labels are none.
pub(super) fn configs(rendered: &str, source: &str) -> BTreeMap<(String, String), Vec<Value>> {
    let data = |object: &Value| {
        let fields = ["data", "stringData", "binaryData"].iter();
        fields.filter_map(|key| object.get(key).cloned()).collect()
    };
    let own = documents(rendered);
    let own = own.iter().filter(|d| d.source == source).filter_map(value);
    let made = own.map(|object| (identity(&object), data(&object)));
    made.filter(|((kind, _), _)| kind == "ConfigMap" || kind == "Secret")
        .collect()
}

/// The first render with another value at a path in which the configuration of a template is
/// another one.
pub(super) fn reached(
    bench: &Bench<'_>,
    chart: &Chart,
    (set, path): (usize, &str),
    (source, before): (&str, &str),
) -> Option<String> {
    let old = configs(before, source);
    let mut made = others(chart, set, path).into_iter().filter_map(|values| {
        let made = bench.helm.template(bench.copy.path(), &values, bench.root);
        made.ok()
    });
    made.find(|made| {
        let new = configs(made, source);
        new.keys().eq(old.keys()) && new != old
    })
}

impl Claim<'_> {
    /// With another value in the data that an expression gives, its annotation is another one.
    ///
    /// # Errors
    /// When it is not, or when no value reaches the data.
    pub(super) fn follows_values(
        &self,
        bench: &Bench<'_>,
        after: &Renders,
        (key, path): (&str, &str),
        paths: &[String],
    ) -> Result<(), NoFix> {
        let mut found = false;
        let mut last = None;
        for (set, kind, name) in self.wanting.keys() {
            if last == Some(*set) {
                continue;
            }
            last = Some(*set);
            for value_path in paths {
                let values = (*set, value_path.as_str());
                let before = (self.source.as_str(), after[set].as_str());
                let Some(made) = reached(bench, self.chart, values, before) else {
                    continue;
                };
                found = true;
                let hash = |rendered: &str| {
                    let all = documents(rendered);
                    let mut all = all.iter().filter_map(value);
                    let of = |v: &_| identity(v) == (kind.clone(), name.clone());
                    all.find(of).and_then(|v| annotation(&v, key))
                };
                if hash(&made) == hash(&after[set]) {
                    let set = self.chart.sets.get(*set).map_or("", |s| s.name.as_str());
                    return Err(differs(
                        text!["the annotation does not follow ", value_path.as_str()],
                        set,
                    ));
                }
            }
        }
        if found {
            return Ok(());
        }
        let text = text![
            "no value was found that reaches the data of ",
            At(&self.chart.below(path)),
            ": whether a hash follows it is not proven"
        ];
        Err(NoFix::new(ChartCode::DataOutOfReach, text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_a_subchart_stand_below_its_name() {
        assert_eq!(prefix("templates/a.yaml"), "");
        assert_eq!(prefix("charts/web/charts/x/templates/a.yaml"), "web.x.");
    }
}
