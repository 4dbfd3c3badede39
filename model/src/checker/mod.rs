//! The checker: it explores designs, decides their rules and prints what it found. It knows no protocol.

pub mod audit;
pub mod catalogue;
pub mod checkpoint;
pub mod composite;
pub mod cover;
pub mod cross_check;
pub mod design;
pub mod explain;
pub mod explore;
pub mod findings;
pub mod format;
pub mod liveness;
pub mod mutants;
pub mod report;
pub mod scan;
pub mod target;
pub mod trace;
pub mod views;
