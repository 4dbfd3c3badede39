//! Idle connections, their workers, and the list that says which there are.
#![cfg(unix)]

mod idle_list;
mod keeping;
mod racing;
mod room;
mod support;
mod taking_over;
mod watching;
mod workers;
