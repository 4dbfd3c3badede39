//! The table of descriptors on real threads and real sockets, as fast as they go.

mod life;
mod worker;

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use handfast::ownership::Table;

use crate::support::alone;
use life::Books;
use worker::{Place, Stressed, Tally};

/// More than there are processors on most machines that this runs on: a thread that was interrupted inside is worth two.
const WORKERS: u16 = 6;

/// Descriptors that all workers know of, at a time.
const PLACES: usize = 6;

const SEEDS: [u64; 4] = [1, 2, 3, 4];

/// For each seed.
const DURATION: Duration = Duration::from_millis(500);

/// Every worker enters, takes over and deletes what any of them has inserted, with tokens that are old already. What
/// goes on inside a descriptor, and its close, is written down in the descriptor's own book by whoever does it.
#[test]
fn opened_is_closed_and_nobody_is_inside_what_is_closed() {
    alone("workers that race for sockets", || SEEDS.into_iter().for_each(race));
}

fn race(seed: u64) {
    println!("seed {seed}");
    let before = open_descriptors();
    let books = Books::default();
    let table = Table::new(4096);
    let places: Vec<Place> = (0..PLACES).map(|_| Mutex::new(None)).collect();
    let end = Instant::now() + DURATION;
    let tallies = thread::scope(|scope| {
        let start = |number| {
            let mut worker = Stressed::new(number, seed, &table, &places, &books);
            scope.spawn(move || worker.run_until(end))
        };
        let workers: Vec<_> = (0..WORKERS).map(start).collect();
        workers.into_iter().map(|worker| worker.join().expect("no rule was broken")).collect::<Vec<Tally>>()
    });
    drop(places);
    drop(table);
    let sum = tallies.into_iter().fold(Tally::default(), Tally::and);
    println!("seed {seed}: {} opened under {} numbers, {sum:?}", books.opened(), sum.numbers.len());
    assert_eq!(books.opened(), books.closed(), "what was opened is closed, seed {seed}");
    assert_eq!(before, open_descriptors(), "descriptors of the process, seed {seed}");
    sum.has_seen_everything(books.opened());
}

/// The descriptors of this process that the kernel knows of.
fn open_descriptors() -> BTreeSet<String> {
    let list = std::fs::read_dir("/proc/self/fd").expect("Linux says which");
    let name = |entry: std::io::Result<std::fs::DirEntry>| {
        let path = entry.expect("it is a list").path();
        // That which reads the list is in it, and is closed by the time that one asks what it is.
        path.read_link().ok().map(|_| path.display().to_string())
    };
    list.filter_map(name).collect()
}
