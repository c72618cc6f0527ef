//! An OCI image layout: a directory with `index.json` and `blobs/` (OCI image specification, "Image
//! Layout").
//!
//! An image is found by its name, which skopeo, buildkit and containerd write as an annotation of
//! its entry, or by its digest.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use kubewright_model::kube::images::{Question, normalise};

use crate::cli::files::plain;
use crate::cli::images::failure::Failure;
use crate::cli::images::image_source::{Blob, Found, ImageSource, Pin, follow, small};
use crate::cli::images::manifest::{Descriptor, Document, NAMES, choose, digest};
use crate::cli::lockfile::is_digest;

pub(super) struct Layout {
    directory: PathBuf,
    entries: Vec<Descriptor>,
}

impl Layout {
    pub(super) fn open(directory: &Path) -> Result<Self, String> {
        let index = File::open(directory.join("index.json"))
            .map_err(|e| format!("cannot read index.json: {}", plain(&e)))?;
        let bytes = small(index, "index.json").map_err(|f| f.what)?;
        match Document::parse(&bytes) {
            Ok(Document::Index { manifests }) => Ok(Self {
                directory: directory.into(),
                entries: manifests,
            }),
            _ => Err("index.json is no index of an OCI image layout".into()),
        }
    }

    fn blob(&self, digest: &str) -> Result<Option<File>, Failure> {
        let Some(hex) = digest.strip_prefix("sha256:").filter(|_| is_digest(digest)) else {
            return Err(Failure::odd(format!("{digest} is no SHA-256 digest")));
        };
        match File::open(self.directory.join("blobs/sha256").join(hex)) {
            Ok(file) => Ok(Some(file)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Failure::new(
                format!("cannot read {digest}: {}", plain(&error)),
                "check the directory",
            )),
        }
    }

    fn document(&self, digest: &str) -> Result<Vec<u8>, Failure> {
        small(
            self.blob(digest)?.ok_or_else(|| missing(digest))?,
            "a manifest",
        )
    }
}

impl ImageSource for Layout {
    fn find(&self, question: &Question, pin: Option<&Pin>) -> Result<Option<Found>, Failure> {
        if let Some(pin) = pin.filter(|pin| !pin.of_config)
            && let Some(file) = self.blob(&pin.digest)?
        {
            let bytes = small(file, "a manifest")?;
            if digest(&bytes) != pin.digest {
                return Err(Failure::corrupt(format!(
                    "the manifest {} is damaged: its digest is {}",
                    pin.digest,
                    digest(&bytes)
                )));
            }
            return follow(question, bytes, |d| self.document(&d.digest)).map(Some);
        }
        let wanted = question.image.split_once('@').map(|(_, digest)| digest);
        let named = |d: &&Descriptor| match wanted {
            Some(digest) => d.digest == digest,
            None => NAMES
                .iter()
                .filter_map(|name| d.annotations.get(*name))
                .any(|n| normalise(n).as_deref() == Some(&question.image)),
        };
        let named: Vec<Descriptor> = self.entries.iter().filter(named).cloned().collect();
        let entry = match named.as_slice() {
            [] => return Ok(None),
            [one] => one,
            // Some writers list the platforms of an image side by side.
            several => choose(several, question)?,
        };
        let bytes = self.document(&entry.digest)?;
        if digest(&bytes) != entry.digest {
            return Err(Failure::corrupt(format!(
                "the manifest {} is damaged: its digest is {}",
                entry.digest,
                digest(&bytes)
            )));
        }
        follow(question, bytes, |d| self.document(&d.digest)).map(Some)
    }

    fn open<'a>(&'a self, _: &Question, blob: &Blob) -> Result<Box<dyn Read + 'a>, Failure> {
        let digest = blob.digest.as_deref().unwrap_or_default();
        Ok(Box::new(self.blob(digest)?.ok_or_else(|| missing(digest))?))
    }
}

fn missing(digest: &str) -> Failure {
    Failure::new(
        format!("the layout does not have {digest}"),
        "write the whole image into it, for all platforms that are asked for",
    )
}
