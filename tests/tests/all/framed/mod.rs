//! Framed connections over a real kernel.
//!
//! | file | what |
//! |---|---|
//! | `kernel` | what the protocol takes for granted of TCP: another kernel shows itself here |
//! | `loopback` | both queues full, peers that never read, pump for ever, reset, or are silent |
//! | `storm` | thousands of shutdowns of every kind, frames counted on both sides |
//! | `messages` | typed messages by a codec |
//! | `records` | what both ends record, explained; with one mistake, rejected |
//! | `signal` | no write raises `SIGPIPE` |
//! | `tls` | streams of rustls, ended with and without `close_notify` |
//! | `original` | zrepl's frameconn, written from the description of its steps |
//! | `interop` | with that as the peer |
//! | `judged` | that and tokio-util's codec before the suite of conformance |

#![cfg(target_os = "linux")]

mod interop;
mod judged;
mod kernel;
mod loopback;
mod messages;
mod original;
mod records;
mod signal;
mod storm;
mod support;
mod tls;
