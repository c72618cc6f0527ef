//! Helm charts: which there are, with which values they are installed, and what is known of their
//! templates without rendering them.
//!
//! Rendering is up to Helm, which the command line runs. Here is what comes before, the sets of
//! values ([`Chart::sets`]), and what comes behind: which line of a template made a line
//! ([`lines`]), and where in a template an annotation of the pods could stand ([`annotate`]).

pub mod actions;
pub mod annotate;
pub mod back;
pub mod idiom;
pub mod lines;
mod merged;
pub mod one_file;
pub mod reach;
mod releases;
pub mod rendered;
pub mod version;

pub use merged::value_paths;

use std::collections::BTreeSet;

use crate::kube::source::paths::{has_extension, split};
use crate::kube::workspace::Workspace;
use crate::yaml::{File, Node};

crate::codes! {
    /// Why a chart is left alone, or an edit of a template is not made.
    pub enum ChartCode {
        ConfigElsewhere = "config-elsewhere",
        DataOutOfReach = "data-out-of-reach",
        FetchedChart = "fetched-chart",
        NotRendered = "not-rendered",
        OneFile = "one-file",
        RendersDiffer = "renders-differ",
        TemplateIncluded = "template-included",
        TemplateShape = "template-shape",
        UnstableConfig = "unstable-config",
        UnwantedElsewhere = "unwanted-elsewhere",
    }
}

/// A chart of the workspace that can be installed by itself.
#[derive(Debug, Clone)]
pub struct Chart {
    /// Its directory, relative to the root; empty for the root itself.
    pub directory: String,
    /// Its name, by its `Chart.yaml`.
    pub name: String,
    /// With which values it is installed; the first has none of its own.
    pub sets: Vec<Values>,
    /// Subcharts that come from a repository: the next `helm dependency update` brings them anew.
    pub fetched: BTreeSet<String>,
}

/// One set of values, and the release that it is for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Values {
    /// For messages: `ci/small-values.yaml`, `Application shop`.
    pub name: String,
    /// Files, relative to the root; later ones go before.
    pub files: Vec<String>,
    /// YAML that goes before the files.
    pub inline: Option<String>,
    /// `name=value` that goes before all; whether it is a string whatever it looks like.
    pub parameters: Vec<(String, bool)>,
    /// Name of the release.
    pub release: String,
    /// Namespace of the release.
    pub namespace: String,
}

impl Chart {
    /// A path below the chart, relative to the root.
    pub fn below(&self, path: &str) -> String {
        if self.directory.is_empty() {
            path.to_owned()
        } else {
            format!("{}/{path}", self.directory)
        }
    }

    /// The file of the chart, relative to the root, that Helm names in `# Source:`. Subcharts lie
    /// in `charts/`, in a directory of their name.
    pub fn source(&self, source: &str) -> Option<String> {
        let rest = source.strip_prefix(self.name.as_str())?.strip_prefix('/')?;
        Some(self.below(rest))
    }

    /// The subchart that a file of the chart belongs to, if it is one that was fetched.
    pub fn fetched(&self, path: &str) -> Option<&str> {
        let charts = self.below("charts/");
        let name = path.strip_prefix(charts.as_str())?.split('/').next()?;
        self.fetched.get(name).map(String::as_str)
    }
}

impl Workspace {
    /// The charts that can be installed by themselves, by directory: neither library charts nor
    /// those in the `charts/` of another one.
    pub fn charts(&self) -> Vec<Chart> {
        let directories: BTreeSet<&str> = (self.files.iter())
            .map(|file| split(&file.path))
            .filter(|(_, name)| *name == "Chart.yaml")
            .map(|(directory, _)| directory)
            .collect();
        let inside = |directory: &str| {
            directory.match_indices("charts/").any(|(at, _)| {
                let parent = directory[..at].trim_end_matches('/');
                (at == 0 || directory[..at].ends_with('/')) && directories.contains(parent)
            })
        };
        let alone = directories.iter().filter(|d| !inside(d));
        let mut charts: Vec<Chart> = alone.filter_map(|d| self.chart(d)).collect();
        releases::add(self, &mut charts);
        charts
    }

    fn chart(&self, directory: &str) -> Option<Chart> {
        let mut chart = Chart {
            directory: directory.to_owned(),
            name: String::new(),
            sets: Vec::new(),
            fetched: BTreeSet::new(),
        };
        let file = File::parse(&*self.file_at(&chart.below("Chart.yaml"))?.text).ok()?;
        let root = file.root(0)?;
        let text = |node: Node<'_>, key| node.get(key).and_then(Node::text).map(str::to_owned);
        if text(root, "type").as_deref() == Some("library") {
            return None;
        }
        chart.name = text(root, "name")?;
        let listed = root.get("dependencies").into_iter().flat_map(Node::items);
        for dependency in listed {
            let from = text(dependency, "repository").unwrap_or_default();
            if !from.is_empty() && !from.starts_with("file:") {
                let name = text(dependency, "alias").or_else(|| text(dependency, "name"));
                chart.fetched.extend(name);
            }
        }
        let own = Values {
            name: "the default values".to_owned(),
            release: chart.name.clone(),
            namespace: "default".to_owned(),
            ..Values::default()
        };
        chart.sets.push(own.clone());
        let beside = chart.below("");
        let files = self.files.iter().filter_map(|file| {
            let rest = file.path.strip_prefix(beside.as_str())?;
            let yaml = has_extension(rest, "yaml") || has_extension(rest, "yml");
            let of_ci = rest
                .strip_prefix("ci/")
                .is_some_and(|name| !name.contains('/') && name.contains("-values."));
            let of_chart = rest.starts_with("values") && !rest.contains('/');
            (yaml && (of_ci || of_chart) && rest != "values.yaml").then_some((rest, file))
        });
        chart.sets.extend(files.map(|(rest, file)| Values {
            name: rest.to_owned(),
            files: vec![file.path.clone()],
            ..own.clone()
        }));
        Some(chart)
    }
}
