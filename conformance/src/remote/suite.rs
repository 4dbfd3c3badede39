//! Runs the cases of a protocol on an implementation, one connection each, and shortens what failed.

use std::collections::BTreeSet;
use std::future::Future;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, timeout};

use super::target::{Access, More, Part};
use super::wire::{Limits, Link, Manner, Passed};

/// What every case has.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Outline {
    /// Its name, which no other case of the same part has.
    pub name: String,
    /// The ids of the rules that it is about.
    pub rules: Vec<String>,
    /// How the wire treats what the tester sends.
    pub manner: Manner,
    /// The edge of the model's graph that it is there for, if it is there for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edge: Option<String>,
}

/// The cases of one protocol, for an implementation that plays one part.
pub trait Suite {
    /// The name of the protocol.
    const NAME: &'static str;
    /// What is said and done in a case.
    type Case: Clone + PartialEq + Serialize + DeserializeOwned;

    /// The part that the implementation plays.
    fn part(&self) -> Part;
    /// Every case. The seed decides how the wires are.
    fn cases(&self, seed: u64) -> Vec<Self::Case>;
    /// What every case has.
    fn outline(case: &Self::Case) -> &Outline;
    /// The part that the implementation plays in a case that was saved.
    fn part_of(case: &Self::Case) -> Part;
    /// Runs a case on a connection on which nothing has passed, and on `more` if one is not enough.
    fn run(case: &Self::Case, link: Link, more: &More, limits: Limits) -> impl Future<Output = Ran>;
    /// Cases that are simpler than one that failed.
    fn simpler(case: &Self::Case) -> Vec<Self::Case>;
    /// Every edge of the model's graph that a tester can take.
    fn showable(&self) -> BTreeSet<String>;
}

/// What a case came to on one connection.
#[derive(Clone, Debug)]
pub struct Ran {
    /// The verdict.
    pub verdict: Verdict,
    /// What passed.
    pub passed: Vec<Passed>,
    /// The edges that were taken.
    pub seen: BTreeSet<String>,
}

/// Something that no state of a model explains.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Unexplained {
    /// The ids of the rules that concern it.
    pub rules: BTreeSet<String>,
    /// What happened, and what the model had instead.
    pub why: String,
}

/// What is said of an implementation in a case.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The model explains everything that was seen.
    Passed,
    /// It does not.
    Failed {
        /// The ids of the rules that concern what was seen.
        rules: BTreeSet<String>,
        /// What was seen, and what the model had instead.
        why: String,
    },
    /// The case does not apply to this connection.
    Inapplicable(String),
    /// There was no connection, or the case took too long for the tester.
    Incomplete(String),
}

/// The result of a case.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct CaseResult<C> {
    /// The case: where it failed, the shortest that fails too.
    pub case: C,
    /// The verdict.
    pub verdict: Verdict,
    /// What passed, if it failed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub passed: Vec<Passed>,
}

/// How much is run, and how.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The choices of the wires.
    pub seed: u64,
    /// How long all cases may take together.
    pub budget: Option<Duration>,
    /// The part of the name that a case must have.
    pub only: Option<String>,
    /// How long the tester waits.
    pub limits: Limits,
}

/// What an implementation came to.
#[derive(Clone, Debug)]
pub struct Report<C> {
    /// The results, in the order of the cases.
    pub results: Vec<CaseResult<C>>,
    /// The edges that were taken in cases that passed.
    pub seen: BTreeSet<String>,
    /// The edges that a tester can take.
    pub showable: BTreeSet<String>,
    /// Cases that were not run because there was no time left.
    pub left: usize,
}

impl<C> Report<C> {
    /// Whether no case failed.
    pub fn passes(&self) -> bool {
        !self.results.iter().any(|result| matches!(result.verdict, Verdict::Failed { .. }))
    }

    /// Whether every case was run to its end.
    pub fn is_complete(&self) -> bool {
        let is_cut = |result: &CaseResult<C>| matches!(result.verdict, Verdict::Incomplete(_));
        self.left == 0 && !self.results.is_empty() && !self.results.iter().any(is_cut)
    }

    /// The ids of all rules that failures concern.
    pub fn broken(&self) -> BTreeSet<String> {
        let rules = self.results.iter().filter_map(|result| match &result.verdict {
            Verdict::Failed { rules, .. } => Some(rules.clone()),
            Verdict::Passed | Verdict::Inapplicable(_) | Verdict::Incomplete(_) => None,
        });
        rules.flatten().collect()
    }
}

/// How often a failure is tried in a simpler way.
const SIMPLER: usize = 16;

/// How much longer than one wait a case may take.
const WAITS: u32 = 60;

/// Runs the cases of a suite. `progress` is told of each, with how many there are.
pub async fn run<S: Suite>(
    suite: &S,
    access: &Access,
    options: &Options,
    mut progress: impl FnMut(usize, usize, &str),
) -> Report<S::Case> {
    let until = options.budget.map(|budget| Instant::now() + budget);
    let is_meant = |case: &S::Case| options.only.as_ref().is_none_or(|part| S::outline(case).name.contains(part));
    let cases: Vec<S::Case> = suite.cases(options.seed).into_iter().filter(is_meant).collect();
    let mut report = Report { results: Vec::new(), seen: BTreeSet::new(), showable: suite.showable(), left: 0 };
    for (index, case) in cases.iter().enumerate() {
        let Outline { name, edge, .. } = S::outline(case);
        progress(index + 1, cases.len(), name);
        if until.is_some_and(|until| Instant::now() >= until) {
            report.left = cases.len() - index;
            break;
        }
        if options.only.is_none() && edge.as_ref().is_some_and(|edge| report.seen.contains(edge)) {
            continue;
        }
        let result = judge::<S>(case, access, options.limits).await;
        let Ran { verdict, passed, seen } = result;
        if verdict == Verdict::Passed {
            report.seen.extend(seen.into_iter().filter(|edge| report.showable.contains(edge)));
        }
        let result = CaseResult { case: case.clone(), verdict, passed };
        // One that concerns the same rules as another says no more when it is short.
        let is_news =
            |result: &CaseResult<_>| !report.results.iter().any(|other| is_same(&other.verdict, &result.verdict));
        let is_failure = matches!(result.verdict, Verdict::Failed { .. }) && is_news(&result);
        let result = if is_failure { shorten::<S>(result, access, options.limits).await } else { result };
        let is_cut = matches!(result.verdict, Verdict::Incomplete(_));
        report.results.push(result);
        if is_cut {
            // The next would be no other.
            report.left = cases.len() - index - 1;
            break;
        }
    }
    report
}

/// Runs one case on a connection of its own.
pub async fn judge<S: Suite>(case: &S::Case, access: &Access, limits: Limits) -> Ran {
    let incomplete = |why: String| Ran { verdict: Verdict::Incomplete(why), passed: Vec::new(), seen: BTreeSet::new() };
    let reached = match access.reach(&S::part_of(case), S::outline(case).manner).await {
        Ok(reached) => reached,
        Err(error) => return incomplete(error.to_string()),
    };
    // The program lives as long as its case.
    let _program = reached.program;
    let limit = limits.silence * WAITS + limits.deadline.unwrap_or_default();
    match timeout(limit, S::run(case, Link::new(reached.wire), &reached.more, limits)).await {
        Ok(ran) => ran,
        Err(_) => incomplete(format!("the case is not over after {limit:?}")),
    }
}

/// Returns the simplest case that fails by a rule of the same.
async fn shorten<S: Suite>(failure: CaseResult<S::Case>, access: &Access, limits: Limits) -> CaseResult<S::Case> {
    let mut shortest = failure;
    let mut tries = 0;
    'shorter: loop {
        for case in S::simpler(&shortest.case) {
            tries += 1;
            if tries > SIMPLER {
                return shortest;
            }
            let Ran { verdict, passed, .. } = judge::<S>(&case, access, limits).await;
            if is_same(&shortest.verdict, &verdict) {
                shortest = CaseResult { case, verdict, passed };
                continue 'shorter;
            }
        }
        return shortest;
    }
}

/// Whether two verdicts are failures that concern the same rules.
fn is_same(one: &Verdict, other: &Verdict) -> bool {
    match (one, other) {
        (Verdict::Failed { rules: one, .. }, Verdict::Failed { rules: other, .. }) => one == other,
        (_, _) => false,
    }
}
