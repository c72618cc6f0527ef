//! `kubewright list`: what the transforms say of themselves.

use std::fmt::Write as _;

use anyhow::Result;
use kubewright_transforms::ALL;
use serde_json::json;

use super::args::ListFormat;
use super::print::page;
use super::status::Status;
use super::terminal::Terminal;

/// Columns of a summary at least.
const LEAST: usize = 30;

pub(super) fn list(format: ListFormat, terminal: &Terminal) -> Result<Status> {
    match format {
        ListFormat::Text => terminal.out(&table(terminal))?,
        ListFormat::Json => {
            let all: Vec<_> = (ALL.iter().map(|t| t.meta()))
                .map(|m| json!({"name": m.name, "applicability": m.applicability.as_str(), "summary": m.summary, "since": m.since}))
                .collect();
            terminal.raw(&format!("{:#}\n", json!(all)))?;
        }
    }
    Ok(Status::Clean)
}

pub(super) fn table(terminal: &Terminal) -> String {
    let width = ALL.iter().map(|t| t.meta().name.len()).max().unwrap_or(0);
    let mut out = String::new();
    for meta in ALL.iter().map(|t| t.meta()) {
        let trust = meta.applicability.as_str();
        let before = format!("{:width$}  {trust:12}  ", meta.name);
        let line = format!("{before}{}", meta.summary);
        if terminal.is_one() {
            // What is left beside the names must hold a few words.
            let indent = if before.len() + LEAST <= terminal.width() {
                before.len()
            } else {
                4
            };
            out.push_str(&page::hanging(&line, terminal.width(), indent));
        } else {
            let _ = writeln!(out, "{line}");
        }
    }
    out
}
