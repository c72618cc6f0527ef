//! `--baseline`: a file of findings that are accepted as they are, so that an old repository begins
//! with none. Entries say what a finding is about, never where its lines are.

use std::path::Path;

use anyhow::{Context as _, Result, anyhow, bail};
use kubewright_model::finding::Severity;
use serde::{Deserialize, Serialize};

use super::{files, output};
use crate::pipeline::identity::{By, Identity, KnownFinding};
use crate::pipeline::report::ResourceName;
use crate::pipeline::{Known, Report};

/// Version of the format. Entries of version 1 do not say which hazard they accept, and stand for
/// any of that transform at their place.
const VERSION: u32 = 2;
/// So many stale entries are named.
const NAMED: usize = 5;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: u32,
    findings: Vec<Accepted>,
}

#[derive(Serialize, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(deny_unknown_fields)]
struct Accepted {
    path: String,
    transform: String,
    #[serde(default)]
    hazard: String,
    code: Option<String>,
    resource: Option<About>,
    key: String,
}

#[derive(Serialize, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct About {
    api_version: String,
    kind: String,
    namespace: Option<String>,
    name: String,
}

/// Reads a baseline.
///
/// # Errors
/// When it is missing, or is none: with file, line and column.
pub(super) fn load(path: &Path) -> Result<Known> {
    let shown = path.display();
    let bytes = match files::bytes(path) {
        Ok(bytes) => bytes,
        Err(error) => bail!(
            "cannot read the baseline {shown}: {} (kubewright fix --write-baseline {shown} makes \
             one)",
            files::plain(&error)
        ),
    };
    let file: File = read(&bytes).map_err(|error| {
        let (line, column, text) = (error.line(), error.column(), error.to_string());
        let text = text
            .split(" at line ")
            .next()
            .unwrap_or_default()
            .to_owned();
        anyhow!("{shown}:{line}:{column}: {text}: this is no baseline that --write-baseline wrote")
    })?;
    if !(1..=VERSION).contains(&file.version) {
        bail!(
            "{shown}: version {} of a baseline, and this release reads versions 1 to {VERSION}: \
             kubewright fix --write-baseline {shown} writes it anew, from what is found now",
            file.version
        );
    }
    let entry = |accepted: Accepted| KnownFinding {
        identity: Identity {
            transform: accepted.transform,
            hazard: accepted.hazard,
            resource: accepted.resource.map(|r| ResourceName {
                api_version: r.api_version,
                kind: r.kind,
                namespace: r.namespace,
                name: r.name,
            }),
            path: accepted.path,
            key: accepted.key,
        },
        code: accepted.code,
        severity: Severity::Error,
    };
    Ok(Known {
        by: By::Baseline,
        entries: file.findings.into_iter().map(entry).collect(),
    })
}

fn read(bytes: &[u8]) -> serde_json::Result<File> {
    serde_json::from_slice(bytes)
}

/// Writes a baseline of these findings.
///
/// # Errors
/// When the file cannot be written, or holds something else.
pub(super) fn write(path: &Path, entries: Vec<KnownFinding>) -> Result<()> {
    if let Ok(old) = files::bytes(path)
        && !old.is_empty()
        && read(&old).is_err()
    {
        bail!(
            "{} is there and is no baseline: it was left as it is; name another file, or remove it \
             first",
            path.display()
        );
    }
    let accepted = |entry: KnownFinding| Accepted {
        path: entry.identity.path,
        transform: entry.identity.transform,
        hazard: entry.identity.hazard,
        code: entry.code,
        resource: entry.identity.resource.map(|r| About {
            api_version: r.api_version,
            kind: r.kind,
            namespace: r.namespace,
            name: r.name,
        }),
        key: entry.identity.key,
    };
    let mut findings: Vec<Accepted> = entries.into_iter().map(accepted).collect();
    findings.sort();
    let file = File {
        version: VERSION,
        findings,
    };
    let text = serde_json::to_string_pretty(&file)? + "\n";
    output::put(path, &text).with_context(|| format!("cannot write {}", path.display()))
}

/// What there is to say about entries that no finding needs any more; `asked`: whether a file was
/// looked at, or is gone; `runs`: whether a transform ran.
pub(super) fn stale(
    path: &Path,
    known: &Known,
    report: &Report,
    number: usize,
    asked: impl Fn(&str) -> bool,
    runs: impl Fn(&str) -> bool,
) -> Option<String> {
    let seen = report.recognised.get(number);
    let stale: Vec<String> = (known.entries.iter().enumerate())
        .filter(|(at, _)| seen.is_none_or(|seen| !seen.contains(at)))
        .map(|(_, entry)| &entry.identity)
        .filter(|identity| asked(&identity.path) && runs(&identity.transform))
        .map(|identity| {
            let about = identity.resource.as_ref();
            let about = about.map(|r| format!("{} {}", r.kind, r.name));
            let about = about.unwrap_or_else(|| identity.path.clone());
            format!("{} of {about}", identity.transform)
        })
        .collect();
    let (first, more) = (stale.first()?, stale.len().saturating_sub(NAMED));
    let named = stale.get(..NAMED).unwrap_or(&stale).join(", ");
    let (path, n) = (path.display(), stale.len());
    let again = format!("kubewright fix --write-baseline {path}");
    let gone = "what they accept is not found any more";
    Some(match (n, more) {
        (1, _) => format!(
            "{path}: the entry {first} is stale: what it accepts is not found any more; {again} \
             drops it"
        ),
        (_, 0) => format!("{path}: {n} entries are stale, and {gone}: {named}; {again} drops them"),
        _ => format!(
            "{path}: {n} entries are stale, and {gone}: {named} and {more} more; {again} drops them"
        ),
    })
}
