//! What an editor and an assistant say, in any order. The first byte chooses: bytes as they come to
//! the language server; messages to it (U+0001 ends one, each a JSON text, or the bytes that choose
//! one); arguments of the tools of `kubewright mcp`. Nothing panics, what the server says is
//! framed, each question is answered once, and tools end.
#![no_main]

mod random;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use kubewright::cli::fuzzing;
use libfuzzer_sys::fuzz_target;
use random::Random;
use serde_json::{Value, json};

/// What the folder holds.
const FILES: [(&str, &str); 4] = [
    ("kustomization.yaml", "resources: [web.yaml, config.yaml]\n"),
    ("web.yaml", include_str!("lock.yaml")),
    (
        "config.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: other}\ndata: {a: b}\n",
    ),
    (
        "job.yaml",
        "apiVersion: batch/v1\nkind: Job\nmetadata: {name: job}\nspec:\n  template:\n    spec:\n      \
         containers:\n      - name: job\n        image: busybox\n        envFrom:\n        \
         - configMapRef: {name: other}\n",
    ),
];
const METHODS: [&str; 24] = [
    "textDocument/didOpen",
    "textDocument/didChange",
    "textDocument/didChange",
    "textDocument/didChange",
    "textDocument/didClose",
    "textDocument/didSave",
    "workspace/didChangeWatchedFiles",
    "textDocument/hover",
    "textDocument/definition",
    "textDocument/references",
    "textDocument/prepareRename",
    "textDocument/rename",
    "textDocument/completion",
    "textDocument/codeLens",
    "textDocument/codeAction",
    "codeAction/resolve",
    "$/cancelRequest",
    "initialize",
    "initialized",
    "shutdown",
    "exit",
    "workspace/symbol",
    "$/setTrace",
    "",
];
const TEXTS: [&str; 16] = [
    "",
    "x",
    "\n",
    ": ",
    "- ",
    "settings",
    "other",
    "[",
    "'",
    "\t",
    "😀",
    "---\n",
    "\r\n",
    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: other}\n",
    "a: [\n",
    "# c\n",
];

fn folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a folder").keep();
        std::fs::create_dir(folder.join(".git")).expect("a folder");
        for (path, text) in FILES {
            std::fs::write(folder.join(path), text).expect("a file");
        }
        folder
    })
}

fuzz_target!(|data: &[u8]| {
    let Some((kind, rest)) = data.split_first() else {
        return;
    };
    let folder = folder();
    match kind % 4 {
        0 => {
            let mut input = framed(&hello(folder)).into_bytes();
            input.extend(rest);
            answers(&fuzzing::language_server(input).0);
        }
        1 => tool(folder, rest),
        _ => session(folder, rest),
    }
});

fn hello(folder: &Path) -> String {
    let edit = json!({"documentChanges": true, "changeAnnotationSupport": {},
        "resourceOperations": ["create", "delete"]});
    let watch = json!({"didChangeWatchedFiles": {"dynamicRegistration": true}, "workspaceEdit": edit});
    let root = format!("file://{}", folder.display());
    let params = json!({"rootUri": root, "capabilities": {"workspace": watch}});
    json!({"jsonrpc": "2.0", "id": "hello", "method": "initialize", "params": params}).to_string()
}

fn framed(body: &str) -> String {
    format!("Content-Length: {}\r\n\r\n{body}", body.len())
}

/// How often each identifier is answered.
fn answers(said: &[u8]) -> BTreeMap<String, usize> {
    let mut answers = BTreeMap::new();
    let mut rest = std::str::from_utf8(said).expect("text");
    while !rest.is_empty() {
        let (header, behind) = rest.split_once("\r\n\r\n").expect("a header");
        let length = header.strip_prefix("Content-Length: ").expect("a length");
        let (body, next) = behind.split_at(length.parse().expect("a number"));
        let message: Value = serde_json::from_str(body).expect("JSON");
        assert_eq!(message["jsonrpc"], "2.0", "{message}");
        if message.get("method").is_none() {
            *answers.entry(message["id"].to_string()).or_default() += 1;
        }
        rest = next;
    }
    answers
}

fn session(folder: &Path, data: &[u8]) {
    let mut input = framed(&hello(folder));
    let mut asked = BTreeMap::from([("\"hello\"".to_owned(), 1)]);
    let mut refused = 0;
    for (at, chunk) in data.split(|byte| *byte == 1).enumerate() {
        let body = match std::str::from_utf8(chunk) {
            Ok(text) if text.starts_with('{') => {
                text.replace("ROOT", &format!("file://{}", folder.display()))
            }
            _ => message(folder, at, chunk).to_string(),
        };
        input.push_str(&framed(&body));
        let Ok(message) = serde_json::from_str::<Value>(&body) else {
            refused += 1;
            continue;
        };
        if message["method"] == "exit" && message.get("id").is_none_or(Value::is_null) {
            break;
        }
        match message.get("id").filter(|id| !id.is_null()) {
            // An answer, to which nothing is said.
            Some(_) if message.get("method").is_none() && is_answer(&message) => {}
            Some(id) => *asked.entry(id.to_string()).or_default() += 1,
            None if message["method"].is_string() || is_answer(&message) => {}
            None => refused += 1,
        }
    }
    input.push_str(&framed(r#"{"id":"end","method":"shutdown"}"#));
    input.push_str(&framed(r#"{"method":"exit"}"#));
    let (said, end) = fuzzing::language_server(input.clone().into_bytes());
    end.unwrap_or_else(|error| panic!("{error}: {input}"));
    let mut answers = answers(&said);
    answers.remove("\"end\"");
    assert_eq!(answers.remove("null").unwrap_or(0), refused, "{input}");
    asked.remove("\"end\"");
    assert_eq!(answers, asked, "{input}");
}

fn is_answer(message: &Value) -> bool {
    message.get("method").is_none()
        && (message.get("result").is_some() || message.get("error").is_some())
}

/// A message that bytes choose.
fn message(folder: &Path, at: usize, bytes: &[u8]) -> Value {
    let mut random = Random::new(bytes);
    let method = random.pick(&METHODS);
    let file = FILES[random.below(FILES.len())].0;
    let file = if random.one_in(8) { "new.yaml" } else { file };
    let uri = format!("file://{}/{file}", folder.display());
    let mut place = || json!({"line": random.below(40), "character": random.below(60)});
    let (from, to) = (place(), place());
    let text = random.pick(&TEXTS);
    let known = FILES.iter().find(|(name, _)| *name == file);
    let whole = known.map_or("", |(_, text)| text);
    let change = match random.below(3) {
        0 => json!({"text": format!("{whole}{text}")}),
        _ => json!({"range": {"start": from, "end": to}, "text": text}),
    };
    let params = json!({
        "textDocument": {"uri": uri, "languageId": "yaml", "version": at, "text": whole},
        "contentChanges": [change],
        "position": from,
        "range": {"start": from, "end": to},
        "context": {"diagnostics": [], "includeDeclaration": true},
        "newName": text,
        "changes": [{"uri": uri, "type": 1 + random.below(3)}],
        "id": random.below(8),
        "title": text, "data": true, "capabilities": {},
    });
    let asks = matches!(at % 3, 0) || !method.contains("did") && method != "$/cancelRequest";
    let quiet = matches!(method, "initialized" | "exit" | "$/setTrace");
    if asks && !quiet {
        json!({"jsonrpc": "2.0", "id": at, "method": method, "params": params})
    } else {
        json!({"jsonrpc": "2.0", "method": method, "params": params})
    }
}

/// A tool with any arguments: a name, U+0001, JSON.
fn tool(folder: &Path, data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let Some((name, arguments)) = text.split_once('\u{1}') else {
        return;
    };
    if let Ok(arguments) = serde_json::from_str(arguments) {
        let _ = fuzzing::tool(folder, name, arguments);
    }
    for (path, text) in FILES {
        let now = std::fs::read_to_string(folder.join(path)).expect("a file");
        assert_eq!(now, text, "{path} was written");
    }
}
