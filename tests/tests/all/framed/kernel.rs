//! What is taken for granted of TCP on Linux. Each test has the number of the measurement that it repeats.
//!
//! `x` closes; `y` is its peer.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use handfast::framed::Transport;
use rustix::io::ioctl_fionread;

use super::support::{await_arrival, await_reset, drain, fill, outstanding, pair, registered, reset};
use crate::support::deadline;

const RESET: Option<ErrorKind> = Some(ErrorKind::ConnectionReset);

/// Both ends, with ten bytes that `x` has not read.
fn with_unread_input() -> (TcpStream, TcpStream) {
    let (x, mut y) = pair(None);
    y.write_all(&[1; 10]).expect("there is room");
    await_arrival(&x, 10);
    (x, y)
}

/// What was written and had not arrived is lost, and the reader is told of a reset.
fn is_cut_short(y: &mut TcpStream, written: usize) {
    await_reset(y);
    let (read, end) = drain(y);
    println!("{written} bytes were written, {read} arrived");
    assert!(read < written);
    assert_eq!(end, RESET);
}

#[test]
fn k1_what_had_arrived_survives_the_reset_of_a_close_with_unread_input() {
    let _deadline = deadline("a reset and what had arrived before it");
    let (mut x, mut y) = with_unread_input();
    x.write_all(&[2; 1000]).expect("there is room");
    await_arrival(&y, 1000);
    drop(x);
    await_reset(&y);
    assert_eq!(drain(&mut y), (1000, RESET));
}

#[test]
fn k1b_whoever_writes_takes_the_reset_and_the_reader_sees_an_end_in_order() {
    let _deadline = deadline("a reset, and an end in order");
    let (mut x, mut y) = with_unread_input();
    x.write_all(&[2; 1000]).expect("there is room");
    await_arrival(&y, 1000);
    drop(x);
    await_reset(&y);
    assert_eq!(y.write(&[3]).map_err(|error| error.kind()), Err(ErrorKind::ConnectionReset));
    assert_eq!(drain(&mut y), (1000, None));
}

#[test]
fn k2_a_close_with_unread_input_destroys_what_was_written_and_had_not_arrived() {
    let _deadline = deadline("a reset of a close with unread input");
    let (mut x, mut y) = with_unread_input();
    let written = fill(&mut x);
    drop(x);
    is_cut_short(&mut y, written);
}

#[test]
fn k2b_a_close_without_unread_input_destroys_nothing() {
    let _deadline = deadline("everything that was written");
    let (mut x, mut y) = pair(None);
    let written = fill(&mut x);
    drop(x);
    assert_eq!(drain(&mut y), (written, None));
}

#[test]
fn k3b_closing_one_direction_first_does_not_protect_it() {
    let _deadline = deadline("a reset after one direction was closed");
    let (mut x, mut y) = pair(None);
    let written = fill(&mut x);
    x.shutdown(Shutdown::Write).expect("it is connected");
    drop(x);
    y.write_all(&[3; 10]).expect("there is room");
    is_cut_short(&mut y, written);
}

#[test]
fn k4_reading_until_the_end_before_the_close_loses_nothing_in_either_direction() {
    let _deadline = deadline("both directions to be read to their end");
    let (mut x, mut y) = pair(None);
    let (by_x, by_y) = (fill(&mut x), fill(&mut y));
    x.shutdown(Shutdown::Write).expect("it is connected");
    y.shutdown(Shutdown::Write).expect("it is connected");
    let y = std::thread::spawn(move || drain(&mut y));
    assert_eq!(drain(&mut x), (by_y, None));
    drop(x);
    assert_eq!(y.join().expect("it does not panic"), (by_x, None));
}

#[test]
fn k5_a_close_without_linger_destroys_what_had_not_arrived() {
    let _deadline = deadline("a reset of a close without linger");
    let (mut x, mut y) = pair(None);
    let written = fill(&mut x);
    reset(x);
    is_cut_short(&mut y, written);
}

/// What a shutdown relies on.
#[tokio::test]
async fn k7_nothing_is_lost_by_a_close_after_everything_is_acknowledged() {
    let _deadline = deadline("everything to be acknowledged");
    let (mut x, mut y) = with_unread_input();
    let written = fill(&mut x);
    let (_read, write) = Transport::split(registered(x.try_clone().expect("there are descriptors")));
    let reader = std::thread::spawn(move || drain(&mut y));
    x.shutdown(Shutdown::Write).expect("it is connected");
    while outstanding(&write) > 0 {
        // No event tells of an acknowledgement.
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    drop((x, write, _read));
    let (read, end) = reader.join().expect("it does not panic");
    assert_eq!(read, written, "everything had arrived, whatever comes then: {end:?}");
}

/// The number that a shutdown waits for counts bytes that have not arrived, and the end of the stream as one.
#[tokio::test]
async fn k7_what_is_outstanding_is_what_has_not_arrived_and_the_end() {
    let _deadline = deadline("segments and acknowledgements to arrive");
    let (mut x, y) = pair(None);
    let written = fill(&mut x) as u64;
    let (_read, write) = Transport::split(registered(x.try_clone().expect("there are descriptors")));
    assert!(outstanding(&write) > 0, "the queues are full");
    while outstanding(&write) + ioctl_fionread(&y).expect("it is a socket") != written {
        // Segments and acknowledgements are on their way.
        tokio::task::yield_now().await;
    }
    let before = outstanding(&write);
    x.shutdown(Shutdown::Write).expect("it is connected");
    assert_eq!(outstanding(&write), before + 1);
}

/// A shutdown that looks at this number after a reset must not find that everything has arrived.
#[tokio::test]
async fn k7_after_a_reset_what_was_outstanding_stays_so() {
    let _deadline = deadline("a reset");
    let (mut x, y) = pair(None);
    fill(&mut x);
    let (_read, write) = Transport::split(registered(x.try_clone().expect("there are descriptors")));
    reset(y);
    await_reset(&x);
    let left = tokio::net::TcpStream::into_std(write.0.reunite(_read).expect("they are one socket"));
    let left = left.expect("it is a socket");
    assert_eq!(left.take_error().expect("it is a socket").map(|error| error.kind()), RESET);
    let (_read, write) = Transport::split(registered(left));
    assert!(outstanding(&write) > 0, "with the reset itself already told");
}

/// Why none of this can be tested with sockets of the other family.
#[test]
fn sockets_of_the_unix_family_lose_nothing() {
    let _deadline = deadline("everything that was written");
    let (mut x, mut y) = UnixStream::pair().expect("there are sockets");
    y.write_all(&[1; 10]).expect("there is room");
    x.set_nonblocking(true).expect("it is a socket");
    let mut written = 0;
    while let Ok(bytes) = x.write(&[2; 4096]) {
        written += bytes;
    }
    drop(x);
    let mut read = 0;
    let mut chunk = [0; 4096];
    while let Ok(bytes @ 1..) = y.read(&mut chunk) {
        read += bytes;
    }
    assert_eq!(read, written);
}
