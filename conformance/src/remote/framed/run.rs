//! Runs a case: the tester sends what the case says, and hands what it sees to the judge.

use std::collections::BTreeSet;

use super::judge::Judge;
use super::message::Message;
use super::{Case, Ran, Step};
use crate::remote::suite::{Unexplained, Verdict};
use crate::remote::tester::{Connection, Judges as _, Tester};
use crate::remote::wire::{Limits, Link};

/// The rule that an end breaks that reads nothing more.
const STUCK: &str = "FRM-15";

/// Runs a case on a connection on which nothing has passed.
pub(super) async fn run(case: &Case, link: Link, limits: Limits) -> Ran {
    let judge = Judge::new(case.answer);
    let mut run = Run { tester: Tester::new(link, judge, limits, case.outline.manner), seen: BTreeSet::new() };
    let verdict = match run.play(case).await {
        Ok(()) => Verdict::Passed,
        Err(Unexplained { mut rules, why }) => {
            rules.extend(case.outline.rules.iter().cloned());
            Verdict::Failed { rules, why }
        }
    };
    let Run { tester, seen } = run;
    let passed = if case.steps.last() == Some(&Step::Reset) { tester.link.reset() } else { tester.link.trace };
    Ran { verdict, passed, seen }
}

struct Run {
    tester: Tester<Judge>,
    seen: BTreeSet<String>,
}

impl Run {
    async fn play(&mut self, case: &Case) -> Result<(), Unexplained> {
        if case.outline.edge.is_some() {
            // What is shown is shown to an end that waits.
            self.tester.listen().await?;
        }
        for step in &case.steps {
            let connection = match step {
                Step::Send(messages) => self.send(messages).await?,
                Step::Finish => {
                    self.takes("end");
                    self.tester.judge.finishes();
                    self.tester.link.finish().await;
                    Connection::Open
                }
                Step::Reset => return Ok(()),
            };
            // A source may have ended its direction: what it reads goes on.
            let heard = self.tester.listen().await?;
            if connection == Connection::Closed || heard == Connection::Closed && self.tester.judge.may_have_failed() {
                break;
            }
        }
        self.tester.listen().await.map(|_| ())
    }

    fn takes(&mut self, word: &str) {
        self.seen.extend(self.tester.judge.place().map(|place| format!("{place}/{word}")));
    }

    async fn send(&mut self, messages: &[Message]) -> Result<Connection, Unexplained> {
        for (index, message) in messages.iter().enumerate() {
            if index == 0 {
                self.takes(message.word());
            }
            let outgoing = message.outgoing(self.tester.judge.frames());
            if let Some(item) = outgoing.begins {
                self.tester.judge.begins(item, outgoing.frame);
            }
            let mut halves = outgoing.halves.iter().peekable();
            let mut sent = 0;
            for bytes in outgoing.bytes.chunks(self.tester.piece(outgoing.bytes.len())) {
                sent += bytes.len();
                while halves.next_if(|at| **at <= sent).is_some() {
                    let is_torn = matches!(message, Message::Torn(_));
                    self.tester.judge.sent(halves.peek().is_none() && !is_torn);
                }
                if self.tester.write(bytes, true, STUCK).await? == Connection::Closed {
                    return Ok(Connection::Closed);
                }
            }
        }
        Ok(Connection::Open)
    }
}
