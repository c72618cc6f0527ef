//! The first question of an editor: what it can do, and what is done for it.

use std::path::PathBuf;

use anyhow::Result;
use lsp_server::{Connection, ErrorCode, Message, Request, Response};
use lsp_types as lsp;
use lsp_types::notification::{Exit, Notification as _};
use lsp_types::request::{Initialize, Request as _};

/// Answers until an editor has said what it can do; `None` where it leaves before.
pub(super) fn begin(connection: &Connection) -> Result<Option<lsp::InitializeParams>> {
    for message in &connection.receiver {
        let Request { id, method, params } = match message {
            Message::Request(request) => request,
            Message::Notification(n) if n.method == Exit::METHOD => return Ok(None),
            Message::Notification(_) | Message::Response(_) => continue,
        };
        let response = if method == Initialize::METHOD {
            match serde_json::from_value(params) {
                Ok(params) => {
                    let result = lsp::InitializeResult {
                        capabilities: capabilities(),
                        server_info: Some(lsp::ServerInfo {
                            name: "kubewright".to_owned(),
                            version: Some(env!("CARGO_PKG_VERSION").to_owned()),
                        }),
                    };
                    let response = Response::new_ok(id, result);
                    connection.sender.send(response.into())?;
                    return Ok(Some(params));
                }
                Err(error) => {
                    Response::new_err(id, ErrorCode::InvalidParams as i32, error.to_string())
                }
            }
        } else {
            let code = ErrorCode::ServerNotInitialized as i32;
            Response::new_err(id, code, format!("initialize comes before {method}"))
        };
        connection.sender.send(response.into())?;
    }
    Ok(None)
}

fn capabilities() -> lsp::ServerCapabilities {
    lsp::ServerCapabilities {
        text_document_sync: Some(lsp::TextDocumentSyncCapability::Options(
            lsp::TextDocumentSyncOptions {
                open_close: Some(true),
                change: Some(lsp::TextDocumentSyncKind::INCREMENTAL),
                save: Some(lsp::TextDocumentSyncSaveOptions::Supported(true)),
                ..Default::default()
            },
        )),
        hover_provider: Some(lsp::HoverProviderCapability::Simple(true)),
        definition_provider: Some(lsp::OneOf::Left(true)),
        references_provider: Some(lsp::OneOf::Left(true)),
        rename_provider: Some(lsp::OneOf::Right(lsp::RenameOptions {
            prepare_provider: Some(true),
            work_done_progress_options: lsp::WorkDoneProgressOptions::default(),
        })),
        completion_provider: Some(lsp::CompletionOptions {
            trigger_characters: Some(vec![" ".to_owned(), "-".to_owned()]),
            ..Default::default()
        }),
        code_lens_provider: Some(lsp::CodeLensOptions {
            resolve_provider: Some(false),
        }),
        code_action_provider: Some(lsp::CodeActionProviderCapability::Options(
            lsp::CodeActionOptions {
                code_action_kinds: Some(vec![
                    lsp::CodeActionKind::QUICKFIX,
                    lsp::CodeActionKind::SOURCE_FIX_ALL,
                ]),
                resolve_provider: Some(true),
                ..Default::default()
            },
        )),
        ..Default::default()
    }
}

/// The first folder of the editor.
pub(super) fn folder(params: &lsp::InitializeParams) -> Option<PathBuf> {
    let folders = params.workspace_folders.iter().flatten();
    #[expect(deprecated, reason = "older clients say nothing else")]
    let root = params.root_uri.as_ref();
    let uri = folders.map(|folder| &folder.uri).next().or(root)?;
    url::Url::parse(uri.as_str()).ok()?.to_file_path().ok()
}
