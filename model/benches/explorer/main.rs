//! Our explorer against Stateright's, on the same models: how many states a second, and how many bytes of heap a state.
//!
//! `README.md` beside this directory says what the numbers mean and what they do not.

mod heap;
mod two_phase;

use core::hash::Hash;
use core::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput};
use handfast_spec::lifecycle::{Key, Limits, Origin, SessionId};
use model::checker::catalogue::Scope;
use model::checker::design::Checked;
use model::checker::explore::{Graph, Options, Packed, explore};
use model::lifecycle::handfast::{Bounds, Duplicates, Handfast, checked};
use model::ownership::handfast::instances;
use stateright::{Checker, Model, Property};

use two_phase::TwoPhase;

/// Two sessions with one key, and two subscribers that come and go.
const SMALL: Bounds = Bounds {
    keys: &[Key(0), Key(0)],
    duplicates: &[Duplicates::KeepNew],
    local: &[None],
    limits: &[Limits::new(2, 2)],
    other_limits: &[],
    origins: &[Origin::PLAIN],
    privileges: false,
    ranks: &[],
    capacity: 3,
    subscribers: 2,
    coming_and_going: (1, 2),
    bans: &[],
    network_bans: &[],
    ahead: &[SessionId(1)],
    aborts: true,
    shutdown: true,
};

/// The same with a selector that comes and goes too and two peers that get ahead.
const LARGE: Bounds = Bounds { coming_and_going: (0, 2), ahead: &[SessionId(0), SessionId(1)], ..SMALL };

fn main() {
    if std::env::args().any(|argument| argument == "--ownership") {
        return ownership();
    }
    let mut criterion = Criterion::default().sample_size(10).configure_from_args();
    println!("peak heap, bytes a state\n{:<24}{:<16}{:>10}{:>8}", "model", "engine", "states", "bytes");
    handfast(&mut criterion, "handfast, small", &SMALL);
    handfast(&mut criterion, "handfast, large", &LARGE);
    two_phase(&mut criterion, "two-phase commit of 7", TwoPhase { managers: 7 });
    criterion.final_summary();
}

/// Explores each instance of descriptor ownership once with one thread, for `tests/bench/spin.sh`. A line has scope and
/// instance, the numbers of states and edges, the seconds of processor time, and the peak heap in bytes.
fn ownership() {
    for scope in [Scope::Default, Scope::Large] {
        for instance in instances(scope) {
            let begun = processor_seconds();
            let (graph, bytes) = heap::peak(|| instance.checked.explore(&Options::default()));
            let (seconds, name) = (processor_seconds() - begun, instance.name.replace(' ', "-"));
            println!("{scope}/{name} {} {} {seconds:.3} {bytes}", graph.state_count(), graph.edge_count());
        }
    }
}

fn processor_seconds() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

fn handfast(criterion: &mut Criterion, name: &str, bounds: &Bounds) {
    let checked: Checked<Handfast> = checked(bounds);
    compare(criterion, name, checked.clone(), &|options| checked.explore(options));
}

fn two_phase(criterion: &mut Criterion, name: &str, model: TwoPhase) {
    let in_parts = |options: &Options<'_, _>| {
        explore(&model, &Options { store: Some(|| Box::new(Packed::default())), ..*options })
    };
    compare(criterion, name, model.clone(), &in_parts);
}

/// A model of which only the states are asked for: one property, which holds everywhere, or Stateright would not explore.
#[derive(Clone)]
struct Bare<M>(M);

impl<M: Model> Model for Bare<M> {
    type State = M::State;
    type Action = M::Action;

    fn init_states(&self) -> Vec<M::State> {
        self.0.init_states()
    }

    fn actions(&self, state: &M::State, actions: &mut Vec<M::Action>) {
        self.0.actions(state, actions);
    }

    fn next_state(&self, state: &M::State, action: M::Action) -> Option<M::State> {
        self.0.next_state(state, action)
    }

    fn next_steps(&self, state: &M::State) -> Vec<(M::Action, M::State)> {
        self.0.next_steps(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![Property::always("explored to the end", |_, _| true)]
    }
}

/// How one of our graphs is made.
type Ours<'a, M> = dyn Fn(&Options<'_, <M as Model>::State>) -> Graph<<M as Model>::State, <M as Model>::Action> + 'a;

/// Runs every engine on a model; all must find the same number of states. `ours` is our best way.
fn compare<M>(criterion: &mut Criterion, name: &str, model: M, ours: &Ours<'_, M>)
where
    M: Model + Clone + Send + Sync + 'static,
    M::State: Clone + Eq + Hash + Send + Sync + 'static,
    M::Action: Clone + Eq + Hash + Send + Sync,
{
    let bare = Bare(model.clone());
    let best = |threads| states(ours(&Options { threads, ..Options::default() }));
    let theirs = |threads: usize| bare.clone().checker().threads(threads);
    let engines: [(&str, &dyn Fn() -> usize); 6] = [
        ("ours", &|| best(1)),
        ("ours, 2 threads", &|| best(2)),
        ("ours, whole", &|| states(explore(&model, &Options::default()))),
        ("BFS", &|| theirs(1).spawn_bfs().join().unique_state_count()),
        ("DFS", &|| theirs(1).spawn_dfs().join().unique_state_count()),
        ("DFS, 2 threads", &|| theirs(2).spawn_dfs().join().unique_state_count()),
    ];
    let kept = ours(&Options::default());
    let (count, kept) = (kept.state_count(), kept.memory());
    for (engine, run) in engines {
        let (states, bytes) = heap::peak(run);
        assert_eq!(states, count, "{engine} must find the states of {name}");
        println!("{name:<24}{engine:<16}{states:>10}{:>8.1}", bytes as f64 / states as f64);
    }
    let a_state = |bytes| bytes as f64 / count as f64;
    println!(
        "{name:<24}of ours: states {:.1}, index {:.1}, edges {:.1}\n",
        a_state(kept.states),
        a_state(kept.index),
        a_state(kept.edges)
    );
    let mut group = criterion.benchmark_group(name);
    group.throughput(Throughput::Elements(count as u64));
    for (engine, run) in engines {
        group.bench_function(BenchmarkId::from_parameter(engine), |bencher| bencher.iter(|| black_box(run())));
    }
    group.finish();
}

/// How many states the graph has; it is kept until then.
fn states<S, A>(graph: Graph<S, A>) -> usize {
    black_box(graph).state_count()
}
