//! What needs a real kernel, real sockets, other people's crates, or the repository itself.

mod bitcoin;
#[cfg(unix)]
mod cluster;
#[cfg(unix)]
mod echo;
mod framed;
#[cfg(unix)]
mod node;
#[cfg(target_os = "linux")]
mod ownership;
mod repository;
mod reuse_proxy;
mod simopen;
mod support;
mod takeover_storm;
