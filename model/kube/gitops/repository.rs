//! Does a repository that Argo CD or Flux is told to read mean this workspace?
//!
//! Nothing in the files says what the workspace's own address is, and the machine's git settings
//! must not decide. So the paths do: the own repository is the one whose paths are here, for more
//! of its paths than are not, and for more paths than those of any other. The same holds for
//! revisions: the one that most sources name is taken for what is checked out.

use std::collections::{BTreeMap, BTreeSet};

use crate::kube::source::paths::{Paths, join};

/// Revisions that are taken for one: nobody names the default branch otherwise.
const DEFAULT_REVISION: &str = "HEAD";

/// What stands for the address of a source that is named and not in the workspace.
pub(in crate::kube) const UNKNOWN_ADDRESS: &str = "flux://";

/// A path in a repository that something is read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::kube) struct Claim {
    /// See [`address`].
    pub repository: String,
    /// See [`revision`].
    pub revision: Option<String>,
    /// Relative to the top of the repository, as written; `None` when it is not known.
    pub path: Option<String>,
}

/// The repository and the revision that are taken for this workspace.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::kube) struct Own {
    repository: Option<String>,
    revision: Option<String>,
}

impl Own {
    /// Judges by all claims of a workspace.
    pub(in crate::kube) fn of<'c>(
        claims: impl Iterator<Item = &'c Claim> + Clone,
        files: Paths<'_>,
    ) -> Self {
        let mut paths: BTreeMap<&str, [BTreeSet<&str>; 2]> = BTreeMap::new();
        for claim in claims.clone() {
            // The top itself is there in every repository.
            let Some(path) = claim
                .path
                .as_deref()
                .filter(|p| local(p).is_none_or(|p| !p.is_empty()))
            else {
                continue;
            };
            let here = local(path).is_some_and(|p| files.below(&p).next().is_some());
            paths.entry(&claim.repository).or_default()[usize::from(here)].insert(path);
        }
        let mine =
            |[away, here]: &[BTreeSet<&str>; 2]| (here.len() > away.len()).then_some(here.len());
        let repository = most(
            paths
                .iter()
                .filter_map(|(repository, paths)| Some((*repository, mine(paths)?))),
        );
        let mut revisions: BTreeMap<&str, usize> = BTreeMap::new();
        for claim in claims.filter(|c| Some(c.repository.as_str()) == repository) {
            *revisions
                .entry(claim.revision.as_deref().unwrap_or_default())
                .or_default() += 1;
        }
        revisions.remove("");
        let revision = most(
            revisions
                .iter()
                .map(|(revision, count)| (*revision, *count)),
        );
        // As many sources name another one: the default branch is the better guess when it is among
        // them.
        let revision = revision.or_else(|| {
            revisions
                .contains_key(DEFAULT_REVISION)
                .then_some(DEFAULT_REVISION)
        });
        Self {
            repository: repository.map(str::to_owned),
            revision: revision.map(str::to_owned),
        }
    }

    /// Whether a claim is about this workspace.
    pub(in crate::kube) fn is(&self, claim: &Claim) -> bool {
        self.repository.as_deref() == Some(claim.repository.as_str())
            && self.revision.is_some()
            && self.revision == claim.revision
    }

    /// Whether a claim is about another repository for certain: its address is known and is not the
    /// one taken for this workspace, and its path is not here.
    pub(in crate::kube) fn is_not(&self, claim: &Claim, files: Paths<'_>) -> bool {
        let known = |address: &str| !address.is_empty() && !address.starts_with(UNKNOWN_ADDRESS);
        let other = self
            .repository
            .as_deref()
            .is_some_and(|own| known(own) && known(&claim.repository) && own != claim.repository);
        other && !claim.is_here(files)
    }
}

impl Claim {
    /// Whether its path, the top aside, is one of this workspace.
    pub(in crate::kube) fn is_here(&self, files: Paths<'_>) -> bool {
        let path = self
            .path
            .as_deref()
            .and_then(local)
            .filter(|p| !p.is_empty());
        path.is_some_and(|p| files.below(&p).next().is_some())
    }
}

/// The one that counts most; `None` when there is no single one.
fn most<'a>(counts: impl Iterator<Item = (&'a str, usize)>) -> Option<&'a str> {
    let mut counts: Vec<(usize, &str)> = counts.map(|(what, count)| (count, what)).collect();
    counts.sort_unstable();
    match counts.as_slice() {
        [] => None,
        [.., (second, _), (first, _)] if first == second => None,
        [.., (_, first)] => Some(first),
    }
}

/// A path of a repository seen from its top; `None` when it leads out of it.
pub(in crate::kube) fn local(path: &str) -> Option<String> {
    join("", path.trim().trim_start_matches('/'))
}

/// An address such that the ways to write it are equal: `https://host/a/b.git`, `git@host:a/b` and
/// `ssh://git@host/a/b`.
pub(in crate::kube) fn address(url: &str) -> String {
    let url = url.trim().trim_end_matches('/').to_ascii_lowercase();
    let url = url.strip_suffix(".git").unwrap_or(&url);
    let (scheme, rest) = url
        .split_once("://")
        .map_or(("", url), |(scheme, rest)| (scheme, rest));
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    match host.split_once(':') {
        // `host:a/b` is the short form of ssh, `ssh://host:22/a/b` has a port.
        Some((host, first)) if scheme.is_empty() => format!("{host}/{first}/{path}")
            .trim_end_matches('/')
            .to_owned(),
        Some((host, _)) => format!("{host}/{path}"),
        None => format!("{host}/{path}"),
    }
}

/// A revision such that the names of the default branch are equal; `None` for one that is pinned (a
/// tag, a range, a commit) or filled in by another tool: what is checked out moves.
pub(in crate::kube) fn revision(written: Option<&str>) -> Option<String> {
    let text = written.unwrap_or_default().trim();
    let name = text.strip_prefix("refs/heads/").unwrap_or(text);
    if matches!(name, "" | "HEAD" | "main" | "master") {
        return Some(DEFAULT_REVISION.to_owned());
    }
    let commit = name.len() >= 7
        && name.bytes().all(|b| b.is_ascii_hexdigit())
        && name.bytes().any(|b| b.is_ascii_digit());
    let digits = name.trim_start_matches(['v', 'V', '^', '~', '>', '<', '=', ' ']);
    let version = digits.starts_with(|c: char| c.is_ascii_digit()) && digits.contains('.');
    let pinned =
        commit || version || name.starts_with("refs/") || name.contains(['*', '{', '$', ' ']);
    (!pinned).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_equal_however_they_are_written() {
        for url in [
            "https://Example.com/org/repo.git",
            "https://example.com/org/repo/",
            "git@example.com:org/repo.git",
            "ssh://git@example.com:22/org/repo",
            "https://user:secret@example.com/org/repo",
        ] {
            assert_eq!(address(url), "example.com/org/repo", "{url}");
        }
        assert_ne!(
            address("https://example.com/org/repo2"),
            address("https://example.com/org/repo")
        );
    }

    #[test]
    fn pinned_revisions_are_not_what_is_checked_out() {
        for default in [
            None,
            Some(""),
            Some("HEAD"),
            Some("main"),
            Some("refs/heads/master"),
        ] {
            assert_eq!(revision(default).as_deref(), Some("HEAD"), "{default:?}");
        }
        assert_eq!(revision(Some("develop")).as_deref(), Some("develop"));
        for pinned in [
            "v1.2.3",
            "1.2.*",
            ">=1.0",
            "0a1b2c3d",
            "refs/tags/x",
            "{{ revision }}",
            "${BRANCH}",
        ] {
            assert_eq!(revision(Some(pinned)), None, "{pinned}");
        }
    }
}
