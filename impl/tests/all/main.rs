//! The library by its public interface.

mod framed;
mod lifecycle;
mod ownership;
mod pool;
mod simopen;
