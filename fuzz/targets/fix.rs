//! The whole pipeline on any text: as a stream, and as files (U+0001 ends a file). It never panics,
//! comes to rest, what it writes of YAML is YAML, and a second run changes nothing.
#![no_main]

use std::sync::Arc;

use kubewright::pipeline::{Pipeline, Report, UnsafeFixes};
use kubewright_model::kube::{Input, Options, Workspace};
use kubewright_model::yaml::File;
use kubewright_transforms::{ALL, Settings};
use libfuzzer_sys::fuzz_target;

/// Names of the files, in turn; whatever comes after the last is not read.
const PATHS: [&str; 5] = [
    "a.yaml",
    "kustomization.yaml",
    "base/b.yaml",
    "base/kustomization.yaml",
    "manifests/c.json",
];

fuzz_target!(|text: &str| {
    let stream = vec![Input {
        path: "<stdin>".into(),
        text: text.into(),
        editable: true,
    }];
    twice(
        stream,
        &Options {
            stream: true,
            ..Options::default()
        },
    );
    let files = text.split('\u{1}').zip(PATHS);
    twice(
        files
            .map(|(text, path)| Input {
                path: path.into(),
                text: text.into(),
                editable: true,
            })
            .collect(),
        &Options::default(),
    );
});

fn run(inputs: &[Input], options: &Options, unsafe_fixes: UnsafeFixes) -> Report {
    let settings = Settings::default();
    let workspace = Workspace::new(inputs.to_vec(), options.clone());
    let pipeline = Pipeline {
        transforms: ALL.to_vec(),
        settings: &settings,
        unsafe_fixes,
    };
    pipeline
        .run(&workspace)
        .unwrap_or_else(|error| panic!("{error}"))
}

fn twice(inputs: Vec<Input>, options: &Options) {
    for unsafe_fixes in [UnsafeFixes::None, UnsafeFixes::All] {
        let report = run(&inputs, options, unsafe_fixes.clone());
        if report.files.is_empty() {
            continue;
        }
        let mut fixed = inputs.clone();
        for file in &report.files {
            fixed.retain(|f| f.path != file.path);
            if let Some(text) = &file.after {
                // A document that is none stays as it is, beside those that are fixed.
                let before = file.before.as_ref();
                let broken = before.is_some_and(|b| File::parse(Arc::clone(b)).is_err());
                assert!(
                    broken || File::parse(Arc::clone(text)).is_ok(),
                    "{}: what would be written is not YAML:\n{text}",
                    file.path
                );
                fixed.push(Input {
                    path: file.path.clone(),
                    text: Arc::clone(text),
                    editable: true,
                });
            }
        }
        let again = run(&fixed, options, unsafe_fixes);
        assert!(
            again.files.is_empty(),
            "a second run changes {:?}",
            again.files
        );
    }
}
