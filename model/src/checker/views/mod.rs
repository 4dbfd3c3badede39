//! Any number of participants: view abstraction.
//!
//! An exploration has two, three or four participants. What holds for every number of them is shown with *views*:
//! what all share, and what `k` of them have to themselves (P. A. Abdulla, F. Haziza, L. Holik, *All for the price of
//! few*, VMCAI 2013). From a set of views every configuration of `k + 1` participants is built of which all views are
//! in it. It is stepped with the design itself, and the views of what comes out are added. When nothing is new, a
//! rule that no such configuration breaks holds for every number of participants.
//!
//! This is sound where each step reads and writes what all share, what the acting participant has and what at most one
//! other participant has that the action names, and does the same to every other one. [`uncovered`] looks for a step
//! that does not. The set has more than what is reachable, so that a rule that is broken in it may hold all the same:
//! [`Family::prove`] then looks for a behaviour of few participants that breaks it.

mod concrete;
mod fixpoint;

use core::fmt::{self, Debug, Display, Formatter};
use core::hash::Hash;
use std::time::{Duration, Instant};

use handfast_spec::{Protocol, Recorded};

use crate::checker::design::{Checked, Design};
use crate::checker::trace::Trace;

pub use concrete::{Gap, Representatives, uncovered};
pub use fixpoint::{Broken, End, Fixpoint, Link};

/// A design with participants that are interchangeable: each can be taken out of a state and put into another one.
///
/// An invariant that is false of a state is to be false of some part of it with as many participants as a
/// configuration has.
pub trait Interchangeable: Design {
    /// What a participant has to itself: its own state, its share of the history, and whether it is the one that the
    /// shared part names.
    type Local: Clone + Debug + Eq + Hash + Send + Sync;

    /// Takes a state apart: the state without participants, and what each of them has to itself.
    ///
    /// A participant that the shared part names is named as another one there. What is infinite is folded: states that
    /// no step and no rule tells apart have the same parts. Returns `None` for a state of which that is not known.
    fn take_apart(state: &Recorded<Self>) -> Option<(Recorded<Self>, Vec<Self::Local>)>;

    /// Puts participants into a shared part: every state that these parts stand for, or none if two participants claim
    /// what one alone can have.
    fn put_together(shared: &Recorded<Self>, locals: &[&Self::Local]) -> Vec<Recorded<Self>>;

    /// Whether states are put together, or rules asked of them, in reliance on the balance. If not, a design that does
    /// not keep it is searched without.
    const NEEDS_BALANCE: bool = false;

    /// What the shared part counts, less what the participants that are there contribute to it.
    ///
    /// It is zero at the start, and every step is to keep it as it is, which is checked. So it is never negative
    /// where participants are left out, and configurations in which it is are no parts of reachable states. What a
    /// participant contributes is not negative, and only its own steps change it.
    fn balance(_state: &Recorded<Self>) -> i64 {
        0
    }

    /// The state in words, a line for each thing.
    fn describe(state: &Recorded<Self>) -> Vec<String>;
}

/// A design for every number of participants.
pub struct Family<D: Interchangeable> {
    /// Its name.
    pub name: &'static str,
    /// What is bounded all the same, and what is not.
    pub bounds: &'static str,
    /// How many participants a view has.
    pub k: usize,
    /// How many participants a step reads or writes beside those to whom it does the same: the acting one, and one
    /// more if actions name one.
    pub named: usize,
    /// The design with a number of participants.
    pub instance: Box<dyn Fn(usize) -> Checked<D> + Send + Sync>,
}

/// The most participants of an instance in which a counterexample is looked for.
const MOST_PARTICIPANTS: usize = 4;

/// How many views there may be before the search for a fixpoint is given up.
const MOST_VIEWS: usize = 1 << 20;

impl<D: Interchangeable> Family<D> {
    /// How many participants a configuration has.
    pub fn configuration(&self) -> usize {
        self.k + self.named
    }

    /// Looks for the set of views that contains those of every reachable state.
    pub fn fixpoint(&self) -> Fixpoint<D> {
        let balanced = Fixpoint::search(self, true, MOST_VIEWS);
        match balanced.end {
            // A design that does not keep the balance may be right: it is asked again, relying on nothing.
            End::Unbalanced if !D::NEEDS_BALANCE => Fixpoint::search(self, false, MOST_VIEWS),
            End::Closed | End::Broken(_) | End::Unfolded | End::Unbalanced | End::TooMany => balanced,
        }
    }

    /// Decides whether the invariants hold for every number of participants.
    pub fn prove(&self, design: &str) -> Proof {
        let begun = Instant::now();
        let fixpoint = self.fixpoint();
        let counts = Counts {
            k: self.k,
            participants: self.configuration(),
            views: fixpoint.view_count(),
            rounds: fixpoint.rounds,
            configurations: fixpoint.configurations,
        };
        let doubt = match fixpoint.end {
            End::Closed => None,
            End::Broken(broken) => Some(Doubt::NotFound(broken)),
            End::Unfolded => Some(Doubt::Unfolded),
            End::Unbalanced => Some(Doubt::Unbalanced),
            End::TooMany => Some(Doubt::TooMany),
        };
        let verdict = match doubt {
            None => Verdict::Proven,
            Some(doubt) => match self.counterexample(design) {
                Some(trace) => Verdict::Refused(Box::new(trace)),
                None => Verdict::Inconclusive(doubt),
            },
        };
        let rules = D::Protocol::INVARIANTS.iter().map(|rule| rule.id).collect();
        let (name, bounds, elapsed) = (self.name, self.bounds, begun.elapsed());
        Proof { name, bounds, design: design.to_owned(), rules, counts, verdict, elapsed }
    }

    /// A shortest behaviour that breaks an invariant, of the fewest participants that have one.
    fn counterexample(&self, design: &str) -> Option<Trace> {
        (1..=MOST_PARTICIPANTS).find_map(|count| Representatives::of(self, count).counterexample(self, design))
    }
}

/// What came of a proof for every number of participants.
#[derive(Clone, Debug)]
pub struct Proof {
    /// The name of the family.
    pub name: &'static str,
    /// What is bounded all the same, and what is not.
    pub bounds: &'static str,
    /// The design that it is about.
    pub design: String,
    /// The ids of the rules that it is about.
    pub rules: Vec<&'static str>,
    /// How much there was to look at.
    pub counts: Counts,
    /// What it came to.
    pub verdict: Verdict,
    /// How long it took.
    pub elapsed: Duration,
}

/// How much a proof looked at.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Counts {
    /// How many participants a view has.
    pub k: usize,
    /// How many participants a configuration has.
    pub participants: usize,
    /// How many views there are.
    pub views: usize,
    /// How many rounds it took until nothing was new.
    pub rounds: usize,
    /// How many configurations were stepped.
    pub configurations: usize,
}

/// What a proof came to.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// The rules hold for every number of participants.
    Proven,
    /// A behaviour of few participants breaks a rule.
    Refused(Box<Trace>),
    /// Neither.
    Inconclusive(Doubt),
}

/// Why a proof came to nothing.
#[derive(Clone, Debug)]
pub enum Doubt {
    /// A rule is broken in what the views stand for, which may be more than what is reachable: no behaviour of few
    /// participants breaks it.
    NotFound(Broken),
    /// A state cannot be taken apart.
    Unfolded,
    /// A step does not keep the balance.
    Unbalanced,
    /// There are too many views.
    TooMany,
}

impl Verdict {
    /// The verdict in a word.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Proven => "proven",
            Self::Refused(_) => "refused",
            Self::Inconclusive(_) => "inconclusive",
        }
    }
}

impl Display for Doubt {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound(broken) => write!(
                f,
                "{} is broken in what the views stand for; no instance of up to {MOST_PARTICIPANTS} breaks a rule, so \
                 that this may be an artefact of the abstraction",
                broken.rule
            ),
            Self::Unfolded => f.write_str("a state was met that the abstraction does not cover"),
            Self::Unbalanced => f.write_str("a step changes what is counted, which the abstraction relies on"),
            Self::TooMany => write!(f, "more than {MOST_VIEWS} views were found"),
        }
    }
}
