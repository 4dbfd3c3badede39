//! Any number of threads: what a thread has to itself, and what all share.
//!
//! One number is looked at, with any number of descriptors in turn, arrivals and takeovers. Three things are folded:
//!
//! - *Descriptors* are the current one and all closed ones. No step tells two closed ones apart: none is open, and no
//!   slot has their generation.
//! - *Generations* are the slot's and all earlier ones. A token is compared with the slot's only, and an earlier one
//!   never becomes the slot's again, before 2^40 descriptors.
//! - *Runners* are counted up to [`MANY`]. No step tells two of the numbers above one apart; that a count is as great as
//!   the number of threads seen inside is a [balance](Interchangeable::balance), which the search checks.

use core::hash::Hash;

use handfast_spec::ownership::{
    Action, DescriptorRecord, History, Incarnation, Owner, Ownership, Stage, Thread, Threads,
};
use handfast_spec::{Recorded, Table};
use serde::Serialize;

use super::kernel::{Descriptor, Registration};
use super::machine::{At, Config, Handfast, Report, Worker, World};
use super::word::{Slot, Slots, State, Token, Words};
use crate::checker::design::{Checked, Design};
use crate::checker::views::{Family, Interchangeable};

/// The name of a thread that was taken out.
const ANOTHER: Thread = Thread(u16::MAX);

/// The one number.
const NUMBER: u8 = 0;

/// All descriptors that are closed.
const CLOSED: Incarnation = Incarnation(0);

/// The descriptor that is open, or will be next.
const CURRENT: Incarnation = Incarnation(1);

/// The generation of the slot; that of an earlier token is one less.
const GENERATION: u32 = 1;

/// As many runners, or more. The machine tells none, one and more apart.
const MANY: u16 = 3;

/// How many threads a view has.
const K: usize = 2;

/// A world without threads, and what each thread has to itself.
pub(super) struct Parts<W> {
    pub(super) shared: (World<W>, History),
    pub(super) locals: Vec<Local>,
}

/// What a thread has to itself.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Local {
    worker: Worker,
    /// What its poller has of the current descriptor.
    registration: Registration,
    /// It is the owner that the word names.
    owns: bool,
    told: Told,
}

/// A thread's share of the history.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
struct Told {
    inside_closed: bool,
    inside: bool,
    watching: bool,
    astray: bool,
    owns: bool,
    closes: bool,
    calling: bool,
}

/// Words with slots that can be written as they are read.
pub trait Writable: Words {
    /// Writes a slot: the generation is that of the token.
    fn write(&mut self, token: Token, state: State, payload: Option<Incarnation>);
}

impl Writable for Slots {
    fn write(&mut self, Token { number, generation }: Token, state: State, payload: Option<Incarnation>) {
        *self.slot(number) = Slot { generation, state, payload };
    }
}

/// What is folded: which descriptor is the current one, and which generation is the slot's.
#[derive(Clone, Copy)]
struct Fold {
    current: Option<Incarnation>,
    generation: u32,
}

impl Fold {
    fn of<W: Words>(world: &World<W>) -> Self {
        let mut kernel = (0..).map(Incarnation).zip(world.kernel.iter());
        let current = kernel.find(|(_, descriptor)| descriptor.open).map(|(which, _)| which);
        Self { current, generation: world.words.token(NUMBER).generation }
    }

    fn incarnation(self, which: Incarnation) -> Incarnation {
        if self.current == Some(which) { CURRENT } else { CLOSED }
    }

    fn token(self, token: Token) -> Token {
        let is_late = token.generation != self.generation;
        Token { generation: GENERATION - u32::from(is_late), ..token }
    }

    fn report(self, Report { token, about }: Report) -> Report {
        Report { token: self.token(token), about: self.incarnation(about) }
    }

    fn at(self, at: At) -> At {
        match at {
            At::Rest => At::Rest,
            At::Opened(which) => At::Opened(self.incarnation(which)),
            At::Claimed(which) => At::Claimed(self.incarnation(which)),
            At::Inside(which, token) => At::Inside(self.incarnation(which), self.token(token)),
            At::Holding(which, token) => At::Holding(self.incarnation(which), self.token(token)),
            At::Wiped(which) => At::Wiped(self.incarnation(which)),
            At::Deregistering(which, token) => At::Deregistering(self.incarnation(which), self.token(token)),
        }
    }

    fn registration(self, registration: Registration) -> Registration {
        match registration {
            Registration::None => Registration::None,
            Registration::Quiet(token) => Registration::Quiet(self.token(token)),
            Registration::Due(token) => Registration::Due(self.token(token)),
        }
    }
}

impl<W: Writable + Clone> World<W> {
    /// Takes the world apart. Returns `None` if it has several numbers, limits, or a closed descriptor that is not as
    /// every other one.
    pub(super) fn take_apart(&self, history: &History) -> Option<Parts<W>> {
        let Config { numbers, takeovers, arrivals, threads } = self.config;
        if (numbers, takeovers, arrivals) != (1, u8::MAX, u8::MAX) {
            return None;
        }
        let fold = Fold::of(self);
        let shared = (self.without_threads(fold)?, told_of_no_thread(history, fold)?);
        let locals = (0..threads).map(Thread).map(|thread| self.local(history, thread, fold)).collect();
        Some(Parts { shared, locals })
    }

    fn without_threads(&self, fold: Fold) -> Option<Self> {
        let mut words = self.words.clone();
        let mut state = words.state(NUMBER);
        if let State::Live { owner, runners, .. } = &mut state {
            (*owner, *runners) = (anothers(*owner), MANY.min(*runners));
        }
        let payload = words.payload(NUMBER).map(|which| fold.incarnation(which));
        words.write(Token { number: NUMBER, generation: GENERATION }, state, payload);
        let mut kernel = Table::default();
        for (which, descriptor) in (0..).map(Incarnation).zip(self.kernel.iter()) {
            if fold.current == Some(which) {
                *kernel.entry(CURRENT.index()) = Descriptor { watchers: Table::default(), ..descriptor.clone() };
            } else if descriptor.data || descriptor.watchers.iter().any(|it| *it != Registration::None) {
                return None;
            }
        }
        let next = CURRENT.0 + u32::from(fold.current.is_some());
        let config = Config { threads: 0, ..self.config };
        Some(Self { config, words, threads: Table::default(), kernel, next, takeovers: 0 })
    }

    fn local(&self, history: &History, thread: Thread, fold: Fold) -> Local {
        let mut worker = self.threads.iter().nth(thread.index()).cloned().unwrap_or_default();
        worker.at = fold.at(worker.at);
        worker.reports.iter_mut().for_each(|report| *report = fold.report(*report));
        let descriptor = fold.current.and_then(|current| self.kernel.iter().nth(current.index()));
        let registration = descriptor.map_or(Registration::None, |it| it.watchers.get(thread.index()));
        let owns = match self.words.state(NUMBER) {
            State::Live { owner, .. } => owner == Owner::Thread(thread),
            State::Free | State::Held => false,
        };
        let mut told = Told { calling: history.calling.contains(thread), ..Told::default() };
        for (which, record) in (0..).map(Incarnation).zip(history.descriptors.iter()) {
            let is_inside = record.inside.contains(thread);
            if fold.current == Some(which) {
                told.inside = is_inside;
                told.watching = record.watching.contains(thread);
                told.astray = record.astray.contains(thread);
                told.owns = record.owner == Some(Owner::Thread(thread));
                told.closes = record.closer == Some(thread);
            } else {
                told.inside_closed |= is_inside;
            }
        }
        Local { worker, registration: fold.registration(registration), owns, told }
    }

    /// Puts threads into a world. Returns the worlds that it stands for: none if two threads are the owner, or the one
    /// that closes.
    pub(super) fn put_together(world: &Self, history: &History, locals: &[&Local]) -> Vec<(Self, History)> {
        let only = |is_it: fn(&Local) -> bool| {
            let mut those = (0..).map(Thread).zip(locals).filter(|(_, local)| is_it(local)).map(|(thread, _)| thread);
            let first = those.next();
            if those.next().is_some() { Err(()) } else { Ok(first.unwrap_or(ANOTHER)) }
        };
        let (Ok(owner), Ok(told_owner), Ok(closer)) =
            (only(|it| it.owns), only(|it| it.told.owns), only(|it| it.told.closes))
        else {
            return Vec::new();
        };
        let (mut world, mut history) = (world.clone(), history.clone());
        world.config.threads = locals.len() as u16;
        let (token, payload, mut state) =
            (world.words.token(NUMBER), world.words.payload(NUMBER), world.words.state(NUMBER));
        if let State::Live { owner: Owner::Thread(named), .. } = &mut state {
            *named = owner;
        }
        world.words.write(token, state, payload);
        let record = history.descriptors.entry(CURRENT.index());
        if let Some(Owner::Thread(named)) = &mut record.owner {
            *named = told_owner;
        }
        record.closer = record.closer.map(|_| closer);
        for (thread, local) in (0..).map(Thread).zip(locals) {
            world.put_in(thread, local);
            tell(&mut history, thread, local.told);
        }
        let mut worlds = vec![(world, history)];
        if let State::Live { owner, runners: MANY, closing } = state {
            let (mut more, history) = worlds[0].clone();
            // More than the threads that are put in, all of which may be inside beside others.
            let runners = MANY.max(locals.len() as u16) + 1;
            more.words.write(token, State::Live { owner, runners, closing }, payload);
            worlds.push((more, history));
        }
        worlds
    }

    fn put_in(&mut self, thread: Thread, local: &Local) {
        *self.threads.entry(thread.index()) = local.worker.clone();
        *self.kernel.entry(CURRENT.index()).watchers.entry(thread.index()) = local.registration;
    }

    /// How many more runners the word counts than threads are inside.
    pub(super) fn balance(&self) -> i64 {
        let counted = match self.words.state(NUMBER) {
            State::Live { runners, .. } => runners.into(),
            State::Free | State::Held => 0,
        };
        let inside = self.threads.iter().filter(|worker| matches!(worker.at, At::Inside(..))).count();
        counted - inside as i64
    }

    /// The world in words, a line for each thing.
    pub(super) fn describe(&self) -> Vec<String> {
        let lines = self.described().into_iter();
        lines.map(|line| line.replace(&ANOTHER.to_string(), "another thread")).collect()
    }

    /// A report as it is in a world that was taken apart.
    pub(super) fn folded(&self, report: Report) -> Report {
        Fold::of(self).report(report)
    }
}

fn anothers(owner: Owner) -> Owner {
    match owner {
        Owner::Thread(_) => Owner::Thread(ANOTHER),
        Owner::Everybody => Owner::Everybody,
    }
}

/// The history without what was told to single threads.
fn told_of_no_thread(history: &History, fold: Fold) -> Option<History> {
    let mut shared = History { violations: history.violations, ..History::default() };
    for (which, record) in (0..).map(Incarnation).zip(history.descriptors.iter()) {
        let DescriptorRecord { stage, inside, .. } = *record;
        let none = Threads::default();
        if fold.current == Some(which) {
            let (owner, closer) = (record.owner.map(anothers), record.closer.map(|_| ANOTHER));
            *shared.descriptors.entry(CURRENT.index()) =
                DescriptorRecord { owner, closer, inside: none, watching: none, astray: none, ..*record };
        } else if *record != (DescriptorRecord { stage, inside, ..DescriptorRecord::default() }) {
            return None;
        }
    }
    // Whether any descriptor was closed before makes no difference.
    shared.descriptors.entry(CLOSED.index()).stage = Stage::Closed;
    Some(shared)
}

fn tell(history: &mut History, thread: Thread, told: Told) {
    let note = |is_so: bool, threads: &mut Threads| is_so && threads.insert(thread);
    note(told.calling, &mut history.calling);
    note(told.inside_closed, &mut history.descriptors.entry(CLOSED.index()).inside);
    let record = history.descriptors.entry(CURRENT.index());
    note(told.inside, &mut record.inside);
    note(told.watching, &mut record.watching);
    note(told.astray, &mut record.astray);
}

impl<W> Interchangeable for World<W>
where
    W: Writable + Clone + Eq + Hash + Serialize + Send + Sync + 'static,
{
    type Local = Local;

    fn take_apart(state: &Recorded<Self>) -> Option<(Recorded<Self>, Vec<Local>)> {
        let Parts { shared: (machine, history), locals } = state.machine.take_apart(&state.history)?;
        Some((Recorded { machine, history }, locals))
    }

    fn put_together(shared: &Recorded<Self>, locals: &[&Local]) -> Vec<Recorded<Self>> {
        let worlds = Self::put_together(&shared.machine, &shared.history, locals).into_iter();
        worlds.map(|(machine, history)| Recorded { machine, history }).collect()
    }

    fn balance(state: &Recorded<Self>) -> i64 {
        state.machine.balance()
    }

    fn describe(state: &Recorded<Self>) -> Vec<String> {
        state.machine.describe()
    }
}

/// handfast's design, for any number of threads.
pub fn any_number() -> Family<Handfast> {
    any_number_of(Handfast::new)
}

/// What `machine` makes of a configuration, for any number of threads.
pub fn any_number_of<D>(machine: impl Fn(Config) -> D + Send + Sync + 'static) -> Family<D>
where
    D: Interchangeable + Design<Protocol = Ownership>,
{
    let instance = move |threads: usize| {
        let threads = threads as u16;
        let config = Config { threads, numbers: 1, takeovers: u8::MAX, arrivals: u8::MAX };
        Checked::new(vec![Recorded::new(machine(config))], alphabet(threads))
    };
    Family {
        name: "word",
        bounds: "one number; descriptors in turn, arrivals and takeovers without limit",
        k: K,
        named: 1,
        instance: Box::new(instance),
    }
}

/// Every action of these threads; where descriptors are told apart, with two of them.
fn alphabet(threads: u16) -> Vec<Action> {
    let descriptors = [CLOSED, CURRENT];
    let mut alphabet: Vec<Action> = descriptors.map(|incarnation| Action::Arrive { incarnation }).into();
    for thread in (0..threads).map(Thread) {
        alphabet.extend([
            Action::Claim { thread },
            Action::Insert { thread, owner: Owner::Thread(thread) },
            Action::Insert { thread, owner: Owner::Everybody },
            Action::Watch { thread },
            Action::Poll { thread },
            Action::Leave { thread },
            Action::DeleteInside { thread },
            Action::Wipe { thread },
            Action::Close { thread },
            Action::Forget { thread },
        ]);
        for incarnation in descriptors {
            alphabet.extend([
                Action::Open { thread, incarnation },
                Action::Enter { thread, incarnation },
                Action::Join { thread, incarnation },
                Action::Takeover { thread, incarnation },
                Action::Delete { thread, incarnation },
            ]);
        }
    }
    alphabet
}
