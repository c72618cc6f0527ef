//! Whether one file is among those that a request reads: what comes and goes while an editor is
//! open is judged as the walk judges it.

use std::path::Path;

use ignore::Match;
use ignore::gitignore::Gitignore;

use super::{Request, bad_ignore_file, is_manifest, relative};
use crate::cli::globs;

impl Request<'_> {
    /// Whether a file at `path`, which does not have to be there, is read; and if so, whether it may
    /// be edited.
    pub(in crate::cli) fn takes(&self, path: &Path) -> Option<bool> {
        let relative = relative(self.root, path);
        let asked = self.paths.iter().find(|asked| path.starts_with(asked));
        if !is_manifest(path) || asked.is_none() && !self.whole {
            return None;
        }
        let found = |from: &Path| path.starts_with(from) && self.is_found(from, path);
        if asked.is_some_and(|asked| found(asked)) {
            return Some(!globs::ignored(self.ignore, &relative));
        }
        (self.whole && found(self.root)).then_some(false)
    }

    /// Whether a walk from `top` comes by `path`.
    fn is_found(&self, top: &Path, path: &Path) -> bool {
        let below = |p: &&Path| p.starts_with(top) && *p != top;
        let mut way = path.ancestors().take_while(below);
        way.all(|part| !self.is_left_out(top, part))
    }

    /// Whether a walk from `top` leaves this file or directory out, by itself.
    fn is_left_out(&self, top: &Path, part: &Path) -> bool {
        let is_directory = part.is_dir();
        if is_directory && bad_ignore_file(part, self.root).is_some() {
            return true;
        }
        for directory in part.ancestors().skip(1) {
            let is_above = directory != top && top.starts_with(directory);
            if is_above && !self.in_git {
                break;
            }
            if bad_ignore_file(directory, self.root).is_some() {
                return true;
            }
            // One that is not there matches nothing; of one with mistakes the rest counts.
            let (rules, _) = Gitignore::new(directory.join(".gitignore"));
            match rules.matched(part, is_directory) {
                Match::Ignore(_) => return true,
                Match::Whitelist(_) => return false,
                Match::None => {}
            }
            if directory.join(".git").exists() {
                break;
            }
        }
        let name = part.file_name().and_then(|name| name.to_str());
        name.is_some_and(|name| name.starts_with('.'))
    }
}
