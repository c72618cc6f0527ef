//! What registries have given before, by digest, so that another run need not load it again: below
//! `XDG_CACHE_HOME`, or `~/.cache`.
//!
//! A digest names its content, so nothing in it grows old, and nothing is believed: what is taken
//! out of it is checked as it is when it comes over the network. It may be deleted at any time. A
//! run that was interrupted, however that came, goes on with the layer that it had not finished, from
//! the byte on where it was.

use std::fs::{self, File};
use std::io::{self, BufReader, Read, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use kubewright_model::kube::images::Question;
use sha2::{Digest as _, Sha256};

use super::failure::Failure;
use super::image_source::{Blob, Found, ImageSource, Pin};
use super::manifest::hex;
use crate::cli::lockfile::is_digest;

/// Parts of images, by digest.
#[derive(Debug)]
pub(super) struct Cache {
    directory: PathBuf,
    /// Bytes that it may have when a run is over.
    limit: u64,
}

impl Cache {
    /// The cache of the user, of at most so many bytes; `None` where there is no place for one, or
    /// none is wanted.
    pub(super) fn of_user(limit: u64) -> Option<Self> {
        let given = |name: &str| {
            std::env::var_os(name)
                .map(PathBuf::from)
                .filter(|path| path.is_absolute())
        };
        let home = || {
            Some(
                given("HOME")
                    .or_else(|| given("LOCALAPPDATA"))?
                    .join(".cache"),
            )
        };
        let directory = given("XDG_CACHE_HOME").or_else(home)?;
        let directory = directory.join("kubewright").join("blobs");
        (limit > 0).then_some(Self { directory, limit })
    }

    /// A blob that is there, and is what its digest says.
    fn get(&self, digest: &str) -> Option<File> {
        let path = self.path(digest)?;
        let mut hasher = Sha256::new();
        let mut reader = BufReader::new(File::open(&path).ok()?);
        let mut buffer = [0; 1 << 14];
        loop {
            match reader.read(&mut buffer).ok()? {
                0 => break,
                read => hasher.update(buffer.get(..read)?),
            }
        }
        if hex(&hasher.finalize()) != digest {
            // Damaged on the disk: it is loaded again.
            let _ = fs::remove_file(&path);
            return None;
        }
        let file = File::open(&path).ok()?;
        // What was used last goes last.
        let _ = file.set_modified(now());
        Some(file)
    }

    fn path(&self, digest: &str) -> Option<PathBuf> {
        let hex = digest
            .strip_prefix("sha256:")
            .filter(|_| is_digest(digest))?;
        Some(self.directory.join(hex))
    }

    /// A file that becomes a blob when it is complete, with what is there of it; `None` where
    /// another run writes it, or nothing can be written.
    fn begin(&self, digest: &str) -> Option<Begun> {
        let path = self.path(digest)?;
        private(&self.directory).ok()?;
        let part = path.with_extension("part");
        let mut options = File::options();
        let options = options.read(true).write(true).create(true).truncate(false);
        let mut file = options.open(&part).ok()?;
        file.try_lock().ok()?;
        let mut hasher = Sha256::new();
        let mut buffer = [0; 1 << 14];
        let mut length = 0;
        loop {
            match file.read(&mut buffer).ok()? {
                0 => break,
                read => {
                    hasher.update(buffer.get(..read)?);
                    length += read as u64;
                }
            }
        }
        Some(Begun {
            file,
            part,
            path,
            hasher,
            length,
            digest: digest.to_owned(),
        })
    }

    /// Deletes what was not used for the longest time, until the limit is kept.
    pub(super) fn trim(&self) {
        let entries = fs::read_dir(&self.directory).into_iter().flatten();
        let mut files: Vec<(SystemTime, u64, PathBuf)> = entries
            .filter_map(|entry| {
                let entry = entry.ok()?;
                let metadata = entry.metadata().ok().filter(fs::Metadata::is_file)?;
                Some((metadata.modified().ok()?, metadata.len(), entry.path()))
            })
            .collect();
        files.sort();
        let mut size: u64 = files.iter().map(|(_, size, _)| size).sum();
        for (_, bytes, path) in files {
            if size <= self.limit {
                break;
            }
            if fs::remove_file(path).is_ok() {
                size -= bytes;
            }
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the command line says when a blob was used last"
)]
fn now() -> SystemTime {
    SystemTime::now()
}

/// Makes a directory that only the user may enter.
fn private(directory: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(directory)
}

/// A source, with the cache before it.
pub(super) struct Cached<'a> {
    inner: &'a dyn ImageSource,
    cache: Option<&'a Cache>,
}

impl<'a> Cached<'a> {
    pub(super) fn new(inner: &'a dyn ImageSource, cache: Option<&'a Cache>) -> Self {
        Self { inner, cache }
    }
}

impl ImageSource for Cached<'_> {
    fn find(&self, question: &Question, pin: Option<&Pin>) -> Result<Option<Found>, Failure> {
        self.inner.find(question, pin)
    }

    fn open<'a>(&'a self, question: &Question, blob: &Blob) -> Result<Box<dyn Read + 'a>, Failure> {
        let (Some(cache), Some(digest)) = (self.cache, blob.digest.as_deref()) else {
            return self.inner.open(question, blob);
        };
        if let Some(file) = cache.get(digest) {
            return Ok(Box::new(file));
        }
        // Where nothing can be kept, the image is read all the same.
        let Some(mut begun) = cache.begin(digest) else {
            return self.inner.open(question, blob);
        };
        if begun.is_complete() {
            begun.finish();
            return match cache.get(digest) {
                Some(file) => Ok(Box::new(file)),
                None => self.inner.open(question, blob),
            };
        }
        let offset = begun.length;
        let there = (offset > 0).then(|| File::open(&begun.part).ok()).flatten();
        if let Some(there) = there
            && let Ok(Some(stream)) = self.inner.open_from(question, blob, offset)
        {
            let rest = Copying {
                stream,
                begun: Some(begun),
            };
            return Ok(Box::new(there.take(offset).chain(rest)));
        }
        let stream = self.inner.open(question, blob)?;
        Ok(Box::new(Copying {
            stream,
            begun: begun.anew().is_ok().then_some(begun),
        }))
    }
}

/// A blob on its way into the cache. What is there of it stays when the way breaks off.
struct Begun {
    file: File,
    part: PathBuf,
    path: PathBuf,
    hasher: Sha256,
    length: u64,
    digest: String,
}

impl Begun {
    fn is_complete(&self) -> bool {
        hex(&self.hasher.clone().finalize()) == self.digest
    }

    /// Begins from the first byte.
    fn anew(&mut self) -> io::Result<()> {
        self.file.set_len(0)?;
        self.file.seek(SeekFrom::Start(0))?;
        self.hasher = Sha256::new();
        self.length = 0;
        Ok(())
    }

    fn add(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hasher.update(bytes);
        self.file.write_all(bytes)
    }

    fn give_up(self) {
        let _ = fs::remove_file(self.part);
    }

    /// Puts it in its place, if it is what its digest says.
    fn finish(self) {
        if self.is_complete() {
            let _ = fs::rename(&self.part, &self.path);
        } else {
            self.give_up();
        }
    }
}

/// A reader whose bytes are kept until it is at its end.
struct Copying<'a> {
    stream: Box<dyn Read + 'a>,
    begun: Option<Begun>,
}

impl Read for Copying<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.stream.read(buffer)?;
        if read == 0 && !buffer.is_empty() {
            if let Some(begun) = self.begun.take() {
                begun.finish();
            }
        } else if let Some(begun) = &mut self.begun
            && begun.add(buffer.get(..read).unwrap_or_default()).is_err()
        {
            // The disk is full.
            if let Some(begun) = self.begun.take() {
                begun.give_up();
            }
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    fn digest_of(bytes: &[u8]) -> String {
        hex(&Sha256::digest(bytes))
    }

    fn put(cache: &Cache, bytes: &[u8]) -> String {
        let digest = digest_of(bytes);
        let begun = cache.begin(&digest).expect("a file");
        let mut copying = Copying {
            stream: Box::new(bytes),
            begun: Some(begun),
        };
        io::copy(&mut copying, &mut io::sink()).expect("memory");
        digest
    }

    fn cache(limit: u64) -> (tempfile::TempDir, Cache) {
        let home = tempfile::tempdir().expect("a directory");
        let directory = home.path().join("blobs");
        (home, Cache { directory, limit })
    }

    #[test]
    fn what_was_read_whole_is_there_again() {
        let (_home, cache) = cache(1 << 20);
        let digest = put(&cache, b"layer");
        let mut text = String::new();
        let mut file = cache.get(&digest).expect("it is kept");
        file.read_to_string(&mut text).expect("text");
        assert_eq!(text, "layer");
        assert!(cache.get(&digest_of(b"other")).is_none());
        assert!(cache.path("sha256:../../etc/passwd").is_none());
    }

    #[test]
    fn what_is_damaged_or_cut_off_is_not() {
        let (_home, cache) = cache(1 << 20);
        let digest = put(&cache, b"layer");
        let path = cache.path(&digest).expect("a digest");
        let mut file = File::create(&path).expect("a file");
        file.write_all(b"damage").expect("a file");
        assert!(cache.get(&digest).is_none() && !path.exists());
        let begun = cache.begin(&digest).expect("a file");
        let mut copying = Copying {
            stream: Box::new(&b"layer"[..]),
            begun: Some(begun),
        };
        let mut part = [0; 2];
        assert_eq!(copying.read(&mut part).expect("memory"), 2);
        drop(copying);
        assert!(cache.get(&digest).is_none());
        // It goes on from there.
        let source = Resumed(RefCell::default());
        let cached = Cached::new(&source, Some(&cache));
        assert_eq!(read(&cached, &digest), "layer");
        assert_eq!(*source.0.borrow(), [2]);
        // And is there then.
        assert_eq!(read(&cached, &digest), "layer");
        assert_eq!(*source.0.borrow(), [2]);
    }

    #[test]
    fn what_is_begun_is_not_believed() {
        let (_home, cache) = cache(1 << 20);
        let digest = digest_of(b"layer");
        let mut begun = cache.begin(&digest).expect("a file");
        begun.add(b"xx").expect("a file");
        assert!(cache.begin(&digest).is_none(), "one at a time");
        drop(begun);
        let source = Resumed(RefCell::default());
        let cached = Cached::new(&source, Some(&cache));
        assert_eq!(read(&cached, &digest), "xxyer");
        assert!(cache.get(&digest).is_none());
        assert_eq!(read(&cached, &digest), "layer");
        assert_eq!(*source.0.borrow(), [2, 0]);
    }

    /// What has `layer`, and the offsets from which it was asked.
    struct Resumed(RefCell<Vec<u64>>);

    impl ImageSource for Resumed {
        fn find(&self, _: &Question, _: Option<&Pin>) -> Result<Option<Found>, Failure> {
            Ok(None)
        }

        fn open<'a>(&'a self, _: &Question, _: &Blob) -> Result<Box<dyn Read + 'a>, Failure> {
            self.0.borrow_mut().push(0);
            Ok(Box::new(&b"layer"[..]))
        }

        fn open_from<'a>(
            &'a self,
            _: &Question,
            _: &Blob,
            offset: u64,
        ) -> Result<Option<Box<dyn Read + 'a>>, Failure> {
            self.0.borrow_mut().push(offset);
            let left = usize::try_from(offset)
                .ok()
                .and_then(|at| b"layer".get(at..));
            Ok(Some(Box::new(left.unwrap_or_default())))
        }
    }

    fn read(cached: &Cached<'_>, digest: &str) -> String {
        let question = Question {
            image: "a".into(),
            platform: "linux/amd64".into(),
            paths: std::collections::BTreeSet::new(),
        };
        let blob = Blob {
            digest: Some(digest.to_owned()),
            ..Blob::default()
        };
        let mut text = String::new();
        let mut reader = cached.open(&question, &blob).expect("a reader");
        reader.read_to_string(&mut text).expect("text");
        text
    }

    #[test]
    fn the_limit_is_kept() {
        let (_home, cache) = cache(10);
        let old = put(&cache, b"123456");
        let path = cache.path(&old).expect("a digest");
        let file = File::options().append(true).open(path).expect("a file");
        file.set_modified(SystemTime::UNIX_EPOCH).expect("a time");
        let new = put(&cache, b"654321");
        cache.trim();
        assert!(cache.get(&old).is_none() && cache.get(&new).is_some());
    }
}
