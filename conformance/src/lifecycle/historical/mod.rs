//! btcd's peer lifecycle on tokio, as it was and as it might have been: what the models in `model::lifecycle::btcd` are
//! models of.
//!
//! Written from the description in the specification (`specs/lifecycle.md`, *btcd's designs*), task by task, with the
//! same [`Switches`](model::lifecycle::btcd::Switches): the old shape with two loops and two channels, in which the handshake's task sends *add*; its
//! repair step by step; what was merged; what would have been right; and each part of the repair taken back alone.
//!
//! It runs in two ways. [`Network`] spawns it on a runtime, and its tasks run as they like: that is the rival that the
//! benchmark measures. [`Stepped`] has the same tasks and the same channels, and a test decides which of them takes the
//! next step: [`Pace`] is asked before each. A step is what one of the model's is: one channel operation, one write of a
//! flag, one check. Between any two of them another thread may run; where tokio would have to be unlucky to show a
//! race, a trace of the model names the order.
//!
//! Left out, with the parts of the model that need them: transactions, blocks to relay, the operator's `disconnectnode`,
//! connections that are handed over late, and panics of the negotiation other than that of a channel closed twice.

mod channel;
mod machine;
mod node;
mod server;
mod session;

use model::lifecycle::btcd::Bounds;

pub use channel::{Inbox, Letter, News};
pub use machine::Stepped;
pub use node::{Connection, Network, Pace};

/// Whether the parts of the node that an bounds has are there in the implementation, whatever the design.
pub fn is_implemented(bounds: &Bounds) -> bool {
    let absent = [bounds.operator, bounds.attachment, bounds.panics].iter().all(|part| !part.is_present());
    absent && bounds.transactions == 0 && bounds.blocks == 0
}
