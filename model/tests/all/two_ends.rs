//! Two nodes dial each other at the same time: in whatever order each of them comes to the two connections, both keep
//! the same one (S12).
//!
//! What a node does is the model's step, what lies between the two is here: a connection that one end has closed is
//! disconnected at the other end. Every interleaving is explored, to where neither end has anything left to do.

use std::collections::{HashSet, VecDeque};

use core::hash::Hash;

use handfast_spec::lifecycle::{Action, Direction, History, Key, Lifecycle, Limits, Origin, SessionId, SessionRecord};
use handfast_spec::{Machine, Recorded};
use model::lifecycle::handfast::{Config, Duplicates, Flaw, Handfast, Mutated};

/// The two connections: which node dialed each, and the rank that both ends know of it.
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
struct Connection {
    dialed_by: usize,
    rank: u32,
}

/// Each node dialed one.
const CROSSED: [Connection; 2] = [Connection { dialed_by: 0, rank: 0 }, Connection { dialed_by: 1, rank: 0 }];

#[derive(Clone, Eq, Hash, PartialEq)]
struct End<M: Machine<Protocol = Lifecycle>> {
    key: Key,
    connections: [Connection; 2],
    node: Recorded<M>,
    /// The session of each connection, once it has come to this end.
    sessions: [Option<SessionId>; 2],
}

impl<M: Machine<Protocol = Lifecycle> + Clone> End<M> {
    fn new(key: Key, connections: [Connection; 2], duplicates: Duplicates, build: impl Fn(Handfast) -> M) -> Self {
        let limits = Limits::new(2, 2);
        let local = Some(key);
        let machine = build(Handfast::new(Config { limits, capacity: 3, duplicates, local }));
        let history = History::configured(limits, duplicates, local);
        Self { key, connections, node: Recorded { machine, history }, sessions: [None; 2] }
    }

    fn record(&self, connection: usize) -> SessionRecord {
        self.sessions[connection].map(|session| self.node.history.sessions.get(session.index())).unwrap_or_default()
    }

    /// The connections that are registered at this end.
    fn keeps(&self) -> Vec<usize> {
        (0..2).filter(|&connection| self.record(connection).registered).collect()
    }

    /// This end after it has done something, if it could.
    fn after(&self, action: Action) -> Option<Self> {
        let mut end = self.clone();
        (!end.node.step(&action).is_refused()).then_some(end)
    }

    /// What this end can do with one of the connections, the other end being as it is.
    fn next(&self, me: usize, connection: usize, other: &Self) -> Vec<Self> {
        let Connection { dialed_by, rank } = self.connections[connection];
        let Some(session) = self.sessions[connection] else {
            let direction = if dialed_by == me { Direction::Outbound } else { Direction::Inbound };
            let session = SessionId(self.sessions.iter().flatten().count() as u32);
            let mut opened = self.after(Action::Open { session, origin: Origin { direction, ..Origin::PLAIN } });
            // The rank is known with the key; a refusal means that the connection was turned away.
            opened = opened.map(|end| end.after(Action::Rank { session, rank }).unwrap_or(end));
            opened.iter_mut().for_each(|end| end.sessions[connection] = Some(session));
            return opened.into_iter().collect();
        };
        let record = self.record(connection);
        let greet = record.holds_slot() && record.key.is_none();
        let disconnect = other.record(connection).closed && !record.is_told_to_end();
        let steps = [
            greet.then_some(Action::HandshakeDone { session, key: other.key }),
            disconnect.then_some(Action::Disconnect { session }),
            Some(Action::Announce { session }),
            Some(Action::End { session }),
            Some(Action::Close { session }),
        ];
        steps.into_iter().flatten().filter_map(|action| self.after(action)).collect()
    }
}

/// What the two ends keep where neither has anything left to do, and how many states there are on the way.
fn outcomes<M>(
    keys: [Key; 2],
    connections: [Connection; 2],
    duplicates: Duplicates,
    build: impl Fn(Handfast) -> M,
) -> (HashSet<[Vec<usize>; 2]>, usize)
where
    M: Machine<Protocol = Lifecycle> + Clone + Eq + Hash,
{
    let start = keys.map(|key| End::new(key, connections, duplicates, &build));
    let mut found = HashSet::from([start.clone()]);
    let mut queue = VecDeque::from([start]);
    let mut outcomes = HashSet::new();
    while let Some(ends) = queue.pop_front() {
        let mut rests = true;
        for (me, connection) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
            for next in ends[me].next(me, connection, &ends[1 - me]) {
                rests = false;
                let mut after = ends.clone();
                after[me] = next;
                if found.insert(after.clone()) {
                    queue.push_back(after);
                }
            }
        }
        if rests {
            outcomes.insert([ends[0].keeps(), ends[1].keeps()]);
        }
    }
    (outcomes, found.len())
}

const LESSER: Key = Key(1);
const GREATER: Key = Key(2);

fn own(node: Handfast) -> Handfast {
    node
}

#[test]
fn both_ends_keep_the_connection_that_the_lesser_key_dialed() {
    for (keys, kept) in [([LESSER, GREATER], 0), ([GREATER, LESSER], 1)] {
        let (outcomes, states) = outcomes(keys, CROSSED, Duplicates::TieBreak, own);
        println!("{states} states");
        assert!(states > 1_000, "{states} states are not every interleaving");
        assert_eq!(outcomes, HashSet::from([[vec![kept], vec![kept]]]));
    }
}

/// Of two connections that one end dialed, both keep the one of greater rank. Without a rank each keeps the one that came
/// to it last, which may be another one at each end.
#[test]
fn both_ends_keep_the_connection_of_greater_rank_where_one_dialed_both() {
    for (dialed_by, keys) in [(0, [LESSER, GREATER]), (0, [GREATER, LESSER]), (1, [LESSER, GREATER])] {
        let with_ranks = |ranks: [u32; 2]| ranks.map(|rank| Connection { dialed_by, rank });
        for (ranks, kept) in [([2, 1], 0), ([1, 2], 1)] {
            let (outcomes, _) = outcomes(keys, with_ranks(ranks), Duplicates::TieBreak, own);
            assert_eq!(outcomes, HashSet::from([[vec![kept], vec![kept]]]), "ranks {ranks:?}");
        }
        let (equal, _) = outcomes(keys, with_ranks([0, 0]), Duplicates::TieBreak, own);
        assert!(equal.contains(&[vec![], vec![]]), "{equal:?}");
        let ignored = |node| Mutated::new(node, Flaw::RankIgnored);
        let (ignored, _) = outcomes(keys, with_ranks([2, 1]), Duplicates::TieBreak, ignored);
        assert!(ignored.contains(&[vec![], vec![]]), "{ignored:?}");
    }
}

/// What happened to those that decide by themselves: each end closes what the other one keeps, and nothing is left.
#[test]
fn ends_that_decide_by_themselves_may_be_left_without_a_connection() {
    let nothing = [vec![], vec![]];
    let prefers_own_dial = |node| Mutated::new(node, Flaw::PrefersOwnDial);
    let (prefer_own, _) = outcomes([LESSER, GREATER], CROSSED, Duplicates::TieBreak, prefers_own_dial);
    assert!(prefer_own.contains(&nothing), "{prefer_own:?}");
    let (keep_old, _) = outcomes([LESSER, GREATER], CROSSED, Duplicates::KeepOld, own);
    assert!(keep_old.contains(&nothing), "{keep_old:?}");
    let (keep_new, _) = outcomes([LESSER, GREATER], CROSSED, Duplicates::KeepNew, own);
    assert!(keep_new.contains(&nothing), "{keep_new:?}");
}
