//! What must happen, and under which fairness.

use super::invariants::{settled, with_listener};
use super::{Component, History, Simopen};
use super::{End, Kind};
use crate::protocol::Goal;

/// What must happen, and under which fairness handfast promises it.
pub(super) const GOALS: &[Goal<Simopen>] = &[
    Goal {
        id: "SIM-24",
        title: "two ends that keep to the protocol both end, without any deadline, however little the connection holds",
        trigger: |history| history.pair.is_promised() && both_started(history),
        outcome: |history| both_ended(history),
        fair: moves,
        assumes: "each end's reader and writer, no deadline",
    },
    Goal {
        id: "SIM-25",
        title: "two ends that both speak the extension both settle, if their numbers differ and they have a protocol in \
                common",
        trigger: |history| {
            let chosen = || history.winner().and_then(|winner| history.pair.choice(winner));
            history.pair.is_of(Kind::Simopen, Kind::Simopen) && chosen().is_some()
        },
        outcome: |history| settled(history).count() == 2 || history.was_cut_short(),
        fair: moves,
        assumes: "each end's reader and writer",
    },
    Goal {
        id: "SIM-26",
        title: "where one end has failed or was closed, the other ends too",
        trigger: |history| history.pair.is_honest() && both_started(history) && one_is_gone(history),
        outcome: both_ended,
        fair: moves,
        assumes: "each end's reader and writer, no deadline",
    },
    Goal {
        id: "SIM-27",
        title: "an end ends at its deadline, whatever its peer does and whatever it waits for",
        trigger: an_end_waits,
        outcome: |history| !an_end_waits(history),
        fair: |component| match component {
            Component::Timer(_) => true,
            Component::Reader(_) | Component::Writer(_) => false,
        },
        assumes: "each end's deadline, and nothing else",
    },
    Goal {
        id: "SIM-28",
        title: "what the layer above sends after both have settled is received by that of the other end",
        trigger: |history| history.pair.is_promised() && settled(history).count() == 2,
        outcome: |history| all_received(history) || history.left.closed || history.right.closed,
        fair: moves,
        assumes: "each end's reader and writer",
    },
    Goal {
        id: "SIM-29",
        title: "a dialer settles with a listener that supports one of its protocols",
        trigger: |history| with_listener(history) && both_started(history) && dialer_has_a_choice(history),
        outcome: |history| settled(history).count() == 2 || history.was_cut_short(),
        fair: moves,
        assumes: "each end's reader and writer",
    },
    Goal {
        id: "SIM-46",
        title: "a payload that follows its proposal at once is received, although its sender has closed",
        trigger: |history| {
            history.pair.is_of(Kind::Lazy, Kind::Listener) && both_started(history) && payload_is_all(history)
        },
        outcome: |history| {
            let of_kind = |kind| End::BOTH.into_iter().filter(move |end| history.pair.kind(*end) == kind);
            of_kind(Kind::Listener).all(|end| {
                let record = history.end(end);
                record.upper.received.is_some() || record.was_cut_short()
            })
        },
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

fn both_started(history: &History) -> bool {
    history.left.started.is_some() && history.right.started.is_some()
}

fn both_ended(history: &History) -> bool {
    history.left.has_ended() && history.right.has_ended()
}

fn one_is_gone(history: &History) -> bool {
    End::BOTH.into_iter().any(|end| history.end(end).failure().is_some() || history.end(end).closed)
}

fn an_end_waits(history: &History) -> bool {
    history.pair.timed && history.honest().any(|end| history.end(end).is_pending())
}

fn all_received(history: &History) -> bool {
    End::BOTH.into_iter().all(|end| history.end(end).upper.received.is_some())
}

/// Whether a lazy dialer has sent its payload, which is not lost, and closed.
fn payload_is_all(history: &History) -> bool {
    let all = |end| history.pair.kind(end) == Kind::Lazy && history.end(end).upper.sent.is_some();
    !history.pair.is_lost_bet() && End::BOTH.into_iter().any(|end| all(end) && history.end(end).closed)
}

fn dialer_has_a_choice(history: &History) -> bool {
    let is_dialer = |end: &End| history.pair.kind(*end) != Kind::Listener;
    End::BOTH.into_iter().filter(is_dialer).all(|end| history.pair.choice(end).is_some())
}
