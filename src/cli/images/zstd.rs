//! Zstandard streams of any number of frames.
//!
//! The library reads one frame. Layers may have many, and frames to skip, in which `zstd:chunked`
//! keeps its table of contents.

use std::io::{self, Read};

use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

/// The largest window: that of `zstd --ultra`.
const MAX_WINDOW: u64 = 128 << 20;

/// Decodes all frames of a stream.
pub(super) struct Frames<R> {
    source: R,
    /// The decoder of the frame that is being read.
    frame: Option<FrameDecoder>,
}

impl<R: Read> Frames<R> {
    pub(super) fn new(source: R) -> Self {
        Self {
            source,
            frame: None,
        }
    }

    /// Goes to the next frame with content; false at the end.
    fn open(&mut self) -> io::Result<bool> {
        loop {
            let mut first = [0];
            if self.source.read(&mut first)? == 0 {
                return Ok(false);
            }
            let mut decoder = FrameDecoder::new();
            decoder.set_max_window_size(MAX_WINDOW);
            match decoder.init(first.as_slice().chain(&mut self.source)) {
                Ok(()) => {
                    self.frame = Some(decoder);
                    return Ok(true);
                }
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                    length,
                    ..
                })) => {
                    let length = u64::from(length);
                    if io::copy(&mut self.source.by_ref().take(length), &mut io::sink())? != length
                    {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                }
                Err(error) => return Err(io::Error::other(error)),
            }
        }
    }
}

impl<R: Read> Read for Frames<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let Some(frame) = &mut self.frame else {
                if buffer.is_empty() || !self.open()? {
                    return Ok(0);
                }
                continue;
            };
            if frame.can_collect() > 0 {
                return frame.read(buffer);
            }
            if frame.is_finished() {
                self.frame = None;
            } else {
                frame
                    .decode_blocks(&mut self.source, BlockDecodingStrategy::UptoBlocks(1))
                    .map_err(io::Error::other)?;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ruzstd::encoding::{CompressionLevel, compress_to_vec};

    fn decode(bytes: &[u8]) -> io::Result<Vec<u8>> {
        let mut out = Vec::new();
        Frames::new(bytes).read_to_end(&mut out).map(|_| out)
    }

    #[test]
    fn frames_follow_one_another_and_some_are_skipped() {
        let frame = |text: &[u8]| compress_to_vec(text, CompressionLevel::Fastest);
        let skip = [&[0x5a, 0x2a, 0x4d, 0x18, 3, 0, 0, 0][..], b"toc"].concat();
        let stream = [
            skip.clone(),
            frame(b"one "),
            frame(b""),
            skip.clone(),
            frame(&vec![b'x'; 300_000]),
            skip,
        ]
        .concat();
        let expected = [b"one ".to_vec(), vec![b'x'; 300_000]].concat();
        assert_eq!(decode(&stream).expect("frames"), expected);
        assert_eq!(decode(b"").expect("none"), b"");
    }

    #[test]
    fn what_is_cut_off_is_an_error() {
        let whole = compress_to_vec(
            &b"some text that is long enough"[..],
            CompressionLevel::Fastest,
        );
        for end in [1, 3, 5, whole.len() - 5] {
            assert!(decode(&whole[..end]).is_err(), "{end}");
        }
        assert!(decode(&[0x5a, 0x2a, 0x4d, 0x18, 9, 0, 0, 0, 1]).is_err());
    }
}
