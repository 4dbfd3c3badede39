//! Logs of one node: the model of each part explains its lines, and the rules of nodes what is between the parts.
//!
//! The node's own model has both ends of each connection. A node knows its own one, so that its log is not followed by
//! that model: what the steps of a socket take for granted of each other is asked here of the lines of its session.

use core::ops::ControlFlow;
use std::collections::{BTreeMap, VecDeque};

use handfast_spec::framed::{Framed, Output as FramedOutput};
use handfast_spec::lifecycle::{Action, DIALED_BY_BOTH, Lifecycle, Output, SessionId};
use handfast_spec::log::LineOf;
use handfast_spec::node::{Configured, End, Node, Part, Tag};
use handfast_spec::simopen::{Output as SimopenOutput, Simopen, Token};
use handfast_spec::{Observation, Protocol};
use serde::Deserialize;
use serde_json::Value;

use super::handfast::Handfast;
use crate::checker::explain::{
    self, Claim, Explanation, Follows, Log, LogError, PartExplained, Possible, Rejection, begin, claim, next_line,
    parse,
};
use crate::checker::trace::{Trace, TraceStep};
use crate::{framed, lifecycle, simopen};

/// How many lines a drawing shows at most.
const DRAWN: usize = 40;

/// Reads a log: of one node, or of a whole world.
pub(super) fn explain(log: &mut Log<'_>) -> Result<Explanation, LogError> {
    let mut number = 0;
    let Some(first) = next_line(log, &mut number)? else { return Err(LogError::Empty) };
    let header: Option<Value> = first.text().ok().and_then(|text| serde_json::from_str(text).ok());
    if header.as_ref().is_none_or(|header| header.get("negotiates").is_none()) {
        return explain::explain::<Handfast>(&mut first.and(log));
    }
    let header = header.unwrap_or_default();
    let configured =
        configured(&header).map_err(|reason| LogError::Header { line: 1, protocol: Node::NAME, reason })?;
    let mut reading = Reading::new(configured, header);
    while let Some(line) = next_line(log, &mut number)? {
        match line.text().and_then(|text| reading.take(text, number)) {
            Ok(ControlFlow::Continue(())) => {}
            Ok(ControlFlow::Break(Unexplained { part, rejection, sessions })) => {
                reading.explanation.part = Some(part);
                reading.explanation.behaviour = Some(reading.drawing(Some((&rejection, &sessions))));
                reading.explanation.rejection = Some(rejection);
                return Ok(reading.explained());
            }
            Err(error) if error.is_torn() && !line.is_ended() => reading.explanation.torn = Some(number),
            Err(error) => return Err(error),
        }
    }
    let Reading { runs, explanation, .. } = &mut reading;
    runs.values().for_each(|run| run.judge(explanation));
    reading.explanation.behaviour = Some(reading.drawing(None));
    Ok(reading.explained())
}

fn configured(header: &Value) -> Result<Configured, String> {
    match header.get("protocol") {
        Some(Value::String(name)) if name == Node::NAME => {}
        // Whatever else a header may say.
        other => return Err(format!("its field `protocol` is {}", other.unwrap_or(&Value::Null))),
    }
    let negotiates = header.get("negotiates").and_then(Value::as_bool);
    negotiates
        .map(|negotiates| Configured { negotiates })
        .ok_or("its field `negotiates` is not true or false".to_owned())
}

/// A log that is being read.
struct Reading {
    header: Value,
    runs: BTreeMap<Tag, Box<dyn Follows>>,
    whole: Whole,
    explanation: Explanation,
    counts: BTreeMap<Part, PartExplained>,
    /// The last lines, and those that concern each session that is open.
    recent: VecDeque<Drawn>,
    of_sessions: BTreeMap<SessionId, VecDeque<Drawn>>,
}

/// A line in words, with its number.
#[derive(Clone)]
struct Drawn {
    line: usize,
    step: TraceStep,
}

/// The first line that is not explained.
struct Unexplained {
    /// The part, in words.
    part: String,
    rejection: Rejection,
    sessions: Vec<SessionId>,
}

impl Reading {
    fn new(Configured { negotiates }: Configured, header: Value) -> Self {
        let explanation = Explanation { runs: 1, ..Explanation::default() };
        Self {
            header,
            runs: BTreeMap::new(),
            whole: Whole { negotiates, sessions: BTreeMap::new() },
            explanation,
            counts: BTreeMap::new(),
            recent: VecDeque::new(),
            of_sessions: BTreeMap::new(),
        }
    }

    fn count(&mut self, part: Part) -> &mut PartExplained {
        self.counts.entry(part).or_insert_with(|| PartExplained { name: part.to_string(), runs: 0, steps: 0 })
    }

    fn explained(self) -> Explanation {
        Explanation { parts: self.counts.into_values().collect(), ..self.explanation }
    }

    /// Takes a line: the header of a part, its end, or a step of it.
    fn take(&mut self, text: &str, number: usize) -> Result<ControlFlow<Unexplained>, LogError> {
        if text.trim().is_empty() {
            return Ok(ControlFlow::Continue(()));
        }
        let value: Value = parse(text, number)?;
        let tag = Tag::deserialize(&value).map_err(|source| LogError::Syntax { line: number, source })?;
        let follows = if value.get("over").is_some() {
            if let Some(run) = self.runs.remove(&tag) {
                run.judge(&mut self.explanation);
            }
            self.whole.over(tag);
            return Ok(ControlFlow::Continue(()));
        } else if value.get("protocol").is_some() {
            let run = match tag.part {
                Part::Lifecycle => begin::<lifecycle::handfast::Handfast>(&value, number)?,
                Part::Simopen => begin::<simopen::Connection>(&value, number)?,
                Part::Framed => begin::<framed::handfast::OneEnd>(&value, number)?,
            };
            self.runs.insert(tag, run);
            self.count(tag.part).runs += 1;
            let claim = Claim { action: format!("{} begins", in_words(tag)), observed: None };
            (claim, self.whole.begun(tag))
        } else {
            let Some(run) = self.runs.get_mut(&tag) else {
                let reason = format!("{} has no header before it", in_words(tag));
                return Err(LogError::Header { line: number, protocol: Node::NAME, reason });
            };
            if let ControlFlow::Break(rejection) = run.follow(text, number)? {
                let sessions = tag.session.into_iter().chain(named(&value)).collect();
                return Ok(ControlFlow::Break(Unexplained { part: in_words(tag), rejection, sessions }));
            }
            self.count(tag.part).steps += 1;
            self.explanation.steps += 1;
            self.whole.step(tag, text, number)?
        };
        Ok(self.fits(tag, number, &value, follows))
    }

    /// Whether a line that its own part explains fits to the others.
    fn fits(
        &mut self,
        tag: Tag,
        line: usize,
        value: &Value,
        (claim, fits): (Claim, Result<(), Broken>),
    ) -> ControlFlow<Unexplained> {
        let sessions: Vec<SessionId> = tag.session.into_iter().chain(named(value)).collect();
        if let Err(Broken { session, rule, why }) = fits {
            let instead = vec![format!("{rule}: {why}")];
            let state = self.whole.summary(session);
            let before = self.of_sessions.get(&session).into_iter().flatten();
            let rejection = Rejection {
                line,
                recorded: claim,
                explained: self.explanation.steps,
                before: before.map(|drawn| drawn.step.action.clone()).collect(),
                possible: vec![Possible { state, instead, allowed: Vec::new() }],
            };
            let part = format!("the whole, where {} meets the others", in_words(tag));
            return ControlFlow::Break(Unexplained { part, rejection, sessions: vec![session] });
        }
        let drawn = Drawn { line, step: step(tag, claim) };
        for session in sessions {
            let known = self.of_sessions.entry(session).or_default();
            remember(known, drawn.clone());
            if !self.whole.sessions.contains_key(&session) {
                self.of_sessions.remove(&session);
            }
        }
        remember(&mut self.recent, drawn);
        ControlFlow::Continue(())
    }

    /// The last lines, those of the sessions that a rejected one concerns.
    fn drawing(&self, rejected: Option<(&Rejection, &[SessionId])>) -> Trace {
        let mut lines: BTreeMap<usize, TraceStep> = BTreeMap::new();
        let sessions = rejected.map_or(&[][..], |(_, sessions)| sessions).iter();
        let concerned: Vec<_> = sessions.filter_map(|session| self.of_sessions.get(session)).collect();
        let shown = if concerned.is_empty() { vec![&self.recent] } else { concerned };
        lines.extend(shown.into_iter().flatten().map(|Drawn { line, step }| (*line, step.clone())));
        let skip = lines.len().saturating_sub(DRAWN);
        let mut steps: Vec<TraceStep> = lines.into_values().skip(skip).collect();
        steps.extend(rejected.map(|(rejection, _)| rejection.as_step(&[])));
        let title = match rejected {
            None => format!("the models explain {} lines of this node", self.explanation.steps),
            Some((Rejection { line, .. }, _)) => format!("line {line} is not explained"),
        };
        Trace {
            protocol: Node::NAME,
            design: "log".to_owned(),
            instance: "the last lines of the sessions that are concerned".to_owned(),
            title,
            rule: None,
            origin: None,
            header: self.header.clone(),
            initial: Value::Null,
            starts_as: Vec::new(),
            lanes: Vec::new(),
            steps,
            waits: Vec::new(),
            repeats_from: None,
            owed_from: None,
        }
    }
}

fn remember(lines: &mut VecDeque<Drawn>, drawn: Drawn) {
    if lines.len() == DRAWN {
        lines.pop_front();
    }
    lines.push_back(drawn);
}

fn in_words(Tag { part, session }: Tag) -> String {
    session.map_or_else(|| part.to_string(), |session| format!("{part} of {session}"))
}

/// The session that a line of the registry is about.
fn named(line: &Value) -> Option<SessionId> {
    let action = line.get("action")?.as_object()?.values().next()?;
    SessionId::deserialize(action.get("session")?).ok()
}

fn step(tag: Tag, Claim { action, observed }: Claim) -> TraceStep {
    TraceStep {
        actor: in_words(tag),
        message: None,
        action,
        action_value: Value::Null,
        told: observed.unwrap_or_default(),
        observation_value: Value::Null,
        state: Value::Null,
        state_words: Vec::new(),
        violates: Vec::new(),
        alternatives: Vec::new(),
    }
}

/// What is between the parts.
struct Whole {
    negotiates: bool,
    sessions: BTreeMap<SessionId, Session>,
}

/// A session, from its slot until its connection is closed.
#[derive(Default)]
struct Session {
    negotiation: Progress,
    has_settled: bool,
    both_dialed: bool,
    rank: u32,
    stage: Stage,
    frames: Progress,
    frames_were_dropped: bool,
}

/// How far a part is.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Progress {
    #[default]
    NotBegun,
    Runs,
    Over,
}

/// Where the registry has a session.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Stage {
    #[default]
    Handshaking,
    Proven,
    Up,
    Ended {
        in_order: bool,
    },
}

/// A line that does not fit to those of other parts.
struct Broken {
    session: SessionId,
    rule: &'static str,
    why: &'static str,
}

impl Whole {
    /// The session of a connection.
    fn session(&mut self, session: Option<SessionId>) -> Result<(SessionId, &mut Session), Broken> {
        let session = session.unwrap_or_default();
        let why = "the session has closed its connection, or never had a slot";
        let known = self.sessions.get_mut(&session);
        known.map(|known| (session, known)).ok_or(Broken { session, rule: "NODE-6", why })
    }

    /// NODE-7: a role is settled in the handshake, and frames are for announced sessions.
    fn begun(&mut self, Tag { part, session }: Tag) -> Result<(), Broken> {
        let negotiates = self.negotiates;
        let (progress, is_time, why) = match part {
            Part::Lifecycle => return Ok(()),
            Part::Simopen => {
                let (_, it) = self.session(session)?;
                let is_time = negotiates && it.stage == Stage::Handshaking;
                (&mut it.negotiation, is_time, "a role is negotiated where the handshake has none to settle")
            }
            Part::Framed => {
                let (_, it) = self.session(session)?;
                (&mut it.frames, it.stage == Stage::Up, "there are frames, and the session is not announced")
            }
        };
        let is_first = std::mem::replace(progress, Progress::Runs) == Progress::NotBegun;
        let broken = Broken { session: session.unwrap_or_default(), rule: "NODE-7", why };
        (is_time && is_first).then_some(()).ok_or(broken)
    }

    fn over(&mut self, Tag { part, session }: Tag) {
        let Some(it) = session.and_then(|session| self.sessions.get_mut(&session)) else { return };
        match part {
            Part::Lifecycle => {}
            Part::Simopen => it.negotiation = Progress::Over,
            Part::Framed => it.frames = Progress::Over,
        }
    }

    /// Takes a step of a part.
    fn step(&mut self, tag: Tag, text: &str, number: usize) -> Result<(Claim, Result<(), Broken>), LogError> {
        Ok(match tag.part {
            Part::Lifecycle => {
                let line: LineOf<Lifecycle> = parse(text, number)?;
                (claim::<lifecycle::handfast::Handfast>(&line), self.registry(&line))
            }
            Part::Simopen => {
                let line: LineOf<Simopen> = parse(text, number)?;
                (claim::<simopen::Connection>(&line), self.negotiation(tag, &line))
            }
            Part::Framed => {
                let line: LineOf<Framed> = parse(text, number)?;
                (claim::<framed::handfast::OneEnd>(&line), self.frames(tag, &line))
            }
        })
    }

    fn registry(&mut self, line: &LineOf<Lifecycle>) -> Result<(), Broken> {
        let Some(Observation::Accepted(outputs)) = &line.observation else { return Ok(()) };
        for output in outputs {
            match *output {
                Output::Opened(session) => drop(self.sessions.insert(session, Session::default())),
                Output::Ranked(session, rank) => self.session(Some(session))?.1.rank = rank,
                Output::HandshakeDone(session, _) => self.proven(session)?,
                Output::Registered(session) => self.session(Some(session))?.1.stage = Stage::Up,
                Output::Ended(session) => {
                    let in_order = matches!(line.action, Action::End { .. });
                    self.session(Some(session))?.1.stage = Stage::Ended { in_order };
                }
                Output::Closed(session) => self.closed(session)?,
                _ => {} // The others are of the registry alone, whose model has explained them.
            }
        }
        Ok(())
    }

    /// NODE-7, NODE-2: the key is proven when the role is settled, and a connection that both dialed has its rank.
    fn proven(&mut self, session: SessionId) -> Result<(), Broken> {
        let negotiates = self.negotiates;
        let (_, it) = self.session(Some(session))?;
        it.stage = Stage::Proven;
        let has_settled = it.has_settled && it.negotiation == Progress::Over;
        if negotiates && !has_settled {
            return Err(Broken { session, rule: "NODE-7", why: "the key is proven, and the role is not settled" });
        }
        if it.both_dialed && it.rank != DIALED_BY_BOTH {
            let why = "both ends dialed the connection, and its session has not the rank of that";
            return Err(Broken { session, rule: "NODE-2", why });
        }
        Ok(())
    }

    /// NODE-6: the connection is closed when each part has let go of it. NODE-5: in order, behind its shutdown.
    fn closed(&mut self, session: SessionId) -> Result<(), Broken> {
        // A connection that was turned away has no session.
        let Some(it) = self.sessions.get(&session) else { return Ok(()) };
        if it.negotiation == Progress::Runs || it.frames == Progress::Runs {
            let why = "the connection is closed, and a part still has it";
            return Err(Broken { session, rule: "NODE-6", why });
        }
        if it.stage == (Stage::Ended { in_order: true }) && it.frames_were_dropped {
            let why = "the session ended in order, and its frames were dropped without a shutdown";
            return Err(Broken { session, rule: "NODE-5", why });
        }
        self.sessions.remove(&session);
        Ok(())
    }

    fn negotiation(&mut self, tag: Tag, line: &LineOf<Simopen>) -> Result<(), Broken> {
        let (_, it) = self.session(tag.session)?;
        for output in accepted(&line.observation) {
            match output {
                // A peer says its number to one that has said its own: both have dialed.
                SimopenOutput::Heard(End::Left, Token::Select(_)) => it.both_dialed = true,
                SimopenOutput::Settled { end: End::Left, .. } => it.has_settled = true,
                _ => {} // The others are of the negotiation alone.
            }
        }
        Ok(())
    }

    fn frames(&mut self, tag: Tag, line: &LineOf<Framed>) -> Result<(), Broken> {
        let (_, it) = self.session(tag.session)?;
        it.frames_were_dropped |= accepted(&line.observation).contains(&FramedOutput::Abandoned(End::Left));
        Ok(())
    }

    /// A session in words.
    fn summary(&self, session: SessionId) -> Vec<String> {
        let Some(it) = self.sessions.get(&session) else { return vec![format!("{session} has no connection")] };
        let Session { negotiation, stage, frames, .. } = it;
        vec![format!("{session} is {stage:?}; its negotiation is {negotiation:?}, its frames are {frames:?}")]
    }
}

fn accepted<T, R>(observation: &Option<Observation<T, R>>) -> &[T] {
    match observation {
        Some(Observation::Accepted(outputs)) => outputs,
        Some(Observation::Refused(_)) | None => &[],
    }
}
