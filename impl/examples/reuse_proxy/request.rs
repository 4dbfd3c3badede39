//! From a client's request to what a backend is asked.

use std::net::{Ipv6Addr, SocketAddr};

use bytes::Bytes;
use http_body_util::{Either, Full};
use hyper::body::{Body, Incoming};
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::http::request::Parts;
use hyper::http::uri::{Authority, PathAndQuery, Scheme};
use hyper::{Method, Response, StatusCode, Uri, Version};

use crate::forward::{Answer, say};
use crate::headers::{Coding, coding, list, strip};

/// The proxy's name in `Via`, by which it knows its own requests when they come back to it.
pub(crate) struct Name {
    name: String,
    via_10: HeaderValue,
    via_11: HeaderValue,
}

/// What is asked of a backend where a client did not say which host it means: the address that it connected to.
pub(crate) struct Host(HeaderValue);

impl Name {
    /// Returns `None` if it is not a name.
    pub(crate) fn new(name: String) -> Option<Self> {
        let is_name =
            !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
        let [via_10, via_11] = ["1.0", "1.1"].map(|version| HeaderValue::from_str(&format!("{version} {name}")).ok());
        is_name.then_some(Self { name, via_10: via_10?, via_11: via_11? })
    }

    fn is_in(&self, headers: &HeaderMap) -> bool {
        let names = |entry: &[u8]| entry.split(u8::is_ascii_whitespace).any(|word| word == self.name.as_bytes());
        list(headers.get_all(header::VIA)).any(names)
    }
}

impl Host {
    pub(crate) fn new(local: SocketAddr) -> Self {
        // An address has no characters that a field may not have.
        Self(HeaderValue::from_str(&local.to_string()).unwrap_or_else(|_| HeaderValue::from_static("localhost")))
    }
}

/// Makes of a client's request what a backend is asked.
///
/// # Errors
///
/// The answer, if there is nothing to ask.
pub(crate) fn prepare(parts: &mut Parts, body: &Incoming, name: &Name, host: &Host) -> Result<(), Box<Answer>> {
    let refuse = |status| Err(Box::new(say(status, !body.is_end_stream())));
    if parts.method == Method::CONNECT {
        return refuse(StatusCode::NOT_IMPLEMENTED);
    }
    if coding(&parts.headers) == Coding::Unknown {
        return refuse(StatusCode::NOT_IMPLEMENTED);
    }
    if name.is_in(&parts.headers) {
        return refuse(StatusCode::LOOP_DETECTED);
    }
    if let Err(status) = target(parts, host) {
        return refuse(status);
    }
    match forwards(parts) {
        Forwards::Unlimited => {}
        Forwards::Left(count) => drop(parts.headers.insert(header::MAX_FORWARDS, count.into())),
        Forwards::None => return Err(Box::new(answer_for_itself(parts))),
        Forwards::Invalid => return refuse(StatusCode::BAD_REQUEST),
    }
    strip(&mut parts.headers);
    // hyper says 100 when the backend takes the first of the body, and waits for none itself.
    parts.headers.remove(header::EXPECT);
    let via = if parts.version == Version::HTTP_10 { &name.via_10 } else { &name.via_11 };
    parts.headers.append(header::VIA, via.clone());
    parts.version = Version::HTTP_11;
    if !body.is_end_stream() && body.size_hint().exact().is_none() {
        // hyper sends no body with GET or HEAD unless it is told to.
        parts.headers.insert(header::TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
    }
    Ok(())
}

/// Says in origin form, or as `*`, what is asked for, and in `Host` of whom (RFC 9112 section 3.2).
fn target(parts: &mut Parts, host: &Host) -> Result<(), StatusCode> {
    let mut hosts = parts.headers.get_all(header::HOST).iter();
    let named = match (hosts.next(), hosts.next()) {
        (Some(_), Some(_)) => return Err(StatusCode::BAD_REQUEST),
        (None, _) if parts.version != Version::HTTP_10 => return Err(StatusCode::BAD_REQUEST),
        (Some(named), None) if !is_host(named.as_bytes()) => return Err(StatusCode::BAD_REQUEST),
        (named, _) => named,
    };
    match (parts.uri.scheme(), parts.uri.authority()) {
        (Some(scheme), Some(authority)) => {
            if *scheme != Scheme::HTTP {
                return Err(StatusCode::MISDIRECTED_REQUEST);
            }
            // A name and a password are nothing that a server sees (RFC 9110 section 4.2.4).
            let authority = authority.as_str();
            let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
            let host = HeaderValue::from_str(host).ok().filter(|host| is_host(host.as_bytes()));
            let target = origin(&parts.uri, &parts.method);
            parts.headers.insert(header::HOST, host.ok_or(StatusCode::BAD_REQUEST)?);
            parts.uri = target;
        }
        // `host:80`, which only CONNECT may have.
        (None, Some(_)) => return Err(StatusCode::BAD_REQUEST),
        (_, None) => {
            if parts.uri.path() == "*" && parts.method != Method::OPTIONS {
                return Err(StatusCode::BAD_REQUEST);
            }
            if named.is_none() {
                parts.headers.insert(header::HOST, host.0.clone());
            }
        }
    }
    Ok(())
}

/// Returns the path of an absolute form.
fn origin(uri: &Uri, method: &Method) -> Uri {
    let path = uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
    let is_empty = uri.authority().is_some_and(|authority| is_made_up(&path, authority));
    // RFC 9112 section 3.2.4.
    if *method == Method::OPTIONS && is_empty { Uri::from_static("*") } else { Uri::from(path) }
}

/// Whether a client has sent no path at all. `Uri` has `/` then, and only where it lies in memory tells: what a client has
/// sent is behind its authority.
fn is_made_up(path: &PathAndQuery, authority: &Authority) -> bool {
    path.as_str().as_ptr() != authority.as_str().as_bytes().as_ptr_range().end
}

/// Whether these are a host and perhaps a port: RFC 3986's `host [ ":" port ]`, without the comma, which would make a list
/// of it.
fn is_host(host: &[u8]) -> bool {
    let Ok(host) = std::str::from_utf8(host) else { return false };
    let (name, port) = match host.strip_prefix('[') {
        Some(literal) => match literal.split_once(']') {
            Some((address, port)) if address.parse::<Ipv6Addr>().is_ok() => ("", port),
            _ => return false,
        },
        None => {
            let (name, port) = host.split_at(host.find(':').unwrap_or(host.len()));
            if name.is_empty() {
                return false;
            }
            (name, port)
        }
    };
    let is_port = port.is_empty()
        || port.strip_prefix(':').is_some_and(|port| {
            port.bytes().all(|byte| byte.is_ascii_digit()) && (port.is_empty() || port.parse::<u16>().is_ok())
        });
    is_port && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~%!$&'()*+;=".contains(&byte))
}

enum Forwards {
    Unlimited,
    Left(u32),
    None,
    Invalid,
}

/// RFC 9110 section 7.6.2. Other methods have no limit.
fn forwards(parts: &Parts) -> Forwards {
    if ![Method::OPTIONS, Method::TRACE].contains(&parts.method) {
        return Forwards::Unlimited;
    }
    let mut counts = parts.headers.get_all(header::MAX_FORWARDS).iter();
    let count = match (counts.next(), counts.next()) {
        (None, _) => return Forwards::Unlimited,
        (Some(count), None) => count,
        (Some(_), Some(_)) => return Forwards::Invalid,
    };
    match count.as_bytes() {
        b"" => Forwards::Invalid,
        digits if !digits.iter().all(u8::is_ascii_digit) => Forwards::Invalid,
        // More than fits is more than anyone counts to.
        digits => match std::str::from_utf8(digits).map_or(u32::MAX, |digits| digits.parse().unwrap_or(u32::MAX)) {
            0 => Forwards::None,
            count => Forwards::Left(count - 1),
        },
    }
}

/// Answers what is not to be forwarded any further.
fn answer_for_itself(parts: &Parts) -> Answer {
    /// Not shown to whoever can make a browser ask.
    const SECRETS: [HeaderName; 3] = [header::AUTHORIZATION, header::COOKIE, header::PROXY_AUTHORIZATION];
    if parts.method == Method::OPTIONS {
        let mut answer = Response::new(Either::Right(Full::default()));
        let methods = HeaderValue::from_static("DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT, TRACE");
        answer.headers_mut().insert(header::ALLOW, methods);
        return answer;
    }
    let mut message = format!("TRACE {} {:?}\r\n", parts.uri, parts.version).into_bytes();
    for (name, value) in parts.headers.iter().filter(|(name, _)| !SECRETS.contains(name)) {
        message.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
    }
    message.extend(b"\r\n");
    let mut answer = Response::new(Either::Right(Full::new(Bytes::from(message))));
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("message/http"));
    answer
}
