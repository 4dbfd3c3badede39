//! The drivers on shuttle: a build of its own, because shuttle replaces tokio underneath them.
//!
//! ```text
//! RUSTFLAGS="--cfg handfast_shuttle" CARGO_TARGET_DIR=target/shuttle \
//!     cargo test -p conformance --test shuttle -- --nocapture
//! ```
//!
//! A target directory of its own keeps the other builds as they are.
#![cfg(handfast_shuttle)]

mod framed;
mod lifecycle;
