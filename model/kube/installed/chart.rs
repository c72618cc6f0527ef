//! Which chart a resource means, by its name and by the repository that it comes from.

use super::table::{CHARTS, Shape};
use crate::kube::object::resource::Resource;
use crate::kube::workspace::Workspace;
use crate::yaml::Node;

/// A chart that is known by its values.
#[derive(Debug)]
pub struct KnownChart {
    /// Its name.
    pub name: &'static str,
    /// What the addresses of its repositories have in them: others have charts of that name, too.
    pub(super) repositories: &'static [&'static str],
    /// Where it can be read.
    pub source: &'static str,
    pub(super) shape: Shape,
}

impl KnownChart {
    /// All of them.
    pub fn all() -> &'static [Self] {
        CHARTS
    }
}

/// The chart of that name, if it comes from one of its repositories; where that is not known, its
/// values have to do.
fn known(name: &str, address: Option<&str>) -> Option<&'static KnownChart> {
    let from = |chart: &&KnownChart| {
        address.is_none_or(|address| chart.repositories.iter().any(|own| address.contains(own)))
    };
    let mut named = CHARTS.iter().filter(|chart| chart.name == name);
    named.find(from)
}

/// The first version that a version may be: `4.1.x`, `>=4`, `^4.0.0`.
fn major(version: &str) -> Option<u32> {
    let digits = version.trim_start_matches(|c: char| !c.is_ascii_digit());
    let end = digits.find(|c: char| !c.is_ascii_digit());
    digits[..end.unwrap_or(digits.len())].parse().ok()
}

pub(super) fn of_helm_release(
    workspace: &Workspace,
    resource: &Resource,
    spec: Node<'_>,
) -> Option<&'static KnownChart> {
    let text = |path: &[&str]| spec.path(path).and_then(Node::text);
    if let Some(name) = text(&["chart", "spec", "chart"]) {
        let kind = text(&["chart", "spec", "sourceRef", "kind"]);
        // A path in a repository is that of a chart that is rendered.
        if kind.is_some_and(|kind| kind != "HelmRepository") {
            return None;
        }
        let source = text(&["chart", "spec", "sourceRef", "name"])?;
        let address = address(workspace, "HelmRepository", source);
        return recent(known(name, address), text(&["chart", "spec", "version"]));
    }
    let (kind, name) = (text(&["chartRef", "kind"])?, text(&["chartRef", "name"])?);
    if kind != "OCIRepository" || resource.name.is_empty() {
        return None;
    }
    let address = address(workspace, kind, name);
    // The last part of the address is the name of the chart.
    let last = address.and_then(|a| a.trim_end_matches('/').rsplit('/').next());
    known(last.unwrap_or(name), address)
}

/// A source of an Argo CD `Application`.
pub(super) fn of_source(source: Node<'_>) -> Option<&'static KnownChart> {
    let text = |key: &str| source.get(key).and_then(Node::text);
    let chart = text("chart")?;
    let name = chart.rsplit('/').next().unwrap_or(chart);
    recent(known(name, text("repoURL")), text("targetRevision"))
}

/// The first versions of app-template had other values.
fn recent(
    chart: Option<&'static KnownChart>,
    version: Option<&str>,
) -> Option<&'static KnownChart> {
    let old = version.and_then(major).is_some_and(|major| major < 2);
    chart.filter(|chart| !old || !matches!(chart.shape, Shape::AppTemplate))
}

/// The address of a source, where all of that name have one.
fn address<'w>(workspace: &'w Workspace, kind: &str, name: &str) -> Option<&'w str> {
    let of = |resource: &&Resource| {
        resource.kind == kind
            && resource.name == name
            && resource.group() == "source.toolkit.fluxcd.io"
    };
    let mut all = workspace.resources().iter().filter(of).map(|resource| {
        let url = workspace.node(resource.id)?.path(&["spec", "url"])?;
        url.text()
    });
    let first = all.next()??;
    all.all(|other| other == Some(first)).then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chart_of_another_repository_is_another_chart() {
        let from = |address| known("app-template", address).is_some();
        assert!(from(None));
        assert!(from(Some("oci://ghcr.io/bjw-s-labs/helm/app-template")));
        assert!(!from(Some("oci://registry.example.com/app-template")));
        assert!(known("unheard-of", None).is_none());
    }

    #[test]
    fn versions_begin_with_a_number() {
        assert_eq!(major("4.1.x"), Some(4));
        assert_eq!(major(">= 2, < 3"), Some(2));
        assert_eq!(major("*"), None);
    }
}
