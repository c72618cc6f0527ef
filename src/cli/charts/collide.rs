//! What an edit does where the values of a user have the annotation already: nothing. No key stands
//! twice, and theirs stays.

use kubewright_model::finding::NoFix;
use kubewright_model::kube::charts::rendered::documents;
use kubewright_model::kube::charts::{Chart, Values, value_paths};
use kubewright_model::text;
use serde_yaml::Value;

use super::prove::{Bench, annotations, differs, identity, value};
use super::reach::prefix;

/// What a user has as the annotation.
const THEIRS: &str = "kubewright-probe";

/// The values of a set in which a user gives an annotation of that key.
fn with_annotation(chart: &Chart, set: usize, path: &str, key: &str) -> Option<Values> {
    let mut values = chart.sets.get(set)?.clone();
    let key = key.replace('.', "\\.");
    values.name = format!("{path}.{key} in {}", values.name);
    values
        .parameters
        .push((format!("{path}.{key}={THEIRS}"), true));
    Some(values)
}

/// Where a user can give annotations, as paths of values: of the subchart that the template
/// belongs to, if it is one.
fn paths(merged: &[String], own: &str) -> Vec<String> {
    let prefix = prefix(own);
    let paths = merged.iter().flat_map(|mapping| value_paths(mapping));
    paths.map(|path| format!("{prefix}{path}")).collect()
}

/// Renders a template before and after with values that have the annotations themselves: the copy
/// holds the text after when this returns.
///
/// # Errors
/// When a key would stand twice, or the annotation of the user would be another one.
pub(super) fn keeps_theirs(
    bench: &Bench<'_>,
    chart: &Chart,
    (own, before, after): (&str, &str, &str),
    (set, merged, keys): (usize, &[String], &[String]),
) -> Result<(), NoFix> {
    for path in paths(merged, own) {
        for key in keys {
            let Some(values) = with_annotation(chart, set, &path, key) else {
                continue;
            };
            let _ = bench.copy.write(own, before);
            let old = bench.helm.template(bench.copy.path(), &values, bench.root);
            let _ = bench.copy.write(own, after);
            let Ok(old) = old else {
                continue;
            };
            let new = bench.helm.template(bench.copy.path(), &values, bench.root);
            let new = new.map_err(|said| differs(said, &values.name))?;
            let (old, new) = (documents(&old), documents(&new));
            if old.len() != new.len() {
                return Err(differs("there are other documents", &values.name));
            }
            for (old, new) in old.iter().zip(&new) {
                let Some(a) = value(old) else { continue };
                let has = |v: &Value| annotations(v).is_some_and(|map| map.contains_key(key));
                let same = value(new).is_some_and(|b| !has(&a) || a == b);
                if !same {
                    let (kind, name) = identity(&a);
                    let who = text![kind.as_str(), " ", name.as_str(), " has it twice"];
                    return Err(differs(who, &values.name));
                }
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_a_subchart_stand_below_its_name() {
        let merged = ["(default dict $.Values.pod.annotations)".to_owned()];
        assert_eq!(paths(&merged, "templates/a.yaml"), ["pod.annotations"]);
        let own = "charts/web/charts/x/templates/a.yaml";
        assert_eq!(paths(&merged, own), ["web.x.pod.annotations"]);
    }
}
