//! The loop: what the editor says, what is answered, and when findings are made anew.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Result;
use lsp_server::{Connection, ErrorCode, Message, Notification, Request, RequestId, Response};
use lsp_types as lsp;
use lsp_types::notification::{Exit, Notification as _};
use lsp_types::request::{Request as _, Shutdown};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::super::status::Status;
use super::super::terminal::Terminal;
use super::findings::Client;
use super::state::State;
use super::work::{Found, Work};
use super::{answers, at_once, begin, complete, findings, lenses, rename, transport};
use crate::pipeline::report::Reported;

/// How long nothing is typed before findings are made anew; a fuzzer does not wait.
const PAUSE: Duration = Duration::from_millis(if cfg!(fuzzing) { 0 } else { 80 });
/// How often is looked whether they are made.
const STEP: Duration = Duration::from_millis(if cfg!(fuzzing) { 1 } else { 10 });
/// What is said to a question that comes too late.
const ENDED: &str = "the server was shut down";

struct Server<'t> {
    connection: Connection,
    terminal: &'t Terminal,
    folder: PathBuf,
    client: Client,
    state: Option<State>,
    /// What was opened and typed while the folder could not be read.
    early: Vec<Notification>,
    found: Arc<Mutex<Found>>,
    /// What the editor shows, by path.
    published: BTreeMap<String, Vec<lsp::Diagnostic>>,
    /// The generation that is shown.
    shown: u64,
    /// Findings are being made.
    busy: Arc<AtomicBool>,
    /// Who makes them: an answer waits for no work of theirs.
    workers: Arc<rayon::ThreadPool>,
    /// Questions that wait for them.
    asking: Vec<Request>,
    /// When something was last heard that may change them.
    heard: Instant,
}

/// Runs the server until the editor ends it.
pub(in crate::cli) fn lsp(terminal: &Terminal) -> Result<Status> {
    let input = std::io::BufReader::new(std::io::stdin());
    let (connection, transport) = transport::start(input, std::io::stdout());
    let end = serve(connection, terminal);
    transport.end()?;
    end.map(|()| Status::Clean)
}

/// Answers an editor until it leaves.
pub(in crate::cli) fn serve(connection: Connection, terminal: &Terminal) -> Result<()> {
    let Some(params) = begin::begin(&connection)? else {
        return Ok(());
    };
    let mut server = Server {
        connection,
        terminal,
        folder: begin::folder(&params).unwrap_or(super::super::ground::working_directory()?),
        client: Client::of(&params.capabilities),
        state: None,
        early: Vec::new(),
        found: Arc::default(),
        published: BTreeMap::new(),
        shown: 0,
        busy: Arc::default(),
        workers: Arc::new(workers()?),
        asking: Vec::new(),
        heard: now(),
    };
    server.load();
    server.serve()
}

/// The threads that make findings: one less than the machine runs at once, which is left to the
/// answers that an editor waits for.
fn workers() -> Result<rayon::ThreadPool> {
    let all = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = all.saturating_sub(1).max(1);
    Ok(rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()?)
}

impl Server<'_> {
    /// Reads the folder; what is wrong with it is said in the editor.
    fn load(&mut self) {
        let loaded = match &mut self.state {
            Some(state) => state.reload(&self.folder, self.terminal),
            None => State::read(&self.folder, self.terminal).map(|state| self.state = Some(state)),
        };
        if let Err(error) = loaded {
            let params = lsp::ShowMessageParams {
                typ: lsp::MessageType::ERROR,
                message: format!("kubewright: {error:#}"),
            };
            self.notify::<lsp::notification::ShowMessage>(params);
            return;
        }
        for notification in std::mem::take(&mut self.early) {
            // None of them asks for an answer.
            let _ = self.hear(notification);
        }
    }

    /// Asks to be told of files that change on the disk.
    fn watch(&self) -> Result<()> {
        if !self.client.watches {
            return Ok(());
        }
        let watcher = |glob: &str| serde_json::json!({ "globPattern": glob });
        let globs = [
            "**/*.{yaml,yml,json}",
            "**/kubewright.toml",
            "**/kubewright.lock",
            "**/.gitignore",
        ];
        let params = serde_json::json!({"registrations": [{
            "id": "files",
            "method": lsp::notification::DidChangeWatchedFiles::METHOD,
            "registerOptions": {"watchers": globs.map(watcher)},
        }]});
        let method = lsp::request::RegisterCapability::METHOD.to_owned();
        let request = Request::new(RequestId::from("watch".to_owned()), method, params);
        Ok(self.connection.sender.send(request.into())?)
    }

    fn notify<N: lsp::notification::Notification>(&self, params: N::Params) {
        let notification = Notification::new(N::METHOD.to_owned(), params);
        // An editor that is gone is seen when its next message is awaited.
        let _ = self.connection.sender.send(notification.into());
    }

    fn serve(&mut self) -> Result<()> {
        loop {
            let receiver = &self.connection.receiver;
            let message = if self.is_settled() {
                receiver.recv().map_err(|_| true)
            } else {
                receiver.recv_timeout(STEP).map_err(|e| !e.is_timeout())
            };
            match message {
                Ok(Message::Request(request)) if request.method == Shutdown::METHOD => {
                    return self.end(request.id);
                }
                Ok(Message::Request(request)) => self.ask(request)?,
                Ok(Message::Notification(n)) if n.method == Exit::METHOD => {
                    return self.refuse_waiting();
                }
                Ok(Message::Notification(notification)) => self.hear(notification)?,
                Ok(Message::Response(_)) | Err(false) => {}
                Err(true) => return self.refuse_waiting(),
            }
            self.go_on()?;
        }
    }

    /// Answers what waits, and then nothing but that it has ended, until the editor leaves.
    fn end(&mut self, id: RequestId) -> Result<()> {
        self.refuse_waiting()?;
        let ended = Response::new_ok(id, serde_json::Value::Null);
        self.connection.sender.send(ended.into())?;
        for message in &self.connection.receiver {
            match message {
                Message::Request(request) => {
                    self.refuse(request.id, ErrorCode::InvalidRequest)?;
                }
                Message::Notification(n) if n.method == Exit::METHOD => break,
                Message::Notification(_) | Message::Response(_) => {}
            }
        }
        Ok(())
    }

    /// Answers what waits for findings that nobody makes any more.
    fn refuse_waiting(&mut self) -> Result<()> {
        for request in std::mem::take(&mut self.asking) {
            self.refuse(request.id, ErrorCode::RequestFailed)?;
        }
        Ok(())
    }

    fn refuse(&self, id: RequestId, code: ErrorCode) -> Result<()> {
        let response = Response::new_err(id, code as i32, ENDED.to_owned());
        Ok(self.connection.sender.send(response.into())?)
    }

    /// Whether all is found and shown, and nobody waits for it.
    fn is_settled(&self) -> bool {
        let state = self.state.as_ref();
        state.is_none_or(|state| state.generation == self.shown) && self.asking.is_empty()
    }

    /// Answers a question, or keeps it until the findings that it is about are made.
    fn ask(&mut self, request: Request) -> Result<()> {
        if request.method == lsp::request::CodeActionRequest::METHOD && self.state.is_some() {
            self.asking.push(request);
            return Ok(());
        }
        let response = self.answer(request, None);
        Ok(self.connection.sender.send(response.into())?)
    }

    /// Shows the findings when they are made, and has them made when nothing was typed for a moment.
    fn go_on(&mut self) -> Result<()> {
        let settled = self.is_settled();
        let Some(state) = self.state.as_mut().filter(|_| !settled) else {
            return Ok(());
        };
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        let before = found.judged.clone().zip(Some(found.numbering));
        let is_made = found.generation == state.generation;
        let made = found.made.take();
        drop(found);
        if is_made {
            if let Some((workspace, changes)) = made.filter(|_| state.is_behind()) {
                state.take(workspace, &changes);
            }
            let judged = before.map(|(judged, _)| judged);
            let findings = judged.as_ref().map_or(&[][..], |judged| &judged.reported);
            self.publish(findings);
            for request in std::mem::take(&mut self.asking) {
                let response = self.answer(request, Some(findings));
                self.connection.sender.send(response.into())?;
            }
        } else if self.heard.elapsed() >= PAUSE && !self.busy.swap(true, Ordering::SeqCst) {
            let changes = state.refresh_soon();
            let work = Work::of(state, changes);
            let (found, busy) = (Arc::clone(&self.found), Arc::clone(&self.busy));
            self.workers.spawn(move || {
                let now = work.found(before);
                *found.lock().unwrap_or_else(PoisonError::into_inner) = now;
                busy.store(false, Ordering::SeqCst);
            });
        }
        Ok(())
    }

    /// Takes back a question that waits.
    fn cancel(&mut self, params: serde_json::Value) -> Result<()> {
        let Ok(lsp::CancelParams { id }) = serde_json::from_value(params) else {
            return Ok(());
        };
        let id = match id {
            lsp::NumberOrString::Number(id) => RequestId::from(id),
            lsp::NumberOrString::String(id) => RequestId::from(id),
        };
        if let Some(at) = self.asking.iter().position(|request| request.id == id) {
            self.asking.remove(at);
            let code = ErrorCode::RequestCanceled as i32;
            let response = Response::new_err(id, code, "taken back".to_owned());
            self.connection.sender.send(response.into())?;
        }
        Ok(())
    }

    /// Tells the editor what differs from what it shows.
    fn publish(&mut self, findings: &[Reported]) {
        let Some(state) = &self.state else { return };
        let mut now: BTreeMap<String, Vec<lsp::Diagnostic>> = BTreeMap::new();
        for finding in findings {
            let diagnostic = findings::diagnostic(state, finding);
            now.entry(finding.place.path.clone())
                .or_default()
                .push(diagnostic);
        }
        self.shown = state.generation;
        let gone = self
            .published
            .keys()
            .filter(|path| !now.contains_key(*path));
        let gone: Vec<String> = gone.cloned().collect();
        now.extend(gone.into_iter().map(|path| (path, Vec::new())));
        for (path, diagnostics) in now {
            self.show(&path, diagnostics);
        }
    }

    /// Tells the editor what is found in a file, unless it shows that already.
    fn show(&mut self, path: &str, diagnostics: Vec<lsp::Diagnostic>) {
        let known = self.published.get(path).map_or(&[][..], Vec::as_slice);
        let Some(state) = self.state.as_ref().filter(|_| known != diagnostics) else {
            return;
        };
        let version = state.open.get(path).map(|open| open.version);
        if let Some(uri) = state.uri(path) {
            let told = diagnostics.clone();
            let params = lsp::PublishDiagnosticsParams::new(uri, told, version);
            self.notify::<lsp::notification::PublishDiagnostics>(params);
        }
        if diagnostics.is_empty() {
            self.published.remove(path);
        } else {
            self.published.insert(path.to_owned(), diagnostics);
        }
    }

    /// Says whether the text of a file is YAML, before it is known what else it changes.
    fn say_at_once(&mut self, path: &str) {
        let known = self.published.get(path).map_or(&[][..], Vec::as_slice);
        let state = self.state.as_ref();
        if let Some(now) = state.and_then(|state| at_once::diagnostics(state, path, known)) {
            self.show(path, now);
        }
    }

    fn hear(&mut self, notification: Notification) -> Result<()> {
        use lsp::notification as say;
        self.heard = now();
        let of_text = [
            say::DidOpenTextDocument::METHOD,
            say::DidChangeTextDocument::METHOD,
            say::DidCloseTextDocument::METHOD,
        ];
        if self.state.is_none() && of_text.contains(&notification.method.as_str()) {
            self.early.push(notification);
            return Ok(());
        }
        let Notification { method, params } = notification;
        match method.as_str() {
            say::DidOpenTextDocument::METHOD => {
                if let Some((path, state, p)) =
                    self.of::<lsp::DidOpenTextDocumentParams>(params, |p| &p.text_document.uri)
                {
                    state.opened(path.clone(), p.text_document.text, p.text_document.version);
                    self.say_at_once(&path);
                }
            }
            say::DidChangeTextDocument::METHOD => {
                if let Some((path, state, p)) =
                    self.of::<lsp::DidChangeTextDocumentParams>(params, |p| &p.text_document.uri)
                {
                    state.changed(&path, p.text_document.version, p.content_changes);
                    self.say_at_once(&path);
                }
            }
            say::DidCloseTextDocument::METHOD => {
                if let Some((path, state, _)) =
                    self.of::<lsp::DidCloseTextDocumentParams>(params, |p| &p.text_document.uri)
                {
                    state.closed(&path);
                }
            }
            say::DidSaveTextDocument::METHOD => {
                let uri =
                    |p: &lsp::DidSaveTextDocumentParams| p.text_document.uri.as_str().to_owned();
                if serde_json::from_value(params).is_ok_and(|p| is_configuration(&uri(&p))) {
                    self.load();
                }
            }
            say::DidChangeWatchedFiles::METHOD => {
                let Ok(p) = serde_json::from_value::<lsp::DidChangeWatchedFilesParams>(params)
                else {
                    return Ok(());
                };
                if self.state.is_none()
                    || p.changes.iter().any(|c| is_configuration(c.uri.as_str()))
                {
                    self.load();
                } else if let Some(state) = &mut self.state {
                    let paths: Vec<String> = p
                        .changes
                        .iter()
                        .filter_map(|c| state.path(&c.uri))
                        .collect();
                    for path in paths {
                        if state.open.contains_key(&path) {
                            continue;
                        }
                        state.touch(&path);
                    }
                }
            }
            say::Initialized::METHOD => self.watch()?,
            say::Cancel::METHOD => self.cancel(params)?,
            _ => {}
        }
        Ok(())
    }

    /// The parameters of a notification that is about one file of the workspace.
    fn of<P: DeserializeOwned>(
        &mut self,
        params: serde_json::Value,
        uri: impl Fn(&P) -> &lsp::Uri,
    ) -> Option<(String, &mut State, P)> {
        let params: P = serde_json::from_value(params).ok()?;
        let state = self.state.as_mut()?;
        let path = state.path(uri(&params))?;
        Some((path, state, params))
    }

    fn answer(&mut self, request: Request, findings: Option<&[Reported]>) -> Response {
        use lsp::request as ask;
        let Request { id, method, params } = request;
        let client = self.client;
        let about_names = [
            ask::HoverRequest::METHOD,
            ask::GotoDefinition::METHOD,
            ask::References::METHOD,
            ask::CodeLensRequest::METHOD,
        ];
        if about_names.contains(&method.as_str()) && self.is_about_nothing(&params) {
            return Response::new_ok(id, serde_json::Value::Null);
        }
        match method.as_str() {
            ask::HoverRequest::METHOD => self.with(id, params, |s, p| Ok(answers::hover(s, &p))),
            ask::GotoDefinition::METHOD => {
                self.with(id, params, |s, p| Ok(answers::definition(s, &p)))
            }
            ask::References::METHOD => self.with(id, params, |s, p| Ok(answers::references(s, &p))),
            ask::PrepareRenameRequest::METHOD => {
                self.with(id, params, |s, p| Ok(rename::prepare(s, &p)))
            }
            ask::Rename::METHOD => self.with(id, params, |s, p| rename::rename(s, client, &p)),
            ask::Completion::METHOD => self.with(id, params, |s, p| Ok(complete::complete(s, &p))),
            ask::CodeLensRequest::METHOD => self.with(id, params, |s, p| Ok(lenses::lenses(s, &p))),
            ask::CodeActionRequest::METHOD => {
                let findings = findings.unwrap_or_default();
                self.with(id, params, |s, p| Ok(actions(s, client, findings, &p)))
            }
            ask::CodeActionResolveRequest::METHOD => {
                self.with(id, params, |s, action: lsp::CodeAction| {
                    resolve(s, client, action)
                })
            }
            _ => {
                let message = format!("kubewright does not answer {method}");
                Response::new_err(id, ErrorCode::MethodNotFound as i32, message)
            }
        }
    }

    /// Whether a question is about what stands in a text that is not YAML, where nothing does.
    fn is_about_nothing(&self, params: &serde_json::Value) -> bool {
        let uri = params.pointer("/textDocument/uri");
        let uri: Option<lsp::Uri> = uri.and_then(|uri| uri.as_str()?.parse().ok());
        let state = self.state.as_ref().zip(uri);
        let about = state.and_then(|(state, uri)| Some((state, state.path(&uri)?)));
        about.is_some_and(|(state, path)| state.is_behind() && state.says_nothing(&path))
    }

    /// The answer to a question about the workspace as it is.
    fn with<P: DeserializeOwned, A: Serialize + Default>(
        &mut self,
        id: RequestId,
        params: serde_json::Value,
        answer: impl FnOnce(&State, P) -> Result<A, String>,
    ) -> Response {
        let params: P = match serde_json::from_value(params) {
            Ok(params) => params,
            Err(error) => {
                return Response::new_err(id, ErrorCode::InvalidParams as i32, error.to_string());
            }
        };
        let Some(state) = &mut self.state else {
            return Response::new_ok(id, A::default());
        };
        state.refresh();
        match answer(state, params) {
            Ok(answer) => Response::new_ok(id, answer),
            Err(message) => Response::new_err(id, ErrorCode::RequestFailed as i32, message),
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "how long nothing was typed is a question to the clock"
)]
fn now() -> Instant {
    Instant::now()
}

/// Whether a file says what is read, and how.
fn is_configuration(uri: &str) -> bool {
    let files = ["/kubewright.toml", "/kubewright.lock", "/.gitignore"];
    files.iter().any(|file| uri.ends_with(file))
}

/// The fixes of the findings in a range, and that of all.
fn actions(
    state: &State,
    client: Client,
    findings: &[Reported],
    params: &lsp::CodeActionParams,
) -> Vec<lsp::CodeActionOrCommand> {
    let Some(path) = state.path(&params.text_document.uri) else {
        return Vec::new();
    };
    let wanted = |kind: &lsp::CodeActionKind| {
        let only = params.context.only.as_ref();
        only.is_none_or(|only| only.iter().any(|o| kind.as_str().starts_with(o.as_str())))
    };
    let mut actions = Vec::new();
    let near = |f: &&Reported| {
        let lines = findings::lines(state, &f.place);
        lines.start.line <= params.range.end.line && params.range.start.line <= lines.end.line
    };
    let quick = wanted(&lsp::CodeActionKind::QUICKFIX);
    let here = findings.iter().filter(|f| quick && f.place.path == path);
    for finding in here.filter(near) {
        let Ok(fix) = &finding.fix else { continue };
        let Some(edit) = findings::fix(state, client, fix) else {
            continue;
        };
        let trust = fix.applicability.as_str();
        let title = format!("{} ({trust})", state.paths().brief(&fix.title));
        actions.push(lsp::CodeAction {
            title,
            kind: Some(lsp::CodeActionKind::QUICKFIX),
            diagnostics: Some(vec![findings::diagnostic(state, finding)]),
            edit: Some(edit),
            is_preferred: Some(trust == "safe"),
            ..Default::default()
        });
    }
    let safe = findings.iter().any(|f| {
        f.fix
            .as_ref()
            .is_ok_and(|fix| fix.applicability.as_str() == "safe")
    });
    if safe && wanted(&lsp::CodeActionKind::SOURCE_FIX_ALL) {
        actions.push(lsp::CodeAction {
            title: "kubewright: apply all safe fixes of the workspace".to_owned(),
            kind: Some(lsp::CodeActionKind::SOURCE_FIX_ALL),
            data: Some(serde_json::Value::Bool(true)),
            ..Default::default()
        });
    }
    actions.into_iter().map(Into::into).collect()
}

/// All safe fixes, made when they are asked for.
fn resolve(
    state: &State,
    client: Client,
    mut action: lsp::CodeAction,
) -> Result<lsp::CodeAction, String> {
    if action.edit.is_none() && action.data.is_some() {
        let report = Work::pipeline(&state.ground.config).run(&state.workspace);
        let report = report.map_err(|error| error.to_string())?;
        action.edit = findings::all(state, client, &report.files);
    }
    Ok(action)
}
