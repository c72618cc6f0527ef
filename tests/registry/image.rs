//! Images, built layer by layer.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use ruzstd::encoding::{CompressionLevel, compress_to_vec};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tar::{Builder, EntryType, Header};

/// How a layer is stored.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Stored {
    Gzip,
    Zstd,
    Plain,
}

/// One image for one platform.
pub(crate) struct Image {
    pub(crate) manifest: Vec<u8>,
    pub(crate) config: Vec<u8>,
    /// As they are stored.
    pub(crate) layers: Vec<Vec<u8>>,
    /// As tar archives.
    pub(crate) archives: Vec<Vec<u8>>,
}

pub(crate) fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .fold(String::from("sha256:"), |hex, byte| {
            hex + &format!("{byte:02x}")
        })
}

/// A tar archive. A line an entry: `name`, `name/`, `name -> target`, `name = other`; in front
/// `mode uid ` where that matters, behind ` : text` the content.
pub(crate) fn archive(lines: &[&str]) -> Vec<u8> {
    let mut archive = Builder::new(Vec::new());
    for line in lines {
        let words: Vec<&str> = line.splitn(3, ' ').collect();
        let numbered = match words.as_slice() {
            [mode, uid, rest] => u32::from_str_radix(mode, 8)
                .ok()
                .zip(uid.parse::<u64>().ok())
                .map(|(mode, uid)| (mode, uid, *rest)),
            _ => None,
        };
        let (mode, uid, rest) = numbered.unwrap_or((0o755, 0, line));
        let (rest, content) = rest.split_once(" : ").unwrap_or((rest, ""));
        let (kind, name, link) = match (rest.split_once(" -> "), rest.split_once(" = ")) {
            (Some((name, to)), _) => (EntryType::Symlink, name, to),
            (_, Some((name, to))) => (EntryType::Link, name, to),
            _ if rest.ends_with('/') => (EntryType::Directory, rest, ""),
            _ => (EntryType::Regular, rest, ""),
        };
        let mut header = Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_uid(uid);
        header.set_gid(uid);
        header.set_size(content.len() as u64);
        if !link.is_empty() {
            header.set_link_name(link).expect("short");
        }
        archive
            .append_data(&mut header, name, content.as_bytes())
            .expect("memory");
    }
    archive.into_inner().expect("memory")
}

/// An image for `linux/architecture` of layers from the bottom up; `run` is the `config` of its
/// configuration.
pub(crate) fn image(architecture: &str, run: &Value, layers: &[(Stored, Vec<u8>)]) -> Image {
    let archives: Vec<Vec<u8>> = layers.iter().map(|(_, archive)| archive.clone()).collect();
    let diff_ids: Vec<String> = archives.iter().map(|a| digest(a)).collect();
    let config = json!({ "architecture": architecture, "os": "linux", "config": run, "rootfs": { "type": "layers", "diff_ids": diff_ids } });
    let config = config.to_string().into_bytes();
    let stored: Vec<(&str, Vec<u8>)> = layers
        .iter()
        .map(|(how, archive)| match how {
            Stored::Gzip => {
                let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
                encoder.write_all(archive).expect("memory");
                (
                    "application/vnd.oci.image.layer.v1.tar+gzip",
                    encoder.finish().expect("memory"),
                )
            }
            Stored::Zstd => (
                "application/vnd.oci.image.layer.v1.tar+zstd",
                compress_to_vec(archive.as_slice(), CompressionLevel::Fastest),
            ),
            Stored::Plain => ("application/vnd.oci.image.layer.v1.tar", archive.clone()),
        })
        .collect();
    let named = |kind: &str, bytes: &[u8]| json!({ "mediaType": kind, "digest": digest(bytes), "size": bytes.len() });
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": named("application/vnd.oci.image.config.v1+json", &config),
        "layers": stored.iter().map(|(kind, bytes)| named(kind, bytes)).collect::<Vec<_>>(),
    });
    let layers = stored.into_iter().map(|(_, bytes)| bytes).collect();
    Image {
        manifest: manifest.to_string().into_bytes(),
        config,
        layers,
        archives,
    }
}

pub(crate) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub(crate) const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// An index of images by their `os/architecture`.
pub(crate) fn index(images: &[(&str, &Image)]) -> Vec<u8> {
    let entry = |(platform, image): &(&str, &Image)| {
        let (os, architecture) = platform.split_once('/').expect("os/architecture");
        let platform = json!({ "os": os, "architecture": architecture });
        json!({ "mediaType": MANIFEST, "digest": digest(&image.manifest), "size": image.manifest.len(), "platform": platform })
    };
    let entries: Vec<Value> = images.iter().map(entry).collect();
    json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": entries })
        .to_string()
        .into_bytes()
}

/// The base of most images: a shell and what it needs, in a merged `/usr`.
pub(crate) fn base() -> Vec<u8> {
    archive(&[
        "usr/",
        "usr/bin/",
        "usr/bin/busybox : ELF",
        "usr/bin/sh -> busybox",
        "usr/bin/ln -> /bin/busybox",
        "usr/bin/mkdir = usr/bin/busybox",
        "usr/bin/chmod -> busybox",
        "usr/bin/cp -> busybox",
        "usr/bin/mv -> busybox",
        "usr/bin/rm -> busybox",
        "bin -> usr/bin",
        "etc/",
        "etc/passwd : root:x:0:0:root:/root:/bin/sh\nweb:x:101:101::/:/bin/false\n",
        "etc/group : root:x:0:\nweb:x:101:\n",
        "run/",
        "var/",
        "var/run -> /run",
        "1777 0 tmp/",
    ])
}
