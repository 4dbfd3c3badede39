//! Framed connections, over wires in memory and under a paused clock.
//!
//! | file | what |
//! |---|---|
//! | `cursors` | the decoder and the encoder, byte by byte |
//! | `close_state` | the closing of our direction |
//! | `decoder` | the decoder against whatever comes, at random |
//! | `reading` | the reader: cancelled reads, the ends of a peer, errors that stay |
//! | `writing` | the writer: cancelled writes, batches, failures |
//! | `recording` | the record: when it is written, its errors, its writer |
//! | `shutdown` | outcomes, deadlines, who is told |
//! | `answering` | the peer's marker, answered by the reader |
//! | `draining` | what is read meanwhile, and for whom |
//! | `cancelling` | every operation, dropped at every point at which it waits |
//! | `fairness` | how much is done in one poll |
//! | `life` | heartbeats, and peers that are dead or as good as dead |
//!
//! The defects of the connection that this one replaces have their number, `m1` to `m36`, in the names of the tests that
//! look for them.

mod answering;
mod cancelling;
mod chopping;
mod close_state;
mod cursors;
mod decoder;
mod draining;
mod fairness;
mod life;
mod reading;
mod recording;
mod shutdown;
mod support;
mod writing;
