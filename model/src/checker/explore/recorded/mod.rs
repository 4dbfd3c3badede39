//! Expanding states that are a machine and the history of what it told.
//!
//! What a machine does and tells does not depend on the history, and what becomes of a history depends on nothing but what
//! is told. There are far fewer machines than states, and far fewer histories. So each machine is stepped once, however
//! many states it is in, and its steps are remembered as numbers: of the action, of the machine that it becomes, and of
//! what is told. A state is a pair of numbers, and expanding it is a few looks into tables.
//!
//! Nothing is assumed that [`Recorded`] does not say, and the graph is the one that stepping every state would give.
//!
//! The search over pairs of numbers, [`Product`], knows no machine, so that it is compiled once and not for every design.
//! What machines and histories are is behind [`Parts`].

mod resume;

use core::ops::Range;

use handfast_spec::protocol::{ActionOf, HistoryOf};
use handfast_spec::{Machine, Observation, Protocol, Recorded};

use super::graph::{Edges, Graph};
use super::rows::{Found, Index, Rows, Sought, States, Store, Whole, hash, hash_row};
use super::search::{Expand, Limit, Options, Position, STRETCH, look_ahead, search};
use super::snapshot::{Mismatch, Numbers};

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

/// Explores every reachable state, from where an earlier run was if its snapshot was kept. Of the options, `store` and
/// `symmetry` mean nothing to it.
pub fn explore_recorded<M>(
    recording: &Recording<'_, M>,
    options: &Options<'_, Recorded<M>>,
) -> Graph<Recorded<M>, ActionOf<M>>
where
    M: Machine + Clone + Send + Sync + 'static,
{
    let (machines, histories) = ((recording.machines)(), (recording.histories)());
    let mut stepped = Stepped { recording, machines, histories, told: Whole::default() };
    let mut product = Product::new(&mut stepped, recording.alphabet.len());
    let at = match options.keeper.and_then(|keeper| Some((keeper, keeper.kept()?))) {
        None => Position::start(&mut product),
        Some((keeper, snapshot)) => match product.resume(snapshot, options.threads) {
            Ok(at) => at,
            Err(Mismatch) => {
                keeper.refuse();
                return explore_recorded(recording, options);
            }
        },
    };
    let shape = search(&mut product, options.limits(), at, &mut |product, at| {
        if let Some(keeper) = options.keeper {
            keeper.level(&Numbers::of(at, product.len(), &|state| product.pairs.get(state, HISTORY)));
        }
    });
    let Product { pairs, taken, .. } = product;
    let actions = taken.into_iter().map(|action| recording.alphabet[action as usize]).collect();
    let Stepped { machines, histories, .. } = stepped;
    Graph { states: Box::new(Pairs { machines, histories, pairs }), actions, shape }
}

/// The columns of a pair.
const MACHINE: usize = 0;
const HISTORY: usize = 1;

/// States as pairs of numbers.
struct Pairs<M: Machine> {
    machines: Box<dyn Store<M>>,
    histories: Box<dyn Store<HistoryOf<M>>>,
    pairs: Index,
}

impl<M: Machine + Send + Sync> States<Recorded<M>> for Pairs<M> {
    fn len(&self) -> usize {
        self.pairs.len()
    }

    fn get(&self, number: u32) -> Recorded<M> {
        let mut pair = [0; 2];
        self.pairs.read(number, &mut pair);
        Recorded { machine: self.machines.get(pair[0]), history: self.histories.get(pair[1]) }
    }

    fn pair(&self, number: u32) -> Option<[u32; 2]> {
        let mut pair = [0; 2];
        self.pairs.read(number, &mut pair);
        Some(pair)
    }

    fn show(&self, number: u32, to: &mut dyn FnMut(&Recorded<M>)) {
        to(&self.get(number));
    }

    fn bytes(&self) -> (usize, usize) {
        sum([self.machines.bytes(), self.histories.bytes(), self.pairs.bytes()])
    }
}

fn sum<const COUNT: usize>(bytes: [(usize, usize); COUNT]) -> (usize, usize) {
    bytes.iter().fold((0, 0), |sum, bytes| (sum.0 + bytes.0, sum.1 + bytes.1))
}

/// Machines and histories by their numbers, and what was told by its number.
trait Parts: Sync {
    /// Enters the states to start from, as pairs of a machine and a history.
    fn start(&mut self) -> Vec<[u32; 2]>;

    /// Attempts every action on machines and enters what comes of it.
    fn step(&mut self, machines: Range<u32>, threads: usize, steps: &mut StepsOfMachines);

    /// How many histories there are.
    fn histories(&self) -> usize;

    /// Looks for histories that others become.
    fn listen(&self) -> Box<dyn Listen + '_>;

    /// Returns what becomes of a history when outputs are told, a new one if it is new.
    fn tell(&mut self, history: u32, told: u32) -> u32;

    /// How many bytes are occupied by machines, histories and outputs, and how many by the way to find them.
    fn bytes(&self) -> (usize, usize);
}

/// Looks for histories. It remembers the last one, to put it together once for all that it is told.
trait Listen {
    /// Returns what becomes of a history when outputs are told, unless it is new.
    fn hear(&mut self, history: u32, told: u32) -> Option<u32>;
}

/// What each machine does that was stepped.
struct StepsOfMachines {
    /// Where the steps of each machine begin; one entry more than there are machines.
    offsets: Rows,
    /// For each step: the action, the machine that it leads to, and what is told.
    steps: Rows,
}

impl StepsOfMachines {
    fn new() -> Self {
        let mut offsets = Rows::new(1);
        offsets.push(&[0]);
        Self { offsets, steps: Rows::new(3) }
    }

    /// How many machines were stepped.
    fn len(&self) -> u32 {
        self.offsets.len() as u32 - 1
    }

    fn of(&self, machine: u32) -> Range<usize> {
        self.offsets.get(machine as usize, 0) as usize..self.offsets.get(machine as usize + 1, 0) as usize
    }

    /// Ends the list of steps of a machine that accepts so many actions.
    fn close_machine(&mut self, degree: usize) {
        let begin = self.offsets.get(self.offsets.len() - 1, 0);
        self.offsets.push(&[begin.checked_add(degree as u32).expect("there are fewer steps than edges")]);
    }
}

struct Product<'p> {
    parts: &'p mut dyn Parts,
    pairs: Index,
    steps: StepsOfMachines,
    transitions: TransitionCache,
    /// The label of each action of the alphabet that was taken.
    labels: Vec<Option<u16>>,
    /// For each label, the action.
    taken: Vec<u32>,
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

/// How much is remembered of a stretch while it is looked at.
const LATELY: usize = 1 << 9;

impl<'p> Product<'p> {
    fn new(parts: &'p mut dyn Parts, actions: usize) -> Self {
        Self {
            parts,
            pairs: Index::new(2),
            steps: StepsOfMachines::new(),
            transitions: TransitionCache::default(),
            labels: vec![None; actions],
            taken: Vec::new(),
        }
    }

    /// What becomes of a history when outputs are told, also if it is new.
    fn hear_news(&mut self, history: u32, told: u32) -> u32 {
        if let Some(next) = self.transitions.recall(history, told) {
            return next;
        }
        let next = self.parts.tell(history, told);
        self.transitions.remember([history, told, next]);
        next
    }

    /// Steps the machines up to this one that were not stepped.
    fn step_up_to(&mut self, last: u32, threads: usize) {
        while self.steps.len() <= last {
            // Not all at once: what is found out takes far more room before it is entered.
            let begin = self.steps.len();
            let end = last.saturating_add(1).min(begin + STRETCH * threads.clamp(1, 64) as u32);
            self.parts.step(begin..end, threads, &mut self.steps);
        }
    }

    fn seek(&self, pair: [u32; 2]) -> Target {
        let hash = hash_row(&pair);
        self.pairs.find(hash, &pair).map_or(Target::Pair(hash, pair), Target::Known)
    }

    fn label(&mut self, action: u32) -> Result<u16, Limit> {
        if let Some(label) = self.labels[action as usize] {
            return Ok(label);
        }
        let label = u16::try_from(self.taken.len()).map_err(|_| Limit::Numbers)?;
        self.taken.push(action);
        self.labels[action as usize] = Some(label);
        Ok(label)
    }
}

impl Expand for Product<'_> {
    type Ahead = Ahead;

    fn start(&mut self) {
        for pair in self.parts.start() {
            self.pairs.enter(hash_row(&pair), &pair);
        }
    }

    /// Steps the machines that are in these states. They are stepped in the order in which they were found, so that
    /// those that were not stepped are one stretch.
    fn prepare(&mut self, block: Range<u32>, threads: usize) {
        let last = block.map(|state| self.pairs.get(state, MACHINE)).max().unwrap_or_default();
        self.step_up_to(last, threads);
        self.transitions.make_room(self.parts.histories());
    }

    fn look(&self, states: Range<u32>) -> Ahead {
        let mut ahead = Ahead { degrees: Vec::with_capacity(states.len()), edges: Vec::new(), heard: Vec::new() };
        let mut lately = TransitionCache::with_room(LATELY);
        let mut listener = self.parts.listen();
        let (mut pair, mut step) = ([0; 2], [0; 3]);
        for state in states {
            self.pairs.read(state, &mut pair);
            let [machine, history] = pair;
            let steps = self.steps.of(machine);
            ahead.degrees.push(steps.len());
            for number in steps {
                self.steps.steps.read(number, &mut step);
                let [action, machine, told] = step;
                let recalled = self.transitions.recall(history, told).or_else(|| lately.recall(history, told));
                let heard = recalled.or_else(|| {
                    let heard = [history, told, listener.hear(history, told)?];
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

    fn enter(&mut self, ahead: Ahead, edges: &mut Edges) -> Result<(), Limit> {
        ahead.heard.into_iter().for_each(|heard| self.transitions.remember(heard));
        let mut found = ahead.edges.into_iter();
        for degree in ahead.degrees {
            for (action, target) in found.by_ref().take(degree) {
                let target = match target {
                    Target::Known(number) => number,
                    Target::Pair(hash, next) => self.pairs.enter(hash, &next),
                    Target::Told(machine, history, told) => {
                        let next = [machine, self.hear_news(history, told)];
                        self.pairs.enter(hash_row(&next), &next)
                    }
                };
                edges.push(self.label(action)?, target);
            }
            edges.close_state(self.pairs.len())?;
        }
        Ok(())
    }

    fn len(&self) -> usize {
        self.pairs.len()
    }

    fn bytes(&self) -> usize {
        let (occupied, index) = sum([self.parts.bytes(), self.pairs.bytes()]);
        occupied + index + self.steps.offsets.bytes() + self.steps.steps.bytes() + self.transitions.bytes()
    }
}

/// The parts of the states of a design.
struct Stepped<'m, M: Machine> {
    recording: &'m Recording<'m, M>,
    machines: Box<dyn Store<M>>,
    histories: Box<dyn Store<HistoryOf<M>>>,
    /// Every list of outputs that was told at once.
    told: Whole<Vec<OutputOf<M>>>,
}

type OutputOf<M> = <<M as Machine>::Protocol as Protocol>::Output;

/// What was found out about some machines.
struct Attempts<M: Machine> {
    /// How many actions each of them accepts.
    degrees: Vec<usize>,
    taken: Vec<(u32, Vec<OutputOf<M>>)>,
    targets: Sought<M>,
}

impl<M: Machine + Clone + Send + Sync + 'static> Stepped<'_, M> {
    fn attempt(&self, machines: Range<u32>) -> Attempts<M> {
        let store = &*self.machines;
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

    fn tell_to(&self, mut history: HistoryOf<M>, told: u32) -> HistoryOf<M> {
        self.told.at(told).iter().for_each(|output| M::Protocol::record(&mut history, output));
        history
    }
}

impl<M: Machine + Clone + Send + Sync + 'static> Parts for Stepped<'_, M> {
    fn start(&mut self) -> Vec<[u32; 2]> {
        let Self { recording, machines, histories, .. } = self;
        let (mut row, mut row_of_history) = (vec![0; machines.columns()], vec![0; histories.columns()]);
        let pair = |Recorded { machine, history }: &Recorded<M>| {
            let machine = enter(&mut **machines, machine.clone(), &mut row);
            [machine, enter(&mut **histories, history.clone(), &mut row_of_history)]
        };
        recording.initial.iter().map(pair).collect()
    }

    fn step(&mut self, machines: Range<u32>, threads: usize, steps: &mut StepsOfMachines) {
        for attempts in look_ahead(machines, STRETCH, threads, |machines| self.attempt(machines)) {
            let targets = attempts.targets.enter(&mut *self.machines);
            for ((action, outputs), target) in attempts.taken.into_iter().zip(targets) {
                let hash = hash(&outputs);
                let told = self.told.number(hash, &outputs).unwrap_or_else(|| self.told.intern(hash, outputs));
                steps.steps.push(&[action, target, told]);
            }
            attempts.degrees.into_iter().for_each(|degree| steps.close_machine(degree));
        }
    }

    fn histories(&self) -> usize {
        self.histories.len()
    }

    fn listen(&self) -> Box<dyn Listen + '_> {
        let row = vec![0; self.histories.columns()];
        Box::new(Listener { parts: self, last: None, row_of_next: row.clone(), row })
    }

    fn tell(&mut self, history: u32, told: u32) -> u32 {
        let mut row = vec![0; self.histories.columns()];
        let history = self.histories.load(history, &mut row);
        let next = self.tell_to(history, told);
        enter(&mut *self.histories, next, &mut row)
    }

    fn bytes(&self) -> (usize, usize) {
        sum([self.machines.bytes(), self.histories.bytes(), self.told.occupied()])
    }
}

struct Listener<'s, M: Machine> {
    parts: &'s Stepped<'s, M>,
    /// The last history and its number; `row` is its row.
    last: Option<(u32, HistoryOf<M>)>,
    row: Vec<u32>,
    row_of_next: Vec<u32>,
}

impl<M: Machine + Clone + Send + Sync + 'static> Listen for Listener<'_, M> {
    fn hear(&mut self, history: u32, told: u32) -> Option<u32> {
        let store = &*self.parts.histories;
        let last = self.last.take().filter(|(number, _)| *number == history);
        let (_, whole) = self.last.insert(last.unwrap_or_else(|| (history, store.load(history, &mut self.row))));
        let next = self.parts.tell_to(whole.clone(), told);
        self.row_of_next.copy_from_slice(&self.row);
        match store.find(&next, &mut self.row_of_next) {
            Found::Known(next) => Some(next),
            Found::Row(_) | Found::Unheard(_) => None,
        }
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

/// What became of histories lately. It forgets, because remembering everything would take more than the states do.
#[derive(Default)]
pub(super) struct TransitionCache {
    /// History, what was told, and the history after it; each at the one place that its hash gives it.
    places: Vec<[u32; 3]>,
}

impl TransitionCache {
    pub(super) fn with_room(count: usize) -> Self {
        let mut cache = Self::default();
        cache.make_room(count);
        cache
    }

    pub(super) fn recall(&self, history: u32, told: u32) -> Option<u32> {
        let &[of, heard, next] = self.places.get(self.place(history, told))?;
        ([of, heard] == [history, told]).then_some(next)
    }

    /// Makes room for so many, in powers of two. Whatever was there is forgotten when there is not enough.
    pub(super) fn make_room(&mut self, count: usize) {
        if self.places.len() < count {
            self.places = Vec::new();
            self.places = vec![[u32::MAX; 3]; count.next_power_of_two()];
        }
    }

    pub(super) fn remember(&mut self, [history, told, next]: [u32; 3]) {
        let place = self.place(history, told);
        if let Some(place) = self.places.get_mut(place) {
            *place = [history, told, next];
        }
    }

    fn place(&self, history: u32, told: u32) -> usize {
        // The upper bits of the product are the well mixed ones.
        let mixed = (u64::from(history) << 32 | u64::from(told)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        (mixed >> 32) as usize & self.places.len().wrapping_sub(1)
    }

    pub(super) fn bytes(&self) -> usize {
        self.places.capacity() * size_of::<[u32; 3]>()
    }
}
