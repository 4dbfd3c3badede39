//! What the environment does, in situations that have names: an action that an instance lost would show here by name,
//! and not by pinned numbers alone. *Every action is enabled* cannot see it, because the alphabet comes from the same
//! bounds.

use std::collections::BTreeSet;

use handfast_spec::protocol::{ActionOf, HistoryOf};
use handfast_spec::{Protocol, framed, lifecycle, node, ownership, simopen};
use model::checker::catalogue::Scope;
use model::checker::design::{Checked, Design};
use model::checker::explore::Options;
use model::checker::target::Instance;
use serde::Serialize;
use serde_json::Value;
use stateright::Model;

/// Something that the environment does at a moment that matters.
struct Witness<H, A> {
    /// The name of the action.
    action: &'static str,
    says: &'static str,
    /// The instances of the small scope in which it occurs.
    instances: &'static [&'static str],
    /// Whether the action, taken after this history, is what is meant.
    occurs: fn(&H, &A) -> bool,
}

type WitnessOf<D> = Witness<HistoryOf<D>, ActionOf<D>>;

const fn witness<H, A>(
    action: &'static str,
    says: &'static str,
    instances: &'static [&'static str],
    occurs: fn(&H, &A) -> bool,
) -> Witness<H, A> {
    Witness { action, says, instances, occurs }
}

fn name(action: &impl Serialize) -> String {
    match serde_json::to_value(action).expect("actions are plain data") {
        Value::Object(fields) => fields.keys().next().cloned().unwrap_or_default(),
        Value::String(name) => name,
        other => other.to_string(),
    }
}

/// The environment's actions that an instance may take.
fn environment<D: Design>(checked: &Checked<D>) -> BTreeSet<String> {
    let actions = checked.alphabet().iter().filter(|action| D::Protocol::component(action).is_none());
    actions.map(name).collect()
}

/// Which of these occur anywhere.
fn seen<D: Design>(checked: &Checked<D>, witnesses: &[&WitnessOf<D>]) -> Vec<bool> {
    let graph = checked.explore(&Options { threads: 2, ..Options::default() });
    let names: Vec<String> = graph.actions().iter().map(name).collect();
    let mut seen = vec![false; witnesses.len()];
    for number in 0..graph.state_count() as u32 {
        let history = graph.state(number).history;
        for edge in graph.edges(number) {
            for (witness, seen) in witnesses.iter().zip(&mut seen).filter(|(_, seen)| !**seen) {
                let is_of_it = names[graph.label(edge)] == witness.action;
                *seen = is_of_it && (witness.occurs)(&history, graph.action(edge));
            }
        }
    }
    seen
}

/// Every instance has a witness for each thing that its environment may do, which occurs there.
fn each_occurs<D: Design>(instances: &[Instance<D>], witnesses: &[WitnessOf<D>]) {
    let mut wrong = Vec::new();
    for Instance { name: instance, checked } in instances {
        let here: Vec<_> = witnesses.iter().filter(|witness| witness.instances.contains(instance)).collect();
        let unseen = here.iter().zip(seen(checked, &here)).filter(|(_, seen)| !seen);
        wrong.extend(unseen.map(|(witness, _)| format!("{instance}: it never occurs that {}", witness.says)));
        let witnessed: BTreeSet<String> = here.iter().map(|witness| witness.action.to_owned()).collect();
        let unwitnessed = &environment(checked) - &witnessed;
        wrong.extend(unwitnessed.iter().map(|action| format!("{instance}: no witness for {action}")));
    }
    assert!(wrong.is_empty(), "{}:\n{}", D::Protocol::NAME, wrong.join("\n"));
}

/// In an instance that has lost an action of its environment, what is witnessed of it does not occur.
fn each_is_missed<D: Design>(instances: &[Instance<D>], witnesses: &[WitnessOf<D>]) {
    let smallest = |witness: &WitnessOf<D>| {
        instances.iter().find(|instance| witness.instances.contains(&instance.name)).expect("it is an instance")
    };
    for witness in witnesses {
        let Instance { name: instance, checked } = smallest(witness);
        let without = checked.alphabet().iter().copied().filter(|action| name(action) != witness.action).collect();
        let lacking = Checked::new(checked.init_states(), without);
        assert_eq!(seen(&lacking, &[witness]), [false], "{instance} without {}: {}", witness.action, witness.says);
    }
}

const FRAMED: &[Witness<framed::History, framed::Action>] = {
    use framed::{Action, End, Progress, ReaderRecord};
    &[
        witness(
            "write",
            "a frame is written after the peer has sent",
            &["both", "leaving"],
            |history, action| matches!(action, Action::Write { end, .. } if history.end(end.peer()).accepted > 0),
        ),
        witness(
            "write",
            "a frame is written before anything has passed",
            &["one-way", "unread", "hostile", "silent", "answering"],
            |history, _| history.now.is_none(),
        ),
        witness(
            "forge",
            "what no end may send is written while the peer's reader waits",
            &["hostile"],
            |history, action| {
                let Action::Forge { end, .. } = action else { return false };
                history.end(end.peer()).reader == ReaderRecord::Waits
            },
        ),
        witness(
            "drop_write",
            "a write is dropped in the middle of a frame",
            &["both", "one-way", "leaving", "unread", "hostile", "silent", "answering"],
            |history, action| {
                let Action::DropWrite { end } = action else { return false };
                matches!(history.end(*end).sent, Progress::Within(_))
            },
        ),
        witness(
            "drop_read",
            "a read is dropped in the middle of a frame",
            &["both", "one-way", "leaving", "unread", "hostile", "silent", "answering"],
            |history, action| {
                let Action::DropRead { end } = action else { return false };
                matches!(history.end(*end).taken, Progress::Within(_))
            },
        ),
        witness(
            "leave",
            "a reader is dropped before it is told of an end",
            &["one-way", "leaving", "unread", "silent", "answering"],
            |history, action| {
                let Action::Leave { end } = action else { return false };
                history.end(*end).reader == ReaderRecord::Waits
            },
        ),
        witness(
            "abandon",
            "a connection is dropped in the middle of a frame",
            &["one-way", "leaving", "hostile", "answering"],
            |history, _| End::BOTH.iter().any(|&end| matches!(history.end(end).sent, Progress::Within(_))),
        ),
        witness(
            "shutdown",
            "a shutdown begins in the middle of a frame",
            &["both", "one-way", "leaving", "unread", "hostile", "silent", "answering"],
            |history, _| End::BOTH.iter().any(|&end| matches!(history.end(end).sent, Progress::Within(_))),
        ),
        witness(
            "pass",
            "the clock passes a deadline while a frame, or the marker, is handed over in part",
            &["both", "one-way", "leaving", "unread", "hostile", "silent", "answering"],
            |history, action| {
                let is_cut = |end| {
                    let record = history.end(end);
                    let passes = matches!(action, Action::Pass { moment } if record.until <= Some(*moment));
                    record.until.is_some() && passes && matches!(record.sent, Progress::Within(_))
                };
                End::BOTH.into_iter().any(is_cut)
            },
        ),
    ]
};

const LIFECYCLE: &[Witness<lifecycle::History, lifecycle::Action>] = {
    use lifecycle::{Action, SELECTOR, SessionRecord, Stream};
    const EVERYWHERE: &[&str] =
        &["slots", "duplicates", "line", "selection", "origins", "ties", "several", "addresses", "limits"];
    &[
        witness("open", "a connection comes while another has a slot", EVERYWHERE, |history, _| {
            history.slots_held() > 0
        }),
        witness("handshake_done", "a handshake is said to be done twice", EVERYWHERE, |history, action| {
            let Action::HandshakeDone { session, .. } = action else { return false };
            history.sessions.get(session.index()).key.is_some()
        }),
        witness("disconnect", "a session is told to end between handshake and Up", EVERYWHERE, |history, action| {
            let Action::Disconnect { session } = action else { return false };
            let record = history.sessions.get(session.index());
            record.is_pending() && record.key.is_some()
        }),
        witness(
            "abort",
            "a task is aborted between its handshake and its Up",
            &["slots", "duplicates", "selection", "origins", "ties", "addresses", "limits"],
            |history, action| {
                let Action::Abort { session } = action else { return false };
                let record = history.sessions.get(session.index());
                record.is_pending() && record.key.is_some()
            },
        ),
        witness(
            "peer_ahead",
            "a peer is ahead whose Up the selector has not heard",
            &["selection"],
            |history, action| {
                let Action::PeerAhead { session } = action else { return false };
                history.heard(SELECTOR, *session) == Stream::Nothing
            },
        ),
        witness(
            "subscribe",
            "a subscriber comes while a session is registered",
            &["slots", "duplicates", "selection"],
            |history, _| history.sessions.iter().any(|session| session.registered),
        ),
        witness(
            "unsubscribe",
            "a subscriber goes while it takes a session for live",
            &["slots", "duplicates", "selection"],
            |history, action| {
                let Action::Unsubscribe { subscriber } = action else { return false };
                let heard = &history.subscribers.iter().nth(subscriber.index());
                heard.is_some_and(|record| record.heard.iter().any(|stream| stream.believes()))
            },
        ),
        witness("stall", "the active peer stalls", &["selection"], |history, _| history.active.is_some()),
        witness(
            "ban",
            "a key is banned between the handshake and the Up of a session",
            &["slots", "duplicates"],
            |history, action| {
                let Action::Ban { key } = action else { return false };
                history.sessions.iter().any(|session| session.is_pending() && session.key == Some(*key))
            },
        ),
        witness("unban", "a ban is lifted while a session has a slot", &["slots", "duplicates"], |history, _| {
            history.slots_held() > 0
        }),
        witness("ban_network", "a network is banned that a session is in", &["addresses"], |history, action| {
            let Action::BanNetwork { network } = action else { return false };
            let is_in = |session: &SessionRecord| session.origin.address.is_some_and(|it| network.contains(it));
            history.sessions.iter().any(|session| session.holds_slot() && is_in(session))
        }),
        witness("unban_network", "a ban is lifted while a session has a slot", &["addresses"], |history, _| {
            history.slots_held() > 0
        }),
        witness("grant_privilege", "a session is privileged before its Up", &["origins"], |history, action| {
            let Action::GrantPrivilege { session } = action else { return false };
            history.sessions.get(session.index()).is_pending()
        }),
        witness("rank", "a session has a rank before its handshake is done", &["ties"], |history, action| {
            let Action::Rank { session, .. } = action else { return false };
            history.sessions.get(session.index()).key.is_none()
        }),
        witness("set_limits", "there are fewer slots than are held", &["limits"], |history, action| {
            let Action::SetLimits { limits } = action else { return false };
            history.slots_held() > limits.total as usize
        }),
        witness(
            "shutdown",
            "a node shuts down while a session is between handshake and Up",
            &["slots", "duplicates", "selection"],
            |history, _| history.sessions.iter().any(|session| session.is_pending() && session.key.is_some()),
        ),
    ]
};

const WORD: &[Witness<ownership::History, ownership::Action>] = {
    use ownership::{Action, Stage};
    const BOTH: &[&str] = &["reuse", "shared"];
    &[
        witness("open", "a number is given again", &["reuse"], |history, _| {
            history.descriptors.iter().any(|record| record.stage == Stage::Closed)
        }),
        witness("open", "a second descriptor is opened", &["shared"], |history, _| {
            history.descriptors.iter().any(|record| record.stage != Stage::Unused)
        }),
        witness("arrive", "something arrives while a thread is inside", BOTH, |history, action| {
            let Action::Arrive { incarnation } = action else { return false };
            !history.descriptor(*incarnation).inside.is_empty()
        }),
        witness("join", "a thread joins another one inside", &["shared"], |history, action| {
            let Action::Join { incarnation, .. } = action else { return false };
            !history.descriptor(*incarnation).inside.is_empty()
        }),
        witness("takeover", "a descriptor is taken over that something waits for", BOTH, |history, action| {
            let Action::Takeover { incarnation, .. } = action else { return false };
            history.descriptor(*incarnation).waiting
        }),
        witness("delete", "deletion is asked for while a thread is inside", BOTH, |history, action| {
            let Action::Delete { incarnation, .. } = action else { return false };
            !history.descriptor(*incarnation).inside.is_empty()
        }),
        witness("delete_inside", "what is deleted from inside has something that waits", BOTH, |history, _| {
            history.descriptors.iter().any(|record| record.waiting && !record.inside.is_empty())
        }),
    ]
};

const POOL: &[Witness<ownership::History, ownership::pool::Action>] = {
    use ownership::pool::Action;
    const BOTH: &[&str] = &["idle", "idle pair"];
    &[
        witness("open", "a connection is opened while another is idle", &["idle pair"], |history, _| {
            history.descriptors.iter().any(|record| record.idle.list.is_some())
        }),
        witness("open", "a number is given again while a thread is to look at the last", &["idle"], |history, _| {
            history.descriptors.iter().any(|record| !record.idle.woken.is_empty())
        }),
        witness("arrive", "a server closes a connection that a thread is inside", BOTH, |history, action| {
            let Action::Arrive { incarnation } = action else { return false };
            !history.descriptor(*incarnation).inside.is_empty()
        }),
        witness("ring", "there is a false alarm about an idle connection", &["idle"], |history, action| {
            let Action::Ring { incarnation } = action else { return false };
            history.descriptor(*incarnation).idle.list.is_some()
        }),
        witness("age", "the time of a connection passes while a thread is inside", BOTH, |history, action| {
            let Action::Age { incarnation } = action else { return false };
            !history.descriptor(*incarnation).inside.is_empty()
        }),
        witness("insert", "a connection is put of which the server has closed", BOTH, |history, _| {
            history.descriptors.iter().any(|record| record.waiting)
        }),
        witness("take", "a thread takes while another is inside", BOTH, |history, _| {
            history.descriptors.iter().any(|record| record.idle.list.is_some() && !record.inside.is_empty())
        }),
        witness("stop", "a worker stops with an idle connection on its idle list", &["idle"], |history, action| {
            let Action::Stop { thread } = action else { return false };
            history.descriptors.iter().any(|record| record.idle.list == Some(*thread))
        }),
        witness("drop", "a connection is dropped that a thread is to look at", BOTH, |history, _| {
            history.descriptors.iter().any(|record| !record.idle.woken.is_empty() && record.idle.list.is_none())
        }),
    ]
};

const NODE: &[Witness<node::History, node::Action>] = {
    use node::{Action, State};
    const TWO: &[&str] = &["twice", "mixed", "banned", "killed", "three"];
    &[
        witness("open", "an end opens after the other one", &["once"], |history, _| {
            history.sockets().any(|(_, record)| record.state == State::Open)
        }),
        witness("open", "an end opens while another one is announced", TWO, |history, _| {
            history.sockets().any(|(_, record)| record.is_up)
        }),
        witness(
            "write",
            "a frame is written to a peer that has not announced",
            &["once", "twice"],
            |history, action| {
                let Action::Write { socket } = action else { return false };
                history.sockets().any(|(other, record)| other != *socket && !record.is_up)
            },
        ),
        witness(
            "leave",
            "a body returns while its session is announced",
            &["once"],
            |history, action| matches!(action, Action::Leave { socket } if history.socket(*socket).is_up),
        ),
        witness("ban", "a peer is banned whose session is announced", &["banned", "three"], |history, _| {
            history.sockets().any(|(_, record)| record.is_up)
        }),
        witness("stop", "a node is stopped while a session is announced", &["once"], |history, _| {
            history.sockets().any(|(_, record)| record.is_up)
        }),
        witness("crash", "a node is killed while a session is announced", &["killed"], |history, _| {
            history.sockets().any(|(_, record)| record.is_up)
        }),
        witness("restart", "a node is started again while its peer has a session", &["killed"], |history, _| {
            history.sockets().any(|(_, record)| record.is_up)
        }),
    ]
};

const SIMOPEN: &[Witness<simopen::History, simopen::Action>] = {
    use simopen::{Action, Outcome};
    const EVERYWHERE: &[&str] = &["dialers", "others", "reflection", "hostile", "undisturbed", "clock", "deaf"];
    &[
        witness(
            "start",
            "an end starts after the other one has",
            &["dialers", "others", "undisturbed"],
            |history, _| history.left.started.is_some() || history.right.started.is_some(),
        ),
        witness("start", "an end starts", EVERYWHERE, |_, _| true),
        witness(
            "close",
            "an end is closed in the middle of its negotiation",
            &["dialers", "others", "reflection", "hostile", "clock"],
            |history, action| {
                let Action::Close { end } = action else { return false };
                history.end(*end).outcome == Outcome::Pending && !history.end(*end).said.is_empty()
            },
        ),
        witness(
            "close",
            "an end is closed that has not ended",
            &["deaf"],
            |history, action| matches!(action, Action::Close { end } if history.end(*end).outcome == Outcome::Pending),
        ),
        witness("forge", "a hostile end speaks while the other one negotiates", &["hostile", "deaf"], |history, _| {
            history.left.outcome == Outcome::Pending || history.right.outcome == Outcome::Pending
        }),
    ]
};

/// The test, and the test of it, for a protocol.
macro_rules! environment {
    ($name:ident: $witnesses:ident in $instances:expr) => {
        mod $name {
            use super::*;

            #[test]
            fn what_the_environment_does_occurs() {
                each_occurs(&$instances, $witnesses);
            }

            #[test]
            fn an_action_that_was_dropped_is_missed_by_name() {
                each_is_missed(&$instances, $witnesses);
            }
        }
    };
}

environment!(in_framed: FRAMED in model::framed::handfast::instances(Scope::Small));
environment!(in_lifecycle: LIFECYCLE in model::lifecycle::handfast::instances(Scope::Small));
environment!(in_word: WORD in model::ownership::handfast::instances(Scope::Small));
environment!(in_pool: POOL in model::ownership::pool::instances(Scope::Small));
environment!(in_node: NODE in model::node::handfast::instances(Scope::Small));
environment!(in_simopen: SIMOPEN in model::simopen::instances(Scope::Small));
