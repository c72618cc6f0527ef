//! `kubewright krm`: a KRM function, as kustomize and kpt run it.
//!
//! A `ResourceList` comes on standard input and goes out on standard output, with the items fixed
//! and a result for each finding. Nothing goes out when the input is not understood; with `check`
//! the items stay as they are, and what is found makes the function fail.

mod names;
pub(super) mod resource_list;
mod results;
mod settings;
mod workspace;

use anyhow::{Result, bail};
use kubewright_model::kube::Workspace;

use super::args::FixArgs;
use super::ground::Ground;
use super::input_stream::{self, InputStream};
use super::print::text;
use super::selection;
use super::status::Status;
use super::terminal::Terminal;
use crate::pipeline::Pipeline;
use resource_list::{Changes, ResourceList};
use workspace::ItemFiles;

/// Reads standard input.
pub(super) fn krm(args: &FixArgs, terminal: &Terminal) -> Result<Status> {
    let text = input_stream::text(&InputStream::Standard)?;
    of_text(args, &text, terminal)
}

/// Of a text that is a `ResourceList`.
pub(super) fn of_text(args: &FixArgs, text: &str, terminal: &Terminal) -> Result<Status> {
    let mut ground = Ground::of_stream(args.config.as_deref())?;
    let list = ResourceList::read(text)?;
    let mut args = args.clone();
    if let Some(node) = list.function_config() {
        let said = settings::read(node)?;
        args.check |= said.check;
        if let Some(mut config) = said.config {
            // What images were seen to be stays true whoever asks.
            config.settings.lock = ground.config.settings.lock;
            ground.config = config;
        }
    }
    let transforms = selection::selected(&args, &ground.config)?;
    let unsafe_fixes = selection::unsafe_fixes(&args, &ground.config)?;
    let item_files = ItemFiles::of(&list)?;
    if item_files.is_empty() {
        terminal.raw(text)?;
        return Ok(Status::Clean);
    }
    let workspace = Workspace::new(
        item_files.inputs(&ground.config.ignore),
        item_files.options(&ground.config.options)?,
    );
    let report = Pipeline {
        transforms,
        settings: &ground.config.settings,
        unsafe_fixes,
    }
    .run(&workspace)?;
    let changes = if args.check {
        Changes::default()
    } else {
        item_files.changes(&report)?
    };
    let said = results::of(&report, &item_files, args.check);
    for finding in &said {
        terminal.err(&text::printable_lines(&finding.line));
    }
    let results: Vec<_> = said.into_iter().map(|finding| finding.result).collect();
    let out = list.write(&changes, &results)?;
    proven(&list, &changes, &out)?;
    terminal.raw(&out)?;
    Ok(if args.check {
        selection::status(&args, &ground.config, &report, !report.files.is_empty())
    } else {
        Status::Clean
    })
}

/// Holds what goes out against what was planned, item by item: a slip in moving text would be a
/// wrong fix.
fn proven(list: &ResourceList, changes: &Changes, out: &str) -> Result<()> {
    let written = ResourceList::read(out)?;
    let mut planned: Vec<&str> = Vec::new();
    for (number, item) in list.items.iter().enumerate() {
        match changes.items.iter().find(|(n, _)| *n == number) {
            Some((_, Some(document))) => planned.push(document),
            Some((_, None)) => {}
            None => planned.push(&item.document),
        }
        let new = changes.new.iter().filter(|(behind, _)| *behind == number);
        planned.extend(new.map(|(_, document)| document.as_str()));
    }
    let same = |(wanted, item): (&&str, &resource_list::Item)| {
        **wanted == item.document || resource_list::mean_the_same(wanted, &item.document)
    };
    if planned.len() != written.items.len() || !planned.iter().zip(&written.items).all(same) {
        bail!(
            "the items cannot be written back as they were fixed (this is a bug of kubewright); \
             nothing was written"
        );
    }
    Ok(())
}
