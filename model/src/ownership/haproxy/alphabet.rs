//! Every action that may be attempted at an extent.

use super::extent::Extent;
use super::words::{Action, Step};

pub(super) fn alphabet(extent: &Extent) -> Vec<Action> {
    let mut alphabet = vec![Action::Arrive];
    for thread in extent.each() {
        alphabet.extend([Action::List(thread), Action::Poll(thread)]);
        alphabet.extend(Step::all().map(|step| Action::Step(thread, step)));
        if extent.openers.has(thread) {
            alphabet.push(Action::Open(thread));
        }
        if extent.takers.has(thread) {
            alphabet.push(Action::Takeover(thread));
        }
        if extent.deleters.has(thread) {
            alphabet.push(Action::Delete(thread));
        }
        if extent.uses {
            alphabet.push(Action::Use(thread));
        }
        if extent.migrates {
            let others = extent.each().filter(|other| extent.group(*other) != extent.group(thread));
            alphabet.extend(others.map(|other| Action::Migrate(thread, other)));
        }
    }
    alphabet
}
