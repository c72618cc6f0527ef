//! One run of a program: its time, its memory, its instructions.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::{Result, timed};

/// What one run of a program took.
pub(crate) struct Run {
    pub(crate) wall: Duration,
    /// User and system time of all threads: what a busy machine changes least.
    pub(crate) processor: Duration,
    /// Bytes at the peak.
    pub(crate) memory: f64,
}

/// Runs a program; bash knows its processor time to the millisecond, GNU time its memory.
pub(crate) fn run(program: &Path, args: &[&str], dir: &Path) -> Result<Run> {
    let script = "TIMEFORMAT='%3U %3S'; time /usr/bin/time -f %M \"$0\" \"$@\"";
    let mut command = Command::new("bash");
    command
        .args(["-c", script])
        .arg(program)
        .args(args)
        .current_dir(dir);
    let (wall, output) = timed(|| command.stdout(Stdio::null()).output());
    let errors = String::from_utf8_lossy(&output?.stderr).into_owned();
    let last = errors.lines().rev().take(2).collect::<Vec<_>>().join(" ");
    let figures: Vec<f64> = last.split(' ').filter_map(|n| n.parse().ok()).collect();
    let [user, system, kib] = figures.as_slice() else {
        return Err(format!("no figures from bash and GNU time: {errors}").into());
    };
    Ok(Run {
        wall,
        processor: Duration::from_secs_f64(user + system),
        memory: kib * 1024.0,
    })
}

/// Instructions of a run on one thread, as callgrind counts them.
pub(crate) fn instructions(program: &Path, args: &[&str], dir: &Path) -> Result<f64> {
    let mut command = Command::new("valgrind");
    command
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(program)
        .args(args);
    let output = command
        .current_dir(dir)
        .env("RAYON_NUM_THREADS", "1")
        .output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    let line = said.lines().find_map(|line| line.split_once("Collected :"));
    Ok(line
        .ok_or_else(|| format!("no count from valgrind: {said}"))?
        .1
        .trim()
        .parse()?)
}
