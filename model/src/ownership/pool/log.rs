//! Logs of the pool.

use core::fmt::{self, Debug, Formatter};

use handfast_spec::Recorded;
use handfast_spec::ownership::Thread;
use handfast_spec::ownership::pool::Action;
use serde::{Deserialize, Serialize};

use super::bounds::{Bounds, alphabet};
use super::kernel::Watched;
use super::machine::{At, Shelf, Worker, World};
use super::{Config, Pool};
use crate::checker::explain::Explains;
use crate::ownership::handfast::Words;

/// How large the world was, as the header of its log says, which thereby is not one of the word alone.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub struct Header {
    /// How large the pool was.
    pub pool: Size,
}

/// How large a pool was.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub struct Size {
    /// How many workers there were.
    pub threads: u16,
    /// How many connections could be open at a time.
    pub numbers: u8,
    /// How many connections a shelf took.
    pub room: u8,
}

impl Header {
    pub(super) fn of(config: &Config) -> Self {
        let Config { threads, numbers, room, .. } = *config;
        Self { pool: Size { threads, numbers, room } }
    }
}

impl Explains for Pool {
    type Header = Header;

    fn starts(header: &Header) -> Vec<Recorded<Self>> {
        let Size { threads, numbers, room } = header.pool;
        let (puts, takes, alarms) = (u8::MAX, u8::MAX, u8::MAX);
        vec![Recorded::new(Pool::new(Config { threads, numbers, room, puts, takes, alarms }))]
    }

    fn attempts(&self) -> Vec<Action> {
        let Config { threads, numbers, room, puts, takes, alarms } = *self.config();
        let (openers, stoppers, ages) = (threads, threads, true);
        let connections = self.next + 1;
        let bounds = Bounds { threads, numbers, connections, room, puts, takes, alarms, openers, stoppers, ages };
        alphabet(&bounds)
    }

    fn summary(&self) -> Vec<String> {
        format!("{self:?}").lines().map(str::to_owned).collect()
    }
}

/// The pool in words, as Stateright's Explorer shows it.
impl<W: Words> Debug for World<W> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { config, words, shelves, workers, connections, next: _, puts, takes, alarms } = self;
        writeln!(f, "{puts} of {} puts, {takes} of {} takes, {alarms} false alarms", config.puts, config.takes)?;
        for number in 0..config.numbers {
            writeln!(f, "number {number}: generation {}, {:?}", words.token(number).generation, words.state(number))?;
        }
        for (which, connection) in self.incarnations().zip(connections.iter()) {
            if !connection.open {
                continue;
            }
            let data = if connection.data { "closed by its server" } else { "quiet" };
            writeln!(f, "{which} has number {}, {data}", connection.number)?;
            for (thread, watched) in connection.watched.iter().enumerate() {
                if let Watched::Yes { due, noted, waker } = watched {
                    writeln!(f, "  watched by {thread}: due {due}, noted {noted}, wakes {}", waker.is_some())?;
                }
            }
        }
        for ((number, shelf), worker) in (0..).zip(shelves.iter()).zip(workers.iter()) {
            show(Thread(number), shelf, worker, f)?;
        }
        Ok(())
    }
}

fn show(thread: Thread, shelf: &Shelf, worker: &Worker, f: &mut Formatter<'_>) -> fmt::Result {
    let Shelf { nodes, stopped, locked } = shelf;
    let Worker { at, old, uses, reports } = worker;
    if nodes.is_empty() && !stopped && uses.is_none() && reports.is_empty() && *at == At::Rest {
        return Ok(());
    }
    write!(f, "{thread}: {at:?}{}", if *stopped { ", has stopped" } else { "" })?;
    for node in nodes {
        write!(f, ", has {} on its shelf{}", node.who.which, if node.expired { ", too old" } else { "" })?;
    }
    if let Some(by) = locked {
        write!(f, ", which {by} has locked")?;
    }
    if let Some(which) = uses {
        write!(f, ", uses {which}")?;
    }
    for report in reports {
        write!(f, ", is to look at {}", report.about)?;
    }
    for who in old {
        write!(f, ", is to close {}", who.which)?;
    }
    writeln!(f)
}
