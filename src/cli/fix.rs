//! `kubewright fix`: files and directories.

use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::{Result, bail};
use kubewright_model::finding::Severity;
use kubewright_model::kube::{Evidence, Options, Workspace};
use kubewright_transforms::{ALL, Transform};

use super::args::{FixArgs, Format};
use super::charts;
use super::config::{self, Config, FailOn};
use super::globs::{self, Of};
use super::ground::Ground;
use super::print::{Paths, diff, json, text};
use super::progress::Progress;
use super::status::Status;
use super::terminal::Terminal;
use super::whole_sets::Named;
use super::write;
use crate::pipeline::{Pipeline, Report, Selection, UnsafeFixes};

pub(super) fn fix(args: &FixArgs, terminal: &Terminal) -> Result<Status> {
    not_both(args)?;
    not_a_path(args)?;
    let mut ground = Ground::of(&args.paths, args.config.as_deref())?;
    let named = args.whole_sets.then(|| Named::of(&mut ground));
    let transforms = selected(args, &ground.config)?;
    let unsafe_fixes = unsafe_fixes(args, &ground.config)?;
    if let Some(finished) = write::recover(&ground.root, args.write)? {
        terminal.warning(&format!(
            "an interrupted run was finished first: {finished} files written"
        ));
    }
    let progress = Progress::start("reading manifests");
    let mut tree = ground.read(terminal)?;
    drop(progress);
    let progress = Progress::start("checking");
    let options = Options {
        texts: Some(ground.texts()),
        by_change: args.whole_sets,
        ..ground.config.options.clone()
    };
    if let Some(named) = named {
        let workspace = Workspace::new(tree.inputs.clone(), options.clone());
        named.widen(&mut tree.inputs, &workspace, &ground);
    }
    let workspace = Workspace::new(tree.inputs, options);
    say_what_is_idle(&ground, &workspace, terminal);
    let pipeline = Pipeline {
        transforms,
        settings: &ground.config.settings,
        unsafe_fixes,
    };
    let mut report = pipeline.run(&workspace)?;
    report.findings.extend(tree.unread);
    let helm = args.helm.clone().or(ground.config.helm.then_some(None));
    let mut unseen = None;
    match &helm {
        Some(helm) => {
            let program = helm.as_deref().map(|program| ground.program(program));
            charts::look(
                &ground,
                &workspace,
                &pipeline,
                program.as_deref(),
                &mut report,
            )?;
        }
        None => unseen = charts::unseen(&workspace),
    }
    report.sort();
    drop(progress);
    if args.write {
        write::write(&ground.root, &report.files)?;
    }
    let paths = ground.shown();
    let view = text::View {
        unseen: unseen.as_ref(),
        ..view(args, &paths)
    };
    match args.format {
        Format::Text => terminal.out(&whole_text(args, &report, &view))?,
        Format::Json => terminal.raw(&json::render(&report, &paths))?,
        Format::Diff => {
            terminal.out(&diff::patch(&report, &paths))?;
            if !report.files.iter().all(|f| paths.within_reach(&f.path)) {
                terminal.warning("the patch has files outside of the working directory: git apply takes it at the top of the work tree");
            }
            terminal.err(&text::summary(&report, &view));
        }
    }
    let changes = !args.write && !report.files.is_empty();
    let status = status(args, &ground.config, &report, changes);
    // The program ends here: the system takes all memory back at once.
    std::mem::forget((workspace, report));
    Ok(status)
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

fn whole_text(args: &FixArgs, report: &Report, view: &text::View<'_>) -> String {
    let mut out = text::findings(report, view);
    if !args.check && !report.files.is_empty() {
        out.push_str(&diff::patch(report, view.paths));
        out.push('\n');
    }
    out + &text::summary(report, view)
}

/// How text shows a report.
pub(super) fn view<'a>(args: &FixArgs, paths: &'a Paths) -> text::View<'a> {
    text::View {
        verbose: args.verbose,
        wrote: args.write,
        paths,
        unseen: None,
    }
}

/// What the arguments exclude that clap cannot say.
pub(super) fn not_both(args: &FixArgs) -> Result<()> {
    if args.check && args.format == Format::Diff {
        bail!("--check prints no diffs: it cannot be used with --format diff");
    }
    Ok(())
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
                "`{name}` was read as a PATH; to apply the unsafe fixes of one transform write --unsafe-fixes={name}"
            )
        }
        None => Ok(()),
    }
}

/// How a run ends whose result is `report`; `changes`: something would change.
pub(super) fn status(args: &FixArgs, config: &Config, report: &Report, changes: bool) -> Status {
    let failed = !args.exit_zero
        && match args.fail_on.or(config.fail_on).unwrap_or_default() {
            FailOn::Never => false,
            FailOn::Error => changes || report.leaves(Severity::Error),
            FailOn::Warning => changes || report.leaves(Severity::Warning),
        };
    if failed {
        Status::Findings
    } else {
        Status::Clean
    }
}

/// The transforms that run, in their order.
pub(super) fn selected(args: &FixArgs, config: &Config) -> Result<Vec<&'static dyn Transform>> {
    let names = |list: &[String]| {
        list.iter()
            .map(|n| named(n.trim()))
            .collect::<Result<BTreeSet<String>>>()
    };
    let typed = Selection {
        select: names(&args.select)?,
        ignore: names(&args.ignore)?,
    };
    Ok(typed.of(ALL, config.select.as_ref(), &config.settings))
}

/// Which unsafe fixes are applied.
pub(super) fn unsafe_fixes(args: &FixArgs, config: &Config) -> Result<UnsafeFixes> {
    Ok(match &args.unsafe_fixes {
        Some(None) => UnsafeFixes::All,
        Some(Some(names)) => UnsafeFixes::Of(
            names
                .split(',')
                .map(|n| named(n.trim()))
                .collect::<Result<_>>()?,
        ),
        None => UnsafeFixes::Of(config.unsafe_fixes.clone()),
    })
}

fn named(name: &str) -> Result<String> {
    if name.is_empty() {
        bail!("the name of a transform is missing; `kubewright list` shows all");
    }
    match config::transform_name(name) {
        Ok(()) => Ok(name.to_owned()),
        Err(message) => bail!(message),
    }
}
