//! Whatever is typed, saved, closed, added and deleted: what the editor shows is what a server
//! says that has just started on the same texts.
//!
//! `KUBEWRIGHT_EDITS=N` makes more or fewer changes.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use libtest_mimic::Failed;
use serde_json::{Value, json};

use super::support::{TrialResult, ensure};
use super::{APP, CONFIG, Editor};

const OTHER: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: other\n  namespace: \
                     web\ndata:\n  mode: slow\n  nginx.conf: |\n    events {}\n";
const JOB: &str = "apiVersion: batch/v1\nkind: Job\nmetadata:\n  name: job\nspec:\n  template:\n    spec:\n      restartPolicy: Never\n      containers:\n      - name: job\n        image: busybox:1.37\n        envFrom:\n        - secretRef: {name: credentials}\n        volumeMounts:\n        - {name: files, mountPath: /etc/a.yaml, subPath: a.yaml}\n      volumes:\n      - name: files\n        configMap: {name: settings}\n";
const ARGO: &str = "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: prod, namespace: argocd}\nspec:\n  source: {repoURL: https://git.example.com/x.git, path: app/prod}\n  destination: {name: prod, namespace: prod}\n";

const PLAIN: &str = "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: plain, namespace: argocd}\nspec:\n  source: {repoURL: https://git.example.com/x.git, path: plain}\n  destination: {name: prod, namespace: prod}\n";
const FLUX: &str = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: base, namespace: flux-system}\nspec:\n  path: ./app/base\n  sourceRef: {kind: GitRepository, name: x}\n---\napiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {name: x, namespace: flux-system}\nspec: {url: https://git.example.com/x.git}\n";

/// What there is at the start.
const FILES: [(&str, &str); 15] = [
    (".gitignore", "out/\n"),
    (
        "kubewright.toml",
        "ignore = [\"vendor/**\"]\n[transforms.missing-config-hash]\nsecrets = true\n",
    ),
    ("app/base/app.yaml", APP),
    ("app/base/config.yaml", CONFIG),
    (
        "app/base/kustomization.yaml",
        "resources: [app.yaml, config.yaml]\nconfigMapGenerator:\n- name: made\n  files: \
         [made.yaml]\n",
    ),
    ("app/base/made.yaml", "a: 1\n"),
    (
        "app/prod/kustomization.yaml",
        "namespace: prod\nresources: [../base, job.yaml]\npatches: [{path: gone.yaml}]\n",
    ),
    (
        "app/prod/gone.yaml",
        "$patch: delete\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: more}\n",
    ),
    ("app/prod/job.yaml", JOB),
    ("argo.yaml", ARGO),
    ("argo/plain.yaml", PLAIN),
    ("flux.yaml", FLUX),
    ("plain/app.yaml", APP),
    ("plain/config.yaml", OTHER),
    ("vendor/third.yaml", OTHER),
];

/// What may come.
const NEW: [(&str, &str); 12] = [
    ("plain/more.yaml", CONFIG),
    ("plain/kustomization.yaml", "resources: [app.yaml]\n"),
    ("plain/.hidden.yaml", JOB),
    ("plain/values.yaml", "just: data\n"),
    ("plain/Kustomization", "resources: [config.yaml]\n"),
    ("plain/job.manifest", JOB),
    ("plain/templates/job.yaml", JOB),
    ("plain/Chart.yaml", "apiVersion: v2\nname: plain\n"),
    ("out/config.yaml", CONFIG),
    ("vendor/more.yaml", CONFIG),
    ("app/prod/more.yaml", OTHER),
    (
        "app/credentials.json",
        "{\"apiVersion\": \"v1\", \"kind\": \"Secret\", \"metadata\": {\"name\": \
         \"credentials\"}}\n",
    ),
];

/// What is put into texts.
const INSERTS: [&str; 12] = [
    "x", "\n", ": ", "# c\n", "settings", "- ", " ", "[", "---\n", "'", "\t", "😀",
];
const NAMES: [&str; 4] = ["settings", "other", "more", "made"];
const CHANGES: usize = 60;

/// A number generator that is the same everywhere.
struct Random(u64);

impl Random {
    fn below(&mut self, most: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        usize::try_from(self.0 >> 33).unwrap_or(0) % most.max(1)
    }

    fn of<T: Clone>(&mut self, all: &[T]) -> Option<T> {
        all.get(self.below(all.len())).cloned()
    }

    /// A place in a text.
    fn place(&mut self, text: &str) -> usize {
        let mut at = self.below(text.len() + 1);
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        at
    }
}

type Shown = BTreeMap<String, Value>;

/// A person at work: the disk, the editor, and what is open in it.
struct Desk {
    dir: tempfile::TempDir,
    editor: Editor,
    random: Random,
    disk: BTreeMap<String, String>,
    open: BTreeMap<String, (String, u64)>,
    shown: Shown,
    done: Vec<String>,
}

/// A session of random changes.
pub(super) fn session(seed: u64) -> TrialResult {
    let dir = tempfile::tempdir()?;
    let texts: BTreeMap<String, String> = FILES
        .iter()
        .map(|(path, text)| ((*path).to_owned(), (*text).to_owned()))
        .collect();
    lay(dir.path(), &texts)?;
    let mut desk = Desk {
        editor: Editor::start(dir.path())?,
        dir,
        random: Random(seed),
        disk: texts,
        open: BTreeMap::new(),
        shown: Shown::new(),
        done: Vec::new(),
    };
    let changes = std::env::var("KUBEWRIGHT_EDITS").ok();
    let changes = changes.and_then(|n| n.parse().ok()).unwrap_or(CHANGES);
    for step in 0..changes {
        // What is typed in one go is looked at once.
        for _ in 0..=desk.random.below(3) {
            desk.change()?;
        }
        desk.compare().map_err(|failed| {
            let why = failed.message().unwrap_or_default();
            Failed::from(format!("seed {seed}, step {step}: {why}"))
        })?;
        desk.done.clear();
    }
    desk.editor.end()
}

fn lay(dir: &Path, files: &BTreeMap<String, String>) -> std::io::Result<()> {
    for (path, text) in files {
        let file = dir.join(path);
        fs::create_dir_all(file.parent().unwrap_or(dir))?;
        fs::write(file, text)?;
    }
    Ok(())
}

/// Has all findings made, and takes what is told of them into `shown`.
fn settle(editor: &mut Editor, shown: &mut Shown) -> TrialResult {
    let none = json!({"line": 0, "character": 0});
    let asked = json!({"textDocument": {"uri": editor.uri("app/base/app.yaml")},
        "range": {"start": none, "end": none}, "context": {"diagnostics": []}});
    editor.ask("textDocument/codeAction", &asked)?;
    for message in std::mem::take(&mut editor.heard) {
        ensure(message["method"] != "window/showMessage", || {
            format!("{message}")
        })?;
        if message["method"] != "textDocument/publishDiagnostics" {
            continue;
        }
        let said = anywhere(&message["params"], &editor.root)?;
        let path = said["uri"].as_str().unwrap_or_default().to_owned();
        if said["diagnostics"] == json!([]) {
            shown.remove(&path);
        } else {
            shown.insert(path, said["diagnostics"].clone());
        }
    }
    Ok(())
}

/// What is said, wherever the workspace lies.
fn anywhere(said: &Value, root: &str) -> Result<Value, Failed> {
    Ok(serde_json::from_str(
        &said.to_string().replace(root, "root:"),
    )?)
}

impl Desk {
    fn change(&mut self) -> TrialResult {
        let (paths, open): (Vec<String>, Vec<String>) = (
            self.disk.keys().cloned().collect(),
            self.open.keys().cloned().collect(),
        );
        let kind = self.random.below(12);
        let (done, path) = match kind {
            0..=5 => ("type in", self.random.of(&open)),
            6 | 7 => ("open", self.random.of(&paths)),
            8 => ("close", self.random.of(&open)),
            9 => ("save", self.random.of(&open)),
            10 => ("delete", self.random.of(&paths)),
            _ => ("add", self.random.of(&NEW).map(|(path, _)| path.to_owned())),
        };
        let Some(path) = path.filter(|path| !["kubewright.toml", ".gitignore"].contains(&&**path))
        else {
            return Ok(());
        };
        self.done.push(format!("{done} {path}"));
        let uri = self.editor.uri(&path);
        let document = json!({"textDocument": {"uri": uri}});
        match done {
            "type in" => self.type_in(&path)?,
            "open" => {
                let text = self.disk.get(&path).cloned().unwrap_or_default();
                self.open(&path, text)?;
            }
            "close" => {
                self.editor.say("textDocument/didClose", &document)?;
                self.open.remove(&path);
            }
            "save" => {
                let text = self.open.get(&path).map(|(text, _)| text.clone());
                self.write(&path, text.unwrap_or_default())?;
                self.editor.say("textDocument/didSave", &document)?;
            }
            "delete" => {
                fs::remove_file(self.dir.path().join(&path))?;
                self.disk.remove(&path);
                self.watched(&path, 3)?;
            }
            _ => {
                let text = NEW.iter().chain(&FILES).find(|(new, _)| *new == path);
                let text = text.map_or("", |(_, text)| text).to_owned();
                if self.random.below(3) == 0 {
                    // A new one, which is not saved yet.
                    self.open(&path, text)?;
                } else {
                    self.write(&path, text)?;
                }
            }
        }
        Ok(())
    }

    fn open(&mut self, path: &str, text: String) -> TrialResult {
        if !self.open.contains_key(path) {
            fs::create_dir_all(
                self.dir
                    .path()
                    .join(path)
                    .parent()
                    .unwrap_or(self.dir.path()),
            )?;
            self.editor.open(path, &text)?;
            self.open.insert(path.to_owned(), (text, 1));
        }
        Ok(())
    }

    fn write(&mut self, path: &str, text: String) -> TrialResult {
        let kind = if self.disk.contains_key(path) { 2 } else { 1 };
        lay(
            self.dir.path(),
            &BTreeMap::from([(path.to_owned(), text.clone())]),
        )?;
        self.disk.insert(path.to_owned(), text);
        self.watched(path, kind)
    }

    fn watched(&mut self, path: &str, kind: u64) -> TrialResult {
        let changes = json!({"changes": [{"uri": self.editor.uri(path), "type": kind}]});
        Ok(self
            .editor
            .say("workspace/didChangeWatchedFiles", &changes)?)
    }

    /// Keeps the text valid or breaks it, renames, or takes back what was done to it.
    fn type_in(&mut self, path: &str) -> TrialResult {
        let Some((mut text, version)) = self.open.get(path).cloned() else {
            return Ok(());
        };
        let (old, insert) = (self.random.of(&NAMES), self.random.of(&INSERTS));
        let range = match self.random.below(5) {
            0 => {
                let mut all = FILES.iter().chain(&NEW);
                let first = all.find(|(of, _)| *of == path);
                first.map_or("", |(_, text)| text).clone_into(&mut text);
                None
            }
            1 => {
                let new = self.random.of(&NAMES).unwrap_or_default();
                text = text.replace(old.unwrap_or_default(), new);
                None
            }
            2 => {
                text.push_str("# more\n");
                None
            }
            kind => {
                // As it is typed: a range is replaced, and nothing else is sent.
                let start = self.random.place(&text);
                let end = text
                    .char_indices()
                    .map(|(at, c)| at + c.len_utf8())
                    .find(|end| *end > start && kind == 3);
                let end = end.unwrap_or(start);
                let insert = if kind == 3 {
                    ""
                } else {
                    insert.unwrap_or_default()
                };
                let range = json!({"start": position(&text, start), "end": position(&text, end)});
                text.replace_range(start..end, insert);
                Some((range, insert))
            }
        };
        let change = match range {
            Some((range, insert)) => json!({"range": range, "text": insert}),
            None => json!({"text": text}),
        };
        let uri = self.editor.uri(path);
        self.editor.say(
            "textDocument/didChange",
            &json!({"textDocument": {"uri": uri, "version": version + 1}, "contentChanges": [change]}),
        )?;
        self.open.insert(path.to_owned(), (text, version + 1));
        // A question in between has the workspace made anew.
        if self.random.below(3) == 0 {
            self.editor
                .ask_at("textDocument/hover", path, (3, 9), &json!({}))?;
        }
        Ok(())
    }

    /// Holds what is shown against what a new server says of the same texts.
    fn compare(&mut self) -> TrialResult {
        settle(&mut self.editor, &mut self.shown)?;
        let mut texts = self.disk.clone();
        let open = self.open.iter();
        texts.extend(open.map(|(path, (text, _))| (path.clone(), text.clone())));
        let dir = tempfile::tempdir()?;
        lay(dir.path(), &texts)?;
        let mut fresh = Editor::start(dir.path())?;
        let mut expected = Shown::new();
        settle(&mut fresh, &mut expected)?;
        ensure(self.shown == expected, || {
            let done = self.done.join(", ");
            let is = serde_json::to_string_pretty(&self.shown).unwrap_or_default();
            let should = serde_json::to_string_pretty(&expected).unwrap_or_default();
            format!("after {done}:\n{is}\na new server says\n{should}\nof {texts:#?}")
        })?;
        // Names lead to the same places.
        let all = json!({"context": {"includeDeclaration": true}});
        let at = (u32::try_from(self.random.below(30))?, 20);
        for (method, file) in [
            ("textDocument/references", "app/base/config.yaml"),
            ("textDocument/hover", "app/base/config.yaml"),
            ("textDocument/definition", "plain/app.yaml"),
        ] {
            let at = if file.ends_with("config.yaml") {
                (3, 10)
            } else {
                at
            };
            let known = self.editor.ask_at(method, file, at, &all)?;
            let new = fresh.ask_at(method, file, at, &all)?;
            let (known, new) = (
                anywhere(&known, &self.editor.root)?,
                anywhere(&new, &fresh.root)?,
            );
            ensure(known == new, || {
                let done = self.done.join(", ");
                format!("after {done}: {method} of {file}:{at:?} is {known}, and anew {new}")
            })?;
        }
        fresh.end()
    }
}

/// The place of a byte, in UTF-16 code units.
fn position(text: &str, at: usize) -> Value {
    let before = text.get(..at).unwrap_or_default();
    let line = before.matches('\n').count();
    let column = before.rsplit('\n').next().unwrap_or_default();
    json!({"line": line, "character": column.encode_utf16().count()})
}
