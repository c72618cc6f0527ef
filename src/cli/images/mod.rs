//! `kubewright images lock`: asks the container images of the workspace what their manifests do not
//! say, and writes the answers down.
//!
//! | file | what it knows |
//! |---|---|
//! | `ask` | which images are asked what |
//! | `work` | several images at a time |
//! | `image_source`, `registry`, `archive` | where an image comes from |
//! | `cache` | what registries have given before |
//! | `manifest`, `layer`, `zstd` | how it is stored |
//! | `filesystem`, `look`, `users`, `shell`, `scripts`, `facts` | what it says |
//! | `failure` | why it cannot be read |

mod archive;
mod ask;
#[cfg(feature = "registry")]
mod cache;
mod facts;
mod failure;
mod filesystem;
mod image_source;
mod layer;
mod look;
mod manifest;
#[cfg(feature = "registry")]
mod registry;
mod scripts;
mod shell;
mod users;
mod work;
mod zstd;

use std::sync::Arc;

use anyhow::Result;
use kubewright_model::kube::Workspace;
use kubewright_model::text::Text;

use self::image_source::Pin;
use self::work::Job;
use super::args::LockArgs;
use super::charts;
use super::ground::Ground;
use super::lockfile::{FILE_NAME, Lock};
use super::progress::Progress;
use super::status::Status;
use super::terminal::Terminal;
use super::write;
use crate::pipeline::report::FileChange;

/// `kubewright images lock`
pub(super) fn lock(args: &LockArgs, terminal: &Terminal) -> Result<Status> {
    let ground = Ground::of(&args.paths, args.config.as_deref())?;
    write::recover(&ground.root, false)?;
    let progress = Progress::start("reading manifests");
    let tree = ground.read_aloud(terminal)?;
    let workspace = Workspace::new(tree.inputs, ground.config.options.clone());
    drop(progress);
    let (asked, unseen) = asked(args, &ground, &workspace, terminal)?;
    let shown = ground.shown().shown(FILE_NAME);
    let (mut lock, before) = ground
        .lock
        .clone()
        .map_or_else(Default::default, |(lock, text)| (lock, Some(text)));
    if args.check {
        let moved = if args.tags {
            moved(&asked, &lock, args, &ground)?
        } else {
            Vec::new()
        };
        let by_helm = if args.helm.is_some() { " --helm" } else { "" };
        let with = (unseen.as_ref(), by_helm, shown.as_str(), terminal);
        return check(&asked, &lock, before.as_deref(), moved, with);
    }
    let jobs: Vec<Job> = asked
        .here
        .iter()
        .filter_map(|question| {
            let old = lock.get(question);
            if old.is_some_and(|old| old.answers(question)) && !args.upgrade {
                return None;
            }
            let pin = old.filter(|_| !args.upgrade).map(|old| Pin {
                digest: old.digest.clone(),
                of_config: old.of_config,
            });
            Some(Job {
                question: question.clone(),
                pin,
            })
        })
        .collect();
    let kept = asked.here.len() - jobs.len();
    let mut failed = Vec::new();
    let mut lines = if args.prune && unseen.is_none() {
        lock.retain(&asked.all)
    } else {
        remarks(&lock, &asked, unseen.as_ref())
    };
    for (job, result) in jobs.iter().zip(work::all(&jobs, args, &ground)?) {
        let name = format!("{} {}", job.question.image, job.question.platform);
        match result {
            Ok(image) => {
                let digest: String = image
                    .locked
                    .digest
                    .chars()
                    .take("sha256:".len() + 12)
                    .collect();
                lines.push(format!(
                    "{name}: {digest}, {} of {} layers read",
                    image.layers_read, image.layers
                ));
                lock.insert(image.locked);
            }
            Err(failure) => failed.push((name, failure.to_string())),
        }
    }
    for line in together(&failed) {
        terminal.error(&line);
    }
    let failed = failed.len();
    let text = lock.render()?;
    let changed = before.as_deref() != Some(&text) && (before.is_some() || !lock.is_empty());
    if changed {
        let change = FileChange {
            path: FILE_NAME.into(),
            before: before.map(Arc::from),
            after: Some(Arc::from(text)),
        };
        write::write(&write::Plan {
            root: &ground.root,
            changes: &[change],
            lock: &ground.lock(true, terminal),
            read: &[],
            keep: false,
            patch: None,
        })?;
    }
    lines.push(if asked.here.is_empty() && lock.is_empty() && !changed {
        format!("no finding here depends on what an image is: {shown} is not needed")
    } else {
        let read = jobs.len() - failed;
        let state = state(changed, ground.lock.is_some());
        format!("{read} read, {kept} kept, {failed} failed; {shown} {state}")
    });
    terminal.out(&(lines.join("\n") + "\n"))?;
    Ok(if failed > 0 {
        Status::Findings
    } else {
        Status::Clean
    })
}

/// Images that name themselves before what went wrong with all of them.
const NAMED: usize = 3;

/// What went wrong, each once, behind the names of the images: one registry that cannot be reached
/// is one line.
fn together(failed: &[(String, String)]) -> Vec<String> {
    let mut groups: Vec<(&str, Vec<&str>)> = Vec::new();
    for (name, failure) in failed {
        match groups.iter_mut().find(|(known, _)| known == failure) {
            Some((_, names)) => names.push(name),
            None => groups.push((failure, vec![name])),
        }
    }
    let line = |(failure, names): (&str, Vec<&str>)| {
        let named: Vec<&str> = names.iter().take(NAMED).copied().collect();
        let more = match names.len().saturating_sub(NAMED) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        format!("{}{more}: {failure}", named.join(", "))
    };
    groups.into_iter().map(line).collect()
}

/// What has become of the lock.
fn state(changed: bool, there: bool) -> &'static str {
    match (changed, there) {
        (true, _) => "written",
        (false, true) => "unchanged",
        (false, false) => "not written",
    }
}

/// What is asked, of charts too where they are rendered; else the charts, which may ask for more.
fn asked(
    args: &LockArgs,
    ground: &Ground,
    workspace: &Workspace,
    terminal: &Terminal,
) -> Result<(ask::Asked, Option<Text>)> {
    let helm = args.helm.clone().or(ground.config.helm.then_some(None));
    let Some(helm) = helm else {
        let unseen = charts::made::names(workspace);
        return Ok((ask::of(workspace, ground, &[]), unseen));
    };
    let progress = Progress::start("rendering charts with helm");
    let program = helm.as_deref().map(|program| ground.program(program));
    let (made, said) = charts::made::made(ground, workspace, program.as_deref())?;
    drop(progress);
    for why in said {
        terminal.warning(&why);
    }
    Ok((ask::of(workspace, ground, &made), None))
}

/// What of the lock is no longer asked: a fix that was made needs its proof no more. And the charts
/// that were not rendered, which may ask for more.
fn remarks(lock: &Lock, asked: &ask::Asked, unseen: Option<&Text>) -> Vec<String> {
    let unused = lock.clone().retain(&asked.all);
    let todo = match unseen {
        None => "`kubewright images lock --prune` takes it out",
        Some(_) => {
            "a chart may ask it: `kubewright images lock --helm --prune` takes it out if none does"
        }
    };
    let mut lines: Vec<String> = unused
        .into_iter()
        .map(|line| format!("{line} ({todo})"))
        .collect();
    lines.extend(unseen.map(|names| {
        format!(
            "{names} not rendered: --helm has your helm render charts, and asks the images of what \
             they make"
        )
    }));
    lines
}

/// The tags that name another image than the one that is locked.
fn moved(asked: &ask::Asked, lock: &Lock, args: &LockArgs, ground: &Ground) -> Result<Vec<String>> {
    let jobs: Vec<Job> = asked
        .here
        .iter()
        .filter(|question| lock.get(question).is_some())
        .map(|question| Job {
            question: question.clone(),
            pin: None,
        })
        .collect();
    let mut lines = Vec::new();
    for (job, result) in jobs.iter().zip(work::resolve(&jobs, args, ground)?) {
        let name = format!("{} {}", job.question.image, job.question.platform);
        let Some(locked) = lock.get(&job.question) else {
            continue;
        };
        match result {
            Ok(found) => {
                let now = if locked.of_config {
                    found.config.digest.unwrap_or_default()
                } else {
                    found.pin.digest
                };
                if now != locked.digest {
                    lines.push(format!(
                        "{name}: the tag names {now} now, and {} is locked (`kubewright images \
                         lock --upgrade` takes it)",
                        locked.digest
                    ));
                }
            }
            Err(failure) => lines.push(format!("{name}: {failure}")),
        }
    }
    Ok(lines)
}

/// Whether the lock answers what is asked, in the form that is written.
fn check(
    asked: &ask::Asked,
    lock: &Lock,
    before: Option<&str>,
    moved: Vec<String>,
    (unseen, by_helm, shown, terminal): (Option<&Text>, &str, &str, &Terminal),
) -> Result<Status> {
    let mut stale = moved;
    for question in &asked.here {
        let name = format!("{} {}", question.image, question.platform);
        match lock.get(question) {
            None => stale.push(format!("{name}: not locked")),
            Some(locked) => stale.extend(
                locked
                    .unanswered(question)
                    .map(|path| format!("{name}: nothing is known of {path}")),
            ),
        }
    }
    let text = lock.render()?;
    let remarks: String = remarks(lock, asked, unseen)
        .into_iter()
        .map(|line| line + "\n")
        .collect();
    if stale.is_empty() && before.is_some_and(|before| before != text) {
        stale.push("it is not in the form that is written".into());
    }
    if stale.is_empty() {
        let images = match asked.here.len() {
            1 => "1 image".to_owned(),
            n => format!("{n} images"),
        };
        terminal.out(&format!(
            "{remarks}{shown} answers all that is asked of {images}\n"
        ))?;
        return Ok(Status::Clean);
    }
    terminal.out(&format!(
        "{remarks}{shown} is stale:\n  {}\n`kubewright images lock{by_helm}` brings it up to date\n",
        stale.join("\n  ")
    ))?;
    Ok(Status::Findings)
}
