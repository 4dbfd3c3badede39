//! The Bitcoin node of the examples: in storms on loopback, against another implementation, and as a program.

mod cases;
mod client;
mod codec;
mod conduct;
#[cfg(unix)]
mod follow;
mod interop;
#[cfg(unix)]
mod judged;
mod late;
#[cfg(target_os = "linux")]
mod limits;
#[cfg(unix)]
mod program;
mod record;
#[cfg(target_os = "linux")]
mod room;
mod server;
#[cfg(unix)]
mod stop;
mod storm;
