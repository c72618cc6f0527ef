//! Messages over standard input and output: a header with the length, then JSON, as the
//! [base protocol] has it.
//!
//! The types are those of `lsp-server`. Its own reader ends at the first message that is none and
//! makes room for any length that a header states; here every question is answered, also one that
//! is not understood, and only a header without a length ends the server: nobody knows where the
//! next message begins.
//!
//! [base protocol]: https://microsoft.github.io/language-server-protocol/specifications/lsp/3.17/specification/#baseProtocol

use std::io::{self, BufRead, Read as _, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use anyhow::{Context as _, Result, anyhow, bail};
use lsp_server::{Connection, ErrorCode, Message, Notification, Request, RequestId};
use lsp_types::notification::{Exit, Notification as _};
use serde_json::{Value, json};

/// Most bytes of a line of a header.
const LONGEST: u64 = 4096;

/// The threads that read and write.
pub(in crate::cli) struct Transport {
    reader: JoinHandle<Result<()>>,
    writer: JoinHandle<()>,
}

impl Transport {
    /// Waits until all is read and written; the server's side of the connection is given up by
    /// then.
    ///
    /// # Errors
    /// When what came was no message.
    pub(in crate::cli) fn end(self) -> Result<()> {
        let stopped = || anyhow!("a thread of the language server stopped: a bug of kubewright");
        self.writer.join().map_err(|_| stopped())?;
        self.reader.join().map_err(|_| stopped())?
    }
}

/// Why a message is refused.
#[derive(Debug)]
struct Refused {
    id: Value,
    code: ErrorCode,
    message: String,
}

/// Reads and writes messages beside the server.
pub(in crate::cli) fn start(
    input: impl BufRead + Send + 'static,
    output: impl Write + Send + 'static,
) -> (Connection, Transport) {
    let (server, Connection { sender, receiver }) = Connection::memory();
    let output = Arc::new(Mutex::new(output));
    let refusals = Arc::clone(&output);
    let writer = thread::spawn(move || {
        for message in receiver {
            // An editor that is gone is seen when its next message is awaited.
            let mut output = output.lock().unwrap_or_else(PoisonError::into_inner);
            let _ = message.write(&mut *output);
        }
    });
    let reader = thread::spawn(move || {
        let refuse = |refused: &Refused| {
            let mut output = refusals.lock().unwrap_or_else(PoisonError::into_inner);
            let _ = write(&mut *output, refused);
        };
        read(input, |message| sender.send(message).is_ok(), refuse)
    });
    (server, Transport { reader, writer })
}

/// Reads until the editor leaves, or nobody takes what it says.
fn read(
    mut input: impl BufRead,
    take: impl Fn(Message) -> bool,
    refuse: impl Fn(&Refused),
) -> Result<()> {
    while let Some(body) = body(&mut input)? {
        match message(&body) {
            Ok(Some(message)) => {
                let last = matches!(&message, Message::Notification(n) if n.method == Exit::METHOD);
                if !take(message) || last {
                    break;
                }
            }
            Ok(None) => {}
            Err(refused) => refuse(&refused),
        }
    }
    Ok(())
}

/// The next message as it came; `None` when there is no more.
fn body(input: &mut impl BufRead) -> Result<Option<Vec<u8>>> {
    let (mut length, mut begun) = (None, false);
    loop {
        let mut line = Vec::new();
        let read = input.by_ref().take(LONGEST).read_until(b'\n', &mut line);
        if read.context("the editor cannot be heard")? == 0 && !begun {
            return Ok(None);
        }
        begun = true;
        let line = String::from_utf8_lossy(&line);
        let Some(line) = line.strip_suffix('\n').map(str::trim) else {
            let line: String = line.chars().take(60).collect();
            bail!("the header of a message has no end of line behind `{line}`");
        };
        if line.is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("Content-Length")
        {
            length = value.trim().parse::<u64>().ok();
        }
    }
    let Some(length) = length else {
        bail!(
            "a message has no Content-Length; kubewright lsp is started by an editor, which speaks \
             the language server protocol with it"
        );
    };
    let mut body = Vec::new();
    let read = input.by_ref().take(length).read_to_end(&mut body);
    let read = read.context("the editor cannot be heard")?;
    if u64::try_from(read).is_ok_and(|read| read == length) {
        Ok(Some(body))
    } else {
        bail!("the editor left within a message: {read} of {length} bytes came")
    }
}

/// What a message is; nothing for an answer, which is not waited for.
fn message(body: &[u8]) -> Result<Option<Message>, Refused> {
    let refused = |id: Option<Value>, code, message: &str| Refused {
        id: id.unwrap_or_default(),
        code,
        message: message.to_owned(),
    };
    let value = serde_json::from_slice(body)
        .map_err(|error| refused(None, ErrorCode::ParseError, &error.to_string()))?;
    let invalid = |id, message| Err(refused(id, ErrorCode::InvalidRequest, message));
    let Value::Object(mut object) = value else {
        return invalid(None, "a message is an object");
    };
    let id = object.remove("id").filter(|id| !id.is_null());
    let params = object.remove("params").unwrap_or_default();
    match (object.remove("method"), id) {
        (Some(Value::String(method)), None) => Ok(Some(Notification { method, params }.into())),
        (Some(Value::String(method)), Some(id)) => {
            match serde_json::from_value::<RequestId>(id.clone()) {
                Ok(id) => Ok(Some(Request { id, method, params }.into())),
                Err(_) => invalid(Some(id), "an id is a text or a number of 32 bits"),
            }
        }
        (None, _) if object.contains_key("result") || object.contains_key("error") => Ok(None),
        (_, id) => invalid(id, "a message has a method, or it is an answer"),
    }
}

fn write(output: &mut impl Write, refused: &Refused) -> io::Result<()> {
    let error = json!({"code": refused.code as i32, "message": refused.message});
    let text = json!({"jsonrpc": "2.0", "id": refused.id, "error": error}).to_string();
    write!(output, "Content-Length: {}\r\n\r\n{text}", text.len())?;
    output.flush()
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    /// What is taken, what is refused, and how it ends.
    fn heard(input: &[u8]) -> (Vec<String>, Vec<(Value, i32)>, Result<()>) {
        let (taken, refused) = (RefCell::default(), RefCell::default());
        let end = read(
            input,
            |message| {
                let text = match message {
                    Message::Request(r) => format!("{} {}", r.id, r.method),
                    Message::Notification(n) => n.method,
                    Message::Response(_) => "an answer".to_owned(),
                };
                Vec::push(&mut taken.borrow_mut(), text);
                true
            },
            |r| Vec::push(&mut refused.borrow_mut(), (r.id.clone(), r.code as i32)),
        );
        (taken.into_inner(), refused.into_inner(), end)
    }

    fn framed(bodies: &[&str]) -> Vec<u8> {
        let framed = bodies
            .iter()
            .map(|body| format!("Content-Length: {}\r\n\r\n{body}", body.len()));
        framed.collect::<String>().into_bytes()
    }

    #[test]
    fn what_is_no_message_is_refused_and_the_next_one_is_heard() {
        let deep = "[".repeat(100_000);
        let (taken, refused, end) = heard(&framed(&[
            "{",
            &deep,
            "[]",
            "null",
            r#"{"id": 1}"#,
            r#"{"id": 1.5, "method": "a"}"#,
            r#"{"id": 4294967296, "method": "a"}"#,
            r#"{"id": {"a": []}, "method": "a"}"#,
            r#"{"id": 2, "method": 3}"#,
            r#"{"id": "watch", "result": null}"#,
            r#"{"id": null, "error": {}}"#,
            r#"{"id": 7, "method": "b"}"#,
            r#"{"id": "7", "method": "c"}"#,
            r#"{"id": null, "method": "d", "params": 3}"#,
        ]));
        assert!(end.is_ok(), "{end:?}");
        assert_eq!(taken, ["7 b", "\"7\" c", "d"]);
        let expected = [
            (Value::Null, -32700),
            (Value::Null, -32700),
            (Value::Null, -32600),
            (Value::Null, -32600),
            (json!(1), -32600),
            (json!(1.5), -32600),
            (json!(4_294_967_296_u64), -32600),
            (json!({"a": []}), -32600),
            (json!(2), -32600),
        ];
        assert_eq!(refused, expected);
    }

    #[test]
    fn text_that_is_not_utf8_is_refused() {
        let (taken, refused, end) = heard(b"Content-Length: 2\r\n\r\n\"\xff");
        assert!(taken.is_empty() && end.is_ok());
        assert_eq!(refused, [(Value::Null, -32700)]);
    }

    #[test]
    fn headers_are_read_as_they_come() {
        for header in [
            "Content-Length: 14\r\n\r\n",
            "content-length:14\r\nContent-Type: a; charset=utf-8\r\n\r\n",
            "X\nContent-Length: 14\n\n",
            "Content-Length: 1\r\nContent-Length: 14\r\n\r\n",
        ] {
            let (taken, refused, end) = heard(format!("{header}{{\"method\":\"a\"}}").as_bytes());
            assert_eq!(taken, ["a"], "{header:?}: {refused:?} {end:?}");
        }
    }

    #[test]
    fn a_header_without_a_length_ends_the_server_and_says_so() {
        for (input, said) in [
            ("\r\n", "no Content-Length"),
            ("Content-Length: -1\r\n\r\n{}", "no Content-Length"),
            (
                "Content-Length: 99999999999999999999\r\n\r\n",
                "no Content-Length",
            ),
            // The most that a header can state; no room is made for it.
            (
                "Content-Length: 18446744073709551615\r\n\r\n{}",
                "2 of 18446744073709551615",
            ),
            ("Content-Length: 3\r\n\r\n{}", "2 of 3 bytes came"),
            ("Content-Length: 3", "no end of line"),
            ("Content-Length: 3\r\n", "no end of line"),
        ] {
            let (taken, _, end) = heard(input.as_bytes());
            assert!(taken.is_empty(), "{input:?}");
            let error = end.expect_err(input).to_string();
            assert!(error.contains(said), "{input:?}: {error}");
        }
        let endless = vec![b'a'; 100_000];
        let error = heard(&endless).2.expect_err("no header").to_string();
        assert!(error.len() < 200, "{error}");
        assert!(heard(b"").2.is_ok());
    }

    #[test]
    fn nothing_is_heard_behind_exit() {
        let (taken, refused, end) = heard(&framed(&[r#"{"method": "exit"}"#, "{", "{"]));
        assert_eq!((taken, refused.len()), (vec!["exit".to_owned()], 0));
        assert!(end.is_ok());
    }

    /// Output that nobody takes: the pipe is closed.
    struct Closed;

    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
    }

    #[test]
    fn an_editor_that_does_not_listen_stops_nothing() {
        let input = framed(&["{", r#"{"id": 1, "method": "a"}"#]);
        let (connection, transport) = start(io::Cursor::new(input), Closed);
        let asked = connection.receiver.iter().count();
        assert_eq!(asked, 1);
        for _ in 0..3 {
            let notification = Notification::new("b".to_owned(), Value::Null);
            assert!(connection.sender.send(notification.into()).is_ok());
        }
        drop(connection);
        assert!(transport.end().is_ok());
    }
}
