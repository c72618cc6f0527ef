//! What kustomize prints for a root: documents, each with the file that it came from, and the text
//! as it would be without that.

use std::ops::Range;

/// Annotations that kustomize adds on request.
const ORIGIN: &str = "config.kubernetes.io/origin";
const TRANSFORMATIONS: &str = "alpha.config.kubernetes.io/transformations";

/// What has kustomize add them: `buildMetadata` of a kustomization.
pub(super) const METADATA: [&str; 2] = ["originAnnotations", "transformerAnnotations"];

/// A root as it is built.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Build {
    /// What kustomize prints without annotations of its own.
    pub(super) text: String,
    /// In order.
    pub(super) documents: Vec<Document>,
}

/// One document of a build.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Document {
    /// Its bytes.
    pub(super) span: Range<usize>,
    /// Where it comes from, relative to the root of the workspace; `None` for what is fetched.
    pub(super) origin: Option<Origin>,
    /// The files of the kustomizations that changed it.
    pub(super) changed_by: Vec<String>,
}

/// Where a document comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Origin {
    /// A file of resources.
    File(String),
    /// A generator of this kustomization.
    Generator(String),
}

impl Build {
    /// The document around a byte.
    pub(super) fn document(&self, at: usize) -> Option<(usize, &Document)> {
        let around = |d: &Document| d.span.contains(&at) || d.span.end == at;
        let found = self.documents.iter().enumerate();
        found.into_iter().find(|(_, document)| around(document))
    }

    /// Reads what kustomize printed for a directory.
    pub(super) fn read(printed: &str, directory: &str) -> Self {
        let mut build = Self::default();
        let mut reader = Reader::default();
        for line in printed.split_inclusive('\n') {
            if line.trim_end() == "---" {
                reader.end(&mut build, directory);
                build.text.push_str(line);
            } else {
                reader.line(line);
            }
        }
        reader.end(&mut build, directory);
        build
    }
}

/// A document that is being read.
#[derive(Default)]
struct Reader {
    text: String,
    in_metadata: bool,
    /// `annotations:`, until there is one that stays.
    held: Option<String>,
    in_annotations: bool,
    /// Which of the two annotations is being read.
    value: Option<&'static str>,
    origin: String,
    transformations: String,
}

impl Reader {
    fn line(&mut self, line: &str) {
        let blank = line.trim().is_empty();
        let indent = line.len() - line.trim_start_matches(' ').len();
        if let Some(name) = self.value {
            if blank || indent > 4 {
                let value = if name == ORIGIN {
                    &mut self.origin
                } else {
                    &mut self.transformations
                };
                value.push_str(line);
                return;
            }
            self.value = None;
        }
        if !blank && indent == 0 {
            self.in_metadata = line.trim_end() == "metadata:";
        }
        if !blank && indent <= 2 {
            self.in_annotations = self.in_metadata && line.trim_end() == "  annotations:";
            self.held = None;
            if self.in_annotations {
                self.held = Some(line.to_owned());
                return;
            }
        }
        if self.in_annotations && indent == 4 {
            let own = [ORIGIN, TRANSFORMATIONS].into_iter().find(|name| {
                let rest = line[4..].strip_prefix(name);
                rest.is_some_and(|rest| rest.starts_with(':'))
            });
            if own.is_some() {
                self.value = own;
                return;
            }
        }
        self.text.extend(self.held.take());
        self.text.push_str(line);
    }

    fn end(&mut self, build: &mut Build, directory: &str) {
        let read = std::mem::take(self);
        if read.text.trim().is_empty() {
            return;
        }
        let start = build.text.len();
        build.text.push_str(&read.text);
        let value = |text: &str, key: &str| -> Vec<String> {
            let of = |line: &str| {
                let line = line.trim_start().trim_start_matches("- ");
                let value = line.strip_prefix(key)?.strip_prefix(": ")?;
                Some(value.trim().trim_matches(['"', '\'']).to_owned())
            };
            text.lines().filter_map(of).collect()
        };
        let local = |path: &String| joined(directory, path);
        let fetched = !value(&read.origin, "repo").is_empty();
        let file = value(&read.origin, "path").first().and_then(local);
        let by = value(&read.origin, "configuredIn").first().and_then(local);
        let origin = (file.map(Origin::File)).or_else(|| by.map(Origin::Generator));
        let mut changed_by: Vec<String> = value(&read.transformations, "configuredIn")
            .iter()
            .filter_map(local)
            .collect();
        changed_by.dedup();
        build.documents.push(Document {
            span: start..build.text.len(),
            origin: origin.filter(|_| !fetched),
            changed_by,
        });
    }
}

/// A path from a directory, both relative to the root; `None` above it.
pub(super) fn joined(directory: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = directory.split('/').filter(|p| !p.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn annotations_of_kustomize_go() {
        let printed = "kind: ConfigMap\nmetadata:\n  annotations:\n    \
                       config.kubernetes.io/origin: |\n      path: ../base/a.yaml\n  name: \
                       a\n---\nkind: Deployment\nmetadata:\n  annotations:\n    \
                       alpha.config.kubernetes.io/transformations: |\n      - configuredIn: \
                       kustomization.yaml\n        configuredBy:\n          kind: \
                       PatchTransformer\n    config.kubernetes.io/origin: |\n      \
                       configuredIn: ../base/kustomization.yaml\n    x: |\n      kept\n  name: b\n";
        let build = Build::read(printed, "over/prod");
        assert_eq!(
            build.text,
            "kind: ConfigMap\nmetadata:\n  name: a\n---\nkind: Deployment\nmetadata:\n  \
             annotations:\n    x: |\n      kept\n  name: b\n"
        );
        let [one, two] = build.documents.as_slice() else {
            panic!("{build:?}")
        };
        assert_eq!(one.origin, Some(Origin::File("over/base/a.yaml".into())));
        let generator = "over/base/kustomization.yaml".into();
        assert_eq!(two.origin, Some(Origin::Generator(generator)));
        assert_eq!(two.changed_by, ["over/prod/kustomization.yaml"]);
        assert_eq!(&build.text[two.span.clone()][..5], "kind:");
    }

    #[test]
    fn paths_stay_in_the_root() {
        assert_eq!(joined("a/b", "../c.yaml").as_deref(), Some("a/c.yaml"));
        assert_eq!(joined("a", "../../c.yaml"), None);
    }
}
