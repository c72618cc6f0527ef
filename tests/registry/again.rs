//! What a second run keeps, and what a run does that cannot read an image.

use std::fs;
use std::path::Path;

use libtest_mimic::Failed;
use serde_json::json;

use super::{deployment, gzip, holds, lock, locked, web, workspace};
use crate::image::{Image, archive, base, digest, image};
use crate::served::Served;
use crate::support::{TrialResult, ensure, kubewright, run};

pub(crate) fn keeps_what_is_locked() -> TrialResult {
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
    holds(&lock(dir.path(), &["--check"], 0)?, &["answers all"])?;
    upgrades_when_it_is_told_to(dir.path(), &name, &first, &second)?;
    prunes_when_it_is_told_to(dir.path(), &name)?;
    sees_a_hand_that_edits(dir.path())?;
    // The image that is locked is gone: its tag names another one, which is not taken unasked.
    fs::write(
        dir.path().join("kubewright.lock"),
        text.replace(&first, &digest(b"gone"))
            .replace("[image.paths.\"/etc/group\"]", "[image.paths.\"/etc/x\"]"),
    )?;
    let gone = lock(dir.path(), &[], 1)?;
    holds(
        &gone,
        &[
            &format!("does not have {} any more", digest(b"gone")),
            "`kubewright images lock --upgrade` takes what the tag names now",
        ],
    )
}

fn upgrades_when_it_is_told_to(dir: &Path, name: &str, first: &str, second: &str) -> TrialResult {
    holds(
        &lock(dir, &["--check", "--tags"], 1)?,
        &[&format!(
            "{name} linux/amd64: the tag names {second} now, and {first} is locked (`kubewright \
             images lock --upgrade` takes it)\n"
        )],
    )?;
    holds(&lock(dir, &["--upgrade"], 0)?, &[&second[..19], "written"])?;
    holds(&lock(dir, &["--check", "--tags"], 0)?, &["answers all"])?;
    let upgraded = locked(dir)?;
    holds(
        &upgraded,
        &[
            second,
            "\"/other\"",
            "[image.paths.\"/app/app.conf\"]\nkind = \"absent\"",
        ],
    )?;
    ensure(!upgraded.contains(first), || "two images".into())?;
    holds(&lock(dir, &["--upgrade"], 0)?, &["unchanged"])
}

/// What is no longer asked is named, and goes when it is told to.
fn prunes_when_it_is_told_to(dir: &Path, name: &str) -> TrialResult {
    fs::remove_file(dir.join("web.yaml"))?;
    let remark = format!(
        "{name} linux/amd64: /app/app.conf is no longer asked for (`kubewright images lock \
         --prune` takes it out)\n"
    );
    holds(&lock(dir, &["--check"], 0)?, &[&remark, "answers all"])?;
    holds(
        &lock(dir, &[], 0)?,
        &[
            &remark,
            "0 read, 1 kept, 0 failed; kubewright.lock unchanged",
        ],
    )?;
    holds(
        &lock(dir, &["--prune"], 0)?,
        &[
            "/app/app.conf is no longer asked for\n",
            "0 read, 1 kept, 0 failed; kubewright.lock written",
        ],
    )?;
    ensure(!locked(dir)?.contains("/app/app.conf"), || {
        "it stays".into()
    })
}

fn sees_a_hand_that_edits(dir: &Path) -> TrialResult {
    let edited = locked(dir)?.replace("uid = 0", "uid    = 0");
    fs::write(dir.join("kubewright.lock"), edited)?;
    holds(
        &lock(dir, &["--check"], 1)?,
        &["it is not in the form that is written\n"],
    )?;
    fs::write(dir.join("kubewright.lock"), "version = 1\nimages = []\n")?;
    for command in [
        &["images", "lock"][..],
        &["fix"],
        &["images", "lock", "--check"],
    ] {
        let output = run(&mut kubewright(dir, command), &[2])?;
        holds(
            &String::from_utf8_lossy(&output.stderr),
            &[
                "kubewright.lock:2:1: unknown key `images`",
                "did you mean `image`?",
            ],
        )?;
    }
    Ok(())
}

/// Images that cannot be read.
struct Failing {
    /// Larger than what is read.
    large: Image,
    /// With a layer that is not the one its digest names.
    damaged: Image,
    /// With the configuration of another image.
    changed: Image,
}

fn push_failing(registry: &Served) -> Result<Failing, Failed> {
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
    Ok(Failing {
        large,
        damaged,
        changed,
    })
}

pub(crate) fn goes_on_when_an_image_fails() -> TrialResult {
    let registry = Served::start()?;
    registry.push("team/web", "1", &web())?;
    let Failing {
        large,
        damaged,
        changed,
    } = push_failing(&registry)?;
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
                "error: {} linux/amd64: a layer has {} bytes, more than the 1 MiB that are read; \
                 `kubewright images lock --max-layer-size MIB` reads larger ones\n",
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
                "error: {} linux/amd64, {} linux/amd64: 127.0.0.1:{} does not have it; check the \
                 name and the tag of the image\n",
                name("missing"),
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
