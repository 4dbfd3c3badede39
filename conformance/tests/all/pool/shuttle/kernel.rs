//! Servers, pollers and the kernel, in one piece: what they do is not what is raced, only when. And what participants
//! were told, judged by the rules.

use std::sync::{Mutex, PoisonError};

use handfast::ownership::Token;
use handfast_spec::Protocol;
use handfast_spec::ownership::pool::Pool;
use handfast_spec::ownership::{History, Incarnation, Output, Thread};
use shuttle::thread::yield_now;

/// What is outside of the pool.
#[derive(Default)]
pub(crate) struct Kernel(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    sockets: Vec<Socket>,
    history: History,
    broken: Option<&'static str>,
    counts: Counts,
}

/// What happened in all executions, so that none of it is known to happen by hearsay only.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) opened: usize,
    pub(crate) closed: usize,
    pub(crate) given: usize,
    pub(crate) taken_over: usize,
    pub(crate) late: usize,
    pub(crate) busy: usize,
    pub(crate) expired: usize,
}

#[derive(Default)]
struct Socket {
    open: bool,
    number: usize,
    /// The server has closed it.
    data: bool,
    /// Whose poller watches it, what that has noted, and whom it wakes.
    home: Option<Thread>,
    noted: bool,
    waker: Option<Token>,
}

/// A connection. Dropping it closes it.
pub(crate) struct Connection {
    pub(crate) which: Incarnation,
    pub(crate) number: usize,
    /// Who closes it, if it is dropped.
    pub(crate) holder: Thread,
    kernel: std::sync::Arc<Kernel>,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.kernel.close(self.holder, self.which);
    }
}

impl Kernel {
    fn with<R>(&self, work: impl FnOnce(&mut Inner) -> R) -> R {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Enters outputs into the history, in the same step as what they are of, and judges it.
    pub(crate) fn tell(&self, outputs: &[Output]) {
        self.with(|inner| inner.tell(outputs));
    }

    /// The first rule that was broken.
    pub(crate) fn broken(&self) -> Option<&'static str> {
        self.with(|inner| inner.broken)
    }

    pub(crate) fn counts(&self) -> Counts {
        self.with(|inner| inner.counts)
    }

    pub(crate) fn count(&self, count: impl FnOnce(&mut Counts)) {
        self.with(|inner| count(&mut inner.counts));
    }

    pub(crate) fn open(self: &std::sync::Arc<Self>, thread: Thread) -> Connection {
        yield_now();
        let (which, number) = self.with(|inner| {
            let which = Incarnation(inner.sockets.len() as u32);
            let is_taken = |number: &usize| inner.sockets.iter().any(|other| other.open && other.number == *number);
            let number = (0..).find(|number| !is_taken(number)).unwrap_or_default();
            inner.sockets.push(Socket { open: true, number, home: Some(thread), ..Socket::default() });
            inner.counts.opened += 1;
            inner.tell(&[
                Output::Opened(thread, which),
                Output::Watched(thread, which),
                Output::HandedBack(thread, which),
            ]);
            (which, number)
        });
        Connection { which, number, holder: thread, kernel: std::sync::Arc::clone(self) }
    }

    fn close(&self, thread: Thread, which: Incarnation) {
        // A thread that unwinds is not scheduled.
        if !std::thread::panicking() {
            yield_now();
        }
        self.with(|inner| {
            let socket = &mut inner.sockets[which.index()];
            socket.open = false;
            let forgotten = socket.home.take().map(|home| Output::Forgotten(home, which, which));
            inner.counts.closed += 1;
            let outputs: Vec<Output> = forgotten.into_iter().chain([Output::Closed(thread, which)]).collect();
            inner.tell(&outputs);
        });
    }

    /// A server closes what is open, if anything is.
    pub(crate) fn server_closes(&self, draw: usize) {
        yield_now();
        self.with(|inner| {
            let open: Vec<usize> =
                (0..inner.sockets.len()).filter(|at| inner.sockets[*at].open && !inner.sockets[*at].data).collect();
            let Some(&at) = open.get(draw % open.len().max(1)) else { return };
            inner.sockets[at].data = true;
            inner.tell(&[Output::Arrived(Incarnation(at as u32))]);
        });
    }

    /// A worker's poller notes what there is, and says who is to look at what.
    pub(crate) fn poll(&self, thread: Thread) -> Vec<(Incarnation, Token)> {
        yield_now();
        self.with(|inner| {
            let mut woken = Vec::new();
            for at in 0..inner.sockets.len() {
                let which = Incarnation(at as u32);
                let socket = &mut inner.sockets[at];
                if socket.home != Some(thread) || !socket.data || socket.noted {
                    continue;
                }
                socket.noted = true;
                let waker = socket.waker.take();
                inner.tell(&[Output::Known(which)]);
                if let Some(token) = waker {
                    inner.tell(&[Output::Woken(thread, which)]);
                    woken.push((which, token));
                }
            }
            woken
        })
    }

    /// What the poller has noted; if nothing, it wakes whoever has the token.
    pub(crate) fn asks(&self, which: Incarnation, waker: Option<Token>) -> bool {
        yield_now();
        self.with(|inner| {
            let socket = &mut inner.sockets[which.index()];
            if !socket.noted {
                socket.waker = waker.or(socket.waker);
            }
            socket.noted
        })
    }

    pub(crate) fn deregister(&self, which: Incarnation) {
        yield_now();
        self.with(|inner| {
            let socket = &mut inner.sockets[which.index()];
            (socket.noted, socket.waker) = (false, None);
            if let Some(home) = socket.home.take() {
                inner.tell(&[Output::Forgotten(home, which, which)]);
            }
        });
    }

    pub(crate) fn register(&self, thread: Thread, which: Incarnation) {
        yield_now();
        self.with(|inner| {
            inner.sockets[which.index()].home = Some(thread);
            inner.tell(&[Output::Watched(thread, which)]);
        });
    }

    /// Asks the kernel; if nothing is there, the connection is given in the same step.
    pub(crate) fn probe(&self, thread: Thread, which: Incarnation, asks: bool) -> bool {
        yield_now();
        self.with(|inner| {
            let disturbed = asks && inner.sockets[which.index()].data;
            inner.tell(&[if disturbed { Output::Known(which) } else { Output::Given(thread, which) }]);
            !disturbed
        })
    }
}

impl Inner {
    fn tell(&mut self, outputs: &[Output]) {
        for output in outputs {
            Pool::record(&mut self.history, output);
        }
        let broken = Pool::INVARIANTS.iter().find(|rule| !(rule.holds)(&self.history)).map(|rule| rule.id);
        self.broken = self.broken.or(broken);
    }
}
