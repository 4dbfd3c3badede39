//! Pools with the same connections in them: Unix sockets whose other end says nothing.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};

use deadpool::managed::{Manager, Metrics, RecycleResult};
use handfast::pool::{Config, Local, Pool, Pooled, WorkerHandle, Workers};
use parking_lot::Mutex;
use pingora_pool::{ConnectionMeta, ConnectionPool};
use tokio::net::UnixStream;

/// How many connections each worker brings.
const EACH: usize = 4;

/// The one destination.
const KEY: u64 = 1;

/// A pool under measurement.
pub(crate) trait Contender: Clone + Send + 'static {
    /// What a worker needs, and what is to live as long as its connections.
    type Local: 'static;

    /// Puts connections in.
    fn fill(&self, here: &WorkerHandle) -> Self::Local;

    /// Takes a connection and puts it back.
    async fn turn(&self, local: &mut Self::Local);

    /// Takes out as many as were put in.
    fn clear(&self, local: Self::Local);
}

/// Connections, and their other ends.
fn connections() -> (Vec<UnixStream>, Vec<UnixStream>) {
    (0..EACH).map(|_| UnixStream::pair().expect("there are descriptors")).unzip()
}

#[derive(Clone)]
pub(crate) struct Handfast(Pool<u64, UnixStream>);

impl Handfast {
    pub(crate) fn new(workers: &Workers, probe: bool) -> Self {
        let config = Config::default().with_probe(probe).with_descriptors(4096);
        Self(Pool::new(workers, config).expect("they run"))
    }
}

impl Contender for Handfast {
    type Local = (Local<u64, UnixStream>, Vec<UnixStream>);

    fn fill(&self, here: &WorkerHandle) -> Self::Local {
        let (ours, theirs) = connections();
        let local = self.0.local(here);
        for connection in ours {
            local.put(KEY, Pooled::new(connection)).expect("it is idle");
        }
        (local, theirs)
    }

    async fn turn(&self, (local, _): &mut Self::Local) {
        let taken = local.take(&KEY).expect("it has its own");
        local.put(KEY, taken).expect("it is idle");
    }

    fn clear(&self, (local, _): Self::Local) {
        for _ in 0..EACH {
            drop(local.take(&KEY));
        }
    }
}

/// What one writes first.
#[derive(Clone, Default)]
pub(crate) struct LockedMap(Arc<Mutex<HashMap<u64, Vec<UnixStream>>>>);

impl LockedMap {
    fn take(&self) -> Option<UnixStream> {
        self.0.lock().get_mut(&KEY).and_then(Vec::pop)
    }

    fn put(&self, connection: UnixStream) {
        self.0.lock().entry(KEY).or_default().push(connection);
    }
}

impl Contender for LockedMap {
    type Local = Vec<UnixStream>;

    fn fill(&self, _: &WorkerHandle) -> Self::Local {
        let (ours, theirs) = connections();
        ours.into_iter().for_each(|connection| self.put(connection));
        theirs
    }

    async fn turn(&self, _: &mut Self::Local) {
        let taken = self.take().expect("there are more than workers");
        self.put(taken);
    }

    fn clear(&self, _: Self::Local) {
        for _ in 0..EACH {
            drop(self.take());
        }
    }
}

static IDS: AtomicI32 = AtomicI32::new(0);

fn meta() -> ConnectionMeta {
    ConnectionMeta::new(KEY, IDS.fetch_add(1, Ordering::Relaxed))
}

/// pingora's pool, with nobody to notice that a server closes.
#[derive(Clone)]
pub(crate) struct Pingora(Arc<ConnectionPool<(ConnectionMeta, UnixStream)>>);

impl Default for Pingora {
    fn default() -> Self {
        Self(Arc::new(ConnectionPool::new(1024)))
    }
}

impl Contender for Pingora {
    type Local = Vec<UnixStream>;

    fn fill(&self, _: &WorkerHandle) -> Self::Local {
        let (ours, theirs) = connections();
        for connection in ours {
            let meta = meta();
            drop(self.0.put(&meta.clone(), (meta, connection)));
        }
        theirs
    }

    async fn turn(&self, _: &mut Self::Local) {
        let (meta, connection) = self.0.get(&KEY).expect("there are more than workers");
        drop(self.0.put(&meta.clone(), (meta, connection)));
    }

    fn clear(&self, _: Self::Local) {
        for _ in 0..EACH {
            drop(self.0.get(&KEY));
        }
    }
}

type Lockable = Arc<tokio::sync::Mutex<UnixStream>>;

/// pingora's pool as pingora uses it: a task watches each idle connection.
#[derive(Clone)]
pub(crate) struct Watched(Arc<ConnectionPool<(ConnectionMeta, Lockable)>>);

impl Default for Watched {
    fn default() -> Self {
        Self(Arc::new(ConnectionPool::new(1024)))
    }
}

impl Watched {
    fn put(&self, meta: ConnectionMeta, connection: Lockable) {
        let lock = Arc::clone(&connection).try_lock_owned().expect("it is the caller's");
        let (closed, used) = self.0.put(&meta.clone(), (meta.clone(), connection));
        let pool = Arc::clone(&self.0);
        tokio::task::spawn_local(async move { pool.idle_poll(lock, &meta, None, closed, used).await });
    }
}

impl Contender for Watched {
    type Local = Vec<UnixStream>;

    fn fill(&self, _: &WorkerHandle) -> Self::Local {
        let (ours, theirs) = connections();
        ours.into_iter().for_each(|connection| self.put(meta(), Arc::new(connection.into())));
        theirs
    }

    async fn turn(&self, _: &mut Self::Local) {
        let (meta, connection) = self.0.get(&KEY).expect("there are more than workers");
        // The watcher lets go of it.
        drop(connection.lock().await);
        self.put(meta, connection);
    }

    fn clear(&self, _: Self::Local) {
        for _ in 0..EACH {
            drop(self.0.get(&KEY));
        }
    }
}

pub(crate) struct Pairs;

impl Manager for Pairs {
    type Type = (UnixStream, UnixStream);
    type Error = Infallible;

    async fn create(&self) -> Result<Self::Type, Infallible> {
        Ok(UnixStream::pair().expect("there are descriptors"))
    }

    async fn recycle(&self, _: &mut Self::Type, _: &Metrics) -> RecycleResult<Infallible> {
        Ok(())
    }
}

/// deadpool, which has one destination and makes its connections itself.
#[derive(Clone)]
pub(crate) struct Deadpool(deadpool::managed::Pool<Pairs>);

impl Deadpool {
    pub(crate) fn new(workers: &Workers) -> Self {
        let pool = deadpool::managed::Pool::builder(Pairs).max_size(EACH * workers.len()).build();
        Self(pool.expect("it needs no runtime"))
    }
}

impl Contender for Deadpool {
    type Local = ();

    fn fill(&self, _: &WorkerHandle) -> Self::Local {}

    async fn turn(&self, (): &mut Self::Local) {
        drop(self.0.get().await.expect("it makes what is missing"));
    }

    fn clear(&self, (): Self::Local) {}
}
