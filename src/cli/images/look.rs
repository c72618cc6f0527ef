//! Looking a path up in an image: symbolic links are followed within it, and the directories on the
//! way are remembered.

use std::collections::VecDeque;

use super::failure::Failure;
use super::filesystem::{Child, Filesystem, Here, Meta, Node};

/// How many symbolic links Linux follows.
const MAX_LINKS: usize = 40;

/// Whether a link at the path itself is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Last {
    Follow,
    Keep,
}

/// What a path leads to.
#[derive(Debug)]
pub(super) enum Found<'a> {
    /// Something; the directories above it, from the root.
    There { node: &'a Node, above: Vec<Meta> },
    /// Nothing; the directories that are there, from the root; `blocked`: something that is no
    /// directory stands in the way.
    Missing { above: Vec<Meta>, blocked: bool },
}

/// Follows a path; `None` while a lower layer may decide.
///
/// # Errors
/// When runtimes differ about a path on the way.
pub(super) fn look<'a>(
    tree: &'a Filesystem,
    path: &str,
    last: Last,
) -> Result<Option<Found<'a>>, Failure> {
    let mut todo: VecDeque<String> = path.split('/').map(str::to_owned).collect();
    let mut way: Vec<(&Node, Meta)> = Vec::new();
    let mut links = 0;
    let above = |way: &[(&Node, Meta)]| -> Vec<Meta> {
        [super::filesystem::IMPLIED]
            .into_iter()
            .chain(way.iter().map(|(_, meta)| *meta))
            .collect()
    };
    while let Some(name) = todo.pop_front() {
        match name.as_str() {
            "" | "." => continue,
            ".." => {
                way.pop();
                continue;
            }
            _ => {}
        }
        let directory = way.last().map_or(tree.root(), |(node, _)| *node);
        let node = match tree.child(directory, &name) {
            Child::Unknown => return Ok(None),
            Child::Absent => {
                return Ok(Some(Found::Missing {
                    above: above(&way),
                    blocked: false,
                }));
            }
            Child::There(node) => node,
        };
        let is_last = todo.iter().all(|rest| rest.is_empty() || rest == ".");
        match &node.here {
            Here::Directory(meta) => way.push((node, *meta)),
            Here::Implied => way.push((node, super::filesystem::IMPLIED)),
            Here::File(..) if is_last => {
                return Ok(Some(Found::There {
                    node,
                    above: above(&way),
                }));
            }
            Here::File(..) | Here::Gone => {
                return Ok(Some(Found::Missing {
                    above: above(&way),
                    blocked: true,
                }));
            }
            Here::Symlink(..) if is_last && last == Last::Keep => {
                return Ok(Some(Found::There {
                    node,
                    above: above(&way),
                }));
            }
            Here::Symlink(_, target) => {
                links += 1;
                if links > MAX_LINKS {
                    return Ok(Some(Found::Missing {
                        above: above(&way),
                        blocked: true,
                    }));
                }
                if target.starts_with('/') {
                    way.clear();
                }
                for segment in target.split('/').rev() {
                    todo.push_front(segment.to_owned());
                }
            }
            Here::Unclear => {
                return Err(Failure::odd(format!(
                    "its layers contradict each other about {path}: runtimes make different things \
                     of it"
                )));
            }
        }
    }
    let node = way.pop().map_or(tree.root(), |(node, _)| node);
    Ok(Some(Found::There {
        node,
        above: above(&way),
    }))
}

#[cfg(test)]
mod tests {
    use super::super::filesystem::LayerEntry;
    use super::*;

    const META: Meta = Meta {
        mode: 0o644,
        uid: 7,
        gid: 0,
    };

    fn link(to: &str) -> LayerEntry {
        LayerEntry::Symlink(META, to.into())
    }

    fn show(tree: &Filesystem, path: &str, last: Last) -> String {
        match look(tree, path, last).expect("clear").expect("known") {
            Found::There { node, above } => match &node.here {
                Here::File(..) => format!("file {}", above.len()),
                Here::Symlink(_, to) => format!("link {to} {}", above.len()),
                _ => format!("directory {}", above.len()),
            },
            Found::Missing { above, blocked } => format!("missing {} {blocked}", above.len()),
        }
    }

    #[test]
    fn links_are_followed_within_the_image() {
        let tree = Filesystem::of(&[
            ("usr/bin/sh", LayerEntry::File(META, None)),
            ("bin", link("usr/bin")),
            ("var/run", link("/run")),
            ("run/x", LayerEntry::File(META, None)),
            ("up", link("../../../../run/x")),
            ("loop", link("loop")),
            ("dangling", link("nowhere/at/all")),
            ("a/b/c", link("../../run")),
        ]);
        for (path, last, expected) in [
            ("/bin/sh", Last::Follow, "file 3"),
            ("/var/run/x", Last::Keep, "file 2"),
            ("/var/run", Last::Keep, "link /run 2"),
            ("/var/run", Last::Follow, "directory 1"),
            ("/var/run/y", Last::Keep, "missing 2 false"),
            ("/up", Last::Follow, "file 2"),
            ("/loop", Last::Follow, "missing 1 true"),
            ("/loop/x", Last::Keep, "missing 1 true"),
            ("/dangling", Last::Follow, "missing 1 false"),
            ("/dangling", Last::Keep, "link nowhere/at/all 1"),
            ("/run/x/y", Last::Keep, "missing 2 true"),
            ("/a/b/c/x", Last::Keep, "file 2"),
            ("/a//b/./c/", Last::Keep, "link ../../run 3"),
            ("/", Last::Keep, "directory 1"),
            ("/none/at/all", Last::Keep, "missing 1 false"),
        ] {
            assert_eq!(show(&tree, path, last), expected, "{path} {last:?}");
        }
    }

    #[test]
    fn contradictions_are_no_answer() {
        let tree = Filesystem::of(&[("run", link("x")), ("run/y", LayerEntry::File(META, None))]);
        assert!(look(&tree, "/run/y", Last::Keep).is_err());
        assert!(look(&tree, "/other", Last::Keep).is_ok());
    }
}
