//! Reading one image, wherever it comes from: the layers from the top down, until everything asked
//! is answered.

use std::io::Read;

use kubewright_model::kube::images::Question;

use super::facts::answer;
use super::failure::Failure;
use super::filesystem::Filesystem;
use super::layer::{self, Promise};
use super::manifest::{Descriptor, Document, ImageConfig, MAX_DOCUMENT, choose, digest};
use crate::cli::lockfile::{Locked, is_digest};
use crate::cli::progress::Bar;

/// How deep indexes may lie in one another.
const MAX_INDEXES: usize = 4;

/// What makes an image this one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pin {
    pub(super) digest: String,
    /// The digest is that of the configuration, not of the manifest.
    pub(super) of_config: bool,
}

/// An image for one platform.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) pin: Pin,
    pub(super) config: Blob,
    /// From the bottom up.
    pub(super) layers: Vec<Blob>,
}

/// A part of an image.
#[derive(Debug, Clone, Default)]
pub(super) struct Blob {
    /// Absent where nothing says it.
    pub(super) digest: Option<String>,
    /// Bytes.
    pub(super) size: u64,
    pub(super) media_type: String,
    /// Name in an archive.
    pub(super) member: String,
}

/// Where images come from.
pub(super) trait ImageSource {
    /// The image that is asked about, the pinned one if one is pinned; `None` when it is not there
    /// and another source may have it.
    ///
    /// # Errors
    /// Why it cannot be read.
    fn find(&self, question: &Question, pin: Option<&Pin>) -> Result<Option<Found>, Failure>;

    /// Opens a part of the image.
    ///
    /// # Errors
    /// Why it cannot be read.
    fn open<'a>(&'a self, question: &Question, blob: &Blob) -> Result<Box<dyn Read + 'a>, Failure>;

    /// Opens a part of the image from an offset on; `None` where that cannot be had.
    ///
    /// # Errors
    /// Why it cannot be read.
    #[cfg(feature = "registry")]
    fn open_from<'a>(
        &'a self,
        _question: &Question,
        _blob: &Blob,
        _offset: u64,
    ) -> Result<Option<Box<dyn Read + 'a>>, Failure> {
        Ok(None)
    }
}

/// What was read of an image.
#[derive(Debug)]
pub(super) struct ImageRead {
    pub(super) locked: Locked,
    pub(super) layers_read: usize,
    pub(super) layers: usize,
}

/// Answers a question; `bar` shows what is being read, `limit` is the most bytes of a layer as it
/// is stored.
///
/// # Errors
/// Why the image cannot be read.
pub(super) fn read(
    source: &dyn ImageSource,
    found: &Found,
    question: &Question,
    limit: u64,
    bar: &Bar,
) -> Result<ImageRead, Failure> {
    if !question.platform.starts_with("linux/") {
        return Err(Failure::new(
            "only images for Linux are read",
            "nothing of such an image decides a finding",
        ));
    }
    let bytes = small(source.open(question, &found.config)?, "the configuration")?;
    if let Some(promised) = &found.config.digest
        && *promised != digest(&bytes)
    {
        return Err(Failure::corrupt(format!(
            "the configuration {promised} is damaged: its digest is {}",
            digest(&bytes)
        )));
    }
    let config = ImageConfig::parse(&bytes, question)?;
    let diff_ids = config
        .rootfs
        .as_ref()
        .map(|r| r.diff_ids.as_slice())
        .unwrap_or_default();
    if diff_ids.len() != found.layers.len() {
        let (said, there) = (diff_ids.len(), found.layers.len());
        return Err(Failure::odd(format!(
            "its configuration names {said} layers and its manifest {there}: it is no container \
             image"
        )));
    }
    let run = config.config.clone().unwrap_or_default();
    let layers = found.layers.len();
    let mut tree = Filesystem::new();
    if layers == 0 {
        tree.end_layer(true)?;
    }
    for (read, (blob, diff_id)) in found.layers.iter().zip(diff_ids).rev().enumerate() {
        let what = format!("{}: layer {} of {layers}", question.image, layers - read);
        let odd = ["encrypted", "foreign", "nondistributable"]
            .iter()
            .find(|word| blob.media_type.contains(**word));
        if let Some(odd) = odd {
            return Err(Failure::odd(format!("it has a layer that is {odd}")));
        }
        if blob.size > limit {
            let (size, limit) = (blob.size, limit >> 20);
            return Err(Failure::new(
                format!("a layer has {size} bytes, more than the {limit} MiB that are read"),
                "`kubewright images lock --max-layer-size MIB` reads larger ones",
            ));
        }
        let promise = Promise {
            digest: blob.digest.as_deref(),
            diff_id,
            limit,
        };
        let part = bar.part(what, blob.size);
        let stored = part.of(source.open(question, blob)?);
        layer::read(stored, promise, |path, entry| tree.add(path, entry))?;
        drop(part);
        tree.end_layer(read + 1 == layers)?;
        if let Some(locked) = answer(&tree, &run, question)? {
            return Ok(image_read(locked, found, read + 1));
        }
    }
    // An image without layers; with layers, the last one has decided everything.
    match answer(&tree, &run, question)? {
        Some(locked) => Ok(image_read(locked, found, layers)),
        None => Err(Failure::odd(
            "its layers do not say everything that is asked",
        )),
    }
}

fn image_read(locked: Locked, found: &Found, layers_read: usize) -> ImageRead {
    let Pin { digest, of_config } = found.pin.clone();
    ImageRead {
        locked: Locked {
            digest,
            of_config,
            ..locked
        },
        layers_read,
        layers: found.layers.len(),
    }
}

/// Finds the manifest for the platform of the question, starting from a document and following
/// indexes; `fetch` reads one by its digest.
///
/// # Errors
/// Why it cannot be read, or is not there.
pub(super) fn follow(
    question: &Question,
    first: Vec<u8>,
    mut fetch: impl FnMut(&Descriptor) -> Result<Vec<u8>, Failure>,
) -> Result<Found, Failure> {
    let mut bytes = first;
    for _ in 0..MAX_INDEXES {
        match Document::parse(&bytes)? {
            Document::Index { manifests } => {
                let chosen = choose(&manifests, question)?;
                if !is_digest(&chosen.digest) {
                    return Err(Failure::odd(format!(
                        "its index names a manifest by {}, which is no SHA-256 digest",
                        chosen.digest
                    )));
                }
                let next = fetch(chosen)?;
                let there = digest(&next);
                if there != chosen.digest {
                    return Err(Failure::corrupt(format!(
                        "the manifest {} is damaged: its digest is {there}",
                        chosen.digest
                    )));
                }
                bytes = next;
            }
            Document::Manifest { config, layers } => {
                let pin = Pin {
                    digest: digest(&bytes),
                    of_config: false,
                };
                if let Some(odd) = layers
                    .iter()
                    .chain([&config])
                    .find(|d| !is_digest(&d.digest))
                {
                    return Err(Failure::odd(format!(
                        "its manifest names a part by {}, which is no SHA-256 digest",
                        odd.digest
                    )));
                }
                return Ok(Found {
                    pin,
                    config: blob(config),
                    layers: layers.into_iter().map(blob).collect(),
                });
            }
        }
    }
    Err(Failure::odd("its indexes lead to indexes without end"))
}

fn blob(descriptor: Descriptor) -> Blob {
    let Descriptor {
        media_type,
        digest,
        size,
        ..
    } = descriptor;
    Blob {
        digest: Some(digest),
        size,
        media_type,
        member: String::new(),
    }
}

/// Reads a small document whole.
///
/// # Errors
/// When it cannot be read, or is no small one.
pub(super) fn small(reader: impl Read, what: &str) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    reader
        .take(MAX_DOCUMENT + 1)
        .read_to_end(&mut bytes)
        .map_err(
            |error| match error.get_ref().and_then(|e| e.downcast_ref::<Failure>()) {
                Some(failure) => failure.clone(),
                None => Failure::corrupt(format!(
                    "{what} cannot be read: {}",
                    crate::cli::files::plain(&error)
                )),
            },
        )?;
    if bytes.len() as u64 > MAX_DOCUMENT {
        return Err(Failure::odd(format!(
            "{what} has more than {} MiB",
            MAX_DOCUMENT >> 20
        )));
    }
    Ok(bytes)
}
