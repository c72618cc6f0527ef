//! What is read of an image, and what `fix` makes of it.

use std::fs;
use std::path::Path;

use serde_json::json;

use super::{deployment, gzip, holds, lock, locked, web, workspace};
use crate::image::{Image, Stored, archive, base, digest, image, index};
use crate::served::Served;
use crate::support::{TrialResult, ensure, kubewright, pipe, run};

pub(crate) fn locks_and_fixes() -> TrialResult {
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
                "image = \"{web}\"\nplatform = \"linux/amd64\"\ndigest = \"{pinned}\"\nshell = \
                 \"/bin/sh\"\nuser = \"root\"\nuid = 0\ngid = 0\n"
            ),
            "entrypoint = [\"/app/run.sh\"]\ncmd = [\n    \"--port\",\n    \
             \"80\",\n]\nworking-dir = \"/app\"\ndropped-env = []\n",
            "[image.paths.\"/app/app.conf\"]\nkind = \"file\"\nparent-writable = true\nnamed = \
             false\nhandled = false\n",
            "shell = \"none\"\nuser = \"65532:65532\"\nuid = 65532\ngid = 65532\nentrypoint = \
             [\"/app\"]\ncmd = []\nworking-dir = \"/\"\n",
            "[image.paths.\"/etc/app.conf\"]\nkind = \"absent\"\nparent-writable = false\nnamed = \
             false\n",
        ],
    )?;
    // From here on without a registry.
    drop(registry);
    fixes_with_the_lock(dir.path(), &web, &pinned, &text)
}

fn fixes_with_the_lock(dir: &Path, web: &str, pinned: &str, text: &str) -> TrialResult {
    holds(
        &lock(dir, &["--check"], 0)?,
        &["kubewright.lock answers all that is asked of 2 images"],
    )?;
    holds(
        &lock(dir, &[], 0)?,
        &["0 read, 2 kept, 0 failed; kubewright.lock unchanged"],
    )?;
    ensure(locked(dir)? == text, || {
        "a second run changes the lock".into()
    })?;
    let fix = [
        "fix",
        "--write",
        "-v",
        "--select",
        "subpath-configmap-mount",
    ];
    let written = run(kubewright(dir, &fix).env("COLUMNS", "300"), &[0, 1])?;
    holds(
        &String::from_utf8_lossy(&written.stdout),
        &[&format!("proven by: kubewright.lock ({pinned})")],
    )?;
    holds(
        &fs::read_to_string(dir.join("web.yaml"))?,
        &["/app/run.sh", "--port", "exec "],
    )?;
    let again = run(kubewright(dir, &fix).env("COLUMNS", "300"), &[0, 1])?;
    ensure(
        !String::from_utf8_lossy(&again.stdout).contains("fixed ("),
        || "a second run fixes again".into(),
    )?;
    // As a filter the lock of the working directory counts, too.
    let stream = deployment("web", web, "/app/app.conf", "");
    let filtered = pipe(
        &mut kubewright(dir, &["fix", "-", "--select", "subpath-configmap-mount"]),
        stream.as_bytes(),
        &[0],
    )?;
    holds(&String::from_utf8_lossy(&filtered.stdout), &["/app/run.sh"])
}

/// Layers that add, hide and replace, from the bottom up.
fn layers() -> [(Stored, Vec<u8>); 4] {
    [
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
    ]
}

pub(crate) fn reads_what_layers_make() -> TrialResult {
    let registry = Served::start()?;
    let run = json!({ "User": "web", "Env": ["PATH=/usr/bin:/bin", "discovery.type=single-node"], "Cmd": ["server"] });
    registry.push("team/app", "1", &image("amd64", &run, &layers()))?;
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

pub(crate) fn reads_no_more_than_it_needs() -> TrialResult {
    let registry = Served::start()?;
    // The upper layer says everything: who the user is, a shell, and what stands in an opaque
    // directory.
    let upper = archive(&[
        "bin/",
        "bin/sh",
        "bin/ln",
        "bin/mkdir",
        "bin/chmod",
        "bin/cp",
        "bin/mv",
        "bin/rm",
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

pub(crate) fn chooses_the_platform() -> TrialResult {
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
                "error: {app} linux/s390x: the image is not for linux/s390x, but for linux/amd64, \
                 linux/arm64; kubernetes.io/arch in"
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

pub(crate) fn asks_for_files_of_the_path() -> TrialResult {
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
        &lock(dir.path(), &["--check"], 0)?,
        &[&format!("{two} linux/amd64: no longer asked for")],
    )
}
