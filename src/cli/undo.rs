//! `kubewright undo`: the last run is taken back.

use std::fmt::Write as _;

use anyhow::{Result, bail};

use super::args::UndoArgs;
use super::ground::Ground;
use super::print::between;
use super::status::Status;
use super::terminal::Terminal;
use super::write;

pub(super) fn undo(args: &UndoArgs, terminal: &Terminal) -> Result<Status> {
    let ground = Ground::of(&args.paths, None)?;
    let lock = ground.lock(true, terminal);
    ground.recover(true, terminal)?;
    let Some(changes) = write::taken_back(&ground.root)? else {
        let root = between(&ground.cwd, &ground.root);
        bail!(
            "there is no run to take back whose root is {root}; name the PATHs that it had, if it \
             had others"
        );
    };
    write::write(&write::Plan {
        root: &ground.root,
        changes: &changes,
        lock: &lock,
        read: &[],
        keep: false,
        patch: None,
    })?;
    write::forget(&ground.root);
    let paths = ground.shown();
    let mut text = String::from("took back the last run:\n");
    for change in &changes {
        let fate = match (&change.before, &change.after) {
            (None, _) => "is there again",
            (_, None) => "is gone again",
            _ => "is what it was",
        };
        let _ = writeln!(text, "  {} {fate}", paths.shown(&change.path));
    }
    terminal.out(&text)?;
    Ok(Status::Clean)
}
