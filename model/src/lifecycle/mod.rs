//! Models of the peer lifecycle.

pub mod handfast;
