//! Images that are at other places than their names say, as the container runtimes are told.

use std::fs;
use std::path::Path;

use libtest_mimic::Failed;

use crate::served::Served;
use crate::support::TrialResult;
use crate::{deployment, holds, lock_as, locked, web, workspace};

/// A registry that nobody has.
const NAME: &str = "registry.invalid/team/web:1";

/// The image is read from the mirror; the lock has the name of the manifest.
fn read_from_mirror(home: &Path, conf: Option<&Path>, status: i32) -> Result<String, Failed> {
    let dir = workspace(&[("web.yaml", deployment("web", NAME, "/app/app.conf", ""))])?;
    let said = lock_as(dir.path(), &["--timeout", "5"], status, |command| {
        command
            .env("DOCKER_CONFIG", home.join("nobody"))
            .env("XDG_CONFIG_HOME", home);
        if let Some(conf) = conf {
            command.env("CONTAINERS_REGISTRIES_CONF", conf);
        }
    })?;
    if status == 0 {
        holds(&locked(dir.path())?, &[&format!("image = \"{NAME}\"")])?;
    }
    Ok(said)
}

pub(crate) fn mirrors() -> TrialResult {
    let registry = Served::start()?;
    registry.push("hub/team/web", "1", &web())?;
    registry.push("team/web", "1", &web())?;
    let host = format!("127.0.0.1:{}", registry.port);
    let home = tempfile::tempdir()?;
    // Podman, CRI-O and Skopeo: the first mirror is not there.
    let conf = home.path().join("registries.conf");
    let mirrors = format!(
        "[[registry]]\nprefix = 'registry.invalid'\n[[registry.mirror]]\nlocation = \
         '127.0.0.1:1'\n[[registry.mirror]]\nlocation = '{host}/hub'\n"
    );
    fs::write(&conf, mirrors)?;
    holds(&read_from_mirror(home.path(), Some(&conf), 0)?, &["1 read"])?;
    fs::write(
        &conf,
        "[[registry]]\nlocation = 'registry.invalid'\n[[registry.mirror]]\nlocation = \
         '127.0.0.1:1'\n",
    )?;
    let failed = read_from_mirror(home.path(), Some(&conf), 1)?;
    holds(
        &failed,
        &[
            "registry.invalid cannot be reached",
            "(mirror: 127.0.0.1:1 cannot be reached",
        ],
    )?;
    fs::write(&conf, "[[registry]\n")?;
    let broken = read_from_mirror(home.path(), Some(&conf), 2)?;
    holds(&broken, &["is no registries.conf that is understood"])?;
    // containerd.
    fs::remove_file(&conf)?;
    let hosts = home.path().join("containerd/certs.d/registry.invalid");
    fs::create_dir_all(&hosts)?;
    let text = format!(
        "server = 'https://registry.invalid'\n[host.'http://{host}']\ncapabilities = ['pull', \
         'resolve']\n"
    );
    fs::write(hosts.join("hosts.toml"), text)?;
    holds(&read_from_mirror(home.path(), None, 0)?, &["1 read"])
}
