//! Threads that draw what they do.

use std::sync::{Arc, Mutex, PoisonError};

use conformance::dice::Dice;
use conformance::ownership::record::actor::{Actor, Heard, Inside, RecordedTable};
use conformance::ownership::record::family::Checker;
use conformance::ownership::record::{Line, Scribe};
use handfast::ownership::Table;
use handfast_spec::ownership::Thread;

/// How many things a thread does.
const TURNS: usize = 12;

/// How many can be open at a time.
const NUMBERS: u8 = 2;

/// Whether callers do as they should.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Callers {
    Careful,
    Careless,
}

/// What all threads of an execution have.
struct World<A: Checker> {
    scribe: Arc<Scribe>,
    table: RecordedTable<A>,
    /// Descriptors that a thread has heard of, perhaps gone: the last few.
    heard: Mutex<Vec<Heard>>,
}

impl<A: Checker> World<A> {
    fn heard(&self, dice: &mut Dice) -> Option<Heard> {
        let heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        // Of late ones more often.
        let late = heard.len().min(3);
        let which =
            if dice.roll(4) == 0 { dice.roll(heard.len().max(1)) } else { heard.len() - late + dice.roll(late.max(1)) };
        heard.get(which).copied()
    }
}

struct Doing<'a, A: Checker> {
    world: &'a World<A>,
    actor: Actor<A>,
    dice: Dice,
}

impl<A: Checker> Doing<'_, A> {
    fn turn(&mut self) {
        let (world, table) = (self.world, &self.world.table);
        for report in self.actor.poll() {
            if let Some(guard) = self.actor.enter(table, report) {
                self.inside(guard);
            }
        }
        if self.dice.roll(5) == 0 {
            let shared = self.dice.roll(3) == 0;
            if let Some((guard, heard)) = self.actor.open(table, shared) {
                world.heard.lock().unwrap_or_else(PoisonError::into_inner).push(heard);
                return self.inside(guard);
            }
        }
        let Some(heard) = world.heard(&mut self.dice) else { return A::pause() };
        match self.dice.roll(8) {
            0..=2 => world.scribe.arrive(heard.incarnation),
            3 => drop(self.actor.delete(table, heard)),
            // Of the rest, a shared one is joined mostly.
            _ if heard.shared && self.dice.roll(4) > 0 => {
                if let Some(guard) = self.actor.join(table, heard) {
                    self.inside(guard);
                }
            }
            // And every other is taken over.
            _ => {
                if let Some(guard) = self.actor.takeover(table, heard) {
                    self.inside(guard);
                }
            }
        }
        A::pause();
    }

    fn inside(&mut self, guard: Inside<'_, A>) {
        self.actor.work(&guard);
        if self.dice.roll(6) == 0 { self.actor.delete_inside(guard) } else { self.actor.leave(guard) }
    }
}

/// One execution, and its log.
pub(crate) fn execute<A: Checker>(
    threads: u16,
    callers: Callers,
    seed: u64,
    execution: u64,
) -> (Arc<Scribe>, Vec<Line>) {
    let scribe = Scribe::begin(threads, NUMBERS);
    let table = Table::of_atomics(NUMBERS.into());
    let world = Arc::new(World::<A> { scribe: Arc::clone(&scribe), table, heard: Mutex::default() });
    let start = |thread| {
        let world = Arc::clone(&world);
        shuttle::thread::spawn(move || {
            let actor = Actor::new(&world.scribe, thread);
            let actor = if callers == Callers::Careless { actor.careless() } else { actor };
            let mut doing = Doing { world: &world, actor, dice: Dice::of_thread(seed, execution, thread.0) };
            (0..TURNS).for_each(|_| doing.turn());
        })
    };
    let all: Vec<_> = (0..threads).map(Thread).map(start).collect();
    all.into_iter().for_each(|thread| thread.join().expect("no rule was broken"));
    let log = scribe.end();
    (scribe, log)
}
