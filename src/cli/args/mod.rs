//! What was typed.

use std::path::PathBuf;

use clap::builder::Styles;
use clap::builder::styling::AnsiColor;
use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};

mod fix;
mod help;
mod images;

pub use fix::{FixArgs, MinSeverity, Printed};
pub(super) use help::grouped;
pub use images::{Archive, Engine, ImagesCommand, LockArgs};

use super::config::FailOn;
pub use super::print::Format;

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default().bold())
    .placeholder(AnsiColor::Cyan.on_default());

/// Find configuration hazards in Kubernetes manifests and rewrite them in place, showing every
/// change as a diff.
#[derive(Debug, Parser)]
#[command(name = "kubewright", version, styles = STYLES, max_term_width = 100)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// When to use colours.
    #[arg(
        long,
        global = true,
        value_name = "WHEN",
        default_value = "auto",
        hide_possible_values = false,
        display_order = 900
    )]
    pub color: Color,
}

/// When to use colours.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Color {
    /// On a terminal.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
#[expect(
    clippy::large_enum_variant,
    reason = "there is one, for as long as the program runs"
)]
pub enum Command {
    /// Find hazards and fix them
    #[command(after_long_help = FIX_HELP)]
    Fix(FixArgs),
    /// Serve an editor: a language server on standard input and output
    Lsp,
    /// Take back the last fix --write
    #[command(after_long_help = UNDO_HELP)]
    Undo(UndoArgs),
    /// Accept what is left: comments that suppress it, with a reason
    #[command(after_long_help = SUPPRESS_HELP)]
    Suppress(SuppressArgs),
    /// Run as a KRM function of kustomize or kpt
    #[command(after_long_help = KRM_HELP)]
    Krm(KrmArgs),
    /// Show what is applied together, and who reads which ConfigMap
    #[command(after_long_help = GRAPH_HELP)]
    Graph(GraphArgs),
    /// Print the page of a transform, or what a code means
    Explain(ExplainArgs),
    /// Serve assistants (Model Context Protocol)
    #[cfg(feature = "mcp")]
    #[command(after_long_help = MCP_HELP)]
    Mcp(McpArgs),
    /// Ask container images what manifests do not say
    Images {
        /// What to do with them.
        #[command(subcommand)]
        command: ImagesCommand,
    },
    /// Show the settings that hold, or the schema of kubewright.toml
    Config {
        /// What to show.
        #[command(subcommand)]
        command: ConfigCommand,
    },
    /// Write a kubewright.toml for this repository
    #[command(after_long_help = INIT_HELP)]
    Init(InitArgs),
    /// Print the completions of a shell
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
    /// Print a manual page, for man
    Man {
        /// The page of this command instead of that of the program
        command: Option<String>,
        /// Write the pages of the program and of all commands into this directory
        #[arg(long, value_name = "DIR", conflicts_with = "command")]
        dir: Option<PathBuf>,
    },
    /// List all transforms
    List {
        /// How to print them
        #[arg(long, value_name = "FORMAT", default_value = "text")]
        format: ListFormat,
    },
}

/// The subcommands of `config`.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Print the settings that hold, and where each comes from
    Show(ShowArgs),
    /// Print the JSON Schema of kubewright.toml, for editors
    Schema,
}

/// The arguments of `config show`.
#[derive(Debug, ClapArgs)]
pub struct ShowArgs {
    /// Files and directories whose configuration is meant
    #[arg(value_name = "PATH", default_value = ".")]
    pub paths: Vec<PathBuf>,
    /// Read this and not the nearest kubewright.toml
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

const INIT_HELP: &str = "\
The file is written to DIR. What is found is said in its comments; nothing else is written \
without a yes.
Exit status: 0 written, 2 usage, input or internal error.";

/// The arguments of `init`.
#[derive(Debug, ClapArgs)]
pub struct InitArgs {
    /// The directory that becomes the root [default: the top of the git work tree]
    #[arg(value_name = "DIR")]
    pub directory: Option<PathBuf>,
    /// Ask nothing: write the configuration, the pre-commit hook and the workflow of CI
    #[arg(long)]
    pub yes: bool,
}

/// The arguments of `explain`.
#[derive(Debug, ClapArgs)]
pub struct ExplainArgs {
    /// Name of a transform, or a code of a finding
    pub name: Option<String>,
    /// Print what has to be done in the cluster around the fixes of these files and directories,
    /// step by step
    #[arg(long, value_name = "PATH", num_args = 1.., requires = "name")]
    pub plan: Vec<PathBuf>,
    /// Print the plan as a shell script that stops before each step
    #[arg(long, requires = "plan")]
    pub script: bool,
    /// Read this and not the nearest kubewright.toml
    #[arg(long, value_name = "FILE", requires = "plan")]
    pub config: Option<PathBuf>,
}

const FIX_HELP: &str = "\
Exit status:
  0  nothing (left) to fix
  1  a finding at or above --fail-on is left, or something would change
  2  usage, input or internal error

With --exit-zero, 0 instead of 1. As a filter (PATH is -), 0 when the stream was fixed; --check \
makes findings count.";

const UNDO_HELP: &str = "\
What the last run replaced is kept in the state directory of the user ($XDG_STATE_HOME, else \
~/.local/state), by the
root of the run. Where a file was changed since, nothing is taken back, and the files are named.

Exit status:
  0  taken back
  2  there is nothing to take back, a file was changed since, usage or internal error; nothing \
was written";

/// The arguments of `undo`.
#[derive(Debug, ClapArgs)]
pub struct UndoArgs {
    /// The files and directories of that run
    #[arg(value_name = "PATH", default_value = ".")]
    pub paths: Vec<PathBuf>,
}

const KRM_HELP: &str = "\
The functionConfig of the list has the schema of kubewright.toml, below spec of a Config of \
kubewright.dev/v1alpha1 or in
the data of a ConfigMap, and check: true. What is typed goes before it; where it has settings, no \
kubewright.toml is read.

Exit status:
  0  the list was fixed, or with --check nothing was found
  1  with --check: a finding at or above --fail-on is left, or something would change
  2  usage, input or internal error; nothing was printed";

/// The arguments of `krm`.
#[derive(Debug, ClapArgs)]
pub struct KrmArgs {
    /// Leave the items as they are; what is found fails the function, as a validator does
    #[arg(long)]
    pub check: bool,
    /// Apply unsafe fixes too, of all transforms or of those named behind =
    #[arg(long, value_name = "NAME,..", num_args = 0..=1, require_equals = true)]
    pub unsafe_fixes: Option<Option<String>>,
    /// Run these transforms alone
    #[arg(long, value_name = "NAME,..", value_delimiter = ',')]
    pub select: Vec<String>,
    /// Do not run these transforms
    #[arg(long, value_name = "NAME,..", value_delimiter = ',')]
    pub ignore: Vec<String>,
    /// From which severity on a finding that is left fails --check [default: warning]
    #[arg(long, value_name = "SEVERITY")]
    pub fail_on: Option<FailOn>,
    /// Read this and not the nearest kubewright.toml
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

impl KrmArgs {
    /// The same for a stream.
    pub fn fix(&self) -> FixArgs {
        FixArgs {
            check: self.check,
            unsafe_fixes: self.unsafe_fixes.clone(),
            select: self.select.clone(),
            ignore: self.ignore.clone(),
            fail_on: self.fail_on,
            config: self.config.clone(),
            ..FixArgs::of(vec!["-".into()])
        }
    }
}

/// The arguments of `suppress`.
#[derive(Debug, ClapArgs)]
pub struct SuppressArgs {
    /// Files and directories
    #[arg(value_name = "PATH", default_value = ".")]
    pub paths: Vec<PathBuf>,
    /// Why the findings are accepted: stands in each comment
    #[arg(long, value_name = "TEXT", required_unless_present = "remove_unused")]
    pub reason: Option<String>,
    /// Remove the suppressions that hit nothing instead
    #[arg(long, conflicts_with_all = ["reason", "all", "select", "ignore"])]
    pub remove_unused: bool,
    /// Suppress what has a safe fix too
    #[arg(long)]
    pub all: bool,
    /// Write the comments; without it they are only shown
    #[arg(long)]
    pub write: bool,
    /// Findings of these transforms alone
    #[arg(long, value_name = "NAME,..", value_delimiter = ',')]
    pub select: Vec<String>,
    /// No findings of these transforms
    #[arg(long, value_name = "NAME,..", value_delimiter = ',')]
    pub ignore: Vec<String>,
    /// Read this and not the nearest kubewright.toml
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

#[cfg(feature = "mcp")]
const MCP_HELP: &str = "\
Tools: find, explain, graph, preview, and with --allow-write apply, which writes the diff that a \
preview has shown and
no other. What stands outside of ROOT is neither reported nor written.

Exit status: 0 the client left, 2 usage, input or internal error.";

/// The arguments of `mcp`.
#[cfg(feature = "mcp")]
#[derive(Debug, ClapArgs)]
pub struct McpArgs {
    /// Directory that the tools work in
    #[arg(value_name = "ROOT", default_value = ".")]
    pub root: PathBuf,
    /// Offer the tool that writes, too
    #[arg(long)]
    pub allow_write: bool,
    /// Read this and not the nearest kubewright.toml
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

impl SuppressArgs {
    /// The run whose findings are meant.
    pub fn fix(&self) -> FixArgs {
        FixArgs {
            select: self.select.clone(),
            ignore: self.ignore.clone(),
            config: self.config.clone(),
            ..FixArgs::of(self.paths.clone())
        }
    }
}

const SUPPRESS_HELP: &str = "\
A comment `# kubewright: ignore[NAME] TEXT` goes above the line of each finding at warning or \
error that no safe fix cures.
Each file is read again with its comments: what they would change beside that stays out.
Exit status: 0 all that was asked was done or shown, 1 a finding cannot be suppressed by a \
comment, 2 usage, input or internal error.";

const GRAPH_HELP: &str = "\
Everything from the root down is looked at, as by fix; PATHs choose the sets that are shown: \
those with a part there.
Exit status: 0 printed, 2 usage, input or internal error.";

/// The arguments of `graph`.
#[derive(Debug, ClapArgs)]
pub struct GraphArgs {
    /// Files and directories; - reads a stream from standard input
    #[arg(value_name = "PATH", default_value = ".")]
    pub paths: Vec<PathBuf>,
    /// What to print
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: GraphFormat,
    /// Read this and not the nearest kubewright.toml
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// What `graph` prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum GraphFormat {
    /// For reading.
    Text,
    /// Everything, for programs.
    Json,
    /// A Mermaid flowchart, which GitHub and GitLab draw in Markdown.
    Mermaid,
    /// A Graphviz graph.
    Dot,
    /// A page to look at, in one file.
    Html,
}

/// How `list` prints.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum ListFormat {
    /// A table.
    Text,
    /// JSON.
    Json,
}
