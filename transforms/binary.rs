//! Base64 as the API server reads and writes it, for `binaryData` and the `data` of Secrets.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::general_purpose::{GeneralPurpose, PAD};

/// Go's `encoding/base64.StdEncoding`, which does not mind the bits behind the last byte.
const BASE64: GeneralPurpose =
    GeneralPurpose::new(&STANDARD, PAD.with_decode_allow_trailing_bits(true));

/// The bytes of a text; line breaks are skipped. `None` for what the API server refuses.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    BASE64.decode(text.replace(['\r', '\n'], "")).ok()
}

/// The text of bytes.
pub(crate) fn encode(bytes: &str) -> String {
    BASE64.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_read_as_go_reads_it() {
        assert_eq!(decode(""), Some(vec![]));
        assert_eq!(decode("YQ=="), Some(b"a".to_vec()));
        assert_eq!(decode("YR=="), Some(b"a".to_vec()));
        assert_eq!(decode("YWI="), Some(b"ab".to_vec()));
        assert_eq!(decode("YWJj"), Some(b"abc".to_vec()));
        assert_eq!(decode("YW\nJj\r\n"), Some(b"abc".to_vec()));
        assert_eq!(decode("/+8="), Some(vec![0xff, 0xef]));
        for wrong in [
            "YQ", "YQ=", "YQ==YQ==", "Y Q=", "=QAA", "Y===", "YQ=a", "-_8=",
        ] {
            assert_eq!(decode(wrong), None, "{wrong}");
        }
    }
}
