//! What the drivers of simultaneous open record is a behaviour of the model, and what was tampered with is not.

use std::collections::BTreeMap;
use std::time::Duration;

use conformance::dice::Dice;
use conformance::log::Log;
use handfast::simopen::core::Message;
use handfast::simopen::{Error, Negotiated, Options, Recorder};
use model::checker::explain::{Explanation, explain};
use model::simopen::Connection;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::time::timeout;

/// What an end is called with.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Call {
    Negotiate,
    Accept,
    Propose,
}

const CALLS: [Call; 3] = [Call::Negotiate, Call::Accept, Call::Propose];

fn options(nonce: u64) -> Options {
    Options::default().with_nonce(Some(nonce)).with_timeout(Duration::from_secs(5)).with_proposals(3)
}

async fn recorded(
    call: Call,
    io: DuplexStream,
    protocols: &[&str],
    options: Options,
    log: &Log,
) -> Result<Negotiated<DuplexStream>, Error> {
    let mut recorder = Recorder::new(log.clone());
    let came = match call {
        Call::Negotiate => recorder.negotiate(io, protocols, options).await,
        Call::Accept => recorder.accept(io, protocols, options).await,
        Call::Propose => recorder.propose(io, protocols, options).await,
    };
    recorder.finish().expect("the model has words for it");
    came
}

fn explained(log: &[u8]) -> Explanation {
    explain::<Connection>(&mut &*log).expect("what is recorded can be read")
}

/// A log that the model explains, with no rule broken.
fn fine(log: &Log, what: &str) -> String {
    let log = log.take();
    let Explanation { runs, steps, rejection, violated, .. } = explained(&log);
    let text = String::from_utf8(log).expect("a log is text");
    assert_eq!((runs, rejection, violated), (1, None, vec![]), "{what}: {text}");
    assert_eq!(steps + 1, text.lines().count(), "{what}");
    text
}

/// Two ends that keep to the protocol, on a connection that holds so much. What each recorded.
async fn pair(calls: [Call; 2], holds: usize, lists: [&[&str]; 2], numbers: [u64; 2]) -> [String; 2] {
    let logs = [Log::default(), Log::default()];
    let (left, right) = duplex(holds);
    let ends = tokio::join!(
        recorded(calls[0], left, lists[0], options(numbers[0]), &logs[0]),
        recorded(calls[1], right, lists[1], options(numbers[1]), &logs[1])
    );
    let what = format!("{calls:?} on {holds} bytes, {lists:?}, {numbers:?}");
    let texts = logs.map(|log| fine(&log, &what));
    for (text, settled) in texts.iter().zip([ends.0.is_ok(), ends.1.is_ok()]) {
        assert_eq!(text.contains("settled"), settled, "{what}: {text}");
    }
    texts
}

const LISTS: [[&[&str]; 2]; 4] =
    [[&["/a"], &["/a"]], [&["/a", "/b"], &["/b", "/a"]], [&["/a", "/b"], &["/c", "/b"]], [&["/a"], &["/b"]]];

#[tokio::test(start_paused = true)]
async fn two_ends_that_keep_to_the_protocol_are_behaviours_of_the_model() {
    let mut logs = 0;
    for calls in CALLS.into_iter().flat_map(|left| CALLS.map(|right| [left, right])) {
        for holds in [1, 2, 7, 8, 20, 57, 58, 1024] {
            for lists in LISTS {
                for numbers in [[1, 2], [u64::MAX, 0], [5, 5]] {
                    logs += pair(calls, holds, lists, numbers).await.len();
                }
            }
        }
    }
    println!("{logs} logs");
}

/// Most of what can be said, and much that cannot.
fn says(dice: &mut Dice) -> Vec<u8> {
    let texts = [
        "na",
        "/a",
        "/b",
        "/unknown",
        "initiator",
        "responder",
        "select:4",
        "select:5",
        "select:6",
        "select:007",
        "select:",
        "iamclient",
        "no word",
        "/multistream/1.0.0",
        "/libp2p/simultaneous-connect",
    ];
    match dice.roll(texts.len() + 5) {
        0 => vec![2, b'n', b'o'],
        1 => vec![0x80, 0],
        2 => vec![0xff, 0xff, 0xff],
        3 => vec![0],
        4 => vec![9, b'/'],
        roll => {
            let text = texts[roll - 5];
            [&[u8::try_from(text.len()).expect("they are short") + 1], text.as_bytes(), b"\n"].concat()
        }
    }
}

/// A course that leads somewhere, so that not every hostile peer is turned away at once.
fn course(dice: &mut Dice) -> Vec<u8> {
    let bytes = |messages: &[Message]| {
        let mut bytes = Vec::new();
        messages.iter().for_each(|message| message.encode(&mut bytes));
        bytes
    };
    let (header, extension) = (bytes(&[Message::Header]), bytes(&[Message::Extension]));
    let proposal = b"\x03/a\n".to_vec();
    match dice.roll(10) {
        0 => Vec::new(),
        1 => header,
        2 => [header, b"\x03na\n".to_vec()].concat(),
        3 => [header, extension, proposal].concat(),
        4 => [header, extension, proposal, b"\x09select:6\n\x0ainitiator\n".to_vec()].concat(),
        5 => [header, extension, proposal, b"\x09select:5\n".to_vec()].concat(),
        6 => [header, b"\x09/unknown\n".repeat(1 + dice.roll(4))].concat(),
        7 => [header, extension, proposal, b"\x09select:4\n\x0aresponder\n".to_vec()].concat(),
        // The role that is not the peer's.
        8 => [header, extension, proposal, b"\x09select:6\n\x0aresponder\n".to_vec()].concat(),
        _ => [header, extension, proposal, b"\x09select:4\n\x0ainitiator\n".to_vec()].concat(),
    }
}

/// A peer that says this in pieces, and then leaves, or stays and says nothing.
async fn hostile(mut io: DuplexStream, says: &[u8], piece: usize, leaves: bool) {
    for piece in says.chunks(piece) {
        if io.write_all(piece).await.is_err() {
            return;
        }
    }
    if leaves {
        return;
    }
    let mut heard = Vec::new();
    drop(io.read_to_end(&mut heard).await);
}

const MEETINGS: u64 = 4_000;

/// What an end recorded that met a hostile peer, and what it came to; none if there are no words for what happened.
async fn meet_hostile(seed: u64) -> Option<String> {
    let mut dice = Dice::new(seed);
    let call = CALLS[dice.roll(3)];
    let mut bytes = course(&mut dice);
    (0..dice.roll(8)).for_each(|_| bytes.extend(says(&mut dice)));
    if dice.roll(4) == 0 {
        bytes.truncate(dice.roll(bytes.len() + 1));
    }
    let (holds, piece, leaves) = (1 + dice.roll(64), 1 + dice.roll(16), dice.roll(2) == 0);
    let (io, theirs) = duplex(holds);
    let log = Log::default();
    let mut recorder = Recorder::new(log.clone());
    let (ours, options) = (["/a", "/b"], options(5));
    let end = async {
        let cut = Duration::from_secs(if dice.roll(16) == 0 { 1 } else { 60 });
        let came = timeout(cut, async {
            match call {
                Call::Negotiate => recorder.negotiate(io, &ours, options).await,
                Call::Accept => recorder.accept(io, &ours, options).await,
                Call::Propose => recorder.propose(io, &ours, options).await,
            }
        });
        // Whatever it came to, the stream is closed.
        drop(came.await);
        recorder.finish().map(drop)
    };
    let (finished, ()) = tokio::join!(end, hostile(theirs, &bytes, piece, leaves));
    finished.ok().map(|()| fine(&log, &format!("seed {seed}")))
}

/// Whatever the peer says.
#[tokio::test(start_paused = true)]
async fn ends_that_meet_hostile_peers_are_behaviours_of_the_model() {
    let (mut seen, mut without_words) = (BTreeMap::new(), 0);
    let words = [
        "\"malformed\"",
        "\"not_multistream\"",
        "\"plain_dialer\"",
        "\"unexpected\"",
        "\"bad_nonce\"",
        "\"tie\"",
        "\"same_role\"",
        "\"too_many_proposals\"",
        "\"nothing_in_common\"",
        "\"hung_up\"",
        "\"deadline\"",
        "\"closed\":\"left\"",
        "\"broken\":\"left\"",
        "\"settled\"",
    ];
    for seed in 0..MEETINGS {
        match meet_hostile(seed).await {
            None => without_words += 1,
            Some(log) => {
                words.iter().for_each(|word| *seen.entry(*word).or_insert(0) += usize::from(log.contains(word)))
            }
        }
    }
    println!("of {MEETINGS} logs, {without_words} have no words: {seen:?}");
    assert!(seen.values().all(|&times| times > 0), "not everything happened that should: {seen:?}");
    assert!(without_words * 20 < MEETINGS, "peers that leave a responder in the middle of a message are few");
}

/// Lines of this end's that were left out, doubled, exchanged, or changed.
#[tokio::test(start_paused = true)]
async fn a_record_that_was_tampered_with_is_no_behaviour_of_the_model() {
    let numbers = [[1, 2], [2, 1], [5, 5]];
    let mut tampered = 0;
    for (calls, lists) in [([Call::Negotiate; 2], LISTS[2]), ([Call::Negotiate, Call::Accept], LISTS[2])] {
        for numbers in numbers {
            for log in pair(calls, 64, lists, numbers).await {
                tampered += tamper(&log);
            }
        }
    }
    println!("{tampered} logs were tampered with, and all of them noticed");
    assert!(tampered > 200);
}

fn tamper(log: &str) -> usize {
    let lines: Vec<&str> = log.lines().collect();
    let is_rejected = |lines: &[&str]| explained(lines.join("\n").as_bytes()).rejection.is_some();
    let is_ours = |line: &str| {
        ["start", "write", "read"].iter().any(|verb| line.contains(&format!("{{\"{verb}\":{{\"end\":\"left\"")))
    };
    let ours: Vec<usize> = (1..lines.len()).filter(|&index| is_ours(lines[index])).collect();
    let mut tampered = 0;
    let mut check = |lines: &[&str], what: &str| {
        assert!(is_rejected(lines), "{what}: {}", lines.join("\n"));
        tampered += 1;
    };
    for &index in &ours {
        let mut doubled = lines.clone();
        doubled.insert(index, lines[index]);
        check(&doubled, &format!("line {index} was doubled"));
        if index + 1 < lines.len() {
            let mut dropped = lines.clone();
            dropped.remove(index);
            check(&dropped, &format!("line {index} was left out"));
        }
        for (from, to) in [
            ("header", "simopen"),
            ("\"na\"", "\"header\""),
            ("initiator", "responder"),
            ("responder", "initiator"),
            ("{\"protocol\":0}", "{\"protocol\":1}"),
            ("\"protocol\":1,\"flights\"", "\"protocol\":0,\"flights\""),
            ("\"tie\"", "\"hung_up\""),
        ] {
            let changed = lines[index].replacen(from, to, 1);
            if changed != lines[index] {
                let mut lines = lines.clone();
                lines[index] = &changed;
                check(&lines, &format!("in line {index}, {from} became {to}"));
            }
        }
    }
    tampered
}

/// A peer that said all and closed was heard, and nothing that this end says is taken: the model explains that.
#[tokio::test(start_paused = true)]
async fn an_end_that_settles_although_it_can_write_no_more_is_a_behaviour_of_the_model() {
    let (left, mut right) = duplex(1024);
    right.write_all(b"\x13/multistream/1.0.0\n\x03/a\nand its payload").await.expect("it fits");
    drop(right);
    let log = Log::default();
    assert!(recorded(Call::Accept, left, &["/a"], options(1), &log).await.is_ok());
    let text = fine(&log, "a peer that said all and closed");
    let last = text.lines().last().expect("there are lines");
    assert!(text.contains(r#""action":{"break":{"end":"left"}}"#) && last.contains("settled"), "{text}");
}

/// A record that cannot go on says so, and the negotiation goes on.
#[tokio::test(start_paused = true)]
async fn what_cannot_be_recorded_is_an_error_of_the_record_alone() {
    let (left, mut right) = duplex(1024);
    let mut recorder = Recorder::new(Vec::new());
    let many = options(1).with_proposals(256);
    right.write_all(b"\x13/multistream/1.0.0\n\x03na\n\x03/a\n").await.expect("it fits");
    assert!(recorder.negotiate(left, &["/a"], many).await.is_ok());
    let error = recorder.finish().expect_err("it was not recorded");
    assert_eq!(error.to_string(), "more proposals to decline than the model has numbers for");

    let (left, mut right) = duplex(1024);
    right.write_all(b"\x13/multistream/1.0.0\n\x0aselect:04\n\x03/").await.expect("it fits");
    right.shutdown().await.expect("it can leave");
    let mut recorder = Recorder::new(Vec::new());
    assert!(recorder.accept(left, &["/a"], options(1)).await.is_err());
    let error = recorder.finish().expect_err("it was not recorded");
    assert_eq!(error.to_string(), "the peer left in the middle of a message, for which the model has no words");
}

/// SIM-44: a peer of which nothing was declined hung up, also in the middle of a message.
#[tokio::test(start_paused = true)]
async fn a_peer_that_leaves_in_the_middle_of_its_first_proposal_is_a_behaviour_of_the_model() {
    for says in
        [&b"\x13/multistream/1.0.0\n\x03/"[..], b"\x13/multistream/1.0.0\n\x1d/libp2p/simultaneous-connect\n\x03"]
    {
        let (left, mut right) = duplex(1024);
        right.write_all(says).await.expect("it fits");
        right.shutdown().await.expect("it can leave");
        let log = Log::default();
        assert!(recorded(Call::Accept, left, &["/a"], options(1), &log).await.is_err());
        let text = fine(&log, "a peer that leaves in the middle of its first proposal");
        assert!(text.contains(r#"{"failed":["left","hung_up"]}"#), "{text}");
    }
}
