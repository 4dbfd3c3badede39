//! The word of `handfast::ownership` as a machine.
//!
//! Every decision is the product's [`transition`]. Around it, in the plainest way, is what the table and its callers do:
//! a thread that holds a slot puts something in or takes it out, and threads have pollers, of a kernel that gives
//! numbers and reports.

use std::collections::BTreeMap;

use handfast::ownership as product;
use handfast::ownership::core::{Next, Step, Word, transition};
use handfast::ownership::{Sharing, Token, Worker};
use handfast_spec::ownership::{Action, Away, Incarnation, Output, Owner, Ownership, Refusal, Thread};
use handfast_spec::{Machine, Observation};
use model::ownership::handfast::Config;

use super::kernel::Descriptor;

/// Words with what threads and their kernel keep around them.
pub struct CoreMachine {
    pub(super) config: Config,
    pub(super) slots: Vec<Slot>,
    pub(super) threads: BTreeMap<Thread, Poller>,
    /// The descriptors that are open, and what the kernel knows of them.
    pub(super) open: BTreeMap<Incarnation, Descriptor>,
    /// Incarnations below this one exist or existed.
    pub(super) next: u32,
    takeovers: u8,
}

#[derive(Clone, Copy)]
pub(super) struct Slot {
    word: Word,
    payload: Option<Incarnation>,
}

#[derive(Default)]
pub(super) struct Poller {
    pub(super) at: At,
    /// What it was given and has not acted on: by descriptor, as its owner reads it from the poller's user data.
    pub(super) reports: BTreeMap<Incarnation, u64>,
}

#[derive(Clone, Copy, Default)]
pub(super) enum At {
    #[default]
    Rest,
    Opened(Incarnation),
    Claimed(Incarnation),
    Inside(Incarnation, Token),
    Holding(Incarnation, Token),
    Wiped(Incarnation),
    Deregistering(Incarnation),
}

pub(super) type Outcome = Result<Vec<Output>, Refusal>;

impl CoreMachine {
    /// An empty table of as many slots as there are numbers.
    pub fn new(config: &Config) -> Self {
        let slot = Slot { word: Word::EMPTY, payload: None };
        let slots = vec![slot; usize::from(config.numbers)];
        Self { config: *config, slots, threads: BTreeMap::new(), open: BTreeMap::new(), next: 0, takeovers: 0 }
    }

    fn take(&mut self, action: Action) -> Outcome {
        match action {
            Action::Open { thread, incarnation } => self.open(thread, incarnation),
            Action::Claim { thread } => self.claim(thread),
            Action::Insert { thread, owner } => self.insert(thread, owner),
            Action::Watch { thread } => self.watch(thread),
            Action::Arrive { incarnation } => self.arrive(incarnation),
            Action::Poll { thread } => self.poll(thread),
            Action::Enter { thread, incarnation } => self.enter(thread, incarnation),
            Action::Join { thread, incarnation } => self.join(thread, incarnation),
            Action::Leave { thread } => self.leave(thread),
            Action::Takeover { thread, incarnation } => self.takeover(thread, incarnation),
            Action::Delete { thread, incarnation } => self.delete(thread, incarnation),
            Action::DeleteInside { thread } => self.delete_inside(thread),
            Action::Wipe { thread } => self.wipe(thread),
            Action::Close { thread } => self.close(thread),
            Action::Forget { thread } => self.forget(thread),
            Action::Resume { .. } => Err(Refusal::NotNow),
        }
    }
}

/// What is done with the word.
impl CoreMachine {
    /// One read-modify-write of a token's slot.
    fn change(&mut self, token: Token, step: Step) -> Result<Next, product::Refused> {
        let slot = &mut self.slots[token.slot()];
        let next = transition(slot.word, token.generation(), step)?;
        slot.word = next.word;
        Ok(next)
    }

    fn claim(&mut self, thread: Thread) -> Outcome {
        let At::Opened(incarnation) = self.at(thread) else { return Err(Refusal::NotNow) };
        let number = self.open[&incarnation].number;
        let token = self.current(number);
        self.change(token, Step::Claim).map_err(|_| Refusal::Occupied)?;
        self.go(thread, At::Claimed(incarnation));
        let unclean = self.slots[number].payload.map(|_| Output::Unclean(thread, incarnation));
        Ok([Output::Called(thread), Output::Claimed(thread, incarnation)].into_iter().chain(unclean).collect())
    }

    fn insert(&mut self, thread: Thread, owner: Owner) -> Outcome {
        let At::Claimed(incarnation) = self.at(thread) else { return Err(Refusal::NotNow) };
        let sharing = match owner {
            Owner::Thread(owner) if owner != thread => return Err(Refusal::NotOwner),
            Owner::Thread(owner) => Sharing::Exclusive(worker(owner)),
            Owner::Everybody => Sharing::Shared,
        };
        let number = self.open[&incarnation].number;
        let token = self.current(number);
        self.slots[number].payload = Some(incarnation);
        self.change(token, Step::Publish { sharing, inside: true }).map_err(refusal)?;
        self.go(thread, At::Inside(incarnation, token));
        let inside = Output::Entered(thread, incarnation, incarnation);
        Ok(vec![Output::Inserted(thread, incarnation, owner), inside, Output::Returned(thread)])
    }

    fn enter(&mut self, thread: Thread, about: Incarnation) -> Outcome {
        self.rests(thread)?;
        let data = self.threads.entry(thread).or_default().reports.remove(&about).ok_or(Refusal::NothingNew)?;
        let token = Token::from_user_data(data);
        match self.change(token, Step::Enter(worker(thread))) {
            Ok(_) => {
                let entered = self.be_inside(thread, token, about);
                let At::Inside(found, _) = self.at(thread) else { return Ok(vec![entered]) };
                let read = self.open.get_mut(&found).is_some_and(|found| std::mem::take(&mut found.data));
                Ok([entered].into_iter().chain(read.then_some(Output::Handled(thread, found))).collect())
            }
            Err(refused) => {
                let away = away(refused);
                if away == Away::NotOwner {
                    self.go(thread, At::Deregistering(about));
                }
                Ok(vec![Output::TurnedAway(thread, about, away)])
            }
        }
    }

    fn be_inside(&mut self, thread: Thread, token: Token, meant: Incarnation) -> Output {
        let found = self.slots[token.slot()].payload.unwrap_or(meant);
        self.go(thread, At::Inside(found, token));
        Output::Entered(thread, found, meant)
    }

    fn join(&mut self, thread: Thread, incarnation: Incarnation) -> Outcome {
        self.rests(thread)?;
        let token = self.token(incarnation)?;
        if self.is_exclusive(token) {
            return Err(Refusal::NotOwner);
        }
        if self.open[&incarnation].watchers.contains_key(&thread) {
            return Err(Refusal::Watching);
        }
        self.change(token, Step::Enter(worker(thread))).map_err(refusal)?;
        Ok(vec![self.be_inside(thread, token, incarnation)])
    }

    fn leave(&mut self, thread: Thread) -> Outcome {
        let At::Inside(incarnation, token) = self.at(thread) else { return Err(Refusal::NotNow) };
        if !self.open[&incarnation].watchers.contains_key(&thread) && !self.is_closing(token) {
            return Err(Refusal::NotNow);
        }
        let next = self.change(token, Step::Leave).map_err(refusal)?;
        Ok(self.left(thread, incarnation, token, next))
    }

    fn delete_inside(&mut self, thread: Thread) -> Outcome {
        let At::Inside(incarnation, token) = self.at(thread) else { return Err(Refusal::NotNow) };
        let first = (!self.is_closing(token)).then_some(Output::Deleting(thread, incarnation));
        let next = self.change(token, Step::DeleteAndLeave).map_err(refusal)?;
        Ok(first.into_iter().chain(self.left(thread, incarnation, token, next)).collect())
    }

    fn left(&mut self, thread: Thread, incarnation: Incarnation, token: Token, next: Next) -> Vec<Output> {
        self.go(thread, At::Rest);
        let mut outputs = vec![Output::Left(thread, incarnation)];
        outputs.extend(self.hold(thread, incarnation, token, next));
        outputs
    }

    fn hold(&mut self, thread: Thread, incarnation: Incarnation, token: Token, next: Next) -> Vec<Output> {
        if !next.holds {
            return Vec::new();
        }
        self.go(thread, At::Holding(incarnation, token));
        vec![Output::Called(thread), Output::MustClose(thread, incarnation)]
    }

    fn takeover(&mut self, thread: Thread, incarnation: Incarnation) -> Outcome {
        self.rests(thread)?;
        if self.takeovers >= self.config.takeovers {
            return Err(Refusal::NothingNew);
        }
        let token = self.token(incarnation)?;
        self.change(token, Step::Takeover(worker(thread))).map_err(refusal)?;
        self.takeovers += 1;
        let inside = self.be_inside(thread, token, incarnation);
        Ok(vec![Output::TakenOver(thread, incarnation), inside])
    }

    fn delete(&mut self, thread: Thread, incarnation: Incarnation) -> Outcome {
        self.rests(thread)?;
        let token = self.token(incarnation)?;
        let next = self.change(token, Step::Delete).map_err(refusal)?;
        let asked = Output::Deleting(thread, incarnation);
        Ok([asked].into_iter().chain(self.hold(thread, incarnation, token, next)).collect())
    }

    fn wipe(&mut self, thread: Thread) -> Outcome {
        let At::Holding(incarnation, token) = self.at(thread) else { return Err(Refusal::NotNow) };
        self.slots[token.slot()].payload = None;
        self.change(token, Step::Wipe).map_err(refusal)?;
        self.go(thread, At::Wiped(incarnation));
        Ok(vec![Output::Wiped(thread, incarnation)])
    }

    /// The token of what is in a slot, or of the next that will be.
    fn current(&self, number: usize) -> Token {
        let generation = self.slots[number].word.generation().number();
        Token::from_user_data((number as u64) << product::core::Generation::BITS | generation)
    }

    fn token(&self, incarnation: Incarnation) -> Result<Token, Refusal> {
        let number = self.open.get(&incarnation).ok_or(Refusal::Gone)?.number;
        if self.slots[number].payload == Some(incarnation) { Ok(self.current(number)) } else { Err(Refusal::Gone) }
    }

    fn is_exclusive(&self, token: Token) -> bool {
        match self.slots[token.slot()].word.state() {
            product::core::State::Live { sharing: Sharing::Exclusive(_), .. } => true,
            product::core::State::Live { sharing: Sharing::Shared, .. }
            | product::core::State::Free
            | product::core::State::Held => false,
        }
    }

    fn is_closing(&self, token: Token) -> bool {
        match self.slots[token.slot()].word.state() {
            product::core::State::Live { closing, .. } => closing,
            product::core::State::Free | product::core::State::Held => false,
        }
    }
}

/// Where threads are.
impl CoreMachine {
    pub(super) fn at(&self, thread: Thread) -> At {
        self.threads.get(&thread).map(|poller| poller.at).unwrap_or_default()
    }

    pub(super) fn go(&mut self, thread: Thread, at: At) {
        self.threads.entry(thread).or_default().at = at;
    }

    pub(super) fn rests(&self, thread: Thread) -> Result<(), Refusal> {
        match self.at(thread) {
            At::Rest => Ok(()),
            At::Opened(_) | At::Claimed(_) | At::Inside(..) | At::Holding(..) | At::Wiped(_) | At::Deregistering(_) => {
                Err(Refusal::NotNow)
            }
        }
    }
}

fn worker(thread: Thread) -> Worker {
    Worker::new(thread.0)
}

fn away(refused: product::Refused) -> Away {
    match refused {
        product::Refused::Closing => Away::Closing,
        product::Refused::NotOwner { .. } => Away::NotOwner,
        product::Refused::Busy => Away::Busy,
        product::Refused::Shared => Away::Shared,
        // The product may learn more reasons; none of them means that the thread may enter.
        _ => Away::Gone,
    }
}

fn refusal(refused: product::Refused) -> Refusal {
    match away(refused) {
        Away::Gone => Refusal::Gone,
        Away::Closing => Refusal::Closing,
        Away::NotOwner => Refusal::NotOwner,
        Away::Busy => Refusal::Busy,
        Away::Shared => Refusal::Shared,
    }
}

impl Machine for CoreMachine {
    type Protocol = Ownership;

    fn step(&mut self, action: &Action) -> Observation<Output, Refusal> {
        match self.take(*action) {
            Ok(outputs) => Observation::Accepted(outputs),
            Err(refusal) => Observation::Refused(refusal),
        }
    }
}
