//! Models of handfast's protocols, and the checker that explores them.

pub mod audit;
pub mod catalogue;
pub mod cover;
pub mod design;
pub mod digest;
pub mod explain;
pub mod explore;
pub mod findings;
pub mod format;
pub mod framed;
pub mod history;
pub mod lifecycle;
pub mod liveness;
pub mod ownership;
pub mod report;
pub mod second;
pub mod simopen;
pub mod subject;
pub mod survey;
pub mod together;
pub mod trace;
