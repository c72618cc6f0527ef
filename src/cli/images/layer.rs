//! One layer, read as a stream: decompressed, its digests checked, its entries named. Nothing is
//! written anywhere.

use std::cell::RefCell;
use std::io::{self, BufReader, Cursor, Read};
use std::rc::Rc;

use flate2::bufread::MultiGzDecoder;
use sha2::{Digest as _, Sha256};
use tar::{Archive, EntryType, PaxExtensions};

use super::failure::Failure;
use super::filesystem::{LayerEntry, Meta};
use super::manifest::hex;
use super::zstd::Frames;

/// The most bytes of what a header says in an entry of its own: long names, PAX records.
const MAX_HEADER: u64 = 1 << 20;
/// The most bytes of a path: `PATH_MAX` of Linux.
const MAX_PATH: usize = 4096;
/// The most bytes of a file whose content is kept.
const MAX_CONTENT: u64 = 1 << 20;
/// The most bytes of a script whose content is kept: longer ones are programs.
const MAX_SCRIPT: u64 = 128 << 10;
/// How many times its compressed size a layer may have.
const MAX_RATIO: u64 = 32;
/// Files whose content is kept beside scripts: they name the users and groups.
const KEPT: [&[&str]; 2] = [&["etc", "passwd"], &["etc", "group"]];

/// What is promised of a layer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Promise<'a> {
    /// Digest of the layer as it is stored; absent where nothing says it.
    pub(super) digest: Option<&'a str>,
    /// Digest of the layer when decompressed.
    pub(super) diff_id: &'a str,
    /// The most bytes of it as it is stored.
    pub(super) limit: u64,
}

/// Reads a layer to its end and hands over its entries.
///
/// # Errors
/// When it cannot be read, is not what was promised, or is over a limit.
pub(super) fn read(
    stored: impl Read,
    promise: Promise<'_>,
    mut each: impl FnMut(Vec<String>, LayerEntry) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let trouble = Trouble::default();
    let too_large = |what: &str, limit: u64| {
        let limit = limit >> 20;
        Failure::new(
            format!("a layer has more than {limit} MiB{what}"),
            "`kubewright images lock --max-layer-size MIB` reads larger ones",
        )
    };
    let stored = Rc::new(RefCell::new(Checked::new(
        stored,
        promise.limit,
        too_large("", promise.limit),
        trouble.clone(),
    )));
    let unpacked_limit = promise.limit.saturating_mul(MAX_RATIO);
    let decoded = decoder(BufReader::with_capacity(1 << 16, Shared(stored.clone())))
        .map_err(|e| trouble.take(&e));
    let result = decoded.and_then(|decoded| {
        let mut unpacked = Checked::new(
            decoded,
            unpacked_limit,
            too_large(" when decompressed", unpacked_limit),
            trouble.clone(),
        );
        entries(&mut unpacked, &trouble, &mut each)?;
        io::copy(&mut unpacked, &mut io::sink()).map_err(|e| trouble.take(&e))?;
        Ok(unpacked.digest())
    });
    // A layer that cannot be read to its end may be damaged: its digest tells.
    if let Some(digest) = promise.digest
        && !trouble.is_set()
    {
        io::copy(&mut *stored.borrow_mut(), &mut io::sink()).map_err(|e| trouble.take(&e))?;
        let there = stored.borrow().digest();
        if there != digest {
            return Err(Failure::corrupt(format!(
                "the layer {digest} is damaged: its digest is {there}"
            )));
        }
    }
    let there = result?;
    if there != promise.diff_id {
        return Err(Failure::corrupt(format!(
            "a layer is not the one that the configuration names: {there}, not {}",
            promise.diff_id
        )));
    }
    Ok(())
}

/// What went wrong in the depth of the readers, which may say something more general.
#[derive(Debug, Clone, Default)]
struct Trouble(Rc<RefCell<Option<Failure>>>);

impl Trouble {
    fn is_set(&self) -> bool {
        self.0.borrow().is_some()
    }

    fn set(&self, failure: &Failure) {
        self.0.borrow_mut().get_or_insert_with(|| failure.clone());
    }

    fn take(&self, error: &io::Error) -> Failure {
        let deeper = self.0.borrow().clone();
        deeper.unwrap_or_else(|| Failure::corrupt(format!("a layer cannot be read: {error}")))
    }
}

/// Counts, hashes, and stops at a limit.
struct Checked<R> {
    inner: R,
    hash: Sha256,
    left: u64,
    over: Failure,
    trouble: Trouble,
}

impl<R: Read> Checked<R> {
    fn new(inner: R, limit: u64, over: Failure, trouble: Trouble) -> Self {
        Self {
            inner,
            hash: Sha256::new(),
            left: limit,
            over,
            trouble,
        }
    }

    fn digest(&self) -> String {
        hex(&self.hash.clone().finalize())
    }
}

impl<R: Read> Read for Checked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer).inspect_err(|e| {
            if let Some(failure) = e.get_ref().and_then(|inner| inner.downcast_ref()) {
                self.trouble.set(failure);
            }
        })?;
        let Some(left) = self.left.checked_sub(read as u64) else {
            self.trouble.set(&self.over);
            return Err(self.over.clone().into());
        };
        self.left = left;
        self.hash.update(buffer.get(..read).unwrap_or_default());
        Ok(read)
    }
}

/// A reader that two hold: the decoder, and who reads what the decoder leaves.
struct Shared<R>(Rc<RefCell<R>>);

impl<R: Read> Read for Shared<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.borrow_mut().read(buffer)
    }
}

/// The layer decompressed; what it is compressed with is told by its first bytes, as media types
/// are not always true.
fn decoder<'a>(mut stored: impl Read + 'a) -> io::Result<Box<dyn Read + 'a>> {
    let mut magic = Vec::new();
    stored.by_ref().take(4).read_to_end(&mut magic)?;
    let kind: [u8; 4] = magic.as_slice().try_into().unwrap_or_default();
    let all = Cursor::new(magic).chain(stored);
    Ok(match kind {
        [0x1f, 0x8b, ..] => Box::new(MultiGzDecoder::new(BufReader::new(all))),
        [0x28, 0xb5, 0x2f, 0xfd] | [0x50..=0x5f, 0x2a, 0x4d, 0x18] => Box::new(Frames::new(all)),
        _ => Box::new(all),
    })
}

/// Hands over the entries of a tar archive. Names and PAX records are read here, with a limit, and
/// not by the library, which has none.
fn entries(
    archive: &mut impl Read,
    trouble: &Trouble,
    each: &mut impl FnMut(Vec<String>, LayerEntry) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let broken = |e: io::Error| trouble.take(&e);
    let mut archive = Archive::new(archive);
    let mut said = Said::default();
    for entry in archive.entries().map_err(broken)?.raw(true) {
        let mut entry = entry.map_err(broken)?;
        match entry.header().entry_type() {
            EntryType::GNULongName => {
                said.name = Some(nul_terminated(&content(&mut entry, MAX_HEADER, trouble)?));
            }
            EntryType::GNULongLink => {
                said.link = Some(nul_terminated(&content(&mut entry, MAX_HEADER, trouble)?));
            }
            EntryType::XHeader => said.records(&content(&mut entry, MAX_HEADER, trouble)?)?,
            EntryType::XGlobalHeader => {}
            EntryType::GNUSparse => {
                return Err(Failure::odd(
                    "a layer has sparse files of GNU tar, which are not read",
                ));
            }
            _ => {
                let (path, found) = std::mem::take(&mut said).entry(&mut entry, trouble)?;
                each(path, found)?;
            }
        }
    }
    Ok(())
}

/// The content of an entry, which is to be small.
fn content<R: Read>(
    entry: &mut tar::Entry<'_, R>,
    limit: u64,
    trouble: &Trouble,
) -> Result<Vec<u8>, Failure> {
    let size = entry.size();
    if size > limit {
        return Err(Failure::corrupt(format!(
            "a layer has a header of {size} bytes, more than are read"
        )));
    }
    let mut content = Vec::new();
    entry
        .take(limit)
        .read_to_end(&mut content)
        .map_err(|e| trouble.take(&e))?;
    if content.len() as u64 != size {
        return Err(Failure::corrupt("a layer ends in the middle of an entry"));
    }
    Ok(content)
}

/// What entries before an entry say about it: long names, and the PAX records that matter.
#[derive(Debug, Default)]
struct Said {
    name: Option<String>,
    link: Option<String>,
    size: Option<u64>,
    uid: Option<u64>,
    gid: Option<u64>,
}

impl Said {
    fn records(&mut self, records: &[u8]) -> Result<(), Failure> {
        for record in PaxExtensions::new(records) {
            let record = record
                .map_err(|_| Failure::corrupt("a layer has PAX records that cannot be read"))?;
            let text = lossy(record.value_bytes());
            match record.key_bytes() {
                b"path" | b"GNU.sparse.name" => self.name = Some(text),
                b"linkpath" => self.link = Some(text),
                b"size" => self.size = text.parse().ok(),
                b"uid" => self.uid = text.parse().ok(),
                b"gid" => self.gid = text.parse().ok(),
                _ => {}
            }
        }
        Ok(())
    }

    fn entry<R: Read>(
        self,
        entry: &mut tar::Entry<'_, R>,
        trouble: &Trouble,
    ) -> Result<(Vec<String>, LayerEntry), Failure> {
        let header = entry.header();
        if self
            .size
            .is_some_and(|size| header.entry_size().ok() != Some(size))
        {
            return Err(Failure::odd(
                "a layer has a file of more than 8 GiB, which is not read",
            ));
        }
        let name = self.name.unwrap_or_else(|| lossy(&header.path_bytes()));
        let link = self
            .link
            .or_else(|| header.link_name_bytes().map(|link| lossy(&link)))
            .unwrap_or_default();
        let id = |said: Option<u64>, field: io::Result<u64>| {
            said.or(field.ok()).and_then(|id| u32::try_from(id).ok())
        };
        let meta = match (
            header.mode(),
            id(self.uid, header.uid()),
            id(self.gid, header.gid()),
        ) {
            (Ok(mode), Some(uid), Some(gid)) => Meta {
                mode: mode & 0o7777,
                uid,
                gid,
            },
            _ => {
                return Err(Failure::corrupt(format!(
                    "a layer has an entry without mode or owner: {name}"
                )));
            }
        };
        let path = components(&name)?;
        let found = match header.entry_type() {
            EntryType::Directory => LayerEntry::Directory(meta),
            EntryType::Symlink => LayerEntry::Symlink(meta, link),
            EntryType::Link => LayerEntry::Hardlink(components(&link)?),
            // The first tar had no type for directories.
            EntryType::Regular if name.ends_with('/') => LayerEntry::Directory(meta),
            _ if entry.size() <= MAX_CONTENT && KEPT.iter().any(|kept| path == *kept) => {
                LayerEntry::File(meta, Some(content(entry, MAX_CONTENT, trouble)?))
            }
            // What cannot be executed may be sourced, where its name says what it is.
            _ if entry.size() <= MAX_SCRIPT
                && (meta.mode & 0o111 != 0 || is_script_name(&name)) =>
            {
                let content = content(entry, MAX_SCRIPT, trouble)?;
                LayerEntry::File(
                    meta,
                    (content.starts_with(b"#!") || is_script_name(&name)).then_some(content),
                )
            }
            _ => LayerEntry::File(meta, None),
        };
        Ok((path, found))
    }
}

/// Whether a name says that a file is a shell script, executable or not.
pub(super) fn is_script_name(name: &str) -> bool {
    [".sh", ".bash", ".envsh", ".ash"]
        .iter()
        .any(|extension| name.ends_with(extension))
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A long name, which ends with a NUL.
fn nul_terminated(bytes: &[u8]) -> String {
    lossy(bytes.strip_suffix(b"\0").unwrap_or(bytes))
}

/// The segments of a path of an archive, which is taken from the root; `..` goes up, and never
/// above it.
///
/// # Errors
/// When it leaves the image, or is longer than a path can be.
fn components(name: &str) -> Result<Vec<String>, Failure> {
    if name.len() > MAX_PATH {
        return Err(Failure::corrupt(format!(
            "a layer has a path of more than {MAX_PATH} bytes"
        )));
    }
    let mut path: Vec<String> = Vec::new();
    for segment in name.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(path.pop().ok_or_else(|| {
                Failure::corrupt(format!("a layer has an entry outside of the image: {name}"))
            })?),
            segment => path.push(segment.to_owned()),
        }
    }
    Ok(path)
}

#[cfg(test)]
#[path = "layer_tests.rs"]
mod tests;
