//! Editors that are there: Neovim with the plugin as it is documented, and the extension of Visual
//! Studio Code, which is built, packed and tested by npm.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::support::{TrialResult, copy, ensure, run};

fn editors(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("integrations/editors")
        .join(path)
}

/// A command that finds kubewright first on its PATH.
fn with_kubewright(program: &str, dir: &Path) -> Result<Command, env::JoinPathsError> {
    let own = Path::new(env!("CARGO_BIN_EXE_kubewright"));
    let path = env::var_os("PATH").unwrap_or_default();
    let all = own.parent().map(Path::to_owned).into_iter();
    let mut command = Command::new(program);
    command
        .current_dir(dir)
        .env("PATH", env::join_paths(all.chain(env::split_paths(&path)))?)
        .env("KUBEWRIGHT", own);
    Ok(command)
}

pub(super) fn neovim() -> TrialResult {
    let dir = super::workspace()?;
    fs::create_dir(dir.path().join(".git"))?;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lsp/neovim.lua");
    let mut nvim = with_kubewright("nvim", dir.path())?;
    nvim.env("KUBEWRIGHT_PLUGIN", editors("neovim.lua"))
        .env("HOME", dir.path())
        .args(["--headless", "-u", "NONE", "-i", "NONE", "-n", "-S"])
        .arg(script);
    run(&mut nvim, &[0]).map(|_| ())
}

pub(super) fn vscode() -> TrialResult {
    let dir = tempfile::tempdir()?;
    copy(&editors("vscode"), dir.path())?;
    let npm = |args: &[&str]| -> TrialResult {
        let mut npm = with_kubewright("npm", dir.path())?;
        run(npm.args(args), &[0]).map(|_| ())
    };
    npm(&["ci", "--no-audit", "--no-fund", "--ignore-scripts"])?;
    npm(&["run", "package"])?;
    let packed = fs::read_dir(dir.path())?.filter_map(Result::ok);
    let extension = |path: PathBuf| path.extension().is_some_and(|e| e == "vsix");
    ensure(packed.map(|entry| entry.path()).any(extension), || {
        "npm packs no extension".into()
    })?;
    npm(&["test"])
}
