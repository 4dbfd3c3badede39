//! The Bitcoin node of the examples: in storms on loopback, against another implementation, and as a program.

mod cases;
mod client;
mod codec;
mod conduct;
#[cfg(unix)]
mod follow;
mod interop;
mod late;
#[cfg(unix)]
mod program;
mod server;
mod storm;
