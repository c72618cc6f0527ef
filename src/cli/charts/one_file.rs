//! Charts that make a `ConfigMap` and its workload in one template: a hash over the expression that
//! all data is made by, or the `ConfigMap` in a file of its own.

use kubewright_model::finding::NoFix;
use kubewright_model::kube::charts::ChartCode;
use kubewright_model::kube::charts::one_file::{expression, part};
use kubewright_model::kube::charts::reach::values_of;

use super::attempt::{Proven, Write};
use super::hash::{Mending, Workloads};
use super::reach::prefix;

impl Mending<'_> {
    /// An edit of a template that has what its workloads read in these lines, from 0.
    pub(super) fn of_one_file(
        &mut self,
        (path, template): (&str, &str),
        lines: &[usize],
        files: Vec<String>,
        workloads: &Workloads,
    ) -> Result<Proven, NoFix> {
        if let [line] = lines
            && let Some(expression) = expression(template, *line)
        {
            let below = &path[self.chart.below("").len()..];
            let others = self.templates.before.values().map(|text| &**text);
            let helpers = self.helpers.values().map(String::as_str);
            let all: Vec<&str> = others.chain(helpers).collect();
            let action = format!("{{{{ {expression} }}}}");
            let paths = values_of(&action, &all).into_iter();
            let paths = paths.map(|value| format!("{}{value}", prefix(below)));
            let write = Write {
                files: files.clone(),
                expression: Some((expression, paths.collect())),
                ..Write::default()
            };
            if let Ok(proven) = self.written((path, template), &write, workloads) {
                return Ok(proven);
            }
        }
        let refused = |said: String| {
            let text = format!(
                "the workload and what it reads are made by one template, which cannot include \
                 itself: move the ConfigMap to a file of its own; that is not done here: {said}"
            );
            NoFix::new(ChartCode::OneFile, text)
        };
        let created = self
            .free_name(path)
            .ok_or_else(|| refused("there are files of the names that it could have".to_owned()))?;
        let parted = part(template, lines).map_err(refused)?;
        let mut files = files;
        files.push(created.clone());
        let write = Write {
            files,
            created: Some((created, parted.moved)),
            ..Write::default()
        };
        self.written((path, &parted.rest), &write, workloads)
            .map_err(|reason| refused(reason.text.to_string()))
    }

    /// A name for a template with configuration, relative to the root.
    fn free_name(&self, path: &str) -> Option<String> {
        let (folder, name) = path.rsplit_once('/')?;
        let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
        let names = [
            "configmap.yaml".to_owned(),
            format!("{stem}-configmap.yaml"),
        ];
        let mut paths = names.into_iter().map(|name| format!("{folder}/{name}"));
        let prefix = self.chart.below("").len();
        paths.find(|path| {
            self.templates.text(path).is_none()
                && !self.bench.copy.path().join(&path[prefix..]).exists()
        })
    }
}
