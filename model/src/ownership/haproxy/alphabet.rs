//! Every action that may be attempted at an bounds.

use super::bounds::Bounds;
use super::vocabulary::{Action, Step};

pub(super) fn alphabet(bounds: &Bounds) -> Vec<Action> {
    let mut alphabet = vec![Action::Arrive];
    for thread in bounds.each() {
        alphabet.extend([Action::List(thread), Action::Poll(thread)]);
        alphabet.extend(Step::all().map(|step| Action::Step(thread, step)));
        if bounds.openers.has(thread) {
            alphabet.push(Action::Open(thread));
        }
        if bounds.takers.has(thread) {
            alphabet.push(Action::Takeover(thread));
        }
        if bounds.deleters.has(thread) {
            alphabet.push(Action::Delete(thread));
        }
        if bounds.uses {
            alphabet.push(Action::Use(thread));
        }
        if bounds.migrates {
            let others = bounds.each().filter(|other| bounds.group(*other) != bounds.group(thread));
            alphabet.extend(others.map(|other| Action::Migrate(thread, other)));
        }
    }
    alphabet
}
