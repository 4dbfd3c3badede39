//! Models of handfast's protocols, and the checker that explores them.

pub mod design;
pub mod explore;
pub mod lifecycle;
pub mod liveness;
