//! The only code that touches disk, terminal, clock and arguments.
//!
//! [`args`] is what was typed, [`config`] what the user wrote down; `fix` brings both together, reads ([`files`]), runs the pipeline, writes
//! (`write`) and prints ([`print`]).

pub mod args;
pub mod config;
pub mod files;
mod fix;
mod ground;
pub mod print;
mod progress;
mod stream;
mod terminal;
mod transforms;
mod write;

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser as _;

use args::{Args, Command};
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
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    let terminal = Terminal::new(args.color);
    match run(&args, &terminal) {
        // Whoever reads the output has seen enough.
        _ if terminal.closed() => ExitCode::SUCCESS,
        Ok(Status::Clean) => ExitCode::SUCCESS,
        Ok(Status::Findings) => ExitCode::from(1),
        Err(error) => {
            terminal.error(&format!("{error:#}"));
            ExitCode::from(2)
        }
    }
}

fn run(args: &Args, terminal: &Terminal) -> Result<Status> {
    match &args.command {
        Command::Fix(args) if args.paths.iter().any(|p| p.as_os_str() == "-") => stream::fix(args, terminal),
        Command::Fix(args) => fix::fix(args, terminal),
        Command::Explain { name } => transforms::explain(name.as_deref(), terminal),
        Command::List { format } => transforms::list(*format, terminal),
    }
}
