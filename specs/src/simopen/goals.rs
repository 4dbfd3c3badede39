//! What must happen, and under which fairness.

use super::predicates::{settled, with_listener};
use super::{Component, Ledger, Simopen};
use super::{End, Kind};
use crate::protocol::Goal;

/// What must happen, and under which fairness handfast promises it.
pub(super) const GOALS: &[Goal<Simopen>] = &[
    Goal {
        id: "SIM-24",
        title: "two ends that keep to the protocol both end, without any deadline, however little the connection holds",
        trigger: |ledger| ledger.pair.is_promised() && both_started(ledger),
        outcome: |ledger| both_ended(ledger),
        fair: moves,
        assumes: "each end's reader and writer, no deadline",
    },
    Goal {
        id: "SIM-25",
        title: "two ends that both speak the extension both settle, if their numbers differ and they have a protocol in \
                common",
        trigger: |ledger| {
            let chosen = || ledger.winner().and_then(|winner| ledger.pair.choice(winner));
            ledger.pair.is_of(Kind::Simopen, Kind::Simopen) && chosen().is_some()
        },
        outcome: |ledger| settled(ledger).count() == 2 || ledger.was_cut_short(),
        fair: moves,
        assumes: "each end's reader and writer",
    },
    Goal {
        id: "SIM-26",
        title: "where one end has failed or was closed, the other ends too",
        trigger: |ledger| ledger.pair.is_honest() && both_started(ledger) && one_is_gone(ledger),
        outcome: both_ended,
        fair: moves,
        assumes: "each end's reader and writer, no deadline",
    },
    Goal {
        id: "SIM-27",
        title: "an end ends at its deadline, whatever its peer does and whatever it waits for",
        trigger: somebody_waits,
        outcome: |ledger| !somebody_waits(ledger),
        fair: |component| match component {
            Component::Timer(_) => true,
            Component::Reader(_) | Component::Writer(_) => false,
        },
        assumes: "each end's deadline, and nothing else",
    },
    Goal {
        id: "SIM-28",
        title: "what the layer above sends after both have settled is received by that of the other end",
        trigger: |ledger| ledger.pair.is_promised() && settled(ledger).count() == 2,
        outcome: |ledger| all_received(ledger) || ledger.left.closed || ledger.right.closed,
        fair: moves,
        assumes: "each end's reader and writer",
    },
    Goal {
        id: "SIM-29",
        title: "a dialer settles with a listener that supports one of its protocols",
        trigger: |ledger| with_listener(ledger) && both_started(ledger) && dialer_has_a_choice(ledger),
        outcome: |ledger| settled(ledger).count() == 2 || ledger.was_cut_short(),
        fair: moves,
        assumes: "each end's reader and writer",
    },
];

fn moves(component: &Component) -> bool {
    match component {
        Component::Reader(_) | Component::Writer(_) => true,
        Component::Timer(_) => false,
    }
}

fn both_started(ledger: &Ledger) -> bool {
    ledger.left.started.is_some() && ledger.right.started.is_some()
}

fn both_ended(ledger: &Ledger) -> bool {
    ledger.left.has_ended() && ledger.right.has_ended()
}

fn one_is_gone(ledger: &Ledger) -> bool {
    End::BOTH.into_iter().any(|end| ledger.end(end).failure().is_some() || ledger.end(end).closed)
}

fn somebody_waits(ledger: &Ledger) -> bool {
    ledger.pair.timed && ledger.honest().any(|end| ledger.end(end).is_pending())
}

fn all_received(ledger: &Ledger) -> bool {
    End::BOTH.into_iter().all(|end| ledger.end(end).upper.received.is_some())
}

fn dialer_has_a_choice(ledger: &Ledger) -> bool {
    let is_dialer = |end: &End| ledger.pair.kind(*end) != Kind::Listener;
    End::BOTH.into_iter().filter(is_dialer).all(|end| ledger.pair.choice(end).is_some())
}
