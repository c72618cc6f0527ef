//! Searches for the scanner: tokens end after a few bytes, too few for `memchr` to pay, so words of
//! eight bytes are looked at.

/// A word of eight times the same byte.
const fn all(byte: u8) -> u64 {
    u64::from_ne_bytes([byte; 8])
}

/// The highest bit of each byte.
const HIGH: u64 = all(0x80);

/// Sets the highest bit of the first byte of `word` that is `byte`; bits behind the first may be
/// wrong, none before it is.
const fn is(word: u64, byte: u8) -> u64 {
    let zero = word ^ all(byte);
    zero.wrapping_sub(all(1)) & !zero & HIGH
}

/// As [`is`], for bytes that are below `byte`, which is an ASCII character.
const fn below(word: u64, byte: u8) -> u64 {
    word.wrapping_sub(all(byte)) & !word & HIGH
}

/// The first byte at or behind `at` that `hits` finds, the end of the text when there is none.
#[inline]
fn seek(bytes: &[u8], mut at: usize, hits: impl Fn(u64) -> u64) -> usize {
    let mut rest = bytes.get(at..).unwrap_or_default();
    while let Some((word, behind)) = rest.split_first_chunk() {
        let hit = hits(u64::from_le_bytes(*word));
        if hit != 0 {
            return at + hit.trailing_zeros() as usize / 8;
        }
        at += 8;
        rest = behind;
    }
    at + seek_last(rest, hits)
}

/// Searches the end of a text, fewer than eight bytes.
#[cold]
fn seek_last(rest: &[u8], hits: impl Fn(u64) -> u64) -> usize {
    rest.iter()
        .position(|byte| hits(u64::from(*byte)) & 0xFF != 0)
        .unwrap_or(rest.len())
}

/// The first byte at or behind `at` at which a plain scalar may end: a line break, a colon, a `#`,
/// or a tab. No text here has other controls.
#[inline]
pub(in crate::yaml) fn plain_stop(bytes: &[u8], at: usize) -> usize {
    seek(bytes, at, |word| {
        below(word, b' ') | is(word, b':') | is(word, b'#')
    })
}

/// The first byte at or behind `at` that is not a space.
#[inline]
pub(in crate::yaml) fn past_spaces(bytes: &[u8], at: usize) -> usize {
    seek(bytes, at, |word| word ^ all(b' '))
}

/// Whether a plain scalar begins with each byte whatever follows: all but the indicators.
static PLAIN: [bool; 256] = {
    let mut plain = [true; 256];
    let mut indicators = b"-?:,[]{}#&*!|>'\"%@`\t\r\n ".as_slice();
    while let [first, rest @ ..] = indicators {
        plain[*first as usize] = false;
        indicators = rest;
    }
    plain
};

/// Whether a plain scalar begins at `at` in block context.
#[inline]
pub(in crate::yaml) fn begins_plain(bytes: &[u8], at: usize) -> bool {
    bytes
        .get(at)
        .is_some_and(|byte| PLAIN[usize::from(*byte)] || begins_with_indicator(bytes, at))
}

/// Whether a plain scalar begins with an indicator: these three stand for themselves in front of a
/// character.
fn begins_with_indicator(bytes: &[u8], at: usize) -> bool {
    matches!(bytes[at], b'-' | b'?' | b':')
        && !matches!(bytes.get(at + 1), None | Some(b' ' | b'\t' | b'\n' | b'\r'))
}

/// Bytes that are looked at together.
const CHUNK: usize = 256;

/// No control characters but tabs and line breaks, no lone CR, none of the special breaks and marks
/// that parsers disagree about.
pub(in crate::yaml) fn plain_bytes(bytes: &[u8]) -> bool {
    bytes.chunks(CHUNK).enumerate().all(|(n, chunk)| {
        // Anything but printable ASCII and line feeds; one sum makes DEL and all that is not ASCII
        // less than a space.
        let suspicious = chunk.iter().fold(false, |any, b| {
            any | (b.wrapping_add(1).cast_signed() <= 0x20 && *b != b'\n')
        });
        !suspicious || (n * CHUNK..n * CHUNK + chunk.len()).all(|at| plain_byte(bytes, at))
    })
}

fn plain_byte(bytes: &[u8], at: usize) -> bool {
    match bytes[at] {
        b'\n' | b'\t' => true,
        b'\r' => bytes.get(at + 1) == Some(&b'\n'),
        0..0x20 | 0x7F => false,
        // C1 controls and NEL; LS and PS; byte order marks and noncharacters.
        0xC2 => bytes.get(at + 1).is_some_and(|n| *n >= 0xA0),
        0xE2 => {
            !(bytes.get(at + 1) == Some(&0x80) && matches!(bytes.get(at + 2), Some(0xA8 | 0xA9)))
        }
        0xEF => !matches!(
            (bytes.get(at + 1), bytes.get(at + 2)),
            (Some(0xBB), Some(0xBF)) | (Some(0xBF), Some(0xBE | 0xBF))
        ),
        _ => true,
    }
}
