//! The core on tokio.
//!
//! [`Node`] and the handles that it gives out are in files of their own; `state.rs` has the lock, and the one function
//! through which each step of the core goes: the call, its effects, the metrics and the record.

mod bans;
mod config;
mod discard;
mod failures;
mod handle;
mod node;
mod opening;
mod operator;
mod overdue;
mod patience;
#[cfg(feature = "metrics")]
mod publish;
#[cfg_attr(not(feature = "record"), path = "unrecorded.rs")]
mod record;
mod selector;
mod session;
mod signals;
mod slot;
mod state;
mod status;
mod subscription;

pub use bans::{Ban, Banned};
pub use config::{Metrics, NodeConfig, Report, SelectorConfig, Stalled};
pub use failures::{Failure, Failures};
pub use handle::SessionHandle;
pub use node::Node;
pub use selector::Selector;
pub use session::{BodyOutput, Handshake, SessionContext};
pub use slot::{Farewell, Slot};
pub use status::SessionStatus;
pub use subscription::Subscription;
