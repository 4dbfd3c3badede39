//! Is this recorded behaviour one of the model's, and if not, where does it leave it?
//!
//! A log is newline-delimited JSON. A header says which protocol it is of and how the node was configured; then each
//! line is one step: an action and what was observed. A line without an observation matches whatever the model
//! observes, a refusal excepted. Other fields of a line, such as times, are not looked at. Another header begins
//! another run.
//!
//! The model follows along with every state that it could be in. When none is left, the log is no behaviour of the
//! model: the lines before are the longest explained prefix.

use std::collections::VecDeque;
use std::io::{self, BufRead};

use handfast_spec::log::LineOf;
use handfast_spec::protocol::{ActionOf, ObservationOf};
use handfast_spec::{Observation, Protocol, Recorded};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::checker::design::Design;

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
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation {
    /// How many runs the log holds, the rejected one included.
    pub runs: usize,
    /// How many steps were explained.
    pub steps: usize,
    /// Where the log leaves the model, if it does.
    pub rejection: Option<Rejection>,
    /// Ids of invariants that the history at the end of some run violates.
    pub violated: Vec<&'static str>,
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

fn begin<D: Explains>(header: &Value, line: usize) -> Result<Box<dyn Follows>, LogError> {
    Ok(Box::new(Run::<D>::start(header, line)?))
}

/// A run that is followed line by line.
trait Follows {
    /// Follows one line, if the model does.
    fn follow(&mut self, text: &str, line: usize) -> Result<Result<(), Rejection>, LogError>;

    /// Adds the invariants that are violated where the run has ended.
    fn judge(&self, violated: &mut Vec<&'static str>);
}

fn explain_runs(log: &mut dyn BufRead, protocol: &'static str, begins: &[Begin]) -> Result<Explanation, LogError> {
    let mut explanation = Explanation { runs: 0, steps: 0, rejection: None, violated: Vec::new() };
    let mut run: Option<Box<dyn Follows>> = None;
    let mut number = 0;
    while let Some(text) = next_line(log, &mut number)? {
        if text.trim().is_empty() {
            continue;
        }
        let value: Value = parse(&text, number)?;
        if value.get("protocol").is_some() {
            run.iter().for_each(|run| run.judge(&mut explanation.violated));
            run = Some(any_of(begins, &value, number)?);
            explanation.runs += 1;
            continue;
        }
        let Some(run) = &mut run else {
            let reason = "a log begins with a line that has the field `protocol`".to_owned();
            return Err(LogError::Header { line: number, protocol, reason });
        };
        if let Err(rejection) = run.follow(&text, number)? {
            explanation.rejection = Some(rejection);
            return Ok(explanation);
        }
        explanation.steps += 1;
    }
    match run {
        None => Err(LogError::Empty),
        Some(run) => {
            run.judge(&mut explanation.violated);
            Ok(explanation)
        }
    }
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
            other => return Err(error(format!("its field `protocol` is {}", other.unwrap_or(&Value::Null)))),
        }
        let header: D::Header = D::Header::deserialize(header).map_err(|source| error(source.to_string()))?;
        let possible = D::starts(&header);
        if possible.is_empty() {
            return Err(error("no node can be configured like this".to_owned()));
        }
        Ok(Self { checkpoint: possible.clone(), possible, since: Vec::new(), explained: 0, before: VecDeque::new() })
    }

    fn take(&mut self, line: LineOf<D::Protocol>, number: usize) -> Result<(), Rejection> {
        self.possible.retain_mut(|state| line.is_explained_by(&state.step(&line.action)));
        if self.possible.is_empty() {
            return Err(self.reject(&line, number));
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
        Ok(())
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
            recorded: Claim { action: line.action.to_string(), observed: line.observation.as_ref().map(words::<D>) },
            explained: self.explained,
            before: self.before.iter().cloned().collect(),
            possible: possible.collect(),
        }
    }
}

impl<D: Explains> Follows for Run<D> {
    fn follow(&mut self, text: &str, line: usize) -> Result<Result<(), Rejection>, LogError> {
        Ok(self.take(parse(text, line)?, line))
    }

    fn judge(&self, violated: &mut Vec<&'static str>) {
        for invariant in D::Protocol::INVARIANTS {
            let broken = self.possible.iter().all(|state| !(invariant.holds)(&state.history));
            if broken && !violated.contains(&invariant.id) {
                violated.push(invariant.id);
            }
        }
    }
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

/// Why a log cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The file cannot be read.
    #[error("line {line} cannot be read: {source}")]
    Io {
        /// The line, counted from 1.
        line: usize,
        /// What is wrong.
        source: io::Error,
    },
    /// A line is longer than any step is.
    #[error("line {line} is longer than {MAX_LINE} bytes")]
    TooLong {
        /// The line, counted from 1.
        line: usize,
    },
    /// A line is not what a log consists of.
    #[error("line {line} is not a step of this protocol: {source}")]
    Syntax {
        /// The line, counted from 1.
        line: usize,
        /// What is wrong.
        source: serde_json::Error,
    },
    /// A header is of another protocol, or says something impossible.
    #[error("line {line} is not a header of protocol {protocol}: {reason}")]
    Header {
        /// The line, counted from 1.
        line: usize,
        /// The protocol that was asked for.
        protocol: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// There is no run.
    #[error("the log is empty: there is no header")]
    Empty,
}

/// How long a line may be.
const MAX_LINE: usize = 1 << 20;

/// The next line of a log, if there is one; `number` counts them.
fn next_line(log: &mut dyn BufRead, number: &mut usize) -> Result<Option<String>, LogError> {
    *number += 1;
    let line = *number;
    let mut bytes = Vec::new();
    let limited = &mut io::Read::take(log, MAX_LINE as u64 + 1);
    limited.read_until(b'\n', &mut bytes).map_err(|source| LogError::Io { line, source })?;
    if bytes.len() > MAX_LINE {
        return Err(LogError::TooLong { line });
    }
    if bytes.is_empty() {
        return Ok(None);
    }
    let utf8 = |error| LogError::Io { line, source: io::Error::new(io::ErrorKind::InvalidData, error) };
    String::from_utf8(bytes).map(Some).map_err(utf8)
}

/// A line of a log as what it should be.
fn parse<T: DeserializeOwned>(text: &str, line: usize) -> Result<T, LogError> {
    serde_json::from_str(text).map_err(|source| LogError::Syntax { line, source })
}
