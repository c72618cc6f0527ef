//! Images of archives, without any registry.

use std::fs;
use std::path::Path;

use libtest_mimic::{Failed, Trial};
use serde_json::{Value, json};
use tar::{Builder, EntryType, Header};

use crate::image::{Image, Stored, archive, base, digest, image, index};
use crate::support::{TrialResult, copy, ensure, tree};
use crate::{deployment, holds, lock, lock_as, locked, web, workspace};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        Trial::test("archives/oci_layout", oci_layout),
        Trial::test("archives/docker_save", docker_save),
        Trial::test("archives/what_is_none", what_is_none),
        Trial::test("archives/example", example),
    ]
}

/// Writes an OCI layout: documents and their images, with annotations.
pub(crate) fn layout(
    dir: &Path,
    images: &[&Image],
    documents: &[(&[u8], Value)],
) -> Result<(), Failed> {
    let blobs = dir.join("blobs/sha256");
    fs::create_dir_all(&blobs)?;
    let parts = images.iter().flat_map(|i| {
        i.layers
            .iter()
            .chain([&i.config, &i.manifest])
            .map(Vec::as_slice)
    });
    for part in parts.chain(documents.iter().map(|(bytes, _)| *bytes)) {
        fs::write(blobs.join(&digest(part)[7..]), part)?;
    }
    let entries: Vec<Value> =
        documents.iter().map(|(bytes, names)| json!({ "digest": digest(bytes), "size": bytes.len(), "annotations": names })).collect();
    fs::write(dir.join("oci-layout"), r#"{"imageLayoutVersion": "1.0.0"}"#)?;
    Ok(fs::write(
        dir.join("index.json"),
        json!({ "schemaVersion": 2, "manifests": entries }).to_string(),
    )?)
}

/// The annotation that names a document of a layout.
fn ref_name(name: &str) -> Value {
    json!({ "org.opencontainers.image.ref.name": name })
}

fn oci_layout() -> TrialResult {
    let (one, zstd) = (
        web(),
        image(
            "amd64",
            &json!({ "Entrypoint": ["/x"] }),
            &[(Stored::Zstd, base())],
        ),
    );
    let list = index(&[("linux/arm64", &one), ("linux/amd64", &zstd)]);
    let store = tempfile::tempdir()?;
    let containerd = json!({ "io.containerd.image.name": "docker.io/library/other:2", "org.opencontainers.image.ref.name": "2" });
    layout(
        store.path(),
        &[&one, &zstd],
        &[
            (&one.manifest, ref_name("example.com/web:1")),
            (&list, containerd),
        ],
    )?;
    let pinned = format!("example.com/web@{}", digest(&one.manifest));
    let files = [
        (
            "web.yaml",
            deployment("web", "example.com/web:1", "/app/app.conf", ""),
        ),
        (
            "other.yaml",
            deployment("other", "other:2", "/etc/app.conf", ""),
        ),
        (
            "pinned.yaml",
            deployment("pinned", &pinned, "/app/app.conf", ""),
        ),
        (
            "missing.yaml",
            deployment("missing", "example.com/missing:1", "/app/app.conf", ""),
        ),
    ];
    let dir = workspace(&files)?;
    let from = format!("oci:{}", store.path().display());
    let said = lock(dir.path(), &["--from", &from], 1)?;
    holds(
        &said,
        &[
            "3 read, 0 kept, 1 failed",
            "error: example.com/missing:1 linux/amd64: none of the archives has it; write it into \
             one under this name",
        ],
    )?;
    let text = locked(dir.path())?;
    for (image, of) in [
        ("example.com/web:1", &one),
        ("docker.io/library/other:2", &zstd),
        (pinned.as_str(), &one),
    ] {
        holds(
            &text,
            &[&format!(
                "image = \"{image}\"\nplatform = \"linux/amd64\"\ndigest = \"{}\"\n",
                digest(&of.manifest)
            )],
        )?;
    }
    keeps_what_is_locked(dir.path(), &from, &one)?;
    // Damage.
    fs::write(
        store
            .path()
            .join("blobs/sha256")
            .join(&digest(&one.layers[0])[7..]),
        b"other",
    )?;
    let _ = fs::remove_file(dir.path().join("kubewright.lock"));
    holds(
        &lock(dir.path(), &["--from", &from], 1)?,
        &[&format!("the layer {} is damaged", digest(&one.layers[0]))],
    )
}

/// Another image under the name: what is locked is not changed unasked.
fn keeps_what_is_locked(dir: &Path, first: &str, one: &Image) -> TrialResult {
    let text = locked(dir)?;
    let second = image(
        "amd64",
        &json!({ "Entrypoint": ["/second"] }),
        &[(Stored::Gzip, base())],
    );
    let newer = tempfile::tempdir()?;
    layout(
        newer.path(),
        &[&second],
        &[(&second.manifest, ref_name("example.com/web:1"))],
    )?;
    fs::write(
        dir.join("more.yaml"),
        deployment("more", "example.com/web:1", "/etc/group", ""),
    )?;
    let from = format!("oci:{}", newer.path().display());
    let mismatch = format!(
        "it is locked as {}, and what is there is {}; `kubewright images lock --upgrade` takes \
         what is there",
        digest(&one.manifest),
        digest(&second.manifest)
    );
    holds(&lock(dir, &["--from", &from], 1)?, &[&mismatch])?;
    ensure(locked(dir)? == text, || "the lock has changed".into())?;
    // With the first one still at hand the answer is found by digest.
    holds(
        &lock(dir, &["--from", first], 1)?,
        &["1 read, 2 kept, 1 failed"],
    )?;
    lock(dir, &["--from", &from, "--upgrade"], 1)?;
    holds(&locked(dir)?, &[&digest(&second.manifest), "\"/second\""])
}

fn member(archive: &mut Builder<Vec<u8>>, name: &str, content: &[u8]) -> Result<(), Failed> {
    let mut header = Header::new_gnu();
    header.set_size(content.len() as u64);
    header.set_mode(0o644);
    Ok(archive.append_data(&mut header, name, content)?)
}

fn docker_save() -> TrialResult {
    let (one, two) = (
        web(),
        image(
            "amd64",
            &json!({ "Cmd": ["/two"] }),
            &[(Stored::Plain, base()), (Stored::Plain, archive(&["two"]))],
        ),
    );
    let mut saved = Builder::new(Vec::new());
    // As Docker wrote it until release 24: a folder a layer, and a link where two images share one.
    member(&mut saved, "aa/layer.tar", &one.archives[0])?;
    member(&mut saved, "bb/layer.tar", &one.archives[1])?;
    let mut link = Header::new_gnu();
    link.set_entry_type(EntryType::Symlink);
    link.set_size(0);
    saved.append_link(&mut link, "cc/layer.tar", "../aa/layer.tar")?;
    member(&mut saved, "one.json", &one.config)?;
    // As it writes it now: blobs by digest.
    let blob = |bytes: &[u8]| format!("blobs/sha256/{}", &digest(bytes)[7..]);
    member(&mut saved, &blob(&two.archives[1]), &two.archives[1])?;
    member(&mut saved, &blob(&two.config), &two.config)?;
    let manifest = json!([
        { "Config": "one.json", "RepoTags": ["example.com/web:1", "example.com/web:latest"], "Layers": ["aa/layer.tar", "bb/layer.tar"] },
        { "Config": blob(&two.config), "RepoTags": ["two:2"], "Layers": ["cc/layer.tar", blob(&two.archives[1])] },
        { "Config": "gone.json", "RepoTags": null, "Layers": [] },
    ]);
    member(&mut saved, "manifest.json", manifest.to_string().as_bytes())?;
    let dir = workspace(&[
        (
            "web.yaml",
            deployment("web", "example.com/web", "/app/app.conf", ""),
        ),
        ("two.yaml", deployment("two", "two:2", "/etc/app.conf", "")),
    ])?;
    fs::write(dir.path().join("images.tar"), saved.into_inner()?)?;
    holds(
        &lock(dir.path(), &["--from", "docker-archive:images.tar"], 0)?,
        &["2 read, 0 kept, 0 failed; kubewright.lock written"],
    )?;
    let text = locked(dir.path())?;
    for (image, of) in [
        ("example.com/web:latest", &one),
        ("docker.io/library/two:2", &two),
    ] {
        let config = digest(&of.config);
        holds(
            &text,
            &[&format!(
                "image = \"{image}\"\nplatform = \"linux/amd64\"\ndigest = \
                 \"{config}\"\nof-config = true\n"
            )],
        )?;
    }
    holds(&lock(dir.path(), &["--check"], 0)?, &["of 2 images"])?;
    // A layout that has the same images adds what is missing, and pins the manifest.
    fs::write(
        dir.path().join("more.yaml"),
        deployment("more", "example.com/web", "/etc/group", ""),
    )?;
    holds(
        &lock(dir.path(), &["--from", "docker-archive:images.tar"], 0)?,
        &["1 read, 1 kept, 0 failed"],
    )?;
    // What `docker save` writes comes by a pipe, too.
    let from_file = locked(dir.path())?;
    fs::remove_file(dir.path().join("kubewright.lock"))?;
    let pipe = ["--from", "docker-archive:-"];
    let piped = lock_as(dir.path(), &pipe, 0, |command| {
        if let Ok(saved) = fs::File::open(dir.path().join("images.tar")) {
            _ = command.stdin(saved);
        }
    })?;
    holds(&piped, &["2 read, 0 kept, 0 failed"])?;
    ensure(locked(dir.path())? == from_file, || "another lock".into())?;
    let said = lock_as(
        dir.path(),
        &[&pipe[..], &["--upgrade"]].concat(),
        2,
        |command| {
            _ = command.stdin(std::process::Stdio::null());
        },
    )?;
    holds(&said, &["error: standard input: nothing comes"])
}

fn what_is_none() -> TrialResult {
    let dir = workspace(&[(
        "web.yaml",
        deployment("web", "example.com/web:1", "/app/app.conf", ""),
    )])?;
    fs::write(dir.path().join("empty.tar"), [0; 1024])?;
    fs::write(
        dir.path().join("images.tar.gz"),
        [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3].repeat(100),
    )?;
    for (from, expected) in [
        (
            "oci:nowhere",
            "error: oci:nowhere: cannot read index.json: no such file or directory",
        ),
        (
            "docker-archive:nowhere",
            "error: docker-archive:nowhere: no such file or directory",
        ),
        (
            "docker-archive:empty.tar",
            "error: docker-archive:empty.tar: it has no manifest.json",
        ),
        (
            "docker-archive:images.tar.gz",
            "if it is compressed, decompress it",
        ),
        (
            "registry:x",
            "`registry` is unknown: `oci:DIR`, `docker-archive:FILE`, `docker-daemon:IMAGE` or \
             `podman:IMAGE` is expected",
        ),
        ("images.tar", "`podman:IMAGE` is expected"),
    ] {
        holds(&lock(dir.path(), &["--from", from], 2)?, &[expected])?;
    }
    holds(
        &lock(dir.path(), &["--from", "oci:x", "--check"], 2)?,
        &["cannot be used with"],
    )
}

/// The layout of `examples/images-lock` is made here: `cargo bless` writes it.
fn example() -> TrialResult {
    let app = archive(&[
        "srv/",
        "srv/web/",
        "srv/web/start.sh : #!/bin/sh",
        "srv/web/app.conf : port = 8080",
    ]);
    let run = json!({ "Entrypoint": ["/srv/web/start.sh"], "Cmd": ["--root", "/srv/web"], "WorkingDir": "/srv/web" });
    let image = image(
        "amd64",
        &run,
        &[(Stored::Plain, base()), (Stored::Plain, app)],
    );
    let made = tempfile::tempdir()?;
    let name = json!({ "org.opencontainers.image.ref.name": "registry.example.com/shop/web:1.4" });
    layout(made.path(), &[&image], &[(&image.manifest, name)])?;
    let there = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/images-lock/store");
    if std::env::var("BLESS").is_ok_and(|v| v == "1") {
        let _ = fs::remove_dir_all(&there);
        copy(made.path(), &there)?;
    }
    ensure(tree(&there)? == tree(made.path())?, || {
        "examples/images-lock/store is another one (cargo bless writes it)".into()
    })
}
