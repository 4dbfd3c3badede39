//! Contenders that take turns, so that whatever else the machine does hits all of them.

use rustix::time::{ClockId, clock_gettime};

use super::bench::Bench;
use super::contenders::{Contender, Floor, LengthDelimited, Ours, Raw};
use crate::heap::allocated;

const LENGTHS: [usize; 6] = [0, 64, 1 << 10, 16 << 10, 128 << 10, 1 << 20];

/// Rounds in which each contender has two turns: one forward, one back.
const ROUNDS: usize = 16;

#[derive(Clone, Copy)]
enum What {
    Send,
    Batch,
    Ping,
}

fn count(what: What, length: usize) -> usize {
    match what {
        What::Send => ((16 << 20) / (length + 8)).clamp(16, 20_000),
        // Many times what anybody gathers before writing.
        What::Batch => ((16 << 20) / (length + 8)).clamp(16, 200_000),
        What::Ping => 100,
    }
}

/// What a turn took: of the clock, and of the processors.
#[derive(Clone, Copy, Default)]
struct Took {
    wall: f64,
    cpu: f64,
}

fn turn<C: Contender>(bench: &mut Bench<C>, what: What, count: usize) -> Took {
    let before = clock_gettime(ClockId::ProcessCPUTime);
    let wall = match what {
        What::Send => bench.send(count, false),
        What::Batch => bench.send(count, true),
        What::Ping => bench.ping(count),
    };
    let cpu = clock_gettime(ClockId::ProcessCPUTime) - before;
    let cpu = cpu.tv_sec as f64 * 1e9 + cpu.tv_nsec as f64;
    Took { wall: wall.as_nanos() as f64 / count as f64, cpu: cpu / count as f64 }
}

fn median(numbers: impl Iterator<Item = f64>) -> f64 {
    let mut numbers: Vec<f64> = numbers.collect();
    numbers.sort_by(f64::total_cmp);
    numbers[numbers.len() / 2]
}

/// For each length: the time of each contender for a frame, and how many times as long the others take.
pub(crate) fn print(only: Option<usize>) {
    for (what, name) in [(What::Send, "each frame flushed"), (What::Batch, "batched"), (What::Ping, "there and back")] {
        let [ours, codec, raw, floor] = [Ours::NAME, LengthDelimited::NAME, Raw::NAME, Floor::NAME];
        println!("\n{name}: ns a frame by the clock, and ns of processors; theirs divided by ours\n");
        println!(
            "| bytes | {ours} | {codec} | {raw} | {floor} | {codec} / {ours} | {raw} / {ours} | {floor} / {ours} |"
        );
        println!("|---|---|---|---|---|---|---|---|");
        for length in LENGTHS.into_iter().filter(|length| only.is_none_or(|only| only == *length)) {
            row(what, length);
        }
    }
}

fn row(what: What, length: usize) {
    let rounds: Vec<[Took; 4]> = (0..ROUNDS).map(|_| round(what, length)).collect();
    let times = [0, 1, 2, 3].map(|who| {
        let wall = median(rounds.iter().map(|round| round[who].wall));
        format!("{wall:.0}, {:.0}", median(rounds.iter().map(|round| round[who].cpu)))
    });
    let ratios = [1, 2, 3].map(|who| {
        let wall = median(rounds.iter().map(|round| round[who].wall / round[0].wall));
        format!("{wall:.2}, {:.2}", median(rounds.iter().map(|round| round[who].cpu / round[0].cpu)))
    });
    println!("| {length} | {} | {} |", times.join(" | "), ratios.join(" | "));
}

/// Each contender's two turns, on connections of this round: how a connection goes is settled early, by how much the kernel
/// lets it have under way, and stays so.
fn round(what: What, length: usize) -> [Took; 4] {
    let count = count(what, length);
    let mut ours = Bench::<Ours>::new(length);
    let mut codec = Bench::<LengthDelimited>::new(length);
    let mut raw = Bench::<Raw>::new(length);
    let mut floor = Bench::<Floor>::new(length);
    let mut sums = [Took::default(); 4];
    // The first four warm up.
    for (number, who) in [0, 1, 2, 3, 0, 1, 2, 3, 3, 2, 1, 0].into_iter().enumerate() {
        let took = match who {
            0 => turn(&mut ours, what, count),
            1 => turn(&mut codec, what, count),
            2 => turn(&mut raw, what, count),
            _ => turn(&mut floor, what, count), // The fourth.
        };
        if number >= 4 {
            sums[who].wall += took.wall / 2.0;
            sums[who].cpu += took.cpu / 2.0;
        }
    }
    sums
}

/// Allocations of both ends together for each frame.
pub(crate) fn print_allocations() {
    println!("\nallocations of both ends for each frame (blocks, bytes)\n");
    println!("| bytes | handfast, flushed | tokio-util, flushed | handfast, batched | tokio-util, batched |");
    println!("|---|---|---|---|---|");
    for length in LENGTHS {
        let cells = [
            allocations::<Ours>(length, false),
            allocations::<LengthDelimited>(length, false),
            allocations::<Ours>(length, true),
            allocations::<LengthDelimited>(length, true),
        ];
        println!("| {length} | {} |", cells.join(" | "));
    }
}

fn allocations<C: Contender>(length: usize, batched: bool) -> String {
    let mut bench = Bench::<C>::new(length);
    let count = count(What::Send, length).min(2000);
    bench.send(count, batched);
    let before = allocated();
    bench.send(count, batched);
    let after = allocated();
    let a_frame = |before: usize, after: usize| (after - before) as f64 / count as f64;
    format!("{:.3}, {:.0}", a_frame(before.0, after.0), a_frame(before.1, after.1))
}
