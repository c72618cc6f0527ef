//! Figures as ratios within one run, so that a slow or busy machine changes them little.
//! `README.md` has the commands and the results.
//!
//! ```text
//! cargo bench --bench speed -- generate DIR COUNT [SHARE]   writes realistic manifests
//! cargo bench --bench speed -- parse DIR              reading and planning against reading and hashing
//! cargo bench --bench speed -- check DIR              the whole program against reading and hashing, with its memory
//! cargo bench --bench speed -- start FILE             the whole program on one small file against an empty program
//! cargo bench --bench speed -- count DIR              instructions of planning and of the whole program, by callgrind
//! cargo bench --bench speed -- peers DIR SCHEMAS      other programs over the same files
//! ```
#![expect(
    clippy::disallowed_methods,
    reason = "benchmarks read files and the clock"
)]
#![expect(clippy::print_stdout, reason = "the figures are the result")]
#![expect(
    clippy::cast_precision_loss,
    reason = "figures are rounded when they are shown"
)]

mod generate;
mod peers;
mod run;

use std::error::Error;
use std::fs;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use kubewright_model::yaml::File;
use rayon::prelude::*;
use run::Run;
use sha2::{Digest as _, Sha256};

/// Rounds of each measurement; the median counts.
const ROUNDS: usize = 7;

type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result {
    let args: Vec<String> = std::env::args()
        .skip(1)
        .filter(|a| a != "--bench")
        .collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args.as_slice() {
        ["generate", dir, count, share @ ..] => {
            let share = share
                .first()
                .map_or(Ok(generate::SHARE), |share| share.parse())?;
            let bytes = generate::files(Path::new(dir), count.parse()?, share)?;
            println!("{count} files, {:.1} MB", bytes as f64 / 1e6);
        }
        ["parse", dir] => parse(Path::new(dir))?,
        ["hash", dir] => _ = hash(Path::new(dir))?,
        ["check", dir] => check(Path::new(dir))?,
        ["start", file] => start(Path::new(file))?,
        ["plan", dir, repeat] => plan(Path::new(dir), repeat.parse()?)?,
        ["count", dir] => count(Path::new(dir))?,
        ["peers", dir, schemas @ ..] => peers::peers(Path::new(dir), schemas.first().copied())?,
        // `cargo bench` without a command builds and runs everything: nothing to do here.
        _ => {
            println!(
                "commands: generate, parse, check, start, count, peers; see benches/README.md"
            );
        }
    }
    Ok(())
}

fn list(dir: &Path, out: &mut Vec<PathBuf>) -> Result {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            list(&entry.path(), out)?;
        } else {
            out.push(entry.path());
        }
    }
    Ok(())
}

fn timed<T>(run: impl FnOnce() -> T) -> (Duration, T) {
    let begin = Instant::now();
    let result = run();
    (begin.elapsed(), result)
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

fn hash(dir: &Path) -> Result<u64> {
    let mut paths = Vec::new();
    list(dir, &mut paths)?;
    Ok(paths
        .par_iter()
        .map(|path| {
            fs::read(path).map_or(0, |bytes| {
                black_box(Sha256::digest(&bytes));
                bytes.len() as u64
            })
        })
        .sum())
}

fn trees(dir: &Path) -> Result<usize> {
    let mut paths = Vec::new();
    list(dir, &mut paths)?;
    Ok(paths
        .par_iter()
        .filter_map(|path| File::parse(fs::read_to_string(path).ok()?).ok())
        .map(|file| black_box(file).len())
        .sum())
}

fn parse(dir: &Path) -> Result {
    let bytes = hash(dir)?;
    trees(dir)?;
    let (mut hashing, mut parsing) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        hashing.push(timed(|| hash(dir)).0);
        parsing.push(timed(|| trees(dir)).0);
    }
    let (hashing, parsing) = (median(hashing), median(parsing));
    println!(
        "{:.1} MB: read + SHA-256 {hashing:.0?}, read + tree {parsing:.0?}, {:.2} x",
        bytes as f64 / 1e6,
        ratio(parsing, hashing)
    );
    Ok(())
}

fn ratio(a: Duration, b: Duration) -> f64 {
    a.as_secs_f64() / b.as_secs_f64()
}

/// Plans all files of a directory; what callgrind counts.
fn plan(dir: &Path, repeat: usize) -> Result {
    let mut paths = Vec::new();
    list(dir, &mut paths)?;
    let texts = paths
        .iter()
        .map(|path| Ok(fs::read_to_string(path)?.into()))
        .collect::<Result<Vec<Arc<str>>>>()?;
    for text in texts.iter().cycle().take(repeat * texts.len()) {
        black_box(File::parse(Arc::clone(text)).map_err(|e| e.to_string())?);
    }
    Ok(())
}

/// Instructions, which no other program on the machine changes.
fn count(dir: &Path) -> Result {
    let bytes = hash(dir)? as f64;
    let (own, scratch) = (std::env::current_exe()?, tempfile::tempdir()?);
    let plan = |repeat: &str| run::instructions(&own, &["plan", ".", repeat], dir);
    let planning = (plan("3")? - plan("1")?) / 2.0;
    println!(
        "scanner and tree: {:.1} M instructions, {:.1} a byte",
        planning / 1e6,
        planning / bytes
    );
    let program = Path::new(env!("CARGO_BIN_EXE_kubewright"));
    let whole = run::instructions(program, &["fix", "--check", "."], dir)?;
    println!(
        "fix --check: {:.1} M instructions, {:.1} a byte",
        whole / 1e6,
        whole / bytes
    );
    generate::files(scratch.path(), 1, generate::SHARE)?;
    let small = run::instructions(program, &["fix", "--check", "."], scratch.path())?;
    println!(
        "fix --check of one small file: {:.2} M instructions",
        small / 1e6
    );
    Ok(())
}

fn check(dir: &Path) -> Result {
    let bytes = hash(dir)? as f64;
    let (own, program) = (
        std::env::current_exe()?,
        Path::new(env!("CARGO_BIN_EXE_kubewright")),
    );
    let (mut hashing, mut checking) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        hashing.push(run::run(&own, &["hash", "."], dir)?);
        checking.push(run::run(program, &["fix", "--check", "."], dir)?);
    }
    let scratch = tempfile::tempdir()?;
    generate::files(scratch.path(), 1, generate::SHARE)?;
    let small = run::run(program, &["fix", "--check", "."], scratch.path())?.memory;
    let of = |runs: &[Run], what: Clock| median(runs.iter().map(what).collect());
    let clocks: [(&str, Clock); 2] = [("wall clock", |r| r.wall), ("processor", |r| r.processor)];
    for (name, what) in clocks {
        let (hashing, checking) = (of(&hashing, what), of(&checking, what));
        println!(
            "{name}: read + SHA-256 {hashing:.0?}, fix --check {checking:.0?}, {:.2} x",
            ratio(checking, hashing)
        );
    }
    let memory = checking.iter().map(|r| r.memory).fold(0.0, f64::max);
    let (peak, base) = (memory / 1e6, small / 1e6);
    println!(
        "{:.1} MB read, {peak:.1} MB of memory at the peak, {:.2} x; {base:.1} MB of it for one \
         file already, {:.2} x without",
        bytes / 1e6,
        memory / bytes,
        (memory - small) / bytes
    );
    Ok(())
}

/// What is read of a run.
type Clock = fn(&Run) -> Duration;

/// Alternating runs of the whole program and of one that does nothing.
fn start(file: &Path) -> Result {
    let scratch = tempfile::tempdir()?;
    let (source, empty) = (
        scratch.path().join("empty.rs"),
        scratch.path().join("empty"),
    );
    fs::write(&source, "fn main() {}\n")?;
    if !Command::new("rustc")
        .args(["-O", "-o"])
        .args([&empty, &source])
        .status()?
        .success()
    {
        return Err("rustc failed".into());
    }
    fs::copy(file, scratch.path().join("a.yaml"))?;
    let once = |program: &Path| {
        let mut command = Command::new(program);
        command
            .args(["fix", "--check", "a.yaml"])
            .current_dir(scratch.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        timed(|| command.status()).0
    };
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..200 {
        theirs.push(once(&empty));
        ours.push(once(Path::new(env!("CARGO_BIN_EXE_kubewright"))));
    }
    let (ours, theirs) = (median(ours), median(theirs));
    println!(
        "one file: {ours:.1?}, an empty program {theirs:.1?}, {:.1} x, {:.1?} more",
        ratio(ours, theirs),
        ours.saturating_sub(theirs)
    );
    Ok(())
}
