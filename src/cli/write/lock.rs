//! One run writes to a tree at a time; runs that read wait until it is done.
//!
//! The lock is one of the system's on the directory itself: nothing is left behind, and it goes
//! with the process that holds it. Where directories cannot be locked (Windows, some network file
//! systems) runs are kept apart by the comparison before each rename alone.

use std::fs::{File, TryLockError};
use std::path::Path;

/// A tree that nobody else writes to while this lives.
pub(in crate::cli) struct TreeLock {
    held: Option<File>,
    alone: bool,
}

impl TreeLock {
    /// Locks the tree below `top`, alone for one that writes; `wait` is called before another run
    /// is waited for.
    pub(in crate::cli) fn take(top: &Path, alone: bool, wait: impl FnOnce()) -> Self {
        let Ok(directory) = File::open(top) else {
            return Self {
                held: None,
                alone: false,
            };
        };
        let tried = if alone {
            directory.try_lock()
        } else {
            directory.try_lock_shared()
        };
        let held = match tried {
            Ok(()) => true,
            Err(TryLockError::Error(_)) => false,
            Err(TryLockError::WouldBlock) => {
                wait();
                let waited = if alone {
                    directory.lock()
                } else {
                    directory.lock_shared()
                };
                waited.is_ok()
            }
        };
        Self {
            held: held.then_some(directory),
            alone,
        }
    }

    /// Whether no other run writes below the directory.
    pub(super) fn is_alone(&self) -> bool {
        self.alone && self.held.is_some()
    }
}
