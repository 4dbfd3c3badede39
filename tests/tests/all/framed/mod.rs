//! Framed connections over a real kernel.
//!
//! | file | what |
//! |---|---|
//! | `kernel` | what the protocol takes for granted of TCP: another kernel shows itself here |
//! | `loopback` | both queues full, peers that never read, pump for ever, reset, or are silent |
//! | `storm` | thousands of shutdowns of every kind, frames counted on both sides |
//! | `interop` | a peer that speaks the original's bytes |

#![cfg(target_os = "linux")]

mod interop;
mod kernel;
mod loopback;
mod storm;
mod support;
