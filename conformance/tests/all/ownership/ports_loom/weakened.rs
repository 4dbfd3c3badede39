//! The corrected protocol with one ordering a step too weak: a scenario that loom then finds wrong, or the reason why the
//! ordering is not needed alone. Such reasons are arguments; what was run, to its end and with nothing found, is every
//! scenario below in which the field is watched that the ordering is of. What several of them do together is needed: of GRAB, ALLOWED and FLAGS, which each let a thread see what
//! another one inserted, [finding W6](crate::ownership::ports_loom::findings) shows it.

use std::fmt::Debug;
use std::marker::PhantomData;
use std::sync::atomic::Ordering;

use conformance::ownership::haproxy::{Corrected, Design, Field, Orders};

use crate::ownership::ports_loom::focus::{Duty, Focus, Inserted, Masks, MasksBoth, Updates};
use crate::ownership::ports_loom::world::fails;
use crate::ownership::ports_loom::{like, scenarios};

like! {
    /// The corrected protocol with other orderings.
    With like Corrected;
}

/// What becomes of an ordering that is too weak.
#[derive(Clone, Copy, Debug)]
enum Weak {
    /// The first scenario that fails.
    FoundBy(&'static str),
    /// Why none does.
    Not(&'static str),
}

use Weak::{FoundBy, Not};

/// A name, what is watched, and the scenario.
type Scenario = (&'static str, &'static [Field], fn());

fn is_found<O: Orders>(access: &str, of: Field, verdict: Weak) {
    let scenarios: [Scenario; 6] = [
        ("number returns", Inserted::FIELDS, scenarios::number_returns_elsewhere::<With<O>, Inserted>),
        ("update", Updates::FIELDS, scenarios::deletion_and_update::<With<O>, Updates>),
        ("inserted", Inserted::FIELDS, scenarios::inserted_elsewhere::<With<O>, Inserted>),
        ("takeover", Masks::FIELDS, scenarios::takeover_and_report::<With<O>, Masks>),
        ("foreign deletion", Duty::FIELDS, scenarios::foreign_deletion_and_report::<With<O>, Duty>),
        ("deletion", MasksBoth::FIELDS, scenarios::deletion_and_report::<With<O>, MasksBoth>),
    ];
    let watched: Vec<Scenario> = scenarios.into_iter().filter(|(_, fields, _)| fields.contains(&of)).collect();
    assert!(!watched.is_empty(), "nothing was looked at");
    let found = watched.iter().find(|(.., scenario)| fails(*scenario)).map(|(name, ..)| *name);
    match verdict {
        FoundBy(scenario) => {
            println!("{access}: found by {scenario}");
            assert_eq!(found, Some(scenario), "the list is wrong");
        }
        Not(reason) => {
            let looked: Vec<&str> = watched.iter().map(|(name, ..)| *name).collect();
            println!("{access}: not found by {}: {reason}", looked.join(", "));
            assert_eq!(found, None, "the list is wrong");
        }
    }
}

macro_rules! weakened {
    ($($test:ident: $name:ident, $access:ident: $kind:ty = $order:expr, $field:ident, $verdict:expr;)*) => { $(
        #[derive(Debug)]
        enum $name {}

        impl Orders for $name {
            const $access: $kind = $order;
        }

        #[test]
        fn $test() {
            is_found::<$name>(concat!(stringify!($access), " = ", stringify!($order)), Field::$field, $verdict);
        }
    )* };
}

weakened! {
    grab: Grab, GRAB: Ordering = Ordering::Relaxed, References,
        Not("ALLOWED and FLAGS see what was inserted, and nothing else is read under a reference that another wrote");
    drop_reference: Drop, DROP: Ordering = Ordering::Relaxed, References, FoundBy("update");
    reset_acquires: ResetUnseeing, RESET: Ordering = Ordering::Release, References, Not("DRAIN comes after it, and sees all");
    reset_releases: ResetUnseen, RESET: Ordering = Ordering::Acquire, References, Not("who finds no group does nothing");
    drain: Drain, DRAIN: Ordering = Ordering::Relaxed, References, FoundBy("update");
    claim_acquires: ClaimUnseeing, CLAIM: Ordering = Ordering::Release, References, FoundBy("number returns");
    claim_releases: ClaimUnseen, CLAIM: Ordering = Ordering::Acquire, References, Not("nothing is done before; DROP comes after");
    owner: Owner, OWNER: Ordering = Ordering::Relaxed, Owner, FoundBy("number returns");
    read_owner: ReadOwner, READ_OWNER: Ordering = Ordering::Relaxed, Owner, FoundBy("number returns");
    announce_acquires: AnnounceUnseeing, ANNOUNCE: Ordering = Ordering::Release, Running,
        Not("RUNNING reads the same word after it, and what it read is part of the same release sequence");
    announce_releases: AnnounceUnseen, ANNOUNCE: Ordering = Ordering::Acquire, Running, Not("nothing is done before");
    running: Running, RUNNING: Ordering = Ordering::Relaxed, Running, FoundBy("takeover");
    allowed: Allowed, ALLOWED: Ordering = Ordering::Relaxed, Threads,
        Not("FLAGS sees what was inserted; RUNNING before it (UE6) and ASK after it (K1) order it");
    clear_releases: ClearUnseen, CLEAR: Ordering = Ordering::Acquire, Running, FoundBy("takeover");
    clear_acquires: ClearUnseeing, CLEAR: Ordering = Ordering::Release, Running, FoundBy("foreign deletion");
    take_acquires: TakeUnseeing, TAKE: Ordering = Ordering::Release, Running,
        Not("a taker clears its bit (T6) before it uses anything, and CLEAR acquires");
    take_releases: TakeUnseen, TAKE: Ordering = Ordering::Acquire, Running, Not("who sees the bit waits until it is cleared");
    allow: Allow, ALLOW: Ordering = Ordering::Relaxed, Threads, Not("CLEAR (T6) and FLAGS (P0) come after it, and release");
    forbid: Forbid, FORBID: Ordering = Ordering::Relaxed, Threads, Not("CLEAR (D4) and ASK (X3) come after it, and release");
    ask_acquires: AskUnseeing, ASK: Ordering = Ordering::Release, Running, FoundBy("foreign deletion");
    ask_releases: AskUnseen, ASK: Ordering = Ordering::Acquire, Running, FoundBy("foreign deletion");
    ask_by_changing: AskByLooking, ASK_BY_CHANGING: bool = false, Running, FoundBy("foreign deletion");
    owe_acquires: OweUnseeing, OWE: Ordering = Ordering::Release, State, Not("K1 and K2 come before it, and see all");
    owe_releases: OweUnseen, OWE: Ordering = Ordering::Acquire, State, Not("FORBID comes after it, and is seen at K1");
    flags_acquires: FlagsUnseeing, FLAGS: Ordering = Ordering::Release, State, Not("ALLOWED sees what was inserted");
    flags_releases: FlagsUnseen, FLAGS: Ordering = Ordering::Acquire, State, Not("ALLOW says what was inserted");
    note_acquires: NoteUnseeing, NOTE: Ordering = Ordering::Release, Updates, Not("a bit is changed by its thread alone");
    note_releases: NoteUnseen, NOTE: Ordering = Ordering::Acquire, Updates, Not("and wiped after DRAIN");
}
