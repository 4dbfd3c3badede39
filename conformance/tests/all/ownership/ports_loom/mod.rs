//! The ports under loom, which has the memory model of C11: a late report of the old owner, and a taker. Before the repair
//! both are in, also with every access as strong as it need be; the corrected protocol is explored whole and has no race.
//!
//! Deletion: with every field watched, its loops make more executions than a test may take, and a bounded run would look
//! like a whole one. It is explored whole with the fields that a question is about, and says nothing of the others: see
//! [`focus`].

mod findings;
mod focus;
mod scenarios;
mod weakened;
mod world;

use std::fmt::Debug;
use std::marker::PhantomData;

use conformance::ownership::haproxy::{Before, Corrected, Design, Named, Orders};

use focus::All;
use scenarios::takeover_and_report;
use world::{complete, fails};

/// A design with other orderings.
macro_rules! like {
    ($($(#[$what:meta])* $name:ident like $design:ident;)*) => { $(
        $(#[$what])*
        #[derive(Debug)]
        pub(crate) struct $name<O>(PhantomData<O>);

        impl<O: Orders> Design for $name<O> {
            type Orders = O;
            const ENTER: conformance::ownership::haproxy::Enter = $design::ENTER;
            const CLOSING: conformance::ownership::haproxy::Closing = $design::CLOSING;
            const WAITS_FOR_ALL: bool = $design::WAITS_FOR_ALL;
            const DELETER_HOLDS: bool = $design::DELETER_HOLDS;
            const WRITES_FLAGS: bool = $design::WRITES_FLAGS;
            const CHECKS_REPORTS: bool = $design::CHECKS_REPORTS;
            const QUEUES_ONCE: bool = $design::QUEUES_ONCE;
            const CLAIMS_WIPED: bool = $design::CLAIMS_WIPED;
        }
    )* };
}
pub(crate) use like;

like! {
    /// [`Before`] with the orderings of [`Corrected`], so that what fails is the protocol.
    Ordered like Before;
}

#[test]
fn before_the_repair_two_own() {
    assert!(fails(takeover_and_report::<Ordered<Named>, All>), "nothing noticed");
}

#[test]
fn what_would_have_been_right_has_no_race() {
    complete("takeover_and_report", takeover_and_report::<Corrected, All>);
}
