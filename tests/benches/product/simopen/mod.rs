//! Negotiations beside their rival. See the README.

mod contenders;
mod counts;
mod original;
mod wire;

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::time::Duration;

use criterion::{BenchmarkId, Criterion};
use tokio::io::{AsyncRead, AsyncWrite, duplex};
use tokio::runtime::{Builder, Runtime};

use contenders::{Contender, PROPOSED, dial, listen};
pub(crate) use counts::count;

/// One after the other on the same connection, which every contender leaves positioned exactly.
async fn both<Io: AsyncRead + AsyncWrite + Unpin>(contender: Contender, ends: &mut (Io, Io), spoken: &[&str]) {
    tokio::join!(dial(contender, &mut ends.0), listen(contender, &mut ends.1, spoken));
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("there are threads")
}

/// A connection of the loopback, both ends in this runtime.
fn connected() -> (tokio::net::TcpStream, tokio::net::TcpStream) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("there is a loopback");
    let dialed = TcpStream::connect(listener.local_addr().expect("it is bound")).expect("somebody listens");
    let (accepted, _) = listener.accept().expect("somebody dialed");
    let registered = |stream: TcpStream| {
        stream.set_nonblocking(true).expect("it is a socket");
        stream.set_nodelay(true).expect("it is a TCP socket");
        tokio::net::TcpStream::from_std(stream).expect("there is a runtime")
    };
    (registered(dialed), registered(accepted))
}

fn one<Io: AsyncRead + AsyncWrite + Unpin>(criterion: &mut Criterion, wire: &str, connect: impl Fn() -> (Io, Io)) {
    for (proposals, spoken) in [(1, &PROPOSED[..]), (3, &PROPOSED[2..])] {
        let mut group = criterion.benchmark_group(format!("simopen/{wire}"));
        group.warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(1)).sample_size(20);
        for contender in [Contender::Ordinary, Contender::Crate, Contender::Dialer, Contender::Both] {
            let runtime = runtime();
            let mut ends = runtime.block_on(async { connect() });
            group.bench_function(BenchmarkId::new(contender.name(), format!("{proposals} proposed")), |bencher| {
                bencher.iter(|| runtime.block_on(both(contender, &mut ends, spoken)));
            });
        }
        group.finish();
    }
}

pub(crate) fn time(criterion: &mut Criterion) {
    one(criterion, "in memory", || duplex(4096));
    one(criterion, "loopback", connected);
}
