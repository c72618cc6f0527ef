//! What was typed.

use std::path::PathBuf;

use clap::builder::Styles;
use clap::builder::styling::AnsiColor;
use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};

use super::config::FailOn;

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
pub enum Command {
    /// Find hazards and fix them
    #[command(after_help = FIX_HELP)]
    Fix(FixArgs),
    /// Run as a KRM function of kustomize or kpt
    #[command(after_help = KRM_HELP)]
    Krm(KrmArgs),
    /// Show what is applied together and who reads which ConfigMap or Secret
    #[command(after_help = GRAPH_HELP)]
    Graph(GraphArgs),
    /// Print the page of a transform, or the index of all
    Explain {
        /// Name of a transform
        name: Option<String>,
    },
    /// Ask container images what manifests do not say
    Images {
        /// What to do with them.
        #[command(subcommand)]
        command: ImagesCommand,
    },
    /// Print the completions of a shell
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
    /// List all transforms
    List {
        /// How to print them
        #[arg(long, value_name = "FORMAT", default_value = "text")]
        format: ListFormat,
    },
}

const FIX_HELP: &str = "\
Exit status:
  0  nothing (left) to fix
  1  a finding at or above --fail-on is left, or something would change
  2  usage, input or internal error

With --exit-zero, 0 instead of 1. As a filter (PATH is -), 0 when the stream was fixed; --check makes findings count.";

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
            paths: vec!["-".into()],
            write: false,
            check: self.check,
            whole_sets: false,
            helm: None,
            unsafe_fixes: self.unsafe_fixes.clone(),
            select: self.select.clone(),
            ignore: self.ignore.clone(),
            format: Format::Text,
            fail_on: self.fail_on,
            exit_zero: false,
            config: self.config.clone(),
            verbose: false,
        }
    }
}

/// The subcommands of `images`.
#[derive(Debug, Subcommand)]
pub enum ImagesCommand {
    /// Write kubewright.lock: what the images that decide a finding are and do
    #[command(after_help = LOCK_HELP)]
    Lock(LockArgs),
}

/// The arguments of `images lock`.
#[derive(Debug, ClapArgs)]
pub struct LockArgs {
    /// Files and directories whose images are asked
    #[arg(value_name = "PATH", default_value = ".")]
    pub paths: Vec<PathBuf>,
    /// Say whether the lock is up to date; reads no image
    #[arg(long, conflicts_with_all = ["upgrade", "from"])]
    pub check: bool,
    /// Resolve the tags of images again that are locked already
    #[arg(long)]
    pub upgrade: bool,
    /// Read images from oci:DIR or docker-archive:FILE, and none from a registry
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
Images that are locked stay as they are; what is missing is added, what is no longer asked is dropped.
Credentials are those of Docker: config.json in DOCKER_CONFIG or ~/.docker, and the helpers it names.

Exit status:
  0  the lock answers all that is asked
  1  an image cannot be read, or --check found the lock stale
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
}

/// How `list` prints.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum ListFormat {
    /// A table.
    Text,
    /// JSON.
    Json,
}

/// What `fix` prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Findings, the diff and sums.
    Text,
    /// The patch alone.
    Diff,
    /// Everything, for programs.
    Json,
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
    /// What to print
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: Format,
    /// From which severity on a finding that is left fails the run [default: warning]
    #[arg(long, value_name = "SEVERITY")]
    pub fail_on: Option<FailOn>,
    /// Exit with 0 whatever is found; usage, input and internal errors are 2 all the same
    #[arg(long)]
    pub exit_zero: bool,
    /// Read this configuration instead of the nearest kubewright.toml
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Show info findings in full
    #[arg(long, short)]
    pub verbose: bool,
}

/// Images on the disk, as they are typed.
#[derive(Debug, Clone)]
pub enum Archive {
    /// `oci:DIR`: an OCI image layout.
    Oci(PathBuf),
    /// `docker-archive:FILE`: what `docker save` writes.
    Docker(PathBuf),
}

impl std::str::FromStr for Archive {
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
