//! What RFC 9110 and 9112 ask of an intermediary: one table, each row by itself.

mod fields;
mod framing;
mod target;

use crate::reuse_proxy::program::Proxy;
use crate::reuse_proxy::wire::{RESET, Reads, Script, Server, Then, converse, has_head, normal, wire};
use crate::support::deadline;

/// A request and its answer, as both ends see them. `|` ends a line; `{proxy}` is the proxy's address.
struct Case {
    name: &'static str,
    /// What the client sends.
    sent: &'static str,
    /// What the backend is to get: nothing at all if it is empty.
    forwarded: &'static str,
    /// What the backend answers with.
    answer: &'static str,
    then: Then,
    /// What the client is to get.
    got: Got,
    /// How many connections the backend is to have had when the same has been asked again, if that matters.
    opened: Option<usize>,
}

#[derive(Clone, Copy, Debug)]
enum Got {
    /// This and no more.
    All(&'static str),
    /// An answer with this status.
    Status(u16),
    /// Perhaps something, and then a reset.
    Reset,
}

/// What the others say only how they differ from.
const PLAIN: Case = Case {
    name: "a plain request",
    sent: "GET / HTTP/1.1|host: x||",
    forwarded: "GET / HTTP/1.1|host: x|via: 1.1 p||",
    answer: "HTTP/1.1 200 OK|content-length: 2||ok",
    then: Then::Keeps,
    got: Got::All("HTTP/1.1 200 OK|content-length: 2||ok"),
    opened: None,
};

/// A request that no backend gets to see.
const fn refused(name: &'static str, sent: &'static str, status: u16) -> Case {
    Case { name, sent, forwarded: "", got: Got::Status(status), ..PLAIN }
}

/// A response that no client gets to see.
const fn rejected(name: &'static str, answer: &'static str) -> Case {
    Case { name, answer, then: Then::Closes, got: Got::Status(502), ..PLAIN }
}

impl Case {
    /// Returns what is wrong.
    fn run(&self) -> Option<String> {
        let script = Script { reads: Reads::Request, answer: wire(self.answer), then: self.then };
        let server = Server::start(script);
        let proxy = Proxy::start(&["--via", "p", "--workers", "1"], &[server.address()]);
        let text = |text: &str| text.replace("{proxy}", &proxy.address().to_string());
        let is_enough = |got: &[u8]| match self.got {
            Got::All(all) => normal(got) == normal(&wire(&text(all))),
            Got::Status(_) => has_head(got),
            Got::Reset => false,
        };
        let got = normal(&converse(proxy.address(), &wire(self.sent), is_enough));
        let is_right = match self.got {
            Got::All(all) => got == normal(&wire(&text(all))),
            Got::Status(status) => {
                let starts = ["1.1", "1.0"].map(|version| format!("HTTP/{version} {status} "));
                starts.iter().any(|start| got.starts_with(start)) && !got.contains(RESET)
            }
            Got::Reset => got.ends_with(RESET),
        };
        let seen = server.seen().first().map(|request| normal(request)).unwrap_or_default();
        let forwarded = normal(&wire(&text(self.forwarded)));
        let opened = self.opened.map(|expected| {
            converse(proxy.address(), &wire(self.sent), has_head);
            (expected, server.opened())
        });
        let is_right = is_right && seen == forwarded && opened.is_none_or(|(expected, opened)| expected == opened);
        (!is_right).then(|| {
            let Self { name, sent, answer, got: expected, .. } = self;
            let connections =
                opened.map(|(expected, opened)| format!("\n  connections: {opened}, expected {expected}"));
            format!(
                "{name}\n  client sent:  {sent:?}\n  backend got:  {seen:?}\n  expected:     {forwarded:?}\n  \
                 backend sent: {answer:?}\n  client got:   {got:?}\n  expected:     {expected:?}{}",
                connections.unwrap_or_default()
            )
        })
    }
}

fn all_are_right(cases: &[Case]) {
    let _deadline = deadline("the proxy to answer each case");
    let wrong: Vec<String> = cases.iter().filter_map(Case::run).collect();
    assert!(wrong.is_empty(), "{} of {} cases are wrong:\n\n{}\n", wrong.len(), cases.len(), wrong.join("\n\n"));
}
