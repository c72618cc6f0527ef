//! `kubewright fix -`: a filter. The fixed stream goes to standard output, findings to standard
//! error. What a shell gives as a path and can be read once is a stream too: `<(kustomize build
//! .)`, `/dev/stdin`, a named pipe.
//!
//! A stream without a single resource is an error and gives no output: a failed build upstream
//! never becomes an empty deployment. So is one with a document that is neither YAML nor a
//! template. What else is not understood goes out byte for byte.

use anyhow::{Result, bail};

use super::args::{FixArgs, Format};
use super::fix;
use super::ground::Ground;
use super::input_stream::{self, Source};
use super::krm::{self, resource_list};
use super::print::{diff, json, text as plain};
use super::status::Status;
use super::terminal::Terminal;
use crate::pipeline::Pipeline;

pub(super) fn fix(args: &FixArgs, source: &Source, terminal: &Terminal) -> Result<Status> {
    fix::not_both(args)?;
    if args.helm.is_some() {
        bail!(
            "--helm renders charts in files and directories, and {source} is a stream; kubewright reads what `helm template` prints without it"
        );
    }
    if let Source::Path(path) = source
        && args.write
    {
        bail!(
            "{} is a pipe and cannot be written in place; without --write the fixed stream goes to standard output",
            path.display()
        );
    }
    let input = input_stream::text(source)?;
    if args.format == Format::Text && resource_list::is_one(&input) {
        return krm::of_text(args, &input, terminal);
    }
    let ground = Ground::of_stream(args.config.as_deref())?;
    let transforms = fix::selected(args, &ground.config)?;
    let unsafe_fixes = fix::unsafe_fixes(args, &ground.config)?;
    let workspace = input_stream::workspace(source, &input, &ground.config.options)?;
    let report = Pipeline {
        transforms,
        settings: &ground.config.settings,
        unsafe_fixes,
    }
    .run(&workspace)?;
    let paths = ground.shown();
    // What comes out is fixed: in text, findings are told apart as those of a preview only when
    // nothing is written.
    let view = plain::View {
        wrote: !args.check,
        ..fix::view(args, &paths)
    };
    terminal.err(&(plain::findings(&report, &view) + &plain::summary(&report, &view)));
    let fixed = report
        .files
        .first()
        .and_then(|f| f.after.clone())
        .unwrap_or(input);
    match args.format {
        Format::Json => terminal.raw(&json::render(&report, &paths))?,
        Format::Diff => terminal.out(&diff::patch(&report, &paths))?,
        Format::Text if args.check => {}
        Format::Text => terminal.raw(&fixed)?,
    }
    Ok(if args.check {
        fix::status(args, &ground.config, &report, !report.files.is_empty())
    } else {
        Status::Clean
    })
}
