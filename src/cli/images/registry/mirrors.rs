//! Where else images of a registry are: what the container runtimes of this machine are told about
//! mirrors, in `registries.conf` of Podman, CRI-O and Skopeo, and in `hosts.toml` of containerd.
//!
//! (<https://github.com/containers/image/blob/main/docs/containers-registries.conf.5.md>,
//! <https://github.com/containerd/containerd/blob/main/docs/hosts.md>)

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use oci_client::Reference;
use serde::Deserialize;

/// A place where an image may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// `host[:port]`
    pub(super) registry: String,
    pub(super) repository: String,
}

/// What is known of mirrors.
#[derive(Debug, Default)]
pub(in crate::cli::images) struct Mirrors {
    rules: Vec<Rule>,
    /// Registries that plain HTTP may be spoken with.
    pub(in crate::cli::images) insecure: Vec<String>,
}

/// Images whose names begin in one way are at other places.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Rule {
    /// `host[:port][/path]`, or `*.host`.
    prefix: String,
    /// What takes the place of the prefix, in order; the last one is the registry itself.
    locations: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
struct RegistriesConf {
    #[serde(default)]
    registry: Vec<RegistryTable>,
}

#[derive(Debug, Deserialize)]
struct RegistryTable {
    prefix: Option<String>,
    location: Option<String>,
    #[serde(default)]
    insecure: bool,
    #[serde(default)]
    mirror: Vec<MirrorTable>,
}

#[derive(Debug, Deserialize)]
struct MirrorTable {
    location: String,
    #[serde(default)]
    insecure: bool,
}

#[derive(Debug, Deserialize)]
struct HostsToml {
    server: Option<String>,
    /// By URL.
    #[serde(default)]
    host: toml::Table,
}

impl Mirrors {
    /// Those of this machine and user.
    ///
    /// # Errors
    /// When a file is not understood.
    pub(in crate::cli::images) fn of_machine() -> Result<Self> {
        let mut mirrors = Self::default();
        for file in registries_files() {
            if let Some(text) = read(&file)? {
                mirrors.take_registries(&text).with_context(|| {
                    format!(
                        "{} is no registries.conf that is understood",
                        file.display()
                    )
                })?;
            }
        }
        for directory in hosts_directories() {
            let entries = std::fs::read_dir(&directory)
                .into_iter()
                .flatten()
                .flatten();
            let mut hosts: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
            hosts.sort();
            for host in hosts {
                let file = host.join("hosts.toml");
                let name = host.file_name().and_then(|name| name.to_str());
                if let (Some(name), Some(text)) = (name, read(&file)?) {
                    mirrors.take_hosts(name, &text).with_context(|| {
                        format!("{} is no hosts.toml that is understood", file.display())
                    })?;
                }
            }
        }
        Ok(mirrors)
    }

    fn take_registries(&mut self, text: &str) -> Result<()> {
        let conf: RegistriesConf = toml::from_str(text)?;
        for table in conf.registry {
            let location = table.location.clone().or_else(|| table.prefix.clone());
            let Some(location) = location else {
                continue;
            };
            let prefix = table.prefix.unwrap_or_else(|| location.clone());
            let mut locations = Vec::new();
            for mirror in table.mirror {
                self.allow(&mirror.location, mirror.insecure);
                locations.push(mirror.location);
            }
            self.allow(&location, table.insecure);
            locations.push(location);
            self.add(Rule { prefix, locations });
        }
        Ok(())
    }

    fn take_hosts(&mut self, directory: &str, text: &str) -> Result<()> {
        let hosts: HostsToml = toml::from_str(text)?;
        // `host_port_` stands for `host:port` where a colon cannot be in a name.
        let prefix = match directory.strip_suffix('_').and_then(|d| d.rsplit_once('_')) {
            Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => {
                format!("{host}:{port}")
            }
            _ => directory.to_owned(),
        };
        let mut locations = Vec::new();
        for (url, settings) in &hosts.host {
            let able = settings.get("capabilities").and_then(toml::Value::as_array);
            if able.is_some_and(|all| !all.iter().any(|one| one.as_str() == Some("pull"))) {
                continue;
            }
            let location = self.location(url);
            locations.push(location);
        }
        locations.push(match &hosts.server {
            // The registry of Docker has another name for its credentials than its server has.
            Some(server) if prefix != "_default" && prefix != "docker.io" => self.location(server),
            _ => prefix.clone(),
        });
        self.add(Rule { prefix, locations });
        Ok(())
    }

    /// The place of a URL, without what every registry's begins with.
    fn location(&mut self, url: &str) -> String {
        let (scheme, rest) = url.split_once("://").unwrap_or(("https", url));
        let rest = rest.trim_end_matches('/');
        let rest = rest
            .strip_suffix("/v2")
            .unwrap_or(rest)
            .replace("/v2/", "/");
        self.allow(&rest, scheme == "http");
        rest
    }

    fn allow(&mut self, location: &str, insecure: bool) {
        let registry = location.split('/').next().unwrap_or(location);
        if insecure {
            self.insecure.push(registry.to_owned());
        }
    }

    /// The first file that has a prefix decides.
    fn add(&mut self, rule: Rule) {
        if !self.rules.iter().any(|known| known.prefix == rule.prefix) {
            self.rules.push(rule);
        }
    }

    /// Where an image may be, in the order in which it is looked for; the last place is its own.
    pub(super) fn places(&self, reference: &Reference) -> Vec<Place> {
        let name = format!("{}/{}", reference.registry(), reference.repository());
        let rest = |prefix: &str| {
            if let Some(domain) = prefix.strip_prefix("*.") {
                let host = reference.registry();
                let below = host.strip_suffix(domain).is_some_and(|h| h.ends_with('.'));
                return below.then(|| format!("/{}", reference.repository()));
            }
            if prefix == "_default" {
                return Some(format!("/{}", reference.repository()));
            }
            let rest = name.strip_prefix(prefix)?;
            (rest.is_empty() || rest.starts_with('/')).then(|| rest.to_owned())
        };
        let rules = self.rules.iter().filter_map(|rule| {
            let length = if rule.prefix == "_default" {
                0
            } else {
                rule.prefix.len()
            };
            Some((length, rule, rest(&rule.prefix)?))
        });
        let own = Place {
            registry: reference.registry().to_owned(),
            repository: reference.repository().to_owned(),
        };
        let Some((_, rule, rest)) = rules.max_by_key(|(length, ..)| *length) else {
            return vec![own];
        };
        let kept = |location: &String| location.contains('*') || *location == "_default";
        let place = |location: &String| {
            if kept(location) {
                return Some(own.clone());
            }
            let whole = format!("{location}{rest}");
            let (registry, repository) = whole.split_once('/')?;
            Some(Place {
                registry: registry.to_owned(),
                repository: repository.to_owned(),
            })
        };
        let mut places: Vec<Place> = rule.locations.iter().filter_map(place).collect();
        places.dedup();
        places
    }
}

impl Place {
    /// The image at this place.
    pub(super) fn of(&self, reference: &Reference) -> Reference {
        let (registry, repository) = (self.registry.clone(), self.repository.clone());
        match (reference.tag(), reference.digest()) {
            (Some(tag), Some(digest)) => Reference::with_tag_and_digest(
                registry,
                repository,
                tag.to_owned(),
                digest.to_owned(),
            ),
            (None, Some(digest)) => Reference::with_digest(registry, repository, digest.to_owned()),
            (tag, None) => {
                Reference::with_tag(registry, repository, tag.unwrap_or("latest").to_owned())
            }
        }
    }
}

fn variable(name: &str) -> Option<PathBuf> {
    std::env::var_os(name)
        .filter(|value| !value.is_empty())
        .map(PathBuf::from)
}

/// The user's configuration directory.
fn configuration() -> Option<PathBuf> {
    variable("XDG_CONFIG_HOME").or_else(|| Some(variable("HOME")?.join(".config")))
}

/// The files that count: the one that is named, else the user's, else the machine's, with what lies
/// beside it.
fn registries_files() -> Vec<PathBuf> {
    if let Some(file) = variable("CONTAINERS_REGISTRIES_CONF") {
        return vec![file];
    }
    let user = configuration().map(|home| home.join("containers"));
    let machine = PathBuf::from("/etc/containers");
    let mut files = Vec::new();
    for directory in user.into_iter().chain([machine]) {
        let beside = std::fs::read_dir(directory.join("registries.conf.d"));
        let entries = beside.into_iter().flatten().flatten();
        let mut parts: Vec<PathBuf> = entries
            .map(|entry| entry.path())
            .filter(|path| {
                path.extension()
                    .is_some_and(|extension| extension == "conf")
            })
            .collect();
        // Later parts take precedence over earlier ones, and parts over the file.
        parts.sort();
        files.extend(parts.into_iter().rev());
        files.push(directory.join("registries.conf"));
    }
    files
}

fn hosts_directories() -> Vec<PathBuf> {
    let user = configuration().map(|home| home.join("containerd/certs.d"));
    let machine = PathBuf::from("/etc/containerd/certs.d");
    user.into_iter().chain([machine]).collect()
}

/// The text of a file; `None` where there is none.
#[expect(
    clippy::disallowed_methods,
    reason = "the command line reads what runtimes are told"
)]
fn read(file: &Path) -> Result<Option<String>> {
    match std::fs::read_to_string(file) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", file.display())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(mirrors: &Mirrors, image: &str) -> Vec<String> {
        let reference: Reference = image.parse().expect("a reference");
        mirrors
            .places(&reference)
            .iter()
            .map(|place| place.of(&reference).to_string())
            .collect()
    }

    #[test]
    fn registries_conf_names_mirrors_and_other_places() {
        let mut mirrors = Mirrors::default();
        let text = "unqualified-search-registries = ['docker.io']\n[[registry]]\nprefix = \
                    'docker.io'\nlocation = 'docker.io'\n[[registry.mirror]]\nlocation = \
                    'mirror.example.com/hub'\ninsecure = true\n[[registry]]\nprefix = \
                    'docker.io/team'\nlocation = \
                    'registry.example.com/team'\n[[registry]]\nprefix = '*.internal'\nlocation = \
                    'x'\n";
        mirrors.take_registries(text).expect("understood");
        assert_eq!(
            places(&mirrors, "nginx:1"),
            [
                "mirror.example.com/hub/library/nginx:1",
                "docker.io/library/nginx:1"
            ]
        );
        assert_eq!(
            places(&mirrors, "team/web"),
            ["registry.example.com/team/web:latest"]
        );
        assert_eq!(places(&mirrors, "a.internal/web:2"), ["x/web:2"]);
        assert_eq!(
            places(&mirrors, "teams/web")[1],
            "docker.io/teams/web:latest"
        );
        assert_eq!(places(&mirrors, "quay.io/a/b:1"), ["quay.io/a/b:1"]);
        assert_eq!(mirrors.insecure, ["mirror.example.com"]);
    }

    #[test]
    fn hosts_toml_names_hosts() {
        let mut mirrors = Mirrors::default();
        let text = "server = 'https://registry-1.docker.io'\n[host.'http://mirror:5000']\ncapabilities = \
                    ['pull', 'resolve']\n[host.'https://push.example.com']\ncapabilities = ['push']\n\
                    [host.'https://harbor.example.com/v2/hub']\noverride_path = true\n";
        mirrors.take_hosts("docker.io", text).expect("understood");
        mirrors
            .take_hosts("registry_5000_", "[host.'https://other']\n")
            .expect("understood");
        let found = places(&mirrors, "nginx:1");
        assert!(
            found.contains(&"mirror:5000/library/nginx:1".to_owned()),
            "{found:?}"
        );
        assert!(found.contains(&"harbor.example.com/hub/library/nginx:1".to_owned()));
        assert_eq!(
            found.last().map(String::as_str),
            Some("docker.io/library/nginx:1")
        );
        assert_eq!(found.len(), 3);
        assert_eq!(
            places(&mirrors, "registry:5000/a:1"),
            ["other/a:1", "registry:5000/a:1"]
        );
        assert_eq!(mirrors.insecure, ["mirror:5000"]);
    }
}
