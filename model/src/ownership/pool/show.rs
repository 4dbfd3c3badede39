//! The pool in words, as Stateright's Explorer shows it.

use core::fmt::{self, Debug, Formatter};

use handfast_spec::ownership::Thread;

use super::kernel::Watched;
use super::machine::{At, Pool, Shelf, Worker};

impl Debug for Pool {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { config, slots, shelves, workers, connections, next: _, puts, takes, alarms } = self;
        writeln!(f, "{puts} of {} puts, {takes} of {} takes, {alarms} false alarms", config.puts, config.takes)?;
        for (number, slot) in slots.iter().enumerate() {
            writeln!(f, "number {number}: generation {}, {:?}", slot.generation, slot.state)?;
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
