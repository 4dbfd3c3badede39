//! One thread, and what it does to descriptors that others know of.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use handfast::ownership::{Guard, Refused, Sharing, Table, Token, Worker};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::life::{Books, Life, Socket};

/// Where workers find a descriptor.
pub(crate) type Place = Mutex<Option<Known>>;

/// A descriptor, for those who may want it: perhaps gone.
#[derive(Clone)]
pub(crate) struct Known {
    token: Token,
    life: Arc<Life>,
}

/// A worker.
pub(crate) struct Stressed<'a> {
    own: Worker,
    choose: StdRng,
    table: &'a Table<Socket>,
    places: &'a [Place],
    books: &'a Books,
    /// What it found in a place some time ago.
    stale: Option<Known>,
    tally: Tally,
}

/// How often what was answered.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    entered: usize,
    taken: usize,
    /// Deletions that were asked for, some of them by two at a time.
    deleted: usize,
    gone: usize,
    closing: usize,
    not_owner: usize,
    busy: usize,
    shared: usize,
    pub(crate) numbers: BTreeSet<usize>,
}

impl Tally {
    pub(crate) fn and(mut self, other: Self) -> Self {
        self.numbers.extend(&other.numbers);
        Self {
            entered: self.entered + other.entered,
            taken: self.taken + other.taken,
            deleted: self.deleted + other.deleted,
            gone: self.gone + other.gone,
            closing: self.closing + other.closing,
            not_owner: self.not_owner + other.not_owner,
            busy: self.busy + other.busy,
            shared: self.shared + other.shared,
            numbers: self.numbers,
        }
    }

    /// A stress that did nothing proves nothing.
    pub(crate) fn has_seen_everything(&self, opened: usize) {
        let Self { entered, taken, deleted, gone, closing, not_owner, busy, shared, numbers } = self;
        let counted = [entered, taken, deleted, gone, closing, not_owner, busy, shared];
        assert!(counted.iter().all(|&&count| count > 0), "{self:?}");
        assert!(opened > numbers.len(), "no number was used twice: {opened} opened under {}", numbers.len());
    }

    fn refused(&mut self, refused: Refused) {
        match refused {
            Refused::Gone => self.gone += 1,
            Refused::Closing => self.closing += 1,
            Refused::NotOwner { .. } => self.not_owner += 1,
            Refused::Busy => self.busy += 1,
            Refused::Shared => self.shared += 1,
            refused => panic!("no reason of the table's: {refused}"),
        }
    }
}

impl<'a> Stressed<'a> {
    pub(crate) fn new(number: u16, seed: u64, table: &'a Table<Socket>, places: &'a [Place], books: &'a Books) -> Self {
        let choose = StdRng::seed_from_u64(seed << 16 | u64::from(number));
        Self { own: Worker::new(number), choose, table, places, books, stale: None, tally: Tally::default() }
    }

    pub(crate) fn run_until(&mut self, end: Instant) -> Tally {
        while Instant::now() < end {
            for _ in 0..64 {
                self.step();
            }
        }
        std::mem::take(&mut self.tally)
    }

    fn step(&mut self) {
        if self.choose.random_ratio(1, 16) {
            let place = self.choose.random_range(0..self.places.len());
            self.insert(place);
            return;
        }
        let Some(known) = self.find() else { return };
        let gone = known.life.is_closed();
        let answer = match self.choose.random_range(0..15) {
            0..8 => self.enter(&known),
            8..13 => self.take_over(&known),
            _ => self.delete(&known),
        };
        if let Err(refused) = answer {
            assert!(!gone || refused == Refused::Gone, "of what was closed before: {refused}");
            let ended = matches!(refused, Refused::Gone | Refused::Closing);
            assert!(!ended || known.life.doomed.load(SeqCst), "nobody asked for its close: {refused}");
            assert!(known.life.shared || refused != Refused::Shared, "it is exclusive");
            assert!(!known.life.shared || !matches!(refused, Refused::NotOwner { .. }), "it is everybody's");
            self.tally.refused(refused);
        } else {
            assert!(!gone, "a token of what was closed before was accepted");
        }
    }

    /// What is in a place, or what was in one a while ago.
    fn find(&mut self) -> Option<Known> {
        let place = self.choose.random_range(0..self.places.len());
        let there = self.places[place].lock().expect("nobody panics here").clone();
        match there {
            Some(known) if self.choose.random_ratio(7, 8) => {
                if self.choose.random_ratio(1, 16) {
                    self.stale = Some(known.clone());
                }
                Some(known)
            }
            Some(_) => self.stale.clone(),
            None => self.insert(place),
        }
    }

    fn insert(&mut self, place: usize) -> Option<Known> {
        let shared = self.choose.random_ratio(1, 4);
        let socket = Socket::open(shared, self.books);
        let life = Arc::clone(&socket.life);
        let sharing = if shared { Sharing::Shared } else { Sharing::Exclusive(self.own) };
        // Where several insert at once, the last one is known, and the others are deleted by those who made them.
        let guard =
            self.table.insert_and_enter(socket, sharing).expect("a number that the kernel gave has a free slot");
        let known = Known { token: guard.token(), life };
        self.tally.numbers.insert(known.token.slot());
        let former = self.places[place].lock().expect("nobody panics here").replace(known.clone());
        guard.work(self.choose.random_ratio(1, 8));
        drop(guard);
        if let Some(former) = former {
            self.delete(&former).unwrap_or_else(|refused| self.tally.refused(refused));
        }
        Some(known)
    }

    fn enter(&mut self, known: &Known) -> Result<(), Refused> {
        let guard = self.table.enter(known.token, self.own)?;
        self.tally.entered += 1;
        self.inside(guard, known);
        Ok(())
    }

    fn take_over(&mut self, known: &Known) -> Result<(), Refused> {
        let guard = self.table.takeover(known.token, self.own)?;
        self.tally.taken += 1;
        self.inside(guard, known);
        Ok(())
    }

    fn inside(&mut self, guard: Guard<'_, Socket>, known: &Known) {
        assert!(Arc::ptr_eq(&guard.life, &known.life), "another descriptor than the token's");
        guard.work(self.choose.random_ratio(1, 4));
        if self.choose.random_ratio(1, 8) {
            known.life.doomed.store(true, SeqCst);
            self.tally.deleted += 1;
            let _ = guard.delete();
        }
    }

    fn delete(&mut self, known: &Known) -> Result<(), Refused> {
        known.life.doomed.store(true, SeqCst);
        let _ = self.table.delete(known.token)?;
        self.tally.deleted += 1;
        Ok(())
    }
}
