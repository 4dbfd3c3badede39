//! Operations that are dropped at every point at which they wait: each is polled so many times, for every number of times
//! that it can be, then dropped, and then the connection is used on as if nothing had happened.
//!
//! The wire takes and delivers few bytes at a time, so that the points are everywhere within headers and payloads. Whoever
//! waits is woken by the wire or by nobody: a waker that went with the dropped operation fails the test.

use std::sync::Mutex;
use std::time::Duration;

use handfast::framed::{Config, Error, Outcome};
use tokio::time::sleep;

use crate::framed::chopping::{CHOPS, Wire, all_bytes, for_every_number_of_polls, frames, in_time, polled};
use crate::framed::support::{MARKER, bytes_of, frame, within};

/// What else is called when an operation was dropped.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Next {
    Write,
    Flush,
    Shutdown,
}

#[tokio::test(start_paused = true)]
async fn a_read_that_is_dropped_anywhere_loses_no_byte() {
    for chop in CHOPS {
        let points = for_every_number_of_polls(async |times| {
            let (mut connection, wire) = Wire::new(chop, Config::default());
            wire.peer.send(&[all_bytes(&frames()), MARKER.to_vec()].concat());
            wire.peer.finish();
            let mut given = Vec::new();
            // Polls go on being counted where one read has ended and the next begins.
            let mut reads = async || {
                while let Some(frame) = connection.read().await.expect("the peer ends in order") {
                    given.push(frame);
                }
            };
            let is_dropped = in_time(polled(times, reads())).await.is_none();
            if is_dropped {
                in_time(reads()).await;
            }
            assert_eq!(given, frames(), "dropped after {times} polls, {chop} bytes at a time");
            is_dropped
        });
        let points = points.await;
        println!("{chop} bytes at a time: {points} points");
        assert!(points > all_bytes(&frames()).len() / chop, "there are points everywhere");
    }
}

/// A read that is dropped after every single poll comes to the same, only later.
#[tokio::test(start_paused = true)]
async fn reads_that_are_all_dropped_come_to_the_end() {
    for chop in CHOPS {
        let (mut connection, wire) = Wire::new(chop, Config::default());
        wire.peer.send(&[all_bytes(&frames()), MARKER.to_vec()].concat());
        let mut given = Vec::new();
        let all = async {
            loop {
                match polled(1, connection.read()).await {
                    Some(frame) => match frame.expect("the peer ends in order") {
                        Some(frame) => given.push(frame),
                        None => break,
                    },
                    None => sleep(Duration::from_millis(1)).await,
                }
            }
        };
        in_time(all).await;
        assert_eq!(given, frames());
    }
}

#[tokio::test(start_paused = true)]
async fn a_write_that_is_dropped_anywhere_is_written_whole_or_not_at_all() {
    for (chop, next) in
        CHOPS.into_iter().flat_map(|chop| [Next::Write, Next::Flush, Next::Shutdown].map(|it| (chop, it)))
    {
        let (accepted, refused) = (Mutex::new(0), Mutex::new(0));
        // Only a little is gathered, so that there are writes that wait to be accepted.
        let config = Config::default().with_write_buffer(1);
        for cut in 0..frames().len() {
            let points = for_every_number_of_polls(async |times| {
                let (mut connection, wire) = Wire::new(chop, config.clone());
                let (before, after) = (&frames()[..cut], &frames()[cut + 1..]);
                for frame in before {
                    connection.feed(frame.clone()).await.expect("the connection is sound");
                }
                let offered = frames()[cut].clone();
                let is_dropped = in_time(polled(times, connection.write(offered))).await.is_none();
                let so_far = wire.handed() + connection.writer().queued();
                let without = all_bytes(before).len();
                let is_accepted = so_far == all_bytes(&frames()[..=cut]).len();
                assert!(is_accepted || so_far == without, "a part of a frame is owned: {so_far} bytes");
                assert!(is_dropped || is_accepted);
                *if is_accepted { &accepted } else { &refused }.lock().expect("it is only counted") += 1;
                let mut expected = frames()[..cut + usize::from(is_accepted)].to_vec();
                match next {
                    Next::Write => {
                        for frame in after {
                            in_time(connection.write(frame.clone())).await.expect("the connection is sound");
                        }
                        expected.extend_from_slice(after);
                    }
                    Next::Flush => in_time(connection.flush()).await.expect("the connection is sound"),
                    Next::Shutdown => {}
                }
                if next == Next::Flush || next == Next::Write && !after.is_empty() {
                    assert_eq!(wire.handed(), all_bytes(&expected).len(), "what was flushed is with the wire");
                }
                assert_eq!(in_time(connection.shutdown(within(300))).await, Outcome::Clean);
                let expected = [all_bytes(&expected), MARKER.to_vec()].concat();
                assert_eq!(wire.came(), expected, "frame {cut} dropped after {times} polls, then {next:?}");
                is_dropped
            });
            points.await;
        }
        let (accepted, refused) = (accepted.into_inner(), refused.into_inner());
        println!("{chop} bytes at a time, then {next:?}: accepted {accepted:?} times, not accepted {refused:?} times");
        assert!(accepted.is_ok_and(|times| times > 0) && refused.is_ok_and(|times| times > 0), "both must happen");
    }
}

#[tokio::test(start_paused = true)]
async fn a_feed_that_is_dropped_has_accepted_nothing() {
    for chop in CHOPS {
        let config = Config::default().with_write_buffer(1);
        let points = for_every_number_of_polls(async |times| {
            let (mut connection, wire) = Wire::new(chop, config.clone());
            let [first, second] = [frame(1, 7), frame(2, 7)];
            connection.feed(first.clone()).await.expect("the connection is sound");
            let is_dropped = in_time(polled(times, connection.feed(second.clone()))).await.is_none();
            let so_far = wire.handed() + connection.writer().queued();
            if is_dropped {
                assert_eq!(so_far, bytes_of(&first).len(), "dropped after {times} polls");
                in_time(connection.feed(second.clone())).await.expect("the connection is sound");
            }
            assert_eq!(in_time(connection.shutdown(within(300))).await, Outcome::Clean);
            assert_eq!(wire.came(), [bytes_of(&first), bytes_of(&second), MARKER.to_vec()].concat());
            is_dropped
        });
        assert!(points.await > 1, "it waits");
    }
}

#[tokio::test(start_paused = true)]
async fn a_flush_that_is_dropped_anywhere_goes_on_with_the_next() {
    for chop in CHOPS {
        let points = for_every_number_of_polls(async |times| {
            let (mut connection, wire) = Wire::new(chop, Config::default());
            for frame in frames() {
                connection.feed(frame).await.expect("the connection is sound");
            }
            let is_dropped = in_time(polled(times, connection.flush())).await.is_none();
            in_time(connection.flush()).await.expect("the connection is sound");
            assert_eq!(wire.handed(), all_bytes(&frames()).len());
            sleep(Duration::from_secs(1)).await;
            assert_eq!(wire.came(), all_bytes(&frames()), "dropped after {times} polls, {chop} bytes at a time");
            is_dropped
        });
        let points = points.await;
        println!("{chop} bytes at a time: {points} points");
        assert!(points > 2);
    }
}

/// All the while the peer's frames are read ahead for a reader that reads when all is over.
#[tokio::test(start_paused = true)]
async fn a_shutdown_that_is_dropped_anywhere_goes_on_with_the_next() {
    for chop in CHOPS {
        let points = for_every_number_of_polls(async |times| {
            let (mut connection, wire) = Wire::new(chop, Config::default());
            wire.peer.send(&[all_bytes(&frames()), MARKER.to_vec()].concat());
            for frame in frames() {
                connection.feed(frame).await.expect("the connection is sound");
            }
            let (mut reader, mut writer) = connection.into_split();
            let first = in_time(polled(times, writer.shutdown(within(300)))).await;
            let refused = writer.feed(frame(9, 3)).await;
            if times > 0 {
                assert_eq!(refused, Err(Error::ShutDown), "it has begun with its first poll");
            }
            let expected = if times > 0 { frames() } else { [frames(), vec![frame(9, 3)]].concat() };
            assert_eq!(in_time(writer.shutdown(within(900))).await, Outcome::Clean);
            assert!(first.is_none_or(Outcome::is_clean), "the first outcome is everybody's");
            let expected = [all_bytes(&expected), MARKER.to_vec()].concat();
            assert_eq!(wire.came(), expected, "dropped after {times} polls, {chop} bytes at a time");
            for frame in frames() {
                assert_eq!(in_time(reader.read()).await, Ok(Some(frame)));
            }
            assert_eq!(in_time(reader.read()).await, Ok(None));
            first.is_none()
        });
        let points = points.await;
        println!("{chop} bytes at a time: {points} points");
        assert!(points > 2);
    }
}

/// Without a next shutdown the rest is not done; who reads, and who asks later, is told at the deadline that was given.
#[tokio::test(start_paused = true)]
async fn the_deadline_of_a_shutdown_that_is_dropped_anywhere_stays() {
    for chop in CHOPS {
        let points = for_every_number_of_polls(async |times| {
            let (mut connection, wire) = Wire::new(chop, Config::default());
            // It takes no more than this of what was fed, so that no shutdown comes to its end.
            wire.peer.ours.get().receive_room = 0;
            for frame in frames() {
                connection.feed(frame).await.expect("the connection is sound");
            }
            let begin = tokio::time::Instant::now();
            let (mut reader, mut writer) = connection.into_split();
            let first = in_time(polled(times, writer.shutdown(within(3)))).await;
            if times > 0 {
                assert_eq!(in_time(reader.read()).await, Err(Error::DeadlineExceeded));
                assert_eq!(begin.elapsed().as_secs(), 3, "dropped after {times} polls");
            }
            let later = in_time(writer.shutdown(within(500))).await;
            assert!(matches!(later, Outcome::DeadlineExceeded { .. }), "{later}");
            assert_eq!(begin.elapsed().as_secs(), if times > 0 { 3 } else { 500 }, "a deadline can only shrink");
            first.is_none()
        });
        assert!(points.await > 1);
    }
}
