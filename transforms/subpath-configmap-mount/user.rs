//! Who a container runs as: the manifest's word before the image's.

use kubewright_model::kube::images::{Identity, Stated};
use kubewright_model::yaml::Node;

use super::facts::{Facts, Told};
use super::pod::{Own, Pod};

/// The user of a container's first process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum User<'f> {
    /// Root; who says so, if it is not the manifest.
    Root(Option<&'f Stated>),
    /// Another user.
    Other {
        /// It is the user that the image names, with the groups it has there: what is known of that
        /// user's rights holds.
        of_image: bool,
        /// Who says so, if it is not the manifest.
        by: Option<&'f Stated>,
    },
    /// Whatever number `OpenShift` gives its namespace.
    Random,
    /// Nothing says.
    Unknown,
}

/// A field of the container's `securityContext`, else of the pod's.
pub(super) fn security<'a>(pod: &Pod<'a>, own: &Own<'a>, key: &str) -> Option<Node<'a>> {
    let of_container = own
        .container
        .node
        .path(&["securityContext", key])
        .filter(|n| !n.is_null());
    of_container.or_else(|| {
        pod.template
            .spec
            .path(&["securityContext", key])
            .filter(|n| !n.is_null())
    })
}

/// Whether the root file system is read-only.
pub(super) fn read_only_root(own: &Own<'_>) -> bool {
    own.container
        .node
        .path(&["securityContext", "readOnlyRootFilesystem"])
        .and_then(Node::as_bool)
        == Some(true)
}

/// Whether the pod gives its users groups that the image knows nothing of.
pub(super) fn has_more_groups(pod: &Pod<'_>) -> bool {
    ["fsGroup", "supplementalGroups"].iter().any(|key| {
        pod.template
            .spec
            .path(&["securityContext", key])
            .is_some_and(|n| !n.is_null())
    })
}

/// Whether the user may create and remove names in the directory that a path lies in, and who says
/// so; `None` where that is not known.
pub(super) fn may_write<'f>(
    pod: &Pod<'_>,
    own: &Own<'_>,
    facts: &'f Facts,
    user: User<'_>,
    path: &str,
) -> Option<Told<'f, bool>> {
    let Told { value: fact, by } = facts.path(path)?;
    let number = |node: Node<'_>| u32::try_from(node.as_int()?).ok();
    let set = |key: &str| security(pod, own, key).and_then(number);
    let groups = groups(pod);
    let says = |value: bool| Some(Told { value, by });
    let who = match user {
        User::Other { of_image: true, .. } => {
            let writable = fact.parent_writable?;
            // A group of the pod could open what is closed.
            let more = fact.parent.filter(|_| !writable && has_more_groups(pod));
            return match more {
                None if has_more_groups(pod) && !writable => None,
                Some(directory) if groups.contains(&directory.gid) => {
                    says(directory.uid == 0 && directory.mode & 0o30 == 0o30)
                }
                _ => says(writable),
            };
        }
        User::Other { .. } => Identity {
            uid: Some(
                set("runAsUser").or_else(|| facts.root()?.by.facts.user.as_ref()?.parse().ok())?,
            ),
            gid: set("runAsGroup"),
            groups,
        },
        // Numbers that are given to namespaces start at a billion; the group is 0.
        User::Random => Identity {
            uid: None,
            gid: Some(set("runAsGroup").unwrap_or(0)),
            groups,
        },
        User::Root(_) | User::Unknown => return None,
    };
    says(fact.parent?.lets_write(&who)?)
}

/// The same of root without the capability `DAC_OVERRIDE`.
pub(super) fn root_may_write<'f>(facts: &'f Facts, path: &str) -> Option<Told<'f, bool>> {
    let Told { value: fact, by } = facts.path(path)?;
    let root = Identity {
        uid: Some(0),
        gid: Some(0),
        groups: Vec::new(),
    };
    let value = fact.parent?.lets_write(&root)?;
    Some(Told { value, by })
}

/// The groups that the pod gives its users.
fn groups(pod: &Pod<'_>) -> Vec<u32> {
    let context = |key: &str| pod.template.spec.path(&["securityContext", key]);
    let more = context("supplementalGroups").map(Node::items);
    let all = context("fsGroup")
        .into_iter()
        .chain(more.into_iter().flatten());
    all.filter_map(|n| u32::try_from(n.as_int()?).ok())
        .collect()
}

pub(super) fn of<'f>(pod: &Pod<'_>, own: &Own<'_>, facts: &'f Facts) -> User<'f> {
    let non_root = security(pod, own, "runAsNonRoot").and_then(Node::as_bool) == Some(true);
    let image = facts.root();
    let of_image = security(pod, own, "runAsGroup").is_none();
    if let Some(user) = security(pod, own, "runAsUser") {
        // The same number without a group gets the same group: that of the image's /etc/passwd.
        let same = |user: i64| {
            image.is_some_and(|told| {
                told.by.facts.user.as_deref() == Some(user.to_string().as_str())
            })
        };
        return match user.as_int() {
            Some(0) if !non_root => User::Root(None),
            Some(user) => User::Other {
                of_image: of_image && same(user),
                by: image.map(|told| told.by).filter(|_| same(user)),
            },
            None => User::Unknown,
        };
    }
    if pod.on_openshift() {
        return User::Random;
    }
    match image {
        _ if non_root => User::Other { of_image, by: None },
        Some(told) if told.value => User::Root(Some(told.by)),
        Some(told) => User::Other {
            of_image,
            by: Some(told.by),
        },
        None => User::Unknown,
    }
}
