//! The Bitcoin node of the examples: in storms on loopback, against another implementation, and as a program.

mod client;
mod codec;
mod conduct;
mod interop;
mod program;
mod server;
mod storm;

/// The example's own code.
#[path = "../../../impl/examples/bitcoin_node/peer/mod.rs"]
mod peer;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Tests that count descriptors do not run beside each other.
fn one_at_a_time() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Skips a test, or a part of one, for want of something; where everything is required that is a failure.
fn skip(reason: &str) {
    assert!(std::env::var_os("HANDFAST_REQUIRE_ALL").is_none_or(|value| value != "1"), "{reason}");
    println!("skipped: {reason}");
}
