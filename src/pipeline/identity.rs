//! By what a finding is known again in another state of the files: what it is about, never where
//! its lines are.
//!
//! The *key* is the way from the document down to the value that the finding points at. Items of a
//! list are named by what Kubernetes tells them apart by (`containers[web]`), so that neither lines
//! nor items that come or go beside it change it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use kubewright_model::finding::{Finding, Severity};
use kubewright_model::kube::Workspace;
use kubewright_model::yaml::Node;
use sha2::{Digest as _, Sha256};

use super::report::{Reported, ResourceName};

/// Keys by which Kubernetes, or a reader, tells the items of a list apart.
const NAMES: [&str; 8] = [
    "mountPath",
    "name",
    "key",
    "id",
    "ip",
    "host",
    "path",
    "kind",
];
/// A longer value is told by its digest.
const VALUE: usize = 100;

/// What a finding is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Identity {
    /// Name of the transform.
    pub transform: String,
    /// Which hazard it is, of those that the transform knows; empty where it knows one alone.
    pub hazard: String,
    /// The resource, where there is one.
    pub resource: Option<ResourceName>,
    /// Path of the file, relative to the root.
    pub path: String,
    /// The way to the value in its document, and the value.
    pub key: String,
}

impl Identity {
    /// Of a finding of a report.
    pub fn of(finding: &Reported) -> Self {
        Self {
            transform: finding.transform.to_owned(),
            hazard: finding.hazard.to_owned(),
            resource: finding.resource.clone(),
            path: finding.place.path.clone(),
            key: finding.key.clone(),
        }
    }

    /// The place, whatever is wrong there.
    fn place(&self) -> Self {
        Self {
            hazard: String::new(),
            ..self.clone()
        }
    }

    /// What stays when the file is moved or renamed.
    pub(super) fn without_path(&self) -> Self {
        Self {
            path: String::new(),
            ..self.clone()
        }
    }

    /// 32 hexadecimal digits.
    fn digest(&self) -> String {
        let resource = self.resource.as_ref();
        let parts = [
            Some(self.transform.as_str()),
            Some(self.hazard.as_str()),
            resource.map(|r| r.api_version.as_str()),
            resource.map(|r| r.kind.as_str()),
            resource.and_then(|r| r.namespace.as_deref()),
            resource.map(|r| r.name.as_str()),
            Some(self.path.as_str()),
            Some(self.key.as_str()),
        ];
        let mut hash = Sha256::new();
        for part in parts.map(Option::unwrap_or_default) {
            hash.update(part.as_bytes());
            hash.update([0]);
        }
        hex(&hash.finalize(), 16)
    }
}

/// A fingerprint for each finding, in their order: `digest:n`, where n counts those that are about
/// the same.
pub fn fingerprints(findings: &[Reported]) -> Vec<String> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let mut one = |finding: &Reported| {
        let digest = Identity::of(finding).digest();
        let n = seen.entry(digest.clone()).or_default();
        *n += 1;
        format!("{digest}:{n}")
    };
    findings.iter().map(&mut one).collect()
}

/// See [`Identity::key`].
pub(super) fn key(workspace: &Workspace, finding: &Finding) -> String {
    let file = workspace.file(finding.primary.file);
    let (start, end) = (finding.primary.span.start, finding.primary.span.end);
    let mut key = String::new();
    let resource = finding
        .resource
        .filter(|id| workspace.resource(*id).file == file.id);
    let root = match resource {
        Some(id) => workspace.node(id),
        None => file.yaml.as_deref().and_then(|yaml| {
            let document = yaml.document_at(start);
            yaml.documents().get(document)?;
            yaml.root(document)
        }),
    };
    let mut at = root;
    while let Some(node) = at {
        at = step(node, start, &mut key);
    }
    match file.text.get(start..end) {
        Some(value) if !value.is_empty() && !value.contains('\n') => {
            let hidden = finding.hidden.iter().any(|h| value.contains(&h.text));
            if value.len() > VALUE || hidden {
                key + "=" + &hex(&Sha256::digest(value.as_bytes()), 8)
            } else {
                key + "=" + value
            }
        }
        _ => key,
    }
}

/// Goes down to the child that holds the offset, and says so in the key.
fn step<'a>(node: Node<'a>, offset: usize, key: &mut String) -> Option<Node<'a>> {
    if node.is_mapping() {
        let mut entries = node.entries().peekable();
        while let Some((name, value)) = entries.next() {
            let from = name.span().start;
            let to = match entries.peek() {
                Some((next, _)) => next.span().start,
                None => node.span().end.max(value.span().end),
            };
            if (from..to).contains(&offset) {
                if !key.is_empty() {
                    key.push('.');
                }
                key.push_str(name.text().unwrap_or("?"));
                let inside = value.span().contains(&offset);
                return Some(value).filter(|_| inside);
            }
        }
        return None;
    }
    let (position, item) = node
        .items()
        .enumerate()
        .find(|(_, item)| item.span().contains(&offset))?;
    let label = NAMES.iter().find_map(|name| item.get(name)?.text());
    let _ = match label {
        Some(name) => write!(key, "[{name}]"),
        None => write!(key, "[{position}]"),
    };
    Some(item)
}

/// The first bytes of a digest, in hexadecimal digits.
fn hex(digest: &[u8], bytes: usize) -> String {
    digest
        .iter()
        .take(bytes)
        .fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        })
}

/// What findings are left out for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// An older state of the files has them too.
    Past,
    /// They were accepted as they are.
    Baseline,
}

/// One finding that is known.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct KnownFinding {
    /// What it is about.
    pub identity: Identity,
    /// The code of the reason why there is no fix.
    pub code: Option<String>,
    /// How much it matters.
    pub severity: Severity,
}

impl KnownFinding {
    pub(super) fn of(workspace: &Workspace, finding: &Finding) -> Self {
        Self {
            identity: Identity {
                transform: finding.transform.to_owned(),
                hazard: finding.subject.hazard.to_owned(),
                resource: finding.resource.map(|id| workspace.resource(id).into()),
                path: workspace.file(finding.primary.file).path.clone(),
                key: key(workspace, finding),
            },
            code: finding.fix.as_ref().err().map(|r| r.code.to_owned()),
            severity: finding.severity,
        }
    }
}

impl From<&Reported> for KnownFinding {
    fn from(finding: &Reported) -> Self {
        Self {
            identity: Identity::of(finding),
            code: finding.fix.as_ref().err().map(|r| r.code.to_owned()),
            severity: finding.severity,
        }
    }
}

/// Findings that are not reported, because they are known.
#[derive(Debug, Clone)]
pub struct Known {
    /// Why they are known.
    pub by: By,
    /// Each stands for one finding at most.
    pub entries: Vec<KnownFinding>,
}

impl Known {
    /// For each finding the entry that it is: first those of the same file, then those whose file
    /// was moved.
    pub fn recognise(&self, findings: &[KnownFinding]) -> Vec<Option<usize>> {
        let mut known = vec![None; findings.len()];
        let mut left: Vec<bool> = vec![true; self.entries.len()];
        for moved in [false, true] {
            let form = |identity: &Identity| {
                let place = identity.place();
                if moved { place.without_path() } else { place }
            };
            let mut by: BTreeMap<Identity, Vec<usize>> = BTreeMap::new();
            for (at, entry) in self.entries.iter().enumerate() {
                if left.get(at).is_some_and(|left| *left) {
                    by.entry(form(&entry.identity)).or_default().push(at);
                }
            }
            for (slot, finding) in known.iter_mut().zip(findings) {
                // Without a resource, only the file says what it is about.
                if slot.is_some() || moved && finding.identity.resource.is_none() {
                    continue;
                }
                let Some(same) = by.get_mut(&form(&finding.identity)) else {
                    continue;
                };
                let entry = |at: &usize| self.entries.get(*at);
                let position = same
                    .iter()
                    .position(|at| entry(at).is_some_and(|entry| self.covers(entry, finding)));
                if let Some(position) = position {
                    let at = same.remove(position);
                    if let Some(left) = left.get_mut(at) {
                        *left = false;
                    }
                    *slot = Some(at);
                }
            }
        }
        known
    }

    /// Whether an entry stands for a finding that is about the same.
    fn covers(&self, entry: &KnownFinding, finding: &KnownFinding) -> bool {
        let (was, is) = (&entry.identity.hazard, &finding.identity.hazard);
        match self.by {
            // What became worse, or another hazard, is new.
            By::Past => {
                let better = entry.severity > finding.severity;
                entry.severity >= finding.severity && (better || was == is)
            }
            // What was accepted for a reason is not accepted for another one. Old baselines do not
            // say which hazard it was.
            By::Baseline => entry.code == finding.code && (was.is_empty() || was == is),
        }
    }
}
