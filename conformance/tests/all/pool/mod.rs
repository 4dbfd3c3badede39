//! The pool of idle connections.

mod edges;
mod shuttle;
