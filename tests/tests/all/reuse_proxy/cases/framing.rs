//! Where a message ends: RFC 9112 sections 6 and 7.

use super::{Case, Got, PLAIN, all_are_right, refused, rejected};
use crate::reuse_proxy::wire::Then;

const CHUNKED_ANSWER: Got = Got::All("HTTP/1.1 200 OK|transfer-encoding: chunked||5|hello|0||");

#[test]
fn where_a_response_ends() {
    all_are_right(&[
        Case { opened: Some(1), ..PLAIN },
        Case {
            name: "Transfer-Encoding before Content-Length: the chunks are the body",
            answer: "HTTP/1.1 200 OK|transfer-encoding: chunked|content-length: 2||5|hello|0||",
            got: CHUNKED_ANSWER,
            ..PLAIN
        },
        Case {
            name: "Transfer-Encoding behind Content-Length",
            answer: "HTTP/1.1 200 OK|content-length: 2|transfer-encoding: chunked||5|hello|0||",
            got: CHUNKED_ANSWER,
            ..PLAIN
        },
        Case {
            name: "the same length in a list is one length",
            answer: "HTTP/1.1 200 OK|content-length: 2, 2||ok",
            ..PLAIN
        },
        Case {
            name: "the same length on two lines is one length",
            answer: "HTTP/1.1 200 OK|content-length: 2|content-length: 2||ok",
            ..PLAIN
        },
        rejected("a length with a sign", "HTTP/1.1 200 OK|content-length: +2||ok"),
        rejected("two lengths in a list", "HTTP/1.1 200 OK|content-length: 2, 3||ok"),
        rejected("two lengths on two lines", "HTTP/1.1 200 OK|content-length: 2|content-length: 3||ok"),
        rejected("gzip as a transfer coding", "HTTP/1.1 200 OK|transfer-encoding: gzip, chunked||2|ok|0||"),
        rejected(
            "gzip on a line of its own",
            "HTTP/1.1 200 OK|transfer-encoding: gzip|transfer-encoding: chunked||0||",
        ),
        rejected("gzip to the end of the connection", "HTTP/1.1 200 OK|transfer-encoding: gzip||ok"),
        rejected("chunks in HTTP/1.0, which has none", "HTTP/1.0 200 OK|transfer-encoding: chunked||2|ok|0||"),
        Case {
            name: "to the end of the connection: in chunks, since the client's connection stays",
            answer: "HTTP/1.0 200 OK||hello",
            then: Then::Closes,
            got: CHUNKED_ANSWER,
            ..PLAIN
        },
        Case {
            name: "a response of HTTP/1.0 with a length",
            answer: "HTTP/1.0 200 OK|content-length: 2||ok",
            then: Then::Closes,
            ..PLAIN
        },
        Case {
            name: "chunks for a client of HTTP/1.0: to the end of the connection",
            sent: "GET / HTTP/1.0|host: x||",
            forwarded: "GET / HTTP/1.1|host: x|via: 1.0 p||",
            answer: "HTTP/1.1 200 OK|transfer-encoding: chunked||5|hello|0||",
            got: Got::All("HTTP/1.0 200 OK||hello"),
            ..PLAIN
        },
    ]);
}

#[test]
fn what_is_cut_off_looks_cut_off() {
    let cut = |name, sent, forwarded, answer| Case {
        name,
        sent,
        forwarded,
        answer,
        then: Then::Closes,
        got: Got::Reset,
        ..PLAIN
    };
    let (http_10, as_10) = ("GET / HTTP/1.0|host: x||", "GET / HTTP/1.1|host: x|via: 1.0 p||");
    let chunked = "HTTP/1.1 200 OK|transfer-encoding: chunked||5|hel";
    all_are_right(&[
        cut("chunks cut off, for a client of HTTP/1.0", http_10, as_10, chunked),
        cut("chunks cut off", PLAIN.sent, PLAIN.forwarded, chunked),
        cut(
            "chunks without the last one",
            PLAIN.sent,
            PLAIN.forwarded,
            "HTTP/1.1 200 OK|transfer-encoding: chunked||2|ok|",
        ),
        cut("a length that is not reached", PLAIN.sent, PLAIN.forwarded, "HTTP/1.1 200 OK|content-length: 5||hel"),
        Case {
            name: "a head cut off",
            answer: "HTTP/1.1 200 OK|content-le",
            then: Then::Closes,
            got: Got::Status(502),
            ..PLAIN
        },
    ]);
}

#[test]
fn where_a_request_ends() {
    all_are_right(&[
        Case {
            name: "GET with chunks keeps its body",
            sent: "GET / HTTP/1.1|host: x|transfer-encoding: chunked||2|ab|0||",
            forwarded: "GET / HTTP/1.1|host: x|transfer-encoding: chunked|via: 1.1 p||2|ab|0||",
            ..PLAIN
        },
        Case {
            name: "HEAD with chunks keeps its body",
            sent: "HEAD / HTTP/1.1|host: x|transfer-encoding: chunked||2|ab|0||",
            forwarded: "HEAD / HTTP/1.1|host: x|transfer-encoding: chunked|via: 1.1 p||2|ab|0||",
            answer: "HTTP/1.1 200 OK|content-length: 2||",
            got: Got::All("HTTP/1.1 200 OK|content-length: 2||"),
            ..PLAIN
        },
        Case {
            name: "GET with a length keeps its body",
            sent: "GET / HTTP/1.1|host: x|content-length: 2||ab",
            forwarded: "GET / HTTP/1.1|content-length: 2|host: x|via: 1.1 p||ab",
            ..PLAIN
        },
        Case {
            name: "both framings: the chunks are the body, and the connection's last (hyper)",
            sent: "POST / HTTP/1.1|host: x|content-length: 9|transfer-encoding: chunked||2|ab|0||",
            forwarded: "POST / HTTP/1.1|host: x|transfer-encoding: chunked|via: 1.1 p||2|ab|0||",
            got: Got::All("HTTP/1.1 200 OK|connection: close|content-length: 2||ok"),
            ..PLAIN
        },
        refused("gzip as a transfer coding", "POST / HTTP/1.1|host: x|transfer-encoding: gzip, chunked||0||", 501),
        refused(
            "gzip on a line of its own",
            "POST / HTTP/1.1|host: x|transfer-encoding: gzip|transfer-encoding: chunked||0||",
            501,
        ),
        refused("chunks within chunks", "POST / HTTP/1.1|host: x|transfer-encoding: chunked, chunked||0||", 501),
        refused("gzip alone, which has no end (hyper)", "POST / HTTP/1.1|host: x|transfer-encoding: gzip||", 400),
        refused("chunks in HTTP/1.0 (hyper)", "POST / HTTP/1.0|host: x|transfer-encoding: chunked||0||", 400),
        refused("a list of lengths (hyper)", "POST / HTTP/1.1|host: x|content-length: 2, 2||ab", 400),
        refused("a length with a sign (hyper)", "POST / HTTP/1.1|host: x|content-length: +2||ab", 400),
        refused("two lengths (hyper)", "POST / HTTP/1.1|host: x|content-length: 2|content-length: 3||ab", 400),
        Case {
            name: "a client that half-closes behind its request is answered",
            sent: "GET / HTTP/1.1|host: x|connection: close||",
            got: Got::All("HTTP/1.1 200 OK|connection: close|content-length: 2||ok"),
            ..PLAIN
        },
    ]);
}

/// A server that speaks of a body that a response cannot have may send it, in front of its next response.
#[test]
fn doubtful_connections_are_closed_and_clear_ones_are_reused() {
    let ended = |name, sent, forwarded, answer, got, opened| Case {
        name,
        sent,
        forwarded,
        answer,
        got: Got::All(got),
        opened: Some(opened),
        ..PLAIN
    };
    let get = |name, answer, got, opened| ended(name, PLAIN.sent, PLAIN.forwarded, answer, got, opened);
    let (head, as_head) = ("HEAD / HTTP/1.1|host: x||", "HEAD / HTTP/1.1|host: x|via: 1.1 p||");
    let (with, trailers) = (
        "GET / HTTP/1.1|host: x|connection: te|te: trailers||",
        "HTTP/1.1 200 OK|trailer: x-t|transfer-encoding: chunked||2|ok|0|x-t: 1||",
    );
    let (no_content, not_modified) = ("HTTP/1.1 204 No Content||", "HTTP/1.1 304 Not Modified||");
    all_are_right(&[
        get("204", no_content, no_content, 1),
        get("204 with a length", "HTTP/1.1 204 No Content|content-length: 5||", no_content, 2),
        get("204 with a length and a body", "HTTP/1.1 204 No Content|content-length: 5||hello", no_content, 2),
        get("204 with chunks", "HTTP/1.1 204 No Content|transfer-encoding: chunked||5|hello|0||", no_content, 2),
        get("304", not_modified, not_modified, 1),
        get("304 with a length", "HTTP/1.1 304 Not Modified|content-length: 5||", not_modified, 2),
        ended("HEAD", head, as_head, "HTTP/1.1 200 OK||", "HTTP/1.1 200 OK||", 1),
        ended(
            "HEAD with a length",
            head,
            as_head,
            "HTTP/1.1 200 OK|content-length: 2||",
            "HTTP/1.1 200 OK|content-length: 2||",
            2,
        ),
        ended(
            "HEAD with chunks",
            head,
            as_head,
            "HTTP/1.1 200 OK|transfer-encoding: chunked||",
            "HTTP/1.1 200 OK||",
            2,
        ),
        get(
            "trailers that nobody asked for",
            trailers,
            "HTTP/1.1 200 OK|trailer: x-t|transfer-encoding: chunked||2|ok|0||",
            1,
        ),
        ended("trailers that the client asked for", with, PLAIN.forwarded, trailers, trailers, 1),
        get(
            "a response that says close",
            "HTTP/1.1 200 OK|connection: close|content-length: 2||ok",
            "HTTP/1.1 200 OK|content-length: 2||ok",
            2,
        ),
        get(
            "more than the response",
            "HTTP/1.1 200 OK|content-length: 2||okok",
            "HTTP/1.1 200 OK|content-length: 2||ok",
            2,
        ),
    ]);
}
