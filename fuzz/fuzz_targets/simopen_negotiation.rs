//! Whatever a peer says, one end of a negotiation survives it, says no more than it may, and comes to the same end however
//! the bytes are split.

#![no_main]

use handfast::simopen::core::{Failure, Negotiation, Protocol, Settled};
use handfast::simopen::Role;
use libfuzzer_sys::fuzz_target;

/// Proposals that are declined.
const LIMIT: u16 = 5;

/// All that an end may have to say: the first flight, its number, its role, and what is longer of its proposals and its answers.
const MAX_SAID: usize = 58 + 29 + 11 + 4 * (LIMIT as usize + 2) + 12;

fuzz_target!(|input: &[u8]| {
    let [kind, step, takes, bytes @ ..] = input else { return };
    let whole = run(begin(*kind), bytes, bytes.len().max(1), usize::MAX);
    let split = run(begin(*kind), bytes, usize::from(*step).max(1), usize::from(*takes).max(1));
    assert_eq!(whole.outcome, split.outcome);
    // What was said before a failure depends on how much of it the connection took.
    if whole.outcome.is_ok() {
        assert_eq!(whole, split);
    }
});

fn begin(kind: u8) -> Negotiation {
    let protocols = ["/noise", "/tls/1.0.0"].map(|name| Protocol::new(name).expect("it is a name"));
    let begun = match kind % 3 {
        0 => Negotiation::dial(protocols, u64::from(kind) << 32),
        1 => Negotiation::propose(protocols),
        _ => Negotiation::accept(protocols), // The third.
    };
    begun.with_proposal_limit(LIMIT)
}

#[derive(Debug, Eq, PartialEq)]
struct Run {
    outcome: Result<Settled, Failure>,
    said: Vec<u8>,
    /// How much of the input was for the negotiation.
    taken: usize,
}

fn run(mut end: Negotiation, bytes: &[u8], step: usize, takes: usize) -> Run {
    let (mut said, mut taken) = (Vec::new(), 0);
    let mut role = end.role();
    for piece in bytes.chunks(step) {
        write(&mut end, &mut said, takes);
        let length = end.received(piece);
        assert!(length <= piece.len());
        taken += length;
        keep(&mut role, &end);
        if length < piece.len() || !end.wants_input() {
            // SIM-14: what follows is not for the negotiation.
            assert!(!end.wants_input());
            break;
        }
    }
    while !end.pending().is_empty() {
        write(&mut end, &mut said, takes);
    }
    end.hung_up();
    keep(&mut role, &end);
    assert!(end.pending().is_empty(), "SIM-16");
    assert!(said.len() <= MAX_SAID, "SIM-9");
    let outcome = end.outcome().expect("nothing more can come").clone();
    if let Ok(Settled { role: settled, .. }) = outcome {
        assert_eq!(role, Some(settled));
    }
    // It has ended, and nothing changes that.
    assert_eq!(end.received(b"\x03na\n"), 0);
    end.deadline_passed();
    assert_eq!(end.outcome(), Some(&outcome));
    Run { outcome, said, taken }
}

/// The connection takes so many bytes.
fn write(end: &mut Negotiation, said: &mut Vec<u8>, takes: usize) {
    let length = end.pending().len().min(takes);
    said.extend_from_slice(&end.pending()[..length]);
    end.written(length);
}

/// SIM-10: a role that is known does not change.
fn keep(role: &mut Option<Role>, end: &Negotiation) {
    assert!(role.is_none() || *role == end.role());
    *role = end.role();
}
