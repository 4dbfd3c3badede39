//! The cases: an edge of the model's graph each, and those that were found to matter.

use std::collections::BTreeSet;

use handfast_spec::framed::Forgery;

use super::message::TORN;
use super::{Answer, Case, Message, Outline, Step};
use crate::dice::Dice;
use crate::remote::wire::Manner;

/// What a tester can show where an end is between two frames, within one, or behind the marker; and the rules that concern it.
/// Behind a violation or an end no more is looked at.
const SHOWN: [(&str, Message, &[&str]); 11] = [
    ("between", Message::Frame(16), &["FRM-4", "FRM-14"]),
    ("between", Message::Frame(0), &["FRM-4", "FRM-14"]),
    ("between", Message::Marker, &["FRM-1", "FRM-15"]),
    ("between", Message::Forged(Forgery::Reserved), &["FRM-8", "FRM-13"]),
    ("between", Message::Forged(Forgery::TooLong), &["FRM-9", "FRM-13"]),
    ("between", Message::Forged(Forgery::LoadedMarker), &["FRM-8", "FRM-13"]),
    ("between", Message::Torn(8), &["FRM-4"]),
    ("within", Message::Rest(8), &["FRM-4", "FRM-14"]),
    ("behind-marker", Message::Frame(16), &["FRM-2"]),
    ("behind-marker", Message::Marker, &["FRM-2"]),
    ("behind-marker", Message::Forged(Forgery::Reserved), &["FRM-2"]),
];

/// Where the tester may end its direction.
const ENDS: [(&str, &[&str]); 3] =
    [("between", &["FRM-3", "FRM-13"]), ("within", &["FRM-3", "FRM-13"]), ("behind-marker", &["FRM-1", "FRM-15"])];

/// Everything that a tester can show, by name. A source has its own end, and is not asked for what comes behind it.
pub(super) fn edges(_: Answer) -> BTreeSet<String> {
    let shown = SHOWN.iter().map(|(place, message, _)| edge(place, message.word()));
    shown.chain(ENDS.iter().map(|(place, _)| edge(place, "end"))).collect()
}

fn edge(place: &str, word: &str) -> String {
    format!("{place}/{word}")
}

/// All cases.
pub(super) fn all(answer: Answer, seed: u64) -> Vec<Case> {
    let mut found = chosen(answer);
    let mut dice = Dice::new(seed);
    for (place, message, rules) in SHOWN {
        let steps = [way(place), vec![Step::Send(vec![message])], completion(place, message)].concat();
        found.push(of_edge(answer, edge(place, message.word()), rules, Manner::draw(&mut dice, 512), steps));
    }
    for (place, rules) in ENDS {
        let steps = [way(place), vec![Step::Finish]].concat();
        found.push(of_edge(answer, edge(place, "end"), rules, Manner::draw(&mut dice, 512), steps));
    }
    found
}

fn way(place: &str) -> Vec<Step> {
    match place {
        "within" => vec![Step::Send(vec![Message::Torn(8)])],
        "behind-marker" => vec![Step::Send(vec![Message::Frame(5), Message::Marker])],
        _ => Vec::new(),
    }
}

/// How a case goes on to the end of the tester's direction.
fn completion(place: &str, message: Message) -> Vec<Step> {
    match (place, message) {
        (_, Message::Forged(_)) => Vec::new(),
        (_, Message::Torn(length)) => vec![Step::Send(vec![Message::Rest(length), Message::Marker]), Step::Finish],
        ("behind-marker", _) | (_, Message::Marker) => vec![Step::Finish],
        (_, Message::Frame(_) | Message::Rest(_)) => vec![Step::Send(vec![Message::Marker]), Step::Finish],
    }
}

fn of_edge(answer: Answer, name: String, rules: &[&str], manner: Manner, steps: Vec<Step>) -> Case {
    let mut case = case(answer, &name, rules, manner, steps);
    case.outline.edge = Some(name);
    case
}

fn case(answer: Answer, name: &str, rules: &[&str], manner: Manner, steps: Vec<Step>) -> Case {
    let rules = rules.iter().map(|rule| (*rule).to_owned()).collect();
    Case { outline: Outline { name: name.to_owned(), rules, manner, edge: None }, answer, steps }
}

const WHOLE: Manner = Manner::WHOLE;
const BYTES: Manner = Manner::BYTES;
const NARROW: Manner = Manner { capacity: Some(256), ..WHOLE };

/// Lengths at which an implementation may go wrong: one byte, those of a header, those of buffers.
const LENGTHS: [usize; 9] = [1, 2, 7, 8, 9, 1023, 4096, 65_535, 65_537];

fn chosen(answer: Answer) -> Vec<Case> {
    let close = |mut messages: Vec<Message>| {
        messages.push(Message::Marker);
        vec![Step::Send(messages), Step::Finish]
    };
    let some = || close(vec![Message::Frame(3), Message::Frame(0), Message::Frame(700), Message::Frame(1)]);
    let mut found = vec![
        case(answer, "frames-and-marker", &["FRM-1", "FRM-4"], WHOLE, some()),
        case(answer, "frames-and-marker-in-bytes", &["FRM-1", "FRM-4"], BYTES, close(vec![Message::Frame(3)])),
        case(answer, "frames-and-marker-narrow", &["FRM-1", "FRM-15"], NARROW, some()),
        case(answer, "marker-at-once", &["FRM-1", "FRM-15"], WHOLE, close(Vec::new())),
        case(answer, "ends-within-header", &["FRM-3", "FRM-13"], WHOLE, {
            vec![Step::Send(vec![Message::Torn(4)]), Step::Finish]
        }),
        case(answer, "ends-within-payload", &["FRM-3", "FRM-13"], WHOLE, {
            vec![Step::Send(vec![Message::Torn(8 + TORN / 2)]), Step::Finish]
        }),
        case(answer, "frame-and-end-at-once", &["FRM-3", "FRM-4"], WHOLE, {
            vec![Step::Send(vec![Message::Frame(9)]), Step::Finish]
        }),
        case(answer, "reset-within-frame", &["FRM-13"], WHOLE, vec![Step::Send(vec![Message::Torn(8)]), Step::Reset]),
    ];
    for length in LENGTHS {
        let steps = vec![Step::Send(vec![Message::Frame(length)]), Step::Send(vec![Message::Marker]), Step::Finish];
        found.push(case(answer, &format!("length-{length}"), &["FRM-4", "FRM-14"], WHOLE, steps));
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
        if let Step::Send(messages) = &mut steps[index]
            && messages.len() > 1
        {
            messages.pop();
            found.push(with(steps.clone()));
            steps.clone_from(&case.steps);
            if let Step::Send(messages) = &mut steps[index] {
                messages.remove(0);
            }
        } else {
            steps.remove(index);
        }
        found.push(with(steps));
    }
    found
}
