//! Which of several files lies nearest to another one.

use std::cmp::Reverse;

use crate::kube::object::resource::{FileId, Resource};
use crate::kube::workspace::Workspace;

impl Workspace {
    /// The resource whose file shares most of its directories with `file`, of those the one in the
    /// least deep directory, of those the first.
    pub fn nearest<'r>(
        &self,
        file: FileId,
        candidates: impl Iterator<Item = &'r Resource>,
    ) -> Option<&'r Resource> {
        let path = self.file(file).path.as_str();
        let shared = |other: &str| {
            let both = other.split('/').zip(path.split('/'));
            both.take_while(|(a, b)| a == b).count()
        };
        candidates.max_by_key(|resource| {
            let other = self.file(resource.file).path.as_str();
            let depth = other.matches('/').count();
            (shared(other), Reverse(depth), Reverse(resource.id))
        })
    }
}
