//! Framed connections beside their rivals. See the README.

mod bench;
mod contenders;
mod counts;
mod losses;
mod ratios;
mod syscalls;

use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput};

use bench::Bench;
use contenders::{Contender, Floor, LengthDelimited, Ours, Raw};
pub(crate) use counts::count;
pub(crate) use syscalls::{ONE, one as one_run};

const LENGTHS: [usize; 6] = [0, 64, 1 << 10, 16 << 10, 128 << 10, 1 << 20];

/// Frames that take about a millisecond or more.
fn frames(length: usize) -> usize {
    ((8 << 20) / (length + 8)).clamp(8, 4000)
}

#[derive(Clone, Copy)]
enum What {
    Send,
    Batch,
    Ping,
}

fn one<C: Contender>(criterion: &mut Criterion, what: What, length: usize) {
    let name = match what {
        What::Send => "each frame flushed",
        What::Batch => "batched",
        What::Ping => "there and back",
    };
    let mut group = criterion.benchmark_group(format!("framed/{name}"));
    group.warm_up_time(Duration::from_millis(200)).measurement_time(Duration::from_secs(1)).sample_size(15);
    let count = match what {
        What::Send | What::Batch => frames(length),
        What::Ping => 20,
    };
    group.throughput(Throughput::Elements(count as u64));
    let mut bench = Bench::<C>::new(length);
    group.bench_function(BenchmarkId::new(C::NAME, length), |bencher| {
        bencher.iter_custom(|times| {
            (0..times)
                .map(|_| match what {
                    What::Send => bench.send(count, false),
                    What::Batch => bench.send(count, true),
                    What::Ping => bench.ping(count),
                })
                .sum()
        });
    });
    group.finish();
}

pub(crate) fn time(criterion: &mut Criterion) {
    for what in [What::Send, What::Batch, What::Ping] {
        for length in LENGTHS {
            one::<Ours>(criterion, what, length);
            one::<LengthDelimited>(criterion, what, length);
            one::<Raw>(criterion, what, length);
            one::<Floor>(criterion, what, length);
        }
    }
}
