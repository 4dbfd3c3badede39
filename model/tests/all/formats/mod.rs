//! Behaviours as other programs and people read them: each format is parsed again and compared with the behaviour.

mod dot;
mod itf;
mod mermaid;
mod text;
mod waits;

use std::sync::LazyLock;

use handfast_spec::lifecycle::{Action, Key, SubscriberId};
use model::checker::catalogue::Scope;
use model::checker::target::Plan;
use model::checker::trace::{Origin, Replayed, Trace, TraceStep, replay};
use model::lifecycle::handfast::instances;
use model::registry::find;
use serde_json::json;
use stateright::Model;

/// The behaviours by which a variant of the peer lifecycle violates rules.
fn violations(variant: &str) -> Vec<Trace> {
    let entry = find("lifecycle").expect("the catalogue has the peer lifecycle");
    let variant = (entry.variants)().into_iter().find(|known| known.name == variant);
    let plan = Plan::DEFAULT;
    let findings = variant.expect("the variant is in the catalogue").target.check(&plan);
    findings.rule_results().filter_map(|result| result.broken_by.clone()).collect()
}

/// A behaviour that ends.
fn finite() -> Trace {
    static FOUND: LazyLock<Vec<Trace>> = LazyLock::new(|| violations("guard-runs-twice"));
    let trace = FOUND.iter().find(|trace| trace.repeats_from.is_none());
    trace.expect("the mutant violates an invariant").clone()
}

/// A behaviour that goes in a circle for ever. No listed violation does: wherever a goal is missed, those who are
/// assumed to be fair have nothing left to do. So this one is of handfast's own design, and no violation: somebody is
/// banned, and then a subscriber comes and goes.
pub(super) fn circle() -> Trace {
    let instance = &instances(Scope::Small)[0].checked;
    let subscriber = SubscriberId(1);
    let actions = [Action::Ban { key: Key(0) }, Action::Unsubscribe { subscriber }, Action::Subscribe { subscriber }];
    let Replayed { initial, starts_as, lanes, steps, waits, .. } =
        replay(&instance.init_states()[0], actions, instance.alphabet());
    let (repeats_from, title) = (Some(1), "a circle".to_owned());
    Trace { initial, starts_as, lanes, steps, waits, repeats_from, title, ..finite() }
}

/// A behaviour that stays in its last state for ever.
fn standstill() -> Trace {
    static FOUND: LazyLock<Vec<Trace>> = LazyLock::new(|| violations("no-pick-when-idle"));
    let trace = FOUND.iter().find(|trace| trace.repeats_from == Some(trace.steps.len()));
    trace.expect("the mutant violates a goal by standing still").clone()
}

/// A behaviour of so many steps, each as short as usual.
fn finite_of(steps: usize) -> Trace {
    let trace = finite();
    let steps = trace.steps.iter().cycle().take(steps).cloned().collect();
    Trace { steps, ..trace }
}

/// Every shape of behaviour that the checker finds.
fn shapes() -> [Trace; 3] {
    [finite(), circle(), standstill()]
}

/// Words that are awkward in one format or another.
const AWKWARD: &str = "end; #1 \"quoted\" \\back\\ <b>%%</b> end\nsecond line: {} [] end";

/// A made-up behaviour, as long as one likes, of awkward words.
pub(super) fn awkward(steps: usize) -> Trace {
    let step = |number: usize| TraceStep {
        actor: format!("{AWKWARD} {}", number % 3),
        message: number.is_multiple_of(2).then(|| [format!("{AWKWARD} {}", number % 3), AWKWARD.to_owned()]),
        action: AWKWARD.to_owned(),
        action_value: json!({ "open": { "session": number } }),
        told: vec![AWKWARD.to_owned(), "end".to_owned()],
        observation_value: json!({ "accepted": [number] }),
        state: json!({ "machine": { "next": number }, "history": [null, -1, 1.5, u64::MAX] }),
        state_words: vec![AWKWARD.to_owned()],
        violates: if number == steps { vec!["ODD-1"] } else { Vec::new() },
        alternatives: vec![AWKWARD.to_owned()],
    };
    Trace {
        protocol: "made-up",
        design: AWKWARD.to_owned(),
        instance: "any".to_owned(),
        title: AWKWARD.to_owned(),
        rule: Some("ODD-1"),
        origin: Some(Origin { kind: "made-up", source: AWKWARD, about: AWKWARD, violates: &["ODD-1", "ODD-2"] }),
        header: json!(null),
        initial: json!({ "machine": { "next": 0 }, "history": [] }),
        starts_as: vec![AWKWARD.to_owned()],
        lanes: vec![AWKWARD.to_owned()],
        waits: vec![AWKWARD.to_owned()],
        steps: (1..=steps).map(step).collect(),
        repeats_from: Some(steps),
        owed_from: None,
    }
}
