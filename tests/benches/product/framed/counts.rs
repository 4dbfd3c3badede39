//! Where a stopwatch alone says little: ratios of runs that take turns, calls and allocations for each frame, frames that a
//! shutdown loses.

use super::{losses, ratios, syscalls};

/// Everything, or one part of it, or one length of that.
pub(crate) fn count(words: &[&str]) {
    let part = words.first().copied();
    let only = words.get(1).and_then(|length| length.parse().ok());
    let asked = |name: &str| part.is_none_or(|part| part == name);
    if asked("ratios") {
        ratios::print(only);
    }
    if asked("syscalls") {
        syscalls::print();
    }
    if asked("allocations") {
        ratios::print_allocations();
    }
    if asked("losses") {
        losses::print();
    }
}
