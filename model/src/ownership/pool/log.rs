//! Logs of the pool.

use core::fmt::{self, Debug, Formatter};

use handfast_spec::Recorded;
use handfast_spec::ownership::pool::Action;
use handfast_spec::ownership::{Incarnation, Thread, Threads};
use serde::{Deserialize, Serialize};

use super::kernel::Watched;
use super::machine::{At, IdleList, Worker, World};
use super::{Config, Pool};
use crate::checker::explain::Explains;
use crate::ownership::handfast::{Words, describe};

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
    /// How many connections an idle list took.
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
        let idle_lists =
            || (0..).map(Thread).zip(self.idle_lists.iter()).filter(|(_, idle_list)| !idle_list.nodes.is_empty());
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
            attempts.extend(idle_lists().map(|(from, _)| Action::Take { thread, from }));
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
        self.described()
    }
}

/// The pool in words, as Stateright's Explorer shows it.
impl<W: Words + Clone> Debug for World<W> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.described().iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

impl<W: Words + Clone> World<W> {
    /// What there is and where the workers are, a line for each.
    pub(super) fn described(&self) -> Vec<String> {
        let Self { config, words, idle_lists, workers, connections, next: _, puts, takes, alarms } = self;
        let begun = format!("{puts} of {} puts, {takes} of {} takes, {alarms} false alarms", config.puts, config.takes);
        let mut lines = vec![format!("begun: {begun}")];
        lines.extend((0..config.numbers).map(|number| format!("number {number}: {}", describe(words, number))));
        for (which, connection) in self.incarnations().zip(connections.iter()).filter(|(_, known)| known.open) {
            let data = if connection.data { "closed by its server" } else { "quiet" };
            let mut line = format!("{which}: has number {}, {data}", connection.number);
            for (thread, watched) in connection.watched.iter().enumerate() {
                if let Watched::Yes { due, noted, waker } = watched {
                    let thread = Thread(thread as u16);
                    line += &format!("; the poller of {thread} watches it");
                    line += if *due { " and has a report" } else { "" };
                    line += if *noted { ", has noted it" } else { "" };
                    line += if waker.is_some() { ", wakes its task" } else { "" };
                }
            }
            lines.push(line);
        }
        let workers = (0..).map(Thread).zip(idle_lists.iter()).zip(workers.iter());
        lines.extend(workers.map(|((thread, idle_list), worker)| format!("{thread}: {}", at_work(idle_list, worker))));
        lines
    }
}

/// A worker with its idle list in words.
fn at_work(idle_list: &IdleList, worker: &Worker) -> String {
    let IdleList { nodes, stopped, locked, early } = idle_list;
    let Worker { at, old, uses, reports } = worker;
    let mut words = place(*at);
    words += if *stopped { "; has stopped" } else { "" };
    for node in nodes {
        words += &format!("; has {} on its idle list{}", node.who.which, if node.expired { ", too old" } else { "" });
    }
    words.extend(locked.map(|by| format!("; its idle list is locked by {by}")));
    words.extend(uses.map(|which| format!("; its task uses {which}")));
    words.extend((!early.is_empty()).then(|| format!("; {} reports came early", early.len())));
    words.extend(reports.iter().map(|report| format!("; is to look at {}", report.about)));
    words.extend(old.iter().map(|who| format!("; is to close {}", who.which)));
    words
}

/// How far a worker is, in words.
fn place(at: At) -> String {
    match at {
        At::Rest => "in its loop".to_owned(),
        At::Putting(who) => format!("puts {}, to be woken of it next", who.which),
        At::Armed(who) => format!("puts {}, to be listed next", who.which),
        At::Declined(who) => format!("has {}, which was not kept", who.which),
        At::Taking(from, left) => format!("has locked the idle list of {from}, and has {left} connections to try"),
        At::Clearing(_) => "closes what it took over to be closed".to_owned(),
        At::Took(found) => format!("has taken over {} from {}", found.who.which, found.from),
        At::Settling(which, from) => format!("has {which}, and asks what the poller of {from} has noted"),
        At::Moving(which, from) => format!("has {which}, and has the poller of {from} forget it"),
        At::Homeless(which) => format!("has {which}, which no poller watches"),
        At::Probing(which) => format!("has {which}, and asks the kernel"),
        At::Looking(who) => format!("inside {}, to look at it", who.which),
        At::Disturbed(who) => format!("inside {}, for which something is there", who.which),
        At::Unlisted(who) => format!("inside {}, which is on no idle list any more", who.which),
        At::Reassured(who) => format!("inside {}, for which nothing is there", who.which),
        At::Closing(which, _) => format!("closes {which}"),
        At::Deferring(who) => format!("turned away from {}, and comes back to it", who.which),
    }
}
