//! The storm over a protocol of descriptors.

use std::cell::RefCell;
use std::hint::black_box;
use std::io::{self, IsTerminal};
use std::os::unix::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

use super::options::{Options, PHASES, Points};
use super::oracle::{Oracle, descriptors};
use super::server::Servers;
use super::subject::Subject;
use super::worker::{Conn, Kernel, Worker};

/// What all workers see.
pub(crate) struct Storm<S> {
    pub(crate) subject: S,
    pub(crate) kernel: Arc<Kernel>,
    pub(crate) oracle: Arc<Oracle>,
    pub(crate) servers: Vec<SocketAddr>,
    pub(crate) patience: Duration,
    pub(crate) seed: u64,
    /// Each worker's idle connections, the newest last.
    pub(crate) lists: Vec<Mutex<Vec<Listed>>>,
    pub(crate) pace: Pace,
    /// The last connection's id.
    pub(crate) ids: AtomicU64,
}

/// An idle connection.
pub(crate) struct Listed {
    pub(crate) name: u64,
    pub(crate) conn: Arc<Conn>,
}

/// How fast, and for how long.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    /// Nanoseconds from one request of a worker to its next; 0 is as fast as can be.
    interval: AtomicU64,
    has_ended: AtomicBool,
}

impl Pace {
    pub(crate) fn interval(&self) -> Duration {
        Duration::from_nanos(self.interval.load(Ordering::Relaxed))
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.has_ended.load(Ordering::Acquire)
    }

    /// Goes through all phases, and says what was done in each; shorter if something was found. Too few takeovers in the
    /// time that there is for them are a fault.
    pub(crate) fn drive(&self, options: &Options, oracle: &Oracle) {
        println!("{:>6} {:>12} {:>12} {:>12}", "load", "responses/s", "takeovers/s", "opened/s");
        let deadline = Instant::now() + Duration::from_secs(options.seconds.get());
        for (load, number) in PHASES.into_iter().zip(1..) {
            self.interval.store(options.interval(load).as_nanos() as u64, Ordering::Relaxed);
            let counts = || {
                [&oracle.counts.responses, &oracle.counts.taken_over, &oracle.counts.opened]
                    .map(|count| count.load(Ordering::Relaxed))
            };
            let (begin, before) = (Instant::now(), counts());
            let goes_on = || match options.takeovers {
                // Each phase has the same share of them.
                Some(of) => {
                    counts()[1] < of.get() * number / PHASES.len() as u64
                        && !oracle.is_late(deadline, of.get(), options.seconds.get())
                }
                None => begin.elapsed() < options.phase(),
            };
            while goes_on() && !oracle.has_found() {
                // A request that is lost is found when it is missed, and time is what the storm is made of.
                std::thread::park_timeout(Duration::from_millis(20));
                if !options.quiet && io::stderr().is_terminal() {
                    eprint!("\r{load:>6} {:>5.1} s, {} responses ", begin.elapsed().as_secs_f64(), counts()[0]);
                }
            }
            if !options.quiet && io::stderr().is_terminal() {
                eprint!("\r{:60}\r", "");
            }
            let seconds = begin.elapsed().as_secs_f64();
            let [responses, takeovers, opened] =
                std::array::from_fn(|index| (counts()[index] - before[index]) as f64 / seconds);
            println!("{load:>6} {responses:>12.0} {takeovers:>12.0} {opened:>12.0}");
            if oracle.has_found() {
                break;
            }
        }
        self.has_ended.store(true, Ordering::Release);
    }
}

/// Runs it until its time is over or something was found.
pub(crate) fn run<S: Subject + 'static>(
    options: &Options,
    oracle: &Arc<Oracle>,
    make: impl FnOnce(&Arc<Kernel>) -> S,
) -> io::Result<()> {
    let before = descriptors();
    let servers = Servers::start(usize::from(options.servers.get()), options.timeout(), oracle)?;
    let kernel = Arc::new(Kernel::new(Arc::clone(oracle)));
    let workers = usize::from(options.workers.get());
    let storm = Arc::new(Storm {
        subject: make(&kernel),
        kernel,
        oracle: Arc::clone(oracle),
        servers: servers.addresses(),
        patience: options.patience(),
        seed: options.seed,
        lists: (0..workers).map(|_| Mutex::default()).collect(),
        pace: Pace::default(),
        ids: AtomicU64::new(0),
    });
    let start = |number| -> io::Result<JoinHandle<()>> {
        let mut worker = Worker::new(number, Arc::clone(&storm))?;
        Builder::new().name(format!("worker-{number}")).spawn(move || worker.run())
    };
    let threads = (0..workers).map(start).collect::<io::Result<Vec<_>>>()?;
    storm.pace.drive(options, oracle);
    for thread in threads {
        if thread.join().is_err() {
            return Err(io::Error::other("a worker has panicked"));
        }
    }
    servers.stop();
    drop(storm);
    oracle.conclude((before, descriptors()));
    Ok(())
}

// Wasting time between two steps of a protocol.

/// Where a thread is between two steps.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Point {
    /// It has looked at the masks, and has not changed them.
    AfterSyncLoop,
    /// It has dropped its running bit, and has not acted on what it saw.
    AfterClear,
    /// It is marked as running, and is not the owner.
    BetweenTakeoverSteps,
    /// Deletion has begun.
    BetweenDeleteSteps,
    /// The word was read, and is about to be changed.
    BeforeWord,
    /// The word was changed.
    AfterWord,
}

struct Setting {
    points: Points,
    seed: u64,
    threads: AtomicU64,
}

static SETTING: OnceLock<Setting> = OnceLock::new();

thread_local! {
    static CHANCE: RefCell<Option<SmallRng>> = const { RefCell::new(None) };
}

/// Once, before any thread comes to a point.
pub(crate) fn set(points: Points, seed: u64) {
    let _ = SETTING.set(Setting { points, seed, threads: AtomicU64::new(0) });
}

/// One time in four, if the setting says so.
pub(crate) fn reach(_: Point) {
    let Some(setting) = SETTING.get() else { return };
    if setting.points == Points::None {
        return;
    }
    let wait = CHANCE.with_borrow_mut(|chance| {
        let chance = chance.get_or_insert_with(|| {
            // Which thread gets which number differs between runs; a storm has no schedule that could be repeated.
            SmallRng::seed_from_u64(setting.seed ^ setting.threads.fetch_add(1, Ordering::Relaxed) << 32)
        });
        chance.random_ratio(1, 4).then(|| chance.random_range(0..100))
    });
    match (wait, setting.points) {
        (None, _) | (_, Points::None) => {}
        (Some(_), Points::Spin) => spin(),
        (Some(0..90), Points::Yield) => std::thread::yield_now(),
        (Some(_), Points::Yield) => std::thread::park_timeout(Duration::from_micros(50)),
    }
}

/// The seed's loop.
fn spin() {
    let mut rest = 10_000_u32;
    while black_box(rest) != 0 {
        rest = black_box(rest) - 1;
    }
}
