//! A registry of this machine's own, and a server that answers what a test tells it to.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use libtest_mimic::Failed;

use super::image::{INDEX, Image, MANIFEST, digest};

/// `docker-registry`, on a free port of the loopback interface; it ends with this value.
pub(crate) struct Served {
    child: Child,
    pub(crate) port: u16,
    directory: tempfile::TempDir,
    /// `user:password`, for pushing.
    login: Option<&'static str>,
}

/// A user and a password with its hash; a test vector of bcrypt.
pub(crate) const LOGIN: &str = "web:U*U";
const HTPASSWD: &str = "web:$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW\n";

impl Served {
    pub(crate) fn start() -> Result<Self, Failed> {
        Self::configured("", None)
    }

    /// One that wants [`LOGIN`].
    pub(crate) fn with_login() -> Result<Self, Failed> {
        let auth = "auth: {htpasswd: {realm: test, path: DIR/htpasswd}}\n";
        Self::configured(auth, Some(LOGIN))
    }

    /// One more on the same images, which speaks HTTPS.
    pub(crate) fn over_tls(&self, certificate: &str, key: &str) -> Result<Self, Failed> {
        let data = self.directory.path().display();
        Self::serve(
            &format!("{data}/data"),
            &format!("tls: {{certificate: {certificate}, key: {key}}}, "),
            "",
            None,
        )
    }

    fn configured(more: &str, login: Option<&'static str>) -> Result<Self, Failed> {
        Self::serve("DIR/data", "", more, login)
    }

    fn serve(
        data: &str,
        http: &str,
        more: &str,
        login: Option<&'static str>,
    ) -> Result<Self, Failed> {
        let directory = tempfile::tempdir()?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let dir = directory.path().display().to_string();
        let config = format!(
            "version: 0.1\nlog: {{level: error, accesslog: {{disabled: true}}}}\nstorage: \
             {{filesystem: {{rootdirectory: {data}}}}}\nhttp: {{{http}addr: \
             '127.0.0.1:{port}'}}\n{more}"
        )
        .replace("DIR", &dir);
        fs::write(directory.path().join("config.yml"), config)?;
        fs::write(directory.path().join("htpasswd"), HTPASSWD)?;
        let child = Command::new("docker-registry")
            .arg("serve")
            .arg(directory.path().join("config.yml"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let served = Self {
            child,
            port,
            directory,
            login,
        };
        for _ in 0..200 {
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return Ok(served);
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Err("docker-registry does not start".into())
    }

    /// `127.0.0.1:port/path`
    pub(crate) fn name(&self, path: &str) -> String {
        format!("127.0.0.1:{}/{path}", self.port)
    }

    /// Pushes an image by a tag; its digest.
    pub(crate) fn push(
        &self,
        repository: &str,
        tag: &str,
        image: &Image,
    ) -> Result<String, Failed> {
        self.parts(repository, image)?;
        self.document(repository, tag, MANIFEST, &image.manifest)
    }

    /// Pushes an index and its images by a tag; its digest.
    pub(crate) fn push_index(
        &self,
        repository: &str,
        tag: &str,
        index: &[u8],
        images: &[&Image],
    ) -> Result<String, Failed> {
        for image in images {
            self.push(repository, &digest(&image.manifest), image)?;
        }
        self.document(repository, tag, INDEX, index)
    }

    fn parts(&self, repository: &str, image: &Image) -> Result<(), Failed> {
        for blob in image.layers.iter().chain([&image.config]) {
            let (status, headers) =
                self.ask("POST", &format!("/v2/{repository}/blobs/uploads/"), "", b"")?;
            let location = headers
                .lines()
                .find_map(|l| l.strip_prefix("Location: "))
                .ok_or(format!("{status}: no location"))?;
            let path = location
                .trim()
                .split_once(&format!(":{}", self.port))
                .map_or(location, |(_, path)| path)
                .trim();
            let digest = digest(blob);
            let between = if path.contains('?') { '&' } else { '?' };
            let (status, text) = self.ask(
                "PUT",
                &format!("{path}{between}digest={digest}"),
                "application/octet-stream",
                blob,
            )?;
            if status != 201 {
                return Err(format!("a blob is not taken: {status} {text}").into());
            }
        }
        Ok(())
    }

    fn document(
        &self,
        repository: &str,
        tag: &str,
        kind: &str,
        bytes: &[u8],
    ) -> Result<String, Failed> {
        let (status, text) = self.ask(
            "PUT",
            &format!("/v2/{repository}/manifests/{tag}"),
            kind,
            bytes,
        )?;
        if status != 201 {
            return Err(format!("a manifest is not taken: {status} {text}").into());
        }
        Ok(digest(bytes))
    }

    fn ask(
        &self,
        method: &str,
        path: &str,
        kind: &str,
        body: &[u8],
    ) -> Result<(u16, String), Failed> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
        let login = self.login.map_or_else(String::new, |login| {
            format!("Authorization: Basic {}\r\n", base64(login.as_bytes()))
        });
        let length = body.len();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nConnection: close\r\nContent-Type: \
             {kind}\r\n{login}Content-Length: {length}\r\n\r\n",
            self.port
        );
        stream.write_all(&[head.as_bytes(), body].concat())?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let status = answer
            .split(' ')
            .nth(1)
            .and_then(|s| s.parse().ok())
            .ok_or("no status")?;
        Ok((status, answer))
    }

    /// Where the registry keeps a blob.
    pub(crate) fn stored(&self, digest: &str) -> PathBuf {
        let hex = digest.trim_start_matches("sha256:");
        let blobs = self
            .directory
            .path()
            .join("data/docker/registry/v2/blobs/sha256");
        blobs.join(&hex[..2]).join(hex).join("data")
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let number =
            three.iter().fold(0u32, |n, b| n << 8 | u32::from(*b)) << (8 * (3 - three.len()));
        for at in 0..4 {
            let letter = LETTERS[(number >> (18 - 6 * at) & 63) as usize] as char;
            text.push(if at <= three.len() { letter } else { '=' });
        }
    }
    text
}

/// What was asked, as far as a test looks at it.
pub(crate) type Log<T> = Arc<Mutex<Vec<T>>>;

/// A server that gives each request the answer of a function of its path, and ends with the
/// process. Its port.
pub(crate) fn answering(
    answer: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
) -> Result<u16, Failed> {
    requested(move |request| {
        answer(request.split(' ').nth(1).unwrap_or("")).map(String::into_bytes)
    })
}

/// The same of the whole request; `None` is silence.
pub(crate) fn requested(
    answer: impl Fn(&str) -> Option<Vec<u8>> + Send + Sync + 'static,
) -> Result<u16, Failed> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port();
    let answer = Arc::new(answer);
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let answer = answer.clone();
            std::thread::spawn(move || converse(&mut stream, &*answer));
        }
    });
    Ok(port)
}

/// The same on a socket of this machine.
pub(crate) fn on_socket(
    socket: &Path,
    answer: impl Fn(&str) -> Option<Vec<u8>> + Send + Sync + 'static,
) -> Result<(), Failed> {
    let listener = UnixListener::bind(socket)?;
    let answer = Arc::new(answer);
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let answer = answer.clone();
            std::thread::spawn(move || converse(&mut stream, &*answer));
        }
    });
    Ok(())
}

fn converse(stream: &mut (impl Read + Write), answer: &impl Fn(&str) -> Option<Vec<u8>>) {
    let mut request = Vec::new();
    let mut byte = [0];
    // A greeting of TLS starts with 22.
    while !request.ends_with(b"\r\n\r\n")
        && request.first() != Some(&22)
        && stream.read(&mut byte).is_ok_and(|n| n == 1)
    {
        request.push(byte[0]);
    }
    let mut request = String::from_utf8_lossy(&request).into_owned();
    let length = request.to_lowercase().lines().find_map(|line| {
        let length = line.strip_prefix("content-length:")?;
        length.trim().parse::<usize>().ok()
    });
    let mut body = vec![0; length.unwrap_or(0)];
    if stream.read_exact(&mut body).is_ok() {
        request += &String::from_utf8_lossy(&body);
    }
    match answer(&request) {
        Some(bytes) => {
            let _ = stream.write_all(&bytes);
        }
        None => std::thread::sleep(Duration::from_secs(20)),
    }
}

/// An answer of the given status line, further headers and body.
pub(crate) fn http(status: &str, headers: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {}\r\n{headers}\r\n{body}",
        body.len()
    )
}
