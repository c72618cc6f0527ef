//! What of a command's arguments and the configuration decides what runs, how far fixes go, and how
//! the run ends.

use std::collections::BTreeSet;

use anyhow::{Result, bail};
use kubewright_model::finding::Severity;
use kubewright_transforms::{ALL, Transform};

use super::args::FixArgs;
use super::config::{self, Config, FailOn};
use super::status::Status;
use crate::pipeline::{Report, Selection, UnsafeFixes};

/// How a run ends whose result is `report`; `changes`: something would change.
pub(super) fn status(args: &FixArgs, config: &Config, report: &Report, changes: bool) -> Status {
    let failed = !args.exit_zero
        && match args.fail_on.or(config.fail_on).unwrap_or_default() {
            FailOn::Never => false,
            FailOn::Error => changes || report.leaves(Severity::Error),
            FailOn::Warning => changes || report.leaves(Severity::Warning),
        };
    if failed {
        Status::Findings
    } else {
        Status::Clean
    }
}

/// The transforms that run, in their order.
pub(super) fn selected(args: &FixArgs, config: &Config) -> Result<Vec<&'static dyn Transform>> {
    let names = |list: &[String]| {
        list.iter()
            .map(|n| named(n.trim()))
            .collect::<Result<BTreeSet<String>>>()
    };
    let typed = Selection {
        select: names(&args.select)?,
        ignore: names(&args.ignore)?,
    };
    Ok(typed.of(ALL, config.select.as_ref(), &config.settings))
}

/// Which unsafe fixes are applied.
pub(super) fn unsafe_fixes(args: &FixArgs, config: &Config) -> Result<UnsafeFixes> {
    Ok(match &args.unsafe_fixes {
        Some(None) => UnsafeFixes::All,
        Some(Some(names)) => UnsafeFixes::Of(
            names
                .split(',')
                .map(|n| named(n.trim()))
                .collect::<Result<_>>()?,
        ),
        None => UnsafeFixes::Of(config.unsafe_fixes.clone()),
    })
}

fn named(name: &str) -> Result<String> {
    if name.is_empty() {
        bail!("the name of a transform is missing; `kubewright list` shows all");
    }
    match config::transform_name(name) {
        Ok(()) => Ok(name.to_owned()),
        Err(message) => bail!(message),
    }
}
