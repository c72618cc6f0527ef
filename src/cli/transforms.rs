//! `kubewright list`: what the transforms say of themselves.

use std::fmt::Write as _;

use anyhow::Result;
use kubewright_transforms::ALL;
use serde_json::json;

use super::args::ListFormat;
use super::status::Status;
use super::terminal::Terminal;

pub(super) fn list(format: ListFormat, terminal: &Terminal) -> Result<Status> {
    match format {
        ListFormat::Text => terminal.out(&table())?,
        ListFormat::Json => {
            let all: Vec<_> = (ALL.iter().map(|t| t.meta()))
                .map(|m| json!({"name": m.name, "applicability": m.applicability.as_str(), "summary": m.summary, "since": m.since}))
                .collect();
            terminal.raw(&format!("{:#}\n", json!(all)))?;
        }
    }
    Ok(Status::Clean)
}

pub(super) fn table() -> String {
    let width = ALL.iter().map(|t| t.meta().name.len()).max().unwrap_or(0);
    let mut out = String::new();
    for meta in ALL.iter().map(|t| t.meta()) {
        let _ = writeln!(
            out,
            "{:width$}  {:12}  {}",
            meta.name,
            meta.applicability.as_str(),
            meta.summary
        );
    }
    out
}
