//! The decoder against whatever comes. A failure prints what replays it.

use bytes::{BufMut, BytesMut};
use handfast::framed::{Error, Frame, Next, ReadCursor};
use proptest::collection::vec;
use proptest::prelude::*;

use super::support::{MARKER, bytes_of};

const MAX: u32 = 4096;

/// Feeds bytes in pieces, as a driver does, and says what came and how much memory was asked for at the most.
fn decode(bytes: &[u8], pieces: &[usize], heartbeats: bool) -> (Vec<Next>, usize) {
    let mut cursor = ReadCursor::new(MAX, heartbeats);
    let (mut found, mut most) = (Vec::new(), 0);
    let mut left = bytes;
    let mut pieces = pieces.iter().copied().cycle();
    while !left.is_empty() {
        let piece = pieces.next().unwrap_or(1).clamp(1, left.len());
        let mut room = cursor.room();
        most = most.max(room.get_ref().capacity());
        let count = piece.min(room.remaining_mut());
        if count == 0 {
            return (found, most);
        }
        room.put_slice(&left[..count]);
        cursor.filled(count);
        left = &left[count..];
        loop {
            match cursor.decode() {
                Next::Incomplete(missing) => {
                    assert!(missing > 0);
                    break;
                }
                end @ (Next::Marker | Next::Broken(_)) => {
                    assert_eq!(cursor.decode(), end, "an end stays");
                    found.push(end);
                    break;
                }
                next => found.push(next),
            }
        }
    }
    cursor.end(None);
    match cursor.decode() {
        Next::Broken(error @ (Error::Truncated { .. } | Error::EndedWithoutMarker)) => found.push(Next::Broken(error)),
        Next::Marker | Next::Broken(_) => {}
        next => panic!("{next:?} after the end"),
    }
    (found, most)
}

fn frames() -> impl Strategy<Value = Vec<Frame>> {
    let frame = (0u32..1 << 24, prop_oneof![vec(any::<u8>(), 0..20), vec(any::<u8>(), 0..MAX as usize)]);
    vec(frame.prop_map(|(kind, payload)| Frame::new(kind, payload)), 0..20)
}

fn pieces() -> impl Strategy<Value = Vec<usize>> {
    vec(prop_oneof![1usize..12, 1usize..9000], 1..20)
}

/// Headers that nobody should send, between some that may be sent.
fn hostile() -> impl Strategy<Value = Vec<u8>> {
    let kind = prop_oneof![any::<u32>(), 0u32..4, Just(1 << 28), Just(1 << 24), Just(u32::MAX)];
    let length = prop_oneof![any::<u32>(), 0u32..40, Just(MAX), Just(MAX + 1), Just(u32::MAX)];
    let header = (kind, length).prop_map(|(kind, length)| [kind.to_be_bytes(), length.to_be_bytes()].concat());
    vec(prop_oneof![header, vec(any::<u8>(), 0..50)], 0..12).prop_map(|parts| parts.concat())
}

/// Where there is always more to read, a frame is seldom worth a read of its own, whatever its length.
#[test]
fn several_frames_are_read_at_once() {
    for length in (0..=32 * 1024).step_by(3000).chain([16 * 1024, 16 * 1024 - 8, 32 * 1024]) {
        let mut cursor = ReadCursor::new(64 * 1024, false);
        let bytes = bytes_of(&Frame::new(1, vec![7; length]));
        let mut at = 0;
        let (mut frames, mut reads) = (0, 0);
        while frames < 500 {
            match cursor.decode() {
                Next::Frame(_) => frames += 1,
                Next::Incomplete(_) => {
                    let mut room = cursor.room();
                    let offered = room.remaining_mut();
                    while room.has_remaining_mut() {
                        let some = (bytes.len() - at).min(room.remaining_mut());
                        room.put_slice(&bytes[at..at + some]);
                        at = (at + some) % bytes.len();
                    }
                    cursor.filled(offered);
                    reads += 1;
                }
                next => panic!("{next:?}"),
            }
        }
        assert!(reads * 5 < frames, "{reads} reads of {frames} frames of {length} bytes");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_was_written_is_what_is_read_however_it_is_split(frames in frames(), pieces in pieces(), heartbeats: bool) {
        let mut bytes: Vec<u8> = frames.iter().flat_map(bytes_of).collect();
        bytes.extend(MARKER);
        let (found, most) = decode(&bytes, &pieces, heartbeats);
        let expected: Vec<Next> = frames.into_iter().map(Next::Frame).chain([Next::Marker]).collect();
        prop_assert_eq!(found, expected);
        prop_assert!(most <= 1024 * 1024, "{} bytes of memory", most);
    }

    #[test]
    fn a_truncated_stream_gives_a_prefix_and_says_so(frames in frames(), pieces in pieces(), at in any::<prop::sample::Index>()) {
        let bytes: Vec<u8> = frames.iter().flat_map(bytes_of).collect();
        let length = at.index(bytes.len() + 1);
        let (mut found, _) = decode(&bytes[..length], &pieces, false);
        let end = found.pop();
        prop_assert!(matches!(end, Some(Next::Broken(_))), "{:?}", end);
        prop_assert!(found.len() <= frames.len());
        prop_assert!(found.iter().zip(&frames).all(|(next, frame)| *next == Next::Frame(frame.clone())));
    }

    #[test]
    fn garbage_does_no_harm(bytes in hostile(), pieces in pieces(), heartbeats: bool) {
        let (found, most) = decode(&bytes, &pieces, heartbeats);
        prop_assert!(most <= 1024 * 1024, "{} bytes of memory", most);
        let ends = found.iter().filter(|next| matches!(next, Next::Marker | Next::Broken(_))).count();
        prop_assert!(ends <= 1, "{:?}", found);
        for next in &found {
            if let Next::Frame(frame) = next {
                prop_assert!(frame.payload.len() <= MAX as usize);
                prop_assert_eq!(frame.kind >> 28, 0);
            }
        }
        // Whatever it is, it does not depend on how it comes.
        let mut whole = ReadCursor::new(MAX, heartbeats);
        whole.supply(BytesMut::from(&bytes[..]));
        for next in &found {
            if !matches!(next, Next::Broken(Error::Truncated { .. } | Error::EndedWithoutMarker)) {
                prop_assert_eq!(&whole.decode(), next);
            }
        }
    }
}
