//! What a pod template asks for: one source a ConfigMap or Secret, in the order of first reference,
//! with the keys that reach the pod.

use std::collections::BTreeSet;

use kubewright_model::kube::{Keys, PodTemplate, Reference, Site, Target};
use kubewright_model::text::{Named, Text};
use kubewright_model::yaml::Node;

use super::Options;

/// How much of a source is read besides the keys that are named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Extent {
    Nothing,
    /// `envFrom`
    Data,
    /// A volume: `data` and `binaryData`.
    All,
}

/// A ConfigMap or Secret that a pod template reads, and what of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ConsumedConfig<'a> {
    /// What it is.
    pub to: Target,
    /// Its name, as it is referenced.
    pub name: &'a str,
    /// The pod starts without it.
    pub optional: bool,
    /// Keys that are named.
    pub keys: BTreeSet<String>,
    /// Those of them without which the pod does not start.
    pub required: BTreeSet<String>,
    /// What else is read.
    pub extent: Extent,
    /// Something of it is read through a volume.
    pub volume: bool,
    /// All of it is, and as whole directories: what is mounted through `subPath` never changes.
    pub only_volumes: bool,
}

impl ConsumedConfig<'_> {
    /// `ConfigMap app-config`
    pub(super) fn display(&self) -> Named {
        Named::new(self.to.kind(), self.name)
    }

    /// Its kind and name, for [`list`].
    pub(super) fn label(&self) -> (Target, String) {
        (self.to, self.name.to_owned())
    }
}

/// `ConfigMap a`, `ConfigMaps a and b`, `ConfigMaps a, b and c and Secret d`
pub(super) fn list(labels: &[(Target, String)]) -> Text {
    let kinds = [Target::ConfigMap, Target::Secret].map(|kind| {
        let of_kind = labels.iter().filter(|(to, _)| *to == kind);
        Text::list_of(kind.kind(), of_kind.map(|(_, name)| name))
    });
    Text::joined(kinds.into_iter().filter(|names| !names.is_empty()), " and ")
}

/// Where images look for what they take in once, while their data directory is empty: databases
/// (<https://github.com/docker-library/docs/blob/master/postgres/README.md#initialization-scripts>),
/// Oracle's (<https://github.com/gvenzl/oci-oracle-free#initialization-scripts>), `OpenLDAP`
/// (<https://github.com/osixia/docker-openldap#seed-ldap-database-with-ldif>,
/// <https://github.com/bitnami/containers/tree/main/bitnami/openldap#configuration>), the realms of
/// Keycloak (<https://www.keycloak.org/server/importExport#_importing_a_realm_during_startup>).
const FIRST_START: &[&str] = &[
    "/docker-entrypoint-initdb.d",
    "/docker-entrypoint-preinitdb.d",
    "/container-entrypoint-initdb.d",
    "/opt/oracle/scripts/setup",
    "/container/service/slapd/assets/config/bootstrap",
    "/ldifs",
    "/opt/keycloak/data/import",
];

/// Variables that an image takes in once, while its data directory is empty: its name, the
/// beginnings of variables. `mysql`, `mariadb`, `postgres` and `mongo`
/// (<https://github.com/docker-library/docs/blob/master/mysql/README.md#environment-variables>, and
/// the pages of the others beside it), `rabbitmq`
/// (<https://www.rabbitmq.com/docs/access-control#default-state>).
const FIRST_START_VARIABLES: &[(&str, &[&str])] = &[
    (
        "mysql",
        &[
            "MYSQL_DATABASE",
            "MYSQL_PASSWORD",
            "MYSQL_ROOT_",
            "MYSQL_USER",
        ],
    ),
    (
        "mariadb",
        &[
            "MARIADB_DATABASE",
            "MARIADB_PASSWORD",
            "MARIADB_ROOT_",
            "MARIADB_USER",
            "MYSQL_DATABASE",
            "MYSQL_PASSWORD",
            "MYSQL_ROOT_",
            "MYSQL_USER",
        ],
    ),
    (
        "postgres",
        &[
            "POSTGRES_DB",
            "POSTGRES_INITDB_",
            "POSTGRES_PASSWORD",
            "POSTGRES_USER",
        ],
    ),
    (
        "postgis",
        &["POSTGRES_DB", "POSTGRES_PASSWORD", "POSTGRES_USER"],
    ),
    ("mongo", &["MONGO_INITDB_"]),
    ("rabbitmq", &["RABBITMQ_DEFAULT_"]),
];

/// What the template reads at every start, in the order of first reference.
pub(super) fn consumed<'a>(
    template: &PodTemplate<'a>,
    options: &Options,
) -> Vec<ConsumedConfig<'a>> {
    gather(
        template
            .references()
            .into_iter()
            .filter(|r| !at_first_start(template, r)),
        options,
    )
}

/// What it reads at any time, whatever the options leave out.
pub(super) fn all<'a>(template: &PodTemplate<'a>) -> Vec<ConsumedConfig<'a>> {
    let options = Options {
        secrets: true,
        ..Options::default()
    };
    gather(template.references().into_iter(), &options)
}

/// What it reads at the first start only.
pub(super) fn first_start<'a>(
    template: &PodTemplate<'a>,
    options: &Options,
) -> Vec<ConsumedConfig<'a>> {
    gather(
        template
            .references()
            .into_iter()
            .filter(|r| at_first_start(template, r)),
        options,
    )
}

/// Whether a reference is a volume that is mounted for the scripts of a first start and nowhere
/// else, or a variable of the first start.
fn at_first_start(template: &PodTemplate<'_>, reference: &Reference<'_>) -> bool {
    if let Site::Env { container, entry } = reference.site {
        return is_of_first_start(container, entry);
    }
    let (Site::Volume { volume, .. } | Site::Projected { volume, .. }) = reference.site else {
        return false;
    };
    let name = volume.get("name").and_then(Node::text);
    let containers = template.containers();
    let mounts = containers
        .iter()
        .filter_map(|c| c.node.get("volumeMounts"))
        .flat_map(Node::items);
    let paths = mounts
        .filter(|m| m.get("name").and_then(Node::text) == name)
        .map(|m| m.get("mountPath").and_then(Node::text));
    let below = |path: &str, first: &str| {
        path.strip_prefix(first)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let mut paths = paths
        .map(|path| path.is_some_and(|path| FIRST_START.iter().any(|first| below(path, first))));
    paths.next().is_some_and(|first| first && paths.all(|p| p))
}

/// Whether an image takes in a variable at its first start alone. Other images of that family, such
/// as exporters and clients, read it each time.
fn is_of_first_start(container: Node<'_>, entry: Node<'_>) -> bool {
    let text =
        |node: Node<'_>, field: &str| node.get(field).and_then(Node::text).map(str::to_owned);
    let (Some(image), Some(name)) = (text(container, "image"), text(entry, "name")) else {
        return false;
    };
    let repository = image.rsplit('/').next().unwrap_or_default();
    let repository = repository.split([':', '@']).next().unwrap_or_default();
    FIRST_START_VARIABLES.iter().any(|(image, variables)| {
        repository == *image && variables.iter().any(|variable| name.starts_with(variable))
    })
}

fn gather<'a>(
    references: impl Iterator<Item = Reference<'a>>,
    options: &Options,
) -> Vec<ConsumedConfig<'a>> {
    let secrets = options.hashes_secrets();
    let mut sources: Vec<ConsumedConfig<'a>> = Vec::new();
    for reference in references {
        let unread = match &reference.demand.reads {
            Keys::None => true,
            Keys::Some(keys) => keys.is_empty(),
            Keys::AllData | Keys::All => reference.site == Site::Other,
        };
        if unread || reference.name.is_empty() || (reference.to == Target::Secret && !secrets) {
            continue;
        }
        let known = sources
            .iter()
            .position(|s| s.to == reference.to && s.name == reference.name)
            .unwrap_or_else(|| {
                sources.push(ConsumedConfig {
                    to: reference.to,
                    name: reference.name,
                    optional: true,
                    keys: BTreeSet::new(),
                    required: BTreeSet::new(),
                    extent: Extent::Nothing,
                    volume: false,
                    only_volumes: true,
                });
                sources.len() - 1
            });
        let Some(source) = sources.get_mut(known) else {
            continue;
        };
        source.optional &= reference.optional;
        let volume = matches!(reference.site, Site::Volume { .. } | Site::Projected { .. });
        source.volume |= volume;
        // What is mounted through `subPath` alone reads keys by name; a volume with `items` does
        // too, which is as well.
        source.only_volumes &= volume && matches!(reference.demand.reads, Keys::All);
        match reference.demand.reads {
            Keys::None => {}
            Keys::Some(keys) => {
                if !reference.optional {
                    source.required.extend(keys.iter().cloned());
                }
                source.keys.extend(keys);
            }
            Keys::AllData => source.extent = source.extent.max(Extent::Data),
            Keys::All => source.extent = Extent::All,
        }
    }
    options.leave_out(&mut sources);
    sources
}
