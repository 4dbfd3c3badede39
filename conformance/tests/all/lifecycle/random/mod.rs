//! Random environments at scopes far beyond what can be explored: tens of sessions, several keys, several subscribers.
//!
//! [`core`] steps the sans-IO core beside the model; [`driver`] runs the tokio driver under a paused clock and judges what it
//! recorded and what its subscribers heard. Every run draws the same environments; `HANDFAST_SEED` draws others, and
//! `HANDFAST_CASES` more. What fails is shrunk and printed with its seed.

mod core;
mod driver;

use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};

/// Draws as many environments and tries each; the first that fails is shrunk. What fails then, if any did.
fn find<S: Strategy>(
    cases: u32,
    environments: &S,
    test: impl Fn(S::Value) -> Result<(), TestCaseError>,
) -> Option<(u64, TestError<S::Value>)> {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse().expect("it is a number"));
    let seed: u64 = number("HANDFAST_SEED").unwrap_or(1);
    let cases = number("HANDFAST_CASES").map_or(cases, |cases| u32::try_from(cases).expect("they are not that many"));
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 50_000, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
    runner.run(environments, test).err().map(|error| (seed, error))
}

/// All environments that are drawn must pass.
#[track_caller]
fn hold<S: Strategy>(cases: u32, environments: &S, test: impl Fn(S::Value) -> Result<(), TestCaseError>) {
    if let Some((seed, error)) = find(cases, environments, test) {
        panic!("HANDFAST_SEED={seed}: {error}");
    }
}
