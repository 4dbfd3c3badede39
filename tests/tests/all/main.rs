//! What needs a real kernel, real sockets, other people's crates, or the repository itself.

mod framed;
mod repository;
mod reuse_proxy;
mod simopen;
mod takeover_storm;
