//! What a negotiation costs where a stopwatch says little: round trips, writes, bytes and blocks of memory. See the README.

use tokio::runtime::Builder;

use super::contenders::{Contender, PROPOSED, dial, listen};
use super::original;
use super::wire::{Calls, End, Ways, trips, wire};
use crate::heap::allocated;

pub(crate) fn count() {
    println!("| who | proposals | round trips | writes | reads | bytes | blocks | bytes of memory |");
    println!("|---|---|---|---|---|---|---|---|");
    // The timers of the driver need a runtime around them.
    let runtime = Builder::new_current_thread().enable_all().build().expect("there are threads");
    let _inside = runtime.enter();
    for (proposals, spoken) in [(1, &PROPOSED[..]), (3, &PROPOSED[2..])] {
        for contender in [Contender::Ordinary, Contender::Crate, Contender::Dialer, Contender::Both] {
            row(contender.name(), proposals, |ways, left, right| {
                trips(ways, dial(contender, left), listen(contender, right, spoken))
            });
        }
    }
    row("go-multistream's order, both dial", 1, |ways, left, right| {
        trips(ways, original::dial(left, PROPOSED[0], 7), original::dial(right, PROPOSED[0], 3))
    });
}

fn row(who: &str, proposals: usize, negotiate: impl Fn(&Ways, &mut End, &mut End) -> [usize; 2]) {
    let mut cells = None;
    // The first one has the runtime allocate what is its own; the wire's memory is there before it is counted.
    for _ in 0..2 {
        let (mut left, mut right) = wire();
        let ways = Ways::of(&left);
        ways.reserve();
        let before = allocated();
        let trips = negotiate(&ways, &mut left, &mut right);
        let after = allocated();
        cells = Some((trips, left.calls, right.calls, after.0 - before.0, after.1 - before.1));
    }
    let ([first, second], left, right, blocks, memory) = cells.expect("it was counted");
    let Calls { writes, bytes, reads, .. } = left;
    println!(
        "| {who} | {proposals} | {} | {} + {} | {} + {} | {} + {} | {} | {memory} |",
        first.max(second) as f64 / 2.0,
        writes,
        right.writes,
        reads,
        right.reads,
        bytes,
        right.bytes,
        blocks,
    );
}
