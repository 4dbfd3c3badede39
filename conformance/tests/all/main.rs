//! Holds every implementation to its model: one target, so that the models are linked once.

mod framed;
mod lifecycle;
mod node;
mod ownership;
mod pool;
mod remote;
mod simopen;
mod simulate;
