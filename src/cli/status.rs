//! How a run ends.

/// How a run ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    /// Nothing (left) to fix.
    Clean,
    /// Something is left, or would change.
    Findings,
}
