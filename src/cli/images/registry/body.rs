//! The body of an answer, as a reader. One that breaks off is asked for again from there on.

use std::io::{self, Read};
use std::pin::Pin;

use futures_util::{Stream, StreamExt as _};
use tokio::runtime::Runtime;

use super::errors::{Asked, is_damage};
use crate::cli::images::failure::Failure;

/// How often in a row an answer may break off without giving anything.
const FRUITLESS: u8 = 2;
/// How often it may break off at all.
const BROKEN: u8 = 20;

type Bytes<B> = Pin<Box<dyn Stream<Item = io::Result<B>> + Send>>;

/// An answer that has begun.
pub(super) struct Opened<B> {
    pub(super) stream: Bytes<B>,
    /// Where in the blob it begins.
    pub(super) offset: u64,
}

/// A blob.
pub(super) struct Body<'a, B, O> {
    runtime: &'a Runtime,
    asked: Asked,
    /// Asks for the blob from an offset on.
    open: O,
    stream: Bytes<B>,
    chunk: Option<(B, usize)>,
    /// Where in the blob the next byte is.
    at: u64,
    /// Bytes of the answer that were handed on before.
    skip: u64,
    fruitless: u8,
    broken: u8,
    ended: bool,
}

impl<'a, B, O: Fn(u64) -> Result<Opened<B>, Failure>> Body<'a, B, O> {
    /// The blob from an offset on.
    ///
    /// # Errors
    /// When there is no answer.
    pub(super) fn new(
        runtime: &'a Runtime,
        asked: Asked,
        open: O,
        offset: u64,
    ) -> Result<Self, Failure> {
        let opened = open(offset)?;
        Ok(Self {
            runtime,
            asked,
            open,
            stream: opened.stream,
            chunk: None,
            at: offset,
            skip: offset.saturating_sub(opened.offset),
            fruitless: 0,
            broken: 0,
            ended: false,
        })
    }

    /// Asks for the rest, or says why there is none.
    fn resume(&mut self, error: &io::Error) -> io::Result<()> {
        let failure = self.asked.broken(error);
        if is_damage(error) {
            return Err(failure.into());
        }
        self.fruitless += 1;
        self.broken += 1;
        if self.at == 0 || self.fruitless > FRUITLESS || self.broken > BROKEN {
            return Err(failure.into());
        }
        // What it says the second time is no better than what it said first.
        let Ok(opened) = (self.open)(self.at) else {
            return Err(failure.into());
        };
        self.skip = self.at.saturating_sub(opened.offset);
        self.stream = opened.stream;
        Ok(())
    }
}

impl<B: AsRef<[u8]>, O: Fn(u64) -> Result<Opened<B>, Failure>> Read for Body<'_, B, O> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if let Some((chunk, at)) = &mut self.chunk {
                let left = chunk.as_ref().get(*at..).unwrap_or_default();
                let passed = usize::try_from(self.skip)
                    .unwrap_or(usize::MAX)
                    .min(left.len());
                self.skip -= passed as u64;
                *at += passed;
                let left = left.get(passed..).unwrap_or_default();
                if !left.is_empty() {
                    let read = left.len().min(buffer.len());
                    for (to, from) in buffer.iter_mut().zip(left) {
                        *to = *from;
                    }
                    *at += read;
                    self.at += read as u64;
                    self.fruitless = 0;
                    return Ok(read);
                }
                self.chunk = None;
            }
            if self.ended {
                return Ok(0);
            }
            match self.runtime.block_on(self.stream.next()) {
                // It may not be asked again.
                None => self.ended = true,
                Some(Ok(chunk)) => self.chunk = Some((chunk, 0)),
                Some(Err(error)) => self.resume(&error)?,
            }
        }
    }
}
