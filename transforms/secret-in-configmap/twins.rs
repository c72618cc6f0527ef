//! Fields of custom resources that read a ConfigMap and could read a Secret in its place, as data:
//! each with what it becomes and the reference that says so.
//!
//! A field that is not here has no such twin, or one of another shape (a list of its own, a Secret
//! of a certain type): `customQueriesSecret` of `CloudNativePG`, `secretTargetRef` of KEDA,
//! `ClusterResourceSet`, `metricsConfig` of Strimzi, parameters of Argo Workflows. What it reads
//! stays where it is.

use kubewright_model::finding::NoFix;
use kubewright_model::kube::{Certainty, FieldReference, ResourceId};
use kubewright_model::text;
use kubewright_model::text::Field;
use kubewright_model::yaml::{Edit, Node, Place, Value};

use super::codes::Code;
use super::repoint::{Parted, env_from, odd, of_projected, of_volume, only, parted, renamed};
use super::split::Split;

/// How a field is pointed at a Secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Twin {
    /// The mapping with the name gets this key, and the name this one.
    Key(&'static str, &'static str),
    /// The field beside the name that states the kind.
    Kind(&'static str),
    /// As `envFrom` of a container: a Secret behind it.
    EnvFrom,
    /// As a volume of a pod, which may become one of both.
    Volume,
    /// As a source of a projected volume: a Secret's behind it, or in its place.
    Projected,
}

/// What a field reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reads {
    /// The key that stands beside the name, or this one.
    Key(&'static str, Option<&'static str>),
    /// `items`, or all keys where there are none.
    Items,
    /// All keys; the list may have a Secret beside it.
    All,
}

/// A field with a twin.
struct Row {
    /// API group; empty for any whose field is known.
    group: &'static str,
    /// How the path of the name ends.
    path: &'static str,
    reads: Reads,
    twin: Twin,
    /// Where the twin is documented.
    #[expect(dead_code, reason = "for readers: no row without a source")]
    source: &'static str,
}

const fn row(
    group: &'static str,
    path: &'static str,
    reads: Reads,
    twin: Twin,
    source: &'static str,
) -> Row {
    Row {
        group,
        path,
        reads,
        twin,
        source,
    }
}

/// A field that is a `SecretOrConfigMap`, which has a key of either.
const fn selector((group, source): (&'static str, &'static str), path: &'static str) -> Row {
    row(group, path, KEY, Twin::Key("secret", "name"), source)
}

/// Groups with `SecretOrConfigMap`, and where it is documented.
const PROMETHEUS: (&str, &str) = (
    "monitoring.coreos.com",
    "https://prometheus-operator.dev/docs/api-reference/api/#monitoring.coreos.com/v1.SecretOrConfigMap",
);
const VICTORIA: (&str, &str) = (
    "operator.victoriametrics.com",
    "https://docs.victoriametrics.com/operator/api/#secretorconfigmap",
);

const KEY: Reads = Reads::Key("key", None);
const SECRET_KEY: Twin = Twin::Key("secretKeyRef", "name");

/// All of them. Those without a group are fields of core/v1, which many projects embed.
const ROWS: &[Row] = &[
    row(
        "",
        "env.valueFrom.configMapKeyRef.name",
        KEY,
        SECRET_KEY,
        "https://kubernetes.io/docs/reference/generated/kubernetes-api/v1.34/#envvarsource-v1-core",
    ),
    row(
        "",
        "envFrom.configMapRef.name",
        Reads::All,
        Twin::EnvFrom,
        "https://kubernetes.io/docs/reference/generated/kubernetes-api/v1.34/#envfromsource-v1-core",
    ),
    // Strimzi has volumes of its own, without projected ones.
    row(
        "kafka.strimzi.io",
        "volumes.configMap.name",
        Reads::Items,
        Twin::Key("secret", "secretName"),
        "https://strimzi.io/docs/operators/latest/configuring.html#type-ExternalConfigurationVolumeSource-reference",
    ),
    row(
        "",
        "volumes.configMap.name",
        Reads::Items,
        Twin::Volume,
        "https://kubernetes.io/docs/reference/kubernetes-api/config-and-storage-resources/volume/",
    ),
    row(
        "",
        "volumes.projected.sources.configMap.name",
        Reads::Items,
        Twin::Projected,
        "https://kubernetes.io/docs/reference/kubernetes-api/config-and-storage-resources/volume/",
    ),
    row(
        "postgresql.cnpg.io",
        "spec.projectedVolumeTemplate.sources.configMap.name",
        Reads::Items,
        Twin::Projected,
        "https://cloudnative-pg.io/documentation/current/cloudnative-pg.v1/#clusterspec",
    ),
    selector(PROMETHEUS, "ca.configMap.name"),
    selector(PROMETHEUS, "cert.configMap.name"),
    selector(PROMETHEUS, "clientId.configMap.name"),
    selector(PROMETHEUS, "client_ca.configMap.name"),
    selector(VICTORIA, "ca.configMap.name"),
    selector(VICTORIA, "cert.configMap.name"),
    selector(VICTORIA, "client_id.configMap.name"),
    row(
        VICTORIA.0,
        "extraEnvs.valueFrom.configMapKeyRef.name",
        KEY,
        SECRET_KEY,
        VICTORIA.1,
    ),
    row(
        VICTORIA.0,
        "extraEnvsFrom.configMapRef.name",
        Reads::All,
        Twin::EnvFrom,
        VICTORIA.1,
    ),
    row(
        "helm.toolkit.fluxcd.io",
        "spec.valuesFrom.name",
        Reads::Key("valuesKey", Some("values.yaml")),
        Twin::Kind("kind"),
        "https://fluxcd.io/flux/components/helm/helmreleases/#values-references",
    ),
    row(
        "kustomize.toolkit.fluxcd.io",
        "spec.postBuild.substituteFrom.name",
        Reads::All,
        Twin::Kind("kind"),
        "https://fluxcd.io/flux/components/kustomize/kustomizations/#post-build-variable-substitution",
    ),
    row(
        "external-secrets.io",
        "caProvider.name",
        KEY,
        Twin::Kind("type"),
        "https://external-secrets.io/latest/api/spec/#external-secrets.io/v1.CAProvider",
    ),
    row(
        "external-secrets.io",
        "spec.target.template.templateFrom.configMap.name",
        Reads::Items,
        Twin::Key("secret", "name"),
        "https://external-secrets.io/latest/guides/templating/#templatefrom",
    ),
    row(
        "tekton.dev",
        "spec.workspaces.configMap.name",
        Reads::Items,
        Twin::Key("secret", "secretName"),
        "https://tekton.dev/docs/pipelines/workspaces/#using-workspaces-in-taskruns",
    ),
    row(
        "grafana.integreatly.org",
        "spec.valuesFrom.valueFrom.configMapKeyRef.name",
        KEY,
        SECRET_KEY,
        "https://grafana.github.io/grafana-operator/docs/api/",
    ),
    row(
        "grafana.integreatly.org",
        "spec.envFrom.configMapKeyRef.name",
        KEY,
        SECRET_KEY,
        "https://grafana.github.io/grafana-operator/docs/api/",
    ),
];

/// Fields of a mapping with a name that are the same for a Secret.
const CARRIED: &[&str] = &[
    "name",
    "key",
    "items",
    "optional",
    "kind",
    "type",
    "namespace",
    "valuesKey",
    "targetPath",
    "literal",
    "defaultMode",
];

/// The edits with which a field outside of pods reads the keys that move from the Secret; none
/// where it reads none of them.
pub(super) fn repointed(
    split: &Split<'_>,
    reader: ResourceId,
    field: &FieldReference<'_>,
) -> Result<Vec<Edit>, NoFix> {
    let refuse = || {
        let may = if field.certainty == Certainty::Known {
            ""
        } else {
            " perhaps"
        };
        NoFix::new(
            Code::OtherReader,
            text![
                split.workspace.resource(reader).display(),
                " (",
                Field(&field.path),
                ")",
                may,
                " names ",
                split.resource.display(),
                " too, and may read the key there"
            ],
        )
    };
    let resource = split.workspace.resource(reader);
    let path = field.path.replace("[]", "");
    let row = ROWS
        .iter()
        .filter(|row| row.group.is_empty() || row.group == resource.group())
        .filter(|_| field.certainty == Certainty::Known && field.part.is_none())
        .find(|row| {
            let before = path.strip_suffix(row.path);
            before.is_some_and(|before| before.is_empty() || before.ends_with('.'))
        });
    let mapping = field.node.parent().ok_or_else(refuse)?;
    // A selector reads its one key, whatever else could stand there.
    let selected = mapping.get("key").and_then(Node::text);
    let other_key = |key: &str| field.required.contains(key) && !split.moved.contains(key);
    if field.certainty == Certainty::Known && selected.is_some_and(other_key) {
        return Ok(Vec::new());
    }
    let row = row.ok_or_else(refuse)?;
    if field.namespace.is_some() && field.namespace != split.resource.namespace.as_deref() {
        return Err(refuse());
    }
    let edits = match row.reads {
        Reads::Key(at, default) => {
            let key = mapping.get(at).and_then(Node::text).or(default);
            match key {
                Some(key) if split.moved.contains(key) => moved(split, row.twin, mapping)?,
                Some(_) => Vec::new(),
                None => return Err(refuse()),
            }
        }
        Reads::Items if row.twin == Twin::Volume => of_volume(split, mapping)?,
        Reads::Items if row.twin == Twin::Projected => of_projected(split, mapping)?,
        Reads::Items => match parted(split, mapping)? {
            Parted::None => Vec::new(),
            Parted::All => moved(split, row.twin, mapping)?,
            Parted::Both(_) => return Err(refuse()),
        },
        Reads::All if row.twin == Twin::EnvFrom => {
            let entry = mapping.parent().ok_or_else(|| odd("envFrom"))?;
            env_from(split, entry)?
        }
        Reads::All => beside(split, row.twin, mapping)?,
    };
    match split.workspace.touched(reader, field.node) {
        Some(touch) if !edits.is_empty() => Err(NoFix::new(
            Code::PatchedReader,
            text![
                touch.what.name(),
                " changes ",
                Field(&field.path),
                " of ",
                resource.display(),
                ", which reads the key: move the key into a Secret there and here"
            ],
        )),
        _ => Ok(edits),
    }
}

/// The field, pointed at the Secret as a whole.
fn moved(split: &Split<'_>, twin: Twin, mapping: Node<'_>) -> Result<Vec<Edit>, NoFix> {
    only(mapping, CARRIED)?;
    let mut edits = Vec::new();
    match twin {
        Twin::Key(key, name) => {
            edits.push(mapping.rename_key(key)?);
            if name != "name" {
                let written = mapping.get("name").ok_or_else(|| odd("name"))?;
                edits.push(written.rename_key(name)?);
            }
        }
        Twin::Kind(field) => {
            let kind = mapping.get(field).ok_or_else(|| odd(field))?;
            edits.push(kind.set(&Value::str("Secret"))?);
        }
        Twin::EnvFrom | Twin::Volume | Twin::Projected => return Err(odd("volumes")),
    }
    edits.extend(renamed(split, mapping)?);
    Ok(edits)
}

/// An item of a list that states its kind: as it is and one for the Secret behind it, or the
/// Secret's in its place. Their keys are disjoint, so that the order of the two decides nothing.
fn beside(split: &Split<'_>, twin: Twin, mapping: Node<'_>) -> Result<Vec<Edit>, NoFix> {
    if split.moved == split.all {
        return moved(split, twin, mapping);
    }
    only(mapping, CARRIED)?;
    let (Twin::Kind(kind), Some(list)) = (twin, mapping.parent()) else {
        return Err(odd("kind"));
    };
    let mut pairs = Vec::new();
    for (key, value) in mapping.entries() {
        let name = key.text().ok_or_else(|| odd("name"))?;
        let value = match name {
            "name" => Value::str(&split.name),
            name if name == kind => Value::str("Secret"),
            name => value.to_value().ok_or_else(|| odd(name))?,
        };
        pairs.push((name.to_owned(), value));
    }
    Ok(vec![list.push(Place::After(mapping), &Value::Map(pairs))?])
}
