//! The core on tokio.

mod closer;
mod config;
mod connection;
mod heartbeats;
mod life;
mod pump;
mod read_side;
mod reader;
mod shared;
mod timer;
mod wakers;
mod write_side;
mod writer;

pub use closer::Closer;
pub use config::{Config, Drain, Idle};
pub use connection::{Connection, NotTwoHalves};
pub use reader::Reader;
pub use writer::Writer;
