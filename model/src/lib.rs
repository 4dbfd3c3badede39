//! Models of handfast's protocols, and the checker that explores them.
//!
//! [`checker`] and the command line, [`cli`], know no protocol. Each protocol has a module, and [`registry`] lists them.

pub mod checker;
pub mod cli;
pub mod documents;
pub mod framed;
pub mod lifecycle;
pub mod node;
pub mod ownership;
pub mod registry;
pub mod simopen;
