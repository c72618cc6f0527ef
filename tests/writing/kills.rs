//! `kill -9` at any moment.

use std::fs;
use std::path::Path;
use std::time::Duration;

use super::faults::whole;
use super::{FIX, command, files, fixed, project, run, state, stderr};

const WORKLOADS: usize = 12;

/// Pseudo-random numbers, the same each time (xorshift).
fn random(seed: &mut u64) -> u64 {
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    *seed
}

fn stages(dir: &Path) -> bool {
    ["app-0", "app-1", "app-2", "manifests"]
        .iter()
        .any(|folder| {
            let entries = fs::read_dir(dir.join(folder))
                .into_iter()
                .flatten()
                .flatten();
            entries
                .map(|e| e.file_name())
                .any(|name| name.to_string_lossy().starts_with('.'))
        })
}

#[test]
fn a_kill_at_any_moment_leaves_every_file_old_or_new_and_the_next_start_a_whole_set() {
    let kills = std::env::var_os("KUBEWRIGHT_KILLS")
        .map_or(20, |n| n.to_string_lossy().parse().expect("a number"));
    let (before, after) = (files(project(WORKLOADS).path()), fixed(WORKLOADS));
    let mut seed = 20_261_129;
    let (mut killed, mut journals, mut partly) = (0, 0, 0);
    for number in 0..kills {
        let dir = project(WORKLOADS);
        let mut child = command(dir.path(), &FIX)
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .expect("the program starts");
        // Most of a run reads, and is followed by a wait for the disk; most kills are to hit what is
        // between the journal and its end.
        let journal = dir.path().join(".kubewright-journal");
        let reached = || match number % 8 {
            0 => true,
            1 | 2 => stages(dir.path()),
            _ => journal.exists(),
        };
        while !reached() && child.try_wait().expect("a child").is_none() {
            std::hint::spin_loop();
        }
        let longest = if number % 8 > 2 { 1_500 } else { 12_000 };
        std::thread::sleep(Duration::from_micros(random(&mut seed) % longest));
        child.kill().expect("a kill");
        let status = child.wait().expect("the end");
        killed += usize::from(status.code().is_none());
        let when = format!("kill {number}");
        whole(dir.path(), &before, &after, &when);
        let now = files(dir.path());
        if now.contains_key(".kubewright-journal") {
            journals += 1;
            let is_new = |(path, text): (&String, &String)| before.get(path) != Some(text);
            let new = after
                .iter()
                .filter(|(p, t)| is_new((*p, t)) && now.get(*p) == Some(t));
            partly += usize::from(new.count() > 0);
        }
        let next = run(dir.path(), &FIX);
        assert_eq!(files(dir.path()), after, "{when}: {}", stderr(&next));
        let _ = fs::remove_dir_all(state(dir.path()));
    }
    println!("{kills} runs: {killed} killed, {journals} with a journal, {partly} between renames");
}
