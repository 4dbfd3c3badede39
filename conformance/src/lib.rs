//! Holds the implementations of handfast's protocols to their models.
//!
//! This is the only crate that sees both. [`edges`] walks every edge of a model's state graph on an implementation
//! and compares each observation; what the model refuses, the implementation must refuse, for the same reason.
//! A difference is [shrunk](edges::Difference) to a minimal behaviour, and kept as a [file](failure) that `model` shows.
//! [`lifecycle`] makes a machine of the implementation's core, [`framed`] and [`simopen`] of the cores of those protocols. The drivers
//! are held to their models by what they record, for which there is a [`log`] and a [judge](lifecycle::judge::judge), and
//! run whole in a [simulated](simulate) world.

pub mod dice;
pub mod edges;
pub mod failure;
pub mod framed;
pub mod lifecycle;
pub mod log;
pub mod ownership;
pub mod paused;
// It runs on sockets of tokio, which shuttle replaces.
#[cfg(not(handfast_shuttle))]
pub mod remote;
pub mod simopen;
// It runs the drivers on tokio, which shuttle replaces.
#[cfg(not(handfast_shuttle))]
pub mod simulate;
