//! Runs a case on as many connections as it takes.

use std::collections::BTreeSet;

use tokio::time::{Instant, sleep};

use super::message::{Message, long};
use super::session::{Session, State, unexplained};
use super::{Case, Exit, Ran, Step};
use crate::remote::suite::{Unexplained, Verdict};
use crate::remote::target::More;
use crate::remote::tester::{NO_PROMISE, outlast};
use crate::remote::wire::{Limits, Link, PAUSE, Passed, Wire};

/// The version that the tester has where it does not matter.
pub(super) const CURRENT: i32 = 70016;

/// The nonce of the first connection's version. Those of other peers count on.
const NONCE: u64 = 0x5eed_0000_0000_0000;

const NO_DIAL: &str = "it is not known where the node dials: say {dial} in the command";

/// Why a case goes no further.
enum Stop {
    Failed(Unexplained),
    Inapplicable(&'static str),
    Incomplete(String),
}

impl From<Unexplained> for Stop {
    fn from(unexplained: Unexplained) -> Self {
        Self::Failed(unexplained)
    }
}

/// Runs a case. The first connection is there already.
pub(super) async fn run(case: &Case, link: Link, more: &More, limits: Limits) -> Ran {
    let mut run = Run { case, more, limits, sessions: Vec::new(), current: 0, gone: Vec::new(), peers: 0 };
    run.add(link, false);
    let verdict = match run.play().await {
        Ok(()) => Verdict::Passed,
        Err(Stop::Inapplicable(why)) => Verdict::Inapplicable(why.to_owned()),
        Err(Stop::Incomplete(why)) => Verdict::Incomplete(why),
        Err(Stop::Failed(Unexplained { mut rules, why })) => {
            if rules.is_empty() {
                rules.extend(case.outline.rules.iter().cloned());
            }
            Verdict::Failed { rules, why }
        }
    };
    let seen = if verdict == Verdict::Passed { [case.outline.name.clone()].into() } else { BTreeSet::new() };
    let mut passed = run.gone;
    for (number, session) in run.sessions.into_iter().enumerate() {
        passed.push(Passed::event("wire", &format!("connection {number}")));
        passed.extend(session.link.trace);
    }
    Ran { verdict, passed, seen }
}

struct Run<'a> {
    case: &'a Case,
    more: &'a More,
    limits: Limits,
    sessions: Vec<Session>,
    current: usize,
    /// What passed on the connection of the last round.
    gone: Vec<Passed>,
    /// How many peers the tester was.
    peers: u64,
}

impl Run<'_> {
    fn add(&mut self, link: Link, same_peer: bool) {
        self.peers += u64::from(!same_peer);
        let (magic, manner) = (self.case.network.magic(), self.case.outline.manner);
        self.sessions.push(Session::new(link, magic, NONCE + self.peers, self.limits, manner));
        self.current = self.sessions.len() - 1;
    }

    async fn connect(&mut self, same_peer: bool) -> Result<(), Stop> {
        // A node that is gone has ended by one of the case's rules: it was there when the case began.
        let wire = self.more.connect().await.map_err(|error| unexplained(&[], error.to_string()))?;
        self.add(Link::new(wire), same_peer);
        Ok(())
    }

    fn session(&mut self) -> &mut Session {
        &mut self.sessions[self.current]
    }

    async fn shake_hands(&mut self) -> Result<State, Stop> {
        self.session().send(&Message::Version(CURRENT)).await?;
        self.session().send(&Message::Verack).await?;
        Ok(self.session().is_up().await?)
    }

    async fn play(&mut self) -> Result<(), Stop> {
        for step in &self.case.steps {
            self.step(step).await?;
        }
        Ok(())
    }

    async fn step(&mut self, step: &Step) -> Result<(), Stop> {
        match step {
            Step::Connect { same_peer } => self.connect(*same_peer).await?,
            Step::Session(number) if *number < self.sessions.len() => self.current = *number,
            // No case of the suite does, but one that was saved and edited may.
            Step::Session(number) => return Err(Stop::Incomplete(format!("there is no connection {number}"))),
            Step::Send(messages) => {
                for message in messages {
                    self.session().send(message).await?;
                }
            }
            Step::Up => must_be_up(self.session().is_up().await?, &[])?,
            Step::UpOrClosed => match self.session().is_up().await? {
                State::Done | State::Closed => {}
                State::Silent => must_be_up(State::Silent, &[])?,
            },
            Step::AnyUp => {
                let mut states = Vec::new();
                // The latest one first: what its coming has done to the others is done when it is answered.
                for session in self.sessions.iter_mut().rev() {
                    states.push(session.is_up().await?);
                }
                if !states.contains(&State::Done) {
                    must_be_up(State::Closed, &[])?;
                }
            }
            Step::Quiet => self.session().listens().await?,
            Step::Closed => self.session().closes(&[]).await?,
            Step::Leave => self.leave().await?,
            Step::Rounds(count, exit) => {
                for _ in 0..*count {
                    self.round(*exit).await?;
                }
            }
            Step::Fill(slots) => self.fill(*slots).await?,
            Step::BeItself => self.be_itself().await?,
            Step::Outlast { drips } => self.outlast(*drips).await?,
        }
        Ok(())
    }

    async fn leave(&mut self) -> Result<(), Stop> {
        self.session().link.finish().await;
        Ok(self.session().closes(&["PEER-30"]).await?)
    }

    /// One connection more, which is not kept.
    async fn round(&mut self, exit: Exit) -> Result<(), Stop> {
        match exit {
            Exit::Up | Exit::Reset => self.comes_in(&[]).await?,
            Exit::BeforeVerack => {
                self.connect(false).await?;
                self.session().send(&Message::Version(CURRENT)).await?;
                if self.session().version().await?.is_none() {
                    must_be_up(State::Closed, &[])?;
                }
            }
            Exit::Violation => {
                self.connect(false).await?;
                self.session().send(&Message::OtherNetwork).await?;
            }
        }
        match exit {
            Exit::Up | Exit::BeforeVerack => self.leave().await?,
            Exit::Violation => self.session().closes(&["PEER-30"]).await?,
            Exit::Reset => {}
        }
        self.forget(exit == Exit::Reset);
        Ok(())
    }

    async fn fill(&mut self, slots: usize) -> Result<(), Stop> {
        while self.sessions.len() < slots {
            self.connect(false).await?;
            must_be_up(self.shake_hands().await?, &["PEER-9"])?;
        }
        self.connect(false).await?;
        if self.shake_hands().await? == State::Done {
            // A node may end another session in its favour.
            let mut is_full = false;
            for session in &mut self.sessions {
                is_full |= session.is_up().await? != State::Done;
            }
            let why = format!("{} sessions are up, where {slots} have room", self.sessions.len());
            return if is_full { Ok(()) } else { Err(unexplained(&["PEER-10"], why).into()) };
        }
        // Who came too much goes first: a node that made it wait may give it the room.
        self.forget(true);
        self.current = 0;
        self.leave().await?;
        self.comes_in(&["PEER-9"]).await
    }

    /// One session comes up, now or after some attempts: a node may learn a moment later than the tester that there is room.
    async fn comes_in(&mut self, rules: &[&str]) -> Result<(), Stop> {
        let until = Instant::now() + self.limits.silence;
        loop {
            self.connect(false).await?;
            let state = self.shake_hands().await?;
            if state != State::Closed || Instant::now() >= until {
                return Ok(must_be_up(state, rules)?);
            }
            self.forget(false);
            sleep(PAUSE).await;
        }
    }

    /// Forgets the latest session but for what passed on its connection, which is reset if it was not ended.
    fn forget(&mut self, resets: bool) {
        let session = self.sessions.pop().expect("it was added just now");
        self.gone = if resets { session.link.reset() } else { session.link.trace };
    }

    async fn be_itself(&mut self) -> Result<(), Stop> {
        let dialed: Option<Wire> = self.more.dialed().await.map_err(|error| Stop::Incomplete(error.to_string()))?;
        let Some(wire) = dialed else { return Err(Stop::Inapplicable(NO_DIAL)) };
        let current = self.current;
        self.add(Link::new(wire), false);
        self.session().is_dialed = true;
        let nonce =
            self.session().version().await?.ok_or_else(|| unexplained(&["PEER-29"], "it dials and is silent"))?;
        self.current = current;
        self.session().nonce = nonce;
        for message in [Message::Version(CURRENT), Message::Verack] {
            self.session().send(&message).await?;
        }
        match self.session().is_up().await? {
            State::Closed => Ok(()),
            State::Done => Err(unexplained(&["PEER-43"], "it answers itself").into()),
            State::Silent => Err(unexplained(&["PEER-43", "PEER-30"], "it keeps a connection to itself").into()),
        }
    }

    async fn outlast(&mut self, drips: bool) -> Result<(), Stop> {
        if self.limits.deadline.is_none() {
            return Err(Stop::Inapplicable(NO_PROMISE));
        }
        let bytes = if drips { long(self.session().magic) } else { Vec::new() };
        let (limits, session) = (self.limits, &mut self.sessions[self.current]);
        let began = session.began;
        let mut heard = Vec::new();
        let has_ended = outlast(&mut session.link, limits, began, bytes, |bytes| {
            heard.extend_from_slice(bytes);
            Ok(())
        });
        let has_ended = has_ended.await?;
        session.take(&heard)?;
        if has_ended { Ok(()) } else { Err(unexplained(&[], "it has not ended within what it promises").into()) }
    }
}

/// Fails by these rules, or by those of the case, if a session is not up.
fn must_be_up(state: State, rules: &[&str]) -> Result<(), Unexplained> {
    match state {
        State::Done => Ok(()),
        State::Closed => Err(unexplained(rules, "it has closed a connection that must be up")),
        State::Silent => Err(unexplained(rules, "it does not answer the ping of a session that must be up")),
    }
}
