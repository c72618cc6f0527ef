//! Other programs that read manifests, over the same files. What is not installed is passed over.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::{Result, list, median, ratio, timed};

/// Rounds of each program; the median counts.
const ROUNDS: usize = 3;

/// Times all programs over a copy of `dir`; `schemas` is a folder of JSON schemas as the Python
/// package kubernetes-validate has them, for kubeconform, which fetches its own from the network
/// otherwise.
pub(crate) fn peers(dir: &Path, schemas: Option<&str>) -> Result {
    let scratch = tempfile::tempdir()?;
    let mut paths = Vec::new();
    list(dir, &mut paths)?;
    paths.sort();
    let mut listed = String::from(
        "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n",
    );
    for path in &paths {
        let relative = path.strip_prefix(dir)?;
        if path
            .file_name()
            .is_some_and(|name| name != "kustomization.yaml")
        {
            let target = scratch.path().join("files").join(relative);
            fs::create_dir_all(target.parent().unwrap_or(scratch.path()))?;
            fs::copy(path, target)?;
            _ = writeln!(listed, "- files/{}", relative.display());
        }
    }
    let ours = time(
        env!("CARGO_BIN_EXE_kubewright"),
        &["fix", "--check", "files"],
        scratch.path(),
    )?
    .ok_or("kubewright is not built")?;
    println!("kubewright fix --check: {ours:.1?}");
    fs::write(scratch.path().join("kustomization.yaml"), listed)?;
    let location = schemas.map_or(Ok("default".to_owned()), |schemas| {
        local(Path::new(schemas), &scratch.path().join("schemas"))
    })?;
    let programs: [(&str, &[&str]); 5] = [
        ("kustomize", &["build", "."]),
        (
            "kubeconform",
            &[
                "-ignore-missing-schemas",
                "-schema-location",
                &location,
                "files",
            ],
        ),
        ("kube-linter", &["lint", "files"]),
        ("kube-score", &["score"]),
        ("prettier", &["--check", "files"]),
    ];
    let files: Vec<String> = paths
        .iter()
        .filter_map(|p| Some(format!("files/{}", p.strip_prefix(dir).ok()?.display())))
        .collect();
    for (program, args) in programs {
        let mut args = args.to_vec();
        if program == "kube-score" {
            args.extend(
                files
                    .iter()
                    .map(String::as_str)
                    .filter(|f| !f.ends_with("kustomization.yaml")),
            );
        }
        match time(program, &args, scratch.path())? {
            Some(theirs) => println!(
                "{program} {}: {theirs:.1?}, {:.0} x",
                args.first().copied().unwrap_or(""),
                ratio(theirs, ours)
            ),
            None => println!("{program}: not installed"),
        }
    }
    Ok(())
}

/// Copies schemas so that they refer to each other on disk; returns where kubeconform finds them.
fn local(from: &Path, to: &Path) -> Result<String> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let text = fs::read_to_string(entry.path())?;
        fs::write(
            to.join(entry.file_name()),
            text.replace("/api/_definitions.json", "_definitions.json"),
        )?;
    }
    Ok(format!(
        "{}/{{{{.ResourceKind}}}}{{{{.KindSuffix}}}}.json",
        to.display()
    ))
}

/// The median time of a program; `None` when there is no such program.
fn time(program: &str, args: &[&str], dir: &Path) -> Result<Option<Duration>> {
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        let mut command = Command::new(program);
        command
            .args(args)
            .current_dir(dir)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let (time, status) = timed(|| command.status());
        match status {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            status => _ = status?,
        }
        times.push(time);
    }
    Ok(Some(median(times)))
}
