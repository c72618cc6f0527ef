//! Facts about container images, which a manifest does not state: shell, user, ENTRYPOINT and CMD,
//! what stands at a path.
//!
//! Four places state them, the nearest first: the annotation [`ANNOTATION`] on the pod template or
//! the workload, a JSON map by container name; `[[images]]` of the configuration, matched against
//! the normalised image reference; `kubewright.lock`, read from the image itself and pinned by its
//! digest; and the built-in table (`table`). A Dockerfile of the repository (`dockerfile`) comes
//! before the table, and proves as little. Each fact is taken from the nearest place that states
//! it. All but the table prove; what none states is unknown, except that an absent `cmd` beside a
//! stated ENTRYPOINT means none.

pub(in crate::kube) mod dockerfile;
pub(in crate::kube) mod table;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::kube::pod::{Container, PodTemplate};
use crate::yaml::Node;

/// Annotation on a pod template or workload: a JSON map of [`ImageFacts`] by container name.
pub const ANNOTATION: &str = "kubewright.dev/image-facts";

/// One of `[[images]]` in `kubewright.toml`: the user's word about images.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ImageFacts {
    /// Pattern over the normalised image reference; `*` crosses no `/`.
    #[serde(default, rename = "match")]
    pub pattern: String,
    /// Absolute path of a POSIX shell; `""` or absent: unknown; `"none"`: the image has none.
    pub shell: Option<String>,
    /// User the image runs as: a name or a number; `root` and `0` are root.
    pub user: Option<String>,
    /// ENTRYPOINT; absent: unknown; empty: the image has none.
    pub entrypoint: Option<Vec<String>>,
    /// CMD; absent in stated facts: none.
    pub cmd: Option<Vec<String>>,
    /// WORKDIR, which a relative word of the command starts from; absent: unknown.
    pub working_dir: Option<String>,
    /// Names of the variables of the image's ENV that are no shell identifier, which dash and
    /// `BusyBox` drop; absent: unknown.
    pub dropped_env: Option<Vec<String>>,
    /// What the image has at absolute paths, by path; what is not listed is unknown.
    #[serde(default)]
    pub paths: BTreeMap<String, PathFact>,
    /// Paths of files and directories that a script or program of the image writes, moves or
    /// removes, or of which it asks whether something is mounted there; absent: unknown; empty:
    /// none.
    pub handled_paths: Option<Vec<String>>,
    /// Directories, with all below them, in which nothing goes on but what a pod mounts there: the
    /// image has nothing of its own there that its program needs, no program writes there, and none
    /// reads them as a whole. The user's word, never the lock's.
    #[serde(default)]
    pub owned_dirs: Vec<String>,
    /// Tools that are not found in the image's PATH, of those that were looked for. The lock's word
    /// alone.
    #[serde(skip)]
    pub lacks: Vec<String>,
}

/// What an image has at a path, links in the directories above it followed, a link at the path
/// itself not.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct PathFact {
    /// What stands there.
    pub kind: PathKind,
    /// Names in the directory, sorted; absent for anything else, and for a directory with more than
    /// [`MAX_ENTRIES`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entries: Option<Vec<String>>,
    /// Where a symbolic link leads, as it is written in the image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Whether the image's user may create and remove names in the directory that the path lies in
    /// (or, where it is absent, in the nearest one above it that exists); absent: unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_writable: Option<bool>,
    /// Whether a string of the image's own configuration (ENTRYPOINT, CMD, a value of ENV) contains
    /// the path; absent: unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub named: Option<bool>,
    /// Variables of the image's ENV, `NAME=value`, whose value is the path by itself, or a `file:` URL
    /// of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub env: Vec<String>,
    /// Whether a script that the image runs by itself, or one of the paths that are asked for,
    /// writes, moves or removes it, or asks whether something is mounted there; absent: unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handled: Option<bool>,
    /// Variables, one of which must be set for a script to do so, where it does nothing by itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub handled_if: Vec<String>,
    /// A script changes what its variables name: it does so, too, to a path that somebody gives it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub handled_if_named: bool,
    /// The directory that [`PathFact::parent_writable`] is about, for users that the image does not
    /// know; absent: unknown, or out of reach of users who do not own what is above it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<Directory>,
}

/// Mode and owner of a directory, written as `stat -c '%04a %u:%g'` prints them: `0755 0:0`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Directory {
    /// Permission bits, with set-group-ID and sticky bit.
    pub mode: u32,
    /// User.
    pub uid: u32,
    /// Group.
    pub gid: u32,
}

/// Who a process is, as far as that is known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Identity {
    /// User; `None`: some number that no file of an image has.
    pub uid: Option<u32>,
    /// Primary group; `None`: unknown.
    pub gid: Option<u32>,
    /// Supplemental groups.
    pub groups: Vec<u32>,
}

impl Directory {
    /// Whether somebody other than root may create and remove names in it; `None` where that
    /// depends on what is not known.
    pub fn lets_write(self, who: &Identity) -> Option<bool> {
        let may = |shift: u32| self.mode >> shift & 3 == 3;
        if who.uid == Some(self.uid) {
            return Some(may(6));
        }
        let member = who.gid == Some(self.gid) || who.groups.contains(&self.gid);
        if member || may(3) == may(0) {
            return Some(may(3));
        }
        who.gid.map(|_| may(0))
    }
}

impl From<Directory> for String {
    fn from(directory: Directory) -> Self {
        let Directory { mode, uid, gid } = directory;
        format!("{mode:04o} {uid}:{gid}")
    }
}

impl TryFrom<String> for Directory {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let read = || {
            let (mode, owner) = text.split_once(' ')?;
            let (uid, gid) = owner.split_once(':')?;
            Some(Self {
                mode: u32::from_str_radix(mode, 8).ok().filter(|m| *m <= 0o7777)?,
                uid: uid.parse().ok()?,
                gid: gid.parse().ok()?,
            })
        };
        read().ok_or_else(|| {
            format!("`{text}` is no mode and owner of a directory, such as `0755 0:0`")
        })
    }
}

/// Names that are listed of a directory; of one with more only that there are too many.
pub const MAX_ENTRIES: usize = 64;

/// What stands at a path of an image.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PathKind {
    /// Nothing.
    #[default]
    Absent,
    /// A regular file, or a device.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink,
}

/// One image of `kubewright.lock`: facts read from the image, for one platform, pinned by the
/// digest of its manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockedImage {
    /// Normalised reference as the manifests write it ([`normalise`]).
    pub image: String,
    /// `os/architecture[/variant]`
    pub platform: String,
    /// `sha256:…` of the image's manifest on that platform.
    pub digest: String,
    /// What was read; `pattern` is empty.
    pub facts: ImageFacts,
}

/// What would have to be known of an image to decide a finding.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Question {
    /// Normalised reference.
    pub image: String,
    /// `os/architecture`, from the node selector of the pod; `linux/amd64` where it says nothing.
    pub platform: String,
    /// Absolute paths that are asked for.
    pub paths: BTreeSet<String>,
}

impl Question {
    /// One question an image and platform, sorted, with the paths of all that ask about it.
    pub fn merged(all: impl IntoIterator<Item = Self>) -> Vec<Self> {
        let mut asked: BTreeMap<(String, String), BTreeSet<String>> = BTreeMap::new();
        for question in all {
            asked
                .entry((question.image, question.platform))
                .or_default()
                .extend(question.paths);
        }
        asked
            .into_iter()
            .map(|((image, platform), paths)| Self {
                image,
                platform,
                paths,
            })
            .collect()
    }
}

/// What is known of an image's shell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shell<'a> {
    /// Not stated.
    Unknown,
    /// The image has no shell.
    None,
    /// A POSIX shell at this absolute path.
    At(&'a str),
}

/// What all of them state together, each fact from the nearest.
pub fn together(stated: &[Stated]) -> Option<ImageFacts> {
    let mut facts = stated.first()?.facts.clone();
    for Stated { facts: next, .. } in stated.iter().skip(1) {
        facts.shell = facts.shell.or_else(|| next.shell.clone());
        facts.user = facts.user.or_else(|| next.user.clone());
        facts.working_dir = facts.working_dir.or_else(|| next.working_dir.clone());
        if facts.entrypoint.is_none() {
            (facts.entrypoint, facts.cmd) = (next.entrypoint.clone(), next.cmd.clone());
        }
    }
    Some(facts)
}

/// Who states facts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StatedBy {
    /// The annotation [`ANNOTATION`].
    Annotation,
    /// `[[images]]` of the configuration.
    Config,
    /// `kubewright.lock`: the image with this digest.
    Lock(String),
    /// A Dockerfile of the repository, which may be the one that the image was built from.
    Dockerfile(Built),
    /// The built-in table, which was read from this Dockerfile.
    Table(String),
}

/// From what an image may have been built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Built {
    /// The Dockerfile, relative to the root.
    pub dockerfile: String,
    /// Line of what the image runs, from 1.
    pub line: usize,
    /// That line.
    pub instruction: String,
    /// The file that names the Dockerfile for this image.
    pub named_by: String,
}

impl StatedBy {
    /// Whether what is stated is proven: the table's tags may have moved, and an image may be built
    /// from another Dockerfile than the one that is there now.
    pub fn proves(&self) -> bool {
        !matches!(self, Self::Table(_) | Self::Dockerfile(_))
    }
}

/// Facts that somebody answers for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stated {
    /// The facts.
    pub facts: ImageFacts,
    /// Who states them.
    pub by: StatedBy,
}

impl ImageFacts {
    /// Whether these facts are about the image; `image` as [`normalise`] gives it.
    ///
    /// The pattern is compared as it stands, and, when its registry holds no `*`, normalised like
    /// an image reference too. An image that has both tag and digest is also tried by its tag
    /// alone.
    pub fn matches(&self, image: &str) -> bool {
        let tagged = image
            .split_once('@')
            .map(|(name, _)| name)
            .filter(|name| tag_at(name).is_some());
        let registry = self.pattern.split_once('/').map_or("", |(first, _)| first);
        let normalised = if registry.contains('*') {
            None
        } else {
            normalise(&self.pattern)
        };
        [Some(image), tagged].into_iter().flatten().any(|image| {
            glob(self.pattern.as_bytes(), image.as_bytes())
                || normalised
                    .as_ref()
                    .is_some_and(|p| glob(p.as_bytes(), image.as_bytes()))
        })
    }

    /// The shell.
    pub fn shell(&self) -> Shell<'_> {
        match self.shell.as_deref() {
            Some("none") => Shell::None,
            Some(path) if path.starts_with('/') => Shell::At(path),
            _ => Shell::Unknown,
        }
    }

    /// Whether the image runs as root; `None` when the user is not stated.
    pub fn root(&self) -> Option<bool> {
        let user = self.user.as_deref().filter(|u| !u.is_empty())?;
        let name = user.split_once(':').map_or(user, |(name, _)| name);
        Some(name == "root" || name == "0")
    }
}

/// The reference with registry, path and tag written out, as container runtimes read it
/// (distribution's `ParseNormalizedNamed`): `nginx` is `docker.io/library/nginx:latest`. `None` for
/// what is no reference, such as a placeholder.
pub fn normalise(image: &str) -> Option<String> {
    if image.is_empty()
        || image.contains(|c: char| c.is_whitespace() || matches!(c, '$' | '{' | '}'))
    {
        return None;
    }
    let (domain, path) = match image.split_once('/') {
        Some((first, rest)) if first.contains(['.', ':']) || first == "localhost" => (first, rest),
        _ => ("docker.io", image),
    };
    let domain = if domain == "index.docker.io" {
        "docker.io"
    } else {
        domain
    };
    let library = if domain == "docker.io" && !path.contains('/') {
        "library/"
    } else {
        ""
    };
    let tag = if path.contains('@') || tag_at(path).is_some() {
        ""
    } else {
        ":latest"
    };
    Some(format!("{domain}/{library}{path}{tag}"))
}

/// What annotations state about the image of a container, the nearest first: on the pod template,
/// then on the workload.
///
/// # Errors
/// Why an annotation cannot be read.
pub fn annotated(
    workload: Node<'_>,
    template: &PodTemplate<'_>,
    container: &Container<'_>,
) -> Result<Vec<Stated>, String> {
    let mut found = Vec::new();
    let own = template.annotation(ANNOTATION);
    // A workload that is its own template, as a Pod is, has one annotation.
    let outer = workload
        .path(&["metadata", "annotations", ANNOTATION])
        .filter(|outer| own != Some(*outer));
    for annotation in [own, outer].into_iter().flatten() {
        let text = annotation.text().unwrap_or_default();
        let mut all: BTreeMap<String, ImageFacts> =
            serde_json::from_str(text).map_err(|e| format!("annotation {ANNOTATION}: {e}"))?;
        found.extend(all.remove(container.name).map(|facts| Stated {
            facts,
            by: StatedBy::Annotation,
        }));
    }
    Ok(found)
}

/// What is stated about an image, written out, the nearest first: by the configuration, by the
/// lock, by the built-in table.
pub fn stated(
    image: &str,
    platform: &str,
    config: &[ImageFacts],
    lock: &[LockedImage],
) -> Vec<Stated> {
    let mut found = Vec::new();
    let config = config.iter().find(|facts| facts.matches(image));
    found.extend(config.map(|facts| Stated {
        facts: facts.clone(),
        by: StatedBy::Config,
    }));
    let locked = lock
        .iter()
        .find(|locked| locked.image == image && locked.platform == platform);
    found.extend(locked.map(|locked| Stated {
        facts: locked.facts.clone(),
        by: StatedBy::Lock(locked.digest.clone()),
    }));
    if platform.starts_with("linux/") {
        found.extend(table::stated(image));
    }
    found
}

/// The platform that the node selector of a pod chooses, `linux/amd64` where it says nothing.
pub fn platform(template: &PodTemplate<'_>) -> String {
    let selected = |keys: [&str; 2], default: &str| {
        let value = keys.iter().find_map(|key| {
            template
                .spec
                .path(&["nodeSelector", key])
                .and_then(Node::text)
        });
        value.unwrap_or(default).to_owned()
    };
    let os = selected(["kubernetes.io/os", "beta.kubernetes.io/os"], "linux");
    format!(
        "{os}/{}",
        selected(["kubernetes.io/arch", "beta.kubernetes.io/arch"], "amd64")
    )
}

/// Name and tag of a normalised reference; `None` when it has only a digest.
pub(in crate::kube) fn parts(image: &str) -> Option<(&str, &str)> {
    let tagged = image.split_once('@').map_or(image, |(tagged, _)| tagged);
    let colon = tag_at(tagged)?;
    Some((tagged.get(..colon)?, tagged.get(colon + 1..)?))
}

/// Where the `:` of the tag stands.
fn tag_at(reference: &str) -> Option<usize> {
    let from = reference.rfind('/').map_or(0, |slash| slash + 1);
    reference.get(from..)?.find(':').map(|colon| from + colon)
}

/// Whether `pattern` is all of `text`; `*` stands for any run of bytes but `/`.
pub(in crate::kube) fn glob(pattern: &[u8], text: &[u8]) -> bool {
    match pattern.split_first() {
        None => text.is_empty(),
        Some((b'*', rest)) => {
            let reach = text.iter().position(|b| *b == b'/').unwrap_or(text.len());
            (0..=reach).any(|n| text.get(n..).is_some_and(|text| glob(rest, text)))
        }
        Some((byte, rest)) => text
            .split_first()
            .is_some_and(|(first, text)| first == byte && glob(rest, text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_written_out() {
        for (image, full) in [
            ("nginx", "docker.io/library/nginx:latest"),
            ("nginx:1.27", "docker.io/library/nginx:1.27"),
            ("grafana/grafana", "docker.io/grafana/grafana:latest"),
            ("localhost/app", "localhost/app:latest"),
            ("registry:5000/app", "registry:5000/app:latest"),
            ("quay.io/a/b:1@sha256:00", "quay.io/a/b:1@sha256:00"),
            ("nginx@sha256:00", "docker.io/library/nginx@sha256:00"),
            ("index.docker.io/nginx", "docker.io/library/nginx:latest"),
        ] {
            assert_eq!(normalise(image).as_deref(), Some(full));
        }
        assert_eq!(normalise("{{ .Values.image }}"), None);
        assert_eq!(normalise("${IMAGE}"), None);
    }

    #[test]
    fn modes_tell_who_may_write() {
        let who = |uid, gid, groups: &[u32]| Identity {
            uid,
            gid,
            groups: groups.to_vec(),
        };
        for (directory, who, expected) in [
            ("0755 1000:1000", who(Some(1000), None, &[]), Some(true)),
            ("0555 1000:1000", who(Some(1000), None, &[]), Some(false)),
            ("0755 0:0", who(Some(1000), None, &[]), Some(false)),
            ("0775 0:0", who(Some(1000), None, &[]), None),
            ("0775 0:0", who(Some(1000), Some(0), &[]), Some(true)),
            ("2775 0:2000", who(Some(1000), Some(3), &[2000]), Some(true)),
            ("2775 0:2000", who(Some(1000), Some(3), &[]), Some(false)),
            ("1777 0:0", who(None, None, &[]), Some(true)),
            ("0757 0:5", who(Some(1000), None, &[]), None),
            ("0757 0:5", who(Some(1000), None, &[5]), Some(false)),
        ] {
            let directory = Directory::try_from(directory.to_owned()).expect("a directory");
            assert_eq!(
                directory.lets_write(&who),
                expected,
                "{directory:?} {who:?}"
            );
        }
        assert!(Directory::try_from("755".to_owned()).is_err());
        assert!(Directory::try_from("0799 0:0".to_owned()).is_err());
    }

    #[test]
    fn patterns_cross_no_slash() {
        let facts = |pattern: &str| ImageFacts {
            pattern: pattern.into(),
            ..ImageFacts::default()
        };
        assert!(
            facts("registry.example.com/blog-*:*").matches("registry.example.com/blog-web:1.0")
        );
        assert!(facts("registry.example.com/blog-*").matches("registry.example.com/blog-web:1.0"));
        assert!(!facts("registry.example.com/*:*").matches("registry.example.com/team/blog:1"));
        assert!(facts("nginx").matches("docker.io/library/nginx:latest"));
        assert!(!facts("nginx").matches("docker.io/library/nginx:1"));
        assert!(facts("nginx:*").matches("docker.io/library/nginx:1"));
        assert!(facts("nginx:1").matches("docker.io/library/nginx:1@sha256:00"));
        assert!(!facts("*/app:*").matches("docker.io/library/app:1"));
        assert!(!facts("").matches("docker.io/library/app:1"));
    }

    #[test]
    fn root_is_a_name_or_a_number() {
        let user = |user: &str| {
            ImageFacts {
                user: Some(user.into()),
                ..ImageFacts::default()
            }
            .root()
        };
        assert_eq!(user("root"), Some(true));
        assert_eq!(user("0:0"), Some(true));
        assert_eq!(user("1001"), Some(false));
        assert_eq!(user(""), None);
    }
}
