//! What must happen, and under which fairness.

use super::conjuncts::{KEPT_WAITING, OVERDUE, OWES_ANSWER, SERVED, WITHHELD, any_end};
use super::{Component, Framed};
use crate::protocol::Goal;

/// What must happen, and under which fairness it is promised.
pub(super) const GOALS: &[Goal<Framed>] = &[
    Goal {
        id: "FRM-12",
        title: "a shutdown is over when its earliest deadline has passed, whatever else happens",
        trigger: |history| any_end(history, OVERDUE),
        outcome: |history| !any_end(history, OVERDUE),
        fair: is_timer,
        assumes: "the timer of each shutdown, and nothing else",
    },
    Goal {
        id: "FRM-13",
        title: "a reader is told of the end when the deadline of its shutdown has passed, the peer has ended, or a reset has come",
        trigger: |history| any_end(history, KEPT_WAITING),
        outcome: |history| !any_end(history, KEPT_WAITING),
        fair: |component| is_timer(component) || is_reader(component),
        assumes: "every reader, and the timer of each shutdown",
    },
    Goal {
        id: "FRM-14",
        title: "a frame that has come whole is given without waiting for more",
        trigger: |history| any_end(history, WITHHELD),
        outcome: |history| !any_end(history, WITHHELD),
        fair: is_reader,
        assumes: "every reader, and nothing else",
    },
    Goal {
        id: "FRM-15",
        title: "a shutdown whose peer reads is over without its deadline",
        trigger: |history| any_end(history, SERVED),
        outcome: |history| !any_end(history, SERVED),
        fair: |component| !is_timer(component),
        assumes: "every writer, reader and drain and the network, no timer",
    },
    Goal {
        id: "FRM-28",
        title: "an answer to the peer's marker is handed over by the reader",
        trigger: |history| any_end(history, OWES_ANSWER),
        outcome: |history| !any_end(history, OWES_ANSWER),
        fair: |component| matches!(component, Component::Reader(_) | Component::Network(_)),
        assumes: "every reader and the network; no writer, drain or timer",
    },
];

fn is_timer(component: &Component) -> bool {
    matches!(component, Component::Timer(_))
}

fn is_reader(component: &Component) -> bool {
    matches!(component, Component::Reader(_))
}
