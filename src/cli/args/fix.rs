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

const FIXING: &str = "Fixing";
const LOOKING: &str = "What is looked at";
const ENDING: &str = "How the run ends";
const PRINTING: &str = "What is printed";

/// The arguments of `fix`.
#[derive(Debug, Clone, ClapArgs)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of its own on the command line"
)]
pub struct FixArgs {
    /// Files and directories; - is a stream
    ///
    /// Of the stream on standard input, the fixed one is written to standard output.
    #[arg(value_name = "PATH", default_value = ".")]
    pub paths: Vec<PathBuf>,
    /// Write the changes; else they are only shown
    #[arg(long, help_heading = FIXING)]
    pub write: bool,
    /// Ask for each fix, as `git add -p` does
    ///
    /// Safe ones and unsafe ones; what is wanted is written at the end, all together. A fix can be
    /// edited in $VISUAL or $EDITOR before it is taken.
    #[arg(
        long,
        short,
        help_heading = FIXING,
        conflicts_with_all = ["write", "check", "format", "output_file", "write_baseline"]
    )]
    pub interactive: bool,
    /// Apply unsafe fixes too [of those transforms]
    ///
    /// Of all transforms, or of those named behind =.
    #[arg(
        long,
        value_name = "NAME,..",
        num_args = 0..=1,
        require_equals = true,
        help_heading = FIXING
    )]
    pub unsafe_fixes: Option<Option<String>>,
    /// With --write: refuse uncommitted changes
    ///
    /// Refuse to write where git knows of changes that are not committed.
    #[arg(long, requires = "write", help_heading = FIXING)]
    pub require_clean: bool,
    /// With --write: keep a patch that takes all back
    #[arg(long, value_name = "FILE", requires = "write", help_heading = FIXING)]
    pub patch_out: Option<PathBuf>,
    /// With --write: what to do in the cluster
    ///
    /// What has to be done in the cluster around the fixes is written to FILE: Markdown, or a shell
    /// script where its name ends in .sh.
    #[arg(long, value_name = "FILE", requires = "write", help_heading = FIXING)]
    pub plan_out: Option<PathBuf>,
    /// Run these transforms alone
    #[arg(long, value_name = "NAME,..", value_delimiter = ',', help_heading = LOOKING)]
    pub select: Vec<String>,
    /// Do not run these transforms
    #[arg(long, value_name = "NAME,..", value_delimiter = ',', help_heading = LOOKING)]
    pub ignore: Vec<String>,
    /// Only what is new since this git revision
    ///
    /// Report and fix only what the change since this revision brings: findings that were not there
    /// where its history and that of HEAD part.
    #[arg(long, value_name = "REV", help_heading = LOOKING)]
    pub since: Option<String>,
    /// Look at all that is applied with the PATHs
    ///
    /// For hooks that name changed files: all that is applied together with them is reported, too.
    #[arg(long, help_heading = LOOKING)]
    pub whole_sets: bool,
    /// Render charts, and check what they make
    ///
    /// By the helm on PATH, or by the one behind =.
    #[arg(
        long,
        value_name = "PROGRAM",
        num_args = 0..=1,
        require_equals = true,
        help_heading = LOOKING
    )]
    pub helm: Option<Option<PathBuf>>,
    /// Build kustomizations, and decide by that
    ///
    /// By the kustomize (or kubectl) on PATH, or by the one behind =.
    #[arg(
        long,
        value_name = "PROGRAM",
        num_args = 0..=1,
        require_equals = true,
        help_heading = LOOKING
    )]
    pub kustomize: Option<Option<PathBuf>>,
    /// Leave out the findings that this file accepts
    #[arg(long, value_name = "FILE", help_heading = LOOKING)]
    pub baseline: Option<PathBuf>,
    /// Accept all findings: write them to FILE, and end
    ///
    /// The file is one for --baseline.
    #[arg(
        long,
        value_name = "FILE",
        help_heading = LOOKING,
        conflicts_with_all = ["write", "check", "format", "output_file", "since", "baseline"]
    )]
    pub write_baseline: Option<PathBuf>,
    /// Read this and not the nearest kubewright.toml
    #[arg(long, value_name = "FILE", help_heading = LOOKING)]
    pub config: Option<PathBuf>,
    /// Report without diffs, for CI
    #[arg(long, conflicts_with = "write", help_heading = ENDING)]
    pub check: bool,
    /// error, warning or never [default: warning]
    ///
    /// From which severity on a finding that is left fails the run.
    #[arg(
        long,
        value_name = "SEVERITY",
        hide_possible_values = true,
        help_heading = ENDING
    )]
    pub fail_on: Option<FailOn>,
    /// Exit with 0 whatever is found
    ///
    /// Usage, input and internal errors are 2 all the same.
    #[arg(long, help_heading = ENDING)]
    pub exit_zero: bool,
    /// text, json, sarif, html, .. [default: text]
    ///
    /// text, concise, diff, json, markdown, html, github, gitlab, sarif, rdjson, rdjsonl or junit; with
    /// =FILE into a file, and then several times.
    #[arg(
        long,
        value_name = "FORMAT[=FILE]",
        value_parser = PrintedParser,
        hide_possible_values = true,
        help_heading = PRINTING
    )]
    pub format: Vec<Printed>,
    /// Into this file, not to standard output
    ///
    /// For the format that has no file of its own.
    #[arg(long, short, value_name = "FILE", help_heading = PRINTING)]
    pub output_file: Option<PathBuf>,
    /// Findings in full, and remarks; -vv: all of them
    ///
    /// Shows findings in full, remarks and what was left alone; twice, the reasons of remarks too.
    #[arg(long, short, action = clap::ArgAction::Count, help_heading = PRINTING)]
    pub verbose: u8,
    /// Findings alone, without diffs and sums
    #[arg(
        long,
        short,
        conflicts_with_all = ["verbose", "statistics"],
        help_heading = PRINTING
    )]
    pub quiet: bool,
    /// Sums alone
    #[arg(long, help_heading = PRINTING)]
    pub statistics: bool,
    /// That many lines around each finding
    #[arg(long, value_name = "N", help_heading = PRINTING)]
    pub context: Option<usize>,
    /// What is at least info, warning or error
    ///
    /// In all formats; how the run ends is up to --fail-on.
    #[arg(
        long,
        value_name = "SEVERITY",
        hide_possible_values = true,
        help_heading = PRINTING
    )]
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
