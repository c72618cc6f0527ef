//! kubewright without its command line: text in, report out. Nothing here touches a disk.
//!
//! `cargo run --example as_a_library`

#![expect(clippy::print_stdout, reason = "an example shows what it found")]

use std::collections::BTreeSet;
use std::error::Error;

use kubewright::pipeline::{Pipeline, UnsafeFixes};
use kubewright_model::kube::{Input, Options, Workspace};
use kubewright_transforms::{ALL, Settings};

const WEB: &str = "apiVersion: v1
kind: ConfigMap
metadata:
  name: greeting
data:
  text: hello
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  selector:
    matchLabels: {app: web}
  template:
    metadata:
      labels: {app: web}
    spec:
      containers:
        - name: web
          image: registry.example.com/web:1.0
          envFrom:
            - configMapRef:
                name: greeting
";

fn main() -> Result<(), Box<dyn Error>> {
    // Every file that belongs together; those that are not `editable` are read alone.
    let input = Input {
        path: "web.yaml".into(),
        text: WEB.into(),
        editable: true,
    };
    let workspace = Workspace::new(vec![input], Options::default());
    let settings = Settings::default();
    let pipeline = Pipeline {
        transforms: ALL.to_vec(),
        settings: &settings,
        unsafe_fixes: UnsafeFixes::Of(BTreeSet::new()),
    };
    let report = pipeline.run(&workspace)?;
    for finding in &report.findings {
        let place = &finding.place;
        let (line, column) = (place.line, place.column);
        println!("{}:{line}:{column}: {}", place.path, finding.transform);
    }
    for file in &report.files {
        println!("{}", file.after.as_deref().unwrap_or("(removed)"));
    }
    assert_eq!(report.files.len(), 1, "the hash is written");
    Ok(())
}
