//! `kubewright man`: manual pages, as packages install them.

use std::path::Path;

use anyhow::{Context as _, Result, bail};
use clap::CommandFactory as _;
use clap_mangen::Man;

use super::args::Args;
use super::print::text::printable;
use super::status::Status;
use super::terminal::Terminal;

/// Prints the page of the program, or of one of its commands.
pub(super) fn man(command: Option<&str>, terminal: &Terminal) -> Result<Status> {
    let mut program = Args::command();
    program.build();
    let page = match command {
        None => program,
        Some(name) => match program.find_subcommand(name) {
            Some(found) => found.clone(),
            None => bail!("there is no command `{name}`; `kubewright help` lists all"),
        },
    };
    let mut bytes = Vec::new();
    Man::new(page)
        .render(&mut bytes)
        .context("cannot write the page")?;
    terminal.raw(&String::from_utf8_lossy(&bytes))?;
    Ok(Status::Clean)
}

/// Writes the pages of the program and of all its commands into a directory:
/// `kubewright-images-lock.1`.
pub(super) fn all(directory: &Path) -> Result<Status> {
    clap_mangen::generate_to(Args::command(), directory).with_context(|| {
        format!(
            "cannot write the pages to {}; it must be a directory that exists",
            printable(&directory.to_string_lossy())
        )
    })?;
    Ok(Status::Clean)
}
