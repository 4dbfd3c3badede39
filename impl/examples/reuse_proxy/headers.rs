//! Fields that speak of one connection, and lists.

use hyper::header::{self, GetAll, HeaderMap, HeaderName, HeaderValue};

/// Fields that no message takes along (RFC 9110 section 7.6.1), whether or not `Connection` names them.
const HOP: [HeaderName; 8] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// Fields that `Connection` does not remove: the other end would see another message.
const KEPT: [HeaderName; 2] = [header::HOST, header::CONTENT_LENGTH];

/// Removes what was meant for the proxy.
pub(crate) fn strip(headers: &mut HeaderMap) {
    // Most messages have none: comparing names costs less than looking each of them up.
    let mut hop: Vec<HeaderName> = headers.keys().filter(|name| HOP.contains(name)).cloned().collect();
    if hop.contains(&header::CONNECTION) {
        // As bytes, since one name that is none does not excuse the others.
        let named = list(headers.get_all(header::CONNECTION)).filter_map(|name| HeaderName::from_bytes(name).ok());
        hop.extend(named.filter(|name| !KEPT.contains(name)));
    }
    for name in hop {
        headers.remove(name);
    }
}

/// Returns the members of a list that may have several lines.
pub(crate) fn list<'a>(values: GetAll<'a, HeaderValue>) -> impl Iterator<Item = &'a [u8]> {
    let members = values.into_iter().flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    members.map(<[u8]>::trim_ascii).filter(|member| !member.is_empty())
}

/// How a message that has `Transfer-Encoding` is coded.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Coding {
    /// It has none.
    None,
    /// In chunks, which hyper decodes.
    Chunked,
    /// In a way that hyper would take for something else.
    Unknown,
}

pub(crate) fn coding(headers: &HeaderMap) -> Coding {
    let mut codings = list(headers.get_all(header::TRANSFER_ENCODING));
    match (codings.next(), codings.next()) {
        (None, _) if !headers.contains_key(header::TRANSFER_ENCODING) => Coding::None,
        (Some(one), None) if one.eq_ignore_ascii_case(b"chunked") => Coding::Chunked,
        _ => Coding::Unknown,
    }
}
