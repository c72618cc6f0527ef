//! Promise: an assistant that speaks the Model Context Protocol gets findings, pages, the graph and
//! diffs; nothing outside of the root is reported or written, and nothing at all without
//! `--allow-write`.
#![cfg(feature = "mcp")]
#![expect(clippy::disallowed_methods, reason = "tests read and write files")]

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

const CONFIG: &str = "\
apiVersion: v1
kind: ConfigMap
metadata:
  name: greeting
data:
  text: hello
";

const WEB: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web # the page
spec:
  selector:
    matchLabels: {app: web}
  template:
    metadata:
      labels: {app: web}
    spec:
      containers:
        - name: web
          image: registry.example.com/web:1.0
          envFrom:
            - configMapRef: {name: greeting}
";

/// A client, and the server that it started.
struct Client {
    server: Child,
    to: Option<ChildStdin>,
    from: BufReader<ChildStdout>,
    last: u64,
}

impl Client {
    /// Starts a server in a folder, and introduces itself.
    fn start(folder: &Path, args: &[&str]) -> Self {
        let mut client = Self::silent(folder, args);
        let hello = client.ask(
            "initialize",
            &json!({
                "protocolVersion": "2025-06-18",
                "capabilities": {},
                "clientInfo": {"name": "test", "version": "1"},
            }),
        );
        assert_eq!(hello["result"]["protocolVersion"], "2025-06-18", "{hello}");
        assert_eq!(hello["result"]["serverInfo"]["name"], "kubewright");
        assert!(hello["result"]["capabilities"]["tools"].is_object());
        client.say(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}));
        client
    }

    /// Starts a server, and says nothing yet.
    fn silent(folder: &Path, args: &[&str]) -> Self {
        let mut server = Command::new(env!("CARGO_BIN_EXE_kubewright"))
            .arg("mcp")
            .args(args)
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the server");
        let to = server.stdin.take();
        let from = BufReader::new(server.stdout.take().expect("its output"));
        Self {
            server,
            to,
            from,
            last: 0,
        }
    }

    fn say(&mut self, message: &Value) {
        let to = self.to.as_mut().expect("a server that listens");
        writeln!(to, "{message}").expect("a server that listens");
    }

    /// The answer to a request; every line of the server is a message.
    fn ask(&mut self, method: &str, params: &Value) -> Value {
        self.last += 1;
        let id = self.last;
        self.say(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}));
        loop {
            let mut line = String::new();
            let read = self.from.read_line(&mut line).expect("an answer");
            assert!(read > 0, "the server left before it answered {method}");
            let message: Value = serde_json::from_str(&line).expect("a message on each line");
            if message["id"] == id {
                return message;
            }
        }
    }

    fn call(&mut self, tool: &str, arguments: &Value) -> Value {
        let answer = self.ask("tools/call", &json!({"name": tool, "arguments": arguments}));
        assert!(answer["error"].is_null(), "{tool}: {answer}");
        answer["result"].clone()
    }

    /// The structured result and the text of a call that succeeds.
    fn get(&mut self, tool: &str, arguments: &Value) -> (Value, String) {
        let result = self.call(tool, arguments);
        assert_ne!(result["isError"], true, "{tool}: {result}");
        (result["structuredContent"].clone(), text(&result))
    }

    /// What a call that fails says.
    fn fail(&mut self, tool: &str, arguments: &Value) -> String {
        let result = self.call(tool, arguments);
        assert_eq!(result["isError"], true, "{tool}: {result}");
        text(&result)
    }

    fn tools(&mut self) -> Vec<Value> {
        let listed = self.ask("tools/list", &json!({}));
        let tools = listed["result"]["tools"].as_array();
        tools.expect("a list of tools").clone()
    }

    /// Leaves; the server ends well.
    fn leave(mut self) {
        drop(self.to.take());
        let status = self.server.wait().expect("an end");
        assert_eq!(status.code(), Some(0));
    }
}

fn text(result: &Value) -> String {
    let text = result["content"][0]["text"].as_str();
    text.expect("a text").to_owned()
}

/// A repository with two applications, of which `app` stands at `app/`.
fn repository() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (path, text) in [
        ("app/config.yaml", CONFIG),
        ("app/web.yaml", WEB),
        ("other/config.yaml", CONFIG),
        ("other/web.yaml", WEB),
    ] {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(path, text).expect("a file");
    }
    git(folder.path(), &["init", "-q"]);
    folder
}

fn git(folder: &Path, args: &[&str]) {
    let status = Command::new("git").args(args).current_dir(folder).status();
    assert!(status.expect("git").success(), "git {args:?}");
}

fn read(folder: &Path, path: &str) -> String {
    fs::read_to_string(folder.join(path)).expect("a file")
}

#[test]
fn tools_say_what_they_do_to_files() {
    let folder = repository();
    let mut client = Client::start(folder.path(), &[]);
    let tools = client.tools();
    let names: Vec<_> = tools.iter().map(|tool| tool["name"].clone()).collect();
    assert_eq!(names, ["find", "explain", "graph", "preview"]);
    for tool in &tools {
        assert_eq!(tool["annotations"]["readOnlyHint"], true, "{tool}");
        assert_eq!(tool["inputSchema"]["type"], "object", "{tool}");
        assert_eq!(tool["inputSchema"]["additionalProperties"], false, "{tool}");
        let arguments = tool["inputSchema"]["properties"].as_object();
        for (name, schema) in arguments.expect("arguments") {
            assert!(schema["description"].is_string(), "{name}: {schema}");
        }
    }
    client.leave();
    let mut client = Client::start(folder.path(), &["--allow-write"]);
    let tools = client.tools();
    let apply = tools.last().expect("a tool");
    assert_eq!(apply["name"], "apply");
    assert_eq!(apply["annotations"]["readOnlyHint"], false);
    assert_eq!(apply["inputSchema"]["required"], json!(["digest"]));
    client.leave();
}

#[test]
fn findings_pages_and_the_graph_come_as_data_and_as_text() {
    let folder = repository();
    let mut client = Client::start(folder.path(), &["app"]);
    let (found, said) = client.get("find", &json!({}));
    assert_eq!(found["version"], 1);
    let findings = found["findings"].as_array().expect("findings");
    assert_eq!(findings.len(), 1, "{said}");
    assert_eq!(findings[0]["transform"], "missing-config-hash");
    // Relative to the root that was given; the application beside it is not reported.
    assert_eq!(findings[0]["path"], "web.yaml");
    assert!(
        said.contains("web.yaml:4:9: warning[missing-config-hash]"),
        "{said}"
    );
    assert!(
        said.contains("1 finding in 2 files read, 1 file to change"),
        "{said}"
    );
    assert!(!said.contains('\u{1b}'), "{said}");
    let (found, _) = client.get("find", &json!({"transforms": ["subpath-configmap-mount"]}));
    assert_eq!(found["findings"], json!([]));

    let (page, said) = client.get("explain", &json!({"transform": "missing-config-hash"}));
    assert_eq!(page["page"], said);
    assert!(said.starts_with("# missing-config-hash"), "{said}");
    let (all, said) = client.get("explain", &json!({}));
    let names = all["transforms"].as_array().expect("transforms");
    assert!(names.iter().any(|t| t["name"] == "static-pod-kube-proxy"));
    assert!(said.contains("static-pod-kube-proxy: "), "{said}");

    let (graph, said) = client.get("graph", &json!({}));
    let sets = graph["sets"].as_array().expect("sets");
    assert_eq!(sets.len(), 1, "{said}");
    assert!(said.contains("greeting"), "{said}");
    client.leave();
}

#[test]
fn what_was_previewed_is_what_is_written() {
    let folder = repository();
    let mut client = Client::start(folder.path(), &["--allow-write"]);
    let arguments = json!({"paths": ["app"]});
    let (preview, said) = client.get("preview", &arguments);
    let patch = preview["patch"].as_str().expect("a patch").to_owned();
    assert!(said.starts_with(&patch), "{said}");
    assert!(said.contains("restarts Deployment web"), "{said}");
    assert_eq!(preview["files"], json!(["app/web.yaml"]));
    assert_eq!(preview["fixes"][0]["applicability"], "safe");
    assert_eq!(read(folder.path(), "app/web.yaml"), WEB);

    // Not what was shown: other arguments, another digest, none, other files.
    let digest = preview["digest"].as_str().expect("a digest");
    for arguments in [
        json!({"digest": digest}),
        json!({"digest": "0123456789abcdef", "paths": ["app"]}),
    ] {
        let said = client.fail("apply", &arguments);
        assert!(said.contains("nothing was written"), "{said}");
    }
    let said = client.fail("apply", &arguments);
    assert!(said.contains("missing field `digest`"), "{said}");
    fs::write(
        folder.path().join("app/config.yaml"),
        CONFIG.replace("hello", "hi"),
    )
    .expect("a file");
    let arguments = json!({"digest": digest, "paths": ["app"]});
    let said = client.fail("apply", &arguments);
    assert!(said.contains("call preview"), "{said}");
    assert_eq!(read(folder.path(), "app/web.yaml"), WEB);

    fs::write(folder.path().join("app/config.yaml"), CONFIG).expect("a file");
    let (applied, said) = client.get("apply", &arguments);
    assert_eq!(applied["files"], json!(["app/web.yaml"]));
    assert!(said.starts_with("Wrote app/web.yaml."), "{said}");
    let written = read(folder.path(), "app/web.yaml");
    assert!(written.contains("kubewright.dev/config-hash"), "{written}");
    assert!(written.contains("name: web # the page"), "{written}");
    assert_eq!(read(folder.path(), "other/web.yaml"), WEB);
    // The diff that was shown is the one that git takes.
    fs::write(folder.path().join("app/web.yaml"), WEB).expect("a file");
    fs::write(folder.path().join("fix.patch"), &patch).expect("a file");
    git(folder.path(), &["apply", "fix.patch"]);
    assert_eq!(read(folder.path(), "app/web.yaml"), written);
    let (preview, said) = client.get("preview", &json!({"paths": ["app"]}));
    assert_eq!(preview["patch"], "");
    assert!(said.starts_with("Nothing to change"), "{said}");
    client.leave();
}

#[test]
fn a_server_that_may_not_write_does_not() {
    let folder = repository();
    let mut client = Client::start(folder.path(), &[]);
    let (preview, said) = client.get("preview", &json!({}));
    assert!(said.contains("--allow-write"), "{said}");
    let said = client.fail("apply", &json!({"digest": preview["digest"]}));
    assert!(said.contains("kubewright mcp --allow-write"), "{said}");
    client.leave();
    assert_eq!(read(folder.path(), "app/web.yaml"), WEB);
}

#[test]
fn paths_outside_of_the_root_are_refused() {
    let folder = repository();
    let app = folder.path().join("app");
    let mut outside = vec![
        "..",
        "../other/web.yaml",
        "/etc",
        "/etc/passwd",
        "/dev/stdin",
        "gone/../../other",
    ];
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("../other", app.join("link")).expect("a link");
        std::os::unix::fs::symlink("/dev/zero", app.join("zero")).expect("a link");
        outside.extend(["link", "link/web.yaml", "zero"]);
    }
    let mut client = Client::start(folder.path(), &["app", "--allow-write"]);
    for path in outside {
        for tool in ["find", "graph", "preview", "apply"] {
            let mut arguments = json!({"paths": [path]});
            if tool == "apply" {
                arguments["digest"] = json!("0123456789abcdef");
            }
            let said = client.fail(tool, &arguments);
            let known = said.contains("is outside of the root") || said.contains("no such file");
            assert!(known, "{tool} {path}: {said}");
        }
    }
    // Inside, however it is written.
    let inside = app.canonicalize().expect("a path");
    for path in [
        "web.yaml",
        "./web.yaml",
        "../app/web.yaml",
        &inside.to_string_lossy(),
    ] {
        let (found, _) = client.get("find", &json!({"paths": [path]}));
        assert_eq!(
            found["findings"].as_array().map(Vec::len),
            Some(1),
            "{path}"
        );
    }
    client.leave();
    assert_eq!(read(folder.path(), "other/web.yaml"), WEB);
}

#[test]
fn errors_are_told_and_the_server_goes_on() {
    let folder = repository();
    fs::write(folder.path().join("app/broken.yaml"), "a: [1\n").expect("a file");
    let mut client = Client::start(folder.path(), &[]);
    let unknown = client.ask("tools/call", &json!({"name": "rewrite", "arguments": {}}));
    assert_eq!(unknown["error"]["code"], -32602, "{unknown}");
    let said = unknown["error"]["message"].as_str().expect("a message");
    assert!(said.contains("find, explain, graph, preview"), "{said}");
    let unknown = client.ask("kubewright/rewrite", &json!({}));
    assert_eq!(unknown["error"]["code"], -32601, "{unknown}");
    client.say(&json!("no message"));
    for (tool, arguments, words) in [
        (
            "find",
            json!({"path": ["app"]}),
            "unknown field `path`, expected `paths`",
        ),
        ("find", json!({"paths": "app"}), "expected a sequence"),
        (
            "find",
            json!({"paths": ["gone"]}),
            "no such file or directory",
        ),
        (
            "find",
            json!({"transforms": ["config-hash"]}),
            "config-hash",
        ),
        ("preview", json!({"unsafe_fixes": ["all"]}), "all"),
        ("explain", json!({"transform": "gone"}), "gone"),
    ] {
        let said = client.fail(tool, &arguments);
        assert!(said.contains(words), "{tool} {arguments}: {said}");
    }
    let (found, said) = client.get("find", &json!({}));
    assert_eq!(found["findings"][0]["transform"], "input", "{said}");
    assert!(said.contains("app/broken.yaml:"), "{said}");
    let pong = client.ask("ping", &json!({}));
    assert_eq!(pong["result"], json!({}), "{pong}");
    client.leave();
}

#[test]
fn a_root_is_a_directory() {
    let folder = repository();
    for (root, words) in [
        ("gone", "gone: No such file or directory"),
        ("app/web.yaml", "is no directory"),
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_kubewright"))
            .args(["mcp", root])
            .current_dir(folder.path())
            .output()
            .expect("the program");
        assert_eq!(output.status.code(), Some(2));
        let said = String::from_utf8_lossy(&output.stderr).to_lowercase();
        assert!(said.contains(&words.to_lowercase()), "{said}");
    }
    // Who leaves before anything was said did no harm.
    Client::silent(folder.path(), &[]).leave();
}
