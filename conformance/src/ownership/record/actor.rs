//! A thread with a poller, and what it does to a table.

use std::collections::{BTreeMap, BTreeSet};
use std::marker::PhantomData;
use std::sync::Arc;

use handfast::ownership::{Guard, InsertError, Numbered, Refused, Sharing, Table, Token, Worker};
use handfast_spec::ownership::{Action, Incarnation, Owner, Thread};

use super::family::{Checker, Recorded};
use super::{Line, Scribe, with};
use crate::ownership::haproxy::Plain;

/// A table of words that are written down.
pub type RecordedTable<A> = Table<Probe<A>, Recorded<A>>;

/// A guard of one of its descriptors.
pub type Inside<'a, A> = Guard<'a, Probe<A>, Recorded<A>>;

/// A descriptor that knows which one it is.
pub struct Probe<A: Checker> {
    incarnation: Incarnation,
    number: usize,
    object: A::Object,
}

impl<A: Checker> Numbered for Probe<A> {
    fn number(&self) -> usize {
        self.number
    }
}

/// Its close: no other thread touches it.
impl<A: Checker> Drop for Probe<A> {
    fn drop(&mut self) {
        self.object.write();
        with(|scribe| scribe.close(A::id(), self.incarnation));
    }
}

/// A descriptor, for those who have heard of it.
#[derive(Clone, Copy, Debug)]
pub struct Heard {
    /// Which.
    pub incarnation: Incarnation,
    /// Its token.
    pub token: Token,
    /// Whether it is shared.
    pub shared: bool,
}

/// A thread.
pub struct Actor<A> {
    scribe: Arc<Scribe>,
    thread: Thread,
    /// Does not have its poller forget what is not its own.
    careless: bool,
    checker: PhantomData<fn() -> A>,
}

impl<A: Checker> Actor<A> {
    /// The thread that calls this.
    pub fn new(scribe: &Arc<Scribe>, thread: Thread) -> Self {
        scribe.introduce(thread, A::id());
        Self { scribe: Arc::clone(scribe), thread, careless: false, checker: PhantomData }
    }

    /// One that goes on when it was turned away as not the owner, and does not have its poller forget.
    #[must_use]
    pub fn careless(self) -> Self {
        Self { careless: true, ..self }
    }

    fn worker(&self) -> Worker {
        Worker::new(self.thread.0)
    }

    /// Opens a descriptor, and is inside; unless no number is free.
    pub fn open<'a>(&self, table: &'a RecordedTable<A>, shared: bool) -> Option<(Inside<'a, A>, Heard)> {
        let thread = self.thread;
        let (incarnation, number) = self.scribe.open(thread)?;
        let (sharing, owner) = if shared {
            (Sharing::Shared, Owner::Everybody)
        } else {
            (Sharing::Exclusive(self.worker()), Owner::Thread(thread))
        };
        self.scribe.intends(thread, &[Action::Claim { thread }, Action::Insert { thread, owner }]);
        let mut probe = Probe { incarnation, number, object: A::Object::default() };
        // The kernel gave the number, so that its slot is free, which may not be seen yet: no memory tells.
        let guard = loop {
            match table.insert_and_enter(probe, sharing) {
                Ok(guard) => break guard,
                Err(InsertError { descriptor, .. }) => probe = descriptor,
            }
            A::pause();
        };
        self.scribe.inserted(thread, incarnation);
        let heard = Heard { incarnation, token: guard.token(), shared };
        self.scribe.watch(thread, incarnation, heard.token);
        Some((guard, heard))
    }

    /// What the thread's poller has to report; to be acted on by [`enter`](Self::enter), each.
    pub fn poll(&self) -> Vec<(Incarnation, Token)> {
        self.scribe.poll(self.thread)
    }

    /// Acts on a report.
    pub fn enter<'a>(
        &self,
        table: &'a RecordedTable<A>,
        (incarnation, token): (Incarnation, Token),
    ) -> Option<Inside<'a, A>> {
        let thread = self.thread;
        self.scribe.intends(thread, &[Action::Enter { thread, incarnation }]);
        let entered = table.enter(token, self.worker());
        let astray = !self.careless && matches!(entered, Err(Refused::NotOwner { .. }));
        let guard = self.said(entered);
        if astray {
            self.scribe.forget(thread, incarnation);
        }
        guard
    }

    /// Enters what is shared, to have its poller watch it; unless it does.
    pub fn join<'a>(&self, table: &'a RecordedTable<A>, heard: Heard) -> Option<Inside<'a, A>> {
        let (thread, Heard { incarnation, token, .. }) = (self.thread, heard);
        if self.scribe.is_watching(thread, incarnation) {
            return None;
        }
        self.scribe.intends(thread, &[Action::Join { thread, incarnation }]);
        self.said(table.enter(token, self.worker()))
    }

    /// Takes it over.
    pub fn takeover<'a>(&self, table: &'a RecordedTable<A>, heard: Heard) -> Option<Inside<'a, A>> {
        let (thread, Heard { incarnation, token, .. }) = (self.thread, heard);
        self.scribe.intends(thread, &[Action::Takeover { thread, incarnation }]);
        self.said(table.takeover(token, self.worker()))
    }

    /// Deletes it, from outside. Whether it was the one to ask.
    pub fn delete(&self, table: &RecordedTable<A>, heard: Heard) -> bool {
        let (thread, Heard { incarnation, token, .. }) = (self.thread, heard);
        self.scribe.intends(thread, &[Action::Delete { thread, incarnation }]);
        let deleted = table.delete(token);
        if let Err(refused) = deleted {
            self.scribe.refused(thread, refused);
        }
        deleted.is_ok()
    }

    /// Leaves. A thread that has just become the owner has its poller watch it before.
    pub fn leave(&self, guard: Inside<'_, A>) {
        let thread = self.thread;
        self.scribe.watch(thread, guard.incarnation, guard.token());
        self.scribe.intends(thread, &[Action::Leave { thread }]);
        drop(guard);
    }

    /// Deletes it, from inside.
    pub fn delete_inside(&self, guard: Inside<'_, A>) {
        let thread = self.thread;
        self.scribe.intends(thread, &[Action::DeleteInside { thread }]);
        let _ = guard.delete();
    }

    /// What a callback does.
    pub fn work(&self, guard: &Inside<'_, A>) {
        match guard.sharing() {
            Some(Sharing::Shared) | None => guard.object.read(),
            Some(Sharing::Exclusive(_)) => guard.object.write(),
        }
    }

    fn said<'a>(&self, entered: Result<Inside<'a, A>, Refused>) -> Option<Inside<'a, A>> {
        match entered {
            Ok(guard) => {
                self.scribe.told(self.thread, guard.incarnation);
                Some(guard)
            }
            Err(refused) => {
                self.scribe.refused(self.thread, refused);
                None
            }
        }
    }
}

// The kernel that the threads of an execution ask: numbers, pollers, reports. Each answer is a line of the log.

#[derive(Debug)]
pub(super) struct Kernel {
    numbers: u8,
    next: u32,
    open: BTreeMap<Incarnation, Descriptor>,
}

#[derive(Debug, Default)]
struct Descriptor {
    number: usize,
    data: bool,
    /// What each poller that watches it was given with it, and whether it has something to report.
    watchers: BTreeMap<Thread, (Token, bool)>,
}

impl Kernel {
    pub(super) fn new(numbers: u8) -> Self {
        Self { numbers, next: 0, open: BTreeMap::new() }
    }

    /// Reads all there is; whether there was anything.
    pub(super) fn read(&mut self, which: Incarnation) -> bool {
        self.open.get_mut(&which).is_some_and(|descriptor| std::mem::take(&mut descriptor.data))
    }
}

impl Scribe {
    /// A descriptor with the lowest free number, if one is free.
    pub(super) fn open(&self, thread: Thread) -> Option<(Incarnation, usize)> {
        let mut book = self.book();
        let Kernel { numbers, next, open } = &mut book.kernel;
        let taken: BTreeSet<usize> = open.values().map(|descriptor| descriptor.number).collect();
        let number = (0..usize::from(*numbers)).find(|number| !taken.contains(number))?;
        let incarnation = Incarnation(*next);
        *next += 1;
        open.insert(incarnation, Descriptor { number, ..Descriptor::default() });
        book.now(thread, Action::Open { thread, incarnation }, None);
        Some((incarnation, number))
    }

    /// The thread's poller watches what the thread is inside of, if it does not yet.
    pub(super) fn watch(&self, thread: Thread, which: Incarnation, token: Token) {
        let mut book = self.book();
        let Some(descriptor) = book.kernel.open.get_mut(&which) else { return };
        if descriptor.watchers.contains_key(&thread) {
            return;
        }
        descriptor.watchers.insert(thread, (token, descriptor.data));
        book.now(thread, Action::Watch { thread }, None);
    }

    /// Whether the thread's poller watches it.
    pub fn is_watching(&self, thread: Thread, which: Incarnation) -> bool {
        self.book().kernel.open.get(&which).is_some_and(|descriptor| descriptor.watchers.contains_key(&thread))
    }

    /// Something arrives, if there is not something already.
    pub fn arrive(&self, which: Incarnation) {
        let mut book = self.book();
        let Some(descriptor) = book.kernel.open.get_mut(&which).filter(|descriptor| !descriptor.data) else { return };
        descriptor.data = true;
        descriptor.watchers.values_mut().for_each(|(_, due)| *due = true);
        let place = (book.tick(), 0);
        book.lines.push((place, Line { action: Action::Arrive { incarnation: which }, observation: None }));
    }

    /// What the thread's poller has to report.
    pub(super) fn poll(&self, thread: Thread) -> Vec<(Incarnation, Token)> {
        let mut book = self.book();
        let report = |(which, descriptor): (&Incarnation, &mut Descriptor)| {
            let (token, due) = descriptor.watchers.get_mut(&thread)?;
            std::mem::take(due).then_some((*which, *token))
        };
        let reports: Vec<_> = book.kernel.open.iter_mut().filter_map(report).collect();
        if !reports.is_empty() {
            book.now(thread, Action::Poll { thread }, None);
        }
        reports
    }

    /// The thread's poller forgets it.
    pub(super) fn forget(&self, thread: Thread, which: Incarnation) {
        let mut book = self.book();
        if let Some(descriptor) = book.kernel.open.get_mut(&which) {
            descriptor.watchers.remove(&thread);
        }
        book.now(thread, Action::Forget { thread }, None);
    }

    /// The thread closes it.
    pub(super) fn close(&self, id: u64, which: Incarnation) {
        let mut book = self.book();
        let Some(thread) = book.thread(id) else { return };
        book.kernel.open.remove(&which);
        book.now(thread, Action::Close { thread }, None);
    }
}
