//! `kubewright fix`: files and directories.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Result, bail};
use kubewright_model::kube::{Evidence, Input, Options, Workspace};
use kubewright_model::text::Text;

use super::args::{FixArgs, Format};
use super::charts;
use super::config;
use super::globs::{self, Of};
use super::ground::Ground;
use super::kustomize;
use super::output::{self, Outputs};
use super::print::relations::Graph;
use super::print::run::Run;
use super::print::{Paths, diff, sums};
use super::progress::Progress;
use super::since::Past;
use super::status::Status;
use super::terminal::Terminal;
use super::whole_sets::Named;
use super::write::TreeLock;
use super::{baseline, interactive, plan, selection, since, work_tree, write};
use crate::pipeline::identity::KnownFinding;
use crate::pipeline::report::Reported;
use crate::pipeline::{INPUT, Known, Pipeline, Report, UNUSED_SUPPRESSION};

/// Said once, where a patch carries what findings hide.
pub(super) const IN_CLEAR: &str =
    "the patch holds credentials in clear: keep it out of logs and tickets";

pub(super) fn fix(args: &FixArgs, terminal: &Terminal) -> Result<Status> {
    not_a_path(args)?;
    if args.interactive {
        interactive::needs_a_terminal(terminal)?;
    }
    let outputs = Outputs::of(args)?;
    let mut ground = Ground::of(&args.paths, args.config.as_deref())?;
    let named = args.whole_sets.then(|| Named::of(&mut ground));
    let transforms = selection::selected(args, &ground.config)?;
    let unsafe_fixes = selection::unsafe_fixes(args, &ground.config)?;
    if args.require_clean {
        work_tree::require_clean(&ground.root, ground.git_top.as_deref())?;
    }
    let lock = ground.lock(args.write || args.interactive, terminal);
    ground.recover(args.write || args.interactive, terminal)?;
    let accepted = ground.baseline(args.baseline.as_deref());
    let accepted = accepted.filter(|_| args.write_baseline.is_none());
    let baseline = accepted.as_deref().map(baseline::load).transpose()?;
    let past = match &args.since {
        Some(rev) => Some(since::past(args, rev, &ground, terminal)?),
        None => None,
    };
    let progress = Progress::start("reading manifests");
    let tree = ground.read(terminal)?;
    drop(progress);
    let read = tree.texts();
    let progress = Progress::start("checking");
    let workspace = workspace(args, &ground, named.as_ref(), tree.inputs);
    say_what_is_idle(&ground, &workspace, terminal);
    // Where there is no plan, nothing is written either.
    let planned = match &args.plan_out {
        Some(file) => plan::of(file, &transforms, &ground, &workspace)?,
        None => None,
    };
    let pipeline = Pipeline {
        transforms,
        settings: &ground.config.settings,
        unsafe_fixes,
    };
    if let Some(file) = &args.write_baseline {
        let mut entries = pipeline.entries(&workspace);
        entries.extend(tree.unread.iter().map(KnownFinding::from));
        drop(progress);
        return accept(file, entries, terminal);
    }
    let of_past = past.iter().map(|p| p.known.clone());
    let known: Vec<Known> = of_past.chain(baseline).collect();
    if args.interactive {
        drop(progress);
        let paths = ground.shown();
        let view = output::shown(args, terminal).view(&paths, false);
        return interactive::run(
            &ground,
            &workspace,
            &pipeline,
            &known,
            &view,
            (&lock, &read, terminal),
        );
    }
    let mut report = pipeline.run_beside(&workspace, &known)?;
    add_unread(&mut report, tree.unread, &known);
    if let Some(before) = past.as_ref().and_then(|past| past.workspace.as_ref()) {
        add_restarts(&mut report, before, &workspace);
    }
    drop(progress);
    let unseen = with_renders(args, &ground, &workspace, (&pipeline, &known), &mut report)?;
    report.sort();
    if let (Some(file), Some(entries)) = (&accepted, known.last()) {
        say_what_is_stale(
            file,
            (entries, known.len() - 1),
            &report,
            &workspace,
            &pipeline,
            terminal,
        );
    }
    let paths = ground.shown();
    if args.write {
        write_changes(args, &ground, &report, &lock, &read)?;
    }
    drop(lock);
    if let Some(file) = &args.plan_out {
        plan::write(file, planned.as_deref(), terminal)?;
    }
    say_what_is_in_clear(args, &outputs, &report, &paths, terminal);
    let changes = !args.write && !report.files.is_empty();
    let status = selection::status(args, &ground.config, &report, changes);
    output::hide(args, &mut report);
    show(
        args,
        &outputs,
        &report,
        &workspace,
        (&paths, past.as_ref(), unseen.as_ref()),
        terminal,
    )?;
    // The program ends here: the system takes all memory back at once.
    std::mem::forget((workspace, report, past, read));
    Ok(status)
}

/// Adds what Helm and kustomize show; gives what they would have shown, where they are not asked.
fn with_renders(
    args: &FixArgs,
    ground: &Ground,
    workspace: &Workspace,
    (pipeline, known): (&Pipeline<'_>, &[Known]),
    report: &mut Report,
) -> Result<Option<Text>> {
    let by_helm = args.helm.is_some() || ground.config.helm;
    let progress = by_helm.then(|| Progress::start("rendering charts with helm"));
    let charts = with_charts(args, ground, workspace, pipeline, report)?;
    drop(progress);
    let by_kustomize = args.kustomize.is_some() || ground.config.kustomize;
    let progress = by_kustomize.then(|| Progress::start("building with kustomize"));
    let builds = with_builds(args, ground, workspace, (pipeline, known), report)?;
    drop(progress);
    Ok(match (charts, builds) {
        (Some(charts), Some(builds)) => Some(Text::joined([charts, builds], "; ")),
        (charts, builds) => charts.or(builds),
    })
}

/// The workspace of what was read.
fn workspace(
    args: &FixArgs,
    ground: &Ground,
    named: Option<&Named>,
    mut inputs: Vec<Input>,
) -> Workspace {
    let options = Options {
        texts: Some(ground.texts()),
        by_change: args.whole_sets,
        ..ground.config.options.clone()
    };
    if let Some(named) = named {
        let workspace = Workspace::new(inputs.clone(), options.clone());
        named.widen(&mut inputs, &workspace, ground);
    }
    Workspace::new(inputs, options)
}

/// Adds which pods the change since `before` restarts, of what was asked for.
fn add_restarts(report: &mut Report, before: &Workspace, workspace: &Workspace) {
    let asked = |path: &str| workspace.file_at(path).is_none_or(|file| file.editable);
    report.change_restarts = Pipeline::restarts_of_change(before, workspace);
    report.change_restarts.retain(|r| asked(&r.path));
}

/// Writes all that was fixed, and the patch that takes it back.
fn write_changes(
    args: &FixArgs,
    ground: &Ground,
    report: &Report,
    lock: &TreeLock,
    read: &[(String, Arc<str>)],
) -> Result<()> {
    let patch = args.patch_out.as_ref().map(|file| {
        let back = diff::back(&report.files, &ground.shown());
        (ground.cwd.join(file), back)
    });
    write::write(&write::Plan {
        root: &ground.root,
        changes: &report.files,
        lock,
        read,
        keep: true,
        patch,
    })
}

/// Prints the report in each format that was asked for.
fn show(
    args: &FixArgs,
    outputs: &Outputs,
    report: &Report,
    workspace: &Workspace,
    (paths, past, unseen): (&Paths, Option<&Past>, Option<&Text>),
    terminal: &Terminal,
) -> Result<()> {
    let graph = outputs
        .draw()
        .then(|| Graph::of(workspace, &paths.of_repository()));
    let touched = past.map(|past| &past.touched);
    let drawn = graph.as_ref().and(touched);
    let run = Run {
        changed: drawn.map_or_else(BTreeSet::new, |lines| {
            lines.resources(workspace, &paths.of_repository())
        }),
        wrote: args.write,
        shown: output::shown(args, terminal),
        check: args.check,
        touched,
        graph: graph.as_ref(),
        unseen,
        ..Run::new(report, paths)
    };
    outputs.write_files(&run)?;
    outputs.print(&run, terminal)?;
    if outputs.standard == Some(Format::Diff)
        && !report.files.iter().all(|f| paths.within_reach(&f.path))
    {
        terminal.warning(
            "the patch has files outside of the working directory: git apply takes it at the top \
             of the work tree",
        );
    }
    if matches!(outputs.standard, Some(Format::Diff | Format::Concise)) && !args.quiet {
        terminal.err(&sums::summary(report, &run.view()));
    }
    Ok(())
}

/// Adds what the user's Helm makes of charts; without it, what could be seen.
fn with_charts(
    args: &FixArgs,
    ground: &Ground,
    workspace: &Workspace,
    pipeline: &Pipeline<'_>,
    report: &mut Report,
) -> Result<Option<Text>> {
    let helm = args.helm.clone().or(ground.config.helm.then_some(None));
    let Some(helm) = helm else {
        return Ok(charts::unseen(workspace));
    };
    let program = helm.as_deref().map(|program| ground.program(program));
    charts::look(ground, workspace, pipeline, program.as_deref(), report)?;
    Ok(None)
}

/// Has the user's kustomize decide what it can; without it, what it could.
fn with_builds(
    args: &FixArgs,
    ground: &Ground,
    workspace: &Workspace,
    (pipeline, known): (&Pipeline<'_>, &[Known]),
    report: &mut Report,
) -> Result<Option<Text>> {
    let configured = ground.config.kustomize.then_some(None);
    let Some(kustomize) = args.kustomize.clone().or(configured) else {
        return Ok(kustomize::unseen(workspace, report));
    };
    let program = kustomize.as_deref().map(|program| ground.program(program));
    let with = (program.as_deref(), known);
    kustomize::look(ground, workspace, pipeline, with, report)?;
    Ok(None)
}

/// Says which entries of a baseline are about nothing any more.
fn say_what_is_stale(
    file: &Path,
    (entries, number): (&Known, usize),
    report: &Report,
    workspace: &Workspace,
    pipeline: &Pipeline<'_>,
    terminal: &Terminal,
) {
    let asked = |path: &str| workspace.file_at(path).is_none_or(|file| file.editable);
    let runs = |name: &str| {
        name == INPUT
            || name == UNUSED_SUPPRESSION
            || pipeline.transforms.iter().any(|t| t.meta().name == name)
    };
    if let Some(text) = baseline::stale(file, entries, report, number, asked, runs) {
        terminal.warning(&text);
    }
}

/// Says where credentials that findings hide stand in clear.
fn say_what_is_in_clear(
    args: &FixArgs,
    outputs: &Outputs,
    report: &Report,
    paths: &Paths,
    terminal: &Terminal,
) {
    if !diff::shows_secrets(report, paths) {
        return;
    }
    if args.write && outputs.standard != Some(Format::Diff) {
        terminal.warning(
            "the written files hold credentials in clear; a Secret in git is only base64: encrypt \
             it before it is committed",
        );
    }
    if outputs.wants(Format::Diff) {
        terminal.warning(IN_CLEAR);
    }
}

/// Writes a baseline, and says so.
fn accept(file: &Path, entries: Vec<KnownFinding>, terminal: &Terminal) -> Result<Status> {
    let number = match entries.len() {
        1 => "1 finding".to_owned(),
        n => format!("{n} findings"),
    };
    baseline::write(file, entries)?;
    let file = file.display();
    terminal.out(&format!(
        "{number} accepted in {file}; kubewright fix --baseline {file} reports what is new\n"
    ))?;
    Ok(Status::Clean)
}

/// Adds what could not be read, but for what is known.
pub(super) fn add_unread(report: &mut Report, unread: Vec<Reported>, known: &[Known]) {
    let mut left = unread;
    for (number, known) in known.iter().enumerate() {
        let entries: Vec<KnownFinding> = left.iter().map(KnownFinding::from).collect();
        let of = known.recognise(&entries);
        let mut is_new = of.iter().map(Option::is_none);
        left.retain(|_| is_new.next().unwrap_or(true));
        report.recognise(number, known, of.into_iter().flatten().collect());
    }
    report.findings.extend(left);
    report.sort();
}

/// Says which globs of the configuration match nothing, and which apply sets hold nothing. Without
/// a root only a part of what they are about is read.
fn say_what_is_idle(ground: &Ground, workspace: &Workspace, terminal: &Terminal) {
    let mut said = BTreeSet::new();
    if ground.whole {
        for glob in globs::idle(&ground.config.globs, workspace) {
            let what = match &glob.of {
                Of::Reference(_) => "nothing that is referred to",
                _ => "no file that is read",
            };
            terminal.warning(&format!(
                "{}: `{}` in {} matches {what}",
                glob.place, glob.text, glob.option
            ));
            if let Of::Member { set, .. } = &glob.of {
                said.insert(set.as_str());
            }
        }
    }
    for set in workspace.sets().iter().filter(|s| {
        s.evidence == Evidence::Config && s.members.is_empty() && s.generated.is_empty()
    }) {
        if !said.contains(set.name.as_str()) {
            terminal.warning(&format!(
                "the paths of apply set {} name no resource",
                set.name
            ));
        }
    }
}

/// `--unsafe-fixes NAME` reads the name as a PATH: what was meant needs a `=`.
fn not_a_path(args: &FixArgs) -> Result<()> {
    if args.unsafe_fixes != Some(None) {
        return Ok(());
    }
    let is_name = |path: &&PathBuf| {
        path.to_str().is_some_and(|p| {
            p.split(',')
                .all(|n| config::transform_name(n.trim()).is_ok())
        })
    };
    match args.paths.iter().filter(|p| !p.exists()).find(is_name) {
        Some(name) => {
            let name = name.display();
            bail!(
                "`{name}` was read as a PATH; to apply the unsafe fixes of one transform write \
                 --unsafe-fixes={name}"
            )
        }
        None => Ok(()),
    }
}
