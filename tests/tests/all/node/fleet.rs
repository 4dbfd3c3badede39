//! Nodes in processes of their own, each connected to all others.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use rustix::process::Signal;
use socket2::{Domain, Socket, Type};

use super::explained;
use crate::cluster::{CLUSTER, numbers, said};
use crate::support::{Program, STUCK};

/// Processes of the example `cluster`. What they write is gone when this is dropped.
pub(super) struct Fleet {
    places: Vec<Place>,
    directory: PathBuf,
    more: Vec<String>,
}

struct Place {
    address: SocketAddr,
    /// Bound, and never listening: while the process is killed no other program gets its port.
    _reserved: Socket,
    /// How often it was started.
    starts: u32,
    program: Option<Program>,
}

impl Fleet {
    /// Starts so many processes, with further arguments.
    pub(super) fn start(name: &str, count: usize, more: &[&str]) -> Self {
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
        std::fs::create_dir_all(&directory).expect("it can be made");
        let places = (0..count).map(|_| Place::reserve()).collect();
        let more = more.iter().map(|&word| word.to_owned()).collect();
        let mut fleet = Self { places, directory, more };
        (0..count).for_each(|index| fleet.start_one(index));
        fleet
    }

    /// Starts a process anew, which connects to all others. Returns when it listens.
    pub(super) fn start_one(&mut self, index: usize) {
        let own = self.places[index].address.to_string();
        let others = self.places.iter().map(|place| place.address.to_string()).filter(|other| *other != own);
        let mut command = Command::new(CLUSTER);
        command.args(["--listen", &own]).args(others.flat_map(|other| ["--connect".to_owned(), other]));
        let place = &self.places[index];
        command.arg("--record").arg(self.directory.join(format!("{index}-{}", place.starts))).args(&self.more);
        let mut program = Program::start(&mut command);
        program.says("listening on ");
        let place = &mut self.places[index];
        place.starts += 1;
        place.program = Some(program);
    }

    pub(super) fn program(&mut self, index: usize) -> &mut Program {
        self.places[index].program.as_mut().expect("it runs")
    }

    /// Kills processes, all at once, and waits until they are gone.
    pub(super) fn kill(&mut self, killed: &[usize]) {
        let programs: Vec<_> = killed.iter().filter_map(|&index| self.places[index].program.take()).collect();
        programs.iter().for_each(|program| program.signal(Signal::KILL));
        for program in programs {
            assert!(!program.status().success(), "it was killed");
        }
    }

    /// Waits until a process says that it has so many sessions. What it has said before does not count.
    #[track_caller]
    pub(super) fn has_sessions(&mut self, index: usize, expected: u64) {
        let program = self.program(index);
        program.forget();
        // It may have been on its way.
        program.says("");
        let begun = Instant::now();
        loop {
            let line = program.says("");
            // Seconds, their tenths, nodes, sessions, frames, kills.
            if let [_, _, 1, sessions, _, 0] = numbers(&line)[..]
                && sessions == expected
            {
                return;
            }
            assert!(begun.elapsed() < STUCK, "waited {STUCK:?} for {expected} sessions of process {index}: {line}");
        }
    }

    /// Waits until all processes have sessions with all others.
    #[track_caller]
    pub(super) fn is_complete(&mut self) {
        let others = self.places.len() - 1;
        (0..self.places.len()).for_each(|index| self.has_sessions(index, others as u64));
    }

    /// Ends all processes in order. Of no frame that any of them wrote the loss is silent, and the models explain each log.
    pub(super) fn end(mut self) -> Accounts {
        let programs: Vec<_> = self.places.iter_mut().filter_map(|place| place.program.take()).collect();
        programs.iter().for_each(|program| program.signal(Signal::TERM));
        for program in programs {
            let lines = program.rest();
            let [_, _, _, silent, out_of_order] = said(&lines, "frames ")[..] else {
                panic!("five numbers: {lines:?}")
            };
            assert_eq!((silent, out_of_order), (0, 0), "{lines:?}");
        }
        let mut accounts = Accounts::default();
        for entry in std::fs::read_dir(&self.directory).expect("it was made") {
            let directory = entry.expect("it can be listed").path();
            accounts.read(&directory.join("ledger.txt"));
            let log = directory.join("node-0-0.ndjson");
            // A process that is killed early has written nothing.
            if std::fs::metadata(&log).expect("it was made").len() > 0 {
                explained(&log);
                accounts.logs += 1;
            }
        }
        accounts.check();
        accounts
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let _ = std::fs::remove_dir_all(&self.directory);
        }
    }
}

impl Place {
    fn reserve() -> Self {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("there is TCP");
        socket.set_reuse_address(true).expect("it can be set");
        socket.set_reuse_port(true).expect("it can be set");
        socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).expect("there is a loopback");
        let address = socket.local_addr().ok().and_then(|address| address.as_socket()).expect("it is bound");
        Self { address, _reserved: socket, starts: 0, program: None }
    }
}

/// What became of the frames of all sessions, by the number of one direction of one session.
#[derive(Default)]
pub(super) struct Accounts {
    directions: BTreeMap<u64, Direction>,
    /// Directions of which both ends have told what became of them.
    pub(super) both: usize,
    /// Directions of which the sender says that all has arrived.
    pub(super) clean: usize,
    /// Directions of which the sender says that frames may be lost.
    pub(super) unclean: usize,
    /// Logs that the models have explained.
    pub(super) logs: usize,
}

#[derive(Default)]
struct Direction {
    /// How many frames were sent, and whether all have arrived as far as the sender knows.
    sent: Option<(u64, bool)>,
    /// How many frames were read, and whether that was to the marker.
    read: Option<(u64, bool)>,
}

impl Accounts {
    fn read(&mut self, ledger: &Path) {
        let text = std::fs::read_to_string(ledger).unwrap_or_else(|error| panic!("{}: {error}", ledger.display()));
        for line in text.lines() {
            let words: Vec<_> = line.split(' ').collect();
            let [what @ ("sent" | "read"), direction, frames, is_whole] = words[..] else { panic!("{line:?}") };
            let direction = self.directions.entry(direction.parse().expect("it is a number")).or_default();
            let told = (frames.parse().expect("it is a number"), is_whole == "true");
            let end = if what == "sent" { &mut direction.sent } else { &mut direction.read };
            assert_eq!(end.replace(told), None, "an end tells once: {line:?}");
        }
    }

    /// A sender that says that all has arrived, and a receiver that has read to the marker, are right. Of an end that was
    /// killed nothing is known, and what it had is reported by the other one.
    fn check(&mut self) {
        for (number, direction) in &self.directions {
            if let Some((_, clean)) = direction.sent {
                self.clean += usize::from(clean);
                self.unclean += usize::from(!clean);
            }
            let (Some((sent, clean)), Some((read, complete))) = (direction.sent, direction.read) else { continue };
            self.both += 1;
            assert!(read <= sent, "direction {number}: {read} frames were read of {sent}");
            assert!(
                read == sent || !clean && !complete,
                "direction {number}: {} frames are silently lost",
                sent - read
            );
        }
    }
}
