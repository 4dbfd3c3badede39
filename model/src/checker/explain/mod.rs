//! Is this recorded behaviour one of the model's, and if not, where does it leave it?
//!
//! A log is newline-delimited JSON. A header says which protocol it is of and how the node was configured; then each
//! line is one step: an action and what was observed. A line without an observation matches whatever the model
//! observes, a refusal excepted. Other fields of a line, such as times, are not looked at. Another header begins
//! another run. A last line that does not end, because its writer was stopped within it, is left out and said to be
//! torn.
//!
//! The model follows along with every state that it could be in. When none is left, the log is no behaviour of the
//! model: the lines before are the longest explained prefix.

mod read;

use core::ops::ControlFlow;
use std::collections::VecDeque;
use std::io::BufRead;

use handfast_spec::log::LineOf;
use handfast_spec::protocol::{ActionOf, ObservationOf};
use handfast_spec::{Goal, Observation, Protocol, Recorded};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::checker::design::Design;
use crate::checker::format::count;
use crate::checker::trace::{self, Replayed, Trace, TraceStep};

pub use self::read::LogError;
pub(crate) use self::read::{Log, next_line, parse};

/// A design with machines that can be started as a log's header says.
pub trait Explains: Design {
    /// How the node was configured.
    type Header: DeserializeOwned;

    /// Every state that a node so configured could have started in.
    fn starts(header: &Self::Header) -> Vec<Recorded<Self>>;

    /// The actions that are worth attempting in this state, to tell what would have been allowed.
    fn attempts(&self) -> Vec<ActionOf<Self>>;

    /// The state in words, a line for each part that is not as it is at the start.
    fn summary(&self) -> Vec<String>;
}

/// What became of a log.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Explanation {
    /// How many runs the log holds, the rejected one included.
    pub runs: usize,
    /// Of a log that is of several protocols at once: each of them, with how much of it was explained.
    pub parts: Vec<PartExplained>,
    /// Of such a log: the part that the rejected line is of, in words.
    pub part: Option<String>,
    /// How many steps were explained.
    pub steps: usize,
    /// Where the log leaves the model, if it does.
    pub rejection: Option<Rejection>,
    /// Ids of invariants that the history at the end of some run violates.
    pub violated: Vec<&'static str>,
    /// The goals that are still owed at the end of some run: what triggers them holds there, and their outcome does not.
    pub owed: Vec<Owed>,
    /// The number of the last line, counted from 1, if its writer stopped within it.
    pub torn: Option<usize>,
    /// Of which design the last run is, where its header says so.
    pub design: Option<String>,
    /// The last run as far as it was explained, and the line that was not; its last steps, if it is long.
    pub behaviour: Option<Trace>,
}

impl Explanation {
    /// Whether the model explains all of the log, and no invariant is violated in it.
    pub fn is_behaviour(&self) -> bool {
        self.rejection.is_none() && self.violated.is_empty()
    }
}

/// One of the protocols that a log is of.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PartExplained {
    /// Its name.
    pub name: String,
    /// How many runs of it the log holds, the rejected one included.
    pub runs: usize,
    /// How many steps of it were explained.
    pub steps: usize,
}

/// A goal that is owed where a run ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Owed {
    /// Its id.
    pub id: &'static str,
    /// What it promises.
    pub title: &'static str,
}

/// Where a log leaves the model.
#[derive(Clone, Debug, PartialEq)]
pub struct Rejection {
    /// The line of the log, counted from 1.
    pub line: usize,
    /// What was recorded there.
    pub recorded: Claim,
    /// How many steps of this run were explained before it.
    pub explained: usize,
    /// The last steps that were explained, in words.
    pub before: Vec<String>,
    /// The states that the model could be in, and what each allowed.
    pub possible: Vec<Possible>,
}

impl Rejection {
    /// What was recorded as the last step of a drawing, and what the model says there.
    pub(crate) fn as_step(&self, state: &[String]) -> TraceStep {
        let observed = self.recorded.observed.iter().flatten().map(|told| format!("recorded: {told}"));
        let instead = self.possible.first().into_iter().flat_map(|possible| &possible.instead);
        TraceStep {
            actor: "log".to_owned(),
            message: None,
            action: self.recorded.action.clone(),
            action_value: Value::Null,
            told: observed.chain(instead.map(|told| format!("in the model: {told}"))).collect(),
            observation_value: Value::Null,
            state: Value::Null,
            state_words: state.to_vec(),
            violates: Vec::new(),
            alternatives: self.possible.first().map_or(Vec::new(), |possible| possible.allowed.clone()),
        }
    }
}

/// A line of a log, in words.
#[derive(Clone, Debug, PartialEq)]
pub struct Claim {
    /// The action.
    pub action: String,
    /// What was observed, if that was recorded.
    pub observed: Option<Vec<String>>,
}

/// A state that the model could be in.
#[derive(Clone, Debug, PartialEq)]
pub struct Possible {
    /// The state, in words.
    pub state: Vec<String>,
    /// What the model observes of the recorded action there, in words; or why it refuses it.
    pub instead: Vec<String>,
    /// The actions that it allows there, in words.
    pub allowed: Vec<String>,
}

/// How many explained steps a rejection shows.
const SHOWN_BEFORE: usize = 20;

/// How many explained steps a drawing shows at most.
const DRAWN: usize = 40;

/// After how many lines the possible states are copied.
const CHECKPOINT: usize = 256;

/// Reads a log and follows it.
///
/// # Errors
///
/// If the log cannot be read as one of this protocol. What was read before is lost; a log that the model rejects is no
/// error.
pub fn explain<D: Explains>(log: &mut dyn BufRead) -> Result<Explanation, LogError> {
    explain_runs(log, D::Protocol::NAME, &[begin::<D>])
}

/// The same where each run is of one of two designs, which its header tells apart.
///
/// # Errors
///
/// As [`explain`]; of a header that is neither's, as the first one's.
pub fn explain_either<D: Explains, E: Explains>(log: &mut dyn BufRead) -> Result<Explanation, LogError> {
    explain_runs(log, D::Protocol::NAME, &[begin::<D>, begin::<E>])
}

/// Begins a run as its header says.
type Begin = fn(&Value, usize) -> Result<Box<dyn Follows>, LogError>;

pub(crate) fn begin<D: Explains>(header: &Value, line: usize) -> Result<Box<dyn Follows>, LogError> {
    Ok(Box::new(Run::<D>::start(header, line)?))
}

/// A run that is followed line by line.
pub(crate) trait Follows {
    /// Follows one line, if the model does.
    fn follow(&mut self, text: &str, line: usize) -> Result<ControlFlow<Rejection>, LogError>;

    /// Returns the last steps that were explained, and what was not.
    fn behaviour(&self, rejection: Option<&Rejection>) -> Trace;

    /// Adds the invariants that are violated where the run has ended, and the goals that are owed.
    fn judge(&self, explanation: &mut Explanation);
}

fn explain_runs(log: &mut dyn BufRead, protocol: &'static str, begins: &[Begin]) -> Result<Explanation, LogError> {
    let mut explanation = Explanation::default();
    let mut run: Option<Box<dyn Follows>> = None;
    let mut number = 0;
    while let Some(line) = next_line(log, &mut number)? {
        let followed =
            line.text().and_then(|text| follow_line(text, number, protocol, begins, &mut run, &mut explanation));
        match followed {
            Ok(ControlFlow::Continue(())) => {}
            Ok(ControlFlow::Break(rejection)) => {
                explanation.behaviour = run.map(|run| run.behaviour(Some(&rejection)));
                explanation.rejection = Some(rejection);
                return Ok(explanation);
            }
            Err(error) if error.is_torn() && !line.is_ended() && run.is_some() => explanation.torn = Some(number),
            Err(error) => return Err(error),
        }
    }
    let run = run.ok_or(LogError::Empty)?;
    run.judge(&mut explanation);
    explanation.behaviour = Some(run.behaviour(None));
    Ok(explanation)
}

/// Follows a line, which is empty, a header or a step.
fn follow_line(
    text: &str,
    number: usize,
    protocol: &'static str,
    begins: &[Begin],
    run: &mut Option<Box<dyn Follows>>,
    explanation: &mut Explanation,
) -> Result<ControlFlow<Rejection>, LogError> {
    if text.trim().is_empty() {
        return Ok(ControlFlow::Continue(()));
    }
    let value: Value = parse(text, number)?;
    if value.get("protocol").is_some() {
        run.iter().for_each(|run| run.judge(explanation));
        let design = value.get("design").and_then(Value::as_str);
        *run = Some(any_of(begins, &value, number).map_err(|error| error.of_design(design))?);
        explanation.design = design.map(str::to_owned);
        explanation.runs += 1;
        return Ok(ControlFlow::Continue(()));
    }
    let Some(run) = run else {
        let reason = "a log begins with a line that has the field `protocol`".to_owned();
        return Err(LogError::Header { line: number, protocol, reason });
    };
    let followed = run.follow(text, number)?;
    explanation.steps += usize::from(followed.is_continue());
    Ok(followed)
}

fn any_of(begins: &[Begin], header: &Value, line: usize) -> Result<Box<dyn Follows>, LogError> {
    let mut attempts = begins.iter().map(|begin| begin(header, line));
    let first = attempts.next().expect("there is a design");
    first.or_else(|error| attempts.find_map(Result::ok).ok_or(error))
}

/// One run of a node, as far as it was followed.
struct Run<D: Explains> {
    possible: Vec<Recorded<D>>,
    /// The states that were possible before the lines in `since`: a copy of states with thousands of sessions is not
    /// made for each line, only for the sake of one that may be rejected.
    checkpoint: Vec<Recorded<D>>,
    since: Vec<LineOf<D::Protocol>>,
    explained: usize,
    before: VecDeque<String>,
}

impl<D: Explains> Run<D> {
    fn start(header: &Value, line: usize) -> Result<Self, LogError> {
        let protocol = D::Protocol::NAME;
        let error = |reason: String| LogError::Header { line, protocol, reason };
        match header.get("protocol") {
            Some(Value::String(name)) if name == protocol => {}
            Some(Value::String(name)) => return Err(LogError::OtherProtocol { line, protocol, found: name.clone() }),
            other => return Err(error(format!("its field `protocol` is {}", other.unwrap_or(&Value::Null)))),
        }
        let header: D::Header = D::Header::deserialize(header).map_err(|source| error(source.to_string()))?;
        let possible = D::starts(&header);
        if possible.is_empty() {
            return Err(error("no node can be configured like this".to_owned()));
        }
        Ok(Self { checkpoint: possible.clone(), possible, since: Vec::new(), explained: 0, before: VecDeque::new() })
    }

    fn take(&mut self, line: LineOf<D::Protocol>, number: usize) -> ControlFlow<Rejection> {
        self.possible.retain_mut(|state| line.is_explained_by(&state.step(&line.action)));
        if self.possible.is_empty() {
            return ControlFlow::Break(self.reject(&line, number));
        }
        self.explained += 1;
        self.before.push_back(line.action.to_string());
        if self.before.len() > SHOWN_BEFORE {
            self.before.pop_front();
        }
        self.since.push(line);
        if self.since.len() == CHECKPOINT {
            self.checkpoint.clone_from(&self.possible);
            self.since.clear();
        }
        ControlFlow::Continue(())
    }

    /// The states that were possible before the line that was rejected.
    fn possible_before(&self) -> Vec<Recorded<D>> {
        let mut possible = self.checkpoint.clone();
        for line in &self.since {
            possible.retain_mut(|state| line.is_explained_by(&state.step(&line.action)));
        }
        possible
    }

    fn reject(&self, line: &LineOf<D::Protocol>, number: usize) -> Rejection {
        let possible = self.possible_before().into_iter().map(|state| Possible {
            instead: words::<D>(&state.clone().step(&line.action)),
            allowed: allowed(&state),
            state: state.machine.summary(),
        });
        Rejection {
            line: number,
            recorded: claim::<D>(line),
            explained: self.explained,
            before: self.before.iter().cloned().collect(),
            possible: possible.collect(),
        }
    }
}

impl<D: Explains> Follows for Run<D> {
    fn behaviour(&self, rejection: Option<&Rejection>) -> Trace {
        let ends = |start: &&Recorded<D>| {
            let mut state = (*start).clone();
            self.since.iter().all(|line| line.is_explained_by(&state.step(&line.action)))
        };
        let mut state = self.checkpoint.iter().find(ends).expect("a state explains what was explained").clone();
        let (skipped, drawn) = self.since.split_at(self.since.len().saturating_sub(DRAWN));
        for line in skipped {
            let _ = state.step(&line.action);
        }
        let header = state.machine.header();
        // What was refused did nothing, and is no step.
        let is_step = |line: &&LineOf<D::Protocol>| !line.observation.as_ref().is_some_and(Observation::is_refused);
        let replayed = trace::replay(&state, drawn.iter().filter(is_step).map(|line| line.action), &[]);
        let Replayed { initial, starts_as, lanes, mut steps, waits, .. } = replayed;
        let before = self.explained - drawn.len();
        let title = match rejection {
            None => format!("the model explains {}", count(self.explained, "step")),
            Some(Rejection { line, .. }) => format!("line {line} is no behaviour of the model"),
        };
        steps.extend(
            rejection.map(|rejection| rejection.as_step(steps.last().map_or(&starts_as, |step| &step.state_words))),
        );
        Trace {
            protocol: D::Protocol::NAME,
            design: "log".to_owned(),
            instance: format!("{} before are not shown", count(before, "step")),
            title,
            rule: None,
            origin: None,
            header,
            initial,
            starts_as,
            lanes,
            steps,
            waits,
            repeats_from: None,
            owed_from: None,
        }
    }

    fn follow(&mut self, text: &str, line: usize) -> Result<ControlFlow<Rejection>, LogError> {
        Ok(self.take(parse(text, line)?, line))
    }

    fn judge(&self, explanation: &mut Explanation) {
        for invariant in D::Protocol::INVARIANTS {
            let broken = self.possible.iter().all(|state| !(invariant.holds)(&state.history));
            if broken && !explanation.violated.contains(&invariant.id) {
                explanation.violated.push(invariant.id);
            }
        }
        for &Goal { id, title, trigger, outcome, .. } in D::Protocol::GOALS {
            let is_owed = self.possible.iter().all(|state| trigger(&state.history) && !outcome(&state.history));
            let owed = Owed { id, title };
            if is_owed && !explanation.owed.contains(&owed) {
                explanation.owed.push(owed);
            }
        }
    }
}

/// A line in words.
pub(crate) fn claim<D: Design>(line: &LineOf<D::Protocol>) -> Claim {
    Claim { action: line.action.to_string(), observed: line.observation.as_ref().map(words::<D>) }
}

fn words<D: Design>(observation: &ObservationOf<D>) -> Vec<String> {
    match observation {
        Observation::Refused(refusal) => vec![format!("refused: {refusal}")],
        Observation::Accepted(outputs) => outputs.iter().map(ToString::to_string).collect(),
    }
}

fn allowed<D: Explains>(state: &Recorded<D>) -> Vec<String> {
    // A refused action leaves the machine as it was, so that one copy serves until an action is accepted.
    let mut machine = state.machine.clone();
    let is_allowed = |action: &ActionOf<D>| {
        let is_allowed = !machine.step(action).is_refused();
        if is_allowed {
            machine.clone_from(&state.machine);
        }
        is_allowed
    };
    let attempts = state.machine.attempts();
    attempts.into_iter().filter(is_allowed).map(|action| action.to_string()).collect()
}
