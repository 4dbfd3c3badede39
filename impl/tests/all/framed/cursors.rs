//! The cursors, without a driver.

use bytes::{BufMut, BytesMut};
use handfast::framed::{Error, Frame, Next, ReadCursor, Violation, WriteCursor, WriteLimits};

use super::support::{HEARTBEAT, MARKER, bytes_of, frame};

const MAX: u32 = 1000;

fn limits() -> WriteLimits {
    WriteLimits { max_frame: MAX, copied: 16, heartbeats: false }
}

fn read(cursor: &mut ReadCursor, bytes: &[u8]) {
    let mut bytes = bytes;
    while !bytes.is_empty() {
        let mut room = cursor.room();
        let count = bytes.len().min(room.remaining_mut());
        assert!(count > 0, "there is room for what is missing");
        room.put_slice(&bytes[..count]);
        cursor.filled(count);
        bytes = &bytes[count..];
    }
}

/// Everything that comes, until more bytes are needed or nothing comes any more.
fn drain(cursor: &mut ReadCursor) -> Vec<Next> {
    let mut found = Vec::new();
    loop {
        match cursor.decode() {
            Next::Incomplete(_) => return found,
            next @ (Next::Marker | Next::Broken(_)) => {
                found.push(next);
                return found;
            }
            next => found.push(next),
        }
    }
}

fn header(kind: u32, length: u32) -> [u8; 8] {
    let mut bytes = [0; 8];
    bytes[..4].copy_from_slice(&kind.to_be_bytes());
    bytes[4..].copy_from_slice(&length.to_be_bytes());
    bytes
}

/// Frames of all kinds of lengths, and the marker.
fn a_connection() -> (Vec<Frame>, Vec<u8>) {
    let frames: Vec<Frame> =
        [0, 1, 2, 7, 8, 9, 0, 0, 40].into_iter().zip(1..).map(|(len, kind)| frame(kind, len)).collect();
    let bytes = frames.iter().flat_map(bytes_of).chain(MARKER).collect();
    (frames, bytes)
}

#[test]
fn however_the_bytes_are_split_the_frames_are_the_same() {
    let (frames, bytes) = a_connection();
    let expected: Vec<Next> = frames.into_iter().map(Next::Frame).chain([Next::Marker]).collect();
    for first in 0..=bytes.len() {
        for second in first..=bytes.len() {
            let mut cursor = ReadCursor::new(MAX, false);
            let mut found = Vec::new();
            for part in [&bytes[..first], &bytes[first..second], &bytes[second..]] {
                found.pop_if(|last| *last == Next::Marker);
                read_until_the_marker(&mut cursor, part);
                found.extend(drain(&mut cursor));
            }
            assert_eq!(found, expected, "split at {first} and {second}");
        }
    }
}

/// As a driver does, which reads no more when nothing comes any more.
fn read_until_the_marker(cursor: &mut ReadCursor, bytes: &[u8]) {
    cursor.supply(BytesMut::from(bytes));
}

#[test]
fn a_frame_is_given_out_with_its_last_byte() {
    let (frames, bytes) = a_connection();
    let mut cursor = ReadCursor::new(MAX, false);
    let mut given = 0;
    let mut ends: Vec<usize> = Vec::new();
    for frame in &frames {
        ends.push(ends.last().unwrap_or(&0) + 8 + frame.payload.len());
    }
    for (index, byte) in bytes.iter().enumerate() {
        read(&mut cursor, &[*byte]);
        given += drain(&mut cursor).iter().filter(|next| matches!(next, Next::Frame(_))).count();
        assert_eq!(given, ends.iter().filter(|end| **end <= index + 1).count(), "after byte {index}");
    }
}

#[test]
fn what_is_missing_is_known_to_the_byte() {
    let mut cursor = ReadCursor::new(MAX, false);
    assert_eq!(cursor.decode(), Next::Incomplete(8));
    read(&mut cursor, &header(1, 5)[..3]);
    assert_eq!(cursor.decode(), Next::Incomplete(5));
    read(&mut cursor, &header(1, 5)[3..]);
    assert_eq!(cursor.decode(), Next::Incomplete(5));
    read(&mut cursor, b"abcd");
    assert_eq!(cursor.decode(), Next::Incomplete(1));
    read(&mut cursor, b"e");
    assert_eq!(cursor.decode(), Next::Frame(Frame::new(1, "abcde")));
}

#[test]
fn the_end_is_clean_behind_the_marker_only() {
    let (frames, bytes) = a_connection();
    let boundaries: Vec<usize> = frames
        .iter()
        .scan(0, |end, frame| {
            *end += 8 + frame.payload.len();
            Some(*end)
        })
        .chain([0])
        .collect();
    for length in 0..=bytes.len() {
        let mut cursor = ReadCursor::new(MAX, false);
        cursor.supply(BytesMut::from(&bytes[..length]));
        drain(&mut cursor);
        cursor.end(None);
        let found = cursor.decode();
        match length {
            _ if length == bytes.len() => assert_eq!(found, Next::Marker),
            _ if boundaries.contains(&length) => assert_eq!(found, Next::Broken(Error::EndedWithoutMarker)),
            _ => assert!(
                matches!(found, Next::Broken(Error::Truncated { missing }) if missing > 0),
                "{length}: {found:?}"
            ),
        }
        // It is the same each time, also if something else is said to have happened.
        cursor.fail(Error::ShutDown);
        assert_eq!(cursor.decode(), found);
    }
}

#[test]
fn what_is_known_to_have_happened_is_why_the_bytes_ended() {
    let mut cursor = ReadCursor::new(MAX, false);
    cursor.end(Some(Error::ShutDown));
    assert_eq!(cursor.decode(), Next::Broken(Error::ShutDown));
}

#[test]
fn a_peer_that_breaks_the_protocol_is_told_by_what_it_did() {
    for (bytes, violation) in [
        (header(1, MAX + 1), Violation::TooLong { length: MAX + 1, max: MAX }),
        (header(1, u32::MAX), Violation::TooLong { length: u32::MAX, max: MAX }),
        (header(1 << 28, 1), Violation::MarkerWithPayload { length: 1 }),
        (header(1 << 28, u32::MAX), Violation::MarkerWithPayload { length: u32::MAX }),
        (header((1 << 28) + 1, 0), Violation::ReservedKind { kind: (1 << 28) + 1 }),
        (header(1 << 29, 0), Violation::ReservedKind { kind: 1 << 29 }),
        (header(u32::MAX, 0), Violation::ReservedKind { kind: u32::MAX }),
    ] {
        let mut cursor = ReadCursor::new(MAX, false);
        read(&mut cursor, &bytes);
        let broken = Next::Broken(Error::Violation(violation));
        assert_eq!(cursor.decode(), broken);
        // A good frame behind it is nobody's.
        cursor.supply(BytesMut::from(&header(1, 0)[..]));
        assert_eq!(cursor.decode(), broken);
        assert_eq!(cursor.room().remaining_mut(), 0);
    }
}

#[test]
fn the_longest_frame_is_allowed() {
    let mut cursor = ReadCursor::new(MAX, false);
    let longest = frame((1 << 28) - 1, MAX as usize);
    read(&mut cursor, &bytes_of(&longest));
    assert_eq!(cursor.decode(), Next::Frame(longest));
}

#[test]
fn memory_follows_what_has_come_and_not_what_was_announced() {
    let mut cursor = ReadCursor::new(u32::MAX, false);
    assert!(cursor.room().remaining_mut() <= 16 * 1024, "nothing is known yet");
    for round in 0..3 {
        read(&mut cursor, &header(1, 8 << 20));
        let mut have = 0;
        while let Next::Incomplete(missing) = cursor.decode() {
            assert_eq!(missing, (8 << 20) - have);
            let mut room = cursor.room();
            let (free, capacity) = (room.remaining_mut(), room.get_ref().capacity());
            // Memory that an earlier frame has filled may be there still.
            assert!(round > 0 || capacity <= 2 * have + 80 * 1024, "{capacity} bytes when {have} have come");
            let count = free.min(20_000).min(missing);
            assert!(count > 0, "there is room for something");
            room.put_slice(&vec![7; count]);
            cursor.filled(count);
            have += count;
        }
        assert_eq!(have, 8 << 20);
    }
}

/// A peer that has sent a large frame, and from then on small ones or nothing.
#[test]
fn memory_that_a_large_frame_has_filled_is_given_back() {
    let mut cursor = ReadCursor::new(u32::MAX, false);
    read(&mut cursor, &bytes_of(&frame(1, 8 << 20)));
    assert!(matches!(cursor.decode(), Next::Frame(_)));
    for _ in 0..3 {
        read(&mut cursor, &bytes_of(&frame(1, 10)));
        assert!(matches!(cursor.decode(), Next::Frame(_)));
    }
    let capacity = cursor.room().get_ref().capacity();
    assert!(capacity <= 512 * 1024, "{capacity}");
}

#[test]
fn heartbeats_are_frames_where_nobody_knows_of_them() {
    let strange = header(1 << 25, 0);
    let mut cursor = ReadCursor::new(MAX, false);
    read(&mut cursor, &[HEARTBEAT, strange].concat());
    let frames = [Next::Frame(Frame::new(1 << 24, "")), Next::Frame(Frame::new(1 << 25, ""))];
    assert_eq!(drain(&mut cursor), frames);

    let mut cursor = ReadCursor::new(MAX, true);
    read(&mut cursor, &[HEARTBEAT, strange].concat());
    let violation = Error::Violation(Violation::ReservedKind { kind: 1 << 25 });
    assert_eq!(drain(&mut cursor), [Next::Heartbeat, Next::Broken(violation)]);
}

#[test]
fn memory_is_used_again_when_its_frames_are_dropped() {
    let mut cursor = ReadCursor::new(1 << 20, false);
    let bytes = bytes_of(&frame(1, 100_000));
    let mut places = std::collections::BTreeSet::new();
    for _ in 0..50 {
        read(&mut cursor, &bytes);
        let Next::Frame(frame) = cursor.decode() else { panic!("it is whole") };
        places.insert(frame.payload.as_ptr() as usize / (1 << 20));
    }
    assert!(places.len() <= 4, "{} places", places.len());
}

fn taken(cursor: &WriteCursor) -> Vec<u8> {
    cursor.pieces().flatten().copied().collect()
}

#[test]
fn however_much_is_taken_at_once_the_bytes_are_the_same() {
    let (frames, bytes) = a_connection();
    for at_once in 1..=bytes.len() {
        let mut cursor = WriteCursor::new(limits());
        frames.iter().for_each(|frame| cursor.accept(frame.clone()).expect("it is open"));
        assert!(cursor.finish());
        assert_eq!(cursor.queued(), bytes.len());
        let mut written = Vec::new();
        while cursor.queued() > 0 {
            let some: Vec<u8> = taken(&cursor).into_iter().take(at_once).collect();
            cursor.advance(some.len());
            written.extend(some);
        }
        assert_eq!(written, bytes, "{at_once} at once");
        assert_eq!(cursor.pieces().count(), 0);
    }
}

#[test]
fn frames_that_come_while_others_are_written_keep_their_order() {
    let mut cursor = WriteCursor::new(limits());
    let (mut expected, mut written) = (Vec::new(), Vec::new());
    for round in 0..2000 {
        let frame = frame(round, (round as usize * 37) % 90);
        expected.extend(bytes_of(&frame));
        cursor.accept(frame).expect("it is open");
        let some: Vec<u8> = taken(&cursor).into_iter().take(50).collect();
        cursor.advance(some.len());
        written.extend(some);
    }
    written.extend(taken(&cursor));
    assert!(written == expected);
}

#[test]
fn a_large_payload_is_written_from_where_it_is() {
    let mut cursor = WriteCursor::new(limits());
    let large = frame(1, 17);
    cursor.accept(large.clone()).expect("it is open");
    assert!(cursor.pieces().any(|piece| piece.as_ptr() == large.payload.as_ptr()));
    cursor.accept(frame(2, 16)).expect("it is open");
    cursor.accept(frame(3, 16)).expect("it is open");
    assert_eq!(cursor.pieces().count(), 3, "header, payload, and two small frames in one piece");
}

#[test]
fn a_frame_that_may_not_be_written_changes_nothing() {
    let mut cursor = WriteCursor::new(limits());
    let long = Error::FrameTooLong { length: MAX as usize + 1, max: MAX };
    assert_eq!(cursor.accept(frame(1, MAX as usize + 1)), Err(long));
    for kind in [1 << 28, 1 << 31, (1 << 28) + 5] {
        assert_eq!(cursor.accept(Frame::new(kind, "")), Err(Error::KindReserved { kind }));
    }
    assert_eq!(cursor.queued(), 0);
    assert_eq!(cursor.accept(Frame::new(1 << 24, "")), Ok(()), "there are no heartbeats here");

    let mut cursor = WriteCursor::new(WriteLimits { heartbeats: true, ..limits() });
    assert_eq!(cursor.accept(Frame::new(1 << 24, "")), Err(Error::KindReserved { kind: 1 << 24 }));
    assert_eq!(cursor.accept_heartbeat(), Ok(()));
    assert_eq!(taken(&cursor), HEARTBEAT);
}

#[test]
fn nothing_is_accepted_behind_the_marker() {
    let mut cursor = WriteCursor::new(limits());
    cursor.accept(frame(1, 3)).expect("it is open");
    assert!(cursor.finish());
    assert!(!cursor.finish(), "there is one marker");
    assert_eq!(cursor.accept(frame(2, 3)), Err(Error::ShutDown));
    assert_eq!(cursor.accept_heartbeat(), Err(Error::ShutDown));
    assert_eq!(taken(&cursor), [bytes_of(&frame(1, 3)), MARKER.to_vec()].concat());
}

#[test]
fn no_byte_follows_a_failure() {
    let mut cursor = WriteCursor::new(limits());
    cursor.accept(frame(1, 30)).expect("it is open");
    cursor.advance(13);
    cursor.fail(Error::ShutDown);
    cursor.fail(Error::DeadlineExceeded);
    assert_eq!(cursor.pieces().count(), 0);
    assert_eq!(cursor.queued(), 25, "and it is known how much was not written");
    assert_eq!(cursor.accept(frame(2, 3)), Err(Error::ShutDown), "the first reason stays");
    assert!(!cursor.finish());
    assert_eq!(cursor.pieces().count(), 0);
}
