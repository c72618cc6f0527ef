//! Programs of the user's, run so that they reach nothing but what they are given: no network, none
//! of the user's settings, and not for ever.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

/// How long one run may take. What is large takes a second.
const LIMIT: Duration = Duration::from_secs(60);
/// How often a run is looked after, at first and at most.
const PAUSES: (Duration, Duration) = (Duration::from_millis(2), Duration::from_millis(20));
/// More of what a program says is not shown.
const SAID: usize = 3;
/// An address at which nobody listens: whoever asks a proxy there is refused at once.
const NOBODY: &str = "http://127.0.0.1:9";

/// A program without the user's environment, in an empty directory that is its home.
pub(super) fn clean(program: &Path, home: &Path) -> Command {
    let mut command = Command::new(program);
    command.env_clear().stdin(Stdio::null()).current_dir(home);
    for kept in ["SystemRoot", "TMPDIR", "TEMP", "TMP"] {
        if let Some(value) = std::env::var_os(kept) {
            command.env(kept, value);
        }
    }
    command.env("HOME", home);
    command.env("KUBECONFIG", home.join("kubeconfig"));
    for proxy in ["http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"] {
        command.env(proxy, NOBODY);
    }
    command
}

/// What a program says of an error, in one line.
pub(super) fn words(said: &str) -> String {
    let lines: Vec<&str> = said.lines().map(str::trim).collect();
    let from = lines
        .iter()
        .position(|line| line.starts_with("Error: "))
        .unwrap_or(0);
    let shown = lines[from..].iter().filter(|line| !line.is_empty());
    let shown: Vec<&str> = shown.take(SAID).copied().collect();
    let shown = shown.join("; ");
    shown.strip_prefix("Error: ").unwrap_or(&shown).to_owned()
}

/// Runs to the end, or to the limit: status, output, messages.
pub(super) fn run(command: &mut Command) -> std::io::Result<(ExitStatus, String, String)> {
    // Files take all that is written without anybody reading along.
    let (mut out, mut said) = (tempfile::tempfile()?, tempfile::tempfile()?);
    command.stdout(out.try_clone()?).stderr(said.try_clone()?);
    let mut child = command.spawn()?;
    let mut waited = Duration::ZERO;
    let mut pause = PAUSES.0;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if waited >= LIMIT {
            let _ = child.kill();
            let _ = child.wait();
            let message = format!("not done after {} seconds", LIMIT.as_secs());
            return Err(std::io::Error::new(std::io::ErrorKind::TimedOut, message));
        }
        std::thread::sleep(pause);
        waited += pause;
        pause = (pause * 2).min(PAUSES.1);
    };
    let text = |file: &mut File| {
        let mut bytes = Vec::new();
        file.seek(SeekFrom::Start(0))?;
        file.read_to_end(&mut bytes)?;
        std::io::Result::Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    Ok((status, text(&mut out)?, text(&mut said)?))
}
