//! What steers a run besides manifests: kustomizations with generators, components and patches,
//! Argo CD's Applications and ApplicationSets, Flux's resources, charts and their values, files of
//! variables. As `fix`, with such files at their places (U+0001 ends a file), and with the files
//! that are no manifests beside them.
#![no_main]

use std::sync::Arc;

use kubewright::pipeline::{Pipeline, UnsafeFixes};
use kubewright_model::kube::{Input, Options, Surroundings, Texts, Workspace};
use kubewright_model::yaml::File;
use kubewright_transforms::{ALL, Settings};
use libfuzzer_sys::fuzz_target;

/// Names of the files, in turn; whatever comes after the last is not read.
const PATHS: [&str; 13] = [
    "apps/apps.yaml",
    "web/kustomization.yaml",
    "web/web.yaml",
    "web/settings.properties",
    "web/.env",
    "overlays/prod/kustomization.yaml",
    "overlays/prod/patch.yaml",
    "components/tls/kustomization.yaml",
    "chart/Chart.yaml",
    "chart/values.yaml",
    "chart/templates/web.yaml",
    "chart/ci/test-values.yaml",
    "README.md",
];

/// What is no manifest.
#[derive(Debug)]
struct Beside(Surroundings);

impl Texts for Beside {
    fn read(&self) -> &Surroundings {
        &self.0
    }

    fn named(&self, asked: &dyn Fn(&str) -> bool) -> Vec<(String, String)> {
        self.0
            .texts
            .iter()
            .filter(|(path, _)| asked(path))
            .cloned()
            .collect()
    }

    fn bytes(&self, path: &str) -> Option<Vec<u8>> {
        let text = self.0.texts.iter().find(|(known, _)| known == path);
        text.map(|(_, text)| text.clone().into_bytes())
    }
}

fuzz_target!(|text: &str| {
    let files = text.split('\u{1}').zip(PATHS);
    let (manifests, texts): (Vec<_>, Vec<_>) = files
        .map(|(text, path)| (path.to_owned(), text.to_owned()))
        .partition(|(path, _)| path.ends_with(".yaml"));
    let texts: Arc<dyn Texts> = Arc::new(Beside(Surroundings {
        texts,
        left_out: Vec::new(),
    }));
    let options = Options {
        texts: Some(texts),
        ..Options::default()
    };
    for unsafe_fixes in [UnsafeFixes::None, UnsafeFixes::All] {
        twice(&manifests, &options, &unsafe_fixes);
    }
});

fn run(
    files: &[(String, String)],
    options: &Options,
    unsafe_fixes: &UnsafeFixes,
) -> Vec<(String, Option<Arc<str>>)> {
    let inputs = files.iter().map(|(path, text)| Input {
        path: path.clone(),
        text: text.as_str().into(),
        editable: true,
    });
    let workspace = Workspace::new(inputs.collect(), options.clone());
    let settings = Settings::default();
    let pipeline = Pipeline {
        transforms: ALL.to_vec(),
        settings: &settings,
        unsafe_fixes: unsafe_fixes.clone(),
    };
    let report = pipeline
        .run(&workspace)
        .unwrap_or_else(|error| panic!("{error}"));
    report
        .files
        .into_iter()
        .map(|file| (file.path, file.after))
        .collect()
}

fn twice(files: &[(String, String)], options: &Options, unsafe_fixes: &UnsafeFixes) {
    let changed = run(files, options, unsafe_fixes);
    if changed.is_empty() {
        return;
    }
    let mut fixed = files.to_vec();
    for (path, after) in changed {
        // A document that is none stays as it is, beside those that are fixed.
        let broken = (files.iter())
            .any(|(known, text)| *known == path && File::parse(text.as_str()).is_err());
        fixed.retain(|(known, _)| *known != path);
        if let Some(text) = after {
            assert!(
                broken || File::parse(Arc::clone(&text)).is_ok(),
                "{path}: what would be written is not YAML:\n{text}"
            );
            fixed.push((path, text.to_string()));
        }
    }
    let again = run(&fixed, options, unsafe_fixes);
    assert!(again.is_empty(), "a second run changes {again:?}");
}
