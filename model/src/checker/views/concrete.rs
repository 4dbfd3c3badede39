//! Few participants, explored as they are: counterexamples, and whether a set of views has what it must.

use std::collections::HashSet;

use handfast_spec::protocol::ActionOf;
use handfast_spec::{Machine, Protocol, Recorded};
use stateright::Model;

use super::fixpoint::{Fixpoint, Numbers, parts};
use super::{Family, Interchangeable};
use crate::checker::trace::{self, Replayed, Trace};

/// The reachable states of an instance, one for all that differ in the order of the participants and in what is
/// folded.
///
/// Each is reached by the design's own steps from its start. All of them are kept in memory.
pub struct Representatives<D: Interchangeable> {
    states: Vec<Recorded<D>>,
    /// The state before, and the action that was taken in it.
    came: Vec<Option<(u32, ActionOf<D>)>>,
    /// The first state that breaks an invariant; nothing is looked for after it.
    broken: Option<u32>,
    participants: usize,
}

impl<D: Interchangeable> Representatives<D> {
    /// Searches breadth-first, until an invariant is broken or nothing is new. States that cannot be taken apart are
    /// not stepped.
    pub fn of(family: &Family<D>, participants: usize) -> Self {
        let checked = (family.instance)(participants);
        let mut found = Self { states: Vec::new(), came: Vec::new(), broken: None, participants };
        let mut numbers = Numbers::default();
        let mut seen = HashSet::new();
        let mut enter = |found: &mut Self, state: Recorded<D>, came| {
            let is_new = numbers.of(&state).is_some_and(|(shared, mut locals)| {
                locals.sort_unstable();
                seen.insert((shared, locals))
            });
            let is_broken = broken_rule(&state).is_some();
            if is_new || is_broken {
                found.states.push(state);
                found.came.push(came);
            }
            if is_broken {
                found.broken = Some(found.states.len() as u32 - 1);
            }
            is_broken
        };
        for state in checked.init_states() {
            if enter(&mut found, state, None) {
                return found;
            }
        }
        let mut at = 0;
        while let Some(state) = found.states.get(at) {
            for (action, next) in checked.next_steps(state) {
                if enter(&mut found, next, Some((at as u32, action))) {
                    return found;
                }
            }
            at += 1;
        }
        found
    }

    /// The states.
    pub fn states(&self) -> &[Recorded<D>] {
        &self.states
    }

    /// The id of the invariant that was found broken.
    pub fn broken(&self) -> Option<&'static str> {
        self.broken.and_then(|state| broken_rule(&self.states[state as usize]))
    }

    /// The behaviour that breaks an invariant.
    pub(super) fn counterexample(&self, family: &Family<D>, design: &str) -> Option<Trace> {
        let rules = D::Protocol::INVARIANTS;
        let rule = rules.iter().find(|rule| Some(rule.id) == self.broken())?;
        let mut actions = Vec::new();
        let mut at = self.broken?;
        while let Some((before, action)) = self.came[at as usize] {
            actions.push(action);
            at = before;
        }
        actions.reverse();
        let start = &self.states[at as usize];
        let checked = (family.instance)(self.participants);
        let Replayed { initial, starts_as, lanes, steps, waits, .. } =
            trace::replay(start, actions, checked.alphabet());
        Some(Trace {
            protocol: <D as Machine>::Protocol::NAME,
            design: design.to_owned(),
            instance: format!("{}, {} participants", family.name, self.participants),
            title: format!("{} is violated: {}", rule.id, rule.title),
            rule: Some(rule.id),
            origin: None,
            header: start.machine.header(),
            initial,
            starts_as,
            lanes,
            steps,
            waits,
            repeats_from: None,
            owed_from: None,
        })
    }
}

/// The first invariant that a state breaks.
pub(super) fn broken_rule<D: Interchangeable>(state: &Recorded<D>) -> Option<&'static str> {
    D::Protocol::INVARIANTS.iter().find(|rule| !(rule.holds)(&state.history)).map(|rule| rule.id)
}

/// A step that does something else to a part than to the whole.
#[derive(Debug)]
pub struct Gap {
    /// The state that is stepped.
    pub state: Vec<String>,
    /// What is done.
    pub action: String,
    /// The state afterwards, of which a part does not come out of any part of the state before.
    pub next: Vec<String>,
}

/// Looks for a step that views do not show, in an instance with so many participants: the state afterwards has a view
/// that comes out of no configuration in the state before.
///
/// View abstraction is sound for a family without such a step, whatever the number of participants. An instance with
/// as many as a configuration has, or fewer, shows nothing.
pub fn uncovered<D: Interchangeable>(family: &Family<D>, participants: usize) -> Option<Gap> {
    let whole = (family.instance)(participants);
    let part = (family.instance)(family.configuration());
    let mut numbers = Numbers::default();
    let places: Vec<u32> = (0..participants as u32).collect();
    for state in Representatives::of(family, participants).states {
        let gap = |action: String, next: &Recorded<D>| {
            Some(Gap { state: D::describe(&state), action, next: D::describe(next) })
        };
        let Some((shared, locals)) = D::take_apart(&state) else {
            return gap("it cannot be taken apart".to_owned(), &state);
        };
        let mut shown = HashSet::new();
        for chosen in parts(&places, family.configuration()) {
            let chosen_locals: Vec<&D::Local> = chosen.iter().map(|&place| &locals[place as usize]).collect();
            // As the search does, which steps no part of which the balance says that it is none.
            let states = D::put_together(&shared, &chosen_locals).into_iter().filter(|state| D::balance(state) >= 0);
            for state in states {
                let successors = part.next_steps(&state).into_iter().filter_map(|(_, next)| numbers.of(&next));
                for (shared, locals) in successors {
                    let of_place = |place: u32| locals[chosen.iter().position(|&it| it == place).unwrap_or_default()];
                    for view in parts(&chosen, family.k) {
                        let locals: Vec<u32> = view.iter().map(|&place| of_place(place)).collect();
                        shown.insert((shared, view, locals));
                    }
                }
            }
        }
        for (action, next) in whole.next_steps(&state) {
            let is_shown = numbers.of(&next).is_some_and(|(shared, locals)| {
                let of = |view: &[u32]| view.iter().map(|&place| locals[place as usize]).collect();
                parts(&places, family.k).all(|view| shown.contains(&(shared, view.clone(), of(&view))))
            });
            if !is_shown {
                return gap(action.to_string(), &next);
            }
        }
    }
    None
}

impl<D: Interchangeable> Fixpoint<D> {
    /// The first of these states of which the set lacks a view.
    pub fn lacks<'s>(&self, states: impl IntoIterator<Item = &'s Recorded<D>>) -> Option<Vec<String>> {
        states.into_iter().find(|state| !self.covers(state)).map(D::describe)
    }

    /// Looks for a state that contradicts a proof: one of the start, or the successor of a configuration, that breaks
    /// an invariant or of which the set lacks a view.
    ///
    /// Every configuration is built anew, from all choices of participants, so that this relies on nothing that the
    /// search has done but the set.
    pub fn refutation(&self, family: &Family<D>) -> Option<Vec<String>> {
        let instance = (family.instance)(family.configuration());
        let is_wrong = |state: &Recorded<D>| broken_rule(state).is_some() || !self.covers(state);
        if let Some(state) = instance.init_states().into_iter().find(is_wrong) {
            return Some(D::describe(&state));
        }
        self.each_configuration(family.configuration(), &mut |state| {
            let next = instance.next_steps(state).into_iter().map(|(_, next)| next);
            next.into_iter().find(is_wrong).map(|state| D::describe(&state))
        })
    }
}
