//! How to check a protocol of your own: a ticket lock, from the vocabulary to the command line.
//!
//! ```text
//! cargo run -p model --example ticket_lock                        # a tour
//! cargo run -p model --example ticket_lock -- check               # and every command of `model`: list, trace, explore
//! cargo run -p model --example ticket_lock -- trace ticket-lock --cover edges --format log > all.ndjson
//! cargo run -p model --example ticket_lock -- explain ticket-lock all.ndjson
//! ```

use std::ffi::OsString;
use std::process::ExitCode;

use derive_more::Display;
use handfast_spec::protocol::{ActionOf, ObservationOf};
use handfast_spec::{Goal, Machine, Predicate, Protocol, Recorded};
use model::checker::catalogue::{Entry, Rules, Scope, Variant};
use model::checker::design::{Checked, Design};
use model::checker::explain::{Explains, explain};
use model::checker::target::{Instance, Instances};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

// 1. The vocabulary: what can be attempted, what participants are told, and why an attempt does nothing.

#[derive(Clone, Copy, Debug, Deserialize, Display, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
enum Action {
    /// Asks for the lock: an atomic increment of the counter of tickets.
    #[display("thread {_0}: takes a ticket")]
    Take(Thread),
    /// Reads the number that is served, and is inside if it is that of the ticket.
    #[display("thread {_0}: finds its number served")]
    Enter(Thread),
    /// Increments the number that is served.
    #[display("thread {_0}: serves the next number")]
    Leave(Thread),
}

type Thread = u8;

#[derive(Clone, Copy, Debug, Deserialize, Display, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Output {
    #[display("thread {_0} waits")]
    Waiting(Thread),
    #[display("thread {_0} is inside")]
    Inside(Thread),
    #[display("thread {_0} is outside")]
    Outside(Thread),
}

#[derive(Clone, Copy, Debug, Deserialize, Display, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Refusal {
    #[display("there is no such thread")]
    NoSuchThread,
    #[display("the thread is not at this point")]
    NotNow,
}

// 2. The history of what was told, and the rules, which look at nothing else.

#[derive(Clone, Debug, Default, Eq, Hash, PartialEq, Serialize)]
struct History {
    /// In the order of their tickets.
    waiting: Vec<Thread>,
    inside: Vec<Thread>,
    was_overtaken: bool,
}

struct TicketLock;

impl Protocol for TicketLock {
    const NAME: &'static str = "ticket-lock";
    type Action = Action;
    type Output = Output;
    type Refusal = Refusal;
    /// A thread is scheduled on its own.
    type Component = Thread;
    type History = History;

    fn record(history: &mut History, output: &Output) {
        let History { waiting, inside, was_overtaken } = history;
        match *output {
            Output::Waiting(thread) => waiting.push(thread),
            Output::Inside(thread) => {
                *was_overtaken |= waiting.first() != Some(&thread);
                waiting.retain(|&waiting| waiting != thread);
                inside.push(thread);
            }
            Output::Outside(thread) => inside.retain(|&inside| inside != thread),
        }
    }

    fn component(action: &Action) -> Option<Thread> {
        match *action {
            // No thread has to ask for the lock.
            Action::Take(_) => None,
            Action::Enter(thread) | Action::Leave(thread) => Some(thread),
        }
    }

    const INVARIANTS: &'static [Predicate<History>] = &[
        Predicate { id: "LOCK-1", title: "at most one thread is inside", holds: |history| history.inside.len() <= 1 },
        Predicate {
            id: "LOCK-2",
            title: "threads enter in the order of tickets",
            holds: |history| !history.was_overtaken,
        },
    ];
    const WITNESSES: &'static [Predicate<History>] = &[Predicate {
        id: "LOCK-W1",
        title: "two threads wait while a third is inside",
        holds: |history| history.waiting.len() == 2 && history.inside.len() == 1,
    }];
    const GOALS: &'static [Goal<Self>] = &[Goal {
        id: "LOCK-3",
        title: "a thread that waits gets in (thread 0, and by symmetry each)",
        trigger: |history| history.waiting.contains(&0),
        outcome: |history| history.inside.contains(&0),
        fair: |_| true,
        assumes: "every thread that can act does",
    }];
    const DEADLOCK: (&'static str, &'static str) = ("LOCK-4", "threads only rest outside");
}

// 3. The machine. What a mutant does differently is a parameter of it: the machine tests for no mutant.

#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize)]
struct Parameters {
    /// After how many tickets the numbers begin again.
    tickets: u8,
    /// By how much a thread that leaves increments the number that is served.
    served_at_once: u8,
}

const RIGHT: Parameters = Parameters { tickets: 4, served_at_once: 1 };

#[derive(Clone, Debug, Eq, Hash, PartialEq, Serialize)]
struct Lock {
    parameters: Parameters,
    next: u8,
    served: u8,
    threads: Vec<At>,
}

#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize)]
enum At {
    Outside,
    Waiting(u8),
    Inside,
}

impl Lock {
    fn new(threads: u8, parameters: Parameters) -> Self {
        Self { parameters, next: 0, served: 0, threads: vec![At::Outside; usize::from(threads)] }
    }

    fn attempt(&mut self, action: Action) -> Result<Output, Refusal> {
        let (Action::Take(thread) | Action::Enter(thread) | Action::Leave(thread)) = action;
        let at = self.threads.get_mut(usize::from(thread)).ok_or(Refusal::NoSuchThread)?;
        let (next, output) = match (action, *at) {
            (Action::Take(_), At::Outside) => {
                let ticket = self.next;
                self.next = (self.next + 1) % self.parameters.tickets;
                (At::Waiting(ticket), Output::Waiting(thread))
            }
            (Action::Enter(_), At::Waiting(ticket)) if ticket == self.served => (At::Inside, Output::Inside(thread)),
            (Action::Leave(_), At::Inside) => {
                self.served = (self.served + self.parameters.served_at_once) % self.parameters.tickets;
                (At::Outside, Output::Outside(thread))
            }
            (Action::Take(_) | Action::Enter(_) | Action::Leave(_), _) => return Err(Refusal::NotNow),
        };
        *at = next;
        Ok(output)
    }
}

impl Machine for Lock {
    type Protocol = TicketLock;

    fn step(&mut self, action: &ActionOf<Self>) -> ObservationOf<Self> {
        self.attempt(*action).map(|output| vec![output]).into()
    }
}

impl Design for Lock {
    fn at_rest(&self) -> bool {
        self.threads.iter().all(|at| *at == At::Outside)
    }

    fn header(&self) -> Value {
        json!({ "protocol": TicketLock::NAME, "threads": self.threads.len() })
    }
}

fn alphabet(threads: u8) -> Vec<Action> {
    (0..threads).flat_map(|thread| [Action::Take(thread), Action::Enter(thread), Action::Leave(thread)]).collect()
}

// 4. Logs: how a machine is started as a header says, and what is shown where a log leaves the model.

#[derive(Deserialize)]
struct Header {
    threads: u8,
}

impl Explains for Lock {
    type Header = Header;

    fn starts(header: &Header) -> Vec<Recorded<Self>> {
        vec![Recorded::new(Self::new(header.threads, RIGHT))]
    }

    fn attempts(&self) -> Vec<Action> {
        alphabet(self.threads.len() as u8)
    }

    fn summary(&self) -> Vec<String> {
        self.threads.iter().enumerate().map(|(thread, at)| format!("thread {thread}: {at:?}")).collect()
    }
}

// 5. The mutants, in one table, and the entry in the catalogue.

model::mutants! {
    /// A mistake in the lock.
    enum Flaw shown in Parameters;

    FewTickets {
        name: "few-tickets",
        source: "made up",
        about: "the counter is so narrow that two of three threads hold the same ticket",
        instances: Parameters { tickets: 2, ..RIGHT },
        violates: &["LOCK-1", "LOCK-2", "LOCK-3"],
    }
    ServesNoOne {
        name: "serves-no-one",
        source: "made up",
        about: "a thread leaves without serving the next number",
        instances: Parameters { served_at_once: 0, ..RIGHT },
        violates: &["LOCK-3", "LOCK-4"],
    }
}

fn target(name: &'static str, threads: u8, parameters: Parameters) -> Box<Instances> {
    let checked = Checked::new(vec![Recorded::new(Lock::new(threads, parameters))], alphabet(threads));
    Box::new(Instances::new(name, vec![Instance { name: "threads", checked }]))
}

fn variants() -> Vec<Variant> {
    let variant = |flaw: &Flaw| {
        let row = flaw.row();
        let target = target(row.name, 3, row.instances);
        let (name, kind, source, about, violates) = (row.name, row.kind, row.source, row.about, row.violates);
        Variant { name, kind, source, about, violates, target }
    };
    Flaw::ALL.iter().map(variant).collect()
}

static ENTRIES: &[Entry] = &[Entry {
    name: TicketLock::NAME,
    about: "which of several threads is let in next",
    document: "model/examples/ticket_lock.rs",
    rules: Rules::of::<TicketLock>,
    own: |scope| match scope {
        Scope::Small | Scope::Default => target("ticket-lock", 3, RIGHT),
        Scope::Large => target("ticket-lock", 4, RIGHT),
    },
    variants,
    left_out: &[],
    explain: |log| explain::<Lock>(log),
}];

/// What is shown to those who ask for nothing in particular.
const TOUR: [&str; 4] = [
    "check",
    "list --mutants",
    "trace ticket-lock --violates LOCK-W1",
    "trace ticket-lock --mutant few-tickets --format mermaid",
];

fn main() -> ExitCode {
    if std::env::args_os().len() > 1 {
        return model::cli::main(ENTRIES, &mut std::env::args_os());
    }
    for command in TOUR {
        println!("\n$ ticket_lock {command}");
        let code = model::cli::main(ENTRIES, &mut format!("ticket_lock {command}").split(' ').map(OsString::from));
        if code != ExitCode::SUCCESS {
            return code;
        }
    }
    ExitCode::SUCCESS
}

#[cfg(test)]
mod tests {
    use core::ops::ControlFlow;

    use model::checker::format;
    use model::checker::report::{CrossCheck, Selection, Status, check_one};
    use model::checker::target::{Plan, Target};

    use super::*;

    const PLAN: Plan<'static> = Plan::DEFAULT;

    #[test]
    fn the_lock_is_right_and_every_mutant_is_caught_as_listed() {
        let report = check_one((&ENTRIES[0], Selection::All), Scope::Default, CrossCheck::All, &PLAN);
        assert_eq!(report.status(), Status::AsClaimed);
        assert!(report.findings.never_enabled.is_empty(), "every action is taken somewhere");
        assert_eq!(report.variants.len(), Flaw::ALL.len());
        let steps = report.variants[0].shortest.as_ref().map(|trace| trace.steps.len());
        assert_eq!(steps, Some(4), "three tickets, of which two are the same, and the wrong thread enters");
    }

    #[test]
    fn walks_over_every_edge_are_explained_as_logs_and_a_log_of_a_mutant_is_not() {
        let mut logs = String::new();
        (ENTRIES[0].own)(Scope::Small).cover(&PLAN, &mut |trace| {
            logs += &format::log(&trace);
            ControlFlow::Continue(())
        });
        let explained = (ENTRIES[0].explain)(&mut logs.as_bytes()).expect("it is a log");
        assert_eq!(explained.rejection, None);
        let edges: usize = (ENTRIES[0].own)(Scope::Small).check(&PLAN).instances.iter().map(|found| found.edges).sum();
        assert!(explained.steps >= edges, "{} steps walk {edges} edges", explained.steps);

        let findings = target("few-tickets", 3, Flaw::FewTickets.row().instances).check(&PLAN);
        let log = format::log(findings.shortest().expect("it is violated"));
        let explained = (ENTRIES[0].explain)(&mut log.as_bytes()).expect("it is a log");
        assert_eq!(explained.rejection.map(|rejection| rejection.explained), Some(3), "its number is not served");
    }
}
