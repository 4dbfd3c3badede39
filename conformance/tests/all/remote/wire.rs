//! What the tester records of a connection, and hands to its judge.

use std::time::Duration;

use conformance::remote::wire::{Heard, Link, Wire, Written};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

const LIMIT: Duration = Duration::from_secs(60);

/// Both ends of a connection: the tester's, and the implementation's.
async fn connected() -> (Link, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
    let address = listener.local_addr().expect("it is bound");
    let (ours, theirs) = tokio::join!(TcpStream::connect(address), listener.accept());
    (Link::new(Wire::Tcp(ours.expect("it listens"))), theirs.expect("it is dialed").0)
}

/// More than both buffers of a connection hold.
const MUCH: usize = 16 << 20;

/// The write may be told of the reset, or the read that goes on meanwhile: either way it is a reset to the next read.
#[tokio::test]
async fn a_reset_while_the_tester_writes_is_no_ordinary_end() {
    for reads in [true, false] {
        let (mut link, mut theirs) = connected().await;
        let resets = tokio::spawn(async move {
            theirs.write_all(b"last words").await.expect("the tester is there");
            theirs.read_exact(&mut [0; 1000]).await.expect("the tester writes");
            theirs.set_zero_linger().expect("it is a socket");
        });
        let mut heard = Vec::new();
        let bytes = vec![0; MUCH];
        let written = timeout(LIMIT, link.write(&bytes, reads.then_some(&mut heard), LIMIT)).await;
        assert_eq!(written, Ok(Written::Refused), "reads: {reads}, after {LIMIT:?} for a reset");
        while let Heard::Bytes(bytes) = link.read(LIMIT).await {
            heard.extend(bytes);
        }
        assert_eq!(heard, b"last words", "reads: {reads}");
        assert_eq!(link.read(LIMIT).await, Heard::Reset, "reads: {reads}");
        let resets_seen = link.trace.iter().filter(|passed| passed.text == "resets the connection").count();
        assert_eq!(resets_seen, 1, "reads: {reads}: {:?}", link.trace);
        resets.await.expect("it does not panic");
    }
}

/// What came behind the bytes of one read is recorded behind them.
#[tokio::test]
async fn an_end_while_the_tester_writes_is_recorded_behind_the_bytes_before_it() {
    let (mut link, mut theirs) = connected().await;
    let ends = tokio::spawn(async move {
        theirs.write_all(b"last words").await.expect("the tester is there");
        theirs.shutdown().await.expect("the tester is there");
        let _all = tokio::io::copy(&mut theirs, &mut tokio::io::sink()).await;
    });
    let mut heard = Vec::new();
    let written = link.write(&vec![0; MUCH], Some(&mut heard), LIMIT).await;
    assert_eq!((written, heard.as_slice()), (Written::All, &b"last words"[..]));
    assert_eq!(link.read(LIMIT).await, Heard::End);
    let by_it: Vec<_> = link.trace.iter().filter(|passed| passed.by == "implementation").collect();
    assert_eq!(
        by_it.iter().map(|passed| passed.text.as_str()).collect::<Vec<_>>(),
        ["\"last words\"", "ends its direction"]
    );
    drop(link);
    ends.await.expect("it does not panic");
}
