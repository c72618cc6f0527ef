//! `kubewright.lock`, any text: it is refused at a place that is there, or it is read, and what is
//! written of it reads as the same and is written as the same again. Transforms take what it says.
#![no_main]

use kubewright::cli::fuzzing;
use kubewright::pipeline::{Pipeline, UnsafeFixes};
use kubewright_model::kube::{Input, Options, Workspace};
use kubewright_transforms::{ALL, Settings};
use libfuzzer_sys::fuzz_target;

/// Asks for all that a lock can say of `nginx:1.27` and `example.com/app:1`.
const MANIFEST: &str = include_str!("lock.yaml");

fuzz_target!(|text: &str| {
    let (facts, written) = match fuzzing::lock(text) {
        Ok(read) => read,
        Err(error) => return refused(text, &error.to_string()),
    };
    let (again, same) = fuzzing::lock(&written)
        .unwrap_or_else(|error| panic!("what is written is not read: {error}\n{written}"));
    assert_eq!(again, facts, "{written}");
    assert_eq!(same, written, "it is written in another form");
    let mut settings = Settings::default();
    settings.lock = facts;
    let manifest = Input {
        path: "web.yaml".into(),
        text: MANIFEST.into(),
        editable: true,
    };
    let workspace = Workspace::new(vec![manifest], Options::default());
    let pipeline = Pipeline {
        transforms: ALL.to_vec(),
        settings: &settings,
        unsafe_fixes: UnsafeFixes::All,
    };
    pipeline
        .run(&workspace)
        .unwrap_or_else(|error| panic!("{error}"));
});

/// The place of an error is one of the text.
fn refused(text: &str, error: &str) {
    let mut parts = error.splitn(4, ':');
    assert_eq!(parts.next(), Some("kubewright.lock"), "{error}");
    let mut number = || parts.next().and_then(|n| n.parse::<usize>().ok());
    let (Some(line), Some(column)) = (number(), number()) else {
        panic!("no place: {error}");
    };
    let lines = text.split('\n').count();
    assert!(1 <= line && line <= lines && 1 <= column, "{error}");
}
