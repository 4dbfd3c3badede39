//! Tier 6: the table under loom, which runs every interleaving and everything that the memory model of C11 lets an access
//! see. A run counts its executions and says that it was complete; a bounded one could not.

mod logged;
mod scenarios;
mod support;
