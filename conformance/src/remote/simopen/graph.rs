//! What a tester can show to an end, as a graph: made of the model, which is asked what becomes of each.
//!
//! A node is where the end waits for the tester. An edge is something that the tester does there. A case leads along the
//! shortest way to an edge, takes it, and goes on to where the end settles, if there is such a way.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use handfast_spec::simopen::{Kind, Role};

use super::message::{Malformed, Message, Number};
use super::tested::{Tested, place};

/// Something that a tester does.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Move {
    Say(Message),
    Finish,
}

/// An edge: where it begins, and what the tester does there.
pub(super) type Edge = (&'static str, &'static str);

impl Move {
    pub(super) fn word(&self) -> &'static str {
        match self {
            Self::Say(message) => message.word(),
            Self::Finish => "end",
        }
    }
}

/// The number of the end in the graph: there are smaller and greater ones.
const NONCE: u64 = 1000;

/// The way to an edge, with it, and how it goes on.
#[derive(Clone, Debug)]
pub(super) struct Way {
    pub(super) edge: Edge,
    pub(super) moves: Vec<Move>,
    /// Whether the end settles at its end.
    pub(super) settles: bool,
}

/// What a tester can show to an end of a kind.
#[derive(Debug)]
pub(super) struct Graph {
    nodes: BTreeMap<&'static str, Node>,
    pub(super) edges: BTreeSet<Edge>,
    protocols: Vec<String>,
}

#[derive(Clone, Debug)]
struct Node {
    end: Tested,
    way: Vec<Move>,
}

/// Everything that a tester says at an end. One word for each token of the model, and no more.
fn alphabet(protocols: usize) -> Vec<Move> {
    let mut messages = vec![
        Message::Header,
        Message::Simopen,
        Message::Na,
        Message::Supported(0),
        Message::Unsupported(UNSUPPORTED.to_owned()),
        Message::Word("iamclient".to_owned()),
        Message::Select(Number::Less),
        Message::Select(Number::Equal),
        Message::Select(Number::Greater),
        Message::BadSelect("+5".to_owned()),
        Message::Role(Role::Initiator),
        Message::Role(Role::Responder),
        Message::Malformed(Malformed::NoLineFeed),
    ];
    if protocols > 1 {
        messages.push(Message::Supported(protocols - 1));
    }
    messages.into_iter().map(Move::Say).chain([Move::Finish]).collect()
}

/// Whether a way to somewhere else takes this edge. Dialers pipeline a proposal before their number: one that does not is shown
/// to an end once, and in no other case.
fn is_way(here: &str, next: &Move) -> bool {
    here != "selecting" || !matches!(next, Move::Say(Message::Select(_)))
}

/// A protocol that no implementation supports.
pub(super) const UNSUPPORTED: &str = "/handfast/not-supported/1.0.0";

impl Graph {
    /// Explores an end of a kind with these protocols.
    pub(super) fn of(kind: Kind, protocols: &[String]) -> Self {
        let mut start = Tested::start(kind, protocols.len(), NONCE);
        start.rest();
        let mut graph = Self { nodes: BTreeMap::new(), edges: BTreeSet::new(), protocols: protocols.to_vec() };
        let mut open = VecDeque::from([Node { end: start, way: Vec::new() }]);
        while let Some(node) = open.pop_front() {
            let here = place(node.end.stage());
            // The first way to a place is the shortest.
            if graph.nodes.contains_key(here) {
                continue;
            }
            if !node.end.has_failed() && !node.end.has_settled() {
                for next in alphabet(protocols.len()) {
                    graph.edges.insert((here, next.word()));
                    if is_way(here, &next) {
                        let end = graph.after(&node.end, &next);
                        open.push_back(Node { end, way: [node.way.clone(), vec![next]].concat() });
                    }
                }
            }
            graph.nodes.insert(here, node);
        }
        graph
    }

    fn after(&self, end: &Tested, next: &Move) -> Tested {
        let mut end = end.clone();
        match next {
            Move::Say(message) => {
                let token = message.outgoing(&self.protocols, Some(NONCE)).and_then(|outgoing| outgoing.token);
                end.hears(token.expect("each of the alphabet is a token"));
            }
            Move::Finish => end.peer_ends(),
        }
        end.rest();
        end
    }

    /// A way for each edge: the shortest there, and the shortest to where the end settles.
    pub(super) fn ways(&self) -> Vec<Way> {
        let taken = self.nodes.iter().flat_map(|(here, node)| {
            let moves = alphabet(self.protocols.len()).into_iter();
            let moves = moves.filter(move |next| self.edges.contains(&(*here, next.word())));
            moves.map(move |next| self.way(here, node, next))
        });
        let mut ways: Vec<Way> = taken.collect();
        ways.sort_by_key(|way| (way.moves.len(), way.edge));
        ways
    }

    fn way(&self, here: &'static str, node: &Node, next: Move) -> Way {
        let edge = (here, next.word());
        let end = self.after(&node.end, &next);
        let rest = self.completion(&end);
        let settles = rest.is_some();
        Way { edge, moves: [node.way.clone(), vec![next], rest.unwrap_or_default()].concat(), settles }
    }

    /// The shortest way on to where an end settles.
    fn completion(&self, end: &Tested) -> Option<Vec<Move>> {
        let mut seen = BTreeSet::new();
        let mut open = VecDeque::from([(end.clone(), Vec::new())]);
        while let Some((end, way)) = open.pop_front() {
            if end.has_settled() {
                return Some(way);
            }
            if end.has_failed() || !seen.insert(format!("{:?}", end.stage())) {
                continue;
            }
            // An end of which the peer has gone has failed.
            let here = place(end.stage());
            let moves = alphabet(self.protocols.len()).into_iter();
            for next in moves.filter(|next| *next != Move::Finish && is_way(here, next)) {
                open.push_back((self.after(&end, &next), [way.clone(), vec![next]].concat()));
            }
        }
        None
    }
}
