//! What a run restarts, for people: how many workloads and how, what that costs, and who shares
//! what.

use std::collections::BTreeMap;

use super::text::{number, printable};
use crate::pipeline::report::{Restart, Strategy};

/// Most workloads whose costs are told, and most names that several read, where everything is told;
/// one more is told rather than counted.
pub(super) const ALL: usize = 10;
/// The same where reports are short.
pub(super) const FEW: usize = 3;
/// From how many workloads on a ConfigMap that they share is named.
const SHARED: usize = 4;

/// The lines; none where nothing restarts.
pub(super) fn lines(what: &str, all: &[Restart], most: usize) -> Vec<String> {
    if all.is_empty() {
        return Vec::new();
    }
    let mut lines = vec![format!(
        "{what} {}: {}",
        number(all.len(), "workload"),
        ways(all).join(", ")
    )];
    let costly: Vec<&Restart> = all.iter().filter(|r| !r.costs.is_empty()).collect();
    let shown = if costly.len() <= most + 1 {
        costly.len()
    } else {
        most
    };
    for restart in costly.iter().take(shown) {
        let costs: Vec<&str> = restart.costs.iter().map(|c| c.text.as_str()).collect();
        let resource = &restart.resource;
        lines.push(printable(&format!(
            "  {} {}: {}",
            resource.kind,
            resource.name,
            costs.join("; ")
        )));
    }
    if costly.len() > shown {
        let more = costly.len() - shown;
        lines.push(format!("  and {more} more (--format json names all)"));
    }
    lines.extend(shared(all, most));
    lines
}

fn ways(restarts: &[Restart]) -> Vec<String> {
    let count = |strategy| restarts.iter().filter(|r| r.strategy == strategy).count();
    let (rolling, recreate) = (count(Strategy::Rolling), count(Strategy::Recreate));
    let (on_delete, recreated) = (count(Strategy::OnDelete), count(Strategy::Recreated));
    let mut parts = Vec::new();
    if rolling > 0 {
        parts.push(format!("{rolling} rolling"));
    }
    if recreate > 0 {
        parts.push(format!("{recreate} with Recreate"));
    }
    if on_delete > 0 {
        parts.push(format!(
            "{on_delete} not until {} deleted (OnDelete)",
            if on_delete == 1 {
                "its pods are"
            } else {
                "their pods are"
            }
        ));
    }
    if recreated > 0 {
        parts.push(format!("{recreated} must be deleted and applied again"));
    }
    parts
}

/// What many of them read, by how many.
fn shared(restarts: &[Restart], most: usize) -> Vec<String> {
    let mut readers: BTreeMap<_, usize> = BTreeMap::new();
    for restart in restarts {
        for read in &restart.reads {
            let namespace = restart.resource.namespace.as_deref();
            *readers.entry((namespace, read)).or_default() += 1;
        }
    }
    let mut many: Vec<_> = readers.into_iter().filter(|(_, n)| *n >= SHARED).collect();
    many.sort_by_key(|(read, n)| (std::cmp::Reverse(*n), *read));
    let more = many.len().saturating_sub(most);
    let mut lines: Vec<String> = many
        .into_iter()
        .take(most)
        .map(|((_, read), n)| printable(&format!("  {n} of them read {} {}", read.kind, read.name)))
        .collect();
    if more > 0 {
        lines.push(format!(
            "  and {more} more are read by several (--format json names all)"
        ));
    }
    lines
}
