//! The suite for anybody's implementation: handfast passes, broken ends fail by the rule that they break.

mod flawed;
mod framed;
mod program;
mod simopen;
