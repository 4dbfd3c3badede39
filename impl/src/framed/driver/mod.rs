//! The core on tokio.
//!
//! A frame goes from [`Writer`] (`writer.rs`: accepted, queued, given to the transport) through the core's
//! [`WriteCursor`](super::WriteCursor); `shared.rs` has the locks, the latched error and the wakers.

mod config;
mod connection;
mod idle;
mod reader;
#[cfg_attr(not(feature = "record"), path = "unrecorded.rs")]
mod record;
mod shared;
mod shutdown;
mod toll;
mod writer;

pub use config::{Config, Drain, Idle};
pub use connection::{Connection, ReuniteError};
pub use reader::Reader;
pub use shutdown::Closer;
pub use writer::Writer;
