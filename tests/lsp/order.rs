//! Whatever is said in whichever order: each question is answered, and the server ends well.

use serde_json::{Value, json};

use super::support::{TrialResult, ensure};
use super::{APP, Editor, workspace};

/// The code of an error.
fn code(answer: &Value) -> Option<i64> {
    answer["code"].as_i64()
}

fn is(answer: &Value, wanted: i64) -> TrialResult {
    ensure(code(answer) == Some(wanted), || {
        format!("{wanted} was expected: {answer}")
    })
}

/// What comes before `initialize`, and one that is not understood, are answered; the next one that
/// is understood begins the session.
pub(super) fn before() -> TrialResult {
    let dir = workspace()?;
    let mut editor = Editor::silent(dir.path())?;
    is(&editor.ask("textDocument/hover", &json!({}))?, -32002)?;
    is(&editor.ask("shutdown", &Value::Null)?, -32002)?;
    editor.say("initialized", &json!({}))?;
    editor.send(&json!({"jsonrpc": "2.0", "id": 99, "result": null}))?;
    is(
        &editor.ask("initialize", &json!({"capabilities": 3}))?,
        -32602,
    )?;
    let hello = json!({"processId": null, "rootUri": editor.root, "capabilities": {}});
    let answer = editor.ask("initialize", &hello)?;
    ensure(answer["serverInfo"]["name"] == "kubewright", || {
        format!("{answer}")
    })?;
    // A client may ask before it says that it heard the answer.
    let at = json!({});
    let hover = editor.ask_at("textDocument/hover", "app.yaml", (18, 20), &at)?;
    ensure(hover["contents"].is_object(), || format!("{hover}"))?;
    is(&editor.ask("initialize", &hello)?, -32601)?;
    editor.end()
}

/// Asks for what waits until the findings of a change are made.
fn wait(editor: &mut Editor) -> TrialResult {
    editor.open("app.yaml", &format!("{APP}# more\n"))?;
    let none = json!({"line": 0, "character": 0});
    let asked = json!({"textDocument": {"uri": editor.uri("app.yaml")},
        "range": {"start": none, "end": none}, "context": {"diagnostics": []}});
    let request = json!({"jsonrpc": "2.0", "id": "waits", "method": "textDocument/codeAction",
        "params": asked});
    editor.send(&request)?;
    Ok(())
}

/// What waits for findings when the editor leaves without a word is answered.
pub(super) fn left() -> TrialResult {
    let dir = workspace()?;
    let mut editor = Editor::start(dir.path())?;
    wait(&mut editor)?;
    editor.say("exit", &Value::Null)?;
    let answer = loop {
        let message = editor.hear()?;
        if message["id"] == "waits" {
            break message;
        }
    };
    is(&answer["error"], -32803)?;
    let status = editor.child.wait()?;
    ensure(status.success(), || {
        format!("the server ended with {status}")
    })
}

/// What waits for findings when the session ends is answered, and so is what comes behind it.
pub(super) fn behind() -> TrialResult {
    let dir = workspace()?;
    let mut editor = Editor::start(dir.path())?;
    wait(&mut editor)?;
    let answer = editor.ask("shutdown", &Value::Null)?;
    ensure(answer.is_null(), || format!("{answer}"))?;
    let waited = editor.heard.iter().find(|m| m["id"] == "waits");
    let waited = waited.ok_or("the action was never answered")?;
    is(&waited["error"], -32803)?;
    is(&editor.ask("textDocument/hover", &json!({}))?, -32600)?;
    is(&editor.ask("shutdown", &Value::Null)?, -32600)?;
    editor.say("exit", &Value::Null)?;
    let status = editor.child.wait()?;
    ensure(status.success(), || {
        format!("the server ended with {status}")
    })
}

/// What is no message is answered with an error, and the next question as ever.
pub(super) fn nonsense() -> TrialResult {
    let dir = workspace()?;
    let mut editor = Editor::start(dir.path())?;
    for (message, wanted) in [
        (json!([]), -32600),
        (json!({"id": 1.5, "method": "textDocument/hover"}), -32600),
        (json!("a"), -32600),
    ] {
        editor.send(&message)?;
        let answer = loop {
            let answer = editor.hear()?;
            if answer.get("method").is_none() {
                break answer;
            }
        };
        is(&answer["error"], wanted)?;
        let id = message.get("id").unwrap_or(&Value::Null);
        ensure(answer["id"] == *id, || format!("{answer}"))?;
    }
    for params in [json!(null), json!([1]), json!({"textDocument": {"uri": 3}})] {
        for method in [
            "textDocument/didOpen",
            "textDocument/didChange",
            "$/cancelRequest",
        ] {
            editor.say(method, &params)?;
        }
        is(&editor.ask("textDocument/hover", &params)?, -32602)?;
    }
    is(&editor.ask("workspace/nothing", &json!({}))?, -32601)?;
    editor.end()
}
