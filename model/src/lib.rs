//! Models of handfast's protocols, and the checker that explores them.

pub mod design;
pub mod lifecycle;
