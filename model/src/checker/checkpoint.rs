//! Checkpoints: a file from which a run that was ended goes on.
//!
//! The file begins with a line that says what it is, the hash of the program and what was asked of it. Then come the
//! explorations in the order of the run: those that ended, each with the searches of the second engine that agreed about
//! it, and the one that went on when the file was written. The hash of all that comes last, so that a file that is torn
//! or changed is told. It protects from accidents; whoever means to deceive can compute it too.
//!
//! A new file is written beside the old one, brought to the disk, and takes its place in one step.

use std::fs::{self, File};
use std::hash::Hasher;
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use siphasher::sip128::{Hasher128, SipHasher24};

use crate::checker::cross_check::Engine;
use crate::checker::explore::{Keeper, Numbers, Snapshot};

/// The first line of a file.
const MAGIC: &[u8] = b"handfast checkpoint 1\n";

/// How many bytes the hash at the end takes.
const SUM: usize = size_of::<u128>();

/// Of the time of a run, writing takes at most one part in so many.
const SHARE: u32 = 32;

/// What a file belongs to. It serves no other run.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Run {
    /// A hash of the program, which is another one when a model changes.
    pub program: u128,
    /// What was asked of it: protocols, designs and scope.
    pub asked: String,
}

impl Run {
    /// This program, asked for this.
    ///
    /// # Errors
    ///
    /// If the file of the program cannot be read.
    pub fn of_this_program(asked: String) -> io::Result<Self> {
        let program = fs::read(std::env::current_exe()?)?;
        Ok(Self { program: sum(&program), asked })
    }
}

/// Why a checkpoint cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// It cannot be read or removed.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// It is something else.
    #[error("{0} is no checkpoint of this program")]
    Foreign(String),
    /// Its hash is not that of what is in it.
    #[error("{0} is torn or was changed: its checksum is not right; remove it to begin anew")]
    Damaged(String),
    /// The models may be other ones.
    #[error("{0} was written by another build of this program; remove it to begin anew")]
    OtherProgram(String),
    /// Something else was asked for.
    #[error("{path} is of `{theirs}` and not of `{ours}`")]
    OtherRun {
        /// The file.
        path: String,
        /// What it is of.
        theirs: String,
        /// What is asked for now.
        ours: String,
    },
}

/// The checkpoints of a run.
pub struct Checkpoint<'a> {
    path: PathBuf,
    run: Run,
    /// How much time there is between two at least.
    interval: Duration,
    /// Is told what is written and read.
    say: &'a (dyn Fn(&str) + Sync),
    state: Mutex<State>,
}

struct State {
    /// What an earlier run kept and nothing asked for yet.
    kept: Vec<Kept>,
    /// The exploration that goes on.
    current: String,
    /// The length of the file's part that stays: its head, and the explorations that ended.
    settled: u64,
    /// The explorations that ended since the file was written.
    ended: Vec<u8>,
    /// When it may be written again.
    due: Instant,
}

/// What is written before the snapshot of an exploration.
#[derive(Debug, Deserialize, Serialize)]
struct Heading {
    name: String,
    /// If the exploration ended, the searches of the second engine that agreed about it.
    agreed: Option<Vec<Engine>>,
}

struct Kept {
    heading: Heading,
    snapshot: Option<Snapshot>,
}

impl<'a> Checkpoint<'a> {
    /// Checkpoints of a run in a file, at most one in each `interval`, and after every level if it is zero. If the file is
    /// there, the run goes on from it.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, is no checkpoint, is damaged, or belongs to another run.
    pub fn open(
        path: &Path,
        run: Run,
        interval: Duration,
        say: &'a (dyn Fn(&str) + Sync),
    ) -> Result<Self, CheckpointError> {
        let (kept, settled) = match fs::read(path) {
            Ok(bytes) => read(&path.display().to_string(), &bytes, &run)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => (Vec::new(), 0),
            Err(source) => return Err(CheckpointError::File { path: path.display().to_string(), source }),
        };
        let due = Instant::now() + interval;
        let state = Mutex::new(State { kept, current: String::new(), settled, ended: Vec::new(), due });
        Ok(Self { path: path.to_owned(), run, interval, say, state })
    }

    /// Says which exploration begins, under a name that no other one of the run has. One goes on at a time.
    pub fn begin(&self, name: String) {
        self.lock().current = name;
    }

    /// Returns the searches of the second engine that agreed about the current exploration, if it ended in an earlier run.
    pub fn agreed(&self) -> Option<Vec<Engine>> {
        let state = self.lock();
        let kept = state.kept.iter().find(|kept| kept.heading.name == state.current);
        kept.and_then(|kept| kept.heading.agreed.clone())
    }

    /// Says that the current exploration ended, and which searches of the second engine agreed about it.
    pub fn end(&self, search: &Numbers<'_>, agreed: &[Engine]) {
        let mut state = self.lock();
        let heading = Heading { name: state.current.clone(), agreed: Some(agreed.to_vec()) };
        section(&heading, search, &mut state.ended).expect("memory takes everything");
        self.write_if_due(&mut state, None);
    }

    /// Removes the file, because the run is over.
    ///
    /// # Errors
    ///
    /// If there is a file and it cannot be removed.
    pub fn remove(&self) -> Result<(), CheckpointError> {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => {
                removed.map_err(|source| CheckpointError::File { path: self.path.display().to_string(), source })
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A file that cannot be written is no reason to give up what was found.
    fn write_if_due(&self, state: &mut State, current: Option<&Numbers<'_>>) {
        let begun = Instant::now();
        if begun < state.due {
            return;
        }
        let path = self.path.display();
        match self.write(state, current) {
            Ok(()) => {
                let place = current.map_or("its end".to_owned(), describe);
                (self.say)(&format!("{path}: {} is kept at {place}", state.current));
            }
            Err(error) => (self.say)(&format!("{path}: {} is not kept: {error}", state.current)),
        }
        let took = begun.elapsed();
        let pause =
            if self.interval.is_zero() { Duration::ZERO } else { self.interval.max(took.saturating_mul(SHARE)) };
        state.due = Instant::now() + pause;
    }

    fn write(&self, state: &mut State, current: Option<&Numbers<'_>>) -> io::Result<()> {
        let mut beside = self.path.clone().into_os_string();
        beside.push(".new");
        let file = Summing { out: File::create(&beside)?, sum: SipHasher24::new(), written: 0 };
        let mut out = BufWriter::new(file);
        if state.settled == 0 {
            out.write_all(MAGIC)?;
            postcard::to_io(&self.run, &mut out).map_err(io::Error::other)?;
        } else {
            io::copy(&mut File::open(&self.path)?.take(state.settled), &mut out)?;
        }
        out.write_all(&state.ended)?;
        out.flush()?;
        let settled = out.get_ref().written;
        if let Some(search) = current {
            section(&Heading { name: state.current.clone(), agreed: None }, search, &mut out)?;
        }
        let Summing { out: mut file, sum, .. } = out.into_inner()?;
        file.write_all(&sum.finish128().as_u128().to_le_bytes())?;
        file.sync_all()?;
        fs::rename(&beside, &self.path)?;
        // The step is on the disk when the directory is.
        let directory = self.path.parent().filter(|parent| !parent.as_os_str().is_empty());
        File::open(directory.unwrap_or(Path::new(".")))?.sync_all()?;
        state.settled = settled;
        state.ended.clear();
        Ok(())
    }
}

impl Keeper for Checkpoint<'_> {
    fn kept(&self) -> Option<Snapshot> {
        let mut state = self.lock();
        let State { kept, current, .. } = &mut *state;
        let kept = kept.iter_mut().find(|kept| kept.heading.name == *current)?;
        let snapshot = kept.snapshot.take()?;
        let (levels, edges) = (snapshot.levels(), snapshot.edges());
        (self.say)(&format!("{}: {current} goes on from level {levels}, {edges} edges", self.path.display()));
        Some(snapshot)
    }

    fn level(&self, search: &Numbers<'_>) {
        self.write_if_due(&mut self.lock(), Some(search));
    }

    fn refuse(&self) {
        let mut state = self.lock();
        let State { kept, current, .. } = &mut *state;
        kept.retain(|kept| kept.heading.name != *current);
        (self.say)(&format!("{}: what was kept of {current} is not what it does: it begins anew", self.path.display()));
    }
}

fn describe(search: &Numbers<'_>) -> String {
    format!("level {}, {} states, {} edges", search.levels(), search.states(), search.edges())
}

/// Writes a part of the file that is about one exploration.
fn section(heading: &Heading, search: &Numbers<'_>, mut out: impl Write) -> io::Result<()> {
    postcard::to_io(heading, &mut out).map_err(io::Error::other)?;
    postcard::to_io(search, &mut out).map_err(io::Error::other)?;
    Ok(())
}

/// What is in a file of this run, and the length of its part that stays.
fn read(path: &str, bytes: &[u8], run: &Run) -> Result<(Vec<Kept>, u64), CheckpointError> {
    let damaged = || CheckpointError::Damaged(path.to_owned());
    if !bytes.starts_with(MAGIC) {
        return Err(CheckpointError::Foreign(path.to_owned()));
    }
    let (body, expected) = bytes.split_last_chunk::<SUM>().ok_or_else(damaged)?;
    if sum(body).to_le_bytes() != *expected {
        return Err(damaged());
    }
    let body = body.get(MAGIC.len()..).ok_or_else(damaged)?;
    let (theirs, mut rest) = postcard::take_from_bytes::<Run>(body).map_err(|_| damaged())?;
    if theirs.asked != run.asked {
        let (theirs, ours) = (theirs.asked, run.asked.clone());
        return Err(CheckpointError::OtherRun { path: path.to_owned(), theirs, ours });
    }
    if theirs.program != run.program {
        return Err(CheckpointError::OtherProgram(path.to_owned()));
    }
    let length = |rest: &[u8]| (MAGIC.len() + body.len() - rest.len()) as u64;
    let (mut kept, mut settled) = (Vec::new(), length(rest));
    while !rest.is_empty() {
        let (heading, after) = postcard::take_from_bytes::<Heading>(rest).map_err(|_| damaged())?;
        let (snapshot, after) = postcard::take_from_bytes(after).map_err(|_| damaged())?;
        rest = after;
        if heading.agreed.is_some() {
            settled = length(rest);
        }
        kept.push(Kept { heading, snapshot: Some(snapshot) });
    }
    Ok((kept, settled))
}

fn sum(bytes: &[u8]) -> u128 {
    let mut hasher = SipHasher24::new();
    hasher.write(bytes);
    hasher.finish128().as_u128()
}

/// Writes, and sums up what is written.
struct Summing<W> {
    out: W,
    sum: SipHasher24,
    written: u64,
}

impl<W: Write> Write for Summing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.out.write(bytes)?;
        self.sum.write(&bytes[..count]);
        self.written += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
