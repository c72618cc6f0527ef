//! An annotation that is the hash of a template that renders nothing: it gets another template.

use kubewright_model::kube::charts::idiom::Idiom;
use kubewright_model::kube::charts::rendered::documents;

use super::attempt::{Proven, Write};
use super::hash::{Mending, Workloads, base, below};
use super::prove::{annotation, identity, value};
use super::stale::of_nothing;

impl Mending<'_> {
    /// The edit, where a template has such an annotation for all of these workloads, and one
    /// template makes what they read.
    pub(super) fn repointed(
        &mut self,
        (path, template): (&str, &str),
        files: &[String],
        workloads: &Workloads,
    ) -> Option<Proven> {
        let [file] = files else {
            return None;
        };
        let lines: Vec<&str> = template.split_inclusive('\n').collect();
        let (at, key) = lines.iter().enumerate().find_map(|(at, line)| {
            let key = Idiom::key_of(line)?;
            self.hashes_nothing(key, workloads).then_some((at, key))
        })?;
        let line = Idiom::with_file(lines[at], &below(base(path), file))?;
        let text = [&lines[..at].concat(), &*line, &lines[at + 1..].concat()].concat();
        let write = Write {
            files: files.to_vec(),
            replaced: true,
            ..Write::default()
        };
        let keys = vec![key.to_owned()];
        self.tried((path, &text), &write, keys, &[], workloads).ok()
    }

    fn hashes_nothing(&self, key: &str, workloads: &Workloads) -> bool {
        workloads.iter().all(|(set, kind, name, _)| {
            let rendered = self.renders.get(set).map_or("", String::as_str);
            let all = documents(rendered);
            let mut all = all.iter().filter_map(value);
            let of = |v: &_| identity(v) == (kind.clone(), name.clone());
            let hash = all.find(of).and_then(|v| annotation(&v, key));
            hash.is_some_and(|hash| of_nothing(&hash))
        })
    }
}
