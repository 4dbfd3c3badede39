//! A call of `IdleList::take` that is held where it asks for a connection.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{JoinHandle, spawn};
use std::time::Duration;

use handfast::ownership::Token;
use handfast::pool::core::{Claim, Destination, IdleList, TakeResult, Unclaimed};
use handfast_spec::ownership::Thread;

use super::Inside;

/// The idle list is in the call until it returns.
pub(super) struct Taking {
    pub(super) from: Thread,
    asked: Token,
    asks: Receiver<Token>,
    answers: Sender<Claim<Inside>>,
    call: JoinHandle<Returned>,
}

type Returned = (IdleList<(), Token>, TakeResult<Inside>);

/// What a call does after an answer.
pub(super) enum Next {
    Asks(Taking),
    Returns(Box<IdleList<(), Token>>, TakeResult<Inside>),
}

impl Taking {
    /// Begins a call.
    pub(super) fn begin(
        mut idle_list: IdleList<(), Token>,
        destination: Destination,
        from: Thread,
        now: Duration,
    ) -> Next {
        let (ask, asks) = channel();
        let (answers, answered) = channel();
        let call = spawn(move || {
            let took = idle_list.take(destination, now, |token| {
                // A machine that is dropped in between asks for nothing more: the call runs out.
                let _ = ask.send(token);
                answered.recv().unwrap_or(Err(Unclaimed::Busy))
            });
            (idle_list, took)
        });
        Self::hear(from, asks, answers, call)
    }

    /// The connection that the call asks for.
    pub(super) fn asked(&self) -> Token {
        self.asked
    }

    pub(super) fn answer(self, claim: Claim<Inside>) -> Next {
        let Self { from, asks, answers, call, .. } = self;
        answers.send(claim).expect("the call waits for it");
        Self::hear(from, asks, answers, call)
    }

    fn hear(from: Thread, asks: Receiver<Token>, answers: Sender<Claim<Inside>>, call: JoinHandle<Returned>) -> Next {
        match asks.recv() {
            Ok(asked) => Next::Asks(Self { from, asked, asks, answers, call }),
            Err(_) => {
                let (idle_list, took) = call.join().expect("an idle list does not panic");
                Next::Returns(Box::new(idle_list), took)
            }
        }
    }
}
