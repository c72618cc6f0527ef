//! `kubewright explain NAME --plan` and `fix --write --plan-out`: what has to be done in the cluster
//! around the fixes.

use std::path::Path;

use anyhow::{Context as _, Result, bail};
use kubewright_model::kube::{Options, Workspace};
use kubewright_transforms::{ALL, Context, Transform};

use super::args::ExplainArgs;
use super::ground::Ground;
use super::output;
use super::print::Paths;
use super::status::Status;
use super::terminal::Terminal;

/// Prints the plan of one transform.
pub(super) fn print(name: &str, args: &ExplainArgs, terminal: &Terminal) -> Result<Status> {
    let ground = Ground::of(&args.plan, args.config.as_deref())?;
    let tree = ground.read_aloud(terminal)?;
    let options = Options {
        texts: Some(ground.texts()),
        ..ground.config.options.clone()
    };
    let workspace = Workspace::new(tree.inputs, options);
    let transforms: Vec<&dyn Transform> = ALL
        .iter()
        .copied()
        .filter(|t| t.meta().name == name)
        .collect();
    let Some(text) = made(&transforms, &ground, &workspace, args.script)? else {
        let asked = args.plan.iter().map(|p| p.display().to_string());
        bail!(
            "{name} plans nothing for {}: no plan is needed there",
            asked.collect::<Vec<_>>().join(", ")
        );
    };
    terminal.raw(&text)?;
    Ok(Status::Clean)
}

/// The plans of the transforms that run for `file`, which says how; `None` where none is needed.
pub(super) fn of(
    file: &Path,
    transforms: &[&dyn Transform],
    ground: &Ground,
    workspace: &Workspace,
) -> Result<Option<String>> {
    let script = file.extension().is_some_and(|e| e == "sh");
    made(transforms, ground, workspace, script)
}

/// Writes a plan to a file.
pub(super) fn write(file: &Path, plan: Option<&str>, terminal: &Terminal) -> Result<()> {
    let Some(text) = plan else {
        terminal.warning(&format!(
            "{} is not written: nothing here needs a plan",
            file.display()
        ));
        return Ok(());
    };
    let cwd = super::ground::working_directory()?;
    let target = cwd.join(file);
    if let Some(directory) = target.parent() {
        std::fs::create_dir_all(directory)
            .with_context(|| format!("cannot make {}", directory.display()))?;
    }
    output::put(&target, text).with_context(|| format!("cannot write {}", file.display()))
}

fn made(
    transforms: &[&dyn Transform],
    ground: &Ground,
    workspace: &Workspace,
    script: bool,
) -> Result<Option<String>> {
    let paths: Paths = ground.shown();
    let context = Context {
        workspace,
        settings: &ground.config.settings,
        running: &transforms.iter().map(|t| t.meta().name).collect::<Vec<_>>(),
    };
    let mut all = Vec::new();
    for transform in transforms {
        match transform.plan(&context, &|text| paths.whole(text)) {
            None => {}
            Some(Ok(plan)) => all.push(if script { plan.script } else { plan.page }),
            Some(Err(reason)) => bail!(
                "there is no plan ({}): {}",
                reason.code,
                paths.whole(&reason.lines())
            ),
        }
    }
    Ok((!all.is_empty()).then(|| all.join("\n")))
}
