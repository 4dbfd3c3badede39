//! Descriptor ownership: the word and the table.

mod edges;
mod loom;
mod ports;
mod ports_findings;
mod ports_loom;
mod ports_raced;
mod shuttle;
