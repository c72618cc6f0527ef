//! What the fuzz targets reach of the program (`fuzz/README.md`); built for them alone.

use std::io::{self, Cursor, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use kubewright_model::kube::images::LockedImage;
use serde_json::Value;

use super::args::Color;
use super::lockfile::Lock;
use super::terminal::Terminal;
use super::{lsp, mcp};

/// Reads the text of a lock: what transforms are told of it, and what would be written.
pub fn lock(text: &str) -> Result<(Vec<LockedImage>, String)> {
    let lock = Lock::parse(text, "kubewright.lock")?;
    Ok((lock.facts(), lock.render()?))
}

/// Has the language server read all of `input`; what it said, and how it ended.
pub fn language_server(input: Vec<u8>) -> (Vec<u8>, Result<()>) {
    let said = Shared::default();
    let (connection, transport) = lsp::start(Cursor::new(input), said.clone());
    let served = lsp::serve(connection, &Terminal::new(Color::Never));
    let end = transport.end().and(served);
    let said = std::mem::take(&mut *said.0.lock().unwrap_or_else(PoisonError::into_inner));
    (said, end)
}

/// What a tool of `kubewright mcp` answers, which may not write.
pub fn tool(root: &Path, name: &str, arguments: Value) -> Result<Value> {
    mcp::called(root, name, arguments)
}

#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        said.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
