//! The kernel that the threads of an execution ask: numbers, pollers, reports. Each answer is a line of the log.

use std::collections::{BTreeMap, BTreeSet};

use handfast::ownership::Token;
use handfast_spec::ownership::{Action, Incarnation, Thread};

use super::{Line, Scribe};

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
