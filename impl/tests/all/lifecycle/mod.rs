//! The driver of the peer lifecycle on tokio, under a paused clock.
//!
//! | file | what |
//! |---|---|
//! | `handshake_done` | the signal that the handshake completed, and what happens when a disconnect is there too |
//! | `foreign_code` | drops, clones and calls of the caller's code, outside of every lock |
//! | `ending` | every way in which a session can end, and the reason that its Down gives |
//! | `admission` | limits, duplicates, bans |
//! | `limits` | what strangers can fill, and what they cannot; sources; eviction; limits that change |
//! | `evicting` | for whom a full node evicts nobody |
//! | `overdue` | sessions that are not announced in time because nobody polls their task |
//! | `bans` | networks, lists of bans, and the end of many at once |
//! | `operator` | bans for a time, and the end of all sessions of one peer |
//! | `connections` | what the task of a session that has ended still holds |
//! | `subscribers` | slow ones, dropped ones, snapshots |
//! | `selector` | the one active peer, and its time |
//! | `shutdown` | the end of a node |
//! | `unannounced` | why a peer is not announced, what it is told, and who hears of it |
//! | `visible` | metrics, the record and its errors |
//!
//! Tests that reviewers of btcd asked for have their number, `t1` to `t10`, in their name.

mod admission;
mod bans;
mod connections;
mod core;
mod ending;
mod evicting;
mod foreign_code;
mod handshake_done;
mod limits;
mod operator;
mod overdue;
mod selector;
mod shutdown;
mod subscribers;
mod support;
mod unannounced;
mod visible;
