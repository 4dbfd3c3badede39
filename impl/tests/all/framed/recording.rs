//! The record of one end: when it is written, and what becomes of its errors. That the model explains it is tested with the
//! model, in `tests`.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::task::Poll;

use handfast::framed::{Closer, Config, Connection, Outcome};

use super::support::{End, MARKER, frame, once, wire, within};

/// A writer whose clones share what was written.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().expect("no test panics in here").clone()).expect("it is text")
    }

    fn says(&self, word: &str) -> bool {
        self.text().contains(word)
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no test panics in here").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.write_all(b"\n")
    }
}

#[tokio::test(start_paused = true)]
async fn each_call_has_written_its_steps_when_it_returns() {
    let (end, peer) = wire::<true>();
    let log = Log::default();
    let mut connection = Connection::recorded(end, Config::default(), log.clone());
    assert!(log.text().starts_with(r#"{"at":0,"protocol":"framed","end":{"tells":true,"answers":false}}"#));
    connection.feed(frame(1, 3)).await.expect("there is room");
    assert!(log.says(r#"{"accepted":["left",0]}"#) && !log.says("handed"), "{}", log.text());
    connection.flush().await.expect("there is room");
    assert_eq!(log.text().matches("handed").count(), 4, "{}", log.text());
    peer.send_frame(&frame(2, 0));
    peer.send(&MARKER);
    assert_eq!(connection.read().await, Ok(Some(frame(2, 0))));
    assert!(log.says(r#"{"delivered":["left",{"frame":0}]}"#) && !log.says("ended"), "{}", log.text());
    assert_eq!(connection.read().await, Ok(None));
    assert!(log.says(r#"{"ended":["left","marker"]}"#), "{}", log.text());
    let closer = connection.closer();
    assert_eq!(connection.shutdown(within(5)).await, Outcome::Clean);
    assert!(log.says(r#"{"over":["left","clean"]}"#) && !log.says("closed"), "{}", log.text());
    drop(closer);
    assert!(
        log.text().ends_with("{\"accepted\":[{\"closed\":\"left\"}]}}\n\n"),
        "closed, then flushed: {}",
        log.text()
    );
}

/// What a deadline decides comes behind its passing.
#[tokio::test(start_paused = true)]
async fn the_passing_of_a_deadline_is_entered_before_what_it_decides() {
    let (end, peer) = wire::<true>();
    peer.ours.get().send_room = 0;
    let log = Log::default();
    let mut connection = Connection::recorded(end, Config::default(), log.clone());
    connection.feed(frame(1, 3)).await.expect("there is room");
    assert!(matches!(connection.shutdown(within(5)).await, Outcome::DeadlineExceeded { .. }));
    let text = log.text();
    let (passed, over) = (text.find(r#""passed""#), text.find(r#""over""#));
    assert!(passed.is_some() && passed < over, "{text}");
}

/// A writer that calls the connection whose record it writes.
struct CallsBack {
    closer: Arc<Mutex<Option<Closer<End<true>>>>>,
    busy: Arc<Mutex<Vec<io::ErrorKind>>>,
}

impl Write for CallsBack {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let closer = self.closer.lock().expect("no test panics in here").clone();
        if let Some(closer) = closer {
            assert!(once(closer.shutdown(within(1))).is_pending() || closer.outcome().is_some());
            self.busy
                .lock()
                .expect("no test panics in here")
                .extend(closer.flush_record().map_err(|error| error.kind()).err());
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// No lock is held while foreign code runs: it would wait for itself.
#[tokio::test(start_paused = true)]
async fn the_writer_of_a_record_may_call_its_connection() {
    let (end, peer) = wire::<true>();
    let (closer, busy) = (Arc::default(), Arc::default());
    let out = CallsBack { closer: Arc::clone(&closer), busy: Arc::clone(&busy) };
    let mut connection = Connection::recorded(end, Config::default(), out);
    *closer.lock().expect("no test panics in here") = Some(connection.closer());
    connection.feed(frame(1, 3)).await.expect("there is room, and the shutdown that begins meanwhile comes behind it");
    assert!(connection.feed(frame(1, 3)).await.is_err_and(|error| error.is_shutdown()));
    peer.finish();
    assert!(connection.read().await.is_err());
    let busy = busy.lock().expect("no test panics in here").clone();
    assert!(!busy.is_empty() && busy.iter().all(|kind| *kind == io::ErrorKind::WouldBlock), "{busy:?}");
    closer.lock().expect("no test panics in here").take();
    assert_eq!(connection.shutdown(within(1)).await, Outcome::Clean);
}

/// A writer that takes so many bytes, and then fails or panics.
struct Fails(usize, fn() -> io::Result<usize>);

impl Write for Fails {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.checked_sub(bytes.len()).map_or_else(|| (self.1)().map(|_| 0), Ok)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn an_error_of_the_record_is_told_when_it_is_flushed_and_changes_nothing_else() {
    let (end, peer) = wire::<true>();
    let out = Fails(100, || Err(io::ErrorKind::StorageFull.into()));
    let mut connection = Connection::recorded(end, Config::default(), out);
    connection.flush_record().expect("there is room for the first line");
    connection.write(frame(1, 3)).await.expect("the record is no concern of the call's");
    let error = connection.flush_record().expect_err("the record has a gap");
    assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    assert!(connection.flush_record().is_err(), "and so it stays");
    peer.send(&MARKER);
    assert_eq!(connection.read().await, Ok(None));
    assert_eq!(connection.shutdown(within(5)).await, Outcome::Clean);
}

#[tokio::test(start_paused = true)]
async fn a_writer_that_panics_is_not_called_again() {
    let (end, _peer) = wire::<true>();
    let out = Fails(100, || panic!("the writer was asked for too much"));
    let mut connection = Connection::recorded(end, Config::default(), out);
    let panicked = tokio::spawn(async move {
        let feed = || once(connection.feed(frame(1, 3))).is_ready();
        let fed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(feed));
        (fed.is_err(), connection)
    });
    let (panicked, mut connection) = panicked.await.expect("it is caught");
    assert!(panicked, "the panic is the caller's");
    assert!(connection.flush_record().is_err());
    assert!(matches!(once(connection.write(frame(1, 3))), Poll::Ready(Ok(()))), "the connection goes on");
}

/// What the model has no words for ends the record, and not the connection.
#[tokio::test(start_paused = true)]
async fn a_shutdown_that_drops_more_than_the_model_counts_ends_the_record() {
    let (end, peer) = wire::<true>();
    let log = Log::default();
    let connection = Connection::recorded(end, Config::default(), log.clone());
    let closer = connection.closer();
    for _ in 0..40_000 {
        peer.send(&[0, 0, 0, 1, 0, 0, 0, 0]);
    }
    peer.send(&MARKER);
    peer.finish();
    assert_eq!(connection.shutdown(within(5)).await, Outcome::Clean);
    let error = closer.flush_record().expect_err("it has ended");
    assert!(error.to_string().contains("numbers"), "{error}");
    assert_eq!(log.text().matches("discarded").count(), 65_535);
    assert!(!log.says("over"), "behind the gap nothing is written");
}

#[tokio::test(start_paused = true)]
async fn without_a_record_nothing_is_flushed() {
    let (end, _peer) = wire::<true>();
    let connection = Connection::new(end, Config::default());
    connection.flush_record().expect("there is nothing to flush");
    connection.closer().flush_record().expect("there is nothing to flush");
}
