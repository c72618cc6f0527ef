//! Promises of `secret-in-configmap` and `invalid-config-data`: pods have the same variables and
//! files when a ConfigMap was split, no output holds a whole secret, and what is found in real
//! repositories has a verdict in `config-data-verdicts.tsv`.
//!
//! Variables and files are computed from the manifests alone, by the rules of the kubelet
//! (`makeEnvironmentVariables` in `pkg/kubelet/kubelet_pods.go`, `pkg/volume/projected`).

#![expect(clippy::disallowed_methods, reason = "tests read and write files")]

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
const VERDICTS: &str = include_str!("config-data-verdicts.tsv");
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

/// The part of a secret that a text holds.
fn whole(text: &str) -> Option<&'static str> {
    let held = SECRETS.iter().find(|secret| text.contains(**secret));
    held.copied()
}

/// What a case begins with, in a folder of its own.
fn copy_of(case: &Path) -> tempfile::TempDir {
    let copy = tempfile::tempdir().expect("a folder");
    for (path, text) in files(&case.join("before")) {
        let path = path.strip_prefix(case.join("before")).expect("below");
        let path = copy.path().join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(path, text).expect("written");
    }
    copy
}

#[test]
fn no_output_holds_a_secret() {
    for case in cases() {
        let report = fs::read_to_string(case.join("report.txt")).expect("report.txt");
        assert_eq!(whole(&report), None, "{}/report.txt", case.display());
        let copy = copy_of(&case);
        let run = |more: &[&str]| {
            let mut args = vec!["fix", "--exit-zero", "-v", "--unsafe-fixes"];
            args.extend(more);
            let output = kubewright(copy.path(), &args).output().expect("a run");
            let shown = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
            (shown(output.stdout), shown(output.stderr))
        };
        for format in FORMATS {
            let (out, err) = run(&["--format", format]);
            assert_eq!(whole(&out), None, "{} as {format}:\n{out}", case.display());
            assert_eq!(whole(&err), None, "{}", case.display());
        }
        // A patch carries what it moves, and that is said once.
        let (out, err) = run(&["--format", "diff"]);
        let said = err.matches("credentials in clear").count();
        assert_eq!(said, usize::from(whole(&out).is_some()), "{err}");
    }
    let sessions = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli");
    for (path, text) in files(&sessions) {
        let shown = path.extension().is_some_and(|extension| extension == "md");
        assert!(!shown || whole(&text).is_none(), "{}", path.display());
    }
}

/// Two ConfigMaps of one name: the diff that renames one stands beside its password.
const BESIDE: &str = "\
apiVersion: v1
kind: ConfigMap
metadata:
  name: web
data:
  DB_PASSWORD: k4Tz9q-R7
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: web
data:
  nginx.conf: a
---
apiVersion: v1
kind: Pod
metadata:
  name: web
spec:
  containers:
    - name: web
      image: registry.example.com/web:1
      env:
        - name: DB_PASSWORD
          valueFrom:
            configMapKeyRef: {name: web, key: DB_PASSWORD}
---
apiVersion: v1
kind: Pod
metadata:
  name: proxy
spec:
  containers:
    - name: proxy
      image: registry.example.com/proxy:1
      env:
        - name: CONF
          valueFrom:
            configMapKeyRef: {name: web, key: nginx.conf}
";

/// What a finding that nobody is told of would hide is hidden in the change of another.
#[test]
fn secrets_of_findings_that_are_left_out_are_hidden_too() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("app.yaml");
    let run = |args: &[&str]| {
        let base = [
            "fix",
            "--exit-zero",
            "--unsafe-fixes=configmap-name-collision",
            "-v",
        ];
        let output = kubewright(folder.path(), &[&base[..], args].concat()).output();
        String::from_utf8(output.expect("a run").stdout).expect("text")
    };
    let hidden = |out: &str| {
        assert!(
            out.contains("…(9)") && out.contains("+  name: web-"),
            "{out}"
        );
        assert_eq!(whole(out), None, "{out}");
    };
    fs::write(&file, BESIDE).expect("written");
    hidden(&run(&[]));
    run(&["--write-baseline", "known.json"]);
    let base = [
        "--ignore",
        "configmap-name-collision",
        "--write-baseline",
        "known.json",
    ];
    run(&base);
    hidden(&run(&["--baseline", "known.json"]));
    let ignored = "R7 # kubewright: ignore[secret-in-configmap] a demonstration";
    fs::write(&file, BESIDE.replace("R7", ignored)).expect("written");
    hidden(&run(&[]));
}

/// A run of other transforms hides what this one would have found.
#[test]
fn what_does_not_run_hides_its_secrets_too() {
    let folder = tempfile::tempdir().expect("a folder");
    let write =
        |name: &str, text: &str| fs::write(folder.path().join(name), text).expect("written");
    let run = |args: &[&str]| {
        let output = kubewright(folder.path(), args).output().expect("a run");
        let (out, err) = (&output.stdout, &output.stderr);
        [out, err].map(|bytes| String::from_utf8_lossy(bytes).into_owned())
    };
    write("app.yaml", BESIDE);
    let fix = ["fix", "--exit-zero", "-v", "--unsafe-fixes"];
    let select = ["--select", "configmap-name-collision"];
    for format in FORMATS {
        let [out, err] = run(&[&fix[..], &select, &["--format", format]].concat());
        assert!(out.contains("configmap-name-collision"), "{format}: {out}");
        assert_eq!(whole(&out), None, "{format}:\n{out}");
        assert_eq!(whole(&err), None, "{format}:\n{err}");
    }
    assert!(run(&[&fix[..], &select].concat())[0].contains("…(9)"));
    // What is to be applied carries it, and says so.
    let [out, err] = run(&[&fix[..], &select, &["--format", "diff"]].concat());
    assert!(
        whole(&out).is_some() && err.contains("credentials in clear"),
        "{err}"
    );

    write(
        "kubewright.toml",
        "select = [\"configmap-name-collision\"]\n",
    );
    let [out, _] = run(&["suppress", "--reason", "a sample", "--all"]);
    assert!(out.contains("…(9)") && out.contains('+'), "{out}");
    assert_eq!(whole(&out), None, "{out}");
    let root = folder.path().canonicalize().expect("a folder");
    let opened = [(root.join("app.yaml"), BESIDE.to_owned())];
    let leave = framed(&[
        serde_json::json!({"jsonrpc": "2.0", "id": 3, "method": "shutdown"}),
        serde_json::json!({"jsonrpc": "2.0", "method": "exit"}),
    ]);
    let until = ("configmap-name-collision", 1);
    let said = talk(&root, "lsp", &to_editor(&root, &opened), until, &leave);
    assert_eq!(whole(&said), None, "{said}");
    if cfg!(feature = "mcp") {
        let said = talk(&root, "mcp", &to_agent(), ("\"id\":3,", 1), "");
        assert_eq!(whole(&said), None, "{said}");
    }
}

/// Mistakes in what holds secrets, of which the text of the mistake is one.
const MISTAKEN: &str = "\
apiVersion: v1
kind: Secret
metadata:
  name: clear
data:
  password: k4Tz9q-R7
  '.dockerconfigjson': eyJhdXRocyI6IHsiazRUejlxIjogMX0sfQ==
---
apiVersion: v1
kind: Secret
metadata:
  name: values
stringData:
  pin: 20471103
  pin: 20471104
  a key: k4Tz9q-R7
  app.yaml: |
    user: *k4Tz9q-R7
    b: 1
  app.json: |
    {\"user\": \"k4Tz9q-R7\" x}
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: web
data:
  PASSWORD: 20471103
  app.yaml: |
    password: *k4Tz9q-R7
    b: 1
  app.toml: |
    db_pass = k4Tz9q-R7
  app.json: |
    {\"token\": k4Tz9q-R7}
---
apiVersion: v1
kind: Pod
metadata:
  name: web
spec:
  containers:
    - name: web
      image: registry.example.com/web:1
      env:
        - name: DB_PASSWORD
          value: 20471103
";

/// What is wrong with a secret is said without it, whatever runs.
#[test]
fn mistakes_are_told_without_the_secret() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("app.yaml"), MISTAKEN).expect("written");
    let select = ["--select", "invalid-config-data,invalid-field"];
    for more in [&[][..], &select[..]] {
        for format in FORMATS {
            let args = ["fix", "--exit-zero", "-v", "--format", format];
            let output = kubewright(folder.path(), &[&args[..], more].concat()).output();
            let out = String::from_utf8(output.expect("a run").stdout).expect("text");
            for secret in ["k4Tz9q", "azRUejlx", "2047110"] {
                assert!(!out.contains(secret), "{secret} as {format}:\n{out}");
            }
        }
    }
}

/// What an editor hears of a case, and what an agent does.
#[test]
fn no_editor_and_no_agent_is_told_a_secret() {
    for case in cases() {
        let copy = copy_of(&case);
        let root = copy.path().canonicalize().expect("a folder");
        let mut opened: Vec<(PathBuf, String)> = files(&root).into_iter().collect();
        opened.retain(|(path, _)| path.extension().is_some_and(|e| e == "yaml"));
        let report = fs::read_to_string(case.join("report.txt")).expect("report.txt");
        if !report.contains("[secret-in-configmap]") {
            continue;
        }
        let until = (" in clear in ", 1);
        let leave = framed(&[
            serde_json::json!({"jsonrpc": "2.0", "id": 3, "method": "shutdown"}),
            serde_json::json!({"jsonrpc": "2.0", "method": "exit"}),
        ]);
        let said = talk(
            copy.path(),
            "lsp",
            &to_editor(&root, &opened),
            until,
            &leave,
        );
        assert_eq!(whole(&said), None, "{}:\n{said}", case.display());
        if cfg!(feature = "mcp") {
            let said = talk(copy.path(), "mcp", &to_agent(), ("\"id\":3,", 1), "");
            assert_eq!(whole(&said), None, "{}:\n{said}", case.display());
        }
    }
}

/// Starts a server, says something, waits until a word came that often, takes leave, and gives all
/// that was heard.
fn talk(
    folder: &Path,
    command: &str,
    said: &str,
    (word, times): (&str, usize),
    leave: &str,
) -> String {
    use std::io::{Read as _, Write as _};
    use std::process::Stdio;
    let mut server = kubewright(folder, &[command])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("a server");
    let mut to = server.stdin.take().expect("its input");
    let mut from = server.stdout.take().expect("its output");
    to.write_all(said.as_bytes())
        .expect("a server that listens");
    let (mut heard, mut part) = (Vec::new(), [0; 4096]);
    while String::from_utf8_lossy(&heard).matches(word).count() < times {
        let read = from.read(&mut part).expect("its output");
        assert!(
            read > 0,
            "{command} left: {}",
            String::from_utf8_lossy(&heard)
        );
        heard.extend_from_slice(&part[..read]);
    }
    to.write_all(leave.as_bytes())
        .expect("a server that listens");
    drop(to);
    from.read_to_end(&mut heard).expect("its output");
    server.wait().expect("an end");
    String::from_utf8(heard).expect("text")
}

/// Messages as the protocol of editors has them.
fn framed(messages: &[serde_json::Value]) -> String {
    let framed = messages.iter().map(|message| {
        let text = message.to_string();
        format!("Content-Length: {}\r\n\r\n{text}", text.len())
    });
    framed.collect()
}

/// Opens all files, and asks for what stands where.
fn to_editor(root: &Path, opened: &[(PathBuf, String)]) -> String {
    let uri = |path: &Path| format!("file://{}", path.display());
    let mut messages = vec![
        serde_json::json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params":
            {"processId": null, "rootUri": uri(root), "capabilities": {}}}),
        serde_json::json!({"jsonrpc": "2.0", "method": "initialized", "params": {}}),
    ];
    for (path, text) in opened {
        messages.push(
            serde_json::json!({"jsonrpc": "2.0", "method": "textDocument/didOpen",
            "params": {"textDocument": {"uri": uri(path), "languageId": "yaml", "version": 1,
            "text": text}}}),
        );
        messages.push(serde_json::json!({"jsonrpc": "2.0", "id": 2, "method":
            "textDocument/hover", "params": {"textDocument": {"uri": uri(path)},
            "position": {"line": 6, "character": 5}}}));
    }
    framed(&messages)
}

/// Asks for all findings and for what would be changed.
fn to_agent() -> String {
    let call = |id: u32, tool: &str, arguments: serde_json::Value| {
        serde_json::json!({"jsonrpc": "2.0", "id": id, "method": "tools/call",
            "params": {"name": tool, "arguments": arguments}})
    };
    let fixes = serde_json::json!({"unsafe_fixes": ["secret-in-configmap"]});
    let messages = [
        serde_json::json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params":
            {"protocolVersion": "2025-06-18", "capabilities": {},
             "clientInfo": {"name": "test", "version": "1"}}}),
        serde_json::json!({"jsonrpc": "2.0", "method": "notifications/initialized"}),
        call(2, "find", serde_json::json!({})),
        call(3, "preview", fixes),
    ];
    messages.iter().fold(String::new(), |mut all, message| {
        let _ = writeln!(all, "{message}");
        all
    })
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
