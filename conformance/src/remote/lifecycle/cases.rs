//! The cases: how a handshake may go, what is no message, and what sessions leave behind.

use super::message::Message;
use super::run::CURRENT;
use super::{Case, Exit, Lifecycle, SLOTS, Step};
use crate::dice::Dice;
use crate::remote::suite::Outline;
use crate::remote::wire::Manner;

/// More sessions than a node has slots: what a session leaves behind is noticed.
const MORE: usize = 8;

/// Name, rules, steps.
type Made = (&'static str, &'static [&'static str], Vec<Step>);

/// All cases. The seed decides in what pieces the tester sends.
pub(super) fn all(lifecycle: &Lifecycle, seed: u64) -> Vec<Case> {
    let mut dice = Dice::new(seed);
    let made = [handshakes(), violations(), several(lifecycle)].concat();
    let cases = made.into_iter().map(|(name, rules, steps)| {
        let piece = (dice.roll(3) == 0).then(|| usize::from(dice.roll(40_u8)) + 1);
        let rules = rules.iter().map(|rule| (*rule).to_owned()).collect();
        let manner = Manner { piece, ..Manner::default() };
        let outline = Outline { name: name.to_owned(), rules, manner, edge: None };
        Case { outline, network: lifecycle.network, steps }
    });
    cases.collect()
}

fn send(messages: &[Message]) -> Step {
    Step::Send(messages.to_vec())
}

fn corrupt(message: Message) -> Message {
    Message::Corrupt(Box::new(message))
}

const VERSION: Message = Message::Version(CURRENT);
const VERACK: Message = Message::Verack;

fn shakes_hands() -> Vec<Step> {
    vec![send(&[VERSION]), send(&[VERACK]), Step::Up]
}

/// Another peer comes, and is up: the node is there, whatever happened.
fn another() -> Vec<Step> {
    [vec![Step::Connect { same_peer: false }], shakes_hands()].concat()
}

fn handshakes() -> Vec<Made> {
    let once_more = |message| [shakes_hands(), vec![send(&[message]), Step::UpOrClosed], another()].concat();
    let tolerated =
        |first: &[Message], last: &[Message]| [vec![send(first), send(last), Step::UpOrClosed], another()].concat();
    vec![
        ("handshake", &["PEER-5", "PEER-29"], shakes_hands()),
        ("handshake-in-one-write", &["PEER-29"], vec![send(&[VERSION, VERACK]), Step::Up]),
        ("version-60001", &["PEER-29"], vec![send(&[Message::Version(60001), VERACK]), Step::Up]),
        ("ping-before-version", &["PEER-5", "PEER-6"], tolerated(&[Message::Ping], &[VERSION, VERACK])),
        ("verack-before-version", &["PEER-5"], tolerated(&[VERACK], &[VERSION, VERACK])),
        ("unknown-before-version", &["PEER-5"], tolerated(&[Message::Unknown], &[VERSION, VERACK])),
        ("ping-before-verack", &["PEER-6"], tolerated(&[VERSION, Message::Ping], &[VERACK])),
        ("unknown-before-verack", &["PEER-29"], tolerated(&[VERSION, Message::Unknown], &[VERACK])),
        ("second-version", &["PEER-17"], once_more(VERSION)),
        ("second-verack", &["PEER-17"], once_more(VERACK)),
        ("obsolete-version-209", &["PEER-11", "PEER-30"], {
            [vec![send(&[Message::Version(209), VERACK]), Step::Closed], another()].concat()
        }),
        ("obsolete-version-31799", &["PEER-11", "PEER-30"], {
            [vec![send(&[Message::Version(31799), VERACK]), Step::Closed], another()].concat()
        }),
        ("deadline-silent", &["PEER-29"], vec![Step::Outlast { drips: false }]),
        ("deadline-dripping", &["PEER-29"], vec![Step::Outlast { drips: true }]),
        ("deadline-without-verack", &["PEER-29"], vec![send(&[VERSION]), Step::Outlast { drips: false }]),
    ]
}

fn violations() -> Vec<Made> {
    let closes =
        |before: Vec<Step>, message: Message| [before, vec![send(&[message]), Step::Closed], another()].concat();
    let torn = Message::Torn(Box::new(VERSION));
    vec![
        ("wrong-magic", &["PEER-30"], closes(Vec::new(), Message::OtherNetwork)),
        ("wrong-magic-when-up", &["PEER-30"], closes(shakes_hands(), Message::OtherNetwork)),
        ("oversized", &["PEER-30"], closes(Vec::new(), Message::Oversized)),
        ("oversized-when-up", &["PEER-30"], closes(shakes_hands(), Message::Oversized)),
        ("wrong-checksum-of-version", &["PEER-5"], {
            [vec![send(&[corrupt(VERSION)]), Step::Quiet, send(&[VERSION, VERACK]), Step::UpOrClosed], another()]
                .concat()
        }),
        ("wrong-checksum-of-ping", &["PEER-6"], {
            [shakes_hands(), vec![send(&[corrupt(Message::Ping)]), Step::UpOrClosed], another()].concat()
        }),
        ("ends-at-once", &["PEER-30"], [vec![Step::Leave], another()].concat()),
        ("ends-within-version", &["PEER-30"], [vec![send(&[torn]), Step::Leave], another()].concat()),
        ("ends-before-verack", &["PEER-30"], [vec![send(&[VERSION]), Step::Leave], another()].concat()),
        ("ends-when-up", &["PEER-30"], [shakes_hands(), vec![Step::Leave], another()].concat()),
    ]
}

fn several(lifecycle: &Lifecycle) -> Vec<Made> {
    let rounds = lifecycle.slots.unwrap_or(SLOTS) + MORE;
    let returns = |exit| [vec![Step::Leave, Step::Rounds(rounds, exit)], another()].concat();
    let mut found: Vec<Made> = vec![
        ("returns-when-up", &["PEER-9", "PEER-16"], returns(Exit::Up)),
        ("returns-before-verack", &["PEER-9", "PEER-16"], returns(Exit::BeforeVerack)),
        ("returns-after-reset", &["PEER-9", "PEER-16"], returns(Exit::Reset)),
        ("returns-after-violation", &["PEER-9", "PEER-16"], returns(Exit::Violation)),
        ("same-peer-twice", &["PEER-44"], {
            [shakes_hands(), vec![Step::Connect { same_peer: true }, send(&[VERSION, VERACK]), Step::AnyUp]].concat()
        }),
        ("one-of-two-ends", &["PEER-14"], {
            let ends = [Step::Session(0), Step::Up, Step::Leave, Step::Session(1), Step::Up].to_vec();
            [shakes_hands(), another(), ends].concat()
        }),
        ("itself", &["PEER-43"], vec![Step::BeItself]),
    ];
    if let Some(slots) = lifecycle.slots {
        found.push(("slots", &["PEER-9", "PEER-10"], [shakes_hands(), vec![Step::Fill(slots)]].concat()));
    }
    found
}

/// Cases that are simpler than one: in whole messages, without the last step.
pub(super) fn simpler(case: &Case) -> Vec<Case> {
    let mut found = Vec::new();
    if case.outline.manner != Manner::default() {
        let mut plain = case.clone();
        plain.outline.manner = Manner::default();
        found.push(plain);
    }
    if case.steps.len() > 1 {
        let mut shorter = case.clone();
        shorter.steps.pop();
        found.push(shorter);
    }
    found
}
