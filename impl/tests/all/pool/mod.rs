//! Idle connections, their workers, and the list that says which there are.
#![cfg(unix)]

mod accounts;
mod contained;
mod ending;
mod idle_list;
mod keeping;
mod racing;
mod room;
mod runtime;
mod support;
mod taking_over;
mod tls;
mod watching;
mod workers;
