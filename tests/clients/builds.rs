//! Reading and building agree: over the corpus of `KUBEWRIGHT_CORPUS`, every kustomization that
//! kustomize builds is built before and after the hashes that reading alone writes, and again after
//! those that builds decide.
//!
//! The builds must be the same but for hashes; each hash must be right for the build that it stands
//! in; and what a build lacks a hash of must be something that reading has a reason for.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use libtest_mimic::{Failed, Trial};
use serde_json::Value;

use crate::kustomizations::same_but_for_hashes;
use crate::support::{TrialResult, ensure, kubewright, missing, needing, pipe, run, scratch};

const HASH: &str = "--select=missing-config-hash";

/// Reasons that a build decides.
const OPEN: [&str; 4] = [
    "annotations-replaced",
    "differs-between-overlays",
    "patched-by-kustomize",
    "workload-patched",
];

pub(crate) fn trials() -> Vec<Trial> {
    let kustomize = missing("kustomize", "kustomize", &["version"]);
    let Some(corpus) = std::env::var_os("KUBEWRIGHT_CORPUS") else {
        return Vec::new();
    };
    let mut all: Vec<PathBuf> = fs::read_dir(corpus)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.is_dir() && !kustomizations(path).is_empty())
        .collect();
    all.sort();
    all.into_iter()
        .map(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let name = format!("builds::{name}");
            needing(kustomize, &name, move || agree(&path))
        })
        .collect()
}

/// Directories with a kustomization, relative to `top`.
fn kustomizations(top: &Path) -> Vec<PathBuf> {
    let (mut found, mut left) = (Vec::new(), vec![PathBuf::new()]);
    while let Some(directory) = left.pop() {
        let entries = fs::read_dir(top.join(&directory))
            .into_iter()
            .flatten()
            .flatten();
        for entry in entries {
            let kind = entry.file_type();
            let name = entry.file_name();
            if kind.is_ok_and(|kind| kind.is_dir()) && name != ".git" {
                left.push(directory.join(name));
            } else if name == "kustomization.yaml" || name == "kustomization.yml" {
                found.push(directory.clone());
            }
        }
    }
    found.sort();
    found
}

fn build(dir: &Path) -> Option<String> {
    let mut command = Command::new("kustomize");
    for proxy in ["HTTPS_PROXY", "HTTP_PROXY"] {
        command.env(proxy, "http://127.0.0.1:9");
    }
    // Nor does git fetch anything.
    command.env("GIT_ALLOW_PROTOCOL", "file");
    let output = command.arg("build").arg(dir).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then_some(text)
}

fn findings(report: &[u8]) -> Result<Vec<Value>, Failed> {
    let report: Value = serde_json::from_slice(report)?;
    Ok(report["findings"].as_array().cloned().unwrap_or_default())
}

fn agree(repository: &Path) -> TrialResult {
    let dir = scratch(repository)?;
    let built: Vec<(PathBuf, String)> = kustomizations(dir.path())
        .into_iter()
        .filter_map(|directory| {
            let text = build(&dir.path().join(&directory)).filter(|text| !text.is_empty())?;
            Some((directory, text))
        })
        .collect();
    let fix = |more: &[&str]| -> Result<Vec<Value>, Failed> {
        let args = [
            &["fix", "--write", "--unsafe-fixes", HASH, "--format=json"],
            more,
            &["."],
        ];
        let output = run(&mut kubewright(dir.path(), &args.concat()), &[0, 1])?;
        findings(&output.stdout)
    };
    let read = fix(&[])?;
    let mut open = 0;
    for (directory, before) in &built {
        open += agrees(dir.path(), directory, before, &read)?;
    }
    let decided = fix(&["--kustomize"])?;
    let mut still = 0;
    for (directory, before) in &built {
        still += agrees(dir.path(), directory, before, &decided)?;
    }
    ensure(still <= open, || {
        format!("reading left {open} workloads open, builds {still}")
    })
}

/// One root; how many of its workloads reading left open.
fn agrees(top: &Path, directory: &Path, before: &str, read: &[Value]) -> Result<usize, Failed> {
    let shown = directory.display();
    let after = build(&top.join(directory));
    let after = after.ok_or_else(|| format!("{shown} does not build any more"))?;
    same_but_for_hashes(before, &after).map_err(|said| format!("{shown}: {said:?}"))?;
    let empty = tempfile::tempdir()?;
    let mut check = kubewright(
        empty.path(),
        &["fix", "-", "--check", HASH, "--format=json"],
    );
    let left = findings(&pipe(&mut check, after.as_bytes(), &[0, 1])?.stdout)?;
    let mut open = 0;
    for finding in left.iter().filter(|finding| finding["severity"] != "info") {
        let message = finding["message"].as_str().unwrap_or_default();
        ensure(!message.contains("stale"), || format!("{shown}: {message}"))?;
        let (kind, name) = (&finding["resource"]["kind"], &finding["resource"]["name"]);
        let name = name.as_str().unwrap_or_default();
        let same = |other: &&Value| {
            let own = other["resource"]["name"].as_str().unwrap_or_default();
            &other["resource"]["kind"] == kind && !own.is_empty() && name.contains(own)
        };
        let mut reasons = read
            .iter()
            .filter(same)
            .filter_map(|other| other["reasonCode"].as_str());
        let reason = reasons.next();
        ensure(reason.is_some(), || {
            format!("{shown}: {message}; reading has nothing to say of it")
        })?;
        open += usize::from(reason.is_some_and(|code| OPEN.contains(&code)));
    }
    Ok(open)
}
