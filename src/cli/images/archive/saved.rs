//! What `docker save` and `podman save` write: a tar archive with `manifest.json`, which names
//! configuration and layers of each image.
//!
//! Where its members lie is read once; after that they are read where they are. There is no
//! manifest as a registry has it, so the image is pinned by the digest of its configuration, which
//! Docker calls the image's ID.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use kubewright_model::kube::images::{Question, normalise};
use serde::Deserialize;
use tar::{Archive, EntryType};

use crate::cli::files::plain;
use crate::cli::images::failure::Failure;
use crate::cli::images::image_source::{Blob, Found, ImageSource, Pin, small};
use crate::cli::images::manifest::digest;

pub(super) struct Saved {
    file: PathBuf,
    /// What came from standard input lies here as long as it is read.
    kept: Option<tempfile::NamedTempFile>,
    members: BTreeMap<String, (u64, u64)>,
    images: Vec<Image>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Image {
    config: String,
    #[serde(default)]
    repo_tags: Option<Vec<String>>,
    layers: Vec<String>,
}

impl Saved {
    /// Reads the archive from standard input, into a file: its members are read out of order.
    pub(super) fn piped() -> Result<Self, String> {
        let mut kept = tempfile::NamedTempFile::new().map_err(|e| plain(&e))?;
        let bytes =
            std::io::copy(&mut std::io::stdin().lock(), &mut kept).map_err(|e| plain(&e))?;
        if bytes == 0 {
            return Err(
                "nothing comes: `docker save IMAGE… | kubewright images lock --from \
                 docker-archive:-`"
                    .into(),
            );
        }
        Self::kept(kept)
    }

    /// An archive in a file that goes with it.
    pub(super) fn kept(file: tempfile::NamedTempFile) -> Result<Self, String> {
        let mut saved = Self::open(file.path())?;
        saved.kept = Some(file);
        Ok(saved)
    }

    /// A member of the archive.
    #[cfg(all(unix, feature = "registry"))]
    pub(super) fn read<'a>(&self, name: &str) -> Result<Box<dyn Read + 'a>, Failure> {
        Ok(Box::new(self.member(name)?))
    }

    pub(super) fn open(path: &Path) -> Result<Self, String> {
        let file = File::open(path).map_err(|e| plain(&e))?;
        let mut archive = Archive::new(file);
        let mut saved = Self {
            file: path.into(),
            kept: None,
            members: BTreeMap::new(),
            images: Vec::new(),
        };
        let mut links = Vec::new();
        let broken = |e: std::io::Error| {
            format!("it is no tar archive ({e}); if it is compressed, decompress it")
        };
        for entry in archive.entries_with_seek().map_err(broken)? {
            let entry = entry.map_err(broken)?;
            let name = String::from_utf8_lossy(&entry.path_bytes())
                .trim_start_matches("./")
                .to_owned();
            match entry.header().entry_type() {
                EntryType::Regular | EntryType::Continuous => {
                    _ = saved
                        .members
                        .insert(name, (entry.raw_file_position(), entry.size()));
                }
                // A layer that two images share is saved once.
                EntryType::Symlink | EntryType::Link => {
                    let target = entry
                        .link_name_bytes()
                        .map(|t| String::from_utf8_lossy(&t).into_owned())
                        .unwrap_or_default();
                    let base = if entry.header().entry_type() == EntryType::Symlink {
                        name.rsplit_once('/').map_or("", |(d, _)| d)
                    } else {
                        ""
                    };
                    let joined = join(base, &target);
                    links.push((name, joined));
                }
                _ => {}
            }
        }
        for (name, target) in links {
            if let Some(place) = saved.members.get(&target).copied() {
                saved.members.insert(name, place);
            }
        }
        let manifest = saved.member("manifest.json").map_err(|_| {
            "it has no manifest.json: `docker save` of Docker 1.10 or later writes one".to_owned()
        })?;
        let bytes = small(manifest, "manifest.json").map_err(|f| f.what)?;
        saved.images = serde_json::from_slice(&bytes).map_err(|e| format!("manifest.json: {e}"))?;
        Ok(saved)
    }

    fn member(&self, name: &str) -> Result<impl Read + use<>, Failure> {
        let missing = |why: &str| {
            Failure::new(
                format!("the archive's member {name} cannot be read: {why}"),
                "save the image again",
            )
        };
        let (at, size) = *self
            .members
            .get(name)
            .ok_or_else(|| missing("it is not there"))?;
        let mut file = File::open(&self.file).map_err(|e| missing(&plain(&e)))?;
        file.seek(SeekFrom::Start(at))
            .map_err(|e| missing(&plain(&e)))?;
        Ok(file.take(size))
    }
}

/// A relative link's target, from the top of the archive.
fn join(base: &str, target: &str) -> String {
    let mut way: Vec<&str> = base.split('/').filter(|s| !s.is_empty()).collect();
    for segment in target.split('/') {
        match segment {
            "" | "." => {}
            ".." => _ = way.pop(),
            segment => way.push(segment),
        }
    }
    way.join("/")
}

impl ImageSource for Saved {
    fn find(&self, question: &Question, pin: Option<&Pin>) -> Result<Option<Found>, Failure> {
        let named = |image: &&Image| {
            image
                .repo_tags
                .iter()
                .flatten()
                .any(|tag| normalise(tag).as_deref() == Some(&question.image))
        };
        let Some(image) = self.images.iter().find(named) else {
            return Ok(None);
        };
        if let Some(pin) = pin.filter(|pin| !pin.of_config) {
            return Err(Failure::new(
                format!(
                    "it is locked as {}, and an archive of Docker does not tell the digest of a \
                     manifest",
                    pin.digest
                ),
                "`kubewright images lock --upgrade` takes what the archive has",
            ));
        }
        let config = small(self.member(&image.config)?, "the configuration")?;
        let blob = |name: &String| Blob {
            size: self.members.get(name).map_or(0, |(_, size)| *size),
            member: name.clone(),
            ..Blob::default()
        };
        Ok(Some(Found {
            pin: Pin {
                digest: digest(&config),
                of_config: true,
            },
            config: blob(&image.config),
            layers: image.layers.iter().map(blob).collect(),
        }))
    }

    fn open<'a>(&'a self, _: &Question, blob: &Blob) -> Result<Box<dyn Read + 'a>, Failure> {
        Ok(Box::new(self.member(&blob.member)?))
    }
}
