//! Fields that a proxy reads, removes and adds: RFC 9110 sections 7.6, 10.1.1 and 15.2.

use super::{Case, Got, PLAIN, all_are_right, refused, rejected};

#[test]
fn fields_of_one_connection_stay_on_it() {
    let request = |name, sent| Case { name, sent, ..PLAIN };
    let response = |name, answer| Case { name, answer, ..PLAIN };
    all_are_right(&[
        request("a field that Connection names", "GET / HTTP/1.1|host: x|connection: X-Foo|x-foo: 1||"),
        request("a name that is none beside it", "GET / HTTP/1.1|host: x|connection: X-Foo, \u{e9}|x-foo: 1||"),
        request("on two lines", "GET / HTTP/1.1|host: x|connection: a|connection: X-Foo|a: 1|x-foo: 1||"),
        request("Keep-Alive", "GET / HTTP/1.1|host: x|connection: keep-alive|keep-alive: timeout=9||"),
        request("Proxy-Connection", "GET / HTTP/1.1|host: x|proxy-connection: keep-alive||"),
        request("Upgrade", "GET / HTTP/1.1|host: x|connection: upgrade|upgrade: websocket||"),
        request("TE, also if Connection does not name it", "GET / HTTP/1.1|host: x|te: trailers||"),
        request("Host, whatever Connection says", "GET / HTTP/1.1|host: x|connection: host||"),
        Case {
            name: "a length, whatever Connection says",
            sent: "POST / HTTP/1.1|host: x|connection: content-length|content-length: 2||ab",
            forwarded: "POST / HTTP/1.1|content-length: 2|host: x|via: 1.1 p||ab",
            ..PLAIN
        },
        response(
            "a response's",
            "HTTP/1.1 200 OK|connection: x-foo, \u{e9}|content-length: 2|keep-alive: timeout=5|x-foo: 1||ok",
        ),
        response("a response's length", "HTTP/1.1 200 OK|connection: content-length|content-length: 2||ok"),
        response("a response's Upgrade", "HTTP/1.1 200 OK|upgrade: h2c|content-length: 2||ok"),
    ]);
}

#[test]
fn requests_say_on_which_way_they_came() {
    let via = |name, sent, forwarded| Case { name, sent, forwarded, ..PLAIN };
    all_are_right(&[
        via(
            "another proxy before",
            "GET / HTTP/1.1|host: x|via: 1.0 a||",
            "GET / HTTP/1.1|host: x|via: 1.0 a|via: 1.1 p||",
        ),
        via(
            "names that hold the own one",
            "GET / HTTP/1.1|host: x|via: 1.1 pp||",
            "GET / HTTP/1.1|host: x|via: 1.1 p|via: 1.1 pp||",
        ),
        refused("a loop", "GET / HTTP/1.1|host: x|via: 1.1 p||", 508),
        refused("a loop through others", "GET / HTTP/1.1|host: x|via: 1.1 a, 1.1 p (me)|via: 1.1 b||", 508),
    ]);
}

#[test]
fn requests_go_as_far_as_they_may() {
    let limited = |name, sent, forwarded| Case { name, sent, forwarded, ..PLAIN };
    all_are_right(&[
        Case {
            name: "TRACE that ends here",
            sent: "TRACE /a HTTP/1.1|host: x|cookie: secret|max-forwards: 0||",
            forwarded: "",
            got: Got::All(
                "HTTP/1.1 200 OK|content-length: 47|content-type: message/http||TRACE /a HTTP/1.1|host: x|max-forwards: 0||",
            ),
            ..PLAIN
        },
        Case {
            name: "OPTIONS that ends here",
            sent: "OPTIONS * HTTP/1.1|host: x|max-forwards: 0||",
            forwarded: "",
            got: Got::All(
                "HTTP/1.1 200 OK|allow: DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT, TRACE|content-length: 0||",
            ),
            ..PLAIN
        },
        limited(
            "TRACE that goes on",
            "TRACE / HTTP/1.1|host: x|max-forwards: 5||",
            "TRACE / HTTP/1.1|host: x|max-forwards: 4|via: 1.1 p||",
        ),
        limited(
            "OPTIONS that goes on",
            "OPTIONS / HTTP/1.1|host: x|max-forwards: 1||",
            "OPTIONS / HTTP/1.1|host: x|max-forwards: 0|via: 1.1 p||",
        ),
        limited("TRACE without a limit", "TRACE / HTTP/1.1|host: x||", "TRACE / HTTP/1.1|host: x|via: 1.1 p||"),
        limited(
            "GET has no limit",
            "GET / HTTP/1.1|host: x|max-forwards: 0||",
            "GET / HTTP/1.1|host: x|max-forwards: 0|via: 1.1 p||",
        ),
        refused("a limit that is no number", "TRACE / HTTP/1.1|host: x|max-forwards: -1||", 400),
        refused("two limits", "TRACE / HTTP/1.1|host: x|max-forwards: 1|max-forwards: 2||", 400),
    ]);
}

#[test]
fn what_comes_before_an_answer() {
    all_are_right(&[
        rejected("101 that nobody asked for", "HTTP/1.1 101 Switching Protocols|connection: upgrade|upgrade: x||"),
        Case {
            name: "101 that a client asked for: its Upgrade was removed",
            sent: "GET / HTTP/1.1|host: x|connection: upgrade|upgrade: x||",
            answer: "HTTP/1.1 101 Switching Protocols|connection: upgrade|upgrade: x||",
            got: Got::Status(502),
            ..PLAIN
        },
        Case {
            name: "103 is not passed on (hyper)",
            answer: "HTTP/1.1 103 Early Hints|link: <a>||HTTP/1.1 200 OK|content-length: 2||ok",
            ..PLAIN
        },
        Case {
            name: "100 is the proxy's (hyper)",
            sent: "POST / HTTP/1.1|host: x|expect: 100-continue|content-length: 2||ab",
            forwarded: "POST / HTTP/1.1|content-length: 2|host: x|via: 1.1 p||ab",
            answer: "HTTP/1.1 100 Continue||HTTP/1.1 200 OK|content-length: 2||ok",
            got: Got::All("HTTP/1.1 100 Continue||HTTP/1.1 200 OK|content-length: 2||ok"),
            ..PLAIN
        },
        rejected("no HTTP", "NONSENSE||"),
        rejected("a status that is none", "HTTP/1.1 099 No||"),
        refused("a folded field (hyper)", "GET / HTTP/1.1|host: x|a: b| c||", 400),
        refused("a space before a colon (hyper)", "GET / HTTP/1.1|host: x|a : b||", 400),
    ]);
}
