//! From a request to its response.

use std::error::Error;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{Either, Empty, Full};
use hyper::body::{Body, Incoming};
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Method, Request, Response, StatusCode, Uri, Version};

use crate::backend::Backends;
use crate::relay::{Relay, exchange};

/// What a client is answered with: what the backend says, or a word of ours.
pub(crate) type Answer = Response<Either<Relay, Full<Bytes>>>;

/// What a backend is sent.
pub(crate) type Sent = Either<Incoming, Empty<Bytes>>;

/// How long a backend may take for the head of its response.
const ANSWER: Duration = Duration::from_secs(60);

/// Headers that speak of one connection and not of the message.
const HOP: [HeaderName; 7] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// Asks a backend; twice if the first one fails and the request can be repeated.
pub(crate) async fn forward(backends: &Backends, request: Request<Incoming>) -> Answer {
    let (mut parts, body) = request.into_parts();
    if let Err(status) = prepare(&mut parts) {
        return say(status);
    }
    let is_repeatable = parts.method.is_idempotent() && body.is_end_stream();
    let mut body = Some(body);
    let mut is_first = true;
    loop {
        let connected = match backends.connect(is_repeatable, is_first).await {
            Ok(connected) => connected,
            // Nothing was sent: any request may try the next backend.
            Err(_) if std::mem::take(&mut is_first) => continue,
            Err(_) => return say(StatusCode::BAD_GATEWAY),
        };
        let sent = if is_repeatable { Either::Right(Empty::new()) } else { there(body.take()) };
        let request = Request::from_parts(parts.clone(), sent);
        match tokio::time::timeout(ANSWER, exchange(connected, request)).await {
            Ok(Ok(response)) => return clean(response),
            Ok(Err(_)) if is_repeatable && std::mem::take(&mut is_first) => {}
            Ok(Err(error)) if is_clients(&*error) => return say(StatusCode::BAD_REQUEST),
            Ok(Err(_)) => return say(StatusCode::BAD_GATEWAY),
            Err(_) => return say(StatusCode::GATEWAY_TIMEOUT),
        }
    }
}

/// A body that cannot be repeated is sent once.
fn there(body: Option<Incoming>) -> Sent {
    body.map_or_else(|| Either::Right(Empty::new()), Either::Left)
}

/// Whether it was the client's body that was malformed or broke off.
fn is_clients(error: &(dyn Error + 'static)) -> bool {
    error.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_user)
}

/// Makes of a client's request what a backend is asked.
fn prepare(parts: &mut Parts) -> Result<(), StatusCode> {
    if parts.method == Method::CONNECT {
        return Err(StatusCode::METHOD_NOT_ALLOWED);
    }
    let mut hosts = parts.headers.get_all(header::HOST).iter();
    let (host, another) = (hosts.next().cloned(), hosts.next());
    if another.is_some() {
        return Err(StatusCode::BAD_REQUEST);
    }
    // The address that a request names goes before the header, as RFC 9112 section 3.2.2 has it.
    let named = parts.uri.authority().and_then(|authority| HeaderValue::from_str(authority.as_str()).ok());
    match (named.or(host), parts.version) {
        (Some(host), _) => drop(parts.headers.insert(header::HOST, host)),
        (None, Version::HTTP_10) => {}
        (None, _) => return Err(StatusCode::BAD_REQUEST),
    }
    let path = parts.uri.path_and_query().cloned();
    parts.uri = path.map_or_else(|| Uri::from_static("/"), Uri::from);
    parts.version = Version::HTTP_11;
    strip(&mut parts.headers);
    Ok(())
}

fn clean(response: Response<Relay>) -> Answer {
    let mut response = response.map(Either::Left);
    *response.version_mut() = Version::HTTP_11;
    strip(response.headers_mut());
    response
}

/// Takes away what was meant for the proxy.
fn strip(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        // A client does not decide which of these a backend sees.
        .filter(|name| ![header::HOST, header::CONTENT_LENGTH].contains(name))
        .collect();
    // Most messages have none: comparing names costs less than looking each of them up.
    let hop: Vec<HeaderName> = headers.keys().filter(|name| HOP.contains(name)).cloned().collect();
    for name in hop.iter().chain(&named) {
        headers.remove(name);
    }
}

fn say(status: StatusCode) -> Answer {
    let text = format!("{status}\n");
    let mut response = Response::new(Either::Right(Full::new(Bytes::from(text))));
    *response.status_mut() = status;
    response
}
