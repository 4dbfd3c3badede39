//! Logs of the pool.

use handfast_spec::Recorded;
use handfast_spec::ownership::pool::Action;
use serde::{Deserialize, Serialize};

use super::bounds::{Bounds, alphabet};
use super::{Config, Flaw, Pool};
use crate::checker::explain::Explains;

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
}

impl Header {
    pub(super) fn of(config: &Config) -> Self {
        let Config { threads, numbers, room, .. } = *config;
        Self { pool: Size { threads, numbers, room } }
    }
}

impl Explains for Pool {
    type Header = Header;

    fn starts(header: &Header) -> Vec<Recorded<Self>> {
        let Size { threads, numbers, room } = header.pool;
        let (puts, takes, alarms) = (u8::MAX, u8::MAX, u8::MAX);
        vec![Recorded::new(Pool::new(Config { threads, numbers, room, puts, takes, alarms, flaw: Flaw::None }))]
    }

    fn attempts(&self) -> Vec<Action> {
        let Config { threads, numbers, room, puts, takes, alarms, flaw } = *self.config();
        let (openers, stoppers, ages) = (threads, threads, true);
        let connections = self.next + 1;
        let bounds = Bounds { threads, numbers, connections, room, puts, takes, alarms, openers, stoppers, ages };
        alphabet(&bounds, flaw)
    }

    fn summary(&self) -> Vec<String> {
        format!("{self:?}").lines().map(str::to_owned).collect()
    }
}
