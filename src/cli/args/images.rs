//! What `images` takes.

use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args as ClapArgs, Subcommand};

/// The subcommands of `images`.
#[derive(Debug, Subcommand)]
pub enum ImagesCommand {
    /// Write kubewright.lock: what the images that decide a finding are and do
    #[command(after_long_help = LOCK_HELP)]
    Lock(LockArgs),
}

const LOCK: &str = "The lock";
const REGISTRIES: &str = "Where images are read";

/// The arguments of `images lock`.
#[derive(Debug, ClapArgs)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag")]
pub struct LockArgs {
    /// Files and directories whose images are asked
    #[arg(value_name = "PATH", default_value = ".")]
    pub paths: Vec<PathBuf>,
    /// Say whether the lock is up to date; reads no image
    #[arg(long, help_heading = LOCK, conflicts_with_all = ["upgrade", "from"])]
    pub check: bool,
    /// With --check: ask whether tags have moved
    ///
    /// The registries are asked whether the tags still name the images that are locked.
    #[arg(long, help_heading = LOCK, requires = "check")]
    pub tags: bool,
    /// Resolve the tags of locked images again
    #[arg(long, help_heading = LOCK)]
    pub upgrade: bool,
    /// Take out what is no longer asked
    ///
    /// For example because a fix made the question needless.
    #[arg(long, help_heading = LOCK, conflicts_with = "check")]
    pub prune: bool,
    /// oci:DIR, docker-archive:FILE, docker-daemon:IMAGE, podman:IMAGE
    ///
    /// Read images from there, and none from a registry. docker-archive:- is standard input;
    /// docker-daemon: and podman: read all images that are asked for from the engine of this
    /// machine (`DOCKER_HOST`, `CONTAINER_HOST`).
    #[arg(long, value_name = "ARCHIVE", help_heading = REGISTRIES)]
    pub from: Vec<Archive>,
    /// Plain HTTP with this host or host:port
    ///
    /// Speak plain HTTP with this registry, `host` or `host:port`, if it does not speak HTTPS.
    #[arg(long, value_name = "HOST", help_heading = REGISTRIES)]
    pub insecure_registry: Vec<String>,
    /// How long it may keep silent
    ///
    /// A registry that is silent for longer is given up.
    #[arg(
        long,
        value_name = "SECONDS",
        default_value_t = 30,
        value_parser = clap::value_parser!(u64).range(1..=3600),
        help_heading = REGISTRIES
    )]
    pub timeout: u64,
    /// Largest layer that is read
    ///
    /// In MiB, as it is stored.
    #[arg(
        long,
        value_name = "MIB",
        default_value_t = 4096,
        value_parser = clap::value_parser!(u64).range(1..),
        help_heading = REGISTRIES
    )]
    pub max_layer_size: u64,
    /// How much is kept for another run
    ///
    /// Of what registries gave, in MiB; 0 keeps nothing.
    #[arg(
        long,
        value_name = "MIB",
        default_value_t = 2048,
        help_heading = REGISTRIES
    )]
    pub cache_limit: u64,
    /// Render charts, and ask the images of what they make
    ///
    /// By the helm on PATH, or by the one behind =; with all their sets of values, as `fix --helm`
    /// does.
    #[arg(
        long,
        value_name = "PROGRAM",
        num_args = 0..=1,
        require_equals = true,
        help_heading = LOCK
    )]
    pub helm: Option<Option<PathBuf>>,
    /// Read this and not the nearest kubewright.toml
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

const LOCK_HELP: &str = "\
Images that are locked stay as they are; what is missing is added, what is no longer asked is \
                         named, and goes with --prune.
Layers are kept by digest in $XDG_CACHE_HOME/kubewright, else ~/.cache/kubewright: a run that was \
                         interrupted goes on where it was.
Credentials are those of Docker: config.json in DOCKER_CONFIG or ~/.docker, and the helpers it \
                         names.
Mirrors are those of the container runtimes: registries.conf (CONTAINERS_REGISTRIES_CONF), and \
                         hosts.toml of containerd.

Exit status:
  0  the lock answers all that is asked
  1  an image cannot be read, or --check found the lock stale or a tag that moved
  2  usage, input or internal error";

/// Images on this machine, as they are typed.
#[derive(Debug, Clone)]
pub enum Archive {
    /// `oci:DIR`: an OCI image layout.
    Oci(PathBuf),
    /// `docker-archive:FILE`: what `docker save` writes; `-` is standard input.
    Docker(PathBuf),
    /// `docker-daemon:[IMAGE]`, `podman:[IMAGE]`: what an engine has.
    Daemon(Engine, String),
}

/// A program that keeps images and serves the Docker Engine API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// Docker.
    Docker,
    /// Podman.
    Podman,
}

impl Engine {
    /// How `--from` names it.
    pub fn prefix(self) -> &'static str {
        match self {
            Self::Docker => "docker-daemon",
            Self::Podman => "podman",
        }
    }

    /// How messages name it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Docker => "the Docker daemon",
            Self::Podman => "Podman",
        }
    }

    /// Its command line.
    pub fn program(self) -> &'static str {
        match self {
            Self::Docker => "docker",
            Self::Podman => "podman",
        }
    }

    /// The environment variable that names its socket.
    pub fn variable(self) -> &'static str {
        match self {
            Self::Docker => "DOCKER_HOST",
            Self::Podman => "CONTAINER_HOST",
        }
    }
}

impl FromStr for Archive {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected =
            "`oci:DIR`, `docker-archive:FILE`, `docker-daemon:IMAGE` or `podman:IMAGE` is expected";
        match text.split_once(':') {
            Some(("docker-daemon", image)) => Ok(Self::Daemon(Engine::Docker, image.into())),
            Some(("podman", image)) => Ok(Self::Daemon(Engine::Podman, image.into())),
            Some(("containerd", image)) => {
                let image = if image.is_empty() { "IMAGE" } else { image };
                Err(format!(
                    "containerd serves no such interface: `ctr -n k8s.io images export - {image} \
                     | kubewright images lock --from docker-archive:-` reads what it has"
                ))
            }
            Some((_, "")) | None => Err(expected.into()),
            Some(("oci", path)) => Ok(Self::Oci(path.into())),
            Some(("docker-archive", path)) => Ok(Self::Docker(path.into())),
            Some((kind, _)) => Err(format!("`{kind}` is unknown: {expected}")),
        }
    }
}
