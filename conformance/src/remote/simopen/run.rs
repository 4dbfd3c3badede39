//! Runs a case: the tester says what the case says, and hands what it sees to the judge.

use std::collections::BTreeSet;

use handfast_spec::simopen::Token;
use tokio::time::Instant;

use super::cases::{concerns, longest};
use super::graph::{Edge, UNSUPPORTED};
use super::judge::Judge;
use super::message::{Message, Outgoing};
use super::{Case, Ran, Role, Step, edge_name};
use crate::remote::suite::{Unexplained, Verdict};
use crate::remote::tester::{Connection, Judges as _, NO_PROMISE, Tester, outlast};
use crate::remote::wire::{Limits, Link};

/// The rule that an end breaks that reads nothing more.
const STUCK: &str = "SIM-24";

/// Runs a case on a connection on which nothing has passed.
pub(super) async fn run(case: &Case, link: Link, limits: Limits) -> Ran {
    let judge = Judge::new(case.role.kinds(), &case.protocols);
    let tester = Tester::new(link, judge, limits, case.outline.manner);
    let mut run = Run { case, tester, began: Instant::now(), last: None, seen: BTreeSet::new() };
    let verdict = match run.play().await {
        Ok(Progress::Goes | Progress::Closed) => Verdict::Passed,
        Ok(Progress::Inapplicable(why)) => Verdict::Inapplicable(why.into()),
        Err(unexplained) => run.failed(unexplained),
    };
    let Run { tester: Tester { link, .. }, seen, .. } = run;
    let passed = if case.steps.last() == Some(&Step::Reset) { link.reset() } else { link.trace };
    Ran { verdict, passed, seen }
}

struct Run<'a> {
    case: &'a Case,
    tester: Tester<Judge>,
    /// When the connection was there.
    began: Instant,
    /// The edge that was taken last, if it is known which.
    last: Option<Edge>,
    seen: BTreeSet<String>,
}

/// How far a case is.
enum Progress {
    Goes,
    Closed,
    /// The case does not apply, for this reason.
    Inapplicable(&'static str),
}

/// Why a case is skipped.
const SETTLED: &str = "the implementation has settled, so that its deadline is over";
const NO_NUMBER: &str = "the implementation's number leaves no such number";

impl From<Connection> for Progress {
    fn from(connection: Connection) -> Self {
        match connection {
            Connection::Open => Self::Goes,
            Connection::Closed => Self::Closed,
        }
    }
}

impl Run<'_> {
    async fn play(&mut self) -> Result<Progress, Unexplained> {
        let outlasts = self.case.steps.iter().any(|step| matches!(step, Step::Outlast { .. }));
        if outlasts && self.tester.limits.deadline.is_none() {
            return Ok(Progress::Inapplicable(NO_PROMISE));
        }
        if self.waits_at_first() {
            self.tester.listen().await?;
        }
        for step in &self.case.steps {
            let progress = match step {
                Step::Say(messages) => self.say(messages).await?,
                Step::Flood(count) => self.flood(*count).await?,
                Step::Finish => {
                    self.takes("end");
                    self.tester.judge.finishes();
                    self.tester.link.finish().await;
                    Progress::Goes
                }
                Step::Outlast { drips } => return self.outlast(*drips).await,
                Step::Reset => return Ok(Progress::Closed),
            };
            if let Progress::Inapplicable(_) = progress {
                return Ok(progress);
            }
            // Also where nothing more is taken, there may be something to hear.
            let heard = self.tester.listen().await?;
            if let (Progress::Closed, _) | (_, Connection::Closed) = (progress, heard) {
                return Ok(Progress::Closed);
            }
        }
        Ok(Progress::Goes)
    }

    /// Whether the tester looks first at what the implementation says by itself. A listener may wait for the dialer's
    /// header.
    fn waits_at_first(&self) -> bool {
        let says_much = matches!(self.case.steps.first(), Some(Step::Say(messages)) if messages.len() > 1);
        self.case.role != Role::Listener && !says_much
    }

    /// The tester does something that the model has a word for, where the implementation waits for it.
    fn takes(&mut self, word: &'static str) {
        self.last = self.tester.judge.place().map(|place| (place, word));
        self.seen.extend(self.last.map(edge_name));
    }

    async fn flood(&mut self, count: usize) -> Result<Progress, Unexplained> {
        for _ in 0..count {
            let said = self.say(&[Message::Unsupported(UNSUPPORTED.to_owned())]).await?;
            if !matches!(said, Progress::Goes) || self.tester.listen().await? == Connection::Closed {
                return Ok(Progress::Closed);
            }
        }
        Ok(Progress::Goes)
    }

    /// Waits for the end that the implementation promises. The model has no clock here: whatever end comes is that one.
    async fn outlast(&mut self, drips: bool) -> Result<Progress, Unexplained> {
        let outgoing = drips.then(|| Message::Torn(longest()).outgoing(&self.case.protocols, None)).flatten();
        let bytes = outgoing.map_or(Vec::new(), |outgoing| outgoing.bytes);
        self.last = None;
        let Tester { link, judge, limits, .. } = &mut self.tester;
        if outlast(link, *limits, self.began, bytes, |heard| judge.hears(heard)).await? {
            return Ok(Progress::Closed);
        }
        if judge.place() == Some("settled") {
            return Ok(Progress::Inapplicable(SETTLED));
        }
        Err(Unexplained { rules: BTreeSet::new(), why: "it has not ended within what it promises".to_owned() })
    }

    async fn say(&mut self, messages: &[Message]) -> Result<Progress, Unexplained> {
        let nonce = self.tester.judge.nonce();
        let outgoing = messages.iter().map(|message| message.outgoing(&self.case.protocols, nonce));
        let Some(outgoing) = outgoing.collect::<Option<Vec<_>>>() else { return Ok(Progress::Inapplicable(NO_NUMBER)) };
        self.last = None;
        if let [message] = messages {
            self.takes(message.word());
        }
        let bytes: Vec<u8> = outgoing.iter().flat_map(|one| one.bytes.clone()).collect();
        let mut entries = entries(&outgoing).into_iter().peekable();
        // What is echoed has to be read: the layer above may write before it reads on.
        let reads = !self.tester.writes_first() || outgoing.iter().any(|one| one.is_payload);
        let mut sent = 0;
        for bytes in bytes.chunks(self.tester.piece(bytes.len())) {
            sent += bytes.len();
            // What the implementation may know of from now on.
            while let Some((_, one)) = entries.next_if(|(at, _)| *at < sent) {
                self.tester.judge.says(one);
            }
            if self.tester.write(bytes, reads, STUCK).await? == Connection::Closed {
                return Ok(Progress::Closed);
            }
        }
        Ok(Progress::Goes)
    }

    /// The rules that the failure concerns: those that the model's predicates name, and those of what the tester did last.
    fn failed(&self, mut unexplained: Unexplained) -> Verdict {
        match self.last {
            Some(edge) => unexplained.rules.extend(concerns(edge).iter().map(|rule| (*rule).to_owned())),
            None => unexplained.rules.extend(self.case.outline.rules.iter().cloned()),
        }
        Verdict::Failed { rules: unexplained.rules, why: unexplained.why }
    }
}

/// When the judge is told of each: with the last byte of a message, with the first of what is none.
fn entries(outgoing: &[Outgoing]) -> Vec<(usize, &Outgoing)> {
    let mut begin = 0;
    let entries = outgoing.iter().map(|one| {
        let is_message = one.token.is_some_and(|token| token != Token::Garbage);
        let at = begin + if is_message { one.bytes.len() - 1 } else { 0 };
        begin += one.bytes.len();
        (at, one)
    });
    entries.collect()
}
