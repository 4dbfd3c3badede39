//! The Bitcoin node of the examples: in storms on loopback, against another implementation, and as a program.

mod client;
mod conduct;
mod interop;
mod program;
mod server;
mod storm;
