//! Wasting time between two steps of a protocol.

use std::cell::RefCell;
use std::hint::black_box;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

use super::options::Points;

/// Where a thread is between two steps.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Point {
    /// It has looked at the masks, and has not changed them.
    AfterSyncLoop,
    /// It has dropped its running bit, and has not acted on what it saw.
    AfterClear,
    /// It is marked as running, and is not the owner.
    BetweenTakeoverSteps,
    /// Deletion has begun.
    BetweenDeleteSteps,
    /// The word was read, and is about to be changed.
    BeforeWord,
    /// The word was changed.
    AfterWord,
}

struct Setting {
    points: Points,
    seed: u64,
    threads: AtomicU64,
}

static SETTING: OnceLock<Setting> = OnceLock::new();

thread_local! {
    static CHANCE: RefCell<Option<SmallRng>> = const { RefCell::new(None) };
}

/// Once, before any thread comes to a point.
pub(crate) fn set(points: Points, seed: u64) {
    let _ = SETTING.set(Setting { points, seed, threads: AtomicU64::new(0) });
}

/// One time in four, if the setting says so.
pub(crate) fn reach(_: Point) {
    let Some(setting) = SETTING.get() else { return };
    if setting.points == Points::None {
        return;
    }
    let wait = CHANCE.with_borrow_mut(|chance| {
        let chance = chance.get_or_insert_with(|| {
            // Which thread gets which number differs between runs; a storm has no schedule that could be repeated.
            SmallRng::seed_from_u64(setting.seed ^ setting.threads.fetch_add(1, Ordering::Relaxed) << 32)
        });
        chance.random_ratio(1, 4).then(|| chance.random_range(0..100))
    });
    match (wait, setting.points) {
        (None, _) | (_, Points::None) => {}
        (Some(_), Points::Spin) => spin(),
        (Some(0..90), Points::Yield) => std::thread::yield_now(),
        (Some(_), Points::Yield) => std::thread::park_timeout(Duration::from_micros(50)),
    }
}

/// The seed's loop.
fn spin() {
    let mut rest = 10_000_u32;
    while black_box(rest) != 0 {
        rest = black_box(rest) - 1;
    }
}
