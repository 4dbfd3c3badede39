//! Behaviours in the formats that people and other programs read.

mod dot;
mod itf;
mod log;
mod mermaid;
mod text;

pub use dot::dot;
pub use itf::itf;
pub use log::log;
pub use mermaid::mermaid;
pub use text::text;
