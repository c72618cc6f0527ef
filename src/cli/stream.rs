//! `kubewright fix -`: a filter. The fixed stream goes to standard output, findings to standard
//! error. What a shell gives as a path and can be read once is a stream too: `<(kustomize build
//! .)`, `/dev/stdin`, a named pipe.
//!
//! A stream without a single resource is an error and gives no output: a failed build upstream
//! never becomes an empty deployment. So is one with a document that is neither YAML nor a
//! template. What else is not understood goes out byte for byte.

use anyhow::{Result, bail};

use super::args::{FixArgs, Format};
use super::ground::Ground;
use super::input_stream::{self, InputStream};
use super::krm::{self, resource_list};
use super::output::{self, Outputs};
use super::print::relations::Graph;
use super::print::run::Run;
use super::print::{diff, sums, text as plain};
use super::status::Status;
use super::terminal::Terminal;
use super::{baseline, fix, selection};
use crate::pipeline::Pipeline;

pub(super) fn fix(args: &FixArgs, source: &InputStream, terminal: &Terminal) -> Result<Status> {
    let outputs = Outputs::of(args)?;
    if args.since.is_some() {
        bail!("{source} has no history: --since takes files and directories of a git work tree");
    }
    if args.interactive {
        bail!("{source} is a stream: --interactive asks about files and directories");
    }
    if args.helm.is_some() {
        bail!(
            "--helm renders charts in files and directories, and {source} is a stream; kubewright \
             reads what `helm template` prints without it"
        );
    }
    if args.kustomize.is_some() {
        bail!(
            "--kustomize builds kustomizations in files and directories, and {source} is a stream; \
             kubewright reads what `kustomize build` prints without it"
        );
    }
    if args.write_baseline.is_some() {
        bail!("a baseline is one of files and directories, and {source} is a stream");
    }
    let baseline = args.baseline.as_deref().map(baseline::load).transpose()?;
    if let InputStream::Path(path) = source
        && args.write
    {
        bail!(
            "{} is a pipe and cannot be written in place; without --write the fixed stream goes to \
             standard output",
            path.display()
        );
    }
    let input = input_stream::text(source)?;
    if outputs.standard.is_none_or(|format| format == Format::Text) && resource_list::is_one(&input)
    {
        return krm::of_text(args, &input, terminal);
    }
    let ground = Ground::of_stream(args.config.as_deref())?;
    let transforms = selection::selected(args, &ground.config)?;
    let unsafe_fixes = selection::unsafe_fixes(args, &ground.config)?;
    let workspace = input_stream::workspace(source, &input, &ground.config.options)?;
    let known: Vec<_> = baseline.into_iter().collect();
    let mut report = Pipeline {
        transforms,
        settings: &ground.config.settings,
        unsafe_fixes,
    }
    .run_beside(&workspace, &known)?;
    let changes = !report.files.is_empty();
    let status = selection::status(args, &ground.config, &report, changes);
    output::hide(args, &mut report);
    let paths = ground.shown();
    let graph = outputs.draw().then(|| Graph::of(&workspace, &paths));
    let run = Run {
        shown: output::shown(args, terminal),
        check: args.check,
        graph: graph.as_ref(),
        ..Run::new(&report, &paths)
    };
    // What comes out is fixed: in text, findings are told apart as those of a preview only when
    // nothing is written.
    let view = plain::View {
        wrote: !args.check,
        ..run.view()
    };
    if !args.statistics {
        terminal.err(&plain::findings(&report, &view));
    }
    if !args.quiet {
        terminal.err(&sums::summary(&report, &view));
    }
    outputs.write_files(&run)?;
    let fixed = report
        .files
        .first()
        .and_then(|f| f.after.clone())
        .unwrap_or(input);
    let carries = match outputs.standard {
        Some(Format::Diff) => true,
        None | Some(Format::Text) => !args.check,
        Some(_) => false,
    };
    if carries && diff::shows_secrets(&report, &paths) {
        terminal.warning(fix::IN_CLEAR);
    }
    match outputs.standard {
        // A stream goes on unless its place is taken.
        None | Some(Format::Text) if args.check => {}
        None | Some(Format::Text) => terminal.raw(&fixed)?,
        Some(_) => outputs.print(&run, terminal)?,
    }
    Ok(if args.check { status } else { Status::Clean })
}
