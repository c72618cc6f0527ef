//! Faults that a test asks for at a step of a run: `KUBEWRIGHT_FAULT=7=kill` ends the process at
//! the seventh step as `kill -9` would, `7=28` fails that step with an error of the operating
//! system by its number, `7+=28` that one and all behind it, and `7=wait` waits there while the file
//! `KUBEWRIGHT_FAULT_GATE` is. Builds for release know none.

use std::io;

/// A step that may fail.
#[cfg(debug_assertions)]
pub(super) fn step() -> io::Result<()> {
    use std::sync::atomic::{AtomicU32, Ordering};
    static STEPS: AtomicU32 = AtomicU32::new(0);
    let Some(asked) = std::env::var_os("KUBEWRIGHT_FAULT") else {
        return Ok(());
    };
    let now = STEPS.fetch_add(1, Ordering::SeqCst) + 1;
    let asked = asked.to_string_lossy();
    let Some((at, what)) = asked.split_once('=') else {
        return Ok(());
    };
    let hit = match at.strip_suffix('+') {
        Some(from) => from.parse().is_ok_and(|from: u32| now >= from),
        None => at.parse() == Ok(now),
    };
    match what.parse() {
        _ if !hit => Ok(()),
        Ok(number) => Err(io::Error::from_raw_os_error(number)),
        Err(_) if what == "wait" => {
            let gate = std::env::var_os("KUBEWRIGHT_FAULT_GATE").unwrap_or_default();
            while std::path::Path::new(&gate).exists() {
                std::thread::sleep(std::time::Duration::from_millis(2));
            }
            Ok(())
        }
        Err(_) => std::process::abort(),
    }
}

/// A step that may fail.
#[cfg(not(debug_assertions))]
#[expect(
    clippy::unnecessary_wraps,
    reason = "it fails where a test asks for it"
)]
pub(super) fn step() -> io::Result<()> {
    Ok(())
}
