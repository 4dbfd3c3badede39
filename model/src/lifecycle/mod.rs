//! Models of the peer lifecycle.
