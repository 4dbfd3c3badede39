//! What the tests see of the examples' own code: the library of the crate `tests`, and no example itself.
//!
//! Each program has these modules as its own.
#![allow(missing_docs)] // Nothing is published from here.

pub mod bitcoin_node {
    pub mod peer;
    pub mod record;
}

pub mod simopen_upgrade {
    pub mod upgrade;
}
