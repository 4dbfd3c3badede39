//! Expanding states that are a machine and the history of what it told.
//!
//! What a machine does and tells does not depend on the history, and what becomes of a history depends on nothing but what
//! is told. There are far fewer machines than states, and far fewer histories. So each machine is stepped once, however
//! many states it is in, and its steps are remembered as numbers: of the action, of the machine that it becomes, and of
//! what is told. A state is a pair of numbers, and expanding it is a few looks into tables.
//!
//! Nothing is assumed that [`Recorded`] does not say, and the graph is the one that stepping every state would give.

use core::ops::Range;

use handfast_spec::protocol::{ActionOf, HistoryOf};
use handfast_spec::{Machine, Observation, Protocol, Recorded};

use super::edges::Edges;
use super::graph::Graph;
use super::index::{Index, hash_row};
use super::pairs::Pairs;
use super::parallel::{STRETCH, look_ahead};
use super::rows::Rows;
use super::search::{Expand, Limit, Options, search};
use super::store::{Found, Sought, States, Store, Whole, hash};
use super::transition_cache::Heard;

/// Where machines start, and what may be attempted.
pub struct Recording<'a, M: Machine> {
    /// The states to start from.
    pub initial: &'a [Recorded<M>],
    /// Every action, to be attempted in every state. A refused action must leave the machine as it was.
    pub alphabet: &'a [ActionOf<M>],
    /// Makes what machines are kept in.
    pub machines: fn() -> Box<dyn Store<M>>,
    /// Makes what histories are kept in.
    pub histories: fn() -> Box<dyn Store<HistoryOf<M>>>,
}

/// Explores every reachable state. Of the options, `store` and `symmetry` mean nothing to it.
pub fn explore_recorded<M>(
    recording: &Recording<'_, M>,
    options: &Options<'_, Recorded<M>>,
) -> Graph<Recorded<M>, ActionOf<M>>
where
    M: Machine + Clone + Send + Sync + 'static,
{
    let options = Options { symmetry: None, ..*options };
    search(Product::new(recording), &options)
}

/// How much is remembered of a stretch while it is looked at.
const LATELY: usize = 1 << 9;

struct Product<'m, M: Machine> {
    recording: &'m Recording<'m, M>,
    states: Pairs<M>,
    /// Where the steps of each machine begin that was stepped; one entry more than there are such.
    offsets: Rows,
    /// For each step: the action, the machine that it leads to, and what is told.
    steps: Rows,
    /// Every list of outputs that was told at once.
    told: Whole<Vec<FactOf<M>>>,
    heard: Heard,
    /// The label of each action of the alphabet that was taken.
    labels: Vec<Option<u16>>,
}

type FactOf<M> = <<M as Machine>::Protocol as Protocol>::Output;

/// What was found out about some machines.
struct Attempts<M: Machine> {
    /// How many actions each of them accepts.
    degrees: Vec<usize>,
    taken: Vec<(u32, Vec<FactOf<M>>)>,
    targets: Sought<M>,
}

/// What was found out about some states.
struct Ahead {
    /// How many edges leave each of them.
    degrees: Vec<usize>,
    /// The action of each edge, and where it leads.
    edges: Vec<(u32, Target)>,
    /// Histories, what they were told, and what became of them.
    heard: Vec<[u32; 3]>,
}

enum Target {
    Known(u32),
    /// A machine and a history, and the hash of them.
    Pair(u64, [u32; 2]),
    /// A machine, and the history that becomes of one when this is told; it is new.
    Told(u32, u32, u32),
}

impl<'m, M: Machine + Clone + Send + Sync + 'static> Product<'m, M> {
    fn new(recording: &'m Recording<'m, M>) -> Self {
        let mut offsets = Rows::new(1);
        offsets.push(&[0]);
        let states =
            Pairs { machines: (recording.machines)(), histories: (recording.histories)(), pairs: Index::new(2) };
        Self {
            recording,
            states,
            offsets,
            steps: Rows::new(3),
            told: Whole::default(),
            heard: Heard::default(),
            labels: vec![None; recording.alphabet.len()],
        }
    }

    /// Attempts every action on machines.
    fn attempt(&self, machines: Range<u32>) -> Attempts<M> {
        let store = &*self.states.machines;
        let mut attempts = Attempts { degrees: Vec::new(), taken: Vec::new(), targets: Sought::new(store.columns()) };
        let mut row = vec![0; store.columns()];
        let mut row_of_next = row.clone();
        for machine in machines {
            let machine = store.load(machine, &mut row);
            let before = attempts.taken.len();
            // A refused action leaves the machine as it was, so that one copy serves until an action is accepted.
            let mut next = machine.clone();
            for (action, index) in self.recording.alphabet.iter().zip(0..) {
                if let Observation::Accepted(outputs) = next.step(action) {
                    row_of_next.copy_from_slice(&row);
                    attempts.targets.seek(store, next, &mut row_of_next);
                    attempts.taken.push((index, outputs));
                    next = machine.clone();
                }
            }
            attempts.degrees.push(attempts.taken.len() - before);
        }
        attempts
    }

    /// Remembers the steps that were found out.
    fn remember(&mut self, attempts: Attempts<M>) {
        let targets = attempts.targets.enter(&mut *self.states.machines);
        for ((action, outputs), target) in attempts.taken.into_iter().zip(targets) {
            let hash = hash(&outputs);
            let told = self.told.number(hash, &outputs).unwrap_or_else(|| self.told.intern(hash, outputs));
            self.steps.push(&[action, target, told]);
        }
        let mut end = self.offsets.get(self.offsets.len() - 1, 0);
        for degree in attempts.degrees {
            end = end.checked_add(degree as u32).expect("there are fewer steps than edges");
            self.offsets.push(&[end]);
        }
    }

    /// What becomes of a history when outputs are told, unless it is new. `row` is that of the history.
    fn hear(&self, history: &HistoryOf<M>, told: u32, row: &mut [u32]) -> Option<u32> {
        let next = self.tell(history.clone(), told);
        match self.states.histories.find(&next, row) {
            Found::Known(next) => Some(next),
            Found::Row(_) | Found::Unheard(_) => None,
        }
    }

    /// The same, also if it is new.
    fn hear_news(&mut self, history: u32, told: u32) -> u32 {
        if let Some(next) = self.heard.recall(history, told) {
            return next;
        }
        let mut row = vec![0; self.states.histories.columns()];
        let next = self.states.histories.load(history, &mut row);
        let next = self.tell(next, told);
        let next = enter(&mut *self.states.histories, next, &mut row);
        self.heard.remember([history, told, next]);
        next
    }

    fn tell(&self, mut history: HistoryOf<M>, told: u32) -> HistoryOf<M> {
        self.told.at(told).iter().for_each(|output| M::Protocol::record(&mut history, output));
        history
    }

    fn seek(&self, pair: [u32; 2]) -> Target {
        let hash = hash_row(&pair);
        self.states.pairs.find(hash, &pair).map_or(Target::Pair(hash, pair), Target::Known)
    }

    fn label(&mut self, action: u32, edges: &mut Edges<ActionOf<M>>) -> Result<u16, Limit> {
        if let Some(label) = self.labels[action as usize] {
            return Ok(label);
        }
        let label = edges.label_of(self.recording.alphabet[action as usize])?;
        self.labels[action as usize] = Some(label);
        Ok(label)
    }
}

impl<M: Machine + Clone + Send + Sync + 'static> Expand<Recorded<M>, ActionOf<M>> for Product<'_, M> {
    type Ahead = Ahead;

    fn start(&mut self) {
        let Pairs { machines, histories, pairs } = &mut self.states;
        let (mut row, mut row_of_ledger) = (vec![0; machines.columns()], vec![0; histories.columns()]);
        for Recorded { machine, history } in self.recording.initial {
            let machine = enter(&mut **machines, machine.clone(), &mut row);
            let history = enter(&mut **histories, history.clone(), &mut row_of_ledger);
            pairs.enter(hash_row(&[machine, history]), &[machine, history]);
        }
    }

    /// Steps the machines that are in these states. They are stepped in the order in which they were found, so that
    /// those that were not stepped are one stretch.
    fn prepare(&mut self, block: Range<u32>, threads: usize) {
        let last = block.map(|state| self.states.pairs.get(state, 0)).max().unwrap_or_default();
        let mut stepped = self.offsets.len() as u32 - 1;
        while stepped <= last {
            // Not all at once: what is found out takes far more room before it is entered.
            let end = last.saturating_add(1).min(stepped + STRETCH * threads.clamp(1, 64) as u32);
            let attempts = look_ahead(stepped..end, threads, |machines| self.attempt(machines));
            attempts.into_iter().for_each(|attempts| self.remember(attempts));
            stepped = end;
        }
        self.heard.make_room(self.states.histories.len());
    }

    fn look(&self, states: Range<u32>, _: &Edges<ActionOf<M>>) -> Ahead {
        let mut ahead = Ahead { degrees: Vec::with_capacity(states.len()), edges: Vec::new(), heard: Vec::new() };
        let mut lately = Heard::with_room(LATELY);
        let mut row = vec![0; self.states.histories.columns()];
        let mut row_of_next = row.clone();
        let (mut pair, mut step) = ([0; 2], [0; 3]);
        for state in states {
            self.states.pairs.read(state, &mut pair);
            let [machine, history] = pair;
            // Put together when it is needed, once for all steps.
            let mut whole = None;
            let mut hear = |told| {
                let whole = whole.get_or_insert_with(|| self.states.histories.load(history, &mut row));
                row_of_next.copy_from_slice(&row);
                self.hear(whole, told, &mut row_of_next)
            };
            let steps = self.offsets.get(machine as usize, 0)..self.offsets.get(machine as usize + 1, 0);
            ahead.degrees.push(steps.len());
            for number in steps {
                self.steps.read(number as usize, &mut step);
                let [action, machine, told] = step;
                let recalled = self.heard.recall(history, told).or_else(|| lately.recall(history, told));
                let heard = recalled.or_else(|| {
                    let heard = [history, told, hear(told)?];
                    lately.remember(heard);
                    ahead.heard.push(heard);
                    Some(heard[2])
                });
                let target = match heard {
                    None => Target::Told(machine, history, told),
                    Some(history) => self.seek([machine, history]),
                };
                ahead.edges.push((action, target));
            }
        }
        ahead
    }

    fn enter(&mut self, ahead: Ahead, edges: &mut Edges<ActionOf<M>>) -> Result<(), Limit> {
        ahead.heard.into_iter().for_each(|heard| self.heard.remember(heard));
        let mut found = ahead.edges.into_iter();
        for degree in ahead.degrees {
            for (action, target) in found.by_ref().take(degree) {
                let target = match target {
                    Target::Known(number) => number,
                    Target::Pair(hash, next) => self.states.pairs.enter(hash, &next),
                    Target::Told(machine, history, told) => {
                        let next = [machine, self.hear_news(history, told)];
                        self.states.pairs.enter(hash_row(&next), &next)
                    }
                };
                let label = self.label(action, edges)?;
                edges.push(label, target);
            }
            edges.close_state(self.states.len())?;
        }
        Ok(())
    }

    fn len(&self) -> usize {
        self.states.len()
    }

    fn bytes(&self) -> usize {
        let (states, index) = self.states.bytes();
        let (told, index_of_told) = self.told.occupied();
        let remembered = self.offsets.bytes() + self.steps.bytes() + told + index_of_told + self.heard.bytes();
        states + index + remembered
    }

    fn finish(self) -> (Box<dyn States<Recorded<M>>>, bool) {
        (Box::new(self.states), false)
    }
}

/// The number of something in a store, a new one if it is not there. `row` is that of something similar.
fn enter<S>(store: &mut dyn Store<S>, state: S, row: &mut [u32]) -> u32 {
    match store.find(&state, row) {
        Found::Known(number) => number,
        Found::Row(hash) => store.enter_row(hash, row),
        Found::Unheard(hash) => store.enter(hash, state),
    }
}
