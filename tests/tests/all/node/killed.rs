//! Processes that are killed at random.

use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::seq::index::sample;
use rand::{Rng, SeedableRng};

use super::fleet::Fleet;
use crate::support::{deadline, one_storm_at_a_time};

const PROCESSES: usize = 3;

/// How many times processes are killed, if no time is given.
const KILLS: u32 = 8;

/// `HANDFAST_KILL_SECONDS=120 cargo test -p tests --test all node::killed` goes on for two minutes.
fn goes_on() -> impl Fn(u32) -> bool {
    let seconds = std::env::var("HANDFAST_KILL_SECONDS").ok().and_then(|seconds| seconds.parse().ok());
    let (begun, limit) = (Instant::now(), seconds.map(Duration::from_secs));
    move |kills| limit.map_or(kills < KILLS, |limit| begun.elapsed() < limit)
}

#[test]
fn processes_that_are_killed_at_random_find_each_other_again_and_lose_no_frame_silently() {
    let _deadline = deadline("processes that are killed to find each other again");
    let _storm = one_storm_at_a_time();
    let seed = rand::random();
    println!("seed {seed}: set HANDFAST_SEED to repeat the kills");
    let seed = std::env::var("HANDFAST_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(seed);
    let mut random = StdRng::seed_from_u64(seed);
    let mut fleet = Fleet::start("killed", PROCESSES, &["--interval", "20"]);
    fleet.is_complete();
    let (goes_on, mut kills) = (goes_on(), 0);
    while goes_on(kills) {
        kills += 1;
        // Each fourth time all of them, as operators do.
        let count = if kills.is_multiple_of(4) { PROCESSES } else { random.random_range(1..PROCESSES) };
        let killed = sample(&mut random, PROCESSES, count).into_vec();
        fleet.kill(&killed);
        killed.iter().for_each(|&index| fleet.start_one(index));
        match random.random_range(0..3) {
            // The next one is killed while it negotiates,
            0 => {}
            // when the processes gossip,
            1 => fleet.is_complete(),
            // or when one that was not killed may have noticed.
            _ => drop(fleet.program(random.random_range(0..PROCESSES)).says("")),
        }
    }
    fleet.is_complete();
    let accounts = fleet.end();
    println!(
        "{kills} kills; directions: {} told by both ends, {} said to be clean, {} not; {} logs",
        accounts.both, accounts.clean, accounts.unclean, accounts.logs
    );
    // The sessions of the end are told by both ends, each of which reads to the other's marker.
    assert!(accounts.both >= PROCESSES * (PROCESSES - 1) && accounts.clean >= PROCESSES - 1);
    assert!(accounts.unclean > 0, "what a killed process had is reported");
    assert!(accounts.logs >= PROCESSES);
}
