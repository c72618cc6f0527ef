//! Two owners of one name: a manifest and a custom resource that writes the same object, or two
//! such resources.
//!
//! What an operator does to an object that is there already differs: one replaces all of its keys,
//! one leaves it alone and gives up, one adds its keys to it ([`Manner`]).

use std::collections::{BTreeMap, BTreeSet};

use kubewright_model::finding::{Finding, Location, NoFix, Severity};
use kubewright_model::kube::{ApplySet, Evidence, Member, ResourceId, Target, Workspace, walk};
use kubewright_model::text;
use kubewright_model::text::{Field, Named, Path, Text, Verbatim};
use kubewright_model::yaml::{Node, Value};

use super::codes::Code;
use super::group::Definition;
use super::objects::{self, AppliedObject, Origin};
use super::{META, paths};

/// What a custom resource does to an object of the name that is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manner {
    /// It takes it over, and keeps its own keys alone (`applyTemplate` of
    /// <https://github.com/external-secrets/external-secrets/blob/main/pkg/controllers/externalsecret>).
    Owns,
    /// It leaves one alone that it did not make
    /// (<https://github.com/bitnami-labs/sealed-secrets#managing-existing-secrets>).
    GivesUp,
    /// It writes its keys, and leaves the others.
    Adds,
}

/// A custom resource that writes a ConfigMap or Secret.
struct Maker<'a> {
    id: ResourceId,
    /// Its kind and name in the cluster: manifests that share them are one object there.
    object: (&'a str, &'a str),
    manner: Manner,
    /// The scalar that names the object.
    name: Node<'a>,
    /// The keys it writes, if they are known.
    keys: Option<BTreeSet<String>>,
    display: Text,
}

/// Kinds that write ConfigMaps or Secrets.
const KINDS: [&str; 5] = [
    "ExternalSecret",
    "SealedSecret",
    "Certificate",
    "SecretProviderClass",
    "Bundle",
];

/// What a custom resource of a set writes: under which name.
fn made<'a>(ws: &'a Workspace, member: &'a Member, to: Target) -> Vec<(String, Maker<'a>)> {
    let resource = ws.resource(member.resource);
    if !KINDS.contains(&resource.kind.as_str()) {
        return Vec::new();
    }
    let Some(node) = ws.node(member.resource) else {
        return Vec::new();
    };
    let Some(own) = node.path(&["metadata", "name"]) else {
        return Vec::new();
    };
    let text = |path: &[&str]| node.path(path).and_then(Node::text);
    let named = |path: &[&str]| {
        node.path(path)
            .filter(|n| n.text().is_some_and(|t| !t.is_empty()))
    };
    let keys = |list: Vec<Node<'_>>| {
        list.into_iter()
            .filter_map(Node::text)
            .map(str::to_owned)
            .collect::<BTreeSet<_>>()
    };
    let maker = |manner, name: Node<'a>, keys: Option<BTreeSet<String>>, how: Text| {
        let written = if name == own {
            member.name.clone()
        } else {
            name.text().unwrap_or_default().to_owned()
        };
        (
            written,
            Maker {
                id: member.resource,
                object: (&resource.kind, &member.name),
                manner,
                name,
                keys,
                display: text![resource.display(), &how],
            },
        )
    };
    match (resource.group(), resource.kind.as_str(), to) {
        ("external-secrets.io", "ExternalSecret", Target::Secret) => {
            let policy = text(&["spec", "target", "creationPolicy"]).unwrap_or("Owner");
            let manner = match policy {
                "Owner" | "Orphan" => Manner::Owns,
                "Merge" => Manner::Adds,
                _ => return Vec::new(),
            };
            let name = named(&["spec", "target", "name"]).unwrap_or(own);
            vec![maker(
                manner,
                name,
                external_keys(node),
                text![" (creationPolicy: ", Verbatim(policy), ")"],
            )]
        }
        ("bitnami.com", "SealedSecret", Target::Secret) => {
            let sealed = node
                .path(&["spec", "encryptedData"])
                .into_iter()
                .flat_map(Node::entries)
                .map(|(key, _)| key)
                .collect();
            vec![maker(Manner::GivesUp, own, Some(keys(sealed)), Text::new())]
        }
        ("cert-manager.io", "Certificate", Target::Secret) => {
            let keys = ["ca.crt", "tls.crt", "tls.key"].map(str::to_owned).into();
            named(&["spec", "secretName"])
                .map(|name| maker(Manner::Adds, name, Some(keys), Text::new()))
                .into_iter()
                .collect()
        }
        ("secrets-store.csi.x-k8s.io", "SecretProviderClass", Target::Secret) => {
            let objects = walk(node, &["spec", "secretObjects[]"]).into_iter();
            let of = |object: Node<'a>| {
                let keys = keys(walk(object, &["data[]", "key"]));
                Some(maker(
                    Manner::GivesUp,
                    object.get("secretName")?,
                    Some(keys),
                    Text::new(),
                ))
            };
            objects.filter_map(of).collect()
        }
        ("trust.cert-manager.io", "Bundle", _) => {
            let field = if to == Target::Secret {
                "secret"
            } else {
                "configMap"
            };
            let target = node.path(&["spec", "target", field]);
            let key = target.and_then(|t| t.get("key")).into_iter().collect();
            target
                .map(|_| maker(Manner::Adds, own, Some(keys(key)), Text::new()))
                .into_iter()
                .collect()
        }
        _ => Vec::new(),
    }
}

/// What becomes of a manifest's keys beside a custom resource that owns the object: the message, its
/// severity and what to do.
fn owned(
    held: &BTreeSet<&str>,
    maker: &Maker<'_>,
    written: Text,
    both: impl Fn() -> Text,
) -> (Text, Severity, &'static str) {
    let lost: Vec<&str> = held
        .iter()
        .copied()
        .filter(|k| maker.keys.as_ref().is_some_and(|keys| !keys.contains(*k)))
        .collect();
    let gone = match (&maker.keys, lost.is_empty()) {
        (None, _) => "which keeps no key that it does not fetch itself".into(),
        (Some(_), false) => text![
            "which keeps its own keys alone; its next refresh takes away ",
            Text::joined(lost.iter().copied().map(Field), ", ")
        ],
        (Some(_), true) => text![
            "and each puts its own values of ",
            both(),
            " over those of the other"
        ],
    };
    let severity = if lost.is_empty() && maker.keys.is_some() {
        Severity::Warning
    } else {
        Severity::Error
    };
    let advice = if lost.is_empty() && maker.keys.is_some() {
        "delete from the manifest what the custom resource writes"
    } else {
        "give the object of one of them another name, or let the ExternalSecret add its keys with \
         `creationPolicy: Merge`"
    };
    (text![written, ", ", gone], severity, advice)
}

/// The keys that external-secrets writes: those of `data`, or of a template; `None` when the store
/// decides.
fn external_keys(node: Node<'_>) -> Option<BTreeSet<String>> {
    let spec = node.get("spec")?;
    let template = spec.path(&["target", "template"]);
    if spec.get("dataFrom").is_some() || template.is_some_and(|t| t.get("templateFrom").is_some()) {
        return None;
    }
    let templated = template
        .and_then(|t| t.get("data"))
        .into_iter()
        .flat_map(Node::entries)
        .filter_map(|(key, _)| key.text());
    let mut keys: BTreeSet<String> = templated.map(str::to_owned).collect();
    if keys.is_empty()
        || template
            .and_then(|t| t.get("mergePolicy"))
            .and_then(Node::text)
            == Some("Merge")
    {
        keys.extend(
            walk(spec, &["data[]", "secretKey"])
                .into_iter()
                .filter_map(Node::text)
                .map(str::to_owned),
        );
    }
    Some(keys)
}

/// One finding for each name that has two owners.
pub(super) fn findings(ws: &Workspace, to: Target) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut known: BTreeSet<(ResourceId, Option<Location>)> = BTreeSet::new();
    for set in ws.sets() {
        let mut makers: BTreeMap<(String, Option<&str>), Vec<Maker<'_>>> = BTreeMap::new();
        for member in &set.members {
            for (name, maker) in made(ws, member, to) {
                let all = makers
                    .entry((name, member.namespace.as_deref()))
                    .or_default();
                let is_new = |m: &Maker<'_>| m.id != maker.id && m.object != maker.object;
                if all.iter().all(is_new) {
                    all.push(maker);
                }
            }
        }
        if makers.is_empty() {
            continue;
        }
        let entries = objects::of(ws, set, to);
        let mut plain: BTreeMap<(&str, Option<&str>), Vec<&AppliedObject>> = BTreeMap::new();
        for entry in entries
            .iter()
            .filter(|e| !e.hook && !super::fix::hashed(ws, e.origin))
        {
            plain
                .entry((&entry.name, entry.namespace.as_deref()))
                .or_default()
                .push(entry);
        }
        for ((name, namespace), makers) in &makers {
            let object = Object {
                ws,
                set,
                to,
                name,
                namespace: *namespace,
            };
            let finding = match plain.get(&(name.as_str(), *namespace)).map(Vec::as_slice) {
                Some([entry]) => Definition::read(ws, to, entry.origin, entry.through.clone())
                    .and_then(|definition| {
                        makers
                            .iter()
                            .find_map(|maker| object.beside(&definition, maker))
                    }),
                // Several definitions collide already.
                Some(_) => None,
                None => makers
                    .iter()
                    .enumerate()
                    .find_map(|(at, a)| makers.iter().skip(at + 1).find_map(|b| object.both(a, b))),
            };
            let Some(finding) = finding else { continue };
            let first = makers.first().map_or(ResourceId(u32::MAX), |m| m.id);
            if known.insert((first, Some(finding.primary.clone()))) {
                found.push(finding);
            }
        }
    }
    found
}

/// An object of a set that two write.
struct Object<'a> {
    ws: &'a Workspace,
    set: &'a ApplySet,
    to: Target,
    name: &'a str,
    namespace: Option<&'a str>,
}

impl Object<'_> {
    fn display(&self) -> Text {
        let namespace = self
            .namespace
            .map_or_else(Text::new, |n| text![" in namespace ", &n]);
        text![Named::new(self.to.kind(), self.name), &namespace]
    }

    /// A manifest and a custom resource.
    fn beside(&self, definition: &Definition<'_>, maker: &Maker<'_>) -> Option<Finding> {
        let ws = self.ws;
        // A value that is empty waits to be filled: `kubernetes.io/tls` wants its keys to be there.
        let empty = Value::str("");
        let held: BTreeSet<&str> = definition
            .keys()
            .into_iter()
            .filter(|key| definition.value(key) != Some(&empty))
            .collect();
        let both = || {
            let both = held
                .iter()
                .copied()
                .filter(|k| maker.keys.as_ref().is_some_and(|keys| keys.contains(*k)));
            Text::joined(both.map(Field), ", ")
        };
        if held.is_empty() {
            return None;
        }
        let place = &ws.file(definition.file).path;
        let written = text![
            self.display(),
            " is defined in ",
            Path(place),
            " and written by ",
            &maker.display
        ];
        let managed = |mark: &str| {
            definition
                .node
                .path(&["metadata", "annotations", mark])
                .and_then(Node::text)
                == Some("true")
        };
        let (message, severity, advice) = match maker.manner {
            Manner::GivesUp
                if managed("sealedsecrets.bitnami.com/managed")
                    || managed("sealedsecrets.bitnami.com/patch") =>
            {
                return None;
            }
            Manner::Owns => owned(&held, maker, written, both),
            Manner::GivesUp => (
                text![
                    written,
                    ", which leaves alone what it did not make: what it holds never arrives"
                ],
                Severity::Warning,
                "take the definition out of the manifests, or give one of them another name",
            ),
            Manner::Adds => {
                let both = both();
                if both.is_empty() {
                    return None;
                }
                let text = text![
                    written,
                    ", and each puts its own value of ",
                    both,
                    " over that of the other"
                ];
                (
                    text,
                    Severity::Warning,
                    "delete from the manifest what the custom resource writes",
                )
            }
        };
        let id = if let Origin::Resource(id) = definition.origin {
            id
        } else {
            maker.id
        };
        Some(self.finding(
            definition.location(),
            id,
            maker,
            (message, severity, advice),
        ))
    }

    /// Two custom resources.
    fn both(&self, a: &Maker<'_>, b: &Maker<'_>) -> Option<Finding> {
        let common = match (&a.keys, &b.keys) {
            (Some(a), Some(b)) => Text::joined(a.intersection(b).map(|key| Field(key)), ", "),
            _ => Text::new(),
        };
        let text = match (a.manner, b.manner) {
            // What merges adds to what another one makes.
            (Manner::Adds, Manner::Adds | Manner::Owns) | (Manner::Owns, Manner::Adds)
                if common.is_empty() =>
            {
                return None;
            }
            (Manner::Adds, Manner::Adds | Manner::Owns) | (Manner::Owns, Manner::Adds) => {
                text![
                    "and each puts its own value of ",
                    &common,
                    " over that of the other"
                ]
            }
            _ => "and only one of them can own it: what the other one holds never arrives, or is \
                  taken away again"
                .into(),
        };
        let message = text![
            self.display(),
            " is written by ",
            &a.display,
            " and ",
            &b.display,
            ", ",
            &text
        ];
        let advice = "give the object of one of them another name, and its readers with it";
        let severity = if common.is_empty() {
            Severity::Error
        } else {
            Severity::Warning
        };
        let primary = Location::of(self.ws.resource(a.id).file, a.name);
        Some(self.finding(primary, a.id, b, (message, severity, advice)))
    }

    fn finding(
        &self,
        primary: Location,
        id: ResourceId,
        other: &Maker<'_>,
        (message, severity, advice): (Text, Severity, &str),
    ) -> Finding {
        let there = Location::of(self.ws.resource(other.id).file, other.name);
        let paths = [primary.file, there.file].map(|file| self.ws.file(file).path.as_str());
        let certain = primary.file == there.file || self.set.evidence != Evidence::Directory;
        let severity = match paths::alternatives(&paths) {
            _ if self.set.evidence == Evidence::Config => severity,
            Some(_)
                if !certain
                    || primary.file != there.file
                        && self.set.evidence != Evidence::Kustomization =>
            {
                Severity::Info
            }
            _ if !certain => severity.min(Severity::Warning),
            _ => severity,
        };
        let names = [self.to.kind(), self.name]
            .into_iter()
            .chain(self.namespace);
        META.finding(severity, primary, message)
            .subject("written-twice", names)
            .related(vec![(there, text![&other.display, " writes ", self.name])])
            .about(id)
            .fix(Err(NoFix::new(Code::TwoOwners, advice)))
    }
}
