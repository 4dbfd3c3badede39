//! The library by its public interface.

mod framed;
mod lifecycle;
mod limit;
mod node;
mod ownership;
mod pool;
mod published;
mod simopen;
