//! The only code that touches disk, terminal, clock and arguments.
//!
//! [`args`] is what was typed, [`config`] what the user wrote down; `fix` brings both together,
//! reads ([`files`]), runs the pipeline, writes (`write`) and prints ([`mod@print`]). [`images`]
//! reads container images, the only code that knows a network.

pub mod args;
mod baseline;
pub mod config;
pub mod files;
mod fix;
mod git;
pub mod globs;
mod graph;
mod ground;
pub mod images;
mod output;
pub mod print;
mod progress;
mod since;
mod stream;
mod terminal;
pub mod texts;
mod touched;
mod transforms;
mod write;

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser as _;

use args::{Args, Command, ImagesCommand};
use terminal::Terminal;

/// How a run ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Status {
    /// Nothing (left) to fix.
    Clean,
    /// Something is left, or would change.
    Findings,
}

/// Runs the program.
pub fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => {
            let printed = error.print();
            let full = printed.is_err_and(|e| e.kind() != std::io::ErrorKind::BrokenPipe);
            return ExitCode::from(if full {
                2
            } else {
                u8::try_from(error.exit_code()).unwrap_or(2)
            });
        }
    };
    let terminal = Terminal::new(args.color);
    match run(&args, &terminal) {
        Ok(Status::Clean) => ExitCode::SUCCESS,
        Ok(Status::Findings) => ExitCode::from(1),
        Err(error) => {
            terminal.error(&words(&error));
            ExitCode::from(2)
        }
    }
}

/// An error and its causes, those of the operating system without their numbers.
fn words(error: &anyhow::Error) -> String {
    let cause = |e: &(dyn std::error::Error + 'static)| {
        e.downcast_ref().map_or_else(|| e.to_string(), files::plain)
    };
    error.chain().map(cause).collect::<Vec<_>>().join(": ")
}

fn run(args: &Args, terminal: &Terminal) -> Result<Status> {
    match &args.command {
        Command::Fix(args) => match stream::Source::among(&args.paths)? {
            Some(source) => stream::fix(args, &source, terminal),
            None => fix::fix(args, terminal),
        },
        Command::Graph(args) => graph::graph(args, terminal),
        Command::Explain { name } => transforms::explain(name.as_deref(), terminal),
        Command::Images {
            command: ImagesCommand::Lock(args),
        } => images::lock(args, terminal),
        Command::List { format } => transforms::list(*format, terminal),
    }
}
