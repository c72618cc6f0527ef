//! Reading the documents of a text that are YAML beside some that are not.
//!
//! A `---` at the start of a line parts documents whatever stands around it, so each can be read
//! alone. The parsers get the text with a word in place of each document that is none: it has as
//! many bytes in as many lines, and every place is a place of the text itself.

use std::sync::Arc;

use super::shallow::chunks;
use crate::yaml::document::tree::{File, NodeId, ParseError, position};

/// What stands for a document that is not YAML.
const STANDS_FOR: &str = "x";

/// The documents of a text, as many of them as are YAML.
///
/// # Errors
/// When none is, or when the text cannot be parted: the first place at which it is not YAML.
pub(in crate::yaml) fn parse(text: Arc<str>) -> Result<File, ParseError> {
    let error = match File::parse(Arc::clone(&text)) {
        Ok(file) => return Ok(file),
        Err(error) => error,
    };
    // Directives belong to the document behind their `---`.
    if text.starts_with('%') || text.contains("\n%") {
        return Err(error);
    }
    let mut readable = String::with_capacity(text.len());
    let (mut unread, mut read) = (Vec::new(), false);
    for chunk in chunks(&text) {
        let Some(part) = text.get(chunk.clone()) else {
            return Err(error);
        };
        match File::parse(part) {
            Ok(file) => {
                read |= (0..file.documents().len())
                    .any(|number| file.root(number).is_some_and(|root| !root.is_null()));
                readable.push_str(part);
            }
            Err(mut error) => {
                error.offset += chunk.start;
                (error.line, error.column) = position(&text, error.offset);
                let (masked, word) = masked(part);
                readable.push_str(&masked);
                unread.push((chunk.start + word, error));
            }
        }
    }
    let Some(mut file) = Some(readable)
        .filter(|_| read)
        .and_then(|readable| File::parse(readable).ok())
    else {
        return Err(error);
    };
    for (word, error) in unread {
        let number = file.document_at(word);
        let Some(root) = file
            .documents()
            .get(number)
            .and_then(|document| document.root)
        else {
            return Err(error);
        };
        if file.node(root).source() != STANDS_FOR || file.node(root).span().start != word {
            return Err(error);
        }
        let at = file
            .decoded
            .partition_point(|(node, _): &(NodeId, _)| *node < root);
        file.decoded.insert(at, (root, STANDS_FOR.into()));
        file.unread.push((number, error));
    }
    file.readable = Some(std::mem::replace(&mut file.text, text));
    Ok(file)
}

/// A document that is a word, with as many bytes in each line as `part`; and where the word stands.
fn masked(part: &str) -> (String, usize) {
    let marker = if part.starts_with("---") { 3 } else { 0 };
    let bom = '\u{feff}'.len_utf8() * usize::from(part.starts_with('\u{feff}'));
    let kept = marker + bom;
    let word = part
        .bytes()
        .skip(kept)
        .position(|b| !b.is_ascii_whitespace())
        .map_or(kept, |at| kept + at);
    let mut out = part[..kept].to_owned();
    for (at, byte) in part.bytes().enumerate().skip(kept) {
        out.push_str(match byte {
            _ if at == word => STANDS_FOR,
            b'\n' => "\n",
            b'\r' if part.as_bytes().get(at + 1) == Some(&b'\n') => "\r",
            _ => " ",
        });
    }
    (out, word)
}

/// The texts of the documents that are not YAML.
pub(in crate::yaml) fn unread(file: &File) -> Vec<&str> {
    let region = |(number, _): &(usize, ParseError)| {
        file.documents()
            .get(*number)
            .and_then(|document| file.text().get(document.region()))
    };
    file.unread
        .iter()
        .filter_map(region)
        .map(str::trim_end)
        .collect()
}
