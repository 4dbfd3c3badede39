//! The checker and the models: one target, so that the models are linked once.

mod any_number;
mod btcd;
mod canaries_liveness;
mod canaries_stateright;
mod certificate;
mod checkpoint;
mod cli;
mod common;
mod conjuncts;
mod cross_check;
mod designs;
mod environment;
mod explain;
mod explorer;
mod formats;
mod framed;
mod haproxy;
mod historical;
mod many_rules;
mod node;
mod pages;
mod pool;
mod simopen;
mod two_ends;
