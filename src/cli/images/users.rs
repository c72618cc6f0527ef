//! Who a container of an image runs as, and what that user may do in a directory.
//!
//! As container runtimes read it (containerd: `pkg/oci/spec_opts.go`, `WithUser` and
//! `WithAdditionalGIDs`): `USER` is a name or a number, with or without a group; names, and the
//! group that belongs to a user, stand in the image's own `/etc/passwd` and `/etc/group`.

use super::failure::Failure;
use super::filesystem::{Filesystem, Here, Meta};
use super::look::{Found, Last, look};

/// A user of an image.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct User {
    /// As the image states it; `root` when it states none.
    pub(super) stated: String,
    /// Number; absent when the image does not have the user.
    pub(super) ids: Option<Ids>,
}

/// The numbers of a user.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Ids {
    pub(super) uid: u32,
    pub(super) gid: u32,
    /// The groups that have the user as a member.
    groups: Vec<u32>,
}

/// The user that `USER` states; `None` while a lower layer may decide.
///
/// # Errors
/// When the layers contradict each other about a file that says it.
pub(super) fn user(tree: &Filesystem, stated: &str) -> Result<Option<User>, Failure> {
    // Then nothing is looked up.
    if stated.is_empty() {
        return Ok(Some(User {
            stated: "root".into(),
            ids: Some(Ids::default()),
        }));
    }
    let (passwd, group) = match (content(tree, "/etc/passwd")?, content(tree, "/etc/group")?) {
        (Content::Unknown, _) | (_, Content::Unknown) => return Ok(None),
        (Content::Text(passwd), Content::Text(group)) => (passwd, group),
        _ => {
            return Ok(Some(User {
                stated: stated.to_owned(),
                ids: None,
            }));
        }
    };
    let (name, own_group) = stated
        .split_once(':')
        .map_or((stated, None), |(name, group)| (name, Some(group)));
    let ids = ids(name, own_group, passwd, group);
    Ok(Some(User {
        stated: stated.to_owned(),
        ids,
    }))
}

fn ids(name: &str, own_group: Option<&str>, passwd: &str, group: &str) -> Option<Ids> {
    let users = || {
        passwd
            .lines()
            .map(|line| line.split(':').collect::<Vec<_>>())
    };
    let number = |fields: &[&str], at: usize| fields.get(at).and_then(|n| n.parse::<u32>().ok());
    let given = name.parse::<u32>().ok();
    let entry = users().find(|fields| match given {
        Some(uid) => number(fields, 2) == Some(uid),
        None => fields.first() == Some(&name),
    });
    let uid = given.or_else(|| number(entry.as_ref()?, 2))?;
    let groups = || {
        group
            .lines()
            .map(|line| line.split(':').collect::<Vec<_>>())
    };
    let gid = match own_group {
        None | Some("") => entry
            .as_ref()
            .and_then(|fields| number(fields, 3))
            .unwrap_or(0),
        Some(group) => {
            let named = || {
                groups()
                    .find(|fields| fields.first() == Some(&group))
                    .and_then(|fields| number(&fields, 2))
            };
            group.parse().ok().or_else(named)?
        }
    };
    let login = entry
        .as_ref()
        .and_then(|fields| fields.first().copied())
        .unwrap_or(name);
    let member = |fields: &Vec<&str>| {
        fields
            .get(3)
            .is_some_and(|members| members.split(',').any(|m| m == login))
    };
    let groups = groups()
        .filter(member)
        .filter_map(|fields| number(&fields, 2))
        .collect();
    Some(Ids { uid, gid, groups })
}

/// The content of a small file.
enum Content<'a> {
    /// A lower layer may have it.
    Unknown,
    /// Not kept, or no text.
    Unreadable,
    /// Empty when it is not there.
    Text(&'a str),
}

fn content<'a>(tree: &'a Filesystem, path: &str) -> Result<Content<'a>, Failure> {
    Ok(match look(tree, path, Last::Follow)? {
        None => Content::Unknown,
        Some(Found::Missing { .. }) => Content::Text(""),
        Some(Found::There { node, .. }) => match &node.here {
            Here::File(_, Some(content)) => {
                std::str::from_utf8(content).map_or(Content::Unreadable, Content::Text)
            }
            _ => Content::Unreadable,
        },
    })
}

impl Ids {
    /// Whether the user may create and remove a name in the last of these directories, which lie in
    /// one another from the root on. `entry` is what stands there under that name.
    ///
    /// The groups of `/etc/group` only count where nothing is lost without them: a pod may say
    /// `supplementalGroupsPolicy: Strict`.
    pub(super) fn may_write(&self, directories: &[Meta], entry: Option<Meta>) -> bool {
        // DAC_OVERRIDE and FOWNER, which containers of root have unless the pod drops them.
        if self.uid == 0 {
            return true;
        }
        let Some((last, above)) = directories.split_last() else {
            return false;
        };
        let sticky = last.mode & 0o1000 != 0
            && last.uid != self.uid
            && entry.is_some_and(|e| e.uid != self.uid);
        let may = |groups: &[u32]| {
            above.iter().all(|d| self.bits(*d, groups) & 1 == 1)
                && self.bits(*last, groups) & 3 == 3
        };
        !sticky && may(&self.groups) && may(&[])
    }

    /// The three bits of a mode that are this user's.
    fn bits(&self, meta: Meta, groups: &[u32]) -> u32 {
        if meta.uid == self.uid {
            meta.mode >> 6 & 7
        } else if meta.gid == self.gid || groups.contains(&meta.gid) {
            meta.mode >> 3 & 7
        } else {
            meta.mode & 7
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str =
        "root:x:0:0:root:/root:/bin/sh\nweb:x:101:102::/:/bin/false\ntoor:x:0:0::/:\nbroken\n";
    const GROUP: &str = "root:x:0:\nweb:x:102:\nlogs:x:4:web,other\n";

    fn of(stated: &str) -> Option<(u32, u32)> {
        let (name, group) = stated
            .split_once(':')
            .map_or((stated, None), |(n, g)| (n, Some(g)));
        ids(name, group, PASSWD, GROUP).map(|ids| (ids.uid, ids.gid))
    }

    #[test]
    fn names_are_those_of_the_image() {
        for (stated, expected) in [
            ("root", Some((0, 0))),
            ("0", Some((0, 0))),
            ("web", Some((101, 102))),
            ("101", Some((101, 102))),
            ("toor", Some((0, 0))),
            ("1001", Some((1001, 0))),
            ("1001:logs", Some((1001, 4))),
            ("web:0", Some((101, 0))),
            ("web:nobody", None),
            ("nobody", None),
            ("99999999999", None),
        ] {
            assert_eq!(of(stated), expected, "{stated}");
        }
        assert_eq!(ids("web", None, PASSWD, GROUP).expect("web").groups, [4]);
    }

    #[test]
    fn modes_are_read_as_linux_reads_them() {
        let meta = |mode, uid, gid| Meta { mode, uid, gid };
        let root = meta(0o755, 0, 0);
        let web = ids("web", None, PASSWD, GROUP).expect("web");
        for (directory, entry, expected) in [
            (meta(0o755, 101, 0), None, true),
            (meta(0o555, 101, 0), None, false),
            (meta(0o775, 0, 102), None, true),
            (meta(0o775, 0, 4), None, false),
            (meta(0o707, 0, 4), None, false),
            (meta(0o777, 0, 0), None, true),
            (meta(0o1777, 0, 0), None, true),
            (meta(0o1777, 0, 0), Some(meta(0o644, 0, 0)), false),
            (meta(0o1777, 0, 0), Some(meta(0o644, 101, 0)), true),
            (meta(0o722, 0, 0), None, false),
            (meta(0o755, 0, 0), None, false),
        ] {
            assert_eq!(
                web.may_write(&[root, directory], entry),
                expected,
                "{directory:?} {entry:?}"
            );
        }
        assert!(
            !web.may_write(&[root, meta(0o700, 0, 0), meta(0o777, 0, 0)], None),
            "nobody gets there"
        );
        let zero = ids("toor", None, PASSWD, GROUP).expect("toor");
        assert!(zero.may_write(&[root, meta(0o555, 5, 5)], None));
    }
}
