//! Promise: an editor that speaks the language server protocol gets diagnostics, fixes over
//! several files, names that can be followed and renamed, and what it has typed counts, saved or
//! not.
//!
//! Neovim and npm are skipped by name where they are missing; with `KUBEWRIGHT_REQUIRE_CLIENTS=1`
//! they fail.

#![expect(clippy::disallowed_methods, reason = "tests read and write files")]

#[path = "lsp/editors.rs"]
mod editors;
#[path = "lsp/edits.rs"]
mod edits;
#[path = "lsp/order.rs"]
mod order;
mod support;

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use libtest_mimic::{Arguments, Trial};
use serde_json::{Value, json};
use support::{TrialResult, ensure, kubewright, missing, needing};

const CONFIG: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: settings\n  namespace: \
                      web\ndata:\n  mode: fast\n  level: \"1\"\n";
const APP: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\n  namespace: web\nspec:\n  \
     replicas: 2\n  selector:\n    matchLabels: {app: web}\n  template:\n    metadata:\n      \
     labels: {app: web}\n    spec:\n      containers:\n      - name: web\n        image: \
     nginx:1.27\n        envFrom:\n        - configMapRef:\n            name: settings\n        \
     env:\n        - name: MODE\n          valueFrom:\n            configMapKeyRef:\n              \
     name: settings\n              key: mode\n";
const KUSTOMIZATION: &str = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: \
                             Kustomization\nresources:\n- config.yaml\n- app.yaml\n";

fn main() {
    let arguments = Arguments::from_args();
    let mut trials = vec![
        Trial::test("a_session", session),
        Trial::test("what_is_typed_counts", typed),
        Trial::test("a_rename_that_is_not_proven_is_refused", refused),
        Trial::test("a_broken_configuration_is_said", broken),
        Trial::test("questions_before_the_first_are_answered", order::before),
        Trial::test("questions_at_the_end_are_answered", order::behind),
        Trial::test("questions_of_who_leaves_are_answered", order::left),
        Trial::test("what_is_no_message_is_answered", order::nonsense),
    ];
    for seed in 1..=4 {
        let name = format!("edits_are_found_as_anew_{seed}");
        trials.push(Trial::test(name, move || edits::session(seed)));
    }
    let neovim = missing("neovim", "nvim", &["--version"]);
    let npm = missing("npm", "npm", &["--version"]);
    trials.push(needing(neovim, "neovim_shows_and_fixes", editors::neovim));
    trials.push(needing(
        npm,
        "the_extension_is_built_and_packed",
        editors::vscode,
    ));
    libtest_mimic::run(&arguments, trials).exit();
}

/// An editor.
struct Editor {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
    heard: Vec<Value>,
    next: u64,
    root: String,
}

impl Editor {
    fn start(dir: &Path) -> Result<Self, libtest_mimic::Failed> {
        let mut editor = Self::silent(dir)?;
        let edit = json!({"documentChanges": true, "resourceOperations": ["create", "delete"],
            "changeAnnotationSupport": {}});
        let root = editor.root.clone();
        editor.ask(
            "initialize",
            &json!({"processId": null, "rootUri": root, "capabilities": {"workspace": {"workspaceEdit": edit}}}),
        )?;
        editor.say("initialized", &json!({}))?;
        Ok(editor)
    }

    /// Started, and nothing said yet.
    fn silent(dir: &Path) -> Result<Self, libtest_mimic::Failed> {
        let mut child = kubewright(dir, &["lsp"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let to = child.stdin.take().ok_or("no standard input")?;
        let from = BufReader::new(child.stdout.take().ok_or("no standard output")?);
        let root = format!("file://{}", dir.canonicalize()?.display());
        Ok(Self {
            child,
            to,
            from,
            heard: Vec::new(),
            next: 1,
            root,
        })
    }

    fn uri(&self, file: &str) -> String {
        format!("{}/{file}", self.root)
    }

    fn send(&mut self, message: &Value) -> std::io::Result<()> {
        let text = message.to_string();
        write!(self.to, "Content-Length: {}\r\n\r\n{text}", text.len())?;
        self.to.flush()
    }

    fn say(&mut self, method: &str, params: &Value) -> std::io::Result<()> {
        self.send(&json!({"jsonrpc": "2.0", "method": method, "params": params}))
    }

    /// The next message of the server.
    fn hear(&mut self) -> Result<Value, libtest_mimic::Failed> {
        let mut length = 0;
        loop {
            let mut line = String::new();
            if self.from.read_line(&mut line)? == 0 {
                return Err("the server ended".into());
            }
            if line.trim().is_empty() {
                break;
            }
            if let Some(value) = line.strip_prefix("Content-Length:") {
                length = value.trim().parse()?;
            }
        }
        let mut body = vec![0; length];
        self.from.read_exact(&mut body)?;
        Ok(serde_json::from_slice(&body)?)
    }

    /// The answer to a question, be it an error.
    fn ask(&mut self, method: &str, params: &Value) -> Result<Value, libtest_mimic::Failed> {
        let id = self.next;
        self.next += 1;
        self.send(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}))?;
        loop {
            let message = self.hear()?;
            if message["id"] == json!(id) {
                let answer = if message.get("error").is_some() {
                    &message["error"]
                } else {
                    &message["result"]
                };
                return Ok(answer.clone());
            }
            self.heard.push(message);
        }
    }

    fn ask_at(
        &mut self,
        method: &str,
        file: &str,
        at: (u32, u32),
        more: &Value,
    ) -> Result<Value, libtest_mimic::Failed> {
        let mut params = json!({"textDocument": {"uri": self.uri(file)}, "position": {"line": at.0, "character": at.1}});
        if let (Value::Object(params), Value::Object(more)) = (&mut params, more) {
            params.extend(more.clone());
        }
        self.ask(method, &params)
    }

    fn open(&mut self, file: &str, text: &str) -> std::io::Result<()> {
        let document =
            json!({"uri": self.uri(file), "languageId": "yaml", "version": 1, "text": text});
        self.say("textDocument/didOpen", &json!({"textDocument": document}))
    }

    /// The next diagnostics of a file.
    fn diagnostics(&mut self, file: &str) -> Result<Vec<Value>, libtest_mimic::Failed> {
        let uri = self.uri(file);
        loop {
            let message = if self.heard.is_empty() {
                self.hear()?
            } else {
                self.heard.remove(0)
            };
            if message["method"] == "textDocument/publishDiagnostics"
                && message["params"]["uri"] == json!(uri)
            {
                return Ok(message["params"]["diagnostics"]
                    .as_array()
                    .cloned()
                    .unwrap_or_default());
            }
        }
    }

    fn end(mut self) -> TrialResult {
        self.ask("shutdown", &Value::Null)?;
        self.say("exit", &Value::Null)?;
        let status = self.child.wait()?;
        ensure(status.success(), || {
            format!("the server ended with {status}")
        })
    }
}

fn workspace() -> std::io::Result<tempfile::TempDir> {
    let dir = tempfile::tempdir()?;
    let files = [
        ("config.yaml", CONFIG),
        ("app.yaml", APP),
        ("kustomization.yaml", KUSTOMIZATION),
    ];
    for (name, text) in files {
        fs::write(dir.path().join(name), text)?;
    }
    Ok(dir)
}

/// Open, diagnostics, hover, definition, references, completion, lens, action, rename.
fn session() -> TrialResult {
    let dir = workspace()?;
    let mut editor = Editor::start(dir.path())?;
    editor.open("app.yaml", APP)?;
    let found = editor.diagnostics("app.yaml")?;
    let first = found.first().ok_or("no diagnostic")?;
    ensure(first["code"] == "missing-config-hash", || {
        format!("{found:?}")
    })?;

    let none = json!({});
    let hover = editor.ask_at("textDocument/hover", "app.yaml", (18, 20), &none)?;
    let text = hover["contents"]["value"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    for part in [
        "**ConfigMap** `settings`",
        "`level`, `mode`",
        "Deployment `web`",
    ] {
        ensure(text.contains(part), || format!("{part} is not in\n{text}"))?;
    }
    let to = editor.ask_at("textDocument/definition", "app.yaml", (18, 20), &none)?;
    let place = json!([{"uri": editor.uri("config.yaml"), "range": {"start": {"line": 3, "character": 8}, "end": {"line": 3, "character": 16}}}]);
    ensure(to == place, || format!("{to}"))?;
    let key = editor.ask_at("textDocument/definition", "app.yaml", (24, 20), &none)?;
    ensure(key[0]["range"]["start"]["line"] == 6, || format!("{key}"))?;
    let all = json!({"context": {"includeDeclaration": true}});
    let places = editor.ask_at("textDocument/references", "config.yaml", (3, 10), &all)?;
    ensure(places.as_array().map(Vec::len) == Some(3), || {
        format!("{places}")
    })?;
    let names = editor.ask_at("textDocument/completion", "app.yaml", (18, 18), &none)?;
    ensure(names[0]["label"] == "settings", || format!("{names}"))?;
    let keys = editor.ask_at("textDocument/completion", "app.yaml", (24, 19), &none)?;
    ensure(
        keys[0]["label"] == "level" && keys[1]["label"] == "mode",
        || format!("{keys}"),
    )?;
    let app = json!({"textDocument": {"uri": editor.uri("app.yaml")}});
    let lens = editor.ask("textDocument/codeLens", &app)?;
    let title = lens[0]["command"]["title"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    ensure(title.contains("2 pods one after another"), || title)?;

    let line = json!({"start": {"line": 4, "character": 0}, "end": {"line": 4, "character": 0}});
    let range = if first["range"]["start"].is_object() {
        first["range"].clone()
    } else {
        line
    };
    let asked = json!({"textDocument": {"uri": editor.uri("app.yaml")}, "range": range, "context": {"diagnostics": []}});
    let actions = editor.ask("textDocument/codeAction", &asked)?;
    let fix = &actions[0];
    let edits = &fix["edit"]["documentChanges"][0];
    ensure(
        fix["kind"] == "quickfix" && edits["textDocument"]["version"] == 1,
        || format!("{actions}"),
    )?;
    ensure(
        edits["edits"]
            .to_string()
            .contains("kubewright.dev/config-hash"),
        || format!("{edits}"),
    )?;
    let every = actions
        .as_array()
        .and_then(|all| all.last())
        .cloned()
        .unwrap_or_default();
    let every = editor.ask("codeAction/resolve", &every)?;
    ensure(every["edit"].to_string().contains("config-hash"), || {
        format!("{every}")
    })?;

    let new = json!({"newName": "web-settings"});
    let renamed = editor.ask_at("textDocument/rename", "config.yaml", (3, 10), &new)?;
    let changes = renamed["documentChanges"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let edits: Vec<usize> = changes
        .iter()
        .map(|c| c["edits"].as_array().map_or(0, Vec::len))
        .collect();
    ensure(edits == [2, 1], || format!("{renamed}"))?;
    ensure(
        renamed["changeAnnotations"]["kubewright"]["needsConfirmation"] == false,
        || format!("{renamed}"),
    )?;
    editor.end()
}

/// A change that is not saved moves what is found and what is known.
fn typed() -> TrialResult {
    let dir = workspace()?;
    let mut editor = Editor::start(dir.path())?;
    editor.open("app.yaml", APP)?;
    ensure(editor.diagnostics("app.yaml")?.len() == 1, || {
        "one finding".into()
    })?;
    editor.open("config.yaml", CONFIG)?;
    let range = json!({"start": {"line": 3, "character": 8}, "end": {"line": 3, "character": 16}});
    let change = json!({"textDocument": {"uri": editor.uri("config.yaml"), "version": 2},
        "contentChanges": [{"range": range, "text": "other"}]});
    editor.say("textDocument/didChange", &change)?;
    let found = editor.diagnostics("app.yaml")?;
    ensure(
        found
            .iter()
            .any(|d| d["code"] == "missing-config-reference"),
        || format!("{found:?}"),
    )?;
    let close = json!({"textDocument": {"uri": editor.uri("config.yaml")}});
    editor.say("textDocument/didClose", &close)?;
    let found = editor.diagnostics("app.yaml")?;
    ensure(
        found.iter().all(|d| d["code"] == "missing-config-hash"),
        || format!("{found:?}"),
    )?;
    // What is no YAML while it is typed ends nothing.
    let text = json!({"textDocument": {"uri": editor.uri("app.yaml"), "version": 3},
        "contentChanges": [{"text": "a: [\n😀: \"\n"}]});
    editor.say("textDocument/didChange", &text)?;
    let found = editor.diagnostics("app.yaml")?;
    ensure(found.iter().any(|d| d["code"] == "input"), || {
        format!("{found:?}")
    })?;
    editor.end()
}

/// A word that may be the name, in something that nothing understands.
fn refused() -> TrialResult {
    let dir = workspace()?;
    let job = "apiVersion: example.com/v1\nkind: Tool\nmetadata:\n  name: tool\n  namespace: \
               web\nspec:\n  args: [--from, settings]\n";
    fs::write(dir.path().join("tool.yaml"), job)?;
    fs::write(
        dir.path().join("kustomization.yaml"),
        format!("{KUSTOMIZATION}- tool.yaml\n"),
    )?;
    let mut editor = Editor::start(dir.path())?;
    let said = |answer: &Value| answer["message"].as_str().unwrap_or_default().to_owned();
    for (name, word) in [
        ("web-settings", "tool.yaml:7"),
        ("Web", "no name of an object"),
        ("", "no name"),
    ] {
        let new = json!({ "newName": name });
        let answer = editor.ask_at("textDocument/rename", "config.yaml", (3, 10), &new)?;
        ensure(said(&answer).contains(word), || format!("{name}: {answer}"))?;
    }
    editor.end()
}

fn broken() -> TrialResult {
    let dir = workspace()?;
    fs::write(dir.path().join("kubewright.toml"), "nonsense = 1\n")?;
    let mut editor = Editor::start(dir.path())?;
    let message = editor.hear()?;
    ensure(message["method"] == "window/showMessage", || {
        format!("{message}")
    })?;
    editor.open("app.yaml", &APP.replace("settings", "other"))?;
    fs::write(dir.path().join("kubewright.toml"), "")?;
    let saved = json!({"textDocument": {"uri": editor.uri("kubewright.toml")}});
    editor.say("textDocument/didSave", &saved)?;
    let found = editor.diagnostics("app.yaml")?;
    ensure(
        found
            .iter()
            .any(|d| d["code"] == "missing-config-reference"),
        || format!("{found:?}"),
    )?;
    editor.end()
}
