//! The four protocols together, in memory under a paused clock; and over TCP on loopback.
//!
//! | file | what |
//! |---|---|
//! | `crossing` | two nodes that dial each other: one session, the same at both ends, and no frame silently lost |
//! | `admission` | what bans, limits, and upgrades that fail cost; listeners that cannot accept |
//! | `redialing` | peers that are to stay connected: exact moments |
//! | `ending` | the shutdown: frames, Downs, peers that stall, descriptors |
//! | `replacing` | without `simopen`, with another framing, without any |

mod admission;
mod crossing;
mod ending;
mod redialing;
mod replacing;
mod support;
