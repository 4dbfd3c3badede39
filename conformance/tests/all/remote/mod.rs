//! The suite for other implementations: handfast passes, broken ends fail by the rule that they break.

mod flawed;
mod framed;
mod lifecycle;
mod node;
mod program;
mod simopen;
mod wire;
