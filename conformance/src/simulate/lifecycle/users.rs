//! The code of users: what a handshake and a body do, and what calls back when it is dropped.

use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use handfast::lifecycle::{Greeting, Handshake, Reason, SessionContext};
use serde::{Deserialize, Serialize};
use tokio::time::sleep;

use super::canary::Canary;
use crate::log::Log;
use crate::simulate::executor::inject_panic;
use crate::simulate::lock::LockProbe;
use crate::simulate::oracle::Oracle;

pub(super) type Key = u32;

/// What users' code knows, and what it counts.
#[derive(Debug)]
pub(super) struct Users {
    pub(super) oracle: Oracle,
    pub(super) lock: LockProbe,
    pub(super) greeted: AtomicU64,
    pub(super) duplicates: AtomicU64,
    /// Infos and connections that are there.
    pub(super) infos: AtomicU64,
    pub(super) connections: AtomicU64,
}

impl Users {
    pub(super) fn new(oracle: &Oracle) -> Arc<Self> {
        Arc::new(Self {
            oracle: oracle.clone(),
            lock: LockProbe::new(oracle.clone()),
            greeted: AtomicU64::new(0),
            duplicates: AtomicU64::new(0),
            infos: AtomicU64::new(0),
            connections: AtomicU64::new(0),
        })
    }
}

/// What else a handshake says. Its drop calls the node, and may panic.
#[derive(Debug)]
pub(super) struct Info {
    pub(super) is_ahead: AtomicBool,
    panics: bool,
    users: Arc<Users>,
}

impl Info {
    fn new(users: &Arc<Users>, plans: &Handing) -> Self {
        users.infos.fetch_add(1, Relaxed);
        Self { is_ahead: AtomicBool::new(plans.is_ahead), panics: plans.info_panics, users: Arc::clone(users) }
    }
}

impl Drop for Info {
    fn drop(&mut self) {
        self.users.infos.fetch_sub(1, Relaxed);
        self.users.lock.check("the drop of an info");
        if self.panics && !std::thread::panicking() {
            self.users.oracle.saw("the drop of an info panics");
            self.users.oracle.since("the drop of an info has panicked");
            inject_panic();
        }
    }
}

/// What a handshake returns. Its drop calls the node.
pub(super) struct Connection(Arc<Users>);

impl Connection {
    fn new(users: &Arc<Users>) -> Self {
        users.connections.fetch_add(1, Relaxed);
        Self(Arc::clone(users))
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Relaxed);
        self.0.lock.check("the drop of a connection");
    }
}

/// What a session's handshake and body do. Times are in milliseconds.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Handing {
    pub(super) key: Key,
    pub(super) shakes: Shakes,
    pub(super) after: u64,
    pub(super) lives: Lives,
    pub(super) for_: u64,
    pub(super) is_ahead: bool,
    pub(super) info_panics: bool,
}

/// What a handshake does.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Shakes {
    Once,
    Twice,
    Silently,
    Badly,
    ForEver,
    /// It panics when it is called, before there is a future.
    PanicsAtOnce,
    Panics,
}

/// What a body does.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Lives {
    Shortly,
    UntilTold,
    ForEver,
    PanicsAtOnce,
    Panics,
}

fn pause(milliseconds: u64) -> tokio::time::Sleep {
    sleep(Duration::from_millis(milliseconds))
}

pub(super) fn handshake(
    users: Arc<Users>,
    plans: Handing,
) -> impl FnOnce(Handshake<Key, Info>) -> Shaking + Send + 'static {
    move |handshake| {
        if plans.shakes == Shakes::PanicsAtOnce {
            inject_panic();
        }
        Box::pin(shake(users, plans, handshake))
    }
}

type Shaking = std::pin::Pin<Box<dyn Future<Output = Result<Connection, ()>> + Send>>;
type Living = std::pin::Pin<Box<dyn Future<Output = Reason> + Send>>;

async fn shake(users: Arc<Users>, plans: Handing, handshake: Handshake<Key, Info>) -> Result<Connection, ()> {
    let connection = Connection::new(&users);
    if plans.after > 0 {
        pause(plans.after).await;
    }
    let mut was_heard = false;
    let mut says = |key| {
        let info = Info::new(&users, &plans);
        let said = catch_unwind(AssertUnwindSafe(|| handshake.handshake_done(key, info)));
        match &said {
            Ok(Ok(Greeting::First)) => users.greeted.fetch_add(1, Relaxed),
            Ok(Ok(Greeting::Again)) => users.duplicates.fetch_add(1, Relaxed),
            Ok(Err(_)) => 0,
            // The drop of an info that was not needed, behind the step that counts it.
            Err(_) => users.duplicates.fetch_add(u64::from(was_heard), Relaxed),
        };
        was_heard |= matches!(said, Ok(Ok(_)));
        said.map_or_else(|panic| resume_unwind(panic), drop);
    };
    match plans.shakes {
        Shakes::Once => says(plans.key),
        Shakes::Twice => {
            says(plans.key);
            says(plans.key + 1);
        }
        Shakes::Silently => {}
        Shakes::Badly => return Err(()),
        Shakes::ForEver => std::future::pending().await,
        Shakes::PanicsAtOnce | Shakes::Panics => inject_panic(),
    }
    Ok(connection)
}

pub(super) fn body(plans: Handing) -> impl FnOnce(SessionContext<Key, Info>, Connection) -> Living + Send + 'static {
    move |context, connection| {
        if plans.lives == Lives::PanicsAtOnce {
            inject_panic();
        }
        Box::pin(live(plans, context, connection))
    }
}

async fn live(plans: Handing, mut context: SessionContext<Key, Info>, connection: Connection) -> Reason {
    let _connection = connection;
    match plans.lives {
        Lives::Shortly => {
            pause(plans.for_).await;
            Reason::RemoteClosed
        }
        Lives::UntilTold => {
            let reason = context.told_to_end().await;
            pause(plans.for_ / 16).await;
            reason
        }
        Lives::ForEver => std::future::pending().await,
        Lives::PanicsAtOnce | Lives::Panics => {
            pause(plans.for_).await;
            inject_panic()
        }
    }
}

/// Where a node's record goes. It is written under the lock.
pub(super) struct Recording {
    pub(super) log: Log,
    pub(super) users: Arc<Users>,
    pub(super) canary: Option<Canary>,
    pub(super) lines: u32,
}

impl Write for Recording {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.lines += 1;
        match self.canary {
            Some(Canary::CallsUnderLock) if self.lines > 1 => self.users.lock.check("the writer of a record"),
            Some(Canary::LiesInRecord) if self.lines.is_multiple_of(5) => return Ok(bytes.len()),
            _ => {} // the others record what happens
        }
        self.log.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
