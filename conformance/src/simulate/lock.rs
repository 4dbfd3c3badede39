//! Whether a lock is held while user code runs.

use std::fmt::{self, Debug, Formatter};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::Duration;

use tokio::runtime::Handle;

use super::oracle::{LOCK, Oracle};

/// In real time: how long a call may take on another thread before the lock is taken to be held by this one.
const PATIENCE: Duration = Duration::from_secs(1);

/// A call that takes a product's lock, to be made from user code. It is given the name of the thread that runs that code.
type Call = Arc<dyn Fn(&str) + Send + Sync>;

/// A call with the runtime that has its clock, the thread, and where it says that it is done.
type Job = (Call, Handle, String, mpsc::Sender<()>);

/// Makes a call that takes a lock from a thread of its own, so that a lock that this thread holds is noticed and does not
/// hang the run.
pub struct LockProbe {
    call: Mutex<Option<Call>>,
    jobs: Mutex<Option<mpsc::Sender<Job>>>,
    oracle: Oracle,
}

impl LockProbe {
    /// Makes a probe that makes no call yet.
    pub fn new(oracle: Oracle) -> Self {
        Self { call: Mutex::new(None), jobs: Mutex::new(None), oracle }
    }

    /// From now on this is the call.
    pub fn watch(&self, call: impl Fn(&str) + Send + Sync + 'static) {
        *self.call.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(call));
    }

    /// Makes no call any more.
    pub fn forget(&self) {
        let call = self.call.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(call);
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    /// Makes the call, as user code may, and notes if the lock is held.
    pub fn check(&self, who: &str) {
        let call = self.call.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let (Some(call), Ok(handle)) = (call, Handle::try_current()) else { return };
        // After the first finding the thread may still wait for the lock.
        if self.oracle.has_found() {
            return;
        }
        let (done, is_done) = mpsc::channel();
        let mut jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        let jobs = jobs.get_or_insert_with(start);
        let thread = std::thread::current().name().unwrap_or_default().to_owned();
        if jobs.send((call, handle, thread, done)).is_ok() && is_done.recv_timeout(PATIENCE).is_err() {
            self.oracle.broken(LOCK, format_args!("{who} runs under a lock: a call that takes it does not come back"));
        }
    }
}

fn start() -> mpsc::Sender<Job> {
    let (jobs, to_do) = mpsc::channel::<Job>();
    std::thread::spawn(move || {
        for (call, handle, thread, done) in to_do {
            let _entered = handle.enter();
            call(&thread);
            // What the call holds goes before the answer, so that nothing of a run outlives it here.
            drop(call);
            let _ = done.send(());
        }
    });
    jobs
}

impl Debug for LockProbe {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("LockProbe").finish_non_exhaustive()
    }
}
