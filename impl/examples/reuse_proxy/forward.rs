//! From a request to its answer.

use std::io;
use std::rc::Rc;

use bytes::Bytes;
use http_body_util::{Either, Empty, Full};
use hyper::body::{Body, Incoming};
use hyper::header::{self, HeaderValue};
use hyper::{Request, Response, StatusCode};

use crate::backend::{Attempts, Backends, is_out_of_descriptors};
use crate::clock::Clock;
use crate::link::{Failure, Link, Sent};
use crate::options::Limits;
use crate::relay::Relay;
use crate::request::{self, Host, Name};
use crate::response::{self, Framing};
use crate::slot::{Slot, Upload};

/// What a client is answered with: what the backend says, or a word of the proxy's own.
pub(crate) type Answer = Response<Either<Relay, Full<Bytes>>>;

/// What a worker's connections share.
pub(crate) struct Proxy {
    pub(crate) backends: Backends,
    pub(crate) limits: Limits,
    pub(crate) name: Name,
}

/// Asks one backend after the other, until one answers or the request cannot be sent again.
pub(crate) async fn forward(proxy: &Proxy, clock: &Rc<Clock>, host: &Host, request: Request<Incoming>) -> Answer {
    let (mut parts, body) = request.into_parts();
    let has_body = !body.is_end_stream();
    if let Err(refusal) = request::prepare(&mut parts, &body, &proxy.name, host) {
        return *refusal;
    }
    let is_repeatable = parts.method.is_idempotent() && !has_body;
    let method = parts.method.clone();
    let mut body = has_body.then_some(body);
    let mut attempts = proxy.backends.attempts(is_repeatable);
    let mut status = StatusCode::BAD_GATEWAY;
    while let Some(connected) = attempts.next().await {
        let link = match connected {
            Ok(link) => link,
            // Nothing was sent, so that any request may go elsewhere.
            Err(error) => {
                status = unreachable(&error);
                if clock.is_over() {
                    break;
                }
                continue;
            }
        };
        let (address, is_reused) = (link.address(), link.is_reused());
        let request = Request::from_parts(parts.clone(), sent(body.take(), link.slot()));
        let failure = match link.exchange(request, &proxy.limits, clock).await {
            Ok((response, link)) => return relay(response, link, &method, proxy, clock),
            Err(failure) => failure,
        };
        status = failure.status();
        match failure {
            Failure::NotSent(request) => body = unsent(*request),
            _ if !is_repeatable || clock.is_over() => break,
            Failure::Vanished => proxy.backends.forget(address),
            Failure::Broken(_) | Failure::Silent | Failure::ClientStalled | Failure::ClientBroke(_) => {}
        }
        next_attempt(&mut attempts, is_reused, status);
    }
    say(status, has_body)
}

/// A connection that had been used may have been closed meanwhile, which says nothing about its backend. One that did not
/// answer does, if there are others.
fn next_attempt(attempts: &mut Attempts<'_>, is_reused: bool, status: StatusCode) {
    if is_reused && (status == StatusCode::BAD_GATEWAY || !attempts.has_others()) {
        attempts.try_again();
    }
}

fn sent(body: Option<Incoming>, slot: &Slot) -> Sent {
    body.map_or_else(|| Either::Right(Empty::new()), |body| Either::Left(Upload::new(body, slot.clone())))
}

fn unsent(request: Request<Sent>) -> Option<Incoming> {
    match request.into_body() {
        Either::Left(upload) => Some(upload.into_body()),
        Either::Right(_) => None,
    }
}

fn relay(response: Response<Incoming>, link: Link, method: &hyper::Method, proxy: &Proxy, clock: &Rc<Clock>) -> Answer {
    let (mut parts, body) = response.into_parts();
    let may_put = match response::clean(&mut parts, method) {
        Framing::Clear => true,
        Framing::Doubtful => false,
        Framing::Invalid => return say(StatusCode::BAD_GATEWAY, link.slot().has_upload()),
    };
    let relay = Relay::new(body, link, may_put, proxy.limits.answer_body, clock);
    Response::from_parts(parts, Either::Left(relay))
}

fn unreachable(error: &io::Error) -> StatusCode {
    match error.kind() {
        io::ErrorKind::TimedOut => StatusCode::GATEWAY_TIMEOUT,
        _ if is_out_of_descriptors(error) => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::BAD_GATEWAY,
    }
}

/// Answers for the backend. `closes` if the client may still be sending what will not be read.
pub(crate) fn say(status: StatusCode, closes: bool) -> Answer {
    let text = format!("{status}\n");
    let mut answer = Response::new(Either::Right(Full::new(Bytes::from(text))));
    *answer.status_mut() = status;
    if closes {
        answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    answer
}
