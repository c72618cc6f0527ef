//! What `fix` takes.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::str::FromStr;

use clap::builder::{PossibleValue, TypedValueParser};
use clap::{Args as ClapArgs, ValueEnum};

use crate::cli::config::FailOn;
use crate::cli::print::Format;
use crate::pipeline::nearest;

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
    /// Have kustomizations built by the kustomize (or kubectl) on PATH, or by the one behind =, and
    /// decide by what comes out
    #[arg(long, value_name = "PROGRAM", num_args = 0..=1, require_equals = true)]
    pub kustomize: Option<Option<PathBuf>>,
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
            kustomize: None,
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
