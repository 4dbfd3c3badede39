//! Idle connections, their workers, and the shelf that says which there are.
#![cfg(unix)]

mod keeping;
mod racing;
mod room;
mod shelf;
mod support;
mod taking_over;
mod watching;
mod workers;
