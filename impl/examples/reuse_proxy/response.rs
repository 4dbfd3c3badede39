//! From a backend's response to what a client is told.

use hyper::header::{self, HeaderMap, HeaderValue};
use hyper::http::response::Parts;
use hyper::{Method, StatusCode, Version};

use crate::headers::{Coding, coding, list, strip};

/// Whether it is clear where a response ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Framing {
    Clear,
    /// It has no body and speaks of one. Servers have been seen to send that body, which would be taken for the next
    /// response.
    Doubtful,
    /// Nothing of it may be passed on.
    Invalid,
}

/// Makes of a backend's response what a client is told.
pub(crate) fn clean(parts: &mut Parts, method: &Method) -> Framing {
    let framing = framing(parts, method);
    if framing != Framing::Invalid {
        strip(&mut parts.headers);
        parts.version = Version::HTTP_11;
    }
    framing
}

/// RFC 9112 section 6.3. hyper has refused the rest: lengths that differ or are none, codings in HTTP/1.0.
fn framing(parts: &mut Parts, method: &Method) -> Framing {
    // No request of ours asks for an upgrade.
    if parts.status == StatusCode::SWITCHING_PROTOCOLS {
        return Framing::Invalid;
    }
    let is_bodiless =
        method == Method::HEAD || matches!(parts.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    let coding = coding(&parts.headers);
    match coding {
        Coding::None => {}
        // hyper has read the chunks; a client that believed the length would read something else.
        Coding::Chunked => drop(parts.headers.remove(header::CONTENT_LENGTH)),
        Coding::Unknown if is_bodiless => {}
        Coding::Unknown => return Framing::Invalid,
    }
    let has_length = match length(&parts.headers) {
        Length::None => false,
        Length::One => true,
        Length::Several(length) => {
            parts.headers.insert(header::CONTENT_LENGTH, length);
            true
        }
        Length::Invalid => return Framing::Invalid,
    };
    if is_bodiless && (has_length || coding != Coding::None) { Framing::Doubtful } else { Framing::Clear }
}

enum Length {
    None,
    One,
    /// The same several times.
    Several(HeaderValue),
    Invalid,
}

fn length(headers: &HeaderMap) -> Length {
    let lines = headers.get_all(header::CONTENT_LENGTH);
    let Some(first) = lines.iter().next() else { return Length::None };
    if first.as_bytes().iter().all(u8::is_ascii_digit) && !first.is_empty() && lines.iter().nth(1).is_none() {
        return Length::One;
    }
    let mut lengths = list(lines);
    let is_number = |length: &&[u8]| length.iter().all(u8::is_ascii_digit);
    match lengths.next().filter(is_number) {
        Some(first) if lengths.all(|length| length == first) => {
            HeaderValue::from_bytes(first).map_or(Length::Invalid, Length::Several)
        }
        _ => Length::Invalid,
    }
}
