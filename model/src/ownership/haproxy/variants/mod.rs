//! The designs, by name.

mod historical;
mod mutants;

use super::bounds::{Bounds, alphabet};
use super::machine::Haproxy;
use super::switches::Switches;
use crate::checker::catalogue::{LeftOut, Row};
use crate::checker::design::Checked;

/// A design with the bounds at which it is looked at, and what it violates there.
pub type Variant = Row<Switches, Bounds>;

/// A design at its bounds, to be explored.
pub fn checked(switches: Switches, bounds: Bounds) -> Checked<Haproxy> {
    Checked::new(vec![Haproxy::recorded(switches, bounds)], alphabet(&bounds))
}

/// Every variant: the historical designs, the corrected design, the residual findings one by one, the mutants.
pub fn variants() -> impl Iterator<Item = &'static Variant> {
    [historical::VARIANTS, mutants::FINDINGS, mutants::VARIANTS].into_iter().flatten()
}

/// Mistakes that are known and were not modelled, with the reasons.
pub const LEFT_OUT: &[LeftOut] = &[
    LeftOut {
        name: "M17: a failure after the point of no return (haproxy 4f02e3da6)",
        reason: "nothing is allocated here; a takeover that succeeds has nothing left that could fail",
    },
    LeftOut {
        name: "M18 to M21: tasks of the old owner (haproxy 821a04377, 1662cdb0c, a74bb7e26, 54d31170a)",
        reason: "there are no tasks beside the callback: which thread a task wakes on is the business of what is built \
                 on the table",
    },
    LeftOut {
        name: "M22: counters of idle connections (haproxy 9c13b62b4)",
        reason: "no rule counts; that as many are closed as were opened is for stress tests",
    },
    LeftOut {
        name: "M24: one bit for the updates of all threads (haproxy ebc78d78a)",
        reason: "the other half of M24, an update that is queued twice, is haproxy-r6-queues-twice",
    },
    LeftOut {
        name: "M25: a listening socket that one thread alone is told of (haproxy 6b96f7289)",
        reason: "the load is spread badly, and nothing is lost that a rule knows of",
    },
    LeftOut {
        name: "M26: registrations that nobody removes (haproxy 0d023774b)",
        reason: "never-forgets is this mistake in handfast's design",
    },
    LeftOut {
        name: "M27: the list of updates (haproxy 1ff910411, fc51f0f58)",
        reason: "each visit to the list is one step here; the algorithm of the list is another protocol",
    },
    LeftOut {
        name: "M28: a lock that is taken and not returned (haproxy bc9d9844d)",
        reason: "the lock of an entry went with the running mask; there is none to forget",
    },
    LeftOut {
        name: "M31: a wakeup that is lost (haproxy c1640f79f)",
        reason: "there is no sleep in the model: a poller that has something to do is polled",
    },
    LeftOut {
        name: "M32: the caller's mask for a descriptor of another group (haproxy 6993981cd)",
        reason: "a descriptor is inserted by a thread of its group here; one that changes groups is taken over or handed \
                 over",
    },
    LeftOut {
        name: "M33 and M34: a state that is computed and dropped, an update in a list that was freed (haproxy 7e94b40a2, \
               b98314583)",
        reason: "slips within one thread, which the types of the implementation do not let one write",
    },
    LeftOut {
        name: "M35 and M36: starvation by a lock that is only tried, errors that ring on (haproxy 1dad3843d, 2c30de3b9)",
        reason: "no rule speaks of how often, and there are no errors of sockets in the model",
    },
];
