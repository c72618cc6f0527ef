//! Manifests, indexes and configurations of images, as OCI's image specification and Docker's
//! schema 2 write them, as far as they are needed.

use kubewright_model::kube::images::Question;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::failure::Failure;

/// The most bytes of a manifest, an index or a configuration.
pub(super) const MAX_DOCUMENT: u64 = 8 << 20;
/// Annotations that name the image of an entry of an OCI layout.
pub(super) const NAMES: [&str; 2] = [
    "io.containerd.image.name",
    "org.opencontainers.image.ref.name",
];

/// What a manifest or an index refers to.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Descriptor {
    #[serde(default)]
    pub(super) media_type: String,
    pub(super) digest: String,
    #[serde(default)]
    pub(super) size: u64,
    #[serde(default)]
    pub(super) platform: Option<Platform>,
    #[serde(default)]
    pub(super) annotations: std::collections::BTreeMap<String, String>,
}

/// The platform of an entry of an index.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Platform {
    #[serde(default)]
    os: String,
    #[serde(default)]
    architecture: String,
    #[serde(default)]
    variant: String,
}

/// A manifest, or an index of manifests.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Document {
    /// One image for several platforms.
    Index { manifests: Vec<Descriptor> },
    /// One image.
    Manifest {
        config: Descriptor,
        layers: Vec<Descriptor>,
    },
}

/// The configuration of an image.
#[derive(Debug, Default, Deserialize)]
pub(super) struct ImageConfig {
    #[serde(default)]
    os: String,
    #[serde(default)]
    architecture: String,
    #[serde(default)]
    pub(super) config: Option<Execution>,
    #[serde(default)]
    pub(super) rootfs: Option<RootFs>,
}

/// How a container of the image is run.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Execution {
    pub(super) user: Option<String>,
    pub(super) env: Option<Vec<String>>,
    pub(super) entrypoint: Option<Vec<String>>,
    pub(super) cmd: Option<Vec<String>>,
    pub(super) working_dir: Option<String>,
}

/// The layers, by the digests of what is in them.
#[derive(Debug, Default, Deserialize)]
pub(super) struct RootFs {
    #[serde(default)]
    pub(super) diff_ids: Vec<String>,
}

impl Document {
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, Failure> {
        serde_json::from_slice(bytes).map_err(|_| {
            Failure::odd(
                "it has a manifest that is neither OCI's nor Docker's schema 2: it is no \
                 container image, or a very old one",
            )
        })
    }
}

impl ImageConfig {
    /// Reads a configuration, which must be for the platform asked for.
    pub(super) fn parse(bytes: &[u8], question: &Question) -> Result<Self, Failure> {
        let config: Self = serde_json::from_slice(bytes)
            .map_err(|_| Failure::odd("it has no configuration of a container image"))?;
        let own = format!("{}/{}", config.os, config.architecture);
        if !config.os.is_empty() && !config.architecture.is_empty() && own != question.platform {
            return Err(other_platform(question, &[own]));
        }
        Ok(config)
    }
}

/// The entry of an index for the platform asked for; of several variants the one that the newest
/// machines take.
pub(super) fn choose<'a>(
    manifests: &'a [Descriptor],
    question: &Question,
) -> Result<&'a Descriptor, Failure> {
    let of = |d: &Descriptor| {
        d.platform
            .as_ref()
            .map(|p| format!("{}/{}", p.os, p.architecture))
    };
    let fitting = manifests
        .iter()
        .filter(|d| of(d).as_deref() == Some(&question.platform));
    // `max_by_key` would take the last of equals; the first one is what runtimes take.
    let best = fitting.fold(None, |best: Option<&Descriptor>, d| {
        if best.is_some_and(|b| rank(b) >= rank(d)) {
            best
        } else {
            Some(d)
        }
    });
    best.ok_or_else(|| {
        let mut there: Vec<String> = manifests
            .iter()
            .filter_map(of)
            .filter(|p| !p.starts_with("unknown/"))
            .collect();
        there.sort();
        there.dedup();
        other_platform(question, &there)
    })
}

fn rank(descriptor: &Descriptor) -> u8 {
    match descriptor
        .platform
        .as_ref()
        .map_or("", |p| p.variant.as_str())
    {
        "v8" => 5,
        "" => 4,
        "v7" => 3,
        "v6" => 2,
        "v5" => 1,
        _ => 0,
    }
}

fn other_platform(question: &Question, there: &[String]) -> Failure {
    let there = if there.is_empty() {
        "no platform that is named".to_owned()
    } else {
        there.join(", ")
    };
    let selector = "kubernetes.io/arch in the pod's nodeSelector says on which nodes it runs";
    Failure::new(
        format!(
            "the image is not for {}, but for {there}",
            question.platform
        ),
        selector,
    )
}

/// `sha256:…` of some bytes.
pub(super) fn digest(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// `sha256:…` of a finished hash.
pub(super) fn hex(hash: &[u8]) -> String {
    use std::fmt::Write as _;
    hash.iter().fold(String::from("sha256:"), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(platform: &str) -> Question {
        Question {
            image: "example.com/a:1".into(),
            platform: platform.into(),
            paths: std::collections::BTreeSet::new(),
        }
    }

    #[test]
    fn an_index_is_read_for_the_platform_asked_for() {
        let index = br#"{"schemaVersion":2,"manifests":[
            {"digest":"sha256:att","platform":{"os":"unknown","architecture":"unknown"}},
            {"digest":"sha256:v6","platform":{"os":"linux","architecture":"arm","variant":"v6"}},
            {"digest":"sha256:v7","platform":{"os":"linux","architecture":"arm","variant":"v7"}},
            {"digest":"sha256:one","platform":{"os":"linux","architecture":"amd64"}},
            {"digest":"sha256:two","platform":{"os":"linux","architecture":"amd64"}}]}"#;
        let Document::Index { manifests } = Document::parse(index).expect("an index") else {
            panic!("no index")
        };
        assert_eq!(
            choose(&manifests, &question("linux/amd64"))
                .expect("amd64")
                .digest,
            "sha256:one"
        );
        assert_eq!(
            choose(&manifests, &question("linux/arm"))
                .expect("arm")
                .digest,
            "sha256:v7"
        );
        let failure = choose(&manifests, &question("linux/s390x")).expect_err("not there");
        assert_eq!(
            failure.what,
            "the image is not for linux/s390x, but for linux/amd64, linux/arm"
        );
    }

    #[test]
    fn a_configuration_of_another_platform_is_no_answer() {
        let config = br#"{"os":"linux","architecture":"arm64","rootfs":{"diff_ids":[]}}"#;
        assert!(ImageConfig::parse(config, &question("linux/arm64")).is_ok());
        assert!(ImageConfig::parse(config, &question("linux/amd64")).is_err());
        assert!(
            ImageConfig::parse(b"{}", &question("linux/amd64")).is_ok(),
            "old builders leave it out"
        );
    }

    #[test]
    fn digests_are_sha256() {
        assert_eq!(
            digest(b""),
            "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
    }
}
