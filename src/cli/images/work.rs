//! Several images at a time, with a sign of life.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::Result;
use kubewright_model::kube::images::Question;

use super::archive;
use super::failure::Failure;
use super::image_source::{Found, ImageRead, ImageSource, Pin, read};
use crate::cli::args::{Archive, LockArgs};
use crate::cli::ground::Ground;
use crate::cli::progress::Bar;

/// Images that are read at a time.
const AT_ONCE: usize = 4;

/// An image to read.
pub(super) struct Job {
    pub(super) question: Question,
    /// What it is locked as.
    pub(super) pin: Option<Pin>,
}

/// What is done with one image, of the sources that may have it.
type Read<'r, T> = dyn Fn(&[&dyn ImageSource], &Job, &Bar) -> Result<T, Failure> + Sync + 'r;

/// Reads all images; the results in the order of the jobs.
///
/// # Errors
/// When the archives or the network client cannot be used at all.
pub(super) fn all(
    jobs: &[Job],
    args: &LockArgs,
    ground: &Ground,
) -> Result<Vec<Result<ImageRead, Failure>>> {
    let limit = args.max_layer_size.saturating_mul(1 << 20);
    each(jobs, args, ground, &|sources, job, bar| {
        one(sources, job, (limit, &args.from), bar)
    })
}

/// Finds out what the tags of all images name now.
///
/// # Errors
/// As of [`all`].
pub(super) fn resolve(
    jobs: &[Job],
    args: &LockArgs,
    ground: &Ground,
) -> Result<Vec<Result<Found, Failure>>> {
    each(jobs, args, ground, &|sources, job, bar| {
        bar.say(&job.question.image);
        let found = sources
            .iter()
            .find_map(|source| source.find(&job.question, None).transpose());
        bar.one_done();
        found.unwrap_or_else(|| Err(nowhere(&job.question, &args.from)))
    })
}

fn each<T: Send>(
    jobs: &[Job],
    args: &LockArgs,
    ground: &Ground,
    read: &Read<'_, T>,
) -> Result<Vec<Result<T, Failure>>> {
    let patience = std::time::Duration::from_secs(args.timeout);
    let archives = args
        .from
        .iter()
        .map(|from| archive::open(from, &ground.cwd, patience))
        .collect::<Result<Vec<_>>>()?;
    if jobs.is_empty() {
        return Ok(Vec::new());
    }
    let bar = Bar::start(jobs.len());
    if !archives.is_empty() {
        let borrowed = || {
            Ok(archives
                .iter()
                .map(|a| -> &dyn ImageSource { &**a })
                .collect::<Vec<_>>())
        };
        return spread(
            jobs,
            || Ok(()),
            |(), job| {
                let sources = borrowed()?;
                read(&sources, job, &bar)
            },
        );
    }
    online(jobs, args, &bar, read)
}

#[cfg(feature = "registry")]
fn online<T: Send>(
    jobs: &[Job],
    args: &LockArgs,
    bar: &Bar,
    read: &Read<'_, T>,
) -> Result<Vec<Result<T, Failure>>> {
    use super::cache::{Cache, Cached};
    use super::registry::{Credentials, Mirrors, Options, Registry};
    let cache = Cache::of_user(args.cache_limit.saturating_mul(1 << 20));
    let timeout = std::time::Duration::from_secs(args.timeout);
    let mirrors = Mirrors::of_machine()?;
    let insecure = args.insecure_registry.iter().chain(&mirrors.insecure);
    let options = Options {
        insecure: insecure.cloned().collect(),
        timeout,
        credentials: Credentials::new(timeout),
        mirrors,
    };
    let options = std::sync::Arc::new(options);
    let results = spread(
        jobs,
        || Registry::new(options.clone()),
        |registry, job| read(&[&Cached::new(registry, cache.as_ref())], job, bar),
    );
    if let Some(cache) = &cache {
        cache.trim();
    }
    results
}

#[cfg(not(feature = "registry"))]
fn online<T: Send>(
    _: &[Job],
    _: &LockArgs,
    _: &Bar,
    _: &Read<'_, T>,
) -> Result<Vec<Result<T, Failure>>> {
    anyhow::bail!(
        "this kubewright was built without the feature `registry`: it reads images from archives \
         alone (--from)"
    )
}

/// Shares the jobs among a few threads, each with a state of its own.
fn spread<S, T: Send>(
    jobs: &[Job],
    state: impl Fn() -> Result<S> + Sync,
    read: impl Fn(&S, &Job) -> Result<T, Failure> + Sync,
) -> Result<Vec<Result<T, Failure>>> {
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::new());
    let threads = AT_ONCE.min(jobs.len());
    std::thread::scope(|scope| {
        let work = || -> Result<()> {
            let state = state()?;
            while let Some((at, job)) = {
                let at = next.fetch_add(1, Ordering::Relaxed);
                jobs.get(at).map(|job| (at, job))
            } {
                let result = read(&state, job);
                done.lock()
                    .unwrap_or_else(std::sync::PoisonError::into_inner)
                    .push((at, result));
            }
            Ok(())
        };
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        running.into_iter().try_for_each(|thread| {
            thread
                .join()
                .map_err(|_| anyhow::anyhow!("reading an image failed"))?
        })
    })?;
    let mut done = done
        .into_inner()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    done.sort_by_key(|(at, _)| *at);
    Ok(done.into_iter().map(|(_, result)| result).collect())
}

/// Reads one image from the first source that has it.
fn one(
    sources: &[&dyn ImageSource],
    job: &Job,
    (limit, from): (u64, &[Archive]),
    bar: &Bar,
) -> Result<ImageRead, Failure> {
    let question = &job.question;
    bar.say(&question.image);
    let result = sources
        .iter()
        .find_map(|source| match source.find(question, job.pin.as_ref()) {
            Ok(None) => None,
            Err(failure) => Some(Err(failure)),
            Ok(Some(found)) => Some(match &job.pin {
                Some(pin) if !pin.of_config && *pin != found.pin => Err(Failure::new(
                    format!(
                        "it is locked as {}, and what is there is {}",
                        pin.digest, found.pin.digest
                    ),
                    "`kubewright images lock --upgrade` takes what is there",
                )),
                _ => read(*source, &found, question, limit, bar),
            }),
        });
    bar.one_done();
    result.unwrap_or_else(|| Err(nowhere(question, from)))
}

fn nowhere(question: &Question, from: &[Archive]) -> Failure {
    let engine = from.iter().find_map(|from| match from {
        Archive::Daemon(engine, _) => Some(*engine),
        Archive::Oci(_) | Archive::Docker(_) => None,
    });
    let image = &question.image;
    if let Some(engine) = engine.filter(|_| from.len() == 1) {
        let program = engine.program();
        return Failure::new(
            format!("{} does not have it under this name", engine.name()),
            format!("`{program} pull {image}` gets it, `{program} tag` names one that is there"),
        );
    }
    Failure::new(
        "none of the archives has it",
        format!(
            "write it into one under this name: `docker save`, or `skopeo copy … oci:DIR:{image}`"
        ),
    )
}
