//! What was typed.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::str::FromStr;

use clap::builder::styling::AnsiColor;
use clap::builder::{PossibleValue, Styles, TypedValueParser};
use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};

use super::config::FailOn;
pub use super::print::Format;
use crate::pipeline::nearest;

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
    #[command(after_help = FIX_HELP)]
    Fix(FixArgs),
    /// Serve an editor: a language server on standard input and output
    Lsp,
    /// Take back the last fix --write
    #[command(after_help = UNDO_HELP)]
    Undo(UndoArgs),
    /// Accept what is left: write comments that suppress it, with a reason
    #[command(after_help = SUPPRESS_HELP)]
    Suppress(SuppressArgs),
    /// Run as a KRM function of kustomize or kpt
    #[command(after_help = KRM_HELP)]
    Krm(KrmArgs),
    /// Show what is applied together and who reads which ConfigMap or Secret
    #[command(after_help = GRAPH_HELP)]
    Graph(GraphArgs),
    /// Print the page of a transform, what a code means, or the index of all
    Explain(ExplainArgs),
    /// Serve assistants over standard input and output (Model Context Protocol)
    #[cfg(feature = "mcp")]
    #[command(after_help = MCP_HELP)]
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
    #[command(after_help = INIT_HELP)]
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
    /// Read this configuration instead of the nearest kubewright.toml
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

const INIT_HELP: &str = "\
The file is written to DIR. What is found is said in its comments; nothing else is written without a yes.
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
    /// Read this configuration instead of the nearest kubewright.toml
    #[arg(long, value_name = "FILE", requires = "plan")]
    pub config: Option<PathBuf>,
}

const FIX_HELP: &str = "\
Exit status:
  0  nothing (left) to fix
  1  a finding at or above --fail-on is left, or something would change
  2  usage, input or internal error

With --exit-zero, 0 instead of 1. As a filter (PATH is -), 0 when the stream was fixed; --check makes findings count.";

const UNDO_HELP: &str = "\
What the last run replaced is kept in the state directory of the user ($XDG_STATE_HOME, else ~/.local/state), by the
root of the run. Where a file was changed since, nothing is taken back, and the files are named.

Exit status:
  0  taken back
  2  there is nothing to take back, a file was changed since, usage or internal error; nothing was written";

/// The arguments of `undo`.
#[derive(Debug, ClapArgs)]
pub struct UndoArgs {
    /// The files and directories of that run
    #[arg(value_name = "PATH", default_value = ".")]
    pub paths: Vec<PathBuf>,
}

const KRM_HELP: &str = "\
The functionConfig of the list has the schema of kubewright.toml, below spec of a Config of kubewright.dev/v1alpha1 or in
the data of a ConfigMap, and check: true. What is typed goes before it; where it has settings, no kubewright.toml is read.

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
    /// Read this configuration instead of the nearest kubewright.toml
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
    /// Read this configuration instead of the nearest kubewright.toml
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

#[cfg(feature = "mcp")]
const MCP_HELP: &str = "\
Tools: find, explain, graph, preview, and with --allow-write apply, which writes the diff that a preview has shown and
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
    /// Read this configuration instead of the nearest kubewright.toml
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
A comment `# kubewright: ignore[NAME] TEXT` goes above the line of each finding at warning or error that no safe fix cures.
Each file is read again with its comments: what they would change beside that stays out.
Exit status: 0 all that was asked was done or shown, 1 a finding cannot be suppressed by a comment, 2 usage, input or internal error.";

/// The subcommands of `images`.
#[derive(Debug, Subcommand)]
pub enum ImagesCommand {
    /// Write kubewright.lock: what the images that decide a finding are and do
    #[command(after_help = LOCK_HELP)]
    Lock(LockArgs),
}

/// The arguments of `images lock`.
#[derive(Debug, ClapArgs)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag")]
pub struct LockArgs {
    /// Files and directories whose images are asked
    #[arg(value_name = "PATH", default_value = ".")]
    pub paths: Vec<PathBuf>,
    /// Say whether the lock is up to date; reads no image
    #[arg(long, conflicts_with_all = ["upgrade", "from"])]
    pub check: bool,
    /// Ask the registries, too, whether the tags still name the images that are locked
    #[arg(long, requires = "check")]
    pub tags: bool,
    /// Resolve the tags of images again that are locked already
    #[arg(long)]
    pub upgrade: bool,
    /// Take out what is no longer asked, for example because a fix made the question needless
    #[arg(long, conflicts_with = "check")]
    pub prune: bool,
    /// Read images from oci:DIR or docker-archive:FILE (- for standard input), and none from a registry
    #[arg(long, value_name = "ARCHIVE")]
    pub from: Vec<Archive>,
    /// Speak plain HTTP with this registry, `host` or `host:port`, if it does not speak HTTPS
    #[arg(long, value_name = "REGISTRY")]
    pub insecure_registry: Vec<String>,
    /// How long a registry may keep silent, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub timeout: u64,
    /// The largest layer that is read, in MiB, as it is stored
    #[arg(long, value_name = "MIB", default_value_t = 4096, value_parser = clap::value_parser!(u64).range(1..))]
    pub max_layer_size: u64,
    /// Read this configuration instead of the nearest kubewright.toml
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

const LOCK_HELP: &str = "\
Images that are locked stay as they are; what is missing is added, what is no longer asked is named, and goes with --prune.
Credentials are those of Docker: config.json in DOCKER_CONFIG or ~/.docker, and the helpers it names.

Exit status:
  0  the lock answers all that is asked
  1  an image cannot be read, or --check found the lock stale or a tag that moved
  2  usage, input or internal error";

const GRAPH_HELP: &str = "\
Everything from the root down is looked at, as by fix; PATHs choose the sets that are shown: those with a part there.
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
    /// Read this configuration instead of the nearest kubewright.toml
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

/// A format, and the file that it goes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Printed {
    /// The format.
    pub format: Format,
    /// The file; standard output, or `--output-file`, without one.
    pub file: Option<PathBuf>,
}

/// Reads a [`Printed`]; the formats alone are what a shell offers.
#[derive(Debug, Clone)]
struct PrintedParser;

impl TypedValueParser for PrintedParser {
    type Value = Printed;

    fn parse_ref(
        &self,
        command: &clap::Command,
        arg: Option<&clap::Arg>,
        value: &OsStr,
    ) -> Result<Printed, clap::Error> {
        let parse = Printed::from_str as fn(&str) -> Result<Printed, String>;
        parse.parse_ref(command, arg, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        let formats = Format::value_variants().iter();
        Some(Box::new(formats.filter_map(Format::to_possible_value)))
    }
}

impl FromStr for Printed {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, file) = match text.split_once('=') {
            Some((_, "")) => return Err("the file behind `=` is missing".into()),
            Some((name, file)) => (name, Some(PathBuf::from(file))),
            None => (text, None),
        };
        let names = Format::value_variants().iter().map(|f| f.name());
        let names: Vec<String> = names.collect();
        match Format::from_str(name, false) {
            Ok(format) => Ok(Self { format, file }),
            Err(_) => Err(match nearest(name, names.iter().map(String::as_str)) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("the formats are {}", names.join(", ")),
            }),
        }
    }
}

/// The arguments of `fix`.
#[derive(Debug, Clone, ClapArgs)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of its own on the command line"
)]
pub struct FixArgs {
    /// Files and directories; - reads a stream from standard input and writes the fixed one to
    /// standard output
    #[arg(value_name = "PATH", default_value = ".")]
    pub paths: Vec<PathBuf>,
    /// Write the changes; without it they are only shown
    #[arg(long)]
    pub write: bool,
    /// Ask for each fix, safe or not, and write those that are wanted, as `git add -p` does
    #[arg(
        long,
        short,
        conflicts_with_all = ["write", "check", "format", "output_file", "write_baseline"]
    )]
    pub interactive: bool,
    /// Write what has to be done in the cluster around the fixes to FILE: Markdown, or a shell
    /// script where its name ends in .sh
    #[arg(long, value_name = "FILE", requires = "write")]
    pub plan_out: Option<PathBuf>,
    /// With --write: refuse where git knows of changes that are not committed
    #[arg(long, requires = "write")]
    pub require_clean: bool,
    /// With --write: keep a patch here that takes everything back
    #[arg(long, value_name = "FILE", requires = "write")]
    pub patch_out: Option<PathBuf>,
    /// Report without diffs, for CI
    #[arg(long, conflicts_with = "write")]
    pub check: bool,
    /// Apply unsafe fixes too, of all transforms or of those named behind =
    #[arg(long, value_name = "NAME,..", num_args = 0..=1, require_equals = true)]
    pub unsafe_fixes: Option<Option<String>>,
    /// Look at all that is applied together with the PATHs: for hooks that name changed files
    #[arg(long)]
    pub whole_sets: bool,
    /// Have charts rendered by the helm on PATH, or by the one behind =, and check what they make
    #[arg(long, value_name = "PROGRAM", num_args = 0..=1, require_equals = true)]
    pub helm: Option<Option<PathBuf>>,
    /// Run these transforms alone
    #[arg(long, value_name = "NAME,..", value_delimiter = ',')]
    pub select: Vec<String>,
    /// Do not run these transforms
    #[arg(long, value_name = "NAME,..", value_delimiter = ',')]
    pub ignore: Vec<String>,
    /// What to print: text, concise, diff, json, markdown, html, github, gitlab, sarif, rdjson, rdjsonl
    /// or junit; with =FILE into a file, and then several times [default: text]
    #[arg(
        long,
        value_name = "FORMAT[=FILE]",
        value_parser = PrintedParser,
        hide_possible_values = true
    )]
    pub format: Vec<Printed>,
    /// Write the format that has no file of its own to this file instead of standard output
    #[arg(long, short, value_name = "FILE")]
    pub output_file: Option<PathBuf>,
    /// Report and fix only what the change since this git revision brings: findings that were not
    /// there where its history and that of HEAD part
    #[arg(long, value_name = "REV")]
    pub since: Option<String>,
    /// Leave out the findings that this file accepts
    #[arg(long, value_name = "FILE")]
    pub baseline: Option<PathBuf>,
    /// Accept all findings: write them to this file, for --baseline, and end
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with_all = ["write", "check", "format", "output_file", "since", "baseline"]
    )]
    pub write_baseline: Option<PathBuf>,
    /// From which severity on a finding that is left fails the run [default: warning]
    #[arg(long, value_name = "SEVERITY")]
    pub fail_on: Option<FailOn>,
    /// Exit with 0 whatever is found; usage, input and internal errors are 2 all the same
    #[arg(long)]
    pub exit_zero: bool,
    /// Read this configuration instead of the nearest kubewright.toml
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Show findings in full, remarks and what was left alone; twice, the reasons of remarks too
    #[arg(long, short, action = clap::ArgAction::Count, help_heading = "What is printed")]
    pub verbose: u8,
    /// Print findings alone, without diffs and sums
    #[arg(
        long,
        short,
        conflicts_with_all = ["verbose", "statistics"],
        help_heading = "What is printed"
    )]
    pub quiet: bool,
    /// Print sums alone
    #[arg(long, help_heading = "What is printed")]
    pub statistics: bool,
    /// Show that many lines of the file around each finding
    #[arg(long, value_name = "N", help_heading = "What is printed")]
    pub context: Option<usize>,
    /// Print what is at least that severe, in all formats; how the run ends is up to --fail-on
    #[arg(long, value_name = "SEVERITY", help_heading = "What is printed")]
    pub min_severity: Option<MinSeverity>,
}

impl FixArgs {
    /// Nothing typed but PATHs.
    pub fn of(paths: Vec<PathBuf>) -> Self {
        Self {
            paths,
            write: false,
            interactive: false,
            plan_out: None,
            require_clean: false,
            patch_out: None,
            helm: None,
            check: false,
            whole_sets: false,
            unsafe_fixes: None,
            select: Vec::new(),
            ignore: Vec::new(),
            format: Vec::new(),
            output_file: None,
            since: None,
            baseline: None,
            write_baseline: None,
            fail_on: None,
            exit_zero: false,
            config: None,
            verbose: 0,
            quiet: false,
            statistics: false,
            context: None,
            min_severity: None,
        }
    }
}

/// How severe a finding must be to be printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum MinSeverity {
    /// Everything.
    Info,
    /// Warnings and errors.
    Warning,
    /// Errors.
    Error,
}

/// Images on the disk, as they are typed.
#[derive(Debug, Clone)]
pub enum Archive {
    /// `oci:DIR`: an OCI image layout.
    Oci(PathBuf),
    /// `docker-archive:FILE`: what `docker save` writes; `-` is standard input.
    Docker(PathBuf),
}

impl FromStr for Archive {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            Some((_, "")) | None => Err("`oci:DIR` or `docker-archive:FILE` is expected".into()),
            Some(("oci", path)) => Ok(Self::Oci(path.into())),
            Some(("docker-archive", path)) => Ok(Self::Docker(path.into())),
            Some((kind, _)) => Err(format!("`{kind}` is neither `oci` nor `docker-archive`")),
        }
    }
}
