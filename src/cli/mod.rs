//! The only code that touches disk, terminal, clock and arguments.
//!
//! The table of floors, read downwards; nothing points up. The commands stand on top, each a row of
//! its own, so that none knows another but where it is built on it:
//!
//! | floor | what it knows |
//! |---|---|
//! | `fuzzing` | what fuzz targets reach |
//! | `lsp` | the command `lsp`: a language server |
//! | `mcp` | the command `mcp`: tools for assistants |
//! | `graph` | the command `graph` |
//! | `init` | the command `init` |
//! | `images` | the command `images lock`: container images, the only code that knows a network |
//! | `stream` | the command `fix` for what is read once |
//! | `krm` | the command `krm`: a function of kustomize and kpt |
//! | `undo` | the command `undo`: the last run is taken back |
//! | `fix` | the command `fix` for files and directories |
//! | `interactive` | the command `fix`, one fix at a time |
//! | `suppress` | the command `suppress` |
//! | `since` | the findings that a change brought |
//! | `git` | what a repository has at a commit |
//! | `baseline` | findings that are accepted |
//! | `selection` | what runs, how far fixes go, how the run ends |
//! | `charts` | what the user's Helm makes of charts |
//! | `kustomize` | what the user's kustomize builds |
//! | `behind` | what such a program makes of files, and the way back to them |
//! | `program` | programs of the user's, run in the dark |
//! | `whole_sets` | from the files that were named to all that is applied with them |
//! | `settings` | the command `config` |
//! | `explain` | the command `explain` |
//! | `transforms` | the command `list` |
//! | `man` | the command `man` |
//! | `completions` | the command `completions`, and what kubectl asks its plugins |
//! | `called` | by which name the program was called |
//! | `plan` | what has to be done in the cluster around the fixes |
//! | `output` | which report goes where |
//! | `work_tree` | whether git knows of changes that are not committed |
//! | `ground` | where a run stands: root, configuration, lock |
//! | `terminal` | standard output and standard error |
//! | `progress` | a sign of life |
//! | `edited` | a fix as a patch that a person edits |
//! | [`args`] | what was typed |
//! | `print` | a report in each format |
//! | `lockfile` | what is locked: `kubewright.lock` |
//! | `write` | all files written, or none |
//! | [`texts`] | files beside the manifests |
//! | `input_stream` | which PATH is a stream |
//! | [`files`] | manifests on the disk |
//! | [`config`] | what the user wrote down: `kubewright.toml` |
//! | [`globs`] | what globs of the configuration match |
//! | `status` | how a run ends |

pub mod args;
mod baseline;
mod behind;
mod called;
mod charts;
mod completions;
pub mod config;
mod edited;
mod explain;
pub mod files;
mod fix;
#[cfg(fuzzing)]
pub mod fuzzing;
mod git;
pub mod globs;
mod graph;
mod ground;
mod images;
mod init;
mod input_stream;
mod interactive;
mod krm;
mod kustomize;
mod lockfile;
mod lsp;
mod man;
#[cfg(feature = "mcp")]
mod mcp;
mod output;
mod plan;
pub mod print;
mod program;
mod progress;
mod selection;
mod settings;
mod since;
mod status;
mod stream;
mod suppress;
mod terminal;
pub mod texts;
mod transforms;
mod undo;
mod whole_sets;
mod work_tree;
mod write;

use std::process::ExitCode;

use anyhow::Result;

use args::{Args, Command, ImagesCommand};
use called::Called;
use input_stream::InputStream;
use status::Status;
use terminal::Terminal;

/// Runs the program.
pub fn main() -> ExitCode {
    let called = Called::by(std::env::args_os().next().as_deref());
    if called == Called::ForCompletions {
        return completions::of_kubectl(std::env::args().skip(1).collect());
    }
    let args = match called.parse() {
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
            terminal.error(&terminal::words(&error));
            ExitCode::from(2)
        }
    }
}

fn run(args: &Args, terminal: &Terminal) -> Result<Status> {
    match &args.command {
        Command::Fix(args) => match InputStream::among(&args.paths)? {
            Some(source) => stream::fix(args, &source, terminal),
            None => fix::fix(args, terminal),
        },
        Command::Lsp => lsp::lsp(terminal),
        Command::Undo(args) => undo::undo(args, terminal),
        Command::Suppress(args) => suppress::suppress(args, terminal),
        Command::Krm(args) => krm::krm(&args.fix(), terminal),
        Command::Graph(args) => graph::graph(args, terminal),
        Command::Explain(args) => explain::explain(args, terminal),
        #[cfg(feature = "mcp")]
        Command::Mcp(args) => mcp::mcp(args, terminal),
        Command::Images {
            command: ImagesCommand::Lock(args),
        } => images::lock(args, terminal),
        Command::Config { command } => settings::config(command, terminal),
        Command::Init(args) => init::init(args, terminal),
        Command::Man { dir: Some(dir), .. } => man::all(dir),
        Command::Man { command, .. } => man::man(command.as_deref(), terminal),
        Command::Completions { shell } => completions::of_shell(*shell, terminal),
        Command::List { format } => transforms::list(*format, terminal),
    }
}
