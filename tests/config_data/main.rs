//! Promises of `secret-in-configmap` and `invalid-config-data`: pods have the same variables and
//! files when a ConfigMap was split, no output holds a whole secret, and what is found in real
//! repositories has a verdict in `config-data-verdicts.tsv`.
//!
//! Variables and files are computed from the manifests alone, by the rules of the kubelet
//! (`makeEnvironmentVariables` in `pkg/kubelet/kubelet_pods.go`, `pkg/volume/projected`).

#![expect(clippy::disallowed_methods, reason = "tests read and write files")]

mod masks;
#[path = "../support/mod.rs"]
mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use serde_yaml::Value;
use support::kubewright;

/// Parts of all secrets of the cases.
const SECRETS: &[&str] = &["k4Tz9q", "0a1B2c3D4e", "MIGHAgEAMBM", "AKIAQ7K2M5"];
/// All formats but `diff`, which is there to be applied.
const FORMATS: &[&str] = &[
    "text", "concise", "json", "markdown", "html", "github", "gitlab", "sarif", "rdjson",
    "rdjsonl", "junit",
];
const VERDICTS: &str = include_str!("../config-data-verdicts.tsv");
const TRANSFORMS: [&str; 2] = ["secret-in-configmap", "invalid-config-data"];

fn cases() -> Vec<PathBuf> {
    let home = Path::new(env!("CARGO_MANIFEST_DIR")).join("transforms/secret-in-configmap/cases");
    let entries = fs::read_dir(home).expect("cases").flatten();
    let mut cases: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    cases.sort();
    cases
}

/// All files below a folder, by path.
fn files(folder: &Path) -> BTreeMap<PathBuf, String> {
    let mut found = BTreeMap::new();
    let mut open = vec![folder.to_owned()];
    while let Some(directory) = open.pop() {
        for path in fs::read_dir(directory)
            .expect("a folder")
            .flatten()
            .map(|e| e.path())
        {
            if path.is_dir() {
                open.push(path);
            } else if let Ok(text) = fs::read_to_string(&path) {
                found.insert(path, text);
            }
        }
    }
    found
}

/// The objects of a folder.
struct Cluster(Vec<Value>);

impl Cluster {
    fn read(folder: &Path) -> Self {
        let mut objects = Vec::new();
        for (path, text) in files(folder) {
            let manifest = path.extension().is_some_and(|e| e == "yaml")
                && path.file_name().is_some_and(|name| name != "patch.yaml");
            for document in serde_yaml::Deserializer::from_str(&text).filter(|_| manifest) {
                let value = <Value as serde::Deserialize>::deserialize(document).expect("YAML");
                objects.push(value);
            }
        }
        Self(objects)
    }

    /// The values of a ConfigMap or Secret; `None` where there is none.
    fn data(&self, kind: &str, name: &Value) -> Option<BTreeMap<String, String>> {
        let object = self
            .0
            .iter()
            .find(|o| o["kind"] == kind && o["metadata"]["name"] == *name)?;
        let mut data = BTreeMap::new();
        for field in ["data", "stringData", "binaryData"] {
            for (key, value) in object[field].as_mapping().into_iter().flatten() {
                data.insert(text(key), format!("{field}:{}", text(value)));
            }
        }
        let plain = |value: String| value.replace("stringData:", "data:");
        Some(data.into_iter().map(|(k, v)| (k, plain(v))).collect())
    }

    /// What each container and each volume of a pod gets.
    fn pods(&self) -> BTreeMap<String, BTreeMap<String, String>> {
        let mut pods = BTreeMap::new();
        for object in &self.0 {
            let spec = match &object["spec"]["template"]["spec"] {
                Value::Null => &object["spec"],
                spec => spec,
            };
            let mut gets = BTreeMap::new();
            for list in ["initContainers", "containers"] {
                for container in spec[list].as_sequence().into_iter().flatten() {
                    let name = text(&container["name"]);
                    for (variable, value) in self.environment(container) {
                        gets.insert(format!("{name} ${variable}"), value);
                    }
                    for mount in container["volumeMounts"]
                        .as_sequence()
                        .into_iter()
                        .flatten()
                    {
                        let (at, sub) = (text(&mount["mountPath"]), text(&mount["subPath"]));
                        let volume = format!("{} {sub}", text(&mount["name"]));
                        gets.insert(format!("{name} {at}"), volume);
                    }
                }
            }
            for volume in spec["volumes"].as_sequence().into_iter().flatten() {
                for (path, file) in self.files(volume) {
                    gets.insert(format!("{}/{path}", text(&volume["name"])), file);
                }
            }
            if text(&object["apiVersion"])
                .split('/')
                .next()
                .is_some_and(|g| g.contains('.'))
            {
                gets.extend(self.environment(&object["spec"]));
                self.named(&object["spec"], "spec", &mut gets);
            }
            pods.insert(
                format!("{:?} {:?}", object["kind"], object["metadata"]["name"]),
                gets,
            );
        }
        pods.retain(|_, gets| !gets.is_empty());
        pods
    }

    /// What fields of a custom resource get: by a key, by the kind beside the name, or as files.
    fn named(&self, value: &Value, path: &str, gets: &mut BTreeMap<String, String>) {
        for item in value.as_sequence().into_iter().flatten() {
            let name = match &item["kind"] {
                Value::Null => text(&item["name"]),
                _ => String::new(),
            };
            self.named(item, &format!("{path}.{name}"), gets);
        }
        let kinds = ["ConfigMap", "Secret"];
        for (key, below) in value.as_mapping().into_iter().flatten() {
            let key = text(key);
            let at = |names: [&str; 2]| names.iter().position(|name| *name == key);
            let by_files = at(["configMap", "secret"]);
            let by_key = at(["configMapKeyRef", "secretKeyRef"])
                .or(by_files.filter(|_| !below["key"].is_null()));
            let within = |field: &str| {
                let below = (Value::String(field.to_owned()), below.clone());
                Value::Mapping(std::iter::once(below).collect())
            };
            if let Some(mut data) = by_key.and_then(|at| self.data(kinds[at], &below["name"])) {
                let value = data.remove(&text(&below["key"])).unwrap_or_default();
                gets.insert(format!("{path} key"), value);
            } else if by_files.is_some() || key == "projected" {
                let files = self.files(value).into_iter();
                gets.extend(files.map(|(file, value)| (format!("{path}/{file}"), value)));
            } else if key == "projectedVolumeTemplate" {
                let files = self.files(&within("projected")).into_iter();
                gets.extend(files.map(|(file, value)| (format!("{path}/{file}"), value)));
            } else if key == "envFrom" || key == "extraEnvsFrom" {
                let variables = self.environment(&within("envFrom")).into_iter();
                gets.extend(variables.map(|(name, value)| (format!("{path} ${name}"), value)));
                self.named(below, &format!("{path}.{key}"), gets);
            } else {
                self.named(below, &format!("{path}.{key}"), gets);
            }
        }
        let stated = |fields: [&str; 2]| fields.map(|field| text(&value[field])).concat();
        let kind = stated(["kind", "type"]);
        let data = self.data(&kind, &value["name"]);
        for (key, held) in data.filter(|_| kinds.contains(&&*kind)).unwrap_or_default() {
            let of_key = stated(["valuesKey", "key"]);
            if of_key.is_empty() || of_key == key {
                gets.insert(format!("{path} {} {key}", text(&value["targetPath"])), held);
            }
        }
    }

    /// `envFrom` in order, the last one counts; `env` over it.
    fn environment(&self, container: &Value) -> BTreeMap<String, String> {
        let mut variables = BTreeMap::new();
        for source in container["envFrom"].as_sequence().into_iter().flatten() {
            let prefix = text(&source["prefix"]);
            for (kind, field) in [("ConfigMap", "configMapRef"), ("Secret", "secretRef")] {
                let data = self.data(kind, &source[field]["name"]).unwrap_or_default();
                let textual = data.into_iter().filter(|(_, v)| v.starts_with("data:"));
                variables.extend(textual.map(|(key, value)| (format!("{prefix}{key}"), value)));
            }
        }
        for variable in container["env"].as_sequence().into_iter().flatten() {
            let from = &variable["valueFrom"];
            let mut value = format!("{:?}", variable["value"]);
            for (kind, field) in [("ConfigMap", "configMapKeyRef"), ("Secret", "secretKeyRef")] {
                if let Some(mut data) = self.data(kind, &from[field]["name"]) {
                    value = data.remove(&text(&from[field]["key"])).unwrap_or_default();
                }
            }
            variables.insert(text(&variable["name"]), value);
        }
        variables
    }

    /// The files of a volume: content and mode by path, a later source over an earlier one.
    fn files(&self, volume: &Value) -> BTreeMap<String, String> {
        let mut found = BTreeMap::new();
        let projected = volume["projected"]["sources"].as_sequence();
        let sources: Vec<&Value> = projected.map_or_else(|| vec![volume], |s| s.iter().collect());
        let bodies =
            ["configMap", "secret", "projected"].map(|field| &volume[field]["defaultMode"]);
        let default = bodies
            .into_iter()
            .find(|mode| !mode.is_null())
            .map_or(420, mode);
        for source in sources {
            for (kind, field) in [("ConfigMap", "configMap"), ("Secret", "secret")] {
                let body = &source[field];
                let name = if body["secretName"].is_null() {
                    "name"
                } else {
                    "secretName"
                };
                let data = self.data(kind, &body[name]).unwrap_or_default();
                match body["items"]
                    .as_sequence()
                    .filter(|items| !items.is_empty())
                {
                    Some(items) => found.extend(items.iter().map(|item| {
                        let own = &item["mode"];
                        let mode = if own.is_null() { default } else { mode(own) };
                        let value = data.get(&text(&item["key"])).cloned().unwrap_or_default();
                        let path = match &item["path"] {
                            Value::Null => text(&item["key"]),
                            path => text(path),
                        };
                        (path, format!("{mode:o} {value}"))
                    })),
                    None => found.extend(
                        data.into_iter()
                            .map(|(key, value)| (key, format!("{default:o} {value}"))),
                    ),
                }
            }
        }
        found
    }
}

/// A scalar as text; nothing for nothing.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => format!("{other:?}"),
    }
}

/// A file mode as kubectl reads it: `0400` is octal.
fn mode(value: &Value) -> u64 {
    match value {
        Value::String(digits) => u64::from_str_radix(digits, 8).expect("a mode"),
        other => other.as_u64().expect("a mode"),
    }
}

#[test]
fn pods_have_the_same_variables_and_files_after_the_split() {
    let mut split = 0;
    for case in cases().iter().filter(|case| case.join("after").exists()) {
        let [before, after] = ["before", "after"].map(|side| Cluster::read(&case.join(side)));
        let name = case.display();
        assert!(
            !before.pods().is_empty(),
            "{name} has no pod that reads anything"
        );
        assert_eq!(before.pods(), after.pods(), "{name}");
        split += 1;
    }
    assert!(split >= 10, "{split} cases with a split");
}

/// A finding: file, transform, keys or place, verdict.
fn verdicts() -> Vec<[&'static str; 5]> {
    let rows = VERDICTS.lines().skip(1).map(|line| {
        let fields: Vec<&str> = line.split('\t').collect();
        <[&str; 5]>::try_from(fields).unwrap_or_else(|_| panic!("five fields: {line}"))
    });
    rows.collect()
}

#[test]
fn few_findings_are_wrong() {
    for (transform, most) in TRANSFORMS.iter().zip([5, 2]) {
        let rows = verdicts().into_iter().filter(|row| row[1] == *transform);
        let errors: Vec<_> = rows.filter(|row| row[2] == "error").collect();
        let wrong = errors.iter().filter(|row| row[3] != "right").count();
        assert!(
            wrong * 100 <= errors.len() * most,
            "{transform}: {wrong} wrong"
        );
    }
}

/// With `KUBEWRIGHT_CORPUS`, every finding has its row, and every row its finding.
#[test]
fn findings_of_the_corpus_have_verdicts() {
    let Some(corpus) = std::env::var_os("KUBEWRIGHT_CORPUS").map(PathBuf::from) else {
        return;
    };
    let mut found = BTreeSet::new();
    for repository in fs::read_dir(corpus).expect("the corpus").flatten() {
        let path = repository.path();
        if !path.is_dir() {
            continue;
        }
        let args = ["fix", "--exit-zero", "--format", "json", "--select"];
        let select = TRANSFORMS.join(",");
        let output = kubewright(&path, &[&args[..], &[&*select]].concat()).output();
        let json: serde_json::Value =
            serde_json::from_slice(&output.expect("a run").stdout).expect("JSON");
        for finding in json["findings"].as_array().into_iter().flatten() {
            if TRANSFORMS.contains(&finding["transform"].as_str().unwrap_or_default()) {
                let word = |field: &str| finding[field].as_str().unwrap_or_default().to_owned();
                let file = format!(
                    "{}/{}:{}",
                    repository.file_name().to_string_lossy(),
                    word("path"),
                    finding["line"]
                );
                found.insert([file, word("transform"), word("severity")]);
            }
        }
    }
    let rows: BTreeSet<[String; 3]> = verdicts()
        .into_iter()
        .map(|row| [row[0], row[1], row[2]].map(str::to_owned))
        .collect();
    let missing: Vec<_> = found.difference(&rows).collect();
    let gone: Vec<_> = rows.difference(&found).collect();
    assert!(
        missing.is_empty() && gone.is_empty(),
        "without a row: {missing:#?}\ngone: {gone:#?}"
    );
}
