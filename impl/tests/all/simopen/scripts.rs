//! What a peer may say, what becomes of it here, and what became of it in two other implementations: go-multistream 0.4.1,
//! and the branch that rust-libp2p did not merge (PR 2066).

use handfast::simopen::Role;
use handfast::simopen::core::{Failure, Message, Negotiation, Settled};

use crate::simopen::{bytes, framed, protocol};

/// This end's number, in the middle.
const OURS: u64 = 1 << 63;

/// A verdict of another implementation.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Theirs {
    Accepts,
    Refuses,
    /// Not tried, or not known.
    Unknown,
}

struct Script {
    name: &'static str,
    says: Vec<Vec<u8>>,
    ours: Result<(&'static str, Role), Failure>,
    go: Theirs,
    rust: Theirs,
}

fn h() -> Vec<u8> {
    bytes(&Message::Header)
}

fn s() -> Vec<u8> {
    bytes(&Message::Extension)
}

fn na() -> Vec<u8> {
    bytes(&Message::NotAvailable)
}

fn say(text: &str) -> Vec<u8> {
    framed(text)
}

fn unexpected(message: Message) -> Failure {
    Failure::Unexpected(Box::new(message))
}

fn script(
    name: &'static str,
    says: Vec<Vec<u8>>,
    ours: Result<(&'static str, Role), Failure>,
    [go, rust]: [Theirs; 2],
) -> Script {
    Script { name, says, ours, go, rust }
}

/// The conversations of a listener and of a dialer that keep to the rules.
fn lawful() -> Vec<Script> {
    use Theirs::{Accepts, Unknown};
    let (most, least) = (say("select:18446744073709551615"), say("select:0"));
    vec![
        script("na, /noise", vec![h(), na(), say("/noise")], Ok(("/noise", Role::Initiator)), [Accepts, Accepts]),
        script("na, na, /tls", vec![h(), na(), na(), say("/tls")], Ok(("/tls", Role::Initiator)), [Accepts, Unknown]),
        script(
            "the greater number",
            vec![h(), s(), say("/noise"), most, say("initiator"), say("/noise")],
            Ok(("/noise", Role::Responder)),
            [Accepts, Accepts],
        ),
        script(
            "the smaller number",
            vec![h(), s(), say("/noise"), least, say("responder"), say("/noise")],
            Ok(("/noise", Role::Initiator)),
            [Accepts, Accepts],
        ),
    ]
}

/// Conversations in which others were too lax, or stricter than they had to be.
fn unlawful() -> Vec<Script> {
    use Theirs::{Accepts, Refuses, Unknown};
    let most = || say("select:18446744073709551615");
    let won = || say("initiator");
    let nonce = |text: &'static str, rust| {
        let says = vec![h(), s(), say("/noise"), say(text)];
        script(text, says, Err(Failure::BadNonce), [Refuses, rust])
    };
    let noise = Ok(("/noise", Role::Responder));
    let mut scripts = vec![
        script("na, S", vec![h(), na(), s()], Err(unexpected(Message::Extension)), [Refuses, Accepts]),
        script("S without a header", vec![s()], Err(Failure::NotMultistream), [Refuses, Accepts]),
        script("two headers", vec![h(), h()], Err(unexpected(Message::Header)), [Refuses, Accepts]),
        nonce("select:+5", Accepts),
        script(
            "select:007",
            vec![h(), s(), say("/noise"), say("select:007")],
            Err(Failure::BadNonce),
            [Accepts, Accepts],
        ),
        script("nothing pipelined", vec![h(), s(), most(), won(), say("/noise")], noise.clone(), [Refuses, Accepts]),
        script(
            "two pipelined",
            vec![h(), s(), say("/a"), say("/b"), most()],
            Err(unexpected(Message::Protocol(protocol("/b")))),
            [Refuses, Accepts],
        ),
        script(
            "two numbers",
            vec![h(), s(), say("select:1"), say("select:2")],
            Err(unexpected(Message::Select(2))),
            [Unknown, Unknown],
        ),
    ];
    for text in ["select:", "select: 5", "select:-1", "select:5_0", "select:0x10", "select:1e3"] {
        scripts.push(nonce(text, Refuses));
    }
    scripts.push(nonce("select:18446744073709551616", Refuses));
    scripts
}

/// Conversations that everybody refuses, or nearly.
fn refused() -> Vec<Script> {
    use Theirs::{Accepts, Refuses, Unknown};
    let most = || say("select:18446744073709551615");
    vec![
        script(
            "the same role",
            vec![h(), s(), say("/noise"), most(), say("responder")],
            Err(Failure::SameRole(Role::Responder)),
            [Refuses, Refuses],
        ),
        script(
            "a second beginning",
            vec![h(), s(), say("/noise"), say("select:0"), say("responder"), s()],
            Err(unexpected(Message::Extension)),
            [Refuses, Accepts],
        ),
        script(
            "a dialer without the extension",
            vec![h(), say("/noise")],
            Err(Failure::PlainDialer),
            [Refuses, Unknown],
        ),
        script(
            "an older dialer",
            vec![h(), say("iamclient")],
            Err(unexpected(Message::parse(b"iamclient"))),
            [Refuses, Unknown],
        ),
        script(
            "a tie",
            vec![h(), s(), say("/noise"), say("select:9223372036854775808")],
            Err(Failure::Tie),
            [Refuses, Unknown],
        ),
        script(
            "another protocol than was proposed",
            vec![h(), na(), say("/tls")],
            Err(unexpected(Message::Protocol(protocol("/tls")))),
            [Refuses, Refuses],
        ),
        script("na, na, na", vec![h(), na(), na(), na()], Err(Failure::NothingInCommon), [Refuses, Unknown]),
    ]
}

/// What becomes of a conversation, handed in `chop` bytes at a time, with all that is said written at once.
fn outcome(says: &[Vec<u8>], chop: usize) -> Option<Result<Settled, Failure>> {
    let mut end = Negotiation::dial([protocol("/noise"), protocol("/tls")], OURS);
    for bytes in says.concat().chunks(chop) {
        end.received(bytes);
        end.written(end.pending().len());
    }
    end.outcome().cloned()
}

#[test]
fn each_conversation_has_its_verdict_however_it_is_chopped() {
    for Script { name, says, ours, go, rust } in lawful().into_iter().chain(unlawful()).chain(refused()) {
        let expected = ours.map(|(name, role)| Settled { role, protocol: protocol(name) });
        for chop in 1..=says.concat().len() {
            assert_eq!(outcome(&says, chop), Some(expected.clone()), "{name}, {chop} bytes at a time");
        }
        let ours = if expected.is_ok() { Theirs::Accepts } else { Theirs::Refuses };
        let others = [("Go", go), ("Rust", rust)];
        for (other, theirs) in others.into_iter().filter(|(_, theirs)| *theirs != Theirs::Unknown && *theirs != ours) {
            println!("{name}: we say {ours:?}, {other} {theirs:?}");
        }
    }
}

/// SIM-13: a peer that sends everything back has our number.
#[test]
fn a_reflector_is_a_tie() {
    let mut end = Negotiation::dial([protocol("/noise")], OURS);
    while end.outcome().is_none() {
        let said = end.pending().to_vec();
        end.written(said.len());
        end.received(&said);
    }
    assert_eq!(end.outcome(), Some(&Err(Failure::Tie)));
}

/// SIM-8, SIM-9: a listener answers each proposal once, and not for ever.
#[test]
fn a_listener_declines_so_many_proposals() {
    let mut end = Negotiation::accept([protocol("/noise")]).with_proposal_limit(3);
    end.written(end.pending().len());
    end.received(&[h(), s()].concat());
    for _ in 0..3 {
        assert_eq!(end.outcome(), None);
        end.received(&say("/x"));
    }
    assert_eq!(end.pending(), na().repeat(4));
    end.received(&say("/x"));
    assert_eq!(end.outcome(), Some(&Err(Failure::TooManyProposals(3))));
    assert_eq!(end.pending(), b"", "nothing more is said");
}

/// SIM-42: what others answer with `na` is answered with `na`, within the limit of proposals; the first offer of the
/// extension does not count.
#[test]
fn a_listener_declines_whatever_is_no_protocol_of_its_own() {
    let declined = [&b"ls"[..], b"noise", b"", b"/multistream/1.0.0", b"na", b"select:7", b"select:007", b"initiator"];
    for text in declined.into_iter().chain([&b"/libp2p/simultaneous-connect"[..], b"/unknown", b"\xff", b"iamclient"]) {
        let frame = [&[text.len() as u8 + 1], text, b"\n"].concat();
        let mut end = Negotiation::accept([protocol("/noise")]).with_proposal_limit(1);
        end.written(end.pending().len());
        end.received(&[h(), s(), frame.clone()].concat());
        assert_eq!((end.pending(), end.outcome()), (&na().repeat(2)[..], None), "{text:?}");
        let mut twice = end.clone();
        twice.received(&frame);
        assert_eq!(twice.outcome(), Some(&Err(Failure::TooManyProposals(1))), "{text:?}");
        end.received(&say("/noise"));
        end.written(end.pending().len());
        assert_eq!(end.outcome().map(Result::is_ok), Some(true), "{text:?}");
    }
}

/// A header and then the end is a peer that hung up. One that proposed in vain has nothing in common. (SIM-44)
#[test]
fn a_peer_that_leaves_has_a_reason_or_none() {
    let left = |said: Vec<u8>| {
        let mut end = Negotiation::accept([protocol("/noise")]);
        end.received(&said);
        end.hung_up();
        end.outcome().cloned()
    };
    assert_eq!(left(Vec::new()), Some(Err(Failure::HungUp)));
    assert_eq!(left(h()), Some(Err(Failure::HungUp)));
    assert_eq!(left([h(), s()].concat()), Some(Err(Failure::HungUp)), "the extension is no proposal");
    assert_eq!(left([h(), say("/x")].concat()), Some(Err(Failure::NothingInCommon)));
    assert_eq!(left([h(), vec![7, b'/']].concat()), Some(Err(Failure::HungUp)), "in the middle of a proposal");
}

/// SIM-6, SIM-21: a tie is reported when this end's number is written, or cannot be.
#[test]
fn a_tie_is_reported_when_the_number_is_written() {
    let tied = || {
        let mut end = Negotiation::dial([protocol("/noise")], OURS);
        end.received(&[h(), s(), say("/noise"), say("select:9223372036854775808")].concat());
        assert_eq!((end.outcome(), end.wants_input()), (None, false));
        assert!(end.pending().ends_with(&say("select:9223372036854775808")));
        end
    };
    let mut end = tied();
    end.written(end.pending().len() - 1);
    assert_eq!(end.outcome(), None);
    end.written(1);
    assert_eq!(end.outcome(), Some(&Err(Failure::Tie)));
    let mut end = tied();
    end.write_failed();
    assert_eq!(end.outcome(), Some(&Err(Failure::Tie)));
    let mut end = tied();
    end.deadline_passed();
    assert_eq!(end.outcome(), Some(&Err(Failure::Deadline)));
}

/// SIM-45: what was heard settles, although nothing more is taken; so does what is heard afterwards.
#[test]
fn a_peer_that_says_all_and_leaves_is_heard() {
    let agreed = Some(Ok(Settled { role: Role::Responder, protocol: protocol("/noise") }));
    let says = [h(), say("/noise"), b"payload".to_vec()].concat();
    for before in [true, false] {
        let mut end = Negotiation::accept([protocol("/noise")]);
        let taken = if before {
            end.write_failed();
            end.received(&says)
        } else {
            let taken = end.received(&says);
            end.write_failed();
            taken
        };
        assert_eq!((end.outcome().cloned(), &says[taken..]), (agreed.clone(), &b"payload"[..]));
        assert_eq!(end.pending(), b"");
    }
    let mut end = Negotiation::accept([protocol("/noise")]);
    end.write_failed();
    end.received(&[h(), say("/x")].concat());
    assert_eq!((end.pending(), end.outcome()), (&b""[..], None));
    end.hung_up();
    assert_eq!(end.outcome(), Some(&Err(Failure::NothingInCommon)));
}

#[test]
fn nothing_is_dialed_without_protocols() {
    assert_eq!(Negotiation::dial([], OURS).outcome(), Some(&Err(Failure::NothingInCommon)));
}
