//! The cases: those of the graph, and those that were found to matter on real implementations.

use handfast_spec::simopen::Role as WireRole;

use super::graph::{Edge, Graph, Move, UNSUPPORTED, Way};
use super::message::{BAD_NUMBERS, Malformed, Message, Number};
use super::{Case, Outline, Role, Simopen, Step, edge_name};
use crate::dice::Dice;
use crate::remote::wire::Manner;

/// The rules that concern what becomes of an edge.
pub(super) fn concerns((place, word): Edge) -> &'static [&'static str] {
    let is_proposal = matches!(word, "first" | "other");
    match (place, word) {
        (_, "malformed" | "torn") => &["SIM-11", "SIM-18"],
        ("settled", _) => &["SIM-14", "SIM-28", "SIM-46"],
        ("serving-declined", "end") => &["SIM-22", "SIM-26"],
        (_, "end") => &["SIM-26", "SIM-44"],
        ("opening", "na") => &["SIM-19", "SIM-29"],
        ("opening", "extension") => &["SIM-20", "SIM-25"],
        ("opening", "unsupported") => &["SIM-7"],
        ("opening", _) if is_proposal => &["SIM-7"],
        ("selecting" | "selecting-skipped", "less" | "greater") => &["SIM-5", "SIM-25"],
        ("selecting" | "selecting-skipped", "equal") => &["SIM-6", "SIM-21"],
        ("selecting" | "selecting-skipped", "bad-number") => &["SIM-18"],
        ("selecting", "unsupported") => &["SIM-25"],
        ("selecting", _) if is_proposal => &["SIM-25"],
        ("selecting-skipped", _) => &["SIM-8", "SIM-11"],
        ("winner" | "loser", "initiator" | "responder") => &["SIM-2", "SIM-25"],
        ("proposed-first" | "proposed-other", "na") => &["SIM-4", "SIM-22"],
        ("proposed-first" | "proposed-other", _) if is_proposal => &["SIM-4", "SIM-11", "SIM-29"],
        ("serving-fresh", "extension") => &["SIM-19", "SIM-29"],
        ("serving-fresh" | "serving" | "serving-declined", _) if is_proposal => &["SIM-3", "SIM-4", "SIM-12", "SIM-29"],
        ("serving-fresh" | "serving" | "serving-declined", _) => &["SIM-9", "SIM-42"],
        // Wherever else an end is, it settles on proofs alone.
        (_, _) => &["SIM-11"],
    }
}

/// All cases for an implementation with this part, those that were found to matter first.
pub(super) fn all(simopen: &Simopen, seed: u64) -> Vec<Case> {
    let mut found = chosen(simopen);
    let mut dice = Dice::new(seed);
    for kind in simopen.role.kinds() {
        for way in Graph::of(*kind, &simopen.protocols).ways() {
            let case = of_way(simopen, &way, Manner::draw(&mut dice, 64));
            // The graphs of a dialer that is lazy and of one that is not have the same edges.
            if !found.iter().any(|other| other.outline.name == case.outline.name) {
                found.push(case);
            }
        }
    }
    found
}

fn of_way(simopen: &Simopen, way: &Way, manner: Manner) -> Case {
    let steps = way.moves.iter().map(|next| match next {
        Move::Say(message) => Step::Say(vec![message.clone()]),
        Move::Finish => Step::Finish,
    });
    let payload = [Step::Say(vec![Message::Payload(PAYLOAD)]), Step::Finish];
    let steps = steps.chain(payload.into_iter().filter(|_| way.settles)).collect();
    let name = edge_name(way.edge);
    let outline = Outline { edge: Some(name.clone()), ..outline(&name, concerns(way.edge), manner) };
    Case { outline, role: simopen.role, protocols: simopen.protocols.clone(), steps }
}

/// The bytes of the layer above that are sent in most cases.
const PAYLOAD: usize = 26;

/// More than any buffer of a negotiation holds.
const LONG_PAYLOAD: usize = 40_000;

/// More proposals than any end should decline.
const FLOOD: usize = 300;

fn outline(name: &str, rules: &[&str], manner: Manner) -> Outline {
    let rules = rules.iter().map(|rule| (*rule).to_owned()).collect();
    Outline { name: name.to_owned(), rules, manner, edge: None }
}

/// Cases that were found to matter.
fn chosen(simopen: &Simopen) -> Vec<Case> {
    let specific = match simopen.role {
        Role::Dialer => as_listener(simopen, &[]),
        Role::Listener => as_dialer(),
        Role::Simultaneous => [as_listener(simopen, &[Message::Na]), as_simultaneous()].concat(),
    };
    let common = Malformed::ALL.into_iter().map(|how| {
        let steps = [vec![Message::Header], vec![Message::Malformed(how)]].map(Step::Say).to_vec();
        (format!("malformed-{}", word(&how)), vec!["SIM-11", "SIM-18"], Manner::default(), steps)
    });
    let reset = vec![Step::Say(vec![Message::Header]), Step::Reset];
    let silent = vec![Step::Finish];
    let drips = vec![Step::Say(vec![Message::Header]), Step::Outlast { drips: true }];
    let common = common.chain([
        ("reset-after-header".to_owned(), vec!["SIM-26"], Manner::default(), reset),
        ("says-nothing".to_owned(), vec!["SIM-26", "SIM-44"], Manner::default(), silent),
        ("deadline-silent".to_owned(), vec!["SIM-27"], Manner::default(), vec![Step::Outlast { drips: false }]),
        ("deadline-dripping".to_owned(), vec!["SIM-43"], Manner::default(), drips),
    ]);
    let made = specific.into_iter().chain(common).map(|(name, rules, manner, steps)| Case {
        outline: outline(&name, &rules, manner),
        role: simopen.role,
        protocols: simopen.protocols.clone(),
        steps,
    });
    made.collect()
}

/// A value as it stands in a file.
fn word(of: &impl serde::Serialize) -> String {
    serde_json::to_value(of).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

/// Name, rules, wire and steps of a case.
type Made = (String, Vec<&'static str>, Manner, Vec<Step>);

fn made(name: &str, rules: &[&'static str], manner: Manner, steps: Vec<Step>) -> Made {
    (name.to_owned(), rules.to_vec(), manner, steps)
}

const WHOLE: Manner = Manner::WHOLE;
const BYTES: Manner = Manner::BYTES;
const NARROW: Manner = Manner { capacity: Some(1), ..WHOLE };
/// It holds less than a message, and the tester writes all before it reads.
const DEAF: Manner = Manner { capacity: Some(3), writes_first: true, ..WHOLE };

/// The implementation listens: the tester dials, as a plain or lazy dialer or with the extension.
fn as_dialer() -> Vec<Made> {
    let payload = || Message::Payload(PAYLOAD);
    let lazy = || vec![Message::Header, Message::Supported(0), payload()];
    let asks = || vec![Message::Header, Message::Simopen, Message::Supported(0)];
    let rules = &["SIM-28", "SIM-29", "SIM-46"];
    let mut found = vec![
        made("lazy-payload", rules, WHOLE, vec![Step::Say(lazy()), Step::Finish]),
        made("lazy-payload-in-bytes", rules, BYTES, vec![Step::Say(lazy()), Step::Finish]),
        made("lazy-payload-narrow", &["SIM-24", "SIM-46"], NARROW, vec![Step::Say(lazy()), Step::Finish]),
        made("asks-and-proposes", &["SIM-19", "SIM-29"], WHOLE, [vec![Step::Say(asks())], ending()].concat()),
        made("asks-deaf", &["SIM-24", "SIM-29"], DEAF, [vec![Step::Say(asks())], ending()].concat()),
        made("long-payload", &["SIM-28"], WHOLE, vec![Step::Say([asks(), long()].concat()), Step::Finish]),
        made("longest-name", &["SIM-42"], WHOLE, proposals(&[&longest()])),
        made("flood", &["SIM-8", "SIM-9"], WHOLE, vec![Step::Say(vec![Message::Header]), Step::Flood(FLOOD)]),
        made("gives-up", &["SIM-22"], WHOLE, {
            [proposals(&[UNSUPPORTED]).into_iter().take(2).collect(), vec![Step::Finish]].concat()
        }),
        made(
            "torn-proposal",
            &["SIM-26"],
            WHOLE,
            vec![Step::Say(vec![Message::Header, Message::Torn("/noi".to_owned())]), Step::Finish],
        ),
    ];
    for text in ["ls", "", "iamclient", "select"] {
        let steps = vec![Step::Say(vec![Message::Header]), Step::Say(vec![Message::Word(text.to_owned())])];
        let steps = [steps, vec![Step::Say(vec![Message::Supported(0)])], ending()].concat();
        found.push(made(&format!("word-{text:?}"), &["SIM-42"], WHOLE, steps));
    }
    found
}

fn ending() -> Vec<Step> {
    vec![Step::Say(vec![Message::Payload(PAYLOAD)]), Step::Finish]
}

fn long() -> Vec<Message> {
    vec![Message::Payload(LONG_PAYLOAD)]
}

/// The longest name that fits a message.
pub(super) fn longest() -> String {
    format!("/{}", "x".repeat(1022))
}

/// Proposes these, and then what the implementation supports.
fn proposals(names: &[&str]) -> Vec<Step> {
    let declined = names.iter().map(|name| Step::Say(vec![Message::Unsupported((*name).to_owned())]));
    let first = [Step::Say(vec![Message::Header])].into_iter();
    let accepted = [Step::Say(vec![Message::Supported(0)])];
    first.chain(declined).chain(accepted).chain(ending()).collect()
}

/// The implementation dialed: the tester listens. `answer` is what it says to the extension.
fn as_listener(simopen: &Simopen, answer: &[Message]) -> Vec<Made> {
    let answers = |rest: &[Message]| [&[Message::Header], answer, rest].concat();
    let accepts = |length| answers(&[Message::Supported(0), Message::Payload(length)]);
    let rules = &["SIM-28", "SIM-29"];
    let declines = vec![Message::Na; simopen.protocols.len()];
    let last = simopen.protocols.len() - 1;
    let declines_all_but_one = [vec![Message::Na; last], vec![Message::Supported(last)]].concat();
    vec![
        made("accepted-with-payload", rules, WHOLE, vec![Step::Say(accepts(PAYLOAD)), Step::Finish]),
        made("accepted-in-bytes", rules, BYTES, vec![Step::Say(accepts(PAYLOAD)), Step::Finish]),
        made("accepted-narrow", &["SIM-24", "SIM-29"], NARROW, vec![Step::Say(accepts(PAYLOAD)), Step::Finish]),
        made("accepted-deaf", &["SIM-24", "SIM-29"], DEAF, {
            [vec![Step::Say(answers(&[Message::Supported(0)]))], ending()].concat()
        }),
        made(
            "long-payload-behind-acceptance",
            &["SIM-28"],
            WHOLE,
            vec![Step::Say(accepts(LONG_PAYLOAD)), Step::Finish],
        ),
        made("declines-all", &["SIM-22"], WHOLE, vec![Step::Say(answers(&declines))]),
        made("declines-all-but-last", &["SIM-4", "SIM-29"], WHOLE, {
            [vec![Step::Say(answers(&declines_all_but_one))], ending()].concat()
        }),
        made(
            "accepts-another",
            &["SIM-11"],
            WHOLE,
            vec![Step::Say(answers(&[Message::Unsupported(UNSUPPORTED.to_owned())]))],
        ),
    ]
}

/// Both dialed, with the extension.
fn as_simultaneous() -> Vec<Made> {
    let asks = || vec![Message::Header, Message::Simopen, Message::Supported(0)];
    let wins = |payload: &[Message]| {
        let first = vec![Message::Role(WireRole::Initiator), Message::Supported(0)];
        [vec![Message::Select(Number::Greater)], first, payload.to_vec()].concat()
    };
    let loses = |payload: &[Message]| {
        let first = vec![Message::Select(Number::Less), Message::Role(WireRole::Responder), Message::Supported(0)];
        [first, payload.to_vec()].concat()
    };
    let after = |steps: &[Message]| vec![Step::Say(asks()), Step::Say(steps.to_vec())];
    let payload = [Message::Payload(PAYLOAD)];
    let finish = |steps: Vec<Step>| [steps, vec![Step::Finish]].concat();
    let mut found = vec![
        made("tester-wins", &["SIM-5", "SIM-20", "SIM-25"], WHOLE, finish(after(&wins(&payload)))),
        made("tester-wins-in-bytes", &["SIM-5", "SIM-25", "SIM-28"], BYTES, finish(after(&wins(&payload)))),
        made("tester-wins-narrow", &["SIM-24", "SIM-25"], NARROW, [after(&wins(&[])), ending()].concat()),
        made("tester-wins-deaf", &["SIM-24", "SIM-25"], DEAF, [after(&wins(&[])), ending()].concat()),
        made("tester-loses", &["SIM-5", "SIM-20", "SIM-25"], WHOLE, finish(after(&loses(&payload)))),
        made("tester-loses-in-bytes", &["SIM-5", "SIM-25", "SIM-28"], BYTES, finish(after(&loses(&payload)))),
        made("tester-loses-deaf", &["SIM-24", "SIM-25"], DEAF, [after(&loses(&[])), ending()].concat()),
        made("reflection", &["SIM-6", "SIM-13", "SIM-21"], WHOLE, after(&[Message::Select(Number::Equal)])),
        made("plain-dialer", &["SIM-7"], WHOLE, vec![Step::Say(vec![Message::Header, Message::Supported(0)])]),
        made("lazy-plain-dialer", &["SIM-7", "SIM-14"], WHOLE, {
            vec![Step::Say(vec![Message::Header, Message::Supported(0), Message::Torn("payload".to_owned())])]
        }),
        made("takes-no-number", &["SIM-8"], WHOLE, after(&vec![Message::Supported(0); 3])),
        made("least-number", &["SIM-5"], WHOLE, after(&[Message::Select(Number::Least)])),
        made("greatest-number", &["SIM-5"], WHOLE, after(&[Message::Select(Number::Greatest)])),
    ];
    for text in BAD_NUMBERS {
        let steps = after(&[Message::BadSelect(text.to_owned())]);
        found.push(made(&format!("number-{text:?}"), &["SIM-18"], WHOLE, steps));
    }
    found
}

/// Cases that are simpler than one: on a plain wire, without a step, without a message.
pub(super) fn simpler(case: &Case) -> Vec<Case> {
    let with = |steps: Vec<Step>| Case { steps, ..case.clone() };
    let mut found = Vec::new();
    if case.outline.manner != WHOLE {
        let mut plain = case.clone();
        plain.outline.manner = WHOLE;
        found.push(plain);
    }
    for index in 0..case.steps.len() {
        let mut steps = case.steps.clone();
        match &mut steps[index] {
            Step::Say(messages) if messages.len() > 1 => {
                let last = messages.len() - 1;
                let (mut front, mut back) = (steps.clone(), steps.clone());
                if let (Step::Say(front), Step::Say(back)) = (&mut front[index], &mut back[index]) {
                    front.truncate(last);
                    back.remove(0);
                }
                found.extend([with(front), with(back)]);
            }
            Step::Flood(count) if *count > 16 => {
                *count /= 2;
                found.push(with(steps));
            }
            Step::Say(_) | Step::Flood(_) | Step::Outlast { .. } | Step::Finish | Step::Reset => {
                steps.remove(index);
                found.push(with(steps));
            }
        }
    }
    found
}
