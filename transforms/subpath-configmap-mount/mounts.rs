//! The mounts of a container, and how their paths lie to each other.

use std::borrow::Cow;

use kubewright_model::yaml::Node;

/// An item of `volumeMounts`.
#[derive(Debug, Clone)]
pub(super) struct Mount<'a> {
    /// The item.
    pub(super) node: Node<'a>,
    /// The volume.
    pub(super) volume: &'a str,
    /// `mountPath` as written.
    pub(super) written: &'a str,
    /// `mountPath` without needless slashes; `None` when it is relative, leads upwards or is no
    /// plain path.
    pub(super) path: Option<String>,
    /// `subPath`, unless empty.
    pub(super) sub_path: Option<&'a str>,
    /// It has a `subPathExpr`.
    pub(super) expression: bool,
    /// `subPathExpr`, unless empty.
    pub(super) expr: Option<&'a str>,
    /// `readOnly: true`
    pub(super) read_only: bool,
}

/// The mounts of a container in order.
pub(super) fn of(container: Node<'_>) -> Vec<Mount<'_>> {
    let items = container
        .get("volumeMounts")
        .map(Node::items)
        .into_iter()
        .flatten();
    items
        .filter_map(|node| {
            let written = node.get("mountPath")?.text()?;
            Some(Mount {
                node,
                volume: node.get("name")?.text()?,
                written,
                path: normal(written),
                sub_path: node
                    .get("subPath")
                    .and_then(Node::as_str)
                    .filter(|s| !s.is_empty()),
                expr: node
                    .get("subPathExpr")
                    .and_then(Node::text)
                    .filter(|s| !s.is_empty()),
                expression: node
                    .get("subPathExpr")
                    .and_then(Node::text)
                    .is_some_and(|s| !s.is_empty()),
                read_only: node
                    .get("readOnly")
                    .and_then(Node::as_bool)
                    .unwrap_or(false),
            })
        })
        .collect()
}

/// An absolute path without empty segments and `.`.
pub(super) fn normal(path: &str) -> Option<String> {
    let rest = path.strip_prefix('/')?;
    if path.contains(|c: char| c.is_control()) {
        return None;
    }
    let mut out = String::new();
    for segment in rest.split('/') {
        match segment {
            "" | "." => {}
            ".." => return None,
            _ => {
                out.push('/');
                out.push_str(segment);
            }
        }
    }
    Some(if out.is_empty() { "/".into() } else { out })
}

/// The directory that a path lies in.
pub(super) fn parent(path: &str) -> &str {
    match path.rfind('/') {
        Some(0) | None => "/",
        Some(slash) => &path[..slash],
    }
}

/// The last segment of a path.
pub(super) fn name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Whether `inner` is `outer` or lies below it; `/var/run` counts as `/run` and `/var/lock` as
/// `/run/lock`, which they link to.
pub(super) fn covers(outer: &str, inner: &str) -> bool {
    let (outer, inner) = (real(outer), real(inner));
    outer == "/"
        || inner
            .strip_prefix(&*outer)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn real(path: &str) -> Cow<'_, str> {
    for (link, target) in [("/var/run", "/run"), ("/var/lock", "/run/lock")] {
        if let Some(rest) = path.strip_prefix(link)
            && (rest.is_empty() || rest.starts_with('/'))
        {
            return Cow::Owned(format!("{target}{rest}"));
        }
    }
    Cow::Borrowed(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lie_above_below_or_apart() {
        assert_eq!(normal("/etc//app/./x/").as_deref(), Some("/etc/app/x"));
        assert_eq!(normal("/").as_deref(), Some("/"));
        assert_eq!(normal("app"), None);
        assert_eq!(normal("/a/../b"), None);
        assert_eq!(
            (parent("/etc/app"), parent("/etc"), name("/etc/app")),
            ("/etc", "/", "app")
        );
        assert!(covers("/etc", "/etc/app") && covers("/", "/etc") && covers("/etc", "/etc"));
        assert!(!covers("/etc", "/etcetera") && !covers("/etc/app", "/etc"));
        assert!(covers("/var/run", "/run/secrets") && covers("/run", "/var/lock/x"));
    }
}
