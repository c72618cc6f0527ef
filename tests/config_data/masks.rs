//! No output holds a whole secret, whichever transform runs.

use super::*;

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
