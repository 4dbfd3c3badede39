//! The queue between a node and the file of its record.

use std::io::{self, Write};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use examples::bitcoin_node::record::{self, QUEUE};
use tokio::runtime::Builder;
use tokio::time::timeout;

use crate::support::{STUCK, deadline};

/// A file that takes its first line when it may.
struct Slow {
    may_begin: Option<Receiver<()>>,
    written: Arc<Mutex<Vec<u8>>>,
}

impl Write for Slow {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Some(may_begin) = self.may_begin.take() {
            may_begin.recv().expect("it is told");
        }
        self.written.lock().unwrap_or_else(PoisonError::into_inner).extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_record_whose_file_is_too_slow_ends_and_lacks_nothing_before_its_end() {
    let _deadline = deadline("a queue to be full");
    let (begin, may_begin) = channel();
    let written = Arc::default();
    let file = Slow { may_begin: Some(may_begin), written: Arc::clone(&written) };
    let (mut lines, recording) = record::start(file);
    let mut sent = Vec::new();
    let error = loop {
        // One is with the thread.
        assert!(sent.len() <= 8 * (QUEUE + 1), "the queue has no end");
        let line = format!("{:07}\n", sent.len() / 8);
        match lines.write_all(line.as_bytes()) {
            Ok(()) => sent.extend(line.bytes()),
            Err(error) => break error,
        }
    };
    assert_eq!(error.to_string(), "its file is too slow");
    assert!(sent.len() >= 8 * QUEUE, "{} bytes were queued", sent.len());
    let runtime = Builder::new_current_thread().enable_time().build().expect("a runtime");
    runtime.block_on(async {
        let mut finished = std::pin::pin!(recording.finish());
        let early = timeout(Duration::from_millis(1), finished.as_mut()).await;
        assert!(early.is_err(), "the file has taken nothing");
        begin.send(()).expect("the file is waited for");
        timeout(STUCK, finished).await.expect("the file takes all").expect("it does not fail");
    });
    assert!(*written.lock().expect("nothing panicked") == sent, "what was queued is not what is in the file");
}

#[test]
fn a_file_that_fails_says_why_at_the_end() {
    let _deadline = deadline("a record without a file");
    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let (mut lines, recording) = record::start(Full);
    lines.write_all(b"line\n").expect("it is queued");
    let runtime = Builder::new_current_thread().enable_time().build().expect("a runtime");
    let result = runtime.block_on(async { timeout(STUCK, recording.finish()).await.expect("it ends") });
    assert_eq!(result.map_err(|error| error.kind()), Err(io::ErrorKind::StorageFull));
    let late = lines.write_all(b"line\n").map_err(|error| error.kind());
    assert_eq!(late, Err(io::ErrorKind::BrokenPipe));
}
