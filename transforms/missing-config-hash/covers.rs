//! What else restarts pods or reloads their configuration, and for which of the ConfigMaps and
//! Secrets that they read.
//!
//! Reloader restarts for what its annotations name, a sidecar reloads what it mounts, a checksum
//! stands for what its key says. Whatever is read besides has nobody who looks after it.

use kubewright_model::kube::{Container, PodTemplate, Site, Target, Workspace};
use kubewright_model::yaml::Node;

/// A source by its kind and name.
type Named<'n> = (Target, &'n str);

/// The annotations of Stakater's Reloader begin, or behind a dot go on, with this
/// (<https://docs.stakater.com/reloader/reference/annotations.html>,
/// `internal/pkg/handler/upgrade.go` of stakater/Reloader).
const RELOADER: &str = "reloader.stakater.com/";

/// Whether Reloader restarts the workload for each of the sources; the annotation that says so. As
/// Reloader does, the annotations of the pod template count where the workload has none of them.
pub(super) fn by_reloader(
    workspace: &Workspace,
    workload: Node<'_>,
    template: Node<'_>,
    sources: &[Named<'_>],
) -> Option<String> {
    let own = |node| {
        annotations(node)
            .filter(|(key, _)| key.contains(RELOADER))
            .collect::<Vec<_>>()
    };
    let acts = |list: &[(&str, &str)]| {
        list.iter().any(|(key, _)| {
            ["/auto", "/reload", "/search"]
                .iter()
                .any(|end| key.ends_with(end))
        })
    };
    let mut list = own(workload);
    if !acts(&list) {
        list = own(template);
    }
    let mut by = None;
    for source in sources {
        by = Some(restarts_for(workspace, &list, *source)?);
    }
    by
}

fn restarts_for(
    workspace: &Workspace,
    list: &[(&str, &str)],
    (to, name): Named<'_>,
) -> Option<String> {
    let value = |key: &str| {
        list.iter()
            .find(|(k, _)| *k == key)
            .map(|(_, value)| *value)
    };
    let kind = to.kind().to_ascii_lowercase();
    let names = |text: &str| text.split(',').any(|pattern| matches(pattern.trim(), name));
    let marked = |key: &str| {
        let on = |node: Node<'_>| annotations(node).any(|(k, v)| k == key && v == "true");
        workspace
            .definitions(to, name)
            .any(|resource| workspace.node(resource.id).is_some_and(on))
    };
    if value(&format!("{kind}s.exclude.{RELOADER}reload")).is_some_and(names)
        || marked("reloader.stakater.com/ignore")
    {
        return None;
    }
    let found = [format!("{RELOADER}auto"), format!("{kind}.{RELOADER}auto")];
    if let Some(key) = found.iter().find(|key| value(key) == Some("true")) {
        return Some(key.clone());
    }
    let list = format!("{kind}.{RELOADER}reload");
    if value(&list).is_some_and(names) {
        return Some(list);
    }
    let search = format!("{RELOADER}search");
    (value(&search) == Some("true") && marked("reloader.stakater.com/match")).then_some(search)
}

/// The list of ConfigMaps for which Reloader restarts a workload, and those of the sources that it
/// leaves out though it may name them; where there is such a list, and it names one of the sources
/// or nothing else covers them.
pub(super) fn reloader_list<'n>(
    workspace: &Workspace,
    workload: Node<'n>,
    names: &[Named<'n>],
) -> Option<(Node<'n>, Vec<&'n str>)> {
    let key = format!("configmap.{RELOADER}reload");
    let list = workload.path(&["metadata", "annotations"])?.get(&key)?;
    list.text()
        .filter(|text| !text.trim().is_empty() && !text.contains(['{', '$']))?;
    let own: Vec<_> = annotations(workload)
        .filter(|(key, _)| key.contains(RELOADER))
        .collect();
    let left: Vec<Named<'n>> = names
        .iter()
        .copied()
        .filter(|name| restarts_for(workspace, &own, *name).is_none())
        .collect();
    // Those that are excluded, or ignored, stay so when the list names them.
    let mut more = own.clone();
    let all = left.iter().map(|(_, name)| *name).collect::<Vec<_>>();
    let joined = all.join(",");
    more.retain(|(k, _)| *k != key);
    more.push((&key, &joined));
    let takes = left
        .iter()
        .all(|name| name.0 == Target::ConfigMap && restarts_for(workspace, &more, *name).is_some());
    (takes && !left.is_empty()).then_some((list, all))
}

/// Whether a pattern of Reloader's lists, an anchored regular expression, means the name. What is
/// more than a wildcard is taken to.
fn matches(pattern: &str, name: &str) -> bool {
    if pattern.contains(['[', '(', '|', '+', '?', '{', '^', '$', '\\']) {
        return true;
    }
    let mut parts = pattern.split(".*").flat_map(|part| part.split('*'));
    let Some(first) = parts.next() else {
        return false;
    };
    let Some(mut rest) = name.strip_prefix(first) else {
        return false;
    };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else {
        return rest.is_empty();
    };
    for part in middle {
        let Some(at) = rest.find(part) else {
            return false;
        };
        rest = rest.get(at + part.len()..).unwrap_or_default();
    }
    rest.ends_with(last)
}

/// Words of keys that say how something is told, and so nothing of what.
const HOW: &[&str] = &[
    "checksum", "hash", "sha", "sha1", "sha256", "sha512", "md5", "digest", "version", "revision",
    "rev",
];
/// Words that tell the content itself: others may count the releases of anything.
const DIGESTS: &[&str] = &[
    "checksum", "hash", "sha", "sha1", "sha256", "sha512", "md5", "digest",
];
/// Words for configuration of any kind.
const CONFIGURATION: &[&str] = &[
    "config",
    "configs",
    "configmap",
    "configmaps",
    "configuration",
    "cm",
    "conf",
    "settings",
    "env",
];
/// Words for Secrets.
const SECRETS: &[&str] = &[
    "secret",
    "secrets",
    "credential",
    "credentials",
    "password",
    "passwords",
    "tls",
    "cert",
    "certs",
    "certificate",
];
/// Words for what is no configuration: images, sources, and the template as a whole, each with a
/// hash of its own.
const OTHERS: &[&str] = &[
    "image",
    "git",
    "commit",
    "build",
    "source",
    "vcs",
    "container",
    "chart",
    "app",
    "pod",
    "template",
    "deployment",
];

/// Whether an annotation says which configuration a pod has, for each of the sources. Those of the
/// tool itself aside.
pub(super) fn by_checksum(key: &str, value: &str, sources: &[Named<'_>]) -> bool {
    let words = words(key.rsplit_once('/').map_or(key, |(prefix, name)| {
        if has(&words(name), HOW) && !is_domain(prefix) {
            key
        } else {
            name
        }
    }));
    let whole = self::words(key);
    let told = has(&words, DIGESTS) || has(&whole, DIGESTS);
    let configuration = has(&whole, CONFIGURATION) || fused(key);
    let by_value = configuration && looks_like_digest(value);
    if !(told || by_value || fused(key) || (configuration && has(&words, HOW))) {
        return false;
    }
    let what: Vec<&str> = words
        .iter()
        .map(String::as_str)
        .filter(|word| !HOW.contains(word))
        .collect();
    if !configuration && what.iter().any(|word| OTHERS.contains(word)) {
        return false;
    }
    sources.iter().all(|(to, name)| {
        if *to == Target::Secret {
            return true;
        }
        let named = what
            .iter()
            .any(|word| word.len() > 2 && name.contains(word));
        named || configuration || !what.iter().any(|word| SECRETS.contains(word))
    })
}

/// `confighash`, `configsha`: words that are written as one.
fn fused(key: &str) -> bool {
    let lower = key.to_ascii_lowercase();
    CONFIGURATION[..5].iter().any(|word| {
        DIGESTS
            .iter()
            .any(|how| lower.contains(&format!("{word}{how}")))
    })
}

fn is_domain(prefix: &str) -> bool {
    prefix.contains('.')
}

fn has(words: &[String], list: &[&str]) -> bool {
    words.iter().any(|word| list.contains(&word.as_str()))
}

/// The words of a key: `configHash/nginx-config_sha256` are `config`, `hash`, `nginx`, `config`,
/// `sha256`.
fn words(key: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut lower = false;
    for c in key.chars() {
        if !c.is_ascii_alphanumeric() || (lower && c.is_ascii_uppercase()) {
            words.push(String::new());
        }
        if c.is_ascii_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.push(c.to_ascii_lowercase());
        }
        lower = c.is_ascii_lowercase();
    }
    words.retain(|word| !word.is_empty());
    words
}

/// `sha256:…`, or as many hexadecimal digits as MD5, SHA-1 or SHA-256 have.
fn looks_like_digest(value: &str) -> bool {
    let hex = |text: &str| {
        matches!(text.len(), 32 | 40 | 64 | 128) && text.bytes().all(|c| c.is_ascii_hexdigit())
    };
    ["sha256:", "sha256-", "sha1:", "md5:"]
        .iter()
        .any(|mark| value.starts_with(mark))
        || hex(value)
}

/// Parts of image names of sidecars that reload the configuration of their neighbour.
const SIDECARS: &[&str] = &["configmap-reload", "config-reload", "k8s-sidecar"];

/// Arguments by which a program reloads all that it mounts: Prometheus 3
/// (<https://prometheus.io/docs/prometheus/latest/configuration/configuration/>), Vector
/// (<https://vector.dev/docs/reference/cli/>), Telegraf
/// (<https://docs.influxdata.com/telegraf/v1/commands/>), OPA
/// (<https://www.openpolicyagent.org/docs/latest/cli/>), blackbox exporter.
const RELOAD_ARGUMENTS: &[&str] = &[
    "--config.auto-reload-interval",
    "--enable-feature=auto-reload-config",
    "auto-reload-config",
    "--config.enable-auto-reload",
    "--watch-config",
    "--watch",
    "--reload",
    "--auto-reload",
];

/// Arguments that name a file or directory which the program reads again when it changes, whatever
/// else it mounts: Thanos (<https://thanos.io/tip/components/receive.md/>), Traefik's file provider
/// (<https://doc.traefik.io/traefik/providers/file/>), the runtime configuration of Loki, Mimir and
/// Cortex (<https://grafana.com/docs/mimir/latest/configure/about-runtime-configuration/>),
/// oauth2-proxy (<https://oauth2-proxy.github.io/oauth2-proxy/configuration/overview/>).
const WATCHED_FILES: &[&str] = &[
    "--receive.hashrings-file",
    "--store.sd-files",
    "--endpoint.sd-config-file",
    "--providers.file.filename",
    "--providers.file.directory",
    "--runtime-config.file",
    "-runtime-config.file",
    "--authenticated-emails-file",
    "--htpasswd-file",
];

/// As [`WATCHED_FILES`], of programs whose arguments have common names: part of the image, and the
/// arguments. Prow (<https://docs.prow.k8s.io/docs/components/plugins/updateconfig/>),
/// kube-state-metrics
/// (<https://github.com/kubernetes/kube-state-metrics/blob/main/docs/metrics/extend/customresourcestate-metrics.md>).
const WATCHED_FILES_OF: &[(&str, &[&str])] = &[
    ("k8s-prow/", PROW),
    ("k8s-infra-prow/", PROW),
    (
        "kube-state-metrics",
        &["--custom-resource-state-config-file"],
    ),
];

const PROW: &[&str] = &["--config-path", "--job-config-path", "--plugin-config"];

/// Paths below which an image reads files again by itself: part of its name (of the whole one,
/// where there is a slash), path. Dashboards of
/// Grafana (<https://grafana.com/docs/grafana/latest/administration/provisioning/#dashboards>),
/// the local path provisioner (<https://github.com/rancher/local-path-provisioner#configuration>),
/// Traefik's file provider, Falco (<https://falco.org/docs/reference/daemon/config-options/>,
/// `watch_config_files`), Gatus (<https://github.com/TwiN/gatus#reloading-configuration-on-the-fly>),
/// where Prow looks by default; Ceph CSI opens the list of its clusters at each request
/// (<https://github.com/ceph/ceph-csi/blob/devel/internal/util/csiconfig.go>), and a restart of it
/// ends the FUSE mounts of the pods on its node; Argo Events
/// (<https://github.com/argoproj/argo-events/blob/master/pkg/reconciler/config.go>). Servers of
/// pages open these at each request: nginx (<https://nginx.org/en/docs/http/ngx_http_core_module.html#open_file_cache>),
/// httpd, Homer (<https://github.com/bastienwirtz/homer/blob/main/docs/configuration.md>).
const WATCHED_PATHS: &[(&str, &str)] = &[
    ("argo-events", "/etc/argo-events"),
    ("cephcsi", "/etc/ceph-csi-config"),
    ("falco", "/etc/falco"),
    ("gatus", "/config"),
    ("homer", "/www/assets"),
    ("httpd", "/usr/local/apache2/htdocs"),
    ("nginx", "/usr/share/nginx/html"),
    ("grafana", "/var/lib/grafana/dashboards"),
    ("k8s-infra-prow/", "/etc/plugins"),
    ("k8s-prow/", "/etc/plugins"),
    ("local-path-provisioner", "/etc/config"),
    ("traefik", "/etc/traefik/dynamic"),
];

/// What reloads all that the template reads without a restart. What is read through variables, or
/// mounted through `subPath`, never changes in a running container, whoever watches.
pub(super) fn by_program(template: &PodTemplate<'_>, sources: &[Named<'_>]) -> Option<String> {
    let containers = template.containers();
    let mut by = None;
    for source in sources {
        let mut references = template
            .references()
            .into_iter()
            .filter(|r| (r.to, r.name) == *source)
            .peekable();
        references.peek()?;
        for reference in references {
            let (Site::Volume { volume, .. } | Site::Projected { volume, .. }) = reference.site
            else {
                return None;
            };
            let name = volume.get("name").and_then(Node::text)?;
            let fixed = |mount: Node<'_>| {
                mount.get("subPath").is_some() || mount.get("subPathExpr").is_some()
            };
            if containers
                .iter()
                .any(|container| mounts_of(container.node, name).any(fixed))
            {
                return None;
            }
            let watcher = containers.iter().find_map(|container| {
                let paths: Vec<&str> = mounts_of(container.node, name)
                    .filter_map(|m| m.get("mountPath").and_then(Node::text))
                    .collect();
                if paths.is_empty() {
                    None
                } else {
                    watches(container, &paths)
                }
            });
            by = Some(watcher?);
        }
    }
    by
}

/// The mounts of a volume in a container.
fn mounts_of<'n>(container: Node<'n>, volume: &'n str) -> impl Iterator<Item = Node<'n>> {
    let mounts = container
        .get("volumeMounts")
        .into_iter()
        .flat_map(Node::items);
    mounts.filter(move |mount| mount.get("name").and_then(Node::text) == Some(volume))
}

/// What of a container reads files below these paths again.
fn watches(container: &Container<'_>, paths: &[&str]) -> Option<String> {
    let image = container
        .node
        .get("image")
        .and_then(Node::text)
        .unwrap_or_default();
    let repository = image.rsplit('/').next().unwrap_or_default();
    let below = |path: &str, directory: &str| {
        let rest = path.strip_prefix(directory.trim_end_matches('/'));
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    if SIDECARS.iter().any(|part| repository.contains(part))
        || WATCHED_PATHS.iter().any(|(part, path)| {
            let name = if part.contains('/') {
                image
            } else {
                repository
            };
            name.contains(part) && paths.iter().any(|mount| below(mount, path))
        })
    {
        return Some(format!("container {}", container.name));
    }
    let words: Vec<&str> = ["command", "args"]
        .into_iter()
        .filter_map(|field| container.node.get(field))
        .flat_map(Node::items)
        .filter_map(Node::text)
        .collect();
    if let Some(directory) = words
        .iter()
        .flat_map(|word| watched_directories(word))
        .find(|directory| paths.iter().any(|mount| below(directory, mount)))
    {
        return Some(format!(
            "Envoy of container {} watches {directory} and",
            container.name
        ));
    }
    words.iter().enumerate().find_map(|(at, word)| {
        let (flag, value) = word
            .split_once('=')
            .map_or((*word, words.get(at + 1).copied()), |(flag, value)| {
                (flag, Some(value))
            });
        let off = value.is_some_and(|value| matches!(value, "false" | "0" | "0s"));
        let all = RELOAD_ARGUMENTS
            .iter()
            .any(|known| flag == *known || *word == *known);
        let of_image = WATCHED_FILES_OF
            .iter()
            .any(|(part, flags)| image.contains(part) && flags.contains(&flag));
        let named = (of_image || WATCHED_FILES.contains(&flag))
            && value.is_some_and(|value| {
                paths
                    .iter()
                    .any(|mount| below(value, mount) || below(mount, value))
            });
        ((all && !off) || named || word.contains("auto-reload-config"))
            .then(|| format!("{word} of container {}", container.name))
    })
}

/// The directories that a bootstrap configuration of Envoy in an argument (`--config-yaml`) has
/// watched: a file of resources there is read again when a ConfigMap is updated
/// (<https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/core/v3/config_source.proto#config-core-v3-pathconfigsource>).
/// A bootstrap that lies in a ConfigMap is read once, and so its ConfigMap is not covered.
fn watched_directories(text: &str) -> impl Iterator<Item = &str> {
    let behind = text.split("watched_directory").skip(1);
    behind.filter_map(|rest| {
        let (between, rest) = rest.split_once("path")?;
        let mark = |c: char| c.is_whitespace() || matches!(c, ':' | '{' | '"' | '\'');
        let path = rest.trim_start_matches(mark);
        let end = path.find(|c: char| mark(c) || matches!(c, '}' | ','));
        let path = path.get(..end.unwrap_or(path.len()))?.trim_end_matches('/');
        (between.chars().all(mark) && path.starts_with('/')).then_some(path)
    })
}

/// The annotations of a resource or a pod template.
pub(super) fn annotations(node: Node<'_>) -> impl Iterator<Item = (&str, &str)> {
    let map = node.path(&["metadata", "annotations"]);
    map.into_iter()
        .flat_map(Node::entries)
        .filter_map(|(k, v)| Some((k.text()?, v.text().unwrap_or_default())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_those_of_reloader() {
        assert!(
            matches("web", "web")
                && matches("web-.*", "web-config")
                && matches(".*", "web")
                && matches("web-*", "web-config")
        );
        assert!(
            !matches("web", "web-config")
                && !matches("config", "web-config")
                && !matches("a.*z", "web")
        );
    }

    #[test]
    fn envoy_names_what_it_watches() {
        let found = |text| watched_directories(text).collect::<Vec<_>>();
        assert_eq!(
            found(
                "path_config_source:\n  path: /xds/cds.yaml\n  watched_directory:\n    path: \
                 /xds\n"
            ),
            ["/xds"]
        );
        assert_eq!(
            found(r#"{"path": "/xds/a", "watched_directory": {"path": "/xds/"}}"#),
            ["/xds"]
        );
        assert_eq!(found("path: /xds/cds.yaml\n"), [""; 0]);
    }

    #[test]
    fn a_checksum_stands_for_what_its_key_says() {
        let map = [(Target::ConfigMap, "web-env")];
        let is = |key: &str, value: &str| by_checksum(key, value, &map);
        for key in [
            "checksum/config",
            "config/hash",
            "configmap-etc-hash",
            "strimzi.io/configuration-hash",
            "opentelemetry-operator-config/sha256",
            "md5/config",
            "cm-hash",
            "nginx-config-hash",
            "example.com/config-version",
            "configHash",
            "confighash",
            "checksum/web",
            "checksum/secret-config",
            "checksum/all",
        ] {
            assert!(is(key, "x"), "{key}");
        }
        assert!(is("example.com/config", "sha256:0123"));
        for key in [
            "checksum/secret",
            "checksum/tls",
            "example.com/version",
            "image-digest",
            "git-sha",
            "prometheus.io/scrape",
            "sha/credentials",
        ] {
            assert!(!is(key, "x"), "{key}");
        }
    }
}
