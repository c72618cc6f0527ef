//! A chart that may be changed: a copy of its directory, in which an edit is tried.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// A copy of a chart.
#[derive(Debug)]
pub(super) struct Copy {
    directory: tempfile::TempDir,
}

impl Copy {
    pub(super) fn of(chart: &Path) -> std::io::Result<Self> {
        let directory = tempfile::tempdir()?;
        copy(chart, directory.path())?;
        Ok(Self { directory })
    }

    pub(super) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Gives a file of the chart another text.
    pub(super) fn write(&self, below: &str, text: &str) -> std::io::Result<()> {
        let mut file = fs::File::create(self.path().join(below))?;
        file.write_all(text.as_bytes())
    }

    /// Takes a file of the chart away.
    pub(super) fn remove(&self, below: &str) -> std::io::Result<()> {
        fs::remove_file(self.path().join(below))
    }
}

fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    let mut left: Vec<(PathBuf, PathBuf)> = vec![(from.to_owned(), to.to_owned())];
    while let Some((from, to)) = left.pop() {
        for entry in fs::read_dir(from)? {
            let entry = entry?;
            let target = to.join(entry.file_name());
            // A directory behind a link may lead back up.
            if entry.file_type()?.is_dir() {
                if entry.file_name() != ".git" {
                    fs::create_dir(&target)?;
                    left.push((entry.path(), target));
                }
            } else if entry.path().is_file() {
                fs::copy(entry.path(), target)?;
            }
        }
    }
    Ok(())
}
