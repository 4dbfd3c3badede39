//! Logs of the pool.

use core::fmt::{self, Debug, Formatter};

use handfast_spec::Recorded;
use handfast_spec::ownership::pool::Action;
use handfast_spec::ownership::{Incarnation, Thread, Threads};
use serde::{Deserialize, Serialize};

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
    /// Whether all workers were threads of one runtime.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub one_runtime: bool,
}

impl Header {
    pub(super) fn of(config: &Config) -> Self {
        let Config { threads, numbers, room, one_runtime, .. } = *config;
        Self { pool: Size { threads, numbers, room, one_runtime } }
    }
}

impl Explains for Pool {
    type Header = Header;

    fn starts(header: &Header) -> Vec<Recorded<Self>> {
        let Size { threads, numbers, room, one_runtime } = header.pool;
        if threads > Threads::MOST {
            return Vec::new();
        }
        let (puts, takes, alarms) = (u8::MAX, u8::MAX, u8::MAX);
        vec![Recorded::new(Pool::new(Config { threads, numbers, room, puts, takes, alarms, one_runtime }))]
    }

    fn attempts(&self) -> Vec<Action> {
        let mut attempts = Vec::new();
        let shelves = || (0..).map(Thread).zip(self.shelves.iter()).filter(|(_, shelf)| !shelf.nodes.is_empty());
        for thread in (0..self.config().threads).map(Thread) {
            attempts.extend([
                Action::Open { thread, incarnation: Incarnation(self.next) },
                Action::Poll { thread },
                Action::Insert { thread },
                Action::Watch { thread },
                Action::List { thread },
                Action::Claim { thread },
                Action::Release { thread },
                Action::Ask { thread },
                Action::Deregister { thread },
                Action::Register { thread },
                Action::Probe { thread },
                Action::Defer { thread },
                Action::Unlist { thread },
                Action::Leave { thread },
                Action::Close { thread },
                Action::Drop { thread },
                Action::Expire { thread },
                Action::Stop { thread },
            ]);
            attempts.extend(shelves().map(|(from, _)| Action::Take { thread, from }));
            let host = self.host(thread);
            let reports = self.workers.iter().nth(host.index()).into_iter().flat_map(|worker| worker.reports.iter());
            attempts.extend(reports.map(|report| Action::Look { thread, incarnation: report.about }));
        }
        let open = self.incarnations().zip(self.connections.iter()).filter(|(_, connection)| connection.open);
        for (incarnation, _) in open {
            let of_the_world =
                [Action::Arrive { incarnation }, Action::Age { incarnation }, Action::Ring { incarnation }];
            attempts.extend(of_the_world);
        }
        attempts
    }

    fn summary(&self) -> Vec<String> {
        format!("{self:?}").lines().map(str::to_owned).collect()
    }
}

/// The pool in words, as Stateright's Explorer shows it.
impl<W: Words + Clone> Debug for World<W> {
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
    let Shelf { nodes, stopped, locked, early } = shelf;
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
    if !early.is_empty() {
        write!(f, ", has {} early reports", early.len())?;
    }
    for report in reports {
        write!(f, ", is to look at {}", report.about)?;
    }
    for who in old {
        write!(f, ", is to close {}", who.which)?;
    }
    writeln!(f)
}
