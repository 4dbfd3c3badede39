//! What is promised of every design in the catalogue: handfast's own, those of history, and every mutant.

use std::collections::BTreeSet;

use handfast_spec::lifecycle::{Action, Lifecycle, Origin, Output, Refusal, SessionId};
use handfast_spec::{Machine, Observation, Recorded};
use model::checker::audit::{Breach, audit};
use model::checker::catalogue::{Entry, Kind, Scope, Variant};
use model::checker::design::{Checked, Design};
use model::checker::target::Plan;
use model::registry::ENTRIES;
use serde::Serialize;

const PLAN: Plan<'_> = Plan::DEFAULT;

/// The ids that a design can violate.
fn violable(entry: &Entry) -> BTreeSet<&'static str> {
    let rules = (entry.rules)();
    rules.invariants.iter().chain(&rules.goals).map(|rule| rule.id).collect()
}

fn every_variant(mut each: impl FnMut(&Entry, &Variant)) {
    for entry in ENTRIES {
        for variant in (entry.variants)() {
            each(entry, &variant);
        }
    }
}

#[test]
fn a_refused_action_leaves_handfasts_design_as_it_was() {
    for entry in ENTRIES {
        (entry.own)(Scope::Small).audit(&PLAN).unwrap_or_else(|fault| panic!("{}: {fault}", entry.name));
    }
}

#[test]
fn a_refused_action_leaves_every_variant_as_it_was() {
    every_variant(|entry, variant| {
        variant.target.audit(&PLAN).unwrap_or_else(|fault| panic!("{}, {}: {fault}", entry.name, variant.name));
    });
}

#[test]
fn every_variant_is_listed_with_rules_of_its_protocol() {
    every_variant(|entry, variant| {
        let known = violable(entry);
        for id in variant.violates {
            assert!(known.contains(id), "{}: {id} is no invariant and no goal of {}", variant.name, entry.name);
        }
        let distinct: BTreeSet<_> = variant.violates.iter().collect();
        assert_eq!(distinct.len(), variant.violates.len(), "{} lists an id twice", variant.name);
    });
}

/// What is called correct violates nothing, what is called wrong violates something.
#[test]
fn the_kind_of_every_variant_says_whether_it_violates_anything() {
    every_variant(|_, variant| match variant.kind {
        Kind::Historical(_) | Kind::Mutant => assert!(!variant.violates.is_empty(), "{} breaks nothing", variant.name),
        Kind::Equivalent(argument) => {
            assert!(variant.violates.is_empty(), "{} is no equivalent", variant.name);
            assert!(!argument.trim().is_empty(), "{}: why is it equivalent?", variant.name);
        }
        // It may still have what its authors did not set right.
        Kind::Corrected => {}
    });
}

#[test]
fn names_are_unique_and_fit_a_command_line() {
    for entry in ENTRIES {
        let mut names = BTreeSet::from([(entry.own)(Scope::Small).name().to_owned()]);
        for variant in (entry.variants)() {
            let fits = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-';
            assert!(variant.name.chars().all(fits), "{:?} needs quoting or capitals", variant.name);
            assert!(names.insert(variant.name.to_owned()), "{} has two designs {:?}", entry.name, variant.name);
            assert_eq!(variant.target.name(), variant.name, "traces would name another design");
        }
    }
}

#[test]
fn every_variant_says_where_it_comes_from_and_what_is_wrong_with_it() {
    every_variant(|_, variant| {
        // A project, with a commit, an issue, a pull request or a file. What is correct needs none.
        let names_a_place = match variant.kind {
            Kind::Historical(_) | Kind::Mutant => variant.source.contains(['/', '#']),
            Kind::Corrected | Kind::Equivalent(_) => !variant.source.is_empty(),
        };
        assert!(names_a_place, "{}: {:?} is no source that anybody could look up", variant.name, variant.source);
        assert!(variant.about.len() > 20, "{}: {:?} says nothing", variant.name, variant.about);
    });
}

#[test]
fn protocols_have_different_names() {
    let names: BTreeSet<_> = ENTRIES.iter().map(|entry| entry.name).collect();
    assert_eq!(names.len(), ENTRIES.len());
}

/// Machines of which each breaks one promise, so that the audit is known to be able to fail.
#[derive(Clone, Debug, Eq, Hash, PartialEq, Serialize)]
enum Broken {
    /// Counts what it refuses.
    Counts(u8),
    /// Accepts, once something was refused.
    Relents { was_asked: bool },
}

impl Machine for Broken {
    type Protocol = Lifecycle;

    fn step(&mut self, _: &Action) -> Observation<Output, Refusal> {
        match self {
            Self::Counts(asked) => *asked += 1,
            Self::Relents { was_asked: true } => return Observation::Accepted(Vec::new()),
            Self::Relents { was_asked } => *was_asked = true,
        }
        Observation::Refused(Refusal::NoneActive)
    }
}

impl Design for Broken {
    fn at_rest(&self) -> bool {
        true
    }
}

fn breach(machine: Broken) -> Breach {
    let alphabet = vec![Action::Stall, Action::Open { session: SessionId(0), origin: Origin::PLAIN }];
    let state = Recorded::new(machine);
    let checked = Checked::new(vec![state.clone()], alphabet);
    audit(&checked, [state]).expect_err("it breaks its promise").breach
}

#[test]
fn a_machine_that_is_changed_by_a_refusal_is_found() {
    assert_eq!(breach(Broken::Counts(0)), Breach::RefusalChanges);
    assert_eq!(breach(Broken::Relents { was_asked: false }), Breach::RefusalChanges);
}

thread_local! {
    /// What a machine must not look at.
    static OUTSIDE: core::cell::Cell<bool> = const { core::cell::Cell::new(false) };
}

/// A machine whose answer depends on something that is not in it.
#[derive(Clone, Debug, Eq, Hash, PartialEq, Serialize)]
struct LooksOutside;

impl Machine for LooksOutside {
    type Protocol = Lifecycle;

    fn step(&mut self, _: &Action) -> Observation<Output, Refusal> {
        let answer = if OUTSIDE.get() { Refusal::NoneActive } else { Refusal::NothingNew };
        OUTSIDE.set(!OUTSIDE.get());
        Observation::Refused(answer)
    }
}

impl Design for LooksOutside {
    fn at_rest(&self) -> bool {
        true
    }
}

#[test]
fn a_machine_that_looks_at_something_outside_itself_is_found() {
    let state = Recorded::new(LooksOutside);
    let checked = Checked::new(vec![state.clone()], vec![Action::Stall]);
    let fault = audit(&checked, [state]).expect_err("it answers differently each time");
    assert_eq!(fault.breach, Breach::Undetermined);
}
