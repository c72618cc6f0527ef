//! Promise: `images lock` reads from a real registry what an image is and does, writes it down, and
//! `fix` proves its fixes with it.
//!
//! `docker-registry` is started by the tests on loopback, images are built and pushed by them.
//! Where it is missing, the trials are skipped by name; with `KUBEWRIGHT_REQUIRE_CLIENTS=1` they
//! fail.

#![expect(clippy::disallowed_methods, reason = "tests read and write files")]

#[path = "registry/answers.rs"]
mod answers;
#[path = "registry/archives.rs"]
mod archives;
#[path = "registry/image.rs"]
mod image;
#[path = "registry/served.rs"]
mod served;
mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use image::{Image, Stored, archive, base, digest, image, index};
use libtest_mimic::{Arguments, Failed};
use serde_json::json;
use served::{LOGIN, Served, base64};
use support::{Outcome, ensure, kubewright, missing, needing, run};

fn main() {
    let arguments = Arguments::from_args();
    let registry = missing("docker-registry", "docker-registry", &["--version"]);
    let openssl = registry.or_else(|| missing("openssl", "openssl", &["version"]));
    let mut trials = vec![
        needing(registry, "locks_and_fixes", locks_and_fixes),
        needing(registry, "reads_what_layers_make", reads_what_layers_make),
        needing(
            registry,
            "reads_no_more_layers_than_it_needs",
            reads_no_more_than_it_needs,
        ),
        needing(
            registry,
            "chooses_the_platform_of_the_pod",
            chooses_the_platform,
        ),
        needing(registry, "keeps_what_is_locked", keeps_what_is_locked),
        needing(
            registry,
            "asks_for_files_of_the_path_alone",
            asks_for_files_of_the_path,
        ),
        needing(
            registry,
            "goes_on_when_an_image_fails",
            goes_on_when_an_image_fails,
        ),
        needing(
            registry,
            "shows_the_credentials_of_docker",
            shows_credentials,
        ),
        needing(
            registry,
            "speaks_plain_http_with_named_registries_alone",
            speaks_plain_http_with_named_registries,
        ),
        needing(openssl, "speaks_https", speaks_https),
    ];
    trials.extend(answers::trials());
    trials.extend(archives::trials());
    libtest_mimic::run(&arguments, trials).exit();
}

/// A Deployment that mounts one file of a ConfigMap through subPath.
fn deployment(name: &str, image: &str, path: &str, more: &str) -> String {
    format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}-config\ndata:\n  app.conf: a\n---\napiVersion: apps/v1\nkind: Deployment\n\
         metadata:\n  name: {name}\nspec:\n  selector:\n    matchLabels:\n      app: {name}\n  template:\n    metadata:\n      labels:\n        app: {name}\n\
         \x20   spec:\n{more}      containers:\n        - name: app\n          image: {image}\n          volumeMounts:\n            - name: config\n\
         \x20             mountPath: {path}\n              subPath: app.conf\n      volumes:\n        - name: config\n          configMap:\n\
         \x20           name: {name}-config\n"
    )
}

/// A directory with manifests, which is its own root.
fn workspace(files: &[(&str, String)]) -> Result<tempfile::TempDir, Failed> {
    let dir = tempfile::tempdir()?;
    fs::write(dir.path().join("kubewright.toml"), "")?;
    for (name, text) in files {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap_or(dir.path()))?;
        fs::write(path, text)?;
    }
    Ok(dir)
}

/// `images lock` without anybody's credentials; what it says on both outputs.
fn lock(dir: &Path, more: &[&str], status: i32) -> Result<String, Failed> {
    lock_as(dir, more, status, |command| {
        _ = command.env("DOCKER_CONFIG", dir.join("nobody"));
    })
}

fn lock_as(
    dir: &Path,
    more: &[&str],
    status: i32,
    set: impl FnOnce(&mut Command),
) -> Result<String, Failed> {
    let mut command = kubewright(dir, &[&["images", "lock"], more].concat());
    for variable in [
        "HTTPS_PROXY",
        "https_proxy",
        "HTTP_PROXY",
        "http_proxy",
        "ALL_PROXY",
        "all_proxy",
    ] {
        command.env_remove(variable);
    }
    set(&mut command);
    let output = run(&mut command, &[status])?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr))
}

fn locked(dir: &Path) -> Result<String, Failed> {
    Ok(fs::read_to_string(dir.join("kubewright.lock"))?)
}

/// Whether all texts are there.
fn holds(text: &str, expected: &[&str]) -> Outcome {
    expected
        .iter()
        .try_for_each(|e| ensure(text.contains(e), || format!("not there: {e}\nin:\n{text}")))
}

fn gzip(layers: &[Vec<u8>]) -> Vec<(Stored, Vec<u8>)> {
    layers.iter().map(|l| (Stored::Gzip, l.clone())).collect()
}

/// An image with a shell, an entrypoint script and `/app`.
fn web() -> Image {
    let app = archive(&[
        "app/",
        "app/run.sh : #!/bin/sh",
        "app/app.conf : of the image",
    ]);
    image(
        "amd64",
        &json!({ "Entrypoint": ["/app/run.sh"], "Cmd": ["--port", "80"], "WorkingDir": "/app" }),
        &gzip(&[base(), app]),
    )
}

fn locks_and_fixes() -> Outcome {
    let registry = Served::start()?;
    let pinned = registry.push("team/web", "1", &web())?;
    let none = image(
        "amd64",
        &json!({ "Entrypoint": ["/app"], "User": "65532:65532" }),
        &gzip(&[archive(&["app : ELF"])]),
    );
    registry.push("team/static", "1", &none)?;
    let (web, bare) = (registry.name("team/web:1"), registry.name("team/static:1"));
    let files = [
        ("web.yaml", deployment("web", &web, "/app/app.conf", "")),
        (
            "static.yaml",
            deployment("static", &bare, "/etc/app.conf", ""),
        ),
    ];
    let dir = workspace(&files)?;
    let unknown = run(
        &mut kubewright(
            dir.path(),
            &[
                "fix",
                "--check",
                "--verbose",
                "--select",
                "subpath-configmap-mount",
            ],
        ),
        &[0, 1],
    )?;
    holds(
        &String::from_utf8_lossy(&unknown.stdout),
        &["entrypoint-unknown"],
    )?;
    let stale = lock(dir.path(), &["--check"], 1)?;
    holds(
        &stale,
        &[
            "kubewright.lock is stale:\n",
            &format!("{bare} linux/amd64: not locked\n"),
            &format!("{web} linux/amd64: not locked\n"),
        ],
    )?;
    ensure(!dir.path().join("kubewright.lock").exists(), || {
        "--check writes".into()
    })?;

    let said = lock(dir.path(), &[], 0)?;
    holds(
        &said,
        &[
            &format!("{web} linux/amd64: {}, 2 of 2 layers read\n", &pinned[..19]),
            "2 read, 0 kept, 0 failed; kubewright.lock written\n",
        ],
    )?;
    let text = locked(dir.path())?;
    holds(
        &text,
        &[
            &format!(
                "image = \"{web}\"\nplatform = \"linux/amd64\"\ndigest = \"{pinned}\"\nshell = \"/bin/sh\"\nuser = \"root\"\nuid = 0\ngid = 0\n"
            ),
            "entrypoint = [\"/app/run.sh\"]\ncmd = [\n    \"--port\",\n    \"80\",\n]\nworking-dir = \"/app\"\ndropped-env = []\n",
            "[image.paths.\"/app/app.conf\"]\nkind = \"file\"\nparent-writable = true\nnamed = false\nhandled = false\n",
            "shell = \"none\"\nuser = \"65532:65532\"\nuid = 65532\ngid = 65532\nentrypoint = [\"/app\"]\ncmd = []\nworking-dir = \"/\"\n",
            "[image.paths.\"/etc/app.conf\"]\nkind = \"absent\"\nparent-writable = false\nnamed = false\n",
        ],
    )?;
    // From here on without a registry.
    drop(registry);
    holds(
        &lock(dir.path(), &["--check"], 0)?,
        &["kubewright.lock answers all that is asked of 2 images"],
    )?;
    holds(
        &lock(dir.path(), &[], 0)?,
        &["0 read, 2 kept, 0 failed; kubewright.lock unchanged"],
    )?;
    ensure(locked(dir.path())? == text, || {
        "a second run changes the lock".into()
    })?;
    let fix = ["fix", "--write", "--select", "subpath-configmap-mount"];
    let written = run(&mut kubewright(dir.path(), &fix), &[0, 1])?;
    holds(
        &String::from_utf8_lossy(&written.stdout),
        &[&format!("proven by: kubewright.lock ({pinned})")],
    )?;
    holds(
        &fs::read_to_string(dir.path().join("web.yaml"))?,
        &["/app/run.sh", "--port", "exec "],
    )?;
    let again = run(&mut kubewright(dir.path(), &fix), &[0, 1])?;
    ensure(
        !String::from_utf8_lossy(&again.stdout).contains("fixed ("),
        || "a second run fixes again".into(),
    )?;
    // As a filter the lock of the working directory counts, too.
    let stream = deployment("web", &web, "/app/app.conf", "");
    let filtered = support::pipe(
        &mut kubewright(
            dir.path(),
            &["fix", "-", "--select", "subpath-configmap-mount"],
        ),
        stream.as_bytes(),
        &[0],
    )?;
    holds(&String::from_utf8_lossy(&filtered.stdout), &["/app/run.sh"])
}

fn reads_what_layers_make() -> Outcome {
    let registry = Served::start()?;
    let layers = [
        (Stored::Plain, base()),
        (
            Stored::Gzip,
            archive(&[
                "101 101 x",
                "app/",
                "app/conf/",
                "app/conf/old",
                "app/gone",
                "app/dir/",
                "app/dir/old",
                "755 101 data/",
                "opt/a/",
                "opt/a/b",
            ]),
        ),
        (
            Stored::Zstd,
            archive(&[
                "app/",
                "app/.wh.gone",
                "app/conf/",
                "app/conf/.wh..wh..opq",
                "app/conf/new",
                ".wh.opt",
                "run/web/",
            ]),
        ),
        (
            Stored::Gzip,
            archive(&[
                "app/",
                "app/.wh.dir",
                "app/dir/",
                "app/link -> conf",
                "data -> /data",
            ]),
        ),
    ];
    let run = json!({ "User": "web", "Env": ["PATH=/usr/bin:/bin", "discovery.type=single-node"], "Cmd": ["server"] });
    registry.push("team/app", "1", &image("amd64", &run, &layers))?;
    let app = registry.name("team/app:1");
    let paths = [
        "/app/gone",
        "/app/conf/app.conf",
        "/app/dir/app.conf",
        "/app/link",
        "/app/link/new",
        "/opt/a/b",
        "/var/run/web/app.conf",
        "/tmp/app.conf",
    ];
    let files: Vec<(String, String)> = paths
        .iter()
        .enumerate()
        .map(|(n, path)| {
            (
                format!("{n}.yaml"),
                deployment(&format!("app{n}"), &app, path, ""),
            )
        })
        .collect();
    let files: Vec<(&str, String)> = files.iter().map(|(n, t)| (n.as_str(), t.clone())).collect();
    let dir = workspace(&files)?;
    let said = lock(dir.path(), &[], 0)?;
    holds(&said, &["4 of 4 layers read", "1 read, 0 kept, 0 failed"])?;
    let text = locked(dir.path())?;
    let path = |path: &str, what: &str| format!("[image.paths.\"{path}\"]\n{what}\n");
    let expected = [
        "shell = \"/bin/sh\"\nuser = \"web\"\nuid = 101\ngid = 101\n".to_owned(),
        "dropped-env = [\"discovery.type\"]\n".into(),
        path(
            "/app/gone",
            "kind = \"absent\"\nparent-writable = false\nnamed = false",
        ),
        path(
            "/app/conf/app.conf",
            "kind = \"absent\"\nparent-writable = false\nnamed = false",
        ),
        path(
            "/app/conf",
            "kind = \"directory\"\nentries = [\"new\"]\nparent-writable = false\nnamed = false",
        ),
        path(
            "/app/dir",
            "kind = \"directory\"\nentries = []\nparent-writable = false\nnamed = false",
        ),
        path(
            "/app/link",
            "kind = \"symlink\"\ntarget = \"conf\"\nparent-writable = false\nnamed = false",
        ),
        path(
            "/app/link/new",
            "kind = \"file\"\nparent-writable = false\nnamed = false",
        ),
        path(
            "/opt/a/b",
            "kind = \"absent\"\nparent-writable = false\nnamed = false",
        ),
        path(
            "/var/run/web/app.conf",
            "kind = \"absent\"\nparent-writable = false\nnamed = false",
        ),
        path(
            "/var/run/web",
            "kind = \"directory\"\nentries = []\nparent-writable = false\nnamed = false",
        ),
        path(
            "/tmp/app.conf",
            "kind = \"absent\"\nparent-writable = true\nnamed = false",
        ),
    ];
    expected
        .iter()
        .try_for_each(|e| holds(&(text.clone() + "\n"), &[e]))
}

fn reads_no_more_than_it_needs() -> Outcome {
    let registry = Served::start()?;
    // The upper layer says everything: who the user is, a shell, and what stands in an opaque
    // directory.
    let upper = archive(&[
        "bin/",
        "bin/sh",
        "bin/ln",
        "bin/mkdir",
        "app/",
        "app/.wh..wh..opq",
        "app/app.conf",
    ]);
    let lower = archive(&["lots/", "lots/of/", "lots/of/files : and more"]);
    let image = image(
        "amd64",
        &json!({ "Env": ["PATH=/bin"] }),
        &gzip(&[lower, upper]),
    );
    registry.push("team/app", "1", &image)?;
    // It is never asked for.
    fs::remove_file(registry.stored(&digest(&image.layers[0])))?;
    let dir = workspace(&[(
        "app.yaml",
        deployment("app", &registry.name("team/app:1"), "/app/app.conf", ""),
    )])?;
    holds(&lock(dir.path(), &[], 0)?, &["1 of 2 layers read"])
}

fn chooses_the_platform() -> Outcome {
    let registry = Served::start()?;
    let of = |architecture: &str, entrypoint: &str| {
        image(
            architecture,
            &json!({ "Entrypoint": [entrypoint] }),
            &gzip(&[base(), archive(&[&format!("{entrypoint} : x")[1..]])]),
        )
    };
    let (amd, arm) = (of("amd64", "/amd"), of("arm64", "/arm"));
    let list = index(&[
        ("unknown/unknown", &amd),
        ("linux/arm64", &arm),
        ("linux/amd64", &amd),
    ]);
    let listed = registry.push_index("team/app", "1", &list, &[&amd, &arm])?;
    registry.push("team/arm", "1", &arm)?;
    let (app, only) = (registry.name("team/app:1"), registry.name("team/arm:1"));
    let by_digest = registry.name(&format!("team/app@{listed}"));
    let selector =
        |arch: &str| format!("      nodeSelector:\n        kubernetes.io/arch: {arch}\n");
    let files = [
        ("any.yaml", deployment("any", &app, "/etc/app.conf", "")),
        (
            "arm.yaml",
            deployment("arm", &app, "/etc/app.conf", &selector("arm64")),
        ),
        (
            "digest.yaml",
            deployment("digest", &by_digest, "/etc/app.conf", &selector("arm64")),
        ),
        (
            "s390x.yaml",
            deployment("s390x", &app, "/etc/app.conf", &selector("s390x")),
        ),
        ("only.yaml", deployment("only", &only, "/etc/app.conf", "")),
    ];
    let dir = workspace(&files)?;
    let said = lock(dir.path(), &[], 1)?;
    holds(
        &said,
        &[
            "3 read, 0 kept, 2 failed",
            &format!(
                "error: {app} linux/s390x: the image is not for linux/s390x, but for linux/amd64, linux/arm64; kubernetes.io/arch in"
            ),
            &format!(
                "error: {only} linux/amd64: the image is not for linux/amd64, but for linux/arm64;"
            ),
        ],
    )?;
    let entry = |image: &str, platform: &str, of: &Image| {
        format!(
            "image = \"{image}\"\nplatform = \"{platform}\"\ndigest = \"{}\"\n",
            digest(&of.manifest)
        )
    };
    let text = locked(dir.path())?;
    holds(
        &text,
        &[
            &entry(&app, "linux/amd64", &amd),
            &entry(&app, "linux/arm64", &arm),
            &entry(&by_digest, "linux/arm64", &arm),
            "\"/arm\"",
            "\"/amd\"",
        ],
    )
}

fn keeps_what_is_locked() -> Outcome {
    let registry = Served::start()?;
    let first = registry.push("team/web", "1", &web())?;
    let name = registry.name("team/web:1");
    let dir = workspace(&[("web.yaml", deployment("web", &name, "/app/app.conf", ""))])?;
    lock(dir.path(), &[], 0)?;
    // The tag moves; the lock stays, and what is new is asked of the image that is locked.
    let moved = image(
        "amd64",
        &json!({ "Entrypoint": ["/other"] }),
        &gzip(&[base()]),
    );
    let second = registry.push("team/web", "1", &moved)?;
    fs::write(
        dir.path().join("more.yaml"),
        deployment("more", &name, "/etc/group", ""),
    )?;
    holds(
        &lock(dir.path(), &["--check"], 1)?,
        &[&format!(
            "{name} linux/amd64: nothing is known of /etc/group\n"
        )],
    )?;
    holds(&lock(dir.path(), &[], 0)?, &["1 read, 0 kept", "written"])?;
    let text = locked(dir.path())?;
    holds(
        &text,
        &[
            &first,
            "\"/app/run.sh\"",
            "[image.paths.\"/app/app.conf\"]",
            "[image.paths.\"/etc/group\"]",
        ],
    )?;
    ensure(!text.contains(&second), || {
        "the tag was resolved again".into()
    })?;
    holds(
        &lock(dir.path(), &["--upgrade"], 0)?,
        &[&second[..19], "written"],
    )?;
    let upgraded = locked(dir.path())?;
    holds(
        &upgraded,
        &[
            &second,
            "\"/other\"",
            "[image.paths.\"/app/app.conf\"]\nkind = \"absent\"",
        ],
    )?;
    ensure(!upgraded.contains(&first), || "two images".into())?;
    holds(&lock(dir.path(), &["--upgrade"], 0)?, &["unchanged"])?;
    // What is no longer asked goes.
    fs::remove_file(dir.path().join("web.yaml"))?;
    holds(
        &lock(dir.path(), &["--check"], 1)?,
        &[&format!(
            "{name} linux/amd64: /app/app.conf is no longer asked for\n"
        )],
    )?;
    holds(
        &lock(dir.path(), &[], 0)?,
        &[
            "/app/app.conf is no longer asked for\n",
            "0 read, 1 kept, 0 failed; kubewright.lock written",
        ],
    )?;
    ensure(!locked(dir.path())?.contains("/app/app.conf"), || {
        "it stays".into()
    })?;
    // A hand that edits is seen.
    let edited = locked(dir.path())?.replace("uid = 0", "uid    = 0");
    fs::write(dir.path().join("kubewright.lock"), edited)?;
    holds(
        &lock(dir.path(), &["--check"], 1)?,
        &["it is not in the form that is written\n"],
    )?;
    fs::write(
        dir.path().join("kubewright.lock"),
        "version = 1\nimages = []\n",
    )?;
    for command in [
        &["images", "lock"][..],
        &["fix"],
        &["images", "lock", "--check"],
    ] {
        let output = run(&mut kubewright(dir.path(), command), &[2])?;
        holds(
            &String::from_utf8_lossy(&output.stderr),
            &[
                "kubewright.lock:2:1: unknown key `images`",
                "did you mean `image`?",
            ],
        )?;
    }
    // The image that is locked is gone: its tag names another one, which is not taken unasked.
    fs::write(
        dir.path().join("kubewright.lock"),
        text.replace(&first, &digest(b"gone"))
            .replace("[image.paths.\"/etc/group\"]", "[image.paths.\"/etc/x\"]"),
    )?;
    let gone = lock(dir.path(), &[], 1)?;
    holds(
        &gone,
        &[&format!(
            "does not have {} any more, as which it is locked; --upgrade takes what the tag names now",
            digest(b"gone")
        )],
    )
}

fn asks_for_files_of_the_path() -> Outcome {
    let registry = Served::start()?;
    registry.push("team/web", "1", &web())?;
    registry.push("team/web", "2", &web())?;
    let (one, two) = (registry.name("team/web:1"), registry.name("team/web:2"));
    let files = [
        ("a/one.yaml", deployment("one", &one, "/app/app.conf", "")),
        ("b/two.yaml", deployment("two", &two, "/app/app.conf", "")),
    ];
    let dir = workspace(&files)?;
    holds(
        &lock(dir.path(), &["a"], 0)?,
        &["1 read, 0 kept, 0 failed; kubewright.lock written"],
    )?;
    holds(&lock(dir.path(), &["--check", "a"], 0)?, &["of 1 image\n"])?;
    holds(
        &lock(dir.path(), &["--check"], 1)?,
        &[&format!("{two} linux/amd64: not locked")],
    )?;
    // The other one is kept, as it is asked for elsewhere.
    holds(
        &lock(&dir.path().join("b"), &["."], 0)?,
        &["1 read, 0 kept, 0 failed; ../kubewright.lock written"],
    )?;
    holds(&locked(dir.path())?, &[&one, &two])?;
    fs::write(dir.path().join("kubewright.toml"), "ignore = [\"b/**\"]\n")?;
    holds(
        &lock(dir.path(), &["--check"], 1)?,
        &[&format!("{two} linux/amd64: no longer asked for")],
    )
}

fn goes_on_when_an_image_fails() -> Outcome {
    let registry = Served::start()?;
    registry.push("team/web", "1", &web())?;
    let noise: String = (0..200_000u64)
        .map(|n| digest(&n.to_le_bytes())[7..17].to_owned())
        .collect();
    let large = image(
        "amd64",
        &json!({}),
        &gzip(&[base(), archive(&[&format!("large : {noise}")])]),
    );
    let damaged = image(
        "amd64",
        &json!({}),
        &gzip(&[base(), archive(&["damaged : content"])]),
    );
    let changed = image(
        "amd64",
        &json!({ "User": "7" }),
        &gzip(&[base(), archive(&["changed : content"])]),
    );
    for (name, image) in [
        ("large", &large),
        ("damaged", &damaged),
        ("changed", &changed),
    ] {
        registry.push(&format!("team/{name}"), "1", image)?;
    }
    let mut bytes = fs::read(registry.stored(&digest(&damaged.layers[1])))?;
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0xff;
    fs::write(registry.stored(&digest(&damaged.layers[1])), bytes)?;
    fs::write(registry.stored(&digest(&changed.config)), &web().config)?;
    let closed = std::net::TcpListener::bind("127.0.0.1:0")?
        .local_addr()?
        .port();
    let names: Vec<(&str, String)> = [
        ("web", "web:1"),
        ("large", "large:1"),
        ("damaged", "damaged:1"),
        ("changed", "changed:1"),
        ("missing", "missing:1"),
        ("tag", "web:9"),
    ]
    .map(|(name, image)| (name, registry.name(&format!("team/{image}"))))
    .into_iter()
    .chain([
        ("closed", format!("127.0.0.1:{closed}/a:1")),
        ("odd", "127.0.0.1:1/UPPER:1".into()),
    ])
    .collect();
    let files: Vec<(String, String)> = names
        .iter()
        .map(|(n, image)| {
            (
                format!("{n}.yaml"),
                deployment(n, image, "/etc/app.conf", ""),
            )
        })
        .collect();
    let files: Vec<(&str, String)> = files.iter().map(|(n, t)| (n.as_str(), t.clone())).collect();
    let dir = workspace(&files)?;
    let said = lock(dir.path(), &["--max-layer-size", "1"], 1)?;
    let name = |wanted: &str| {
        names
            .iter()
            .find(|(n, _)| *n == wanted)
            .map(|(_, image)| image.clone())
            .unwrap_or_default()
    };
    holds(
        &said,
        &[
            "1 read, 0 kept, 7 failed; kubewright.lock written",
            &format!(
                "error: {} linux/amd64: a layer has {} bytes, more than the 1 MiB that are read; --max-layer-size reads larger ones\n",
                name("large"),
                large.layers[1].len()
            ),
            &format!(
                "error: {} linux/amd64: the blob {} is damaged: its digest is sha256:",
                name("damaged"),
                digest(&damaged.layers[1])
            ),
            &format!(
                "error: {} linux/amd64: the blob {} is damaged",
                name("changed"),
                digest(&changed.config)
            ),
            &format!(
                "error: {} linux/amd64: 127.0.0.1:{} does not have it; check the name and the tag of the image\n",
                name("missing"),
                registry.port
            ),
            &format!(
                "error: {} linux/amd64: 127.0.0.1:{} does not have it; check",
                name("tag"),
                registry.port
            ),
            &format!(
                "error: {} linux/amd64: 127.0.0.1:{closed} cannot be reached: ",
                name("closed")
            ),
            &format!(
                "error: {} linux/amd64: this is no image reference: ",
                name("odd")
            ),
        ],
    )?;
    let text = locked(dir.path())?;
    ensure(text.matches("[[image]]").count() == 1, || {
        format!("not one image:\n{text}")
    })?;
    holds(&lock(dir.path(), &[], 1)?, &["1 read, 1 kept, 6 failed"])?;
    // What is locked stays when it cannot be read again.
    let before = locked(dir.path())?;
    drop(registry);
    holds(
        &lock(dir.path(), &["--upgrade"], 1)?,
        &["0 read, 0 kept, 8 failed; kubewright.lock unchanged"],
    )?;
    ensure(locked(dir.path())? == before, || {
        "the lock has changed".into()
    })
}

fn shows_credentials() -> Outcome {
    let registry = Served::with_login()?;
    registry.push("team/web", "1", &web())?;
    let host = format!("127.0.0.1:{}", registry.port);
    let dir = workspace(&[(
        "web.yaml",
        deployment("web", &registry.name("team/web:1"), "/app/app.conf", ""),
    )])?;
    let login = format!("`docker login {host}` writes the credentials that are used");
    holds(
        &lock(dir.path(), &[], 1)?,
        &[&format!(
            "{host} lets nobody read this image without credentials, or does not have it; {login}"
        )],
    )?;
    let docker = tempfile::tempdir()?;
    let helpers = tempfile::tempdir()?;
    let with = |config: &serde_json::Value, status: i32| {
        fs::write(docker.path().join("config.json"), config.to_string())?;
        let _ = fs::remove_file(dir.path().join("kubewright.lock"));
        let path = std::env::var("PATH").unwrap_or_default();
        lock_as(dir.path(), &["--timeout", "2"], status, |command| {
            command
                .env("DOCKER_CONFIG", docker.path())
                .env("PATH", format!("{}:{path}", helpers.path().display()));
        })
    };
    let helper = |name: &str, script: &str| -> Result<(), Failed> {
        let file = helpers.path().join(format!("docker-credential-{name}"));
        fs::write(&file, format!("#!/bin/sh\n{script}\n"))?;
        Ok(fs::set_permissions(
            &file,
            fs::Permissions::from_mode(0o755),
        )?)
    };
    holds(
        &with(
            &json!({ "auths": { &host: { "auth": base64(LOGIN.as_bytes()) } } }),
            0,
        )?,
        &["1 read"],
    )?;
    holds(
        &with(
            &json!({ "auths": { &host: { "auth": base64(b"web:wrong") } } }),
            1,
        )?,
        &[&format!("{host} does not accept the credentials"), &login],
    )?;
    holds(
        &with(
            &json!({ "auths": { "elsewhere": { "auth": base64(LOGIN.as_bytes()) } } }),
            1,
        )?,
        &["lets nobody read"],
    )?;
    helper(
        "good",
        &format!(
            "[ \"$1\" = get ] && [ \"$(cat)\" = {host} ] && echo '{{\"Username\": \"web\", \"Secret\": \"U*U\"}}'"
        ),
    )?;
    holds(
        &with(&json!({ "credHelpers": { &host: "good" } }), 0)?,
        &["1 read"],
    )?;
    holds(
        &with(&json!({ "auths": { &host: {} }, "credsStore": "good" }), 0)?,
        &["1 read"],
    )?;
    helper(
        "empty",
        "cat >/dev/null; echo 'credentials not found in native keychain'; exit 1",
    )?;
    holds(
        &with(&json!({ "credsStore": "empty" }), 1)?,
        &["lets nobody read"],
    )?;
    helper(
        "locked",
        "cat >/dev/null; echo 'the keychain is locked' >&2; exit 1",
    )?;
    holds(
        &with(&json!({ "credsStore": "locked" }), 1)?,
        &[&format!(
            "docker-credential-locked gives no credentials for {host}: the keychain is locked; `docker login"
        )],
    )?;
    helper(
        "token",
        "cat >/dev/null; echo '{\"Username\": \"<token>\", \"Secret\": \"x\"}'",
    )?;
    holds(
        &with(&json!({ "credsStore": "token" }), 1)?,
        &["are an identity token, which only Docker itself can use; log in with"],
    )?;
    helper("silent", "exec sleep 6")?;
    holds(
        &with(&json!({ "credsStore": "silent" }), 1)?,
        &[&format!(
            "the credential helper for {host} does not answer within 2 s"
        )],
    )?;
    holds(
        &with(&json!({ "credsStore": "nowhere" }), 1)?,
        &[&format!("config.json gives no credentials for {host}: ")],
    )?;
    fs::write(docker.path().join("config.json"), "{")?;
    let broken = lock_as(dir.path(), &[], 1, |command| {
        _ = command.env("DOCKER_CONFIG", docker.path());
    })?;
    holds(
        &broken,
        &[&format!("config.json gives no credentials for {host}: ")],
    )
}

/// `0.0.0.0` leads to this machine, and is no address of the loopback interface.
fn speaks_plain_http_with_named_registries() -> Outcome {
    let registry = Served::start()?;
    registry.push("team/web", "1", &web())?;
    let host = format!("0.0.0.0:{}", registry.port);
    let dir = workspace(&[(
        "web.yaml",
        deployment("web", &format!("{host}/team/web:1"), "/app/app.conf", ""),
    )])?;
    holds(
        &lock(dir.path(), &[], 1)?,
        &[&format!("{host} cannot be reached: ")],
    )?;
    holds(
        &lock(dir.path(), &["--insecure-registry", "0.0.0.0:1"], 1)?,
        &[&format!("{host} cannot be reached: ")],
    )?;
    holds(
        &lock(dir.path(), &["--insecure-registry", &host], 0)?,
        &["1 read"],
    )
}

fn speaks_https() -> Outcome {
    let keys = tempfile::tempdir()?;
    let at = |name: &str| keys.path().join(name).display().to_string();
    let make = [
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=test",
    ];
    let mut command = Command::new("openssl");
    command.args(make).args([
        "-addext",
        "subjectAltName=IP:127.0.0.1,IP:0.0.0.0",
        "-addext",
        "basicConstraints=critical,CA:FALSE",
        "-keyout",
        &at("key"),
        "-out",
        &at("cert"),
    ]);
    run(&mut command, &[0])?;
    let plain = Served::start()?;
    plain.push("team/web", "1", &web())?;
    let registry = plain.over_tls(&at("cert"), &at("key"))?;
    let name = format!("0.0.0.0:{}/team/web:1", registry.port);
    let dir = workspace(&[("web.yaml", deployment("web", &name, "/app/app.conf", ""))])?;
    let untrusted = lock(dir.path(), &[], 1)?;
    holds(
        &untrusted,
        &[
            &format!(
                "the certificate of 0.0.0.0:{} is not trusted: ",
                registry.port
            ),
            "SSL_CERT_FILE",
        ],
    )?;
    let trusting = |command: &mut Command| {
        _ = command
            .env("SSL_CERT_FILE", at("cert"))
            .env("DOCKER_CONFIG", keys.path());
    };
    holds(&lock_as(dir.path(), &[], 0, trusting)?, &["1 read"])
}
