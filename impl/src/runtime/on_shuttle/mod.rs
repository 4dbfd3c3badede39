//! shuttle, and what `shuttle-tokio` makes of tokio on it, with stand-ins for what these do not model.
//!
//! As they are: atomics, `watch`, the mutex of tasks, `select!`, abort handles. Stand-ins, because `shuttle-tokio` 1.0
//!
//! - lets every `sleep` end at its first poll, and takes the time from the clock of the machine, so that an execution
//!   cannot be repeated: [`time`] has a clock that only moves when a task of the environment [moves](environment::advance)
//!   it;
//! - fails the execution when a task panics, where tokio ends that task: [`task::spawn`] ends it, if the panic is one that
//!   the environment [meant](environment::fail);
//! - has nothing between what comes before `notify_one` and its effect: [`sync::Notify`] has a point there at which others
//!   run. `OnceLock` exists in neither, and gets such points too;
//! - wakes a task for a lock that it met while it was polled: [`sync::Mutex`] does not.
//!
//! And because all tasks share one thread: [`panicking`] asks whether it is this task that unwinds.
//!
//! For drivers to come: `mpsc`, `oneshot`, `Semaphore` and `JoinSet` of `shuttle-tokio` can be added as they are. Its `io` and
//! `net` are tokio's own and know nothing of schedules; a driver that is generic over `AsyncRead` and `AsyncWrite` needs a
//! pipe on shuttle's primitives to run over.

pub mod environment;
pub(crate) mod sync;
pub(crate) mod task;
pub(crate) mod time;

pub(crate) use shuttle_tokio::select;

use shuttle::current;
use shuttle::sync::atomic::{AtomicBool, Ordering};

/// A task that fails because the environment meant it to.
#[derive(Clone, Debug)]
struct Failing;

/// Whether this task unwinds. `std::thread::panicking` says whether any does.
pub(crate) fn panicking() -> bool {
    std::thread::panicking() && current::get_label_for_task::<Failing>(current::me()).is_some()
}

/// A point at which another task may be scheduled. Shuttle has one before each operation on an atomic.
fn scheduling_point() {
    AtomicBool::new(false).load(Ordering::SeqCst);
}
