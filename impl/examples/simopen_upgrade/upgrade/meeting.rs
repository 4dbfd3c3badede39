//! Two ends that dial each other until they meet, which takes nobody's permission.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use handfast::simopen::{DialError, Dialer};
use tokio::net::TcpStream;
use tokio::time::sleep;

use super::UpgradeError;

/// How long two ends look for each other.
const PATIENCE: Duration = Duration::from_secs(20);

/// A connection, and how often it was tried.
pub struct Met {
    /// The connection.
    pub stream: TcpStream,
    /// How often this end dialed.
    pub attempts: u32,
}

/// Dials `to` from `from` until somebody is there: listening, or dialing this end at the same moment.
pub async fn meet(from: SocketAddr, to: SocketAddr) -> Result<Met, UpgradeError> {
    let dialer = Dialer::new(Some(from));
    let begin = Instant::now();
    let mut attempts = 0;
    loop {
        attempts += 1;
        match dialer.connect(to).await {
            Ok(dialed) => return Ok(Met { stream: dialed.stream, attempts }),
            Err(DialError::Connect { source, .. }) if is_early(&source) && begin.elapsed() < PATIENCE => {
                if to.ip().is_loopback() {
                    // A SYN is on its way for microseconds there: two cross only if both ends keep at it, out of step.
                    (0..rand::random_range(0..1_000)).for_each(|_| std::hint::spin_loop());
                } else {
                    sleep(dialer.backoff.wait(attempts, rand::random())).await;
                }
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// Whether nobody was there yet.
fn is_early(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionReset)
}

/// A port of the loopback that nobody has.
pub fn free_port() -> io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}
