//! Framed connections beside their rivals, where a stopwatch alone says little: ratios of runs that take turns, calls and
//! allocations for each frame, frames that a shutdown loses. See the README.

#[path = "../framed/bench.rs"]
mod bench;
#[path = "../framed/contenders.rs"]
mod contenders;
mod heap;
mod losses;
mod ratios;
mod syscalls;

fn main() {
    // Cargo asks every benchmark whether it works.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    let mut words = std::env::args().skip(1).filter(|argument| !argument.starts_with('-'));
    let part = words.next();
    if part.as_deref() == Some(syscalls::ONE) {
        return syscalls::one(&words.collect::<Vec<_>>());
    }
    let only = words.next().and_then(|length| length.parse().ok());
    let asked = |name: &str| part.as_deref().is_none_or(|part| part == name);
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
