//! What breaks if the orderings are copied literally, finding by finding: the corrected protocol, or the repair where
//! the corrected one has no such step, with the one access as it is written in HAProxy, and as it must be. W1 and W5 are
//! among those that are [weakened](crate::ownership::ports_loom::weakened) too.

use std::fmt::Debug;
use std::marker::PhantomData;
use std::sync::atomic::Ordering;

use conformance::ownership::haproxy::{Corrected, Design, Literal, Named, Orders, Seed};

use crate::ownership::ports_loom::focus::{Inserted, Masks, MasksAlone, MasksLast, References};
use crate::ownership::ports_loom::like;
use crate::ownership::ports_loom::scenarios::{
    deletion_and_report, deletion_and_update, foreign_deletion_and_report, inserted_elsewhere,
    number_returns_elsewhere, takeover_and_report,
};
use crate::ownership::ports_loom::world::{complete, failure};

like! {
    /// The corrected protocol with other orderings.
    With like Corrected;
    /// The repair with other orderings.
    Repair like Seed;
}

macro_rules! orders {
    ($($name:ident: { $($access:ident: $kind:ty = $value:expr),* }, $what:literal;)*) => { $(
        #[doc = $what]
        #[derive(Debug)]
        enum $name {}

        impl Orders for $name {
            $(const $access: $kind = $value;)*
        }
    )* };
}

orders! {
    W1: { RUNNING: Ordering = Literal::RUNNING, ALLOWED: Ordering = Literal::ALLOWED },
        "UE5 and UE6: who runs may be seen without who is allowed.";
    W2: { ASK_BY_CHANGING: bool = Literal::ASK_BY_CHANGING, ASK: Ordering = Literal::ASK },
        "X3: a load may overtake the store of X2.";
    W3: { CLEAR: Ordering = Literal::CLEAR }, "D4: a relaxed change may overtake the store of D3.";
    W4: { DRAIN: Ordering = Literal::DRAIN }, "O4: the last reference is seen to be returned, and nothing else.";
    W5: { CLEAR: Ordering = Literal::CLEAR }, "UE15: nobody sees what the callback did.";
    Grab: { GRAB: Ordering = Named::GRAB, ALLOWED: Ordering = Literal::ALLOWED, FLAGS: Ordering = Ordering::Release },
        "W6: taking a reference sees what was done under the last ones.";
    Allowed: { GRAB: Ordering = Literal::GRAB, FLAGS: Ordering = Ordering::Release },
        "W6: whoever is allowed sees what was inserted.";
    Unwiped: { CLAIM: Ordering = Literal::CLAIM, OWNER: Ordering = Literal::OWNER,
        READ_OWNER: Ordering = Literal::READ_OWNER }, "W6: nothing sees what was wiped.";
}

/// With the literal ordering loom finds what is said; with the one that is named it runs to its end and finds nothing.
fn is_reproduced(name: &str, literal: fn(), corrected: fn(), says: &str) {
    let found = failure(literal).unwrap_or_else(|| panic!("{name}: nothing noticed"));
    println!("{name}, as it is written: {}", found.lines().next().unwrap_or_default());
    assert!(found.contains(says), "{name}: {found}");
    complete(&format!("{name}, corrected"), corrected);
}

const RACE: &str = "Causality violation";
const OVERLAP: &str = "closed under a callback";
const LOSS: &str = "nobody closes";

#[test]
fn w1_two_own() {
    is_reproduced("W1", takeover_and_report::<With<W1>, Masks>, takeover_and_report::<Corrected, Masks>, RACE);
}

/// Both sides succeed; or neither does.
#[test]
fn w2_a_look_overtakes_a_store() {
    let literal = foreign_deletion_and_report::<With<W2>, MasksAlone>;
    is_reproduced("W2", literal, foreign_deletion_and_report::<Corrected, MasksAlone>, OVERLAP);
    let literal = foreign_deletion_and_report::<With<W2>, MasksLast>;
    is_reproduced("W2, lost", literal, foreign_deletion_and_report::<Corrected, MasksLast>, LOSS);
}

/// The closing rule asks once more, by a change that is ordered, so that no thread closes under a callback there: the
/// close is lost.
#[test]
fn w3_a_change_overtakes_a_store() {
    let literal = deletion_and_report::<Repair<W3>, MasksAlone>;
    is_reproduced("W3", literal, deletion_and_report::<Repair<Named>, MasksAlone>, OVERLAP);
    complete("W3, literal under the closing rule", deletion_and_report::<With<W3>, MasksAlone>);
    let literal = deletion_and_report::<With<W3>, MasksLast>;
    is_reproduced("W3, lost", literal, deletion_and_report::<Corrected, MasksLast>, LOSS);
}

#[test]
fn w4_the_drain_sees_nothing() {
    let literal = deletion_and_update::<With<W4>, References>;
    is_reproduced("W4", literal, deletion_and_update::<Corrected, References>, RACE);
}

#[test]
fn w5_nobody_sees_the_callback() {
    is_reproduced("W5", deletion_and_report::<With<W5>, Masks>, deletion_and_report::<Corrected, Masks>, RACE);
}

#[test]
fn w6_what_was_inserted_is_not_seen() {
    let literal = inserted_elsewhere::<Repair<Literal>, Inserted>;
    is_reproduced("W6", literal, inserted_elsewhere::<Corrected, Inserted>, RACE);
    // The collection says that it is GRAB that must acquire. A reference may be taken before the inserter returns its own:
    // what must is the load that says who is allowed.
    is_reproduced(
        "W6, GRAB",
        inserted_elsewhere::<With<Grab>, Inserted>,
        inserted_elsewhere::<With<Allowed>, Inserted>,
        RACE,
    );
}

#[test]
fn w6_what_was_wiped_is_not_seen() {
    let literal = number_returns_elsewhere::<With<Unwiped>, Inserted>;
    is_reproduced("W6, wiped", literal, number_returns_elsewhere::<Corrected, Inserted>, RACE);
}
