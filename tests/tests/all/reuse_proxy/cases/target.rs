//! What is asked for, and of whom: RFC 9112 section 3.2, RFC 9110 section 7.2.

use super::{Case, Got, PLAIN, all_are_right, refused};

#[test]
fn hosts_that_are_none_are_refused() {
    all_are_right(&[
        refused("no Host", "GET / HTTP/1.1||", 400),
        refused("two Hosts", "GET / HTTP/1.1|host: x|host: x||", 400),
        refused("an empty Host", "GET / HTTP/1.1|host: ||", 400),
        refused("a space", "GET / HTTP/1.1|host: a b||", 400),
        refused("a slash", "GET / HTTP/1.1|host: a/b||", 400),
        refused("a comma", "GET / HTTP/1.1|host: a,b||", 400),
        refused("a user", "GET / HTTP/1.1|host: u@h||", 400),
        refused("a byte that is not ASCII", "GET / HTTP/1.1|host: \u{e9}||", 400),
        refused("a port that is no number", "GET / HTTP/1.1|host: h:x||", 400),
        refused("a port that is too large", "GET / HTTP/1.1|host: h:65536||", 400),
        refused("an address without its bracket", "GET / HTTP/1.1|host: [::1||", 400),
        refused("brackets around no address", "GET / HTTP/1.1|host: [h]||", 400),
        refused("an absolute form without Host", "GET http://h/ HTTP/1.1||", 400),
        refused("a space in HTTP/1.0", "GET / HTTP/1.0|host: a b||", 400),
        Case {
            name: "an address with a port",
            sent: "GET / HTTP/1.1|host: [::1]:80||",
            forwarded: "GET / HTTP/1.1|host: [::1]:80|via: 1.1 p||",
            ..PLAIN
        },
        Case {
            name: "a name with an empty port",
            sent: "GET / HTTP/1.1|host: a-b.example:||",
            forwarded: "GET / HTTP/1.1|host: a-b.example:|via: 1.1 p||",
            ..PLAIN
        },
        Case {
            name: "HTTP/1.0 without Host: the address that the client connected to",
            sent: "GET / HTTP/1.0||",
            forwarded: "GET / HTTP/1.1|host: {proxy}|via: 1.0 p||",
            got: Got::All("HTTP/1.0 200 OK|content-length: 2||ok"),
            ..PLAIN
        },
    ]);
}

#[test]
fn targets_are_forwarded_in_the_form_that_a_server_expects() {
    let target = |name, sent, forwarded| Case { name, sent, forwarded, ..PLAIN };
    all_are_right(&[
        target("a query", "GET /a?b=c HTTP/1.1|host: x||", "GET /a?b=c HTTP/1.1|host: x|via: 1.1 p||"),
        target(
            "an absolute form goes before Host",
            "GET http://h:8/a HTTP/1.1|host: x||",
            "GET /a HTTP/1.1|host: h:8|via: 1.1 p||",
        ),
        target("a user is removed", "GET http://u:p@h/a HTTP/1.1|host: x||", "GET /a HTTP/1.1|host: h|via: 1.1 p||"),
        target(
            "an absolute form without a path",
            "GET http://h HTTP/1.1|host: x||",
            "GET / HTTP/1.1|host: h|via: 1.1 p||",
        ),
        target(
            "an absolute form with a query alone",
            "GET http://h?q HTTP/1.1|host: x||",
            "GET /?q HTTP/1.1|host: h|via: 1.1 p||",
        ),
        target("OPTIONS *", "OPTIONS * HTTP/1.1|host: x||", "OPTIONS * HTTP/1.1|host: x|via: 1.1 p||"),
        target(
            "OPTIONS of a whole server",
            "OPTIONS http://h HTTP/1.1|host: x||",
            "OPTIONS * HTTP/1.1|host: h|via: 1.1 p||",
        ),
        target(
            "OPTIONS of its root",
            "OPTIONS http://h/ HTTP/1.1|host: x||",
            "OPTIONS / HTTP/1.1|host: h|via: 1.1 p||",
        ),
        refused("GET *", "GET * HTTP/1.1|host: x||", 400),
        refused("an authority form", "GET h:80 HTTP/1.1|host: x||", 400),
        refused("a path without its slash", "GET a HTTP/1.1|host: x||", 400),
        refused("another scheme", "GET https://h/ HTTP/1.1|host: x||", 421),
        refused("CONNECT", "CONNECT h:1 HTTP/1.1|host: h:1||", 501),
        refused("an empty host", "GET http:///a HTTP/1.1|host: x||", 400),
        refused("no HTTP (hyper)", "NONSENSE||", 400),
        refused("HTTP/2.0 in words (hyper)", "GET / HTTP/2.0|host: x||", 400),
    ]);
}
