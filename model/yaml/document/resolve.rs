//! What scalars mean: the types of YAML 1.1 as kubectl reads them.

use std::borrow::Cow;

/// What a scalar means to kubectl (YAML 1.1 as `sigs.k8s.io/yaml` reads it).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resolved {
    /// Nothing, `~` or `null`.
    Null,
    /// A boolean, in any spelling of YAML 1.1 (`yes`, `off`, …).
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A floating point number, or an integer beyond 64 bits.
    Float,
    /// A date or time.
    Timestamp,
    /// A string.
    Str,
}

/// What a plain scalar is to `sigs.k8s.io/yaml`, which reads YAML 1.1 with go-yaml's resolver.
pub(crate) fn resolve_plain(text: &str) -> Resolved {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Resolved::Null,
        "true" | "True" | "TRUE" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" | "y" | "Y" => {
            return Resolved::Bool(true);
        }
        "false" | "False" | "FALSE" | "no" | "No" | "NO" | "off" | "Off" | "OFF" | "n" | "N" => {
            return Resolved::Bool(false);
        }
        ".nan" | ".NaN" | ".NAN" | ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF"
        | "-.inf" | "-.Inf" | "-.INF" => {
            return Resolved::Float;
        }
        _ => {}
    }
    let first = text.as_bytes()[0];
    if !(first.is_ascii_digit() || matches!(first, b'+' | b'-' | b'.')) {
        return Resolved::Str;
    }
    if is_timestamp(text) {
        return Resolved::Timestamp;
    }
    let plain: Cow<'_, str> = if text.contains('_') {
        Cow::Owned(text.replace('_', ""))
    } else {
        Cow::Borrowed(text)
    };
    if let Some(n) = parse_int(&plain) {
        return n;
    }
    if is_float(&plain) {
        Resolved::Float
    } else {
        Resolved::Str
    }
}

/// Go's `ParseInt(text, 0, 64)` with a sign; a float beyond 64 bits.
fn parse_int(text: &str) -> Option<Resolved> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let lower = digits.to_ascii_lowercase();
    let (radix, body) = if let Some(hex) = lower.strip_prefix("0x") {
        (16, hex)
    } else if let Some(bin) = lower.strip_prefix("0b") {
        (2, bin)
    } else if let Some(oct) = lower.strip_prefix("0o") {
        (8, oct)
    } else if lower.len() > 1
        && lower.starts_with('0')
        && lower.bytes().all(|b| (b'0'..=b'7').contains(&b))
    {
        (8, &lower[1..])
    } else {
        (10, lower.as_str())
    };
    if body.is_empty()
        || !body.chars().all(|c| c.is_digit(radix))
        || (radix == 10 && lower.len() > 1 && lower.starts_with('0'))
    {
        return None;
    }
    Some(
        i64::from_str_radix(body, radix).map_or(Resolved::Float, |n| {
            Resolved::Int(if negative { -n } else { n })
        }),
    )
}

/// go-yaml's `^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$`.
fn is_float(text: &str) -> bool {
    let body = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = match body.find(['e', 'E']) {
        Some(at) => (&body[..at], Some(&body[at + 1..])),
        None => (body, None),
    };
    let digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    let (whole, fraction) = mantissa
        .split_once('.')
        .map_or((mantissa, None), |(w, f)| (w, Some(f)));
    let mantissa_ok = digits(whole)
        && fraction.is_none_or(digits)
        && (!whole.is_empty() || fraction.is_some_and(|f| !f.is_empty()));
    let exponent_ok = exponent.is_none_or(|e| {
        let e = e.strip_prefix(['-', '+']).unwrap_or(e);
        !e.is_empty() && digits(e)
    });
    mantissa_ok && exponent_ok
}

/// A date as `2006-1-2`, alone or with a time behind it.
fn is_timestamp(text: &str) -> bool {
    let mut parts = text.splitn(3, '-');
    let (Some(year), Some(month), Some(rest)) = (parts.next(), parts.next(), parts.next()) else {
        return false;
    };
    let digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    let day_end = rest
        .bytes()
        .position(|b| !b.is_ascii_digit())
        .unwrap_or(rest.len());
    year.len() == 4
        && digits(year)
        && digits(month)
        && month.len() <= 2
        && (1..=2).contains(&day_end)
        && rest[day_end..]
            .chars()
            .next()
            .is_none_or(|c| matches!(c, 'T' | 't' | ' ' | '\t'))
}
