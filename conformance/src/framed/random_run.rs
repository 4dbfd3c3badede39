//! Runs that dice decide: two drivers as users have them, each in tasks of its own, over a wire that remembers what happened.

use std::future::poll_fn;
use std::pin::pin;
use std::time::Duration;

use handfast::framed as product;
use handfast_spec::framed::{Action, End, Ending, FrameId, Output, Refusal, Shape};
use model::framed::Kernel;
use tokio::task::yield_now;
use tokio::time::{Instant, sleep, sleep_until};

use super::convert::{HALF, MAX_FRAME, ending, frame, given, outcome};
use super::driver::deadline;
use super::record::Record;
use super::wire::{Caller, Socket, Wire};
use crate::dice::Dice;

/// Halves that are read ahead at most; more than there are.
const KEEP: u16 = 1_000;

async fn pause(dice: &mut Dice) {
    match dice.roll(3) {
        0 => {}
        1 => yield_now().await,
        _ => sleep(Duration::from_millis(dice.roll(40))).await,
    }
}

/// Runs two ends that do whatever the dice say, to the end, and returns the log. To be called on a paused clock.
pub async fn random_run(seed: u64) -> String {
    let mut dice = Dice::new(seed);
    let kernel = Kernel {
        send: 1 + dice.roll(4),
        receive: 1 + dice.roll(4),
        purges: dice.roll(4) == 0,
        tells: dice.roll(4) > 0,
    };
    let frames: [u32; 2] = [dice.roll(4), dice.roll(4)];
    let discard: u16 = dice.roll(6);
    let soon = Instant::now() + Duration::from_millis(40 + dice.roll(500));
    let wire = Wire::recorded(kernel, Record::new(soon));
    let [left, right] = End::BOTH.map(|end| {
        let drain = product::Drain::default()
            .with_keep(usize::from(KEEP) * HALF)
            .with_discard(u64::from(discard) * HALF as u64)
            .with_linger(Duration::ZERO);
        let config = product::Config::default().with_max_frame(MAX_FRAME).with_write_buffer(1).with_drain(drain);
        let connection = product::Connection::new(wire.socket(end), config);
        live(Behaviour { end, wire: wire.clone(), frames: frames[end.index()], soon }, connection, dice.fork())
    });
    let network = carry(wire.clone(), dice.fork());
    tokio::select! {
        biased;
        ((), ()) = async { tokio::join!(left, right) } => {}
        () = network => unreachable!("a network has no end"),
    }
    wire.record(|record| record.log(kernel, frames, KEEP, discard))
}

async fn carry(wire: Wire, mut dice: Dice) {
    let slowest = if dice.roll(3) == 0 { 150 } else { 12 };
    loop {
        for from in End::BOTH {
            for _ in 0..dice.roll(4) {
                let _ = wire.carry(from);
            }
        }
        sleep(Duration::from_millis(dice.roll(slowest))).await;
        yield_now().await;
    }
}

struct Behaviour {
    end: End,
    wire: Wire,
    frames: u32,
    soon: Instant,
}

/// One end: it writes and reads, and then shuts down, or drops everything.
async fn live(behaviour: Behaviour, connection: product::Connection<Socket>, mut dice: Dice) {
    let Behaviour { end, ref wire, .. } = behaviour;
    let (reader, writer) = connection.into_split();
    let closer = writer.closer();
    let abandons = dice.roll(6) == 0;
    let leaves = dice.roll(4) == 0;
    let stops_after = if leaves || abandons { dice.roll(3) } else { usize::MAX };
    let (reads, writes, ends) = (dice.fork(), dice.fork(), dice.fork());
    let reading = read(&behaviour, reader, reads, stops_after, leaves);
    let writing = write(&behaviour, writer, writes);
    let shutting = shut_down(&behaviour, closer, ends);
    if abandons {
        // Two that neither read nor shut down may wait for each other for ever.
        let _ = tokio::time::timeout_at(behaviour.soon, async { tokio::join!(reading, writing) }).await;
        return;
    }
    let (reader, writer, closer) = tokio::join!(biased; reading, writing, shutting);
    // The socket is closed with the last of these.
    if let Some(reader) = reader {
        wire.record(|record| record.line(Action::Leave { end }, vec![Output::Left(end)]));
        drop(reader);
    }
    drop((writer, closer));
}

/// Reads until the end, or until it has had enough. The reader comes back if it was told of no end.
async fn read(
    Behaviour { end, wire, soon, .. }: &Behaviour,
    mut reader: product::Reader<Socket>,
    mut dice: Dice,
    stops_after: usize,
    leaves: bool,
) -> Option<product::Reader<Socket>> {
    let end = *end;
    for _ in 0..stops_after {
        pause(&mut dice).await;
        let patience = if dice.roll(3) == 0 { Some(Duration::from_millis(dice.roll(10))) } else { None };
        let read = async {
            let mut read = pin!(reader.read());
            poll_fn(|cx| {
                wire.called_by(Caller::Reader);
                let since = wire.record(|record| record.len());
                let read = read.as_mut().poll(cx);
                read.map(|read| (read, since))
            })
            .await
        };
        // A read that is dropped loses nothing.
        let (read, since) = match patience {
            Some(patience) => match tokio::time::timeout(patience, read).await {
                Ok(read) => read,
                Err(_) => continue,
            },
            None => read.await,
        };
        let output = match &read {
            Ok(Some(frame)) => Output::Delivered(end, given(frame).0),
            Ok(None) => Output::Ended(end, Ending::Marker),
            Err(error) => Output::Ended(end, ending(error)),
        };
        wire.record(|record| match output {
            Output::Ended(_, ending) if record.is_late(end, ending, since) => record.reader_expired(end, ending),
            output => record.gave(end, output, since),
        });
        if matches!(output, Output::Ended(..)) {
            return None;
        }
    }
    if !leaves {
        return Some(reader);
    }
    if dice.roll(3) == 0 {
        sleep_until(*soon - Duration::from_millis(dice.roll(30))).await;
    }
    wire.record(|record| record.line(Action::Leave { end }, vec![Output::Left(end)]));
    None
}

async fn write(
    Behaviour { end, wire, frames, .. }: &Behaviour,
    mut writer: product::Writer<Socket>,
    mut dice: Dice,
) -> product::Writer<Socket> {
    let end = *end;
    for number in 0..*frames {
        pause(&mut dice).await;
        let shape = if dice.roll(2) == 0 { Shape::Full } else { Shape::Empty };
        let action = Action::Write { end, shape };
        let accepted = writer.feed(frame(FrameId(number), shape)).await;
        match accepted {
            Ok(()) => wire.record(|record| record.line(action, vec![Output::Accepted(end, FrameId(number))])),
            Err(_) => {
                wire.record(|record| {
                    let why = if record.has_begun(end) { Refusal::ShutDown } else { Refusal::Broken };
                    record.refused(action, why);
                });
                return writer;
            }
        }
        // A flush that is dropped loses nothing.
        let patience = Duration::from_millis(dice.roll(40));
        if matches!(tokio::time::timeout(patience, writer.flush()).await, Ok(Err(_))) {
            return writer;
        }
    }
    writer
}

/// Shuts down at some time.
async fn shut_down(
    Behaviour { end, wire, soon, .. }: &Behaviour,
    closer: product::Closer<Socket>,
    mut dice: Dice,
) -> product::Closer<Socket> {
    let end = *end;
    sleep(Duration::from_millis(dice.roll(150))).await;
    wire.record(|record| record.begun(end));
    // What it owns is dropped by the caller, with the rest.
    let driven = closer.clone();
    let mut shutdown = Box::pin(async move { driven.shutdown(deadline(*soon)).await });
    let told = poll_fn(|cx| {
        let keeps = wire.record(|record| record.has_reader(end));
        wire.called_by(Caller::Shutdown { keeps });
        shutdown.as_mut().poll(cx)
    })
    .await;
    wire.record(|record| record.over(end, outcome(told)));
    drop(shutdown);
    closer
}
