//! The canonical form of what a pod template reads, and its hash.
//!
//! The form is text that depends on nothing but the kinds, keys and bytes that reach the pod
//! (semantics on the transform's page): neither on how a ConfigMap is written nor on what it is
//! called. It is pinned by the vectors below: a change of any of them restarts every pod of every
//! user once, so the form starts with its version.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use kubewright_model::kube::Target;
use sha2::{Digest as _, Sha256};

/// SHA-256 of a value.
pub(super) type Digest = [u8; 32];

/// Characters of the annotation's value: 128 of the 256 bits, for a short diff.
const LENGTH: usize = 32;

/// One source: a ConfigMap or Secret that a pod template reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Section {
    /// What it is.
    pub to: Target,
    /// The keys that are read with the digest of their value, `None` for a key that the source does
    /// not have; `None` for an optional source that does not exist.
    pub keys: Option<BTreeMap<String, Option<Digest>>>,
}

/// The digest of a value.
pub(super) fn digest(value: &[u8]) -> Digest {
    Sha256::digest(value).into()
}

/// The value of the annotation for sources in the order of their first reference.
pub(super) fn hash(sections: &[Section]) -> String {
    let mut text = hex(&digest(form(sections).as_bytes()));
    text.truncate(LENGTH);
    text
}

/// The canonical form. No key is empty or holds a NUL (Kubernetes: `[-._a-zA-Z0-9]+`), so that no
/// two readings have one form.
fn form(sections: &[Section]) -> String {
    let mut form = String::from("v1\n");
    for section in sections {
        form.push_str(section.to.kind());
        form.push('\n');
        match &section.keys {
            None => form.push_str("\0absent\n"),
            Some(keys) => {
                for (key, value) in keys {
                    let value = value.as_ref().map_or_else(|| "absent".to_owned(), hex);
                    let _ = writeln!(form, "{key}\0{value}");
                }
            }
        }
    }
    form
}

/// 64 lower-case hexadecimal digits.
pub(super) fn hex(bytes: &Digest) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(64), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn section(to: Target, keys: &[(&str, Option<&[u8]>)]) -> Section {
        Section {
            to,
            keys: Some(
                keys.iter()
                    .map(|(key, value)| ((*key).to_owned(), value.map(digest)))
                    .collect(),
            ),
        }
    }

    fn config(keys: &[(&str, Option<&[u8]>)]) -> Section {
        section(Target::ConfigMap, keys)
    }

    /// The vectors of the page. They were computed with `printf … | sha256sum`.
    #[test]
    fn the_vectors_of_the_page_hold() {
        assert_eq!(
            form(&[config(&[("a", Some(b"1"))])]),
            "v1\nConfigMap\na\u{0}6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b\n"
        );
        let absent = Section {
            to: Target::ConfigMap,
            keys: None,
        };
        let cases: [(Vec<Section>, &str); 7] = [
            (
                vec![config(&[("a", Some(b"1"))])],
                "4dbe0a56751a41f5bcc38c89d566d12d",
            ),
            (
                vec![config(&[("a", Some(b"2"))])],
                "49ea8260df373e1c054b4f494e8e5c1d",
            ),
            (
                vec![config(&[("b", Some(b"\xff\x00")), ("a", Some(b"1"))])],
                "d6f969ad50a1e9cf59afa858b453c2cd",
            ),
            (
                vec![config(&[("a", Some(b"1")), ("z", None)])],
                "966fb6e825937a8d90753020f2139830",
            ),
            (
                vec![config(&[("a", Some(b"1"))]), absent],
                "c04905be6f0434680aad6761029dd11b",
            ),
            (
                vec![
                    config(&[("a", Some(b"1"))]),
                    section(Target::Secret, &[("p", Some(b"x"))]),
                ],
                "e1f4c7ed8fe30aac424cf987087bd132",
            ),
            (vec![config(&[])], "98936c99640faaf9e50796fdedef5ed8"),
        ];
        for (sections, expected) in cases {
            assert_eq!(hash(&sections), expected);
            assert!(include_str!("README.md").contains(&format!("| `{expected}` |")));
        }
    }

    #[test]
    fn the_order_of_sources_counts() {
        let (one, two) = (config(&[("a", Some(b"1"))]), config(&[("a", Some(b"2"))]));
        assert_ne!(hash(&[one.clone(), two.clone()]), hash(&[two, one]));
    }

    #[test]
    fn a_key_that_moves_to_the_next_source_counts() {
        let both = [config(&[("a", Some(b"1")), ("b", Some(b"1"))]), config(&[])];
        let split = [config(&[("a", Some(b"1"))]), config(&[("b", Some(b"1"))])];
        assert_ne!(hash(&both), hash(&split));
    }
}
