//! Checks many designs at once: an instance of a design is a task, and each thread takes one task after the other.

use std::panic::resume_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use super::{ProtocolReport, VariantReport};
use crate::checker::catalogue::{Entry, Scope, Variant};
use crate::checker::cross_check::Searches;
use crate::checker::findings::Findings;
use crate::checker::target::{Plan, Target};
use crate::checker::views::Proof;

/// Which designs of a protocol to check.
pub enum Selection {
    /// The protocol's own.
    Own,
    /// The protocol's own and every other.
    All,
    /// One of the others.
    One(Box<Variant>),
}

/// About which designs the second engine is asked, and how.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum CrossCheck {
    /// The protocols' own, with one search.
    #[default]
    Own,
    /// All, with both searches.
    All,
}

/// Checks designs of protocols, each protocol's own at a scope.
///
/// `started` is told what is being explored. `finished` gets the reports in the order of `selected`, each as soon as it
/// is complete. What the reports say does not depend on the number of threads.
pub fn check(
    selected: Vec<(&'static Entry, Selection)>,
    scope: Scope,
    cross_check: CrossCheck,
    plan: &Plan<'_>,
    started: &(dyn Fn(&str, &str) + Sync),
    finished: &mut dyn FnMut(ProtocolReport),
) {
    let protocols: Vec<Designs> = selected.into_iter().map(|selected| Designs::of(selected, scope)).collect();
    let tasks: Vec<Task<'_>> = protocols.iter().flat_map(Designs::tasks).collect();
    // What is explored at the same time shares the memory, so that large graphs are explored one after the other. So are
    // those of which checkpoints are kept, because a checkpoint is of one exploration that goes on.
    let in_turn = scope == Scope::Large || plan.checkpoint.is_some();
    let workers = if in_turn { 1 } else { plan.threads.clamp(1, tasks.len().max(1)) };
    let plan = Plan { threads: (plan.threads / workers).max(1), max_bytes: plan.max_bytes / workers, ..*plan };
    let searches = match cross_check {
        CrossCheck::Own => Searches::One,
        CrossCheck::All => Searches::Both,
    };
    let next = AtomicUsize::new(0);
    let (send, receive) = mpsc::channel();
    let work = |send: mpsc::Sender<(usize, Checked)>| {
        loop {
            // Each number is taken once; nothing else is handed over through the counter.
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(task) = tasks.get(number) else { return };
            started(task.protocol, task.target.name());
            let begun = Instant::now();
            let cross_check = plan.cross_check && (task.is_own || cross_check == CrossCheck::All);
            let found = match task.work {
                Work::Explore(instance) => {
                    if let Some(checkpoint) = plan.checkpoint {
                        let (design, instance) = (task.target.name(), task.target.instance_name(instance));
                        checkpoint.begin(format!("{}/{design}, {instance}", task.protocol));
                    }
                    Found::Findings(task.target.check_instance(instance, &Plan { cross_check, searches, ..plan }))
                }
                Work::Prove => Found::Proofs(task.target.any_number()),
            };
            send.send((number, Checked { found, begun })).expect("the receiver waits for every task");
        }
    };
    thread::scope(|scope| {
        let (work, send) = (&work, &send);
        let spawn = |_| scope.spawn(move || work(send.clone()));
        let threads: Vec<_> = (0..workers).map(spawn).collect();
        assemble(&protocols, tasks.len(), &receive, finished);
        threads.into_iter().for_each(|thread| thread.join().unwrap_or_else(|panic| resume_unwind(panic)));
    });
}

/// Checks designs of one protocol, without a word about how far it is.
pub fn check_one(
    selected: (&'static Entry, Selection),
    scope: Scope,
    cross_check: CrossCheck,
    plan: &Plan<'_>,
) -> ProtocolReport {
    let mut reports = Vec::new();
    check(vec![selected], scope, cross_check, plan, &|_, _| {}, &mut |report| reports.push(report));
    reports.pop().expect("there is a report for each protocol")
}

/// Receives what was found, and makes reports of it.
fn assemble(
    protocols: &[Designs],
    task_count: usize,
    receive: &mpsc::Receiver<(usize, Checked)>,
    finished: &mut dyn FnMut(ProtocolReport),
) {
    let mut found: Vec<Option<Checked>> = (0..task_count).map(|_| None).collect();
    let mut begin = 0;
    for designs in protocols {
        let end = begin + designs.tasks().count();
        while found[begin..end].iter().any(Option::is_none) {
            // A thread that panics sends nothing; its panic goes on where it is joined.
            let Ok((number, checked)) = receive.recv() else { return };
            found[number] = Some(checked);
        }
        finished(designs.report(found[begin..end].iter_mut().filter_map(Option::take).collect()));
        begin = end;
    }
}

/// Something to do with a design.
struct Task<'a> {
    protocol: &'static str,
    target: &'a dyn Target,
    is_own: bool,
    work: Work,
}

enum Work {
    /// Explore an instance.
    Explore(usize),
    /// Decide what holds for every number of participants.
    Prove,
}

/// What came of a task, and when it began.
struct Checked {
    found: Found,
    begun: Instant,
}

enum Found {
    Findings(Findings),
    Proofs(Vec<Proof>),
}

/// The designs of a protocol that are checked.
struct Designs {
    entry: &'static Entry,
    scope: Scope,
    own: Option<Box<dyn Target>>,
    variants: Vec<Variant>,
}

impl Designs {
    fn of((entry, selection): (&'static Entry, Selection), scope: Scope) -> Self {
        let (own, variants) = match selection {
            Selection::Own => (Some((entry.own)(scope)), Vec::new()),
            Selection::All => (Some((entry.own)(scope)), (entry.variants)()),
            Selection::One(variant) => (None, vec![*variant]),
        };
        Self { entry, scope, own, variants }
    }

    fn targets(&self) -> impl Iterator<Item = &dyn Target> {
        self.own.iter().chain(self.variants.iter().map(|variant| &variant.target)).map(|target| &**target)
    }

    fn tasks(&self) -> impl Iterator<Item = Task<'_>> {
        let is_own = (0..).map(|place| place == 0 && self.own.is_some());
        self.targets().zip(is_own).flat_map(move |(target, is_own)| {
            let task = move |work| Task { protocol: self.entry.name, target, is_own, work };
            (0..target.instance_count()).map(Work::Explore).chain(is_own.then_some(Work::Prove)).map(task)
        })
    }

    /// What came of each task, as a report.
    fn report(&self, checked: Vec<Checked>) -> ProtocolReport {
        let begun = checked.iter().map(|checked| checked.begun).min();
        let elapsed = begun.map_or(Duration::ZERO, |begun| begun.elapsed());
        let (mut found, mut proofs) = (Vec::new(), Vec::new());
        for checked in checked {
            match checked.found {
                Found::Findings(findings) => found.push(findings),
                Found::Proofs(of_own) => proofs = of_own,
            }
        }
        let mut found = found.into_iter();
        let mut found =
            self.targets().map(|target| target.join(found.by_ref().take(target.instance_count()).collect()));
        let own = self.own.as_ref().and_then(|_| found.next());
        let is_own = own.is_some();
        let mut others: Vec<Findings> = found.collect();
        let variants =
            self.variants.iter().zip(&others).map(|(variant, found)| VariantReport::of(variant, found)).collect();
        let findings = own.or_else(|| others.pop()).expect("at least one design is checked");
        let design = self.targets().next().map_or("", Target::name).to_owned();
        ProtocolReport { entry: self.entry, design, is_own, scope: self.scope, findings, proofs, variants, elapsed }
    }
}
